/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Text and kernel forms of struct gnomon_address. Pure.
 */
#ifndef DRIVERS_ADDRESS_H
#define DRIVERS_ADDRESS_H

#include <sys/socket.h>

#include <gnomon/msg.h>

/** Octets address_format needs at most, with the NUL. */
#define ADDRESS_TEXT_MAX 56

/**
 * Parse "224.0.1.129", "ff0e::181" or "01:1b:19:00:00:00" (also with '-') as an address of that
 * network protocol; the UDP port becomes 0. Returns 0 or -EINVAL.
 */
int address_parse(enum gnomon_network_protocol protocol, const char *text,
		  struct gnomon_address *address);

/** Write the address as text, always NUL-terminated; "none" for a zero one. Returns text. */
const char *address_format(const struct gnomon_address *address, char text[ADDRESS_TEXT_MAX]);

/** Whether it is a multicast group. */
bool address_is_multicast(const struct gnomon_address *address);

/** Same protocol and octets; UDP ports are not compared. */
bool address_equal(const struct gnomon_address *a, const struct gnomon_address *b);

/**
 * The sockaddr_in, sockaddr_in6 or sockaddr_ll for it; ifindex scopes IPv6 and Ethernet.
 * Returns its length, 0 if the address is not one of the three protocols.
 */
socklen_t address_to_sockaddr(const struct gnomon_address *address, uint16_t udp_port,
			      unsigned int ifindex, struct sockaddr_storage *out);

/** The reverse; returns 0 or -EAFNOSUPPORT / -EINVAL (length does not fit the family). */
int address_from_sockaddr(const struct sockaddr_storage *in, socklen_t len,
			  struct gnomon_address *address);

#endif
