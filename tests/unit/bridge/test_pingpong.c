/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ping-pong: a counter map out of exchanges, its error honest whatever the guest's counter is
 * and however long the exchanges took; and the mailbox they go through, played by two threads.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GHZ UINT64_C(1000000000)

/* A guest as it really is. */
struct guest {
	double ratio;
	uint64_t first; /* host counter at which its counter is ... */
	uint64_t base;  /* ... this */
};

static uint64_t truth(const struct guest *g, uint64_t host)
{
	return g->base + (uint64_t)((long double)(host - g->first) * (long double)g->ratio);
}

/* An exchange that began at host and took rtt, answered somewhere in between. */
static int exchange(struct gnomon_pingpong *p, const struct guest *g, struct seed *seed,
		    uint64_t host, uint64_t rtt)
{
	const uint64_t at = host + seed_below(seed, rtt + 1);

	return gnomon_pingpong_add(p, host, truth(g, at), host + rtt);
}

/* How far the map is off, in guest ticks. */
static double error_of(const struct gnomon_counter_map *map, const struct guest *g, uint64_t host)
{
	return fabs((double)(int64_t)(gnomon_counter_map_guest(map, host) - truth(g, host)));
}

static void unscaled(void **state)
{
	struct seed seed = seed_start("/bridge/pingpong/unscaled");
	struct gnomon_counter_map map;
	struct gnomon_pingpong p;

	(void)state;
	for (int i = 0; i < 500; i++) {
		const uint64_t start = seed_next(&seed);
		const struct guest g = { 1, start, seed_next(&seed) };
		uint64_t shortest = UINT64_MAX, now = start;

		assert_int_equal(gnomon_pingpong_init(&p, 2 * GHZ, 2 * GHZ, 0), 0);
		for (int k = 0; k < 100; k++) {
			const uint64_t rtt = 100 + seed_below(&seed, 5000);

			assert_int_equal(exchange(&p, &g, &seed, now, rtt), 0);
			shortest = rtt < shortest ? rtt : shortest;
			now += rtt + seed_below(&seed, 100000);
		}
		assert_int_equal(gnomon_pingpong_map(&p, now, &map), 0);
		assert_true(map.ratio == UINT64_C(1) << map.frac_bits);
		assert_true(map.error_ppb == 0);
		/* The shortest one says most; those in other stretches may only help. */
		assert_true(map.error_ticks <= shortest / 2 + 6);
		assert_true(error_of(&map, &g, now) <= (double)map.error_ticks);
		/* An unscaled counter keeps its offset for ever. */
		now += 1000000 * GHZ;
		assert_true(error_of(&map, &g, now) <= (double)map.error_ticks);
	}
}

static void one_exchange(void **state)
{
	const struct guest g = { 1, 1000, 999999 };
	struct seed seed = seed_start("/bridge/pingpong/one_exchange");
	struct gnomon_counter_map map;
	struct gnomon_pingpong p;

	(void)state;
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 0), 0);
	assert_int_equal(gnomon_pingpong_map(&p, 1000, &map), -ENODATA);
	assert_int_equal(exchange(&p, &g, &seed, 1000, 200), 0);
	assert_int_equal(gnomon_pingpong_map(&p, 5000, &map), 0);
	assert_true(error_of(&map, &g, 5000) <= (double)map.error_ticks);
	assert_in_range(map.error_ticks, 100, 106);
}

/* Ratios anywhere within what is said of them: the bound holds now and, with its rate, later. */
static void scaled(void **state)
{
	struct seed seed = seed_start("/bridge/pingpong/scaled");

	(void)state;
	for (int i = 0; i < 300; i++) {
		const uint64_t host_hz = GHZ + seed_below(&seed, 4 * GHZ);
		const uint64_t guest_hz = host_hz / 4 + seed_below(&seed, 4 * host_hz);
		const double tolerance = (double)(1 + seed_below(&seed, 100000));
		const double off = ((double)seed_below(&seed, 2001) / 1000 - 1) * tolerance * 1e-9;
		const struct guest g = { (double)guest_hz / (double)host_hz * (1 + off),
					 seed_next(&seed), seed_next(&seed) };
		struct gnomon_counter_map map;
		struct gnomon_pingpong p;
		uint64_t now = g.first;

		assert_int_equal(gnomon_pingpong_init(&p, host_hz, guest_hz, tolerance), 0);
		for (int k = 0; k < 200; k++) {
			const uint64_t rtt = 200 + seed_below(&seed, 10000);

			assert_int_equal(exchange(&p, &g, &seed, now, rtt), 0);
			now += rtt + seed_below(&seed, host_hz / 2);
		}
		assert_true(p.count <= GNOMON_PINGPONG_KEPT);
		assert_int_equal(gnomon_pingpong_map(&p, now, &map), 0);
		assert_true(gnomon_counter_map_valid(&map));
		assert_true(error_of(&map, &g, now) <= (double)map.error_ticks);
		assert_true(map.error_ppb < tolerance);
		for (int k = 1; k <= 10; k++) {
			const uint64_t later = now + host_hz * (uint64_t)k * 10;
			const double ticks = (double)(later - now) * g.ratio;

			assert_true(error_of(&map, &g, later) <=
				    (double)map.error_ticks + ticks * map.error_ppb * 1e-9 + 1);
		}
	}
}

