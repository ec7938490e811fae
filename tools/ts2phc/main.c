/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <gnomon/version.h>

#include "tools/log/say.h"
#include "ts2phc.h"

/* linuxptp's -1, as the shell sees it. */
#define DROP_IN_FAILED 255

#define OPTION_FORCE 1

struct cli {
	struct say say;
	struct conf_request request;
	const char *source; /* -s */
	bool force;
	bool automatic; /* -a */
};

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options]\n\n"
		" -a             turn on autoconfiguration\n"
		" -c [dev|name]  PHC time sink (like /dev/ptp0 or eth0)\n"
		"                (may be specified multiple times)\n"
		" -f [file]      read configuration from 'file'\n"
		" -h             prints this message and exits\n"
		" -l [num]       set the logging level to 'num'\n"
		" -m             print messages to stdout\n"
		" -q             do not print messages to the syslog\n"
		" -s [dev|name]  source of the PPS signal\n"
		"                may take any of the following forms:\n"
		"                    generic   - an external 1-PPS without ToD information\n"
		"                    /dev/ptp0 - a local PTP Hardware Clock (PHC)\n"
		"                    eth0      - a local PTP Hardware Clock (PHC)\n"
		"                    nmea      - a gps device connected by serial port or network\n"
		" -v             prints the software version and exits\n\n",
		program);
}

static void print_help(void)
{
	printf("usage: gnomon ts2phc [OPTION]... -c CLOCK...\n\n"
	       "Keep PTP hardware clocks by a pulse they time-stamp on a pin.\n\n"
	       "  -a              the PTP daemon's port that is timeReceiver says which of the\n"
	       "                  clocks the others follow\n"
	       "  -c CLOCK        a clock to keep: a device (/dev/ptp0) or an interface; may be\n"
	       "                  repeated\n"
	       "  -s SOURCE       generic: the system clock knows the time, to half a second\n"
	       "                  nmea: a GNSS receiver says the time (ts2phc.nmea_... keys)\n"
	       "                  CLOCK: a PTP hardware clock gives the pulse as well\n"
	       "  -f FILE         read configuration from FILE, see gnomon.conf(5)\n"
	       "  --KEY=VALUE     any key of the configuration file\n"
	       "  --force         keep clocks that another program keeps as well\n"
	       "  -m              log to the standard output\n"
	       "  -q              do not log to the system log\n"
	       "  -l LEVEL        log up to LEVEL: 3 errors, 7 everything\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon ts2phc -s generic -c eth0\n"
	       "  gnomon ts2phc -s /dev/ptp0 -c /dev/ptp1 -m\n");
}

/* -- options ---------------------------------------------------------------------------------- */

static int complain(const struct cli *cli, const char *text, int status)
{
	fprintf(stderr, "%s: %s\n", cli->say.program, text);
	return cli->say.drop_in ? DROP_IN_FAILED : status;
}

static int give(struct cli *cli, const char *key, const char *value)
{
	struct conf_error error = { "" };

	return conf_request_key(&cli->request, key, value, &error) ?
		       complain(cli, error.text, COMMAND_USAGE) :
		       -1;
}

static int give_level(struct cli *cli, const char *text)
{
	int level;

	if (say_parse_int(&cli->say, 'l', text, LOG_EMERG, LOG_DEBUG, &level)) {
		return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
	}
	return give(cli, "logging_level", text);
}

static int add_sink(struct cli *cli, const char *name)
{
	struct conf_error error = { "" };

	return conf_request_section(&cli->request, name, &error) ?
		       complain(cli, error.text, COMMAND_USAGE) :
		       -1;
}

static int take_source(struct cli *cli, const char *name)
{
	if (cli->source) {
		fprintf(stderr, "too many PPS sources\n");
		return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
	}
	cli->source = name;
	return -1;
}

