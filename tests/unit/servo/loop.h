/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A toy closed loop: one clock with a wandering oscillator, disciplined over one noisy two-way
 * path by the code under test. True time is known, so the estimate's bound can be held against
 * the truth at any instant. Everything follows from the seed.
 */
#ifndef TESTS_UNIT_SERVO_LOOP_H
#define TESTS_UNIT_SERVO_LOOP_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <gnomon/servo.h>

#include "tests/unit/seed.h"

#define LOOP_EPOCH_S 1700000000
#define LOOP_CHECKS 4 /* looks at the bound per interval */

struct loop_spec {
	const char *name;
	const char *servo;    /* NULL: "pi" */
	double seconds;
	double interval_s;
	double delay_ns;      /* fixed part, each way */
	double jitter_ns;     /* mean of the exponential part, each packet */
	double asymmetry_ns;  /* extra, reference to clock */
	double tick_ns;       /* resolution of timestamps */
	double walk_ppb;      /* random walk of frequency, ppb per square root of a second */
	double frequency_ppb; /* at the start */
	double offset_ns;     /* at the start */
	double loss;          /* probability that a Sync is lost */
	double latency_s;     /* up to this from measurement to command */
	double event_s;       /* when the events below happen */
	double event_jump_ns; /* the reference is set back */
	double early_s;       /* it is set back by as much before, at this time */
	double event_frequency_ppb; /* the oscillator changes */
	double event_outlier_ns;    /* one Sync is late */
	double silence_s;           /* no Syncs for so long after event_s */
	bool peer_delay; /* delay measured at once, not an interval later */
	bool delay_restarts; /* the delay filter does, when the clock locks */
	bool software;
	bool free_running;
	double first_step_threshold;
	double step_threshold;
	double path_asymmetry_ns;
	double drift_ppb_per_s;
};

struct loop_result {
	double locked_s; /* from here on |error| stayed below 20 jitters (at least 2 us) */
	struct gnomon_stats error;    /* true error, ns, second half */
	struct gnomon_stats bound;    /* second half */
	unsigned int looks;
	unsigned int broken;   /* looks with |error| > bound */
	unsigned int exceeded; /* looks with |error - offset| > bound - |offset| */
	double worst;   /* largest share of the bound's margin beyond the offset that was needed */
	double worst_s; /* and when */
};

struct loop {
	const struct loop_spec *spec;
	struct seed random;
	double t; /* true time, s */
	double x; /* clock minus true time, ns; the reference may be off by jump */
	double e; /* oscillator, ppb */
	double f; /* adjustment, ppb */
	double jump;
	double sync_offset; /* t2 - t1 of the last Sync */
	double sync_t;
	double ratio; /* reference over local frequency, as told */
	bool sync_valid;
	gnomon_span delay;
	bool delay_valid;
	bool delay_stale; /* what the filter remembers was measured before the clock locked */
	bool locked;
	bool outlier_done;
	struct gnomon_discipline *d;
	const struct gnomon_filter_ops *filter;
	_Alignas(16) unsigned char filter_state[1024];
	_Alignas(16) unsigned char memory[4096];
};

/* (0..1] */
static inline double loop_uniform(struct seed *random)
{
	return (double)((seed_next(random) >> 11) + 1) * 0x1p-53;
}

static inline double loop_gauss(struct seed *random)
{
	double r = sqrt(-2.0 * log(loop_uniform(random)));

	return r * cos(6.283185307179586 * loop_uniform(random));
}

static inline double loop_packet(struct loop *l)
{
	return l->spec->delay_ns - l->spec->jitter_ns * log(loop_uniform(&l->random));
}

static inline gnomon_mono loop_mono(const struct loop *l)
{
	return (gnomon_mono){ (int64_t)(l->t * 1e9) };
}

