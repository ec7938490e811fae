/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Keeping a clock by a source whose rate is known beforehand. A servo learns the frequency from
 * offsets, which takes minutes and lets noise through; here it is told: the rate of the source by
 * the counter that the clock itself is made of. What is left is the phase. That is kept as an
 * interval, moved by the rates that are known, widened by what is not, and cut by each reading; its
 * middle is taken out by a small change of frequency until the next reading.
 *
 * Pure: it is told readings, and says what to do.
 */
#ifndef SERVO_FEEDFORWARD_H
#define SERVO_FEEDFORWARD_H

#include <stdbool.h>

#include <gnomon/time.h>

struct feedforward_config {
	double interval_s;        /* between readings */
	double first_step_ns;     /* step if it is off by more when it starts over; 0: never */
	double step_ns;           /* likewise at any time; 0: never */
	double max_frequency_ppb; /* of the clock */
	double max_slew_ppb;      /* by how much it is led away from the right frequency */
	double granularity_ppb;   /* the clock's rate wavers by that about what it was set to */
	double tick_s;            /* a frequency that is set takes effect within this */
	double natural_ppb;       /* the clock's rate by the raw clock at frequency 0, less 1: that
				   * of the kernel's clock is the same, a soft one may be made so */
};

struct feedforward_sample {
	gnomon_time raw;       /* the counter's own time: only differences count */
	gnomon_span offset;    /* the clock minus its source */
	double half_ns;        /* |error| of that */
	double rate_ppb;       /* the source's rate by the raw clock, less 1: the right frequency */
	double rate_error_ppb; /* |error| of that; INFINITY: the rate is not known yet */
};

struct feedforward_command {
	bool step;
	gnomon_span by;       /* to add to the clock, before: */
	double frequency_ppb; /* to set */
};

struct feedforward {
	struct feedforward_config config;
	bool fresh;            /* nothing is known of the phase */
	bool settled;          /* it was stepped, or needed none */
	gnomon_time raw;       /* at the last reading */
	double low_ns;         /* the clock minus its source then, at least ... */
	double high_ns;        /* ... and at most */
	double frequency_ppb;  /* in force */
	double needed_ppb;     /* the right one */
	double needed_error_ppb;
	double late_ns;        /* what the last change of frequency may still do to the phase */
	unsigned int misfits;  /* readings that were outside of the interval; of the current */
};

/** frequency_ppb: what the clock has now. */
void feedforward_init(struct feedforward *ff, const struct feedforward_config *config,
		      double frequency_ppb);

/** The source is another one, or was disrupted: one reading is all it takes. may_step: as at the
 * start; else by step_ns. */
void feedforward_reset(struct feedforward *ff, bool may_step);

/**
 * Nothing can be read now: returns the frequency to set, the right one, so that what was being
 * taken out of the phase is not taken out for ever.
 */
double feedforward_coast(struct feedforward *ff, gnomon_time raw);

/** Another frequency was set by somebody else. */
void feedforward_frequency(struct feedforward *ff, double frequency_ppb);

/**
 * Take a reading. The command is to be carried out now; if it cannot be, feedforward_reset and
 * feedforward_frequency.
 */
void feedforward_take(struct feedforward *ff, const struct feedforward_sample *sample,
		      struct feedforward_command *command);

/**
 * How far the clock is from its source when the raw clock reads raw, within half_ns. False: that is
 * not known.
 */
bool feedforward_phase(const struct feedforward *ff, gnomon_time raw, double *offset_ns,
		       double *half_ns);

/** How fast half_ns and the offset together can grow, ppb, until the next command. */
double feedforward_growth(const struct feedforward *ff);

#endif
