/* SPDX-License-Identifier: BSD-2-Clause */
/* The line of all pages: what becomes of it, of readers and of others when the clock is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <time.h>

#include "tests/unit/gnomond/guests_rig.h"

#include "drivers/timer.h"

#define PTP GNOMON_FLAG_PTP_TIMESCALE
#define VALID GNOMON_FLAG_UTC_OFFSET_VALID
#define MS INT64_C(1000000)

/* The raw clock, so that nobody steers it, set to TAI; and so much more. */
static int64_t base_ns;
static int64_t shift_ns;

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return ts.tv_sec * (int64_t)GNOMON_NSEC_PER_SEC + ts.tv_nsec;
}

/* How far TAI is ahead of the raw clock, by the quickest look at both. */
static int64_t find_base(void)
{
	int64_t least = INT64_MAX;
	int64_t base = 0;

	for (int i = 0; i < 50; i++) {
		const int64_t before = read_ns(CLOCK_MONOTONIC_RAW);
		const int64_t utc = read_ns(CLOCK_REALTIME);
		const int64_t after = read_ns(CLOCK_MONOTONIC_RAW);

		if (after - before < least) {
			least = after - before;
			base = utc - before + 37 * (int64_t)GNOMON_NSEC_PER_SEC;
		}
	}
	return base;
}

static int read_clock(struct gnomon_clock *clock, gnomon_time *now)
{
	*now = gnomon_time_from_ns(read_ns(CLOCK_MONOTONIC_RAW) + base_ns + shift_ns);
	return 0;
}

static int get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = 0;
	return 0;
}

static const struct gnomon_clock_ops ops = {
	.kind = "sim",
	.read = read_clock,
	.get_frequency = get_frequency,
};

static struct rig rig;
static struct gnomon_clock kept = { &ops, "kept", 1e6, false };
static struct keeper keeper;
static void *engine_memory;
static struct guest guest;
static struct guest *list = &guest;
static char segment[60];

static void announce(int offset, unsigned int flags)
{
	const struct gnomon_clock_quality quality = { 6, 0x21, 0x4e5d };
	const struct gnomon_time_properties_ds properties = { (int16_t)offset, (uint16_t)flags,
							      0x20 };

	(void)gnomon_engine_set_grandmaster(keeper.engine, &quality, &properties,
					    (gnomon_mono){ 2 });
	keeper_datasets(&keeper, keeper.engine, GNOMON_DATASET_TIME_PROPERTIES,
			(gnomon_mono){ 2 });
}

static void open_keeper(void)
{
	struct gnomon_port_config port;
	struct gnomon_engine_config config;
	size_t size;

	gnomon_port_config_default(&port);
	gnomon_engine_config_default(&config);
	config.clock_identity.id[0] = 2;
	config.port_count = 1;
	config.ports = &port;
	size = gnomon_engine_size(&config);
	engine_memory = malloc(size);
	keeper = (struct keeper){ .conf = &rig.conf, .log = &rig.log, .clock = &kept };
	assert_int_equal(gnomon_engine_init(&keeper.engine, engine_memory, size, &config,
					    (gnomon_mono){ 1 }), 0);
	keeper.sources = calloc(1, sizeof(keeper.sources[0]));
	keeper.sources[0].name = "ports";
	keeper.sources[0].engine = keeper.engine;
	keeper.source_count = keeper.listed = 1;
	assert_int_equal(keeper_init(&keeper, false), 0);
}

static void look(void)
{
	guest.disrupted = false;
	rig.told[0] = '\0';
	rig.g.next = (gnomon_mono){ 1 };
	assert_true(guests_host_read(&rig.g, timer_now()));
	guests_host_tell(&rig.g, timer_now());
}

