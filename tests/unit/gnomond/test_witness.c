/* SPDX-License-Identifier: BSD-2-Clause */
/* A clock that somebody else steps, and one that only seems to be stepped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/seed.h"
#include "tools/gnomond/witness.h"

/* True time, and what everybody makes of it. */
static struct sky {
	struct gnomon_clock clock;
	struct witness witness;
	struct witness_report report;
	struct seed random;
	double now_ns;   /* of CLOCK_MONOTONIC_RAW */
	double offset_ns; /* of the clock */
	double ppb;      /* its oscillator */
	double frequency_ppb;
	double slew_ppb; /* of CLOCK_MONOTONIC, and of the clock if it keeps UTC */
	double slewed_ns;
	double slept_ns;
	double latency_ns; /* a reading takes up to that */
	int fails;
} sky;

static void advance(double ns)
{
	sky.now_ns += ns;
	sky.offset_ns += ns * (sky.ppb + sky.frequency_ppb) * 1e-9;
	sky.slewed_ns += ns * sky.slew_ppb * 1e-9;
}

static void take_time(void)
{
	advance(sky.latency_ns * (double)(seed_next(&sky.random) >> 11) * 0x1p-53);
}

static int sky_gettime(void *context, clockid_t id, struct timespec *ts)
{
	double ns;
	int64_t whole;

	(void)context;
	take_time();
	ns = sky.now_ns;
	if (id != CLOCK_MONOTONIC_RAW) {
		ns += sky.slewed_ns;
	}
	if (id == CLOCK_BOOTTIME) {
		ns += sky.slept_ns;
	}
	whole = (int64_t)ns;
	*ts = (struct timespec){ whole / GNOMON_NSEC_PER_SEC, whole % GNOMON_NSEC_PER_SEC };
	return 0;
}

static int sky_read(struct gnomon_clock *clock, gnomon_time *now)
{
	double ns = sky.now_ns + sky.offset_ns + (clock->utc ? sky.slewed_ns : 0.0);

	take_time();
	if (!sky.fails) {
		*now = gnomon_time_add((gnomon_time){ 1700000000, 0, 0 },
				       gnomon_span_from_double(ns));
	}
	return sky.fails;
}

static const struct gnomon_clock_ops sky_ops = { .kind = "sim", .read = sky_read };

static void set_up(bool utc, bool ours)
{
	sky = (struct sky){
		.clock = { &sky_ops, "sky", 1e6, utc },
		.random = { 1 },
		.now_ns = 1e9,
		.latency_ns = 1000.0,
		.witness = { .gettime = sky_gettime },
	};
	if (!utc) {
		sky.ppb = -80000.0;
	}
	witness_init(&sky.witness, &sky.clock, ours, 0.0);
}

static enum witness_verdict look_after(double seconds)
{
	advance(seconds * 1e9);
	return witness_look(&sky.witness, &sky.report);
}

static void set_frequency(double ppb)
{
	if (!sky.clock.utc) {
		sky.frequency_ppb = ppb;
	} else {
		sky.slew_ppb = ppb;
	}
	witness_frequency(&sky.witness, ppb);
}

static void quiet(int looks, double seconds)
{
	for (int i = 0; i < looks; i++) {
		assert_int_equal(look_after(seconds), WITNESS_NOTHING);
	}
}

/* Whatever the servo does to the frequency, and however seldom or often somebody looks. */
static void own_frequency_is_no_step(void **state)
{
	(void)state;
	for (int utc = 0; utc < 2; utc++) {
		set_up(utc, true);
		quiet(5, 1.0);
		for (int i = 0; i < 400; i++) {
			set_frequency(80000.0 + 900000.0 * sin(i * 0.7));
			quiet(1, 0.125);
			set_frequency(i % 7 * -3000.0);
			quiet(1, i % 50 ? 0.01 : 3.0);
		}
		sky.ppb += 300.0; /* it warms up */
		quiet(5, 1.0);
		sky.latency_ns = 1e6; /* and the machine is busy */
		quiet(200, 1.0);
	}
}

