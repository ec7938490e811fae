/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A two-state tracking filter: where the clock is and how fast its oscillator runs, from noisy
 * offset samples and from the commands given to the clock. It watches the servo from outside and
 * owes nothing to its constants. The reasoning is in docs/SERVO.md.
 */
#ifndef SERVO_TRACK_H
#define SERVO_TRACK_H

#include <gnomon/servo.h>

/** The noise is that of the last so many samples; older ones are forgotten altogether. */
#define TRACK_WINDOW 32

/** What the filter moves in time. Covariances are in units of the noise variance. */
struct track_state {
	double x_ns;  /* offset above the anchor */
	double e_ppb; /* rate error of the oscillator when left alone */
	double pxx;
	double pxe;
	double pee;
};

struct track {
	unsigned int samples; /* taken since the start; saturates */
	gnomon_span anchor;   /* offsets are kept relative to this, for precision */
	struct track_state state; /* at the last sample */
	double limit_ppb;      /* of the rate error, while there is but one sample */
	double variance;       /* of the measurement noise, ns^2 */
	double prior_ns;       /* what the path delay makes us expect of the noise */
	unsigned int surprises; /* taken; the last TRACK_WINDOW of them are kept */
	double surprise[TRACK_WINDOW]; /* what each sample says of the variance, ns^2 */
	double interval_s;     /* between the last two samples */
	gnomon_time local;     /* the clock at the last sample */
	gnomon_time reference; /* its reference at the last sample */
};

/** One measurement as the filter sees it. */
struct track_input {
	gnomon_span offset;
	gnomon_time local;
	double noise_ns; /* a first guess of the noise, from the path delay */
	double weight;
};

/** The clock at an instant, with worst-case limits. */
struct track_view {
	double offset_ns;
	double offset_error_ns;
	double rate_ppb; /* of the clock against its reference, commands included */
	double rate_error_ppb;
};

/** Start over from one measurement, knowing that the oscillator is e_ppb +- limit_ppb off. */
void track_start(struct track *t, const struct track_input *in, double e_ppb, double limit_ppb);

/** Start over from one measurement of a clock that old followed until something happened to it,
 * not longer than elapsed_s ago. */
void track_restart(struct track *t, const struct track_input *in, const struct track *old,
		   double elapsed_s);

/**
 * Seconds of the reference's time from the last sample to this one, while the clock ran with
 * adjustment f_ppb. Not positive: the sample is older than the last one.
 */
double track_elapsed(const struct track *t, const struct track_input *in, double f_ppb);

/** Could noise explain this sample, or a rate that is still unknown? */
bool track_plausible(const struct track *t, const struct track_input *in, double f_ppb,
		     double drift_ppb_per_s);

/** The noise may be this large: matters until enough samples tell. */
void track_expect(struct track *t, double noise_ns);

/** Take a measurement; only with track_elapsed() > 0. */
void track_update(struct track *t, const struct track_input *in, double f_ppb,
		  double drift_ppb_per_s);

/** Move to the instant of a measurement without believing it; only with track_elapsed() > 0. */
void track_coast(struct track *t, const struct track_input *in, double f_ppb,
		 double drift_ppb_per_s);

/** The clock was stepped. */
void track_step(struct track *t, gnomon_span by);

/** The clock dt >= 0 seconds after the last sample. */
struct track_view track_at(const struct track *t, double dt, double f_ppb,
			   double drift_ppb_per_s);

/** Do so many samples speak of the noise that their word counts without the path delay's? */
bool track_experienced(const struct track *t);

/** Does t, with its own experience, show that what old holds for noise was something else? */
bool track_refutes(const struct track *t, const struct track *old);

/** Standard deviation of the measurement noise, ns. */
double track_noise(const struct track *t);

/** The same, of those samples that are not outliers. */
double track_robust_noise(const struct track *t);

#endif
