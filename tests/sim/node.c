/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One node: an engine, a discipline and a clock, in the order a daemon runs them:
 *
 *     input -> engine -> actions:  SEND    -> network, transmit timestamp back later
 *                                  SAMPLE  -> discipline -> clock -> engine (clock event)
 *                                  DATASET -> TAI offset and leap second -> clock
 *     then the timer is set to the earlier deadline of engine and discipline
 */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MONO_BASE_NS 1000000000
#define MONO_SPREAD_PPB 20000.0
#define TX_DELAY_NS 20000.0
#define TX_TIMEOUT_NS 10000000.0
#define INBOX_MIN_PS 1

/* So many deadlines at one instant mean that the engine never gets on. */
#define EXPIRE_HERE_MAX 100000u

static const struct gnomon_clock_identity identity_base = {
	{ 0x02, 0x67, 0x6e, 0xff, 0xfe, 0, 0, 0 }
};

/* -- time ------------------------------------------------------------------------------------ */

static int64_t mono_of(const struct sim_node *n, int64_t true_ns)
{
	return MONO_BASE_NS + true_ns + (int64_t)floor((double)true_ns * n->mono_rate);
}

gnomon_mono node_now(const struct sim_node *n)
{
	return (gnomon_mono){ mono_of(n, n->world->now_ps / SIM_PS_PER_NS) };
}

/* The first instant at which the monotonic clock shows at least mono, but not before now. */
static int64_t true_ps_of(const struct sim_node *n, gnomon_mono mono)
{
	double guess = floor((double)(mono.ns - MONO_BASE_NS) / (1.0 + n->mono_rate)) - 1.0;
	int64_t true_ns = (int64_t)guess;
	int64_t now_ps = n->world->now_ps;

	while (mono_of(n, true_ns) < mono.ns) {
		true_ns++;
	}
	return true_ns * SIM_PS_PER_NS > now_ps ? true_ns * SIM_PS_PER_NS : now_ps;
}

/* What the network interface makes of a reading of its clock at this instant. */
static gnomon_time stamp_now(struct sim_node *n, double latency_ns)
{
	const struct stamp_spec *s = &n->spec->stamps;
	gnomon_time t = sim_clock_reading(&n->clock, n->world->now_ps);

	if (s->noise_ns > 0.0) {
		latency_ns += s->noise_ns * random_normal(&n->stamps);
	}
	if (latency_ns != 0.0) {
		t = gnomon_time_add(t, gnomon_span_from_double(latency_ns));
	}
	if (s->granularity_ns > 0.0) {
		double ns = (double)t.nsec + t.frac * (1.0 / 65536.0);

		ns = floor(ns / s->granularity_ns) * s->granularity_ns;
		t.nsec = (uint32_t)ns;
		t.frac = (uint16_t)((ns - t.nsec) * 65536.0);
	}
	return t;
}

/* -- what it knows of itself ----------------------------------------------------------------- */

double node_bound_ns(const struct sim_node *n)
{
	struct gnomon_estimate estimate;

	if (n->spec->reference) {
		return n->spec->reference_bound_ns;
	}
	if (!n->discipline) {
		return -1.0;
	}
	gnomon_discipline_estimate(n->discipline, node_now(n), &estimate);
	return estimate.valid ? estimate.bound_ns : -1.0;
}

/* The bound of whoever this node follows, as a TLV or management would carry it. */
static double parent_bound_ns(const struct sim_node *n)
{
	struct gnomon_parent_ds parent;
	const uint8_t *id = parent.parent_port_identity.clock.id;
	uint32_t index;

	gnomon_engine_parent_ds(n->engine, &parent);
	index = (uint32_t)id[5] << 16 | (uint32_t)id[6] << 8 | id[7];
	return index < n->world->node_count ? node_bound_ns(&n->world->nodes[index]) : -1.0;
}

/* -- actions --------------------------------------------------------------------------------- */

