/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

void te_stats(const double *x, size_t n, struct te_stats *stats)
{
	struct te_stats s = { .count = n, .min = INFINITY, .max = -INFINITY };
	double sum = 0.0;
	double squares = 0.0;
	double spread = 0.0;

	for (size_t i = 0; i < n; i++) {
		sum += x[i];
		squares += x[i] * x[i];
		s.min = fmin(s.min, x[i]);
		s.max = fmax(s.max, x[i]);
	}
	if (n == 0) {
		*stats = (struct te_stats){ 0 };
		return;
	}
	s.mean = sum / (double)n;
	s.rms = sqrt(squares / (double)n);
	s.max_abs = fmax(fabs(s.min), fabs(s.max));
	for (size_t i = 0; i < n; i++) {
		spread += (x[i] - s.mean) * (x[i] - s.mean);
	}
	s.stddev = n > 1 ? sqrt(spread / (double)(n - 1)) : 0.0;
	*stats = s;
}

double te_constant(const double *x, size_t n, size_t window)
{
	double sum = 0.0;

	if (window == 0 || n < window) {
		return NAN;
	}
	for (size_t i = 0; i < window; i++) {
		sum += x[i];
	}
	return sum / (double)window;
}

/* Peak to peak of the low-passed sequence, or of what the low-pass takes away. */
static double dynamic(const double *x, size_t n, double tau0, double cutoff_hz, bool high)
{
	double constant_s = 1.0 / (2.0 * M_PI * cutoff_hz);
	double gain = 1.0 - exp(-tau0 / constant_s);
	size_t settle = (size_t)ceil(3.0 * constant_s / tau0);
	double low = te_constant(x, n, n); /* settles soonest from the mean */
	double least = INFINITY;
	double most = -INFINITY;

	if (n <= settle) {
		return NAN;
	}
	for (size_t i = 0; i < n; i++) {
		double value;

		low += gain * (x[i] - low);
		value = high ? x[i] - low : low;
		if (i >= settle) {
			least = fmin(least, value);
			most = fmax(most, value);
		}
	}
	return most - least;
}

double te_dynamic_low(const double *x, size_t n, double tau0, double cutoff_hz)
{
	return dynamic(x, n, tau0, cutoff_hz, false);
}

double te_dynamic_high(const double *x, size_t n, double tau0, double cutoff_hz)
{
	return dynamic(x, n, tau0, cutoff_hz, true);
}

/* Indices whose values fall strictly: the front is the extreme of the window. */
struct extremes {
	size_t *index;
	size_t front;
	size_t back;
	double sign;
};

static double extremes_push(struct extremes *e, const double *x, size_t i, size_t m)
{
	while (e->back > e->front && e->sign * x[e->index[e->back - 1]] <= e->sign * x[i]) {
		e->back--;
	}
	e->index[e->back++] = i;
	if (e->index[e->front] + m < i) {
		e->front++;
	}
	return x[e->index[e->front]];
}

/* max over k of the range of x[k..k+m], by sliding both extremes: O(n). */
double te_mtie(const double *x, size_t n, size_t m)
{
	size_t *index = NULL;
	double mtie = 0.0;

	if (m == 0 || n <= m) {
		return NAN;
	}
	index = calloc(2 * n, sizeof(*index));
	if (!index) {
		return NAN;
	}
	struct extremes high = { index, 0, 0, 1.0 };
	struct extremes low = { index + n, 0, 0, -1.0 };

	for (size_t i = 0; i < n; i++) {
		double most = extremes_push(&high, x, i, m);
		double least = extremes_push(&low, x, i, m);

		if (i >= m) {
			mtie = fmax(mtie, most - least);
		}
	}
	free(index);
	return mtie;
}

/* The inner sum slides: S(j+1) = S(j) + x[j+3m] - 3x[j+2m] + 3x[j+m] - x[j]. O(n). */
double te_tdev(const double *x, size_t n, size_t m)
{
	double inner = 0.0;
	double sum = 0.0;
	size_t terms;

	if (m == 0 || n < 3 * m) {
		return NAN;
	}
	terms = n - 3 * m + 1;
	for (size_t i = 0; i < m; i++) {
		inner += x[i + 2 * m] - 2.0 * x[i + m] + x[i];
	}
	for (size_t j = 0; j < terms; j++) {
		sum += inner * inner;
		if (j + 1 < terms) {
			inner += x[j + 3 * m] - 3.0 * x[j + 2 * m] + 3.0 * x[j + m] - x[j];
		}
	}
	return sqrt(sum / (6.0 * (double)m * (double)m * (double)terms));
}

double te_adev(const double *x, size_t n, size_t m, double tau0)
{
	double tau = (double)m * tau0;
	double sum = 0.0;

	if (m == 0 || n < 2 * m + 1) {
		return NAN;
	}
	for (size_t i = 0; i + 2 * m < n; i++) {
		double second = x[i + 2 * m] - 2.0 * x[i + m] + x[i];

		sum += second * second;
	}
	return sqrt(sum / (2.0 * tau * tau * (double)(n - 2 * m)));
}

size_t te_settled(const double *x, size_t n, double limit)
{
	while (n > 0 && fabs(x[n - 1]) <= limit) {
		n--;
	}
	return n;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(double *v, size_t n, double q)
{
	double at;
	size_t below;

	if (n == 0) {
		return NAN;
	}
	at = q * (double)(n - 1);
	below = (size_t)at;
	qsort(v, n, sizeof(*v), compare_doubles);
	if (below + 1 >= n) {
		return v[n - 1];
	}
	return v[below] + (at - (double)below) * (v[below + 1] - v[below]);
}
