/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Does the clock advance as the monotonic clock and our own commands say it should? If not,
 * somebody else adjusts it, it is broken, or the machine was suspended.
 *
 * A clock reading is checked some time after it was taken, so a stalled process looks like a slow
 * clock for a moment. Two readings at least SANITY_INTERVAL apart must therefore agree before
 * the clock is accused; in between the samples are in doubt.
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

struct sanity {
	double limit_ppb; /* 0: everything is fine */
	bool started;
	gnomon_time local; /* the last good reading, moved along by our steps */
	gnomon_mono mono;  /* and when it was seen */
	double adjusted_ns;   /* progress since then that our frequency commands account for */
	gnomon_mono adjusted; /* up to here */
	bool doubted;
	gnomon_mono doubted_at;
};

void sanity_init(struct sanity *s, double limit_ppb);
void sanity_reset(struct sanity *s);

/** Judge a reading; f_ppb is the adjustment in force since the last call. */
enum sanity_verdict sanity_check(struct sanity *s, gnomon_time local, gnomon_mono now,
				 double f_ppb);

/** We stepped the clock. */
void sanity_step(struct sanity *s, gnomon_span by);

#endif
