/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordinary clocks talking to each other: roles, exchanges, losses. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- two clocks ------------------------------------------------------------------------------ */

static void oc_with(enum gnomon_delay_mechanism mechanism, bool one_step)
{
	struct lan *lan = lan_pair(mechanism);

	for (int i = 0; i < 2; i++) {
		lan->nodes[i].ports[0].one_step_sync = one_step;
		lan->nodes[i].ports[0].one_step_pdelay = one_step;
	}
	lan_settle(lan);
	lan_check_synchronised(lan);
	node_check_no_drops(&lan->nodes[0]);
	node_check_no_drops(&lan->nodes[1]);
	assert_int_equal(node_counters(&lan->nodes[0], 1).tx[GNOMON_MSG_FOLLOW_UP] > 0, !one_step);
	lan_destroy(lan);
}

static void oc_e2e(void **state)
{
	oc_with(GNOMON_DELAY_E2E, false);
}

static void oc_p2p(void **state)
{
	oc_with(GNOMON_DELAY_P2P, false);
}

static void oc_e2e_one_step(void **state)
{
	oc_with(GNOMON_DELAY_E2E, true);
}

/* Another interface, another way of sending. */
static void steps_change(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_P2P);
	struct node *gm = &lan->nodes[0];
	uint64_t follow_ups;

	(void)state;
	lan_settle(lan);
	assert_int_equal(gnomon_engine_one_step(gm->engine, 1, true, true), 0);
	lan_run(lan, 2 * SEC); /* what was under way */
	follow_ups = node_counters(gm, 1).tx[GNOMON_MSG_FOLLOW_UP] +
		     node_counters(gm, 1).tx[GNOMON_MSG_PDELAY_RESP_FOLLOW_UP];
	assert_true(follow_ups > 0);
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_counters(gm, 1).tx[GNOMON_MSG_FOLLOW_UP] +
				 node_counters(gm, 1).tx[GNOMON_MSG_PDELAY_RESP_FOLLOW_UP],
			 follow_ups);
	lan_check_synchronised(lan);
	assert_int_equal(gnomon_engine_one_step(gm->engine, 1, false, false), 0);
	lan_run(lan, 20 * SEC);
	assert_true(node_counters(gm, 1).tx[GNOMON_MSG_FOLLOW_UP] > 0);
	lan_check_synchronised(lan);
	assert_int_equal(gnomon_engine_one_step(gm->engine, 2, true, false), -EINVAL);
	assert_int_equal(gnomon_engine_one_step(gm->engine, 1, false, true), -EINVAL);
	lan_destroy(lan);
}

static void oc_p2p_one_step(void **state)
{
	oc_with(GNOMON_DELAY_P2P, true);
}

/* Both sides measure the link, whoever is timeTransmitter. */
static void p2p_both_ways(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_P2P);

	lan_settle(lan);
	for (int i = 0; i < 2; i++) {
		struct gnomon_port_ds ds = node_port_ds(&lan->nodes[i], 1);

		assert_true(ds.mean_link_delay_valid);
		assert_span(ds.mean_link_delay, LAN_DELAY, 0);
		assert_int_equal(lan->nodes[i].event_count[GNOMON_EVENT_PEER_DELAY_VALID], 1);
	}
	lan_destroy(lan);
}

/* E2E until the neighbour asks for its delay; an ordinary port drops the request. */
static void auto_becomes_p2p(void **state)
{
	for (int automatic = 0; automatic < 2; automatic++) {
		struct lan *lan = lan_pair(GNOMON_DELAY_P2P);
		struct node *n = &lan->nodes[1];
		struct gnomon_port_ds ds;

		n->ports[0].delay_mechanism = GNOMON_DELAY_E2E;
		n->ports[0].delay_auto = automatic;
		lan_settle(lan);
		ds = node_port_ds(n, 1);
		assert_int_equal(n->event_count[GNOMON_EVENT_PEER_DETECTED], automatic);
		assert_int_equal(ds.delay_mechanism,
				 automatic ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E);
		assert_int_equal(ds.mean_link_delay_valid, automatic);
		if (automatic) {
			assert_span(ds.mean_link_delay, LAN_DELAY, 0);
			lan_check_synchronised(lan);
		} else {
			assert_true(node_counters(n, 1).drop[GNOMON_DROP_MECHANISM] > 0);
		}
		lan_destroy(lan);
	}
}

