/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the name tables list. A new filter or servo is one file that defines its ops, one line
 * here, and one row in filter.c or servo.c.
 */
#ifndef SERVO_ROWS_H
#define SERVO_ROWS_H

#include <gnomon/servo.h>

extern const struct gnomon_filter_ops moving_average_filter;
extern const struct gnomon_filter_ops moving_median_filter;

extern const struct gnomon_servo_ops linreg_servo;
extern const struct gnomon_servo_ops nullf_servo;
extern const struct gnomon_servo_ops pi_servo;

#endif
