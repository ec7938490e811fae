/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Holdover: what is learnt about an oscillator while it is steered, and what may be claimed about
 * its clock once nothing steers it any more. Pure, without allocation; the caller owns the memory.
 *
 *     gnomon_holdover_init(&h, NULL, now);
 *     after every sample and command:
 *             gnomon_holdover_learn(&h, &estimate, now);
 *     the reference is lost:
 *             gnomon_holdover_model(&h, &model);
 *     from then on, every few seconds:
 *             frequency = gnomon_holdover_frequency(&model, elapsed);
 *             bound = bound_then + gnomon_holdover_growth(&model, elapsed);
 *
 * Frequencies are adjustments as given to the clock, in ppb: positive makes it run faster. The
 * reasoning is in docs/SERVO.md.
 */
#ifndef GNOMON_HOLDOVER_H
#define GNOMON_HOLDOVER_H

#include <gnomon/servo.h>
#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Memory: so many averages of the frequency. When it is full, neighbours are merged. */
#define GNOMON_HOLDOVER_BINS 128

/** Lags at which the wander is known: the first, and as many doublings of it less one. */
#define GNOMON_HOLDOVER_LAGS 8

/** Start from gnomon_holdover_config_default(). */
struct gnomon_holdover_config {
	uint32_t size;               /* sizeof(struct gnomon_holdover_config) */
	double bin_s;                /* width of an average at first, > 0 */
	double memory_s;             /* how far back it looks at most, >= bins * bin_s */
	double least_drift_ppb_per_s; /* granted to any oscillator, however quiet it was: for
				       * temperatures that were not seen yet; >= 0 */
	double most_drift_ppb_per_s;  /* the operator says that it is no worse; 0: unknown */
};

/** Bins of 8 s, a day of memory, 0.003 ppb/s (10 ppb in an hour) at least, no upper limit. */
GNOMON_EXPORT void gnomon_holdover_config_default(struct gnomon_holdover_config *config);

/** What is being learnt. Members are private. */
struct gnomon_holdover {
	struct gnomon_holdover_config config;
	gnomon_mono at;       /* of the last estimate */
	gnomon_mono bin_from; /* start of the bin being filled */
	bool filling;
	double offset_ns;     /* at its start */
	double frequency_ppb; /* in force since the last estimate */
	double applied;       /* integral of the adjustment over the bin so far, ppb * s */
	double width_s;
	unsigned int count;
	/* Adjustment needed, mean of each bin, oldest first; NAN: nobody watched. */
	double needed_ppb[GNOMON_HOLDOVER_BINS];
};

/**
 * An oscillator as it is known: small enough to be kept in a file. All limits are worst cases as
 * far as the past can tell.
 */
struct gnomon_holdover_model {
	double frequency_ppb;       /* to give to the clock now */
	double frequency_error_ppb; /* ... which is right within this */
	double drift_ppb_per_s;     /* what to add to it as time goes by; 0: no trend was seen */
	double drift_error_ppb_per_s;
	double lag_s;               /* the first lag */
	unsigned int lags;          /* in use, 1 to GNOMON_HOLDOVER_LAGS */
	double wander_ppb[GNOMON_HOLDOVER_LAGS]; /* change over the lag beyond the trend; rising */
	double span_s;              /* how long it was watched for this */
	double least_drift_ppb_per_s;
	double most_drift_ppb_per_s; /* 0: unknown */
};

/** Start with nothing learnt. config NULL: the defaults. Returns 0 or -EINVAL. */
GNOMON_EXPORT int gnomon_holdover_init(struct gnomon_holdover *h,
				       const struct gnomon_holdover_config *config,
				       gnomon_mono now);

/**
 * Learn from a clock that follows its reference: call it with the estimate after every sample and
 * every change of the adjustment. An estimate that is not valid or not locked is a gap.
 */
GNOMON_EXPORT void gnomon_holdover_learn(struct gnomon_holdover *h,
					 const struct gnomon_estimate *estimate, gnomon_mono now);

/** The clock was stepped or is not followed for a while: what is in the unfinished bin is void. */
GNOMON_EXPORT void gnomon_holdover_gap(struct gnomon_holdover *h);

/**
 * What is known by now. Returns 0, or -ENODATA: too little was seen (some ten bins are needed).
 */
GNOMON_EXPORT int gnomon_holdover_model(const struct gnomon_holdover *h,
					struct gnomon_holdover_model *model);

/** Whether a model (of a file, say) is one that gnomon_holdover_model could have made. */
GNOMON_EXPORT bool gnomon_holdover_model_ok(const struct gnomon_holdover_model *model);

/** The model as it is worth after age_s >= 0 seconds during which nobody watched. */
GNOMON_EXPORT void gnomon_holdover_model_age(struct gnomon_holdover_model *model, double age_s);

/** The adjustment to give to the clock, elapsed_s >= 0 seconds after the model was made. */
GNOMON_EXPORT double gnomon_holdover_frequency(const struct gnomon_holdover_model *model,
					       double elapsed_s);

/** How far the error of the frequency may reach elapsed_s after the model was made, ppb. */
GNOMON_EXPORT double gnomon_holdover_frequency_error(const struct gnomon_holdover_model *model,
						     double elapsed_s);

/** What that adds to the clock's error bound until then, in ns: zero at zero, never falling. */
GNOMON_EXPORT double gnomon_holdover_growth(const struct gnomon_holdover_model *model,
					    double elapsed_s);

#ifdef __cplusplus
}
#endif

#endif
