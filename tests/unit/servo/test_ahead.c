/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is claimed of a clock that is left alone (gnomon_ensemble_coast), against a clock that is,
 * and against what the ensemble says itself as time goes by.
 */
#include "servo/ensemble.h"

#include "ensemble_rig.h"

#define HORIZON_S 3600.0

static struct gnomon_coast coast_of(const struct rig *r)
{
	struct gnomon_coast coast;

	gnomon_ensemble_coast(r->e, mono(r), HORIZON_S, &coast);
	return coast;
}

/* As long as a line of constant rate is continued, its error is this. drift: of the oscillator. */
static void assert_true_line(const struct rig *r, double drift_ppb_per_s)
{
	struct gnomon_coast coast = coast_of(r);
	double rate = r->f + r->natural - coast.excess_ppb;
	struct gnomon_estimate estimate;

	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	assert_true(coast.valid);
	assert_true(coast.bound_ns >= estimate.bound_ns);
	assert_true(coast.growth_ppb > 0.0);
	for (double t = 0.0; t <= HORIZON_S; t += 0.25) {
		double x = r->x + rate * t + 0.5 * drift_ppb_per_s * t * t;
		double bound = coast.bound_ns + coast.growth_ppb * t;

		if (fabs(x) > bound) {
			fail_msg("%g s: %g ns, claimed %g, at %g s of the run", t, x, bound, r->t);
		}
	}
}

static void nothing_is_known(void **state)
{
	struct rig *r = *state;
	struct gnomon_coast coast;

	rig_init(r, 1);
	rig_start(r);
	coast = coast_of(r);
	assert_false(coast.valid);
	assert_false(isfinite(coast.bound_ns));
}

/* From the first lock on, with and without a model, the correction in progress or not. */
static void following(void **state)
{
	struct rig *r = *state;
	double with_model;
	double without;

	rig_init(r, 1);
	rig_start(r);
	for (int i = 0; i < 60; i++) {
		run(r, 1.0);
		if (i > 3) {
			assert_true_line(r, 0.0);
			assert_true_line(r, 5.0);
			assert_true_line(r, -5.0);
		}
	}
	without = coast_of(r).growth_ppb;
	/* 10 ppb/s for an hour, by default. */
	assert_near(without, 18000.0, 3000.0);
	for (int i = 0; i < 400; i++) {
		run(r, 1.0);
		if (i % 10 == 0) {
			assert_true_line(r, 0.0);
		}
	}
	with_model = coast_of(r).growth_ppb;
	print_message("# %s: growth %g ppb without a model, %g with\n", servo_name, without,
		      with_model);
	assert_true(with_model < 400.0);
	assert_true_line(r, 0.003);
	assert_true_line(r, -0.003);
	/* What corrects the last offset is not continued. */
	assert_true(fabs(r->f + r->natural - coast_of(r).excess_ppb) < 30.0);
}

/* The ensemble says it itself as the hour goes by, and never more. */
static void assert_above_own(struct rig *r)
{
	struct gnomon_coast coast = coast_of(r);
	double from = r->t;
	double closest = (double)INFINITY;

	while (r->t < from + HORIZON_S - 1.0) {
		struct gnomon_estimate own;
		double room;

		pass(r, r->t + 0.9);
		gnomon_ensemble_estimate(r->e, mono(r), &own);
		room = (coast.bound_ns + coast.growth_ppb * (r->t - from)) / own.bound_ns;
		closest = room < closest ? room : closest;
		if (room < 1.0) {
			fail_msg("%g s: %g of the own bound %g", r->t - from, room, own.bound_ns);
		}
	}
	assert_true(closest < 1.3); /* nor is it much too careful at its narrowest place */
}

/* A trend is given to the clock as time goes by. Who cannot be told is wrong by that much. */
static void trend_is_lost(void **state)
{
	struct rig *r = *state;
	struct gnomon_coast before;
	struct gnomon_coast after;
	double more;

	rig_init(r, 1);
	rig_start(r);
	run(r, 400.0);
	kill_all(r, true);
	run(r, 20.0);
	before = coast_of(r);
	r->e->model.drift_ppb_per_s -= 0.5;
	after = coast_of(r);
	more = after.growth_ppb - before.growth_ppb;
	assert_true(more >= 0.5 * 0.5 * HORIZON_S * 0.98 && more <= 0.5 * 0.5 * HORIZON_S * 1.2);
	/* And so far it has been needed: the clock is too fast now. */
	assert_true(after.excess_ppb > before.excess_ppb + 0.5);
	assert_near(after.bound_ns, before.bound_ns, 10.0);
}

