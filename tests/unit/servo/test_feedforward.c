/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * servo/feedforward.h and servo/slope.h keep a model of the kernel's clock: a counter, a multiplier
 * of whole numbers that is corrected from tick to tick, and a frequency that takes effect with the
 * next tick. Readings are brackets of which nobody knows where in them the clock was read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../seed.h"
#include "servo/feedforward.h"
#include "servo/slope.h"

/* -- the world -------------------------------------------------------------------------------- */

#define SHIFT 24
#define TICK_S 0.004

struct world {
	struct seed seed;
	double t;         /* true time, s */
	double cycles;    /* of the counter */
	double hz;        /* the counter's rate */
	double wander;    /* of it, per s, relative */
	double mult0;     /* cycles to ns << SHIFT, as the kernel calibrated it */
	double mult;      /* in use */
	double ntp_ppb;   /* as set */
	double tick_ppb;  /* as of the last tick */
	double error;     /* ns << SHIFT that the multiplier is behind */
	double real_ns;   /* the clock at the last tick */
	double tick_at;   /* cycles then */
	double source_ns; /* how far the source is from true time ... */
	double slewed_ppb; /* ... and how fast it goes from there, which it says */
};

/* From -1 to 1. */
static double noise(struct world *w)
{
	return (double)(int64_t)seed_next(&w->seed) / 9.3e18;
}

static struct world make_world(struct seed seed)
{
	struct world w = { .seed = seed, .hz = 2445e6 };

	/* Calibrated with 40 ppm of error. */
	w.mult0 = floor(1e9 * ldexp(1, SHIFT) / (w.hz * (1 + 40e-6)));
	w.mult = w.mult0;
	return w;
}

static double raw_at(const struct world *w, double cycles)
{
	return floor(ldexp(cycles * w->mult0, -SHIFT));
}

static double real_at(const struct world *w, double cycles)
{
	return floor(w->real_ns + ldexp((cycles - w->tick_at) * w->mult, -SHIFT));
}

/* What the kernel does each tick: the multiplier is one of two whole numbers. */
static void tick(struct world *w)
{
	const double passed = w->cycles - w->tick_at;
	const double wanted = w->mult0 * (1 + w->tick_ppb * 1e-9);

	w->real_ns += ldexp(passed * w->mult, -SHIFT);
	w->error += passed * (wanted - w->mult);
	w->tick_at = w->cycles;
	w->tick_ppb = w->ntp_ppb;
	w->mult = floor(w->mult0 * (1 + w->tick_ppb * 1e-9)) + (w->error > 0);
}

static void run(struct world *w, double seconds)
{
	const double end = w->t + seconds;

	while (w->t < end) {
		const double dt = fmin(TICK_S, end - w->t);

		w->hz *= 1 + w->wander * noise(w) * dt;
		w->cycles += w->hz * dt;
		w->source_ns += w->slewed_ppb * dt;
		w->t += dt;
		tick(w);
	}
}

/* True: the clock minus its source. */
static double phase(const struct world *w)
{
	return w->real_ns - (w->t * 1e9 + w->source_ns);
}

static gnomon_time time_of(double ns)
{
	return gnomon_time_from_ns((int64_t)ns);
}

/* The source's line by the counter, read against the clock within a bracket. */
static struct feedforward_sample read_page(struct world *w, double window_ns, struct slope *raw)
{
	const double before = window_ns * (1 + noise(w)) / 2;
	const double after = window_ns * (1 + noise(w)) / 2;
	const double c = w->cycles;
	const double from = c - before * w->hz * 1e-9;
	const double to = c + after * w->hz * 1e-9;
	const double line = w->t * 1e9 + w->source_ns +
			    (after - before) / 2 * (1 + w->slewed_ppb * 1e-9);
	const double half = (after + before) / 2 + 1;
	const double period = 1e9 / w->hz * (1 + w->slewed_ppb * 1e-9);
	const double nominal = 1e9 / 2445e6;
	struct feedforward_sample s = {
		.raw = time_of(raw_at(w, c)),
		.offset = gnomon_span_from_double(real_at(w, c) - line),
		.half_ns = half,
		.rate_error_ppb = INFINITY,
	};
	double gain;
	double error;

	/* The counter as a clock of its nominal rate, by the raw clock: a constant of the kernel.
	 * The middle of the bracket is not where the raw clock was read. */
	(void)slope_add(raw, s.raw,
			gnomon_span_from_double((from + to) / 2 * nominal - raw_at(w, c)), half,
			10);
	if (slope_read(raw, &gain, &error)) {
		s.rate_ppb = ((1 + gain * 1e-9) * period / nominal - 1) * 1e9;
		s.rate_error_ppb = error + 2;
	}
	return s;
}

static void obey(struct world *w, const struct feedforward_command *c)
{
	if (c->step) {
		w->real_ns += gnomon_span_to_double(c->by);
	}
	w->ntp_ppb = c->frequency_ppb;
}

