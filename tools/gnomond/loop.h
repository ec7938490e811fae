/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The main loop: one poll(), one timer armed to the engine's deadline.
 */
#ifndef GNOMOND_LOOP_H
#define GNOMOND_LOOP_H

#include "instance.h"

/** Catch the signals that stop the loop. */
void loop_catch_signals(void);

/** Run until a signal. Returns its number, or -errno. */
int loop_run(struct instance *in);

#endif
