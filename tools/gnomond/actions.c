/* SPDX-License-Identifier: BSD-2-Clause */
#include "actions.h"

#include "drivers/timer.h"

/* A source without a port that receives time knows it before the silence tells. */
static void watch(struct daemon *d, struct instance *in, gnomon_mono now)
{
	bool before = in->receiving;

	in->receiving = instance_receives(in);
	if (before && !in->receiving && in->keeper_source >= 0) {
		keeper_alarm(&d->keeper, (unsigned int)in->keeper_source, "no port receives time",
			     now);
	}
}

static void take_state(struct daemon *d, struct port *port,
		       const struct gnomon_state_change *change)
{
	struct gnomon_state_change told = *change;

	port->state = change->to;
	d->status_changed = true;
	/* In ptp4l's log a port goes from FAULTY to LISTENING in one line. */
	if (d->log->format == CONF_LOG_PTP4L && change->from == GNOMON_PORT_FAULTY &&
	    change->to == GNOMON_PORT_INITIALIZING) {
		port->clearing = true;
		return;
	}
	if (port->clearing) {
		port->clearing = false;
		told.from = GNOMON_PORT_FAULTY;
	}
	report_state(d->log, port->name, &told);
}

static void take_sample(struct daemon *d, const struct instance *in, const struct port *port,
			const struct gnomon_sample *sample, gnomon_mono now)
{
	const struct keeper_origin origin = {
		.source = (unsigned int)in->keeper_source,
		.port = port->name,
		.state = port->state,
		.reference_bound_ns = -1.0,
	};
	enum gnomon_servo_state before = d->keeper.state;

	if (in->keeper_source < 0) {
		return;
	}
	keeper_sample(&d->keeper, &origin, sample, now);
	d->status_changed |= d->keeper.state != before;
}

/* The discipline needs the interval before the first sample of it. */
static void take_event(struct daemon *d, struct instance *in, const struct port *port,
		       const struct gnomon_engine_event_data *event)
{
	const struct report_port the_clock = { 0, "", in->source };

	/* What was never sent has been told already. */
	if (event->what == GNOMON_EVENT_TX_TIMESTAMP_LOST && in->ports.unsent > 0) {
		in->ports.unsent--;
		return;
	}
	if (event->what == GNOMON_EVENT_SYNC_INTERVAL && in->keeper_source >= 0) {
		keeper_sync_interval(&d->keeper, (unsigned int)in->keeper_source,
				     (int)event->value);
	}
	report_event(d->log, port ? port->name : the_clock, event, (unsigned int)in->ports.count);
}

static void take(struct daemon *d, struct instance *in, const struct gnomon_action *action)
{
	struct port *port = action->port ? &in->ports.list[action->port - 1] : NULL;
	gnomon_mono now = timer_now();

	switch (action->type) {
	case GNOMON_ACTION_SEND:
		if (port) {
			port_send(&in->ports, port, &action->u.send);
		} else {
			local_send(&d->local, &action->u.send);
		}
		break;
	case GNOMON_ACTION_SAMPLE:
		take_sample(d, in, port, &action->u.sample, now);
		break;
	case GNOMON_ACTION_STATE:
		take_state(d, port, &action->u.state);
		watch(d, in, now);
		break;
	case GNOMON_ACTION_DATASET:
		keeper_datasets(&d->keeper, in->engine, action->u.datasets, now);
		break;
	case GNOMON_ACTION_SET_CLOCK:
		keeper_set_time(&d->keeper, action->u.time, now);
		break;
	case GNOMON_ACTION_EVENT:
		take_event(d, in, port, &action->u.event);
		break;
	}
}

static bool drain(struct daemon *d, struct instance *in)
{
	struct gnomon_action action;
	bool any = false;

	while (gnomon_engine_next(in->engine, &action)) {
		take(d, in, &action);
		any = true;
	}
	in->ports.unsent = 0;
	return any;
}

/* Carrying out an action may cause more of them, of any engine: what one of them measured, all hear
 * of. */
void actions_drain(struct daemon *d)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < d->instance_count; i++) {
			again |= drain(d, &d->instances[i]);
		}
		again = again && d->instance_count > 1;
	}
}
