/* SPDX-License-Identifier: BSD-2-Clause */
/* TAI, UTC and leap seconds of the kept clock, and what the sources say of them. */
#include "keeper_private.h"

#include <math.h>

#include "quality.h"

/* The one that is followed, NULL: none is. */
static struct keeper_source *followed(const struct keeper *k)
{
	return k->selected < 0 ? NULL : &k->sources[k->selected];
}

/* What is known of an engine. */
static struct keeper_source *source_of(const struct keeper *k, const struct gnomon_engine *engine)
{
	unsigned int i = 0;

	while (i + 1 < k->listed && k->sources[i].engine != engine) {
		i++;
	}
	return &k->sources[i];
}

/* Whose time properties count: those of the ports if nothing with any is followed. */
static const struct gnomon_engine *leading_engine(const struct keeper *k)
{
	const struct keeper_source *source = followed(k);

	return source && source->engine ? source->engine : k->engine;
}

void keeper_time_properties(const struct keeper *k, struct gnomon_time_properties_ds *properties)
{
	gnomon_engine_time_properties_ds(leading_engine(k), properties);
}

int keeper_utc_offset(const struct keeper *k)
{
	const unsigned int sure = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID;
	struct gnomon_time_properties_ds properties;

	keeper_time_properties(k, &properties);
	return (properties.flags & sure) == sure ? properties.current_utc_offset
						 : k->conf->utc_offset;
}

const char *keeper_grandmaster(const struct keeper *k)
{
	return source_of(k, leading_engine(k))->gm;
}

/* followed: as timescale_tai_due() has it. */
void keeper_apply_tai_offset(struct keeper *k, bool followed)
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
void keeper_retell_timescale(struct keeper *k)
{
	gnomon_time utc;

	if (k->clock->utc && k->clock->ops->read(k->clock, &utc) == 0) {
		timescale_stepped(&k->timescale, utc.sec);
		keeper_apply_tai_offset(k, true);
	}
}

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

/* The local timescale moved under the engines: to them that is a step. */
void keeper_timescale_jump(struct keeper *k, int seconds, gnomon_mono now)
{
	const struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = GNOMON_SERVO_UNLOCKED,
		.stepped = true,
		.step_by = gnomon_span_from_ns((int64_t)seconds * GNOMON_NSEC_PER_SEC),
		.rate_ratio = 1.0,
	};

	if (k->watch.stepped && seconds) {
		k->watch.stepped(k->watch.context, event.step_by, 0.0, true);
	}
	gnomon_ensemble_reset(k->ensemble, now);
	k->state = GNOMON_SERVO_UNLOCKED;
	keeper_tell_engines(k, &event, now);
}

/* The shift must change before the next timestamp is converted, so this is done at once. */
void keeper_take_time_properties(struct keeper *k, gnomon_mono now)
{
	struct gnomon_time_properties_ds properties;
	struct timescale_change change;
	gnomon_time utc = { 0, 0, 0 };
	bool valid;

	keeper_time_properties(k, &properties);
	valid = properties.flags & GNOMON_FLAG_UTC_OFFSET_VALID;
	if (k->clock->utc) {
		(void)k->clock->ops->read(k->clock, &utc);
	}
	timescale_update(&k->timescale, &properties, utc.sec, &change);
	if (change.offset_changed || change.leap_changed) {
		witness_forget(&k->witness); /* the kernel may have made a leap second */
	}
	if (change.offset_changed) {
		report_utc_offset(k->log, properties.current_utc_offset, valid);
	}
	keeper_apply_tai_offset(k, false);
	if (change.leap_changed) {
		apply_leap(k);
	}
	if (change.jump_s) {
		keeper_timescale_jump(k, change.jump_s, now);
	}
}

/* Tell once of every grandmaster what kind of time it gives. */
static void tell_timescale(const struct keeper *k, struct keeper_source *source)
{
	struct gnomon_time_properties_ds properties;
	int ptp = -1;

	gnomon_engine_time_properties_ds(source->engine, &properties);
	if (source->steps_removed > 0) {
		ptp = (properties.flags & GNOMON_FLAG_PTP_TIMESCALE) != 0;
	}
	if (ptp != source->ptp_timescale && ptp >= 0) {
		report_timescale(k->log, ptp == 1, k->listed > 1 ? source->name : NULL);
	}
	source->ptp_timescale = ptp;
}

/* < 0: it says nothing. */
static double accuracy_bound(uint8_t accuracy)
{
	double bound = quality_accuracy_bound(accuracy);

	return isfinite(bound) ? bound : -1.0;
}

/* Kept as text for the log lines of every update. */
static void take_parent(struct keeper_source *source)
{
	struct gnomon_parent_ds parent;
	struct gnomon_current_ds current;

	gnomon_engine_parent_ds(source->engine, &parent);
	gnomon_engine_current_ds(source->engine, &current);
	gnomon_clock_identity_format(source->gm, &parent.grandmaster_identity);
	source->steps_removed = current.steps_removed;
	source->reference_bound_ns =
		accuracy_bound(parent.grandmaster_clock_quality.clock_accuracy);
}

void keeper_datasets(struct keeper *k, const struct gnomon_engine *engine, unsigned int changed,
		     gnomon_mono now)
{
	struct keeper_source *source = source_of(k, engine);

	if (changed & (GNOMON_DATASET_PARENT | GNOMON_DATASET_CURRENT)) {
		take_parent(source);
	}
	if (changed & GNOMON_DATASET_TIME_PROPERTIES && engine == leading_engine(k)) {
		keeper_take_time_properties(k, now);
	}
	tell_timescale(k, source);
}
