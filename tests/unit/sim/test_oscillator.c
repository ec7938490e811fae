/* SPDX-License-Identifier: BSD-2-Clause */
/* Oscillators: noise as strong as asked for, phase exact, and no reader changes what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/sim/metrics.h"
#include "tests/sim/oscillator.h"

#define SECOND SIM_PS_PER_S

static const struct phase zero = { 0, 0.0 };

static void assert_near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %.3g", value, expected, tolerance);
	}
}

static double error_at(struct oscillator *o, double t)
{
	return phase_to_double(oscillator_error(o, (int64_t)(t * (double)SECOND)));
}

static void phases(void **state)
{
	struct phase p = phase_add((struct phase){ 5, 0.75 }, -0.5);

	assert_int_equal(p.ns, 5);
	assert_near(p.fraction, 0.25, 0.0);
	p = phase_add(p, -1.5);
	assert_int_equal(p.ns, 3);
	assert_near(p.fraction, 0.75, 0.0);
	p = phase_add((struct phase){ INT64_C(4000000000000000000), 0.5 }, 0.25);
	assert_int_equal(p.ns, INT64_C(4000000000000000000));
	assert_near(p.fraction, 0.75, 0.0);
}

/* 100 ppm for an hour: 360 ms, to a thousandth of a nanosecond. */
static void constant_frequency(void **state)
{
	const struct oscillator_spec spec = { .frequency_ppb = 100000.0 };
	struct oscillator o;

	oscillator_init(&o, &spec, zero, 1);
	assert_near(error_at(&o, 0.25), 25000.0, 1e-6);
	assert_near(error_at(&o, 3600.0), 360000000.0, 1e-3);
}

/* The adjustment multiplies: f that undoes 100 ppm is 1 / 1.0001 - 1. */
static void adjustment(void **state)
{
	const struct oscillator_spec spec = { .frequency_ppb = 100000.0 };
	struct oscillator o;

	oscillator_init(&o, &spec, zero, 1);
	oscillator_adjust(&o, 10 * SECOND, 1.0 / 1.0001 - 1.0);
	assert_near(error_at(&o, 10.0), 1e6, 1e-6);
	assert_near(error_at(&o, 100000.0), 1e6, 1e-2);
	oscillator_step(&o, 100000 * SECOND, (struct phase){ -1000001, 0.5 });
	assert_near(error_at(&o, 100000.0), -0.5, 1e-2);
}

static void temperature(void **state)
{
	const struct oscillator_spec step = { .step_ppb = 1000.0, .step_at_s = 100.0 };
	const struct oscillator_spec settling = { .step_ppb = 1000.0, .step_at_s = 100.0,
						  .step_settle_s = 50.0 };
	const struct oscillator_spec sine = { .sine_ppb = 100.0, .sine_period_s = 1000.0 };
	const struct oscillator_spec aging = { .aging_ppb = 86.4 };
	struct oscillator o;

	oscillator_init(&o, &step, zero, 1);
	assert_near(error_at(&o, 100.0), 0.0, 1e-9);
	assert_near(error_at(&o, 110.0), 10000.0, 1e-6);
	oscillator_init(&o, &settling, zero, 1);
	assert_near(error_at(&o, 1100.0), 1e6 - 50.0 * 1000.0, 600.0);
	oscillator_init(&o, &sine, zero, 1);
	assert_near(error_at(&o, 500.0), 2.0 * 100.0 * 1000.0 / (2.0 * M_PI), 20.0);
	assert_near(error_at(&o, 1000.0), 0.0, 1e-3);
	oscillator_init(&o, &aging, zero, 1);
	assert_near(error_at(&o, 1000.0), 1e-3 * 1000.0 * 999.0 / 2.0, 1e-3);
}

static const struct oscillator_spec noisy = {
	.frequency_ppb = -3000.0, .random_walk_ppb = 2.0, .white_ppb = 20.0, .flicker_ppb = 5.0,
};

