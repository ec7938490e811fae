/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Selection among time sources. Each report is judged by itself, then all are held against each
 * other, then priorities decide. The rules are in docs/SERVO.md.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <gnomon/select.h>

/* The recovery time doubles so often at most. */
#define DROPS_MAX 3

/* A source that stayed good for so many recovery times has a clean record again. */
#define FORGIVEN_AFTER 10.0

/* Smoothing of offsets, for the hand-over: an average of about so many reports. */
#define SMOOTHING 4.0

#define REPORTS_MAX 1000

static const char *const state_names[] = {
	[GNOMON_SOURCE_UNKNOWN] = "unknown",
	[GNOMON_SOURCE_SILENT] = "silent",
	[GNOMON_SOURCE_ALARM] = "alarm",
	[GNOMON_SOURCE_WIDE] = "wide",
	[GNOMON_SOURCE_OUTVOTED] = "outvoted",
	[GNOMON_SOURCE_DISPUTED] = "disputed",
	[GNOMON_SOURCE_WAITING] = "waiting",
	[GNOMON_SOURCE_GOOD] = "good",
	[GNOMON_SOURCE_SELECTED] = "selected",
};

const char *gnomon_source_state_name(enum gnomon_source_state state)
{
	return (unsigned int)state < sizeof(state_names) / sizeof(state_names[0])
		       ? state_names[state]
		       : "invalid";
}

/* -- configuration ---------------------------------------------------------------------------- */

static bool in_range(double value, double most)
{
	return value >= 0.0 && value <= most; /* false for NaN */
}

void gnomon_select_config_default(struct gnomon_select_config *config)
{
	*config = (struct gnomon_select_config){
		.size = sizeof(*config),
		.fail_limit = 3,
		.recover_s = 30.0,
		.revert_s = 300.0,
		.settle_s = 5.0,
		.dispute_s = 60.0,
		.drift_ppb_per_s = 10.0,
		.handover_ppb = 100.0,
		.handover_max_ns = 1e6,
	};
}

int gnomon_select_init(struct gnomon_select *s, const struct gnomon_select_config *config)
{
	struct gnomon_select_config c;

	gnomon_select_config_default(&c);
	if (config) {
		c = *config;
	}
	if (c.size != sizeof(c) || c.fail_limit < 1 || !in_range(c.recover_s, 1e9) ||
	    !in_range(c.revert_s, 1e9) || !in_range(c.settle_s, 1e9) ||
	    !in_range(c.dispute_s, 1e9) ||
	    !in_range(c.drift_ppb_per_s, 1e6) || !in_range(c.handover_ppb, 1e9) ||
	    !in_range(c.handover_max_ns, 1e18)) {
		return -EINVAL;
	}
	memset(s, 0, sizeof(*s));
	s->config = c;
	s->selected = -1;
	s->before = -1;
	return 0;
}

int gnomon_select_add(struct gnomon_select *s, const struct gnomon_source *source)
{
	if (!in_range(source->max_bound_ns, 1e18) || !in_range(source->timeout_s, 1e9) ||
	    source->timeout_s <= 0.0) {
		return -EINVAL;
	}
	if (s->count == GNOMON_SELECT_SOURCES) {
		return -ENOSPC;
	}
	s->entries[s->count] = (struct gnomon_select_entry){ .source = *source };
	return (int)s->count++;
}

/* -- time ------------------------------------------------------------------------------------- */

static double seconds_since(gnomon_mono now, gnomon_mono then)
{
	return ((double)now.ns - (double)then.ns) * 1e-9;
}

/* Just after, so that seconds_since() there is no less, however it is rounded. */
static gnomon_mono after(gnomon_mono then, double seconds)
{
	return gnomon_mono_add(then, (int64_t)(seconds * 1e9) + 1);
}

/* The bound of a report widens while it ages. */
static double bound_at(const struct gnomon_select *s, double bound_ns, gnomon_mono at,
		       gnomon_mono now)
{
	double age = seconds_since(now, at);

	return bound_ns + 0.5 * s->config.drift_ppb_per_s * age * age;
}

/* -- agreement -------------------------------------------------------------------------------- */

/* Where a voter holds the true offset to be. */
struct interval {
	double low;
	double high;
};

