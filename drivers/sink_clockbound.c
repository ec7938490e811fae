/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/sink_clockbound.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_0 0x414d5a4eu
#define MAGIC_1 0x43420200u
#define VERSION 2

/* Readers take a bound as signed ns, and add to it what it grows by. */
#define BOUND_MAX (INT64_MAX / 4)

struct stamp {
	int64_t sec;
	int64_t nsec;
};

struct segment {
	uint32_t magic[2];
	uint32_t size;
	uint16_t version;
	uint16_t generation;
	struct stamp as_of;
	struct stamp void_after;
	int64_t bound_ns;
	uint64_t marker;
	uint32_t drift_ppb;
	int32_t status;
	uint8_t has_marker;
	uint8_t padding[7];
};

_Static_assert(sizeof(struct segment) == 80, "80 octets");
_Static_assert(offsetof(struct segment, generation) == 14, "generation at 14");
_Static_assert(offsetof(struct segment, status) == 68, "status at 68");

struct sink_clockbound {
	int fd; /* it has the lock */
	struct segment *shared;
};

static int fail(struct driver_error *error, int code, const char *path, const char *what)
{
	return driver_fail(error, code, "ClockBound segment %.120s: cannot %s: %s", path, what,
			   driver_strerror(code));
}

/* The folder, not those above: a path with more that is missing is a wrong one. */
static int make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!slash || slash == path) {
		return 0;
	}
	if ((size_t)(slash - path) >= sizeof(folder)) {
		return -ENAMETOOLONG;
	}
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return mkdir(folder, 0755) != 0 && errno != EEXIST ? -errno : 0;
}

/* Whether readers may go on with what is there. */
static bool is_ours(const struct segment *s)
{
	return s->magic[0] == MAGIC_0 && s->magic[1] == MAGIC_1 && s->size == sizeof(*s) &&
	       s->version == VERSION && s->generation != 0;
}

static void store16(uint16_t *to, uint16_t value)
{
	__atomic_store_n(to, value, __ATOMIC_SEQ_CST);
}

/* No version, no generation: readers wait. */
static void begin_anew(struct segment *s)
{
	store16(&s->version, 0);
	store16(&s->generation, 0);
	s->magic[0] = MAGIC_0;
	s->magic[1] = MAGIC_1;
	s->size = sizeof(*s);
	store16(&s->version, VERSION);
}

/* A file that somebody keeps something else in, which a wrong path is no reason to write over. What
 * ClockBound's daemon of any version left may be taken, and what nobody has written yet. */
static bool is_foreign(int fd)
{
	union {
		struct segment segment;
		unsigned char octets[sizeof(struct segment)];
	} head = { .octets = { 0 } };
	ssize_t n = pread(fd, &head, sizeof(head), 0);

	if (head.segment.magic[0] == MAGIC_0) {
		return false;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (head.octets[i]) {
			return true;
		}
	}
	return n < 0;
}

/* Clients have the file mapped over our restarts, so one that is there is written on, and no new
 * one put in its place: it has to be a file that nobody else may have prepared. Memory is reserved,
 * so that a full file system is an error here and no signal later. */
static int map_segment(struct sink_clockbound *sink, const char *path, struct driver_error *error)
{
	struct stat st;
	void *at;
	int err;

	if (fstat(sink->fd, &st) != 0) {
		return fail(error, -errno, path, "look at it");
	}
	if (!S_ISREG(st.st_mode)) {
		return driver_fail(error, -EINVAL,
				   "ClockBound segment %.120s: not a plain file; name another",
				   path);
	}
	if (st.st_nlink > 1) {
		return driver_fail(error, -EMLINK,
				   "ClockBound segment %.120s: has %lu names; remove the others",
				   path, (unsigned long)st.st_nlink);
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		return driver_fail(error, -EPERM,
				   "ClockBound segment %.120s: belongs to user %lu, who could "
				   "write what he likes into it; remove it, or name another file",
				   path, (unsigned long)st.st_uid);
	}
	if (flock(sink->fd, LOCK_EX | LOCK_NB) != 0) {
		return driver_fail(error, -EBUSY,
				   "ClockBound segment %.120s: another program writes it; stop "
				   "that, or name another file", path);
	}
	if (is_foreign(sink->fd)) {
		return driver_fail(error, -EEXIST,
				   "ClockBound segment %.120s: has something else in it; name "
				   "another file, or remove it", path);
	}
	/* Clients of any user map it, whatever our umask is. */
	(void)fchmod(sink->fd, 0644);
	err = posix_fallocate(sink->fd, 0, sizeof(struct segment));
	if (err) {
		return fail(error, -err, path, "make room in it");
	}
	at = mmap(NULL, sizeof(struct segment), PROT_READ | PROT_WRITE, MAP_SHARED, sink->fd, 0);
	if (at == MAP_FAILED) {
		return fail(error, -errno, path, "map it");
	}
	sink->shared = at;
	return 0;
}

int sink_clockbound_open(struct sink_clockbound **sink, const char *path,
			 struct driver_error *error)
{
	struct sink_clockbound *made = calloc(1, sizeof(*made));
	int err = made ? make_folder(path) : -ENOMEM;

	if (err) {
		free(made);
		return fail(error, err, path, "make its folder");
	}
	made->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (made->fd < 0) {
		err = fail(error, -errno, path, "open it");
	} else {
		err = map_segment(made, path, error);
	}
	if (err) {
		sink_clockbound_close(made);
		return err;
	}
	if (!is_ours(made->shared)) {
		begin_anew(made->shared);
	}
	*sink = made;
	return 0;
}

struct timespec sink_clockbound_begin(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now;
}

static int64_t bound_of(const struct sink_clockbound_state *state)
{
	return state->bound_ns < 0 ? 0 : state->bound_ns < BOUND_MAX ? state->bound_ns : BOUND_MAX;
}

static int32_t status_of(const struct sink_clockbound_state *state)
{
	return state->bound_ns > BOUND_MAX && state->status != SINK_CLOCKBOUND_DISRUPTED ?
		       SINK_CLOCKBOUND_UNKNOWN :
		       (int32_t)state->status;
}

/* A writer that died may have left an odd generation; 0 would mean that nothing was ever written,
 * so it is left out when the count begins again. */
void sink_clockbound_write(struct sink_clockbound *sink, struct timespec begun,
			   const struct sink_clockbound_state *state)
{
	struct segment *s = sink->shared;
	const uint16_t odd = s->generation | 1;
	const uint16_t even = (uint16_t)(odd + 1);

	store16(&s->generation, odd);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s->as_of = (struct stamp){ begun.tv_sec, begun.tv_nsec };
	s->void_after = (struct stamp){ begun.tv_sec + state->life_s, begun.tv_nsec };
	s->bound_ns = bound_of(state);
	s->marker = state->marker;
	s->drift_ppb = state->drift_ppb < 1000000000 ? state->drift_ppb : 999999999;
	s->status = status_of(state);
	s->has_marker = state->has_marker;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	store16(&s->generation, even ? even : 2);
}

void sink_clockbound_close(struct sink_clockbound *sink)
{
	if (sink && sink->shared) {
		(void)munmap(sink->shared, sizeof(*sink->shared));
	}
	if (sink && sink->fd >= 0) {
		(void)close(sink->fd);
	}
	free(sink);
}
