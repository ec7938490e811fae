/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line of the kept clock: at any counter the truth is within what it says, as long as pairs are
 * honest and oscillators wander no more than told; and what cannot be true is found.
 */
#include "world.h"

#define RUNS 300

static const struct gnomon_line_config plain = {
	.size = sizeof(plain),
	.counter_hz = 2.445e9,
};

static void config_refused(void **state)
{
	struct gnomon_line line;
	struct gnomon_line_config c = plain;

	assert_int_equal(gnomon_line_init(&line, &c), 0);
	c.size--;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c = plain;
	c.counter_hz = 0.0;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c.counter_hz = (double)NAN;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c.counter_hz = 1e14;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c = plain;
	c.wander_ppb_per_s = -1.0;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c = plain;
	c.rate_limit_ppb = 1e9;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c = plain;
	c.frequency_step_ppb = (double)NAN;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
	c = plain;
	c.wander_limit_ppb = -0.1;
	assert_int_equal(gnomon_line_init(&line, &c), -EINVAL);
}

static void nothing_is_known(void **state)
{
	struct gnomon_line_view view = { .counter = 77 };
	struct gnomon_line line;

	assert_int_equal(gnomon_line_init(&line, &plain), 0);
	assert_int_equal(gnomon_line_at(&line, 5, &view), -ENODATA);
	assert_int_equal(view.counter, 77);
	/* Harmless: there is nothing that it would change. */
	gnomon_line_frequency(&line, 1, 2, 0.0, 1e5);
	gnomon_line_stepped(&line, gnomon_span_from_ns(5), 1.0);
	gnomon_line_confirm(&line);
	assert_int_equal(gnomon_line_at(&line, 5, &view), -ENODATA);
}

/* By hand: two pairs a second apart, 100 ns each, at 1 GHz. */
static void two_pairs(void **state)
{
	const struct gnomon_line_config c = {
		.size = sizeof(c),
		.counter_hz = 1e9,
		.wander_ppb_per_s = 1e-6,
		.wander_limit_ppb = 1e-3,
		.frequency_step_ppb = 1e-6,
	};
	struct gnomon_pair pair = { 1000, { 50, 0, 0 }, 100.0 };
	struct gnomon_line_view view;
	struct gnomon_line line;

	assert_int_equal(gnomon_line_init(&line, &c), 0);
	assert_int_equal(gnomon_line_pair(&line, &pair, NULL), GNOMON_LINE_STARTED);
	assert_int_equal(gnomon_line_at(&line, 1000, &view), 0);
	assert_int_equal(view.time.sec, 50);
	assert_true(fabs(view.phase_bound_ns - 100.0) < 0.01);
	assert_true(view.rate_bound_ppb >= 1e6 && view.rate_bound_ppb < 1.01e6);
	/* 10 ppm fast. */
	pair.counter += 1000000000;
	pair.time = (gnomon_time){ 51, 10000, 0 };
	assert_int_equal(gnomon_line_pair(&line, &pair, NULL), GNOMON_LINE_TAKEN);
	assert_int_equal(gnomon_line_at(&line, pair.counter, &view), 0);
	assert_true(fabs(view.phase_bound_ns - 100.0) < 0.01);
	assert_true(fabs(view.rate_bound_ppb - 200.0) < 0.5);
	assert_true(fabs(gnomon_period_seconds(&view.period) - 1.00001e-9) < 1e-18);
	/* A second further: half of 100 + 200, as much to either side. */
	assert_int_equal(gnomon_line_at(&line, pair.counter + 1000000000, &view), 0);
	assert_true(fabs(view.phase_bound_ns - 300.0) < 0.5);
	assert_int_equal(view.time.sec, 52);
	assert_true(fabs((double)view.time.frac * 1e9 * 0x1p-64 - 20000.0) < 1e-3);
	/* And back in the middle: where the strips cross. */
	assert_int_equal(gnomon_line_at(&line, pair.counter - 500000000, &view), 0);
	assert_true(fabs(view.phase_bound_ns - 100.0) < 0.5);
}

static void assert_within(const struct world *w, const struct gnomon_line *line)
{
	struct gnomon_line_view view;
	double apart;
	double rate;

	assert_int_equal(gnomon_line_at(line, w->counter, &view), 0);
	apart = fine_diff_double(view.time, world_clock(w));
	if (fabs(apart) > view.phase_bound_ns) {
		fail_msg("phase: %g ns off, %g claimed", apart, view.phase_bound_ns);
	}
	rate = gnomon_period_diff_ppb(&view.period, &w->period);
	rate = (world_rate_ppb(w) - rate) / (1.0 + rate * 1e-9);
	if (fabs(rate) > view.rate_bound_ppb) {
		fail_msg("rate: %g ppb off, %g claimed", rate, view.rate_bound_ppb);
	}
}

