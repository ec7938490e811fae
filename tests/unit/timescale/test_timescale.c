/* SPDX-License-Identifier: BSD-2-Clause */
/* UTC clocks in a PTP timescale: the offset, its changes, and leap seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/timescale/timescale.h"

#define MIDNIGHT (INT64_C(20000) * 86400)
#define PTP (GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID)

static struct timescale_change update(struct timescale *t, int offset, uint16_t flags, int64_t utc)
{
	const struct gnomon_time_properties_ds properties = { (int16_t)offset, flags, 0xa0 };
	struct timescale_change change;

	timescale_update(t, &properties, utc, &change);
	return change;
}

static int64_t local(const struct timescale *t, int64_t utc)
{
	return timescale_local(t, (gnomon_time){ utc, 5, 6 }).sec;
}

/* A clock of the PTP timescale is never shifted and never leaps. */
static void ptp_clock(void **state)
{
	struct timescale_change change;
	struct timescale t;

	timescale_init(&t, false, true);
	change = update(&t, 37, PTP | GNOMON_FLAG_LEAP61, MIDNIGHT - 100);
	assert_int_equal(change.jump_s, 0);
	assert_false(change.leap_changed);
	assert_false(change.offset_changed);
	assert_int_equal(local(&t, 1000), 1000);
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT, 0, 0 }));
}

/* A UTC clock follows the offset of a PTP timescale, and takes an arbitrary one as it is. */
static void utc_clock(void **state)
{
	struct timescale_change change;
	struct timescale t;

	timescale_init(&t, true, true);
	assert_int_equal(local(&t, 1000), 1000);
	change = update(&t, 37, PTP, MIDNIGHT - 40000);
	assert_int_equal(change.jump_s, 37);
	assert_true(change.offset_changed);
	assert_int_equal(local(&t, 1000), 1037);
	change = update(&t, 37, PTP, MIDNIGHT - 39999);
	assert_int_equal(change.jump_s, 0);
	assert_false(change.offset_changed);
	change = update(&t, 37, 0, MIDNIGHT - 39998);
	assert_int_equal(change.jump_s, -37);
	assert_int_equal(local(&t, 1000), 1000);
}

/* The kernel's leap second and the new offset cancel: no jump, and no samples in between. */
static void leap(uint16_t flag, int want, int by)
{
	struct timescale_change change;
	struct timescale t;

	timescale_init(&t, true, true);
	(void)update(&t, 37, PTP, MIDNIGHT - 7200);
	change = update(&t, 37, (uint16_t)(PTP | flag), MIDNIGHT - 3600);
	assert_true(change.leap_changed);
	assert_int_equal(t.leap, want);
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT - 60 + 37, 0, 0 }));
	assert_true(timescale_suspended(&t, (gnomon_time){ MIDNIGHT - 1 + 37, 0, 0 }));
	assert_true(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 3 + 37, 0, 0 }));
	change = update(&t, 37 + by, PTP, MIDNIGHT + 4);
	assert_int_equal(change.jump_s, 0);
	assert_true(change.offset_changed);
	assert_true(change.leap_changed);
	assert_int_equal(t.leap, 0);
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 5 + 37 + by, 0, 0 }));
	assert_int_equal(local(&t, 1000), 1037 + by);
}

static void leap_inserted(void **state)
{
	leap(GNOMON_FLAG_LEAP61, 61, 1);
}

static void leap_deleted(void **state)
{
	leap(GNOMON_FLAG_LEAP59, 59, -1);
}

/* Without the kernel's help, or away from midnight, the same change is a jump. */
static void not_the_kernels(void **state)
{
	struct timescale_change change;
	struct timescale t;

	timescale_init(&t, true, false);
	(void)update(&t, 37, PTP | GNOMON_FLAG_LEAP61, MIDNIGHT - 3600);
	assert_int_equal(t.leap, 0);
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 37, 0, 0 }));
	change = update(&t, 38, PTP, MIDNIGHT + 2);
	assert_int_equal(change.jump_s, 1);

	timescale_init(&t, true, true);
	(void)update(&t, 37, PTP | GNOMON_FLAG_LEAP61, MIDNIGHT - 3600);
	change = update(&t, 38, PTP, MIDNIGHT - 3000);
	assert_int_equal(change.jump_s, 1);
}

