/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Clocks by the names people give them, each opened once however often it is named, and what is
 * kept by what: so that nothing is kept twice, nor by itself, however long the way around is.
 *
 * Nothing here changes a clock.
 */
#ifndef CLOCKS_CLOCKS_H
#define CLOCKS_CLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/clock.h"
#include "drivers/error.h"
#include "drivers/sink.h"

/** Name of a clock that is lent. */
#define CLOCKS_NAME_MAX 112

struct clocks_item {
	char name[CLOCKS_NAME_MAX]; /* by which it was first opened, and is again */
	struct gnomon_clock *clock; /* NULL: nothing that can be read */
	bool lent;
	bool adjust;                /* somebody steers it */
	bool gone;                  /* the device is */
};

/** How a clock is kept in step with another. */
enum clocks_how {
	CLOCKS_STEER,     /* by who has the link, who must be the only one */
	CLOCKS_HAND_OVER, /* by another program, which is told the offset and may hear of several */
	CLOCKS_CHOOSE,    /* the same keeper has several links into it */
};

struct clocks_link {
	size_t from;
	size_t to;
	enum clocks_how how;
	const char *name; /* who does it, for people: "[sync a]"; borrowed */
	bool yields;      /* of links that yield and make a loop, not all are in use at once */
};

struct clocks {
	struct clock_soft_config soft; /* of soft clocks that are steered */
	struct clocks_item *items;
	size_t item_count;
	struct clocks_link *links;
	size_t link_count;
	size_t link_max;
};

/** Room for so many links, and the clocks at their ends. Returns 0 or -ENOMEM. */
int clocks_init(struct clocks *clocks, size_t links);

/** Close everything but what was lent. Zeroed memory is ok. */
void clocks_finish(struct clocks *clocks);

/**
 * Take in a clock that is opened, and will be closed, by somebody else. NULL: what only is a
 * source, like a network, under a name nobody can give. Returns its index.
 */
size_t clocks_lend(struct clocks *clocks, struct gnomon_clock *clock, const char *name);

/**
 * Open the clock of that name as drivers/clock_find.h does, or as it was lent; one that is open by
 * whatever name is found again. adjust: it is going to be steered. Returns 0 with its *index, or
 * -errno with *error.
 */
int clocks_open(struct clocks *clocks, const char *name, bool adjust, size_t *index,
		struct driver_error *error);

/**
 * Say that name keeps link->to by link->from. Returns 0, or -EINVAL in words in *error: they are
 * the same clock, it is steered already, or it would be kept by itself.
 */
int clocks_link(struct clocks *clocks, const struct clocks_link *link, struct driver_error *error);

/**
 * Open a clock anew whose device is gone, by the name it has. Returns 0 with the former one in
 * *former, which its users still have and the caller destroys after them; -EBUSY if the name has
 * become that of another clock here; or -errno. *error says it in words.
 */
int clocks_reopen(struct clocks *clocks, size_t index, struct gnomon_clock **former,
		  struct driver_error *error);

/** Whether the name is that of a program's mailbox: "chrony:PATH", "sock:PATH" or "shm:SEGMENT". */
bool clocks_is_out(const char *name);

/** Open it; await: though chronyd is not there yet. Returns 0, -EINVAL (no segment's number) or
 * -errno with *error. */
int clocks_open_out(struct sink **out, const char *name, bool await, struct driver_error *error);

/** True if both names are of one mailbox. */
bool clocks_same_out(const char *a, const char *b);

#endif
