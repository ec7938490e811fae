/* SPDX-License-Identifier: BSD-2-Clause */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define TX_DELAY 20000
#define OFFSET_CORRECTION 8
#define OFFSET_TIMESTAMP 34

/* -- nodes ----------------------------------------------------------------------------------- */

struct lan *lan_create(void)
{
	struct lan *lan = calloc(1, sizeof(*lan));

	assert_non_null(lan);
	lan->now.ns = 5 * SEC;
	return lan;
}

void lan_destroy(struct lan *lan)
{
	for (unsigned int i = 0; lan && i < lan->node_count; i++) {
		free(lan->nodes[i].mem);
	}
	free(lan);
}

struct gnomon_clock_identity node_clock_identity(unsigned int index)
{
	struct gnomon_clock_identity id = { { 0x02, 0, 0, 0xff, 0xfe, 0, 0x10, (uint8_t)index } };

	return id;
}

struct gnomon_port_identity node_port_identity(const struct node *n, uint16_t port)
{
	struct gnomon_port_identity id = { n->config.clock_identity, port };

	return id;
}

struct gnomon_address node_address(const struct node *n, uint16_t port)
{
	struct gnomon_address a = { .network_protocol = GNOMON_NETWORK_IEEE_802_3, .length = 6 };

	a.octets[0] = 2;
	a.octets[4] = (uint8_t)n->index;
	a.octets[5] = (uint8_t)port;
	return a;
}

struct node *node_add(struct lan *lan, unsigned int ports)
{
	struct node *n = &lan->nodes[lan->node_count];

	assert_in_range(lan->node_count, 0, LAN_NODES - 1);
	assert_in_range(ports, 1, LAN_PORTS);
	n->lan = lan;
	n->index = lan->node_count++;
	gnomon_engine_config_default(&n->config);
	n->config.clock_identity = node_clock_identity(n->index);
	n->config.instance_type = ports > 1 ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	n->config.seed = 1000 + n->index;
	n->config.port_count = ports;
	n->config.ports = n->ports;
	for (unsigned int i = 0; i < ports; i++) {
		gnomon_port_config_default(&n->ports[i]);
		n->segment[i] = -1;
	}
	return n;
}

void node_start(struct node *n)
{
	size_t size = gnomon_engine_size(&n->config);

	assert_true(size > 0);
	n->mem = malloc(size);
	assert_non_null(n->mem);
	memset(n->mem, 0xa5, size);
	assert_int_equal(gnomon_engine_init(&n->engine, n->mem, size, &n->config, n->lan->now), 0);
	node_drain(n);
	for (uint16_t port = 1; port <= n->config.port_count; port++) {
		node_link(n, port, true);
	}
}

gnomon_time node_clock(const struct node *n, gnomon_mono at)
{
	gnomon_time t = { LAN_EPOCH, 0, 0 };

	t = gnomon_time_add(t, gnomon_span_from_ns(at.ns));
	t = gnomon_time_add(t, n->offset);
	return gnomon_time_add(t, gnomon_span_from_double(n->ppb * 1e-9 * (double)at.ns));
}

/* -- the network ----------------------------------------------------------------------------- */

static struct pending *schedule(struct lan *lan, struct node *to, gnomon_mono at)
{
	struct pending *p = &lan->pending[lan->pending_count];

	assert_in_range(lan->pending_count, 0, LAN_PENDING - 1);
	lan->pending_count++;
	memset(p, 0, sizeof(*p));
	p->at = at;
	p->serial = lan->serial++;
	p->to = to;
	return p;
}

static void put_be(uint8_t *at, uint64_t value, int octets)
{
	while (octets-- > 0) {
		at[octets] = (uint8_t)value;
		value >>= 8;
	}
}

static int64_t get_be64(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++) {
		value = value << 8 | at[i];
	}
	return (int64_t)value;
}

