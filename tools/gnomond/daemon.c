/* SPDX-License-Identifier: BSD-2-Clause */
/* From configuration to running parts. Questions first, changes last. */
#include "daemon.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock_find.h"

#include "control_methods.h"
#include "quality.h"

/* -- the clock -------------------------------------------------------------------------------- */

/* The first port of all that stamps in hardware; NULL: none does. */
static const struct port *hardware_port(const struct daemon *d)
{
	const struct port *port = NULL;

	for (size_t i = 0; !port && i < d->instance_count; i++) {
		port = instance_hardware_port(&d->instances[i]);
	}
	return port;
}

/* A clock that is named is wanted, unless all ports were told to stamp without it (-S). */
static bool named_clock_counts(const struct conf *conf)
{
	if (conf->port_count == 0) {
		return conf->phc_device[0] != '\0';
	}
	for (size_t i = 0; conf->phc_device[0] && i < conf->port_count; i++) {
		if (conf->ports[i].conf.time_stamping == CONF_STAMP_AUTO) {
			return true;
		}
	}
	return false;
}

/* The kind of clock to keep, with auto resolved. */
static enum conf_clock clock_to_keep(const struct daemon *d)
{
	enum conf_clock clock = (enum conf_clock)d->conf->clock;

	if (clock != CONF_CLOCK_AUTO && clock != CONF_CLOCK_PTP4L) {
		return clock;
	}
	if (hardware_port(d) || named_clock_counts(d->conf)) {
		return CONF_CLOCK_PHC;
	}
	return clock == CONF_CLOCK_AUTO ? CONF_CLOCK_SOFT : CONF_CLOCK_SYSTEM;
}

static int open_phc(const struct daemon *d, struct gnomon_clock **clock,
		    struct driver_error *error)
{
	const struct port *port = hardware_port(d);
	const struct ports *own = &d->instances[0].ports;

	if (d->conf->phc_device[0]) {
		return clock_phc_open(clock, d->conf->phc_device, error);
	}
	if (!port) {
		return driver_fail(error, -ENODEV, "clock phc: there is none: %s",
				   own->count ? own->list[0].stamping.why.text
					      : "no port stamps in hardware; set phc_device");
	}
	return clock_phc_open_index(clock, port->stamping.keep_index, error);
}

