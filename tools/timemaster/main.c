/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "timemaster.h"
#include "tools/cli/cli.h"

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options] -f file\n\n"
		" -f file      specify path to configuration file\n"
		" -n           only print generated files and commands\n"
		" -l level     set logging level (6)\n"
		" -m           print messages to stdout\n"
		" -q           do not print messages to syslog\n"
		" -v           print version and exit\n"
		" -h           print this message and exit\n",
		program);
}

static void print_help(void)
{
	printf("usage: gnomon timemaster [OPTION]... -f FILE\n\n"
	       "Run one chronyd or ntpd with PTP domains and NTP servers as its sources.\n\n"
	       "  -f FILE         what the sources are, in timemaster's format\n"
	       "  -n              print the files and commands this comes to, and exit\n"
	       "  -m              log to the standard output (default)\n"
	       "  -s              log to the system log\n"
	       "  -l LEVEL        log up to LEVEL: 3 errors, 7 everything\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon timemaster -f /etc/linuxptp/timemaster.conf -n\n");
}

struct options {
	struct cli cli;
	const char *file;
	bool dry_run;
	bool log_stdout;
	bool log_syslog;
};

/* Whether a program can be found, as execvp() will look for it. */
static bool is_there(const char *name)
{
	const char *path = getenv("PATH");
	char candidate[4096];

	if (strchr(name, '/')) {
		return access(name, X_OK) == 0;
	}
	for (path = path ? path : "/bin:/usr/bin"; *path;) {
		const size_t len = strcspn(path, ":");

		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)len, path, name);
		if (access(candidate, X_OK) == 0) {
			return true;
		}
		path += len + (path[len] == ':');
	}
	return false;
}

static int check_programs(const struct tm_plan *plan, const struct say *s)
{
	for (size_t i = 0; i < plan->command_count; i++) {
		const char *name = plan->commands[i].words.items[0];

		if (!is_there(name)) {
			say(s, LOG_ERR, "failed to spawn %s: it is not there; install it, or give "
			    "its path", name);
			return -1;
		}
	}
	return 0;
}

/* timemaster takes any word for a level, most of them for 0. */
static int take_level(struct options *o, const char *value)
{
	if (o->cli.say.drop_in) {
		o->cli.say.level = atoi(value);
		return CLI_GO_ON;
	}
	return cli_level(&o->cli, value);
}

static int take_option(void *own, int option, const char *value)
{
	struct options *o = own;

	switch (option) {
	case 'f':
		o->file = value;
		return CLI_GO_ON;
	case 'n':
		o->dry_run = true;
		return CLI_GO_ON;
	case 'l':
		return take_level(o, value);
	case 'm':
		o->log_stdout = true;
		return CLI_GO_ON;
	case 'q':
		o->log_syslog = false;
		return CLI_GO_ON;
	default:
		o->log_syslog = true;
		return CLI_GO_ON;
	}
}

static int carry_out(struct options *o, struct tm_plan *plan)
{
	int status;

	if (o->dry_run) {
		tm_plan_print(plan, o->cli.say.drop_in ? stderr : stdout);
		return COMMAND_GOOD;
	}
	o->cli.say.verbose = o->log_stdout;
	o->cli.say.use_syslog = o->log_syslog;
	if (check_programs(plan, &o->cli.say)) {
		status = COMMAND_USAGE;
	} else {
		status = tm_plan_run(plan, &o->cli.say);
		status = status && !o->cli.say.drop_in ? COMMAND_RUNTIME : status;
	}
	say(&o->cli.say, LOG_INFO, "exiting");
	return status;
}

static int refuse(const struct options *o, const struct driver_error *error, const char *remedy)
{
	const bool drop_in = o->cli.say.drop_in;

	return cli_fail(&o->cli, COMMAND_USAGE, "%s%s%s", error->text, drop_in ? "" : "; ",
			drop_in ? "" : remedy);
}

static int run(struct options *o)
{
	struct driver_error error = { "" };
	struct tm_config config;
	struct tm_plan plan = { 0 };
	int status;
	int err;

	if (!o->file) {
		return cli_fail(&o->cli, COMMAND_USAGE, "no configuration file specified%s",
				o->cli.say.drop_in ? "" : "; give one with -f (--help)");
	}
	err = tm_config_read(&config, o->file, &error);
	if (err) {
		status = refuse(o, &error,
				err == -EINVAL ? "correct it, as gnomon-timemaster(1) says"
					       : "check the path given with -f");
	} else if (tm_plan_make(&plan, &config, tm_is_old(config.ptp4l.path), timestamping_query,
				&error)) {
		status = refuse(o, &error, "correct 'interfaces'");
	} else {
		status = carry_out(o, &plan);
	}
	tm_config_finish(&config);
	tm_plan_finish(&plan);
	return status;
}

int timemaster_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = { CLI_LONG_OPTIONS };
	static const struct cli_program program = {
		.letters = ":f:nl:mqsvh",
		.drop_in_letters = "f:nl:mqvh",
		.names = names,
		.drop_in_failed = 1,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
	};
	struct options o = { .log_stdout = !drop_in, .log_syslog = drop_in };
	int status;

	cli_init(&o.cli, &program, &o, argv[0], drop_in);
	/* Until it runs it talks to whoever started it. */
	o.cli.say.use_syslog = false;
	status = cli_parse(&o.cli, argc, argv);
	return status == CLI_GO_ON ? run(&o) : status;
}
