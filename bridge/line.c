/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kept clock over the host's counter: the set of all (phase, rate) that the pairs leave, seen
 * from a nominal line. Between pairs it is sheared by its rates and smeared by what the rates may
 * do meanwhile; a pair cuts a strip out of it. docs/BRIDGE.md has the derivation.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "bridge/fine.h"
#include "bridge/line.h"
#include "bridge/polygon.h"

#define HZ_LEAST 1e3
#define HZ_MOST 1e13
#define RATE_LIMIT_PPB 1e6
#define RATE_LIMIT_MOST_PPB 5e7
#define WANDER_PPB_PER_S 10.0
#define WANDER_LIMIT_PPB 1000.0
#define FREQUENCY_STEP_PPB 0.1

/* A window narrower than this is not believed, and one that is none says nothing. */
#define WINDOW_LEAST_NS 0.01
#define WINDOW_MOST_NS 1e12

/* No clock takes longer to obey: what would is of another life of the counter. */
#define SETTLES_S 10.0

/* When the nominal rate is that far from the middle of what it may be, it becomes that. */
#define REBASE_PPB 1000.0

/* Beyond this nothing that is said of a phase is of use, nor exact. */
#define PHASE_MOST_NS 1e15

/* -- small arithmetic ------------------------------------------------------------------------ */

struct gnomon_fine fine_add_double(struct gnomon_fine t, double ns)
{
	double whole;
	struct gnomon_fine r;

	if (!(fabs(ns) < PHASE_MOST_NS)) {
		return gnomon_fine_add_ns(t, ns > 0.0 ? INT64_MAX : INT64_MIN);
	}
	whole = (double)(int64_t)ns;
	whole -= whole > ns ? 1.0 : 0.0;
	r = gnomon_fine_add_ns(t, (int64_t)whole);
	/* 2^64 / 1e9 units are a ns. */
	return fine_add(r, (uint64_t)((ns - whole) * 18446744073.709552));
}

double fine_diff_double(struct gnomon_fine a, struct gnomon_fine b)
{
	const bool less = gnomon_fine_cmp(a, b) < 0;
	const struct gnomon_fine high = less ? b : a, low = less ? a : b;
	const double sec = (double)high.sec - (double)low.sec - (high.frac < low.frac);
	const double ns = sec * 1e9 + (double)(high.frac - low.frac) * (1e9 * 0x1p-64);

	return less ? -ns : ns;
}

/* At the nominal rate; negative: before the anchor. */
static double seconds_to(const struct gnomon_line *l, uint64_t counter)
{
	return (double)(int64_t)(counter - l->counter) * gnomon_period_seconds(&l->period);
}

static struct gnomon_fine nominal_at(const struct gnomon_line *l, uint64_t counter)
{
	const uint64_t delta = counter - l->counter;
	const bool before = delta >> 63;
	const wide span = wide_product(before ? 0 - delta : delta, l->period.frac);

	return before ? fine_sub(l->time, wide_shift_down(span, l->period.shift))
		      : fine_add(l->time, wide_shift_down(span, l->period.shift));
}

static double or_default(double value, double fallback)
{
	return value > 0.0 ? value : fallback;
}

/* -- life ------------------------------------------------------------------------------------ */

static bool in_range(double value, double most)
{
	return value >= 0.0 && value <= most; /* false for NaN */
}

int gnomon_line_init(struct gnomon_line *line, const struct gnomon_line_config *config)
{
	struct gnomon_line l = { .config = *config };
	struct gnomon_line_config *c = &l.config;

	if (c->size != sizeof(*c) || !(c->counter_hz >= HZ_LEAST && c->counter_hz <= HZ_MOST) ||
	    !in_range(c->rate_limit_ppb, RATE_LIMIT_MOST_PPB) ||
	    !in_range(c->wander_ppb_per_s, 1e6) || !in_range(c->wander_limit_ppb, 1e6) ||
	    !in_range(c->frequency_step_ppb, 1e6) ||
	    gnomon_period_from_seconds(1.0 / c->counter_hz, &l.period) != 0) {
		return -EINVAL;
	}
	c->rate_limit_ppb = or_default(c->rate_limit_ppb, RATE_LIMIT_PPB);
	c->wander_ppb_per_s = or_default(c->wander_ppb_per_s, WANDER_PPB_PER_S);
	c->wander_limit_ppb = or_default(c->wander_limit_ppb, WANDER_LIMIT_PPB);
	c->frequency_step_ppb = or_default(c->frequency_step_ppb, FREQUENCY_STEP_PPB);
	*line = l;
	return 0;
}

void gnomon_line_reset(struct gnomon_line *line)
{
	line->started = false;
}

void gnomon_line_confirm(struct gnomon_line *line)
{
	line->doubtful = false;
}

/* -- the polygon ----------------------------------------------------------------------------- */

static void load(const struct gnomon_line *l, struct polygon *p)
{
	p->count = l->corners;
	memcpy(p->corner, l->corner, l->corners * sizeof(l->corner[0]));
}

