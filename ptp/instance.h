/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PTP Instance and its ports: the state behind struct gnomon_engine, shared by the files of
 * this folder and by nobody else.
 *
 *   receive.c    acceptance, then one handler per message type
 *   announce.c   Announce in and out
 *   sync.c       Sync and Follow_Up in and out
 *   delay_e2e.c  Delay_Req and Delay_Resp, both roles
 *   delay_p2p.c  Pdelay_*, both roles
 *   tsproc.c     four timestamps -> delay and offset
 *   decision.c   STATE_DECISION_EVENT and the data set updates it causes
 *   management.c Management: for whom, passed on to where, refused why; management_get.c and
 *                management_set.c answer, management_notify.c tells subscribers
 *   timeout.c    what happens when a timer fires
 *   port.c       the port's state, its timers, what a transition starts and stops
 *   action.c     the queue of actions; deliver.c takes them out and encodes what is sent
 *   engine.c     the public functions
 *
 * Calls go down only: engine -> receive, timeout, deliver -> announce, sync, delay_* -> decision
 * -> port -> action.
 */
#ifndef PTP_INSTANCE_H
#define PTP_INSTANCE_H

#include <gnomon/engine.h>

#include "bmca.h"
#include "foreign.h"
#include "fsm.h"
#include "management.h"
#include "random.h"
#include "timers.h"

/* The timers of one port; numbered port index * PORT_TIMER_COUNT + this. */
enum port_timer {
	TIMER_ANNOUNCE_RX,
	TIMER_SYNC_RX,
	TIMER_ANNOUNCE_TX,
	TIMER_SYNC_TX,
	TIMER_DELAY_REQ,
	TIMER_PDELAY_REQ,
	TIMER_QUALIFICATION,
	PORT_TIMER_COUNT
};

/* Log intervals of others outside these are not taken over. */
#define LOG_INTERVAL_MIN (-10)
#define LOG_INTERVAL_MAX 20

/* Four timestamps into delay and offset (11.2, 11.3, 11.4). */
struct tsproc {
	enum gnomon_tsproc_mode mode;
	const struct gnomon_filter_ops *filter; /* NULL: raw */
	void *filter_state;
	bool sync_valid;
	gnomon_time t1; /* corrected to this port's ingress */
	gnomon_time t2;
	bool exchange_valid; /* E2E: t3 and t4 of the last exchange */
	gnomon_time t3;
	gnomon_time t4;
	bool delay_valid;
	gnomon_span raw_delay;
	gnomon_span delay; /* filtered */
	bool filter_stale; /* forget the filter's values when the next one comes */
	double rate_ratio;
};

/* Pairs a Sync with its Follow_Up, whichever comes first. */
#define SYNC_RING 4
struct sync_pair {
	uint16_t sequence_id;
	bool used;
	bool done;
	bool have_sync;
	bool have_follow_up;
	bool software_known;
	gnomon_time t2;
	gnomon_span sync_correction;
	gnomon_time t1; /* preciseOriginTimestamp + Follow_Up's correctionField */
	gnomon_time software; /* when the first of the two arrived, for check_follow_up */
};

/* A Delay_Req in flight: its transmit timestamp and its Delay_Resp come in either order. */
#define DELAY_RING 4
struct delay_exchange {
	uint16_t sequence_id;
	bool used;
	bool have_t3;
	bool have_t4;
	gnomon_time t3;
	gnomon_time t4; /* receiveTimestamp less the correction */
};

/* The peer delay exchange in flight, and what is known of the neighbour. */
struct pdelay_exchange {
	bool used;
	bool done;
	bool have_t1;
	bool have_response;
	bool have_follow_up;
	bool two_step;
	bool another; /* more than one answer was seen */
	uint16_t sequence_id;
	struct gnomon_port_identity responder;
	gnomon_time t1;
	gnomon_time t4;
	gnomon_time t2;
	gnomon_time t3;
	gnomon_span correction;
};

struct neighbor {
	bool known;
	struct gnomon_port_identity identity;
	unsigned int lost; /* requests in a row without a usable answer */
	bool rate_anchor;  /* rate_t3, rate_t4 hold the start of a rate measurement */
	gnomon_time rate_t3;
	gnomon_time rate_t4;
	double rate_ratio; /* neighbour's frequency over ours */
};