/* What the hardware does to a message it is told to stamp on its way out. */
static void stamp_one_step(struct frame *f, const struct gnomon_send *send, gnomon_time now)
{
	if (send->type == GNOMON_MSG_SYNC) {
		int64_t correction = get_be64(f->data + OFFSET_CORRECTION) + now.frac;

		put_be(f->data + OFFSET_TIMESTAMP, (uint64_t)now.sec, 6);
		put_be(f->data + OFFSET_TIMESTAMP + 6, now.nsec, 4);
		put_be(f->data + OFFSET_CORRECTION, (uint64_t)correction, 8);
	} else {
		gnomon_span turnaround = gnomon_time_diff(now, send->one_step_ingress);
		int64_t correction = get_be64(f->data + OFFSET_CORRECTION);

		correction += gnomon_span_to_interval(turnaround);
		put_be(f->data + OFFSET_CORRECTION, (uint64_t)correction, 8);
	}
}

static void deliver(struct lan *lan, const struct frame *f, struct node *to, uint16_t port)
{
	for (int copy = 0; copy < f->copies; copy++) {
		int64_t delay = LAN_DELAY + f->from->out_delay + f->extra + copy * 5000;
		struct pending *p = schedule(lan, to, gnomon_mono_add(lan->now, delay));

		p->port = port;
		p->len = f->len;
		p->source = node_address(f->from, f->port);
		memcpy(p->data, f->data, f->len);
	}
}

static void transmit(struct node *n, uint16_t port, const struct gnomon_send *send)
{
	struct lan *lan = n->lan;
	int segment = n->segment[port - 1];
	gnomon_time now = gnomon_time_sub_span(node_clock(n, lan->now), n->egress);
	struct frame f = { .from = n, .port = port, .type = send->type, .len = send->len,
			   .copies = 1, .tx_delay = TX_DELAY };

	assert_in_range(send->len, GNOMON_HEADER_LEN, FRAME_MAX);
	memcpy(f.data, send->data, send->len);
	f.sequence_id = (uint16_t)(f.data[30] << 8 | f.data[31]);
	if (send->one_step) {
		stamp_one_step(&f, send, now);
	}
	if (lan->hook) {
		lan->hook(lan, &f);
	}
	if (send->tx_id && !f.tx_never) {
		struct pending *p = schedule(lan, n, gnomon_mono_add(lan->now, f.tx_delay));

		p->tx_id = send->tx_id;
		p->tx_lost = f.tx_lost;
		p->tx_timestamp = now;
	}
	for (unsigned int i = 0; i < lan->node_count && segment >= 0; i++) {
		struct node *to = &lan->nodes[i];

		for (uint16_t q = 1; q <= to->config.port_count; q++) {
			if (to->segment[q - 1] == segment && (to != n || q != port) &&
			    to->engine && !to->deaf) {
				deliver(lan, &f, to, q);
			}
		}
	}
}

static void arrive(struct lan *lan, const struct pending *p)
{
	struct node *n = p->to;

	if (p->port == 0) {
		gnomon_engine_tx_done(n->engine, p->tx_id, p->tx_lost ? NULL : &p->tx_timestamp,
				      lan->now);
		node_drain(n);
	} else {
		gnomon_time arrival = gnomon_time_add(node_clock(n, lan->now), n->ingress);
		bool event = (p->data[0] & 0xf) < 8;
		struct gnomon_rx rx = {
			.size = sizeof(rx),
			.port = p->port,
			.channel = event ? GNOMON_CHANNEL_EVENT : GNOMON_CHANNEL_GENERAL,
			.data = p->data,
			.len = p->len,
			.timestamp = event ? &arrival : NULL,
			.source = p->source,
		};

		node_hear_rx(n, &rx);
	}
}

/* The earliest of what is under way, NULL if nothing is. */
static struct pending *next_pending(struct lan *lan)
{
	struct pending *first = NULL;

