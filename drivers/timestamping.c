/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/timestamping.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "drivers/iface.h"
#include "drivers/privilege.h"
#include "drivers/socket.h"
#include "drivers/timestamping_netlink.h"

/* linux/if_packet.h and netpacket/packet.h exclude each other; only this number is needed. */
#ifndef PACKET_TX_TIMESTAMP
#define PACKET_TX_TIMESTAMP 16
#endif

/* What each mode asks of an interface. */
static const struct mode {
	const char *name;
	enum gnomon_stamp_source source;
	uint32_t needs;   /* SOF_TIMESTAMPING_* of the interface */
	uint32_t flags;   /* SOF_TIMESTAMPING_* of the socket */
	int tx_type;      /* HWTSTAMP_TX_* */
} modes[] = {
	[TIMESTAMPING_HARDWARE] = {
		"hardware", GNOMON_STAMP_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE,
		HWTSTAMP_TX_ON,
	},
	[TIMESTAMPING_SOFTWARE] = {
		"software", GNOMON_STAMP_SYSTEM,
		SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
			SOF_TIMESTAMPING_SOFTWARE,
		SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
			SOF_TIMESTAMPING_SOFTWARE,
		HWTSTAMP_TX_OFF,
	},
	[TIMESTAMPING_LEGACY] = {
		"legacy", GNOMON_STAMP_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_SYS_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_SYS_HARDWARE,
		HWTSTAMP_TX_ON,
	},
	[TIMESTAMPING_ONESTEP] = {
		"onestep", GNOMON_STAMP_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE,
		HWTSTAMP_TX_ONESTEP_SYNC,
	},
	[TIMESTAMPING_P2P1STEP] = {
		"p2p1step", GNOMON_STAMP_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE,
		SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			SOF_TIMESTAMPING_RAW_HARDWARE,
		HWTSTAMP_TX_ONESTEP_P2P,
	},
};

const char *timestamping_mode_name(enum timestamping_mode mode)
{
	return modes[mode].name;
}

enum gnomon_stamp_source timestamping_mode_source(enum timestamping_mode mode)
{
	return modes[mode].source;
}

/* -- capabilities ---------------------------------------------------------------------------- */

/* The question by ioctl, for kernels and simulators without ethtool's netlink. */
static int query_ioctl(const char *interface, struct timestamping_info *info)
{
	struct ethtool_ts_info reply = { .cmd = ETHTOOL_GET_TS_INFO };
	struct ifreq request = { .ifr_data = (char *)&reply };
	int fd = socket_control();
	int err;

	if (fd < 0) {
		return fd;
	}
	memcpy(request.ifr_name, interface, strnlen(interface, sizeof(request.ifr_name) - 1));
	err = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	(void)close(fd);
	if (err) {
		return err;
	}
	*info = (struct timestamping_info){
		.so_timestamping = reply.so_timestamping,
		.tx_types = reply.tx_types,
		.rx_filters = reply.rx_filters,
		.phc_index = reply.phc_index,
	};
	return 0;
}

int timestamping_query(const char *interface, struct timestamping_info *info,
		       struct driver_error *error)
{
	struct iface iface;
	int err = iface_query(interface, &iface, error);

	if (err) {
		return err;
	}
	if (timestamping_query_netlink(interface, info) && query_ioctl(interface, info)) {
		*info = (struct timestamping_info){
			.so_timestamping = modes[TIMESTAMPING_SOFTWARE].needs,
			.phc_index = -1,
		};
	}
	return 0;
}

int timestamping_check(const char *interface, const struct timestamping_info *info,
		       enum timestamping_mode mode, struct driver_error *error)
{
	const struct mode *m = &modes[mode];
	const uint32_t missing = m->needs & ~info->so_timestamping;

	if (missing & (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
		       SOF_TIMESTAMPING_SOFTWARE)) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: its driver has no software time stamping of %s packets; "
				   "use another interface",
				   interface,
				   missing & SOF_TIMESTAMPING_TX_SOFTWARE ? "sent" : "received");
	}
	if (missing & (SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE)) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: no hardware time stamping of %s packets; use "
				   "time_stamping software",
				   interface,
				   missing & SOF_TIMESTAMPING_TX_HARDWARE ? "sent" : "received");
	}
	if (missing) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: time_stamping %s is not how it reports hardware stamps; "
				   "use time_stamping %s",
				   interface, m->name,
				   mode == TIMESTAMPING_LEGACY ? "hardware" : "software");
	}
	/* A driver that lists no transmit types says nothing; SIOCSHWTSTAMP will tell. */
	if (m->source == GNOMON_STAMP_HARDWARE && info->tx_types > 1u << HWTSTAMP_TX_OFF &&
	    !(info->tx_types & 1u << m->tx_type)) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: cannot do time_stamping %s; use time_stamping hardware",
				   interface, m->name);
	}
	return 0;
}

