/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_FIRST 64u
#define DAY_S 86400.0
#define DURATION_MAX_S (90.0 * DAY_S)

/* Queue ids: a timer for each node, then these, then events. */
#define ID_TICK(w) ((w)->node_count)
#define ID_STEP(w) ((w)->node_count + 1)
#define ID_EVENTS(w) ((w)->node_count + 2)

/* -- the trace's hash ------------------------------------------------------------------------ */

void world_hash(struct world *w, uint64_t value)
{
	w->hash = (w->hash ^ value ^ (uint64_t)w->now_ps) * 0x9e3779b97f4a7c15u;
	w->hash ^= w->hash >> 29;
}

void world_hash_bytes(struct world *w, const uint8_t *data, size_t len)
{
	uint64_t h = w->hash;

	while (len > 0) {
		size_t part = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, data, part);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
		data += part;
		len -= part;
	}
	w->hash = h;
}

/* -- events ---------------------------------------------------------------------------------- */

static bool grow_events(struct world *w)
{
	uint32_t count = w->event_count > 0 ? 2 * w->event_count : EVENTS_FIRST;
	struct event *events = realloc(w->events, count * sizeof(*events));

	if (!events) {
		return false;
	}
	w->events = events;
	if (queue_grow(&w->queue, ID_EVENTS(w) + count) != 0) {
		return false;
	}
	for (uint32_t i = w->event_count; i < count; i++) {
		events[i] = (struct event){ .next_free = i + 1 };
	}
	events[count - 1].next_free = w->event_free;
	w->event_free = w->event_count;
	w->event_count = count;
	return true;
}

struct event *world_event(struct world *w, enum event_kind kind, int64_t at_ps)
{
	uint32_t index;
	struct event *e;

	if (w->event_free == UINT32_MAX && !grow_events(w)) {
		snprintf(w->error, sizeof(w->error), "out of memory for events");
		return NULL;
	}
	index = w->event_free;
	e = &w->events[index];
	w->event_free = e->next_free;
	e->kind = kind;
	queue_set(&w->queue, ID_EVENTS(w) + index, at_ps);
	return e;
}

static void run_event(struct world *w, uint32_t index)
{
	struct event e = w->events[index];

	w->events[index].kind = EVENT_FREE;
	w->events[index].next_free = w->event_free;
	w->event_free = index;
	switch (e.kind) {
	case EVENT_FREE:
		break;
	case EVENT_PACKET:
		packet_walk(w, e.packet);
		break;
	case EVENT_TX_DONE:
		node_tx_done(&w->nodes[e.node], &e);
		break;
	case EVENT_INPUT:
		if (w->nodes[e.node].powered && w->nodes[e.node].boots == e.boots) {
			node_input(&w->nodes[e.node], e.port, e.packet,
				   e.stamped ? &e.stamp : NULL);
		}
		packet_release(w, e.packet);
		break;
	}
}

/* -- sampling -------------------------------------------------------------------------------- */

double world_tick_time(const struct world *w, size_t tick)
{
	return ((double)tick + 0.5) * (double)w->tick_ps / (double)SIM_PS_PER_S;
}

size_t world_tick_at(const struct world *w, double t)
{
	double tick = ceil(t * (double)SIM_PS_PER_S / (double)w->tick_ps - 0.5);

	if (tick <= 0.0) {
		return 0;
	}
	return tick < (double)w->ticks ? (size_t)tick : w->ticks;
}

static bool utc_wrong(const struct world *w, struct sim_node *n)
{
	int64_t tai_s = w->epoch_s + w->now_ps / SIM_PS_PER_S;
	struct utc_label truth = utc_from_tai(tai_s, SIM_UTC_OFFSET, w->leap, w->leap_tai_s);
	struct utc_label shown = sim_clock_utc(&n->clock, w->now_ps);

	return truth.sec != shown.sec || truth.leap != shown.leap;
}

static void sample_node(struct world *w, struct sim_node *n)
{
	struct gnomon_estimate estimate;

	n->te[w->ticks] = sim_clock_error_ns(&n->clock, w->now_ps);
	if (n->bound) {
		n->bound[w->ticks] = NAN;
	}
	if (n->bound && n->powered) {
		gnomon_ensemble_estimate(n->ensemble, node_now(n), &estimate);
		if (estimate.valid) {
			n->bound[w->ticks] = (float)estimate.bound_ns;
		}
	}
	if (n->utc_bad) {
		n->utc_bad[w->ticks] = utc_wrong(w, n);
	}
}

