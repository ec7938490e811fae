/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * One PTP Instance: an engine and its ports.
 *
 *     wire -> port -> engine -> actions: SEND    -> port -> wire
 *                                        SAMPLE  -> keeper -> discipline -> clock -> engines
 *                                        DATASET -> keeper (UTC offset, leap second)
 *                                        STATE, EVENT -> report
 *
 * A daemon has one of the ports of its file, which management asks, and one more for each of its
 * sources that are PTP domains: these only receive time. All are on the clock that is kept.
 */
#ifndef GNOMOND_INSTANCE_H
#define GNOMOND_INSTANCE_H

#include "keeper.h"
#include "port.h"

struct instance {
	const struct conf *conf;
	struct log *log;
	struct keeper *keeper;
	unsigned int number; /* 0: of the file's own ports */
	int keeper_source;   /* index of the keeper's; -1: its ports receive no time */
	bool receiving;      /* a port did when it was looked at last */
	const char *source;  /* the section it is of; NULL: the file's own ports */
	struct gnomon_engine *engine;
	struct ports ports;
	struct gnomon_clock_identity identity;
	bool identity_made_up; /* the first interface has no address; another at every start */
	double initial_delay_ns; /* as it was known before; 0: it is not */
	void *engine_memory;
};

/** What an instance is made of. All of it outlives the instance, which stays where it is. */
struct instance_setup {
	const struct conf *conf;
	struct log *log;
	struct keeper *keeper;
	struct lookout *lookout;
	unsigned int number; /* of the daemon's instances */
	const char *source;
};

/** Nothing but names. */
void instance_init(struct instance *in, const struct instance_setup *setup);

/**
 * Look for the interfaces, and choose how they stamp: nothing is opened. Returns 0 or -errno with
 * one line in *error.
 */
int instance_choose(struct instance *in, struct driver_error *error);

/** Once the keeper has its clock: build the engine. Returns as above. */
int instance_build(struct instance *in, struct driver_error *error);

/** Open the links, which switches time stamping on. Returns as above. */
int instance_open(struct instance *in, struct driver_error *error);

/** Put back what was changed and release everything. Zeroed memory is ok. */
void instance_finish(struct instance *in);

/** The first port that stamps in hardware; NULL: none does. */
const struct port *instance_hardware_port(const struct instance *in);

/** A port may receive time. */
bool instance_may_receive(const struct instance *in);

/** A port that may receive time stamps in software, which the servo has to expect. */
bool instance_receives_software_stamps(const struct instance *in);

/** A port receives time, or is about to. */
bool instance_receives(const struct instance *in);

#endif
