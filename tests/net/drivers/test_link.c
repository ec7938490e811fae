/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/link.h on a veth pair between two network namespaces: every transport sends and receives
 * with software stamps and the right keys, and everything that can be wrong says so.
 *
 * veth has no hardware time stamping: that it is refused is tested here, that SIOCSHWTSTAMP's
 * setting is put back is not; that needs an interface that has one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/address.h"
#include "drivers/iface.h"
#include "drivers/link.h"
#include "drivers/timestamping_netlink.h"
#include "tests/net/drivers/namespace.h"

#define WAIT_MS 2000
#define QUIET_MS 50

static const enum gnomon_network_protocol transports[] = {
	GNOMON_NETWORK_UDP_IPV4,
	GNOMON_NETWORK_UDP_IPV6,
	GNOMON_NETWORK_IEEE_802_3,
};

#define EACH_TRANSPORT(t) \
	for (const enum gnomon_network_protocol *t = transports; t < transports + 3; t++)

/* -- helpers --------------------------------------------------------------------------------- */

static struct link_config default_config(enum side side, enum gnomon_network_protocol transport)
{
	struct link_config config;

	link_config_default(&config, transport);
	config.interface = side_interface[side];
	return config;
}

/* Open links of the running test, so that one that fails leaves nothing to the next. */
static struct link *open_links[4];

static struct link **slot_of(const struct link *link)
{
	for (size_t i = 0; i < sizeof(open_links) / sizeof(open_links[0]); i++) {
		if (open_links[i] == link) {
			return &open_links[i];
		}
	}
	fail_msg("no slot for a link");
	return NULL;
}

static struct link *open_with(enum side side, const struct link_config *config)
{
	struct link **slot = slot_of(NULL);
	struct driver_error error = { "" };

	namespace_enter(side);
	if (link_open(slot, config, &error)) {
		fail_msg("%s", error.text);
	}
	return *slot;
}

static void close_link(struct link *link)
{
	*slot_of(link) = NULL;
	link_close(link);
}

static int close_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(open_links) / sizeof(open_links[0]); i++) {
		link_close(open_links[i]);
		open_links[i] = NULL;
	}
	return 0;
}

static struct link *open_link(enum side side, enum gnomon_network_protocol transport)
{
	const struct link_config config = default_config(side, transport);

	return open_with(side, &config);
}

/* Events of one socket within ms. */
static short wait_for(const struct link *link, enum link_socket which, int ms)
{
	struct pollfd fds[LINK_SOCKETS];

	link_poll_fds(link, fds);
	return poll(&fds[which], 1, ms) > 0 ? fds[which].revents : 0;
}

/* Is anything to be read, apart from what the error queue says? */
static bool is_quiet(const struct link *link)
{
	struct pollfd fds[LINK_SOCKETS];

	link_poll_fds(link, fds);
	for (int i = 0; i < LINK_SOCKETS; i++) {
		fds[i].events = POLLIN;
	}
	(void)poll(fds, LINK_SOCKETS, QUIET_MS);
	return !((fds[0].revents | fds[1].revents) & POLLIN);
}

/* 44 octets that start as a PTP message of that type does; L2 sorts by it. */
static struct gnomon_send message(enum gnomon_msg_type type, enum gnomon_channel channel,
				  enum gnomon_destination destination, uint8_t data[44])
{
	for (uint8_t i = 0; i < 44; i++) {
		data[i] = i;
	}
	data[0] = (uint8_t)type;
	return (struct gnomon_send){ .type = type, .channel = channel, .destination = destination,
				     .data = data, .len = 44 };
}

static uint32_t send_sync(struct link *link)
{
	uint8_t data[44];
	const struct gnomon_send sync = message(GNOMON_MSG_SYNC, GNOMON_CHANNEL_EVENT,
						GNOMON_TO_PRIMARY, data);
	uint32_t key = UINT32_MAX;

	assert_int_equal(link_send(link, &sync, &key), 0);
	return key;
}

static struct link_stamp expect_stamp(struct link *link)
{
	struct link_stamp stamp;

