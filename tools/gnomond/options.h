/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The command line: ptp4l's options, every key as --key=value, and what gnomond adds. One table
 * drives the parser, --help and the manual page.
 */
#ifndef GNOMOND_OPTIONS_H
#define GNOMOND_OPTIONS_H

#include "tools/config/config.h"

/** What the command line asks for. */
enum options_mode {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_CHECK_CONFIG,
	OPTIONS_PRINT_CONFIG,
	OPTIONS_PRINT_SCHEMA,
};

/** One option. key and value: short for that setting; key alone: its argument is the value. */
struct option_row {
	char letter;          /* 0: none */
	const char *name;     /* without "--", NULL: none */
	const char *argument; /* what it takes, NULL: nothing */
	const char *key;
	const char *value;
	enum options_mode mode; /* not RUN: it asks for that */
	bool force;             /* it asks for conf.force */
	const char *doc;
};

extern const struct option_row option_table[];
extern const size_t option_table_len;

/** Print the help text of program. Returns 0 or what write returned. */
int options_print_help(const char *program, conf_write write, void *context);

/** Print the table as scdoc. */
int options_print_scdoc(conf_write write, void *context);

/**
 * Read the command line and the file it names into *conf, which is initialised here and must be
 * finished by conf_finish even on failure. native: gnomond, else ptp4l. Returns 0 with *mode, or
 * -EINVAL with one line in *error. With HELP, VERSION or PRINT_SCHEMA no configuration is loaded.
 */
int options_parse(struct conf *conf, int argc, char **argv, bool native, enum options_mode *mode,
		  struct conf_error *error);

#endif