/* -- SIOCSHWTSTAMP --------------------------------------------------------------------------- */

static int hwtstamp(const char *interface, unsigned long number, struct hwtstamp_config *config)
{
	struct ifreq request = { .ifr_data = (char *)config };
	int fd = socket_control();
	int err;

	if (fd < 0) {
		return fd;
	}
	memcpy(request.ifr_name, interface, strnlen(interface, sizeof(request.ifr_name) - 1));
	err = ioctl(fd, number, &request) ? -errno : 0;
	(void)close(fd);
	return err;
}

/* A bond passes the request on to its active port only when asked by flag. */
static int set_hwtstamp(const char *interface, struct hwtstamp_config *config)
{
	struct hwtstamp_config bonded = *config;
	int err = hwtstamp(interface, SIOCSHWTSTAMP, config);

	if (err == -EOPNOTSUPP && config->flags == 0) {
		bonded.flags = HWTSTAMP_FLAG_BONDED_PHC_INDEX;
		err = hwtstamp(interface, SIOCSHWTSTAMP, &bonded);
		if (!err) {
			*config = bonded;
		}
	}
	return err;
}

static int filter_of(enum gnomon_network_protocol transport)
{
	return transport == GNOMON_NETWORK_IEEE_802_3 ? HWTSTAMP_FILTER_PTP_V2_L2_EVENT :
							HWTSTAMP_FILTER_PTP_V2_L4_EVENT;
}

static bool filter_will_do(int filter, enum gnomon_network_protocol transport)
{
	return filter == HWTSTAMP_FILTER_ALL || filter == HWTSTAMP_FILTER_PTP_V2_EVENT ||
	       filter == filter_of(transport);
}

static int check_hwtstamp(const char *interface, const struct mode *mode,
			  enum gnomon_network_protocol transport,
			  const struct hwtstamp_config *now, struct driver_error *error)
{
	if (now->tx_type == mode->tx_type && filter_will_do(now->rx_filter, transport)) {
		return 0;
	}
	return driver_fail(error, -EBUSY,
			   "%s: hardware time stamping is set to tx %d, rx filter %d, which will "
			   "not do for %s; set it (hwstamp_ctl) or use hwts_filter normal",
			   interface, now->tx_type, now->rx_filter, mode->name);
}

static int fail_hwtstamp(const char *interface, int err, struct driver_error *error)
{
	if (err == -EOPNOTSUPP || err == -ENOTTY || err == -EINVAL) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: no hardware time stamping; use time_stamping software",
				   interface);
	}
	if (err == -ERANGE) {
		return driver_fail(error, err,
				   "%s: the hardware can time-stamp no PTP messages of this kind; "
				   "try another network_transport or time_stamping software",
				   interface);
	}
	return privilege_fail(error, err, PRIVILEGE_NET_ADMIN, interface,
			      "set hardware time stamping");
}

/* The filters that will do for the transport, in the order to try them. */
static int set_filters(const char *interface, int tx_type, enum timestamping_filter filter,
		       enum gnomon_network_protocol transport)
{
	const int filters[] = { HWTSTAMP_FILTER_PTP_V2_EVENT, filter_of(transport),
				HWTSTAMP_FILTER_ALL };
	int err = -ERANGE;

	for (size_t i = filter == TIMESTAMPING_FILTER_FULL ? 2 : 0; i < 3 && err == -ERANGE; i++) {
		struct hwtstamp_config config = { .tx_type = tx_type, .rx_filter = filters[i] };

		err = set_hwtstamp(interface, &config);
		/* Drivers may widen the filter, or answer with what they can do instead. */
		if (!err && (config.tx_type != tx_type ||
			     !filter_will_do(config.rx_filter, transport))) {
			err = -ERANGE;
		}
	}
	return err;
}

int timestamping_enable(const char *interface, enum timestamping_mode mode,
			enum timestamping_filter filter, enum gnomon_network_protocol transport,
			struct timestamping_saved *saved, struct driver_error *error)
{
	const struct mode *m = &modes[mode];
	struct timestamping_saved before = { 0 };
	struct hwtstamp_config now = { 0 };
	int err;

	if (m->source != GNOMON_STAMP_HARDWARE) {
		*saved = before;
		return 0;
	}
	err = hwtstamp(interface, SIOCGHWTSTAMP, &now);
	if (filter == TIMESTAMPING_FILTER_CHECK) {
		*saved = before;
		return err ? fail_hwtstamp(interface, err, error) :
			     check_hwtstamp(interface, m, transport, &now, error);
	}
	/* Old drivers can only be told; then the kernel's default, off, is what comes back. */
	before.changed = true;
	memcpy(before.interface, interface, strnlen(interface, sizeof(before.interface) - 1));
	before.flags = now.flags;
	before.tx_type = now.tx_type;
	before.rx_filter = now.rx_filter;
	err = set_filters(interface, m->tx_type, filter, transport);
	if (err) {
		/* Trying may have changed something already. */
		(void)timestamping_restore(&before);
		return fail_hwtstamp(interface, err, error);
	}
	*saved = before;
	return 0;
}