/* Half a tick after the start and every tick from there, so that no label changes just then. */
static void run_tick(struct world *w)
{
	if (w->ticks >= w->ticks_max) {
		return;
	}
	for (uint32_t i = 0; i < w->node_count; i++) {
		sample_node(w, &w->nodes[i]);
	}
	world_hash(w, (uint64_t)(int64_t)(w->nodes[0].te[w->ticks] * 65536.0));
	w->ticks++;
	if (w->observer.tick) {
		w->observer.tick(w->observer.context, w, w->ticks - 1);
	}
	queue_set(&w->queue, ID_TICK(w), w->now_ps + w->tick_ps);
}

/* -- the timeline ---------------------------------------------------------------------------- */

static struct network *find_network(const struct world *w, const char *name)
{
	for (uint32_t i = 0; name && i < w->network_count; i++) {
		if (strcmp(w->networks[i].spec->name, name) == 0) {
			return &w->networks[i];
		}
	}
	return NULL;
}

static void set_carriers(struct world *w, const struct network *net, bool up)
{
	for (uint32_t i = 0; i < net->count; i++) {
		node_carrier(&w->nodes[net->members[i].node], net->members[i].port, up);
	}
}

static void set_cut(struct world *w, struct network *net, const struct sim_step *s)
{
	for (uint32_t i = 0; i < net->count; i++) {
		if (world_is(w, net->members[i].node, s->node)) {
			net->members[i].cut = s->verb == SIM_CUT;
			net->members[i].deaf = s->verb == SIM_DEAF;
		}
	}
}

static bool is_cut_step(enum sim_verb verb)
{
	return verb == SIM_CUT || verb == SIM_DEAF || verb == SIM_MEND;
}

static void step_network(struct world *w, const struct sim_step *s, struct network *net)
{
	if (s->verb == SIM_LINK_DOWN || s->verb == SIM_LINK_UP) {
		set_carriers(w, net, s->verb == SIM_LINK_UP);
	} else if (is_cut_step(s->verb)) {
		set_cut(w, net, s);
	} else if (s->verb == SIM_LOSS) {
		net->loss = s->value;
	} else {
		net->asymmetry_ns = s->value;
	}
}

/* A grandmaster's own source tells it of a leap second, and of its passing. */
static void announce_leap(struct world *w, struct sim_node *n, int leap)
{
	struct gnomon_default_ds ds;
	struct gnomon_time_properties_ds tp;
	const uint16_t both = GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59;

	gnomon_engine_default_ds(n->engines[0], &ds);
	gnomon_engine_time_properties_ds(n->engines[0], &tp);
	tp.flags &= (uint16_t)~both;
	if (leap == 0) {
		tp.current_utc_offset += w->leap == 61 ? 1 : -1;
	} else {
		tp.flags |= leap == 61 ? GNOMON_FLAG_LEAP61 : GNOMON_FLAG_LEAP59;
		w->leap = leap;
		w->leap_tai_s = leap_second_tai(w->epoch_s + w->now_ps / SIM_PS_PER_S,
						SIM_UTC_OFFSET, leap);
	}
	gnomon_engine_set_grandmaster(n->engines[0], &ds.clock_quality, &tp, node_now(n));
}

static void set_clock_class(struct sim_node *n, uint8_t clock_class)
{
	struct gnomon_default_ds ds;
	struct gnomon_time_properties_ds tp;

	gnomon_engine_default_ds(n->engines[0], &ds);
	gnomon_engine_time_properties_ds(n->engines[0], &tp);
	ds.clock_quality.clock_class = clock_class;
	gnomon_engine_set_grandmaster(n->engines[0], &ds.clock_quality, &tp, node_now(n));
}

