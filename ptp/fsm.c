/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PTP Port state machines of figures 30 and 31 (9.2.5) as data.
 *
 * One row per state, one column per event; what a row does not name has no arrow in the figure
 * and leaves the state alone. Two readings the figures leave open:
 *
 *  - DESIGNATED_DISABLED is honoured in INITIALIZING too: figure 30 draws it from any state.
 *  - A state that a role cannot enter still has its row of events that leave any state, so that no
 *    combination is a trap.
 */
#include "fsm.h"

#define STATE_COUNT (GNOMON_PORT_TIME_RECEIVER + 1)

/* Short names keep the tables readable as tables. */
enum {
	INI = GNOMON_PORT_INITIALIZING,
	FLT = GNOMON_PORT_FAULTY,
	DIS = GNOMON_PORT_DISABLED,
	LIS = GNOMON_PORT_LISTENING,
	PRE = GNOMON_PORT_PRE_TIME_TRANSMITTER,
	TTX = GNOMON_PORT_TIME_TRANSMITTER,
	PAS = GNOMON_PORT_PASSIVE,
	UNC = GNOMON_PORT_UNCALIBRATED,
	TRX = GNOMON_PORT_TIME_RECEIVER,
};

/* From every state. */
#define ALWAYS [FSM_POWERUP] = INI, [FSM_INITIALIZE] = INI
/* From every state in which the port takes part in the protocol. */
#define OPERATING ALWAYS, [FSM_DESIGNATED_DISABLED] = DIS, [FSM_FAULT_DETECTED] = FLT
/* The state decision recommends a timeTransmitter state, by whichever decision point. */
#define RS_TIME_TRANSMITTER(to) [FSM_RS_MASTER] = (to), [FSM_RS_GRAND_MASTER] = (to)
#define RS_TIME_RECEIVER(to) [FSM_RS_SLAVE] = (to), [FSM_RS_SLAVE_NEW] = (to)

/* The three states every role has alike. */
#define COMMON_ROWS                                                                                \
	[INI] = { OPERATING, [FSM_INIT_COMPLETE] = LIS },                                          \
	[FLT] = { ALWAYS, [FSM_DESIGNATED_DISABLED] = DIS, [FSM_FAULT_CLEARED] = INI },            \
	[DIS] = { ALWAYS, [FSM_DESIGNATED_ENABLED] = INI }

/* 0: no arrow. */
static const uint8_t tables[FSM_ROLE_COUNT][STATE_COUNT][FSM_EVENT_COUNT] = {
	[FSM_FULL] = {
		COMMON_ROWS,
		[LIS] = { OPERATING, RS_TIME_TRANSMITTER(PRE), RS_TIME_RECEIVER(UNC),
			  [FSM_RS_PASSIVE] = PAS, [FSM_ANNOUNCE_TIMEOUT] = TTX },
		/* A repeated RS_MASTER must not start the qualification over. */
		[PRE] = { OPERATING, RS_TIME_RECEIVER(UNC), [FSM_RS_PASSIVE] = PAS,
			  [FSM_QUALIFICATION_TIMEOUT] = TTX },
		[TTX] = { OPERATING, RS_TIME_RECEIVER(UNC), [FSM_RS_PASSIVE] = PAS },
		[PAS] = { OPERATING, RS_TIME_TRANSMITTER(PRE), RS_TIME_RECEIVER(UNC),
			  [FSM_ANNOUNCE_TIMEOUT] = TTX },
		[UNC] = { OPERATING, RS_TIME_TRANSMITTER(PRE), [FSM_RS_PASSIVE] = PAS,
			  [FSM_ANNOUNCE_TIMEOUT] = TTX, [FSM_CLOCK_SELECTED] = TRX },
		[TRX] = { OPERATING, RS_TIME_TRANSMITTER(PRE), [FSM_RS_PASSIVE] = PAS,
			  [FSM_ANNOUNCE_TIMEOUT] = TTX, [FSM_SYNC_FAULT] = UNC,
			  [FSM_RS_SLAVE_NEW] = UNC },
	},
	[FSM_TIME_RECEIVER_ONLY] = {
		COMMON_ROWS,
		[LIS] = { OPERATING, RS_TIME_RECEIVER(UNC) },
		[PRE] = { OPERATING },
		[TTX] = { OPERATING },
		[PAS] = { OPERATING },
		[UNC] = { OPERATING, RS_TIME_TRANSMITTER(LIS), [FSM_RS_PASSIVE] = LIS,
			  [FSM_ANNOUNCE_TIMEOUT] = LIS, [FSM_CLOCK_SELECTED] = TRX },
		[TRX] = { OPERATING, RS_TIME_TRANSMITTER(LIS), [FSM_RS_PASSIVE] = LIS,
			  [FSM_ANNOUNCE_TIMEOUT] = LIS, [FSM_SYNC_FAULT] = UNC,
			  [FSM_RS_SLAVE_NEW] = UNC },
	},
	[FSM_TIME_TRANSMITTER_ONLY] = {
		COMMON_ROWS,
		[LIS] = { OPERATING, RS_TIME_TRANSMITTER(PRE), [FSM_RS_PASSIVE] = PAS,
			  [FSM_ANNOUNCE_TIMEOUT] = TTX },
		[PRE] = { OPERATING, [FSM_RS_PASSIVE] = PAS, [FSM_QUALIFICATION_TIMEOUT] = TTX },
		[TTX] = { OPERATING, [FSM_RS_PASSIVE] = PAS },
		[PAS] = { OPERATING, RS_TIME_TRANSMITTER(PRE), [FSM_ANNOUNCE_TIMEOUT] = TTX },
		[UNC] = { OPERATING },
		[TRX] = { OPERATING },
	},
};

