/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <gnomon/version.h>

#include "timemaster.h"

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
	struct say say;
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

/* What the options ask for: -1 to go on, else the exit status. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option names[] = { { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'v' },
					       { NULL, 0, NULL, 0 } };
	const bool drop_in = o->say.drop_in;
	int c;

	while ((c = drop_in ? getopt(argc, argv, "f:nl:mqvh")
			    : getopt_long(argc, argv, "f:nl:mqsvh", names, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->file = optarg;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'l':
			o->say.level = atoi(optarg);
			break;
		case 'm':
			o->log_stdout = true;
			break;
		case 'q':
			o->log_syslog = false;
			break;
		case 's':
			o->log_syslog = true;
			break;
		case 'v':
			printf("%s%s\n", drop_in ? "" : "gnomon ", GNOMON_VERSION_STRING);
			return COMMAND_GOOD;
		case 'h':
			if (drop_in) {
				print_usage(stderr, o->say.program);
			} else {
				print_help();
			}
			return COMMAND_GOOD;
		default:
			if (drop_in) {
				print_usage(stderr, o->say.program);
			}
			return COMMAND_USAGE;
		}
	}
	return -1;
}

static int carry_out(struct options *o, struct tm_plan *plan)
{
	int status;

	if (o->dry_run) {
		tm_plan_print(plan, o->say.drop_in ? stderr : stdout);
		return COMMAND_GOOD;
	}
	o->say.verbose = o->log_stdout;
	o->say.use_syslog = o->log_syslog;
	if (check_programs(plan, &o->say)) {
		status = COMMAND_USAGE;
	} else {
		status = tm_plan_run(plan, &o->say);
		status = status && !o->say.drop_in ? COMMAND_RUNTIME : status;
	}
	say(&o->say, LOG_INFO, "exiting");
	return status;
}

int timemaster_main(int argc, char **argv, bool drop_in)
{
	struct options o = {
		.say = say_as(say_base_name(argv[0]), drop_in),
		.log_stdout = !drop_in,
		.log_syslog = drop_in,
	};
	struct driver_error error = { "" };
	struct tm_config config;
	struct tm_plan plan = { 0 };
	int status = parse_options(&o, argc, argv);

	/* Until it runs it talks to whoever started it. */
	o.say.use_syslog = false;
	if (status >= 0) {
		return status;
	}
	if (!o.file) {
		say(&o.say, LOG_ERR, "no configuration file specified");
		return COMMAND_USAGE;
	}
	if (tm_config_read(&config, o.file, &error) ||
	    tm_plan_make(&plan, &config, tm_is_old(config.ptp4l.path), timestamping_query,
			 &error)) {
		say(&o.say, LOG_ERR, "%s", error.text);
		status = COMMAND_USAGE;
	} else {
		status = carry_out(&o, &plan);
	}
	tm_config_finish(&config);
	tm_plan_finish(&plan);
	return status;
}
