/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What SETs and COMMANDs of management do, and what subscribers are told.
 */
#include "tests/unit/ptp/ask.h"

/* -- what SETs do ----------------------------------------------------------------------------- */

static void set_priority_elects(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *leader = &lan->nodes[0], *follower = &lan->nodes[1];
	struct ask a;

	(void)state;
	leader->auto_lock = true;
	lan_settle(lan);
	assert_int_equal(node_state(follower, 1), GNOMON_PORT_TIME_RECEIVER);
	a = SET(follower, 0x2005, "\12\0");
	assert_int_equal(value(&a, "priority1").number, 10);
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_state(follower, 1), GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(node_state(leader, 1), GNOMON_PORT_TIME_RECEIVER);
	assert_int_equal(get(leader, 0x2002, "grandmasterPriority1"), 10);
	assert_int_equal(get(leader, 0xc000, "gmPresent"), 1);
	assert_true(get(leader, 0xc000, "ingress_time") > 0);
	a = SET(follower, 0x2006, "\13\0");
	lan_run(lan, 5 * SEC);
	assert_int_equal(get(leader, 0x2002, "grandmasterPriority2"), 11);
	lan_destroy(lan);
}

static void set_grandmaster_settings(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *follower = &lan->nodes[1];
	struct ask a;

	(void)state;
	lan_settle(lan);
	a = SET(&lan->nodes[0], 0xc001, "\6\40\116\135\0\46\75\40");
	assert_int_equal(value(&a, "clockClass").number, 6);
	lan_run(lan, 5 * SEC);
	assert_int_equal(get(follower, 0x2002, "gm.ClockClass"), 6);
	assert_int_equal(get(follower, 0x2002, "gm.ClockAccuracy"), 0x20);
	assert_int_equal(get(follower, 0x2003, "currentUtcOffset"), 38);
	assert_int_equal(get(follower, 0x2003, "leap61"), 1);
	assert_int_equal(get(follower, 0x2003, "leap59"), 0);
	assert_int_equal(get(follower, 0x2003, "currentUtcOffsetValid"), 1);
	assert_int_equal(get(follower, 0x2003, "frequencyTraceable"), 1);
	assert_int_equal(get(follower, 0x2003, "timeSource"), 0x20);
	/* the same, piece by piece */
	SET(&lan->nodes[0], 0x2010, "\41\0");
	SET(&lan->nodes[0], 0x2011, "\0\47\2\0");
	SET(&lan->nodes[0], 0x2012, "\20\0");
	SET(&lan->nodes[0], 0x2013, "\10\120");
	lan_run(lan, 5 * SEC);
	assert_int_equal(get(follower, 0x2002, "gm.ClockAccuracy"), 0x21);
	assert_int_equal(get(follower, 0x2011, "currentUtcOffset"), 39);
	assert_int_equal(get(follower, 0x2011, "leap61"), 0);
	assert_int_equal(get(follower, 0x2011, "leap59"), 1);
	assert_int_equal(get(follower, 0x2012, "timeTraceable"), 1);
	assert_int_equal(get(follower, 0x2012, "frequencyTraceable"), 0);
	assert_int_equal(get(follower, 0x2013, "timeSource"), 0x50);
	lan_destroy(lan);
}

static unsigned int alternates_in(const struct sent *s, uint8_t *first_key)
{
	struct gnomon_tlv_iter it;
	struct gnomon_msg m;
	struct gnomon_tlv tlv;
	unsigned int n = 0;

	assert_int_equal(gnomon_msg_decode(&m, s->data, s->send.len), GNOMON_DECODE_OK);
	gnomon_tlv_iter_init(&it, m.tlvs, m.tlvs_len);
	while (gnomon_tlv_next(&it, &tlv)) {
		if (tlv.type == GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR && n++ == 0) {
			*first_key = tlv.value[0];
		}
	}
	return n;
}

