/* SPDX-License-Identifier: BSD-2-Clause */
/* Several sources of one clock, and none: who is followed, and what the clock knows without. */
#include <gnomon/ensemble.h>

#include "words.h"

/* Three grandmasters in three domains, and a clock that receives each of them with an instance of
 * its own. The first is the preferred one. Four looks a second. */
#define GRANDMASTER(who, domain) \
	{ who, .set = GM_SET "domainNumber=" domain, .reference = true }
#define RECEIVER(count) { "oc", .ports = count, .apart = true, .set = "clientOnly=1", COLD }
#define THREE_SOURCES .settle_s = 100, .limit_ns = 2000, .tick_s = 0.25, \
	.nodes = NODES(GRANDMASTER("gm1", "0"), GRANDMASTER("gm2", "1"), \
		       GRANDMASTER("gm3", "2"), RECEIVER(3)), \
	.links = LINKS({ "one", "gm1 oc.1", NOISE(100) }, { "two", "gm2 oc.2", NOISE(100) }, \
		       { "three", "gm3 oc.3", NOISE(100) })
#define TWO_SOURCES .settle_s = 100, .limit_ns = 2000, .tick_s = 0.25, \
	.nodes = NODES(GRANDMASTER("gm1", "0"), GRANDMASTER("gm2", "1"), RECEIVER(2)), \
	.links = LINKS({ "one", "gm1 oc.1", NOISE(100) }, { "two", "gm2 oc.2", NOISE(100) })

#define SOURCE(at, number) \
	{ SIM_EXPECT_SOURCE, .node = "oc", .at_s = at, .low = number }
