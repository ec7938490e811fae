/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Which clock the others follow when a PTP daemon has ports on them (-a): the one whose port is
 * timeReceiver; without one, any. Pure.
 */
#ifndef TS2PHC_ROLES_H
#define TS2PHC_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include <gnomon/engine.h>

/** A clock among others. */
struct role {
	const char *name;
	int state;   /* the foremost of its ports' states; 0: it has no port */
	bool target; /* it is to be kept */
};

/** What was decided, in linuxptp's words where it has some. */
enum role_choice {
	ROLE_CHOSEN,    /* a timeReceiver */
	ROLE_EXTERNAL,  /* a clock that is none of these */
	ROLE_DEFAULT,   /* none is timeReceiver: the first */
	ROLE_SEVERAL,   /* none: more than one could be */
	ROLE_NOT_READY, /* none: it is being calibrated */
	ROLE_NOTHING,   /* none: there is nobody to follow */
};

/** A state as management tells it, which may be of IEEE 802.1AS; 0 for one that is none. */
int role_state(unsigned int told);

/** The foremost of two states: timeReceiver, UNCALIBRATED, PASSIVE, timeTransmitter, ... */
int role_foremost(int a, int b);

/**
 * Set everybody's target. external: the pulse is of a clock outside. Returns what was decided, and
 * in *reference which one is followed; -1: none.
 */
enum role_choice role_choose(struct role *roles, size_t count, bool external, int *reference);

/** "no reference clock, selecting %s by default", ... with one %s for the reference, or none. */
const char *role_choice_text(enum role_choice choice);

#endif
