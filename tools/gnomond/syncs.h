/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Clocks kept in step with others beside the daemon's own: the pairs of the [sync NAME] sections.
 *
 * A pair whose source is the clock the daemon keeps waits until that clock is worth following, and
 * one whose source is kept by another pair waits for that one. A clock that goes away is looked
 * for again; the others go on.
 */
#ifndef GNOMOND_SYNCS_H
#define GNOMOND_SYNCS_H

#include <poll.h>

#include <gnomon/clock.h>
#include <gnomon/engine.h>

#include "drivers/sink.h"
#include "drivers/steward.h"
#include "tools/clocks/clocks.h"
#include "tools/config/config.h"
#include "tools/log/log.h"
#include "tools/sync/pair.h"

struct syncs_pair {
	const struct conf_sync *conf;
	char label[CONF_NAME_MAX + 8]; /* "sync NAME" */
	size_t source; /* among the clocks; of pulses: the one that knows which second it is */
	size_t sink;
	const struct syncs_pair *upstream; /* keeps the source; NULL: none here does */
	bool steered;                      /* the sink is, and by this pair */
	struct sink *out;                  /* it is another program's; NULL: it is not */
	int pps_fd;                        /* -1: no PPS device */
	int extts_channel;                 /* -1: no external time stamps */
	struct steward steward;
	struct pair pair;
	bool built;   /* the pair is, and the sink claimed */
	bool running; /* it reads */
	bool ran;     /* ever */
	bool waits;   /* and that was logged */
	bool held;    /* ... as on behalf of chronyd */
};

/** Zeroed: nothing is configured. */
struct syncs {
	const struct conf *conf;
	struct log *log;
	struct clocks clocks;
	size_t kept; /* among them */
	struct syncs_pair *list;
	size_t count;
	bool force;
	bool told;  /* whether the kept clock is worth following: */
	bool valid;
	double kept_bound_ns; /* of the kept clock; INFINITY: not known */
	bool theirs; /* and whether its time may be that of the program it would be handed to */
	bool has_properties;
	struct gnomon_time_properties_ds properties;
	gnomon_mono look;     /* for clocks that are gone; NEVER: none is */
	unsigned int looks;   /* in a row */
};

/**
 * Open all clocks and programs of conf's syncs, check that no clock is kept twice or by itself
 * (counting the sources of the kept clock), and claim those to be steered: force: although another
 * program steers them. Nothing is changed. Returns 0, -EINVAL (the configuration contradicts
 * itself) or -errno, each in words in *error. syncs_close is due even then.
 */
int syncs_open(struct syncs *syncs, const struct conf *conf, struct log *log,
	       struct gnomon_clock *kept, bool force, struct driver_error *error);

/** Give the sinks back as they were found, as far as that is configured, and release everything. */
void syncs_close(struct syncs *syncs);

/** The daemon runs: log what is configured. Nothing is read before syncs_kept was called. */
void syncs_start(struct syncs *syncs);

/** When syncs_expire has something to do. */
gnomon_mono syncs_deadline(const struct syncs *syncs);
void syncs_expire(struct syncs *syncs, gnomon_mono now);

/** Fill fds[syncs->count]. */
void syncs_poll_fds(const struct syncs *syncs, struct pollfd *fds);

/** poll() reported something on fds[index]. */
void syncs_ready(struct syncs *syncs, size_t index, gnomon_mono now);

/**
 * Whether the kept clock is worth following from now on, and how far it may be off, ns (INFINITY:
 * that is not known), which becomes part of the bounds of all that follow it.
 */
void syncs_kept(struct syncs *syncs, bool valid, double bound_ns, gnomon_mono now);

/** Whether the kept clock may have its time from chronyd: no program is told it then. */
void syncs_theirs(struct syncs *syncs, bool theirs, gnomon_mono now);

/** Whether a program is told the kept clock's time, now or later. */
bool syncs_tell_programs(const struct syncs *syncs);

/**
 * How fast a sink leaves the kept clock at most, ppb, if its pair and those above it do nothing any
 * more; INFINITY: unknown, or no pair of ours keeps it by the kept clock.
 */
double syncs_slew(const struct syncs *syncs, const char *sink, gnomon_mono now);

/** What is known of TAI and UTC, for pairs of which one clock keeps UTC. */
void syncs_time_properties(struct syncs *syncs,
			   const struct gnomon_time_properties_ds *properties);

#endif