/* Opening a clock changes nothing; whether it may be adjusted is found out here as well. */
static int open_clock(struct daemon *d, struct driver_error *error)
{
	const struct conf *conf = d->conf;
	struct clock_soft_config soft = { .tai_offset = conf->utc_offset };
	struct gnomon_clock **clock = &d->keeper.clock;
	int r = -EINVAL;

	switch (clock_to_keep(d)) {
	case CONF_CLOCK_PHC:
		r = open_phc(d, clock, error);
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
	return r || conf->free_running ? r : clock_check_adjustable(*clock, error);
}

/* Two programs that steer one clock fight, and neither notices. ptp4l does not look. */
static int claim_clock(struct daemon *d, struct driver_error *error)
{
	struct driver_error why = { "" };
	int r;

	if (!d->conf->native || d->conf->free_running || d->keeper.handover.out) {
		return 0;
	}
	r = steward_take(&d->steward, d->keeper.clock, d->conf->force, error);
	if (r == 0 && steward_unlocked(&d->steward, d->keeper.clock, &why)) {
		report_trouble(d->log, why.text);
	}
	return r;
}

/* -- instances -------------------------------------------------------------------------------- */

/* The file's own ports first, then those of sources. */
static void init_instances(struct daemon *d)
{
	struct instance_setup setup = { d->conf, d->log, &d->keeper, &d->lookout, 0, NULL };

	instance_init(&d->instances[0], &setup);
	for (size_t i = 0; i < d->conf->source_count; i++) {
		if (d->conf->sources[i].instance) {
			setup.conf = d->conf->sources[i].instance;
			setup.source = d->conf->sources[i].name;
			setup.number++;
			instance_init(&d->instances[setup.number], &setup);
		}
	}
	/* A ring, so that each finds the ports of all others. */
	for (size_t i = 0; d->instance_count > 1 && i < d->instance_count; i++) {
		d->instances[i].ports.next = &d->instances[(i + 1) % d->instance_count].ports;
	}
}

static int join(struct daemon *d, const struct conf *conf, struct log *log)
{
	memset(d, 0, sizeof(*d));
	d->conf = conf;
	d->log = log;
	d->keeper.conf = conf;
	d->keeper.log = log;
	d->steward.fd = -1;
	lookout_init(&d->lookout);
	d->instance_count = 1;
	for (size_t i = 0; i < conf->source_count; i++) {
		d->instance_count += conf->sources[i].instance != NULL;
	}
	d->instances = calloc(d->instance_count, sizeof(d->instances[0]));
	if (!d->instances) {
		d->instance_count = 0;
		return -ENOMEM;
	}
	init_instances(d);
	return 0;
}

/* -- sources ---------------------------------------------------------------------------------- */

static struct instance *instance_of(const struct daemon *d, const struct conf_source *source)
{
	for (size_t i = 1; i < d->instance_count; i++) {
		if (d->instances[i].conf == source->instance) {
			return &d->instances[i];
		}
	}
	return NULL;
}

static void list_source(struct keeper *k, const char *name, const struct conf_source *conf,
			struct instance *in)
{
	struct keeper_source *source = &k->sources[k->listed];

	source->name = name;
	source->conf = conf;
	if (in) {
		source->engine = in->engine;
		in->keeper_source = (int)k->listed;
	}
	k->listed++;
}

/* Ports that only transmit are no source, unless there would be none. */
static int list_sources(struct daemon *d)
{
	const size_t others = d->conf->source_count;
	struct instance *own = &d->instances[0];
	struct keeper *k = &d->keeper;
	bool receive = others == 0 || instance_may_receive(own);

	k->sources = calloc(others + 1, sizeof(k->sources[0]));
	if (!k->sources) {
		return -ENOMEM;
	}
	if (receive) {
		list_source(k, "ports", NULL, own);
	}
	for (size_t i = 0; i < others; i++) {
		const struct conf_source *source = &d->conf->sources[i];

		list_source(k, source->name, source,
			    source->instance ? instance_of(d, source) : NULL);
	}
	k->source_count = k->listed;
	if (!receive) {
		list_source(k, "ports", NULL, own);
		own->keeper_source = -1;
	}
	return 0;
}

static int build_keeper(struct daemon *d, struct driver_error *error)
{
	bool software = false;
	int r = list_sources(d);

	for (size_t i = 0; i < d->instance_count; i++) {
		software |= instance_receives_software_stamps(&d->instances[i]);
	}
	d->keeper.engine = d->instances[0].engine;
	r = r ? r : keeper_init(&d->keeper, software);
	return r == 0 ? 0
		      : driver_fail(error, r, "cannot build the clock from this configuration: %s",
				    driver_strerror(r));
}

/* Reading changes nothing of what is read. */
/* What is wrong with a source has its place in the file. */
static int open_reader(struct daemon *d, unsigned int source, struct driver_error *error)
{
	const struct conf_source *conf = d->keeper.sources[source].conf;
	struct driver_error what = { "" };
	int r = reader_open(&d->readers[d->reader_count++], &d->keeper, source, d->log, &what);

	if (r != 0 && d->conf->file && conf->line) {
		return driver_fail(error, r, "%s:%u: %s", d->conf->file, conf->line, what.text);
	}
	return r ? driver_fail(error, r, "%s", what.text) : 0;
}

static int open_readers(struct daemon *d, struct driver_error *error)
{
	size_t count = d->conf->source_count + 1 - d->instance_count;
	int r = 0;

	if (count == 0) {
		return 0;
	}
	d->readers = calloc(count, sizeof(d->readers[0]));
	if (!d->readers) {
		return driver_fail(error, -ENOMEM, "no memory for %zu sources", count);
	}
	for (unsigned int i = 0; r == 0 && i < d->keeper.source_count; i++) {
		if (!d->keeper.sources[i].engine) {
			r = open_reader(d, i, error);
		}
	}
	return r;
}

/* -- interfaces ------------------------------------------------------------------------------- */

static bool has_interface(const struct instance *in, const char *name)
{
	for (size_t i = 0; i < in->ports.count; i++) {
		if (strcmp(in->ports.list[i].name.interface, name) == 0) {
			return true;
		}
	}
	return false;
}

/* Ports of two instances may be on one interface. */
static void find_shared(struct daemon *d)
{
	for (size_t i = 0; i < d->instance_count; i++) {
		struct ports *ports = &d->instances[i].ports;

		for (size_t p = 0; p < ports->count; p++) {
			for (size_t o = 0; o < d->instance_count; o++) {
				ports->list[p].shared |=
					o != i && has_interface(&d->instances[o],
								ports->list[p].name.interface);
			}
		}
	}
}

/* -- life ------------------------------------------------------------------------------------- */

/* Everything that can go wrong without touching the system. */
static int prepare(struct daemon *d, struct driver_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->instance_count; i++) {
		r = instance_choose(&d->instances[i], error);
	}
	find_shared(d);
	r = r ? r : open_clock(d, error);
	if (r == 0 && handover_is_wanted(d->conf)) {
		r = handover_open(&d->keeper.handover.out, d->conf, error);
	}
	r = r ? r : claim_clock(d, error);
	r = r ? r : remember_load(&d->remember, d->conf, &d->keeper, d->log, error);
	d->instances[0].initial_delay_ns = remember_delay(&d->remember);
	for (size_t i = 0; r == 0 && i < d->instance_count; i++) {
		r = instance_build(&d->instances[i], error);
	}
	r = r ? r : build_keeper(d, error);
	if (r != 0) {
		return r;
	}
	herald_init(&d->herald, d->conf, &d->keeper);
	return open_readers(d, error);
}

