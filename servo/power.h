/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Powers without libm, whose mapping alone would be a fifth of a daemon's resident memory.
 */
#ifndef SERVO_POWER_H
#define SERVO_POWER_H

/**
 * base to the power of exponent, for a positive and finite base; within 1e-15 of it per power of
 * two in the result. Too large is infinity, too small is zero.
 */
double servo_power(double base, double exponent);

#endif
