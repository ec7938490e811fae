/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer-to-peer delay mechanism (11.4): every port asks its neighbour and answers it.
 *
 * More than one answer to a request means that something between here and the neighbour does not
 * speak P2P, or that somebody is lying. Neither may take the port down: the neighbour already
 * known keeps being believed, everybody else is counted and ignored, and only a neighbour that
 * stops answering is replaced.
 */
#include <string.h>

#include "instance.h"

/* A neighbour's rate this far from ours is not a rate but a step or a lie. */
#define RATE_LIMIT 1e-3

/* -- initiator ------------------------------------------------------------------------------- */

static void link_delay_lost(struct port *p)
{
	p->neighbor.known = false;
	p->neighbor.rate_anchor = false;
	p->neighbor.rate_ratio = 1.0;
	if (p->tsproc.delay_valid) {
		tsproc_reset(&p->tsproc, true);
		action_event(p->engine, p->identity.port, GNOMON_EVENT_PEER_DELAY_VALID,
			     &p->neighbor.identity, 0);
		action_datasets(p->engine, p->identity.port, GNOMON_DATASET_PORT);
	}
}

/* One more request without an answer that can be used. */
static void answer_missed(struct port *p)
{
	p->neighbor.lost++;
	report_unanswered(p, p->neighbor.lost);
	if (p->neighbor.lost > p->config.allowed_lost_responses) {
		link_delay_lost(p);
	}
}

void pdelay_req_send(struct port *p)
{
	struct pdelay_exchange *x = &p->pdelay;
	struct queued *q;

	if (x->used && !x->done) {
		count(&p->counters.pdelay_lost_response);
		answer_missed(p);
	}
	q = action_send(p, GNOMON_MSG_PDELAY_REQ, p->pdelay_req_sequence++);
	if (!q) {
		return;
	}
	memset(x, 0, sizeof(*x));
	x->used = true;
	x->sequence_id = q->u.send.msg.header.sequence_id;
	q->u.send.msg.header.correction =
		gnomon_span_to_interval(gnomon_span_neg(p->config.delay_asymmetry));
	action_address(q, GNOMON_TO_PEER, NULL);
	tx_slot_take(p, q);
}

/* Neighbour's frequency over ours, from its egress and our ingress of two exchanges. */
static void measure_rate(struct port *p, const struct pdelay_exchange *x)
{
	struct neighbor *n = &p->neighbor;
	gnomon_span there, here;
	double ratio;

	/* Responders that only report a turnaround time do not tell theirs (CF-6). */
	if (!x->two_step || (x->t3.sec == 0 && x->t3.nsec == 0)) {
		return;
	}
	if (n->rate_anchor) {
		there = gnomon_time_diff(x->t3, n->rate_t3);
		here = gnomon_time_diff(x->t4, n->rate_t4);
		if (here.ns >= 0 && here.ns < interval_ns(p->config.freq_est_interval)) {
			return;
		}
		ratio = here.ns > 0 ? gnomon_span_to_double(there) / gnomon_span_to_double(here)
				    : 0.0;
		n->rate_ratio = ratio > 1.0 - RATE_LIMIT && ratio < 1.0 + RATE_LIMIT ? ratio : 1.0;
	}
	n->rate_anchor = true;
	n->rate_t3 = x->t3;
	n->rate_t4 = x->t4;
}

/* 11.4.2: [(t4 - t1) - (t3 - t2) - corrections] / 2, the neighbour's part in our seconds. */
static gnomon_span link_delay(const struct port *p, const struct pdelay_exchange *x)
{
	gnomon_span round_trip = gnomon_time_diff(x->t4, x->t1);
	gnomon_span turnaround = x->correction;

	if (x->two_step) {
		turnaround = gnomon_span_add(turnaround, gnomon_time_diff(x->t3, x->t2));
	}
	if (p->neighbor.rate_ratio != 1.0) {
		double excess = (1.0 / p->neighbor.rate_ratio - 1.0) *
				gnomon_span_to_double(turnaround);

		turnaround = gnomon_span_add(turnaround, gnomon_span_from_double(excess));
	}
	return gnomon_span_half(gnomon_span_sub(round_trip, turnaround));
}

