/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers against a model that searches all of them for the earliest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ptp/random.h"
#include "ptp/timers.h"

#define COUNT_MAX 70
#define OPERATIONS 200000

struct fixture {
	struct timers timers;
	void *mem;
	int64_t model[COUNT_MAX]; /* INT64_MAX: idle */
	uint32_t count;
};

static void start(struct fixture *f, uint32_t count)
{
	f->count = count;
	f->mem = malloc(timers_size(count) + 1);
	assert_non_null(f->mem);
	timers_init(&f->timers, f->mem, count);
	for (uint32_t i = 0; i < count; i++) {
		f->model[i] = INT64_MAX;
	}
}

static uint32_t model_first(const struct fixture *f)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i < f->count; i++) {
		if (f->model[i] < f->model[first]) {
			first = i;
		}
	}
	return first;
}

/* Everything the structure promises about itself, and the deadline. */
static void check(const struct fixture *f)
{
	const struct timers *t = &f->timers;
	uint32_t armed = 0;

	for (uint32_t i = 0; i < f->count; i++) {
		assert_int_equal(timers_armed(t, i), f->model[i] != INT64_MAX);
		assert_true(t->at[i].ns == f->model[i]);
		if (timers_armed(t, i)) {
			armed++;
			assert_in_range(t->position[i], 0, t->armed - 1);
			assert_int_equal(t->heap[t->position[i]], i);
		}
	}
	assert_int_equal(t->armed, armed);
	assert_true(timers_deadline(t).ns == f->model[model_first(f)]);
}

static void pop_due(struct fixture *f, int64_t now)
{
	uint32_t want = model_first(f);
	uint32_t got = UINT32_MAX;
	bool due = f->model[want] <= now && f->model[want] != INT64_MAX;

	assert_int_equal(timers_pop(&f->timers, (gnomon_mono){ now }, &got), due);
	assert_int_equal(got, due ? want : UINT32_MAX);
	if (due) {
		f->model[want] = INT64_MAX;
	}
}

/* Few instants and few timers make ties the rule; negative instants are instants too. */
static void random_operations(uint32_t count, int64_t instants, uint64_t seed)
{
	struct fixture f;
	struct random r;

	print_message("# seed %llu, %u timers\n", (unsigned long long)seed, count);
	start(&f, count);
	random_seed(&r, seed);
	for (int i = 0; i < OPERATIONS / (int)count; i++) {
		uint32_t timer = (uint32_t)(random_next(&r) % count);
		int64_t at = (int64_t)(random_next(&r) % (uint64_t)instants) - instants / 2;

		switch (random_next(&r) % 8) {
		case 0:
			timers_cancel(&f.timers, timer);
			f.model[timer] = INT64_MAX;
			break;
		case 1:
			timers_set(&f.timers, timer, GNOMON_MONO_NEVER);
			f.model[timer] = INT64_MAX;
			break;
		case 2:
		case 3:
			pop_due(&f, at);
			break;
		default:
			timers_set(&f.timers, timer, (gnomon_mono){ at });
			f.model[timer] = at;
			break;
		}
		check(&f);
	}
	while (f.timers.armed > 0) {
		pop_due(&f, INT64_MAX);
		check(&f);
	}
	free(f.mem);
}

static void against_model(void **state)
{
	random_operations(1, 4, 1);
	random_operations(2, 4, 2);
	random_operations(7, 10, 3);
	random_operations(COUNT_MAX, 20, 4);
	random_operations(COUNT_MAX, INT64_C(1) << 62, 5);
}

/* Timers of one instant fire in the order of their numbers, however they were armed. */
static void ties(void **state)
{
	struct fixture f;
	uint32_t timer;

	start(&f, COUNT_MAX);
	for (uint32_t i = 0; i < COUNT_MAX; i++) {
		timers_set(&f.timers, (i * 29) % COUNT_MAX, (gnomon_mono){ 1000 });
	}
	for (uint32_t i = 0; i < COUNT_MAX; i++) {
		assert_true(timers_pop(&f.timers, (gnomon_mono){ 1000 }, &timer));
		assert_int_equal(timer, i);
	}
	assert_false(timers_pop(&f.timers, (gnomon_mono){ INT64_MAX }, &timer));
	free(f.mem);
}

/* A timer is due at its instant, not a nanosecond earlier. */
static void due_exactly(void **state)
{
	struct fixture f;
	uint32_t timer = 99;

	start(&f, 3);
	timers_set(&f.timers, 2, (gnomon_mono){ 500 });
	assert_false(timers_pop(&f.timers, (gnomon_mono){ 499 }, &timer));
	assert_int_equal(timer, 99);
	assert_true(timers_pop(&f.timers, (gnomon_mono){ 500 }, &timer));
	assert_int_equal(timer, 2);
	assert_true(timers_deadline(&f.timers).ns == INT64_MAX);
	free(f.mem);
}

/* Nothing but its own memory is touched; no timers at all is a number of timers. */
static void memory(void **state)
{
	struct fixture f;
	uint32_t timer;

	assert_int_equal(timers_size(0), 0);
	start(&f, 0);
	assert_true(timers_deadline(&f.timers).ns == INT64_MAX);
	assert_false(timers_pop(&f.timers, (gnomon_mono){ INT64_MAX }, &timer));
	free(f.mem);

	start(&f, COUNT_MAX);
	((uint8_t *)f.mem)[timers_size(COUNT_MAX)] = 0x5a;
	for (uint32_t i = 0; i < COUNT_MAX; i++) {
		timers_set(&f.timers, i, (gnomon_mono){ -(int64_t)i });
	}
	for (uint32_t i = COUNT_MAX; i-- > 0;) {
		assert_true(timers_pop(&f.timers, (gnomon_mono){ 0 }, &timer));
		assert_int_equal(timer, i);
	}
	assert_int_equal(((uint8_t *)f.mem)[timers_size(COUNT_MAX)], 0x5a);
	free(f.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ptp/timers/against_model", against_model, NULL, NULL, NULL },
		{ "/ptp/timers/ties", ties, NULL, NULL, NULL },
		{ "/ptp/timers/due_exactly", due_exactly, NULL, NULL, NULL },
		{ "/ptp/timers/memory", memory, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
