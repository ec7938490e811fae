/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of what is made of timestamps: times whose fractions are told, and a node that follows
 * a stranger and takes whatever delay comes out.
 */
#ifndef TESTS_PTP_EXACT_H
#define TESTS_PTP_EXACT_H

#include "harness.h"

/* A TimeInterval of ns and 2^-16 ns. */
static inline int64_t interval(int64_t ns, uint16_t frac)
{
	return ns * 65536 + frac;
}

static inline gnomon_time at(int64_t ns, uint16_t frac)
{
	gnomon_time t = { LAN_EPOCH + 100, 0, 0 };
	gnomon_span s = { ns, frac };

	return gnomon_time_add(t, s);
}

static inline struct node *by_hand(enum gnomon_delay_mechanism mechanism)
{
	struct node *n = node_by_hand(mechanism);

	n->ports[0].neighbor_prop_delay_min = gnomon_span_from_ns(-1000 * SEC);
	n->ports[0].neighbor_prop_delay_max = gnomon_span_from_ns(1000 * SEC);
	return n;
}

static inline void follow(struct node *n)
{
	node_start(n);
	follow_stranger(n, 1, stranger(1));
}

/* What a field can say at the most, and what lies next to it. */
static const int64_t corrections[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1 };
static const gnomon_time instants[] = {
	{ 0, 0, 0 },
	{ 1, 999999999, 0xffff },
	{ INT64_C(0xffffffffffff), 999999999, 0 },
	{ LAN_EPOCH, 0, 1 },
};

#endif
