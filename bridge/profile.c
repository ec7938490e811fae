/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TAI and UTC on a page. UTC is counted as POSIX counts it: the inserted second 23:59:60 repeats
 * 23:59:59, so that UTC = TAI - offset with the offset of after the change from its beginning on.
 *
 * A page is a line in one time scale. Its offset and leap indicator are of the reference time; who
 * reads it after midnight must know by himself that the offset changed there. TAI pages are lines
 * for ever, UTC pages only until the leap second.
 */
#include <errno.h>

#include "bridge/calendar.h"
#include "bridge/fine.h"

/* What holds at one instant of UTC. */
struct moment {
	int16_t offset;
	uint8_t leap;
};

/* plain: UTC in seconds as if nothing ever changed. */
static struct moment moment_of(const struct gnomon_utc *utc, int64_t plain)
{
	const int64_t change_at = utc->midnight - (utc->change < 0);
	const int16_t after = (int16_t)(utc->tai_offset + utc->change);
	struct moment m = { utc->tai_offset, GNOMON_VMCLOCK_LEAP_NONE };

	if (!utc->change) {
		return m;
	}
	if (plain < change_at) {
		if (plain >= calendar_month_of(utc->midnight - 1).start) {
			m.leap = utc->change > 0 ? GNOMON_VMCLOCK_LEAP_PRE_POS
						 : GNOMON_VMCLOCK_LEAP_PRE_NEG;
		}
		return m;
	}
	m.offset = after;
	if (utc->change > 0 && plain == change_at) {
		m.leap = GNOMON_VMCLOCK_LEAP_POS;
	} else if (plain - utc->change < calendar_month_of(utc->midnight).end) {
		m.leap = utc->change > 0 ? GNOMON_VMCLOCK_LEAP_POST_POS
					 : GNOMON_VMCLOCK_LEAP_POST_NEG;
	}
	return m;
}

int gnomon_utc_from_tai(const struct gnomon_utc *utc, struct gnomon_fine tai,
			struct gnomon_fine *t, int16_t *offset, uint8_t *leap)
{
	struct moment m;

	if (!utc->known) {
		return -ENODATA;
	}
	m = moment_of(utc, fine_add_sec(tai, -(int64_t)utc->tai_offset).sec);
	if (t) {
		*t = fine_add_sec(tai, -(int64_t)m.offset);
	}
	if (offset) {
		*offset = m.offset;
	}
	if (leap) {
		*leap = m.leap;
	}
	return 0;
}

/* The reference time of a page that is not of the far future. */
static struct gnomon_fine reference(const struct gnomon_vmclock *c)
{
	return fine_add((struct gnomon_fine){ 0, 0 }, (wide)c->time_sec << 64 | c->time_frac_sec);
}

int gnomon_vmclock_set_profile(struct gnomon_vmclock *c, enum gnomon_vmclock_profile profile,
			       const struct gnomon_utc *utc)
{
	const bool as_utc = profile == GNOMON_VMCLOCK_PROFILE_UTC;
	struct gnomon_fine t = reference(c);
	uint8_t leap = GNOMON_VMCLOCK_LEAP_NONE;
	int16_t offset = 0;

	if (gnomon_utc_from_tai(utc, t, &t, &offset, &leap) && as_utc) {
		return -ENODATA;
	}
	c->leap_indicator = leap;
	c->flags &= ~GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	if (!as_utc) {
		c->time_type = GNOMON_VMCLOCK_TAI;
		c->tai_offset_sec = offset;
		c->flags |= utc->known ? GNOMON_VMCLOCK_TAI_OFFSET_VALID : 0;
		return 0;
	}
	/* Told an offset, kernels from 7.0 would make a wrong TAI of it; so they offer no clock. */
	c->time_type = GNOMON_VMCLOCK_UTC;
	c->tai_offset_sec = 0;
	c->time_sec = t.sec > 0 ? (uint64_t)t.sec : 0;
	/* UTC goes back at a leap second. */
	c->flags &= ~GNOMON_VMCLOCK_TIME_MONOTONIC;
	return 0;
}

