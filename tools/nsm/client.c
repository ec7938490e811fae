/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets of a NetSync Monitor client. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/address.h"
#include "drivers/iface.h"
#include "drivers/link.h"
#include "drivers/timer.h"
#include "nsm.h"
#include "tools/config/config.h"

#define MS INT64_C(1000000)

struct nsm {
	const struct conf *conf;
	const struct conf_port *port;
	struct link *link;
	enum gnomon_network_protocol transport;
	enum gnomon_stamp_source source;
	struct nsm_exchange exchange;
	uint16_t sequence;
};

/* -- opening ---------------------------------------------------------------------------------- */

static enum gnomon_network_protocol transport_of(const struct conf_port *port)
{
	switch ((enum conf_transport)port->network_transport) {
	case CONF_NET_L2:
		return GNOMON_NETWORK_IEEE_802_3;
	case CONF_NET_UDPV4:
		return GNOMON_NETWORK_UDP_IPV4;
	case CONF_NET_UDPV6:
		break;
	}
	return GNOMON_NETWORK_UDP_IPV6;
}

/* Without a word about it: the hardware's stamps, if the interface has them. */
static enum timestamping_mode mode_of(const struct conf_port *port, const char *interface)
{
	struct timestamping_info info;

	switch ((enum conf_time_stamping)port->time_stamping) {
	case CONF_STAMP_AUTO:
		break;
	case CONF_STAMP_SOFTWARE:
		return TIMESTAMPING_SOFTWARE;
	case CONF_STAMP_LEGACY:
		return TIMESTAMPING_LEGACY;
	case CONF_STAMP_HARDWARE:
	case CONF_STAMP_ONESTEP:
	case CONF_STAMP_P2P1STEP:
		return TIMESTAMPING_HARDWARE;
	}
	if (timestamping_query(interface, &info, NULL) == 0 &&
	    timestamping_check(interface, &info, TIMESTAMPING_HARDWARE, NULL) == 0) {
		return TIMESTAMPING_HARDWARE;
	}
	return TIMESTAMPING_SOFTWARE;
}

static int open_link(struct nsm *nsm, const char *interface, struct driver_error *error)
{
	const struct conf *c = nsm->conf;
	struct link_config config;

	link_config_default(&config, nsm->transport);
	config.interface = interface;
	config.udp6_scope = (uint8_t)nsm->port->udp6_scope;
	config.udp_ttl = (uint8_t)nsm->port->udp_ttl;
	config.dscp_event = (uint8_t)c->dscp_event;
	config.dscp_general = (uint8_t)c->dscp_general;
	config.event_port = (uint16_t)c->event_port;
	config.general_port = (uint16_t)c->general_port;
	config.share_ports = true;
	config.timestamping = mode_of(nsm->port, interface);
	config.hwts_filter = c->hwts_filter == CONF_HWTS_CHECK	? TIMESTAMPING_FILTER_CHECK
			     : c->hwts_filter == CONF_HWTS_FULL ? TIMESTAMPING_FILTER_FULL
								: TIMESTAMPING_FILTER_NORMAL;
	nsm->source = timestamping_mode_source(config.timestamping);
	return link_open(&nsm->link, &config, error);
}

