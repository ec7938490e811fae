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
#define PINGPONG_PLAY_NS (400 * (int64_t)1000000)

enum pingpong_result {
	PINGPONG_IDLE,     /* nothing was due */
	PINGPONG_UNHEARD,  /* the host did not serve us: it needs no answers, or is not running */
	PINGPONG_DONE,
	PINGPONG_FAILED,   /* the host did not take what it got */
};

struct pingpong {
	uint8_t *map; /* NULL: no mailbox */
	size_t size;
	char path[256];
	gnomon_mono next;
	unsigned int unheard; /* in a row */
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
 * Play if it is due. needed: the host tells no time; then it is due at once, or as often as the
 * host may be expected to listen.
 */
enum pingpong_result pingpong_expire(struct pingpong *p, gnomon_mono now, bool needed);

#endif
