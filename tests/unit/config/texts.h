/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration as text: read as the daemon reads a file, and printed into memory.
 */
#ifndef TESTS_CONFIG_TEXTS_H
#define TESTS_CONFIG_TEXTS_H

#include <stdlib.h>
#include <string.h>

#include "tools/config/config.h"

/* A file that is called "t.conf". conf_finish() is due whatever comes of it. */
static inline int load_as(struct conf *conf, bool native, const char *content,
			  struct conf_error *error)
{
	struct conf_text text = { strdup(content), strlen(content), "t.conf" };
	int r = conf_init(conf, native);

	r = r != 0 ? r : conf_parse_global(conf, &text, error);
	r = r != 0 ? r : conf_parse_ports(conf, &text, error);
	r = r != 0 ? r : conf_validate(conf, error);
	conf_text_finish(&text);
	return r;
}

struct buffer {
	char *data; /* NUL terminated; to be freed */
	size_t len;
};

/* A conf_write. */
static inline int append(void *context, const char *text, size_t len)
{
	struct buffer *b = context;

	b->data = realloc(b->data, b->len + len + 1);
	memcpy(b->data + b->len, text, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

#endif
