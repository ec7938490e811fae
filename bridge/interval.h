/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * [earliest, latest] from a page, for those who ask a million times a second: a page's line in the
 * form in which one product gives the time and another the bound. Made once for each page, and only
 * of plain ones; whatever else a page may say is left to gnomon_vmclock_at and who explains it.
 */
#ifndef BRIDGE_INTERVAL_H
#define BRIDGE_INTERVAL_H

#include <gnomon/vmclock.h>

#include "bridge/wide.h"

#define INTERVAL_UNITS (UINT64_C(65536) * GNOMON_NSEC_PER_SEC) /* of 2^-16 ns in a second */
/* Ticks are fewer than 2^40, and moved up to fill a word: the product's upper word is in units. */
#define INTERVAL_TICKS 40

/* Time in units is start + (moved * factor >> 64) after sec; bound likewise. No member is 0. */
struct interval_line {
	uint64_t counter; /* of the reference */
	uint64_t ticks;   /* after it, for which all this is made: about 2 s */
	uint64_t factor;
	uint64_t rate;
	uint64_t start; /* units: less than a second */
	uint64_t bound; /* units: less than a second until ticks are over */
	uint64_t sec;
};

/*
 * The line of a page that is whole, of TAI, synchronized and bounded. False if it has no such form:
 * the period is not in normal form, or of a counter not between 8 MHz and 16 GHz; or the bound is
 * too large. *utc_offset: TAI - UTC, or INT64_MIN if it is not told, or may change soon.
 */
bool interval_line_of(const struct gnomon_vmclock *page, struct interval_line *line,
		      int64_t *utc_offset);

static inline uint64_t interval_load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline gnomon_time interval_time(uint64_t sec, uint64_t units)
{
	const gnomon_time t = { (int64_t)sec, (uint32_t)(units >> 16), (uint16_t)units };

	return t;
}

/* The same of units that are negative, or more than a second. */
static inline gnomon_time interval_carried(uint64_t sec, uint64_t units)
{
	if (units >> 63) {
		units += INTERVAL_UNITS;
		sec--;
	}
	while (units >= INTERVAL_UNITS) {
		units -= INTERVAL_UNITS;
		sec++;
	}
	return interval_time(sec, units);
}

/*
 * False: the counter is not within line->ticks of the reference. The line may be written meanwhile,
 * if the caller finds that out by a load after these and then forgets the result.
 */
static inline __attribute__((always_inline)) bool
interval_at(const struct interval_line *line, uint64_t counter, gnomon_time *earliest,
	    gnomon_time *latest)
{
	const uint64_t ticks = counter - interval_load(&line->counter);
	const uint64_t moved = ticks << (64 - INTERVAL_TICKS);
	uint64_t at, bound, sec;

	if (ticks > interval_load(&line->ticks)) {
		return false;
	}
	at = wide_high(wide_product(moved, interval_load(&line->factor)));
	at += interval_load(&line->start);
	bound = wide_high(wide_product(moved, interval_load(&line->rate)));
	bound += interval_load(&line->bound);
	sec = interval_load(&line->sec);
	/* Most often both are within the second of the reference. */
	if (__builtin_expect((at - bound) >> 63 || at + bound >= INTERVAL_UNITS, 0)) {
		*earliest = interval_carried(sec, at - bound);
		*latest = interval_carried(sec, at + bound);
		return true;
	}
	*earliest = interval_time(sec, at - bound);
	*latest = interval_time(sec, at + bound);
	return true;
}

#endif
