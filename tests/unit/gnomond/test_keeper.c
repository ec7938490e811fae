/* SPDX-License-Identifier: BSD-2-Clause */
/* What data sets and samples do to a clock that keeps UTC: TAI offset, leap seconds, frequency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/timer.h"
#include "tools/gnomond/keeper.h"

#define MIDNIGHT (INT64_C(20000) * 86400)
#define PTP GNOMON_FLAG_PTP_TIMESCALE
#define VALID GNOMON_FLAG_UTC_OFFSET_VALID

/* Remembers what it is told. */
static struct told {
	struct gnomon_clock clock;
	int64_t reads; /* UTC */
	int tai_offset;
	unsigned int tai_calls;
	int leap;
	unsigned int leap_calls;
	unsigned int steps;
	unsigned int frequencies;
	double ppb;
	int refuses;   /* what it answers instead of being changed; 0: nothing */
	int64_t reads_ns; /* and so much more */
	int64_t mono_ns;  /* of the kernel's clocks */
	int64_t slept_ns;
} told;

static int told_gettime(void *context, clockid_t id, struct timespec *ts)
{
	int64_t ns = told.mono_ns + (id == CLOCK_BOOTTIME ? told.slept_ns : 0);

	(void)context;
	*ts = (struct timespec){ ns / GNOMON_NSEC_PER_SEC, ns % GNOMON_NSEC_PER_SEC };
	return 0;
}

static int told_read(struct gnomon_clock *clock, gnomon_time *now)
{
	*now = gnomon_time_add((gnomon_time){ told.reads, 0, 0 },
			       gnomon_span_from_ns(told.reads_ns));
	return 0;
}

static int told_set_frequency(struct gnomon_clock *clock, double ppb)
{
	told.frequencies++;
	told.ppb = ppb;
	return told.refuses;
}

static int told_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = 0;
	return 0;
}

static int told_step(struct gnomon_clock *clock, gnomon_span by)
{
	told.steps++;
	return told.refuses;
}

static int told_set_leap(struct gnomon_clock *clock, int leap)
{
	told.leap = leap;
	told.leap_calls++;
	return 0;
}

static int told_set_tai_offset(struct gnomon_clock *clock, int seconds)
{
	told.tai_offset = seconds;
	told.tai_calls++;
	return 0;
}

static const struct gnomon_clock_ops told_ops = {
	.kind = "sim",
	.read = told_read,
	.set_frequency = told_set_frequency,
	.get_frequency = told_get_frequency,
	.step = told_step,
	.set_leap = told_set_leap,
	.set_tai_offset = told_set_tai_offset,
};

/* No ports: an engine, and the clock above under a keeper. */
struct fixture {
	struct conf conf;
	struct log log;
	struct keeper keeper;
	void *engine_memory;
};

static const struct keeper_origin origin = {
	.port = { 1, "v0" },
	.state = GNOMON_PORT_UNCALIBRATED,
	.reference_bound_ns = -1.0,
};

static void set_up(struct fixture *f, bool free_running)
{
	struct gnomon_port_config port;
	struct gnomon_engine_config config;
	size_t size;

	memset(f, 0, sizeof(*f));
	told = (struct told){ .clock = { &told_ops, "told", 1e6, true }, .reads = MIDNIGHT - 7200 };
	assert_int_equal(conf_init(&f->conf, true), 0);
	assert_non_null(conf_interface_add(&f->conf, "v0"));
	f->conf.verbose = 0;
	f->conf.use_syslog = 0;
	f->conf.free_running = free_running;
	log_init(&f->log, "test", &f->conf);
	gnomon_port_config_default(&port);
	gnomon_engine_config_default(&config);
	config.clock_identity.id[0] = 2;
	config.port_count = 1;
	config.ports = &port;
	f->keeper.conf = &f->conf;
	f->keeper.log = &f->log;
	f->keeper.clock = &told.clock;
	f->keeper.witness.gettime = told_gettime;
	size = gnomon_engine_size(&config);
	f->engine_memory = malloc(size);
	assert_int_equal(gnomon_engine_init(&f->keeper.engine, f->engine_memory, size, &config,
					    (gnomon_mono){ 1 }),
			 0);
	f->keeper.sources = calloc(1, sizeof(f->keeper.sources[0]));
	f->keeper.sources[0].name = "ports";
	f->keeper.sources[0].engine = f->keeper.engine;
	f->keeper.source_count = f->keeper.listed = 1;
	assert_int_equal(keeper_init(&f->keeper, false), 0);
}

