/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holdover: what is learnt from a disciplined clock, and whether the bound claimed while nothing
 * steers it holds against the truth. The oscillators are the simulator's.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/holdover.h>

#include "tests/sim/oscillator.h"
#include "tests/unit/seed.h"

#define EPOCH_S 1700000000

/* -- a clock that is disciplined, and then is not --------------------------------------------- */

struct rig {
	struct oscillator oscillator;
	struct random random;
	double noise_ns;
	double frequency_ppb;
	struct gnomon_discipline *discipline;
	struct gnomon_holdover holdover;
	_Alignas(max_align_t) unsigned char memory[8192];
};

static gnomon_mono mono_at(double t)
{
	return (gnomon_mono){ (int64_t)(t * 1e9) };
}

static double error_at(struct rig *r, double t)
{
	struct phase p = oscillator_error(&r->oscillator, (int64_t)(t * 1e3) * 1000000000);

	return (double)p.ns + p.fraction;
}

static void adjust(struct rig *r, double t, double ppb)
{
	r->frequency_ppb = ppb;
	oscillator_adjust(&r->oscillator, (int64_t)(t * 1e3) * 1000000000, ppb * 1e-9);
}

static void rig_init(struct rig *r, const struct oscillator_spec *spec, double noise_ns,
		     uint64_t seed)
{
	struct gnomon_discipline_config config = {
		.size = sizeof(config),
		.servo = gnomon_servo_find("pi"),
	};

	memset(r, 0, sizeof(*r));
	gnomon_servo_config_default(&config.servo_config);
	r->noise_ns = noise_ns;
	random_init(&r->random, random_stream(seed, RANDOM_TEST, 1));
	oscillator_init(&r->oscillator, spec, (struct phase){ 0, 0.0 },
			random_stream(seed, RANDOM_OSCILLATOR, 0));
	assert_int_equal(gnomon_discipline_init(&r->discipline, r->memory, sizeof(r->memory),
						&config), 0);
	gnomon_discipline_sync_interval(r->discipline, 1.0);
	assert_int_equal(gnomon_holdover_init(&r->holdover, NULL, mono_at(0.0)), 0);
}

/* One sample a second, obeyed at once, from then up to that second. */
static void follow(struct rig *r, unsigned int from_s, unsigned int to_s)
{
	for (unsigned int t = from_s; t < to_s; t++) {
		double offset = error_at(r, t) + r->noise_ns * random_normal(&r->random);
		gnomon_time local = { EPOCH_S + (int64_t)t, 0, 0 };
		struct gnomon_discipline_sample sample = { .weight = 1.0 };
		struct gnomon_discipline_command command;
		struct gnomon_estimate estimate;

		sample.offset = gnomon_span_from_double(offset);
		sample.local = gnomon_time_add(local, sample.offset);
		gnomon_discipline_sample(r->discipline, &sample, mono_at(t), &command);
		if (command.set_frequency) {
			adjust(r, t, command.frequency_ppb);
		}
		gnomon_discipline_estimate(r->discipline, mono_at(t), &estimate);
		gnomon_holdover_learn(&r->holdover, &estimate, mono_at(t));
	}
}

struct outcome {
	unsigned int looks;
	unsigned int broken;
	double worst;    /* largest share of the bound that was needed */
	double error_ns; /* at the end */
	double bound_ns; /* at the end */
};

/* Nobody steers: the frequency of the model, renewed every ten seconds. */
static struct outcome hold(struct rig *r, unsigned int from_s, unsigned int to_s)
{
	struct gnomon_holdover_model model;
	struct gnomon_estimate last;
	struct outcome out = { 0 };

	gnomon_discipline_estimate(r->discipline, mono_at(from_s), &last);
	assert_int_equal(gnomon_holdover_model(&r->holdover, &model), 0);
	assert_true(gnomon_holdover_model_ok(&model));
	for (unsigned int t = from_s; t <= to_s; t += 10) {
		double elapsed = t - from_s;
		double bound = last.bound_ns + gnomon_holdover_growth(&model, elapsed);
		double error = fabs(error_at(r, t));

		out.looks++;
		out.broken += !(error <= bound);
		out.worst = error / bound > out.worst ? error / bound : out.worst;
		out.error_ns = error;
		out.bound_ns = bound;
		adjust(r, t, gnomon_holdover_frequency(&model, elapsed));
	}
	return out;
}

