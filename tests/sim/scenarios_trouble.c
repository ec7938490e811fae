/* SPDX-License-Identifier: BSD-2-Clause */
/* Networks, interfaces and neighbours that misbehave. None of it may fault a port. */
#include "words.h"

#define PAIR(set_both, set_oc, ...) \
	.nodes = NODES(GM(set_both), { "oc", .set = "clientOnly=1 " set_both set_oc, COLD }), \
	.links = LINKS({ "link", "gm oc", __VA_ARGS__ })

#define STAMPS(set_both, ...) \
	.nodes = NODES({ "gm", .set = GM_SET set_both, .reference = true, \
			 .stamps = { __VA_ARGS__ } }, \
		       { "oc", .set = "clientOnly=1 " set_both, COLD, \
			 .stamps = { __VA_ARGS__ } }), \
	.links = LINKS({ "link", "gm oc", NOISE(100) })

const struct sim_scenario sim_trouble_scenarios[] = {
	{
		"loss-30", "three messages in ten are lost",
		.duration_s = 3000, .settle_s = 200, .limit_ns = 2000,
		PAIR("", "", NOISE(100), .loss = 0.3),
		/* Half of the Syncs lose themselves or their Follow_Up. The default gains correct
		 * an offset within one interval; that the correction ends soon after it keeps gaps
		 * from turning into swings (without: seconds). */
		.expect = EXPECT(STATE("gm", 1, 2999, TIME_TRANSMITTER),
			{ SIM_EXPECT_SAMPLES, .node = "oc", .low = 1000, .high = 1700 },
			MAX_TE("oc", 200, 5000), RMS("oc", 200, 110, 250), STEPS("oc", 0, 1, 1),
			BOUNDED("oc", 200, 1),
			COUNTER("oc", 1, "sync_mismatch", 300, LOTS)),
	},
	{
		"loss-30-soft", "three messages in ten are lost, gains for gaps of a few seconds",
		.duration_s = 3000, .settle_s = 200, .limit_ns = 2000,
		PAIR("", "pi_proportional_const=0.3 pi_integral_const=0.05", NOISE(100),
		     .loss = 0.3),
		.expect = EXPECT(MAX_TE("oc", 200, 2000), RMS("oc", 200, 60, 150),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 200, 1)),
	},
	{
		"loss-30-p2p", "three messages in ten are lost, P2P",
		.duration_s = 3000, .settle_s = 200, .limit_ns = 2000,
		PAIR("delay_mechanism=P2P ",
		     "allowedLostResponses=20 pi_proportional_const=0.3 pi_integral_const=0.05",
		     NOISE(100), .loss = 0.3),
		/* Two thirds of the exchanges fail; the link delay of the others stays good. */
		.expect = EXPECT(MAX_TE("oc", 200, 2000), RMS("oc", 200, 50, 130),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 200, 1),
			COUNTER("oc", 1, "pdelay_lost_response", 1000, LOTS)),
	},
	{
		"loss-90", "nine messages in ten are lost for five minutes",
		.duration_s = 1500, .settle_s = 100, .limit_ns = 2000,
		PAIR("", "", NOISE(100)),
		.timeline = TIMELINE({ SIM_LOSS, 400, "link", .value = 0.9, .label = "90 % lost" },
				     { SIM_LOSS, 700, "link", .value = 0.0, .label = "none lost" }),
		.expect = EXPECT(MAX_TE_UNTIL("oc", 30, 400, 2000), MAX_TE("oc", 760, 2000),
			STATE("oc", 1, 760, TIME_RECEIVER), STEPS("oc", 0, 1, 1)),
	},
	{
		"duplicates", "one message in three arrives twice",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 2000,
		PAIR("", "", NOISE(100), .duplicate = 0.33),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 60, 140),
			STATE("oc", 1, 999, TIME_RECEIVER),
			COUNTER("oc", 1, "drop.stale", 300, LOTS), BOUNDED("oc", 30, 1)),
	},
	{
		"duplicates-p2p", "one message in three arrives twice, P2P: nobody else answered",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 2000,
		PAIR("delay_mechanism=P2P ", "", NOISE(10), .duplicate = 0.33),
		.expect = EXPECT(MAX_TE("oc", 30, 500), STATE("oc", 1, 999, TIME_RECEIVER),
			STATE("gm", 1, 999, TIME_TRANSMITTER)),
	},
	{
		"reorder", "one message in three is held back by 1 ms: Follow_Up before Sync",
		.duration_s = 2000, .settle_s = 200, .limit_ns = 2e6,
		PAIR("", "", NOISE(100), .reorder = 0.33, .reorder_ns = 1e6),
		/* What is held back is an event message too: its path is 1 ms longer. A pair may be
		 * torn apart by the start or by the step of the clock. */
		.expect = EXPECT(MAX_TE("oc", 60, 3e6), STATE("oc", 1, 1999, TIME_RECEIVER),
			COUNTER("oc", 1, "sync_mismatch", 0, 2),
			{ SIM_EXPECT_SAMPLES, .node = "oc", .low = 1950, .high = 2000 }),
	},
	{
		"reorder-rate", "64 Syncs per second, one in five held back beyond its successors",
		.duration_s = 300, .settle_s = 60, .limit_ns = 1e8,
		PAIR("logSyncInterval=-6 logMinDelayReqInterval=-6 ", "", NOISE(100),
		     .reorder = 0.2, .reorder_ns = 40e6),
		.expect = EXPECT(STATE("oc", 1, 299, TIME_RECEIVER),
			COUNTER("oc", 1, "drop.stale", 100, LOTS),
			COUNTER("oc", 1, "action_overflow", 0, 0)),
	},
	{
		"stamps-lost", "three transmit timestamps in ten are reported lost",
		.duration_s = 1500, .settle_s = 100, .limit_ns = 2000,
		STAMPS("", .tx_lost = 0.3),
		.expect = EXPECT(MAX_TE("oc", 60, 30000), STATE("oc", 1, 1499, TIME_RECEIVER),
			STATE("gm", 1, 1499, TIME_TRANSMITTER),
			COUNTER("gm", 1, "tx_timestamp_lost", 350, 550),
			COUNTER("oc", 1, "tx_timestamp_lost", 350, 550), BOUNDED("oc", 60, 1)),
	},
	{
		"stamps-silent", "three transmit timestamps in ten never come and nobody says so",
		.duration_s = 1500, .settle_s = 100, .limit_ns = 2000,
		STAMPS("", .tx_silent = 0.3),
		.expect = EXPECT(MAX_TE("oc", 60, 30000), STATE("oc", 1, 1499, TIME_RECEIVER),
			STATE("gm", 1, 1499, TIME_TRANSMITTER),
			COUNTER("gm", 1, "tx_timestamp_lost", 350, 550), BOUNDED("oc", 60, 1)),
	},
	{
		"stamps-late", "transmit timestamps come 3 s late now and then, 8 Syncs per second",
		.duration_s = 800, .settle_s = 100, .limit_ns = 2000,
		STAMPS("logSyncInterval=-3 logMinDelayReqInterval=-3 ", .tx_late = 0.1,
		       .tx_late_ns = 3e9),
		.expect = EXPECT(MAX_TE("oc", 60, 2000), STATE("oc", 1, 799, TIME_RECEIVER),
			STATE("gm", 1, 799, TIME_TRANSMITTER),
			COUNTER("gm", 1, "tx_timestamp_late", 500, 800)),
	},
	{
		"stamps-p2p-lost", "transmit and receive timestamps are lost, P2P",
		.duration_s = 1500, .settle_s = 100, .limit_ns = 2000,
		STAMPS("delay_mechanism=P2P ", .tx_lost = 0.1, .rx_lost = 0.1),
		.expect = EXPECT(MAX_TE("oc", 60, 30000), STATE("oc", 1, 1499, TIME_RECEIVER),
			STATE("gm", 1, 1499, TIME_TRANSMITTER),
			COUNTER("oc", 1, "drop.no_timestamp", 200, LOTS)),
	},
	{
		"stamps-broken", "the grandmaster's interface never delivers a transmit timestamp",
		.duration_s = 300, .settle_s = 100, .limit_ns = 2000,
		.nodes = NODES({ "gm", .set = GM_SET, .reference = true,
				 .stamps = { .tx_lost = 1.0 } },
			       { "oc", .set = "clientOnly=1", COLD }),
		.links = LINKS({ "link", "gm oc", NOISE(100) }),
		/* Nothing to follow, nothing to fall over: Sync and Announce go on. */
		.expect = EXPECT(STATE("gm", 1, 299, TIME_TRANSMITTER),
			STATE("oc", 1, 299, UNCALIBRATED), STEPS("oc", 0, 0, 0),
			COUNTER("oc", 1, "rx.Sync", 280, 300),
			COUNTER("oc", 1, "rx.Announce", 140, 150),
			{ SIM_EXPECT_SAMPLES, .node = "oc", .low = 0, .high = 0 }),
	},
	{
		"link-flap", "the link goes down five times for 1 s to 16 s",
		.duration_s = 900, .settle_s = 100, .limit_ns = 2000,
		PAIR("", "", NOISE(100)),
		.timeline = TIMELINE({ SIM_LINK_DOWN, 200, "link", .label = "1 s" },
				     { SIM_LINK_UP, 201, "link" },
				     { SIM_LINK_DOWN, 300, "link", .label = "2 s" },
				     { SIM_LINK_UP, 302, "link" },
				     { SIM_LINK_DOWN, 400, "link", .label = "4 s" },
				     { SIM_LINK_UP, 404, "link" },
				     { SIM_LINK_DOWN, 500, "link", .label = "8 s" },
				     { SIM_LINK_UP, 508, "link" },
				     { SIM_LINK_DOWN, 600, "link", .label = "16 s" },
				     { SIM_LINK_UP, 616, "link" }),
		.expect = EXPECT(STATE("oc", 1, 300.4, FAULTY), STATE("gm", 1, 300.4, FAULTY),
			STATE("oc", 1, 299, TIME_RECEIVER), STATE("oc", 1, 390, TIME_RECEIVER),
			STATE("oc", 1, 490, TIME_RECEIVER), STATE("oc", 1, 590, TIME_RECEIVER),
			STATE("oc", 1, 650, TIME_RECEIVER), MAX_TE("oc", 30, 30000),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 30, 1)),
	},
	{
		"disabled", "the receiver's port is disabled and enabled by management",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000,
		PAIR("", "", NOISE(100)),
		.timeline = TIMELINE({ SIM_DISABLE, 200, "oc", .label = "disabled" },
				     { SIM_ENABLE, 300, "oc", .label = "enabled" }),
		.expect = EXPECT(STATE("oc", 1, 250, DISABLED), STATE("oc", 1, 340, TIME_RECEIVER),
			MAX_TE("oc", 360, 2000), STEPS("oc", 0, 1, 1)),
	},
	{
		"pdelay-crowd", "three P2P ports on one network: every request gets two answers",
		.duration_s = 600, .settle_s = 100, .limit_ns = 1e9,
		.nodes = NODES(GM("delay_mechanism=P2P"),
			       { "oc", .count = 2, .set = "clientOnly=1 delay_mechanism=P2P",
				 COLD }),
		.links = LINKS({ "lan", "gm oc", NOISE(10) }),
		/* P2P needs one neighbour. More are counted and said, and break nothing. */
		.expect = EXPECT(STATE("gm", 1, 599, TIME_TRANSMITTER),
			COUNTER("gm", 1, "pdelay_multiple_responders", 400, LOTS),
			COUNTER("oc", 1, "pdelay_multiple_responders", 400, LOTS),
			EVENTS("oc", MULTIPLE_RESPONDERS, 1, LOTS)),
	},
	{
		"twin-receiver", "two receivers share one clockIdentity; a third one is well",
		.duration_s = 600, .settle_s = 100, .limit_ns = 1e9,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", COLD },
			       { "twin", .set = "clientOnly=1", .same_identity = "oc", COLD },
			       { "other", .set = "clientOnly=1", COLD }),
		.links = LINKS({ "lan", "gm oc twin other", NOISE(100) }),
		.expect = EXPECT(MAX_TE("other", 40, 2000), STATE("other", 1, 599, TIME_RECEIVER),
			STATE("gm", 1, 599, TIME_TRANSMITTER),
			COUNTER("oc", 1, "drop.own", 100, LOTS),
			COUNTER("twin", 1, "drop.own", 100, LOTS)),
	},
	{
		"twin-grandmaster", "a receiver has the grandmaster's identity; others are well",
		.duration_s = 600, .settle_s = 100, .limit_ns = 2000,
		.nodes = NODES(GM(""), { "twin", .set = "clientOnly=1", .same_identity = "gm",
				 COLD },
			       { "oc", .count = 2, .set = "clientOnly=1", COLD }),
		.links = LINKS({ "lan", "gm twin oc", NOISE(100) }),
		.expect = EXPECT(MAX_TE("oc", 40, 2000), STATE("twin", 1, 599, LISTENING),
			EVENTS("twin", DUPLICATE_IDENTITY, 1, LOTS),
			COUNTER("twin", 1, "drop.own", 200, LOTS)),
	},
	{
		"deaf-grandmaster", "the grandmaster hears nothing from 300 s to 500 s",
		.duration_s = 700, .settle_s = 100, .limit_ns = 2000,
		PAIR("", "delay_response_timeout=10", NOISE(100)),
		.timeline = TIMELINE({ SIM_DEAF, 300, "link", .node = "gm", .label = "gm deaf" },
				     { SIM_MEND, 500, "link", .node = "gm", .label = "gm hears" }),
		/* The last delay goes on being used; unanswered requests are a synchronization
		 * fault, which the next good sample ends. */
		.expect = EXPECT(MAX_TE("oc", 40, 2000), STATE("oc", 1, 699, TIME_RECEIVER),
			COUNTER("oc", 1, "delay_timeout", 10, 30),
			EVENTS("oc", DELAY_TIMEOUT, 10, 30), BOUNDED("oc", 40, 1)),
	},
	{ .name = NULL },
};
