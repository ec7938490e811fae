/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline: sanity check, estimator and servo, and the order in which they see a sample.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "servo/estimator.h"
#include "servo/sanity.h"

/* The smallest weight: below it a sample would be a division by nothing. */
#define WEIGHT_MIN 1e-3

/* An adjustment of -1e9 ppb would stop the clock. */
#define FREQUENCY_LIMIT_PPB 999999999.0

/* A sample is overdue after so many intervals and so long besides. Senders keep nine intervals in
 * ten within 30 % of the announced one (9.5.9.2) and networks add milliseconds, so at the normal
 * rate nothing is ever late; at high rates, where a busy host may hold things up for several
 * intervals, the corrections are small and it does not matter. */
#define OVERDUE_INTERVALS 1.5
#define OVERDUE_NS 20000000

/* Longer intervals have no deadline that matters. */
#define OVERDUE_MAX_S 1e6

struct gnomon_discipline {
	struct gnomon_discipline_config config;
	void *servo; /* behind this struct */
	enum gnomon_servo_state state;
	double rate_ratio;   /* as told to the delay measurement */
	gnomon_mono overdue; /* when the servo's last correction has been in force too long */
	unsigned int ignore; /* samples left in the step window */
	struct sanity sanity;
	struct estimator estimator;
};

/* Where the servo's state starts behind the discipline. */
static size_t servo_offset(void)
{
	size_t align = _Alignof(max_align_t);

	return (sizeof(struct gnomon_discipline) + align - 1) / align * align;
}

static bool is_finite(double value)
{
	return fabs(value) <= 1e300; /* false for NaN */
}

static bool in_range(double value)
{
	return is_finite(value) && value >= 0.0;
}

static bool servo_config_ok(const struct gnomon_servo_config *c)
{
	return c->size == sizeof(*c) && c->max_frequency_ppb > 0.0 &&
	       is_finite(c->max_frequency_ppb) &&
	       fabs(c->frequency_ppb) <= FREQUENCY_LIMIT_PPB &&
	       in_range(c->plausible_frequency_ppb) &&
	       in_range(c->first_step_threshold) && in_range(c->step_threshold) &&
	       in_range(c->pi_proportional_const) && in_range(c->pi_integral_const) &&
	       in_range(c->pi_proportional_scale) && in_range(c->pi_integral_scale) &&
	       is_finite(c->pi_proportional_exponent) && is_finite(c->pi_integral_exponent) &&
	       in_range(c->pi_proportional_norm_max) && in_range(c->pi_integral_norm_max) &&
	       c->offset_threshold_ns >= 0;
}

static bool config_ok(const struct gnomon_discipline_config *c)
{
	return c->size == sizeof(*c) && c->servo && servo_config_ok(&c->servo_config) &&
	       in_range(c->sanity_freq_limit_ppb) && is_finite(c->path_asymmetry_ns) &&
	       in_range(c->drift_ppb_per_s) && in_range(c->delay_memory_s);
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
	*self = (struct gnomon_discipline){
		.config = *config,
		.rate_ratio = 1.0,
		.overdue = GNOMON_MONO_NEVER,
	};
	if (self->config.servo_config.max_frequency_ppb > FREQUENCY_LIMIT_PPB) {
		self->config.servo_config.max_frequency_ppb = FREQUENCY_LIMIT_PPB;
	}
	self->servo = (char *)mem + servo_offset();
	config->servo->init(self->servo, &self->config.servo_config);
	sanity_init(&self->sanity, config->sanity_freq_limit_ppb);
	estimator_init(&self->estimator, config);
	*d = self;
	return 0;
}

void gnomon_discipline_sync_interval(struct gnomon_discipline *d, double seconds)
{
	if (seconds > 0.0) {
		d->estimator.interval_s = seconds;
		d->config.servo->sync_interval(d->servo, seconds);
	}
}

static void start_over(struct gnomon_discipline *d)
{
	d->config.servo->reset(d->servo);
	d->state = GNOMON_SERVO_UNLOCKED;
	d->rate_ratio = 1.0;
	d->ignore = 0;
	d->overdue = GNOMON_MONO_NEVER;
	estimator_reset(&d->estimator);
}

void gnomon_discipline_reset(struct gnomon_discipline *d)
{
	start_over(d);
	sanity_reset(&d->sanity);
}

/* A weight outside (0..1] is a caller's mistake that must not upset the filters. */
static double trusted(double weight)
{
	if (weight >= 1.0) {
		return 1.0;
	}
	return weight > WEIGHT_MIN ? weight : WEIGHT_MIN;
}

