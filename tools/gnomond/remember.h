/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a daemon learns, for the next one: read before anything is touched, written every half
 * minute and at the end, so that whatever ends it costs the next start nothing.
 */
#ifndef GNOMOND_REMEMBER_H
#define GNOMOND_REMEMBER_H

#include "keeper.h"
#include "state_file.h"

/** Zeroed: there is no state file. */
struct remember {
	const char *path; /* NULL: none */
	struct log *log;
	struct keeper *keeper;
	struct state state;   /* as it was found, then as it was written */
	bool found;
	double age_s;
	struct state_writer writer;
	gnomon_mono next;     /* when to write */
	int told;             /* why it could not be written, as it was logged; 0: it could */
};

/**
 * Look for what an earlier run learnt of the keeper's clock, and give it to the keeper before it is
 * initialised. A file that is of no use is said so in the log, and done without. Returns 0, or
 * -errno with one line in *error: no state can be kept there.
 */
int remember_load(struct remember *r, const struct conf *conf, struct keeper *keeper,
		  struct log *log, struct driver_error *error);

/** The mean path delay of the ports of the file, ns; 0: not known. */
double remember_delay(const struct remember *r);

/** Write, if it is time to. Returns when to call again. */
gnomon_mono remember_expire(struct remember *r, gnomon_mono now);

/** Write for the last time. */
void remember_finish(struct remember *r, gnomon_mono now);

#endif
