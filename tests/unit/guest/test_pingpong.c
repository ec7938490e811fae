/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of the ping-pong against a host that is a thread: it measures, hangs, lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gnomon/guest.h>

#include "drivers/timer.h"
#include "tools/guest/pingpong.h"

#define OFFSET 123456789012345ull

static char path[] = "/tmp/gnomon-pingpong-XXXXXX";
static uint8_t *file;
static atomic_bool over;

struct host {
	unsigned int rounds;
	enum gnomon_mailbox_state verdict;
	struct gnomon_pingpong measured;
	unsigned int answered;
};

static uint64_t counter_of_guest(void)
{
	return gnomon_clock_counter() + OFFSET;
}

static void nap(void)
{
	(void)nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
}

/* As a host does: it looks now and then, and plays a few rounds of which none may take long. */
static void *play_host(void *argument)
{
	struct host *h = argument;
	void *box = file + GNOMON_MAILBOX_OFFSET;
	uint32_t n = 1000;

	while (!over) {
		const uint32_t request = gnomon_mailbox_asked(box);

		nap();
		if (!request || h->verdict == GNOMON_MAILBOX_IDLE) {
			continue;
		}
		gnomon_mailbox_tell(box, request, GNOMON_MAILBOX_PLAYING);
		for (unsigned int i = 0; i < h->rounds; i++) {
			const gnomon_mono until = gnomon_mono_add(timer_now(), 200000000);
			const uint64_t before = gnomon_clock_counter();
			uint64_t guest = 0;
			bool got = false;

			gnomon_mailbox_ping(box, ++n);
			while (!got && gnomon_mono_before(timer_now(), until)) {
				got = gnomon_mailbox_answered(box, n, &guest);
				if (!got) {
					sched_yield();
				}
			}
			if (got) {
				(void)gnomon_pingpong_add(&h->measured, before, guest,
							  gnomon_clock_counter());
				h->answered++;
			}
		}
		gnomon_mailbox_tell(box, request, h->verdict);
	}
	return NULL;
}

static void open_box(struct pingpong *p)
{
	struct driver_error error = { "" };

	memset(file, 0, GNOMON_GUEST_FILE_SIZE);
	gnomon_mailbox_init(file + GNOMON_MAILBOX_OFFSET);
	assert_int_equal(pingpong_open(p, path, &error), 0);
	p->counter = counter_of_guest;
}

static void with_host(struct host *h, struct pingpong *p, enum pingpong_result expected)
{
	pthread_t thread;

	enum pingpong_result result;
	const gnomon_mono end = gnomon_mono_add(timer_now(), 60 * 1000000000LL);

	over = false;
	assert_int_equal(pthread_create(&thread, NULL, play_host, h), 0);
	/* On a busy machine a play may be over before the host's rounds are. */
	do {
		p->next = timer_now();
		result = pingpong_expire(p, timer_now(), true);
		nap();
	} while (result != expected && gnomon_mono_before(timer_now(), end));
	over = true;
	pthread_join(thread, NULL);
	assert_int_equal(result, expected);
}

/* What the host learns is the offset, within what it says it may be off. */
static void measured(void **state)
{
	struct host h = { .rounds = 20, .verdict = GNOMON_MAILBOX_DONE };
	struct gnomon_counter_map map;
	struct pingpong p;
	int64_t off;

	(void)state;
	open_box(&p);
	assert_int_equal(gnomon_pingpong_init(&h.measured, 2000000000, 2000000000, 0), 0);
	with_host(&h, &p, PINGPONG_DONE);
	assert_true(h.answered >= 20);
	assert_true(p.answers >= 20);
	assert_int_equal(gnomon_pingpong_map(&h.measured, gnomon_clock_counter(), &map), 0);
	off = (int64_t)(map.offset - OFFSET);
	assert_true(llabs(off) <= (int64_t)map.error_ticks);

	/* Not again at once, but after a while, and without need too. */
	assert_int_equal(pingpong_expire(&p, timer_now(), true), PINGPONG_IDLE);
	assert_true(p.next.ns > timer_now().ns + 20 * 1000000000LL);
	/* The host lost it: soon then. */
	p.next.ns -= 2 * 1000000000LL;
	assert_int_equal(pingpong_expire(&p, timer_now(), false), PINGPONG_IDLE);
	assert_int_equal(p.asked, 0);
	assert_int_equal(pingpong_expire(&p, timer_now(), true), PINGPONG_IDLE);
	assert_true(p.asked != 0);
	pingpong_close(&p);
}

/* A host that does not listen costs nothing but a request. */
static void unheard(void **state)
{
	struct pingpong p;
	uint32_t request;

	(void)state;
	open_box(&p);
	assert_int_equal(pingpong_expire(&p, timer_now(), false), PINGPONG_IDLE);
	assert_int_equal(gnomon_mailbox_asked(file + GNOMON_MAILBOX_OFFSET), 0);
	assert_int_equal(pingpong_expire(&p, timer_now(), true), PINGPONG_IDLE);
	request = gnomon_mailbox_asked(file + GNOMON_MAILBOX_OFFSET);
	assert_true(request != 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pingpong_expire(&p, timer_now(), true), PINGPONG_IDLE);
	}
	assert_int_equal(gnomon_mailbox_asked(file + GNOMON_MAILBOX_OFFSET), request);
	assert_int_equal(p.answers, 0);
	pingpong_close(&p);
}

/* A host that knows our counter says so without a ping: that is not asked for all the time. */
static void known(void **state)
{
	struct host h = { .rounds = 0, .verdict = GNOMON_MAILBOX_DONE };
	struct pingpong p;

	(void)state;
	open_box(&p);
	with_host(&h, &p, PINGPONG_KNOWN);
	assert_int_equal(p.answers, 0);
	assert_true(p.next.ns > timer_now().ns + 20 * 1000000000LL);
	pingpong_close(&p);
}

static void failed(void **state)
{
	struct host h = { .rounds = 3, .verdict = GNOMON_MAILBOX_FAILED };
	struct pingpong p;

	(void)state;
	open_box(&p);
	assert_int_equal(gnomon_pingpong_init(&h.measured, 2000000000, 2000000000, 0), 0);
	with_host(&h, &p, PINGPONG_FAILED);
	pingpong_close(&p);
}

static void no_mailbox(void **state)
{
	struct driver_error error = { "" };
	struct pingpong p;

	(void)state;
	memset(file, 0, GNOMON_GUEST_FILE_SIZE);
	assert_int_equal(pingpong_open(&p, path, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "no mailbox"));
	assert_null(p.map);
	assert_int_equal(pingpong_expire(&p, timer_now(), true), PINGPONG_IDLE);
	pingpong_close(&p);
	assert_int_equal(pingpong_open(&p, "/nowhere/page", &error), -ENOENT);
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(pingpong_open(&p, path, &error), -EBADMSG);
	assert_int_equal(truncate(path, GNOMON_GUEST_FILE_SIZE), 0);
}

static int make_file(void **state)
{
	const int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || ftruncate(fd, GNOMON_GUEST_FILE_SIZE) != 0) {
		return -1;
	}
	file = mmap(NULL, GNOMON_GUEST_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return file == MAP_FAILED ? -1 : 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/guest/pingpong/measured", measured, NULL, NULL, NULL },
		{ "/guest/pingpong/unheard", unheard, NULL, NULL, NULL },
		{ "/guest/pingpong/known", known, NULL, NULL, NULL },
		{ "/guest/pingpong/failed", failed, NULL, NULL, NULL },
		{ "/guest/pingpong/no_mailbox", no_mailbox, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("pingpong", tests, make_file, remove_file);
}
