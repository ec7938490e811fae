/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening clock pages found below other roots than the system's: for tests. */
#ifndef GNOMON_DRIVERS_GUEST_OPEN_H
#define GNOMON_DRIVERS_GUEST_OPEN_H

#include "drivers/guest_find.h"

/* gnomon_clock_open with path NULL, looking where roots says. */
int guest_open_found(struct gnomon_guest_clock **clock, const struct guest_roots *roots);

#endif
