/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Clocks by the names people have for them.
 */
#ifndef DRIVERS_CLOCK_FIND_H
#define DRIVERS_CLOCK_FIND_H

#include <stdbool.h>

#include "drivers/clock.h"

/** What clock_find cannot see from the name. */
struct clock_find_options {
	bool adjust;                   /* it is to be set: fail early if that is impossible */
	struct clock_soft_config soft; /* for "soft" and "soft:NAME" */
};

/**
 * Open the clock of that name:
 *
 *     CLOCK_REALTIME      the system clock
 *     soft, soft:NAME     a clock in this process
 *     /dev/ptp0           a PHC by its device
 *     eth0                the PHC an interface has its time stamps from
 *     vmclock0            the PHC whose driver calls it so (clock_name), if there is just one
 *
 * in this order. Returns 0; -ENODEV (there is none), -EOPNOTSUPP (the interface has no PHC, or the
 * clock cannot be adjusted), -ENOTUNIQ (several have that name), -EACCES, -EPERM or -errno; each
 * in words in *error.
 */
int clock_find(struct gnomon_clock **clock, const char *name,
	       const struct clock_find_options *options, struct driver_error *error);

/**
 * Whether this process may adjust the clock, without trying. Returns 0, -EOPNOTSUPP (nobody can),
 * -EACCES or -EPERM, in words in *error.
 */
int clock_check_adjustable(const struct gnomon_clock *clock, struct driver_error *error);

/**
 * The index of the PHC that is called name by the clock_name files under folder, which is
 * /sys/class/ptp. Returns -ENODEV if none is and -ENOTUNIQ if several are.
 */
int clock_find_named(const char *folder, const char *name);

/** True if a and b are the same clock of this machine, however they were opened. */
bool clock_same(const struct gnomon_clock *a, const struct gnomon_clock *b);

/** N of /dev/ptpN; -1: no PHC, or a device with another name. */
int clock_phc_index(const struct gnomon_clock *clock);

#endif
