/* SPDX-License-Identifier: BSD-2-Clause */
/* The management client against a daemon of a few lines: what it sends, and what it takes. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/uds.h"
#include "tools/config/config.h"
#include "tools/manage/client.h"

#define WAIT_MS 5000

/* A folder with the daemon's socket, and a client of it. */
struct bench {
	char folder[64];
	char path[80];
	struct uds daemon;
	struct manage_config config;
	struct manage_client *client;
	struct uds_address from; /* of the request taken last */
	uint8_t octets[GNOMON_MSG_MAX];
	struct gnomon_msg request;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	snprintf(b->folder, sizeof(b->folder), "/tmp/gnomon-manage-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%.60s/daemon", b->folder);
	assert_int_equal(uds_open(&b->daemon, b->path, NULL), 0);
	manage_config_default(&b->config, "test");
	b->config.server = b->path;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	manage_close(b->client);
	uds_close(&b->daemon);
	/* Empty: the client has left nothing behind. */
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

static void open_client(struct bench *b)
{
	struct driver_error error = { "" };

	assert_int_equal(manage_open(&b->client, &b->config, &error), 0);
}

/* The daemon takes a request. */
static void take(struct bench *b)
{
	const int len = uds_receive(&b->daemon, b->octets, sizeof(b->octets), &b->from);

	assert_true(len > 0);
	assert_int_equal(gnomon_msg_decode(&b->request, b->octets, (size_t)len),
			 GNOMON_DECODE_OK);
}

/* The daemon answers it with a TLV of that type, which has those octets. */
static void answer(struct bench *b, uint16_t type, uint16_t sequence, const uint8_t *value,
		   uint16_t len)
{
	struct gnomon_msg msg = {
		.header = { .type = GNOMON_MSG_MANAGEMENT, .version = 2,
			    .sequence_id = sequence },
		.body.management = { .target = b->request.header.source,
				     .action = GNOMON_MANAGEMENT_RESPONSE },
	};
	uint8_t tlv[256] = { (uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(len >> 8),
			     (uint8_t)len };
	uint8_t buf[GNOMON_MSG_MAX];
	int n;

	memcpy(tlv + 4, value, len);
	msg.tlvs = tlv;
	msg.tlvs_len = 4u + len;
	n = gnomon_msg_encode(&msg, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(uds_send(&b->daemon, buf, (size_t)n, &b->from), 0);
}

static const uint8_t priority1[] = { 0x20, 0x05, 77, 0 };

/* -- what is sent ----------------------------------------------------------------------------- */

/* linuxptp's pmc sends the same octets, but for its own identity (and, since 4.0, controlField). */
static void test_get_octets(void **state)
{
	static const uint8_t header[] = { 0x1d, 0x12, 0,    56, 3, 0, 0, 0, 0, 0,
					  0,    0,    0,    0,  0, 0, 0, 0, 0, 0 };
	static const uint8_t rest[] = { 0,    0,    4,    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 2,    2,    0,    0,    0,    1,
					0,    4,    0x20, 5,    0,    0 };
	struct bench *b = *state;
	uint16_t sequence = 9;

	b->config.domain = 3;
	b->config.sdo_id = 0x100;
	b->config.minor_version = 1;
	b->config.boundary_hops = 2;
	open_client(b);
	assert_int_equal(manage_get(b->client, GNOMON_MID_PRIORITY1, &sequence), 0);
	assert_int_equal(sequence, 0);
	take(b);
	assert_memory_equal(b->octets, header, sizeof(header));
	assert_memory_equal(b->octets + 30, rest, sizeof(rest));
	assert_int_equal(gnomon_port_identity_cmp(&b->request.header.source,
						  manage_identity(b->client)),
			 0);
	assert_int_equal(manage_get(b->client, GNOMON_MID_PRIORITY1, &sequence), 0);
	assert_int_equal(sequence, 1);
	take(b);
	assert_int_equal(b->request.header.sequence_id, 1);
}

/* Unless somebody says so, a question is not the neighbours'. */
static void test_no_hops(void **state)
{
	struct bench *b = *state;

	open_client(b);
	assert_int_equal(manage_get(b->client, GNOMON_MID_PRIORITY1, NULL), 0);
	take(b);
	assert_int_equal(b->request.body.management.starting_boundary_hops, 0);
	assert_int_equal(b->request.body.management.boundary_hops, 0);
}

static void test_empty_get(void **state)
{
	struct bench *b = *state;

	b->config.empty_get = true;
	open_client(b);
	assert_int_equal(manage_get(b->client, GNOMON_MID_DEFAULT_DATA_SET, NULL), 0);
	take(b);
	assert_int_equal(b->request.tlvs_len, 6);
	assert_int_equal(b->request.tlvs[3], 2);
}

static void test_target_and_set(void **state)
{
	static const struct gnomon_port_identity target = { { { 1, 2, 3, 4, 5, 6, 7, 8 } }, 9 };
	static const uint8_t tlv[] = { 0, 1, 0, 4, 0x20, 6, 200, 0 };
	static const uint8_t data[] = { 200, 0 };
	const struct manage_request request = {
		GNOMON_MANAGEMENT_SET, GNOMON_MID_PRIORITY2, data, sizeof(data),
	};
	struct bench *b = *state;

	open_client(b);
	manage_target(b->client, &target);
	assert_int_equal(manage_send(b->client, &request, NULL), 0);
	take(b);
	assert_int_equal(b->request.body.management.action, GNOMON_MANAGEMENT_SET);
	assert_int_equal(
		gnomon_port_identity_cmp(&b->request.body.management.target, &target), 0);
	assert_int_equal(b->request.tlvs_len, sizeof(tlv));
	assert_memory_equal(b->request.tlvs, tlv, sizeof(tlv));
	manage_target(b->client, NULL);
	assert_int_equal(manage_send(b->client, &request, NULL), 0);
	take(b);
	assert_int_equal(b->request.body.management.target.port, 0xffff);
}

static void test_subscribe(void **state)
{
	static const uint8_t tlv[] = { 0, 1, 0, 68, 0xc0, 3, 0x01, 0x2c, 5, 0, 0 };
	struct bench *b = *state;

	open_client(b);
	assert_int_equal(manage_subscribe(b->client, 300,
					  MANAGE_NOTIFY_PORT_STATE |
						  MANAGE_NOTIFY_PARENT_DATA_SET,
					  NULL),
			 0);
	take(b);
	assert_int_equal(b->request.tlvs_len, 72);
	assert_memory_equal(b->request.tlvs, tlv, sizeof(tlv));
}

/* -- what is taken ---------------------------------------------------------------------------- */

static void test_receive(void **state)
{
	struct bench *b = *state;
	struct manage_message m;

	open_client(b);
	assert_int_equal(manage_receive(b->client, &m), -EAGAIN);
	assert_int_equal(manage_get(b->client, GNOMON_MID_PRIORITY1, NULL), 0);
	take(b);
	assert_int_equal(uds_send(&b->daemon, "nonsense", 8, &b->from), 0);
	answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
	assert_int_equal(manage_wait(b->client, WAIT_MS), 1);
	assert_int_equal(manage_receive(b->client, &m), -EBADMSG);
	assert_int_equal(manage_receive(b->client, &m), 0);
	assert_true(m.has_tlv);
	assert_true(manage_is_answer(b->client, &m));
	assert_int_equal(m.tlv.id, GNOMON_MID_PRIORITY1);
	assert_int_equal(m.tlv.len, 2);
	assert_int_equal(m.tlv.data[0], 77);
	assert_int_equal(manage_wait(b->client, 0), 0);
	/* To somebody else, or of no management. */
	b->request.header.source.port ^= 1;
	answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
	assert_int_equal(manage_receive(b->client, &m), 0);
	assert_false(manage_is_answer(b->client, &m));
	b->request.header.source.port ^= 1;
	answer(b, GNOMON_TLV_PAD, 0, priority1, sizeof(priority1));
	assert_int_equal(manage_receive(b->client, &m), 0);
	assert_false(m.has_tlv);
	assert_false(manage_is_answer(b->client, &m));
}

/* -- asking ----------------------------------------------------------------------------------- */

struct script {
	struct bench *bench;
	bool refuse;
	bool silent;
};

/* Before the answer come one of another request and a notification. */
static void *daemon_thread(void *context)
{
	static const uint8_t refusal[] = { 0, 6, 0x20, 0x05, 0, 0, 0, 0 };
	struct script *s = context;
	struct bench *b = s->bench;
	int len;

	while ((len = uds_receive(&b->daemon, b->octets, sizeof(b->octets), &b->from)) == -EAGAIN) {
		usleep(1000);
	}
	if (gnomon_msg_decode(&b->request, b->octets, (size_t)len) || s->silent) {
		return NULL;
	}
	answer(b, GNOMON_TLV_MANAGEMENT, 4711, priority1, sizeof(priority1));
	if (s->refuse) {
		answer(b, GNOMON_TLV_MANAGEMENT_ERROR_STATUS, 0, refusal, sizeof(refusal));
	} else {
		answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
	}
	return NULL;
}

static void count_notice(void *context, const struct manage_message *message)
{
	assert_int_equal(message->msg.header.sequence_id, 4711);
	++*(int *)context;
}

static int ask(struct bench *b, struct script *script, int timeout_ms,
	       struct manage_message *m, struct driver_error *error)
{
	const struct manage_request request = { .id = GNOMON_MID_PRIORITY1 };
	pthread_t thread;
	int r;

	script->bench = b;
	assert_int_equal(pthread_create(&thread, NULL, daemon_thread, script), 0);
	r = manage_ask(b->client, &request, timeout_ms, m, error);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return r;
}

static void test_ask(void **state)
{
	struct bench *b = *state;
	struct driver_error error = { "" };
	struct script script = { 0 };
	struct manage_message m;
	int notices = 0;

	b->config.notice = count_notice;
	b->config.context = &notices;
	open_client(b);
	assert_int_equal(ask(b, &script, WAIT_MS, &m, &error), 0);
	assert_int_equal(m.tlv.data[0], 77);
	assert_int_equal(notices, 1);
}

static void test_ask_refused(void **state)
{
	struct bench *b = *state;
	struct driver_error error = { "" };
	struct script script = { .refuse = true };
	struct manage_message m;

	open_client(b);
	assert_int_equal(ask(b, &script, WAIT_MS, &m, &error), -EPROTO);
	assert_int_equal(m.tlv.error, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	assert_non_null(strstr(error.text, "PRIORITY1 is refused: NOT_SUPPORTED"));
}

static void test_ask_in_vain(void **state)
{
	struct bench *b = *state;
	struct driver_error error = { "" };
	struct script script = { .silent = true };
	struct manage_message m;

	open_client(b);
	assert_int_equal(ask(b, &script, 20, &m, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "no answer to PRIORITY1 within 20 ms"));
}

/* -- opening ---------------------------------------------------------------------------------- */

static void test_nobody_there(void **state)
{
	const struct manage_request request = { .id = GNOMON_MID_PRIORITY1 };
	struct bench *b = *state;
	struct driver_error error = { "" };
	struct manage_message m;
	char none[100];

	snprintf(none, sizeof(none), "%s/none", b->folder);
	b->config.server = none;
	open_client(b);
	assert_int_equal(manage_ask(b->client, &request, WAIT_MS, &m, &error), -ENOENT);
	assert_non_null(strstr(error.text, none));
	assert_non_null(strstr(error.text, "no PTP daemon answers there"));
}

/* Where no file can be made the client has none. */
static void test_without_file(void **state)
{
	struct bench *b = *state;
	struct manage_client *second = NULL;
	struct driver_error error = { "" };
	char path[120];

	open_client(b);
	snprintf(path, sizeof(path), "%s/test.%ld", b->folder, (long)getpid());
	assert_int_equal(access(path, F_OK), 0);
	/* The name is taken by the first. */
	assert_int_equal(manage_open(&second, &b->config, &error), 0);
	assert_int_equal(manage_get(second, GNOMON_MID_PRIORITY1, NULL), 0);
	take(b);
	answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
	assert_int_equal(manage_wait(second, WAIT_MS), 1);
	manage_close(second);
	/* One that was named is made, or it is an error. */
	b->config.own = path;
	assert_int_equal(manage_open(&second, &b->config, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, path));
	b->config.own = "/nonexistent/socket";
	assert_int_equal(manage_open(&second, &b->config, &error), -ENOENT);
	b->config.own = "named";
	assert_int_equal(manage_open(&second, &b->config, &error), 0);
	snprintf(path, sizeof(path), "%s/named", b->folder);
	assert_int_equal(access(path, F_OK), 0);
	manage_close(second);
	assert_int_equal(access(path, F_OK), -1);
}

/* A client without a file, because its name is taken. */
static void open_abstract(struct bench *b, struct manage_client **first)
{
	open_client(b);
	*first = b->client;
	open_client(b);
	assert_int_equal(manage_get(b->client, GNOMON_MID_PRIORITY1, NULL), 0);
	take(b);
	assert_int_equal(b->from.name.sun_path[0], '\0');
}

/* Not the one that was asked: without a name, of the kernel's naming, and with a file. */
static void test_stranger(void **state)
{
	struct bench *b = *state;
	struct manage_client *first;
	struct manage_message message;
	const struct uds daemon = b->daemon;
	char path[120];

	open_abstract(b, &first);
	snprintf(path, sizeof(path), "%s/stranger", b->folder);
	for (int i = 0; i < 3; i++) {
		struct uds stranger = { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0) };

		if (i > 0) {
			uds_close(&stranger);
			assert_int_equal(uds_open(&stranger, i > 1 ? path : NULL, NULL), 0);
		}
		b->daemon = stranger;
		answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
		b->daemon = daemon;
		assert_int_equal(manage_receive(b->client, &message), -EAGAIN);
		answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
		assert_int_equal(manage_receive(b->client, &message), 0);
		uds_close(&stranger);
	}
	manage_close(first);
}

/* The same socket by another name. */
static void test_linked(void **state)
{
	struct bench *b = *state;
	struct manage_client *first;
	struct manage_message message;
	char path[120];

	snprintf(path, sizeof(path), "%s/link", b->folder);
	assert_int_equal(symlink(b->path, path), 0);
	b->config.server = path;
	open_abstract(b, &first);
	answer(b, GNOMON_TLV_MANAGEMENT, 0, priority1, sizeof(priority1));
	assert_int_equal(manage_receive(b->client, &message), 0);
	assert_int_equal(unlink(path), 0);
	manage_close(first);
}

/* The daemon that is configured, by the socket it was given, or by the one where it is. */
static void test_configured(void **state)
{
	struct manage_config config;
	struct conf conf;

	(void)state;
	assert_int_equal(conf_init(&conf, true), 0);
	manage_config_of(&config, "test", &conf);
	assert_true(config.local);
	assert_string_equal(config.server, manage_default_server());
	assert_int_equal(config.boundary_hops, 0);
	conf.domain_number = 24;
	conf.defaults.transport_specific = 1;
	conf.uds_address = "/tmp/other";
	manage_config_of(&config, "test", &conf);
	assert_string_equal(config.server, "/tmp/other");
	assert_int_equal(config.domain, 24);
	assert_int_equal(config.sdo_id, 0x100);
	conf_finish(&conf);
}

static void test_bad_paths(void **state)
{
	struct bench *b = *state;
	struct driver_error error = { "" };
	char path[200];

	b->config.server = "";
	assert_int_equal(manage_open(&b->client, &b->config, &error), -EINVAL);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	b->config.server = path;
	assert_int_equal(manage_open(&b->client, &b->config, &error), -ENAMETOOLONG);
	b->config.local = false;
	link_config_default(&b->config.link, GNOMON_NETWORK_UDP_IPV4);
	b->config.link.interface = "nonexistent";
	assert_int_equal(manage_open(&b->client, &b->config, &error), -ENODEV);
	assert_non_null(strstr(error.text, "nonexistent"));
}

#define TEST(name, function) \
	{ "/manage/client/" name, function, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("get_octets", test_get_octets),
		TEST("no_hops", test_no_hops),
		TEST("empty_get", test_empty_get),
		TEST("target_and_set", test_target_and_set),
		TEST("subscribe", test_subscribe),
		TEST("receive", test_receive),
		TEST("ask", test_ask),
		TEST("ask_refused", test_ask_refused),
		TEST("ask_in_vain", test_ask_in_vain),
		TEST("nobody_there", test_nobody_there),
		TEST("without_file", test_without_file),
		TEST("stranger", test_stranger),
		TEST("linked", test_linked),
		TEST("configured", test_configured),
		TEST("bad_paths", test_bad_paths),
	};

	return cmocka_run_group_tests_name("manage/client", tests, NULL, NULL);
}
