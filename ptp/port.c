/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PTP Port: its state, what a transition starts and stops, and its timers.
 */
#include <string.h>

#include "instance.h"

#define NSEC INT64_C(1000000000)

/* A transmission that is due on entering a state waits this long, so that the inputs of the same
 * instant (another port's timeout, a state decision) come first. */
#define ENTRY_DELAY_NS 1000000

int8_t interval_clamp(int log_interval)
{
	if (log_interval < LOG_INTERVAL_MIN) {
		return LOG_INTERVAL_MIN;
	}
	return (int8_t)(log_interval > LOG_INTERVAL_MAX ? LOG_INTERVAL_MAX : log_interval);
}

int64_t interval_ns(int log_interval)
{
	int log = log_interval < GNOMON_LOG_INTERVAL_FLOOR ? GNOMON_LOG_INTERVAL_FLOOR
							   : log_interval;

	if (log > GNOMON_LOG_INTERVAL_CEILING) {
		return INT64_MAX;
	}
	return log < 0 ? NSEC / (INT64_C(1) << -log) : NSEC * (INT64_C(1) << log);
}

int64_t interval_times(int log_interval, double factor)
{
	double ns = (double)interval_ns(log_interval) * factor;

	/* 2^63, the first that does not fit. */
	return ns < 9223372036854775808.0 ? (int64_t)ns : INT64_MAX;
}

void report_unanswered(struct port *p, unsigned int requests)
{
	/* A few are lost anywhere; this many mean that nobody answers. */
	if (requests >= 8 && (requests & (requests - 1)) == 0) {
		action_event(p->engine, p->identity.port, GNOMON_EVENT_DELAY_UNANSWERED, NULL,
			     requests);
	}
}

int port_drop(struct port *p, enum gnomon_drop reason)
{
	count(&p->counters.drop[reason]);
	return -1;
}

static enum fsm_role port_role(const struct port *p)
{
	return p->engine->config.time_receiver_only ? FSM_TIME_RECEIVER_ONLY
	       : p->config.time_transmitter_only    ? FSM_TIME_TRANSMITTER_ONLY
						    : FSM_FULL;
}

void port_init(struct port *p, struct gnomon_engine *e, const struct gnomon_port_config *config,
	       uint16_t number)
{
	p->engine = e;
	p->config = *config;
	p->identity.clock = e->config.clock_identity;
	p->identity.port = number;
	p->role = port_role(p);
	p->state = GNOMON_PORT_INITIALIZING;
	p->enabled = true;
	p->log_delay_req_interval = config->log_min_delay_req_interval;
	p->neighbor.rate_ratio = 1.0;
}

/* -- timers ---------------------------------------------------------------------------------- */

#define BIT(timer) (1u << (timer))

/* What runs in each state (9.2.5, table 12 for the rights to transmit). */
static const unsigned int state_timers[] = {
	[GNOMON_PORT_INITIALIZING] = 0,
	[GNOMON_PORT_FAULTY] = 0,
	[GNOMON_PORT_DISABLED] = 0,
	[GNOMON_PORT_LISTENING] = BIT(TIMER_ANNOUNCE_RX) | BIT(TIMER_PDELAY_REQ),
	[GNOMON_PORT_PRE_TIME_TRANSMITTER] = BIT(TIMER_QUALIFICATION) | BIT(TIMER_PDELAY_REQ),
	[GNOMON_PORT_TIME_TRANSMITTER] =
		BIT(TIMER_ANNOUNCE_TX) | BIT(TIMER_SYNC_TX) | BIT(TIMER_PDELAY_REQ),
	[GNOMON_PORT_PASSIVE] = BIT(TIMER_ANNOUNCE_RX) | BIT(TIMER_PDELAY_REQ),
	[GNOMON_PORT_UNCALIBRATED] = BIT(TIMER_ANNOUNCE_RX) | BIT(TIMER_SYNC_RX) |
				     BIT(TIMER_DELAY_REQ) | BIT(TIMER_PDELAY_REQ),
	[GNOMON_PORT_TIME_RECEIVER] = BIT(TIMER_ANNOUNCE_RX) | BIT(TIMER_SYNC_RX) |
				      BIT(TIMER_DELAY_REQ) | BIT(TIMER_PDELAY_REQ),
};

static uint32_t timer_number(const struct port *p, enum port_timer timer)
{
	return (uint32_t)(p->identity.port - 1) * PORT_TIMER_COUNT + timer;
}

void port_timer_set(struct port *p, enum port_timer timer, gnomon_mono at)
{
	timers_set(&p->engine->timers, timer_number(p, timer), at);
}

