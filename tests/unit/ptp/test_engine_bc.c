/* SPDX-License-Identifier: BSD-2-Clause */
/* Boundary Clocks: roles of N ports, data sets, what Announces carry on, failover, loops. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* Segments are numbered; a port sits on one. */
static void wire(struct node *n, uint16_t port, int segment)
{
	n->segment[port - 1] = segment;
}

static struct node *add(struct lan *lan, unsigned int ports, uint8_t priority1)
{
	struct node *n = node_add(lan, ports);

	n->config.priority1 = priority1;
	n->auto_lock = true;
	return n;
}

static void check_follows(const struct node *n, const struct node *gm,
			  struct gnomon_port_identity parent, uint16_t steps)
{
	struct gnomon_current_ds current;
	struct gnomon_parent_ds ds;

	gnomon_engine_current_ds(n->engine, &current);
	gnomon_engine_parent_ds(n->engine, &ds);
	assert_int_equal(current.steps_removed, steps);
	assert_same_port(&ds.parent_port_identity, &parent);
	assert_memory_equal(&ds.grandmaster_identity, &gm->config.clock_identity, 8);
	assert_int_equal(ds.grandmaster_priority1, gm->config.priority1);
	assert_int_equal(ds.grandmaster_priority2, gm->config.priority2);
	assert_int_equal(ds.grandmaster_clock_quality.clock_class,
			 gm->config.clock_quality.clock_class);
}

static void check_leads(const struct node *n)
{
	struct gnomon_port_identity own = node_port_identity(n, 0);

	check_follows(n, n, own, 0);
}

/* Two networks, two grandmasters, a clock on both that only receives: it changes over. */
static void receiver_on_two_networks(void **state)
{
	struct lan *lan = lan_create();
	struct node *better = add(lan, 1, 10);
	struct node *worse = add(lan, 1, 20);
	struct node *tr = add(lan, 2, 128);
	uint64_t timeouts;

	(void)state;
	wire(better, 1, 0);
	wire(worse, 1, 1);
	wire(tr, 1, 0);
	wire(tr, 2, 1);
	tr->config.time_receiver_only = true;
	for (unsigned int i = 0; i < lan->node_count; i++) {
		node_start(&lan->nodes[i]);
	}
	lan_run(lan, 30 * SEC);
	timeouts = node_counters(tr, 2).announce_timeout;
	lan_run(lan, 60 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(tr, 2, GNOMON_PORT_LISTENING);
	check_follows(tr, better, node_port_identity(better, 1), 1);
	/* The listening port keeps its grandmaster in mind: no announce receipt timeout. */
	assert_int_equal(node_counters(tr, 2).announce_timeout, timeouts);
	node_link(better, 1, false);
	lan_run(lan, 12 * SEC);
	assert_state(tr, 1, GNOMON_PORT_LISTENING);
	assert_state(tr, 2, GNOMON_PORT_TIME_RECEIVER);
	check_follows(tr, worse, node_port_identity(worse, 1), 1);
	node_link(better, 1, true);
	lan_run(lan, 60 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(tr, 2, GNOMON_PORT_LISTENING);
	assert_null(node_sent(tr, GNOMON_MSG_ANNOUNCE, 0));
	assert_null(node_sent(tr, GNOMON_MSG_SYNC, 0));
	lan_destroy(lan);
}

static unsigned int changes_of_all(const struct lan *lan)
{
	unsigned int changes = 0;

	for (unsigned int i = 0; i < lan->node_count; i++) {
		changes += lan->nodes[i].state_count;
	}
	return changes;
}

/* Nothing changes any more, and nobody's queue ran over. */
static void check_quiet(struct lan *lan)
{
	for (unsigned int i = 0; i < lan->node_count; i++) {
		node_forget(&lan->nodes[i]);
	}
	lan_run(lan, 100 * SEC);
	assert_int_equal(changes_of_all(lan), 0);
	for (unsigned int i = 0; i < lan->node_count; i++) {
		assert_int_equal(node_counters(&lan->nodes[i], 1).action_overflow, 0);
	}
}

static unsigned int ports_in(const struct lan *lan, enum gnomon_port_state state)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < lan->node_count; i++) {
		for (uint16_t port = 1; port <= lan->nodes[i].config.port_count; port++) {
			count += node_state(&lan->nodes[i], port) == state;
		}
	}
	return count;
}

