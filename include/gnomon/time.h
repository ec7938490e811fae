/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Time types. Three of them, and the compiler refuses to mix them:
 *
 *   gnomon_mono  an instant of the local monotonic clock; deadlines are made of it
 *   gnomon_time  an instant of the PTP Instance's timescale (IEEE 1588-2019 5.3.3, 7.2)
 *   gnomon_span  a signed duration of that timescale: offsets, delays, corrections
 *
 * gnomon_time and gnomon_span keep 2^-16 ns, the resolution of correctionField (5.3.2), end to
 * end. All arithmetic saturates at the ends of the type; nothing wraps. Everything here is pure
 * and inline, and usable from C++.
 */
#ifndef GNOMON_TIME_H
#define GNOMON_TIME_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GNOMON_NSEC_PER_SEC 1000000000

/* A braced value of a struct type, in the form each language has for it. */
#ifdef __cplusplus
#define GNOMON_VALUE(type) type
#else
#define GNOMON_VALUE(type) (type)
#endif

/** An instant of the local monotonic clock, in ns since an arbitrary epoch. */
typedef struct gnomon_mono {
	int64_t ns;
} gnomon_mono;

/** "No deadline": later than every instant. */
#define GNOMON_MONO_NEVER (GNOMON_VALUE(gnomon_mono){ INT64_MAX })

/**
 * An instant of the PTP timescale: sec + nsec*1e-9 + frac*2^-16*1e-9 seconds after its epoch
 * (1970-01-01T00:00:00 TAI for the PTP timescale). Normalised: nsec < 1e9; sec may be negative
 * locally but such an instant cannot be put on the wire.
 */
typedef struct gnomon_time {
	int64_t sec;
	uint32_t nsec;
	uint16_t frac;
} gnomon_time;

/** A signed duration: ns + frac/65536 nanoseconds (floor form: -0.5 ns is { -1, 0x8000 }). */
typedef struct gnomon_span {
	int64_t ns;
	uint16_t frac;
} gnomon_span;

#define GNOMON_SPAN_ZERO (GNOMON_VALUE(gnomon_span){ 0, 0 })
#define GNOMON_SPAN_MAX (GNOMON_VALUE(gnomon_span){ INT64_MAX, 0xffff })
#define GNOMON_SPAN_MIN (GNOMON_VALUE(gnomon_span){ INT64_MIN, 0 })

/** The ends of the local range of instants, where arithmetic on them saturates. */
#define GNOMON_TIME_MAX (GNOMON_VALUE(gnomon_time){ INT64_MAX, GNOMON_NSEC_PER_SEC - 1, 0xffff })
#define GNOMON_TIME_MIN (GNOMON_VALUE(gnomon_time){ INT64_MIN, 0, 0 })

/** a + b ns, saturating. The building block of everything below. */
static inline int64_t gnomon_sat_add(int64_t a, int64_t b)
{
	if (b > 0 && a > INT64_MAX - b) {
		return INT64_MAX;
	}
	if (b < 0 && a < INT64_MIN - b) {
		return INT64_MIN;
	}
	return a + b;
}

static inline gnomon_mono gnomon_mono_add(gnomon_mono t, int64_t ns)
{
	gnomon_mono r = { gnomon_sat_add(t.ns, ns) };

	return r;
}

static inline bool gnomon_mono_before(gnomon_mono a, gnomon_mono b)
{
	return a.ns < b.ns;
}

static inline gnomon_mono gnomon_mono_min(gnomon_mono a, gnomon_mono b)
{
	return a.ns < b.ns ? a : b;
}

static inline gnomon_span gnomon_span_from_ns(int64_t ns)
{
	gnomon_span r = { ns, 0 };

	return r;
}

/** TimeInterval (5.3.2, ns * 2^16) to span: exact. */
static inline gnomon_span gnomon_span_from_interval(int64_t scaled)
{
	gnomon_span r;
	uint64_t floor_bits = (uint64_t)scaled >> 16;

	if (scaled < 0) {
		floor_bits |= 0xffff000000000000u;
	}
	r.ns = (int64_t)floor_bits;
	r.frac = (uint16_t)((uint64_t)scaled & 0xffff);
	return r;
}

/** Span to TimeInterval, saturating at +-2^63-1 (5.3.2: the largest value means "too big"). */
static inline int64_t gnomon_span_to_interval(gnomon_span s)
{
	const int64_t limit = INT64_MAX >> 16;
	int64_t scaled;

	if (s.ns > limit) {
		return INT64_MAX;
	}
	if (s.ns < -limit - 1) {
		return -INT64_MAX;
	}
	scaled = s.ns * 65536 + s.frac;
	return scaled < -INT64_MAX ? -INT64_MAX : scaled;
}

/** a + b ns and frac (below 2^17) 2^-16 ns, saturating: what addition and subtraction share. */
static inline gnomon_span gnomon_span_sum(int64_t a, int64_t b, uint32_t frac)
{
	const int64_t high = a > b ? a : b;
	const int64_t low = a > b ? b : a;
	const int64_t carry = frac >> 16;
	gnomon_span r;

	if (high > 0 && low > INT64_MAX - high - carry) {
		return GNOMON_SPAN_MAX;
	}
	if (high < 0 && low + carry < INT64_MIN - high) {
		return GNOMON_SPAN_MIN;
	}
	r.ns = low + carry + high;
	r.frac = (uint16_t)(frac & 0xffff);
	return r;
}

static inline gnomon_span gnomon_span_add(gnomon_span a, gnomon_span b)
{
	return gnomon_span_sum(a.ns, b.ns, (uint32_t)a.frac + b.frac);
}

