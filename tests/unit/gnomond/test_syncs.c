/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/gnomond/syncs.h on soft clocks: what is refused, who waits for whom, what goes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tools/gnomond/syncs.h"

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

static struct conf conf;
static struct log log_;
static struct syncs syncs;
static struct gnomon_clock *kept;
static struct driver_error error;
static gnomon_mono now;
static char said[8192];

/* All clocks of the kernel, in a time of our own: 2030, and nothing happens meanwhile. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	const int64_t start = id == CLOCK_REALTIME ? 1900000000 * SEC : 0;

	*ts = (struct timespec){ .tv_sec = (start + now.ns) / SEC,
				 .tv_nsec = (start + now.ns) % SEC };
	return 0;
}

static void write_line(struct log *l, int level, const char *line, size_t len)
{
	const size_t at = strlen(said);

	(void)snprintf(said + at, sizeof(said) - at, "%.*s", (int)len, line);
}

static gnomon_mono log_now(void)
{
	return now;
}

static int set_up(void **state)
{
	const struct clock_soft_config config = { .name = "soft", .tai_offset = 37 };

	now = (gnomon_mono){ 1000 * SEC };
	assert_int_equal(conf_init(&conf, true), 0);
	assert_int_equal(clock_soft_create(&kept, &config), 0);
	conf.file = "test.conf";
	conf.verbose = 1;
	conf.use_syslog = 0;
	log_init(&log_, "test", &conf);
	log_.write = write_line;
	log_.now = log_now;
	said[0] = '\0';
	error.text[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	syncs_close(&syncs);
	kept->ops->destroy(kept);
	conf_finish(&conf);
	return 0;
}

/* A section, at a line of ten times its number. */
static struct conf_sync *add(const char *name, const char *source, const char *sink)
{
	struct conf_sync *sync = conf_sync_add(&conf, name);

	assert_non_null(sync);
	sync->line = 10 * (unsigned int)conf.sync_count;
	sync->source = source;
	sync->sink = sink;
	sync->interval_s = 1;
	sync->samples = 3;
	sync->offset_s = CONF_OFFSET_AUTO;
	return sync;
}

static void add_source(const char *name, enum conf_source_type type, const char *device)
{
	struct conf_source *source = conf_source_add(&conf, name);

	assert_non_null(source);
	source->line = 7;
	source->type = type;
	source->device = device;
}

static int open_syncs(void)
{
	return syncs_open(&syncs, &conf, &log_, kept, false, &error);
}

/* Let so many intervals of a second pass. */
static void pass(int seconds)
{
	for (int i = 0; i < 10 * seconds; i++) {
		now = gnomon_mono_add(now, SEC / 10);
		if (!gnomon_mono_before(now, syncs_deadline(&syncs))) {
			syncs_expire(&syncs, now);
		}
	}
}

static int count(const char *text)
{
	int n = 0;

	for (const char *at = said; (at = strstr(at, text)); at++) {
		n++;
	}
	return n;
}

/* -- opening ---------------------------------------------------------------------------------- */

static void open_nothing(void **state)
{
	assert_int_equal(open_syncs(), 0);
	assert_null(syncs.list);
	assert_null(syncs.clocks.items);
	assert_true(syncs_deadline(&syncs).ns == GNOMON_MONO_NEVER.ns);
	syncs_kept(&syncs, true, 0, now);
	syncs_expire(&syncs, now);
	assert_string_equal(said, "");
}

static void expect_refused(int err, const char *text)
{
	assert_int_equal(open_syncs(), err);
	assert_string_equal(error.text, text);
}

static void refuse_missing(void **state)
{
	add("a", "kept", "soft:a");
	add("b", "kept", "/dev/ptp4096");
	expect_refused(-ENOENT, "test.conf:20: sync b: /dev/ptp4096: no such clock (\"ls "
				"/dev/ptp*\" lists them)");
}

static void refuse_kept(void **state)
{
	add("a", "CLOCK_REALTIME", "soft");
	expect_refused(-EINVAL, "test.conf:10: sync a: soft: is the clock that gnomond keeps "
				"itself (soft): name another sync_sink");
}

static void refuse_same(void **state)
{
	add("a", "soft:x", "soft:x");
	expect_refused(-EINVAL, "test.conf:10: sync a: soft:x: source and sink are the same clock "
				"(soft:x); give two");
}