	assert_true(wait_for(link, LINK_EVENT, WAIT_MS) & (POLLPRI | POLLERR));
	assert_int_equal(link_receive_stamp(link, LINK_EVENT, &stamp), 0);
	assert_true(stamp.stamps.has_software);
	assert_false(stamp.stamps.has_hardware);
	return stamp;
}

static struct link_rx expect_message(struct link *link, enum link_socket which,
				     const struct gnomon_send *sent)
{
	uint8_t data[LINK_MTU];
	struct link_rx rx;

	assert_true(wait_for(link, which, WAIT_MS) & POLLIN);
	assert_int_equal(link_receive(link, which, data, sizeof(data), &rx), 0);
	assert_true(rx.len >= sent->len);
	assert_memory_equal(data, sent->data, sent->len);
	assert_int_equal(rx.channel,
			 which == LINK_EVENT ? GNOMON_CHANNEL_EVENT : GNOMON_CHANNEL_GENERAL);
	return rx;
}

static void assert_error(int got, int code, const struct driver_error *error, const char *where,
			 const char *what)
{
	if (got != code || strstr(error->text, where) != error->text ||
	    !strstr(error->text, what)) {
		fail_msg("got %d, \"%s\"; wanted %d, \"%s...%s\"", got, error->text, code, where,
			 what);
	}
}

/* -- what works ------------------------------------------------------------------------------ */

static void exchange(enum gnomon_network_protocol transport)
{
	static const size_t trailer[] = {
		[GNOMON_NETWORK_UDP_IPV4] = 0,
		[GNOMON_NETWORK_UDP_IPV6] = 2,
		[GNOMON_NETWORK_IEEE_802_3] = 2, /* padding to Ethernet's minimum of 46 */
	};
	struct link *a = open_link(SIDE_A, transport);
	struct link *b = open_link(SIDE_B, transport);
	uint8_t data[44];
	const struct gnomon_send sync = message(GNOMON_MSG_SYNC, GNOMON_CHANNEL_EVENT,
						GNOMON_TO_PRIMARY, data);
	uint32_t key = UINT32_MAX;
	struct link_stamp stamp;
	struct link_rx rx;
	gnomon_span took;

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(link_send(a, &sync, &key), 0);
		assert_int_equal(key, i);
		stamp = expect_stamp(a);
		assert_int_equal(stamp.key, key);
		rx = expect_message(b, LINK_EVENT, &sync);
		/* veth pads nothing; a trailer on L2 is only what a NIC would add. */
		assert_true(rx.len == sync.len + trailer[transport] ||
			    (transport == GNOMON_NETWORK_IEEE_802_3 && rx.len == sync.len));
		assert_true(rx.stamps.has_software);
		took = gnomon_time_diff(rx.stamps.software, stamp.stamps.software);
		assert_in_range(took.ns, 0, GNOMON_NSEC_PER_SEC);
		assert_true(address_equal(&rx.source, link_local_address(a)));
		assert_int_equal(rx.source.udp_port,
				 transport == GNOMON_NETWORK_IEEE_802_3 ? 0 : 319);
	}
	assert_true(is_quiet(a)); /* nothing of our own comes back */
	close_link(a);
	close_link(b);
}

static void multicast_with_stamps(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		exchange(*t);
	}
}

static void general_and_peer(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		struct link *a = open_link(SIDE_A, *t);
		struct link *b = open_link(SIDE_B, *t);
		uint8_t data[44];
		struct gnomon_send m = message(GNOMON_MSG_ANNOUNCE, GNOMON_CHANNEL_GENERAL,
					       GNOMON_TO_PRIMARY, data);

		assert_int_equal(link_send(b, &m, NULL), 0);
		assert_false(expect_message(a, LINK_GENERAL, &m).stamps.has_software);
		m = message(GNOMON_MSG_PDELAY_REQ, GNOMON_CHANNEL_EVENT, GNOMON_TO_PEER, data);
		assert_int_equal(link_send(b, &m, NULL), 0);
		(void)expect_message(a, LINK_EVENT, &m);
		m = message(GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, GNOMON_CHANNEL_GENERAL,
			    GNOMON_TO_PEER, data);
		assert_int_equal(link_send(b, &m, NULL), 0);
		(void)expect_message(a, LINK_GENERAL, &m);
		/* General messages ask for no stamp: the error queue stays empty. */
		assert_int_equal(wait_for(b, LINK_GENERAL, QUIET_MS), 0);
		assert_true(is_quiet(a) && is_quiet(b));
		close_link(a);
		close_link(b);
	}
}

