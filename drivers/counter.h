/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The CPU's time counter: the TSC of x86, the generic timer's virtual counter of arm64. It is what
 * guests read without anybody's help, and what a page of bridge/ is written against.
 */
#ifndef DRIVERS_COUNTER_H
#define DRIVERS_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/error.h"

#define COUNTER_SYSFS "/sys/devices/system/clocksource/clocksource0"

/**
 * Read it in program order: everything before has been done, nothing after has begun. So two
 * readings hold what was done between them in their bracket. 0 where there is no such counter.
 */
static inline uint64_t counter_read(void)
{
#if defined(__x86_64__) || defined(__i386__)
	uint32_t low;
	uint32_t high;

	/* LFENCE waits on Intel, and on AMD because Linux makes it. */
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
	uint64_t value;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(value) : : "memory");
	return value;
#else
	return 0;
#endif
}

/** "TSC", "CNTVCT"; NULL: this architecture has no counter that a guest can read. */
const char *counter_name(void);

/** Where its frequency is from. */
enum counter_origin {
	COUNTER_CPUID,      /* x86 leaf 0x15: a ratio to a crystal of known frequency */
	COUNTER_HYPERVISOR, /* x86 leaf 0x40000010: the hypervisor's word, in kHz */
	COUNTER_FIRMWARE,   /* arm64 CNTFRQ_EL0 */
	COUNTER_MEASURED,   /* against CLOCK_MONOTONIC_RAW, that is as the kernel calibrated it */
};

/** Its frequency before anybody has measured it against a good clock. */
struct counter_rate {
	double hz;
	double tolerance_ppb; /* what it may be off, by crystal and calibration together */
	enum counter_origin origin;
};

/** "cpuid", "hypervisor", "firmware", "measured". */
const char *counter_origin_name(enum counter_origin origin);

/** Takes up to 10 ms when it has to measure. Returns 0, or -EOPNOTSUPP: there is no counter. */
int counter_rate(struct counter_rate *rate);

/**
 * Whether the kernel itself keeps time by the counter, by the files in folder (NULL:
 * COUNTER_SYSFS). The kernel watches the counter it uses and leaves one that is unstable, or not
 * the same on all CPUs; so this is how we know that it is neither. Returns 0, -EOPNOTSUPP (there
 * is no counter), -EXDEV (another clocksource is in use) or -errno of reading, each with what to
 * do about it in *error.
 */
int counter_check(const char *folder, struct driver_error *error);

/** counter_check on an open current_clocksource: one read. 0, -EXDEV or -errno. */
int counter_check_fd(int fd);

#endif
