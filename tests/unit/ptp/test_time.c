/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * include/gnomon/time.h against a model in exact 128-bit integers of 2^-16 ns: every operation
 * gives the exact result, or the end of the type where the exact result lies outside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>

#include <cmocka.h>

#include <gnomon/time.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const int64_t edges[] = {
	INT64_MIN,  INT64_MIN + 1, INT64_MIN / 2,   -(INT64_C(1) << 47) - 1, -(INT64_C(1) << 47),
	-1000000001, -1000000000,  -999999999,      -2,                      -1,
	0,          1,             2,               999999999,               1000000000,
	1000000001, (INT64_C(1) << 47) - 1,         INT64_C(1) << 47,        INT64_MAX / 2,
	INT64_MAX - 1,             INT64_MAX,
};
static const uint16_t fracs[] = { 0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff };

#define SPANS (COUNT(edges) * COUNT(fracs))

static gnomon_span edge_span(size_t i)
{
	gnomon_span s = { edges[i / COUNT(fracs)], fracs[i % COUNT(fracs)] };

	return s;
}

static void assert_span(gnomon_span got, int64_t ns, uint16_t frac)
{
	assert_int_equal(got.ns, ns);
	assert_int_equal(got.frac, frac);
}

static void assert_time(gnomon_time got, int64_t sec, uint32_t nsec, uint16_t frac)
{
	assert_int_equal(got.sec, sec);
	assert_int_equal(got.nsec, nsec);
	assert_int_equal(got.frac, frac);
}