/* -- roles ----------------------------------------------------------------------------------- */

/* gm - bc - oc, and two more ports of the bc with nobody there: S1 on one, M3 on the others. */
static struct lan *chain(void)
{
	struct lan *lan = lan_create();
	struct node *gm = add(lan, 1, 100);
	struct node *bc = add(lan, 4, 110);
	struct node *oc = add(lan, 1, 120);

	wire(gm, 1, 0);
	wire(bc, 1, 0);
	wire(bc, 2, 1);
	wire(oc, 1, 1);
	wire(bc, 3, 2);
	wire(bc, 4, 3);
	return lan;
}

static void s1_and_m3(void **state)
{
	struct lan *lan = chain();
	struct node *gm = &lan->nodes[0];
	struct node *bc = &lan->nodes[1];
	struct node *oc = &lan->nodes[2];

	lan_settle(lan);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	for (uint16_t port = 2; port <= 4; port++) {
		assert_state(bc, port, GNOMON_PORT_TIME_TRANSMITTER);
	}
	assert_state(oc, 1, GNOMON_PORT_TIME_RECEIVER);
	check_leads(gm);
	check_follows(bc, gm, node_port_identity(gm, 1), 1);
	check_follows(oc, gm, node_port_identity(bc, 2), 2);
	assert_true(bc->datasets & GNOMON_DATASET_PARENT);
	assert_true(bc->datasets & GNOMON_DATASET_CURRENT);
	assert_true(bc->datasets & GNOMON_DATASET_PORT);
	check_quiet(lan);
	lan_destroy(lan);
}

