/* SPDX-License-Identifier: BSD-2-Clause */
/* The ensemble without sources: holdover, restart from a model; and what else happens to it. */
#include <errno.h>

#include "ensemble_rig.h"

/* -- holdover --------------------------------------------------------------------------------- */

static void holdover_and_back(void **state)
{
	struct gnomon_holdover_model model;
	struct gnomon_estimate estimate;
	double bound = 0.0;
	struct rig *r = *state;

	for (unsigned int sources = 1; sources <= 3; sources += 2) {
		rig_init(r, sources);
		rig_start(r);
		run(r, 600.0);
		assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), 0);
		assert_near(model.frequency_ppb, -20000.0, 20.0);
		kill_all(r, true);
		run(r, 10.0);
		assert_int_equal(MODE(r), GNOMON_ENSEMBLE_HOLDOVER);
		assert_int_equal(gnomon_ensemble_selected(r->e), -1);
		assert_near(r->f, -20000.0, 20.0);
		for (int i = 0; i < 600; i++) {
			run(r, 1.0);
			gnomon_ensemble_estimate(r->e, mono(r), &estimate);
			assert_true(estimate.valid && estimate.bound_ns >= bound);
			bound = estimate.bound_ns;
		}
		bound = 0.0;
		r->steps = 0;
		r->most_rate = 0.0;
		kill_all(r, false);
		run(r, sources == 1 ? 1.0 : 40.0);
		assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FOLLOWING);
		/* The first sample closed the loop again, nothing was estimated anew. */
		assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
		run(r, 60.0);
		assert_near(r->x, 0.0, 200.0);
		assert_int_equal(r->steps, 0);
		assert_true(r->broken_ns <= 0.0);
		gnomon_ensemble_estimate(r->e, mono(r), &estimate);
		assert_true(estimate.bound_ns < 1000.0);
	}
}

static void too_little_learnt(void **state)
{
	struct gnomon_holdover_model model;
	struct gnomon_estimate estimate;
	struct rig *r = *state;

	rig_init(r, 1);
	rig_start(r);
	run(r, 30.0);
	assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), -ENODATA);
	r->dead[0] = true;
	run(r, 60.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FREE);
	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	assert_true(estimate.bound_ns > 0.5 * 10.0 * 60.0 * 60.0);
	r->dead[0] = false;
	run(r, 30.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FOLLOWING);
	assert_near(r->x, 0.0, 200.0);
	assert_int_equal(r->steps, 1);
	assert_true(r->broken_ns <= 0.0);
}

/* -- restart ---------------------------------------------------------------------------------- */

static const struct gnomon_holdover_model learnt = {
	.frequency_ppb = -20000.0,
	.frequency_error_ppb = 20.0,
	.drift_error_ppb_per_s = 0.01,
	.lag_s = 64.0,
	.lags = 1,
	.wander_ppb = { 20.0 },
	.span_s = 3600.0,
	.least_drift_ppb_per_s = 0.003,
};

static void restart_with(struct rig *r, unsigned int sources, double age_s)
{
	rig_init(r, sources);
	r->config.model = &learnt;
	r->config.model_age_s = age_s;
	rig_start(r);
}

static void restart_locks_at_once(void **state)
{
	struct gnomon_holdover_model model;
	struct gnomon_estimate estimate;
	struct rig *r = *state;

	restart_with(r, 1, 60.0);
	r->x = 5000.0;
	assert_true(gnomon_ensemble_deadline(r->e).ns == mono(r).ns);
	assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), 0);
	assert_near(model.frequency_ppb, -20000.0, 1e-9);
	assert_true(model.frequency_error_ppb > 20.0);
	pass(r, 100.05);
	assert_near(r->f, -20000.0, 1e-9);
	pass(r, 100.1);
	sample(r, 0);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	assert_true(r->command.set_frequency && !r->command.step);
	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	assert_true(estimate.valid);
	pass(r, 101.0);
	run(r, 3.0);
	assert_near(r->x, 0.0, 300.0);
	run(r, 60.0);
	assert_int_equal(r->steps, 0);
	assert_true(r->broken_ns <= 0.0);
	/* Lost before anything was learnt in this run: the old model is good enough. */
	r->dead[0] = true;
	run(r, 60.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_HOLDOVER);
	assert_true(r->broken_ns <= 0.0);
}

