/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The line between CLOCK_MONOTONIC_RAW and the CPU counter. Where the kernel keeps time by the
 * counter, the raw clock is the counter times multiplier / 2^shift, truncated to ns: nobody steers
 * it. So brackets of it bound the line ever closer, until only one multiplier is left.
 *
 * Intervals, not estimates: every bracket says that the raw clock reached its reading before one
 * counter value and had not passed it at another. What is wrong with the line (another clocksource,
 * a suspend) shows as a contradiction, and then it starts anew.
 */
#ifndef DRIVERS_RAW_LINE_H
#define DRIVERS_RAW_LINE_H

#include <stdbool.h>
#include <stdint.h>

/** The raw clock read raw ns, truncated, at some counter value from before to after. */
struct raw_bracket {
	uint64_t before;
	uint64_t after;
	int64_t raw;
};

#define RAW_LINE_KEPT 16

/** All times in ns, slopes in ns per tick. */
struct raw_line {
	double start_low; /* of the slope, before anything is known */
	double start_high;
	double low;
	double high;
	bool exact;
	bool odd; /* no multiplier fits the slope: none is looked for any more */
	uint32_t multiplier;
	unsigned int shift;
	unsigned int count;
	unsigned int next;
	unsigned int refits;
	struct raw_bracket first; /* the slope is known from here */
	struct raw_bracket newest;
	struct raw_bracket kept[RAW_LINE_KEPT];
};

/** The counter's frequency is hz, to tolerance_ppb. */
void raw_line_init(struct raw_line *line, double hz, double tolerance_ppb);

/** Forget all brackets, not the number of refits. */
void raw_line_forget(struct raw_line *line);

/** Take a bracket, newer than those before. Returns false if it contradicts them: they are gone. */
bool raw_line_add(struct raw_line *line, const struct raw_bracket *bracket);

/**
 * The counter at which the raw clock passed raw (a fraction of a ns counts), near the newest
 * bracket; half_ns: it is that within so many ns. Returns 0, or -ENODATA: there is no bracket.
 */
int raw_line_counter(const struct raw_line *line, int64_t raw, double fraction, uint64_t *counter,
		     double *half_ns);

/**
 * The shift that the kernel chooses for a counter of that frequency: the largest for which 600 s
 * of ticks times the multiplier fit 64 bits.
 */
unsigned int raw_line_shift(double hz);

#endif
