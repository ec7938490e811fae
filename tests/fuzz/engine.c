/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole engine, driven by octets: sane and mutated messages, time, transmit timestamps that come,
 * come late or never, links, steps of the clock (engine.h says how). After every operation:
 *
 *   - all it wants done is done, within its queue, and is well-formed: messages decode, carry the
 *     port's identity, and are those the port's state and role may send;
 *   - states are legal for the role, changes are arrows of the state machine, in one sequence;
 *   - a dropped message is counted once, a used one is not; counters only grow;
 *   - at most one port receives, and without one the clock leads;
 *   - the deadline lies ahead.
 *
 * Some inputs run twice: the actions must be the same, octet for octet.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <gnomon/engine.h>

#include "engine.h"
#include "engine_manage.h"
#include "fuzz.h"
#include "ptp/fsm.h"

#define PORTS_MAX 4
#define SENDERS 6
#define OPERATIONS_MAX 300
#define EXPIRIES_MAX 300
#define SENT_KEPT 8
#define FRAME_MAX 1500
#define MS INT64_C(1000000)
#define EPOCH 1700000000
/* Longer than any expire, so that the next decision has been made. */
#define SETTLED (20 * MS)

struct sent {
	uint16_t port;
	enum gnomon_msg_type type;
	uint32_t tx_id;
	uint16_t sequence_id;
	uint8_t data[FRAME_MAX];
	size_t len;
};

struct world {
	const uint8_t *data;
	size_t size;
	struct gnomon_engine_config config;
	struct gnomon_port_config ports[PORTS_MAX];
	struct gnomon_engine *engine;
	void *mem;
	gnomon_mono now;
	enum gnomon_port_state state[PORTS_MAX];
	struct gnomon_port_counters counters[PORTS_MAX];
	struct sent sent[SENT_KEPT]; /* a ring */
	unsigned int sent_count;
	uint16_t request[PORTS_MAX]; /* sequenceId of the latest Delay_Req or Pdelay_Req */
	uint32_t request_tx[PORTS_MAX];
	uint16_t sequence[SENDERS];
	uint64_t digest;
	bool new_roles; /* management gave ports other roles, one after another */
};

/* -- octets ---------------------------------------------------------------------------------- */

static uint8_t take(struct world *w)
{
	if (w->size == 0) {
		return 0;
	}
	w->size--;
	return *w->data++;
}

static uint16_t take_port(struct world *w)
{
	return (uint16_t)(take(w) % w->config.port_count + 1);
}

static struct gnomon_port_identity sender(unsigned int n)
{
	struct gnomon_port_identity id = { { { 0x0e, 0, 0, 0xff, 0xfe, 0, 0, (uint8_t)n } }, 1 };

	return id;
}

static struct gnomon_port_identity own(const struct world *w, uint16_t port)
{
	struct gnomon_port_identity id = { w->config.clock_identity, port };

	return id;
}

static gnomon_time clock_at(gnomon_mono now)
{
	return gnomon_time_add((gnomon_time){ EPOCH, 0, 0 }, gnomon_span_from_ns(now.ns));
}

/* -- what must hold -------------------------------------------------------------------------- */

static enum fsm_role role_of(const struct world *w, uint16_t port)
{
	if (w->config.time_receiver_only) {
		return FSM_TIME_RECEIVER_ONLY;
	}
	return w->ports[port - 1].time_transmitter_only ? FSM_TIME_TRANSMITTER_ONLY : FSM_FULL;
}

static bool is_receiver(enum gnomon_port_state s)
{
	return s == GNOMON_PORT_UNCALIBRATED || s == GNOMON_PORT_TIME_RECEIVER;
}

static bool is_down(enum gnomon_port_state s)
{
	return s == GNOMON_PORT_INITIALIZING || s == GNOMON_PORT_FAULTY ||
	       s == GNOMON_PORT_DISABLED;
}

/* 9.2.5: the rights to transmit. */
static bool may_send(enum gnomon_port_state s, enum gnomon_msg_type type)
{
	switch (type) {
	case GNOMON_MSG_ANNOUNCE:
	case GNOMON_MSG_SYNC:
	case GNOMON_MSG_FOLLOW_UP:
	case GNOMON_MSG_DELAY_RESP:
		return s == GNOMON_PORT_TIME_TRANSMITTER;
	case GNOMON_MSG_DELAY_REQ:
		return is_receiver(s);
	case GNOMON_MSG_PDELAY_REQ:
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
		return !is_down(s);
	case GNOMON_MSG_MANAGEMENT:
		return !is_down(s) || s == GNOMON_PORT_DISABLED;
	case GNOMON_MSG_SIGNALING:
		break;
	}
	return false;
}