static void start_line(struct world *w, struct gnomon_line *line)
{
	const struct gnomon_pair pair = world_pair(w, 5.0);

	assert_int_equal(gnomon_line_pair(line, &pair, NULL), GNOMON_LINE_STARTED);
}

/* A part of the window passes, and perhaps the clock is read, and perhaps by a new line. */
static void pass_in_window(struct world *w, struct gnomon_line *line, double seconds)
{
	const bool anew = world_uniform(w) < 0.05;

	world_pass(w, seconds);
	if (anew) {
		gnomon_line_reset(line);
	}
	if (anew || world_uniform(w) < 0.5) {
		const struct gnomon_pair pair = world_pair(w, 5.0);

		/* While nobody knows whether it has obeyed yet. */
		assert_int_equal(gnomon_line_pair(line, &pair, NULL),
				 anew ? GNOMON_LINE_STARTED : GNOMON_LINE_TAKEN);
	}
	assert_within(w, line);
}

/* Told as a driver tells it: the clock obeys somewhere in the window. At times it is told something
 * else before it has, and obeys both at once. */
static void change_frequency(struct world *w, struct gnomon_line *line, double to_ppb)
{
	const double window_s = world_scale(w, 1e-7, 0.05);
	const double before = w->adjust_ppb;
	const double part = world_uniform(w);
	const uint64_t to = w->counter + (uint64_t)(window_s * w->hz) + 1;

	if (world_uniform(w) < 0.1) {
		gnomon_line_reset(line); /* it is told all the same, and starts within the window */
		gnomon_line_frequency(line, w->counter, to, before, to_ppb);
		start_line(w, line);
	} else {
		gnomon_line_frequency(line, w->counter, to, before, to_ppb);
	}
	pass_in_window(w, line, part * window_s / 2.0);
	if (world_uniform(w) < 0.3) {
		const double then = to_ppb;

		to_ppb += world_between(w, -1e4, 1e4);
		gnomon_line_frequency(line, w->counter, to, then, to_ppb);
	}
	pass_in_window(w, line, part * window_s / 2.0);
	w->adjust_ppb = to_ppb;
	w->adjust_error = world_between(w, -line->config.frequency_step_ppb,
					line->config.frequency_step_ppb);
	pass_in_window(w, line, world_uniform(w) * (1.0 - part) * window_s);
}

static void step_clock(struct world *w, struct gnomon_line *line)
{
	const double error = world_scale(w, 0.01, 1000.0);
	const gnomon_span by = { (int64_t)world_between(w, -1e12, 1e12),
				 (uint16_t)seed_next(&w->random) };

	w->offset_ns += gnomon_span_to_double(by) + world_between(w, -error, error);
	gnomon_line_stepped(line, by, error);
}

static unsigned int corners_most;

static void one_life(uint64_t seed)
{
	struct gnomon_line_config c = plain;
	struct gnomon_line line;
	struct world w;
	double interval;
	double half;

	world_init(&w, seed, plain.counter_hz);
	c.counter_hz = world_scale(&w, 1e6, 1e12);
	world_init(&w, seed + 1, c.counter_hz);
	w.wander = world_scale(&w, 1e-4, 50.0);
	c.wander_ppb_per_s = w.wander * 1.000001;
	c.frequency_step_ppb = world_scale(&w, 1e-3, 10.0);
	half = world_scale(&w, 1.0, 1e5);
	half += 1e9 / c.counter_hz;
	interval = world_scale(&w, 0.01, 10.0);
	assert_int_equal(gnomon_line_init(&line, &c), 0);
	for (int i = 0; i < 200; i++) {
		const struct gnomon_pair pair = world_pair(&w, half * world_between(&w, 0.1, 1.0));
		const enum gnomon_line_result result = gnomon_line_pair(&line, &pair, NULL);

		assert_int_equal(result, i == 0 ? GNOMON_LINE_STARTED : GNOMON_LINE_TAKEN);
		assert_within(&w, &line);
		corners_most = line.corners > corners_most ? line.corners : corners_most;
		if (world_uniform(&w) < 0.3) {
			change_frequency(&w, &line, w.adjust_ppb + world_between(&w, -1e4, 1e4));
			assert_within(&w, &line);
		}
		if (world_uniform(&w) < 0.03) {
			step_clock(&w, &line);
			assert_within(&w, &line);
		}
		world_pass(&w, interval * (world_uniform(&w) < 0.05 ? 30.0 : world_uniform(&w)));
		assert_within(&w, &line);
	}
}

static void never_less_than_the_truth(void **state)
{
	const struct seed first = seed_start("/bridge/line/never_less_than_the_truth");

	for (unsigned int i = 0; i < RUNS; i++) {
		one_life(first.state + 1000 * i);
	}
	print_message("# polygons of %u corners at most\n", corners_most);
}

