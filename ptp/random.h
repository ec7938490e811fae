/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A seeded generator for spreading timers: a Weyl sequence through a 64-bit mixer (splitmix64).
 * One word of state, the same stream for the same seed everywhere, every seed as good as another.
 * Not for secrets.
 */
#ifndef PTP_RANDOM_H
#define PTP_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline void random_seed(struct random *r, uint64_t seed)
{
	r->state = seed;
}

/* 64 uniform bits. */
static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Uniform in [0, 1): 53 bits, so never 1. */
static inline double random_unit(struct random *r)
{
	return (double)(random_next(r) >> 11) * (1.0 / 9007199254740992.0);
}

#endif
