/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The management responder: who is answered what, where messages are passed on to, and what is
 * refused.
 */
#include "tests/unit/ptp/ask.h"

/* -- every id --------------------------------------------------------------------------------- */

static bool is_served(uint16_t id)
{
	static const uint16_t without[] = { 0x2014, 0x2017, 0x2018, 0x2019, 0x201a, 0x201b, 0x201c,
					    0x201d, 0x3002, 0x4000, 0x4001, 0x4002 };

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		if (without[i] == id) {
			return false;
		}
	}
	return true;
}

/* What is sent decodes by the row; what cannot be asked for is refused by name. */
static void get_every_id(void **state)
{
	struct node *nodes[] = { alone(), boundary() };
	const struct gnomon_management_row *rows;
	unsigned int count;

	(void)state;
	rows = gnomon_management_rows(&count);
	for (int k = 0; k < 2; k++) {
		for (unsigned int i = 0; i < count; i++) {
			struct ask a = asking(nodes[k], GNOMON_MANAGEMENT_GET, rows[i].id);
			struct gnomon_management_reader r;
			struct gnomon_management_value v;

			if (!(rows[i].access & GNOMON_MANAGEMENT_MAY_GET) ||
			    !is_served(rows[i].id)) {
				expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
				continue;
			}
			send_it(&a);
			assert_int_equal(a.status, 0);
			assert_int_equal(a.answers, rows[i].port_scope && k ? 3 : 1);
			assert_int_equal(a.tlv.error, 0);
			assert_int_equal(a.tlv.id, rows[i].id);
			assert_int_equal(a.msg.body.management.action, GNOMON_MANAGEMENT_RESPONSE);
			gnomon_management_reader_init(&r, &rows[i], a.tlv.data, a.tlv.len);
			while (gnomon_management_next(&r, &v)) {
			}
			assert_int_equal(gnomon_management_reader_finish(&r), 0);
		}
		lan_destroy(nodes[k]->lan);
	}
}

static void get_values(void **state)
{
	struct node *n = alone();

	(void)state;
	assert_int_equal(get(n, 0x2000, "numberPorts"), 1);
	assert_int_equal(get(n, 0x2000, "priority1"), n->config.priority1);
	assert_int_equal(get(n, 0x2002, "gm.ClockClass"), 248);
	assert_int_equal(get(n, 0x2003, "currentUtcOffset"), 37);
	assert_int_equal(get(n, 0x2004, "portState"), GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(get(n, 0x2004, "minorVersionNumber"), 1);
	assert_int_equal(get(n, 0xc000, "gmPresent"), 0);
	assert_true(get(n, 0xc005, "tx_Announce") > 0);
	assert_true(get(n, 0xc005, "rx_Management") == 0);
	assert_int_equal(get(n, 0xc00a, "version"), 0);
	assert_int_equal(get(n, 0x2020, "maxKey"), 3);
	lan_destroy(n->lan);
}

static void get_time_is_the_clock(void **state)
{
	struct node *n = alone();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x200f);
	gnomon_time now = node_clock(n, n->lan->now);

	(void)state;
	send_it(&a);
	assert_int_equal(value(&a, "currentTime").timestamp.seconds, now.sec);
	assert_int_equal(value(&a, "currentTime").timestamp.nanoseconds, now.nsec);
	lan_destroy(n->lan);
}

static void get_descriptions(void **state)
{
	struct node *n = node_by_hand(GNOMON_DELAY_P2P);
	struct gnomon_port_info info = { .size = sizeof(info), .interface = "eth7",
					 .stamping = GNOMON_PORT_STAMPING_HARDWARE, .phc_index = 3,
					 .virtual_clock = true, .physical_length = 6,
					 .physical_address = { 1, 2, 3, 4, 5, 6 } };
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x0001);

	(void)state;
	strcpy(n->config.description.product, "a;b;c");
	strcpy(n->config.description.user, "here");
	info.protocol_address.network_protocol = GNOMON_NETWORK_IEEE_802_3;
	info.protocol_address.length = 6;
	node_start(n);
	assert_int_equal(gnomon_engine_set_port_info(n->engine, 1, &info), 0);
	assert_int_equal(gnomon_engine_set_port_info(n->engine, 2, &info), -EINVAL);
	send_it(&a);
	assert_int_equal(value(&a, "clockType").number, 0x8000);
	assert_memory_equal(value(&a, "physicalAddress").octets, "\1\2\3\4\5\6", 6);
	assert_memory_equal(value(&a, "productDescription").octets, "a;b;c", 5);
	assert_memory_equal(value(&a, "userDescription").octets, "here", 4);
	assert_memory_equal(value(&a, "profileId").octets, "\x00\x1b\x19\x00\x02\x00", 6);
	a.id = 0xc004;
	send_it(&a);
	assert_memory_equal(value(&a, "interface").octets, "eth7", 4);
	assert_int_equal(value(&a, "timestamping").number, 1);
	assert_int_equal(get(n, 0xc009, "phcIndex"), 3);
	assert_int_equal(get(n, 0xc009, "flags"), 1);
	info.size--;
	assert_int_equal(gnomon_engine_set_port_info(n->engine, 1, &info), -EINVAL);
	lan_destroy(n->lan);
}

