/* SPDX-License-Identifier: BSD-2-Clause */
/* The servos by name, and what is common to their configuration. */
#include <string.h>

#include "servo/rows.h"

static const struct gnomon_servo_ops *const servos[] = {
	&pi_servo,
	&linreg_servo,
	&nullf_servo,
};

const struct gnomon_servo_ops *gnomon_servo_at(unsigned int index)
{
	return index < sizeof(servos) / sizeof(servos[0]) ? servos[index] : NULL;
}

const struct gnomon_servo_ops *gnomon_servo_find(const char *name)
{
	const struct gnomon_servo_ops *ops;

	for (unsigned int i = 0; (ops = gnomon_servo_at(i)); i++) {
		if (strcmp(ops->name, name) == 0) {
			return ops;
		}
	}
	return NULL;
}

void gnomon_servo_config_default(struct gnomon_servo_config *config)
{
	*config = (struct gnomon_servo_config){
		.size = sizeof(*config),
		.max_frequency_ppb = 900000000.0,
		.plausible_frequency_ppb = 1000000.0,
		.first_step_threshold = 0.00002,
		.pi_proportional_exponent = -0.3,
		.pi_proportional_norm_max = 0.7,
		.pi_integral_exponent = 0.4,
		.pi_integral_norm_max = 0.3,
		.num_offset_values = 10,
	};
}

const char *gnomon_servo_state_name(enum gnomon_servo_state state)
{
	switch (state) {
	case GNOMON_SERVO_UNLOCKED:
		return "UNLOCKED";
	case GNOMON_SERVO_JUMP:
		return "JUMP";
	case GNOMON_SERVO_LOCKED:
		return "LOCKED";
	case GNOMON_SERVO_LOCKED_STABLE:
		return "LOCKED_STABLE";
	}
	return "UNKNOWN";
}
