/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The main loop's one timer: a timerfd armed to an instant of CLOCK_MONOTONIC. It is never read;
 * arming it anew clears it. Where timerfd is missing, poll()'s timeout does it.
 */
#ifndef DRIVERS_TIMER_H
#define DRIVERS_TIMER_H

#include <stdbool.h>

#include <gnomon/time.h>

struct timer {
	int fd;            /* -1: no timerfd; poll() ignores it */
	gnomon_mono armed; /* GNOMON_MONO_NEVER: not armed */
};

/** CLOCK_MONOTONIC now. */
gnomon_mono timer_now(void);

/** Always succeeds; fd is -1 if there is no timerfd. */
void timer_init(struct timer *timer);

/** Closes the descriptor. Zeroed memory is not a timer: use timer_init first. */
void timer_finish(struct timer *timer);

/**
 * Fire at deadline; one in the past fires at once, GNOMON_MONO_NEVER never. No system call if it
 * is armed to that instant already and fired is false. fired: poll() reported the descriptor.
 */
void timer_arm(struct timer *timer, gnomon_mono deadline, bool fired);

/** The timeout to give poll(): -1 with a timerfd, else the ms to the deadline, rounded up. */
int timer_poll_timeout(const struct timer *timer, gnomon_mono now);

#endif
