/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 128 bits, without what compilers call a library for: division, and conversion to double.
 */
#ifndef BRIDGE_WIDE_H
#define BRIDGE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 wide;
__extension__ typedef __int128 wide_signed;

static inline wide wide_product(uint64_t a, uint64_t b)
{
	return (wide)a * b;
}

static inline uint64_t wide_high(wide w)
{
	return (uint64_t)(w >> 64);
}

/* w >> shift, for any shift. */
static inline wide wide_shift_down(wide w, unsigned int shift)
{
	return shift < 128 ? w >> shift : 0;
}

/* The same, rounded up. */
static inline wide wide_shift_up_rounded(wide w, unsigned int shift)
{
	const wide down = wide_shift_down(w, shift);
	const wide lost = shift < 128 ? w - (down << shift) : w;

	return down + (lost != 0);
}

static inline double wide_to_double(wide w)
{
	return (double)wide_high(w) * 18446744073709551616.0 + (double)(uint64_t)w;
}

/* floor(w * 2^shift / divisor), saturating; divisor > 0. A bit at a time: for rare use. */
static inline uint64_t wide_quotient(wide w, unsigned int shift, uint64_t divisor)
{
	uint64_t quotient = 0;
	wide rest = 0;

	for (unsigned int i = 0; i < 128 + shift; i++) {
		if (quotient >> 63) {
			return UINT64_MAX;
		}
		rest = rest << 1 | (i < 128 ? w >> 127 : 0);
		w <<= 1;
		quotient <<= 1;
		if (rest >= divisor) {
			rest -= divisor;
			quotient |= 1;
		}
	}
	return quotient;
}

#endif
