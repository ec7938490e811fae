/* SPDX-License-Identifier: BSD-2-Clause */
#include "tz2alt.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <gnomon/version.h>

#include "tools/config/config.h"
#include "tools/log/say.h"
#include "tools/manage/client.h"

#include "zone.h"

/* linuxptp's -1, as the shell sees it. */
#define DROP_IN_FAILED 255

#define OPTION_ONCE 1

/* A daemon that was started anew has forgotten what it was told: natively it is told often. */
#define DROP_IN_PERIOD 3600
#define NATIVE_PERIOD 60
#define DEFAULT_WINDOW (3600 * 24 * 90)
#define DEFAULT_ZONE "PST8PDT"

#define ANSWER_MS 1000

struct cli {
	struct say say;
	struct conf_request request;
	const char *zone;
	bool once;
	int key;
	int period;
	int window;
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
	(void)sigaction(SIGHUP, &action, NULL);
}

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options]\n\n"
		" -f [file] read configuration from 'file'\n"
		" -h        prints this message and exits\n"
		" -k [num]  key field for the ALTERNATE_TIME_OFFSET_INDICATOR TLV\n"
		" -l [num]  set the logging level to 'num'\n"
		" -p [num]  period between updates in seconds, default %d\n"
		" -v        prints the software version and exits\n"
		" -w [num]  look ahead time window in seconds, default %d\n"
		" -z zone   Time zone string, default '%s'\n"
		"           See /usr/share/zoneinfo for valid strings\n\n",
		program, DROP_IN_PERIOD, DEFAULT_WINDOW, DEFAULT_ZONE);
}

static void print_help(void)
{
	printf("usage: gnomon tz2alt [OPTION]... -z ZONE\n\n"
	       "Tell the PTP daemon of this machine a time zone's offset from TAI and its next\n"
	       "change, to be announced to its clients.\n\n"
	       "  -z ZONE         a name of the tz database, such as Europe/Vienna\n"
	       "  -k KEY          which of the daemon's zones it is: 0 to %d\n"
	       "  -w SECONDS      how far ahead a change is announced (%d)\n"
	       "  -p SECONDS      how often the daemon is told (%d)\n"
	       "  --once          tell it once, and exit\n"
	       "  -l LEVEL        say up to LEVEL: 3 errors, 6 what is told, 7 everything\n"
	       "  -f FILE         read configuration from FILE, see gnomon.conf(5)\n"
	       "  --KEY=VALUE     any key of the configuration file, such as uds_address\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon tz2alt -z Europe/Vienna --once\n",
	       ZONE_KEYS - 1, DEFAULT_WINDOW, NATIVE_PERIOD);
}

/* -- telling ---------------------------------------------------------------------------------- */

static int tell(struct manage_client *client, uint16_t id, const uint8_t *data, size_t len,
		struct driver_error *error)
{
	const struct manage_request request = {
		.action = GNOMON_MANAGEMENT_SET,
		.id = id,
		.data = data,
		.len = len,
	};
	struct manage_message answer;

	return manage_ask(client, &request, ANSWER_MS, &answer, error);
}

static int tell_all(const struct conf *conf, const char *program, const struct zone_report *report,
		    struct driver_error *error)
{
	struct manage_client *client;
	struct manage_config config;
	uint8_t data[ZONE_DATA_MAX];
	int err;

	manage_config_default(&config, program);
	if (strcmp(conf->uds_address, "/var/run/ptp/ptp4l") != 0) {
		config.server = conf->uds_address;
	}
	config.domain = (uint8_t)conf->domain_number;
	config.sdo_id = (uint16_t)(conf->defaults.transport_specific << 8);
	config.boundary_hops = 0;
	err = manage_open(&client, &config, error);
	if (err) {
		return err;
	}
	err = tell(client, GNOMON_MID_ALTERNATE_TIME_OFFSET_NAME, data,
		   zone_name_data(report, data), error);
	if (!err) {
		err = tell(client, GNOMON_MID_ALTERNATE_TIME_OFFSET_PROPERTIES, data,
			   zone_properties_data(report, data), error);
	}
	if (!err) {
		err = tell(client, GNOMON_MID_ALTERNATE_TIME_OFFSET_ENABLE, data,
			   zone_enable_data(report, data), error);
	}
	manage_close(client);
	return err;
}