/* A message whose transmit timestamp is awaited. */
#define TX_RING 8
struct tx_slot {
	uint32_t id; /* 0: free */
	enum gnomon_msg_type type;
	uint16_t sequence_id;
	enum gnomon_destination destination;
	struct gnomon_address address;
	struct gnomon_port_identity requesting; /* Pdelay_Resp */
	int64_t correction;                     /* Pdelay_Resp: of the request */
	uint16_t flags;
};

struct port {
	struct gnomon_engine *engine;
	struct gnomon_port_config config;
	struct gnomon_port_identity identity;
	enum fsm_role role;
	enum gnomon_port_state state;
	bool link;
	bool enabled;
	struct foreign_table foreign;
	const struct foreign_record *best; /* Erbest; valid while a decision is being made */
	enum bmca_decision decision;       /* likewise */
	struct gnomon_port_identity best_sender;
	bool best_known;
	struct gnomon_port_counters counters;

	uint16_t announce_sequence;
	uint16_t sync_sequence;
	uint16_t delay_req_sequence;
	uint16_t pdelay_req_sequence;

	int8_t log_delay_req_interval; /* in force: the timeTransmitter's, once heard */
	int8_t log_parent_sync_interval;
	bool parent_sync_interval_known;

	struct tsproc tsproc; /* E2E: mean path delay, P2P: mean link delay */
	struct sync_pair sync[SYNC_RING];
	bool sync_done_known;
	uint16_t sync_done;
	gnomon_mono sync_done_at;
	bool sync_restart_known; /* a Sync came that may be of a sequence begun anew */
	uint16_t sync_restart;
	struct delay_exchange delay[DELAY_RING];
	unsigned int delay_unanswered;
	struct pdelay_exchange pdelay;
	struct neighbor neighbor;

	struct tx_slot tx[TX_RING];
	uint32_t tx_next;

	struct gnomon_port_info info;
	gnomon_mono management_since; /* messages of management are counted for a second */
	unsigned int management_count;
	bool notify; /* subscribers are to hear of the port's state */
};

/* An action before it is taken; messages are encoded when they are. */
struct queued {
	enum gnomon_action_type type;
	uint16_t port;
	union {
		struct {
			struct gnomon_msg msg;
			enum gnomon_destination destination;
			struct gnomon_address address;
			uint32_t tx_id;
			bool one_step;
			gnomon_time one_step_ingress;
			struct management_answer answer; /* Management only */
		} send;
		struct gnomon_sample sample;
		struct gnomon_state_change state;
		unsigned int datasets;
		struct gnomon_engine_event_data event;
		gnomon_time time;
	} u;
};

/* Longest message this engine makes: CLOCK_DESCRIPTION with its three texts. An Announce, with the
 * TLVs it passes on and its own, is kept shorter. */
#define TX_BUFFER 1024
#define ANNOUNCE_TLVS_MAX 448

struct gnomon_engine {
	struct gnomon_engine_config config; /* config.ports is not used after init */
	struct port *ports;
	struct timers timers;
	struct random random;

	struct gnomon_default_ds default_ds;
	struct gnomon_current_ds current_ds;
	struct gnomon_parent_ds parent_ds;
	struct gnomon_time_properties_ds time_properties_ds;
	struct gnomon_time_properties_ds local_time_properties; /* as grandmaster */
	uint16_t tlvs_len; /* propagating TLVs of the parent's Announce */
	uint8_t tlvs[FOREIGN_TLVS_MAX];

	bool locked; /* the clock is, by the last clock event */
	bool apart;  /* it follows something else than the parent */
	bool best_known; /* the outcome of the last decision, for its events */
	bool best_is_local;
	struct gnomon_clock_identity best_identity;
	unsigned int uncalibrated_ports;
	bool grandmaster; /* this clock has the grandmaster role */
	bool decided;
	gnomon_mono decided_at;

	struct queued *queue;
	unsigned int queue_cap;
	unsigned int queue_head;
	unsigned int queue_len;
	uint8_t tx_buffer[TX_BUFFER];
	uint8_t tlv_buffer[TX_BUFFER];
	struct management management;
	struct gnomon_port_counters local_counters; /* of the LOCAL channels */
};

/* -- helpers --------------------------------------------------------------------------------- */

