/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gnomon/guest.h with everything at once: readers in threads and in signal handlers, a writer that
 * hammers, steps and disrupts, a writer that is killed. Built a second time for ThreadSanitizer.
 *
 * The writer's pages number themselves: number n has marker n, and everything else on it follows
 * from n. A reading made of two pages shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "drivers/guest_private.h"
#include "tests/unit/drivers/guest_page.h"
#include "tests/unit/seed.h"

#define READERS 3
#ifndef ROUNDS
#define ROUNDS 20000
#endif
#define KILLS 200
/* Number n is about a time so many seconds later than number n - 1: readings tell them apart. */
#define STRIDE 1000

static struct guest_page page;
static struct gnomon_guest_clock *handle;
static const void *mapped;
static int64_t first_sec; /* of number 0 */
static int wrong;         /* readings that were of no page; touched with __atomic builtins */

static int setup(void **state)
{
	page_create(&page);
	first_sec = (int64_t)page.fields.time_sec;
	wrong = 0;
	if (gnomon_clock_open(&handle, page.path)) {
		return -1;
	}
	/* Reader and writer by one mapping: ThreadSanitizer goes by addresses. */
	mapped = handle->page;
	handle->page = page.shared;
	return 0;
}

static int teardown(void **state)
{
	handle->page = mapped;
	gnomon_clock_close(handle);
	page_destroy(&page);
	return 0;
}

/* Write number n: the line moved by whole seconds, so that it stays as good as it was. */
static void write_number(uint64_t n)
{
	page.fields.disruption_marker = n;
	page.fields.time_sec = (uint64_t)first_sec + n * STRIDE;
	page.fields.time_maxerror_nanosec = n;
	page.fields.tai_offset_sec = (int16_t)(n % 100);
	page.fields.flags = GNOMON_VMCLOCK_TAI_OFFSET_VALID | GNOMON_VMCLOCK_TIME_MAXERROR_VALID |
			    GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID;
	page_write(&page);
}

static void count_wrong(bool is_wrong)
{
	if (is_wrong) {
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
}

/* Everything of a reading is of the page that its marker names. Safe in a signal handler. */
static void check_reading(void)
{
	struct gnomon_clock_reading r;
	const int err = gnomon_clock_read(handle, &r);
	int64_t after;

	if (err) {
		count_wrong(err != -EAGAIN || r.status != GNOMON_CLOCK_BUSY);
		return;
	}
	/* The page may have been there for some time, but not until the next is about the same. */
	after = r.tai.sec - first_sec - (int64_t)r.marker * STRIDE;
	count_wrong(after < 0 || after > STRIDE / 2 || r.tai_offset != (int16_t)(r.marker % 100) ||
		    r.bound_ns < r.marker);
}

static void check_now(void)
{
	gnomon_time earliest, latest;
	enum gnomon_clock_status status;
	const int err = gnomon_clock_now(handle, &earliest, &latest, &status);

	count_wrong(err ? err != -EAGAIN
			: earliest.sec < first_sec || gnomon_time_cmp(earliest, latest) >= 0 ||
				  gnomon_time_diff(latest, earliest).ns > GNOMON_NSEC_PER_SEC ||
				  earliest.nsec >= GNOMON_NSEC_PER_SEC ||
				  latest.nsec >= GNOMON_NSEC_PER_SEC);
}

static void check_mono(int64_t *before)
{
	gnomon_mono m;

	if (gnomon_clock_now_mono(handle, &m, NULL) == 0) {
		count_wrong(m.ns < *before);
		*before = m.ns;
	}
}

static int64_t handler_before;

static void on_signal(int number)
{
	check_reading();
	check_now();
	check_mono(&handler_before);
}

static void *reader(void *context)
{
	int64_t before = 0;

	for (int i = 0; i < ROUNDS; i++) {
		check_reading();
		check_now();
		check_mono(&before);
	}
	return NULL;
}

static bool stopping;

/* Writes as fast as it can, and every number is a disruption. */
static void *writer(void *context)
{
	for (uint64_t n = 1; !__atomic_load_n(&stopping, __ATOMIC_RELAXED); n++) {
		write_number(n);
		/* Now and then leave room: a reader that always collides reads nothing. */
		for (volatile int i = 0; n % 4 == 0 && i < 500; i++) {
		}
	}
	return NULL;
}

static void threads(void **state)
{
	pthread_t readers[READERS], writing;

	stopping = false;
	write_number(0);
	assert_int_equal(pthread_create(&writing, NULL, writer, NULL), 0);
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(pthread_create(&readers[i], NULL, reader, NULL), 0);
	}
	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i], NULL);
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(writing, NULL);
	assert_int_equal(wrong, 0);
	/* And what was written last is read. */
	check_reading();
	assert_int_equal(gnomon_clock_read(handle, &(struct gnomon_clock_reading){ .leap = 0 }), 0);
	assert_int_equal(wrong, 0);
}