static const struct feedforward_config config = {
	.interval_s = 0.25,
	.first_step_ns = 20000,
	.max_frequency_ppb = 500000,
	.max_slew_ppb = 100000,
	.granularity_ppb = 150,
	.tick_s = 0.01,
};

struct rig {
	struct world w;
	struct slope slope;
	struct feedforward ff;
	unsigned int steps;
	bool surprised; /* the source did what it did not say before */
	double worst;  /* |phase| since it was cleared */
	double widest; /* half of the interval, likewise */
};

static void begin_rig(struct rig *r, struct seed seed)
{
	memset(r, 0, sizeof(*r));
	r->w = make_world(seed);
	slope_init(&r->slope, 64);
	feedforward_init(&r->ff, &config, 0);
}

/* One reading, and what is said of the phase holds before and after it. */
static void turn(struct rig *r, double interval_s, double window_ns)
{
	struct feedforward_command command;
	struct feedforward_sample s;
	double offset;
	double half;

	run(&r->w, interval_s);
	s = read_page(&r->w, window_ns, &r->slope);
	if (!r->surprised && feedforward_phase(&r->ff, s.raw, &offset, &half)) {
		assert_true(fabs(phase(&r->w) - offset) <= half + 1);
	}
	r->surprised = false;
	feedforward_take(&r->ff, &s, &command);
	obey(&r->w, &command);
	r->steps += command.step;
	assert_true(feedforward_phase(&r->ff, s.raw, &offset, &half));
	assert_true(fabs(phase(&r->w) - offset) <= half + 1);
	r->worst = fmax(r->worst, fabs(phase(&r->w)));
	r->widest = fmax(r->widest, half);
}

static void turns(struct rig *r, int count, double window_ns)
{
	r->worst = 0;
	r->widest = 0;
	for (int i = 0; i < count; i++) {
		turn(r, 0.25, window_ns);
	}
}

static struct seed seed_of_day(void)
{
	return seed_start("feedforward");
}

/* -- the tests -------------------------------------------------------------------------------- */

/* Far off in phase and frequency: one step, and the right frequency as soon as two readings tell
 * the kernel's constant; no overshoot, nothing to settle. */
static void from_far(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	r.w.real_ns = 3.7e12;
	turns(&r, 4, 60);
	assert_int_equal(r.steps, 1);
	turns(&r, 40, 60);
	assert_int_equal(r.steps, 1);
	assert_true(r.worst < 2000);
	turns(&r, 400, 60);
	assert_int_equal(r.steps, 1);
	assert_true(r.worst < 120);
	assert_true(r.widest < 150);
	/* The kernel's constant is a whole number: 146 ppb are one. */
	assert_true(fabs(r.ff.needed_ppb - 40000) < 150);
}

/* Below the threshold of a step it is slewed, and no faster than allowed. */
static void from_near(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	r.w.real_ns = -9000; /* -19 us by the first reading */
	turns(&r, 40, 60);
	assert_int_equal(r.steps, 0);
	assert_true(fabs(phase(&r.w)) < 300);
	assert_true(fabs(r.ff.frequency_ppb) < 500000);
}

/* Wide brackets, as of hypercalls: the quick ones count. */
static void wide_brackets(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	r.w.real_ns = 5000;
	turns(&r, 200, 20000);
	turns(&r, 400, 20000);
	assert_true(r.worst < 20000);
	turns(&r, 40, 60);
	turns(&r, 40, 60);
	assert_true(r.worst < 150);
}

/* The source begins to run faster: the next reading tells, there is no loop to settle. */
static void rate_changes(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	turns(&r, 200, 40);
	r.w.slewed_ppb = 500;
	r.surprised = true;
	turns(&r, 2, 40);
	assert_true(r.worst < 250);
	turns(&r, 200, 40);
	assert_true(r.worst < 120);
	assert_int_equal(r.steps, 0);
}

/* A migration: counter, rate and phase are other ones. One reading is all it takes. */
static void disruption(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	r.w.real_ns = 1e6;
	turns(&r, 200, 40);
	assert_int_equal(r.steps, 1);
	r.w.real_ns -= 250e6;
	feedforward_reset(&r.ff, true);
	turn(&r, 0.25, 40);
	assert_int_equal(r.steps, 2);
	assert_true(fabs(phase(&r.w)) < 100);
	turns(&r, 100, 40);
	assert_int_equal(r.steps, 2);
	assert_true(r.worst < 300);
}

