/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer delay mechanism: link delays, the neighbour's rate, who may answer, filters and weights.
 * Formulae are those of 11.4; numbers are chosen so that results are exact.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"

static void clock_event(struct node *n, enum gnomon_servo_state state, double rate_ratio)
{
	struct gnomon_clock_event event = { .size = sizeof(event), .state = state,
					    .rate_ratio = rate_ratio };

	assert_int_equal(gnomon_engine_clock_event(n->engine, &event, n->lan->now), 0);
	node_drain(n);
}

/* A one-step Sync that took 2500.25 ns by the two clocks. */
static void hear_sync(struct node *n, uint16_t sequence_id)
{
	struct gnomon_msg m = make_message(n, GNOMON_MSG_SYNC, stranger(1), sequence_id);

	m.timestamp = wire_time(at(0, 0));
	assert_int_equal(node_hear_at(n, 1, &m, at(2500, 0x4000)), 0);
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
				node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0x8000));
			}
			respond(n, (enum responder)kind, at(5000000, 0x4000),
				at(5000700, 0xc000), at(3701, 0), order & 2);
			assert_int_equal(node_port_ds(n, 1).mean_link_delay_valid, stamp_first);
			if (!stamp_first) {
				node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0x8000));
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

	follow(n);
	hear_sync(n, 1);
	assert_int_equal(n->sample_count, 0);
	node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
	respond(n, RESPONDER_ONE_STEP, at(0, 0), at(100, 0), at(4100, 0), false);
	hear_sync(n, 2);
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
	node_stamp(n, GNOMON_MSG_PDELAY_RESP, at(51000, 0x9000));
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
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(t1, 0));
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
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(i * SEC - 1000, 0));
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
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
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
	node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
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
	node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
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
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2 * delays[i], 0), false);
		assert_span(node_port_ds(n, 1).mean_link_delay, in_force[i], 0);
		refused += delays[i] != in_force[i];
	}
	assert_int_equal(node_dropped(n, 1, GNOMON_DROP_LINK_DELAY), refused);
	/* One too many in a row, and there is no link delay to go by. */
	for (int i = 0; i <= n->ports[0].allowed_lost_responses; i++) {
		assert_true(node_port_ds(n, 1).mean_link_delay_valid);
		lan_run(n->lan, SEC);
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2000000, 0), false);
	}
	assert_false(node_port_ds(n, 1).mean_link_delay_valid);
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

		n->ports[0].tsproc_mode = cases[i].mode;
		n->ports[0].delay_filter = &least;
		n->ports[0].delay_filter_length = 3;
		follow(n);
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(2000, 0), false);
		lan_run(n->lan, SEC);
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
		respond(n, RESPONDER_ONE_STEP, at(0, 0), at(0, 0), at(8000, 0), false);
		hear_sync(n, 1);
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
	node_stamp(n, GNOMON_MSG_PDELAY_REQ, at(0, 0));
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

	measure(n, 1000);
	measure(n, 10000000);
	hear_sync(n, 1);
	assert_true(n->sample.weight == 0.01);
	measure(n, -4000);
	hear_sync(n, 2);
	assert_true(n->sample.weight == 1.0);
	measure(n, 0);
	hear_sync(n, 3);
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

/* Every combination of extreme fields saturates somewhere and breaks nothing. */
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
		node_stamp(n, GNOMON_MSG_PDELAY_REQ, instants[(i + 1) % 4]);
		assert_int_equal(node_hear_at(n, 1, &resp, instants[i / 2 % 4]), 0);
		node_hear(n, 1, &last);
	}
	lan_destroy(n->lan);
}

/* The neighbour's rate is measured over freq_est_interval and not sooner. */
static void rate_interval(void **state)
{
	for (int8_t log = 1; log <= 4; log += 3) {
		struct lan *lan = lan_pair(GNOMON_DELAY_P2P);
		struct node *tr = &lan->nodes[1];

		lan->nodes[0].ppb = 50000;
		tr->ports[0].freq_est_interval = log;
		node_start(&lan->nodes[0]);
		node_start(tr);
		lan_run(lan, (INT64_C(1) << log) * SEC - SEC / 2);
		assert_true(node_port_ds(tr, 1).neighbor_rate_ratio == 1.0);
		lan_run(lan, 4 * SEC);
		assert_true(fabs(node_port_ds(tr, 1).neighbor_rate_ratio - 1.00005) < 1e-7);
		lan_destroy(lan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/p2p/rate_interval", rate_interval),
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
