/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks that start far off, wander, warm up, are stepped, or must count a leap second. */
#include "words.h"

#define START(offset, ppb, set_oc) \
	.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1 " set_oc, .offset_s = offset, \
				 .oscillator = { .frequency_ppb = ppb, \
						 .random_walk_ppb = 1.0 } }), \
	.links = LINKS({ "link", "gm oc", NOISE(100) })

#define EIGHT "step_threshold=0.0001 logSyncInterval=-3 logMinDelayReqInterval=-3 "

/* UTC 2029-12-31T23:50:00. */
#define BEFORE_MIDNIGHT INT64_C(1893455400)

#define LEAP(kind) \
	.duration_s = 1200, .settle_s = 60, .limit_ns = 2000, .start_utc_s = BEFORE_MIDNIGHT, \
	.nodes = NODES(GM(""), { "bc", .ports = 2, COLD }, \
		       { "oc", .count = 2, .set = "clientOnly=1", COLD }), \
	.links = LINKS({ "uplink", "gm bc", NOISE(100) }, { "lan", "bc.2 oc", NOISE(100) }), \
	.timeline = TIMELINE({ SIM_LEAP, 120, "gm", .value = kind, .label = "leap announced" }, \
			     { SIM_LEAP, 602, "gm", .value = 0, .label = "leap over" })

#define FLAGS(who, at, is) \
	{ SIM_EXPECT_FLAGS, .node = who, .at_s = at, .low = is, \
	  .value = GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59 }
#define UTC_OFFSET(who, at, is) { SIM_EXPECT_UTC_OFFSET, .node = who, .at_s = at, .low = is }
#define UTC_RIGHT(who, from) { SIM_EXPECT_UTC, .node = who, .at_s = from, .high = 0 }

