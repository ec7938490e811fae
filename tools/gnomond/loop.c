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

/* How often ports are asked whether they get anywhere; no reason to wake up for. */
#define EXPLAIN_NS (2 * (int64_t)GNOMON_NSEC_PER_SEC)

#define NSEC_PER_MSEC 1000000

/* Places in the array given to poll(); the ports' follow. */
enum place {
	PLACE_TIMER,
	PLACE_LOOKOUT,
	PLACE_LOCAL,
	PLACE_CONTROL = PLACE_LOCAL + LOCAL_SOCKETS,
	PLACE_GUESTS = PLACE_CONTROL + CONTROL_FDS,
	PLACE_PORTS,
};

struct loop {
	struct daemon *d;
	struct timer timer;
	size_t ports; /* of all instances */
	struct notify notify;
	struct pollfd *fds;
	size_t room; /* of fds */
	gnomon_mono explain; /* when to look for ports that get nowhere */
	gnomon_mono look;    /* when to look at the interfaces, whatever netlink says; NEVER */
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

/* Descriptors change when a link is closed or opened again, which is rare. */
static struct pollfd *lay_out_instance(struct instance *in, struct pollfd *fds)
{
	for (size_t i = 0; i < in->ports.count; i++, fds += LINK_SOCKETS) {
		if (in->ports.list[i].link) {
			link_poll_fds(in->ports.list[i].link, fds);
		}
		for (int s = 0; s < LINK_SOCKETS && !in->ports.list[i].link; s++) {
			fds[s] = (struct pollfd){ .fd = -1 };
		}
	}
	in->ports.relayout = false;
	return fds;
}

/* Those of other clocks stand behind the ports'. */
static struct pollfd *syncs_fds(struct loop *loop)
{
	return &loop->fds[PLACE_PORTS + loop->ports * LINK_SOCKETS];
}

/* And behind those the monitors of guests, which come and go. */
static size_t monitors_place(const struct loop *loop)
{
	return PLACE_PORTS + loop->ports * LINK_SOCKETS + loop->d->syncs.count;
}

/* Room for all of them. Returns how many descriptors there are, or -ENOMEM. */
static int reserve(struct loop *loop)
{
	const size_t count = monitors_place(loop) + loop->d->monitors.count;
	struct pollfd *fds;

	if (count > loop->room) {
		fds = reallocarray(loop->fds, count, sizeof(*fds));
		if (!fds) {
			return -ENOMEM;
		}
		loop->fds = fds;
		loop->room = count;
	}
	return (int)count;
}

static void lay_out(struct loop *loop)
{
	struct daemon *d = loop->d;
	struct pollfd *fds = &loop->fds[PLACE_PORTS];

	loop->fds[PLACE_TIMER] = (struct pollfd){ .fd = loop->timer.fd, .events = POLLIN };
	loop->fds[PLACE_LOOKOUT] =
		(struct pollfd){ .fd = lookout_fd(&d->lookout), .events = POLLIN };
	local_poll_fds(&d->local, &loop->fds[PLACE_LOCAL]);
	for (size_t i = 0; i < d->instance_count; i++) {
		fds = lay_out_instance(&d->instances[i], fds);
	}
}

/* -- interfaces ------------------------------------------------------------------------------- */

static void look_at(struct loop *loop, struct instance *in, gnomon_mono now)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		struct port *port = &in->ports.list[i];

		port_look(&in->ports, port, now);
		actions_drain(loop->d);
		/* A port that waits for its interface is looked at when netlink tells. */
		if (!port->link && gnomon_mono_before(now, port->retry)) {
			loop->look = gnomon_mono_min(loop->look, port->retry);
		}
	}
}

/* Look at all ports, and decide when to look again without being told. */
static void look(struct loop *loop, gnomon_mono now)
{
	struct daemon *d = loop->d;

	loop->look = GNOMON_MONO_NEVER;
	if (lookout_fd(&d->lookout) < 0) {
		loop->look = gnomon_mono_add(now, LOOK_NS);
	}
	for (size_t i = 0; i < d->instance_count; i++) {
		look_at(loop, &d->instances[i], now);
	}
}

static void tell_counters_of(const struct instance *in)
{
	struct gnomon_port_counters counters;

	for (size_t i = 0; i < in->ports.count; i++) {
		struct report_port name = in->ports.list[i].name;

		if (gnomon_engine_counters(in->engine, (uint16_t)name.number, &counters) == 0) {
			report_counters(in->log, name, &counters);
		}
	}
}

static void tell_counters(const struct daemon *d)
{
	for (size_t i = 0; i < d->instance_count; i++) {
		tell_counters_of(&d->instances[i]);
	}
}

/* -- one round -------------------------------------------------------------------------------- */

