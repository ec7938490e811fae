/* SPDX-License-Identifier: BSD-2-Clause */
/* A PTP port's sockets: messages and timestamps in and out, and what becomes of its interface. */
#include "port.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/iface.h"
#include "drivers/timer.h"

#define NSEC_PER_MSEC 1000000

/* -- life ------------------------------------------------------------------------------------- */

int ports_init(struct ports *ports, struct driver_error *error)
{
	size_t count = ports->conf->port_count;

	ports->tx_deadline = GNOMON_MONO_NEVER;
	ports->list = calloc(count + 1, sizeof(ports->list[0]));
	if (!ports->list) {
		return driver_fail(error, -ENOMEM, "no memory for %zu ports", count);
	}
	ports->count = count;
	for (size_t i = 0; i < count; i++) {
		struct port *port = &ports->list[i];

		port->name.number = (unsigned int)i + 1;
		port->name.interface = ports->conf->ports[i].name;
		port->name.source = ports->source;
		port->conf = &ports->conf->ports[i].conf;
		port->retry = GNOMON_MONO_NEVER;
		port->state = GNOMON_PORT_INITIALIZING;
	}
	return 0;
}

/* An open port of another instance whose packets the same interface stamps; NULL: none. */
static const struct port *sharer(const struct ports *ports, const struct port *port,
				 const char *stamper)
{
	for (const struct ports *p = ports->next; port->shared && p && p != ports; p = p->next) {
		for (size_t i = 0; i < p->count; i++) {
			const struct port *other = &p->list[i];

			if (other->link && strcmp(other->stamper, stamper) == 0) {
				return other;
			}
		}
	}
	return NULL;
}

/* Time stamping is switched off by the last of those that share it. */
static void leave_stamper(const struct ports *ports, struct port *port)
{
	if (port->link && sharer(ports, port, port->stamper)) {
		link_leave_timestamping(port->link);
	}
}

static void join_stamper(const struct ports *ports, struct port *port)
{
	const struct port *other = sharer(ports, port, port->stamper);

	if (other) {
		link_share_timestamping(port->link, other->link);
	}
}

static void close_link(const struct ports *ports, struct port *port)
{
	leave_stamper(ports, port);
	link_close(port->link);
	port->link = NULL;
}

void ports_finish(struct ports *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		close_link(ports, &ports->list[i]);
		stamping_finish(&ports->list[i].stamping);
	}
	free(ports->list);
}

/* -- what a link is told ---------------------------------------------------------------------- */

static enum gnomon_network_protocol transport(int value)
{
	switch ((enum conf_transport)value) {
	case CONF_NET_L2:
		return GNOMON_NETWORK_IEEE_802_3;
	case CONF_NET_UDPV4:
		return GNOMON_NETWORK_UDP_IPV4;
	case CONF_NET_UDPV6:
		return GNOMON_NETWORK_UDP_IPV6;
	}
	return GNOMON_NETWORK_UDP_IPV4;
}

static enum timestamping_filter filter(int value)
{
	switch ((enum conf_hwts_filter)value) {
	case CONF_HWTS_NORMAL:
		return TIMESTAMPING_FILTER_NORMAL;
	case CONF_HWTS_CHECK:
		return TIMESTAMPING_FILTER_CHECK;
	case CONF_HWTS_FULL:
		return TIMESTAMPING_FILTER_FULL;
	}
	return TIMESTAMPING_FILTER_NORMAL;
}

static void set_address(struct gnomon_address *address, const uint8_t *octets, size_t len)
{
	memcpy(address->octets, octets, len);
	address->length = (uint8_t)len;
}

/* Addresses of the transport in use, and what else a socket needs to know. */
static void link_configure(const struct ports *ports, const struct port *port,
			   struct link_config *config)
{
	const struct conf_port *c = port->conf;

