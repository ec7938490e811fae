/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include <gnomon/version.h>

#include "nsm.h"
#include "tools/config/config.h"
#include "tools/log/say.h"

/* linuxptp's -1, as the shell sees it. */
#define DROP_IN_FAILED 255

/* How long linuxptp's nsm waits for an answer. */
#define DROP_IN_WAIT_MS 100
#define NATIVE_WAIT_MS 1000

#define OPTION_JSON 1

struct cli {
	struct say say;
	struct conf_request request;
	struct nsm *nsm;
	bool json;
	int timeout_ms;
	char server[65];    /* asked last */
	char line[1024];    /* of the standard input, so far: */
	size_t len;
	bool input_ended;
};

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = catch };

	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGQUIT, &action, NULL);
}

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options]\n\n"
		" -f [file] read configuration from 'file'\n"
		" -h        prints this message and exits\n"
		" -i [dev]  interface device to use\n"
		" -v        prints the software version and exits\n\n",
		program);
}

static void print_help(void)
{
	printf("usage: gnomon nsm [OPTION]... -i INTERFACE SERVER...\n\n"
	       "Measure how far this machine's clock is from that of each server (an address of\n"
	       "the transport), and print what the server says of itself. The server has to have\n"
	       "net_sync_monitor enabled.\n\n"
	       "  -i INTERFACE    the interface to ask from\n"
	       "  -t MS           wait so long for an answer (%d)\n"
	       "  --json          print a JSON object per server\n"
	       "  -f FILE         read configuration from FILE, see gnomon.conf(5)\n"
	       "  --KEY=VALUE     any key of the configuration file, such as network_transport,\n"
	       "                  time_stamping, domainNumber\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon nsm -i eth0 192.0.2.1 192.0.2.2\n",
	       NATIVE_WAIT_MS);
}

/* -- asking ----------------------------------------------------------------------------------- */

static void print_result(const struct cli *cli, const struct nsm_status *status,
			 const struct nsm_result *result)
{
	if (cli->json) {
		nsm_print_json(stdout, cli->server, status, result);
	} else {
		nsm_print(stdout, status, result);
	}
}

/* Wait for the answer. 1: it came; 0: it did not; -errno. */
static int await(struct cli *cli)
{
	struct nsm_status status;
	struct nsm_result result;
	int r = nsm_wait(cli->nsm, -1, cli->timeout_ms, &status, &result);

	if (r == 1) {
		print_result(cli, &status, &result);
	}
	nsm_forget(cli->nsm);
	return r;
}

static const char *bad_address(const struct conf *conf)
{
	switch ((enum conf_transport)conf->ports[0].conf.network_transport) {
	case CONF_NET_L2:
		return "bad Layer-2 address";
	case CONF_NET_UDPV4:
		return "bad IPv4 address";
	case CONF_NET_UDPV6:
		break;
	}
	return "bad IPv6 address";
}

static int ask(struct cli *cli, const struct conf *conf, const char *server)
{
	int err = nsm_ask(cli->nsm, server);

	snprintf(cli->server, sizeof(cli->server), "%s", server);
	if (err == -EINVAL) {
		say(&cli->say, LOG_ERR, cli->say.drop_in ? "%s" : "%s: %s", bad_address(conf),
		    server);
	} else if (err) {
		say(&cli->say, LOG_ERR, "%s: cannot send to it: %s", server,
		    driver_strerror(err));
	}
	return err;
}

/* One server after the other. */
static int run_native(struct cli *cli, const struct conf *conf, char **servers)
{
	int status = COMMAND_GOOD;

	for (; *servers && !caught; servers++) {
		int r = ask(cli, conf, *servers);

		if (r == -EINVAL) {
			return COMMAND_USAGE;
		}
		r = r ? r : await(cli);
		if (r == 0) {
			say(&cli->say, LOG_ERR,
			    "%s: no answer; does it have net_sync_monitor enabled, and our "
			    "domain?",
			    *servers);
		}
		status = r == 1 ? status : COMMAND_RUNTIME;
	}
	return status;
}

/* -- nsm's commands --------------------------------------------------------------------------- */

static void print_commands(void)
{
	printf("\tSend a NetSync Monitor request to a specific port address:\n\n"
	       "\tNSM 111.222.333.444\n"
	       "\tNSM aa:bb:cc:dd:ee:ff\n\n");
	fflush(stdout);
}

/* Words may be shortened: "n 10.0.0.1". */
static void do_command(struct cli *cli, const struct conf *conf, const char *command)
{
	char action[11] = "";
	char server[65] = "";

	if (strncasecmp(command, "HELP", strlen(command)) == 0) {
		print_commands();
		return;
	}
	if (sscanf(command, " %10s %64s", action, server) != 2 ||
	    strncasecmp(action, "NSM", strlen(action)) != 0) {
		say(&cli->say, LOG_ERR, "bad command: %s", command);
		say(&cli->say, LOG_ERR, "command failed");
	} else if (ask(cli, conf, server)) {
		say(&cli->say, LOG_ERR, "command failed");
	}
}

/* The next line of the input, if a whole one is there. */
static bool next_line(struct cli *cli, char line[1024])
{
	char *end = memchr(cli->line, '\n', cli->len);
	size_t len;

	if (!end && cli->len == sizeof(cli->line)) {
		end = cli->line + cli->len - 1; /* a line too long is cut */
	}
	if (!end) {
		return false;
	}
	len = (size_t)(end - cli->line);
	memcpy(line, cli->line, len);
	line[len] = '\0';
	cli->len -= len + 1;
	memmove(cli->line, end + 1, cli->len);
	return true;
}

