/* SPDX-License-Identifier: BSD-2-Clause */
#include "tx_ring.h"

#include <string.h>

static uint32_t remove_at(struct tx_ring *ring, unsigned int i)
{
	uint32_t tx_id = ring->entries[i].tx_id;

	ring->count--;
	memmove(&ring->entries[i], &ring->entries[i + 1],
		(ring->count - i) * sizeof(ring->entries[0]));
	return tx_id;
}

uint32_t tx_ring_put(struct tx_ring *ring, uint32_t key, uint32_t tx_id, gnomon_mono deadline)
{
	uint32_t lost = ring->count == TX_RING_SIZE ? remove_at(ring, 0) : 0;

	ring->entries[ring->count++] = (struct tx_entry){ key, tx_id, deadline };
	return lost;
}

uint32_t tx_ring_take(struct tx_ring *ring, uint32_t key)
{
	for (unsigned int i = 0; i < ring->count; i++) {
		if (ring->entries[i].key == key) {
			return remove_at(ring, i);
		}
	}
	return 0;
}

/* Deadlines are in the order of sending: the oldest message has the earliest. */
uint32_t tx_ring_expire(struct tx_ring *ring, gnomon_mono now)
{
	if (ring->count == 0 || gnomon_mono_before(now, ring->entries[0].deadline)) {
		return 0;
	}
	return remove_at(ring, 0);
}

gnomon_mono tx_ring_deadline(const struct tx_ring *ring)
{
	return ring->count ? ring->entries[0].deadline : GNOMON_MONO_NEVER;
}