static void set_alternate_timescales(void **state)
{
	struct node *n = alone();
	uint8_t key = 0;
	struct ask a;

	(void)state;
	SET(n, 0x2021, "\2\377\377\307\300\0\0\16\20\0\0\152\0\0\0\0");
	a = SET(n, 0x201f, "\2\3ABC\0");
	assert_memory_equal(value(&a, "displayName").octets, "ABC", 3);
	lan_run(n->lan, 5 * SEC);
	assert_int_equal(alternates_in(node_sent(n, GNOMON_MSG_ANNOUNCE, 0), &key), 0);
	a = SET(n, 0x201e, "\2\1");
	assert_int_equal(value(&a, "enable").number, 1);
	assert_int_equal(value(&a, "keyField").number, 2);
	lan_run(n->lan, 5 * SEC);
	assert_int_equal(alternates_in(node_sent(n, GNOMON_MSG_ANNOUNCE, 0), &key), 1);
	assert_int_equal(key, 2);
	SET(n, 0x201e, "\377\1");
	lan_run(n->lan, 5 * SEC);
	assert_int_equal(alternates_in(node_sent(n, GNOMON_MSG_ANNOUNCE, 0), &key), 4);
	a = asking(n, GNOMON_MANAGEMENT_GET, 0x2021);
	a.data = "\2";
	a.len = 2;
	send_it(&a);
	assert_int_equal(value(&a, "currentOffset").number, -14400);
	assert_int_equal(value(&a, "jumpSeconds").number, 3600);
	assert_int_equal(value(&a, "timeOfNextJump").number, 0x6a000000);
	REFUSE(n, 0x201e, "\4\1", GNOMON_MANAGEMENT_WRONG_VALUE);
	lan_destroy(n->lan);
}

static unsigned int sends_in(struct node *n, enum gnomon_msg_type type, int64_t ns)
{
	struct gnomon_port_counters before, after;

	assert_int_equal(gnomon_engine_counters(n->engine, 1, &before), 0);
	lan_run(n->lan, ns);
	assert_int_equal(gnomon_engine_counters(n->engine, 1, &after), 0);
	return (unsigned int)(after.tx[type] - before.tx[type]);
}

static void set_intervals(void **state)
{
	struct node *n = alone();

	(void)state;
	assert_in_range(sends_in(n, GNOMON_MSG_SYNC, 16 * SEC), 15, 17);
	SET(n, 0x200b, "\375\0");
	assert_int_equal(get(n, 0x200b, "logSyncInterval"), -3);
	assert_in_range(sends_in(n, GNOMON_MSG_SYNC, 16 * SEC), 126, 129);
	SET(n, 0x2009, "\376\0");
	assert_in_range(sends_in(n, GNOMON_MSG_ANNOUNCE, 16 * SEC), 63, 66);
	SET(n, 0x200a, "\12\0");
	assert_int_equal(get(n, 0x200a, "announceReceiptTimeout"), 10);
	SET(n, 0x6001, "\1\0");
	assert_int_equal(get(n, 0x6001, "logMinPdelayReqInterval"), 1);
	lan_destroy(n->lan);
}

/* Any, as in the configuration: told as they are, kept as well as can be. */
static void set_extreme_intervals(void **state)
{
	struct node *n = alone();

	(void)state;
	SET(n, 0x200b, "\200\0");
	assert_int_equal(get(n, 0x200b, "logSyncInterval"), -128);
	assert_in_range(sends_in(n, GNOMON_MSG_SYNC, 2 * SEC), 2040, 2056);
	/* logMessageInterval, the header's last octet */
	assert_int_equal((int8_t)node_sent(n, GNOMON_MSG_SYNC, 0)->data[33], -128);
	SET(n, 0x200b, "\177\0");
	assert_int_equal(get(n, 0x200b, "logSyncInterval"), 127);
	assert_in_range(sends_in(n, GNOMON_MSG_SYNC, 1000 * SEC), 0, 1);
	SET(n, 0x200b, "\0\0");
	assert_in_range(sends_in(n, GNOMON_MSG_SYNC, 16 * SEC), 15, 17);
	SET(n, 0x2009, "\25\0");
	assert_int_equal(get(n, 0x2009, "logAnnounceInterval"), 21);
	assert_in_range(sends_in(n, GNOMON_MSG_ANNOUNCE, 1000 * SEC), 0, 1);
	SET(n, 0x2009, "\365\0");
	assert_in_range(sends_in(n, GNOMON_MSG_ANNOUNCE, 2 * SEC), 2040, 2056);
	SET(n, 0x6001, "\204\0");
	assert_int_equal(get(n, 0x6001, "logMinPdelayReqInterval"), -124);
	lan_destroy(n->lan);
}

/* A state decision that waits for its turn is made, however rare Announces become meanwhile. */
static void set_interval_after_role(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *follower = &lan->nodes[1];

	(void)state;
	lan_settle(lan);
	assert_int_equal(get(follower, 0x2001, "stepsRemoved"), 1);
	SET(follower, 0x2006, "\13\0");
	SET(follower, 0x3001, "\1\0");
	SET(follower, 0x2009, "\177\0");
	lan_run(lan, 1 * SEC);
	assert_int_equal(get(follower, 0x2001, "stepsRemoved"), 0);
	lan_destroy(lan);
}