/* Let true time pass. */
static inline void loop_advance(struct loop *l, double to)
{
	double dt = to - l->t;
	double rate = l->f + l->e + l->f * l->e * 1e-9;

	if (dt <= 0.0) {
		return;
	}
	l->x += rate * dt;
	l->e += l->spec->walk_ppb * sqrt(dt) * loop_gauss(&l->random);
	if (l->t < l->spec->early_s && to >= l->spec->early_s) {
		l->jump += l->spec->event_jump_ns;
	}
	if (l->t < l->spec->event_s && to >= l->spec->event_s) {
		l->jump += l->spec->event_jump_ns;
		l->e += l->spec->event_frequency_ppb;
	}
	l->t = to;
}

/* The clock's error against its reference. */
static inline double loop_error(const struct loop *l)
{
	return l->x + l->jump;
}

static inline double loop_tick(const struct loop *l, double ns)
{
	return l->spec->tick_ns > 0.0 ? l->spec->tick_ns * floor(ns / l->spec->tick_ns) : ns;
}

/* A Delay_Req and its Delay_Resp, paired with the last Sync. */
static inline void loop_delay(struct loop *l)
{
	double back = loop_tick(l, loop_packet(l) - loop_error(l));
	double local_ns = (l->t - l->sync_t) * 1e9; /* t3 - t2, near enough */
	double raw = (l->sync_offset + back - (l->ratio - 1.0) * local_ns) / 2.0;

	if (l->delay_stale) {
		l->filter->reset(l->filter_state);
		l->delay_stale = false;
	}
	l->delay = l->filter->sample(l->filter_state, gnomon_span_from_double(raw));
	l->delay_valid = true;
}

static inline void loop_apply(struct loop *l, const struct gnomon_discipline_command *c)
{
	bool locked = c->state == GNOMON_SERVO_LOCKED || c->state == GNOMON_SERVO_LOCKED_STABLE;

	l->delay_stale |= l->spec->delay_restarts && locked && !l->locked;
	l->locked = locked;
	if (c->step) {
		l->x += gnomon_span_to_double(c->step_by);
		l->sync_valid = false;
	}
	if (c->set_frequency) {
		l->f = c->frequency_ppb;
	}
	l->ratio = c->rate_ratio;
}

static inline bool loop_lost(struct loop *l)
{
	double silent = l->t - l->spec->event_s;

	if (l->spec->silence_s > 0.0 && silent >= 0.0 && silent < l->spec->silence_s) {
		return true;
	}
	return l->spec->loss > 0.0 && loop_uniform(&l->random) <= l->spec->loss;
}

/* Peer-to-peer: request and response at one instant. */
static inline void loop_peer_delay(struct loop *l)
{
	double both = l->spec->asymmetry_ns + loop_packet(l) + loop_packet(l);

	l->delay = l->filter->sample(l->filter_state,
				     gnomon_span_from_double(loop_tick(l, both / 2.0)));
	l->delay_valid = true;
}

/* Hand the last Sync to the discipline and obey it, a little later. */
static inline void loop_sample(struct loop *l)
{
	struct gnomon_discipline_sample sample = { .weight = 1.0 };
	struct gnomon_discipline_command command;
	gnomon_time now = { LOOP_EPOCH_S, 0, 0 };

	sample.mean_delay = l->delay;
	sample.offset = gnomon_span_sub(gnomon_span_from_double(l->sync_offset), l->delay);
	now = gnomon_time_add(now, gnomon_span_from_ns((int64_t)(l->t * 1e9)));
	sample.local = gnomon_time_add(now, gnomon_span_from_double(l->x));
	loop_advance(l, l->t + l->spec->latency_s * loop_uniform(&l->random));
	gnomon_discipline_sample(l->d, &sample, loop_mono(l), &command);
	loop_apply(l, &command);
}

static inline void loop_sync(struct loop *l)
{
	double late = 0.0;

	if (loop_lost(l)) {
		return;
	}
	if (l->spec->event_outlier_ns > 0.0 && !l->outlier_done && l->t >= l->spec->event_s) {
		late = l->spec->event_outlier_ns;
		l->outlier_done = true;
	}
	l->sync_offset = loop_tick(l, loop_error(l) + loop_packet(l) + l->spec->asymmetry_ns +
					      late);
	l->sync_t = l->t;
	l->sync_valid = true;
	if (l->spec->peer_delay) {
		loop_peer_delay(l);
	}
	if (l->delay_valid) {
		loop_sample(l);
	}
}

