/* SPDX-License-Identifier: BSD-2-Clause */
/* Instants of 2^-64 s, the unit of the page. */
#include "bridge/fine.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
/* 2^64 = NSEC_FRAC * 1e9 + NSEC_REST, 2^48 likewise: a second's fraction in whole numbers. */
#define NSEC_FRAC UINT64_C(18446744073)
#define NSEC_REST UINT64_C(709551616)
#define UNIT_FRAC UINT64_C(281474)
#define UNIT_REST UINT64_C(976710656)

static const struct gnomon_fine earliest = { INT64_MIN, 0 };
static const struct gnomon_fine latest = { INT64_MAX, UINT64_MAX };

static uint64_t divided_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* nsec < 1e9 in 2^-64 s, rounded up. */
static uint64_t frac_of_nsec(uint64_t nsec)
{
	return nsec * NSEC_FRAC + divided_up(nsec * NSEC_REST, NSEC_PER_SEC);
}

/* Rounded up, by less than two units: far below 2^-16 ns, so that rounding down brings it back. */
struct gnomon_fine gnomon_fine_from_time(gnomon_time t)
{
	struct gnomon_fine f = { t.sec, 0 };

	f.frac = frac_of_nsec(t.nsec) + t.frac * UNIT_FRAC +
		 divided_up(t.frac * UNIT_REST, NSEC_PER_SEC);
	return f;
}

gnomon_time gnomon_fine_to_time(struct gnomon_fine t)
{
	const wide nsec = wide_product(t.frac, NSEC_PER_SEC);
	gnomon_time r = { t.sec, (uint32_t)wide_high(nsec), (uint16_t)((uint64_t)nsec >> 48) };

	return r;
}

int gnomon_fine_cmp(struct gnomon_fine a, struct gnomon_fine b)
{
	if (a.sec != b.sec) {
		return a.sec < b.sec ? -1 : 1;
	}
	return a.frac < b.frac ? -1 : a.frac > b.frac;
}

static int64_t saturated(wide_signed v)
{
	if (v > INT64_MAX) {
		return INT64_MAX;
	}
	return v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t gnomon_fine_diff_ns(struct gnomon_fine a, struct gnomon_fine b)
{
	/* A borrow makes the seconds one less and the fraction what it wrapped to. */
	const wide_signed sec = (wide_signed)a.sec - b.sec - (a.frac < b.frac);
	const uint64_t nsec = wide_high(wide_product(a.frac - b.frac, NSEC_PER_SEC));

	return saturated(sec * (int64_t)NSEC_PER_SEC + nsec);
}

/* sec + frac, the latter below two seconds. */
static struct gnomon_fine assembled(wide_signed sec, wide frac)
{
	struct gnomon_fine r;

	sec += (int64_t)wide_high(frac);
	if (sec > INT64_MAX) {
		return latest;
	}
	if (sec < INT64_MIN) {
		return earliest;
	}
	r.sec = (int64_t)sec;
	r.frac = (uint64_t)frac;
	return r;
}

struct gnomon_fine fine_add(struct gnomon_fine t, wide span)
{
	return assembled((wide_signed)t.sec + wide_high(span), (wide)t.frac + (uint64_t)span);
}

struct gnomon_fine fine_sub(struct gnomon_fine t, wide span)
{
	const uint64_t frac = (uint64_t)span;

	return assembled((wide_signed)t.sec - wide_high(span) - (t.frac < frac),
			 (wide)(t.frac - frac));
}

struct gnomon_fine fine_add_sec(struct gnomon_fine t, int64_t sec)
{
	return assembled((wide_signed)t.sec + sec, t.frac);
}

struct gnomon_fine gnomon_fine_add_ns(struct gnomon_fine t, int64_t ns)
{
	int64_t sec = ns / (int64_t)NSEC_PER_SEC;
	int64_t rest = ns % (int64_t)NSEC_PER_SEC;

	if (rest < 0) {
		rest += (int64_t)NSEC_PER_SEC;
		sec--;
	}
	return assembled((wide_signed)t.sec + sec, (wide)t.frac + frac_of_nsec((uint64_t)rest));
}

uint64_t fine_span_ns_up(wide span)
{
	const wide part = wide_product((uint64_t)span, NSEC_PER_SEC);
	const wide ns = wide_product(wide_high(span), NSEC_PER_SEC) + wide_high(part) +
			((uint64_t)part != 0);

	return wide_high(ns) ? UINT64_MAX : (uint64_t)ns;
}
