/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One node: engines, an ensemble and a clock, in the order a daemon runs them:
 *
 *     input -> engine -> actions:  SEND    -> network, transmit timestamp back later
 *                                  SAMPLE  -> ensemble -> clock -> all engines (clock event)
 *                                  STATE   -> ensemble (an alarm, if it receives no time)
 *                                  DATASET -> TAI offset and leap second -> clock
 *     then the timer is set to the earliest deadline of engines and ensemble
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

/* A source is silent after so many of its intervals, and not before so long: engines tell earlier
 * that they receive no time. */
#define SILENT_INTERVALS 8.0
#define SILENT_S 30.0

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

/* -- its parts ------------------------------------------------------------------------------- */

struct gnomon_engine *node_engine(const struct sim_node *n, unsigned int port)
{
	return n->engines[n->spec->apart ? port - 1 : 0];
}

uint16_t node_engine_port(const struct sim_node *n, unsigned int port)
{
	return n->spec->apart ? 1 : (uint16_t)port;
}

/* The node's number for an engine's port. */
static unsigned int port_of(const struct sim_node *n, unsigned int engine, uint16_t port)
{
	return n->spec->apart ? engine + 1 : port;
}

/* -- what it knows of itself ----------------------------------------------------------------- */

double node_bound_ns(const struct sim_node *n)
{
	struct gnomon_estimate estimate;

	if (n->spec->reference) {
		return n->spec->reference_bound_ns;
	}
	if (!n->powered) {
		return -1.0;
	}
	gnomon_ensemble_estimate(n->ensemble, node_now(n), &estimate);
	return estimate.valid ? estimate.bound_ns : -1.0;
}

/* The bound of whoever this node follows, as a TLV or management would carry it. */
static double parent_bound_ns(const struct sim_node *n, const struct gnomon_engine *engine)
{
	struct gnomon_parent_ds parent;
	const uint8_t *id = parent.parent_port_identity.clock.id;
	uint32_t index;

	gnomon_engine_parent_ds(engine, &parent);
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

static void transmit(struct sim_node *n, unsigned int port, const struct gnomon_send *send)
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
		report_tx(n, (uint16_t)port, send->tx_id, plugged);
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

/* Do to the clock what the ensemble commands, in its order, and tell all engines. */
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
	for (unsigned int i = 0; i < n->engine_count; i++) {
		gnomon_engine_clock_event(n->engines[i], &event, node_now(n));
	}
}

static void count_switches(struct sim_node *n)
{
	struct gnomon_ensemble_change change;

	while (gnomon_ensemble_changes(n->ensemble, &change)) {
		n->switches += change.sources.switched;
	}
}

static void take_sample(struct sim_node *n, unsigned int engine, const struct gnomon_sample *s)
{
	struct gnomon_discipline_command command;
	struct gnomon_discipline_sample sample = {
		.offset = s->offset,
		.mean_delay = s->mean_delay,
		.local = s->local,
		.weight = s->weight,
	};

	n->samples++;
	world_hash(n->world, (uint64_t)gnomon_span_to_interval(s->offset));
	if (n->spec->reference) {
		return;
	}
	sample.reference_bound_ns = parent_bound_ns(n, n->engines[engine]);
	if (gnomon_ensemble_sample(n->ensemble, engine, &sample, node_now(n), &command)) {
		n->view.offset_ns = gnomon_span_to_double(s->offset);
		n->view.delay_ns = gnomon_span_to_double(s->mean_delay);
	}
	obey(n, &command);
	count_switches(n);
}

static bool receives(enum gnomon_port_state state)
{
	return state == GNOMON_PORT_TIME_RECEIVER || state == GNOMON_PORT_UNCALIBRATED;
}

/* An instance of which no port receives time any more is not to be used. */
static void take_state(struct sim_node *n, unsigned int engine, unsigned int port,
		       enum gnomon_port_state to)
{
	struct gnomon_discipline_command command;
	bool before = receives(n->ports[port - 1].state);

	n->ports[port - 1].state = to;
	world_hash(n->world, (uint64_t)n->index << 16 | (uint64_t)to);
	if (!before || n->spec->reference) {
		return;
	}
	for (unsigned int i = 0; i < n->port_count; i++) {
		if ((!n->spec->apart || i == engine) && receives(n->ports[i].state)) {
			return;
		}
	}
	gnomon_ensemble_alarm(n->ensemble, engine, node_now(n), &command);
	obey(n, &command);
	count_switches(n);
}

