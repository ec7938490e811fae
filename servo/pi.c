/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proportional-integral servo with the behaviour and the constants of ptp4l's.
 *
 * Two samples far enough apart give the clock's frequency error; then the clock is stepped once,
 * if the thresholds say so, and slewed from there on:
 *
 *     frequency = integral - (kp + ki) * offset * weight,  integral -= ki * offset * weight
 *
 * with offset in ns and frequency in ppb: a clock that is ahead is slowed down.
 */
#include <math.h>

#include "servo/gate.h"
#include "servo/power.h"
#include "servo/rows.h"

/* Stability limits of the loop: what kp and ki times the interval must not exceed even when the
 * user sets the constants. */
#define KP_NORM_LIMIT 1.0
#define KI_NORM_LIMIT 2.0

/* The frequency estimate spans at least FREQ_EST_FACTOR / ki seconds, but never more than
 * FREQ_EST_MAX; an interval that falls short by a thousandth (jitter, a slow clock) will do. */
#define FREQ_EST_FACTOR 0.016
#define FREQ_EST_MAX 1000.0
#define FREQ_EST_MARGIN 1.001

/* So often in a row an implausible estimate is made again before it is believed: a reference steps
 * once or twice while it settles itself, a broken oscillator stays broken. */
#define FREQ_EST_RETRIES 3

enum pi_phase {
	PI_EMPTY,   /* no sample */
	PI_FIRST,   /* the first of two is stored */
	PI_KNOWN,   /* no sample, but the frequency is known */
	PI_RUNNING, /* the loop is closed */
};

/* gain(interval) = min(scale * interval ^ exponent, norm_max / interval) */
struct gain_rule {
	double scale;
	double exponent;
	double norm_max;
};

struct pi {
	struct servo_gate gate;
	struct gain_rule kp_rule;
	struct gain_rule ki_rule;
	double kp;
	double ki;
	double max_ppb;
	double plausible_ppb; /* 0: everything is */
	unsigned int retries;
	double integral_ppb;  /* the learned frequency adjustment */
	double commanded_ppb; /* the one in force */
	enum pi_phase phase;
	gnomon_span first_offset;
	gnomon_time first_local;
};

static double gain_at(const struct gain_rule *rule, double interval)
{
	double gain = rule->scale * servo_power(interval, rule->exponent);
	double cap = rule->norm_max / interval;

	return gain > cap ? cap : gain;
}

static double or_default(double value, double fallback)
{
	return value > 0.0 ? value : fallback;
}

static double clamp(double value, double limit)
{
	if (value > limit) {
		return limit;
	}
	return value < -limit ? -limit : value;
}

static void set_rules(struct pi *s, const struct gnomon_servo_config *c)
{
	bool software = c->software_timestamps;

	s->kp_rule = (struct gain_rule){
		or_default(c->pi_proportional_scale, software ? 0.1 : 0.7),
		c->pi_proportional_exponent,
		or_default(c->pi_proportional_norm_max, 0.7),
	};
	s->ki_rule = (struct gain_rule){
		or_default(c->pi_integral_scale, software ? 0.001 : 0.3),
		c->pi_integral_exponent,
		or_default(c->pi_integral_norm_max, 0.3),
	};
	/* A constant is a scale that does not follow the interval. */
	if (c->pi_proportional_const > 0.0) {
		s->kp_rule = (struct gain_rule){ c->pi_proportional_const, 0.0, KP_NORM_LIMIT };
	}
	if (c->pi_integral_const > 0.0) {
		s->ki_rule = (struct gain_rule){ c->pi_integral_const, 0.0, KI_NORM_LIMIT };
	}
}

static void pi_sync_interval(void *state, double seconds)
{
	struct pi *s = state;

	s->kp = gain_at(&s->kp_rule, seconds);
	s->ki = gain_at(&s->ki_rule, seconds);
}

static void pi_init(void *state, const struct gnomon_servo_config *config)
{
	struct pi *s = state;

	*s = (struct pi){ .max_ppb = config->max_frequency_ppb,
			  .plausible_ppb = config->plausible_frequency_ppb,
			  .phase = PI_EMPTY };
	s->integral_ppb = clamp(config->frequency_ppb, s->max_ppb);
	s->commanded_ppb = s->integral_ppb;
	servo_gate_init(&s->gate, config);
	set_rules(s, config);
	pi_sync_interval(s, 1.0);
}

static enum gnomon_servo_state take_first(struct pi *s, const struct gnomon_servo_sample *sample)
{
	s->first_offset = sample->offset;
	s->first_local = sample->local;
	s->phase = PI_FIRST;
	return GNOMON_SERVO_UNLOCKED;
}

/*
 * Between the two samples the clock ran at (1 + f) of its own rate and gained change ns over
 * elapsed ns of its own time, so the reference advanced elapsed - change. The right adjustment f'
 * has (1 + f') / (1 + f) = (elapsed - change) / elapsed.
 */
static double estimate_frequency(const struct pi *s, double change, double elapsed)
{
	double f = s->commanded_ppb;

	return clamp(f - (1e9 + f) * (change / elapsed), s->max_ppb);
}

