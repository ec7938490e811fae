/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The linear regression servo in a closed loop whose truth is known: without noise against what
 * must come out exactly, with noise against the PI servo.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/servo/loop.h"

/* A clock, its oscillator, and the servo that is told its offset. */
struct rig {
	const struct gnomon_servo_ops *ops;
	struct gnomon_servo_config config;
	struct seed random;
	double interval_s;
	double t;          /* true time, s */
	double x;          /* clock minus reference, ns */
	double reference;  /* minus true time, ns */
	double e;          /* oscillator, ppb */
	double f;          /* adjustment, ppb */
	double noise_ns;   /* standard deviation of offsets */
	double walk_ppb;   /* random walk of frequency per square root of a second */
	enum gnomon_servo_state servo;
	unsigned int steps;
	double outlier_ns; /* of the next offset only */
	double weight;
	_Alignas(16) unsigned char state[4096];
};

static void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

static struct rig rig_of(const char *servo)
{
	struct rig r = { .ops = gnomon_servo_find(servo), .interval_s = 1.0, .weight = 1.0 };

	assert_non_null(r.ops);
	gnomon_servo_config_default(&r.config);
	r.config.first_step_threshold = 0.0;
	return r;
}

static struct rig rig_default(void)
{
	return rig_of("linreg");
}

static void rig_start(struct rig *r)
{
	assert_true(r->ops->size <= sizeof(r->state));
	memset(r->state, 0xa5, sizeof(r->state));
	r->f = r->config.frequency_ppb;
	r->ops->init(r->state, &r->config);
	r->ops->sync_interval(r->state, r->interval_s);
}

/* How fast the clock runs ahead of its reference, ppb. */
static double rig_rate(const struct rig *r)
{
	return r->f + r->e + r->f * r->e * 1e-9;
}

static void rig_wait(struct rig *r, double seconds)
{
	r->x += rig_rate(r) * seconds;
	r->t += seconds;
	r->e += r->walk_ppb * sqrt(seconds) * loop_gauss(&r->random);
}

/* The reference is set; the clock goes on. */
static void rig_set_reference(struct rig *r, double by_ns)
{
	r->reference += by_ns;
	r->x -= by_ns;
}

static double rig_measure(struct rig *r)
{
	double measured = r->x + r->outlier_ns;

	if (r->noise_ns > 0.0) {
		measured += r->noise_ns * loop_gauss(&r->random);
	}
	r->outlier_ns = 0.0;
	return measured;
}

static enum gnomon_servo_state rig_sample(struct rig *r)
{
	gnomon_time local = gnomon_time_add((gnomon_time){ LOOP_EPOCH_S, 0, 0 },
					    gnomon_span_from_ns((int64_t)(r->t * 1e9)));
	struct gnomon_servo_sample sample = { .weight = r->weight };
	double f = r->f;

	sample.local = gnomon_time_add(local, gnomon_span_from_double(r->x + r->reference));
	sample.offset = gnomon_span_from_double(rig_measure(r));
	r->servo = r->ops->sample(r->state, &sample, &f);
	if (r->servo == GNOMON_SERVO_JUMP) {
		r->x -= gnomon_span_to_double(sample.offset);
		r->steps++;
	}
	if (r->servo != GNOMON_SERVO_UNLOCKED) {
		r->f = f;
	}
	return r->servo;
}

static enum gnomon_servo_state rig_run(struct rig *r, unsigned int samples)
{
	for (unsigned int i = 0; i < samples; i++) {
		rig_wait(r, r->interval_s);
		(void)rig_sample(r);
	}
	return r->servo;
}

/* The adjustment with which the clock would keep step. */
static double rig_right(const struct rig *r)
{
	return -r->e / (1.0 + r->e * 1e-9);
}

/* 100 ppm off and locked, no noise. */
static struct rig rig_locked(void)
{
	struct rig r = rig_default();

	r.e = 1e5;
	rig_start(&r);
	assert_int_equal(rig_run(&r, 40), GNOMON_SERVO_LOCKED);
	assert_near(r.f, rig_right(&r), 1e-3);
	return r;
}