/* True if the configuration has a use for the timer at all. */
static bool timer_configured(const struct port *p, enum port_timer timer)
{
	const struct gnomon_port_config *c = &p->config;
	bool external = p->engine->config.external_port_configuration;

	switch (timer) {
	case TIMER_ANNOUNCE_RX:
		return !external && !c->inhibit_announce;
	case TIMER_SYNC_RX:
		return c->sync_receipt_timeout > 0;
	case TIMER_ANNOUNCE_TX:
		return !c->inhibit_announce;
	case TIMER_DELAY_REQ:
		return c->delay_mechanism == GNOMON_DELAY_E2E && !c->inhibit_delay_req;
	case TIMER_PDELAY_REQ:
		return c->delay_mechanism == GNOMON_DELAY_P2P && !c->inhibit_delay_req;
	case TIMER_SYNC_TX:
	case TIMER_QUALIFICATION:
	case PORT_TIMER_COUNT:
		break;
	}
	return true;
}

/* 9.5.11.2: requests are spread around the mean interval, by default over 0..2 of it. */
static int64_t delay_req_wait(struct port *p)
{
	double v = p->config.delay_request_variability;
	double u = random_unit(&p->engine->random);

	return interval_times(p->log_delay_req_interval, 1.0 - v + 2.0 * v * u);
}

static int64_t timer_wait(struct port *p, enum port_timer timer)
{
	const struct gnomon_port_config *c = &p->config;

	switch (timer) {
	case TIMER_ANNOUNCE_RX:
		/* 9.2.6.12; spread over one more interval so that peers do not all act at once. */
		return interval_times(c->log_announce_interval,
				      c->announce_receipt_timeout +
					      random_unit(&p->engine->random));
	case TIMER_SYNC_RX:
		return interval_times(p->parent_sync_interval_known ? p->log_parent_sync_interval
								    : c->log_sync_interval,
				      c->sync_receipt_timeout);
	case TIMER_ANNOUNCE_TX:
		return ENTRY_DELAY_NS;
	case TIMER_SYNC_TX:
		return interval_ns(c->log_sync_interval);
	case TIMER_DELAY_REQ:
		return delay_req_wait(p);
	case TIMER_PDELAY_REQ:
		return interval_times(c->log_min_pdelay_req_interval,
				      random_unit(&p->engine->random));
	case TIMER_QUALIFICATION:
		/* 9.2.6.11 for M3; M1 and M2 do not wait. */
		return interval_times(c->log_announce_interval,
				      p->engine->current_ds.steps_removed + 1);
	case PORT_TIMER_COUNT:
		break;
	}
	return INT64_MAX;
}

void port_timer_start(struct port *p, enum port_timer timer, gnomon_mono now)
{
	if (timer_configured(p, timer)) {
		port_timer_set(p, timer, gnomon_mono_add(now, timer_wait(p, timer)));
	}
}

void port_timers_follow_state(struct port *p, gnomon_mono now)
{
	unsigned int wanted = state_timers[p->state];

	for (int t = 0; t < PORT_TIMER_COUNT; t++) {
		bool armed = timers_armed(&p->engine->timers, timer_number(p, (enum port_timer)t));

		if (!(wanted & BIT(t))) {
			port_timer_set(p, (enum port_timer)t, GNOMON_MONO_NEVER);
		} else if (!armed) {
			port_timer_start(p, (enum port_timer)t, now);
		}
	}
}

/* -- state ----------------------------------------------------------------------------------- */

/* Where the delay starts before one is measured. */
static void delay_begin(struct port *p)
{
	gnomon_span initial = p->engine->config.initial_delay;

	if (p->config.delay_mechanism == GNOMON_DELAY_NONE ||
	    gnomon_span_cmp(initial, GNOMON_SPAN_ZERO) != 0) {
		tsproc_set_delay(&p->tsproc, initial);
	}
}

void port_forget_parent(struct port *p)
{
	memset(p->sync, 0, sizeof(p->sync));
	memset(p->delay, 0, sizeof(p->delay));
	p->sync_done_known = false;
	p->delay_unanswered = 0;
	p->parent_sync_interval_known = false;
	p->log_delay_req_interval = p->config.log_min_delay_req_interval;
	/* A link delay is the neighbour's, whoever is timeTransmitter. */
	tsproc_reset(&p->tsproc, p->config.delay_mechanism != GNOMON_DELAY_P2P);
	if (!p->tsproc.delay_valid) {
		delay_begin(p);
	}
}

/* What was measured the other way is void, and other requests are due. */
void port_delay_changed(struct port *p, gnomon_mono now)
{
	memset(p->delay, 0, sizeof(p->delay));
	p->delay_unanswered = 0;
	tsproc_reset(&p->tsproc, true);
	delay_begin(p);
	port_timer_set(p, TIMER_DELAY_REQ, GNOMON_MONO_NEVER);
	port_timers_follow_state(p, now);
}

/* The neighbour is gone or the clock stepped: the exchange in flight and the rate are void. */
static void forget_pdelay(struct port *p)
{
	memset(&p->pdelay, 0, sizeof(p->pdelay));
	p->neighbor.rate_anchor = false;
	p->neighbor.rate_ratio = 1.0;
}

