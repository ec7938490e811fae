/* SPDX-License-Identifier: BSD-2-Clause */
/* PTP over IEEE 802.3, annex E. */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/address.h"
#include "drivers/iface.h"
#include "drivers/link_family.h"
#include "drivers/privilege.h"
#include "drivers/socket.h"

#define ETHERTYPE_PTP 0x88f7

/* messageTypes from here on are general (table 36). */
#define FIRST_GENERAL_TYPE 8

/*
 * Ethernet has one channel: which socket a message comes by is made of its messageType, so that
 * only event messages are time-stamped. What others are sent or we send is refused as well.
 */
static int attach_filter(int fd, enum link_socket which)
{
	const uint8_t event = which == LINK_EVENT;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 4, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x0f),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_GENERAL_TYPE, event, !event),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int join(int fd, const struct gnomon_address *group, unsigned int ifindex)
{
	struct packet_mreq request = {
		.mr_ifindex = (int)ifindex,
		.mr_type = PACKET_MR_MULTICAST,
		.mr_alen = 6,
	};

	if (!address_is_multicast(group)) {
		return 0;
	}
	memcpy(request.mr_address, group->octets, 6);
	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) ?
		       -errno :
		       0;
}

static int open_l2(const struct link_setup *setup)
{
	const struct sockaddr_ll any = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_PTP),
		.sll_ifindex = (int)setup->ifindex,
	};
	/* Protocol 0: nothing arrives before the filter is there and bind() names the interface.
	 * SOCK_DGRAM: the kernel writes and strips the Ethernet header. */
	int fd = socket_open(AF_PACKET, SOCK_DGRAM, 0);
	int err;

	if (fd < 0) {
		return privilege_fail(setup->error, fd, PRIVILEGE_NET_RAW,
				      setup->config->interface,
				      "use IEEE 802.3 (network_transport L2)");
	}
	err = attach_filter(fd, setup->which);
	if (!err && bind(fd, (const struct sockaddr *)&any, sizeof(any))) {
		err = -errno;
	}
	/* A link that is down leaves ENETDOWN behind; it comes up on its own. */
	if (!err) {
		(void)socket_error(fd);
		err = join(fd, &setup->config->primary, setup->ifindex);
	}
	if (!err) {
		err = join(fd, &setup->config->peer, setup->ifindex);
	}
	return err ? link_setup_fail(setup, fd, err, "set up a packet socket") : fd;
}

static int local_l2(const char *interface, struct gnomon_address *address)
{
	struct iface iface;
	int err = iface_query(interface, &iface, NULL);

	if (err) {
		return err;
	}
	*address = (struct gnomon_address){ .network_protocol = GNOMON_NETWORK_IEEE_802_3,
					    .length = 6 };
	memcpy(address->octets, iface.mac, 6);
	return 0;
}

const struct link_family link_family_l2 = {
	.protocol = GNOMON_NETWORK_IEEE_802_3,
	.name = "L2",
	.primary = "01:1b:19:00:00:00",
	.peer = "01:80:c2:00:00:0e",
	.needs_ethernet = true,
	.open = open_l2,
	.local = local_l2,
};