/* Without such a neighbour it stays E2E. */
static void auto_stays_e2e(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

	lan->nodes[1].ports[0].delay_auto = true;
	lan_settle(lan);
	assert_int_equal(lan->nodes[1].event_count[GNOMON_EVENT_PEER_DETECTED], 0);
	lan_check_synchronised(lan);
	lan_destroy(lan);
}

/* The better clock leads, whichever starts first; a better one that comes later takes over. */
static void election(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *better = &lan->nodes[0];
	struct node *worse = &lan->nodes[1];

	node_start(worse);
	lan_run(lan, 20 * SEC);
	assert_state(worse, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(worse->event_count[GNOMON_EVENT_LOCAL_SELECTED], 1);
	assert_int_equal(worse->event_count[GNOMON_EVENT_GRANDMASTER_ROLE], 1);
	node_start(better);
	lan_run(lan, 20 * SEC);
	lan_check_synchronised(lan);
	assert_true(worse->event_count[GNOMON_EVENT_FOREIGN_NEW] == 1);
	assert_int_equal(worse->event_count[GNOMON_EVENT_BEST_SELECTED], 1);
	lan_destroy(lan);
}

/* -- order, doubles, losses ------------------------------------------------------------------ */

static void delay_sync(struct lan *lan, struct frame *f)
{
	if (f->type == GNOMON_MSG_SYNC) {
		f->extra = lan->knob;
	}
}

/* Follow_Up arrives first: the sample is as good. */
static void follow_up_before_sync(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

	lan->hook = delay_sync;
	lan->knob = MS;
	lan_settle(lan);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_RECEIVER);
	node_check_no_drops(&lan->nodes[1]);
	/* Half of the extra delay of one direction looks like an offset, as it must. */
	assert_span(lan->nodes[1].sample.offset, LAN_PAIR_OFFSET + MS / 2, 0);
	assert_span(lan->nodes[1].sample.mean_delay, LAN_DELAY + MS / 2, 0);
	lan_destroy(lan);
}

static void all_twice(struct lan *lan, struct frame *f)
{
	f->copies = (int)lan->knob;
}

/* Duplicates of everything change nothing but the counters. */
static void duplicates(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		struct lan *lan = lan_pair((enum gnomon_delay_mechanism)mechanism);
		struct node *tr = &lan->nodes[1];
		unsigned int samples;

		lan_settle(lan);
		samples = tr->sample_count;
		lan_run(lan, 10 * SEC);
		samples = tr->sample_count - samples;
		lan->hook = all_twice;
		lan->knob = 3;
		tr->sample_count = 0;
		lan_run(lan, 10 * SEC);
		assert_int_equal(tr->sample_count, samples);
		lan_check_synchronised(lan);
		assert_true(node_dropped(tr, 1, GNOMON_DROP_STALE) > samples);
		assert_int_equal(node_counters(tr, 1).pdelay_multiple_responders, 0);
		assert_int_equal(tr->event_count[GNOMON_EVENT_FOREIGN_NEW], 1);
		lan_destroy(lan);
	}
}

/* The knob-th message of any kind that needs a transmit timestamp loses it. */
static void lose_timestamp(struct lan *lan, struct frame *f)
{
	if (gnomon_msg_is_event(f->type)) {
		f->tx_lost = ++lan->hooked == (unsigned int)lan->knob;
	}
}

static unsigned int events_of_both(const struct lan *lan, enum gnomon_engine_event what)
{
	return lan->nodes[0].event_count[what] + lan->nodes[1].event_count[what];
}

/* One lost transmit timestamp: no state changes, no fault, the next measurement is as before. */
static void lost_timestamps(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		for (int nth = 1; nth <= 8; nth++) {
			struct lan *lan = lan_pair((enum gnomon_delay_mechanism)mechanism);
			struct gnomon_port_counters a;
			struct gnomon_port_counters b;

			lan_settle(lan);
			node_forget(&lan->nodes[0]);
			node_forget(&lan->nodes[1]);
			lan->hook = lose_timestamp;
			lan->knob = nth;
			lan_run(lan, 10 * SEC);
			a = node_counters(&lan->nodes[0], 1);
			b = node_counters(&lan->nodes[1], 1);
			assert_int_equal(a.tx_timestamp_lost + b.tx_timestamp_lost, 1);
			assert_int_equal(lan->nodes[0].state_count + lan->nodes[1].state_count, 0);
			assert_int_equal(events_of_both(lan, GNOMON_EVENT_TX_TIMESTAMP_LOST), 1);
			assert_in_range(lan->nodes[1].sample_count, 9, 10);
			lan_check_synchronised(lan);
			lan_destroy(lan);
		}
	}
}

