/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seeds of the engine's fuzz target: each is a clock and a story in the language of engine.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "corpus.h"
#include "engine.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct part {
	const char *name;
	const uint8_t *octets;
	size_t len;
};

/* 4 s and 32 s, in ENGINE_OP_RUN's log2 ms. */
#define RUN_4S ENGINE_OP_RUN, 12
#define RUN_32S ENGINE_OP_RUN, 15
#define LOCKED ENGINE_OP_CLOCK, 2, 0, 0, 0
/* A message of sender 0 on port 1, nothing changed. */
#define HEAR(type, how) ENGINE_OP_MESSAGE, type, 0, 0, how, 0
#define TWO_STEP_SYNC HEAR(ENGINE_SYNC, ENGINE_HOW_TWO_STEP), HEAR(ENGINE_FOLLOW_UP, 0)
#define STAMPED(which) ENGINE_OP_TX_DONE, which, 1
#define FOLLOWING ENGINE_OP_FOLLOW, 0, 0, ENGINE_OP_RUN, 11, TWO_STEP_SYNC, ENGINE_OP_COMPLETE, 0, 0

static const uint8_t lead[] = {
	RUN_32S, STAMPED(0), STAMPED(1), STAMPED(2), STAMPED(3), STAMPED(4), STAMPED(5),
	STAMPED(6), STAMPED(7), HEAR(ENGINE_DELAY_REQ, 0), HEAR(ENGINE_PDELAY_REQ, 0),
	STAMPED(0), STAMPED(1), STAMPED(2), STAMPED(3), STAMPED(4), STAMPED(5), STAMPED(6),
	STAMPED(7), RUN_4S,
};

static const uint8_t follow[] = {
	FOLLOWING, TWO_STEP_SYNC, LOCKED, ENGINE_OP_COMPLETE, 0, 0, HEAR(ENGINE_SYNC, 0),
	ENGINE_OP_RUN, 10, ENGINE_OP_COMPLETE, 0, 0, HEAR(ENGINE_FOLLOW_UP, 0),
	HEAR(ENGINE_SYNC, ENGINE_HOW_TWO_STEP | ENGINE_HOW_REPEAT), RUN_4S,
};

static const uint8_t lose[] = {
	FOLLOWING, LOCKED, RUN_32S, RUN_32S, FOLLOWING, ENGINE_OP_TX_DONE, 0, 0,
	ENGINE_OP_TX_DONE, 1, 4, ENGINE_OP_TX_BOGUS, 0, 0, 0, 1, RUN_32S,
};

static const uint8_t fail_over[] = {
	ENGINE_OP_FOLLOW, 0, 2, ENGINE_OP_FOLLOW, 1, 1, ENGINE_OP_FOLLOW, 0, 0, RUN_4S,
	ENGINE_OP_FOLLOW, 2, 3, ENGINE_OP_FOLLOW, 1, 0, RUN_4S, ENGINE_OP_FOLLOW, 1, 0, RUN_32S,
};

static const uint8_t flap[] = {
	FOLLOWING, ENGINE_OP_LINK, 0, 0, ENGINE_OP_COMPLETE, 0, 0, RUN_4S, ENGINE_OP_LINK, 0, 1,
	FOLLOWING, ENGINE_OP_ENABLE, 0, 0, ENGINE_OP_LINK, 0, 0, ENGINE_OP_ENABLE, 0, 1,
	ENGINE_OP_LINK, 0, 1, RUN_32S, ENGINE_OP_SLEEP, 22, RUN_4S,
};

static const uint8_t step[] = {
	FOLLOWING, ENGINE_OP_CLOCK, 1, 1, 40, 1, TWO_STEP_SYNC, ENGINE_OP_COMPLETE, 0, 0,
	ENGINE_OP_CLOCK, 1, 3, 62, 3, TWO_STEP_SYNC, ENGINE_OP_CLOCK, 0, 0, 0, 5, RUN_4S,
	ENGINE_OP_CLOCK, 3, 0, 0, 4, TWO_STEP_SYNC, ENGINE_OP_COMPLETE, 0, 0, RUN_4S,
};