static void unicast_answer(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		struct link *a = open_link(SIDE_A, *t);
		struct link *b = open_link(SIDE_B, *t);
		uint8_t data[44];
		struct gnomon_send m = message(GNOMON_MSG_DELAY_REQ, GNOMON_CHANNEL_EVENT,
					       GNOMON_TO_PRIMARY, data);

		assert_int_equal(link_send(a, &m, NULL), 0);
		const struct link_rx rx = expect_message(b, LINK_EVENT, &m);

		m = message(GNOMON_MSG_DELAY_RESP, GNOMON_CHANNEL_GENERAL, GNOMON_TO_ADDRESS, data);
		m.address = rx.source;
		assert_int_equal(link_send(b, &m, NULL), 0);
		(void)expect_message(a, LINK_GENERAL, &m);
		/* An address of another kind is refused, not sent somewhere. */
		m.address.network_protocol = 4;
		assert_int_equal(link_send(b, &m, NULL), -EINVAL);
		close_link(a);
		close_link(b);
	}
}

static void stamps_are_told_apart(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		struct link *a = open_link(SIDE_A, *t);
		gnomon_time last = { 0, 0, 0 };

		for (uint32_t i = 0; i < 20; i++) {
			assert_int_equal(send_sync(a), i);
		}
		for (uint32_t i = 0; i < 20; i++) {
			const struct link_stamp stamp = expect_stamp(a);

			assert_int_equal(stamp.key, i);
			assert_true(gnomon_time_cmp(stamp.stamps.software, last) >= 0);
			last = stamp.stamps.software;
		}
		assert_int_equal(wait_for(a, LINK_EVENT, QUIET_MS), 0);
		close_link(a);
	}
}

static void software_stamps_on_both(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		struct link_config config = default_config(SIDE_A, *t);
		struct link *b = open_link(SIDE_B, *t);
		struct link *a;
		uint8_t data[44];
		struct gnomon_send m = message(GNOMON_MSG_FOLLOW_UP, GNOMON_CHANNEL_GENERAL,
					       GNOMON_TO_PRIMARY, data);

		config.software_stamps = true;
		a = open_with(SIDE_A, &config);
		assert_int_equal(link_send(b, &m, NULL), 0);
		assert_true(expect_message(a, LINK_GENERAL, &m).stamps.has_software);
		close_link(a);
		close_link(b);
	}
}

static void only_ptp_of_the_right_kind(void **state)
{
	struct link *a = open_link(SIDE_A, GNOMON_NETWORK_IEEE_802_3);
	struct link *b = open_link(SIDE_B, GNOMON_NETWORK_IEEE_802_3);
	uint8_t data[44];
	struct gnomon_send m = message(GNOMON_MSG_ANNOUNCE, GNOMON_CHANNEL_EVENT, GNOMON_TO_PRIMARY,
				       data);

	(void)state;
	/* Ethernet has one channel: a general message sent by the event socket is general. */
	assert_int_equal(link_send(a, &m, NULL), 0);
	(void)expect_message(b, LINK_GENERAL, &m);
	/* For somebody else, though the wire brings it: refused. */
	m.channel = GNOMON_CHANNEL_GENERAL;
	m.destination = GNOMON_TO_ADDRESS;
	assert_int_equal(address_parse(GNOMON_NETWORK_IEEE_802_3, "02:00:00:00:00:99", &m.address),
			 0);
	namespace_run(SIDE_B, "ip link set gnb promisc on");
	assert_int_equal(link_send(a, &m, NULL), 0);
	assert_true(is_quiet(b));
	namespace_run(SIDE_B, "ip link set gnb promisc off");
	close_link(a);
	close_link(b);
}

