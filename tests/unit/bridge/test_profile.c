/* SPDX-License-Identifier: BSD-2-Clause */
/* TAI and UTC on pages: both profiles, leap seconds either way, and how all of it is read back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "bridge/calendar.h"
#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DAY INT64_C(86400)
/* 2017-01-01T00:00:00Z: the latest leap second there was came before it, 36 becoming 37. */
#define MIDNIGHT INT64_C(1483228800)

static const struct gnomon_utc inserted = { true, 36, 1, MIDNIGHT };
static const struct gnomon_utc left_out = { true, 36, -1, MIDNIGHT };
static const struct gnomon_utc steady = { true, 37, 0, 0 };
static const struct gnomon_utc unknown = { false, 0, 0, 0 };

/* -- months ----------------------------------------------------------------------------------- */

static int64_t first_of(int year, int month)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month, .tm_mday = 1 };

	return timegm(&tm);
}

static void assert_month(int year, int month)
{
	const int64_t start = first_of(year, month), end = first_of(year, month + 1);
	const int64_t inside[] = { start, start + 1, start + 13 * DAY + 12345, end - 1 };

	for (size_t i = 0; i < COUNT(inside); i++) {
		const struct calendar_month m = calendar_month_of(inside[i]);

		assert_int_equal(m.start, start);
		assert_int_equal(m.end, end);
	}
}

/* Against the C library, over more than the 400 years after which the calendar repeats. */
static void months(void **state)
{
	(void)state;
	for (int year = 1890; year <= 2410; year++) {
		for (int month = 0; month < 12; month++) {
			assert_month(year, month);
		}
	}
	assert_month(9999, 11);
	assert_month(1, 0);
	/* No date has so many digits, and nothing breaks. */
	assert_true(calendar_month_of(INT64_MAX).end > calendar_month_of(INT64_MAX).start);
	assert_true(calendar_month_of(INT64_MIN).end > calendar_month_of(INT64_MIN).start);
}

/* -- UTC of TAI ------------------------------------------------------------------------------- */

static void assert_utc(const struct gnomon_utc *rule, int64_t tai, int64_t utc, int offset,
		       enum gnomon_vmclock_leap leap)
{
	const struct gnomon_fine t = { tai, 0x8000 };
	struct gnomon_fine found;
	int16_t found_offset;
	uint8_t found_leap;

	assert_int_equal(gnomon_utc_from_tai(rule, t, &found, &found_offset, &found_leap), 0);
	assert_int_equal(found.sec, utc);
	assert_int_equal(found.frac, 0x8000);
	assert_int_equal(found_offset, offset);
	assert_int_equal(found_leap, leap);
	assert_int_equal(gnomon_utc_from_tai(rule, t, NULL, NULL, NULL), 0);
}

static void second_inserted(void **state)
{
	const int64_t tai = MIDNIGHT + 36; /* 23:59:60 begins */
	const struct gnomon_utc *u = &inserted;

	(void)state;
	assert_utc(u, tai - 31 * DAY - 1, MIDNIGHT - 31 * DAY - 1, 36, GNOMON_VMCLOCK_LEAP_NONE);
	assert_utc(u, tai - 31 * DAY, MIDNIGHT - 31 * DAY, 36, GNOMON_VMCLOCK_LEAP_PRE_POS);
	assert_utc(u, tai - 1, MIDNIGHT - 1, 36, GNOMON_VMCLOCK_LEAP_PRE_POS);
	assert_utc(u, tai, MIDNIGHT - 1, 37, GNOMON_VMCLOCK_LEAP_POS);
	assert_utc(u, tai + 1, MIDNIGHT, 37, GNOMON_VMCLOCK_LEAP_POST_POS);
	assert_utc(u, tai + 31 * DAY, MIDNIGHT + 31 * DAY - 1, 37, GNOMON_VMCLOCK_LEAP_POST_POS);
	assert_utc(u, tai + 31 * DAY + 1, MIDNIGHT + 31 * DAY, 37, GNOMON_VMCLOCK_LEAP_NONE);
}

