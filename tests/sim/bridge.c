/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a grandmaster to the readers in the guests: a simulated node keeps its clock with a real
 * engine and ensemble, a bridge reads it against a counter and publishes pages, as a daemon would.
 * Readers look all the time, while the clock is cold, locks, warms up, is set by somebody, loses
 * its grandmaster and finds it again, and while nobody publishes, for most of an hour. True time is
 * within every bound, whatever the page's status; no marker without a cause; no time goes back
 * where it is said that none does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/bridge.h>

#include "bridge/fine.h"
#include "bridge/line.h"
#include "words.h"
#include "world.h"

#define TICK_S 0.05
#define TICKS_PER_PUBLICATION 5
#define HZ 2.4e9
#define GUESTS 2
#define STORED 8
#define SEEDS 20

#define SET_BY_HAND_S 900.5
#define DEAD_S 1700.0
#define RESTARTED_S 4900.0

static const struct sim_scenario scenario = {
	"bridge", "", .duration_s = 5200, .settle_s = 100, .tick_s = TICK_S,
	.nodes = NODES(GM(""), { "host", .set = "clientOnly=1 step_threshold=0.0005",
				 .offset_s = 0.1,
				 .oscillator = { .frequency_ppb = 20000.0, .white_ppb = 0.2,
						 .flicker_ppb = 0.5, .random_walk_ppb = 0.05,
						 .step_ppb = 150.0, .step_at_s = 500.0,
						 .step_settle_s = 200.0 } }),
	.links = LINKS({ "link", "gm host", NOISE(30) }),
	.timeline = TIMELINE({ SIM_STEP_CLOCK, SET_BY_HAND_S, "host", .value = 0.002 },
			     { SIM_CUT, 1200, "link", .node = "gm" },
			     { SIM_MEND, 1500, "link", .node = "gm" }),
	.expect = EXPECT(BOUNDED("host", 1, 1)),
};

/* The oscillator of the counter: as its own, or that of the clock again. */
static const struct oscillator_spec processor = {
	.frequency_ppb = -31000.0, .white_ppb = 0.5, .flicker_ppb = 1.0, .random_walk_ppb = 0.1,
	.sine_ppb = 100.0, .sine_period_s = 900.0,
};

struct guest {
	struct gnomon_counter_map map;
	struct gnomon_publisher p;
	struct gnomon_publisher saved; /* on disk */
	unsigned int stored;
	uint64_t counter[STORED];
	gnomon_time truth[STORED];
};

struct bridge {
	struct world *world;
	struct sim_node *node;
	const struct gnomon_clock_ops *ops; /* of the node's clock */
	struct gnomon_clock_ops told;       /* the same, and the line is told */
	struct sim_clock counter;
	struct random random;
	struct gnomon_line_config config;
	struct gnomon_line line;
	double half_ns;
	bool dead;
	bool stepped;         /* by its keeper, since the last publication */
	bool contradicted;
	uint64_t samples;     /* until it was */
	struct guest guests[GUESTS];
	/* What came of it. */
	unsigned int looks;
	unsigned int publications;
	unsigned int monotonic;
	unsigned int steps;
	unsigned int contradictions;
	unsigned int disruptions[GNOMON_DISRUPTION_PROMISE + 1];
	unsigned int withdrawn;
	double bound_sum; /* of looks while all is well */
	double bound_most;
	unsigned int bounds;
	double own_sum;       /* of the clock's bounds, likewise */
	unsigned int owns;
	double dead_bound; /* just before it was restarted */
	char wrong[200];
};

static struct bridge *self;

/* -- clocks ---------------------------------------------------------------------------------- */

static double now_s(const struct bridge *b)
{
	return (double)b->world->now_ps * 1e-12;
}

/* A counter of HZ on its oscillator, from a gnomon_time with its 2^-16 ns. */
static uint64_t counter_now(struct bridge *b)
{
	const gnomon_time t = sim_clock_reading(&b->counter, b->world->now_ps);
	const double ns = (double)t.nsec + (double)t.frac / 65536.0;

	return (uint64_t)(t.sec - b->world->epoch_s) * (uint64_t)HZ + (uint64_t)(ns * HZ * 1e-9);
}