/* After five minutes, with pairs that are off by so much of their windows. */
static struct gnomon_line_view settled(double wander, double half_ns, double part)
{
	struct gnomon_line_config c = plain;
	struct gnomon_line_view view;
	struct gnomon_line line;
	struct world w;

	world_init(&w, 4711, c.counter_hz);
	w.wander = wander / 10.0;
	c.wander_ppb_per_s = wander;
	assert_int_equal(gnomon_line_init(&line, &c), 0);
	for (int i = 0; i < 1200; i++) {
		struct gnomon_pair pair = world_pair(&w, part * half_ns);

		pair.half_window_ns = half_ns;
		assert_true(gnomon_line_pair(&line, &pair, NULL) != GNOMON_LINE_CONTRADICTED);
		world_pass(&w, i < 1199 ? 0.25 : 0.0);
	}
	assert_int_equal(gnomon_line_at(&line, w.counter, &view), 0);
	return view;
}

/* Pairs in the middle of their windows: two of them, as far apart as wander allows. Pairs that use
 * all of their windows tell much more. */
static void gets_better_with_time(void **state)
{
	static const double halves[] = { 25.0, 500.0, 5000.0 };

	for (unsigned int i = 0; i < 3; i++) {
		const double w = halves[i];
		struct gnomon_line_view one = settled(1e-4, w, 0.1);
		struct gnomon_line_view two = settled(10.0, w, 0.1);

		print_message("# +-%g ns: one oscillator %.1f ns, %.2f ppb; two %.1f, %.1f\n", w,
			      one.phase_bound_ns, one.rate_bound_ppb, two.phase_bound_ns,
			      two.rate_bound_ppb);
		assert_true(one.rate_bound_ppb < 1.2 * (2.0 * w / 300.0 + 0.03));
		assert_true(two.rate_bound_ppb < 1.3 * 2.0 * sqrt(10.0 * w));
		assert_true(one.phase_bound_ns < 1.01 * w && two.phase_bound_ns < 1.01 * w);
		one = settled(1e-4, w, 0.999);
		two = settled(10.0, w, 0.999);
		print_message("# all of it used: one %.1f ns, %.2f ppb; two %.1f, %.1f\n",
			      one.phase_bound_ns, one.rate_bound_ppb, two.phase_bound_ns,
			      two.rate_bound_ppb);
		assert_true(two.phase_bound_ns < 0.5 * w && one.phase_bound_ns < 0.1 * w);
	}
}

/* -- what cannot be true ---------------------------------------------------------------------- */

static void settle(struct world *w, struct gnomon_line *line)
{
	world_init(w, 99, plain.counter_hz);
	w->wander = 1.0;
	assert_int_equal(gnomon_line_init(line, &plain), 0);
	for (int i = 0; i < 100; i++) {
		const struct gnomon_pair pair = world_pair(w, 100.0);

		(void)gnomon_line_pair(line, &pair, NULL);
		world_pass(w, 0.25);
	}
	assert_false(line->doubtful);
}

/* The line is found to be broken, is doubtful until confirmed, and true again at once. */
static void assert_found(struct world *w, struct gnomon_line *line, double least, double most)
{
	const struct gnomon_pair pair = world_pair(w, 100.0);
	double by = 0.0;

	assert_int_equal(gnomon_line_pair(line, &pair, &by), GNOMON_LINE_CONTRADICTED);
	if (!(by >= least && by <= most)) {
		fail_msg("by %g, not %g to %g", by, least, most);
	}
	assert_true(line->doubtful);
	assert_within(w, line);
	for (int i = 0; i < 20; i++) {
		const struct gnomon_pair next = world_pair(w, 100.0);

		assert_int_equal(gnomon_line_pair(line, &next, NULL), GNOMON_LINE_TAKEN);
		assert_within(w, line);
		world_pass(w, 0.25);
	}
	assert_true(line->doubtful);
	gnomon_line_confirm(line);
	assert_false(line->doubtful);
}

static void stepped_by_others(void **state)
{
	struct gnomon_line line;
	struct world w;

	settle(&w, &line);
	w.offset_ns += 1000.0;
	assert_found(&w, &line, 600.0, 1000.0);
	w.offset_ns -= 1e9;
	assert_found(&w, &line, -1e9, -1e9 + 1000.0);
}

static void slewed_by_others(void **state)
{
	struct gnomon_line line;
	struct world w;

	settle(&w, &line);
	w.adjust_ppb += 5000.0;
	world_pass(&w, 1.0);
	assert_found(&w, &line, 4000.0, 5000.0);
}