/* Steps that need the node's engine. */
static void step_engine(struct world *w, const struct sim_step *s, struct sim_node *n,
			unsigned int port)
{
	if (!n->powered) {
		return;
	}
	if (s->verb == SIM_CLOCK_CLASS) {
		set_clock_class(n, (uint8_t)s->value);
	} else if (s->verb == SIM_LEAP) {
		announce_leap(w, n, (int)s->value);
	} else if (s->verb == SIM_DISABLE || s->verb == SIM_ENABLE) {
		gnomon_engine_enable(node_engine(n, port), node_engine_port(n, port),
				     s->verb == SIM_ENABLE, node_now(n));
	} else if (s->verb == SIM_DESIRED_STATE) {
		gnomon_engine_desired_state(node_engine(n, port), node_engine_port(n, port),
					    (enum gnomon_port_state)(int)s->value, node_now(n));
	}
	node_settle(n);
}

static void step_node(struct world *w, const struct sim_step *s, struct sim_node *n)
{
	unsigned int port = s->port > 0 ? s->port : 1;

	switch (s->verb) {
	case SIM_PORT_DOWN:
	case SIM_PORT_UP:
		node_carrier(n, port, s->verb == SIM_PORT_UP);
		break;
	case SIM_POWER_OFF:
		queue_cancel(&w->queue, n->index);
		node_power_off(n);
		break;
	case SIM_POWER_ON:
		if (!n->powered) {
			node_power_on(n);
		}
		break;
	case SIM_STEP_CLOCK:
		n->clock.base.ops->step(&n->clock.base, gnomon_span_from_double(s->value * 1e9));
		break;
	case SIM_CLOCK_CLASS:
	case SIM_LEAP:
	case SIM_DISABLE:
	case SIM_ENABLE:
	case SIM_DESIRED_STATE:
		step_engine(w, s, n, port);
		break;
	case SIM_END:
	case SIM_LINK_DOWN:
	case SIM_LINK_UP:
	case SIM_CUT:
	case SIM_DEAF:
	case SIM_MEND:
	case SIM_LOSS:
	case SIM_ASYMMETRY:
		break;
	}
}

static bool is_network_step(enum sim_verb verb)
{
	return verb == SIM_LINK_DOWN || verb == SIM_LINK_UP || is_cut_step(verb) ||
	       verb == SIM_LOSS || verb == SIM_ASYMMETRY;
}

static void run_step(struct world *w)
{
	const struct sim_step *s = w->step++;

	if (is_network_step(s->verb)) {
		step_network(w, s, find_network(w, s->what));
	} else {
		for (uint32_t i = 0; i < w->node_count; i++) {
			if (world_is(w, i, s->what)) {
				step_node(w, s, &w->nodes[i]);
			}
		}
	}
	if (w->step->verb != SIM_END) {
		queue_set(&w->queue, ID_STEP(w), (int64_t)(w->step->at_s * (double)SIM_PS_PER_S));
	}
}

/* Everything the timeline names exists, and its instants do not decrease. */
static int check_timeline(struct world *w)
{
	static const struct sim_step none = { SIM_END };
	const struct sim_step *s = w->scenario->timeline ? w->scenario->timeline : &none;
	double at_s = 0.0;

	for (w->step = s; s->verb != SIM_END; s++) {
		struct network *net = find_network(w, s->what);
		bool named = is_network_step(s->verb) ? net != NULL :
			     world_find(w, s->what) != NULL;

		if (is_cut_step(s->verb)) {
			named = named && world_find(w, s->node);
		}
		if (!named || s->at_s < at_s || s->port > SIM_PORTS_MAX) {
			snprintf(w->error, sizeof(w->error),
				 "timeline at %g s: %s unknown, or out of order", s->at_s,
				 s->what ? s->what : "(nothing)");
			return -EINVAL;
		}
		at_s = s->at_s;
	}
	return 0;
}

/* -- life ------------------------------------------------------------------------------------ */

bool world_is(const struct world *w, uint32_t node, const char *name)
{
	const struct sim_node *n = &w->nodes[node];

	return name && (strcmp(n->name, name) == 0 || strcmp(n->spec->name, name) == 0);
}

struct sim_node *world_find(const struct world *w, const char *name)
{
	for (uint32_t i = 0; i < w->node_count; i++) {
		if (world_is(w, i, name)) {
			return &w->nodes[i];
		}
	}
	return NULL;
}

