/* SPDX-License-Identifier: BSD-2-Clause */
/* Periods of counters, and instants of 2^-64 s, against exact 128-bit integers. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MHZ UINT64_C(1000000000000) /* in microhertz */

__extension__ typedef unsigned __int128 u128;

static struct gnomon_period of_uhz(uint64_t uhz)
{
	struct gnomon_period p;

	assert_int_equal(gnomon_period_from_uhz(uhz, &p), 0);
	return p;
}

/* Values that UAPI.13 and kernels print, and both ends of what the counters of machines do. */
static void known(void **state)
{
	static const struct {
		uint64_t uhz;
		uint64_t frac;
		uint8_t shift;
	} cases[] = {
		{ 1000 * MHZ, 0x89705f4136b4a597, 29 }, /* UAPI.13's example */
		{ MHZ, 0x8637bd05af6c69b6, 19 },
		{ 1000000 * MHZ, 0x8cbccc096f5088cc, 39 }, /* 1 THz */
		{ 2000 * MHZ, 0x89705f4136b4a597, 30 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct gnomon_period p = of_uhz(cases[i].uhz);

		assert_int_equal(p.frac, cases[i].frac);
		assert_int_equal(p.shift, cases[i].shift);
	}
	assert_int_equal(of_uhz(2445 * MHZ).shift, 31);
}

/* frac * uhz is within half a unit of the exact 1e6 * 2^(64 + shift) over all of the range. */
static void exact(void **state)
{
	struct seed seed = seed_start("/bridge/period/exact");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const uint64_t uhz = (seed_next(&seed) >> seed_below(&seed, 40)) | 1;
		struct gnomon_period p;
		u128 low, high;

		if (gnomon_period_from_uhz(uhz, &p)) {
			assert_true(uhz <= 1000000);
			continue;
		}
		assert_true(p.frac >> 63);
		assert_true(p.shift <= GNOMON_PERIOD_SHIFT_MAX);
		/* |frac * uhz - 10^6 * 2^(64 + shift)| <= uhz / 2, modulo 2^128 */
		low = (u128)p.frac * uhz;
		high = ((u128)1000000 << 63 << 1) << p.shift;
		assert_true(low - high <= uhz / 2 + 1 || high - low <= uhz / 2 + 1);
	}
}

