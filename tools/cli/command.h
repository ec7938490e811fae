/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The commands of gnomon(1), and the linuxptp names some of them answer to. A command is one row
 * of the table in tools/gnomon/main.c and one folder under tools/.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>

/** Exit status of every command, unless its own help says otherwise. */
enum command_status {
	COMMAND_GOOD = 0,
	COMMAND_USAGE = 1,   /* usage or configuration: nothing was touched */
	COMMAND_RUNTIME = 2, /* it began, and failed */
};

/**
 * Run a command. argv[0] is how it was called ("gnomon sync", or a drop-in name), for messages;
 * options follow. drop_in: called by its linuxptp name, options and output are that program's.
 */
typedef int command_fn(int argc, char **argv, bool drop_in);

/** A row. */
struct command {
	const char *name;    /* "sync" */
	const char *drop_in; /* "phc2sys"; NULL: none */
	const char *summary; /* one line of help */
	command_fn *run;
};

#endif
