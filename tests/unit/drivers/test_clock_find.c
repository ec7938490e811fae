/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/clock_find.h: names that stand for a clock, and those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/clock_find.h"

static char folder[] = "/tmp/gnomon-clocks-XXXXXX";

static void write_name(const char *phc, const char *name)
{
	char path[80];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, phc);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/%s/clock_name", folder, phc);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(name, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_name(const char *phc)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/%s/clock_name", folder, phc);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, phc);
	assert_int_equal(rmdir(path), 0);
}

static void by_clock_name(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	write_name("ptp0", "igb\n");
	write_name("ptp7", "vmclock0\n");
	write_name("ptp12", "igb\n");
	write_name("pps0", "other\n");
	assert_int_equal(clock_find_named(folder, "vmclock0"), 7);
	assert_int_equal(clock_find_named(folder, "igb"), -ENOTUNIQ);
	assert_int_equal(clock_find_named(folder, "other"), -ENODEV);
	assert_int_equal(clock_find_named(folder, "vmclock"), -ENODEV);
	assert_int_equal(clock_find_named("/nowhere", "igb"), -ENODEV);
	remove_name("ptp0");
	remove_name("ptp7");
	remove_name("ptp12");
	remove_name("pps0");
	assert_int_equal(rmdir(folder), 0);
}

static struct gnomon_clock *find(const char *name)
{
	const struct clock_find_options options = { .adjust = false };
	struct driver_error error = { "" };
	struct gnomon_clock *clock = NULL;

	if (clock_find(&clock, name, &options, &error)) {
		fail_msg("%s", error.text);
	}
	return clock;
}

static void well_known(void **state)
{
	struct gnomon_clock *system = find("clock_realtime");
	struct gnomon_clock *again = find("CLOCK_REALTIME");
	struct gnomon_clock *soft = find("soft");
	struct gnomon_clock *other = find("soft:b");

	(void)state;
	assert_string_equal(system->name, "CLOCK_REALTIME");
	assert_true(clock_same(system, again));
	assert_true(clock_same(soft, soft));
	assert_false(clock_same(soft, other));
	assert_false(clock_same(soft, system));
	assert_string_equal(other->name, "soft:b");
	assert_int_equal(clock_phc_index(soft), -1);
	system->ops->destroy(system);
	again->ops->destroy(again);
	soft->ops->destroy(soft);
	other->ops->destroy(other);
}

static void refused(void **state)
{
	static const struct {
		const char *name;
		int err;
		const char *word;
	} rows[] = {
		{ "/dev/ptp4096", -ENOENT, "/dev/ptp4096: no such clock" },
		{ "/dev/null", -ENODEV, "is no PTP clock device" },
		{ "lo", -EOPNOTSUPP, "no PTP hardware clock" },
		{ "nosuch0", -ENODEV, "no such clock" },
		{ "a name that is longer than any interface", -ENODEV, "no such clock" },
		{ "", -ENODEV, "no such clock" },
		{ "CLOCK_MONOTONIC", -ENODEV, "there is CLOCK_REALTIME" },
		{ "soft:a-name-that-is-too-long-for-a-soft-clock", -EINVAL, "out of range" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct clock_find_options options = { .adjust = true };
		struct driver_error error = { "" };
		struct gnomon_clock *clock = NULL;

		assert_int_equal(clock_find(&clock, rows[i].name, &options, &error), rows[i].err);
		assert_null(clock);
		assert_non_null(strstr(error.text, rows[i].word));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/clock_find/by_clock_name", by_clock_name, NULL, NULL, NULL },
		{ "/drivers/clock_find/well_known", well_known, NULL, NULL, NULL },
		{ "/drivers/clock_find/refused", refused, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