static void tear_down(struct fixture *f)
{
	free(f->keeper.memory);
	free(f->keeper.sources);
	free(f->engine_memory);
	log_finish(&f->log);
	conf_finish(&f->conf);
}

/* The time properties become these, as by an Announce. */
static void announce(struct fixture *f, int utc_offset, unsigned int flags)
{
	const struct gnomon_clock_quality quality = { 6, 0x21, 0x4e5d };
	const struct gnomon_time_properties_ds properties = { (int16_t)utc_offset,
							      (uint16_t)flags, 0x20 };

	(void)gnomon_engine_set_grandmaster(f->keeper.engine, &quality, &properties,
					    (gnomon_mono){ 2 });
	keeper_datasets(&f->keeper, f->keeper.engine, GNOMON_DATASET_TIME_PROPERTIES,
			(gnomon_mono){ 2 });
}

/* A sample per second of a clock that is so far off. */
static void sample(struct fixture *f, int second, int64_t offset_ns)
{
	const struct gnomon_sample s = {
		.offset = gnomon_span_from_ns(offset_ns),
		.mean_delay = gnomon_span_from_ns(100),
		.local = { MIDNIGHT + second, 0, 0 },
		.weight = 1.0,
	};

	keeper_sample(&f->keeper, &origin, &s, (gnomon_mono){ second * INT64_C(1000000000) });
}

/* The kernel is told TAI - UTC when the grandmaster is sure of it, and not before. */
static void tai_offset(void **state)
{
	struct fixture f;

	set_up(&f, false);
	announce(&f, 37, PTP);
	assert_int_equal(told.tai_calls, 0);
	announce(&f, 37, PTP | VALID);
	assert_int_equal(told.tai_calls, 1);
	assert_int_equal(told.tai_offset, 37);
	announce(&f, 37, PTP | VALID | GNOMON_FLAG_TIME_TRACEABLE);
	assert_int_equal(told.tai_calls, 1);
	/* Without a leap second the clock is a second off now, until it is stepped. */
	announce(&f, 38, PTP | VALID);
	assert_int_equal(told.tai_offset, 37);
	sample(&f, 1, GNOMON_NSEC_PER_SEC);
	sample(&f, 2, GNOMON_NSEC_PER_SEC);
	assert_int_equal(told.steps, 1);
	assert_int_equal(told.tai_offset, 38);
	announce(&f, 0, 0);
	assert_int_equal(told.tai_calls, 2);
	tear_down(&f);
}

static void leap_second(void **state)
{
	struct fixture f;

	set_up(&f, false);
	announce(&f, 37, PTP | VALID);
	assert_int_equal(told.leap_calls, 0);
	announce(&f, 37, PTP | VALID | GNOMON_FLAG_LEAP61);
	assert_int_equal(told.leap, 61);
	told.reads = MIDNIGHT + 2;
	announce(&f, 38, PTP | VALID);
	assert_int_equal(told.leap, 0);
	assert_int_equal(told.leap_calls, 2);
	assert_int_equal(told.tai_offset, 38);
	assert_int_equal(told.steps, 0);
	announce(&f, 38, PTP | VALID | GNOMON_FLAG_LEAP59);
	assert_int_equal(told.leap, 59);
	tear_down(&f);
}

