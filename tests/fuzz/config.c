/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration parser on any text. It is refused with one line that is not empty, or taken;
 * then what is printed of it is taken as well, and printed again it is the same.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/config/config.h"

#include "fuzz.h"

struct buffer {
	char *data;
	size_t len;
	size_t cap;
};

static int append(void *context, const char *text, size_t len)
{
	struct buffer *b = context;

	if (b->len + len + 1 > b->cap) {
		b->cap = 2 * (b->len + len + 1);
		b->data = realloc(b->data, b->cap);
		FUZZ_CHECK(b->data != NULL);
	}
	memcpy(b->data + b->len, text, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

/* As the daemon does, and as the programs beside it do. */
static int load(struct conf *conf, char *data, size_t len, bool tool, struct conf_error *error)
{
	const struct conf_text text = { data, len, "f" };
	int r = tool ? conf_init_tool(conf, true) : conf_init(conf, true);

	FUZZ_CHECK(r == 0);
	r = conf_parse_global(conf, &text, error);
	r = r != 0 ? r : conf_parse_ports(conf, &text, error);
	return r != 0 || tool ? r : conf_validate(conf, error);
}

static void check_refusal(const struct conf_error *error)
{
	FUZZ_CHECK(error->text[0] != '\0');
	FUZZ_CHECK(strlen(error->text) < sizeof(error->text));
	FUZZ_CHECK(strchr(error->text, '\n') == NULL);
}

/* What sections may be relied on for. */
static void check_sections(const struct conf *conf)
{
	FUZZ_CHECK(conf->port_count > 0 || conf->source_count > 0 || conf->sync_count > 0 ||
		   conf->guest_count > 0);
	FUZZ_CHECK(conf->port_count <= CONF_PORTS_MAX);
	FUZZ_CHECK(conf->source_count <= CONF_SOURCES_MAX && conf->sync_count <= CONF_SYNCS_MAX);
	for (size_t i = 0; i < conf->source_count; i++) {
		const struct conf_source *s = &conf->sources[i];

		FUZZ_CHECK(s->name[0] != '\0' && conf_source_find(conf, s->name) == s);
		FUZZ_CHECK((s->type == CONF_SOURCE_PTP) == (s->instance != NULL));
		FUZZ_CHECK(s->instance ? s->instance->port_count > 0 : s->device[0] != '\0');
	}
	for (size_t i = 0; i < conf->sync_count; i++) {
		const struct conf_sync *s = &conf->syncs[i];

		FUZZ_CHECK(s->servo != NULL && strcmp(s->source, s->sink) != 0);
		FUZZ_CHECK(conf_sync_find(conf, s->name) == s);
	}
	for (size_t i = 0; i < conf->guest_count; i++) {
		const struct conf_guest *g = &conf->guests[i];

		FUZZ_CHECK(conf_guest_find(conf, g->name) == g && g->path[0] == '/');
		FUZZ_CHECK((g->way == CONF_WAY_FIXED) == (g->gpa != 0));
	}
}

static void check_printed(const struct conf *conf)
{
	struct buffer first = { NULL, 0, 0 };
	struct buffer second = { NULL, 0, 0 };
	struct conf_error error = { "" };
	struct conf again;

	FUZZ_CHECK(conf_print(conf, append, &first) == 0);
	FUZZ_CHECK(load(&again, first.data, first.len, false, &error) == 0);
	FUZZ_CHECK(conf_print(&again, append, &second) == 0);
	FUZZ_CHECK(strcmp(first.data, second.data) == 0);
	conf_finish(&again);
	free(first.data);
	free(second.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error error = { "" };
	struct conf conf;
	char *text = calloc(1, size + 1);

	FUZZ_CHECK(text != NULL);
	if (size) {
		memcpy(text, data, size);
	}
	size = strlen(text); /* a file with a NUL is refused when it is read */
	if (load(&conf, text, size, false, &error) == 0) {
		check_sections(&conf);
		check_printed(&conf);
	} else {
		check_refusal(&error);
	}
	conf_finish(&conf);
	error.text[0] = '\0';
	if (load(&conf, text, size, true, &error) != 0) {
		check_refusal(&error);
	}
	conf_finish(&conf);
	free(text);
	return 0;
}
