/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-guest [rounds]: what a guest pays for the time, and what its host pays for a page.
 *
 * Reading: batches of gnomon_clock_now() and of clock_gettime(CLOCK_REALTIME) in turns, so that
 * whatever else goes on meets both; the ratio is that of the medians. Publishing: one line of the
 * host for 1, 100 and 1000 guests, each with a file of its own as the daemon has them; warm, and
 * with caches that were used for something else in between, as they are after a quarter second.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <gnomon/bridge.h>
#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BATCH 1000
#define PAGES_MAX 1000
#define EVICTED (64u << 20) /* octets: more than the caches that matter */
#define TAI_NS INT64_C(1795449637000000000)

struct guest {
	struct gnomon_publisher publisher;
	struct gnomon_counter_map map;
	uint8_t *page;
	uint32_t seq;
};

static struct guest *guests;
static struct gnomon_period period; /* of this machine's counter */
static uint64_t origin;             /* counter at TAI_NS */
static struct gnomon_guest_clock *handle;

static int64_t raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (int64_t)ts.tv_sec * GNOMON_NSEC_PER_SEC + ts.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void calibrate(void)
{
	const struct timespec interval = { 0, 100000000 };
	const int64_t begin = raw_ns();
	const struct gnomon_fine zero = { 0, 0 };

	origin = gnomon_clock_counter();
	nanosleep(&interval, NULL);
	if (gnomon_period_from_ticks(gnomon_fine_add_ns(zero, raw_ns() - begin),
				     gnomon_clock_counter() - origin, &period)) {
		fail("no counter that a page can be about");
	}
}

static double ns_of(uint64_t ticks)
{
	return (double)ticks * gnomon_period_seconds(&period) * 1e9;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static double quantile(double *values, size_t n, double q)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[(size_t)((double)(n - 1) * q)];
}

/* -- publishing --------------------------------------------------------------------------- */

static struct gnomon_host_line host_line(void)
{
	const uint64_t now = gnomon_clock_counter();
	const struct gnomon_fine start = gnomon_fine_from_time(gnomon_time_from_ns(TAI_NS));
	const struct gnomon_fine elapsed = gnomon_period_elapsed(&period, now - origin);
	struct gnomon_host_line host = {
		.valid = true,
		.status = GNOMON_VMCLOCK_SYNCHRONIZED,
		.counter = now,
		.time = { start.sec + elapsed.sec, elapsed.frac },
		.period = period,
		.bound_ns = 250,
		.growth_ppb = 100,
		.esterror_ns = 50,
		.esterror_ppb = 10,
	};

	return host;
}

/* What is done for each guest at each publication. */
static void publish(struct guest *g, const struct gnomon_host_line *host)
{
	const struct gnomon_utc utc = { .known = true, .tai_offset = 37 };
	const struct gnomon_publish next = { .host = host, .map = &g->map, .marker = 1 };
	struct gnomon_publication what;
	struct gnomon_vmclock page;

	gnomon_publisher_next(&g->publisher, &next, &what);
	page = g->publisher.page;
	if (gnomon_vmclock_set_profile(&page, GNOMON_VMCLOCK_PROFILE_TAI, &utc)) {
		fail("profile");
	}
	gnomon_vmclock_write(g->page, &page, &g->seq);
}

static void create(struct guest *g)
{
	const int fd = memfd_create("gnomon-bench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, GNOMON_GUEST_FILE_SIZE)) {
		fail("memfd");
	}
	g->page = mmap(NULL, GNOMON_GUEST_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (g->page == MAP_FAILED) {
		fail("mmap");
	}
	gnomon_publisher_init(&g->publisher, GNOMON_VMCLOCK_COUNTER_X86_TSC, 1);
	gnomon_counter_map_offset(&g->map, 0);
	if (!handle) {
		const struct gnomon_host_line host = host_line();
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		publish(g, &host);
		if (gnomon_clock_open(&handle, path)) {
			fail(path);
		}
	}
	close(fd);
}

/* Everything that may be cached is something else's now. */
static void evict(void)
{
	static volatile uint8_t *other;

	if (!other) {
		other = malloc(EVICTED);
		if (!other) {
			fail("malloc");
		}
	}
	for (size_t i = 0; i < EVICTED; i += 64) {
		other[i]++;
	}
}

/* Median ns of a publication to n pages, for each page. */
static double publishing(size_t n, int rounds, bool cold)
{
	double *each = calloc((size_t)rounds, sizeof(*each)), median;

	if (!each) {
		fail("calloc");
	}
	for (int r = 0; r < rounds; r++) {
		const struct gnomon_host_line host = host_line();
		uint64_t begin;

		if (cold) {
			evict();
		}
		begin = gnomon_clock_counter();
		for (size_t i = 0; i < n; i++) {
			publish(&guests[i], &host);
		}
		each[r] = ns_of(gnomon_clock_counter() - begin) / (double)n;
	}
	median = quantile(each, (size_t)rounds, 0.5);
	free(each);
	return median;
}

static void bench_publishing(void)
{
	static const size_t numbers[] = { 1, 100, PAGES_MAX };

	printf("%-8s %16s %16s %22s\n", "pages", "ns/page, warm", "ns/page, cold",
	       "CPU at 4/s, all pages");
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const int rounds = numbers[i] > 100 ? 200 : 1000;
		const double warm = publishing(numbers[i], rounds, false);
		const double cold = publishing(numbers[i], rounds < 200 ? rounds : 200, true);

		printf("%-8zu %16.0f %16.0f %20.4f %%\n", numbers[i], warm, cold,
		       cold * 4e-7 * (double)numbers[i]);
	}
	printf("touched for each: %zu octets of state, 112 of shared page\n",
	       sizeof(struct guest));
}

