/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/sync/pair.h on clocks of our own, in a time of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sync/pair.h"

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

/* True time, ns; all clocks are read at it. */
static int64_t now_ns;

struct fake {
	struct gnomon_clock base;
	int64_t at;     /* true time when it was last changed */
	double reading; /* ns since started, then: whole part below is exact enough */
	int64_t start;
	double error_ppb; /* of the oscillator */
	double adjusted_ppb;
	int steps;
	int leap;
	int tai;
	int err; /* of reading */
};

static struct fake *fake_of(struct gnomon_clock *clock)
{
	return (struct fake *)(void *)clock;
}

static void settle(struct fake *f)
{
	f->reading += (double)(now_ns - f->at) * (1 + 1e-9 * (f->error_ppb + f->adjusted_ppb));
	f->at = now_ns;
}

static int fake_read(struct gnomon_clock *clock, gnomon_time *now)
{
	struct fake *f = fake_of(clock);

	if (f->err) {
		return f->err;
	}
	settle(f);
	*now = gnomon_time_add(gnomon_time_from_ns(f->start), gnomon_span_from_double(f->reading));
	return 0;
}

static int fake_set_frequency(struct gnomon_clock *clock, double ppb)
{
	settle(fake_of(clock));
	fake_of(clock)->adjusted_ppb = ppb;
	return 0;
}

static int fake_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = fake_of(clock)->adjusted_ppb;
	return 0;
}

static int fake_step(struct gnomon_clock *clock, gnomon_span by)
{
	fake_of(clock)->start += by.ns;
	fake_of(clock)->steps++;
	return 0;
}

static int fake_set_leap(struct gnomon_clock *clock, int leap)
{
	fake_of(clock)->leap = leap;
	return 0;
}

static int fake_set_tai(struct gnomon_clock *clock, int seconds)
{
	fake_of(clock)->tai = seconds;
	return 0;
}

static const struct gnomon_clock_ops fake_ops = {
	.kind = "sim",
	.read = fake_read,
	.set_frequency = fake_set_frequency,
	.get_frequency = fake_get_frequency,
	.step = fake_step,
};

static const struct gnomon_clock_ops utc_ops = {
	.kind = "sim",
	.read = fake_read,
	.set_frequency = fake_set_frequency,
	.get_frequency = fake_get_frequency,
	.step = fake_step,
	.set_leap = fake_set_leap,
	.set_tai_offset = fake_set_tai,
};

static void make(struct fake *f, bool utc, int64_t start)
{
	*f = (struct fake){ .base = { .ops = utc ? &utc_ops : &fake_ops,
				      .name = utc ? "utc" : "tai",
				      .max_frequency_ppb = 1e6,
				      .utc = utc },
			    .at = now_ns,
			    .start = start };
}

/* -- what is logged, and handed over ---------------------------------------------------------- */

static char last_line[LOG_LINE_MAX];
static int lines;

static void write_line(struct log *log, int level, const char *line, size_t len)
{
	(void)log;
	(void)level;
	(void)snprintf(last_line, sizeof(last_line), "%.*s", (int)len - 1, line);
	lines++;
}

static gnomon_mono log_now(void)
{
	return (gnomon_mono){ now_ns };
}

static struct sink_sample handed;
static int handed_count;

static int take_sample(struct sink *sink, const struct sink_sample *sample)
{
	(void)sink;
	handed = *sample;
	handed_count++;
	return 0;
}

static const struct sink_ops take_ops = { .kind = "take", .send = take_sample };
static struct sink taker = { .ops = &take_ops, .name = "taker" };

/* -- the bench -------------------------------------------------------------------------------- */

static struct conf conf;
static struct log logger;
static struct fake phc;
static struct fake utc;
static struct pair pair;
static struct pair_config config;

