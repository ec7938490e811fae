/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <string.h>

#include "bridge/polygon.h"

/* No operation adds more corners than this. */
#define ROOM 2
#define KEPT (GNOMON_LINE_CORNERS - ROOM)

static struct gnomon_line_corner minus(struct gnomon_line_corner a, struct gnomon_line_corner b)
{
	return (struct gnomon_line_corner){ a.phase_ns - b.phase_ns, a.rate_ppb - b.rate_ppb };
}

static double cross(struct gnomon_line_corner a, struct gnomon_line_corner b)
{
	return a.phase_ns * b.rate_ppb - a.rate_ppb * b.phase_ns;
}

static const struct gnomon_line_corner *at(const struct polygon *p, unsigned int i)
{
	return &p->corner[i % p->count];
}

/*
 * What the polygon grows by without the side from corner i: its neighbours are made longer until
 * they meet, in *apex. Infinite where they do not.
 */
static double cost_of_side(const struct polygon *p, unsigned int i,
			   struct gnomon_line_corner *apex)
{
	const struct gnomon_line_corner a = *at(p, i);
	const struct gnomon_line_corner b = *at(p, i + 1);
	const struct gnomon_line_corner before = minus(a, *at(p, i + p->count - 1));
	const struct gnomon_line_corner after = minus(*at(p, i + 2), b);
	const double turn = cross(before, after);
	double along;

	if (!(turn > 0.0)) {
		return (double)INFINITY;
	}
	along = cross(minus(b, a), after) / turn;
	apex->phase_ns = a.phase_ns + along * before.phase_ns;
	apex->rate_ppb = a.rate_ppb + along * before.rate_ppb;
	return fabs(cross(minus(*apex, a), minus(b, a)));
}

static void drop_corner(struct polygon *p, unsigned int i)
{
	p->count--;
	memmove(&p->corner[i], &p->corner[i + 1], (p->count - i) * sizeof(p->corner[0]));
}

/* Sides this short have no direction that a double could tell: one of their ends goes, and the
 * other stays. POLYGON_SLACK makes up for it. */
static void drop_doubles(struct polygon *p)
{
	for (unsigned int i = 0; p->count > 1 && i < p->count; i++) {
		const struct gnomon_line_corner side = minus(*at(p, i + 1), p->corner[i]);

		if (fabs(side.phase_ns) < POLYGON_SLACK && fabs(side.rate_ppb) < POLYGON_SLACK) {
			drop_corner(p, i);
		}
	}
}

/* What rounding made a dent or straight is not a corner; without it the polygon is no smaller. The
 * tip of a spike stays: it turns back. */
static void drop_dents(struct polygon *p)
{
	for (unsigned int i = 0, steady = 0; p->count > 3 && steady < p->count;) {
		const struct gnomon_line_corner in = minus(*at(p, i),
							   *at(p, i + p->count - 1));
		const struct gnomon_line_corner out = minus(*at(p, i + 1), *at(p, i));
		const double ahead = in.phase_ns * out.phase_ns + in.rate_ppb * out.rate_ppb;

		if (cross(in, out) <= 0.0 && ahead > 0.0) {
			drop_corner(p, i);
			i = (i + p->count - 1) % p->count;
			steady = 0;
		} else {
			i = (i + 1) % p->count;
			steady++;
		}
	}
}

/* Give up the sides that matter least, until there is room. */
static void make_room(struct polygon *p)
{
	drop_doubles(p);
	while (p->count > KEPT) {
		struct gnomon_line_corner best = { 0.0, 0.0 };
		double least = (double)INFINITY;
		unsigned int side = 0;

		for (unsigned int i = 0; i < p->count; i++) {
			struct gnomon_line_corner apex = best;
			double cost = cost_of_side(p, i, &apex);

			if (cost < least) {
				least = cost;
				best = apex;
				side = i;
			}
		}
		if (!isfinite(least)) {
			polygon_rectangle(p, polygon_phases(p, 0.0), polygon_rates(p));
			return;
		}
		p->corner[side] = best;
		drop_corner(p, (side + 1) % p->count);
	}
}

void polygon_rectangle(struct polygon *p, struct extent phase, struct extent rate)
{
	p->count = 4;
	p->corner[0] = (struct gnomon_line_corner){ phase.least, rate.least };
	p->corner[1] = (struct gnomon_line_corner){ phase.most, rate.least };
	p->corner[2] = (struct gnomon_line_corner){ phase.most, rate.most };
	p->corner[3] = (struct gnomon_line_corner){ phase.least, rate.most };
}

