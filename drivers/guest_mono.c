/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A monotonic time from a page that may be disrupted. What has to be remembered is one number for
 * each disruption and the largest value given out; both are settled by compare-and-swap, so that a
 * thread that is stopped in the middle, by its own signal handler say, holds up nobody.
 */
#include <errno.h>

#include "bridge/guest.h"
#include "drivers/guest_private.h"

/* Tells a marker of any value, 0 too, from a free segment. */
#define KEY UINT64_C(0x9e3779b97f4a7c15)
/* Retries of a compare-and-swap that others won: each time time went on without us. */
#define RACES 16

static uint64_t load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Put value where nothing was. What is there afterwards, by whomever. */
static uint64_t settle(uint64_t *p, uint64_t value)
{
	uint64_t there = 0;

	return __atomic_compare_exchange_n(p, &there, value, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE)
		       ? value
		       : there;
}

/* The marker's segment; the last of all if there were too many. */
static struct guest_segment *segment_of(struct gnomon_guest_clock *clock, uint64_t marker)
{
	const uint64_t key = marker == KEY ? KEY : marker ^ KEY;

	for (unsigned int i = 0; i < GUEST_SEGMENTS; i++) {
		struct guest_segment *s = &clock->segments[i];
		uint64_t there = load(&s->key);

		if (there == 0) {
			there = settle(&s->key, key);
		}
		if (there == key) {
			return s;
		}
	}
	return &clock->segments[GUEST_SEGMENTS - 1];
}

/* Never less than before. */
static uint64_t latest_of(uint64_t *last, uint64_t ns)
{
	uint64_t seen = load(last);

	for (unsigned int i = 0; i < RACES && (int64_t)(ns - seen) > 0; i++) {
		if (__atomic_compare_exchange_n(last, &seen, ns, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE)) {
			return ns;
		}
	}
	return seen;
}

/* Of an instant, modulo 2^64: only differences matter. */
static uint64_t ns_of(const struct gnomon_vmclock *page, uint64_t counter)
{
	struct gnomon_vmclock_reading r;
	struct gnomon_fine t;
	gnomon_time down;

	gnomon_vmclock_at(page, counter, &r);
	/* Pages in UTC step at leap seconds; TAI, if they tell it, does not. */
	if (gnomon_vmclock_tai_at(page, &r, &t)) {
		t = r.time;
	}
	down = gnomon_fine_to_time(t);
	return (uint64_t)down.sec * GNOMON_NSEC_PER_SEC + down.nsec;
}

/* Any page whose line means something. */
static enum gnomon_clock_status look(const struct gnomon_guest_clock *clock, uint64_t *ns,
				     uint64_t *marker)
{
	const struct guest_view view = { GUEST_COUNTER_ID, false, guest_acknowledged(clock) };
	enum gnomon_clock_status found;
	struct gnomon_vmclock page;
	uint64_t counter;
	const int err = guest_take(clock, &page, &counter);

	found = err ? guest_failure(err) : guest_line_status(&page, &view, counter);
	if (!gnomon_clock_usable(found)) {
		return found;
	}
	if (guest_status(&page, &view, counter) == GNOMON_CLOCK_SYNCHRONIZED) {
		guest_make_ready(clock, &page);
	}
	*ns = ns_of(&page, counter);
	*marker = page.disruption_marker;
	return found;
}

int gnomon_clock_now_mono(struct gnomon_guest_clock *clock, gnomon_mono *now,
			  enum gnomon_clock_status *status)
{
	enum gnomon_clock_status found = GNOMON_CLOCK_SYNCHRONIZED;
	uint64_t ns = 0, marker = 0, add;
	struct interval_raw raw;
	struct guest_segment *s;

	if (guest_ready(clock, &raw, NULL, &marker)) {
		/* The middle, which may be before sec. */
		ns = (uint64_t)((int64_t)(raw.low + (raw.high - raw.low) / 2) >> 16);
		ns += raw.sec * GNOMON_NSEC_PER_SEC;
	} else {
		found = look(clock, &ns, &marker);
	}
	if (status) {
		*status = found;
	}
	if (!gnomon_clock_usable(found)) {
		return guest_error(found);
	}
	s = segment_of(clock, marker);
	add = load(&s->add);
	if (add == 0) {
		/* Go on where we were; 0 means not known, and one ns is none to see. */
		add = load(&clock->mono_last) - ns;
		add = settle(&s->add, add ? add : 1);
	}
	now->ns = (int64_t)latest_of(&clock->mono_last, ns + add);
	return 0;
}
