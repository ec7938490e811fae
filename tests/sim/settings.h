/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a simulated node is configured: the engine's, ports' and discipline's own structs, filled
 * with their defaults and then changed by a text of ptp4l's option names:
 *
 *     "delay_mechanism=P2P logSyncInterval=-3 2:masterOnly=1"
 *
 * A number and a colon address one port; without, all ports are meant.
 */
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include <gnomon/engine.h>
#include <gnomon/servo.h>

#include <stdio.h>

#define SIM_PORTS_MAX 8

struct settings {
	struct gnomon_engine_config engine; /* .ports and .port_count are left to the user */
	struct gnomon_discipline_config discipline;
	struct gnomon_port_config ports[SIM_PORTS_MAX];
};

/* Everything as ptp4l has it by default with hardware time stamping. */
void settings_default(struct settings *s);

/*
 * Apply text to *s. Returns 0, or -EINVAL with what is wrong in why (NUL-terminated).
 */
int settings_apply(struct settings *s, const char *text, char *why, size_t cap);

/* List the options with their kinds, one per line. */
void settings_help(FILE *out);

#endif
