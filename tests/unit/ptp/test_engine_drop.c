/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every reason to drop a message: one message that has it is refused and counted under that reason
 * and no other, and the port does not care; the same message without it is used.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

static bool covered[GNOMON_DROP_COUNT];

/* -- what is expected ------------------------------------------------------------------------ */

static void check_counters(const struct gnomon_port_counters *before,
			   const struct gnomon_port_counters *after, enum gnomon_drop drop)
{
	for (int i = 0; i < GNOMON_DROP_COUNT; i++) {
		uint64_t more = after->drop[i] - before->drop[i];

		if (more != (i == (int)drop)) {
			fail_msg("%s counted %llu times instead of %s once",
				 gnomon_drop_name((enum gnomon_drop)i), (unsigned long long)more,
				 gnomon_drop_name(drop));
		}
	}
	assert_int_equal(after->action_overflow, 0);
}

static void expect_drop_rx(struct node *n, enum gnomon_drop drop, const struct gnomon_rx *rx)
{
	struct gnomon_port_counters before = node_counters(n, 1);
	enum gnomon_port_state state = node_state(n, 1);
	struct gnomon_port_counters after;
	unsigned int samples = n->sample_count;
	unsigned int sent = n->sent_count;

	assert_int_equal(node_hear_rx(n, rx), -EBADMSG);
	after = node_counters(n, 1);
	check_counters(&before, &after, drop);
	assert_state(n, 1, state);
	assert_int_equal(n->sample_count, samples);
	assert_int_equal(n->sent_count, sent);
	covered[drop] = true;
}

static void expect_drop_bytes(struct node *n, enum gnomon_drop drop, const uint8_t *data,
			      size_t len)
{
	gnomon_time arrival = node_clock(n, n->lan->now);
	struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data, .len = len,
				.timestamp = &arrival };

	expect_drop_rx(n, drop, &rx);
}

static void expect_drop(struct node *n, enum gnomon_drop drop, const struct gnomon_msg *m)
{
	uint8_t data[FRAME_MAX];
	int len = gnomon_msg_encode(m, data, sizeof(data));

	assert_true(len > 0);
	expect_drop_bytes(n, drop, data, (size_t)len);
}

static void expect_use(struct node *n, const struct gnomon_msg *m)
{
	struct gnomon_port_counters before = node_counters(n, 1);
	struct gnomon_port_counters after;

	assert_int_equal(node_hear(n, 1, m), 0);
	after = node_counters(n, 1);
	check_counters(&before, &after, GNOMON_DROP_COUNT);
	assert_int_equal(after.rx[m->header.type] - before.rx[m->header.type], 1);
}

/* -- nodes in the states that matter --------------------------------------------------------- */

static struct node *alone(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = node_add(lan_create(), 1);

	n->ports[0].delay_mechanism = mechanism;
	return n;
}

static struct node *listening(void)
{
	struct node *n = alone(GNOMON_DELAY_E2E);

	node_start(n);
	assert_state(n, 1, GNOMON_PORT_LISTENING);
	return n;
}

static struct node *transmitting(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = alone(mechanism);

	node_start(n);
	lan_run(n->lan, 20 * SEC);
	assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
	return n;
}

/* Follows stranger(1) and has asked it, or the neighbour, for the delay. */
static struct node *receiving(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = alone(mechanism);

	/* Answers are written by hand, seconds after the request. */
	n->ports[0].neighbor_prop_delay_max = gnomon_span_from_ns(10 * SEC);
	node_start(n);
	follow_stranger(n, 1, stranger(1));
	lan_run(n->lan, 2 * SEC);
	return n;
}

static void done(struct node *n)
{
	lan_destroy(n->lan);
}

/* The answer to the node's latest request. */
static struct gnomon_msg answer(const struct node *n, enum gnomon_msg_type type)
{
	enum gnomon_msg_type asked =
		type == GNOMON_MSG_DELAY_RESP ? GNOMON_MSG_DELAY_REQ : GNOMON_MSG_PDELAY_REQ;
	struct gnomon_msg request = node_message(n, asked, 0);
	struct gnomon_msg m = make_message(n, type, stranger(1), request.header.sequence_id);

