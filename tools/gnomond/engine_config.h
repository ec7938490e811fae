/* SPDX-License-Identifier: BSD-2-Clause */
/** The configuration of a file in the engine's words. */
#ifndef GNOMOND_ENGINE_CONFIG_H
#define GNOMOND_ENGINE_CONFIG_H

#include <gnomon/engine.h>

#include "tools/config/config.h"

/** All but seed and ports. utc: the clock keeps UTC. */
void engine_config_fill(struct gnomon_engine_config *e, const struct conf *c,
			const struct gnomon_clock_identity *identity, bool utc);

/** All of a port but what depends on its interface: whether it sends in one step. */
void engine_config_fill_port(struct gnomon_port_config *p, const struct conf_port *c);

#endif