/* When, and whether, the engine hears of the transmit timestamp. */
static void report_tx(struct sim_node *n, uint16_t port, uint32_t tx_id, bool sent)
{
	const struct stamp_spec *s = &n->spec->stamps;
	double delay_ns = s->tx_delay_ns > 0.0 ? s->tx_delay_ns : TX_DELAY_NS;
	gnomon_time stamp = stamp_now(n, -s->egress_ns);
	bool lost = !sent || random_chance(&n->stamps, s->tx_lost);
	struct event *e;

	if (random_chance(&n->stamps, s->tx_silent)) {
		return;
	}
	if (lost) {
		delay_ns = TX_TIMEOUT_NS;
	} else if (random_chance(&n->stamps, s->tx_late)) {
		delay_ns = s->tx_late_ns;
	}
	e = world_event(n->world, EVENT_TX_DONE,
			n->world->now_ps + (int64_t)(delay_ns * SIM_PS_PER_NS));
	if (e) {
		e->node = n->index;
		e->boots = n->boots;
		e->port = port;
		e->tx_id = tx_id;
		e->stamped = !lost;
		e->stamp = stamp;
	}
}

static void put_be(uint8_t *to, uint64_t value, unsigned int octets)
{
	while (octets-- > 0) {
		to[octets] = (uint8_t)value;
		value >>= 8;
	}
}

static void add_correction(uint8_t *message, int64_t interval)
{
	uint64_t correction = 0;

	for (unsigned int i = 8; i < 16; i++) {
		correction = correction << 8 | message[i];
	}
	put_be(message + 8, correction + (uint64_t)interval, 8);
}

/* What one-step hardware does as the message leaves (CF-6, CF-7). */
static void write_stamp(struct sim_node *n, const struct gnomon_send *send, uint8_t *message)
{
	gnomon_time t = stamp_now(n, -n->spec->stamps.egress_ns);

	if (send->type == GNOMON_MSG_SYNC) {
		put_be(message + 34, (uint64_t)t.sec, 6);
		put_be(message + 40, t.nsec, 4);
		add_correction(message, t.frac);
	} else {
		gnomon_span stay = gnomon_time_diff(t, send->one_step_ingress);

		add_correction(message, gnomon_span_to_interval(stay));
	}
}

static void transmit(struct sim_node *n, uint16_t port, const struct gnomon_send *send)
{
	const struct node_port *np = &n->ports[port - 1];
	bool plugged = np->network != NETWORK_NONE && np->carrier;
	struct packet *p = plugged ? packet_take(n->world, n, port) : NULL;

	n->sent++;
	if (p) {
		memcpy(p->data, send->data, send->len);
		p->len = send->len;
		if (send->one_step) {
			write_stamp(n, send, p->data);
		}
		world_hash(n->world, (uint64_t)n->index << 16 | port);
		world_hash_bytes(n->world, p->data, p->len);
		packet_send(n->world, p, send);
	}
	if (send->tx_id != 0) {
		report_tx(n, port, send->tx_id, plugged);
	}
}

static void set_frequency(struct sim_node *n, double ppb)
{
	struct gnomon_clock *clock = &n->clock.base;

	if (clock->ops->set_frequency(clock, ppb) == 0) {
		world_hash(n->world, (uint64_t)(int64_t)(ppb * 1e6));
	}
	n->view.frequency_ppb = n->clock.adjustment_ppb;
}

/* Do to the clock what the discipline commands, in its order. */
static void obey(struct sim_node *n, const struct gnomon_discipline_command *c)
{
	struct gnomon_clock *clock = &n->clock.base;
	struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = c->state,
		.rate_ratio = c->rate_ratio,
	};

	if (c->step && clock->ops->step(clock, c->step_by) == 0) {
		event.stepped = true;
		event.step_by = c->step_by;
		world_hash(n->world, (uint64_t)c->step_by.ns);
	}
	if (c->set_frequency) {
		set_frequency(n, c->frequency_ppb);
	}
	n->view.servo = c->state;
	gnomon_engine_clock_event(n->engine, &event, node_now(n));
}