/* What the clock refused did not happen: nothing is claimed of it, and all begins anew. */
static void refused(void **state)
{
	struct gnomon_estimate estimate;
	struct fixture f;

	set_up(&f, false);
	told.refuses = -EPERM;
	sample(&f, 1, 5000000);
	sample(&f, 2, 5000000);
	assert_int_equal(told.steps, 1);
	assert_int_equal(f.keeper.state, GNOMON_SERVO_UNLOCKED);
	gnomon_ensemble_estimate(f.keeper.ensemble, (gnomon_mono){ 2000000000 }, &estimate);
	assert_false(estimate.valid);
	told.refuses = 0;
	sample(&f, 3, 5000000);
	sample(&f, 4, 5000000);
	assert_int_equal(f.keeper.state, GNOMON_SERVO_LOCKED);
	tear_down(&f);
}

/* Whatever is announced and measured. */
static void free_running_touches_nothing(void **state)
{
	const struct gnomon_sample sample = { .offset = gnomon_span_from_ns(5000000),
					      .mean_delay = gnomon_span_from_ns(1000),
					      .local = { MIDNIGHT, 0, 0 },
					      .weight = 1,
					      .sync_interval = 1 };
	struct fixture f;

	set_up(&f, true);
	announce(&f, 37, PTP | VALID | GNOMON_FLAG_LEAP61);
	for (int i = 1; i < 20; i++) {
		struct gnomon_sample s = sample;

		s.local.sec = MIDNIGHT - 7200 + i;
		keeper_sample(&f.keeper, &origin, &s,
			      (gnomon_mono){ (int64_t)i * GNOMON_NSEC_PER_SEC });
	}
	assert_int_equal(told.tai_calls + told.leap_calls + told.steps + told.frequencies, 0);
	tear_down(&f);
}

/* -- to who keeps the clock ------------------------------------------------------------------- */

/* Remembers the last measurement, and may be deaf. */
static struct mailbox {
	struct sink sink;
	struct sink_sample last;
	unsigned int count;
	bool deaf;
	bool destroyed;
} mailbox;

static int mailbox_send(struct sink *sink, const struct sink_sample *sample)
{
	(void)sink;
	if (mailbox.deaf) {
		return -ECONNREFUSED;
	}
	mailbox.last = *sample;
	mailbox.count++;
	return 0;
}

static void mailbox_destroy(struct sink *sink)
{
	(void)sink;
	mailbox.destroyed = true;
}

static const struct sink_ops mailbox_ops = { "test", mailbox_send, mailbox_destroy };

/* Offsets of the clock by what it reads itself, and leap seconds, whatever the kernel is told. */
static void hands_over(void **state)
{
	struct gnomon_sample s = { .offset = gnomon_span_from_ns(-1500),
				   .mean_delay = gnomon_span_from_ns(1000),
				   .weight = 1.0 };
	struct fixture f;

	(void)state;
	mailbox = (struct mailbox){ .sink = { &mailbox_ops, "test" } };
	set_up(&f, true);
	free(f.keeper.memory);
	f.conf.kernel_leap = 0;
	f.conf.clock_servo = CONF_SERVO_REFCLOCK_SOCK;
	f.keeper.handover.out = &mailbox.sink;
	assert_int_equal(keeper_init(&f.keeper, true), 0);
	announce(&f, 37, PTP | VALID | GNOMON_FLAG_LEAP59);
	for (int i = 1; i < 10; i++) {
		mailbox.deaf = i == 5;
		s.local = (gnomon_time){ MIDNIGHT - 3600 + 37 + i, 125, 0 };
		keeper_sample(&f.keeper, &origin, &s, (gnomon_mono){ i * INT64_C(1000000000) });
	}
	assert_int_equal(mailbox.count, 8);
	assert_int_equal(mailbox.last.local.sec, MIDNIGHT - 3600 + 9);
	assert_int_equal(mailbox.last.local.nsec, 125);
	assert_int_equal(mailbox.last.offset.ns, -1500);
	assert_int_equal(mailbox.last.leap, 59);
	assert_true(mailbox.last.error_ns >= 0.0 && mailbox.last.error_ns < 1000.0);
	assert_int_equal(told.tai_calls + told.leap_calls + told.steps + told.frequencies, 0);
	/* Just before and after midnight an offset could be off by a second. */
	s.local.sec = MIDNIGHT + 37;
	keeper_sample(&f.keeper, &origin, &s, (gnomon_mono){ INT64_C(11000000000) });
	assert_int_equal(mailbox.count, 8);
	handover_close(&f.keeper.handover);
	assert_true(mailbox.destroyed);
	tear_down(&f);
}

