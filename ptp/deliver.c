/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Actions on their way out of the queue. A message is encoded when it is taken, so that an
 * Announce says what the data sets hold at that moment and the queue stays small.
 */
#include <string.h>

#include "instance.h"

static bool encode(struct gnomon_engine *e, struct queued *q, struct gnomon_action *action)
{
	struct port *p = &e->ports[q->port - 1];
	struct gnomon_msg *m = &q->u.send.msg;
	struct gnomon_send *send = &action->u.send;
	int len;

	if (m->header.type == GNOMON_MSG_ANNOUNCE) {
		announce_fill(e, p, m);
	}
	len = gnomon_msg_encode(m, e->tx_buffer, sizeof(e->tx_buffer));
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
	send->data = e->tx_buffer;
	send->len = (size_t)len;
	count(&p->counters.tx[m->header.type & 0xf]);
	return true;
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
		}
	}
	return 0;
}