static bool may_be(enum fsm_role role, enum gnomon_port_state s)
{
	if (role == FSM_TIME_RECEIVER_ONLY) {
		return is_down(s) || is_receiver(s) || s == GNOMON_PORT_LISTENING;
	}
	return s >= GNOMON_PORT_INITIALIZING && s <= GNOMON_PORT_TIME_RECEIVER &&
	       !(role == FSM_TIME_TRANSMITTER_ONLY && is_receiver(s));
}

static void digest(struct world *w, const void *data, size_t len)
{
	const uint8_t *octets = data;

	for (size_t i = 0; i < len; i++) {
		w->digest = (w->digest ^ octets[i]) * UINT64_C(0x100000001b3);
	}
}

static void check_management(struct world *w, uint16_t port, const struct gnomon_send *send,
			     const struct gnomon_msg *m)
{
	FUZZ_CHECK(port == 0 || may_send(w->state[port - 1], send->type));
	manage_check(&w->config.clock_identity, port, send, m);
	digest(w, send->data, send->len);
}

static void check_send(struct world *w, uint16_t port, const struct gnomon_send *send)
{
	struct sent *s = &w->sent[w->sent_count++ % SENT_KEPT];
	struct gnomon_port_identity id = own(w, port);
	struct gnomon_msg m;

	FUZZ_CHECK(send->len <= FRAME_MAX);
	FUZZ_CHECK(gnomon_msg_decode(&m, send->data, send->len) == GNOMON_DECODE_OK);
	FUZZ_CHECK(m.header.length == send->len && m.header.type == send->type);
	if (send->type == GNOMON_MSG_MANAGEMENT) {
		check_management(w, port, send, &m);
		return;
	}
	FUZZ_CHECK(gnomon_port_identity_cmp(&m.header.source, &id) == 0);
	FUZZ_CHECK(m.header.domain == w->config.domain && m.header.sdo_id == w->config.sdo_id);
	FUZZ_CHECK(may_send(w->state[port - 1], send->type));
	FUZZ_CHECK((send->channel == GNOMON_CHANNEL_EVENT) == gnomon_msg_is_event(send->type));
	FUZZ_CHECK(!(send->tx_id && send->one_step));
	s->port = port;
	s->type = send->type;
	s->tx_id = send->tx_id;
	s->sequence_id = m.header.sequence_id;
	s->len = send->len;
	memcpy(s->data, send->data, send->len);
	if (send->type == GNOMON_MSG_DELAY_REQ || send->type == GNOMON_MSG_PDELAY_REQ) {
		w->request[port - 1] = m.header.sequence_id;
		w->request_tx[port - 1] = send->tx_id;
	}
	digest(w, send->data, send->len);
	digest(w, &send->tx_id, sizeof(send->tx_id));
}

static void check_state(struct world *w, uint16_t port, const struct gnomon_state_change *c)
{
	enum fsm_role role = role_of(w, port);
	enum gnomon_port_state next = fsm_next(role, c->from, (enum gnomon_fsm_event)c->cause);

	FUZZ_CHECK(c->from == w->state[port - 1] && c->from != c->to);
	FUZZ_CHECK(may_be(role, c->to) || w->config.external_port_configuration || w->new_roles);
	if (c->cause == FSM_RS_GRAND_MASTER && next == GNOMON_PORT_PRE_TIME_TRANSMITTER) {
		next = GNOMON_PORT_TIME_TRANSMITTER; /* qualified in no time */
	}
	FUZZ_CHECK(next == c->to || w->config.external_port_configuration || w->new_roles);
	w->state[port - 1] = c->to;
	digest(w, c, sizeof(*c));
}

static void check_sample(struct world *w, uint16_t port, const struct gnomon_sample *s)
{
	FUZZ_CHECK(is_receiver(w->state[port - 1]));
	FUZZ_CHECK(s->weight > 0.0 && s->weight <= 1.0);
	FUZZ_CHECK(s->sync_interval > 0.0 && isfinite(s->sync_interval));
	digest(w, &s->offset.ns, sizeof(s->offset.ns));
	digest(w, &s->mean_delay.ns, sizeof(s->mean_delay.ns));
}

