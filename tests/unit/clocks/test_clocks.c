/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/clocks/clocks.h: clocks by name, each once, and no clock kept twice or by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/clocks/clocks.h"

static struct driver_error error;

static size_t open_soft(struct clocks *c, const char *name, bool adjust)
{
	size_t index = SIZE_MAX;

	assert_int_equal(clocks_open(c, name, adjust, &index, &error), 0);
	return index;
}

static int join(struct clocks *c, size_t from, size_t to, enum clocks_how how, const char *name)
{
	const struct clocks_link link = { from, to, how, name };

	error.text[0] = '\0';
	return clocks_link(c, &link, &error);
}

/* -- opening ---------------------------------------------------------------------------------- */

static void open_once(void **state)
{
	struct clocks c;
	size_t a;

	assert_int_equal(clocks_init(&c, 2), 0);
	a = open_soft(&c, "soft:a", true);
	assert_int_equal(open_soft(&c, "soft:a", false), a);
	assert_int_equal(open_soft(&c, "soft:a", true), a);
	assert_int_not_equal(open_soft(&c, "soft:b", false), a);
	assert_int_equal(c.item_count, 2);
	clocks_finish(&c);
}

/* First read, then steered: it is one clock. */
static void open_source_first(void **state)
{
	struct clocks c;
	size_t a;

	assert_int_equal(clocks_init(&c, 1), 0);
	a = open_soft(&c, "soft:a", false);
	assert_int_equal(open_soft(&c, "soft:a", true), a);
	assert_true(c.items[a].adjust);
	assert_int_equal(c.item_count, 1);
	clocks_finish(&c);
}

static void open_lent(void **state)
{
	const struct clock_soft_config config = { .name = "soft" };
	struct gnomon_clock *kept;
	struct clocks c;
	gnomon_time now;
	size_t at;

	assert_int_equal(clock_soft_create(&kept, &config), 0);
	assert_int_equal(clocks_init(&c, 1), 0);
	at = clocks_lend(&c, kept, "kept");
	assert_int_equal(open_soft(&c, "kept", false), at);
	assert_int_equal(open_soft(&c, "soft", true), at);
	assert_ptr_equal(c.items[at].clock, kept);
	clocks_finish(&c);
	assert_int_equal(kept->ops->read(kept, &now), 0); /* it was not closed */
	kept->ops->destroy(kept);
}

/* What only is a source has a name that cannot be given. */
static void open_network(void **state)
{
	struct clocks c;
	size_t index = 7;

	assert_int_equal(clocks_init(&c, 1), 0);
	(void)clocks_lend(&c, NULL, "the network");
	assert_int_equal(clocks_open(&c, "the network", false, &index, &error), -ENODEV);
	assert_int_equal(index, 7);
	clocks_finish(&c);
}

static void open_nothing(void **state)
{
	static const struct {
		const char *name;
		int err;
		const char *text;
	} rows[] = {
		{ "/dev/ptp4096", -ENOENT, "/dev/ptp4096: no such clock" },
		{ "/dev/null", -ENODEV, "/dev/null: is no PTP clock device" },
		{ "nosuch0", -ENODEV, "nosuch0: no such clock" },
		{ "lo", -EOPNOTSUPP, "lo: the interface has no PTP hardware clock" },
		{ "CLOCK_MONOTONIC", -ENODEV, "not a clock of the system that can be used" },
	};
	char longest[CLOCKS_NAME_MAX + 1] = "";
	struct clocks c;
	size_t index = 7;

	assert_int_equal(clocks_init(&c, 1), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(clocks_open(&c, rows[i].name, true, &index, &error), rows[i].err);
		assert_non_null(strstr(error.text, rows[i].text));
	}
	memset(longest, 'x', CLOCKS_NAME_MAX);
	assert_int_equal(clocks_open(&c, longest, true, &index, &error), -EINVAL);
	assert_int_equal(index, 7);
	assert_int_equal(c.item_count, 0);
	clocks_finish(&c);
}

static void open_again(void **state)
{
	struct gnomon_clock *former = NULL;
	struct gnomon_clock *before;
	struct clocks c;
	size_t a;

	assert_int_equal(clocks_init(&c, 1), 0);
	a = open_soft(&c, "soft:a", true);
	before = c.items[a].clock;
	c.items[a].gone = true;
	assert_int_equal(clocks_reopen(&c, a, &former, &error), 0);
	assert_ptr_equal(former, before);
	assert_ptr_not_equal(c.items[a].clock, before);
	assert_false(c.items[a].gone);
	former->ops->destroy(former);
	clocks_finish(&c);
}

