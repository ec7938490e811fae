/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeping the clock: what the discipline makes of samples is done to it, in order. */
#include "keeper_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/timer.h"
#include "tools/discipline/discipline.h"

#include "ensemble_config.h"
#include "quality.h"

/* The kernel counts itself out of synchronization after 16 s; telling it costs a system call. */
#define TELL_KERNEL_NS (4 * (int64_t)GNOMON_NSEC_PER_SEC)
#define MAXERROR_MOST_NS 1e12

/* How often to look whether somebody else has stepped the clock, and how much later if nothing else
 * makes us wake up. */
#define LOOK_NS ((int64_t)GNOMON_NSEC_PER_SEC)
#define LOOK_LATE_NS (LOOK_NS / 2)

/* Within what a PHC's driver sets it; the others are exact. */
#define STEP_ERROR_NS 1e6

/* -- building --------------------------------------------------------------------------------- */

static int build(struct keeper *k, const struct gnomon_ensemble_config *config)
{
	size_t size = gnomon_ensemble_size(config);

	if (size == 0) {
		return -EINVAL;
	}
	k->memory = malloc(size);
	if (!k->memory) {
		return -ENOMEM;
	}
	return gnomon_ensemble_init(&k->ensemble, k->memory, size, config, timer_now());
}

static int build_ensemble(struct keeper *k, const struct gnomon_discipline_config *discipline)
{
	struct gnomon_ensemble_source sources[GNOMON_SELECT_SOURCES];
	struct gnomon_select_config select;
	struct gnomon_holdover_config holdover;
	const struct gnomon_ensemble_config config = {
		.size = sizeof(config),
		.discipline = discipline,
		.select = &select,
		.holdover = &holdover,
		.sources = sources,
		.source_count = k->source_count,
		.model = k->model,
		.model_age_s = k->model_age_s,
	};

	ensemble_config_fill_select(&select, k->conf);
	ensemble_config_fill_holdover(&holdover, k->conf);
	for (unsigned int i = 0; i < k->source_count; i++) {
		if (k->sources[i].conf) {
			ensemble_config_fill_source(&sources[i], k->sources[i].conf);
		} else {
			ensemble_config_fill_ports(&sources[i], k->conf);
		}
	}
	return build(k, &config);
}

/* Until the timeTransmitter tells another. */
static void expect_samples(struct keeper *k)
{
	for (unsigned int i = 0; i < k->source_count; i++) {
		const struct conf_source *c = k->sources[i].conf;
		const struct conf *ports = c ? c->instance : k->conf;

		if (ports) {
			keeper_sync_interval(k, i, conf_first_port(ports)->log_sync_interval);
		} else {
			k->sources[i].interval_s = c->type == CONF_SOURCE_PPS ? 1.0 : c->interval_s;
			gnomon_ensemble_sync_interval(k->ensemble, i, k->sources[i].interval_s);
		}
	}
}

/* After the clock is open, for its limits and its frequency. */
int keeper_init(struct keeper *k, bool software_stamps)
{
	const struct conf *c = k->conf;
	struct gnomon_discipline_config d;
	int r = discipline_configure(&d, c, k->clock);

	if (k->handover.out) {
		d.servo = gnomon_servo_find("pi"); /* measured like any clock */
		r = 0;
	}
	d.servo_config.software_timestamps = software_stamps;
	if (k->has_start_frequency) {
		d.servo_config.frequency_ppb = k->start_frequency_ppb;
	}
	k->frequency_ppb = d.servo_config.frequency_ppb;
	r = r != 0 ? r : build_ensemble(k, &d);
	if (r != 0) {
		return r;
	}
	for (unsigned int i = 0; i < k->listed; i++) {
		k->sources[i].ptp_timescale = -1;
		k->sources[i].reference_bound_ns = -1.0;
	}
	k->selected = -1;
	k->reference = -1;
	witness_init(&k->witness, k->clock, !c->free_running && !k->handover.out, k->frequency_ppb);
	k->look = GNOMON_MONO_NEVER;
	k->summary_s = ldexp(1.0, c->summary_interval);
	/* A program that keeps the clock hears of leap seconds even if the kernel must not. */
	timescale_init(&k->timescale, k->clock->utc, k->handover.out || c->kernel_leap);
	keeper_reset_stats(k);
	expect_samples(k);
	return 0;
}

