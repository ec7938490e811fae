/* SPDX-License-Identifier: BSD-2-Clause */
/* Pairs at work: when each may read, and what becomes of clocks that go away. */
#include "syncs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "drivers/clock_find.h"
#include "drivers/phc_pins.h"
#include "tools/sync/report.h"

#include "syncs_private.h"

/* How often a clock that is gone is looked for. */
#define LOOK_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)

int syncs_phc_fd(const struct syncs *s, size_t clock)
{
	const struct gnomon_clock *c = s->clocks.items[clock].clock;

	return c && strcmp(c->ops->kind, "phc") == 0 ? ~(clock_id(c) >> 3) : -1;
}

/* Lines between this and speak_of(s, NULL) are about the pair. */
static void speak_of(struct syncs *s, const struct syncs_pair *p)
{
	s->log->section = p ? p->conf->name : NULL;
}

/* -- who may read ----------------------------------------------------------------------------- */

static bool is_locked(const struct pair *pair)
{
	return pair->state == GNOMON_SERVO_LOCKED || pair->state == GNOMON_SERVO_LOCKED_STABLE;
}

static bool is_gone(const struct syncs *s, const struct syncs_pair *p)
{
	return s->clocks.items[p->source].gone || s->clocks.items[p->sink].gone;
}

/* A program that is told the kept clock's time, by however many clocks between. Of pulses it is
 * told what they say. */
static bool hands_over(const struct syncs *s, const struct syncs_pair *p)
{
	bool out = p->out && p->pps_fd < 0 && p->extts_channel < 0;

	for (; out && p->source != s->kept; p = p->upstream) {
		out = p->upstream != NULL;
	}
	return out;
}

/* What is fed by nonsense is nonsense, however far down. */
static bool may_run(const struct syncs *s, const struct syncs_pair *p)
{
	if (!p->built || is_gone(s, p) || (s->theirs && hands_over(s, p))) {
		return false;
	}
	if (p->source == s->kept) {
		return s->valid;
	}
	return !p->upstream || (p->upstream->running && is_locked(&p->upstream->pair));
}

static void tell_waiting(struct syncs *s, struct syncs_pair *p)
{
	const bool held = s->valid && s->theirs && hands_over(s, p);

	if ((p->waits && (p->held || !held)) || !p->built || is_gone(s, p)) {
		return;
	}
	p->waits = true;
	p->held = held;
	if (held) {
		sync_report_note(s->log, 5,
				 "waits while no source but chronyd is followed: it must not be "
				 "told its own time");
	} else if (p->source == s->kept) {
		sync_report_note(s->log, 5, "waits until the clock that gnomond keeps is in step%s",
				 s->conf->port_count ? " (one that is the reference itself has "
						       "serverOnly 1, or a clockClass below 128)"
						     : "");
	} else if (p->upstream) {
		sync_report_note(s->log, 5, "waits until %s is in step", p->upstream->conf->sink);
	}
}

/* Pulses are switched on by the first use. */
static void start_pulses(struct syncs *s, const struct syncs_pair *p)
{
	const int fd = syncs_phc_fd(s, p->sink);
	int err;

	if (p->extts_channel < 0) {
		return;
	}
	err = phc_extts_set(fd, (unsigned int)p->extts_channel, PHC_EDGE_RISING);
	if (err) {
		sync_report_failure(s->log, p->conf->sink, "take external time stamps", err);
	}
}

/* The source may have been set meanwhile: start over from the frequency that was learned. */
static void run(struct syncs *s, struct syncs_pair *p, gnomon_mono now)
{
	if (p->waits) {
		sync_report_note(s->log, 5, "goes on");
	}
	start_pulses(s, p);
	pair_set_source(&p->pair, p->pair.config.source, p->pair.config.source_name, now);
	pair_reset(&p->pair);
	p->waits = false;
	p->held = false;
	p->running = true;
	p->ran = true;
}

static void pause(struct syncs *s, struct syncs_pair *p)
{
	if (p->running) {
		pair_pause(&p->pair);
	}
	p->running = false;
	tell_waiting(s, p);
}

/* A pair that stops or starts may stop or start others, which stand anywhere in the list. */
static void decide(struct syncs *s, gnomon_mono now)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < s->count; i++) {
			struct syncs_pair *p = &s->list[i];
			const bool may = may_run(s, p);

			speak_of(s, p);
			changed |= may != p->running;
			if (may && !p->running) {
				run(s, p, now);
			} else if (!may) {
				pause(s, p);
			}
		}
	}
	speak_of(s, NULL);
}