static void never_stamp(struct lan *lan, struct frame *f)
{
	f->tx_never = f->from == &lan->nodes[lan->knob];
}

/* No transmit timestamp ever comes: the port keeps its state and answers what it can. */
static void no_timestamps_at_all(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *tr = &lan->nodes[1];

	lan_settle(lan);
	node_forget(tr);
	lan->hook = never_stamp;
	lan->knob = 1;
	lan_run(lan, 60 * SEC);
	/* Its Delay_Reqs measure nothing: the delay known before serves on. */
	assert_int_equal(tr->state_count, 0);
	assert_in_range(tr->sample_count, 59, 60);
	assert_true(node_counters(tr, 1).tx_timestamp_lost > 10);
	assert_int_equal(node_counters(tr, 1).action_overflow, 0);
	lan->knob = 0;
	tr->sample_count = 0;
	lan_run(lan, 20 * SEC);
	assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_in_range(tr->sample_count, 0, 1);
	lan->hook = NULL;
	lan_run(lan, 10 * SEC);
	lan_check_synchronised(lan);
	lan_destroy(lan);
}

static void stamp_late(struct lan *lan, struct frame *f)
{
	f->tx_delay = lan->knob;
}

/* Timestamps that come after the next message was sent still complete their own message. */
static void late_timestamps(void **state)
{
	for (int mechanism = GNOMON_DELAY_E2E; mechanism <= GNOMON_DELAY_P2P; mechanism++) {
		struct lan *lan = lan_pair((enum gnomon_delay_mechanism)mechanism);

		lan->hook = stamp_late;
		lan->knob = 100 * MS;
		lan_settle(lan);
		lan_check_synchronised(lan);
		/*
		 * Later than the Sync interval: Follow_Ups of the Sync before. Of Pdelay_Reqs one
		 * is under way at a time.
		 */
		lan->nodes[1].sample_count = 0;
		lan->knob = mechanism == GNOMON_DELAY_E2E ? 1300 * MS : 900 * MS;
		lan_run(lan, 20 * SEC);
		assert_in_range(lan->nodes[1].sample_count, 17, 20);
		assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_TRANSMITTER);
		assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_RECEIVER);
		lan_destroy(lan);
	}
}

/* So late that the engine has given the message up: counted, refused, nothing sent. */
static void too_late_timestamps(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *gm = &lan->nodes[0];
	gnomon_time t = { 1, 2, 3 };
	uint64_t follow_ups;

	lan->hook = stamp_late;
	lan->knob = 60 * SEC;
	lan_settle(lan);
	lan_run(lan, 60 * SEC);
	follow_ups = node_counters(gm, 1).tx[GNOMON_MSG_FOLLOW_UP];
	assert_int_equal(follow_ups, 0);
	assert_true(node_counters(gm, 1).tx_timestamp_lost > 30);
	assert_true(node_counters(gm, 1).tx_timestamp_late > 5);
	assert_state(gm, 1, GNOMON_PORT_TIME_TRANSMITTER);
	/* Ids nobody has given out. */
	assert_int_equal(gnomon_engine_tx_done(gm->engine, 0, &t, lan->now), -ENOENT);
	assert_int_equal(gnomon_engine_tx_done(gm->engine, UINT32_MAX, &t, lan->now), -ENOENT);
	assert_int_equal(gnomon_engine_tx_done(gm->engine, 2, &t, lan->now), -ENOENT);
	assert_int_equal(gnomon_engine_tx_done(gm->engine, 0x7fff0001, NULL, lan->now), -ENOENT);
	lan_destroy(lan);
}

/* A clock alone with stranger(1), which it follows, 100 ns away. */
static struct node *follower_of_stranger(void)
{
	struct node *n = node_add(lan_create(), 1);

	n->config.initial_delay = gnomon_span_from_ns(100);
	node_start(n);
	follow_stranger(n, 1, stranger(1));
	return n;
}

