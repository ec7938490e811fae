/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Announce in (9.3.2.5: which are qualified to be remembered) and out (9.5.3), with the TLVs a
 * Boundary Clock passes on (14.2) and PATH_TRACE (16.2).
 */
#include <string.h>

#include "instance.h"

/* Why an Announce is not remembered; GNOMON_DROP_COUNT: it is. */
static enum gnomon_drop refuse(struct port *p, const struct gnomon_msg *m)
{
	const struct gnomon_engine_config *c = &p->engine->config;
	const struct gnomon_announce *a = &m->body.announce;
	struct gnomon_tlv tlv;

	if (m->header.flags & GNOMON_FLAG_ALTERNATE_MASTER) {
		return GNOMON_DROP_ALTERNATE_MASTER;
	}
	if (p->config.time_transmitter_only) {
		return GNOMON_DROP_TIME_TRANSMITTER_ONLY;
	}
	if (a->steps_removed >= 255 || a->steps_removed >= c->max_steps_removed) {
		return GNOMON_DROP_STEPS_REMOVED;
	}
	if (a->grandmaster_quality.clock_class > c->clock_class_threshold) {
		return GNOMON_DROP_CLOCK_CLASS;
	}
	if (p->config.path_trace_enabled &&
	    gnomon_tlv_find(m->tlvs, m->tlvs_len, GNOMON_TLV_PATH_TRACE, &tlv) &&
	    gnomon_path_trace_contains(&tlv, &c->clock_identity)) {
		action_event(p->engine, p->identity.port, GNOMON_EVENT_LOOP, &m->header.source, 0);
		return GNOMON_DROP_PATH_TRACE;
	}
	return GNOMON_DROP_COUNT;
}

/* 17.6: with external port configuration the timeReceiver port's parent is whoever announces
 * itself there; it is replaced only when it has fallen silent. */
static void follow_externally(struct port *p, const struct gnomon_port_identity *sender,
			      gnomon_mono now)
{
	struct gnomon_engine *e = p->engine;
	const struct gnomon_port_identity *parent = &e->parent_ds.parent_port_identity;
	int64_t interval = interval_ns(p->config.log_announce_interval);
	const struct foreign_record *r;

	if (!port_is_receiver(p)) {
		return;
	}
	foreign_expire(&p->foreign, interval, now);
	r = foreign_best(&p->foreign, parent, &p->identity, interval, now);
	if (!r || !identity_equal(&r->sender, parent)) {
		r = foreign_best(&p->foreign, sender, &p->identity, interval, now);
	}
	if (!r) {
		return;
	}
	if (!identity_equal(&r->sender, parent)) {
		struct gnomon_port_identity gm = { .clock = r->announce.grandmaster_identity };

		port_forget_parent(p);
		port_set_state(p, GNOMON_PORT_UNCALIBRATED, FSM_RS_SLAVE_NEW, now);
		action_event(e, 0, GNOMON_EVENT_BEST_SELECTED, &gm, 0);
	}
	decision_take_parent(e, r);
}

/* The announce receipt timeout runs against the parent, or the best heard on a passive port. */
static bool keeps_alive(const struct port *p, const struct gnomon_port_identity *sender)
{
	if (port_is_receiver(p)) {
		return identity_equal(sender, &p->engine->parent_ds.parent_port_identity);
	}
	/* Of a timeReceiver-only clock with several ports, one listens while another receives. */
	return (p->state == GNOMON_PORT_PASSIVE || p->state == GNOMON_PORT_LISTENING) &&
	       p->best_known && identity_equal(sender, &p->best_sender);
}

int announce_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		     gnomon_mono now)
{
	struct gnomon_engine *e = p->engine;
	const struct gnomon_port_identity *parent =
		port_is_receiver(p) ? &e->parent_ds.parent_port_identity : NULL;
	enum gnomon_drop drop = refuse(p, m);
	enum foreign_result result;

	if (drop != GNOMON_DROP_COUNT) {
		return port_drop(p, drop);
	}
	result = foreign_add(&p->foreign, m, &rx->source, parent,
			     interval_ns(p->config.log_announce_interval), now);
	switch (result) {
	case FOREIGN_STALE:
		return port_drop(p, GNOMON_DROP_STALE);
	case FOREIGN_REFUSED:
		return port_drop(p, GNOMON_DROP_FOREIGN_FULL);
	case FOREIGN_EVICTED:
		count(&p->counters.foreign_evicted);
		action_event(e, p->identity.port, GNOMON_EVENT_FOREIGN_NEW, &m->header.source, 0);
		break;
	case FOREIGN_NEW:
		action_event(e, p->identity.port, GNOMON_EVENT_FOREIGN_NEW, &m->header.source, 0);
		break;
	case FOREIGN_KNOWN:
		break;
	}
	if (keeps_alive(p, &m->header.source)) {
		port_timer_start(p, TIMER_ANNOUNCE_RX, now);
	}
	if (e->config.external_port_configuration) {
		follow_externally(p, &m->header.source, now);
	} else {
		decision_request(e, now);
	}
	return 0;
}