static void take_sample(struct sim_node *n, const struct gnomon_sample *s)
{
	struct gnomon_discipline_command command;
	struct gnomon_discipline_sample sample = {
		.offset = s->offset,
		.mean_delay = s->mean_delay,
		.local = s->local,
		.weight = s->weight,
	};

	n->samples++;
	n->view.offset_ns = gnomon_span_to_double(s->offset);
	n->view.delay_ns = gnomon_span_to_double(s->mean_delay);
	world_hash(n->world, (uint64_t)gnomon_span_to_interval(s->offset));
	if (n->spec->reference) {
		return;
	}
	sample.reference_bound_ns = parent_bound_ns(n);
	gnomon_discipline_sample(n->discipline, &sample, node_now(n), &command);
	obey(n, &command);
}

/* 7.2.4: what a clock that shows UTC must know. */
static void take_time_properties(struct sim_node *n)
{
	struct gnomon_time_properties_ds tp;
	struct gnomon_clock *clock = &n->clock.base;
	int leap = 0;

	if (n->spec->reference) {
		return;
	}
	gnomon_engine_time_properties_ds(n->engine, &tp);
	if (!(tp.flags & GNOMON_FLAG_UTC_OFFSET_VALID)) {
		return;
	}
	if (tp.flags & GNOMON_FLAG_LEAP61) {
		leap = 61;
	} else if (tp.flags & GNOMON_FLAG_LEAP59) {
		leap = 59;
	}
	if (tp.current_utc_offset != n->clock.tai_offset) {
		clock->ops->set_tai_offset(clock, tp.current_utc_offset);
	}
	clock->ops->set_leap(clock, leap);
}

static void take_event(struct sim_node *n, const struct gnomon_engine_event_data *event)
{
	n->events[event->what]++;
	if (event->what == GNOMON_EVENT_SYNC_INTERVAL) {
		gnomon_discipline_sync_interval(n->discipline, exp2((double)event->value));
	}
}

static void carry_out(struct sim_node *n, const struct gnomon_action *a)
{
	switch (a->type) {
	case GNOMON_ACTION_SEND:
		transmit(n, a->port, &a->u.send);
		break;
	case GNOMON_ACTION_SAMPLE:
		take_sample(n, &a->u.sample);
		break;
	case GNOMON_ACTION_STATE:
		n->ports[a->port - 1].state = a->u.state.to;
		world_hash(n->world, (uint64_t)n->index << 16 | (uint64_t)a->u.state.to);
		break;
	case GNOMON_ACTION_DATASET:
		if (a->u.datasets & GNOMON_DATASET_TIME_PROPERTIES) {
			take_time_properties(n);
		}
		break;
	case GNOMON_ACTION_EVENT:
		take_event(n, &a->u.event);
		break;
	case GNOMON_ACTION_SET_CLOCK:
		break; /* asked for by management, of which there is none */
	}
}

void node_settle(struct sim_node *n)
{
	struct gnomon_action action;
	gnomon_mono deadline;

	while (gnomon_engine_next(n->engine, &action)) {
		carry_out(n, &action);
	}
	deadline = gnomon_mono_min(gnomon_engine_deadline(n->engine),
				   gnomon_discipline_deadline(n->discipline));
	if (deadline.ns == n->armed.ns) {
		return;
	}
	n->armed = deadline;
	if (deadline.ns == GNOMON_MONO_NEVER.ns) {
		queue_cancel(&n->world->queue, n->index);
	} else {
		queue_set(&n->world->queue, n->index, true_ps_of(n, deadline));
	}
}

/* -- inputs ---------------------------------------------------------------------------------- */

