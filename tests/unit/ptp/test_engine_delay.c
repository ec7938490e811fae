/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is made of timestamps: mean delays, offsets, correctionFields, latencies, asymmetry, and
 * who may answer. Formulae are those of clause 11; numbers are chosen so that results are exact.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* A TimeInterval of ns and 2^-16 ns. */
static int64_t interval(int64_t ns, uint16_t frac)
{
	return ns * 65536 + frac;
}

static gnomon_time at(int64_t ns, uint16_t frac)
{
	gnomon_time t = { LAN_EPOCH + 100, 0, 0 };
	gnomon_span s = { ns, frac };

	return gnomon_time_add(t, s);
}

static void hold_timestamps(struct lan *lan, struct frame *f)
{
	f->tx_never = true;
}

/* A node whose transmit timestamps are given by hand; follow: after stranger(1). */
static struct node *by_hand(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = node_add(lan_create(), 1);

	n->lan->hook = hold_timestamps;
	n->ports[0].delay_mechanism = mechanism;
	n->ports[0].neighbor_prop_delay_min = gnomon_span_from_ns(-1000 * SEC);
	n->ports[0].neighbor_prop_delay_max = gnomon_span_from_ns(1000 * SEC);
	return n;
}

static void follow(struct node *n)
{
	node_start(n);
	follow_stranger(n, 1, stranger(1));
}

static void stamp(struct node *n, enum gnomon_msg_type type, gnomon_time t)
{
	const struct sent *s = node_sent(n, type, 0);

	assert_non_null(s);
	assert_int_not_equal(s->send.tx_id, 0);
	assert_int_equal(gnomon_engine_tx_done(n->engine, s->send.tx_id, &t, n->lan->now), 0);
	node_drain(n);
}

/* -- E2E --------------------------------------------------------------------------------------- */

/* One exchange as its messages say it. */
struct e2e {
	bool two_step;
	gnomon_time t1; /* whole ns; the fraction is in the correctionFields */
	gnomon_time t2;
	gnomon_time t3;
	gnomon_time t4;
	int64_t sync_correction;
	int64_t follow_up_correction;
	int64_t resp_correction;
};

static void hear_sync(struct node *n, const struct e2e *x, uint16_t sequence_id)
{
	struct gnomon_msg m = make_message(n, GNOMON_MSG_SYNC, stranger(1), sequence_id);

	m.header.correction = x->sync_correction;
	if (x->two_step) {
		m.header.flags = GNOMON_FLAG_TWO_STEP;
	} else {
		m.timestamp = wire_time(x->t1);
	}
	assert_int_equal(node_hear_at(n, 1, &m, x->t2), 0);
	if (x->two_step) {
		m = make_message(n, GNOMON_MSG_FOLLOW_UP, stranger(1), sequence_id);
		m.header.correction = x->follow_up_correction;
		m.timestamp = wire_time(x->t1);
		assert_int_equal(node_hear(n, 1, &m), 0);
	}
}

static struct gnomon_msg delay_resp(const struct node *n, const struct e2e *x)
{
	struct gnomon_msg request = node_message(n, GNOMON_MSG_DELAY_REQ, 0);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_DELAY_RESP, stranger(1),
					   request.header.sequence_id);

	m.requesting = node_port_identity(n, 1);
	m.header.correction = x->resp_correction;
	m.timestamp = wire_time(x->t4);
	return m;
}

/* Sync, delay exchange, Sync: the sample is complete. resp_first: before t3 is known. */
static void exchange(struct node *n, const struct e2e *x, bool resp_first)
{
	struct gnomon_msg m;

	hear_sync(n, x, 1);
	lan_run(n->lan, 2 * SEC);
	m = delay_resp(n, x);
	if (resp_first) {
		assert_int_equal(node_hear(n, 1, &m), 0);
	}
	stamp(n, GNOMON_MSG_DELAY_REQ, x->t3);
	if (!resp_first) {
		assert_int_equal(node_hear(n, 1, &m), 0);
	}
	hear_sync(n, x, 2);
}

/*
 * This clock is 500.25 ns ahead. A Sync takes 2000 ns and 1000.5 in a transparent clock, of which
 * 700.75 are reported in Sync, the rest in Follow_Up; a Delay_Req 2000 ns and 400.125.
 */
static struct e2e typical(bool two_step)
{
	struct e2e x = {
		.two_step = two_step,
		.t1 = at(0, 0),
		.t2 = at(2000 + 1000 + 500, 0xc000),
		.t3 = at(10000 + 500, 0x4000),
		.t4 = at(10000 + 2000 + 400, 0),
		.sync_correction = two_step ? interval(700, 0xc000) : interval(1000, 0x8000),
		.follow_up_correction = interval(299, 0xc000),
		.resp_correction = interval(400, 0),
	};

	return x;
}

