/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Offsets of the system clock handed to a program that keeps it: chronyd by its SOCK reference
 * clock, ntpd (or any reader) by NTP's shared memory. One file per kind.
 */
#ifndef DRIVERS_SINK_H
#define DRIVERS_SINK_H

#include <gnomon/time.h>

#include "drivers/error.h"

/** One measurement. */
struct sink_sample {
	gnomon_time local;  /* the system clock's reading */
	gnomon_span offset; /* the system clock minus the true time */
	double error_ns;    /* of the measurement */
	int leap;           /* at the end of the UTC day: 61, 59 or 0 */
};

struct sink;

struct sink_ops {
	const char *kind; /* "chrony", "shm" */
	/** Hand over a measurement. Returns 0 or -errno; the next call tries again from scratch. */
	int (*send)(struct sink *sink, const struct sink_sample *sample);
	/** Tell the reader that no more comes, and release. NULL ok. */
	void (*destroy)(struct sink *sink);
};

struct sink {
	const struct sink_ops *ops;
	char name[120];
	bool absent; /* nobody was there when it was opened */
};

/**
 * chronyd's "refclock SOCK path", which may go away and come back. Unless await is given, somebody
 * has to listen by now. Returns 0, -ENOENT, -ECONNREFUSED or -errno, in words in *error.
 */
int sink_chrony_open(struct sink **sink, const char *path, bool await, struct driver_error *error);

/** NTP's shared memory segment number segment ("refclock SHM segment"). 0 or -errno, in words. */
int sink_shm_open(struct sink **sink, int segment, struct driver_error *error);

#endif
