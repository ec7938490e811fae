/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What somebody may have meant who wrote a name there is not.
 *
 *     suggest_init(&s, "priorty1", 8);
 *     suggest_keys(&s, SUGGEST_IN_FILE);
 *     suggest_name(&s, "check-config");
 *     suggest_best(&s)                        "priority1"
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include <stddef.h>

struct suggest {
	const char *name;
	size_t len;
	const char *best;
	unsigned int distance; /* of best */
};

/** Look for names near to this one, of len octets. It is borrowed. */
void suggest_init(struct suggest *suggest, const char *name, size_t len);

/** Consider a name there is. It is borrowed. */
void suggest_name(struct suggest *suggest, const char *candidate);

/** Where a key is looked for, which is not everywhere allowed. */
enum suggest_where {
	SUGGEST_IN_FILE,
	SUGGEST_OPTION,        /* on the command line of a program beside the daemon */
	SUGGEST_DAEMON_OPTION, /* on the daemon's */
};

/** Consider the keys of the configuration that are allowed there. */
void suggest_keys(struct suggest *suggest, enum suggest_where where);

/**
 * The nearest of those considered, the first of several; NULL if none is near: no more than a third
 * of the letters may be wrong, left out, too many or swapped, unless the name is a beginning.
 */
const char *suggest_best(const struct suggest *suggest);

#endif
