/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The agent: the host's clocks are read, compared with each other, and the best of them keeps the
 * kept clock, or is handed to the program that keeps it, or is only watched. No loop of its own:
 * whoever has one calls agent_turn at agent_deadline.
 */
#ifndef GUEST_AGENT_H
#define GUEST_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agree.h"
#include "drivers/sink.h"
#include "drivers/sink_clockbound.h"
#include "machine.h"
#include "servo/feedforward.h"
#include "source.h"
#include "tools/config/config.h"
#include "tools/leap/leap.h"
#include "tools/log/log.h"

#define AGENT_NAMES_MAX 16

enum agent_mode {
	AGENT_STEER, /* keep the clock */
	AGENT_FEED,  /* hand the offsets to the program that does */
	AGENT_WATCH, /* change nothing */
};

/** What an operator says of a clock. */
struct agent_word {
	const char *clock;
	double bound_ns;       /* INFINITY: nothing said */
	enum guest_scale scale; /* UNKNOWN: nothing said */
};

struct agent_config {
	const struct conf *conf;
	struct log *log;
	enum agent_mode mode;
	double interval_s;
	const char *use[AGENT_NAMES_MAX]; /* these clocks only; none: all that can be trusted */
	size_t use_count;
	const char *pages[AGENT_NAMES_MAX]; /* files to be read as well */
	size_t page_count;
	struct agent_word words[AGENT_NAMES_MAX];
	size_t word_count;
	const char *root;
	source_open_phc_fn *open_phc;
	struct source_clocks clocks;      /* with the kept clock */
	struct sink *out;                 /* AGENT_FEED */
	struct sink_clockbound *bound;    /* NULL: none */
};

/** How the kept clock stands. */
enum agent_state {
	AGENT_WAITING,     /* no clock of the host has told a time yet */
	AGENT_SETTLING,    /* it is followed; phase or rate are not there yet */
	AGENT_LOCKED,
	AGENT_FREERUNNING, /* in step with a host that lost its source, or writes no more */
	AGENT_LOST,        /* there is no clock to follow any more */
};

struct agent {
	struct agent_config config;
	struct machine machine;
	struct source sources[AGREE_MAX];
	struct source_reading readings[AGREE_MAX];
	bool disrupted[AGREE_MAX];     /* the marker changed since it was last good */
	uint64_t markers[AGREE_MAX];   /* the last ones */
	bool marked[AGREE_MAX];
	uint8_t said[AGREE_MAX];       /* of its state: 0 nothing, 1 good, 2 bad */
	size_t count;
	size_t chosen;                 /* SIZE_MAX: none */
	unsigned int better;           /* turns in a row that another was much better */
	struct gnomon_guest_clock *quality; /* a page that is known, and tells of the host's
					     * CLOCK_REALTIME as well; NULL: none */
	struct agree agree;
	struct feedforward ff;
	struct leap_table leaps;
	enum agent_state state;
	struct timespec begun;         /* of the turn, by sink_clockbound_begin */
	gnomon_mono next;              /* turn */
	gnomon_mono next_others;       /* reading of those that are not chosen */
	gnomon_mono next_look;         /* for clocks that were not there */
	double bound_ns;               /* of the kept clock at the last turn; INFINITY: unknown */
	double offset_ns;              /* of the kept clock, from the chosen one */
	double growth_ppb;
	uint64_t turns;
	uint64_t steps;
	uint64_t disruptions;
	unsigned int silent;           /* turns in a row without a reading of the chosen one */
	int tai_told;
	int leap_told;
	bool coasting;                 /* nothing is being taken out of the phase */
	bool stale;                    /* the page is old, and that was said */
	bool unbounded;                /* that nobody vouches for the bound was said */
	bool meddled;                  /* that another program steers was said */
	bool unsent;
};

/** Look, and open what there is; that there is nothing yet is no error. 0 or -errno, in words. */
int agent_open(struct agent *agent, const struct agent_config *config,
	       struct driver_error *error);

/** Leave the kept clock at the right frequency, and say so in all places. */
void agent_close(struct agent *agent);

gnomon_mono agent_deadline(const struct agent *agent);

/** Read, compare, choose, steer, tell. */
void agent_turn(struct agent *agent, gnomon_mono now);

/** The chosen page, of which a change may be waited for (gnomon_clock_fd); NULL: none. */
struct gnomon_guest_clock *agent_page(const struct agent *agent);

/** "locked", ... */
const char *agent_state_name(enum agent_state state);

/** The name of the clock followed; "none". */
const char *agent_source_name(const struct agent *agent);

/* -- of agent_open.c, agent_tell.c; for each other -------------------------------------------- */

/** A page file that was named, as a clock. */
struct machine_clock agent_page_clock(const char *path);

/** Open clocks that are not open. Returns how many are new. */
size_t agent_look(struct agent *agent);

/** Say to the kernel, ClockBound's clients and whoever is fed how the kept clock stands. */
void agent_tell(struct agent *agent);

/** The kept clock is about to be left alone. */
void agent_tell_end(struct agent *agent);

#endif