void keeper_finish(struct keeper *k)
{
	if (k->clock && !k->conf->free_running && k->conf->restore_frequency) {
		(void)clock_restore(k->clock);
	}
	if (k->clock) {
		k->clock->ops->destroy(k->clock);
	}
	handover_close(&k->handover);
	free(k->memory);
	free(k->sources);
	memset(k, 0, sizeof(*k));
}

void keeper_sync_interval(struct keeper *k, unsigned int source, int log_interval)
{
	int kept = log_interval < GNOMON_LOG_INTERVAL_FLOOR ? GNOMON_LOG_INTERVAL_FLOOR
							    : log_interval;

	/* Gains for what is shorter than it can be would be too great. */
	k->sources[source].interval_s = ldexp(1.0, kept);
	gnomon_ensemble_sync_interval(k->ensemble, source, k->sources[source].interval_s);
}

bool keeper_local(struct keeper *k, enum gnomon_stamp_source source, gnomon_time stamp,
		  gnomon_time *local)
{
	if (k->clock->ops->from_stamp(k->clock, source, stamp, local) != 0) {
		return false;
	}
	*local = timescale_local(&k->timescale, *local);
	return true;
}

gnomon_time keeper_reading(const struct keeper *k, gnomon_time reading)
{
	return timescale_local(&k->timescale, reading);
}

double keeper_bound(const struct keeper *k, gnomon_mono now)
{
	struct gnomon_estimate estimate;

	gnomon_ensemble_estimate(k->ensemble, now, &estimate);
	return estimate.bound_ns;
}

const struct keeper_source *keeper_reference(const struct keeper *k)
{
	return k->reference < 0 ? NULL : &k->sources[k->reference];
}

/* -- commands --------------------------------------------------------------------------------- */

void keeper_tell_engines(struct keeper *k, const struct gnomon_clock_event *event,
			 gnomon_mono now)
{
	for (unsigned int i = 0; i < k->listed; i++) {
		if (k->sources[i].engine) {
			(void)gnomon_engine_clock_event(k->sources[i].engine, event, now);
		}
	}
}

/* The bound is what maxerror means; while none is known, what is still to be corrected. */
static void tell_kernel(struct keeper *k, const struct gnomon_discipline_command *c,
			const struct gnomon_sample *sample, gnomon_mono now)
{
	double bound_ns = keeper_bound(k, now);
	bool locked = c->state == GNOMON_SERVO_LOCKED || c->state == GNOMON_SERVO_LOCKED_STABLE;
	gnomon_mono next = gnomon_mono_add(k->kernel_told, TELL_KERNEL_NS);

	if (!locked || !k->clock->utc || (k->kernel_told.ns && gnomon_mono_before(now, next))) {
		return;
	}
	k->kernel_told = now;
	(void)clock_system_set_synchronized(k->clock, true,
					    bound_ns < MAXERROR_MOST_NS
						    ? (int64_t)bound_ns + 1
						    : gnomon_span_abs(sample->offset).ns);
}

/* Who watches the clock learns what a reading of it cannot tell. */
static void was_stepped(struct keeper *k, gnomon_span by, double error_ns)
{
	witness_forget(&k->witness);
	if (k->watch.stepped) {
		k->watch.stepped(k->watch.context, by, error_ns, true);
	}
}

static double step_error(const struct keeper *k)
{
	return strcmp(k->clock->ops->kind, "phc") == 0 ? STEP_ERROR_NS : 0.0;
}

