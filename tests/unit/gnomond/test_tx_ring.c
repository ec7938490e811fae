/* SPDX-License-Identifier: BSD-2-Clause */
/* Transmit timestamps find their message, whatever order they come in, or are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/gnomond/tx_ring.h"

static gnomon_mono at(int64_t ns)
{
	return (gnomon_mono){ ns };
}

static void any_order(void **state)
{
	struct tx_ring ring = { 0 };

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(tx_ring_put(&ring, 100 + i, 1 + i, at(10 + i)), 0);
	}
	assert_int_equal(tx_ring_take(&ring, 102), 3);
	assert_int_equal(tx_ring_take(&ring, 102), 0);
	assert_int_equal(tx_ring_take(&ring, 100), 1);
	assert_int_equal(tx_ring_deadline(&ring).ns, 11);
	assert_int_equal(tx_ring_take(&ring, 103), 4);
	assert_int_equal(tx_ring_take(&ring, 101), 2);
	assert_int_equal(tx_ring_deadline(&ring).ns, INT64_MAX);
}

/* Keys wrap; 0 is a key as any other. */
static void keys_wrap(void **state)
{
	struct tx_ring ring = { 0 };

	tx_ring_put(&ring, UINT32_MAX, 7, at(1));
	tx_ring_put(&ring, 0, 8, at(2));
	assert_int_equal(tx_ring_take(&ring, 0), 8);
	assert_int_equal(tx_ring_take(&ring, UINT32_MAX), 7);
}

static void overdue(void **state)
{
	struct tx_ring ring = { 0 };

	tx_ring_put(&ring, 1, 11, at(100));
	tx_ring_put(&ring, 2, 12, at(200));
	assert_int_equal(tx_ring_expire(&ring, at(99)), 0);
	assert_int_equal(tx_ring_expire(&ring, at(100)), 11);
	assert_int_equal(tx_ring_expire(&ring, at(100)), 0);
	assert_int_equal(tx_ring_take(&ring, 1), 0); /* late */
	assert_int_equal(tx_ring_expire(&ring, GNOMON_MONO_NEVER), 12);
	assert_int_equal(tx_ring_expire(&ring, GNOMON_MONO_NEVER), 0);
}

/* A full ring loses the oldest, and says which. */
static void full(void **state)
{
	struct tx_ring ring = { 0 };

	for (uint32_t i = 0; i < TX_RING_SIZE; i++) {
		assert_int_equal(tx_ring_put(&ring, i, 50 + i, at(i)), 0);
	}
	assert_int_equal(tx_ring_put(&ring, 99, 99, at(99)), 50);
	assert_int_equal(tx_ring_take(&ring, 0), 0);
	assert_int_equal(tx_ring_take(&ring, 99), 99);
	assert_int_equal(ring.count, TX_RING_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/tx_ring/any_order", any_order, NULL, NULL, NULL },
		{ "/gnomond/tx_ring/keys_wrap", keys_wrap, NULL, NULL, NULL },
		{ "/gnomond/tx_ring/overdue", overdue, NULL, NULL, NULL },
		{ "/gnomond/tx_ring/full", full, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/tx_ring", tests, NULL, NULL);
}
