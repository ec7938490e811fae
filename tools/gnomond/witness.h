/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Watches the kept clock against a clock of the kernel that nobody can set, so that a step by
 * somebody else is seen at once, with a source to follow and without.
 *
 * The system clock is held against CLOCK_MONOTONIC, which is slewed with it: any difference is a
 * step. Any other is held against CLOCK_MONOTONIC_RAW, and its rate is learnt; what is smaller than
 * the error of both readings and 1 us per second goes unseen.
 */
#ifndef GNOMOND_WITNESS_H
#define GNOMOND_WITNESS_H

#include <stdbool.h>

#include <gnomon/clock.h>

#include "drivers/clock.h"

/** All clocks at one instant. */
struct witness_reading {
	gnomon_time clock;
	int64_t base_ns;  /* in the middle of the reading of the clock ... */
	int64_t width_ns; /* ... which took this */
	int64_t slept_least_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC: how long the machine slept */
	int64_t slept_most_ns;
};

struct witness {
	struct gnomon_clock *clock;
	clock_gettime_fn *gettime; /* NULL: the kernel's; tests give their own */
	void *context;
	bool ours;              /* nobody else sets its frequency */
	bool armed;             /* last is of the clock as it goes on from now */
	struct witness_reading last;
	double frequency_ppb;   /* in force since: */
	int64_t since_ns;
	double applied_ns;      /* what adjustments added from last until then */
	double rate;            /* of the oscillator against the base, less 1, if learnt ... */
	double rate_error;      /* ... within this */
};

enum witness_verdict {
	WITNESS_NOTHING,
	WITNESS_STEPPED, /* by somebody else */
	WITNESS_SLEPT,   /* the machine was suspended: what the clock shows now is unknown */
};

struct witness_report {
	double by_ns;    /* of the step ... */
	double error_ns; /* ... within this */
	double slept_s;
};

/** ours: nobody else sets the frequency of the clock, which is this now. */
void witness_init(struct witness *w, struct gnomon_clock *clock, bool ours, double frequency_ppb);

/** We set its frequency just now. */
void witness_frequency(struct witness *w, double ppb);

/** It is another time by our own doing: begin anew with the next look. */
void witness_forget(struct witness *w);

/** Look. *report is filled if there is something. */
enum witness_verdict witness_look(struct witness *w, struct witness_report *report);

#endif
