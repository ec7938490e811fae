/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * One clock and all its time sources: measures against each of them, follows one (select.h) with
 * a discipline (servo.h), and holds over on what was learnt of the oscillator (holdover.h) when
 * there is none to follow. Pure, without allocation; the caller owns the memory.
 *
 *     gnomon_ensemble_init(&e, mem, len, &config, now);
 *     a source has measured:        gnomon_ensemble_sample(e, i, &sample, now, &command);
 *     a source is not to be used:   gnomon_ensemble_alarm(e, i, now, &command);
 *     a sample must not be used:    gnomon_ensemble_suspend(e, i, now, &command);
 *     at its deadline:              gnomon_ensemble_expire(e, now, &command);
 *     after each of these:          carry out *command: the step, then the frequency, then tell
 *                                   every delay measurement of step, state and rate ratio;
 *                                   while (gnomon_ensemble_changes(e, &change)) ... log
 *                                   set the timer to gnomon_ensemble_deadline(e)
 *
 * What is commanded counts as done: if the clock refuses, say so with gnomon_ensemble_reset.
 *
 * With one source alone there is nothing to choose: no vote, no wait, no dispute. Its clock is kept
 * exactly as by the discipline alone, and held over when it falls silent or raises an alarm. The
 * rules, and why they are so, are in docs/SERVO.md.
 */
#ifndef GNOMON_ENSEMBLE_H
#define GNOMON_ENSEMBLE_H

#include <stddef.h>

#include <gnomon/holdover.h>
#include <gnomon/select.h>
#include <gnomon/servo.h>
#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the clock rests on. */
enum gnomon_ensemble_mode {
	GNOMON_ENSEMBLE_NONE,      /* nothing was followed yet */
	GNOMON_ENSEMBLE_FOLLOWING, /* a source is followed */
	GNOMON_ENSEMBLE_HOLDOVER,  /* none is; the oscillator is known */
	GNOMON_ENSEMBLE_FREE,      /* none is; too little was learnt, so the bound grows fast */
};

/** "none", "following", "holdover", "free"; for logs. */
GNOMON_EXPORT const char *gnomon_ensemble_mode_name(enum gnomon_ensemble_mode mode);

/** What is known of a source beforehand. */
struct gnomon_ensemble_source {
	struct gnomon_source source;  /* priority, widest bound wanted, timeout */
	double path_asymmetry_ns;     /* as in struct gnomon_discipline_config: negative: unknown,
				       * half of the mean delay */
	double delay_memory_s;        /* likewise: of its delay filter; 0: 10 s */
};

/** Zero a member to get what its comment names. Nothing is referred to after initialization. */
struct gnomon_ensemble_config {
	uint32_t size; /* sizeof(struct gnomon_ensemble_config) */
	/* Servo, limits, drift. Its path_asymmetry_ns and delay_memory_s are not used: each source
	 * has its own. */
	const struct gnomon_discipline_config *discipline;
	const struct gnomon_select_config *select;     /* NULL: the defaults */
	const struct gnomon_holdover_config *holdover; /* NULL: the defaults */
	const struct gnomon_ensemble_source *sources;
	unsigned int source_count;    /* 1 to GNOMON_SELECT_SOURCES */
	double holdover_interval_s;   /* how often the frequency is set in holdover; 0: 10 s */
	/* What an earlier run learnt of this oscillator, and how long ago. NULL: nothing. Then the
	 * clock starts with this frequency instead of the discipline's, and the servo with its
	 * first sample; if the first samples contradict the model it is forgotten. Until samples
	 * have confirmed it no bound rests on it. */
	const struct gnomon_holdover_model *model;
	double model_age_s;           /* >= 0 */
};

struct gnomon_ensemble;

/** Octets of memory needed; 0 if the configuration is incomplete. */
GNOMON_EXPORT size_t gnomon_ensemble_size(const struct gnomon_ensemble_config *config);

/**
 * Build an ensemble in mem (len octets, aligned for any type). Returns 0, -EINVAL (incomplete or
 * out of range configuration; a model that is none is) or -ENOBUFS. The memory needs no finish.
 * With a model there is something to do at once: gnomon_ensemble_deadline is now.
 */
GNOMON_EXPORT int gnomon_ensemble_init(struct gnomon_ensemble **e, void *mem, size_t len,
				       const struct gnomon_ensemble_config *config,
				       gnomon_mono now);

/**
 * A source has measured this clock at local monotonic instant now. sample->reference_bound_ns is
 * the error bound of the source itself as far as it is known (what its operator vouches for, its
 * clockAccuracy); < 0: unknown, adds nothing. What the path and its noise add is found here.
 *
 * *command is always filled and always to be carried out: a sample of any source may change what
 * is followed. Returns true if this sample went to the servo: it is of the source that is followed
 * and not a bad one (then, as with a discipline alone, command->ignored says if it was not used).
 * False: it was measured only, and command->ignored is true.
 */
GNOMON_EXPORT bool gnomon_ensemble_sample(struct gnomon_ensemble *e, unsigned int source,
					  const struct gnomon_discipline_sample *sample,
					  gnomon_mono now,
					  struct gnomon_discipline_command *command);

/** A source says itself that it is not to be used: it is dropped at once. It comes back with its
 * next samples, after the wait that gnomon_select_config has for it. */