	m.requesting = node_port_identity(n, 1);
	m.timestamp = wire_time(node_clock(n, n->lan->now));
	if (type == GNOMON_MSG_PDELAY_RESP) {
		m.header.flags = GNOMON_FLAG_TWO_STEP;
	}
	return m;
}

/* Sync or Follow_Up of the parent; they are never the same pair. */
static struct gnomon_msg from_parent(const struct node *n, enum gnomon_msg_type type,
				     uint16_t sequence_id)
{
	struct gnomon_msg m = make_message(n, type, stranger(1), sequence_id);

	if (type == GNOMON_MSG_SYNC) {
		m.header.flags = GNOMON_FLAG_TWO_STEP;
	}
	return m;
}

/* -- reasons found in any message ------------------------------------------------------------ */

static void drop_short(void **state)
{
	struct node *n = listening();
	struct gnomon_msg m = make_announce(n, stranger(1), 1);
	uint8_t data[FRAME_MAX];

	gnomon_msg_encode(&m, data, sizeof(data));
	for (size_t len = 0; len < GNOMON_HEADER_LEN; len++) {
		expect_drop_bytes(n, GNOMON_DROP_SHORT, data, len);
	}
	done(n);
}

static void drop_version(void **state)
{
	struct node *n = listening();
	struct gnomon_msg m = make_announce(n, stranger(1), 1);
	uint8_t data[FRAME_MAX];
	int len = gnomon_msg_encode(&m, data, sizeof(data));

	for (uint8_t version = 0; version < 16; version++) {
		data[1] = (uint8_t)((data[1] & 0xf0) | version);
		if (version != 2) {
			expect_drop_bytes(n, GNOMON_DROP_VERSION, data, (size_t)len);
		}
	}
	/* minorVersionPTP is nobody's business. */
	for (int minor = 0; minor < 16; minor++) {
		m.header.minor_version = (uint8_t)minor;
		m.header.sequence_id++;
		expect_use(n, &m);
	}
	done(n);
}

static void drop_type(void **state)
{
	static const uint8_t reserved[] = { 4, 5, 6, 7, 0xe, 0xf };
	struct node *n = listening();
	struct gnomon_msg m = make_announce(n, stranger(1), 1);
	uint8_t data[FRAME_MAX];
	int len = gnomon_msg_encode(&m, data, sizeof(data));

	for (size_t i = 0; i < sizeof(reserved); i++) {
		data[0] = reserved[i];
		expect_drop_bytes(n, GNOMON_DROP_TYPE, data, (size_t)len);
	}
	done(n);
}

static void drop_length(void **state)
{
	struct node *n = listening();
	struct gnomon_msg m = make_announce(n, stranger(1), 1);
	uint8_t data[FRAME_MAX] = { 0 };
	size_t len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));

	for (size_t claimed = 0; claimed < 200; claimed++) {
		data[2] = (uint8_t)(claimed >> 8);
		data[3] = (uint8_t)claimed;
		if (claimed != len) {
			expect_drop_bytes(n, GNOMON_DROP_LENGTH, data, len);
		}
	}
	/* Octets beyond messageLength are padding. */
	data[2] = 0;
	data[3] = (uint8_t)len;
	memset(data + len, 0xff, 100);
	assert_int_equal(node_hear_bytes(n, 1, data, len + 100), 0);
	done(n);
}

static void drop_sdo_id(void **state)
{
	for (int ignore = 0; ignore <= 1; ignore++) {
		struct node *n = alone(GNOMON_DELAY_E2E);
		struct gnomon_msg m;

		n->config.sdo_id = 0x123;
		n->ports[0].ignore_sdo_id = ignore;
		node_start(n);
		m = make_announce(n, stranger(1), 1);
		expect_use(n, &m);
		for (unsigned int bit = 0; bit < 12; bit++) {
			m.header.sequence_id++;
			m.header.sdo_id = (uint16_t)(0x123 ^ 1u << bit);
			if (ignore) {
				expect_use(n, &m);
			} else {
				expect_drop(n, GNOMON_DROP_SDO_ID, &m);
			}
		}
		done(n);
	}
}

