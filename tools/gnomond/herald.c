/* SPDX-License-Identifier: BSD-2-Clause */
#include "herald.h"

/* What changes of a clock that is held over, changes slowly. Nothing but the ports' own time
 * properties changes where they are the only source: that can wait until the loop turns anyway. */
#define LOOK_NS ((int64_t)GNOMON_NSEC_PER_SEC)

#define DAY 86400

#define LEAPS (GNOMON_FLAG_LEAP59 | GNOMON_FLAG_LEAP61)

/* -- what is known of UTC --------------------------------------------------------------------- */

/* A clock that keeps UTC gives out a time of its own, as ptp4l has it, until it knows TAI. What is
 * read says which, and is brought to TAI. */
static bool keeps_ptp_time(const struct keeper *k)
{
	for (unsigned int i = 0; i < k->source_count; i++) {
		if (!k->sources[i].engine) {
			return true;
		}
	}
	return !k->clock->utc;
}

static int64_t end_of_day(const struct herald *h, int64_t tai)
{
	int64_t offset = h->properties.current_utc_offset;

	return ((tai - offset) / DAY + 1) * DAY + offset;
}

/* What a grandmaster says of time while it is followed, holds when it is lost. */
static void take_over(struct herald *h, const struct gnomon_engine *engine)
{
	const unsigned int kept = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID | LEAPS;
	struct gnomon_time_properties_ds theirs;
	gnomon_time now;

	gnomon_engine_time_properties_ds(engine, &theirs);
	h->properties.flags = (uint16_t)(theirs.flags & kept);
	h->properties.current_utc_offset = theirs.current_utc_offset;
	h->leap_at = 0;
	if (theirs.flags & LEAPS && keeper_time(h->keeper, &now)) {
		h->leap_at = end_of_day(h, now.sec);
	}
}

/* Nobody else changes the offset of a clock that is on its own. */
static void pass_leap(struct herald *h)
{
	gnomon_time now;

	if (h->leap_at && keeper_time(h->keeper, &now) && now.sec >= h->leap_at) {
		h->properties.current_utc_offset +=
			h->properties.flags & GNOMON_FLAG_LEAP61 ? 1 : -1;
		h->properties.flags &= (uint16_t)~LEAPS;
		h->leap_at = 0;
	}
}

/* -- what is said ----------------------------------------------------------------------------- */

/* A clock is not what it follows before it is in step with it. Of one that somebody else keeps only
 * its error tells. */
static bool is_in_step(const struct herald *h, gnomon_mono now)
{
	const struct keeper *k = h->keeper;

	if (k->conf->free_running || k->handover.out) {
		return keeper_bound(k, now) <= h->conf->holdover_bound_ns;
	}
	return k->state == GNOMON_SERVO_LOCKED || k->state == GNOMON_SERVO_LOCKED_STABLE;
}

static enum quality_standing standing(struct herald *h, gnomon_mono now)
{
	switch (gnomon_ensemble_mode(h->keeper->ensemble)) {
	case GNOMON_ENSEMBLE_NONE:
		h->was_in_step = false;
		break;
	case GNOMON_ENSEMBLE_FOLLOWING:
		if (is_in_step(h, now)) {
			h->was_in_step = true;
			return QUALITY_FOLLOWING;
		}
		break;
	case GNOMON_ENSEMBLE_HOLDOVER:
	case GNOMON_ENSEMBLE_FREE:
		break;
	}
	return h->was_in_step ? QUALITY_LOST : QUALITY_NEVER;
}

static void describe(const struct keeper_source *source, struct quality_source *out)
{
	struct gnomon_time_properties_ds properties;

	*out = (struct quality_source){ .ports = !source || !source->conf };
	if (out->ports) {
		return;
	}
	out->clock_class = (uint8_t)source->conf->clock_class;
	out->time_source = quality_time_source(source->conf);
	out->unbounded = source->unbounded;
	if (source->engine) {
		gnomon_engine_time_properties_ds(source->engine, &properties);
		out->flags = properties.flags;
	}
}

void herald_init(struct herald *h, const struct conf *conf, struct keeper *keeper)
{
	*h = (struct herald){ .conf = conf->native ? conf : NULL, .keeper = keeper };
	quality_init(&h->quality, conf);
	h->properties.time_source = (uint8_t)conf->time_source;
	h->properties.current_utc_offset = (int16_t)conf->utc_offset;
	if (keeps_ptp_time(keeper)) {
		h->properties.flags = GNOMON_FLAG_PTP_TIMESCALE;
	}
}

static gnomon_mono when(const struct herald *h)
{
	return h->conf->source_count ? h->next : GNOMON_MONO_NEVER;
}

/* Whether the ports hear one clock while another source, or none, is followed. Where there is no
 * choice, what is heard is announced before the clock is in step, as it always was. */
static bool is_apart(const struct keeper *k)
{
	return k->source_count > 1 && (k->selected < 0 || k->sources[k->selected].conf != NULL);
}

static const char *reason(enum quality_standing standing)
{
	switch (standing) {
	case QUALITY_NEVER:
		return "not in step yet";
	case QUALITY_FOLLOWING:
		return "following";
	case QUALITY_LOST:
		return "held over";
	}
	return "";
}

static struct report_claim claim_of(const struct quality_claim *claim)
{
	return (struct report_claim){
		.clock_class = claim->quality.clock_class,
		.clock_accuracy = claim->quality.clock_accuracy,
		.time_source = claim->properties.time_source,
	};
}

/* What is said first is what is configured. A clock that ports follow says what they hear. */
static void tell(const struct herald *h, const struct quality_claim *before,
		 const struct quality_claim *claim, enum quality_standing standing, gnomon_mono now)
{
	const struct keeper_source *source = keeper_reference(h->keeper);
	const struct report_claim was = claim_of(before);
	const struct report_claim is = claim_of(claim);

	if (was.clock_class != is.clock_class || was.clock_accuracy != is.clock_accuracy ||
	    was.time_source != is.time_source) {
		report_announce(h->keeper->log, &was, &is, reason(standing),
				source ? source->name : "", keeper_bound(h->keeper, now));
	}
}

gnomon_mono herald_expire(struct herald *h, gnomon_mono now)
{
	const struct keeper *k = h->keeper;
	const struct quality_claim before = h->quality.last;
	const bool first = !h->quality.claimed;
	const struct keeper_source *source;
	enum quality_standing stands;
	struct quality_source about;
	struct quality_claim claim;

	if (!h->conf) {
		return GNOMON_MONO_NEVER;
	}
	if (gnomon_mono_before(now, h->next)) {
		return when(h);
	}
	h->next = gnomon_mono_add(now, LOOK_NS);
	source = keeper_reference(k);
	if (k->selected >= 0 && source->engine) {
		take_over(h, source->engine);
	} else {
		pass_leap(h);
	}
	gnomon_engine_set_apart(k->engine, is_apart(k));
	describe(source, &about);
	stands = standing(h, now);
	if (quality_update(&h->quality, stands, &about, keeper_bound(k, now), &h->properties, now,
			   &claim)) {
		if (!first) {
			tell(h, &before, &claim, stands, now);
		}
		(void)gnomon_engine_set_grandmaster(k->engine, &claim.quality, &claim.properties,
						    now);
	}
	return when(h);
}
