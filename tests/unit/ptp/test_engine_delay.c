/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is made of timestamps: mean delays, offsets, correctionFields, latencies and
 * asymmetry. Formulae are those of clause 11; numbers are chosen so that results are exact.
 */

#include <stdlib.h>
#include <string.h>

#include "exact.h"

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
	node_stamp(n, GNOMON_MSG_DELAY_REQ, x->t3);
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

static void step_event(struct node *n, int64_t by_ns)
{
	struct gnomon_clock_event event = { .size = sizeof(event),
					    .state = GNOMON_SERVO_JUMP,
					    .stepped = true,
					    .step_by = gnomon_span_from_ns(by_ns),
					    .rate_ratio = 1.0 };

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

/* A Sync that was held up by 8 us after the exchange: half of that is in its raw delay of 2 us,
 * which is used, or costs it trust. After a step the times of the exchange say nothing of it. */
static void e2e_held_up(void **state)
{
	static const struct {
		enum gnomon_tsproc_mode mode;
		int64_t delay;
		double weight;
	} cases[] = {
		{ GNOMON_TSPROC_FILTER, 2000, 1.0 },
		{ GNOMON_TSPROC_RAW, 6000, 1.0 },
		{ GNOMON_TSPROC_FILTER_WEIGHT, 2000, 1.0 / 3.0 },
		{ GNOMON_TSPROC_RAW_WEIGHT, 6000, 1.0 / 3.0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node *n = by_hand(GNOMON_DELAY_E2E);
		struct e2e x = typical(false);

		n->ports[0].tsproc_mode = cases[i].mode;
		follow(n);
		exchange(n, &x, false);
		assert_span(n->sample.mean_delay, 2000, 0);
		x.t2 = at(2000 + 1000 + 500 + 8000, 0xc000);
		hear_sync(n, &x, 3);
		assert_span(n->sample.mean_delay, cases[i].delay, 0);
		assert_span(n->sample.offset, 500 + 8000 + 2000 - cases[i].delay, 0x4000);
		assert_true(n->sample.weight == cases[i].weight);
		step_event(n, SEC);
		hear_sync(n, &x, 4);
		assert_span(n->sample.mean_delay, 2000, 0);
		assert_true(n->sample.weight == 1.0);
		lan_destroy(n->lan);
	}
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
	node_stamp(n, GNOMON_MSG_SYNC, at(1234, 0xabcd));
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
			node_stamp(n, GNOMON_MSG_PDELAY_RESP, at(9, 0));
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
	node_stamp(n, GNOMON_MSG_SYNC, at(0, 0));
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

/* -- extremes -------------------------------------------------------------------------------- */

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
		node_stamp(n, GNOMON_MSG_DELAY_REQ, x.t3);
		assert_int_equal(node_hear(n, 1, &m), 0);
		hear_sync(n, &x, sequence_id++);
		assert_true(n->sample.weight > 0.0 && n->sample.weight <= 1.0);
	}
	assert_true(n->sample_count > 6 * 6 * 4 * 4);
	lan_destroy(n->lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/e2e/formulae", e2e_formulae),
		LAN_TEST("/ptp/engine/e2e/rate", e2e_rate),
		LAN_TEST("/ptp/engine/e2e/held_up", e2e_held_up),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
