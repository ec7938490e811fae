/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * STATE_DECISION_EVENT (9.2.6.8, 9.3): choose the best clock over all ports, recommend a state to
 * each, and update the data sets (9.3.5).
 *
 * A decision is made with every Announce received or sent, which is once per announceInterval, and
 * when a timeout fires. A timer a little longer than that interval serves the ports where nobody
 * announces, so that it costs no wake-up where somebody does. Announces could come at any rate:
 * requests closer than DECISION_GAP_NS are gathered.
 */
#include <string.h>

#include "instance.h"

#define DECISION_GAP_NS 10000000

static uint32_t decision_timer(const struct gnomon_engine *e)
{
	return e->config.port_count * PORT_TIMER_COUNT;
}

static int64_t decision_interval(const struct gnomon_engine *e)
{
	int log = INT8_MAX;

	for (unsigned int i = 0; i < e->config.port_count; i++) {
		if (e->ports[i].config.log_announce_interval < log) {
			log = e->ports[i].config.log_announce_interval;
		}
	}
	return interval_times(log, 1.125);
}

void decision_start(struct gnomon_engine *e, gnomon_mono now)
{
	timers_set(&e->timers, decision_timer(e), gnomon_mono_add(now, decision_interval(e)));
}

void decision_request(struct gnomon_engine *e, gnomon_mono now)
{
	gnomon_mono earliest = gnomon_mono_add(e->decided_at, DECISION_GAP_NS);

	if (!e->decided || !gnomon_mono_before(now, earliest)) {
		decision_run(e, now);
		return;
	}
	timers_set(&e->timers, decision_timer(e),
		   gnomon_mono_min(earliest, e->timers.at[decision_timer(e)]));
}

struct port *engine_receiver(struct gnomon_engine *e, const struct port *p)
{
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		if (&e->ports[i] != p && port_is_receiver(&e->ports[i])) {
			return &e->ports[i];
		}
	}
	return NULL;
}

/* -- data sets ------------------------------------------------------------------------------- */

static void own_dataset(const struct gnomon_engine *e, struct bmca_dataset *d0)
{
	const struct gnomon_default_ds *ds = &e->default_ds;

	memset(d0, 0, sizeof(*d0));
	d0->priority1 = ds->priority1;
	d0->identity = ds->clock_identity;
	d0->quality = ds->clock_quality;
	d0->priority2 = ds->priority2;
	d0->sender.clock = ds->clock_identity;
	d0->receiver.clock = ds->clock_identity;
}

/* Put new data sets in force and say which of them changed. */
static void datasets_set(struct gnomon_engine *e, const struct gnomon_parent_ds *parent,
			 const struct gnomon_time_properties_ds *properties, uint16_t steps)
{
	unsigned int changed = 0;

	if (memcmp(&e->parent_ds, parent, sizeof(*parent))) {
		memcpy(&e->parent_ds, parent, sizeof(*parent));
		changed |= GNOMON_DATASET_PARENT;
	}
	if (memcmp(&e->time_properties_ds, properties, sizeof(*properties))) {
		memcpy(&e->time_properties_ds, properties, sizeof(*properties));
		changed |= GNOMON_DATASET_TIME_PROPERTIES;
	}
	if (e->current_ds.steps_removed != steps) {
		e->current_ds.steps_removed = steps;
		changed |= GNOMON_DATASET_CURRENT;
	}
	action_datasets(e, 0, changed);
}

/* parentDS members that nothing here measures keep their initial values (8.2.3). */
static void parent_begin(struct gnomon_parent_ds *parent)
{
	memset(parent, 0, sizeof(*parent));
	parent->observed_parent_offset_scaled_log_variance = 0xffff;
	parent->observed_parent_clock_phase_change_rate = 0x7fffffff;
}

