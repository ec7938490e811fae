/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What differs between the transports; the rest is link.c. A new transport is one file with one
 * of these and one row in link.c.
 */
#ifndef DRIVERS_LINK_FAMILY_H
#define DRIVERS_LINK_FAMILY_H

#include "drivers/link.h"

/** How a family's sockets are opened. */
struct link_setup {
	const struct link_config *config; /* addresses final: udp6_scope is applied */
	unsigned int ifindex;
	enum link_socket which;
	struct driver_error *error;
};

struct link_family {
	enum gnomon_network_protocol protocol;
	const char *name;
	const char *primary; /* default destinations, as text */
	const char *peer;
	bool needs_ethernet;
	size_t trailer;      /* zero octets sent after each message, at most 2 */
	/* Control data that keeps one message on the link (TTL 1); option 0: none needed. */
	int ttl_level;
	int ttl_option;
	/** Open, bind and join. Returns the descriptor or -errno with *setup->error. */
	int (*open)(const struct link_setup *setup);
	/** The local protocol address; 0 or -errno. */
	int (*local)(const char *interface, struct gnomon_address *address);
};

extern const struct link_family link_family_udp4;
extern const struct link_family link_family_udp6;
extern const struct link_family link_family_l2;

/** "<interface>: cannot <what>: <why>" of a setup step; closes fd and returns code. */
int link_setup_fail(const struct link_setup *setup, int fd, int code, const char *what);

/** What differs between UDP over IPv4 and over IPv6. */
struct link_udp {
	int (*set_options)(const struct link_setup *setup, int fd);
	/** Join a multicast group. */
	int (*join)(int fd, const struct gnomon_address *group, unsigned int ifindex);
	/** What "cannot" is said of when they fail. */
	const char *setting_options;
	const char *joining;
};

/**
 * A UDP socket bound to the interface and to the setup's port at the given wildcard address, in
 * the groups of the setup's destinations. Returns the descriptor or -errno with *setup->error.
 */
int link_open_udp(const struct link_setup *setup, const struct link_udp *udp,
		  const struct sockaddr *wildcard, socklen_t len);

/** The setup's UDP port. */
uint16_t link_setup_port(const struct link_setup *setup);

#endif
