/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "drivers/address.h"
#include "drivers/iface.h"
#include "drivers/link_family.h"
#include "drivers/link_keys.h"
#include "drivers/privilege.h"
#include "drivers/socket.h"

static const struct link_family *const families[] = {
	&link_family_udp4,
	&link_family_udp6,
	&link_family_l2,
};

struct link {
	const struct link_family *family;
	int fd[LINK_SOCKETS];
	uint16_t port[LINK_SOCKETS];
	unsigned int ifindex;
	struct gnomon_address primary;
	struct gnomon_address peer;
	struct gnomon_address local;
	bool limit_peer;          /* udp_ttl is not 1: say TTL 1 with every message to the peer */
	unsigned int stamp_flags; /* of the event socket */
	enum timestamping_mode mode;
	enum timestamping_filter filter;
	struct timestamping_saved saved;
	struct link_keys keys;
};

static const struct link_family *find_family(enum gnomon_network_protocol protocol)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (families[i]->protocol == protocol) {
			return families[i];
		}
	}
	return NULL;
}

void link_config_default(struct link_config *config, enum gnomon_network_protocol transport)
{
	const struct link_family *family = find_family(transport);

	*config = (struct link_config){
		.transport = transport,
		.udp6_scope = 0x0e,
		.udp_ttl = 1,
		.event_port = 319,
		.general_port = 320,
		.timestamping = TIMESTAMPING_SOFTWARE,
		.hwts_filter = TIMESTAMPING_FILTER_NORMAL,
	};
	if (family) {
		(void)address_parse(transport, family->primary, &config->primary);
		(void)address_parse(transport, family->peer, &config->peer);
	}
}

/* -- opening --------------------------------------------------------------------------------- */

int link_setup_fail(const struct link_setup *setup, int fd, int code, const char *what)
{
	if (fd >= 0) {
		(void)close(fd);
	}
	return driver_fail(setup->error, code, "%s: cannot %s: %s", setup->config->interface, what,
			   driver_strerror(code));
}

uint16_t link_setup_port(const struct link_setup *setup)
{
	return setup->which == LINK_EVENT ? setup->config->event_port :
					    setup->config->general_port;
}

static int bind_failed(const struct link_setup *setup, int fd, int code)
{
	const char *interface = setup->config->interface;
	const unsigned int port = link_setup_port(setup);

	(void)close(fd);
	if (code == -EADDRINUSE) {
		return driver_fail(setup->error, code,
				   "%s: UDP port %u is in use; stop the other PTP program "
				   "(\"ss -ulpn sport = %u\" shows it)",
				   interface, port, port);
	}
	return privilege_fail(setup->error, code, PRIVILEGE_NET_BIND_SERVICE, interface,
			      port < 1024 ? "open UDP ports below 1024" : "bind a UDP port");
}

static int open_bound(const struct link_setup *setup, const struct sockaddr *wildcard,
		      socklen_t len)
{
	const struct link_config *config = setup->config;
	int fd = socket_open(wildcard->sa_family, SOCK_DGRAM, 0);
	int err;

	if (fd < 0) {
		return link_setup_fail(setup, -1, fd, "open a UDP socket");
	}
	/* Before bind(): the port is then taken on this interface only, and no message of another
	 * interface slips in. */
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, config->interface,
		       (socklen_t)strlen(config->interface) + 1)) {
		err = -errno;
		(void)close(fd);
		return privilege_fail(setup->error, err, PRIVILEGE_NET_RAW, config->interface,
				      "bind a socket to the interface");
	}
	err = config->share_ports ? socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) : 0;
	/* A second IPv6 socket must not take the IPv4 port as well. */
	if (!err && wildcard->sa_family == AF_INET6) {
		err = socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	}
	if (err) {
		return link_setup_fail(setup, fd, err, "set up a UDP socket");
	}
	if (bind(fd, wildcard, len)) {
		return bind_failed(setup, fd, -errno);
	}
	return fd;
}

static int join_groups(const struct link_setup *setup, const struct link_udp *udp, int fd)
{
	const struct gnomon_address *primary = &setup->config->primary;
	const struct gnomon_address *peer = &setup->config->peer;
	int err = 0;

	if (address_is_multicast(primary)) {
		err = udp->join(fd, primary, setup->ifindex);
	}
	if (!err && address_is_multicast(peer) && !address_equal(primary, peer)) {
		err = udp->join(fd, peer, setup->ifindex);
	}
	return err;
}

int link_open_udp(const struct link_setup *setup, const struct link_udp *udp,
		  const struct sockaddr *wildcard, socklen_t len)
{
	int fd = open_bound(setup, wildcard, len);
	int err;

	if (fd < 0) {
		return fd;
	}
	err = udp->set_options(setup, fd);
	if (err) {
		return link_setup_fail(setup, fd, err, udp->setting_options);
	}
	err = join_groups(setup, udp, fd);
	return err ? link_setup_fail(setup, fd, err, udp->joining) : fd;
}