void decision_take_grandmaster(struct gnomon_engine *e)
{
	static const struct gnomon_clock_identity none;
	const struct gnomon_default_ds *own = &e->default_ds;
	struct gnomon_parent_ds parent;

	parent_begin(&parent);
	parent.parent_port_identity.clock = own->clock_identity;
	parent.grandmaster_identity = own->clock_identity;
	if (gnomon_clock_identity_cmp(&e->management.external_gm, &none) != 0) {
		parent.grandmaster_identity = e->management.external_gm;
	}
	parent.grandmaster_clock_quality = own->clock_quality;
	parent.grandmaster_priority1 = own->priority1;
	parent.grandmaster_priority2 = own->priority2;
	e->current_ds.offset_from_master = GNOMON_SPAN_ZERO;
	e->current_ds.mean_delay = GNOMON_SPAN_ZERO;
	e->tlvs_len = 0;
	datasets_set(e, &parent, &e->local_time_properties, e->management.external_steps);
}

void decision_take_parent(struct gnomon_engine *e, const struct foreign_record *r)
{
	struct gnomon_time_properties_ds properties;
	struct gnomon_parent_ds parent;

	parent_begin(&parent);
	parent.parent_port_identity = r->sender;
	parent.grandmaster_identity = r->announce.grandmaster_identity;
	parent.grandmaster_clock_quality = r->announce.grandmaster_quality;
	parent.grandmaster_priority1 = r->announce.grandmaster_priority1;
	parent.grandmaster_priority2 = r->announce.grandmaster_priority2;
	parent.protocol_address = r->address;
	parent.synchronization_uncertain = r->flags & GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN;

	memset(&properties, 0, sizeof(properties));
	properties.current_utc_offset = r->announce.current_utc_offset;
	properties.time_source = r->announce.time_source;
	properties.flags = r->flags & (GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59 |
				       GNOMON_FLAG_UTC_OFFSET_VALID | GNOMON_FLAG_PTP_TIMESCALE |
				       GNOMON_FLAG_TIME_TRACEABLE |
				       GNOMON_FLAG_FREQUENCY_TRACEABLE);
	if (!(properties.flags & GNOMON_FLAG_PTP_TIMESCALE)) {
		/* 8.2.4.4, 8.2.4.5: leap seconds mean nothing on an arbitrary timescale. */
		properties.flags &= (uint16_t)~(GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59);
	}
	e->tlvs_len = r->tlvs_len;
	memcpy(e->tlvs, r->tlvs, r->tlvs_len);
	datasets_set(e, &parent, &properties, (uint16_t)(r->announce.steps_removed + 1));
}

/* -- decision -------------------------------------------------------------------------------- */

static bool takes_part(const struct port *p)
{
	return p->state != GNOMON_PORT_INITIALIZING && p->state != GNOMON_PORT_FAULTY &&
	       p->state != GNOMON_PORT_DISABLED;
}

/* Erbest of a port, remembered for its announce receipt timeout. */
static void port_best(struct gnomon_engine *e, struct port *p, gnomon_mono now)
{
	const struct gnomon_port_identity *parent =
		port_is_receiver(p) ? &e->parent_ds.parent_port_identity : NULL;
	int64_t interval = interval_ns(p->config.log_announce_interval);

	p->best = NULL;
	if (takes_part(p)) {
		foreign_expire_others(&p->foreign, parent, interval, now);
		p->best = foreign_best(&p->foreign, parent, &p->identity, interval, now);
	}
	p->best_known = p->best != NULL;
	if (p->best) {
		p->best_sender = p->best->sender;
	}
}

/* Ebest: the port that hears it, NULL if nobody hears anything. */
static struct port *clock_best(struct gnomon_engine *e, struct bmca_dataset *best)
{
	struct port *here = NULL;

	for (unsigned int i = 0; i < e->config.port_count; i++) {
		struct port *p = &e->ports[i];
		struct bmca_dataset ds;

		if (!p->best || p->config.time_transmitter_only) {
			continue;
		}
		foreign_dataset(&ds, p->best, &p->identity);
		if (!here || bmca_a_wins(bmca_compare(&ds, best))) {
			*best = ds;
			here = p;
		}
	}
	return here;
}

static enum bmca_decision port_decide(const struct port *p, const struct bmca_dataset *own,
				      const struct port *here, const struct bmca_dataset *best)
{
	struct bmca_dataset erbest;
	struct bmca_port_view view = {
		.state = p->state,
		.time_transmitter_only = p->config.time_transmitter_only,
		.clock_best = here ? best : NULL,
		.best_is_here = here == p,
		.own = own,
	};

	if (p->best) {
		foreign_dataset(&erbest, p->best, &p->identity);
		view.port_best = &erbest;
	}
	return bmca_decide(&view);
}

