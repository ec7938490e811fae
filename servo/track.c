/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>

#include "servo/track.h"

/* Nothing is known of the oscillator's rate before the second sample: TRACK_SIGMAS times this is
 * 1000 ppm, more than any crystal or soft clock is off. */
#define RATE_PRIOR_PPB 2.5e5

/* Noise below the resolution of timestamps is not believed. */
#define NOISE_FLOOR_NS 1.0

/* Memory: at least MEMORY_S seconds, at least 1 / (1 - FADE_MIN) samples. */
#define MEMORY_S 4.0
#define FADE_MIN 0.8

/* The noise estimate remembers this many samples; a path is held to be as noisy as its delay
 * suggests until samples outvote PRIOR_EVIDENCE. */
#define NOISE_MEMORY 16.0
#define PRIOR_EVIDENCE 2.0

/* Few samples say little about the tails: widen by 1 + SMALL_SAMPLE / evidence^2. */
#define SMALL_SAMPLE 12.0

/* Errors shared by neighbouring samples (the filtered path delay) do not average out: this part
 * of the noise stays whatever the memory. */
#define COMMON_NOISE 0.5

/* Beyond this many worst cases a sample is not noise but an event. */
#define IMPLAUSIBLE 10.0
#define EVIDENCE_TO_DOUBT 8.0

static double rate_of(const struct track *t, double f_ppb)
{
	return f_ppb + t->e_ppb + f_ppb * t->e_ppb * 1e-9;
}

static double square(double v)
{
	return v * v;
}

void track_start(struct track *t, const struct track_input *in)
{
	double noise = in->noise_ns > NOISE_FLOOR_NS ? in->noise_ns : NOISE_FLOOR_NS;

	*t = (struct track){
		.samples = 1,
		.anchor = in->offset,
		.pxx = 1.0 / in->weight,
		.variance = square(noise),
		.evidence = PRIOR_EVIDENCE,
		.local = in->local,
		.reference = gnomon_time_sub_span(in->local, in->offset),
	};
	t->pee = square(RATE_PRIOR_PPB) / t->variance;
}

/*
 * The reference's own progress is the right measure. If the reference jumped, the clock's
 * progress, freed of the adjustment, is good enough; if the clock was set back, the reference's.
 */
double track_elapsed(const struct track *t, const struct track_input *in, double f_ppb)
{
	gnomon_time reference = gnomon_time_sub_span(in->local, in->offset);
	double by_reference =
		gnomon_span_to_double(gnomon_time_diff(reference, t->reference)) * 1e-9;
	double by_clock = gnomon_span_to_double(gnomon_time_diff(in->local, t->local)) * 1e-9 /
			  (1.0 + f_ppb * 1e-9);

	if (by_clock <= 0.0 || fabs(by_reference - by_clock) < 0.5 * by_clock) {
		return by_reference;
	}
	return by_clock;
}

/* Move the state dt seconds on. Fading (dividing the covariance) limits the memory, so that an
 * oscillator worse than drift says is still followed. */
static void predict(struct track *t, double dt, double f_ppb, double drift_ppb_per_s)
{
	double fade = 1.0 / (1.0 + dt / MEMORY_S);
	double gain = dt * (1.0 + f_ppb * 1e-9);
	double wander = square(drift_ppb_per_s * dt / TRACK_SIGMAS) / t->variance;

	if (fade < FADE_MIN) {
		fade = FADE_MIN;
	}
	t->x_ns += rate_of(t, f_ppb) * dt;
	t->pxx = (t->pxx + gain * (2.0 * t->pxe + gain * t->pee)) / fade + wander * dt * dt / 4.0;
	t->pxe = (t->pxe + gain * t->pee) / fade + wander * dt / 2.0;
	t->pee = t->pee / fade + wander;
}

static double innovation(const struct track *predicted, const struct track_input *in)
{
	gnomon_span above = gnomon_span_sub(in->offset, predicted->anchor);

	return gnomon_span_to_double(above) - predicted->x_ns;
}

static double sigmas(const struct track *t)
{
	return TRACK_SIGMAS * (1.0 + SMALL_SAMPLE / square(t->evidence));
}

bool track_plausible(const struct track *t, const struct track_input *in, double f_ppb,
		     double drift_ppb_per_s)
{
	struct track p = *t;
	double limit;

	if (t->evidence < EVIDENCE_TO_DOUBT) {
		return true;
	}
	predict(&p, track_elapsed(t, in, f_ppb), f_ppb, drift_ppb_per_s);
	limit = IMPLAUSIBLE * sigmas(t) * sqrt(t->variance * (p.pxx + 1.0 / in->weight));
	return fabs(innovation(&p, in)) <= limit;
}

/* surprise: innovation^2 over its variance in units of the noise variance; its mean is the
 * noise variance if the filter is right. */
static void learn_noise(struct track *t, double surprise)
{
	double gain = 1.0 / (t->evidence + 1.0);

	if (gain < 1.0 / NOISE_MEMORY) {
		gain = 1.0 / NOISE_MEMORY;
	} else {
		t->evidence += 1.0;
	}
	t->variance += gain * (surprise - t->variance);
	if (t->variance < square(NOISE_FLOOR_NS)) {
		t->variance = square(NOISE_FLOOR_NS);
	}
}

void track_update(struct track *t, const struct track_input *in, double f_ppb,
		  double drift_ppb_per_s)
{
	double nu;
	double s;
	double gain_x;
	double gain_e;

	predict(t, track_elapsed(t, in, f_ppb), f_ppb, drift_ppb_per_s);
	nu = innovation(t, in);
	s = t->pxx + 1.0 / in->weight;
	gain_x = t->pxx / s;
	gain_e = t->pxe / s;
	t->x_ns += gain_x * nu;
	t->e_ppb += gain_e * nu;
	t->pee -= gain_e * t->pxe;
	t->pxe -= gain_e * t->pxx;
	t->pxx -= gain_x * t->pxx;
	if (t->samples >= 2) {
		/* The second sample only tells the rate; noise shows from the third on. */
		learn_noise(t, nu * nu / s);
	}
	if (t->samples < 1000) {
		t->samples++;
	}
	t->local = in->local;
	t->reference = gnomon_time_sub_span(in->local, in->offset);
}

void track_coast(struct track *t, const struct track_input *in, double f_ppb,
		 double drift_ppb_per_s)
{
	double dt = track_elapsed(t, in, f_ppb);

	predict(t, dt, f_ppb, drift_ppb_per_s);
	t->local = in->local;
	t->reference = gnomon_time_add(t->reference, gnomon_span_from_double(dt * 1e9));
}

void track_step(struct track *t, gnomon_span by)
{
	t->anchor = gnomon_span_add(t->anchor, by);
	t->local = gnomon_time_add(t->local, by);
}

double track_noise(const struct track *t)
{
	return sqrt(t->variance);
}

struct track_view track_at(const struct track *t, double dt, double f_ppb,
			   double drift_ppb_per_s)
{
	double worst = sigmas(t) * track_noise(t);
	struct track p = *t;
	struct track_view v;

	predict(&p, dt, f_ppb, 0.0);
	v.offset_ns = gnomon_span_to_double(t->anchor) + p.x_ns;
	v.offset_error_ns = worst * sqrt(p.pxx + square(COMMON_NOISE)) +
			    0.5 * drift_ppb_per_s * dt * dt;
	v.rate_ppb = rate_of(t, f_ppb);
	v.rate_error_ppb = worst * sqrt(p.pee) + drift_ppb_per_s * dt;
	return v;
}