/* Sync of one kind after the other: twoStepFlag of each message counts, no setting (CF-16). */
static void mixed_steps(void **state)
{
	const struct gnomon_port_identity who = stranger(1);
	struct node *n = follower_of_stranger();

	for (uint16_t i = 0; i < 20; i++) {
		gnomon_time t1 = { LAN_EPOCH, 500 + i, 0 };
		gnomon_time t2 = { LAN_EPOCH, 700 + i, 0 };
		struct gnomon_msg sync = make_message(n, GNOMON_MSG_SYNC, who, i);
		struct gnomon_msg follow_up = make_message(n, GNOMON_MSG_FOLLOW_UP, who, i);

		follow_up.timestamp = wire_time(t1);
		if (i % 2) {
			sync.header.flags = GNOMON_FLAG_TWO_STEP;
			sync.timestamp.seconds = 12345; /* an estimate: not used */
		} else {
			sync.timestamp = wire_time(t1);
		}
		assert_int_equal(node_hear_at(n, 1, &sync, t2), 0);
		assert_int_equal(n->sample_count, i + (i % 2 == 0));
		if (i % 2) {
			assert_int_equal(node_hear(n, 1, &follow_up), 0);
		}
		assert_int_equal(n->sample_count, i + 1);
		assert_span(n->sample.offset, 100, 0);
	}
	lan_destroy(n->lan);
}

/* A Sync without its Follow_Up, and the reverse, cost their pair only and are counted. */
static void unpaired(void **state)
{
	const struct gnomon_port_identity who = stranger(1);
	struct node *n = follower_of_stranger();

	for (uint16_t i = 0; i < 60; i++) {
		struct gnomon_msg sync = make_message(n, GNOMON_MSG_SYNC, who, i);
		struct gnomon_msg follow_up = make_message(n, GNOMON_MSG_FOLLOW_UP, who, i);

		sync.header.flags = GNOMON_FLAG_TWO_STEP;
		if (i % 3 != 1) {
			assert_int_equal(node_hear(n, 1, &sync), 0);
		}
		if (i % 3 != 2) {
			assert_int_equal(node_hear(n, 1, &follow_up), 0);
		}
	}
	assert_int_equal(n->sample_count, 20);
	/* The last few are still hoped for. */
	assert_in_range(node_counters(n, 1).sync_mismatch, 36, 40);
	lan_destroy(n->lan);
}

/* -- roles ----------------------------------------------------------------------------------- */

static void time_receiver_only(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *gm = &lan->nodes[0];
	struct node *tr = &lan->nodes[1];
	struct gnomon_default_ds ds;

	tr->config.time_receiver_only = true;
	tr->config.clock_quality.clock_class = 6;
	node_start(tr);
	lan_run(lan, 60 * SEC);
	assert_state(tr, 1, GNOMON_PORT_LISTENING);
	assert_int_equal(tr->sent_count, 0);
	/* Alone, which is told once, and is no role. */
	assert_int_equal(tr->event_count[GNOMON_EVENT_LOCAL_SELECTED], 1);
	assert_int_equal(tr->event_count[GNOMON_EVENT_GRANDMASTER_ROLE], 0);
	gnomon_engine_default_ds(tr->engine, &ds);
	assert_int_equal(ds.clock_quality.clock_class, 255);
	assert_true(ds.slave_only);
	/* Whatever it is told to be, it stays what it is. */
	gnomon_engine_set_grandmaster(tr->engine, &tr->config.clock_quality,
				      &tr->config.time_properties, lan->now);
	node_drain(tr);
	gnomon_engine_default_ds(tr->engine, &ds);
	assert_int_equal(ds.clock_quality.clock_class, 255);
	node_start(gm);
	lan_run(lan, 20 * SEC);
	lan_check_synchronised(lan);
	tr->deaf = true;
	lan_run(lan, 20 * SEC);
	assert_state(tr, 1, GNOMON_PORT_LISTENING);
	assert_int_equal(node_counters(tr, 1).tx[GNOMON_MSG_ANNOUNCE], 0);
	assert_int_equal(node_counters(tr, 1).tx[GNOMON_MSG_SYNC], 0);
	lan_destroy(lan);
}

/* Two of them on one segment: both lead, neither follows, whoever is better. */
static void time_transmitter_only(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

	for (int i = 0; i < 2; i++) {
		lan->nodes[i].ports[0].time_transmitter_only = true;
	}
	lan_settle(lan);
	for (int i = 0; i < 2; i++) {
		assert_state(&lan->nodes[i], 1, GNOMON_PORT_TIME_TRANSMITTER);
		assert_int_equal(lan->nodes[i].sample_count, 0);
		assert_true(node_dropped(&lan->nodes[i], 1, GNOMON_DROP_TIME_TRANSMITTER_ONLY) > 0);
		assert_true(node_port_ds(&lan->nodes[i], 1).master_only);
	}
	lan_destroy(lan);
}

