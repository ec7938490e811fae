/* SPDX-License-Identifier: BSD-2-Clause */
/* Running statistics against the textbook formulas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnomon/servo.h>

#include "tests/unit/seed.h"

static void empty_and_single(void **state)
{
	struct gnomon_stats s;

	(void)state;
	gnomon_stats_reset(&s);
	assert_int_equal(s.count, 0);
	assert_true(gnomon_stats_rms(&s) == 0.0);
	assert_true(gnomon_stats_stddev(&s) == 0.0);
	gnomon_stats_add(&s, -3.0);
	assert_int_equal(s.count, 1);
	assert_true(gnomon_stats_rms(&s) == 3.0);
	assert_true(gnomon_stats_stddev(&s) == 0.0);
	assert_true(s.min == -3.0 && s.max == -3.0 && s.max_abs == 3.0 && s.mean == -3.0);
	gnomon_stats_reset(&s);
	assert_int_equal(s.count, 0);
	assert_true(s.max_abs == 0.0);
}

static void by_hand(void **state)
{
	static const double values[] = { 2, 4, 4, 4, 5, 5, 7, -9 };
	struct gnomon_stats s;

	(void)state;
	gnomon_stats_reset(&s);
	for (unsigned int i = 0; i < 8; i++) {
		gnomon_stats_add(&s, values[i]);
	}
	/* sum 22, squares 232; 232 - 22^2 / 8 = 171.5 */
	assert_true(fabs(s.mean - 2.75) < 1e-12);
	assert_true(fabs(gnomon_stats_rms(&s) - sqrt(29.0)) < 1e-12);
	assert_true(fabs(gnomon_stats_stddev(&s) - sqrt(24.5)) < 1e-12);
	assert_true(s.min == -9.0 && s.max == 7.0 && s.max_abs == 9.0);
}

static void large_mean(void **state)
{
	/* A small spread about a mean of 1e9: the naive sum of squares would lose all of it. */
	struct seed seed = seed_start("/servo/stats/large_mean");
	struct gnomon_stats s;
	double values[1000];
	double squares = 0.0;
	double mean = 0.0;

	(void)state;
	gnomon_stats_reset(&s);
	for (int i = 0; i < 1000; i++) {
		double near = (double)seed_below(&seed, 1000) / 1000.0;

		values[i] = near;
		mean += near / 1000.0;
		gnomon_stats_add(&s, 1e9 + near);
	}
	for (int i = 0; i < 1000; i++) {
		squares += (values[i] - mean) * (values[i] - mean);
	}
	assert_true(fabs(s.mean - 1e9 - mean) < 1e-5);
	assert_true(fabs(gnomon_stats_stddev(&s) - sqrt(squares / 999.0)) < 1e-5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/stats/empty_and_single", empty_and_single, NULL, NULL, NULL },
		{ "/servo/stats/by_hand", by_hand, NULL, NULL, NULL },
		{ "/servo/stats/large_mean", large_mean, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
