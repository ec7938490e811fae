/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Signals that end a program: they are remembered, and what waits returns with EINTR.
 */
#ifndef CLI_STOP_H
#define CLI_STOP_H

/** From now on: SIGTERM, SIGINT, SIGQUIT and SIGHUP. */
void stop_catch(void);

/** The signal that has come; 0: none. */
int stop_signal(void);

#endif
