/* SPDX-License-Identifier: BSD-2-Clause */
/* Which interface stamps for which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tools/gnomond/lookout.h"

enum index {
	ETH0 = 2,
	ETH1,
	BOND0,
	VLAN_OF_ETH0,
	VLAN_OF_BOND0,
	VETH_A,
	VETH_B,
	BOND_EMPTY,
	RING_A,
	RING_B,
	MISSING,
};

/* A machine with a bond of two ports, VLANs over a port and over the bond, and a veth pair. */
static struct netlink_event known[] = {
	{ .index = ETH0, .name = "eth0", .up = true, .mac = { 2, 1 } },
	{ .index = ETH1, .name = "eth1", .mac = { 2, 2 } },
	{ .index = BOND0, .name = "bond0", .is_bond = true, .active_port = ETH1, .mac = { 2, 1 } },
	{ .index = VLAN_OF_ETH0, .name = "eth0.7", .lower = ETH0, .mac = { 2, 1 } },
	{ .index = VLAN_OF_BOND0, .name = "bond0.7", .lower = BOND0, .mac = { 2, 1 } },
	{ .index = VETH_A, .name = "va", .lower = VETH_B, .mac = { 2, 3 } },
	{ .index = VETH_B, .name = "vb", .lower = VETH_A, .mac = { 2, 4 } },
	{ .index = BOND_EMPTY, .name = "bond1", .is_bond = true },
	{ .index = RING_A, .name = "ra", .lower = RING_B, .mac = { 2, 5 } },
	{ .index = RING_B, .name = "rb", .lower = RING_A, .mac = { 2, 5 } },
};

static const struct lookout machine = {
	.known = known,
	.count = sizeof(known) / sizeof(known[0]),
};

static void stamps(unsigned int index, const char *want)
{
	char name[IFNAMSIZ];

	lookout_stamping(&machine, index, "configured", name);
	assert_string_equal(name, want);
}

static void stamping(void **state)
{
	stamps(ETH0, "eth0");
	stamps(BOND0, "eth1");
	stamps(VLAN_OF_ETH0, "eth0");
	stamps(VLAN_OF_BOND0, "eth1");
	stamps(BOND_EMPTY, "");
	stamps(MISSING, "configured");
	stamps(0, "configured");
}

/* The other end of a veth pair does not stamp for this one. */
static void veth(void **state)
{
	stamps(VETH_A, "va");
	stamps(VETH_B, "vb");
}

/* Nonsense ends. */
static void ring(void **state)
{
	char name[IFNAMSIZ];

	lookout_stamping(&machine, RING_A, "configured", name);
	assert_int_equal(name[0], 'r');
}

/* A renamed interface is known by its index; the name is its new one. */
static void renamed(void **state)
{
	strcpy(known[0].name, "lan0");
	stamps(ETH0, "lan0");
	stamps(VLAN_OF_ETH0, "lan0");
	strcpy(known[0].name, "eth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/lookout/stamping", stamping, NULL, NULL, NULL },
		{ "/gnomond/lookout/veth", veth, NULL, NULL, NULL },
		{ "/gnomond/lookout/ring", ring, NULL, NULL, NULL },
		{ "/gnomond/lookout/renamed", renamed, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/lookout", tests, NULL, NULL);
}