/* CF-1, CF-2, CF-3. */
static void e2e_formulae(void **state)
{
	for (int two_step = 0; two_step <= 1; two_step++) {
		for (int resp_first = 0; resp_first <= 1; resp_first++) {
			struct node *n = by_hand(GNOMON_DELAY_E2E);
			struct e2e x = typical(two_step);

			follow(n);
			exchange(n, &x, resp_first);
			assert_int_equal(n->sample_count, 1);
			assert_span(n->sample.mean_delay, 2000, 0);
			assert_span(n->sample.offset, 500, 0x4000);
			assert_int_equal(gnomon_time_cmp(n->sample.local, x.t2), 0);
			assert_true(n->sample.weight == 1.0);
			lan_destroy(n->lan);
		}
	}
}

static void clock_event(struct node *n, enum gnomon_servo_state state, double rate_ratio)
{
	struct gnomon_clock_event event = { .size = sizeof(event), .state = state,
					    .rate_ratio = rate_ratio };

	assert_int_equal(gnomon_engine_clock_event(n->engine, &event, n->lan->now), 0);
	node_drain(n);
}

/* This clock is 100 ppm slow and waits a second to ask: 50 us of error, were it not known. */
static void e2e_rate(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	struct e2e x = {
		.t1 = at(0, 0),
		.t2 = at(2000, 0),
		.t3 = at(2000 + SEC, 0),
		.t4 = at(2000 + SEC + 100000 + 2000, 0),
	};

	follow(n);
	clock_event(n, GNOMON_SERVO_UNLOCKED, 1.0001);
	exchange(n, &x, false);
	assert_in_range(n->sample.mean_delay.ns, 1999, 2001);
	lan_destroy(n->lan);
}

/* No offset without a delay; with an assumed one, at once. */
static void initial_delay(void **state)
{
	for (int64_t delay = 0; delay <= 300; delay += 300) {
		struct node *n = by_hand(GNOMON_DELAY_E2E);
		struct e2e x = typical(true);

		n->config.initial_delay = gnomon_span_from_ns(delay);
		follow(n);
		hear_sync(n, &x, 1);
		assert_int_equal(n->sample_count, delay > 0);
		if (delay) {
			assert_span(n->sample.offset, 2500 - delay, 0x4000);
		}
		lan_destroy(n->lan);
	}
}

/* delayMechanism NONE: never asks, assumes what it was told. */
static void no_mechanism(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_NONE);
	struct e2e x = typical(false);

	n->config.initial_delay = gnomon_span_from_ns(2000);
	follow(n);
	hear_sync(n, &x, 1);
	lan_run(n->lan, 5 * SEC);
	assert_span(n->sample.offset, 500, 0x4000);
	assert_int_equal(n->sent_count, 0);
	lan_destroy(n->lan);
}

static void inhibit_delay_req(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		struct node *n = by_hand((enum gnomon_delay_mechanism)mechanism);

		n->ports[0].inhibit_delay_req = true;
		follow(n);
		lan_run(n->lan, 5 * SEC);
		assert_int_equal(n->sent_count, 0);
		lan_destroy(n->lan);
	}
}

/* -- latency and asymmetry ------------------------------------------------------------------- */

/* CF-9, in every mode: hardware that stamps off the wire, told so, measures as if on it. */
static void latency(void **state)
{
	for (int mode = 0; mode < 4; mode++) {
		struct lan *lan = lan_pair(mode & 1 ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E);

		for (int i = 0; i < 2; i++) {
			struct node *n = &lan->nodes[i];
			struct gnomon_port_config *c = &n->ports[0];

			n->ingress = (gnomon_span){ 300 + 1000 * i, 0x4000 };
			n->egress = (gnomon_span){ 70 + 1000 * i, 0x2000 };
			c->ingress_latency = n->ingress;
			c->egress_latency = n->egress;
			c->one_step_sync = mode & 2;
			c->one_step_pdelay = mode & 2;
		}
		lan_settle(lan);
		lan_check_synchronised(lan);
		lan_destroy(lan);
	}
}

/* And not told so, it is wrong by the known amounts: the signs of CF-9. */
static void latency_signs(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct gnomon_port_config *c = &lan->nodes[1].ports[0];

	c->ingress_latency = gnomon_span_from_ns(100);
	c->egress_latency = gnomon_span_from_ns(40);
	lan_settle(lan);
	/* t2 - 100, t3 + 40: delay (-100 - 40) / 2, offset -100 + 70. */
	assert_span(lan->nodes[1].sample.mean_delay, LAN_DELAY - 70, 0);
	assert_span(lan->nodes[1].sample.offset, LAN_PAIR_OFFSET - 30, 0);
	lan_destroy(lan);
}