static void four_points(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.e = 50000.0;
	r.x = 3000.0;
	rig_start(&r);
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_LOCKED);
	/* What it is ahead by now is to be gone in a second of the oscillator's. */
	assert_near(r.f, rig_right(&r) - r.x, 0.1);
	rig_run(&r, 1);
	assert_near(r.x, 0.0, 203000.0 * 60e-6); /* whose seconds are shorter */
	rig_run(&r, 60);
	assert_near(r.x, 0.0, 0.01);
	assert_near(r.f, rig_right(&r), 0.01);
	assert_int_equal(r.steps, 0);
}

static void initial_frequency(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.e = 20000.0;
	r.config.frequency_ppb = -20000.0;
	rig_start(&r);
	rig_run(&r, 4);
	assert_near(r.f, rig_right(&r), 2.0);
}

/* The servo knows what it did to the clock: an offset too large for it leaves nothing behind. */
static void no_windup(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.max_frequency_ppb = 1000.0;
	r.e = 300.0;
	r.x = 100000.0;
	rig_start(&r);
	rig_run(&r, 120);
	assert_near(r.f, -1000.0, 0.0);
	for (unsigned int i = 0; i < 200; i++) {
		rig_run(&r, 1);
		assert_true(r.x > -1.0);
	}
	assert_near(r.x, 0.0, 0.01);
}

static void steps(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.first_step_threshold = 0.00002;
	r.e = 1e5;
	r.x = 1e18; /* 30 years */
	rig_start(&r);
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_JUMP);
	assert_near(r.x, 0.0, 300.0); /* the truth is a double here */
	assert_near(r.f, rig_right(&r), 300.0);
	assert_int_equal(rig_run(&r, 40), GNOMON_SERVO_LOCKED);
	assert_near(r.x, 0.0, 1.0);
	/* Only the first update has that threshold. */
	rig_set_reference(&r, 30000.0);
	rig_run(&r, 20);
	assert_int_equal(r.steps, 1);
	assert_near(r.x, 0.0, 1.0);
}

/* A single late message must not move the clock. */
static void outlier(void **state)
{
	struct rig r = rig_locked();
	double before = r.f;

	(void)state;
	for (unsigned int row = 1; row < 4; row++) {
		for (unsigned int i = 0; i < row; i++) {
			r.outlier_ns = i % 2 ? -4e5 : 1e6;
			assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_LOCKED);
			assert_near(r.f, before, 1e-3);
		}
		rig_run(&r, 5);
		assert_near(r.f, before, 1e-3);
		assert_near(r.x, 0.0, 1e-2);
	}
}

/* With noise too: the largest error of a run is that of its noise. */
static void outliers_in_noise(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.random = seed_start("outliers_in_noise");
	r.e = 1e5;
	r.noise_ns = 100.0;
	rig_start(&r);
	rig_run(&r, 200);
	for (unsigned int i = 0; i < 2000; i++) {
		r.outlier_ns = seed_below(&r.random, 20) == 0 ? 5e5 : 0.0;
		rig_run(&r, 1);
		assert_near(r.x, 0.0, 1000.0);
	}
}

static void reference_steps(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	/* Slewed, once it is sure; what was learned of the oscillator is found again. */
	rig_set_reference(&r, -50000.0);
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_LOCKED);
	assert_near(r.f, rig_right(&r), 1e-2);
	rig_run(&r, 1);
	assert_near(r.f, rig_right(&r) - 50000.0, 20.0);
	rig_run(&r, 10);
	assert_near(r.x, 0.0, 1.0);
	assert_near(r.f, rig_right(&r), 1.0);
	assert_int_equal(r.steps, 0);
}

static void steps_later(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.step_threshold = 0.001;
	r.e = -30000.0;
	rig_start(&r);
	rig_run(&r, 40);
	rig_set_reference(&r, 2e9);
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_LOCKED);
	assert_near(r.f, rig_right(&r), 1e-2);
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_JUMP);
	assert_near(r.x, 0.0, 1.0);
	assert_near(r.f, rig_right(&r), 1.0);
	rig_run(&r, 20);
	assert_int_equal(r.steps, 1);
	assert_near(r.x, 0.0, 1.0);
}

static void oscillator_steps(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	r.e += 2000.0;
	rig_run(&r, 4);
	assert_near(r.x, 8000.0, 100.0);
	rig_run(&r, 2);
	assert_near(r.x, 0.0, 20.0);
	assert_near(r.f, rig_right(&r), 20.0);
}

