/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/timer.h"

#include <limits.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_MSEC 1000000

gnomon_mono timer_now(void)
{
	struct timespec ts = { 0, 0 };

	/* CLOCK_MONOTONIC cannot fail on Linux. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (gnomon_mono){ (int64_t)ts.tv_sec * GNOMON_NSEC_PER_SEC + ts.tv_nsec };
}

void timer_init(struct timer *timer)
{
	/* No flags: simulators know none, nothing is executed by the daemon, and the descriptor is
	 * never read. */
	timer->fd = timerfd_create(CLOCK_MONOTONIC, 0);
	timer->armed = GNOMON_MONO_NEVER;
}

void timer_finish(struct timer *timer)
{
	if (timer->fd >= 0) {
		(void)close(timer->fd);
	}
	timer->fd = -1;
	timer->armed = GNOMON_MONO_NEVER;
}

void timer_arm(struct timer *timer, gnomon_mono deadline, bool fired)
{
	struct itimerspec spec = { { 0, 0 }, { 0, 0 } };
	/* 0 would disarm: an instant in the past is as good. */
	const int64_t ns = deadline.ns > 0 ? deadline.ns : 1;

	if (deadline.ns == timer->armed.ns && !fired) {
		return;
	}
	timer->armed = deadline;
	if (timer->fd < 0) {
		return;
	}
	if (deadline.ns != GNOMON_MONO_NEVER.ns) {
		spec.it_value.tv_sec = (time_t)(ns / GNOMON_NSEC_PER_SEC);
		spec.it_value.tv_nsec = (long)(ns % GNOMON_NSEC_PER_SEC);
	}
	if (timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL)) {
		/* Does not happen with a valid descriptor; poll() takes over if it does. */
		(void)close(timer->fd);
		timer->fd = -1;
	}
}

int timer_poll_timeout(const struct timer *timer, gnomon_mono now)
{
	int64_t left;

	if (timer->fd >= 0 || timer->armed.ns == GNOMON_MONO_NEVER.ns) {
		return -1;
	}
	if (timer->armed.ns <= now.ns) {
		return 0;
	}
	left = gnomon_sat_add(timer->armed.ns, -now.ns);
	left = left / NSEC_PER_MSEC + (left % NSEC_PER_MSEC != 0);
	return left > INT_MAX ? INT_MAX : (int)left;
}
