/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated clock behind the ops of every clock, and the UTC derived from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/sim/clock.h"

/* 2029-12-31T23:59:50 UTC, and the same in TAI. */
#define EVE_UTC INT64_C(1893455990)
#define EVE_TAI (EVE_UTC + 37)
#define SECOND SIM_PS_PER_S

static int64_t now_ps;

static void start(struct sim_clock *c, double ppb)
{
	const struct oscillator_spec spec = { .frequency_ppb = ppb };

	now_ps = 0;
	sim_clock_init(c, &spec, (struct phase){ 0, 0.0 }, 1, &now_ps, EVE_TAI);
	c->tai_offset = 37;
}

static void reading(void **state)
{
	struct sim_clock c;
	gnomon_time t;

	start(&c, 0.0);
	now_ps = 3 * SECOND + 1500;
	assert_int_equal(c.base.ops->read(&c.base, &t), 0);
	assert_int_equal(t.sec, EVE_TAI + 3);
	assert_int_equal(t.nsec, 1);
	assert_int_equal(t.frac, 0x8000);
	assert_int_equal(c.base.ops->step(&c.base, (gnomon_span){ -2000000002, 0x8000 }), 0);
	c.base.ops->read(&c.base, &t);
	assert_int_equal(t.sec, EVE_TAI + 1);
	assert_int_equal(t.nsec, 0);
	assert_int_equal(t.frac, 0);
	assert_int_equal(c.steps, 1);
}

/* Below its epoch, nanoseconds stay positive. */
static void before_epoch(void **state)
{
	struct sim_clock c;
	gnomon_time t;

	start(&c, 0.0);
	c.base.ops->step(&c.base, (gnomon_span){ -1, 0 });
	c.base.ops->read(&c.base, &t);
	assert_int_equal(t.sec, EVE_TAI - 1);
	assert_int_equal(t.nsec, 999999999);
}

static void frequency(void **state)
{
	struct sim_clock c;
	double ppb = 0.0;

	start(&c, 50000.0);
	now_ps = 10 * SECOND;
	assert_int_equal(c.base.ops->set_frequency(&c.base, -50000.0), 0);
	assert_int_equal(c.base.ops->get_frequency(&c.base, &ppb), 0);
	assert_true(ppb == -50000.0);
	/* 500 us from before, -2.5 ns per second from then on: the product of the two. */
	assert_true(fabs(sim_clock_error_ns(&c, 20 * SECOND) - (500000.0 - 25.0)) < 1e-3);
	assert_int_equal(c.base.ops->set_frequency(&c.base, 2.0 * SIM_CLOCK_MAX_PPB), -ERANGE);
	assert_int_equal(c.base.ops->set_frequency(&c.base, (double)NAN), -ERANGE);
	c.base.ops->get_frequency(&c.base, &ppb);
	assert_true(ppb == -50000.0);
}

static void stamps(void **state)
{
	const gnomon_time stamp = { 5, 6, 7 };
	struct sim_clock c;
	gnomon_time t = { 0, 0, 0 };

	start(&c, 0.0);
	assert_int_equal(c.base.ops->from_stamp(&c.base, GNOMON_STAMP_SYSTEM, stamp, &t),
			 -EOPNOTSUPP);
	assert_int_equal(t.sec, 0);
	assert_int_equal(c.base.ops->from_stamp(&c.base, GNOMON_STAMP_HARDWARE, stamp, &t), 0);
	assert_int_equal(t.sec, 5);
	assert_string_equal(c.base.ops->kind, "sim");
}

static void assert_utc(struct sim_clock *c, int64_t second, int64_t sec, bool leap)
{
	struct utc_label utc = sim_clock_utc(c, second * SECOND + SECOND / 2);

	assert_int_equal(utc.sec, sec);
	assert_int_equal(utc.leap, leap);
}

/* 23:59:58, :59, :60, 00:00:00; then the new offset arrives and changes nothing. */
static void leap_insert(void **state)
{
	struct sim_clock c;

	start(&c, 0.0);
	assert_int_equal(c.base.ops->set_leap(&c.base, 61), 0);
	assert_utc(&c, 8, EVE_UTC + 8, false);
	assert_utc(&c, 9, EVE_UTC + 9, false);
	assert_utc(&c, 10, EVE_UTC + 9, true);
	assert_utc(&c, 11, EVE_UTC + 10, false);
	now_ps = 13 * SECOND;
	c.base.ops->set_tai_offset(&c.base, 38);
	c.base.ops->set_leap(&c.base, 0);
	assert_utc(&c, 14, EVE_UTC + 13, false);
	assert_utc(&c, 86400 + 20, EVE_UTC + 86400 + 19, false);
}

/* 23:59:57, :58, 00:00:00. */
static void leap_delete(void **state)
{
	struct sim_clock c;

	start(&c, 0.0);
	assert_int_equal(c.base.ops->set_leap(&c.base, 59), 0);
	assert_utc(&c, 8, EVE_UTC + 8, false);
	assert_utc(&c, 9, EVE_UTC + 10, false);
	assert_utc(&c, 10, EVE_UTC + 11, false);
	now_ps = 13 * SECOND;
	/* The flag goes first here: the clock keeps the second it left out. */
	c.base.ops->set_leap(&c.base, 0);
	assert_utc(&c, 14, EVE_UTC + 15, false);
	c.base.ops->set_tai_offset(&c.base, 36);
	assert_utc(&c, 15, EVE_UTC + 16, false);
}

static void leap_withdrawn(void **state)
{
	struct sim_clock c;

	start(&c, 0.0);
	c.base.ops->set_leap(&c.base, 61);
	now_ps = 5 * SECOND;
	c.base.ops->set_leap(&c.base, 0);
	assert_utc(&c, 10, EVE_UTC + 10, false);
	assert_int_equal(c.base.ops->set_leap(&c.base, 60), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/clock/reading", reading, NULL, NULL, NULL },
		{ "/sim/clock/before_epoch", before_epoch, NULL, NULL, NULL },
		{ "/sim/clock/frequency", frequency, NULL, NULL, NULL },
		{ "/sim/clock/stamps", stamps, NULL, NULL, NULL },
		{ "/sim/clock/leap_insert", leap_insert, NULL, NULL, NULL },
		{ "/sim/clock/leap_delete", leap_delete, NULL, NULL, NULL },
		{ "/sim/clock/leap_withdrawn", leap_withdrawn, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
