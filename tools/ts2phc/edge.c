/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge.h"

/* Periods are counted within the second, as those that do not divide it begin anew there. */
gnomon_time edge_instant(const struct edge_pulse *pulse, gnomon_time source)
{
	const gnomon_span phase = gnomon_span_from_ns(pulse->phase_ns);
	const int64_t ahead = pulse->message ? pulse->period_ns : pulse->period_ns / 2;
	gnomon_time t = gnomon_time_sub_span(source, phase);
	int64_t nsec = (int64_t)t.nsec + ahead;

	nsec -= nsec % pulse->period_ns;
	t.nsec = 0;
	t.frac = 0;
	return gnomon_time_add(gnomon_time_add(t, gnomon_span_from_ns(nsec)), phase);
}

bool edge_is_other(const struct edge_pulse *pulse, gnomon_time source)
{
	const gnomon_span phase = gnomon_span_from_ns(pulse->phase_ns);
	const int64_t at = (int64_t)gnomon_time_sub_span(source, phase).nsec % pulse->period_ns;
	int64_t lower = pulse->width_ns / 2;
	int64_t upper = pulse->period_ns - lower;

	if (pulse->message) {
		lower = 0;
		upper = pulse->width_ns;
	}
	return at > lower && at < upper;
}
