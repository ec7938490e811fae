/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
	if (!memory) {
		fprintf(stderr, "timemaster: no memory\n");
		exit(2);
	}
	return memory;
}

static char *__attribute__((format(printf, 1, 0))) vnew(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
	}
	return must(text);
}

char *text_new(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = vnew(format, args);
	va_end(args);
	return text;
}

void text_add(char **text, const char *format, ...)
{
	const size_t len = *text ? strlen(*text) : 0;
	va_list args;
	char *more;

	va_start(args, format);
	more = vnew(format, args);
	va_end(args);
	*text = must(realloc(*text, len + strlen(more) + 1));
	memcpy(*text + len, more, strlen(more) + 1);
	free(more);
}

void *array_grow(void *items, size_t count, size_t size)
{
	char *grown = must(reallocarray(items, count + 1, size));

	memset(grown + count * size, 0, size);
	return grown;
}

/* Takes the text over. */
static void append(struct words *words, char *text)
{
	words->items = must(reallocarray(words->items, words->count + 2, sizeof(char *)));
	words->items[words->count++] = text;
	words->items[words->count] = NULL;
}

void words_add(struct words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(words, vnew(format, args));
	va_end(args);
}

void words_add_all(struct words *words, const struct words *more)
{
	for (size_t i = 0; i < more->count; i++) {
		words_add(words, "%s", more->items[i]);
	}
}

void words_split(struct words *words, const char *text)
{
	while (*text) {
		size_t len = 0;

		while (isspace((unsigned char)*text)) {
			text++;
		}
		while (text[len] && !isspace((unsigned char)text[len])) {
			len++;
		}
		if (len > 0) {
			words_add(words, "%.*s", (int)len, text);
		}
		text += len;
	}
}

void words_finish(struct words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		free(words->items[i]);
	}
	free(words->items);
	*words = (struct words){ NULL, 0 };
}