/* 7.2.4: what a clock that shows UTC must know. */
static void take_time_properties(struct sim_node *n, const struct gnomon_engine *engine)
{
	struct gnomon_time_properties_ds tp;
	struct gnomon_clock *clock = &n->clock.base;
	int leap = 0;

	if (n->spec->reference) {
		return;
	}
	gnomon_engine_time_properties_ds(engine, &tp);
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

static void take_event(struct sim_node *n, unsigned int engine,
		       const struct gnomon_engine_event_data *event)
{
	n->events[event->what]++;
	if (event->what == GNOMON_EVENT_SYNC_INTERVAL) {
		gnomon_ensemble_sync_interval(n->ensemble, engine, exp2((double)event->value));
	}
}

static void carry_out(struct sim_node *n, unsigned int engine, const struct gnomon_action *a)
{
	unsigned int port = port_of(n, engine, a->port);

	switch (a->type) {
	case GNOMON_ACTION_SEND:
		transmit(n, port, &a->u.send);
		break;
	case GNOMON_ACTION_SAMPLE:
		take_sample(n, engine, &a->u.sample);
		break;
	case GNOMON_ACTION_STATE:
		take_state(n, engine, port, a->u.state.to);
		break;
	case GNOMON_ACTION_DATASET:
		if (a->u.datasets & GNOMON_DATASET_TIME_PROPERTIES) {
			take_time_properties(n, n->engines[engine]);
		}
		break;
	case GNOMON_ACTION_EVENT:
		take_event(n, engine, &a->u.event);
		break;
	case GNOMON_ACTION_SET_CLOCK:
		break; /* asked for by management, of which there is none */
	}
}

/* What one engine wants done may make another want something. */
static void drain(struct sim_node *n)
{
	struct gnomon_action action;
	bool again = true;

	while (again) {
		again = false;
		for (unsigned int i = 0; i < n->engine_count; i++) {
			while (gnomon_engine_next(n->engines[i], &action)) {
				carry_out(n, i, &action);
				again = n->engine_count > 1;
			}
		}
	}
}

void node_settle(struct sim_node *n)
{
	gnomon_mono deadline;

	drain(n);
	deadline = gnomon_ensemble_deadline(n->ensemble);
	for (unsigned int i = 0; i < n->engine_count; i++) {
		deadline = gnomon_mono_min(deadline, gnomon_engine_deadline(n->engines[i]));
	}
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

/* The engines' timeouts come before the ensemble's of the same instant. */
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
	for (unsigned int i = 0; i < n->engine_count; i++) {
		gnomon_engine_expire(n->engines[i], node_now(n));
	}
	node_settle(n);
	if (gnomon_mono_before(node_now(n), gnomon_ensemble_deadline(n->ensemble))) {
		return;
	}
	gnomon_ensemble_expire(n->ensemble, node_now(n), &command);
	count_switches(n);
	if (command.set_frequency) {
		set_frequency(n, command.frequency_ppb);
	}
	node_settle(n);
}

void node_tx_done(struct sim_node *n, const struct event *e)
{
	if (n->powered && n->boots == e->boots) {
		gnomon_engine_tx_done(node_engine(n, e->port), e->tx_id,
				      e->stamped ? &e->stamp : NULL, node_now(n));
		node_settle(n);
	}
}

void node_input(struct sim_node *n, unsigned int port, const struct packet *p,
		const gnomon_time *stamp)
{
	const struct member *from = &n->world->networks[p->network].members[p->from];
	struct gnomon_rx rx = {
		.size = sizeof(rx),
		.port = node_engine_port(n, port),
		.channel = p->channel,
		.data = p->data,
		.len = p->len,
		.timestamp = stamp,
		.source = network_address(from->node, from->port),
	};

	n->received++;
	gnomon_engine_rx(node_engine(n, port), &rx, node_now(n));
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

	if (!n->powered || !n->ports[port - 1].carrier) {
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
	if (n->powered) {
		gnomon_engine_link(node_engine(n, port), node_engine_port(n, port), up,
				   node_now(n));
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
	n->model_ps = -1;
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
	if (n->powered && n->spec->remembers &&
	    gnomon_ensemble_model(n->ensemble, node_now(n), &n->model) == 0) {
		n->model_ps = n->world->now_ps;
	}
	for (unsigned int i = 0; i < SIM_PORTS_MAX; i++) {
		free(n->engine_memory[i]);
		n->engine_memory[i] = NULL;
		n->engines[i] = NULL;
	}
	free(n->ensemble_memory);
	n->ensemble_memory = NULL;
	n->ensemble = NULL;
	n->powered = false;
	n->view.servo = GNOMON_SERVO_UNLOCKED;
	for (unsigned int i = 0; i < SIM_PORTS_MAX; i++) {
		n->ports[i].state = GNOMON_PORT_INITIALIZING;
	}
}

/* One source for each engine; what comes first is preferred. */
static void describe_sources(const struct sim_node *n, struct gnomon_ensemble_source *sources)
{
	for (unsigned int i = 0; i < n->engine_count; i++) {
		const struct gnomon_port_config *port = &n->settings->ports[i];
		double silent_s = SILENT_INTERVALS * exp2((double)port->log_sync_interval);

		sources[i] = (struct gnomon_ensemble_source){
			.source.priority = i,
			.source.timeout_s = fmax(SILENT_S, silent_s),
			.path_asymmetry_ns = n->settings->discipline.path_asymmetry_ns,
			.delay_memory_s = port->delay_filter_length *
					  exp2(port->delay_mechanism == GNOMON_DELAY_P2P ?
					       port->log_min_pdelay_req_interval :
					       port->log_min_delay_req_interval),
		};
	}
}

static int build_ensemble(struct sim_node *n)
{
	struct gnomon_discipline_config discipline = n->settings->discipline;
	struct gnomon_ensemble_source sources[SIM_PORTS_MAX];
	struct gnomon_ensemble_config config = {
		.size = sizeof(config),
		.discipline = &discipline,
		.sources = sources,
		.source_count = n->engine_count,
	};

	discipline.servo_config.frequency_ppb = n->clock.adjustment_ppb;
	describe_sources(n, sources);
	if (n->model_ps >= 0) {
		config.model = &n->model;
		config.model_age_s = (double)(n->world->now_ps - n->model_ps) / SIM_PS_PER_S;
	}
	n->ensemble_size = gnomon_ensemble_size(&config);
	n->ensemble_memory = malloc(n->ensemble_size + 1);
	if (!n->ensemble_memory) {
		return -ENOMEM;
	}
	return gnomon_ensemble_init(&n->ensemble, n->ensemble_memory, n->ensemble_size, &config,
				    node_now(n));
}

static int build_engine(struct sim_node *n, unsigned int i)
{
	struct gnomon_engine_config config = n->settings->engine;
	size_t size;

	config.clock_identity = n->identity;
	config.ports = &n->settings->ports[i];
	config.port_count = n->spec->apart ? 1 : n->port_count;
	config.instance_type = config.port_count > 1 ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	config.domain = (uint8_t)(config.domain + i);
	config.seed = random_stream(n->world->seed, RANDOM_ENGINE,
				    (uint64_t)n->boots << 32 | (uint64_t)i << 24 | n->index);
	if (n->spec->reference) {
		config.time_properties.flags |= GNOMON_FLAG_UTC_OFFSET_VALID |
						GNOMON_FLAG_TIME_TRACEABLE |
						GNOMON_FLAG_FREQUENCY_TRACEABLE;
		config.time_properties.time_source = 0x20; /* GNSS */
	}
	size = gnomon_engine_size(&config);
	n->engine_memory[i] = malloc(size + 1);
	if (!n->engine_memory[i]) {
		return -ENOMEM;
	}
	n->engine_size += size;
	return gnomon_engine_init(&n->engines[i], n->engine_memory[i], size, &config,
				  node_now(n));
}

int node_power_on(struct sim_node *n)
{
	int err = 0;

	n->boots++;
	n->armed.ns = INT64_MIN;
	n->engine_size = 0;
	n->engine_count = n->spec->apart ? n->port_count : 1;
	for (unsigned int i = 0; err == 0 && i < n->engine_count; i++) {
		err = build_engine(n, i);
	}
	if (err == 0) {
		err = build_ensemble(n);
	}
	if (err != 0) {
		snprintf(n->world->error, sizeof(n->world->error), "%s: bad configuration: %s",
			 n->name, strerror(-err));
		return err;
	}
	n->powered = true;
	for (unsigned int i = 0; i < n->port_count; i++) {
		if (n->ports[i].network != NETWORK_NONE) {
			gnomon_engine_link(node_engine(n, i + 1), node_engine_port(n, i + 1),
					   n->ports[i].carrier, node_now(n));
		}
	}
	node_settle(n);
	return 0;
}