static void interval_changes(void **state)
{
	static const double intervals[] = { 0.125, 4.0, 1.0 / 128, 2.0 };
	struct rig r = rig_locked();

	(void)state;
	for (unsigned int i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
		r.interval_s = intervals[i];
		r.ops->sync_interval(r.state, r.interval_s);
		for (unsigned int k = 0; k < 200; k++) {
			rig_run(&r, 1);
			assert_near(r.x, 0.0, 0.05);
			assert_near(r.f, rig_right(&r), 0.5);
		}
	}
}

/* It may also not be told. */
static void gaps(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	for (unsigned int k = 1; k < 50; k++) {
		rig_wait(&r, k % 7 * 1.7);
		rig_run(&r, 1);
		assert_near(r.x, 0.0, 0.1);
	}
}

static void coasts(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	r.x += 15.0; /* below what surprises */
	rig_run(&r, 1);
	assert_true(fabs(r.f - rig_right(&r)) > 1.0);
	for (unsigned int i = 0; i < 3; i++) {
		double due = 1.52 + 2.0 * i;

		rig_wait(&r, i > 0 ? 2.0 : due);
		r.f = r.ops->needed(r.state);
		r.ops->hold(r.state, r.f, due);
		assert_near(r.f, rig_right(&r), 5.0);
	}
	/* The line still knows where the clock is: no surprise, no error. */
	rig_wait(&r, 0.48);
	assert_int_equal(rig_sample(&r), GNOMON_SERVO_LOCKED);
	rig_run(&r, 30);
	assert_near(r.x, 0.0, 0.1);
	assert_near(r.f, rig_right(&r), 0.1);
}

/* Coasting took half a correction away. Had its duration been counted wrongly, the points would
 * not lie on a line any more. */
static void coasting_is_counted(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.x = 40000.0;
	r.e = 1000.0;
	rig_start(&r);
	rig_run(&r, 4);
	rig_wait(&r, 0.25);
	r.f = r.ops->needed(r.state);
	r.ops->hold(r.state, r.f, 0.25);
	assert_near(r.f, rig_right(&r), 1e-3);
	rig_wait(&r, 0.75);
	rig_sample(&r);
	assert_near(r.f, rig_right(&r) - r.x, 0.1);
	assert_true(r.x > 20000.0);
}

/* By somebody else. */
static void clock_set_back(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	r.x -= 1e10;
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_UNLOCKED);
	assert_near(r.f, rig_right(&r), 1e-2);
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_LOCKED);
}

static void reset(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	r.ops->reset(r.state);
	r.x += 12345.0;
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_UNLOCKED);
	assert_near(r.ops->rate_ratio(r.state), 1.0, 0.0);
	rig_wait(&r, 1.0);
	assert_int_equal(rig_sample(&r), GNOMON_SERVO_LOCKED);
	assert_near(r.f, rig_right(&r) - 12345.0, 1.0);
}

/* Reference over local frequency, while the clock is wrong on purpose. */
static void rate_ratio(void **state)
{
	struct rig r = rig_locked();

	(void)state;
	assert_near(r.ops->rate_ratio(r.state), 1.0, 1e-12);
	r.ops->reset(r.state);
	r.x = 80000.0;
	rig_run(&r, 4);
	assert_true(fabs(rig_rate(&r)) > 70000.0);
	assert_near(r.ops->rate_ratio(r.state), 1.0 / (1.0 + rig_rate(&r) * 1e-9), 1e-10);
}

/* The reference is set while the first line is drawn: that is no frequency. */
static void reference_is_being_set(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.first_step_threshold = 0.00002;
	r.e = 1e4;
	rig_start(&r);
	rig_run(&r, 2);
	rig_set_reference(&r, -5e9);
	assert_int_equal(rig_run(&r, 4), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_JUMP);
	assert_near(r.f, rig_right(&r), 1.0);
	/* And just after it was drawn. */
	r = rig_default();
	r.e = 1e4;
	r.config.step_threshold = 0.001;
	rig_start(&r);
	rig_run(&r, 6);
	rig_set_reference(&r, 5e9);
	assert_int_equal(rig_run(&r, 3), GNOMON_SERVO_LOCKED);
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_JUMP);
	assert_near(r.f, rig_right(&r), 1.0);
}

/* A frequency that is really absurd is believed in the end. */
static void broken_oscillator(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.e = 5e6;
	rig_start(&r);
	assert_int_equal(rig_run(&r, 20), GNOMON_SERVO_LOCKED);
	rig_run(&r, 60);
	assert_near(r.f, rig_right(&r), 1.0);
}

