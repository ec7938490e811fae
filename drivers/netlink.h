/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Link events from rtnetlink: up, down, renamed, removed, another active port of a bond. Where
 * there is no netlink, netlink_open fails with -EINVAL or -EAFNOSUPPORT and the caller polls
 * iface_is_up() instead.
 */
#ifndef DRIVERS_NETLINK_H
#define DRIVERS_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/error.h"

/** The state of one interface; sent for each at the start and on every change. */
struct netlink_event {
	unsigned int index;
	char name[IFNAMSIZ];
	bool removed;               /* gone; name and index say which, the rest is as it last was */
	bool up;                    /* administratively up, running, not dormant */
	bool is_bond;               /* bond: active_port is valid */
	unsigned int active_port;   /* index of a bond's active port, 0: none */
	unsigned int master;        /* index of the bond or bridge it belongs to, 0: none */
	unsigned int lower;         /* index of the device under a VLAN or the like, 0: none */
	uint8_t mac[6];
};

struct netlink;

/** Open and ask for the present state of all interfaces. Needs no privilege. 0 or -errno. */
int netlink_open(struct netlink **netlink, struct driver_error *error);

/** NULL ok. */
void netlink_close(struct netlink *netlink);

/** The descriptor to poll for POLLIN. */
int netlink_fd(const struct netlink *netlink);

/**
 * Take the next event: 1 and *event, 0 when there is none (poll again), -errno when netlink broke.
 * Call it until it returns 0. After an overrun it asks for the state of all interfaces anew.
 */
int netlink_next(struct netlink *netlink, struct netlink_event *event);

struct nlmsghdr;

/** Read one netlink message: 1 and *event if it is about a link, else 0. */
int netlink_parse(const struct nlmsghdr *message, struct netlink_event *event);

#endif
