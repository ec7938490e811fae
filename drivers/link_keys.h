/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Which message a transmit timestamp is for. The kernel counts the messages of a socket
 * (SOF_TIMESTAMPING_OPT_ID); this keeps our keys in step with its count. Pure.
 *
 * The two can part: whether a send that failed was counted depends on how far it got, hence the
 * kernel's counter is restarted after one; and simulators count from 1, or stay at 0.
 */
#ifndef DRIVERS_LINK_KEYS_H
#define DRIVERS_LINK_KEYS_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed: nothing sent yet. Counters wrap, hence the signed differences below. */
struct link_keys {
	uint32_t next;     /* key of the next message */
	uint32_t base;     /* key of what the kernel counts as 0 */
	uint32_t old_base; /* base before the last restart */
	bool zero_seen;    /* a count of 0 has come since the last restart */
};

/** The key of a message just sent. */
static inline uint32_t link_keys_sent(struct link_keys *keys)
{
	return keys->next++;
}

/** The kernel's counter was restarted at 0. */
static inline void link_keys_restarted(struct link_keys *keys)
{
	keys->old_base = keys->base;
	keys->base = keys->next;
	keys->zero_seen = false;
}

/** The key of a timestamp that came with the kernel's count (counted) or without. */
static inline uint32_t link_keys_stamped(struct link_keys *keys, bool counted, uint32_t count)
{
	const uint32_t latest = keys->next - 1;
	const bool stuck = count == 0 && keys->zero_seen;

	if (!counted || stuck) {
		return latest;
	}
	if (count == 0) {
		keys->zero_seen = true;
	}
	if ((int32_t)(count - (keys->next - keys->base)) < 0) {
		return keys->base + count;
	}
	/* More than were counted since the restart: due from before it ... */
	if ((int32_t)(keys->old_base + count - keys->base) < 0) {
		return keys->old_base + count;
	}
	/* ... or this kernel counts otherwise. It is the latest then. */
	keys->base = latest - count;
	return latest;
}

#endif