void port_clock_stepped(struct port *p)
{
	memset(p->sync, 0, sizeof(p->sync));
	memset(p->delay, 0, sizeof(p->delay));
	tsproc_reset(&p->tsproc, false);
	forget_pdelay(p);
	for (int i = 0; i < TX_RING; i++) {
		/* A Sync's timestamp is of one instant and stays true; an interval does not. */
		if (p->tx[i].type != GNOMON_MSG_SYNC) {
			p->tx[i].id = 0;
		}
	}
}

static bool state_is_down(enum gnomon_port_state state)
{
	return state == GNOMON_PORT_INITIALIZING || state == GNOMON_PORT_FAULTY ||
	       state == GNOMON_PORT_DISABLED;
}

/* The port can no longer hear or speak. */
static void forget_all(struct port *p)
{
	foreign_clear(&p->foreign);
	p->best_known = false;
	memset(p->tx, 0, sizeof(p->tx));
	forget_pdelay(p);
	p->neighbor.known = false;
	p->neighbor.lost = 0;
	tsproc_reset(&p->tsproc, true);
	delay_begin(p);
}

static bool state_receives(enum gnomon_port_state state)
{
	return state == GNOMON_PORT_UNCALIBRATED || state == GNOMON_PORT_TIME_RECEIVER;
}

static void port_leave(struct port *p, enum gnomon_port_state to, enum gnomon_fsm_event cause)
{
	bool receives = state_receives(to);

	if (state_receives(p->state) != receives || cause == FSM_RS_SLAVE_NEW) {
		port_forget_parent(p);
		/* Another timeTransmitter has its own time to be heard in. */
		port_timer_set(p, TIMER_ANNOUNCE_RX, GNOMON_MONO_NEVER);
		port_timer_set(p, TIMER_SYNC_RX, GNOMON_MONO_NEVER);
		port_timer_set(p, TIMER_DELAY_REQ, GNOMON_MONO_NEVER);
	}
	if (state_is_down(to)) {
		forget_all(p);
	}
}

void port_set_state(struct port *p, enum gnomon_port_state state, enum gnomon_fsm_event cause,
		    gnomon_mono now)
{
	enum gnomon_port_state from = p->state;
	struct queued *q;

	if (state == from && cause != FSM_RS_SLAVE_NEW) {
		return;
	}
	port_leave(p, state, cause);
	p->engine->uncalibrated_ports -= from == GNOMON_PORT_UNCALIBRATED;
	p->engine->uncalibrated_ports += state == GNOMON_PORT_UNCALIBRATED;
	p->state = state;
	port_timers_follow_state(p, now);
	if (state == from) {
		return;
	}
	p->notify = true;
	p->engine->management.notify |= NOTIFY_PORT_STATE;
	if (state == GNOMON_PORT_FAULTY) {
		management_note_fault(p->engine, p->identity.port, FAULT_PORT);
	}
	q = action_push(p->engine, p->identity.port, GNOMON_ACTION_STATE);
	if (q) {
		q->u.state.from = from;
		q->u.state.to = state;
		q->u.state.cause = cause;
	}
	action_datasets(p->engine, p->identity.port, GNOMON_DATASET_PORT);
}

/* 17.6.5.3: the state comes from management, not from the state decision algorithm. */
static enum gnomon_port_state external_state(const struct port *p)
{
	/* A timeReceiver is UNCALIBRATED until its clock is. */
	return p->config.desired_state == GNOMON_PORT_TIME_RECEIVER ? GNOMON_PORT_UNCALIBRATED
								    : p->config.desired_state;
}

void port_event(struct port *p, enum gnomon_fsm_event event, gnomon_mono now)
{
	enum gnomon_port_state next = fsm_next(p->role, p->state, event);

	/* 9.2.6.11: a qualification of zero intervals for M1 and M2 is over at once. */
	if (next == GNOMON_PORT_PRE_TIME_TRANSMITTER && event == FSM_RS_GRAND_MASTER) {
		next = fsm_next(p->role, next, FSM_QUALIFICATION_TIMEOUT);
	}
	port_set_state(p, next, event, now);
	if (p->state == GNOMON_PORT_INITIALIZING && p->link && p->enabled) {
		port_set_state(p, fsm_next(p->role, p->state, FSM_INIT_COMPLETE), FSM_INIT_COMPLETE,
			       now);
	}
	if (p->state == GNOMON_PORT_LISTENING && p->engine->config.external_port_configuration) {
		port_set_state(p, external_state(p), FSM_NONE, now);
	}
}

void port_apply_desired_state(struct port *p, gnomon_mono now)
{
	if (!state_is_down(p->state)) {
		port_set_state(p, external_state(p), FSM_NONE, now);
	}
}

void port_restart(struct port *p, gnomon_mono now)
{
	p->role = port_role(p);
	if (!state_is_down(p->state)) {
		port_event(p, FSM_INITIALIZE, now);
	}
}

void port_timer_renew(struct port *p, enum port_timer timer, gnomon_mono now)
{
	port_timer_set(p, timer, GNOMON_MONO_NEVER);
	port_timers_follow_state(p, now);
}
