/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The true difference of two clocks of one machine: each reading of the second is held between two
 * of the first. No network, no timestamps, no servo has a part in it.
 *
 *     phc_compare CLOCK CLOCK [LOOKS]     a device of a PTP hardware clock, CLOCK_REALTIME or
 *                                         CLOCK_TAI; LOOKS: how many, a hundred per second
 *
 * Prints "second minus first: N ns, known to W ns, at worst from A to B ns in LOOKS looks", N being
 * the median.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRIES 8
#define LOOKS_MAX 2000
#define PAUSE_NS 10000000

static clockid_t open_clock(const char *path)
{
	int fd;

	if (strcmp(path, "CLOCK_REALTIME") == 0) {
		return CLOCK_REALTIME;
	}
	if (strcmp(path, "CLOCK_TAI") == 0) {
		return CLOCK_TAI;
	}
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		(void)fprintf(stderr, "phc_compare: %s: %s\n", path, strerror(errno));
		_exit(2);
	}
	return (clockid_t)((~(unsigned int)fd << 3) | 3u);
}

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts)) {
		(void)fprintf(stderr, "phc_compare: clock_gettime: %s\n", strerror(errno));
		_exit(2);
	}
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t look(clockid_t first, clockid_t second, int64_t *narrowest)
{
	int64_t width = INT64_MAX;
	int64_t difference = 0;

	for (int i = 0; i < TRIES; i++) {
		const int64_t before = read_clock(first);
		const int64_t between = read_clock(second);
		const int64_t after = read_clock(first);

		if (after - before < width) {
			width = after - before;
			difference = between - before - width / 2;
		}
	}
	*narrowest = width < *narrowest ? width : *narrowest;
	return difference;
}

static int by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a;
	const int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	const struct timespec pause = { 0, PAUSE_NS };
	const long looks = argc == 4 ? strtol(argv[3], NULL, 10) : 1;
	int64_t width = INT64_MAX;
	static int64_t found[LOOKS_MAX];
	clockid_t first, second;

	if (argc < 3 || argc > 4 || looks < 1 || looks > LOOKS_MAX) {
		(void)fprintf(stderr, "usage: phc_compare CLOCK CLOCK [LOOKS]\n");
		return 1;
	}
	first = open_clock(argv[1]);
	second = open_clock(argv[2]);
	for (long i = 0; i < looks; i++) {
		found[i] = look(first, second, &width);
		if (looks > 1) {
			(void)nanosleep(&pause, NULL);
		}
	}
	qsort(found, (size_t)looks, sizeof(found[0]), by_value);
	(void)printf("second minus first: %" PRId64 " ns, known to %" PRId64
		     " ns, at worst from %" PRId64 " to %" PRId64 " ns in %ld looks\n",
		     found[looks / 2], width / 2, found[0], found[looks - 1], looks);
	return 0;
}
