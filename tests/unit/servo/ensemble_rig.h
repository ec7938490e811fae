/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A toy clock of known error, its sources, and an ensemble between them.
 */
#ifndef TESTS_UNIT_SERVO_ENSEMBLE_RIG_H
#define TESTS_UNIT_SERVO_ENSEMBLE_RIG_H

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

static inline double gauss(struct rig *r)
{
	double sum = 0.0;

	for (int i = 0; i < 12; i++) {
		sum += (double)(seed_next(&r->random) >> 11) * 0x1p-53;
	}
	return sum - 6.0;
}

static inline gnomon_mono mono(const struct rig *r)
{
	return (gnomon_mono){ (int64_t)(r->t * 1e9) };
}

/* Every test runs with each servo that can be told a frequency. */
static const char *servo_name;

static inline void rig_init(struct rig *r, unsigned int sources)
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

static inline void rig_start(struct rig *r)
{
	size_t need = gnomon_ensemble_size(&r->config);

	assert_true(need > 0 && need <= sizeof(r->memory));
	memset(r->memory, 0xa5, sizeof(r->memory));
	assert_int_equal(gnomon_ensemble_init(&r->e, r->memory, need, &r->config, mono(r)), 0);
}

static inline void obey(struct rig *r)
{
	if (r->command.step) {
		r->x += gnomon_span_to_double(r->command.step_by);
		r->steps++;
	}
	if (r->command.set_frequency) {
		r->f = r->command.frequency_ppb;
	}
}

static inline void look(struct rig *r)
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

static inline void advance(struct rig *r, double to)
{
	double rate = r->f + r->natural;

	if (fabs(rate) > r->most_rate) {
		r->most_rate = fabs(rate);
	}
	r->x += rate * (to - r->t);
	r->t = to;
}

/* Let time pass; deadlines are kept. */
static inline void pass(struct rig *r, double to)
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

static inline struct gnomon_discipline_sample measure(struct rig *r, unsigned int i)
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

static inline void sample(struct rig *r, unsigned int i)
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
static inline void run(struct rig *r, double seconds)
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

static inline enum gnomon_source_state state_of(const struct rig *r, unsigned int i)
{
	struct gnomon_ensemble_view view;

	gnomon_ensemble_source_view(r->e, i, &view);
	return view.state;
}

#define MODE(r) gnomon_ensemble_mode((r)->e)

static inline void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

static inline void lock_three(struct rig *r)
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

static inline void kill_all(struct rig *r, bool dead)
{
	for (unsigned int i = 0; i < SOURCES_MAX; i++) {
		r->dead[i] = dead;
	}
}

static inline int rig_setup(void **state)
{
	static struct rig r;

	servo_name = *state;
	*state = &r;
	return 0;
}

#define ENSEMBLE(function) \
	{ "/servo/ensemble/pi/" #function, function, rig_setup, NULL, (void *)"pi" }, \
	{ "/servo/ensemble/linreg/" #function, function, rig_setup, NULL, (void *)"linreg" }

#endif
