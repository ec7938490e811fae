/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Which interfaces are up, and which of them stamp for which: link events where netlink is
 * available, questions once a second where it is not.
 */
#ifndef GNOMOND_LOOKOUT_H
#define GNOMOND_LOOKOUT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "drivers/netlink.h"

struct lookout {
	struct netlink *netlink; /* NULL: there is none */
	struct netlink_event *known;
	size_t count;
};

/** Learn of the interfaces there are. Never fails: without netlink it can tell less. */
void lookout_init(struct lookout *l);
void lookout_finish(struct lookout *l);

/** The descriptor to poll for POLLIN, -1 without netlink. */
int lookout_fd(const struct lookout *l);

/** Take in what changed. True: something did; ask again about the interfaces of interest. */
bool lookout_update(struct lookout *l);

/** The index of the interface of that name now, 0 if there is none. */
unsigned int lookout_index(const struct lookout *l, const char *name);

/** True if the interface of that index is still there, whatever its name is now. */
bool lookout_exists(const struct lookout *l, unsigned int index, const char *name);

/** Up and running. name: for where there is no netlink. */
bool lookout_is_up(const struct lookout *l, unsigned int index, const char *name);

/**
 * The interface that stamps packets for the one of that index: the active port of a bond, the
 * device under a VLAN, else itself by its present name, or name if it is not known. Empty: a bond
 * without an active port.
 */
void lookout_stamping(const struct lookout *l, unsigned int index, const char *name,
		      char stamping[IFNAMSIZ]);

#endif
