/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/config/suggest.h"

const struct option_row option_table[] = {
	{ 'i', NULL, "INTERFACE", .doc = "run a PTP port on it; may be repeated" },
	{ 'f', NULL, "FILE", .doc = "read configuration from FILE, see gnomon.conf(5)" },
	{ 's', NULL, NULL, "clientOnly", "1", .doc = "only receive time, never transmit it" },
	{ 'E', NULL, NULL, "delay_mechanism", "E2E", .doc = "measure delay end to end (default)" },
	{ 'P', NULL, NULL, "delay_mechanism", "P2P", .doc = "measure delay to the neighbour" },
	{ 'A', NULL, NULL, "delay_mechanism", "Auto",
	  .doc = "end to end until a neighbour asks for its delay" },
	{ '4', NULL, NULL, "network_transport", "UDPv4", .doc = "UDP over IPv4 (default)" },
	{ '6', NULL, NULL, "network_transport", "UDPv6", .doc = "UDP over IPv6" },
	{ '2', NULL, NULL, "network_transport", "L2", .doc = "Ethernet" },
	{ 'H', NULL, NULL, "time_stamping", "hardware", .doc = "hardware time stamps" },
	{ 'S', NULL, NULL, "time_stamping", "software", .doc = "software time stamps" },
	{ 'L', NULL, NULL, "time_stamping", "legacy", .doc = "hardware time stamps, the old way" },
	{ 'p', NULL, "DEVICE", "phc_device", .doc = "PTP hardware clock to use" },
	{ 'm', NULL, NULL, "verbose", "1", .doc = "log to the standard output" },
	{ 'q', NULL, NULL, "use_syslog", "0", .doc = "do not log to the system log" },
	{ 'l', NULL, "LEVEL", "logging_level", .doc = "log up to LEVEL: 3 errors, 7 everything" },
	{ 't', NULL, "TAG", "message_tag", .doc = "put TAG before log lines" },
	{ 0, "KEY", "VALUE", .doc = "any key of the configuration file" },
	{ 0, "check-config", .mode = OPTIONS_CHECK_CONFIG,
	  .doc = "check the configuration, touch nothing, and exit" },
	{ 0, "print-config", .mode = OPTIONS_PRINT_CONFIG,
	  .doc = "print all values in effect as a configuration file, and exit" },
	{ 0, "print-config-schema", .mode = OPTIONS_PRINT_SCHEMA,
	  .doc = "print what can be configured, as JSON, and exit" },
	{ 0, "force", .force = true,
	  .doc = "keep clocks although another program steers them" },
	{ 'h', "help", .mode = OPTIONS_HELP, .doc = "print this, and exit" },
	{ 'v', "version", .mode = OPTIONS_VERSION, .doc = "print the version, and exit" },
};

const size_t option_table_len = sizeof(option_table) / sizeof(option_table[0]);

/* "-i INTERFACE", "--KEY=VALUE", "-h, --help" */
static void spell(const struct option_row *row, char *buf, size_t cap)
{
	char letter[3] = { '-', row->letter, '\0' };

	snprintf(buf, cap, "%s%s%s%s%s%s", row->letter ? letter : "",
		 row->letter && row->name ? ", " : "", row->name ? "--" : "",
		 row->name ? row->name : "",
		 !row->argument ? ""
		 : row->name    ? "="
				: " ",
		 row->argument ? row->argument : "");
}

static int print_rows(bool scdoc, conf_write write, void *context)
{
	char spelling[40];
	char line[160];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < option_table_len; i++) {
		int len;

		spell(&option_table[i], spelling, sizeof(spelling));
		len = scdoc ? snprintf(line, sizeof(line), "*%s*\n\t%s\n\n", spelling,
				       option_table[i].doc)
			    : snprintf(line, sizeof(line), "  %-22s %s\n", spelling,
				       option_table[i].doc);
		r = write(context, line, (size_t)len);
	}
	return r < 0 ? r : 0;
}

int options_print_help(const char *program, conf_write write, void *context)
{
	char usage[80];
	int len = snprintf(usage, sizeof(usage), "usage: %.32s [options] -i INTERFACE ...\n\n",
			   program);
	int r = write(context, usage, (size_t)len);

	return r < 0 ? r : print_rows(false, write, context);
}

int options_print_scdoc(conf_write write, void *context)
{
	return print_rows(true, write, context);
}

/* A key given on the command line, to be applied between [global] and the port sections. */
struct given {
	const struct conf_key *key;
	const char *value;
	char letter;      /* of a short option; 0: a long one, typed as: */
	const char *name;
	size_t len;
};