/* The engine's timeouts come before the discipline's of the same instant. */
void node_expire(struct sim_node *n)
{
	struct gnomon_discipline_command command;

	n->expired_here = n->expired_ps == n->world->now_ps ? n->expired_here + 1 : 0;
	n->expired_ps = n->world->now_ps;
	if (n->expired_here > EXPIRE_HERE_MAX) {
		snprintf(n->world->error, sizeof(n->world->error),
			 "%s: the engine's deadline does not move on", n->name);
		return;
	}
	n->armed.ns = INT64_MIN;
	gnomon_engine_expire(n->engine, node_now(n));
	node_settle(n);
	gnomon_discipline_expire(n->discipline, node_now(n), &command);
	if (command.set_frequency) {
		set_frequency(n, command.frequency_ppb);
		node_settle(n);
	}
}

void node_tx_done(struct sim_node *n, const struct event *e)
{
	if (n->engine && n->boots == e->boots) {
		gnomon_engine_tx_done(n->engine, e->tx_id, e->stamped ? &e->stamp : NULL,
				      node_now(n));
		node_settle(n);
	}
}

void node_input(struct sim_node *n, unsigned int port, const struct packet *p,
		const gnomon_time *stamp)
{
	const struct member *from = &n->world->networks[p->network].members[p->from];
	struct gnomon_rx rx = {
		.size = sizeof(rx),
		.port = (uint16_t)port,
		.channel = p->channel,
		.data = p->data,
		.len = p->len,
		.timestamp = stamp,
		.source = network_address(from->node, from->port),
	};

	n->received++;
	gnomon_engine_rx(n->engine, &rx, node_now(n));
	node_settle(n);
}

static void keep_in_inbox(struct sim_node *n, unsigned int port, struct packet *p,
			  const gnomon_time *stamp)
{
	int64_t wait_ps = (int64_t)(n->spec->stamps.rx_delay_ns * SIM_PS_PER_NS);
	struct event *e = world_event(n->world, EVENT_INPUT,
				      n->world->now_ps + (wait_ps > 0 ? wait_ps : INBOX_MIN_PS));

	if (e) {
		e->node = n->index;
		e->boots = n->boots;
		e->port = (uint16_t)port;
		e->stamped = stamp != NULL;
		if (stamp) {
			e->stamp = *stamp;
		}
		e->packet = p;
		p->holders++;
	}
}

void node_arrival(struct sim_node *n, unsigned int port, struct packet *p)
{
	const gnomon_time *stamp = NULL;
	gnomon_time t;

	if (!n->engine || !n->ports[port - 1].carrier) {
		return;
	}
	if (p->event && !random_chance(&n->stamps, n->spec->stamps.rx_lost)) {
		t = stamp_now(n, n->spec->stamps.ingress_ns);
		stamp = &t;
	}
	if (n->spec->stamps.rx_delay_ns > 0.0) {
		keep_in_inbox(n, port, p, stamp);
	} else {
		node_input(n, port, p, stamp);
	}
}

void node_carrier(struct sim_node *n, unsigned int port, bool up)
{
	n->ports[port - 1].carrier = up;
	if (n->engine) {
		gnomon_engine_link(n->engine, (uint16_t)port, up, node_now(n));
		node_settle(n);
	}
}

/* -- life ------------------------------------------------------------------------------------ */

void node_init(struct world *w, struct sim_node *n)
{
	const struct sim_node_spec *spec = n->spec;
	struct phase error = phase_add((struct phase){ 0, 0.0 }, spec->offset_s * 1e9);
	struct random r;

	random_init(&r, random_stream(w->seed, RANDOM_NODE, n->index));
	random_init(&n->stamps, random_stream(w->seed, RANDOM_STAMPS, n->index));
	n->world = w;
	n->mono_rate = 1e-9 * (spec->mono_ppb != 0.0 ? spec->mono_ppb :
			       MONO_SPREAD_PPB * (2.0 * random_uniform(&r) - 1.0));
	n->start_ps = (int64_t)((spec->start_s + spec->spread_s * random_uniform(&r)) *
				(double)SIM_PS_PER_S);
	n->identity = identity_base;
	put_be(&n->identity.id[5], n->index, 3);
	n->view = (struct node_view){ NAN, NAN, 0.0, GNOMON_SERVO_UNLOCKED };
	n->expired_ps = -1;
	sim_clock_init(&n->clock, &spec->oscillator, error,
		       random_stream(w->seed, RANDOM_OSCILLATOR, n->index), &w->now_ps,
		       w->epoch_s);
	n->clock.tai_offset = spec->reference ? SIM_UTC_OFFSET : 0;
	for (unsigned int i = 0; i < SIM_PORTS_MAX; i++) {
		n->ports[i].network = NETWORK_NONE;
		n->ports[i].state = GNOMON_PORT_INITIALIZING;
	}
}

