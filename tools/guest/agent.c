/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock.h"

#define NS_PER_S ((int64_t)GNOMON_NSEC_PER_SEC)

/* Clocks that are not followed are compared once a second: some cost a hypercall. */
#define OTHERS_NS NS_PER_S

/* Drivers are loaded late, devices plugged in. */
#define LOOK_NS (10 * NS_PER_S)

/* Readings that may fail before another clock is followed. */
#define PATIENCE 3

/* Another clock takes over if it is twice as good for so many comparisons. */
#define BETTER_TURNS 10

/* A page is old when its host missed so much. */
#define STALE_S 10

/* In step: off by no more than this, beside what the reading itself may be wrong. */
#define LOCKED_NS 1000

const char *agent_state_name(enum agent_state state)
{
	switch (state) {
	case AGENT_WAITING:
		return "waiting";
	case AGENT_SETTLING:
		return "settling";
	case AGENT_LOCKED:
		return "locked";
	case AGENT_FREERUNNING:
		return "freerunning";
	case AGENT_LOST:
		return "lost";
	}
	return "invalid";
}

const char *agent_source_name(const struct agent *agent)
{
	return agent->chosen < agent->count ? agent->sources[agent->chosen].what.name : "none";
}

struct gnomon_guest_clock *agent_page(const struct agent *agent)
{
	return agent->chosen < agent->count ? agent->sources[agent->chosen].page : NULL;
}

gnomon_mono agent_deadline(const struct agent *agent)
{
	return agent->next;
}

/* -- reading ---------------------------------------------------------------------------------- */

static bool is_usable(const struct agent *a, size_t i)
{
	return a->readings[i].state != SOURCE_UNUSABLE;
}

/* TAI - UTC for hosts that do not tell it: the list of leap seconds at the kept clock's time. */
static int offset_of_list(struct agent *a)
{
	struct gnomon_clock *kept = a->config.clocks.kept;
	gnomon_time now;
	int offset = a->config.conf->utc_offset;

	if (kept->ops->read(kept, &now) == 0) {
		(void)leap_find(&a->leaps, now.sec - (kept->utc ? 0 : offset), &offset);
	}
	return offset;
}

static void log_disruption(struct agent *a, size_t i, uint64_t before)
{
	struct log *log = a->config.log;

	if (log_begin(log, LOG_DISRUPTION)) {
		char marker[2][20];

		(void)snprintf(marker[0], sizeof(marker[0]), "%016llx",
			       (unsigned long long)before);
		(void)snprintf(marker[1], sizeof(marker[1]), "%016llx",
			       (unsigned long long)a->markers[i]);
		log_text(log, "%s: disrupted", a->sources[i].what.name);
		log_str(log, "clock", a->sources[i].what.name);
		log_str(log, "marker", marker[1]);
		log_str(log, "before", marker[0]);
		log_end(log);
	}
}

/* A new marker: this machine was moved or restored, or the host's clock was stepped. What was
 * learnt of counter and rate is void. */
static void watch_marker(struct agent *a, size_t i)
{
	const struct source_reading *r = &a->readings[i];
	const uint64_t before = a->markers[i];

	/* A page that has told no time yet has taught nothing, whatever its marker. */
	if (!r->has_marker || (!is_usable(a, i) && !a->marked[i])) {
		return;
	}
	a->markers[i] = r->marker;
	if (!a->marked[i] || before == r->marker) {
		a->marked[i] = true;
		return;
	}
	source_forget(&a->sources[i]);
	a->disrupted[i] = true;
	a->disruptions += i == a->chosen;
	log_disruption(a, i, before);
}

static void log_usable(struct agent *a, size_t i, bool usable)
{
	struct log *log = a->config.log;
	const struct source *s = &a->sources[i];

	if (log_begin_at(log, LOG_SOURCE, usable ? 5 : 4)) {
		log_text(log, "%s: %s", s->what.name, usable ? "usable" : s->why);
		log_str(log, "clock", s->what.name);
		log_bool(log, "usable", usable);
		if (!usable) {
			log_str(log, "reason", s->why);
		}
		log_end(log);
	}
}

static void read_one(struct agent *a, size_t i)
{
	uint8_t say;

	a->sources[i].tai_offset = offset_of_list(a);
	(void)source_read(&a->sources[i], &a->readings[i]);
	watch_marker(a, i);
	say = is_usable(a, i) ? 1 : 2;
	if (say != a->said[i]) {
		log_usable(a, i, is_usable(a, i));
	}
	a->said[i] = say;
}

