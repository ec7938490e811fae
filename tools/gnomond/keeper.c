/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeping the clock: what the discipline makes of samples is done to it, in order. */
#include "keeper.h"

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

/* How long a clock is without a source when it is told again; twice as long each time, to a limit
 * that is repeated. */
#define HOLDOVER_TOLD_NS (60 * (int64_t)GNOMON_NSEC_PER_SEC)
#define HOLDOVER_TOLD_MOST_NS (3600 * (int64_t)GNOMON_NSEC_PER_SEC)

/* The kernel counts itself out of synchronization after 16 s; telling it costs a system call. */
#define TELL_KERNEL_NS (4 * (int64_t)GNOMON_NSEC_PER_SEC)

/* How often to look whether somebody else has stepped the clock. */
#define LOOK_NS ((int64_t)GNOMON_NSEC_PER_SEC)

/* -- building --------------------------------------------------------------------------------- */

/* All three count the same updates. */
static void reset_stats(struct keeper *k)
{
	gnomon_stats_reset(&k->stats.offset);
	gnomon_stats_reset(&k->stats.frequency);
	gnomon_stats_reset(&k->stats.delay);
}

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
	reset_stats(k);
	expect_samples(k);
	return 0;
}

/* A model is the ensemble's to apply. */
void keeper_start(struct keeper *k)
{
	int r = 0;

	if (k->has_start_frequency && !k->conf->free_running) {
		r = k->clock->ops->set_frequency(k->clock, k->start_frequency_ppb);
		witness_frequency(&k->witness, k->start_frequency_ppb);
	}
	if (r != 0) {
		report_clock_error(k->log, "adjust the clock", r);
	}
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

const struct keeper_source *keeper_reference(const struct keeper *k)
{
	return k->reference < 0 ? NULL : &k->sources[k->reference];
}

const char *keeper_grandmaster(const struct keeper *k)
{
	return source_of(k, leading_engine(k))->gm;
}

/* -- reporting -------------------------------------------------------------------------------- */

/* Every update alone if there is one in an interval, as ptp4l counts them; else statistics. */
static void report_update(struct keeper *k, const struct keeper_origin *origin,
			  const struct gnomon_sample *sample, gnomon_mono now)
{
	const struct keeper_source *source = &k->sources[origin->source];
	double wanted = k->summary_s / source->interval_s;
	struct gnomon_estimate estimate;
	struct report_sync line = {
		.port = origin->port,
		.state = origin->state,
		.servo = k->state,
		.offset_ns = gnomon_span_to_double(sample->offset),
		.frequency_ppb = k->frequency_ppb,
		.mean_delay_ns = gnomon_span_to_double(sample->mean_delay),
		.gm = source->gm,
		.steps_removed = source->steps_removed,
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
	gnomon_ensemble_estimate(k->ensemble, now, &estimate);
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
	return gnomon_time_diff(sample->local, k->last_local).ns > now.ns - k->last_mono.ns;
}

/* How many others stand together, and the mean of their offsets. */
static unsigned int others(const struct keeper *k, unsigned int source, double *mean_ns)
{
	unsigned int count = 0;
	double sum = 0.0;

	for (unsigned int i = 0; i < k->source_count; i++) {
		struct gnomon_ensemble_view view;

		gnomon_ensemble_source_view(k->ensemble, i, &view);
		if (i != source && (view.state == GNOMON_SOURCE_GOOD ||
				    view.state == GNOMON_SOURCE_SELECTED)) {
			sum += view.offset_ns;
			count++;
		}
	}
	*mean_ns = count ? sum / count : 0.0;
	return count;
}

/* Why a source stands as it does, in words; "" if its state says it all. */
static void reason_of(const struct keeper *k, unsigned int source, gnomon_mono now,
		    const struct gnomon_ensemble_view *view, char *why, size_t size)
{
	unsigned int count;
	double mean_ns;

	switch (view->state) {
	case GNOMON_SOURCE_SILENT:
		snprintf(why, size, "for %.0f s", (double)(now.ns - view->at.ns) * 1e-9);
		break;
	case GNOMON_SOURCE_ALARM:
		snprintf(why, size, "%s", k->sources[source].alarm);
		break;
	case GNOMON_SOURCE_WIDE:
		snprintf(why, size, "bound %.0f ns of %.0f wanted", view->bound_ns,
			 k->sources[source].conf ? k->sources[source].conf->max_bound_ns : 0.0);
		break;
	case GNOMON_SOURCE_OUTVOTED:
		count = others(k, source, &mean_ns);
		snprintf(why, size, "%.0f ns from %u other%s", mean_ns - view->offset_ns, count,
			 count == 1 ? "" : "s");
		break;
	case GNOMON_SOURCE_DISPUTED:
		snprintf(why, size, "%.0f ns from this clock, and no majority", -view->offset_ns);
		break;
	case GNOMON_SOURCE_WAITING:
		snprintf(why, size, "was lost, and has to stay good (source_recover) first");
		break;
	case GNOMON_SOURCE_UNKNOWN:
	case GNOMON_SOURCE_GOOD:
	case GNOMON_SOURCE_SELECTED:
		why[0] = '\0';
		break;
	}
}

static void tell_source(const struct keeper *k, unsigned int source, gnomon_mono now)
{
	struct gnomon_ensemble_view view;
	struct report_source line = { .name = k->sources[source].name };

	gnomon_ensemble_source_view(k->ensemble, source, &view);
	reason_of(k, source, now, &view, line.why, sizeof(line.why));
	line.state = view.state;
	line.measured = view.measured;
	line.offset_ns = view.offset_ns;
	line.bound_ns = view.bound_ns;
	report_source(k->log, &line);
}

/* Where there is a choice, what is thought of the sources, and which is followed. */
static void tell_sources(const struct keeper *k, const struct gnomon_select_change *change,
			 gnomon_mono now)
{
	for (unsigned int i = 0; k->source_count > 1 && i < k->source_count; i++) {
		if (change->states >> i & 1) {
			tell_source(k, i, now);
		}
	}
	if (k->source_count > 1 && change->switched) {
		report_switch(k->log,
			      change->before < 0 ? "" : k->sources[change->before].name,
			      change->selected < 0 ? "" : k->sources[change->selected].name);
	}
}

/* How good the clock is without a source, or was until it had one again. */
static void tell_holdover(const struct keeper *k, enum gnomon_ensemble_mode mode, gnomon_mono now)
{
	struct gnomon_estimate estimate;
	struct report_holdover line = { .mode = mode };

	gnomon_ensemble_estimate(k->ensemble, now, &estimate);
	line.frequency_ppb = estimate.frequency_ppb;
	line.frequency_error_ppb = estimate.frequency_error_ppb;
	line.bound_ns = estimate.bound_ns;
	line.lasted_s = (double)(now.ns - k->lost.ns) * 1e-9;
	report_holdover(k->log, &line);
}

static void tell_mode(struct keeper *k, enum gnomon_ensemble_mode mode, gnomon_mono now)
{
	switch (mode) {
	case GNOMON_ENSEMBLE_HOLDOVER:
	case GNOMON_ENSEMBLE_FREE:
		k->lost = now;
		k->lost_ns = HOLDOVER_TOLD_NS;
		tell_holdover(k, mode, now);
		break;
	case GNOMON_ENSEMBLE_FOLLOWING:
	case GNOMON_ENSEMBLE_NONE:
		if (k->lost.ns) {
			tell_holdover(k, mode, now);
		}
		k->lost = (gnomon_mono){ 0 };
		break;
	}
}

/* The bound grows while nothing else happens: after a minute, two, four and so on. */
static void tell_still_lost(struct keeper *k, gnomon_mono now)
{
	if (k->lost.ns && !gnomon_mono_before(now, gnomon_mono_add(k->lost, k->lost_ns))) {
		tell_holdover(k, gnomon_ensemble_mode(k->ensemble), now);
		k->lost_ns += k->lost_ns < HOLDOVER_TOLD_MOST_NS ? k->lost_ns
								 : HOLDOVER_TOLD_MOST_NS;
	}
}

/* -- commands --------------------------------------------------------------------------------- */

static void tell_engines(struct keeper *k, const struct gnomon_clock_event *event,
			 gnomon_mono now)
{
	for (unsigned int i = 0; i < k->listed; i++) {
		if (k->sources[i].engine) {
			(void)gnomon_engine_clock_event(k->sources[i].engine, event, now);
		}
	}
}

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

/* Step first, then the frequency. Returns 0 or what the clock refused with. */
static int change_clock(struct keeper *k, const struct gnomon_discipline_command *c,
			struct gnomon_clock_event *event)
{
	struct gnomon_clock *clock = k->clock;
	int refused = 0;
	int r;

	if (c->step) {
		r = clock->ops->step(clock, c->step_by);
		witness_forget(&k->witness);
		event->stepped = r == 0;
		event->step_by = c->step_by;
		if (r != 0) {
			refused = r;
			report_clock_error(k->log, "step clock", r);
		} else {
			report_step(k->log, c->step_by);
			retell_timescale(k);
		}
	}
	if (c->set_frequency) {
		r = clock->ops->set_frequency(clock, c->frequency_ppb);
		if (r != 0) {
			refused = r;
			report_clock_error(k->log, "adjust the clock", r);
		} else {
			witness_frequency(&k->witness, c->frequency_ppb);
		}
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
		tell_engines(k, &event, now);
	}
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

/* The local timescale moved under the engines: to them that is a step. */
static void timescale_jump(struct keeper *k, int seconds, gnomon_mono now)
{
	const struct gnomon_clock_event event = {
		.size = sizeof(event),
		.state = GNOMON_SERVO_UNLOCKED,
		.stepped = true,
		.step_by = gnomon_span_from_ns((int64_t)seconds * GNOMON_NSEC_PER_SEC),
		.rate_ratio = 1.0,
	};

	gnomon_ensemble_reset(k->ensemble, now);
	k->state = GNOMON_SERVO_UNLOCKED;
	tell_engines(k, &event, now);
}

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

	retell_timescale(k);
	tell_engines(k, &event, now);
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
	witness_forget(&k->witness);
	if (r != 0) {
		report_clock_error(k->log, "set the clock", r);
		return;
	}
	report_step(k->log, by);
	stepped(k, by, by, now);
}

/* The shift must change before the next timestamp is converted, so this is done at once. */
static void take_time_properties(struct keeper *k, gnomon_mono now)
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
	apply_tai_offset(k, false);
	if (change.leap_changed) {
		apply_leap(k);
	}
	if (change.jump_s) {
		timescale_jump(k, change.jump_s, now);
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
		take_time_properties(k, now);
	}
	tell_timescale(k, source);
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
		tell_sources(k, &change.sources, now);
		if (change.mode_changed) {
			tell_mode(k, change.mode, now);
		}
		if (change.sources.switched && k->source_count > 1) {
			reset_stats(k);
			take_time_properties(k, now);
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
		apply_tai_offset(k, timescale_has_followed(s->offset));
		tell_kernel(k, command, s, now);
		report_update(k, origin, s, now);
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
		stepped(k, gnomon_span_from_double(report.by_ns), widest(k, &report, now), now);
		break;
	case WITNESS_SLEPT:
		report_slept(k->log, report.slept_s);
		timescale_jump(k, 0, now);
		break;
	}
	take_changes(k, now);
	return true;
}

/* -- samples ---------------------------------------------------------------------------------- */

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

void keeper_tell_sources(const struct keeper *k, gnomon_mono now)
{
	for (unsigned int i = 0; k->source_count > 1 && i < k->source_count; i++) {
		tell_source(k, i, now);
	}
}

gnomon_mono keeper_deadline(const struct keeper *k)
{
	return gnomon_mono_min(gnomon_ensemble_deadline(k->ensemble), k->look);
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
	tell_still_lost(k, now);
}
