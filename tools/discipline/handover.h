/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * clock_servo ntpshm and refclock_sock: offsets of the system clock go to a program that keeps it,
 * and nothing is steered here.
 */
#ifndef DISCIPLINE_HANDOVER_H
#define DISCIPLINE_HANDOVER_H

#include <stdbool.h>

#include "drivers/sink.h"
#include "tools/config/config.h"

/** Zeroed: nothing is handed over. */
struct handover {
	struct sink *out;
	unsigned int failures; /* in a row */
};

/** Whether the configuration asks for it. */
bool handover_is_wanted(const struct conf *conf);

/**
 * Open what clock_servo names. chronyd may start at the same time: its socket is waited for, a
 * second at most. Returns 0 or -errno with *error.
 */
int handover_open(struct sink **out, const struct conf *conf, struct driver_error *error);

/**
 * Hand over a measurement. Returns 0, or -errno the first time it fails and then ever more rarely:
 * it is worth a line in the log.
 */
int handover_send(struct handover *handover, const struct sink_sample *sample);

/** Tell the reader that no more comes. */
void handover_close(struct handover *handover);

#endif