/* -- the bound and the truth ------------------------------------------------------------------ */

struct scene {
	const char *name;
	struct oscillator_spec spec;
	double noise_ns;
	unsigned int learn_s;
	unsigned int hold_s;
	unsigned int seeds;
	double most; /* the mean bound in RMS errors; a bound that says nothing would hold, too */
};

/* Crystals from good to bad. Rates of change that the learning time cannot show are not here:
 * nobody can promise anything about them. */
static const struct scene scenes[] = {
	{ "walk", { .frequency_ppb = 20000, .random_walk_ppb = 1.0 }, 30, 3600, 3600, 1000, 25 },
	{ "quartz",
	  { .frequency_ppb = -35000, .random_walk_ppb = 0.05, .flicker_ppb = 1.0,
	    .white_ppb = 1.0, .aging_ppb = 20.0 },
	  30, 3600, 3600, 1000, 50 },
	{ "temperature",
	  { .frequency_ppb = 5000, .random_walk_ppb = 0.1, .flicker_ppb = 0.3,
	    .sine_ppb = 50.0, .sine_period_s = 86400.0 },
	  30, 7200, 3600, 200, 20 },
	{ "ovenised",
	  { .frequency_ppb = 100, .random_walk_ppb = 0.001, .flicker_ppb = 0.02,
	    .white_ppb = 0.05, .aging_ppb = 0.5 },
	  10, 7200, 3600, 200, 250 },
	{ "brief", { .frequency_ppb = 20000, .random_walk_ppb = 1.0 }, 30, 180, 600, 1000, 300 },
	{ "drift",
	  { .frequency_ppb = 1000, .random_walk_ppb = 0.05, .aging_ppb = 5000.0 },
	  30, 3600, 3600, 200, 100 },
	{ "noisy", { .frequency_ppb = 20000, .random_walk_ppb = 0.1 }, 3000, 1800, 3600, 200, 250 },
};

static void run_scene(const struct scene *s, uint64_t seed)
{
	static struct rig rig;
	struct gnomon_stats errors;
	struct gnomon_stats bounds;
	struct outcome sum = { 0 };

	gnomon_stats_reset(&errors);
	gnomon_stats_reset(&bounds);
	for (unsigned int i = 0; i < s->seeds; i++) {
		struct outcome one;

		rig_init(&rig, &s->spec, s->noise_ns, seed + i);
		follow(&rig, 0, s->learn_s);
		one = hold(&rig, s->learn_s, s->learn_s + s->hold_s);
		sum.looks += one.looks;
		sum.broken += one.broken;
		sum.worst = one.worst > sum.worst ? one.worst : sum.worst;
		gnomon_stats_add(&errors, one.error_ns);
		gnomon_stats_add(&bounds, one.bound_ns);
	}
	printf("# %s: after %u s error %.0f ns RMS, %.0f at most; bound %.0f ns on average; "
	       "%u of %u looks outside, %.2f of the bound needed at most\n",
	       s->name, s->hold_s, gnomon_stats_rms(&errors), errors.max, bounds.mean, sum.broken,
	       sum.looks, sum.worst);
	assert_int_equal(sum.broken, 0);
	assert_true(bounds.mean < s->most * gnomon_stats_rms(&errors));
}

static void bound_holds(void **state)
{
	uint64_t seed = seed_start("bound_holds").state;

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run_scene(&scenes[i], seed);
	}
}

/* -- the parts -------------------------------------------------------------------------------- */

static void config_is_checked(void **state)
{
	struct gnomon_holdover h;
	struct gnomon_holdover_config c;

	gnomon_holdover_config_default(&c);
	assert_int_equal(gnomon_holdover_init(&h, &c, mono_at(0.0)), 0);
	c.bin_s = 0.0;
	assert_int_equal(gnomon_holdover_init(&h, &c, mono_at(0.0)), -EINVAL);
	gnomon_holdover_config_default(&c);
	c.memory_s = c.bin_s * GNOMON_HOLDOVER_BINS - 1.0;
	assert_int_equal(gnomon_holdover_init(&h, &c, mono_at(0.0)), -EINVAL);
	gnomon_holdover_config_default(&c);
	c.least_drift_ppb_per_s = (double)NAN;
	assert_int_equal(gnomon_holdover_init(&h, &c, mono_at(0.0)), -EINVAL);
	c.size = 0;
	assert_int_equal(gnomon_holdover_init(&h, &c, mono_at(0.0)), -EINVAL);
}

