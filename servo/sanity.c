/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>

#include "servo/sanity.h"

void sanity_init(struct sanity *s, double limit_ppb)
{
	*s = (struct sanity){ .limit_ppb = limit_ppb };
}

void sanity_reset(struct sanity *s)
{
	sanity_init(s, s->limit_ppb);
}

static double since(gnomon_mono now, gnomon_mono then)
{
	return (double)now.ns - (double)then.ns;
}

/* Measure from here on. */
static void set_anchor(struct sanity *s, gnomon_time local, gnomon_mono now)
{
	s->started = true;
	s->local = local;
	s->mono = now;
	s->adjusted_ns = 0.0;
	s->adjusted = now;
	s->doubted = false;
}

static bool within_limit(const struct sanity *s, gnomon_time local, gnomon_mono now)
{
	double elapsed = since(now, s->mono);
	double progress = gnomon_span_to_double(gnomon_time_diff(local, s->local));

	return fabs(progress - elapsed - s->adjusted_ns) <= s->limit_ppb * 1e-9 * elapsed;
}

enum sanity_verdict sanity_check(struct sanity *s, gnomon_time local, gnomon_mono now,
				 double f_ppb)
{
	if (!(s->limit_ppb > 0.0)) {
		return SANITY_FINE;
	}
	if (!s->started) {
		set_anchor(s, local, now);
		return SANITY_FINE;
	}
	s->adjusted_ns += f_ppb * 1e-9 * since(now, s->adjusted);
	s->adjusted = now;
	if (since(now, s->mono) < SANITY_INTERVAL_NS) {
		return SANITY_FINE;
	}
	if (within_limit(s, local, now)) {
		set_anchor(s, local, now);
		return SANITY_FINE;
	}
	if (!s->doubted) {
		s->doubted = true;
		s->doubted_at = now;
		return SANITY_DOUBT;
	}
	if (since(now, s->doubted_at) < SANITY_INTERVAL_NS) {
		return SANITY_DOUBT;
	}
	set_anchor(s, local, now);
	return SANITY_INSANE;
}

void sanity_step(struct sanity *s, gnomon_span by)
{
	s->local = gnomon_time_add(s->local, by);
}
