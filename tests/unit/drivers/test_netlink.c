/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/netlink.h: single messages, as a kernel with bonds and VLANs sends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "drivers/netlink.h"
#include "tests/unit/seed.h"

struct message {
	char octets[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *head;
};

static void start(struct message *m, uint16_t type, int index, unsigned int flags)
{
	struct ifinfomsg *ifi;

	memset(m, 0, sizeof(*m));
	m->head = mnl_nlmsg_put_header(m->octets);
	m->head->nlmsg_type = type;
	ifi = mnl_nlmsg_put_extra_header(m->head, sizeof(*ifi));
	ifi->ifi_index = index;
	ifi->ifi_flags = flags;
}

static void put_bond(struct message *m, const char *kind, uint32_t active)
{
	struct nlattr *info = mnl_attr_nest_start(m->head, IFLA_LINKINFO);
	struct nlattr *data;

	mnl_attr_put_strz(m->head, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(m->head, IFLA_INFO_DATA);
	mnl_attr_put_u8(m->head, IFLA_BOND_MODE, 1);
	if (active) {
		mnl_attr_put_u32(m->head, IFLA_BOND_ACTIVE_SLAVE, active);
	}
	mnl_attr_nest_end(m->head, data);
	mnl_attr_nest_end(m->head, info);
}

static void plain(void **state)
{
	struct netlink_event event;
	struct message m;

	(void)state;
	start(&m, RTM_NEWLINK, 4, IFF_UP | IFF_RUNNING | IFF_MULTICAST);
	mnl_attr_put_strz(m.head, IFLA_IFNAME, "eth0");
	mnl_attr_put(m.head, IFLA_ADDRESS, 6, "\x02\x00\x00\x00\x00\x07");
	assert_int_equal(netlink_parse(m.head, &event), 1);
	assert_int_equal(event.index, 4);
	assert_string_equal(event.name, "eth0");
	assert_true(event.up);
	assert_false(event.removed || event.is_bond);
	assert_memory_equal(event.mac, "\x02\x00\x00\x00\x00\x07", 6);
}

static void up_needs_all(void **state)
{
	static const struct {
		unsigned int flags;
		bool up;
	} rows[] = {
		{ IFF_UP | IFF_RUNNING, true },
		{ IFF_UP, false },
		{ IFF_RUNNING, false },
		{ 0, false },
		{ IFF_UP | IFF_RUNNING | 0x20000 /* IFF_DORMANT */, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netlink_event event;
		struct message m;

		start(&m, RTM_NEWLINK, 4, rows[i].flags);
		assert_int_equal(netlink_parse(m.head, &event), 1);
		assert_int_equal(event.up, rows[i].up);
	}
}

static void removed(void **state)
{
	struct netlink_event event;
	struct message m;

	(void)state;
	start(&m, RTM_DELLINK, 9, IFF_UP | IFF_RUNNING);
	mnl_attr_put_strz(m.head, IFLA_IFNAME, "gone");
	assert_int_equal(netlink_parse(m.head, &event), 1);
	assert_true(event.removed);
	assert_false(event.up);
	assert_string_equal(event.name, "gone");
}

static void bond_failover(void **state)
{
	struct netlink_event event;
	struct message m;

	(void)state;
	start(&m, RTM_NEWLINK, 5, IFF_UP | IFF_RUNNING);
	put_bond(&m, "bond", 3);
	assert_int_equal(netlink_parse(m.head, &event), 1);
	assert_true(event.is_bond);
	assert_int_equal(event.active_port, 3);
	start(&m, RTM_NEWLINK, 5, IFF_UP);
	put_bond(&m, "bond", 0);
	assert_int_equal(netlink_parse(m.head, &event), 1);
	assert_true(event.is_bond);
	assert_int_equal(event.active_port, 0);
	/* The same attribute number means something else to another kind. */
	start(&m, RTM_NEWLINK, 5, IFF_UP);
	put_bond(&m, "vxlan", 3);
	assert_int_equal(netlink_parse(m.head, &event), 1);
	assert_false(event.is_bond);
	assert_int_equal(event.active_port, 0);
}

static void family_ties(void **state)
{
	struct netlink_event event;
	struct message m;

	(void)state;
	start(&m, RTM_NEWLINK, 6, IFF_UP);
	mnl_attr_put_u32(m.head, IFLA_MASTER, 5);
	mnl_attr_put_u32(m.head, IFLA_LINK, 2);
	assert_int_equal(netlink_parse(m.head, &event), 1);
	assert_int_equal(event.master, 5);
	assert_int_equal(event.lower, 2);
}

static void not_ours(void **state)
{
	struct netlink_event event;
	struct message m;

	(void)state;
	memset(&event, 0x5a, sizeof(event));
	start(&m, RTM_NEWADDR, 6, 0);
	assert_int_equal(netlink_parse(m.head, &event), 0);
	/* A bridge speaking about its port. */
	start(&m, RTM_NEWLINK, 6, IFF_UP);
	((struct ifinfomsg *)mnl_nlmsg_get_payload(m.head))->ifi_family = AF_BRIDGE;
	assert_int_equal(netlink_parse(m.head, &event), 0);
	/* Shorter than its head. */
	start(&m, RTM_NEWLINK, 6, IFF_UP);
	m.head->nlmsg_len = NLMSG_HDRLEN + 4;
	assert_int_equal(netlink_parse(m.head, &event), 0);
	assert_int_equal(event.index, 0x5a5a5a5a);
}

static void odd_attributes(void **state)
{
	struct seed seed = seed_start("/drivers/netlink/odd_attributes");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct netlink_event event;
		struct message m;
		uint8_t junk[64];

		start(&m, RTM_NEWLINK, 1, IFF_UP);
		for (int n = 0; n < 6; n++) {
			seed_fill(&seed, junk, sizeof(junk));
			mnl_attr_put(m.head, (uint16_t)seed_below(&seed, 24),
				     seed_below(&seed, sizeof(junk)), junk);
		}
		assert_int_equal(netlink_parse(m.head, &event), 1);
		assert_true(strnlen(event.name, sizeof(event.name)) < sizeof(event.name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/netlink/plain", plain },
		{ "/drivers/netlink/up_needs_all", up_needs_all },
		{ "/drivers/netlink/removed", removed },
		{ "/drivers/netlink/bond_failover", bond_failover },
		{ "/drivers/netlink/family_ties", family_ties },
		{ "/drivers/netlink/not_ours", not_ours },
		{ "/drivers/netlink/odd_attributes", odd_attributes },
	};

	return cmocka_run_group_tests_name("/drivers/netlink", tests, NULL, NULL);
}
