/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "tools/cli/cli.h"
#include "tools/cli/stop.h"

#include "ts2phc.h"

#define OPTION_FORCE CLI_OWN

/* What is wanted. */
struct wanted {
	struct cli cli;
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

static int take_source(struct wanted *w, const char *name)
{
	if (w->source && w->cli.say.drop_in) {
		fprintf(stderr, "too many PPS sources\n");
		return COMMAND_USAGE;
	}
	if (w->source) {
		return cli_fail(&w->cli, COMMAND_USAGE,
				"too many PPS sources: %s and %s; give -s once", w->source, name);
	}
	w->source = name;
	return CLI_GO_ON;
}

static int take_option(void *own, int option, const char *value)
{
	struct wanted *w = own;

	switch (option) {
	case 'a':
		w->automatic = true;
		return CLI_GO_ON;
	case 'c':
		return cli_section(&w->cli, value);
	case 'l':
		return cli_level(&w->cli, value);
	case 'm':
		return cli_key(&w->cli, "verbose", "1");
	case 'q':
		return cli_key(&w->cli, "use_syslog", "0");
	case 's':
		return take_source(w, value);
	default:
		w->force = true;
		return CLI_GO_ON;
	}
}

/* -- building --------------------------------------------------------------------------------- */

/* What must fit together before any clock is opened. */
static int shape_pulse(struct ts2phc *t, struct driver_error *error)
{
	const int width = t->conf->ts2phc_pulsewidth;

	if (t->conf->clock_servo == CONF_SERVO_NTPSHM ||
	    t->conf->clock_servo == CONF_SERVO_REFCLOCK_SOCK) {
		return driver_fail(error, -EINVAL,
				   "key 'clock_servo': ntpshm and refclock_sock hand over offsets "
				   "of the system clock, and none is measured here; take pi, "
				   "linreg or nullf");
	}
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
static int choose_source(const struct wanted *w, const struct conf *conf, const char **name,
			 struct driver_error *error)
{
	*name = w->source;
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
				  "%s: is the clock of the pulse; keep another than that",
				  interface->name);
	}
	t->sink_count++;
	return err;
}

/* Everything is opened and checked before the first clock is touched. */
static int build(struct ts2phc *t, const struct wanted *w, struct driver_error *error)
{
	const struct conf *conf = t->conf;
	const char *source;
	int err = shape_pulse(t, error);

	if (!err) {
		err = choose_source(w, conf, &source, error);
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
			err = add_sink_of(t, &conf->ports[i], w->force || w->cli.say.drop_in,
					  error);
		}
	}
	if (!err && t->sink_count == 0) {
		err = driver_fail(error, -ENODATA,
				  "no clock to keep; name each with -c (--help)");
	}
	if (!err && w->automatic) {
		err = source_keep(&t->source, w->force || w->cli.say.drop_in, error);
	}
	if (!err && w->automatic) {
		err = follow_open(&t->follow, conf, t->log, error);
	}
	if (!err && w->automatic) {
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

/* Why it does not run; linuxptp shows its options to who named no clock. */
static int refuse(const struct wanted *w, int err, const struct driver_error *error)
{
	if (err == -ENODATA && w->cli.say.drop_in) {
		fprintf(stderr, "no PPS sinks specified\n");
		return cli_bad_usage(&w->cli);
	}
	return cli_fail(&w->cli,
			err == -EINVAL || err == -ENODATA ? COMMAND_USAGE : COMMAND_RUNTIME, "%s",
			error->text);
}

static int run(void *own, const struct conf *conf, char **words)
{
	static struct log log;
	const struct wanted *w = own;
	struct ts2phc t = {
		.conf = conf,
		.log = &log,
		.source = { .nmea = { .fd = -1 }, .device = { .fd = -1 }, .keep = KEEP_NONE },
		.sinks = calloc(conf->port_count + 1, sizeof(*t.sinks)),
	};
	struct driver_error error = { "" };
	int err = t.sinks ? 0 : driver_fail(&error, -ENOMEM, "no memory; make some free");
	int status = COMMAND_GOOD;

	(void)words;
	stop_catch();
	(void)signal(SIGPIPE, SIG_IGN);
	log_init(&log, w->cli.say.program, conf);
	if (!err) {
		err = build(&t, w, &error);
	}
	if (!err) {
		status = ts2phc_run(&t) < 0 ? COMMAND_RUNTIME : COMMAND_GOOD;
	} else if (!stop_signal()) { /* else it was waiting for the daemon */
		status = refuse(w, err, &error);
	}
	tear_down(&t);
	log_finish(&log);
	return status;
}

int ts2phc_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = { { "force", no_argument, NULL, OPTION_FORCE },
					       CLI_LONG_OPTIONS };
	static const struct cli_program program = {
		.letters = ":ac:f:hl:mqs:v",
		.drop_in_letters = "ac:f:hl:mqs:v",
		.names = names,
		.configured = true,
		.drop_in_failed = CLI_DROP_IN_FAILED,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
	};
	struct wanted w = { .source = NULL };

	cli_init(&w.cli, &program, &w, argv[0], drop_in);
	w.cli.say.use_syslog = false;
	return cli_run(&w.cli, argc, argv, run);
}
