/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The command line of a program beside the daemon, in both of its guises. Called by its own name it
 * is strict: one line on the standard error names what is wrong and what to do, and the status is
 * one of enum command_status. Called by linuxptp's name it says and returns what that one does.
 *
 * A program says what its command line is like in a struct cli_program, and takes its own options
 * from there; help, version, usage errors, the configuration file and its keys are done here.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/cli/command.h"
#include "tools/config/config.h"
#include "tools/log/say.h"

/** What taking an option returns to go on; anything else is the exit status. */
#define CLI_GO_ON (-1)

/** linuxptp's -1, as the shell sees it. */
#define CLI_DROP_IN_FAILED 255

/** Values of long options: letters of short ones, or from CLI_OWN on. */
enum {
	CLI_HELP = CONF_OPTION_KEY + 1,
	CLI_VERSION,
	CLI_OWN,
};

/** The end of every table of long options. */
#define CLI_LONG_OPTIONS                                                                          \
	{ "help", no_argument, NULL, CLI_HELP }, { "version", no_argument, NULL, CLI_VERSION },   \
	{ NULL, 0, NULL, 0 }

struct cli_program {
	const char *letters;         /* for getopt(3), with h and v; ":" first, or behind "+" */
	const char *drop_in_letters; /* linuxptp's; without ":", as getopt(3) complains there */
	const struct option *names;  /* long options; not for the drop-in */
	bool configured;             /* -f names a file, and every key of it is a long option */
	bool takes_words;            /* what is no option means something */
	int drop_in_failed;          /* linuxptp's exit status for what it cannot do */
	void (*print_usage)(FILE *out, const char *program); /* linuxptp's help */
	void (*print_help)(void);                            /* ours */
	/** One option; own is the program's. Returns CLI_GO_ON or the exit status. */
	int (*take)(void *own, int option, const char *value);
	/** A key given as a long option, before it is remembered; NULL: nothing to add to that. */
	int (*take_key)(void *own, const char *key, const char *value);
};

struct cli {
	const struct cli_program *program;
	void *own; /* for take and run */
	struct say say;
	struct conf_request request; /* of what is configured */
};

/** argv0 is how the program was called. cli_finish is due, or cli_run does it. */
void cli_init(struct cli *cli, const struct cli_program *program, void *own, const char *argv0,
	      bool drop_in);
void cli_finish(struct cli *cli);

/** Take the options; optind is at the words behind them. Returns CLI_GO_ON or the exit status. */
int cli_parse(struct cli *cli, int argc, char **argv);

/** The program itself, with what was configured and the words behind the options. */
typedef int cli_run_fn(void *own, const struct conf *conf, char **words);

/** All of a program that is configured: parse, load, run, finish. Returns the exit status. */
int cli_run(struct cli *cli, int argc, char **argv, cli_run_fn *run);

/* -- for what takes options; each returns the exit status, some CLI_GO_ON --------------------- */

/** A status as this guise has it. */
int cli_status(const struct cli *cli, int status);

/** Complain: what it is about, what is wrong, what to do. */
int cli_fail(const struct cli *cli, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** The drop-in prints its help; natively it has been said what is wrong. */
int cli_bad_usage(const struct cli *cli);

/** A whole number from min to max, of option -letter. */
int cli_int(const struct cli *cli, char letter, const char *text, int min, int max, int *value);

/** A level of syslog, of option -l, for the program and its log. */
int cli_level(struct cli *cli, const char *text);

/** The option stands for a key of the configuration; text is borrowed. */
int cli_key(struct cli *cli, const char *key, const char *text);

/** The option names a section of the configuration. */
int cli_section(struct cli *cli, const char *name);

#endif