/* Without a servo: the estimate of a clock whose needed adjustment is known. */
static void tell(struct gnomon_holdover *h, double t, double frequency_ppb, double offset_ns)
{
	struct gnomon_estimate e = {
		.valid = true,
		.state = GNOMON_SERVO_LOCKED,
		.frequency_ppb = frequency_ppb,
		.offset_ns = offset_ns,
	};

	gnomon_holdover_learn(h, &e, mono_at(t));
}

static void too_little_is_no_model(void **state)
{
	struct gnomon_holdover h;
	struct gnomon_holdover_model m;
	double t = 0.0;

	assert_int_equal(gnomon_holdover_init(&h, NULL, mono_at(0.0)), 0);
	assert_int_equal(gnomon_holdover_model(&h, &m), -ENODATA);
	for (; t <= 64.0; t += 1.0) {
		tell(&h, t, 100.0, 0.0);
	}
	assert_int_equal(gnomon_holdover_model(&h, &m), -ENODATA);
	for (; t <= 80.0; t += 1.0) {
		tell(&h, t, 100.0, 0.0);
	}
	assert_int_equal(gnomon_holdover_model(&h, &m), 0);
	assert_true(fabs(m.frequency_ppb - 100.0) < 1e-9);
}

/* A wrong adjustment shows in the offset: 100 ppb applied, gaining 30 ns/s, 70 were needed. */
static void offset_corrects_adjustment(void **state)
{
	struct gnomon_holdover h;
	struct gnomon_holdover_model m;

	assert_int_equal(gnomon_holdover_init(&h, NULL, mono_at(0.0)), 0);
	for (double t = 0.0; t <= 200.0; t += 1.0) {
		tell(&h, t, 100.0, 30.0 * t);
	}
	assert_int_equal(gnomon_holdover_model(&h, &m), 0);
	assert_true(fabs(m.frequency_ppb - 70.0) < 1e-6);
}

static void trend_is_followed(void **state)
{
	struct gnomon_holdover h;
	struct gnomon_holdover_model m;

	assert_int_equal(gnomon_holdover_init(&h, NULL, mono_at(0.0)), 0);
	for (double t = 0.0; t <= 2000.0; t += 1.0) {
		tell(&h, t, 0.05 * t, 0.0);
	}
	assert_int_equal(gnomon_holdover_model(&h, &m), 0);
	assert_true(fabs(m.drift_ppb_per_s - 0.05) < 1e-3);
	assert_true(fabs(gnomon_holdover_frequency(&m, 1000.0) - 150.0) < 2.0);
}

/* An hour of which half an hour is missing: no difference is taken across what nobody saw as if it
 * had been next to each other. */
static void gap_is_no_evidence(void **state)
{
	struct gnomon_holdover h;
	struct gnomon_holdover_model m;

	assert_int_equal(gnomon_holdover_init(&h, NULL, mono_at(0.0)), 0);
	for (double t = 0.0; t <= 900.0; t += 1.0) {
		tell(&h, t, 0.0, 0.0);
	}
	gnomon_holdover_gap(&h);
	for (double t = 2700.0; t <= 3600.0; t += 1.0) {
		tell(&h, t, 500.0, 0.0);
	}
	assert_int_equal(gnomon_holdover_model(&h, &m), 0);
	assert_true(fabs(m.frequency_ppb - 500.0) < 1e-6);
	assert_true(m.wander_ppb[0] < 1e-6);
}

/* Days of learning stay in their memory, and the day before yesterday is forgotten. */
static void memory_is_bounded(void **state)
{
	struct gnomon_holdover h;
	struct gnomon_holdover_model m;

	assert_int_equal(gnomon_holdover_init(&h, NULL, mono_at(0.0)), 0);
	for (double t = 0.0; t <= 86400.0 * 4.0; t += 4.0) {
		tell(&h, t, t < 86400.0 * 2.0 ? 1000.0 : 7.0, 0.0);
		assert_true(h.count <= GNOMON_HOLDOVER_BINS);
	}
	assert_true(h.width_s * GNOMON_HOLDOVER_BINS <= 86400.0);
	assert_int_equal(gnomon_holdover_model(&h, &m), 0);
	assert_true(fabs(m.frequency_ppb - 7.0) < 1e-6);
	assert_true(m.wander_ppb[m.lags - 1] < 1e-6);
}

