/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline: sanity check, estimator and servo, and the order in which they see a sample.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "servo/discipline.h"
#include "servo/needs.h"
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
	gnomon_mono sampled; /* when the servo saw its last sample */
	gnomon_mono overdue; /* when the servo's last correction has been in force too long */
	unsigned int ignore; /* samples left in the step window */
	struct sanity sanity;
	struct needs needs;  /* what the servo held to be needed of late ... */
	unsigned int slewed; /* ... but for so many samples yet: they have a slew of ours in them */
	struct estimator own;
	struct estimator *estimator;
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
	estimator_init(&self->own, config);
	self->estimator = &self->own;
	*d = self;
	return 0;
}

void gnomon_discipline_sync_interval(struct gnomon_discipline *d, double seconds)
{
	if (seconds > 0.0) {
		d->estimator->interval_s = seconds;
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
	needs_reset(&d->needs);
	d->slewed = 0;
	estimator_reset(d->estimator);
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
	double frequency = d->estimator->frequency_ppb;

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

static bool is_locked(const struct gnomon_discipline *d)
{
	return d->state == GNOMON_SERVO_LOCKED || d->state == GNOMON_SERVO_LOCKED_STABLE;
}

/* Only a closed loop corrects, so only then there is something to end. */
static void expect_next(struct gnomon_discipline *d, gnomon_mono now)
{
	double interval_s = d->estimator->interval_s;

	d->overdue = GNOMON_MONO_NEVER;
	if (is_locked(d) && d->config.servo->needed && interval_s < OVERDUE_MAX_S) {
		int64_t wait_ns = (int64_t)(OVERDUE_INTERVALS * interval_s * 1e9) + OVERDUE_NS;

		d->overdue = gnomon_mono_add(now, wait_ns);
	}
}

/* Step first, then the frequency. */
static void command_given(struct gnomon_discipline *d, gnomon_mono now,
			  const struct gnomon_discipline_command *command)
{
	if (command->step) {
		sanity_step(&d->sanity, command->step_by);
	}
	if (command->set_frequency) {
		sanity_adjust(&d->sanity, now, d->estimator->frequency_ppb);
	}
	estimator_command(d->estimator, command, now);
}

static void run_servo(struct gnomon_discipline *d, const struct gnomon_servo_sample *s,
		      gnomon_mono now, struct gnomon_discipline_command *command)
{
	double frequency_ppb = command->frequency_ppb;

	d->sampled = now;
	d->state = d->config.servo->sample(d->servo, s, &frequency_ppb);
	d->rate_ratio = estimator_sane_ratio(d->config.servo->rate_ratio(d->servo));
	switch (d->state) {
	case GNOMON_SERVO_UNLOCKED:
		d->rate_ratio = estimator_rate_ratio(d->estimator);
		return;
	case GNOMON_SERVO_JUMP:
		command->step = true;
		command->step_by = gnomon_span_neg(s->offset);
		d->ignore = d->config.step_window;
		break;
	case GNOMON_SERVO_LOCKED:
	case GNOMON_SERVO_LOCKED_STABLE:
		break;
	}
	command->set_frequency = true;
	command->frequency_ppb = frequency_ppb;
	if (d->config.servo->needed && (d->slewed == 0 || d->needs.count == 0)) {
		needs_add(&d->needs, d->config.servo->needed(d->servo));
	}
	command_given(d, now, command);
}

/* The servo takes the rate of a hand-over for the oscillator's, while that lasts and until it has
 * unlearnt it. Where nothing else is known yet, that is better than nothing. */
static void tell_slewing(struct gnomon_discipline *d, gnomon_span correction)
{
	if (gnomon_span_cmp(correction, GNOMON_SPAN_ZERO) != 0) {
		d->slewed = NEEDS_KEPT;
	} else if (d->slewed > 0) {
		d->slewed--;
	}
}

static void use_sample(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		       gnomon_span correction, gnomon_mono now,
		       struct gnomon_discipline_command *command)
{
	const struct gnomon_servo_sample s = {
		.offset = gnomon_span_sub(sample->offset, correction),
		.local = sample->local,
		.weight = trusted(sample->weight),
	};

	estimator_sample(d->estimator, sample, s.weight, now);
	if (d->config.free_running) {
		/* Nobody steers: report what a servo would have to do. */
		d->rate_ratio = estimator_rate_ratio(d->estimator);
		command->frequency_ppb = estimator_needed_ppb(d->estimator);
	} else {
		tell_slewing(d, correction);
		run_servo(d, &s, now, command);
		expect_next(d, now);
	}
	estimator_tell_ratio(d->estimator, d->rate_ratio);
}

void discipline_nothing(const struct gnomon_discipline *d,
			struct gnomon_discipline_command *command)
{
	*command = (struct gnomon_discipline_command){
		.state = d->state,
		.frequency_ppb = d->estimator->frequency_ppb,
		.rate_ratio = d->rate_ratio,
	};
}

void discipline_sample(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		       gnomon_span correction, gnomon_mono now,
		       struct gnomon_discipline_command *command)
{
	discipline_nothing(d, command);
	if (!admit(d, sample, now, command)) {
		command->ignored = true;
	} else {
		use_sample(d, sample, correction, now, command);
	}
	command->state = d->state;
	command->rate_ratio = d->rate_ratio;
}

void gnomon_discipline_sample(struct gnomon_discipline *d,
			      const struct gnomon_discipline_sample *sample, gnomon_mono now,
			      struct gnomon_discipline_command *command)
{
	discipline_sample(d, sample, GNOMON_SPAN_ZERO, now, command);
}

/* -- without samples -------------------------------------------------------------------------- */

gnomon_mono gnomon_discipline_deadline(const struct gnomon_discipline *d)
{
	return d->overdue;
}

/* Only while something is expected there is a correction to end. */
void discipline_coast(struct gnomon_discipline *d, double model_ppb, gnomon_mono now,
		      struct gnomon_discipline_command *command)
{
	double elapsed_s = ((double)now.ns - (double)d->sampled.ns) * 1e-9;

	discipline_nothing(d, command);
	if (d->overdue.ns == GNOMON_MONO_NEVER.ns) {
		return;
	}
	d->overdue = GNOMON_MONO_NEVER;
	command->set_frequency = true;
	command->frequency_ppb = needs_robust(&d->needs, model_ppb);
	d->config.servo->hold(d->servo, command->frequency_ppb, elapsed_s);
	command_given(d, now, command);
}

void gnomon_discipline_coast(struct gnomon_discipline *d, gnomon_mono now,
			     struct gnomon_discipline_command *command)
{
	discipline_coast(d, (double)NAN, now, command);
}

void gnomon_discipline_expire(struct gnomon_discipline *d, gnomon_mono now,
			      struct gnomon_discipline_command *command)
{
	if (gnomon_mono_before(now, d->overdue)) {
		discipline_nothing(d, command);
		return;
	}
	gnomon_discipline_coast(d, now, command);
}

/* -- from elsewhere --------------------------------------------------------------------------- */

void discipline_use(struct gnomon_discipline *d, struct estimator *estimator)
{
	d->estimator = estimator ? estimator : &d->own;
}

bool discipline_can_start(const struct gnomon_discipline *d)
{
	return !d->config.free_running && d->config.servo->start;
}

void discipline_start(struct gnomon_discipline *d, double frequency_ppb, gnomon_mono now,
		      struct gnomon_discipline_command *command)
{
	double limit_ppb = d->config.servo_config.max_frequency_ppb;

	discipline_nothing(d, command);
	d->overdue = GNOMON_MONO_NEVER;
	if (!discipline_can_start(d)) {
		return;
	}
	if (fabs(frequency_ppb) > limit_ppb) {
		frequency_ppb = frequency_ppb < 0.0 ? -limit_ppb : limit_ppb;
	}
	command->set_frequency = true;
	command->frequency_ppb = frequency_ppb;
	needs_reset(&d->needs);
	d->config.servo->start(d->servo, frequency_ppb);
	command_given(d, now, command);
}

void discipline_restart(struct gnomon_discipline *d)
{
	start_over(d);
}

/* A servo must not compare samples across the step. */
void discipline_stepped(struct gnomon_discipline *d, gnomon_span by, gnomon_mono now,
			struct gnomon_discipline_command *command)
{
	discipline_nothing(d, command);
	sanity_step(&d->sanity, by);
	if (is_locked(d) && d->needs.count > 0 && discipline_can_start(d)) {
		discipline_start(d, needs_robust(&d->needs, (double)NAN), now, command);
	} else {
		d->config.servo->reset(d->servo);
	}
}

void gnomon_discipline_estimate(const struct gnomon_discipline *d, gnomon_mono now,
				struct gnomon_estimate *estimate)
{
	estimator_read(d->estimator, now, estimate);
	estimate->state = d->state;
}

double gnomon_discipline_slew(const struct gnomon_discipline *d, gnomon_mono now)
{
	const double f = d->estimator->frequency_ppb;
	double natural;
	double error;

	if (!estimator_natural(d->estimator, now, &natural, &error)) {
		return (double)INFINITY;
	}
	return fabs(natural + f + natural * f * 1e-9) + error;
}