static const uint8_t crowd[] = {
	ENGINE_OP_FOLLOW, 0, 1, ENGINE_OP_FOLLOW, 0, 2, ENGINE_OP_FOLLOW, 0, 3, ENGINE_OP_FOLLOW,
	0, 4, ENGINE_OP_FOLLOW, 0, 5, ENGINE_OP_FOLLOW, 0, 0,
	HEAR(ENGINE_ANNOUNCE, ENGINE_HOW_TLVS),
	ENGINE_OP_MESSAGE, ENGINE_ANNOUNCE, 0, 3, ENGINE_HOW_TLVS, 0, RUN_4S,
	HEAR(ENGINE_ANNOUNCE, ENGINE_HOW_REPEAT), HEAR(ENGINE_ANNOUNCE, ENGINE_HOW_FLAGS), RUN_4S,
};

static const uint8_t echo[] = {
	RUN_32S, ENGINE_OP_REFLECT, 0, 0, 7, ENGINE_OP_REFLECT, 1, 1, 7, ENGINE_OP_REFLECT, 0, 0, 0,
	ENGINE_OP_REFLECT, 1, 0, 1, ENGINE_OP_REFLECT, 2, 1, 2, RUN_4S, ENGINE_OP_REFLECT, 3, 0, 0,
};

static const uint8_t garbage[] = {
	HEAR(ENGINE_SIGNALING, ENGINE_HOW_TLVS), HEAR(ENGINE_MANAGEMENT, ENGINE_HOW_TLVS),
	ENGINE_OP_RAW, 0, 4, 0x0b, 0x12, 0, 64, ENGINE_OP_MESSAGE, ENGINE_ANNOUNCE, 0, 0, 0, 3,
	2, 0xff, 3, 0xff, 1, 0x11, FOLLOWING, ENGINE_OP_MESSAGE, ENGINE_SYNC, 0, 0, 0, 1, 40, 0xff,
	HEAR(ENGINE_SYNC, ENGINE_HOW_NO_TIMESTAMP), HEAR(ENGINE_SYNC, ENGINE_HOW_CORRECTION),
	HEAR(ENGINE_DELAY_RESP, ENGINE_HOW_ALIEN), HEAR(ENGINE_SYNC, ENGINE_HOW_FAR | 1), RUN_4S,
};

static const uint8_t manage[] = {
	ENGINE_OP_DESIRED, 0, 9, FOLLOWING, ENGINE_OP_GRANDMASTER, 6, 0, 0x0f, ENGINE_OP_DESIRED, 0,
	6, RUN_4S, ENGINE_OP_GRANDMASTER, 248, 0, 0x08, ENGINE_OP_DESIRED, 0, 7, RUN_4S,
	ENGINE_OP_DESIRED, 0, 9, FOLLOWING, LOCKED, RUN_32S,
};

/* An id by its place among the rows, asked for or set by a client of this machine. */
#define GET(row) ENGINE_OP_MANAGE, 0, row, ENGINE_LOCAL, ENGINE_TARGET_ALL, 0x40, 0
#define SET_1(row, octet)                                                                          \
	ENGINE_OP_MANAGE, 1, row, ENGINE_LOCAL, ENGINE_TARGET_ALL, 0, 2, octet, 0
#define DO(row) ENGINE_OP_MANAGE, 2, row, ENGINE_LOCAL, ENGINE_TARGET_ALL, 0, ENGINE_ZEROS
/* Everything there is, from either side. */
static const uint8_t ask[] = {
	RUN_4S,  GET(0),  GET(1),  GET(2),  GET(6),  GET(8),  GET(9),  GET(10), GET(11), GET(12),
	GET(23), GET(25), GET(26), GET(27), GET(29), GET(39), GET(41), GET(51), GET(52), GET(53),
	GET(55), GET(56), GET(58), GET(59), GET(60), GET(62), GET(63), GET(64),
	ENGINE_OP_MANAGE, 0, 8, 2, 18, 1, 0, ENGINE_OP_MANAGE, 0, 56, 3, 36, 0x81, 0,
	ENGINE_OP_MANAGE, 1, 13, 2, 0, 0, 2, 1, 0, ENGINE_OP_MANAGE, 2, 22, 2, 1, 0, 0,
	ENGINE_OP_MANAGE, 3, 8, 2, 36, 0, 0,
};

