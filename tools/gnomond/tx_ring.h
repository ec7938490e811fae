/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Messages whose transmit timestamp is on its way: from the link's key to the engine's tx_id.
 *
 * A port has few at a time, and keys are drawn in order, so a small ring that is searched from the
 * oldest does it. What does not fit pushes out the oldest, whose timestamp is then lost.
 */
#ifndef GNOMOND_TX_RING_H
#define GNOMOND_TX_RING_H

#include <stdint.h>

#include <gnomon/time.h>

#define TX_RING_SIZE 8

struct tx_entry {
	uint32_t key;
	uint32_t tx_id; /* 0: free */
	gnomon_mono deadline;
};

/** Zeroed memory is an empty ring. */
struct tx_ring {
	struct tx_entry entries[TX_RING_SIZE]; /* in the order of sending, from oldest */
	unsigned int count;
};

/** Remember a message. Returns the tx_id of the one pushed out, 0 if there was room. */
uint32_t tx_ring_put(struct tx_ring *ring, uint32_t key, uint32_t tx_id, gnomon_mono deadline);

/** The message of that key, which is then forgotten; 0 if there is none. */
uint32_t tx_ring_take(struct tx_ring *ring, uint32_t key);

/** A message whose deadline is at or before now, which is then forgotten; 0 if there is none. */
uint32_t tx_ring_expire(struct tx_ring *ring, gnomon_mono now);

/** The earliest deadline; GNOMON_MONO_NEVER if the ring is empty. */
gnomon_mono tx_ring_deadline(const struct tx_ring *ring);

#endif
