/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's counter by question and answer. The guest reads its counter after it saw the question
 * and before its answer is seen, so the reading is of an instant between the host's two: whatever
 * delayed either way, the bound is half the exchange and needs no assumption of symmetry.
 *
 * All arithmetic is on "beyond": the guest's counter minus what the nominal ratio predicts from the
 * first exchange. beyond = a + d * x for an unknown d within the tolerance, and every exchange says
 * |beyond - kept.beyond| <= kept.half at its instant. The answer is the intersection of them all.
 * A guest that lies consistently gets a wrong time, which is its own and nobody else's.
 */
#include <errno.h>
#include <math.h>

#include <gnomon/vmclock.h>

#include "bridge/wide.h"

#define RATIO_FRAC_BITS 48
#define HZ_MAX UINT64_C(1000000000000)
#define AGE_MAX_S (30 * 86400)
/* To begin with. They become longer as the exchanges need it, however long they go on. */
#define STRETCHES_PER_SECOND 100000

int gnomon_pingpong_init(struct gnomon_pingpong *p, uint64_t host_hz, uint64_t guest_hz,
			 double tolerance_ppb)
{
	struct gnomon_pingpong fresh = { .host_hz = host_hz, .tolerance_ppb = tolerance_ppb };

	if (!host_hz || host_hz > HZ_MAX || guest_hz > HZ_MAX || !(tolerance_ppb >= 0) ||
	    tolerance_ppb > 1e6) {
		return -EINVAL;
	}
	fresh.nominal.ratio = wide_quotient(guest_hz, RATIO_FRAC_BITS, host_hz);
	fresh.nominal.frac_bits = RATIO_FRAC_BITS;
	fresh.stretch = host_hz / STRETCHES_PER_SECOND + 1;
	if (!gnomon_counter_map_valid(&fresh.nominal) || fresh.nominal.ratio == UINT64_MAX) {
		return -EINVAL;
	}
	*p = fresh;
	return 0;
}

/* Guest ticks of so many of the host's, in the nominal ratio. */
static double guest_ticks(const struct gnomon_pingpong *p, double host_ticks)
{
	return host_ticks * ldexp((double)p->nominal.ratio, -RATIO_FRAC_BITS);
}

/* Whether an exchange can be true beside another, if the ratio is within tolerance. */
static bool agree(const struct gnomon_pingpong *p, const struct gnomon_pingpong_exchange *a,
		  const struct gnomon_pingpong_exchange *b)
{
	const double apart = guest_ticks(p, fabs((double)a->at - (double)b->at));
	const double allowed = (double)a->half + (double)b->half +
			       apart * p->tolerance_ppb * 1e-9 + 1;

	return fabs((double)a->beyond - (double)b->beyond) <= allowed;
}

/* Of two in the same stretch the better one stays; the other one is the last that was kept. */
static void append(struct gnomon_pingpong *p, const struct gnomon_pingpong_exchange *e)
{
	struct gnomon_pingpong_exchange *last = p->count ? &p->kept[p->count - 1] : NULL;

	if (!last || (uint64_t)last->at / p->stretch != (uint64_t)e->at / p->stretch) {
		p->kept[p->count++] = *e;
	} else if (e->half < last->half) {
		*last = *e;
	}
}

/* Longer stretches, until half of the room is free. What was first stays about where it was. */
static void thin_out(struct gnomon_pingpong *p)
{
	while (p->count > GNOMON_PINGPONG_KEPT / 2) {
		const unsigned int count = p->count;

		p->stretch *= 2;
		p->count = 0;
		for (unsigned int i = 0; i < count; i++) {
			append(p, &p->kept[i]);
		}
	}
}

static void keep(struct gnomon_pingpong *p, const struct gnomon_pingpong_exchange *e)
{
	if (p->count == GNOMON_PINGPONG_KEPT) {
		thin_out(p);
	}
	append(p, e);
}