/* One option: -1 to go on, else the exit status. */
static int take_option(struct cli *cli, int c, const char *name)
{
	switch (c) {
	case CONF_OPTION_KEY:
		return give(cli, name, optarg);
	case OPTION_FORCE:
		cli->force = true;
		return -1;
	case 'a':
		cli->automatic = true;
		return -1;
	case 'c':
		return add_sink(cli, optarg);
	case 'f':
		cli->request.file = optarg;
		return -1;
	case 'l':
		return give_level(cli, optarg);
	case 'm':
		return give(cli, "verbose", "1");
	case 'q':
		return give(cli, "use_syslog", "0");
	case 's':
		return take_source(cli, optarg);
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
	static const struct option own[] = { { "force", no_argument, NULL, OPTION_FORCE },
					     { "help", no_argument, NULL, 'h' },
					     { "version", no_argument, NULL, 'v' },
					     { NULL, 0, NULL, 0 } };
	struct option *names = conf_long_options(cli->say.drop_in ? NULL : own);
	int status = -1;
	int index = 0;
	int c;

	if (!names) {
		return complain(cli, "no memory", COMMAND_RUNTIME);
	}
	while (status < 0 && (c = getopt_long(argc, argv, "ac:f:hl:mqs:v", names, &index)) != -1) {
		status = take_option(cli, c, names[index].name);
	}
	free(names);
	if (status < 0 && optind < argc && !cli->say.drop_in) {
		fprintf(stderr, "%s: argument '%s' is not an option (--help)\n", cli->say.program,
			argv[optind]);
		return COMMAND_USAGE;
	}
	return status;
}

/* -- building --------------------------------------------------------------------------------- */

/* What must fit together before any clock is opened. */
static int shape_pulse(struct ts2phc *t, struct driver_error *error)
{
	const int width = t->conf->ts2phc_pulsewidth;

	t->pulse.period_ns = GNOMON_NSEC_PER_SEC / t->conf->ts2phc_pulserate;
	t->pulse.width_ns = width < 0 ? t->pulse.period_ns / 2 : width;
	if (t->pulse.width_ns > t->pulse.period_ns - 1000000) {
		return driver_fail(error, -EINVAL,
				   "key 'ts2phc.pulsewidth': pulsewidth is too large for "
				   "configured pulserate; at %d Hz up to %lld ns",
				   t->conf->ts2phc_pulserate,
				   (long long)t->pulse.period_ns - 1000000);
	}
	if (t->pulse.width_ns > t->pulse.period_ns / 2) {
		t->pulse.width_ns = t->pulse.period_ns - t->pulse.width_ns;
	}
	return 0;
}

/* The one section with ts2phc.master, or -s, or ts2phc.tod_source. */
static int choose_source(const struct cli *cli, const struct conf *conf, const char **name,
			 struct driver_error *error)
{
	*name = cli->source;
	for (size_t i = 0; i < conf->port_count; i++) {
		if (!conf->ports[i].conf.ts2phc_master) {
			continue;
		}
		if (*name) {
			return driver_fail(error, -EINVAL,
					   "too many PPS sources: %s and %s; keep one (-s, or "
					   "ts2phc.master 1 in one section)",
					   *name, conf->ports[i].name);
		}
		*name = conf->ports[i].name;
	}
	*name = *name ? *name : conf->ts2phc_tod_source;
	return 0;
}

static bool same_phc(const struct phc_device *a, const struct phc_device *b)
{
	return a->index >= 0 && a->index == b->index;
}

/* Interfaces may share a clock: it is kept once. The source cannot be kept by itself. */
static int add_sink_of(struct ts2phc *t, const struct conf_interface *interface, bool force,
		       struct driver_error *error)
{
	struct sink *sink = &t->sinks[t->sink_count];
	int err = sink_open(sink, interface, t->conf, force, error);

	for (size_t i = 0; !err && i < t->sink_count; i++) {
		if (same_phc(&sink->device, &t->sinks[i].device)) {
			sink_close(sink);
			return 0;
		}
	}
	if (!err && same_phc(&sink->device, &t->source.device)) {
		err = driver_fail(error, -EINVAL,
				  "%s: is the clock of the pulse; it cannot be kept by itself",
				  interface->name);
	}
	t->sink_count++;
	return err;
}

/* Everything is opened and checked before the first clock is touched. */
static int build(struct ts2phc *t, const struct cli *cli, struct driver_error *error)
{
	const struct conf *conf = t->conf;
	const char *source;
	int err = shape_pulse(t, error);

	if (!err) {
		err = choose_source(cli, conf, &source, error);
	}
	if (!err) {
		err = source_open(&t->source, source, conf, t->log, error);
	}
	t->pulse.message = t->source.kind == SOURCE_NMEA;
	if (!err && t->source.port && t->source.port->ts2phc_perout_phase > 0) {
		t->pulse.phase_ns = t->source.port->ts2phc_perout_phase;
	}
	for (size_t i = 0; !err && i < conf->port_count; i++) {
		if (!conf->ports[i].conf.ts2phc_master && strcmp(conf->ports[i].name, source)) {
			err = add_sink_of(t, &conf->ports[i], cli->force || cli->say.drop_in,
					  error);
		}
	}
	if (!err && t->sink_count == 0) {
		err = driver_fail(error, -ENODATA, "no PPS sinks specified");
	}
	if (!err && cli->automatic) {
		err = source_keep(&t->source, cli->force || cli->say.drop_in, error);
	}
	if (!err && cli->automatic) {
		err = follow_open(&t->follow, conf, t->log, ts2phc_stopped, error);
	}
	if (!err && cli->automatic) {
		err = follow_enlist(&t->follow, t->sinks, t->sink_count, &t->source, t->log);
	}
	for (size_t i = 0; !err && i < t->sink_count; i++) {
		err = sink_arm(&t->sinks[i], error);
	}
	return err ? err : source_start(&t->source, &t->pulse, error);
}

static void tear_down(struct ts2phc *t)
{
	for (size_t i = 0; i < t->sink_count; i++) {
		sink_close(&t->sinks[i]);
	}
	follow_close(&t->follow);
	source_close(&t->source);
	free(t->sinks);
}

static int run(const struct cli *cli, const struct conf *conf)
{
	static struct log log;
	struct ts2phc t = {
		.conf = conf,
		.log = &log,
		.source = { .nmea = { .fd = -1 }, .device = { .fd = -1 }, .keep = KEEP_NONE },
		.sinks = calloc(conf->port_count + 1, sizeof(*t.sinks)),
	};
	struct driver_error error = { "" };
	int err = t.sinks ? 0 : driver_fail(&error, -ENOMEM, "no memory");
	int status = COMMAND_GOOD;

	ts2phc_catch_signals();
	log_init(&log, cli->say.program, conf);
	if (!err) {
		err = build(&t, cli, &error);
	}
	if (err && ts2phc_stopped()) {
		status = COMMAND_GOOD; /* it was waiting for the daemon */
	} else if (err) {
		fprintf(stderr, "%s%s%s\n", cli->say.drop_in && err == -ENODATA ? "" :
			cli->say.program, cli->say.drop_in && err == -ENODATA ? "" : ": ",
			error.text);
		if (cli->say.drop_in && err == -ENODATA) {
			print_usage(stderr, cli->say.program);
		}
		status = err == -EINVAL || err == -ENODATA ? COMMAND_USAGE : COMMAND_RUNTIME;
	} else {
		err = ts2phc_run(&t);
		status = err < 0 ? COMMAND_RUNTIME : COMMAND_GOOD;
	}
	tear_down(&t);
	log_finish(&log);
	return cli->say.drop_in && status != COMMAND_GOOD ? DROP_IN_FAILED : status;
}

int ts2phc_main(int argc, char **argv, bool drop_in)
{
	struct cli cli = { .say = say_as(say_base_name(argv[0]), drop_in) };
	struct conf_error error = { "" };
	struct conf conf;
	int status = parse_options(&cli, argc, argv);

	if (status < 0 && (conf_init_tool(&conf, !drop_in) != 0 ||
			   conf_request_load(&cli.request, &conf, &error) != 0)) {
		status = complain(&cli, error.text[0] ? error.text : "no memory", COMMAND_USAGE);
		conf_finish(&conf);
	} else if (status < 0) {
		status = run(&cli, &conf);
		conf_finish(&conf);
	}
	conf_request_finish(&cli.request);
	return status;
}
