/* SPDX-License-Identifier: BSD-2-Clause */
#include "expect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "plot.h"

/* How a kind is judged: of an instant, or of the whole run once it is over. */
struct kind {
	const char *name;
	bool instant;
	bool exact; /* low alone is the expected value */
	bool time;  /* measured in ns */
};

static const struct kind kinds[] = {
	[SIM_EXPECT_END] = { "", false, false, false },
	[SIM_EXPECT_MAX_TE] = { "max |time error|", false, false, true },
	[SIM_EXPECT_RMS_TE] = { "rms time error", false, false, true },
	[SIM_EXPECT_MEAN_TE] = { "mean time error", false, false, true },
	[SIM_EXPECT_RATE] = { "largest change of the time error in 1 s", false, false, true },
	[SIM_EXPECT_STATE] = { "port state", true, true, false },
	[SIM_EXPECT_STATES] = { "ports in the state", true, false, false },
	[SIM_EXPECT_SERVO] = { "servo state", true, true, false },
	[SIM_EXPECT_GM] = { "grandmaster is the one expected", true, true, false },
	[SIM_EXPECT_STEPS_REMOVED] = { "stepsRemoved", true, true, false },
	[SIM_EXPECT_STEPS] = { "clock steps", true, false, false },
	[SIM_EXPECT_COUNTER] = { "counter", false, false, false },
	[SIM_EXPECT_SAMPLES] = { "samples", true, false, false },
	[SIM_EXPECT_DELAY] = { "mean delay", true, false, true },
	[SIM_EXPECT_UTC] = { "seconds with a wrong UTC label", false, false, false },
	[SIM_EXPECT_UTC_OFFSET] = { "currentUtcOffset", true, true, false },
	[SIM_EXPECT_FLAGS] = { "timePropertiesDS flags", true, true, false },
	[SIM_EXPECT_BOUND] = { "share of time within the bound", false, false, false },
	[SIM_EXPECT_BOUND_NS] = { "mean error bound", false, false, true },
	[SIM_EXPECT_GROWTH] = { "bound per frequency error and time", true, false, false },
	[SIM_EXPECT_EVENTS] = { "engine events", true, false, false },
	[SIM_EXPECT_FREQUENCY] = { "frequency adjustment", true, false, false },
	[SIM_EXPECT_SOURCE] = { "source followed", true, true, false },
	[SIM_EXPECT_SOURCE_STATE] = { "state of the source", true, true, false },
	[SIM_EXPECT_MODE] = { "mode", true, true, false },
	[SIM_EXPECT_SWITCHES] = { "changes of the source", true, false, false },
};

struct counter_name {
	const char *name;
	size_t offset;
};

#define COUNTER(member) { #member, offsetof(struct gnomon_port_counters, member) }

static const struct counter_name counter_names[] = {
	COUNTER(tx_timestamp_lost),
	COUNTER(tx_timestamp_late),
	COUNTER(announce_timeout),
	COUNTER(sync_timeout),
	COUNTER(delay_timeout),
	COUNTER(pdelay_lost_response),
	COUNTER(pdelay_multiple_responders),
	COUNTER(foreign_evicted),
	COUNTER(sync_mismatch),
	COUNTER(action_overflow),
};

/* -- measuring ------------------------------------------------------------------------------- */

static unsigned int port_of(const struct sim_expect *e)
{
	return e->port > 0 ? e->port : 1;
}

/* A counter by name: "drop.stale", "rx.Sync", "tx.Delay_Req" or a member. NULL: none such. */
static const uint64_t *counter_at(const struct gnomon_port_counters *c, const char *name)
{
	if (strncmp(name, "drop.", 5) == 0) {
		for (int d = 0; d < GNOMON_DROP_COUNT; d++) {
			if (strcmp(name + 5, gnomon_drop_name((enum gnomon_drop)d)) == 0) {
				return &c->drop[d];
			}
		}
	}
	for (int type = 0; type < 16; type++) {
		const char *type_name = gnomon_msg_type_name((enum gnomon_msg_type)type);

		if (strncmp(name, "rx.", 3) == 0 && strcmp(name + 3, type_name) == 0) {
			return &c->rx[type];
		}
		if (strncmp(name, "tx.", 3) == 0 && strcmp(name + 3, type_name) == 0) {
			return &c->tx[type];
		}
	}
	for (size_t i = 0; i < sizeof(counter_names) / sizeof(counter_names[0]); i++) {
		if (strcmp(name, counter_names[i].name) == 0) {
			return (const uint64_t *)((const void *)((const char *)c +
							       counter_names[i].offset));
		}
	}
	return NULL;
}