/* -- comparing -------------------------------------------------------------------------------- */

static void log_change(struct agent *a, const struct agree_change *change)
{
	struct log *log = a->config.log;

	if (log_begin_at(log, LOG_DISAGREE, change->conflict ? 3 : 5)) {
		const char *first = a->sources[change->a].what.name;
		const char *second = a->sources[change->b].what.name;

		log_text(log, "%s and %s %s", first, second,
			 change->conflict ? "disagree" : "agree again");
		log_str(log, "clock", first);
		log_str(log, "other", second);
		log_bool(log, "disagree", change->conflict);
		log_num(log, "difference_ns", change->difference_ns, 0);
		log_num(log, "allowed_ns", change->allowed_ns, 0);
		log_end(log);
	}
}

static void compare(struct agent *a)
{
	struct agree_opinion opinions[AGREE_MAX];
	struct agree_change changes[AGREE_MAX];
	size_t n;

	for (size_t i = 0; i < a->count; i++) {
		const struct source_reading *r = &a->readings[i];

		opinions[i] = (struct agree_opinion){
			.speaks = is_usable(a, i) && isfinite(r->bound_ns) && !r->in_leap,
			.offset = r->offset,
			.error_ns = r->half_ns + r->bound_ns,
		};
	}
	n = agree_take(&a->agree, opinions, a->count, changes, AGREE_MAX);
	for (size_t i = 0; i < n; i++) {
		log_change(a, &changes[i]);
	}
}

/* -- choosing --------------------------------------------------------------------------------- */

/* What nobody vouches for comes last, in the order of kinds, and that is also how they are
 * listed. */
static double score(const struct agent *a, size_t i)
{
	const struct source_reading *r = &a->readings[i];

	if (isfinite(r->bound_ns)) {
		return r->bound_ns + r->half_ns;
	}
	return 1e15 * (1 + (double)a->sources[i].what.kind) + r->half_ns;
}

/* Outvoted: most of those that speak contradict it. */
static bool is_outvoted(const struct agent *a, size_t i)
{
	const unsigned int against = agree_conflicts(&a->agree, i);

	return against >= 2 && 2 * against >= a->count;
}

static size_t find_best(const struct agent *a)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < a->count; i++) {
		if (is_usable(a, i) && !is_outvoted(a, i) &&
		    (best == SIZE_MAX || score(a, i) < score(a, best))) {
			best = i;
		}
	}
	return best;
}

static void follow(struct agent *a, size_t i)
{
	struct log *log = a->config.log;
	const bool first = a->chosen == SIZE_MAX;

	if (log_begin(log, LOG_SWITCH)) {
		log_text(log, "following %s", a->sources[i].what.name);
		log_str(log, "clock", a->sources[i].what.name);
		log_str(log, "before", agent_source_name(a));
		log_num(log, "bound_ns", a->readings[i].bound_ns, 0);
		log_str(log, "method", a->readings[i].method);
		log_end(log);
	}
	a->chosen = i;
	a->silent = 0;
	a->better = 0;
	feedforward_reset(&a->ff, first);
}

/* others: they were read in this turn as well. */
static void choose(struct agent *a, bool others)
{
	const size_t chosen = a->chosen;
	const bool usable = chosen != SIZE_MAX && is_usable(a, chosen);
	size_t best;

	a->silent = usable ? 0 : a->silent + 1;
	if (chosen != SIZE_MAX && !others && (usable || a->silent < PATIENCE)) {
		return;
	}
	best = find_best(a);
	if (best == SIZE_MAX || best == chosen) {
		a->better = 0;
		return;
	}
	if (usable && !is_outvoted(a, chosen)) {
		a->better = 2 * score(a, best) < score(a, chosen) ? a->better + 1 : 0;
		if (a->better < BETTER_TURNS) {
			return;
		}
	} else if (chosen != SIZE_MAX && !usable && a->silent < PATIENCE) {
		return;
	}
	follow(a, best);
}

/* -- steering --------------------------------------------------------------------------------- */

