/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Does the clock advance as the monotonic clock and our own commands say it should? If not,
 * somebody else adjusts it, it is broken, or the machine was suspended.
 *
 * A clock reading is checked some time after it was taken, so a stalled process looks like a slow
 * clock for a moment and, measured from such a late reading, like a fast one later. Therefore a
 * slow clock is accused only by two readings at least SANITY_INTERVAL apart, with the samples in
 * between in doubt, and a fast one only if it is fast against the last two good readings.
 */
#ifndef SERVO_SANITY_H
#define SERVO_SANITY_H

#include <gnomon/servo.h>

/** Shorter intervals are not judged: scheduling noise would decide. */
#define SANITY_INTERVAL_NS 100000000

enum sanity_verdict {
	SANITY_FINE,
	SANITY_DOUBT,  /* do not use this sample */
	SANITY_INSANE, /* forget everything; this sample is a fresh start */
};

/** A good reading to measure progress from. */
struct sanity_anchor {
	bool set;
	gnomon_time local;  /* moved along by our steps */
	gnomon_mono mono;   /* when the reading was seen */
	double adjusted_ns; /* progress since then that our frequency commands account for */
};

struct sanity {
	double limit_ppb; /* 0: everything is fine */
	struct sanity_anchor last;
	struct sanity_anchor before;
	gnomon_mono adjusted; /* our frequency commands are accounted for up to here */
	bool doubted;
	gnomon_mono doubted_at;
};

void sanity_init(struct sanity *s, double limit_ppb);
void sanity_reset(struct sanity *s);

/** Judge a reading; f_ppb is the adjustment in force since the last call. */
enum sanity_verdict sanity_check(struct sanity *s, gnomon_time local, gnomon_mono now,
				 double f_ppb);

/** f_ppb was in force since the last call, and will not be from now on. */
void sanity_adjust(struct sanity *s, gnomon_mono now, double f_ppb);

/** We stepped the clock. */
void sanity_step(struct sanity *s, gnomon_span by);

#endif