GNOMON_EXPORT void gnomon_ensemble_alarm(struct gnomon_ensemble *e, unsigned int source,
					 gnomon_mono now,
					 struct gnomon_discipline_command *command);

/**
 * In place of gnomon_ensemble_sample while a source's samples must not be used (about a leap
 * second): the source is alive, and the clock coasts on the frequency its oscillator was found to
 * need, not on the correction of the last offset. Over with the next sample.
 */
GNOMON_EXPORT void gnomon_ensemble_suspend(struct gnomon_ensemble *e, unsigned int source,
					   gnomon_mono now,
					   struct gnomon_discipline_command *command);

/** The expected interval between samples of a source, seconds > 0. Its timeout is four of them at
 * least. */
GNOMON_EXPORT void gnomon_ensemble_sync_interval(struct gnomon_ensemble *e, unsigned int source,
						 double seconds);

/** When gnomon_ensemble_expire has something to do; NEVER if nothing is expected. */
GNOMON_EXPORT gnomon_mono gnomon_ensemble_deadline(const struct gnomon_ensemble *e);

/** Time has passed: a sample is overdue, a source silent, a wait over, the oscillator has
 * drifted. Before the deadline there is nothing in *command to do. */
GNOMON_EXPORT void gnomon_ensemble_expire(struct gnomon_ensemble *e, gnomon_mono now,
					  struct gnomon_discipline_command *command);

/**
 * Somebody else stepped the clock by that much, which is known exactly: nothing is forgotten, all
 * that is known moves along, and the bound says how far off the clock is now. *command ends what
 * was correcting the last offset.
 */
GNOMON_EXPORT void gnomon_ensemble_stepped(struct gnomon_ensemble *e, gnomon_span by,
					   gnomon_mono now,
					   struct gnomon_discipline_command *command);

/**
 * The clock's time or timescale is another now: all that was measured is forgotten, as if nothing
 * had been followed yet. What was learnt of the oscillator stays, and which sources are good.
 */
GNOMON_EXPORT void gnomon_ensemble_reset(struct gnomon_ensemble *e, gnomon_mono now);

/**
 * What is known of the clock at now. Following: as the discipline knows it, against the followed
 * source; what a hand-over left to be slewed is in offset and bound. Of three sources and more the
 * bound is true as long as more than half of them are right, whoever is followed. In holdover the
 * bound is that of the loss plus gnomon_holdover_growth. When free it grows with drift_ppb_per_s.
 * Not valid: the clock was never followed.
 */
GNOMON_EXPORT void gnomon_ensemble_estimate(const struct gnomon_ensemble *e, gnomon_mono now,
					    struct gnomon_estimate *estimate);

/** What may be claimed of a clock if nobody watches it any more and it is left alone, at the
 * frequency that its oscillator is known to need: t seconds from now, up to the horizon asked for,
 * |clock - true time| <= bound_ns + growth_ppb * t. */
struct gnomon_coast {
	bool valid;           /* the clock was ever followed */
	double bound_ns;
	double growth_ppb;
	double excess_ppb;    /* what the clock runs faster now than it would then: the correction
			       * in progress. Leaving alone is taking this away. */
	double stddev_ns;     /* of the error now, as far as it is noise */
	double rate_error_ppb; /* of the frequency needed, as it is known now */
};

/** Fill *coast for a horizon > 0. In every mode it is true as gnomon_ensemble_estimate is. */
GNOMON_EXPORT void gnomon_ensemble_coast(const struct gnomon_ensemble *e, gnomon_mono now,
					 double horizon_s, struct gnomon_coast *coast);

GNOMON_EXPORT enum gnomon_ensemble_mode gnomon_ensemble_mode(const struct gnomon_ensemble *e);

/** The source that is followed, -1: none. */
GNOMON_EXPORT int gnomon_ensemble_selected(const struct gnomon_ensemble *e);

/** How one source stands, for status displays and reasons in logs. */
struct gnomon_ensemble_view {
	enum gnomon_source_state state;
	bool measured;       /* since the last reset; the rest is 0 otherwise */
	gnomon_mono at;      /* of the last sample */
	double offset_ns;    /* this clock minus the source, as last measured */
	double bound_ns;     /* |error| of that, the source's own included */
	double noise_ns;     /* ... of which this is measurement noise */
	double mean_delay_ns;
};

GNOMON_EXPORT void gnomon_ensemble_source_view(const struct gnomon_ensemble *e,
					       unsigned int source,
					       struct gnomon_ensemble_view *view);

/** What has changed since it was asked for last. */
struct gnomon_ensemble_change {
	struct gnomon_select_change sources; /* their states, and which is followed */
	bool mode_changed;
	enum gnomon_ensemble_mode mode_before;
	enum gnomon_ensemble_mode mode;
};

/** True, and *change is filled, if something has. */
GNOMON_EXPORT bool gnomon_ensemble_changes(struct gnomon_ensemble *e,
					   struct gnomon_ensemble_change *change);

/**
 * The oscillator as it is known at now, for the state file: what was learnt, or what was given at
 * the start, aged, while nothing better is known. Returns 0 or -ENODATA: nothing is.
 */
GNOMON_EXPORT int gnomon_ensemble_model(const struct gnomon_ensemble *e, gnomon_mono now,
					struct gnomon_holdover_model *model);

#ifdef __cplusplus
}
#endif

#endif
