/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * TAI minus UTC at any time: the table of leap seconds, built in or read from the list that IERS
 * and NIST publish (leap-seconds.list, which Debian's tzdata installs under /usr/share/zoneinfo).
 */
#ifndef LEAP_LEAP_H
#define LEAP_LEAP_H

#include <stdint.h>
#include <time.h>

#include "drivers/error.h"

#define LEAP_MAX 228

struct leap_row {
	int64_t utc; /* from this second of UTC (since 1970) on ... */
	int offset;  /* ... TAI is so many seconds ahead */
};

struct leap_table {
	struct leap_row rows[LEAP_MAX];
	int count;
	int64_t expires;  /* UTC: nothing is said about times after it */
	const char *path; /* the list; NULL: built in */
	struct timespec modified;
};

enum leap_answer {
	LEAP_GOOD,
	LEAP_UNKNOWN,   /* before 1972 */
	LEAP_EXPIRED,   /* after what the list covers; the offset is the last known */
	LEAP_AMBIGUOUS, /* the second before a leap second, which counts for it as well */
};

/** The table built in. */
void leap_init(struct leap_table *table);

/** Parse a list; text is NUL terminated. Returns 0 or -EBADMSG with *error; *table as before. */
int leap_parse(struct leap_table *table, const char *text, const char *path,
	       struct driver_error *error);

/**
 * Read the list at path, borrowed. NULL or "": the system's, if that is there and newer than what
 * is built in. Returns 0 or -errno with *error.
 */
int leap_open(struct leap_table *table, const char *path, struct driver_error *error);

/** Read the list again if its file was changed. Returns 1 (it was), 0 or -errno with *error. */
int leap_refresh(struct leap_table *table, struct driver_error *error);

/** TAI minus UTC at that second of UTC; *offset is set but for LEAP_UNKNOWN. */
enum leap_answer leap_find(const struct leap_table *table, int64_t utc, int *offset);

/** Why that answer is no good. */
const char *leap_answer_text(enum leap_answer answer);

#endif
