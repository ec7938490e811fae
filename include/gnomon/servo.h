/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Clock control and estimation: filters, servos, and the discipline that turns offset samples
 * into clock commands and an error bound. Pure: told the time, no I/O, no allocation; the caller
 * owns all memory.
 *
 * Frequencies are in ppb; positive makes the disciplined clock run faster. Offsets are
 * "this clock minus its reference": a positive offset means this clock is ahead.
 */
#ifndef GNOMON_SERVO_H
#define GNOMON_SERVO_H

#include <stddef.h>

#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- delay filters --------------------------------------------------------------------------- */

/**
 * A filter of a stream of spans (path delays). State lives in caller memory of size(length)
 * octets, aligned for any type.
 */
struct gnomon_filter_ops {
	const char *name;    /* as written in configuration: "moving_median" */
	const char *summary; /* one line for documentation */
	size_t (*size)(unsigned int length);
	void (*init)(void *state, unsigned int length);
	/** Take one value, return the filtered one. */
	gnomon_span (*sample)(void *state, gnomon_span value);
	/** Forget all values. */
	void (*reset)(void *state);
};

/** The filter of that name, NULL if unknown. */
GNOMON_EXPORT const struct gnomon_filter_ops *gnomon_filter_find(const char *name);

/** The index-th filter of the table, NULL past the end: for help and documentation. */
GNOMON_EXPORT const struct gnomon_filter_ops *gnomon_filter_at(unsigned int index);

/* -- servos ---------------------------------------------------------------------------------- */

/** Printed as s0 s1 s2 s3 in ptp4l's log lines. */
enum gnomon_servo_state {
	GNOMON_SERVO_UNLOCKED,      /* gathering samples; leave the clock alone */
	GNOMON_SERVO_JUMP,          /* set the frequency and step the clock by -offset */
	GNOMON_SERVO_LOCKED,        /* set the frequency */
	GNOMON_SERVO_LOCKED_STABLE, /* set the frequency; offsets have stayed below the threshold */
};

/**
 * What every servo is configured with: start from gnomon_servo_config_default(). Zero a member to
 * get the behaviour its comment names (a zero norm_max: 0.7 and 0.3; exponents mean what they
 * say), except max_frequency_ppb, which must be set.
 */
struct gnomon_servo_config {
	uint32_t size;               /* sizeof(struct gnomon_servo_config) */
	bool software_timestamps;    /* picks the default scales: 0.1/0.001 instead of 0.7/0.3 */
	double frequency_ppb;        /* the clock's frequency adjustment at the start */
	double max_frequency_ppb;    /* cap on the adjustment, > 0 */
	double plausible_frequency_ppb; /* a frequency error estimated beyond it is taken for a
				      * step of the reference and estimated again; 0: believed */
	double first_step_threshold; /* s; step on the first update beyond it; 0: never */
	double step_threshold;       /* s; step on a later update beyond it; 0: never */
	double pi_proportional_const; /* 0: from scale, exponent and norm_max */
	double pi_integral_const;
	double pi_proportional_scale; /* 0: 0.7 hardware, 0.1 software */
	double pi_proportional_exponent;
	double pi_proportional_norm_max;
	double pi_integral_scale; /* 0: 0.3 hardware, 0.001 software */
	double pi_integral_exponent;
	double pi_integral_norm_max;
	int64_t offset_threshold_ns;    /* LOCKED_STABLE when below it ... 0: never */
	unsigned int num_offset_values; /* ... for this many samples */
};

/** Fill *config with ptp4l's defaults (hardware timestamps, 900 000 000 ppb). */
GNOMON_EXPORT void gnomon_servo_config_default(struct gnomon_servo_config *config);

/** One offset measurement. */
struct gnomon_servo_sample {
	gnomon_span offset; /* this clock minus the reference */
	gnomon_time local;  /* this clock's reading at the measurement */
	double weight;      /* (0..1], 1: full trust */
};

