/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Which of several time sources a clock follows: by priority among those that are alive, content
 * with themselves, good enough, and not outvoted by the others. Pure, without allocation.
 *
 *     gnomon_select_init(&s, &config);
 *     i = gnomon_select_add(&s, &source);                  one per source
 *     a source has measured:  gnomon_select_report(&s, i, &report, now);
 *     at its deadline:        gnomon_select_expire(&s, now);
 *     after either:           if (gnomon_select_changes(&s, &change)) ... log, switch over
 *     a sample of source i:   if (gnomon_select_uses(&s, i)) {
 *                                     offset -= gnomon_select_correction(&s, now);
 *                                     ... to the servo
 *                             }
 *
 * Offsets are "this clock minus the source", in ns. The rules, and why they are so, are in
 * docs/SERVO.md.
 */
#ifndef GNOMON_SELECT_H
#define GNOMON_SELECT_H

#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** So many sources at most. */
#define GNOMON_SELECT_SOURCES 16

/** What is thought of a source. */
enum gnomon_source_state {
	GNOMON_SOURCE_UNKNOWN,  /* nothing was heard of it yet */
	GNOMON_SOURCE_SILENT,   /* nothing was heard of it for too long */
	GNOMON_SOURCE_ALARM,    /* it says itself that it is not to be used */
	GNOMON_SOURCE_WIDE,     /* its error bound is wider than is wanted */
	GNOMON_SOURCE_OUTVOTED, /* the majority of the others disagrees with it */
	GNOMON_SOURCE_DISPUTED, /* there is no majority, and this clock disagrees with it */
	GNOMON_SOURCE_WAITING,  /* it is good again, but not for long enough */
	GNOMON_SOURCE_GOOD,     /* it could be used */
	GNOMON_SOURCE_SELECTED, /* it is used */
};

/** "unknown", "silent", ...; for logs. */
GNOMON_EXPORT const char *gnomon_source_state_name(enum gnomon_source_state state);

/** Start from gnomon_select_config_default(). All members >= 0. */
struct gnomon_select_config {
	uint32_t size;          /* sizeof(struct gnomon_select_config) */
	unsigned int fail_limit; /* so many bad reports in a row drop a source, >= 1 */
	double recover_s;       /* a dropped source must be good for so long to come back, unless
				 * nothing is followed and it was in fail_limit reports; twice
				 * as long each time it is dropped soon, eight times at most */
	double revert_s;        /* a source of higher priority that was dropped must be good for so
				 * long before the present one is left for it (wait to restore) */
	double settle_s;        /* at the start, wait so long for all sources to have a say */
	double dispute_s;       /* a single source that disagrees with this clock is believed
				 * after so long, if the clock's own bound has not met it before */
	double drift_ppb_per_s; /* how fast this clock may run away from a report that ages */
	double handover_ppb;    /* the difference of two sources is slewed away at this rate */
	double handover_max_ns; /* ... unless it is larger: then the servo decides */
};

/** 3 reports, 30 s, 300 s, 5 s, 60 s, 10 ppb/s, 100 ppb, 1 ms. */
GNOMON_EXPORT void gnomon_select_config_default(struct gnomon_select_config *config);

/** What is known of a source beforehand. */
struct gnomon_source {
	unsigned int priority; /* the lowest wins */
	double max_bound_ns;   /* a wider error bound is not wanted; 0: any is good */
	double timeout_s;      /* silence beyond it means that it is gone, > 0 */
};

/** What a source says. */
struct gnomon_source_report {
	bool usable;      /* false: it is in alarm (no grandmaster, clock class, not locked ...) */
	double offset_ns; /* this clock minus the source */
	double bound_ns;  /* |error| of that, the source's own included; finite, > 0 */
};

/** One source. Members are private. */
struct gnomon_select_entry {
	struct gnomon_source source;
	struct gnomon_source_report report;
	enum gnomon_source_state state;
	enum gnomon_source_state fault; /* of the last bad report */
	double offset_ns;     /* smoothed */
	gnomon_mono at;       /* of the report */
	gnomon_mono good_at;  /* since when it has been good, but for outliers */
	gnomon_mono drop_at;  /* when it was dropped last */
	unsigned int reports; /* saturates */
	unsigned int bad;     /* reports in a row */
	unsigned int good;    /* likewise, without a silence between */
	unsigned int drops;   /* not long ago */
};