/* At 64 samples a second one in five is late by 20 ms, from the first on. */
static void begins_among_outliers(void **state)
{
	struct seed random = seed_start("begins_among_outliers");

	(void)state;
	for (unsigned int run = 0; run < 50; run++) {
		struct rig r = rig_default();

		r.random = random;
		r.interval_s = 1.0 / 64;
		r.noise_ns = 100.0;
		r.e = 1e5;
		rig_start(&r);
		for (unsigned int i = 0; i < 64 * 20; i++) {
			r.outlier_ns = seed_below(&r.random, 5) == 0 ? 2e7 : 0.0;
			rig_run(&r, 1);
			if (i > 64 * 10) {
				assert_near(r.x, 0.0, 5000.0);
			}
		}
		assert_int_equal(r.servo, GNOMON_SERVO_LOCKED);
		random = r.random;
	}
}

/* One that is hardly trusted hardly matters. */
static void weights(void **state)
{
	struct rig light = rig_locked();
	struct rig heavy = rig_locked();

	(void)state;
	light.weight = 0.01;
	light.outlier_ns = 19.0;
	heavy.outlier_ns = 19.0;
	rig_run(&light, 1);
	rig_run(&heavy, 1);
	assert_true(fabs(heavy.f - rig_right(&heavy)) > 5.0);
	assert_true(fabs(light.f - rig_right(&light)) < 1.0);
}

static void limits(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.offset_threshold_ns = 50;
	r.config.num_offset_values = 5;
	r.config.max_frequency_ppb = 20000.0;
	r.x = 1e6;
	rig_start(&r);
	rig_run(&r, 10);
	assert_near(r.f, -20000.0, 0.0);
	assert_int_equal(rig_run(&r, 100), GNOMON_SERVO_LOCKED_STABLE);
	r.x += 60.0;
	assert_int_equal(rig_run(&r, 1), GNOMON_SERVO_LOCKED);
}

/* RMS error of the second half of a run. */
static double rms_error(const char *servo, uint64_t seed, double noise_ns, double walk_ppb)
{
	struct rig r = rig_of(servo);
	struct gnomon_stats error;

	gnomon_stats_reset(&error);
	r.random.state = seed;
	r.noise_ns = noise_ns;
	r.walk_ppb = walk_ppb;
	r.e = 1e4;
	rig_start(&r);
	rig_run(&r, 400);
	for (unsigned int i = 0; i < 800; i++) {
		rig_run(&r, 1);
		gnomon_stats_add(&error, r.x);
	}
	return gnomon_stats_rms(&error);
}

/* Much better than the PI servo's constants where noise rules, as good where wander does. */
static void adapts(void **state)
{
	static const struct {
		double noise_ns;
		double walk_ppb;
		double at_most; /* of the PI servo's error */
	} rows[] = { { 1000.0, 0.1, 0.4 }, { 100.0, 1.0, 0.5 }, { 20.0, 20.0, 1.05 },
		     { 1.0, 1000.0, 1.05 } };
	struct seed random = seed_start("adapts");

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double pi = 0.0;
		double linreg = 0.0;

		for (unsigned int run = 0; run < 20; run++) {
			uint64_t seed = seed_next(&random);

			pi += rms_error("pi", seed, rows[i].noise_ns, rows[i].walk_ppb);
			linreg += rms_error("linreg", seed, rows[i].noise_ns, rows[i].walk_ppb);
		}
		if (!(linreg < rows[i].at_most * pi)) {
			fail_msg("noise %g walk %g: %g of the PI servo's error", rows[i].noise_ns,
				 rows[i].walk_ppb, linreg / pi);
		}
	}
}

#define TEST(name) { "/servo/linreg/" #name, name, NULL, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(four_points),
		TEST(initial_frequency),
		TEST(no_windup),
		TEST(steps),
		TEST(outlier),
		TEST(outliers_in_noise),
		TEST(reference_steps),
		TEST(steps_later),
		TEST(oscillator_steps),
		TEST(interval_changes),
		TEST(gaps),
		TEST(coasts),
		TEST(coasting_is_counted),
		TEST(clock_set_back),
		TEST(reset),
		TEST(rate_ratio),
		TEST(reference_is_being_set),
		TEST(broken_oscillator),
		TEST(begins_among_outliers),
		TEST(weights),
		TEST(limits),
		TEST(adapts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
