/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * From the kept clock to what guests are told: the line of the clock over the host's counter, with
 * bounds that hold, and per guest the publisher that never breaks a promise of an earlier
 * publication. Pure, without allocation; the caller owns the memory.
 *
 *     gnomon_line_init(&line, &config);
 *     the clock was read:              gnomon_line_pair(&line, &pair);
 *     it got another frequency:        gnomon_line_frequency(&line, from, to, before, after);
 *     it was stepped:                  gnomon_line_stepped(&line, by, error_ns);
 *     a publication:
 *             gnomon_ensemble_coast(ensemble, now, GNOMON_BRIDGE_HORIZON_S, &coast);
 *             gnomon_bridge_host(&line, &coast, counter, status, max_bound_ns, &host);
 *             for every guest:
 *                     gnomon_publisher_next(&p, &next, &what);
 *                     save p, then write p.page for the guest to read
 *
 * All times are the PTP timescale's (TAI); what a guest's page is to show instead (UTC) is made of
 * it afterwards. The derivation of every bound is in docs/BRIDGE.md.
 */
#ifndef GNOMON_BRIDGE_H
#define GNOMON_BRIDGE_H

#include <gnomon/ensemble.h>
#include <gnomon/time.h>
#include <gnomon/version.h>
#include <gnomon/vmclock.h>

