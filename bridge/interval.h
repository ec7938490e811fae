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

/* Time in units is start + (moved * factor >> 64) after sec; bound likewise. */
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

/* An instant's bounds, as far as loads are needed. */
struct interval_raw {
	uint64_t sec;
	uint64_t low; /* units after sec: may be negative */
	uint64_t high;
};

/*
 * False: the counter is not within line->ticks of the reference. The line may be written meanwhile,
 * if the caller finds that out by a load after these and then forgets the result.
 */
static inline bool interval_at(const struct interval_line *line, uint64_t counter,
			       struct interval_raw *raw)
{
	const uint64_t ticks = counter - interval_load(&line->counter);
	const uint64_t moved = ticks << (64 - INTERVAL_TICKS);
	uint64_t at, bound;

	if (ticks > interval_load(&line->ticks)) {
		return false;
	}
	at = wide_high(wide_product(moved, interval_load(&line->factor)));
	at += interval_load(&line->start);
	bound = wide_high(wide_product(moved, interval_load(&line->rate)));
	bound += interval_load(&line->bound);
	raw->sec = interval_load(&line->sec);
	raw->low = at - bound;
	raw->high = at + bound;
	return true;
}

/* Units that are negative, or more than a second. */
void interval_carry(const struct interval_raw *raw, gnomon_time *earliest, gnomon_time *latest);

static inline gnomon_time interval_time(uint64_t sec, uint64_t units)
{
	const gnomon_time t = { (int64_t)sec, (uint32_t)(units >> 16), (uint16_t)units };

	return t;
}

static inline void interval_times(struct interval_raw raw, gnomon_time *earliest,
				  gnomon_time *latest)
{
	/* Most often both are within the second of the reference. */
	if (__builtin_expect(raw.low >> 63 || raw.high >= INTERVAL_UNITS, 0)) {
		const struct interval_raw rare = raw;

		interval_carry(&rare, earliest, latest);
		return;
	}
	*earliest = interval_time(raw.sec, raw.low);
	*latest = interval_time(raw.sec, raw.high);
}

#endif
