/* SPDX-License-Identifier: BSD-2-Clause */
#include "clocks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/clock_find.h"

/* -- life ------------------------------------------------------------------------------------- */

int clocks_init(struct clocks *c, size_t links)
{
	*c = (struct clocks){ .link_max = links };
	/* One more for a clock that is lent and not linked. */
	c->items = calloc(2 * links + 1, sizeof(*c->items));
	c->links = calloc(links + 1, sizeof(*c->links));
	return c->items && c->links ? 0 : -ENOMEM;
}

void clocks_finish(struct clocks *c)
{
	for (size_t i = 0; i < c->item_count; i++) {
		if (c->items[i].clock && !c->items[i].lent) {
			c->items[i].clock->ops->destroy(c->items[i].clock);
		}
	}
	free(c->items);
	free(c->links);
	*c = (struct clocks){ .item_count = 0 };
}

/* -- clocks ----------------------------------------------------------------------------------- */

static size_t add(struct clocks *c, struct gnomon_clock *clock, const char *name, bool lent)
{
	struct clocks_item *item = &c->items[c->item_count];

	*item = (struct clocks_item){ .clock = clock, .lent = lent };
	(void)snprintf(item->name, sizeof(item->name), "%s", name);
	return c->item_count++;
}

size_t clocks_lend(struct clocks *c, struct gnomon_clock *clock, const char *name)
{
	return add(c, clock, name, true);
}

static int open_by_name(const struct clocks *c, struct gnomon_clock **clock, const char *name,
			bool adjust, struct driver_error *error)
{
	const struct clock_find_options find = {
		.adjust = adjust,
		.soft = { .tai_offset = c->soft.tai_offset,
			  .initial_offset = adjust ? c->soft.initial_offset : (gnomon_span){ 0 },
			  .oscillator_ppb = adjust ? c->soft.oscillator_ppb : 0 },
	};

	if (strlen(name) >= CLOCKS_NAME_MAX) {
		return driver_fail(error, -EINVAL, "%.40s...: too long for the name of a clock",
				   name);
	}
	return clock_find(clock, name, &find, error);
}

/* The place of the clock, however it is called; item_count: it has none. */
static size_t place_of(const struct clocks *c, const struct gnomon_clock *clock)
{
	size_t i = 0;

	while (i < c->item_count &&
	       !(c->items[i].clock && clock_same(c->items[i].clock, clock))) {
		i++;
	}
	return i;
}

/* A soft clock that is open already must be found by its name: another one can be made at will. */
static size_t named(const struct clocks *c, const char *name, bool adjust)
{
	size_t i = 0;

	while (i < c->item_count && !(c->items[i].clock && strcmp(c->items[i].name, name) == 0 &&
				      (c->items[i].lent || c->items[i].adjust || !adjust))) {
		i++;
	}
	return i;
}

int clocks_open(struct clocks *c, const char *name, bool adjust, size_t *index,
		struct driver_error *error)
{
	struct gnomon_clock *clock;
	size_t at = named(c, name, adjust);
	int err;

	if (at == c->item_count) {
		err = open_by_name(c, &clock, name, adjust, error);
		if (err) {
			return err;
		}
		at = place_of(c, clock);
		if (at < c->item_count) {
			clock->ops->destroy(clock);
		} else {
			(void)add(c, clock, name, false);
		}
	}
	c->items[at].adjust |= adjust;
	*index = at;
	return 0;
}

int clocks_reopen(struct clocks *c, size_t index, struct gnomon_clock **former,
		  struct driver_error *error)
{
	struct clocks_item *item = &c->items[index];
	struct gnomon_clock *clock;
	size_t at;
	int err = open_by_name(c, &clock, item->name, item->adjust, error);

	if (err) {
		return err;
	}
	at = place_of(c, clock);
	if (at < c->item_count && at != index) {
		clock->ops->destroy(clock);
		return driver_fail(error, -EBUSY, "%s: is now the same clock as %s", item->name,
				   c->items[at].name);
	}
	*former = item->clock;
	item->clock = clock;
	item->gone = false;
	return 0;
}

/* -- what is kept by what --------------------------------------------------------------------- */

static int fail_keeper(const char *clock, const struct clocks_link *link,
		       const struct clocks_link *other, struct driver_error *error)
{
	const bool new_out = link->how == CLOCKS_HAND_OVER;

	if (!new_out && other->how != CLOCKS_HAND_OVER) {
		return driver_fail(error, -EINVAL,
				   "%s: is kept by %s already: a clock has one keeper, remove one",
				   clock, other->name);
	}
	return driver_fail(error, -EINVAL,
			   "%s: %s hands it to a program that steers it, %s would steer it as "
			   "well: remove one",
			   clock, new_out ? link->name : other->name,
			   new_out ? other->name : link->name);
}