#ifdef __cplusplus
extern "C" {
#endif

/** So long after a publication its bound holds if there is no other. */
#define GNOMON_BRIDGE_HORIZON_S 3600.0

/** The reference point of a page lies so far in the past at least: no guest's counter is behind. */
#define GNOMON_BRIDGE_MARGIN_S 0.010

/* -- pairs ------------------------------------------------------------------------------------ */

/**
 * The kept clock and the host's counter, read together: when the counter was .counter the clock
 * read .time within .half_window_ns. Everything is in there that keeps the two from being one
 * instant: the bracket, the granularity of the clock, what the path to it may be unsymmetric.
 */
struct gnomon_pair {
	uint64_t counter;
	gnomon_time time;
	double half_window_ns;
};

/* -- the line --------------------------------------------------------------------------------- */

/** Zero a member to get what its comment names. */
struct gnomon_line_config {
	uint32_t size;             /* sizeof(struct gnomon_line_config) */
	double counter_hz;         /* nominal, 1e3 to 1e13 */
	double rate_limit_ppb;     /* clock against nominal counter, until measured; 0: 1e6 */
	double wander_ppb_per_s;   /* how fast the rate of the counter may change against the
				    * clock's own oscillator; 0: 10. One oscillator drives both
				    * (CLOCK_REALTIME, soft clock): tiny, not 0 */
	double wander_limit_ppb;   /* ... and how far within the horizon; 0: 1000 */
	double frequency_step_ppb; /* how far the clock's frequency may be from what it was told to
				    * be; 0: 0.1 */
};

/** Corners that the polygon of what phase and rate may be has at most. */
#define GNOMON_LINE_CORNERS 16

/**
 * Every (phase, rate) of the clock over the counter that no pair contradicts, as a convex polygon.
 * Plain data; members are private.
 */
struct gnomon_line {
	struct gnomon_line_config config;
	bool started;
	bool doubtful;               /* contradicted, and not confirmed yet */
	uint64_t counter;            /* anchor: the nominal line goes through this counter ... */
	struct gnomon_fine time;     /* ... and this reading of the clock, ... */
	struct gnomon_period period; /* ... at this rate, and all corners are seen from there */
	uint64_t settled;            /* until then a change of frequency may be yet to come */
	double unsettled_ppb;        /* ... of this size */
	unsigned int corners;
	struct gnomon_line_corner {
		double phase_ns; /* of the clock above the nominal line, at the anchor */
		double rate_ppb; /* likewise: ns per s of the nominal line */
	} corner[GNOMON_LINE_CORNERS];
};

/** Returns 0 or -EINVAL. */
GNOMON_EXPORT int gnomon_line_init(struct gnomon_line *line,
				   const struct gnomon_line_config *config);

/** What has become of a pair. */
enum gnomon_line_result {
	GNOMON_LINE_STARTED,      /* the first one: the rate is hardly known */
	GNOMON_LINE_TAKEN,
	GNOMON_LINE_CONTRADICTED, /* somebody else changed the clock, or the counter did not run on:
				   * the line starts anew from this pair */
};

/**
 * Take a pair. In *by_ns (NULL: not wanted), if it contradicts, how far outside of what was
 * possible the clock is. From then on until gnomon_line_confirm the line is doubtful: what is
 * claimed of the clock was claimed of another one.
 */
GNOMON_EXPORT enum gnomon_line_result gnomon_line_pair(struct gnomon_line *line,
						       const struct gnomon_pair *pair,
						       double *by_ns);

/** What is claimed of the clock is so in the face of what the line found: the clock was measured
 * since, or its keeper knows of the step. */
GNOMON_EXPORT void gnomon_line_confirm(struct gnomon_line *line);

/**
 * The clock's frequency adjustment was changed, at some instant between the counters from and to
 * (before and after the call, and what the clock takes to obey). Every change must be told, before
 * the first pair after it; pairs and changes in the order of their counters.
 */
GNOMON_EXPORT void gnomon_line_frequency(struct gnomon_line *line, uint64_t from, uint64_t to,
					 double before_ppb, double after_ppb);

/** The clock was stepped by that much, within error_ns: told before the first pair after it. */
GNOMON_EXPORT void gnomon_line_stepped(struct gnomon_line *line, gnomon_span by, double error_ns);

/** Something happened to clock or counter, nobody knows how much (suspend): start anew. */
GNOMON_EXPORT void gnomon_line_reset(struct gnomon_line *line);

/** The line at one counter: the clock reads .time then, within phase_bound_ns, and runs at the rate
 * of .period, within rate_bound_ppb. */
struct gnomon_line_view {
	uint64_t counter;
	struct gnomon_fine time;
	struct gnomon_period period;
	double phase_bound_ns;
	double rate_bound_ppb;
};

/** Returns 0 or -ENODATA: no pair yet. */
GNOMON_EXPORT int gnomon_line_at(const struct gnomon_line *line, uint64_t counter,
				 struct gnomon_line_view *view);

/* -- the host --------------------------------------------------------------------------------- */

/**
 * One publication, the same for all guests: true time (TAI) over the host's counter. At .counter it
 * is .time within bound_ns; for GNOMON_BRIDGE_HORIZON_S from then, within bound_ns + growth_ppb *
 * seconds.
 */
struct gnomon_host_line {
	bool valid;               /* there is a time at all */
	enum gnomon_vmclock_status status;
	uint64_t counter;         /* the instant of this publication */
	struct gnomon_fine time;
	struct gnomon_period period; /* without the correction that the clock is in */
	double bound_ns;
	double growth_ppb;
	double esterror_ns;       /* likewise, but one standard deviation, as far as it is known */
	double esterror_ppb;
};

/**
 * Fill *host. coast: what is claimed of the kept clock at this instant (gnomon_ensemble_coast).
 * now: the counter of this instant, that of the latest pair or a little later. status: SYNCHRONIZED
 * or FREERUNNING as the caller knows it, or UNRELIABLE for a reason of his; it becomes UNRELIABLE
 * where line or claim say nothing, where the line is doubtful (then there is no time either), and
 * where the bound is beyond max_bound_ns (> 0).
 */
GNOMON_EXPORT void gnomon_bridge_host(const struct gnomon_line *line,
				      const struct gnomon_coast *coast, uint64_t now,
				      enum gnomon_vmclock_status status, double max_bound_ns,
				      struct gnomon_host_line *host);

/* -- a guest ---------------------------------------------------------------------------------- */

/** Why a page begins a new chapter, with a new marker: what a reader made of it before is void. */
enum gnomon_disruption {
	GNOMON_DISRUPTION_NONE,
	GNOMON_DISRUPTION_FIRST,   /* there is no earlier page, or none to be trusted */
	GNOMON_DISRUPTION_COUNTER, /* the guest's counter is another */
	GNOMON_DISRUPTION_STEP,    /* the caller says so: the clock was stepped, the guest moved */
	GNOMON_DISRUPTION_PROMISE, /* the truth is outside of what was promised before */
};

/** "none", "first page", "counter", "step", "promise". */
GNOMON_EXPORT const char *gnomon_disruption_name(enum gnomon_disruption reason);

/**
 * The truth about one guest's page. Plain data: a copy of it that was saved before the page was
 * written lets another process go on where this one died, and no promise is broken.
 */
struct gnomon_publisher {
	bool published;                /* there was a line on the page */
	struct gnomon_vmclock page;    /* as it is to be written, as TAI; seq_count is not ours */
	struct gnomon_counter_map map; /* the counter it is made for */
};

/** Nothing was published yet: the page is UNRELIABLE, and of counter_id. marker: random. */
GNOMON_EXPORT void gnomon_publisher_init(struct gnomon_publisher *p,
					 enum gnomon_vmclock_counter counter_id, uint64_t marker);

/** Whether a saved truth can be gone on from: what a publisher could have made. */
GNOMON_EXPORT bool gnomon_publisher_ok(const struct gnomon_publisher *p);

/** What is to be published. */
struct gnomon_publish {
	const struct gnomon_host_line *host;
	const struct gnomon_counter_map *map; /* NULL: unknown, so the page is UNRELIABLE */
	bool disrupted;      /* the clock was stepped, the guest migrated: a new marker */
	uint64_t marker;     /* 64 fresh random bits: used if there is a disruption */
	uint64_t flags;      /* of the page besides what is decided here: DISRUPTION_SOON, ... */
	double deadline_s;   /* the page is written so long after host->counter at the latest, else
			      * TIME_MONOTONIC may be wrong: publish again then; 0: 0.010 */
};

/** What one publication did. */
struct gnomon_publication {
	enum gnomon_disruption disruption;
	bool monotonic;     /* no reader sees time go back from the last page to this one */
	double breach_ns;   /* PROMISE: how far the truth is outside at least */
	double residual_ns; /* the page minus the best estimate, so as to stay monotonic and within
			     * what was promised; the page's bound covers it */
	double bound_ns;    /* of the page at host->counter */
};

/** Make p->page the next page, and *what (NULL: not wanted) tell of it. */
GNOMON_EXPORT void gnomon_publisher_next(struct gnomon_publisher *p,
					 const struct gnomon_publish *next,
					 struct gnomon_publication *what);

#ifdef __cplusplus
}
#endif

#endif
