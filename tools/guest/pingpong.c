/* SPDX-License-Identifier: BSD-2-Clause */
#include "pingpong.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnomon/guest.h>

#include "drivers/timer.h"

#define NS_PER_S ((int64_t)GNOMON_NSEC_PER_SEC)

/* After a good one: often enough to see a rate change, seldom enough not to matter. */
#define AGAIN_NS (30 * NS_PER_S)

/* A host that knows our counter may have another reason to tell no time, for hours. */
#define KNOWN_NS (60 * NS_PER_S)

/* After one that failed: a machine may be too busy to answer in time, for a while. */
#define FAILED_NS (NS_PER_S / 2)
#define HOPELESS_NS (10 * NS_PER_S)
#define HOPE 60

int pingpong_open(struct pingpong *p, const char *path, struct driver_error *error)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC | O_SYNC);
	struct stat st;
	void *map;
	int err;

	*p = (struct pingpong){ .counter = gnomon_clock_counter, .now = timer_now };
	if (fd < 0) {
		return driver_fail(error, -errno, "%.200s: cannot open it for writing: %s", path,
				   driver_strerror(-errno));
	}
	if (fstat(fd, &st) != 0 || st.st_size < GNOMON_GUEST_FILE_SIZE) {
		(void)close(fd);
		return driver_fail(error, -EBADMSG, "%.200s: too short to have a mailbox", path);
	}
	map = mmap(NULL, GNOMON_GUEST_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	err = map == MAP_FAILED ? -errno : 0;
	(void)close(fd);
	if (err) {
		return driver_fail(error, err, "%.200s: cannot map it for writing: %s", path,
				   driver_strerror(err));
	}
	p->map = map;
	p->size = GNOMON_GUEST_FILE_SIZE;
	(void)snprintf(p->path, sizeof(p->path), "%.255s", path);
	if (gnomon_mailbox_check(p->map + GNOMON_MAILBOX_OFFSET,
				 p->size - GNOMON_MAILBOX_OFFSET) != 0) {
		pingpong_close(p);
		return driver_fail(error, -EBADMSG, "%.200s: no mailbox in it", path);
	}
	return 0;
}

void pingpong_close(struct pingpong *p)
{
	if (p->map) {
		(void)munmap(p->map, p->size);
	}
	p->map = NULL;
}

/* Nothing but looking: the time between a ping and its answer is what the host does not know of
 * our counter. */
static enum pingpong_result play(struct pingpong *p)
{
	void *box = p->map + GNOMON_MAILBOX_OFFSET;
	const gnomon_mono until = gnomon_mono_add(p->now(), PINGPONG_PLAY_NS);
	const uint32_t request = gnomon_mailbox_ask(box);
	uint32_t answered = gnomon_mailbox_pinged(box);
	unsigned int looks = 0;

	while (++looks % 1024 != 0 || gnomon_mono_before(p->now(), until)) {
		const uint32_t n = gnomon_mailbox_pinged(box);

		if (n != answered && n != 0) {
			gnomon_mailbox_answer(box, n, p->counter());
			answered = n;
			p->answers++;
			continue;
		}
		switch (gnomon_mailbox_state(box, request)) {
		case GNOMON_MAILBOX_DONE:
			return PINGPONG_DONE;
		case GNOMON_MAILBOX_FAILED:
			return PINGPONG_FAILED;
		case GNOMON_MAILBOX_IDLE:
		case GNOMON_MAILBOX_PLAYING:
			break;
		}
	}
	return PINGPONG_FAILED;
}

static int64_t pause_after(const struct pingpong *p)
{
	switch (p->last) {
	case PINGPONG_DONE:
		return AGAIN_NS;
	case PINGPONG_KNOWN:
		return KNOWN_NS;
	case PINGPONG_FAILED:
		return p->tries < HOPE ? FAILED_NS : HOPELESS_NS;
	case PINGPONG_IDLE:
		break;
	}
	return 0;
}

/* The host may have lost what it took from us: then there is no need to wait for long. */
static gnomon_mono due(const struct pingpong *p, bool needed)
{
	return needed && p->last == PINGPONG_DONE ? gnomon_mono_add(p->next, NS_PER_S - AGAIN_NS)
						  : p->next;
}

/* Whether the host has served the request that waits; true: it listens, so play. */
static bool is_heard(struct pingpong *p, bool *known)
{
	void *box = p->map + GNOMON_MAILBOX_OFFSET;
	enum gnomon_mailbox_state state;

	if (!p->asked) {
		p->asked = gnomon_mailbox_ask(box);
		return false;
	}
	state = gnomon_mailbox_state(box, p->asked);
	/* Without having seen a ping of it: it needs none. */
	*known = state == GNOMON_MAILBOX_DONE;
	return state != GNOMON_MAILBOX_IDLE;
}

enum pingpong_result pingpong_expire(struct pingpong *p, gnomon_mono now, bool needed)
{
	const uint64_t before = p->answers;
	bool known = false;

	if (!p->map || gnomon_mono_before(now, due(p, needed)) ||
	    (!needed && p->last != PINGPONG_DONE) || !is_heard(p, &known)) {
		return PINGPONG_IDLE;
	}
	p->asked = 0;
	p->last = known ? PINGPONG_KNOWN : play(p);
	if (p->last == PINGPONG_DONE && p->answers == before) {
		p->last = PINGPONG_KNOWN;
	}
	p->tries = p->last == PINGPONG_FAILED ? p->tries + 1 : 0;
	p->next = gnomon_mono_add(p->now(), pause_after(p));
	return p->last;
}
