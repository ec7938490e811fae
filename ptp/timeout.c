/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when a port's timer fires: something is sent, or somebody fell silent.
 */
#include "instance.h"

/* Next of a periodic timer that was due: without drift, unless it ran late by an interval. */
static void timer_repeat(struct port *p, enum port_timer timer, int log_interval, gnomon_mono due,
			 gnomon_mono now)
{
	int64_t interval = interval_ns(log_interval);
	gnomon_mono next = gnomon_mono_add(due, interval);

	if (gnomon_mono_before(next, now)) {
		next = gnomon_mono_add(now, interval);
	}
	port_timer_set(p, timer, next);
}

/* The timeTransmitter of this port fell silent. */
static void receipt_timeout(struct port *p, gnomon_mono now)
{
	struct gnomon_engine *e = p->engine;

	if (port_is_receiver(p)) {
		foreign_remove(&p->foreign, &e->parent_ds.parent_port_identity);
		if (!engine_receiver(e, p)) {
			decision_take_grandmaster(e);
		}
	} else if (p->best_known) {
		foreign_remove(&p->foreign, &p->best_sender);
	}
	port_timer_set(p, TIMER_ANNOUNCE_RX, GNOMON_MONO_NEVER);
	port_event(p, FSM_ANNOUNCE_TIMEOUT, now);
	port_timers_follow_state(p, now);
	/* At once: until it is made, other ports would announce this clock as grandmaster. */
	decision_run(e, now);
	decision_report_alone(e);
}

/* Announces come, Syncs do not. Another election, unless roles are fixed. */
static void sync_timeout(struct port *p, gnomon_mono now)
{
	count(&p->counters.sync_timeout);
	action_event(p->engine, p->identity.port, GNOMON_EVENT_SYNC_TIMEOUT, NULL, 0);
	if (!p->engine->config.external_port_configuration) {
		receipt_timeout(p, now);
		return;
	}
	port_event(p, FSM_SYNC_FAULT, now);
}

void timeout_handle(struct port *p, enum port_timer timer, gnomon_mono due, gnomon_mono now)
{
	const struct gnomon_port_config *c = &p->config;

	switch (timer) {
	case TIMER_ANNOUNCE_RX:
		count(&p->counters.announce_timeout);
		receipt_timeout(p, now);
		break;
	case TIMER_SYNC_RX:
		sync_timeout(p, now);
		break;
	case TIMER_ANNOUNCE_TX:
		timer_repeat(p, timer, c->log_announce_interval, due, now);
		decision_request(p->engine, now);
		if (p->state == GNOMON_PORT_TIME_TRANSMITTER) {
			announce_send(p);
		}
		break;
	case TIMER_SYNC_TX:
		timer_repeat(p, timer, c->log_sync_interval, due, now);
		sync_send(p);
		break;
	case TIMER_DELAY_REQ:
		port_timer_start(p, timer, now);
		delay_req_send(p, now);
		break;
	case TIMER_PDELAY_REQ:
		timer_repeat(p, timer, c->log_min_pdelay_req_interval, due, now);
		pdelay_req_send(p);
		break;
	case TIMER_QUALIFICATION:
		count(&p->counters.qualification_timeout);
		port_event(p, FSM_QUALIFICATION_TIMEOUT, now);
		break;
	case PORT_TIMER_COUNT:
		break;
	}
}
