/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian octets of memory of one's own, and single words of memory shared with guests.
 *
 * The words of a seqcount's data are loaded with acquire and stored with release. That alone orders
 * them with the count, without a fence: data stored after the odd count is released after it, and
 * who has loaded such data sees at least that count when it looks again. Plain moves on x86.
 */
#ifndef BRIDGE_WORDS_H
#define BRIDGE_WORDS_H

#include <stdint.h>
#include <string.h>

static inline uint64_t get_little(const uint8_t *p, unsigned int octets)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < octets; i++) {
		v |= (uint64_t)p[i] << (8 * i);
	}
	return v;
}

static inline void put_little(uint8_t *p, unsigned int octets, uint64_t v)
{
	for (unsigned int i = 0; i < octets; i++) {
		p[i] = (uint8_t)(v >> (8 * i));
	}
}

/* Of shared memory, at an aligned offset: a word in the order of its octets. */
static inline uint32_t shared_load32(const void *base, unsigned int offset)
{
	const void *word = (const uint8_t *)base + offset;
	uint32_t v = __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
	uint8_t octets[4];

	memcpy(octets, &v, sizeof(octets));
	return (uint32_t)get_little(octets, 4);
}

static inline void shared_store32(void *base, unsigned int offset, uint32_t value)
{
	void *word = (uint8_t *)base + offset;
	uint8_t octets[4];
	uint32_t v;

	put_little(octets, 4, value);
	memcpy(&v, octets, sizeof(v));
	__atomic_store_n((uint32_t *)word, v, __ATOMIC_RELEASE);
}

static inline uint64_t shared_load64(const void *base, unsigned int offset)
{
	const void *word = (const uint8_t *)base + offset;
	uint64_t v = __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
	uint8_t octets[8];

	memcpy(octets, &v, sizeof(octets));
	return get_little(octets, 8);
}

static inline void shared_store64(void *base, unsigned int offset, uint64_t value)
{
	void *word = (uint8_t *)base + offset;
	uint8_t octets[8];
	uint64_t v;

	put_little(octets, 8, value);
	memcpy(&v, octets, sizeof(v));
	__atomic_store_n((uint64_t *)word, v, __ATOMIC_RELEASE);
}

#endif
