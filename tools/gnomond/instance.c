/* SPDX-License-Identifier: BSD-2-Clause */
/* From configuration to running parts. Questions first, changes last. */
#include "instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/iface.h"
#include "drivers/timer.h"

#include "engine_config.h"

/* -- what there is ---------------------------------------------------------------------------- */

/* The clock's identity is configured, or that of the first interface. One without an address, as
 * the loopback interface is, gets one that nobody else has. */
static int choose_identity(struct instance *in, const struct iface *iface,
			   struct driver_error *error)
{
	static const struct gnomon_clock_identity none;
	int r;

	in->identity = in->conf->clock_identity;
	if (gnomon_clock_identity_cmp(&in->identity, &none) != 0) {
		return 0;
	}
	if (iface_clock_identity(iface, &in->identity) == 0) {
		return 0;
	}
	r = iface_random_identity(&in->identity);
	if (r != 0) {
		return driver_fail(error, r,
				   "%s: has no hardware address to make a clock identity of, and "
				   "there are no random numbers; set clockIdentity",
				   iface->name);
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
	}
	return r != 0 ? r : port_choose(&in->ports, port, error);
}

/* -- the clock -------------------------------------------------------------------------------- */

/* The first port that stamps in hardware; NULL: none does. */
static const struct port *hardware_port(const struct ports *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		if (stamping_is_hardware(&ports->list[i].stamping)) {
			return &ports->list[i];
		}
	}
	return NULL;
}

/* A clock that is named is wanted, unless all ports were told to stamp without it (-S). */
static bool named_clock_counts(const struct conf *conf)
{
	for (size_t i = 0; conf->phc_device[0] && i < conf->port_count; i++) {
		if (conf->ports[i].conf.time_stamping == CONF_STAMP_AUTO) {
			return true;
		}
	}
	return false;
}

/* The kind of clock to keep, with auto resolved. */
static enum conf_clock clock_to_keep(const struct instance *in)
{
	enum conf_clock clock = (enum conf_clock)in->conf->clock;

	if (clock != CONF_CLOCK_AUTO && clock != CONF_CLOCK_PTP4L) {
		return clock;
	}
	if (hardware_port(&in->ports) || named_clock_counts(in->conf)) {
		return CONF_CLOCK_PHC;
	}
	return clock == CONF_CLOCK_AUTO ? CONF_CLOCK_SOFT : CONF_CLOCK_SYSTEM;
}

static int open_phc(const struct instance *in, struct gnomon_clock **clock,
		    struct driver_error *error)
{
	const struct port *port = hardware_port(&in->ports);

	if (in->conf->phc_device[0]) {
		return clock_phc_open(clock, in->conf->phc_device, error);
	}
	if (!port) {
		return driver_fail(error, -ENODEV, "clock phc: there is none: %s",
				   in->ports.list[0].stamping.why.text);
	}
	return clock_phc_open_index(clock, port->stamping.keep_index, error);
}

/* Opening a clock changes nothing; whether it may be adjusted is found out here as well. */
static int open_clock(struct instance *in, struct driver_error *error)
{
	const struct conf *conf = in->conf;
	struct clock_soft_config soft = { .tai_offset = conf->utc_offset };
	struct gnomon_clock **clock = &in->keeper.clock;
	double ppb;
	int r = -EINVAL;

	switch (clock_to_keep(in)) {
	case CONF_CLOCK_PHC:
		r = open_phc(in, clock, error);
		break;
	case CONF_CLOCK_SYSTEM:
		r = clock_system_open(clock, !conf->free_running, error);
		break;
	case CONF_CLOCK_SOFT:
		soft.initial_offset = gnomon_span_from_double(conf->soft_clock_offset * 1e9);
		soft.oscillator_ppb = conf->soft_clock_frequency;
		r = clock_soft_create(clock, &soft);
		if (r != 0) {
			driver_fail(error, r, "soft clock: %s", driver_strerror(r));
		}
		break;
	case CONF_CLOCK_AUTO:
	case CONF_CLOCK_PTP4L:
		break;
	}
	if (r != 0 || conf->free_running) {
		return r;
	}
	/* Setting what is set already changes nothing and tells whether it may be set. */
	r = (*clock)->ops->get_frequency(*clock, &ppb);
	r = r ? r : (*clock)->ops->set_frequency(*clock, ppb);
	if (r != 0) {
		driver_fail(error, r,
			    "%s: cannot adjust it: %s; run as root, or with free_running 1",
			    (*clock)->name, driver_strerror(r));
	}
	return r;
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
	struct gnomon_port_config *ports = calloc(in->ports.count, sizeof(*ports));
	struct gnomon_engine_config config;
	size_t size;
	int r = -ENOMEM;

	if (!ports) {
		return r;
	}
	engine_config_fill(&config, in->conf, &in->identity, in->keeper.clock->utc);
	config.seed = seed_of(&in->identity);
	config.ports = ports;
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

/* -- life ------------------------------------------------------------------------------------- */

/* What the servo has to expect of a port that may receive time; others say nothing about it. */
static bool receives_software_stamps(const struct instance *in)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		const struct port *port = &in->ports.list[i];
		bool transmits = port->conf->server_only ||
				 (in->conf->external_port_configuration &&
				  port->conf->desired_state == CONF_STATE_TIME_TRANSMITTER);

		if (!transmits && port->stamping.mode == TIMESTAMPING_SOFTWARE) {
			return true;
		}
	}
	return false;
}

static int build(struct instance *in, struct driver_error *error)
{
	int r = build_engine(in);

	if (r == 0) {
		in->keeper.engine = in->engine;
		in->ports.engine = in->engine;
		r = keeper_init(&in->keeper, receives_software_stamps(in));
	}
	if (r != 0) {
		driver_fail(error, r, "cannot build the clock from this configuration: %s",
			    driver_strerror(r));
	}
	return r;
}

/* Everything that can go wrong without touching the system. */
static int prepare(struct instance *in, struct driver_error *error)
{
	int r = ports_init(&in->ports, error);

	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = check_interface(in, &in->ports.list[i], error);
	}
	if (r == 0) {
		r = open_clock(in, error);
	}
	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = port_connect(&in->ports, &in->ports.list[i], error);
	}
	return r != 0 ? r : build(in, error);
}

static void join(struct instance *in, const struct conf *conf, struct log *log)
{
	memset(in, 0, sizeof(*in));
	in->conf = conf;
	in->log = log;
	in->keeper.conf = conf;
	in->keeper.log = log;
	in->ports.conf = conf;
	in->ports.log = log;
	in->ports.keeper = &in->keeper;
}

/* Links are opened last: opening them switches time stamping on, and nothing may fail after it that
 * could have been known before. */
int instance_create(struct instance *in, const struct conf *conf, struct log *log,
		    struct driver_error *error)
{
	int r;

	join(in, conf, log);
	r = prepare(in, error);
	local_init(&in->local, in->engine, &in->keeper);
	if (r == 0) {
		r = local_open(&in->local, conf, error);
	}
	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = port_open(&in->ports, &in->ports.list[i], error);
	}
	if (r != 0) {
		instance_destroy(in);
	}
	return r;
}

/* Works on what instance_create left half done, too. */
void instance_destroy(struct instance *in)
{
	local_close(&in->local);
	ports_finish(&in->ports);
	keeper_finish(&in->keeper);
	free(in->engine_memory);
	memset(in, 0, sizeof(*in));
}