/* 9.2.6.11: M2 does not wait: better than what it hears, a clock leads at once. */
static void m2_does_not_wait(void **state)
{
	struct lan *lan = lan_create();
	struct node *worse = add(lan, 1, 120);
	struct node *better = add(lan, 1, 100);

	wire(worse, 1, 0);
	wire(better, 1, 0);
	node_start(worse);
	lan_run(lan, 20 * SEC);
	node_start(better);
	node_forget(better);
	lan_run(lan, 4 * SEC + SEC / 2);
	assert_state(better, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_int_equal(better->state_count, 1);
	assert_int_equal(better->states[0].change.from, GNOMON_PORT_LISTENING);
	assert_int_equal(better->states[0].change.cause, FSM_RS_GRAND_MASTER);
	lan_destroy(lan);
}

/* M3: a port that becomes a transmitter waits stepsRemoved + 1 announceIntervals, silently. */
static void m3_waits(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];
	struct node *better;
	gnomon_mono begin = { 0 };
	gnomon_mono end = { 0 };

	better = add(lan, 1, 50);
	wire(better, 1, 2);
	for (int i = 0; i < 3; i++) {
		node_start(&lan->nodes[i]);
	}
	lan_run(lan, 20 * SEC);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	node_forget(bc);
	/* The old grandmaster hears nothing and stays one. */
	lan->nodes[0].deaf = true;
	node_start(better);
	lan_run(lan, 30 * SEC);
	for (unsigned int i = 0; i < bc->state_count; i++) {
		if (bc->states[i].port != 1) {
			continue;
		}
		if (bc->states[i].change.to == GNOMON_PORT_PRE_TIME_TRANSMITTER) {
			begin = bc->states[i].at;
		}
		if (bc->states[i].change.from == GNOMON_PORT_PRE_TIME_TRANSMITTER) {
			end = bc->states[i].at;
			assert_int_equal(bc->states[i].change.cause, FSM_QUALIFICATION_TIMEOUT);
		}
	}
	assert_int_equal(end.ns - begin.ns, 2 * 2 * SEC);
	assert_state(bc, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(bc, 3, GNOMON_PORT_TIME_RECEIVER);
	for (unsigned int i = 0; i < SENT_KEPT && i < bc->sent_count; i++) {
		const struct sent *s = &bc->sent[i];

		assert_false(s->port == 1 && !gnomon_mono_before(s->at, begin) &&
			     gnomon_mono_before(s->at, end));
	}
	check_follows(bc, better, node_port_identity(better, 1), 1);
	lan_destroy(lan);
}

/* Two links between two Boundary Clocks: one is used, the other is passive (P2). */
static void p2_double_link(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];
	struct node *second = add(lan, 2, 115);

	wire(second, 1, 2);
	wire(second, 2, 3);
	lan_settle(lan);
	lan_run(lan, 20 * SEC);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(bc, 3, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(bc, 4, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(second, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(second, 2, GNOMON_PORT_PASSIVE);
	check_quiet(lan);
	/* The used link fails: the passive one is there. */
	node_link(second, 1, false);
	lan_run(lan, 20 * SEC);
	assert_state(second, 2, GNOMON_PORT_TIME_RECEIVER);
	check_follows(second, &lan->nodes[0], node_port_identity(bc, 4), 2);
	lan_destroy(lan);
}

/* Two ports of one clock on the grandmaster's own segment: one receives, one is passive. */
static void p2_same_segment(void **state)
{
	struct lan *lan = lan_create();
	struct node *gm = add(lan, 1, 100);
	struct node *bc = add(lan, 2, 110);

	wire(gm, 1, 0);
	wire(bc, 1, 0);
	wire(bc, 2, 0);
	lan_settle(lan);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(bc, 2, GNOMON_PORT_PASSIVE);
	check_follows(bc, gm, node_port_identity(gm, 1), 1);
	check_quiet(lan);
	lan_destroy(lan);
}

/* A ring of Boundary Clocks is cut at exactly one place, wherever the grandmaster is. */
static void ring(void **state)
{
	for (int members = 3; members <= 5; members++) {
		struct lan *lan = lan_create();
		struct node *gm = add(lan, 1, 100);

		wire(gm, 1, 0);
		for (int i = 0; i < members; i++) {
			struct node *bc = add(lan, 3, (uint8_t)(110 + i));

			wire(bc, 1, 10 + i);
			wire(bc, 2, 10 + (i + 1) % members);
			wire(bc, 3, i == members / 2 ? 0 : -1);
		}
		lan_settle(lan);
		lan_run(lan, 60 * SEC);
		assert_int_equal(ports_in(lan, GNOMON_PORT_TIME_RECEIVER), members);
		assert_int_equal(ports_in(lan, GNOMON_PORT_PASSIVE), 1);
		assert_int_equal(ports_in(lan, GNOMON_PORT_PRE_TIME_TRANSMITTER), 0);
		check_leads(gm);
		check_quiet(lan);
		lan_destroy(lan);
	}
}

/* A clock of class 6 does not follow anyone: worse than what it hears, it is passive there (P1). */
static void p1(void **state)
{
	struct lan *lan = chain();
	struct node *gm = &lan->nodes[0];
	struct node *bc = &lan->nodes[1];

	gm->config.clock_quality.clock_class = 6;
	bc->config.clock_quality.clock_class = 7;
	lan_settle(lan);
	assert_state(bc, 1, GNOMON_PORT_PASSIVE);
	for (uint16_t port = 2; port <= 4; port++) {
		assert_state(bc, port, GNOMON_PORT_TIME_TRANSMITTER);
	}
	check_leads(bc);
	check_follows(&lan->nodes[2], bc, node_port_identity(bc, 2), 1);
	check_quiet(lan);
	lan_destroy(lan);
}

/* 9.2.2.2: a timeTransmitter only port takes no part in the election, but serves. */
static void time_transmitter_only_port(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];
	struct node *rogue = add(lan, 1, 1);

	bc->ports[2].time_transmitter_only = true;
	wire(rogue, 1, 2);
	lan_settle(lan);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(bc, 3, GNOMON_PORT_TIME_TRANSMITTER);
	check_follows(bc, &lan->nodes[0], node_port_identity(&lan->nodes[0], 1), 1);
	check_leads(rogue);
	assert_true(node_dropped(bc, 3, GNOMON_DROP_TIME_TRANSMITTER_ONLY) > 0);
	lan_destroy(lan);
}

static void external_port_configuration(void **state)
{
	struct lan *lan = chain();
	struct node *gm = &lan->nodes[0];
	struct node *bc = &lan->nodes[1];

	/* Told to follow its port 2, where the worse clock is, and lead towards the better. */
	for (int i = 0; i < 3; i++) {
		lan->nodes[i].config.external_port_configuration = true;
	}
	bc->ports[1].desired_state = GNOMON_PORT_TIME_RECEIVER;
	bc->ports[2].desired_state = GNOMON_PORT_PASSIVE;
	gm->ports[0].desired_state = GNOMON_PORT_TIME_RECEIVER;
	lan_settle(lan);
	assert_state(bc, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(bc, 2, GNOMON_PORT_TIME_RECEIVER);
	assert_state(bc, 3, GNOMON_PORT_PASSIVE);
	assert_state(bc, 4, GNOMON_PORT_TIME_TRANSMITTER);
	check_follows(bc, &lan->nodes[2], node_port_identity(&lan->nodes[2], 1), 1);
	check_follows(gm, &lan->nodes[2], node_port_identity(bc, 1), 2);
	check_quiet(lan);
	lan_destroy(lan);
}

/* -- failover -------------------------------------------------------------------------------- */

/* Two grandmasters on two ports: the better one, then the other, then the better one again. */
static void failover(void **state)
{
	struct lan *lan = chain();
	struct node *gm = &lan->nodes[0];
	struct node *bc = &lan->nodes[1];
	struct node *backup = add(lan, 1, 105);

	wire(backup, 1, 2);
	lan_settle(lan);
	lan_run(lan, 10 * SEC);
	check_follows(bc, gm, node_port_identity(gm, 1), 1);
	assert_state(backup, 1, GNOMON_PORT_TIME_RECEIVER);
	node_forget(bc);
	node_link(gm, 1, false);
	lan_run(lan, 30 * SEC);
	check_follows(bc, backup, node_port_identity(backup, 1), 1);
	check_follows(&lan->nodes[2], backup, node_port_identity(bc, 2), 2);
	assert_state(bc, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(bc, 3, GNOMON_PORT_TIME_RECEIVER);
	assert_true(bc->event_count[GNOMON_EVENT_BEST_SELECTED] > 0);
	node_link(gm, 1, true);
	lan_run(lan, 30 * SEC);
	check_follows(bc, gm, node_port_identity(gm, 1), 1);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_state(bc, 3, GNOMON_PORT_TIME_TRANSMITTER);
	check_quiet(lan);
	lan_destroy(lan);
}

/* Losing its receiver port's link, a Boundary Clock leads at once. */
static void receiver_link_down(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];

	lan_settle(lan);
	node_link(bc, 1, false);
	lan_run(lan, 20 * MS);
	check_leads(bc);
	assert_state(bc, 1, GNOMON_PORT_FAULTY);
	assert_state(bc, 2, GNOMON_PORT_TIME_TRANSMITTER);
	lan_run(lan, 10 * SEC);
	check_follows(&lan->nodes[2], bc, node_port_identity(bc, 2), 1);
	lan_destroy(lan);
}

/* Another parent on the same port: measurements of the old one do not count for the new. */
static void new_parent_same_port(void **state)
{
	struct lan *lan = lan_create();
	struct node *gm = add(lan, 1, 100);
	struct node *tr = add(lan, 1, 120);
	struct node *better = add(lan, 1, 90);

	wire(gm, 1, 0);
	wire(tr, 1, 0);
	wire(better, 1, 0);
	gm->out_delay = 8000;
	better->offset = gnomon_span_from_ns(-777);
	node_start(gm);
	node_start(tr);
	lan_run(lan, 20 * SEC);
	assert_span(tr->sample.mean_delay, LAN_DELAY + 4000, 0);
	node_forget(tr);
	node_start(better);
	lan_run(lan, 20 * SEC);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_int_equal(tr->states[0].change.to, GNOMON_PORT_UNCALIBRATED);
	assert_int_equal(tr->states[0].change.cause, FSM_RS_SLAVE_NEW);
	assert_span(tr->sample.mean_delay, LAN_DELAY, 0);
	assert_span(tr->sample.offset, 777, 0);
	check_follows(tr, better, node_port_identity(better, 1), 1);
	lan_destroy(lan);
}

/* -- what is carried on ---------------------------------------------------------------------- */

/* Flags, UTC offset, time source and quality of the grandmaster arrive behind two BCs. */
static void time_properties(void **state)
{
	struct lan *lan = lan_create();
	struct node *gm = add(lan, 1, 100);
	struct node *nodes[3] = { add(lan, 2, 110), add(lan, 2, 111), add(lan, 1, 120) };
	const uint16_t flags = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID |
			       GNOMON_FLAG_LEAP59 | GNOMON_FLAG_TIME_TRACEABLE |
			       GNOMON_FLAG_FREQUENCY_TRACEABLE;
	struct gnomon_time_properties_ds alone;

	wire(gm, 1, 0);
	wire(nodes[0], 1, 0);
	wire(nodes[0], 2, 1);
	wire(nodes[1], 1, 1);
	wire(nodes[1], 2, 2);
	wire(nodes[2], 1, 2);
	gm->config.time_properties.flags = flags;
	gm->config.time_properties.current_utc_offset = -5;
	gm->config.time_properties.time_source = 0x80;
	gm->config.clock_quality = (struct gnomon_clock_quality){ 13, 0x17, 0x1234 };
	lan_settle(lan);
	lan_run(lan, 20 * SEC);
	for (int i = 0; i < 3; i++) {
		struct gnomon_time_properties_ds ds;
		struct gnomon_parent_ds parent;

		gnomon_engine_time_properties_ds(nodes[i]->engine, &ds);
		gnomon_engine_parent_ds(nodes[i]->engine, &parent);
		assert_int_equal(ds.flags, flags);
		assert_int_equal(ds.current_utc_offset, -5);
		assert_int_equal(ds.time_source, 0x80);
		assert_int_equal(parent.grandmaster_clock_quality.clock_accuracy, 0x17);
		assert_int_equal(parent.grandmaster_clock_quality.offset_scaled_log_variance,
				 0x1234);
	}
	/* Alone again, each is its own source. */
	node_link(nodes[0], 1, false);
	lan_run(lan, 2 * SEC);
	gnomon_engine_time_properties_ds(nodes[0]->engine, &alone);
	assert_int_equal(alone.flags, nodes[0]->config.time_properties.flags);
	assert_int_equal(alone.current_utc_offset, 37);
	lan_destroy(lan);
}

/* synchronizationUncertain: while a BC is not calibrated, and while its parent says so. */
static void uncertain(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];
	struct node *oc = &lan->nodes[2];
	struct gnomon_parent_ds parent;

	bc->auto_lock = false;
	lan_settle(lan);
	lan_run(lan, 4 * SEC);
	assert_state(bc, 1, GNOMON_PORT_UNCALIBRATED);
	gnomon_engine_parent_ds(oc->engine, &parent);
	assert_true(parent.synchronization_uncertain);
	assert_true(node_message(bc, GNOMON_MSG_ANNOUNCE, 0).header.flags &
		    GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN);
	node_clock_event(bc, GNOMON_SERVO_LOCKED);
	lan_run(lan, 4 * SEC);
	gnomon_engine_parent_ds(oc->engine, &parent);
	assert_false(parent.synchronization_uncertain);
	assert_false(node_message(bc, GNOMON_MSG_ANNOUNCE, 0).header.flags &
		     GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN);
	lan_destroy(lan);
}

/* A clock that hears a grandmaster and follows something else vouches for itself only. */
static void apart(void **state)
{
	struct lan *lan = chain();
	struct node *gm = &lan->nodes[0];
	struct node *bc = &lan->nodes[1];
	struct node *oc = &lan->nodes[2];

	lan_settle(lan);
	check_follows(oc, gm, node_port_identity(bc, 2), 2);
	gnomon_engine_set_apart(bc->engine, true);
	lan_run(lan, 10 * SEC);
	assert_state(bc, 1, GNOMON_PORT_TIME_RECEIVER);
	check_follows(bc, gm, node_port_identity(gm, 1), 1);
	check_follows(oc, bc, node_port_identity(bc, 2), 1);
	assert_state(oc, 1, GNOMON_PORT_TIME_RECEIVER);
	gnomon_engine_set_apart(bc->engine, false);
	lan_run(lan, 10 * SEC);
	check_follows(oc, gm, node_port_identity(bc, 2), 2);
	lan_destroy(lan);
}

static struct gnomon_tlv path_of(const struct gnomon_msg *m)
{
	struct gnomon_tlv tlv = { 0 };

	assert_true(gnomon_tlv_find(m->tlvs, m->tlvs_len, GNOMON_TLV_PATH_TRACE, &tlv));
	return tlv;
}

/* 16.2: every clock adds itself. */
static void path_trace(void **state)
{
	struct lan *lan = lan_create();
	struct node *nodes[4] = { add(lan, 1, 100), add(lan, 2, 110), add(lan, 2, 111),
				  add(lan, 2, 112) };

	for (int i = 0; i < 4; i++) {
		nodes[i]->ports[0].path_trace_enabled = true;
		nodes[i]->ports[1].path_trace_enabled = true;
		wire(nodes[i], 1, i == 0 ? 1 : i);
		if (i > 0) {
			wire(nodes[i], 2, i + 1);
		}
	}
	lan_settle(lan);
	lan_run(lan, 40 * SEC);
	for (size_t i = 0; i < 4; i++) {
		struct gnomon_msg m = node_message(nodes[i], GNOMON_MSG_ANNOUNCE, 0);
		struct gnomon_tlv path = path_of(&m);

		assert_int_equal(gnomon_path_trace_count(&path), i + 1);
		for (size_t k = 0; k <= i; k++) {
			assert_memory_equal(path.value + 8 * k, nodes[k]->config.clock_identity.id,
					    8);
		}
	}
	lan_destroy(lan);
}

/* Append a TLV whose value repeats one octet. */
static void append(struct gnomon_tlv_builder *b, uint16_t type, uint16_t length, int octet)
{
	uint8_t *value = gnomon_tlv_append(b, type, length);

	assert_non_null(value);
	memset(value, octet, length);
}

/* Announces of a stranger with these TLVs, until the clock follows and passes them on. */
static void follow_with_tlvs(struct node *bc, const uint8_t *tlvs, size_t len)
{
	for (uint16_t i = 0; i < 14; i++) {
		struct gnomon_msg m = make_announce(bc, stranger(1), i);
		uint8_t data[1500];
		int total;

		m.tlvs = tlvs;
		m.tlvs_len = len;
		total = gnomon_msg_encode(&m, data, sizeof(data));
		assert_true(total > 0);
		assert_int_equal(node_hear_bytes(bc, 1, data, (size_t)total), 0);
		lan_run(bc->lan, SEC);
	}
	assert_state(bc, 2, GNOMON_PORT_TIME_TRANSMITTER);
}

/* 14.2: what propagates does, in order and unchanged, known or not; the rest stays behind. */
static void tlv_propagation(void **state)
{
	struct lan *lan = lan_create();
	struct node *bc = add(lan, 2, 110);
	uint8_t got[256];
	uint8_t want[256];
	struct gnomon_tlv_builder in;
	struct gnomon_tlv_builder out;
	struct gnomon_msg m;

	wire(bc, 1, 0);
	wire(bc, 2, 1);
	node_start(bc);
	gnomon_tlv_builder_init(&in, got, sizeof(got));
	append(&in, GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR, 20, 1);
	append(&in, GNOMON_TLV_ORGANIZATION_EXTENSION, 8, 2);
	append(&in, GNOMON_TLV_ORGANIZATION_EXTENSION_PROPAGATE, 10, 3);
	append(&in, 0x3fff, 4, 4);
	append(&in, 0x7fff, 6, 5);
	append(&in, GNOMON_TLV_PAD, 2, 6);
	append(&in, 0x4abc, 0, 7);
	append(&in, GNOMON_TLV_PATH_TRACE, 16, 8);
	gnomon_tlv_builder_init(&out, want, sizeof(want));
	append(&out, GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR, 20, 1);
	append(&out, GNOMON_TLV_ORGANIZATION_EXTENSION_PROPAGATE, 10, 3);
	append(&out, 0x7fff, 6, 5);
	append(&out, 0x4abc, 0, 7);
	append(&out, GNOMON_TLV_PATH_TRACE, 16, 8);
	follow_with_tlvs(bc, got, in.len);
	m = node_message(bc, GNOMON_MSG_ANNOUNCE, 0);
	assert_int_equal(m.tlvs_len, out.len);
	assert_memory_equal(m.tlvs, want, out.len);
	assert_int_equal(m.body.announce.steps_removed, 1);
	/* Without a parent there is nothing to carry on. */
	lan_run(lan, 20 * SEC);
	assert_int_equal(node_message(bc, GNOMON_MSG_ANNOUNCE, 0).tlvs_len, 0);
	lan_destroy(lan);
}

/* A path too long to be kept is left out and begun anew; the Announce still goes out. */
static void path_trace_too_long(void **state)
{
	for (uint16_t entries = 0; entries <= 170; entries++) {
		struct lan *lan = lan_create();
		struct node *bc = add(lan, 2, 110);
		struct gnomon_tlv_builder b;
		struct gnomon_tlv tlv;
		uint8_t tlvs[1400];
		struct gnomon_msg m;

		bc->ports[0].path_trace_enabled = true;
		bc->ports[1].path_trace_enabled = true;
		wire(bc, 1, 0);
		wire(bc, 2, 1);
		node_start(bc);
		gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
		append(&b, 0x4001, 8, 9);
		append(&b, GNOMON_TLV_PATH_TRACE, (uint16_t)(8 * entries), 0x77);
		follow_with_tlvs(bc, tlvs, b.len);
		m = node_message(bc, GNOMON_MSG_ANNOUNCE, 0);
		assert_memory_equal(&m.body.announce.grandmaster_identity, stranger(1).clock.id, 8);
		assert_true(gnomon_tlv_find(m.tlvs, m.tlvs_len, 0x4001, &tlv));
		tlv = path_of(&m);
		assert_int_equal(gnomon_path_trace_count(&tlv), entries <= 30 ? entries + 1 : 1);
		lan_destroy(lan);
	}
}

/* Announces that went round: PATH_TRACE stops them where clockIdentity alone does not. */
static void loop_is_cut(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];
	struct gnomon_tlv_builder b;
	uint8_t tlvs[64];
	struct gnomon_msg m;

	for (int i = 0; i < 4; i++) {
		bc->ports[i].path_trace_enabled = true;
	}
	lan_settle(lan);
	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	gnomon_path_trace_append(&b, NULL, &bc->config.clock_identity);
	for (uint16_t i = 0; i < 5; i++) {
		m = make_announce(bc, stranger(1), i);
		m.tlvs = tlvs;
		m.tlvs_len = b.len;
		node_hear(bc, 4, &m);
		lan_run(lan, SEC);
	}
	assert_int_equal(node_dropped(bc, 4, GNOMON_DROP_PATH_TRACE), 5);
	assert_int_equal(bc->event_count[GNOMON_EVENT_LOOP], 5);
	assert_state(bc, 4, GNOMON_PORT_TIME_TRANSMITTER);
	check_follows(bc, &lan->nodes[0], node_port_identity(&lan->nodes[0], 1), 1);
	lan_destroy(lan);
}

/* stepsRemoved grows to its limit and no further: the clock beyond it leads itself. */
static void max_steps_removed(void **state)
{
	struct lan *lan = lan_create();
	struct node *nodes[5] = { add(lan, 1, 100), add(lan, 2, 110), add(lan, 2, 111),
				  add(lan, 2, 112), add(lan, 1, 113) };

	for (int i = 0; i < 5; i++) {
		nodes[i]->config.max_steps_removed = 2;
		wire(nodes[i], 1, i == 0 ? 1 : i);
		if (i > 0 && i < 4) {
			wire(nodes[i], 2, i + 1);
		}
	}
	lan_settle(lan);
	lan_run(lan, 40 * SEC);
	check_follows(nodes[1], nodes[0], node_port_identity(nodes[0], 1), 1);
	check_follows(nodes[2], nodes[0], node_port_identity(nodes[1], 2), 2);
	check_leads(nodes[3]);
	check_follows(nodes[4], nodes[3], node_port_identity(nodes[3], 2), 1);
	assert_true(node_dropped(nodes[3], 1, GNOMON_DROP_STEPS_REMOVED) > 0);
	lan_destroy(lan);
}

/* An Announce that changes on its way to a timeTransmitter port says what holds when it leaves. */
static void announces_agree_with_datasets(void **state)
{
	struct lan *lan = chain();
	struct node *bc = &lan->nodes[1];

	lan_settle(lan);
	for (int i = 0; i < 50; i++) {
		struct gnomon_clock_quality quality = { (uint8_t)(100 + i), 0x20, (uint16_t)i };
		struct gnomon_time_properties_ds ds = { .flags = GNOMON_FLAG_PTP_TIMESCALE };
		struct gnomon_parent_ds parent;
		struct gnomon_msg m;

		gnomon_engine_set_grandmaster(lan->nodes[0].engine, &quality, &ds, lan->now);
		node_drain(&lan->nodes[0]);
		lan_run(lan, 700 * MS);
		gnomon_engine_parent_ds(bc->engine, &parent);
		node_forget(bc);
		lan_run(lan, 10 * MS);
		if (node_sent(bc, GNOMON_MSG_ANNOUNCE, 0)) {
			m = node_message(bc, GNOMON_MSG_ANNOUNCE, 0);
			assert_int_equal(m.body.announce.grandmaster_quality.clock_class,
					 parent.grandmaster_clock_quality.clock_class);
		}
	}
	lan_destroy(lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/bc/s1_and_m3", s1_and_m3),
		LAN_TEST("/ptp/engine/bc/receiver_on_two_networks", receiver_on_two_networks),
		LAN_TEST("/ptp/engine/bc/m2_does_not_wait", m2_does_not_wait),
		LAN_TEST("/ptp/engine/bc/m3_waits", m3_waits),
		LAN_TEST("/ptp/engine/bc/apart", apart),
		LAN_TEST("/ptp/engine/bc/p1", p1),
		LAN_TEST("/ptp/engine/bc/p2_double_link", p2_double_link),
		LAN_TEST("/ptp/engine/bc/p2_same_segment", p2_same_segment),
		LAN_TEST("/ptp/engine/bc/ring", ring),
		LAN_TEST("/ptp/engine/bc/time_transmitter_only_port", time_transmitter_only_port),
		LAN_TEST("/ptp/engine/bc/external_port_configuration", external_port_configuration),
		LAN_TEST("/ptp/engine/bc/failover", failover),
		LAN_TEST("/ptp/engine/bc/receiver_link_down", receiver_link_down),
		LAN_TEST("/ptp/engine/bc/new_parent_same_port", new_parent_same_port),
		LAN_TEST("/ptp/engine/bc/time_properties", time_properties),
		LAN_TEST("/ptp/engine/bc/uncertain", uncertain),
		LAN_TEST("/ptp/engine/bc/path_trace", path_trace),
		LAN_TEST("/ptp/engine/bc/path_trace_too_long", path_trace_too_long),
		LAN_TEST("/ptp/engine/bc/tlv_propagation", tlv_propagation),
		LAN_TEST("/ptp/engine/bc/loop_is_cut", loop_is_cut),
		LAN_TEST("/ptp/engine/bc/max_steps_removed", max_steps_removed),
		LAN_TEST("/ptp/engine/bc/announces_agree_with_datasets",
			 announces_agree_with_datasets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