static void complete(struct port *p)
{
	struct pdelay_exchange *x = &p->pdelay;
	struct neighbor *n = &p->neighbor;
	bool first = !p->tsproc.delay_valid;
	gnomon_span delay;

	if (!x->have_t1 || !x->have_response || (x->two_step && !x->have_follow_up)) {
		return;
	}
	x->done = true;
	if (!n->known || !identity_equal(&n->identity, &x->responder)) {
		n->rate_anchor = false;
		n->rate_ratio = 1.0;
	}
	n->known = true;
	n->identity = x->responder;
	measure_rate(p, x);
	delay = link_delay(p, x);
	if (gnomon_span_cmp(delay, p->config.neighbor_prop_delay_min) < 0 ||
	    gnomon_span_cmp(delay, p->config.neighbor_prop_delay_max) > 0) {
		port_drop(p, GNOMON_DROP_LINK_DELAY);
		answer_missed(p);
		return;
	}
	n->lost = 0;
	tsproc_raw_delay(&p->tsproc, delay);
	if (first) {
		action_event(p->engine, p->identity.port, GNOMON_EVENT_PEER_DELAY_VALID,
			     &n->identity, 1);
		action_datasets(p->engine, p->identity.port, GNOMON_DATASET_PORT);
	}
}

void pdelay_req_sent(struct port *p, const struct tx_slot *slot, gnomon_time t1)
{
	struct pdelay_exchange *x = &p->pdelay;

	if (x->used && x->sequence_id == slot->sequence_id) {
		x->have_t1 = true;
		x->t1 = t1;
		complete(p);
	}
}

static void report_another(struct port *p, const struct gnomon_port_identity *responder)
{
	count(&p->counters.pdelay_multiple_responders);
	if (!p->pdelay.another) {
		p->pdelay.another = true;
		action_event(p->engine, p->identity.port, GNOMON_EVENT_MULTIPLE_RESPONDERS,
			     responder, 0);
	}
}

/* Checks common to both answers; on acceptance the exchange belongs to this responder. */
static enum gnomon_drop claim(struct port *p, const struct gnomon_msg *m)
{
	const struct gnomon_port_identity *source = &m->header.source;
	struct pdelay_exchange *x = &p->pdelay;
	bool is_neighbor = p->neighbor.known && identity_equal(source, &p->neighbor.identity);

	if (!identity_equal(&m->requesting, &p->identity)) {
		return GNOMON_DROP_NOT_MINE;
	}
	if (!x->used || x->sequence_id != m->header.sequence_id) {
		return GNOMON_DROP_UNMATCHED;
	}
	if (!x->have_response && !x->have_follow_up) {
		x->responder = *source;
		return GNOMON_DROP_COUNT;
	}
	if (identity_equal(source, &x->responder)) {
		return GNOMON_DROP_COUNT;
	}
	report_another(p, source);
	if (!is_neighbor || x->done) {
		return GNOMON_DROP_UNMATCHED;
	}
	/* The neighbour we know takes its exchange back from whoever was faster. */
	x->responder = *source;
	x->have_response = false;
	x->have_follow_up = false;
	x->correction = GNOMON_SPAN_ZERO;
	return GNOMON_DROP_COUNT;
}

int pdelay_resp_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
			gnomon_mono now)
{
	struct pdelay_exchange *x = &p->pdelay;
	enum gnomon_drop drop = claim(p, m);
	gnomon_span correction;

	(void)now;
	if (drop == GNOMON_DROP_COUNT && x->have_response) {
		drop = GNOMON_DROP_STALE;
	}
	if (drop != GNOMON_DROP_COUNT) {
		return port_drop(p, drop);
	}
	x->have_response = true;
	x->two_step = p->engine->config.assume_two_step ||
		      (m->header.flags & GNOMON_FLAG_TWO_STEP);
	x->t2 = gnomon_timestamp_to_time(m->timestamp);
	x->t4 = port_ingress(p, *rx->timestamp);
	correction = gnomon_span_add(gnomon_span_from_interval(m->header.correction),
				     p->config.delay_asymmetry);
	x->correction = gnomon_span_add(x->correction, correction);
	complete(p);
	return 0;
}