int timestamping_get(const char *interface, struct timestamping_setting *setting)
{
	struct hwtstamp_config config = { 0 };
	int err = hwtstamp(interface, SIOCGHWTSTAMP, &config);

	if (!err) {
		*setting = (struct timestamping_setting){ config.tx_type, config.rx_filter };
	}
	return err;
}

int timestamping_set(const char *interface, struct timestamping_setting *setting)
{
	struct hwtstamp_config config = {
		.tx_type = setting->tx_type,
		.rx_filter = setting->rx_filter,
	};
	int err = set_hwtstamp(interface, &config);

	if (!err) {
		*setting = (struct timestamping_setting){ config.tx_type, config.rx_filter };
	}
	return err;
}

int timestamping_restore(struct timestamping_saved *saved)
{
	struct hwtstamp_config config = {
		.flags = saved->flags,
		.tx_type = saved->tx_type,
		.rx_filter = saved->rx_filter,
	};
	int err;

	if (!saved->changed) {
		return 0;
	}
	saved->changed = false;
	err = set_hwtstamp(saved->interface, &config);
	return err == -ENODEV ? 0 : err;
}

/* -- sockets --------------------------------------------------------------------------------- */

unsigned int timestamping_event_flags(enum timestamping_mode mode, bool software_too)
{
	/* TSONLY: the error queue returns no copy of the packet, and needs no privilege to. */
	unsigned int flags = modes[mode].flags | SOF_TIMESTAMPING_OPT_ID |
			     SOF_TIMESTAMPING_OPT_TSONLY;

	return software_too ? flags | timestamping_receive_flags() : flags;
}

unsigned int timestamping_receive_flags(void)
{
	return SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
}

int timestamping_socket(int fd, unsigned int flags)
{
	int err = socket_set(fd, SOL_SOCKET, SO_TIMESTAMPING, (int)flags);

	return err ? err : socket_set(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1);
}

int timestamping_restart_keys(int fd, unsigned int flags)
{
	const unsigned int off = flags & ~(unsigned int)SOF_TIMESTAMPING_OPT_ID;
	int err = socket_set(fd, SOL_SOCKET, SO_TIMESTAMPING, (int)off);

	return err ? err : socket_set(fd, SOL_SOCKET, SO_TIMESTAMPING, (int)flags);
}

/* -- control data ---------------------------------------------------------------------------- */

/* A stamp the kernel did not take is zero. */
static bool take_stamp(const struct timespec *ts, gnomon_time *stamp)
{
	if ((ts->tv_sec == 0 && ts->tv_nsec == 0) || ts->tv_nsec < 0 ||
	    ts->tv_nsec >= GNOMON_NSEC_PER_SEC) {
		return false;
	}
	stamp->sec = ts->tv_sec;
	stamp->nsec = (uint32_t)ts->tv_nsec;
	stamp->frac = 0;
	return true;
}

static void parse_stamps(const struct cmsghdr *cmsg, struct timestamping_stamps *stamps)
{
	struct timespec ts[3];

	if (cmsg->cmsg_len < CMSG_LEN(sizeof(ts))) {
		return;
	}
	memcpy(ts, CMSG_DATA(cmsg), sizeof(ts));
	if (take_stamp(&ts[0], &stamps->software)) {
		stamps->has_software = true;
	}
	/* ts[1] is the legacy mode's. */
	if (take_stamp(&ts[2], &stamps->hardware) || take_stamp(&ts[1], &stamps->hardware)) {
		stamps->has_hardware = true;
	}
}

static void parse_key(const struct cmsghdr *cmsg, struct timestamping_control *control)
{
	struct sock_extended_err err;

	if (cmsg->cmsg_len < CMSG_LEN(sizeof(err))) {
		return;
	}
	memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
	if (err.ee_errno == ENOMSG && err.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
		control->has_key = true;
		control->key = err.ee_data;
	}
}

static bool is_extended_error(const struct cmsghdr *cmsg)
{
	return (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_RECVERR) ||
	       (cmsg->cmsg_level == SOL_IPV6 && cmsg->cmsg_type == IPV6_RECVERR) ||
	       (cmsg->cmsg_level == SOL_PACKET && cmsg->cmsg_type == PACKET_TX_TIMESTAMP);
}

void timestamping_parse(const struct msghdr *msg, struct timestamping_control *control)
{
	memset(control, 0, sizeof(*control));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		const size_t at = (size_t)((const char *)c - (const char *)msg->msg_control);

		/* The macros do not look at the length of the last one. */
		if (c->cmsg_len > msg->msg_controllen - at) {
			break;
		}
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
			parse_stamps(c, &control->stamps);
		} else if (is_extended_error(c)) {
			parse_key(c, control);
		}
	}
}
