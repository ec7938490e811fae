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

/* Between a word in memory and its value: nothing at all where both are little-endian. */
static inline uint16_t little16(uint16_t v)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t little32(uint32_t v)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t little64(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return little16(v);
}

static inline uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return little32(v);
}

static inline uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return little64(v);
}

static inline void put16(uint8_t *p, uint16_t v)
{
	v = little16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put32(uint8_t *p, uint32_t v)
{
	v = little32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put64(uint8_t *p, uint64_t v)
{
	v = little64(v);
	memcpy(p, &v, sizeof(v));
}

/* Of shared memory, at an aligned offset. */
static inline uint32_t shared_load32(const void *base, unsigned int offset)
{
	const void *word = (const uint8_t *)base + offset;

	return little32(__atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE));
}

static inline void shared_store32(void *base, unsigned int offset, uint32_t value)
{
	void *word = (uint8_t *)base + offset;

	__atomic_store_n((uint32_t *)word, little32(value), __ATOMIC_RELEASE);
}

static inline uint64_t shared_load64(const void *base, unsigned int offset)
{
	const void *word = (const uint8_t *)base + offset;

	return little64(__atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE));
}

static inline void shared_store64(void *base, unsigned int offset, uint64_t value)
{
	void *word = (uint8_t *)base + offset;

	__atomic_store_n((uint64_t *)word, little64(value), __ATOMIC_RELEASE);
}

#endif