	link_config_default(config, transport(c->network_transport));
	switch ((enum conf_transport)c->network_transport) {
	case CONF_NET_L2:
		set_address(&config->primary, c->ptp_dst_mac, sizeof(c->ptp_dst_mac));
		set_address(&config->peer, c->p2p_dst_mac, sizeof(c->p2p_dst_mac));
		break;
	case CONF_NET_UDPV4:
		set_address(&config->primary, c->ptp_dst_ipv4, sizeof(c->ptp_dst_ipv4));
		set_address(&config->peer, c->p2p_dst_ipv4, sizeof(c->p2p_dst_ipv4));
		break;
	case CONF_NET_UDPV6:
		set_address(&config->primary, c->ptp_dst_ipv6, sizeof(c->ptp_dst_ipv6));
		set_address(&config->peer, c->p2p_dst_ipv6, sizeof(c->p2p_dst_ipv6));
		break;
	}
	config->interface = port->name.interface;
	config->timestamping_interface = port->stamper[0] ? port->stamper : NULL;
	config->udp6_scope = (uint8_t)c->udp6_scope;
	config->udp_ttl = (uint8_t)c->udp_ttl;
	config->dscp_event = (uint8_t)ports->conf->dscp_event;
	config->dscp_general = (uint8_t)ports->conf->dscp_general;
	if (c->network_transport == CONF_NET_L2) {
		config->socket_priority = ports->conf->socket_priority;
	}
	config->event_port = (uint16_t)ports->conf->event_port;
	config->general_port = (uint16_t)ports->conf->general_port;
	config->share_ports = ports->conf->share_ports || port->shared;
	config->timestamping = port->stamping.mode;
	config->hwts_filter = filter(ports->conf->hwts_filter);
	config->software_stamps = ports->conf->check_fup_sync;
}

/* -- who stamps, and how ---------------------------------------------------------------------- */

/* The clock is what it is from the start. */
static void fill_wish(const struct ports *ports, const struct port *port,
		      struct stamping_wish *wish)
{
	const struct conf *conf = ports->conf;
	const struct gnomon_clock *clock = ports->keeper->clock;

	*wish = (struct stamping_wish){
		.stamping = (enum conf_time_stamping)port->conf->time_stamping,
		.one_step = !conf->two_step_flag,
		.p2p = port->conf->delay_mechanism == CONF_DELAY_P2P,
		.phc = clock ? strcmp(clock->ops->kind, "phc") == 0
			     : conf->clock != CONF_CLOCK_SOFT && conf->clock != CONF_CLOCK_SYSTEM,
		.named = conf->phc_device[0] != '\0',
		.phc_index = port->conf->phc_index,
	};
}

static int choose(const struct ports *ports, const struct port *port, const char *stamper,
		  bool no_phc, struct stamping *s, struct driver_error *error)
{
	const char *name = port->name.interface;
	struct timestamping_info info;
	struct stamping_wish wish;
	int r = timestamping_query(stamper[0] ? stamper : name, &info, error);

	if (r != 0) {
		return r;
	}
	fill_wish(ports, port, &wish);
	wish.phc = wish.phc && !no_phc;
	return stamping_choose(s, name, &info, &wish, error);
}

/* Until its clock is known a choice holds nothing that would have to be released. */
int port_choose(struct ports *ports, struct port *port, struct driver_error *error)
{
	const char *name = port->name.interface;

	port->index = lookout_index(ports->lookout, name);
	lookout_stamping(ports->lookout, port->index, name, port->stamper);
	return choose(ports, port, port->stamper, false, &port->stamping, error);
}

/* A clock that cannot be read takes no stamps we can use: auto does without. */
static int connect_stamping(const struct ports *ports, const struct port *port,
			    const char *stamper, struct stamping *s, struct driver_error *error)
{
	struct driver_error why = { "" };
	int r = stamping_connect(s, port->name.interface, ports->keeper->clock, &why);

	if (r != 0 && port->conf->time_stamping == CONF_STAMP_AUTO) {
		r = choose(ports, port, stamper, true, s, error);
		s->why = why;
		return r;
	}
	return r != 0 ? driver_fail(error, r, "%s", why.text) : 0;
}

int port_connect(struct ports *ports, struct port *port, struct driver_error *error)
{
	return connect_stamping(ports, port, port->stamper, &port->stamping, error);
}

/* Choose again: the card may be another, or another port of a bond. */
static int choose_again(struct ports *ports, struct port *port, const char *stamper,
			struct driver_error *error)
{
	enum timestamping_mode before = port->stamping.mode;
	struct stamping now;
	int r = choose(ports, port, stamper, false, &now, error);

