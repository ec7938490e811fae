/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two PTP clocks in one process, in virtual time: how a program embeds the engine and the
 * discipline. Node 0 is the grandmaster; node 1 starts 1.5 s and 80 ppm off and follows it over a
 * link with 1 µs of delay. Nothing here asks the operating system for the time or for a socket.
 *
 *     two_clocks [SECONDS]
 *
 * Prints one line per measured offset; exits 0 if node 1 ends within 10 ns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnomon/engine.h>
#include <gnomon/servo.h>

#define NODES 2
#define IN_FLIGHT 64
#define LINK_DELAY_NS 1000

/* A local clock: its reading at an instant, and how fast it runs from there. */
struct local_clock {
	gnomon_time reading;
	gnomon_mono at;
	double oscillator_ppb; /* what is wrong with it */
	double adjust_ppb;     /* what the discipline does about it */
};

struct node {
	struct gnomon_engine *engine;
	struct gnomon_discipline *discipline;
	struct local_clock clock;
	gnomon_span offset; /* the latest measured */
};

struct packet {
	gnomon_mono arrives;
	unsigned int to;
	enum gnomon_channel channel;
	size_t len; /* 0: a free slot */
	uint8_t data[GNOMON_MSG_MAX];
};

struct world {
	gnomon_mono now;
	struct node node[NODES];
	struct packet wire[IN_FLIGHT];
};

static gnomon_time clock_read(struct local_clock *c, gnomon_mono now)
{
	int64_t elapsed = now.ns - c->at.ns;
	double gained = (double)elapsed * (c->oscillator_ppb + c->adjust_ppb) * 1e-9;

	c->reading = gnomon_time_add(c->reading, gnomon_span_from_ns(elapsed));
	c->reading = gnomon_time_add(c->reading, gnomon_span_from_double(gained));
	c->at = now;
	return c->reading;
}

/* Put a message on the wire and report when it left: a NIC would do both. */
static void node_send(struct world *w, unsigned int from, const struct gnomon_send *send)
{
	gnomon_time stamp = clock_read(&w->node[from].clock, w->now);
	uint32_t tx_id = send->tx_id;

	for (unsigned int i = 0; i < IN_FLIGHT; i++) {
		struct packet *p = &w->wire[i];

		if (p->len == 0) {
			p->arrives = gnomon_mono_add(w->now, LINK_DELAY_NS);
			p->to = (from + 1) % NODES;
			p->channel = send->channel;
			p->len = send->len;
			memcpy(p->data, send->data, send->len);
			break;
		}
	}
	if (tx_id != 0) {
		gnomon_engine_tx_done(w->node[from].engine, tx_id, &stamp, w->now);
	}
}

/* An offset was measured: ask the discipline what to do, do it, tell the engine. */
static void node_sample(struct world *w, unsigned int index, const struct gnomon_sample *s)
{
	struct node *n = &w->node[index];
	struct gnomon_discipline_sample sample = { .offset = s->offset, .mean_delay = s->mean_delay,
		.local = s->local, .weight = s->weight, .reference_bound_ns = -1.0 };
	struct gnomon_discipline_command command;
	struct gnomon_clock_event event = { .size = sizeof(event) };

	gnomon_discipline_sync_interval(n->discipline, s->sync_interval);
	gnomon_discipline_sample(n->discipline, &sample, w->now, &command);
	clock_read(&n->clock, w->now);
	if (command.step) {
		n->clock.reading = gnomon_time_add(n->clock.reading, command.step_by);
	}
	if (command.set_frequency) {
		n->clock.adjust_ppb = command.frequency_ppb;
	}
	event.state = command.state;
	event.stepped = command.step;
	event.step_by = command.step_by;
	event.rate_ratio = command.rate_ratio;
	gnomon_engine_clock_event(n->engine, &event, w->now);
	n->offset = s->offset;
	printf("%8.3f s  node %u  offset %14.3f ns  delay %8.3f ns  %s%s\n",
	       (double)w->now.ns * 1e-9, index, gnomon_span_to_double(s->offset),
	       gnomon_span_to_double(s->mean_delay), gnomon_servo_state_name(command.state),
	       command.step ? "  (stepped)" : "");
}