/* A driver that starts its device anew sets the time, and forgets the frequency: that is one step,
 * and the next one is seen again. If the time happens to be right, the frequency looks like one. */
static void frequency_by_others(void **state)
{
	static const double by[] = { 1e15, 0.0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		set_up(false, true);
		set_frequency(50000.0);
		quiet(5, 1.0);
		sky.offset_ns += by[i];
		sky.frequency_ppb = 0.0; /* and we are not told */
		assert_int_equal(look_after(1.0), WITNESS_STEPPED);
		quiet(3, 1.0);
		quiet(100, 0.0625);
		quiet(3, 1.0);
		sky.offset_ns += 8000.0;
		assert_int_equal(look_after(1.0), WITNESS_STEPPED);
	}
}

/* How small a step is seen, and how well it is measured. */
static void steps_are_seen(void **state)
{
	static const double by[] = { 8000.0, -8000.0, 1e6, -37e9, 1e15 };

	(void)state;
	for (int utc = 0; utc < 2; utc++) {
		for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
			set_up(utc, true);
			set_frequency(70000.0);
			quiet(10, 1.0);
			sky.offset_ns += by[i];
			assert_int_equal(look_after(1.0), WITNESS_STEPPED);
			assert_true(fabs(sky.report.by_ns - by[i]) <= sky.report.error_ns + 1.0);
			assert_true(sky.report.error_ns < 5000.0);
			quiet(10, 1.0);
		}
	}
}

/* One who is slower than a microsecond per second is nobody's step. */
static void free_running(void **state)
{
	(void)state;
	set_up(false, false);
	for (int i = 0; i < 20; i++) {
		sky.frequency_ppb = i % 5 * 200000.0; /* somebody else steers it */
		quiet(1, 1.0);
	}
	sky.offset_ns += 1e8;
	assert_int_equal(look_after(1.0), WITNESS_STEPPED);
}

static void own_steps_are_told(void **state)
{
	(void)state;
	set_up(false, true);
	quiet(3, 1.0);
	sky.offset_ns += 1e9;
	witness_forget(&sky.witness);
	quiet(3, 1.0);
	sky.offset_ns -= 1e9;
	assert_int_equal(look_after(1.0), WITNESS_STEPPED);
}

static void suspend(void **state)
{
	(void)state;
	for (int utc = 0; utc < 2; utc++) {
		set_up(utc, true);
		quiet(3, 1.0);
		sky.slept_ns += 5e9;
		assert_int_equal(look_after(0.3), WITNESS_SLEPT);
		assert_true(fabs(sky.report.slept_s - 5.0) < 0.01);
		quiet(3, 1.0);
	}
}

static void unreadable(void **state)
{
	(void)state;
	set_up(false, true);
	quiet(3, 1.0);
	sky.fails = -EIO;
	quiet(1, 1.0);
	sky.offset_ns += 1e9;
	sky.fails = 0;
	quiet(3, 1.0); /* from here on it is watched again */
	sky.offset_ns += 1e9;
	assert_int_equal(look_after(1.0), WITNESS_STEPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/witness/own_frequency_is_no_step", own_frequency_is_no_step, NULL,
		  NULL, NULL },
		{ "/gnomond/witness/frequency_by_others", frequency_by_others, NULL, NULL, NULL },
		{ "/gnomond/witness/steps_are_seen", steps_are_seen, NULL, NULL, NULL },
		{ "/gnomond/witness/free_running", free_running, NULL, NULL, NULL },
		{ "/gnomond/witness/own_steps_are_told", own_steps_are_told, NULL, NULL, NULL },
		{ "/gnomond/witness/suspend", suspend, NULL, NULL, NULL },
		{ "/gnomond/witness/unreadable", unreadable, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/witness", tests, NULL, NULL);
}
