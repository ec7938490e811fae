/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeping the clock: what the discipline makes of samples is done to it, in order. */
#include "keeper.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/timer.h"
#include "tools/discipline/discipline.h"

/* The kernel counts itself out of synchronization after 16 s; telling it costs a system call. */
#define TELL_KERNEL_NS (4 * (int64_t)GNOMON_NSEC_PER_SEC)

/* -- building --------------------------------------------------------------------------------- */

/* All three count the same updates. */
static void reset_stats(struct keeper *k)
{
	gnomon_stats_reset(&k->stats.offset);
	gnomon_stats_reset(&k->stats.frequency);
	gnomon_stats_reset(&k->stats.delay);
}

/* How long a delay lives in the filter, at most: samples may come from any port. */
static double delay_memory(const struct conf *conf)
{
	double longest = 0.0;

	for (size_t i = 0; i < conf->port_count; i++) {
		const struct conf_port *c = &conf->ports[i].conf;
		int interval = c->delay_mechanism == CONF_DELAY_P2P
				       ? c->log_min_pdelay_req_interval
				       : c->log_min_delay_req_interval;
		double memory = ldexp(c->delay_filter_length, interval);

		if (memory > longest) {
			longest = memory;
		}
	}
	return longest;
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
	d.delay_memory_s = delay_memory(c);
	k->frequency_ppb = d.servo_config.frequency_ppb;
	r = r != 0 ? r : discipline_create(&k->discipline, &k->memory, &d);
	if (r != 0) {
		return r;
	}
	k->ptp_timescale = -1;
	k->summary_s = ldexp(1.0, c->summary_interval);
	/* A program that keeps the clock hears of leap seconds even if the kernel must not. */
	timescale_init(&k->timescale, k->clock->utc, k->handover.out || c->kernel_leap);
	reset_stats(k);
	keeper_sync_interval(k, c->ports[0].conf.log_sync_interval);
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
	memset(k, 0, sizeof(*k));
}

