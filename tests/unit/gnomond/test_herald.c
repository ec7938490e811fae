/* SPDX-License-Identifier: BSD-2-Clause */
/* What is announced of a clock as its sources come and go. What it asks is answered here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/gnomond/herald.h"

#define DAY 86400
#define PTP GNOMON_FLAG_PTP_TIMESCALE
#define VALID GNOMON_FLAG_UTC_OFFSET_VALID

static struct world {
	enum gnomon_ensemble_mode mode;
	double bound_ns;
	gnomon_time time;
	struct gnomon_time_properties_ds theirs;
	/* Told: */
	unsigned int times;
	bool apart;
	struct gnomon_clock_quality quality;
	struct gnomon_time_properties_ds properties;
	unsigned int lines; /* in the log */
	struct report_claim from;
	struct report_claim to;
	char why[64];
} world;

static bool read_time(gnomon_time *time)
{
	*time = world.time;
	return true;
}

static int take(const struct gnomon_clock_quality *quality,
		const struct gnomon_time_properties_ds *properties)
{
	world.times++;
	world.quality = *quality;
	world.properties = *properties;
	return 0;
}

static void take_line(const struct report_claim *from, const struct report_claim *to,
		      const char *why, const char *source)
{
	world.lines++;
	world.from = *from;
	world.to = *to;
	snprintf(world.why, sizeof(world.why), "%s %s", why, source);
}

#define report_announce(log, from, to, why, source, bound) take_line(from, to, why, source)
#define gnomon_ensemble_mode(e) (world.mode)
#define keeper_bound(k, now) (world.bound_ns)
#define keeper_time(k, time) read_time(time)
#define gnomon_engine_time_properties_ds(engine, ds) (*(ds) = world.theirs)
#define gnomon_engine_set_grandmaster(engine, quality, properties, now) take(quality, properties)
#define gnomon_engine_set_apart(engine, is) (world.apart = (is))
#include "tools/gnomond/herald.c"
#include "tools/gnomond/keeper.h"

const struct keeper_source *keeper_reference(const struct keeper *k)
{
	return k->reference < 0 ? NULL : &k->sources[k->reference];
}

/* -- a clock with a source -------------------------------------------------------------------- */

static struct gnomon_clock clock_of_utc = { .utc = true };
static struct gnomon_clock clock_of_tai;
static char engines[2];

struct fixture {
	struct conf conf;
	struct conf_source source;
	struct keeper_source listed[2];
	struct keeper keeper;
	struct herald herald;
	int64_t now;
};

/* The ports of the file, and another source that is read, or of PTP. */
static void set_up(struct fixture *f, struct gnomon_clock *clock, bool ptp)
{
	memset(f, 0, sizeof(*f));
	world = (struct world){ .bound_ns = (double)INFINITY, .time = { 5000 * DAY + 3600, 0, 0 },
				.theirs = { 38, PTP | VALID, 0x20 } };
	assert_int_equal(conf_init(&f->conf, true), 0);
	f->conf.source_count = 1;
	f->source = f->conf.source_defaults;
	f->source.type = ptp ? CONF_SOURCE_PTP : CONF_SOURCE_PHC;
	f->source.clock_class = 6;
	f->source.time_source = 0x20;
	f->listed[0] = (struct keeper_source){ .engine = (void *)&engines[0] };
	f->listed[1] = (struct keeper_source){ .conf = &f->source,
					       .engine = ptp ? (void *)&engines[1] : NULL };
	f->keeper = (struct keeper){ .conf = &f->conf, .clock = clock, .sources = f->listed,
				     .source_count = 2, .listed = 2, .selected = -1,
				     .reference = -1, .engine = (void *)&engines[0] };
	herald_init(&f->herald, &f->conf, &f->keeper);
	f->now = GNOMON_NSEC_PER_SEC;
}

static void tear_down(struct fixture *f)
{
	f->conf.source_count = 0;
	conf_finish(&f->conf);
}

