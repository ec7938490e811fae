/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * ethtool's question after time stamping capabilities, by generic netlink.
 */
#ifndef DRIVERS_TIMESTAMPING_NETLINK_H
#define DRIVERS_TIMESTAMPING_NETLINK_H

#include "drivers/timestamping.h"

/**
 * ETHTOOL_MSG_TSINFO_GET for an interface. Returns 0, or -errno when netlink, the ethtool family
 * (Linux 5.6) or the driver's answer is missing: ask by ioctl then.
 */
int timestamping_query_netlink(const char *interface, struct timestamping_info *info);

#endif
