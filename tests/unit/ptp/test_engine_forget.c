/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine must not carry over: from before a step, a link failure, a restart elsewhere. */
#include "harness.h"

#include <errno.h>
#include <string.h>

/* Started, and its transmit timestamps given by hand. */
static struct node *by_hand(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = node_by_hand(mechanism);

	node_start(n);
	return n;
}

static int stamp(struct node *n, uint32_t tx_id)
{
	return node_stamp_tx(n, tx_id, node_clock(n, n->lan->now));
}

static uint32_t latest_tx(const struct node *n, enum gnomon_msg_type type)
{
	const struct sent *s = node_sent(n, type, 0);

	assert_non_null(s);
	return s->send.tx_id;
}

static void step(struct node *n)
{
	struct gnomon_clock_event event = { .size = sizeof(event), .state = GNOMON_SERVO_JUMP,
					    .stepped = true, .step_by = { 5 * SEC, 0 },
					    .rate_ratio = 1.0 };

	assert_int_equal(gnomon_engine_clock_event(n->engine, &event, n->lan->now), 0);
	node_drain(n);
}

static int hear_sync(struct node *n, uint16_t sequence_id)
{
	struct gnomon_msg m = make_message(n, GNOMON_MSG_SYNC, stranger(1), sequence_id);

	m.timestamp = wire_time(node_clock(n, n->lan->now));
	return node_hear(n, 1, &m);
}

static struct gnomon_msg answer(const struct node *n, enum gnomon_msg_type type,
				enum gnomon_msg_type request, uint8_t who)
{
	struct gnomon_msg m = make_message(n, type, stranger(who),
					   node_message(n, request, 0).header.sequence_id);

	m.requesting = node_port_identity(n, 1);
	m.timestamp = wire_time(node_clock(n, n->lan->now));
	return m;
}

/* -- a step of the clock --------------------------------------------------------------------- */

/* A Delay_Req in flight is void, whichever of its timestamps was still to come. */
static void step_voids_delay_req(void **state)
{
	for (int stamped = 0; stamped <= 1; stamped++) {
		struct node *n = by_hand(GNOMON_DELAY_E2E);
		struct gnomon_msg resp;
		uint32_t tx;

		follow_stranger(n, 1, stranger(1));
		hear_sync(n, 1);
		lan_run(n->lan, 2 * SEC);
		tx = latest_tx(n, GNOMON_MSG_DELAY_REQ);
		resp = answer(n, GNOMON_MSG_DELAY_RESP, GNOMON_MSG_DELAY_REQ, 1);
		if (stamped) {
			assert_int_equal(stamp(n, tx), 0);
		}
		step(n);
		hear_sync(n, 2);
		if (!stamped) {
			assert_int_equal(stamp(n, tx), -ENOENT);
		}
		assert_int_equal(node_hear(n, 1, &resp), -EBADMSG);
		hear_sync(n, 3);
		assert_int_equal(n->sample_count, 0);
		lan_destroy(n->lan);
	}
}

/* So is a Pdelay_Req. */
static void step_voids_pdelay_req(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	struct gnomon_msg m;
	uint32_t tx;

	lan_run(n->lan, 2 * SEC);
	tx = latest_tx(n, GNOMON_MSG_PDELAY_REQ);
	m = answer(n, GNOMON_MSG_PDELAY_RESP, GNOMON_MSG_PDELAY_REQ, 1);
	step(n);
	assert_int_equal(stamp(n, tx), -ENOENT);
	assert_int_equal(node_hear(n, 1, &m), -EBADMSG);
	assert_false(node_port_ds(n, 1).mean_link_delay_valid);
	lan_destroy(n->lan);
}

/* A Pdelay_Resp too: half of its turnaround would be of the old clock. */
static void step_voids_pdelay_resp(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);
	struct gnomon_msg m = make_message(n, GNOMON_MSG_PDELAY_REQ, stranger(3), 1);

	assert_int_equal(node_hear(n, 1, &m), 0);
	step(n);
	assert_int_equal(stamp(n, latest_tx(n, GNOMON_MSG_PDELAY_RESP)), -ENOENT);
	assert_null(node_sent(n, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 0));
	lan_destroy(n->lan);
}

