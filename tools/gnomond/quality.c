/* SPDX-License-Identifier: BSD-2-Clause */
#include "quality.h"

#include <math.h>
#include <string.h>

/* timeSource, 7.6.2.8. */
#define SOURCE_PTP 0x40
#define SOURCE_NTP 0x50
#define SOURCE_OTHER 0x90
#define SOURCE_OSCILLATOR 0xa0

/* clockAccuracy, 7.6.2.6. */
#define ACCURACY_FIRST 0x17
#define ACCURACY_BEYOND 0x31
#define ACCURACY_UNKNOWN 0xfe

#define CLASS_DEFAULT 248

/* In ns, from 0x17 on. */
static const double accuracies[] = {
	0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 25.0, 100.0, 250.0, 1e3, 2.5e3,
	1e4, 2.5e4, 1e5, 2.5e5, 1e6, 2.5e6, 1e7, 2.5e7, 1e8, 2.5e8, 1e9, 1e10,
};

#define ACCURACIES (sizeof(accuracies) / sizeof(accuracies[0]))

_Static_assert(ACCURACY_FIRST + ACCURACIES == ACCURACY_BEYOND, "7.6.2.6, table 5");

uint8_t quality_accuracy(double bound_ns)
{
	if (!isfinite(bound_ns)) {
		return ACCURACY_UNKNOWN;
	}
	for (size_t i = 0; i < ACCURACIES; i++) {
		if (bound_ns <= accuracies[i]) {
			return (uint8_t)(ACCURACY_FIRST + i);
		}
	}
	return ACCURACY_BEYOND;
}

double quality_accuracy_bound(uint8_t accuracy)
{
	return accuracy >= ACCURACY_FIRST && accuracy < ACCURACY_BEYOND
		       ? accuracies[accuracy - ACCURACY_FIRST]
		       : (double)INFINITY;
}

uint8_t quality_time_source(const struct conf_source *source)
{
	if (source->time_source != CONF_TIME_SOURCE_AUTO) {
		return (uint8_t)source->time_source;
	}
	switch ((enum conf_source_type)source->type) {
	case CONF_SOURCE_PTP:
		return SOURCE_PTP;
	case CONF_SOURCE_NTP:
		return SOURCE_NTP;
	case CONF_SOURCE_PHC:
	case CONF_SOURCE_PPS:
		break;
	}
	return SOURCE_OTHER;
}

void quality_init(struct quality *q, const struct conf *conf)
{
	memset(q, 0, sizeof(*q));
	q->configured.clock_class = (uint8_t)conf->clock_class;
	q->configured.clock_accuracy = (uint8_t)conf->clock_accuracy;
	q->configured.offset_scaled_log_variance = (uint16_t)conf->offset_scaled_log_variance;
	q->holdover_bound_ns = conf->holdover_bound_ns;
	q->degraded_bound_ns = conf->degraded_bound_ns;
}

/* How a class goes on once its source is gone. */
static const struct {
	uint8_t following;
	uint8_t held;
	uint8_t degraded;
} ladders[] = {
	{ 6, 7, 187 },
	{ 13, 14, 193 },
};

#define LADDERS (sizeof(ladders) / sizeof(ladders[0]))

/* NaN is not within anything. */
static uint8_t class_of(const struct quality *q, enum quality_standing standing,
			uint8_t clock_class, double bound_ns)
{
	if (standing == QUALITY_FOLLOWING) {
		return clock_class;
	}
	for (size_t i = 0; i < LADDERS; i++) {
		if (ladders[i].following != clock_class) {
			continue;
		}
		if (bound_ns <= q->holdover_bound_ns) {
			return ladders[i].held;
		}
		if (bound_ns <= q->degraded_bound_ns) {
			return ladders[i].degraded;
		}
	}
	return CLASS_DEFAULT;
}

/* Classes of the ARB timescale (7.6.2.5): what they give out is no PTP time. */
static bool is_arbitrary(uint8_t clock_class)
{
	return clock_class == 13 || clock_class == 14 || clock_class == 193;
}

/*
 * A bound breathes with every sample, and who elects a grandmaster must not hear of each breath:
 * worse counts at once, better when the worst of some time is better.
 */