/* Sure enough of UTC to tell the kernel. */
static void tell_properties(const struct syncs *s, struct syncs_pair *p)
{
	const unsigned int sure = GNOMON_FLAG_UTC_OFFSET_VALID | GNOMON_FLAG_TIME_TRACEABLE;

	if (p->built && s->has_properties) {
		pair_time_properties(&p->pair, &s->properties,
				     (s->properties.flags & sure) == sure);
	}
}

/* -- clocks that go and come ------------------------------------------------------------------ */

static bool has_vanished(const struct syncs *s, size_t clock)
{
	const struct clocks_item *item = &s->clocks.items[clock];
	gnomon_time now;

	return !item->lent && !item->gone &&
	       item->clock->ops->read(item->clock, &now) == -ENODEV;
}

/* The daemon's own clock is not looked for here. */
static void note_vanished(struct syncs *s, const struct syncs_pair *p, gnomon_mono now)
{
	const size_t ends[] = { p->source, p->sink };

	for (size_t i = 0; i < 2; i++) {
		if (!has_vanished(s, ends[i])) {
			continue;
		}
		s->clocks.items[ends[i]].gone = true;
		sync_report_note(s->log, 3, "%s is gone; it is looked for every %d s",
				 s->clocks.items[ends[i]].name,
				 (int)(LOOK_NS / GNOMON_NSEC_PER_SEC));
		s->look = gnomon_mono_min(s->look, gnomon_mono_add(now, LOOK_NS));
		s->looks = 0;
	}
}

/* It is another device: what was learned of the old one is worth nothing. */
static int replace_sink(struct syncs *s, struct syncs_pair *p, struct driver_error *error)
{
	int err;

	if (p->built) {
		pair_finish(&p->pair);
	}
	p->built = false;
	p->running = false;
	steward_release(&p->steward);
	err = syncs_claim(s, p, error);
	err = err ? err : syncs_build(s, p, error);
	if (!err) {
		tell_properties(s, p);
	}
	return err;
}

static void replace_source(struct syncs *s, struct syncs_pair *p)
{
	p->running = false;
	pair_set_source(&p->pair, s->clocks.items[p->source].clock, p->pair.config.source_name,
			GNOMON_MONO_NEVER);
}

static int replace(struct syncs *s, size_t clock, struct driver_error *error)
{
	int err = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct syncs_pair *p = &s->list[i];

		if (p->sink == clock) {
			const int failed = replace_sink(s, p, error);

			err = failed ? failed : err;
		} else if (p->built && p->source == clock) {
			replace_source(s, p);
		}
	}
	return err;
}

/* A clock that somebody else took over is as good as gone. */
static int find_again(struct syncs *s, size_t clock, struct driver_error *error)
{
	struct gnomon_clock *former;
	int err = clocks_reopen(&s->clocks, clock, &former, error);

	if (!err) {
		err = replace(s, clock, error);
		s->clocks.items[clock].gone = err != 0;
		former->ops->destroy(former);
	}
	return err;
}

/* The first failure is told, and then ever fewer. */
static void look(struct syncs *s, gnomon_mono now)
{
	const bool tell = (s->looks & (s->looks + 1)) == 0;
	struct driver_error error = { "" };

	s->look = GNOMON_MONO_NEVER;
	s->looks++;
	for (size_t i = 0; i < s->clocks.item_count; i++) {
		if (!s->clocks.items[i].gone) {
			continue;
		}
		if (find_again(s, i, &error) == 0) {
			sync_report_note(s->log, 5, "%s is back", s->clocks.items[i].name);
			continue;
		}
		s->look = gnomon_mono_add(now, LOOK_NS);
		if (tell) {
			sync_report_note(s->log, 4, "%s", error.text);
		}
	}
}

/* -- the loop --------------------------------------------------------------------------------- */

void syncs_start(struct syncs *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct syncs_pair *p = &s->list[i];

		speak_of(s, p);
		sync_report_start(s->log, p->conf->sink, p->conf->source, p->conf->interval_s,
				  p->steered);
		if (p->source != s->kept && !p->upstream) {
			sync_report_note(s->log, 5,
					 "bound_ns stays unknown: %s is kept by nobody here, who "
					 "could say how far it is off", p->conf->source);
		}
		if (p->out && p->out->absent) {
			sync_report_note(s->log, 4,
					 "nobody listens at %s yet; chronyd does by \"refclock "
					 "SOCK %s\"",
					 p->out->name, p->out->name);
		}
	}
	if (s->count > 0) {
		speak_of(s, NULL);
	}
}

