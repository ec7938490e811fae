/* SPDX-License-Identifier: BSD-2-Clause */
/** What the engines want done, given to whoever does it. */
#ifndef GNOMOND_ACTIONS_H
#define GNOMOND_ACTIONS_H

#include "daemon.h"

/** Carry out what the engines want, until none wants anything. */
void actions_drain(struct daemon *d);

#endif
