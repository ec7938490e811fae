/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A discipline as the configuration wants it for a clock: for every program that keeps one.
 */
#ifndef DISCIPLINE_DISCIPLINE_H
#define DISCIPLINE_DISCIPLINE_H

#include <gnomon/clock.h>
#include <gnomon/servo.h>

#include "tools/config/config.h"

/**
 * Fill *config from the servo keys of conf, with the clock's limits and the frequency it runs at
 * (0 if it cannot say). What only the caller knows, it sets afterwards: software_timestamps,
 * delay_memory_s. Returns 0 or -ENOENT: there is no servo of that name; all else is filled in.
 */
int discipline_configure(struct gnomon_discipline_config *config, const struct conf *conf,
			 struct gnomon_clock *clock);

/**
 * Allocate and build one; free() *memory after its last use. Returns 0, -EINVAL (such a clock
 * cannot be disciplined, or a value is out of range) or -ENOMEM.
 */
int discipline_create(struct gnomon_discipline **discipline, void **memory,
		      const struct gnomon_discipline_config *config);

#endif