void world_memory(const struct world *w, size_t *engines, size_t *rest)
{
	size_t engine_sum = 0;
	size_t rest_sum = 0;

	for (uint32_t i = 0; i < w->node_count; i++) {
		engine_sum += w->nodes[i].engine_size;
		rest_sum += w->nodes[i].ensemble_size + sizeof(w->nodes[i]);
	}
	*engines = engine_sum;
	*rest = rest_sum;
}

static uint32_t group_count(const struct sim_node_spec *spec)
{
	return spec->count > 0 ? spec->count : 1;
}

static int make_settings(struct world *w, const char *more)
{
	char why[120];
	uint32_t groups = 0;

	for (const struct sim_node_spec *s = w->scenario->nodes; s->name; s++) {
		w->node_count += group_count(s);
		groups++;
	}
	w->settings = calloc(groups + 1, sizeof(*w->settings));
	w->nodes = calloc(w->node_count + 1, sizeof(*w->nodes));
	if (!w->settings || !w->nodes) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < groups; i++) {
		const struct sim_node_spec *s = &w->scenario->nodes[i];

		settings_default(&w->settings[i]);
		if (s->ports > SIM_PORTS_MAX ||
		    settings_apply(&w->settings[i], s->set, why, sizeof(why)) != 0 ||
		    settings_apply(&w->settings[i], more, why, sizeof(why)) != 0) {
			snprintf(w->error, sizeof(w->error), "node %s: %s", s->name,
				 s->ports > SIM_PORTS_MAX ? "too many ports" : why);
			return -EINVAL;
		}
	}
	return 0;
}

static void make_nodes(struct world *w)
{
	uint32_t index = 0;

	for (uint32_t g = 0; w->scenario->nodes[g].name; g++) {
		const struct sim_node_spec *s = &w->scenario->nodes[g];

		for (uint32_t i = 0; i < group_count(s); i++) {
			struct sim_node *n = &w->nodes[index];

			n->spec = s;
			n->settings = &w->settings[g];
			n->index = index++;
			n->port_count = s->ports > 0 ? s->ports : 1;
			snprintf(n->name, sizeof(n->name), s->count > 0 ? "%s%u" : "%s", s->name,
				 i + 1);
			node_init(w, n);
		}
	}
}

static int make_duplicates(struct world *w)
{
	for (uint32_t i = 0; i < w->node_count; i++) {
		const char *of = w->nodes[i].spec->same_identity;
		const struct sim_node *original = of ? world_find(w, of) : NULL;

		if (of && !original) {
			snprintf(w->error, sizeof(w->error), "there is no node %s", of);
			return -EINVAL;
		}
		if (original) {
			w->nodes[i].identity = original->identity;
		}
	}
	return 0;
}

static int make_networks(struct world *w)
{
	uint32_t count = 0;

	for (const struct sim_link_spec *s = w->scenario->links; s->name; s++) {
		count++;
	}
	w->networks = calloc(count + 1, sizeof(*w->networks));
	if (!w->networks) {
		return -ENOMEM;
	}
	for (; w->network_count < count; w->network_count++) {
		uint32_t index = w->network_count;
		int err = network_init(w, &w->networks[index], &w->scenario->links[index], index);

		if (err != 0) {
			network_finish(&w->networks[index]);
			return err;
		}
	}
	return 0;
}

static bool expects(const struct sim_scenario *s, enum sim_expectation a, enum sim_expectation b)
{
	for (const struct sim_expect *e = s->expect; e && e->kind != SIM_EXPECT_END; e++) {
		if (e->kind == a || e->kind == b) {
			return true;
		}
	}
	return false;
}

