/* SPDX-License-Identifier: BSD-2-Clause */
/* The measures of time error against closed forms and against their definitions, term by term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "tests/sim/metrics.h"
#include "tests/sim/random.h"

#define COUNT 6000

static void fill_white(double *x, size_t n, uint64_t seed, double sigma)
{
	struct random r;

	random_init(&r, seed);
	for (size_t i = 0; i < n; i++) {
		x[i] = sigma * random_normal(&r);
	}
}

static void assert_near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance)) {
		fail_msg("%.9g is not %.9g +- %.3g", value, expected, tolerance);
	}
}

static void stats(void **state)
{
	const double x[] = { 3.0, -4.0, 0.0, 5.0 };
	struct te_stats s;

	te_stats(x, 4, &s);
	assert_int_equal(s.count, 4);
	assert_near(s.mean, 1.0, 1e-12);
	assert_near(s.rms, sqrt(50.0 / 4.0), 1e-12);
	assert_near(s.stddev, sqrt((4.0 + 25.0 + 1.0 + 16.0) / 3.0), 1e-12);
	assert_near(s.max_abs, 5.0, 0.0);
	assert_near(s.min, -4.0, 0.0);
	assert_near(s.max, 5.0, 0.0);
	te_stats(x, 0, &s);
	assert_int_equal(s.count, 0);
	assert_near(s.rms, 0.0, 0.0);
}

static void constant(void **state)
{
	const double x[] = { 2.0, 4.0, 90.0 };

	assert_near(te_constant(x, 3, 2), 3.0, 1e-12);
	assert_true(isnan(te_constant(x, 3, 4)));
	assert_true(isnan(te_constant(x, 0, 0)));
}

/* White phase noise of standard deviation s has TDEV(n) = s / sqrt(n). */
static void tdev_white(void **state)
{
	static double x[COUNT];
	const size_t m[] = { 1, 2, 4, 16, 64 };

	fill_white(x, COUNT, 1, 1.0);
	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		double expected = 1.0 / sqrt((double)m[i]);

		assert_near(te_tdev(x, COUNT, m[i]), expected, expected * 0.15);
	}
}

/* The definition, without any sliding. */
static double tdev_plain(const double *x, size_t n, size_t m)
{
	double sum = 0.0;

	for (size_t j = 0; j + 3 * m <= n; j++) {
		double inner = 0.0;

		for (size_t i = j; i < j + m; i++) {
			inner += x[i + 2 * m] - 2.0 * x[i + m] + x[i];
		}
		sum += inner * inner;
	}
	return sqrt(sum / (6.0 * (double)(m * m) * (double)(n - 3 * m + 1)));
}

static double mtie_plain(const double *x, size_t n, size_t m)
{
	double mtie = 0.0;

	for (size_t k = 0; k + m < n; k++) {
		double least = x[k];
		double most = x[k];

		for (size_t i = k; i <= k + m; i++) {
			least = fmin(least, x[i]);
			most = fmax(most, x[i]);
		}
		mtie = fmax(mtie, most - least);
	}
	return mtie;
}

static void definitions(void **state)
{
	double x[97];

	for (uint64_t seed = 1; seed <= 20; seed++) {
		fill_white(x, 97, seed, 3.0);
		for (size_t m = 1; m <= 32; m++) {
			assert_near(te_tdev(x, 97, m), tdev_plain(x, 97, m), 1e-9);
			assert_near(te_mtie(x, 97, m), mtie_plain(x, 97, m), 0.0);
		}
	}
}

/* A frequency offset y: MTIE(tau) = y tau, no TDEV, no ADEV. A drift d: ADEV = d tau / sqrt 2. */
static void ramp_and_drift(void **state)
{
	static double x[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		x[i] = 0.25 * (double)i - 700.0;
	}
	assert_near(te_mtie(x, COUNT, 100), 25.0, 1e-9);
	assert_near(te_tdev(x, COUNT, 100), 0.0, 1e-9);
	assert_near(te_adev(x, COUNT, 100, 1.0), 0.0, 1e-9);
	for (size_t i = 0; i < COUNT; i++) {
		x[i] = 0.5 * 1e-3 * (double)i * (double)i;
	}
	assert_near(te_adev(x, COUNT, 100, 1.0), 1e-3 * 100.0 / sqrt(2.0), 1e-6);
	assert_near(te_adev(x, COUNT, 50, 2.0), 1e-3 / 2.0 * 50.0 / sqrt(2.0), 1e-6);
}

