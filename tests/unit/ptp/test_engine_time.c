/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordinary clocks and time: silence, links, steps of the clock, intervals, repetition, noise. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- silence --------------------------------------------------------------------------------- */

static void announce_timeout(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *gm = &lan->nodes[0];
	struct node *tr = &lan->nodes[1];
	struct gnomon_current_ds current;
	gnomon_mono last;

	lan_settle(lan);
	node_forget(tr);
	last = node_sent(gm, GNOMON_MSG_ANNOUNCE, 0)->at;
	lan->now.ns = last.ns + SEC;
	tr->deaf = true;
	lan_run(lan, 20 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(tr->states[0].change.to, GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(tr->states[0].change.cause, FSM_ANNOUNCE_TIMEOUT);
	/* announceReceiptTimeout 3 at 2 s, and up to one interval more. */
	assert_in_range(tr->states[0].at.ns - last.ns, 6 * SEC, 8 * SEC + LAN_DELAY);
	assert_int_equal(node_counters(tr, 1).announce_timeout, 2); /* one from its start */
	assert_true(tr->datasets & GNOMON_DATASET_PARENT);
	gnomon_engine_current_ds(tr->engine, &current);
	assert_span(current.offset_from_master, 0, 0);
	assert_span(current.mean_delay, 0, 0);
	tr->deaf = false;
	lan_run(lan, 20 * SEC);
	lan_check_synchronised(lan);
	lan_destroy(lan);
}

/* A timeout shorter than the qualification window: who timed out does not count any more. */
static void short_announce_timeout(void **state)
{
	for (int primary = 0; primary <= 1; primary++) {
		struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
		struct node *n = &lan->nodes[1];

		n->ports[0].announce_receipt_timeout = 2;
		lan->nodes[0].config.clock_quality.clock_class = 6;
		n->config.clock_quality.clock_class = primary ? 7 : 248;
		lan_settle(lan);
		assert_state(n, 1, primary ? GNOMON_PORT_PASSIVE : GNOMON_PORT_TIME_RECEIVER);
		node_forget(n);
		n->deaf = true;
		lan_run(lan, 60 * SEC);
		assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
		assert_int_equal(n->state_count, 1);
		lan_destroy(lan);
	}
}

/* A long announceReceiptTimeout is honoured, though records age faster than it. */
static void long_announce_timeout(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *tr = &lan->nodes[1];

	tr->ports[0].announce_receipt_timeout = 30;
	lan_settle(lan);
	lan_check_synchronised(lan);
	node_forget(tr);
	tr->deaf = true;
	lan_run(lan, 57 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	lan_run(lan, 6 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_TRANSMITTER);
	lan_destroy(lan);
}

static void drop_syncs(struct lan *lan, struct frame *f)
{
	if (f->type == GNOMON_MSG_SYNC || f->type == GNOMON_MSG_FOLLOW_UP) {
		f->copies = 0;
	}
}

/* Announces without Syncs: with a syncReceiptTimeout another election is held. */
static void sync_timeout(void **state)
{
	for (uint8_t timeout = 0; timeout <= 5; timeout += 5) {
		struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
		struct node *tr = &lan->nodes[1];

		tr->ports[0].sync_receipt_timeout = timeout;
		lan_settle(lan);
		lan_check_synchronised(lan);
		node_forget(tr);
		lan->hook = drop_syncs;
		lan_run(lan, 8 * SEC);
		assert_int_equal(tr->event_count[GNOMON_EVENT_SYNC_TIMEOUT] > 0, timeout > 0);
		assert_int_equal(node_counters(tr, 1).sync_timeout > 0, timeout > 0);
		assert_int_equal(tr->state_count > 0, timeout > 0);
		lan->hook = NULL;
		lan_run(lan, 20 * SEC);
		lan_check_synchronised(lan);
		lan_destroy(lan);
	}
}

/* Where roles are fixed no election can help: the port is uncalibrated until Syncs come again. */
static void sync_timeout_of_fixed_roles(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *tr = &lan->nodes[1];

	for (int i = 0; i < 2; i++) {
		lan->nodes[i].config.external_port_configuration = true;
	}
	tr->ports[0].desired_state = GNOMON_PORT_TIME_RECEIVER;
	tr->ports[0].sync_receipt_timeout = 3;
	lan_settle(lan);
	lan_check_synchronised(lan);
	lan->hook = drop_syncs;
	lan_run(lan, 4 * SEC);
	assert_int_equal(node_counters(tr, 1).sync_timeout, 1);
	assert_int_equal(tr->event_count[GNOMON_EVENT_SYNC_TIMEOUT], 1);
	assert_state(tr, 1, GNOMON_PORT_UNCALIBRATED);
	lan->hook = NULL;
	lan_run(lan, 4 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	lan_check_synchronised(lan);
	lan_destroy(lan);
}

static void drop_every_other_delay_resp(struct lan *lan, struct frame *f)
{
	if (f->type == GNOMON_MSG_DELAY_RESP) {
		f->copies = (int)(lan->hooked++ % 2);
	}
}

/* Requests in a row count, not requests. */
static void delay_response_sometimes(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

	lan->nodes[1].ports[0].delay_response_timeout = 2;
	lan->hook = drop_every_other_delay_resp;
	lan_settle(lan);
	lan_run(lan, 60 * SEC);
	assert_int_equal(node_counters(&lan->nodes[1], 1).delay_timeout, 0);
	lan_check_synchronised(lan);
	lan_destroy(lan);
}

static void drop_delay_resps(struct lan *lan, struct frame *f)
{
	if (f->type == GNOMON_MSG_DELAY_RESP) {
		f->copies = 0;
	}
}

static void delay_response_timeout(void **state)
{
	for (uint8_t timeout = 0; timeout <= 4; timeout += 4) {
		struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
		struct node *tr = &lan->nodes[1];

		tr->ports[0].delay_response_timeout = timeout;
		lan_settle(lan);
		node_forget(tr);
		tr->auto_lock = false;
		lan->hook = drop_delay_resps;
		lan_run(lan, 30 * SEC);
		assert_int_equal(tr->event_count[GNOMON_EVENT_DELAY_TIMEOUT] > 0, timeout > 0);
		assert_int_equal(node_counters(tr, 1).delay_timeout > 0, timeout > 0);
		if (timeout) {
			assert_int_equal(tr->states[0].change.to, GNOMON_PORT_UNCALIBRATED);
			assert_int_equal(tr->states[0].change.cause, FSM_SYNC_FAULT);
			assert_int_equal(tr->event[GNOMON_EVENT_DELAY_TIMEOUT].value, timeout);
		} else {
			assert_int_equal(tr->state_count, 0);
			/* After 8 and 16 of some 30 requests, perhaps after 32. */
			assert_in_range(tr->event_count[GNOMON_EVENT_DELAY_UNANSWERED], 2, 3);
			assert_in_range(tr->event[GNOMON_EVENT_DELAY_UNANSWERED].value, 16, 32);
		}
		lan->hook = NULL;
		tr->auto_lock = true;
		lan_run(lan, 10 * SEC);
		lan_check_synchronised(lan);
		lan_destroy(lan);
	}
}

/* -- inputs of the platform ------------------------------------------------------------------ */

static void link_flap(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_P2P);
	struct node *gm = &lan->nodes[0];
	struct node *tr = &lan->nodes[1];
	struct gnomon_port_identity own = node_port_identity(tr, 0);
	struct gnomon_current_ds current;
	struct gnomon_parent_ds parent;
	unsigned int sent;

	lan_settle(lan);
	node_forget(tr);
	node_link(tr, 1, false);
	assert_state(tr, 1, GNOMON_PORT_FAULTY);
	assert_int_equal(tr->states[0].change.cause, FSM_FAULT_DETECTED);
	assert_false(node_port_ds(tr, 1).mean_link_delay_valid);
	sent = tr->sent_count;
	lan_run(lan, 20 * SEC);
	/* It follows nobody, and says so. */
	gnomon_engine_parent_ds(tr->engine, &parent);
	assert_same_port(&parent.parent_port_identity, &own);
	gnomon_engine_current_ds(tr->engine, &current);
	assert_int_equal(current.steps_removed, 0);
	assert_int_equal(tr->sent_count, sent);
	assert_true(node_dropped(tr, 1, GNOMON_DROP_PORT_STATE) > 0);
	/* Down twice is down; the neighbour is unmoved. */
	node_link(tr, 1, false);
	assert_state(tr, 1, GNOMON_PORT_FAULTY);
	assert_state(gm, 1, GNOMON_PORT_TIME_TRANSMITTER);
	node_link(tr, 1, true);
	assert_state(tr, 1, GNOMON_PORT_LISTENING);
	node_link(tr, 1, true);
	assert_state(tr, 1, GNOMON_PORT_LISTENING);
	lan_run(lan, 20 * SEC);
	lan_check_synchronised(lan);
	assert_int_equal(gnomon_engine_link(tr->engine, 0, true, lan->now), -EINVAL);
	assert_int_equal(gnomon_engine_link(tr->engine, 2, true, lan->now), -EINVAL);
	lan_destroy(lan);
}

static void enable_disable(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *tr = &lan->nodes[1];

	lan_settle(lan);
	assert_int_equal(gnomon_engine_enable(tr->engine, 1, false, lan->now), 0);
	node_drain(tr);
	assert_state(tr, 1, GNOMON_PORT_DISABLED);
	assert_false(node_port_ds(tr, 1).port_enable);
	/* A disabled port is disabled whatever its link does. */
	node_link(tr, 1, false);
	node_link(tr, 1, true);
	assert_state(tr, 1, GNOMON_PORT_DISABLED);
	node_link(tr, 1, false);
	assert_int_equal(gnomon_engine_enable(tr->engine, 1, true, lan->now), 0);
	node_drain(tr);
	assert_state(tr, 1, GNOMON_PORT_FAULTY);
	node_link(tr, 1, true);
	lan_run(lan, 20 * SEC);
	lan_check_synchronised(lan);
	assert_int_equal(gnomon_engine_enable(tr->engine, 9, true, lan->now), -EINVAL);
	lan_destroy(lan);
}

/* UNCALIBRATED until the clock is locked, and again when it is not. */
static void clock_events(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *tr = &lan->nodes[1];

	tr->auto_lock = false;
	lan_settle(lan);
	assert_state(tr, 1, GNOMON_PORT_UNCALIBRATED);
	node_clock_event(tr, GNOMON_SERVO_UNLOCKED);
	assert_state(tr, 1, GNOMON_PORT_UNCALIBRATED);
	node_clock_event(tr, GNOMON_SERVO_LOCKED);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	node_clock_event(tr, GNOMON_SERVO_LOCKED_STABLE);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	node_clock_event(tr, GNOMON_SERVO_JUMP);
	assert_state(tr, 1, GNOMON_PORT_UNCALIBRATED);
	node_clock_event(tr, GNOMON_SERVO_LOCKED_STABLE);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	node_clock_event(tr, GNOMON_SERVO_UNLOCKED);
	assert_state(tr, 1, GNOMON_PORT_UNCALIBRATED);
	/* A timeTransmitter does not care. */
	node_clock_event(&lan->nodes[0], GNOMON_SERVO_UNLOCKED);
	assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_TRANSMITTER);
	lan_destroy(lan);
}

static void step(struct node *n, int64_t ns)
{
	struct gnomon_clock_event event = { .size = sizeof(event), .state = GNOMON_SERVO_JUMP,
					    .stepped = true, .rate_ratio = 1.0 };

	event.step_by = gnomon_span_from_ns(ns);
	n->offset = gnomon_span_add(n->offset, event.step_by);
	assert_int_equal(gnomon_engine_clock_event(n->engine, &event, n->lan->now), 0);
	node_drain(n);
}

/* A step at the worst moments: no sample mixes readings from before and after it. */
static void clock_step(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		struct lan *lan = lan_pair((enum gnomon_delay_mechanism)mechanism);
		struct node *tr = &lan->nodes[1];

		tr->ports[0].log_sync_interval = -3;
		lan_settle(lan);
		for (int i = 0; i < 400; i++) {
			int64_t by = i % 2 ? 100 * SEC : -100 * SEC;

			lan_run(lan, 333 * MS + (i % 50) * 500);
			step(tr, by);
			tr->sample_count = 0;
			lan_run(lan, 2500 * MS);
			assert_true(tr->sample_count > 0);
			assert_span(tr->sample.offset, LAN_PAIR_OFFSET + (i % 2 ? 0 : by), 0);
			assert_span(tr->sample.mean_delay, LAN_DELAY, 0);
		}
		lan_destroy(lan);
	}
}

/* -- time and numbers ------------------------------------------------------------------------ */

/* More messages than there are sequenceIds: nothing is lost at the wrap. */
static void sequence_wrap(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		struct lan *lan = lan_pair((enum gnomon_delay_mechanism)mechanism);
		struct node *tr = &lan->nodes[1];

		for (int i = 0; i < 2; i++) {
			lan->nodes[i].ports[0].log_announce_interval = -7;
			lan->nodes[i].ports[0].log_sync_interval = -7;
			lan->nodes[i].ports[0].log_min_delay_req_interval = -7;
			lan->nodes[i].ports[0].log_min_pdelay_req_interval = -7;
		}
		lan_settle(lan);
		node_forget(tr);
		lan_run(lan, 600 * SEC);
		assert_true(node_counters(&lan->nodes[0], 1).tx[GNOMON_MSG_SYNC] > 70000);
		assert_in_range(tr->sample_count, 600 * 128 - 2, 600 * 128 + 2);
		assert_int_equal(tr->state_count, 0);
		lan_check_synchronised(lan);
		node_check_no_drops(tr);
		node_check_no_drops(&lan->nodes[0]);
		lan_destroy(lan);
	}
}

