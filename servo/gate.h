/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The thresholds every servo shares: when to step instead of slew, and when a locked servo may
 * call itself stable.
 */
#ifndef SERVO_GATE_H
#define SERVO_GATE_H

#include <gnomon/servo.h>

struct servo_gate {
	gnomon_span first_step; /* beyond it the first update steps; zero: never */
	gnomon_span step;       /* beyond it any later one does; zero: never */
	int64_t stable_ns;      /* offsets below it count towards stability; 0: never stable */
	unsigned int stable_count;
	unsigned int stable_left; /* how many are still missing */
	bool first_update;        /* no update was made in this servo's life yet */
};

void servo_gate_init(struct servo_gate *gate, const struct gnomon_servo_config *config);

/** Is offset beyond the threshold for later updates? */
bool servo_gate_beyond(const struct servo_gate *gate, gnomon_span offset);

/** Must the clock be stepped, now that the servo has its first estimate? */
bool servo_gate_must_step(const struct servo_gate *gate, gnomon_span offset);

/**
 * Note what the servo decided; returns it, LOCKED refined to LOCKED_STABLE where due. Every
 * sample of a servo ends here.
 */
enum gnomon_servo_state servo_gate_settle(struct servo_gate *gate, enum gnomon_servo_state state,
					  gnomon_span offset);

#endif
