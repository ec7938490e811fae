/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Following PTP daemons: their clocks that have a timeReceiver port are sources, the others sinks.
 * The system clock is a sink, or the source if nobody else is and it may (-rr). Log lines are
 * phc2sys's, which scripts know.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock_find.h"
#include "report.h"
#include "session.h"

#define INFO 6

/* Clocks of all daemons and those of -c. */
#define CLOCKS_MAX 256

/* -- daemons ---------------------------------------------------------------------------------- */

/* -z, or the key; unless that was left alone, then where a daemon can be found. */
static const char *server_of(const struct sync *s, size_t index)
{
	const struct conf_key *key = conf_key_find("uds_address", 11);

	if (index < s->options->server_count) {
		return s->options->servers[index];
	}
	return strcmp(s->conf->uds_address, key->text) == 0 ? NULL : s->conf->uds_address;
}

static int open_daemon(struct sync *s, size_t index, gnomon_mono now, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	const struct sync_follow_config config = {
		.program = o->drop_in ? "phc2sys" : "gnomon-sync",
		.drop_in = o->drop_in,
		.server = server_of(s, index),
		.domain = (unsigned int)(index < o->domain_count ? o->domains[index] :
								   s->conf->domain_number),
		.transport_specific = (unsigned int)s->conf->defaults.transport_specific,
		.ports = o->automatic,
		.wait = o->wait,
		.number = (unsigned int)index + 1,
		.log = &s->log,
	};

	return sync_follow_open(&s->follows[index], &config, now, error);
}

static struct sync_sink *free_place(struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		if (!s->sinks[i].clock) {
			return &s->sinks[i];
		}
	}
	return NULL;
}

static int open_given(struct sync *s, const char *name, struct driver_error *error)
{
	struct sync_sink *sink = free_place(s);
	int err = sink ? sync_open_sink(s, sink, name, error) : -ENOSPC;

	if (err) {
		return err;
	}
	sink->state = GNOMON_PORT_TIME_TRANSMITTER;
	sink->phc_index = clock_phc_index(sink->clock);
	return sync_claim(s, sink, error);
}

int sync_follow_all(struct sync *s, gnomon_mono now, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	const size_t count = o->server_count ? o->server_count : 1;
	int err = 0;

	s->follows = calloc(count, sizeof(s->follows[0]));
	if (o->automatic) {
		s->sinks = calloc(CLOCKS_MAX, sizeof(s->sinks[0]));
		s->sink_count = s->sinks ? CLOCKS_MAX : 0;
	}
	if (!s->follows || (o->automatic && !s->sinks)) {
		return driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	for (size_t i = 0; !err && i < count; i++) {
		err = open_daemon(s, i, now, error);
		s->follow_count += err == 0;
	}
	if (!err && o->system > 0) {
		err = open_given(s, "CLOCK_REALTIME", error);
	}
	for (size_t i = 0; !err && o->automatic && i < o->sink_count; i++) {
		err = open_given(s, o->sinks[i], error);
	}
	return err;
}

/* -- clocks of ports -------------------------------------------------------------------------- */

static struct sync_sink *find_clock(struct sync *s, int daemon, int phc_index)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];

		if (sink->clock && sink->daemon == daemon && sink->phc_index == phc_index) {
			return sink;
		}
	}
	return NULL;
}

static struct sync_sink *open_port_clock(struct sync *s, int daemon,
					 const struct sync_follow_port *port)
{
	struct sync_sink *sink = free_place(s);
	struct driver_error error = { "" };
	int err = sink ? clock_phc_open_index(&sink->clock, port->phc_index, &error) : -ENOSPC;

	if (err) {
		sync_report_note(&s->log, 3, "%s: %s", port->interface,
				 sink ? error.text : "too many clocks");
		return NULL;
	}
	(void)snprintf(sink->name, sizeof(sink->name), "%s", port->interface);
	sink->steward.fd = -1;
	sink->daemon = daemon;
	sink->phc_index = port->phc_index;
	return sink;
}

/* linuxptp's order: whatever is no role of these counts as DISABLED. */
static enum gnomon_port_state role(enum gnomon_port_state state)
{
	return state == GNOMON_PORT_TIME_TRANSMITTER || state == GNOMON_PORT_TIME_RECEIVER ||
			       state == GNOMON_PORT_PRE_TIME_TRANSMITTER ||
			       state == GNOMON_PORT_UNCALIBRATED ?
		       state :
		       GNOMON_PORT_DISABLED;
}

