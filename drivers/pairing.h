/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Pairs: what a clock read when the host's CPU counter read so much, and how far that may be off.
 *
 * Methods from best to worst; which ones there are depends on the clock. Like drivers/cross.h, the
 * method is chosen at each call: one that failed is left out for a while, for longer each time it
 * fails again, and never for good. The half window of a pair is a bound, not an estimate.
 */
#ifndef DRIVERS_PAIRING_H
#define DRIVERS_PAIRING_H

#include <time.h>

#include <gnomon/bridge.h>
#include <gnomon/clock.h>

#include "drivers/error.h"

enum pairing_method {
	PAIRING_PRECISE,  /* PHC: PTP_SYS_OFFSET_PRECISE, and the raw clock's line */
	PAIRING_EXTENDED, /* PHC: bracketed by the raw clock next to the hardware, and its line */
	PAIRING_REALTIME, /* PHC: bracketed by CLOCK_REALTIME in the kernel, which is paired too */
	PAIRING_KVM,      /* CLOCK_REALTIME: KVM_GET_CLOCK, both of one reading of the counter */
	PAIRING_LINE,     /* soft clock: a line over the raw clock, which is one of the counter */
	PAIRING_BRACKET,  /* any clock: read between two readings of the counter */
};

/** "precise", "extended", "realtime", "kvm", "line", "bracket". */
const char *pairing_method_name(enum pairing_method method);

struct pairing;

/** Zero is a good choice for every member. */
struct pairing_config {
	unsigned int samples;    /* readings per call, of which the tightest counts; 0: 5 */
	unsigned int max_fds;    /* it may hold so many open; 0: 4, which is all it needs */
	const char *kvm;         /* NULL: /dev/kvm; "": leave KVM alone */
	const char *clocksource; /* folder; NULL: COUNTER_SYSFS */
	/* Tests have a counter of their own; NULL: counter_read(). */
	uint64_t (*counter)(void *context);
	void *context;
	double hz; /* its frequency to 1000 ppm; 0: counter_rate() */
};

/**
 * Pairs of clock, which outlives it. Files are opened here and not later, so that privileges can be
 * dropped. What cannot be had costs its method only. config NULL: all zero. Returns 0, -EOPNOTSUPP
 * (there is no counter) or -ENOMEM, in words in *error.
 */
int pairing_create(struct pairing **pairing, struct gnomon_clock *clock,
		   const struct pairing_config *config, struct driver_error *error);

/**
 * A pair of now. Its time is the clock's own: UTC of a clock that keeps that. Returns 0, -EAGAIN
 * (every window was spoilt by a step of a clock) or -errno of reading the clock.
 */
int pairing_read(struct pairing *pairing, struct gnomon_pair *pair);

/** What could not be had because we may not, in words; "": nothing. */
const char *pairing_refused(const struct pairing *pairing);

/** The method of the last pair; PAIRING_BRACKET before there was one. */
enum pairing_method pairing_method(const struct pairing *pairing);

/**
 * Whether the kernel keeps time by the counter now (counter_check_fd): one system call. Where it
 * does not, pairs are still what they say, but the counter may not run evenly. 0 or -EXDEV, -errno.
 */
int pairing_check(const struct pairing *pairing);

/** What is known of the line between CLOCK_MONOTONIC_RAW and the counter, for status and tests. */
struct pairing_line {
	bool known;
	bool exact;         /* the slope is known to be multiplier / 2^shift ns per tick */
	uint32_t multiplier;
	unsigned int shift;
	double half_ns;      /* of a raw time brought to the counter */
	unsigned int refits; /* how often it broke: suspend, another clocksource */
};

void pairing_line(const struct pairing *pairing, struct pairing_line *line);

/** NULL ok. */
void pairing_destroy(struct pairing *pairing);

#endif
