/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>

#include "servo/track.h"

/* So many standard deviations count as the worst case. */
#define SIGMAS 4.0

/* Few samples say little about the tails: with n of them widen by 1 + SMALL_SAMPLE / n^2. */
#define SMALL_SAMPLE 50.0

/* Noise below the resolution of timestamps is not believed. */
#define NOISE_FLOOR_NS 1.0

/* Memory: at least MEMORY_S seconds, at least 1 / (1 - FADE_MIN) samples. */
#define MEMORY_S 4.0
#define FADE_MIN 0.8

/* Until samples tell, a path is held to be as noisy as its delay: that expectation counts as
 * PRIOR_WEIGHT samples at first and as none after PRIOR_SAMPLES. */
#define PRIOR_WEIGHT 2.0
#define PRIOR_SAMPLES 16

/* Jitter has longer tails than a Gaussian: the largest of the recent innovations is held to be no
 * more than this many standard deviations. */
#define PEAK_SIGMAS 3.6

/* The drift an oscillator is granted at worst is this many times what it does every second. */
#define DRIFT_SIGMAS 10.0

/* A sample that comes after so many times the last interval tells where the clock has drifted, not
 * how noisy the path is. */
#define GAP_INTERVALS 4.0

/* Errors shared by neighbouring samples (the filtered path delay) do not average out: this part
 * of the noise stays whatever the memory. */
#define COMMON_NOISE 0.6

/* Beyond this many worst cases a sample is not noise but an event. */
#define IMPLAUSIBLE 10.0

/* So many surprises make experience of the noise. */
#define EXPERIENCE 8

/* An event that shows as an innovation of v over an interval may have changed the rate by so many
 * times v / interval: it may have happened late in the interval. */
#define EVENT_RATES 4.0

/* A prediction so many times more uncertain than a measurement is no prediction; more would only
 * cost the digits that the next covariance is the difference of. */
#define IGNORANCE 1e6

/* Standard deviation of a Gaussian over the median of its magnitude. */
#define GAUSSIAN_MEDIAN 1.4826

#define SAMPLES_MAX 1000

static double square(double v)
{
	return v * v;
}

/* -- how noisy is the path? ------------------------------------------------------------------- */

static unsigned int kept_surprises(const struct track *t)
{
	return t->surprises < TRACK_WINDOW ? t->surprises : TRACK_WINDOW;
}

static double prior_weight(const struct track *t)
{
	double left = 1.0 - (double)t->surprises / PRIOR_SAMPLES;

	return t->surprises < PRIOR_SAMPLES ? PRIOR_WEIGHT * square(left) : 0.0;
}

/* How many standard deviations are the worst case, for what the estimate of it rests on. */
static double sigmas(const struct track *t)
{
	double samples = prior_weight(t) + kept_surprises(t);

	return SIGMAS * (1.0 + SMALL_SAMPLE / square(samples));
}

/* The variance: the mean of what the recent samples and the fading expectation say, or what the
 * largest of them demands. */
static void weigh_noise(struct track *t)
{
	double weight = prior_weight(t);
	double sum = weight * square(t->prior_ns);
	double least = square(NOISE_FLOOR_NS);
	unsigned int kept = kept_surprises(t);

	for (unsigned int i = 0; i < kept; i++) {
		double peak = t->surprise[i] / square(PEAK_SIGMAS);

		sum += t->surprise[i];
		least = peak > least ? peak : least;
	}
	t->variance = sum / (weight + kept);
	if (t->variance < least) {
		t->variance = least;
	}
}

/*
 * The mean of innovation^2 over its variance (in units of the noise variance) is the noise
 * variance. That variance is taken from the least squares line that the filter is without wander:
 * 1 / (1 - a) with a = 2 (2n - 1) / (n (n + 1)) for the n-th sample, and 1 / FADE_MIN^2 in the
 * long run. Were the wander's share believed, a drift limit set too wide would explain all
 * innovations and make the noise vanish.
 */