void node_finish(struct sim_node *n)
{
	node_power_off(n);
	free(n->te);
	free(n->bound);
	free(n->utc_bad);
}

void node_power_off(struct sim_node *n)
{
	free(n->engine_memory);
	free(n->discipline_memory);
	n->engine_memory = NULL;
	n->discipline_memory = NULL;
	n->engine = NULL;
	n->discipline = NULL;
	n->view.servo = GNOMON_SERVO_UNLOCKED;
	for (unsigned int i = 0; i < SIM_PORTS_MAX; i++) {
		n->ports[i].state = GNOMON_PORT_INITIALIZING;
	}
}

static int build_discipline(struct sim_node *n)
{
	struct gnomon_discipline_config config = n->settings->discipline;
	const struct gnomon_port_config *port = &n->settings->ports[0];

	config.servo_config.frequency_ppb = n->clock.adjustment_ppb;
	config.delay_memory_s = port->delay_filter_length *
				exp2(port->delay_mechanism == GNOMON_DELAY_P2P ?
				     port->log_min_pdelay_req_interval :
				     port->log_min_delay_req_interval);
	n->discipline_size = gnomon_discipline_size(&config);
	n->discipline_memory = malloc(n->discipline_size + 1);
	if (!n->discipline_memory) {
		return -ENOMEM;
	}
	return gnomon_discipline_init(&n->discipline, n->discipline_memory, n->discipline_size,
				      &config);
}

static int build_engine(struct sim_node *n)
{
	struct gnomon_engine_config config = n->settings->engine;

	config.clock_identity = n->identity;
	config.instance_type = n->port_count > 1 ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	config.port_count = n->port_count;
	config.ports = n->settings->ports;
	config.seed = random_stream(n->world->seed, RANDOM_ENGINE,
				    (uint64_t)n->boots << 32 | n->index);
	if (n->spec->reference) {
		config.time_properties.flags |= GNOMON_FLAG_UTC_OFFSET_VALID |
						GNOMON_FLAG_TIME_TRACEABLE |
						GNOMON_FLAG_FREQUENCY_TRACEABLE;
		config.time_properties.time_source = 0x20; /* GNSS */
	}
	n->engine_size = gnomon_engine_size(&config);
	n->engine_memory = malloc(n->engine_size + 1);
	if (!n->engine_memory) {
		return -ENOMEM;
	}
	return gnomon_engine_init(&n->engine, n->engine_memory, n->engine_size, &config,
				  node_now(n));
}

int node_power_on(struct sim_node *n)
{
	int err;

	n->boots++;
	n->armed.ns = INT64_MIN;
	err = build_engine(n);
	if (err == 0) {
		err = build_discipline(n);
	}
	if (err != 0) {
		snprintf(n->world->error, sizeof(n->world->error), "%s: bad configuration: %s",
			 n->name, strerror(-err));
		return err;
	}
	for (unsigned int i = 0; i < n->port_count; i++) {
		if (n->ports[i].network != NETWORK_NONE) {
			gnomon_engine_link(n->engine, (uint16_t)(i + 1), n->ports[i].carrier,
					   node_now(n));
		}
	}
	node_settle(n);
	return 0;
}