static int apply_frequency(struct keeper *k, double ppb)
{
	const double before_ppb = k->witness.frequency_ppb;
	int r;

	if (k->watch.before) {
		k->watch.before(k->watch.context);
	}
	r = k->clock->ops->set_frequency(k->clock, ppb);
	if (r != 0) {
		report_clock_error(k->log, "adjust the clock", r);
		return r;
	}
	witness_frequency(&k->witness, ppb);
	if (k->watch.frequency) {
		k->watch.frequency(k->watch.context, before_ppb, ppb);
	}
	return 0;
}

/* A model is the ensemble's to apply. */
void keeper_start(struct keeper *k)
{
	if (k->has_start_frequency && !k->conf->free_running) {
		(void)apply_frequency(k, k->start_frequency_ppb);
	}
}

/* Step first, then the frequency. Returns 0 or what the clock refused with. */
static int change_clock(struct keeper *k, const struct gnomon_discipline_command *c,
			struct gnomon_clock_event *event)
{
	struct gnomon_clock *clock = k->clock;
	int refused = 0;
	int r;

	if (c->step) {
		r = clock->ops->step(clock, c->step_by);
		was_stepped(k, c->step_by, r == 0 ? step_error(k) : (double)INFINITY);
		event->stepped = r == 0;
		event->step_by = c->step_by;
		if (r != 0) {
			refused = r;
			report_clock_error(k->log, "step clock", r);
		} else {
			report_step(k->log, c->step_by);
			keeper_retell_timescale(k);
		}
	}
	if (c->set_frequency) {
		r = apply_frequency(k, c->frequency_ppb);
		refused = r ? r : refused;
	}
	return refused;
}

/* What the ensemble counts as done is not, if the clock refused. The engines hear what the servo
 * says last: it moves their ports' states. Without a sample they hear only of what is new. */
static void obey(struct keeper *k, const struct gnomon_discipline_command *c, bool sampled,
		 gnomon_mono now)
{
	struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = c->state,
		.rate_ratio = c->rate_ratio,
	};
	bool news = sampled || c->step || c->state != k->state;

	if (change_clock(k, c, &event) != 0) {
		gnomon_ensemble_reset(k->ensemble, now);
		event.state = GNOMON_SERVO_UNLOCKED;
	}
	k->state = event.state;
	if (c->set_frequency) {
		k->frequency_ppb = c->frequency_ppb;
	}
	if (news) {
		keeper_tell_engines(k, &event, now);
	}
}

/* -- being set -------------------------------------------------------------------------------- */

/* The clock was stepped, and not by the servo. known: by as the ensemble is to take it. */
static void stepped(struct keeper *k, gnomon_span by, gnomon_span known, gnomon_mono now)
{
	const struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = k->state,
		.stepped = true,
		.step_by = by,
		.rate_ratio = 1.0,
	};
	struct gnomon_discipline_command command;

	keeper_retell_timescale(k);
	keeper_tell_engines(k, &event, now);
	gnomon_ensemble_stepped(k->ensemble, known, now, &command);
	obey(k, &command, false, now);
}

bool keeper_time(struct keeper *k, gnomon_time *time)
{
	gnomon_time reading;

	if (k->clock->ops->read(k->clock, &reading) != 0) {
		return false;
	}
	*time = timescale_local(&k->timescale, reading);
	return true;
}

/* What the engine offers to management is the keeper's to do; it has not heard from a servo. */
void keeper_set_time(struct keeper *k, gnomon_time time, gnomon_mono now)
{
	gnomon_time before;
	gnomon_span by;
	int r;

	if (!keeper_time(k, &before)) {
		return;
	}
	by = gnomon_time_diff(time, before);
	r = k->clock->ops->step(k->clock, by);
	was_stepped(k, by, r == 0 ? step_error(k) : (double)INFINITY);
	if (r != 0) {
		report_clock_error(k->log, "set the clock", r);
		return;
	}
	report_step(k->log, by);
	stepped(k, by, by, now);
}

/* -- what has become of the sources ----------------------------------------------------------- */