/* CF-8: with the asymmetry known, a path of 1600 ns there and 1000 back is measured exactly. */
static void asymmetry(void **state)
{
	for (int mode = 0; mode < 4; mode++) {
		struct lan *lan = lan_pair(mode & 1 ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E);
		struct node *gm = &lan->nodes[0];
		struct node *tr = &lan->nodes[1];
		enum gnomon_msg_type asked =
			mode & 1 ? GNOMON_MSG_PDELAY_REQ : GNOMON_MSG_DELAY_REQ;

		gm->out_delay = 600;
		tr->ports[0].delay_asymmetry = gnomon_span_from_ns(300);
		gm->ports[0].delay_asymmetry = gnomon_span_from_ns(-300);
		for (int i = 0; i < 2; i++) {
			lan->nodes[i].ports[0].one_step_sync = mode & 2;
			lan->nodes[i].ports[0].one_step_pdelay = mode & 2;
		}
		lan_settle(lan);
		assert_span(tr->sample.mean_delay, LAN_DELAY + 300, 0);
		assert_span(tr->sample.offset, LAN_PAIR_OFFSET, 0);
		if (mode & 1) {
			assert_span(node_port_ds(tr, 1).mean_link_delay, LAN_DELAY + 300, 0);
			assert_span(node_port_ds(gm, 1).mean_link_delay, LAN_DELAY + 300, 0);
		}
		/* 11.6.6: on the wire too, for whoever looks. */
		assert_true(node_message(tr, asked, 0).header.correction == interval(-300, 0));
		assert_span(node_port_ds(tr, 1).delay_asymmetry, 300, 0);
		lan_destroy(lan);
	}
}

/* -- what a timeTransmitter writes ----------------------------------------------------------- */

static struct node *transmitter(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = by_hand(mechanism);

	node_start(n);
	lan_run(n->lan, 20 * SEC);
	assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
	return n;
}

/* CF-7: whole ns in preciseOriginTimestamp, the rest in the correctionField. */
static void follow_up_fraction(void **state)
{
	struct node *n = transmitter(GNOMON_DELAY_E2E);
	struct gnomon_msg sync = node_message(n, GNOMON_MSG_SYNC, 0);
	struct gnomon_msg follow_up;

	assert_int_equal(sync.header.flags, GNOMON_FLAG_TWO_STEP);
	stamp(n, GNOMON_MSG_SYNC, at(1234, 0xabcd));
	follow_up = node_message(n, GNOMON_MSG_FOLLOW_UP, 0);
	assert_int_equal(follow_up.header.sequence_id, sync.header.sequence_id);
	assert_int_equal(follow_up.header.flags, 0);
	assert_true(follow_up.header.correction == 0xabcd);
	assert_int_equal(follow_up.timestamp.seconds, LAN_EPOCH + 100);
	assert_int_equal(follow_up.timestamp.nanoseconds, 1234);
	lan_destroy(n->lan);
}

static void delay_resp_fraction(void **state)
{
	struct node *n = transmitter(GNOMON_DELAY_E2E);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_DELAY_REQ, stranger(3), 777);
	struct gnomon_port_identity asker = stranger(3);

	m.header.correction = interval(50, 0);
	assert_int_equal(node_hear_at(n, 1, &m, at(4321, 0x1234)), 0);
	m = node_message(n, GNOMON_MSG_DELAY_RESP, 0);
	assert_int_equal(m.header.sequence_id, 777);
	assert_same_port(&m.requesting, &asker);
	assert_int_equal(m.timestamp.nanoseconds, 4321);
	assert_true(m.header.correction == interval(50, 0) - 0x1234);
	assert_int_equal(m.header.log_interval, 0);
	lan_destroy(n->lan);
}

/* A request by unicast is answered by unicast, to where it came from. */
static void unicast_answers(void **state)
{
	for (int peer = 0; peer <= 1; peer++) {
		struct node *n = transmitter(peer ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E);
		struct gnomon_msg m = make_message(n, peer ? GNOMON_MSG_PDELAY_REQ
							   : GNOMON_MSG_DELAY_REQ,
						   stranger(3), 1);
		enum gnomon_msg_type answer =
			peer ? GNOMON_MSG_PDELAY_RESP : GNOMON_MSG_DELAY_RESP;
		gnomon_time arrival = at(0, 0);
		uint8_t data[FRAME_MAX];
		struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data,
					.timestamp = &arrival,
					.source = node_address(n, 77) };

		m.header.flags = GNOMON_FLAG_UNICAST;
		rx.len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));
		assert_int_equal(node_hear_rx(n, &rx), 0);
		assert_int_equal(node_sent(n, answer, 0)->send.destination, GNOMON_TO_ADDRESS);
		assert_memory_equal(&node_sent(n, answer, 0)->send.address, &rx.source,
				    sizeof(rx.source));
		m = node_message(n, answer, 0);
		assert_true(m.header.flags & GNOMON_FLAG_UNICAST);
		assert_int_equal(m.header.log_interval, GNOMON_LOG_INTERVAL_NONE);
		if (peer) {
			stamp(n, GNOMON_MSG_PDELAY_RESP, at(9, 0));
			m = node_message(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 0);
			assert_true(m.header.flags & GNOMON_FLAG_UNICAST);
		}
		/* From an unknown address there is only one way back. */
		rx.source.length = 0;
		assert_int_equal(node_hear_rx(n, &rx), 0);
		assert_int_equal(node_sent(n, answer, 0)->send.destination,
				 peer ? GNOMON_TO_PEER : GNOMON_TO_PRIMARY);
		assert_false(node_message(n, answer, 0).header.flags & GNOMON_FLAG_UNICAST);
		lan_destroy(n->lan);
	}
}

