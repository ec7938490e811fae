/* SPDX-License-Identifier: BSD-2-Clause */
/* A page in the eyes of its reader: what it is worth, and what time it tells within which bound. */
#include <errno.h>
#include <string.h>

#include <gnomon/bridge.h>

#include "bridge/guest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Readers stop where publishers stop to promise. */
_Static_assert(GNOMON_CLOCK_HORIZON_S == (int)GNOMON_BRIDGE_HORIZON_S, "one horizon");

static const char *const status_names[] = {
	[GNOMON_CLOCK_SYNCHRONIZED] = "synchronized",
	[GNOMON_CLOCK_FREERUNNING] = "freerunning",
	[GNOMON_CLOCK_DISRUPTED] = "disrupted",
	[GNOMON_CLOCK_UNRELIABLE] = "unreliable",
	[GNOMON_CLOCK_INITIALIZING] = "initializing",
	[GNOMON_CLOCK_BUSY] = "busy",
	[GNOMON_CLOCK_BEFORE] = "before",
	[GNOMON_CLOCK_STALE] = "stale",
	[GNOMON_CLOCK_COUNTER] = "counter",
	[GNOMON_CLOCK_TIMESCALE] = "timescale",
	[GNOMON_CLOCK_UNBOUNDED] = "unbounded",
	[GNOMON_CLOCK_DAMAGED] = "damaged",
};

const char *gnomon_clock_status_name(enum gnomon_clock_status status)
{
	return (size_t)status < COUNT(status_names) ? status_names[status] : "invalid";
}

int guest_error(enum gnomon_clock_status status)
{
	switch (status) {
	case GNOMON_CLOCK_SYNCHRONIZED:
	case GNOMON_CLOCK_FREERUNNING:
	case GNOMON_CLOCK_DISRUPTED:
		return 0;
	case GNOMON_CLOCK_UNRELIABLE:
	case GNOMON_CLOCK_INITIALIZING:
	case GNOMON_CLOCK_TIMESCALE:
	case GNOMON_CLOCK_UNBOUNDED:
		return -ENODATA;
	case GNOMON_CLOCK_BUSY:
		return -EAGAIN;
	case GNOMON_CLOCK_BEFORE:
	case GNOMON_CLOCK_STALE:
		return -ERANGE;
	case GNOMON_CLOCK_COUNTER:
		return -EOPNOTSUPP;
	case GNOMON_CLOCK_DAMAGED:
		return -EPROTO;
	}
	return -EPROTO;
}

enum gnomon_clock_status guest_failure(int err)
{
	return err == -EAGAIN ? GNOMON_CLOCK_BUSY : GNOMON_CLOCK_DAMAGED;
}

/* What the host says; a status nobody has defined yet is none to rely on. */
static enum gnomon_clock_status host_status(const struct gnomon_vmclock *page)
{
	switch (page->clock_status) {
	case GNOMON_VMCLOCK_SYNCHRONIZED:
		return GNOMON_CLOCK_SYNCHRONIZED;
	case GNOMON_VMCLOCK_FREERUNNING:
		return GNOMON_CLOCK_FREERUNNING;
	case GNOMON_VMCLOCK_UNKNOWN:
	case GNOMON_VMCLOCK_INITIALIZING:
		return GNOMON_CLOCK_INITIALIZING;
	}
	return GNOMON_CLOCK_UNRELIABLE;
}

/* A line that a clock can have. */
static bool line_sane(const struct gnomon_vmclock *page)
{
	return page->counter_period_frac_sec != 0 &&
	       page->counter_period_shift <= GNOMON_PERIOD_SHIFT_MAX && !(page->time_sec >> 62);
}

/* The bound is made for so long after the reference; the same is granted before it. */
static bool beyond_horizon(const struct gnomon_vmclock *page, uint64_t ticks)
{
	const struct gnomon_period period = gnomon_vmclock_period(page);

	return gnomon_period_elapsed(&period, ticks).sec >= GNOMON_CLOCK_HORIZON_S;
}

enum gnomon_clock_status guest_line_status(const struct gnomon_vmclock *page,
					   const struct guest_view *view, uint64_t counter)
{
	const uint64_t delta = counter - page->counter_value;
	const bool before = delta >> 63;
	const enum gnomon_clock_status host = host_status(page);

	if (page->counter_id != view->counter_id) {
		return GNOMON_CLOCK_COUNTER;
	}
	if (!gnomon_clock_usable(host)) {
		return host;
	}
	if (!line_sane(page)) {
		return GNOMON_CLOCK_DAMAGED;
	}
	if (before && !view->stored) {
		return GNOMON_CLOCK_BEFORE;
	}
	if (beyond_horizon(page, before ? 0 - delta : delta)) {
		return GNOMON_CLOCK_STALE;
	}
	return page->disruption_marker != view->acknowledged ? GNOMON_CLOCK_DISRUPTED : host;
}