/* Good by itself: what it says is worth comparing. */
static bool votes(const struct gnomon_select_entry *e, gnomon_mono now)
{
	return e->reports > 0 && e->report.usable &&
	       seconds_since(now, e->at) <= e->source.timeout_s &&
	       !(e->source.max_bound_ns > 0.0 && e->report.bound_ns > e->source.max_bound_ns);
}

static struct interval interval_of(const struct gnomon_select *s,
				   const struct gnomon_select_entry *e, gnomon_mono now)
{
	double bound = bound_at(s, e->report.bound_ns, e->at, now);

	return (struct interval){ e->report.offset_ns - bound, e->report.offset_ns + bound };
}

static bool overlap(struct interval a, struct interval b)
{
	return a.low <= b.high && b.low <= a.high;
}

/* What those who hold v[i].low to be possible agree on. Returns how many they are. */
static unsigned int agreement(const struct interval *v, unsigned int n, unsigned int i,
			      struct interval *common)
{
	unsigned int count = 0;

	*common = (struct interval){ v[i].low, (double)INFINITY };
	for (unsigned int k = 0; k < n; k++) {
		if (v[k].low <= v[i].low && v[i].low <= v[k].high) {
			common->high = v[k].high < common->high ? v[k].high : common->high;
			count++;
		}
	}
	return count;
}

/*
 * The offsets that more than half of the voters hold to be possible (Marzullo 1984): the
 * intersection that the greatest number of intervals share. It begins at one of their lower ends,
 * so those are tried. False as well if there are two that have nothing in common: who is vague
 * enough to agree with both sides does not decide between them.
 */
static bool densest(const struct interval *v, unsigned int n, struct interval *common)
{
	unsigned int most = 0;
	bool unique = false;

	for (unsigned int i = 0; i < n; i++) {
		struct interval c;
		unsigned int here = agreement(v, n, i, &c);

		if (here > most) {
			most = here;
			*common = c;
			unique = true;
		} else if (here == most && !overlap(c, *common)) {
			unique = false;
		}
	}
	return unique && 2 * most > n;
}

/* This clock's own opinion: its offset from the truth is 0, more or less. */
static bool own_interval(const struct gnomon_select *s, gnomon_mono now, struct interval *own)
{
	double bound = bound_at(s, s->own_bound_ns, s->own_at, now);

	*own = (struct interval){ -bound, bound };
	return s->own_valid;
}

/* What the voters agree on, if more than half of them do. Where sources alone find no majority
 * this clock is asked as well: it owes its time to one of them, so it must not help to outvote. */
static bool majority(const struct gnomon_select *s, gnomon_mono now, struct interval *common)
{
	struct interval v[GNOMON_SELECT_SOURCES + 1];
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->count; i++) {
		if (votes(&s->entries[i], now)) {
			v[n++] = interval_of(s, &s->entries[i], now);
		}
	}
	if (n >= 2 && densest(v, n, common)) {
		return true;
	}
	if (n >= 1 && own_interval(s, now, &v[n])) {
		n++;
	}
	return n >= 2 && densest(v, n, common);
}

/* -- judging one source ----------------------------------------------------------------------- */

static void set_state(struct gnomon_select *s, struct gnomon_select_entry *e,
		      enum gnomon_source_state state)
{
	if (e->state != state) {
		e->state = state;
		s->changed |= 1u << (unsigned int)(e - s->entries);
	}
}

static bool is_candidate(const struct gnomon_select_entry *e)
{
	return e->state == GNOMON_SOURCE_GOOD || e->state == GNOMON_SOURCE_SELECTED;
}

static void drop(struct gnomon_select *s, struct gnomon_select_entry *e,
		 enum gnomon_source_state why, gnomon_mono now)
{
	if (is_candidate(e)) {
		e->drops += e->drops < DROPS_MAX + 1;
		e->drop_at = now;
	}
	set_state(s, e, why);
}

/* What a report is worth by itself; GOOD if there is nothing to say against it. */
static enum gnomon_source_state judge_alone(const struct gnomon_select_entry *e)
{
	if (!e->report.usable) {
		return GNOMON_SOURCE_ALARM;
	}
	if (e->source.max_bound_ns > 0.0 && e->report.bound_ns > e->source.max_bound_ns) {
		return GNOMON_SOURCE_WIDE;
	}
	return GNOMON_SOURCE_GOOD;
}