static void check_action(struct world *w, const struct gnomon_action *a)
{
	FUZZ_CHECK(a->port <= w->config.port_count);
	digest(w, &a->type, sizeof(a->type));
	switch (a->type) {
	case GNOMON_ACTION_SEND:
		FUZZ_CHECK(a->port > 0 || a->u.send.type == GNOMON_MSG_MANAGEMENT);
		check_send(w, a->port, &a->u.send);
		break;
	case GNOMON_ACTION_SAMPLE:
		FUZZ_CHECK(a->port > 0);
		check_sample(w, a->port, &a->u.sample);
		break;
	case GNOMON_ACTION_STATE:
		FUZZ_CHECK(a->port > 0);
		check_state(w, a->port, &a->u.state);
		break;
	case GNOMON_ACTION_DATASET:
		FUZZ_CHECK(a->u.datasets != 0 && a->u.datasets < 0x20);
		break;
	case GNOMON_ACTION_SET_CLOCK:
		FUZZ_CHECK(a->port == 0);
		break;
	case GNOMON_ACTION_EVENT:
		FUZZ_CHECK(a->u.event.what < GNOMON_EVENT_COUNT);
		break;
	}
}

static uint64_t drops(const struct gnomon_port_counters *c)
{
	uint64_t sum = 0;

	for (int i = 0; i < GNOMON_DROP_COUNT; i++) {
		sum += c->drop[i];
	}
	return sum;
}

/* Every counter is a uint64_t that never shrinks; nothing ever runs over a drained queue. */
static void check_counters(struct world *w, uint16_t port)
{
	struct gnomon_port_counters now;
	uint64_t before[sizeof(now) / sizeof(uint64_t)];
	uint64_t after[sizeof(now) / sizeof(uint64_t)];

	FUZZ_CHECK(gnomon_engine_counters(w->engine, port, &now) == 0);
	memcpy(before, &w->counters[port - 1], sizeof(before));
	memcpy(after, &now, sizeof(after));
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		FUZZ_CHECK(after[i] >= before[i]);
	}
	FUZZ_CHECK(now.action_overflow == 0);
	w->counters[port - 1] = now;
}

/* Timeouts are up to so many doublings of the interval: a receipt timeout is up to 255 of them. */
#define TIMEOUT_LOG 8

/* Management may set intervals whose timeouts never come: then there may be nothing to wait for. */
static bool waits_for_ever(const struct gnomon_port_ds *ds)
{
	const int longest = GNOMON_LOG_INTERVAL_CEILING - TIMEOUT_LOG;

	return ds->log_announce_interval > longest || ds->log_sync_interval > longest ||
	       ds->log_min_pdelay_req_interval > longest;
}

static void drain(struct world *w)
{
	unsigned int receivers = 0;
	bool for_ever = false;
	struct gnomon_action a;

	memset(&a, 0, sizeof(a));
	for (unsigned int n = 0; gnomon_engine_next(w->engine, &a); n++) {
		FUZZ_CHECK(n < 16 + 8 * w->config.port_count);
		check_action(w, &a);
	}
	for (uint16_t port = 1; port <= w->config.port_count; port++) {
		struct gnomon_port_ds ds;

		FUZZ_CHECK(gnomon_engine_port_ds(w->engine, port, &ds) == 0);
		FUZZ_CHECK(ds.port_state == w->state[port - 1]);
		receivers += is_receiver(ds.port_state);
		for_ever = for_ever || waits_for_ever(&ds);
		check_counters(w, port);
	}
	FUZZ_CHECK(receivers <= 1 || w->config.external_port_configuration);
	FUZZ_CHECK(for_ever ||
		   gnomon_mono_before(gnomon_engine_deadline(w->engine), GNOMON_MONO_NEVER));
}

/* Who receives has a parent, who does not leads. */
static void check_parent(const struct world *w)
{
	struct gnomon_port_identity id = own(w, 0);
	struct gnomon_current_ds current;
	struct gnomon_parent_ds parent;
	bool receives = false;

	for (unsigned int i = 0; i < w->config.port_count; i++) {
		receives = receives || is_receiver(w->state[i]);
	}
	gnomon_engine_current_ds(w->engine, &current);
	gnomon_engine_parent_ds(w->engine, &parent);
	if (!receives) {
		FUZZ_CHECK(gnomon_port_identity_cmp(&parent.parent_port_identity, &id) == 0);
		FUZZ_CHECK(current.steps_removed == 0);
	} else if (!w->config.external_port_configuration) {
		FUZZ_CHECK(gnomon_clock_identity_cmp(&parent.parent_port_identity.clock,
						     &id.clock) != 0);
		FUZZ_CHECK(current.steps_removed > 0 && current.steps_removed <= 255);
	}
}