static void look(struct fixture *f)
{
	gnomon_mono next = herald_expire(&f->herald, (gnomon_mono){ f->now });

	assert_true(next.ns > f->now);
	f->now += 60 * (int64_t)GNOMON_NSEC_PER_SEC;
}

static void follow(struct fixture *f, int source, double bound_ns)
{
	world.mode = GNOMON_ENSEMBLE_FOLLOWING;
	world.bound_ns = bound_ns;
	f->keeper.selected = f->keeper.reference = source;
	f->keeper.state = GNOMON_SERVO_LOCKED;
	look(f);
	assert_int_equal(world.apart, source != 0 && f->keeper.source_count > 1 && f->herald.conf);
}

static void lose(struct fixture *f, double bound_ns)
{
	world.mode = GNOMON_ENSEMBLE_HOLDOVER;
	world.bound_ns = bound_ns;
	f->keeper.selected = -1;
	look(f);
	assert_int_equal(world.apart, f->keeper.source_count > 1 && f->herald.conf);
}

/* 6, 7, 187, 248: and every time it is said once. */
static void primary_reference(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_tai, false);
	look(&f);
	assert_int_equal(world.quality.clock_class, 248);
	assert_int_equal(world.quality.clock_accuracy, 0xfe);
	assert_int_equal(world.lines, 0);
	follow(&f, 1, 90.0);
	assert_int_equal(world.lines, 1);
	assert_int_equal(world.from.clock_class, 248);
	assert_int_equal(world.to.clock_class, 6);
	assert_int_equal(world.to.time_source, 0x20);
	assert_non_null(strstr(world.why, "following "));
	assert_int_equal(world.quality.clock_class, 6);
	assert_int_equal(world.quality.clock_accuracy, 0x21);
	assert_int_equal(world.properties.time_source, 0x20);
	assert_true(world.properties.flags & GNOMON_FLAG_TIME_TRACEABLE);
	look(&f);
	assert_int_equal(world.times, 2);
	lose(&f, 900.0);
	assert_int_equal(world.quality.clock_class, 7);
	assert_int_equal(world.properties.time_source, 0xa0);
	assert_int_equal(world.lines, 2);
	assert_int_equal(world.from.clock_class, 6);
	assert_non_null(strstr(world.why, "held over "));
	lose(&f, 90000.0);
	assert_int_equal(world.quality.clock_class, 187);
	assert_false(world.properties.flags & GNOMON_FLAG_TIME_TRACEABLE);
	lose(&f, 2e6);
	assert_int_equal(world.quality.clock_class, 248);
	assert_int_equal(world.times, 5);
	follow(&f, 1, 90.0);
	assert_int_equal(world.quality.clock_class, 6);
	f.listed[1].unbounded = true;
	look(&f);
	assert_int_equal(world.quality.clock_class, 6);
	assert_int_equal(world.quality.clock_accuracy, 0xfe);
	tear_down(&f);
}

/* To follow a reference is not to be one: only in step. Nor is one who was set back. */
static void not_yet_in_step(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_tai, false);
	world.mode = GNOMON_ENSEMBLE_FOLLOWING;
	world.bound_ns = 90.0;
	f.keeper.selected = f.keeper.reference = 1;
	look(&f);
	assert_int_equal(world.quality.clock_class, 248);
	assert_int_equal(world.quality.clock_accuracy, 0xfe);
	lose(&f, 90.0);
	assert_int_equal(world.quality.clock_class, 248);
	follow(&f, 1, 90.0);
	assert_int_equal(world.quality.clock_class, 6);
	f.keeper.state = GNOMON_SERVO_JUMP;
	world.bound_ns = 3e9;
	look(&f);
	assert_int_equal(world.quality.clock_class, 248);
	assert_int_equal(world.quality.clock_accuracy, 0x30);
	f.keeper.state = GNOMON_SERVO_UNLOCKED;
	world.mode = GNOMON_ENSEMBLE_NONE;
	look(&f);
	assert_int_equal(world.quality.clock_accuracy, 0xfe);
	tear_down(&f);
}

