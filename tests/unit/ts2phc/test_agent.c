/* SPDX-License-Identifier: BSD-2-Clause */
/* The agent of ts2phc -a against a daemon of our own: a process that answers on a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/timer.h"
#include "tools/ts2phc/agent.h"
#include "tools/ts2phc/roles.h"

/* Where things are in a management message (15.4.1). */
#define AT_LENGTH 2
#define AT_SOURCE 20
#define AT_TARGET 34
#define AT_ACTION 46
#define AT_TLV 48
#define AT_ID 52
#define AT_DATA 54

#define RESPONSE 2
#define ERROR_STATUS 2

#define DEFAULT_DATA_SET 0x2000
#define PORT_DATA_SET 0x2004
#define SUBSCRIBE_EVENTS_NP 0xc003
#define PORT_PROPERTIES_NP 0xc004

static struct {
	char folder[32];
	struct sockaddr_un name;
	pid_t daemon;
	struct conf conf;
} world;

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Ports 1 and 3 stamp in hardware, 2 in software, 4 is gone, 5 tells nonsense. */
static size_t properties(uint8_t *data, unsigned int port)
{
	static const char *const names[] = { "", "eth1", "eth2", "eth3", "", "" };

	put16(data + 8, port);
	data[10] = port == 3 ? 9 : 6;
	data[11] = port != 2;
	data[12] = port == 5 ? 200 : 4;
	memcpy(data + 13, names[port], strlen(names[port]));
	return 18;
}

/* The dataField of an answer; 0: an error status. */
static size_t answer(uint8_t *data, unsigned int id, unsigned int port)
{
	memset(data, 0, 64);
	switch (id) {
	case DEFAULT_DATA_SET:
		put16(data + 2, 5);
		return 20;
	case PORT_PROPERTIES_NP:
		return port == 4 ? 0 : properties(data, port);
	case SUBSCRIBE_EVENTS_NP:
		return 66;
	default:
		return 0;
	}
}

static void send_tlv(int fd, const struct sockaddr_un *to, socklen_t len, uint8_t *m,
		     size_t data_len)
{
	const size_t tlv = data_len ? data_len + 2 : 8;
	const unsigned int id = get16(m + AT_ID);

	put16(m + AT_TLV, data_len ? 1 : ERROR_STATUS);
	put16(m + AT_TLV + 2, (unsigned int)tlv);
	if (!data_len) {
		put16(m + AT_ID, 2); /* NO_SUCH_ID */
		put16(m + AT_ID + 2, id);
		memset(m + AT_ID + 4, 0, 4);
	}
	put16(m + AT_LENGTH, (unsigned int)(AT_TLV + 4 + tlv));
	m[AT_ACTION] = RESPONSE;
	(void)sendto(fd, m, AT_TLV + 4 + tlv, 0, (const struct sockaddr *)to, len);
}

/* After a subscription port 3 goes from timeReceiver to UNCALIBRATED. */
static void serve(int fd)
{
	for (;;) {
		uint8_t m[256] = { 0 };
		uint8_t requester[10];
		struct sockaddr_un from;
		socklen_t len = sizeof(from);
		unsigned int id, port;

		if (recvfrom(fd, m, sizeof(m), 0, (struct sockaddr *)&from, &len) < AT_DATA) {
			continue;
		}
		id = get16(m + AT_ID);
		port = get16(m + AT_TARGET + 8);
		memcpy(requester, m + AT_SOURCE, sizeof(requester));
		memcpy(m + AT_SOURCE, "\1\2\3\4\5\6\7\10\0\1", 10);
		memcpy(m + AT_TARGET, requester, sizeof(requester));
		send_tlv(fd, &from, len, m, answer(m + AT_DATA, id, port));
		if (id == SUBSCRIBE_EVENTS_NP) {
			put16(m + AT_ID, PORT_DATA_SET);
			memset(m + AT_DATA, 0, 64);
			put16(m + AT_DATA + 8, 3);
			m[AT_DATA + 10] = 8;
			put16(m + 30, 999); /* a sequenceId of its own */
			send_tlv(fd, &from, len, m, 26);
		}
	}
}

static void start_daemon(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&world.name, sizeof(world.name)), 0);
	world.daemon = fork();
	if (world.daemon == 0) {
		serve(fd);
	}
	assert_int_equal(close(fd), 0);
	assert_true(world.daemon > 0);
}

static int set_up(void **state)
{
	char path[64];

	(void)state;
	memset(&world, 0, sizeof(world));
	memcpy(world.folder, "/tmp/gnomon-agent-XXXXXX", 25);
	if (!mkdtemp(world.folder) || conf_init_tool(&world.conf, false)) {
		return -1;
	}
	(void)snprintf(path, sizeof(path), "%s/d", world.folder);
	world.name.sun_family = AF_UNIX;
	memcpy(world.name.sun_path, path, strlen(path));
	world.conf.uds_address = world.name.sun_path;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (world.daemon > 0) {
		(void)kill(world.daemon, SIGKILL);
		(void)waitpid(world.daemon, NULL, 0);
	}
	(void)unlink(world.name.sun_path);
	(void)rmdir(world.folder);
	conf_finish(&world.conf);
	return 0;
}

static void no_daemon(void **state)
{
	struct driver_error error = { "" };
	struct agent *agent = NULL;
	int err = agent_open(&agent, &world.conf, &error);

	(void)state;
	assert_true(err == -ENOENT || err == -ECONNREFUSED);
	assert_true(error.text[0] != '\0');
	assert_null(agent);
}

static void ports_and_changes(void **state)
{
	struct driver_error error = { "" };
	const struct agent_port *ports;
	struct agent *agent = NULL;
	struct pollfd fd;
	bool changed = false;
	size_t count;

	(void)state;
	start_daemon();
	if (agent_open(&agent, &world.conf, &error)) {
		fail_msg("%s", error.text);
	}
	ports = agent_ports(agent, &count);
	assert_int_equal(count, 2);
	assert_int_equal(ports[0].number, 1);
	assert_string_equal(ports[0].interface, "eth1");
	assert_int_equal(ports[0].state, GNOMON_PORT_TIME_TRANSMITTER);
	assert_string_equal(ports[1].interface, "eth3");
	assert_int_equal(ports[1].state, GNOMON_PORT_TIME_RECEIVER);
	assert_true(gnomon_mono_before(timer_now(), agent_deadline(agent)));
	fd = (struct pollfd){ .fd = agent_fd(agent), .events = POLLIN };
	for (int i = 0; i < 50 && !changed; i++) {
		(void)poll(&fd, 1, 1000);
		changed = agent_tend(agent, timer_now());
	}
	assert_true(changed);
	assert_int_equal(ports[1].state, GNOMON_PORT_UNCALIBRATED);
	assert_int_equal(ports[0].state, GNOMON_PORT_TIME_TRANSMITTER);
	agent_close(agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ts2phc/agent/no_daemon", no_daemon, set_up, tear_down, NULL },
		{ "/ts2phc/agent/ports_and_changes", ports_and_changes, set_up, tear_down, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
