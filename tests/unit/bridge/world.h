/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world whose true time is known at every value of the host's counter: a counter that wanders,
 * and a clock with an oscillator of its own that somebody steers. Everything follows from the seed.
 */
#ifndef TESTS_UNIT_BRIDGE_WORLD_H
#define TESTS_UNIT_BRIDGE_WORLD_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/bridge.h>

#include "bridge/fine.h"
#include "bridge/line.h"
#include "tests/unit/seed.h"

#define WORLD_EPOCH_S 1800000000

struct world {
	struct seed random;
	double hz;                   /* nominal */
	struct gnomon_period period; /* nominal */
	uint64_t first;              /* counter at the start */
	uint64_t counter;            /* now */
	double true_ns;              /* true time above the nominal line at now */
	double counter_ppb;          /* true time per nominal counter: rate error now */
	double wander;               /* of both oscillators together stays within, ppb/s */
	double direction;            /* of the wander in progress, ppb/s */
	double excursion;            /* turns back beyond this, ppb */
	double offset_ns;            /* clock minus true time */
	double natural_ppb;          /* rate of the clock left alone */
	double adjust_ppb;           /* as told to the clock */
	double adjust_error;         /* what it does besides, ppb */
};

/* 0 .. 1 */
static inline double world_uniform(struct world *w)
{
	return (double)(seed_next(&w->random) >> 11) * 0x1p-53;
}

static inline double world_between(struct world *w, double least, double most)
{
	return least + (most - least) * world_uniform(w);
}

/* Log-uniform. */
static inline double world_scale(struct world *w, double least, double most)
{
	return least * pow(most / least, world_uniform(w));
}

static inline void world_init(struct world *w, uint64_t seed, double hz)
{
	*w = (struct world){ .random = { seed }, .hz = hz };
	assert_int_equal(gnomon_period_from_seconds(1.0 / hz, &w->period), 0);
	w->first = seed_next(&w->random); /* wherever: it may wrap */
	w->counter = w->first;
	w->counter_ppb = world_between(w, -50000.0, 50000.0);
	w->natural_ppb = world_between(w, -30000.0, 30000.0);
	w->excursion = (double)INFINITY;
}

/* The nominal line. */
static inline struct gnomon_fine world_nominal(const struct world *w, uint64_t counter)
{
	const struct gnomon_fine zero = { WORLD_EPOCH_S, 0 };
	const struct gnomon_fine run = gnomon_period_elapsed(&w->period, counter - w->first);

	return fine_add(zero, (wide)(uint64_t)run.sec << 64 | run.frac);
}

static inline struct gnomon_fine world_true(const struct world *w)
{
	return fine_add_double(world_nominal(w, w->counter), w->true_ns);
}

static inline struct gnomon_fine world_clock(const struct world *w)
{
	return fine_add_double(world_true(w), w->offset_ns);
}

/* So many nominal seconds pass, in pieces of constant wander. */
static inline void world_pass(struct world *w, double seconds)
{
	while (seconds > 0.0) {
		const double dt = seconds < 0.25 ? seconds : 0.25;
		const uint64_t ticks = (uint64_t)(dt * w->hz);
		const double exact = (double)ticks / w->hz;
		const double rate = w->natural_ppb + w->adjust_ppb + w->adjust_error +
				    w->natural_ppb * (w->adjust_ppb + w->adjust_error) * 1e-9;

		if (world_uniform(w) < 0.1) {
			w->direction = world_between(w, -w->wander, w->wander);
		}
		if (fabs(w->counter_ppb + w->direction * exact) > w->excursion) {
			w->direction = w->counter_ppb > 0.0 ? -w->wander : w->wander;
		}
		w->offset_ns += rate * exact * (1.0 + w->counter_ppb * 1e-9);
		w->true_ns += w->counter_ppb * exact + 0.5 * w->direction * exact * exact;
		w->counter_ppb += w->direction * exact;
		w->counter += ticks;
		seconds -= dt;
		if (ticks == 0) {
			break;
		}
	}
}

/* What rounding may have done to the clock since the last pair: a step of 1000 s leaves a double no
 * more than 0.0001 ns. */
static inline double world_rounding(const struct world *w)
{
	return 0.0001 + 4e-15 * fabs(w->offset_ns);
}

/* A pair whose error is anywhere within its window, at times at its edge. */
static inline struct gnomon_pair world_pair(struct world *w, double half_ns)
{
	const double part = world_uniform(w) < 0.2 ? (world_uniform(w) < 0.5 ? -0.999 : 0.999)
						   : world_between(w, -1.0, 1.0);
	const struct gnomon_fine read = fine_add_double(world_clock(w), part * half_ns);

	return (struct gnomon_pair){
		.counter = w->counter,
		.time = gnomon_fine_to_time(read),
		.half_window_ns = half_ns + world_rounding(w),
	};
}

static inline double world_rate_ppb(const struct world *w)
{
	const double f = w->adjust_ppb + w->adjust_error;
	const double clock = w->natural_ppb + f + w->natural_ppb * f * 1e-9;

	return w->counter_ppb + clock + w->counter_ppb * clock * 1e-9;
}

#endif
