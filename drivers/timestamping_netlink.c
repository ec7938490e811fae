/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/timestamping_netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <string.h>

/* Replies are a few hundred octets; a family's description is the longest. */
#define REPLY_SIZE 4096

/* Send the request and give every reply to callback. */
static int transact(struct mnl_socket *socket, const struct nlmsghdr *request, mnl_cb_t callback,
		    void *data)
{
	char reply[REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t len;
	int state = MNL_CB_OK;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
		return -errno;
	}
	while (state == MNL_CB_OK) {
		len = mnl_socket_recvfrom(socket, reply, sizeof(reply));
		if (len <= 0) {
			return len ? -errno : -EPROTO;
		}
		state = mnl_cb_run(reply, (size_t)len, request->nlmsg_seq,
				   mnl_socket_get_portid(socket), callback, data);
	}
	return state < 0 ? -errno : 0;
}

static struct nlmsghdr *start_request(char *buffer, uint16_t type, uint32_t seq, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) == 0) {
			*(uint16_t *)data = mnl_attr_get_u16(attr);
		}
	}
	return MNL_CB_OK;
}

static int find_family(struct mnl_socket *socket, uint16_t *family)
{
	char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = start_request(buffer, GENL_ID_CTRL, 1, CTRL_CMD_GETFAMILY);
	uint16_t found = 0;
	int err;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	err = transact(socket, nlh, on_family, &found);
	if (!err && found == 0) {
		err = -ENOENT;
	}
	if (!err) {
		*family = found;
	}
	return err;
}

/* The first 32 bits of a compact bitset. */
static uint32_t bitset(const struct nlattr *nest)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == ETHTOOL_A_BITSET_VALUE &&
		    mnl_attr_get_payload_len(attr) >= sizeof(uint32_t)) {
			return mnl_attr_get_u32(attr);
		}
	}
	return 0;
}

static int on_info(const struct nlmsghdr *nlh, void *data)
{
	struct timestamping_info *info = data;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case ETHTOOL_A_TSINFO_TIMESTAMPING:
			info->so_timestamping = bitset(attr);
			break;
		case ETHTOOL_A_TSINFO_TX_TYPES:
			info->tx_types = bitset(attr);
			break;
		case ETHTOOL_A_TSINFO_RX_FILTERS:
			info->rx_filters = bitset(attr);
			break;
		case ETHTOOL_A_TSINFO_PHC_INDEX:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0) {
				info->phc_index = (int)mnl_attr_get_u32(attr);
			}
			break;
		default:
			break;
		}
	}
	return MNL_CB_OK;
}

static int query(struct mnl_socket *socket, const char *interface, struct timestamping_info *info)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	struct nlattr *nest;
	uint16_t family;
	int err;

	err = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	if (!err) {
		err = find_family(socket, &family);
	}
	if (err) {
		return err;
	}
	nlh = start_request(buffer, family, 2, ETHTOOL_MSG_TSINFO_GET);
	nest = mnl_attr_nest_start(nlh, ETHTOOL_A_TSINFO_HEADER);
	mnl_attr_put_strz(nlh, ETHTOOL_A_HEADER_DEV_NAME, interface);
	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_FLAGS, ETHTOOL_FLAG_COMPACT_BITSETS);
	mnl_attr_nest_end(nlh, nest);
	return transact(socket, nlh, on_info, info);
}

int timestamping_query_netlink(const char *interface, struct timestamping_info *info)
{
	struct timestamping_info out = { .phc_index = -1 };
	struct mnl_socket *socket;
	int err;

	if (strnlen(interface, IFNAMSIZ) >= IFNAMSIZ) {
		return -ENODEV;
	}
	socket = mnl_socket_open(NETLINK_GENERIC);
	if (!socket) {
		return -errno;
	}
	err = query(socket, interface, &out);
	(void)mnl_socket_close(socket);
	if (!err) {
		*info = out;
	}
	return err;
}
