/* SPDX-License-Identifier: BSD-2-Clause */
/* Running statistics. Welford's update keeps the variance of small spreads about large means. */
#include <math.h>

#include <gnomon/servo.h>

void gnomon_stats_reset(struct gnomon_stats *s)
{
	*s = (struct gnomon_stats){ 0 };
}

void gnomon_stats_add(struct gnomon_stats *s, double value)
{
	double delta = value - s->mean;

	if (s->count == 0 || value < s->min) {
		s->min = value;
	}
	if (s->count == 0 || value > s->max) {
		s->max = value;
	}
	if (fabs(value) > s->max_abs) {
		s->max_abs = fabs(value);
	}
	s->count++;
	s->mean += delta / s->count;
	s->m2 += delta * (value - s->mean);
	s->sum_squares += value * value;
}

double gnomon_stats_rms(const struct gnomon_stats *s)
{
	return s->count ? sqrt(s->sum_squares / s->count) : 0.0;
}

double gnomon_stats_stddev(const struct gnomon_stats *s)
{
	return s->count > 1 ? sqrt(s->m2 / (s->count - 1)) : 0.0;
}
