/* SPDX-License-Identifier: BSD-2-Clause */
/* From configuration to running parts. Questions first, changes last. */
#include "instance.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/iface.h"
#include "drivers/timer.h"

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

enum conf_clock instance_clock(const struct instance *in)
{
	enum conf_clock clock = (enum conf_clock)in->conf->clock;

	if (clock != CONF_CLOCK_AUTO && clock != CONF_CLOCK_PTP4L) {
		return clock;
	}
	if (in->source == GNOMON_STAMP_HARDWARE) {
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
	return r != 0 ? r : port_check(in, port, error);
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

	switch (instance_clock(in)) {
	case CONF_CLOCK_PHC:
		r = conf->phc_device[0] ? clock_phc_open(clock, conf->phc_device, error)
					: clock_phc_open_index(clock, in->phc_index, error);
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

static enum gnomon_delay_mechanism delay_mechanism(int value)
{
	switch ((enum conf_delay)value) {
	case CONF_DELAY_P2P:
		return GNOMON_DELAY_P2P;
	case CONF_DELAY_NONE:
		return GNOMON_DELAY_NONE;
	case CONF_DELAY_E2E:
	case CONF_DELAY_AUTO:
	case CONF_DELAY_COMMON_P2P:
		break;
	}
	return GNOMON_DELAY_E2E;
}

static enum gnomon_tsproc_mode tsproc_mode(int value)
{
	switch ((enum conf_tsproc)value) {
	case CONF_TSPROC_FILTER:
		return GNOMON_TSPROC_FILTER;
	case CONF_TSPROC_RAW:
		return GNOMON_TSPROC_RAW;
	case CONF_TSPROC_FILTER_WEIGHT:
		return GNOMON_TSPROC_FILTER_WEIGHT;
	case CONF_TSPROC_RAW_WEIGHT:
		return GNOMON_TSPROC_RAW_WEIGHT;
	}
	return GNOMON_TSPROC_FILTER;
}

static enum gnomon_port_state desired_state(int value)
{
	switch ((enum conf_state)value) {
	case CONF_STATE_TIME_TRANSMITTER:
		return GNOMON_PORT_TIME_TRANSMITTER;
	case CONF_STATE_TIME_RECEIVER:
		return GNOMON_PORT_TIME_RECEIVER;
	case CONF_STATE_PASSIVE:
		return GNOMON_PORT_PASSIVE;
	}
	return GNOMON_PORT_PASSIVE;
}

static const struct gnomon_filter_ops *delay_filter(int value)
{
	static const char name[] = "delay_filter";
	char label[32];

	return gnomon_filter_find(conf_label(conf_key_find(name, strlen(name)), value, label));
}

/* Ranges were checked by the parser, so the casts lose nothing. */
static void configure_port(const struct instance *in, const struct conf_port *c,
			   struct gnomon_port_config *p)
{
	gnomon_port_config_default(p);
	p->delay_mechanism = delay_mechanism(c->delay_mechanism);
	p->time_transmitter_only = c->server_only;
	p->one_step_sync = in->mode == TIMESTAMPING_ONESTEP || in->mode == TIMESTAMPING_P2P1STEP;
	p->one_step_pdelay = in->mode == TIMESTAMPING_P2P1STEP;
	p->path_trace_enabled = c->path_trace_enabled;
	p->ignore_sdo_id = c->ignore_transport_specific;
	p->ignore_source_id = c->ignore_source_id;
	p->inhibit_announce = c->inhibit_announce;
	p->inhibit_delay_req = c->inhibit_delay_req;
	p->log_announce_interval = (int8_t)c->log_announce_interval;
	p->log_sync_interval = (int8_t)c->log_sync_interval;
	p->log_min_delay_req_interval = (int8_t)c->log_min_delay_req_interval;
	p->log_min_pdelay_req_interval = (int8_t)c->log_min_pdelay_req_interval;
	p->announce_receipt_timeout = (uint8_t)c->announce_receipt_timeout;
	p->sync_receipt_timeout = (uint8_t)c->sync_receipt_timeout;
	p->delay_response_timeout = (uint8_t)c->delay_response_timeout;
	p->allowed_lost_responses = (uint8_t)c->allowed_lost_responses;
	p->delay_request_variability = c->delay_request_variability;
	p->freq_est_interval = (int8_t)c->freq_est_interval;
	p->tsproc_mode = tsproc_mode(c->tsproc_mode);
	p->delay_filter = delay_filter(c->delay_filter);
	p->delay_filter_length = (unsigned int)c->delay_filter_length;
	p->delay_asymmetry = gnomon_span_from_ns(c->delay_asymmetry);
	p->ingress_latency = gnomon_span_from_ns(c->ingress_latency);
	p->egress_latency = gnomon_span_from_ns(c->egress_latency);
	p->neighbor_prop_delay_min = gnomon_span_from_ns(c->min_neighbor_prop_delay);
	p->neighbor_prop_delay_max = gnomon_span_from_ns(c->neighbor_prop_delay_thresh);
	p->desired_state = desired_state(c->desired_state);
}

/* Spreads the timers of different clocks differently, and of the same clock at every start. */
static uint64_t seed_of(const struct gnomon_clock_identity *identity)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)timer_now().ns;

	for (size_t i = 0; i < sizeof(identity->id); i++) {
		hash = (hash ^ identity->id[i]) * 0x100000001b3u;
	}
	return hash;
}

static void configure_engine(const struct instance *in, struct gnomon_engine_config *e)
{
	const struct conf *c = in->conf;

	gnomon_engine_config_default(e);
	e->clock_identity = in->identity;
	e->instance_type = c->clock_type == CONF_CLOCK_BC ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	e->sdo_id = (uint16_t)(c->ports[0].conf.transport_specific << 8);
	e->domain = (uint8_t)c->domain_number;
	e->minor_version = (uint8_t)c->ptp_minor_version;
	e->priority1 = (uint8_t)c->priority1;
	e->priority2 = (uint8_t)c->priority2;
	e->clock_quality.clock_class = (uint8_t)(c->client_only ? 255 : c->clock_class);
	e->clock_quality.clock_accuracy = (uint8_t)c->clock_accuracy;
	e->clock_quality.offset_scaled_log_variance = (uint16_t)c->offset_scaled_log_variance;
	/* With fixed roles every port says for itself what it is. */
	e->time_receiver_only = c->client_only && !c->external_port_configuration;
	e->external_port_configuration = c->external_port_configuration;
	e->max_steps_removed = (uint8_t)c->max_steps_removed;
	e->clock_class_threshold = (uint8_t)c->clock_class_threshold;
	e->time_properties.current_utc_offset = (int16_t)c->utc_offset;
	/* The system clock keeps UTC: as grandmaster it gives out a time of its own, as ptp4l. */
	e->time_properties.flags = in->keeper.clock->utc ? 0 : GNOMON_FLAG_PTP_TIMESCALE;
	e->time_properties.time_source = (uint8_t)c->time_source;
	e->initial_delay = gnomon_span_from_ns(c->initial_delay);
	e->seed = seed_of(&in->identity);
	e->port_count = (unsigned int)in->port_count;
}

/* The engine keeps a copy of its ports' configuration, and its memory for good. */
static int build_engine(struct instance *in)
{
	struct gnomon_port_config *ports = calloc(in->port_count, sizeof(*ports));
	struct gnomon_engine_config config;
	size_t size;
	int r = -ENOMEM;

	if (!ports) {
		return r;
	}
	configure_engine(in, &config);
	config.ports = ports;
	for (size_t i = 0; i < in->port_count; i++) {
		configure_port(in, in->ports[i].conf, &ports[i]);
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

/* Ports in the order of the configuration, numbered from 1. */
static int name_ports(struct instance *in, struct driver_error *error)
{
	in->ports = calloc(in->conf->port_count, sizeof(in->ports[0]));
	if (!in->ports) {
		return driver_fail(error, -ENOMEM, "no memory for %zu ports", in->conf->port_count);
	}
	in->port_count = in->conf->port_count;
	for (size_t i = 0; i < in->port_count; i++) {
		struct port *port = &in->ports[i];

		port->name.number = (unsigned int)i + 1;
		port->name.interface = in->conf->ports[i].name;
		port->conf = &in->conf->ports[i].conf;
		port->retry = GNOMON_MONO_NEVER;
		port->state = GNOMON_PORT_INITIALIZING;
	}
	return 0;
}

static void set_mode(struct instance *in, enum timestamping_mode mode)
{
	in->mode = mode;
	in->source = timestamping_mode_source(mode);
	if (mode == TIMESTAMPING_LEGACY) {
		in->source = GNOMON_STAMP_SYSTEM; /* the kernel brought them to its own clock */
	}
	in->phc_index = -1;
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
	for (size_t i = 0; r == 0 && i < in->port_count; i++) {
		int phc_index = -1;

		r = port_check_stamping(in, &in->ports[i], &phc_index, &why);
	}
	if (r != 0) {
		set_mode(in, TIMESTAMPING_SOFTWARE);
		in->why_software = why;
	}
}

/* Everything that can go wrong without touching the system. */
static int prepare(struct instance *in, struct driver_error *error)
{
	int r = name_ports(in, error);

	if (r == 0) {
		choose_mode(in);
	}
	for (size_t i = 0; r == 0 && i < in->port_count; i++) {
		r = check_interface(in, &in->ports[i], error);
	}
	if (r == 0) {
		r = open_clock(in, error);
	}
	if (r == 0) {
		r = build_engine(in);
		r = r ? r : keeper_init(in);
		if (r != 0) {
			driver_fail(error, r, "cannot build the clock from this configuration: %s",
				    driver_strerror(r));
		}
	}
	return r;
}

/* Links are opened last: opening them switches time stamping on. */
int instance_create(struct instance *in, const struct conf *conf, struct log *log,
		    struct driver_error *error)
{
	int r;

	memset(in, 0, sizeof(*in));
	in->conf = conf;
	in->log = log;
	in->tx_deadline = GNOMON_MONO_NEVER;
	lookout_init(&in->lookout);
	r = prepare(in, error);
	for (size_t i = 0; r == 0 && i < in->port_count; i++) {
		r = port_open(in, &in->ports[i], error);
	}
	if (r != 0) {
		instance_destroy(in);
	}
	return r;
}

/* Works on what instance_create left half done, too. */
void instance_destroy(struct instance *in)
{
	struct gnomon_clock *clock = in->keeper.clock;

	for (size_t i = 0; i < in->port_count; i++) {
		port_close(&in->ports[i]);
	}
	if (clock && !in->conf->free_running && in->conf->restore_frequency) {
		(void)clock_restore(clock);
	}
	if (clock) {
		clock->ops->destroy(clock);
	}
	free(in->ports);
	free(in->engine_memory);
	free(in->discipline_memory);
	lookout_finish(&in->lookout);
	memset(in, 0, sizeof(*in));
}
