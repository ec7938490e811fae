/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Best TimeTransmitter Clock Algorithm: figures 33 (state decision), 34 and 35 (comparison).
 */
#include "bmca.h"

/* Figure 34: two grandmasters. <0: A is better, >0: B is, 0: cannot be told apart. */
static int compare_grandmasters(const struct bmca_dataset *a, const struct bmca_dataset *b)
{
	if (a->priority1 != b->priority1) {
		return a->priority1 - b->priority1;
	}
	if (a->quality.clock_class != b->quality.clock_class) {
		return a->quality.clock_class - b->quality.clock_class;
	}
	if (a->quality.clock_accuracy != b->quality.clock_accuracy) {
		return a->quality.clock_accuracy - b->quality.clock_accuracy;
	}
	if (a->quality.offset_scaled_log_variance != b->quality.offset_scaled_log_variance) {
		return a->quality.offset_scaled_log_variance -
		       b->quality.offset_scaled_log_variance;
	}
	if (a->priority2 != b->priority2) {
		return a->priority2 - b->priority2;
	}
	return gnomon_clock_identity_cmp(&a->identity, &b->identity);
}

/*
 * Figure 35, one path exactly one step longer than the other. Whether the longer one is merely
 * the same path seen from behind is told by whether its receiver or its sender ranks lower.
 */
static enum bmca_order compare_longer(const struct bmca_dataset *longer, enum bmca_order better,
				      enum bmca_order by_topology)
{
	int diff = gnomon_port_identity_cmp(&longer->receiver, &longer->sender);

	if (diff == 0) {
		return BMCA_ERROR_1;
	}
	return diff < 0 ? better : by_topology;
}

/* Figure 35: two paths to one grandmaster. */
static enum bmca_order compare_paths(const struct bmca_dataset *a, const struct bmca_dataset *b)
{
	int steps = a->steps_removed - b->steps_removed;
	int diff;

	if (steps > 1) {
		return BMCA_B_BETTER;
	}
	if (steps < -1) {
		return BMCA_A_BETTER;
	}
	if (steps == 1) {
		return compare_longer(a, BMCA_B_BETTER, BMCA_B_BETTER_BY_TOPOLOGY);
	}
	if (steps == -1) {
		return compare_longer(b, BMCA_A_BETTER, BMCA_A_BETTER_BY_TOPOLOGY);
	}
	/*
	 * Whole port identities: one clock may send to this one from two ports. Receivers are ports
	 * of this clock, so their numbers suffice.
	 */
	diff = gnomon_port_identity_cmp(&a->sender, &b->sender);
	if (diff == 0) {
		diff = a->receiver.port - b->receiver.port;
	}
	if (diff == 0) {
		return BMCA_ERROR_2;
	}
	return diff < 0 ? BMCA_A_BETTER_BY_TOPOLOGY : BMCA_B_BETTER_BY_TOPOLOGY;
}

enum bmca_order bmca_compare(const struct bmca_dataset *a, const struct bmca_dataset *b)
{
	int diff;

	if (gnomon_clock_identity_cmp(&a->identity, &b->identity) == 0) {
		return compare_paths(a, b);
	}
	diff = compare_grandmasters(a, b);
	return diff < 0 ? BMCA_A_BETTER : BMCA_B_BETTER;
}

/* D0 against a best, which may be the empty set. */
static bool own_wins(const struct bmca_dataset *own, const struct bmca_dataset *best)
{
	return !best || bmca_a_wins(bmca_compare(own, best));
}

/* Figure 33. A timeTransmitterOnly port hears no Announce: its Erbest is the empty set. */
enum bmca_decision bmca_decide(const struct bmca_port_view *view)
{
	const struct bmca_dataset *own = view->own;
	const struct bmca_dataset *port_best =
		view->time_transmitter_only ? NULL : view->port_best;
	uint8_t clock_class = own->quality.clock_class;

	if (!port_best && view->state == GNOMON_PORT_LISTENING) {
		return BMCA_STAY;
	}
	if (clock_class >= 1 && clock_class <= 127) {
		return own_wins(own, port_best) ? BMCA_M1 : BMCA_P1;
	}
	if (own_wins(own, view->clock_best)) {
		return BMCA_M2;
	}
	if (!port_best) {
		return BMCA_M3;
	}
	if (view->best_is_here) {
		return BMCA_S1;
	}
	return bmca_compare(view->clock_best, port_best) == BMCA_A_BETTER_BY_TOPOLOGY ? BMCA_P2 :
										       BMCA_M3;
}

const char *bmca_decision_name(enum bmca_decision decision)
{
	switch (decision) {
	case BMCA_STAY:
		return "STAY";
	case BMCA_M1:
		return "M1";
	case BMCA_M2:
		return "M2";
	case BMCA_M3:
		return "M3";
	case BMCA_S1:
		return "S1";
	case BMCA_P1:
		return "P1";
	case BMCA_P2:
		return "P2";
	}
	return "UNKNOWN";
}