static int check_keeper(const struct clocks *c, const struct clocks_link *link,
			struct driver_error *error)
{
	for (size_t i = 0; i < c->link_count; i++) {
		const struct clocks_link *other = &c->links[i];

		if (other->to == link->to &&
		    (other->how != link->how || link->how == CLOCKS_STEER)) {
			return fail_keeper(c->items[link->to].name, link, other, error);
		}
	}
	return 0;
}

/* Whether there is a way from a new link's end to its beginning. It is found from the way's end:
 * next[i] becomes the link that leads on from item i. */
static bool find_way(const struct clocks *c, const struct clocks_link *fresh,
		     const struct clocks_link **next)
{
	const size_t from = fresh->to;
	const size_t to = fresh->from;
	bool found = true;

	while (found && !next[from]) {
		found = false;
		for (size_t i = 0; i < c->link_count; i++) {
			const struct clocks_link *link = &c->links[i];

			if (!(link->yields && fresh->yields) && !next[link->from] &&
			    (link->to == to || next[link->to])) {
				next[link->from] = link;
				found = true;
			}
		}
	}
	return next[from] != NULL;
}

static int check_loop(const struct clocks *c, const struct clocks_link *link,
		      struct driver_error *error)
{
	const struct clocks_link **next = calloc(c->item_count, sizeof(*next));
	char way[120] = "";
	size_t at = link->to;
	size_t len = 0;

	if (!next) {
		return driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	if (!find_way(c, link, next)) {
		free(next);
		return 0;
	}
	do {
		const int n = snprintf(way + len, sizeof(way) - len, ", %s", next[at]->name);

		len += n > 0 && (size_t)n < sizeof(way) - len ? (size_t)n : 0;
		way[len] = '\0';
		at = next[at]->to;
	} while (at != link->from);
	free(next);
	return driver_fail(error, -EINVAL,
			   "%s: would be kept by itself, by way of %s%s: remove one of them",
			   c->items[link->to].name, link->name, way);
}

int clocks_link(struct clocks *c, const struct clocks_link *link, struct driver_error *error)
{
	int err;

	if (link->from == link->to) {
		return driver_fail(error, -EINVAL,
				   "%s: source and sink are the same clock (%s); give two",
				   c->items[link->to].name, c->items[link->to].clock->name);
	}
	if (c->link_count == c->link_max) {
		return driver_fail(error, -ENOSPC, "too many clocks");
	}
	err = check_keeper(c, link, error);
	err = err ? err : check_loop(c, link, error);
	if (!err) {
		c->links[c->link_count++] = *link;
	}
	return err;
}

/* -- mailboxes -------------------------------------------------------------------------------- */

/* Behind the prefix that name begins with; NULL: it begins otherwise. */
static const char *behind(const char *name, const char *prefix)
{
	const size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 ? name + len : NULL;
}

static const char *socket_of(const char *name)
{
	const char *path = behind(name, "chrony:");

	return path ? path : behind(name, "sock:");
}

bool clocks_is_out(const char *name)
{
	return socket_of(name) || behind(name, "shm:");
}

/* -1: no number, or none a segment can have. */
static int parse_segment(const char *text)
{
	char *end;
	long segment;

	errno = 0;
	segment = strtol(text, &end, 10);
	return errno || end == text || *end || segment < 0 || segment > INT_MAX ? -1 :
										  (int)segment;
}

int clocks_open_out(struct sink **out, const char *name, bool await, struct driver_error *error)
{
	const char *number = behind(name, "shm:");
	const int segment = number ? parse_segment(number) : -1;

	if (!number && !*socket_of(name)) {
		return driver_fail(error, -EINVAL,
				   "%s: write chrony:PATH, that of \"refclock SOCK\" in chronyd's "
				   "configuration",
				   name);
	}
	if (!number) {
		return sink_chrony_open(out, socket_of(name), await, error);
	}
	if (segment < 0) {
		return driver_fail(error, -EINVAL,
				   "%s: write shm:SEGMENT, a number from 0 on, usually 0 to 3",
				   name);
	}
	return sink_shm_open(out, segment, error);
}

bool clocks_same_out(const char *a, const char *b)
{
	const char *first = socket_of(a);
	const char *second = socket_of(b);
	struct stat one;
	struct stat other;

	if (!first || !second) {
		return !first && !second && atoi(behind(a, "shm:")) == atoi(behind(b, "shm:"));
	}
	return strcmp(first, second) == 0 ||
	       (stat(first, &one) == 0 && stat(second, &other) == 0 &&
		one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}
