/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of the command line: one poll() over the timer, PTP daemons and pulses. */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "drivers/timer.h"
#include "report.h"
#include "session.h"

/* Of daemons, and one clock with pulses. */
#define FDS_MAX (1 + SYNC_DAEMONS_MAX + 1)

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
	caught = number;
}

void sync_catch_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	const struct sigaction action = { .sa_handler = catch_signal };

	caught = 0;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)sigaction(numbers[i], &action, NULL);
	}
}

int sync_signal(void)
{
	return caught;
}

/* A clock that is gone ends the program: whoever started it may find it again. */
static int expire_sinks(struct sync *s, gnomon_mono now)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		int err = s->sinks[i].active ? pair_expire(&s->sinks[i].pair, now) : 0;

		if (err == -ENODEV) {
			return err;
		}
	}
	return 0;
}

static int expire_follows(struct sync *s, gnomon_mono now)
{
	bool changed = false;

	for (size_t i = 0; i < s->follow_count; i++) {
		sync_follow_expire(&s->follows[i], now);
		changed |= s->follows[i].changed;
		s->follows[i].changed = false;
	}
	return changed && s->options->automatic ? sync_reconfigure(s, now) : 0;
}

static gnomon_mono deadline(const struct sync *s)
{
	gnomon_mono next = s->give_up;

	for (size_t i = 0; i < s->sink_count; i++) {
		if (s->sinks[i].active) {
			next = gnomon_mono_min(next, pair_deadline(&s->sinks[i].pair));
		}
	}
	for (size_t i = 0; i < s->follow_count; i++) {
		next = gnomon_mono_min(next, sync_follow_deadline(&s->follows[i]));
	}
	return next;
}

/* The timer first, then daemons, then pulses. */
static nfds_t collect(const struct sync *s, const struct timer *timer, struct pollfd *fds)
{
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = timer->fd, .events = POLLIN };
	for (size_t i = 0; i < s->follow_count; i++) {
		fds[n++] = (struct pollfd){ .fd = sync_follow_fd(&s->follows[i]),
					    .events = POLLIN };
	}
	if (s->sink_count > 0 && s->sinks[0].active) {
		fds[n++] = (struct pollfd){ .fd = pair_fd(&s->sinks[0].pair), .events = POLLIN };
	}
	return n;
}

static int handle(struct sync *s, const struct pollfd *fds, nfds_t count, gnomon_mono now)
{
	const size_t daemons = s->follow_count;
	bool heard = false;
	int err;

	for (size_t i = 0; i < daemons; i++) {
		if (fds[1 + i].revents) {
			sync_follow_receive(&s->follows[i], now);
			heard = true;
		}
	}
	err = expire_follows(s, now);
	if (heard) {
		sync_tell_properties(s);
	}
	if (!err && count > 1 + daemons && fds[1 + daemons].revents) {
		err = pair_ready(&s->sinks[0].pair, now);
		err = err == -ENODEV ? err : 0;
	}
	return err ? err : expire_sinks(s, now);
}

/* Wait for a signal, a deadline or something to read, and do what is due. */
static int turn(struct sync *s, struct timer *timer, bool *fired)
{
	struct pollfd fds[FDS_MAX];
	const nfds_t count = collect(s, timer, fds);
	int n;

	timer_arm(timer, deadline(s), *fired);
	n = poll(fds, count, timer_poll_timeout(timer, timer_now()));
	*fired = n > 0 && fds[0].revents;
	if (n < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	return handle(s, fds, count, timer_now());
}

int sync_wait(struct sync *s, gnomon_mono until)
{
	struct sync_follow *f = &s->follows[0];
	struct timer timer;
	bool fired = false;
	int err = 0;

	timer_init(&timer);
	while (!err && !(f->has_properties && (f->in_step || !s->options->wait))) {
		/* Looked at between the daemon's own deadlines, which are a second apart. */
		if (!gnomon_mono_before(timer_now(), until)) {
			err = -ETIMEDOUT;
		} else {
			err = caught ? -EINTR : turn(s, &timer, &fired);
		}
	}
	f->quiet = true;
	timer_finish(&timer);
	return err;
}

/* With -a: once something is kept, nothing is waited for any more. */
static int check_patience(struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		if (s->sinks[i].active) {
			s->give_up = GNOMON_MONO_NEVER;
		}
	}
	return gnomon_mono_before(timer_now(), s->give_up) ? 0 : -ETIMEDOUT;
}

int sync_run(struct sync *s)
{
	struct timer timer;
	bool fired = false;
	int err = 0;

	timer_init(&timer);
	while (!err && !caught) {
		err = turn(s, &timer, &fired);
		err = err ? err : check_patience(s);
	}
	timer_finish(&timer);
	return err ? err : caught;
}