/* Who keeps it instead says nothing: its error does. */
static void kept_by_others(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_tai, false);
	f.conf.free_running = true;
	follow(&f, 1, 1001.0);
	assert_int_equal(world.quality.clock_class, 248);
	f.keeper.state = GNOMON_SERVO_UNLOCKED;
	world.bound_ns = 1000.0;
	look(&f);
	assert_int_equal(world.quality.clock_class, 6);
	tear_down(&f);
}

/* The ports make a clock no better than it is configured. */
static void ports(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_tai, false);
	follow(&f, 0, 10.0);
	assert_int_equal(world.quality.clock_class, 248);
	assert_int_equal(world.quality.clock_accuracy, 0xfe);
	assert_int_equal(world.properties.current_utc_offset, 38);
	assert_int_equal(world.properties.flags, PTP | VALID);
	lose(&f, 10.0);
	assert_int_equal(world.quality.clock_class, 248);
	assert_int_equal(world.properties.flags, PTP | VALID);
	tear_down(&f);
}

/* In the guise of ptp4l what is configured is announced, come what may. */
static void guise(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_tai, false);
	f.conf.native = false;
	herald_init(&f.herald, &f.conf, &f.keeper);
	follow(&f, 1, 90.0);
	lose(&f, 90.0);
	assert_int_equal(world.times, 0);
	tear_down(&f);
}

/* What is read is brought to PTP's time, so a clock that keeps UTC gives that out, from the start;
 * with nothing but ports, when a grandmaster told what it is. */
static void time_scale(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_utc, false);
	look(&f);
	assert_int_equal(world.properties.flags & PTP, PTP);
	assert_int_equal(world.properties.current_utc_offset, f.conf.utc_offset);
	tear_down(&f);
	set_up(&f, &clock_of_utc, true);
	look(&f);
	assert_int_equal(world.properties.flags & PTP, 0);
	follow(&f, 0, 90.0);
	assert_int_equal(world.properties.flags & PTP, PTP);
	lose(&f, 90.0);
	assert_int_equal(world.properties.flags & PTP, PTP);
	assert_int_equal(world.properties.current_utc_offset, 38);
	tear_down(&f);
}

/* A leap second that was announced happens, though nobody is there any more to say so. */
static void leap_second(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, &clock_of_tai, true);
	world.theirs = (struct gnomon_time_properties_ds){
		37, PTP | VALID | GNOMON_FLAG_LEAP61, 0x20 };
	follow(&f, 1, 90.0);
	assert_true(world.properties.flags & GNOMON_FLAG_LEAP61);
	lose(&f, 90.0);
	world.time.sec = 5001 * DAY + 36;
	look(&f);
	assert_true(world.properties.flags & GNOMON_FLAG_LEAP61);
	assert_int_equal(world.properties.current_utc_offset, 37);
	world.time.sec = 5001 * DAY + 37;
	look(&f);
	assert_false(world.properties.flags & GNOMON_FLAG_LEAP61);
	assert_int_equal(world.properties.current_utc_offset, 38);
	look(&f);
	assert_int_equal(world.properties.current_utc_offset, 38);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/herald/primary_reference", primary_reference, NULL, NULL, NULL },
		{ "/gnomond/herald/not_yet_in_step", not_yet_in_step, NULL, NULL, NULL },
		{ "/gnomond/herald/kept_by_others", kept_by_others, NULL, NULL, NULL },
		{ "/gnomond/herald/ports", ports, NULL, NULL, NULL },
		{ "/gnomond/herald/guise", guise, NULL, NULL, NULL },
		{ "/gnomond/herald/time_scale", time_scale, NULL, NULL, NULL },
		{ "/gnomond/herald/leap_second", leap_second, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/herald", tests, NULL, NULL);
}