/* Links are opened last: opening them switches time stamping on, and nothing may fail after it that
 * could have been known before. */
int daemon_create(struct daemon *d, const struct conf *conf, struct log *log,
		  struct driver_error *error)
{
	int r = join(d, conf, log);

	r = r ? driver_fail(error, r, "%s", driver_strerror(r)) : prepare(d, error);
	if (r == 0) {
		r = syncs_open(&d->syncs, conf, log, d->keeper.clock, conf->force, error);
	}
	for (size_t i = 0; r == 0 && i < d->reader_count; i++) {
		d->readers[i].told = syncs_tell_programs(&d->syncs);
	}
	local_init(&d->local, d->instances ? d->instances[0].engine : NULL, &d->keeper);
	control_init(&d->control, control_methods_answer, d);
	if (r == 0) {
		r = local_open(&d->local, conf, error);
	}
	if (r == 0) {
		r = guests_open(&d->guests, conf, log, &d->keeper, error);
	}
	if (r == 0) {
		r = control_open(&d->control, conf, error);
	}
	if (r == 0) {
		r = monitors_open(&d->monitors, &d->guests, &d->control);
	}
	for (size_t i = 0; r == 0 && i < d->instance_count; i++) {
		r = instance_open(&d->instances[i], error);
	}
	if (r != 0) {
		daemon_destroy(d);
	}
	return r;
}

/* Works on what daemon_create left half done, too. Time stamping that instances share is put back
 * in the reverse order. */
void daemon_destroy(struct daemon *d)
{
	monitors_close(&d->monitors);
	control_close(&d->control);
	local_close(&d->local);
	guests_close(&d->guests);
	for (size_t i = d->instance_count; i > 0; i--) {
		instance_finish(&d->instances[i - 1]);
	}
	free(d->instances);
	for (size_t i = 0; i < d->reader_count; i++) {
		reader_close(&d->readers[i]);
	}
	free(d->readers);
	lookout_finish(&d->lookout);
	syncs_close(&d->syncs);
	keeper_finish(&d->keeper);
	steward_release(&d->steward);
	memset(d, 0, sizeof(*d));
}

/* -- other clocks ----------------------------------------------------------------------------- */

/* A clock that never followed anything is worth following only if the configuration says that it
 * is what others follow: somebody else keeps it, or it has no sources and is to be grandmaster. */
static bool is_reference(const struct daemon *d)
{
	const struct conf *conf = d->conf;
	bool transmits = conf->port_count > 0;

	if (conf->free_running || d->keeper.handover.out) {
		return true;
	}
	for (size_t i = 0; i < conf->port_count; i++) {
		transmits &= conf->ports[i].conf.server_only != 0;
	}
	return conf->source_count == 0 &&
	       (transmits || conf->clock_class < CONF_BEST_RECEIVER_CLASS);
}

