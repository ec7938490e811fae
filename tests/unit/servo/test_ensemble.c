/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ensemble on a toy clock of known error: one source alone is the bare discipline, several are
 * selected among. With real engines and oscillators: tests/sim.
 */
#include <errno.h>

#include "servo/ensemble.h"

#include "ensemble_rig.h"

/* -- configuration ---------------------------------------------------------------------------- */

static void assert_refused(struct rig *r)
{
	assert_int_equal(gnomon_ensemble_init(&r->e, r->memory, sizeof(r->memory), &r->config,
					      mono(r)), -EINVAL);
}

#define REFUSE(member, value)                    \
	do {                                     \
		__typeof__(member) was = member; \
		member = value;                  \
		assert_refused(r);               \
		member = was;                    \
	} while (0)

static void config_refused(void **state)
{
	const struct gnomon_holdover_model none = { .lags = 0 };
	struct gnomon_select_config select;
	struct rig *r = *state;

	rig_init(r, 2);
	REFUSE(r->config.size, 0);
	REFUSE(r->config.discipline, NULL);
	REFUSE(r->config.sources, NULL);
	REFUSE(r->config.source_count, 0);
	REFUSE(r->config.source_count, GNOMON_SELECT_SOURCES + 1);
	REFUSE(r->config.holdover_interval_s, -1.0);
	REFUSE(r->config.model, &none);
	REFUSE(r->sources[1].source.timeout_s, 0.0);
	REFUSE(r->sources[1].path_asymmetry_ns, (double)NAN);
	REFUSE(r->sources[0].delay_memory_s, -1.0);
	REFUSE(r->discipline.servo, NULL);
	gnomon_select_config_default(&select);
	select.fail_limit = 0;
	REFUSE(r->config.select, &select);
	assert_int_equal(gnomon_ensemble_init(&r->e, r->memory, 100, &r->config, mono(r)),
			 -ENOBUFS);
	rig_start(r);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_NONE);
	assert_true(gnomon_ensemble_deadline(r->e).ns == GNOMON_MONO_NEVER.ns);
	assert_string_equal(gnomon_ensemble_mode_name(MODE(r)), "none");
	assert_false(gnomon_ensemble_sample(r->e, 2, &(struct gnomon_discipline_sample){ 0 },
					    mono(r), &r->command));
	assert_true(r->command.ignored);
	assert_int_equal(state_of(r, 7), GNOMON_SOURCE_UNKNOWN);
}

/* -- one source alone ------------------------------------------------------------------------- */

static void assert_same(const struct gnomon_discipline_command *a,
			const struct gnomon_discipline_command *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->step, b->step);
	assert_int_equal(gnomon_span_cmp(a->step_by, b->step_by), 0);
	assert_int_equal(a->set_frequency, b->set_frequency);
	assert_true(a->frequency_ppb == b->frequency_ppb);
	assert_true(a->rate_ratio == b->rate_ratio);
	assert_int_equal(a->insane, b->insane);
	assert_int_equal(a->ignored, b->ignored);
}

static void assert_same_estimate(const struct rig *r, const struct gnomon_discipline *d)
{
	struct gnomon_estimate a;
	struct gnomon_estimate b;

	gnomon_ensemble_estimate(r->e, mono(r), &a);
	gnomon_discipline_estimate(d, mono(r), &b);
	assert_int_equal(a.valid, b.valid);
	assert_true(a.bound_ns == b.bound_ns && a.offset_ns == b.offset_ns);
	assert_true(a.frequency_ppb == b.frequency_ppb);
}

