/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A leap second all the way: a grandmaster announces it, a boundary clock passes it on, a
 * timeReceiver keeps its PHC; pairs as `gnomon sync` runs them carry that time to system clocks,
 * which keep UTC as a kernel does, from there to another PHC, and to a program like chronyd.
 * Another system clock is kept as gnomond does it, by software time stamps.
 *
 *     gm - bc - oc (PHC, TAI) --> system (UTC) --> other (PHC, TAI)
 *                             --> chronyd, which keeps its own system clock (UTC)
 *                             --> kept (UTC)
 *
 * Every clock is looked at all the time: UTC jumps once, at midnight, by one second; TAI, as each
 * PHC reads it and as each kernel makes it of UTC and its offset, never; no servo is upset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/gnomond/keeper.h"
#include "tools/sync/pair.h"
#include "words.h"
#include "world.h"

/* 2029-12-31 23:50, UTC: midnight is at 600 s. */
#define BEFORE_MIDNIGHT INT64_C(1893455400)
#define MIDNIGHT_S 600
#define MIDNIGHT (BEFORE_MIDNIGHT + MIDNIGHT_S)
#define TICK_S 0.02
/* From here on everybody is in step. */
#define SETTLED_S 200
#define TIGHT_NS 5000.0
/* The system clock's keeper hears of everything so much later than the others. */
#define LATER_S 3.0

#define CHAIN(kind) \
	.duration_s = 700, .settle_s = 60, .tick_s = TICK_S, .start_utc_s = BEFORE_MIDNIGHT, \
	.nodes = NODES(GM(""), { "bc", .ports = 2, COLD }, { "oc", .set = "clientOnly=1", COLD }), \
	.links = LINKS({ "uplink", "gm bc", NOISE(100) }, { "lan", "bc.2 oc", NOISE(100) }), \
	.timeline = TIMELINE({ SIM_LEAP, 300, "gm", .value = kind }, \
			     { SIM_LEAP, MIDNIGHT_S + 2, "gm", .value = 0 }), \
	.expect = EXPECT(MAX_TE("oc", 60, 2000))

static const struct sim_scenario scenario_61 = { "chain-61", "", CHAIN(61) };
static const struct sim_scenario scenario_59 = { "chain-59", "", CHAIN(59) };

/* -- a clock as a kernel keeps it ------------------------------------------------------------- */

/* UTC over an oscillator that knows nothing of it. */
struct kernel {
	struct gnomon_clock base;
	struct sim_clock raw;
	int64_t shift_s;   /* UTC minus raw */
	gnomon_span steps; /* of raw, by its keeper */
	int tai;           /* TAI minus UTC, as told or counted */
	int leap;          /* STA_INS, STA_DEL */
	int64_t leap_utc;  /* the end of the day it was noticed on */
	unsigned int leaps;
};

static struct kernel *kernel_of(struct gnomon_clock *clock)
{
	return (struct kernel *)(void *)clock;
}

/* At the end of the day: 23:59:59 is counted twice, or not at all. */
static gnomon_time kernel_reading(struct kernel *k)
{
	gnomon_time t = sim_clock_reading(&k->raw, *k->raw.now_ps);

	t.sec += k->shift_s;
	if ((k->leap == 61 && t.sec >= k->leap_utc) ||
	    (k->leap == 59 && t.sec >= k->leap_utc - 1)) {
		int by = k->leap == 61 ? -1 : 1;

		k->shift_s += by;
		k->tai -= by;
		t.sec += by;
		k->leap = 0;
		k->leaps++;
	}
	return t;
}

static int kernel_read(struct gnomon_clock *clock, gnomon_time *now)
{
	*now = kernel_reading(kernel_of(clock));
	return 0;
}

static int kernel_set_frequency(struct gnomon_clock *clock, double ppb)
{
	struct gnomon_clock *raw = &kernel_of(clock)->raw.base;

	return raw->ops->set_frequency(raw, ppb);
}

static int kernel_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	struct gnomon_clock *raw = &kernel_of(clock)->raw.base;

	return raw->ops->get_frequency(raw, ppb);
}

static int kernel_step(struct gnomon_clock *clock, gnomon_span by)
{
	struct kernel *k = kernel_of(clock);

	k->steps = gnomon_span_add(k->steps, by);
	return k->raw.base.ops->step(&k->raw.base, by);
}

/* CLOCK_MONOTONIC is slewed with it and never stepped, and knows no leap seconds; nobody suspends
 * the machine. */