	for (unsigned int i = 0; i < lan->pending_count; i++) {
		struct pending *p = &lan->pending[i];

		if (!first || gnomon_mono_before(p->at, first->at) ||
		    (p->at.ns == first->at.ns && p->serial < first->serial)) {
			first = p;
		}
	}
	return first;
}

static struct node *next_deadline(struct lan *lan, gnomon_mono *at)
{
	struct node *first = NULL;

	*at = GNOMON_MONO_NEVER;
	for (unsigned int i = 0; i < lan->node_count; i++) {
		struct node *n = &lan->nodes[i];

		if (n->engine && gnomon_mono_before(gnomon_engine_deadline(n->engine), *at)) {
			*at = gnomon_engine_deadline(n->engine);
			first = n;
		}
	}
	return first;
}

static void run_deadline(struct lan *lan, struct node *n, gnomon_mono due)
{
	if (gnomon_mono_before(lan->now, due)) {
		lan->now = due;
	}
	gnomon_engine_expire(n->engine, lan->now);
	/* What was due is done: an engine may not ask for the same instant for ever. */
	assert_true(gnomon_mono_before(lan->now, gnomon_engine_deadline(n->engine)));
	node_drain(n);
}

void lan_run(struct lan *lan, int64_t ns)
{
	gnomon_mono end = gnomon_mono_add(lan->now, ns);

	for (;;) {
		struct pending *p = next_pending(lan);
		gnomon_mono due;
		struct node *n = next_deadline(lan, &due);
		bool message = p && !gnomon_mono_before(due, p->at);

		if ((!n && !message) || gnomon_mono_before(end, message ? p->at : due)) {
			break;
		}
		if (message) {
			struct pending taken = *p;

			*p = lan->pending[--lan->pending_count];
			lan->now = taken.at;
			arrive(lan, &taken);
		} else {
			run_deadline(lan, n, due);
		}
	}
	lan->now = end;
}

struct lan *lan_pair(enum gnomon_delay_mechanism mechanism)
{
	struct lan *lan = lan_create();

	for (int i = 0; i < 2; i++) {
		struct node *n = node_add(lan, 1);

		n->config.priority1 = (uint8_t)(100 + 10 * i);
		n->ports[0].delay_mechanism = mechanism;
		n->segment[0] = 0;
		n->auto_lock = i == 1;
	}
	lan->nodes[1].offset = gnomon_span_from_ns(LAN_PAIR_OFFSET);
	return lan;
}

void lan_settle(struct lan *lan)
{
	for (unsigned int i = 0; i < lan->node_count; i++) {
		node_start(&lan->nodes[i]);
	}
	lan_run(lan, 20 * SEC);
}

/* -- actions --------------------------------------------------------------------------------- */

static void digest(struct node *n, const void *data, size_t len)
{
	const uint8_t *octets = data;

	for (size_t i = 0; i < len; i++) {
		n->digest = (n->digest ^ octets[i]) * UINT64_C(0x100000001b3);
	}
}

static void record_send(struct node *n, uint16_t port, const struct gnomon_send *send)
{
	struct sent *s = &n->sent[n->sent_count++ % SENT_KEPT];

	assert_in_range(send->len, GNOMON_HEADER_LEN, FRAME_MAX);
	s->send = *send;
	s->port = port;
	s->at = n->lan->now;
	memcpy(s->data, send->data, send->len);
	s->send.data = s->data;
	digest(n, &send->type, sizeof(send->type));
	digest(n, &send->tx_id, sizeof(send->tx_id));
	digest(n, send->data, send->len);
	digest(n, &n->lan->now.ns, sizeof(n->lan->now.ns));
}

static void record_sample(struct node *n, const struct gnomon_sample *sample)
{
	n->sample = *sample;
	n->sample_count++;
	digest(n, &sample->offset.ns, sizeof(sample->offset.ns));
	digest(n, &sample->mean_delay.ns, sizeof(sample->mean_delay.ns));
}

