/* SPDX-License-Identifier: BSD-2-Clause */
/** Standard input, output and error, which a program may be started without. */
#ifndef DRIVERS_STANDARD_H
#define DRIVERS_STANDARD_H

/**
 * Put /dev/null in place of those that are closed, so that nothing opened later gets their numbers:
 * log lines would go into a socket, and the next command would come from one. To be called first.
 */
void standard_streams_keep(void);

#endif
