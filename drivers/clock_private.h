/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the clocks that the kernel adjusts (PHC, CLOCK_REALTIME) share.
 */
#ifndef DRIVERS_CLOCK_PRIVATE_H
#define DRIVERS_CLOCK_PRIVATE_H

#include <sys/timex.h>
#include <time.h>

#include "drivers/clock.h"

/** The head of every clock of drivers/clock.h. */
struct driver_clock {
	struct gnomon_clock base;
	clockid_t id;       /* -1: none */
	double initial_ppb; /* the frequency it was found with */
	bool adjusted;      /* it was given another one */
};

/** The nearest whole number, saturating; libm, for which this stands, is large. */
long clock_nearest(double value);

/** clock_adjtime(); 0 or -errno. */
int clock_adjust(clockid_t id, struct timex *tx);

/**
 * How long ago its clock, which reads now, took a stamp. Only a fresh stamp may be carried over to
 * another clock as if both ran alike: 100 us at 100 ppm are 10 ns. Returns 0, or -ESTALE: older
 * than 10 s, or of the future.
 */
int clock_stamp_age(gnomon_time stamp, gnomon_time now, gnomon_span *age);

/** The read and step of gnomon_clock_ops for a struct driver_clock with an id. */
int clock_kernel_read(struct gnomon_clock *clock, gnomon_time *now);
int clock_kernel_step(struct gnomon_clock *clock, gnomon_span by);

#endif
