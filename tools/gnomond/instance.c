/* SPDX-License-Identifier: BSD-2-Clause */
/* From configuration to an engine with its ports. Questions first, changes last. */
#include "instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/iface.h"
#include "drivers/timer.h"

#include "engine_config.h"

/* -- what there is ---------------------------------------------------------------------------- */

/* Octets 3 and 4 are fffe where an identity is made of a MAC address. Every further instance counts
 * down from there: two of them may be in one domain, and answers to one are not the other's. */
static void set_apart(struct gnomon_clock_identity *identity, unsigned int number)
{
	unsigned int middle = (unsigned int)identity->id[3] << 8 | identity->id[4];

	middle -= number;
	identity->id[3] = (uint8_t)(middle >> 8);
	identity->id[4] = (uint8_t)middle;
}

/* The clock's identity is configured, or that of the first interface. One without an address, as
 * the loopback interface is, gets one that nobody else has, and so does a clock without ports.
 * iface: NULL if there are none. */
static int choose_identity(struct instance *in, const struct iface *iface,
			   struct driver_error *error)
{
	static const struct gnomon_clock_identity none;
	int r;

	in->identity = in->conf->clock_identity;
	if (gnomon_clock_identity_cmp(&in->identity, &none) != 0) {
		return 0;
	}
	if (iface && iface_clock_identity(iface, &in->identity) == 0) {
		return 0;
	}
	r = iface_random_identity(&in->identity);
	if (r != 0) {
		return driver_fail(error, r,
				   "%s: has no hardware address to make a clock identity of, and "
				   "there are no random numbers; set clockIdentity",
				   iface ? iface->name : "a clock without ports");
	}
	in->identity_made_up = true;
	return 0;
}

/* Whether the interface exists and can stamp; nothing is opened yet. */
static int check_interface(struct instance *in, struct port *port, struct driver_error *error)
{
	struct iface iface;
	int r = iface_query(port->name.interface, &iface, error);

	if (r == 0 && port->name.number == 1) {
		r = choose_identity(in, &iface, error);
		set_apart(&in->identity, in->number);
	}
	return r != 0 ? r : port_choose(&in->ports, port, error);
}

void instance_init(struct instance *in, const struct instance_setup *setup)
{
	memset(in, 0, sizeof(*in));
	in->conf = setup->conf;
	in->log = setup->log;
	in->keeper = setup->keeper;
	in->number = setup->number;
	in->source = setup->source;
	in->ports.conf = setup->conf;
	in->ports.log = setup->log;
	in->ports.keeper = setup->keeper;
	in->ports.lookout = setup->lookout;
	in->ports.source = setup->source;
}

int instance_choose(struct instance *in, struct driver_error *error)
{
	int r = ports_init(&in->ports, error);

	if (r == 0 && in->ports.count == 0) {
		r = choose_identity(in, NULL, error);
	}
	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = check_interface(in, &in->ports.list[i], error);
	}
	return r;
}

const struct port *instance_hardware_port(const struct instance *in)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		if (stamping_is_hardware(&in->ports.list[i].stamping)) {
			return &in->ports.list[i];
		}
	}
	return NULL;
}

/* -- the engine ------------------------------------------------------------------------------- */

/* Spreads the timers of different clocks differently, and of the same clock at every start. */
static uint64_t seed_of(const struct gnomon_clock_identity *identity)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)timer_now().ns;

	for (size_t i = 0; i < sizeof(identity->id); i++) {
		hash = (hash ^ identity->id[i]) * 0x100000001b3u;
	}
	return hash;
}

/* One step: the interface writes the time, and no Follow_Up says it. */
static void configure_port(const struct port *port, struct gnomon_port_config *p)
{
	engine_config_fill_port(p, port->conf);
	p->one_step_sync = stamping_is_one_step(&port->stamping);
	p->one_step_pdelay = port->stamping.mode == TIMESTAMPING_P2P1STEP;
}

/* The engine keeps a copy of its ports' configuration, and its memory for good. */
static int build_engine(struct instance *in)
{
	struct gnomon_port_config *ports = calloc(in->ports.count + 1, sizeof(*ports));
	struct gnomon_engine_config config;
	size_t size;
	int r = -ENOMEM;

	if (!ports) {
		return r;
	}
	engine_config_fill(&config, in->conf, &in->identity, in->keeper->clock->utc);
	config.seed = seed_of(&in->identity);
	config.ports = ports;
	if (in->conf->initial_delay == 0 && in->initial_delay_ns > 0) {
		config.initial_delay = gnomon_span_from_double(in->initial_delay_ns);
	}
	for (size_t i = 0; i < in->ports.count; i++) {
		configure_port(&in->ports.list[i], &ports[i]);
	}
	size = gnomon_engine_size(&config);
	in->engine_memory = size ? malloc(size) : NULL;
	if (in->engine_memory) {
		r = gnomon_engine_init(&in->engine, in->engine_memory, size, &config, timer_now());
	} else if (size == 0) {
		r = -EINVAL;
	}
	free(ports);
	return r;
}

int instance_build(struct instance *in, struct driver_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = port_connect(&in->ports, &in->ports.list[i], error);
	}
	if (r != 0) {
		return r;
	}
	r = build_engine(in);
	in->ports.engine = in->engine;
	return r == 0 ? 0
		      : driver_fail(error, r, "cannot build the clock from this configuration: %s",
				    driver_strerror(r));
}

static bool may_receive(const struct instance *in, const struct port *port)
{
	return !port->conf->server_only &&
	       !(in->conf->external_port_configuration &&
		 port->conf->desired_state == CONF_STATE_TIME_TRANSMITTER);
}

bool instance_may_receive(const struct instance *in)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		if (may_receive(in, &in->ports.list[i])) {
			return true;
		}
	}
	return false;
}

bool instance_receives_software_stamps(const struct instance *in)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		const struct port *port = &in->ports.list[i];

		if (may_receive(in, port) && port->stamping.mode == TIMESTAMPING_SOFTWARE) {
			return true;
		}
	}
	return false;
}

/* -- life ------------------------------------------------------------------------------------- */

int instance_open(struct instance *in, struct driver_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = port_open(&in->ports, &in->ports.list[i], error);
	}
	return r;
}

bool instance_receives(const struct instance *in)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		if (in->ports.list[i].state == GNOMON_PORT_TIME_RECEIVER ||
		    in->ports.list[i].state == GNOMON_PORT_UNCALIBRATED) {
			return true;
		}
	}
	return false;
}

void instance_finish(struct instance *in)
{
	ports_finish(&in->ports);
	free(in->engine_memory);
	memset(in, 0, sizeof(*in));
}