static void impossible(void **state)
{
	struct gnomon_period p = { 7, 7 };

	(void)state;
	assert_int_equal(gnomon_period_from_uhz(0, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_uhz(1, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_uhz(1000000, &p), -ERANGE); /* 1 Hz: a whole second */
	assert_int_equal(gnomon_period_from_seconds(0, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_seconds(-1e-9, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_seconds(1, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_seconds(NAN, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_seconds(HUGE_VAL, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_seconds(0x1p-65, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_seconds(0x1p-1074, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_ticks((struct gnomon_fine){ 1, 0 }, 0, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_ticks((struct gnomon_fine){ 0, 0 }, 9, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_ticks((struct gnomon_fine){ -1, 5 }, 9, &p), -ERANGE);
	assert_int_equal(gnomon_period_from_ticks((struct gnomon_fine){ 1, 0 }, 1, &p), -ERANGE);
	assert_int_equal(p.frac, 7);
	assert_int_equal(p.shift, 7);
	/* The ends that exist. */
	assert_int_equal(gnomon_period_from_seconds(0x1p-64, &p), 0);
	assert_int_equal(p.shift, 63);
	assert_int_equal(gnomon_period_from_seconds(nextafter(1, 0), &p), 0);
	assert_int_equal(p.shift, 0);
}

static void seconds(void **state)
{
	static const double values[] = { 1e-12, 4e-10, 1e-9, 1e-6, 0.001, 0.25, 0.999 };

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct gnomon_period p;

		assert_int_equal(gnomon_period_from_seconds(values[i], &p), 0);
		assert_true(gnomon_period_seconds(&p) == values[i]);
	}
}

/* The period of ticks that took a time is the time they take, to less than 2^-60 of it. */
static void ticks_and_back(void **state)
{
	struct seed seed = seed_start("/bridge/period/ticks_and_back");

	(void)state;
	for (int i = 0; i < 5000; i++) {
		const uint64_t ticks = (seed_next(&seed) >> seed_below(&seed, 30)) | 1;
		struct gnomon_fine t = { (int64_t)seed_below(&seed, ticks >> 3 | 1),
					 seed_next(&seed) };
		struct gnomon_period p;
		struct gnomon_fine back;

		if (gnomon_period_from_ticks(t, ticks, &p)) {
			continue;
		}
		back = gnomon_period_elapsed(&p, ticks);
		/* Half a unit of the period per tick, cut off once. */
		if (t.sec < 1000000) {
			assert_in_range(gnomon_fine_diff_ns(back, t) + 1, 0, 2);
		}
		assert_true(fabs((double)back.sec - (double)t.sec) <= 1 + (double)t.sec * 1e-15);
	}
}

static void scale(void **state)
{
	const struct gnomon_period p = of_uhz(2445 * MHZ);
	static const double ppb[] = { 0, 1, -1, 0.001, 50000, -50000, 1e6, -1e6, 1e8, -1e8 };
	struct gnomon_period other;

	(void)state;
	for (size_t i = 0; i < COUNT(ppb); i++) {
		assert_int_equal(gnomon_period_scale(&p, ppb[i], &other), 0);
		assert_true(other.frac >> 63);
		assert_true(fabs(gnomon_period_diff_ppb(&other, &p) - ppb[i]) <=
			    1e-9 + fabs(ppb[i]) * 1e-12);
	}
	/* Across a power of two both ways, and without a change it is the same. */
	assert_int_equal(gnomon_period_from_seconds(0x1p-30, &other), 0);
	assert_int_equal(gnomon_period_scale(&other, -1, &other), 0);
	assert_int_equal(other.shift, 30);
	assert_int_equal(gnomon_period_scale(&other, 2, &other), 0);
	assert_int_equal(other.shift, 29);
	assert_int_equal(gnomon_period_scale(&p, 0, &other), 0);
	assert_memory_equal(&other.frac, &p.frac, sizeof(p.frac));
	assert_int_equal(gnomon_period_scale(&p, 1.1e8, &other), -ERANGE);
	assert_int_equal(gnomon_period_scale(&p, NAN, &other), -ERANGE);
	assert_int_equal(gnomon_period_scale(&(struct gnomon_period){ 0, 3 }, 1, &other), -ERANGE);
	/* Nothing is longer than a second or shorter than 2^-64 of it. */
	assert_int_equal(gnomon_period_scale(&(struct gnomon_period){ UINT64_MAX, 0 }, 9, &other),
			 -ERANGE);
	assert_int_equal(
		gnomon_period_scale(&(struct gnomon_period){ UINT64_C(1) << 63, 63 }, -9, &other),
		-ERANGE);
	/* Another's page need not be in normal form. */
	assert_int_equal(gnomon_period_scale(&(struct gnomon_period){ 0x44b82fa0a, 0 }, 0, &other),
			 0);
	assert_int_equal(other.shift, 29);
}

static void differences(void **state)
{
	const struct gnomon_period ghz = of_uhz(1000 * MHZ), mhz = of_uhz(MHZ);
	const struct gnomon_period tiny = { UINT64_C(1) << 63, 200 };

	(void)state;
	assert_true(gnomon_period_diff_ppb(&ghz, &ghz) == 0);
	assert_true(fabs(gnomon_period_diff_ppb(&mhz, &ghz) - 999e9) < 1);
	assert_true(fabs(gnomon_period_diff_ppb(&ghz, &mhz) + 999e6) < 1e-3);
	assert_true(fabs(gnomon_period_diff_ppb(&tiny, &ghz) + 1e9) < 1e-3);
}

/* Rounded up, so that an error told is never less than meant. */
static void error_rates(void **state)
{
	const struct gnomon_period p = of_uhz(2445 * MHZ);

	(void)state;
	assert_int_equal(gnomon_period_error(&p, 0), 0);
	for (double ppb = 1e-9; ppb < 1e6; ppb *= 3) {
		const uint64_t e = gnomon_period_error(&p, ppb);
		const long double least = (long double)p.frac * ppb * 1e-9L;

		assert_true((long double)e >= least);
		assert_true((long double)e <= least * (1 + 1e-12L) + 2);
	}
	assert_int_equal(gnomon_period_error(&p, 1e-30), 1);
	assert_int_equal(gnomon_period_error(&p, 1e10), UINT64_MAX);
	assert_int_equal(gnomon_period_error(&p, HUGE_VAL), UINT64_MAX);
	assert_int_equal(gnomon_period_error(&p, NAN), UINT64_MAX);
}

static void whole_ticks(void **state)
{
	const struct gnomon_period ghz = of_uhz(1000 * MHZ), thz = of_uhz(1000000 * MHZ);
	const struct gnomon_period mhz = of_uhz(MHZ), none = { 0, 0 };

	(void)state;
	assert_in_range(gnomon_period_ticks(&ghz, 10000000), 9999999, 10000000);
	assert_in_range(gnomon_period_ticks(&thz, 1000), 999999, 1000000);
	assert_int_equal(gnomon_period_ticks(&mhz, 999), 0);
	assert_in_range(gnomon_period_ticks(&mhz, 1001), 1, 1);
	assert_int_equal(gnomon_period_ticks(&ghz, 0), 0);
	assert_int_equal(gnomon_period_ticks(&ghz, -5), 0);
	assert_int_equal(gnomon_period_ticks(&none, 5), UINT64_MAX);
	/* 292 years of 1 THz are beyond 64 bits, of 1 GHz within. */
	assert_int_equal(gnomon_period_ticks(&thz, INT64_MAX), UINT64_MAX);
	assert_in_range(INT64_MAX - gnomon_period_ticks(&ghz, INT64_MAX), 0, 2);
}

static void elapsed(void **state)
{
	const struct gnomon_period half = { UINT64_C(1) << 63, 0 }, big = { UINT64_MAX, 127 };
	struct gnomon_fine t = gnomon_period_elapsed(&half, 3);

	(void)state;
	assert_int_equal(t.sec, 1);
	assert_int_equal(t.frac, UINT64_C(1) << 63);
	t = gnomon_period_elapsed(&half, UINT64_MAX);
	assert_int_equal(t.sec, INT64_MAX);
	assert_int_equal(t.frac, UINT64_C(1) << 63);
	t = gnomon_period_elapsed(&big, UINT64_MAX);
	assert_int_equal(t.sec, 0);
	assert_int_equal(t.frac, 1);
	for (unsigned int shift = 128; shift < 256; shift++) {
		const struct gnomon_period p = { UINT64_MAX, (uint8_t)shift };

		t = gnomon_period_elapsed(&p, UINT64_MAX);
		assert_int_equal(t.sec, 0);
		assert_int_equal(t.frac, 0);
	}
}

/* -- instants --------------------------------------------------------------------------------- */

static void time_and_back(void **state)
{
	struct seed seed = seed_start("/bridge/fine/time_and_back");

	(void)state;
	for (int i = 0; i < 100000; i++) {
		const gnomon_time t = { (int64_t)seed_next(&seed),
					(uint32_t)seed_below(&seed, 1000000000),
					(uint16_t)seed_next(&seed) };
		const struct gnomon_fine f = gnomon_fine_from_time(t);

		assert_int_equal(gnomon_time_cmp(gnomon_fine_to_time(f), t), 0);
	}
}

static void time_edges(void **state)
{
	static const gnomon_time times[] = {
		{ 0, 0, 0 },
		{ 0, 0, 1 },
		{ 0, 999999999, 0xffff },
		{ INT64_MIN, 0, 0 },
		{ INT64_MAX, 999999999, 0xffff },
		{ -1, 999999999, 0xffff },
		{ INT64_C(2147483648), 0, 0 },  /* 2038 */
		{ INT64_C(4294967296), 1, 2 },  /* 2106 */
		{ INT64_C(9223372037), 3, 4 },  /* 2262 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		const struct gnomon_fine f = gnomon_fine_from_time(times[i]);

		assert_int_equal(f.sec, times[i].sec);
		assert_int_equal(gnomon_time_cmp(gnomon_fine_to_time(f), times[i]), 0);
	}
	assert_int_equal(gnomon_fine_from_time((gnomon_time){ 0, 500000000, 0 }).frac,
			 UINT64_C(1) << 63);
}

static void fine_differences(void **state)
{
	const uint64_t half = UINT64_C(1) << 63;
	static const struct gnomon_fine zero = { 0, 0 };
	static const struct gnomon_fine first = { INT64_MIN, 0 }, last = { INT64_MAX, UINT64_MAX };
	const struct gnomon_fine a = { 5, half }, b = { 7, 0 };

	(void)state;
	assert_int_equal(gnomon_fine_diff_ns(a, b), -1500000000);
	assert_int_equal(gnomon_fine_diff_ns(b, a), 1500000000);
	assert_int_equal(gnomon_fine_diff_ns(a, a), 0);
	/* Towards minus infinity. */
	assert_int_equal(gnomon_fine_diff_ns(zero, (struct gnomon_fine){ 0, 1 }), -1);
	assert_int_equal(gnomon_fine_diff_ns((struct gnomon_fine){ 0, 1 }, zero), 0);
	assert_int_equal(gnomon_fine_diff_ns(last, first), INT64_MAX);
	assert_int_equal(gnomon_fine_diff_ns(first, last), INT64_MIN);
	assert_int_equal(gnomon_fine_diff_ns(first, zero), INT64_MIN);
	assert_int_equal(gnomon_fine_diff_ns(zero, first), INT64_MAX);
	/* The last nanoseconds before it saturates. */
	assert_int_equal(gnomon_fine_diff_ns(
				 gnomon_fine_add_ns(zero, INT64_MAX), zero), INT64_MAX);
	assert_int_equal(gnomon_fine_diff_ns(
				 gnomon_fine_add_ns(zero, INT64_MIN), zero), INT64_MIN);
	assert_true(gnomon_fine_cmp(a, b) < 0 && gnomon_fine_cmp(b, a) > 0);
	assert_true(gnomon_fine_cmp(zero, (struct gnomon_fine){ 0, 1 }) < 0);
	assert_true(gnomon_fine_cmp(last, (struct gnomon_fine){ INT64_MAX, half }) > 0);
	assert_int_equal(gnomon_fine_cmp(a, a), 0);
}

static void fine_sums(void **state)
{
	struct seed seed = seed_start("/bridge/fine/sums");
	static const struct gnomon_fine first = { INT64_MIN, 0 }, last = { INT64_MAX, UINT64_MAX };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const struct gnomon_fine t = { (int64_t)seed_next(&seed) / 4, seed_next(&seed) };
		const int64_t ns = (int64_t)seed_next(&seed) >> seed_below(&seed, 60);
		const struct gnomon_fine sum = gnomon_fine_add_ns(t, ns);

		assert_int_equal(gnomon_fine_diff_ns(sum, t), ns);
	}
	assert_int_equal(gnomon_fine_cmp(gnomon_fine_add_ns(last, 1), last), 0);
	assert_int_equal(gnomon_fine_cmp(gnomon_fine_add_ns(first, -1), first), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/period/known", known, NULL, NULL, NULL },
		{ "/bridge/period/exact", exact, NULL, NULL, NULL },
		{ "/bridge/period/impossible", impossible, NULL, NULL, NULL },
		{ "/bridge/period/seconds", seconds, NULL, NULL, NULL },
		{ "/bridge/period/ticks_and_back", ticks_and_back, NULL, NULL, NULL },
		{ "/bridge/period/scale", scale, NULL, NULL, NULL },
		{ "/bridge/period/differences", differences, NULL, NULL, NULL },
		{ "/bridge/period/error_rates", error_rates, NULL, NULL, NULL },
		{ "/bridge/period/whole_ticks", whole_ticks, NULL, NULL, NULL },
		{ "/bridge/period/elapsed", elapsed, NULL, NULL, NULL },
		{ "/bridge/fine/time_and_back", time_and_back, NULL, NULL, NULL },
		{ "/bridge/fine/time_edges", time_edges, NULL, NULL, NULL },
		{ "/bridge/fine/differences", fine_differences, NULL, NULL, NULL },
		{ "/bridge/fine/sums", fine_sums, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
