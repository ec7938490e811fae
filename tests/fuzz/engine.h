/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The language of the engine's fuzz target: three octets of configuration, then operations until
 * the octets end. An octet is read modulo the number of its choices; missing octets are zero.
 */
#ifndef TESTS_FUZZ_ENGINE_H
#define TESTS_FUZZ_ENGINE_H

/* First octet: what kind of clock. */
#define ENGINE_PORTS 0x03 /* 0: ordinary clock; else a boundary clock of so many ports plus one */
#define ENGINE_P2P 0x04
#define ENGINE_ONE_STEP 0x08
#define ENGINE_RECEIVER_ONLY 0x10 /* ordinary clock only */
#define ENGINE_DISTRUST 0x10 /* boundary clock only: assume_two_step and check_follow_up */
#define ENGINE_EXTERNAL 0x20      /* externalPortConfigurationEnabled */
#define ENGINE_PATH_TRACE 0x40
#define ENGINE_MIXED 0x80 /* every other port uses the other delay mechanism */

/* Second octet: low nibble, log interval of everything minus 7; then flags. */
#define ENGINE_SYNC_TIMEOUT 0x10
#define ENGINE_DELAY_TIMEOUT 0x20
#define ENGINE_PRIMARY 0x40          /* clockClass 6 */
#define ENGINE_TRANSMITTER_ONLY 0x80 /* the last port */

/* Third octet: two bits of tsproc mode, then flags. */
#define ENGINE_FILTER 0x04
#define ENGINE_ASYMMETRIC 0x08 /* asymmetry and latencies, large ones */
#define ENGINE_IGNORE_SOURCE 0x10
#define ENGINE_FIXED_DELAY 0x20 /* an initial delay */
#define ENGINE_SMALL 0x40       /* the smallest table of foreign masters */
#define ENGINE_HASTY 0x80       /* the shortest timeouts */

enum engine_op {
	ENGINE_OP_RUN,         /* log2 ms: pass that time, expiring at every deadline */
	ENGINE_OP_SLEEP,       /* log2 ms: pass that time, expiring once, late */
	ENGINE_OP_MESSAGE,     /* type, port, sender, how; count and count * (offset, octet) */
	ENGINE_OP_RAW,         /* port, length, octets */
	ENGINE_OP_TX_DONE,     /* which, how */
	ENGINE_OP_TX_BOGUS,    /* four octets of id */
	ENGINE_OP_LINK,        /* port, up */
	ENGINE_OP_ENABLE,      /* port, enabled */
	ENGINE_OP_CLOCK,       /* servo state, stepped, log2 ns of the step, rate */
	ENGINE_OP_GRANDMASTER, /* clockClass, flags, flags */
	ENGINE_OP_DESIRED,     /* port, state */
	ENGINE_OP_REFLECT,     /* which, port, as whom */
	ENGINE_OP_COMPLETE,    /* port, sender: a true answer to its latest request */
	ENGINE_OP_FOLLOW,      /* port, sender: two Announces of it */
	ENGINE_OP_MANAGE,      /* action, id, where, target, client; count, octets of dataField */
	ENGINE_OP_COUNT
};

/* ENGINE_OP_MANAGE. id: which row of the table of ids. Count ENGINE_ZEROS: as many zeros as the row
 * has octets. */
#define ENGINE_ZEROS 0xff
/* where: modulo 6; the read-write socket, the read-only one, else that port plus two. */
#define ENGINE_LOCAL 0
#define ENGINE_LOCAL_READ_ONLY 1
/* target: low bits; all clocks, this one, another; then the port plus one, none, all. */
#define ENGINE_TARGET_ALL 0
#define ENGINE_TARGET_OWN 1
#define ENGINE_TARGET_OTHER 2

/* Types of ENGINE_OP_MESSAGE. */
enum engine_message {
	ENGINE_SYNC,
	ENGINE_FOLLOW_UP,
	ENGINE_DELAY_REQ,
	ENGINE_DELAY_RESP,
	ENGINE_PDELAY_REQ,
	ENGINE_PDELAY_RESP,
	ENGINE_PDELAY_RESP_FOLLOW_UP,
	ENGINE_ANNOUNCE,
	ENGINE_SIGNALING,
	ENGINE_MANAGEMENT,
	ENGINE_MESSAGE_COUNT
};

/* How a message is made (ENGINE_OP_MESSAGE); without a flag it is what a sane sender sends. */
#define ENGINE_HOW_REPEAT 0x01      /* the sequenceId before */
#define ENGINE_HOW_ALIEN 0x02       /* some other sequenceId */
#define ENGINE_HOW_TWO_STEP 0x04
#define ENGINE_HOW_NO_TIMESTAMP 0x08
#define ENGINE_HOW_FAR 0x10         /* timestamps far from now */
#define ENGINE_HOW_TLVS 0x20
#define ENGINE_HOW_CORRECTION 0x40  /* a large correctionField */
#define ENGINE_HOW_FLAGS 0x80       /* every flag set */

#endif