static void say_report(const struct cli *cli, const struct zone_report *r, int64_t utc,
		       enum leap_answer answer)
{
	const char *valid = answer == LEAP_GOOD ? "valid" : "invalid";
	const time_t next = (time_t)r->next_utc;
	char date[64] = "?";
	struct tm tm;

	say(&cli->say, LOG_DEBUG,
	    "current time  =  %s ts %lld local-utc %d tai-utc %d local-tai %d %s", cli->zone,
	    (long long)utc, r->utc_offset, r->tai_offset, r->ato.current_offset, valid);
	if (!r->pending) {
		say(&cli->say, LOG_INFO, "no discontinuity within %d second window", cli->window);
		return;
	}
	/* The zone of the process is the one asked about last. */
	(void)strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", localtime_r(&next, &tm));
	say(&cli->say, LOG_DEBUG, "discontinuity =  %s ts %lld local-utc %d jump %d", cli->zone,
	    (long long)r->next_utc, r->next_utc_offset, r->ato.jump_seconds);
	say(&cli->say, LOG_INFO, "next discontinuity %s %s", date, cli->zone);
}

/* A leap second makes its neighbour ambiguous: a second later it is over. */
static int make_report(const struct cli *cli, const struct leap_table *leap,
		       struct zone_report *report)
{
	enum leap_answer answer;
	int64_t utc;

	do {
		utc = (int64_t)time(NULL);
		answer = zone_report_make(report, cli->zone, (uint8_t)cli->key, utc, cli->window,
					  leap, cli->say.drop_in);
		if (answer == LEAP_AMBIGUOUS) {
			(void)sleep(1);
		}
	} while (answer == LEAP_AMBIGUOUS && !caught);
	if (answer == LEAP_UNKNOWN) {
		say(&cli->say, LOG_ERR, "leap second table is stale");
		return -ENODATA;
	}
	if (answer == LEAP_EXPIRED && !cli->say.drop_in) {
		say(&cli->say, LOG_WARNING,
		    "the list of leap seconds has expired; get a new one (--leapfile)");
	}
	say_report(cli, report, utc, answer);
	return 0;
}

/* -- running ---------------------------------------------------------------------------------- */

static int update(const struct cli *cli, const struct conf *conf)
{
	struct driver_error error = { "" };
	struct zone_report report;
	struct leap_table leap;
	/* Each time: the list may have been replaced. */
	int err = leap_open(&leap, conf->leapfile, &error);

	if (err) {
		say(&cli->say, LOG_ERR, "%s", error.text);
		return err;
	}
	err = make_report(cli, &leap, &report);
	if (err) {
		return err;
	}
	err = tell_all(conf, "tz2alt", &report, &error);
	if (err && err != -EINTR) {
		say(&cli->say, LOG_ERR, "%s", error.text);
		if (cli->say.drop_in) {
			say(&cli->say, LOG_ERR, "failed to update PTP service");
		}
	}
	return err;
}

static int run(const struct cli *cli, const struct conf *conf)
{
	catch_signals();
	while (!caught) {
		int err = update(cli, conf);

		if (caught) {
			break;
		}
		/* linuxptp's gives up; a daemon may be started later. */
		if (err && (cli->say.drop_in || cli->once || err == -ENODATA)) {
			return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_RUNTIME;
		}
		if (cli->once) {
			break;
		}
		(void)sleep((unsigned int)cli->period);
	}
	return COMMAND_GOOD;
}

/* -- options ---------------------------------------------------------------------------------- */

static int complain(const struct cli *cli, const char *text)
{
	say(&cli->say, LOG_ERR, "%s", text);
	return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
}

