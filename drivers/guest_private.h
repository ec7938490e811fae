/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the guest reader share. It becomes part of libgnomon: libc and bridge/ only. */
#ifndef DRIVERS_GUEST_PRIVATE_H
#define DRIVERS_GUEST_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

#include "bridge/interval.h"
#include "bridge/page.h"
#include "bridge/words.h"

/*
 * How often a page that is being written is looked at again: with the pause between, some tenths
 * of a millisecond. A host that is not preempted while it writes needs 0.1 us.
 */
#define GUEST_TRIES 4096

#define GUEST_SEGMENTS 64

/* Of now_mono, after a disruption: what to add to the page's ns. Written once, then only read. */
struct guest_segment {
	uint64_t key; /* of the marker; 0: free */
	uint64_t add; /* 0: not known yet */
};

/*
 * The line of the page that has head, made ready. One thread fills it, who put BUSY there; others
 * go the long way meanwhile, and for good if it never comes back. Who has read it looks at head
 * again, here and in the page. All in one cache line.
 */
#define GUEST_NONE UINT64_C(0x0badc10c0badc10c) /* no page has such a version */
#define GUEST_BUSY UINT64_C(0x0badc10c0badb511)

struct guest_ready {
	uint64_t head; /* octets 8 to 15 of the page: version and all, seq_count */
	struct interval_line line;
};

/* What many threads touch is touched with __atomic builtins. */
struct gnomon_guest_clock {
	_Alignas(64) struct guest_ready ready;

	_Alignas(64) const void *page; /* mapped, read-only */
	size_t len;                    /* of the mapping */
	uint64_t acknowledged;
	int64_t utc_offset;    /* belongs to ready; INT64_MIN: look at the page */
	uint64_t ready_marker; /* belongs to ready */
	enum gnomon_clock_kind kind;
	bool rdtscp; /* the processor has that instruction */
	int fd;      /* of a device that notifies; -1 */
	uint64_t told;
	gnomon_clock_disruption_fn disruption_fn;
	void *disruption_context;
	char *path;

	_Alignas(64) uint64_t mono_last; /* the largest ns given out */
	struct guest_segment segments[GUEST_SEGMENTS];
};

#if defined(__x86_64__)
#define GUEST_COUNTER_ID GNOMON_VMCLOCK_COUNTER_X86_TSC
#elif defined(__aarch64__)
#define GUEST_COUNTER_ID GNOMON_VMCLOCK_COUNTER_ARM_VCNT
#else
#define GUEST_COUNTER_ID 0xfe /* no page is about it */
#endif

/*
 * The counter, read after all loads before it; what comes after may begin earlier, by the depth of
 * a pipeline. For the seqcount that is enough: an interrupt, and so a disruption, empties it.
 */
static inline uint64_t guest_counter(void)
{
#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
	uint64_t value;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value) : : "memory");
	return value;
#else
	return 0;
#endif
}

/* The same by one instruction, which waits for those before it: quicker, where it exists. */
static inline uint64_t guest_counter_quick(bool rdtscp)
{
#if defined(__x86_64__)
	uint32_t low, high, processor;

	if (__builtin_expect(rdtscp, 1)) {
		__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(processor) : : "memory");
		return (uint64_t)high << 32 | low;
	}
#endif
	return guest_counter();
}

/* Between two looks at what another processor is writing. */
static inline void guest_relax(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause" : : : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("isb" : : : "memory");
#endif
}

static inline uint64_t guest_acknowledged(const struct gnomon_guest_clock *clock)
{
	return __atomic_load_n(&clock->acknowledged, __ATOMIC_RELAXED);
}

/*
 * The usual case: the page has not changed since its line was made ready, and nothing else matters.
 * The line had been made when its head was loaded, before the counter; if the page has that head
 * after it, it had it all the time, since heads never come back. So this is one look at each.
 * utc_offset and marker may be NULL. The compiler must not make a call of it.
 */
static inline __attribute__((always_inline)) bool
guest_ready(const struct gnomon_guest_clock *clock, struct interval_raw *raw, int64_t *utc_offset,
	    uint64_t *marker)
{
	const uint64_t head = interval_load(&clock->ready.head);

	if (!interval_at(&clock->ready.line, guest_counter_quick(clock->rdtscp), raw)) {
		return false;
	}
	if (utc_offset) {
		*utc_offset = (int64_t)interval_load((const uint64_t *)&clock->utc_offset);
	}
	if (marker) {
		*marker = interval_load(&clock->ready_marker);
	}
	return shared_load64(clock->page, PAGE_VERSION) == head;
}

/* Make the line of a good page ready for the next who asks, unless somebody is at it already. */
void guest_make_ready(const struct gnomon_guest_clock *constant, const struct gnomon_vmclock *page);

/*
 * A consistent page, and with counter not NULL the counter read within it. Returns 0, -EAGAIN, or
 * gnomon_vmclock_read's errors.
 */
int guest_take(const struct gnomon_guest_clock *clock, struct gnomon_vmclock *page,
	       uint64_t *counter);

#endif