/* Without samples the clock gets the learned frequency: once, and not before the deadline. */
static void sample_overdue(void **state)
{
	struct fixture f;
	gnomon_mono deadline;
	unsigned int before;

	(void)state;
	set_up(&f, false);
	sample(&f, 1, 0);
	sample(&f, 2, 0);
	sample(&f, 3, 1000);
	assert_true(told.ppb < -500.0);
	before = told.frequencies;
	deadline = gnomon_ensemble_deadline(f.keeper.ensemble);
	keeper_expire(&f.keeper, gnomon_mono_add(deadline, -1));
	assert_int_equal(told.frequencies, before);
	keeper_expire(&f.keeper, deadline);
	assert_int_equal(told.frequencies, before + 1);
	assert_true(told.ppb > -500.0 && told.ppb < 0.0);
	assert_true(told.ppb == f.keeper.frequency_ppb);
	keeper_expire(&f.keeper, gnomon_mono_add(deadline, GNOMON_NSEC_PER_SEC));
	assert_int_equal(told.frequencies, before + 1);
	assert_int_equal(told.steps, 0);
	tear_down(&f);
}

/* The bound 40 s after a start that was 100 ppm off. */
static double bound_after_start(int mechanism, int log_pdelay_interval)
{
	struct gnomon_estimate estimate;
	struct fixture f;

	set_up(&f, false);
	free(f.keeper.memory);
	f.conf.ports[0].conf.delay_mechanism = mechanism;
	f.conf.ports[0].conf.log_min_pdelay_req_interval = log_pdelay_interval;
	assert_int_equal(keeper_init(&f.keeper, false), 0);
	for (int i = 0; i < 40; i++) {
		sample(&f, i + 1, i == 1 ? 100000 : 0);
	}
	gnomon_ensemble_estimate(f.keeper.ensemble, (gnomon_mono){ INT64_C(40000000000) },
				 &estimate);
	tear_down(&f);
	return estimate.bound_ns;
}

/* Ten delays, of the mechanism that is used, are remembered: 10 s or 80 s. */
static void delay_memory(void **state)
{
	double e2e = bound_after_start(CONF_DELAY_E2E, 3);
	double p2p = bound_after_start(CONF_DELAY_P2P, 3);
	double p2p_fast = bound_after_start(CONF_DELAY_P2P, 0);

	(void)state;
	assert_true(p2p > 40000.0);
	assert_true(e2e < p2p / 2.0);
	assert_true(p2p_fast < p2p / 2.0);
}

/* The servo's gains are those of intervals that can be kept. */
static void sync_interval(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, false);
	keeper_sync_interval(&f.keeper, 0, -10);
	assert_true(f.keeper.sources[0].interval_s == 1.0 / 1024.0);
	keeper_sync_interval(&f.keeper, 0, -128);
	assert_true(f.keeper.sources[0].interval_s == 1.0 / 1024.0);
	keeper_sync_interval(&f.keeper, 0, 3);
	assert_true(f.keeper.sources[0].interval_s == 8.0);
	tear_down(&f);
}