static struct gnomon_holdover_model sample_model(void)
{
	return (struct gnomon_holdover_model){
		.frequency_ppb = 100.0,
		.frequency_error_ppb = 2.0,
		.drift_ppb_per_s = 0.01,
		.lag_s = 32.0,
		.lags = 3,
		.wander_ppb = { 2.0, 3.0, 4.0 },
		.span_s = 1024.0,
		.least_drift_ppb_per_s = 0.003,
	};
}

static void growth_never_falls(void **state)
{
	struct gnomon_holdover_model m = sample_model();
	double before = 0.0;

	assert_true(gnomon_holdover_growth(&m, 0.0) == 0.0);
	for (double t = 0.5; t < 100000.0; t *= 1.01) {
		double now = gnomon_holdover_growth(&m, t);

		assert_true(now > before);
		/* Not less than what the error of the frequency alone makes of it. */
		assert_true(now >= m.frequency_error_ppb * t);
		before = now;
	}
	/* The operator's promise makes it smaller, never larger. */
	m.most_drift_ppb_per_s = 0.0001;
	assert_true(gnomon_holdover_growth(&m, 3600.0) < before);
	assert_true(gnomon_holdover_growth(&m, 3600.0) >= 2.0 * 3600.0);
}

/* Whoever holds for an hour after a break of an hour is not surer than who held for two. */
static void age_is_holdover(void **state)
{
	struct gnomon_holdover_model m = sample_model();
	struct gnomon_holdover_model aged = m;

	gnomon_holdover_model_age(&aged, 3600.0);
	assert_true(gnomon_holdover_model_ok(&aged));
	assert_true(fabs(gnomon_holdover_frequency(&aged, 3600.0) -
			 gnomon_holdover_frequency(&m, 7200.0)) < 1e-9);
	assert_true(gnomon_holdover_frequency_error(&aged, 3600.0) >=
		    gnomon_holdover_frequency_error(&m, 7200.0));
}

static void nonsense_is_no_model(void **state)
{
	struct gnomon_holdover_model m = sample_model();

	assert_true(gnomon_holdover_model_ok(&m));
	m.frequency_ppb = (double)NAN;
	assert_false(gnomon_holdover_model_ok(&m));
	m = sample_model();
	m.lags = GNOMON_HOLDOVER_LAGS + 1;
	assert_false(gnomon_holdover_model_ok(&m));
	m = sample_model();
	m.wander_ppb[1] = 1.0;
	assert_false(gnomon_holdover_model_ok(&m));
	m = sample_model();
	m.lag_s = 0.0;
	assert_false(gnomon_holdover_model_ok(&m));
	m = sample_model();
	m.drift_error_ppb_per_s = -1.0;
	assert_false(gnomon_holdover_model_ok(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/holdover/config_is_checked", config_is_checked, NULL, NULL, NULL },
		{ "/servo/holdover/too_little_is_no_model", too_little_is_no_model, NULL, NULL,
		  NULL },
		{ "/servo/holdover/offset_corrects_adjustment", offset_corrects_adjustment, NULL,
		  NULL, NULL },
		{ "/servo/holdover/trend_is_followed", trend_is_followed, NULL, NULL, NULL },
		{ "/servo/holdover/gap_is_no_evidence", gap_is_no_evidence, NULL, NULL, NULL },
		{ "/servo/holdover/memory_is_bounded", memory_is_bounded, NULL, NULL, NULL },
		{ "/servo/holdover/growth_never_falls", growth_never_falls, NULL, NULL, NULL },
		{ "/servo/holdover/age_is_holdover", age_is_holdover, NULL, NULL, NULL },
		{ "/servo/holdover/nonsense_is_no_model", nonsense_is_no_model, NULL, NULL, NULL },
		{ "/servo/holdover/bound_holds", bound_holds, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/servo/holdover", tests, NULL, NULL);
}