/* True if the change of the offset is rather a step of the reference than this clock's frequency.
 * A clock that was just started follows one that is just being set, more often than not. */
static bool reference_stepped(struct pi *s, double change, double elapsed)
{
	if (s->plausible_ppb <= 0.0 || fabs(change / elapsed) * 1e9 <= s->plausible_ppb ||
	    s->retries == FREQ_EST_RETRIES) {
		s->retries = 0;
		return false;
	}
	s->retries++;
	return true;
}

static enum gnomon_servo_state take_second(struct pi *s, const struct gnomon_servo_sample *sample)
{
	double elapsed = gnomon_span_to_double(gnomon_time_diff(sample->local, s->first_local));
	double change = gnomon_span_to_double(gnomon_span_sub(sample->offset, s->first_offset));
	double wait = FREQ_EST_FACTOR / s->ki;

	if (elapsed <= 0.0) {
		/* The clock was set back under us: nothing learned so far holds. */
		s->phase = PI_EMPTY;
		return GNOMON_SERVO_UNLOCKED;
	}
	if (elapsed * FREQ_EST_MARGIN < (wait > FREQ_EST_MAX ? FREQ_EST_MAX : wait) * 1e9) {
		return GNOMON_SERVO_UNLOCKED;
	}
	if (reference_stepped(s, change, elapsed)) {
		return take_first(s, sample);
	}
	s->integral_ppb = estimate_frequency(s, change, elapsed);
	s->commanded_ppb = s->integral_ppb;
	s->phase = PI_RUNNING;
	return servo_gate_must_step(&s->gate, sample->offset) ? GNOMON_SERVO_JUMP :
								GNOMON_SERVO_LOCKED;
}

static enum gnomon_servo_state run_loop(struct pi *s, const struct gnomon_servo_sample *sample)
{
	double error = gnomon_span_to_double(sample->offset) * sample->weight;
	double integral = s->integral_ppb - s->ki * error;
	double wanted = integral - s->kp * error;

	if (servo_gate_beyond(&s->gate, sample->offset)) {
		s->phase = PI_EMPTY;
		return GNOMON_SERVO_UNLOCKED;
	}
	s->commanded_ppb = clamp(wanted, s->max_ppb);
	if (fabs(wanted) <= s->max_ppb) {
		/* Saturated, the integral would only wind up. */
		s->integral_ppb = integral;
	}
	return GNOMON_SERVO_LOCKED;
}

/* Nothing has to be estimated: what is left to decide is whether to step. An offset that has grown
 * meanwhile says nothing about a frequency that is known: the integral is not moved by it. */
static enum gnomon_servo_state take_known(struct pi *s, const struct gnomon_servo_sample *sample)
{
	double error = gnomon_span_to_double(sample->offset) * sample->weight;

	s->phase = PI_RUNNING;
	if (servo_gate_must_step(&s->gate, sample->offset)) {
		return GNOMON_SERVO_JUMP;
	}
	s->commanded_ppb = clamp(s->integral_ppb - (s->kp + s->ki) * error, s->max_ppb);
	return GNOMON_SERVO_LOCKED;
}

static enum gnomon_servo_state pi_sample(void *state, const struct gnomon_servo_sample *sample,
					 double *frequency_ppb)
{
	struct pi *s = state;
	enum gnomon_servo_state next = GNOMON_SERVO_UNLOCKED;

	switch (s->phase) {
	case PI_EMPTY:
		next = take_first(s, sample);
		break;
	case PI_FIRST:
		next = take_second(s, sample);
		break;
	case PI_KNOWN:
		next = take_known(s, sample);
		break;
	case PI_RUNNING:
		next = run_loop(s, sample);
		break;
	}
	*frequency_ppb = s->commanded_ppb;
	return servo_gate_settle(&s->gate, next, sample->offset);
}

static void pi_reset(void *state)
{
	struct pi *s = state;

	s->phase = PI_EMPTY;
}

static double pi_rate_ratio(const void *state)
{
	(void)state;
	return 1.0;
}

/* The proportional part answers one offset and is done with it after one interval. */
static double pi_needed(const void *state)
{
	const struct pi *s = state;

	return s->integral_ppb;
}

static void pi_hold(void *state, double frequency_ppb, double elapsed_s)
{
	struct pi *s = state;

	(void)elapsed_s;
	s->commanded_ppb = frequency_ppb;
}

static void pi_start(void *state, double frequency_ppb)
{
	struct pi *s = state;

	s->integral_ppb = clamp(frequency_ppb, s->max_ppb);
	s->commanded_ppb = s->integral_ppb;
	s->phase = PI_KNOWN;
}

const struct gnomon_servo_ops pi_servo = {
	.name = "pi",
	.summary = "proportional-integral controller",
	.size = sizeof(struct pi),
	.init = pi_init,
	.sample = pi_sample,
	.sync_interval = pi_sync_interval,
	.reset = pi_reset,
	.rate_ratio = pi_rate_ratio,
	.needed = pi_needed,
	.hold = pi_hold,
	.start = pi_start,
};
