/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomond, and ptp4l when called by that name. Exit status: 1 usage or configuration, 2 runtime. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "drivers/clock_find.h"
#include "drivers/standard.h"

#include "loop.h"
#include "options.h"
#include "user.h"

enum exit_status {
	EXIT_GOOD = 0,
	EXIT_CONFIG = 1,
	EXIT_RUNTIME = 2,
};

static int write_stdout(void *context, const char *text, size_t len)
{
	return fwrite(text, 1, len, stdout) == len ? 0 : -EIO;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* One line on the standard error, and in the system log if that is where people look. */
static enum exit_status fail(const char *program, const struct conf *conf, const char *text,
			     enum exit_status status)
{
	fprintf(stderr, "%s: %s\n", program, text);
	if (conf && conf->use_syslog) {
		syslog(LOG_ERR, "%s", text);
	}
	return status;
}

/* The name of how all ports stamp, or that they differ. */
static const char *common_stamping(const struct ports *ports)
{
	for (size_t i = 1; i < ports->count; i++) {
		if (ports->list[i].stamping.mode != ports->list[0].stamping.mode) {
			return "mixed";
		}
	}
	return ports->count ? timestamping_mode_name(ports->list[0].stamping.mode) : "none";
}

/* The engine's limits, in words. */
#define BEYOND "kept as 2^-10 s if shorter, as never if longer than 2^33 s: "

static void announce_ports(const struct ports *ports, struct log *log)
{
	for (size_t i = 0; i < ports->count; i++) {
		const struct port *port = &ports->list[i];

		report_port(log, port->name, timestamping_mode_name(port->stamping.mode),
			    port->stamping.why.text, port->conf);
	}
}

/* Only once everything is open: a daemon that cannot run does not say that it does. */
static void announce(const struct daemon *d, struct log *log, const struct conf *conf)
{
	const struct instance *own = &d->instances[0];
	char text[sizeof(d->local.missing.text) + 32];

	report_start(log, conf, d->keeper.clock->name, clock_phc_index(d->keeper.clock),
		     common_stamping(&own->ports), &own->identity);
	for (size_t i = 0; i < d->instance_count; i++) {
		announce_ports(&d->instances[i].ports, log);
	}
	if (d->local.missing.text[0]) {
		snprintf(text, sizeof(text), "no management socket: %s", d->local.missing.text);
		report_note(log, text);
	}
	if (d->control.missing.text[0]) {
		snprintf(text, sizeof(text), "no control socket: %s", d->control.missing.text);
		report_note(log, text);
	}
	if (own->identity_made_up && own->ports.count) {
		snprintf(text, sizeof(text),
			 "%s has no hardware address: the clock has another identity at every "
			 "start; set clockIdentity",
			 own->ports.list[0].name.interface);
		report_note(log, text);
	}
	if (conf->noted[0]) {
		snprintf(text, sizeof(text), "without effect: %s", conf->noted);
		report_note(log, text);
	}
	if (conf->beyond[0]) {
		snprintf(text, sizeof(text), BEYOND "%s", conf->beyond);
		report_note(log, text);
	}
}

/* The user is looked up before anything is touched, and become when all is open. */
static enum exit_status run(const char *program, const struct conf *conf)
{
	static struct log log;
	static struct daemon d;
	struct driver_error error = { "" };
	struct user user = { 0, 0 };
	int r = 0;

	/* Before anything that can block or fail: guests wait for the rest of a page. */
	if (conf->native) {
		(void)guests_repair(conf);
	}

	r = user_find_all(conf, &error);
	if (r == 0 && conf->user[0]) {
		r = user_find(conf->user, &user, &error);
	}
	if (r != 0) {
		return fail(program, conf, error.text, EXIT_CONFIG);
	}
	log_init(&log, program, conf);
	r = conf->user[0] ? user_check(conf, &user, &log, &error) : 0;
	if (r != 0) {
		log_finish(&log);
		return fail(program, conf, error.text, EXIT_CONFIG);
	}
	loop_catch_signals();
	r = daemon_create(&d, conf, &log, &error);
	if (r == 0 && conf->user[0]) {
		r = user_become(conf->user, &user, &error);
		if (r != 0) {
			daemon_destroy(&d);
		}
	}
	if (r != 0) {
		log_finish(&log);
		/* Contradictions that only show when clocks are open are the configuration's. */
		return fail(program, conf, error.text, r == -EINVAL ? EXIT_CONFIG : EXIT_RUNTIME);
	}
	announce(&d, &log, conf);
	r = loop_run(&d);
	report_stop(&log, r < 0 ? strerror(-r) : strsignal(r));
	daemon_destroy(&d);
	log_finish(&log);
	return r < 0 ? EXIT_RUNTIME : EXIT_GOOD;
}

static void warn_of_doubts(const char *program, const struct conf *conf)
{
	for (size_t i = 0; i < conf->guest_count; i++) {
		const char *doubt = conf_guest_doubt(&conf->guests[i]);

		if (doubt) {
			fprintf(stderr, "%s: %s:%u: guest %s: %s\n", program,
				conf->file ? conf->file : "command line", conf->guests[i].line,
				conf->guests[i].name, doubt);
		}
	}
}

int main(int argc, char **argv)
{
	const char *program = base_name(argv[0]);
	bool native = strcmp(program, "ptp4l") != 0;
	struct conf conf;
	struct conf_error error = { "" };
	struct driver_error absent = { "" };
	enum options_mode mode = OPTIONS_RUN;
	enum exit_status status = EXIT_GOOD;
	int r = 0;

	standard_streams_keep();
	if (options_parse(&conf, argc, argv, native, &mode, &error) != 0) {
		if (mode == OPTIONS_RUN && native) {
			(void)guests_repair(&conf); /* whatever else is wrong */
		}
		status = fail(program, NULL, error.text, EXIT_CONFIG);
		conf_finish(&conf);
		return status;
	}
	switch (mode) {
	case OPTIONS_RUN:
		status = run(program, &conf);
		break;
	case OPTIONS_HELP:
		r = options_print_help(program, write_stdout, NULL);
		break;
	case OPTIONS_VERSION:
		printf("%s%s\n", native ? "gnomond " : "", GNOMON_VERSION_STRING);
		break;
	case OPTIONS_CHECK_CONFIG:
		if (user_find_all(&conf, &absent) != 0) {
			status = fail(program, NULL, absent.text, EXIT_CONFIG);
			break;
		}
		warn_of_doubts(program, &conf);
		printf("%s: the configuration is good, %zu port%s", program, conf.port_count,
		       conf.port_count == 1 ? "" : "s");
		if (conf.source_count || conf.sync_count) {
			printf(", %zu source%s, %zu sync%s", conf.source_count,
			       conf.source_count == 1 ? "" : "s", conf.sync_count,
			       conf.sync_count == 1 ? "" : "s");
		}
		if (conf.guest_count) {
			printf(", %zu guest%s", conf.guest_count,
			       conf.guest_count == 1 ? "" : "s");
		}
		printf("%s%s%s%s\n", conf.noted[0] ? "; without effect: " : "", conf.noted,
		       conf.beyond[0] ? "; " BEYOND : "", conf.beyond);
		break;
	case OPTIONS_PRINT_CONFIG:
		r = conf_print(&conf, write_stdout, NULL);
		break;
	case OPTIONS_PRINT_SCHEMA:
		r = conf_print_schema(write_stdout, NULL);
		break;
	}
	conf_finish(&conf);
	if (r != 0 || (mode != OPTIONS_RUN && fflush(stdout) != 0)) {
		status = fail(program, NULL, "cannot write to the standard output", EXIT_RUNTIME);
	}
	return status;
}
