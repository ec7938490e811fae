/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page's line and its bound at values of the counter, and the map from the host's counter to
 * the guest's: wraps, counters ahead and behind, all speeds, all years.
 */
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

/* A page of a counter that reads counter at sec, its errors told, 50 ns and 100 ppb. */
static struct gnomon_vmclock page_of(uint64_t uhz, uint64_t counter, int64_t sec)
{
	struct gnomon_period period;
	struct gnomon_vmclock c;

	assert_int_equal(gnomon_period_from_uhz(uhz, &period), 0);
	gnomon_vmclock_init(&c);
	c.counter_id = GNOMON_VMCLOCK_COUNTER_X86_TSC;
	c.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	c.flags = GNOMON_VMCLOCK_ERRORS_VALID;
	gnomon_vmclock_set_line(&c, counter, (struct gnomon_fine){ sec, 0 }, &period);
	c.time_esterror_nanosec = 20;
	c.time_maxerror_nanosec = 50;
	c.counter_period_esterror_rate_frac_sec = gnomon_period_error(&period, 10);
	c.counter_period_maxerror_rate_frac_sec = gnomon_period_error(&period, 100);
	return c;
}

/* The reading is ns after sec, to the nanosecond that is cut off. */
static void assert_reads(const struct gnomon_vmclock *c, uint64_t counter, int64_t sec, int64_t ns)
{
	const struct gnomon_fine wanted =
		gnomon_fine_add_ns((struct gnomon_fine){ sec, 0 }, ns);
	struct gnomon_vmclock_reading r;

	gnomon_vmclock_at(c, counter, &r);
	assert_in_range(gnomon_fine_diff_ns(r.time, wanted) + 1, 0, 1);
}

static void speeds(void **state)
{
	static const uint64_t mhz[] = { 1, 24, 1000, 2445, 5000, 1000000 };

	(void)state;
	for (size_t i = 0; i < COUNT(mhz); i++) {
		const struct gnomon_vmclock c = page_of(mhz[i] * MHZ, 1000, 1700000000);

		assert_reads(&c, 1000, 1700000000, 0);
		assert_reads(&c, 1000 + mhz[i], 1700000000, 1000);
		assert_reads(&c, 1000 + mhz[i] * 1000000, 1700000001, 0);
		assert_reads(&c, 1000 + mhz[i] * 3600000000, 1700003600, 0);
		/* Before the reference, and through zero of the counter at that. */
		assert_reads(&c, 1000 - mhz[i] * 1000000, 1699999999, 0);
	}
}

static void counter_wraps(void **state)
{
	const struct gnomon_vmclock c = page_of(1000 * MHZ, UINT64_MAX - 499, 100);

	(void)state;
	assert_reads(&c, UINT64_MAX - 499, 100, 0);
	assert_reads(&c, UINT64_MAX, 100, 499);
	assert_reads(&c, 0, 100, 500);
	assert_reads(&c, 500, 100, 1000);
	assert_reads(&c, UINT64_MAX - 999, 100, -500);
}

/* Half the counter's range is after the reference and half before. */
static void ahead_and_behind(void **state)
{
	const struct gnomon_vmclock c = page_of(1000 * MHZ, 0, INT64_C(20000000000));
	const uint64_t far = UINT64_C(1) << 63;
	struct gnomon_vmclock_reading r;

	(void)state;
	gnomon_vmclock_at(&c, far - 1, &r);
	assert_int_equal(r.time.sec, INT64_C(20000000000) + 9223372036);
	gnomon_vmclock_at(&c, far, &r);
	assert_int_equal(r.time.sec, INT64_C(20000000000) - 9223372037);
	/* The bound grows both ways: 100 ppb of 292 years. */
	assert_in_range(r.bound_ns, UINT64_C(922337203735), UINT64_C(922337203740));
	/* A kernel takes the difference as unsigned: one tick ahead is 584 years. */
	assert_int_equal(gnomon_vmclock_kernel_time(&c, UINT64_MAX).sec,
			 INT64_C(20000000000) + 18446744073);
	assert_reads(&c, UINT64_MAX, INT64_C(20000000000), -1);
	assert_int_equal(gnomon_vmclock_kernel_time(&c, 7000000001).sec, INT64_C(20000000007));
}

