/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine keeps for management (clause 15), and how its files work together:
 *
 *   management.c         which messages are for this clock, passed on, refused, answered
 *   management_get.c     dataFields of answers, made when an answer is taken out of the queue
 *   management_set.c     what SETs and COMMANDs do
 *   management_notify.c  subscriptions, and answers nobody asked for
 */
#ifndef PTP_MANAGEMENT_H
#define PTP_MANAGEMENT_H

#include <gnomon/engine.h>
#include <gnomon/management.h>

struct port;
struct queued;

/* SUBSCRIBE_EVENTS_NP: its bits, and what 0xffff seconds mean. */
#define NOTIFY_PORT_STATE 0x1u
#define NOTIFY_TIME_SYNC 0x2u
#define NOTIFY_PARENT_DATA_SET 0x4u
#define NOTIFY_ALL 0x7u /* NOTIFY_CMLDS is none of ours: there is no such service here */
#define SUBSCRIBED_FOR_GOOD 0xffff

/* Someone who is told of changes. */
#define SUBSCRIBERS 16
struct subscriber {
	unsigned int events; /* NOTIFY_*; 0: free */
	struct gnomon_port_identity identity;
	struct gnomon_address address;
	gnomon_mono expiry; /* NEVER: for good */
	uint16_t sequence_id;
};

/* Local clients whose requests were passed on to the network: where answers are brought. */
#define ASKERS 8
struct asker {
	bool used;
	struct gnomon_port_identity identity;
	struct gnomon_address address;
};

/* FAULT_LOG: the latest so many. */
#define FAULTS 8
struct fault {
	gnomon_time time; /* by the last receive timestamp before it; zero: there was none */
	uint16_t port;
	uint8_t what; /* enum gnomon_engine_event, or FAULT_PORT */
};
#define FAULT_PORT GNOMON_EVENT_COUNT

/* Alternate timescales (16.3). */
#define ALTERNATES 4
struct alternate {
	bool enabled;
	struct gnomon_alternate_time_offset offset; /* .key is its place */
};

/* SYNCHRONIZATION_UNCERTAIN_NP. */
enum uncertain {
	UNCERTAIN_FALSE = 0,
	UNCERTAIN_TRUE = 1,
	UNCERTAIN_DONTCARE = 255,
};

struct management {
	struct subscriber subscribers[SUBSCRIBERS];
	unsigned int notify;         /* NOTIFY_* of the PTP Instance that are due */
	unsigned int notify_event;   /* being told: its bit, to whom next, of which port */
	unsigned int notify_next;
	unsigned int notify_port;
	struct asker askers[ASKERS];
	unsigned int asker_next;
	struct fault faults[FAULTS];
	unsigned int fault_count;    /* ever; the ring holds the latest */
	unsigned int fault_base;     /* those before it were reset */
	struct alternate alternates[ALTERNATES];
	uint8_t uncertain;
	struct gnomon_clock_identity external_gm; /* zero: none */
	uint16_t external_steps;
	gnomon_time ingress;         /* of the last Sync used */
	gnomon_time heard;           /* last receive timestamp */
	gnomon_mono now;             /* of the last input */
	double rate_ratio;           /* of the last clock event */
	size_t forward_len;
	unsigned int forward_pending; /* entries of the queue that send what is in forward */
	uint8_t forward[GNOMON_MSG_MAX];
};

/* What a queued answer is made of when it is taken; the message's body is there already. */
struct management_answer {
	uint16_t id;
	uint16_t error;  /* enum gnomon_management_error */
	uint16_t port;   /* the answer is about; 0: the PTP Instance */
	uint8_t key;     /* ALTERNATE_TIME_OFFSET_*: which */
	bool forward;    /* not an answer: what lies in management.forward */
	struct gnomon_timestamp time; /* TIME */
	bool time_known;
	struct gnomon_port_identity requester;
};

/* A request that is carried out. */
struct management_request {
	struct gnomon_engine *e;
	struct port *from; /* NULL: a local socket */
	bool writable;     /* the local read-write socket */
	const struct gnomon_msg *m;
	const struct gnomon_rx *rx;
	const struct gnomon_management_row *row; /* NULL: unknown id */
	struct gnomon_management_tlv tlv;
	gnomon_mono now;
};

/* -- management.c ---------------------------------------------------------------------------- */

void management_init(struct gnomon_engine *e, gnomon_mono now);
int management_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		       gnomon_mono now);
int management_receive_local(struct gnomon_engine *e, const struct gnomon_msg *m,
			     const struct gnomon_rx *rx, gnomon_mono now);
/* The TLV of an answer into tlv_buffer, from what is known now. */
void management_fill(struct gnomon_engine *e, struct queued *q);
/* An entry for a message of management from port (0: the clock) that leaves by out; NULL: by a
 * local socket. */
struct queued *management_send(struct gnomon_engine *e, struct port *out, uint16_t port);
/* Remember a fault, if what happened is one. */
void management_note_fault(struct gnomon_engine *e, uint16_t port, unsigned int what);

/* -- management_get.c ------------------------------------------------------------------------ */

/* Whether there is an answer to a GET of the id. */
bool management_may_get(uint16_t id);
/* Write the dataField of an answer; WRONG_VALUE for a key there is not. */
enum gnomon_management_error management_get(struct gnomon_engine *e,
					    const struct management_answer *answer,
					    struct gnomon_management_writer *w);
/* The text of a fault, for FAULT_LOG. */
const char *management_fault_name(unsigned int what);

/* -- management_set.c ------------------------------------------------------------------------ */

/* Check a SET or COMMAND, and carry it out on the port (NULL: the PTP Instance). */
enum gnomon_management_error management_set(const struct management_request *r, struct port *p,
					    struct management_answer *answer);
enum gnomon_management_error management_command(const struct management_request *r,
						struct port *p);

/* -- management_notify.c --------------------------------------------------------------------- */

/* Subscribe, renew or end; GENERAL_ERROR: no room. */
enum gnomon_management_error subscriber_set(struct gnomon_engine *e,
					    const struct gnomon_port_identity *identity,
					    const struct gnomon_address *address,
					    unsigned int events, uint16_t duration);
/* NULL: there is no such subscription, or it is over. */
const struct subscriber *subscriber_find(struct gnomon_engine *e,
					 const struct gnomon_port_identity *identity);
/* Seconds left, as SUBSCRIBE_EVENTS_NP has them. */
uint16_t subscriber_left(const struct gnomon_engine *e, const struct subscriber *s);
void subscriber_forget(struct gnomon_engine *e, const struct gnomon_address *address);
/* The next message that tells a subscriber of a change into *q; false: none is due. */
bool management_notify_next(struct gnomon_engine *e, struct queued *q);

#endif