static void sat_add(void **state)
{
	(void)state;
	assert_int_equal(gnomon_sat_add(INT64_MAX, 1), INT64_MAX);
	assert_int_equal(gnomon_sat_add(INT64_MAX - 1, 1), INT64_MAX);
	assert_int_equal(gnomon_sat_add(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(gnomon_sat_add(INT64_MIN, INT64_MIN), INT64_MIN);
	assert_int_equal(gnomon_sat_add(INT64_MIN, INT64_MAX), -1);
	assert_int_equal(gnomon_sat_add(-5, 3), -2);
}

static void mono(void **state)
{
	gnomon_mono a = { 5 }, b = { 7 };

	(void)state;
	assert_true(gnomon_mono_before(a, b));
	assert_false(gnomon_mono_before(b, a));
	assert_false(gnomon_mono_before(a, a));
	assert_int_equal(gnomon_mono_min(a, b).ns, 5);
	assert_int_equal(gnomon_mono_min(GNOMON_MONO_NEVER, b).ns, 7);
	assert_int_equal(gnomon_mono_add(GNOMON_MONO_NEVER, 1).ns, INT64_MAX);
	assert_int_equal(gnomon_mono_add(b, -9).ns, -2);
}

static void interval_round_trip(void **state)
{
	static const int64_t intervals[] = {
		-INT64_MAX, -INT64_MAX + 1, -INT64_MAX + 65536, -65537, -65536, -65535, -32768, -1,
		0,          1,              65535,              65536,  INT64_MAX - 1,    INT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(intervals); i++) {
		gnomon_span s = gnomon_span_from_interval(intervals[i]);

		assert_int_equal(gnomon_span_to_interval(s), intervals[i]);
	}
	assert_span(gnomon_span_from_interval(-1), -1, 0xffff);
	assert_span(gnomon_span_from_interval(-32768), -1, 0x8000);
	assert_span(gnomon_span_from_interval(INT64_MIN), -(INT64_C(1) << 47), 0);
}

static void interval_saturates(void **state)
{
	gnomon_span below = { -(INT64_C(1) << 47), 0 };

	(void)state;
	assert_int_equal(gnomon_span_to_interval(GNOMON_SPAN_MAX), INT64_MAX);
	assert_int_equal(gnomon_span_to_interval(GNOMON_SPAN_MIN), -INT64_MAX);
	assert_int_equal(gnomon_span_to_interval(gnomon_span_from_ns(INT64_C(1) << 47)), INT64_MAX);
	/* -2^63 is the one int64 that is not a TimeInterval of its own. */
	assert_int_equal(gnomon_span_to_interval(below), -INT64_MAX);
}

static void span_at_the_ends(void **state)
{
	gnomon_span ulp = { 0, 1 }, minus_ulp = { -1, 0xffff };

	(void)state;
	assert_span(gnomon_span_add(GNOMON_SPAN_MAX, ulp), INT64_MAX, 0xffff);
	assert_span(gnomon_span_add(GNOMON_SPAN_MIN, minus_ulp), INT64_MIN, 0);
	assert_span(gnomon_span_add(GNOMON_SPAN_MIN, ulp), INT64_MIN, 1);
	assert_span(gnomon_span_add(GNOMON_SPAN_MIN, GNOMON_SPAN_MAX), -1, 0xffff);
	assert_span(gnomon_span_neg(GNOMON_SPAN_MIN), INT64_MAX, 0xffff);
	assert_span(gnomon_span_neg(GNOMON_SPAN_MAX), INT64_MIN, 1);
	assert_span(gnomon_span_neg(ulp), -1, 0xffff);
	assert_span(gnomon_span_neg(GNOMON_SPAN_ZERO), 0, 0);
	assert_span(gnomon_span_abs(GNOMON_SPAN_MIN), INT64_MAX, 0xffff);
	assert_span(gnomon_span_abs(minus_ulp), 0, 1);
	assert_span(gnomon_span_sub(GNOMON_SPAN_MIN, GNOMON_SPAN_MIN), 0, 0);
	assert_span(gnomon_span_sub(minus_ulp, GNOMON_SPAN_MIN), INT64_MAX, 0xffff);
	assert_span(gnomon_span_half(GNOMON_SPAN_MIN), INT64_MIN / 2, 0);
	assert_span(gnomon_span_half(GNOMON_SPAN_MAX), INT64_MAX / 2, 0xffff);
	assert_span(gnomon_span_half(minus_ulp), -1, 0xffff);
	assert_span(gnomon_span_half(gnomon_span_from_ns(-3)), -2, 0x8000);
}

static void span_double(void **state)
{
	gnomon_span half = { -1, 0x8000 };

	(void)state;
	assert_true(gnomon_span_to_double(half) == -0.5);
	assert_span(gnomon_span_from_double(-0.5), -1, 0x8000);
	assert_span(gnomon_span_from_double(-1e-20), -1, 0xffff);
	assert_span(gnomon_span_from_double(1e-20), 0, 0);
	assert_span(gnomon_span_from_double(-3.0), -3, 0);
	assert_span(gnomon_span_from_double(2.75), 2, 0xc000);
	assert_span(gnomon_span_from_double((double)NAN), 0, 0);
	assert_span(gnomon_span_from_double((double)INFINITY), INT64_MAX, 0xffff);
	assert_span(gnomon_span_from_double(-(double)INFINITY), INT64_MIN, 0);
	assert_span(gnomon_span_from_double(9223372036854775808.0), INT64_MAX, 0xffff);
	assert_span(gnomon_span_from_double(-9223372036854775808.0), INT64_MIN, 0);
	assert_span(gnomon_span_from_double(9007199254740993.0), 9007199254740992, 0);
}

static void time_at_the_ends(void **state)
{
	gnomon_span ulp = { 0, 1 }, minus_ulp = { -1, 0xffff };
	gnomon_time zero = { 0, 0, 0 }, last = { 5, 999999999, 0xffff };

	(void)state;
	assert_time(gnomon_time_add(GNOMON_TIME_MAX, ulp), INT64_MAX, 999999999, 0xffff);
	assert_time(gnomon_time_add(GNOMON_TIME_MAX, GNOMON_SPAN_MAX), INT64_MAX, 999999999,
		    0xffff);
	assert_time(gnomon_time_add(GNOMON_TIME_MIN, minus_ulp), INT64_MIN, 0, 0);
	assert_time(gnomon_time_add(GNOMON_TIME_MIN, GNOMON_SPAN_MIN), INT64_MIN, 0, 0);
	assert_time(gnomon_time_add(last, ulp), 6, 0, 0);
	assert_time(gnomon_time_add(zero, minus_ulp), -1, 999999999, 0xffff);
	assert_time(gnomon_time_sub_span(zero, ulp), -1, 999999999, 0xffff);
	assert_time(gnomon_time_from_ns(-1), -1, 999999999, 0);
	assert_time(gnomon_time_from_ns(INT64_MAX), 9223372036, 854775807, 0);
	assert_time(gnomon_time_from_ns(INT64_MIN), -9223372037, 145224192, 0);
}

static void time_diff_at_the_ends(void **state)
{
	gnomon_time zero = { 0, 0, 0 }, far = { 9223372036, 0, 0 };
	gnomon_time near = { 9223372035, 999999999, 1 };

	(void)state;
	assert_span(gnomon_time_diff(GNOMON_TIME_MIN, GNOMON_TIME_MIN), 0, 0);
	assert_span(gnomon_time_diff(GNOMON_TIME_MAX, GNOMON_TIME_MAX), 0, 0);
	assert_span(gnomon_time_diff(GNOMON_TIME_MAX, GNOMON_TIME_MIN), INT64_MAX, 0xffff);
	assert_span(gnomon_time_diff(GNOMON_TIME_MIN, GNOMON_TIME_MAX), INT64_MIN, 0);
	assert_span(gnomon_time_diff(zero, GNOMON_TIME_MIN), INT64_MAX, 0xffff);
	assert_span(gnomon_time_diff(far, zero), INT64_MAX, 0xffff);
	assert_span(gnomon_time_diff(zero, far), INT64_MIN, 0);
	assert_span(gnomon_time_diff(near, zero), 9223372035999999999, 1);
	assert_span(gnomon_time_diff(zero, near), -INT64_C(9223372036000000000), 0xffff);
}

#ifdef __SIZEOF_INT128__
__extension__ typedef __int128 wide;

static wide span_value(gnomon_span s)
{
	return (wide)s.ns * 65536 + s.frac;
}

static wide time_value(gnomon_time t)
{
	return ((wide)t.sec * GNOMON_NSEC_PER_SEC + t.nsec) * 65536 + t.frac;
}

static wide clamp(wide v, wide low, wide high)
{
	return v < low ? low : v > high ? high : v;
}

static wide clamp_span(wide v)
{
	return clamp(v, span_value(GNOMON_SPAN_MIN), span_value(GNOMON_SPAN_MAX));
}

static void check_pair(gnomon_span a, gnomon_span b)
{
	wide va = span_value(a), vb = span_value(b);
	int order = gnomon_span_cmp(a, b);

	assert_true(span_value(gnomon_span_add(a, b)) == clamp_span(va + vb));
	assert_true(span_value(gnomon_span_sub(a, b)) == clamp_span(va - vb));
	assert_int_equal((order > 0) - (order < 0), (va > vb) - (va < vb));
}

static void check_one(gnomon_span a)
{
	wide v = span_value(a);
	wide half = (v - (v & 1)) / 2;

	assert_true(span_value(gnomon_span_neg(a)) == clamp_span(-v));
	assert_true(span_value(gnomon_span_abs(a)) == clamp_span(v < 0 ? -v : v));
	assert_true(span_value(gnomon_span_half(a)) == half);
	assert_true(gnomon_span_to_interval(a) == (int64_t)clamp(v, -INT64_MAX, INT64_MAX));
}

static void check_time(gnomon_time t, gnomon_span s)
{
	const wide low = time_value(GNOMON_TIME_MIN), high = time_value(GNOMON_TIME_MAX);
	gnomon_time sum = gnomon_time_add(t, s);

	assert_true(time_value(sum) == clamp(time_value(t) + span_value(s), low, high));
	assert_true(sum.nsec < GNOMON_NSEC_PER_SEC);
	if (time_value(sum) > low && time_value(sum) < high && s.ns > INT64_MIN / 2 &&
	    s.ns < INT64_MAX / 2) {
		assert_int_equal(gnomon_span_cmp(gnomon_time_diff(sum, t), s), 0);
		assert_int_equal(gnomon_time_cmp(gnomon_time_sub_span(sum, s), t), 0);
	}
}

static void span_edges_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < SPANS; i++) {
		check_one(edge_span(i));
		for (size_t j = 0; j < SPANS; j++) {
			gnomon_time t = { edge_span(i).ns, (uint32_t)(j * 7936507), fracs[j % 6] };

			check_pair(edge_span(i), edge_span(j));
			check_time(t, edge_span(j));
		}
	}
}

