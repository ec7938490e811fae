/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The control socket: who is connected, what they said and what they have yet to be told. Lines
 * come in and go out here; what they mean is the business of who answers.
 *
 * Nobody here is waited for. What a client sends is read a little at a time, requests are answered
 * for no longer than CONTROL_BUDGET_NS in a round of the loop, a client that does not read is not
 * read from, and is dropped when nothing has moved for CONTROL_STUCK_NS, or when events it asked
 * for fill its buffer.
 */
#ifndef GNOMOND_CONTROL_H
#define GNOMOND_CONTROL_H

#include <poll.h>

#include <gnomon/time.h>

#include "drivers/uds_stream.h"
#include "tools/config/config.h"

#include "control_request.h"

#define CONTROL_CLIENTS 16
#define CONTROL_FDS (1 + CONTROL_CLIENTS)

#define CONTROL_BUDGET_NS 300000
#define CONTROL_STUCK_NS (10 * (int64_t)GNOMON_NSEC_PER_SEC)
/** A client that said nothing for so long, and hears no events, makes room for another one. */
#define CONTROL_IDLE_NS (30 * (int64_t)GNOMON_NSEC_PER_SEC)
/** Octets that may wait for a client, and from which on its requests wait as well. */
#define CONTROL_OUT_MAX (256u * 1024)
#define CONTROL_OUT_HIGH (16u * 1024)

/** What clients may be told of unasked, as bits. */
enum control_topic {
	CONTROL_TOPIC_GUEST = 1u << 0,
};

struct control_client {
	struct uds_stream stream; /* .fd -1: free */
	struct uds_peer peer;
	bool may_change;          /* else it may only ask */
	bool leaving;             /* nothing more is read; goes when all is answered and sent */
	unsigned int topics;      /* enum control_topic */
	gnomon_mono heard;        /* when it last sent something */
	gnomon_mono moved;        /* when something could last be sent, or nothing was to be */
};

/** Answers a request: the result, or NULL with *error. */
typedef json_t *control_answer_fn(void *context, struct control_client *client,
				  const struct control_request *request,
				  struct control_error *error);

struct control {
	struct uds uds; /* .fd -1: closed */
	gid_t group;    /* whose members may change things; UDS_GROUP_OWN: none */
	struct control_client clients[CONTROL_CLIENTS];
	size_t next;             /* whose turn it is */
	gnomon_mono deaf;        /* nobody is let in before: there were no descriptors */
	uint64_t dropped;        /* clients that did not read */
	struct driver_error missing; /* why it is done without; "": it is not */
	control_answer_fn *answer;
	void *context;
};

/** Nothing open; answer is asked for all results. */
void control_init(struct control *c, control_answer_fn *answer, void *context);

/**
 * Listen where the configuration says. The default place that cannot be had, or has another
 * daemon, is done without, as c->missing then says; at a place that was configured that is an
 * error: -errno with one line in *error.
 */
int control_open(struct control *c, const struct conf *conf, struct driver_error *error);

/** Drop all clients, close, remove the file. Works on one that was only zeroed, too. */
void control_close(struct control *c);

/** Fill fds[CONTROL_FDS]. */
void control_poll_fds(const struct control *c, gnomon_mono now, struct pollfd fds[CONTROL_FDS]);

/** What poll() reported of them. */
void control_ready(struct control *c, const struct pollfd fds[CONTROL_FDS], gnomon_mono now);

/** Answer what waits, for a while; drop who is stuck. Returns when it wants to be called again. */
gnomon_mono control_expire(struct control *c, gnomon_mono now);

/** Whether anybody wants to hear of a topic: else an event need not be made. */
bool control_is_heard(const struct control *c, enum control_topic topic);

/** Tell everybody who asked for the topic; event is taken over. */
void control_tell(struct control *c, enum control_topic topic, json_t *event, gnomon_mono now);

#endif
