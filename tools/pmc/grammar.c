/* SPDX-License-Identifier: BSD-2-Clause */
#include "grammar.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/config/suggest.h"

#define BLANKS " \t\r\n"

/* Whether word is an abbreviation of full. */
static bool abbreviates(const char *word, const char *full)
{
	return strncasecmp(word, full, strlen(word)) == 0;
}

/* The next word of *at into word; false if there is none, or it is too long. */
static bool take_word(const char **at, char word[GRAMMAR_WORD_MAX + 1])
{
	const char *start = *at + strspn(*at, BLANKS);
	const size_t len = strcspn(start, BLANKS);

	if (len == 0 || len > GRAMMAR_WORD_MAX) {
		return false;
	}
	memcpy(word, start, len);
	word[len] = '\0';
	*at = start + len;
	return true;
}

__attribute__((format(printf, 3, 4))) static int
fail(struct grammar_error *error, enum grammar_fault fault, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return (int)fault;
}

/* What to do about it. */
__attribute__((format(printf, 2, 3))) static void advise(struct grammar_error *error,
							  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->remedy, sizeof(error->remedy), format, args);
	va_end(args);
}

/* -- identities ------------------------------------------------------------------------------- */

/* Sixteen hexadecimal digits, with dots after the sixth and the tenth; returns what follows. */
static const char *take_identity(const char *text, struct gnomon_clock_identity *identity)
{
	for (unsigned int i = 0; i < sizeof(identity->id); i++) {
		char digits[3] = { text[0], text[0] ? text[1] : '\0', '\0' };

		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1])) {
			return NULL;
		}
		identity->id[i] = (uint8_t)strtoul(digits, NULL, 16);
		text += 2;
		if ((i == 2 || i == 4) && *text++ != '.') {
			return NULL;
		}
	}
	return text;
}

int grammar_clock_identity(const char *text, struct gnomon_clock_identity *identity)
{
	struct gnomon_clock_identity parsed;
	const char *end = take_identity(text, &parsed);

	if (!end || *end) {
		return -EINVAL;
	}
	*identity = parsed;
	return 0;
}

int grammar_port_identity(const char *text, struct gnomon_port_identity *identity)
{
	struct gnomon_port_identity parsed;
	const char *end;
	unsigned long port;
	char *rest;

	if (strcmp(text, "*") == 0) {
		memset(identity, 0xff, sizeof(*identity));
		return 0;
	}
	end = take_identity(text, &parsed.clock);
	if (!end || *end++ != '-') {
		return -EINVAL;
	}
	port = 0xffff;
	if (strcmp(end, "*") != 0) {
		port = strtoul(end, &rest, 10);
		if (!isdigit((unsigned char)*end) || *rest || port > 0xffff) {
			return -EINVAL;
		}
	}
	parsed.port = (uint16_t)port;
	*identity = parsed;
	return 0;
}

/* -- actions and ids -------------------------------------------------------------------------- */

static bool find_action(const char *word, enum gnomon_management_action *action)
{
	static const struct {
		const char *name;
		enum gnomon_management_action action;
	} actions[] = {
		{ "GET", GNOMON_MANAGEMENT_GET },
		{ "SET", GNOMON_MANAGEMENT_SET },
		{ "CMD", GNOMON_MANAGEMENT_COMMAND },
		{ "COMMAND", GNOMON_MANAGEMENT_COMMAND },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (abbreviates(word, actions[i].name)) {
			*action = actions[i].action;
			return true;
		}
	}
	return false;
}

/* "PORT_DATA_SET, PORT_PROPERTIES_NP, ..." */
static void list_ids(const char *word, char *list, size_t cap)
{
	unsigned int count;
	const struct gnomon_management_row *rows = gnomon_management_rows(&count);
	size_t len = 0;

	for (unsigned int i = 0; i < count; i++) {
		const size_t need = strlen(rows[i].name) + 2;

		if (!abbreviates(word, rows[i].name)) {
			continue;
		}
		if (len + need + 5 > cap) {
			(void)snprintf(list + len, cap - len, ", ...");
			return;
		}
		len += (size_t)snprintf(list + len, cap - len, "%s%s", len ? ", " : "",
					rows[i].name);
	}
}

