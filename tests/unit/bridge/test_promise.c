/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole way from pairs to readers, over random worlds: a clock that a servo steers with noise,
 * counters that wander, steps, deaths and restarts of the publisher, guests with counters of their
 * own. Every reader at any time sees the truth within the bound, on the page's own numbers.
 */
#include "world.h"

#define RUNS 150
#define GUESTS 3
#define STORED 24

struct guest {
	struct gnomon_counter_map map;
	struct gnomon_publisher p;
	struct gnomon_publisher saved;
	/* What readers have seen since the last disruption, and when. */
	unsigned int stored;
	uint64_t counter[STORED];
	struct gnomon_fine truth[STORED];
};

struct life {
	struct world w;
	struct gnomon_line_config config;
	struct gnomon_line line;
	struct guest guests[GUESTS];
	double half_ns;
	double interval_s;
	double servo_noise_ns;
	double rate_error_ppb; /* with which the natural rate is known */
	bool stepped;          /* and not told to the guests yet */
	unsigned int publications;
	unsigned int monotonic;
	unsigned int disruptions;
	double worst;          /* largest share of the bound that was needed */
	double residual_ns;    /* largest */
};

/* -- the host --------------------------------------------------------------------------------- */

static void frequency(struct life *l, double ppb)
{
	const uint64_t from = l->w.counter;
	const double before = l->w.adjust_ppb;

	world_pass(&l->w, 2e-6);
	l->w.adjust_ppb = ppb;
	l->w.adjust_error = world_between(&l->w, -l->config.frequency_step_ppb,
					  l->config.frequency_step_ppb);
	world_pass(&l->w, 1e-6);
	gnomon_line_frequency(&l->line, from, l->w.counter, before, ppb);
}

/* A servo that takes most of its noisy offset away until it is asked again. */
static void steer(struct life *l)
{
	const double measured = l->w.offset_ns + world_between(&l->w, -1.0, 1.0) *
							 l->servo_noise_ns;
	const double needed = -l->w.natural_ppb / (1.0 + l->w.natural_ppb * 1e-9);
	double correction = -0.7 * measured / (3.0 * l->interval_s);

	correction = correction > 2e5 ? 2e5 : correction < -2e5 ? -2e5 : correction;
	frequency(l, needed + correction + world_between(&l->w, -1.0, 1.0));
}

static void step(struct life *l, double ns)
{
	const gnomon_span by = gnomon_span_from_double(ns);

	l->w.offset_ns += gnomon_span_to_double(by);
	gnomon_line_stepped(&l->line, by, 0.1);
	l->stepped = true;
}

/* What an honest ensemble claims: the bound has the offset in it, the rate is known so far. */
static struct gnomon_coast claim(struct life *l)
{
	const double f = l->w.adjust_ppb + l->w.adjust_error;
	const double rate = l->w.natural_ppb + f + l->w.natural_ppb * f * 1e-9;
	const double wrong = world_between(&l->w, -1.0, 1.0) * l->rate_error_ppb;

	return (struct gnomon_coast){
		.valid = true,
		.bound_ns = fabs(l->w.offset_ns) + l->servo_noise_ns * world_uniform(&l->w),
		.growth_ppb = l->rate_error_ppb,
		.excess_ppb = rate - wrong,
		.stddev_ns = l->servo_noise_ns / 3.0,
		.rate_error_ppb = l->rate_error_ppb,
	};
}

static void pair(struct life *l, enum gnomon_line_result expected)
{
	const struct gnomon_pair one = world_pair(&l->w, l->half_ns);

	assert_int_equal(gnomon_line_pair(&l->line, &one, NULL), expected);
}

/* -- readers ---------------------------------------------------------------------------------- */

static void assert_true_at(struct life *l, const struct gnomon_vmclock *page, uint64_t counter,
			   struct gnomon_fine truth, const char *when)
{
	struct gnomon_vmclock_reading r;
	double apart;
	double bound;