static uint8_t steady(struct quality *q, double bound_ns, gnomon_mono now)
{
	uint8_t accuracy = quality_accuracy(bound_ns);

	if (q->accuracy == 0 || accuracy >= q->accuracy) {
		q->accuracy = accuracy;
		q->worst = accuracy;
		return accuracy;
	}
	if (q->worst == q->accuracy) { /* something better begins */
		q->worst = accuracy;
		q->since = now;
	} else if (accuracy > q->worst) {
		q->worst = accuracy;
	}
	if (!gnomon_mono_before(now, gnomon_mono_add(q->since, QUALITY_HOLD_NS))) {
		q->accuracy = q->worst;
	}
	return q->accuracy;
}

/* What is configured is the operator's word, and never surpassed; 0xfe says nothing. */
static uint8_t worse(uint8_t configured, uint8_t found)
{
	return configured != ACCURACY_UNKNOWN && configured > found ? configured : found;
}

/* 8.2.4: traceable is what can be traced to a primary reference; a degraded clock has lost it. */
static uint16_t traceable(uint8_t clock_class, const struct quality_source *source,
			  enum quality_standing standing)
{
	const uint16_t both = GNOMON_FLAG_TIME_TRACEABLE | GNOMON_FLAG_FREQUENCY_TRACEABLE;

	if (clock_class == 6 || clock_class == 7) {
		return both;
	}
	return standing == QUALITY_FOLLOWING && !is_arbitrary(clock_class) ? source->flags & both
									   : 0;
}

static void judge(struct quality *q, enum quality_standing standing,
		  const struct quality_source *source, double bound_ns, gnomon_mono now,
		  struct quality_claim *claim)
{
	struct gnomon_clock_quality *quality = &claim->quality;
	struct gnomon_time_properties_ds *properties = &claim->properties;

	double known_ns = source->unbounded ? (double)INFINITY : bound_ns;

	quality->clock_class = class_of(q, standing, source->clock_class, bound_ns);
	quality->clock_accuracy =
		worse(q->configured.clock_accuracy, steady(q, known_ns, now));
	properties->time_source = standing == QUALITY_FOLLOWING ? source->time_source
								: SOURCE_OSCILLATOR;
	properties->flags &= (uint16_t)~(GNOMON_FLAG_TIME_TRACEABLE |
					 GNOMON_FLAG_FREQUENCY_TRACEABLE);
	properties->flags |= traceable(quality->clock_class, source, standing);
	if (is_arbitrary(source->clock_class)) { /* and remains so, whatever its class becomes */
		/* There is no UTC, and so no leap second, of such a timescale. */
		properties->flags &= (uint16_t)~(GNOMON_FLAG_PTP_TIMESCALE |
						 GNOMON_FLAG_UTC_OFFSET_VALID |
						 GNOMON_FLAG_LEAP59 | GNOMON_FLAG_LEAP61);
	}
}

static bool same(const struct quality_claim *a, const struct quality_claim *b)
{
	return a->quality.clock_class == b->quality.clock_class &&
	       a->quality.clock_accuracy == b->quality.clock_accuracy &&
	       a->quality.offset_scaled_log_variance == b->quality.offset_scaled_log_variance &&
	       a->properties.flags == b->properties.flags &&
	       a->properties.time_source == b->properties.time_source &&
	       a->properties.current_utc_offset == b->properties.current_utc_offset;
}

/* offsetScaledLogVariance stays configured: it describes the oscillator, not the reference. */
bool quality_update(struct quality *q, enum quality_standing standing,
		    const struct quality_source *source, double bound_ns,
		    const struct gnomon_time_properties_ds *properties, gnomon_mono now,
		    struct quality_claim *claim)
{
	bool changed;

	*claim = (struct quality_claim){ q->configured, *properties };
	if (standing == QUALITY_NEVER || source->ports) {
		q->accuracy = 0; /* what was steady is another clock's */
	} else {
		judge(q, standing, source, bound_ns, now, claim);
	}
	changed = !q->claimed || !same(claim, &q->last);
	q->last = *claim;
	q->claimed = true;
	return changed;
}
