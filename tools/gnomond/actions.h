/* SPDX-License-Identifier: BSD-2-Clause */
/** What the engine wants done, given to whoever does it. */
#ifndef GNOMOND_ACTIONS_H
#define GNOMOND_ACTIONS_H

#include "instance.h"

/** Carry out what the engine wants, until it wants nothing. */
void actions_drain(struct instance *in);

#endif