struct parser {
	struct conf *conf;
	const char *file;
	struct given *given;
	size_t given_count;
	const char **interfaces;
	size_t interface_count;
	enum options_mode mode;
	struct conf_error *error;
};

static const struct conf_place command_line = { NULL, 0, NULL };

/* A long option there is not, or not here. */
static int refuse_name(struct parser *p, const char *name, size_t len)
{
	struct suggest near;

	if (conf_key_find(name, len)) {
		return conf_fail(p->error, command_line,
				 "option --%.*s: of another program that reads the same file; "
				 "leave it there",
				 (int)len, name);
	}
	suggest_init(&near, name, len);
	suggest_keys(&near, SUGGEST_DAEMON_OPTION);
	for (size_t i = 0; i < option_table_len; i++) {
		if (option_table[i].mode != OPTIONS_RUN) {
			suggest_name(&near, option_table[i].name);
		}
	}
	if (suggest_best(&near)) {
		return conf_fail(p->error, command_line,
				 "option --%.*s: unknown; did you mean --%s?", (int)len, name,
				 suggest_best(&near));
	}
	return conf_fail(p->error, command_line, "option --%.*s: unknown; --help lists them",
			 (int)len, name);
}

/* Keys of other programs are for files they share with us, not for our command line. */
static const struct conf_key *find_key(const char *name, size_t len)
{
	const struct conf_key *key = conf_key_find(name, len);

	return key && key->status != CONF_OTHER ? key : NULL;
}

static int give(struct parser *p, char letter, const char *name, size_t len, const char *value)
{
	const struct conf_key *key = find_key(name, len);

	if (!key) {
		return refuse_name(p, name, len);
	}
	if (!conf_key_is_option(key)) {
		return conf_fail(p->error, command_line,
				 "option --%.*s: only of a section [%s NAME]; write it there, in "
				 "the file of -f",
				 (int)len, name, conf_scope_name(key->scope));
	}
	p->given[p->given_count++] = (struct given){ key, value, letter, name, len };
	return 0;
}

/* The same interface in -i and as a section is one port; twice in -i is a mistake. */
static int add_interface(struct parser *p, const char *name)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || strpbrk(name, " \t/:")) {
		return conf_fail(p->error, command_line,
				 "option -i: '%s' cannot be the name of an interface; correct it",
				 name);
	}
	for (size_t i = 0; i < p->interface_count; i++) {
		if (strcmp(p->interfaces[i], name) == 0) {
			return conf_fail(p->error, command_line,
					 "option -i: interface '%s' is given twice; remove one",
					 name);
		}
	}
	p->interfaces[p->interface_count++] = name;
	return 0;
}

static const struct option_row *find_letter(char letter)
{
	for (size_t i = 0; i < option_table_len; i++) {
		if (option_table[i].letter == letter) {
			return &option_table[i];
		}
	}
	return NULL;
}

/* The first that asks for something else than running gets it. */
static void take_mode(struct parser *p, enum options_mode mode)
{
	if (p->mode == OPTIONS_RUN) {
		p->mode = mode;
	}
}

/* What an option without a value says. False: this one is no such option. */
static bool take_flag(struct parser *p, const struct option_row *row)
{
	p->conf->force |= row->force;
	take_mode(p, row->mode);
	return row->force || row->mode != OPTIONS_RUN;
}

/* Only -f and -i are neither a flag nor short for a key. */
static int take_option(struct parser *p, const struct option_row *row, const char *value)
{
	if (take_flag(p, row)) {
		return 0;
	}
	if (row->key) {
		return give(p, row->letter, row->key, strlen(row->key),
			    row->value ? row->value : value);
	}
	if (row->letter == 'f') {
		if (p->file) {
			return conf_fail(p->error, command_line,
					 "option -f: given twice; join the files");
		}
		p->file = value;
		return 0;
	}
	return add_interface(p, value);
}

/* One argument of short options, "-Smi" "eth0" or "-ieth0"; *next is the one behind it. */
static int take_short(struct parser *p, const char *letters, char **argv, int *next)
{
	int r = 0;

	for (; r == 0 && *letters; letters++) {
		const struct option_row *row = find_letter(*letters);
		const char *value = letters + 1;

		if (!row) {
			return conf_fail(p->error, command_line,
					 "option -%c: unknown; --help lists them", *letters);
		}
		if (!row->argument) {
			r = take_option(p, row, NULL);
			continue;
		}
		if (*value == '\0') {
			value = argv[*next];
			*next += value != NULL;
		}
		if (!value) {
			return conf_fail(p->error, command_line,
					 "option -%c: no value; write one behind it", *letters);
		}
		return take_option(p, row, value);
	}
	return r;
}

