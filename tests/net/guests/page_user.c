/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users of a guest's page, as good and as bad as there are.
 *
 *     page_user watch PATH TAI-UTC     read it as fast as possible by libgnomon, and hold each
 *                                      reading against CLOCK_REALTIME, which is the truth here
 *     page_user scribble PATH [cut]    write nonsense all over it; cut: change its length, too
 *     page_user once PATH              one line about what is there
 *     page_user answer PATH TAI-UTC TICKS    play ping-pong with a counter that is ahead of the
 *                                      machine's by TICKS, and hold what the page says at its
 *                                      values against CLOCK_REALTIME
 *
 * Until SIGTERM; then one line of JSON. A reading is outside if the truth is not within its bounds.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

#define STATUSES 16

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static gnomon_time real_now(int64_t tai_offset)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (gnomon_time){ ts.tv_sec + tai_offset, (uint32_t)ts.tv_nsec, 0 };
}

static int64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* -- a good one ------------------------------------------------------------------------------- */

struct watch {
	uint64_t count[STATUSES]; /* by what the reading was */
	uint64_t good;
	uint64_t outside;
	int64_t worst_ns;      /* how far outside */
	int64_t good_ns;       /* when the last good reading was */
	int64_t longest_gap_ns;
	int64_t least_bound_ns;
	int64_t most_bound_ns;
	uint64_t markers; /* changes of it */
	uint64_t marker;
};

static void judge(struct watch *w, gnomon_time before, gnomon_time earliest, gnomon_time latest,
		  gnomon_time after)
{
	const int64_t early = gnomon_time_diff(earliest, after).ns;
	const int64_t late = gnomon_time_diff(before, latest).ns;
	const int64_t bound = gnomon_time_diff(latest, earliest).ns / 2;
	const int64_t now = mono_ns();
	const int64_t off = early > late ? early : late;

	if (off > 0) {
		w->outside++;
		w->worst_ns = off > w->worst_ns ? off : w->worst_ns;
	}
	if (w->good++ && now - w->good_ns > w->longest_gap_ns) {
		w->longest_gap_ns = now - w->good_ns;
	}
	w->good_ns = now;
	w->least_bound_ns = w->good == 1 || bound < w->least_bound_ns ? bound : w->least_bound_ns;
	w->most_bound_ns = bound > w->most_bound_ns ? bound : w->most_bound_ns;
}

static void look(struct watch *w, struct gnomon_guest_clock *clock, int64_t tai_offset)
{
	enum gnomon_clock_status status = GNOMON_CLOCK_DAMAGED;
	gnomon_time earliest;
	gnomon_time latest;
	gnomon_time before = real_now(tai_offset);
	int r = gnomon_clock_now(clock, &earliest, &latest, &status);
	gnomon_time after = real_now(tai_offset);
	uint64_t marker;

	w->count[status % STATUSES]++;
	if (r == 0) {
		judge(w, before, earliest, latest, after);
	}
	if (gnomon_clock_disrupted(clock, &marker) && marker != w->marker) {
		w->markers++;
		w->marker = marker;
		gnomon_clock_acknowledge(clock, marker);
	}
}

static int watch(const char *path, int64_t tai_offset)
{
	struct gnomon_guest_clock *clock;
	struct watch w = { .good = 0 };
	int r = gnomon_clock_open(&clock, path);

	if (r != 0) {
		fprintf(stderr, "page_user: %s: %s\n", path, strerror(-r));
		return 1;
	}
	while (!stopped) {
		look(&w, clock, tai_offset);
	}
	printf("{\"good\":%" PRIu64 ",\"outside\":%" PRIu64 ",\"worst_ns\":%" PRId64
	       ",\"longest_gap_ns\":%" PRId64 ",\"least_bound_ns\":%" PRId64
	       ",\"most_bound_ns\":%" PRId64 ",\"markers\":%" PRIu64,
	       w.good, w.outside, w.worst_ns, w.longest_gap_ns, w.least_bound_ns, w.most_bound_ns,
	       w.markers);
	for (unsigned int i = 0; i <= GNOMON_CLOCK_DAMAGED; i++) {
		printf(",\"%s\":%" PRIu64, gnomon_clock_status_name((enum gnomon_clock_status)i),
		       w.count[i]);
	}
	printf("}\n");
	gnomon_clock_close(clock);
	return 0;
}

static int once(const char *path)
{
	struct gnomon_guest_clock *clock;
	struct gnomon_quality quality;
	struct gnomon_vmclock page;
	int r = gnomon_clock_open(&clock, path);

	r = r ? r : gnomon_clock_page(clock, &page);
	if (r != 0) {
		printf("{\"error\":\"%s\"}\n", strerror(-r));
		return 0;
	}
	printf("{\"status\":\"%s\",\"seq\":%" PRIu32 ",\"marker\":%" PRIu64 ",\"flags\":%" PRIu64
	       ",\"time_type\":%u,\"counter_id\":%u",
	       gnomon_vmclock_status_name(page.clock_status), page.seq_count,
	       page.disruption_marker, page.flags, page.time_type, page.counter_id);
	if (gnomon_clock_quality(clock, &quality) == 0) {
		printf(",\"quality\":\"%s\",\"offset_ns\":%" PRId64 ",\"maxerror_ns\":%" PRIu64
		       ",\"quality_flags\":%" PRIu64 ",\"realtime_ns\":%" PRId64,
		       gnomon_vmclock_status_name(quality.clock_status), quality.offset_ns,
		       quality.maxerror_ns, quality.flags, quality.realtime_ns);
	}
	printf("}\n");
	gnomon_clock_close(clock);
	return 0;
}

