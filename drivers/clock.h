/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Clocks of a Linux machine behind struct gnomon_clock: a PHC, the system clock, and a soft clock
 * that lives in this process only.
 *
 * Creating a clock changes nothing. Destroying it undoes leap flags it set, and leaves the
 * frequency alone unless clock_restore was called before.
 */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include <time.h>

#include <gnomon/clock.h>

#include "drivers/error.h"

/** gnomon_time of a timespec (normalised) and back; the fraction of a ns is rounded off. */
gnomon_time clock_time_from_timespec(struct timespec ts);

/** ADJ_FREQUENCY's unit, 2^-16 ppm, from ppb (rounded, saturating) and back. */
long clock_scaled_ppm(double ppb);
double clock_ppb(long scaled_ppm);

/**
 * Open a PHC by path ("/dev/ptp0"). Reading needs only read access; set_frequency and step need
 * write access and return -EACCES or -EPERM without it. It converts CLOCK_REALTIME stamps as a soft
 * clock does, by a fresh cross timestamp. Returns 0, -ENOENT, -EACCES, -ENODEV (no PTP clock), each
 * in words in *error.
 */
int clock_phc_open(struct gnomon_clock **clock, const char *path, struct driver_error *error);

/** clock_phc_open("/dev/ptp<index>"). */
int clock_phc_open_index(struct gnomon_clock **clock, int index, struct driver_error *error);

/** The clockid_t of a clock of this header; -1: a soft clock has none. */
clockid_t clock_id(const struct gnomon_clock *clock);

/**
 * CLOCK_REALTIME. With adjust, fail early: -EPERM in words in *error if this process may not set
 * it (needs CAP_SYS_TIME).
 */
int clock_system_open(struct gnomon_clock **clock, bool adjust, struct driver_error *error);

/**
 * Tell the kernel that CLOCK_REALTIME is synchronised within max_error_ns (it then also keeps the
 * RTC), or that it is not. Returns 0, -EINVAL (not a system clock) or -errno.
 */
int clock_system_set_synchronized(struct gnomon_clock *clock, bool synchronized,
				  int64_t max_error_ns);

/** The same with a likely error of its own. */
int clock_system_set_errors(struct gnomon_clock *clock, bool synchronized, int64_t max_error_ns,
			    int64_t likely_error_ns);

/** What the kernel tells programs of CLOCK_REALTIME. */
struct clock_system_kernel {
	bool synchronized;
	int64_t max_error_ns;
	int64_t likely_error_ns;
	int tai_offset; /* 0: it does not know */
	int leap;       /* at the end of the day: 61, 59 or 0 */
	double frequency_ppb;
};

int clock_system_kernel(struct clock_system_kernel *kernel);

/** TAI - UTC as the kernel knows it, in seconds. Returns 0, -ENODATA (it does not) or -errno. */
int clock_system_tai_offset(int *seconds);

/** Reads a clock, like clock_gettime; 0 or -errno. */
typedef int clock_gettime_fn(void *context, clockid_t id, struct timespec *ts);

/** A clock that exists only in this process: a line over CLOCK_MONOTONIC_RAW. */
struct clock_soft_config {
	const char *name;           /* NULL: "soft"; copied */
	int tai_offset;             /* s: the clock starts at CLOCK_REALTIME + tai_offset ... */
	gnomon_span initial_offset; /* ... + this */
	double oscillator_ppb;      /* error of its oscillator; set_frequency adds to it */
	double max_frequency_ppb;   /* 0: 900 000 000 */
	clock_gettime_fn *gettime;  /* NULL: clock_gettime(); tests give their own */
	void *context;
};

/**
 * Create a soft clock. It converts CLOCK_REALTIME stamps (GNOMON_STAMP_SYSTEM) by a fresh reading
 * of both clocks; hardware stamps are -EOPNOTSUPP, stamps of the future or older than 10 s are
 * -ESTALE. Returns 0, -EINVAL (config out of range), -ENOMEM or -errno of reading the clocks.
 */
int clock_soft_create(struct gnomon_clock **clock, const struct clock_soft_config *config);

/**
 * What a soft clock reads when CLOCK_MONOTONIC_RAW reads raw. Returns 0, -EINVAL (not a soft
 * clock) or -EOPNOTSUPP (there is no raw clock here, or a test's own).
 */
int clock_soft_at(const struct gnomon_clock *clock, gnomon_time raw, gnomon_time *local);

/**
 * Set back the frequency a clock of this header had when it was opened, if it was ever set. 0 or
 * -errno.
 */
int clock_restore(struct gnomon_clock *clock);

#endif
