/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A source and a sink, and what keeps the one in step with the other: the readings, the servo, the
 * way between their timescales, and the statistics. It has no loop of its own; whoever has one
 * calls pair_expire at pair_deadline.
 */
#ifndef SYNC_PAIR_H
#define SYNC_PAIR_H

#include <gnomon/clock.h>
#include <gnomon/engine.h>
#include <gnomon/servo.h>

#include "drivers/cross.h"
#include "drivers/pps.h"
#include "drivers/sink.h"
#include "tools/config/config.h"
#include "tools/log/log.h"
#include "tools/timescale/timescale.h"

/** What a pair is made of; everything is borrowed. */
struct pair_config {
	const struct conf *conf; /* servo, thresholds, leap seconds */
	struct log *log;
	struct gnomon_clock *source; /* NULL: pulses alone, which say nothing of whole seconds */
	struct gnomon_clock *sink;
	struct sink *out;        /* measurements go there; NULL: the sink is steered */
	const char *source_name; /* for the log; linuxptp's has "phc", "sys" or "pps" */
	const char *sink_name;
	int pps_fd;              /* pulses by CLOCK_REALTIME; -1: none */
	int extts_fd;            /* pulses by the sink; -1: none */
	unsigned int extts_channel;
	double interval_s;       /* of readings; pulses come when they come */
	unsigned int samples;    /* for one reading; 0: 5 */
	bool fixed_offset;       /* sink = source + offset_s; else by time properties */
	int offset_s;
	unsigned int summary;    /* updates in a line of statistics; 0: a line for each */
};

struct pair {
	struct pair_config config;
	struct cross cross;
	struct timescale timescale;
	struct gnomon_discipline *discipline; /* NULL: the sink is not steered */
	void *memory;
	gnomon_mono next;        /* reading */
	uint32_t pulse;          /* the last one used */
	bool has_pulse;
	enum gnomon_servo_state state;
	double frequency_ppb;    /* in force */
	double source_bound_ns;  /* as pair_source_bound has it; < 0: nobody told */
	double sampled_bound_ns; /* that of the last sample */
	gnomon_time last_local;  /* the sink's at the last sample, without leap seconds */
	gnomon_mono last_mono;
	gnomon_mono kernel_told;
	unsigned int unsettled;  /* readings left in which the source may be set */
	bool traceable;          /* UTC's offset is sure enough to tell the kernel */
	struct gnomon_stats offset;
	struct gnomon_stats frequency;
	struct gnomon_stats delay;
	unsigned int failures;   /* readings in a row */
	unsigned int unsent;   /* samples in a row that the program did not get */
};

/** Build a pair; the first reading is due at now. Returns 0, -ENOENT (no such servo) or -errno. */
int pair_init(struct pair *pair, const struct pair_config *config, gnomon_mono now);

/** Leave the sink at the frequency it has. Zeroed memory is ok. */
void pair_finish(struct pair *pair);

/** When pair_expire has something to do. */
gnomon_mono pair_deadline(const struct pair *pair);

/**
 * Read, and correct the sink. Returns 0, or -errno of clocks that could not be read: the next
 * deadline tries again, unless it is -ENODEV.
 */
int pair_expire(struct pair *pair, gnomon_mono now);

/** To poll for POLLIN; -1: nothing. */
int pair_fd(const struct pair *pair);

/** The descriptor is readable. */
int pair_ready(struct pair *pair, gnomon_mono now);

/**
 * The PTP timescale's offset from UTC and leap seconds; for pairs of which one clock keeps UTC.
 * traceable: sure enough to tell the kernel.
 */
void pair_time_properties(struct pair *pair, const struct gnomon_time_properties_ds *properties,
			  bool traceable);

/**
 * How far the source itself may be off, ns; INFINITY: that is not known. It is part of the sink's
 * bound, and counts from the next reading on. Without it the bound is relative to the source.
 */
void pair_source_bound(struct pair *pair, double bound_ns);

/** No more readings, until there is a source again; the correction in force still ends in time. */
void pair_pause(struct pair *pair);

/** Go on by another source: what was learned of the sink stays. */
void pair_set_source(struct pair *pair, struct gnomon_clock *source, const char *name,
		     gnomon_mono now);

/** Start over with the frequency that was learned. */
void pair_reset(struct pair *pair);

/**
 * Start over with the frequency that the sink has now: others kept it for a while. What was learned
 * of it before would be 50 us wrong after a second if they made up for 50 ppm.
 */
void pair_resume(struct pair *pair);

/** What is known about the sink. An unknown bound is INFINITY. */
void pair_estimate(const struct pair *pair, gnomon_mono now, struct gnomon_estimate *estimate);

/** How fast the sink leaves the source at most, ppb (gnomon_discipline_slew); INFINITY: unknown. */
double pair_slew(const struct pair *pair, gnomon_mono now);

#endif
