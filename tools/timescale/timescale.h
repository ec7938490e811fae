/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Between a clock that keeps UTC and the PTP timescale, which the engine lives in (7.2).
 *
 * The system clock keeps UTC, so its readings are brought to the PTP timescale at the border:
 * local = UTC + currentUtcOffset while timePropertiesDS says ptpTimescale, local = UTC otherwise
 * (an arbitrary timescale is taken as it is). The engine, the servo and a boundary clock's clients
 * then never meet UTC. PHCs and soft clocks keep the PTP timescale themselves: the shift is 0.
 */
#ifndef TIMESCALE_TIMESCALE_H
#define TIMESCALE_TIMESCALE_H

#include <stdbool.h>

#include <gnomon/engine.h>

struct timescale {
	bool utc;         /* the clock keeps UTC */
	bool kernel_leap; /* the kernel inserts or deletes the leap second */
	int shift_s;      /* added to its readings */
	int tai_offset;   /* TAI - UTC, once the grandmaster is sure of it; 0: not yet */
	int tai_told;     /* what the clock was told of it; 0: nothing */
	bool tai_waits;   /* tai_offset is right only when the clock has followed */
	int leap;         /* announced: 61, 59 or 0 */
	int64_t leap_end; /* UTC: end of the day with the leap second; 0: none is due */
};

/** What a change of timePropertiesDS comes to. */
struct timescale_change {
	bool leap_changed;     /* tell the clock timescale.leap */
	bool offset_changed;   /* worth a word */
	int jump_s;            /* the local timescale jumped by that much: a step to the engine */
};

/** shift_s: what to start with. */
void timescale_init(struct timescale *t, bool utc, bool kernel_leap);

/**
 * Take over time properties at a UTC second of the clock. A currentUtcOffset that changes together
 * with a leap second the kernel made is no jump: the two cancel.
 */
void timescale_update(struct timescale *t, const struct gnomon_time_properties_ds *properties,
		      int64_t utc_now, struct timescale_change *change);

/**
 * True if the clock is to be told timescale.tai_offset now; it counts as told then.
 *
 * A clock whose kernel does no leap seconds is a second off when UTC's offset changes, and right
 * when it is stepped; what it reads plus the old offset is TAI until then. So the new one waits for
 * the step. followed: the clock has been stepped, or is right to half a second (if the second is
 * slewed away TAI cannot be right all the time).
 */
bool timescale_tai_due(struct timescale *t, bool followed);

/** Whether an offset of the clock is small enough for that. */
bool timescale_has_followed(gnomon_span offset);

/** The clock was stepped, to a UTC second that may be of another day. */
void timescale_stepped(struct timescale *t, int64_t utc_now);

/** A reading of the clock as local time of the engine. */
gnomon_time timescale_local(const struct timescale *t, gnomon_time reading);

/** Local time of the engine as a reading of the clock. */
gnomon_time timescale_reading(const struct timescale *t, gnomon_time local);

/**
 * True around the announced leap second: between midnight and the arrival of the new UTC offset
 * samples are off by one second, and no use.
 */
bool timescale_suspended(const struct timescale *t, gnomon_time local);

#endif