/* False: this sample is not to be used. */
static bool admit(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		  gnomon_mono now, struct gnomon_discipline_command *command)
{
	double frequency = d->estimator.frequency_ppb;

	switch (sanity_check(&d->sanity, sample->local, now, frequency)) {
	case SANITY_FINE:
		break;
	case SANITY_DOUBT:
		return false;
	case SANITY_INSANE:
		command->insane = true;
		start_over(d);
		break;
	}
	if (d->ignore > 0) {
		d->ignore--;
		return false;
	}
	return true;
}

/* Only a closed loop corrects, so only then there is something to end. */
static void expect_next(struct gnomon_discipline *d, gnomon_mono now)
{
	bool locked = d->state == GNOMON_SERVO_LOCKED || d->state == GNOMON_SERVO_LOCKED_STABLE;
	double interval_s = d->estimator.interval_s;

	d->overdue = GNOMON_MONO_NEVER;
	if (locked && d->config.servo->coast && interval_s < OVERDUE_MAX_S) {
		int64_t wait_ns = (int64_t)(OVERDUE_INTERVALS * interval_s * 1e9) + OVERDUE_NS;

		d->overdue = gnomon_mono_add(now, wait_ns);
	}
}

static void run_servo(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		      double weight, struct gnomon_discipline_command *command)
{
	struct gnomon_servo_sample s = { sample->offset, sample->local, weight };
	double frequency_ppb = command->frequency_ppb;

	d->state = d->config.servo->sample(d->servo, &s, &frequency_ppb);
	d->rate_ratio = d->config.servo->rate_ratio(d->servo);
	switch (d->state) {
	case GNOMON_SERVO_UNLOCKED:
		d->rate_ratio = estimator_rate_ratio(&d->estimator);
		return;
	case GNOMON_SERVO_JUMP:
		command->step = true;
		command->step_by = gnomon_span_neg(sample->offset);
		sanity_step(&d->sanity, command->step_by);
		d->ignore = d->config.step_window;
		break;
	case GNOMON_SERVO_LOCKED:
	case GNOMON_SERVO_LOCKED_STABLE:
		break;
	}
	command->set_frequency = true;
	command->frequency_ppb = frequency_ppb;
	estimator_command(&d->estimator, command);
}

static void use_sample(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		       gnomon_mono now, struct gnomon_discipline_command *command)
{
	double weight = trusted(sample->weight);

	estimator_sample(&d->estimator, sample, weight, now);
	if (d->config.free_running) {
		/* Nobody steers: report what a servo would have to do. */
		d->rate_ratio = estimator_rate_ratio(&d->estimator);
		command->frequency_ppb = estimator_needed_ppb(&d->estimator);
	} else {
		run_servo(d, sample, weight, command);
		expect_next(d, now);
	}
	estimator_tell_ratio(&d->estimator, d->rate_ratio);
}

void gnomon_discipline_sample(struct gnomon_discipline *d,
			      const struct gnomon_discipline_sample *sample, gnomon_mono now,
			      struct gnomon_discipline_command *command)
{
	*command = (struct gnomon_discipline_command){
		.frequency_ppb = d->estimator.frequency_ppb,
	};
	if (!admit(d, sample, now, command)) {
		command->ignored = true;
	} else {
		use_sample(d, sample, now, command);
	}
	command->state = d->state;
	command->rate_ratio = d->rate_ratio;
}

gnomon_mono gnomon_discipline_deadline(const struct gnomon_discipline *d)
{
	return d->overdue;
}

void gnomon_discipline_expire(struct gnomon_discipline *d, gnomon_mono now,
			      struct gnomon_discipline_command *command)
{
	double before_ppb = d->estimator.frequency_ppb;
	double elapsed_s = (double)(now.ns - d->estimator.at.ns) * 1e-9;

	*command = (struct gnomon_discipline_command){
		.state = d->state,
		.frequency_ppb = before_ppb,
		.rate_ratio = d->rate_ratio,
	};
	if (d->overdue.ns == GNOMON_MONO_NEVER.ns || gnomon_mono_before(now, d->overdue)) {
		return;
	}
	d->overdue = GNOMON_MONO_NEVER;
	command->set_frequency = true;
	command->frequency_ppb = d->config.servo->coast(d->servo, elapsed_s);
	sanity_adjust(&d->sanity, now, before_ppb);
	estimator_coast(&d->estimator, command->frequency_ppb, now);
}

void gnomon_discipline_estimate(const struct gnomon_discipline *d, gnomon_mono now,
				struct gnomon_estimate *estimate)
{
	estimator_read(&d->estimator, now, estimate);
	estimate->state = d->state;
}