/* -- operations ------------------------------------------------------------------------------ */

static void expire(struct world *w)
{
	FUZZ_CHECK(gnomon_engine_expire(w->engine, w->now) == 0);
	FUZZ_CHECK(gnomon_mono_before(w->now, gnomon_engine_deadline(w->engine)));
	drain(w);
}

static void run_time(struct world *w, int64_t ns)
{
	gnomon_mono end = gnomon_mono_add(w->now, ns);
	gnomon_mono due = gnomon_engine_deadline(w->engine);

	for (int i = 0; i < EXPIRIES_MAX && !gnomon_mono_before(end, due); i++) {
		if (gnomon_mono_before(w->now, due)) {
			w->now = due;
		}
		expire(w);
		due = gnomon_engine_deadline(w->engine);
	}
	w->now = end;
	expire(w);
	if (ns > SETTLED) {
		w->now.ns += SETTLED;
		expire(w);
		check_parent(w);
	}
}

static void sleep_time(struct world *w, int64_t ns)
{
	w->now = gnomon_mono_add(w->now, ns);
	expire(w);
}

static void hear(struct world *w, uint16_t port, const uint8_t *data, size_t len,
		 const gnomon_time *timestamp)
{
	struct gnomon_rx rx = { .size = sizeof(rx), .port = port, .data = data, .len = len,
				.timestamp = timestamp };
	uint64_t dropped = drops(&w->counters[port - 1]);
	const uint64_t *counted = w->counters[port - 1].drop;
	uint64_t partly = counted[GNOMON_DROP_LINK_DELAY] + counted[GNOMON_DROP_ORDER];
	gnomon_time software = { 1000, 0, 0 };
	int status;

	if (len > 0) {
		rx.source.network_protocol = GNOMON_NETWORK_UDP_IPV4;
		rx.source.length = 4;
		rx.source.octets[3] = data[len / 2];
		software.nsec = data[len - 1] & 3u;
		rx.software = software.nsec ? &software : NULL;
	}
	status = gnomon_engine_rx(w->engine, &rx, w->now);
	drain(w);
	FUZZ_CHECK(status == 0 || status == -EBADMSG);
	/* A link delay beyond its limits is made of several messages: none of them is to blame; and
	 * a Sync that is used may drop the Follow_Up that waited for it. */
	dropped = drops(&w->counters[port - 1]) - dropped;
	partly = counted[GNOMON_DROP_LINK_DELAY] + counted[GNOMON_DROP_ORDER] - partly;
	FUZZ_CHECK(dropped == (status ? 1 : partly) && partly <= 1);
}

/* Copied to the very end of a block of memory, where a sanitizer sees every octet too many. */
static void hear_exactly(struct world *w, uint16_t port, const uint8_t *data, size_t len,
			 const gnomon_time *timestamp)
{
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_CHECK(copy);
	memcpy(copy, data, len);
	hear(w, port, copy, len, timestamp);
	free(copy);
}

static void announce_body(const struct world *w, struct gnomon_announce *a, unsigned int who)
{
	static const uint8_t priority1[SENDERS] = { 1, 50, 127, 128, 200, 255 };

	a->grandmaster_priority1 = priority1[who];
	a->grandmaster_priority2 = 128;
	a->grandmaster_quality.clock_class = who % 2 ? 248 : 6;
	a->grandmaster_identity = who == 5 ? w->config.clock_identity : sender(who / 2).clock;
	a->steps_removed = (uint16_t)(who % 3);
	a->current_utc_offset = 37;
}

static size_t announce_tlvs(const struct world *w, uint8_t *buf, size_t cap, unsigned int who)
{
	static const struct gnomon_clock_identity path = { { 9 } };
	struct gnomon_tlv_builder b;

	gnomon_tlv_builder_init(&b, buf, cap);
	gnomon_path_trace_append(&b, NULL, who % 4 == 3 ? &w->config.clock_identity : &path);
	gnomon_tlv_append(&b, (uint16_t)(0x4000 + who), (uint16_t)(who * 40));
	gnomon_pad_append(&b, 6);
	return b.len;
}