/* Samples are lost, outliers and steps come: bit for bit what the discipline alone does. */
static void compare_with_discipline(struct rig *r, uint64_t seed)
{
	static _Alignas(16) unsigned char memory[16384];
	struct gnomon_discipline *d;
	struct gnomon_discipline_command expected;
	struct gnomon_holdover_config holdover;

	rig_init(r, 1);
	r->random.state = seed;
	r->sources[0].source.timeout_s = 1e6;
	r->sources[0].path_asymmetry_ns = -1.0;
	r->discipline.path_asymmetry_ns = -1.0;
	r->discipline.servo_config.step_threshold = 1e-3;
	r->discipline.step_window = 1;
	r->discipline.sanity_freq_limit_ppb = 2e8;
	r->discipline.servo_config.software_timestamps = seed % 2;
	/* No model is learnt that could advise the coasting. */
	gnomon_holdover_config_default(&holdover);
	holdover.bin_s = 1e5;
	holdover.memory_s = 1e8;
	r->config.holdover = &holdover;
	rig_start(r);
	assert_int_equal(gnomon_discipline_init(&d, memory, sizeof(memory), &r->discipline), 0);
	for (int i = 0; i < 600; i++) {
		struct gnomon_discipline_sample s = measure(r, 0);
		uint64_t chance = seed_next(&r->random) % 100;

		if (chance == 0) {
			r->x += 1e7;
		} else if (chance == 1) {
			s.offset = gnomon_span_add(s.offset, gnomon_span_from_ns(20000));
		}
		if (chance < 90) {
			(void)gnomon_ensemble_sample(r->e, 0, &s, mono(r), &r->command);
			gnomon_discipline_sample(d, &s, mono(r), &expected);
			assert_same(&r->command, &expected);
			obey(r);
		}
		assert_true(gnomon_discipline_deadline(d).ns == GNOMON_MONO_NEVER.ns ||
			    gnomon_discipline_deadline(d).ns ==
			    gnomon_ensemble_deadline(r->e).ns);
		advance(r, r->t + 0.6);
		assert_same_estimate(r, d);
		advance(r, r->t + 1.0);
		gnomon_ensemble_expire(r->e, mono(r), &r->command);
		gnomon_discipline_expire(d, mono(r), &expected);
		assert_same(&r->command, &expected);
		obey(r);
		assert_same_estimate(r, d);
	}
}

static void one_is_the_bare_discipline(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		compare_with_discipline(*state, seed);
	}
}

static void one_is_followed_at_once(void **state)
{
	struct rig *r = *state;

	rig_init(r, 1);
	rig_start(r);
	pass(r, 100.5);
	sample(r, 0);
	assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FOLLOWING);
	assert_int_equal(gnomon_ensemble_selected(r->e), 0);
	assert_int_equal(state_of(r, 0), GNOMON_SOURCE_SELECTED);
	assert_int_equal(r->switches, 1);
	/* And believed, whatever it says. */
	run(r, 60.0);
	r->lie_ns[0] = 1e5;
	run(r, 60.0);
	assert_near(r->x, 1e5, 500.0);
	assert_int_equal(r->used[0], 121);
	assert_int_equal(r->switches, 1);
}

/* -- several ---------------------------------------------------------------------------------- */

static void three_start_together(void **state)
{
	lock_three(*state);
}

/* None of its lies is followed, not even the first: nothing can be seen in the clock. */
static void liar_is_never_followed(void **state)
{
	static const double lies[] = { 10e3, -100e3, 100e3, 1e9, -1e9 };
	struct rig *r = *state;

	for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
		lock_three(r);
		r->lie_ns[0] = lies[k];
		run(r, 3.0);
		assert_int_equal(r->used[0], 0);
		assert_int_equal(state_of(r, 0), GNOMON_SOURCE_OUTVOTED);
		assert_int_equal(gnomon_ensemble_selected(r->e), 1);
		assert_int_equal(MODE(r), GNOMON_ENSEMBLE_FOLLOWING);
		run(r, 300.0);
		assert_int_equal(r->used[0], 0);
		assert_int_equal(r->used[1], 301);
		/* It tells the truth again, and is believed for long enough. */
		r->lie_ns[0] = 0.0;
		run(r, 280.0);
		assert_int_equal(state_of(r, 0), GNOMON_SOURCE_GOOD);
		run(r, 30.0);
		assert_int_equal(gnomon_ensemble_selected(r->e), 0);
		assert_int_equal(r->switches, 2);
		assert_int_equal(r->steps, 0);
		assert_true(r->broken_ns <= 0.0);
		assert_true(r->most_rate < 500.0);
		assert_near(r->x, 0.0, 200.0);
	}
}

