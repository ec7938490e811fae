/* SPDX-License-Identifier: BSD-2-Clause */
/* The page's line at a value of the counter, and how far it may be off. */
#include "bridge/fine.h"

/* How far a counter value is from the reference, and on which side. */
static uint64_t distance(const struct gnomon_vmclock *c, uint64_t counter, bool *before)
{
	const uint64_t delta = counter - c->counter_value;

	*before = delta >> 63;
	return *before ? 0 - delta : delta;
}

/* First error plus what a rate adds to it, in ns, rounded up; saturates at "none". */
static uint64_t grown(uint64_t error_ns, uint64_t rate, unsigned int shift, uint64_t ticks)
{
	const uint64_t more = fine_span_ns_up(
		wide_shift_up_rounded(wide_product(ticks, rate), shift));

	return error_ns > GNOMON_BOUND_NONE - more ? GNOMON_BOUND_NONE : error_ns + more;
}

static bool told(const struct gnomon_vmclock *c, uint64_t flags)
{
	return (c->flags & flags) == flags;
}

static uint64_t bound_at(const struct gnomon_vmclock *c, uint64_t ticks)
{
	if (!told(c, GNOMON_VMCLOCK_TIME_MAXERROR_VALID | GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID)) {
		return GNOMON_BOUND_NONE;
	}
	return grown(c->time_maxerror_nanosec, c->counter_period_maxerror_rate_frac_sec,
		     c->counter_period_shift, ticks);
}

static uint64_t esterror_at(const struct gnomon_vmclock *c, uint64_t ticks)
{
	if (!told(c, GNOMON_VMCLOCK_TIME_ESTERROR_VALID | GNOMON_VMCLOCK_PERIOD_ESTERROR_VALID)) {
		return GNOMON_BOUND_NONE;
	}
	return grown(c->time_esterror_nanosec, c->counter_period_esterror_rate_frac_sec,
		     c->counter_period_shift, ticks);
}

static struct gnomon_fine reference(const struct gnomon_vmclock *c)
{
	const struct gnomon_fine zero = { 0, 0 };

	return fine_add(zero, (wide)c->time_sec << 64 | c->time_frac_sec);
}

void gnomon_vmclock_at(const struct gnomon_vmclock *c, uint64_t counter,
		       struct gnomon_vmclock_reading *r)
{
	bool before;
	const uint64_t ticks = distance(c, counter, &before);
	const wide span = wide_product(ticks, c->counter_period_frac_sec);
	const unsigned int shift = c->counter_period_shift;

	/* Down to 2^-64 s on both sides of the reference. */
	r->time = before ? fine_sub(reference(c), wide_shift_up_rounded(span, shift))
			 : fine_add(reference(c), wide_shift_down(span, shift));
	r->esterror_ns = esterror_at(c, ticks);
	r->bound_ns = bound_at(c, ticks);
}

uint64_t gnomon_vmclock_bound(const struct gnomon_vmclock *c, uint64_t counter)
{
	bool before;

	return bound_at(c, distance(c, counter, &before));
}

struct gnomon_fine gnomon_vmclock_kernel_time(const struct gnomon_vmclock *c, uint64_t counter)
{
	const wide span = wide_product(counter - c->counter_value, c->counter_period_frac_sec);

	return fine_add(reference(c), wide_shift_down(span, c->counter_period_shift));
}

void gnomon_vmclock_set_line(struct gnomon_vmclock *c, uint64_t counter, struct gnomon_fine time,
			     const struct gnomon_period *period)
{
	c->counter_value = counter;
	c->counter_period_frac_sec = period->frac;
	c->counter_period_shift = period->shift;
	c->time_sec = time.sec > 0 ? (uint64_t)time.sec : 0;
	c->time_frac_sec = time.sec >= 0 ? time.frac : 0;
}

struct gnomon_period gnomon_vmclock_period(const struct gnomon_vmclock *c)
{
	const struct gnomon_period p = { c->counter_period_frac_sec, c->counter_period_shift };

	return p;
}