/* Told by what they are, not by what they are called. */
static void refuse_same_system(void **state)
{
	add("a", "clock_realtime", "chrony:/nowhere");
	expect_refused(-EINVAL, "test.conf:10: sync a: CLOCK_REALTIME: source and sink are the "
				"same clock (CLOCK_REALTIME); give two");
}

static void refuse_free_running_same(void **state)
{
	add("a", "soft:x", "soft:x")->servo->free_running = 1;
	assert_int_equal(open_syncs(), -EINVAL);
}

static void refuse_twice(void **state)
{
	add("a", "kept", "soft:x");
	add("b", "soft:y", "soft:x");
	expect_refused(-EINVAL, "test.conf:20: sync b: soft:x: is kept by sync a already: a clock "
				"has one keeper, remove one");
}

static void refuse_loop(void **state)
{
	add("a", "soft:3", "soft:1");
	add("b", "soft:1", "soft:2");
	add("c", "soft:2", "soft:3");
	expect_refused(-EINVAL, "test.conf:30: sync c: soft:3: would be kept by itself, by way of "
				"sync c, sync a, sync b: remove one of them");
}

/* The daemon's clock follows the system clock, which chronyd keeps, which this would tell. */
static void refuse_loop_by_source(void **state)
{
	add_source("ntp", CONF_SOURCE_NTP, "/run/chrony/chronyd.sock");
	add("a", "kept", "CLOCK_REALTIME");
	expect_refused(-EINVAL, "test.conf:10: sync a: CLOCK_REALTIME: would be kept by itself, by "
				"way of sync a, source ntp: remove one of them");
}

/* chronyd is told of the kept clock, directly and by way of another, but never its own time. */
static void hold_back_from_chronyd(void **state)
{
	add_source("ntp", CONF_SOURCE_NTP, "/run/chrony/chronyd.sock");
	add("a", "kept", "chrony:/nowhere");
	add("b", "kept", "soft:b");
	add("c", "soft:b", "chrony:/there/neither");
	assert_int_equal(open_syncs(), 0);
	assert_true(syncs_tell_programs(&syncs));
	syncs_theirs(&syncs, true, now);
	syncs_kept(&syncs, false, 0.0, now);
	pass(3);
	assert_int_equal(count("must not be told its own time"), 0);
	syncs_kept(&syncs, true, 0.0, now);
	pass(20);
	assert_int_equal(count("waits while no source but chronyd is followed"), 2);
	assert_false(syncs.list[0].running);
	assert_true(syncs.list[1].running);
	assert_false(syncs.list[2].running);
	said[0] = '\0';
	syncs_theirs(&syncs, false, now);
	pass(10);
	assert_true(syncs.list[0].running && syncs.list[2].running);
	assert_int_equal(count("goes on"), 2);
}

static void refuse_source_is_kept(void **state)
{
	add_source("x", CONF_SOURCE_PHC, "soft");
	expect_refused(-EINVAL, "test.conf:7: source x: kept: source and sink are the same clock "
				"(soft); give two");
}

static void sources_alone(void **state)
{
	add_source("ntp", CONF_SOURCE_NTP, "");
	add_source("phc", CONF_SOURCE_PHC, "soft:other");
	assert_int_equal(open_syncs(), 0);
	assert_null(syncs.clocks.items);
}

static void refuse_mailbox_twice(void **state)
{
	add("a", "kept", "chrony:/nowhere");
	add("b", "soft:y", "sock:/nowhere");
	expect_refused(-EINVAL, "test.conf:20: sync b: sock:/nowhere: sync a writes to it already; "
				"remove one of them");
}

/* chronyd may start later, and the clock is of use before. */
static void nobody_listens(void **state)
{
	add("a", "kept", "chrony:/nowhere/at/all");
	assert_int_equal(open_syncs(), 0);
	assert_true(syncs.list[0].out->absent);
}

static void refuse_servo(void **state)
{
	add("a", "kept", "soft:a")->servo->clock_servo = CONF_SERVO_NTPSHM;
	expect_refused(-EINVAL, "test.conf:10: sync a: its clock_servo steers nothing: give it pi, "
				"or a sync_sink shm: or chrony:");
}

static void refuse_pulses(void **state)
{
	add("a", "extts:0", "soft:a");
	expect_refused(-EINVAL, "test.conf:10: sync a: extts:0: only PTP hardware clocks take "
				"external time stamps: sync_sink must be one");
	syncs_close(&syncs);
	conf.syncs[0].source = "extts:many";
	expect_refused(-EINVAL, "test.conf:10: sync a: extts:many: write extts:CHANNEL, a number");
	syncs_close(&syncs);
	conf.syncs[0].source = "pps:/dev/null";
	expect_refused(-EINVAL, "test.conf:10: sync a: pps:/dev/null: its pulses are stamped by "
				"the system clock: sync_sink must be CLOCK_REALTIME, or a program "
				"that keeps it");
}

