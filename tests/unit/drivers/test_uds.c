/* SPDX-License-Identifier: BSD-2-Clause */
/* Local datagram sockets: who answers whom, what is left behind, whose file is removed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/uds.h"

struct folder {
	char path[64];
	char a[80];
	char b[80];
};

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/gnomon-uds-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	snprintf(f->a, sizeof(f->a), "%.60s/a", f->path);
	snprintf(f->b, sizeof(f->b), "%.60s/b", f->path);
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *f = *state;

	(void)unlink(f->a);
	(void)unlink(f->b);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

/* Sends from one end and lets the other answer to where it came from. */
static void exchange(const struct uds *client, const struct uds *server, const char *server_path)
{
	struct uds_address to;
	struct uds_address from;
	char data[8] = "";

	assert_int_equal(uds_address_set(&to, server_path, NULL), 0);
	assert_int_equal(uds_send(client, "ping", 4, &to), 0);
	assert_int_equal(uds_receive(server, data, sizeof(data), &from), 4);
	assert_memory_equal(data, "ping", 4);
	assert_int_equal(uds_send(server, "pong!", 5, &from), 0);
	assert_int_equal(uds_receive(client, data, sizeof(data), NULL), 5);
	assert_memory_equal(data, "pong!", 5);
	assert_int_equal(uds_receive(client, data, sizeof(data), NULL), -EAGAIN);
}

static void test_exchange(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds server;
	struct uds client;

	assert_int_equal(uds_open(&server, f->a, &error), 0);
	assert_int_equal(uds_open(&client, f->b, &error), 0);
	exchange(&client, &server, f->a);
	uds_close(&client);
	assert_int_equal(access(f->b, F_OK), -1);
	uds_close(&server);
	assert_int_equal(access(f->a, F_OK), -1);
	uds_close(&server);
}

static void test_abstract(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds server;
	struct uds client;

	assert_int_equal(uds_open(&server, f->a, &error), 0);
	assert_int_equal(uds_open(&client, NULL, &error), 0);
	assert_string_equal(client.path, "");
	exchange(&client, &server, f->a);
	uds_close(&client);
	uds_close(&server);
}

static void test_occupied(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds first;
	struct uds second = { .fd = -1 };
	struct stat before;
	struct stat after;

	assert_int_equal(uds_open(&first, f->a, &error), 0);
	assert_int_equal(stat(f->a, &before), 0);
	assert_int_equal(uds_open(&second, f->a, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, f->a));
	assert_int_equal(second.fd, -1);
	assert_int_equal(stat(f->a, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	uds_close(&first);
}

static void test_stale(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds dead;
	struct uds next;

	assert_int_equal(uds_open(&dead, f->a, &error), 0);
	(void)close(dead.fd);
	assert_int_equal(access(f->a, F_OK), 0);
	assert_int_equal(uds_open(&next, f->a, &error), 0);
	uds_close(&next);
	assert_int_equal(access(f->a, F_OK), -1);
}

/* Somebody else took the name over: closing leaves the file to its new owner. */
static void test_taken_over(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds old;
	struct uds new;

	assert_int_equal(uds_open(&old, f->a, &error), 0);
	/* Kept under another name, so that the number of the file is not given out again. */
	assert_int_equal(rename(f->a, f->b), 0);
	assert_int_equal(uds_open(&new, f->a, &error), 0);
	uds_close(&old);
	assert_int_equal(access(f->a, F_OK), 0);
	uds_close(&new);
}

static void test_no_socket(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds uds = { .fd = -1 };
	FILE *file = fopen(f->a, "w");

	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(uds_open(&uds, f->a, &error), -EEXIST);
	assert_int_equal(access(f->a, F_OK), 0);
	assert_non_null(strstr(error.text, "no socket"));
}

static void test_refused(void **state)
{
	struct folder *f = *state;
	struct driver_error error = { "" };
	struct uds_address to;
	struct uds uds = { .fd = -1 };
	char path[200];

	assert_int_equal(uds_open(&uds, "/nonexistent/socket", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/socket"));
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(uds_open(&uds, path, &error), -ENAMETOOLONG);
	assert_int_equal(uds_address_set(&to, "", &error), -EINVAL);
	path[UDS_PATH_MAX] = '\0';
	assert_int_equal(uds_address_set(&to, path, &error), 0);
	assert_int_equal(uds_open(&uds, NULL, &error), 0);
	assert_int_equal(uds_address_set(&to, f->a, &error), 0);
	assert_int_equal(uds_send(&uds, "x", 1, &to), -ENOENT);
	uds_close(&uds);
}

#define TEST(name, function) \
	{ "/drivers/uds/" name, function, make_folder, remove_folder, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("exchange", test_exchange),       TEST("abstract", test_abstract),
		TEST("occupied", test_occupied),       TEST("stale", test_stale),
		TEST("taken_over", test_taken_over),   TEST("no_socket", test_no_socket),
		TEST("refused", test_refused),
	};

	return cmocka_run_group_tests_name("uds", tests, NULL, NULL);
}
