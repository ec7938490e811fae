/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Clocks that each say where the kept clock is, within an error each vouches for: two of which the
 * intervals have nothing in common contradict each other, and one of them is wrong, however good
 * both look. Pure.
 */
#ifndef GUEST_AGREE_H
#define GUEST_AGREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnomon/time.h>

#define AGREE_MAX 16

/** So many comparisons in a row must say the same: one may have been spoilt. */
#define AGREE_PATIENCE 3

struct agree_opinion {
	bool speaks;        /* false: no reading, or nobody vouches for it */
	gnomon_span offset; /* the kept clock minus this one */
	double error_ns;    /* of all kinds */
};

struct agree {
	uint8_t against[AGREE_MAX][AGREE_MAX]; /* contradictions in a row */
	bool conflict[AGREE_MAX][AGREE_MAX];   /* [i][j] with i < j: it is one */
};

/** What has changed between two clocks. */
struct agree_change {
	size_t a;
	size_t b;
	bool conflict;         /* else they agree again */
	double difference_ns;  /* what a is ahead of b */
	double allowed_ns;     /* what both vouch for together */
};

void agree_init(struct agree *agree);

/** Compare all with all; returns how many changes were stored, at most max. */
size_t agree_take(struct agree *agree, const struct agree_opinion *opinions, size_t count,
		  struct agree_change *changes, size_t max);

/** The clock is another one from now on. */
void agree_forget(struct agree *agree, size_t index);

/** With how many it is in conflict. */
unsigned int agree_conflicts(const struct agree *agree, size_t index);

/** How many pairs are. */
unsigned int agree_total(const struct agree *agree);

/** Two opinions right now: whether they contradict each other; *change has the numbers. */
bool agree_contradict(const struct agree_opinion *a, const struct agree_opinion *b,
		      struct agree_change *change);

#endif