static void log_clock_error(struct agent *a, const char *what, int err)
{
	struct log *log = a->config.log;

	if (log_begin(log, LOG_CLOCK_ERROR)) {
		log_text(log, "%s: cannot %s it: %s", a->config.clocks.kept->name, what,
			 driver_strerror(err));
		log_str(log, "clock", a->config.clocks.kept->name);
		log_str(log, "operation", what);
		log_str(log, "error", driver_strerror(err));
		log_end(log);
	}
}

static void log_step(struct agent *a, gnomon_span by)
{
	struct log *log = a->config.log;

	if (log_begin(log, LOG_STEP)) {
		log_text(log, "%s: stepped", a->config.clocks.kept->name);
		log_str(log, "clock", a->config.clocks.kept->name);
		log_int(log, "step_ns", by.ns);
		log_str(log, "by", agent_source_name(a));
		log_end(log);
	}
}

/* Nothing can be read, or is to be followed: no slew may go on for longer than until the next
 * reading was due. */
static void coast(struct agent *a)
{
	const struct source_clocks *c = &a->config.clocks;
	gnomon_time raw;
	int err;

	if (a->coasting || a->ff.fresh || c->raw(c->context, &raw) != 0) {
		return;
	}
	err = c->kept->ops->set_frequency(c->kept, feedforward_coast(&a->ff, raw));
	if (err) {
		log_clock_error(a, "set the frequency of", err);
	}
	a->coasting = true;
}

/* Whoever else steers the clock is noticed by the frequency, which is not what we set. */
static void notice_meddling(struct agent *a)
{
	struct gnomon_clock *kept = a->config.clocks.kept;
	struct log *log = a->config.log;
	double ppb;

	if (kept->ops->get_frequency(kept, &ppb) != 0 ||
	    fabs(ppb - a->ff.frequency_ppb) < 1) {
		a->meddled = false;
		return;
	}
	if (a->turns > 0 && !a->meddled && log_begin_at(log, LOG_STEPPED, 4)) {
		log_text(log, "%s: another program set its frequency", kept->name);
		log_str(log, "clock", kept->name);
		log_str(log, "reason", "another program set its frequency");
		log_num(log, "frequency_ppb", ppb, 3);
		log_num(log, "expected_ppb", a->ff.frequency_ppb, 3);
		log_end(log);
	}
	a->meddled = true;
	feedforward_frequency(&a->ff, ppb);
}

static void obey(struct agent *a, const struct feedforward_command *command)
{
	struct gnomon_clock *kept = a->config.clocks.kept;
	int err = command->step ? kept->ops->step(kept, command->by) : 0;

	if (err) {
		log_clock_error(a, "step", err);
		feedforward_reset(&a->ff, true);
		return;
	}
	if (command->step) {
		a->steps++;
		log_step(a, command->by);
	}
	err = kept->ops->set_frequency(kept, command->frequency_ppb);
	if (err) {
		log_clock_error(a, "set the frequency of", err);
		feedforward_reset(&a->ff, false);
	}
}

static void steer(struct agent *a)
{
	const struct source_reading *r = &a->readings[a->chosen];
	const struct feedforward_sample sample = {
		.raw = r->raw,
		.offset = r->offset,
		.half_ns = r->half_ns,
		.rate_ppb = r->rate_ppb,
		.rate_error_ppb = r->rate_error_ppb,
	};
	struct feedforward_command command;
	double half = r->half_ns;

	if (a->disrupted[a->chosen]) {
		feedforward_reset(&a->ff, true);
	}
	a->coasting = false;
	notice_meddling(a);
	feedforward_take(&a->ff, &sample, &command);
	obey(a, &command);
	if (!feedforward_phase(&a->ff, r->raw, &a->offset_ns, &half)) {
		a->offset_ns = gnomon_span_to_double(r->offset);
	}
	a->bound_ns = fabs(a->offset_ns) + half + r->bound_ns;
	a->growth_ppb = feedforward_growth(&a->ff) + r->growth_ppb;
}

/* -- the turn --------------------------------------------------------------------------------- */

/* The kept clock as it is, whoever keeps it. */
static void measure(struct agent *a)
{
	const struct source_reading *r = &a->readings[a->chosen];

	a->offset_ns = gnomon_span_to_double(r->offset);
	a->bound_ns = fabs(a->offset_ns) + r->half_ns + r->bound_ns;
	a->growth_ppb = 50000 + r->growth_ppb;
}