/* Inputs and seed decide everything; another seed spreads timers otherwise. */
static uint64_t digest_of_run(uint64_t seed, enum gnomon_delay_mechanism mechanism)
{
	struct lan *lan = lan_pair(mechanism);
	uint64_t digest;

	lan->nodes[0].config.seed = seed;
	lan->nodes[1].config.seed = seed + 1;
	lan_settle(lan);
	node_link(&lan->nodes[1], 1, false);
	lan_run(lan, 3 * SEC);
	node_link(&lan->nodes[1], 1, true);
	lan_run(lan, 60 * SEC);
	digest = lan->nodes[0].digest ^ (lan->nodes[1].digest << 1);
	lan_destroy(lan);
	return digest;
}

static void determinism(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		uint64_t a = digest_of_run(1, (enum gnomon_delay_mechanism)mechanism);

		assert_true(a == digest_of_run(1, (enum gnomon_delay_mechanism)mechanism));
		assert_true(a != digest_of_run(2, (enum gnomon_delay_mechanism)mechanism));
	}
}

/* Count of messages sent in a time. */
static void check_rate(const struct gnomon_port_counters *before,
		       const struct gnomon_port_counters *after, enum gnomon_msg_type type,
		       uint64_t want, uint64_t tolerance)
{
	uint64_t got = after->tx[type] - before->tx[type];

	if (got + tolerance < want || got > want + tolerance) {
		fail_msg("%s: %llu messages, not %llu", gnomon_msg_type_name(type),
			 (unsigned long long)got, (unsigned long long)want);
	}
}

