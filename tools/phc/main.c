/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <gnomon/version.h>

#include "phc.h"

/* Exit status of phc_ctl for a command line it cannot follow: -2 and -1, as the shell sees them. */
#define DROP_IN_BAD_COMMAND 254
#define DROP_IN_FAILED 255

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options] <device> -- [command]\n\n"
		" device         ethernet or ptp clock device\n"
		" options\n"
		" -l [num]       set the logging level to 'num'\n"
		" -q             do not print messages to the syslog\n"
		" -Q             do not print messages to stdout\n"
		" -v             prints the software version and exits\n"
		" -h             prints this message and exits\n\n"
		" commands\n"
		" specify commands with arguments. Can specify multiple\n"
		" commands to be executed in order. Seconds are read as\n"
		" double precision floating point values.\n"
		"  set   [seconds]  set PHC time (defaults to time on CLOCK_REALTIME)\n"
		"  get              get PHC time\n"
		"  adj   <seconds>  adjust PHC time by offset\n"
		"  freq  [ppb]      adjust PHC frequency (default returns current offset)\n"
		"  phase <seconds>  pass offset to PHC phase control\n"
		"  cmp              compare PHC offset to CLOCK_REALTIME\n"
		"  caps             display device capabilities (default if no command given)\n"
		"  pins             display device configurable pins\n"
		"  wait  <seconds>  pause between commands\n\n",
		program);
}

static void print_help(void)
{
	printf("usage: gnomon phc [OPTION]... CLOCK [COMMAND [VALUE]]...\n\n"
	       "CLOCK is a device (/dev/ptp0), an interface (its PTP hardware clock),\n"
	       "CLOCK_REALTIME or CLOCK_AUX0 to CLOCK_AUX7. Commands run in order, once all of\n"
	       "them have been understood:\n"
	       "  get              the clock's time\n"
	       "  set [SECONDS]    set it, or make it equal to CLOCK_REALTIME\n"
	       "  adj SECONDS      step it\n"
	       "  freq [PPB]       its frequency adjustment, or set it\n"
	       "  phase SECONDS    hand an offset to the clock's own phase control\n"
	       "  cmp              CLOCK_REALTIME minus the clock, and how sure that is\n"
	       "  caps             what the clock can do (if no command is given)\n"
	       "  pins             its pins, and what they are used for\n"
	       "  wait SECONDS     do nothing\n\n"
	       "options:\n"
	       "  --json           one JSON object per result\n"
	       "  -l LEVEL         say up to LEVEL: 3 errors, 5 results\n"
	       "  -Q               say nothing\n"
	       "  -h, --help       print this, and exit\n"
	       "  -v, --version    print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon phc /dev/ptp0 get\n"
	       "  gnomon phc eth0 freq 100 cmp\n");
}

/* phc_ctl looks at no more of a word than its commands are long. */
static const struct phc_command *find_command(const char *word, bool drop_in)
{
	for (const struct phc_command *c = phc_commands; c->name; c++) {
		if (drop_in ? strncmp(word, c->name, strlen(c->name)) == 0
			    : strcmp(word, c->name) == 0) {
			return c;
		}
	}
	return NULL;
}

/* A command with its argument. */
struct step {
	const struct phc_command *command;
	struct phc_argument argument;
};

static int parse_argument(struct phc_run *run, const struct phc_command *c, const char *word,
			  struct phc_argument *argument)
{
	switch (phc_number_parse(word, c->min, c->max, argument)) {
	case PHC_NUMBER_GOOD:
		return 0;
	case PHC_NUMBER_MALFORMED:
		say(&run->say, LOG_ERR, "%s: '%s' is not a valid double", c->name, word);
		break;
	case PHC_NUMBER_OUT_OF_RANGE:
		say(&run->say, LOG_ERR, "%s: '%s' is out of range%s", c->name, word,
		    run->say.drop_in && strcmp(c->name, "set") != 0 ? "." : "");
		break;
	}
	return -EINVAL;
}

/* Take the command at *words, and its argument, off the list. -ENOENT: there is no such command. */
static int parse_step(struct phc_run *run, char ***words, struct step *step)
{
	const char *word = *(*words)++;
	const struct phc_command *c = find_command(word, run->say.drop_in);

	*step = (struct step){ .command = c };
	if (!c) {
		say(&run->say, LOG_ERR,
		    run->say.drop_in ? "unknown command %s."
				     : "there is no command \"%s\"; --help lists them",
		    word);
		return -ENOENT;
	}
	if (c->takes == PHC_NOTHING) {
		return 0;
	}
	if (!**words || find_command(**words, run->say.drop_in)) {
		if (c->takes == PHC_REQUIRED) {
			say(&run->say, LOG_ERR, "%s", c->missing);
			return -EINVAL;
		}
		return 0;
	}
	return parse_argument(run, c, *(*words)++, &step->argument);
}