static void second_left_out(void **state)
{
	const int64_t tai = MIDNIGHT - 1 + 36; /* 23:59:59 would begin, and is 00:00:00 */
	const struct gnomon_utc *u = &left_out;

	(void)state;
	assert_utc(u, tai - 31 * DAY, MIDNIGHT - 31 * DAY - 1, 36, GNOMON_VMCLOCK_LEAP_NONE);
	assert_utc(u, tai - 1, MIDNIGHT - 2, 36, GNOMON_VMCLOCK_LEAP_PRE_NEG);
	assert_utc(u, tai, MIDNIGHT, 35, GNOMON_VMCLOCK_LEAP_POST_NEG);
	assert_utc(u, tai + 31 * DAY - 1, MIDNIGHT + 31 * DAY - 1, 35,
		   GNOMON_VMCLOCK_LEAP_POST_NEG);
	assert_utc(u, tai + 31 * DAY, MIDNIGHT + 31 * DAY, 35, GNOMON_VMCLOCK_LEAP_NONE);
}

static void no_change(void **state)
{
	struct gnomon_fine found = { 5, 5 };

	(void)state;
	assert_utc(&steady, 37, 0, 37, GNOMON_VMCLOCK_LEAP_NONE);
	assert_utc(&steady, INT64_C(9300000037), INT64_C(9300000000), 37, GNOMON_VMCLOCK_LEAP_NONE);
	assert_int_equal(gnomon_utc_from_tai(&unknown, found, &found, NULL, NULL), -ENODATA);
	assert_int_equal(found.sec, 5);
}

/* -- pages ------------------------------------------------------------------------------------ */

/* A page of 1 GHz whose counter is 0 at tai and a half. */
static struct gnomon_vmclock page_at(int64_t tai)
{
	struct gnomon_period period;
	struct gnomon_vmclock c;

	assert_int_equal(gnomon_period_from_uhz(UINT64_C(1000000000000000), &period), 0);
	gnomon_vmclock_init(&c);
	c.flags = GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_TIME_MONOTONIC;
	gnomon_vmclock_set_line(&c, 0, (struct gnomon_fine){ tai, UINT64_C(1) << 63 }, &period);
	return c;
}

static void profile_tai(void **state)
{
	struct gnomon_vmclock c = page_at(MIDNIGHT + 36);

	(void)state;
	assert_int_equal(gnomon_vmclock_set_profile(&c, GNOMON_VMCLOCK_PROFILE_TAI, &inserted), 0);
	assert_int_equal(c.time_type, GNOMON_VMCLOCK_TAI);
	assert_int_equal(c.time_sec, MIDNIGHT + 36);
	assert_int_equal(c.tai_offset_sec, 37);
	assert_int_equal(c.leap_indicator, GNOMON_VMCLOCK_LEAP_POS);
	assert_int_equal(c.flags, GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_TIME_MONOTONIC |
					  GNOMON_VMCLOCK_TAI_OFFSET_VALID);
	/* Known no longer. */
	assert_int_equal(gnomon_vmclock_set_profile(&c, GNOMON_VMCLOCK_PROFILE_TAI, &unknown), 0);
	assert_int_equal(c.flags, GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_TIME_MONOTONIC);
	assert_int_equal(c.tai_offset_sec, 0);
	assert_int_equal(c.leap_indicator, GNOMON_VMCLOCK_LEAP_NONE);
}

static void profile_utc(void **state)
{
	struct gnomon_vmclock c = page_at(MIDNIGHT + 36);

	(void)state;
	assert_int_equal(gnomon_vmclock_set_profile(&c, GNOMON_VMCLOCK_PROFILE_UTC, &unknown),
			 -ENODATA);
	assert_int_equal(c.time_type, GNOMON_VMCLOCK_TAI);
	assert_int_equal(c.flags, GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_TIME_MONOTONIC);
	assert_int_equal(gnomon_vmclock_set_profile(&c, GNOMON_VMCLOCK_PROFILE_UTC, &inserted), 0);
	assert_int_equal(c.time_type, GNOMON_VMCLOCK_UTC);
	assert_int_equal(c.time_sec, MIDNIGHT - 1);
	assert_int_equal(c.leap_indicator, GNOMON_VMCLOCK_LEAP_POS);
	/* No offset told, no promise not to go back. */
	assert_int_equal(c.flags, GNOMON_VMCLOCK_ERRORS_VALID);
}