/* The same instants read alone, or between thousands of other readings. */
static void readers_do_not_matter(void **state)
{
	struct oscillator quiet;
	struct oscillator busy;
	struct random r;
	int64_t at = 0;

	random_init(&r, 4);
	oscillator_init(&quiet, &noisy, zero, 9);
	oscillator_init(&busy, &noisy, zero, 9);
	for (int i = 0; i < 100; i++) {
		struct phase a;
		struct phase b;

		for (int k = 0; k < 50; k++) {
			at += (int64_t)(random_uniform(&r) * 0.3 * (double)SECOND);
			oscillator_error(&busy, at);
		}
		a = oscillator_error(&quiet, at);
		b = oscillator_error(&busy, at);
		assert_int_equal(a.ns, b.ns);
		assert_true(a.fraction == b.fraction);
	}
}

/* Adjusting a clock must not change its own noise. */
static void noise_ignores_adjustment(void **state)
{
	struct oscillator free_one;
	struct oscillator steered;

	oscillator_init(&free_one, &noisy, zero, 9);
	oscillator_init(&steered, &noisy, zero, 9);
	for (int64_t i = 1; i <= 100; i++) {
		oscillator_adjust(&steered, i * SECOND / 3, 1e-6 * (double)i);
		oscillator_advance(&free_one, i * SECOND / 3);
		assert_true(free_one.natural == steered.natural);
	}
}

/* The Allan deviation of count seconds of one kind of noise, by its phase. */
static double adev_of(const struct oscillator_spec *spec, uint64_t seed, size_t count, size_t m)
{
	double *x = calloc(count, sizeof(*x));
	struct oscillator o;
	double adev;

	assert_non_null(x);
	oscillator_init(&o, spec, zero, seed);
	for (size_t i = 0; i < count; i++) {
		x[i] = error_at(&o, (double)i);
	}
	adev = te_adev(x, count, m, 1.0);
	free(x);
	return adev;
}

static void white_frequency(void **state)
{
	const struct oscillator_spec spec = { .white_ppb = 7.0 };

	assert_near(adev_of(&spec, 1, 20000, 1), 7.0, 0.2);
	assert_near(adev_of(&spec, 1, 20000, 100), 0.7, 0.1);
}

/* The floor is flat over the decades the octaves cover. */
static void flicker_frequency(void **state)
{
	const struct oscillator_spec spec = { .flicker_ppb = 7.0 };
	const size_t m[] = { 8, 32, 128, 512 };

	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		double sum = 0.0;

		for (uint64_t seed = 1; seed <= 8; seed++) {
			sum += adev_of(&spec, seed, 20000, m[i]) / 8.0;
		}
		assert_near(sum, 7.0, 0.9);
	}
}

/* Random walk of frequency: s * sqrt(tau / 3). */
static void random_walk(void **state)
{
	const struct oscillator_spec spec = { .random_walk_ppb = 7.0 };
	double sum = 0.0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		sum += adev_of(&spec, seed, 20000, 100) / 8.0;
	}
	assert_near(sum, 7.0 * sqrt(100.0 / 3.0), 4.0);
}

/* The grid may be finer than a second: the walk is as wide, white noise as strong. */
static void finer_grid(void **state)
{
	const struct oscillator_spec walk = { .random_walk_ppb = 7.0, .grid_s = 0.125 };
	const struct oscillator_spec white = { .white_ppb = 7.0, .grid_s = 0.125 };

	assert_near(adev_of(&walk, 3, 20000, 10), 7.0 * sqrt(10.0 / 3.0), 1.0);
	assert_near(adev_of(&white, 3, 20000, 1), 7.0, 0.3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/oscillator/phases", phases, NULL, NULL, NULL },
		{ "/sim/oscillator/constant_frequency", constant_frequency, NULL, NULL, NULL },
		{ "/sim/oscillator/adjustment", adjustment, NULL, NULL, NULL },
		{ "/sim/oscillator/temperature", temperature, NULL, NULL, NULL },
		{ "/sim/oscillator/readers_do_not_matter", readers_do_not_matter, NULL, NULL,
		  NULL },
		{ "/sim/oscillator/noise_ignores_adjustment", noise_ignores_adjustment, NULL,
		  NULL, NULL },
		{ "/sim/oscillator/white_frequency", white_frequency, NULL, NULL, NULL },
		{ "/sim/oscillator/flicker_frequency", flicker_frequency, NULL, NULL, NULL },
		{ "/sim/oscillator/random_walk", random_walk, NULL, NULL, NULL },
		{ "/sim/oscillator/finer_grid", finer_grid, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
