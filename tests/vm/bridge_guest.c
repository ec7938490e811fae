/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's half of a bridge's truth: it answers bridge_host, and takes looks at the guest's
 * clocks, each held between two readings of the guest's counter. It judges nothing.
 *
 *     bridge_guest pong MEMORY SECONDS
 *     bridge_guest mailbox FILE OFFSET SECONDS
 *     bridge_guest look MEMORY COUNT PERIOD-US KIND[=DEVICE]...
 *
 * "mailbox" answers the host's daemon where gnomon-guest cannot: the block is at that offset of the
 * file, /dev/mem say. MEMORY: a device's resource file below /sys. KIND: precise, extended or
 * gettime =DEVICE of a PTP hardware clock; library[=PATH] of gnomon_clock_open(); realtime; raw;
 * aux=NUMBER of a clock. Looks are written to the memory, and their number is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

#include "bridge_lab.h"

#define KINDS_MAX 8
#define RAW_TRIES 4

struct source {
	enum lab_kind kind;
	int fd;
	clockid_t clock;
	struct gnomon_guest_clock *library;
};

static int64_t ns_of(struct timespec ts)
{
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t ptp_ns(struct ptp_clock_time time)
{
	return time.sec * INT64_C(1000000000) + time.nsec;
}

static int64_t gnomon_ns(gnomon_time time)
{
	return (int64_t)time.sec * INT64_C(1000000000) + time.nsec;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "bridge_guest: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *map_memory(const char *path, size_t *size)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat status;
	void *memory;

	if (fd < 0 || fstat(fd, &status)) {
		die(path);
	}
	*size = (size_t)status.st_size;
	memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		die(path);
	}
	(void)close(fd);
	return memory;
}

static void pong(struct lab_mailbox *mail, double seconds)
{
	uint64_t last = 0; /* the other side may have asked already */
	struct timespec now;
	unsigned int spins = 0;
	int64_t end;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end = ns_of(now) + (int64_t)(seconds * 1e9);
	mail->answer = 0;
	for (;;) {
		const uint64_t request = mail->request;

		if (request == 0 && last != 0) {
			return; /* the other side has done */
		}
		if (request != last) {
			mail->counter = lab_counter();
			mail->answer = request;
			last = request;
			spins = 0;
		} else if (++spins % 4096 == 0) {
			(void)clock_gettime(CLOCK_MONOTONIC, &now);
			if (ns_of(now) > end) {
				return;
			}
		}
	}
}

/* One request to the host and what it asks in turn; how it ended, IDLE if it never did. */
static enum gnomon_mailbox_state play(void *block, int64_t end)
{
	const uint32_t request = gnomon_mailbox_ask(block);
	uint32_t last = gnomon_mailbox_pinged(block);
	struct timespec now;

