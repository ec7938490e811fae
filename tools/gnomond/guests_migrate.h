/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Machines that move: what QEMU's monitors say of guests, made into what their pages say.
 *
 * A page is memory of the machine, so it is copied to the other host with all the rest, or into a
 * file. From the first instruction there everything on it is wrong until it is written anew: the
 * counter has another offset, and perhaps another rate. So before the copy it is made to say that
 * it is not to be relied upon; and where a machine starts to run, for whatever reason, the page is
 * made of what is known of its counter then, with a new marker.
 *
 *     here                                             there
 *     MIGRATION setup -> UNRELIABLE, copied ---------> inmigrate: UNRELIABLE, nothing is published
 *     MIGRATION failed, cancelled -> goes on           RESUME -> counter found anew, new marker
 *     STOP -> UNRELIABLE   (saved to a file)           RESUME, and not what we wrote last
 *     RESUME -> counter found anew, new marker           -> and vm_generation_counter
 *     RESET -> counter found anew, new marker
 */
#ifndef GNOMOND_GUESTS_MIGRATE_H
#define GNOMOND_GUESTS_MIGRATE_H

#include <poll.h>

#include "control.h"
#include "guests.h"

struct monitor;

/** Zeroed: there are none. */
struct monitors {
	struct guests *guests;
	struct control *control; /* who wants to hear of it */
	struct monitor **list;
	size_t count;
};

/** Begin with the guests there are. -ENOMEM. */
int monitors_open(struct monitors *m, struct guests *guests, struct control *control);
void monitors_close(struct monitors *m);

/** A guest was attached; one without a monitor is nothing to us. -ENOMEM. */
int monitors_attach(struct monitors *m, const char *name, const char *path, bool patch);

/** ... or is about to be detached. */
void monitors_detach(struct monitors *m, const char *name);

/** Fill fds[m->count]. */
void monitors_poll_fds(const struct monitors *m, struct pollfd *fds);

/** What poll() reported of the first count of them. */
void monitors_ready(struct monitors *m, const struct pollfd *fds, size_t count, gnomon_mono now);

/** Connect, and act on what was said. Returns when it wants to be called again. */
gnomon_mono monitors_expire(struct monitors *m, gnomon_mono now);

#endif
