/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What is known about the clock, and how well: the tracking filter, what surrounds it when the
 * world does not behave like noise, and the error bound. It sees every sample and every command
 * but does not influence the servo. The algebra is in docs/SERVO.md.
 */
#ifndef SERVO_ESTIMATOR_H
#define SERVO_ESTIMATOR_H

#include "servo/track.h"

/** Before the second sample the oscillator is held to be no further off than this, unless better
 * is known: more than any crystal or soft clock is. */
#define ESTIMATOR_UNKNOWN_PPB 1e6

/**
 * What the clock was commanded during one memory of the delay filter, less what the delay
 * measurement was told. Together with the oscillator's rate, as it is known by now, this is how
 * the clock moved; no measurement is kept that may turn out to have been wrong.
 */
struct motion {
	double least_ppb;
	double most_ppb;
	double longest_s; /* between samples; 0: nothing here */
	double age_s;
};

struct estimator {
	double path_asymmetry_ns; /* < 0: half of the mean delay */
	double drift_ppb_per_s;
	double delay_memory_s;
	double interval_s;    /* expected between samples */
	double frequency_ppb; /* the adjustment in force ... */
	gnomon_mono since;    /* ... since then; before the last sample: since that */
	double applied;       /* what was in force from the last sample until then, ppb * s */
	double least_ppb;     /* of all that was in force since the last sample */
	double most_ppb;
	double known_ppb;     /* rate error of the oscillator as known from elsewhere ... */
	double known_error_ppb; /* ... within this */
	double old_rate_ppb;  /* of the clock before the last command */
	double told_ppb;      /* the rate of the clock that delay measurements are corrected for */
	gnomon_mono at;       /* when the last sample came */
	struct track track;   /* no samples: nothing is known */
	bool believes;        /* ... and it began with a rate known from elsewhere */
	struct track rival;   /* another opinion, from fewer samples */
	bool rivalry;         /* it began with the last sample, which was implausible to track */
	unsigned int events;  /* such samples that proved true, since track was experienced */
	struct motion motion[2]; /* during this memory of the delay filter, and the one before */
	double asymmetry_ns;
	double reference_bound_ns;
};

void estimator_init(struct estimator *e, const struct gnomon_discipline_config *config);

/** Forget the reference; the adjustment in force stays. */
void estimator_reset(struct estimator *e);

/** The oscillator's rate error when left alone is known from elsewhere: the next first sample needs
 * no second one to tell it. ESTIMATOR_UNKNOWN_PPB: it is not. */
void estimator_know(struct estimator *e, double e_ppb, double error_ppb);

/** Take a sample that was measured under the adjustments in force until now. */
void estimator_sample(struct estimator *e, const struct gnomon_discipline_sample *sample,
		      double weight, gnomon_mono now);

/** The clock is being given this command at now, with a sample or without. */
void estimator_command(struct estimator *e, const struct gnomon_discipline_command *command,
		       gnomon_mono now);

/** The clock was stepped. */
void estimator_step(struct estimator *e, gnomon_span by);

/** Reference frequency over local frequency, 1.0 unless something better is known. */
double estimator_rate_ratio(const struct estimator *e);

/** ratio if a clock can run so wrong, else 1.0. */
double estimator_sane_ratio(double ratio);

/** The delay measurement is being told this ratio. */
void estimator_tell_ratio(struct estimator *e, double rate_ratio);

/** The adjustment with which the clock would run at the reference's rate. */
double estimator_needed_ppb(const struct estimator *e);

/** The rate error of the oscillator when left alone, and how well it is known at now. False: not at
 * all. */
bool estimator_natural(const struct estimator *e, gnomon_mono now, double *e_ppb,
		       double *error_ppb);

/** Do so many samples speak that their word counts, and theirs alone? */
bool estimator_experienced(const struct estimator *e);

/** What may be wrong with one offset. */
struct estimator_doubt {
	double noise_ns; /* standard deviation; robust: a few outliers do not change it */
	double bound_ns; /* worst case, errors of path and reference included */
};

/** ... with that of a sample which has not been taken yet. */
void estimator_doubt(const struct estimator *e, const struct gnomon_discipline_sample *sample,
		     struct estimator_doubt *doubt);

/** Fill everything but the servo's state; bound and offset so many seconds after now, if the clock
 * gets this adjustment from now on and no sample comes. */
void estimator_ahead(const struct estimator *e, gnomon_mono now, double seconds, double f_ppb,
		     struct gnomon_estimate *out);

/** The same at now. */
void estimator_read(const struct estimator *e, gnomon_mono now, struct gnomon_estimate *out);

#endif
