/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/netlink.h on real interfaces: the state at the start, up, down, renamed, removed, bond
 * failover where the kernel has bonds; and iface.h, which must see the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/iface.h"
#include "drivers/netlink.h"
#include "drivers/timer.h"
#include "tests/net/drivers/namespace.h"

#define WAIT_NS (INT64_C(5) * GNOMON_NSEC_PER_SEC)

static struct netlink *open_netlink(enum side side)
{
	struct driver_error error = { "" };
	struct netlink *netlink = NULL;

	namespace_enter(side);
	if (netlink_open(&netlink, &error)) {
		fail_msg("%s", error.text);
	}
	return netlink;
}

typedef bool wanted_fn(const struct netlink_event *event);

/* Take events until one is the wanted one; fails when none comes. */
static struct netlink_event expect(struct netlink *netlink, wanted_fn *wanted)
{
	const gnomon_mono deadline = gnomon_mono_add(timer_now(), WAIT_NS);
	struct pollfd fd = { .fd = netlink_fd(netlink), .events = POLLIN };
	struct netlink_event event;

	while (gnomon_mono_before(timer_now(), deadline)) {
		int got = netlink_next(netlink, &event);

		assert_true(got >= 0);
		if (got > 0 && wanted(&event)) {
			return event;
		}
		if (got == 0) {
			(void)poll(&fd, 1, 100);
		}
	}
	fail_msg("the event did not come");
	return event;
}

static bool is_gna_up(const struct netlink_event *event)
{
	return strcmp(event->name, "gna") == 0 && event->up && !event->removed;
}

static bool is_gna_down(const struct netlink_event *event)
{
	return strcmp(event->name, "gna") == 0 && !event->up && !event->removed;
}

static bool is_renamed(const struct netlink_event *event)
{
	return strcmp(event->name, "gnz") == 0 && !event->removed;
}

static bool is_extra(const struct netlink_event *event)
{
	return strcmp(event->name, "gnx") == 0 && !event->removed;
}

static bool is_extra_removed(const struct netlink_event *event)
{
	return strcmp(event->name, "gnx") == 0 && event->removed;
}

static void state_at_the_start(void **state)
{
	struct netlink *netlink = open_netlink(SIDE_A);
	const struct netlink_event event = expect(netlink, is_gna_up);
	struct iface iface;

	(void)state;
	assert_int_equal(iface_query("gna", &iface, NULL), 0);
	assert_int_equal(event.index, iface.index);
	assert_memory_equal(event.mac, "\x02\x00\x00\x00\x00\x0a", 6);
	assert_memory_equal(iface.mac, event.mac, 6);
	assert_true(iface.ethernet);
	assert_false(event.is_bond);
	netlink_close(netlink);
	netlink_close(NULL);
}

static void down_and_up(void **state)
{
	struct netlink *netlink = open_netlink(SIDE_A);

	(void)state;
	(void)expect(netlink, is_gna_up);
	assert_int_equal(iface_is_up("gna"), 1);
	namespace_run(SIDE_A, "ip link set gna down");
	(void)expect(netlink, is_gna_down);
	assert_int_equal(iface_is_up("gna"), 0);
	namespace_run(SIDE_A, "ip link set gna up");
	(void)expect(netlink, is_gna_up);
	assert_int_equal(iface_is_up("gna"), 1);
	netlink_close(netlink);
}

/* The cable is pulled at the other end: still up by configuration, but without carrier. */
static void carrier_lost(void **state)
{
	struct netlink *netlink = open_netlink(SIDE_A);

	(void)state;
	(void)expect(netlink, is_gna_up);
	namespace_run(SIDE_B, "ip link set gnb down");
	(void)expect(netlink, is_gna_down);
	namespace_enter(SIDE_A);
	assert_int_equal(iface_is_up("gna"), 0);
	namespace_run(SIDE_B, "ip link set gnb up");
	(void)expect(netlink, is_gna_up);
	netlink_close(netlink);
}