/* -7 to +7 and beyond: every message goes out at its own rate, for 64 of its intervals. */
static void intervals(void **state)
{
	for (int log = -7; log <= 10; log++) {
		struct lan *lan = lan_pair(log % 2 ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E);
		int64_t interval = log < 0 ? SEC >> -log : SEC << log;
		struct gnomon_port_counters before[2];
		struct gnomon_port_counters after[2];

		for (int i = 0; i < 2; i++) {
			struct gnomon_port_config *c = &lan->nodes[i].ports[0];

			c->log_announce_interval = (int8_t)log;
			c->log_sync_interval = (int8_t)log;
			c->log_min_delay_req_interval = (int8_t)log;
			c->log_min_pdelay_req_interval = (int8_t)log;
			node_start(&lan->nodes[i]);
		}
		lan_run(lan, 12 * interval);
		for (int i = 0; i < 2; i++) {
			before[i] = node_counters(&lan->nodes[i], 1);
		}
		lan_run(lan, 64 * interval);
		for (int i = 0; i < 2; i++) {
			after[i] = node_counters(&lan->nodes[i], 1);
		}
		check_rate(&before[0], &after[0], GNOMON_MSG_ANNOUNCE, 64, 1);
		check_rate(&before[0], &after[0], GNOMON_MSG_SYNC, 64, 1);
		check_rate(&before[0], &after[0], GNOMON_MSG_FOLLOW_UP, 64, 1);
		if (log % 2) {
			check_rate(&before[0], &after[0], GNOMON_MSG_PDELAY_REQ, 64, 1);
			check_rate(&before[1], &after[1], GNOMON_MSG_PDELAY_REQ, 64, 1);
		} else {
			check_rate(&before[1], &after[1], GNOMON_MSG_DELAY_REQ, 64, 24);
		}
		lan_check_synchronised(lan);
		lan_destroy(lan);
	}
}

