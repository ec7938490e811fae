/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The true difference of two clocks of one machine: each reading of the second is held between two
 * of the first. No network, no timestamps, no servo has a part in it.
 *
 *     phc_compare CLOCK CLOCK      a device of a PTP hardware clock, CLOCK_REALTIME or CLOCK_TAI
 *
 * Prints "second minus first: N ns, known to W ns".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRIES 32

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

int main(int argc, char **argv)
{
	int64_t width = INT64_MAX;
	int64_t difference = 0;
	clockid_t first, second;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: phc_compare CLOCK CLOCK\n");
		return 1;
	}
	first = open_clock(argv[1]);
	second = open_clock(argv[2]);
	for (int i = 0; i < TRIES; i++) {
		const int64_t before = read_clock(first);
		const int64_t between = read_clock(second);
		const int64_t after = read_clock(first);

		if (after - before < width) {
			width = after - before;
			difference = between - before - width / 2;
		}
	}
	(void)printf("second minus first: %" PRId64 " ns, known to %" PRId64 " ns\n", difference,
		     width / 2);
	return 0;
}