/* -- reading ---------------------------------------------------------------------------------- */

/* Far beyond any offset there will be, with room for a second more. */
#define OFFSET_MAX 32000

/* TAI has been ahead of UTC ever since both are counted: the sign tells only who wrote it. */
static int16_t offset_told(const struct gnomon_vmclock *c)
{
	const int magnitude = c->tai_offset_sec < 0 ? -c->tai_offset_sec : c->tai_offset_sec;

	return (int16_t)(magnitude > OFFSET_MAX ? OFFSET_MAX : magnitude);
}

/* The reference time in UTC, and the rule around it, where offset is TAI - UTC at the reference. */
static struct gnomon_utc rule_of(const struct gnomon_vmclock *c, int64_t utc, int16_t offset)
{
	const struct calendar_month month = calendar_month_of(utc);
	struct gnomon_utc rule = { .known = true, .tai_offset = offset };

	switch (c->leap_indicator) {
	case GNOMON_VMCLOCK_LEAP_PRE_POS:
		rule.change = 1;
		rule.midnight = month.end;
		break;
	case GNOMON_VMCLOCK_LEAP_PRE_NEG:
		rule.change = -1;
		rule.midnight = month.end;
		break;
	case GNOMON_VMCLOCK_LEAP_POS:
		/* Our offset is the new one then; who leaves the old one is in the next day. */
		rule.change = 1;
		rule.tai_offset -= utc != month.start;
		rule.midnight = utc != month.start ? month.end : utc;
		break;
	case GNOMON_VMCLOCK_LEAP_POST_POS:
		rule.change = 1;
		rule.tai_offset--;
		rule.midnight = month.start;
		break;
	case GNOMON_VMCLOCK_LEAP_POST_NEG:
		rule.change = -1;
		rule.tai_offset++;
		rule.midnight = month.start;
		break;
	}
	return rule;
}

/*
 * The rule, and how far TAI is ahead of the page's line. A UTC page that tells no offset is treated
 * as if TAI were UTC at its reference: only differences matter for UTC.
 */
static int rule_read(const struct gnomon_vmclock *c, struct gnomon_utc *rule, int16_t *ahead)
{
	const bool valid = c->flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	const int16_t offset = valid ? offset_told(c) : 0;
	const int64_t sec = reference(c).sec;

	if (c->time_type == GNOMON_VMCLOCK_TAI && valid) {
		*rule = rule_of(c, sec - offset, offset);
		*ahead = 0;
		return 0;
	}
	if (c->time_type == GNOMON_VMCLOCK_UTC) {
		*rule = rule_of(c, sec, offset);
		*ahead = offset;
		return 0;
	}
	return -ENODATA;
}

void gnomon_vmclock_utc(const struct gnomon_vmclock *c, struct gnomon_utc *utc)
{
	const struct gnomon_utc unknown = { .known = false };
	int16_t ahead;

	if (!(c->flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID) || rule_read(c, utc, &ahead)) {
		*utc = unknown;
	}
}

int gnomon_vmclock_tai_at(const struct gnomon_vmclock *c, const struct gnomon_vmclock_reading *r,
			  struct gnomon_fine *tai)
{
	struct gnomon_utc rule;
	int16_t ahead;

	if (c->time_type == GNOMON_VMCLOCK_TAI) {
		*tai = r->time;
		return 0;
	}
	if (!(c->flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID) || rule_read(c, &rule, &ahead)) {
		return -ENODATA;
	}
	*tai = fine_add_sec(r->time, ahead);
	return 0;
}

int gnomon_vmclock_utc_at(const struct gnomon_vmclock *c, const struct gnomon_vmclock_reading *r,
			  struct gnomon_fine *utc, uint8_t *leap)
{
	struct gnomon_utc rule;
	int16_t ahead;
	int err = rule_read(c, &rule, &ahead);

	if (err) {
		return err;
	}
	return gnomon_utc_from_tai(&rule, fine_add_sec(r->time, ahead), utc, NULL, leap);
}