static void drop_domain(void **state)
{
	struct node *n = alone(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	n->config.domain = 254;
	node_start(n);
	m = make_announce(n, stranger(1), 1);
	for (int domain = 0; domain < 256; domain++) {
		m.header.domain = (uint8_t)domain;
		if (domain != 254) {
			expect_drop(n, GNOMON_DROP_DOMAIN, &m);
		} else {
			expect_use(n, &m);
		}
	}
	done(n);
}

/* Own frames looped back, or another clock with this one's identity. */
static void drop_own(void **state)
{
	struct node *n = transmitting(GNOMON_DELAY_E2E);
	struct gnomon_msg m = make_announce(n, node_port_identity(n, 1), 1);

	expect_drop(n, GNOMON_DROP_OWN, &m);
	assert_int_equal(n->event_count[GNOMON_EVENT_DUPLICATE_IDENTITY], 0);
	m = make_announce(n, node_port_identity(n, 2), 1);
	expect_drop(n, GNOMON_DROP_OWN, &m);
	m = make_message(n, GNOMON_MSG_DELAY_REQ, node_port_identity(n, 1), 1);
	expect_drop(n, GNOMON_DROP_OWN, &m);
	m = make_message(n, GNOMON_MSG_SYNC, node_port_identity(n, 1), 1);
	expect_drop(n, GNOMON_DROP_OWN, &m);
	done(n);

	n = listening();
	m = make_announce(n, node_port_identity(n, 1), 1);
	expect_drop(n, GNOMON_DROP_OWN, &m);
	assert_int_equal(n->event_count[GNOMON_EVENT_DUPLICATE_IDENTITY], 1);
	done(n);
}

static void drop_channel(void **state)
{
	struct node *n = transmitting(GNOMON_DELAY_E2E);
	struct gnomon_msg messages[] = {
		make_message(n, GNOMON_MSG_DELAY_REQ, stranger(1), 1),
		make_announce(n, stranger(2), 1),
		make_message(n, GNOMON_MSG_SYNC, stranger(1), 1),
		make_message(n, GNOMON_MSG_FOLLOW_UP, stranger(1), 1),
	};
	gnomon_time arrival = node_clock(n, n->lan->now);

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		bool event = gnomon_msg_is_event(messages[i].header.type);
		uint8_t data[FRAME_MAX];
		struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data,
					.timestamp = &arrival };

		rx.len = (size_t)gnomon_msg_encode(&messages[i], data, sizeof(data));
		rx.channel = event ? GNOMON_CHANNEL_GENERAL : GNOMON_CHANNEL_EVENT;
		expect_drop_rx(n, GNOMON_DROP_CHANNEL, &rx);
	}
	expect_use(n, &messages[0]);
	done(n);
}

static void drop_unsupported(void **state)
{
	struct node *n = transmitting(GNOMON_DELAY_E2E);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_SIGNALING, stranger(1), 1);

	memset(&m.body.signaling.target, 0xff, sizeof(m.body.signaling.target));
	expect_drop(n, GNOMON_DROP_UNSUPPORTED, &m);
	m = make_message(n, GNOMON_MSG_MANAGEMENT, stranger(1), 1);
	memset(&m.body.management.target, 0xff, sizeof(m.body.management.target));
	expect_drop(n, GNOMON_DROP_UNSUPPORTED, &m);
	done(n);
}

/* Requests are answered, and messages passed on, 200 a second. */
static void drop_management_rate(void **state)
{
	struct node *n = transmitting(GNOMON_DELAY_E2E);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_MANAGEMENT, stranger(1), 1);

	memset(&m.body.management.target, 0x55, sizeof(m.body.management.target));
	for (int i = 0; i < 200; i++) {
		assert_int_equal(node_hear(n, 1, &m), 0);
	}
	expect_drop(n, GNOMON_DROP_MANAGEMENT_RATE, &m);
	n->lan->now = gnomon_mono_add(n->lan->now, SEC);
	assert_int_equal(node_hear(n, 1, &m), 0);
	done(n);
}

