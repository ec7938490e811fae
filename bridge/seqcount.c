/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page as shared memory. UAPI.13: count odd, fields, count even; who reads tries again if the
 * count was odd or has changed. The octets are moved in words: all fields are aligned, so that
 * none is ever seen half written by a reader of single fields either.
 */
#include <errno.h>

#include <gnomon/vmclock.h>

#include "bridge/page.h"
#include "bridge/words.h"

/* Octets 8 to 11 beside the count are a word of their own, all others go by eight. */
static void store_fields(void *page, const uint8_t *octets)
{
	shared_store64(page, PAGE_MAGIC, get_little(octets, 8));
	shared_store32(page, PAGE_VERSION, (uint32_t)get_little(octets + PAGE_VERSION, 4));
	for (unsigned int at = PAGE_DISRUPTION_MARKER; at < GNOMON_VMCLOCK_SIZE; at += 8) {
		shared_store64(page, at, get_little(octets + at, 8));
	}
}

void gnomon_vmclock_write(void *page, const struct gnomon_vmclock *c, uint32_t *seq)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];

	gnomon_vmclock_encode(c, octets);
	shared_store32(page, PAGE_SEQ_COUNT, *seq | 1);
	store_fields(page, octets);
	*seq = (*seq | 1) + 1;
	shared_store32(page, PAGE_SEQ_COUNT, *seq);
}

uint32_t gnomon_vmclock_seq_after(const void *page)
{
	return (shared_load32(page, PAGE_SEQ_COUNT) | 1) + 1;
}

uint32_t gnomon_vmclock_read_begin(const void *page)
{
	return shared_load32(page, PAGE_SEQ_COUNT);
}

void gnomon_vmclock_read_fields(const void *page, struct gnomon_vmclock *c)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];

	put_little(octets, 8, shared_load64(page, PAGE_MAGIC));
	put_little(octets + PAGE_VERSION, 4, shared_load32(page, PAGE_VERSION));
	put_little(octets + PAGE_SEQ_COUNT, 4, shared_load32(page, PAGE_SEQ_COUNT));
	for (unsigned int at = PAGE_DISRUPTION_MARKER; at < GNOMON_VMCLOCK_SIZE; at += 8) {
		put_little(octets + at, 8, shared_load64(page, at));
	}
	page_get(octets, c);
}

bool gnomon_vmclock_read_ok(const void *page, uint32_t seq)
{
	return !(seq & 1) && shared_load32(page, PAGE_SEQ_COUNT) == seq;
}

int gnomon_vmclock_read(const void *page, size_t len, unsigned int tries, struct gnomon_vmclock *c)
{
	struct gnomon_vmclock found;

	if (len < GNOMON_VMCLOCK_SIZE) {
		return -EMSGSIZE;
	}
	for (unsigned int i = 0; i < tries; i++) {
		const uint32_t seq = gnomon_vmclock_read_begin(page);

		gnomon_vmclock_read_fields(page, &found);
		if (gnomon_vmclock_read_ok(page, seq)) {
			const int err = page_accept(&found, len);

			if (!err) {
				found.seq_count = seq;
				*c = found;
			}
			return err;
		}
	}
	return -EAGAIN;
}