/* Two primary references: the worse one is passive, not timeReceiver (P1), and ready. */
static void primary_references(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

	lan->nodes[0].config.clock_quality.clock_class = 6;
	lan->nodes[1].config.clock_quality.clock_class = 7;
	lan_settle(lan);
	assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_PASSIVE);
	lan->nodes[1].deaf = true;
	lan_run(lan, 9 * SEC);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_TRANSMITTER);
	lan->nodes[1].deaf = false;
	lan_run(lan, 9 * SEC);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_PASSIVE);
	lan_destroy(lan);
}

static void desire(struct node *n, uint16_t port, enum gnomon_port_state to, int status)
{
	assert_int_equal(gnomon_engine_desired_state(n->engine, port, to, n->lan->now), status);
	node_drain(n);
}

static void external_port_configuration(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *tr = &lan->nodes[0]; /* the better clock is told to follow */
	struct node *gm = &lan->nodes[1];

	for (int i = 0; i < 2; i++) {
		lan->nodes[i].config.external_port_configuration = true;
		lan->nodes[i].auto_lock = false;
	}
	tr->auto_lock = true;
	tr->ports[0].desired_state = GNOMON_PORT_TIME_RECEIVER;
	gm->ports[0].desired_state = GNOMON_PORT_TIME_TRANSMITTER;
	lan_settle(lan);
	assert_state(gm, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_span(tr->sample.offset, -LAN_PAIR_OFFSET, 0);
	/* Silence is no reason to lead. */
	tr->deaf = true;
	lan_run(lan, 60 * SEC);
	assert_true(node_state(tr, 1) == GNOMON_PORT_TIME_RECEIVER ||
		    node_state(tr, 1) == GNOMON_PORT_UNCALIBRATED);
	tr->deaf = false;
	desire(tr, 1, GNOMON_PORT_PASSIVE, 0);
	assert_state(tr, 1, GNOMON_PORT_PASSIVE);
	lan_run(lan, 20 * SEC);
	assert_state(tr, 1, GNOMON_PORT_PASSIVE);
	desire(tr, 1, GNOMON_PORT_TIME_TRANSMITTER, 0);
	assert_state(tr, 1, GNOMON_PORT_TIME_TRANSMITTER);
	/* Only the three states that make sense, only on ports there are, only if switched on. */
	desire(tr, 1, GNOMON_PORT_LISTENING, -EINVAL);
	desire(tr, 2, GNOMON_PORT_PASSIVE, -EINVAL);
	lan_destroy(lan);

	lan = lan_pair(GNOMON_DELAY_E2E);
	lan_settle(lan);
	desire(&lan->nodes[0], 1, GNOMON_PORT_PASSIVE, -EOPNOTSUPP);
	lan_destroy(lan);
}

/* -- what is announced ----------------------------------------------------------------------- */

static void leap_and_utc(void **state)
{
	static const uint16_t flags[] = {
		GNOMON_FLAG_PTP_TIMESCALE,
		GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID,
		GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_LEAP61 | GNOMON_FLAG_TIME_TRACEABLE,
		GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_LEAP59 | GNOMON_FLAG_FREQUENCY_TRACEABLE,
		0,
		GNOMON_FLAG_LEAP59 | GNOMON_FLAG_LEAP61 | GNOMON_FLAG_TIME_TRACEABLE,
	};
	/* 8.2.4.4, 8.2.4.5: no leap seconds on an arbitrary timescale. */
	const uint16_t leap = GNOMON_FLAG_LEAP59 | GNOMON_FLAG_LEAP61;
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *gm = &lan->nodes[0];
	struct node *tr = &lan->nodes[1];

	lan_settle(lan);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct gnomon_time_properties_ds ds = {
			.current_utc_offset = (int16_t)(38 + i), .flags = flags[i],
			.time_source = 0x20 };
		struct gnomon_clock_quality quality = { (uint8_t)(100 + i), 0x23, 0x4000 };
		struct gnomon_time_properties_ds got;
		struct gnomon_parent_ds parent;
		bool ptp = flags[i] & GNOMON_FLAG_PTP_TIMESCALE;

		tr->datasets = 0;
		assert_int_equal(gnomon_engine_set_grandmaster(gm->engine, &quality, &ds, lan->now),
				 0);
		node_drain(gm);
		lan_run(lan, 3 * SEC);
		gnomon_engine_time_properties_ds(tr->engine, &got);
		assert_int_equal(got.flags, ptp ? flags[i] : flags[i] & ~leap);
		assert_int_equal(got.current_utc_offset, 38 + i);
		assert_int_equal(got.time_source, 0x20);
		gnomon_engine_parent_ds(tr->engine, &parent);
		assert_int_equal(parent.grandmaster_clock_quality.clock_class, 100 + i);
		assert_int_equal(parent.grandmaster_clock_quality.clock_accuracy, 0x23);
		assert_true(tr->datasets & GNOMON_DATASET_TIME_PROPERTIES);
		assert_true(tr->datasets & GNOMON_DATASET_PARENT);
		assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	}
	lan_destroy(lan);
}

