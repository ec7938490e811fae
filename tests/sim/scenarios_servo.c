/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other servos in places where the PI servo's behaviour is known from the other files: what
 * they do better is asked for, and that the error bound holds with them too.
 */
#include "words.h"

#define BOTH(set_both, set_oc, ...) \
	.nodes = NODES(GM(set_both), \
		       { "oc", .set = "clientOnly=1 clock_servo=linreg " set_both set_oc, COLD }), \
	.links = LINKS({ "link", "gm oc", __VA_ARGS__ })
#define STAMPED .stamps = { .noise_ns = 20000, .rx_delay_ns = 50000, .tx_delay_ns = 100000 }
#define EIGHT "logSyncInterval=-3 logMinDelayReqInterval=-3 "
#define SIXTY_FOUR "logSyncInterval=-6 logMinDelayReqInterval=-6 "

const struct sim_scenario sim_servo_scenarios[] = {
	{
		"linreg", "linear regression, reference noise",
		.duration_s = 2000, .settle_s = 200, .limit_ns = 2000,
		BOTH("", "", NOISE(100)),
		.expect = EXPECT(MAX_TE("oc", 40, 2000), RMS("oc", 200, 30, 65),
			SERVO("oc", 30, LOCKED), STEPS("oc", 0, 1, 1), BOUNDED("oc", 30, 1),
			BOUND_NS("oc", 200, 0, 2000)),
	},
	{
		"linreg-software", "linear regression, software timestamps: 20 us of noise",
		.duration_s = 3000, .settle_s = 600, .limit_ns = 100000,
		.nodes = NODES({ "gm", .set = GM_SET, .reference = true, STAMPED },
			       { "oc", .set = "clientOnly=1 software_timestamps=1 "
				 "clock_servo=linreg", COLD, STAMPED }),
		.links = LINKS({ "link", "gm oc", NOISE(1000) }),
		.expect = EXPECT(MAX_TE("oc", 100, 150000), RMS("oc", 600, 3000, 15000),
			BOUNDED("oc", 60, 0.999)),
	},
	{
		"linreg-loss", "linear regression, three messages in ten are lost",
		.duration_s = 3000, .settle_s = 200, .limit_ns = 2000,
		BOTH("", "", NOISE(100), .loss = 0.3),
		.expect = EXPECT(MAX_TE("oc", 200, 5000), RMS("oc", 200, 40, 200),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 200, 1)),
	},
	{
		"linreg-rate", "linear regression, 64 Syncs per second",
		.duration_s = 300, .settle_s = 60, .limit_ns = 1000,
		BOTH(SIXTY_FOUR, "", NOISE(100)),
		.expect = EXPECT(MAX_TE("oc", 30, 300), RMS("oc", 60, 10, 40),
			BOUNDED("oc", 30, 1)),
	},
	{
		"linreg-reorder", "linear regression, one message in five is 40 ms late",
		.duration_s = 300, .settle_s = 60, .limit_ns = 10000,
		BOTH(SIXTY_FOUR, "", NOISE(100), .reorder = 0.2, .reorder_ns = 40e6),
		/* They are known for what they are; the PI servo is 2 ms off. */
		.expect = EXPECT(MAX_TE("oc", 60, 1e6), RMS("oc", 60, 20, 1e5)),
	},
	{
		"linreg-wander", "linear regression, frequency walks 1e-4 per root of a second",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 1e6,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1 clock_servo=linreg "
					 "drift_ppb_per_s=500000", .offset_s = 0.1,
					 .oscillator = { .frequency_ppb = 100000,
							 .random_walk_ppb = 100000 } }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		.expect = EXPECT(RMS("oc", 100, 100000, 150000)),
	},
	{
		"linreg-bc-step", "linear regression behind a boundary clock that steps",
		.duration_s = 200, .settle_s = 100, .limit_ns = 2000, .tick_s = 0.125,
		.nodes = NODES({ "gm", .set = GM_SET EIGHT, .reference = true, .start_s = 12,
				 .spread_s = 6 },
			       { "bc", .ports = 2, .set = "clock_servo=linreg " EIGHT, CRYSTAL,
				 .offset_s = -1.5 },
			       { "oc", .set = "clientOnly=1 clock_servo=linreg "
				 "step_threshold=0.001 " EIGHT, CRYSTAL, .offset_s = 1.5 }),
		.links = LINKS({ "uplink", "gm bc", NOISE(100) }, { "lan", "bc.2 oc", NOISE(100) }),
		.timeline = TIMELINE({ SIM_STEP_CLOCK, 60.03, "bc", .value = 1.5,
				       .label = "bc set by hand" }),
		.expect = EXPECT(MAX_TE_UNTIL("oc", 45, 60, 2000), MAX_TE("oc", 90, 2000),
			BOUNDED("oc", 90, 1)),
	},
	{
		"nullf", "a syntonised clock: its frequency is right, its time is set once",
		.duration_s = 1000, .settle_s = 30, .limit_ns = 1000,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1 clock_servo=nullf "
					 "step_threshold=0.000005", .offset_s = 0.1 }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), STEPS("oc", 0, 1, 1),
			SERVO("oc", 999, LOCKED),
			{ SIM_EXPECT_FREQUENCY, .node = "oc", .at_s = 999, .low = 0, .high = 0 },
			STATE("oc", 1, 999, TIME_RECEIVER), BOUNDED("oc", 30, 1)),
	},
	{ .name = NULL },
};