/* A plain socket on side B that sees TTL and TOS of what arrives. */
static int open_probe(const char *group)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(319) };
	struct ip_mreqn mreq = { .imr_ifindex = 0 };
	struct gnomon_address address;
	struct iface iface;
	const int on = 1;
	int fd;

	namespace_enter(SIDE_B);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(iface_query(side_interface[SIDE_B], &iface, NULL), 0);
	assert_int_equal(address_parse(GNOMON_NETWORK_UDP_IPV4, group, &address), 0);
	memcpy(&mreq.imr_multiaddr, address.octets, 4);
	mreq.imr_ifindex = (int)iface.index;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), 0);
	return fd;
}

static void read_probe(int fd, int *ttl, int *tos)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	union {
		char octets[256];
		struct cmsghdr align;
	} control;
	char data[100];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.octets,
			      .msg_controllen = sizeof(control) };

	assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
	assert_true(recvmsg(fd, &msg, 0) > 0);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_type == IP_TTL) {
			memcpy(ttl, CMSG_DATA(c), sizeof(*ttl));
		} else if (c->cmsg_type == IP_TOS) {
			*tos = *CMSG_DATA(c);
		}
	}
}

/* The peer's messages are for the link only, whatever udp_ttl is (annex C.3). */
static void ttl_and_dscp(void **state)
{
	static const struct {
		const char *group;
		enum gnomon_destination to;
		int ttl;
	} rows[] = {
		{ "224.0.1.129", GNOMON_TO_PRIMARY, 7 },
		{ "224.0.0.107", GNOMON_TO_PEER, 1 },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct link_config config = default_config(SIDE_A, GNOMON_NETWORK_UDP_IPV4);
		int fd = open_probe(rows[i].group);
		int ttl = -1;
		int tos = -1;
		uint8_t data[44];
		const struct gnomon_send m = message(GNOMON_MSG_PDELAY_REQ, GNOMON_CHANNEL_EVENT,
						     rows[i].to, data);
		struct link *a;

		config.udp_ttl = 7;
		config.dscp_event = 46;
		a = open_with(SIDE_A, &config);
		assert_int_equal(link_send(a, &m, NULL), 0);
		read_probe(fd, &ttl, &tos);
		assert_int_equal(ttl, rows[i].ttl);
		assert_int_equal(tos, 46 << 2);
		(void)close(fd);
		close_link(a);
	}
}

/* The other side takes the configuration of a as well, and then hears it. */
static void join_in(struct link *a, struct link *b, struct link_config config)
{
	close_link(b);
	config.interface = side_interface[SIDE_B];
	b = open_with(SIDE_B, &config);
	(void)send_sync(a);
	assert_true(wait_for(b, LINK_EVENT, WAIT_MS) & POLLIN);
	close_link(a);
	close_link(b);
}

static void other_ports_and_groups(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		struct link_config config = default_config(SIDE_A, *t);
		struct link *b = open_link(SIDE_B, *t);
		struct link *a;

		config.event_port = 10319;
		config.general_port = 10320;
		if (*t == GNOMON_NETWORK_IEEE_802_3) {
			assert_int_equal(address_parse(*t, "01:1b:19:00:00:77", &config.primary),
					 0);
		}
		a = open_with(SIDE_A, &config);
		(void)send_sync(b);
		/* Not the port of this one. Ethernet groups are the NIC's to filter, and veth
		 * passes them all. */
		assert_true(*t == GNOMON_NETWORK_IEEE_802_3 || is_quiet(a));
		join_in(a, b, config);
	}
}

/* udp6_scope picks the group: FF05::181 and FF0E::181 do not hear each other. */
static void ipv6_scope(void **state)
{
	struct link_config config = default_config(SIDE_A, GNOMON_NETWORK_UDP_IPV6);
	struct link *b = open_link(SIDE_B, GNOMON_NETWORK_UDP_IPV6);
	struct link *a;

	(void)state;
	config.udp6_scope = 5;
	a = open_with(SIDE_A, &config);
	(void)send_sync(a);
	assert_true(is_quiet(b));
	join_in(a, b, config);
}

/* -- what goes wrong ------------------------------------------------------------------------- */