/* The message a sane sender would send now, but for what how says. */
static struct gnomon_msg compose(struct world *w, enum gnomon_msg_type type, uint16_t port,
				 unsigned int who, uint8_t how)
{
	static const int64_t far_off[] = { 0, 1, INT64_C(0xffffffffffff), EPOCH + 1000000 };
	struct gnomon_msg m = {
		.header = { .type = type, .version = GNOMON_VERSION_PTP, .source = sender(who),
			    .sdo_id = w->config.sdo_id, .domain = w->config.domain,
			    .flags = how & ENGINE_HOW_FLAGS ? 0xffff & ~GNOMON_FLAG_ALTERNATE_MASTER
							    : GNOMON_FLAG_PTP_TIMESCALE },
		.requesting = own(w, port),
	};
	gnomon_time t = clock_at(w->now);

	if (type == GNOMON_MSG_SYNC || type == GNOMON_MSG_ANNOUNCE) {
		w->sequence[who] = (uint16_t)(w->sequence[who] + !(how & ENGINE_HOW_REPEAT));
	}
	m.header.sequence_id = w->sequence[who];
	if (type == GNOMON_MSG_DELAY_RESP || type == GNOMON_MSG_PDELAY_RESP ||
	    type == GNOMON_MSG_PDELAY_RESP_FOLLOW_UP) {
		m.header.sequence_id = w->request[port - 1];
	}
	if (how & ENGINE_HOW_ALIEN) {
		m.header.sequence_id = (uint16_t)(m.header.sequence_id * 257 + 7919 * how);
	}
	if (how & ENGINE_HOW_TWO_STEP) {
		m.header.flags |= GNOMON_FLAG_TWO_STEP;
	}
	if (how & ENGINE_HOW_CORRECTION) {
		m.header.correction = (how & 1 ? INT64_MIN : INT64_MAX - 1) >> (who * 9);
	}
	m.header.log_interval = (int8_t)(how & ENGINE_HOW_FLAGS ? how + who : 0);
	if (how & ENGINE_HOW_FAR) {
		t.sec = far_off[who % 4];
	}
	if (type == GNOMON_MSG_ANNOUNCE) {
		announce_body(w, &m.body.announce, who);
	} else if (type != GNOMON_MSG_SIGNALING && type != GNOMON_MSG_MANAGEMENT) {
		gnomon_timestamp_from_time(&m.timestamp, t);
	}
	return m;
}

static void op_message(struct world *w)
{
	static const enum gnomon_msg_type types[ENGINE_MESSAGE_COUNT] = {
		[ENGINE_SYNC] = GNOMON_MSG_SYNC,
		[ENGINE_FOLLOW_UP] = GNOMON_MSG_FOLLOW_UP,
		[ENGINE_DELAY_REQ] = GNOMON_MSG_DELAY_REQ,
		[ENGINE_DELAY_RESP] = GNOMON_MSG_DELAY_RESP,
		[ENGINE_PDELAY_REQ] = GNOMON_MSG_PDELAY_REQ,
		[ENGINE_PDELAY_RESP] = GNOMON_MSG_PDELAY_RESP,
		[ENGINE_PDELAY_RESP_FOLLOW_UP] = GNOMON_MSG_PDELAY_RESP_FOLLOW_UP,
		[ENGINE_ANNOUNCE] = GNOMON_MSG_ANNOUNCE,
		[ENGINE_SIGNALING] = GNOMON_MSG_SIGNALING,
		[ENGINE_MANAGEMENT] = GNOMON_MSG_MANAGEMENT,
	};
	enum gnomon_msg_type type = types[take(w) % ENGINE_MESSAGE_COUNT];
	uint16_t port = take_port(w);
	unsigned int who = take(w) % SENDERS;
	uint8_t how = take(w);
	struct gnomon_msg m = compose(w, type, port, who, how);
	gnomon_time t = clock_at(w->now);
	uint8_t tlvs[512];
	uint8_t data[FRAME_MAX];
	int len;

	if (how & ENGINE_HOW_TLVS) {
		m.tlvs = tlvs;
		m.tlvs_len = announce_tlvs(w, tlvs, sizeof(tlvs), who);
	}
	len = gnomon_msg_encode(&m, data, sizeof(data));
	FUZZ_CHECK(len > 0);
	for (unsigned int changes = take(w) % 4; changes > 0; changes--) {
		unsigned int offset = take(w);

		data[offset % (unsigned int)len] = take(w);
	}
	hear_exactly(w, port, data, (size_t)len, how & ENGINE_HOW_NO_TIMESTAMP ? NULL : &t);
}

static void op_raw(struct world *w)
{
	uint16_t port = take_port(w);
	gnomon_time t = clock_at(w->now);
	uint8_t data[256];
	size_t len = take(w);

	for (size_t i = 0; i < len; i++) {
		data[i] = take(w);
	}
	hear_exactly(w, port, data, len, &t);
}