static int kernel_monotonic(void *context, clockid_t id, struct timespec *ts)
{
	struct kernel *k = context;
	gnomon_time t = gnomon_time_add(sim_clock_reading(&k->raw, *k->raw.now_ps),
					gnomon_span_neg(k->steps));

	(void)id;
	*ts = (struct timespec){ .tv_sec = t.sec, .tv_nsec = t.nsec };
	return 0;
}

/* STA_INS stays set through the next second, in which it means nothing. */
static int kernel_set_leap(struct gnomon_clock *clock, int leap)
{
	struct kernel *k = kernel_of(clock);

	k->leap_utc = (kernel_reading(k).sec / 86400 + 1) * 86400;
	k->leap = leap;
	return 0;
}

static int kernel_set_tai(struct gnomon_clock *clock, int seconds)
{
	kernel_of(clock)->tai = seconds;
	return 0;
}

/* It lives in its chain. */
static void kernel_destroy(struct gnomon_clock *clock)
{
	(void)clock;
}

static const struct gnomon_clock_ops kernel_ops = {
	.kind = "sim",
	.read = kernel_read,
	.set_frequency = kernel_set_frequency,
	.get_frequency = kernel_get_frequency,
	.step = kernel_step,
	.set_leap = kernel_set_leap,
	.set_tai_offset = kernel_set_tai,
	.destroy = kernel_destroy,
};

/* -- what is watched -------------------------------------------------------------------------- */

/* A clock from one tick to the next. */
struct watch {
	const char *name;
	gnomon_time last;
	bool seen;
	unsigned int jumps;    /* since SETTLED_S */
	double jump_s;         /* the last one */
	int64_t jump_at;       /* true UTC, s */
	double worst_ns;       /* of what it should read, since then */
};

struct chain {
	const struct world *world;
	struct conf conf;
	struct log log;
	struct kernel system;  /* kept by a pair */
	struct kernel ntp;     /* kept by chronyd, which is perfect */
	struct sim_clock other;
	struct pair to_system;
	struct pair to_other;
	struct pair to_ntp;
	struct sink mailbox;
	struct kernel kept;    /* by a keeper, as in gnomond */
	struct keeper keeper;
	gnomon_mono next_sample;
	double next_tell;      /* when the keeper hears of other time properties */
	struct gnomon_time_properties_ds told; /* to the pairs, last */
	double tell_system;    /* when to tell the first of them: each has its own way to hear */
	unsigned int samples;  /* to chronyd */
	unsigned int late;     /* after midnight */
	int leap_seen;
	double worst_sample_ns;
	struct watch utc;
	struct watch ntp_utc;
	struct watch kernel_tai;
	struct watch kept_utc;
	struct watch kept_tai;
	struct watch phc;
	struct watch other_phc;
	unsigned int upset;    /* ticks at which a servo was not locked */
	double least_ppb;      /* adjustments ten seconds about midnight */
	double most_ppb;
};

static struct chain *chain; /* for who has no context */

/* chronyd does with its kernel what it hears. */
static int mailbox_send(struct sink *sink, const struct sink_sample *sample)
{
	double offset_ns = fabs(gnomon_span_to_double(sample->offset));

	(void)sink;
	chain->samples++;
	chain->late += sample->local.sec >= MIDNIGHT;
	if (sample->leap != chain->ntp.leap) {
		(void)kernel_set_leap(&chain->ntp.base, sample->leap);
	}
	chain->leap_seen = sample->leap ? sample->leap : chain->leap_seen;
	if (chain->world->now_ps > SETTLED_S * SIM_PS_PER_S && offset_ns > chain->worst_sample_ns) {
		chain->worst_sample_ns = offset_ns;
	}
	return 0;
}

static const struct sink_ops mailbox_ops = { .kind = "mailbox", .send = mailbox_send };

/* expected: what it should read at this tick. */
static void look(struct watch *w, gnomon_time now, gnomon_time expected, int64_t true_utc)
{
	double by = gnomon_span_to_double(gnomon_time_diff(now, w->last)) * 1e-9 - TICK_S;
	double error = fabs(gnomon_span_to_double(gnomon_time_diff(now, expected)));

	if (w->seen && fabs(by) > 1e-4) {
		w->jumps++;
		w->jump_s = by;
		w->jump_at = true_utc;
	}
	w->worst_ns = error > w->worst_ns ? error : w->worst_ns;
	w->last = now;
	w->seen = true;
}

static bool is_locked(const struct pair *p)
{
	return p->state == GNOMON_SERVO_LOCKED;
}