/* A grandmaster that gets worse than its timeReceiver is succeeded by it. */
static void quality_changes(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct gnomon_time_properties_ds ds = { .flags = GNOMON_FLAG_PTP_TIMESCALE };
	struct gnomon_clock_quality bad = { 248, 0xfe, 0xffff };

	lan->nodes[1].config.priority1 = 100;
	lan->nodes[0].config.clock_quality.clock_class = 6;
	lan_settle(lan);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_RECEIVER);
	lan->nodes[1].config.clock_quality.clock_class = 200;
	assert_int_equal(gnomon_engine_set_grandmaster(lan->nodes[1].engine,
						       &lan->nodes[1].config.clock_quality, &ds,
						       lan->now), 0);
	node_drain(&lan->nodes[1]);
	lan_run(lan, 9 * SEC);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_RECEIVER);
	gnomon_engine_set_grandmaster(lan->nodes[0].engine, &bad, &ds, lan->now);
	node_drain(&lan->nodes[0]);
	lan->nodes[0].auto_lock = true;
	lan_run(lan, 20 * SEC);
	assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_RECEIVER);
	lan_destroy(lan);
}

/* A timeReceiver that becomes a primary reference itself (P1) is its own grandmaster at once. */
static void becomes_primary(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *n = &lan->nodes[1];
	struct gnomon_clock_quality quality = { 7, 0x21, 0x4e5d };
	struct gnomon_port_identity own = node_port_identity(n, 0);
	struct gnomon_time_properties_ds ds = { .flags = GNOMON_FLAG_PTP_TIMESCALE };
	struct gnomon_parent_ds parent;

	lan->nodes[0].config.clock_quality.clock_class = 6;
	lan_settle(lan);
	lan_check_synchronised(lan);
	gnomon_engine_set_grandmaster(n->engine, &quality, &ds, lan->now);
	node_drain(n);
	lan_run(lan, 3 * SEC);
	assert_state(n, 1, GNOMON_PORT_PASSIVE);
	gnomon_engine_parent_ds(n->engine, &parent);
	assert_same_port(&parent.parent_port_identity, &own);
	assert_int_equal(parent.grandmaster_clock_quality.clock_class, 7);
	lan_destroy(lan);
}

/* Nobody is spoken to, and the data sets are there all the same. */
static void no_ports(void **state)
{
	struct gnomon_time_properties_ds properties = { .flags = GNOMON_FLAG_PTP_TIMESCALE };
	struct gnomon_clock_quality quality = { 6, 0x21, 0x4e5d };
	struct gnomon_engine_config config;
	struct gnomon_default_ds ds;
	struct gnomon_parent_ds parent;
	struct gnomon_port_config none;
	struct gnomon_engine *e = NULL;
	struct gnomon_action action;
	struct gnomon_port_ds port;
	gnomon_mono now = { 0 };
	size_t size;
	void *mem;

	(void)state;
	gnomon_engine_config_default(&config);
	gnomon_port_config_default(&none);
	config.ports = &none;
	config.clock_identity.id[7] = 9;
	size = gnomon_engine_size(&config);
	mem = malloc(size);
	assert_non_null(mem);
	assert_int_equal(gnomon_engine_init(&e, mem, size, &config, now), 0);
	gnomon_engine_default_ds(e, &ds);
	assert_int_equal(ds.number_ports, 0);
	assert_int_equal(gnomon_engine_set_grandmaster(e, &quality, &properties, now), 0);
	for (int i = 0; i < 20; i++, now = gnomon_mono_add(now, SEC)) {
		(void)gnomon_engine_expire(e, now);
		while (gnomon_engine_next(e, &action)) {
			assert_int_not_equal(action.type, GNOMON_ACTION_SEND);
		}
	}
	gnomon_engine_parent_ds(e, &parent);
	assert_int_equal(parent.grandmaster_clock_quality.clock_class, 6);
	assert_memory_equal(&parent.grandmaster_identity, &config.clock_identity, 8);
	assert_int_equal(gnomon_engine_port_ds(e, 1, &port), -EINVAL);
	free(mem);
}

