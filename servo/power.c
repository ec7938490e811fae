/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base^exponent = 2^(exponent log2 base), each of the two functions reduced to where its series
 * is short. frexp and ldexp are moves of bits, which every C library proper has.
 */
#include <math.h>

#include "servo/power.h"

#define LN2 0.693147180559945309417
#define SQRT_HALF 0.707106781186547524401

/* Beyond these powers of two a double is infinite or zero. */
#define POWER_LIMIT 1100.0

/* log2 of m in sqrt(1/2) .. sqrt(2), from ln m = 2 atanh((m - 1) / (m + 1)): |z| < 0.172, and the
 * first term left out is below 1e-18 of the sum. */
static double log2_near_one(double m)
{
	const double z = (m - 1.0) / (m + 1.0);
	double sum = 0.0;

	for (int n = 21; n >= 1; n -= 2) {
		sum = sum * z * z + 1.0 / n;
	}
	return 2.0 * z * sum / LN2;
}

static double log2_of(double x)
{
	int whole;
	double m = frexp(x, &whole);

	if (m < SQRT_HALF) {
		m *= 2.0;
		whole--;
	}
	return whole + log2_near_one(m);
}

/* 2^f for |f| <= 1/2, e's series; the first term left out is below 1e-20. */
static double exp2_near_zero(double f)
{
	const double t = f * LN2;
	double sum = 1.0;

	for (int n = 16; n >= 1; n--) {
		sum = 1.0 + sum * t / n;
	}
	return sum;
}

double servo_power(double base, double exponent)
{
	double power = exponent * log2_of(base);
	int whole;

	if (!(power > -POWER_LIMIT)) {
		power = -POWER_LIMIT;
	}
	if (power > POWER_LIMIT) {
		power = POWER_LIMIT;
	}
	whole = (int)(power < 0.0 ? power - 0.5 : power + 0.5);
	return ldexp(exp2_near_zero(power - whole), whole);
}