static void tx_done(struct world *w, uint32_t id, const gnomon_time *t)
{
	int status = gnomon_engine_tx_done(w->engine, id, t, w->now);

	FUZZ_CHECK(status == 0 || status == -ENOENT);
	drain(w);
}

static void op_tx_done(struct world *w)
{
	const struct sent *s = &w->sent[take(w) % SENT_KEPT];
	uint8_t how = take(w);
	gnomon_time t = clock_at(w->now);

	if (how % 8 == 7) {
		t = (gnomon_time){ -5, 999999999, 0xffff };
	}
	tx_done(w, s->tx_id, how % 4 == 0 ? NULL : &t);
}

static void op_tx_bogus(struct world *w)
{
	uint32_t id = 0;
	gnomon_time t = clock_at(w->now);

	for (int i = 0; i < 4; i++) {
		id = id << 8 | take(w);
	}
	tx_done(w, id, &t);
}

static void op_clock(struct world *w)
{
	static const double rates[] = { 1.0, 1.0001, 0.9, 1e-300, 1e300, 0.0, -1.0, 1.5 };
	struct gnomon_clock_event event = { .size = sizeof(event),
					    .state = (enum gnomon_servo_state)(take(w) % 4) };
	uint8_t stepped = take(w);

	event.stepped = stepped & 1;
	event.step_by.ns = INT64_C(1) << take(w) % 63;
	if (stepped & 2) {
		event.step_by.ns = -event.step_by.ns;
	}
	event.rate_ratio = rates[take(w) % 8];
	FUZZ_CHECK(gnomon_engine_clock_event(w->engine, &event, w->now) == 0);
	drain(w);
}

static void op_grandmaster(struct world *w)
{
	struct gnomon_clock_quality quality = { take(w), 0x21, 0x4e5d };
	struct gnomon_time_properties_ds ds = { .current_utc_offset = 37 };

	ds.flags = (uint16_t)(take(w) << 8);
	ds.flags = (uint16_t)((ds.flags | take(w)) & 0x3f);
	FUZZ_CHECK(gnomon_engine_set_grandmaster(w->engine, &quality, &ds, w->now) == 0);
	drain(w);
}

static void op_desired(struct world *w)
{
	uint16_t port = take_port(w);
	int status = gnomon_engine_desired_state(w->engine, port,
						 (enum gnomon_port_state)(take(w) % 11), w->now);

	FUZZ_CHECK(status == 0 || status == -EINVAL || status == -EOPNOTSUPP);
	drain(w);
}

/* Something it sent comes back: as it was, or as if somebody else had sent it. */
static void op_reflect(struct world *w)
{
	const struct sent *s = &w->sent[take(w) % SENT_KEPT];
	uint16_t port = take_port(w);
	unsigned int who = take(w);
	gnomon_time t = clock_at(w->now);
	uint8_t data[FRAME_MAX];

	if (s->len == 0) {
		return;
	}
	memcpy(data, s->data, s->len);
	if (who % 8 < SENDERS) {
		struct gnomon_port_identity id = sender(who % 8);

		memcpy(data + 20, id.clock.id, 8);
		data[28] = 0;
		data[29] = 1;
	}
	hear_exactly(w, port, data, s->len, &t);
}

static void say(struct world *w, enum gnomon_msg_type type, uint16_t port, unsigned int who,
		uint8_t how)
{
	struct gnomon_msg m = compose(w, type, port, who, how);
	gnomon_time t = clock_at(w->now);
	uint8_t data[FRAME_MAX];
	int len = gnomon_msg_encode(&m, data, sizeof(data));

	FUZZ_CHECK(len > 0);
	hear(w, port, data, (size_t)len, &t);
}

static void op_complete(struct world *w)
{
	uint16_t port = take_port(w);
	unsigned int who = take(w) % SENDERS;
	gnomon_time t = clock_at(w->now);

	tx_done(w, w->request_tx[port - 1], &t);
	if (w->ports[port - 1].delay_mechanism == GNOMON_DELAY_E2E) {
		say(w, GNOMON_MSG_DELAY_RESP, port, who, 0);
	} else {
		say(w, GNOMON_MSG_PDELAY_RESP, port, who, ENGINE_HOW_TWO_STEP);
		say(w, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, port, who, 0);
	}
}

static void op_follow(struct world *w)
{
	uint16_t port = take_port(w);
	unsigned int who = take(w) % SENDERS;

	for (int i = 0; i < 2; i++) {
		say(w, GNOMON_MSG_ANNOUNCE, port, who, 0);
		run_time(w, 15 * MS);
	}
}

