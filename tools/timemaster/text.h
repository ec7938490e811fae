/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Texts and lists of words that grow. A program this small that has no memory left has nothing
 * better to do than to say so and end, so nothing here can fail.
 */
#ifndef TIMEMASTER_TEXT_H
#define TIMEMASTER_TEXT_H

#include <stddef.h>

/** Zeroed: empty. items ends with NULL once there is one. */
struct words {
	char **items;
	size_t count;
};

/** Append a word, formatted. */
void words_add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_add_all(struct words *words, const struct words *more);
/** Append what white space separates. */
void words_split(struct words *words, const char *text);
void words_finish(struct words *words);

/** A text in memory of its own. */
char *text_new(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Append to a text of text_new(); NULL is an empty one. */
void text_add(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** items, one larger, zeroed at the end. */
void *array_grow(void *items, size_t count, size_t size);

#endif
