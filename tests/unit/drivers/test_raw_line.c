/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/raw_line.h on a kernel of our own: raw = counter * multiplier >> shift, exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../seed.h"
#include "drivers/raw_line.h"

#define SEC 1000000000LL

static struct {
	uint64_t counter;
	uint64_t base; /* the raw clock was 0 there */
	uint32_t multiplier;
	unsigned int shift;
} kernel;

static struct seed seed;

/* The raw clock, in units of 2^-shift ns. */
static unsigned __int128 fine_at(uint64_t counter)
{
	return (unsigned __int128)(counter - kernel.base) * kernel.multiplier;
}

static int64_t raw_at(uint64_t counter)
{
	return (int64_t)(fine_at(counter) >> kernel.shift);
}

static double hz_of_kernel(void)
{
	return ldexp(1e9, (int)kernel.shift) / kernel.multiplier;
}

/* A bracket of window ticks with the reading anywhere in it. */
static struct raw_bracket take(uint64_t window)
{
	struct raw_bracket b = { .before = kernel.counter };

	b.raw = raw_at(b.before + seed_below(&seed, window + 1));
	b.after = b.before + window;
	kernel.counter = b.after;
	return b;
}

static void pass(int64_t ns)
{
	kernel.counter += (uint64_t)((double)ns * hz_of_kernel() / 1e9);
}

static void start(struct raw_line *line, double nominal_error_ppb)
{
	raw_line_init(line, hz_of_kernel() * (1 + nominal_error_ppb * 1e-9), 1e6);
}

static int setup(void **state)
{
	(void)state;
	kernel.base = 77;
	kernel.counter = 987654321987654ull;
	kernel.multiplier = 6452645;
	kernel.shift = 24;
	return 0;
}

/* A counter and what is said of it are as they should be at raw + fraction. */
static void check(const struct raw_line *line, int64_t raw, double at_most)
{
	uint64_t counter = 0;
	double half;
	double error;

	assert_int_equal(raw_line_counter(line, raw, 0.5, &counter, &half), 0);
	error = (double)((__int128)fine_at(counter) -
			 ((__int128)raw << kernel.shift) - ((__int128)1 << (kernel.shift - 1))) /
		ldexp(1, (int)kernel.shift);
	if (!(fabs(error) <= half + 1e-3) || !(half <= at_most)) {
		print_message("# error %f ns, half window %f, at most %f\n", error, half, at_most);
	}
	assert_true(fabs(error) <= half + 1e-3);
	assert_true(half <= at_most);
}

/* What Linux chooses, as seen: multiplier and shift of counters of so many Hz. */
static void shifts(void **state)
{
	(void)state;
	assert_int_equal(raw_line_shift(2445405000), 24);
	assert_int_equal(raw_line_shift(2599998000), 24);
	assert_int_equal(raw_line_shift(1000000000), 23);
	assert_int_equal(raw_line_shift(24000000), 24);
	assert_int_equal(raw_line_shift(54000000), 24);
	assert_int_equal(raw_line_shift(1000000), 21);
	assert_in_range(raw_line_shift(1e12), 1, 32);
}

static void nothing_known(void **state)
{
	struct raw_line line;
	uint64_t counter;
	double half;

	(void)state;
	start(&line, 0);
	assert_int_equal(raw_line_counter(&line, 0, 0.5, &counter, &half), -ENODATA);
}

/* One bracket is enough for what was read around it, with a frequency that is only nominal. */
static void one_bracket(void **state)
{
	struct raw_line line;
	struct raw_bracket b;

	(void)state;
	start(&line, 400e3);
	b = take(65);
	assert_true(raw_line_add(&line, &b));
	/* 65 ticks are 25 ns; a ns of resolution; and for 20 us, 1000 ppm. */
	check(&line, b.raw, 14);
	check(&line, b.raw - 20000, 14 + 21);
	check(&line, b.raw + 20000, 14 + 21);
}

/* The slope becomes the kernel's multiplier, the window the smallest there was; and it stays. */
static void becomes_exact(void **state)
{
	struct raw_line line;
	int exact_after = -1;

	(void)state;
	start(&line, -700e3);
	for (int i = 0; i < 400; i++) {
		struct raw_bracket b = take(60 + seed_below(&seed, 200));

		assert_true(raw_line_add(&line, &b));
		check(&line, b.raw, 0.5 * 260 * 0.4 + 2);
		if (line.exact && exact_after < 0) {
			exact_after = i;
		}
		pass(SEC / 4);
	}
	assert_true(line.exact);
	assert_int_equal(line.multiplier, kernel.multiplier);
	assert_int_equal(line.shift, kernel.shift);
	assert_in_range(exact_after, 4, 300);
	assert_int_equal(line.refits, 0);
	/* A wide bracket now does not matter. */
	{
		struct raw_bracket wide = take(100000);

		assert_true(raw_line_add(&line, &wide));
		check(&line, wide.raw, 15);
	}
}

/* Days later, and beyond 2^63 ns of raw time, it still is. */
static void much_later(void **state)
{
	struct raw_line line;

	(void)state;
	start(&line, 0);
	for (int i = 0; i < 400; i++) {
		struct raw_bracket b = take(80);

		assert_true(raw_line_add(&line, &b));
		pass(i < 390 ? SEC / 4 : 86400 * SEC);
		assert_int_equal(line.refits, 0);
	}
	assert_true(line.exact);
	{
		struct raw_bracket b = take(80);

		assert_true(raw_line_add(&line, &b));
		check(&line, b.raw, 20);
	}
}