/* What management may have changed, and what is expected depends on. */
static void learn_config(struct world *w)
{
	struct gnomon_default_ds ds;

	gnomon_engine_default_ds(w->engine, &ds);
	w->config.domain = ds.domain_number;
	w->new_roles = w->config.time_receiver_only != ds.slave_only;
	w->config.time_receiver_only = ds.slave_only;
	for (uint16_t port = 1; port <= w->config.port_count; port++) {
		struct gnomon_port_ds p;

		FUZZ_CHECK(gnomon_engine_port_ds(w->engine, port, &p) == 0);
		w->new_roles |= w->ports[port - 1].time_transmitter_only != p.master_only;
		w->ports[port - 1].time_transmitter_only = p.master_only;
	}
}

static void op_manage(struct world *w)
{
	struct manage_request r = { .config = &w->config };
	gnomon_time t = clock_at(w->now);
	struct gnomon_rx rx;
	uint8_t data[FRAME_MAX], *copy;
	size_t len;
	int status;

	r.action = take(w);
	r.row = take(w);
	r.where = take(w);
	r.target = take(w);
	r.client = take(w);
	r.count = take(w);
	for (unsigned int i = 0; r.count != ENGINE_ZEROS && i < r.count % MANAGE_OCTETS; i++) {
		r.octets[i] = take(w);
	}
	len = manage_build(&r, data, sizeof(data), &rx);
	copy = malloc(len);
	FUZZ_CHECK(copy);
	memcpy(copy, data, len);
	rx.data = copy;
	rx.len = len;
	rx.timestamp = r.client & 0x40 ? &t : NULL;
	status = gnomon_engine_rx(w->engine, &rx, w->now);
	FUZZ_CHECK(status == 0 || status == -EBADMSG);
	free(copy);
	learn_config(w);
	drain(w);
	w->new_roles = false;
	if (r.client == 0x3f) {
		gnomon_engine_forget_client(w->engine, &rx.source);
	}
}

static void op_link(struct world *w, bool enable)
{
	uint16_t port = take_port(w);
	bool on = take(w) & 1;

	if (enable) {
		FUZZ_CHECK(gnomon_engine_enable(w->engine, port, on, w->now) == 0);
	} else {
		FUZZ_CHECK(gnomon_engine_link(w->engine, port, on, w->now) == 0);
	}
	drain(w);
}

static void operate(struct world *w)
{
	switch ((enum engine_op)(take(w) % ENGINE_OP_COUNT)) {
	case ENGINE_OP_RUN:
		run_time(w, MS << take(w) % 16);
		break;
	case ENGINE_OP_SLEEP:
		sleep_time(w, MS << take(w) % 24);
		break;
	case ENGINE_OP_MESSAGE:
		op_message(w);
		break;
	case ENGINE_OP_RAW:
		op_raw(w);
		break;
	case ENGINE_OP_TX_DONE:
		op_tx_done(w);
		break;
	case ENGINE_OP_TX_BOGUS:
		op_tx_bogus(w);
		break;
	case ENGINE_OP_LINK:
		op_link(w, false);
		break;
	case ENGINE_OP_ENABLE:
		op_link(w, true);
		break;
	case ENGINE_OP_CLOCK:
		op_clock(w);
		break;
	case ENGINE_OP_GRANDMASTER:
		op_grandmaster(w);
		break;
	case ENGINE_OP_DESIRED:
		op_desired(w);
		break;
	case ENGINE_OP_REFLECT:
		op_reflect(w);
		break;
	case ENGINE_OP_COMPLETE:
		op_complete(w);
		break;
	case ENGINE_OP_FOLLOW:
		op_follow(w);
		break;
	case ENGINE_OP_MANAGE:
		op_manage(w);
		break;
	case ENGINE_OP_COUNT:
		break;
	}
}

/* -- the engine ------------------------------------------------------------------------------ */