/* A clock that refuses is not asked again and again. */
static void restart_after_a_reset(void **state)
{
	struct rig *r = *state;

	restart_with(r, 1, 60.0);
	r->x = 500.0;
	gnomon_ensemble_expire(r->e, mono(r), &r->command);
	assert_true(r->command.set_frequency);
	gnomon_ensemble_reset(r->e, mono(r));
	assert_true(gnomon_ensemble_deadline(r->e).ns == GNOMON_MONO_NEVER.ns);
	run(r, 1.0);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	assert_near(r->f, -22500.0, 200.0); /* 2.5 us to be taken away */
	run(r, 20.0);
	assert_near(r->x, 0.0, 200.0);
	assert_true(r->broken_ns <= 0.0);
}

static void restart_far_away_steps(void **state)
{
	struct rig *r = *state;

	restart_with(r, 1, 60.0);
	r->x = -3e9;
	run(r, 2.0);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	assert_int_equal(r->steps, 1);
	assert_near(r->x, 0.0, 300.0);
	assert_true(r->broken_ns <= 0.0);
}

/* Another clock, or another file. */
static void contradicted_model_is_forgotten(void **state)
{
	static const double wrong[] = { 1000.0, 20000.0, 100000.0, -300000.0 };
	struct rig *r = *state;

	for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
		for (int software = 0; software < 2; software++) {
			struct gnomon_holdover_model model;

			restart_with(r, 1, 60.0);
			r->discipline.servo_config.software_timestamps = software;
			rig_start(r);
			r->natural += wrong[k];
			run(r, 5.0);
			/* What is far off need not become experience first. */
			if (wrong[k] >= 20000.0) {
				assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model),
						 -ENODATA);
			}
			run(r, 65.0);
			assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), -ENODATA);
			run(r, 930.0);
			assert_near(r->x, 0.0, 200.0);
			assert_near(r->broken_ns, 0.0, 0.0);
			assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), 0);
			assert_near(model.frequency_ppb, -20000.0 - wrong[k], 30.0);
		}
	}
}

/* Nobody is left to contradict a wrong model: what it says is not claimed. */
static void lost_during_the_trial(void **state)
{
	struct rig *r = *state;

	for (int seconds = 1; seconds < 6; seconds++) {
		restart_with(r, 1, 60.0);
		rig_start(r);
		r->natural += 1500.0;
		run(r, seconds);
		r->dead[0] = true;
		run(r, 120.0);
		assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FREE);
		assert_near(r->broken_ns, 0.0, 0.0);
		r->dead[0] = false;
		run(r, 300.0);
		assert_near(r->x, 0.0, 200.0);
		assert_near(r->broken_ns, 0.0, 0.0);
	}
}

static void restart_of_three(void **state)
{
	struct rig *r = *state;

	restart_with(r, 3, 10.0);
	r->x = 2000.0;
	run(r, 1.0);
	assert_int_equal(gnomon_ensemble_selected(r->e), 0);
	run(r, 1.0);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	run(r, 60.0);
	assert_near(r->x, 0.0, 200.0);
	assert_int_equal(r->steps, 0);
	assert_true(r->broken_ns <= 0.0);
}

/* -- what others do --------------------------------------------------------------------------- */

static void suspension_is_no_silence(void **state)
{
	struct rig *r = *state;

	for (unsigned int sources = 1; sources <= 3; sources += 2) {
		rig_init(r, sources);
		rig_start(r);
		run(r, 600.0);
		r->switches = 0;
		/* Two samples before the suspension one was far off, and nobody could say so. */
		r->lie_ns[0] = 3000.0;
		run(r, 1.0);
		r->lie_ns[0] = 0.0;
		run(r, 1.0);
		r->suspended = true;
		run(r, 17.0);
		assert_near(r->f, -20000.0, 20.0);
		r->suspended = false;
		run(r, 30.0);
		assert_int_equal(r->switches, 0);
		assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FOLLOWING);
		assert_near(r->x, 0.0, 200.0);
		assert_true(r->broken_ns <= 0.0);
	}
}

/* Software time stamps: noise of 5 us, an outlier of 80 us two samples before the suspension. What
 * PI made of the outlier was 8 ppm, for all of the 17 s. */
