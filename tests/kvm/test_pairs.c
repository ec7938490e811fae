/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pairs of this machine's own clocks, made by different methods: they must not contradict one
 * another by more than their half windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "drivers/clock.h"
#include "drivers/counter.h"
#include "drivers/kvm_clock.h"
#include "drivers/pairing.h"

#define LOOKS 2000

/* Between two pairs, some us apart, the clock may be steered: 1000 ppm. */
#define STEERED 1e-3

static struct counter_rate rate;

static double ticks(const struct gnomon_pair *from, const struct gnomon_pair *to)
{
	return (double)(int64_t)(to->counter - from->counter);
}

static double ns(const struct gnomon_pair *from, const struct gnomon_pair *to)
{
	return gnomon_span_to_double(gnomon_time_diff(to->time, from->time));
}

struct worst {
	double apart;
	double half;
};

/* Is the one in the middle on the line through the others? They are us apart, or else (somebody had
 * the CPU in between) it does not count. */
static int judge(const struct gnomon_pair *a, const struct gnomon_pair *middle,
		 const struct gnomon_pair *b, struct worst *worst)
{
	const double span = ticks(a, b) / rate.hz * 1e9;
	const double expected = ns(a, b) * ticks(a, middle) / ticks(a, b);
	const double apart = fabs(ns(a, middle) - expected);
	const double known = fmax(a->half_window_ns, b->half_window_ns) + span * STEERED / 2;

	if (span > 100e3) {
		return 0;
	}
	if (!(apart <= known + middle->half_window_ns)) {
		print_message("# %.1f ns apart; half windows %.1f, %.1f\n", apart, known,
			      middle->half_window_ns);
	}
	assert_true(apart <= known + middle->half_window_ns);
	worst->apart = fmax(worst->apart, apart);
	worst->half = fmax(worst->half, middle->half_window_ns);
	return 1;
}

/* One pairing between two readings of another, many times. */
static void compare(struct pairing *around, struct pairing *tested, enum pairing_method method)
{
	struct worst worst = { 0, 0 };
	int judged = 0;

	for (int i = 0; i < LOOKS; i++) {
		struct gnomon_pair a;
		struct gnomon_pair middle;
		struct gnomon_pair b;

		assert_int_equal(pairing_read(around, &a), 0);
		assert_int_equal(pairing_read(tested, &middle), 0);
		assert_int_equal(pairing_read(around, &b), 0);
		assert_int_equal(pairing_method(around), PAIRING_BRACKET);
		assert_int_equal(pairing_method(tested), method);
		judged += judge(&a, &middle, &b, &worst);
	}
	assert_in_range(judged, LOOKS / 4, LOOKS);
	print_message("# %s: %d pairs up to %.1f ns from brackets, half window up to %.1f ns\n",
		      pairing_method_name(method), judged, worst.apart, worst.half);
}

static void kvm(void **state)
{
	const struct pairing_config without = { .kvm = "" };
	struct driver_error error = { "" };
	struct gnomon_clock *clock;
	struct kvm_clock probe;
	struct pairing *around;
	struct pairing *tested;

	(void)state;
	if (kvm_clock_open(&probe, NULL, &error)) {
		print_message("# not tried: %s\n", error.text);
		return;
	}
	kvm_clock_close(&probe);
	assert_int_equal(clock_system_open(&clock, false, NULL), 0);
	assert_int_equal(pairing_create(&around, clock, &without, NULL), 0);
	assert_int_equal(pairing_create(&tested, clock, NULL, NULL), 0);
	compare(around, tested, PAIRING_KVM);
	pairing_destroy(tested);
	pairing_destroy(around);
	clock->ops->destroy(clock);
}

/* A clock that is read like the soft one and is none: so it is bracketed. */
static struct gnomon_clock *behind;

static int read_behind(struct gnomon_clock *clock, gnomon_time *now)
{
	(void)clock;
	return behind->ops->read(behind, now);
}

static void line(void **state)
{
	static const struct gnomon_clock_ops ops = { .kind = "other", .read = read_behind };
	const struct clock_soft_config soft = { .oscillator_ppb = 54321 };
	struct gnomon_clock other = { .ops = &ops, .name = "other" };
	struct pairing_line found;
	struct pairing *around;
	struct pairing *tested;

	(void)state;
	assert_int_equal(clock_soft_create(&behind, &soft), 0);
	assert_int_equal(pairing_create(&around, &other, NULL, NULL), 0);
	assert_int_equal(pairing_create(&tested, behind, NULL, NULL), 0);
	compare(around, tested, PAIRING_LINE);
	pairing_line(tested, &found);
	assert_true(found.known);
	assert_int_equal(found.refits, 0);
	pairing_destroy(tested);
	pairing_destroy(around);
	behind->ops->destroy(behind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/kvm/pairs/kvm", kvm, NULL, NULL, NULL },
		{ "/kvm/pairs/line", line, NULL, NULL, NULL },
	};
	struct driver_error why = { "" };

	if (counter_check(NULL, &why) || counter_rate(&rate)) {
		printf("1..0 # SKIP %s\n", why.text);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
