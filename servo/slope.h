/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * How fast one clock runs by another, as an interval that is certain as long as the rate was one:
 * of two readings, each off by no more than it says, the slope is off by no more than both errors
 * over the time between them; what all pairs of readings allow is what is left. If nothing is left,
 * the rate was not one, and the oldest readings go.
 */
#ifndef SERVO_SLOPE_H
#define SERVO_SLOPE_H

#include <stdbool.h>

#include <gnomon/time.h>

#define SLOPE_POINTS 24

struct slope_point {
	double x_ns;    /* the clock that measures, since the first reading */
	double y_ns;    /* how much the measured one gained since then */
	double half_ns; /* |error| of y */
};

struct slope {
	double window_ns; /* older readings are forgotten */
	gnomon_time x;    /* the first reading: of the clock that measures ... */
	gnomon_span y;    /* ... and the other minus that */
	unsigned int count;
	struct slope_point points[SLOPE_POINTS]; /* by age, the oldest first */
	double low_ppb;   /* what is left */
	double high_ppb;
};

void slope_init(struct slope *s, double window_s);

/** Forget everything. */
void slope_reset(struct slope *s);

/**
 * Take a reading: at x the other clock read x + y, +- half_ns, which is > 0. Returns false if it
 * does not fit those before, even if the rate changed by jump_ppb since: one of the clocks was set,
 * and nothing is known but this reading.
 */
bool slope_add(struct slope *s, gnomon_time x, gnomon_span y, double half_ns, double jump_ppb);

/** The rate of the other clock less 1, and how wrong that may be. False: not known yet. */
bool slope_read(const struct slope *s, double *ppb, double *error_ppb);

#endif
