/* SPDX-License-Identifier: BSD-2-Clause */
/* Time zones by POSIX rules, which need no database, and what PTP is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tz2alt/zone.h"

#define VIENNA "CET-1CEST,M3.5.0,M10.5.0/3"
#define DAY 86400

/* 2026-03-29 01:00 and 2026-10-25 01:00, UTC. */
#define SPRING 1774746000
#define AUTUMN 1792890000

static void known(void **state)
{
	(void)state;
	assert_true(zone_known(VIENNA));
	assert_true(zone_known("PST8PDT"));
	assert_true(zone_known("<+0330>-3:30"));
	assert_true(zone_known("UTC0"));
	assert_false(zone_known(""));
	assert_false(zone_known("Europe/Atlantis"));
	assert_false(zone_known("../../etc/passwd"));
	assert_false(zone_known("X1"));
}

static void transitions(void **state)
{
	int64_t at = 0;
	int offset;

	(void)state;
	assert_int_equal(zone_offset(VIENNA, SPRING - 1, &offset), 0);
	assert_int_equal(offset, 3600);
	assert_int_equal(zone_offset(VIENNA, SPRING, &offset), 0);
	assert_int_equal(offset, 7200);
	assert_true(zone_next(VIENNA, SPRING - 10 * DAY, 90 * DAY, &at));
	assert_int_equal(at, SPRING);
	assert_true(zone_next(VIENNA, SPRING - 1, 90 * DAY, &at));
	assert_int_equal(at, SPRING);
	assert_false(zone_next(VIENNA, SPRING, 90 * DAY, &at));
	/* Both changes of a year are in the window: the ends have the same offset. */
	assert_true(zone_next(VIENNA, SPRING - 10 * DAY, 366 * DAY, &at));
	assert_int_equal(at, SPRING);
	assert_true(zone_next(VIENNA, SPRING, AUTUMN - SPRING, &at));
	assert_int_equal(at, AUTUMN);
	assert_false(zone_next(VIENNA, SPRING, AUTUMN - SPRING - 1, &at));
	assert_false(zone_next("UTC0", SPRING, 366 * DAY, &at));
}

static void names(void **state)
{
	static const struct {
		const char *name;
		const char *display;
		bool cut;
	} rows[] = {
		{ "UTC", "UTC", false },
		{ "1234567890", "1234567890", false },
		{ "Europe/Vienna", "Vienna", true },
		{ "America/Argentina/Buenos_Aires", "America/Ar", true },
		{ "Pacific/", "Pacific/", false },
		{ "Antarctica/", "Antarctica", true },
	};
	char display[GNOMON_DISPLAY_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(zone_display_name(rows[i].name, display), rows[i].cut);
		assert_string_equal(display, rows[i].display);
	}
}

static void reports(void **state)
{
	/* What is behind the slash, made even. */
	static const uint8_t name[] = { 2, 1, '3', 0 };
	static const uint8_t properties[] = {
		2,    0x00, 0x00, 0x0d, 0xeb,		  /* 3600 - 37 */
		0x00, 0x00, 0x0e, 0x10,			  /* 3600 */
		0x00, 0x00, 0x69, 0xc8, 0x79, 0xb5, 0x00, /* SPRING + 37 */
	};
	static const uint8_t enable[] = { 2, 1 };
	uint8_t data[ZONE_DATA_MAX];
	struct leap_table leap;
	struct zone_report r;

	(void)state;
	leap_init(&leap);
	assert_int_equal(zone_report_make(&r, VIENNA, 2, SPRING - DAY, 90 * DAY, &leap, false),
			 LEAP_GOOD);
	assert_true(r.pending);
	assert_int_equal(zone_name_data(&r, data), sizeof(name));
	assert_memory_equal(data, name, sizeof(name));
	assert_int_equal(zone_properties_data(&r, data), sizeof(properties));
	assert_memory_equal(data, properties, sizeof(properties));
	assert_int_equal(zone_enable_data(&r, data), sizeof(enable));
	assert_memory_equal(data, enable, sizeof(enable));
	/* As linuxptp tells it. */
	assert_int_equal(zone_report_make(&r, VIENNA, 2, SPRING - DAY, 90 * DAY, &leap, true),
			 LEAP_GOOD);
	assert_int_equal(r.ato.time_of_next_jump, SPRING);
	assert_int_equal(zone_report_make(&r, VIENNA, 2, SPRING, 90 * DAY, &leap, false),
			 LEAP_GOOD);
	assert_false(r.pending);
	assert_int_equal(r.ato.jump_seconds, 0);
	assert_int_equal(r.ato.time_of_next_jump, 0);
	assert_int_equal(r.ato.current_offset, 7200 - 37);
}

static void leap_seconds(void **state)
{
	struct leap_table leap;
	struct zone_report r = { .utc_offset = 77 };

	(void)state;
	leap_init(&leap);
	assert_int_equal(zone_report_make(&r, VIENNA, 0, 1483228799, DAY, &leap, false),
			 LEAP_AMBIGUOUS);
	assert_int_equal(zone_report_make(&r, VIENNA, 0, 0, DAY, &leap, false), LEAP_UNKNOWN);
	assert_int_equal(r.utc_offset, 77);
	assert_int_equal(zone_report_make(&r, VIENNA, 0, leap.expires + 1, DAY, &leap, false),
			 LEAP_EXPIRED);
	assert_int_equal(r.tai_offset, 37);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/tz2alt/zone/known", known, NULL, NULL, NULL },
		{ "/tz2alt/zone/transitions", transitions, NULL, NULL, NULL },
		{ "/tz2alt/zone/names", names, NULL, NULL, NULL },
		{ "/tz2alt/zone/reports", reports, NULL, NULL, NULL },
		{ "/tz2alt/zone/leap_seconds", leap_seconds, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
