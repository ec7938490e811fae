/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PTP Port state machine (9.2.5, figures 30 and 31) as const tables: pure, exhaustive,
 * printable. Side effects of a transition belong to the port, not to the table.
 */
#ifndef PTP_FSM_H
#define PTP_FSM_H

#include <stddef.h>

#include <gnomon/engine.h>

enum gnomon_fsm_event {
	FSM_NONE,
	FSM_POWERUP,
	FSM_INITIALIZE,
	FSM_DESIGNATED_ENABLED,
	FSM_DESIGNATED_DISABLED,
	FSM_FAULT_CLEARED,
	FSM_FAULT_DETECTED,
	FSM_INIT_COMPLETE,
	FSM_QUALIFICATION_TIMEOUT,
	FSM_ANNOUNCE_TIMEOUT,
	FSM_SYNC_FAULT,
	FSM_CLOCK_SELECTED,   /* MASTER_CLOCK_SELECTED */
	FSM_RS_MASTER,        /* recommended state BMC_MASTER by M3 */
	FSM_RS_GRAND_MASTER,  /* recommended state BMC_MASTER by M1 or M2 */
	FSM_RS_SLAVE,         /* recommended state BMC_SLAVE, same parent */
	FSM_RS_SLAVE_NEW,     /* recommended state BMC_SLAVE, another parent than before */
	FSM_RS_PASSIVE,
	FSM_EVENT_COUNT
};

/* Which of the state machines a port runs. */
enum fsm_role {
	FSM_FULL,                  /* figure 30 */
	FSM_TIME_RECEIVER_ONLY,    /* figure 31 */
	FSM_TIME_TRANSMITTER_ONLY, /* figure 30 without UNCALIBRATED and SLAVE, 9.2.2.2 */
	FSM_ROLE_COUNT
};

/* The state after event; the same state where the figure has no arrow. */
enum gnomon_port_state fsm_next(enum fsm_role role, enum gnomon_port_state state,
				enum gnomon_fsm_event event);

/* Graphviz text of a role's machine into buf, NUL-terminated; returns as snprintf does. Used for
 * the documentation and by its golden test. */
size_t fsm_dot(enum fsm_role role, char *buf, size_t cap);

#endif