/* The header of everything it sends (table 42, 13.3). */
static void headers(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	static const enum gnomon_msg_type types[] = { GNOMON_MSG_ANNOUNCE, GNOMON_MSG_SYNC,
						      GNOMON_MSG_FOLLOW_UP };
	static const uint8_t control[] = { 5, 0, 2 };
	static const int8_t logs[] = { 2, -2, -2 };
	struct gnomon_port_identity own;

	n->config.sdo_id = 0x1a5;
	n->config.domain = 24;
	n->ports[0].log_announce_interval = 2;
	n->ports[0].log_sync_interval = -2;
	node_start(n);
	lan_run(n->lan, 40 * SEC);
	stamp(n, GNOMON_MSG_SYNC, at(0, 0));
	own = node_port_identity(n, 1);
	for (int i = 0; i < 3; i++) {
		struct gnomon_msg m = node_message(n, types[i], 0);
		const struct gnomon_send *send = &node_sent(n, types[i], 0)->send;
		bool event = gnomon_msg_is_event(types[i]);

		assert_int_equal(m.header.sdo_id, 0x1a5);
		assert_int_equal(m.header.domain, 24);
		assert_int_equal(m.header.version, 2);
		assert_int_equal(m.header.minor_version, 1);
		assert_int_equal(m.header.control, control[i]);
		assert_int_equal(m.header.log_interval, logs[i]);
		assert_same_port(&m.header.source, &own);
		assert_int_equal(send->channel,
				 event ? GNOMON_CHANNEL_EVENT : GNOMON_CHANNEL_GENERAL);
		assert_int_equal(send->destination, GNOMON_TO_PRIMARY);
		assert_int_equal(send->tx_id != 0, event);
	}
	lan_destroy(n->lan);
}

/* -- P2P --------------------------------------------------------------------------------------- */

enum responder {
	RESPONDER_ONE_STEP,
	RESPONDER_TURNAROUND, /* two-step, both timestamps zero, the turnaround in Follow_Up */
	RESPONDER_TIMESTAMPS, /* two-step, both timestamps, fractions in the correctionFields */
	RESPONDER_COUNT
};

static struct gnomon_msg peer_answer(const struct node *n, enum gnomon_msg_type type,
				     struct gnomon_port_identity who)
{
	struct gnomon_msg request = node_message(n, GNOMON_MSG_PDELAY_REQ, 0);
	struct gnomon_msg m = make_message(n, type, who, request.header.sequence_id);

	m.requesting = node_port_identity(n, 1);
	return m;
}

/* Answer the latest request: received at t2, answered at t3 by the responder's clock. */
static void respond(struct node *n, enum responder kind, gnomon_time t2, gnomon_time t3,
		    gnomon_time t4, bool follow_up_first)
{
	struct gnomon_msg resp = peer_answer(n, GNOMON_MSG_PDELAY_RESP, stranger(1));
	struct gnomon_msg last = peer_answer(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, stranger(1));
	int64_t turnaround = gnomon_span_to_interval(gnomon_time_diff(t3, t2));

	if (kind == RESPONDER_TIMESTAMPS) {
		resp.header.correction = -gnomon_timestamp_from_time(&resp.timestamp, t2);
		last.header.correction = gnomon_timestamp_from_time(&last.timestamp, t3);
	} else if (kind == RESPONDER_TURNAROUND) {
		last.header.correction = turnaround;
	} else {
		resp.header.correction = turnaround;
		assert_int_equal(node_hear_at(n, 1, &resp, t4), 0);
		return;
	}
	resp.header.flags = GNOMON_FLAG_TWO_STEP;
	if (follow_up_first) {
		assert_int_equal(node_hear(n, 1, &last), 0);
	}
	assert_int_equal(node_hear_at(n, 1, &resp, t4), 0);
	if (!follow_up_first) {
		assert_int_equal(node_hear(n, 1, &last), 0);
	}
}

/* CF-4, CF-5, CF-6: whatever the responder's way, in whatever order, the same delay. */
static void p2p_formulae(void **state)
{
	for (int order = 0; order < 4; order++) {
		for (int kind = 0; kind < RESPONDER_COUNT; kind++) {
			struct node *n = by_hand(GNOMON_DELAY_P2P);
			bool stamp_first = order & 1;

			node_start(n);
			lan_run(n->lan, 2 * SEC);
			if (stamp_first) {
				stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0x8000));
			}
			respond(n, (enum responder)kind, at(5000000, 0x4000),
				at(5000700, 0xc000), at(3701, 0), order & 2);
			assert_int_equal(node_port_ds(n, 1).mean_link_delay_valid, stamp_first);
			if (!stamp_first) {
				stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0x8000));
			}
			assert_true(node_port_ds(n, 1).mean_link_delay_valid);
			/* (3700.5 - 700.5) / 2 */
			assert_span(node_port_ds(n, 1).mean_link_delay, 1500, 0);
			lan_destroy(n->lan);
		}
	}
}

