/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * One of the host's clocks, opened, and read against the clock that is kept: where the two stand,
 * how sure that is, and how fast the host's runs by CLOCK_MONOTONIC_RAW.
 *
 * A page is read between two readings of the processor's counter; a PHC as the kernel does it best
 * (drivers/cross.h). Which way worked is found out at each reading anew.
 */
#ifndef GUEST_SOURCE_H
#define GUEST_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/clock.h>
#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

#include "drivers/cross.h"
#include "drivers/error.h"
#include "machine.h"
#include "servo/slope.h"

/** What a reading is worth. */
enum source_state {
	SOURCE_UNUSABLE, /* there is no time: source.why says why */
	SOURCE_GOOD,
	SOURCE_FREERUNNING, /* the host lost its own source; its bound grows */
};

struct source_reading {
	enum source_state state;
	gnomon_time raw;       /* CLOCK_MONOTONIC_RAW */
	gnomon_time kept;      /* the kept clock */
	gnomon_span offset;    /* the kept clock minus the host's, in the kept clock's scale */
	double half_ns;        /* |error| of that */
	double bound_ns;       /* of the host's clock; INFINITY: nobody tells */
	double esterror_ns;    /* likewise, likely; INFINITY */
	double growth_ppb;     /* of bound_ns, from the rate's error */
	double rate_ppb;       /* the host's rate by the raw clock, less 1 */
	double rate_error_ppb; /* INFINITY: not known yet */
	double age_s;          /* since the host wrote its page; < 0: not told */
	bool has_marker;
	uint64_t marker;
	int tai_offset;        /* TAI - UTC as the host tells; 0: it does not */
	int tai_used;          /* what the reading rests on, if the host does not; 0: on none */
	int leap;              /* at the end of this UTC month: 61, 59 or 0 */
	bool in_leap;          /* it is within two seconds of one: not to be followed */
	char method[16];       /* "page", "precise", ... */
};

/** How the readings of the machine are made; tests have their own. */
struct source_clocks {
	struct gnomon_clock *kept;
	int (*raw)(void *context, gnomon_time *now); /* CLOCK_MONOTONIC_RAW */
	uint64_t (*counter)(void *context);          /* the processor's */
	void *context;
};

struct source {
	const struct source_clocks *clocks;
	struct machine_clock what;
	struct gnomon_guest_clock *page;    /* NULL: none */
	struct gnomon_guest_clock *quality; /* of what ptp_kvm tells; borrowed; NULL: none */
	struct gnomon_clock *phc;           /* NULL: none */
	struct cross cross;
	struct slope slope;
	struct gnomon_period period; /* of the page when the slope began */
	uint64_t counter;            /* likewise */
	bool sloping;
	bool steady;        /* the raw clock is the counter by a constant of this kernel, whatever
			     * becomes of the host: a rate once measured survives disruptions */
	bool has_gain;
	double gain_ppb;    /* that rate, and ... */
	double gain_error_ppb;
	double vouched_ns;  /* the operator's word for the bound; INFINITY: none */
	int tai_offset;     /* to use where the host does not tell; 0: none */
	enum guest_scale scale;
	char why[160];      /* it is not usable; "" */
};

/** A PHC by its path, for tests with another. */
typedef int source_open_phc_fn(struct gnomon_clock **clock, const char *path,
			       struct driver_error *error);

/**
 * Open what there is of it. Something that cannot be opened leaves its reason in source->why.
 * Returns 0, or -errno if nothing of it could be opened, with *error.
 */
int source_open(struct source *source, const struct machine_clock *what,
		const struct source_clocks *clocks, source_open_phc_fn *open_phc,
		struct driver_error *error);

/** Zeroed memory is ok. */
void source_close(struct source *source);

/** Read. Returns 0; else -errno, SOURCE_UNUSABLE, and the reason in source->why. */
int source_read(struct source *source, struct source_reading *reading);

/** Forget what was measured of rates, but for constants: counter or clock were disrupted. */
void source_forget(struct source *source);

/** The system's clocks, with kept for the one that is kept. */
void source_clocks_system(struct source_clocks *clocks, struct gnomon_clock *kept);

/** UTC's seconds of the next midnight that ends a month, from any instant of UTC. Pure. */
int64_t source_month_end(int64_t utc);

#endif
