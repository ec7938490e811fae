/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include "nsm.h"
#include "tools/cli/cli.h"
#include "tools/cli/stop.h"

/* How long linuxptp's nsm waits for an answer. */
#define DROP_IN_WAIT_MS 100
#define NATIVE_WAIT_MS 1000

#define OPTION_JSON CLI_OWN

struct asker {
	struct cli cli;
	struct nsm *nsm;
	bool json;
	int timeout_ms;
	char server[65];    /* asked last */
	char line[1024];    /* of the standard input, so far: */
	size_t len;
	bool input_ended;
};

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

static void print_result(const struct asker *a, const struct nsm_status *status,
			 const struct nsm_result *result)
{
	if (a->json) {
		nsm_print_json(stdout, a->server, status, result);
	} else {
		nsm_print(stdout, status, result);
	}
}

/* Wait for the answer. 1: it came; 0: it did not; -errno. */
static int await(struct asker *a)
{
	struct nsm_status status;
	struct nsm_result result;
	int r = nsm_wait(a->nsm, -1, a->timeout_ms, &status, &result);

	if (r == 1) {
		print_result(a, &status, &result);
	}
	nsm_forget(a->nsm);
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

static int ask(struct asker *a, const struct conf *conf, const char *server)
{
	int err = nsm_ask(a->nsm, server);

	snprintf(a->server, sizeof(a->server), "%s", server);
	if (err == -EINVAL && a->cli.say.drop_in) {
		say(&a->cli.say, LOG_ERR, "%s", bad_address(conf));
	} else if (err == -EINVAL) {
		(void)cli_fail(&a->cli, COMMAND_USAGE,
			       "%s: %s; correct it, or say --network_transport=L2, UDPv4 or UDPv6",
			       server, bad_address(conf));
	} else if (err) {
		say(&a->cli.say, LOG_ERR, "%s: cannot send to it: %s", server,
		    driver_strerror(err));
	}
	return err;
}

/* One server after the other. */
static int run_native(struct asker *a, const struct conf *conf, char **servers)
{
	int status = COMMAND_GOOD;

	for (; *servers && !stop_signal(); servers++) {
		int r = ask(a, conf, *servers);

		if (r == -EINVAL) {
			return COMMAND_USAGE;
		}
		r = r ? r : await(a);
		if (r == 0) {
			say(&a->cli.say, LOG_ERR,
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
static void do_command(struct asker *a, const struct conf *conf, const char *command)
{
	char action[11] = "";
	char server[65] = "";

	if (strncasecmp(command, "HELP", strlen(command)) == 0) {
		print_commands();
		return;
	}
	if (sscanf(command, " %10s %64s", action, server) != 2 ||
	    strncasecmp(action, "NSM", strlen(action)) != 0) {
		say(&a->cli.say, LOG_ERR, "bad command: %s", command);
		say(&a->cli.say, LOG_ERR, "command failed");
	} else if (ask(a, conf, server)) {
		say(&a->cli.say, LOG_ERR, "command failed");
	}
}

/* The next line of the input, if a whole one is there. */
static bool next_line(struct asker *a, char line[1024])
{
	char *end = memchr(a->line, '\n', a->len);
	size_t len;

	if (!end && a->len == sizeof(a->line)) {
		end = a->line + a->len - 1; /* a line too long is cut */
	}
	if (!end) {
		return false;
	}
	len = (size_t)(end - a->line);
	memcpy(line, a->line, len);
	line[len] = '\0';
	a->len -= len + 1;
	memmove(a->line, end + 1, a->len);
	return true;
}

static void read_input(struct asker *a)
{
	ssize_t n = read(STDIN_FILENO, a->line + a->len, sizeof(a->line) - a->len);

	if (n > 0) {
		a->len += (size_t)n;
	} else if (n == 0 || errno != EINTR) {
		a->input_ended = true;
	}
}

/* A request has so long, then the next line has its turn. */
static void run_lines(struct asker *a, const struct conf *conf)
{
	char line[1024];

	while (!stop_signal()) {
		struct nsm_status status;
		struct nsm_result result;

		if (nsm_waiting(a->nsm)) {
			(void)await(a);
		} else if (next_line(a, line)) {
			if (strlen(line) > 0) {
				do_command(a, conf, line);
			}
		} else if (a->input_ended) {
			return;
		} else if (nsm_wait(a->nsm, STDIN_FILENO, -1, &status, &result) == 2) {
			read_input(a);
		}
	}
}

static int run_drop_in(struct asker *a, const struct conf *conf, char **commands)
{
	if (!*commands) {
		run_lines(a, conf);
		return COMMAND_GOOD;
	}
	for (; *commands && !stop_signal(); commands++) {
		do_command(a, conf, *commands);
		if (nsm_waiting(a->nsm)) {
			(void)await(a);
		}
	}
	return COMMAND_GOOD;
}

/* -- options ---------------------------------------------------------------------------------- */

static int take_option(void *own, int option, const char *value)
{
	struct asker *a = own;

	switch (option) {
	case 'i':
		return cli_section(&a->cli, value);
	case 't':
		return cli_int(&a->cli, 't', value, 1, 3600000, &a->timeout_ms);
	default:
		a->json = true;
		return CLI_GO_ON;
	}
}

static int run(void *own, const struct conf *conf, char **words)
{
	struct asker *a = own;
	struct driver_error error = { "" };
	int status;
	int err;

	if (!a->cli.say.drop_in && !*words) {
		return cli_fail(&a->cli, COMMAND_USAGE,
				"no server to ask; give its address (--help)");
	}
	if (!a->cli.say.drop_in && conf->port_count != 1) {
		return cli_fail(&a->cli, COMMAND_USAGE,
				"%zu interfaces to ask from; name one, with -i (--help)",
				conf->port_count);
	}
	err = nsm_open(&a->nsm, conf, &error);
	if (err) {
		return cli_fail(&a->cli, err == -EINVAL ? COMMAND_USAGE : COMMAND_RUNTIME, "%s",
				error.text);
	}
	stop_catch();
	status = a->cli.say.drop_in ? run_drop_in(a, conf, words) : run_native(a, conf, words);
	nsm_close(a->nsm);
	return status;
}

int nsm_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = { { "json", no_argument, NULL, OPTION_JSON },
					       CLI_LONG_OPTIONS };
	static const struct cli_program program = {
		.letters = ":f:hi:t:v",
		.drop_in_letters = "f:hi:v",
		.names = names,
		.configured = true,
		.takes_words = true,
		.drop_in_failed = CLI_DROP_IN_FAILED,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
	};
	struct asker a = { .timeout_ms = drop_in ? DROP_IN_WAIT_MS : NATIVE_WAIT_MS };

	cli_init(&a.cli, &program, &a, argv[0], drop_in);
	a.cli.say.use_syslog = false;
	return cli_run(&a.cli, argc, argv, run);
}
