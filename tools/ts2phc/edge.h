/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Which instant a pulse marks. A pulse has no name: the source's time, read shortly after it, says
 * which multiple of the period it was. Pure.
 */
#ifndef TS2PHC_EDGE_H
#define TS2PHC_EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/time.h>

struct edge_pulse {
	int64_t period_ns; /* of a second or less */
	int64_t phase_ns;  /* of the marked edge in its period */
	int64_t width_ns;  /* from the edge that counts to the other one, half a period at most */
	bool message;      /* the source's time came in a message after the pulse it names */
};

/**
 * The instant of the pulse. Without a message the source's time is good to half a period, and the
 * nearest instant is meant; a message is late by less than a period, so that at the next pulse it
 * says something between the two.
 */
gnomon_time edge_instant(const struct edge_pulse *pulse, gnomon_time source);

/** True if the source's time says that this is the pulse's other edge. */
bool edge_is_other(const struct edge_pulse *pulse, gnomon_time source);

#endif