static void drop_mechanism(void **state)
{
	static const enum gnomon_msg_type peer[] = { GNOMON_MSG_PDELAY_REQ, GNOMON_MSG_PDELAY_RESP,
						     GNOMON_MSG_PDELAY_RESP_FOLLOW_UP };
	struct node *n = transmitting(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	for (int i = 0; i < 3; i++) {
		m = make_message(n, peer[i], stranger(1), 1);
		expect_drop(n, GNOMON_DROP_MECHANISM, &m);
	}
	done(n);
	for (int none = 0; none <= 1; none++) {
		n = transmitting(none ? GNOMON_DELAY_NONE : GNOMON_DELAY_P2P);
		m = make_message(n, GNOMON_MSG_DELAY_REQ, stranger(1), 1);
		expect_drop(n, GNOMON_DROP_MECHANISM, &m);
		m = make_message(n, GNOMON_MSG_DELAY_RESP, stranger(1), 1);
		expect_drop(n, GNOMON_DROP_MECHANISM, &m);
		done(n);
	}
}

static void drop_port_state(void **state)
{
	static const enum gnomon_msg_type all[] = { GNOMON_MSG_SYNC, GNOMON_MSG_DELAY_REQ,
						    GNOMON_MSG_FOLLOW_UP, GNOMON_MSG_DELAY_RESP,
						    GNOMON_MSG_ANNOUNCE };
	struct node *n = listening();
	struct gnomon_msg m;

	/* All but Announce come too early. */
	for (int i = 0; i < 4; i++) {
		m = make_message(n, all[i], stranger(1), 1);
		expect_drop(n, GNOMON_DROP_PORT_STATE, &m);
	}
	for (int disabled = 0; disabled <= 1; disabled++) {
		if (disabled) {
			gnomon_engine_enable(n->engine, 1, false, n->lan->now);
			node_drain(n);
		} else {
			node_link(n, 1, false);
		}
		for (int i = 0; i < 5; i++) {
			m = make_message(n, all[i], stranger(1), 1);
			expect_drop(n, GNOMON_DROP_PORT_STATE, &m);
		}
	}
	done(n);
	n = transmitting(GNOMON_DELAY_E2E);
	m = make_message(n, GNOMON_MSG_SYNC, stranger(1), 1);
	expect_drop(n, GNOMON_DROP_PORT_STATE, &m);
	done(n);
	n = receiving(GNOMON_DELAY_E2E);
	m = make_message(n, GNOMON_MSG_DELAY_REQ, stranger(2), 1);
	expect_drop(n, GNOMON_DROP_PORT_STATE, &m);
	done(n);
}

static void drop_timestamp(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct gnomon_msg messages[] = { from_parent(n, GNOMON_MSG_SYNC, 1),
					 from_parent(n, GNOMON_MSG_FOLLOW_UP, 2),
					 answer(n, GNOMON_MSG_DELAY_RESP) };

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		uint8_t data[FRAME_MAX];
		size_t len;

		messages[i].timestamp.nanoseconds = 999999999;
		len = (size_t)gnomon_msg_encode(&messages[i], data, sizeof(data));
		memcpy(data + 40, "\x3b\x9a\xca\x00", 4);
		expect_drop_bytes(n, GNOMON_DROP_TIMESTAMP, data, len);
		memset(data + 40, 0xff, 4);
		expect_drop_bytes(n, GNOMON_DROP_TIMESTAMP, data, len);
		expect_use(n, &messages[i]);
	}
	done(n);
}

static void drop_tlv(void **state)
{
	struct node *n = listening();
	struct gnomon_msg m = make_announce(n, stranger(1), 1);
	uint8_t data[FRAME_MAX];
	size_t len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));

	/* An unknown TLV of eight octets, its lengthField made wrong. */
	memset(data + len, 0, 12);
	data[len] = 0x40;
	data[len + 1] = 0x99;
	len += 12;
	data[3] = (uint8_t)len;
	for (unsigned int claimed = 0; claimed < 0x200; claimed++) {
		data[len - 10] = (uint8_t)(claimed >> 8);
		data[len - 9] = (uint8_t)claimed;
		if (claimed % 2 || claimed > 8) {
			expect_drop_bytes(n, GNOMON_DROP_TLV, data, len);
		}
	}
	data[len - 10] = 0;
	data[len - 9] = 8;
	assert_int_equal(node_hear_bytes(n, 1, data, len), 0);
	done(n);
}

/* -- reasons of Announce --------------------------------------------------------------------- */