	do {
		const enum gnomon_mailbox_state state = gnomon_mailbox_state(block, request);

		if (state == GNOMON_MAILBOX_DONE || state == GNOMON_MAILBOX_FAILED) {
			return state;
		}
		for (unsigned int spins = 0; spins < 4096; spins++) {
			const uint32_t ping = gnomon_mailbox_pinged(block);

			if (ping != last) {
				gnomon_mailbox_answer(block, ping, gnomon_clock_counter());
				last = ping;
			}
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (ns_of(now) < end);
	return GNOMON_MAILBOX_IDLE;
}

static int mailbox(const char *path, off_t offset, double seconds)
{
	const off_t page = offset & ~(off_t)4095;
	const int fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	struct timespec now;
	uint8_t *memory;
	int64_t end;

	if (fd < 0) {
		die(path);
	}
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page);
	if (memory == MAP_FAILED) {
		die(path);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end = ns_of(now) + (int64_t)(seconds * 1e9);
	for (;;) {
		const enum gnomon_mailbox_state state = play(memory + (offset - page), end);

		if (state != GNOMON_MAILBOX_FAILED) {
			return state == GNOMON_MAILBOX_DONE ? 0 : 2;
		}
	}
}

static int look_precise(const struct source *source, struct lab_look *look)
{
	struct ptp_sys_offset_precise precise = { 0 };

	if (ioctl(source->fd, PTP_SYS_OFFSET_PRECISE2, &precise)) {
		return -errno;
	}
	look->time_ns = ptp_ns(precise.device);
	look->raw_ns = ptp_ns(precise.sys_monoraw);
	return 0;
}

/* Its system clock is asked to be CLOCK_MONOTONIC_RAW. */
static int look_extended(const struct source *source, struct lab_look *look)
{
	struct ptp_sys_offset_extended extended = { .n_samples = 1,
						    .rsv = { CLOCK_MONOTONIC_RAW } };

	if (ioctl(source->fd, PTP_SYS_OFFSET_EXTENDED2, &extended)) {
		return -errno;
	}
	look->time_ns = ptp_ns(extended.ts[0][1]);
	look->raw_ns = (ptp_ns(extended.ts[0][0]) + ptp_ns(extended.ts[0][2])) / 2;
	return 0;
}

static int look_clock(const struct source *source, struct lab_look *look)
{
	struct timespec ts;

	if (clock_gettime(source->clock, &ts)) {
		return -errno;
	}
	look->time_ns = ns_of(ts);
	return 0;
}

/* The tightest of some: by it, what the kernel tells beside its raw clock finds its counter. */
static int look_raw(const struct source *source, struct lab_look *look)
{
	uint64_t narrowest = UINT64_MAX;

	for (int i = 0; i < RAW_TRIES; i++) {
		struct lab_look next = { .kind = LAB_RAW };
		int err;

		next.before = lab_counter();
		err = look_clock(source, &next);
		next.after = lab_counter();
		if (err) {
			return err;
		}
		if (next.after - next.before < narrowest) {
			narrowest = next.after - next.before;
			*look = next;
		}
	}
	return 0;
}

/* An interval, and the counter it is of: before and after are that one. */
static int look_library(const struct source *source, struct lab_look *look)
{
	struct gnomon_clock_reading reading;
	gnomon_time earliest;
	gnomon_time latest;
	const int err = gnomon_clock_read(source->library, &reading);

	look->reader = reading.status;
	if (err || !reading.has_tai) {
		return err ? err : -ENODATA;
	}
	gnomon_clock_interval(&reading, &earliest, &latest);
	look->time_ns = gnomon_ns(reading.tai);
	look->earliest_ns = gnomon_ns(earliest);
	look->latest_ns = gnomon_ns(latest);
	look->marker = reading.marker;
	look->before = reading.counter;
	look->after = reading.counter;
	return 0;
}

/* What the kernel was told of the error of its CLOCK_REALTIME, and makes of it with time. */
static void bound_realtime(struct lab_look *look)
{
	struct timex kernel = { 0 };

	if (adjtimex(&kernel) >= 0 && !(kernel.status & STA_UNSYNC)) {
		look->earliest_ns = look->time_ns - kernel.maxerror * INT64_C(1000);
		look->latest_ns = look->time_ns + kernel.maxerror * INT64_C(1000);
	}
}

static void take(const struct source *source, struct lab_look *look)
{
	struct lab_look taken = { .kind = source->kind };

	taken.before = lab_counter();
	switch (source->kind) {
	case LAB_PRECISE:
		taken.status = look_precise(source, &taken);
		break;
	case LAB_EXTENDED:
		taken.status = look_extended(source, &taken);
		break;
	case LAB_LIBRARY:
		taken.status = look_library(source, &taken);
		break;
	case LAB_RAW:
		taken.status = look_raw(source, &taken);
		break;
	case LAB_GETTIME:
	case LAB_REALTIME:
	case LAB_AUX:
		taken.status = look_clock(source, &taken);
		break;
	}
	taken.after = taken.after ? taken.after : lab_counter();
	if (taken.kind == LAB_REALTIME) {
		bound_realtime(&taken);
	}
	*look = taken;
}

static void open_library(struct source *source, const char *path)
{
	const int err = gnomon_clock_open(&source->library, path);

	if (err) {
		errno = -err;
		die(path ? path : "gnomon_clock_open");
	}
}

static struct source open_source(char *text)
{
	static const struct {
		const char *name;
		enum lab_kind kind;
	} kinds[] = {
		{ "precise", LAB_PRECISE },   { "extended", LAB_EXTENDED },
		{ "gettime", LAB_GETTIME },   { "library", LAB_LIBRARY },
		{ "realtime", LAB_REALTIME }, { "raw", LAB_RAW },
		{ "aux", LAB_AUX },
	};
	char *value = strchr(text, '=');
	struct source source = { 0 };

	if (value) {
		*value++ = '\0';
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(text, kinds[i].name) == 0) {
			source.kind = kinds[i].kind;
		}
	}
	source.clock = source.kind == LAB_RAW ? CLOCK_MONOTONIC_RAW : CLOCK_REALTIME;
	if (source.kind == LAB_AUX && value) {
		source.clock = (clockid_t)strtol(value, NULL, 10);
	} else if (source.kind == LAB_LIBRARY) {
		open_library(&source, value);
	} else if (value) {
		source.fd = open(value, O_RDWR | O_CLOEXEC);
		if (source.fd < 0) {
			die(value);
		}
		source.clock = (clockid_t)((~(unsigned int)source.fd << 3) | 3u);
	}
	return source;
}

static int look(struct lab_look *looks, size_t room, char **arguments, int count)
{
	const size_t wanted = strtoul(arguments[0], NULL, 10);
	const long us = strtol(arguments[1], NULL, 10);
	const struct timespec period = { us / 1000000, us % 1000000 * 1000 };
	struct source sources[KINDS_MAX];
	size_t kinds = 0;
	size_t taken = 0;

	for (int i = 2; i < count && kinds < KINDS_MAX; i++) {
		sources[kinds++] = open_source(arguments[i]);
	}
	for (size_t i = 0; i < wanted && taken + kinds <= room; i++) {
		for (size_t k = 0; k < kinds; k++) {
			take(&sources[k], &looks[taken++]);
		}
		if (us) {
			(void)nanosleep(&period, NULL);
		}
	}
	(void)printf("%zu\n", taken);
	return 0;
}

int main(int argc, char **argv)
{
	size_t size = 0;
	char *memory;

	if (argc == 4 && strcmp(argv[1], "pong") == 0) {
		pong(map_memory(argv[2], &size), strtod(argv[3], NULL));
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "mailbox") == 0) {
		return mailbox(argv[2], (off_t)strtoull(argv[3], NULL, 0), strtod(argv[4], NULL));
	}
	if (argc > 5 && strcmp(argv[1], "look") == 0) {
		memory = map_memory(argv[2], &size);
		return look((struct lab_look *)(void *)(memory + LAB_LOOKS),
			    (size - LAB_LOOKS) / sizeof(struct lab_look), argv + 3, argc - 3);
	}
	(void)fprintf(stderr, "usage: bridge_guest pong MEMORY SECONDS\n"
			      "       bridge_guest mailbox FILE OFFSET SECONDS\n"
			      "       bridge_guest look MEMORY COUNT PERIOD-US KIND[=DEVICE]...\n");
	return 1;
}