/** A servo algorithm; state lives in caller memory of .size octets, aligned for any type. */
struct gnomon_servo_ops {
	const char *name;
	const char *summary;
	size_t size;
	void (*init)(void *state, const struct gnomon_servo_config *config);
	/** Take a sample; return the state and, in *frequency_ppb, the adjustment to apply. */
	enum gnomon_servo_state (*sample)(void *state, const struct gnomon_servo_sample *sample,
					  double *frequency_ppb);
	/** The interval between samples changed. seconds > 0. */
	void (*sync_interval)(void *state, double seconds);
	/** Start over, keeping the learned frequency. */
	void (*reset)(void *state);
	/** Reference frequency over local frequency in the current state (1.0 when locked). */
	double (*rate_ratio)(const void *state);
	/** The adjustment the oscillator is believed to need, without what corrects the last
	 * offset. NULL: unknown, and the last command stays in force when samples fail to come. */
	double (*needed)(const void *state);
	/** Samples fail to come: elapsed_s after the last one this adjustment has come into force
	 * until the next. With needed, or NULL as well. */
	void (*hold)(void *state, double frequency_ppb, double elapsed_s);
	/** What the oscillator needs is known from elsewhere, and in force from now on: close the
	 * loop with the next sample. NULL: the servo estimates it itself. */
	void (*start)(void *state, double frequency_ppb);
};

/** The servo of that name, NULL if unknown. */
GNOMON_EXPORT const struct gnomon_servo_ops *gnomon_servo_find(const char *name);
GNOMON_EXPORT const struct gnomon_servo_ops *gnomon_servo_at(unsigned int index);

/** "UNLOCKED", "JUMP", "LOCKED", "LOCKED_STABLE". */
GNOMON_EXPORT const char *gnomon_servo_state_name(enum gnomon_servo_state state);

/* -- estimate -------------------------------------------------------------------------------- */

/**
 * What is known about a disciplined clock at an instant, with its honest limits.
 * |true offset from the reference| <= bound_ns as long as the path is as symmetric as
 * path_asymmetry_ns says and the oscillator stays within frequency_error_ppb.
 */
struct gnomon_estimate {
	bool valid;                 /* at least one sample since the last reset */
	enum gnomon_servo_state state;
	gnomon_mono at;             /* instant this estimate speaks of */
	double offset_ns;           /* filtered offset from the reference */
	double offset_stddev_ns;    /* spread of recent offsets: the measurement noise */
	double frequency_ppb;       /* adjustment in force */
	double frequency_error_ppb; /* uncertainty of that adjustment */
	double bound_ns;            /* worst-case |offset| at .at; +inf when not valid */
};

/* -- discipline ------------------------------------------------------------------------------ */

/** How a clock is kept: a servo plus what surrounds it. */
struct gnomon_discipline_config {
	uint32_t size; /* sizeof(struct gnomon_discipline_config) */
	const struct gnomon_servo_ops *servo;
	struct gnomon_servo_config servo_config;
	bool free_running;          /* measure only: never command the clock */
	unsigned int step_window;   /* samples ignored after a step */
	double sanity_freq_limit_ppb; /* local clock against the monotonic one; 0: unchecked */
	double path_asymmetry_ns;   /* what may be unsymmetric in the path, for the bound;
				     * negative: unknown, take half of the mean delay */
	double drift_ppb_per_s;     /* how fast the free oscillator may change, for the bound;
				     * 0: a cautious default */
	double delay_memory_s;      /* how long a delay measurement lives in the delay filter
				     * (length times interval), for the bound; 0: 10 s */
};

/** One sample for the discipline. */
struct gnomon_discipline_sample {
	gnomon_span offset;     /* this clock minus the reference */
	gnomon_span mean_delay; /* of the path the sample came over */
	gnomon_time local;      /* this clock's reading at the measurement */
	double weight;
	double reference_bound_ns; /* error bound of the reference itself; < 0: unknown */
};