	r = r != 0 ? r : connect_stamping(ports, port, stamper, &now, error);
	if (r != 0) {
		return r;
	}
	stamping_finish(&port->stamping);
	port->stamping = now;
	snprintf(port->stamper, sizeof(port->stamper), "%s", stamper);
	if (now.mode != before) {
		(void)gnomon_engine_one_step(ports->engine, (uint16_t)port->name.number,
					     stamping_is_one_step(&now),
					     now.mode == TIMESTAMPING_P2P1STEP);
		report_port(ports->log, port->name, timestamping_mode_name(now.mode), now.why.text,
			    port->conf);
	}
	return 0;
}

/* -- opening ---------------------------------------------------------------------------------- */

/* UDP without an address is sent from nowhere, and dropped wherever it arrives. */
static void note_missing_address(struct ports *ports, const struct port *port)
{
	char text[128];

	if (link_local_address(port->link)->length == 0) {
		snprintf(text, sizeof(text), "%s: has no IP address yet: nobody will hear it",
			 port->name.interface);
		report_note(ports->log, text);
	}
}

int port_open(struct ports *ports, struct port *port, struct driver_error *error)
{
	struct link_config config;
	int r;

	link_configure(ports, port, &config);
	r = link_open(&port->link, &config, error);
	if (r == 0) {
		join_stamper(ports, port);
		note_missing_address(ports, port);
	}
	return r;
}

/* -- timestamps of what was sent -------------------------------------------------------------- */

/* 0 stands for no message. False: the engine does not know it. */
static bool tx_done(struct ports *ports, uint32_t tx_id, const gnomon_time *stamp)
{
	return tx_id && gnomon_engine_tx_done(ports->engine, tx_id, stamp, timer_now()) == 0;
}

/* Wait for the timestamp of a message, without waiting. */
static void await_stamp(struct ports *ports, struct port *port, uint32_t key, uint32_t tx_id)
{
	int64_t timeout_ns = (int64_t)ports->conf->tx_timestamp_timeout * NSEC_PER_MSEC;
	gnomon_mono deadline = gnomon_mono_add(timer_now(), timeout_ns);
	uint32_t lost = tx_ring_put(&port->tx, key, tx_id, deadline);

	ports->tx_pending += lost == 0;
	ports->tx_deadline = gnomon_mono_min(ports->tx_deadline, deadline);
	(void)tx_done(ports, lost, NULL);
}

/* A message that cannot be sent is lost, not the port: its timestamp will never come. That is told
 * once for as long as it lasts, and not again as a lost timestamp. */
static void send_failed(struct ports *ports, struct port *port,
			const struct gnomon_send *message, int error)
{
	int *told = &port->send_error[message->channel == GNOMON_CHANNEL_EVENT];

	if (*told != error) {
		*told = error;
		report_port_error(ports->log, LOG_SEND_FAILED, port->name, driver_strerror(error));
	}
	ports->unsent += tx_done(ports, message->tx_id, NULL);
}

void port_send(struct ports *ports, struct port *port, const struct gnomon_send *message)
{
	uint32_t key = 0;
	int r = port->link ? link_send(port->link, message, &key) : -ENETDOWN;

	if (r != 0) {
		send_failed(ports, port, message, r);
		return;
	}
	port->send_error[message->channel == GNOMON_CHANNEL_EVENT] = 0;
	if (message->tx_id) {
		await_stamp(ports, port, key, message->tx_id);
	}
}

/* The engine is told for each that it is lost. */
static void port_expire(struct ports *ports, struct port *port, gnomon_mono now)
{
	uint32_t tx_id;

	while ((tx_id = tx_ring_expire(&port->tx, now)) != 0) {
		ports->tx_pending--;
		(void)tx_done(ports, tx_id, NULL);
	}
}

/* Rare: a timestamp that comes in time never leads here. */
void ports_expire(struct ports *ports, gnomon_mono now)
{
	ports->tx_deadline = GNOMON_MONO_NEVER;
	for (size_t i = 0; i < ports->count; i++) {
		port_expire(ports, &ports->list[i], now);
		ports->tx_deadline =
			gnomon_mono_min(ports->tx_deadline, tx_ring_deadline(&ports->list[i].tx));
	}
}