	gnomon_vmclock_at(page, counter, &r);
	/* The least that a reader that rounds down may get. */
	bound = (double)r.bound_ns - 1.0;
	apart = fabs(fine_diff_double(r.time, truth));
	l->worst = apart / bound > l->worst ? apart / bound : l->worst;
	if (apart > bound) {
		fail_msg("%s: %g ns off, bound %g", when, apart, bound);
	}
}

/* Every guest looks, and remembers some of what it saw. */
static void look(struct life *l, const char *when)
{
	const struct gnomon_fine truth = world_true(&l->w);

	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &l->guests[i];
		const uint64_t now = gnomon_counter_map_guest(&g->map, l->w.counter);
		unsigned int slot;

		if (!g->p.published) {
			continue;
		}
		assert_true_at(l, &g->p.page, now, truth, when);
		for (unsigned int k = 0; k < g->stored; k++) {
			assert_true_at(l, &g->p.page, g->counter[k], g->truth[k], "stored");
		}
		slot = g->stored < STORED ? g->stored++
					  : (unsigned int)seed_below(&l->w.random, STORED);
		g->counter[slot] = now;
		g->truth[slot] = truth;
	}
}

/* Time as old and new page tell it, to a reader of the old until the new one is there. */
static void assert_not_back(const struct guest *g, const struct gnomon_vmclock *old,
			    uint64_t counter)
{
	const struct gnomon_fine before = gnomon_vmclock_kernel_time(old, counter);
	const struct gnomon_fine after = gnomon_vmclock_kernel_time(&g->p.page, counter);

	assert_true(gnomon_fine_cmp(before, after) <= 0);
}

static void assert_nested(const struct guest *g, const struct gnomon_vmclock *old,
			  uint64_t counter)
{
	struct gnomon_vmclock_reading before;
	struct gnomon_vmclock_reading after;

	gnomon_vmclock_at(old, counter, &before);
	gnomon_vmclock_at(&g->p.page, counter, &after);
	assert_true(fabs(fine_diff_double(after.time, before.time)) + 1.0 <=
		    (double)before.bound_ns);
}

/* -- publications ----------------------------------------------------------------------------- */

static void check_continued(struct life *l, const struct guest *g,
			    const struct gnomon_vmclock *old,
			    const struct gnomon_publication *what, uint64_t now)
{
	const uint64_t late = now + gnomon_counter_map_guest(&g->map, l->w.counter) - now;

	assert_nested(g, old, old->counter_value);
	assert_nested(g, old, now);
	assert_nested(g, old, late);
	assert_int_equal(g->p.page.disruption_marker, old->disruption_marker);
	assert_int_equal(!!(g->p.page.flags & GNOMON_VMCLOCK_TIME_MONOTONIC), what->monotonic);
	l->residual_ns = fabs(what->residual_ns) > l->residual_ns ? fabs(what->residual_ns)
								  : l->residual_ns;
	if (what->monotonic) {
		l->monotonic++;
		assert_not_back(g, old, now);
		assert_not_back(g, old, late);
	}
}

/* The clock is read, the truth saved, and the page written a little later. */
static void publish(struct life *l)
{
	const struct gnomon_coast coast = claim(l);
	struct gnomon_host_line host;

	gnomon_bridge_host(&l->line, &coast, l->w.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e12,
			   &host);
	assert_true(host.valid);
	world_pass(&l->w, world_scale(&l->w, 1e-6, 0.0099));
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &l->guests[i];
		const struct gnomon_vmclock old = g->p.page;
		const bool was = g->p.published;
		const struct gnomon_publish next = {
			.host = &host,
			.map = &g->map,
			.disrupted = l->stepped,
			.marker = seed_next(&l->w.random),
		};
		struct gnomon_publication what;

		gnomon_publisher_next(&g->p, &next, &what);
		assert_true(gnomon_publisher_ok(&g->p));
		g->saved = g->p;
		if (what.disruption == GNOMON_DISRUPTION_NONE) {
			check_continued(l, g, &old, &what,
					gnomon_counter_map_guest(&g->map, host.counter));
		} else {
			if (was && !l->stepped &&
			    what.disruption != GNOMON_DISRUPTION_COUNTER) {
				fail_msg("%s: breach of %g ns",
					 gnomon_disruption_name(what.disruption), what.breach_ns);
			}
			assert_int_not_equal(g->p.page.disruption_marker, old.disruption_marker);
			assert_false(g->p.page.flags & GNOMON_VMCLOCK_TIME_MONOTONIC);
			g->stored = 0;
			l->disruptions++;
		}
	}
	l->publications++;
	l->stepped = false;
	look(l, "at once");
}