static void impossible(void **state)
{
	struct gnomon_pingpong p = { .count = 77 };

	(void)state;
	assert_int_equal(gnomon_pingpong_init(&p, 0, GHZ, 0), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, 0, 0), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, 1000 * GHZ + 1, GHZ, 0), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, 1000 * GHZ + 1, 0), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, 1, 65537, 0), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, -1), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, NAN), -EINVAL);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 1000001), -EINVAL);
	assert_int_equal(p.count, 77);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 0), 0);
	assert_int_equal(gnomon_pingpong_add(&p, 100, 5, 99), -EINVAL);
	assert_int_equal(gnomon_pingpong_add(&p, 100, 5, 101 + GHZ), -EINVAL);
	assert_int_equal(gnomon_pingpong_add(&p, 100, 5, 100), 0);
	assert_int_equal(gnomon_pingpong_add(&p, 99, 4, 99), -EINVAL);
	assert_int_equal(gnomon_pingpong_add(&p, 100 + 32 * 86400 * GHZ, 5, 100 + 32 * 86400 * GHZ),
			 -EINVAL);
	assert_int_equal(p.refused, 0);
}

/* A guest whose counter was set anew, or that lies now and then. */
static void contradictions(void **state)
{
	struct seed seed = seed_start("/bridge/pingpong/contradictions");
	const struct guest g = { 1, 0, 12345 }, other = { 1, 0, 99999 };
	struct gnomon_counter_map map, before;
	struct gnomon_pingpong p;
	uint64_t now = 0;

	(void)state;
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 100), 0);
	for (int i = 0; i < 50; i++, now += 100000) {
		assert_int_equal(exchange(&p, &g, &seed, now, 1000), 0);
	}
	assert_int_equal(gnomon_pingpong_map(&p, now, &before), 0);
	for (int i = 0; i < 49; i++, now += 100000) {
		assert_int_equal(exchange(&p, &other, &seed, now, 1000), -EILSEQ);
	}
	/* Most are still right. */
	assert_int_equal(gnomon_pingpong_map(&p, now, &map), 0);
	assert_true(error_of(&map, &g, now) <= (double)map.error_ticks);
	assert_int_equal(exchange(&p, &other, &seed, now, 1000), -EILSEQ);
	assert_int_equal(gnomon_pingpong_map(&p, now, &map), -EILSEQ);
	/* All over again. */
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 100), 0);
	assert_int_equal(exchange(&p, &other, &seed, now, 1000), 0);
	assert_int_equal(gnomon_pingpong_map(&p, now, &map), 0);
	assert_true(error_of(&map, &other, now) <= (double)map.error_ticks);
}

/* A ratio beyond what is possible shows as soon as the exchanges are far enough apart. */
static void wrong_ratio(void **state)
{
	struct seed seed = seed_start("/bridge/pingpong/wrong_ratio");
	const struct guest g = { 1.00001, 0, 5 };
	struct gnomon_counter_map map;
	struct gnomon_pingpong p;
	int refused = 0;

	(void)state;
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 0), 0);
	for (uint64_t i = 0; i < 100; i++) {
		refused += exchange(&p, &g, &seed, i * GHZ / 10, 200) == -EILSEQ;
	}
	assert_in_range(refused, 95, 99);
	assert_int_equal(gnomon_pingpong_map(&p, 10 * GHZ, &map), -EILSEQ);
}

