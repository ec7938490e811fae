/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/timescale/timescale.h"

#define DAY 86400

/* How long before and after midnight samples are left out. After: until the grandmaster's
 * Announces with the new offset must have come. */
#define BEFORE_S 1
#define AFTER_S 16

void timescale_init(struct timescale *t, bool utc, bool kernel_leap)
{
	*t = (struct timescale){ .utc = utc, .kernel_leap = kernel_leap };
}

static int announced_leap(const struct gnomon_time_properties_ds *properties)
{
	if (properties->flags & GNOMON_FLAG_LEAP61) {
		return 61;
	}
	return properties->flags & GNOMON_FLAG_LEAP59 ? 59 : 0;
}

/* Samples of these seconds could be off by one. */
static bool around_leap(const struct timescale *t, int64_t utc)
{
	return t->leap_end && utc >= t->leap_end - BEFORE_S && utc <= t->leap_end + AFTER_S;
}

static int64_t end_of_day(int64_t utc)
{
	return (utc / DAY + 1) * DAY;
}

void timescale_update(struct timescale *t, const struct gnomon_time_properties_ds *properties,
		      int64_t utc_now, struct timescale_change *change)
{
	bool ptp = properties->flags & GNOMON_FLAG_PTP_TIMESCALE;
	int shift = t->utc && ptp ? properties->current_utc_offset : 0;
	int leap = t->utc && t->kernel_leap ? announced_leap(properties) : 0;
	int by = shift - t->shift_s;

	*change = (struct timescale_change){ .offset_changed = by != 0 };
	if (by == 0 || !(by == 1 || by == -1) || !around_leap(t, utc_now)) {
		change->jump_s = by;
	} else {
		t->leap_end = 0;
	}
	t->shift_s = shift;
	/* It may be announced long before the grandmaster is sure of it. */
	if (shift && shift != t->tai_offset && properties->flags & GNOMON_FLAG_UTC_OFFSET_VALID) {
		t->tai_offset = shift;
		t->tai_waits = change->jump_s != 0;
	}
	change->leap_changed = leap != t->leap;
	if (leap && leap != t->leap) {
		t->leap_end = end_of_day(utc_now);
	} else if (!leap && t->leap && utc_now < t->leap_end - BEFORE_S) {
		t->leap_end = 0; /* called off */
	}
	t->leap = leap;
}

bool timescale_has_followed(gnomon_span offset)
{
	return gnomon_span_abs(offset).ns < GNOMON_NSEC_PER_SEC / 2;
}

bool timescale_tai_due(struct timescale *t, bool followed)
{
	/* Whatever it has been told by others, it is not wrong in a way we know of. */
	if (t->tai_told == 0 || followed) {
		t->tai_waits = false;
	}
	if (t->tai_waits || t->tai_offset == t->tai_told) {
		return false;
	}
	t->tai_told = t->tai_offset;
	return true;
}

void timescale_stepped(struct timescale *t, int64_t utc_now)
{
	if (t->leap) {
		t->leap_end = end_of_day(utc_now);
	}
}

gnomon_time timescale_local(const struct timescale *t, gnomon_time reading)
{
	reading.sec = gnomon_sat_add(reading.sec, t->shift_s);
	return reading;
}

gnomon_time timescale_reading(const struct timescale *t, gnomon_time local)
{
	local.sec = gnomon_sat_add(local.sec, -(int64_t)t->shift_s);
	return local;
}

bool timescale_suspended(const struct timescale *t, gnomon_time local)
{
	return around_leap(t, timescale_reading(t, local).sec);
}