/* The ports, and beside them a clock that is read and goes first. */
static void add_source(struct fixture *f, struct conf_source *other)
{
	struct keeper *k = &f->keeper;

	*other = f->conf.source_defaults;
	other->type = CONF_SOURCE_PHC;
	other->priority = 1;
	other->interval_s = 1.0;
	free(k->memory);
	free(k->sources);
	k->sources = calloc(2, sizeof(k->sources[0]));
	k->sources[0] = (struct keeper_source){ .name = "ports", .engine = k->engine };
	k->sources[1] = (struct keeper_source){ .name = "gps", .conf = other };
	k->source_count = k->listed = 2;
	assert_int_equal(keeper_init(k, false), 0);
}

/* A sample a second of each; from second on, for so many. */
static void measure_both(struct fixture *f, int second, int count)
{
	for (int i = second; i < second + count; i++) {
		const struct gnomon_sample s = {
			.offset = gnomon_span_from_ns(20),
			.mean_delay = gnomon_span_from_ns(100),
			.local = { MIDNIGHT + i, 0, 0 },
			.weight = 1.0,
		};
		struct keeper_origin read = { .source = 1, .port = { 0, "", "gps" },
					      .reference_bound_ns = -1.0 };

		sample(f, i, 0);
		keeper_sample(&f->keeper, &read, &s,
			      (gnomon_mono){ i * INT64_C(1000000000) + 1 });
	}
}

/* The better is followed while it is good, and samples of the other only measure. */
static void sources(void **state)
{
	struct conf_source other;
	struct fixture f;

	(void)state;
	set_up(&f, false);
	add_source(&f, &other);
	assert_int_equal(f.keeper.selected, -1);
	assert_null(keeper_reference(&f.keeper));
	measure_both(&f, 1, 12);
	assert_int_equal(f.keeper.selected, 1);
	assert_true(f.keeper.changed);
	f.keeper.changed = false;
	keeper_alarm(&f.keeper, 1, "gone", (gnomon_mono){ INT64_C(13000000000) });
	assert_true(f.keeper.changed);
	assert_string_equal(f.keeper.sources[1].alarm, "gone");
	measure_both(&f, 13, 2);
	assert_int_equal(f.keeper.selected, 0);
	assert_string_equal(f.keeper.sources[1].alarm, "");
	assert_int_equal(told.steps, 0);
	keeper_alarm(&f.keeper, 0, "gone", (gnomon_mono){ INT64_C(15000000000) });
	keeper_alarm(&f.keeper, 1, "gone", (gnomon_mono){ INT64_C(15000000001) });
	assert_int_equal(f.keeper.selected, -1);
	assert_ptr_equal(keeper_reference(&f.keeper), &f.keeper.sources[0]);
	assert_int_equal(f.keeper.lost.ns, INT64_C(15000000000));
	/* It is told again after a minute, two, four and so on, and every hour in the end. */
	keeper_expire(&f.keeper, (gnomon_mono){ INT64_C(74999999999) });
	assert_int_equal(f.keeper.lost_ns, INT64_C(60000000000));
	keeper_expire(&f.keeper, (gnomon_mono){ INT64_C(75000000000) });
	assert_int_equal(f.keeper.lost_ns, INT64_C(120000000000));
	for (int64_t s = 75; s < 15000; s += 10) {
		keeper_expire(&f.keeper, (gnomon_mono){ s * INT64_C(1000000000) });
	}
	assert_int_equal(f.keeper.lost_ns, INT64_C(60000000000) * (64 + 60 * 4));
	tear_down(&f);
}

/* What the operator vouches for goes before what a grandmaster says of itself; what chronyd says of
 * the network is added to it. */