static int take_number(struct cli *cli, char letter, int min, int max, int *value)
{
	if (say_parse_int(&cli->say, letter, optarg, min, max, value)) {
		return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
	}
	return -1;
}

static int take_level(struct cli *cli)
{
	int status = take_number(cli, 'l', LOG_EMERG, LOG_DEBUG, &cli->say.level);

	if (status < 0 && conf_request_key(&cli->request, "logging_level", optarg, NULL)) {
		status = complain(cli, "no memory");
	}
	return status;
}

static int take_key(struct cli *cli, const char *name)
{
	struct conf_error error = { "" };

	return conf_request_key(&cli->request, name, optarg, &error) ? complain(cli, error.text)
								     : -1;
}

/* One option: -1 to go on, else the exit status. */
static int take_option(struct cli *cli, int c, const char *name)
{
	switch (c) {
	case CONF_OPTION_KEY:
		return take_key(cli, name);
	case OPTION_ONCE:
		cli->once = true;
		return -1;
	case 'f':
		cli->request.file = optarg;
		return -1;
	case 'k':
		return take_number(cli, 'k', 0, ZONE_KEYS - 1, &cli->key);
	case 'l':
		return take_level(cli);
	case 'p':
		return take_number(cli, 'p', 1, 366 * 86400, &cli->period);
	case 'w':
		return take_number(cli, 'w', 0, 366 * 86400, &cli->window);
	case 'z':
		cli->zone = optarg;
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
	static const struct option own[] = { { "once", no_argument, NULL, OPTION_ONCE },
					     { "help", no_argument, NULL, 'h' },
					     { "version", no_argument, NULL, 'v' },
					     { NULL, 0, NULL, 0 } };
	struct option *names = conf_long_options(cli->say.drop_in ? NULL : own);
	int status = -1;
	int index = 0;
	int c;

	if (!names) {
		return complain(cli, "no memory");
	}
	while (status < 0 &&
	       (c = getopt_long(argc, argv, "f:hk:l:p:vw:z:", names, &index)) != -1) {
		status = take_option(cli, c, names[index].name);
	}
	free(names);
	return status;
}

/* Before the daemon is told anything. */
static int check(struct cli *cli)
{
	char display[GNOMON_DISPLAY_NAME_MAX + 1];
	char text[160];

	if (!cli->zone[0]) {
		return complain(cli, "no time zone; give one with -z (--help)");
	}
	if (!zone_known(cli->zone)) {
		snprintf(text, sizeof(text),
			 "-z: there is no time zone '%.64s'; /usr/share/zoneinfo has those there "
			 "are",
			 cli->zone);
		return complain(cli, text);
	}
	if (zone_display_name(cli->zone, display)) {
		say(&cli->say, LOG_INFO, "truncating time zone display name from %s to %s",
		    cli->zone, display);
	}
	return -1;
}

int tz2alt_main(int argc, char **argv, bool drop_in)
{
	struct cli cli = {
		.say = say_as(say_base_name(argv[0]), drop_in),
		.zone = drop_in ? DEFAULT_ZONE : "",
		.period = drop_in ? DROP_IN_PERIOD : NATIVE_PERIOD,
		.window = DEFAULT_WINDOW,
	};
	struct conf_error error = { "" };
	struct conf conf;
	int status;

	cli.say.use_syslog = false;
	status = parse_options(&cli, argc, argv);
	if (status < 0 && (conf_init_tool(&conf, !drop_in) != 0 ||
			   conf_request_load(&cli.request, &conf, &error) != 0)) {
		status = complain(&cli, error.text[0] ? error.text : "no memory");
		conf_finish(&conf);
	} else if (status < 0) {
		cli.say.level = conf.logging_level;
		cli.say.tag = conf.message_tag;
		status = check(&cli);
		status = status < 0 ? run(&cli, &conf) : status;
		conf_finish(&conf);
	}
	conf_request_finish(&cli.request);
	return status;
}
