/* SPDX-License-Identifier: BSD-2-Clause */
/* The time from a page: no system call, no lock, nothing remembered. */
#include <errno.h>

#include "bridge/guest.h"
#include "bridge/interval.h"
#include "bridge/page.h"
#include "bridge/words.h"
#include "drivers/guest_private.h"

/* Out of the way of the usual case. */
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

/* By release, as those of a page: who sees them sees that head was BUSY. */
static void store(uint64_t *p, uint64_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

void guest_make_ready(const struct gnomon_guest_clock *constant, const struct gnomon_vmclock *page)
{
	/* It is const for the caller, who sees no difference; what open made is not. */
	struct gnomon_guest_clock *clock = (struct gnomon_guest_clock *)(uintptr_t)constant;
	const uint64_t head = page->version | (uint64_t)page->counter_id << 16 |
			      (uint64_t)page->time_type << 24 | (uint64_t)page->seq_count << 32;
	uint64_t old = interval_load(&clock->ready.head);
	struct interval_line line;
	int64_t utc_offset;

	if (old == head || old == GUEST_BUSY || !interval_line_of(page, &line, &utc_offset) ||
	    !__atomic_compare_exchange_n(&clock->ready.head, &old, GUEST_BUSY, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		return;
	}
	if (shared_load64(clock->page, PAGE_VERSION) != head) {
		store(&clock->ready.head, GUEST_NONE);
		return;
	}
	store(&clock->ready.line.counter, line.counter);
	store(&clock->ready.line.ticks, line.ticks);
	store(&clock->ready.line.factor, line.factor);
	store(&clock->ready.line.rate, line.rate);
	store(&clock->ready.line.start, line.start);
	store(&clock->ready.line.bound, line.bound);
	store(&clock->ready.line.sec, line.sec);
	store((uint64_t *)&clock->utc_offset, (uint64_t)utc_offset);
	store(&clock->ready_marker, page->disruption_marker);
	store(&clock->ready.head, head);
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
	if (found == GNOMON_CLOCK_SYNCHRONIZED) {
		guest_make_ready(clock, &page);
	}
	if (gnomon_clock_usable(found) && guest_interval_tai(&page, counter, earliest, latest)) {
		found = GNOMON_CLOCK_TIMESCALE;
	}
	return finish(found, status);
}

int gnomon_clock_now(const struct gnomon_guest_clock *clock, gnomon_time *earliest,
		     gnomon_time *latest, enum gnomon_clock_status *status)
{
	struct interval_raw raw;

	if (!guest_ready(clock, &raw, NULL, NULL)) {
		return now_slowly(clock, earliest, latest, status);
	}
	interval_times(raw, earliest, latest);
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
	if (found == GNOMON_CLOCK_SYNCHRONIZED) {
		guest_make_ready(clock, &page);
	}
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
	struct interval_raw raw;
	gnomon_time first, last;
	int64_t offset;

	if (!guest_ready(clock, &raw, &offset, NULL) || offset == INT64_MIN) {
		return utc_slowly(clock, earliest, latest, status);
	}
	interval_times(raw, &first, &last);
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

int gnomon_clock_page_at(const struct gnomon_guest_clock *clock, uint64_t counter,
			 struct gnomon_vmclock *page, struct gnomon_clock_reading *reading)
{
	const struct guest_view view = { GUEST_COUNTER_ID, true, guest_acknowledged(clock) };
	struct gnomon_vmclock took;
	const int err = guest_take(clock, &took, NULL);

	if (err) {
		return err;
	}
	(void)complete(&took, counter, guest_status(&took, &view, counter), reading);
	*page = took;
	return 0;
}