/* phc_ctl does each command as it comes to it, and passes over what it does not know. */
static int run_drop_in(struct phc_run *run, char **words)
{
	while (*words) {
		struct step step;
		int err = parse_step(run, &words, &step);

		if (err == -ENOENT) {
			continue;
		}
		if (err) {
			print_usage(stderr, run->say.program);
			return DROP_IN_BAD_COMMAND;
		}
		if (step.command->run(run, &step.argument)) {
			break;
		}
	}
	return 0;
}

/* All are understood before the first one is done. */
static int run_native(struct phc_run *run, char **words)
{
	char **check = words;
	struct step step;

	while (*check) {
		if (parse_step(run, &check, &step)) {
			return COMMAND_USAGE;
		}
	}
	while (*words) {
		(void)parse_step(run, &words, &step);
		if (step.command->run(run, &step.argument)) {
			return COMMAND_RUNTIME;
		}
	}
	return COMMAND_GOOD;
}

static int open_clock(struct phc_run *run, const char *name)
{
	struct driver_error error = { "" };
	int err = phc_device_open(&run->device, name, &error);

	if (!err || !run->say.drop_in) {
		if (err) {
			say(&run->say, LOG_ERR, "%s", error.text);
		}
		return err;
	}
	if (err == -EOPNOTSUPP) {
		say(&run->say, LOG_ERR, "interface %s does not have a PHC", name);
	} else {
		say(&run->say, LOG_ERR, "unknown clock %s: %s", name,
		    err == -ENOENT ? "No such device" : driver_strerror(err));
	}
	return err;
}

/* What the options ask for: -1 to go on, else the exit status. */
static int parse_options(struct phc_run *run, int argc, char **argv)
{
	static const struct option names[] = { { "json", no_argument, NULL, 'j' },
					       { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'v' },
					       { NULL, 0, NULL, 0 } };
	const bool drop_in = run->say.drop_in;
	int c;

	/* Natively options end at the clock, so that "adj -0.5" needs no "--". */
	while ((c = drop_in ? getopt(argc, argv, "l:qQvh")
			    : getopt_long(argc, argv, "+l:qQvh", names, NULL)) != -1) {
		switch (c) {
		case 'l':
			if (say_parse_int(&run->say, 'l', optarg, LOG_EMERG, LOG_DEBUG,
					  &run->say.level)) {
				return drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
			}
			break;
		case 'q':
			run->say.use_syslog = false;
			break;
		case 'Q':
			run->say.verbose = false;
			break;
		case 'j':
			run->json = true;
			break;
		case 'v':
			printf("%s%s\n", drop_in ? "" : "gnomon ", GNOMON_VERSION_STRING);
			return COMMAND_GOOD;
		case 'h':
			if (drop_in) {
				print_usage(stderr, run->say.program);
			} else {
				print_help();
			}
			return COMMAND_GOOD;
		default:
			if (drop_in) {
				print_usage(stderr, run->say.program);
			}
			return drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
		}
	}
	return -1;
}

static int missing_clock(const struct phc_run *run)
{
	if (run->say.drop_in) {
		print_usage(stderr, run->say.program);
		return DROP_IN_FAILED;
	}
	say(&run->say, LOG_ERR, "no clock; give a device or an interface (--help)");
	return COMMAND_USAGE;
}

int phc_main(int argc, char **argv, bool drop_in)
{
	static char word[] = "caps";
	static char *caps[] = { word, NULL };
	struct phc_run run = { .say = say_as(say_base_name(argv[0]), drop_in) };
	char **words;
	int status = parse_options(&run, argc, argv);

	if (status >= 0) {
		return status;
	}
	if (optind >= argc) {
		return missing_clock(&run);
	}
	words = argv + optind + 1;
	if (!drop_in && *words && strcmp(*words, "--") == 0) {
		words++;
	}
	words = *words ? words : caps;
	if (open_clock(&run, argv[optind])) {
		return drop_in ? DROP_IN_FAILED : COMMAND_RUNTIME;
	}
	status = drop_in ? run_drop_in(&run, words) : run_native(&run, words);
	phc_device_close(&run.device);
	return status;
}
