/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The ports of the PTP daemon of this machine, and how their states change.
 */
#ifndef TS2PHC_AGENT_H
#define TS2PHC_AGENT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnomon/time.h>

#include "drivers/error.h"
#include "tools/config/config.h"

struct agent_port {
	unsigned int number;
	char interface[IFNAMSIZ];
	int state; /* as role_state() */
};

struct agent;

/**
 * Ask the daemon for its ports that have hardware time stamps, and to be told of changes. Returns
 * 0; -ETIMEDOUT, -ENOENT, -ECONNREFUSED (there is no daemon yet: try again later), -ENODEV (none of
 * its ports has hardware time stamps), -EINTR or -errno; each in words in *error.
 */
int agent_open(struct agent **agent, const struct conf *conf, struct driver_error *error);
void agent_close(struct agent *agent);

const struct agent_port *agent_ports(const struct agent *agent, size_t *count);

int agent_fd(const struct agent *agent);

/** When to call agent_tend though nothing came. */
gnomon_mono agent_deadline(const struct agent *agent);

/** Take what came, and renew the subscription. True: some port's state has changed. */
bool agent_tend(struct agent *agent, gnomon_mono now);

#endif
