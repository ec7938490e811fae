/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine wants done, given to whoever does it. */
#include "drivers/timer.h"

#include "instance.h"

static const struct report_port the_clock = { 0, "" };

static void take_state(struct instance *in, struct port *port,
		       const struct gnomon_state_change *change)
{
	struct gnomon_state_change told = *change;

	port->state = change->to;
	in->status_changed = true;
	/* In ptp4l's log a port goes from FAULTY to LISTENING in one line. */
	if (in->log->format == CONF_LOG_PTP4L && change->from == GNOMON_PORT_FAULTY &&
	    change->to == GNOMON_PORT_INITIALIZING) {
		port->clearing = true;
		return;
	}
	if (port->clearing) {
		port->clearing = false;
		told.from = GNOMON_PORT_FAULTY;
	}
	report_state(in->log, port->name, &told);
}

/* The discipline needs the interval before the first sample of it. */
static void take_event(struct instance *in, struct report_port name,
		       const struct gnomon_engine_event_data *event)
{
	if (event->what == GNOMON_EVENT_SYNC_INTERVAL) {
		keeper_sync_interval(in, (int)event->value);
	}
	report_event(in->log, name, event, (unsigned int)in->port_count);
}

/* Carrying out an action may cause more of them, which come in the same loop. */
void actions_drain(struct instance *in)
{
	struct gnomon_action action;

	while (gnomon_engine_next(in->engine, &action)) {
		struct port *port = action.port ? &in->ports[action.port - 1] : NULL;
		gnomon_mono now = timer_now();

		switch (action.type) {
		case GNOMON_ACTION_SEND:
			port_send(in, port, &action.u.send);
			break;
		case GNOMON_ACTION_SAMPLE:
			keeper_sample(in, port, &action.u.sample, now);
			break;
		case GNOMON_ACTION_STATE:
			take_state(in, port, &action.u.state);
			break;
		case GNOMON_ACTION_DATASET:
			keeper_datasets(in, action.u.datasets, now);
			break;
		case GNOMON_ACTION_EVENT:
			take_event(in, port ? port->name : the_clock, &action.u.event);
			break;
		}
	}
}