int pdelay_resp_follow_up_receive(struct port *p, const struct gnomon_msg *m,
				  const struct gnomon_rx *rx, gnomon_mono now)
{
	struct pdelay_exchange *x = &p->pdelay;
	enum gnomon_drop drop = claim(p, m);

	(void)now;
	(void)rx;
	if (drop == GNOMON_DROP_COUNT && (x->have_follow_up || x->done)) {
		drop = GNOMON_DROP_STALE;
	}
	if (drop != GNOMON_DROP_COUNT) {
		return port_drop(p, drop);
	}
	x->have_follow_up = true;
	x->t3 = gnomon_timestamp_to_time(m->timestamp);
	x->correction = gnomon_span_add(x->correction,
					gnomon_span_from_interval(m->header.correction));
	complete(p);
	return 0;
}

/* -- responder ------------------------------------------------------------------------------- */

static void answer_to(struct queued *q, const struct gnomon_msg *m, const struct gnomon_rx *rx)
{
	bool unicast = (m->header.flags & GNOMON_FLAG_UNICAST) && rx->source.length;

	action_address(q, unicast ? GNOMON_TO_ADDRESS : GNOMON_TO_PEER, &rx->source);
	q->u.send.msg.requesting = m->header.source;
}

/* The neighbour speaks P2P, and the port may choose. It stays with it: E2E would be answered by
 * nobody beyond such a neighbour. */
static void adopt(struct port *p, const struct gnomon_msg *m, gnomon_mono now)
{
	p->config.delay_mechanism = GNOMON_DELAY_P2P;
	port_delay_changed(p, now);
	action_event(p->engine, p->identity.port, GNOMON_EVENT_PEER_DETECTED, &m->header.source, 0);
	action_datasets(p->engine, p->identity.port, GNOMON_DATASET_PORT);
}

int pdelay_req_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		       gnomon_mono now)
{
	struct queued *q = action_send(p, GNOMON_MSG_PDELAY_RESP, m->header.sequence_id);
	gnomon_time t2 = port_ingress(p, *rx->timestamp);
	struct gnomon_header *h;
	struct tx_slot *slot;

	if (p->config.delay_mechanism != GNOMON_DELAY_P2P) {
		adopt(p, m, now);
	}
	if (!q) {
		return 0;
	}
	h = &q->u.send.msg.header;
	answer_to(q, m, rx);
	if (p->config.one_step_pdelay) {
		/* 11.4.2 (c)(7): the hardware adds its turnaround; both latencies belong to it. */
		gnomon_span c = gnomon_span_from_interval(m->header.correction);

		c = gnomon_span_add(c, p->config.egress_latency);
		c = gnomon_span_add(c, p->config.ingress_latency);
		h->correction = gnomon_span_to_interval(c);
		q->u.send.one_step = true;
		q->u.send.one_step_ingress = *rx->timestamp;
		return 0;
	}
	h->flags |= GNOMON_FLAG_TWO_STEP;
	h->correction = -gnomon_timestamp_from_time(&q->u.send.msg.timestamp, t2);
	slot = tx_slot_take(p, q);
	slot->requesting = m->header.source;
	slot->correction = m->header.correction;
	return 0;
}

void pdelay_resp_sent(struct port *p, const struct tx_slot *slot, gnomon_time t3)
{
	struct queued *q = action_send(p, GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, slot->sequence_id);
	gnomon_span correction;
	int64_t fraction;

	if (!q) {
		return;
	}
	action_address(q, slot->destination, &slot->address);
	q->u.send.msg.requesting = slot->requesting;
	fraction = gnomon_timestamp_from_time(&q->u.send.msg.timestamp, t3);
	correction = gnomon_span_add(gnomon_span_from_interval(slot->correction),
				     gnomon_span_from_interval(fraction));
	q->u.send.msg.header.correction = gnomon_span_to_interval(correction);
}