static void assert_page_utc(const struct gnomon_vmclock *c, int64_t after_ns,
			    const struct gnomon_utc *rule, int64_t tai)
{
	struct gnomon_vmclock_reading r;
	struct gnomon_fine utc, wanted;
	uint8_t leap, wanted_leap;
	int64_t sec = tai + (after_ns + 500000000) / 1000000000;

	/* Floor, for readings before the reference. */
	sec -= (after_ns + 500000000) % 1000000000 < 0;
	gnomon_vmclock_at(c, (uint64_t)after_ns, &r);
	assert_int_equal(gnomon_vmclock_utc_at(c, &r, &utc, &leap), 0);
	assert_int_equal(gnomon_utc_from_tai(rule, (struct gnomon_fine){ sec, 0 }, &wanted, NULL,
					     &wanted_leap), 0);
	assert_int_equal(utc.sec, wanted.sec);
	assert_int_equal(leap, wanted_leap);
}

/*
 * Whichever side of the leap second a page's reference is, and whichever side it is read on (a
 * stored counter may be of before), UTC is right, in both profiles.
 */
static void read_across(void **state)
{
	static const struct gnomon_utc *const rules[] = { &inserted, &left_out, &steady };
	static const enum gnomon_vmclock_profile profiles[] = { GNOMON_VMCLOCK_PROFILE_TAI,
								GNOMON_VMCLOCK_PROFILE_UTC };

	(void)state;
	for (size_t r = 0; r < COUNT(rules); r++) {
		for (size_t p = 0; p < COUNT(profiles); p++) {
			for (int64_t ref = -4; ref <= 4; ref++) {
				const int64_t tai = MIDNIGHT + 36 + ref;
				struct gnomon_vmclock c = page_at(tai);

				assert_int_equal(gnomon_vmclock_set_profile(&c, profiles[p],
									    rules[r]), 0);
				for (int64_t ns = -8; ns <= 8; ns++) {
					assert_page_utc(&c, ns * 1000000000, rules[r], tai);
					assert_page_utc(&c, ns * 1000000000 + 250, rules[r], tai);
				}
			}
		}
	}
}

/* A whole month before, the page says what will be; long after it, nothing of it any more. */
static void read_far(void **state)
{
	const int64_t tai = MIDNIGHT + 36;
	struct gnomon_vmclock c = page_at(tai - 31 * DAY);
	struct gnomon_utc rule;

	(void)state;
	assert_int_equal(gnomon_vmclock_set_profile(&c, GNOMON_VMCLOCK_PROFILE_TAI, &inserted), 0);
	gnomon_vmclock_utc(&c, &rule);
	assert_true(rule.known);
	assert_int_equal(rule.tai_offset, 36);
	assert_int_equal(rule.change, 1);
	assert_int_equal(rule.midnight, MIDNIGHT);
	assert_page_utc(&c, (31 * DAY + 1) * 1000000000, &inserted, tai - 31 * DAY);
	c = page_at(tai + 40 * DAY);
	assert_int_equal(gnomon_vmclock_set_profile(&c, GNOMON_VMCLOCK_PROFILE_TAI, &inserted), 0);
	gnomon_vmclock_utc(&c, &rule);
	assert_int_equal(rule.tai_offset, 37);
	assert_int_equal(rule.change, 0);
}

/* Those who keep the old offset until midnight is through are understood as well. */
static void others_in_the_leap_second(void **state)
{
	struct gnomon_vmclock c = page_at(MIDNIGHT + 36);
	struct gnomon_utc rule;

	(void)state;
	c.flags |= GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	c.tai_offset_sec = 36;
	c.leap_indicator = GNOMON_VMCLOCK_LEAP_POS;
	gnomon_vmclock_utc(&c, &rule);
	assert_memory_equal(&rule, &inserted, sizeof(rule));
	for (int64_t ns = -3; ns <= 3; ns++) {
		assert_page_utc(&c, ns * 1000000000, &inserted, MIDNIGHT + 36);
	}
}

