/* SPDX-License-Identifier: BSD-2-Clause */
/** What the agent may do once everything is open: set the clock, and nothing else. */
#ifndef GUEST_PRIVILEGES_H
#define GUEST_PRIVILEGES_H

#include <stdbool.h>

#include "drivers/error.h"

/**
 * Become user ("": stay who we are) and give up all capabilities, but for CAP_SYS_TIME if the clock
 * is to be set; no program started from here gets any. Returns 0 or -errno in words.
 */
int privileges_drop(const char *user, bool set_clock, struct driver_error *error);

#endif
