/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real engines on an imaginary network, in virtual time, for unit tests: every message, timestamp
 * and action can be looked at, delayed, doubled, changed or lost. No servo: clocks stay as they
 * are set, so what is measured is known in advance.
 */
#ifndef TESTS_PTP_HARNESS_H
#define TESTS_PTP_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <gnomon/engine.h>

#include "ptp/fsm.h"

#define LAN_NODES 6
#define LAN_PORTS 4
#define LAN_PENDING 256
#define FRAME_MAX 600
#define SENT_KEPT 64
#define STATES_KEPT 64

#define MS INT64_C(1000000)
#define SEC INT64_C(1000000000)

/* What the path takes, and what every node's clock reads at instant 0 without an offset. */
#define LAN_DELAY 1000
#define LAN_EPOCH 1700000000

struct lan;
struct node;

/* A message a node just sent; the hook may change what becomes of it. */
struct frame {
	struct node *from;
	uint16_t port;
	enum gnomon_msg_type type;
	uint16_t sequence_id;
	uint8_t data[FRAME_MAX];
	size_t len;
	int copies;        /* delivered; 0: lost */
	int64_t extra;     /* ns later than usual */
	bool tx_lost;      /* its transmit timestamp is reported lost */
	bool tx_never;     /* its transmit timestamp is not reported at all */
	int64_t tx_delay;  /* ns until its transmit timestamp is reported */
};

/* A message sent, as it went out. */
struct sent {
	struct gnomon_send send; /* .data points below */
	uint16_t port;
	gnomon_mono at;
	uint8_t data[FRAME_MAX];
};

struct state_record {
	uint16_t port;
	struct gnomon_state_change change;
	gnomon_mono at;
};

struct node {
	struct lan *lan;
	unsigned int index;
	struct gnomon_engine_config config;
	struct gnomon_port_config ports[LAN_PORTS];
	int segment[LAN_PORTS]; /* -1: not connected */
	struct gnomon_engine *engine;
	void *mem;

	gnomon_time set_clock; /* what management last asked its clock to be set to */
	unsigned int set_clock_count;

	gnomon_span offset;  /* its clock ahead of true time */
	double ppb;          /* its clock's excess frequency */
	int64_t out_delay;   /* ns by which everything it sends is slower */
	gnomon_span ingress; /* its hardware stamps this much after the wire */
	gnomon_span egress;  /* ... and this much before it */
	bool deaf;           /* loses everything sent to it */
	bool auto_lock;      /* answers the first sample with a locked servo */

	struct sent sent[SENT_KEPT];
	unsigned int sent_count;
	struct gnomon_sample sample; /* the latest */
	unsigned int sample_count;
	struct state_record states[STATES_KEPT];
	unsigned int state_count;
	unsigned int event_count[GNOMON_EVENT_COUNT];
	struct gnomon_engine_event_data event[GNOMON_EVENT_COUNT]; /* the latest of each kind */
	unsigned int datasets; /* all that changed */
	uint64_t digest;       /* of all actions, byte for byte */
};

struct pending {
	gnomon_mono at;
	uint64_t serial;
	struct node *to;
	uint16_t port; /* 0: a transmit timestamp */
	uint32_t tx_id;
	bool tx_lost;
	gnomon_time tx_timestamp;
	struct gnomon_address source;
	uint8_t data[FRAME_MAX];
	size_t len;
};

struct lan {
	gnomon_mono now;
	struct node nodes[LAN_NODES];
	unsigned int node_count;
	struct pending pending[LAN_PENDING];
	unsigned int pending_count;
	uint64_t serial;
	void (*hook)(struct lan *lan, struct frame *frame);
	int64_t knob; /* the hook's */
	unsigned int hooked;
};

/* An empty network; lan_destroy takes NULL. */
struct lan *lan_create(void);
void lan_destroy(struct lan *lan);

/* A node with default configuration and ports unconnected ports. Change it, then start it. */
struct node *node_add(struct lan *lan, unsigned int ports);
void node_start(struct node *n);
/* Let time pass, with all that happens in it. */
void lan_run(struct lan *lan, int64_t ns);