/* -- whom answers go to ----------------------------------------------------------------------- */

static void answer_header(void **state)
{
	struct node *n = alone();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2000);
	struct gnomon_port_identity own = { n->config.clock_identity, 0 };
	struct gnomon_port_identity client = client_identity(CLIENT);

	(void)state;
	send_it(&a);
	assert_int_equal(a.out, 0);
	assert_int_equal(a.send.destination, GNOMON_TO_ADDRESS);
	assert_int_equal(a.send.address.network_protocol, GNOMON_NETWORK_LOCAL);
	assert_int_equal(a.send.address.octets[3], CLIENT);
	assert_int_equal(a.msg.header.sequence_id, 0x1234);
	assert_int_equal(a.msg.header.flags, 0);
	assert_int_equal(gnomon_port_identity_cmp(&a.msg.header.source, &own), 0);
	assert_int_equal(gnomon_port_identity_cmp(&a.msg.body.management.target, &client), 0);
	/* of a port, by the network: as it was asked */
	a.port = own.port = 1;
	a.id = 0x2004;
	send_it(&a);
	assert_int_equal(a.out, 1);
	assert_int_equal(a.send.destination, GNOMON_TO_PRIMARY);
	assert_int_equal(gnomon_port_identity_cmp(&a.msg.header.source, &own), 0);
	a.unicast = true;
	send_it(&a);
	assert_int_equal(a.send.destination, GNOMON_TO_ADDRESS);
	assert_int_equal(a.send.address.octets[3], CLIENT);
	assert_int_equal(a.msg.header.flags, GNOMON_FLAG_UNICAST);
	lan_destroy(n->lan);
}

/* MG-1: either half of the target may be a wildcard. */
static void targets(void **state)
{
	struct node *n = boundary();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2004);
	struct gnomon_clock_identity other = { { 9, 9 } };

	(void)state;
	send_it(&a);
	assert_int_equal(a.answers, 3);
	a.target_port = 2;
	send_it(&a);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.msg.header.source.port, 2);
	a.target = n->config.clock_identity;
	send_it(&a);
	assert_int_equal(a.answers, 1);
	a.target_port = ALL_PORTS;
	send_it(&a);
	assert_int_equal(a.answers, 3);
	a.target_port = 4;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_VALUE);
	a.target_port = 0;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_VALUE);
	a.target = other;
	a.target_port = ALL_PORTS;
	send_it(&a);
	assert_int_equal(a.answers, 0);
	/* of the clock: whatever port is meant */
	a.target = n->config.clock_identity;
	a.id = 0x2000;
	a.target_port = 3;
	send_it(&a);
	assert_int_equal(a.answers, 1);
	lan_destroy(n->lan);
}

/* -- boundary hops ---------------------------------------------------------------------------- */

static const struct sent *forwarded(const struct node *n, unsigned int back, unsigned int before)
{
	return n->sent_count >= before + back + 1
		       ? &n->sent[(n->sent_count - back - 1) % SENT_KEPT]
		       : NULL;
}

static void hops_from_the_network(void **state)
{
	struct node *n = boundary();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2000);
	struct gnomon_clock_identity other = { { 9, 9 } };
	unsigned int before = n->sent_count;

	(void)state;
	a.port = 1;
	a.hops = 3;
	a.target = other;
	a.unicast = true;
	send_it(&a);
	assert_int_equal(a.answers, 2);
	for (unsigned int i = 0; i < 2; i++) {
		const struct sent *s = forwarded(n, i, before);

		assert_non_null(s);
		assert_int_equal(s->port, 3 - i);
		assert_int_equal(s->send.destination, GNOMON_TO_PRIMARY);
		assert_int_equal(s->data[44], 3); /* startingBoundaryHops */
		assert_int_equal(s->data[45], 2);
		assert_int_equal(s->data[6] & 4, 0);
		assert_int_equal(s->data[20 + 7], CLIENT); /* still the client's */
	}
	/* the wildcard is answered and passed on; what is for this clock alone is not */
	a.unicast = false;
	a.target = all_clocks;
	send_it(&a);
	assert_int_equal(a.answers, 3);
	a.target = n->config.clock_identity;
	send_it(&a);
	assert_int_equal(a.answers, 1);
	a.target = other;
	a.hops = 0;
	send_it(&a);
	assert_int_equal(a.answers, 0);
	lan_destroy(n->lan);
}

