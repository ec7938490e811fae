/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Commands as linuxptp's pmc takes them. Words are case insensitive and may be abbreviated.
 *
 *     GET ID
 *     SET ID VALUE                       an id of one field
 *     SET ID FIELD VALUE FIELD VALUE...  fields in the order they are printed in
 *     CMD ID, COMMAND ID
 *     TARGET IDENTITY-PORT               whom the following commands are meant for; IDENTITY-*,
 *     TARGET *                           all ports of one clock; *, all of all
 *     HELP, HELP ID
 *
 * linuxptp's pmc does not look at what stands behind a command that is complete.
 */
#ifndef PMC_GRAMMAR_H
#define PMC_GRAMMAR_H

#include <gnomon/management.h>

#include "tools/manage/client.h"

enum grammar_kind {
	GRAMMAR_REQUEST,
	GRAMMAR_TARGET,
	GRAMMAR_HELP,
};

/** Why a command is none. */
enum grammar_fault {
	GRAMMAR_BAD_COMMAND = 1, /* no action, no id, or none there is */
	GRAMMAR_AMBIGUOUS,       /* the id is short for several */
	GRAMMAR_NOT_ALLOWED,     /* the id takes other actions */
	GRAMMAR_BAD_VALUES,      /* of a SET or COMMAND */
	GRAMMAR_SURPLUS,         /* good, but for further words behind it */
};

/** Longest word of an id or identity. */
#define GRAMMAR_WORD_MAX 64
#define GRAMMAR_DATA_MAX 1024

struct grammar_command {
	enum grammar_kind kind;
	const struct gnomon_management_row *row; /* REQUEST; HELP: of one id, or NULL */
	enum gnomon_management_action action;
	uint8_t data[GRAMMAR_DATA_MAX];
	size_t len;
	struct gnomon_port_identity target;      /* TARGET */
	char word[GRAMMAR_WORD_MAX + 1];         /* the id as it was typed */
};

/** What is wrong, and what to do: two halves of a line. No newline. */
struct grammar_error {
	char text[240];
	char remedy[240]; /* "": the first half says it */
};

/**
 * Understand a line. Returns 0, or a fault with *error in pmc's words where it has some. With
 * NOT_ALLOWED and BAD_VALUES row and action are set; with SURPLUS all of *command is.
 */
int grammar_parse(const char *line, struct grammar_command *command, struct grammar_error *error);

/** Parse "0c42a1.fffe.6d7ca6-1", "0c42a1.fffe.6d7ca6-*" or "*". Returns 0 or -EINVAL. */
int grammar_port_identity(const char *text, struct gnomon_port_identity *identity);
/** Parse "0c42a1.fffe.6d7ca6". Returns 0 or -EINVAL. */
int grammar_clock_identity(const char *text, struct gnomon_clock_identity *identity);

/**
 * Read the values of a SET or COMMAND into data, by the id's row, and move *text behind them.
 * Returns 0 or -EINVAL with *error.
 */
int grammar_values(const char **text, struct grammar_command *command,
		   struct grammar_error *error);

#endif
