/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A PTP port's sockets on one network interface: UDP over IPv4 or IPv6 (annexes C, D) or IEEE
 * 802.3 (annex E), with kernel or hardware time stamps. Every call is one system call and never
 * blocks; the caller polls.
 *
 *     link_open(&link, &config, &error);
 *     link_poll_fds(link, fds);               fds[LINK_EVENT], fds[LINK_GENERAL]
 *     poll(fds, ...);
 *     if (fds[i].revents & (POLLPRI | POLLERR))
 *             link_receive_stamp(link, i, &done);   one transmit timestamp
 *     if (fds[i].revents & POLLIN)
 *             link_receive(link, i, buf, sizeof(buf), &rx);
 */
#ifndef DRIVERS_LINK_H
#define DRIVERS_LINK_H

#include <poll.h>
#include <stddef.h>
#include <sys/types.h>

#include <gnomon/engine.h>

#include "drivers/error.h"
#include "drivers/timestamping.h"

/** Index of a link's socket. */
enum link_socket {
	LINK_EVENT,
	LINK_GENERAL,
	LINK_SOCKETS /* how many there are */
};

/** What to receive into: an Ethernet payload; longer messages are cut. */
#define LINK_MTU 1500

/** Start from link_config_default(); strings are copied. */
struct link_config {
	const char *interface;
	/* Stamps packets for interface: the active port of a bond, the device under a VLAN.
	 * NULL: interface itself. */
	const char *timestamping_interface;
	enum gnomon_network_protocol transport;
	struct gnomon_address primary; /* ptp_dst_ipv4, ptp_dst_ipv6, ptp_dst_mac */
	struct gnomon_address peer;    /* p2p_dst_ipv4, p2p_dst_ipv6, p2p_dst_mac */
	uint8_t udp6_scope;            /* replaces the scope nibble of an IPv6 primary */
	uint8_t udp_ttl;
	uint8_t dscp_event;
	uint8_t dscp_general;
	int socket_priority;           /* SO_PRIORITY; 0: left as dscp makes it */
	uint16_t event_port;           /* of ours and of everybody: 319, 320; others for tests */
	uint16_t general_port;
	bool share_ports;              /* other programs may have the same UDP ports open */
	bool software_stamps;          /* software receive stamps too, on both sockets */
	enum timestamping_mode timestamping;
	enum timestamping_filter hwts_filter;
};

/** The standard's addresses and ports for that transport, software time stamping, the rest 0. */
void link_config_default(struct link_config *config, enum gnomon_network_protocol transport);

struct link;

/**
 * Open the sockets, join the groups and switch hardware stamping on. The link itself may be down.
 * On failure nothing is left changed and *error says what is wrong: -ENODEV (no such interface),
 * -EADDRINUSE (another PTP program has the port), -EACCES / -EPERM (privilege missing, named),
 * -EOPNOTSUPP (no such time stamping, or the interface is no Ethernet), -EINVAL, -errno.
 */
int link_open(struct link **link, const struct link_config *config, struct driver_error *error);

/** Close and put hardware stamping back as it was. NULL ok. */
void link_close(struct link *link);

/** Fill fds[LINK_SOCKETS]: POLLIN and POLLPRI of each socket. */
void link_poll_fds(const struct link *link, struct pollfd fds[LINK_SOCKETS]);

/**
 * Send a message. The channel picks the socket (GNOMON_CHANNEL_ANY: general) and, on UDP, the
 * destination port, whatever the udp_port of a given address. On UDPv6 two octets follow the
 * message (annex D.3).
 * An event message draws a key; its transmit timestamp, if one comes, arrives under that key.
 * key may be NULL. One-step messages draw a key as well (the hardware needs the request to put
 * the timestamp in), but no timestamp comes. Returns 0, -EINVAL (address of another protocol),
 * -EMSGSIZE, or -errno of the moment (-ENETDOWN, -EADDRNOTAVAIL while IPv6 settles, -ENOBUFS,
 * -EAGAIN): the message is lost, the link is not.
 */
int link_send(struct link *link, const struct gnomon_send *message, uint32_t *key);

/** A received message. */
struct link_rx {
	enum gnomon_channel channel;
	size_t len;
	struct timestamping_stamps stamps;
	struct gnomon_address source; /* udp_port: where it was sent from */
};

/**
 * Receive one message from a socket that poll() found readable. Returns 0, -EAGAIN (nothing
 * there, or not ours: a frame looped back, another interface's) or -errno of the socket
 * (-ENETDOWN, -ENODEV: see link events).
 */
int link_receive(struct link *link, enum link_socket which, void *data, size_t size,
		 struct link_rx *rx);

/** A transmit timestamp. */
struct link_stamp {
	uint32_t key; /* of link_send */
	struct timestamping_stamps stamps;
};

/**
 * Take one entry from the error queue of a socket that poll() found POLLPRI or POLLERR on.
 * Returns 0, -EAGAIN (no entry) or -ENOMSG (an entry that is no transmit timestamp of ours:
 * call again when polled again). Where the kernel gives no key the latest message is meant. A
 * socket error (link down) is cleared by this and returned as -errno.
 */
int link_receive_stamp(struct link *link, enum link_socket which, struct link_stamp *stamp);

/**
 * The interface that stamps has changed (bond failover): put the old one back, switch stamping on
 * at the new one. Returns and *error as link_open; on failure the link has no hardware stamping.
 */
int link_set_timestamping_interface(struct link *link, const char *interface,
				    struct driver_error *error);

/**
 * Two links on interfaces with the same stamps: whichever was opened or moved there later puts back
 * what the earlier one found, and whichever is closed or moved away earlier leaves it as it is.
 */
void link_share_timestamping(struct link *link, const struct link *earlier);
void link_leave_timestamping(struct link *link);

/** The local protocol address at the time of opening: PortAddress; zero if there was none. */
const struct gnomon_address *link_local_address(const struct link *link);

#endif
