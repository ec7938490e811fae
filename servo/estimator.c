/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>

#include "servo/estimator.h"

/* How fast a free crystal may change its rate when nobody knows better: a steep temperature
 * coefficient (0.5 ppm/K) in a machine that warms up by a degree per minute. */
#define DRIFT_DEFAULT_PPB_PER_S 10.0

/* Before the second sample the oscillator is held to be no further off than this: more than any
 * crystal or soft clock is. */
#define RATE_LIMIT_PPB 1e6

/* How long a delay measurement stays in the caller's delay filter when nobody says. */
#define DELAY_MEMORY_DEFAULT_S 10.0

/* Four timestamps in whole ns: each of the two differences is off by less than 1 ns. */
#define QUANTISATION_NS 2.0

/* Between the moment a sample was measured and the one its command takes effect the clock runs
 * on at its old rate. It is not measured; this is what a busy host may need. */
#define COMMAND_LATENCY_S 0.01

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double or_default(double value, double fallback)
{
	return value > 0.0 ? value : fallback;
}

void estimator_init(struct estimator *e, const struct gnomon_discipline_config *config)
{
	*e = (struct estimator){
		.path_asymmetry_ns = config->path_asymmetry_ns,
		.drift_ppb_per_s = or_default(config->drift_ppb_per_s, DRIFT_DEFAULT_PPB_PER_S),
		.delay_memory_s = or_default(config->delay_memory_s, DELAY_MEMORY_DEFAULT_S),
		.interval_s = 1.0,
		.frequency_ppb = config->servo_config.frequency_ppb,
	};
}

void estimator_reset(struct estimator *e)
{
	e->track.samples = 0;
	e->rivalry = false;
	e->delay_error = (struct delay_error){ 0.0, 0.0, 0.0 };
	e->told_ppb = 0.0;
}

static struct track_view view_now(const struct estimator *e)
{
	return track_at(&e->track, 0.0, e->frequency_ppb, 0.0);
}

/*
 * A Delay_Req leaves up to an interval after the Sync it is paired with. What the clock gained
 * meanwhile on its reference, beyond what the delay measurement was told, ends up half in the
 * measured delay, and the delay filter keeps it for its length.
 */
static void delay_error_add(struct delay_error *d, double gained_ns, double dt, double memory_s)
{
	d->age_s += dt;
	if (d->age_s > memory_s) {
		d->previous_ns = d->current_ns;
		d->current_ns = 0.0;
		d->age_s = 0.0;
	}
	d->current_ns = larger(d->current_ns, fabs(gained_ns) / 2.0);
}

/* Before the second sample the rate is unknown, and so is what it does to the delay. */
static double delay_error_of(const struct estimator *e, const struct track_view *v)
{
	if (e->track.samples < 2) {
		return v->rate_error_ppb * e->interval_s / 2.0;
	}
	return larger(e->delay_error.current_ns, e->delay_error.previous_ns);
}

/*
 * An implausible sample is either an outlier or the truth after an event: follow both, and let the
 * next sample decide. Until then the bound covers both.
 */
static void track_or_doubt(struct estimator *e, const struct track_input *in)
{
	double f = e->frequency_ppb;
	double drift = e->drift_ppb_per_s;

	if (track_plausible(&e->track, in, f, drift)) {
		track_update(&e->track, in, f, drift);
		e->rivalry = false;
	} else if (e->rivalry && track_elapsed(&e->rival, in, f) > 0.0) {
		track_update(&e->rival, in, f, drift);
		e->track = e->rival;
		e->rivalry = false;
	} else {
		track_coast(&e->track, in, f, drift);
		track_restart(&e->rival, in, &e->track);
		e->rivalry = true;
	}
}