static gnomon_time true_now(const struct bridge *b)
{
	const int64_t ps = b->world->now_ps;

	return (gnomon_time){ b->world->epoch_s + ps / SIM_PS_PER_S,
			      (uint32_t)(ps % SIM_PS_PER_S / SIM_PS_PER_NS),
			      (uint16_t)(ps % SIM_PS_PER_NS * 65536 / SIM_PS_PER_NS) };
}

/* Anywhere in its window, and often in the middle of it, as real ones. */
static struct gnomon_pair read_pair(struct bridge *b)
{
	const double edge = random_chance(&b->random, 0.3) ? 0.98 : 0.1;
	const double off = edge * b->half_ns * (2.0 * random_uniform(&b->random) - 1.0);
	const gnomon_time t = sim_clock_reading(&b->node->clock, b->world->now_ps);

	return (struct gnomon_pair){
		.counter = counter_now(b),
		.time = gnomon_time_add(t, gnomon_span_from_double(off)),
		.half_window_ns = b->half_ns + 1.0, /* the counter's ticks */
	};
}

static int told_frequency(struct gnomon_clock *clock, double ppb)
{
	const uint64_t now = counter_now(self);

	gnomon_line_frequency(&self->line, now, now + 5000, self->node->clock.adjustment_ppb, ppb);
	return self->ops->set_frequency(clock, ppb);
}

/* Who sets the clock by hand does not tell. */
static int told_step(struct gnomon_clock *clock, gnomon_span by)
{
	if (fabs(now_s(self) - SET_BY_HAND_S) > 1e-6) {
		gnomon_line_stepped(&self->line, by, 0.1);
		self->stepped = true;
		self->steps++;
	}
	return self->ops->step(clock, by);
}

/* -- readers --------------------------------------------------------------------------------- */

static void complain(struct bridge *b, const char *what, double is, double may)
{
	if (!b->wrong[0]) {
		snprintf(b->wrong, sizeof(b->wrong), "%.2f s: %s: %g, bound %g", now_s(b), what, is,
			 may);
	}
}

static double look_at(struct bridge *b, const struct guest *g, uint64_t counter,
		      gnomon_time truth, const char *what)
{
	struct gnomon_vmclock_reading r;
	double apart;

	gnomon_vmclock_at(&g->p.page, counter, &r);
	apart = fine_diff_double(r.time, gnomon_fine_from_time(truth));
	b->looks++;
	if (!(fabs(apart) <= (double)r.bound_ns - 1.0)) {
		complain(b, what, apart, (double)r.bound_ns);
	}
	return (double)r.bound_ns;
}

static void remember(struct bridge *b, struct guest *g, uint64_t counter, gnomon_time truth)
{
	const unsigned int slot = g->stored < STORED
					  ? g->stored++
					  : (unsigned int)(random_next(&b->random) % STORED);

	g->counter[slot] = counter;
	g->truth[slot] = truth;
}

static void look(struct bridge *b)
{
	const gnomon_time truth = true_now(b);
	const uint64_t host = counter_now(b);

	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &b->guests[i];
		const uint64_t counter = gnomon_counter_map_guest(&g->map, host);
		double bound;

		if (!g->p.published) {
			continue;
		}
		bound = look_at(b, g, counter, truth, "now");
		for (unsigned int k = 0; k < g->stored; k++) {
			look_at(b, g, g->counter[k], g->truth[k], "stored");
		}
		if (random_chance(&b->random, 0.02)) {
			remember(b, g, counter, truth);
		}
		if (b->dead) {
			b->dead_bound = bound;
		} else if (now_s(b) > 300.0 && now_s(b) < SET_BY_HAND_S) {
			b->bound_sum += bound;
			b->bound_most = bound > b->bound_most ? bound : b->bound_most;
			b->bounds++;
		}
	}
}

/* -- publications ---------------------------------------------------------------------------- */

static enum gnomon_vmclock_status status_of(const struct bridge *b)
{
	switch (gnomon_ensemble_mode(b->node->ensemble)) {
	case GNOMON_ENSEMBLE_NONE:
		return GNOMON_VMCLOCK_UNRELIABLE;
	case GNOMON_ENSEMBLE_FOLLOWING:
		return GNOMON_VMCLOCK_SYNCHRONIZED;
	case GNOMON_ENSEMBLE_HOLDOVER:
	case GNOMON_ENSEMBLE_FREE:
		return GNOMON_VMCLOCK_FREERUNNING;
	}
	return GNOMON_VMCLOCK_UNKNOWN;
}