static void look_at_servos(struct chain *c, double t)
{
	double ppb = c->to_system.frequency_ppb;

	c->upset += !is_locked(&c->to_system) || !is_locked(&c->to_other) ||
		    c->keeper.state != GNOMON_SERVO_LOCKED;
	if (fabs(t - MIDNIGHT_S) < 10.0) {
		c->least_ppb = ppb < c->least_ppb ? ppb : c->least_ppb;
		c->most_ppb = ppb > c->most_ppb ? ppb : c->most_ppb;
	}
}

static void look_at_all(struct chain *c, const struct world *w, struct sim_node *oc)
{
	const gnomon_time tai = gnomon_time_add((gnomon_time){ w->epoch_s, 0, 0 },
						gnomon_span_from_ns(w->now_ps / SIM_PS_PER_NS));
	struct utc_label label = utc_from_tai(tai.sec, SIM_UTC_OFFSET, w->leap, w->leap_tai_s);
	/* What a kernel shows of 23:59:60 is 23:59:59 once more; the label counts so already. */
	const gnomon_time utc = { label.sec, tai.nsec, tai.frac };
	gnomon_time reading = kernel_reading(&c->system);

	look(&c->utc, reading, utc, utc.sec);
	reading.sec += c->system.tai;
	look(&c->kernel_tai, reading, tai, utc.sec);
	reading = kernel_reading(&c->kept);
	look(&c->kept_utc, reading, utc, utc.sec);
	reading.sec += c->kept.tai;
	look(&c->kept_tai, reading, tai, utc.sec);
	look(&c->ntp_utc, kernel_reading(&c->ntp), utc, utc.sec);
	look(&c->phc, sim_clock_reading(&oc->clock, w->now_ps), tai, utc.sec);
	look(&c->other_phc, sim_clock_reading(&c->other, w->now_ps), tai, utc.sec);
}

/* What the daemon says of its time goes to all pairs. */
static void pass_on(struct chain *c, const struct sim_node *oc, double t)
{
	struct gnomon_time_properties_ds tp;

	gnomon_engine_time_properties_ds(oc->engines[0], &tp);
	if (tp.flags != c->told.flags || tp.current_utc_offset != c->told.current_utc_offset) {
		c->told = tp;
		c->tell_system = t + LATER_S;
		c->next_tell = t;
		pair_time_properties(&c->to_other, &tp, true);
		pair_time_properties(&c->to_ntp, &tp, true);
	}
	if (t >= c->tell_system) {
		c->tell_system = INFINITY;
		pair_time_properties(&c->to_system, &c->told, true);
	}
}

/* As from a Sync by the PHC's time. */
static void measure(struct chain *c, struct sim_node *oc, gnomon_mono now)
{
	const struct keeper_origin origin = { .port = { 1, "v0" },
					      .state = GNOMON_PORT_TIME_RECEIVER,
					      .reference_bound_ns = 100.0 };
	const gnomon_time local = keeper_reading(&c->keeper, kernel_reading(&c->kept));
	const struct gnomon_sample sample = {
		.offset = gnomon_time_diff(local,
					   sim_clock_reading(&oc->clock, c->world->now_ps)),
		.mean_delay = gnomon_span_from_ns(100),
		.local = local,
		.weight = 1.0,
	};

	keeper_sample(&c->keeper, &origin, &sample, now);
	c->next_sample = gnomon_mono_add(now, GNOMON_NSEC_PER_SEC);
}

static void run_keeper(struct chain *c, struct sim_node *oc, gnomon_mono now, double t)
{
	const struct gnomon_clock_quality quality = { 6, 0x21, 0x4e5d };

	if (t >= c->next_tell) {
		c->next_tell = INFINITY;
		(void)gnomon_engine_set_grandmaster(c->keeper.engine, &quality, &c->told, now);
		keeper_datasets(&c->keeper, c->keeper.engine, GNOMON_DATASET_TIME_PROPERTIES,
				now);
	}
	if (t > 60.0 && !gnomon_mono_before(now, c->next_sample)) {
		measure(c, oc, now);
	}
	keeper_expire(&c->keeper, now);
}

static void run_pair(struct pair *p, gnomon_mono now)
{
	if (!gnomon_mono_before(now, pair_deadline(p))) {
		assert_int_equal(pair_expire(p, now), 0);
	}
}