/* An outlier of the followed source is outvoted as well: once, and nothing else changes. */
static void outlier_is_outvoted(void **state)
{
	struct rig *r = *state;

	lock_three(r);
	r->lie_ns[0] = 80e3;
	run(r, 1.0);
	r->lie_ns[0] = 0.0;
	run(r, 100.0);
	assert_int_equal(r->used[0], 100);
	assert_int_equal(r->switches, 0);
	assert_true(r->most_rate < 500.0);
	assert_true(r->broken_ns <= 0.0);
}

static void silence_hands_over(void **state)
{
	struct rig *r = *state;

	lock_three(r);
	r->dead[0] = true;
	run(r, 2.0);
	assert_int_equal(gnomon_ensemble_selected(r->e), 0);
	run(r, 2.0);
	assert_int_equal(state_of(r, 0), GNOMON_SOURCE_SILENT);
	assert_int_equal(gnomon_ensemble_selected(r->e), 1);
	run(r, 20.0);
	r->dead[1] = true;
	run(r, 5.0);
	assert_int_equal(gnomon_ensemble_selected(r->e), 2);
	assert_int_equal(r->switches, 2);
	assert_int_equal(r->steps, 0);
	assert_true(r->most_rate < 500.0);
	assert_true(r->broken_ns <= 0.0);
}

/* Sources that differ within their bounds: the difference is slewed away, and in the bound. */
static void hand_over_is_slewed(void **state)
{
	struct gnomon_estimate before;
	struct gnomon_estimate after;
	struct rig *r = *state;

	rig_init(r, 2);
	r->noise_ns = 5.0;
	r->lie_ns[1] = 8000.0;
	r->reference_ns[0] = 5000.0;
	r->reference_ns[1] = 9000.0;
	rig_start(r);
	run(r, 200.0);
	assert_near(r->x, 0.0, 50.0);
	gnomon_ensemble_estimate(r->e, mono(r), &before);
	r->most_rate = 0.0;
	r->dead[0] = true;
	run(r, 10.0);
	assert_int_equal(gnomon_ensemble_selected(r->e), 1);
	gnomon_ensemble_estimate(r->e, mono(r), &after);
	assert_near(after.offset_ns, -8000.0 + 6.0 * 100.0, 300.0);
	assert_true(after.bound_ns > 16000.0);
	run(r, 70.0);
	assert_near(r->x, 7700.0, 300.0);
	run(r, 30.0);
	assert_near(r->x, 8000.0, 50.0);
	assert_true(r->most_rate < 600.0); /* 100 to slew, and the servo behind it */
	assert_int_equal(r->steps, 1);
	assert_true(r->broken_ns <= 0.0);
	gnomon_ensemble_estimate(r->e, mono(r), &after);
	assert_near(after.bound_ns, before.bound_ns + 4000.0, 500.0);
}

/* All sources go while the clock is on its way from one to the other: it is held over on what its
 * oscillator needs, not on that and the slew. */
static void lost_while_slewing(void **state)
{
	struct rig *r = *state;

	for (int after = 1; after < 120; after += 7) {
		rig_init(r, 2);
		r->noise_ns = 5.0;
		r->lie_ns[1] = 8000.0;
		r->reference_ns[0] = 5000.0;
		r->reference_ns[1] = 9000.0;
		rig_start(r);
		run(r, 200.0);
		r->dead[0] = true;
		run(r, 4.0 + after);
		assert_int_equal(gnomon_ensemble_selected(r->e), 1);
		kill_all(r, true);
		run(r, 1.9);
		r->most_rate = 0.0;
		run(r, 30.0);
		if (!(r->most_rate < 30.0)) {
			fail_msg("lost %d s after the hand-over, it runs %g ppb wrong", after,
				 r->most_rate);
		}
		assert_true(r->broken_ns <= 0.0);
	}
}

/* The third source speaks every 8 s, the first two every second. All are vague enough. */
static void run_with_a_slow_one(struct rig *r, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		double second = r->t;

		for (unsigned int k = 0; k < 3; k++) {
			pass(r, second + 0.1 + 0.2 * k);
			if (!r->dead[k] && (k < 2 || (int64_t)second % 8 == 0)) {
				sample(r, k);
			}
		}
		pass(r, second + 1.0);
	}
}

