/* SPDX-License-Identifier: BSD-2-Clause */
#include "servo/slope.h"

#include <string.h>

#define NS_PER_SEC 1e9

/* Readings closer than this share of the window replace each other. */
#define SPACING (1.0 / (SLOPE_POINTS - 2))

void slope_init(struct slope *s, double window_s)
{
	memset(s, 0, sizeof(*s));
	s->window_ns = window_s * NS_PER_SEC;
}

void slope_reset(struct slope *s)
{
	slope_init(s, s->window_ns / NS_PER_SEC);
}

/* The slopes that two readings allow, ppb. */
static void bounds(const struct slope_point *a, const struct slope_point *b, double *low,
		   double *high)
{
	const double error = a->half_ns + b->half_ns;
	const double dx = b->x_ns - a->x_ns;
	const double dy = b->y_ns - a->y_ns;

	*low = (dy - error) / dx * NS_PER_SEC;
	*high = (dy + error) / dx * NS_PER_SEC;
}

/* What all pairs from first on allow; false: nothing. */
static bool intersect(struct slope *s, unsigned int first)
{
	double low = -1e300;
	double high = 1e300;

	for (unsigned int i = first; i < s->count; i++) {
		for (unsigned int j = i + 1; j < s->count; j++) {
			double l;
			double h;

			bounds(&s->points[i], &s->points[j], &l, &h);
			low = l > low ? l : low;
			high = h < high ? h : high;
		}
	}
	if (low > high) {
		return false;
	}
	s->low_ppb = low;
	s->high_ppb = high;
	return true;
}

static void forget(struct slope *s, unsigned int oldest)
{
	s->count -= oldest;
	memmove(s->points, s->points + oldest, s->count * sizeof(s->points[0]));
}

/* Two readings always allow something. */
static void forget_contradictions(struct slope *s)
{
	unsigned int first = 0;

	while (!intersect(s, first)) {
		first++;
	}
	forget(s, first);
}

static void forget_old(struct slope *s, double now_ns)
{
	unsigned int old = 0;

	while (old < s->count && now_ns - s->points[old].x_ns > s->window_ns) {
		old++;
	}
	forget(s, old);
}

/* Whether it can be explained by the rate that is known, or one that changed a little. */
static bool fits(const struct slope *s, const struct slope_point *p, double jump_ppb)
{
	const struct slope_point *last = &s->points[s->count - 1];
	double low;
	double high;

	bounds(last, p, &low, &high);
	return s->count < 2 ||
	       (low <= s->high_ppb + jump_ppb && high >= s->low_ppb - jump_ppb);
}

static void start(struct slope *s, gnomon_time x, gnomon_span y, double half_ns)
{
	slope_reset(s);
	s->x = x;
	s->y = y;
	s->count = 1;
	s->points[0] = (struct slope_point){ 0, 0, half_ns };
}

/* The last one waits to be far enough from the one before: until then a surer one takes its place,
 * and one less sure, which tells nothing more, is left out. */
static void append(struct slope *s, const struct slope_point *p)
{
	const double spacing = s->window_ns * SPACING;
	struct slope_point *last = &s->points[s->count - 1];

	if (s->count >= 2 && last->x_ns - s->points[s->count - 2].x_ns < spacing &&
	    p->x_ns - last->x_ns < spacing) {
		if (p->half_ns <= last->half_ns) {
			*last = *p;
		}
		return;
	}
	if (s->count == SLOPE_POINTS) {
		forget(s, 1);
	}
	s->points[s->count++] = *p;
}

bool slope_add(struct slope *s, gnomon_time x, gnomon_span y, double half_ns, double jump_ppb)
{
	const struct slope_point p = {
		.x_ns = gnomon_span_to_double(gnomon_time_diff(x, s->x)),
		.y_ns = gnomon_span_to_double(gnomon_span_sub(y, s->y)),
		.half_ns = half_ns,
	};

	if (s->count == 0) {
		start(s, x, y, half_ns);
		return true;
	}
	if (!(p.x_ns > s->points[s->count - 1].x_ns) || !fits(s, &p, jump_ppb)) {
		start(s, x, y, half_ns);
		return false;
	}
	append(s, &p);
	forget_old(s, p.x_ns);
	forget_contradictions(s);
	return true;
}

bool slope_read(const struct slope *s, double *ppb, double *error_ppb)
{
	if (s->count < 2) {
		return false;
	}
	*ppb = (s->low_ppb + s->high_ppb) / 2;
	*error_ppb = (s->high_ppb - s->low_ppb) / 2;
	return true;
}
