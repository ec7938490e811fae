/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/leap/leap.h: the table built in, lists, and what both say at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/leap/leap.h"

/* 2017-01-01 and 1972-01-01. */
#define LAST 1483228800
#define FIRST 63072000

static void built_in(void **state)
{
	struct leap_table t;
	int offset = -1;

	(void)state;
	leap_init(&t);
	assert_int_equal(t.count, 28);
	assert_int_equal(leap_find(&t, FIRST - 1, &offset), LEAP_UNKNOWN);
	assert_int_equal(offset, -1);
	assert_int_equal(leap_find(&t, FIRST, &offset), LEAP_GOOD);
	assert_int_equal(offset, 10);
	assert_int_equal(leap_find(&t, LAST - 2, &offset), LEAP_GOOD);
	assert_int_equal(offset, 36);
	assert_int_equal(leap_find(&t, LAST - 1, &offset), LEAP_AMBIGUOUS);
	assert_int_equal(leap_find(&t, LAST, &offset), LEAP_GOOD);
	assert_int_equal(offset, 37);
	assert_int_equal(leap_find(&t, t.expires, &offset), LEAP_GOOD);
	assert_int_equal(leap_find(&t, t.expires + 1, &offset), LEAP_EXPIRED);
	assert_int_equal(offset, 37);
}

/* Leap seconds come at midnight of the first of January or July. */
static void built_in_dates(void **state)
{
	struct leap_table t;

	(void)state;
	leap_init(&t);
	for (int i = 0; i < t.count; i++) {
		const time_t at = (time_t)t.rows[i].utc;
		struct tm tm;

		(void)gmtime_r(&at, &tm);
		assert_int_equal(tm.tm_mday, 1);
		assert_true(tm.tm_mon == 0 || tm.tm_mon == 6);
		assert_int_equal(tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec, 0);
	}
}

static const char list[] = "# a comment\n"
			   "#$ 3676924800\n"
			   "#@ 4102444800\n"
			   "3550089600\t35\t# 1 Jul 2012\n"
			   "3644697600 36 # 1 Jul 2015\n"
			   "\n"
			   "3692217600 37";

static void parses_a_list(void **state)
{
	struct leap_table t = { .count = 0 };
	int offset;

	(void)state;
	assert_int_equal(leap_parse(&t, list, "list", NULL), 0);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.expires, INT64_C(4102444800) - INT64_C(2208988800));
	assert_int_equal(leap_find(&t, LAST, &offset), LEAP_GOOD);
	assert_int_equal(offset, 37);
}

static void refuses(void **state)
{
	static const char *const lists[] = {
		"",
		"#@ 4102444800\n",				    /* no rows */
		"3692217600 37\n",				    /* no expiry */
		"#@ 4102444800\n3692217600 37\n3644697600 36\n",    /* order */
		"#@ 4102444800\n3644697600 36\n3644697600 37\n",    /* twice */
		"#@ 4102444800\n3644697600 36\n3692217600 39\n",    /* three at once */
		"#@ 4102444800\n3644697600 x\n",		    /* no offset */
		"#@ 4102444800\n-3644697600 36\n",		    /* before 1900 */
		"#@ 4102444800\n99999999999999999999 36\n",	    /* far away */
		"<html>not found</html>\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct driver_error error = { "" };
		struct leap_table t;
		int offset;

		leap_init(&t);
		if (leap_parse(&t, lists[i], "list", &error) != -EBADMSG) {
			fail_msg("taken: %s", lists[i]);
		}
		assert_true(strncmp(error.text, "list:", 5) == 0);
		assert_int_equal(leap_find(&t, LAST, &offset), LEAP_GOOD);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A new list is taken up; a bad one is not, and the one before stays. */
static void refreshes(void **state)
{
	char path[] = "/tmp/gnomon-leap-XXXXXX";
	struct driver_error error = { "" };
	struct timespec nap = { 0, 20000000 };
	struct leap_table t;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(leap_open(&t, "/nonexistent/list", &error), -ENOENT);
	write_file(path, list);
	assert_int_equal(leap_open(&t, path, &error), 0);
	assert_int_equal(leap_refresh(&t, &error), 0);
	nanosleep(&nap, NULL);
	write_file(path, "#@ 4202444800\n3692217600 37\n");
	assert_int_equal(leap_refresh(&t, &error), 1);
	assert_int_equal(t.count, 1);
	assert_int_equal(leap_refresh(&t, &error), 0);
	nanosleep(&nap, NULL);
	write_file(path, "nonsense\n");
	assert_int_equal(leap_refresh(&t, &error), -EBADMSG);
	assert_int_equal(t.count, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(leap_refresh(&t, &error), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/leap/built_in", built_in, NULL, NULL, NULL },
		{ "/leap/built_in_dates", built_in_dates, NULL, NULL, NULL },
		{ "/leap/parses_a_list", parses_a_list, NULL, NULL, NULL },
		{ "/leap/refuses", refuses, NULL, NULL, NULL },
		{ "/leap/refreshes", refreshes, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