/* A handler that interrupts a reader, 5000 times a second, and reads the same clock itself. */
static void signals(void **state)
{
	const struct itimerval rate = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t writing;
	int64_t before = 0;
	sigset_t alarms, old;

	/* Only this thread is interrupted. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, &old);
	stopping = false;
	handler_before = 0;
	write_number(0);
	assert_int_equal(pthread_create(&writing, NULL, writer, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &rate, NULL);
	for (int i = 0; i < 3 * ROUNDS; i++) {
		check_reading();
		check_mono(&before);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(writing, NULL);
	signal(SIGALRM, SIG_DFL);
	assert_true(handler_before > 0);
	assert_int_equal(wrong, 0);
}

/* -- a writer that dies -----------------------------------------------------------------------*/

/* As gnomon_vmclock_write, up to so many words of eight octets. Then it is dead. */
static void write_part(uint64_t n, unsigned int words)
{
	const struct gnomon_vmclock old = page.fields;
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	uint32_t odd = page.seq | 1;

	page.fields.disruption_marker = n;
	page.fields.time_sec = (uint64_t)first_sec + n * STRIDE;
	gnomon_vmclock_encode(&page.fields, octets);
	__atomic_store_n((uint32_t *)(void *)(page.shared + 0x0c), odd, __ATOMIC_SEQ_CST);
	for (unsigned int i = 2; i < 2 + words; i++) {
		memcpy(page.shared + 8 * i, octets + 8 * i, 8);
	}
	page.fields = old;
}

/* Dead after each of its stores: no time, and no waiting for one. */
static void killed_at_each_store(void **state)
{
	for (unsigned int words = 0; words <= GNOMON_VMCLOCK_SIZE / 8 - 2; words++) {
		struct gnomon_clock_reading r;
		gnomon_time earliest = { 1, 2, 3 }, latest = { 1, 2, 3 };
		enum gnomon_clock_status status;

		write_number(1);
		assert_int_equal(gnomon_clock_read(handle, &r), 0);
		write_part(2, words);
		assert_int_equal(gnomon_clock_now(handle, &earliest, &latest, &status), -EAGAIN);
		assert_int_equal(status, GNOMON_CLOCK_BUSY);
		assert_int_equal(earliest.sec, 1);
		assert_int_equal(gnomon_clock_read(handle, &r), -EAGAIN);
		assert_int_equal(gnomon_clock_at(handle, r.counter, &r), -EAGAIN);
	}
	/* The next writer goes on from there. */
	page.seq = gnomon_vmclock_seq_after(page.shared);
	write_number(3);
	check_reading();
	assert_int_equal(wrong, 0);
}

static void killed_anywhere(void **state)
{
	struct seed seed = seed_start("/drivers/guest/race/killed_anywhere");
	unsigned int torn = 0;

	write_number(0);
	for (int i = 0; i < KILLS; i++) {
		const struct timespec moment = { 0, (long)seed_below(&seed, 300000) };
		const pid_t child = fork();
		int status;

		if (child == 0) {
			stopping = false;
			writer(NULL);
			_exit(0);
		}
		assert_true(child > 0);
		nanosleep(&moment, NULL);
		check_reading();
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		torn += page.shared[0x0c] & 1;
		check_reading();
		check_now();
		page.seq = gnomon_vmclock_seq_after(page.shared);
		write_number(0);
		check_reading();
		assert_int_equal(wrong, 0);
	}
	printf("# %u of %d left the page torn\n", torn, KILLS);
}

#define TEST(name, function) { name, function, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("/drivers/guest/race/threads", threads),
		TEST("/drivers/guest/race/signals", signals),
		TEST("/drivers/guest/race/killed_at_each_store", killed_at_each_store),
		TEST("/drivers/guest/race/killed_anywhere", killed_anywhere),
	};

	if (gnomon_clock_counter() == 0) {
		printf("1..0 # SKIP no counter that a page can be about\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