static void tick(void *context, const struct world *w, size_t number)
{
	struct chain *c = context;
	double t = world_tick_time(w, number);
	struct sim_node *oc = world_find(w, "oc");
	gnomon_mono now = { w->now_ps / SIM_PS_PER_NS + GNOMON_NSEC_PER_SEC };

	c->world = w;
	pass_on(c, oc, t);
	run_keeper(c, oc, now, t);
	/* Nothing is known of the time before the PHC has been set. */
	if (t > 60.0) {
		run_pair(&c->to_system, now);
		run_pair(&c->to_ntp, now);
	}
	if (t > 100.0) {
		run_pair(&c->to_other, now);
	}
	if (t > SETTLED_S) {
		look_at_all(c, w, oc);
		look_at_servos(c, t);
	}
}

/* -- the bench -------------------------------------------------------------------------------- */

static void make_kernel(struct kernel *k, const struct world *w, double offset_s, double ppb)
{
	const struct oscillator_spec oscillator = { .frequency_ppb = ppb };
	struct phase error = phase_add((struct phase){ 0, 0.0 }, offset_s * 1e9);

	*k = (struct kernel){ .base = { .ops = &kernel_ops, .name = "kernel",
					.max_frequency_ppb = 500000, .utc = true },
			      .shift_s = -SIM_UTC_OFFSET };
	sim_clock_init(&k->raw, &oscillator, error, 1, &w->now_ps, w->epoch_s);
}

static void make_pair(struct chain *c, struct pair *p, struct gnomon_clock *source,
		      struct gnomon_clock *sink, struct sink *out)
{
	const struct pair_config config = {
		.conf = &c->conf,
		.log = &c->log,
		.source = source,
		.sink = sink,
		.out = out,
		.source_name = "source",
		.sink_name = "sink",
		.pps_fd = -1,
		.extts_fd = -1,
		.interval_s = 0.25,
	};

	assert_int_equal(pair_init(p, &config, (gnomon_mono){ 1 }), 0);
}

/* Its engine has no network: it is told what the timeReceiver's heard. */
static void make_keeper(struct chain *c)
{
	struct keeper *k = &c->keeper;
	struct gnomon_engine_config config;
	struct gnomon_port_config port;
	size_t size;
	void *memory;

	assert_non_null(conf_interface_add(&c->conf, "v0"));
	gnomon_port_config_default(&port);
	gnomon_engine_config_default(&config);
	config.clock_identity.id[0] = 2;
	config.port_count = 1;
	config.ports = &port;
	size = gnomon_engine_size(&config);
	memory = malloc(size);
	assert_non_null(memory);
	assert_int_equal(
		gnomon_engine_init(&k->engine, memory, size, &config, (gnomon_mono){ 1 }), 0);
	k->conf = &c->conf;
	k->log = &c->log;
	k->clock = &c->kept.base;
	k->witness.gettime = kernel_monotonic;
	k->witness.context = &c->kept;
	k->sources = calloc(1, sizeof(k->sources[0]));
	assert_non_null(k->sources);
	k->sources[0].name = "ports";
	k->sources[0].engine = k->engine;
	k->source_count = k->listed = 1;
	assert_int_equal(keeper_init(k, false), 0);
}

static void build(struct chain *c, const struct sim_scenario *scenario, bool kernel_leap,
		  enum conf_servo servo, uint64_t seed)
{
	const struct oscillator_spec crystal = { .frequency_ppb = -3e4, .random_walk_ppb = 1.0 };
	struct world_options options = { .seed = seed, .observer = { tick, c } };
	char why[160] = "";
	struct world *w;

	memset(c, 0, sizeof(*c));
	chain = c;
	w = world_create(scenario, &options, why, sizeof(why));
	if (!w) {
		fail_msg("%s", why);
	}
	c->world = w;
	assert_int_equal(conf_init_tool(&c->conf, true), 0);
	c->conf.verbose = 0;
	c->conf.kernel_leap = kernel_leap;
	c->conf.clock_servo = servo;
	c->conf.step_threshold = 0.1;
	log_init(&c->log, "chain", &c->conf);
	c->mailbox.ops = &mailbox_ops;
	c->tell_system = INFINITY;
	c->next_tell = INFINITY;
	c->least_ppb = INFINITY;
	c->most_ppb = -INFINITY;
	make_kernel(&c->system, w, -3.25, 20000.0);
	make_kernel(&c->kept, w, 2.5, -15000.0);
	make_keeper(c);
	make_kernel(&c->ntp, w, 0.0, 0.0);
	c->ntp.tai = SIM_UTC_OFFSET;
	sim_clock_init(&c->other, &crystal, (struct phase){ INT64_C(77000000000), 0.0 }, 2,
		       &w->now_ps, w->epoch_s);
	make_pair(c, &c->to_system, &world_find(w, "oc")->clock.base, &c->system.base, NULL);
	make_pair(c, &c->to_other, &c->system.base, &c->other.base, NULL);
	make_pair(c, &c->to_ntp, &world_find(w, "oc")->clock.base, &c->ntp.base, &c->mailbox);
}