/* Once in step it stays worth following without a source: it drifts within its bound. */
static bool is_kept_valid(const struct daemon *d)
{
	return d->keeper.state == GNOMON_SERVO_LOCKED ||
	       d->keeper.state == GNOMON_SERVO_LOCKED_STABLE ||
	       gnomon_ensemble_mode(d->keeper.ensemble) == GNOMON_ENSEMBLE_HOLDOVER ||
	       is_reference(d);
}

/* What is the reference itself is as good as the configuration says. */
static double kept_bound(const struct daemon *d, gnomon_mono now)
{
	const double bound = keeper_bound(&d->keeper, now);

	return isfinite(bound) || !is_reference(d)
		       ? bound
		       : quality_accuracy_bound((uint8_t)d->conf->clock_accuracy);
}

/* chronyd leaves us for its servers when it is told nothing any more, and only then can be
 * followed: so what is held over is not told either. Without such a source nobody is told his own
 * time. */
static bool may_be_theirs(const struct daemon *d)
{
	const struct keeper *k = &d->keeper;
	bool any = false;

	for (size_t i = 0; i < d->conf->source_count; i++) {
		any |= d->conf->sources[i].type == CONF_SOURCE_NTP;
	}
	return any && (k->selected < 0 || (k->sources[k->selected].conf &&
					   k->sources[k->selected].conf->type == CONF_SOURCE_NTP));
}

gnomon_mono daemon_expire_syncs(struct daemon *d, gnomon_mono now)
{
	struct gnomon_time_properties_ds properties;

	if (d->syncs.count == 0) {
		return GNOMON_MONO_NEVER;
	}
	keeper_time_properties(&d->keeper, &properties);
	syncs_time_properties(&d->syncs, &properties);
	syncs_theirs(&d->syncs, may_be_theirs(d), now);
	syncs_kept(&d->syncs, is_kept_valid(d), kept_bound(d, now), now);
	if (!gnomon_mono_before(now, syncs_deadline(&d->syncs))) {
		syncs_expire(&d->syncs, now);
	}
	return syncs_deadline(&d->syncs);
}

/* -- guests ----------------------------------------------------------------------------------- */

/* What is not in step yet is nobody's time, and what was lost goes on within its bound. */
static enum gnomon_vmclock_status guests_status(const struct daemon *d)
{
	const enum gnomon_servo_state state = d->keeper.state;

	if (is_reference(d)) {
		return GNOMON_VMCLOCK_SYNCHRONIZED;
	}
	switch (gnomon_ensemble_mode(d->keeper.ensemble)) {
	case GNOMON_ENSEMBLE_FOLLOWING:
		return state == GNOMON_SERVO_LOCKED || state == GNOMON_SERVO_LOCKED_STABLE
			       ? GNOMON_VMCLOCK_SYNCHRONIZED
			       : GNOMON_VMCLOCK_UNRELIABLE;
	case GNOMON_ENSEMBLE_HOLDOVER:
	case GNOMON_ENSEMBLE_FREE:
		return GNOMON_VMCLOCK_FREERUNNING;
	case GNOMON_ENSEMBLE_NONE:
		break;
	}
	return GNOMON_VMCLOCK_UNRELIABLE;
}

/* Where nobody says how wrong the reference is, errors are counted from it, as everywhere. */
gnomon_mono daemon_expire_guests(struct daemon *d, gnomon_mono now)
{
	struct guests_standing standing;
	double accuracy_ns;

	if (!d->guests.host) {
		return GNOMON_MONO_NEVER;
	}
	accuracy_ns = quality_accuracy_bound((uint8_t)d->conf->clock_accuracy);
	standing.status = guests_status(d);
	standing.follows = gnomon_ensemble_mode(d->keeper.ensemble) == GNOMON_ENSEMBLE_FOLLOWING;
	standing.reference = is_reference(d);
	standing.reference_bound_ns = isfinite(accuracy_ns) ? accuracy_ns : 0.0;
	standing.realtime_slew_ppb = syncs_slew(&d->syncs, "CLOCK_REALTIME", now);
	guests_kept(&d->guests, &standing);
	guests_expire(&d->guests, now);
	d->status_changed |= d->guests.changed;
	d->guests.changed = false;
	return guests_deadline(&d->guests);
}