/* -- links ------------------------------------------------------------------------------------ */

static void link_same(void **state)
{
	struct clocks c;
	size_t a;

	assert_int_equal(clocks_init(&c, 2), 0);
	a = open_soft(&c, "soft:a", true);
	assert_int_equal(join(&c, a, a, CLOCKS_STEER, "[sync x]"), -EINVAL);
	assert_non_null(strstr(error.text, "source and sink are the same clock (soft:a)"));
	clocks_finish(&c);
}

static void link_twice(void **state)
{
	struct clocks c;
	size_t a;
	size_t b;
	size_t d;

	assert_int_equal(clocks_init(&c, 4), 0);
	a = open_soft(&c, "soft:a", false);
	b = open_soft(&c, "soft:b", false);
	d = open_soft(&c, "soft:d", true);
	assert_int_equal(join(&c, a, d, CLOCKS_STEER, "[sync x]"), 0);
	assert_int_equal(join(&c, b, d, CLOCKS_STEER, "[sync y]"), -EINVAL);
	assert_string_equal(error.text, "soft:d: is kept by [sync x] already: a clock has one "
					"keeper, remove one");
	assert_int_equal(join(&c, b, d, CLOCKS_HAND_OVER, "[sync y]"), -EINVAL);
	assert_string_equal(error.text, "soft:d: [sync y] hands it to a program that steers it, "
					"[sync x] would steer it as well: remove one");
	/* Of what was refused nothing is left. */
	assert_int_equal(c.link_count, 1);
	clocks_finish(&c);
}

static void link_several(void **state)
{
	struct clocks c;
	size_t a;
	size_t b;
	size_t d;
	size_t e;

	assert_int_equal(clocks_init(&c, 6), 0);
	a = open_soft(&c, "soft:a", false);
	b = open_soft(&c, "soft:b", false);
	d = open_soft(&c, "soft:d", false);
	e = open_soft(&c, "soft:e", true);
	/* A program may hear of several clocks, and a keeper choose among several. */
	assert_int_equal(join(&c, a, d, CLOCKS_HAND_OVER, "x"), 0);
	assert_int_equal(join(&c, b, d, CLOCKS_HAND_OVER, "y"), 0);
	assert_int_equal(join(&c, a, e, CLOCKS_CHOOSE, "z"), 0);
	assert_int_equal(join(&c, b, e, CLOCKS_CHOOSE, "z"), 0);
	assert_int_equal(join(&c, d, e, CLOCKS_STEER, "w"), -EINVAL);
	assert_int_equal(join(&c, d, e, CLOCKS_HAND_OVER, "w"), -EINVAL);
	assert_string_equal(error.text, "soft:e: w hands it to a program that steers it, z would "
					"steer it as well: remove one");
	clocks_finish(&c);
}

static void link_two_round(void **state)
{
	struct clocks c;
	size_t a;
	size_t b;

	assert_int_equal(clocks_init(&c, 2), 0);
	a = open_soft(&c, "soft:a", true);
	b = open_soft(&c, "soft:b", true);
	assert_int_equal(join(&c, a, b, CLOCKS_STEER, "[sync x]"), 0);
	assert_int_equal(join(&c, b, a, CLOCKS_STEER, "[sync y]"), -EINVAL);
	assert_string_equal(error.text, "soft:a: would be kept by itself, by way of [sync y], "
					"[sync x]: remove one of them");
	clocks_finish(&c);
}

/* However long the way around is, and in whatever order it is told. */
static void link_long_round(void **state)
{
	enum { COUNT = 60 };
	struct clocks c;
	size_t at[COUNT];

	for (int rounds = 0; rounds < 2; rounds++) {
		assert_int_equal(clocks_init(&c, COUNT), 0);
		for (int i = 0; i < COUNT; i++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "soft:%d", i);
			at[i] = open_soft(&c, name, true);
		}
		for (int i = 0; i < COUNT - 1; i++) {
			int k = rounds ? i : (i * 17) % (COUNT - 1); /* 59 is prime */

			assert_int_equal(join(&c, at[k], at[k + 1], CLOCKS_STEER, "s"), 0);
		}
		assert_int_equal(join(&c, at[COUNT - 1], at[0], CLOCKS_STEER, "last"), -EINVAL);
		assert_non_null(strstr(error.text, "soft:0: would be kept by itself, by way of "
						   "last, s, s"));
		assert_non_null(strstr(error.text, ": remove one of them"));
		clocks_finish(&c);
	}
}

