/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A free-running oscillator with its phase: what a hardware clock counts.
 *
 * True time is counted in integer picoseconds from the start of the simulation (106 days fit).
 * The relative frequency error is the sum of
 *
 *   frequency_ppb     a constant
 *   aging_ppb         linear drift, ppb per day
 *   random_walk_ppb   random walk of frequency, ppb per square root of a second
 *   flicker_ppb       flicker frequency noise, Allan deviation of its floor
 *   white_ppb         white frequency noise, Allan deviation at 1 s
 *   sine, step        temperature: a sine, and a step that settles with a time constant
 *
 * and of nothing else; the adjustment commanded by a servo multiplies it. Noise is drawn on a
 * fixed grid (grid_s) of true time and is constant in between, so the phase is piecewise linear
 * and exact, and neither reading a clock nor adjusting it changes the noise that is to come: what
 * is read does not depend on who reads, or when.
 */
#ifndef SIM_OSCILLATOR_H
#define SIM_OSCILLATOR_H

#include <stdint.h>

#include "random.h"

#define SIM_PS_PER_NS 1000
#define SIM_PS_PER_S 1000000000000

struct oscillator_spec {
	double frequency_ppb;
	double aging_ppb;
	double random_walk_ppb;
	double flicker_ppb;
	double white_ppb;
	double sine_ppb;
	double sine_period_s;
	double step_ppb;
	double step_at_s;
	double step_settle_s; /* time constant; 0: at once */
	double grid_s;        /* 0: 1 s */
};

/*
 * Flicker noise is a sum of Ornstein-Uhlenbeck processes of equal variance whose time constants
 * are FLICKER_RATIO apart: 1/f between 1 grid step and FLICKER_RATIO^FLICKER_COUNT of them.
 * Summing their spectra gives S_y(f) = s^2 / (ln(ratio) f) and so a floor of s * sqrt(2 ln 2 /
 * ln(ratio)): exactly s for a ratio of 4.
 */
#define FLICKER_COUNT 10
#define FLICKER_RATIO 4

/* A phase: whole nanoseconds and a fraction in [0, 1). Precise for any length of run. */
struct phase {
	int64_t ns;
	double fraction;
};

struct oscillator {
	struct oscillator_spec spec;
	struct random random;
	int64_t grid_ps;
	int64_t at_ps;      /* start of the current linear piece */
	int64_t next_ps;    /* next instant of the grid */
	struct phase error; /* at at_ps: this clock minus true time */
	double rate;        /* relative rate error in this piece, adjustment included */
	double natural;     /* the same without it */
	double adjustment;  /* relative */
	double walk;
	double flicker[FLICKER_COUNT];
	double flicker_keep[FLICKER_COUNT]; /* exp(-grid/tau) */
	double flicker_kick[FLICKER_COUNT];
};

/* Start at true time 0 with the phase error given. */
void oscillator_init(struct oscillator *o, const struct oscillator_spec *spec, struct phase error,
		     uint64_t stream);

/* Bring it to at_ps; instants must not decrease. */
void oscillator_advance(struct oscillator *o, int64_t at_ps);

/* The phase error at at_ps; advances as far as the grid requires. */
struct phase oscillator_error(struct oscillator *o, int64_t at_ps);

/* Change the adjustment, or the phase, at at_ps. */
void oscillator_adjust(struct oscillator *o, int64_t at_ps, double relative);
void oscillator_step(struct oscillator *o, int64_t at_ps, struct phase by);

struct phase phase_add(struct phase a, double ns);

static inline double phase_to_double(struct phase p)
{
	return (double)p.ns + p.fraction;
}

#endif