static void take_ports(struct sync *s, int daemon)
{
	struct sync_follow *f = &s->follows[daemon];

	for (unsigned int i = 0; f->ready && i < f->port_count; i++) {
		const struct sync_follow_port *port = &f->ports[i];
		struct sync_sink *sink;

		if (!port->hardware || port->phc_index < 0) {
			continue;
		}
		sink = find_clock(s, daemon, port->phc_index);
		sink = sink ? sink : open_port_clock(s, daemon, port);
		if (sink && role(port->state) > sink->state) {
			sink->state = role(port->state);
			(void)snprintf(sink->name, sizeof(sink->name), "%s", port->interface);
		}
	}
}

/* Nobody is kept by it any more. */
static void forget(struct sync *s, struct sync_sink *gone)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		if (s->sinks[i].paired && s->sinks[i].pair.config.source == gone->clock) {
			s->sinks[i].pair.config.source = NULL;
			s->sinks[i].active = false;
		}
	}
	sync_close_sink(s, gone);
}

/* Clocks of daemons have the states of their ports; those without a port are closed. */
static void update_clocks(struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		if (s->sinks[i].clock && s->sinks[i].daemon >= 0) {
			s->sinks[i].state = (enum gnomon_port_state)0;
		}
	}
	for (size_t i = 0; i < s->follow_count; i++) {
		take_ports(s, (int)i);
	}
	for (size_t i = 0; i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];

		if (sink->clock && sink->daemon >= 0 && sink->state == 0 &&
		    s->follows[sink->daemon].ready) {
			forget(s, sink);
		}
	}
}

/* -- deciding --------------------------------------------------------------------------------- */

static bool is_system(const struct sync_sink *sink)
{
	return sink->clock && sink->clock->utc;
}

static struct sync_sink *system_clock(struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		if (is_system(&s->sinks[i])) {
			return &s->sinks[i];
		}
	}
	return NULL;
}

/* A clock given with -c belongs to the first daemon. */
static bool belongs(const struct sync_sink *sink, int daemon)
{
	return sink->clock && !is_system(sink) &&
	       (sink->daemon == daemon || (sink->daemon < 0 && daemon == 0));
}

/* The same clock may have been opened for a port, and for -c. */
static const struct sync_sink *chosen_twin(const struct sync *s, const struct sync_sink *sink)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		const struct sync_sink *other = &s->sinks[i];

		if (other != sink && other->clock && other->chosen &&
		    clock_same(other->clock, sink->clock)) {
			return other;
		}
	}
	return NULL;
}

static void choose(struct sync *s, struct sync_sink *sink)
{
	const struct sync_sink *twin = chosen_twin(s, sink);

	if (twin) {
		sync_report_note(&s->log, INFO,
				 "skipping %s: %s has the same clock and is already selected",
				 sink->name, twin->name);
		return;
	}
	sink->chosen = true;
	sync_report_note(&s->log, INFO, "selecting %s for synchronization", sink->name);
}

static void note_waiting(struct sync *s, int daemon, const char *text)
{
	char why[SYNC_FOLLOW_WAITING_MAX];

	if (s->options->drop_in) {
		sync_report_note(&s->log, INFO, "%s", text);
	} else {
		sync_report_note(&s->log, INFO, "%s %s", text,
				 sync_follow_waiting(&s->follows[daemon], why));
	}
}

/* The daemon's source, NULL if there is none; the clocks it wants kept are marked. *pending: there
 * is going to be one. */
static struct sync_sink *decide_daemon(struct sync *s, int daemon, bool *pending)
{
	struct sync_sink *source = NULL;
	int sources = 0;
	int sinks = 0;

	for (size_t i = 0; i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];

		if (!belongs(sink, daemon) || !s->follows[daemon].ready) {
			continue;
		}
		if (sink->state == GNOMON_PORT_TIME_RECEIVER) {
			source = sink;
			sources++;
		} else if (sink->state == GNOMON_PORT_UNCALIBRATED) {
			sources++;
		} else {
			choose(s, sink);
			sinks++;
		}
	}
	if (sources > 1) {
		sync_report_note(&s->log, INFO,
				 "multiple source clocks available, postponing sync...");
		*pending = true;
		return NULL;
	}
	if (sources > 0 && !source) {
		*pending = true;
		note_waiting(s, daemon, "source clock not ready, waiting...");
	} else if (sources == 0 && sinks == 0) {
		note_waiting(s, daemon, "no PHC ready, waiting...");
	}
	if (source) {
		sync_report_note(&s->log, INFO, "selecting %s as domain source clock",
				 source->name);
	}
	return source;
}

/* What each clock is kept by. own: the daemons' sources; best: for who has none. */
static void assign(struct sync *s, struct sync_sink *const *own, struct sync_sink *best)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];
		const size_t daemon = sink->daemon < 0 ? 0 : (size_t)sink->daemon;
		struct sync_sink *by = best;

		sink->by = NULL;
		if (!sink->clock || !sink->chosen) {
			continue;
		}
		if (!is_system(sink) && own[daemon]) {
			by = own[daemon];
		}
		if (by && !clock_same(by->clock, sink->clock)) {
			sink->by = by;
		}
	}
}