static void start_with_a_slow_one(struct rig *r, struct gnomon_select_config *select)
{
	rig_init(r, 3);
	gnomon_select_config_default(select);
	select->handover_ppb = 5000.0;
	r->config.select = select;
	r->noise_ns = 5.0;
	for (unsigned int i = 0; i < 3; i++) {
		r->reference_ns[i] = 70000.0;
	}
	r->sources[2].source.timeout_s = 32.0;
	rig_start(r);
	gnomon_ensemble_sync_interval(r->e, 2, 8.0);
}

/* The clock is being slewed when the source goes: where it is against the next one by now counts,
 * not where it was when that one was heard last. */
static void hand_over_while_slewing(void **state)
{
	struct gnomon_select_config select;
	struct rig *r = *state;

	for (int wait = 0; wait < 8; wait++) {
		start_with_a_slow_one(r, &select);
		r->lie_ns[1] = 60000.0;
		r->lie_ns[2] = 60000.0;
		run_with_a_slow_one(r, 200 + wait);
		r->dead[0] = true;
		for (int i = 0; i < 10; i++) {
			const struct gnomon_select_entry *slow = &r->e->select.entries[2];

			run_with_a_slow_one(r, 1);
			/* A second of it is yet to come, which a servo may begin with a jerk. */
			assert_near(slow->report.offset_ns, r->x - 60000.0, 20000.0);
		}
		assert_int_equal(gnomon_ensemble_selected(r->e), 1);
		r->dead[1] = true;
		run_with_a_slow_one(r, 5);
		assert_int_equal(gnomon_ensemble_selected(r->e), 2);
		run_with_a_slow_one(r, 200);
		assert_near(r->x, 60000.0, 500.0);
		assert_int_equal(r->steps, 1);
		assert_true(r->broken_ns <= 0.0);
	}
}

/* What is not known of the clock's motion since is in what an old report may be wrong by. */
static void old_reports_grow_vague(void **state)
{
	struct gnomon_select_config select;
	struct rig *r = *state;
	double bound;

	start_with_a_slow_one(r, &select);
	run_with_a_slow_one(r, 200);
	while ((int64_t)(r->t + 0.5) % 8 != 1) {
		run_with_a_slow_one(r, 1);
	}
	bound = r->e->select.entries[2].report.bound_ns;
	run_with_a_slow_one(r, 6);
	assert_true(r->e->select.entries[2].report.bound_ns > bound + 20.0);
	assert_near(r->e->select.entries[2].report.offset_ns, r->x, 100.0);
}

static void alarm_is_no_mistake(void **state)
{
	struct gnomon_ensemble_change change;
	struct rig *r = *state;

	lock_three(r);
	gnomon_ensemble_alarm(r->e, 0, mono(r), &r->command);
	obey(r);
	assert_true(gnomon_ensemble_changes(r->e, &change));
	assert_true(change.sources.switched && !change.mode_changed);
	assert_int_equal(change.sources.before, 0);
	assert_int_equal(change.sources.selected, 1);
	assert_int_equal(change.sources.states, 3);
	assert_int_equal(state_of(r, 0), GNOMON_SOURCE_ALARM);
	run(r, 20.0);
	assert_int_equal(state_of(r, 0), GNOMON_SOURCE_WAITING);
	assert_int_equal(r->used[1], 20);
	assert_true(r->broken_ns <= 0.0 && r->most_rate < 500.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENSEMBLE(config_refused),
		ENSEMBLE(one_is_the_bare_discipline),
		ENSEMBLE(one_is_followed_at_once),
		ENSEMBLE(three_start_together),
		ENSEMBLE(liar_is_never_followed),
		ENSEMBLE(outlier_is_outvoted),
		ENSEMBLE(silence_hands_over),
		ENSEMBLE(hand_over_is_slewed),
		ENSEMBLE(lost_while_slewing),
		ENSEMBLE(hand_over_while_slewing),
		ENSEMBLE(old_reports_grow_vague),
		ENSEMBLE(alarm_is_no_mistake),
	};

	return cmocka_run_group_tests_name("ensemble", tests, NULL, NULL);
}
