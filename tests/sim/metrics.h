/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures of a time error sequence x[0..n) taken every tau0 seconds (ITU-T G.810, G.8260;
 * IEEE 1588-2019 3.1 for the PTP variance). Results have the unit of x; Allan deviations are
 * x per second.
 */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include <stdbool.h>
#include <stddef.h>

struct te_stats {
	size_t count;
	double mean;    /* over everything given */
	double rms;
	double stddev;  /* around the mean */
	double max_abs;
	double min;
	double max;
};

void te_stats(const double *x, size_t n, struct te_stats *stats);

/* Constant time error: the mean of the first window samples; NAN if there are fewer. */
double te_constant(const double *x, size_t n, size_t window);

/* Dynamic time error, low- and high-pass at cutoff_hz (first order), peak to peak of what is left
 * after the filter settled for three time constants. NAN where there is too little. */
double te_dynamic_low(const double *x, size_t n, double tau0, double cutoff_hz);
double te_dynamic_high(const double *x, size_t n, double tau0, double cutoff_hz);

/* At observation interval m * tau0; NAN where the sequence is too short or memory lacks. */
double te_mtie(const double *x, size_t n, size_t m);
double te_tdev(const double *x, size_t n, size_t m);
double te_adev(const double *x, size_t n, size_t m, double tau0);

/* The instant (index) from which on |x| stays within limit to the end; n if it never does. */
size_t te_settled(const double *x, size_t n, double limit);

/* The q-quantile (0..1) of v, which is sorted in place; NAN for n = 0. */
double quantile(double *v, size_t n, double q);

#endif
