/* SPDX-License-Identifier: BSD-2-Clause */
/* The words scenario tables are written in. */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

#include "scenario.h"

/* The reference noise: 100 ns plus exponential 100 ns per message; a crystal that starts 100 ppm
 * and 0.1 s off and whose frequency walks 1e-9 per square root of a second. */
#define CABLE .delay_ns = 100.0
#define NOISE(ns) CABLE, .jitter = SIM_JITTER_EXPONENTIAL, .jitter_ns = ns
#define CRYSTAL .oscillator = { .frequency_ppb = 100000.0, .random_walk_ppb = 1.0 }
#define COLD CRYSTAL, .offset_s = 0.1

/* A grandmaster that knows the time, and whom everybody believes. */
#define GM_SET "priority1=100 clockClass=6 clockAccuracy=0x21 "
#define GM(more) { "gm", .set = GM_SET more, .reference = true }

#define MAX_TE(who, from, limit) \
	{ SIM_EXPECT_MAX_TE, .node = who, .at_s = from, .high = limit }
#define MAX_TE_UNTIL(who, from, until, limit) \
	{ SIM_EXPECT_MAX_TE, .node = who, .at_s = from, .to_s = until, .high = limit }
#define FAR_OFF(who, from, until, limit) \
	{ SIM_EXPECT_MAX_TE, .node = who, .at_s = from, .to_s = until, .low = limit, .high = 1e18 }
#define RMS(who, from, least, most) \
	{ SIM_EXPECT_RMS_TE, .node = who, .at_s = from, .low = least, .high = most }
#define MEAN(who, from, least, most) \
	{ SIM_EXPECT_MEAN_TE, .node = who, .at_s = from, .low = least, .high = most }
#define STATE(who, number, at, is) \
	{ SIM_EXPECT_STATE, .node = who, .port = number, .at_s = at, .low = GNOMON_PORT_##is }
#define STATES(who, number, at, is, least, most) \
	{ SIM_EXPECT_STATES, .node = who, .port = number, .at_s = at, \
	  .value = GNOMON_PORT_##is, .low = least, .high = most }
#define SERVO(who, at, is) \
	{ SIM_EXPECT_SERVO, .node = who, .at_s = at, .low = GNOMON_SERVO_##is }
#define FOLLOWS(who, at, whom) \
	{ SIM_EXPECT_GM, .node = who, .at_s = at, .low = 1, .of = whom }
#define REMOVED(who, at, is) \
	{ SIM_EXPECT_STEPS_REMOVED, .node = who, .at_s = at, .low = is }
#define STEPS(who, at, least, most) \
	{ SIM_EXPECT_STEPS, .node = who, .at_s = at, .low = least, .high = most }
#define COUNTER(who, number, name, least, most) \
	{ SIM_EXPECT_COUNTER, .node = who, .port = number, .counter = name, .low = least, \
	  .high = most }
#define EVENTS(who, kind, least, most) \
	{ SIM_EXPECT_EVENTS, .node = who, .value = GNOMON_EVENT_##kind, .low = least, .high = most }
#define DELAY(who, at, least, most) \
	{ SIM_EXPECT_DELAY, .node = who, .at_s = at, .low = least, .high = most }
#define BOUNDED(who, from, share) \
	{ SIM_EXPECT_BOUND, .node = who, .at_s = from, .low = share, .high = 1 }
#define BOUND_NS(who, from, until, most) \
	{ SIM_EXPECT_BOUND_NS, .node = who, .at_s = from, .to_s = until, .high = most }

/* "As many as there may be". */
#define LOTS 1e15

extern const struct sim_scenario sim_pair_scenarios[];
extern const struct sim_scenario sim_clock_scenarios[];
extern const struct sim_scenario sim_network_scenarios[];
extern const struct sim_scenario sim_trouble_scenarios[];
extern const struct sim_scenario sim_servo_scenarios[];
extern const struct sim_scenario sim_sources_scenarios[];

#endif