void keeper_sync_interval(struct keeper *k, int log_interval)
{
	int kept = log_interval < GNOMON_LOG_INTERVAL_FLOOR ? GNOMON_LOG_INTERVAL_FLOOR
							    : log_interval;

	/* Gains for what is shorter than it can be would be too great. */
	k->sync_interval_s = ldexp(1.0, kept);
	gnomon_discipline_sync_interval(k->discipline, k->sync_interval_s);
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

/* -- reporting -------------------------------------------------------------------------------- */

/* Every update alone if there is one in an interval, as ptp4l counts them; else statistics. */
static void report_update(struct keeper *k, const struct keeper_origin *origin,
			  const struct gnomon_sample *sample, gnomon_mono now)
{
	double wanted = k->summary_s / k->sync_interval_s;
	struct gnomon_estimate estimate;
	struct report_sync line = {
		.port = origin->port,
		.state = origin->state,
		.servo = k->state,
		.offset_ns = gnomon_span_to_double(sample->offset),
		.frequency_ppb = k->frequency_ppb,
		.mean_delay_ns = gnomon_span_to_double(sample->mean_delay),
		.gm = k->gm,
		.steps_removed = k->steps_removed,
	};

	if (k->log->level < 6) {
		return;
	}
	gnomon_stats_add(&k->stats.offset, line.offset_ns);
	gnomon_stats_add(&k->stats.frequency, line.frequency_ppb);
	gnomon_stats_add(&k->stats.delay, line.mean_delay_ns);
	if (k->stats.offset.count < wanted) {
		return;
	}
	gnomon_discipline_estimate(k->discipline, now, &estimate);
	line.bound_ns = estimate.bound_ns;
	if (wanted < 2) {
		report_sync(k->log, &line);
	} else {
		report_summary(k->log, &k->stats, &line);
	}
	reset_stats(k);
}

/* Which way the clock ran against the monotonic one since the last sample. */
static bool ran_fast(const struct keeper *k, const struct gnomon_sample *sample, gnomon_mono now)
{
	return gnomon_time_diff(sample->local, k->last.local).ns > now.ns - k->last_mono.ns;
}

/* -- commands --------------------------------------------------------------------------------- */

static void tell_kernel(struct keeper *k, const struct gnomon_discipline_command *c,
			const struct gnomon_sample *sample, gnomon_mono now)
{
	bool locked = c->state == GNOMON_SERVO_LOCKED || c->state == GNOMON_SERVO_LOCKED_STABLE;
	gnomon_mono next = gnomon_mono_add(k->kernel_told, TELL_KERNEL_NS);

	if (!locked || !k->clock->utc || (k->kernel_told.ns && gnomon_mono_before(now, next))) {
		return;
	}
	k->kernel_told = now;
	(void)clock_system_set_synchronized(k->clock, true, gnomon_span_abs(sample->offset).ns);
}

/* followed: as timescale_tai_due() has it. */
static void apply_tai_offset(struct keeper *k, bool followed)
{
	int r;

	if (k->conf->free_running || !k->clock->ops->set_tai_offset ||
	    !timescale_tai_due(&k->timescale, followed)) {
		return;
	}
	r = k->clock->ops->set_tai_offset(k->clock, k->timescale.tai_offset);
	if (r != 0) {
		report_clock_error(k->log, "set TAI offset", r);
	}
}

/* After a step: to what second, and by a second if one was missing. */
static void retell_timescale(struct keeper *k)
{
	gnomon_time utc;

	if (k->clock->utc && k->clock->ops->read(k->clock, &utc) == 0) {
		timescale_stepped(&k->timescale, utc.sec);
		apply_tai_offset(k, true);
	}
}

/* Step first, then the frequency. *event says what was done. */
static void obey(struct keeper *k, const struct gnomon_discipline_command *c,
		 struct gnomon_clock_event *event)
{
	struct gnomon_clock *clock = k->clock;
	int r;

	if (c->step) {
		r = clock->ops->step(clock, c->step_by);
		event->stepped = r == 0;
		event->step_by = c->step_by;
		if (r != 0) {
			report_clock_error(k->log, "step clock", r);
		} else {
			report_step(k->log, c->step_by);
			retell_timescale(k);
		}
	}
	if (c->set_frequency) {
		r = clock->ops->set_frequency(clock, c->frequency_ppb);
		if (r != 0) {
			report_clock_error(k->log, "adjust the clock", r);
		}
	}
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
	gnomon_discipline_estimate(k->discipline, now, &estimate);
	sample.error_ns = estimate.offset_stddev_ns;
	r = handover_send(&k->handover, &sample);
	if (r != 0) {
		report_clock_error(k->log, "hand over an offset", r);
	}
}

/* The engine is told last: what the servo says moves the port's state. */
void keeper_sample(struct keeper *k, const struct keeper_origin *origin,
		   const struct gnomon_sample *s, gnomon_mono now)
{
	struct gnomon_discipline_command command;
	struct gnomon_clock_event event = { .size = sizeof(event) };
	const struct gnomon_discipline_sample sample = {
		.offset = s->offset,
		.mean_delay = s->mean_delay,
		.local = s->local,
		.weight = s->weight,
		.reference_bound_ns = -1,
	};

	if (timescale_suspended(&k->timescale, s->local)) {
		return;
	}
	gnomon_discipline_sample(k->discipline, &sample, now, &command);
	if (command.insane) {
		report_sanity(k->log, ran_fast(k, s, now));
	}
	obey(k, &command, &event);
	k->state = command.state;
	if (!command.ignored) {
		k->frequency_ppb = command.frequency_ppb;
		apply_tai_offset(k, timescale_has_followed(s->offset));
		tell_kernel(k, &command, s, now);
		report_update(k, origin, s, now);
		hand_over(k, s, now);
	}
	k->last = *s;
	k->last_mono = now;
	event.state = command.state;
	event.rate_ratio = command.rate_ratio;
	(void)gnomon_engine_clock_event(k->engine, &event, now);
}

/* Nothing but the frequency changes, and nobody but the clock needs to know. */
void keeper_expire(struct keeper *k, gnomon_mono now)
{
	struct gnomon_discipline_command command;
	struct gnomon_clock_event untold = { .size = sizeof(untold) };

	if (gnomon_mono_before(now, gnomon_discipline_deadline(k->discipline))) {
		return;
	}
	gnomon_discipline_expire(k->discipline, now, &command);
	obey(k, &command, &untold);
	k->frequency_ppb = command.frequency_ppb;
}

/* -- UTC and leap seconds --------------------------------------------------------------------- */

/* Announced, or withdrawn, to the kernel, which does it at the end of the UTC day. */
static void apply_leap(struct keeper *k)
{
	int r;

	if (k->conf->free_running || !k->clock->ops->set_leap) {
		return;
	}
	r = k->clock->ops->set_leap(k->clock, k->timescale.leap);
	if (r != 0) {
		report_clock_error(k->log, "set the clock status", r);
	} else {
		report_leap(k->log, k->timescale.leap);
	}
}

/* The local timescale moved under the engine: to it that is a step. */
static void timescale_jump(struct keeper *k, int seconds, gnomon_mono now)
{
	const struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = GNOMON_SERVO_UNLOCKED,
		.stepped = true,
		.step_by = gnomon_span_from_ns((int64_t)seconds * GNOMON_NSEC_PER_SEC),
		.rate_ratio = 1.0,
	};

	gnomon_discipline_reset(k->discipline);
	k->state = GNOMON_SERVO_UNLOCKED;
	(void)gnomon_engine_clock_event(k->engine, &event, now);
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
	struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = k->state,
		.stepped = true,
		.rate_ratio = 1.0,
	};
	gnomon_time before;
	int r;

	if (!keeper_time(k, &before)) {
		return;
	}
	event.step_by = gnomon_time_diff(time, before);
	r = k->clock->ops->step(k->clock, event.step_by);
	if (r != 0) {
		report_clock_error(k->log, "set the clock", r);
		return;
	}
	report_step(k->log, event.step_by);
	retell_timescale(k);
	(void)gnomon_engine_clock_event(k->engine, &event, now);
}