static void hops_of_local_clients(void **state)
{
	struct node *n = boundary();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2000);
	struct gnomon_clock_identity other = { { 9, 9 } };
	struct ask reply = asking(n, GNOMON_MANAGEMENT_RESPONSE, 0x2005);

	(void)state;
	a.target = other;
	a.hops = reply.hops = 1;
	a.read_only = true;
	send_it(&a);
	assert_int_equal(a.answers, 0);
	a.read_only = false;
	send_it(&a);
	assert_int_equal(a.answers, 3);
	/* the answer comes by port 2: to the one who asked, and by the other ports */
	reply.port = 2;
	reply.client = 42;
	reply.data = "\1";
	reply.len = 2;
	reply.target = client_identity(CLIENT).clock;
	reply.target_port = client_identity(CLIENT).port;
	send_it(&reply);
	assert_int_equal(reply.answers, 3);
	assert_int_equal(reply.out, 0);
	assert_int_equal(reply.send.address.octets[3], CLIENT);
	assert_int_equal(reply.msg.body.management.boundary_hops, 0);
	/* for someone who did not ask */
	reply.target_port++;
	send_it(&reply);
	assert_int_equal(reply.answers, 2);
	/* who asked is gone */
	reply.target_port--;
	gnomon_engine_forget_client(n->engine, &a.send.address);
	a.send.address.network_protocol = GNOMON_NETWORK_LOCAL;
	a.send.address.length = 4;
	a.send.address.octets[3] = CLIENT;
	gnomon_engine_forget_client(n->engine, &a.send.address);
	send_it(&reply);
	assert_int_equal(reply.answers, 2);
	lan_destroy(n->lan);
}

static void hops_need_a_port_that_serves(void **state)
{
	struct node *n = boundary();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2000);

	(void)state;
	node_link(n, 3, false);
	a.port = 1;
	a.hops = 1;
	send_it(&a);
	assert_int_equal(a.answers, 2);
	assert_int_equal(gnomon_engine_enable(n->engine, 2, false, n->lan->now), 0);
	node_drain(n);
	send_it(&a);
	assert_int_equal(a.answers, 1);
	/* a disabled port answers, and passes nothing on */
	a.port = 2;
	send_it(&a);
	assert_int_equal(a.answers, 1);
	lan_destroy(n->lan);
}

/* -- errors ----------------------------------------------------------------------------------- */

static void errors_of_network_and_reader(void **state)
{
	struct node *n = alone();

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct ask a = asking(n, GNOMON_MANAGEMENT_SET, 0x2005);

		a.port = k ? 1 : 0;
		a.read_only = !k;
		a.data = "\1";
		a.len = 2;
		expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
		a.action = GNOMON_MANAGEMENT_COMMAND;
		a.target = n->config.clock_identity;
		a.id = 0x200e;
		a.len = 0;
		expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
		a.action = GNOMON_MANAGEMENT_GET;
		a.id = 0xc004;
		expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
		a.id = 0xc009;
		expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
		a.id = 0xc003;
		expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
		a.id = 0x2005;
		send_it(&a);
		assert_int_equal(value(&a, "priority1").number, n->config.priority1);
	}
	assert_int_equal(node_state(n, 1), GNOMON_PORT_TIME_TRANSMITTER);
	lan_destroy(n->lan);
}

static void errors_by_name(void **state)
{
	struct node *n = alone();
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x0008);

	(void)state;
	expect_error(&a, GNOMON_MANAGEMENT_NO_SUCH_ID);
	a.action = GNOMON_MANAGEMENT_SET;
	a.id = 0x2000;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SETABLE);
	a.id = 0x6000; /* may be set by the standard, not here */
	a.data = "\2";
	a.len = 2;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SETABLE);
	a.id = 0x2014;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	a.id = 0x2005;
	a.len = 0;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_LENGTH);
	a.data = "\1\0\0";
	a.len = 4;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_LENGTH);
	a.id = 0x200a;
	a.len = 2;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_VALUE);
	a.id = 0xc006;
	a.data = "\2";
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_VALUE);
	a.action = GNOMON_MANAGEMENT_COMMAND;
	a.id = 0x2005;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	a.id = 0x0003;
	a.len = 0;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	a.id = 0x0005;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_LENGTH);
	a.data = "\0\1";
	a.len = 2;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_VALUE);
	a.action = GNOMON_MANAGEMENT_GET;
	a.id = 0x201e;
	a.data = "\4";
	a.len = 2;
	expect_error(&a, GNOMON_MANAGEMENT_WRONG_VALUE);
	lan_destroy(n->lan);
}

