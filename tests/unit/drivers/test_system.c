/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/timer.h, sd_notify.h, error.h, privilege.h, iface.h: what needs no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/error.h"
#include "drivers/iface.h"
#include "drivers/privilege.h"
#include "drivers/sd_notify.h"
#include "drivers/timer.h"

#define MSEC INT64_C(1000000)

static int wait_for(const struct timer *timer, int ms)
{
	struct pollfd fd = { .fd = timer->fd, .events = POLLIN };

	return poll(&fd, 1, ms);
}

static void timer_fires_without_being_read(void **state)
{
	struct timer timer;
	gnomon_mono start;

	(void)state;
	timer_init(&timer);
	assert_true(timer.fd >= 0);
	assert_int_equal(timer_poll_timeout(&timer, timer_now()), -1);
	assert_int_equal(wait_for(&timer, 0), 0);
	for (int i = 0; i < 3; i++) {
		start = timer_now();
		timer_arm(&timer, gnomon_mono_add(start, 5 * MSEC), i > 0);
		assert_int_equal(wait_for(&timer, 0), 0);
		assert_int_equal(wait_for(&timer, 10000), 1);
		assert_true(timer_now().ns >= start.ns + 5 * MSEC);
	}
	/* Still reported until armed anew; the past fires at once, never disarms. */
	assert_int_equal(wait_for(&timer, 0), 1);
	timer_arm(&timer, GNOMON_MONO_NEVER, true);
	assert_int_equal(wait_for(&timer, 0), 0);
	timer_arm(&timer, (gnomon_mono){ -5 }, false);
	assert_int_equal(wait_for(&timer, 10000), 1);
	/* Fired, and wanted at that same instant again. */
	timer_arm(&timer, (gnomon_mono){ -5 }, true);
	assert_int_equal(wait_for(&timer, 10000), 1);
	timer_finish(&timer);
	assert_int_equal(timer.fd, -1);
}

static void timer_by_poll_timeout(void **state)
{
	struct timer timer = { -1, GNOMON_MONO_NEVER };

	(void)state;
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 0 }), -1);
	timer_arm(&timer, (gnomon_mono){ 10 * MSEC }, false);
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 0 }), 10);
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 1 }), 10);
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 9 * MSEC + 1 }), 1);
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 10 * MSEC }), 0);
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 99 * MSEC }), 0);
	timer_arm(&timer, (gnomon_mono){ INT64_MAX - 1 }, false);
	assert_int_equal(timer_poll_timeout(&timer, (gnomon_mono){ 0 }), INT32_MAX);
	timer_finish(&timer);
}

static int listen_at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	const size_t len = strlen(path);

	assert_true(fd >= 0 && len < sizeof(name.sun_path));
	memcpy(name.sun_path, path, len);
	if (path[0] == '@') {
		name.sun_path[0] = '\0';
	}
	assert_int_equal(bind(fd, (const struct sockaddr *)&name,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	return fd;
}

static void notify(void **state)
{
	const char *dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	char paths[2][100];
	char got[64];

	(void)state;
	(void)snprintf(paths[0], sizeof(paths[0]), "%s/gnomon-notify-%d", dir, (int)getpid());
	(void)snprintf(paths[1], sizeof(paths[1]), "@gnomon-notify-%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		int fd = listen_at(paths[i]);
		ssize_t len;

		assert_int_equal(sd_notify_send(paths[i], "READY=1\nSTATUS=x"), 1);
		len = recv(fd, got, sizeof(got), MSG_DONTWAIT);
		assert_int_equal(len, 16);
		assert_memory_equal(got, "READY=1\nSTATUS=x", 16);
		(void)close(fd);
	}
	(void)unlink(paths[0]);
	assert_int_equal(sd_notify_send(paths[0], "READY=1"), -ENOENT);
	assert_int_equal(sd_notify_send(NULL, "READY=1"), 0);
	assert_int_equal(sd_notify_send("", "READY=1"), 0);
	assert_int_equal(sd_notify_send("relative", "READY=1"), -EINVAL);
	assert_int_equal(sd_notify_send("@", "READY=1"), -EINVAL);
}

static void error_is_one_line(void **state)
{
	struct driver_error error;
	char name[sizeof(error.text) + 100];

	(void)state;
	assert_int_equal(driver_fail(&error, -ENODEV, "%s: gone", "a\nb\tc"), -ENODEV);
	assert_string_equal(error.text, "a?b?c: gone");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(driver_fail(&error, -1, "%s", name), -1);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_int_equal(driver_fail(NULL, -5, "nobody listens"), -5);
	assert_string_equal(driver_strerror(-ENODEV), "No such device");
	assert_string_equal(driver_strerror(-99999), "unknown error");
}

static void privilege_names_the_capability(void **state)
{
	struct driver_error error;

	(void)state;
	assert_int_equal(privilege_fail(&error, -EPERM, PRIVILEGE_NET_RAW, "eth0", "listen"),
			 -EPERM);
	assert_string_equal(error.text,
			    "eth0: no permission to listen: run as root or with CAP_NET_RAW");
	assert_int_equal(privilege_fail(&error, -ENOMEM, PRIVILEGE_NET_RAW, "eth0", "listen"),
			 -ENOMEM);
	assert_string_equal(error.text, "eth0: cannot listen: Cannot allocate memory");
}

static void iface_loopback(void **state)
{
	struct gnomon_clock_identity identity = { { 1 } };
	struct driver_error error = { "" };
	struct iface iface;

	(void)state;
	assert_int_equal(iface_query("lo", &iface, &error), 0);
	assert_string_equal(iface.name, "lo");
	assert_true(iface.index > 0);
	assert_true(iface.flags & IFF_LOOPBACK);
	assert_false(iface.ethernet);
	assert_int_equal(iface_clock_identity(&iface, &identity), -EOPNOTSUPP);
	assert_int_equal(identity.id[0], 1);
}

static void iface_identity(void **state)
{
	const struct iface iface = { .ethernet = true,
				     .mac = { 0x00, 0x1b, 0x19, 0x0a, 0x0b, 0x0c } };
	struct gnomon_clock_identity identity;

	(void)state;
	assert_int_equal(iface_clock_identity(&iface, &identity), 0);
	assert_memory_equal(identity.id, "\x00\x1b\x19\xff\xfe\x0a\x0b\x0c", 8);
}

static void iface_bad_names(void **state)
{
	static const char *const names[] = { "", "a/b", "a b", "sixteen-octets-x" };
	struct driver_error error;
	struct iface iface;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(iface_query(names[i], &iface, &error), -EINVAL);
		assert_non_null(strstr(error.text, "not a network interface name"));
		assert_int_equal(iface_is_up(names[i]), -EINVAL);
	}
	assert_int_equal(iface_query("gn-no-such", &iface, &error), -ENODEV);
	assert_string_equal(error.text, "gn-no-such: no such network interface "
					"(\"ip link\" lists them)");
	assert_int_equal(iface_is_up("gn-no-such"), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/timer/fires_without_being_read", timer_fires_without_being_read },
		{ "/drivers/timer/by_poll_timeout", timer_by_poll_timeout },
		{ "/drivers/sd_notify", notify },
		{ "/drivers/error/is_one_line", error_is_one_line },
		{ "/drivers/privilege/names_the_capability", privilege_names_the_capability },
		{ "/drivers/iface/loopback", iface_loopback },
		{ "/drivers/iface/identity", iface_identity },
		{ "/drivers/iface/bad_names", iface_bad_names },
	};

	return cmocka_run_group_tests_name("/drivers/system", tests, NULL, NULL);
}