static void configure_port(struct world *w, unsigned int i, uint8_t a, uint8_t b, uint8_t c)
{
	static const enum gnomon_port_state desired[] = { GNOMON_PORT_TIME_RECEIVER,
							  GNOMON_PORT_TIME_TRANSMITTER,
							  GNOMON_PORT_PASSIVE };
	struct gnomon_port_config *p = &w->ports[i];
	static const int8_t logs[16] = { -7, -6, -5, -4, -3, -2, -1, 0,
					 1, 2, 3, 4, 5, 32, -11, -128 };
	int8_t log = logs[b & 0xf];
	bool peer = !(a & ENGINE_P2P) != !(a & ENGINE_MIXED && i % 2);

	gnomon_port_config_default(p);
	p->delay_mechanism = peer ? GNOMON_DELAY_P2P : GNOMON_DELAY_E2E;
	p->delay_auto = a & ENGINE_MIXED && i % 3 == 0;
	p->one_step_sync = a & ENGINE_ONE_STEP;
	p->one_step_pdelay = a & ENGINE_ONE_STEP;
	p->path_trace_enabled = a & ENGINE_PATH_TRACE;
	p->log_announce_interval = log;
	p->log_sync_interval = log;
	p->log_min_delay_req_interval = log;
	p->log_min_pdelay_req_interval = log;
	p->sync_receipt_timeout = b & ENGINE_SYNC_TIMEOUT ? 3 : 0;
	p->delay_response_timeout = b & ENGINE_DELAY_TIMEOUT ? 2 : 0;
	p->time_transmitter_only = b & ENGINE_TRANSMITTER_ONLY && i + 1 == w->config.port_count &&
				   !w->config.time_receiver_only;
	p->tsproc_mode = (enum gnomon_tsproc_mode)(c & 3);
	if (c & ENGINE_FILTER) {
		p->delay_filter = gnomon_filter_at(i % 2);
	}
	if (c & ENGINE_ASYMMETRIC) {
		p->delay_asymmetry = GNOMON_SPAN_MAX;
		p->ingress_latency = GNOMON_SPAN_MIN;
		p->egress_latency = (gnomon_span){ INT64_MAX / 3, 0x1234 };
	}
	p->ignore_source_id = c & ENGINE_IGNORE_SOURCE;
	if (c & ENGINE_HASTY) {
		p->announce_receipt_timeout = 2;
		p->allowed_lost_responses = 0;
	}
	p->desired_state = desired[i % 3];
}

static void configure(struct world *w)
{
	static const struct gnomon_clock_identity identity = { { 2, 0, 0, 0xff, 0xfe, 0, 0, 1 } };
	uint8_t a = take(w);
	uint8_t b = take(w);
	uint8_t c = take(w);

	gnomon_engine_config_default(&w->config);
	w->config.clock_identity = identity;
	w->config.port_count = a & ENGINE_PORTS ? 1u + (a & ENGINE_PORTS) : 1;
	w->config.instance_type = a & ENGINE_PORTS ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	w->config.time_receiver_only = !(a & ENGINE_PORTS) && a & ENGINE_RECEIVER_ONLY;
	w->config.assume_two_step = a & ENGINE_PORTS && a & ENGINE_DISTRUST;
	w->config.check_follow_up = w->config.assume_two_step;
	w->config.external_port_configuration = a & ENGINE_EXTERNAL;
	w->config.clock_quality.clock_class = b & ENGINE_PRIMARY ? 6 : 248;
	w->config.foreign_capacity = c & ENGINE_SMALL ? 5 : 0;
	w->config.initial_delay = gnomon_span_from_ns(c & ENGINE_FIXED_DELAY ? 1000 : 0);
	w->config.seed = 1;
	w->config.ports = w->ports;
	for (unsigned int i = 0; i < w->config.port_count; i++) {
		configure_port(w, i, a, b, c);
		w->state[i] = GNOMON_PORT_INITIALIZING;
	}
}

static uint64_t live(const uint8_t *data, size_t size)
{
	static struct world w;
	size_t needed;
	uint64_t result;

	memset(&w, 0, sizeof(w));
	w.data = data;
	w.size = size;
	configure(&w);
	needed = gnomon_engine_size(&w.config);
	w.mem = needed ? malloc(needed) : NULL;
	FUZZ_CHECK(w.mem);
	memset(w.mem, 0xa5, needed);
	FUZZ_CHECK(gnomon_engine_init(&w.engine, w.mem, needed, &w.config, w.now) == 0);
	drain(&w);
	for (uint16_t port = 1; port <= w.config.port_count; port++) {
		FUZZ_CHECK(gnomon_engine_link(w.engine, port, true, w.now) == 0);
		drain(&w);
	}
	for (int n = 0; n < OPERATIONS_MAX && w.size > 0; n++) {
		operate(&w);
	}
	result = w.digest;
	free(w.mem);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t first = live(data, size);

	if (first % 8 == 0) {
		FUZZ_CHECK(live(data, size) == first);
	}
	return 0;
}