static int no_id(const char *word, const struct gnomon_management_row *rows, unsigned int count,
		 struct grammar_error *error)
{
	struct suggest near;

	suggest_init(&near, word, strlen(word));
	for (unsigned int i = 0; i < count; i++) {
		suggest_name(&near, rows[i].name);
	}
	if (suggest_best(&near)) {
		advise(error, "did you mean %s?", suggest_best(&near));
	} else {
		advise(error, "\"help\" lists them");
	}
	return fail(error, GRAMMAR_BAD_COMMAND, "there is no management id \"%s\"", word);
}

/* A whole name wins over names it abbreviates. */
static int find_id(const char *word, const struct gnomon_management_row **row,
		   struct grammar_error *error)
{
	const struct gnomon_management_row *found = NULL;
	const struct gnomon_management_row *rows;
	unsigned int matches = 0;
	unsigned int count;
	char list[160];

	rows = gnomon_management_rows(&count);
	for (unsigned int i = 0; i < count; i++) {
		if (strcasecmp(word, rows[i].name) == 0) {
			*row = &rows[i];
			return 0;
		}
		if (abbreviates(word, rows[i].name)) {
			found = &rows[i];
			matches++;
		}
	}
	if (matches > 1) {
		list_ids(word, list, sizeof(list));
		advise(error, "write more of one of %s", list);
		return fail(error, GRAMMAR_AMBIGUOUS, "id %s is too ambiguous", word);
	}
	if (!found) {
		return no_id(word, rows, count, error);
	}
	*row = found;
	return 0;
}

static bool allows(const struct gnomon_management_row *row, enum gnomon_management_action action)
{
	return (action == GNOMON_MANAGEMENT_GET && row->access & GNOMON_MANAGEMENT_MAY_GET) ||
	       (action == GNOMON_MANAGEMENT_SET && row->access & GNOMON_MANAGEMENT_MAY_SET) ||
	       (action == GNOMON_MANAGEMENT_COMMAND &&
		row->access & GNOMON_MANAGEMENT_MAY_COMMAND);
}

/* "PRIORITY1 only allows GET or SET" */
static int not_allowed(const struct gnomon_management_row *row, struct grammar_error *error)
{
	const bool get = row->access & GNOMON_MANAGEMENT_MAY_GET;
	const bool set = row->access & GNOMON_MANAGEMENT_MAY_SET;
	const bool command = row->access & GNOMON_MANAGEMENT_MAY_COMMAND;

	return fail(error, GRAMMAR_NOT_ALLOWED, "%s only allows %s%s%s%s%s", row->name,
		    get ? "GET" : "", get && set ? " or " : "", set ? "SET" : "",
		    (get || set) && command ? " or " : "", command ? "COMMAND" : "");
}

/* "GET PRIORITY1 GET PRIORITY2" may be meant as two commands. */
static int check_rest(const char *rest, const struct grammar_command *command,
		      struct grammar_error *error)
{
	const char *start = rest + strspn(rest, BLANKS);
	const int len = (int)strcspn(start, BLANKS);
	char word[GRAMMAR_WORD_MAX + 1] = "";
	enum gnomon_management_action action;
	bool is_verb;

	if (len == 0) {
		return 0;
	}
	(void)take_word(&rest, word);
	is_verb = strlen(word) > 1 && (find_action(word, &action) || abbreviates(word, "TARGET"));
	advise(error, "%s",
	       is_verb	     ? "write several commands each in quotes, or on a line of its own" :
	       *start == '-' ? "options stand before the first command" :
			       "leave it out");
	return fail(error, GRAMMAR_SURPLUS, "%s: \"%.*s\" behind it is too much", command->word,
		    len < 60 ? len : 60, start);
}

