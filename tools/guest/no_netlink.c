/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent asks for no interface's clock but to see whether another program steers ours, for which
 * the older way by ioctl() will do. This takes the place of the driver's newer one, and with it
 * goes the only library beside libc, so that the agent can be linked statically.
 */
#include <errno.h>

#include "drivers/timestamping_netlink.h"

int timestamping_query_netlink(const char *interface, struct timestamping_info *info)
{
	(void)interface;
	(void)info;
	return -EOPNOTSUPP;
}