/* A clock that starts years off hears of the leap second first, and is stepped to its day then. */
static void stepped_to_another_day(void **state)
{
	struct timescale t;

	timescale_init(&t, true, true);
	(void)update(&t, 37, PTP | GNOMON_FLAG_LEAP61, 1000);
	timescale_stepped(&t, MIDNIGHT - 3600);
	assert_true(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 3 + 37, 0, 0 }));
	assert_int_equal(update(&t, 38, PTP, MIDNIGHT + 4).jump_s, 0);
	/* Without one, a step brings none about. */
	timescale_stepped(&t, MIDNIGHT - 3600);
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 3 + 38, 0, 0 }));
	(void)state;
}

/* A leap second that is called off suspends nothing. */
static void called_off(void **state)
{
	struct timescale t;

	timescale_init(&t, true, true);
	(void)update(&t, 37, PTP | GNOMON_FLAG_LEAP61, MIDNIGHT - 3600);
	(void)update(&t, 37, PTP, MIDNIGHT - 1800);
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 37, 0, 0 }));
}

/* A grandmaster that never announces the new offset does not stop the clock for good. */
static void never_updated(void **state)
{
	struct timescale t;

	timescale_init(&t, true, true);
	(void)update(&t, 37, PTP | GNOMON_FLAG_LEAP61, MIDNIGHT - 3600);
	assert_true(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 37, 0, 0 }));
	assert_false(timescale_suspended(&t, (gnomon_time){ MIDNIGHT + 60 + 37, 0, 0 }));
}

/* TAI = what the clock reads + the offset it was told: neither may change without the other. */
static void tai_offset(void **state)
{
	struct timescale t;

	(void)state;
	timescale_init(&t, true, false);
	(void)update(&t, 37, GNOMON_FLAG_PTP_TIMESCALE, MIDNIGHT - 7200);
	assert_false(timescale_tai_due(&t, true));
	(void)update(&t, 37, PTP, MIDNIGHT - 7200);
	assert_true(timescale_tai_due(&t, false));
	assert_int_equal(t.tai_offset, 37);
	assert_false(timescale_tai_due(&t, true));
	/* The kernel does not know of this leap second: the clock is wrong until it is stepped. */
	assert_int_equal(update(&t, 38, PTP, MIDNIGHT + 4).jump_s, 1);
	assert_false(timescale_tai_due(&t, false));
	(void)update(&t, 38, PTP, MIDNIGHT + 5);
	assert_false(timescale_tai_due(&t, false));
	assert_true(timescale_tai_due(&t, true));
	assert_int_equal(t.tai_offset, 38);
	/* Changed twice before the clock has followed, and back. */
	(void)update(&t, 39, PTP, MIDNIGHT + 100);
	(void)update(&t, 38, PTP, MIDNIGHT + 101);
	assert_false(timescale_tai_due(&t, true));
	/* With the kernel's leap second nothing waits. */
	timescale_init(&t, true, true);
	(void)update(&t, 37, PTP | GNOMON_FLAG_LEAP59, MIDNIGHT - 7200);
	assert_true(timescale_tai_due(&t, false));
	assert_int_equal(update(&t, 36, PTP, MIDNIGHT + 4).jump_s, 0);
	assert_true(timescale_tai_due(&t, false));
	assert_true(timescale_has_followed(gnomon_span_from_ns(-499999999)));
	assert_false(timescale_has_followed(gnomon_span_from_ns(500000000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/timescale/tai_offset", tai_offset, NULL, NULL, NULL },
		{ "/timescale/ptp_clock", ptp_clock, NULL, NULL, NULL },
		{ "/timescale/utc_clock", utc_clock, NULL, NULL, NULL },
		{ "/timescale/leap_inserted", leap_inserted, NULL, NULL, NULL },
		{ "/timescale/leap_deleted", leap_deleted, NULL, NULL, NULL },
		{ "/timescale/stepped_to_another_day", stepped_to_another_day, NULL, NULL, NULL },
		{ "/timescale/not_the_kernels", not_the_kernels, NULL, NULL, NULL },
		{ "/timescale/called_off", called_off, NULL, NULL, NULL },
		{ "/timescale/never_updated", never_updated, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/timescale", tests, NULL, NULL);
}
