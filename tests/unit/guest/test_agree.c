/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/guest/agree.h: who contradicts whom, and for how long before it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/guest/agree.h"

static struct agree_opinion says(int64_t offset_ns, double error_ns)
{
	return (struct agree_opinion){ true, gnomon_span_from_ns(offset_ns), error_ns };
}

static void intervals(void **state)
{
	const struct agree_opinion a = says(1000, 300);
	const struct agree_opinion b = says(1700, 400);
	const struct agree_opinion c = says(1701, 400);
	struct agree_opinion silent = says(1000000, 1);
	struct agree_change change;

	(void)state;
	assert_false(agree_contradict(&a, &b, &change)); /* they touch */
	assert_true(agree_contradict(&a, &c, &change));
	assert_true(change.difference_ns == 701 && change.allowed_ns == 700);
	assert_true(agree_contradict(&c, &a, &change));
	assert_true(change.difference_ns == -701);
	silent.speaks = false;
	assert_false(agree_contradict(&a, &silent, &change));
}

/* It takes some comparisons in a row, is told once, and as many the other way end it. */
static void patience(void **state)
{
	struct agree_opinion o[3] = { says(0, 10), says(5, 10), says(900, 10) };
	struct agree_change changes[8];
	struct agree agree;

	(void)state;
	agree_init(&agree);
	for (int i = 1; i < AGREE_PATIENCE; i++) {
		assert_int_equal(agree_take(&agree, o, 3, changes, 8), 0);
	}
	assert_int_equal(agree_take(&agree, o, 3, changes, 8), 2);
	assert_int_equal(changes[0].a, 0);
	assert_int_equal(changes[0].b, 2);
	assert_int_equal(changes[1].a, 1);
	assert_true(changes[0].conflict && changes[1].conflict);
	assert_int_equal(agree_take(&agree, o, 3, changes, 8), 0);
	assert_int_equal(agree_total(&agree), 2);
	assert_int_equal(agree_conflicts(&agree, 2), 2);
	assert_int_equal(agree_conflicts(&agree, 0), 1);
	/* Silence is no answer. */
	o[2].speaks = false;
	assert_int_equal(agree_take(&agree, o, 3, changes, 8), 0);
	assert_int_equal(agree_total(&agree), 2);
	o[2] = says(3, 10);
	for (int i = 1; i < AGREE_PATIENCE; i++) {
		assert_int_equal(agree_take(&agree, o, 3, changes, 8), 0);
	}
	assert_int_equal(agree_take(&agree, o, 3, changes, 8), 2);
	assert_false(changes[0].conflict);
	assert_int_equal(agree_total(&agree), 0);
}

/* One spoilt comparison now and then is no conflict. */
static void glitches(void **state)
{
	struct agree_opinion o[2] = { says(0, 10), says(5, 10) };
	struct agree_change changes[8];
	struct agree agree;

	(void)state;
	agree_init(&agree);
	for (int i = 0; i < 100; i++) {
		o[1] = says(i % 3 == 0 ? 5000 : 5, 10);
		assert_int_equal(agree_take(&agree, o, 2, changes, 8), 0);
	}
}

static void forgotten(void **state)
{
	struct agree_opinion o[2] = { says(0, 10), says(500, 10) };
	struct agree_change changes[8];
	struct agree agree;

	(void)state;
	agree_init(&agree);
	for (int i = 0; i < AGREE_PATIENCE; i++) {
		(void)agree_take(&agree, o, 2, changes, 8);
	}
	assert_int_equal(agree_total(&agree), 1);
	agree_forget(&agree, 1);
	assert_int_equal(agree_total(&agree), 0);
	/* No room for a change is no change lost: it is there to be asked for. */
	for (int i = 0; i < AGREE_PATIENCE; i++) {
		assert_int_equal(agree_take(&agree, o, 2, changes, 0), 0);
	}
	assert_int_equal(agree_take(&agree, o, 2, changes, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/guest/agree/intervals", intervals, NULL, NULL, NULL },
		{ "/guest/agree/patience", patience, NULL, NULL, NULL },
		{ "/guest/agree/glitches", glitches, NULL, NULL, NULL },
		{ "/guest/agree/forgotten", forgotten, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("agree", tests, NULL, NULL);
}
