/* SPDX-License-Identifier: BSD-2-Clause */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "drivers/timer.h"

#include "actions.h"
#include "notify.h"

/* A signal that comes between looking for it and poll() is seen after that at the latest. */
#define POLL_MAX_MS 2000

/* How often interfaces are asked where netlink does not tell. */
#define LOOK_NS GNOMON_NSEC_PER_SEC

#define NSEC_PER_MSEC 1000000

/* Places in the array given to poll(); the ports' follow. */
enum place {
	PLACE_TIMER,
	PLACE_LOOKOUT,
	PLACE_LOCAL,
	PLACE_PORTS = PLACE_LOCAL + LOCAL_SOCKETS,
};

struct loop {
	struct instance *in;
	struct timer timer;
	struct notify notify;
	struct pollfd *fds;
	gnomon_mono look; /* when to look at the interfaces, whatever netlink says; NEVER */
};

static volatile sig_atomic_t caught;
static volatile sig_atomic_t asked; /* for the counters */

static void catch (int number)
{
	caught = number;
}

static void ask(int number)
{
	asked = number;
}

void loop_catch_signals(void)
{
	struct sigaction action = { .sa_handler = catch };

	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	action.sa_handler = ask;
	(void)sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

/* -- what poll() watches ---------------------------------------------------------------------- */

/* A port's sockets in the array. */
static struct pollfd *port_fds(struct loop *loop, size_t i)
{
	return &loop->fds[PLACE_PORTS + i * LINK_SOCKETS];
}

/* Descriptors change when a link is closed or opened again, which is rare. */
static void lay_out(struct loop *loop)
{
	struct instance *in = loop->in;

	loop->fds[PLACE_TIMER] = (struct pollfd){ .fd = loop->timer.fd, .events = POLLIN };
	loop->fds[PLACE_LOOKOUT] =
		(struct pollfd){ .fd = lookout_fd(&in->ports.lookout), .events = POLLIN };
	local_poll_fds(&in->local, &loop->fds[PLACE_LOCAL]);
	for (size_t i = 0; i < in->ports.count; i++) {
		struct pollfd *fds = port_fds(loop, i);

		if (in->ports.list[i].link) {
			link_poll_fds(in->ports.list[i].link, fds);
		}
		for (int s = 0; s < LINK_SOCKETS && !in->ports.list[i].link; s++) {
			fds[s] = (struct pollfd){ .fd = -1 };
		}
	}
	in->ports.relayout = false;
}

/* -- interfaces ------------------------------------------------------------------------------- */

/* Look at all ports, and decide when to look again without being told. */
static void look(struct loop *loop, gnomon_mono now)
{
	struct instance *in = loop->in;

	loop->look = GNOMON_MONO_NEVER;
	if (lookout_fd(&in->ports.lookout) < 0) {
		loop->look = gnomon_mono_add(now, LOOK_NS);
	}
	for (size_t i = 0; i < in->ports.count; i++) {
		struct port *port = &in->ports.list[i];

		port_look(&in->ports, port, now);
		actions_drain(in);
		/* A port that waits for its interface is looked at when netlink tells. */
		if (!port->link && gnomon_mono_before(now, port->retry)) {
			loop->look = gnomon_mono_min(loop->look, port->retry);
		}
	}
}

static void tell_counters(struct instance *in)
{
	struct gnomon_port_counters counters;

	for (size_t i = 0; i < in->ports.count; i++) {
		struct report_port name = in->ports.list[i].name;

		if (gnomon_engine_counters(in->engine, (uint16_t)name.number, &counters) == 0) {
			report_counters(in->log, name, &counters);
		}
	}
}

/* -- one round -------------------------------------------------------------------------------- */

/* Everything that is due but is not the engine's: coarse, so poll()'s timeout does for it. */
static gnomon_mono housekeeping(struct loop *loop, gnomon_mono now)
{
	struct instance *in = loop->in;
	gnomon_mono next;

	if (!gnomon_mono_before(now, in->ports.tx_deadline)) {
		ports_expire(&in->ports, now);
		actions_drain(in);
	}
	if (!gnomon_mono_before(now, loop->look)) {
		look(loop, now);
	}
	if (in->status_changed) {
		in->status_changed = false;
		notify_status(&loop->notify, in);
	}
	if (asked) {
		asked = 0;
		tell_counters(in);
	}
	notify_alive(&loop->notify, now);
	if (in->ports.relayout) {
		lay_out(loop);
	}
	next = gnomon_mono_min(in->ports.tx_deadline, loop->look);
	next = gnomon_mono_min(next, gnomon_discipline_deadline(in->keeper.discipline));
	return gnomon_mono_min(next, loop->notify.next);
}

/* Milliseconds to an instant, rounded up. */
static int timeout_to(gnomon_mono next, gnomon_mono now)
{
	if (gnomon_mono_before(gnomon_mono_add(now, (int64_t)POLL_MAX_MS * NSEC_PER_MSEC), next)) {
		return POLL_MAX_MS;
	}
	return next.ns <= now.ns ? 0
				 : (int)((next.ns - now.ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

/* What poll() reported on a socket, by its place among the ports' sockets. */
static void serve(struct instance *in, size_t place, short revents)
{
	struct port *port = &in->ports.list[place / LINK_SOCKETS];

	if (revents) {
		port_ready(&in->ports, port, (enum link_socket)(place % LINK_SOCKETS), revents);
		actions_drain(in);
	}
}

/* Messages come before timeouts of the same instant. */
static void take_ready(struct loop *loop)
{
	struct instance *in = loop->in;

	for (size_t i = 0; i < in->ports.count * LINK_SOCKETS; i++) {
		serve(in, i, port_fds(loop, 0)[i].revents);
	}
	for (int i = 0; i < LOCAL_SOCKETS; i++) {
		if (loop->fds[PLACE_LOCAL + i].revents) {
			local_ready(&in->local, (enum local_socket)i, timer_now());
			actions_drain(in);
		}
	}
	if (loop->fds[PLACE_LOOKOUT].revents && lookout_update(&in->ports.lookout)) {
		look(loop, timer_now());
	}
}

/* Timer, poll, messages, engine, clock: in this order, once around. */
static int run_once(struct loop *loop)
{
	struct gnomon_engine *engine = loop->in->engine;
	gnomon_mono now = timer_now();
	gnomon_mono next = housekeeping(loop, now);
	size_t count = PLACE_PORTS + loop->in->ports.count * LINK_SOCKETS;
	bool fired = loop->fds[PLACE_TIMER].revents != 0;
	int timeout;
	int own;

	timer_arm(&loop->timer, gnomon_engine_deadline(engine), fired);
	timeout = timeout_to(next, now);
	own = timer_poll_timeout(&loop->timer, now);
	if (own >= 0 && own < timeout) {
		timeout = own;
	}
	if (poll(loop->fds, count, timeout) < 0) {
		for (size_t i = 0; i < count; i++) {
			loop->fds[i].revents = 0;
		}
		return errno == EINTR ? 0 : -errno;
	}
	take_ready(loop);
	now = timer_now();
	if (!gnomon_mono_before(now, gnomon_engine_deadline(engine))) {
		(void)gnomon_engine_expire(engine, now);
		actions_drain(loop->in);
	}
	keeper_expire(&loop->in->keeper, now);
	return 0;
}

/* -- the end ---------------------------------------------------------------------------------- */

/*
 * Take the timestamps still on their way, for as long as any of them would be waited for. Stamping
 * is switched off next, and some hardware (igb, igc) has room for one transmit timestamp only and,
 * if nobody fetches it, stamps nothing for the next program until it gives up after 15 s.
 */
static void await_stamps(struct loop *loop)
{
	struct instance *in = loop->in;
	struct pollfd *fds = &loop->fds[PLACE_PORTS];
	size_t count = in->ports.count * LINK_SOCKETS;
	gnomon_mono now = timer_now();
	gnomon_mono end = gnomon_mono_add(now, (int64_t)in->conf->tx_timestamp_timeout *
						       NSEC_PER_MSEC);

	lay_out(loop);
	for (size_t i = 0; i < count; i++) {
		fds[i].events = POLLPRI;
	}
	for (; in->ports.tx_pending && gnomon_mono_before(now, end); now = timer_now()) {
		if (poll(fds, count, timeout_to(end, now)) < 0) {
			continue; /* another signal */
		}
		for (size_t i = 0; i < count; i++) {
			serve(in, i, fds[i].revents);
		}
	}
}

/* The first look at the interfaces starts the ports. */
int loop_run(struct instance *in)
{
	struct loop loop = { .in = in };
	int r = 0;

	loop.fds = calloc(PLACE_PORTS + in->ports.count * LINK_SOCKETS, sizeof(*loop.fds));
	if (!loop.fds) {
		return -ENOMEM;
	}
	timer_init(&loop.timer);
	notify_init(&loop.notify, timer_now());
	keeper_datasets(&in->keeper, ~0u, timer_now());
	actions_drain(in);
	look(&loop, timer_now());
	report_started(in->log);
	lay_out(&loop);
	notify_ready(&loop.notify, in);
	in->status_changed = false;
	while (r == 0 && !caught) {
		r = run_once(&loop);
	}
	notify_stopping(&loop.notify);
	await_stamps(&loop);
	tell_counters(in);
	timer_finish(&loop.timer);
	free(loop.fds);
	return r ? r : (int)caught;
}