/* A port that gets nowhere: say why. */
static void explain_port(const struct instance *in, struct port *port, gnomon_mono now)
{
	struct gnomon_port_counters counters;
	struct gnomon_current_ds current;
	struct gnomon_port_ds ds;
	char text[EXPLAIN_MAX];

	if (!explain_wants(&port->explain, port->state, now) ||
	    gnomon_engine_port_ds(in->engine, (uint16_t)port->name.number, &ds) != 0 ||
	    gnomon_engine_counters(in->engine, (uint16_t)port->name.number, &counters) != 0) {
		return;
	}
	gnomon_engine_current_ds(in->engine, &current);
	if (explain(&port->explain,
		    &(struct explain_port){ .ds = &ds,
					    .counters = &counters,
					    .offset = current.offset_from_master,
					    .free_running = in->conf->free_running,
					    .estimating =
						    in->keeper->state == GNOMON_SERVO_UNLOCKED,
					    .standby = instance_receives(in) },
		    now, text)) {
		report_waiting(in->log, port->name, text);
	}
}

static void explain_ports(struct loop *loop, gnomon_mono now)
{
	loop->explain = gnomon_mono_add(now, EXPLAIN_NS);
	for (size_t i = 0; i < loop->d->instance_count; i++) {
		const struct instance *in = &loop->d->instances[i];

		for (size_t p = 0; p < in->ports.count; p++) {
			explain_port(in, &in->ports.list[p], now);
		}
	}
}

/* Timestamps that did not come, and sockets that came or went. Returns when to look again. */
static gnomon_mono keep_house(struct loop *loop, struct instance *in, gnomon_mono now)
{
	if (!gnomon_mono_before(now, in->ports.tx_deadline)) {
		ports_expire(&in->ports, now);
		actions_drain(loop->d);
	}
	if (in->ports.relayout) {
		lay_out(loop);
	}
	return in->ports.tx_deadline;
}

