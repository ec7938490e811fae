/* SPDX-License-Identifier: BSD-2-Clause */
/* What a clock announces of itself, at every edge of the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tools/gnomond/quality.h"

#define TRACEABLE (GNOMON_FLAG_TIME_TRACEABLE | GNOMON_FLAG_FREQUENCY_TRACEABLE)

static const struct gnomon_time_properties_ds base = {
	.current_utc_offset = 37,
	.flags = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID | GNOMON_FLAG_LEAP61,
	.time_source = 0xa0,
};

static gnomon_mono at(double seconds)
{
	return (gnomon_mono){ (int64_t)(seconds * 1e9) };
}

static struct quality made(int clock_class, int accuracy)
{
	struct conf conf;
	struct quality q;

	assert_int_equal(conf_init(&conf, true), 0);
	conf.clock_class = clock_class;
	conf.clock_accuracy = accuracy;
	conf.offset_scaled_log_variance = 0x4e5d;
	quality_init(&q, &conf);
	conf_finish(&conf);
	return q;
}

static struct quality_source source(int clock_class)
{
	return (struct quality_source){ .clock_class = (uint8_t)clock_class, .time_source = 0x20 };
}

#define EVER HUGE_VAL

/* Bounds of the defaults: 1 us and 1 ms. */
static void classes(void **state)
{
	static const struct {
		enum quality_standing standing;
		int source_class;
		double bound_ns;
		int want;
	} cases[] = {
		{ QUALITY_FOLLOWING, 6, 1, 6 },
		{ QUALITY_FOLLOWING, 6, 1e9, 6 },
		{ QUALITY_FOLLOWING, 6, EVER, 6 },
		{ QUALITY_FOLLOWING, 13, 1, 13 },
		{ QUALITY_FOLLOWING, 248, 1, 248 },
		{ QUALITY_FOLLOWING, 52, 1, 52 },
		{ QUALITY_LOST, 6, 0, 7 },
		{ QUALITY_LOST, 6, 999.999, 7 },
		{ QUALITY_LOST, 6, 1000, 7 },
		{ QUALITY_LOST, 6, 1000.001, 187 },
		{ QUALITY_LOST, 6, 1e6, 187 },
		{ QUALITY_LOST, 6, 1000000.001, 248 },
		{ QUALITY_LOST, 6, EVER, 248 },
		{ QUALITY_LOST, 6, NAN, 248 },
		{ QUALITY_LOST, 13, 1000, 14 },
		{ QUALITY_LOST, 13, 1001, 193 },
		{ QUALITY_LOST, 13, 1e6, 193 },
		{ QUALITY_LOST, 13, 1000001, 248 },
		{ QUALITY_LOST, 248, 0, 248 },
		{ QUALITY_LOST, 7, 0, 248 },
		{ QUALITY_LOST, 52, 0, 248 },
		{ QUALITY_LOST, 255, 0, 248 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct quality q = made(248, 0xfe);
		struct quality_source s = source(cases[i].source_class);
		struct quality_claim claim;

		assert_true(quality_update(&q, cases[i].standing, &s, cases[i].bound_ns, &base,
					   at(0), &claim));
		assert_int_equal(claim.quality.clock_class, cases[i].want);
		assert_int_equal(claim.quality.offset_scaled_log_variance, 0x4e5d);
	}
}

/* Both limits are the operator's; one above the other leaves no step between. */
static void own_limits(void **state)
{
	struct quality_source s = source(6);
	struct quality_claim claim;
	struct quality q;
	struct conf conf;

	assert_int_equal(conf_init(&conf, true), 0);
	conf.holdover_bound_ns = 500;
	conf.degraded_bound_ns = 100;
	quality_init(&q, &conf);
	(void)quality_update(&q, QUALITY_LOST, &s, 500, &base, at(0), &claim);
	assert_int_equal(claim.quality.clock_class, 7);
	(void)quality_update(&q, QUALITY_LOST, &s, 501, &base, at(0), &claim);
	assert_int_equal(claim.quality.clock_class, 248);
	conf_finish(&conf);
}

/* Table 5 of 7.6.2.6: each limit belongs to its own value, what is beyond to the next. */
static void accuracies(void **state)
{
	static const double limits[] = {
		1e-3, 2.5e-3, 1e-2, 2.5e-2, 1e-1, 2.5e-1, 1,   2.5,   10,  25,	  100, 250, 1e3,
		2.5e3, 1e4,   2.5e4, 1e5,   2.5e5, 1e6,	  2.5e6, 1e7, 2.5e7, 1e8, 2.5e8, 1e9, 1e10,
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_int_equal(quality_accuracy(limits[i]), 0x17 + i);
		assert_int_equal(quality_accuracy(limits[i] * 1.0001), 0x18 + i);
		assert_true(quality_accuracy_bound((uint8_t)(0x17 + i)) == limits[i]);
	}
	assert_int_equal(quality_accuracy(0), 0x17);
	assert_int_equal(quality_accuracy(1e300), 0x31);
	assert_int_equal(quality_accuracy(HUGE_VAL), 0xfe);
	assert_int_equal(quality_accuracy(NAN), 0xfe);
	assert_true(isinf(quality_accuracy_bound(0x31)));
	assert_true(isinf(quality_accuracy_bound(0x16)));
	assert_true(isinf(quality_accuracy_bound(0xfe)));
	assert_true(isinf(quality_accuracy_bound(0)));
}

/* The ports, or nothing yet: the words of the file, untouched. */
static void configured(void **state)
{
	struct quality q = made(6, 0x21);
	struct quality_source ports = { .ports = true, .clock_class = 13, .flags = TRACEABLE };
	struct quality_source s = source(13);
	struct quality_claim claim;

	assert_true(quality_update(&q, QUALITY_NEVER, &s, 5, &base, at(0), &claim));
	assert_int_equal(claim.quality.clock_class, 6);
	assert_int_equal(claim.quality.clock_accuracy, 0x21);
	assert_int_equal(claim.properties.current_utc_offset, base.current_utc_offset);
	assert_int_equal(claim.properties.flags, base.flags);
	assert_int_equal(claim.properties.time_source, base.time_source);
	assert_false(quality_update(&q, QUALITY_FOLLOWING, &ports, 5, &base, at(1), &claim));
	assert_false(quality_update(&q, QUALITY_LOST, &ports, 5e9, &base, at(2), &claim));
	assert_int_equal(claim.quality.clock_class, 6);
	assert_int_equal(claim.quality.clock_accuracy, 0x21);
}

/* A bound that breathes about a limit: the worse value stands, and one change was told. */
static void no_chatter(void **state)
{
	struct quality q = made(248, 0xfe);
	struct quality_source s = source(248);
	struct quality_claim claim;
	unsigned int changes = 0;

	for (int i = 0; i < 600; i++) {
		changes += quality_update(&q, QUALITY_FOLLOWING, &s, i % 20 < 19 ? 95 : 105, &base,
					  at(i), &claim);
		assert_int_equal(claim.quality.clock_accuracy, i < 19 ? 0x21 : 0x22);
	}
	assert_int_equal(changes, 2);
	/* The breath of the last 30 s and no older one decides. */
	for (int i = 600; i < 630; i++) {
		assert_false(quality_update(&q, QUALITY_FOLLOWING, &s, i == 610 ? 24 : 8, &base,
					    at(i), &claim));
	}
	assert_true(quality_update(&q, QUALITY_FOLLOWING, &s, 8, &base, at(630), &claim));
	assert_int_equal(claim.quality.clock_accuracy, 0x20);
	assert_false(quality_update(&q, QUALITY_FOLLOWING, &s, 8, &base, at(631), &claim));
	assert_false(quality_update(&q, QUALITY_FOLLOWING, &s, 8, &base, at(660.999), &claim));
	assert_true(quality_update(&q, QUALITY_FOLLOWING, &s, 8, &base, at(661), &claim));
	assert_int_equal(claim.quality.clock_accuracy, 0x1f);
	/* Worse is told at once, as far as it goes. */
	assert_true(quality_update(&q, QUALITY_FOLLOWING, &s, 1e7, &base, at(661.5), &claim));
	assert_int_equal(claim.quality.clock_accuracy, 0x2b);
	assert_true(quality_update(&q, QUALITY_LOST, &s, HUGE_VAL, &base, at(662), &claim));
	assert_int_equal(claim.quality.clock_accuracy, 0xfe);
}

/* What is configured is a limit to what may be claimed. */
static void configured_accuracy(void **state)
{
	struct quality q = made(248, 0x22);
	struct quality_source s = source(6);
	struct quality_claim claim;

	(void)quality_update(&q, QUALITY_FOLLOWING, &s, 1, &base, at(0), &claim);
	assert_int_equal(claim.quality.clock_accuracy, 0x22);
	(void)quality_update(&q, QUALITY_FOLLOWING, &s, 251, &base, at(1), &claim);
	assert_int_equal(claim.quality.clock_accuracy, 0x23);
	(void)quality_update(&q, QUALITY_FOLLOWING, &s, HUGE_VAL, &base, at(2), &claim);
	assert_int_equal(claim.quality.clock_accuracy, 0xfe);
}

static void properties(void **state)
{
	static const struct {
		enum quality_standing standing;
		int source_class;
		uint16_t source_flags;
		double bound_ns;
		uint16_t traceable;
		bool ptp_timescale;
		int time_source;
	} cases[] = {
		{ QUALITY_FOLLOWING, 6, 0, 10, TRACEABLE, true, 0x20 },
		{ QUALITY_LOST, 6, 0, 10, TRACEABLE, true, 0xa0 },
		{ QUALITY_LOST, 6, TRACEABLE, 2000, 0, true, 0xa0 },
		{ QUALITY_LOST, 6, TRACEABLE, 1e9, 0, true, 0xa0 },
		{ QUALITY_FOLLOWING, 13, TRACEABLE, 10, 0, false, 0x20 },
		{ QUALITY_LOST, 13, TRACEABLE, 10, 0, false, 0xa0 },
		{ QUALITY_LOST, 13, 0, 2000, 0, false, 0xa0 },
		{ QUALITY_LOST, 13, 0, 1e9, 0, false, 0xa0 },
		{ QUALITY_FOLLOWING, 248, 0, 10, 0, true, 0x20 },
		{ QUALITY_FOLLOWING, 248, TRACEABLE | GNOMON_FLAG_LEAP59, 10, TRACEABLE, true,
		  0x20 },
		{ QUALITY_FOLLOWING, 248, GNOMON_FLAG_FREQUENCY_TRACEABLE, 10,
		  GNOMON_FLAG_FREQUENCY_TRACEABLE, true, 0x20 },
		{ QUALITY_LOST, 248, TRACEABLE, 10, 0, true, 0xa0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gnomon_time_properties_ds own = base;
		struct quality q = made(248, 0xfe);
		struct quality_source s = source(cases[i].source_class);
		struct quality_claim claim;

		own.flags |= i & 1 ? TRACEABLE : 0; /* what it says of itself does not count */
		s.flags = cases[i].source_flags;
		(void)quality_update(&q, cases[i].standing, &s, cases[i].bound_ns, &own, at(0),
				     &claim);
		assert_int_equal(claim.properties.flags,
				 cases[i].traceable | (cases[i].ptp_timescale ? base.flags : 0));
		assert_int_equal(claim.properties.time_source, cases[i].time_source);
		assert_int_equal(claim.properties.current_utc_offset, 37);
	}
}

/* Another leap second or UTC offset is a change as well. */
static void changes(void **state)
{
	struct gnomon_time_properties_ds own = base;
	struct quality q = made(248, 0xfe);
	struct quality_source s = source(6);
	struct quality_claim claim;

	assert_true(quality_update(&q, QUALITY_FOLLOWING, &s, 5, &own, at(0), &claim));
	assert_false(quality_update(&q, QUALITY_FOLLOWING, &s, 5, &own, at(1), &claim));
	own.current_utc_offset = 38;
	assert_true(quality_update(&q, QUALITY_FOLLOWING, &s, 5, &own, at(2), &claim));
	own.flags &= (uint16_t)~GNOMON_FLAG_LEAP61;
	assert_true(quality_update(&q, QUALITY_FOLLOWING, &s, 5, &own, at(3), &claim));
	assert_true(quality_update(&q, QUALITY_LOST, &s, 5, &own, at(4), &claim));
	assert_false(quality_update(&q, QUALITY_LOST, &s, 5, &own, at(5), &claim));
	s.time_source = 0x10; /* of a source that is gone */
	assert_false(quality_update(&q, QUALITY_LOST, &s, 5, &own, at(6), &claim));
}

static void time_sources(void **state)
{
	struct conf_source s = { .type = CONF_SOURCE_PTP };

	assert_int_equal(quality_time_source(&s), 0x40);
	s.type = CONF_SOURCE_NTP;
	assert_int_equal(quality_time_source(&s), 0x50);
	s.type = CONF_SOURCE_PHC;
	assert_int_equal(quality_time_source(&s), 0x90);
	s.type = CONF_SOURCE_PPS;
	assert_int_equal(quality_time_source(&s), 0x90);
	s.time_source = 0x20;
	assert_int_equal(quality_time_source(&s), 0x20);
}

#define ROW(name) { "/gnomond/quality/" #name, name, NULL, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(classes),	 ROW(own_limits), ROW(accuracies),	    ROW(configured),
		ROW(no_chatter), ROW(properties), ROW(configured_accuracy), ROW(changes),
		ROW(time_sources),
	};

	return cmocka_run_group_tests_name("/gnomond/quality", tests, NULL, NULL);
}