static void store(struct gnomon_line *l, const struct polygon *p)
{
	l->corners = p->count;
	memcpy(l->corner, p->corner, p->count * sizeof(p->corner[0]));
}

/*
 * The anchor goes to a later counter. A rate that changes by w ppb/s at most leads, within t
 * seconds, nowhere but into the parallelogram of +-(0, w t / 2) and +-(w t^2 / 2, w t / 2).
 */
static void carry(struct gnomon_line *l, struct polygon *p, uint64_t counter)
{
	const double t = seconds_to(l, counter);
	const double change = l->config.wander_ppb_per_s * t / 2.0;

	l->time = nominal_at(l, counter);
	l->counter = counter;
	for (unsigned int i = 0; i < p->count; i++) {
		p->corner[i].phase_ns += p->corner[i].rate_ppb * t;
	}
	polygon_smear(p, 0.0, change + 8.0 * POLYGON_SLACK);
	polygon_smear(p, change * t, change);
	polygon_smear(p, 8.0 * POLYGON_SLACK, 0.0);
}

/* Old numbers get large: the nominal line goes through the middle again. */
static void rebase(struct gnomon_line *l, struct polygon *p)
{
	const struct extent phases = polygon_phases(p, 0.0);
	const struct extent rates = polygon_rates(p);
	const struct gnomon_fine was = l->time;
	struct gnomon_period period;
	double phase;

	l->time = fine_add_double(l->time, (phases.least + phases.most) / 2.0);
	phase = fine_diff_double(l->time, was);
	for (unsigned int i = 0; i < p->count; i++) {
		p->corner[i].phase_ns -= phase;
	}
	if (fabs(rates.least + rates.most) / 2.0 > REBASE_PPB &&
	    gnomon_period_scale(&l->period, (rates.least + rates.most) / 2.0, &period) == 0) {
		const double change = gnomon_period_diff_ppb(&period, &l->period);

		l->period = period;
		l->unsettled_ppb /= 1.0 + change * 1e-9;
		for (unsigned int i = 0; i < p->count; i++) {
			p->corner[i].rate_ppb = (p->corner[i].rate_ppb - change) /
						(1.0 + change * 1e-9);
		}
	}
}

/* -- pairs ----------------------------------------------------------------------------------- */

/* What a change of the frequency that may not have happened yet may still do. It outlives the line:
 * one that starts meanwhile sees it happen. */
static double unsettled_ns(const struct gnomon_line *l, uint64_t counter)
{
	const int64_t ticks = (int64_t)(l->settled - counter);
	const double left_s = (double)ticks * gnomon_period_seconds(&l->period);

	return ticks > 0 && left_s < SETTLES_S ? l->unsettled_ppb * left_s : 0.0;
}

static void start(struct gnomon_line *l, const struct gnomon_pair *pair, double half_ns)
{
	const double limit = l->config.rate_limit_ppb;
	struct polygon p;

	/* The nominal rate of before is a guess like any other, and the limit is about another.
	 * What is pending was measured by it. */
	l->unsettled_ppb *= 1.0 + 2e-9 * limit;
	(void)gnomon_period_from_seconds(1.0 / l->config.counter_hz, &l->period);
	l->started = true;
	l->counter = pair->counter;
	l->time = gnomon_fine_from_time(pair->time);
	polygon_rectangle(&p, (struct extent){ -half_ns, half_ns },
			  (struct extent){ -limit, limit });
	store(l, &p);
}

static double outside(struct extent possible, struct extent measured)
{
	return measured.least > possible.most ? measured.least - possible.most
					      : measured.most - possible.least;
}

/* Whether the pair can be true; then the line is cut by it. Else how far it is off. */
static bool agree(struct gnomon_line *line, const struct gnomon_pair *pair, double half_ns,
		  double *by_ns)
{
	struct gnomon_line l = *line;
	struct extent measured;
	struct extent possible;
	struct polygon p;
	double y;

	load(&l, &p);
	y = fine_diff_double(gnomon_fine_from_time(pair->time), nominal_at(&l, pair->counter));
	if ((int64_t)(pair->counter - l.counter) < 0) {
		*by_ns = y; /* the counter went back */
		return false;
	}
	carry(&l, &p, pair->counter);
	measured = (struct extent){ y - half_ns, y + half_ns };
	possible = polygon_phases(&p, 0.0);
	if (!polygon_clip(&p, measured)) {
		*by_ns = outside(possible, measured);
		return false;
	}
	rebase(&l, &p);
	store(&l, &p);
	*line = l;
	return true;
}