/* No instant is above the line, as the estimator itself says it, and somewhere it is near. */
static void above_the_estimator(void **state)
{
	struct gnomon_estimate estimate;
	struct gnomon_estimate at_now;
	struct gnomon_coast coast;
	double closest = (double)INFINITY;
	struct rig *r = *state;
	double needed;

	rig_init(r, 1);
	rig_start(r);
	run(r, 40.0);
	coast = coast_of(r);
	needed = estimator_needed_ppb(&r->e->sources[0].estimator);
	estimator_read(&r->e->sources[0].estimator, mono(r), &at_now);
	for (double t = 1e-3; t <= HORIZON_S; t *= 1.01) {
		double line = coast.bound_ns + coast.growth_ppb * t;

		estimator_ahead(&r->e->sources[0].estimator, mono(r), t, needed, &estimate);
		assert_true(estimate.bound_ns <= line);
		assert_near(estimate.offset_ns, at_now.offset_ns, 1e-3);
		closest = line / estimate.bound_ns < closest ? line / estimate.bound_ns : closest;
	}
	assert_true(closest < 1.15);
}

static void held_over(void **state)
{
	struct rig *r = *state;

	rig_init(r, 1);
	rig_start(r);
	run(r, 400.0);
	kill_all(r, true);
	run(r, 20.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_HOLDOVER);
	assert_true_line(r, 0.0);
	assert_above_own(r);
	assert_true_line(r, 0.0);
	assert_above_own(r);
}

static void free_running(void **state)
{
	struct rig *r = *state;

	rig_init(r, 1);
	rig_start(r);
	run(r, 40.0);
	kill_all(r, true);
	run(r, 20.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FREE);
	assert_true_line(r, 0.0);
	assert_true_line(r, 9.0);
	assert_true_line(r, -9.0);
}

/* Three sources, one of which lies too little to be found out: it may be the one that is followed,
 * and what it says of the rate may be wrong as well. */
static void majority(void **state)
{
	struct rig *r = *state;
	struct gnomon_coast coast;
	struct gnomon_estimate own;

	lock_three(r);
	r->lie_ns[0] = 300.0;
	for (int i = 0; i < 100; i++) {
		run(r, 1.0);
		assert_true_line(r, 0.0);
	}
	coast = coast_of(r);
	gnomon_ensemble_estimate(r->e, mono(r), &own);
	assert_true(coast.bound_ns >= own.bound_ns);
	assert_true(own.bound_ns > 300.0);
}

/* No model yet, and an oscillator that is promised to be good: then the majority speaks for the
 * future as well, and who is followed lies about the rate. */
static void majority_without_model(void **state)
{
	struct rig *r = *state;
	unsigned int followed = 0;

	rig_init(r, 3);
	r->discipline.drift_ppb_per_s = 0.01;
	r->noise_ns = 10.0;
	for (unsigned int i = 0; i < 3; i++) {
		r->reference_ns[i] = 300.0;
	}
	rig_start(r);
	run(r, 40.0);
	for (int i = 0; i < 20; i++) {
		r->lie_ns[0] += 20.0; /* looks like an oscillator 20 ppb off */
		run(r, 1.0);
		followed += gnomon_ensemble_selected(r->e) == 0;
		assert_true_line(r, 0.0);
		assert_true_line(r, 0.009);
		assert_true_line(r, -0.009);
	}
	assert_true(followed > 10);
}

/* What an earlier run has left is wrong by 400 ppb: on trial it is not relied on. */
static void restored_model_is_wrong(void **state)
{
	struct gnomon_holdover_model model;
	struct rig *r = *state;
	unsigned int trials = 0;

	rig_init(r, 1);
	r->discipline.drift_ppb_per_s = 0.01;
	rig_start(r);
	run(r, 400.0);
	assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), 0);
	model.frequency_ppb += 400.0;
	rig_init(r, 1);
	r->discipline.drift_ppb_per_s = 0.01;
	r->config.model = &model;
	r->x = 500.0;
	rig_start(r);
	for (int i = 0; i < 60; i++) {
		run(r, 1.0);
		trials += r->e->trial;
		if (i > 2) {
			assert_true_line(r, 0.0);
		}
	}
	assert_true(trials > 3);
}

#define AHEAD(function) \
	{ "/servo/ahead/pi/" #function, function, rig_setup, NULL, (void *)"pi" }, \
	{ "/servo/ahead/linreg/" #function, function, rig_setup, NULL, (void *)"linreg" }

int main(void)
{
	const struct CMUnitTest tests[] = {
		AHEAD(nothing_is_known),
		AHEAD(following),
		AHEAD(above_the_estimator),
		AHEAD(held_over),
		AHEAD(trend_is_lost),
		AHEAD(free_running),
		AHEAD(majority),
		AHEAD(majority_without_model),
		AHEAD(restored_model_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
