/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/socket.h"

/* One recvmsg() of several messages; the kernel fills dumps up to what is offered. */
#define BUFFER_SIZE 8192

/* linux/if.h and net/if.h exclude each other; only this flag is needed of the former. */
#define LINK_IFF_DORMANT 0x20000u

struct netlink {
	struct mnl_socket *socket;
	uint32_t seq;
	bool dumping;     /* the answer to a dump request is still coming in */
	bool dump_wanted; /* ask again when it has come: events were lost */
	/* What of the buffer is not given out yet. */
	size_t at;
	size_t len;
	char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int request_dump(struct netlink *netlink)
{
	char buffer[64] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;

	if (netlink->dumping) {
		netlink->dump_wanted = true;
		return 0;
	}
	nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++netlink->seq;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	if (mnl_socket_sendto(netlink->socket, nlh, nlh->nlmsg_len) < 0) {
		return -errno;
	}
	netlink->dumping = true;
	netlink->dump_wanted = false;
	return 0;
}

static int start(struct netlink *netlink)
{
	int err = mnl_socket_bind(netlink->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) ? -errno : 0;

	err = err ? err : socket_set_flags(mnl_socket_get_fd(netlink->socket));
	return err ? err : request_dump(netlink);
}

int netlink_open(struct netlink **netlink, struct driver_error *error)
{
	struct netlink *n = malloc(sizeof(*n));
	int err;

	if (!n) {
		return driver_fail(error, -ENOMEM, "netlink: out of memory");
	}
	memset(n, 0, offsetof(struct netlink, buffer));
	n->socket = mnl_socket_open(NETLINK_ROUTE);
	err = n->socket ? start(n) : -errno;
	if (err) {
		netlink_close(n);
		return driver_fail(error, err, "netlink: cannot follow link events: %s",
				   driver_strerror(err));
	}
	*netlink = n;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink) {
		if (netlink->socket) {
			(void)mnl_socket_close(netlink->socket);
		}
		free(netlink);
	}
}

int netlink_fd(const struct netlink *netlink)
{
	return mnl_socket_get_fd(netlink->socket);
}

/* -- one message ----------------------------------------------------------------------------- */

static unsigned int take_u32(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(attr);
}

static void parse_bond(const struct nlattr *data, struct netlink_event *event)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data) {
		if (mnl_attr_get_type(attr) == IFLA_BOND_ACTIVE_SLAVE) {
			event->active_port = take_u32(attr);
		}
	}
}

static void parse_info(const struct nlattr *info, struct netlink_event *event)
{
	const struct nlattr *data = NULL;
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0) {
			event->is_bond = strcmp(mnl_attr_get_str(attr), "bond") == 0;
		} else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA) {
			data = attr;
		}
	}
	if (event->is_bond && data) {
		parse_bond(data, event);
	}
}

static void parse_attribute(const struct nlattr *attr, struct netlink_event *event)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
		    mnl_attr_get_payload_len(attr) <= sizeof(event->name)) {
			memcpy(event->name, mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
		}
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(event->mac)) {
			memcpy(event->mac, mnl_attr_get_payload(attr), sizeof(event->mac));
		}
		break;
	case IFLA_MASTER:
		event->master = take_u32(attr);
		break;
	case IFLA_LINK:
		event->lower = take_u32(attr);
		break;
	case IFLA_LINKINFO:
		parse_info(attr, event);
		break;
	default:
		break;
	}
}

int netlink_parse(const struct nlmsghdr *message, struct netlink_event *event)
{
	const unsigned int running = IFF_UP | IFF_RUNNING;
	const struct ifinfomsg *ifi;
	struct netlink_event out = { 0 };
	struct nlattr *attr;

	if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*ifi)) {
		return 0;
	}
	ifi = mnl_nlmsg_get_payload(message);
	/* Bridges send messages about their ports in a family of their own. */
	if (ifi->ifi_family != AF_UNSPEC) {
		return 0;
	}
	out.index = (unsigned int)ifi->ifi_index;
	out.removed = message->nlmsg_type == RTM_DELLINK;
	out.up = !out.removed && (ifi->ifi_flags & running) == running &&
		 !(ifi->ifi_flags & LINK_IFF_DORMANT);
	mnl_attr_for_each(attr, message, sizeof(*ifi)) {
		parse_attribute(attr, &out);
	}
	*event = out;
	return 1;
}

/* -- the stream ------------------------------------------------------------------------------ */

/* Fill the buffer: 1, 0 (nothing there) or -errno. */
static int refill(struct netlink *netlink)
{
	ssize_t len = mnl_socket_recvfrom(netlink->socket, netlink->buffer,
					  sizeof(netlink->buffer));

	netlink->at = 0;
	netlink->len = len > 0 ? (size_t)len : 0;
	if (len > 0) {
		return 1;
	}
	if (len == 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
		return 0;
	}
	/* Events were lost, by overrun or because one was longer than the buffer. */
	if (errno == ENOBUFS || errno == ENOSPC) {
		return request_dump(netlink);
	}
	return -errno;
}

/* The dump's answer is complete, or was refused. */
static int end_dump(struct netlink *netlink)
{
	netlink->dumping = false;
	return netlink->dump_wanted ? request_dump(netlink) : 0;
}

int netlink_next(struct netlink *netlink, struct netlink_event *event)
{
	int got = 0;
	int err = 1;

	while (got == 0 && err > 0) {
		int left = (int)(netlink->len - netlink->at);
		const struct nlmsghdr *nlh = (const void *)(netlink->buffer + netlink->at);

		if (!mnl_nlmsg_ok(nlh, left)) {
			err = refill(netlink);
			continue;
		}
		netlink->at += MNL_ALIGN(nlh->nlmsg_len);
		if (netlink->at > netlink->len) {
			netlink->at = netlink->len;
		}
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
			err = end_dump(netlink);
			err = err ? err : 1;
			continue;
		}
		/* An interface came or went while the dump was taken. */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR) {
			netlink->dump_wanted = true;
		}
		got = netlink_parse(nlh, event);
	}
	return got ? got : err;
}
