/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Says in our Announces what the clock is worth: how good what it follows is, how long ago it
 * followed anything, and how wrong it can be by now. For the ports of the file; those of other
 * instances announce nothing.
 */
#ifndef GNOMOND_HERALD_H
#define GNOMOND_HERALD_H

#include "keeper.h"
#include "quality.h"

/** Zeroed: it says nothing, as ptp4l, which announces what is configured. */
struct herald {
	const struct conf *conf; /* NULL: nothing is said */
	struct keeper *keeper;
	struct quality quality;
	struct gnomon_time_properties_ds properties; /* time scale and UTC, as last known */
	int64_t leap_at; /* TAI: when the leap second they announce is over; 0: none */
	bool was_in_step;
	gnomon_mono next;
};

/** The keeper has its sources. */
void herald_init(struct herald *h, const struct conf *conf, struct keeper *keeper);

/** Look, and tell the engine if there is something new. Returns when to look again. */
gnomon_mono herald_expire(struct herald *h, gnomon_mono now);

#endif
