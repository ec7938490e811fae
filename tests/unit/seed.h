/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Randomness for property tests. The seed is taken from GNOMON_TEST_SEED, else from the clock, and
 * is printed as a TAP comment, so that a failure can be repeated.
 */
#ifndef TESTS_UNIT_SEED_H
#define TESTS_UNIT_SEED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct seed {
	uint64_t state;
};

/* splitmix64: every 64-bit value once per period, good enough to pick test inputs. */
static inline uint64_t seed_next(struct seed *s)
{
	uint64_t z = s->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline uint64_t seed_below(struct seed *s, uint64_t n)
{
	return seed_next(s) % n;
}

static inline void seed_fill(struct seed *s, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		buf[i] = (uint8_t)seed_next(s);
	}
}

/* Overwrite up to most octets of data: with some of these letters, or with anything if NULL. */
static inline void seed_spoil(struct seed *s, char *data, size_t len, const char *letters,
			      unsigned int most)
{
	const size_t count = letters ? strlen(letters) : 256;

	for (uint64_t n = seed_below(s, most) + 1; n > 0; n--) {
		const size_t pick = (size_t)seed_below(s, count);

		data[seed_below(s, len)] = letters ? letters[pick] : (char)pick;
	}
}

static inline struct seed seed_start(const char *test)
{
	const char *given = getenv("GNOMON_TEST_SEED");
	struct seed s = { given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) };

	printf("# %s: GNOMON_TEST_SEED=%" PRIu64 "\n", test, s.state);
	return s;
}

#endif