/* A Sync is not: it says what the clock read at one instant, and it did. */
static void step_keeps_sync(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);

	lan_run(n->lan, 20 * SEC);
	step(n);
	assert_int_equal(stamp(n, latest_tx(n, GNOMON_MSG_SYNC)), 0);
	assert_non_null(node_sent(n, GNOMON_MSG_FOLLOW_UP, 0));
	lan_destroy(n->lan);
}

/* A Sync waiting for its Follow_Up was received by the old clock. */
static void step_voids_half_a_pair(void **state)
{
	struct node *n = node_add(lan_create(), 1);
	struct gnomon_msg sync = make_message(n, GNOMON_MSG_SYNC, stranger(1), 1);
	struct gnomon_msg follow_up = make_message(n, GNOMON_MSG_FOLLOW_UP, stranger(1), 1);

	n->config.initial_delay = gnomon_span_from_ns(1);
	node_start(n);
	follow_stranger(n, 1, stranger(1));
	sync.header.flags = GNOMON_FLAG_TWO_STEP;
	assert_int_equal(node_hear(n, 1, &sync), 0);
	step(n);
	node_hear(n, 1, &follow_up);
	assert_int_equal(n->sample_count, 0);
	lan_destroy(n->lan);
}

/* -- a link that failed ---------------------------------------------------------------------- */

static void flap(struct node *n)
{
	node_link(n, 1, false);
	node_link(n, 1, true);
}

/* Whoever announced itself before must do so again, twice. */
static void link_forgets_announces(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	uint16_t sequence_id = follow_stranger(n, 1, stranger(1));

	flap(n);
	for (int i = 0; i < 2; i++) {
		struct gnomon_msg m = make_announce(n, stranger(1), sequence_id++);

		assert_state(n, 1, GNOMON_PORT_LISTENING);
		assert_int_equal(node_hear(n, 1, &m), 0);
		lan_run(n->lan, SEC / 10);
	}
	assert_state(n, 1, GNOMON_PORT_UNCALIBRATED);
	lan_destroy(n->lan);
}

static void link_forgets_timestamps(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	uint32_t tx;

	lan_run(n->lan, 20 * SEC);
	tx = latest_tx(n, GNOMON_MSG_SYNC);
	flap(n);
	assert_int_equal(stamp(n, tx), -ENOENT);
	assert_null(node_sent(n, GNOMON_MSG_FOLLOW_UP, 0));
	assert_int_equal(node_counters(n, 1).tx_timestamp_late, 1);
	lan_destroy(n->lan);
}

/* Behind the new link may be a new neighbour, who owes the old one nothing. */
static void link_forgets_neighbor(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_P2P);

	for (uint8_t who = 1; who <= 2; who++) {
		struct gnomon_msg m;

		lan_run(n->lan, 2 * SEC);
		m = answer(n, GNOMON_MSG_PDELAY_RESP, GNOMON_MSG_PDELAY_REQ, who);
		m.header.correction = -2000 * INT64_C(65536) * who;
		assert_int_equal(node_hear(n, 1, &m), 0);
		m = answer(n, GNOMON_MSG_PDELAY_RESP, GNOMON_MSG_PDELAY_REQ, 1);
		m.header.correction = -50000 * INT64_C(65536);
		assert_int_equal(node_hear(n, 1, &m), -EBADMSG);
		assert_int_equal(stamp(n, latest_tx(n, GNOMON_MSG_PDELAY_REQ)), 0);
		assert_span(node_port_ds(n, 1).mean_link_delay, 1000 * who, 0);
		flap(n);
		assert_false(node_port_ds(n, 1).mean_link_delay_valid);
	}
	lan_destroy(n->lan);
}

/* -- a change of role ------------------------------------------------------------------------ */

/* The timestamp of a Sync that comes when the port no longer leads: no Follow_Up. */
static void role_voids_sync(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	uint32_t tx;

	lan_run(n->lan, 20 * SEC);
	assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
	tx = latest_tx(n, GNOMON_MSG_SYNC);
	follow_stranger(n, 1, stranger(1));
	stamp(n, tx);
	assert_null(node_sent(n, GNOMON_MSG_FOLLOW_UP, 0));
	lan_destroy(n->lan);
}

