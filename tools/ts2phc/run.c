/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop: pulses of all sinks are brought together, and the source asked what they meant. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "drivers/timer.h"
#include "tools/cli/stop.h"
#include "ts2phc.h"

/* Pulses missing in a row before a word is said about it. */
#define MISSED_WARN 5

void ts2phc_say(struct log *log, int level, const char *format, ...)
{
	char text[256];
	va_list args;

	if (!log_begin_at(log, LOG_NOTE, level)) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_text(log, "%s", text);
	log_str(log, "text", text);
	log_end(log);
}

/* -- one pulse -------------------------------------------------------------------------------- */

/* Without time of day the sinks that were stable go on from second to second, for a while. */
static bool may_hold(struct ts2phc *t, gnomon_mono now)
{
	const int64_t length = (int64_t)t->conf->defaults.ts2phc_holdover * GNOMON_NSEC_PER_SEC;

	if (t->lost.ns == GNOMON_MONO_NEVER.ns) {
		t->lost = now;
	}
	return now.ns - t->lost.ns < length;
}

static gnomon_time nearest_second(gnomon_time t)
{
	return (gnomon_time){ t.sec + (t.nsec > GNOMON_NSEC_PER_SEC / 2), 0, 0 };
}

static void count_missed(struct ts2phc *t, struct sink *sink)
{
	sink->missed = sink->has_event ? 0 : sink->missed + 1;
	if (sink->missed == MISSED_WARN) {
		ts2phc_say(t->log, LOG_WARNING, "%s: has missed the last %d pulses",
			   sink->device.name, MISSED_WARN);
	}
}

/* All clocks by the source's time, or by their own. */
static void keep_by_source(struct ts2phc *t, gnomon_mono now)
{
	const bool known = t->has_time;
	bool held = false;

	if (known) {
		t->lost = GNOMON_MONO_NEVER;
	} else {
		held = may_hold(t, now);
	}
	for (size_t i = 0; i < t->sink_count; i++) {
		struct sink *sink = &t->sinks[i];

		if (sink->target && sink->has_event && (known || held)) {
			keep_sample(&sink->keep, sink->at,
				    known ? edge_instant(&t->pulse, t->source_time)
					  : nearest_second(sink->at),
				    held, t->conf, t->log, now);
		}
	}
}

/* When the pulse was by a clock, a sink's or the source's own. */
static bool member_time(const struct ts2phc *t, const struct member *m, gnomon_time *at)
{
	if (m->sink && m->sink->has_event) {
		*at = m->sink->at;
		return true;
	}
	if (m->source && t->has_time) {
		*at = edge_instant(&t->pulse, t->source_time);
		return true;
	}
	return false;
}

/* All clocks by the one that follows the network. */
static void keep_by_reference(struct ts2phc *t, gnomon_mono now)
{
	const struct follow *f = &t->follow;
	gnomon_time reference, at;

	if (f->reference < 0) {
		ts2phc_say(t->log, LOG_DEBUG, "no reference clock, skipping");
		return;
	}
	if (!member_time(t, &f->members[f->reference], &reference)) {
		ts2phc_say(t->log, LOG_ERR, "reference clock (%s) timestamp not valid, skipping",
			   f->roles[f->reference].name);
		return;
	}
	for (size_t i = 0; i < f->count; i++) {
		const struct member *m = &f->members[i];
		struct keep *keep = m->sink ? &m->sink->keep : m->source ? &m->source->keep : NULL;

		if (keep && f->roles[i].target && member_time(t, m, &at)) {
			keep_sample(keep, at, reference, false, t->conf, t->log, now);
		}
	}
}

static void pulse_end(struct ts2phc *t, gnomon_mono now)
{
	t->collect_until = GNOMON_MONO_NEVER;
	if (!t->other_edge) {
		for (size_t i = 0; i < t->sink_count; i++) {
			if (t->sinks[i].target) {
				count_missed(t, &t->sinks[i]);
			}
		}
		if (t->follow.active && !t->follow.external) {
			keep_by_reference(t, now);
		} else {
			keep_by_source(t, now);
		}
	}
	for (size_t i = 0; i < t->sink_count; i++) {
		t->sinks[i].has_event = false;
	}
}

/* Without time of day a clock that has been kept so far tells the edges apart itself. */
static bool is_other_edge(const struct ts2phc *t, const struct sink *sink)
{
	struct edge_pulse own = t->pulse;

	own.message = false;
	return t->has_time ? edge_is_other(&t->pulse, t->source_time)
			   : edge_is_other(&own, sink->at);
}

/* The first sink's stamp is the moment to ask the source; the others follow within a third of the
 * period, or belong to another pulse. */