enum gnomon_line_result gnomon_line_pair(struct gnomon_line *line, const struct gnomon_pair *pair,
					 double *by_ns)
{
	double half_ns = pair->half_window_ns < WINDOW_MOST_NS ? pair->half_window_ns
							       : WINDOW_MOST_NS;
	double by;

	half_ns = half_ns > WINDOW_LEAST_NS ? half_ns : WINDOW_LEAST_NS;
	half_ns += unsettled_ns(line, pair->counter);
	if (!line->started) {
		start(line, pair, half_ns);
		return GNOMON_LINE_STARTED;
	}
	if (agree(line, pair, half_ns, &by)) {
		return GNOMON_LINE_TAKEN;
	}
	start(line, pair, half_ns);
	line->doubtful = true;
	if (by_ns) {
		*by_ns = by;
	}
	return GNOMON_LINE_CONTRADICTED;
}

/* -- what is done to the clock --------------------------------------------------------------- */

/* Until to the clock may run at the old rate, or at one before that. */
static void settle(struct gnomon_line *l, uint64_t from, uint64_t to, double change_ppb)
{
	l->unsettled_ppb = fabs(change_ppb) +
			   (unsettled_ns(l, from) > 0.0 ? l->unsettled_ppb : 0.0);
	l->settled = to;
}

/*
 * The corners are those of a clock that changes at from. If it does later, it has run at the old
 * rate meanwhile: off by no more than the change times the window, always on one side. What of that
 * is yet to come makes pairs within the window so much wider.
 */
void gnomon_line_frequency(struct gnomon_line *line, uint64_t from, uint64_t to, double before_ppb,
			   double after_ppb)
{
	const double ratio = (1.0 + after_ppb * 1e-9) / (1.0 + before_ppb * 1e-9) - 1.0;
	struct polygon p;
	double late_ns;
	double change; /* at most, ns per s of the nominal line */

	if (!line->started) {
		settle(line, from, to, ratio * (1e9 + line->config.rate_limit_ppb));
		return;
	}
	load(line, &p);
	if ((int64_t)(from - line->counter) > 0) {
		carry(line, &p, from);
	}
	change = ratio * (1e9 + polygon_rates(&p).most);
	for (unsigned int i = 0; i < p.count; i++) {
		p.corner[i].rate_ppb += ratio * (1e9 + p.corner[i].rate_ppb);
	}
	late_ns = change * seconds_to(line, to);
	for (unsigned int i = 0; i < p.count; i++) {
		p.corner[i].phase_ns -= late_ns / 2.0;
	}
	polygon_smear(&p, fabs(late_ns) / 2.0 + POLYGON_SLACK, 0.0);
	/* Neither frequency was quite what it was told to be. */
	polygon_smear(&p, 0.0, 2.0 * line->config.frequency_step_ppb);
	store(line, &p);
	settle(line, from, to, change);
}

void gnomon_line_stepped(struct gnomon_line *line, gnomon_span by, double error_ns)
{
	struct polygon p;

	if (!line->started) {
		return;
	}
	line->time = gnomon_fine_add_ns(line->time, by.ns);
	line->time = fine_add_double(line->time, (double)by.frac / 65536.0);
	load(line, &p);
	polygon_smear(&p, fabs(error_ns) + POLYGON_SLACK, 0.0);
	store(line, &p);
}

/* -- what is known --------------------------------------------------------------------------- */

double line_wander_ppb(const struct gnomon_line_config *c, double seconds)
{
	const double knee_s = c->wander_limit_ppb / c->wander_ppb_per_s;

	/* The integral of min(wander t, limit), over the time it takes: it is convex. */
	if (seconds <= knee_s) {
		return c->wander_ppb_per_s * seconds / 2.0;
	}
	return c->wander_limit_ppb * (1.0 - knee_s / 2.0 / seconds);
}

int gnomon_line_at(const struct gnomon_line *line, uint64_t counter, struct gnomon_line_view *view)
{
	const double t = line->started ? seconds_to(line, counter) : 0.0;
	const double change = line->config.wander_ppb_per_s * fabs(t);
	struct gnomon_line_view v = { .counter = counter };
	struct extent phases;
	struct extent rates;
	struct polygon p;
	double rate;

	if (!line->started) {
		return -ENODATA;
	}
	load(line, &p);
	phases = polygon_phases(&p, t);
	rates = polygon_rates(&p);
	rate = (rates.least + rates.most) / 2.0;
	if (gnomon_period_scale(&line->period, rate, &v.period) != 0) {
		return -ENODATA;
	}
	v.time = fine_add_double(nominal_at(line, counter), (phases.least + phases.most) / 2.0);
	v.phase_bound_ns = (phases.most - phases.least) / 2.0 + change * fabs(t) / 2.0;
	v.rate_bound_ppb = (rates.most - rates.least) / 2.0 + change;
	if (unsettled_ns(line, counter) > 0.0) {
		v.rate_bound_ppb += line->unsettled_ppb;
	}
	/* Of the rate that is returned, not of the nominal one; and what was rounded. */
	v.phase_bound_ns += 1e-3;
	v.rate_bound_ppb = v.rate_bound_ppb / (1.0 + rate * 1e-9) + 1e-6;
	*view = v;
	return 0;
}