/* 9.5.11.2: Delay_Reqs are spread over 0 to 2 intervals, or as configured. */
static void delay_req_spread(void **state)
{
	for (int variability = 0; variability <= 10; variability += 5) {
		struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
		struct node *tr = &lan->nodes[1];
		int64_t shortest = INT64_MAX;
		int64_t longest = 0;
		gnomon_mono last;

		tr->ports[0].delay_request_variability = variability / 10.0;
		lan_settle(lan);
		last = node_sent(tr, GNOMON_MSG_DELAY_REQ, 0)->at;
		for (int i = 0; i < 20000; i++) {
			gnomon_mono at;

			lan_run(lan, 10 * MS);
			at = node_sent(tr, GNOMON_MSG_DELAY_REQ, 0)->at;
			if (at.ns != last.ns) {
				int64_t gap = at.ns - last.ns;

				shortest = gap < shortest ? gap : shortest;
				longest = gap > longest ? gap : longest;
				last = at;
			}
		}
		if (variability == 0) {
			assert_true(shortest == SEC && longest == SEC);
		} else {
			int64_t half = variability * SEC / 10;

			assert_in_range(shortest, SEC - half, SEC - half * 8 / 10);
			assert_in_range(longest, SEC + half * 8 / 10, SEC + half + 10 * MS);
		}
		lan_destroy(lan);
	}
}

