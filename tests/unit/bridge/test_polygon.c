/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Polygons of phase and rate: whatever is done to one, and however thin it gets, every point that
 * was in there is still in there, unless it was cut off on purpose.
 */
#include "world.h"

#include "bridge/polygon.h"

#define POINTS 40
#define RUNS 3000

struct cloud {
	struct polygon p;
	struct gnomon_line_corner point[POINTS];
	bool gone[POINTS];
	double slack; /* what rounding may have taken so far */
};

static double between(struct seed *s, double least, double most)
{
	return least + (most - least) * (double)(seed_next(s) >> 11) * 0x1p-53;
}

/* From 1e-9 to 1e6, of any sign, and at times nothing. */
static double any_size(struct seed *s)
{
	const double size = pow(10.0, between(s, -9.0, 6.0));

	return seed_below(s, 8) == 0 ? 0.0 : seed_below(s, 2) ? size : -size;
}

static void begin(struct cloud *c, struct seed *s)
{
	const double phase = fabs(any_size(s));
	const double rate = fabs(any_size(s));

	polygon_rectangle(&c->p, (struct extent){ -phase, phase }, (struct extent){ -rate, rate });
	c->slack = 1e-9;
	for (unsigned int i = 0; i < POINTS; i++) {
		/* Many at the corners: the ones to be lost first. */
		const double part = i % 2 ? 1.0 : between(s, 0.0, 1.0);

		c->gone[i] = false;
		c->point[i].phase_ns = (i & 2 ? phase : -phase) * part;
		c->point[i].rate_ppb = (i & 4 ? rate : -rate) * part;
	}
}

static void smear(struct cloud *c, struct seed *s)
{
	const double phase = any_size(s) * 1e-3;
	const double rate = any_size(s) * 1e-3;

	polygon_smear(&c->p, phase, rate);
	for (unsigned int i = 0; i < POINTS; i++) {
		const double part = i % 3 ? between(s, -1.0, 1.0) : i & 1 ? 1.0 : -1.0;

		c->point[i].phase_ns += part * phase;
		c->point[i].rate_ppb += part * rate;
	}
}

static void shear(struct cloud *c, struct seed *s)
{
	const double t = between(s, 0.0, 2.0);

	for (unsigned int i = 0; i < c->p.count; i++) {
		c->p.corner[i].phase_ns += c->p.corner[i].rate_ppb * t;
	}
	for (unsigned int i = 0; i < POINTS; i++) {
		c->point[i].phase_ns += c->point[i].rate_ppb * t;
	}
	c->slack *= 1.0 + t;
}

/* About a point that is still there, so that something is left. What was lost before is made up
 * for, as it must be. */
static void clip(struct cloud *c, struct seed *s)
{
	const double half = fabs(any_size(s)) + 1e-9;
	const double lost = c->slack;
	struct extent strip = { 0.0, 0.0 };
	unsigned int keep = 0;

	while (keep < POINTS - 1 && c->gone[keep]) {
		keep++;
	}
	strip.least = c->point[keep].phase_ns - half * between(s, 0.01, 1.0);
	strip.most = strip.least + half;
	strip.most = strip.most < c->point[keep].phase_ns ? c->point[keep].phase_ns : strip.most;
	polygon_smear(&c->p, 0.0, lost);
	polygon_smear(&c->p, lost + 2.0 * POLYGON_SLACK, 0.0);
	c->slack = 0.0;
	assert_true(polygon_clip(&c->p, strip));
	for (unsigned int i = 0; i < POINTS; i++) {
		c->gone[i] |= c->point[i].phase_ns < strip.least ||
			      c->point[i].phase_ns > strip.most;
	}
}

static void assert_inside(const struct cloud *c, struct seed *s)
{
	const double t = between(s, -10.0, 10.0);
	const struct extent phases = polygon_phases(&c->p, t);
	const struct extent rates = polygon_rates(&c->p);
	const double size = fabs(phases.least) + fabs(phases.most) + rates.most - rates.least;
	const double spare = c->slack * (1.0 + fabs(t)) + 1e-13 * size;

	for (unsigned int i = 0; i < POINTS; i++) {
		const double phase = c->point[i].phase_ns + c->point[i].rate_ppb * t;

		if (!c->gone[i] && (phase < phases.least - spare || phase > phases.most + spare ||
				    c->point[i].rate_ppb < rates.least - spare ||
				    c->point[i].rate_ppb > rates.most + spare)) {
			fail_msg("%.17g, %.17g is not in [%.17g, %.17g], [%.17g, %.17g], spare %g",
				 phase, c->point[i].rate_ppb, phases.least, phases.most,
				 rates.least, rates.most, spare);
		}
	}
}

static void nothing_is_lost(void **state)
{
	struct seed s = seed_start("/bridge/polygon/nothing_is_lost");
	static struct cloud c;

	for (int run = 0; run < RUNS; run++) {
		begin(&c, &s);
		for (int i = 0; i < 30; i++) {
			switch (seed_below(&s, 4)) {
			case 0:
				shear(&c, &s);
				break;
			case 1:
				clip(&c, &s);
				break;
			default:
				smear(&c, &s);
				break;
			}
			c.slack += 2.0 * POLYGON_SLACK;
			assert_in_range(c.p.count, 1, GNOMON_LINE_CORNERS - 2);
			assert_inside(&c, &s);
		}
	}
}

/* By hand: a square, smeared along its diagonal, is a hexagon, and cut in half a pentagon. */
static void by_hand(void **state)
{
	struct polygon p;
	struct extent e;

	polygon_rectangle(&p, (struct extent){ -1.0, 1.0 }, (struct extent){ -1.0, 1.0 });
	polygon_smear(&p, 1.0, 1.0);
	assert_int_equal(p.count, 6);
	e = polygon_phases(&p, 0.0);
	assert_true(e.least == -2.0 && e.most == 2.0);
	e = polygon_phases(&p, -1.0); /* along the other diagonal nothing has changed */
	assert_true(e.least == -2.0 && e.most == 2.0);
	e = polygon_phases(&p, 1.0);
	assert_true(e.least == -4.0 && e.most == 4.0);
	assert_true(polygon_clip(&p, (struct extent){ 1.0, 5.0 }));
	e = polygon_rates(&p);
	assert_true(e.least == -1.0 && e.most == 2.0);
	assert_false(polygon_clip(&p, (struct extent){ 2.5, 3.0 }));
	polygon_rectangle(&p, (struct extent){ -1.0, 1.0 }, (struct extent){ -1.0, 1.0 });
	polygon_smear(&p, 0.0, 0.0);
	assert_int_equal(p.count, 4);
	assert_false(polygon_clip(&p, (struct extent){ -3.0, -2.0 }));
}

/* A long thin one, sheared and rounded so that its long sides are dented, and smeared along them.
 * It stays thin. */
static void dents(void **state)
{
	struct polygon p = { .count = 6, .corner = {
		{ -1000.0, -1000.0 }, { 0.0, 1e-7 }, { 1000.0, 1000.0 }, { 999.99, 1000.0 },
		{ -0.01, -1e-7 }, { -1000.01, -1000.0 },
	} };
	struct extent across;

	polygon_smear(&p, 1.0, 1.0);
	polygon_smear(&p, 0.001, 0.0);
	across = polygon_phases(&p, -1.0);
	assert_true(across.most - across.least < 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/polygon/by_hand", by_hand, NULL, NULL, NULL },
		{ "/bridge/polygon/dents", dents, NULL, NULL, NULL },
		{ "/bridge/polygon/nothing_is_lost", nothing_is_lost, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