static void finish(struct chain *c)
{
	pair_finish(&c->to_system);
	pair_finish(&c->to_other);
	pair_finish(&c->to_ntp);
	free(c->keeper.engine);
	keeper_finish(&c->keeper);
	log_finish(&c->log);
	conf_finish(&c->conf);
	world_destroy((struct world *)(uintptr_t)c->world);
}

static void assert_steady(const struct watch *w, const char *name)
{
	if (w->jumps != 0 || !(w->worst_ns < TIGHT_NS)) {
		fail_msg("%s: %u jumps, the last by %.3f s; off by %.0f ns", name, w->jumps,
			 w->jump_s, w->worst_ns);
	}
}

/* late_s: as long after midnight as it may be. */
static void assert_leapt(const struct watch *w, const char *name, double by, int late_s)
{
	/* Nobody shows 23:59:60: about the leap second a label is a tick late or early. */
	if (w->jumps != 1 || fabs(w->jump_s - by) > 1e-3 || w->jump_at < MIDNIGHT - 1 ||
	    w->jump_at > MIDNIGHT + late_s) {
		fail_msg("%s: %u jumps, the last by %.3f s at midnight %+lld", name, w->jumps,
			 w->jump_s, (long long)(w->jump_at - MIDNIGHT));
	}
}

/* Whoever leaves the second to the servo is late with it, but never wrong in TAI. */
static void run_chain(const struct sim_scenario *scenario, int leap, bool kernel_leap,
		      enum conf_servo servo, uint64_t seed)
{
	static struct chain c;
	const int offset = leap == 61 ? SIM_UTC_OFFSET + 1 : SIM_UTC_OFFSET - 1;
	const double by = leap == 61 ? -1.0 : 1.0;

	build(&c, scenario, kernel_leap, servo, seed);
	assert_int_equal(world_run((struct world *)(uintptr_t)c.world), 0);
	assert_steady(&c.phc, "the PHC");
	assert_leapt(&c.utc, "the system clock", by, kernel_leap ? 0 : 10);
	assert_steady(&c.kernel_tai, "TAI of the system clock");
	assert_steady(&c.other_phc, "the PHC behind the system clock");
	assert_leapt(&c.kept_utc, "the clock that is kept", by, kernel_leap ? 0 : 10);
	assert_steady(&c.kept_tai, "TAI of the clock that is kept");
	assert_leapt(&c.ntp_utc, "chronyd's clock", by, 0);
	assert_int_equal(c.system.tai, offset);
	assert_int_equal(c.ntp.tai, offset);
	assert_int_equal(c.system.leaps, kernel_leap);
	assert_int_equal(c.system.leap, 0);
	assert_int_equal(c.kept.tai, offset);
	assert_int_equal(c.kept.leaps, kernel_leap);
	assert_int_equal(c.leap_seen, leap);
	assert_int_equal(c.ntp.leap, 0);
	assert_true(c.samples > 4 * 600 && c.late > 4 * 80);
	assert_true(c.worst_sample_ns < TIGHT_NS);
	/* A servo that starts over locks with its third sample. */
	assert_true(c.upset <= (kernel_leap ? 0 : 5.0 / TICK_S));
	assert_true(c.most_ppb - c.least_ppb < 3000.0);
	finish(&c);
}

static void insert(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		run_chain(&scenario_61, 61, true, CONF_SERVO_PI, seed);
	}
}

static void delete(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		run_chain(&scenario_59, 59, true, CONF_SERVO_PI, seed);
	}
}

static void by_step(void **state)
{
	(void)state;
	run_chain(&scenario_61, 61, false, CONF_SERVO_PI, 1);
	run_chain(&scenario_59, 59, false, CONF_SERVO_PI, 2);
}

/* A servo that remembers a minute of offsets has the leap second in none of them. */
static void by_regression(void **state)
{
	(void)state;
	run_chain(&scenario_61, 61, true, CONF_SERVO_LINREG, 1);
	run_chain(&scenario_59, 59, true, CONF_SERVO_LINREG, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/leap_chain/insert", insert, NULL, NULL, NULL },
		{ "/sim/leap_chain/delete", delete, NULL, NULL, NULL },
		{ "/sim/leap_chain/by_regression", by_regression, NULL, NULL, NULL },
		{ "/sim/leap_chain/by_step", by_step, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