static int make_traces(struct world *w, bool keep_bounds)
{
	bool utc = expects(w->scenario, SIM_EXPECT_UTC, SIM_EXPECT_UTC);
	bool bounds = keep_bounds ||
		      expects(w->scenario, SIM_EXPECT_BOUND, SIM_EXPECT_BOUND_NS);

	for (uint32_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];

		n->te = calloc(w->ticks_max + 1, sizeof(*n->te));
		n->bound = bounds ? calloc(w->ticks_max + 1, sizeof(*n->bound)) : NULL;
		n->utc_bad = utc ? calloc(w->ticks_max + 1, sizeof(*n->utc_bad)) : NULL;
		if (!n->te || (bounds && !n->bound) || (utc && !n->utc_bad)) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int set_times(struct world *w, double duration_s)
{
	double tick_s = w->scenario->tick_s > 0.0 ? w->scenario->tick_s : 1.0;
	int64_t utc_s = w->scenario->start_utc_s;

	duration_s = duration_s > 0.0 ? duration_s : w->scenario->duration_s;
	if (!(duration_s >= tick_s && duration_s <= DURATION_MAX_S)) {
		snprintf(w->error, sizeof(w->error), "duration %g s: must be %g s to %g s",
			 duration_s, tick_s, DURATION_MAX_S);
		return -EINVAL;
	}
	w->epoch_s = (utc_s != 0 ? utc_s : SIM_START_UTC_S) + SIM_UTC_OFFSET;
	w->end_ps = (int64_t)(duration_s * (double)SIM_PS_PER_S);
	w->tick_ps = (int64_t)(tick_s * (double)SIM_PS_PER_S);
	w->ticks_max = (size_t)(w->end_ps / w->tick_ps);
	return 0;
}

static int build(struct world *w, const struct world_options *options)
{
	int err = set_times(w, options->duration_s);

	err = err != 0 ? err : make_settings(w, options->set);
	err = err != 0 ? err : queue_create(&w->queue, ID_EVENTS(w));
	if (err != 0) {
		return err;
	}
	make_nodes(w);
	err = make_duplicates(w);
	err = err != 0 ? err : make_networks(w);
	err = err != 0 ? err : make_traces(w, options->keep_bounds);
	err = err != 0 ? err : check_timeline(w);
	if (err != 0) {
		return err;
	}
	for (uint32_t i = 0; i < w->node_count; i++) {
		queue_set(&w->queue, i, w->nodes[i].start_ps);
	}
	queue_set(&w->queue, ID_TICK(w), w->tick_ps / 2);
	if (w->step->verb != SIM_END) {
		queue_set(&w->queue, ID_STEP(w), (int64_t)(w->step->at_s * (double)SIM_PS_PER_S));
	}
	return 0;
}

struct world *world_create(const struct sim_scenario *scenario,
			   const struct world_options *options, char *why, size_t cap)
{
	struct world *w = calloc(1, sizeof(*w));
	int err;

	if (!w) {
		snprintf(why, cap, "out of memory");
		return NULL;
	}
	w->scenario = scenario;
	w->seed = options->seed;
	w->observer = options->observer;
	w->event_free = UINT32_MAX;
	w->hash = random_mix(options->seed);
	err = build(w, options);
	if (err != 0) {
		snprintf(why, cap, "%s", w->error[0] ? w->error : strerror(-err));
		world_destroy(w);
		return NULL;
	}
	return w;
}

void world_destroy(struct world *w)
{
	if (!w) {
		return;
	}
	for (uint32_t i = 0; w->nodes && i < w->node_count; i++) {
		node_finish(&w->nodes[i]);
	}
	for (uint32_t i = 0; i < w->network_count; i++) {
		network_finish(&w->networks[i]);
	}
	while (w->packets_made) {
		struct packet *p = w->packets_made;

		w->packets_made = p->next_made;
		free(p->arrivals);
		free(p);
	}
	queue_destroy(&w->queue);
	free(w->events);
	free(w->nodes);
	free(w->networks);
	free(w->settings);
	free(w);
}

static void dispatch(struct world *w, uint32_t id)
{
	if (id < w->node_count) {
		if (w->nodes[id].powered) {
			node_expire(&w->nodes[id]);
		} else {
			node_power_on(&w->nodes[id]);
		}
	} else if (id == ID_TICK(w)) {
		run_tick(w);
	} else if (id == ID_STEP(w)) {
		run_step(w);
	} else {
		run_event(w, id - ID_EVENTS(w));
	}
}

int world_run(struct world *w)
{
	uint32_t id;
	int64_t at_ps;

	while (queue_next(&w->queue) <= w->end_ps && w->error[0] == '\0') {
		queue_pop(&w->queue, &id, &at_ps);
		w->now_ps = at_ps;
		dispatch(w, id);
	}
	return w->error[0] == '\0' ? 0 : -EIO;
}
