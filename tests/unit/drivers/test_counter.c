/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/counter.h on this machine's counter, and on folders like that of the clocksources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include <cmocka.h>

#include "drivers/counter.h"
#include "tree.h"

#if defined(__aarch64__)
#define OURS "arch_sys_counter"
#else
#define OURS "tsc"
#endif

static void in_use(void **state)
{
	struct driver_error error = { "" };

	(void)state;
	tree_write("current_clocksource", OURS "\n");
	tree_write("available_clocksource", OURS " hpet acpi_pm \n");
	assert_int_equal(counter_check(tree_root, &error), counter_name() ? 0 : -EOPNOTSUPP);
}

/* The kernel offers it, somebody chose another one: say how to choose. */
static void not_chosen(void **state)
{
	struct driver_error error = { "" };

	(void)state;
	tree_write("current_clocksource", "hpet\n");
	tree_write("available_clocksource", "hpet " OURS " acpi_pm \n");
	assert_int_equal(counter_check(tree_root, &error), counter_name() ? -EXDEV : -EOPNOTSUPP);
	if (counter_name()) {
		assert_non_null(strstr(error.text, "is hpet, not " OURS));
		assert_non_null(strstr(error.text, "echo " OURS " > "));
		assert_non_null(strstr(error.text, tree_root));
	}
}

/* It was found unstable: there is nothing to choose. A longer name is another clocksource. */
static void unstable(void **state)
{
	struct driver_error error = { "" };

	(void)state;
	tree_write("current_clocksource", OURS "-early\n");
	tree_write("available_clocksource", "x" OURS " " OURS "-early \n");
	assert_int_equal(counter_check(tree_root, &error), counter_name() ? -EXDEV : -EOPNOTSUPP);
	if (counter_name()) {
		assert_non_null(strstr(error.text, "unstable"));
		assert_null(strstr(error.text, "echo"));
	}
}

static void no_folder(void **state)
{
	struct driver_error error = { "" };

	(void)state;
	assert_int_equal(counter_check("/nonexistent", &error),
			 counter_name() ? -ENOENT : -EOPNOTSUPP);
	if (counter_name()) {
		assert_non_null(strstr(error.text, "/nonexistent/current_clocksource"));
	}
}

/* One descriptor tells again and again. */
static void descriptor(void **state)
{
	int fd;

	(void)state;
	tree_write("current_clocksource", OURS "\n");
	fd = open(tree_path("current_clocksource"), O_RDONLY);
	assert_true(fd >= 0);
	if (counter_name()) {
		assert_int_equal(counter_check_fd(fd), 0);
		assert_int_equal(counter_check_fd(fd), 0);
	}
	tree_write("current_clocksource", "hpet\n");
	assert_int_equal(counter_check_fd(fd), -EXDEV);
	tree_write("current_clocksource", "");
	assert_int_equal(counter_check_fd(fd), -EXDEV);
	assert_int_equal(close(fd), 0);
	assert_int_equal(counter_check_fd(fd), -EBADF);
}

/* The frequency holds against the raw clock, within what is said; the slack is for a test that is
 * interrupted between two readings. */
static void frequency(void **state)
{
	const struct timespec pause = { 0, 50000000 };
	struct counter_rate rate;
	struct timespec a;
	struct timespec b;
	uint64_t from;
	double ns;

	(void)state;
	if (!counter_name()) {
		assert_int_equal(counter_rate(&rate), -EOPNOTSUPP);
		return;
	}
	assert_int_equal(counter_rate(&rate), 0);
	assert_true(rate.hz >= 1e6 && rate.hz <= 1e11);
	assert_true(rate.tolerance_ppb >= 1000 && rate.tolerance_ppb <= 2e6);
	assert_string_not_equal(counter_origin_name(rate.origin), "unknown");
	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &a);
	from = counter_read();
	(void)nanosleep(&pause, NULL);
	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &b);
	ns = (double)(counter_read() - from) / rate.hz * 1e9;
	assert_true(ns > 4e7);
	assert_true(ns / ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) >
		    0.9);
}

static void in_order(void **state)
{
	uint64_t last = counter_read();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		const uint64_t now = counter_read();

		assert_true(now >= last);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/counter/in_use", in_use, tree_setup, tree_teardown, NULL },
		{ "/drivers/counter/not_chosen", not_chosen, tree_setup, tree_teardown, NULL },
		{ "/drivers/counter/unstable", unstable, tree_setup, tree_teardown, NULL },
		{ "/drivers/counter/no_folder", no_folder, NULL, NULL, NULL },
		{ "/drivers/counter/descriptor", descriptor, tree_setup, tree_teardown, NULL },
		{ "/drivers/counter/frequency", frequency, NULL, NULL, NULL },
		{ "/drivers/counter/in_order", in_order, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
