/* SPDX-License-Identifier: BSD-2-Clause */
/* The time from a page: no system call, no lock, nothing remembered. */
#include <errno.h>

#include "bridge/guest.h"
#include "bridge/interval.h"
#include "drivers/guest_private.h"

/* The compiler would rather keep the frame of the rare case in the path of the usual one. */
#define INLINE static inline __attribute__((always_inline))
#define RARELY static __attribute__((noinline, cold))

uint64_t gnomon_clock_counter(void)
{
	return guest_counter();
}

int guest_take(const struct gnomon_guest_clock *clock, struct gnomon_vmclock *page,
	       uint64_t *counter)
{
	for (unsigned int i = 0; i < GUEST_TRIES; i++) {
		const uint32_t seq = gnomon_vmclock_read_begin(clock->page);
		int err = -EAGAIN;

		if (!(seq & 1)) {
			if (counter) {
				*counter = guest_counter();
			}
			err = gnomon_vmclock_read(clock->page, clock->len, 1, page);
		}
		if (err != -EAGAIN && (err || page->seq_count == seq)) {
			return err;
		}
		guest_relax();
	}
	return -EAGAIN;
}

/* The plain case: one look at the page, and neither status nor scale need a word. */
INLINE bool plain_interval(const struct gnomon_guest_clock *clock, struct interval_line *l,
			   gnomon_time *earliest, gnomon_time *latest)
{
	uint64_t counter;

	if (!interval_begin(clock->page, clock->head, guest_acknowledged(clock), l)) {
		return false;
	}
	counter = guest_counter();
	return interval_same(clock->page, l) && interval_at(l, counter, earliest, latest);
}

/* The page and what it is worth: at *counter, which is read here unless view says stored. */
static enum gnomon_clock_status look(const struct gnomon_guest_clock *clock, bool stored,
				     struct gnomon_vmclock *page, uint64_t *counter)
{
	const struct guest_view view = { GUEST_COUNTER_ID, stored, guest_acknowledged(clock) };
	const int err = guest_take(clock, page, stored ? NULL : counter);

	return err ? guest_failure(err) : guest_status(page, &view, *counter);
}

static int finish(enum gnomon_clock_status found, enum gnomon_clock_status *status)
{
	if (status) {
		*status = found;
	}
	return guest_error(found);
}

RARELY int now_slowly(const struct gnomon_guest_clock *clock, gnomon_time *earliest,
		      gnomon_time *latest, enum gnomon_clock_status *status)
{
	struct gnomon_vmclock page;
	enum gnomon_clock_status found;
	uint64_t counter;

	found = look(clock, false, &page, &counter);
	if (gnomon_clock_usable(found) && guest_interval_tai(&page, counter, earliest, latest)) {
		found = GNOMON_CLOCK_TIMESCALE;
	}
	return finish(found, status);
}

int gnomon_clock_now(const struct gnomon_guest_clock *clock, gnomon_time *earliest,
		     gnomon_time *latest, enum gnomon_clock_status *status)
{
	struct interval_line line;

	if (!plain_interval(clock, &line, earliest, latest)) {
		return now_slowly(clock, earliest, latest, status);
	}
	if (status) {
		*status = GNOMON_CLOCK_SYNCHRONIZED;
	}
	return 0;
}

RARELY int utc_slowly(const struct gnomon_guest_clock *clock, gnomon_utc_time *earliest,
		      gnomon_utc_time *latest, enum gnomon_clock_status *status)
{
	struct gnomon_vmclock page;
	enum gnomon_clock_status found;
	uint64_t counter;

	found = look(clock, false, &page, &counter);
	if (gnomon_clock_usable(found) && guest_interval_utc(&page, counter, earliest, latest)) {
		found = GNOMON_CLOCK_TIMESCALE;
	}
	return finish(found, status);
}

/* In whole ns: up if up, else down. Seconds first, so that a full second carries. */
static gnomon_utc_time utc_of(gnomon_time t, int64_t offset, bool up)
{
	const bool more = up && t.frac > 0;
	const bool carry = more && t.nsec == GNOMON_NSEC_PER_SEC - 1;
	const gnomon_utc_time utc = { t.sec - offset + carry, carry ? 0 : t.nsec + more, false };

	return utc;
}

int gnomon_clock_now_utc(const struct gnomon_guest_clock *clock, gnomon_utc_time *earliest,
			 gnomon_utc_time *latest, enum gnomon_clock_status *status)
{
	struct interval_line line;
	gnomon_time first, last;
	int64_t offset;

	if (!plain_interval(clock, &line, &first, &last) || !interval_utc_offset(&line, &offset)) {
		return utc_slowly(clock, earliest, latest, status);
	}
	*earliest = utc_of(first, offset, false);
	*latest = utc_of(last, offset, true);
	if (status) {
		*status = GNOMON_CLOCK_SYNCHRONIZED;
	}
	return 0;
}

/* A reading of the page at a counter value that look has found good, or not. */
static int complete(const struct gnomon_vmclock *page, uint64_t counter,
		    enum gnomon_clock_status found, struct gnomon_clock_reading *reading)
{
	struct gnomon_clock_reading made = { .status = found };

	if (gnomon_clock_usable(found)) {
		guest_reading(page, counter, &made);
		*reading = made;
	}
	return finish(found, &reading->status);
}

int gnomon_clock_read(const struct gnomon_guest_clock *clock, struct gnomon_clock_reading *reading)
{
	struct gnomon_vmclock page;
	uint64_t counter;
	const enum gnomon_clock_status found = look(clock, false, &page, &counter);

	return complete(&page, counter, found, reading);
}

int gnomon_clock_at(const struct gnomon_guest_clock *clock, uint64_t counter,
		    struct gnomon_clock_reading *reading)
{
	struct gnomon_vmclock page;
	const enum gnomon_clock_status found = look(clock, true, &page, &counter);

	return complete(&page, counter, found, reading);
}