/* The offset over a measured link needs no Delay_Req: CF-3 with meanLinkDelay. */
static void p2p_offset(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	struct e2e x = typical(true);

	follow(n);
	hear_sync(n, &x, 1);
	assert_int_equal(n->sample_count, 0);
	stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
	respond(n, RESPONDER_ONE_STEP, at(0, 0), at(100, 0), at(4100, 0), false);
	hear_sync(n, &x, 2);
	assert_int_equal(n->sample_count, 1);
	assert_span(n->sample.mean_delay, 2000, 0);
	assert_span(n->sample.offset, 500, 0x4000);
	lan_destroy(n->lan);
}

/* CF-6 as a responder, both ways of answering; correctionField of the request is passed back. */
static void p2p_responder(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_PDELAY_REQ, stranger(9), 4242);
	struct gnomon_port_identity asker = stranger(9);
	struct gnomon_msg resp;
	struct gnomon_msg last;
	gnomon_span turnaround;

	node_start(n);
	m.header.correction = interval(-17, 0x1000);
	assert_int_equal(node_hear_at(n, 1, &m, at(1000, 0x6000)), 0);
	stamp(n, GNOMON_MSG_PDELAY_RESP, at(51000, 0x9000));
	resp = node_message(n, GNOMON_MSG_PDELAY_RESP, 0);
	last = node_message(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 0);
	assert_int_equal(resp.header.sequence_id, 4242);
	assert_int_equal(last.header.sequence_id, 4242);
	assert_same_port(&resp.requesting, &asker);
	assert_same_port(&last.requesting, &asker);
	assert_int_equal(resp.header.flags, GNOMON_FLAG_TWO_STEP);
	assert_int_equal(last.header.flags, 0);
	assert_int_equal(node_sent(n, GNOMON_MSG_PDELAY_RESP, 0)->send.destination, GNOMON_TO_PEER);
	assert_int_equal(node_sent(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 0)->send.destination,
			 GNOMON_TO_PEER);
	assert_int_equal(resp.timestamp.nanoseconds, 1000);
	assert_int_equal(last.timestamp.nanoseconds, 51000);
	/* What an asker gets out of it: turnaround plus the correction it sent. */
	turnaround = gnomon_span_from_interval(resp.header.correction + last.header.correction);
	turnaround = gnomon_span_add(turnaround, gnomon_span_from_ns(50000));
	assert_span(turnaround, 50000 - 17, 0x3000 + 0x1000);
	lan_destroy(n->lan);
}

static void p2p_responder_one_step(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_PDELAY_REQ, stranger(9), 1);
	const struct gnomon_send *send;
	gnomon_time arrival = at(1000, 0x6000);

	n->ports[0].one_step_pdelay = true;
	node_start(n);
	m.header.correction = interval(33, 0);
	assert_int_equal(node_hear_at(n, 1, &m, arrival), 0);
	send = &node_sent(n, GNOMON_MSG_PDELAY_RESP, 0)->send;
	assert_true(send->one_step);
	assert_int_equal(send->tx_id, 0);
	assert_int_equal(gnomon_time_cmp(send->one_step_ingress, arrival), 0);
	m = node_message(n, GNOMON_MSG_PDELAY_RESP, 0);
	assert_true(m.header.correction == interval(33, 0));
	assert_int_equal(m.header.flags, 0);
	assert_int_equal(m.timestamp.seconds, 0);
	assert_null(node_sent(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 0));
	lan_destroy(n->lan);
}

/* A neighbour 100 ppm fast that takes 100 ms to answer: 5 us of error, were it not known. */
static void neighbor_rate(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	const double fast = 1.0001;

	node_start(n);
	for (int i = 0; i < 10; i++) {
		int64_t t1 = i * SEC;
		int64_t t4 = t1 + 100 * MS + 2000;

		lan_run(n->lan, SEC);
		stamp(n, GNOMON_MSG_PDELAY_REQ, at(t1, 0));
		respond(n, RESPONDER_TIMESTAMPS, at((int64_t)((double)(t1 + 1000) * fast), 0),
			at((int64_t)((double)(t4 - 1000) * fast), 0), at(t4, 0), false);
	}
	assert_true(node_port_ds(n, 1).neighbor_rate_ratio > 1.00009999);
	assert_true(node_port_ds(n, 1).neighbor_rate_ratio < 1.00010001);
	assert_in_range(node_port_ds(n, 1).mean_link_delay.ns, 995, 1005);
	lan_destroy(n->lan);
}