static void read_input(struct cli *cli)
{
	ssize_t n = read(STDIN_FILENO, cli->line + cli->len, sizeof(cli->line) - cli->len);

	if (n > 0) {
		cli->len += (size_t)n;
	} else if (n == 0 || errno != EINTR) {
		cli->input_ended = true;
	}
}

/* A request has so long, then the next line has its turn. */
static void run_lines(struct cli *cli, const struct conf *conf)
{
	char line[1024];

	while (!caught) {
		struct nsm_status status;
		struct nsm_result result;

		if (nsm_waiting(cli->nsm)) {
			(void)await(cli);
		} else if (next_line(cli, line)) {
			if (strlen(line) > 0) {
				do_command(cli, conf, line);
			}
		} else if (cli->input_ended) {
			return;
		} else if (nsm_wait(cli->nsm, STDIN_FILENO, -1, &status, &result) == 2) {
			read_input(cli);
		}
	}
}

static int run_drop_in(struct cli *cli, const struct conf *conf, char **commands)
{
	if (!*commands) {
		run_lines(cli, conf);
		return COMMAND_GOOD;
	}
	for (; *commands && !caught; commands++) {
		do_command(cli, conf, *commands);
		if (nsm_waiting(cli->nsm)) {
			(void)await(cli);
		}
	}
	return COMMAND_GOOD;
}

/* -- options ---------------------------------------------------------------------------------- */

static int complain(const struct cli *cli, const char *text, int status)
{
	say(&cli->say, LOG_ERR, "%s", text);
	return cli->say.drop_in ? DROP_IN_FAILED : status;
}

/* One option: -1 to go on, else the exit status. */
static int take_option(struct cli *cli, int c, const char *name)
{
	struct conf_error error = { "" };

	switch (c) {
	case CONF_OPTION_KEY:
		return conf_request_key(&cli->request, name, optarg, &error) ?
			       complain(cli, error.text, COMMAND_USAGE) :
			       -1;
	case 'i':
		return conf_request_section(&cli->request, optarg, &error) ?
			       complain(cli, error.text, COMMAND_USAGE) :
			       -1;
	case OPTION_JSON:
		cli->json = true;
		return -1;
	case 't':
		return say_parse_int(&cli->say, 't', optarg, 1, 3600000, &cli->timeout_ms) ?
			       COMMAND_USAGE :
			       -1;
	case 'f':
		cli->request.file = optarg;
		return -1;
	case 'v':
		printf("%s%s\n", cli->say.drop_in ? "" : "gnomon ", GNOMON_VERSION_STRING);
		return COMMAND_GOOD;
	case 'h':
		if (cli->say.drop_in) {
			print_usage(stderr, cli->say.program);
		} else {
			print_help();
		}
		return COMMAND_GOOD;
	default:
		if (cli->say.drop_in) {
			print_usage(stderr, cli->say.program);
		}
		return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
	}
}

static int parse_options(struct cli *cli, int argc, char **argv)
{
	static const struct option own[] = { { "json", no_argument, NULL, OPTION_JSON },
					     { "help", no_argument, NULL, 'h' },
					     { "version", no_argument, NULL, 'v' },
					     { NULL, 0, NULL, 0 } };
	const char *letters = cli->say.drop_in ? "f:hi:v" : "f:hi:t:v";
	struct option *names = conf_long_options(cli->say.drop_in ? NULL : own);
	int status = -1;
	int index = 0;
	int c;

	if (!names) {
		return complain(cli, "no memory", COMMAND_RUNTIME);
	}
	while (status < 0 && (c = getopt_long(argc, argv, letters, names, &index)) != -1) {
		status = take_option(cli, c, names[index].name);
	}
	free(names);
	return status;
}

static int run(struct cli *cli, const struct conf *conf, char **words)
{
	struct driver_error error = { "" };
	int status;
	int err;

	cli->say.level = conf->logging_level;
	cli->say.tag = conf->message_tag;
	if (!cli->say.drop_in && !*words) {
		return complain(cli, "no server to ask; give its address (--help)", COMMAND_USAGE);
	}
	err = nsm_open(&cli->nsm, conf, &error);
	if (err) {
		return complain(cli, error.text, err == -EINVAL ? COMMAND_USAGE : COMMAND_RUNTIME);
	}
	catch_signals();
	status = cli->say.drop_in ? run_drop_in(cli, conf, words) : run_native(cli, conf, words);
	nsm_close(cli->nsm);
	return status;
}

int nsm_main(int argc, char **argv, bool drop_in)
{
	struct cli cli = {
		.say = say_as(say_base_name(argv[0]), drop_in),
		.timeout_ms = drop_in ? DROP_IN_WAIT_MS : NATIVE_WAIT_MS,
	};
	struct conf_error error = { "" };
	struct conf conf;
	int status;

	cli.say.use_syslog = false;
	status = parse_options(&cli, argc, argv);
	if (status < 0 && (conf_init_tool(&conf, !drop_in) != 0 ||
			   conf_request_load(&cli.request, &conf, &error) != 0)) {
		status = complain(&cli, error.text[0] ? error.text : "no memory", COMMAND_USAGE);
		conf_finish(&conf);
	} else if (status < 0) {
		status = run(&cli, &conf, argv + optind);
		conf_finish(&conf);
	}
	conf_request_finish(&cli.request);
	return status;
}