/* The way to the outside that a side moves when everything is smeared along d. */
static double side_sign(struct gnomon_line_corner d, struct gnomon_line_corner from,
			struct gnomon_line_corner to)
{
	return cross(d, minus(to, from)) > 0.0 ? 1.0 : -1.0;
}

static struct gnomon_line_corner moved(struct gnomon_line_corner c, struct gnomon_line_corner d,
				       double sign)
{
	return (struct gnomon_line_corner){ c.phase_ns + sign * d.phase_ns,
					    c.rate_ppb + sign * d.rate_ppb };
}

/* A side moves towards where its outside looks; the two corners where that changes become sides. Of
 * a polygon too thin for its sides to have directions the rectangle about it is taken. */
void polygon_smear(struct polygon *p, double phase_ns, double rate_ppb)
{
	const struct gnomon_line_corner d = { phase_ns, rate_ppb };
	struct polygon old;
	unsigned int changes = 0;
	double before;

	if (phase_ns == 0.0 && rate_ppb == 0.0) {
		return;
	}
	drop_dents(p);
	old = *p;
	before = side_sign(d, *at(&old, old.count - 1), old.corner[0]);
	p->count = 0;
	for (unsigned int i = 0; i < old.count && changes <= ROOM; i++) {
		const double after = side_sign(d, old.corner[i], *at(&old, i + 1));

		p->corner[p->count++] = moved(old.corner[i], d, before);
		if (after != before && ++changes <= ROOM) {
			p->corner[p->count++] = moved(old.corner[i], d, after);
		}
		before = after;
	}
	if (changes != ROOM) {
		const struct extent x = polygon_phases(&old, 0.0), v = polygon_rates(&old);

		polygon_rectangle(p,
			(struct extent){ x.least - fabs(phase_ns), x.most + fabs(phase_ns) },
			(struct extent){ v.least - fabs(rate_ppb), v.most + fabs(rate_ppb) });
	}
	make_room(p);
}

/* Keep what is on one side: sign * phase <= sign * limit. A convex polygon gets one corner more by
 * that; nothing is cut off one so distorted by rounding that it would get too many. */
static void cut(struct polygon *p, double limit, double sign)
{
	const struct polygon old = *p;
	unsigned int count = 0;

	for (unsigned int i = 0; i < old.count; i++) {
		const struct gnomon_line_corner a = old.corner[i];
		const struct gnomon_line_corner b = *at(&old, i + 1);
		const bool a_in = sign * (a.phase_ns - limit) <= 0.0;
		const bool b_in = sign * (b.phase_ns - limit) <= 0.0;

		if (count + a_in + (a_in != b_in) > GNOMON_LINE_CORNERS) {
			*p = old;
			return;
		}
		if (a_in) {
			p->corner[count++] = a;
		}
		if (a_in != b_in) {
			const double part = (limit - a.phase_ns) / (b.phase_ns - a.phase_ns);

			p->corner[count++] = (struct gnomon_line_corner){
				limit, a.rate_ppb + part * (b.rate_ppb - a.rate_ppb)
			};
		}
	}
	p->count = count;
}

/* Nothing is rounded between the two cuts: what is as thin as that has rates all over. */
bool polygon_clip(struct polygon *p, struct extent phase)
{
	cut(p, phase.most, 1.0);
	cut(p, phase.least, -1.0);
	if (p->count == 0) {
		return false;
	}
	make_room(p);
	return true;
}

struct extent polygon_phases(const struct polygon *p, double seconds)
{
	struct extent e = { (double)INFINITY, -(double)INFINITY };

	for (unsigned int i = 0; i < p->count; i++) {
		const double phase = p->corner[i].phase_ns + p->corner[i].rate_ppb * seconds;

		e.least = phase < e.least ? phase : e.least;
		e.most = phase > e.most ? phase : e.most;
	}
	return e;
}

struct extent polygon_rates(const struct polygon *p)
{
	struct extent e = { (double)INFINITY, -(double)INFINITY };

	for (unsigned int i = 0; i < p->count; i++) {
		const double rate = p->corner[i].rate_ppb;

		e.least = rate < e.least ? rate : e.least;
		e.most = rate > e.most ? rate : e.most;
	}
	return e;
}