static void record_state(struct node *n, uint16_t port, const struct gnomon_state_change *change)
{
	struct state_record *r = &n->states[n->state_count++ % STATES_KEPT];

	r->port = port;
	r->change = *change;
	r->at = n->lan->now;
	digest(n, change, sizeof(*change));
}

void node_drain(struct node *n)
{
	struct gnomon_action a;
	bool lock = false;

	memset(&a, 0, sizeof(a));
	while (gnomon_engine_next(n->engine, &a)) {
		digest(n, &a.type, sizeof(a.type));
		digest(n, &a.port, sizeof(a.port));
		switch (a.type) {
		case GNOMON_ACTION_SEND:
			record_send(n, a.port, &a.u.send);
			if (a.port > 0) { /* else to a local client: only recorded */
				transmit(n, a.port, &a.u.send);
			}
			break;
		case GNOMON_ACTION_SAMPLE:
			record_sample(n, &a.u.sample);
			lock = n->auto_lock;
			break;
		case GNOMON_ACTION_STATE:
			record_state(n, a.port, &a.u.state);
			break;
		case GNOMON_ACTION_DATASET:
			n->datasets |= a.u.datasets;
			digest(n, &a.u.datasets, sizeof(a.u.datasets));
			break;
		case GNOMON_ACTION_SET_CLOCK:
			n->set_clock = a.u.time;
			n->set_clock_count++;
			break;
		case GNOMON_ACTION_EVENT:
			assert_in_range(a.u.event.what, 0, GNOMON_EVENT_COUNT - 1);
			n->event_count[a.u.event.what]++;
			n->event[a.u.event.what] = a.u.event;
			digest(n, &a.u.event.what, sizeof(a.u.event.what));
			digest(n, &a.u.event.value, sizeof(a.u.event.value));
			break;
		}
	}
	if (lock) {
		node_clock_event(n, GNOMON_SERVO_LOCKED);
	}
}

void node_link(struct node *n, uint16_t port, bool up)
{
	assert_int_equal(gnomon_engine_link(n->engine, port, up, n->lan->now), 0);
	node_drain(n);
}

void node_clock_event(struct node *n, enum gnomon_servo_state state)
{
	struct gnomon_clock_event event = { .size = sizeof(event), .state = state,
					    .rate_ratio = 1.0 };

	assert_int_equal(gnomon_engine_clock_event(n->engine, &event, n->lan->now), 0);
	node_drain(n);
}

/* -- by hand --------------------------------------------------------------------------------- */

static void hold_timestamps(struct lan *lan, struct frame *f)
{
	f->tx_never = true;
}

struct node *node_by_hand(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = node_add(lan_create(), 1);

	n->lan->hook = hold_timestamps;
	n->ports[0].delay_mechanism = mechanism;
	return n;
}

int node_stamp_tx(struct node *n, uint32_t tx_id, gnomon_time t)
{
	int status = gnomon_engine_tx_done(n->engine, tx_id, &t, n->lan->now);

	node_drain(n);
	return status;
}

void node_stamp(struct node *n, enum gnomon_msg_type type, gnomon_time t)
{
	const struct sent *s = node_sent(n, type, 0);

	assert_non_null(s);
	assert_int_not_equal(s->send.tx_id, 0);
	assert_int_equal(node_stamp_tx(n, s->send.tx_id, t), 0);
}

int node_hear_rx(struct node *n, const struct gnomon_rx *rx)
{
	int status = gnomon_engine_rx(n->engine, rx, n->lan->now);

	node_drain(n);
	return status;
}

int node_hear_at(struct node *n, uint16_t port, const struct gnomon_msg *m, gnomon_time arrival)
{
	uint8_t data[FRAME_MAX];
	int len = gnomon_msg_encode(m, data, sizeof(data));
	bool event = gnomon_msg_is_event(m->header.type);
	struct gnomon_rx rx = {
		.size = sizeof(rx),
		.port = port,
		.channel = event ? GNOMON_CHANNEL_EVENT : GNOMON_CHANNEL_GENERAL,
		.data = data,
		.len = (size_t)len,
		.timestamp = event ? &arrival : NULL,
	};

	assert_true(len > 0);
	return node_hear_rx(n, &rx);
}

