/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox of the ping-pong: a cache line that the host writes, and one that the guest writes.
 * A word that says "there it is" is stored after what it speaks of, and loaded before it.
 */
#include <errno.h>

#include <gnomon/vmclock.h>

#include "bridge/words.h"

enum mailbox_offset {
	MAILBOX_MAGIC = 0x00,
	MAILBOX_SIZE_FIELD = 0x04,
	MAILBOX_SERVED = 0x08, /* request, and 32 bits up its state: one word, told at once */
	MAILBOX_PING = 0x10,
	MAILBOX_REQUEST = 0x40,
	MAILBOX_PONG = 0x44,
	MAILBOX_COUNTER = 0x48,
};

void gnomon_mailbox_init(void *block)
{
	shared_store32(block, MAILBOX_MAGIC, 0);
	for (unsigned int at = 8; at < GNOMON_MAILBOX_SIZE; at += 8) {
		/* Words keep the size by which they are used. */
		if (at == MAILBOX_PING || at == MAILBOX_REQUEST) {
			shared_store32(block, at, 0);
			shared_store32(block, at + 4, 0);
		} else {
			shared_store64(block, at, 0);
		}
	}
	shared_store32(block, MAILBOX_SIZE_FIELD, GNOMON_MAILBOX_SIZE);
	shared_store32(block, MAILBOX_MAGIC, GNOMON_MAILBOX_MAGIC);
}

static uint64_t served(uint32_t request, enum gnomon_mailbox_state state)
{
	return (uint64_t)state << 32 | request;
}

uint32_t gnomon_mailbox_asked(const void *block)
{
	const uint32_t request = shared_load32(block, MAILBOX_REQUEST);

	return request == (uint32_t)shared_load64(block, MAILBOX_SERVED) ? 0 : request;
}

void gnomon_mailbox_tell(void *block, uint32_t request, enum gnomon_mailbox_state state)
{
	shared_store64(block, MAILBOX_SERVED, served(request, state));
}

void gnomon_mailbox_ping(void *block, uint32_t n)
{
	shared_store32(block, MAILBOX_PING, n);
}

bool gnomon_mailbox_answered(const void *block, uint32_t n, uint64_t *counter)
{
	if (shared_load32(block, MAILBOX_PONG) != n) {
		return false;
	}
	*counter = shared_load64(block, MAILBOX_COUNTER);
	return true;
}

int gnomon_mailbox_check(const void *block, size_t len)
{
	if (len < GNOMON_MAILBOX_SIZE ||
	    shared_load32(block, MAILBOX_MAGIC) != GNOMON_MAILBOX_MAGIC) {
		return -EBADMSG;
	}
	return 0;
}

uint32_t gnomon_mailbox_ask(void *block)
{
	uint32_t request = shared_load32(block, MAILBOX_REQUEST) + 1;

	/* 0 is no request. */
	request += request == 0;
	shared_store32(block, MAILBOX_REQUEST, request);
	return request;
}

enum gnomon_mailbox_state gnomon_mailbox_state(const void *block, uint32_t request)
{
	const uint64_t word = shared_load64(block, MAILBOX_SERVED);

	for (unsigned int state = GNOMON_MAILBOX_PLAYING; state <= GNOMON_MAILBOX_FAILED; state++) {
		if (word == served(request, (enum gnomon_mailbox_state)state)) {
			return (enum gnomon_mailbox_state)state;
		}
	}
	return GNOMON_MAILBOX_IDLE;
}

uint32_t gnomon_mailbox_pinged(const void *block)
{
	return shared_load32(block, MAILBOX_PING);
}

void gnomon_mailbox_answer(void *block, uint32_t n, uint64_t counter)
{
	shared_store64(block, MAILBOX_COUNTER, counter);
	shared_store32(block, MAILBOX_PONG, n);
}
