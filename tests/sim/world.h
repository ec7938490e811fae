/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A running simulation: nodes, networks, the events between them, and true time.
 *
 *   world.c    life, events, the loop, the timeline, sampling of time errors
 *   node.c     one node: engines, ensemble and clock, glued in the order a daemon does it
 *   network.c  messages on their way
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <gnomon/ensemble.h>

#include "clock.h"
#include "queue.h"
#include "scenario.h"
#include "settings.h"

struct world;

/* -- messages -------------------------------------------------------------------------------- */

struct arrival {
	int64_t at_ps;
	uint32_t member;
};

/* A message in flight; walks its receivers in the order it reaches them. */
struct packet {
	struct packet *next_free;
	struct packet *next_made;
	uint32_t network;
	uint32_t from;    /* member */
	uint32_t next;    /* of arrivals */
	uint32_t count;
	uint32_t holders; /* who still needs it: the walk, and inboxes */
	uint32_t capacity;
	struct arrival *arrivals;
	enum gnomon_channel channel;
	bool event;
	size_t len;
	uint8_t data[GNOMON_MSG_MAX];
};

struct member {
	uint32_t node;
	uint16_t port;
	bool cut;
	bool deaf;
};

struct network {
	const struct sim_link_spec *spec;
	struct random random;
	struct member *members;
	uint32_t count;
	double loss;
	double asymmetry_ns;
};

/* -- nodes ----------------------------------------------------------------------------------- */

#define NODE_NAME_MAX 24
#define NETWORK_NONE UINT32_MAX

struct node_port {
	uint32_t network; /* NETWORK_NONE: nothing plugged in */
	uint32_t member;
	bool carrier;
	enum gnomon_port_state state;
};

/* What a node last did, for traces. */
struct node_view {
	double offset_ns; /* NAN until measured */
	double delay_ns;
	double frequency_ppb;
	enum gnomon_servo_state servo;
};

struct sim_node {
	struct world *world;
	const struct sim_node_spec *spec;
	const struct settings *settings;
	char name[NODE_NAME_MAX];
	uint32_t index;
	struct gnomon_clock_identity identity;
	bool powered;
	struct gnomon_engine *engines[SIM_PORTS_MAX]; /* NULL while powered off */
	void *engine_memory[SIM_PORTS_MAX];
	unsigned int engine_count; /* one for all ports, or one for each: spec->apart */
	size_t engine_size;        /* of all of them */
	struct gnomon_ensemble *ensemble;
	void *ensemble_memory;
	size_t ensemble_size;
	struct gnomon_holdover_model model; /* saved when the power went off; at: */
	int64_t model_ps; /* < 0: none */
	struct sim_clock clock;
	struct random stamps;
	double mono_rate; /* relative error of the monotonic clock */
	int64_t start_ps;
	uint32_t boots;
	gnomon_mono armed; /* the deadline its timer is set to */
	unsigned int port_count;
	struct node_port ports[SIM_PORTS_MAX];
	struct node_view view;
	int64_t expired_ps;        /* when its timer last went off ... */
	unsigned int expired_here; /* ... and how often at that very instant */
	uint64_t samples;
	uint64_t switches; /* between sources */
	uint64_t sent;
	uint64_t received;
	uint64_t events[GNOMON_EVENT_COUNT];
	double *te;       /* ns, by tick; NAN while powered off */
	float *bound;     /* ns, by tick; NULL if nobody asks */
	uint8_t *utc_bad; /* by tick; NULL if nobody asks */
};

/* -- the world ------------------------------------------------------------------------------- */

enum event_kind {
	EVENT_FREE,
	EVENT_PACKET,  /* the next arrival of a packet */
	EVENT_TX_DONE, /* a transmit timestamp for the engine */
	EVENT_INPUT,   /* a received message that waited for its engine */
};

struct event {
	enum event_kind kind;
	uint32_t next_free;
	uint32_t node;
	uint32_t boots; /* of the node: its memory of these things ends with its power */
	uint16_t port;
	uint32_t tx_id;
	bool stamped;
	gnomon_time stamp;
	struct packet *packet;
	uint32_t from;
};

/* Called after each tick. */
struct world_observer {
	void (*tick)(void *context, const struct world *w, size_t tick);
	void *context;
};

