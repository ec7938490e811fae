/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Pulses of a PPS device (/dev/ppsN), time-stamped by the kernel with CLOCK_REALTIME.
 */
#ifndef DRIVERS_PPS_H
#define DRIVERS_PPS_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/time.h>

#include "drivers/error.h"

/** Open a PPS device. Returns the descriptor or -errno, in words in *error. */
int pps_open(const char *path, struct driver_error *error);

/** A pulse, and its number: it grows with each. */
struct pps_pulse {
	uint32_t number;
	gnomon_time at;
};

/**
 * The latest rising edge, without waiting for another: -EAGAIN if there was none yet. 0 or -errno.
 */
int pps_read(int fd, struct pps_pulse *pulse);

/** Have a PHC, by its descriptor, call the kernel at each of its seconds. Returns 0 or -errno. */
int pps_enable(int phc_fd, bool on);

#endif
