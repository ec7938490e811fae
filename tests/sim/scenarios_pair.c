/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two clocks on one cable: mechanisms, message rates, noise and paths.
 *
 * Bands hold for every seed the tests use and were taken from many more. Where physics gives the
 * number (half the asymmetry, the reference point's rms) the comment says so.
 */
#include "words.h"

#define PAIR(set_both, set_oc, ...) \
	.nodes = NODES(GM(set_both), { "oc", .set = "clientOnly=1 " set_both set_oc, COLD }), \
	.links = LINKS({ "link", "gm oc", __VA_ARGS__ })

const struct sim_scenario sim_pair_scenarios[] = {
	{
		"oc-oc", "two ordinary clocks, two-step E2E, reference noise",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 2000,
		PAIR("", "", NOISE(100)),
		/* The delay is the median of means of two exponentials: less than their mean, so
		 * the clock is a little late. */
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 80, 120),
			MEAN("oc", 100, -30, 0), DELAY("oc", 0, 100, 320),
			STATE("gm", 1, 15, TIME_TRANSMITTER), STATE("oc", 1, 30, TIME_RECEIVER),
			SERVO("oc", 30, LOCKED), FOLLOWS("oc", 30, "gm"), REMOVED("oc", 30, 1),
			STEPS("oc", 0, 1, 1), BOUNDED("oc", 30, 1), BOUND_NS("oc", 100, 0, 2000),
			COUNTER("oc", 1, "drop.stale", 0, 0),
			COUNTER("oc", 1, "sync_mismatch", 0, 0),
			COUNTER("gm", 1, "action_overflow", 0, 0),
			COUNTER("oc", 1, "action_overflow", 0, 0)),
	},
	{
		"oc-oc-one-step", "two ordinary clocks, one-step E2E",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 2000,
		PAIR("twoStepFlag=0 ", "", NOISE(100)),
		.expect = EXPECT(MAX_TE("oc", 30, 2000), RMS("oc", 100, 75, 125),
			STATE("oc", 1, 30, TIME_RECEIVER), BOUNDED("oc", 30, 1),
			COUNTER("oc", 1, "rx.Follow_Up", 0, 0),
			COUNTER("oc", 1, "rx.Sync", 950, 1000)),
	},
	{
		"oc-oc-p2p", "two ordinary clocks, two-step P2P, jitter 10 ns",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 500,
		PAIR("delay_mechanism=P2P ", "", NOISE(10)),
		.expect = EXPECT(MAX_TE("oc", 30, 500), RMS("oc", 100, 8, 12),
			DELAY("oc", 0, 100, 130), STATE("oc", 1, 30, TIME_RECEIVER),
			BOUNDED("oc", 30, 1), COUNTER("oc", 1, "pdelay_lost_response", 0, 0),
			COUNTER("gm", 1, "pdelay_lost_response", 0, 0)),
	},
	{
		"oc-oc-p2p-one-step", "two ordinary clocks, Sync and Pdelay_Resp one-step",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 500,
		PAIR("delay_mechanism=P2P twoStepFlag=0 onestep_pdelay=1 ", "", NOISE(10)),
		.expect = EXPECT(MAX_TE("oc", 30, 500), RMS("oc", 100, 7.5, 12.5),
			DELAY("oc", 0, 100, 130), STATE("oc", 1, 30, TIME_RECEIVER),
			COUNTER("oc", 1, "rx.Pdelay_Resp_Follow_Up", 0, 0),
			COUNTER("oc", 1, "rx.Follow_Up", 0, 0)),
	},
	{
		"p2p-slow-responder", "P2P, answers take 10 ms while clocks are 100 ppm apart",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 2000,
		/* Without the neighbour's rate, 10 ms at 100 ppm would make the free-running delay
		 * 500 ns wrong. */
		.nodes = NODES({ "gm", .set = GM_SET "delay_mechanism=P2P", .reference = true,
				 .stamps = { .rx_delay_ns = 10e6 } },
			       { "oc", .set = "clientOnly=1 delay_mechanism=P2P free_running=1",
				 .oscillator = { .frequency_ppb = 100000.0 } }),
		.links = LINKS({ "link", "gm oc", NOISE(10) }),
		.expect = EXPECT(DELAY("oc", 0, 80, 140)),
	},
	{
		"quiet", "no noise at all, exact timestamps",
		.duration_s = 600, .settle_s = 100, .limit_ns = 10,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", .offset_s = -0.3,
					 .oscillator = { .frequency_ppb = -37000.0 } }),
		.links = LINKS({ "link", "gm oc", .delay_ns = 5000 }),
		.expect = EXPECT(MAX_TE("oc", 100, 1), DELAY("oc", 0, 4999, 5001),
			BOUNDED("oc", 30, 1)),
	},
	{
		"granularity-8ns", "timestamps in steps of 8 ns, no other noise",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 100,
		.nodes = NODES({ "gm", .set = GM_SET, .reference = true,
				 .stamps = { .granularity_ns = 8.0 } },
			       { "oc", .set = "clientOnly=1", COLD,
				 .stamps = { .granularity_ns = 8.0 } }),
		.links = LINKS({ "link", "gm oc", CABLE }),
		.expect = EXPECT(MAX_TE("oc", 40, 50), RMS("oc", 100, 0.5, 8),
			BOUNDED("oc", 30, 1)),
	},
	{
		"software-stamps", "software timestamps: 20 us of noise, software constants",
		.duration_s = 3000, .settle_s = 600, .limit_ns = 100000,
		.nodes = NODES({ "gm", .set = GM_SET, .reference = true,
				 .stamps = { .noise_ns = 20000, .rx_delay_ns = 50000,
					     .tx_delay_ns = 100000 } },
			       { "oc", .set = "clientOnly=1 software_timestamps=1", COLD,
				 .stamps = { .noise_ns = 20000, .rx_delay_ns = 50000,
					     .tx_delay_ns = 100000 } }),
		.links = LINKS({ "link", "gm oc", NOISE(1000) }),
		.expect = EXPECT(MAX_TE("oc", 600, 100000), RMS("oc", 600, 3000, 20000),
			BOUNDED("oc", 60, 0.999)),
	},
	{
		"rate-128", "128 Sync and Delay_Req per second; sequenceId wraps",
		.duration_s = 540, .settle_s = 30, .limit_ns = 1000,
		PAIR("logSyncInterval=-7 logMinDelayReqInterval=-7 logAnnounceInterval=-7 "
		     "announceReceiptTimeout=10 ", "", NOISE(100)),
		/* 65536 messages of each kind take 512 s. */
		.expect = EXPECT(MAX_TE("oc", 10, 1000), RMS("oc", 30, 10, 60),
			COUNTER("oc", 1, "rx.Sync", 67000, 70000),
			COUNTER("oc", 1, "rx.Announce", 67000, 70000),
			COUNTER("gm", 1, "rx.Delay_Req", 66000, 72000),
			COUNTER("oc", 1, "drop.stale", 0, 0),
			COUNTER("oc", 1, "drop.unmatched", 0, 0), BOUNDED("oc", 10, 0.999)),
	},
	{
		"rate-slow", "one Sync, Delay_Req and Announce every 8 s",
		.duration_s = 8000, .settle_s = 1000, .limit_ns = 10000,
		PAIR("logSyncInterval=3 logMinDelayReqInterval=3 logAnnounceInterval=3 ", "",
		     NOISE(100)),
		.expect = EXPECT(MAX_TE("oc", 1000, 2000), RMS("oc", 1000, 50, 250),
			STATE("oc", 1, 200, TIME_RECEIVER), BOUNDED("oc", 300, 1)),
	},
	{
		"jitter-1us", "jitter 1 us",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 20000,
		PAIR("", "", NOISE(1000)),
		.expect = EXPECT(MAX_TE("oc", 30, 20000), RMS("oc", 100, 800, 1200),
			BOUNDED("oc", 30, 1)),
	},
	{
		"jitter-10us", "jitter 10 us",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 200000,
		PAIR("", "", NOISE(10000)),
		.expect = EXPECT(MAX_TE("oc", 30, 200000), RMS("oc", 100, 8000, 12000),
			BOUNDED("oc", 30, 1)),
	},
	{
		"jitter-100us", "jitter 100 us",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 2000000,
		PAIR("", "", NOISE(100000)),
		.expect = EXPECT(MAX_TE("oc", 30, 2000000), RMS("oc", 100, 80000, 120000),
			BOUNDED("oc", 30, 1)),
	},
	{
		"jitter-average", "jitter 1 us, moving average, samples weighted",
		.duration_s = 2000, .settle_s = 200, .limit_ns = 20000,
		PAIR("", "delay_filter=moving_average tsproc_mode=filter_weight", NOISE(1000)),
		.expect = EXPECT(MAX_TE("oc", 60, 20000), RMS("oc", 200, 600, 1600),
			BOUNDED("oc", 60, 1)),
	},
	{
		"jitter-gamma", "gamma-distributed queueing of 2 us",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 40000,
		PAIR("", "", CABLE, .jitter = SIM_JITTER_GAMMA, .jitter_ns = 2000,
		     .jitter_shape = 2.0),
		.expect = EXPECT(MAX_TE("oc", 40, 40000), RMS("oc", 100, 1000, 2200),
			BOUNDED("oc", 40, 1)),
	},
	{
		"jitter-bimodal", "one message in ten waits 20 us behind a large frame",
		.duration_s = 2000, .settle_s = 100, .limit_ns = 60000,
		PAIR("", "", CABLE, .jitter = SIM_JITTER_BIMODAL, .jitter_ns = 1000,
		     .jitter_shape = 0.1),
		.expect = EXPECT(MAX_TE("oc", 40, 60000), RMS("oc", 100, 2000, 10000),
			BOUNDED("oc", 40, 0.98)),
	},
	{
		"asymmetry", "500 ns longer towards the timeReceiver, not corrected",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 1000,
		/* Half of it becomes time error: -250 ns. Half of the mean delay bounds it. */
		PAIR("", "", CABLE, .asymmetry_ns = 500),
		.expect = EXPECT(MEAN("oc", 100, -255, -245), DELAY("oc", 0, 345, 355)),
	},
	{
		"asymmetry-corrected", "500 ns longer towards the timeReceiver, corrected",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 1000,
		/* 7.4.2: delayAsymmetry is half the difference, positive towards the receiver. */
		PAIR("", "delayAsymmetry=250", CABLE, .asymmetry_ns = 500),
		.expect = EXPECT(MEAN("oc", 100, -5, 5), DELAY("oc", 0, 345, 355),
			BOUNDED("oc", 30, 1)),
	},
	{
		"asymmetry-change", "the path becomes asymmetric at 400 s and back at 700 s",
		.duration_s = 1000, .settle_s = 100, .limit_ns = 2000,
		PAIR("delay_mechanism=P2P ", "", NOISE(10)),
		.timeline = TIMELINE({ SIM_ASYMMETRY, 400, "link", .value = 2000,
				       .label = "+2 \u00b5s towards oc" },
				     { SIM_ASYMMETRY, 700, "link", .value = 0,
				       .label = "symmetric" }),
		/* 2 us on one way: 1 us of time error, more than half of the mean delay. */
		.expect = EXPECT({ SIM_EXPECT_MEAN_TE, .node = "oc", .at_s = 500, .to_s = 700,
				   .low = -1010, .high = -985 },
			MEAN("oc", 800, -10, 10),
			{ SIM_EXPECT_BOUND, .node = "oc", .at_s = 30, .to_s = 400, .low = 1,
			  .high = 1 }),
	},
	{
		"latencies", "a PHY that stamps 400 ns late and 100 ns early, compensated",
		.duration_s = 600, .settle_s = 100, .limit_ns = 1000,
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1 ingressLatency=400 "
					 "egressLatency=100", COLD,
					 .stamps = { .ingress_ns = 400, .egress_ns = 100 } }),
		.links = LINKS({ "link", "gm oc", .delay_ns = 5000 }),
		.expect = EXPECT(MEAN("oc", 100, -5, 5), DELAY("oc", 0, 4995, 5005),
			BOUNDED("oc", 30, 1)),
	},
	{
		"latencies-unknown", "the same PHY, not compensated: 150 ns off",
		.duration_s = 600, .settle_s = 100, .limit_ns = 1000,
		/* Half the difference of the two, the clock late; half their sum in the delay. */
		.nodes = NODES(GM(""), { "oc", .set = "clientOnly=1", COLD,
					 .stamps = { .ingress_ns = 400, .egress_ns = 100 } }),
		.links = LINKS({ "link", "gm oc", .delay_ns = 5000 }),
		.expect = EXPECT(MEAN("oc", 100, -155, -145), DELAY("oc", 0, 5245, 5255)),
	},
	{ .name = NULL },
};