enum gnomon_clock_status guest_status(const struct gnomon_vmclock *page,
				      const struct guest_view *view, uint64_t counter)
{
	const enum gnomon_clock_status line = guest_line_status(page, view, counter);

	if (!gnomon_clock_usable(line)) {
		return line;
	}
	if (gnomon_vmclock_bound(page, counter) == GNOMON_BOUND_NONE) {
		return GNOMON_CLOCK_UNBOUNDED;
	}
	if (page->time_type != GNOMON_VMCLOCK_TAI && page->time_type != GNOMON_VMCLOCK_UTC) {
		return GNOMON_CLOCK_TIMESCALE;
	}
	return line;
}

/* Whole nanoseconds, rounded down. */
static gnomon_utc_time utc_time(struct gnomon_fine t, uint8_t leap)
{
	const gnomon_time down = gnomon_fine_to_time(t);
	const gnomon_utc_time utc = { down.sec, down.nsec, leap == GNOMON_VMCLOCK_LEAP_POS };

	return utc;
}

void guest_reading(const struct gnomon_vmclock *page, uint64_t counter,
		   struct gnomon_clock_reading *reading)
{
	struct gnomon_vmclock_reading r;
	struct gnomon_fine tai, utc;
	uint8_t leap;

	gnomon_vmclock_at(page, counter, &r);
	reading->counter = counter;
	reading->marker = page->disruption_marker;
	reading->bound_ns = r.bound_ns;
	reading->esterror_ns = r.esterror_ns;
	reading->has_tai = gnomon_vmclock_tai_at(page, &r, &tai) == 0;
	reading->has_utc = gnomon_vmclock_utc_at(page, &r, &utc, &leap) == 0;
	if (reading->has_tai) {
		reading->tai = gnomon_fine_to_time(tai);
	}
	if (reading->has_utc) {
		reading->utc = utc_time(utc, leap);
		reading->leap = leap;
	}
	if (reading->has_tai && reading->has_utc) {
		reading->tai_offset = (int16_t)(tai.sec - utc.sec);
	}
}

static int64_t clamped(uint64_t ns)
{
	return ns < INT64_MAX ? (int64_t)ns : INT64_MAX;
}

void gnomon_clock_interval(const struct gnomon_clock_reading *reading, gnomon_time *earliest,
			   gnomon_time *latest)
{
	const gnomon_span bound = gnomon_span_from_ns(clamped(reading->bound_ns));
	/* The estimate was rounded down by less than that. */
	const gnomon_span above = { bound.ns, 1 };

	*earliest = gnomon_time_sub_span(reading->tai, bound);
	*latest = gnomon_time_add(reading->tai, above);
}

/* The two ends of a reading, still in the page's scale. */
static void ends(const struct gnomon_vmclock *page, uint64_t counter,
		 struct gnomon_vmclock_reading *low, struct gnomon_vmclock_reading *high)
{
	gnomon_vmclock_at(page, counter, low);
	*high = *low;
	low->time = gnomon_fine_add_ns(low->time, -clamped(low->bound_ns));
	/* One more for what was, and will be, rounded down. */
	high->time = gnomon_fine_add_ns(high->time, clamped(high->bound_ns + 1));
}

int guest_interval_tai(const struct gnomon_vmclock *page, uint64_t counter, gnomon_time *earliest,
		       gnomon_time *latest)
{
	struct gnomon_vmclock_reading low, high;
	struct gnomon_fine first, last;

	ends(page, counter, &low, &high);
	if (gnomon_vmclock_tai_at(page, &low, &first) ||
	    gnomon_vmclock_tai_at(page, &high, &last)) {
		return -ENODATA;
	}
	*earliest = gnomon_fine_to_time(first);
	*latest = gnomon_fine_to_time(last);
	return 0;
}

int guest_interval_utc(const struct gnomon_vmclock *page, uint64_t counter,
		       gnomon_utc_time *earliest, gnomon_utc_time *latest)
{
	struct gnomon_vmclock_reading low, high;
	struct gnomon_fine first, last;
	uint8_t first_leap, last_leap;

	ends(page, counter, &low, &high);
	if (gnomon_vmclock_utc_at(page, &low, &first, &first_leap) ||
	    gnomon_vmclock_utc_at(page, &high, &last, &last_leap)) {
		return -ENODATA;
	}
	*earliest = utc_time(first, first_leap);
	*latest = utc_time(last, last_leap);
	return 0;
}