enum gnomon_port_state fsm_next(enum fsm_role role, enum gnomon_port_state state,
				enum gnomon_fsm_event event)
{
	uint8_t next;

	if ((unsigned int)role >= FSM_ROLE_COUNT || (unsigned int)state >= STATE_COUNT ||
	    (unsigned int)event >= FSM_EVENT_COUNT) {
		return state;
	}
	next = tables[role][state][event];
	return next ? (enum gnomon_port_state)next : state;
}

/* -- names ----------------------------------------------------------------------------------- */

const char *gnomon_port_state_name(enum gnomon_port_state state)
{
	static const char *const names[STATE_COUNT] = {
		[INI] = "INITIALIZING", [FLT] = "FAULTY",       [DIS] = "DISABLED",
		[LIS] = "LISTENING",    [PRE] = "PRE_MASTER",   [TTX] = "MASTER",
		[PAS] = "PASSIVE",      [UNC] = "UNCALIBRATED", [TRX] = "SLAVE",
	};

	if ((unsigned int)state >= STATE_COUNT || !names[state]) {
		return "UNKNOWN";
	}
	return names[state];
}

const char *gnomon_fsm_event_name(int cause)
{
	static const char *const names[FSM_EVENT_COUNT] = {
		[FSM_NONE] = "NONE",
		[FSM_POWERUP] = "POWERUP",
		[FSM_INITIALIZE] = "INITIALIZE",
		[FSM_DESIGNATED_ENABLED] = "DESIGNATED_ENABLED",
		[FSM_DESIGNATED_DISABLED] = "DESIGNATED_DISABLED",
		[FSM_FAULT_CLEARED] = "FAULT_CLEARED",
		[FSM_FAULT_DETECTED] = "FAULT_DETECTED",
		[FSM_INIT_COMPLETE] = "INIT_COMPLETE",
		[FSM_QUALIFICATION_TIMEOUT] = "QUALIFICATION_TIMEOUT_EXPIRES",
		[FSM_ANNOUNCE_TIMEOUT] = "ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES",
		[FSM_SYNC_FAULT] = "SYNCHRONIZATION_FAULT",
		[FSM_CLOCK_SELECTED] = "MASTER_CLOCK_SELECTED",
		[FSM_RS_MASTER] = "RS_MASTER",
		[FSM_RS_GRAND_MASTER] = "RS_GRAND_MASTER",
		[FSM_RS_SLAVE] = "RS_SLAVE",
		[FSM_RS_SLAVE_NEW] = "RS_SLAVE",
		[FSM_RS_PASSIVE] = "RS_PASSIVE",
	};

	if (cause < 0 || cause >= FSM_EVENT_COUNT) {
		return "UNKNOWN";
	}
	return names[cause];
}

