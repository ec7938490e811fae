/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of actions: a ring of host structs. deliver.c takes them out.
 */
#include <string.h>

#include "instance.h"

struct queued *action_push(struct gnomon_engine *e, uint16_t port, enum gnomon_action_type type)
{
	struct queued *q;

	if (e->queue_len == e->queue_cap) {
		count(port ? &e->ports[port - 1].counters.action_overflow
			   : &e->local_counters.action_overflow);
		return NULL;
	}
	q = &e->queue[(e->queue_head + e->queue_len) % e->queue_cap];
	e->queue_len++;
	memset(q, 0, sizeof(*q));
	q->type = type;
	q->port = port;
	return q;
}

uint8_t control_field(enum gnomon_msg_type type)
{
	static const uint8_t control[16] = {
		[GNOMON_MSG_SYNC] = 0,       [GNOMON_MSG_DELAY_REQ] = 1,
		[GNOMON_MSG_PDELAY_REQ] = 5, [GNOMON_MSG_PDELAY_RESP] = 5,
		[GNOMON_MSG_FOLLOW_UP] = 2,  [GNOMON_MSG_DELAY_RESP] = 3,
		[GNOMON_MSG_PDELAY_RESP_FOLLOW_UP] = 5, [GNOMON_MSG_ANNOUNCE] = 5,
		[GNOMON_MSG_SIGNALING] = 5,  [GNOMON_MSG_MANAGEMENT] = 4,
	};

	return control[type & 0xf];
}

struct queued *action_send(struct port *p, enum gnomon_msg_type type, uint16_t sequence_id)
{
	struct queued *q = action_push(p->engine, p->identity.port, GNOMON_ACTION_SEND);
	struct gnomon_header *h;

	if (!q) {
		return NULL;
	}
	h = &q->u.send.msg.header;
	h->type = type;
	h->sdo_id = p->engine->config.sdo_id;
	h->version = GNOMON_VERSION_PTP;
	h->minor_version = p->engine->config.minor_version;
	h->domain = p->engine->config.domain;
	h->source = p->identity;
	h->sequence_id = sequence_id;
	h->control = control_field(type);
	h->log_interval = GNOMON_LOG_INTERVAL_NONE;
	q->u.send.destination = GNOMON_TO_PRIMARY;
	return q;
}

void action_address(struct queued *q, enum gnomon_destination to, const struct gnomon_address *a)
{
	q->u.send.destination = to;
	if (to == GNOMON_TO_ADDRESS) {
		q->u.send.address = *a;
		q->u.send.msg.header.flags |= GNOMON_FLAG_UNICAST;
		q->u.send.msg.header.log_interval = GNOMON_LOG_INTERVAL_NONE;
	}
}

void action_event(struct gnomon_engine *e, uint16_t port, enum gnomon_engine_event what,
		  const struct gnomon_port_identity *identity, int64_t value)
{
	struct queued *q = action_push(e, port, GNOMON_ACTION_EVENT);

	management_note_fault(e, port, what);
	if (!q) {
		return;
	}
	q->u.event.what = what;
	q->u.event.value = value;
	if (identity) {
		q->u.event.identity = *identity;
	}
}

void action_datasets(struct gnomon_engine *e, uint16_t port, unsigned int datasets)
{
	struct queued *q;

	if (!datasets) {
		return;
	}
	if (datasets & GNOMON_DATASET_PARENT) {
		e->management.notify |= NOTIFY_PARENT_DATA_SET;
	}
	q = action_push(e, port, GNOMON_ACTION_DATASET);
	if (q) {
		q->u.datasets = datasets;
	}
}

/* -- transmit timestamps --------------------------------------------------------------------- */

/*
 * tx_id: generation << 19 | slot << 16 | port. A port has TX_RING messages in flight; the oldest
 * is given up when another is sent, so a lost timestamp needs no timer to cost just its message.
 */
struct tx_slot *tx_slot_take(struct port *p, struct queued *q)
{
	uint32_t n = p->tx_next++;
	struct tx_slot *slot = &p->tx[n % TX_RING];

	if (slot->id) {
		count(&p->counters.tx_timestamp_lost);
		action_event(p->engine, p->identity.port, GNOMON_EVENT_TX_TIMESTAMP_LOST, NULL,
			     slot->type);
	}
	memset(slot, 0, sizeof(*slot));
	slot->id = n << 16 | p->identity.port;
	slot->type = q->u.send.msg.header.type;
	slot->sequence_id = q->u.send.msg.header.sequence_id;
	slot->destination = q->u.send.destination;
	slot->address = q->u.send.address;
	slot->flags = q->u.send.msg.header.flags;
	q->u.send.tx_id = slot->id;
	return slot;
}

struct tx_slot *tx_slot_find(struct port *p, uint32_t id)
{
	struct tx_slot *slot = &p->tx[(id >> 16) % TX_RING];

	return id && slot->id == id ? slot : NULL;
}