gnomon_mono syncs_deadline(const struct syncs *s)
{
	gnomon_mono next = s->count ? s->look : GNOMON_MONO_NEVER;

	for (size_t i = 0; i < s->count; i++) {
		if (s->list[i].built && !is_gone(s, &s->list[i])) {
			next = gnomon_mono_min(next, pair_deadline(&s->list[i].pair));
		}
	}
	return next;
}

/* Of pulses, that of the clock which makes them. Of a clock nobody here keeps nothing is known. */
static double source_bound(const struct syncs *s, const struct syncs_pair *p, gnomon_mono now)
{
	struct gnomon_estimate estimate = { .bound_ns = (double)INFINITY };

	if (p->source == s->kept) {
		return s->kept_bound_ns;
	}
	if (p->upstream && p->upstream->built) {
		pair_estimate(&p->upstream->pair, now, &estimate);
	}
	return estimate.bound_ns;
}

/* The day of a leap second is another one after a step: properties are told anew. */
static void expire(struct syncs *s, struct syncs_pair *p, gnomon_mono now)
{
	if (gnomon_mono_before(now, pair_deadline(&p->pair))) {
		return;
	}
	tell_properties(s, p);
	pair_source_bound(&p->pair, source_bound(s, p, now));
	if (pair_expire(&p->pair, now) == -ENODEV) {
		note_vanished(s, p, now);
	}
}

void syncs_expire(struct syncs *s, gnomon_mono now)
{
	for (size_t i = 0; i < s->count; i++) {
		struct syncs_pair *p = &s->list[i];

		speak_of(s, p);
		if (p->built && !is_gone(s, p)) {
			expire(s, p, now);
		}
	}
	speak_of(s, NULL);
	if (s->count && !gnomon_mono_before(now, s->look)) {
		look(s, now);
	}
	decide(s, now);
}

void syncs_poll_fds(const struct syncs *s, struct pollfd *fds)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct syncs_pair *p = &s->list[i];

		fds[i] = (struct pollfd){
			.fd = p->built && !is_gone(s, p) ? pair_fd(&p->pair) : -1,
			.events = POLLIN,
		};
	}
}

/* Pulses of the time of waiting are old when it ends. */
void syncs_ready(struct syncs *s, size_t index, gnomon_mono now)
{
	struct syncs_pair *p = &s->list[index];
	struct phc_event untold;

	speak_of(s, p);
	pair_source_bound(&p->pair, source_bound(s, p, now));
	if (!p->running) {
		(void)phc_extts_read(pair_fd(&p->pair), &untold);
	} else if (pair_ready(&p->pair, now) == -ENODEV) {
		note_vanished(s, p, now);
	}
	decide(s, now);
}

void syncs_kept(struct syncs *s, bool valid, double bound_ns, gnomon_mono now)
{
	s->kept_bound_ns = bound_ns;
	if (valid != s->valid || !s->told) {
		s->told = true;
		s->valid = valid;
		decide(s, now);
	}
}

void syncs_theirs(struct syncs *s, bool theirs, gnomon_mono now)
{
	if (theirs != s->theirs) {
		s->theirs = theirs;
		decide(s, now);
	}
}

bool syncs_tell_programs(const struct syncs *s)
{
	bool tell = false;

	for (size_t i = 0; i < s->count; i++) {
		tell |= hands_over(s, &s->list[i]);
	}
	return tell;
}

void syncs_time_properties(struct syncs *s, const struct gnomon_time_properties_ds *properties)
{
	if (s->has_properties && properties->flags == s->properties.flags &&
	    properties->current_utc_offset == s->properties.current_utc_offset) {
		return;
	}
	s->properties = *properties;
	s->has_properties = true;
	for (size_t i = 0; i < s->count; i++) {
		speak_of(s, &s->list[i]);
		tell_properties(s, &s->list[i]);
	}
	speak_of(s, NULL);
}

double syncs_slew(const struct syncs *s, const char *sink, gnomon_mono now)
{
	const struct syncs_pair *p = NULL;
	double slew = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->list[i].steered && strcmp(s->list[i].conf->sink, sink) == 0) {
			p = &s->list[i];
		}
	}
	for (; p && p->built; p = p->upstream) {
		slew += pair_slew(&p->pair, now);
		if (p->source == s->kept) {
			return slew;
		}
	}
	return (double)INFINITY;
}