/* How well the ratio is known after a game, and after many. */
static void ratio_error(void **state)
{
	struct seed seed = seed_start("/bridge/pingpong/ratio_error");
	const struct guest g = { 1, 0, 5 };
	struct gnomon_pingpong p;
	double after_game;
	uint64_t now = 0;

	(void)state;
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 0), 0);
	assert_true(gnomon_pingpong_ratio_error(&p) == HUGE_VAL);
	assert_int_equal(exchange(&p, &g, &seed, now, 100), 0);
	assert_true(gnomon_pingpong_ratio_error(&p) == HUGE_VAL);
	/* 2 ms of exchanges of 100 ns: 100 ppm at most, and a scaled counter would show. */
	for (int i = 0; i < 1000; i++, now += 2000) {
		assert_int_equal(exchange(&p, &g, &seed, now, 100), 0);
	}
	after_game = gnomon_pingpong_ratio_error(&p);
	assert_true(after_game < 100000);
	/* An hour of them: the first ones are not forgotten. */
	for (int i = 0; i < 3600; i++, now += GHZ) {
		assert_int_equal(exchange(&p, &g, &seed, now, 100), 0);
	}
	assert_true(p.count > GNOMON_PINGPONG_KEPT / 4);
	assert_true(gnomon_pingpong_ratio_error(&p) < 110 / 3.4e12 * 1e9);
}

/* Anything a hostile guest may answer: refused or believed, and all numbers defined. */
static void hostile(void **state)
{
	struct seed seed = seed_start("/bridge/pingpong/hostile");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		const double tolerance = (double)seed_below(&seed, 1000001);
		struct gnomon_counter_map map;
		struct gnomon_pingpong p;
		uint64_t now = seed_next(&seed);

		assert_int_equal(gnomon_pingpong_init(&p, GHZ << seed_below(&seed, 9),
						      GHZ << seed_below(&seed, 9), tolerance), 0);
		for (int k = 0; k < 64; k++) {
			const uint64_t rtt = seed_next(&seed) >> (20 + seed_below(&seed, 44));

			gnomon_pingpong_add(&p, now, seed_next(&seed) >> seed_below(&seed, 64),
					    now + rtt);
			now += seed_next(&seed) >> (10 + seed_below(&seed, 50));
		}
		if (gnomon_pingpong_map(&p, seed_next(&seed), &map) == 0) {
			assert_true(gnomon_counter_map_valid(&map));
			assert_true(map.error_ticks < UINT64_C(1) << 53);
			assert_true(map.error_ppb <= 1000001);
		}
	}
}

/* -- the mailbox ------------------------------------------------------------------------------ */

union block {
	uint64_t words[GNOMON_MAILBOX_SIZE / 8];
	uint8_t octets[GNOMON_MAILBOX_SIZE];
};

static void requests(void **state)
{
	union block m;
	uint32_t request;

	(void)state;
	memset(&m, 0xa5, sizeof(m));
	assert_int_equal(gnomon_mailbox_check(&m, sizeof(m)), -EBADMSG);
	gnomon_mailbox_init(&m);
	assert_int_equal(gnomon_mailbox_check(&m, sizeof(m)), 0);
	assert_int_equal(gnomon_mailbox_check(&m, sizeof(m) - 1), -EBADMSG);
	assert_int_equal(gnomon_mailbox_asked(&m), 0);
	request = gnomon_mailbox_ask(&m);
	assert_int_equal(gnomon_mailbox_asked(&m), request);
	assert_int_equal(gnomon_mailbox_state(&m, request), GNOMON_MAILBOX_IDLE);
	gnomon_mailbox_tell(&m, request, GNOMON_MAILBOX_PLAYING);
	assert_int_equal(gnomon_mailbox_asked(&m), 0);
	assert_int_equal(gnomon_mailbox_state(&m, request), GNOMON_MAILBOX_PLAYING);
	assert_int_equal(gnomon_mailbox_state(&m, request + 1), GNOMON_MAILBOX_IDLE);
	gnomon_mailbox_tell(&m, request, GNOMON_MAILBOX_DONE);
	assert_int_equal(gnomon_mailbox_state(&m, request), GNOMON_MAILBOX_DONE);
	assert_int_equal(gnomon_mailbox_ask(&m), request + 1);
	assert_int_equal(gnomon_mailbox_asked(&m), request + 1);
	gnomon_mailbox_tell(&m, request + 1, GNOMON_MAILBOX_FAILED);
	assert_int_equal(gnomon_mailbox_state(&m, request + 1), GNOMON_MAILBOX_FAILED);
	/* The number after the last is 1: 0 asks for nothing. */
	memset(m.octets + 0x40, 0xff, 4);
	assert_int_equal(gnomon_mailbox_ask(&m), 1);
}