int nsm_open(struct nsm **out, const struct conf *conf, struct driver_error *error)
{
	struct iface iface;
	struct nsm *nsm;
	int err;

	if (conf->port_count != 1) {
		return driver_fail(error, -EINVAL, "need exactly one interface");
	}
	err = iface_query(conf->ports[0].name, &iface, error);
	if (err) {
		return err;
	}
	nsm = calloc(1, sizeof(*nsm));
	if (!nsm) {
		return driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	nsm->conf = conf;
	nsm->port = &conf->ports[0].conf;
	nsm->transport = transport_of(nsm->port);
	nsm->exchange.self.port = 1;
	err = iface_clock_identity(&iface, &nsm->exchange.self.clock);
	if (err) {
		(void)driver_fail(error, err, "failed to generate a clock identity: %s has no "
				  "hardware address; ask from an Ethernet interface", iface.name);
	} else {
		err = open_link(nsm, conf->ports[0].name, error);
	}
	if (err) {
		free(nsm);
		return err;
	}
	*out = nsm;
	return 0;
}

void nsm_close(struct nsm *nsm)
{
	if (nsm) {
		link_close(nsm->link);
		free(nsm);
	}
}

/* -- asking ----------------------------------------------------------------------------------- */

bool nsm_waiting(const struct nsm *nsm)
{
	return nsm->exchange.active;
}

void nsm_forget(struct nsm *nsm)
{
	const struct gnomon_port_identity self = nsm->exchange.self;

	nsm->exchange = (struct nsm_exchange){ .self = self };
}

int nsm_ask(struct nsm *nsm, const char *server)
{
	const struct gnomon_header header = {
		.sdo_id = (uint16_t)(nsm->port->transport_specific << 8),
		.minor_version = (uint8_t)nsm->conf->ptp_minor_version,
		.domain = (uint8_t)nsm->conf->domain_number,
	};
	struct nsm_exchange *e = &nsm->exchange;
	struct gnomon_send message = {
		.type = GNOMON_MSG_DELAY_REQ,
		.channel = GNOMON_CHANNEL_EVENT,
		.destination = GNOMON_TO_ADDRESS,
		.tx_id = 1,
	};
	uint8_t buf[GNOMON_MSG_MAX];
	int len;
	int err;

	nsm_forget(nsm);
	if (address_parse(nsm->transport, server, &e->server) != 0) {
		return -EINVAL;
	}
	e->sequence = nsm->sequence++;
	len = nsm_request_build(e, &header, nsm->port->delay_asymmetry, buf, sizeof(buf));
	if (len < 0) {
		return len;
	}
	message.data = buf;
	message.len = (size_t)len;
	message.address = e->server;
	err = link_send(nsm->link, &message, &e->key);
	e->active = err == 0;
	return err;
}

/* -- listening -------------------------------------------------------------------------------- */

static const gnomon_time *stamp_of(const struct nsm *nsm, const struct timestamping_stamps *s)
{
	if (nsm->source == GNOMON_STAMP_HARDWARE) {
		return s->has_hardware ? &s->hardware : NULL;
	}
	return s->has_software ? &s->software : NULL;
}

static void take_message(struct nsm *nsm, enum link_socket which)
{
	uint8_t buf[LINK_MTU];
	struct gnomon_msg msg;
	struct link_rx rx;

	if (link_receive(nsm->link, which, buf, sizeof(buf), &rx) == 0 &&
	    gnomon_msg_decode(&msg, buf, rx.len) == GNOMON_DECODE_OK &&
	    msg.header.domain == nsm->conf->domain_number) {
		(void)nsm_exchange_take(&nsm->exchange, &msg, &rx.source,
					stamp_of(nsm, &rx.stamps));
	}
}

static void take_stamp(struct nsm *nsm, enum link_socket which)
{
	struct link_stamp stamp;
	const gnomon_time *t;

	if (link_receive_stamp(nsm->link, which, &stamp) != 0) {
		return;
	}
	t = stamp_of(nsm, &stamp.stamps);
	if (t && nsm->exchange.active && stamp.key == nsm->exchange.key) {
		nsm->exchange.request = *t;
		nsm->exchange.has_request = true;
	}
}

static void take_all(struct nsm *nsm, const struct pollfd *fds)
{
	for (int i = 0; i < LINK_SOCKETS; i++) {
		if (fds[i].revents & (POLLPRI | POLLERR)) {
			take_stamp(nsm, (enum link_socket)i);
		}
		if (fds[i].revents & POLLIN) {
			take_message(nsm, (enum link_socket)i);
		}
	}
}

int nsm_wait(struct nsm *nsm, int also_fd, int timeout_ms, struct nsm_status *status,
	     struct nsm_result *result)
{
	const gnomon_mono until = timeout_ms < 0 ? GNOMON_MONO_NEVER
						 : gnomon_mono_add(timer_now(), timeout_ms * MS);
	struct pollfd fds[LINK_SOCKETS + 1];

	for (;;) {
		gnomon_mono now = timer_now();
		int left = -1;

		if (until.ns != GNOMON_MONO_NEVER.ns) {
			left = gnomon_mono_before(now, until)
				       ? (int)((until.ns - now.ns + MS - 1) / MS)
				       : 0;
		}
		link_poll_fds(nsm->link, fds);
		fds[LINK_SOCKETS] = (struct pollfd){ .fd = also_fd, .events = POLLIN };
		if (poll(fds, LINK_SOCKETS + 1, left) < 0) {
			return -errno;
		}
		take_all(nsm, fds);
		if (nsm_exchange_done(&nsm->exchange, result)) {
			*status = nsm->exchange.status;
			nsm_forget(nsm);
			return 1;
		}
		if (fds[LINK_SOCKETS].revents) {
			return 2;
		}
		if (left == 0) {
			return 0;
		}
	}
}