static void notice_age(struct agent *a)
{
	const struct source_reading *r = &a->readings[a->chosen];
	struct log *log = a->config.log;
	const bool stale = r->age_s > STALE_S;

	if (stale != a->stale && log_begin_at(log, LOG_SOURCE_ERROR, stale ? 4 : 5)) {
		log_text(log, "%s: %s", agent_source_name(a),
			 stale ? "the host does not write its page any more" :
				 "the host writes its page again");
		log_str(log, "clock", agent_source_name(a));
		log_str(log, "reason", stale ? "the host does not write its page any more: is its "
					       "daemon running? the bound grows" :
					       "the host writes its page again");
		log_num(log, "age_s", r->age_s, 1);
		log_num(log, "bound_ns", r->bound_ns, 0);
		log_end(log);
	}
	a->stale = stale;
}

static enum agent_state state_of(const struct agent *a)
{
	const struct source_reading *r;

	if (a->chosen == SIZE_MAX) {
		return AGENT_WAITING;
	}
	r = &a->readings[a->chosen];
	if (!is_usable(a, a->chosen)) {
		return AGENT_LOST;
	}
	if (!(fabs(a->offset_ns) <= LOCKED_NS + r->half_ns) ||
	    (a->config.mode == AGENT_STEER && !isfinite(r->rate_error_ppb))) {
		return AGENT_SETTLING;
	}
	return r->state == SOURCE_FREERUNNING || a->stale ? AGENT_FREERUNNING : AGENT_LOCKED;
}

static void set_state(struct agent *a, enum agent_state state)
{
	struct log *log = a->config.log;

	if (state != a->state && log_begin_at(log, LOG_SOURCE, state == AGENT_LOST ? 4 : 5)) {
		log_text(log, "%s: %s", a->config.clocks.kept->name, agent_state_name(state));
		log_str(log, "state", agent_state_name(state));
		log_str(log, "clock", agent_source_name(a));
		log_num(log, "offset_ns", a->offset_ns, 0);
		log_num(log, "bound_ns", a->bound_ns, 0);
		log_end(log);
	}
	a->state = state;
}

static void read_all(struct agent *a, gnomon_mono now, bool *others)
{
	*others = a->chosen == SIZE_MAX || !gnomon_mono_before(now, a->next_others);
	if (*others) {
		a->next_others = gnomon_mono_add(now, OTHERS_NS);
	}
	for (size_t i = 0; i < a->count; i++) {
		if (*others || i == a->chosen) {
			read_one(a, i);
		}
	}
}

void agent_turn(struct agent *agent, gnomon_mono now)
{
	bool others;

	/* What is said of errors is as of now, and no later. */
	agent->begun = sink_clockbound_begin();
	if (!gnomon_mono_before(now, agent->next_look)) {
		if (agent->turns > 0) {
			(void)agent_look(agent);
		}
		agent->next_look = gnomon_mono_add(now, LOOK_NS);
	}
	read_all(agent, now, &others);
	if (others) {
		compare(agent);
	}
	choose(agent, others);
	if (agent->chosen != SIZE_MAX && is_usable(agent, agent->chosen) &&
	    !agent->readings[agent->chosen].in_leap) {
		if (agent->config.mode == AGENT_STEER) {
			steer(agent);
		} else {
			measure(agent);
		}
		agent->disrupted[agent->chosen] = false;
		notice_age(agent);
	} else if (agent->config.mode == AGENT_STEER) {
		coast(agent);
	}
	set_state(agent, state_of(agent));
	agent_tell(agent);
	agent->turns++;
	agent->next = gnomon_mono_add(now, (int64_t)(agent->config.interval_s * 1e9));
}

void agent_close(struct agent *agent)
{
	struct gnomon_clock *kept = agent->config.clocks.kept;

	/* What was being slewed would go on for ever. */
	if (agent->config.mode == AGENT_STEER && agent->turns > 0 &&
	    agent->state != AGENT_WAITING &&
	    kept->ops->set_frequency(kept, agent->ff.needed_ppb) == 0) {
		feedforward_frequency(&agent->ff, agent->ff.needed_ppb);
	}
	agent_tell_end(agent);
	for (size_t i = 0; i < agent->count; i++) {
		source_close(&agent->sources[i]);
	}
	agent->count = 0;
	gnomon_clock_close(agent->quality);
	agent->quality = NULL;
}