/* Is this source the only witness against this clock? */
static bool disputes(const struct gnomon_select *s, const struct gnomon_select_entry *e,
		     gnomon_mono now)
{
	struct interval own;

	return own_interval(s, now, &own) && !overlap(interval_of(s, e, now), own);
}

/*
 * A contradiction that nobody can settle is not believed at first: one of the two is about to be
 * found out. If it lasts the clock is the one that is alone, and gives in.
 */
static enum gnomon_source_state settle_dispute(struct gnomon_select *s, bool disputed,
					       gnomon_mono now)
{
	if (!disputed) {
		s->disputing = false;
		return GNOMON_SOURCE_GOOD;
	}
	if (!s->disputing) {
		s->disputing = true;
		s->dispute_at = now;
	}
	if (seconds_since(now, s->dispute_at) < s->config.dispute_s) {
		return GNOMON_SOURCE_DISPUTED;
	}
	s->own_valid = false;
	s->disputing = false;
	return GNOMON_SOURCE_GOOD;
}

static enum gnomon_source_state judge(struct gnomon_select *s, struct gnomon_select_entry *e,
				      gnomon_mono now)
{
	enum gnomon_source_state verdict = judge_alone(e);
	struct interval common;

	if (verdict != GNOMON_SOURCE_GOOD) {
		return verdict;
	}
	if (majority(s, now, &common)) {
		s->disputing = false;
		return overlap(interval_of(s, e, now), common) ? GNOMON_SOURCE_GOOD
							       : GNOMON_SOURCE_OUTVOTED;
	}
	return settle_dispute(s, disputes(s, e, now), now);
}

static double recovery_s(const struct gnomon_select *s, const struct gnomon_select_entry *e)
{
	return e->drops ? s->config.recover_s * (double)(1u << (e->drops - 1)) : 0.0;
}

/* A source that was dropped has to be good for a while, so that what is followed is not left for it
 * too soon. If nothing is followed a few good reports do: it is better than nothing, and what
 * contradicts the clock or a majority is not good. */
static bool must_wait(const struct gnomon_select *s, const struct gnomon_select_entry *e,
		      gnomon_mono now)
{
	const bool alone = s->selected < 0 && e->good >= s->config.fail_limit;

	return !alone && seconds_since(now, e->good_at) < recovery_s(s, e);
}

/* Good for this moment; whether for long enough is another question. */
static void accept(struct gnomon_select *s, struct gnomon_select_entry *e, gnomon_mono now)
{
	double good_s = seconds_since(now, e->good_at);

	if (is_candidate(e)) {
		if (good_s > FORGIVEN_AFTER * recovery_s(s, e)) {
			e->drops = 0;
		}
		return;
	}
	set_state(s, e, must_wait(s, e, now) ? GNOMON_SOURCE_WAITING : GNOMON_SOURCE_GOOD);
}

/* A single bad report among good ones is an outlier: it is not used, and that is all. */
static void take_verdict(struct gnomon_select *s, struct gnomon_select_entry *e,
			 enum gnomon_source_state verdict, gnomon_mono now)
{
	const bool stands = is_candidate(e) || e->state == GNOMON_SOURCE_WAITING;

	if (verdict == GNOMON_SOURCE_GOOD) {
		if (!stands) {
			e->good_at = now;
		}
		e->bad = 0;
		e->good += e->good < REPORTS_MAX;
		accept(s, e, now);
		return;
	}
	e->fault = verdict;
	e->good = 0;
	e->bad += e->bad < REPORTS_MAX;
	if (!stands || e->bad >= s->config.fail_limit) {
		drop(s, e, verdict, now);
	}
}

/* -- choosing --------------------------------------------------------------------------------- */

/* Lower priority values first, then the narrower bound. */
static bool better(const struct gnomon_select_entry *a, const struct gnomon_select_entry *b)
{
	if (a->source.priority != b->source.priority) {
		return a->source.priority < b->source.priority;
	}
	return a->report.bound_ns < b->report.bound_ns;
}

/* A source that is good enough is left only for one of higher priority. If that was dropped before
 * it has to prove itself: changing twice is worse than the second best. */
