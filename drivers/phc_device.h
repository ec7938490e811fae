/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A kernel clock by the name people give it, and all that can be done to it from outside: a PHC
 * ("/dev/ptp0", "eth0" for the PHC of that interface, or the name its driver gives it),
 * CLOCK_REALTIME, or an auxiliary clock (CLOCK_AUX0 to CLOCK_AUX7). drivers/clock.h has the clock
 * a servo disciplines; this is for tools that are told what to do.
 */
#ifndef DRIVERS_PHC_DEVICE_H
#define DRIVERS_PHC_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <gnomon/clock.h>

#include "drivers/error.h"

struct phc_device {
	struct gnomon_clock *clock; /* NULL: an auxiliary clock */
	clockid_t id;
	int fd;        /* of the character device; -1: a clock of the system */
	int index;     /* N of /dev/ptpN; -1: not known, or a clock of the system */
	char name[64]; /* "/dev/ptp0", "CLOCK_REALTIME" */
};

/**
 * Open the clock of that name; nothing of it is changed. Returns 0; -ENODEV (no clock of that
 * name), -EOPNOTSUPP (an interface without a PHC), -ENOENT, -EACCES or -errno of opening the
 * device; each in words in *error.
 */
int phc_device_open(struct phc_device *device, const char *name, struct driver_error *error);

/** Zeroed memory is a closed device. */
void phc_device_close(struct phc_device *device);

/* Each returns 0 or -errno. */
int phc_device_get(const struct phc_device *device, struct timespec *now);
int phc_device_set(const struct phc_device *device, const struct timespec *to);
int phc_device_step(const struct phc_device *device, int64_t by_ns);
int phc_device_frequency(const struct phc_device *device, double *ppb);
int phc_device_set_frequency(const struct phc_device *device, double ppb);
/** Hand an offset to the clock's own phase control. */
int phc_device_set_phase(const struct phc_device *device, int64_t offset_ns);

#endif