/* -- lives ------------------------------------------------------------------------------------ */

static void begin(struct life *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	world_init(&l->w, seed, 2e9);
	l->config = (struct gnomon_line_config){
		.size = sizeof(l->config),
		.counter_hz = world_scale(&l->w, 5e6, 5e9),
		.wander_limit_ppb = world_scale(&l->w, 1.0, 2000.0),
		.frequency_step_ppb = world_scale(&l->w, 1e-3, 1.0),
	};
	world_init(&l->w, seed + 1, l->config.counter_hz);
	l->w.wander = world_scale(&l->w, 1e-3, 20.0);
	l->w.excursion = 0.49 * l->config.wander_limit_ppb;
	l->w.counter_ppb = 0.0;
	l->config.wander_ppb_per_s = l->w.wander * 1.000001;
	l->half_ns = world_scale(&l->w, 2.0, 20000.0);
	l->interval_s = world_scale(&l->w, 0.05, 2.0);
	l->servo_noise_ns = world_scale(&l->w, 5.0, 50000.0);
	l->rate_error_ppb = world_scale(&l->w, 1.0, 500.0);
	l->w.offset_ns = world_between(&l->w, -1e3, 1e3);
	assert_int_equal(gnomon_line_init(&l->line, &l->config), 0);
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &l->guests[i];

		gnomon_counter_map_offset(&g->map, i == 0 ? 0 : seed_next(&l->w.random));
		if (i > 0) {
			g->map.frac_bits = 48;
			g->map.ratio = (uint64_t)world_between(&l->w, 0x1p46, 0x1p50);
		}
		gnomon_publisher_init(&g->p, GNOMON_VMCLOCK_COUNTER_X86_TSC,
				      seed_next(&l->w.random));
	}
}

static void ordinary(struct life *l, unsigned int publications)
{
	for (unsigned int i = 0; i < publications; i++) {
		pair(l, i == 0 && !l->line.started ? GNOMON_LINE_STARTED : GNOMON_LINE_TAKEN);
		publish(l);
		for (int looks = 0; looks < 4; looks++) {
			world_pass(&l->w, l->interval_s / 4.0);
			look(l, "between");
		}
		if (i % 3 == 2) {
			steer(l);
		}
	}
}

/* Nobody publishes: the page must be true for an hour. Then another process takes over. */
static void die_and_restart(struct life *l)
{
	const double dead_s = world_scale(&l->w, 1.0, 3500.0);

	steer(l);
	ordinary(l, 1);
	for (int i = 0; i < 20; i++) {
		world_pass(&l->w, dead_s / 20.0);
		look(l, "after its death");
	}
	assert_int_equal(gnomon_line_init(&l->line, &l->config), 0);
	for (unsigned int i = 0; i < GUESTS; i++) {
		memset(&l->guests[i].p, 0xee, sizeof(l->guests[i].p));
		l->guests[i].p = l->guests[i].saved;
	}
	for (int i = 0; i < 4; i++) {
		pair(l, i == 0 ? GNOMON_LINE_STARTED : GNOMON_LINE_TAKEN);
		world_pass(&l->w, 0.1);
	}
}

/* An honest claim that has become wider at once: the clock ran off while nobody could tell. */
static void run_off(struct life *l)
{
	l->servo_noise_ns *= 3.0;
	ordinary(l, 10);
	l->servo_noise_ns /= 3.0;
}

