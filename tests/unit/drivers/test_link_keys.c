/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/link_keys.h: our keys against kernels that count well, badly, and not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/link_keys.h"
#include "tests/unit/seed.h"

static void in_order(void **state)
{
	struct link_keys keys = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(link_keys_sent(&keys), i);
		assert_int_equal(link_keys_stamped(&keys, true, i), i);
	}
}

static void lost_and_reordered(void **state)
{
	struct link_keys keys = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		(void)link_keys_sent(&keys);
	}
	/* 0 never comes; the first that does must not be taken for it. */
	assert_int_equal(link_keys_stamped(&keys, true, 3), 3);
	assert_int_equal(link_keys_stamped(&keys, true, 1), 1);
	assert_int_equal(link_keys_stamped(&keys, true, 2), 2);
}

static void restart(void **state)
{
	struct link_keys keys = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		(void)link_keys_sent(&keys);
	}
	link_keys_restarted(&keys);
	/* Still due from before, with the old count. */
	assert_int_equal(link_keys_stamped(&keys, true, 4), 4);
	/* The kernel counts from 0 again, our keys go on. */
	assert_int_equal(link_keys_sent(&keys), 5);
	assert_int_equal(link_keys_stamped(&keys, true, 0), 5);
	assert_int_equal(link_keys_sent(&keys), 6);
	assert_int_equal(link_keys_stamped(&keys, true, 3), 3);
	assert_int_equal(link_keys_stamped(&keys, true, 1), 6);
}

static void counts_from_one(void **state)
{
	struct link_keys keys = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(link_keys_sent(&keys), i);
		assert_int_equal(link_keys_stamped(&keys, true, i + 1), i);
	}
	/* A restart that the counting ignores. */
	link_keys_restarted(&keys);
	for (uint32_t i = 5; i < 10; i++) {
		assert_int_equal(link_keys_sent(&keys), i);
		assert_int_equal(link_keys_stamped(&keys, true, i + 1), i);
	}
}

static void no_counts(void **state)
{
	struct link_keys keys = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(link_keys_sent(&keys), i);
		if (i != 2) { /* a lost one must not shift the others */
			assert_int_equal(link_keys_stamped(&keys, false, 0), i);
		}
	}
}

static void stays_at_zero(void **state)
{
	struct link_keys keys = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(link_keys_sent(&keys), i);
		assert_int_equal(link_keys_stamped(&keys, true, 0), i);
	}
	link_keys_restarted(&keys);
	for (uint32_t i = 5; i < 10; i++) {
		assert_int_equal(link_keys_sent(&keys), i);
		assert_int_equal(link_keys_stamped(&keys, true, 0), i);
	}
}

/* Across the end of the counters, with losses and restarts at random. */
static void random_walk(void **state)
{
	struct seed seed = seed_start("/drivers/link_keys/random_walk");
	struct link_keys keys = { .next = UINT32_MAX - 3000, .base = UINT32_MAX - 3000 };
	uint32_t count = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		const uint32_t key = link_keys_sent(&keys);

		if (seed_below(&seed, 4) > 0) {
			assert_int_equal(link_keys_stamped(&keys, true, count), key);
		}
		count++;
		if (seed_below(&seed, 100) == 0) {
			link_keys_restarted(&keys);
			count = 0;
		}
	}
}

static void wraps_without_restart(void **state)
{
	struct link_keys keys = { .next = UINT32_MAX - 1 };

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t key = link_keys_sent(&keys);

		assert_int_equal(key, UINT32_MAX - 1 + i);
		assert_int_equal(link_keys_stamped(&keys, true, key), key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/link_keys/in_order", in_order },
		{ "/drivers/link_keys/lost_and_reordered", lost_and_reordered },
		{ "/drivers/link_keys/restart", restart },
		{ "/drivers/link_keys/counts_from_one", counts_from_one },
		{ "/drivers/link_keys/no_counts", no_counts },
		{ "/drivers/link_keys/stays_at_zero", stays_at_zero },
		{ "/drivers/link_keys/random_walk", random_walk },
		{ "/drivers/link_keys/wraps_without_restart", wraps_without_restart },
	};

	return cmocka_run_group_tests_name("/drivers/link_keys", tests, NULL, NULL);
}