struct world {
	const struct sim_scenario *scenario;
	uint64_t seed;
	int64_t now_ps;
	int64_t end_ps;
	int64_t epoch_s; /* TAI at true time 0 */
	int64_t tick_ps;
	size_t ticks;     /* so far */
	size_t ticks_max;
	struct queue queue;
	struct event *events; /* by queue id, from first_event on */
	uint32_t event_count;
	uint32_t event_free;
	struct sim_node *nodes;
	uint32_t node_count;
	struct settings *settings; /* by entry of scenario->nodes */
	struct network *networks;
	uint32_t network_count;
	struct packet *packets;      /* free ones */
	struct packet *packets_made; /* all of them */
	const struct sim_step *step; /* next of the timeline */
	int leap;             /* the true one: 61, 59 or 0 */
	int64_t leap_tai_s;
	uint64_t hash;        /* of everything that was sent, decided and measured */
	uint64_t deliveries;
	struct world_observer observer;
	char error[160];      /* why creation or the run failed */
};

struct world_options {
	uint64_t seed;
	double duration_s;  /* 0: the scenario's */
	const char *set;    /* more settings, for every node; NULL: none */
	bool keep_bounds;
	struct world_observer observer;
};

/*
 * Build. Returns NULL with the reason in why (a bad scenario, no memory). The scenario must
 * outlive the world.
 */
struct world *world_create(const struct sim_scenario *scenario,
			   const struct world_options *options, char *why, size_t cap);
void world_destroy(struct world *w);

/* Run to the end. 0, or -EIO with the reason in w->error (an engine that does not let go). */
int world_run(struct world *w);

/* True time of a tick, s. */
double world_tick_time(const struct world *w, size_t tick);
/* The first tick at or after t seconds. */
size_t world_tick_at(const struct world *w, double t);

/* True if node i belongs to name: is called so, or is one of the group. */
bool world_is(const struct world *w, uint32_t node, const char *name);
/* The (first) node of that name, NULL if there is none. */
struct sim_node *world_find(const struct world *w, const char *name);

/* Octets of one engine and of everything else per node. */
void world_memory(const struct world *w, size_t *engines, size_t *rest);

void world_hash(struct world *w, uint64_t value);
void world_hash_bytes(struct world *w, const uint8_t *data, size_t len);

/* A new event at at_ps; NULL (and w->error set) when memory is out. Fill in at once. */
struct event *world_event(struct world *w, enum event_kind kind, int64_t at_ps);

/* -- node.c ---------------------------------------------------------------------------------- */

void node_init(struct world *w, struct sim_node *n);
void node_finish(struct sim_node *n);
/* Fresh engines and ensemble. 0 or -errno, the reason in the world's error. */
int node_power_on(struct sim_node *n);
void node_power_off(struct sim_node *n);
void node_carrier(struct sim_node *n, unsigned int port, bool up);
void node_expire(struct sim_node *n);
void node_tx_done(struct sim_node *n, const struct event *e);
/* A message reaches the port: stamp it, and give it to the engine now or after rx_delay. */
void node_arrival(struct sim_node *n, unsigned int port, struct packet *p);
/* Give it to the engine. stamp: NULL if there is none. */
void node_input(struct sim_node *n, unsigned int port, const struct packet *p,
		const gnomon_time *stamp);
/* The engine behind a port; while powered only. */
struct gnomon_engine *node_engine(const struct sim_node *n, unsigned int port);
/* The number it knows that port by. */
uint16_t node_engine_port(const struct sim_node *n, unsigned int port);
/* After an input by other means: carry out what the engines want, and set the timer. */
void node_settle(struct sim_node *n);
gnomon_mono node_now(const struct sim_node *n);
/* The bound this node publishes for its own time; < 0: unknown. */
double node_bound_ns(const struct sim_node *n);

/* -- network.c ------------------------------------------------------------------------------- */

int network_init(struct world *w, struct network *net, const struct sim_link_spec *spec,
		 uint32_t index);
void network_finish(struct network *net);
/* The unicast address of a port, and back: the member of net, or UINT32_MAX. */
struct gnomon_address network_address(uint32_t node, unsigned int port);
uint32_t network_find(const struct network *net, const struct gnomon_address *address);
/* An empty packet from n's port; NULL when memory is out (error set). */
struct packet *packet_take(struct world *w, struct sim_node *n, unsigned int port);
void packet_release(struct world *w, struct packet *p);
/* Send it; the caller's hold passes on. */
void packet_send(struct world *w, struct packet *p, const struct gnomon_send *send);
/* Its next arrivals, as long as nothing else comes first. */
void packet_walk(struct world *w, struct packet *p);

#endif
