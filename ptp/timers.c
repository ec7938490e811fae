/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexed binary heap of timers. The heap is ordered by (instant, timer number): a total order, so
 * what fires when does not depend on how the heap came about.
 */
#include "timers.h"

size_t timers_size(uint32_t count)
{
	return (size_t)count * (sizeof(gnomon_mono) + 2 * sizeof(uint32_t));
}

void timers_init(struct timers *t, void *mem, uint32_t count)
{
	t->at = mem;
	t->heap = (uint32_t *)(t->at + count);
	t->position = t->heap + count;
	t->count = count;
	t->armed = 0;
	for (uint32_t i = 0; i < count; i++) {
		t->at[i] = GNOMON_MONO_NEVER;
		t->position[i] = TIMERS_IDLE;
	}
}

static bool fires_before(const struct timers *t, uint32_t a, uint32_t b)
{
	if (t->at[a].ns != t->at[b].ns) {
		return t->at[a].ns < t->at[b].ns;
	}
	return a < b;
}

static void place(struct timers *t, uint32_t slot, uint32_t timer)
{
	t->heap[slot] = timer;
	t->position[timer] = slot;
}

/* Find timer its place above slot, then below it; one of the two loops does nothing. */
static void sift(struct timers *t, uint32_t slot, uint32_t timer)
{
	while (slot > 0 && fires_before(t, timer, t->heap[(slot - 1) / 2])) {
		place(t, slot, t->heap[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * slot + 1;

		if (child + 1 < t->armed && fires_before(t, t->heap[child + 1], t->heap[child])) {
			child++;
		}
		if (child >= t->armed || !fires_before(t, t->heap[child], timer)) {
			break;
		}
		place(t, slot, t->heap[child]);
		slot = child;
	}
	place(t, slot, timer);
}

void timers_cancel(struct timers *t, uint32_t timer)
{
	uint32_t slot = t->position[timer];
	uint32_t last;

	if (slot == TIMERS_IDLE) {
		return;
	}
	t->position[timer] = TIMERS_IDLE;
	t->at[timer] = GNOMON_MONO_NEVER;
	last = t->heap[--t->armed];
	if (last != timer) {
		sift(t, slot, last);
	}
}

void timers_set(struct timers *t, uint32_t timer, gnomon_mono at)
{
	if (!gnomon_mono_before(at, GNOMON_MONO_NEVER)) {
		timers_cancel(t, timer);
		return;
	}
	t->at[timer] = at;
	if (t->position[timer] == TIMERS_IDLE) {
		t->position[timer] = t->armed++;
	}
	sift(t, t->position[timer], timer);
}

bool timers_armed(const struct timers *t, uint32_t timer)
{
	return t->position[timer] != TIMERS_IDLE;
}

gnomon_mono timers_deadline(const struct timers *t)
{
	return t->armed ? t->at[t->heap[0]] : GNOMON_MONO_NEVER;
}

bool timers_pop(struct timers *t, gnomon_mono now, uint32_t *timer)
{
	uint32_t first;

	if (t->armed == 0 || gnomon_mono_before(now, timers_deadline(t))) {
		return false;
	}
	first = t->heap[0];
	timers_cancel(t, first);
	*timer = first;
	return true;
}