/* -- configuration --------------------------------------------------------------------------- */

static void configuration(void **state)
{
	struct gnomon_port_config port;
	struct gnomon_engine_config good;
	struct gnomon_engine_config c;
	struct gnomon_engine *e = NULL;
	gnomon_mono now = { 0 };
	char mem[64];

	gnomon_port_config_default(&port);
	gnomon_engine_config_default(&good);
	good.ports = &port;
	good.port_count = 1;
	assert_true(gnomon_engine_size(&good) > 0);
	assert_int_equal(gnomon_engine_init(&e, mem, sizeof(mem), &good, now), -ENOBUFS);
	assert_null(e);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		c = good;                                                                          \
		change;                                                                            \
		assert_int_equal(gnomon_engine_size(&c), 0);                                       \
		assert_int_equal(gnomon_engine_init(&e, mem, sizeof(mem), &c, now), -EINVAL);      \
		assert_null(e);                                                                    \
	} while (0)
	REFUSED(c.size = 0);
	REFUSED(c.ports = NULL);
	REFUSED(c.port_count = 65535);
	REFUSED(c.port_count = 2);
	REFUSED(c.sdo_id = 0x1000);
	REFUSED(c.max_steps_removed = 1);
	REFUSED(c.foreign_capacity = 4);
#undef REFUSED
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		gnomon_port_config_default(&port);                                                 \
		change;                                                                            \
		assert_int_equal(gnomon_engine_size(&good), 0);                                    \
	} while (0)
	REFUSED(port.size = 1);
	REFUSED(port.delay_mechanism = 7);
	REFUSED(port.announce_receipt_timeout = 1);
	REFUSED(port.delay_request_variability = 1.1);
	REFUSED(port.delay_request_variability = -0.1);
	REFUSED(port.desired_state = GNOMON_PORT_FAULTY);
#undef REFUSED
}

/* What is asked for that is not there, or of another version, changes nothing. */
static void invalid_arguments(void **state)
{
	struct lan *lan = lan_pair(GNOMON_DELAY_E2E);
	struct node *n = &lan->nodes[1];
	struct gnomon_clock_event event = { .state = GNOMON_SERVO_UNLOCKED };
	struct gnomon_port_counters counters;
	struct gnomon_port_counters before;
	struct gnomon_port_ds ds;
	struct gnomon_port_ds same;

	lan_settle(lan);
	memset(&ds, 0x5a, sizeof(ds));
	same = ds;
	memset(&counters, 0x5a, sizeof(counters));
	before = counters;
	for (int port = 0; port <= 2; port += 2) {
		assert_int_equal(gnomon_engine_port_ds(n->engine, (uint16_t)port, &ds), -EINVAL);
		/* port 0 stands for the sockets of this machine */
		assert_true(port == 0 ||
			    gnomon_engine_counters(n->engine, (uint16_t)port, &counters) ==
				    -EINVAL);
		assert_int_equal(gnomon_engine_enable(n->engine, (uint16_t)port, false, lan->now),
				 -EINVAL);
	}
	assert_memory_equal(&ds, &same, sizeof(ds));
	assert_memory_equal(&counters, &before, sizeof(counters));
	assert_int_equal(gnomon_engine_clock_event(n->engine, &event, lan->now), -EINVAL);
	assert_state(n, 1, GNOMON_PORT_TIME_RECEIVER);
	lan_destroy(lan);
}

/* A caller that does not drain loses actions, which are counted, and nothing else. */
static void overflow(void **state)
{
	struct lan *lan = lan_create();
	struct node *n = node_add(lan, 1);
	struct gnomon_action a;
	unsigned int actions = 0;
	uint8_t data[FRAME_MAX];
	struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data };
	gnomon_time arrival = { LAN_EPOCH, 0, 0 };
	struct gnomon_msg m = make_message(n, GNOMON_MSG_DELAY_REQ, stranger(1), 1);

	node_start(n);
	lan_run(lan, 20 * SEC);
	rx.len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));
	rx.timestamp = &arrival;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(gnomon_engine_rx(n->engine, &rx, lan->now), 0);
	}
	for (int i = 0; i < 100; i++) {
		lan->now.ns += SEC;
		gnomon_engine_expire(n->engine, lan->now);
	}
	while (gnomon_engine_next(n->engine, &a)) {
		assert_int_equal(a.u.send.type, GNOMON_MSG_DELAY_RESP);
		actions++;
	}
	assert_in_range(actions, 16, 100);
	assert_int_equal(node_counters(n, 1).tx[GNOMON_MSG_DELAY_RESP], actions);
	assert_in_range(node_counters(n, 1).action_overflow, 1000 - actions + 100, 1200);
	lan_run(lan, 20 * SEC);
	assert_state(n, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_true(node_counters(n, 1).tx[GNOMON_MSG_SYNC] > 20);
	lan_destroy(lan);
}