#define IS(number, at, what) \
	{ SIM_EXPECT_SOURCE_STATE, .node = "oc", .port = number, .at_s = at, \
	  .low = GNOMON_SOURCE_##what }
#define MODE(who, at, what) \
	{ SIM_EXPECT_MODE, .node = who, .at_s = at, .low = GNOMON_ENSEMBLE_##what }
#define BOUNDED_UNTIL(who, from, until) \
	{ SIM_EXPECT_BOUND, .node = who, .at_s = from, .to_s = until, .low = 1, .high = 1 }
#define MEAN_UNTIL(who, from, until, least, most) \
	{ SIM_EXPECT_MEAN_TE, .node = who, .at_s = from, .to_s = until, .low = least, .high = most }
#define SWITCHES(at, least, most) \
	{ SIM_EXPECT_SWITCHES, .node = "oc", .at_s = at, .low = least, .high = most }

/* Nothing of what the sources do may be seen in the clock: no step after the first, no excursion,
 * the error within the bound at every look. */
#define UNDISTURBED MAX_TE("oc", 40, 2000), STEPS("oc", 0, 1, 1), BOUNDED("oc", 20, 1), \
	{ SIM_EXPECT_RATE, .node = "oc", .at_s = 100, .high = 1200 }

/* The lie is the true time plus this from 300 s to 900 s. Three reports in a row drop a source; it
 * is good again after 30 s and preferred again after 300 s. */
#define LIE(seconds) \
	.duration_s = 1400, THREE_SOURCES, \
	.timeline = TIMELINE({ SIM_STEP_CLOCK, 300.01, "gm1", .value = seconds, \
			       .label = "gm1 lies" }, \
			     { SIM_STEP_CLOCK, 900.01, "gm1", .value = -(seconds), \
			       .label = "gm1 is honest" }), \
	.expect = EXPECT(SOURCE(299, 1), SOURCE(304.1, 2), IS(1, 304.1, OUTVOTED), \
		IS(3, 304.1, GOOD), IS(1, 899, OUTVOTED), IS(1, 906, WAITING), \
		IS(1, 935, GOOD), SOURCE(1190, 2), SOURCE(1210, 1), SWITCHES(1399, 3, 3), \
		UNDISTURBED)

/* Four oscillators that are learnt for an hour and then left alone for another, beside one that
 * everything happens to. What they know of themselves must be true in every run. */
#define LEARNER(who, ...) \
	{ who, .set = "clientOnly=1", .offset_s = 0.001, .oscillator = { __VA_ARGS__ } }

#define HELD(who, error, bound) MODE(who, 3650, HOLDOVER), MODE(who, 7190, HOLDOVER), \
	BOUNDED(who, 20, 1), MAX_TE_UNTIL(who, 7190, 7200, error), \
	BOUND_NS(who, 7190, 7200, bound), \
	{ SIM_EXPECT_GROWTH, .node = who, .at_s = 7190, .low = 0.5, .high = 1.1, .value = 3585 }, \
	STEPS(who, 0, 1, 1), MODE(who, 7290, FOLLOWING), \
	MAX_TE(who, 7320, 2000)

const struct sim_scenario sim_sources_scenarios[] = {
	{
		"sources", "three grandmasters in three domains; the first is followed",
		.duration_s = 900, THREE_SOURCES,
		.expect = EXPECT(SOURCE(20, 1), SOURCE(899, 1), IS(1, 899, SELECTED),
			IS(2, 20, GOOD), IS(3, 20, GOOD), IS(2, 899, GOOD), IS(3, 899, GOOD),
			SWITCHES(899, 1, 1), RMS("oc", 100, 80, 120),
			BOUND_NS("oc", 200, 900, 1200), UNDISTURBED),
	},
	{ "sources-lie-100us", "the preferred of three sources lies by 100 us", LIE(100e-6) },
	{ "sources-lie-1s", "the preferred of three sources lies by 1 s", LIE(1.0) },
	{ "sources-lie-back", "the preferred of three sources is 37 s behind", LIE(-37.0) },
	{
		"sources-liar-first", "the first of three sources is 100 us ahead from the start",
		.duration_s = 1500, .settle_s = 100, .limit_ns = 2000, .tick_s = 0.25,
		.nodes = NODES({ "gm1", .set = GM_SET, .reference = true, .offset_s = 100e-6 },
			       GRANDMASTER("gm2", "1"), GRANDMASTER("gm3", "2"), RECEIVER(3)),
		.links = LINKS({ "one", "gm1 oc.1", NOISE(100) },
			       { "two", "gm2 oc.2", NOISE(100) },
			       { "three", "gm3 oc.3", NOISE(100) }),
		/* Nobody can tell before delays are measured well; until then it is in the bound.
		 * What was followed of the lie is slewed away at 100 ppb. */
		.expect = EXPECT(IS(1, 60, OUTVOTED), SOURCE(1499, 2),
			MAX_TE("oc", 60, 101000), MAX_TE("oc", 1100, 2000), BOUNDED("oc", 20, 1),
			STEPS("oc", 0, 1, 1)),
	},
	{
		"sources-drift", "the preferred of three sources runs away slowly, from 300 s on",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000, .tick_s = 0.25,
		.nodes = NODES({ "gm1", .set = GM_SET, .reference = true,
				 .oscillator = { .step_ppb = 100.0, .step_at_s = 300.0 } },
			       GRANDMASTER("gm2", "1"), GRANDMASTER("gm3", "2"), RECEIVER(3)),
		.links = LINKS({ "one", "gm1 oc.1", NOISE(100) },
			       { "two", "gm2 oc.2", NOISE(100) },
			       { "three", "gm3 oc.3", NOISE(100) }),
		/* Who comes next may be in doubt for a moment: the clock follows the wrong one. */
		.expect = EXPECT(SOURCE(299, 1), IS(1, 599, OUTVOTED), SWITCHES(599, 2, 5),
			MAX_TE("oc", 40, 10000), MAX_TE("oc", 480, 2000),
			BOUNDED("oc", 20, 1), STEPS("oc", 0, 1, 1)),
	},
	{
		"sources-mixed", "a fast source, a usual one, a slow and noisy one; the first lies",
		.duration_s = 1400, .settle_s = 100, .limit_ns = 2000, .tick_s = 0.25,
		.nodes = NODES({ "gm1", .set = GM_SET "logSyncInterval=-3 "
				 "logMinDelayReqInterval=-3", .reference = true },
			       GRANDMASTER("gm2", "1"),
			       { "gm3", .set = GM_SET "domainNumber=2 logSyncInterval=3 "
				 "logMinDelayReqInterval=3", .reference = true }, RECEIVER(3)),
		.links = LINKS({ "one", "gm1 oc.1", NOISE(100) },
			       { "two", "gm2 oc.2", NOISE(100) },
			       { "three", "gm3 oc.3", NOISE(10000) }),
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 600.01, "gm1", .value = 20e-6,
				       .label = "gm1 lies" },
				     { SIM_STEP_CLOCK, 900.01, "gm1", .value = -20e-6,
				       .label = "gm1 is honest" }),
		/* The slow one has not enough of a say to be the second witness: the clock is. */
		.expect = EXPECT(SOURCE(599, 1), SOURCE(602, 2), IS(1, 602, OUTVOTED),
			IS(3, 602, GOOD), IS(3, 1399, GOOD), SOURCE(1210, 1), SWITCHES(1399, 3, 3),
			MAX_TE("oc", 60, 2000), STEPS("oc", 0, 1, 1), BOUNDED("oc", 30, 1)),
	},
	{
		"sources-two", "two sources; the preferred one lies by 100 us and is honest again",
		.duration_s = 1400, TWO_SOURCES,
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 300.01, "gm1", .value = 100e-6,
				       .label = "gm1 lies" },
				     { SIM_STEP_CLOCK, 900.01, "gm1", .value = -100e-6,
				       .label = "gm1 is honest" }),
		/* One against one: the clock itself is the witness. */
		.expect = EXPECT(SOURCE(299, 1), SOURCE(304.1, 2), IS(1, 304.1, OUTVOTED),
			SOURCE(1210, 1), SWITCHES(1399, 3, 3), UNDISTURBED),
	},
	{
		"sources-handover", "two sources may be 16 us apart and are; the first dies",
		.duration_s = 600, .settle_s = 100, .limit_ns = 10000, .tick_s = 0.25,
		.nodes = NODES({ "gm1", .set = GM_SET, .reference = true, .offset_s = 8e-6,
				 .reference_bound_ns = 10000 },
			       { "gm2", .set = GM_SET "domainNumber=1", .reference = true,
				 .offset_s = -8e-6, .reference_bound_ns = 10000 }, RECEIVER(2)),
		.links = LINKS({ "one", "gm1 oc.1", NOISE(100) },
			       { "two", "gm2 oc.2", NOISE(100) }),
		.timeline = TIMELINE({ SIM_POWER_OFF, 300, "gm1", .label = "gm1 off" }),
		/* 16 us at 100 ppb; the noise of one and of the other is all that is faster. */
		.expect = EXPECT(SOURCE(299, 1), SOURCE(309, 2), SWITCHES(599, 2, 2),
			MEAN("oc", 480, -8200, -7800), MEAN_UNTIL("oc", 200, 300, 7800, 8200),
			MEAN_UNTIL("oc", 380, 390, -2500, 2500),
			{ SIM_EXPECT_RATE, .node = "oc", .at_s = 100, .high = 1000 },
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 20, 1)),
	},
	{
		"sources-die", "the preferred of three sources loses power, then the next",
		.duration_s = 1400, THREE_SOURCES,
		.timeline = TIMELINE({ SIM_POWER_OFF, 300, "gm1", .label = "gm1 off" },
				     { SIM_POWER_OFF, 500, "gm2", .label = "gm2 off" },
				     { SIM_POWER_ON, 700, "gm2", .label = "gm2 on" },
				     { SIM_POWER_ON, 900, "gm1", .label = "gm1 on" }),
		/* Its port misses it after three to four announce intervals of 2 s. */
		.expect = EXPECT(SOURCE(299, 1), SOURCE(309, 2), IS(1, 309, ALARM),
			SOURCE(499, 2), SOURCE(509, 3), SOURCE(800, 3), SOURCE(1050, 2),
			SOURCE(1260, 1), SWITCHES(1399, 5, 5), UNDISTURBED),
	},
	{
		"sources-flap", "the preferred of three sources comes and goes every 40 s",
		.duration_s = 1400, THREE_SOURCES,
		.timeline = TIMELINE({ SIM_CUT, 300, "one", "gm1", .label = "off and on" },
				     { SIM_MEND, 320, "one", "gm1" },
				     { SIM_CUT, 340, "one", "gm1" },
				     { SIM_MEND, 360, "one", "gm1" },
				     { SIM_CUT, 380, "one", "gm1" },
				     { SIM_MEND, 400, "one", "gm1" },
				     { SIM_CUT, 420, "one", "gm1" },
				     { SIM_MEND, 440, "one", "gm1" },
				     { SIM_CUT, 460, "one", "gm1" },
				     { SIM_MEND, 480, "one", "gm1", .label = "on" }),
		/* It is left once, and taken back after five minutes without a fault. */
		.expect = EXPECT(SOURCE(330, 2), SOURCE(500, 2), SOURCE(770, 2), SOURCE(830, 1),
			SWITCHES(1399, 3, 3), UNDISTURBED),
	},
	{
		"sources-lost", "all three sources die for ten minutes, and return one by one",
		.duration_s = 2000, THREE_SOURCES,
		.timeline = TIMELINE({ SIM_POWER_OFF, 600, "gm1", .label = "all off" },
				     { SIM_POWER_OFF, 600, "gm2" },
				     { SIM_POWER_OFF, 600, "gm3" },
				     { SIM_POWER_ON, 1200, "gm3", .label = "gm3 on" },
				     { SIM_POWER_ON, 1260, "gm2", .label = "gm2 on" },
				     { SIM_POWER_ON, 1320, "gm1", .label = "gm1 on" }),
		.expect = EXPECT(MODE("oc", 599, FOLLOWING), MODE("oc", 612, HOLDOVER),
			SOURCE(612, 0), MODE("oc", 1199, HOLDOVER), SOURCE(1250, 3),
			MODE("oc", 1250, FOLLOWING), SERVO("oc", 1250, LOCKED),
			SOURCE(1990, 1), MAX_TE_UNTIL("oc", 40, 600, 2000),
			MAX_TE("oc", 1260, 2000), STEPS("oc", 0, 1, 1), BOUNDED("oc", 20, 1)),
	},
	{
		"restart", "the daemon is killed and started again 2 s later; it remembers",
		.duration_s = 700, .settle_s = 100, .limit_ns = 2000, .tick_s = 0.25,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", .remembers = true, COLD },
			       { "amnesiac", .set = "clientOnly=1", COLD }),
		.links = LINKS({ "lan", "gm oc amnesiac", NOISE(100) }),
		.timeline = TIMELINE({ SIM_POWER_OFF, 400.5, "oc", .label = "killed" },
				     { SIM_POWER_OFF, 400.5, "amnesiac" },
				     { SIM_POWER_ON, 402.5, "oc", .label = "started" },
				     { SIM_POWER_ON, 402.5, "amnesiac" }),
		/* Two Announces, 2 s apart, then a delay and a Sync: that is the protocol's. With
		 * the first offset it is locked; what is claimed is cautious until it has seen that
		 * what it remembers is true. */
		.expect = EXPECT(MAX_TE("oc", 30, 2000), STEPS("oc", 0, 1, 1),
			SERVO("oc", 410, LOCKED), SERVO("amnesiac", 690, LOCKED),
			BOUNDED_UNTIL("oc", 30, 400), BOUNDED("oc", 410, 1),
			BOUND_NS("oc", 410, 420, 100000),
			BOUND_NS("oc", 430, 700, 2000), BOUNDED("amnesiac", 420, 1)),
	},
	{
		"restart-late", "a receiver loses power for an hour; it remembers its oscillator",
		.duration_s = 6000, .settle_s = 100, .limit_ns = 2000,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", .remembers = true,
				 .offset_s = 0.1,
				 .oscillator = { .frequency_ppb = 20000.0, .white_ppb = 0.1,
						 .flicker_ppb = 0.5, .random_walk_ppb = 0.02 } }),
		.links = LINKS({ "lan", "gm oc", NOISE(100) }),
		.timeline = TIMELINE({ SIM_POWER_OFF, 1800, "oc", .label = "off" },
				     { SIM_POWER_ON, 5400, "oc", .label = "on" }),
		.expect = EXPECT(MAX_TE("oc", 5430, 2000), SERVO("oc", 5420, LOCKED),
			BOUNDED_UNTIL("oc", 30, 1800), BOUNDED("oc", 5420, 1),
			BOUND_NS("oc", 5440, 6000, 2000)),
	},
	{
		"holdover-hour", "four oscillators are left alone for an hour, after one to learn",
		.duration_s = 7500, .settle_s = 100, .limit_ns = 100000,
		.nodes = NODES({ "gm", .ports = 4, .set = GM_SET, .reference = true },
			LEARNER("quartz", .frequency_ppb = 20000.0, .white_ppb = 0.2,
				.flicker_ppb = 1.0, .random_walk_ppb = 0.05, .aging_ppb = 20.0),
			LEARNER("room", .frequency_ppb = -5000.0, .white_ppb = 0.2,
				.flicker_ppb = 1.0, .random_walk_ppb = 0.05, .sine_ppb = 50.0,
				.sine_period_s = 86400.0, .step_ppb = 20.0, .step_at_s = 2000.0,
				.step_settle_s = 300.0),
			LEARNER("walk", .frequency_ppb = 300.0, .random_walk_ppb = 1.0),
			LEARNER("oven", .frequency_ppb = 100.0, .white_ppb = 0.01,
				.flicker_ppb = 0.02, .random_walk_ppb = 0.001)),
		.links = LINKS({ "one", "gm.1 quartz", NOISE(30) },
			       { "two", "gm.2 room", NOISE(30) },
			       { "three", "gm.3 walk", NOISE(30) },
			       { "four", "gm.4 oven", NOISE(30) }),
		.timeline = TIMELINE({ SIM_POWER_OFF, 3600, "gm", .label = "gm off" },
				     { SIM_POWER_ON, 7200, "gm", .label = "gm on" }),
		.expect = EXPECT(HELD("quartz", 1e5, 1e7), HELD("room", 1e6, 1e7),
			HELD("walk", 2e6, 2e7), HELD("oven", 1e4, 1e6)),
	},
	{ .name = NULL },
};
