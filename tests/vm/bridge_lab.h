/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bridge_host and bridge_guest share: a few KiB of memory that is seen from both sides of a
 * virtual machine, the test's own and unknown to the programs under test. Its first page is a
 * mailbox by which the counters of both sides are compared, behind it follow the guest's looks.
 */
#ifndef BRIDGE_LAB_H
#define BRIDGE_LAB_H

#include <stdint.h>
#include <x86intrin.h>

#define LAB_LOOKS 4096 /* where they begin */

struct lab_mailbox {
	_Alignas(64) volatile uint64_t request; /* the host's: the number of a round, from 1 */
	_Alignas(64) volatile uint64_t answer;  /* the guest's: the same number */
	volatile uint64_t counter;		/* the guest's, read between the two */
};

/* What a look was taken through. Those of a PTP device come in the kernel's own words. */
enum lab_kind {
	LAB_PRECISE = 1, /* PTP_SYS_OFFSET_PRECISE */
	LAB_EXTENDED,	 /* PTP_SYS_OFFSET_EXTENDED */
	LAB_GETTIME,	 /* clock_gettime() of the device */
	LAB_LIBRARY,	 /* libgnomon: a TAI interval and a status */
	LAB_REALTIME,	 /* the guest's CLOCK_REALTIME */
	LAB_RAW,	 /* its CLOCK_MONOTONIC_RAW, which is a line over the counter */
	LAB_AUX,	 /* any other clock */
};

struct lab_look {
	uint64_t kind;
	uint64_t before; /* the guest's counter */
	uint64_t after;
	int64_t time_ns; /* since 1970, on that clock's timescale */
	int64_t raw_ns;	 /* CLOCK_MONOTONIC_RAW of the same instant, 0 if it is not told */
	int64_t earliest_ns; /* of the library, and the kernel's word of CLOCK_REALTIME; else 0 */
	int64_t latest_ns;
	int64_t status; /* 0, or a negative errno: there is no time */
	uint64_t reader; /* the library's status */
	uint64_t marker; /* the page's, by the library */
};

/* In the order of the program: nothing before it is still to come, nothing after it has begun. */
static inline uint64_t lab_counter(void)
{
	uint64_t counter;

	_mm_lfence();
	counter = __rdtsc();
	_mm_lfence();
	return counter;
}

#endif