/* An engine touches the memory it asked for and no more, wherever that is. */
static void memory(void **state)
{
	struct lan *lan = lan_create();
	struct node *n = node_add(lan, 4);
	size_t size = gnomon_engine_size(&n->config);
	unsigned char *mem = malloc(size + 16);

	assert_non_null(mem);
	memset(mem, 0x5a, size + 16);
	assert_int_equal(gnomon_engine_init(&n->engine, mem, size - 1, &n->config, lan->now),
			 -ENOBUFS);
	assert_int_equal(mem[0], 0x5a);
	assert_int_equal(gnomon_engine_init(&n->engine, mem, size, &n->config, lan->now), 0);
	n->mem = mem;
	for (uint16_t port = 1; port <= 4; port++) {
		node_link(n, port, true);
	}
	lan_run(lan, 100 * SEC);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(mem[size + i], 0x5a);
	}
	lan_destroy(lan);
}

/* minorVersionPTP is what was configured, in every message. */
static void minor_version(void **state)
{
	static const enum gnomon_msg_type types[] = { GNOMON_MSG_ANNOUNCE, GNOMON_MSG_SYNC,
						      GNOMON_MSG_FOLLOW_UP,
						      GNOMON_MSG_DELAY_RESP };

	for (uint8_t minor = 0; minor <= 1; minor++) {
		struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

		lan->nodes[0].config.minor_version = minor;
		lan_settle(lan);
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			struct gnomon_msg m = node_message(&lan->nodes[0], types[i], 0);

			assert_int_equal(m.header.minor_version, minor);
		}
		lan_destroy(lan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/minor_version", minor_version),
		LAN_TEST("/ptp/engine/oc/e2e", oc_e2e),
		LAN_TEST("/ptp/engine/oc/p2p", oc_p2p),
		LAN_TEST("/ptp/engine/oc/e2e_one_step", oc_e2e_one_step),
		LAN_TEST("/ptp/engine/oc/p2p_one_step", oc_p2p_one_step),
		LAN_TEST("/ptp/engine/oc/steps_change", steps_change),
		LAN_TEST("/ptp/engine/oc/p2p_both_ways", p2p_both_ways),
		LAN_TEST("/ptp/engine/oc/auto_becomes_p2p", auto_becomes_p2p),
		LAN_TEST("/ptp/engine/oc/auto_stays_e2e", auto_stays_e2e),
		LAN_TEST("/ptp/engine/oc/election", election),
		LAN_TEST("/ptp/engine/sync/follow_up_before_sync", follow_up_before_sync),
		LAN_TEST("/ptp/engine/sync/mixed_steps", mixed_steps),
		LAN_TEST("/ptp/engine/sync/unpaired", unpaired),
		LAN_TEST("/ptp/engine/duplicates", duplicates),
		LAN_TEST("/ptp/engine/timestamps/lost", lost_timestamps),
		LAN_TEST("/ptp/engine/timestamps/none", no_timestamps_at_all),
		LAN_TEST("/ptp/engine/timestamps/late", late_timestamps),
		LAN_TEST("/ptp/engine/timestamps/too_late", too_late_timestamps),
		LAN_TEST("/ptp/engine/role/time_receiver_only", time_receiver_only),
		LAN_TEST("/ptp/engine/role/time_transmitter_only", time_transmitter_only),
		LAN_TEST("/ptp/engine/role/primary_references", primary_references),
		LAN_TEST("/ptp/engine/role/external_port_configuration",
			 external_port_configuration),
		LAN_TEST("/ptp/engine/datasets/leap_and_utc", leap_and_utc),
		LAN_TEST("/ptp/engine/datasets/quality_changes", quality_changes),
		LAN_TEST("/ptp/engine/datasets/becomes_primary", becomes_primary),
		LAN_TEST("/ptp/engine/no_ports", no_ports),
		LAN_TEST("/ptp/engine/configuration", configuration),
		LAN_TEST("/ptp/engine/invalid_arguments", invalid_arguments),
		LAN_TEST("/ptp/engine/overflow", overflow),
		LAN_TEST("/ptp/engine/memory", memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
