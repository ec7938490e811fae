/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reader of a page makes of it: the pure part of include/gnomon/guest.h. */
#ifndef BRIDGE_GUEST_H
#define BRIDGE_GUEST_H

#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

/* What the reader's processor counts by, and what its program has dealt with. */
struct guest_view {
	uint8_t counter_id;    /* enum gnomon_vmclock_counter */
	bool stored;           /* the counter value is not of now: it may be from before */
	uint64_t acknowledged; /* disruption marker */
};

/* Whether the page's line means something at that counter value; whether there is a bound aside. */
enum gnomon_clock_status guest_line_status(const struct gnomon_vmclock *page,
					   const struct guest_view *view, uint64_t counter);

/* The whole of it: never TIMESCALE unless neither TAI nor UTC can be known. */
enum gnomon_clock_status guest_status(const struct gnomon_vmclock *page,
				      const struct guest_view *view, uint64_t counter);

/* What a page that could not be read means: of gnomon_vmclock_read's errors. */
enum gnomon_clock_status guest_failure(int err);

/* 0, or the error of a status that has no time. */
int guest_error(enum gnomon_clock_status status);

/* All members but status, of a page whose status is usable. */
void guest_reading(const struct gnomon_vmclock *page, uint64_t counter,
		   struct gnomon_clock_reading *reading);

/* The interval in TAI or UTC; -ENODATA: not this scale. */
int guest_interval_tai(const struct gnomon_vmclock *page, uint64_t counter, gnomon_time *earliest,
		       gnomon_time *latest);
int guest_interval_utc(const struct gnomon_vmclock *page, uint64_t counter,
		       gnomon_utc_time *earliest, gnomon_utc_time *latest);

#endif
