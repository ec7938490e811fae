/* SPDX-License-Identifier: BSD-2-Clause */
#include "actions.h"

#include "drivers/timer.h"

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

static void take_sample(struct instance *in, const struct port *port,
			const struct gnomon_sample *sample, gnomon_mono now)
{
	const struct keeper_origin origin = { port->name, port->state };
	enum gnomon_servo_state before = in->keeper.state;

	keeper_sample(&in->keeper, &origin, sample, now);
	in->status_changed |= in->keeper.state != before;
}

/* The discipline needs the interval before the first sample of it. */
static void take_event(struct instance *in, struct report_port name,
		       const struct gnomon_engine_event_data *event)
{
	/* What was never sent has been told already. */
	if (event->what == GNOMON_EVENT_TX_TIMESTAMP_LOST && in->ports.unsent > 0) {
		in->ports.unsent--;
		return;
	}
	if (event->what == GNOMON_EVENT_SYNC_INTERVAL) {
		keeper_sync_interval(&in->keeper, (int)event->value);
	}
	report_event(in->log, name, event, (unsigned int)in->ports.count);
}

/* Carrying out an action may cause more of them, which come in the same loop. */
void actions_drain(struct instance *in)
{
	struct gnomon_action action;

	while (gnomon_engine_next(in->engine, &action)) {
		struct port *port = action.port ? &in->ports.list[action.port - 1] : NULL;
		gnomon_mono now = timer_now();

		switch (action.type) {
		case GNOMON_ACTION_SEND:
			if (port) {
				port_send(&in->ports, port, &action.u.send);
			} else {
				local_send(&in->local, &action.u.send);
			}
			break;
		case GNOMON_ACTION_SAMPLE:
			take_sample(in, port, &action.u.sample, now);
			break;
		case GNOMON_ACTION_STATE:
			take_state(in, port, &action.u.state);
			break;
		case GNOMON_ACTION_DATASET:
			keeper_datasets(&in->keeper, action.u.datasets, now);
			break;
		case GNOMON_ACTION_SET_CLOCK:
			keeper_set_time(&in->keeper, action.u.time, now);
			break;
		case GNOMON_ACTION_EVENT:
			take_event(in, port ? port->name : the_clock, &action.u.event);
			break;
		}
	}
	in->ports.unsent = 0;
}