/*
 * Two ordinary clocks on one segment, not yet started: [0] the better one, [1] with its clock
 * LAN_PAIR_OFFSET ahead, which locks itself.
 */
struct lan *lan_pair(enum gnomon_delay_mechanism mechanism);
#define LAN_PAIR_OFFSET (1500 * MS)
/* Start all nodes and run until every port has settled: 20 s. */
void lan_settle(struct lan *lan);

/* What the node's clock reads. */
gnomon_time node_clock(const struct node *n, gnomon_mono at);
struct gnomon_clock_identity node_clock_identity(unsigned int index);
struct gnomon_port_identity node_port_identity(const struct node *n, uint16_t port);
struct gnomon_address node_address(const struct node *n, uint16_t port);

/* A node alone, not started, whose transmit timestamps are given with node_stamp. */
struct node *node_by_hand(enum gnomon_delay_mechanism mechanism);
/* The transmit timestamp of a message; what gnomon_engine_tx_done says. */
int node_stamp_tx(struct node *n, uint32_t tx_id, gnomon_time t);
/* That of the latest of its type, which has one. */
void node_stamp(struct node *n, enum gnomon_msg_type type, gnomon_time t);

/* Give the engine a message by hand; event messages arrive at the node's present. */
int node_hear(struct node *n, uint16_t port, const struct gnomon_msg *m);
int node_hear_at(struct node *n, uint16_t port, const struct gnomon_msg *m, gnomon_time arrival);
int node_hear_bytes(struct node *n, uint16_t port, const uint8_t *data, size_t len);
int node_hear_rx(struct node *n, const struct gnomon_rx *rx);
/* Take and record whatever the engine wants done; after calling it directly. */
void node_drain(struct node *n);
void node_link(struct node *n, uint16_t port, bool up);
void node_clock_event(struct node *n, enum gnomon_servo_state state);

/* Forget what was recorded. */
void node_forget(struct node *n);
/* The latest message of a type sent, NULL if none is remembered; back: that many earlier. */
const struct sent *node_sent(const struct node *n, enum gnomon_msg_type type, unsigned int back);
/* The same, decoded; fails the test if there is none. */
struct gnomon_msg node_message(const struct node *n, enum gnomon_msg_type type, unsigned int back);

enum gnomon_port_state node_state(const struct node *n, uint16_t port);
struct gnomon_port_counters node_counters(const struct node *n, uint16_t port);
struct gnomon_port_ds node_port_ds(const struct node *n, uint16_t port);
uint64_t node_dropped(const struct node *n, uint16_t port, enum gnomon_drop drop);

/* Messages as a sender would write them; the node's domain, its sdoId and so on. */
struct gnomon_msg make_message(const struct node *to, enum gnomon_msg_type type,
			       struct gnomon_port_identity source, uint16_t sequence_id);
/* An Announce of an excellent grandmaster: the sender itself. */
struct gnomon_msg make_announce(const struct node *to, struct gnomon_port_identity source,
				uint16_t sequence_id);
/* A port identity no node has. */
struct gnomon_port_identity stranger(uint8_t n);
/* Announce until the stranger is the parent of the node's port; the sequenceId to go on with. */
uint16_t follow_stranger(struct node *n, uint16_t port, struct gnomon_port_identity who);

struct gnomon_timestamp wire_time(gnomon_time t);

/* Of a pair: [1] follows [0], and its latest sample is exact. */
void lan_check_synchronised(const struct lan *lan);
/* Nothing dropped but what came before the port was ready for it (Syncs while LISTENING). */
void node_check_no_drops(const struct node *n);
void assert_state(const struct node *n, uint16_t port, enum gnomon_port_state state);
void assert_span(gnomon_span got, int64_t ns, uint16_t frac);
void assert_same_port(const struct gnomon_port_identity *a, const struct gnomon_port_identity *b);

#define LAN_TEST(name, function) { name, function, NULL, NULL, NULL }

#endif