/* False: the sample is out of order and was not used. */
static bool follow(struct estimator *e, const struct track_input *in)
{
	bool first_pair = e->track.samples == 1;
	double gained_ns = -view_now(e).offset_ns;
	double elapsed;

	if (e->track.samples == 0) {
		track_start(&e->track, in, -e->frequency_ppb, RATE_LIMIT_PPB);
		return true;
	}
	elapsed = track_elapsed(&e->track, in, e->frequency_ppb);
	if (!(elapsed > 0.0)) {
		return false;
	}
	track_or_doubt(e, in);
	gained_ns += view_now(e).offset_ns - e->told_ppb * elapsed;
	delay_error_add(&e->delay_error, gained_ns, elapsed, e->delay_memory_s);
	if (first_pair) {
		/* The delay that the noise was guessed from may have been too small by this. */
		track_expect(&e->track, in->noise_ns + e->delay_error.current_ns);
	}
	return true;
}

void estimator_sample(struct estimator *e, const struct gnomon_discipline_sample *sample,
		      double weight, gnomon_mono now)
{
	double delay_ns = fabs(gnomon_span_to_double(sample->mean_delay));
	struct track_input in = {
		.offset = sample->offset,
		.local = sample->local,
		.noise_ns = delay_ns,
		.weight = weight,
	};

	if (!follow(e, &in)) {
		return;
	}
	e->at = now;
	e->asymmetry_ns = e->path_asymmetry_ns < 0.0 ? delay_ns / 2.0 : e->path_asymmetry_ns;
	e->reference_bound_ns = or_default(sample->reference_bound_ns, 0.0);
	e->old_rate_ppb = view_now(e).rate_ppb;
}

void estimator_command(struct estimator *e, const struct gnomon_discipline_command *command)
{
	if (command->step) {
		track_step(&e->track, command->step_by);
		track_step(&e->rival, command->step_by);
	}
	if (command->set_frequency) {
		e->frequency_ppb = command->frequency_ppb;
	}
}

double estimator_rate_ratio(const struct estimator *e)
{
	struct track_view v = view_now(e);

	/* A rate that is more uncertain than large would do more harm than good. */
	return fabs(v.rate_ppb) > v.rate_error_ppb ? 1.0 / (1.0 + v.rate_ppb * 1e-9) : 1.0;
}

void estimator_tell_ratio(struct estimator *e, double rate_ratio)
{
	e->told_ppb = (1.0 / rate_ratio - 1.0) * 1e9;
}

double estimator_needed_ppb(const struct estimator *e)
{
	return (1.0 / (1.0 + e->track.state.e_ppb * 1e-9) - 1.0) * 1e9;
}

static double seconds_since(gnomon_mono now, gnomon_mono then)
{
	double ns = (double)now.ns - (double)then.ns;

	return ns > 0.0 ? ns * 1e-9 : 0.0;
}

static double bound_of(const struct estimator *e, const struct track_view *v)
{
	double rate = larger(fabs(v->rate_ppb), fabs(e->old_rate_ppb));

	return fabs(v->offset_ns) + v->offset_error_ns + rate * COMMAND_LATENCY_S +
	       delay_error_of(e, v) + e->asymmetry_ns + e->reference_bound_ns + QUANTISATION_NS;
}

void estimator_read(const struct estimator *e, gnomon_mono now, struct gnomon_estimate *out)
{
	double dt = seconds_since(now, e->at);
	struct track_view v;

	*out = (struct gnomon_estimate){
		.valid = e->track.samples > 0,
		.at = now,
		.frequency_ppb = e->frequency_ppb,
		.frequency_error_ppb = (double)INFINITY,
		.bound_ns = (double)INFINITY,
	};
	if (!out->valid) {
		return;
	}
	v = track_at(&e->track, dt, e->frequency_ppb, e->drift_ppb_per_s);
	out->offset_ns = v.offset_ns;
	out->offset_stddev_ns = track_noise(&e->track);
	out->frequency_error_ppb = fabs(v.rate_ppb) + v.rate_error_ppb;
	out->bound_ns = bound_of(e, &v);
	if (e->rivalry) {
		v = track_at(&e->rival, dt, e->frequency_ppb, e->drift_ppb_per_s);
		out->bound_ns = larger(out->bound_ns, bound_of(e, &v));
	}
}
