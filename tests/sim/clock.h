/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated clock: an oscillator behind the same ops as a PHC or the system clock. It keeps
 * the PTP timescale; what a UTC clock disciplined by it would show is derived from the TAI offset
 * and the leap second it was told, as a kernel does it.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <gnomon/clock.h>

#include "oscillator.h"

struct sim_clock {
	struct gnomon_clock base;
	struct oscillator oscillator;
	const int64_t *now_ps; /* true time */
	int64_t epoch_s;       /* TAI at true time 0 */
	double adjustment_ppb;
	unsigned int steps;    /* how often it was stepped */
	int tai_offset;
	int leap;              /* 61, 59 or 0 */
	int64_t leap_tai_s;    /* TAI second at which the leap second begins, or is left out */
};

#define SIM_CLOCK_MAX_PPB 900000000.0

/* A clock that reads epoch_s + error at true time 0. now_ps is borrowed. */
void sim_clock_init(struct sim_clock *c, const struct oscillator_spec *spec, struct phase error,
		    uint64_t stream, const int64_t *now_ps, int64_t epoch_s);

/* Its reading at at_ps, to 2^-16 ns. Instants must not decrease. */
gnomon_time sim_clock_reading(struct sim_clock *c, int64_t at_ps);

/* Reading minus true time, ns. */
double sim_clock_error_ns(struct sim_clock *c, int64_t at_ps);

/* A label of UTC: seconds as POSIX counts them, and whether this is 23:59:60. */
struct utc_label {
	int64_t sec;
	bool leap;
};

/* What a UTC clock kept by this one shows at at_ps. */
struct utc_label sim_clock_utc(struct sim_clock *c, int64_t at_ps);

/* UTC of a TAI second under an offset and a leap second (61, 59, 0: none) at leap_tai_s. */
struct utc_label utc_from_tai(int64_t tai_s, int tai_offset, int leap, int64_t leap_tai_s);

/* The TAI second of the next leap opportunity after tai_s: the end of the UTC day (61: the second
 * after 23:59:59; 59: the second 23:59:59 itself, which is left out). */
int64_t leap_second_tai(int64_t tai_s, int tai_offset, int leap);

#endif
