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

/* Those that say something: liars as well, nobody knows them beforehand. */
static unsigned int ranges(const struct gnomon_ensemble *e, gnomon_mono now, struct range *v)
{
	struct gnomon_estimate estimate;
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->count; i++) {
		const struct source *s = &e->sources[i];
		enum gnomon_source_state state = gnomon_select_state(&e->select, i);

		estimator_read(&s->estimator, now, &estimate);
		if (estimate.valid && s->measured && ensemble_seconds(now, s->at) <= s->timeout_s &&
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
static double majority_bound(const struct gnomon_ensemble *e, gnomon_mono now)
{
	struct range v[GNOMON_SELECT_SOURCES];
	unsigned int n = ranges(e, now, v);
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
		double most = majority_bound(e, now);

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
