/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A discipline as the configuration wants it for a clock.
 */
#ifndef SYNC_DISCIPLINE_H
#define SYNC_DISCIPLINE_H

#include <gnomon/clock.h>
#include <gnomon/servo.h>

#include "tools/config/config.h"

/**
 * Fill *config from the servo keys of conf, with the clock's limits and the frequency it runs at.
 * Returns 0 or -ENOENT: there is no servo of that name.
 */
int discipline_configure(struct gnomon_discipline_config *config, const struct conf *conf,
			 struct gnomon_clock *clock);

/** Allocate and build one; free() *memory. Returns 0, -EINVAL or -ENOMEM. */
int discipline_create(struct gnomon_discipline **discipline, void **memory,
		      const struct gnomon_discipline_config *config);

#endif