static int setup(void **state)
{
	(void)state;
	now_ns = SEC;
	lines = 0;
	handed_count = 0;
	assert_int_equal(conf_init_tool(&conf, false), 0);
	conf.verbose = 1;
	conf.use_syslog = 0;
	log_init(&logger, "phc2sys", &conf);
	logger.write = write_line;
	logger.now = log_now;
	make(&phc, false, 1700000037 * SEC);
	make(&utc, true, 1700000000 * SEC);
	config = (struct pair_config){
		.conf = &conf,
		.log = &logger,
		.source = &phc.base,
		.sink = &utc.base,
		.source_name = "phc",
		.sink_name = "CLOCK_REALTIME",
		.pps_fd = -1,
		.extts_fd = -1,
		.interval_s = 1.0,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_finish(&pair);
	conf_finish(&conf);
	return 0;
}

static const struct gnomon_time_properties_ds tai_37 = {
	.current_utc_offset = 37,
	.flags = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID |
		 GNOMON_FLAG_TIME_TRACEABLE,
};

static void begin(void)
{
	assert_int_equal(pair_init(&pair, &config, (gnomon_mono){ now_ns }), 0);
}

/* Let time pass as a loop would. */
static void run(double seconds)
{
	const int64_t end = now_ns + (int64_t)(seconds * 1e9);

	while (pair_deadline(&pair).ns <= end) {
		now_ns = pair_deadline(&pair).ns > now_ns ? pair_deadline(&pair).ns : now_ns;
		(void)pair_expire(&pair, (gnomon_mono){ now_ns });
	}
	now_ns = end;
}

/* How far the system clock is from what it should be, by the PHC. */
static double error_ns(int ahead_s)
{
	gnomon_time a = { 0 };
	gnomon_time b = { 0 };

	(void)fake_read(&utc.base, &a);
	(void)fake_read(&phc.base, &b);
	return gnomon_span_to_double(gnomon_time_diff(a, b)) - ahead_s * 1e9;
}

static void assert_near(double value, double wanted, double tolerance)
{
	if (!(fabs(value - wanted) <= tolerance)) {
		fail_msg("%f is not %f +- %f", value, wanted, tolerance);
	}
}

/* -- tests ------------------------------------------------------------------------------------ */

/* A UTC clock by one that keeps the PTP timescale. */
static void keeps_utc(void **state)
{
	struct gnomon_estimate estimate;

	(void)state;
	utc.start += 1500000000;
	utc.error_ppb = 50000;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	assert_int_equal(utc.tai, 37);
	run(60);
	assert_int_equal(utc.steps, 1);
	assert_near(error_ns(-37), 0, 5);
	assert_near(utc.adjusted_ppb, -50000, 5);
	pair_estimate(&pair, (gnomon_mono){ now_ns }, &estimate);
	assert_true(estimate.valid && estimate.bound_ns > 0 && estimate.bound_ns < 10000);
	assert_non_null(strstr(last_line, ": CLOCK_REALTIME phc offset "));
	assert_non_null(strstr(last_line, " s2 freq  +50000 delay      0"));
}

/* While another kept the sink, its oscillator came to need another frequency; it is not stepped, as
 * this is not the first time. */
static void resumed(void **state)
{
	(void)state;
	utc.error_ppb = 50000;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(60);
	for (int late_ns = 0; late_ns <= 100000; late_ns += 100000) {
		const int steps = utc.steps;

		settle(&utc);
		utc.error_ppb -= 70000;
		utc.adjusted_ppb = -utc.error_ppb;
		utc.start += late_ns - (int64_t)error_ns(-37);
		pair_resume(&pair);
		run(4);
		assert_near(error_ns(-37), late_ns, late_ns + 5);
		run(60);
		assert_near(error_ns(-37), 0, 5);
		assert_int_equal(utc.steps, steps);
	}
}

/* And the other way round. */
static void kept_by_utc(void **state)
{
	(void)state;
	config.source = &utc.base;
	config.sink = &phc.base;
	phc.start += 77 * SEC;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(30);
	assert_near(error_ns(-37), 0, 5);
	assert_int_equal(phc.steps, 1);
	assert_int_equal(utc.steps, 0);
	assert_int_equal(utc.tai, 0);
}

/* -O: sink minus source, whatever anybody says of UTC. */
static void fixed_offset(void **state)
{
	(void)state;
	config.fixed_offset = true;
	config.offset_s = -35;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(30);
	assert_near(error_ns(-35), 0, 5);
	assert_int_equal(utc.tai, 0);
}

/* The second is inserted by the kernel; meanwhile nothing is measured. */
static void leap_second(void **state)
{
	const struct gnomon_time_properties_ds after = { .current_utc_offset = 38,
							 .flags = tai_37.flags };
	struct gnomon_time_properties_ds before = tai_37;
	const int64_t midnight = 1700006400; /* UTC: the next one */

	(void)state;
	before.flags |= GNOMON_FLAG_LEAP61;
	utc.start = (midnight - 60) * SEC;
	phc.start = utc.start + 37 * SEC;
	begin();
	pair_time_properties(&pair, &before, true);
	assert_int_equal(utc.leap, 61);
	run(58.5);
	assert_near(error_ns(-37), 0, 5);
	run(2.5);
	assert_non_null(strstr(last_line, "suspended due to leap second"));
	utc.start -= SEC; /* as the kernel does */
	run(3);
	pair_time_properties(&pair, &after, true);
	run(30);
	assert_int_equal(utc.steps, 0);
	assert_near(error_ns(-38), 0, 5);
	assert_near(utc.adjusted_ppb, 0, 5);
	assert_int_equal(utc.leap, 0);
	assert_int_equal(utc.tai, 38);
}

/* TAI by the kernel: what the clock reads, and the offset it was told. */
static double tai_error_ns(void)
{
	return error_ns(-utc.tai);
}

/* The kernel is not told: UTC is wrong until the sink is stepped, TAI never is. */
static void leap_second_by_step(void **state)
{
	const struct gnomon_time_properties_ds after = { .current_utc_offset = 38,
							 .flags = tai_37.flags };
	struct gnomon_time_properties_ds before = tai_37;
	const int64_t midnight = 1700006400;

	(void)state;
	conf.kernel_leap = 0;
	conf.step_threshold = 0.1;
	before.flags |= GNOMON_FLAG_LEAP61;
	utc.start = (midnight - 60) * SEC;
	phc.start = utc.start + 37 * SEC;
	begin();
	pair_time_properties(&pair, &before, true);
	assert_int_equal(utc.leap, 0);
	run(63);
	assert_near(tai_error_ns(), 0, 5);
	pair_time_properties(&pair, &after, true);
	for (int i = 0; i < 300; i++) {
		run(0.1);
		assert_near(tai_error_ns(), 0, 50);
	}
	assert_int_equal(utc.steps, 1);
	assert_near(error_ns(-38), 0, 5);
	assert_int_equal(utc.tai, 38);
}

/* A sink that is set to another day has its leap second at the end of that day. */
static void leap_second_of_another_day(void **state)
{
	struct gnomon_time_properties_ds before = tai_37;
	const int64_t midnight = 1700006400;

	(void)state;
	before.flags |= GNOMON_FLAG_LEAP61;
	phc.start = (midnight + 37 - 40) * SEC;
	utc.start = (midnight - 86400 - 40) * SEC;
	begin();
	pair_time_properties(&pair, &before, true);
	run(10);
	assert_int_equal(utc.steps, 1);
	assert_int_equal(pair.timescale.leap_end, midnight);
	run(31);
	assert_non_null(strstr(last_line, "suspended due to leap second"));
}

/* chronyd or ntpd keep the clock: it is left alone, and they hear of the leap second. */
static void handed_over(void **state)
{
	struct gnomon_time_properties_ds before = tai_37;

	(void)state;
	conf.kernel_leap = 0;
	before.flags |= GNOMON_FLAG_LEAP59;
	config.out = &taker;
	utc.start += 250000;
	begin();
	pair_time_properties(&pair, &before, true);
	run(5);
	assert_int_equal(handed_count, 6);
	assert_near(gnomon_span_to_double(handed.offset), 250000, 1);
	assert_int_equal(handed.leap, 59);
	assert_int_equal(utc.steps, 0);
	assert_near(utc.adjusted_ppb, 0, 0);
	assert_int_equal(utc.leap, 0);
	assert_int_equal(utc.tai, 0);
	assert_non_null(strstr(last_line, "offset    250000 s0 freq      +0 delay"));
}

static double bound_ns(void)
{
	struct gnomon_estimate estimate;

	pair_estimate(&pair, (gnomon_mono){ now_ns }, &estimate);
	return estimate.bound_ns;
}

/* As far off as the source may be, and by the pair itself; unknown stays unknown. */
static void source_bound(void **state)
{
	double alone;

	(void)state;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(60);
	alone = bound_ns();
	assert_true(alone > 0 && alone < 10000);
	pair_source_bound(&pair, 250000);
	run(1);
	assert_near(bound_ns(), 250000 + alone, 100);
	pair_source_bound(&pair, 300000); /* since it was read */
	assert_near(bound_ns(), 300000 + alone, 200);
	pair_source_bound(&pair, (double)INFINITY);
	assert_true(isinf(bound_ns()));
	run(1);
	assert_true(isinf(bound_ns()));
	pair_source_bound(&pair, 10);
	run(1);
	assert_near(bound_ns(), 10 + alone, 200);
}

static void handed_over_with_bound(void **state)
{
	double alone;

	(void)state;
	config.out = &taker;
	begin();
	run(2);
	alone = handed.error_ns;
	pair_source_bound(&pair, 5000);
	run(1);
	assert_near(handed.error_ns, alone + 5000, 1);
	pair_source_bound(&pair, (double)INFINITY);
	run(1);
	assert_near(handed.error_ns, alone, 1);
}

static void free_running(void **state)
{
	(void)state;
	conf.free_running = 1;
	utc.start += 250000;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(5);
	assert_int_equal(utc.steps, 0);
	assert_int_equal(utc.tai, 0);
	assert_near(utc.adjusted_ppb, 0, 0);
	assert_non_null(strstr(last_line, "offset    250000 s0 freq      +0 delay"));
}

static void statistics(void **state)
{
	(void)state;
	config.summary = 4;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(2.5);
	assert_int_equal(lines, 0);
	run(1);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "CLOCK_REALTIME rms    0 max    0 freq     +0 +/-   0 "
					  "delay     0 +/-   0"));
	run(8);
	assert_int_equal(lines, 3);
}