/* -- one whose counter nobody knows ----------------------------------------------------------- */

#define GAME_NS (1000 * (int64_t)1000000)

/* Ask, and answer until the host says how it went. On a busy machine we miss most of its pings. */
static enum gnomon_mailbox_state play(void *box, uint64_t ticks)
{
	const int64_t until = mono_ns() + GAME_NS;
	const uint32_t request = gnomon_mailbox_ask(box);
	enum gnomon_mailbox_state state = GNOMON_MAILBOX_IDLE;
	uint32_t answered = gnomon_mailbox_pinged(box);

	while (state <= GNOMON_MAILBOX_PLAYING && mono_ns() < until) {
		for (int i = 0; i < 1000; i++) {
			const uint32_t n = gnomon_mailbox_pinged(box);

			if (n != answered) {
				gnomon_mailbox_answer(box, n, gnomon_clock_counter() + ticks);
				answered = n;
			}
		}
		state = gnomon_mailbox_state(box, request);
	}
	return state;
}

/* What the page says now, if it says anything. */
static void look_by(struct watch *w, const void *page, uint64_t ticks, int64_t tai_offset)
{
	const gnomon_time before = real_now(tai_offset);
	struct gnomon_vmclock_reading r;
	struct gnomon_vmclock c;
	gnomon_time after, at;
	gnomon_span bound;

	if (gnomon_vmclock_read(page, GNOMON_GUEST_FILE_SIZE, 100, &c) != 0) {
		return;
	}
	w->count[c.clock_status % STATUSES]++;
	if (c.clock_status != GNOMON_VMCLOCK_SYNCHRONIZED) {
		return;
	}
	gnomon_vmclock_at(&c, gnomon_clock_counter() + ticks, &r);
	after = real_now(tai_offset);
	at = gnomon_fine_to_time(r.time);
	bound = gnomon_span_from_ns((int64_t)r.bound_ns);
	judge(w, before, gnomon_time_sub_span(at, bound), gnomon_time_add(at, bound), after);
}

static int answer(const char *path, int64_t tai_offset, uint64_t ticks)
{
	uint64_t games[GNOMON_MAILBOX_FAILED + 1] = { 0 };
	const int fd = open(path, O_RDWR);
	struct watch w = { .good = 0 };
	uint8_t *page;

	page = mmap(NULL, GNOMON_GUEST_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || page == MAP_FAILED) {
		perror(path);
		return 1;
	}
	while (!stopped) {
		const enum gnomon_mailbox_state state = play(page + GNOMON_MAILBOX_OFFSET, ticks);
		const bool done = state == GNOMON_MAILBOX_DONE;
		const int64_t until = mono_ns() + (done ? GAME_NS / 2 : 0);

		games[state]++;
		while (!stopped && mono_ns() < until) {
			look_by(&w, page, ticks, tai_offset);
		}
	}
	printf("{\"good\":%" PRIu64 ",\"outside\":%" PRIu64 ",\"worst_ns\":%" PRId64
	       ",\"least_bound_ns\":%" PRId64 ",\"done\":%" PRIu64 ",\"failed\":%" PRIu64
	       ",\"damaged\":0}\n",
	       w.good, w.outside, w.worst_ns, w.least_bound_ns, games[GNOMON_MAILBOX_DONE],
	       games[GNOMON_MAILBOX_FAILED]);
	return 0;
}

/* -- a bad one -------------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;

static uint64_t random_word(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* By pwrite: what was cut short grows again under it, and does not kill us. */
static int scribble(const char *path, bool cut)
{
	uint64_t nonsense[64];
	uint64_t writes = 0;
	int fd = open(path, O_RDWR);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(path);
		return 1;
	}
	while (!stopped) {
		size_t len = random_word() % sizeof(nonsense) + 1;

		for (size_t i = 0; i < 64; i++) {
			nonsense[i] = random_word();
		}
		if (cut && writes % 16 == 0) {
			(void)!ftruncate(fd, (off_t)(random_word() % (uint64_t)st.st_size));
		}
		(void)!pwrite(fd, nonsense, len, (off_t)(random_word() % (uint64_t)st.st_size));
		writes++;
	}
	printf("{\"writes\":%" PRIu64 "}\n", writes);
	(void)close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	(void)signal(SIGTERM, stop);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "watch") == 0) {
		return watch(argv[2], strtol(argv[3], NULL, 10));
	}
	if (argc == 3 && strcmp(argv[1], "once") == 0) {
		return once(argv[2]);
	}
	if (argc >= 3 && strcmp(argv[1], "scribble") == 0) {
		return scribble(argv[2], argc > 3);
	}
	if (argc == 5 && strcmp(argv[1], "answer") == 0) {
		return answer(argv[2], strtol(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	}
	fprintf(stderr, "usage: page_user watch PATH OFFSET | once PATH | scribble PATH [cut] |\n"
			"       answer PATH OFFSET TICKS\n");
	return 2;
}