static void suspension_after_an_outlier(void **state)
{
	struct seed seed = seed_start("suspension_after_an_outlier");
	struct rig *r = *state;
	double worst = 0.0;
	int far = 0;
	int farther = 0;

	for (int i = 0; i < 50; i++) {
		rig_init(r, 1);
		r->random.state = seed_next(&seed);
		r->discipline.servo_config.software_timestamps = true;
		r->noise_ns = 5000.0;
		rig_start(r);
		run(r, 600.0);
		r->lie_ns[0] = seed_next(&seed) % 2 ? 80e3 : -80e3;
		run(r, 1.0);
		r->lie_ns[0] = 0.0;
		run(r, 1.0);
		r->suspended = true;
		pass(r, r->t + 0.1);
		sample(r, 0);
		r->most_rate = 0.0;
		pass(r, r->t + 0.9);
		run(r, 16.0);
		worst = r->most_rate > worst ? r->most_rate : worst;
		far += r->most_rate > 200.0;
		farther += r->most_rate >= 400.0;
		assert_true(r->broken_ns <= 0.0);
	}
	print_message("# at most %.0f ppb off while suspended, %d times over 200\n", worst, far);
	/* Noise has no end: one of fifty may be beyond 400, and none where noise does not lead. */
	assert_true(far <= 5 && farther <= 1);
	assert_true(worst < 1000.0);
}

static void stepped_by_others(void **state)
{
	struct gnomon_estimate estimate;
	struct rig *r = *state;

	lock_three(r);
	r->x += 3e5;
	gnomon_ensemble_stepped(r->e, gnomon_span_from_ns(300000), mono(r), &r->command);
	obey(r);
	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	assert_near(estimate.offset_ns, r->x, 200.0);
	assert_near(r->f, -20000.0, 50.0);
	run(r, 60.0);
	assert_int_equal(r->switches, 0);
	assert_int_equal(state_of(r, 2), GNOMON_SOURCE_GOOD);
	assert_near(r->x, 0.0, 200.0);
	assert_true(r->broken_ns <= 0.0);
}

static void stepped_in_holdover(void **state)
{
	struct rig *r = *state;

	rig_init(r, 1);
	rig_start(r);
	run(r, 300.0);
	r->dead[0] = true;
	run(r, 60.0);
	r->x -= 1e6;
	gnomon_ensemble_stepped(r->e, gnomon_span_from_ns(-1000000), mono(r), &r->command);
	obey(r);
	run(r, 60.0);
	assert_near(r->f, -20000.0, 50.0);
	assert_true(r->broken_ns <= 0.0);
}

static void reset_forgets_offsets_only(void **state)
{
	struct gnomon_holdover_model model;
	struct gnomon_estimate estimate;
	struct rig *r = *state;

	lock_three(r);
	r->x += 1e9; /* another timescale */
	gnomon_ensemble_reset(r->e, mono(r));
	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	assert_false(estimate.valid);
	assert_int_equal(gnomon_ensemble_selected(r->e), 0);
	assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), 0);
	run(r, 60.0);
	assert_int_equal(r->switches, 0);
	assert_int_equal(state_of(r, 1), GNOMON_SOURCE_GOOD);
	assert_near(r->x, 1e9, 1e9); /* the servo slews: the first step is over */
	assert_true(r->broken_ns <= 0.0);
}

static void insane_clock_starts_over(void **state)
{
	struct rig *r = *state;

	rig_init(r, 3);
	r->discipline.sanity_freq_limit_ppb = 1e7;
	r->discipline.servo_config.step_threshold = 1e-3;
	rig_start(r);
	run(r, 100.0);
	r->broken_ns = -1e300;
	r->x += 5e9;
	run(r, 60.0);
	assert_near(r->x, 0.0, 300.0);
	assert_int_equal(gnomon_ensemble_selected(r->e), 0);
	assert_int_equal(state_of(r, 1), GNOMON_SOURCE_GOOD);
	assert_int_equal(state_of(r, 2), GNOMON_SOURCE_GOOD);
}

static void free_running_is_never_touched(void **state)
{
	struct rig *r = *state;

	rig_init(r, 3);
	r->discipline.free_running = true;
	r->config.model = &learnt;
	r->natural = 200.0;
	rig_start(r);
	run(r, 300.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FOLLOWING);
	assert_true(r->f == 0.0 && r->steps == 0);
	sample(r, 0);
	assert_near(r->command.frequency_ppb, -200.0, 50.0);
	kill_all(r, true);
	run(r, 60.0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FREE);
	assert_true(r->f == 0.0 && r->steps == 0);
	assert_true(r->broken_ns <= 0.0);
}

/* -- whatever happens ------------------------------------------------------------------------- */

static double wild(struct rig *r)
{
	static const double values[] = { 0.0, 1.0, -1.0, 1e3, -1e6, 1e9, -37e9, 1e18, -9e18 };
	uint64_t chance = seed_below(&r->random, 12);

	return chance < 9 ? values[chance] : 1000.0 * gauss(r);
}