static void renamed(void **state)
{
	struct netlink *netlink = open_netlink(SIDE_A);
	const unsigned int index = expect(netlink, is_gna_up).index;

	(void)state;
	namespace_run(SIDE_A, "ip link set gna down && ip link set gna name gnz");
	assert_int_equal(expect(netlink, is_renamed).index, index);
	assert_int_equal(iface_is_up("gna"), -ENODEV);
	namespace_run(SIDE_A, "ip link set gnz name gna && ip link set gna up");
	assert_int_equal(expect(netlink, is_gna_up).index, index);
	netlink_close(netlink);
}

static void added_and_removed(void **state)
{
	struct netlink *netlink = open_netlink(SIDE_A);
	unsigned int index;

	(void)state;
	namespace_run(SIDE_A, "ip link add gnx type veth peer name gny");
	index = expect(netlink, is_extra).index;
	namespace_run(SIDE_A, "ip link del gnx");
	assert_int_equal(expect(netlink, is_extra_removed).index, index);
	assert_int_equal(iface_is_up("gnx"), -ENODEV);
	netlink_close(netlink);
}

/* More events than the socket holds: the last state arrives nevertheless. */
static void overrun(void **state)
{
	struct netlink *netlink = open_netlink(SIDE_A);

	(void)state;
	namespace_run(SIDE_A, "for i in $(seq 600); do "
			      "echo link set gna alias $i; echo link set lo alias $i; done "
			      "| ip -batch - && ip link set gna down");
	(void)expect(netlink, is_gna_down);
	namespace_run(SIDE_A, "ip link set gna up");
	(void)expect(netlink, is_gna_up);
	netlink_close(netlink);
}

static unsigned int bond_port;

static bool is_bond_on_port(const struct netlink_event *event)
{
	return event->is_bond && event->active_port == bond_port;
}

static void bond_failover(void **state)
{
	struct netlink *netlink;
	struct iface x;
	struct iface y;

	(void)state;
	namespace_run(SIDE_A, "ip link add gnx type veth peer name gnx1 && "
			      "ip link add gny type veth peer name gny1 && "
			      "ip link set gnx1 up && ip link set gny1 up && "
			      "ip link set gnx master gnbond && ip link set gny master gnbond && "
			      "ip link set gnbond up");
	assert_int_equal(iface_query("gnx", &x, NULL), 0);
	assert_int_equal(iface_query("gny", &y, NULL), 0);
	netlink = open_netlink(SIDE_A);
	bond_port = x.index;
	namespace_run(SIDE_A, "ip link set gnbond type bond active_slave gnx");
	(void)expect(netlink, is_bond_on_port);
	bond_port = y.index;
	namespace_run(SIDE_A, "ip link set gnx1 down; ip link set gnbond type bond active_slave "
			      "gny");
	(void)expect(netlink, is_bond_on_port);
	netlink_close(netlink);
	namespace_run(SIDE_A, "ip link del gnbond; ip link del gnx; ip link del gny");
}

/* A kernel without bonds is a skipped program, not a passed test: "bond" runs it alone. */
static int run_bond(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/netlink/bond_failover", bond_failover },
	};

	if (namespace_try(SIDE_A, "ip link add gnbond type bond mode active-backup 2>/dev/null")) {
		print_message("1..0 # SKIP this kernel has no bonding\n");
		return 0;
	}
	return cmocka_run_group_tests_name("/drivers/netlink", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/netlink/state_at_the_start", state_at_the_start },
		{ "/drivers/netlink/down_and_up", down_and_up },
		{ "/drivers/netlink/carrier_lost", carrier_lost },
		{ "/drivers/netlink/renamed", renamed },
		{ "/drivers/netlink/added_and_removed", added_and_removed },
		{ "/drivers/netlink/overrun", overrun },
	};

	if (!namespace_start()) {
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "bond") == 0) {
		return run_bond();
	}
	return cmocka_run_group_tests_name("/drivers/netlink", tests, NULL, NULL);
}