int node_hear(struct node *n, uint16_t port, const struct gnomon_msg *m)
{
	return node_hear_at(n, port, m, node_clock(n, n->lan->now));
}

int node_hear_bytes(struct node *n, uint16_t port, const uint8_t *data, size_t len)
{
	gnomon_time arrival = node_clock(n, n->lan->now);
	struct gnomon_rx rx = { .size = sizeof(rx), .port = port, .data = data, .len = len,
				.timestamp = &arrival };

	return node_hear_rx(n, &rx);
}

struct gnomon_port_identity stranger(uint8_t n)
{
	struct gnomon_port_identity id = { { { 0x0e, 0, 0, 0xff, 0xfe, 0, 0, n } }, 1 };

	return id;
}

struct gnomon_msg make_message(const struct node *to, enum gnomon_msg_type type,
			       struct gnomon_port_identity source, uint16_t sequence_id)
{
	struct gnomon_msg m = {
		.header = {
			.type = type,
			.sdo_id = to->config.sdo_id,
			.version = GNOMON_VERSION_PTP,
			.minor_version = 1,
			.domain = to->config.domain,
			.source = source,
			.sequence_id = sequence_id,
			.log_interval = GNOMON_LOG_INTERVAL_NONE,
		},
	};

	return m;
}

struct gnomon_msg make_announce(const struct node *to, struct gnomon_port_identity source,
				uint16_t sequence_id)
{
	struct gnomon_msg m = make_message(to, GNOMON_MSG_ANNOUNCE, source, sequence_id);
	struct gnomon_announce *a = &m.body.announce;

	m.header.flags = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID;
	m.header.log_interval = 1;
	a->current_utc_offset = 37;
	a->grandmaster_priority1 = 1;
	a->grandmaster_priority2 = 128;
	a->grandmaster_quality.clock_class = 6;
	a->grandmaster_quality.clock_accuracy = 0x21;
	a->grandmaster_quality.offset_scaled_log_variance = 0x4e5d;
	a->grandmaster_identity = source.clock;
	a->time_source = 0x20;
	return m;
}

uint16_t follow_stranger(struct node *n, uint16_t port, struct gnomon_port_identity who)
{
	uint16_t sequence_id = 1;

	for (int i = 0; i < 3; i++) {
		struct gnomon_msg m = make_announce(n, who, sequence_id++);

		assert_int_equal(node_hear(n, port, &m), 0);
		lan_run(n->lan, SEC / 2);
	}
	assert_state(n, port, GNOMON_PORT_UNCALIBRATED);
	return sequence_id;
}

struct gnomon_timestamp wire_time(gnomon_time t)
{
	struct gnomon_timestamp ts;

	gnomon_timestamp_from_time(&ts, t);
	return ts;
}

/* -- what was recorded ----------------------------------------------------------------------- */

void node_forget(struct node *n)
{
	n->sent_count = 0;
	n->sample_count = 0;
	n->state_count = 0;
	n->datasets = 0;
	memset(n->event_count, 0, sizeof(n->event_count));
}

const struct sent *node_sent(const struct node *n, enum gnomon_msg_type type, unsigned int back)
{
	unsigned int kept = n->sent_count < SENT_KEPT ? n->sent_count : SENT_KEPT;

	for (unsigned int i = 1; i <= kept; i++) {
		const struct sent *s = &n->sent[(n->sent_count - i) % SENT_KEPT];

		if (s->send.type == type && back-- == 0) {
			return s;
		}
	}
	return NULL;
}

struct gnomon_msg node_message(const struct node *n, enum gnomon_msg_type type, unsigned int back)
{
	const struct sent *s = node_sent(n, type, back);
	struct gnomon_msg m;

