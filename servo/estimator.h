/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What is known about the clock, and how well: the tracking filter, what surrounds it when the
 * world does not behave like noise, and the error bound. It sees every sample and every command
 * but does not influence the servo. The algebra is in docs/SERVO.md.
 */
#ifndef SERVO_ESTIMATOR_H
#define SERVO_ESTIMATOR_H

#include "servo/track.h"

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
	double frequency_ppb; /* the adjustment in force */
	bool coasting;        /* it has changed since the last sample: */
	double before_ppb;    /* what was in force ... */
	gnomon_mono coast_at; /* ... until then */
	double old_rate_ppb;  /* of the clock before the last command */
	double told_ppb;      /* the rate of the clock that delay measurements are corrected for */
	gnomon_mono at;       /* when the last sample came */
	struct track track;   /* no samples: nothing is known */
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

/** Take a sample that was measured under the adjustment in force. */
void estimator_sample(struct estimator *e, const struct gnomon_discipline_sample *sample,
		      double weight, gnomon_mono now);

/** The clock is being given this command, with the sample. */
void estimator_command(struct estimator *e, const struct gnomon_discipline_command *command);

/** The clock is being given this adjustment at now, with no sample. */
void estimator_coast(struct estimator *e, double frequency_ppb, gnomon_mono now);

/** Reference frequency over local frequency, 1.0 unless something better is known. */
double estimator_rate_ratio(const struct estimator *e);

/** The delay measurement is being told this ratio. */
void estimator_tell_ratio(struct estimator *e, double rate_ratio);

/** The adjustment with which the clock would run at the reference's rate. */
double estimator_needed_ppb(const struct estimator *e);

/** Fill everything but the servo's state. */
void estimator_read(const struct estimator *e, gnomon_mono now, struct gnomon_estimate *out);

#endif