static void read_clock(struct bridge *b)
{
	const struct gnomon_pair pair = read_pair(b);

	if (gnomon_line_pair(&b->line, &pair, NULL) == GNOMON_LINE_CONTRADICTED) {
		b->contradicted = true;
		b->contradictions++;
		b->samples = b->node->samples;
	}
	if (b->contradicted && b->node->samples > b->samples) {
		b->contradicted = false;
		gnomon_line_confirm(&b->line);
	}
}

static void check_continued(struct bridge *b, const struct guest *g,
			    const struct gnomon_vmclock *old, uint64_t host)
{
	const uint64_t now = gnomon_counter_map_guest(&g->map, host);
	struct gnomon_fine was = gnomon_vmclock_kernel_time(old, now);
	struct gnomon_fine is = gnomon_vmclock_kernel_time(&g->p.page, now);

	if (g->p.page.disruption_marker != old->disruption_marker) {
		complain(b, "a marker without a cause", 1.0, 0.0);
	}
	if (g->p.page.flags & GNOMON_VMCLOCK_TIME_MONOTONIC) {
		b->monotonic++;
		if (gnomon_fine_cmp(was, is) > 0) {
			complain(b, "back", fine_diff_double(is, was), 0.0);
		}
	}
	if (fabs(fine_diff_double(is, was)) > (double)gnomon_vmclock_bound(old, now)) {
		complain(b, "a promise", fine_diff_double(is, was), 0.0);
	}
}

static void publish(struct bridge *b)
{
	struct gnomon_host_line host;
	struct gnomon_coast coast;

	read_clock(b);
	gnomon_ensemble_coast(b->node->ensemble, node_now(b->node), GNOMON_BRIDGE_HORIZON_S,
			      &coast);
	gnomon_bridge_host(&b->line, &coast, counter_now(b), status_of(b), 1e6, &host);
	b->withdrawn += !host.valid;
	if (now_s(b) > 300.0 && now_s(b) < SET_BY_HAND_S) {
		b->own_sum += coast.bound_ns;
		b->owns++;
	}
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct guest *g = &b->guests[i];
		const struct gnomon_vmclock old = g->p.page;
		const bool was = g->p.published;
		const struct gnomon_publish next = {
			.host = &host, .map = &g->map, .disrupted = b->stepped,
			.marker = random_next(&b->random),
		};
		struct gnomon_publication what;

		gnomon_publisher_next(&g->p, &next, &what);
		g->saved = g->p;
		b->disruptions[what.disruption]++;
		if (what.disruption == GNOMON_DISRUPTION_NONE && was) {
			check_continued(b, g, &old, host.counter);
		} else if (what.disruption != GNOMON_DISRUPTION_NONE) {
			g->stored = 0;
		}
	}
	b->publications++;
	b->stepped = false;
}

static void restart(struct bridge *b)
{
	b->dead = false;
	assert_int_equal(gnomon_line_init(&b->line, &b->config), 0);
	for (unsigned int i = 0; i < GUESTS; i++) {
		memset(&b->guests[i].p, 0x5a, sizeof(b->guests[i].p));
		assert_true(gnomon_publisher_ok(&b->guests[i].saved));
		b->guests[i].p = b->guests[i].saved;
	}
}

static void tick(void *context, const struct world *w, size_t n)
{
	struct bridge *b = context;
	const double t = now_s(b);

	if (b->node->spec == NULL || !b->node->powered) {
		return;
	}
	look(b);
	if (!b->dead && t > DEAD_S && t < RESTARTED_S) {
		b->dead = true;
		gnomon_line_reset(&b->line); /* nobody listens */
	} else if (b->dead && t >= RESTARTED_S) {
		restart(b);
	}
	if (!b->dead && (n % TICKS_PER_PUBLICATION == 0 || b->stepped)) {
		publish(b);
		look(b);
	}
}

/* -- runs ------------------------------------------------------------------------------------ */