static void years(void **state)
{
	static const int64_t seconds[] = {
		0,
		INT64_C(2147483647),  /* 2038 */
		INT64_C(4294967295),  /* 2106 */
		INT64_C(9223372036),  /* 2262: the last second that ns since 1970 count */
		INT64_C(18446744073), /* 2554 */
		INT64_C(253402300799), /* the end of 9999 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(seconds); i++) {
		const struct gnomon_vmclock c = page_of(3000 * MHZ, 5, seconds[i]);
		struct gnomon_vmclock_reading r;
		gnomon_time t;

		gnomon_vmclock_at(&c, 5 + UINT64_C(3000000000), &r);
		assert_reads(&c, 5 + UINT64_C(3000000000), seconds[i] + 1, 0);
		/* The period is rounded to nearest, the reading down: a whisker below or not. */
		t = gnomon_fine_to_time(gnomon_fine_add_ns(r.time, 1));
		assert_int_equal(t.sec, seconds[i] + 1);
	}
}

static void time_saturates(void **state)
{
	struct gnomon_vmclock c = page_of(MHZ, 0, INT64_MAX - 1);
	struct gnomon_vmclock_reading r;

	(void)state;
	gnomon_vmclock_at(&c, 10000000, &r);
	assert_int_equal(r.time.sec, INT64_MAX);
	assert_int_equal(r.time.frac, UINT64_MAX);
	/* Seconds that only an unsigned word holds: nobody's time. */
	c.time_sec = UINT64_MAX;
	gnomon_vmclock_at(&c, 0, &r);
	assert_int_equal(r.time.sec, INT64_MAX);
	c.time_sec = 0;
	c.time_frac_sec = 0;
	gnomon_vmclock_at(&c, 0 - UINT64_C(3000000), &r);
	assert_in_range(r.time.sec + 4, 0, 1); /* -3, or a whisker below */
	/* The longest period and the longest way. */
	c.counter_period_frac_sec = UINT64_MAX;
	c.counter_period_shift = 0;
	c.time_sec = (uint64_t)INT64_MAX;
	gnomon_vmclock_at(&c, (UINT64_C(1) << 63) - 1, &r);
	assert_int_equal(r.time.sec, INT64_MAX);
	c.time_sec = 0;
	gnomon_vmclock_at(&c, UINT64_C(1) << 63, &r);
	assert_int_equal(r.time.sec, INT64_MIN + 0);
}

/* Every shift an octet holds: the page's numbers, and nothing undefined beyond them. */
static void shifts(void **state)
{
	struct gnomon_vmclock c = page_of(MHZ, 0, 5);
	struct gnomon_vmclock_reading r;

	(void)state;
	c.counter_period_frac_sec = UINT64_C(1) << 63;
	c.counter_period_maxerror_rate_frac_sec = 1;
	for (unsigned int shift = 0; shift < 256; shift++) {
		const uint64_t ticks = UINT64_C(1) << 62;

		c.counter_period_shift = (uint8_t)shift;
		gnomon_vmclock_at(&c, ticks, &r);
		if (shift <= 61) {
			assert_int_equal(r.time.sec, 5 + (INT64_C(1) << (61 - shift)));
			assert_int_equal(r.time.frac, 0);
		} else if (shift <= 125) {
			assert_int_equal(r.time.sec, 5);
			assert_int_equal(r.time.frac, UINT64_C(1) << (125 - shift));
		} else {
			assert_int_equal(r.time.sec, 5);
			assert_int_equal(r.time.frac, 0);
		}
		/* Even the least rate of error is not rounded away. */
		assert_true(r.bound_ns >= 51);
	}
}