static void drop_alternate_master(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct gnomon_msg messages[] = { make_announce(n, stranger(2), 1),
					 from_parent(n, GNOMON_MSG_SYNC, 1),
					 from_parent(n, GNOMON_MSG_FOLLOW_UP, 2),
					 answer(n, GNOMON_MSG_DELAY_RESP) };

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct gnomon_msg m = messages[i];

		m.header.flags |= GNOMON_FLAG_ALTERNATE_MASTER;
		expect_drop(n, GNOMON_DROP_ALTERNATE_MASTER, &m);
		expect_use(n, &messages[i]);
	}
	done(n);
}

static void drop_steps_removed(void **state)
{
	struct node *n = alone(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	n->config.max_steps_removed = 7;
	node_start(n);
	for (uint32_t steps = 0; steps <= UINT16_MAX; steps += steps < 300 ? 1 : 4321) {
		m = make_announce(n, stranger(1), (uint16_t)(steps + 1));
		m.body.announce.steps_removed = (uint16_t)steps;
		if (steps < 7) {
			expect_use(n, &m);
		} else {
			expect_drop(n, GNOMON_DROP_STEPS_REMOVED, &m);
		}
	}
	m.body.announce.steps_removed = UINT16_MAX;
	expect_drop(n, GNOMON_DROP_STEPS_REMOVED, &m);
	done(n);
	/* 255 is too far in any case. */
	n = listening();
	m = make_announce(n, stranger(1), 1);
	m.body.announce.steps_removed = 255;
	expect_drop(n, GNOMON_DROP_STEPS_REMOVED, &m);
	m.body.announce.steps_removed = 254;
	expect_use(n, &m);
	done(n);
}

static void drop_clock_class(void **state)
{
	struct node *n = alone(GNOMON_DELAY_E2E);

	n->config.clock_class_threshold = 7;
	node_start(n);
	for (int class = 0; class < 256; class++) {
		struct gnomon_msg m = make_announce(n, stranger(1), (uint16_t)class);

		m.body.announce.grandmaster_quality.clock_class = (uint8_t)class;
		if (class <= 7) {
			expect_use(n, &m);
		} else {
			expect_drop(n, GNOMON_DROP_CLOCK_CLASS, &m);
		}
	}
	done(n);
}

/* 16.2: an Announce that has passed this clock is a loop, if paths are traced at all. */
static void drop_path_trace(void **state)
{
	for (int enabled = 0; enabled <= 1; enabled++) {
		struct node *n = alone(GNOMON_DELAY_E2E);
		struct gnomon_msg m;
		struct gnomon_tlv_builder b;
		uint8_t tlvs[64];
		uint8_t *path;

		n->ports[0].path_trace_enabled = enabled;
		node_start(n);
		gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
		path = gnomon_tlv_append(&b, GNOMON_TLV_PATH_TRACE, 24);
		memcpy(path + 16, n->config.clock_identity.id, 8);
		m = make_announce(n, stranger(1), 1);
		m.tlvs = tlvs;
		m.tlvs_len = b.len;
		if (enabled) {
			expect_drop(n, GNOMON_DROP_PATH_TRACE, &m);
			assert_int_equal(n->event_count[GNOMON_EVENT_LOOP], 1);
			path[16] ^= 1;
		}
		expect_use(n, &m);
		done(n);
	}
}

static void drop_time_transmitter_only(void **state)
{
	struct node *n = alone(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	n->ports[0].time_transmitter_only = true;
	node_start(n);
	m = make_announce(n, stranger(1), 1);
	expect_drop(n, GNOMON_DROP_TIME_TRANSMITTER_ONLY, &m);
	lan_run(n->lan, 20 * SEC);
	expect_drop(n, GNOMON_DROP_TIME_TRANSMITTER_ONLY, &m);
	done(n);
}

static void drop_foreign_full(void **state)
{
	struct node *n = listening();
	struct gnomon_msg m;

	for (uint8_t i = 1; i <= 8; i++) {
		m = make_announce(n, stranger(i), 1);
		expect_use(n, &m);
	}
	m = make_announce(n, stranger(9), 1);
	m.body.announce.grandmaster_priority1 = 2;
	expect_drop(n, GNOMON_DROP_FOREIGN_FULL, &m);
	m.body.announce.grandmaster_priority1 = 0;
	expect_use(n, &m);
	assert_int_equal(node_counters(n, 1).foreign_evicted, 1);
	done(n);
}

/* -- reasons of the rest --------------------------------------------------------------------- */

static void drop_not_parent(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct gnomon_msg messages[] = { from_parent(n, GNOMON_MSG_SYNC, 1),
					 from_parent(n, GNOMON_MSG_FOLLOW_UP, 2),
					 answer(n, GNOMON_MSG_DELAY_RESP) };

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct gnomon_msg m = messages[i];

		m.header.source = stranger(2);
		expect_drop(n, GNOMON_DROP_NOT_PARENT, &m);
		m.header.source = stranger(1);
		m.header.source.port = 2;
		expect_drop(n, GNOMON_DROP_NOT_PARENT, &m);
		expect_use(n, &messages[i]);
	}
	done(n);
}

static void drop_stale(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	m = make_announce(n, stranger(1), 3);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	m = from_parent(n, GNOMON_MSG_SYNC, 10);
	expect_use(n, &m);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	m = from_parent(n, GNOMON_MSG_FOLLOW_UP, 10);
	expect_use(n, &m);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	m = from_parent(n, GNOMON_MSG_SYNC, 10);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	m = from_parent(n, GNOMON_MSG_SYNC, 9);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	done(n);

	n = receiving(GNOMON_DELAY_P2P);
	m = answer(n, GNOMON_MSG_PDELAY_RESP);
	expect_use(n, &m);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	m = answer(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP);
	expect_use(n, &m);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	done(n);
}

/* A Delay_Resp that comes twice before its transmit timestamp. */
static void never_stamp(struct lan *lan, struct frame *f)
{
	f->tx_never = true;
}

static void drop_stale_delay_resp(void **state)
{
	struct node *n = alone(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	n->lan->hook = never_stamp;
	node_start(n);
	follow_stranger(n, 1, stranger(1));
	lan_run(n->lan, 2 * SEC);
	m = answer(n, GNOMON_MSG_DELAY_RESP);
	expect_use(n, &m);
	expect_drop(n, GNOMON_DROP_STALE, &m);
	done(n);
}

static void drop_unmatched(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct gnomon_msg m = answer(n, GNOMON_MSG_DELAY_RESP);

	m.header.sequence_id++;
	expect_drop(n, GNOMON_DROP_UNMATCHED, &m);
	m.header.sequence_id = (uint16_t)(m.header.sequence_id + 0x8000);
	expect_drop(n, GNOMON_DROP_UNMATCHED, &m);
	m = answer(n, GNOMON_MSG_DELAY_RESP);
	expect_use(n, &m);
	/* Answered: the exchange is over. */
	expect_drop(n, GNOMON_DROP_UNMATCHED, &m);
	done(n);

	n = receiving(GNOMON_DELAY_P2P);
	for (int follow_up = 0; follow_up <= 1; follow_up++) {
		enum gnomon_msg_type type = follow_up ? GNOMON_MSG_PDELAY_RESP_FOLLOW_UP
						      : GNOMON_MSG_PDELAY_RESP;

		m = answer(n, type);
		m.header.sequence_id--;
		expect_drop(n, GNOMON_DROP_UNMATCHED, &m);
		m = answer(n, type);
		expect_use(n, &m);
		/* Somebody else's answer to the same request. */
		m.header.source = stranger(5);
		expect_drop(n, GNOMON_DROP_UNMATCHED, &m);
	}
	done(n);
}

static void drop_not_mine(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct gnomon_msg m = answer(n, GNOMON_MSG_DELAY_RESP);

	m.requesting = stranger(7);
	expect_drop(n, GNOMON_DROP_NOT_MINE, &m);
	m.requesting = node_port_identity(n, 2);
	expect_drop(n, GNOMON_DROP_NOT_MINE, &m);
	done(n);
	n = receiving(GNOMON_DELAY_P2P);
	m = answer(n, GNOMON_MSG_PDELAY_RESP);
	m.requesting = stranger(7);
	expect_drop(n, GNOMON_DROP_NOT_MINE, &m);
	m = answer(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP);
	m.requesting = stranger(7);
	expect_drop(n, GNOMON_DROP_NOT_MINE, &m);
	done(n);
}

static void drop_no_timestamp(void **state)
{
	struct node *nodes[] = { receiving(GNOMON_DELAY_E2E), transmitting(GNOMON_DELAY_E2E),
				 receiving(GNOMON_DELAY_P2P), receiving(GNOMON_DELAY_P2P) };
	struct gnomon_msg messages[] = {
		from_parent(nodes[0], GNOMON_MSG_SYNC, 1),
		make_message(nodes[1], GNOMON_MSG_DELAY_REQ, stranger(1), 1),
		make_message(nodes[2], GNOMON_MSG_PDELAY_REQ, stranger(1), 1),
		answer(nodes[3], GNOMON_MSG_PDELAY_RESP),
	};

	for (int i = 0; i < 4; i++) {
		uint8_t data[FRAME_MAX];
		struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data };
		struct node *n = nodes[i];

		rx.len = (size_t)gnomon_msg_encode(&messages[i], data, sizeof(data));
		expect_drop_rx(n, GNOMON_DROP_NO_TIMESTAMP, &rx);
		assert_int_equal(n->event_count[GNOMON_EVENT_RX_TIMESTAMP_MISSING], 1);
		assert_int_equal(n->event[GNOMON_EVENT_RX_TIMESTAMP_MISSING].value,
				 messages[i].header.type);
		expect_use(n, &messages[i]);
		done(n);
	}
}

/* 5.3.2: the greatest correctionField means that the true one did not fit. */
static void drop_correction(void **state)
{
	struct node *n = receiving(GNOMON_DELAY_E2E);
	struct node *p = receiving(GNOMON_DELAY_P2P);
	struct {
		struct node *n;
		struct gnomon_msg m;
	} cases[] = {
		{ n, from_parent(n, GNOMON_MSG_SYNC, 1) },
		{ n, from_parent(n, GNOMON_MSG_FOLLOW_UP, 2) },
		{ n, answer(n, GNOMON_MSG_DELAY_RESP) },
		{ p, answer(p, GNOMON_MSG_PDELAY_RESP) },
		{ p, answer(p, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP) },
		{ p, make_message(p, GNOMON_MSG_PDELAY_REQ, stranger(1), 1) },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gnomon_msg m = cases[i].m;

		m.header.correction = INT64_MAX;
		expect_drop(cases[i].n, GNOMON_DROP_CORRECTION, &m);
		expect_use(cases[i].n, &cases[i].m);
	}
	done(n);
	done(p);
}

/* A link delay out of bounds is counted, though its messages were as they should be. */
static void drop_link_delay(void **state)
{
	struct node *n = alone(GNOMON_DELAY_P2P);
	struct gnomon_port_counters before;
	struct gnomon_port_counters after;
	struct gnomon_msg m;

	n->ports[0].neighbor_prop_delay_max = gnomon_span_from_ns(800);
	node_start(n);
	lan_run(n->lan, 2 * SEC);
	m = answer(n, GNOMON_MSG_PDELAY_RESP);
	m.header.flags = 0;
	before = node_counters(n, 1);
	assert_int_equal(node_hear(n, 1, &m), 0);
	after = node_counters(n, 1);
	check_counters(&before, &after, GNOMON_DROP_LINK_DELAY);
	assert_false(node_port_ds(n, 1).mean_link_delay_valid);
	covered[GNOMON_DROP_LINK_DELAY] = true;
	done(n);
}

/* A Follow_Up that arrived before its Sync, whichever is read first. */
static void drop_order(void **state)
{
	struct node *n = alone(GNOMON_DELAY_E2E);
	gnomon_time early = { 5, 0, 0 };
	gnomon_time late = { 5, 1, 0 };
	uint8_t data[FRAME_MAX];
	struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data, .software = &late };
	struct gnomon_msg m;

	n->config.check_follow_up = true;
	node_start(n);
	follow_stranger(n, 1, stranger(1));
	m = from_parent(n, GNOMON_MSG_SYNC, 1);
	rx.len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));
	rx.timestamp = &early;
	assert_int_equal(node_hear_rx(n, &rx), 0);
	m = from_parent(n, GNOMON_MSG_FOLLOW_UP, 1);
	rx.len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));
	rx.timestamp = NULL;
	rx.software = &early;
	expect_drop_rx(n, GNOMON_DROP_ORDER, &rx);
	rx.software = &late;
	assert_int_equal(node_hear_rx(n, &rx), 0);
	done(n);
}

