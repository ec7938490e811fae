/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "drivers/clock_private.h"

/* ADJ_FREQUENCY counts 2^-16 parts per million: 65.536 of them are one ppb * 1000. */
#define SCALED_PPM_PER_PPB 65.536

/* A stamp is that much older than its conversion at most, and at most that much newer: clocks are
 * not read at the same instant. */
#define MAX_STAMP_AGE_NS ((int64_t)10 * GNOMON_NSEC_PER_SEC)
#define MAX_STAMP_FUTURE_NS 1000000

gnomon_time clock_time_from_timespec(struct timespec ts)
{
	return (gnomon_time){ ts.tv_sec, (uint32_t)ts.tv_nsec, 0 };
}

long clock_nearest(double value)
{
	const double up = value < 0.0 ? value - 0.5 : value + 0.5;

	if (up >= (double)LONG_MAX) {
		return LONG_MAX;
	}
	return up <= (double)LONG_MIN ? LONG_MIN : (long)up;
}

long clock_scaled_ppm(double ppb)
{
	return clock_nearest(ppb * SCALED_PPM_PER_PPB);
}

double clock_ppb(long scaled_ppm)
{
	return (double)scaled_ppm / SCALED_PPM_PER_PPB;
}

clockid_t clock_id(const struct gnomon_clock *clock)
{
	return ((const struct driver_clock *)clock)->id;
}

int clock_restore(struct gnomon_clock *clock)
{
	const struct driver_clock *driver = (const struct driver_clock *)clock;

	return driver->adjusted ? clock->ops->set_frequency(clock, driver->initial_ppb) : 0;
}

int clock_adjust(clockid_t id, struct timex *tx)
{
	return clock_adjtime(id, tx) < 0 ? -errno : 0;
}

int clock_kernel_read(struct gnomon_clock *clock, gnomon_time *now)
{
	struct timespec ts;

	if (clock_gettime(clock_id(clock), &ts)) {
		return -errno;
	}
	*now = clock_time_from_timespec(ts);
	return 0;
}

int clock_kernel_step(struct gnomon_clock *clock, gnomon_span by)
{
	struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };
	/* To the nearest ns; with ADJ_NANO tv_usec counts ns and is never negative. */
	const int64_t ns = gnomon_sat_add(by.ns, by.frac >= 0x8000);
	int64_t sec = ns / GNOMON_NSEC_PER_SEC;
	int64_t rest = ns % GNOMON_NSEC_PER_SEC;

	if (rest < 0) {
		rest += GNOMON_NSEC_PER_SEC;
		sec--;
	}
	tx.time.tv_sec = (time_t)sec;
	tx.time.tv_usec = (suseconds_t)rest;
	return clock_adjust(clock_id(clock), &tx);
}

int clock_stamp_age(gnomon_time stamp, gnomon_time now, gnomon_span *age)
{
	const gnomon_span passed = gnomon_time_diff(now, stamp);

	if (passed.ns > MAX_STAMP_AGE_NS || passed.ns < -MAX_STAMP_FUTURE_NS) {
		return -ESTALE;
	}
	*age = passed;
	return 0;
}