/* While the link is down sends fail; afterwards keys and stamps still belong together. */
static void survives_link_down(void **state)
{
	(void)state;
	EACH_TRANSPORT(t) {
		struct link *a = open_link(SIDE_A, *t);
		uint8_t data[44];
		const struct gnomon_send m = message(GNOMON_MSG_SYNC, GNOMON_CHANNEL_EVENT,
						     GNOMON_TO_PRIMARY, data);
		struct link_stamp stamp;
		uint32_t key = 77;
		int err = 0;

		assert_int_equal(send_sync(a), 0);
		assert_int_equal(expect_stamp(a).key, 0);
		namespace_run(SIDE_A, "ip link set gna down");
		for (int i = 0; i < 3; i++) {
			err = link_send(a, &m, &key);
			if (err == 0) {
				/* IPv4 with a route left behind: dropped on the way. */
				key = 77;
			}
		}
		/* Errors of the socket are reported once, not forever. */
		for (int i = 0; i < 4 && wait_for(a, LINK_EVENT, 0) & POLLERR; i++) {
			err = link_receive_stamp(a, LINK_EVENT, &stamp);
			assert_true(err == -ENETDOWN || err == -EAGAIN);
		}
		assert_int_equal(wait_for(a, LINK_EVENT, 0), 0);
		assert_int_equal(key, 77); /* a failed send draws no key */
		namespace_run(SIDE_A, "ip link set gna up && "
				      "ip address replace fe80::a/64 dev gna nodad");
		while (iface_is_up(side_interface[SIDE_A]) == 0) {
			usleep(1000);
		}
		for (int i = 0; i < 3; i++) {
			key = send_sync(a);
			assert_int_equal(expect_stamp(a).key, key);
		}
		close_link(a);
	}
}

static void nothing_there(void **state)
{
	struct link *a = open_link(SIDE_A, GNOMON_NETWORK_UDP_IPV4);
	struct link_stamp stamp;
	struct link_rx rx;
	uint8_t data[8];

	(void)state;
	assert_int_equal(link_receive(a, LINK_EVENT, data, sizeof(data), &rx), -EAGAIN);
	assert_int_equal(link_receive_stamp(a, LINK_EVENT, &stamp), -EAGAIN);
	close_link(a);
	link_close(NULL);
}

static void cut_to_the_buffer(void **state)
{
	struct link *a = open_link(SIDE_A, GNOMON_NETWORK_UDP_IPV4);
	struct link *b = open_link(SIDE_B, GNOMON_NETWORK_UDP_IPV4);
	struct link_rx rx;
	uint8_t data[9] = { 0 };

	(void)state;
	(void)send_sync(a);
	assert_true(wait_for(b, LINK_EVENT, WAIT_MS) & POLLIN);
	assert_int_equal(link_receive(b, LINK_EVENT, data, 8, &rx), 0);
	assert_int_equal(rx.len, 8);
	assert_int_equal(data[8], 0);
	close_link(a);
	close_link(b);
}

static void missing_interface(void **state)
{
	(void)state;
	namespace_enter(SIDE_A);
	EACH_TRANSPORT(t) {
		struct link_config config = default_config(SIDE_A, *t);
		struct driver_error error = { "" };
		struct link *link = NULL;

		config.interface = "gn-none";
		assert_error(link_open(&link, &config, &error), -ENODEV, &error, "gn-none: ",
			     "no such network interface");
		assert_null(link);
	}
}

static void port_in_use(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct link_config config = default_config(SIDE_A, transports[i]);
		struct link *first = open_with(SIDE_A, &config);
		struct driver_error error = { "" };
		struct link *second = NULL;

		assert_error(link_open(&second, &config, &error), -EADDRINUSE, &error, "gna: ",
			     "UDP port 319 is in use");
		/* Both transports side by side are no conflict, nor is another interface. */
		config = default_config(SIDE_A, transports[1 - i]);
		second = open_with(SIDE_A, &config);
		close_link(second);
		config = default_config(SIDE_A, transports[i]);
		config.interface = "lo";
		second = open_with(SIDE_A, &config);
		close_link(second);
		close_link(first);
		/* Two that agree to share. */
		config = default_config(SIDE_A, transports[i]);
		config.share_ports = true;
		first = open_with(SIDE_A, &config);
		second = open_with(SIDE_A, &config);
		close_link(first);
		close_link(second);
	}
}