/* The timeTransmitter's logMessageIntervals are obeyed if sane, and harmless if not. */
static void hostile_intervals(void **state)
{
	for (int log = INT8_MIN; log <= INT8_MAX; log++) {
		struct lan *lan = lan_create();
		struct node *n = node_add(lan, 1);
		struct gnomon_port_identity who = stranger(1);
		struct gnomon_msg m;
		uint16_t sequence_id;
		gnomon_mono deadline;

		node_start(n);
		sequence_id = follow_stranger(n, 1, who);
		m = make_announce(n, who, sequence_id);
		m.header.log_interval = (int8_t)log;
		assert_int_equal(node_hear(n, 1, &m), 0);
		m = make_message(n, GNOMON_MSG_SYNC, who, 1);
		m.header.log_interval = (int8_t)log;
		assert_int_equal(node_hear(n, 1, &m), 0);
		lan_run(lan, 2 * SEC);
		m = make_message(n, GNOMON_MSG_DELAY_RESP, who,
				 node_message(n, GNOMON_MSG_DELAY_REQ, 0).header.sequence_id);
		m.requesting = node_port_identity(n, 1);
		m.header.log_interval = (int8_t)log;
		assert_int_equal(node_hear(n, 1, &m), 0);
		/* One second, its own, if it asks for nonsense. */
		assert_int_equal(node_port_ds(n, 1).log_min_delay_req_interval,
				 log >= -10 && log <= 20 ? log : 0);
		deadline = gnomon_engine_deadline(n->engine);
		assert_true(!gnomon_mono_before(deadline, lan->now));
		assert_true(deadline.ns - lan->now.ns <= 8 * SEC);
		node_forget(n);
		lan_run(lan, SEC / 64);
		/* However short an interval it asks for, no more than 1024 messages a second. */
		assert_in_range(n->sent_count, 0, 40);
		lan_run(lan, 30 * SEC);
		assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
		lan_destroy(lan);
	}
}