	assert_non_null(s);
	assert_int_equal(gnomon_msg_decode(&m, s->data, s->send.len), GNOMON_DECODE_OK);
	return m;
}

struct gnomon_port_ds node_port_ds(const struct node *n, uint16_t port)
{
	struct gnomon_port_ds ds;

	assert_int_equal(gnomon_engine_port_ds(n->engine, port, &ds), 0);
	return ds;
}

enum gnomon_port_state node_state(const struct node *n, uint16_t port)
{
	return node_port_ds(n, port).port_state;
}

struct gnomon_port_counters node_counters(const struct node *n, uint16_t port)
{
	struct gnomon_port_counters c;

	assert_int_equal(gnomon_engine_counters(n->engine, port, &c), 0);
	return c;
}

uint64_t node_dropped(const struct node *n, uint16_t port, enum gnomon_drop drop)
{
	return node_counters(n, port).drop[drop];
}

void lan_check_synchronised(const struct lan *lan)
{
	const struct node *gm = &lan->nodes[0];
	const struct node *tr = &lan->nodes[1];
	struct gnomon_current_ds current;
	struct gnomon_parent_ds parent;
	struct gnomon_port_identity want = node_port_identity(gm, 1);

	assert_state(gm, 1, GNOMON_PORT_TIME_TRANSMITTER);
	assert_state(tr, 1, GNOMON_PORT_TIME_RECEIVER);
	assert_true(tr->sample_count > 5);
	assert_span(tr->sample.offset, LAN_PAIR_OFFSET, 0);
	assert_span(tr->sample.mean_delay, LAN_DELAY, 0);
	gnomon_engine_current_ds(tr->engine, &current);
	assert_int_equal(current.steps_removed, 1);
	assert_span(current.offset_from_master, LAN_PAIR_OFFSET, 0);
	assert_span(current.mean_delay, LAN_DELAY, 0);
	gnomon_engine_parent_ds(tr->engine, &parent);
	assert_same_port(&parent.parent_port_identity, &want);
	assert_memory_equal(&parent.grandmaster_identity, &want.clock, sizeof(want.clock));
	assert_int_equal(parent.grandmaster_priority1, 100);
	gnomon_engine_current_ds(gm->engine, &current);
	assert_int_equal(current.steps_removed, 0);
}

void node_check_no_drops(const struct node *n)
{
	struct gnomon_port_counters c = node_counters(n, 1);

	for (int i = 0; i < GNOMON_DROP_COUNT; i++) {
		if (c.drop[i] > (i == GNOMON_DROP_PORT_STATE ? 4 : 0)) {
			fail_msg("node %u dropped %llu: %s", n->index,
				 (unsigned long long)c.drop[i],
				 gnomon_drop_name((enum gnomon_drop)i));
		}
	}
	assert_int_equal(c.action_overflow, 0);
	assert_int_equal(c.tx_timestamp_lost + c.tx_timestamp_late, 0);
	assert_int_equal(c.sync_mismatch, 0);
}

void assert_state(const struct node *n, uint16_t port, enum gnomon_port_state state)
{
	assert_string_equal(gnomon_port_state_name(node_state(n, port)),
			    gnomon_port_state_name(state));
}

void assert_span(gnomon_span got, int64_t ns, uint16_t frac)
{
	if (got.ns != ns || got.frac != frac) {
		fail_msg("%lld ns + %u/65536, not %lld ns + %u/65536", (long long)got.ns, got.frac,
			 (long long)ns, frac);
	}
}

void assert_same_port(const struct gnomon_port_identity *a, const struct gnomon_port_identity *b)
{
	char text_a[GNOMON_PORT_IDENTITY_STRLEN];
	char text_b[GNOMON_PORT_IDENTITY_STRLEN];

	assert_string_equal(gnomon_port_identity_format(text_a, a),
			    gnomon_port_identity_format(text_b, b));
}
