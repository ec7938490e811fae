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

/* This reading is good: measure from it. */
static void set_anchor(struct sanity *s, gnomon_time local, gnomon_mono now)
{
	s->before = s->last;
	s->last = (struct sanity_anchor){ .set = true, .local = local, .mono = now };
	s->doubted = false;
}

/* By how much the clock is ahead of what it should be, as a part of the elapsed time. */
static double excess(const struct sanity_anchor *a, gnomon_time local, gnomon_mono now)
{
	double elapsed = since(now, a->mono);
	double progress = gnomon_span_to_double(gnomon_time_diff(local, a->local));

	return (progress - elapsed - a->adjusted_ns) / elapsed;
}

static bool is_sane(const struct sanity *s, gnomon_time local, gnomon_mono now)
{
	double limit = s->limit_ppb * 1e-9;
	double ahead = excess(&s->last, local, now);

	if (ahead > limit && s->before.set) {
		return fabs(excess(&s->before, local, now)) <= limit;
	}
	return fabs(ahead) <= limit;
}

void sanity_adjust(struct sanity *s, gnomon_mono now, double f_ppb)
{
	double adjusted_ns = f_ppb * 1e-9 * since(now, s->adjusted);

	s->last.adjusted_ns += adjusted_ns;
	s->before.adjusted_ns += adjusted_ns;
	s->adjusted = now;
}

enum sanity_verdict sanity_check(struct sanity *s, gnomon_time local, gnomon_mono now,
				 double f_ppb)
{
	if (!(s->limit_ppb > 0.0)) {
		return SANITY_FINE;
	}
	sanity_adjust(s, now, f_ppb);
	if (!s->last.set) {
		set_anchor(s, local, now);
		return SANITY_FINE;
	}
	if (since(now, s->last.mono) < SANITY_INTERVAL_NS) {
		return SANITY_FINE;
	}
	if (is_sane(s, local, now)) {
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
	s->before.set = false;
	return SANITY_INSANE;
}

void sanity_step(struct sanity *s, gnomon_span by)
{
	s->last.local = gnomon_time_add(s->last.local, by);
	s->before.local = gnomon_time_add(s->before.local, by);
}
