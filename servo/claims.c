/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ensemble claims of its clock, and how its sources stand. Nothing here changes anything
 * but what the caller has been told. The rules are in docs/SERVO.md.
 */
#include <math.h>

#include "servo/ensemble.h"

static const char *const mode_names[] = {
	[GNOMON_ENSEMBLE_NONE] = "none",
	[GNOMON_ENSEMBLE_FOLLOWING] = "following",
	[GNOMON_ENSEMBLE_HOLDOVER] = "holdover",
	[GNOMON_ENSEMBLE_FREE] = "free",
};

const char *gnomon_ensemble_mode_name(enum gnomon_ensemble_mode mode)
{
	return (unsigned int)mode < sizeof(mode_names) / sizeof(mode_names[0]) ? mode_names[mode]
									       : "invalid";
}

int gnomon_ensemble_selected(const struct gnomon_ensemble *e)
{
	return e->followed;
}

enum gnomon_ensemble_mode gnomon_ensemble_mode(const struct gnomon_ensemble *e)
{
	return e->mode;
}

/* -- the bound -------------------------------------------------------------------------------- */

/* Where one source holds this clock to be. */
struct range {
	double low_ns;
	double high_ns;
};

/* An instant: now, or so long after it, with the clock left alone at this adjustment since. */
struct instant {
	gnomon_mono now;
	double ahead_s;
	double f_ppb;
};

/* Those that say something: liars as well, nobody knows them beforehand. Who is not silent now
 * speaks of what is ahead too. */
static unsigned int ranges(const struct gnomon_ensemble *e, const struct instant *at,
			   struct range *v)
{
	struct gnomon_estimate estimate;
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->count; i++) {
		const struct source *s = &e->sources[i];
		enum gnomon_source_state state = gnomon_select_state(&e->select, i);

		estimator_ahead(&s->estimator, at->now, at->ahead_s, at->f_ppb, &estimate);
		if (estimate.valid && s->measured &&
		    ensemble_seconds(at->now, s->at) <= s->timeout_s &&
		    state != GNOMON_SOURCE_ALARM && state != GNOMON_SOURCE_WIDE) {
			double error_ns = estimate.bound_ns - fabs(estimate.offset_ns);

			v[n].low_ns = estimate.offset_ns - error_ns;
			v[n].high_ns = estimate.offset_ns + error_ns;
			n++;
		}
	}
	return n;
}

static unsigned int holders(const struct range *v, unsigned int n, double offset_ns)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < n; i++) {
		count += v[i].low_ns <= offset_ns && offset_ns <= v[i].high_ns;
	}
	return count;
}

/*
 * The farthest that this clock may be off as long as more than half of its sources are right. A
 * lie that is too small or too new to be found out is followed, but what is claimed is true.
 */
static double majority_bound(const struct range *v, unsigned int n)
{
	double most = 0.0;

	for (unsigned int i = 0; n > 2 && i < n; i++) {
		if (fabs(v[i].low_ns) > most && 2 * holders(v, n, v[i].low_ns) > n) {
			most = fabs(v[i].low_ns);
		}
		if (fabs(v[i].high_ns) > most && 2 * holders(v, n, v[i].high_ns) > n) {
			most = fabs(v[i].high_ns);
		}
	}
	return most;
}

void ensemble_doubt(const struct gnomon_ensemble *e, gnomon_mono now,
		    struct gnomon_estimate *estimate)
{
	struct gnomon_estimate untaught;

	if (!e->trial || !estimate->valid) {
		return;
	}
	estimator_read(&e->untaught, now, &untaught);
	if (untaught.bound_ns > estimate->bound_ns) {
		estimate->bound_ns = untaught.bound_ns;
	}
	if (untaught.frequency_error_ppb > estimate->frequency_error_ppb) {
		estimate->frequency_error_ppb = untaught.frequency_error_ppb;
	}
}

static void read_following(const struct gnomon_ensemble *e, gnomon_mono now,
			   struct gnomon_estimate *estimate)
{
	gnomon_discipline_estimate(e->discipline, now, estimate);
	ensemble_doubt(e, now, estimate);
	if (estimate->valid && e->count > 2) {
		struct range v[GNOMON_SELECT_SOURCES];
		double most = majority_bound(v, ranges(e, &(struct instant){ now, 0.0, 0.0 }, v));

		estimate->bound_ns = most > estimate->bound_ns ? most : estimate->bound_ns;
	}
}

static void read_holdover(const struct gnomon_ensemble *e, gnomon_mono now,
			  struct gnomon_estimate *estimate)
{
	double elapsed_s = ensemble_seconds(now, e->model_at);

