/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/config/suggest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "tools/config/config.h"

/* Names longer than any there is are not looked at. */
#define NAME_MAX_LEN 64

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters are to be changed, added, left out or swapped to make a of b (optimal string
 * alignment); three rows of the table are enough. Neither is longer than NAME_MAX_LEN. */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= b_len; j++) {
		rows[0][j] = (unsigned int)j;
	}
	for (size_t i = 1; i <= a_len; i++) {
		const unsigned int *before = rows[(i + 1) % 3];
		const unsigned int *above = rows[(i - 1) % 3];
		unsigned int *row = rows[i % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				       above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1])) {
				row[j] = least(row[j], before[j - 2] + 1);
			}
		}
	}
	return rows[a_len % 3][b_len];
}

void suggest_init(struct suggest *suggest, const char *name, size_t len)
{
	*suggest = (struct suggest){ .name = name, .len = len, .distance = UINT_MAX };
}

void suggest_name(struct suggest *suggest, const char *candidate)
{
	const size_t len = strlen(candidate);
	unsigned int far;

	if (suggest->len == 0 || suggest->len > NAME_MAX_LEN || len > NAME_MAX_LEN) {
		return;
	}
	far = distance(suggest->name, suggest->len, candidate, len);
	/* A name that was broken off is as good as nearly right. */
	if (suggest->len >= 3 && strncasecmp(suggest->name, candidate, suggest->len) == 0) {
		far = least(far, 1);
	}
	if (far < suggest->distance) {
		suggest->distance = far;
		suggest->best = candidate;
	}
}

static bool is_allowed(const struct conf_key *key, enum suggest_where where)
{
	return where == SUGGEST_IN_FILE ||
	       (conf_key_is_option(key) &&
		(where == SUGGEST_OPTION || key->status != CONF_OTHER));
}

void suggest_keys(struct suggest *suggest, enum suggest_where where)
{
	for (size_t i = 0; i < conf_table_len; i++) {
		if (is_allowed(&conf_table[i], where)) {
			suggest_name(suggest, conf_table[i].name);
			if (conf_table[i].alias) {
				suggest_name(suggest, conf_table[i].alias);
			}
		}
	}
}

const char *suggest_best(const struct suggest *suggest)
{
	return suggest->best && suggest->distance <= (suggest->len + 1) / 3 ? suggest->best : NULL;
}