static void learn_noise(struct track *t, double innovation, double weight)
{
	double n = t->samples + 1.0;
	double spread = 1.0 / (1.0 - 2.0 * (2.0 * n - 1.0) / (n * (n + 1.0)));

	if (spread < 1.0 / square(FADE_MIN)) {
		spread = 1.0 / square(FADE_MIN);
	}
	t->surprise[t->surprises % TRACK_WINDOW] = square(innovation) * weight / spread;
	t->surprises++;
	if (t->surprises == 2 * TRACK_WINDOW) {
		t->surprises = TRACK_WINDOW;
	}
	weigh_noise(t);
}

void track_expect(struct track *t, double noise_ns)
{
	if (t->surprises < PRIOR_SAMPLES && noise_ns > t->prior_ns) {
		t->prior_ns = noise_ns;
		weigh_noise(t);
	}
}

bool track_experienced(const struct track *t)
{
	return t->surprises >= EXPERIENCE;
}

bool track_refutes(const struct track *t, const struct track *old)
{
	return track_experienced(t) &&
	       IMPLAUSIBLE * sigmas(t) * track_noise(t) < sigmas(old) * track_noise(old);
}

double track_noise(const struct track *t)
{
	return sqrt(t->variance);
}

/* From the median of the magnitudes. Sorted by insertion: there are few. */
double track_robust_noise(const struct track *t)
{
	double sorted[TRACK_WINDOW];
	unsigned int kept = kept_surprises(t);
	double noise;

	if (!track_experienced(t)) {
		return track_noise(t);
	}
	for (unsigned int i = 0; i < kept; i++) {
		unsigned int k = i;

		for (; k > 0 && sorted[k - 1] > t->surprise[i]; k--) {
			sorted[k] = sorted[k - 1];
		}
		sorted[k] = t->surprise[i];
	}
	noise = GAUSSIAN_MEDIAN * sqrt(sorted[kept / 2]);
	return noise > NOISE_FLOOR_NS ? noise : NOISE_FLOOR_NS;
}

/* -- where is the clock? ---------------------------------------------------------------------- */

void track_start(struct track *t, const struct track_input *in, double e_ppb, double limit_ppb)
{
	double noise = in->noise_ns > NOISE_FLOOR_NS ? in->noise_ns : NOISE_FLOOR_NS;

	*t = (struct track){
		.samples = 1,
		.anchor = in->offset,
		.variance = square(noise),
		.prior_ns = noise,
		.local = in->local,
		.reference = gnomon_time_sub_span(in->local, in->offset),
	};
	t->state.e_ppb = e_ppb;
	t->state.pxx = 1.0 / in->weight;
	t->state.pee = square(limit_ppb / (SIGMAS * noise));
	t->limit_ppb = limit_ppb;
}