static int check_config(const struct link_config *config, const struct link_family *family,
			const struct iface *iface, struct driver_error *error)
{
	if (config->primary.network_protocol != family->protocol ||
	    config->peer.network_protocol != family->protocol) {
		return driver_fail(error, -EINVAL,
				   "%s: a destination address is not one for %s",
				   config->interface, family->name);
	}
	if (family->needs_ethernet && !iface->ethernet) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: is no Ethernet interface; use network_transport UDPv4 or "
				   "UDPv6",
				   config->interface);
	}
	return 0;
}

static int check_stamping(const char *interface, enum timestamping_mode mode,
			  struct driver_error *error)
{
	struct timestamping_info info;
	int err = timestamping_query(interface, &info, error);

	return err ? err : timestamping_check(interface, &info, mode, error);
}

static int open_sockets(struct link *link, const struct link_config *config,
			struct driver_error *error)
{
	for (int i = 0; i < LINK_SOCKETS; i++) {
		const struct link_setup setup = { config, link->ifindex, (enum link_socket)i,
						  error };
		unsigned int flags = config->software_stamps ? timestamping_receive_flags() : 0;
		int err;

		link->fd[i] = link->family->open(&setup);
		if (link->fd[i] < 0) {
			return link->fd[i];
		}
		link->port[i] = link_setup_port(&setup);
		if (i == LINK_EVENT) {
			flags = link->stamp_flags;
		}
		err = config->socket_priority > 0 ?
			      socket_set(link->fd[i], SOL_SOCKET, SO_PRIORITY,
					 config->socket_priority) :
			      0;
		if (err) {
			return privilege_fail(error, err, PRIVILEGE_NET_ADMIN, config->interface,
					      "set socket_priority");
		}
		err = flags ? timestamping_socket(link->fd[i], flags) : 0;
		if (err) {
			return driver_fail(error, -EOPNOTSUPP,
					   "%s: the kernel refuses time_stamping %s: %s",
					   config->interface, timestamping_mode_name(link->mode),
					   driver_strerror(err));
		}
	}
	return 0;
}

static void init_link(struct link *link, const struct link_config *config,
		      const struct link_family *family)
{
	*link = (struct link){
		.family = family,
		.fd = { -1, -1 },
		.primary = config->primary,
		.peer = config->peer,
		.limit_peer = family->ttl_option && config->udp_ttl != 1,
		.stamp_flags = timestamping_event_flags(config->timestamping,
							config->software_stamps),
		.mode = config->timestamping,
		.filter = config->hwts_filter,
	};
	if (family->protocol == GNOMON_NETWORK_UDP_IPV6) {
		link->primary.octets[1] = (uint8_t)((link->primary.octets[1] & 0xf0) |
						    (config->udp6_scope & 0x0f));
	}
}

int link_open(struct link **link, const struct link_config *config, struct driver_error *error)
{
	const struct link_family *family = find_family(config->transport);
	const char *stamping = config->timestamping_interface ? config->timestamping_interface :
								config->interface;
	struct link_config final = *config;
	struct iface iface;
	struct link *l;
	int err = family ? iface_query(config->interface, &iface, error) :
			   driver_fail(error, -EINVAL, "%s: unknown transport", config->interface);

	if (!err) {
		err = check_config(config, family, &iface, error);
	}
	if (!err) {
		err = check_stamping(stamping, config->timestamping, error);
	}
	if (err) {
		return err;
	}
	l = malloc(sizeof(*l));
	if (!l) {
		return driver_fail(error, -ENOMEM, "%s: out of memory", config->interface);
	}
	init_link(l, config, family);
	l->ifindex = iface.index;
	final.primary = l->primary;
	err = open_sockets(l, &final, error);
	if (!err) {
		err = timestamping_enable(stamping, config->timestamping, config->hwts_filter,
					  config->transport, &l->saved, error);
	}
	if (err) {
		link_close(l);
		return err;
	}
	/* Without an address of its own yet the link is still good to receive. */
	(void)family->local(config->interface, &l->local);
	*link = l;
	return 0;
}

void link_close(struct link *link)
{
	if (!link) {
		return;
	}
	(void)timestamping_restore(&link->saved);
	for (int i = 0; i < LINK_SOCKETS; i++) {
		if (link->fd[i] >= 0) {
			(void)close(link->fd[i]);
		}
	}
	free(link);
}

int link_set_timestamping_interface(struct link *link, const char *interface,
				    struct driver_error *error)
{
	int err;

	(void)timestamping_restore(&link->saved);
	err = check_stamping(interface, link->mode, error);
	if (err) {
		return err;
	}
	return timestamping_enable(interface, link->mode, link->filter, link->family->protocol,
				   &link->saved, error);
}

void link_share_timestamping(struct link *link, const struct link *earlier)
{
	link->saved = earlier->saved;
}

void link_leave_timestamping(struct link *link)
{
	link->saved.changed = false;
}

void link_poll_fds(const struct link *link, struct pollfd fds[LINK_SOCKETS])
{
	for (int i = 0; i < LINK_SOCKETS; i++) {
		fds[i] = (struct pollfd){ .fd = link->fd[i], .events = POLLIN | POLLPRI };
	}
}

