/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The delay request-response mechanism (11.3): a timeReceiver asks, a timeTransmitter answers.
 * Transmit timestamp and Delay_Resp arrive in either order; several requests may be in flight.
 */
#include <string.h>

#include "instance.h"

/* -- timeReceiver ---------------------------------------------------------------------------- */

void delay_req_send(struct port *p, gnomon_mono now)
{
	uint8_t limit = p->config.delay_response_timeout;
	uint16_t sequence_id = p->delay_req_sequence++;
	struct delay_exchange *x = &p->delay[sequence_id % DELAY_RING];
	struct queued *q;

	if (limit && p->delay_unanswered >= limit) {
		count(&p->counters.delay_timeout);
		action_event(p->engine, p->identity.port, GNOMON_EVENT_DELAY_TIMEOUT, NULL,
			     p->delay_unanswered);
		p->delay_unanswered = 0;
		port_event(p, FSM_SYNC_FAULT, now);
	}
	report_unanswered(p, p->delay_unanswered);
	q = action_send(p, GNOMON_MSG_DELAY_REQ, sequence_id);
	if (!q) {
		return;
	}
	p->delay_unanswered++;
	memset(x, 0, sizeof(*x));
	x->used = true;
	x->sequence_id = sequence_id;
	/* 11.6.6, 7.4.2: the asymmetry of the way out. */
	q->u.send.msg.header.correction =
		gnomon_span_to_interval(gnomon_span_neg(p->config.delay_asymmetry));
	tx_slot_take(p, q);
}

static struct delay_exchange *exchange_of(struct port *p, uint16_t sequence_id)
{
	struct delay_exchange *x = &p->delay[sequence_id % DELAY_RING];

	return x->used && x->sequence_id == sequence_id ? x : NULL;
}

static void complete(struct port *p, struct delay_exchange *x)
{
	if (!x->have_t3 || !x->have_t4) {
		return;
	}
	x->used = false;
	p->delay_unanswered = 0;
	if (tsproc_delay(&p->tsproc, x->t3, x->t4) == 0) {
		p->engine->current_ds.mean_delay = p->tsproc.delay;
	}
}

void delay_req_sent(struct port *p, const struct tx_slot *slot, gnomon_time t3)
{
	struct delay_exchange *x = exchange_of(p, slot->sequence_id);

	if (x) {
		x->have_t3 = true;
		x->t3 = t3;
		complete(p, x);
	}
}

/* The timeTransmitter says how often it may be asked (9.5.11.2, 9.5.12). */
static void learn_interval(struct port *p, int8_t log_interval, gnomon_mono now)
{
	if (log_interval == GNOMON_LOG_INTERVAL_NONE || log_interval == p->log_delay_req_interval ||
	    interval_clamp(log_interval) != log_interval) {
		return;
	}
	p->log_delay_req_interval = log_interval;
	action_event(p->engine, p->identity.port, GNOMON_EVENT_DELAY_INTERVAL, NULL, log_interval);
	port_timer_start(p, TIMER_DELAY_REQ, now);
}

int delay_resp_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		       gnomon_mono now)
{
	struct delay_exchange *x;

	(void)rx;
	if (!identity_equal(&m->requesting, &p->identity)) {
		return port_drop(p, GNOMON_DROP_NOT_MINE);
	}
	if (!identity_equal(&m->header.source, &p->engine->parent_ds.parent_port_identity)) {
		return port_drop(p, GNOMON_DROP_NOT_PARENT);
	}
	if (m->header.flags & GNOMON_FLAG_ALTERNATE_MASTER) {
		return port_drop(p, GNOMON_DROP_ALTERNATE_MASTER);
	}
	x = exchange_of(p, m->header.sequence_id);
	if (!x) {
		return port_drop(p, GNOMON_DROP_UNMATCHED);
	}
	if (x->have_t4) {
		return port_drop(p, GNOMON_DROP_STALE);
	}
	x->have_t4 = true;
	x->t4 = gnomon_time_sub_span(gnomon_timestamp_to_time(m->timestamp),
				     gnomon_span_from_interval(m->header.correction));
	learn_interval(p, m->header.log_interval, now);
	complete(p, x);
	return 0;
}

/* -- timeTransmitter ------------------------------------------------------------------------- */

int delay_req_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		      gnomon_mono now)
{
	struct queued *q = action_send(p, GNOMON_MSG_DELAY_RESP, m->header.sequence_id);
	gnomon_span correction;
	int64_t fraction;

	(void)now;
	if (!q) {
		return 0;
	}
	q->u.send.msg.requesting = m->header.source;
	q->u.send.msg.header.log_interval = p->config.log_min_delay_req_interval;
	fraction = gnomon_timestamp_from_time(&q->u.send.msg.timestamp,
					      port_ingress(p, *rx->timestamp));
	/* CF-7: correctionField of the request, less what receiveTimestamp cannot hold. */
	correction = gnomon_span_sub(gnomon_span_from_interval(m->header.correction),
				     gnomon_span_from_interval(fraction));
	q->u.send.msg.header.correction = gnomon_span_to_interval(correction);
	if ((m->header.flags & GNOMON_FLAG_UNICAST) && rx->source.length) {
		action_address(q, GNOMON_TO_ADDRESS, &rx->source);
	}
	return 0;
}