static double rate_of(const struct track_state *s, double f_ppb)
{
	return f_ppb + s->e_ppb + f_ppb * s->e_ppb * 1e-9;
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

/*
 * The state dt seconds on. Fading (dividing the covariance) limits the memory, so that an
 * oscillator worse than drift says is still followed.
 */
static struct track_state predict(const struct track *t, double dt, double f_ppb,
				  double drift_ppb_per_s)
{
	double fade = 1.0 / (1.0 + dt / MEMORY_S);
	double gain = dt * (1.0 + f_ppb * 1e-9);
	double wander = square(drift_ppb_per_s * dt / DRIFT_SIGMAS) / t->variance;
	struct track_state s = t->state;

	if (fade < FADE_MIN) {
		fade = FADE_MIN;
	}
	s.x_ns += rate_of(&s, f_ppb) * dt;
	s.pxx = (s.pxx + gain * (2.0 * s.pxe + gain * s.pee)) / fade + wander * dt * dt / 4.0;
	s.pxe = (s.pxe + gain * s.pee) / fade + wander * dt / 2.0;
	s.pee = s.pee / fade + wander;
	return s;
}

/* How far a measurement is from where the clock was expected. */
static double innovation(const struct track *t, const struct track_state *expected,
			 const struct track_input *in)
{
	return gnomon_span_to_double(gnomon_span_sub(in->offset, t->anchor)) - expected->x_ns;
}

bool track_plausible(const struct track *t, const struct track_input *in, double f_ppb,
		     double drift_ppb_per_s)
{
	double dt = track_elapsed(t, in, f_ppb);
	struct track_state s = predict(t, dt, f_ppb, drift_ppb_per_s);
	double v = fabs(innovation(t, &s, in));

	if (t->samples == 1) {
		/* The limit of the rate is a limit, not a deviation to be multiplied. */
		v -= t->limit_ppb * dt;
		s.pxx = t->state.pxx;
	}
	return v <= IMPLAUSIBLE * sigmas(t) * sqrt(t->variance * (s.pxx + 1.0 / in->weight));
}

/* Differences of what nonsense made huge have no digits left, not even a sign. */
static void mend(struct track_state *s)
{
	double most;

	s->pxx = s->pxx > 0.0 ? s->pxx : 0.0;
	s->pee = s->pee > 0.0 ? s->pee : 0.0;
	most = sqrt(s->pxx) * sqrt(s->pee);
	if (fabs(s->pxe) > most) {
		s->pxe = s->pxe < 0.0 ? -most : most;
	}
}

void track_update(struct track *t, const struct track_input *in, double f_ppb,
		  double drift_ppb_per_s)
{
	double dt = track_elapsed(t, in, f_ppb);
	struct track_state s;
	double gain_x;
	double gain_e;
	double v;

	if (t->samples == 1 && t->state.pee > square(IGNORANCE / dt)) {
		t->state.pee = square(IGNORANCE / dt);
	}
	s = predict(t, dt, f_ppb, drift_ppb_per_s);
	v = innovation(t, &s, in);
	gain_x = s.pxx / (s.pxx + 1.0 / in->weight);
	gain_e = s.pxe / (s.pxx + 1.0 / in->weight);
	s.x_ns += gain_x * v;
	s.e_ppb += gain_e * v;
	s.pee -= gain_e * s.pxe;
	s.pxe -= gain_e * s.pxx;
	s.pxx -= gain_x * s.pxx;
	mend(&s);
	t->state = s;
	track_expect(t, in->noise_ns);
	if (t->samples >= 2 && dt < GAP_INTERVALS * t->interval_s) {
		/* The second sample only tells the rate; noise shows from the third on. */
		learn_noise(t, v, in->weight);
	}
	t->samples += t->samples < SAMPLES_MAX;
	t->interval_s = dt;
	t->local = in->local;
	t->reference = gnomon_time_sub_span(in->local, in->offset);
}

void track_coast(struct track *t, const struct track_input *in, double f_ppb,
		 double drift_ppb_per_s)
{
	double dt = track_elapsed(t, in, f_ppb);

	t->state = predict(t, dt, f_ppb, drift_ppb_per_s);
	t->local = in->local;
	t->reference = gnomon_time_add(t->reference, gnomon_span_from_double(dt * 1e9));
}

/* old has coasted to the instant of the measurement. */
void track_restart(struct track *t, const struct track_input *in, const struct track *old,
		   double elapsed_s)
{
	double interval_s = old->interval_s > 0.0 ? old->interval_s : elapsed_s;
	double limit = EVENT_RATES * fabs(innovation(old, &old->state, in)) / interval_s;
	struct track_input first = *in;

	if (first.noise_ns < track_noise(old)) {
		first.noise_ns = track_noise(old);
	}
	track_start(t, &first, old->state.e_ppb, limit);
	t->interval_s = interval_s;
}

void track_step(struct track *t, gnomon_span by)
{
	t->anchor = gnomon_span_add(t->anchor, by);
	t->local = gnomon_time_add(t->local, by);
}

struct track_view track_at(const struct track *t, double dt, double f_ppb,
			   double drift_ppb_per_s)
{
	double worst = sigmas(t) * track_noise(t);
	struct track_state s = predict(t, dt, f_ppb, 0.0);
	struct track_view v;

	v.offset_ns = gnomon_span_to_double(t->anchor) + s.x_ns;
	v.rate_ppb = rate_of(&s, f_ppb);
	v.rate_error_ppb = worst * sqrt(s.pee);
	v.offset_error_ns = worst * sqrt(s.pxx + square(COMMON_NOISE));
	if (t->samples == 1) {
		/* The limit of the rate is a limit, not a deviation to be multiplied. */
		v.rate_error_ppb = t->limit_ppb;
		v.offset_error_ns = worst + t->limit_ppb * dt;
	}
	v.rate_error_ppb += drift_ppb_per_s * dt;
	v.offset_error_ns += 0.5 * drift_ppb_per_s * dt * dt;
	return v;
}
