/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ensemble on a toy clock of known error: one source alone is the bare discipline, several are
 * selected among, holdover, restart from a model. With real engines and oscillators: tests/sim.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/ensemble.h>

#include "tests/unit/seed.h"

#define SOURCES_MAX 4
#define DELAY_NS 1000.0

/* True time t, a clock that is x ns ahead of it, and sources that are wrong by lie_ns. */
struct rig {
	struct gnomon_discipline_config discipline;
	struct gnomon_ensemble_config config;
	struct gnomon_ensemble_source sources[SOURCES_MAX];
	struct gnomon_ensemble *e;
	struct gnomon_discipline_command command;
	struct seed random;
	double t;
	double x;
	double natural; /* rate error of the oscillator, ppb */
	double f;
	double noise_ns;
	double lie_ns[SOURCES_MAX];
	bool dead[SOURCES_MAX];
	bool suspended;
	double reference_ns[SOURCES_MAX]; /* its own bound */
	unsigned int steps;
	unsigned int switches;
	unsigned int used[SOURCES_MAX];
	double broken_ns;  /* by how much the error was outside the bound at worst */
	double most_rate;  /* of the clock, ppb, since this was zeroed */
	_Alignas(16) unsigned char memory[32768];
};

static double gauss(struct rig *r)
{
	double sum = 0.0;

	for (int i = 0; i < 12; i++) {
		sum += (double)(seed_next(&r->random) >> 11) * 0x1p-53;
	}
	return sum - 6.0;
}

static gnomon_mono mono(const struct rig *r)
{
	return (gnomon_mono){ (int64_t)(r->t * 1e9) };
}

/* Every test runs with each servo that can be told a frequency. */
static const char *servo_name;

static void rig_init(struct rig *r, unsigned int sources)
{
	memset(r, 0, sizeof(*r));
	r->random.state = 1;
	r->command.rate_ratio = 1.0;
	r->discipline.size = sizeof(r->discipline);
	r->discipline.servo = gnomon_servo_find(servo_name);
	gnomon_servo_config_default(&r->discipline.servo_config);
	r->config = (struct gnomon_ensemble_config){
		.size = sizeof(r->config),
		.discipline = &r->discipline,
		.sources = r->sources,
		.source_count = sources,
	};
	for (unsigned int i = 0; i < SOURCES_MAX; i++) {
		r->sources[i].source = (struct gnomon_source){ .priority = i, .timeout_s = 3.5 };
	}
	r->t = 100.0;
	r->x = 1e6;
	r->natural = 20000.0;
	r->noise_ns = 30.0;
}

static void rig_start(struct rig *r)
{
	size_t need = gnomon_ensemble_size(&r->config);

	assert_true(need > 0 && need <= sizeof(r->memory));
	memset(r->memory, 0xa5, sizeof(r->memory));
	assert_int_equal(gnomon_ensemble_init(&r->e, r->memory, need, &r->config, mono(r)), 0);
}

static void obey(struct rig *r)
{
	if (r->command.step) {
		r->x += gnomon_span_to_double(r->command.step_by);
		r->steps++;
	}
	if (r->command.set_frequency) {
		r->f = r->command.frequency_ppb;
	}
}

static void look(struct rig *r)
{
	struct gnomon_ensemble_change change;
	struct gnomon_estimate estimate;

	gnomon_ensemble_estimate(r->e, mono(r), &estimate);
	if (estimate.valid && fabs(r->x) - estimate.bound_ns > r->broken_ns) {
		r->broken_ns = fabs(r->x) - estimate.bound_ns;
	}
	while (gnomon_ensemble_changes(r->e, &change)) {
		r->switches += change.sources.switched;
		assert_int_equal(change.sources.selected, gnomon_ensemble_selected(r->e));
		assert_int_equal(change.mode, gnomon_ensemble_mode(r->e));
	}
}

static void advance(struct rig *r, double to)
{
	double rate = r->f + r->natural;

	if (fabs(rate) > r->most_rate) {
		r->most_rate = fabs(rate);
	}
	r->x += rate * (to - r->t);
	r->t = to;
}

/* Let time pass; deadlines are kept. */
static void pass(struct rig *r, double to)
{
	for (int i = 0;; i++) {
		gnomon_mono deadline = gnomon_ensemble_deadline(r->e);

		if ((double)deadline.ns * 1e-9 > to) {
			break;
		}
		assert_true(i < 100);
		if ((double)deadline.ns * 1e-9 > r->t) {
			advance(r, (double)deadline.ns * 1e-9);
		}
		gnomon_ensemble_expire(r->e, deadline, &r->command);
		obey(r);
		look(r);
	}
	advance(r, to);
	look(r);
}