static void whose_bound(void **state)
{
	struct keeper_origin read = { .source = 1, .reference_bound_ns = -1.0 };
	struct gnomon_ensemble_view view[4];
	struct conf_source other;

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct gnomon_sample s = { .mean_delay = gnomon_span_from_ns(100),
						 .local = { MIDNIGHT, 0, 0 }, .weight = 1.0 };
		struct fixture f;

		set_up(&f, false);
		add_source(&f, &other);
		other.bound_ns = i & 1 ? 3000.0 : 0.0;
		read.reference_bound_ns = i & 2 ? 5000.0 : -1.0;
		keeper_sample(&f.keeper, &read, &s, (gnomon_mono){ 1000000000 });
		gnomon_ensemble_source_view(f.keeper.ensemble, 1, &view[i]);
		assert_int_equal(f.keeper.sources[1].unbounded, i == 0);
		tear_down(&f);
	}
	assert_true(view[1].bound_ns - view[0].bound_ns == 3000.0);
	assert_true(view[2].bound_ns - view[0].bound_ns == 5000.0);
	assert_true(view[3].bound_ns - view[0].bound_ns == 8000.0);
}

/* What a grandmaster says of its own error counts, if it says anything. */
static void accuracy(void **state)
{
	static const struct {
		uint8_t accuracy;
		double bound_ns;
	} cases[] = { { 0x20, 25.0 }, { 0x23, 1000.0 }, { 0x31, -1.0 }, { 0xfe, -1.0 } };
	struct fixture f;

	(void)state;
	set_up(&f, false);
	assert_true(f.keeper.sources[0].reference_bound_ns < 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct gnomon_clock_quality quality = { 6, cases[i].accuracy, 0x4e5d };
		const struct gnomon_time_properties_ds properties = { 37, PTP, 0x20 };

		(void)gnomon_engine_set_grandmaster(f.keeper.engine, &quality, &properties,
						    (gnomon_mono){ 2 });
		keeper_datasets(&f.keeper, f.keeper.engine, GNOMON_DATASET_PARENT,
				(gnomon_mono){ 2 });
		assert_true(f.keeper.sources[0].reference_bound_ns == cases[i].bound_ns);
	}
	tear_down(&f);
}

/* -- steps by others -------------------------------------------------------------------------- */

/* Both go on alike. */
static void pass_second(struct fixture *f, int second)
{
	told.mono_ns += GNOMON_NSEC_PER_SEC;
	told.reads++;
	keeper_expire(&f->keeper, (gnomon_mono){ second * INT64_C(1000000000) });
}

static double bound_at(const struct fixture *f, int second)
{
	return keeper_bound(&f->keeper, (gnomon_mono){ second * INT64_C(1000000000) });
}

/* Without a source, after a sample a second for so many. Returns the second: what is learnt is not
 * older than the keeper. */
static int lose(struct fixture *f, int seconds)
{
	int first = (int)(timer_now().ns / GNOMON_NSEC_PER_SEC) + 2;
	double x_ns = 0.0;

	set_up(f, false);
	announce(f, 37, PTP | VALID);
	for (int i = first; i <= first + seconds; i++) {
		told.mono_ns += GNOMON_NSEC_PER_SEC;
		told.reads++;
		x_ns += told.ppb;
		sample(f, i, (int64_t)x_ns + (i * 7 % 11 - 5) * 4);
	}
	told.steps = 0;
	keeper_alarm(&f->keeper, 0, "gone",
		     (gnomon_mono){ (first + seconds) * INT64_C(1000000000) });
	assert_int_equal(gnomon_ensemble_mode(f->keeper.ensemble),
			 seconds > 100 ? GNOMON_ENSEMBLE_HOLDOVER : GNOMON_ENSEMBLE_FREE);
	return first + seconds;
}

/* Seen within a second, and in the bound; what the keeper does itself is none of it. */
static void stepped_by_others(void **state)
{
	static const int64_t by[] = { 3000, -20000000, INT64_C(-7200000000000) };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(by) / sizeof(by[0]); i++) {
		int64_t step = by[i / 2];
		int second = lose(&f, i % 2 ? 300 : 20);
		double before;
		double after;

		for (int k = 0; k < 5; k++) {
			pass_second(&f, ++second);
		}
		before = bound_at(&f, second);
		told.reads_ns += step;
		pass_second(&f, ++second);
		after = bound_at(&f, second);
		assert_true(after >= llabs(step));
		assert_true(after < llabs(step) + 2.0 * before + 100.0);
		pass_second(&f, ++second);
		assert_true(bound_at(&f, second) < after + before + 100.0);
		keeper_set_time(&f.keeper, (gnomon_time){ told.reads + 3, 0, 0 },
				(gnomon_mono){ second * INT64_C(1000000000) });
		told.reads += 3;
		after = bound_at(&f, second);
		pass_second(&f, ++second);
		pass_second(&f, ++second);
		assert_true(bound_at(&f, second) < after + 2.0 * before + 100.0);
		assert_int_equal(told.steps, 1);
		tear_down(&f);
	}
}