const struct sim_scenario sim_clock_scenarios[] = {
	{
		"frequency-500ppm", "a clock that starts 500 ppm fast",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000,
		START(0.0, 500000.0, ""),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 70, 130),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 30, 1),
			{ SIM_EXPECT_FREQUENCY, .node = "oc", .low = -501000, .high = -499000 }),
	},
	{
		"frequency-minus-500ppm", "a clock that starts 500 ppm slow",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000,
		START(0.0, -500000.0, ""),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 70, 130),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 30, 1),
			{ SIM_EXPECT_FREQUENCY, .node = "oc", .low = 499000, .high = 501000 }),
	},
	{
		"offset-plus-10s", "10 s ahead; stepped on the first update",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000,
		START(10.0, 100000.0, ""),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), STEPS("oc", 0, 1, 1),
			RMS("oc", 100, 70, 130), BOUNDED("oc", 30, 1)),
	},
	{
		"offset-minus-10s", "10 s behind; stepped on the first update",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000,
		START(-10.0, 100000.0, ""),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), STEPS("oc", 0, 1, 1),
			RMS("oc", 100, 70, 130), BOUNDED("oc", 30, 1)),
	},
	{
		"offset-plus-10s-slewed", "10 s ahead, never stepped, at most 5 % slower",
		.duration_s = 900, .settle_s = 400, .limit_ns = 2000,
		START(10.0, 100000.0, "first_step_threshold=0 max_frequency=50000000"),
		/* At 5 % it takes 200 s. */
		.expect = EXPECT(FAR_OFF("oc", 150, 180, 1e9), MAX_TE("oc", 400, 2000),
			STEPS("oc", 0, 0, 0), BOUNDED("oc", 400, 1)),
	},
	{
		"offset-minus-10s-slewed", "10 s behind, never stepped, at most 5 % faster",
		.duration_s = 900, .settle_s = 400, .limit_ns = 2000,
		START(-10.0, 100000.0, "first_step_threshold=0 max_frequency=50000000"),
		.expect = EXPECT(FAR_OFF("oc", 150, 180, 1e9), MAX_TE("oc", 400, 2000),
			STEPS("oc", 0, 0, 0), BOUNDED("oc", 400, 1)),
	},
	{
		"wander", "frequency walks 1e-4 per square root of a second",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 2e6,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1 drift_ppb_per_s=500000",
					 .offset_s = 0.1,
					 .oscillator = { .frequency_ppb = 1e5,
							 .random_walk_ppb = 1e5 } }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		/* The reference point: 1.5e-4 s. */
		.expect = EXPECT(RMS("oc", 100, 130e3, 172e3), MAX_TE("oc", 30, 2e6),
			BOUNDED("oc", 60, 0.99)),
	},
	{
		"oscillator-noise", "white and flicker frequency noise of a plain crystal",
		.duration_s = 4000, .settle_s = 100, .limit_ns = 2000,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", .offset_s = 0.1,
					 .oscillator = { .frequency_ppb = 20000.0,
							 .white_ppb = 5.0, .flicker_ppb = 2.0,
							 .random_walk_ppb = 0.1 } }),
		.links = LINKS({ "link", "gm oc", NOISE(10) }),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 8, 30),
			BOUNDED("oc", 30, 1)),
	},
	{
		"temperature", "a fan stops at 1000 s: 2 ppm within minutes",
		.duration_s = 3000, .settle_s = 100, .limit_ns = 2000,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", .offset_s = 0.1,
					 .oscillator = { .frequency_ppb = 20000.0,
							 .random_walk_ppb = 1.0,
							 .step_ppb = 2000, .step_at_s = 1000,
							 .step_settle_s = 200 } }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		/* A ramp of 10 ppb/s against ki = 0.3: 33 ns more. */
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 80, 130),
			BOUNDED("oc", 30, 1)),
	},
	{
		"day", "a day in a room that warms and cools by 10 ppm",
		.duration_s = 86400, .settle_s = 600, .limit_ns = 2000,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", .offset_s = 0.1,
					 .oscillator = { .frequency_ppb = 20000.0,
							 .random_walk_ppb = 1.0,
							 .aging_ppb = 50.0, .sine_ppb = 10000,
							 .sine_period_s = 86400 } }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 600, 85, 115),
			STATE("oc", 1, 86000, TIME_RECEIVER), STEPS("oc", 0, 1, 1),
			COUNTER("oc", 1, "drop.stale", 0, 0), BOUNDED("oc", 30, 1)),
	},
	{
		"gm-step", "the grandmaster's clock is stepped by 1 ms; receivers slew after it",
		.duration_s = 900, .settle_s = 100, .limit_ns = 2000,
		START(0.1, 100000.0, ""),
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 400, "gm", .value = 0.001,
				       .label = "gm stepped" }),
		.expect = EXPECT(MAX_TE_UNTIL("oc", 30, 400, 2000), STEPS("oc", 0, 1, 1),
			{ SIM_EXPECT_MAX_TE, .node = "oc", .at_s = 460, .high = 2000, .of = "gm" },
			MEAN("oc", 460, 999000, 1001000),
			{ SIM_EXPECT_BOUND, .node = "oc", .at_s = 460, .low = 1, .high = 1,
			  .of = "gm" }),
	},
	{
		"gm-step-back", "the grandmaster is set back by 2 s; receivers may step",
		.duration_s = 900, .settle_s = 100, .limit_ns = 2000,
		START(0.1, 100000.0, "step_threshold=0.0001"),
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 400, "gm", .value = -2.0,
				       .label = "gm set back" }),
		.expect = EXPECT(MAX_TE_UNTIL("oc", 30, 400, 2000), STEPS("oc", 0, 2, 2),
			{ SIM_EXPECT_MAX_TE, .node = "oc", .at_s = 420, .high = 2000, .of = "gm" }),
	},
	{
		"bc-step", "a boundary clock steps under its client, when it locks and once more",
		.duration_s = 120, .settle_s = 70, .limit_ns = 2000, .tick_s = 0.125,
		.nodes = NODES({ "gm", .set = GM_SET EIGHT, .reference = true, .start_s = 12,
				 .spread_s = 6 },
			       { "bc", .ports = 2, .set = EIGHT, CRYSTAL, .offset_s = -1.5 },
			       { "oc", .set = "clientOnly=1 " EIGHT, CRYSTAL,
				 .offset_s = 1.5 }),
		.links = LINKS({ "uplink", "gm bc", NOISE(100) }, { "lan", "bc.2 oc", NOISE(100) }),
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 60.03, "bc", .value = 1.5,
				       .label = "bc set by hand" }),
		/* The client may be anywhere between its first sample and long locked. What it was
		 * told of the other timescale says nothing about the noise of this one. */
		.expect = EXPECT(MAX_TE_UNTIL("oc", 35, 60, 2000), MAX_TE("oc", 66, 2000),
			BOUND_NS("oc", 35, 60, 4000), BOUND_NS("oc", 66, 80, 4000),
			BOUNDED("oc", 66, 1), STEPS("oc", 0, 2, 5)),
	},
	{
		"client-step", "somebody sets the receiver's clock by 50 ms",
		.duration_s = 900, .settle_s = 100, .limit_ns = 2000,
		START(0.1, 100000.0, "step_threshold=0.0001"),
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 400.5, "oc", .value = 0.05,
				       .label = "oc set by hand" }),
		.expect = EXPECT(MAX_TE_UNTIL("oc", 30, 400, 2000), MAX_TE("oc", 430, 2000),
			STEPS("oc", 0, 3, 3)),
	},
	{
		"leap-insert", "a leap second is inserted at midnight, behind a boundary clock",
		LEAP(61),
		/* 23:59:60 is at 600 s; the grandmaster knows at 602 s that it is over. */
		.expect = EXPECT(FLAGS("bc", 100, 0), FLAGS("oc", 100, 0),
			FLAGS("bc", 130, GNOMON_FLAG_LEAP61), FLAGS("oc", 130, GNOMON_FLAG_LEAP61),
			FLAGS("oc", 600, GNOMON_FLAG_LEAP61), UTC_OFFSET("oc", 600, 37),
			FLAGS("oc", 612, 0), UTC_OFFSET("oc", 612, 38), UTC_OFFSET("bc", 612, 38),
			MAX_TE("oc", 60, 2000), MAX_TE("bc", 60, 2000), UTC_RIGHT("oc", 60),
			UTC_RIGHT("bc", 60)),
	},
	{
		"leap-delete", "the last second of the day is left out, behind a boundary clock",
		LEAP(59),
		.expect = EXPECT(FLAGS("bc", 130, GNOMON_FLAG_LEAP59),
			FLAGS("oc", 130, GNOMON_FLAG_LEAP59), UTC_OFFSET("oc", 598, 37),
			FLAGS("oc", 612, 0), UTC_OFFSET("oc", 612, 36), UTC_OFFSET("bc", 612, 36),
			MAX_TE("oc", 60, 2000), UTC_RIGHT("oc", 60), UTC_RIGHT("bc", 60)),
	},
	{
		"holdover", "the only grandmaster is silent from 600 s to 1200 s",
		.duration_s = 1800, .settle_s = 100, .limit_ns = 2000,
		.nodes = NODES(GM(""), { "oc", .set = "drift_ppb_per_s=1", .offset_s = 0.1,
					 .oscillator = { .frequency_ppb = 20000.0,
							 .random_walk_ppb = 0.3 } }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		.timeline = TIMELINE({ SIM_CUT, 600, "link", .node = "gm", .label = "gm silent" },
				     { SIM_MEND, 1200, "link", .node = "gm", .label = "gm back" }),
		/* The receiver takes over on its last frequency; its bound grows, and holds. */
		.expect = EXPECT(MAX_TE_UNTIL("oc", 30, 600, 2000),
			STATE("oc", 1, 640, TIME_TRANSMITTER), FOLLOWS("oc", 640, "oc"),
			FOLLOWS("oc", 1230, "gm"), STATE("oc", 1, 1230, TIME_RECEIVER),
			MAX_TE("oc", 1300, 2000), BOUNDED("oc", 30, 1),
			BOUND_NS("oc", 1100, 1200, 1e9)),
	},
	{ .name = NULL },
};
