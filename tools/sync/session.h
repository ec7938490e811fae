/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * One run of gnomon sync: its options, the clocks, and the loop over them.
 */
#ifndef SYNC_SESSION_H
#define SYNC_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/error.h"
#include "drivers/sink.h"
#include "drivers/steward.h"
#include "tools/config/config.h"
#include "tools/log/log.h"

#include "follow.h"
#include "pair.h"

/** As many as phc2sys takes. */
#define SYNC_SINKS_MAX 128
#define SYNC_DAEMONS_MAX 16

/** What the command line asks for. */
struct sync_options {
	const char *program;
	bool drop_in;
	bool automatic;     /* -a: follow PTP daemons */
	int system;         /* -r: CLOCK_REALTIME too; 2: also as a source */
	bool wait;          /* -w: for a PTP daemon to be in step */
	bool force;         /* clocks that another program steers */
	int timeout_s;      /* what is waited for has to come by then; 0: some day */
	const char *pps;    /* -d, or -s pps:DEVICE */
	const char *source; /* NULL: none */
	int extts_channel;  /* -s extts:CHANNEL; -1: none */
	const char *sinks[SYNC_SINKS_MAX];
	size_t sink_count;
	double interval_s;
	int samples;
	bool fixed_offset;
	int offset_s;
	unsigned int summary;
	int domains[SYNC_DAEMONS_MAX];
	size_t domain_count;
	const char *servers[SYNC_DAEMONS_MAX];
	size_t server_count;
};

/**
 * Take the command line, and the file it names, into *options and *conf (which conf_finish()
 * releases, always). -1: go on; else the exit status.
 */
int sync_options_parse(struct sync_options *options, struct conf *conf, int argc, char **argv);

/** A clock that is kept, or the system clock on behalf of who keeps it. */
struct sync_sink {
	char name[64];
	struct gnomon_clock *clock; /* NULL: the place is free */
	struct sink *out;           /* NULL: the clock is steered */
	struct steward steward;
	struct pair pair;
	bool paired;                /* the pair is built */
	bool active;                /* it is kept now */

	/* Following PTP daemons: */
	int daemon;                 /* whose clock it is; -1: the system clock, or given with -c */
	int phc_index;
	enum gnomon_port_state state;
	bool chosen;                /* its daemon wants it kept */
	const struct sync_sink *by; /* what it is kept by; NULL: nothing */
};

struct sync {
	const struct sync_options *options;
	const struct conf *conf;
	struct log log;
	struct gnomon_clock *source;
	int pps_fd;
	struct sync_sink *sinks;
	size_t sink_count;
	struct sync_follow *follows; /* PTP daemons */
	size_t follow_count;
	gnomon_mono give_up; /* if nothing is kept by then; NEVER */
};

/**
 * Open all clocks by the options and check that they go together; nothing is changed. Returns 0 or
 * -errno with *error; -EINVAL: the options do not fit. sync_close is due even then.
 */
int sync_open(struct sync *sync, struct driver_error *error);
void sync_close(struct sync *sync);

/** Open the clock of that name as a sink; close it again with everything else. 0 or -errno. */
int sync_open_sink(struct sync *sync, struct sync_sink *sink, const char *name,
		   struct driver_error *error);
void sync_close_sink(struct sync *sync, struct sync_sink *sink);

/** Become the steward of the sink's clock, if it is steered. 0 or -EBUSY. */
int sync_claim(struct sync *sync, struct sync_sink *sink, struct driver_error *error);

/** What all pairs have in common. */
void sync_pair_config(struct sync *sync, struct pair_config *config);

/** Make a pair of each sink and the source; the first readings are due at now. 0 or -errno. */
int sync_pair_all(struct sync *sync, gnomon_mono now, struct driver_error *error);

/* Following PTP daemons. */

/** Connect to the daemons the options name, and with -a open the clocks they do not have. */
int sync_follow_all(struct sync *sync, gnomon_mono now, struct driver_error *error);

/**
 * The daemons' ports may have changed: decide anew what is kept by what. Returns 0, or -ENXIO
 * (logged) if a daemon has no port with hardware time stamps.
 */
int sync_reconfigure(struct sync *sync, gnomon_mono now);

/** Tell the pairs what the daemons say of UTC. */
void sync_tell_properties(struct sync *sync);

/** From now on signals end what waits. */
void sync_catch_signals(void);
/** The signal that has come; 0: none. */
int sync_signal(void);

/**
 * Before sync_pair_all: wait until the daemon has told what it is asked for; with -w, until it is
 * in step. Returns 0, -ETIMEDOUT at until, -EINTR (a signal) or -errno.
 */
int sync_wait(struct sync *sync, gnomon_mono until);

/** Run until a signal. Returns the signal, -ETIMEDOUT at give_up, or -errno of a clock gone. */
int sync_run(struct sync *sync);

#endif