static struct gnomon_discipline_sample measure(struct rig *r, unsigned int i)
{
	const gnomon_time epoch = { 1700000000, 0, 0 };
	double offset = r->x - r->lie_ns[i] + r->noise_ns * gauss(r);

	return (struct gnomon_discipline_sample){
		.offset = gnomon_span_from_double(offset),
		.mean_delay = gnomon_span_from_double(DELAY_NS),
		.local = gnomon_time_add(epoch, gnomon_span_from_double(r->t * 1e9 + r->x)),
		.weight = 1.0,
		.reference_bound_ns = r->reference_ns[i] > 0.0 ? r->reference_ns[i] : -1.0,
	};
}

static void sample(struct rig *r, unsigned int i)
{
	const struct gnomon_discipline_sample s = measure(r, i);

	look(r);
	if (r->suspended) {
		gnomon_ensemble_suspend(r->e, i, mono(r), &r->command);
	} else if (gnomon_ensemble_sample(r->e, i, &s, mono(r), &r->command)) {
		r->used[i]++;
	} else {
		assert_true(r->command.ignored);
	}
	obey(r);
	look(r);
}

/* Every source once a second, one after the other. */
static void run(struct rig *r, double seconds)
{
	for (double second = r->t; second < r->t + 1e-6 && seconds > 0.0; seconds -= 1.0) {
		for (unsigned int i = 0; i < r->config.source_count; i++) {
			pass(r, second + 0.1 + 0.2 * i);
			if (!r->dead[i]) {
				sample(r, i);
			}
		}
		second += 1.0;
		pass(r, second);
	}
}

static enum gnomon_source_state state_of(const struct rig *r, unsigned int i)
{
	struct gnomon_ensemble_view view;

	gnomon_ensemble_source_view(r->e, i, &view);
	return view.state;
}

#define MODE(r) gnomon_ensemble_mode((r)->e)

static void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

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

static void lock_three(struct rig *r)
{
	rig_init(r, 3);
	for (unsigned int i = 0; i < 3; i++) {
		r->reference_ns[i] = 100.0;
	}
	rig_start(r);
	run(r, 200.0);
	assert_int_equal(gnomon_ensemble_selected(r->e), 0);
	assert_int_equal(state_of(r, 1), GNOMON_SOURCE_GOOD);
	assert_int_equal(state_of(r, 2), GNOMON_SOURCE_GOOD);
	assert_int_equal(r->switches, 1);
	assert_int_equal(r->steps, 1);
	assert_true(r->broken_ns <= 0.0);
	assert_near(r->x, 0.0, 200.0);
	assert_int_equal(r->used[1] + r->used[2], 0);
	r->steps = 0;
	r->switches = 0;
	r->most_rate = 0.0;
	memset(r->used, 0, sizeof(r->used));
}

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

/* -- holdover --------------------------------------------------------------------------------- */

static void kill_all(struct rig *r, bool dead)
{
	for (unsigned int i = 0; i < SOURCES_MAX; i++) {
		r->dead[i] = dead;
	}
}

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
			run(r, 70.0);
			assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), -ENODATA);
			r->broken_ns = 0.0;
			run(r, 930.0);
			assert_near(r->x, 0.0, 200.0);
			assert_true(r->broken_ns <= 0.0);
			assert_int_equal(gnomon_ensemble_model(r->e, mono(r), &model), 0);
			assert_near(model.frequency_ppb, -20000.0 - wrong[k], 30.0);
		}
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

#define ENSEMBLE(function) \
	{ "/servo/ensemble/pi/" #function, function, rig_setup, NULL, (void *)"pi" }, \
	{ "/servo/ensemble/linreg/" #function, function, rig_setup, NULL, (void *)"linreg" }

static int rig_setup(void **state)
{
	static struct rig r;

	servo_name = *state;
	*state = &r;
	return 0;
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
		ENSEMBLE(alarm_is_no_mistake),
		ENSEMBLE(holdover_and_back),
		ENSEMBLE(too_little_learnt),
		ENSEMBLE(restart_locks_at_once),
		ENSEMBLE(restart_far_away_steps),
		ENSEMBLE(contradicted_model_is_forgotten),
		ENSEMBLE(restart_of_three),
		ENSEMBLE(suspension_is_no_silence),
		ENSEMBLE(stepped_by_others),
		ENSEMBLE(stepped_in_holdover),
		ENSEMBLE(reset_forgets_offsets_only),
		ENSEMBLE(insane_clock_starts_over),
		ENSEMBLE(free_running_is_never_touched),
		ENSEMBLE(nonsense_is_survived),
	};

	return cmocka_run_group_tests_name("ensemble", tests, NULL, NULL);
}