/* Another source may have other time properties. */
static void take_changes(struct keeper *k, gnomon_mono now)
{
	struct gnomon_ensemble_change change;

	while (gnomon_ensemble_changes(k->ensemble, &change)) {
		k->selected = gnomon_ensemble_selected(k->ensemble);
		k->reference = k->selected >= 0 ? k->selected : k->reference;
		k->changed |= change.mode_changed || change.sources.switched;
		keeper_tell_changes(k, &change.sources, now);
		if (change.mode_changed) {
			keeper_tell_mode(k, change.mode, now);
		}
		if (change.sources.switched && k->source_count > 1) {
			keeper_reset_stats(k);
			keeper_take_time_properties(k, now);
		}
	}
}

/* What its operator vouches for goes before what the source says of itself. */
static double reference_bound(const struct keeper *k, const struct keeper_origin *origin)
{
	const struct keeper_source *source = &k->sources[origin->source];
	double vouched = source->conf ? source->conf->bound_ns : 0.0;

	if (origin->reference_bound_ns >= 0) {
		return origin->reference_bound_ns + vouched;
	}
	return vouched > 0 ? vouched : source->reference_bound_ns;
}

/* By what the clock itself reads. */
static void hand_over(struct keeper *k, const struct gnomon_sample *s, gnomon_mono now)
{
	struct gnomon_estimate estimate;
	struct sink_sample sample = {
		.local = timescale_reading(&k->timescale, s->local),
		.offset = s->offset,
		.leap = k->timescale.leap,
	};
	int r;

	if (!k->handover.out) {
		return;
	}
	gnomon_ensemble_estimate(k->ensemble, now, &estimate);
	sample.error_ns = estimate.offset_stddev_ns;
	r = handover_send(&k->handover, &sample);
	if (r != 0) {
		report_clock_error(k->log, "hand over an offset", r);
	}
}

/* What is known of a clock that has just followed a sample. */
static void take_update(struct keeper *k, const struct keeper_origin *origin,
			const struct gnomon_sample *s,
			const struct gnomon_discipline_command *command, gnomon_mono now)
{
	if (!command->ignored) {
		k->frequency_ppb = command->frequency_ppb;
		keeper_apply_tai_offset(k, timescale_has_followed(s->offset));
		tell_kernel(k, command, s, now);
		keeper_report_update(k, origin, s, now);
		hand_over(k, s, now);
	}
	k->last_local = s->local;
	k->last_mono = now;
}

/* -- steps by others -------------------------------------------------------------------------- */

/* What is not known exactly makes the bound wider, never narrower. In holdover that is as wide as
 * all steps, else as the offset that is left. */
static gnomon_span widest(const struct keeper *k, const struct witness_report *report,
			  gnomon_mono now)
{
	struct gnomon_estimate estimate;
	double sign = report->by_ns;

	gnomon_ensemble_estimate(k->ensemble, now, &estimate);
	if (gnomon_ensemble_mode(k->ensemble) != GNOMON_ENSEMBLE_HOLDOVER) {
		sign += estimate.offset_ns;
	}
	return gnomon_span_from_double(report->by_ns + copysign(report->error_ns, sign));
}

/* ptp4l hears of it from the next sample, and its users from clockcheck. */
static bool watched(const struct keeper *k)
{
	switch (gnomon_ensemble_mode(k->ensemble)) {
	case GNOMON_ENSEMBLE_NONE:
		return false;
	case GNOMON_ENSEMBLE_FOLLOWING:
		return k->log->format != CONF_LOG_PTP4L;
	case GNOMON_ENSEMBLE_HOLDOVER:
	case GNOMON_ENSEMBLE_FREE:
		return true;
	}
	return false;
}

