/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Why a port does not get anywhere: one line for who looks into the log, made of the engine's
 * counters. Pure: told what is, and when.
 *
 *     struct explain e = { 0 };
 *     if (explain(&e, &seen, now, text))     every now and then, for each port
 *             report text
 *
 * A port is explained if it stays LISTENING or UNCALIBRATED for longer than it should, and then
 * ever more rarely, up to once an hour.
 */
#ifndef GNOMOND_EXPLAIN_H
#define GNOMOND_EXPLAIN_H

#include <stdbool.h>

#include <gnomon/engine.h>

#define EXPLAIN_MAX 240

/** What is remembered of a port. Zeroed: nothing yet. */
struct explain {
	enum gnomon_port_state state;
	gnomon_mono next;         /* when to say it, again */
	int64_t patience_ns;      /* until the time after that */
	gnomon_span offset;       /* when the port came into its state, as are: */
	struct gnomon_port_counters counters;
};

/** A port as it is now. */
struct explain_port {
	const struct gnomon_port_ds *ds;
	const struct gnomon_port_counters *counters;
	gnomon_span offset; /* offsetFromMaster of its clock */
	bool free_running;  /* the clock is only measured */
	bool estimating;    /* its frequency, before it is corrected for the first time */
	bool standby;       /* another port of its clock receives: this one may go on LISTENING */
};

/** Whether counters are worth being fetched: something may have to be said, or remembered. */
bool explain_wants(const struct explain *explain, enum gnomon_port_state state, gnomon_mono now);

/**
 * Take a look; true: text is a line to be said, what is wrong and what to do, with no newline.
 */
bool explain(struct explain *explain, const struct explain_port *port, gnomon_mono now,
	     char text[EXPLAIN_MAX]);

#endif
