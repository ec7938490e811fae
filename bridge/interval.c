/* SPDX-License-Identifier: BSD-2-Clause */
/* A page's line made ready for quick use. */
#include "bridge/interval.h"

/*
 * A second's units, filling a word: the upper word of its product with a period has the period in
 * units of 2^-(18 + shift).
 */
#define FILLED (INTERVAL_UNITS << 18)
/* By so much the page's shift says too much: moved ticks and 64 bits of product come back by it. */
#define SHIFT (INTERVAL_TICKS - 18)
/* More than this left over would take too much of the factor's precision: see slack. */
#define SHIFT_MAX 12

/*
 * What all the roundings down of start, of the two products and of the factor add up to is less
 * than a unit each: a factor has 51 bits, and the product at most 48. The rate is rounded up.
 */
#define SLACK 5

/* How long the line is used. The loop of interval_at takes as many rounds, and one more. */
#define SECONDS 2

/* TAI - UTC, if no leap second is near that could change it within the hour. */
static int64_t offset_of(const struct gnomon_vmclock *page)
{
	switch (page->leap_indicator) {
	case GNOMON_VMCLOCK_LEAP_NONE:
	case GNOMON_VMCLOCK_LEAP_POST_POS:
	case GNOMON_VMCLOCK_LEAP_POST_NEG:
		return page->flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID && page->tai_offset_sec >= 0
			       ? page->tai_offset_sec
			       : INT64_MIN;
	}
	return INT64_MIN;
}

bool interval_line_of(const struct gnomon_vmclock *page, struct interval_line *line,
		      int64_t *utc_offset)
{
	const struct gnomon_period period = gnomon_vmclock_period(page);
	const unsigned int shift = period.shift - (unsigned int)SHIFT;
	const uint64_t ticks = gnomon_period_ticks(&period, SECONDS * GNOMON_NSEC_PER_SEC);
	const uint64_t rate = page->counter_period_maxerror_rate_frac_sec;
	const uint64_t bound = gnomon_vmclock_bound(page, page->counter_value + ticks);

	if (!(period.frac >> 63) || shift > SHIFT_MAX || ticks >> INTERVAL_TICKS ||
	    bound >= GNOMON_NSEC_PER_SEC / 2 || page->time_sec >> 62 ||
	    page->time_type != GNOMON_VMCLOCK_TAI) {
		return false;
	}
	line->counter = page->counter_value;
	line->ticks = ticks;
	line->factor = wide_high(wide_product(period.frac, FILLED)) >> shift;
	line->rate = (wide_high(wide_product(rate, FILLED)) >> shift) + 1;
	line->start = wide_high(wide_product(page->time_frac_sec, INTERVAL_UNITS));
	line->bound = (page->time_maxerror_nanosec << 16) + SLACK;
	line->sec = page->time_sec;
	*utc_offset = offset_of(page);
	return true;
}

static gnomon_time carried(uint64_t sec, uint64_t units)
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

void interval_carry(const struct interval_raw *raw, gnomon_time *earliest, gnomon_time *latest)
{
	*earliest = carried(raw->sec, raw->low);
	*latest = carried(raw->sec, raw->high);
}