/* Another neighbour, another rate: nothing is measured between clocks that differ. */
static void neighbor_rate_of_another(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);

	n->ports[0].allowed_lost_responses = 100;
	node_start(n);
	for (int i = 0; i < 10; i++) {
		struct gnomon_port_identity who = stranger(i < 5 ? 1 : 2);
		struct gnomon_msg m;
		gnomon_time t3 = at(i * SEC + (i < 5 ? 0 : 700000), 0);

		lan_run(n->lan, SEC);
		stamp(n, GNOMON_MSG_PDELAY_REQ, at(i * SEC - 1000, 0));
		m = peer_answer(n, GNOMON_MSG_PDELAY_RESP, who);
		m.header.flags = GNOMON_FLAG_TWO_STEP;
		m.timestamp = wire_time(t3);
		assert_int_equal(node_hear_at(n, 1, &m, at(i * SEC + 1000, 0)), 0);
		m = peer_answer(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, who);
		m.timestamp = wire_time(t3);
		assert_int_equal(node_hear(n, 1, &m), 0);
		assert_true(node_port_ds(n, 1).neighbor_rate_ratio == 1.0);
		assert_span(node_port_ds(n, 1).mean_link_delay, 1000, 0);
	}
	lan_destroy(n->lan);
}

/* -- who may answer -------------------------------------------------------------------------- */

/* Three P2P clocks on one segment: each request has two answers. Counted, told, survived. */
static void multiple_responders(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_P2P);
	struct node *third = node_add(lan, 1);

	third->config.priority1 = 200;
	third->ports[0].delay_mechanism = GNOMON_DELAY_P2P;
	third->segment[0] = 0;
	third->auto_lock = true;
	/* The true neighbours are near, the third is far: its answers come last. */
	third->out_delay = 100000;
	lan_settle(lan);
	lan_run(lan, 100 * SEC);
	lan_check_synchronised(lan);
	for (int i = 0; i < 2; i++) {
		struct node *n = &lan->nodes[i];

		assert_true(node_counters(n, 1).pdelay_multiple_responders > 100);
		assert_in_range(n->event_count[GNOMON_EVENT_MULTIPLE_RESPONDERS], 100, 130);
		assert_true(node_port_ds(n, 1).mean_link_delay_valid);
		assert_span(node_port_ds(n, 1).mean_link_delay, LAN_DELAY, 0);
	}
	assert_state(third, 1, GNOMON_PORT_TIME_RECEIVER);
	lan_destroy(lan);
}

/* Somebody who answers faster than the neighbour, with a delay of his choice, gets nowhere. */
static void impostor_is_faster(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);

	node_start(n);
	for (int i = 0; i < 20; i++) {
		lan_run(n->lan, SEC);
		if (i > 0) {
			struct gnomon_msg m = peer_answer(n, GNOMON_MSG_PDELAY_RESP, stranger(66));

			m.header.flags = i & 1 ? GNOMON_FLAG_TWO_STEP : 0;
			m.header.correction = interval(-5000, 0);
			node_hear_at(n, 1, &m, at(100, 0));
			m = peer_answer(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, stranger(66));
			node_hear(n, 1, &m);
		}
		respond(n, RESPONDER_TIMESTAMPS, at(0, 0), at(500, 0), at(2500, 0), i & 2);
		stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		assert_true(node_port_ds(n, 1).mean_link_delay_valid);
		assert_span(node_port_ds(n, 1).mean_link_delay, 1000, 0);
	}
	assert_int_equal(n->event_count[GNOMON_EVENT_MULTIPLE_RESPONDERS], 19);
	assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
	lan_destroy(n->lan);
}

/* A neighbour that falls silent is forgotten after the losses allowed; the next one is taken. */
static void lost_responses(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	uint64_t requests;

	n->ports[0].allowed_lost_responses = 5;
	node_start(n);
	lan_run(n->lan, 2 * SEC);
	stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
	respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2000, 0), false);
	requests = node_counters(n, 1).tx[GNOMON_MSG_PDELAY_REQ];
	while (node_port_ds(n, 1).mean_link_delay_valid) {
		lan_run(n->lan, 100 * MS);
		assert_true(node_counters(n, 1).tx[GNOMON_MSG_PDELAY_REQ] - requests < 20);
	}
	/* The first request after the answer was not lost yet; five may be, the sixth may not. */
	assert_int_equal(node_counters(n, 1).tx[GNOMON_MSG_PDELAY_REQ] - requests, 7);
	assert_int_equal(n->event_count[GNOMON_EVENT_PEER_DELAY_VALID], 2);
	assert_int_equal(n->event[GNOMON_EVENT_PEER_DELAY_VALID].value, 0);
	assert_true(node_counters(n, 1).pdelay_lost_response >= 6);
	assert_true(node_state(n, 1) != GNOMON_PORT_FAULTY);
	stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
	respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(4000, 0), false);
	assert_true(node_port_ds(n, 1).mean_link_delay_valid);
	assert_span(node_port_ds(n, 1).mean_link_delay, 2000, 0);
	assert_int_equal(n->event[GNOMON_EVENT_PEER_DELAY_VALID].value, 1);
	lan_destroy(n->lan);
}