static void one_life(uint64_t seed, double *worst)
{
	static struct life l;

	begin(&l, seed);
	ordinary(&l, 40);
	assert_int_equal(l.disruptions, GUESTS);
	die_and_restart(&l);
	ordinary(&l, 20);
	step(&l, world_between(&l.w, -1e9, 1e9));
	l.w.offset_ns = world_between(&l.w, -100.0, 100.0);
	gnomon_line_reset(&l.line);
	ordinary(&l, 20);
	assert_int_equal(l.disruptions, 2 * GUESTS);
	run_off(&l);
	step(&l, world_between(&l.w, -1e4, 1e4));
	ordinary(&l, 5);
	assert_int_equal(l.disruptions, 3 * GUESTS);
	l.guests[2].map.offset += 1 + seed_next(&l.w.random) % 1000000000;
	ordinary(&l, 5);
	assert_int_equal(l.disruptions, 3 * GUESTS + 1);
	assert_true(l.monotonic > l.publications);
	*worst = l.worst > *worst ? l.worst : *worst;
}

static void promises_are_kept(void **state)
{
	const struct seed first = seed_start("/bridge/promise/promises_are_kept");
	double worst = 0.0;

	for (unsigned int i = 0; i < RUNS; i++) {
		one_life(first.state + 1000 * i, &worst);
	}
	print_message("# at worst %.1f %% of a bound were needed\n", 100.0 * worst);
	/* Bounds that are never nearly reached would prove nothing. */
	assert_true(worst > 0.8);
}

/* What a page's bound is, with windows as they are in practice; the errors are a tenth of them. */
static void typical(void **state)
{
	static const double windows[] = { 25.0, 50.0, 250.0, 500.0, 5000.0 };
	static const double wanders[] = { 0.01, 10.0 };
	static struct life l;

	for (unsigned int k = 0; k < 2 * sizeof(windows) / sizeof(windows[0]); k++) {
		double most = 0.0;

		begin(&l, 1);
		l.half_ns = windows[k / 2];
		l.config.wander_ppb_per_s = wanders[k % 2];
		l.config.wander_limit_ppb = 100.0 * wanders[k % 2];
		l.config.frequency_step_ppb = 0.02;
		l.w.wander = l.config.wander_ppb_per_s / 2.0;
		l.w.excursion = 0.49 * l.config.wander_limit_ppb;
		l.interval_s = 0.25;
		l.servo_noise_ns = 20.0;
		l.rate_error_ppb = 50.0;
		assert_int_equal(gnomon_line_init(&l.line, &l.config), 0);
		for (int i = 0; i < 400; i++) {
			struct gnomon_pair one = world_pair(&l.w, l.half_ns / 10.0);
			struct gnomon_coast coast = claim(&l);
			struct gnomon_host_line host;
			const struct gnomon_publish next = {
				.host = &host, .map = &l.guests[0].map, .marker = 5 + i };

			one.half_window_ns = l.half_ns;
			assert_int_not_equal(gnomon_line_pair(&l.line, &one, NULL),
					     GNOMON_LINE_CONTRADICTED);
			coast.bound_ns = 200.0;
			gnomon_bridge_host(&l.line, &coast, l.w.counter,
					   GNOMON_VMCLOCK_SYNCHRONIZED, 1e9, &host);
			gnomon_publisher_next(&l.guests[0].p, &next, NULL);
			world_pass(&l.w, l.interval_s);
			if (i % 4 == 3) {
				steer(&l);
			}
			if (i > 200) {
				const double e = (double)gnomon_vmclock_bound(
					&l.guests[0].p.page, l.w.counter);

				most = e > most ? e : most;
			}
		}
		print_message("# window +-%g ns, wander %g ppb/s: E <= %.0f ns where the clock's "
			      "own is 200\n", windows[k / 2], wanders[k % 2], most);
		/* In theory, but for what the servo makes of its noise. */
		assert_true(most < 300.0 + 1.05 * windows[k / 2] +
				   0.27 * (60.0 + 99.0 * wanders[k % 2] +
					   2.6 * sqrt(windows[k / 2] * wanders[k % 2])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/promise/promises_are_kept", promises_are_kept, NULL, NULL, NULL },
		{ "/bridge/promise/typical", typical, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