/* -- running ---------------------------------------------------------------------------------- */

static void wait_for_kept(void **state)
{
	add("a", "kept", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_start(&syncs);
	syncs_kept(&syncs, false, 0, now);
	pass(5);
	assert_int_equal(count(" sync section=a"), 0);
	assert_int_equal(count("waits until the clock that gnomond keeps is in step"), 1);
	assert_int_equal(count("serverOnly"), 0); /* there is no port to have it */
	syncs_kept(&syncs, true, 0, now);
	pass(5);
	assert_in_range(count(" sync section=a sink=soft:a source=kept servo="), 4, 6);
	assert_int_equal(count("goes on"), 1);
	syncs_kept(&syncs, false, 0, now);
	pass(5);
	assert_in_range(count(" sync section=a sink=soft:a source=kept servo="), 4, 6);
	assert_int_equal(count("waits until"), 2);
}

/* It has nothing to do with the kept clock. */
static void wait_for_nobody(void **state)
{
	add("a", "soft:x", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, false, 0, now);
	pass(4);
	assert_in_range(count(" sync section=a"), 3, 5);
}

/* Whatever order they stand in. */
static void wait_in_a_chain(void **state)
{
	add("c", "soft:b", "soft:c");
	add("b", "soft:a", "soft:b");
	add("a", "kept", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, false, 0, now);
	pass(3);
	assert_int_equal(count(" sync section="), 0);
	assert_int_equal(count("waits until soft:b is in step"), 1);
	syncs_kept(&syncs, true, 0, now);
	pass(10);
	assert_in_range(count(" sync section=c sink=soft:c source=soft:b servo=s2"), 3, 9);
	assert_ptr_equal(strstr(said, " sync section="), strstr(said, " sync section=a"));
	said[0] = '\0';
	syncs_kept(&syncs, false, 0, now);
	pass(10);
	assert_int_equal(count(" sync section="), 0);
	assert_int_equal(count("waits until"), 3);
}

/* The second soft clock ends up where the kept one is, wherever it was. */
static void follow(void **state)
{
	gnomon_time a;
	gnomon_time b;

	conf.soft_clock_offset = 2.5;
	add("a", "kept", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(3);
	assert_int_equal(count("clock-step section=a sink=soft:a step_ns=-25"), 1);
	assert_int_equal(kept->ops->read(kept, &a), 0);
	assert_int_equal(syncs.clocks.items[syncs.list[0].sink].clock->ops->read(
				 syncs.clocks.items[syncs.list[0].sink].clock, &b),
			 0);
	assert_true(gnomon_span_abs(gnomon_time_diff(b, a)).ns < SEC / 10);
}

/* In the last line of that section; -1: unknown, -2: there is none. */
static double told_bound(const char *section)
{
	const char *last = NULL;
	double bound = -1;
	char text[40];

	(void)snprintf(text, sizeof(text), " sync section=%s ", section);
	for (const char *at = said; (at = strstr(at, text)); at++) {
		last = at;
	}
	last = last ? strstr(last, "bound_ns=") : NULL;
	if (!last) {
		return -2;
	}
	(void)sscanf(last, "bound_ns=%lf", &bound);
	return bound;
}

/* Each adds its own error to what it follows, whatever order they stand in. */
static void bounds_add_up(void **state)
{
	double a;

	add("b", "soft:a", "soft:b");
	add("a", "kept", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(30);
	said[0] = '\0';
	pass(3);
	a = told_bound("a");
	assert_true(a > 0 && a < 1e6);
	assert_true(told_bound("b") > a);
	syncs_kept(&syncs, true, 5e6, now);
	said[0] = '\0';
	pass(3);
	assert_true(told_bound("a") >= 5e6 && told_bound("a") < 5e6 + 1e6);
	assert_true(told_bound("b") >= told_bound("a") && told_bound("b") < 5e6 + 2e6);
	syncs_kept(&syncs, true, (double)INFINITY, now);
	said[0] = '\0';
	pass(3);
	assert_true(told_bound("a") == -1);
	assert_true(told_bound("b") == -1);
}

/* So do their corrections, down from the kept clock and from no other. */
static void slews_add_up(void **state)
{
	double a;

	add("b", "soft:a", "soft:b");
	add("a", "kept", "soft:a");
	add("c", "soft:x", "soft:c");
	assert_int_equal(open_syncs(), 0);
	assert_true(isinf(syncs_slew(&syncs, "soft:a", now)));
	syncs_kept(&syncs, true, 0, now);
	pass(30);
	a = syncs_slew(&syncs, "soft:a", now);
	assert_true(a > 0 && a < 10000);
	assert_true(syncs_slew(&syncs, "soft:b", now) > a);
	assert_true(isfinite(syncs_slew(&syncs, "soft:b", now)));
	assert_true(isinf(syncs_slew(&syncs, "soft:c", now)));
	assert_true(isinf(syncs_slew(&syncs, "soft:d", now)));
}

/* Nobody says how good a clock is that nobody keeps. */
static void bound_unknown(void **state)
{
	add("a", "soft:x", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_start(&syncs);
	assert_int_equal(count("bound_ns stays unknown: soft:x is kept by nobody here"), 1);
	syncs_kept(&syncs, true, 0, now);
	pass(5);
	assert_true(told_bound("a") == -1);
}

/* A pair that only looks does not touch. */
static void free_running(void **state)
{
	gnomon_time a;
	gnomon_time b;

	conf.soft_clock_offset = 2.5;
	add("a", "kept", "soft:x")->servo->free_running = 1;
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(3);
	assert_int_equal(kept->ops->read(kept, &a), 0);
	assert_int_equal(syncs.clocks.items[syncs.list[0].sink].clock->ops->read(
				 syncs.clocks.items[syncs.list[0].sink].clock, &b),
			 0);
	/* Not steered, it had no offset to begin with. */
	assert_int_equal(count("clock-step"), 0);
	assert_in_range(count(" sync section=a"), 2, 4);
	assert_true(gnomon_span_abs(gnomon_time_diff(b, a)).ns < SEC);
}

/* -- clocks that go away ---------------------------------------------------------------------- */

static int read_gone(struct gnomon_clock *clock, gnomon_time *t)
{
	return -ENODEV;
}

/* As if the device had been pulled out. */
static void pull_out(size_t clock)
{
	static struct gnomon_clock_ops ops;

	ops = *syncs.clocks.items[clock].clock->ops;
	ops.read = read_gone;
	syncs.clocks.items[clock].clock->ops = &ops;
}

static void sink_goes(void **state)
{
	add("a", "kept", "soft:a");
	add("b", "soft:a", "soft:b");
	add("c", "kept", "soft:c");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(6);
	assert_in_range(count(" sync section=b"), 2, 6);
	said[0] = '\0';
	pull_out(syncs.list[0].sink);
	pass(4);
	assert_int_equal(count("soft:a is gone; it is looked for every 5 s"), 1);
	assert_in_range(count(" sync section=c"), 3, 5); /* that one goes on */
	assert_in_range(count(" sync section=b"), 0, 1);
	said[0] = '\0';
	pass(12);
	assert_int_equal(count("soft:a is back"), 1);
	assert_in_range(count(" sync section=a"), 5, 12);
	assert_in_range(count(" sync section=b sink=soft:b source=soft:a servo=s2"), 2, 12);
}

/* It does not come back: that is told ever more rarely. */
static void sink_stays_away(void **state)
{
	add("a", "kept", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(2);
	said[0] = '\0';
	pull_out(syncs.list[0].sink);
	(void)snprintf(syncs.clocks.items[syncs.list[0].sink].name, CLOCKS_NAME_MAX,
		       "/dev/ptp4096");
	pass(100);
	assert_int_equal(count(" sync section=a"), 0);
	assert_in_range(count("/dev/ptp4096: no such clock"), 3, 6);
}

static void source_goes(void **state)
{
	add("a", "soft:x", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(4);
	pull_out(syncs.list[0].source);
	pass(2);
	assert_int_equal(count("soft:x is gone"), 1);
	said[0] = '\0';
	pass(8);
	assert_int_equal(count("soft:x is back"), 1);
	assert_in_range(count(" sync section=a sink=soft:a source=soft:x servo=s2"), 1, 8);
}

/* The daemon's own clock is not reopened here. */
static void kept_goes(void **state)
{
	const struct gnomon_clock_ops *ops = kept->ops;

	add("a", "kept", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(3);
	pull_out(syncs.kept);
	pass(20);
	kept->ops = ops;
	assert_int_equal(count("is gone;"), 0);
	assert_in_range(count("clock-error section=a clock=soft action=\"read clock\""), 2, 6);
	said[0] = '\0';
	pass(3);
	assert_in_range(count(" sync section=a"), 2, 4);
}

/* -- UTC -------------------------------------------------------------------------------------- */

/* What a program that keeps the system clock is told; chronyd's socket stands for all. */
static void properties(void **state)
{
	const struct gnomon_time_properties_ds p = {
		.current_utc_offset = 37,
		.flags = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID,
	};

	add("a", "CLOCK_REALTIME", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_time_properties(&syncs, &p);
	syncs_time_properties(&syncs, &p);
	assert_int_equal(count("utc-offset section=a sink=soft:a utc_offset=37"), 1);
	syncs_kept(&syncs, false, 0, now);
	pass(3);
	/* The soft clock started on TAI, 37 s ahead: nothing to step. */
	assert_int_equal(count("clock-step"), 0);
	assert_in_range(count(" sync section=a"), 2, 4);
}

/* A grandmaster whose time scale is unknown: no shift, so the soft clock is 37 s off. */
static void properties_arbitrary(void **state)
{
	const struct gnomon_time_properties_ds p = { .current_utc_offset = 37 };

	add("a", "CLOCK_REALTIME", "soft:a");
	assert_int_equal(open_syncs(), 0);
	syncs_time_properties(&syncs, &p);
	syncs_kept(&syncs, false, 0, now);
	pass(3);
	assert_int_equal(count("clock-step section=a sink=soft:a step_ns=-3"), 1);
}

static void fixed_offset(void **state)
{
	add("a", "kept", "soft:a")->offset_s = 5;
	assert_int_equal(open_syncs(), 0);
	syncs_kept(&syncs, true, 0, now);
	pass(3);
	assert_int_equal(count("clock-step section=a sink=soft:a step_ns="), 1);
	assert_true(count("step_ns=4999") + count("step_ns=5000") == 1);
}

#define TEST(name, function) { name, function, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("/gnomond/syncs/open/nothing", open_nothing),
		TEST("/gnomond/syncs/bounds_add_up", bounds_add_up),
		TEST("/gnomond/syncs/slews_add_up", slews_add_up),
		TEST("/gnomond/syncs/bound_unknown", bound_unknown),
		TEST("/gnomond/syncs/open/sources_alone", sources_alone),
		TEST("/gnomond/syncs/refuse/missing", refuse_missing),
		TEST("/gnomond/syncs/refuse/kept", refuse_kept),
		TEST("/gnomond/syncs/refuse/same", refuse_same),
		TEST("/gnomond/syncs/refuse/same_system", refuse_same_system),
		TEST("/gnomond/syncs/refuse/free_running_same", refuse_free_running_same),
		TEST("/gnomond/syncs/refuse/twice", refuse_twice),
		TEST("/gnomond/syncs/refuse/loop", refuse_loop),
		TEST("/gnomond/syncs/refuse/loop_by_source", refuse_loop_by_source),
		TEST("/gnomond/syncs/refuse/source_is_kept", refuse_source_is_kept),
		TEST("/gnomond/syncs/refuse/mailbox_twice", refuse_mailbox_twice),
		TEST("/gnomond/syncs/nobody_listens", nobody_listens),
		TEST("/gnomond/syncs/refuse/servo", refuse_servo),
		TEST("/gnomond/syncs/refuse/pulses", refuse_pulses),
		TEST("/gnomond/syncs/wait/kept", wait_for_kept),
		TEST("/gnomond/syncs/wait/nobody", wait_for_nobody),
		TEST("/gnomond/syncs/wait/chain", wait_in_a_chain),
		TEST("/gnomond/syncs/wait/chronyd", hold_back_from_chronyd),
		TEST("/gnomond/syncs/run/follow", follow),
		TEST("/gnomond/syncs/run/free_running", free_running),
		TEST("/gnomond/syncs/gone/sink", sink_goes),
		TEST("/gnomond/syncs/gone/sink_stays", sink_stays_away),
		TEST("/gnomond/syncs/gone/source", source_goes),
		TEST("/gnomond/syncs/gone/kept", kept_goes),
		TEST("/gnomond/syncs/utc/properties", properties),
		TEST("/gnomond/syncs/utc/arbitrary", properties_arbitrary),
		TEST("/gnomond/syncs/utc/fixed_offset", fixed_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