static void offset_signs(void **state)
{
	static const int16_t told[] = { 37, -37 };
	static const uint8_t types[] = { GNOMON_VMCLOCK_TAI, GNOMON_VMCLOCK_UTC };

	(void)state;
	for (size_t i = 0; i < COUNT(told); i++) {
		for (size_t k = 0; k < COUNT(types); k++) {
			struct gnomon_vmclock c = page_at(1700000000);
			struct gnomon_vmclock_reading r;
			struct gnomon_fine tai, utc;
			struct gnomon_utc rule;

			c.time_type = types[k];
			c.flags |= GNOMON_VMCLOCK_TAI_OFFSET_VALID;
			c.tai_offset_sec = told[i];
			gnomon_vmclock_utc(&c, &rule);
			assert_int_equal(rule.tai_offset, 37);
			gnomon_vmclock_at(&c, 0, &r);
			assert_int_equal(gnomon_vmclock_tai_at(&c, &r, &tai), 0);
			assert_int_equal(gnomon_vmclock_utc_at(&c, &r, &utc, NULL), 0);
			assert_int_equal(tai.sec - utc.sec, 37);
			assert_int_equal((k ? utc : tai).sec, 1700000000);
		}
	}
}

/* What a page does not tell is not made up. */
static void not_told(void **state)
{
	struct gnomon_vmclock c = page_at(1700000000);
	struct gnomon_fine t = { 3, 4 };
	struct gnomon_vmclock_reading r;
	struct gnomon_utc rule;
	uint8_t leap = 9;

	(void)state;
	gnomon_vmclock_at(&c, 0, &r);
	c.tai_offset_sec = 37;
	assert_int_equal(gnomon_vmclock_utc_at(&c, &r, &t, &leap), -ENODATA);
	gnomon_vmclock_utc(&c, &rule);
	assert_false(rule.known);
	c.time_type = GNOMON_VMCLOCK_UTC;
	assert_int_equal(gnomon_vmclock_tai_at(&c, &r, &t), -ENODATA);
	gnomon_vmclock_utc(&c, &rule);
	assert_false(rule.known);
	for (unsigned int type = GNOMON_VMCLOCK_MONOTONIC; type < 256; type++) {
		c.time_type = (uint8_t)type;
		c.flags |= GNOMON_VMCLOCK_TAI_OFFSET_VALID;
		assert_int_equal(gnomon_vmclock_tai_at(&c, &r, &t), -ENODATA);
		assert_int_equal(gnomon_vmclock_utc_at(&c, &r, &t, &leap), -ENODATA);
	}
	assert_int_equal(t.sec, 3);
	assert_int_equal(leap, 9);
}

/* Any page at all: the two ways agree, and nothing overflows. */
static void any_page(void **state)
{
	struct seed seed = seed_start("/bridge/profile/any_page");

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct gnomon_vmclock c = page_at(0);
		struct gnomon_vmclock_reading r;
		struct gnomon_fine tai, utc;

		c.time_type = (uint8_t)seed_below(&seed, 3);
		c.flags = seed_next(&seed);
		c.tai_offset_sec = (int16_t)seed_next(&seed);
		c.leap_indicator = (uint8_t)seed_below(&seed, 8);
		c.time_sec = seed_next(&seed) >> seed_below(&seed, 64);
		gnomon_vmclock_at(&c, seed_next(&seed), &r);
		if (gnomon_vmclock_tai_at(&c, &r, &tai) == 0 &&
		    gnomon_vmclock_utc_at(&c, &r, &utc, NULL) == 0 &&
		    c.time_sec < (uint64_t)1 << 60) {
			const int64_t offset = tai.sec - utc.sec;

			assert_in_range(offset + 1, 0, 32000 + 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/calendar/months", months, NULL, NULL, NULL },
		{ "/bridge/profile/second_inserted", second_inserted, NULL, NULL, NULL },
		{ "/bridge/profile/second_left_out", second_left_out, NULL, NULL, NULL },
		{ "/bridge/profile/no_change", no_change, NULL, NULL, NULL },
		{ "/bridge/profile/tai", profile_tai, NULL, NULL, NULL },
		{ "/bridge/profile/utc", profile_utc, NULL, NULL, NULL },
		{ "/bridge/profile/read_across", read_across, NULL, NULL, NULL },
		{ "/bridge/profile/read_far", read_far, NULL, NULL, NULL },
		{ "/bridge/profile/others_in_the_leap_second", others_in_the_leap_second, NULL,
		  NULL, NULL },
		{ "/bridge/profile/offset_signs", offset_signs, NULL, NULL, NULL },
		{ "/bridge/profile/not_told", not_told, NULL, NULL, NULL },
		{ "/bridge/profile/any_page", any_page, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