/* White frequency noise of ADEV s at 1 s has s / sqrt(tau). */
static void adev_white_frequency(void **state)
{
	static double x[COUNT];

	fill_white(x, COUNT, 2, 1.0);
	for (size_t i = 1; i < COUNT; i++) {
		x[i] += x[i - 1];
	}
	assert_near(te_adev(x, COUNT, 1, 1.0), 1.0, 0.05);
	assert_near(te_adev(x, COUNT, 16, 1.0), 0.25, 0.04);
	assert_near(te_adev(x, COUNT, 64, 1.0), 0.125, 0.03);
}

static void too_short(void **state)
{
	const double x[] = { 1.0, 2.0, 3.0 };

	assert_true(isnan(te_mtie(x, 3, 3)));
	assert_true(isnan(te_mtie(x, 3, 0)));
	assert_near(te_mtie(x, 3, 2), 2.0, 0.0);
	assert_true(isnan(te_tdev(x, 2, 1)));
	assert_false(isnan(te_tdev(x, 3, 1)));
	assert_true(isnan(te_adev(x, 2, 1, 1.0)));
	assert_false(isnan(te_adev(x, 3, 1, 1.0)));
	assert_true(isnan(te_dynamic_low(x, 3, 1.0, 0.1)));
}

/* A slow sine passes the low-pass and not the high-pass; a fast one the reverse. */
static void dynamic(void **state)
{
	static double x[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		x[i] = sin(2.0 * M_PI * 0.005 * (double)i);
	}
	assert_near(te_dynamic_low(x, COUNT, 1.0, 0.1), 2.0, 0.02);
	assert_true(te_dynamic_high(x, COUNT, 1.0, 0.1) < 0.2);
	for (size_t i = 0; i < COUNT; i++) {
		x[i] = i % 2 == 0 ? 1.0 : -1.0;
	}
	assert_true(te_dynamic_low(x, COUNT, 1.0, 0.01) < 0.1);
	assert_near(te_dynamic_high(x, COUNT, 1.0, 0.01), 2.0, 0.1);
}

static void settled(void **state)
{
	const double x[] = { 9.0, -1.0, 7.0, 2.0, -3.0, 1.0 };

	assert_int_equal(te_settled(x, 6, 3.0), 3);
	assert_int_equal(te_settled(x, 6, 10.0), 0);
	assert_int_equal(te_settled(x, 6, 0.5), 6);
	assert_int_equal(te_settled(x, 0, 1.0), 0);
}

static void quantiles(void **state)
{
	double v[] = { 5.0, 1.0, 4.0, 2.0 };

	assert_near(quantile(v, 4, 0.5), 3.0, 1e-12);
	assert_near(v[0], 1.0, 0.0);
	assert_near(quantile(v, 4, 0.0), 1.0, 0.0);
	assert_near(quantile(v, 4, 1.0), 5.0, 0.0);
	assert_true(isnan(quantile(v, 0, 0.5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/metrics/stats", stats, NULL, NULL, NULL },
		{ "/sim/metrics/constant", constant, NULL, NULL, NULL },
		{ "/sim/metrics/tdev_white", tdev_white, NULL, NULL, NULL },
		{ "/sim/metrics/definitions", definitions, NULL, NULL, NULL },
		{ "/sim/metrics/ramp_and_drift", ramp_and_drift, NULL, NULL, NULL },
		{ "/sim/metrics/adev_white_frequency", adev_white_frequency, NULL, NULL, NULL },
		{ "/sim/metrics/too_short", too_short, NULL, NULL, NULL },
		{ "/sim/metrics/dynamic", dynamic, NULL, NULL, NULL },
		{ "/sim/metrics/settled", settled, NULL, NULL, NULL },
		{ "/sim/metrics/quantiles", quantiles, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
