/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Best TimeTransmitter Clock Algorithm (9.3): data set comparison and state decision, as pure
 * functions of their arguments.
 */
#ifndef PTP_BMCA_H
#define PTP_BMCA_H

#include <gnomon/engine.h>

/* What figures 34 and 35 compare (table 26). */
struct bmca_dataset {
	uint8_t priority1;
	struct gnomon_clock_identity identity; /* grandmasterIdentity */
	struct gnomon_clock_quality quality;
	uint8_t priority2;
	uint16_t steps_removed;
	struct gnomon_port_identity sender;
	struct gnomon_port_identity receiver;
};

enum bmca_order {
	BMCA_A_BETTER,
	BMCA_A_BETTER_BY_TOPOLOGY,
	BMCA_B_BETTER,
	BMCA_B_BETTER_BY_TOPOLOGY,
	BMCA_ERROR_1, /* sender and receiver are one: own message heard */
	BMCA_ERROR_2, /* duplicate of one message */
};

enum bmca_order bmca_compare(const struct bmca_dataset *a, const struct bmca_dataset *b);

/* A better than B, for either reason. */
static inline bool bmca_a_wins(enum bmca_order order)
{
	return order == BMCA_A_BETTER || order == BMCA_A_BETTER_BY_TOPOLOGY;
}

/* The decision points of figure 33. */
enum bmca_decision {
	BMCA_STAY, /* no Announce known on a LISTENING port */
	BMCA_M1,
	BMCA_M2,
	BMCA_M3,
	BMCA_S1,
	BMCA_P1,
	BMCA_P2,
};

/* Inputs of figure 33 for one port. */
struct bmca_port_view {
	enum gnomon_port_state state;
	bool time_transmitter_only;
	const struct bmca_dataset *port_best;  /* Erbest; NULL: empty set */
	const struct bmca_dataset *clock_best; /* Ebest; NULL: empty set */
	bool best_is_here;                     /* Ebest is this port's Erbest */
	const struct bmca_dataset *own;        /* D0 */
};

enum bmca_decision bmca_decide(const struct bmca_port_view *view);

/* "M1" ... */
const char *bmca_decision_name(enum bmca_decision decision);

#endif