/* -- reading ------------------------------------------------------------------------------ */

enum reading { REALTIME, NOW, NOW_UTC, NOW_MONO, READ, COUNTER, READINGS };

static const char *const reading_names[READINGS] = {
	"clock_gettime(CLOCK_REALTIME)", "gnomon_clock_now",  "gnomon_clock_now_utc",
	"gnomon_clock_now_mono",         "gnomon_clock_read", "gnomon_clock_counter",
};

static uint64_t batch(enum reading which)
{
	enum gnomon_clock_status status = GNOMON_CLOCK_SYNCHRONIZED;
	struct gnomon_clock_reading reading;
	gnomon_time earliest, latest;
	gnomon_utc_time first, last;
	struct timespec ts;
	gnomon_mono mono;
	const uint64_t begin = gnomon_clock_counter();
	uint64_t took;

#define REPEAT(call)                                                                               \
	for (int i = 0; i < BATCH; i++) {                                                          \
		call;                                                                              \
	}                                                                                          \
	break

	switch (which) {
	case REALTIME:
		REPEAT(clock_gettime(CLOCK_REALTIME, &ts));
	case NOW:
		REPEAT(gnomon_clock_now(handle, &earliest, &latest, &status));
	case NOW_UTC:
		REPEAT(gnomon_clock_now_utc(handle, &first, &last, &status));
	case NOW_MONO:
		REPEAT(gnomon_clock_now_mono(handle, &mono, &status));
	case READ:
		REPEAT(gnomon_clock_read(handle, &reading));
	case COUNTER:
		REPEAT(gnomon_clock_counter());
	case READINGS:
		break;
	}
#undef REPEAT
	took = gnomon_clock_counter() - begin;
	if (status != GNOMON_CLOCK_SYNCHRONIZED) {
		fprintf(stderr, "bench-guest: %s\n", gnomon_clock_status_name(status));
		exit(2);
	}
	return took;
}

static void bench_reading(size_t rounds)
{
	double *took[READINGS], median[READINGS], disturbed;

	for (int which = 0; which < READINGS; which++) {
		took[which] = calloc(rounds, sizeof(double));
		if (!took[which]) {
			fail("calloc");
		}
	}
	for (size_t r = 0; r < rounds; r++) {
		const struct gnomon_host_line host = host_line();

		publish(&guests[0], &host);
		for (int which = 0; which < READINGS; which++) {
			took[which][r] = ns_of(batch((enum reading)which)) / BATCH;
		}
	}
	printf("%-30s %8s %8s %8s %8s\n", "reading", "least", "median", "p90", "ratio");
	for (int which = 0; which < READINGS; which++) {
		median[which] = quantile(took[which], rounds, 0.5);
		printf("%-30s %8.1f %8.1f %8.1f %8.2f\n", reading_names[which], took[which][0],
		       median[which], quantile(took[which], rounds, 0.9),
		       median[which] / median[REALTIME]);
	}
	/* On a quiet machine nearly all batches take the same. */
	disturbed = quantile(took[REALTIME], rounds, 0.9) / median[REALTIME] - 1.0;
	printf("disturbed by others: %s (p90 of the first row %+.0f %%)\n",
	       disturbed < 0.1 ? "little" : "much: do not believe the numbers", 100.0 * disturbed);
	for (int which = 0; which < READINGS; which++) {
		free(took[which]);
	}
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 2000;
	cpu_set_t here;

	if (argc > 2 || rounds < 1) {
		fprintf(stderr, "usage: bench-guest [rounds]\n");
		return 1;
	}
	CPU_ZERO(&here);
	CPU_SET((unsigned int)sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
	calibrate();
	guests = calloc(PAGES_MAX, sizeof(*guests));
	for (size_t i = 0; guests && i < PAGES_MAX; i++) {
		create(&guests[i]);
	}
	bench_reading((size_t)rounds);
	printf("\n");
	bench_publishing();
	return 0;
}
