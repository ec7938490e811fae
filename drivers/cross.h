/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Cross timestamps: what two clocks read at one instant, and how far that may be off.
 *
 * Methods from best to worst. A driver may offer one and fail at it now and then (PCIe precision
 * time measurement times out; the clocksource changes), so the method is chosen at each call: one
 * that failed is left out for a while, for longer each time it fails again, and never for good.
 */
#ifndef DRIVERS_CROSS_H
#define DRIVERS_CROSS_H

#include <time.h>

#include <gnomon/clock.h>

enum cross_method {
	CROSS_PRECISE,  /* PTP_SYS_OFFSET_PRECISE: the hardware took both at once */
	CROSS_EXTENDED, /* PTP_SYS_OFFSET_EXTENDED: bracketed next to the hardware's register */
	CROSS_BASIC,    /* PTP_SYS_OFFSET: bracketed around the driver's call */
	CROSS_PLAIN,    /* bracketed by readings from here */
};

/** "precise", "extended", "basic", "plain". */
const char *cross_method_name(enum cross_method method);

/** Two readings of one instant: the true one of b is within half_window_ns of b. */
struct cross_stamp {
	gnomon_time a;
	gnomon_time b;
	int64_t half_window_ns; /* 0: taken at once; the clocks' resolution is all there is */
	int64_t window_ns;      /* how long the reading took */
	enum cross_method method;
};

/** What became of a method: leave it out for that many calls. */
struct cross_trial {
	unsigned int failures; /* in a row */
	unsigned int skip;
};

/** A PHC (a) against a clock of the kernel (b). */
struct cross_device {
	clockid_t phc;
	clockid_t system;
	unsigned int samples;
	struct cross_trial trials[CROSS_PLAIN];
};

/**
 * phc: the clockid_t of an open PHC. system: CLOCK_REALTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC
 * or CLOCK_AUX*. samples: readings per call of which the one with the smallest window counts; 0: 5.
 */
void cross_device_init(struct cross_device *device, clockid_t phc, clockid_t system,
		       unsigned int samples);

/** Read both. Returns 0 or the -errno of the last method tried. */
int cross_device_read(struct cross_device *device, struct cross_stamp *stamp);

/**
 * The same with the methods up to last only. Returns 0, the -errno of the last one tried, or
 * -EAGAIN: all of them failed lately and were left out.
 */
int cross_device_try(struct cross_device *device, enum cross_method last,
		     struct cross_stamp *stamp);

/** Any two clocks. */
struct cross {
	struct gnomon_clock *a;
	struct gnomon_clock *b;
	unsigned int samples;
	unsigned int way;             /* how they are brought together */
	struct cross_device devices[2]; /* of the PHCs among them */
};

/** The clocks outlive cross, and are different ones. */
void cross_init(struct cross *cross, struct gnomon_clock *a, struct gnomon_clock *b,
		unsigned int samples);

/** Read both. Returns 0 or -errno; -EAGAIN: every window was spoilt by a step of the clock. */
int cross_read(struct cross *cross, struct cross_stamp *stamp);

/**
 * Bring a fresh stamp that a took into b's time. Returns 0, what cross_read returns, or -ESTALE:
 * older than 10 s, or of the future.
 */
int cross_carry(struct cross *cross, gnomon_time stamp, gnomon_time *local);

#endif