/* -- transmit -------------------------------------------------------------------------------- */

void announce_send(struct port *p)
{
	struct queued *q = action_send(p, GNOMON_MSG_ANNOUNCE, p->announce_sequence++);

	if (q) {
		q->u.send.msg.header.log_interval = p->config.log_announce_interval;
	}
}

/* The parent tells of an alternate timescale that this clock has its own values for. */
static bool told_here(const struct gnomon_engine *e, const struct gnomon_tlv *tlv)
{
	return tlv->type == GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR && tlv->length > 0 &&
	       tlv->value[0] < ALTERNATES && e->management.alternates[tlv->value[0]].enabled;
}

/* 14.2: pass on what the parent's Announce carried; 16.2.3: add this clock to the path; 16.3: and
 * the alternate timescales it was told of. */
static void announce_tlvs(struct gnomon_engine *e, const struct port *p, struct gnomon_msg *m)
{
	const struct gnomon_clock_identity *own = &e->config.clock_identity;
	struct gnomon_tlv_builder b;
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;
	int len;

	gnomon_tlv_builder_init(&b, e->tlv_buffer, ANNOUNCE_TLVS_MAX);
	if (p->config.path_trace_enabled) {
		bool traced = gnomon_tlv_find(e->tlvs, e->tlvs_len, GNOMON_TLV_PATH_TRACE, &tlv);

		gnomon_path_trace_append(&b, traced ? &tlv : NULL, own);
	}
	gnomon_tlv_iter_init(&it, e->tlvs, e->tlvs_len);
	while (gnomon_tlv_next(&it, &tlv)) {
		bool traced_anew =
			tlv.type == GNOMON_TLV_PATH_TRACE && p->config.path_trace_enabled;

		if (!traced_anew && !told_here(e, &tlv)) {
			gnomon_tlv_append_copy(&b, &tlv);
		}
	}
	for (unsigned int i = 0; i < ALTERNATES; i++) {
		if (e->management.alternates[i].enabled) {
			gnomon_alternate_time_offset_append(&b,
							    &e->management.alternates[i].offset);
		}
	}
	len = gnomon_tlv_builder_finish(&b);
	if (len > 0) {
		m->tlvs = e->tlv_buffer;
		m->tlvs_len = (size_t)len;
	}
}

/* A clock that follows no parent has no path but its own. */
static void announce_own(struct gnomon_engine *e, const struct port *p, struct gnomon_msg *m)
{
	const struct gnomon_default_ds *own = &e->default_ds;
	struct gnomon_announce *a = &m->body.announce;
	const size_t parents = e->tlvs_len;

	m->header.flags |= e->local_time_properties.flags;
	if (e->management.uncertain == UNCERTAIN_TRUE) {
		m->header.flags |= GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN;
	}
	a->current_utc_offset = e->local_time_properties.current_utc_offset;
	a->time_source = e->local_time_properties.time_source;
	a->grandmaster_priority1 = own->priority1;
	a->grandmaster_priority2 = own->priority2;
	a->grandmaster_quality = own->clock_quality;
	a->grandmaster_identity = own->clock_identity;
	a->steps_removed = 0;
	e->tlvs_len = 0;
	announce_tlvs(e, p, m);
	e->tlvs_len = parents;
}

void announce_fill(struct gnomon_engine *e, const struct port *p, struct gnomon_msg *m)
{
	const struct gnomon_parent_ds *parent = &e->parent_ds;
	struct gnomon_announce *a = &m->body.announce;

	/* Without a parent the data sets are this clock's, or what management made of them. */
	if (e->apart && gnomon_clock_identity_cmp(&parent->parent_port_identity.clock,
						  &e->default_ds.clock_identity) != 0) {
		announce_own(e, p, m);
		return;
	}
	m->header.flags |= e->time_properties_ds.flags;
	/* 8.2.2.5: a Boundary Clock adds its own uncertainty to that of its parent. */
	if (parent->synchronization_uncertain || e->uncalibrated_ports > 0 ||
	    e->management.uncertain == UNCERTAIN_TRUE) {
		m->header.flags |= GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN;
	}
	a->current_utc_offset = e->time_properties_ds.current_utc_offset;
	a->time_source = e->time_properties_ds.time_source;
	a->grandmaster_priority1 = parent->grandmaster_priority1;
	a->grandmaster_priority2 = parent->grandmaster_priority2;
	a->grandmaster_quality = parent->grandmaster_clock_quality;
	a->grandmaster_identity = parent->grandmaster_identity;
	a->steps_removed = e->current_ds.steps_removed;
	announce_tlvs(e, p, m);
}