/* A clock that cannot be read is tried again, and its failure told ever more rarely. */
static void unread(void **state)
{
	(void)state;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(10);
	lines = 0;
	phc.err = -EIO;
	run(20);
	assert_non_null(strstr(last_line, "failed to read clock"));
	assert_in_range(lines, 3, 6);
	phc.err = 0;
	run(5);
	assert_non_null(strstr(last_line, " s2 "));
	assert_near(error_ns(-37), 0, 5);
	phc.err = -ENODEV;
	now_ns = pair_deadline(&pair).ns;
	assert_int_equal(pair_expire(&pair, (gnomon_mono){ now_ns }), -ENODEV);
}

/* Another source: the frequency that was learned stays, and so does the phase. */
static void other_source(void **state)
{
	struct fake other;
	int steps;

	(void)state;
	utc.error_ppb = 30000;
	begin();
	pair_time_properties(&pair, &tai_37, true);
	run(60);
	steps = utc.steps;
	make(&other, false, 0);
	settle(&phc);
	other.start = phc.start + (int64_t)phc.reading;
	pair_set_source(&pair, &other.base, "other", (gnomon_mono){ now_ns });
	run(3);
	assert_near(error_ns(-37), 0, 10);
	assert_near(utc.adjusted_ppb, -30000, 10);
	assert_int_equal(utc.steps, steps);
	assert_non_null(strstr(last_line, "CLOCK_REALTIME other offset"));
	assert_int_equal(pair.timescale.shift_s, 37);
}

/* A servo there is not. */
static void no_servo(void **state)
{
	(void)state;
	for (int i = 0;; i++) {
		char label[32];

		assert_non_null(conf_label(conf_key_find("clock_servo", 11), i, label));
		if (strcmp(label, "ntpshm") == 0) {
			conf.clock_servo = i;
			break;
		}
	}
	assert_int_equal(pair_init(&pair, &config, (gnomon_mono){ now_ns }), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(name, function) { "/sync/pair/" name, function, setup, teardown, NULL }
		ROW("keeps_utc", keeps_utc),
		ROW("resumed", resumed),
		ROW("kept_by_utc", kept_by_utc),
		ROW("fixed_offset", fixed_offset),
		ROW("leap_second", leap_second),
		ROW("leap_second_by_step", leap_second_by_step),
		ROW("leap_second_of_another_day", leap_second_of_another_day),
		ROW("handed_over", handed_over),
		ROW("source_bound", source_bound),
		ROW("handed_over_with_bound", handed_over_with_bound),
		ROW("free_running", free_running),
		ROW("statistics", statistics),
		ROW("unread", unread),
		ROW("other_source", other_source),
		ROW("no_servo", no_servo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