static void report_system(struct sync *s, const struct sync_sink *system,
			  const struct sync_sink *best)
{
	if (system && best && best != system) {
		sync_report_note(&s->log, INFO, "selecting system clock for synchronization");
	}
	if (system && best == system) {
		sync_report_note(&s->log, INFO, "selecting system clock as source clock");
	} else if (best && s->follow_count > 1) {
		sync_report_note(&s->log, INFO, "selecting %s as out-of-domain source clock",
				 best->name);
	}
}

static void decide(struct sync *s)
{
	struct sync_sink *own[SYNC_DAEMONS_MAX] = { NULL };
	struct sync_sink *system = system_clock(s);
	struct sync_sink *best = NULL;
	bool pending = false;

	for (size_t i = 0; i < s->sink_count; i++) {
		s->sinks[i].chosen = false;
	}
	for (size_t i = 0; i < s->follow_count; i++) {
		own[i] = decide_daemon(s, (int)i, &pending);
		best = best ? best : own[i];
	}
	if (!best && !pending && s->options->system > 1) {
		best = system;
	}
	if (system) {
		system->chosen = system != best;
	}
	report_system(s, system, best);
	assign(s, own, best);
}

/* -- doing it --------------------------------------------------------------------------------- */

static const char *label(const struct sync *s, const struct sync_sink *source)
{
	return !s->options->drop_in ? source->name : is_system(source) ? "sys" : "phc";
}

static void start(struct sync *s, struct sync_sink *sink, gnomon_mono now)
{
	struct driver_error error = { "" };
	struct pair_config config;
	int err = sink->steward.fd < 0 ? sync_claim(s, sink, &error) : 0;

	if (err) {
		sync_report_note(&s->log, 3, "%s", error.text);
		return;
	}
	sync_pair_config(s, &config);
	config.source = sink->by->clock;
	config.source_name = label(s, sink->by);
	config.sink = sink->clock;
	config.out = sink->out;
	config.sink_name = sink->name;
	err = pair_init(&sink->pair, &config, now);
	sink->paired = err == 0;
	if (err) {
		sync_report_failure(&s->log, sink->name, "keep the clock", err);
	}
}

/* A clock that was a source, or idle, has to find its way anew; one that only changes its source
 * goes on. */
static void apply(struct sync *s, gnomon_mono now)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];
		const bool was_active = sink->active;

		if (!sink->clock || !sink->by) {
			sink->active = false;
			continue;
		}
		if (!sink->paired) {
			start(s, sink, now);
		} else if (sink->pair.config.source != sink->by->clock || !was_active) {
			pair_set_source(&sink->pair, sink->by->clock, label(s, sink->by), now);
			if (!was_active) {
				pair_resume(&sink->pair);
			}
		}
		sink->active = sink->paired;
	}
}

/* -ENXIO: a daemon with software time stamps only has no clocks to follow. */
static int check_ports(struct sync *s)
{
	for (size_t i = 0; i < s->follow_count; i++) {
		const struct sync_follow *f = &s->follows[i];
		bool any = !f->ready;

		for (unsigned int k = 0; k < f->port_count; k++) {
			any |= f->ports[k].hardware && f->ports[k].phc_index >= 0;
		}
		if (!any && s->options->drop_in) {
			sync_report_note(&s->log, 3, "no suitable ports available");
			return -ENXIO;
		}
		if (!any) {
			sync_report_note(&s->log, 3,
					 "%s: no suitable ports available: none of %u has hardware "
					 "time stamps, so there is no clock to follow; name clocks "
					 "with -s and -c",
					 f->server, f->port_count);
			return -ENXIO;
		}
	}
	return 0;
}

int sync_reconfigure(struct sync *s, gnomon_mono now)
{
	if (check_ports(s)) {
		return -ENXIO;
	}
	sync_report_note(&s->log, INFO, "reconfiguring after port state change");
	update_clocks(s);
	decide(s);
	apply(s, now);
	sync_tell_properties(s);
	return 0;
}

/* Between a PHC and the system clock the daemon of the PHC says how far they are apart. */
void sync_tell_properties(struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];
		const struct sync_sink *phc = is_system(sink) && sink->by ? sink->by : sink;
		const size_t daemon = phc->daemon > 0 ? (size_t)phc->daemon : 0;

		if (sink->active && daemon < s->follow_count &&
		    s->follows[daemon].has_properties) {
			pair_time_properties(&sink->pair, &s->follows[daemon].properties,
					     sync_follow_traceable(&s->follows[daemon]));
		}
	}
}
