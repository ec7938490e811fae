/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The servo of a clock whose frequency is right already, because its oscillator is syntonised by
 * other means (synchronous Ethernet): the adjustment is always zero, and all that can be done to
 * the clock is to step it.
 *
 * LOCKED says that the offset is within a limit that was set, step_threshold or
 * servo_offset_threshold; without either nothing is beyond.
 */
#include "servo/gate.h"
#include "servo/rows.h"

struct nullf {
	struct servo_gate gate;
	bool unlimited;   /* neither limit is set */
	bool must_adjust; /* the clock does not have the adjustment zero yet */
};

static void nullf_init(void *state, const struct gnomon_servo_config *config)
{
	struct nullf *s = state;

	*s = (struct nullf){ .must_adjust = config->frequency_ppb != 0.0 };
	servo_gate_init(&s->gate, config);
	s->unlimited = config->step_threshold <= 0.0 && config->offset_threshold_ns <= 0;
}

static bool is_within(const struct nullf *s, gnomon_span offset)
{
	gnomon_span near = gnomon_span_from_ns(s->gate.stable_ns);

	if (s->unlimited || gnomon_span_cmp(gnomon_span_abs(offset), near) < 0) {
		return true;
	}
	return gnomon_span_cmp(s->gate.step, GNOMON_SPAN_ZERO) > 0 &&
	       !servo_gate_beyond(&s->gate, offset);
}

static enum gnomon_servo_state nullf_sample(void *state, const struct gnomon_servo_sample *sample,
					    double *frequency_ppb)
{
	struct nullf *s = state;
	enum gnomon_servo_state next = GNOMON_SERVO_UNLOCKED;

	*frequency_ppb = 0.0;
	if (servo_gate_must_step(&s->gate, sample->offset)) {
		next = GNOMON_SERVO_JUMP;
	} else if (s->must_adjust || is_within(s, sample->offset)) {
		next = GNOMON_SERVO_LOCKED;
	}
	s->must_adjust = false;
	return servo_gate_settle(&s->gate, next, sample->offset);
}

static void nullf_sync_interval(void *state, double seconds)
{
	(void)state;
	(void)seconds;
}

/* Offsets do not depend on each other: there is nothing to forget. */
static void nullf_reset(void *state)
{
	(void)state;
}

static double nullf_rate_ratio(const void *state)
{
	(void)state;
	return 1.0;
}

const struct gnomon_servo_ops nullf_servo = {
	.name = "nullf",
	.summary = "no adjustment, steps only: for clocks syntonised by other means",
	.size = sizeof(struct nullf),
	.init = nullf_init,
	.sample = nullf_sample,
	.sync_interval = nullf_sync_interval,
	.reset = nullf_reset,
	.rate_ratio = nullf_rate_ratio,
};
