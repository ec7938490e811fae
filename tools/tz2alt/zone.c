/* SPDX-License-Identifier: BSD-2-Clause */
#include "zone.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* No zone changes its mind twice in so short a time. */
#define STEP 10800

/* "PST8PDT", "<+03>-3": three letters or more, and an offset. The C library takes what it does not
 * understand for UTC, without a word. */
static bool is_posix(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (name[0] == '<') {
		len = strcspn(name, ">");
		len += name[len] == '>';
	}
	if (len < 3) {
		return false;
	}
	name += len;
	name += *name == '+' || *name == '-';
	return isdigit((unsigned char)*name);
}

bool zone_known(const char *name)
{
	const char *folder = getenv("TZDIR");
	char path[256];

	if (!name[0] || strstr(name, "..")) {
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
	return is_posix(name) || access(name[0] == '/' ? name : path, R_OK) == 0;
}

int zone_offset(const char *name, int64_t utc, int *offset)
{
	const time_t t = (time_t)utc;
	struct tm tm;

	if (setenv("TZ", name, 1)) {
		return -EINVAL;
	}
	tzset();
	if (!localtime_r(&t, &tm)) {
		return -EINVAL;
	}
	*offset = (int)tm.tm_gmtoff;
	return 0;
}

/* low has the old offset, high another: the first second that does not have the old one. */
static int64_t bisect(const char *name, int64_t low, int64_t high, int old)
{
	while (high - low > 1) {
		const int64_t middle = low + (high - low) / 2;
		int offset;

		if (zone_offset(name, middle, &offset) == 0 && offset == old) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return high;
}

bool zone_next(const char *name, int64_t from, int64_t window, int64_t *at)
{
	const int64_t end = from + window;
	int old, offset;

	if (zone_offset(name, from, &old)) {
		return false;
	}
	while (from < end) {
		const int64_t next = from + STEP < end ? from + STEP : end;

		if (zone_offset(name, next, &offset)) {
			return false;
		}
		if (offset != old) {
			*at = bisect(name, from, next, old);
			return true;
		}
		from = next;
	}
	return false;
}

bool zone_display_name(const char *name, char display[GNOMON_DISPLAY_NAME_MAX + 1])
{
	const char *slash = strchr(name, '/');
	const bool whole = strlen(name) <= GNOMON_DISPLAY_NAME_MAX;

	if (!whole && slash && slash[1] && strlen(slash + 1) <= GNOMON_DISPLAY_NAME_MAX) {
		name = slash + 1;
	}
	snprintf(display, GNOMON_DISPLAY_NAME_MAX + 1, "%.*s", GNOMON_DISPLAY_NAME_MAX, name);
	return !whole;
}

enum leap_answer zone_report_make(struct zone_report *report, const char *name, uint8_t key,
				  int64_t utc, int64_t window, const struct leap_table *leap,
				  bool next_in_utc)
{
	struct zone_report r = { .ato = { .key = key } };
	enum leap_answer answer = leap_find(leap, utc, &r.tai_offset);
	int next_tai_offset;

	if (answer == LEAP_UNKNOWN || answer == LEAP_AMBIGUOUS ||
	    zone_offset(name, utc, &r.utc_offset)) {
		return answer;
	}
	(void)zone_display_name(name, r.ato.name);
	r.ato.name_len = (uint8_t)strlen(r.ato.name);
	r.ato.current_offset = r.utc_offset - r.tai_offset;
	r.pending = zone_next(name, utc, window, &r.next_utc);
	if (r.pending && zone_offset(name, r.next_utc, &r.next_utc_offset) == 0 &&
	    leap_find(leap, r.next_utc, &next_tai_offset) != LEAP_UNKNOWN) {
		r.ato.jump_seconds = r.next_utc_offset - next_tai_offset - r.ato.current_offset;
		r.ato.time_of_next_jump = (uint64_t)(r.next_utc +
						     (next_in_utc ? 0 : next_tai_offset));
	}
	*report = r;
	return answer;
}

static size_t put(uint8_t *data, size_t at, uint64_t value, unsigned int octets)
{
	for (unsigned int i = 0; i < octets; i++) {
		data[at + i] = (uint8_t)(value >> 8 * (octets - 1 - i));
	}
	return at + octets;
}

/* keyField and PTPText, made even. */
size_t zone_name_data(const struct zone_report *report, uint8_t data[ZONE_DATA_MAX])
{
	const struct gnomon_alternate_time_offset *ato = &report->ato;
	size_t len = 0;

	memset(data, 0, ZONE_DATA_MAX);
	len = put(data, len, ato->key, 1);
	len = put(data, len, ato->name_len, 1);
	memcpy(data + len, ato->name, ato->name_len);
	len += ato->name_len;
	return len + len % 2;
}

size_t zone_properties_data(const struct zone_report *report, uint8_t data[ZONE_DATA_MAX])
{
	const struct gnomon_alternate_time_offset *ato = &report->ato;
	size_t len = 0;

	memset(data, 0, ZONE_DATA_MAX);
	len = put(data, len, ato->key, 1);
	len = put(data, len, (uint32_t)ato->current_offset, 4);
	len = put(data, len, (uint32_t)ato->jump_seconds, 4);
	len = put(data, len, ato->time_of_next_jump, 6);
	return put(data, len, 0, 1);
}

size_t zone_enable_data(const struct zone_report *report, uint8_t data[ZONE_DATA_MAX])
{
	size_t len = put(data, 0, report->ato.key, 1);

	return put(data, len, 1, 1);
}