static bool worth_leaving_for(const struct gnomon_select *s, const struct gnomon_select_entry *e,
			      gnomon_mono now)
{
	const struct gnomon_select_entry *used = &s->entries[s->selected];

	if (e->source.priority >= used->source.priority || e->reports < s->config.fail_limit) {
		return false;
	}
	return e->drops == 0 || seconds_since(now, e->good_at) >= s->config.revert_s;
}

/* The one to follow: the best there is, or the best that is worth leaving the present one for. */
static int best_candidate(const struct gnomon_select *s, bool leave, gnomon_mono now)
{
	int best = -1;

	for (unsigned int i = 0; i < s->count; i++) {
		const struct gnomon_select_entry *e = &s->entries[i];

		if (is_candidate(e) && e->bad == 0 &&
		    (!leave || worth_leaving_for(s, e, now)) &&
		    (best < 0 || better(e, &s->entries[best]))) {
			best = (int)i;
		}
	}
	return best;
}

double gnomon_select_correction(const struct gnomon_select *s, gnomon_mono now)
{
	double done = s->config.handover_ppb * seconds_since(now, s->correction_at);
	double left = fabs(s->correction_ns) - done;

	if (!(left > 0.0)) {
		return 0.0;
	}
	return s->correction_ns < 0.0 ? -left : left;
}

/* The clock is where it is: what the new source says it is off is not corrected at once. Without a
 * past to be continued, or after holdover, it is. */
static void hand_over(struct gnomon_select *s, int to, gnomon_mono now)
{
	bool continues = s->own_valid && s->selected >= 0;

	if (s->selected >= 0 && s->entries[s->selected].state == GNOMON_SOURCE_SELECTED) {
		set_state(s, &s->entries[s->selected], GNOMON_SOURCE_GOOD);
	}
	s->selected = to;
	if (to < 0) {
		return;
	}
	s->correction_ns = s->entries[to].offset_ns;
	s->correction_at = now;
	if (!continues || fabs(s->correction_ns) > s->config.handover_max_ns) {
		s->correction_ns = 0.0;
	}
	set_state(s, &s->entries[to], GNOMON_SOURCE_SELECTED);
}

/* Whether the first choice may be made: the first to speak need not be right. */
static bool is_settled(struct gnomon_select *s, gnomon_mono now)
{
	unsigned int heard = 0;

	for (unsigned int i = 0; i < s->count; i++) {
		heard += s->entries[i].reports > 0;
	}
	s->settled = s->settled || heard == s->count ||
		     (s->heard && seconds_since(now, s->heard_at) >= s->config.settle_s);
	return s->settled;
}

static void choose(struct gnomon_select *s, gnomon_mono now)
{
	bool stay = s->selected >= 0 && is_candidate(&s->entries[s->selected]);
	int to;

	if (!is_settled(s, now)) {
		return;
	}
	to = best_candidate(s, stay, now);
	if (to < 0 && stay) {
		to = s->selected;
	}
	if (to != s->selected) {
		hand_over(s, to, now);
	}
}

/* -- the outside ------------------------------------------------------------------------------ */

void gnomon_select_own_bound(struct gnomon_select *s, double bound_ns, gnomon_mono now)
{
	s->own_valid = bound_ns > 0.0 && isfinite(bound_ns);
	s->own_bound_ns = bound_ns;
	s->own_at = now;
}

void gnomon_select_moved(struct gnomon_select *s, double by_ns, double unsure_ns)
{
	for (unsigned int i = 0; i < s->count; i++) {
		struct gnomon_select_entry *e = &s->entries[i];

		e->offset_ns += by_ns;
		e->report.offset_ns += by_ns;
		e->report.bound_ns += unsure_ns;
	}
}

/* Its last report goes on ageing: the bound takes the age that is no longer to be seen. */
void gnomon_select_alive(struct gnomon_select *s, unsigned int index, gnomon_mono now)
{
	struct gnomon_select_entry *e;

	if (index < s->count && s->entries[index].reports > 0) {
		e = &s->entries[index];
		e->report.bound_ns = bound_at(s, e->report.bound_ns, e->at, now);
		e->at = now;
	}
}