static void bound(void **state)
{
	struct gnomon_vmclock c = page_of(1000 * MHZ, 1000, 100);
	struct gnomon_vmclock_reading r;

	(void)state;
	gnomon_vmclock_at(&c, 1000, &r);
	assert_int_equal(r.bound_ns, 50);
	assert_int_equal(r.esterror_ns, 20);
	gnomon_vmclock_at(&c, 1001, &r);
	assert_int_equal(r.bound_ns, 51);
	/* 100 ppb: 100 ns in a second, before the reference as well as behind it. */
	gnomon_vmclock_at(&c, 1000 + UINT64_C(1000000000), &r);
	assert_in_range(r.bound_ns, 150, 151);
	assert_in_range(r.esterror_ns, 30, 31);
	assert_int_equal(gnomon_vmclock_bound(&c, 1000 + UINT64_C(1000000000)), r.bound_ns);
	assert_int_equal(gnomon_vmclock_bound(&c, 1000 - UINT64_C(1000000000)), r.bound_ns);
	c.time_maxerror_nanosec = UINT64_MAX - 1;
	assert_int_equal(gnomon_vmclock_bound(&c, 1000), UINT64_MAX - 1);
	assert_int_equal(gnomon_vmclock_bound(&c, 2000), GNOMON_BOUND_NONE);
	c.time_maxerror_nanosec = 0;
	c.counter_period_maxerror_rate_frac_sec = UINT64_MAX;
	c.counter_period_shift = 0;
	assert_int_equal(gnomon_vmclock_bound(&c, UINT64_C(1) << 62), GNOMON_BOUND_NONE);
}

static void bound_not_told(void **state)
{
	static const uint64_t needed[] = { GNOMON_VMCLOCK_TIME_MAXERROR_VALID,
					   GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID };

	(void)state;
	for (size_t i = 0; i < COUNT(needed); i++) {
		struct gnomon_vmclock c = page_of(1000 * MHZ, 1000, 100);
		struct gnomon_vmclock_reading r;

		c.flags &= ~needed[i];
		gnomon_vmclock_at(&c, 1000, &r);
		assert_true(r.bound_ns == GNOMON_BOUND_NONE);
		assert_int_equal(r.esterror_ns, 20);
		c.flags = GNOMON_VMCLOCK_ERRORS_VALID & ~(needed[i] >> 1);
		gnomon_vmclock_at(&c, 1000, &r);
		assert_int_equal(r.bound_ns, 50);
		assert_true(r.esterror_ns == GNOMON_BOUND_NONE);
	}
}

/*
 * A clock whose rate is wrong by up to what is told, either way, is never out of its bound: the
 * true time comes from a period that is longer or shorter, by 128-bit integers.
 */
static void rate_errors(void **state)
{
	struct seed seed = seed_start("/bridge/reading/rate_errors");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const uint64_t uhz = MHZ + seed_below(&seed, 1000000 * MHZ);
		const struct gnomon_vmclock c = page_of(uhz, seed_next(&seed), 1700000000);
		const struct gnomon_period told = gnomon_vmclock_period(&c);
		const double ppb = (double)(int64_t)(seed_below(&seed, 200001) - 100000) / 1000;
		const uint64_t ticks = seed_below(&seed, uhz / 1000000 * 7200);
		struct gnomon_vmclock_reading r;
		struct gnomon_period real;
		struct gnomon_fine truth;
		int64_t error;

		assert_int_equal(gnomon_period_scale(&told, ppb, &real), 0);
		truth = gnomon_period_elapsed(&real, ticks);
		truth.sec += 1700000000;
		gnomon_vmclock_at(&c, c.counter_value + ticks, &r);
		error = gnomon_fine_diff_ns(truth, r.time);
		assert_true((uint64_t)llabs(error) <= r.bound_ns - 50 + 1);
	}
}

/* The kernel's own arithmetic (mul_u64_u64_shr_add_u64) gives the same wherever it is defined. */
static void like_the_kernel(void **state)
{
	struct seed seed = seed_start("/bridge/reading/like_the_kernel");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct gnomon_vmclock c = page_of(MHZ, seed_next(&seed), 1700000000);
		const uint64_t delta = seed_next(&seed) >> (1 + seed_below(&seed, 40));
		struct gnomon_vmclock_reading r;
		u128 sum;

		c.counter_period_frac_sec = seed_next(&seed);
		c.counter_period_shift = (uint8_t)seed_below(&seed, 64);
		c.time_frac_sec = seed_next(&seed);
		sum = ((u128)delta * c.counter_period_frac_sec >> c.counter_period_shift) +
		      c.time_frac_sec;
		gnomon_vmclock_at(&c, c.counter_value + delta, &r);
		assert_true(r.time.sec == 1700000000 + (int64_t)(sum >> 64));
		assert_true(r.time.frac == (uint64_t)sum);
		assert_int_equal(gnomon_fine_cmp(
			r.time, gnomon_vmclock_kernel_time(&c, c.counter_value + delta)), 0);
	}
}