/** What to do to the clock now. Do the step first, then the frequency. */
struct gnomon_discipline_command {
	enum gnomon_servo_state state;
	bool step;
	gnomon_span step_by; /* add this to the clock */
	bool set_frequency;
	double frequency_ppb; /* free running: what a servo would set */
	double rate_ratio;    /* for the delay measurement, at once: the bound counts on it */
	bool insane; /* the sanity limit was exceeded: the servo started over */
	bool ignored; /* not used: inside the step window, or the sanity check is in doubt */
};

struct gnomon_discipline;

/** Octets of memory needed; 0 if the configuration is incomplete. */
GNOMON_EXPORT size_t gnomon_discipline_size(const struct gnomon_discipline_config *config);

/**
 * Build a discipline in mem (len octets, aligned for any type). Returns 0, -EINVAL (incomplete or
 * out of range configuration) or -ENOBUFS. The memory needs no finish.
 */
GNOMON_EXPORT int gnomon_discipline_init(struct gnomon_discipline **d, void *mem, size_t len,
					 const struct gnomon_discipline_config *config);

/** Take a sample at local monotonic instant now; fill *command with what the clock needs. */
GNOMON_EXPORT void gnomon_discipline_sample(struct gnomon_discipline *d,
					    const struct gnomon_discipline_sample *sample,
					    gnomon_mono now,
					    struct gnomon_discipline_command *command);

/** The expected interval between samples, seconds > 0. */
GNOMON_EXPORT void gnomon_discipline_sync_interval(struct gnomon_discipline *d, double seconds);

/**
 * When a sample is so overdue that gnomon_discipline_expire has something to do; NEVER if nothing
 * is expected. It moves with every sample and is later than any sample of a healthy reference.
 */
GNOMON_EXPORT gnomon_mono gnomon_discipline_deadline(const struct gnomon_discipline *d);

/**
 * Time has passed without a sample. At the deadline or later *command ends the last correction,
 * which was meant for one interval; before it there is nothing in it to do.
 */
GNOMON_EXPORT void gnomon_discipline_expire(struct gnomon_discipline *d, gnomon_mono now,
					    struct gnomon_discipline_command *command);

/**
 * Samples exist but must not be used for a while (about a leap second): end the last correction at
 * once. As when a sample is overdue the clock gets what its oscillator needed of late, which no
 * single outlier changes; before the loop is closed there is nothing in *command to do. Over with
 * the next sample.
 */
GNOMON_EXPORT void gnomon_discipline_coast(struct gnomon_discipline *d, gnomon_mono now,
					   struct gnomon_discipline_command *command);

/** The reference changed or was lost: start over, keep the learned frequency. */
GNOMON_EXPORT void gnomon_discipline_reset(struct gnomon_discipline *d);

/** What is known at now; the bound grows from the last sample by what the oscillator may do. */
GNOMON_EXPORT void gnomon_discipline_estimate(const struct gnomon_discipline *d, gnomon_mono now,
					      struct gnomon_estimate *estimate);

/**
 * How fast the clock, at the frequency in force, leaves its reference at most, in ppb: by the
 * correction in progress and by what is not known of the frequency it needs. So far it goes if
 * nobody ends the correction. +inf while nothing is known.
 */
GNOMON_EXPORT double gnomon_discipline_slew(const struct gnomon_discipline *d, gnomon_mono now);

/* -- statistics ------------------------------------------------------------------------------ */

/** Running statistics of a stream of numbers (Welford), as ptp4l's summary lines print them. */
struct gnomon_stats {
	unsigned int count;
	double mean;
	double m2;
	double sum_squares;
	double max_abs;
	double min;
	double max;
};

GNOMON_EXPORT void gnomon_stats_reset(struct gnomon_stats *s);
GNOMON_EXPORT void gnomon_stats_add(struct gnomon_stats *s, double value);
/** Root mean square; 0 when empty. */
GNOMON_EXPORT double gnomon_stats_rms(const struct gnomon_stats *s);
/** Sample standard deviation; 0 for fewer than two values. */
GNOMON_EXPORT double gnomon_stats_stddev(const struct gnomon_stats *s);

#ifdef __cplusplus
}
#endif

#endif
