/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A clock that can be disciplined: a PHC, the system clock, a soft clock, or a simulated one.
 * The ops are the contract between whoever decides (a servo's owner) and whoever can do it
 * (drivers, the simulator). Nothing here is implemented by the pure core.
 */
#ifndef GNOMON_CLOCK_H
#define GNOMON_CLOCK_H

#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which clock a timestamp was taken by. */
enum gnomon_stamp_source {
	GNOMON_STAMP_NONE,     /* no timestamp */
	GNOMON_STAMP_SYSTEM,   /* the kernel's CLOCK_REALTIME: software timestamps */
	GNOMON_STAMP_HARDWARE, /* the clock itself, by its network interface */
};

struct gnomon_clock;

/** Every function returns 0 or -errno; outputs are untouched on failure. */
struct gnomon_clock_ops {
	const char *kind; /* "phc", "system", "soft", "sim" */
	/** The clock's reading. */
	int (*read)(struct gnomon_clock *clock, gnomon_time *now);
	/** Run faster (positive) or slower by ppb of nominal. */
	int (*set_frequency)(struct gnomon_clock *clock, double ppb);
	int (*get_frequency)(struct gnomon_clock *clock, double *ppb);
	/** Add by to the clock at once. */
	int (*step)(struct gnomon_clock *clock, gnomon_span by);
	/** Announce a leap second at the end of the UTC day: 61, 59 or 0 for none. NULL: can't. */
	int (*set_leap)(struct gnomon_clock *clock, int leap);
	/** Tell the clock TAI - UTC in seconds. NULL: can't. */
	int (*set_tai_offset)(struct gnomon_clock *clock, int seconds);
	/** Bring a timestamp of that source into this clock's time; -EOPNOTSUPP if it can't. */
	int (*from_stamp)(struct gnomon_clock *clock, enum gnomon_stamp_source source,
			  gnomon_time stamp, gnomon_time *local);
	/** Undo what was changed for the program's lifetime (leap flags), release. NULL ok. */
	void (*destroy)(struct gnomon_clock *clock);
};

/** Embed this first in a clock of your own. */
struct gnomon_clock {
	const struct gnomon_clock_ops *ops;
	const char *name;         /* "/dev/ptp0", "CLOCK_REALTIME", "soft" */
	double max_frequency_ppb; /* what set_frequency accepts */
	bool utc;                 /* keeps UTC, not the PTP timescale (CLOCK_REALTIME) */
};

#ifdef __cplusplus
}
#endif

#endif