static void line_before_1970(void **state)
{
	struct gnomon_vmclock c = page_of(MHZ, 0, 5);
	const struct gnomon_period period = gnomon_vmclock_period(&c);

	(void)state;
	/* No page can tell it: it begins at its epoch. */
	gnomon_vmclock_set_line(&c, 3, (struct gnomon_fine){ -1, 99 }, &period);
	assert_int_equal(c.time_sec, 0);
	assert_int_equal(c.time_frac_sec, 0);
	assert_int_equal(c.counter_value, 3);
}

/* -- host to guest ---------------------------------------------------------------------------- */

static void map_offset(void **state)
{
	struct gnomon_counter_map map;

	(void)state;
	gnomon_counter_map_offset(&map, (uint64_t)-1000);
	assert_true(gnomon_counter_map_valid(&map));
	assert_int_equal(gnomon_counter_map_guest(&map, 5000), 4000);
	assert_true(gnomon_counter_map_guest(&map, 999) == UINT64_MAX);
	gnomon_counter_map_offset(&map, 10);
	assert_int_equal(gnomon_counter_map_guest(&map, UINT64_MAX - 4), 5);
}

/* Intel and AMD tell a ratio in 48 and 32 bits; both are one map if the ratio is. */
static void map_scaled(void **state)
{
	const struct gnomon_counter_map vmx = { 77, UINT64_C(3) << 47, 48, 0, 0 };
	const struct gnomon_counter_map svm = { 77, UINT64_C(3) << 31, 32, 0, 0 };
	const struct gnomon_counter_map plain = { 77, UINT64_C(1) << 48, 48, 0, 0 };
	struct gnomon_counter_map same;
	struct seed seed = seed_start("/bridge/counter_map/scaled");

	(void)state;
	gnomon_counter_map_offset(&same, 77);
	assert_true(gnomon_counter_map_equal(&vmx, &svm));
	assert_true(gnomon_counter_map_equal(&plain, &same));
	assert_false(gnomon_counter_map_equal(&plain, &vmx));
	same.offset++;
	assert_false(gnomon_counter_map_equal(&plain, &same));
	for (int i = 0; i < 1000; i++) {
		const uint64_t host = seed_next(&seed);

		assert_true(gnomon_counter_map_guest(&vmx, host) ==
			    (uint64_t)((u128)host * 3 / 2) + 77);
		assert_true(gnomon_counter_map_guest(&svm, host) ==
			    gnomon_counter_map_guest(&vmx, host));
	}
}