/* Subscribed to everything: priorities, domain, roles, intervals, time, grandmaster, restarts. */
static const uint8_t change[] = {
	ENGINE_OP_MANAGE, 1, 54, ENGINE_LOCAL, 0, 0, 66, 0, 99, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	FOLLOWING, SET_1(13, 1), RUN_4S, SET_1(15, 3), RUN_4S, SET_1(16, 1), FOLLOWING, LOCKED,
	SET_1(16, 0), SET_1(43, 1), RUN_4S, SET_1(43, 0), SET_1(17, 0xfe), SET_1(18, 5),
	SET_1(19, 0xfd), SET_1(50, 1), DO(22), DO(21), DO(5), RUN_4S, SET_1(38, 0xff), SET_1(57, 1),
	ENGINE_OP_MANAGE, 1, 52, ENGINE_LOCAL, 0, 0, 8, 6, 0x21, 0x4e, 0x5d, 0, 37, 0x3d, 0x20,
	ENGINE_OP_MANAGE, 1, 23, ENGINE_LOCAL, 0, 0, 10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9, RUN_4S,
	DO(7),
};

#define PART(name) { #name, name, sizeof(name) }

static const struct part stories[] = {
	PART(lead), PART(follow), PART(lose),    PART(fail_over), PART(flap),
	PART(step), PART(crowd),  PART(garbage), PART(echo),      PART(manage),
	PART(ask),  PART(change),
};

/* Log intervals are the low nibble of the second octet less 7. */
static const uint8_t oc_e2e[] = { 0, 7, 0 };
static const uint8_t oc_p2p[] = { ENGINE_P2P, 7 | ENGINE_SYNC_TIMEOUT, ENGINE_FILTER };
static const uint8_t receiver[] = { ENGINE_RECEIVER_ONLY, 5 | ENGINE_DELAY_TIMEOUT, 2 };
static const uint8_t bc[] = { 2 | ENGINE_PATH_TRACE, 8, ENGINE_FILTER | 3 };
static const uint8_t bc_mixed[] = { 3 | ENGINE_MIXED | ENGINE_ONE_STEP,
				    6 | ENGINE_TRANSMITTER_ONLY, ENGINE_SMALL | ENGINE_HASTY };
static const uint8_t bc_primary[] = { 1 | ENGINE_P2P, 7 | ENGINE_PRIMARY, ENGINE_FIXED_DELAY };
static const uint8_t external[] = { 2 | ENGINE_EXTERNAL, 7, ENGINE_IGNORE_SOURCE };
static const uint8_t skewed[] = { 0, 9 | ENGINE_SYNC_TIMEOUT, ENGINE_ASYMMETRIC };

static const struct part clocks[] = {
	PART(oc_e2e),   PART(oc_p2p),     PART(receiver), PART(bc),
	PART(bc_mixed), PART(bc_primary), PART(external), PART(skewed),
};

/* Every clock with every story. */
static bool make(size_t i, struct corpus_seed *seed)
{
	const struct part *clock = &clocks[i / COUNT(stories)];
	const struct part *story = &stories[i % COUNT(stories)];

	if (i == COUNT(clocks) * COUNT(stories)) {
		return false;
	}
	snprintf(seed->name, sizeof(seed->name), "%s-%s", clock->name, story->name);
	memcpy(seed->octets, clock->octets, clock->len);
	memcpy(seed->octets + clock->len, story->octets, story->len);
	seed->len = clock->len + story->len;
	return true;
}

int main(int argc, char **argv)
{
	return corpus_main(argc, argv, make);
}
