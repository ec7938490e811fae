/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline: sanity check, servo, estimate, and the order in which they see a sample.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "servo/sanity.h"
#include "servo/track.h"

/* How fast a free crystal may change its rate when nobody knows better: a steep temperature
 * coefficient (0.5 ppm/K) in a machine that warms up by a degree per minute. */
#define DRIFT_DEFAULT_PPB_PER_S 10.0

/* Four timestamps in whole ns: each of the two differences is off by less than 1 ns. */
#define QUANTISATION_NS 2.0

/* Between the moment a sample was measured and the one its command takes effect the clock runs
 * on at its old rate. It is not measured; this is what a busy host may need. */
#define COMMAND_LATENCY_S 0.01

struct gnomon_discipline {
	struct gnomon_discipline_config config;
	double drift_ppb_per_s;
	void *servo;
	enum gnomon_servo_state state;
	double frequency_ppb; /* the adjustment in force */
	unsigned int ignore;  /* samples left in the step window */
	struct sanity sanity;
	/* The estimate. */
	gnomon_mono at; /* when the last sample came */
	struct track track;
	struct track rival; /* what holds if the last sample, implausible to track, was true */
	bool rivalry;
	double asymmetry_ns;
	double reference_bound_ns;
	double old_rate_ppb; /* of the clock before the last command */
};

/* Where the servo's state starts behind the discipline. */
static size_t servo_offset(void)
{
	size_t align = _Alignof(max_align_t);

	return (sizeof(struct gnomon_discipline) + align - 1) / align * align;
}

static bool in_range(double value)
{
	return value >= 0.0 && value <= 1e300; /* excludes NaN and infinity */
}

static bool servo_config_ok(const struct gnomon_servo_config *c)
{
	return c->size == sizeof(*c) && c->max_frequency_ppb > 0.0 &&
	       in_range(c->max_frequency_ppb) && in_range(fabs(c->frequency_ppb)) &&
	       in_range(c->first_step_threshold) && in_range(c->step_threshold) &&
	       in_range(c->pi_proportional_const) && in_range(c->pi_integral_const) &&
	       in_range(c->pi_proportional_scale) && in_range(c->pi_integral_scale) &&
	       in_range(fabs(c->pi_proportional_exponent)) &&
	       in_range(fabs(c->pi_integral_exponent)) &&
	       in_range(c->pi_proportional_norm_max) && in_range(c->pi_integral_norm_max) &&
	       c->offset_threshold_ns >= 0;
}

static bool config_ok(const struct gnomon_discipline_config *c)
{
	return c->size == sizeof(*c) && c->servo && servo_config_ok(&c->servo_config) &&
	       in_range(c->sanity_freq_limit_ppb) && in_range(fabs(c->path_asymmetry_ns)) &&
	       in_range(c->drift_ppb_per_s);
}

size_t gnomon_discipline_size(const struct gnomon_discipline_config *config)
{
	return config_ok(config) ? servo_offset() + config->servo->size : 0;
}

int gnomon_discipline_init(struct gnomon_discipline **d, void *mem, size_t len,
			   const struct gnomon_discipline_config *config)
{
	size_t need = gnomon_discipline_size(config);
	struct gnomon_discipline *self = mem;

	if (need == 0) {
		return -EINVAL;
	}
	if (len < need) {
		return -ENOBUFS;
	}
	*self = (struct gnomon_discipline){ .config = *config };
	self->drift_ppb_per_s = config->drift_ppb_per_s > 0.0 ? config->drift_ppb_per_s :
								DRIFT_DEFAULT_PPB_PER_S;
	self->servo = (char *)mem + servo_offset();
	self->frequency_ppb = config->servo_config.frequency_ppb;
	sanity_init(&self->sanity, config->sanity_freq_limit_ppb);
	config->servo->init(self->servo, &config->servo_config);
	*d = self;
	return 0;
}

void gnomon_discipline_sync_interval(struct gnomon_discipline *d, double seconds)
{
	if (seconds > 0.0) {
		d->config.servo->sync_interval(d->servo, seconds);
	}
}

static void forget(struct gnomon_discipline *d)
{
	d->config.servo->reset(d->servo);
	d->state = GNOMON_SERVO_UNLOCKED;
	d->track.samples = 0;
	d->rivalry = false;
}

void gnomon_discipline_reset(struct gnomon_discipline *d)
{
	forget(d);
	sanity_reset(&d->sanity);
	d->ignore = 0;
}

/* -- the estimate's side ---------------------------------------------------------------------- */

/*
 * An implausible sample is either an outlier or the truth after an event: follow both, and let the
 * next sample decide. Until then the bound covers both. False: the sample is out of order.
 */
static bool track_sample(struct gnomon_discipline *d, const struct track_input *in)
{
	double f = d->frequency_ppb;
	double drift = d->drift_ppb_per_s;

	if (d->track.samples == 0) {
		track_start(&d->track, in);
		return true;
	}
	if (!(track_elapsed(&d->track, in, f) > 0.0)) {
		return false;
	}
	if (track_plausible(&d->track, in, f, drift)) {
		track_update(&d->track, in, f, drift);
		d->rivalry = false;
	} else if (d->rivalry && track_elapsed(&d->rival, in, f) > 0.0) {
		track_update(&d->rival, in, f, drift);
		d->track = d->rival;
		d->rivalry = false;
	} else {
		track_coast(&d->track, in, f, drift);
		track_start(&d->rival, in);
		d->rivalry = true;
	}
	return true;
}