/* -- the diagram ----------------------------------------------------------------------------- */

/* Text that may not fit: len counts what would have been written. */
struct text {
	char *buf;
	size_t cap;
	size_t len;
};

static void put(struct text *t, const char *s)
{
	for (; *s; s++, t->len++) {
		if (t->len + 1 < t->cap) {
			t->buf[t->len] = *s;
		}
	}
}

static void put_event(struct text *t, enum gnomon_fsm_event event)
{
	put(t, gnomon_fsm_event_name((int)event));
	if (event == FSM_RS_SLAVE_NEW) {
		put(t, " (new parent)");
	}
}

static uint8_t arrow(enum fsm_role role, int from, int event)
{
	uint8_t to = tables[role][from][event];

	return to == from ? 0 : to;
}

/* A state with no way in is not drawn. */
static bool reachable(enum fsm_role role, int state)
{
	for (int from = INI; from < STATE_COUNT; from++) {
		for (int event = 0; event < FSM_EVENT_COUNT; event++) {
			if (arrow(role, from, event) == state) {
				return true;
			}
		}
	}
	return false;
}

/* Where every other state goes on event, 0 if they differ: drawn once, from "any state". */
static int common_target(enum fsm_role role, int event)
{
	int target = 0;

	for (int from = INI; from < STATE_COUNT; from++) {
		int to = tables[role][from][event];

		if (to == 0 && target != 0 && from == target) {
			continue;
		}
		if (to == 0 || (target != 0 && to != target)) {
			return 0;
		}
		target = to;
	}
	return target;
}

/* The arrow between two states, labelled with every event that takes it. from 0: any state. */
static void put_arrow(struct text *t, enum fsm_role role, int from, int to)
{
	bool first = true;

	for (int event = 0; event < FSM_EVENT_COUNT; event++) {
		int common = common_target(role, event);
		int target = from ? (common ? 0 : arrow(role, from, event)) : common;

		if (target != to) {
			continue;
		}
		if (first) {
			put(t, "\t");
			put(t, from ? gnomon_port_state_name((enum gnomon_port_state)from) : "ANY");
			put(t, " -> ");
			put(t, gnomon_port_state_name((enum gnomon_port_state)to));
			put(t, " [label=\"");
		} else {
			put(t, "\\n");
		}
		first = false;
		put_event(t, (enum gnomon_fsm_event)event);
	}
	if (!first) {
		put(t, "\"];\n");
	}
}

size_t fsm_dot(enum fsm_role role, char *buf, size_t cap)
{
	static const char *const titles[FSM_ROLE_COUNT] = {
		[FSM_FULL] = "full",
		[FSM_TIME_RECEIVER_ONLY] = "time_receiver_only",
		[FSM_TIME_TRANSMITTER_ONLY] = "time_transmitter_only",
	};
	struct text t = { buf, cap, 0 };

	put(&t, "digraph ");
	put(&t, titles[role]);
	put(&t, " {\n\tnode [shape=box, style=rounded];\n");
	put(&t, "\tANY [label=\"any state\", shape=plaintext];\n");
	for (int state = INI; state < STATE_COUNT; state++) {
		if (reachable(role, state)) {
			put(&t, "\t");
			put(&t, gnomon_port_state_name((enum gnomon_port_state)state));
			put(&t, ";\n");
		}
	}
	for (int from = 0; from < STATE_COUNT; from++) {
		for (int to = INI; (from == 0 || reachable(role, from)) && to < STATE_COUNT; to++) {
			put_arrow(&t, role, from, to);
		}
	}
	put(&t, "}\n");
	if (cap > 0) {
		buf[t.len < cap ? t.len : cap - 1] = '\0';
	}
	return t.len;
}
