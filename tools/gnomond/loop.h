/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The main loop: one poll(), one timer armed to the engines' deadline.
 */
#ifndef GNOMOND_LOOP_H
#define GNOMOND_LOOP_H

#include "daemon.h"

/** Catch the signals that stop the loop. */
void loop_catch_signals(void);

/** Run until a signal. Returns its number, or -errno. */
int loop_run(struct daemon *d);

#endif
