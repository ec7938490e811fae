/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "phc.h"
#include "tools/config/suggest.h"

/* Exit status of phc_ctl for commands it cannot follow: -2, as the shell sees it. */
#define DROP_IN_BAD_COMMAND 254

#define OPTION_JSON CLI_OWN

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
	const enum phc_number number = phc_number_parse(word, c->min, c->max, argument);

	if (number != PHC_NUMBER_GOOD && !run->cli.say.drop_in) {
		say(&run->cli.say, LOG_ERR, "%s: '%s' is %s; write %.0f to %.0f %s", c->name, word,
		    number == PHC_NUMBER_MALFORMED ? "no number" : "out of range", c->min, c->max,
		    c->unit);
		return -EINVAL;
	}
	switch (number) {
	case PHC_NUMBER_GOOD:
		return 0;
	case PHC_NUMBER_MALFORMED:
		say(&run->cli.say, LOG_ERR, "%s: '%s' is not a valid double", c->name, word);
		break;
	case PHC_NUMBER_OUT_OF_RANGE:
		say(&run->cli.say, LOG_ERR, "%s: '%s' is out of range%s", c->name, word,
		    strcmp(c->name, "set") != 0 ? "." : "");
		break;
	}
	return -EINVAL;
}

static void missing_argument(const struct phc_run *run, const struct phc_command *c)
{
	if (run->cli.say.drop_in) {
		say(&run->cli.say, LOG_ERR, "%s", c->missing);
	} else {
		say(&run->cli.say, LOG_ERR, "%s: no value; write how many %s behind it", c->name,
		    c->unit);
	}
}

static void no_command(const struct phc_run *run, const char *word)
{
	struct suggest near;

	suggest_init(&near, word, strlen(word));
	for (const struct phc_command *c = phc_commands; c->name; c++) {
		suggest_name(&near, c->name);
	}
	if (run->cli.say.drop_in) {
		say(&run->cli.say, LOG_ERR, "unknown command %s.", word);
	} else if (word[0] == '-') {
		say(&run->cli.say, LOG_ERR, "'%s': options stand before the clock", word);
	} else if (suggest_best(&near)) {
		say(&run->cli.say, LOG_ERR, "there is no command \"%s\"; did you mean %s?", word,
		    suggest_best(&near));
	} else {
		say(&run->cli.say, LOG_ERR, "there is no command \"%s\"; --help lists them",
		    word);
	}
}

/* Take the command at *words, and its argument, off the list. -ENOENT: there is no such command. */
static int parse_step(struct phc_run *run, char ***words, struct step *step)
{
	const char *word = *(*words)++;
	const struct phc_command *c = find_command(word, run->cli.say.drop_in);

	*step = (struct step){ .command = c };
	if (!c) {
		no_command(run, word);
		return -ENOENT;
	}
	if (c->takes == PHC_NOTHING) {
		return 0;
	}
	if (!**words || find_command(**words, run->cli.say.drop_in)) {
		if (c->takes == PHC_REQUIRED) {
			missing_argument(run, c);
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
			print_usage(stderr, run->cli.say.program);
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

	if (!err || !run->cli.say.drop_in) {
		if (err) {
			say(&run->cli.say, LOG_ERR, "%s", error.text);
		}
		return err;
	}
	if (err == -EOPNOTSUPP) {
		say(&run->cli.say, LOG_ERR, "interface %s does not have a PHC", name);
	} else {
		say(&run->cli.say, LOG_ERR, "unknown clock %s: %s", name,
		    err == -ENOENT ? "No such device" : driver_strerror(err));
	}
	return err;
}

static int take_option(void *own, int option, const char *value)
{
	struct phc_run *run = own;

	switch (option) {
	case 'l':
		return cli_level(&run->cli, value);
	case 'q':
		run->cli.say.use_syslog = false;
		return CLI_GO_ON;
	case 'Q':
		run->cli.say.verbose = false;
		return CLI_GO_ON;
	default:
		run->json = true;
		return CLI_GO_ON;
	}
}

static int missing_clock(const struct phc_run *run)
{
	return run->cli.say.drop_in
		       ? cli_bad_usage(&run->cli)
		       : cli_fail(&run->cli, COMMAND_USAGE,
				  "no clock; give a device or an interface (--help)");
}

static int run_words(struct phc_run *run, char **words)
{
	static char word[] = "caps";
	static char *caps[] = { word, NULL };
	const bool drop_in = run->cli.say.drop_in;
	const char *name = *words++;
	int status;

	if (!drop_in && *words && strcmp(*words, "--") == 0) {
		words++;
	}
	words = *words ? words : caps;
	if (!drop_in && find_command(name, false)) {
		return cli_fail(&run->cli, COMMAND_USAGE,
				"%s: is a command; the clock stands before it: gnomon phc CLOCK %s",
				name, name);
	}
	if (open_clock(run, name)) {
		return cli_status(&run->cli, COMMAND_RUNTIME);
	}
	status = drop_in ? run_drop_in(run, words) : run_native(run, words);
	phc_device_close(&run->device);
	return status;
}

int phc_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = { { "json", no_argument, NULL, OPTION_JSON },
					       CLI_LONG_OPTIONS };
	static const struct cli_program program = {
		/* Options end at the clock, so that "adj -0.5" needs no "--". */
		.letters = "+:l:qQvh",
		.drop_in_letters = "l:qQvh",
		.names = names,
		.takes_words = true,
		.drop_in_failed = CLI_DROP_IN_FAILED,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
	};
	struct phc_run run = { .json = false };
	int status;

	cli_init(&run.cli, &program, &run, argv[0], drop_in);
	status = cli_parse(&run.cli, argc, argv);
	if (status != CLI_GO_ON) {
		return status;
	}
	return optind < argc ? run_words(&run, argv + optind) : missing_clock(&run);
}