/* Of long options only flags take no value. */
static const struct option_row *find_named_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < option_table_len; i++) {
		const struct option_row *row = &option_table[i];

		if ((row->force || row->mode != OPTIONS_RUN) && strlen(row->name) == len &&
		    memcmp(row->name, name, len) == 0) {
			return row;
		}
	}
	return NULL;
}

/* "key=value", or "key" and its value in the next argument. argv stays as ps(1) shows it. */
static int take_long(struct parser *p, const char *name, char **argv, int *next)
{
	size_t len = strcspn(name, "=");
	const struct option_row *flag = find_named_flag(name, len);
	const char *value = name + len + 1;

	if (flag && name[len]) {
		return conf_fail(p->error, command_line, "option --%.*s takes no value; remove %s",
				 (int)len, name, name + len);
	}
	if (flag) {
		(void)take_flag(p, flag);
		return 0;
	}
	if (!find_key(name, len)) {
		return refuse_name(p, name, len);
	}
	if (name[len] == '\0') {
		value = argv[*next];
		*next += value != NULL;
	}
	if (!value) {
		return conf_fail(p->error, command_line, "option --%s: no value; write --%s=VALUE",
				 name, name);
	}
	return give(p, 0, name, len, value);
}

/* Everything that is no option is refused: a forgotten -i would run on nothing. */
static int take_arguments(struct parser *p, char **argv)
{
	int next = 1;
	int r = 0;

	while (r == 0 && argv[next]) {
		const char *arg = argv[next++];

		if (strncmp(arg, "--", 2) == 0 && arg[2]) {
			r = take_long(p, arg + 2, argv, &next);
		} else if (arg[0] == '-' && arg[1] && arg[1] != '-') {
			r = take_short(p, arg + 1, argv, &next);
		} else {
			r = conf_fail(p->error, command_line,
				      "argument '%s': not an option; name interfaces with -i", arg);
		}
	}
	return r;
}

/* Port keys become defaults: a section of the file may still override them. */
static int apply_given(struct parser *p)
{
	char typed[64];
	const struct conf_place place = { NULL, 0, typed };
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->given_count; i++) {
		const struct given *given = &p->given[i];
		if (given->letter) {
			snprintf(typed, sizeof(typed), "-%c", given->letter);
		} else {
			snprintf(typed, sizeof(typed), "--%.*s", (int)given->len, given->name);
		}
		r = conf_value_set(given->key, conf_target(p->conf, given->key), p->conf,
				   given->value, place, p->error);
	}
	return r;
}

/* [global], the command line, then the sections: each overrides what came before. */
static int load(struct parser *p)
{
	struct conf_text text = { NULL, 0, NULL };
	int r = 0;

	if (p->file) {
		r = conf_text_read(&text, p->file, p->error);
	}
	if (r == 0 && p->file) {
		r = conf_parse_global(p->conf, &text, p->error);
	}
	if (r == 0) {
		r = apply_given(p);
	}
	for (size_t i = 0; r == 0 && i < p->interface_count; i++) {
		if (!conf_interface_add(p->conf, p->interfaces[i])) {
			r = conf_fail(p->error, command_line, "no memory; make some free");
		}
	}
	if (r == 0 && p->file) {
		r = conf_parse_ports(p->conf, &text, p->error);
	}
	if (r == 0) {
		r = conf_validate(p->conf, p->error);
	}
	conf_text_finish(&text);
	return r;
}

int options_parse(struct conf *conf, int argc, char **argv, bool native, enum options_mode *mode,
		  struct conf_error *error)
{
	struct parser p = { .conf = conf, .mode = OPTIONS_RUN, .error = error };
	size_t letters = 1;
	int r;

	/* No more keys than letters on the command line, no more interfaces than arguments. */
	for (int i = 1; i < argc; i++) {
		letters += strlen(argv[i]);
	}
	p.given = calloc(letters, sizeof(p.given[0]));
	p.interfaces = calloc((size_t)argc + 1, sizeof(p.interfaces[0]));
	r = conf_init(conf, native);
	if (r != 0 || !p.given || !p.interfaces) {
		r = conf_fail(error, command_line, "no memory; make some free");
	}
	if (r == 0) {
		r = take_arguments(&p, argv);
	}
	if (r == 0 && (p.mode == OPTIONS_RUN || p.mode == OPTIONS_CHECK_CONFIG ||
		       p.mode == OPTIONS_PRINT_CONFIG)) {
		r = load(&p);
	}
	*mode = p.mode;
	free(p.given);
	free(p.interfaces);
	return r;
}