/* Following: what was measured before is no use, the next sample is. */
static void stepped_while_following(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, false);
	for (int i = 1; i <= 60; i++) {
		told.mono_ns += GNOMON_NSEC_PER_SEC;
		told.reads++;
		sample(&f, i, 0);
	}
	assert_true(bound_at(&f, 60) < 10000.0);
	told.reads_ns += 50000;
	told.mono_ns += 500000000;
	told.reads_ns += 500000000;
	keeper_expire(&f.keeper, (gnomon_mono){ INT64_C(61000000000) });
	assert_true(keeper_bound(&f.keeper, (gnomon_mono){ INT64_C(61000000000) }) >= 50000.0);
	tear_down(&f);
}

/* Nobody knows what the clock did meanwhile. */
static void suspended_machine(void **state)
{
	struct fixture f;
	int second;

	(void)state;
	second = lose(&f, 300);
	pass_second(&f, ++second);
	assert_true(bound_at(&f, second) < 1e6);
	told.slept_ns += INT64_C(3600000000000);
	told.reads += 3600;
	pass_second(&f, ++second);
	assert_true(isinf(bound_at(&f, second)));
	assert_int_equal(gnomon_ensemble_mode(f.keeper.ensemble), GNOMON_ENSEMBLE_NONE);
	tear_down(&f);
}

/* -- who watches ------------------------------------------------------------------------------ */

/* What it was told, a letter each. */
static struct seen {
	char told[512];
	unsigned int frequencies; /* set when it was told that one is about to be */
	double ppb;
	double by_ns;
	double error_ns;
} seen;

static void note(char letter)
{
	size_t len = strlen(seen.told);

	if (len + 1 < sizeof(seen.told)) {
		seen.told[len] = letter;
		seen.told[len + 1] = '\0';
	}
}

static void see_before(void *context)
{
	assert_ptr_equal(context, &seen);
	seen.frequencies = told.frequencies;
	note('b');
}

static void see_frequency(void *context, double before_ppb, double after_ppb)
{
	assert_ptr_equal(context, &seen);
	assert_int_equal(told.frequencies, seen.frequencies + 1);
	assert_true(before_ppb == seen.ppb && after_ppb == told.ppb);
	seen.ppb = after_ppb;
	note('f');
}

static void see_step(void *context, gnomon_span by, double error_ns, bool ours)
{
	assert_ptr_equal(context, &seen);
	seen.by_ns = gnomon_span_to_double(by);
	seen.error_ns = error_ns;
	note(ours ? 'S' : 's');
}

static void see_measured(void *context)
{
	assert_ptr_equal(context, &seen);
	note('m');
}

