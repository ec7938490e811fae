/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the kept clock may say of itself as grandmaster, by what it follows and how wrong it can be.
 * Pure: told everything, asking nothing.
 *
 *     following a source      its class       held, within          held, beyond     then
 *     primary reference       6               7   holdover_bound    187              248
 *     the same, ARB           13              14                    193              248
 *     any other               248 or given    248                   248              248
 *
 * clockAccuracy is of the bound, and unknown if that is relative to a source nobody vouches for.
 *
 * 187 and 193 last until degraded_bound (7.6.2.5, degradation alternative B: such a clock may
 * become a timeReceiver; with 6, 7, 13 and 14 it never does). Before the clock was in step with any
 * source the configured values stand, and while the ports of the file are the source: a Boundary
 * Clock that made itself better by what it receives would take over from whom it receives it.
 */
#ifndef GNOMOND_QUALITY_H
#define GNOMOND_QUALITY_H

#include <gnomon/engine.h>

#include "tools/config/config.h"

/** The clock's relation to its sources. */
enum quality_standing {
	QUALITY_NEVER,     /* it was never in step with any */
	QUALITY_FOLLOWING, /* in step */
	QUALITY_LOST,      /* a source was followed: holdover, learnt or not */
};

/** The source that is followed, or was last. */
struct quality_source {
	bool ports;          /* the ports of the file: nothing below counts */
	bool unbounded;      /* nobody says how wrong it is itself: the bound is relative to it */
	uint8_t clock_class; /* as configured */
	uint8_t time_source; /* of quality_time_source() */
	uint16_t flags;      /* of type ptp: its timePropertiesDS.flags, for traceability; else 0 */
};

/** What is announced. */
struct quality_claim {
	struct gnomon_clock_quality quality;
	struct gnomon_time_properties_ds properties;
};

/** Members are private. */
struct quality {
	struct gnomon_clock_quality configured;
	double holdover_bound_ns;
	double degraded_bound_ns;
	struct quality_claim last;
	bool claimed;      /* last is valid */
	uint8_t accuracy;  /* claimed; 0: none */
	uint8_t worst;     /* of what was seen since: */
	gnomon_mono since;
};

/** A better clockAccuracy is announced when it has held for so long; a worse one at once. */
#define QUALITY_HOLD_NS (30ll * GNOMON_NSEC_PER_SEC)

void quality_init(struct quality *q, const struct conf *conf);

/**
 * Judge anew: call it after everything that may change the outcome, and at least every few seconds
 * in holdover. bound_ns: of the kept clock now, infinite if nothing is known. properties: of the
 * engine's own clock, as if it said nothing of its source; time scale, UTC offset and leap second
 * are taken over. Returns true if *claim, which is always filled, is not what it was last.
 */
bool quality_update(struct quality *q, enum quality_standing standing,
		    const struct quality_source *source, double bound_ns,
		    const struct gnomon_time_properties_ds *properties, gnomon_mono now,
		    struct quality_claim *claim);

/** clockAccuracy (7.6.2.6): the best that bound_ns is within; 0xfe if it is not finite. */
uint8_t quality_accuracy(double bound_ns);

/** What clockAccuracy says, in ns; infinite where it says nothing. */
double quality_accuracy_bound(uint8_t accuracy);

/** timeSource to announce while a source is followed. */
uint8_t quality_time_source(const struct conf_source *source);

#endif
