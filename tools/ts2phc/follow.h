/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Autoconfiguration (-a): a PTP daemon has ports on these clocks, and its best one is followed by
 * the others. A clock that follows the network gives the pulse, or time-stamps it; the difference
 * of the others to it is measured at each pulse.
 */
#ifndef TS2PHC_FOLLOW_H
#define TS2PHC_FOLLOW_H

#include "drivers/error.h"
#include "tools/config/config.h"
#include "tools/log/log.h"

#include "agent.h"
#include "roles.h"

struct sink;
struct source;

/** What a role is played by: a sink, the source, or a clock that is only a port's. */
struct member {
	int phc;
	struct sink *sink;
	struct source *source;
};

/** A port of the daemon, by the clock it is on. */
struct follow_port {
	int phc; /* -1: it has none */
	const char *name;
	int state; /* as role_state() */
};

/** Zeroed: nobody is followed, and the source is. */
struct follow {
	bool active;
	bool external; /* ts2phc.external_pps */
	struct agent *agent;
	struct follow_port *ports; /* as the agent's */
	size_t port_count;
	struct role *roles;
	struct member *members; /* of the roles */
	size_t count;
	int reference; /* -1: nobody */
};

/**
 * Wait for the daemon, and learn its ports; a signal ends it. Returns 0 or -errno with *error;
 * follow_close is due even then.
 */
int follow_open(struct follow *follow, const struct conf *conf, struct log *log,
		struct driver_error *error);

/** The sinks and the source play their roles; call it once, when they are open. 0 or -ENOMEM. */
int follow_enlist(struct follow *follow, struct sink *sinks, size_t sink_count,
		  struct source *source, struct log *log);

/** Take what the daemon says, and decide anew if a port's state changed. */
void follow_tend(struct follow *follow, struct log *log, gnomon_mono now);

/** Decide who is followed, by the states of the ports. */
void follow_decide(struct follow *follow, struct log *log);

void follow_close(struct follow *follow);

#endif
