/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * One PTP Instance: an engine, its ports, and the keeper of its clock.
 *
 *     wire -> port -> engine -> actions: SEND    -> port -> wire
 *                                        SAMPLE  -> keeper -> discipline -> clock -> engine
 *                                        DATASET -> keeper (UTC offset, leap second)
 *                                        STATE, EVENT -> report
 *
 * Calls point one way: main -> loop -> actions -> instance -> local, port -> stamping ->
 * keeper -> report. Each file includes headers of those behind it only.
 */
#ifndef GNOMOND_INSTANCE_H
#define GNOMOND_INSTANCE_H

#include "keeper.h"
#include "local.h"
#include "port.h"

struct instance {
	const struct conf *conf;
	struct log *log;
	struct gnomon_engine *engine;
	struct keeper keeper;
	struct ports ports;
	struct local local;
	struct gnomon_clock_identity identity;
	bool identity_made_up; /* the first interface has no address; another at every start */
	bool status_changed; /* a state has, that the service manager is told of */
	void *engine_memory;
};

/**
 * Check everything, then open everything. Returns 0, or -errno with one line in *error and nothing
 * changed. conf and log must outlive it, and *in must stay where it is.
 */
int instance_create(struct instance *in, const struct conf *conf, struct log *log,
		    struct driver_error *error);

/** Put back what was changed and release everything. */
void instance_destroy(struct instance *in);

#endif
