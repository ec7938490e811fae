/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A clock that is kept by pulses: the discipline, and what it does to the clock.
 */
#ifndef TS2PHC_KEEP_H
#define TS2PHC_KEEP_H

#include <gnomon/servo.h>

#include "drivers/phc_device.h"
#include "drivers/steward.h"
#include "tools/config/config.h"
#include "tools/log/log.h"

struct keep {
	const struct phc_device *device; /* borrowed */
	struct steward steward;
	struct gnomon_discipline *discipline;
	void *memory; /* of the discipline */
	enum gnomon_servo_state state;
	double frequency_ppb; /* in force */
};

/** Zeroed but for this: nothing is kept yet, and keep_finish may be called. */
#define KEEP_NONE { .steward = { .fd = -1 } }

/**
 * Be the clock's steward; steal: though another program is. Returns 0 or -errno with *error;
 * keep_finish is due even then.
 */
int keep_init(struct keep *keep, const struct phc_device *device, const struct conf *conf,
	      bool steal, struct driver_error *error);
void keep_finish(struct keep *keep);

/**
 * The pulse came at a reading of the clock, and was at reference. held: the reference is the
 * clock's own second.
 */
void keep_sample(struct keep *keep, gnomon_time at, gnomon_time reference, bool held,
		 const struct conf *conf, struct log *log, gnomon_mono now);

/** When keep_expire has something to do: end a correction whose pulse did not come. */
gnomon_mono keep_deadline(const struct keep *keep);
void keep_expire(struct keep *keep, struct log *log, gnomon_mono now);

#endif
