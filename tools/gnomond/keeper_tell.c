/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log hears of the kept clock and its sources. */
#include "keeper_private.h"

#include <stdio.h>

/* How long a clock is without a source when it is told again; twice as long each time, to a limit
 * that is repeated. */
#define HOLDOVER_TOLD_NS (60 * (int64_t)GNOMON_NSEC_PER_SEC)
#define HOLDOVER_TOLD_MOST_NS (3600 * (int64_t)GNOMON_NSEC_PER_SEC)

/* All three count the same updates. */
void keeper_reset_stats(struct keeper *k)
{
	gnomon_stats_reset(&k->stats.offset);
	gnomon_stats_reset(&k->stats.frequency);
	gnomon_stats_reset(&k->stats.delay);
}

/* Every update alone if there is one in an interval, as ptp4l counts them; else statistics. */
void keeper_report_update(struct keeper *k, const struct keeper_origin *origin,
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
	keeper_reset_stats(k);
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
void keeper_tell_changes(const struct keeper *k, const struct gnomon_select_change *change,
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

void keeper_tell_mode(struct keeper *k, enum gnomon_ensemble_mode mode, gnomon_mono now)
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
void keeper_tell_still_lost(struct keeper *k, gnomon_mono now)
{
	if (k->lost.ns && !gnomon_mono_before(now, gnomon_mono_add(k->lost, k->lost_ns))) {
		tell_holdover(k, gnomon_ensemble_mode(k->ensemble), now);
		k->lost_ns += k->lost_ns < HOLDOVER_TOLD_MOST_NS ? k->lost_ns
								 : HOLDOVER_TOLD_MOST_NS;
	}
}

void keeper_tell_sources(const struct keeper *k, gnomon_mono now)
{
	for (unsigned int i = 0; k->source_count > 1 && i < k->source_count; i++) {
		tell_source(k, i, now);
	}
}
