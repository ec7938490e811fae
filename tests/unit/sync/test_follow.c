/* SPDX-License-Identifier: BSD-2-Clause */
/* Following a PTP daemon of a few lines: what is asked, and said while nothing comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnomon/management.h>

#include "drivers/uds.h"
#include "tools/sync/follow.h"

#define SEC INT64_C(1000000000)

static char output[8192];

/* A folder with the daemon's socket, and who follows it. Time is the test's. */
struct bench {
	char folder[64];
	char path[80];
	struct uds daemon;
	bool running;
	enum gnomon_port_state port_state;
	unsigned int asked; /* requests taken */
	unsigned int hops;  /* most boundary hops of one */
	struct conf conf;
	struct log log;
	struct sync_follow follow;
	gnomon_mono now;
};

static void collect(struct log *log, int level, const char *line, size_t len)
{
	const size_t used = strlen(output);

	(void)log;
	(void)level;
	assert_true(used + len < sizeof(output));
	memcpy(output + used, line, len);
	output[used + len] = '\0';
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	snprintf(b->folder, sizeof(b->folder), "/tmp/gnomon-follow-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%.60s/daemon", b->folder);
	assert_int_equal(conf_init_tool(&b->conf, true), 0);
	log_init(&b->log, "test", &b->conf);
	b->log.write = collect;
	b->now.ns = 100 * SEC;
	b->port_state = GNOMON_PORT_LISTENING;
	output[0] = '\0';
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	sync_follow_close(&b->follow);
	if (b->running) {
		uds_close(&b->daemon);
	}
	log_finish(&b->log);
	conf_finish(&b->conf);
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

static void begin(struct bench *b, struct sync_follow_config config)
{
	config.program = "test";
	config.server = b->path;
	config.log = &b->log;
	assert_int_equal(sync_follow_open(&b->follow, &config, b->now, NULL), 0);
}

static void start_daemon(struct bench *b)
{
	assert_int_equal(uds_open(&b->daemon, b->path, NULL), 0);
	b->running = true;
}

/* One port; what else is asked for is not answered. */
static void answer(struct bench *b, const struct gnomon_msg *request, uint16_t id,
		   const struct uds_address *to)
{
	uint8_t tlv[64] = { 0, GNOMON_TLV_MANAGEMENT, 0, 28, (uint8_t)(id >> 8), (uint8_t)id };
	struct gnomon_msg msg = {
		.header = { .type = GNOMON_MSG_MANAGEMENT, .version = 2,
			    .source = { { { 1, 2, 3, 4, 5, 6, 7, 8 } }, 1 },
			    .sequence_id = request->header.sequence_id },
		.body.management = { .target = request->header.source,
				     .action = GNOMON_MANAGEMENT_RESPONSE },
		.tlvs = tlv,
		.tlvs_len = 32,
	};
	uint8_t buf[GNOMON_MSG_MAX];
	int n;

	if (id == GNOMON_MID_DEFAULT_DATA_SET) {
		tlv[9] = 1; /* numberPorts */
	} else if (id == GNOMON_MID_PORT_DATA_SET) {
		memcpy(tlv + 6, msg.header.source.clock.id, 8);
		tlv[15] = 1;
		tlv[16] = (uint8_t)b->port_state;
	} else {
		return;
	}
	n = gnomon_msg_encode(&msg, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(uds_send(&b->daemon, buf, (size_t)n, to), 0);
}

static void serve(struct bench *b)
{
	uint8_t octets[GNOMON_MSG_MAX];
	struct uds_address from;
	struct gnomon_msg request;
	int len;

	while (b->running && (len = uds_receive(&b->daemon, octets, sizeof(octets), &from)) > 0) {
		assert_int_equal(gnomon_msg_decode(&request, octets, (size_t)len),
				 GNOMON_DECODE_OK);
		b->asked++;
		if (request.body.management.boundary_hops > b->hops) {
			b->hops = request.body.management.boundary_hops;
		}
		answer(b, &request, (uint16_t)(request.tlvs[4] << 8 | request.tlvs[5]), &from);
	}
}

/* So many seconds pass. Returns how many lines were said in them. */
static unsigned int pass(struct bench *b, int seconds)
{
	const gnomon_mono end = gnomon_mono_add(b->now, seconds * SEC);
	unsigned int lines = 0;

	output[0] = '\0';
	while (gnomon_mono_before(b->now, end)) {
		sync_follow_expire(&b->follow, b->now);
		serve(b);
		sync_follow_receive(&b->follow, b->now);
		serve(b);
		sync_follow_receive(&b->follow, b->now);
		b->now = gnomon_mono_add(b->now, SEC / 4);
	}
	for (const char *c = output; *c; c++) {
		lines += *c == '\n';
	}
	return lines;
}

static void expect(const char *text)
{
	if (!strstr(output, text)) {
		fail_msg("\"%s\" is not in \"%s\"", text, output);
	}
}

/* No socket: said after a second, then after one minute, two, four. */
static void no_socket(void **state)
{
	struct bench *b = *state;

	begin(b, (struct sync_follow_config){ .wait = true });
	assert_int_equal(pass(b, 10), 1);
	expect("/daemon: there is no such socket; start gnomond or ptp4l, or name its socket with");
	assert_int_equal(pass(b, 50), 0);
	assert_int_equal(pass(b, 10), 1);
	assert_int_equal(pass(b, 110), 0);
	assert_int_equal(pass(b, 10), 1);
	/* An hour later, at most as often as once in it. */
	(void)pass(b, 4 * 3600);
	assert_true(pass(b, 3600) <= 1);
	start_daemon(b);
	(void)pass(b, 3);
	assert_true(b->follow.found);
	assert_int_equal(b->hops, 0);
	assert_true(b->asked > 0);
}

/* phc2sys's line comes every second. */
static void drop_in(void **state)
{
	struct bench *b = *state;

	b->log.format = CONF_LOG_PTP4L;
	begin(b, (struct sync_follow_config){ .wait = true, .drop_in = true });
	assert_int_equal(pass(b, 10), 9);
	expect("]: Waiting for ptp4l...\n");
}

/* A daemon that is there, but not in step: its ports are named. */
static void not_in_step(void **state)
{
	struct bench *b = *state;

	start_daemon(b);
	begin(b, (struct sync_follow_config){ .wait = true });
	assert_int_equal(pass(b, 30), 1);
	expect("/daemon: none of its ports is in step yet: port 1 is LISTENING");
	assert_false(b->follow.in_step);
	b->port_state = GNOMON_PORT_TIME_RECEIVER;
	assert_int_equal(pass(b, 100), 0);
	assert_true(b->follow.in_step);
}

/* With -a as well, and it is said that the daemon went, and what is waited for then. */
static void automatic(void **state)
{
	struct bench *b = *state;

	start_daemon(b);
	begin(b, (struct sync_follow_config){ .ports = true });
	assert_int_equal(pass(b, 30), 1);
	expect("port 1 is LISTENING");
	b->port_state = GNOMON_PORT_TIME_RECEIVER;
	assert_int_equal(pass(b, 10), 0);
	uds_close(&b->daemon);
	b->running = false;
	assert_int_equal(pass(b, 20), 2);
	expect("/daemon: the PTP daemon is gone; waiting for it");
	expect("there is no such socket");
	assert_int_equal(b->hops, 0);
}

#define TEST(name) { "/sync/follow/" #name, name, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_socket),
		TEST(drop_in),
		TEST(not_in_step),
		TEST(automatic),
	};

	return cmocka_run_group_tests_name("sync/follow", tests, NULL, NULL);
}
