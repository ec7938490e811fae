/* SPDX-License-Identifier: BSD-2-Clause */
/* What the service manager hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/gnomond/guests_private.h"
#include "tools/gnomond/notify.h"

static int manager = -1;

/* A manager on an abstract socket that nobody else has. */
static int set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64];
	size_t len;

	snprintf(name, sizeof(name), "@gnomon-test-%ld", (long)getpid());
	len = strlen(name);
	memcpy(address.sun_path, name, len);
	address.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (manager < 0 || bind(manager, (struct sockaddr *)&address,
				(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
		return -1;
	}
	setenv("NOTIFY_SOCKET", name, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int tear_down(void **state)
{
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	return 0;
}

/* The next datagram; "" if there is none. */
static const char *heard(void)
{
	static char text[512];
	ssize_t len = recv(manager, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void life(void **state)
{
	struct port ports[2] = {
		{ .name = { 1, "eth0" }, .state = GNOMON_PORT_TIME_RECEIVER },
		{ .name = { 2, "eth1" }, .state = GNOMON_PORT_TIME_TRANSMITTER },
	};
	struct instance in = { .ports = { .list = ports, .count = 2 } };
	struct daemon d = { .instances = &in, .instance_count = 1 };
	struct keeper_source source = { .gm = "0c42a1.fffe.6d7ca6" };
	struct notify n;

	d.keeper.sources = &source;
	d.keeper.listed = 1;
	d.keeper.state = GNOMON_SERVO_LOCKED;
	notify_init(&n, (gnomon_mono){ 1 });
	assert_int_equal(n.next.ns, INT64_MAX);
	notify_ready(&n, &d);
	assert_string_equal(heard(), "READY=1\nSTATUS=eth0 SLAVE, eth1 MASTER, grandmaster "
				     "0c42a1.fffe.6d7ca6, servo s2");
	ports[0].state = GNOMON_PORT_FAULTY;
	notify_status(&n, &d);
	assert_string_equal(heard(), "STATUS=eth0 FAULTY, eth1 MASTER, grandmaster "
				     "0c42a1.fffe.6d7ca6, servo s2");
	d.keeper.source_count = 2;
	source.name = "gps";
	notify_status(&n, &d);
	assert_string_equal(heard(), "STATUS=eth0 FAULTY, eth1 MASTER, following gps, grandmaster "
				     "0c42a1.fffe.6d7ca6, servo s2");
	d.keeper.selected = -1;
	d.keeper.lost.ns = 1;
	notify_status(&n, &d);
	assert_string_equal(heard(), "STATUS=eth0 FAULTY, eth1 MASTER, in holdover, grandmaster "
				     "0c42a1.fffe.6d7ca6, servo s2");
	d.keeper.lost.ns = 0;
	notify_status(&n, &d);
	assert_string_equal(heard(), "STATUS=eth0 FAULTY, eth1 MASTER, following no source, "
				     "grandmaster 0c42a1.fffe.6d7ca6, servo s2");
	notify_alive(&n, (gnomon_mono){ INT64_MAX - 1 });
	assert_string_equal(heard(), "");
	notify_stopping(&n);
	assert_string_equal(heard(), "STOPPING=1");
}

/* How many guests can rely on their pages. */
static void guests(void **state)
{
	struct guest guest[3] = { 0 };
	struct guest *list[] = { &guest[0], &guest[1], &guest[2] };
	struct instance in = { .keeper = NULL };
	struct daemon d = { .instances = &in, .instance_count = 1 };
	struct keeper_source source = { .gm = "0c42a1.fffe.6d7ca6" };
	struct notify n;

	d.keeper.sources = &source;
	d.keeper.listed = 1;
	d.guests.list = list;
	d.guests.count = 3;
	guest[0].slot.shown.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	guest[1].slot.shown.clock_status = GNOMON_VMCLOCK_FREERUNNING;
	guest[2].slot.shown.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	notify_init(&n, (gnomon_mono){ 1 });
	notify_status(&n, &d);
	assert_string_equal(heard(), "STATUS=2 of 3 guests served, grandmaster "
				     "0c42a1.fffe.6d7ca6, servo s0");
}

/* Twice in the time allowed, and not for somebody else. */
static void watchdog(void **state)
{
	struct notify n;

	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_init(&n, (gnomon_mono){ 0 });
	assert_int_equal(n.next.ns, INT64_MAX);
	unsetenv("WATCHDOG_PID");
	notify_init(&n, (gnomon_mono){ 1000 });
	notify_alive(&n, (gnomon_mono){ 1000 });
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_alive(&n, (gnomon_mono){ 1500000999 });
	assert_string_equal(heard(), "");
	notify_alive(&n, (gnomon_mono){ 1500001000 });
	assert_string_equal(heard(), "WATCHDOG=1");
}

static void nobody_listens(void **state)
{
	const struct daemon d = { .status_changed = false };
	struct notify n;

	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "3000000", 1);
	notify_init(&n, (gnomon_mono){ 1000 });
	assert_int_equal(n.next.ns, INT64_MAX);
	notify_ready(&n, &d);
	notify_status(&n, &d);
	notify_stopping(&n);
	assert_string_equal(heard(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/notify/life", life, set_up, tear_down, NULL },
		{ "/gnomond/notify/guests", guests, set_up, tear_down, NULL },
		{ "/gnomond/notify/watchdog", watchdog, set_up, tear_down, NULL },
		{ "/gnomond/notify/nobody_listens", nobody_listens, set_up, tear_down, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/notify", tests, NULL, NULL);
}