/* Limits are inclusive; a delay beyond them leaves the one before in force. */
static void link_delay_limits(void **state)
{
	static const int64_t delays[] = { 100, 99, 900, 901, -5000, 500 };
	static const int64_t in_force[] = { 100, 100, 900, 900, 900, 500 };
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	uint64_t refused = 0;

	n->ports[0].neighbor_prop_delay_min = gnomon_span_from_ns(100);
	n->ports[0].neighbor_prop_delay_max = gnomon_span_from_ns(900);
	node_start(n);
	lan_run(n->lan, SEC);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		lan_run(n->lan, SEC);
		stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2 * delays[i], 0), false);
		assert_span(node_port_ds(n, 1).mean_link_delay, in_force[i], 0);
		refused += delays[i] != in_force[i];
	}
	assert_int_equal(node_dropped(n, 1, GNOMON_DROP_LINK_DELAY), refused);
	lan_destroy(n->lan);
}

/* -- filter and weight ----------------------------------------------------------------------- */

/* A filter that remembers the least of all values: easy to predict. */
struct least {
	bool any;
	gnomon_span value;
};

static size_t least_size(unsigned int length)
{
	return length * sizeof(struct least);
}

static void least_init(void *state, unsigned int length)
{
	memset(state, 0, least_size(length));
}

static gnomon_span least_sample(void *state, gnomon_span value)
{
	struct least *l = state;

	if (!l->any || gnomon_span_cmp(value, l->value) < 0) {
		l->value = value;
	}
	l->any = true;
	return l->value;
}

static void least_reset(void *state)
{
	((struct least *)state)->any = false;
}

static const struct gnomon_filter_ops least = { "least", "for tests", least_size, least_init,
						least_sample, least_reset };

/* Raw delays 1000, then 4000: which is used, and how much the sample is trusted. */
static void filter_and_weight(void **state)
{
	static const struct {
		enum gnomon_tsproc_mode mode;
		int64_t delay;
		double weight;
	} cases[] = {
		{ GNOMON_TSPROC_FILTER, 1000, 1.0 },
		{ GNOMON_TSPROC_RAW, 4000, 1.0 },
		{ GNOMON_TSPROC_FILTER_WEIGHT, 1000, 0.25 },
		{ GNOMON_TSPROC_RAW_WEIGHT, 4000, 0.25 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node *n = by_hand(GNOMON_DELAY_P2P);
		struct e2e x = typical(true);

		n->ports[0].tsproc_mode = cases[i].mode;
		n->ports[0].delay_filter = &least;
		n->ports[0].delay_filter_length = 3;
		follow(n);
		stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2000, 0), false);
		lan_run(n->lan, SEC);
		stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(8000, 0), false);
		hear_sync(n, &x, 1);
		assert_span(n->sample.mean_delay, cases[i].delay, 0);
		assert_span(n->sample.offset, 2500 - cases[i].delay, 0x4000);
		assert_true(n->sample.weight == cases[i].weight);
		lan_destroy(n->lan);
	}
}

/* A delay measured by one-step answers: the filter gets half of the round trip. */
static void measure(struct node *n, int64_t delay)
{
	lan_run(n->lan, SEC);
	stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
	respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2 * delay, 0), false);
}

static struct node *weighing(void)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);

	n->ports[0].tsproc_mode = GNOMON_TSPROC_FILTER_WEIGHT;
	n->ports[0].delay_filter = &least;
	n->ports[0].delay_filter_length = 3;
	follow(n);
	return n;
}

/* A weight is never nothing, and nonsense does not get more than full trust. */
static void weight_limits(void **state)
{
	struct node *n = weighing();
	struct e2e x = typical(true);

	measure(n, 1000);
	measure(n, 10000000);
	hear_sync(n, &x, 1);
	assert_true(n->sample.weight == 0.01);
	measure(n, -4000);
	hear_sync(n, &x, 2);
	assert_true(n->sample.weight == 1.0);
	measure(n, 0);
	hear_sync(n, &x, 3);
	assert_true(n->sample.weight == 1.0);
	lan_destroy(n->lan);
}

/* What a clock measured before it was locked is not worth filtering: once, when it locks. */
static void filter_starts_over_when_locked(void **state)
{
	struct node *n = weighing();

	measure(n, 1000);
	clock_event(n, GNOMON_SERVO_LOCKED, 1.0);
	assert_span(node_port_ds(n, 1).mean_link_delay, 1000, 0);
	measure(n, 4000);
	assert_span(node_port_ds(n, 1).mean_link_delay, 4000, 0);
	clock_event(n, GNOMON_SERVO_LOCKED, 1.0);
	measure(n, 5000);
	assert_span(node_port_ds(n, 1).mean_link_delay, 4000, 0);
	lan_destroy(n->lan);
}

/* -- extremes -------------------------------------------------------------------------------- */