/* The timestamp of a Delay_Req to the parent before. */
static void new_parent_voids_delay_req(void **state)
{
	struct node *n = by_hand(GNOMON_DELAY_E2E);
	struct gnomon_msg resp;

	follow_stranger(n, 1, stranger(5));
	lan_run(n->lan, 2 * SEC);
	resp = answer(n, GNOMON_MSG_DELAY_RESP, GNOMON_MSG_DELAY_REQ, 1);
	follow_stranger(n, 1, stranger(1));
	resp.header.source = stranger(1);
	stamp(n, latest_tx(n, GNOMON_MSG_DELAY_REQ));
	hear_sync(n, 1);
	assert_int_equal(node_hear(n, 1, &resp), -EBADMSG);
	assert_int_equal(node_dropped(n, 1, GNOMON_DROP_UNMATCHED), 1);
	lan_destroy(n->lan);
}

/* Intervals are the parent's: with another one, its own, or as configured until it says. */
static void new_parent_has_other_intervals(void **state)
{
	struct node *n = node_by_hand(GNOMON_DELAY_E2E);
	struct gnomon_msg m;

	n->config.initial_delay = gnomon_span_from_ns(1);
	node_start(n);
	follow_stranger(n, 1, stranger(5));
	lan_run(n->lan, 2 * SEC);
	m = answer(n, GNOMON_MSG_DELAY_RESP, GNOMON_MSG_DELAY_REQ, 5);
	m.header.log_interval = 3;
	assert_int_equal(node_hear(n, 1, &m), 0);
	assert_int_equal(node_port_ds(n, 1).log_min_delay_req_interval, 3);
	assert_int_equal(n->event[GNOMON_EVENT_DELAY_INTERVAL].value, 3);
	m = make_message(n, GNOMON_MSG_SYNC, stranger(5), 1);
	m.header.log_interval = 2;
	assert_int_equal(node_hear(n, 1, &m), 0);
	assert_int_equal(n->event[GNOMON_EVENT_SYNC_INTERVAL].value, 2);
	assert_true(n->sample.sync_interval == 4.0);
	follow_stranger(n, 1, stranger(1));
	assert_int_equal(node_port_ds(n, 1).log_min_delay_req_interval, 0);
	m = make_message(n, GNOMON_MSG_SYNC, stranger(1), 1);
	assert_int_equal(node_hear(n, 1, &m), 0);
	assert_true(n->sample.sync_interval == 1.0);
	lan_destroy(n->lan);
}

/* -- a timeTransmitter that started over ----------------------------------------------------- */

/* Its sequenceIds begin anew, but it is the same clock: heard again within six intervals. */
static void parent_restarts(void **state)
{
	static const uint16_t before[] = { 1, 5, 20, 63, 64, 1000, 40000, 65535 };

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct node *n = node_add(lan_create(), 1);
		uint16_t announce;

		n->config.initial_delay = gnomon_span_from_ns(1);
		node_start(n);
		announce = follow_stranger(n, 1, stranger(1));
		assert_int_equal(hear_sync(n, before[i]), 0);
		for (uint16_t sequence_id = 0; sequence_id < 10; sequence_id++) {
			struct gnomon_msg m = make_announce(n, stranger(1), announce++);

			lan_run(n->lan, SEC);
			node_hear(n, 1, &m);
			hear_sync(n, sequence_id);
		}
		/* Too far back to be late: the first is lost; else what came in the silence too. */
		assert_in_range(n->sample_count, before[i] < 64 ? 1 + 5 : 1 + 9, 1 + 10);
		lan_destroy(n->lan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/forget/step/delay_req", step_voids_delay_req),
		LAN_TEST("/ptp/engine/forget/step/pdelay_req", step_voids_pdelay_req),
		LAN_TEST("/ptp/engine/forget/step/pdelay_resp", step_voids_pdelay_resp),
		LAN_TEST("/ptp/engine/forget/step/half_a_pair", step_voids_half_a_pair),
		LAN_TEST("/ptp/engine/forget/step/keeps_sync", step_keeps_sync),
		LAN_TEST("/ptp/engine/forget/link/announces", link_forgets_announces),
		LAN_TEST("/ptp/engine/forget/link/timestamps", link_forgets_timestamps),
		LAN_TEST("/ptp/engine/forget/link/neighbor", link_forgets_neighbor),
		LAN_TEST("/ptp/engine/forget/role/sync", role_voids_sync),
		LAN_TEST("/ptp/engine/forget/role/new_parent", new_parent_voids_delay_req),
		LAN_TEST("/ptp/engine/forget/role/intervals", new_parent_has_other_intervals),
		LAN_TEST("/ptp/engine/forget/parent_restarts", parent_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