static void take_stamp(struct ports *ports, struct port *port, enum link_socket which)
{
	struct link_stamp stamp;
	gnomon_time local;
	uint32_t tx_id;
	bool usable;

	if (link_receive_stamp(port->link, which, &stamp) != 0) {
		return; /* not ours, or an error that is cleared now; link events tell the rest */
	}
	tx_id = tx_ring_take(&port->tx, stamp.key);
	if (!tx_id) {
		return;
	}
	if (--ports->tx_pending == 0) {
		ports->tx_deadline = GNOMON_MONO_NEVER;
	}
	usable = stamping_local(&port->stamping, ports->keeper, &stamp.stamps, &local);
	(void)tx_done(ports, tx_id, usable ? &local : NULL);
}

/* -- faults ---------------------------------------------------------------------------------- */

/* The engine hears of changes only. */
static void tell_engine(struct ports *ports, struct port *port, bool up, gnomon_mono now)
{
	if (port->up != up) {
		port->up = up;
		(void)gnomon_engine_link(ports->engine, (uint16_t)port->name.number, up, now);
	}
}

/* When a fault is over that began now; ASAP is now, and a silly exponent is never. */
static gnomon_mono fault_over(const struct port *port, gnomon_mono now)
{
	int log = port->conf->fault_reset_interval;

	if (log <= -30) {
		return now;
	}
	return gnomon_mono_add(now, log > 30  ? INT64_MAX
				    : log < 0 ? GNOMON_NSEC_PER_SEC >> -log
					      : (int64_t)GNOMON_NSEC_PER_SEC << log);
}

/* The sockets failed: close them, and open them again after fault_reset_interval. */
static void fail_port(struct ports *ports, struct port *port, const char *text, gnomon_mono now)
{
	report_port_error(ports->log, LOG_LINK_ERROR, port->name, text);
	close_link(ports, port);
	ports->relayout = true;
	port_expire(ports, port, GNOMON_MONO_NEVER); /* nothing will be stamped any more */
	tell_engine(ports, port, false, now);
	port->retry = fault_over(port, now);
}

/* -- messages --------------------------------------------------------------------------------- */

/* One datagram; poll() tells if there are more. */
static void take_message(struct ports *ports, struct port *port, enum link_socket which,
			 gnomon_mono now)
{
	uint8_t data[LINK_MTU];
	struct link_rx received;
	struct gnomon_rx rx = { .size = sizeof(rx), .port = (uint16_t)port->name.number };
	gnomon_time local;
	int r = link_receive(port->link, which, data, sizeof(data), &received);

	if (r == -EAGAIN) {
		return;
	}
	if (r != 0) {
		fail_port(ports, port, driver_strerror(r), now);
		return;
	}
	rx.channel = received.channel;
	rx.data = data;
	rx.len = received.len;
	rx.source = received.source;
	/* Event messages have a type below 8; converting a stamp is not free. */
	if (received.len > 0 && (data[0] & 0x0f) < 8 &&
	    stamping_local(&port->stamping, ports->keeper, &received.stamps, &local)) {
		rx.timestamp = &local;
	}
	if (ports->conf->check_fup_sync && received.stamps.has_software) {
		rx.software = &received.stamps.software;
	}
	(void)gnomon_engine_rx(ports->engine, &rx, now);
}

void port_ready(struct ports *ports, struct port *port, enum link_socket which, short revents)
{
	if (port->link && (revents & (POLLPRI | POLLERR))) {
		take_stamp(ports, port, which);
	}
	if (port->link && (revents & POLLIN)) {
		take_message(ports, port, which, timer_now());
	}
}

/* -- the interface ---------------------------------------------------------------------------- */

/* Open the link again after a fault, or when the interface came back. */
static void reopen(struct ports *ports, struct port *port, gnomon_mono now)
{
	struct driver_error error = { "" };
	const char *name = port->name.interface;
	char stamper[IFNAMSIZ];

	port->index = lookout_index(ports->lookout, name);
	lookout_stamping(ports->lookout, port->index, name, stamper);
	if (choose_again(ports, port, stamper, &error) != 0 ||
	    port_open(ports, port, &error) != 0) {
		fail_port(ports, port, error.text, now);
	} else {
		port->retry = GNOMON_MONO_NEVER;
		ports->relayout = true;
	}
}

