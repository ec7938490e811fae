/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's half of a bridge's truth, found without any help of the programs under test.
 *
 *     bridge_host offset FILE WIDTH        FILE: memory that a guest's "bridge_guest pong" sees too
 *     bridge_host khz                      the counter's rate, by CLOCK_MONOTONIC_RAW
 *
 * "offset" prints "LEAST MOST ROUNDS": guest's counter minus the host's is no less and no more than
 * that: in each round the guest's was read between two readings of the host's. It ends when the two
 * are WIDTH apart, or after 20 s.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bridge_lab.h"

#define TRIES 20
#define ROUNDS_LEAST 1000
#define PATIENCE_S 20

static double now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static struct lab_mailbox *map_mailbox(const char *path)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	void *memory;

	if (fd < 0) {
		return NULL;
	}
	memory = mmap(NULL, LAB_LOOKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

/* One round. False if the deadline passes before the answer. */
static bool ask(struct lab_mailbox *mail, uint64_t number, double deadline, int64_t *least,
		int64_t *most)
{
	const uint64_t before = lab_counter();
	uint64_t after;
	unsigned int spins = 0;

	mail->request = number;
	while (mail->answer != number) {
		if (++spins % 65536 == 0 && now_s() > deadline) {
			return false;
		}
	}
	after = lab_counter();
	*least = (int64_t)(mail->counter - after);
	*most = (int64_t)(mail->counter - before);
	return true;
}

static int find_offset(const char *path, int64_t width)
{
	struct lab_mailbox *mail = map_mailbox(path);
	uint64_t number = (uint64_t)time(NULL) << 32;
	int64_t least = INT64_MIN;
	int64_t most = INT64_MAX;
	unsigned long rounds = 0;
	const double end = now_s() + PATIENCE_S;

	if (!mail) {
		(void)fprintf(stderr, "bridge_host: %s: %s\n", path, strerror(errno));
		return 2;
	}
	while (rounds < ROUNDS_LEAST || (most - least > width && now_s() < end)) {
		int64_t lower;
		int64_t upper;

		if (!ask(mail, ++number, end, &lower, &upper)) {
			break;
		}
		least = lower > least ? lower : least;
		most = upper < most ? upper : most;
		rounds++;
	}
	mail->request = 0;
	if (rounds == 0) {
		(void)fprintf(stderr, "bridge_host: %s: no answer\n", path);
		return 2;
	}
	(void)printf("%" PRId64 " %" PRId64 " %lu\n", least, most, rounds);
	return 0;
}

/* The counter when the raw clock read *ns, by the tightest of some brackets. */
static uint64_t read_both(int64_t *ns)
{
	uint64_t narrowest = UINT64_MAX;
	uint64_t counter = 0;

	for (int i = 0; i < TRIES; i++) {
		struct timespec ts;
		const uint64_t before = lab_counter();

		(void)clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		const uint64_t window = lab_counter() - before;

		if (window < narrowest) {
			narrowest = window;
			counter = before + window / 2;
			*ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
		}
	}
	return counter;
}

static int print_khz(void)
{
	const struct timespec pause = { 0, 200000000 };
	int64_t from_ns;
	int64_t to_ns;
	const uint64_t from = read_both(&from_ns);
	uint64_t to;

	(void)nanosleep(&pause, NULL);
	to = read_both(&to_ns);
	(void)printf("%.0f\n", 1e6 * (double)(to - from) / (double)(to_ns - from_ns));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "offset") == 0) {
		return find_offset(argv[2], strtol(argv[3], NULL, 10));
	}
	if (argc == 2 && strcmp(argv[1], "khz") == 0) {
		return print_khz();
	}
	(void)fprintf(stderr, "usage: bridge_host offset FILE WIDTH | khz\n");
	return 1;
}