/* MG-5: answers are not answered. MG-6: nor is what is not of management, nor a COMMAND that a
 * network hears. */
static void no_storm(void **state)
{
	struct node *n = alone();
	uint8_t data[FRAME_MAX];
	struct ask a = asking(n, GNOMON_MANAGEMENT_RESPONSE, 0x2005);
	size_t len;

	(void)state;
	a.data = "\1";
	a.len = 2;
	for (unsigned int action = 0; action < 16; action++) {
		if (action != GNOMON_MANAGEMENT_GET && action != GNOMON_MANAGEMENT_SET &&
		    action != GNOMON_MANAGEMENT_COMMAND) {
			a.action = (enum gnomon_management_action)action;
			send_it(&a);
			assert_int_equal(a.answers, 0);
		}
	}
	a.action = GNOMON_MANAGEMENT_GET;
	len = build(&a, data, sizeof(data));
	for (unsigned int type = 0; type < 256; type++) {
		if (type != GNOMON_TLV_MANAGEMENT) {
			data[48] = 0;
			data[49] = (uint8_t)type;
			give(&a, data, len);
			assert_int_equal(a.answers, 0);
			assert_int_equal(a.status, -EBADMSG);
		}
	}
	a.port = 1;
	a.action = GNOMON_MANAGEMENT_COMMAND;
	send_it(&a);
	assert_int_equal(a.answers, 0);
	a.target = n->config.clock_identity;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	a.target = all_clocks;
	a.unicast = true;
	expect_error(&a, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	lan_destroy(n->lan);
}

static void two_tlvs(void **state)
{
	struct node *n = alone();
	uint8_t data[FRAME_MAX];
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2005);
	size_t len = build(&a, data, sizeof(data));

	(void)state;
	memcpy(data + len, data + 48, len - 48);
	data[3] = (uint8_t)(len + len - 48);
	give(&a, data, len + len - 48);
	assert_int_equal(a.answers, 0);
	assert_int_equal(a.status, -EBADMSG);
	lan_destroy(n->lan);
}

static void local_refusals(void **state)
{
	struct node *n = alone();
	struct gnomon_port_counters c;
	uint8_t data[FRAME_MAX];
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, 0x2005);
	size_t len = build(&a, data, sizeof(data));

	(void)state;
	data[4] = 5;
	give(&a, data, len);
	data[4] = n->config.domain;
	data[5] = 7;
	give(&a, data, len);
	data[5] = 0;
	give(&a, data, len - 1);
	data[0] = 0xb;
	give(&a, data, len);
	assert_int_equal(gnomon_engine_counters(n->engine, 0, &c), 0);
	assert_int_equal(c.drop[GNOMON_DROP_DOMAIN], 1);
	assert_int_equal(c.drop[GNOMON_DROP_SDO_ID], 1);
	assert_int_equal(c.drop[GNOMON_DROP_LENGTH], 2);
	assert_int_equal(c.rx[GNOMON_MSG_MANAGEMENT], 2);
	/* a port of the network is none of this machine's sockets */
	a.port = 1;
	a.status = 0;
	send_it(&a);
	assert_int_equal(a.status, 0);
	lan_destroy(n->lan);
}

int main(void)
{
#define TEST(path, f) { "/ptp/management/" path, f, NULL, NULL, NULL }
	const struct CMUnitTest tests[] = {
		TEST("get/every_id", get_every_id),
		TEST("get/values", get_values),
		TEST("get/time", get_time_is_the_clock),
		TEST("get/descriptions", get_descriptions),
		TEST("answer_header", answer_header),
		TEST("targets", targets),
		TEST("hops/from_the_network", hops_from_the_network),
		TEST("hops/of_local_clients", hops_of_local_clients),
		TEST("hops/need_a_port_that_serves", hops_need_a_port_that_serves),
		TEST("errors/network_and_reader", errors_of_network_and_reader),
		TEST("errors/by_name", errors_by_name),
		TEST("no_storm", no_storm),
		TEST("two_tlvs", two_tlvs),
		TEST("local_refusals", local_refusals),
	};

	return cmocka_run_group_tests_name("ptp/management", tests, NULL, NULL);
}
