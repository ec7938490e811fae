/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Actions on their way out of the queue. A message is encoded when it is taken, so that an
 * Announce says what the data sets hold at that moment and the queue stays small.
 */
#include <string.h>

#include "instance.h"

/* The octets of a message: its length, or -errno. Passed on ones lie there as they came. */
static int make(struct gnomon_engine *e, struct queued *q, const uint8_t **data)
{
	struct gnomon_msg *m = &q->u.send.msg;

	*data = e->tx_buffer;
	if (m->header.type == GNOMON_MSG_ANNOUNCE) {
		announce_fill(e, &e->ports[q->port - 1], m);
	}
	if (m->header.type == GNOMON_MSG_MANAGEMENT) {
		if (q->u.send.answer.forward) {
			e->management.forward_pending--;
			*data = e->management.forward;
			return (int)e->management.forward_len;
		}
		management_fill(e, q);
	}
	return gnomon_msg_encode(m, e->tx_buffer, sizeof(e->tx_buffer));
}

static bool encode(struct gnomon_engine *e, struct queued *q, struct gnomon_action *action)
{
	struct gnomon_port_counters *counters =
		q->port ? &e->ports[q->port - 1].counters : &e->local_counters;
	struct gnomon_msg *m = &q->u.send.msg;
	struct gnomon_send *send = &action->u.send;
	const uint8_t *data;
	int len = make(e, q, &data);

	if (len < 0) {
		return false;
	}
	memset(send, 0, sizeof(*send));
	send->type = m->header.type;
	send->channel = gnomon_msg_is_event(send->type) ? GNOMON_CHANNEL_EVENT
							: GNOMON_CHANNEL_GENERAL;
	send->destination = q->u.send.destination;
	send->address = q->u.send.address;
	send->tx_id = q->u.send.tx_id;
	send->one_step = q->u.send.one_step;
	send->one_step_ingress = q->u.send.one_step_ingress;
	send->data = data;
	send->len = (size_t)len;
	count(&counters->tx[m->header.type & 0xf]);
	return true;
}

/* With nothing else left to do, subscribers are told. */
static int deliver_notification(struct gnomon_engine *e, struct gnomon_action *action)
{
	struct queued q;

	while (management_notify_next(e, &q)) {
		action->type = q.type;
		action->port = q.port;
		if (encode(e, &q, action)) {
			return 1;
		}
	}
	return 0;
}

int deliver_next(struct gnomon_engine *e, struct gnomon_action *action)
{
	while (e->queue_len) {
		struct queued *q = &e->queue[e->queue_head];

		e->queue_head = (e->queue_head + 1) % e->queue_cap;
		e->queue_len--;
		action->type = q->type;
		action->port = q->port;
		switch (q->type) {
		case GNOMON_ACTION_SEND:
			if (!encode(e, q, action)) {
				continue;
			}
			return 1;
		case GNOMON_ACTION_SAMPLE:
			e->management.ingress = q->u.sample.local;
			e->management.notify |= NOTIFY_TIME_SYNC;
			action->u.sample = q->u.sample;
			return 1;
		case GNOMON_ACTION_STATE:
			action->u.state = q->u.state;
			return 1;
		case GNOMON_ACTION_DATASET:
			action->u.datasets = q->u.datasets;
			return 1;
		case GNOMON_ACTION_EVENT:
			action->u.event = q->u.event;
			return 1;
		case GNOMON_ACTION_SET_CLOCK:
			action->u.time = q->u.time;
			return 1;
		}
	}
	return deliver_notification(e, action);
}