static void pulse_begin(struct ts2phc *t, gnomon_mono now)
{
	t->last_pulse = now;
	if (t->silent) {
		ts2phc_say(t->log, LOG_NOTICE, "pulses are back");
		t->silent = false;
	}
	t->collect_until = gnomon_mono_add(now, t->pulse.period_ns / 3);
	t->has_time = source_now(&t->source, now, &t->source_time) == 0;
	t->other_edge = false;
	for (size_t i = 0; i < t->sink_count; i++) {
		if (t->sinks[i].has_event &&
		    t->sinks[i].port->ts2phc_extts_polarity == CONF_EDGE_BOTH) {
			t->other_edge = is_other_edge(t, &t->sinks[i]);
		}
	}
}

static bool all_have_events(const struct ts2phc *t)
{
	for (size_t i = 0; i < t->sink_count; i++) {
		const bool wanted = t->sinks[i].target ||
				    (t->follow.active && !t->follow.external);

		if (wanted && !t->sinks[i].has_event) {
			return false;
		}
	}
	return true;
}

int ts2phc_take(struct ts2phc *t, gnomon_mono now)
{
	bool any = false;

	for (size_t i = 0; i < t->sink_count; i++) {
		int err = sink_read(&t->sinks[i]);

		if (err) {
			ts2phc_say(t->log, LOG_ERR, "%s: cannot read time stamps: %s",
				   t->sinks[i].device.name, driver_strerror(err));
			return err;
		}
		any |= t->sinks[i].has_event;
	}
	if (any && t->collect_until.ns == GNOMON_MONO_NEVER.ns) {
		pulse_begin(t, now);
	}
	if (t->collect_until.ns != GNOMON_MONO_NEVER.ns &&
	    (all_have_events(t) || !gnomon_mono_before(now, t->collect_until))) {
		pulse_end(t, now);
	}
	return 0;
}

/* -- waiting ---------------------------------------------------------------------------------- */

static gnomon_mono silence(const struct ts2phc *t)
{
	return t->silent ? GNOMON_MONO_NEVER
			 : gnomon_mono_add(t->last_pulse, (MISSED_WARN + 1) * t->pulse.period_ns);
}

static gnomon_mono deadline(const struct ts2phc *t)
{
	gnomon_mono next = gnomon_mono_min(t->collect_until, silence(t));

	next = gnomon_mono_min(next, source_deadline(&t->source));
	next = gnomon_mono_min(next, keep_deadline(&t->source.keep));
	if (t->follow.agent) {
		next = gnomon_mono_min(next, agent_deadline(t->follow.agent));
	}
	for (size_t i = 0; i < t->sink_count; i++) {
		next = gnomon_mono_min(next, keep_deadline(&t->sinks[i].keep));
	}
	return next;
}

static int wait_for(struct pollfd *fds, size_t count, gnomon_mono until)
{
	const gnomon_mono now = timer_now();
	int64_t ms = -1;

	if (until.ns != GNOMON_MONO_NEVER.ns) {
		ms = gnomon_mono_before(now, until) ? (until.ns - now.ns + 999999) / 1000000 : 0;
		ms = ms < 60000 ? ms : 60000;
	}
	return poll(fds, count, (int)ms) < 0 && errno != EINTR ? -errno : 0;
}

static void tend(struct ts2phc *t, bool readable, gnomon_mono now)
{
	source_tend(&t->source, readable, now);
	follow_tend(&t->follow, t->log, now);
	keep_expire(&t->source.keep, t->log, now);
	if (!gnomon_mono_before(now, silence(t))) {
		ts2phc_say(t->log, LOG_WARNING, "no pulses; is the signal connected to the pins?");
		t->silent = true;
	}
	for (size_t i = 0; i < t->sink_count; i++) {
		keep_expire(&t->sinks[i].keep, t->log, now);
	}
}

void ts2phc_begin(struct ts2phc *t, gnomon_mono now)
{
	t->collect_until = GNOMON_MONO_NEVER;
	t->lost = GNOMON_MONO_NEVER;
	t->last_pulse = now;
}

int ts2phc_run(struct ts2phc *t)
{
	struct pollfd *fds = calloc(t->sink_count + 2, sizeof(*fds));
	int err = fds ? 0 : -ENOMEM;

	ts2phc_begin(t, timer_now());
	for (size_t i = 0; !err && i < t->sink_count; i++) {
		fds[i] = (struct pollfd){ .fd = t->sinks[i].device.fd, .events = POLLIN };
	}
	if (!err) {
		fds[t->sink_count + 1] = (struct pollfd){
			.fd = t->follow.agent ? agent_fd(t->follow.agent) : -1,
			.events = POLLIN,
		};
	}
	while (!err && !stop_signal()) {
		gnomon_mono now;

		fds[t->sink_count] = (struct pollfd){ .fd = source_fd(&t->source),
						      .events = POLLIN };
		err = wait_for(fds, t->sink_count + 2, deadline(t));
		now = timer_now();
		if (!err) {
			tend(t, fds[t->sink_count].revents != 0, now);
			err = ts2phc_take(t, now);
		}
	}
	free(fds);
	return err ? err : stop_signal();
}