/* In step, and the reference itself unless the test says otherwise. */
static int set_up(void **state)
{
	struct driver_error error = { "" };

	rig_up(&rig);
	assert_non_null(conf_interface_add(&rig.conf, "v0"));
	snprintf(segment, sizeof(segment), "%s/shm0", rig.folder);
	rig.conf.clockbound_file = segment;
	base_ns = find_base();
	shift_ns = 0;
	open_keeper();
	announce(37, PTP | VALID);
	guest = (struct guest){ .orphan = false };
	rig.g.keeper = &keeper;
	rig.g.list = &list;
	rig.g.count = 1;
	assert_int_equal(guests_host_open(&rig.g, &error), 0);
	rig.g.host->standing = (struct guests_standing){
		.status = GNOMON_VMCLOCK_SYNCHRONIZED,
		.reference = true,
		.reference_bound_ns = 1000,
	};
	look();
	look();
	return 0;
}

static int tear_down(void **state)
{
	guests_host_close(&rig.g);
	rig.conf.clockbound_file = "";
	free(keeper.memory);
	free(keeper.sources);
	free(engine_memory);
	rig_down(&rig);
	return 0;
}

static void assert_time(void)
{
	const struct guests_host *h = rig.g.host;
	const gnomon_time is = gnomon_fine_to_time(h->now.time);
	const int64_t want = read_ns(CLOCK_MONOTONIC_RAW) + base_ns + shift_ns;

	assert_true(h->now.valid);
	assert_in_range(want - (is.sec * (int64_t)GNOMON_NSEC_PER_SEC + is.nsec) + 1000, 0,
			5000 * MS);
}

static bool contradicted(void)
{
	return strstr(rig.told, "is not where it was left") != NULL;
}

