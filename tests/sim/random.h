/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeded random numbers: xoshiro256++ with streams, and the distributions the models need.
 * Every oscillator, network and node draws from a stream of its own, so that what one of them
 * does never shifts the noise another one sees.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t s[4];
	double spare; /* the second of a pair of normals */
	bool has_spare;
};

/* A 64-bit mix with full avalanche (the finaliser of splitmix64). */
static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* What a stream is for; part of its seed. */
enum random_purpose {
	RANDOM_OSCILLATOR = 1,
	RANDOM_NETWORK,
	RANDOM_STAMPS,
	RANDOM_ENGINE,
	RANDOM_NODE,
	RANDOM_TEST,
};

static inline uint64_t random_stream(uint64_t seed, enum random_purpose purpose, uint64_t index)
{
	return random_mix(random_mix(seed + 0x9e3779b97f4a7c15u * (uint64_t)purpose) +
			  0xd1342543de82ef95u * (index + 1));
}

static inline void random_init(struct random *r, uint64_t stream)
{
	for (unsigned int i = 0; i < 4; i++) {
		stream += 0x9e3779b97f4a7c15u;
		r->s[i] = random_mix(stream);
	}
	r->spare = 0.0;
	r->has_spare = false;
}

static inline uint64_t random_next(struct random *r)
{
	uint64_t sum = r->s[0] + r->s[3];
	uint64_t result = ((sum << 23) | (sum >> 41)) + r->s[0];
	uint64_t t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = (r->s[3] << 45) | (r->s[3] >> 19);
	return result;
}

/* In the open interval (0, 1): safe for log(). */
static inline double random_uniform(struct random *r)
{
	return ((double)(random_next(r) >> 11) + 0.5) * 0x1p-53;
}

static inline bool random_chance(struct random *r, double probability)
{
	return probability > 0.0 && random_uniform(r) < probability;
}

/* Mean 0, standard deviation 1 (Marsaglia's polar method). */
static inline double random_normal(struct random *r)
{
	double u;
	double v;
	double s;

	if (r->has_spare) {
		r->has_spare = false;
		return r->spare;
	}
	do {
		u = 2.0 * random_uniform(r) - 1.0;
		v = 2.0 * random_uniform(r) - 1.0;
		s = u * u + v * v;
	} while (s >= 1.0 || s == 0.0);
	s = sqrt(-2.0 * log(s) / s);
	r->spare = v * s;
	r->has_spare = true;
	return u * s;
}

/* Mean 1. */
static inline double random_exponential(struct random *r)
{
	return -log(random_uniform(r));
}

/* Mean shape, variance shape; shape > 0 (Marsaglia and Tsang). */
static inline double random_gamma(struct random *r, double shape)
{
	double boost = 1.0;
	double d;
	double x;
	double v;

	if (shape < 1.0) {
		boost = pow(random_uniform(r), 1.0 / shape);
		shape += 1.0;
	}
	d = shape - 1.0 / 3.0;
	do {
		x = random_normal(r);
		v = 1.0 + x / sqrt(9.0 * d);
		v = v * v * v;
	} while (v <= 0.0 || log(random_uniform(r)) >= 0.5 * x * x + d - d * v + d * log(v));
	return boost * d * v;
}

#endif