static void answers(void **state)
{
	union block m;
	uint64_t counter = 5;

	(void)state;
	gnomon_mailbox_init(&m);
	gnomon_mailbox_ping(&m, 9);
	assert_int_equal(gnomon_mailbox_pinged(&m), 9);
	assert_false(gnomon_mailbox_answered(&m, 9, &counter));
	assert_int_equal(counter, 5);
	gnomon_mailbox_answer(&m, 9, 0x1122334455667788);
	assert_true(gnomon_mailbox_answered(&m, 9, &counter));
	assert_true(counter == 0x1122334455667788);
	assert_false(gnomon_mailbox_answered(&m, 10, &counter));
	/* Where documents say these are. */
	assert_int_equal(m.octets[0], 'G');
	assert_int_equal(m.octets[3], '1');
	assert_int_equal(m.octets[0x10], 9);
	assert_int_equal(m.octets[0x44], 9);
	assert_int_equal(m.octets[0x48], 0x88);
}

/* Time of this test: one counter for both sides, the guest's further by this. */
#define BEYOND UINT64_C(0xfedcba9876543210)
#define PINGS 3000

static union block shared;
static uint64_t ticks;

static uint64_t tick(void)
{
	return __atomic_add_fetch(&ticks, 1, __ATOMIC_ACQ_REL);
}

static void *guest_side(void *unused)
{
	const uint32_t request = gnomon_mailbox_ask(&shared);
	uint32_t last = 0;

	(void)unused;
	while (gnomon_mailbox_state(&shared, request) == GNOMON_MAILBOX_IDLE) {
		sched_yield();
	}
	while (gnomon_mailbox_state(&shared, request) == GNOMON_MAILBOX_PLAYING) {
		const uint32_t n = gnomon_mailbox_pinged(&shared);

		if (n != last) {
			gnomon_mailbox_answer(&shared, n, tick() + BEYOND);
			last = n;
		}
		sched_yield();
	}
	return NULL;
}

/* Whatever the two sides' speed, every exchange fits and the offset is found. */
static void played(void **state)
{
	struct gnomon_counter_map map;
	struct gnomon_pingpong p;
	pthread_t guest;
	uint32_t request;

	(void)state;
	gnomon_mailbox_init(&shared);
	assert_int_equal(gnomon_pingpong_init(&p, GHZ, GHZ, 0), 0);
	assert_int_equal(pthread_create(&guest, NULL, guest_side, NULL), 0);
	while ((request = gnomon_mailbox_asked(&shared)) == 0) {
		sched_yield();
	}
	gnomon_mailbox_tell(&shared, request, GNOMON_MAILBOX_PLAYING);
	for (uint32_t n = 1; n <= PINGS; n++) {
		const uint64_t before = tick();
		uint64_t counter;

		gnomon_mailbox_ping(&shared, n);
		while (!gnomon_mailbox_answered(&shared, n, &counter)) {
			sched_yield();
		}
		assert_int_equal(gnomon_pingpong_add(&p, before, counter, tick()), 0);
	}
	gnomon_mailbox_tell(&shared, request, GNOMON_MAILBOX_DONE);
	assert_int_equal(pthread_join(guest, NULL), 0);
	assert_int_equal(gnomon_pingpong_map(&p, ticks, &map), 0);
	assert_in_range(map.offset - BEYOND + map.error_ticks, 0, 2 * map.error_ticks);
	assert_true(map.error_ticks <= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/pingpong/unscaled", unscaled, NULL, NULL, NULL },
		{ "/bridge/pingpong/one_exchange", one_exchange, NULL, NULL, NULL },
		{ "/bridge/pingpong/scaled", scaled, NULL, NULL, NULL },
		{ "/bridge/pingpong/impossible", impossible, NULL, NULL, NULL },
		{ "/bridge/pingpong/contradictions", contradictions, NULL, NULL, NULL },
		{ "/bridge/pingpong/wrong_ratio", wrong_ratio, NULL, NULL, NULL },
		{ "/bridge/pingpong/ratio_error", ratio_error, NULL, NULL, NULL },
		{ "/bridge/pingpong/hostile", hostile, NULL, NULL, NULL },
		{ "/bridge/mailbox/requests", requests, NULL, NULL, NULL },
		{ "/bridge/mailbox/answers", answers, NULL, NULL, NULL },
		{ "/bridge/mailbox/played", played, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
