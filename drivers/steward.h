/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Who keeps a clock. Two programs that steer one clock fight, and neither notices; so there is a
 * lock for programs of ours, and a look at the processes of this machine for the others.
 */
#ifndef DRIVERS_STEWARD_H
#define DRIVERS_STEWARD_H

#include <stdbool.h>

#include <gnomon/clock.h>

#include "drivers/error.h"

/** A held lock; fd -1: none. */
struct steward {
	int fd;
	int unlocked; /* why none could be had, as -errno; 0: it could */
};

/** A process that steers the clock. */
struct steward_process {
	int pid;
	char name[32];
};

/**
 * Look for another process that steers the clock, by the command lines under folder, which is
 * /proc, and what linuxptp's programs have in the file of their -f, if it may be read. Returns 0 if
 * one was found, else -ESRCH. Soft clocks have no other stewards.
 *
 * Found are chronyd, ntpd, systemd-timesyncd and gnomon-guest; phc2sys by its -c, or without one;
 * ts2phc by its -c and the sections that are no source; ptp4l by its interfaces, if a port may be
 * timeReceiver.
 * Not found is what follows port states (phc2sys -a and ts2phc -a keep other clocks as ports
 * change), what has interfaces of another network namespace, and programs of other names.
 */
int steward_find(const char *folder, const struct gnomon_clock *clock,
		 struct steward_process *process);

/**
 * Become the clock's steward, as far as programs of ours go; the lock ends with the process.
 * Returns 0, or -EBUSY with the other process in words in *error. Where no lock can be had (a
 * simulator, no permission for the lock's file) there is none, and that is no error:
 * steward_unlocked.
 */
int steward_claim(struct steward *steward, const struct gnomon_clock *clock,
		  struct driver_error *error);

/** steward_claim, and steward_find in /proc. force: only the lock is taken, if it can be had. */
int steward_take(struct steward *steward, const struct gnomon_clock *clock, bool force,
		 struct driver_error *error);

/** Whether two programs of ours would not notice each other here: a line for the log in *why. */
bool steward_unlocked(const struct steward *steward, const struct gnomon_clock *clock,
		      struct driver_error *why);

void steward_release(struct steward *steward);

#endif