/* Everything that is done to the clock is told, in the order in which it is. */
static void watched(void **state)
{
	struct fixture f;
	gnomon_mono due;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	set_up(&f, false);
	f.keeper.watch = (struct keeper_watch){ &seen, see_before, see_frequency, see_step,
						see_measured };
	announce(&f, 37, PTP | VALID);
	seen.told[0] = '\0'; /* the time scale is another one */
	for (int i = 1; i <= 30; i++) {
		told.mono_ns += GNOMON_NSEC_PER_SEC;
		told.reads++;
		sample(&f, i, i < 3 ? 5000000 : 10);
	}
	assert_true(strncmp(seen.told, "mSbfmbfmbfm", 11) == 0);
	assert_true(seen.ppb == told.ppb);
	/* By management, by others, and by nobody knows whom. */
	seen.told[0] = '\0';
	keeper_set_time(&f.keeper, (gnomon_time){ told.reads + 37 + 5, 0, 0 },
			(gnomon_mono){ INT64_C(30000000000) });
	assert_non_null(strchr(seen.told, 'S'));
	told.reads += 5;
	pass_second(&f, 31);
	pass_second(&f, 32);
	seen.told[0] = '\0';
	told.reads_ns += 70000;
	/* Nobody waits for the look that is due then. */
	due = keeper_deadline(&f.keeper);
	assert_true(due.ns > INT64_C(32500000000));
	keeper_doubt(&f.keeper, (gnomon_mono){ INT64_C(32100000000) });
	assert_true(keeper_deadline(&f.keeper).ns <= INT64_C(32100000000));
	keeper_expire(&f.keeper, (gnomon_mono){ INT64_C(32100000000) });
	assert_non_null(strchr(seen.told, 's'));
	assert_true(fabs(seen.by_ns - 70000) <= seen.error_ns);
	assert_true(seen.error_ns < 1000);
	seen.told[0] = '\0';
	told.slept_ns += INT64_C(3600000000000);
	pass_second(&f, 34);
	assert_non_null(strchr(seen.told, 's'));
	assert_true(isinf(seen.error_ns));
	/* A time scale that is another one. */
	seen.told[0] = '\0';
	announce(&f, 0, 0);
	assert_string_equal(seen.told, "S");
	assert_true(seen.by_ns == -37e9);
	tear_down(&f);
}

/* A leap second of the kernel's is not somebody else's. */
static void leap_is_no_step(void **state)
{
	struct fixture f;
	int second;

	(void)state;
	second = lose(&f, 300);
	announce(&f, 37, PTP | VALID | GNOMON_FLAG_LEAP61);
	told.reads = MIDNIGHT - 3;
	pass_second(&f, ++second);
	for (int i = 0; i < 6; i++) {
		if (told.reads == MIDNIGHT - 1) {
			told.reads--;
		}
		pass_second(&f, ++second);
	}
	announce(&f, 38, PTP | VALID);
	pass_second(&f, ++second);
	pass_second(&f, ++second);
	assert_true(bound_at(&f, second) < 1e6);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/keeper/tai_offset", tai_offset, NULL, NULL, NULL },
		{ "/gnomond/keeper/leap_second", leap_second, NULL, NULL, NULL },
		{ "/gnomond/keeper/refused", refused, NULL, NULL, NULL },
		{ "/gnomond/keeper/hands_over", hands_over, NULL, NULL, NULL },
		{ "/gnomond/keeper/sample_overdue", sample_overdue, NULL, NULL, NULL },
		{ "/gnomond/keeper/delay_memory", delay_memory, NULL, NULL, NULL },
		{ "/gnomond/keeper/accuracy", accuracy, NULL, NULL, NULL },
		{ "/gnomond/keeper/sources", sources, NULL, NULL, NULL },
		{ "/gnomond/keeper/whose_bound", whose_bound, NULL, NULL, NULL },
		{ "/gnomond/keeper/stepped_by_others", stepped_by_others, NULL, NULL, NULL },
		{ "/gnomond/keeper/stepped_while_following", stepped_while_following, NULL, NULL,
		  NULL },
		{ "/gnomond/keeper/suspended_machine", suspended_machine, NULL, NULL, NULL },
		{ "/gnomond/keeper/leap_is_no_step", leap_is_no_step, NULL, NULL, NULL },
		{ "/gnomond/keeper/watched", watched, NULL, NULL, NULL },
		{ "/gnomond/keeper/sync_interval", sync_interval, NULL, NULL, NULL },
		{ "/gnomond/keeper/free_running_touches_nothing", free_running_touches_nothing,
		  NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/keeper", tests, NULL, NULL);
}
