/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <string.h>

#include "servo/needs.h"

/* From the median of absolute deviations to a worst case: four standard deviations. */
#define WORST_CASE 6.0

void needs_reset(struct needs *n)
{
	n->count = 0;
}

void needs_add(struct needs *n, double ppb)
{
	n->ppb[n->count % NEEDS_KEPT] = ppb;
	n->count++;
	if (n->count == 2 * NEEDS_KEPT) {
		n->count = NEEDS_KEPT;
	}
}

/* Sorts v. */
static double median(double *v, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		double value = v[i];
		unsigned int k = i;

		for (; k > 0 && v[k - 1] > value; k--) {
			v[k] = v[k - 1];
		}
		v[k] = value;
	}
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2.0;
}

double needs_robust(const struct needs *n, double model_ppb)
{
	unsigned int kept = n->count < NEEDS_KEPT ? n->count : NEEDS_KEPT;
	double v[NEEDS_KEPT];
	double middle;
	double spread;

	memcpy(v, n->ppb, sizeof(v));
	middle = median(v, kept);
	if (isnan(model_ppb)) {
		return middle;
	}
	for (unsigned int i = 0; i < kept; i++) {
		v[i] = fabs(v[i] - middle);
	}
	spread = WORST_CASE * median(v, kept);
	if (model_ppb > middle + spread) {
		return middle + spread;
	}
	return model_ppb < middle - spread ? middle - spread : model_ppb;
}