static double measure_counter(const struct sim_node *n, const struct sim_expect *e)
{
	struct gnomon_port_counters counters;

	unsigned int port = port_of(e);

	if (!n->powered || gnomon_engine_counters(node_engine(n, port), node_engine_port(n, port),
						  &counters) != 0) {
		return NAN;
	}
	return (double)*counter_at(&counters, e->counter);
}

/* Time errors in the window, relative to e->of if named. Allocated; *count of them. */
static double *window_te(const struct world *w, const struct sim_node *n,
			 const struct sim_expect *e, size_t *count)
{
	size_t begin = world_tick_at(w, e->at_s);
	size_t end = e->to_s > 0.0 ? world_tick_at(w, e->to_s) : w->ticks;
	const struct sim_node *of = e->of ? world_find(w, e->of) : NULL;
	double *x = calloc(w->ticks + 1, sizeof(*x));

	*count = 0;
	for (size_t i = begin; x && i < end; i++) {
		x[(*count)++] = n->te[i] - (of ? of->te[i] : 0.0);
	}
	return x;
}

static double measure_te(const struct world *w, const struct sim_node *n,
			 const struct sim_expect *e)
{
	struct te_stats stats;
	size_t count;
	double *x = window_te(w, n, e, &count);

	te_stats(x, count, &stats);
	free(x);
	if (count == 0) {
		return NAN;
	}
	return e->kind == SIM_EXPECT_MAX_TE ? stats.max_abs :
	       e->kind == SIM_EXPECT_RMS_TE ? stats.rms : stats.mean;
}

static double measure_rate(const struct world *w, const struct sim_node *n,
			   const struct sim_expect *e)
{
	size_t second = (size_t)(SIM_PS_PER_S / w->tick_ps);
	double most = NAN;
	size_t count;
	double *x = window_te(w, n, e, &count);

	for (size_t i = second; i < count; i++) {
		most = fmax(most, fabs(x[i] - x[i - second]));
	}
	free(x);
	return most;
}

/* An error of the frequency that does not fall adds up to no more than its last value times the
 * time; one that rises as fast as a straight line from zero at most, to no less than half of it. */
static double measure_growth(const struct sim_node *n, const struct sim_expect *e)
{
	struct gnomon_estimate estimate;

	if (!n->powered) {
		return NAN;
	}
	gnomon_ensemble_estimate(n->ensemble, node_now(n), &estimate);
	return estimate.valid ? estimate.bound_ns / (estimate.frequency_error_ppb * e->value) : NAN;
}

static double measure_bound(const struct world *w, const struct sim_node *n,
			    const struct sim_expect *e)
{
	size_t begin = world_tick_at(w, e->at_s);
	size_t end = e->to_s > 0.0 ? world_tick_at(w, e->to_s) : w->ticks;
	const struct sim_node *of = e->of ? world_find(w, e->of) : NULL;
	size_t inside = 0;
	double sum = 0.0;

	for (size_t i = begin; i < end; i++) {
		double te = n->te[i] - (of ? of->te[i] : 0.0);

		inside += fabs(te) <= (double)n->bound[i];
		sum += (double)n->bound[i];
	}
	if (end <= begin) {
		return NAN;
	}
	return (e->kind == SIM_EXPECT_BOUND ? (double)inside : sum) / (double)(end - begin);
}

static double measure_utc(const struct world *w, const struct sim_node *n,
			  const struct sim_expect *e)
{
	size_t end = e->to_s > 0.0 ? world_tick_at(w, e->to_s) : w->ticks;
	double bad = 0.0;

	for (size_t i = world_tick_at(w, e->at_s); i < end; i++) {
		bad += n->utc_bad[i];
	}
	return bad * (double)w->tick_ps / (double)SIM_PS_PER_S;
}

static double measure_states(const struct world *w, const struct sim_expect *e)
{
	double count = 0.0;

	for (uint32_t i = 0; i < w->node_count; i++) {
		if (world_is(w, i, e->node)) {
			int state = (int)w->nodes[i].ports[port_of(e) - 1].state;

			count += state == (int)e->value;
		}
	}
	return count;
}

static double measure_parent(const struct world *w, const struct sim_node *n,
			     const struct sim_expect *e)
{
	const struct sim_node *of = world_find(w, e->of);
	struct gnomon_parent_ds parent;

	if (!n->powered) {
		return NAN;
	}
	gnomon_engine_parent_ds(node_engine(n, port_of(e)), &parent);
	return gnomon_clock_identity_cmp(&parent.grandmaster_identity, &of->identity) == 0;
}

static double measure_properties(const struct sim_node *n, const struct sim_expect *e)
{
	struct gnomon_time_properties_ds tp;

	if (!n->powered) {
		return NAN;
	}
	gnomon_engine_time_properties_ds(node_engine(n, port_of(e)), &tp);
	return e->kind == SIM_EXPECT_FLAGS ? (double)(tp.flags & (unsigned int)e->value) :
					     (double)tp.current_utc_offset;
}

