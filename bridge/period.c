/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Periods of counters: 64 significant bits and a shift, from 2^-64 s to just below 1 s. 1 THz has
 * shift 39, 1 MHz 19. Relative errors of rounding are below 2^-64: 5e-20.
 */
#include <errno.h>
#include <math.h>

#include "bridge/fine.h"
#include "bridge/period.h"

/* v * 2^-(64 + shift) in normal form, rounded to nearest; v below 2^127, and not 0. */
static int normalised(wide v, int shift, struct gnomon_period *p)
{
	while (wide_high(v)) {
		const bool last = wide_high(v) == 1;

		v = (v >> 1) + (last ? v & 1 : 0);
		shift--;
	}
	while (!((uint64_t)v >> 63)) {
		v <<= 1;
		shift++;
	}
	if (shift < 0 || shift > GNOMON_PERIOD_SHIFT_MAX) {
		return -ERANGE;
	}
	p->frac = (uint64_t)v;
	p->shift = (uint8_t)shift;
	return 0;
}

/*
 * Long division, a bit at a time, until the quotient has 64 bits of its own and one to round by.
 * The bits behind value's are zeros that count as shift.
 */
int period_divide(wide value, unsigned int shift, uint64_t divisor, struct gnomon_period *p)
{
	wide rest = 0, quotient = 0;
	int used = 0;

	if (!value || !divisor) {
		return -ERANGE;
	}
	while (!(wide_high(quotient))) {
		rest = rest << 1 | (used < 128 ? value >> 127 : 0);
		value <<= 1;
		used++;
		quotient <<= 1;
		if (rest >= divisor) {
			rest -= divisor;
			quotient |= 1;
		}
	}
	return normalised(quotient, (int)shift + used - 128, p);
}

int gnomon_period_from_uhz(uint64_t uhz, struct gnomon_period *p)
{
	return period_divide((wide)1000000 << 64, 0, uhz, p);
}

int gnomon_period_from_seconds(double seconds, struct gnomon_period *p)
{
	int exponent;

	if (!isfinite(seconds) || seconds <= 0 || seconds >= 1) {
		return -ERANGE;
	}
	seconds = frexp(seconds, &exponent);
	return normalised((uint64_t)ldexp(seconds, 64), -exponent, p);
}

int gnomon_period_from_ticks(struct gnomon_fine elapsed, uint64_t ticks, struct gnomon_period *p)
{
	if (elapsed.sec < 0) {
		return -ERANGE;
	}
	return period_divide((wide)(uint64_t)elapsed.sec << 64 | elapsed.frac, 0, ticks, p);
}

int gnomon_period_scale(const struct gnomon_period *p, double ppb, struct gnomon_period *scaled)
{
	struct gnomon_period normal;
	double change;
	int err;

	/* A tenth either way: more than any oscillator, and safe to be added. */
	if (!isfinite(ppb) || fabs(ppb) > 1e8 || !p->frac) {
		return -ERANGE;
	}
	err = normalised(p->frac, p->shift, &normal);
	if (err) {
		return err;
	}
	change = (double)normal.frac * ppb * 1e-9;
	return normalised((wide)normal.frac + (wide)(wide_signed)(int64_t)change, normal.shift,
			  scaled);
}

double gnomon_period_seconds(const struct gnomon_period *p)
{
	return ldexp((double)p->frac, -64 - (int)p->shift);
}

double gnomon_period_diff_ppb(const struct gnomon_period *a, const struct gnomon_period *b)
{
	const unsigned int most = a->shift > b->shift ? a->shift : b->shift;
	const unsigned int up_a = most - a->shift, up_b = most - b->shift;
	wide x, y;

	/* So far apart only a double can tell. */
	if (up_a > 63 || up_b > 63) {
		return (gnomon_period_seconds(a) / gnomon_period_seconds(b) - 1) * 1e9;
	}
	x = (wide)a->frac << up_a;
	y = (wide)b->frac << up_b;
	return (x >= y ? wide_to_double(x - y) : -wide_to_double(y - x)) / wide_to_double(y) * 1e9;
}

uint64_t gnomon_period_error(const struct gnomon_period *p, double ppb)
{
	/* Both factors and the product are rounded: a little more than that is added. */
	const double error = (double)p->frac * ppb * 1e-9 * (1 + 0x1p-50);

	if (error < 0) {
		return 0;
	}
	/* What is no number is no bound. */
	return error < 0x1p63 ? (uint64_t)error + (error > 0) : UINT64_MAX;
}

struct gnomon_fine gnomon_period_elapsed(const struct gnomon_period *p, uint64_t ticks)
{
	const struct gnomon_fine zero = { 0, 0 };

	return fine_add(zero, wide_shift_down(wide_product(ticks, p->frac), p->shift));
}

uint64_t gnomon_period_ticks(const struct gnomon_period *p, int64_t ns)
{
	const struct gnomon_fine span = gnomon_fine_add_ns((struct gnomon_fine){ 0, 0 }, ns);

	if (ns <= 0) {
		return 0;
	}
	if (!p->frac) {
		return UINT64_MAX;
	}
	return wide_quotient((wide)(uint64_t)span.sec << 64 | span.frac, p->shift, p->frac);
}