/* 2^log seconds in ns, from the floor to INT64_MAX: never. */
int64_t interval_ns(int log_interval);
/* factor (>= 0) times that, saturating. */
int64_t interval_times(int log_interval, double factor);
/* log clamped to what is taken over from others. */
int8_t interval_clamp(int log_interval);

static inline bool identity_equal(const struct gnomon_port_identity *a,
				  const struct gnomon_port_identity *b)
{
	return gnomon_port_identity_cmp(a, b) == 0;
}

/* a comes after b, in 16-bit serial arithmetic. */
static inline bool sequence_after(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) > 0;
}

static inline void count(uint64_t *counter)
{
	(*counter)++;
}

/* controlField of IEEE 1588-2002 (table 42), for receivers that still look at it. */
uint8_t control_field(enum gnomon_msg_type type);

/* Count a drop; the value to return. */
int port_drop(struct port *p, enum gnomon_drop reason);

/* Report requests without an answer, ever more rarely; requests: so many in a row. */
void report_unanswered(struct port *p, unsigned int requests);

/* -- action.c -------------------------------------------------------------------------------- */

/* A zeroed queue entry to fill in, NULL (counted) if the queue is full. */
struct queued *action_push(struct gnomon_engine *e, uint16_t port, enum gnomon_action_type type);
/* An entry for a message of that type, its header filled in for multicast. */
struct queued *action_send(struct port *p, enum gnomon_msg_type type, uint16_t sequence_id);
/* Address an entry: where to, and the unicast flag that goes with it. */
void action_address(struct queued *q, enum gnomon_destination to, const struct gnomon_address *a);
void action_event(struct gnomon_engine *e, uint16_t port, enum gnomon_engine_event what,
		  const struct gnomon_port_identity *identity, int64_t value);
void action_datasets(struct gnomon_engine *e, uint16_t port, unsigned int datasets);

/* Await the transmit timestamp of an entry: gives it its tx_id. */
struct tx_slot *tx_slot_take(struct port *p, struct queued *q);
/* The slot of an id, NULL if it is gone. */
struct tx_slot *tx_slot_find(struct port *p, uint32_t id);

/* -- port.c ---------------------------------------------------------------------------------- */

void port_init(struct port *p, struct gnomon_engine *e, const struct gnomon_port_config *config,
	       uint16_t number);
/* Feed an event to the state machine and do what the transition asks for. */
void port_event(struct port *p, enum gnomon_fsm_event event, gnomon_mono now);
/* As port_event, for a recommended state that was already decided: sets the state itself. */
void port_set_state(struct port *p, enum gnomon_port_state state, enum gnomon_fsm_event cause,
		    gnomon_mono now);
/* The port begins anew, as whatever its configuration now makes it. */
void port_restart(struct port *p, gnomon_mono now);
/* An interval changed: run its timer afresh, if it is running. */
void port_timer_renew(struct port *p, enum port_timer timer, gnomon_mono now);
/* externalPortConfiguration: the desired state changed. */
void port_apply_desired_state(struct port *p, gnomon_mono now);
void port_timer_set(struct port *p, enum port_timer timer, gnomon_mono at);
/* Stop what does not belong to the state, start what does and is not running. */
void port_timers_follow_state(struct port *p, gnomon_mono now);
/* (Re)start a timer with the interval that belongs to it. */
void port_timer_start(struct port *p, enum port_timer timer, gnomon_mono now);
/* Forget everything learned from the timeTransmitter. */
void port_forget_parent(struct port *p);

/** The delay mechanism is another one. */
void port_delay_changed(struct port *p, gnomon_mono now);
/* Timestamps in flight are from before a step of the clock. */
void port_clock_stepped(struct port *p);
static inline bool port_is_receiver(const struct port *p)
{
	return p->state == GNOMON_PORT_UNCALIBRATED || p->state == GNOMON_PORT_TIME_RECEIVER;
}

/* A receive or transmit timestamp moved to the reference plane (7.3.4.2). */
static inline gnomon_time port_ingress(const struct port *p, gnomon_time t)
{
	return gnomon_time_sub_span(t, p->config.ingress_latency);
}

static inline gnomon_time port_egress(const struct port *p, gnomon_time t)
{
	return gnomon_time_add(t, p->config.egress_latency);
}

/* -- timeout.c ------------------------------------------------------------------------------- */