/* expire() too early does nothing; long after the deadline it does not catch up in a burst. */
static void late_expiry(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *gm = &lan->nodes[0];
	unsigned int sent;

	lan_settle(lan);
	sent = gm->sent_count;
	for (int i = 0; i < 100; i++) {
		gnomon_engine_expire(gm->engine, lan->now);
		node_drain(gm);
	}
	assert_int_equal(gm->sent_count, sent);
	lan->now.ns += 3600 * SEC;
	gnomon_engine_expire(gm->engine, lan->now);
	node_drain(gm);
	assert_in_range(gm->sent_count - sent, 2, 4);
	assert_true(gnomon_mono_before(lan->now, gnomon_engine_deadline(gm->engine)));
	lan_destroy(lan);
}

/* -- noise ----------------------------------------------------------------------------------- */

static void chaos(struct lan *lan, struct frame *f)
{
	uint64_t n = (uint64_t)lan->knob;

	n = n * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	lan->knob = (int64_t)n;
	f->extra = n >> 33 & 1 ? (int64_t)(n >> 34 & 0xfffff) : 0;
	f->copies = n >> 54 & 7 ? 1 + (int)(n >> 57 & 1) : 0;
	f->tx_lost = (n >> 58 & 15) == 0;
	f->tx_never = (n >> 58 & 15) == 1;
	f->tx_delay = (int64_t)(n >> 20 & 0xffffff);
}

/* Loss, doubles, reordering and lost timestamps together: roles hold, offsets stay near. */
static void noise(void **state)
{
	print_message("# seeds 0 to 19\n");
	for (int run = 0; run < 20; run++) {
		struct lan *lan = lan_pair(run % 2 ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E);
		struct node *tr = &lan->nodes[1];

		lan->knob = run;
		lan->hook = chaos;
		lan_settle(lan);
		lan_run(lan, 200 * SEC);
		assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_TRANSMITTER);
		assert_int_equal(node_counters(&lan->nodes[0], 1).action_overflow, 0);
		assert_int_equal(node_counters(tr, 1).action_overflow, 0);
		assert_true(tr->sample_count > 100);
		assert_true(llabs(tr->sample.offset.ns - LAN_PAIR_OFFSET) < 2 * MS);
		lan->hook = NULL;
		lan_run(lan, 20 * SEC);
		lan_check_synchronised(lan);
		lan_destroy(lan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/timeout/announce", announce_timeout),
		LAN_TEST("/ptp/engine/timeout/announce_short", short_announce_timeout),
		LAN_TEST("/ptp/engine/timeout/announce_long", long_announce_timeout),
		LAN_TEST("/ptp/engine/timeout/sync", sync_timeout),
		LAN_TEST("/ptp/engine/timeout/sync_of_fixed_roles", sync_timeout_of_fixed_roles),
		LAN_TEST("/ptp/engine/timeout/delay_response", delay_response_timeout),
		LAN_TEST("/ptp/engine/timeout/delay_response_sometimes", delay_response_sometimes),
		LAN_TEST("/ptp/engine/link_flap", link_flap),
		LAN_TEST("/ptp/engine/enable_disable", enable_disable),
		LAN_TEST("/ptp/engine/clock/events", clock_events),
		LAN_TEST("/ptp/engine/clock/step", clock_step),
		LAN_TEST("/ptp/engine/sequence_wrap", sequence_wrap),
		LAN_TEST("/ptp/engine/determinism", determinism),
		LAN_TEST("/ptp/engine/intervals/all", intervals),
		LAN_TEST("/ptp/engine/intervals/delay_req_spread", delay_req_spread),
		LAN_TEST("/ptp/engine/intervals/hostile", hostile_intervals),
		LAN_TEST("/ptp/engine/late_expiry", late_expiry),
		LAN_TEST("/ptp/engine/noise", noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
