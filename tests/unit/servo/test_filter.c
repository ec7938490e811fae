/* SPDX-License-Identifier: BSD-2-Clause */
/* The delay filters against the simplest possible model of each, with random and extreme values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/servo.h>

#include "tests/unit/seed.h"

#define HISTORY 400

/* A span in units of 2^-16 ns: 80 bits. */
__extension__ typedef __int128 wide;

static wide to_wide(gnomon_span s)
{
	return (wide)s.ns * 65536 + s.frac;
}

static wide floor_half(wide v)
{
	return (v - (v & 1)) / 2;
}

static wide floor_div(wide a, int b)
{
	return a / b - (a % b < 0);
}

static int compare(const void *a, const void *b)
{
	wide x = *(const wide *)a;
	wide y = *(const wide *)b;

	return (x > y) - (x < y);
}

/* The models see the last n values, oldest first. */
static wide median_model(const wide *values, int n)
{
	wide sorted[HISTORY];

	memcpy(sorted, values, (size_t)n * sizeof(*values));
	qsort(sorted, (size_t)n, sizeof(*sorted), compare);
	if (n % 2) {
		return sorted[n / 2];
	}
	return floor_half(sorted[n / 2 - 1] + sorted[n / 2]);
}

static wide average_model(const wide *values, int n)
{
	wide sum = 0;

	for (int i = 0; i < n; i++) {
		sum += values[i];
	}
	return floor_div(sum, n);
}

static const struct {
	const char *name;
	wide (*model)(const wide *values, int n);
} models[] = {
	{ "moving_median", median_model },
	{ "moving_average", average_model },
};

static void *new_filter(const struct gnomon_filter_ops *ops, unsigned int length)
{
	void *memory = malloc(ops->size(length));

	assert_non_null(memory);
	memset(memory, 0xa5, ops->size(length));
	ops->init(memory, length);
	return memory;
}

/* Values of all magnitudes, often equal, sometimes at the ends of the type. */
static gnomon_span draw(struct seed *s)
{
	gnomon_span v = { (int64_t)seed_next(s), (uint16_t)seed_next(s) };
	unsigned int bits = (unsigned int)seed_below(s, 64);

	if (seed_below(s, 20) == 0) {
		return seed_below(s, 2) ? GNOMON_SPAN_MAX : GNOMON_SPAN_MIN;
	}
	if (seed_below(s, 3) == 0) {
		return gnomon_span_from_ns((int64_t)seed_below(s, 4));
	}
	v.ns /= (int64_t)((uint64_t)1 << (bits < 62 ? bits : 62));
	return v;
}

static void run_against(const struct gnomon_filter_ops *ops, wide (*model)(const wide *, int),
			int length, struct seed *s)
{
	void *filter = new_filter(ops, (unsigned int)length);
	wide values[HISTORY];
	int forgotten = 0;

	for (int i = 0; i < HISTORY; i++) {
		gnomon_span in = draw(s);
		gnomon_span out;
		int n;

		if (i == HISTORY / 2) {
			ops->reset(filter);
			forgotten = i;
		}
		values[i] = to_wide(in);
		n = i + 1 - forgotten < length ? i + 1 - forgotten : length;
		out = ops->sample(filter, in);
		if (to_wide(out) != model(&values[i + 1 - n], n)) {
			fail_msg("%s of %d: wrong at value %d", ops->name, length, i);
		}
	}
	free(filter);
}

static void random_values(void **state)
{
	struct seed s = seed_start("/servo/filter/random_values");

	(void)state;
	for (unsigned int m = 0; m < sizeof(models) / sizeof(models[0]); m++) {
		const struct gnomon_filter_ops *ops = gnomon_filter_find(models[m].name);

		assert_non_null(ops);
		for (int length = 1; length <= 40; length++) {
			run_against(ops, models[m].model, length, &s);
		}
		run_against(ops, models[m].model, 150, &s);
	}
}

static gnomon_span last_of(const char *name, unsigned int length, const int64_t *ns, int n)
{
	const struct gnomon_filter_ops *ops = gnomon_filter_find(name);
	void *filter = new_filter(ops, length);
	gnomon_span out = GNOMON_SPAN_ZERO;

	for (int i = 0; i < n; i++) {
		out = ops->sample(filter, gnomon_span_from_ns(ns[i]));
	}
	free(filter);
	return out;
}

static void by_hand(void **state)
{
	static const int64_t a[] = { 5, 1, 9, 2, 100 };
	gnomon_span r;

	(void)state;
	r = last_of("moving_median", 5, a, 1);
	assert_true(r.ns == 5 && r.frac == 0);
	r = last_of("moving_median", 5, a, 2);
	assert_true(r.ns == 3 && r.frac == 0);
	r = last_of("moving_median", 5, a, 4); /* 1 2 5 9 */
	assert_true(r.ns == 3 && r.frac == 0x8000);
	r = last_of("moving_median", 5, a, 5);
	assert_true(r.ns == 5 && r.frac == 0);
	r = last_of("moving_median", 3, a, 5); /* 9 2 100 */
	assert_true(r.ns == 9 && r.frac == 0);
	r = last_of("moving_average", 5, a, 4); /* 17 / 4 */
	assert_true(r.ns == 4 && r.frac == 0x4000);
	r = last_of("moving_average", 3, a, 5); /* 111 / 3 */
	assert_true(r.ns == 37 && r.frac == 0);
	/* A length of 0 is 1. */
	r = last_of("moving_median", 0, a, 5);
	assert_true(r.ns == 100);
	r = last_of("moving_average", 0, a, 5);
	assert_true(r.ns == 100);
}

static void long_filters(void **state)
{
	/* 200 000 values through a long filter: quadratic work would take hours. */
	(void)state;
	for (unsigned int i = 0; gnomon_filter_at(i); i++) {
		const struct gnomon_filter_ops *ops = gnomon_filter_at(i);
		void *filter = new_filter(ops, 1000);
		struct seed s = { 1 };
		gnomon_span out = GNOMON_SPAN_ZERO;

		for (int k = 0; k < 200000; k++) {
			out = ops->sample(filter,
					  gnomon_span_from_ns((int64_t)seed_below(&s, 1000)));
		}
		/* Uniform values: mean and median are near the middle. */
		assert_true(out.ns > 400 && out.ns < 600);
		free(filter);
	}
}

static void sizes(void **state)
{
	(void)state;
	for (unsigned int i = 0; gnomon_filter_at(i); i++) {
		const struct gnomon_filter_ops *ops = gnomon_filter_at(i);

		assert_int_equal(ops->size(0), ops->size(1));
		assert_true(ops->size(2) > ops->size(1));
		assert_true(ops->size(1000) < 2 * 1000 * sizeof(gnomon_span) + 200);
		assert_true(strlen(ops->summary) > 0);
		assert_ptr_equal(gnomon_filter_find(ops->name), ops);
	}
	assert_null(gnomon_filter_find("moving"));
	assert_null(gnomon_filter_at(1000));
	/* What cannot be is 0 octets, not a number that wrapped. */
	assert_int_equal(gnomon_filter_find("moving_average")->size((1u << 30) + 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/filter/random_values", random_values, NULL, NULL, NULL },
		{ "/servo/filter/by_hand", by_hand, NULL, NULL, NULL },
		{ "/servo/filter/long_filters", long_filters, NULL, NULL, NULL },
		{ "/servo/filter/sizes", sizes, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