/* A timer that was due at an instant fired. */
void timeout_handle(struct port *p, enum port_timer timer, gnomon_mono due, gnomon_mono now);

/* -- deliver.c ------------------------------------------------------------------------------- */

/* The next action, a message encoded: gnomon_engine_next. */
int deliver_next(struct gnomon_engine *e, struct gnomon_action *action);

/* -- receive.c ------------------------------------------------------------------------------- */

int port_receive(struct port *p, const struct gnomon_rx *rx, gnomon_mono now);
/* A message of a LOCAL channel. */
int local_receive(struct gnomon_engine *e, const struct gnomon_rx *rx, gnomon_mono now);

/* -- announce.c ------------------------------------------------------------------------------ */

int announce_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		     gnomon_mono now);
void announce_send(struct port *p);
/* Fill in body and TLVs at the time of encoding, from the data sets. TLVs go to tlv_buffer. */
void announce_fill(struct gnomon_engine *e, const struct port *p, struct gnomon_msg *m);

/* -- sync.c ---------------------------------------------------------------------------------- */

int sync_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		 gnomon_mono now);
int follow_up_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		      gnomon_mono now);
void sync_send(struct port *p);
void sync_sent(struct port *p, const struct tx_slot *slot, gnomon_time t1);

/* -- delay_e2e.c ----------------------------------------------------------------------------- */

int delay_req_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		      gnomon_mono now);
int delay_resp_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		       gnomon_mono now);
void delay_req_send(struct port *p, gnomon_mono now);
void delay_req_sent(struct port *p, const struct tx_slot *slot, gnomon_time t3);

/* -- delay_p2p.c ----------------------------------------------------------------------------- */

int pdelay_req_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		       gnomon_mono now);
int pdelay_resp_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
			gnomon_mono now);
int pdelay_resp_follow_up_receive(struct port *p, const struct gnomon_msg *m,
				  const struct gnomon_rx *rx, gnomon_mono now);
void pdelay_req_send(struct port *p);
void pdelay_req_sent(struct port *p, const struct tx_slot *slot, gnomon_time t1);
void pdelay_resp_sent(struct port *p, const struct tx_slot *slot, gnomon_time t3);

/* -- tsproc.c -------------------------------------------------------------------------------- */

void tsproc_init(struct tsproc *ts, enum gnomon_tsproc_mode mode,
		 const struct gnomon_filter_ops *filter, void *filter_state, unsigned int length);
/* Forget timestamps; all: the delay as well. */
void tsproc_reset(struct tsproc *ts, bool all);
/* A delay to start from, before one is measured. */
void tsproc_set_delay(struct tsproc *ts, gnomon_span delay);
void tsproc_sync(struct tsproc *ts, gnomon_time t1, gnomon_time t2);
/* A delay from the last Sync and this exchange; -EAGAIN without a Sync. */
int tsproc_delay(struct tsproc *ts, gnomon_time t3, gnomon_time t4);
/* A delay measured by itself: the peer delay mechanism. */
void tsproc_raw_delay(struct tsproc *ts, gnomon_span raw);
/* offsetFromMaster, the delay used and the weight; -EAGAIN if something is missing. */
int tsproc_offset(const struct tsproc *ts, gnomon_span *offset, gnomon_span *delay,
		  double *weight);

/* -- decision.c ------------------------------------------------------------------------------ */

/* Something a decision depends on changed: decide now, or soon if one was just made. */
void decision_request(struct gnomon_engine *e, gnomon_mono now);
/* STATE_DECISION_EVENT on all ports, and the next regular one. */
void decision_run(struct gnomon_engine *e, gnomon_mono now);
/* Start the regular decisions. */
void decision_start(struct gnomon_engine *e, gnomon_mono now);
/* Nobody is heard: tell of a timeReceiver-only clock, which nothing else shows, that it is so. */
void decision_report_alone(struct gnomon_engine *e);
/* The data sets of a clock that is its own reference (table 30: M1, M2). */
void decision_take_grandmaster(struct gnomon_engine *e);
/* Data sets from the port in the receiver role (table 33: S1). */
void decision_take_parent(struct gnomon_engine *e, const struct foreign_record *r);
/* The port in a receiver state other than p, NULL if none. */
struct port *engine_receiver(struct gnomon_engine *e, const struct port *p);

#endif
