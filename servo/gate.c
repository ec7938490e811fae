/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>

#include "servo/gate.h"

/* Seconds to a span, rounded to the nearest 2^-16 ns: 20 us is not to become 19.999. */
static gnomon_span span_from_seconds(double seconds)
{
	return gnomon_span_from_double(seconds * 1e9 + 0.5 / 65536.0);
}

void servo_gate_init(struct servo_gate *gate, const struct gnomon_servo_config *config)
{
	*gate = (struct servo_gate){
		.first_step = span_from_seconds(config->first_step_threshold),
		.step = span_from_seconds(config->step_threshold),
		.stable_ns = config->offset_threshold_ns,
		.stable_count = config->num_offset_values,
		.stable_left = config->num_offset_values,
		.first_update = true,
	};
}

static bool beyond(gnomon_span threshold, gnomon_span offset)
{
	return gnomon_span_cmp(threshold, GNOMON_SPAN_ZERO) > 0 &&
	       gnomon_span_cmp(gnomon_span_abs(offset), threshold) > 0;
}

bool servo_gate_beyond(const struct servo_gate *gate, gnomon_span offset)
{
	return beyond(gate->step, offset);
}

bool servo_gate_must_step(const struct servo_gate *gate, gnomon_span offset)
{
	return (gate->first_update && beyond(gate->first_step, offset)) ||
	       beyond(gate->step, offset);
}

/* Count one locked sample; is the run of small offsets long enough? */
static bool count_stable(struct servo_gate *gate, gnomon_span offset)
{
	gnomon_span limit = gnomon_span_from_ns(gate->stable_ns);

	if (gate->stable_ns <= 0) {
		return false;
	}
	if (gnomon_span_cmp(gnomon_span_abs(offset), limit) >= 0) {
		gate->stable_left = gate->stable_count;
	} else if (gate->stable_left > 0) {
		gate->stable_left--;
	}
	return gate->stable_left == 0;
}

enum gnomon_servo_state servo_gate_settle(struct servo_gate *gate, enum gnomon_servo_state state,
					  gnomon_span offset)
{
	switch (state) {
	case GNOMON_SERVO_UNLOCKED:
		gate->stable_left = gate->stable_count;
		return state;
	case GNOMON_SERVO_JUMP:
		gate->stable_left = gate->stable_count;
		gate->first_update = false;
		return state;
	case GNOMON_SERVO_LOCKED:
	case GNOMON_SERVO_LOCKED_STABLE:
		gate->first_update = false;
		return count_stable(gate, offset) ? GNOMON_SERVO_LOCKED_STABLE :
						    GNOMON_SERVO_LOCKED;
	}
	return state;
}