/* What another program steers counts, too. */
static void link_round_by_out(void **state)
{
	struct clocks c;
	size_t a;
	size_t b;

	assert_int_equal(clocks_init(&c, 2), 0);
	a = open_soft(&c, "soft:a", true);
	b = open_soft(&c, "soft:b", false);
	assert_int_equal(join(&c, b, a, CLOCKS_CHOOSE, "[source n]"), 0);
	assert_int_equal(join(&c, a, b, CLOCKS_HAND_OVER, "[sync x]"), -EINVAL);
	assert_non_null(strstr(error.text, "by way of [sync x], [source n]"));
	clocks_finish(&c);
}

/* A tree is none. */
static void link_tree(void **state)
{
	struct clocks c;
	size_t at[7];

	assert_int_equal(clocks_init(&c, 6), 0);
	for (int i = 0; i < 7; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "soft:%d", i);
		at[i] = open_soft(&c, name, true);
	}
	for (int i = 1; i < 7; i++) {
		assert_int_equal(join(&c, at[(i - 1) / 2], at[i], CLOCKS_STEER, "t"), 0);
	}
	assert_int_equal(join(&c, at[6], at[1], CLOCKS_STEER, "more"), -ENOSPC);
	clocks_finish(&c);
}

/* -- mailboxes -------------------------------------------------------------------------------- */

static void out_names(void **state)
{
	struct sink *out = NULL;

	assert_true(clocks_is_out("chrony:/run/x") && clocks_is_out("sock:/x"));
	assert_true(clocks_is_out("shm:0"));
	assert_false(clocks_is_out("soft") || clocks_is_out("/dev/ptp0") || clocks_is_out("shm"));
	assert_int_equal(clocks_open_out(&out, "shm:x", false, &error), -EINVAL);
	assert_int_equal(clocks_open_out(&out, "shm:-1", false, &error), -EINVAL);
	assert_int_equal(clocks_open_out(&out, "shm:1 ", false, &error), -EINVAL);
	assert_int_equal(clocks_open_out(&out, "chrony:", false, &error), -EINVAL);
	assert_int_equal(clocks_open_out(&out, "chrony:/nowhere/at/all", false, &error), -ENOENT);
	assert_non_null(strstr(error.text, "refclock SOCK /nowhere/at/all"));
	assert_null(out);
}

static void out_same(void **state)
{
	char folder[] = "/tmp/gnomon-clocks-XXXXXX";
	char first[64];
	char second[64];
	FILE *file;

	assert_true(clocks_same_out("shm:3", "shm:03"));
	assert_false(clocks_same_out("shm:3", "shm:4") || clocks_same_out("shm:3", "sock:3"));
	assert_true(clocks_same_out("sock:/nowhere/x", "chrony:/nowhere/x"));
	assert_false(clocks_same_out("sock:/nowhere/x", "chrony:/nowhere/y"));
	assert_non_null(mkdtemp(folder));
	(void)snprintf(first, sizeof(first), "chrony:%s/a", folder);
	(void)snprintf(second, sizeof(second), "chrony:%s/b", folder);
	file = fopen(first + 7, "w");
	assert_non_null(file);
	(void)fclose(file);
	assert_false(clocks_same_out(first, second));
	assert_int_equal(link(first + 7, second + 7), 0);
	assert_true(clocks_same_out(first, second));
	(void)unlink(first + 7);
	(void)unlink(second + 7);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/clocks/open/once", open_once, NULL, NULL, NULL },
		{ "/clocks/open/source_first", open_source_first, NULL, NULL, NULL },
		{ "/clocks/open/lent", open_lent, NULL, NULL, NULL },
		{ "/clocks/open/network", open_network, NULL, NULL, NULL },
		{ "/clocks/open/nothing", open_nothing, NULL, NULL, NULL },
		{ "/clocks/open/again", open_again, NULL, NULL, NULL },
		{ "/clocks/link/same", link_same, NULL, NULL, NULL },
		{ "/clocks/link/twice", link_twice, NULL, NULL, NULL },
		{ "/clocks/link/several", link_several, NULL, NULL, NULL },
		{ "/clocks/link/two_round", link_two_round, NULL, NULL, NULL },
		{ "/clocks/link/long_round", link_long_round, NULL, NULL, NULL },
		{ "/clocks/link/round_by_out", link_round_by_out, NULL, NULL, NULL },
		{ "/clocks/link/tree", link_tree, NULL, NULL, NULL },
		{ "/clocks/out/names", out_names, NULL, NULL, NULL },
		{ "/clocks/out/same", out_same, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