	gnomon_discipline_estimate(e->discipline, now, estimate);
	elapsed_s = elapsed_s > 0.0 ? elapsed_s : 0.0;
	estimate->offset_ns = e->lost_offset_ns;
	estimate->frequency_error_ppb = gnomon_holdover_frequency_error(&e->model, elapsed_s);
	estimate->bound_ns = e->lost_bound_ns + gnomon_holdover_growth(&e->model, elapsed_s);
}

void gnomon_ensemble_estimate(const struct gnomon_ensemble *e, gnomon_mono now,
			      struct gnomon_estimate *estimate)
{
	switch (e->mode) {
	case GNOMON_ENSEMBLE_NONE:
	case GNOMON_ENSEMBLE_FREE:
		gnomon_discipline_estimate(e->discipline, now, estimate);
		break;
	case GNOMON_ENSEMBLE_FOLLOWING:
		read_following(e, now, estimate);
		break;
	case GNOMON_ENSEMBLE_HOLDOVER:
		read_holdover(e, now, estimate);
		break;
	}
}

/* -- the bound of a clock that is left alone -------------------------------------------------- */

/*
 * The future in pieces, the first one so short and each of the others so much longer than what is
 * before it. All that is looked at is convex or rising within a piece (a source's range: its ends),
 * so that no more than the ends of the pieces need to be seen.
 */
#define FIRST_PIECE_S 0x1p-6
#define PIECE_GROWTH 1.125

/* One thing that may be claimed of a coasting clock: by a model, or by the estimators. */
struct coasting {
	const struct gnomon_ensemble *e;
	gnomon_mono now;
	double f_ppb; /* what the oscillator needs, so the clock has it from now on */
	bool modelled;
	struct gnomon_holdover_model model; /* as it was made age_s ago */
	double age_s;
	double bound_ns; /* now */
	double rate_error_ppb;
};

/* As read_holdover will say it, and what of a trend of the oscillator no line can follow. */
static double modelled_ahead(const struct coasting *c, double ahead_s)
{
	return c->bound_ns + 0.5 * fabs(c->model.drift_ppb_per_s) * ahead_s * ahead_s +
	       gnomon_holdover_growth(&c->model, c->age_s + ahead_s) -
	       gnomon_holdover_growth(&c->model, c->age_s);
}

/* As read_following says it, but for the majority. */
static double estimated_ahead(const struct coasting *c, double ahead_s)
{
	const struct gnomon_ensemble *e = c->e;
	const struct estimator *own = e->followed >= 0 ? &e->sources[e->followed].estimator
						       : &e->lost;
	struct gnomon_estimate estimate;
	double bound;

	estimator_ahead(own, c->now, ahead_s, c->f_ppb, &estimate);
	bound = estimate.bound_ns;
	if (e->trial) {
		estimator_ahead(&e->untaught, c->now, ahead_s, c->f_ppb, &estimate);
		bound = estimate.bound_ns > bound ? estimate.bound_ns : bound;
	}
	return bound;
}

/* The majority at any instant of a piece: every range is taken as far as it reaches in there. */
static double majority_within(const struct coasting *c, double from_s, double to_s)
{
	struct range v[GNOMON_SELECT_SOURCES];
	struct range end[GNOMON_SELECT_SOURCES];
	unsigned int n;

	if (c->e->count < 3 || c->e->mode != GNOMON_ENSEMBLE_FOLLOWING) {
		return 0.0;
	}
	n = ranges(c->e, &(struct instant){ c->now, from_s, c->f_ppb }, v);
	(void)ranges(c->e, &(struct instant){ c->now, to_s, c->f_ppb }, end);
	for (unsigned int i = 0; i < n; i++) {
		v[i].low_ns = end[i].low_ns < v[i].low_ns ? end[i].low_ns : v[i].low_ns;
		v[i].high_ns = end[i].high_ns > v[i].high_ns ? end[i].high_ns : v[i].high_ns;
	}
	return majority_bound(v, n);
}

/* No less than the bound at any instant of a piece. */
static double most_within(const struct coasting *c, double from_s, double to_s)
{
	double most;
	double end;

	if (c->modelled) {
		return modelled_ahead(c, to_s);
	}
	most = estimated_ahead(c, from_s);
	end = estimated_ahead(c, to_s);
	most = end > most ? end : most;
	end = majority_within(c, from_s, to_s);
	return end > most ? end : most;
}