static void set_domain_and_roles(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *follower = &lan->nodes[1];
	struct ask a;

	(void)state;
	lan_settle(lan);
	a = SET(follower, 0x2007, "\5\0");
	assert_int_equal(value(&a, "domainNumber").number, 5);
	assert_int_equal(a.msg.header.domain, 5);
	follower->config.domain = 5;
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_state(follower, 1), GNOMON_PORT_TIME_TRANSMITTER);
	SET(follower, 0x2007, "\0\0");
	follower->config.domain = 0;
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_state(follower, 1), GNOMON_PORT_TIME_RECEIVER);
	SET(follower, 0x3001, "\1\0");
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_state(follower, 1), GNOMON_PORT_TIME_TRANSMITTER);
	SET(follower, 0x3001, "\0\0");
	SET(follower, 0x2008, "\1\0");
	assert_int_equal(get(follower, 0x2000, "clockClass"), 255);
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_state(follower, 1), GNOMON_PORT_TIME_RECEIVER);
	REFUSE(follower, 0x3001, "\1\0", GNOMON_MANAGEMENT_WRONG_VALUE);
	SET(follower, 0x2008, "\0\0");
	assert_int_equal(get(follower, 0x2000, "clockClass"), 248);
	lan_destroy(lan);
}

static void set_time_asks_the_owner(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *n = &lan->nodes[0];
	struct ask a;

	(void)state;
	lan_settle(lan);
	a = SET(n, 0x200f, "\0\0\0\0\0\5\0\0\0\7");
	assert_int_equal(value(&a, "currentTime").timestamp.seconds, 5);
	assert_int_equal(n->set_clock_count, 1);
	assert_int_equal(n->set_clock.sec, 5);
	assert_int_equal(n->set_clock.nsec, 7);
	REFUSE(&lan->nodes[1], 0x200f, "\0\0\0\0\0\5\0\0\0\7", GNOMON_MANAGEMENT_NOT_SETABLE);
	assert_int_equal(lan->nodes[1].set_clock_count, 0);
	lan_destroy(lan);
}

static void set_others(void **state)
{
	struct node *n = alone();
	struct ask a;

	(void)state;
	a = SET(n, 0x0002, "\5a;b;c");
	assert_memory_equal(value(&a, "userDescription").octets, "a;b;c", 5);
	REFUSE(n, 0x0002, "\3a\0b", GNOMON_MANAGEMENT_WRONG_VALUE);
	SET(n, 0xc00c, "\0\0\5\0\0\0\0\0\0\0\376\377\377\377\377\377\0\200\3\0\0\0\0\0");
	assert_int_equal(get(n, 0xc00c, "egressLatency"), 5 << 16);
	assert_int_equal(get(n, 0xc00c, "ingressLatency"), -(2 << 16));
	assert_int_equal(get(n, 0xc00c, "delayAsymmetry"), (3 << 16) + 0x8000);
	SET(n, 0xc002, "\0\0\3\40\0\0\0\1");
	assert_int_equal(get(n, 0xc002, "neighborPropDelayThresh"), 800);
	assert_int_equal(get(n, 0xc002, "asCapable"), 1);
	SET(n, 0xc006, "\1\0");
	lan_run(n->lan, 3 * SEC);
	assert_int_equal(node_sent(n, GNOMON_MSG_ANNOUNCE, 0)->data[7] & 0x40, 0x40);
	SET(n, 0xc006, "\377\0");
	lan_run(n->lan, 3 * SEC);
	assert_int_equal(node_sent(n, GNOMON_MSG_ANNOUNCE, 0)->data[7] & 0x40, 0);
	SET(n, 0xc00d, "\1\2\3\4\5\6\7\10\0\4");
	lan_run(n->lan, 3 * SEC);
	assert_memory_equal(node_sent(n, GNOMON_MSG_ANNOUNCE, 0)->data + 53,
			    "\1\2\3\4\5\6\7\10\0\4", 10);
	SET(n, 0x2016, "\1\0");
	assert_int_equal(get(n, 0x2016, "enablePathTrace"), 1);
	a = SET(n, 0x200c, "\2\0");
	assert_int_equal(value(&a, "versionNumber").number, 2);
	lan_destroy(n->lan);
}