/* The shift must change before the next timestamp is converted, so this is done at once. */
static void take_time_properties(struct keeper *k, gnomon_mono now)
{
	struct gnomon_time_properties_ds properties;
	struct timescale_change change;
	gnomon_time utc = { 0, 0, 0 };
	bool valid;

	gnomon_engine_time_properties_ds(k->engine, &properties);
	valid = properties.flags & GNOMON_FLAG_UTC_OFFSET_VALID;
	if (k->clock->utc) {
		(void)k->clock->ops->read(k->clock, &utc);
	}
	timescale_update(&k->timescale, &properties, utc.sec, &change);
	if (change.offset_changed) {
		report_utc_offset(k->log, properties.current_utc_offset, valid);
	}
	apply_tai_offset(k, false);
	if (change.leap_changed) {
		apply_leap(k);
	}
	if (change.jump_s) {
		timescale_jump(k, change.jump_s, now);
	}
}

/* Tell once of every grandmaster what kind of time it gives. */
static void tell_timescale(struct keeper *k)
{
	struct gnomon_time_properties_ds properties;
	int ptp = -1;

	gnomon_engine_time_properties_ds(k->engine, &properties);
	if (k->steps_removed > 0) {
		ptp = (properties.flags & GNOMON_FLAG_PTP_TIMESCALE) != 0;
	}
	if (ptp != k->ptp_timescale && ptp >= 0) {
		report_timescale(k->log, ptp == 1);
	}
	k->ptp_timescale = ptp;
}

/* Kept as text for the log lines of every update. */
static void take_parent(struct keeper *k)
{
	struct gnomon_parent_ds parent;
	struct gnomon_current_ds current;

	gnomon_engine_parent_ds(k->engine, &parent);
	gnomon_engine_current_ds(k->engine, &current);
	gnomon_clock_identity_format(k->gm, &parent.grandmaster_identity);
	k->steps_removed = current.steps_removed;
}

void keeper_datasets(struct keeper *k, unsigned int changed, gnomon_mono now)
{
	if (changed & (GNOMON_DATASET_PARENT | GNOMON_DATASET_CURRENT)) {
		take_parent(k);
	}
	if (changed & GNOMON_DATASET_TIME_PROPERTIES) {
		take_time_properties(k, now);
	}
	tell_timescale(k);
}