/* A number of random size: as many small ones as large ones. */
static int64_t any_ns(struct seed *s)
{
	int64_t v = (int64_t)(seed_next(s) >> seed_below(s, 64));

	return seed_next(s) & 1 ? v : ~v;
}

static void random_is_exact(void **state)
{
	struct seed s = seed_start("time/random_is_exact");

	(void)state;
	for (int i = 0; i < 200000; i++) {
		gnomon_span a = { any_ns(&s), (uint16_t)seed_next(&s) };
		gnomon_span b = { any_ns(&s), (uint16_t)seed_next(&s) };
		gnomon_time t = { any_ns(&s), (uint32_t)seed_below(&s, GNOMON_NSEC_PER_SEC),
				  (uint16_t)seed_next(&s) };

		check_one(a);
		check_pair(a, b);
		check_time(t, a);
	}
}
#endif

static void time_order(void **state)
{
	gnomon_time a = { -1, 999999999, 0xffff }, b = { 0, 0, 0 };
	gnomon_time c = { 0, 0, 1 }, d = { 0, 1, 0 };

	(void)state;
	assert_true(gnomon_time_cmp(a, b) < 0);
	assert_true(gnomon_time_cmp(b, c) < 0);
	assert_true(gnomon_time_cmp(c, d) < 0);
	assert_true(gnomon_time_cmp(d, a) > 0);
	assert_int_equal(gnomon_time_cmp(c, c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ptp/time/sat_add", sat_add },
		{ "/ptp/time/mono", mono },
		{ "/ptp/time/interval/round_trip", interval_round_trip },
		{ "/ptp/time/interval/saturates", interval_saturates },
		{ "/ptp/time/span/at_the_ends", span_at_the_ends },
		{ "/ptp/time/span/double", span_double },
		{ "/ptp/time/time/at_the_ends", time_at_the_ends },
		{ "/ptp/time/time/diff_at_the_ends", time_diff_at_the_ends },
		{ "/ptp/time/time/order", time_order },
#ifdef __SIZEOF_INT128__
		{ "/ptp/time/span/edges_are_exact", span_edges_are_exact },
		{ "/ptp/time/random_is_exact", random_is_exact },
#endif
	};

	return cmocka_run_group_tests_name("/ptp/time", tests, NULL, NULL);
}