/* The new interface may stamp in another way, which the sockets must be opened for, and by another
 * clock, which knows nothing of stamps still on their way. */
static int move_stamping(struct ports *ports, struct port *port, const char *stamper,
			 struct driver_error *error)
{
	enum timestamping_mode before = port->stamping.mode;
	int r;

	leave_stamper(ports, port);
	r = choose_again(ports, port, stamper, error);
	if (r != 0) {
		return r;
	}
	port_expire(ports, port, GNOMON_MONO_NEVER);
	if (port->stamping.mode == before) {
		r = link_set_timestamping_interface(port->link, stamper, error);
		if (r == 0) {
			join_stamper(ports, port);
		}
		return r;
	}
	close_link(ports, port);
	ports->relayout = true;
	return port_open(ports, port, error);
}

/* Another port of the bond stamps from now on, or the interface has a new name. */
static void follow_stamping(struct ports *ports, struct port *port, gnomon_mono now)
{
	struct driver_error error = { "" };
	char stamper[IFNAMSIZ];

	lookout_stamping(ports->lookout, port->index, port->name.interface, stamper);
	if (!stamper[0] || strcmp(stamper, port->stamper) == 0) {
		return;
	}
	if (move_stamping(ports, port, stamper, &error) != 0) {
		fail_port(ports, port, error.text, now);
	}
}

static enum gnomon_port_stamping stamping_told(enum timestamping_mode mode)
{
	switch (mode) {
	case TIMESTAMPING_SOFTWARE:
		return GNOMON_PORT_STAMPING_SOFTWARE;
	case TIMESTAMPING_HARDWARE:
		return GNOMON_PORT_STAMPING_HARDWARE;
	case TIMESTAMPING_LEGACY:
		return GNOMON_PORT_STAMPING_LEGACY;
	case TIMESTAMPING_ONESTEP:
		return GNOMON_PORT_STAMPING_ONESTEP;
	case TIMESTAMPING_P2P1STEP:
		return GNOMON_PORT_STAMPING_P2P1STEP;
	}
	return GNOMON_PORT_STAMPING_SOFTWARE;
}

/* What management clients ask about the port and only its owner knows. */
static void describe(struct ports *ports, const struct port *port)
{
	struct gnomon_port_info info = { .size = sizeof(info),
					 .stamping = stamping_told(port->stamping.mode),
					 .phc_index = port->stamping.phc_index };
	struct iface iface;

	snprintf(info.interface, sizeof(info.interface), "%s", port->name.interface);
	memcpy(info.profile_identity, port->conf->profile_identity,
	       sizeof(info.profile_identity));
	if (iface_query(port->name.interface, &iface, NULL) == 0 && iface.ethernet) {
		info.physical_length = sizeof(iface.mac);
		memcpy(info.physical_address, iface.mac, sizeof(iface.mac));
	}
	info.protocol_address = *link_local_address(port->link);
	info.protocol_address.network_protocol = transport(port->conf->network_transport);
	(void)gnomon_engine_set_port_info(ports->engine, (uint16_t)port->name.number, &info);
}

void port_look(struct ports *ports, struct port *port, gnomon_mono now)
{
	const char *name = port->name.interface;
	bool up;

	if (port->link && !lookout_exists(ports->lookout, port->index, name)) {
		fail_port(ports, port, "the interface is gone", now);
		port->retry = now;
	}
	if (!port->link && lookout_index(ports->lookout, name) != 0 &&
	    !gnomon_mono_before(now, port->retry)) {
		reopen(ports, port, now);
	}
	if (port->link) {
		follow_stamping(ports, port, now);
	}
	if (port->link) {
		describe(ports, port);
	}
	up = port->link && lookout_is_up(ports->lookout, port->index, name);
	if (port->up != up || (!port->looked && !up)) {
		if (port->looked || !up) {
			report_link(ports->log, port->name, up);
		}
		tell_engine(ports, port, up, now);
	}
	port->looked = true;
}