static void build(struct bridge *b, bool one_oscillator, double half_ns, uint64_t seed)
{
	const struct world_options options = { .seed = seed, .keep_bounds = true,
					       .observer = { tick, b } };
	char why[160] = "";

	memset(b, 0, sizeof(*b));
	self = b;
	b->world = world_create(&scenario, &options, why, sizeof(why));
	if (!b->world) {
		fail_msg("%s", why);
	}
	b->node = world_find(b->world, "host");
	b->ops = b->node->clock.base.ops;
	b->told = *b->ops;
	b->told.set_frequency = told_frequency;
	b->told.step = told_step;
	b->node->clock.base.ops = &b->told;
	random_init(&b->random, random_stream(seed, RANDOM_TEST, 1));
	sim_clock_init(&b->counter, one_oscillator ? &b->node->spec->oscillator : &processor,
		       (struct phase){ 1000000000, 0.0 },
		       one_oscillator ? random_stream(seed, RANDOM_OSCILLATOR, b->node->index)
				      : random_stream(seed, RANDOM_TEST, 2),
		       &b->world->now_ps, b->world->epoch_s);
	b->half_ns = half_ns;
	b->config = (struct gnomon_line_config){
		.size = sizeof(b->config),
		.counter_hz = HZ,
		.wander_ppb_per_s = one_oscillator ? 0.01 : 5.0,
		.wander_limit_ppb = one_oscillator ? 0.1 : 500.0,
		.frequency_step_ppb = 0.01,
	};
	assert_int_equal(gnomon_line_init(&b->line, &b->config), 0);
	gnomon_counter_map_offset(&b->guests[0].map, 0);
	b->guests[1].map = (struct gnomon_counter_map){
		.offset = random_next(&b->random), .ratio = (UINT64_C(1) << 48) / 3 * 2,
		.frac_bits = 48,
	};
	for (unsigned int i = 0; i < GUESTS; i++) {
		gnomon_publisher_init(&b->guests[i].p, GNOMON_VMCLOCK_COUNTER_X86_TSC, i + 1);
	}
}

static void run(struct bridge *b, bool one_oscillator, double half_ns, uint64_t seed)
{
	build(b, one_oscillator, half_ns, seed);
	assert_int_equal(world_run(b->world), 0);
	if (b->wrong[0]) {
		fail_msg("seed %llu, %s, +-%g ns: %s", (unsigned long long)seed,
			 one_oscillator ? "one oscillator" : "two", half_ns, b->wrong);
	}
	assert_true(b->publications > 7500);
	assert_true(b->monotonic > b->publications);
	/* It was set by hand, and nothing else is a contradiction; until the next sample. */
	assert_int_equal(b->contradictions, 1);
	assert_in_range(b->withdrawn, 1, 200);
	assert_true(b->steps >= 1);
	assert_int_equal(b->disruptions[GNOMON_DISRUPTION_FIRST], GUESTS);
	assert_int_equal(b->disruptions[GNOMON_DISRUPTION_STEP], GUESTS * b->steps);
	assert_int_equal(b->disruptions[GNOMON_DISRUPTION_PROMISE], 0);
	assert_true(b->dead_bound > 0.0);
	world_destroy(b->world);
}

/* For each window. */
static unsigned int seeds(void)
{
	const char *given = getenv("GNOMON_SIM_SEEDS");
	const unsigned long count = given ? strtoul(given, NULL, 10) : 0;

	return count > 0 ? (unsigned int)count : SEEDS;
}

static void run_many(bool one_oscillator)
{
	static const double windows[] = { 25.0, 250.0, 2500.0 };
	const unsigned int count = seeds();
	static struct bridge b;

	for (unsigned int k = 0; k < 3; k++) {
		double mean = 0.0;
		double most = 0.0;
		double dead = 0.0;
		double own = 0.0;
		unsigned int looks = 0;

		for (uint64_t seed = 1; seed <= count; seed++) {
			run(&b, one_oscillator, windows[k], 1000 * k + seed);
			mean += b.bound_sum / b.bounds / count;
			most = b.bound_most > most ? b.bound_most : most;
			dead += b.dead_bound / count;
			own += b.own_sum / b.owns / count;
			looks += b.looks;
		}
		print_message("# window +-%g ns, %s: E %.0f ns (the clock's own %.0f), at most "
			      "%.0f; %.0f us after %.0f s without a daemon; %u looks\n",
			      windows[k], one_oscillator ? "one oscillator" : "two", mean, own,
			      most, dead / 1000.0, RESTARTED_S - DEAD_S, looks);
	}
}

static void one_oscillator(void **state)
{
	run_many(true);
}

static void two_oscillators(void **state)
{
	run_many(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/bridge/one_oscillator", one_oscillator, NULL, NULL, NULL },
		{ "/sim/bridge/two_oscillators", two_oscillators, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