void gnomon_select_patience(struct gnomon_select *s, unsigned int index, double timeout_s)
{
	if (index < s->count && in_range(timeout_s, 1e9) &&
	    timeout_s > s->entries[index].source.timeout_s) {
		s->entries[index].source.timeout_s = timeout_s;
	}
}

void gnomon_select_forget(struct gnomon_select *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		s->entries[i].report.usable = false;
	}
	s->own_valid = false;
	s->disputing = false;
	s->correction_ns = 0.0;
}

static void smooth(struct gnomon_select_entry *e, bool restart)
{
	double gain = restart ? 1.0 : 1.0 / SMOOTHING;

	e->offset_ns += (e->report.offset_ns - e->offset_ns) * gain;
}

void gnomon_select_report(struct gnomon_select *s, unsigned int index,
			  const struct gnomon_source_report *report, gnomon_mono now)
{
	struct gnomon_select_entry *e;
	bool fresh;

	if (index >= s->count) {
		return;
	}
	if (!s->heard) {
		s->heard = true;
		s->heard_at = now;
	}
	e = &s->entries[index];
	fresh = e->reports == 0 || seconds_since(now, e->at) > e->source.timeout_s ||
		e->bad > 0 || !e->report.usable;
	e->report = *report;
	e->report.usable = report->usable && isfinite(report->offset_ns) &&
			   isfinite(report->bound_ns) && report->bound_ns > 0.0;
	e->at = now;
	e->reports += e->reports < REPORTS_MAX;
	if (e->report.usable) {
		smooth(e, fresh);
	}
	take_verdict(s, e, judge(s, e, now), now);
	choose(s, now);
}

/* When something happens to that source without a report. */
static gnomon_mono entry_deadline(const struct gnomon_select *s,
				  const struct gnomon_select_entry *e)
{
	const struct gnomon_select_entry *used = s->selected >= 0 ? &s->entries[s->selected] : NULL;

	if (e->reports == 0 || e->state == GNOMON_SOURCE_SILENT) {
		return GNOMON_MONO_NEVER;
	}
	if (e->state == GNOMON_SOURCE_GOOD && e->bad == 0 && used &&
	    e->reports >= s->config.fail_limit && e->source.priority < used->source.priority) {
		return gnomon_mono_min(after(e->at, e->source.timeout_s),
				       after(e->good_at, s->config.revert_s));
	}
	return after(e->at, e->source.timeout_s);
}

gnomon_mono gnomon_select_deadline(const struct gnomon_select *s)
{
	gnomon_mono first = GNOMON_MONO_NEVER;

	if (s->heard && !s->settled) {
		first = after(s->heard_at, s->config.settle_s);
	}
	for (unsigned int i = 0; i < s->count; i++) {
		first = gnomon_mono_min(first, entry_deadline(s, &s->entries[i]));
	}
	return first;
}

void gnomon_select_expire(struct gnomon_select *s, gnomon_mono now)
{
	for (unsigned int i = 0; i < s->count; i++) {
		struct gnomon_select_entry *e = &s->entries[i];

		if (e->reports > 0 && e->state != GNOMON_SOURCE_SILENT &&
		    seconds_since(now, e->at) >= e->source.timeout_s) {
			e->bad += e->bad < REPORTS_MAX;
			e->good = 0;
			drop(s, e, GNOMON_SOURCE_SILENT, now);
		}
	}
	choose(s, now);
}

bool gnomon_select_changes(struct gnomon_select *s, struct gnomon_select_change *change)
{
	bool switched = s->before != s->selected;

	if (s->changed == 0 && !switched) {
		return false;
	}
	*change = (struct gnomon_select_change){
		.states = s->changed,
		.switched = switched,
		.before = s->before,
		.selected = s->selected,
	};
	s->changed = 0;
	s->before = s->selected;
	return true;
}

int gnomon_select_selected(const struct gnomon_select *s)
{
	return s->selected;
}

enum gnomon_source_state gnomon_select_state(const struct gnomon_select *s, unsigned int index)
{
	return index < s->count ? s->entries[index].state : GNOMON_SOURCE_UNKNOWN;
}

bool gnomon_select_uses(const struct gnomon_select *s, unsigned int index)
{
	return s->selected >= 0 && index == (unsigned int)s->selected &&
	       s->entries[index].bad == 0;
}