/* Do all that a node's engine asks for. */
static void node_drain(struct world *w, unsigned int index)
{
	struct gnomon_action action;

	while (gnomon_engine_next(w->node[index].engine, &action)) {
		switch (action.type) {
		case GNOMON_ACTION_SEND:
			node_send(w, index, &action.u.send);
			break;
		case GNOMON_ACTION_SAMPLE:
			node_sample(w, index, &action.u.sample);
			break;
		case GNOMON_ACTION_STATE:
			printf("%8.3f s  node %u  %s to %s\n", (double)w->now.ns * 1e-9, index,
			       gnomon_port_state_name(action.u.state.from),
			       gnomon_port_state_name(action.u.state.to));
			break;
		case GNOMON_ACTION_DATASET:
		case GNOMON_ACTION_EVENT:
		case GNOMON_ACTION_SET_CLOCK:
			break;
		}
	}
}

static int node_init(struct world *w, unsigned int index)
{
	struct node *n = &w->node[index];
	struct gnomon_port_config port;
	struct gnomon_engine_config config;
	struct gnomon_discipline_config discipline = { .size = sizeof(discipline) };
	size_t engine_size, discipline_size;

	gnomon_port_config_default(&port);
	gnomon_engine_config_default(&config);
	config.clock_identity = (struct gnomon_clock_identity){ { 2, 0, 0, 0xff, 0xfe, 0, 0,
								  (uint8_t)(index + 1) } };
	config.priority1 = (uint8_t)(100 + index);
	config.seed = index;
	config.port_count = 1;
	config.ports = &port;
	discipline.servo = gnomon_servo_find("pi");
	gnomon_servo_config_default(&discipline.servo_config);

	/* What this program allocates here is all the memory there will ever be. */
	engine_size = gnomon_engine_size(&config);
	discipline_size = gnomon_discipline_size(&discipline);
	if (gnomon_engine_init(&n->engine, calloc(1, engine_size), engine_size, &config, w->now) ||
	    gnomon_discipline_init(&n->discipline, calloc(1, discipline_size), discipline_size,
				   &discipline)) {
		return -1;
	}
	n->clock.reading = gnomon_time_from_ns(1700000000 * INT64_C(1000000000));
	if (index == 1) {
		n->clock.reading.sec += 1;
		n->clock.reading.nsec = 500000000;
		n->clock.oscillator_ppb = 80000.0;
	}
	gnomon_engine_link(n->engine, 1, true, w->now);
	node_drain(w, index);
	return 0;
}

/* The next instant something happens: a message arrives or an engine has work. */
static gnomon_mono world_deadline(const struct world *w)
{
	gnomon_mono next = GNOMON_MONO_NEVER;

	for (unsigned int i = 0; i < IN_FLIGHT; i++) {
		if (w->wire[i].len != 0) {
			next = gnomon_mono_min(next, w->wire[i].arrives);
		}
	}
	for (unsigned int i = 0; i < NODES; i++) {
		next = gnomon_mono_min(next, gnomon_engine_deadline(w->node[i].engine));
	}
	return next;
}

/* Everything that is due now. */
static void world_step(struct world *w)
{
	for (unsigned int i = 0; i < IN_FLIGHT; i++) {
		struct packet *p = &w->wire[i];

		if (p->len != 0 && !gnomon_mono_before(w->now, p->arrives)) {
			gnomon_time stamp = clock_read(&w->node[p->to].clock, w->now);
			struct gnomon_rx rx = { .size = sizeof(rx), .port = 1,
				.channel = p->channel, .data = p->data, .len = p->len,
				.timestamp = &stamp };

			gnomon_engine_rx(w->node[p->to].engine, &rx, w->now);
			p->len = 0;
			node_drain(w, p->to);
		}
	}
	for (unsigned int i = 0; i < NODES; i++) {
		gnomon_engine_expire(w->node[i].engine, w->now);
		node_drain(w, i);
	}
}

int main(int argc, char **argv)
{
	static struct world w;
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 60.0;
	double error_ns;

	for (unsigned int i = 0; i < NODES; i++) {
		if (node_init(&w, i)) {
			fprintf(stderr, "node %u: invalid configuration\n", i);
			return EXIT_FAILURE;
		}
	}
	while ((double)w.now.ns < seconds * 1e9) {
		w.now = world_deadline(&w);
		world_step(&w);
	}
	error_ns = gnomon_span_to_double(gnomon_time_diff(clock_read(&w.node[1].clock, w.now),
							  clock_read(&w.node[0].clock, w.now)));
	printf("node 1 is %.3f ns off\n", error_ns);
	for (unsigned int i = 0; i < NODES; i++) {
		free(w.node[i].engine);
		free(w.node[i].discipline);
	}
	return error_ns > -10.0 && error_ns < 10.0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
