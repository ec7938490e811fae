/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * ClockBound's shared memory, version 2, which its clients know as /var/run/clockbound/shm0: how
 * far CLOCK_REALTIME may be off, for programs linked with its library. One writer, any number of
 * readers that map the file.
 *
 *     offset  octets
 *     0       8       the words 0x414D5A4E and 0x43420200, in the machine's byte order
 *     8       4       octets of it all: 80
 *     12      2       version: 2
 *     14      2       generation: odd while it is written; 0 if it never was
 *     16      16      as-of, seconds and ns of CLOCK_MONOTONIC_COARSE
 *     32      16      void-after, likewise: nothing is promised beyond
 *     48      8       bound, ns, at as-of
 *     56      8       disruption marker
 *     64      4       how fast the bound grows, ppb
 *     68      4       status
 *     72      1       1: readers compare the marker with that of /dev/vmclock0
 */
#ifndef DRIVERS_SINK_CLOCKBOUND_H
#define DRIVERS_SINK_CLOCKBOUND_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "drivers/error.h"

/** Where ClockBound's clients look if they are not told otherwise. */
#define SINK_CLOCKBOUND_PATH "/var/run/clockbound/shm0"

/** Its values are those of the segment. */
enum sink_clockbound_status {
	SINK_CLOCKBOUND_UNKNOWN = 0,
	SINK_CLOCKBOUND_SYNCHRONIZED = 1,
	SINK_CLOCKBOUND_FREE_RUNNING = 2,
	SINK_CLOCKBOUND_DISRUPTED = 3,
};

/** What is said. */
struct sink_clockbound_state {
	enum sink_clockbound_status status;
	int64_t bound_ns;   /* |CLOCK_REALTIME - UTC| is within it; INT64_MAX: nobody knows, and
			     * the status becomes unknown unless it is disrupted */
	uint32_t drift_ppb; /* the bound grows by that; readers refuse 10^9 */
	uint32_t life_s;    /* from now on; then nothing is promised */
	uint64_t marker;    /* the disruption marker that this is based on */
	bool has_marker;    /* there is a /dev/vmclock0 that has it: clients insist on it then */
};

struct sink_clockbound;

/**
 * Open the segment, or make it and its folder. What is in a segment of version 2 stays until it is
 * first written, so that readers survive a restart; anything else is void from now on. A file that
 * is there has to be a plain one with one name, of root or of who runs us: else -EINVAL, -EMLINK,
 * -EPERM, and nothing is done to it. Returns 0, -EBUSY (another program of ours writes it) or
 * -errno, each in words in *error.
 */
int sink_clockbound_open(struct sink_clockbound **sink, const char *path,
			 struct driver_error *error);

/**
 * Write. begun: CLOCK_MONOTONIC_COARSE before the bound was found out, from
 * sink_clockbound_begin; so a writer that is delayed errs on the safe side.
 */
void sink_clockbound_write(struct sink_clockbound *sink, struct timespec begun,
			   const struct sink_clockbound_state *state);

/** The time to give to sink_clockbound_write. */
struct timespec sink_clockbound_begin(void);

/** Leave it to the readers, who see its bound grow until it is void. NULL ok. */
void sink_clockbound_close(struct sink_clockbound *sink);

#endif
