/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Keeps the clock: samples in, commands of the discipline out to the clock, and what the clock did
 * back to the engine.
 */
#ifndef GNOMOND_KEEPER_H
#define GNOMOND_KEEPER_H

#include <gnomon/clock.h>
#include <gnomon/engine.h>
#include <gnomon/servo.h>

#include "tools/config/config.h"
#include "tools/discipline/handover.h"
#include "tools/timescale/timescale.h"

#include "report.h"

struct keeper {
	/* Set by the owner before keeper_init. */
	const struct conf *conf;
	struct log *log;
	struct gnomon_engine *engine;
	struct gnomon_clock *clock; /* the keeper's from then on */
	struct handover handover;   /* to who keeps it instead; zeroed: nobody; the keeper's too */

	struct gnomon_discipline *discipline;
	void *memory; /* of the discipline */
	struct timescale timescale;
	enum gnomon_servo_state state;
	double frequency_ppb;      /* in force, or needed when free running */
	struct gnomon_sample last; /* for the direction of an insane clock */
	gnomon_mono last_mono;
	gnomon_mono kernel_told;   /* when the kernel was told that it is synchronized */
	double summary_s;          /* of statistics lines */
	double sync_interval_s;
	struct report_stats stats;
	char gm[GNOMON_CLOCK_IDENTITY_STRLEN];
	unsigned int steps_removed;
	int ptp_timescale;         /* of the grandmaster: 1, 0 (arbitrary); -1: it is us */
};

/**
 * Build the discipline for the clock. software_stamps: what the servo has to expect. Returns 0,
 * -EINVAL, -ENOMEM; keeper_finish is due even then.
 */
int keeper_init(struct keeper *k, bool software_stamps);

/** Give the clock back as it was found, as far as that is configured, and release everything. */
void keeper_finish(struct keeper *k);

/** A stamp as local time of the engine; false: the clock cannot use it. */
bool keeper_local(struct keeper *k, enum gnomon_stamp_source source, gnomon_time stamp,
		  gnomon_time *local);

/** Where a sample comes from, for the log. */
struct keeper_origin {
	struct report_port port;
	enum gnomon_port_state state;
};

void keeper_sample(struct keeper *k, const struct keeper_origin *origin,
		   const struct gnomon_sample *sample, gnomon_mono now);

/** Do what is due when samples fail to come; nothing before the discipline's deadline. */
void keeper_expire(struct keeper *k, gnomon_mono now);

void keeper_sync_interval(struct keeper *k, int log_interval);

/** Management asks that the engine's time be this. */
void keeper_set_time(struct keeper *k, gnomon_time time, gnomon_mono now);

/** The engine's time; false: the clock cannot be read. */
bool keeper_time(struct keeper *k, gnomon_time *time);

/** changed: 1 << GNOMON_DATASET_... of the engine. */
void keeper_datasets(struct keeper *k, unsigned int changed, gnomon_mono now);

#endif
