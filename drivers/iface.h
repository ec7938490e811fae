/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Network interfaces by the SIOCGIF* requests, which work where netlink is missing.
 */
#ifndef DRIVERS_IFACE_H
#define DRIVERS_IFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <gnomon/msg.h>

#include "drivers/error.h"

struct iface {
	char name[IFNAMSIZ];
	unsigned int index;
	unsigned int flags; /* IFF_* */
	uint8_t mac[6];     /* zero: none, such as on the loopback */
	bool ethernet;      /* ARPHRD_ETHER: mac is an EUI-48 */
};

/**
 * Ask for an interface. Returns 0, -ENODEV (no such interface), -EINVAL (not a possible name) or
 * -errno of socket(), each in words in *error.
 */
int iface_query(const char *name, struct iface *iface, struct driver_error *error);

/** 1: administratively up and running (carrier), 0: not, -errno: cannot tell (-ENODEV: gone). */
int iface_is_up(const char *name);

/** The interface's first IPv4 address. Returns 0, -EADDRNOTAVAIL (has none) or -errno. */
int iface_ipv4(const char *name, struct gnomon_address *address);

/** The interface's link-local, else its first IPv6 address. 0, -EADDRNOTAVAIL or -errno. */
int iface_ipv6(const char *name, struct gnomon_address *address);

/** clockIdentity made of the MAC (7.5.2.2.2: EUI-48 with FF-FE inserted). -EOPNOTSUPP: no MAC. */
int iface_clock_identity(const struct iface *iface, struct gnomon_clock_identity *identity);

/** A clockIdentity made up: locally administered, and another at every call. 0 or -errno. */
int iface_random_identity(struct gnomon_clock_identity *identity);

#endif
