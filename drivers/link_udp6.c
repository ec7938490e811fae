/* SPDX-License-Identifier: BSD-2-Clause */
/* PTP over UDP over IPv6, annex D. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/iface.h"
#include "drivers/link_family.h"
#include "drivers/socket.h"

/* Since Linux 4.20, but not in every libc. */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

static int join(int fd, const struct gnomon_address *group, unsigned int ifindex)
{
	struct ipv6_mreq request = { .ipv6mr_interface = ifindex };

	memcpy(&request.ipv6mr_multiaddr, group->octets, 16);
	return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)) ? -errno :
											  0;
}

static int set_options(const struct link_setup *setup, int fd)
{
	const struct link_config *config = setup->config;
	const int dscp = setup->which == LINK_EVENT ? config->dscp_event : config->dscp_general;
	int err = socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)setup->ifindex);

	err = err ? err : socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, config->udp_ttl);
	/* No copies of our own messages, and only of the groups joined by this socket; an older
	 * kernel without the latter is no harm. */
	err = err ? err : socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	if (!err) {
		(void)socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	}
	if (!err && dscp) {
		err = socket_set(fd, IPPROTO_IPV6, IPV6_TCLASS, dscp << 2);
	}
	return err;
}

static int open_udp6(const struct link_setup *setup)
{
	static const struct link_udp udp = {
		.set_options = set_options,
		.join = join,
		.setting_options = "set up an IPv6 socket",
		.joining = "join the IPv6 multicast groups (is IPv6 disabled on it?)",
	};
	const struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(link_setup_port(setup)),
	};

	return link_open_udp(setup, &udp, (const struct sockaddr *)&any, sizeof(any));
}

const struct link_family link_family_udp6 = {
	.protocol = GNOMON_NETWORK_UDP_IPV6,
	.name = "UDPv6",
	.primary = "ff0e::181",
	.peer = "ff02::6b",
	/* D.3: two octets after the message, for transparent clocks to fix the checksum with. */
	.trailer = 2,
	.open = open_udp6,
	.local = iface_ipv6,
};