static inline void loop_look(struct loop *l, struct loop_result *r)
{
	struct gnomon_estimate estimate;
	double error = fabs(loop_error(l));
	double need;
	double limit = l->spec->jitter_ns * 20.0 > 2000.0 ? l->spec->jitter_ns * 20.0 : 2000.0;

	gnomon_discipline_estimate(l->d, loop_mono(l), &estimate);
	if (!estimate.valid) {
		return;
	}
	r->looks++;
	if (!(error <= estimate.bound_ns)) {
		r->broken++;
	}
	need = fabs(loop_error(l) - estimate.offset_ns) /
	       (estimate.bound_ns - fabs(estimate.offset_ns));
	r->exceeded += need > 1.0;
	if (need > r->worst) {
		r->worst = need;
		r->worst_s = l->t;
	}
	if (error > limit) {
		r->locked_s = l->t;
	}
	if (l->t > l->spec->seconds / 2.0) {
		gnomon_stats_add(&r->error, loop_error(l));
		gnomon_stats_add(&r->bound, estimate.bound_ns);
	}
}

static inline int loop_init(struct loop *l, const struct loop_spec *spec, uint64_t seed)
{
	struct gnomon_discipline_config config = {
		.size = sizeof(config),
		.servo = gnomon_servo_find(spec->servo ? spec->servo : "pi"),
		.path_asymmetry_ns = spec->path_asymmetry_ns,
		.drift_ppb_per_s = spec->drift_ppb_per_s,
		.free_running = spec->free_running,
		.sanity_freq_limit_ppb = 200000000.0,
	};
	int err;

	gnomon_servo_config_default(&config.servo_config);
	config.servo_config.software_timestamps = spec->software;
	config.servo_config.first_step_threshold = spec->first_step_threshold;
	config.servo_config.step_threshold = spec->step_threshold;
	memset(l, 0, sizeof(*l));
	l->spec = spec;
	l->random.state = seed;
	l->ratio = 1.0;
	l->x = spec->offset_ns;
	l->e = spec->frequency_ppb;
	l->filter = gnomon_filter_find("moving_median");
	l->filter->init(l->filter_state, 10);
	err = gnomon_discipline_init(&l->d, l->memory, sizeof(l->memory), &config);
	if (err) {
		return err;
	}
	gnomon_discipline_sync_interval(l->d, spec->interval_s);
	return 0;
}

/* Let true time pass, and the discipline's deadline if it is within. */
static inline void loop_wait(struct loop *l, double to)
{
	gnomon_mono deadline = gnomon_discipline_deadline(l->d);
	struct gnomon_discipline_command command;

	if (deadline.ns != GNOMON_MONO_NEVER.ns && (double)deadline.ns * 1e-9 <= to) {
		loop_advance(l, (double)deadline.ns * 1e-9);
		gnomon_discipline_expire(l->d, deadline, &command);
		loop_apply(l, &command);
	}
	loop_advance(l, to);
}

/* The k-th interval. */
static inline void loop_interval(struct loop *l, unsigned int k, struct loop_result *r)
{
	double interval = l->spec->interval_s;
	double start = k * interval;
	double ask = interval * loop_uniform(&l->random) * 0.999;
	bool asked = l->spec->peer_delay;

	loop_wait(l, start);
	loop_sync(l);
	for (int i = 0; i < LOOP_CHECKS; i++) {
		double at = interval * (i + 0.99) / LOOP_CHECKS;

		if (!asked && ask < at) {
			loop_wait(l, start + ask);
			asked = true;
			if (l->sync_valid) {
				loop_delay(l);
			}
		}
		loop_wait(l, start + at);
		loop_look(l, r);
	}
}

static inline int loop_run(const struct loop_spec *spec, uint64_t seed, struct loop_result *r)
{
	struct loop l;
	int err = loop_init(&l, spec, seed);

	*r = (struct loop_result){ 0 };
	for (unsigned int k = 0; !err && k * spec->interval_s < spec->seconds; k++) {
		loop_interval(&l, k, r);
	}
	return err;
}

#endif