/* A source that moves within its own bound is followed, and noticed. */
static void source_moves(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	turns(&r, 200, 40);
	r.ff.misfits = 0;
	r.w.source_ns += 900;
	/* The interval before is about the source that was. */
	r.ff.low_ns -= 1000;
	r.ff.high_ns += 1000;
	turns(&r, 1, 40);
	turns(&r, 40, 40);
	assert_true(fabs(phase(&r.w)) < 150);
	assert_int_equal(r.steps, 0);
	r.ff.low_ns += 5000;
	r.ff.high_ns += 5000;
	r.ff.raw = time_of(raw_at(&r.w, r.w.cycles));
	{
		struct feedforward_command command;
		struct feedforward_sample s = read_page(&r.w, 40, &r.slope);

		feedforward_take(&r.ff, &s, &command);
	}
	assert_int_equal(r.ff.misfits, 1);
	assert_true(r.ff.high_ns - r.ff.low_ns < 100);
}

/* The machine is not run for a while: what was being slewed goes on, and the interval has it. */
static void asleep(void **state)
{
	struct rig r;

	(void)state;
	begin_rig(&r, seed_of_day());
	r.w.wander = 1e-8;
	turns(&r, 200, 40);
	for (int i = 0; i < 20; i++) {
		turn(&r, 0.25 + 5 * fabs(noise(&r.w)), 40);
	}
	turns(&r, 20, 40);
	assert_true(fabs(phase(&r.w)) < 200);
	assert_int_equal(r.steps, 0);
}

/* The frequency that is left behind is the right one. */
static void left_behind(void **state)
{
	struct rig r;
	double before;

	(void)state;
	begin_rig(&r, seed_of_day());
	turns(&r, 400, 40);
	r.w.ntp_ppb = r.ff.needed_ppb;
	run(&r.w, 1);
	before = phase(&r.w);
	run(&r.w, 10);
	assert_true(fabs(phase(&r.w) - before) < 10 * 30);
}

/* What the slope says is certain, whatever the readings are. */
static void slope_is_certain(void **state)
{
	struct world w = make_world(seed_of_day());

	(void)state;
	for (int i = 0; i < 200; i++) {
		const double truth = 100000 * noise(&w);
		struct slope s;
		double t = 1e18;
		double ppb;
		double error = INFINITY;

		slope_init(&s, 16);
		for (int k = 0; k < 100; k++) {
			const double half = 10 + 200 * fabs(noise(&w));
			const double y = 5e17 + (t - 1e18) * truth * 1e-9 + half * noise(&w);
			gnomon_time x = gnomon_time_from_ns((int64_t)1e18);

			x = gnomon_time_add(x, gnomon_span_from_double(t - 1e18));
			assert_true(slope_add(
				&s, x,
				gnomon_span_add(gnomon_span_from_ns((int64_t)5e17),
						gnomon_span_from_double(y - 5e17)),
				half + 100, 0));
			if (slope_read(&s, &ppb, &error)) {
				assert_true(fabs(ppb - truth) <= error + 1e-6);
			}
			t += floor(1e6 + 5e8 * fabs(noise(&w)));
		}
		assert_true(error < 40);
	}
}

/* A jump begins anew, a change of rate forgets what is before it. */
static void slope_forgets(void **state)
{
	struct slope s;
	double ppb;
	double error;
	double y = 0;

	(void)state;
	slope_init(&s, 16);
	for (int k = 0; k < 20; k++) {
		y += 1000;
		assert_true(slope_add(&s, gnomon_time_from_ns(k * 1000000000LL),
				      gnomon_span_from_double(y), 5, 10));
	}
	assert_true(slope_read(&s, &ppb, &error));
	assert_true(fabs(ppb - 1000) < error + 1e-9 && error < 2);
	for (int k = 20; k < 26; k++) {
		y += 1050;
		assert_true(slope_add(&s, gnomon_time_from_ns(k * 1000000000LL),
				      gnomon_span_from_double(y), 5, 100));
	}
	assert_true(slope_read(&s, &ppb, &error));
	assert_true(fabs(ppb - 1050) <= error && error < 5);
	assert_false(slope_add(&s, gnomon_time_from_ns(26 * 1000000000LL),
			       gnomon_span_from_double(y + 1e6), 5, 100));
	assert_false(slope_read(&s, &ppb, &error));
	assert_false(slope_add(&s, gnomon_time_from_ns(25 * 1000000000LL),
			       gnomon_span_from_double(y), 5, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/feedforward/from_far", from_far, NULL, NULL, NULL },
		{ "/servo/feedforward/from_near", from_near, NULL, NULL, NULL },
		{ "/servo/feedforward/wide_brackets", wide_brackets, NULL, NULL, NULL },
		{ "/servo/feedforward/rate_changes", rate_changes, NULL, NULL, NULL },
		{ "/servo/feedforward/disruption", disruption, NULL, NULL, NULL },
		{ "/servo/feedforward/source_moves", source_moves, NULL, NULL, NULL },
		{ "/servo/feedforward/asleep", asleep, NULL, NULL, NULL },
		{ "/servo/feedforward/left_behind", left_behind, NULL, NULL, NULL },
		{ "/servo/slope/certain", slope_is_certain, NULL, NULL, NULL },
		{ "/servo/slope/forgets", slope_forgets, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("feedforward", tests, NULL, NULL);
}
