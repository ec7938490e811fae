/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration of programs beside the daemon: their command line, and the file it names. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/config/config.h"
#include "tools/config/suggest.h"

/* A key given on the command line, to be applied between [global] and the port sections. */
struct conf_given {
	const struct conf_key *key;
	const char *text;
	char letter; /* of a short option; 0: the key's name was typed */
};

static const struct conf_place command_line = { NULL, 0 };

struct option *conf_long_options(const struct option *own)
{
	const struct option *o = own;
	struct option *all;
	size_t n = 0;

	for (; o && o->name; o++) {
		n++;
	}
	all = calloc(n + 2 * conf_table_len + 1, sizeof(*all));
	if (!all) {
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		all[i] = own[i];
	}
	for (size_t i = 0; i < conf_table_len; i++) {
		const char *names[] = { conf_table[i].name, conf_table[i].alias };

		for (size_t k = 0; k < 2; k++) {
			if (names[k] && conf_key_is_option(&conf_table[i])) {
				all[n++] = (struct option){ names[k], required_argument, NULL,
							    CONF_OPTION_KEY };
			}
		}
	}
	return all;
}

static int no_memory(struct conf_error *error)
{
	(void)conf_fail(error, command_line, "no memory; make some free");
	return -ENOMEM;
}

int conf_request_key(struct conf_request *request, const char *name, const char *text,
		     struct conf_error *error)
{
	const struct conf_key *key = conf_key_find(name, strlen(name));
	struct conf_given *given;
	struct suggest near;

	if (!key || !conf_key_is_option(key)) {
		suggest_init(&near, name, strlen(name));
		suggest_keys(&near, SUGGEST_OPTION);
		return conf_fail(error, command_line, "option --%s: unknown%s%s%s", name,
				 suggest_best(&near) ? "; did you mean --" : "; --help lists them",
				 suggest_best(&near) ? suggest_best(&near) : "",
				 suggest_best(&near) ? "?" : "");
	}
	given = reallocarray(request->given, request->given_count + 1, sizeof(*given));
	if (!given) {
		return no_memory(error);
	}
	request->given = given;
	given[request->given_count++] = (struct conf_given){ key, text,
									request->letter };
	return 0;
}

int conf_request_section(struct conf_request *request, const char *name,
			 struct conf_error *error)
{
	const char **sections;

	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || strpbrk(name, " \t")) {
		return conf_fail(error, command_line,
				 "'%s' can be the name of no interface and no clock; names have "
				 "up to %d octets",
				 name, IFNAMSIZ - 1);
	}
	sections = reallocarray(request->sections, request->section_count + 1, sizeof(*sections));
	if (!sections) {
		return no_memory(error);
	}
	request->sections = sections;
	sections[request->section_count++] = name;
	return 0;
}

static int apply_given(const struct conf_request *request, struct conf *conf,
		       struct conf_error *error)
{
	for (size_t i = 0; i < request->given_count; i++) {
		const struct conf_given *g = &request->given[i];
		char typed[64];
		const struct conf_place place = { NULL, 0, typed };
		int r;

		if (g->letter) {
			snprintf(typed, sizeof(typed), "-%c", g->letter);
		} else {
			snprintf(typed, sizeof(typed), "--%s", g->key->name);
		}
		r = conf_value_set(g->key, conf_target(conf, g->key), conf, g->text, place, error);
		if (r != 0) {
			return r;
		}
	}
	return 0;
}

static int add_sections(const struct conf_request *request, struct conf *conf,
			struct conf_error *error)
{
	for (size_t i = 0; i < request->section_count; i++) {
		if (!conf_interface_add(conf, request->sections[i])) {
			return no_memory(error);
		}
	}
	return 0;
}

int conf_request_load(const struct conf_request *request, struct conf *conf,
		      struct conf_error *error)
{
	struct conf_text text = { NULL, 0, NULL };
	int r = request->file ? conf_text_read(&text, request->file, error) : 0;

	if (r == 0 && request->file) {
		r = conf_parse_global(conf, &text, error);
	}
	if (r == 0) {
		r = apply_given(request, conf, error);
	}
	if (r == 0) {
		r = add_sections(request, conf, error);
	}
	if (r == 0 && request->file) {
		r = conf_parse_ports(conf, &text, error);
	}
	conf_text_finish(&text);
	return r;
}

void conf_request_finish(struct conf_request *request)
{
	free(request->given);
	free(request->sections);
	*request = (struct conf_request){ 0 };
}