static void wild_event(struct rig *r)
{
	unsigned int source = (unsigned int)seed_below(&r->random, r->config.source_count + 1);
	struct gnomon_discipline_sample s = measure(r, source % SOURCES_MAX);
	gnomon_mono now = { mono(r).ns - (seed_below(&r->random, 20) == 0 ? 500000000 : 0) };

	switch (seed_below(&r->random, 40)) {
	case 0:
		s.offset = gnomon_span_from_double(wild(r));
		break;
	case 1:
		s.weight = wild(r);
		break;
	case 2:
		s.reference_bound_ns = seed_below(&r->random, 2) ? (double)NAN : wild(r);
		break;
	case 3:
		s.mean_delay = gnomon_span_from_double(wild(r));
		break;
	case 4:
		gnomon_ensemble_alarm(r->e, source, now, &r->command);
		return;
	case 5:
		gnomon_ensemble_suspend(r->e, source, now, &r->command);
		return;
	case 6:
		gnomon_ensemble_sync_interval(r->e, source, wild(r));
		break;
	case 7:
		gnomon_ensemble_stepped(r->e, gnomon_span_from_double(wild(r)), now, &r->command);
		return;
	case 8:
		gnomon_ensemble_reset(r->e, now);
		return;
	default:
		break;
	}
	(void)gnomon_ensemble_sample(r->e, source, &s, now, &r->command);
}

static void assert_sound(struct rig *r)
{
	struct gnomon_ensemble_change change;
	struct gnomon_ensemble_view view;
	struct gnomon_holdover_model model;
	struct gnomon_estimate estimate;
	int selected = gnomon_ensemble_selected(r->e);

	assert_false(isnan(r->command.frequency_ppb));
	assert_true(!r->command.set_frequency || fabs(r->command.frequency_ppb) <= 9e8);
	assert_true(r->command.rate_ratio > 0.0 && r->command.rate_ratio < 1e6);
	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	assert_false(isnan(estimate.bound_ns) || isnan(estimate.offset_ns));
	assert_true(estimate.bound_ns >= 0.0);
	assert_true(selected >= -1 && selected < (int)r->config.source_count);
	assert_int_equal(selected >= 0, MODE(r) == GNOMON_ENSEMBLE_FOLLOWING);
	while (gnomon_ensemble_changes(r->e, &change)) {
		assert_int_equal(change.mode, MODE(r));
	}
	if (gnomon_ensemble_model(r->e, mono(r), &model) == 0) {
		assert_true(gnomon_holdover_model_ok(&model));
	}
	for (unsigned int i = 0; i < r->config.source_count; i++) {
		gnomon_ensemble_source_view(r->e, i, &view);
		assert_false(isnan(view.bound_ns) || isnan(view.noise_ns));
	}
}

/* Whatever is said to it, in whatever order, and when time goes back: nothing but numbers comes
 * out, and no deadline is kept for ever. */
static void nonsense_is_survived(void **state)
{
	struct seed seed = seed_start("nonsense_is_survived");
	struct rig *r = *state;

	for (int run_number = 0; run_number < 150; run_number++) {
		rig_init(r, 1 + (unsigned int)seed_below(&seed, SOURCES_MAX));
		r->random.state = seed_next(&seed);
		r->config.model = seed_below(&seed, 2) ? &learnt : NULL;
		r->discipline.servo_config.step_threshold = seed_below(&seed, 2) ? 1e-3 : 0.0;
		r->discipline.sanity_freq_limit_ppb = seed_below(&seed, 2) ? 2e8 : 0.0;
		r->discipline.free_running = seed_below(&seed, 8) == 0;
		rig_start(r);
		for (int i = 0; i < 400; i++) {
			wild_event(r);
			obey(r);
			assert_sound(r);
			r->x = fabs(r->x) < 1e15 ? r->x : 0.0;
			pass(r, r->t + 0.4);
			assert_sound(r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENSEMBLE(holdover_and_back),
		ENSEMBLE(too_little_learnt),
		ENSEMBLE(restart_locks_at_once),
		ENSEMBLE(restart_after_a_reset),
		ENSEMBLE(restart_far_away_steps),
		ENSEMBLE(contradicted_model_is_forgotten),
		ENSEMBLE(lost_during_the_trial),
		ENSEMBLE(restart_of_three),
		ENSEMBLE(suspension_is_no_silence),
		ENSEMBLE(suspension_after_an_outlier),
		ENSEMBLE(stepped_by_others),
		ENSEMBLE(stepped_in_holdover),
		ENSEMBLE(reset_forgets_offsets_only),
		ENSEMBLE(insane_clock_starts_over),
		ENSEMBLE(free_running_is_never_touched),
		ENSEMBLE(nonsense_is_survived),
	};

	return cmocka_run_group_tests_name("ensemble_alone", tests, NULL, NULL);
}
