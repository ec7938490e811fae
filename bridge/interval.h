/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * [earliest, latest] from a page, for those who ask a million times a second: no division, no call,
 * one pass over the words. Knows only the plain case; whatever else a page may say is left to
 * gnomon_vmclock_at and who explains it.
 */
#ifndef BRIDGE_INTERVAL_H
#define BRIDGE_INTERVAL_H

#include <gnomon/vmclock.h>

#include "bridge/page.h"
#include "bridge/wide.h"
#include "bridge/words.h"

#define INTERVAL_UNITS (UINT64_C(65536) * GNOMON_NSEC_PER_SEC) /* of 2^-16 ns in a second */
/* The same, filling a word: a period times that has its upper word in 2^-(18 + shift) units. */
#define INTERVAL_FILLED (INTERVAL_UNITS << 18)
/* Ticks are fewer than 2^40, and moved up to fill theirs: the product's upper word again. */
#define INTERVAL_TICKS 40
/* What the page's shift is too much, then. */
#define INTERVAL_SHIFT (INTERVAL_TICKS - 18)

/* Seq even, the rest as in a page of TAI against that counter: what head has to be. */
#define INTERVAL_HEAD_MASK UINT64_C(0x1ffffffff)
#define INTERVAL_HEAD_NEVER UINT64_MAX

/* A page as far as it can be worked out before the counter is known. */
struct interval_line {
	uint64_t head;  /* version, counter_id, time_type; above them seq_count */
	uint64_t flags; /* of the page */
	uint64_t state; /* clock_status, leap and all; uppermost the shift */
	uint64_t counter;
	uint64_t factor; /* units for ticks moved up, once moved down again by shift */
	uint64_t rate;   /* the same of the error */
	uint64_t shift;
	uint64_t start; /* units after sec */
	uint64_t bound; /* units, at the reference */
	uint64_t sec;
};

/* What head has to be in a page that is read this way; NEVER if none is: too small. */
static inline uint64_t interval_head(const struct gnomon_vmclock *page, uint8_t counter_id)
{
	return page->size < GNOMON_VMCLOCK_SIZE
		       ? INTERVAL_HEAD_NEVER
		       : GNOMON_VMCLOCK_VERSION | (uint64_t)counter_id << 16 |
				 (uint64_t)GNOMON_VMCLOCK_TAI << 24;
}

/*
 * Before the counter is read. False if this is no plain page: whole, synchronized, with a bound,
 * undisturbed, its period in normal form and of a counter of 8 MHz or more.
 *
 * The bound is rounded up by what all the roundings down add up to: three units for start, span and
 * growth; one for both factors, each less than ticks * 2^-(18 + shift) < 2^-14 in 4 s.
 */
static inline bool interval_begin(const void *page, uint64_t head, uint64_t marker,
				  struct interval_line *l)
{
	const uint64_t bounded =
		GNOMON_VMCLOCK_TIME_MAXERROR_VALID | GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID;
	uint64_t period, maxerror;

	l->head = shared_load64(page, PAGE_VERSION);
	l->flags = shared_load64(page, PAGE_FLAGS);
	l->state = shared_load64(page, PAGE_FLAGS + 8);
	l->counter = shared_load64(page, PAGE_COUNTER_VALUE);
	l->sec = shared_load64(page, PAGE_TIME_SEC);
	period = shared_load64(page, PAGE_PERIOD);
	maxerror = shared_load64(page, PAGE_TIME_MAXERROR);
	l->factor = wide_high(wide_product(period, INTERVAL_FILLED));
	l->rate = wide_high(
		wide_product(shared_load64(page, PAGE_PERIOD_MAXERROR), INTERVAL_FILLED));
	l->start = wide_high(wide_product(shared_load64(page, PAGE_TIME_FRAC), INTERVAL_UNITS));
	l->bound = (maxerror << 16) + 4;
	l->shift = (l->state >> 56) - INTERVAL_SHIFT;
	return (l->head & INTERVAL_HEAD_MASK) == head &&
	       shared_load64(page, PAGE_DISRUPTION_MARKER) == marker &&
	       (l->flags & bounded) == bounded &&
	       (l->state >> 16 & 0xff) == GNOMON_VMCLOCK_SYNCHRONIZED && period >> 63 &&
	       l->shift <= GNOMON_PERIOD_SHIFT_MAX - INTERVAL_SHIFT &&
	       !(maxerror >> 40 | l->sec >> 62);
}

/* After it. False: it was written meanwhile, and nothing is known. */
static inline bool interval_same(const void *page, const struct interval_line *l)
{
	return shared_load64(page, PAGE_VERSION) == l->head;
}

/* The interval, if the reference is less than 4 s ago and the bound less than a second. */
static inline bool interval_at(const struct interval_line *l, uint64_t counter,
			       gnomon_time *earliest, gnomon_time *latest)
{
	const uint64_t ticks = counter - l->counter;
	const uint64_t moved = ticks << (64 - INTERVAL_TICKS);
	const uint64_t span = wide_high(wide_product(moved, l->factor)) >> (l->shift & 63);
	const uint64_t growth = wide_high(wide_product(moved, l->rate)) >> (l->shift & 63);
	const uint64_t bound = l->bound + growth;
	uint64_t at = l->start + span, low, high;
	int64_t sec = (int64_t)l->sec, high_sec;

	if (ticks >> INTERVAL_TICKS || bound >= INTERVAL_UNITS || at >= 4 * INTERVAL_UNITS) {
		return false;
	}
	while (at >= INTERVAL_UNITS) {
		at -= INTERVAL_UNITS;
		sec++;
	}
	high = at + bound;
	high_sec = sec;
	if (high >= INTERVAL_UNITS) {
		high -= INTERVAL_UNITS;
		high_sec++;
	}
	low = at - bound;
	if (low >> 63) {
		low += INTERVAL_UNITS;
		sec--;
	}
	*earliest = GNOMON_VALUE(gnomon_time){ sec, (uint32_t)(low >> 16), (uint16_t)low };
	*latest = GNOMON_VALUE(gnomon_time){ high_sec, (uint32_t)(high >> 16), (uint16_t)high };
	return true;
}

/* TAI - UTC, if it is told and no leap second is near that could change it within the horizon. */
static inline bool interval_utc_offset(const struct interval_line *l, int64_t *offset)
{
	const unsigned int leap = l->state >> 48 & 0xff;
	const int16_t told = (int16_t)(uint16_t)(l->state >> 32);

	*offset = told;
	return (l->flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID) && told >= 0 &&
	       (leap == GNOMON_VMCLOCK_LEAP_NONE || leap == GNOMON_VMCLOCK_LEAP_POST_POS ||
		leap == GNOMON_VMCLOCK_LEAP_POST_NEG);
}

#endif
