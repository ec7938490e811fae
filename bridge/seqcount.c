/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared memory with a count. UAPI.13: count odd, fields, count even; who reads tries again if the
 * count was odd or has changed. The octets are moved in words: all fields are aligned, so that
 * none is ever seen half written, not even by one who reads it without the count.
 */
#include <errno.h>

#include <gnomon/vmclock.h>

#include "bridge/page.h"
#include "bridge/seqcount.h"
#include "bridge/words.h"

/* The four octets beside the count are a word of their own. */
#define BESIDE (SEQCOUNT_OFFSET - 4)

void seqcount_write(void *block, const uint8_t *octets, unsigned int size, uint32_t *seq)
{
	const uint32_t odd = *seq | 1;

	shared_store32(block, SEQCOUNT_OFFSET, odd);
	shared_store64(block, 0, get64(octets));
	shared_store32(block, BESIDE, get32(octets + BESIDE));
	for (unsigned int at = SEQCOUNT_OFFSET + 4; at < size; at += 8) {
		shared_store64(block, at, get64(octets + at));
	}
	*seq = odd + 1;
	shared_store32(block, SEQCOUNT_OFFSET, odd + 1);
}

void seqcount_load(const void *block, uint8_t *octets, unsigned int size)
{
	put64(octets, shared_load64(block, 0));
	put32(octets + BESIDE, shared_load32(block, BESIDE));
	put32(octets + SEQCOUNT_OFFSET, shared_load32(block, SEQCOUNT_OFFSET));
	for (unsigned int at = SEQCOUNT_OFFSET + 4; at < size; at += 8) {
		put64(octets + at, shared_load64(block, at));
	}
}

int seqcount_read(const void *block, uint8_t *octets, unsigned int size, unsigned int tries)
{
	while (tries--) {
		const uint32_t seq = shared_load32(block, SEQCOUNT_OFFSET);

		seqcount_load(block, octets, size);
		if (!(seq & 1) && shared_load32(block, SEQCOUNT_OFFSET) == seq) {
			put32(octets + SEQCOUNT_OFFSET, seq);
			return 0;
		}
	}
	return -EAGAIN;
}

uint32_t seqcount_after(const void *block)
{
	return (shared_load32(block, SEQCOUNT_OFFSET) | 1) + 1;
}

/* -- the vmclock page ------------------------------------------------------------------------- */

void gnomon_vmclock_write(void *page, const struct gnomon_vmclock *c, uint32_t *seq)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];

	gnomon_vmclock_encode(c, octets);
	seqcount_write(page, octets, sizeof(octets), seq);
}

uint32_t gnomon_vmclock_seq_after(const void *page)
{
	return seqcount_after(page);
}

uint32_t gnomon_vmclock_read_begin(const void *page)
{
	return shared_load32(page, SEQCOUNT_OFFSET);
}

void gnomon_vmclock_read_fields(const void *page, struct gnomon_vmclock *c)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];

	seqcount_load(page, octets, sizeof(octets));
	page_get(octets, c);
}

bool gnomon_vmclock_read_ok(const void *page, uint32_t seq)
{
	return !(seq & 1) && shared_load32(page, SEQCOUNT_OFFSET) == seq;
}

int gnomon_vmclock_read(const void *page, size_t len, unsigned int tries, struct gnomon_vmclock *c)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	struct gnomon_vmclock found;
	int err;

	if (len < sizeof(octets)) {
		return -EMSGSIZE;
	}
	err = seqcount_read(page, octets, sizeof(octets), tries);
	if (err) {
		return err;
	}
	page_get(octets, &found);
	err = page_accept(&found, len);
	if (!err) {
		*c = found;
	}
	return err;
}
