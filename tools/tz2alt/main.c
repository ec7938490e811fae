/* SPDX-License-Identifier: BSD-2-Clause */
#include "tz2alt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "tools/cli/cli.h"
#include "tools/cli/stop.h"
#include "tools/manage/client.h"

#include "zone.h"

#define OPTION_ONCE CLI_OWN

/* A daemon that was started anew has forgotten what it was told: natively it is told often. */
#define DROP_IN_PERIOD 3600
#define NATIVE_PERIOD 60
#define DEFAULT_WINDOW (3600 * 24 * 90)
#define DEFAULT_ZONE "PST8PDT"

#define ANSWER_MS 1000

struct teller {
	struct cli cli;
	const char *zone;
	bool once;
	int key;
	int period;
	int window;
};

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

	manage_config_of(&config, program, conf);
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

static void say_report(const struct teller *t, const struct zone_report *r, int64_t utc,
		       enum leap_answer answer)
{
	const char *valid = answer == LEAP_GOOD ? "valid" : "invalid";
	const time_t next = (time_t)r->next_utc;
	char date[64] = "?";
	struct tm tm;

	say(&t->cli.say, LOG_DEBUG,
	    "current time  =  %s ts %lld local-utc %d tai-utc %d local-tai %d %s", t->zone,
	    (long long)utc, r->utc_offset, r->tai_offset, r->ato.current_offset, valid);
	if (!r->pending) {
		say(&t->cli.say, LOG_INFO, "no discontinuity within %d second window", t->window);
		return;
	}
	/* The zone of the process is the one asked about last. */
	(void)strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", localtime_r(&next, &tm));
	say(&t->cli.say, LOG_DEBUG, "discontinuity =  %s ts %lld local-utc %d jump %d", t->zone,
	    (long long)r->next_utc, r->next_utc_offset, r->ato.jump_seconds);
	say(&t->cli.say, LOG_INFO, "next discontinuity %s %s", date, t->zone);
}

/* A leap second makes its neighbour ambiguous: a second later it is over. */
static int make_report(const struct teller *t, const struct leap_table *leap,
		       struct zone_report *report)
{
	enum leap_answer answer;
	int64_t utc;

	do {
		utc = (int64_t)time(NULL);
		answer = zone_report_make(report, t->zone, (uint8_t)t->key, utc, t->window,
					  leap, t->cli.say.drop_in);
		if (answer == LEAP_AMBIGUOUS) {
			(void)sleep(1);
		}
	} while (answer == LEAP_AMBIGUOUS && !stop_signal());
	if (answer == LEAP_UNKNOWN) {
		say(&t->cli.say, LOG_ERR, "leap second table is stale%s",
		    t->cli.say.drop_in ? "" : "; get a new one (--leapfile)");
		return -ENODATA;
	}
	if (answer == LEAP_EXPIRED && !t->cli.say.drop_in) {
		say(&t->cli.say, LOG_WARNING,
		    "the list of leap seconds has expired; get a new one (--leapfile)");
	}
	say_report(t, report, utc, answer);
	return 0;
}

/* -- running ---------------------------------------------------------------------------------- */

static int update(const struct teller *t, const struct conf *conf)
{
	struct driver_error error = { "" };
	struct zone_report report;
	struct leap_table leap;
	/* Each time: the list may have been replaced. */
	int err = leap_open(&leap, conf->leapfile, &error);

	if (err) {
		say(&t->cli.say, LOG_ERR, "%s", error.text);
		return err;
	}
	err = make_report(t, &leap, &report);
	if (err) {
		return err;
	}
	err = tell_all(conf, "tz2alt", &report, &error);
	if (err && err != -EINTR) {
		say(&t->cli.say, LOG_ERR, "%s", error.text);
		if (t->cli.say.drop_in) {
			say(&t->cli.say, LOG_ERR, "failed to update PTP service");
		}
	}
	return err;
}

/* Until a signal. */
static int tell_often(const struct teller *t, const struct conf *conf)
{
	stop_catch();
	while (!stop_signal()) {
		int err = update(t, conf);

		if (stop_signal()) {
			break;
		}
		/* linuxptp's gives up; a daemon may be started later. */
		if (err && (t->cli.say.drop_in || t->once || err == -ENODATA)) {
			return COMMAND_RUNTIME;
		}
		if (t->once) {
			break;
		}
		(void)sleep((unsigned int)t->period);
	}
	return COMMAND_GOOD;
}

/* Before the daemon is told anything. */
static int run(void *own, const struct conf *conf, char **words)
{
	const struct teller *t = own;
	char display[GNOMON_DISPLAY_NAME_MAX + 1];

	(void)words;
	if (!t->zone[0]) {
		return cli_fail(&t->cli, COMMAND_USAGE,
				"no time zone; give one with -z (--help)");
	}
	if (!zone_known(t->zone)) {
		return cli_fail(&t->cli, COMMAND_USAGE,
				"-z: there is no time zone '%.64s'; /usr/share/zoneinfo has those "
				"there are",
				t->zone);
	}
	if (zone_display_name(t->zone, display)) {
		say(&t->cli.say, LOG_INFO, "truncating time zone display name from %s to %s",
		    t->zone, display);
	}
	return tell_often(t, conf);
}

/* -- options ---------------------------------------------------------------------------------- */

static int take_option(void *own, int option, const char *value)
{
	struct teller *t = own;

	switch (option) {
	case 'k':
		return cli_int(&t->cli, 'k', value, 0, ZONE_KEYS - 1, &t->key);
	case 'l':
		return cli_level(&t->cli, value);
	case 'p':
		return cli_int(&t->cli, 'p', value, 1, 366 * 86400, &t->period);
	case 'w':
		return cli_int(&t->cli, 'w', value, 0, 366 * 86400, &t->window);
	case 'z':
		t->zone = value;
		return CLI_GO_ON;
	default:
		t->once = true;
		return CLI_GO_ON;
	}
}

int tz2alt_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = { { "once", no_argument, NULL, OPTION_ONCE },
					       CLI_LONG_OPTIONS };
	static const struct cli_program program = {
		.letters = ":f:hk:l:p:vw:z:",
		.drop_in_letters = "f:hk:l:p:vw:z:",
		.names = names,
		.configured = true,
		.drop_in_failed = CLI_DROP_IN_FAILED,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
	};
	struct teller t = {
		.zone = drop_in ? DEFAULT_ZONE : "",
		.period = drop_in ? DROP_IN_PERIOD : NATIVE_PERIOD,
		.window = DEFAULT_WINDOW,
	};

	cli_init(&t.cli, &program, &t, argv[0], drop_in);
	t.cli.say.use_syslog = false;
	return cli_run(&t.cli, argc, argv, run);
}
