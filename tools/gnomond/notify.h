/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the service manager is told: ready, a status line, alive, stopping.
 */
#ifndef GNOMOND_NOTIFY_H
#define GNOMOND_NOTIFY_H

#include "daemon.h"

struct notify {
	bool listening;      /* somebody wants to know */
	int64_t interval_ns; /* of the watchdog; 0: there is none */
	gnomon_mono next;    /* when to say that we are alive; NEVER */
};

/** Read the environment. */
void notify_init(struct notify *n, gnomon_mono now);

void notify_ready(struct notify *n, const struct daemon *d);

/** "port 1 SLAVE, gm ..., s2" */
void notify_status(struct notify *n, const struct daemon *d);

/** Say that the loop is alive, if it is time to. */
void notify_alive(struct notify *n, gnomon_mono now);

void notify_stopping(struct notify *n);

#endif