static void no_hardware(void **state)
{
	static const enum timestamping_mode modes[] = {
		TIMESTAMPING_HARDWARE, TIMESTAMPING_LEGACY, TIMESTAMPING_ONESTEP,
		TIMESTAMPING_P2P1STEP,
	};

	(void)state;
	namespace_enter(SIDE_A);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct link_config config = default_config(SIDE_A, GNOMON_NETWORK_UDP_IPV4);
		struct timestamping_saved saved;
		struct driver_error error = { "" };
		struct link *link = NULL;

		config.timestamping = modes[i];
		assert_error(link_open(&link, &config, &error), -EOPNOTSUPP, &error, "gna: ",
			     "use time_stamping software");
		/* And what an interface that claims too much would get. */
		assert_error(timestamping_enable("gna", modes[i], TIMESTAMPING_FILTER_NORMAL,
						 GNOMON_NETWORK_UDP_IPV4, &saved, &error),
			     -EOPNOTSUPP, &error, "gna: ", "no hardware time stamping");
	}
}

static void not_ethernet(void **state)
{
	struct link_config config = default_config(SIDE_A, GNOMON_NETWORK_IEEE_802_3);
	struct driver_error error = { "" };
	struct link *link = NULL;

	(void)state;
	config.interface = "lo";
	namespace_enter(SIDE_A);
	assert_error(link_open(&link, &config, &error), -EOPNOTSUPP, &error, "lo: ",
		     "is no Ethernet interface");
}

static void mixed_up_addresses(void **state)
{
	struct link_config config = default_config(SIDE_A, GNOMON_NETWORK_UDP_IPV4);
	const struct link_config other = default_config(SIDE_A, GNOMON_NETWORK_UDP_IPV6);
	struct driver_error error = { "" };
	struct link *link = NULL;

	(void)state;
	config.peer = other.peer;
	namespace_enter(SIDE_A);
	assert_error(link_open(&link, &config, &error), -EINVAL, &error, "gna: ",
		     "is not one for UDPv4");
	config.transport = (enum gnomon_network_protocol)4;
	assert_error(link_open(&link, &config, &error), -EINVAL, &error, "gna: ",
		     "unknown transport");
}

/* Run in a child without capabilities: 0 if opening fails as it should. */
static int open_unprivileged(enum gnomon_network_protocol transport, const char *what)
{
	const struct link_config config = default_config(SIDE_A, transport);
	struct driver_error error = { "" };
	struct link *link = NULL;
	int err;

	namespace_drop_privileges();
	err = link_open(&link, &config, &error);
	if ((err != -EPERM && err != -EACCES) || strstr(error.text, "gna: ") != error.text ||
	    !strstr(error.text, what)) {
		(void)fprintf(stderr, "got %d, \"%s\"\n", err, error.text);
		return 1;
	}
	return 0;
}

