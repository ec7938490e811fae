/* SPDX-License-Identifier: BSD-2-Clause */
#include "leap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* From NTP's epoch, 1900, to 1970. */
#define NTP_EPOCH INT64_C(2208988800)

/* Longest list: the published one has 30 lines of data in 250. */
#define LIST_MAX (256 * 1024)

/* Days since 1970 of each first day with a new offset, from 10 s on. IERS Bulletins C. */
static const int days[] = {
	730,  912,  1096, 1461, 1826, 2191, 2557,  2922,  3287,  3652,  4199,  4564,  4929,  5660,
	6574, 7305, 7670, 8217, 8582, 8947, 9496, 10043, 10592, 13149, 14245, 15522, 16617, 17167,
};

/* 2026-06-28: what the list of tzdata 2025b covers. */
#define BUILT_IN_EXPIRES (INT64_C(20632) * 86400)

/* Where distributions keep the list. */
#define SYSTEM_LIST "/usr/share/zoneinfo/leap-seconds.list"

void leap_init(struct leap_table *table)
{
	memset(table, 0, sizeof(*table));
	table->count = (int)(sizeof(days) / sizeof(days[0]));
	for (int i = 0; i < table->count; i++) {
		table->rows[i] = (struct leap_row){ days[i] * INT64_C(86400), 10 + i };
	}
	table->expires = BUILT_IN_EXPIRES;
}

/* "3692217600 37 # 1 Jan 2017"; false: it is something else. */
static bool parse_row(const char *line, struct leap_row *row)
{
	uint64_t ntp;
	int offset;

	if (sscanf(line, "%20" SCNu64 " %9d", &ntp, &offset) != 2 || ntp > UINT64_C(1) << 40) {
		return false;
	}
	*row = (struct leap_row){ (int64_t)ntp - NTP_EPOCH, offset };
	return true;
}

static int bad_list(struct driver_error *error, const char *path, int line, const char *what)
{
	return driver_fail(error, -EBADMSG, "%s:%d: %s; get a new leap-seconds.list", path, line,
			   what);
}

/* Comments begin with '#'; "#@" is the time of expiry. */
static int parse_line(struct leap_table *t, const char *line, const char *path, int number,
		      struct driver_error *error)
{
	struct leap_row row;
	uint64_t ntp;

	if (sscanf(line, "#@ %20" SCNu64, &ntp) == 1 && ntp < UINT64_C(1) << 40) {
		t->expires = (int64_t)ntp - NTP_EPOCH;
		return 0;
	}
	if (line[0] == '#' || strspn(line, " \t\r\n") == strlen(line)) {
		return 0;
	}
	if (!parse_row(line, &row)) {
		return bad_list(error, path, number, "is no row of a list of leap seconds");
	}
	if (t->count > 0 && (row.utc <= t->rows[t->count - 1].utc ||
			     abs(row.offset - t->rows[t->count - 1].offset) != 1)) {
		return bad_list(error, path, number, "does not follow the row before it");
	}
	if (t->count == LEAP_MAX) {
		return bad_list(error, path, number, "is one row too many");
	}
	t->rows[t->count++] = row;
	return 0;
}

int leap_parse(struct leap_table *table, const char *text, const char *path,
	       struct driver_error *error)
{
	struct leap_table t = { .path = path };
	int number = 0;

	while (*text) {
		const char *end = strchrnul(text, '\n');
		char line[256];
		int r;

		(void)snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		r = parse_line(&t, line, path, ++number, error);
		if (r) {
			return r;
		}
		text = *end ? end + 1 : end;
	}
	if (t.count == 0 || t.expires == 0) {
		return bad_list(error, path, number,
				t.count == 0 ? "has no leap seconds" : "has no expiry (#@)");
	}
	t.modified = table->modified;
	*table = t;
	return 0;
}

static int read_list(struct leap_table *table, const char *path, struct driver_error *error)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(LIST_MAX + 1);
	struct stat status;
	size_t len;
	int r = -ENOMEM;

	if (!file || !text || fstat(fileno(file), &status)) {
		r = file ? -ENOMEM : -errno;
		(void)driver_fail(error, r, "%s: cannot read the list of leap seconds: %s; correct "
				  "leapfile", path, driver_strerror(r));
		goto out;
	}
	len = fread(text, 1, LIST_MAX + 1, file);
	text[len < LIST_MAX ? len : LIST_MAX] = '\0';
	r = leap_parse(table, text, path, error);
	if (r == 0) {
		table->modified = status.st_mtim;
	}
out:
	free(text);
	if (file) {
		(void)fclose(file);
	}
	return r;
}

/* The system's list is taken for what it has beyond ours, and not missed. */
int leap_open(struct leap_table *table, const char *path, struct driver_error *error)
{
	struct leap_table system = { .count = 0 };

	leap_init(table);
	if (path && path[0]) {
		return read_list(table, path, error);
	}
	if (read_list(&system, SYSTEM_LIST, NULL) == 0 && system.expires > table->expires) {
		*table = system;
	}
	return 0;
}

int leap_refresh(struct leap_table *table, struct driver_error *error)
{
	struct stat status;
	int r;

	if (!table->path) {
		return 0;
	}
	if (stat(table->path, &status)) {
		r = -errno;
		return driver_fail(error, r, "%s: %s", table->path, driver_strerror(r));
	}
	if (status.st_mtim.tv_sec == table->modified.tv_sec &&
	    status.st_mtim.tv_nsec == table->modified.tv_nsec) {
		return 0;
	}
	r = read_list(table, table->path, error);
	return r ? r : 1;
}

enum leap_answer leap_find(const struct leap_table *table, int64_t utc, int *offset)
{
	int i = table->count - 1;

	while (i >= 0 && utc < table->rows[i].utc) {
		i--;
	}
	if (i < 0) {
		return LEAP_UNKNOWN;
	}
	*offset = table->rows[i].offset;
	if (i + 1 < table->count && utc == table->rows[i + 1].utc - 1) {
		return LEAP_AMBIGUOUS;
	}
	return utc > table->expires ? LEAP_EXPIRED : LEAP_GOOD;
}

const char *leap_answer_text(enum leap_answer answer)
{
	switch (answer) {
	case LEAP_GOOD:
		break;
	case LEAP_UNKNOWN:
		return "unable to find utc time in leap second table";
	case LEAP_EXPIRED:
		return "utc time is past leap second table expiry date";
	case LEAP_AMBIGUOUS:
		return "utc time stamp is ambiguous";
	}
	return "";
}