/* What speaks for the future: the model if it would on loss, else the estimator as it is. */
static void begin_coasting(const struct gnomon_ensemble *e, gnomon_mono now, struct coasting *c)
{
	const struct estimator *own = e->followed >= 0 ? &e->sources[e->followed].estimator
						       : &e->lost;
	double rate;

	c->f_ppb = estimator_needed_ppb(own);
	if (e->mode == GNOMON_ENSEMBLE_HOLDOVER) {
		c->modelled = true;
		c->model = e->model;
		c->age_s = ensemble_seconds(now, e->model_at);
		c->age_s = c->age_s > 0.0 ? c->age_s : 0.0;
	} else if (e->mode == GNOMON_ENSEMBLE_FOLLOWING && !e->trial &&
		   discipline_can_start(e->discipline)) {
		c->modelled = gnomon_ensemble_model(e, now, &c->model) == 0;
	}
	if (c->modelled) {
		c->f_ppb = gnomon_holdover_frequency(&c->model, c->age_s);
		c->rate_error_ppb = gnomon_holdover_frequency_error(&c->model, c->age_s);
	} else if (!estimator_natural(own, now, &rate, &c->rate_error_ppb)) {
		c->rate_error_ppb = ESTIMATOR_UNKNOWN_PPB;
	}
}

/* The line that is above the bound: its start above all of the first piece, and its slope such that
 * it is above all of each other piece where that begins. */
static void draw_line(const struct coasting *c, double horizon_s, struct gnomon_coast *coast)
{
	double from = horizon_s < FIRST_PIECE_S ? horizon_s : FIRST_PIECE_S;
	double most = most_within(c, 0.0, from);

	coast->bound_ns = most > c->bound_ns ? most : c->bound_ns;
	while (from < horizon_s) {
		double to = from * PIECE_GROWTH < horizon_s ? from * PIECE_GROWTH : horizon_s;
		double slope = (most_within(c, from, to) - coast->bound_ns) / from;

		coast->growth_ppb = slope > coast->growth_ppb ? slope : coast->growth_ppb;
		from = to;
	}
}

void gnomon_ensemble_coast(const struct gnomon_ensemble *e, gnomon_mono now, double horizon_s,
			   struct gnomon_coast *coast)
{
	struct coasting c = { .e = e, .now = now };
	struct gnomon_estimate estimate;

	*coast = (struct gnomon_coast){ .bound_ns = (double)INFINITY };
	gnomon_ensemble_estimate(e, now, &estimate);
	if (!estimate.valid || e->mode == GNOMON_ENSEMBLE_NONE) {
		return;
	}
	c.bound_ns = estimate.bound_ns;
	begin_coasting(e, now, &c);
	draw_line(&c, horizon_s, coast);
	coast->valid = isfinite(coast->bound_ns) && isfinite(coast->growth_ppb);
	coast->excess_ppb = (estimate.frequency_ppb - c.f_ppb) / (1.0 + c.f_ppb * 1e-9);
	coast->stddev_ns = estimate.offset_stddev_ns;
	coast->rate_error_ppb = c.rate_error_ppb;
}

/* -- for whoever watches ---------------------------------------------------------------------- */

void gnomon_ensemble_source_view(const struct gnomon_ensemble *e, unsigned int source,
				 struct gnomon_ensemble_view *view)
{
	*view = (struct gnomon_ensemble_view){
		.state = gnomon_select_state(&e->select, source),
	};
	if (source < e->count && e->sources[source].measured) {
		const struct source *s = &e->sources[source];
		struct estimator_doubt doubt = s->doubt;

		if (!s->compared) {
			estimator_doubt(&s->estimator, &s->last, &doubt);
		}
		view->measured = true;
		view->at = s->at;
		view->offset_ns = gnomon_span_to_double(s->last.offset);
		view->bound_ns = doubt.bound_ns;
		view->noise_ns = doubt.noise_ns;
		view->mean_delay_ns = gnomon_span_to_double(s->last.mean_delay);
	}
}

bool gnomon_ensemble_changes(struct gnomon_ensemble *e, struct gnomon_ensemble_change *change)
{
	struct gnomon_select_change sources = {
		.before = e->followed,
		.selected = e->followed,
	};
	bool changed = gnomon_select_changes(&e->select, &sources);

	if (!changed && e->told == e->mode) {
		return false;
	}
	*change = (struct gnomon_ensemble_change){
		.sources = sources,
		.mode_changed = e->told != e->mode,
		.mode_before = e->told,
		.mode = e->mode,
	};
	e->told = e->mode;
	return true;
}
