/* SPDX-License-Identifier: BSD-2-Clause */
/* Clock pages opened: mapped read-only, looked at once, and kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "drivers/guest_find.h"
#include "drivers/guest_open.h"
#include "drivers/guest_private.h"

#define PLACES_MAX 32
/* A page that is being written when it is opened gets so long to become whole. */
#define PATIENCE_MS 20

static enum gnomon_clock_kind kind_of(const struct stat *st, const char *path)
{
	const char *name = strrchr(path, '/');

	if (S_ISCHR(st->st_mode)) {
		return GNOMON_CLOCK_DEVICE;
	}
	return name && strcmp(name, "/resource2") == 0 ? GNOMON_CLOCK_BAR : GNOMON_CLOCK_FILE;
}

/* What may be mapped of it: a device has one page, others one, or two with the page of gnomon. */
static int map_len(const struct stat *st, size_t *len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (S_ISCHR(st->st_mode)) {
		*len = page;
		return 0;
	}
	if (!S_ISREG(st->st_mode) || st->st_size < GNOMON_VMCLOCK_SIZE) {
		return S_ISDIR(st->st_mode) ? -EISDIR : S_ISREG(st->st_mode) ? -EMSGSIZE : -EBADMSG;
	}
	*len = st->st_size >= GNOMON_GUEST_FILE_SIZE ? GNOMON_GUEST_FILE_SIZE
						     : (size_t)st->st_size;
	return 0;
}

/* Map path into clock, which owns what it is given from then on. */
static int attach(struct gnomon_guest_clock *clock, const char *path)
{
	/* Not to wait for the writer of a FIFO that somebody has put there. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *page;
	int err;

	if (fd < 0) {
		return -errno;
	}
	clock->fd = fd;
	err = fstat(fd, &st) ? -errno : map_len(&st, &clock->len);
	if (err) {
		return err;
	}
	page = mmap(NULL, clock->len, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		return -errno;
	}
	clock->page = page;
	clock->kind = kind_of(&st, path);
	clock->path = strdup(path);
	return clock->path ? 0 : -ENOMEM;
}

/* Look at the page; one that stays torn is taken for what its single fields say. */
static int inspect(const struct gnomon_guest_clock *clock, struct gnomon_vmclock *page)
{
	const struct timespec moment = { 0, 1000000 };
	int err = guest_take(clock, page, NULL);

	for (int i = 0; err == -EAGAIN && i < PATIENCE_MS; i++) {
		nanosleep(&moment, NULL);
		err = guest_take(clock, page, NULL);
	}
	return err == -EAGAIN ? gnomon_vmclock_decode(clock->page, clock->len, page) : err;
}

/* Only a device that notifies is asked again by its descriptor. */
static void keep_descriptor(struct gnomon_guest_clock *clock, const struct gnomon_vmclock *page)
{
	if (clock->kind != GNOMON_CLOCK_DEVICE ||
	    !(page->flags & GNOMON_VMCLOCK_NOTIFICATION_PRESENT)) {
		close(clock->fd);
		clock->fd = -1;
	}
}

static bool has_rdtscp(void)
{
#if defined(__x86_64__)
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & (1u << 27));
#else
	return false;
#endif
}

/* Open one; *fits: it is about this processor's counter. */
static int open_one(struct gnomon_guest_clock **clock, const char *path, bool *fits)
{
	struct gnomon_guest_clock *made = NULL;
	struct gnomon_vmclock page;
	int err = posix_memalign((void **)&made, 64, sizeof(*made));

	if (err) {
		return -err;
	}
	memset(made, 0, sizeof(*made));
	made->fd = -1;
	made->ready.head = GUEST_NONE;
	made->rdtscp = has_rdtscp();
	err = attach(made, path);
	if (!err) {
		err = inspect(made, &page);
	}
	if (err) {
		gnomon_clock_close(made);
		return err;
	}
	made->acknowledged = page.disruption_marker;
	made->told = page.disruption_marker;
	keep_descriptor(made, &page);
	*fits = page.counter_id == GUEST_COUNTER_ID;
	*clock = made;
	return 0;
}

int guest_open_found(struct gnomon_guest_clock **clock, const struct guest_roots *roots)
{
	struct guest_place places[PLACES_MAX];
	const size_t n = guest_find(roots, places, PLACES_MAX);
	struct gnomon_guest_clock *best = NULL;
	bool fits = false;
	int refused = 0;

	for (size_t i = 0; i < n && !fits; i++) {
		struct gnomon_guest_clock *one;
		const int err = open_one(&one, places[i].path, &fits);

		if (err) {
			refused = err == -EACCES || err == -EPERM ? err : refused;
		} else if (!best || fits) {
			gnomon_clock_close(best);
			best = one;
		} else {
			gnomon_clock_close(one);
		}
	}
	if (!best) {
		return refused ? refused : -ENODEV;
	}
	*clock = best;
	return 0;
}

int gnomon_clock_open(struct gnomon_guest_clock **clock, const char *path)
{
	bool fits;

	return path ? open_one(clock, path, &fits) : guest_open_found(clock, NULL);
}

void gnomon_clock_close(struct gnomon_guest_clock *clock)
{
	if (!clock) {
		return;
	}
	if (clock->page) {
		munmap((void *)(uintptr_t)clock->page, clock->len);
	}
	if (clock->fd >= 0) {
		close(clock->fd);
	}
	free(clock->path);
	free(clock);
}

const char *gnomon_clock_path(const struct gnomon_guest_clock *clock)
{
	return clock->path;
}

enum gnomon_clock_kind gnomon_clock_kind(const struct gnomon_guest_clock *clock)
{
	return clock->kind;
}

int gnomon_clock_fd(const struct gnomon_guest_clock *clock)
{
	return clock->fd;
}