/* True: the clock is not what it was, and measurements that were made before are of no use. */
static bool look(struct keeper *k, gnomon_mono now)
{
	struct witness_report report;
	gnomon_time reading;

	k->look = gnomon_mono_add(now, LOOK_NS);
	k->doubted = false;
	if (!watched(k) || (k->clock->utc && keeper_time(k, &reading) &&
			    timescale_suspended(&k->timescale, reading))) {
		witness_forget(&k->witness);
		return false;
	}
	switch (witness_look(&k->witness, &report)) {
	case WITNESS_NOTHING:
		return false;
	case WITNESS_STEPPED:
		report_stepped(k->log, report.by_ns, report.error_ns);
		if (k->watch.stepped) {
			k->watch.stepped(k->watch.context, gnomon_span_from_double(report.by_ns),
					 report.error_ns, false);
		}
		stepped(k, gnomon_span_from_double(report.by_ns), widest(k, &report, now), now);
		break;
	case WITNESS_SLEPT:
		report_slept(k->log, report.slept_s);
		if (k->watch.stepped) {
			k->watch.stepped(k->watch.context, gnomon_span_from_ns(0),
					 (double)INFINITY, false);
		}
		keeper_timescale_jump(k, 0, now);
		break;
	}
	take_changes(k, now);
	return true;
}

/* -- samples ---------------------------------------------------------------------------------- */

/* Which way the clock ran against the monotonic one since the last sample. */
static bool ran_fast(const struct keeper *k, const struct gnomon_sample *sample, gnomon_mono now)
{
	return gnomon_time_diff(sample->local, k->last_local).ns > now.ns - k->last_mono.ns;
}

void keeper_sample(struct keeper *k, const struct keeper_origin *origin,
		   const struct gnomon_sample *s, gnomon_mono now)
{
	struct gnomon_discipline_command command;
	const struct gnomon_discipline_sample sample = {
		.offset = s->offset,
		.mean_delay = s->mean_delay,
		.local = s->local,
		.weight = s->weight,
		.reference_bound_ns = reference_bound(k, origin),
	};
	bool used = false;

	if (look(k, now)) {
		return;
	}
	k->sources[origin->source].alarm[0] = '\0';
	k->sources[origin->source].unbounded = sample.reference_bound_ns < 0;
	if (timescale_suspended(&k->timescale, s->local)) {
		gnomon_ensemble_suspend(k->ensemble, origin->source, now, &command);
	} else {
		used = gnomon_ensemble_sample(k->ensemble, origin->source, &sample, now, &command);
	}
	if (command.insane) {
		report_sanity(k->log, ran_fast(k, s, now));
	}
	obey(k, &command, used, now);
	if (used) {
		take_update(k, origin, s, &command, now);
		if (k->watch.measured) {
			k->watch.measured(k->watch.context);
		}
	}
	take_changes(k, now);
}

void keeper_alarm(struct keeper *k, unsigned int source, const char *why, gnomon_mono now)
{
	struct gnomon_discipline_command command;

	snprintf(k->sources[source].alarm, sizeof(k->sources[source].alarm), "%s", why);
	gnomon_ensemble_alarm(k->ensemble, source, now, &command);
	obey(k, &command, false, now);
	take_changes(k, now);
}

gnomon_mono keeper_deadline(const struct keeper *k)
{
	gnomon_mono look = k->look.ns == GNOMON_MONO_NEVER.ns
				   ? k->look
				   : gnomon_mono_add(k->look, k->doubted ? 0 : LOOK_LATE_NS);

	return gnomon_mono_min(gnomon_ensemble_deadline(k->ensemble), look);
}

void keeper_doubt(struct keeper *k, gnomon_mono now)
{
	k->look = now;
	k->doubted = true;
}

void keeper_expire(struct keeper *k, gnomon_mono now)
{
	struct gnomon_discipline_command command;
	bool due = !gnomon_mono_before(now, gnomon_ensemble_deadline(k->ensemble));

	if (k->look.ns != GNOMON_MONO_NEVER.ns && (due || !gnomon_mono_before(now, k->look))) {
		(void)look(k, now);
	}
	if (due) {
		gnomon_ensemble_expire(k->ensemble, now, &command);
		obey(k, &command, false, now);
		take_changes(k, now);
	}
	keeper_tell_still_lost(k, now);
}