static void path_trace_list(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct ask a;

	(void)state;
	lan->nodes[0].ports[0].path_trace_enabled = true;
	lan_settle(lan);
	a = asking(&lan->nodes[1], GNOMON_MANAGEMENT_GET, 0x2015);
	send_it(&a);
	assert_int_equal(a.tlv.len, 8);
	assert_memory_equal(a.tlv.data, &lan->nodes[0].config.clock_identity, 8);
	lan_destroy(lan);
}

/* -- commands --------------------------------------------------------------------------------- */

static struct ask command(struct node *n, uint16_t id, uint16_t port, const void *data, size_t len)
{
	struct ask a = asking(n, GNOMON_MANAGEMENT_COMMAND, id);

	a.target_port = port;
	a.data = data;
	a.len = len;
	send_it(&a);
	assert_int_equal(a.tlv.error, 0);
	assert_int_equal(a.msg.body.management.action, GNOMON_MANAGEMENT_ACKNOWLEDGE);
	return a;
}

static void command_ports(void **state)
{
	struct node *n = boundary();
	struct ask a;

	(void)state;
	a = command(n, 0x200e, 2, NULL, 0);
	assert_int_equal(a.tlv.len, 0);
	assert_int_equal(node_state(n, 1), GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(node_state(n, 2), GNOMON_PORT_DISABLED);
	command(n, 0x200d, 2, NULL, 0);
	lan_run(n->lan, 10 * SEC);
	assert_int_equal(node_state(n, 2), GNOMON_PORT_TIME_TRANSMITTER);
	a = command(n, 0x0005, ALL_PORTS, "\0", 2);
	assert_int_equal(a.tlv.len, 2);
	assert_int_equal(node_state(n, 1), GNOMON_PORT_LISTENING);
	command(n, 0x0000, ALL_PORTS, NULL, 0);
	lan_destroy(n->lan);
}

static void fault_log(void **state)
{
	struct node *n = boundary();
	struct ask a;

	(void)state;
	a = asking(n, GNOMON_MANAGEMENT_GET, 0x0006);
	send_it(&a);
	assert_int_equal(value(&a, "numberOfFaultRecords").number, 0);
	node_link(n, 3, false);
	node_link(n, 3, true);
	node_link(n, 2, false);
	send_it(&a);
	assert_int_equal(value(&a, "numberOfFaultRecords").number, 2);
	assert_memory_equal(value(&a, "faultName").octets, "PORT_FAULTY", 11);
	assert_memory_equal(value(&a, "faultValue").octets, "3", 1);
	for (int i = 0; i < 20; i++) {
		node_link(n, 2, true);
		node_link(n, 2, false);
	}
	send_it(&a);
	assert_int_equal(value(&a, "numberOfFaultRecords").number, 8);
	assert_memory_equal(value(&a, "faultValue").octets, "2", 1);
	command(n, 0x0007, ALL_PORTS, NULL, 0);
	send_it(&a);
	assert_int_equal(value(&a, "numberOfFaultRecords").number, 0);
	lan_destroy(n->lan);
}

/* -- subscriptions ---------------------------------------------------------------------------- */

static struct ask subscribe(struct node *n, uint8_t client, uint16_t seconds, uint8_t events)
{
	uint8_t data[66] = { (uint8_t)(seconds >> 8), (uint8_t)seconds, events };
	struct ask a = asking(n, GNOMON_MANAGEMENT_SET, 0xc003);

	a.client = client;
	a.data = data;
	a.len = sizeof(data);
	send_it(&a);
	a.data = NULL;
	return a;
}

/* Messages to local clients since before: how many of that id; the last of them in *a. */
static unsigned int told(struct ask *a, unsigned int before, uint16_t id)
{
	unsigned int n = 0;

	for (unsigned int i = before; i < a->n->sent_count; i++) {
		if (a->n->sent[i % SENT_KEPT].port == 0) {
			unsigned int keep = a->n->sent_count;

			a->n->sent_count = i + 1;
			look_at(a, i);
			a->n->sent_count = keep;
			n += a->tlv.id == id;
		}
	}
	return n;
}

static void subscribers_are_told(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *n = &lan->nodes[1];
	unsigned int before;
	struct ask a;

	(void)state;
	lan_settle(lan);
	a = subscribe(n, 1, 60, 0xf);
	assert_int_equal(value(&a, "duration").number, 60);
	assert_int_equal(value(&a, "NOTIFY_PORT_STATE").number, 1);
	assert_int_equal(value(&a, "NOTIFY_CMLDS").number, 0);
	before = n->sent_count;
	lan_run(lan, 4 * SEC);
	assert_in_range(told(&a, before, 0xc000), 3, 5);
	assert_int_equal(told(&a, before, 0x2004), 0);
	assert_int_equal(a.send.address.octets[3], 1);
	assert_int_equal(a.msg.body.management.action, GNOMON_MANAGEMENT_RESPONSE);
	assert_int_equal(a.msg.body.management.target.clock.id[7], 1);
	before = n->sent_count;
	node_link(n, 1, false);
	assert_int_equal(told(&a, before, 0x2002), 1);
	before = n->sent_count;
	node_link(n, 1, true);
	assert_int_equal(told(&a, before, 0x2004), 1);
	a.id = 0x2004;
	assert_int_equal(value(&a, "portState").number, GNOMON_PORT_LISTENING);
	lan_destroy(lan);
}

static void subscriptions_end(void **state)
{
	struct node *n = alone();
	unsigned int before;
	struct ask a, b;

	(void)state;
	a = subscribe(n, 1, 10, 1);
	b = subscribe(n, 2, 0xffff, 1);
	assert_int_equal(value(&b, "duration").number, 0xffff);
	lan_run(n->lan, 4 * SEC);
	a.action = GNOMON_MANAGEMENT_GET;
	a.len = 0;
	send_it(&a);
	assert_in_range(value(&a, "duration").number, 5, 6);
	lan_run(n->lan, 7 * SEC);
	send_it(&a);
	assert_int_equal(value(&a, "duration").number, 0);
	assert_int_equal(value(&a, "NOTIFY_PORT_STATE").number, 0);
	before = n->sent_count;
	node_link(n, 1, false);
	assert_int_equal(told(&a, before, 0x2004), 1);
	assert_int_equal(a.send.address.octets[3], 2);
	/* zero seconds, no events, or gone */
	subscribe(n, 2, 0, 1);
	subscribe(n, 3, 60, 1);
	subscribe(n, 3, 60, 0);
	b = subscribe(n, 4, 60, 1);
	gnomon_engine_forget_client(n->engine, &b.send.address);
	before = n->sent_count;
	node_link(n, 1, true);
	assert_int_equal(told(&a, before, 0x2004), 0);
	lan_destroy(n->lan);
}

static void subscribers_are_bounded(void **state)
{
	struct node *n = alone();
	unsigned int before;
	struct ask a;

	(void)state;
	for (uint8_t i = 1; i <= 16; i++) {
		a = subscribe(n, i, 60, 3);
		assert_int_equal(a.tlv.error, 0);
	}
	a = subscribe(n, 17, 60, 3);
	assert_int_equal(a.tlv.error, GNOMON_MANAGEMENT_GENERAL_ERROR);
	a = subscribe(n, 16, 30, 3);
	assert_int_equal(value(&a, "duration").number, 30);
	before = n->sent_count;
	node_link(n, 1, false);
	assert_int_equal(told(&a, before, 0x2004), 16);
	lan_run(n->lan, 61 * SEC);
	a = subscribe(n, 17, 60, 3);
	assert_int_equal(a.tlv.error, 0);
	lan_destroy(n->lan);
}

int main(void)
{
#define TEST(path, f) { "/ptp/management_set/" path, f, NULL, NULL, NULL }
	const struct CMUnitTest tests[] = {
		TEST("set/priority_elects", set_priority_elects),
		TEST("set/grandmaster_settings", set_grandmaster_settings),
		TEST("set/alternate_timescales", set_alternate_timescales),
		TEST("set/intervals", set_intervals),
		TEST("set/extreme_intervals", set_extreme_intervals),
		TEST("set/interval_after_role", set_interval_after_role),
		TEST("set/domain_and_roles", set_domain_and_roles),
		TEST("set/time", set_time_asks_the_owner),
		TEST("set/others", set_others),
		TEST("path_trace_list", path_trace_list),
		TEST("command/ports", command_ports),
		TEST("fault_log", fault_log),
		TEST("subscribers/told", subscribers_are_told),
		TEST("subscribers/end", subscriptions_end),
		TEST("subscribers/bounded", subscribers_are_bounded),
	};

	return cmocka_run_group_tests_name("ptp/management_set", tests, NULL, NULL);
}
