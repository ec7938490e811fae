/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: an indexed binary heap over a fixed number of timers, numbered 0..count-1 by their
 * owner. Arming, disarming and taking the earliest cost O(log count); the earliest is known in
 * O(1). Timers due at the same instant fire in the order of their numbers, so runs repeat.
 */
#ifndef PTP_TIMERS_H
#define PTP_TIMERS_H

#include <stddef.h>

#include <gnomon/time.h>

struct timers {
	gnomon_mono *at;    /* [count], by timer */
	uint32_t *heap;     /* [count], timer numbers */
	uint32_t *position; /* [count], by timer: place in heap, or TIMERS_IDLE */
	uint32_t count;
	uint32_t armed;
};

#define TIMERS_IDLE UINT32_MAX

/* Octets of memory for count timers. */
size_t timers_size(uint32_t count);
/* mem: timers_size(count) octets, aligned for any type. */
void timers_init(struct timers *t, void *mem, uint32_t count);
/* (Re)arm. GNOMON_MONO_NEVER disarms. */
void timers_set(struct timers *t, uint32_t timer, gnomon_mono at);
void timers_cancel(struct timers *t, uint32_t timer);
bool timers_armed(const struct timers *t, uint32_t timer);
/* The earliest instant, GNOMON_MONO_NEVER if none is armed. */
gnomon_mono timers_deadline(const struct timers *t);
/* Take one timer due at or before now off the heap into *timer; false if none is. */
bool timers_pop(struct timers *t, gnomon_mono now, uint32_t *timer);

#endif