/* Who is the reference is right whatever it shows; readers hear that it is another time. */
static void reference_is_set(void **state)
{
	assert_int_equal(rig.g.host->now.status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_true(rig.g.host->now.bound_ns >= 1000);
	assert_false(guest.disrupted);
	assert_time();
	shift_ns += 3 * MS;
	look();
	assert_true(contradicted());
	assert_true(guest.disrupted);
	assert_int_equal(rig.g.next.ns, 0); /* at once */
	assert_false(rig.g.host->doubted);
	assert_false(keeper.doubted);
	assert_time();
}

/* Else nobody knows what is right until it was measured. */
static void kept_clock_is_set(void **state)
{
	rig.g.host->standing.reference = false;
	shift_ns -= 3 * MS;
	look();
	assert_true(contradicted());
	assert_true(guest.disrupted);
	assert_true(rig.g.host->doubted);
	assert_true(keeper.doubted); /* it looks for itself */
	assert_true(rig.g.host->line.doubtful);
	assert_false(rig.g.host->now.valid);
	assert_int_equal(rig.g.host->now.status, GNOMON_VMCLOCK_UNRELIABLE);
	keeper.watch.measured(keeper.watch.context);
	assert_false(rig.g.host->doubted);
	assert_false(rig.g.host->line.doubtful);
}

/* A step that is told is none that is found, and readers hear of it. */
static void step_is_told(void **state)
{
	guest.disrupted = false;
	shift_ns += 70000 * MS;
	keeper.watch.stepped(keeper.watch.context, gnomon_span_from_ns(70000 * MS), 1000.0, true);
	assert_true(guest.disrupted);
	look();
	assert_false(contradicted());
	assert_time();
	/* One of which nobody knows how far: the line begins anew. */
	keeper.watch.stepped(keeper.watch.context, gnomon_span_from_ns(0), (double)INFINITY,
			     false);
	assert_false(rig.g.host->line.started);
	assert_true(guest.disrupted);
	shift_ns += 90000 * MS;
	look();
	assert_false(contradicted());
	assert_time();
}

/* The clock's time scale is another one: TAI is a step away, the clock is not. */
static void time_scale(void **state)
{
	announce(37, 0);
	rig.conf.utc_offset = 37;
	look();
	assert_false(contradicted());
	assert_true(guest.disrupted);
	assert_int_equal(rig.g.host->shift_s, 37);
	shift_ns += 37 * (int64_t)GNOMON_NSEC_PER_SEC;
	assert_time();
}

static int64_t clockbound_ns(void)
{
	int64_t ns = 0;
	FILE *f = fopen(segment, "r");

	assert_non_null(f);
	assert_int_equal(fseek(f, 48, SEEK_SET), 0);
	assert_int_equal(fread(&ns, sizeof(ns), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	return ns;
}

/* CLOCK_REALTIME against the line: what it is off counts; a step of either is another marker. */
static void quality(void **state)
{
	const struct gnomon_quality *q = &rig.g.host->quality;
	const uint64_t marker = q->disruption_marker;

	assert_true(q->flags & GNOMON_QUALITY_OFFSET_VALID);
	assert_in_range(q->offset_ns + 37 * (int64_t)GNOMON_NSEC_PER_SEC + MS, 0, 2 * MS);
	assert_true(q->maxerror_ns >= 1000 && q->maxerror_ns < (uint64_t)MS);
	assert_in_range(clockbound_ns(), 1000, 2 * MS);
	look();
	assert_true(q->disruption_marker == marker);
	shift_ns += 5 * MS;
	keeper.watch.stepped(keeper.watch.context, gnomon_span_from_ns(5 * MS), 0.0, true);
	look();
	assert_true(q->disruption_marker != marker);
	assert_in_range(clockbound_ns(), 4 * MS, 7 * MS);
}

/* What ClockBound's clients are told of the drift. */
static uint32_t clockbound_drift(void)
{
	uint32_t ppb = 0;
	FILE *f = fopen(segment, "r");

	assert_non_null(f);
	assert_int_equal(fseek(f, 64, SEEK_SET), 0);
	assert_int_equal(fread(&ppb, sizeof(ppb), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	return ppb;
}

/* Where others keep CLOCK_REALTIME it grows as configured. Where we do, by the corrections in
 * progress: said at once, in case that is the last thing we do. */
static void quality_grows(void **state)
{
	const struct guests_host *h = rig.g.host;
	const struct gnomon_quality *q = &h->quality;
	struct guests_standing standing = rig.g.host->standing;
	uint32_t before;

	rig.conf.realtime_slew_ppb = 83333333;
	look();
	assert_in_range(q->growth_ppb - (uint32_t)h->now.growth_ppb, 83333333, 83333334);
	assert_non_null(conf_sync_add(&rig.conf, "down"));
	rig.conf.syncs[0].sink = "CLOCK_REALTIME";
	standing.realtime_slew_ppb = (double)INFINITY;
	guests_kept(&rig.g, &standing);
	look();
	assert_in_range(q->growth_ppb - (uint32_t)h->now.growth_ppb, 83333333, 83333334);
	standing.realtime_slew_ppb = 1000;
	guests_kept(&rig.g, &standing);
	look();
	before = q->growth_ppb;
	assert_in_range(before - (uint32_t)h->now.growth_ppb, 11000, 11001);
	rig.g.count = 0;
	rig.g.next = GNOMON_MONO_NEVER;
	guests_expire(&rig.g, timer_now());
	assert_int_equal(q->growth_ppb, before);
	assert_int_equal(clockbound_drift(), before);
	standing.realtime_slew_ppb = 401000;
	guests_kept(&rig.g, &standing);
	guests_expire(&rig.g, timer_now());
	assert_in_range(q->growth_ppb, before + 400000, before + 400001);
	assert_int_equal(clockbound_drift(), q->growth_ppb);
	keeper.watch.frequency(keeper.watch.context, 1000, -299000);
	guests_expire(&rig.g, timer_now());
	assert_in_range(q->growth_ppb, before + 700000, before + 700002);
	assert_int_equal(clockbound_drift(), q->growth_ppb);
	rig.g.count = 1;
}

#define ROW(name) { "/gnomond/guests/host/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(reference_is_set), ROW(kept_clock_is_set), ROW(step_is_told),
		ROW(time_scale),       ROW(quality),
		ROW(quality_grows),
	};
	struct driver_error why = { "" };

	if (counter_check(NULL, &why) != 0) {
		printf("1..0 # SKIP %s\n", why.text);
		return 0;
	}
	return cmocka_run_group_tests_name("/gnomond/guests/host", tests, NULL, NULL);
}