static int no_action(const char *verb, struct grammar_error *error)
{
	struct grammar_error ignored;
	const struct gnomon_management_row *row;

	if (verb[0] == '-') {
		advise(error, "options stand before the first command");
	} else if (find_id(verb, &row, &ignored) == 0) {
		advise(error, "write GET %s to ask for it", row->name);
	} else {
		advise(error, "use GET, SET, CMD or TARGET");
	}
	return fail(error, GRAMMAR_BAD_COMMAND, "there is no action \"%s\"", verb);
}

static int parse_request(const char *verb, const char **rest, struct grammar_command *command,
			 struct grammar_error *error)
{
	int fault;

	if (!find_action(verb, &command->action)) {
		return no_action(verb, error);
	}
	fault = find_id(command->word, &command->row, error);
	if (fault) {
		return fault;
	}
	if (!allows(command->row, command->action)) {
		return not_allowed(command->row, error);
	}
	if (command->action == GNOMON_MANAGEMENT_GET) {
		return 0;
	}
	if (grammar_values(rest, command, error)) {
		advise(error, "\"help %s\" shows what it takes", command->row->name);
		return GRAMMAR_BAD_VALUES;
	}
	return 0;
}

/* There is nothing behind the verb, or too much. */
static int no_word(const char *verb, const char *rest, struct grammar_error *error)
{
	enum gnomon_management_action action;

	rest += strspn(rest, BLANKS);
	if (verb[0] && !*rest && !find_action(verb, &action) && !abbreviates(verb, "TARGET")) {
		return no_action(verb, error);
	}
	advise(error, "\"help\" lists what there is");
	if (verb[0] && *rest) {
		return fail(error, GRAMMAR_BAD_COMMAND, "there is nothing called \"%.20s...\"",
			    rest);
	}
	return fail(error, GRAMMAR_BAD_COMMAND, "\"%.20s\" needs something to act on",
		    verb[0] ? verb : rest);
}

static int parse(const char *line, struct grammar_command *command, struct grammar_error *error)
{
	char verb[GRAMMAR_WORD_MAX + 1] = "";
	const char *at = line;
	const bool has_verb = take_word(&at, verb);
	const bool has_word = take_word(&at, command->word);
	int fault;

	if (!has_word) {
		command->word[0] = '\0';
	}
	command->kind = GRAMMAR_REQUEST;
	command->row = NULL;
	command->len = 0;
	/* An empty command abbreviates HELP. */
	if (abbreviates(verb, "HELP") && (has_verb || line[strspn(line, BLANKS)] == '\0')) {
		command->kind = GRAMMAR_HELP;
		fault = has_verb && has_word ? find_id(command->word, &command->row, error) : 0;
		return fault ? fault : check_rest(at, command, error);
	}
	if (!has_word) {
		return no_word(verb, at, error);
	}
	if (!abbreviates(verb, "TARGET")) {
		fault = parse_request(verb, &at, command, error);
		return fault ? fault : check_rest(at, command, error);
	}
	command->kind = GRAMMAR_TARGET;
	if (grammar_port_identity(command->word, &command->target)) {
		advise(error, "write it as 0c42a1.fffe.6d7ca6-1, or * for all");
		return fail(error, GRAMMAR_BAD_COMMAND, "\"%s\" is no portIdentity",
			    command->word);
	}
	return check_rest(at, command, error);
}

/* One line stays one line, whatever was typed. */
static void tame(char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text)) {
			*text = '?';
		}
	}
}

int grammar_parse(const char *line, struct grammar_command *command, struct grammar_error *error)
{
	int fault;

	error->text[0] = '\0';
	error->remedy[0] = '\0';
	fault = parse(line, command, error);
	tame(error->text);
	tame(error->remedy);
	return fault;
}
