/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Time stamping of network interfaces: what a driver can do (ethtool by netlink, else by ioctl),
 * switching the hardware on and back (SIOCSHWTSTAMP), and the SO_TIMESTAMPING socket option.
 */
#ifndef DRIVERS_TIMESTAMPING_H
#define DRIVERS_TIMESTAMPING_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <gnomon/clock.h>
#include <gnomon/msg.h>

#include "drivers/error.h"

/** ptp4l's time_stamping. */
enum timestamping_mode {
	TIMESTAMPING_HARDWARE,
	TIMESTAMPING_SOFTWARE,
	TIMESTAMPING_LEGACY,   /* hardware, reported the old way (converted to system time) */
	TIMESTAMPING_ONESTEP,  /* hardware, writes originTimestamp into Sync */
	TIMESTAMPING_P2P1STEP, /* onestep, and the turnaround time into Pdelay_Resp */
};

/** ptp4l's hwts_filter: how the receive filter of the hardware is treated. */
enum timestamping_filter {
	TIMESTAMPING_FILTER_NORMAL, /* set the narrowest filter that sees all PTP event messages */
	TIMESTAMPING_FILTER_CHECK,  /* change nothing, fail unless the present setting will do */
	TIMESTAMPING_FILTER_FULL,   /* time-stamp every received packet */
};

/** What an interface says it can do. */
struct timestamping_info {
	uint32_t so_timestamping; /* SOF_TIMESTAMPING_* it supports */
	uint32_t tx_types;        /* 1 << HWTSTAMP_TX_* */
	uint32_t rx_filters;      /* 1 << HWTSTAMP_FILTER_* */
	int phc_index;            /* N of /dev/ptpN, -1: none */
};

/** A setting of SIOCSHWTSTAMP to put back. Zeroed: nothing to do. */
struct timestamping_saved {
	bool changed;
	char interface[IFNAMSIZ];
	int flags;
	int tx_type;
	int rx_filter;
};

/** What SIOCSHWTSTAMP sets: HWTSTAMP_TX_* and HWTSTAMP_FILTER_*. */
struct timestamping_setting {
	int tx_type;
	int rx_filter;
};

/** The kernel's stamps of one packet. */
struct timestamping_stamps {
	bool has_software;
	bool has_hardware;
	gnomon_time software; /* CLOCK_REALTIME */
	gnomon_time hardware; /* the PHC */
};

/** "hardware", "software", "legacy", "onestep", "p2p1step". */
const char *timestamping_mode_name(enum timestamping_mode mode);

/** Which of a packet's stamps that mode uses. */
enum gnomon_stamp_source timestamping_mode_source(enum timestamping_mode mode);

/**
 * Ask what the interface can do. An interface that answers neither question is taken to do
 * software stamping, as every Linux interface with a kernel driver does on receive. Returns 0, or
 * -ENODEV with the reason in *error.
 */
int timestamping_query(const char *interface, struct timestamping_info *info,
		       struct driver_error *error);

/**
 * Whether what was asked for is possible: 0, or -EOPNOTSUPP with the missing capability and what
 * to use instead in *error.
 */
int timestamping_check(const char *interface, const struct timestamping_info *info,
		       enum timestamping_mode mode, struct driver_error *error);

/**
 * Switch the interface's hardware stamping on for that transport (nothing to do in software mode)
 * and remember in *saved what was set before. Receive filters are tried from the narrowest that
 * will do to "all". Returns 0; -EPERM (needs CAP_NET_ADMIN), -EOPNOTSUPP (no hardware stamping),
 * -ERANGE (none of the filters accepted), -EBUSY (FILTER_CHECK: set to something that will not
 * do), -errno; each in words in *error.
 */
int timestamping_enable(const char *interface, enum timestamping_mode mode,
			enum timestamping_filter filter, enum gnomon_network_protocol transport,
			struct timestamping_saved *saved, struct driver_error *error);

/**
 * What an interface's stamping is set to. Returns 0, -EOPNOTSUPP or -ENOTTY (the driver or the
 * kernel cannot say), -ENODEV or -errno.
 */
int timestamping_get(const char *interface, struct timestamping_setting *setting);

/**
 * Set an interface's stamping for whoever uses it; on success *setting is what the driver made of
 * it. Returns 0, -ERANGE (not with this hardware), -EPERM, -EOPNOTSUPP, -ENODEV or -errno.
 */
int timestamping_set(const char *interface, struct timestamping_setting *setting);

/** Put back what timestamping_enable changed. A vanished interface is not an error. */
int timestamping_restore(struct timestamping_saved *saved);

/**
 * SO_TIMESTAMPING flags of an event socket in that mode; software_too: software receive stamps
 * beside hardware ones.
 */
unsigned int timestamping_event_flags(enum timestamping_mode mode, bool software_too);

/** Flags for software receive stamps only. */
unsigned int timestamping_receive_flags(void);

/** Set flags on a socket, and have its error queue signalled as POLLPRI. Returns 0 or -errno. */
int timestamping_socket(int fd, unsigned int flags);

/** Restart the counter behind SOF_TIMESTAMPING_OPT_ID at 0. Returns 0 or -errno. */
int timestamping_restart_keys(int fd, unsigned int flags);

/** What the control data of one recvmsg() said. */
struct timestamping_control {
	struct timestamping_stamps stamps;
	bool has_key;
	uint32_t key; /* SOF_TIMESTAMPING_OPT_ID's counter; transmit only */
};

/**
 * Read the control data of a received or error queue message. Missing, cut or foreign control
 * data is no error: then nothing is said about it. *control is always written.
 */
void timestamping_parse(const struct msghdr *msg, struct timestamping_control *control);

/** Octets of control data to offer recvmsg() so that nothing timestamping_parse wants is cut. */
#define TIMESTAMPING_CONTROL_SIZE 256

#endif