int gnomon_pingpong_add(struct gnomon_pingpong *p, uint64_t before, uint64_t guest,
			uint64_t after)
{
	const uint64_t took = after - before;
	const uint64_t middle = before + took / 2;
	struct gnomon_pingpong_exchange e;
	uint64_t at;

	/* Unsigned: what ends before it began took very long. */
	if (took > p->host_hz) {
		return -EINVAL;
	}
	if (!p->taken) {
		p->origin = middle;
		p->nominal.offset = 0;
		p->nominal.offset = guest - gnomon_counter_map_guest(&p->nominal, middle);
	}
	at = middle - p->origin;
	if (at > p->host_hz * AGE_MAX_S ||
	    (p->count && (int64_t)at < p->kept[p->count - 1].at)) {
		return -EINVAL;
	}
	e.at = (int64_t)at;
	e.beyond = (int64_t)(guest - gnomon_counter_map_guest(&p->nominal, middle));
	/* Whole ticks and the limits of the ratio: rounded up generously. */
	e.half = (uint64_t)(guest_ticks(p, (double)(took - took / 2)) *
			    (1 + p->tolerance_ppb * 1e-9)) + 2;
	for (unsigned int i = 0; i < p->count; i++) {
		if (!agree(p, &e, &p->kept[i])) {
			p->refused++;
			return -EILSEQ;
		}
	}
	p->taken++;
	keep(p, &e);
	return 0;
}

struct range {
	double low;
	double high;
};

static void narrow(struct range *r, double low, double high)
{
	r->low = low > r->low ? low : r->low;
	r->high = high < r->high ? high : r->high;
}

/* What d may be: within the limit, and through the windows of any two exchanges. */
static struct range slopes(const struct gnomon_pingpong *p, double limit)
{
	struct range r = { -limit, limit };

	for (unsigned int j = 1; j < p->count; j++) {
		for (unsigned int i = 0; i < j; i++) {
			const struct gnomon_pingpong_exchange *a = &p->kept[i], *b = &p->kept[j];
			const double apart = guest_ticks(p, (double)(b->at - a->at));
			const double rise = (double)b->beyond - (double)a->beyond;
			const double slack = (double)a->half + (double)b->half + 1;

			if (apart > 0 && limit > 0) {
				narrow(&r, (rise - slack) / apart, (rise + slack) / apart);
			}
		}
	}
	return r;
}

double gnomon_pingpong_ratio_error(const struct gnomon_pingpong *p)
{
	const struct range r = slopes(p, HUGE_VAL);

	return (r.high > -r.low ? r.high : -r.low) * 1e9;
}

/* What beyond may be at x host ticks since the origin. */
static struct range values(const struct gnomon_pingpong *p, const struct range *slope, double x)
{
	struct range r = { -HUGE_VAL, HUGE_VAL };

	for (unsigned int i = 0; i < p->count; i++) {
		const struct gnomon_pingpong_exchange *e = &p->kept[i];
		const double apart = guest_ticks(p, x - (double)e->at);
		const double least = (apart < 0 ? slope->high : slope->low) * apart;
		const double most = (apart < 0 ? slope->low : slope->high) * apart;

		narrow(&r, (double)e->beyond - (double)e->half + least,
		       (double)e->beyond + (double)e->half + most);
	}
	return r;
}

static int64_t nearest(double v)
{
	return (int64_t)(v < 0 ? v - 0.5 : v + 0.5);
}

int gnomon_pingpong_map(const struct gnomon_pingpong *p, uint64_t now,
			struct gnomon_counter_map *map)
{
	const double nominal = (double)p->nominal.ratio;
	struct gnomon_counter_map m = p->nominal;
	struct range slope, beyond;

	if (!p->taken) {
		return -ENODATA;
	}
	slope = slopes(p, p->tolerance_ppb * 1e-9);
	beyond = values(p, &slope, (double)(int64_t)(now - p->origin));
	/* Numbers of this size are exact to a tick or so; beyond them nobody would believe any. */
	if (p->refused >= p->taken || slope.low > slope.high || !(beyond.low <= beyond.high) ||
	    fabs(beyond.low) > 0x1p52 || fabs(beyond.high) > 0x1p52) {
		return -EILSEQ;
	}
	m.ratio += (uint64_t)nearest(nominal * (slope.low + slope.high) / 2);
	m.offset = gnomon_counter_map_guest(&p->nominal, now) +
		   (uint64_t)nearest((beyond.low + beyond.high) / 2);
	m.offset -= (uint64_t)((wide)now * m.ratio >> RATIO_FRAC_BITS);
	m.error_ticks = (uint64_t)((beyond.high - beyond.low) / 2) + 2;
	m.error_ppb = (slope.high - slope.low) / 2 * 1e9;
	if (p->tolerance_ppb > 0) {
		/* Half a unit of the ratio, which is at least 2^32 of them. */
		m.error_ppb += 0.5 / nominal * 1e9;
	}
	*map = m;
	return 0;
}