static void observe(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		    double weight, gnomon_mono now)
{
	double delay_ns = fabs(gnomon_span_to_double(sample->mean_delay));
	struct track_input in = {
		.offset = sample->offset,
		.local = sample->local,
		.noise_ns = delay_ns / 2.0,
		.weight = weight,
	};

	if (!track_sample(d, &in)) {
		return;
	}
	d->at = now;
	d->asymmetry_ns = d->config.path_asymmetry_ns < 0.0 ? delay_ns / 2.0 :
							      d->config.path_asymmetry_ns;
	d->reference_bound_ns = sample->reference_bound_ns > 0.0 ? sample->reference_bound_ns : 0.0;
	d->old_rate_ppb = track_at(&d->track, 0.0, d->frequency_ppb, 0.0).rate_ppb;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double seconds_since(gnomon_mono now, gnomon_mono then)
{
	double ns = (double)now.ns - (double)then.ns;

	return ns > 0.0 ? ns * 1e-9 : 0.0;
}

/* Everything the noise does not explain, and the clock's own drift already in view. */
static double bound_of(const struct gnomon_discipline *d, const struct track_view *v)
{
	double rate = larger(fabs(v->rate_ppb), fabs(d->old_rate_ppb));

	return fabs(v->offset_ns) + v->offset_error_ns + rate * COMMAND_LATENCY_S +
	       d->asymmetry_ns + d->reference_bound_ns + QUANTISATION_NS;
}

void gnomon_discipline_estimate(const struct gnomon_discipline *d, gnomon_mono now,
				struct gnomon_estimate *estimate)
{
	double dt = seconds_since(now, d->at);
	struct track_view v;

	*estimate = (struct gnomon_estimate){
		.state = d->state,
		.at = now,
		.frequency_ppb = d->frequency_ppb,
		.frequency_error_ppb = (double)INFINITY,
		.bound_ns = (double)INFINITY,
	};
	if (d->track.samples == 0) {
		return;
	}
	v = track_at(&d->track, dt, d->frequency_ppb, d->drift_ppb_per_s);
	estimate->valid = true;
	estimate->offset_ns = v.offset_ns;
	estimate->offset_stddev_ns = track_noise(&d->track);
	estimate->frequency_error_ppb = fabs(v.rate_ppb) + v.rate_error_ppb;
	estimate->bound_ns = bound_of(d, &v);
	if (d->rivalry) {
		v = track_at(&d->rival, dt, d->frequency_ppb, d->drift_ppb_per_s);
		estimate->bound_ns = larger(estimate->bound_ns, bound_of(d, &v));
	}
}

/* -- the clock's side ------------------------------------------------------------------------- */

/* The clock was told to do this: everything that models it follows. */
static void apply(struct gnomon_discipline *d, const struct gnomon_discipline_command *command)
{
	if (command->step) {
		track_step(&d->track, command->step_by);
		track_step(&d->rival, command->step_by);
		sanity_step(&d->sanity, command->step_by);
		d->ignore = d->config.step_window;
	}
	if (command->set_frequency) {
		d->frequency_ppb = command->frequency_ppb;
	}
}

static void run_servo(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		      double weight, struct gnomon_discipline_command *command)
{
	struct gnomon_servo_sample s = { sample->offset, sample->local, weight };
	double frequency;

	d->state = d->config.servo->sample(d->servo, &s, &frequency);
	command->rate_ratio = d->config.servo->rate_ratio(d->servo);
	switch (d->state) {
	case GNOMON_SERVO_UNLOCKED:
		return;
	case GNOMON_SERVO_JUMP:
		command->step = true;
		command->step_by = gnomon_span_neg(sample->offset);
		break;
	case GNOMON_SERVO_LOCKED:
	case GNOMON_SERVO_LOCKED_STABLE:
		break;
	}
	command->set_frequency = true;
	command->frequency_ppb = frequency;
	apply(d, command);
}

/* Nobody steers: report what a servo would have to do, and how the rates compare. */
static void report_free_running(const struct gnomon_discipline *d,
				struct gnomon_discipline_command *command)
{
	double e = d->track.e_ppb * 1e-9;
	double rate = track_at(&d->track, 0.0, d->frequency_ppb, 0.0).rate_ppb;

	command->frequency_ppb = (1.0 / (1.0 + e) - 1.0) * 1e9;
	command->rate_ratio = 1.0 / (1.0 + rate * 1e-9);
}

/* A weight outside (0..1] is a caller's mistake that must not upset the filters. */
static double trusted(double weight)
{
	if (weight >= 1.0) {
		return 1.0;
	}
	return weight > 1e-3 ? weight : 1e-3;
}

void gnomon_discipline_sample(struct gnomon_discipline *d,
			      const struct gnomon_discipline_sample *sample, gnomon_mono now,
			      struct gnomon_discipline_command *command)
{
	double weight = trusted(sample->weight);
	enum sanity_verdict verdict = sanity_check(&d->sanity, sample->local, now,
						   d->frequency_ppb);

	*command = (struct gnomon_discipline_command){
		.frequency_ppb = d->frequency_ppb,
		.rate_ratio = 1.0,
	};
	if (verdict == SANITY_INSANE) {
		command->insane = true;
		d->ignore = 0;
		forget(d);
	}
	if (verdict == SANITY_DOUBT || d->ignore > 0) {
		d->ignore -= d->ignore > 0;
		command->ignored = true;
		command->state = d->state;
		return;
	}
	observe(d, sample, weight, now);
	if (d->config.free_running) {
		report_free_running(d, command);
	} else {
		run_servo(d, sample, weight, command);
	}
	command->state = d->state;
}
