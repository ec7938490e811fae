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

/* The driver's word for it. Switches, not casts: the lists may grow apart. */
static enum timestamping_mode stamping_mode(int time_stamping)
{
	switch ((enum conf_time_stamping)time_stamping) {
	case CONF_STAMP_AUTO:
	case CONF_STAMP_HARDWARE:
		return TIMESTAMPING_HARDWARE;
	case CONF_STAMP_SOFTWARE:
		return TIMESTAMPING_SOFTWARE;
	case CONF_STAMP_LEGACY:
		return TIMESTAMPING_LEGACY;
	case CONF_STAMP_ONESTEP:
		return TIMESTAMPING_ONESTEP;
	case CONF_STAMP_P2P1STEP:
		return TIMESTAMPING_P2P1STEP;
	}
	return TIMESTAMPING_SOFTWARE;
}

/* The clock to keep, with auto resolved. */
static enum conf_clock clock_to_keep(const struct instance *in)
{
	enum conf_clock clock = (enum conf_clock)in->conf->clock;

	if (clock != CONF_CLOCK_AUTO && clock != CONF_CLOCK_PTP4L) {
		return clock;
	}
	if (in->ports.source == GNOMON_STAMP_HARDWARE) {
		return CONF_CLOCK_PHC;
	}
	return clock == CONF_CLOCK_AUTO ? CONF_CLOCK_SOFT : CONF_CLOCK_SYSTEM;
}

/* -- what there is ---------------------------------------------------------------------------- */

/* The clock's identity is configured, or that of the first interface. */
static int choose_identity(struct instance *in, const struct iface *iface,
			   struct driver_error *error)
{
	static const struct gnomon_clock_identity none;
	int r;

	in->identity = in->conf->clock_identity;
	if (gnomon_clock_identity_cmp(&in->identity, &none) != 0) {
		return 0;
	}
	r = iface_clock_identity(iface, &in->identity);
	if (r != 0) {
		driver_fail(error, r,
			    "%s: has no hardware address to make a clock identity of; set "
			    "clockIdentity",
			    iface->name);
	}
	return r;
}

/* Whether the interface exists and can stamp; nothing is opened yet. */
static int check_interface(struct instance *in, struct port *port, struct driver_error *error)
{
	struct iface iface;
	int r = iface_query(port->name.interface, &iface, error);

	if (r == 0 && port->name.number == 1) {
		r = choose_identity(in, &iface, error);
	}
	return r != 0 ? r : port_check(&in->ports, port, error);
}

/* -- the clock -------------------------------------------------------------------------------- */

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
		r = conf->phc_device[0] ? clock_phc_open(clock, conf->phc_device, error)
					: clock_phc_open_index(clock, in->ports.phc_index, error);
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
static void configure_port(const struct instance *in, const struct port *port,
			   struct gnomon_port_config *p)
{
	engine_config_fill_port(p, port->conf);
	p->one_step_pdelay = in->ports.mode == TIMESTAMPING_P2P1STEP;
	p->one_step_sync = p->one_step_pdelay || in->ports.mode == TIMESTAMPING_ONESTEP;
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
		configure_port(in, &in->ports.list[i], &ports[i]);
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

static void set_mode(struct instance *in, enum timestamping_mode mode)
{
	struct ports *ports = &in->ports;

	ports->mode = mode;
	ports->source = timestamping_mode_source(mode);
	if (mode == TIMESTAMPING_LEGACY) {
		ports->source = GNOMON_STAMP_SYSTEM; /* the kernel brought them to its own clock */
	}
	ports->phc_index = -1;
	ports->on_phc = !in->conf->phc_device[0] && clock_to_keep(in) == CONF_CLOCK_PHC;
}

/*
 * time_stamping auto: hardware if all interfaces can. Whether they share a clock is asked later:
 * interfaces that could do better but not together are an error, not a reason to do worse.
 */
static void choose_mode(struct instance *in)
{
	struct driver_error why = { "" };
	int r = 0;

	set_mode(in, stamping_mode(in->conf->time_stamping));
	if (in->conf->time_stamping != CONF_STAMP_AUTO) {
		return;
	}
	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		int phc_index = -1;

		r = port_check_stamping(&in->ports, &in->ports.list[i], &phc_index, &why);
	}
	if (r != 0) {
		set_mode(in, TIMESTAMPING_SOFTWARE);
		in->why_software = why;
	}
}

static int build(struct instance *in, struct driver_error *error)
{
	int r = build_engine(in);

	if (r == 0) {
		in->keeper.engine = in->engine;
		in->ports.engine = in->engine;
		r = keeper_init(&in->keeper, in->ports.mode == TIMESTAMPING_SOFTWARE);
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

	if (r == 0) {
		choose_mode(in);
	}
	for (size_t i = 0; r == 0 && i < in->ports.count; i++) {
		r = check_interface(in, &in->ports.list[i], error);
	}
	if (r == 0) {
		r = open_clock(in, error);
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

/* Links are opened last: opening them switches time stamping on. */
int instance_create(struct instance *in, const struct conf *conf, struct log *log,
		    struct driver_error *error)
{
	int r;

	join(in, conf, log);
	r = prepare(in, error);
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
	ports_finish(&in->ports);
	keeper_finish(&in->keeper);
	free(in->engine_memory);
	memset(in, 0, sizeof(*in));
}
