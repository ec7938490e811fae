/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What an ensemble is made of: ensemble.c makes it go, claims.c says what is known by it.
 */
#ifndef SERVO_ENSEMBLE_H
#define SERVO_ENSEMBLE_H

#include <gnomon/ensemble.h>

#include "servo/discipline.h"

struct source {
	struct estimator estimator;
	double timeout_s;
	double interval_s;
	bool compared;  /* its bound matters to the selection */
	bool measured;
	gnomon_mono at; /* of the last sample */
	struct gnomon_discipline_sample last;
	struct estimator_doubt doubt; /* of it; only if compared */
};

struct gnomon_ensemble {
	struct gnomon_discipline *discipline; /* behind the sources */
	unsigned int count;
	double interval_s; /* between frequencies in holdover */

	struct gnomon_select select;
	int followed;
	enum gnomon_ensemble_mode mode;
	enum gnomon_ensemble_mode told; /* by gnomon_ensemble_changes */
	gnomon_mono carried; /* until then the clock's motion is in what was reported */

	struct gnomon_holdover holdover;
	bool locked;      /* the servo is, since: */
	gnomon_mono locked_at;
	bool restored;    /* a model from an earlier run, not contradicted so far */
	bool trial;       /* ... and not confirmed either */
	bool start;       /* its frequency is to be given to the clock: at once, or if that has
			   * been done (and the clock may have refused) with the next sample */
	bool started;
	struct gnomon_holdover_model model; /* restored, or in force in holdover; at: */
	gnomon_mono model_at;
	struct estimator untaught; /* during the trial: what is known of the followed source by who
				    * was told nothing of the oscillator */

	struct estimator lost; /* that of the source that was lost, as it was then */
	double lost_bound_ns;
	double lost_offset_ns;
	gnomon_mono next;      /* frequency in holdover */

	struct source sources[]; /* count of them */
};

/** During the trial of a restored model: no less than its bound is claimed by who does not believe
 * it. */
void ensemble_doubt(const struct gnomon_ensemble *e, gnomon_mono now,
		    struct gnomon_estimate *estimate);

/** From then to now; negative if time went back. */
static inline double ensemble_seconds(gnomon_mono now, gnomon_mono then)
{
	return ((double)now.ns - (double)then.ns) * 1e-9;
}

#endif