/* The last test: no reason was forgotten, and every one has a name of its own. */
static void all_covered(void **state)
{
	for (int i = 0; i < GNOMON_DROP_COUNT; i++) {
		if (!covered[i]) {
			fail_msg("no test for %s", gnomon_drop_name((enum gnomon_drop)i));
		}
		assert_non_null(gnomon_drop_name((enum gnomon_drop)i));
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(gnomon_drop_name((enum gnomon_drop)i),
						gnomon_drop_name((enum gnomon_drop)j));
		}
	}
}

/* A port that is not there, a struct of another version. */
static void invalid_rx(void **state)
{
	struct node *n = listening();
	struct gnomon_msg m = make_announce(n, stranger(1), 1);
	uint8_t data[FRAME_MAX];
	struct gnomon_rx rx = { .size = sizeof(rx), .port = 0, .data = data };

	rx.len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));
	assert_int_equal(node_hear_rx(n, &rx), -EINVAL);
	rx.port = 2;
	assert_int_equal(node_hear_rx(n, &rx), -EINVAL);
	rx.port = 1;
	rx.size--;
	assert_int_equal(node_hear_rx(n, &rx), -EINVAL);
	rx.size++;
	assert_int_equal(node_hear_rx(n, &rx), 0);
	done(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/drop/short", drop_short),
		LAN_TEST("/ptp/engine/drop/version", drop_version),
		LAN_TEST("/ptp/engine/drop/type", drop_type),
		LAN_TEST("/ptp/engine/drop/length", drop_length),
		LAN_TEST("/ptp/engine/drop/sdo_id", drop_sdo_id),
		LAN_TEST("/ptp/engine/drop/domain", drop_domain),
		LAN_TEST("/ptp/engine/drop/own", drop_own),
		LAN_TEST("/ptp/engine/drop/channel", drop_channel),
		LAN_TEST("/ptp/engine/drop/unsupported", drop_unsupported),
		LAN_TEST("/ptp/engine/drop/management_rate", drop_management_rate),
		LAN_TEST("/ptp/engine/drop/mechanism", drop_mechanism),
		LAN_TEST("/ptp/engine/drop/port_state", drop_port_state),
		LAN_TEST("/ptp/engine/drop/timestamp", drop_timestamp),
		LAN_TEST("/ptp/engine/drop/tlv", drop_tlv),
		LAN_TEST("/ptp/engine/drop/alternate_master", drop_alternate_master),
		LAN_TEST("/ptp/engine/drop/steps_removed", drop_steps_removed),
		LAN_TEST("/ptp/engine/drop/clock_class", drop_clock_class),
		LAN_TEST("/ptp/engine/drop/path_trace", drop_path_trace),
		LAN_TEST("/ptp/engine/drop/time_transmitter_only", drop_time_transmitter_only),
		LAN_TEST("/ptp/engine/drop/foreign_full", drop_foreign_full),
		LAN_TEST("/ptp/engine/drop/not_parent", drop_not_parent),
		LAN_TEST("/ptp/engine/drop/stale", drop_stale),
		LAN_TEST("/ptp/engine/drop/stale_delay_resp", drop_stale_delay_resp),
		LAN_TEST("/ptp/engine/drop/unmatched", drop_unmatched),
		LAN_TEST("/ptp/engine/drop/not_mine", drop_not_mine),
		LAN_TEST("/ptp/engine/drop/no_timestamp", drop_no_timestamp),
		LAN_TEST("/ptp/engine/drop/correction", drop_correction),
		LAN_TEST("/ptp/engine/drop/link_delay", drop_link_delay),
		LAN_TEST("/ptp/engine/drop/order", drop_order),
		LAN_TEST("/ptp/engine/drop/invalid_rx", invalid_rx),
		LAN_TEST("/ptp/engine/drop/all_covered", all_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