/* Everything that is due but is not an engine's: coarse, so poll()'s timeout does for it. */
static gnomon_mono housekeeping(struct loop *loop, gnomon_mono now)
{
	struct daemon *d = loop->d;
	gnomon_mono next = GNOMON_MONO_NEVER;

	if (!gnomon_mono_before(now, loop->look)) {
		look(loop, now);
	}
	for (size_t i = 0; i < d->instance_count; i++) {
		next = gnomon_mono_min(next, keep_house(loop, &d->instances[i], now));
	}
	if (!gnomon_mono_before(now, loop->explain)) {
		explain_ports(loop, now);
	}
	if (d->status_changed || d->keeper.changed) {
		d->status_changed = false;
		d->keeper.changed = false;
		notify_status(&loop->notify, d);
	}
	if (asked) {
		asked = 0;
		tell_counters(d);
		keeper_tell_sources(&d->keeper, now);
	}
	notify_alive(&loop->notify, now);
	next = gnomon_mono_min(next, daemon_expire_syncs(d, now));
	next = gnomon_mono_min(next, control_expire(&d->control, now));
	next = gnomon_mono_min(next, monitors_expire(&d->monitors, now));
	next = gnomon_mono_min(next, daemon_expire_guests(d, now));
	next = gnomon_mono_min(next, herald_expire(&d->herald, now));
	next = gnomon_mono_min(next, remember_expire(&d->remember, now));
	actions_drain(d);
	next = gnomon_mono_min(next, loop->look);
	next = gnomon_mono_min(next, keeper_deadline(&d->keeper));
	for (size_t i = 0; i < d->reader_count; i++) {
		next = gnomon_mono_min(next, reader_deadline(&d->readers[i]));
	}
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

/* What poll() reported on a port's sockets. */
static void serve(struct daemon *d, struct ports *ports, struct port *port,
		  const struct pollfd fds[LINK_SOCKETS])
{
	for (int i = 0; i < LINK_SOCKETS; i++) {
		if (fds[i].revents) {
			port_ready(ports, port, (enum link_socket)i, fds[i].revents);
			actions_drain(d);
		}
	}
}

static void serve_ports(struct loop *loop)
{
	const struct pollfd *fds = &loop->fds[PLACE_PORTS];

	for (size_t i = 0; i < loop->d->instance_count; i++) {
		struct ports *ports = &loop->d->instances[i].ports;

		for (size_t p = 0; p < ports->count; p++, fds += LINK_SOCKETS) {
			serve(loop->d, ports, &ports->list[p], fds);
		}
	}
}

/* Messages come before timeouts of the same instant. */
static void take_ready(struct loop *loop)
{
	struct daemon *d = loop->d;

	serve_ports(loop);
	for (int i = 0; i < LOCAL_SOCKETS; i++) {
		if (loop->fds[PLACE_LOCAL + i].revents) {
			local_ready(&d->local, (enum local_socket)i, timer_now());
			actions_drain(d);
		}
	}
	for (size_t i = 0; i < d->syncs.count; i++) {
		if (syncs_fds(loop)[i].revents) {
			syncs_ready(&d->syncs, i, timer_now());
		}
	}
	control_ready(&d->control, &loop->fds[PLACE_CONTROL], timer_now());
	if (loop->fds[PLACE_GUESTS].revents) {
		guests_ready(&d->guests, timer_now());
	}
	if (loop->fds[PLACE_LOOKOUT].revents && lookout_update(&d->lookout)) {
		look(loop, timer_now());
	}
}

static gnomon_mono engine_deadline(const struct daemon *d)
{
	gnomon_mono next = GNOMON_MONO_NEVER;

	for (size_t i = 0; i < d->instance_count; i++) {
		next = gnomon_mono_min(next, gnomon_engine_deadline(d->instances[i].engine));
	}
	return next;
}

static void expire(struct daemon *d, gnomon_mono now)
{
	for (size_t i = 0; i < d->instance_count; i++) {
		struct gnomon_engine *engine = d->instances[i].engine;

		if (!gnomon_mono_before(now, gnomon_engine_deadline(engine))) {
			(void)gnomon_engine_expire(engine, now);
			actions_drain(d);
		}
	}
	for (size_t i = 0; i < d->reader_count; i++) {
		reader_expire(&d->readers[i], now);
	}
	keeper_expire(&d->keeper, now);
	actions_drain(d);
}

/* Timer, poll, messages, engines, clock: in this order, once around. */
static int run_once(struct loop *loop)
{
	gnomon_mono now = timer_now();
	gnomon_mono next = housekeeping(loop, now);
	bool fired = loop->fds[PLACE_TIMER].revents != 0;
	const int count = reserve(loop);
	int timeout;
	int own;

	if (count < 0) {
		return count;
	}
	monitors_poll_fds(&loop->d->monitors, loop->fds + monitors_place(loop));
	syncs_poll_fds(&loop->d->syncs, syncs_fds(loop));
	loop->fds[PLACE_GUESTS] =
		(struct pollfd){ .fd = guests_fd(&loop->d->guests), .events = POLLIN };
	control_poll_fds(&loop->d->control, now, &loop->fds[PLACE_CONTROL]);
	timer_arm(&loop->timer, engine_deadline(loop->d), fired);
	timeout = timeout_to(next, now);
	own = timer_poll_timeout(&loop->timer, now);
	if (own >= 0 && own < timeout) {
		timeout = own;
	}
	if (poll(loop->fds, (nfds_t)count, timeout) < 0) {
		for (int i = 0; i < count; i++) {
			loop->fds[i].revents = 0;
		}
		return errno == EINTR ? 0 : -errno;
	}
	take_ready(loop);
	monitors_ready(&loop->d->monitors, loop->fds + monitors_place(loop),
		       (size_t)count - monitors_place(loop), timer_now());
	expire(loop->d, timer_now());
	return 0;
}

/* -- the end ---------------------------------------------------------------------------------- */

static bool tx_pending(const struct daemon *d)
{
	for (size_t i = 0; i < d->instance_count; i++) {
		if (d->instances[i].ports.tx_pending) {
			return true;
		}
	}
	return false;
}

/*
 * Take the timestamps still on their way, for as long as any of them would be waited for. Stamping
 * is switched off next, and some hardware (igb, igc) has room for one transmit timestamp only and,
 * if nobody fetches it, stamps nothing for the next program until it gives up after 15 s.
 */
static void await_stamps(struct loop *loop)
{
	struct daemon *d = loop->d;
	struct pollfd *fds = &loop->fds[PLACE_PORTS];
	size_t count = loop->ports * LINK_SOCKETS;
	gnomon_mono now = timer_now();
	gnomon_mono end =
		gnomon_mono_add(now, (int64_t)d->conf->tx_timestamp_timeout * NSEC_PER_MSEC);

	lay_out(loop);
	for (size_t i = 0; i < count; i++) {
		fds[i].events = POLLPRI;
	}
	for (; tx_pending(d) && gnomon_mono_before(now, end); now = timer_now()) {
		if (poll(fds, count, timeout_to(end, now)) < 0) {
			continue; /* another signal */
		}
		serve_ports(loop);
	}
}

/* The first look at the interfaces starts the ports. */
static void start(struct loop *loop)
{
	struct daemon *d = loop->d;

	timer_init(&loop->timer);
	notify_init(&loop->notify, timer_now());
	syncs_start(&d->syncs);
	keeper_start(&d->keeper);
	(void)herald_expire(&d->herald, timer_now());
	for (size_t i = 0; i < d->instance_count; i++) {
		keeper_datasets(&d->keeper, d->instances[i].engine, ~0u, timer_now());
	}
	actions_drain(d);
	look(loop, timer_now());
	report_started(d->log);
	lay_out(loop);
	notify_ready(&loop->notify, d);
	d->status_changed = false;
}

int loop_run(struct daemon *d)
{
	struct loop loop = { .d = d };
	int r = 0;

	for (size_t i = 0; i < d->instance_count; i++) {
		loop.ports += d->instances[i].ports.count;
	}
	loop.room = monitors_place(&loop);
	loop.fds = calloc(loop.room, sizeof(*loop.fds));
	if (!loop.fds) {
		return -ENOMEM;
	}
	start(&loop);
	while (r == 0 && !caught) {
		r = run_once(&loop);
	}
	notify_stopping(&loop.notify);
	await_stamps(&loop);
	tell_counters(d);
	remember_finish(&d->remember, timer_now());
	timer_finish(&loop.timer);
	free(loop.fds);
	return r ? r : (int)caught;
}