/** a - b as a + ~b + 2^-16 ns, the two's complement, so that even b = GNOMON_SPAN_MIN is exact. */
static inline gnomon_span gnomon_span_sub(gnomon_span a, gnomon_span b)
{
	return gnomon_span_sum(a.ns, ~b.ns, (uint32_t)a.frac + (0xffffu - b.frac) + 1);
}

static inline gnomon_span gnomon_span_neg(gnomon_span a)
{
	return gnomon_span_sub(GNOMON_SPAN_ZERO, a);
}

/** a / 2, rounded towards minus infinity in 2^-16 ns. */
static inline gnomon_span gnomon_span_half(gnomon_span a)
{
	uint64_t odd = (uint64_t)a.ns & 1;
	gnomon_span r;

	r.ns = (a.ns - (int64_t)odd) / 2;
	r.frac = (uint16_t)((odd << 15) | (a.frac >> 1));
	return r;
}

/** <0, 0, >0 as a is less than, equal to, greater than b. */
static inline int gnomon_span_cmp(gnomon_span a, gnomon_span b)
{
	if (a.ns != b.ns) {
		return a.ns < b.ns ? -1 : 1;
	}
	return (int)a.frac - (int)b.frac;
}

static inline gnomon_span gnomon_span_abs(gnomon_span a)
{
	return a.ns < 0 ? gnomon_span_neg(a) : a;
}

/** Nanoseconds as a double: exact to 2^-16 ns below 2^36 ns (about a minute). */
static inline double gnomon_span_to_double(gnomon_span s)
{
	return (double)s.ns + (double)s.frac * (1.0 / 65536.0);
}

/** Nanoseconds from a double, saturating; NaN gives 0. Rounds down to 2^-16 ns. */
static inline gnomon_span gnomon_span_from_double(double ns)
{
	gnomon_span r = { 0, 0 };
	double frac;

	if (ns >= 9.2233720368547e18) {
		return GNOMON_SPAN_MAX;
	}
	if (ns <= -9.2233720368547e18) {
		return GNOMON_SPAN_MIN;
	}
	if (ns == ns) {
		r.ns = (int64_t)ns;
		if ((double)r.ns > ns) {
			r.ns--;
		}
		/* Just below a whole number the difference itself rounds up to 1. */
		frac = (ns - (double)r.ns) * 65536.0;
		r.frac = frac < 65535.0 ? (uint16_t)frac : 0xffff;
	}
	return r;
}

static inline gnomon_time gnomon_time_add(gnomon_time t, gnomon_span s)
{
	int64_t sec = s.ns / GNOMON_NSEC_PER_SEC;
	int64_t nsec = s.ns % GNOMON_NSEC_PER_SEC + (int64_t)t.nsec;
	uint32_t frac = (uint32_t)t.frac + s.frac;
	gnomon_time r;

	nsec += frac >> 16;
	if (nsec < 0) {
		nsec += GNOMON_NSEC_PER_SEC;
		sec--;
	} else if (nsec >= GNOMON_NSEC_PER_SEC) {
		nsec -= GNOMON_NSEC_PER_SEC;
		sec++;
	}
	if (sec > 0 && t.sec > INT64_MAX - sec) {
		return GNOMON_TIME_MAX;
	}
	if (sec < 0 && t.sec < INT64_MIN - sec) {
		return GNOMON_TIME_MIN;
	}
	r.sec = t.sec + sec;
	r.nsec = (uint32_t)nsec;
	r.frac = (uint16_t)frac;
	return r;
}

static inline gnomon_time gnomon_time_sub_span(gnomon_time t, gnomon_span s)
{
	return gnomon_time_add(t, gnomon_span_neg(s));
}

/** a - b, saturating at about +-292 years. */
static inline gnomon_span gnomon_time_diff(gnomon_time a, gnomon_time b)
{
	const int64_t limit = INT64_MAX / GNOMON_NSEC_PER_SEC - 1;
	int32_t frac = (int32_t)a.frac - (int32_t)b.frac;
	gnomon_span r;
	int64_t sec;

	if (b.sec > 0 && a.sec < INT64_MIN + b.sec) {
		return GNOMON_SPAN_MIN;
	}
	if (b.sec < 0 && a.sec > INT64_MAX + b.sec) {
		return GNOMON_SPAN_MAX;
	}
	sec = a.sec - b.sec;
	if (sec > limit) {
		return GNOMON_SPAN_MAX;
	}
	if (sec < -limit) {
		return GNOMON_SPAN_MIN;
	}
	r.ns = sec * GNOMON_NSEC_PER_SEC + ((int64_t)a.nsec - (int64_t)b.nsec) - (frac < 0);
	r.frac = (uint16_t)(frac & 0xffff);
	return r;
}

/** <0, 0, >0 as a is before, equal to, after b. */
static inline int gnomon_time_cmp(gnomon_time a, gnomon_time b)
{
	if (a.sec != b.sec) {
		return a.sec < b.sec ? -1 : 1;
	}
	if (a.nsec != b.nsec) {
		return a.nsec < b.nsec ? -1 : 1;
	}
	return (int)a.frac - (int)b.frac;
}

/** An instant from ns since the epoch. */
static inline gnomon_time gnomon_time_from_ns(int64_t ns)
{
	gnomon_time zero = { 0, 0, 0 };

	return gnomon_time_add(zero, gnomon_span_from_ns(ns));
}

#ifdef __cplusplus
}
#endif

#endif