static double measure_steps_removed(const struct sim_node *n, const struct sim_expect *e)
{
	struct gnomon_current_ds current;

	if (!n->powered) {
		return NAN;
	}
	gnomon_engine_current_ds(node_engine(n, port_of(e)), &current);
	return (double)current.steps_removed;
}

static double measure_ensemble(const struct sim_node *n, const struct sim_expect *e)
{
	struct gnomon_ensemble_view view;

	if (!n->powered) {
		return NAN;
	}
	if (e->kind == SIM_EXPECT_SOURCE) {
		return (double)(gnomon_ensemble_selected(n->ensemble) + 1);
	}
	if (e->kind == SIM_EXPECT_MODE) {
		return (double)gnomon_ensemble_mode(n->ensemble);
	}
	gnomon_ensemble_source_view(n->ensemble, port_of(e) - 1, &view);
	return (double)view.state;
}

static double measure(const struct world *w, const struct sim_node *n, const struct sim_expect *e)
{
	switch (e->kind) {
	case SIM_EXPECT_MAX_TE:
	case SIM_EXPECT_RMS_TE:
	case SIM_EXPECT_MEAN_TE:
		return measure_te(w, n, e);
	case SIM_EXPECT_RATE:
		return measure_rate(w, n, e);
	case SIM_EXPECT_GROWTH:
		return measure_growth(n, e);
	case SIM_EXPECT_STATE:
		return (double)n->ports[port_of(e) - 1].state;
	case SIM_EXPECT_STATES:
		return measure_states(w, e);
	case SIM_EXPECT_SERVO:
		return (double)n->view.servo;
	case SIM_EXPECT_GM:
		return measure_parent(w, n, e);
	case SIM_EXPECT_STEPS_REMOVED:
		return measure_steps_removed(n, e);
	case SIM_EXPECT_STEPS:
		return (double)n->clock.steps;
	case SIM_EXPECT_COUNTER:
		return measure_counter(n, e);
	case SIM_EXPECT_SAMPLES:
		return (double)n->samples;
	case SIM_EXPECT_DELAY:
		return n->view.delay_ns;
	case SIM_EXPECT_UTC:
		return measure_utc(w, n, e);
	case SIM_EXPECT_UTC_OFFSET:
	case SIM_EXPECT_FLAGS:
		return measure_properties(n, e);
	case SIM_EXPECT_BOUND:
	case SIM_EXPECT_BOUND_NS:
		return measure_bound(w, n, e);
	case SIM_EXPECT_EVENTS:
		return (double)n->events[(size_t)e->value];
	case SIM_EXPECT_FREQUENCY:
		return n->view.frequency_ppb;
	case SIM_EXPECT_SOURCE:
	case SIM_EXPECT_SOURCE_STATE:
	case SIM_EXPECT_MODE:
		return measure_ensemble(n, e);
	case SIM_EXPECT_SWITCHES:
		return (double)n->switches;
	case SIM_EXPECT_END:
		break;
	}
	return NAN;
}

/* -- judging --------------------------------------------------------------------------------- */

static double high_of(const struct sim_expect *e)
{
	return kinds[e->kind].exact ? e->low : e->high;
}

/* How far a value is from what is expected; not a number is as far as can be. */
static double distance(const struct sim_expect *e, double value)
{
	if (isnan(value)) {
		return INFINITY;
	}
	return fmax(fmax(e->low - value, value - high_of(e)), 0.0);
}

/* An expectation of a group is one of each member; the worst is reported. */
static void pass_judgement(struct verdict *v, const struct world *w)
{
	double worst = -1.0;

	for (uint32_t i = 0; i < w->node_count; i++) {
		if (world_is(w, i, v->expect->node)) {
			double value = measure(w, &w->nodes[i], v->expect);
			double off = distance(v->expect, value);

			if (off > worst) {
				worst = off;
				v->measured = value;
				snprintf(v->node, sizeof(v->node), "%s", w->nodes[i].name);
			}
		}
	}
	v->judged = true;
	v->good = worst == 0.0;
}

static int check(const struct sim_expect *e, struct world *w)
{
	static const struct gnomon_port_counters none;
	const char *wrong = NULL;

	if (!world_find(w, e->node)) {
		wrong = "names no node";
	} else if (e->of && !world_find(w, e->of)) {
		wrong = "names no node to compare with";
	} else if (e->kind == SIM_EXPECT_GM && !e->of) {
		wrong = "names no grandmaster";
	} else if (e->port > SIM_PORTS_MAX) {
		wrong = "names no port";
	} else if (e->kind == SIM_EXPECT_COUNTER &&
		   (!e->counter || !counter_at(&none, e->counter))) {
		wrong = "names no counter";
	} else if (e->kind == SIM_EXPECT_EVENTS && !(e->value < GNOMON_EVENT_COUNT)) {
		wrong = "names no event";
	} else if (high_of(e) < e->low) {
		wrong = "cannot be met";
	}
	if (!wrong) {
		return 0;
	}
	snprintf(w->error, sizeof(w->error), "expectation of %s (%s, %g s) %s", kinds[e->kind].name,
		 e->node ? e->node : "", e->at_s, wrong);
	return -EINVAL;
}

