/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp_lines [PAGE|-]: copies lines from stdin, each with the time at which it was complete: UTC,
 * the bound of its error, and what is wrong if something is.
 *
 *     2026-11-23T16:00:00.123456789Z +-0.000000412 the line
 *
 * Lines of several machines merged by time are in the order in which they were written wherever
 * their intervals do not overlap, and where they do it shows.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnomon/guest.h>

/* Counters are cheap to take and can be turned into time later: so does who must not be slow. */
struct line {
	uint64_t counter;
	char text[4096];
};

static void print_time(const struct gnomon_clock_reading *r)
{
	const time_t sec = (time_t)r->utc.sec;
	struct tm tm;
	char text[32];

	gmtime_r(&sec, &tm);
	/* The one second that POSIX cannot tell. */
	tm.tm_sec += r->utc.leap;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%09uZ +-%llu.%09llu ", text, r->utc.nsec,
	       (unsigned long long)r->bound_ns / GNOMON_NSEC_PER_SEC,
	       (unsigned long long)r->bound_ns % GNOMON_NSEC_PER_SEC);
}

static void stamp(struct gnomon_guest_clock *clock, const struct line *line)
{
	struct gnomon_clock_reading r;

	if (gnomon_clock_at(clock, line->counter, &r) || !r.has_utc) {
		printf("? (%s) %s", gnomon_clock_status_name(r.status), line->text);
		return;
	}
	print_time(&r);
	if (r.status == GNOMON_CLOCK_DISRUPTED) {
		/* Say it once: lines from here on are of a clock that knows again. */
		printf("(disrupted) ");
		gnomon_clock_acknowledge(clock, r.marker);
	} else if (r.status != GNOMON_CLOCK_SYNCHRONIZED) {
		printf("(%s) ", gnomon_clock_status_name(r.status));
	}
	fputs(line->text, stdout);
}

int main(int argc, char **argv)
{
	const char *page = argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
	struct gnomon_guest_clock *clock;
	struct line line;
	int err;

	if (argc > 2) {
		fprintf(stderr, "usage: stamp_lines [PAGE|-]\n");
		return 1;
	}
	err = gnomon_clock_open(&clock, page);
	if (err) {
		fprintf(stderr, "stamp_lines: %s: %s\n", page ? page : "no clock page",
			strerror(-err));
		return 2;
	}
	while (fgets(line.text, sizeof(line.text), stdin)) {
		line.counter = gnomon_clock_counter();
		stamp(clock, &line);
	}
	gnomon_clock_close(clock);
	return 0;
}