static const int64_t corrections[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1 };
static const gnomon_time instants[] = {
	{ 0, 0, 0 },
	{ 1, 999999999, 0xffff },
	{ INT64_C(0xffffffffffff), 999999999, 0 },
	{ LAN_EPOCH, 0, 1 },
};

/* Every combination of extreme fields saturates somewhere and breaks nothing. */
static void e2e_extremes(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	uint16_t sequence_id = 0;

	follow(n);
	for (size_t i = 0; i < 6 * 6 * 4 * 4; i++) {
		struct e2e x = {
			.two_step = i & 1,
			.t1 = instants[i / 36 % 4],
			.t2 = instants[i / 144],
			.t3 = instants[(i + 1) % 4],
			.t4 = instants[(i / 4) % 4],
			.sync_correction = corrections[i % 6],
			.follow_up_correction = corrections[i / 6 % 6],
			.resp_correction = corrections[(i / 2) % 6],
		};
		struct gnomon_msg m = make_announce(n, stranger(1), (uint16_t)(100 + i));

		assert_int_equal(node_hear(n, 1, &m), 0);
		hear_sync(n, &x, sequence_id++);
		lan_run(n->lan, 2 * SEC);
		m = delay_resp(n, &x);
		stamp(n, GNOMON_MSG_DELAY_REQ, x.t3);
		assert_int_equal(node_hear(n, 1, &m), 0);
		hear_sync(n, &x, sequence_id++);
		assert_true(n->sample.weight > 0.0 && n->sample.weight <= 1.0);
	}
	assert_true(n->sample_count > 6 * 6 * 4 * 4);
	lan_destroy(n->lan);
}

static void p2p_extremes(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);

	node_start(n);
	lan_run(n->lan, SEC);
	for (size_t i = 0; i < 6 * 6 * 4 * 4; i++) {
		struct gnomon_msg resp;
		struct gnomon_msg last;

		lan_run(n->lan, SEC);
		resp = peer_answer(n, GNOMON_MSG_PDELAY_RESP, stranger(1));
		last = peer_answer(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, stranger(1));
		resp.header.flags = i & 1 ? GNOMON_FLAG_TWO_STEP : 0;
		resp.header.correction = corrections[i % 6];
		last.header.correction = corrections[i / 6 % 6];
		resp.timestamp = wire_time(instants[i / 36 % 4]);
		last.timestamp = wire_time(instants[i / 144]);
		stamp(n, GNOMON_MSG_PDELAY_REQ, instants[(i + 1) % 4]);
		assert_int_equal(node_hear_at(n, 1, &resp, instants[i / 2 % 4]), 0);
		node_hear(n, 1, &last);
	}
	lan_destroy(n->lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/e2e/formulae", e2e_formulae),
		LAN_TEST("/ptp/engine/e2e/rate", e2e_rate),
		LAN_TEST("/ptp/engine/e2e/initial_delay", initial_delay),
		LAN_TEST("/ptp/engine/e2e/no_mechanism", no_mechanism),
		LAN_TEST("/ptp/engine/e2e/inhibit_delay_req", inhibit_delay_req),
		LAN_TEST("/ptp/engine/e2e/extremes", e2e_extremes),
		LAN_TEST("/ptp/engine/latency/all_modes", latency),
		LAN_TEST("/ptp/engine/latency/signs", latency_signs),
		LAN_TEST("/ptp/engine/asymmetry", asymmetry),
		LAN_TEST("/ptp/engine/transmit/follow_up_fraction", follow_up_fraction),
		LAN_TEST("/ptp/engine/transmit/delay_resp_fraction", delay_resp_fraction),
		LAN_TEST("/ptp/engine/transmit/unicast_answers", unicast_answers),
		LAN_TEST("/ptp/engine/transmit/headers", headers),
		LAN_TEST("/ptp/engine/p2p/formulae", p2p_formulae),
		LAN_TEST("/ptp/engine/p2p/offset", p2p_offset),
		LAN_TEST("/ptp/engine/p2p/responder", p2p_responder),
		LAN_TEST("/ptp/engine/p2p/responder_one_step", p2p_responder_one_step),
		LAN_TEST("/ptp/engine/p2p/neighbor_rate", neighbor_rate),
		LAN_TEST("/ptp/engine/p2p/neighbor_rate_of_another", neighbor_rate_of_another),
		LAN_TEST("/ptp/engine/p2p/multiple_responders", multiple_responders),
		LAN_TEST("/ptp/engine/p2p/impostor_is_faster", impostor_is_faster),
		LAN_TEST("/ptp/engine/p2p/lost_responses", lost_responses),
		LAN_TEST("/ptp/engine/p2p/link_delay_limits", link_delay_limits),
		LAN_TEST("/ptp/engine/p2p/extremes", p2p_extremes),
		LAN_TEST("/ptp/engine/filter/and_weight", filter_and_weight),
		LAN_TEST("/ptp/engine/filter/weight_limits", weight_limits),
		LAN_TEST("/ptp/engine/filter/starts_over_when_locked",
			 filter_starts_over_when_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
