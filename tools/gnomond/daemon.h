/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * All that runs in one process: the clock that is kept, and what it is kept by.
 *
 * Calls point one way: main -> loop -> actions -> daemon -> instance -> local, port -> stamping ->
 * keeper -> report. Each file includes headers of those behind it only.
 */
#ifndef GNOMOND_DAEMON_H
#define GNOMOND_DAEMON_H

#include "drivers/steward.h"

#include "control.h"
#include "guests.h"
#include "guests_migrate.h"
#include "herald.h"
#include "instance.h"
#include "keeper.h"
#include "local.h"
#include "lookout.h"
#include "reader.h"
#include "remember.h"
#include "syncs.h"

struct daemon {
	const struct conf *conf;
	struct log *log;
	struct keeper keeper;
	struct steward steward;     /* of its clock */
	struct remember remember;   /* what it learnt */
	struct herald herald;       /* what is announced of it */
	struct lookout lookout;
	struct local local;         /* asks the first instance */
	struct control control;     /* who asks us */
	struct instance *instances; /* the first has the file's own ports */
	size_t instance_count;
	struct syncs syncs;         /* other clocks */
	struct guests guests;       /* who reads the time of the kept one */
	struct monitors monitors;   /* of those, what QEMU says */
	struct reader *readers;     /* of sources that are no PTP Instances */
	size_t reader_count;
	bool status_changed; /* a state has, that the service manager is told of */
};

/**
 * Check everything, then open everything. Returns 0, or -errno with one line in *error and nothing
 * changed. conf and log must outlive it, and *d must stay where it is.
 */
int daemon_create(struct daemon *d, const struct conf *conf, struct log *log,
		  struct driver_error *error);

/** Write the pages of guests that are due. Returns when others are. */
gnomon_mono daemon_expire_guests(struct daemon *d, gnomon_mono now);

/** Let the other clocks go on, and tell them of the kept one. Returns when they are due again. */
gnomon_mono daemon_expire_syncs(struct daemon *d, gnomon_mono now);

/** Put back what was changed and release everything. */
void daemon_destroy(struct daemon *d);

#endif
