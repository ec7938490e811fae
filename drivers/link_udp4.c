/* SPDX-License-Identifier: BSD-2-Clause */
/* PTP over UDP over IPv4, annex C. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/iface.h"
#include "drivers/link_family.h"
#include "drivers/socket.h"

/* Since Linux 2.6.31, but not in every libc. */
#ifndef IP_MULTICAST_ALL
#define IP_MULTICAST_ALL 49
#endif

static int join(int fd, const struct gnomon_address *group, unsigned int ifindex)
{
	struct ip_mreqn request = { .imr_ifindex = (int)ifindex };

	memcpy(&request.imr_multiaddr, group->octets, 4);
	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) ? -errno :
											  0;
}

static int set_multicast_interface(int fd, unsigned int ifindex)
{
	struct ip_mreqn request = { .imr_ifindex = (int)ifindex };

	return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)) ? -errno : 0;
}

static int set_options(const struct link_setup *setup, int fd)
{
	const struct link_config *config = setup->config;
	const int dscp = setup->which == LINK_EVENT ? config->dscp_event : config->dscp_general;
	int err = set_multicast_interface(fd, setup->ifindex);

	err = err ? err : socket_set(fd, IPPROTO_IP, IP_MULTICAST_TTL, config->udp_ttl);
	/* No copies of our own messages, and only of the groups joined by this socket. */
	err = err ? err : socket_set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	err = err ? err : socket_set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	if (!err && dscp) {
		err = socket_set(fd, IPPROTO_IP, IP_TOS, dscp << 2);
	}
	return err;
}

static int open_udp4(const struct link_setup *setup)
{
	static const struct link_udp udp = {
		.set_options = set_options,
		.join = join,
		.setting_options = "set up an IPv4 socket",
		.joining = "join the IPv4 multicast groups",
	};
	const struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(link_setup_port(setup)),
	};

	return link_open_udp(setup, &udp, (const struct sockaddr *)&any, sizeof(any));
}

const struct link_family link_family_udp4 = {
	.protocol = GNOMON_NETWORK_UDP_IPV4,
	.name = "UDPv4",
	.primary = "224.0.1.129",
	.peer = "224.0.0.107",
	.ttl_level = IPPROTO_IP,
	.ttl_option = IP_TTL,
	.open = open_udp4,
	.local = iface_ipv4,
};