/* The machine slept, the counter with it, the clock not. */
static void counter_stopped(void **state)
{
	struct gnomon_line line;
	struct world w;

	settle(&w, &line);
	w.true_ns += 60e9;
	assert_found(&w, &line, 59e9, 61e9);
}

static void counter_went_back(void **state)
{
	struct gnomon_line line;
	struct gnomon_pair pair;
	struct world w;
	double by;

	settle(&w, &line);
	pair = world_pair(&w, 100.0);
	pair.counter -= 3600 * (uint64_t)plain.counter_hz;
	assert_int_equal(gnomon_line_pair(&line, &pair, &by), GNOMON_LINE_CONTRADICTED);
	assert_true(by > 3599e9 && by < 3601e9);
	assert_true(line.doubtful);
}

/* What comes late is nothing that the counter could have done. */
static void an_old_pair(void **state)
{
	struct gnomon_line line;
	struct gnomon_pair old;
	struct gnomon_pair new;
	struct world w;
	double by = 1.0;

	settle(&w, &line);
	old = world_pair(&w, 100.0);
	world_pass(&w, 0.25);
	new = world_pair(&w, 100.0);
	assert_int_equal(gnomon_line_pair(&line, &new, NULL), GNOMON_LINE_TAKEN);
	assert_int_equal(gnomon_line_pair(&line, &old, &by), GNOMON_LINE_CONTRADICTED);
	assert_true(fabs(by) < 400.0);
}

static void reset_knows_nothing(void **state)
{
	struct gnomon_line_view view;
	struct gnomon_line line;
	struct gnomon_pair pair;
	struct world w;

	settle(&w, &line);
	gnomon_line_reset(&line);
	assert_int_equal(gnomon_line_at(&line, w.counter, &view), -ENODATA);
	w.offset_ns += 1e15;
	pair = world_pair(&w, 100.0);
	assert_int_equal(gnomon_line_pair(&line, &pair, NULL), GNOMON_LINE_STARTED);
	assert_within(&w, &line);
}

/* Windows that are none say nothing, and do no harm. */
static void odd_windows(void **state)
{
	const double odd[] = { 0.0, -5.0, (double)NAN, (double)INFINITY, 1e300 };
	struct gnomon_line line;
	struct world w;

	settle(&w, &line);
	for (unsigned int i = 2; i < 5; i++) {
		struct gnomon_pair pair = world_pair(&w, 100.0);

		pair.half_window_ns = odd[i];
		assert_int_equal(gnomon_line_pair(&line, &pair, NULL), GNOMON_LINE_TAKEN);
		assert_within(&w, &line);
		world_pass(&w, 0.25);
	}
	for (unsigned int i = 0; i < 2; i++) {
		struct gnomon_pair pair = world_pair(&w, 0.0);

		pair.half_window_ns = odd[i];
		assert_int_equal(gnomon_line_pair(&line, &pair, NULL), GNOMON_LINE_TAKEN);
		world_pass(&w, 0.25);
	}
}

/* The convex hull of min(w t, limit) from the start: the chord at its end. */
static void wander_over_an_hour(void **state)
{
	struct gnomon_line_config c = plain;

	c.wander_ppb_per_s = 10.0;
	c.wander_limit_ppb = 1000.0;
	assert_true(fabs(line_wander_ppb(&c, 100.0) - 500.0) < 1e-9);
	assert_true(fabs(line_wander_ppb(&c, 3600.0) * 3600.0 - 50e3 - 3500e3) < 1e-3);
	assert_true(fabs(line_wander_ppb(&c, 1.0) - 5.0) < 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/line/config_refused", config_refused, NULL, NULL, NULL },
		{ "/bridge/line/nothing_is_known", nothing_is_known, NULL, NULL, NULL },
		{ "/bridge/line/two_pairs", two_pairs, NULL, NULL, NULL },
		{ "/bridge/line/never_less_than_the_truth", never_less_than_the_truth, NULL, NULL,
		  NULL },
		{ "/bridge/line/gets_better_with_time", gets_better_with_time, NULL, NULL, NULL },
		{ "/bridge/line/stepped_by_others", stepped_by_others, NULL, NULL, NULL },
		{ "/bridge/line/slewed_by_others", slewed_by_others, NULL, NULL, NULL },
		{ "/bridge/line/counter_stopped", counter_stopped, NULL, NULL, NULL },
		{ "/bridge/line/counter_went_back", counter_went_back, NULL, NULL, NULL },
		{ "/bridge/line/an_old_pair", an_old_pair, NULL, NULL, NULL },
		{ "/bridge/line/reset_knows_nothing", reset_knows_nothing, NULL, NULL, NULL },
		{ "/bridge/line/odd_windows", odd_windows, NULL, NULL, NULL },
		{ "/bridge/line/wander_over_an_hour", wander_over_an_hour, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