/* A slope that is no multiple of the unit is not rounded to one. */
static void no_multiplier(void **state)
{
	struct raw_line line;

	(void)state;
	kernel.multiplier = 6452645 * 2 + 1;
	kernel.shift = 25;
	start(&line, 0);
	for (int i = 0; i < 4000; i++) {
		struct raw_bracket b = take(60 + seed_below(&seed, 30));

		assert_true(raw_line_add(&line, &b));
		check(&line, b.raw, 20);
		assert_false(line.exact);
		pass(SEC / 4);
	}
	assert_true(line.odd);
}

/* The counter went on while the raw clock stood still: noticed, and the next pair is honest. */
static void suspend(void **state)
{
	struct raw_line line;

	(void)state;
	start(&line, 0);
	for (int i = 0; i < 200; i++) {
		struct raw_bracket b = take(80);

		assert_int_equal(raw_line_add(&line, &b), i != 120);
		check(&line, b.raw, 20);
		if (i == 119) {
			/* 100 ns are more than the brackets leave open. */
			kernel.base += 260;
		}
		pass(SEC / 4);
	}
	assert_int_equal(line.refits, 1);
	/* Or the counter starts anew. */
	kernel.counter = 4711;
	kernel.base = (uint64_t)0 - (uint64_t)100 * SEC;
	{
		struct raw_bracket b = take(80);

		assert_false(raw_line_add(&line, &b));
		check(&line, b.raw, 20);
	}
	assert_int_equal(line.refits, 2);
}

/* Another multiplier from now on, 0.3 ppm off: soon noticed, and honest to the bracket at hand. */
static void other_rate(void **state)
{
	struct raw_line line;
	unsigned int noticed = 0;

	(void)state;
	start(&line, 0);
	for (int i = 0; i < 800; i++) {
		struct raw_bracket b = take(80);

		(void)raw_line_add(&line, &b);
		/* Never further off than the bracket is wide. */
		{
			uint64_t counter = 0;
			double half;

			assert_int_equal(raw_line_counter(&line, b.raw, 0.5, &counter, &half), 0);
			assert_true(fabs((double)(int64_t)(counter - b.before) - 40) <= 43);
		}
		if (i == 400) {
			const int64_t raw = raw_at(kernel.counter);

			assert_true(line.exact);
			kernel.multiplier += 2;
			kernel.base = kernel.counter -
				      (uint64_t)((double)raw * hz_of_kernel() / 1e9);
		}
		if (i > 400 && !noticed && line.refits) {
			noticed = (unsigned int)i;
		}
		pass(SEC / 4);
	}
	assert_in_range(noticed, 401, 403);
	assert_true(line.exact);
	assert_int_equal(line.multiplier, kernel.multiplier);
}

/* Any kernel, any counter: the half window holds in every look. */
static void any_machine(void **state)
{
	(void)state;
	for (int machine = 0; machine < 200; machine++) {
		const double hz = exp(log(1e6) + (double)(seed_below(&seed, 10000)) / 10000 *
				      log(1e4));
		struct raw_line line;

		kernel.shift = raw_line_shift(hz);
		kernel.multiplier = (uint32_t)round(ldexp(1e9 / hz, (int)kernel.shift));
		kernel.counter = seed_next(&seed) >> 20;
		kernel.base = kernel.counter - (seed_next(&seed) >> 24);
		start(&line, (double)(int64_t)(seed_below(&seed, 1800001)) - 900e3);
		for (int i = 0; i < 150; i++) {
			struct raw_bracket b = take((uint64_t)(hz * 30e-9) + seed_below(&seed, 5));

			assert_true(raw_line_add(&line, &b));
			check(&line, b.raw, 1e9);
			check(&line, b.raw - (int64_t)(seed_below(&seed, 100000)), 1e9);
			pass((int64_t)(seed_below(&seed, SEC / 2)));
		}
		/* What is known of the counter may be on the other side of where the shift changes,
		 * so that the same slope has twice the multiplier. */
		assert_true(!line.exact || ldexp(line.multiplier, -(int)line.shift) ==
						   ldexp(kernel.multiplier, -(int)kernel.shift));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/raw_line/shifts", shifts, setup, NULL, NULL },
		{ "/drivers/raw_line/nothing_known", nothing_known, setup, NULL, NULL },
		{ "/drivers/raw_line/one_bracket", one_bracket, setup, NULL, NULL },
		{ "/drivers/raw_line/becomes_exact", becomes_exact, setup, NULL, NULL },
		{ "/drivers/raw_line/much_later", much_later, setup, NULL, NULL },
		{ "/drivers/raw_line/no_multiplier", no_multiplier, setup, NULL, NULL },
		{ "/drivers/raw_line/suspend", suspend, setup, NULL, NULL },
		{ "/drivers/raw_line/other_rate", other_rate, setup, NULL, NULL },
		{ "/drivers/raw_line/any_machine", any_machine, setup, NULL, NULL },
	};

	seed = seed_start("drivers/raw_line");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