/** A selection among sources. Members are private. */
struct gnomon_select {
	struct gnomon_select_config config;
	struct gnomon_select_entry entries[GNOMON_SELECT_SOURCES];
	unsigned int count;
	int selected;
	int before;
	bool heard;       /* of any source: at */
	gnomon_mono heard_at;
	bool settled;     /* the first choice may be made */
	bool own_valid;        /* this clock has a bound that owes nothing to the next report */
	double own_bound_ns;
	gnomon_mono own_at;
	bool disputing;
	gnomon_mono dispute_at; /* since when */
	double correction_ns;   /* at: */
	gnomon_mono correction_at;
	uint32_t changed; /* one bit per source */
};

/** Returns 0 or -EINVAL. config NULL: the defaults. */
GNOMON_EXPORT int gnomon_select_init(struct gnomon_select *s,
				     const struct gnomon_select_config *config);

/** Add a source. Returns its index, -EINVAL or -ENOSPC. */
GNOMON_EXPORT int gnomon_select_add(struct gnomon_select *s, const struct gnomon_source *source);

/**
 * What this clock claims of itself at now, to be told before each report: bound_ns as in struct
 * gnomon_estimate, or in holdover; infinite or not positive: nothing is known. It is the witness
 * where sources contradict each other and no majority decides.
 */
GNOMON_EXPORT void gnomon_select_own_bound(struct gnomon_select *s, double bound_ns,
					   gnomon_mono now);

/**
 * This clock has gained by_ns on all sources, within unsure_ns, since this was told last: by its
 * adjustment, by its oscillator, by a step. What was reported before is carried along, so that
 * reports of different instants compare. To be told before each report.
 */
GNOMON_EXPORT void gnomon_select_moved(struct gnomon_select *s, double by_ns, double unsure_ns);

/** A source is alive, but what it says cannot be used. */
GNOMON_EXPORT void gnomon_select_alive(struct gnomon_select *s, unsigned int index,
				       gnomon_mono now);

/** A source reports more rarely than was thought: its timeout becomes that, unless it is longer. */
GNOMON_EXPORT void gnomon_select_patience(struct gnomon_select *s, unsigned int index,
					  double timeout_s);

/** This clock's time is another one now: no offset that was reported holds any more, whereas what
 * is thought of the sources does. */
GNOMON_EXPORT void gnomon_select_forget(struct gnomon_select *s);

/** A source has measured, or knows that it is not to be used. A report that is not finite is an
 * alarm. */
GNOMON_EXPORT void gnomon_select_report(struct gnomon_select *s, unsigned int index,
					const struct gnomon_source_report *report, gnomon_mono now);

/** When silence or waiting ends if nothing is reported; NEVER: nothing is waited for. */
GNOMON_EXPORT gnomon_mono gnomon_select_deadline(const struct gnomon_select *s);

/** Time has passed. */
GNOMON_EXPORT void gnomon_select_expire(struct gnomon_select *s, gnomon_mono now);

/** What has changed since it was asked for last. */
struct gnomon_select_change {
	uint32_t states; /* bit i: the state of source i */
	bool switched;   /* another source, or none, is followed */
	int before;      /* -1: none was */
	int selected;    /* -1: none is: holdover */
};

/** True, and *change is filled, if something has. */
GNOMON_EXPORT bool gnomon_select_changes(struct gnomon_select *s,
					 struct gnomon_select_change *change);

/** The source that is followed, -1: none. */
GNOMON_EXPORT int gnomon_select_selected(const struct gnomon_select *s);

GNOMON_EXPORT enum gnomon_source_state gnomon_select_state(const struct gnomon_select *s,
							   unsigned int index);

/** Whether samples of that source go to the servo now: it is selected, and its last report was
 * good. */
GNOMON_EXPORT bool gnomon_select_uses(const struct gnomon_select *s, unsigned int index);

/**
 * What to subtract from the offsets of the selected source at now, in ns: at a hand-over the new
 * source's difference from the old one, then less and less. Its magnitude is to be added to the
 * bound of the reference.
 */
GNOMON_EXPORT double gnomon_select_correction(const struct gnomon_select *s, gnomon_mono now);

#ifdef __cplusplus
}
#endif

#endif