const struct gnomon_address *link_local_address(const struct link *link)
{
	return &link->local;
}

/* -- sending --------------------------------------------------------------------------------- */

static const struct gnomon_address *destination(const struct link *link,
						const struct gnomon_send *message)
{
	switch (message->destination) {
	case GNOMON_TO_PRIMARY:
		return &link->primary;
	case GNOMON_TO_PEER:
		return &link->peer;
	case GNOMON_TO_ADDRESS:
		return message->address.network_protocol == link->family->protocol ?
			       &message->address :
			       NULL;
	}
	return NULL;
}

/* Put control data "TTL 1"; returns its length. */
static size_t put_ttl(const struct link *link, struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	const int ttl = 1;

	cmsg->cmsg_level = link->family->ttl_level;
	cmsg->cmsg_type = link->family->ttl_option;
	cmsg->cmsg_len = CMSG_LEN(sizeof(ttl));
	memcpy(CMSG_DATA(cmsg), &ttl, sizeof(ttl));
	return CMSG_SPACE(sizeof(ttl));
}

int link_send(struct link *link, const struct gnomon_send *message, uint32_t *key)
{
	static const uint8_t trailer[2];
	const bool event = message->channel == GNOMON_CHANNEL_EVENT;
	const enum link_socket which = event ? LINK_EVENT : LINK_GENERAL;
	const struct gnomon_address *to = destination(link, message);
	struct sockaddr_storage name;
	union {
		char octets[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)message->data, message->len },
		{ (void *)(uintptr_t)trailer, link->family->trailer },
	};
	struct msghdr msg = {
		.msg_name = &name,
		.msg_iov = iov,
		.msg_iovlen = link->family->trailer ? 2 : 1,
	};
	int err = 0;

	if (!to) {
		return -EINVAL;
	}
	msg.msg_namelen = address_to_sockaddr(to, link->port[which], link->ifindex, &name);
	if (link->limit_peer && message->destination == GNOMON_TO_PEER) {
		msg.msg_control = control.octets;
		msg.msg_controllen = sizeof(control.octets);
		msg.msg_controllen = put_ttl(link, &msg);
	}
	if (sendmsg(link->fd[which], &msg, 0) < 0) {
		err = -errno;
	}
	if (event && err) {
		if (!timestamping_restart_keys(link->fd[which], link->stamp_flags)) {
			link_keys_restarted(&link->keys);
		}
	} else if (event) {
		const uint32_t sent = link_keys_sent(&link->keys);

		if (key) {
			*key = sent;
		}
	}
	return err;
}

/* -- receiving ------------------------------------------------------------------------------- */

/* Room for control data, aligned for it. */
union control {
	char octets[TIMESTAMPING_CONTROL_SIZE];
	struct cmsghdr align;
};

/* A packet socket also sees what goes out, and what is meant for others. */
static bool is_for_us(const struct sockaddr_storage *name)
{
	struct sockaddr_ll ll;

	if (name->ss_family != AF_PACKET) {
		return true;
	}
	memcpy(&ll, name, sizeof(ll));
	return ll.sll_pkttype != PACKET_OUTGOING && ll.sll_pkttype != PACKET_OTHERHOST &&
	       ll.sll_pkttype != PACKET_LOOPBACK;
}

int link_receive(struct link *link, enum link_socket which, void *data, size_t size,
		 struct link_rx *rx)
{
	struct timestamping_control parsed;
	struct gnomon_address source;
	struct sockaddr_storage name;
	union control control;
	struct iovec iov = { data, size };
	struct msghdr msg = {
		.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets),
	};
	const ssize_t len = recvmsg(link->fd[which], &msg, 0);

	if (len < 0) {
		return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	if (address_from_sockaddr(&name, msg.msg_namelen, &source) || !is_for_us(&name)) {
		return -EAGAIN;
	}
	timestamping_parse(&msg, &parsed);
	rx->channel = which == LINK_EVENT ? GNOMON_CHANNEL_EVENT : GNOMON_CHANNEL_GENERAL;
	rx->len = (size_t)len;
	rx->stamps = parsed.stamps;
	rx->source = source;
	return 0;
}

int link_receive_stamp(struct link *link, enum link_socket which, struct link_stamp *stamp)
{
	struct timestamping_control parsed;
	union control control;
	char data;
	struct iovec iov = { &data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets),
	};
	int err;

	if (recvmsg(link->fd[which], &msg, MSG_ERRQUEUE) < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
			return -errno;
		}
		/* POLLERR without an entry is a socket error, which would be reported forever. */
		err = socket_error(link->fd[which]);
		return err ? err : -EAGAIN;
	}
	timestamping_parse(&msg, &parsed);
	if (!parsed.stamps.has_software && !parsed.stamps.has_hardware) {
		return -ENOMSG;
	}
	stamp->stamps = parsed.stamps;
	stamp->key = link_keys_stamped(&link->keys, parsed.has_key, parsed.key);
	return 0;
}
