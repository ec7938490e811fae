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
 * The largest error that the clock's own motion has put into the measured path delay, over
 * the last one to two memories of the delay filter.
 */
struct delay_error {
	double current_ns;
	double previous_ns;
	double age_s; /* of current_ns; at the end of a memory it becomes the previous one */
};

struct estimator {
	double path_asymmetry_ns; /* < 0: half of the mean delay */
	double drift_ppb_per_s;
	double delay_memory_s;
	double interval_s;    /* expected between samples */
	double frequency_ppb; /* the adjustment in force */
	double old_rate_ppb;  /* of the clock before the last command */
	double told_ppb;      /* the rate of the clock that delay measurements are corrected for */
	gnomon_mono at;       /* when the last sample came */
	struct track track;   /* no samples: nothing is known */
	struct track rival;   /* what holds if the last sample, implausible to track, was true */
	bool rivalry;
	struct delay_error delay_error;
	double asymmetry_ns;
	double reference_bound_ns;
};

void estimator_init(struct estimator *e, const struct gnomon_discipline_config *config);

/** Forget the reference; the adjustment in force stays. */
void estimator_reset(struct estimator *e);

/** Take a sample that was measured under the adjustment in force. */
void estimator_sample(struct estimator *e, const struct gnomon_discipline_sample *sample,
		      double weight, gnomon_mono now);

/** The clock is being given this command. */
void estimator_command(struct estimator *e, const struct gnomon_discipline_command *command);

/** Reference frequency over local frequency, 1.0 unless something better is known. */
double estimator_rate_ratio(const struct estimator *e);

/** The delay measurement is being told this ratio. */
void estimator_tell_ratio(struct estimator *e, double rate_ratio);

/** The adjustment with which the clock would run at the reference's rate. */
double estimator_needed_ppb(const struct estimator *e);

/** Fill everything but the servo's state. */
void estimator_read(const struct estimator *e, gnomon_mono now, struct gnomon_estimate *out);

#endif