int judge_create(struct judge *j, struct world *w)
{
	static const struct sim_expect none = { SIM_EXPECT_END };
	const struct sim_expect *list = w->scenario->expect ? w->scenario->expect : &none;
	size_t count = 0;

	for (const struct sim_expect *e = list; e->kind != SIM_EXPECT_END; e++) {
		if (check(e, w) != 0) {
			return -EINVAL;
		}
		count++;
	}
	*j = (struct judge){ .verdicts = calloc(count + 1, sizeof(*j->verdicts)), .count = count };
	if (!j->verdicts) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		j->verdicts[i].expect = &list[i];
	}
	return 0;
}

void judge_destroy(struct judge *j)
{
	free(j->verdicts);
	j->verdicts = NULL;
}

void judge_tick(struct judge *j, const struct world *w, size_t tick)
{
	double now_s = world_tick_time(w, tick);

	if (now_s < j->next_s) {
		return;
	}
	j->next_s = INFINITY;
	for (size_t i = 0; i < j->count; i++) {
		struct verdict *v = &j->verdicts[i];

		if (v->judged || !kinds[v->expect->kind].instant || v->expect->at_s <= 0.0) {
			continue;
		}
		if (now_s >= v->expect->at_s) {
			pass_judgement(v, w);
		} else {
			j->next_s = fmin(j->next_s, v->expect->at_s);
		}
	}
}

/* An instant left at zero is the end of the run; one beyond the end was never reached. */
size_t judge_finish(struct judge *j, const struct world *w)
{
	size_t failed = 0;

	for (size_t i = 0; i < j->count; i++) {
		struct verdict *v = &j->verdicts[i];

		if (!v->judged && (!kinds[v->expect->kind].instant || v->expect->at_s <= 0.0)) {
			pass_judgement(v, w);
		}
		failed += !v->good;
	}
	return failed;
}

static void format_value(char *buf, size_t cap, const struct sim_expect *e, double value)
{
	if (kinds[e->kind].time) {
		plot_format_ns(buf, cap, value);
	} else if (e->kind == SIM_EXPECT_STATE) {
		snprintf(buf, cap, "%s",
			 gnomon_port_state_name((enum gnomon_port_state)(int)value));
	} else if (e->kind == SIM_EXPECT_SERVO) {
		snprintf(buf, cap, "%s",
			 gnomon_servo_state_name((enum gnomon_servo_state)(int)value));
	} else if (e->kind == SIM_EXPECT_SOURCE_STATE) {
		snprintf(buf, cap, "%s",
			 gnomon_source_state_name((enum gnomon_source_state)(int)value));
	} else if (e->kind == SIM_EXPECT_MODE) {
		snprintf(buf, cap, "%s",
			 gnomon_ensemble_mode_name((enum gnomon_ensemble_mode)(int)value));
	} else if (e->kind == SIM_EXPECT_GM) {
		snprintf(buf, cap, "%s", value != 0.0 ? "yes" : "no");
	} else {
		snprintf(buf, cap, "%.6g", value);
	}
}

char *verdict_format(char *buf, size_t cap, const struct verdict *v)
{
	const struct sim_expect *e = v->expect;
	const struct kind *kind = &kinds[e->kind];
	char measured[40];
	char low[40];
	char high[40];
	char when[48] = "";

	format_value(measured, sizeof(measured), e, v->measured);
	format_value(low, sizeof(low), e, e->low);
	format_value(high, sizeof(high), e, high_of(e));
	if (kind->instant && e->at_s > 0.0) {
		snprintf(when, sizeof(when), " at %g s", e->at_s);
	} else if (!kind->instant && e->to_s > 0.0) {
		snprintf(when, sizeof(when), " from %g s to %g s", e->at_s, e->to_s);
	} else if (!kind->instant && e->at_s > 0.0) {
		snprintf(when, sizeof(when), " from %g s on", e->at_s);
	}
	snprintf(buf, cap, "%s.%u: %s%s%s%s%s: %s, expected %s%s%s", v->judged ? v->node : e->node,
		 port_of(e), kind->name, e->counter ? " " : e->of ? " against " : "",
		 e->counter ? e->counter : e->of ? e->of : "", when,
		 v->judged ? "" : " (not reached)", measured, low, kind->exact ? "" : " to ",
		 kind->exact ? "" : high);
	return buf;
}
