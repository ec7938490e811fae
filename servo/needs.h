/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a servo held its oscillator to need of late, and what may be concluded from it when samples
 * fail to come. One opinion may have been pulled by an outlier; the median of several was not.
 */
#ifndef SERVO_NEEDS_H
#define SERVO_NEEDS_H

/** So many opinions: four of them may be wrong. More would be out of date. */
#define NEEDS_KEPT 9

struct needs {
	unsigned int count; /* saturates at twice NEEDS_KEPT */
	double ppb[NEEDS_KEPT];
};

void needs_reset(struct needs *n);
void needs_add(struct needs *n, double ppb);

/**
 * The adjustment to hold; only after needs_add(). model_ppb: what is known from longer experience,
 * NAN if nothing is: it counts as far as the spread of the opinions allows.
 */
double needs_robust(const struct needs *n, double model_ppb);

#endif
