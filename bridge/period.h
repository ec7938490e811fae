/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files here share about periods. */
#ifndef BRIDGE_PERIOD_H
#define BRIDGE_PERIOD_H

#include <gnomon/vmclock.h>

#include "bridge/wide.h"

/* value * 2^-(64 + shift) / divisor as a period, to nearest. -ERANGE: 1 s and more, too short. */
int period_divide(wide value, unsigned int shift, uint64_t divisor, struct gnomon_period *p);

#endif
