/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Convex polygons of what phase and rate of a line may be, in bounded memory: everything that is
 * done to one yields a polygon that contains the exact result.
 */
#ifndef BRIDGE_POLYGON_H
#define BRIDGE_POLYGON_H

#include <gnomon/bridge.h>

/* Counterclockwise with phase to the right and rate up. Between operations there are no more
 * corners than an operation leaves room for. */
struct polygon {
	unsigned int count; /* 0: empty */
	struct gnomon_line_corner corner[GNOMON_LINE_CORNERS];
};

struct extent {
	double least;
	double most;
};

/* What rounding may take away from a polygon per operation, in ns and in ppb. Smear it by as much
 * more in both before it is cut: what is lost of a phase may be all of a rate where the cut is as
 * thin. */
#define POLYGON_SLACK 1e-6

void polygon_rectangle(struct polygon *p, struct extent phase, struct extent rate);

/* Every point may be anywhere within +-(phase, rate) along that direction. */
void polygon_smear(struct polygon *p, double phase_ns, double rate_ppb);

/* Keep what has a phase within; whether anything is left. */
bool polygon_clip(struct polygon *p, struct extent phase);

/* Phases after seconds at their rates. */
struct extent polygon_phases(const struct polygon *p, double seconds);

struct extent polygon_rates(const struct polygon *p);

#endif