static void no_permission(void **state)
{
	(void)state;
	namespace_enter(SIDE_A);
	EACH_TRANSPORT(t) {
		const char *what = *t == GNOMON_NETWORK_IEEE_802_3 ? "CAP_NET_RAW" :
								     "CAP_NET_BIND_SERVICE";
		pid_t child = fork();
		int status = -1;

		assert_true(child >= 0);
		if (child == 0) {
			_exit(open_unprivileged(*t, what));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* Above 1024 UDP needs no privilege at all. */
static void unprivileged_ports(void **state)
{
	pid_t child;
	int status = -1;

	(void)state;
	namespace_enter(SIDE_A);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct link_config config = default_config(SIDE_A, GNOMON_NETWORK_UDP_IPV4);
		struct driver_error error = { "" };
		struct link *link = NULL;

		config.event_port = 10319;
		config.general_port = 10320;
		namespace_drop_privileges();
		if (link_open(&link, &config, &error)) {
			(void)fprintf(stderr, "%s\n", error.text);
			_exit(1);
		}
		link_close(link);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void capabilities(void **state)
{
	struct timestamping_info by_netlink;
	struct timestamping_info info;
	struct driver_error error = { "" };

	(void)state;
	namespace_enter(SIDE_A);
	assert_int_equal(timestamping_query("gna", &info, &error), 0);
	assert_int_equal(timestamping_check("gna", &info, TIMESTAMPING_SOFTWARE, &error), 0);
	assert_int_equal(timestamping_query_netlink("gna", &by_netlink), 0);
	assert_int_equal(info.so_timestamping, by_netlink.so_timestamping);
	assert_int_equal(timestamping_query_netlink("gn-none", &by_netlink), -ENODEV);
	assert_int_equal(timestamping_query("gn-none", &info, &error), -ENODEV);
}

static void local_addresses(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "fe80::a", "02:00:00:00:00:0a" };
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct link *a = open_link(SIDE_A, transports[i]);

		assert_string_equal(address_format(link_local_address(a), text), texts[i]);
		close_link(a);
	}
}

/*
 * The kernel stamps received packets only while somebody wants it, and wakes that up some time
 * after being asked: the first messages a daemon gets may have none. One socket that wants it keeps
 * it awake for the tests. Returns the socket, -1 if no stamp came.
 */
static int keep_stamping_awake(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || timestamping_socket(fd, timestamping_receive_flags()) ||
	    bind(fd, (const struct sockaddr *)&name, len) ||
	    getsockname(fd, (struct sockaddr *)&name, &len)) {
		return -1;
	}
	for (int i = 0; i < 1000; i++) {
		struct timestamping_control parsed;
		union {
			char octets[TIMESTAMPING_CONTROL_SIZE];
			struct cmsghdr align;
		} control;
		struct msghdr msg = { .msg_control = control.octets,
				      .msg_controllen = sizeof(control) };

		if (sendto(fd, "", 0, 0, (const struct sockaddr *)&name, len) < 0 ||
		    recvmsg(fd, &msg, 0) < 0) {
			return -1;
		}
		timestamping_parse(&msg, &parsed);
		if (parsed.stamps.has_software) {
			return fd;
		}
		usleep(1000);
	}
	return -1;
}

#define ROW(name, function) { name, function, NULL, close_all, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("/drivers/link/multicast_with_stamps", multicast_with_stamps),
		ROW("/drivers/link/general_and_peer", general_and_peer),
		ROW("/drivers/link/unicast_answer", unicast_answer),
		ROW("/drivers/link/stamps_are_told_apart", stamps_are_told_apart),
		ROW("/drivers/link/software_stamps_on_both", software_stamps_on_both),
		ROW("/drivers/link/only_ptp_of_the_right_kind", only_ptp_of_the_right_kind),
		ROW("/drivers/link/ttl_and_dscp", ttl_and_dscp),
		ROW("/drivers/link/other_ports_and_groups", other_ports_and_groups),
		ROW("/drivers/link/ipv6_scope", ipv6_scope),
		ROW("/drivers/link/survives_link_down", survives_link_down),
		ROW("/drivers/link/nothing_there", nothing_there),
		ROW("/drivers/link/cut_to_the_buffer", cut_to_the_buffer),
		ROW("/drivers/link/missing_interface", missing_interface),
		ROW("/drivers/link/port_in_use", port_in_use),
		ROW("/drivers/link/no_hardware", no_hardware),
		ROW("/drivers/link/not_ethernet", not_ethernet),
		ROW("/drivers/link/mixed_up_addresses", mixed_up_addresses),
		ROW("/drivers/link/no_permission", no_permission),
		ROW("/drivers/link/unprivileged_ports", unprivileged_ports),
		ROW("/drivers/link/capabilities", capabilities),
		ROW("/drivers/link/local_addresses", local_addresses),
	};

	if (!namespace_start()) {
		return 0;
	}
	if (keep_stamping_awake() < 0) {
		print_message("Bail out! the kernel does not stamp received packets\n");
		return 1;
	}
	return cmocka_run_group_tests_name("/drivers/link", tests, NULL, NULL);
}