/* Report whom the clock follows now, once per change. */
static void report_best(struct gnomon_engine *e, bool local,
			const struct gnomon_clock_identity *identity)
{
	struct gnomon_port_identity id = { .clock = *identity };

	if (e->best_known && e->best_is_local == local &&
	    gnomon_clock_identity_cmp(&e->best_identity, identity) == 0) {
		return;
	}
	e->best_known = true;
	e->best_is_local = local;
	e->best_identity = *identity;
	action_event(e, 0, local ? GNOMON_EVENT_LOCAL_SELECTED : GNOMON_EVENT_BEST_SELECTED, &id,
		     0);
}

void decision_report_alone(struct gnomon_engine *e)
{
	bool heard = false;

	for (unsigned int i = 0; i < e->config.port_count; i++) {
		heard = heard || e->ports[i].best_known;
	}
	if (!heard && e->config.time_receiver_only) {
		report_best(e, true, &e->default_ds.clock_identity);
	}
}

static void report_role(struct gnomon_engine *e, bool grandmaster)
{
	if (grandmaster && !e->grandmaster && !e->config.time_receiver_only) {
		action_event(e, 0, GNOMON_EVENT_GRANDMASTER_ROLE, NULL, 0);
	}
	e->grandmaster = grandmaster;
}

/* What each decision recommends (table 27). RS_SLAVE is refined by whether the parent is new. */
static enum gnomon_fsm_event recommendation(const struct port *p, enum bmca_decision decision,
					    bool new_parent)
{
	switch (decision) {
	case BMCA_STAY:
		return FSM_NONE;
	case BMCA_M1:
	case BMCA_M2:
		return FSM_RS_GRAND_MASTER;
	case BMCA_M3:
		return FSM_RS_MASTER;
	case BMCA_S1:
		return new_parent || !port_is_receiver(p) ? FSM_RS_SLAVE_NEW : FSM_RS_SLAVE;
	case BMCA_P1:
	case BMCA_P2:
		return FSM_RS_PASSIVE;
	}
	return FSM_NONE;
}

/* The data sets that follow from all ports' decisions together; true if the parent is another. */
static bool update_datasets(struct gnomon_engine *e, bool follows, bool leads,
			    const struct port *here, const struct bmca_dataset *best)
{
	bool new_parent = false;

	if (follows) {
		new_parent = !identity_equal(&e->parent_ds.parent_port_identity,
					     &here->best->sender);
		decision_take_parent(e, here->best);
		report_best(e, false, &best->identity);
		report_role(e, false);
	} else if (leads) {
		decision_take_grandmaster(e);
		report_best(e, true, &e->default_ds.clock_identity);
		report_role(e, true);
	} else if (here) {
		report_best(e, false, &best->identity);
		report_role(e, false);
	}
	return new_parent;
}

/* All ports at once: recommend, update, act (9.2.6.8). */
static void decide(struct gnomon_engine *e, gnomon_mono now)
{
	struct bmca_dataset own, best;
	bool follows = false, leads = false, new_parent;
	struct port *here;

	own_dataset(e, &own);
	here = clock_best(e, &best);
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		struct port *p = &e->ports[i];

		p->decision = takes_part(p) ? port_decide(p, &own, here, &best) : BMCA_STAY;
		follows = follows || p->decision == BMCA_S1;
		leads = leads || p->decision == BMCA_M1 || p->decision == BMCA_M2;
	}
	new_parent = update_datasets(e, follows, leads, here, &best);
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		struct port *p = &e->ports[i];
		enum gnomon_fsm_event event = recommendation(p, p->decision, new_parent);

		if (event != FSM_NONE) {
			port_event(p, event, now);
		}
	}
}

void decision_run(struct gnomon_engine *e, gnomon_mono now)
{
	e->decided = true;
	e->decided_at = now;
	decision_start(e, now);
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		port_best(e, &e->ports[i], now);
	}
	if (!e->config.external_port_configuration) {
		decide(e, now);
	}
	/* With the receiver port down or passive nobody decided for M1 or M2, and yet nothing is
	 * followed any more. */
	if (!engine_receiver(e, NULL)) {
		decision_take_grandmaster(e);
	}
}