static void map_valid(void **state)
{
	static const struct {
		uint64_t ratio;
		uint8_t frac_bits;
		bool valid;
	} cases[] = {
		{ 0, 0, false },
		{ 1, 0, true },
		{ 65536, 0, true },
		{ 65537, 0, false },
		{ 0, 48, false },
		{ UINT64_C(1) << 32, 48, true },
		{ (UINT64_C(1) << 32) - 1, 48, false },
		{ UINT64_MAX, 48, true },
		{ UINT64_MAX, 47, false },
		{ UINT64_C(1) << 63, 63, true },
		{ UINT64_C(1) << 63, 64, false },
		{ UINT64_C(1) << 63, 255, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct gnomon_counter_map map = { 0, cases[i].ratio, cases[i].frac_bits, 0,
							0 };

		assert_int_equal(gnomon_counter_map_valid(&map), cases[i].valid);
	}
}

static void map_period(void **state)
{
	const struct gnomon_counter_map vmx = { 77, UINT64_C(3) << 47, 48, 0, 0 };
	const struct gnomon_counter_map none = { 77, 0, 48, 0, 0 };
	struct gnomon_period host, guest, wanted;

	(void)state;
	assert_int_equal(gnomon_period_from_uhz(2000 * MHZ, &host), 0);
	assert_int_equal(gnomon_counter_map_period(&vmx, &host, &guest), 0);
	assert_int_equal(gnomon_period_from_uhz(3000 * MHZ, &wanted), 0);
	/* The host's period is rounded, then divided and rounded again. */
	assert_in_range(guest.frac - wanted.frac + 1, 0, 2);
	assert_int_equal(guest.shift, wanted.shift);
	assert_int_equal(gnomon_counter_map_period(&none, &host, &guest), -ERANGE);
	host.frac = 0;
	assert_int_equal(gnomon_counter_map_period(&vmx, &host, &guest), -ERANGE);
}

/*
 * The guest's line through the map is the host's: at any host counter both say the same, but for
 * what the processor cuts off of a scaled counter, which is a tick.
 */
static void map_keeps_time(void **state)
{
	struct seed seed = seed_start("/bridge/counter_map/keeps_time");

	(void)state;
	for (int i = 0; i < 5000; i++) {
		const uint64_t uhz = 100 * MHZ + seed_below(&seed, 5000 * MHZ);
		const uint8_t bits = seed_below(&seed, 2) ? 48 : 32;
		const uint64_t ratio = ((UINT64_C(1) << bits) >> 2) +
				       seed_below(&seed, UINT64_C(1) << bits << 2);
		const struct gnomon_counter_map map = { seed_next(&seed), ratio, bits, 0, 0 };
		const uint64_t h = seed_next(&seed) >> 10;
		const uint64_t later = seed_below(&seed, uhz / 1000000 * 3600);
		struct gnomon_vmclock host = page_of(uhz, h, 1700000000), guest = host;
		const struct gnomon_period period = gnomon_vmclock_period(&host);
		struct gnomon_vmclock_reading a, b;
		struct gnomon_period guest_period;
		double tick_ns;

		assert_int_equal(gnomon_counter_map_period(&map, &period, &guest_period), 0);
		gnomon_vmclock_set_line(&guest, gnomon_counter_map_guest(&map, h),
					(struct gnomon_fine){ 1700000000, 0 }, &guest_period);
		gnomon_vmclock_at(&host, h + later, &a);
		gnomon_vmclock_at(&guest, gnomon_counter_map_guest(&map, h + later), &b);
		tick_ns = gnomon_period_seconds(&guest_period) * 1e9;
		assert_true(fabs((double)gnomon_fine_diff_ns(a.time, b.time)) <= tick_ns + 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/reading/speeds", speeds, NULL, NULL, NULL },
		{ "/bridge/reading/counter_wraps", counter_wraps, NULL, NULL, NULL },
		{ "/bridge/reading/ahead_and_behind", ahead_and_behind, NULL, NULL, NULL },
		{ "/bridge/reading/years", years, NULL, NULL, NULL },
		{ "/bridge/reading/time_saturates", time_saturates, NULL, NULL, NULL },
		{ "/bridge/reading/shifts", shifts, NULL, NULL, NULL },
		{ "/bridge/reading/bound", bound, NULL, NULL, NULL },
		{ "/bridge/reading/bound_not_told", bound_not_told, NULL, NULL, NULL },
		{ "/bridge/reading/rate_errors", rate_errors, NULL, NULL, NULL },
		{ "/bridge/reading/like_the_kernel", like_the_kernel, NULL, NULL, NULL },
		{ "/bridge/reading/line_before_1970", line_before_1970, NULL, NULL, NULL },
		{ "/bridge/counter_map/offset", map_offset, NULL, NULL, NULL },
		{ "/bridge/counter_map/scaled", map_scaled, NULL, NULL, NULL },
		{ "/bridge/counter_map/valid", map_valid, NULL, NULL, NULL },
		{ "/bridge/counter_map/period", map_period, NULL, NULL, NULL },
		{ "/bridge/counter_map/keeps_time", map_keeps_time, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
