/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The guest's part in finding out how its counter relates to the host's, where the host cannot ask
 * its kernel: the mailbox in the page of gnomon (include/gnomon/vmclock.h). Asked for while the
 * host's page tells no time, and now and then after that, since a rate takes time to be measured.
 */
#ifndef GUEST_PINGPONG_H
#define GUEST_PINGPONG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnomon/time.h>
#include <gnomon/vmclock.h>

#include "drivers/error.h"

/** How long one play may keep a processor busy: the host looks at its guests every 0.25 s. */
#define PINGPONG_PLAY_NS (600 * (int64_t)1000000)

enum pingpong_result {
	PINGPONG_IDLE,   /* nothing was due, or the host has not taken notice yet */
	PINGPONG_KNOWN,  /* the host knows our counter already */
	PINGPONG_DONE,   /* the host has measured it */
	PINGPONG_FAILED, /* it has not: once more, soon */
};

struct pingpong {
	uint8_t *map; /* NULL: no mailbox */
	size_t size;
	char path[256];
	gnomon_mono next;
	uint32_t asked;   /* a request that waits for the host; 0: none */
	unsigned int tries; /* that failed, in a row */
	uint64_t answers;
	enum pingpong_result last;
	uint64_t (*counter)(void);   /* the processor's */
	gnomon_mono (*now)(void);
};

/**
 * Map the file for writing. Returns 0; -EBADMSG: it has no mailbox; -errno, in words in *error.
 */
int pingpong_open(struct pingpong *p, const char *path, struct driver_error *error);

/** Zeroed memory is ok. */
void pingpong_close(struct pingpong *p);

/**
 * Ask, or play, if it is due. A first request only finds out whether the host listens, which costs
 * nothing: once it has been answered, however, the next one is played for, and a processor kept
 * busy until the host's next look. needed: the host tells no time.
 */
enum pingpong_result pingpong_expire(struct pingpong *p, gnomon_mono now, bool needed);

#endif
