/* SPDX-License-Identifier: BSD-2-Clause */
/* A monitor that speaks as QEMU does, and ones that do not: what is made of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/qmp.h"

#define SECOND ((int64_t)GNOMON_NSEC_PER_SEC)
#define GREETING                                                                                   \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, \"major\": 10}, "         \
	"\"package\": \"Debian\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define OK "{\"return\": {}}\r\n"
#define STAMP "\"timestamp\": {\"seconds\": 1765900000, \"microseconds\": 12345}"

struct bench {
	char folder[64];
	char path[80];
	struct uds server;
	struct uds_stream peer; /* QEMU's end; .fd -1: nobody connected */
	struct qmp qmp;
	gnomon_mono now;
};

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	snprintf(b->folder, sizeof(b->folder), "/tmp/gnomon-qmp-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%.60s/monitor", b->folder);
	assert_int_equal(uds_listen(&b->server, b->path, 0600, UDS_GROUP_OWN, NULL), 0);
	b->peer.fd = -1;
	b->now.ns = 1000 * SECOND;
	qmp_init(&b->qmp, b->path);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	qmp_close(&b->qmp);
	uds_stream_close(&b->peer);
	uds_close(&b->server);
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

/* QEMU says something, and the client looks. */
static void say(struct bench *b, const char *text)
{
	assert_int_equal(uds_stream_put(&b->peer, text, strlen(text)), 0);
	assert_int_equal(uds_stream_flush(&b->peer), 0);
	qmp_ready(&b->qmp, b->now);
}

/* The next thing the client made of it; -1: nothing. */
static int next(struct bench *b, struct qmp_notice *notice)
{
	return qmp_next(&b->qmp, notice, b->now) ? (int)notice->type : -1;
}

static int next_type(struct bench *b)
{
	struct qmp_notice notice;

	return next(b, &notice);
}

/* What the client says next has this in it. */
static void hear(struct bench *b, const char *what)
{
	char *line;
	size_t len;

	(void)uds_stream_fill(&b->peer);
	line = uds_stream_line(&b->peer, &len);
	assert_non_null(line);
	assert_non_null(strstr(line, what));
}

static void meet(struct bench *b)
{
	int fd;

	(void)qmp_expire(&b->qmp, b->now);
	fd = uds_accept(&b->server);
	assert_true(fd >= 0);
	uds_stream_init(&b->peer, fd, 4096, 1024 * 1024);
}

/* All of the conversation, up to what the machine does. */
static void connect_as(struct bench *b, const char *migration, const char *status)
{
	struct qmp_notice notice;
	char text[120];

	meet(b);
	say(b, GREETING);
	assert_int_equal(next_type(b), -1);
	hear(b, "qmp_capabilities");
	say(b, OK);
	assert_int_equal(next_type(b), -1);
	hear(b, "migrate-set-capabilities");
	say(b, OK);
	assert_int_equal(next_type(b), -1);
	hear(b, "query-migrate");
	snprintf(text, sizeof(text), "{\"return\": {%s}}\r\n", migration);
	say(b, text);
	assert_int_equal(next_type(b), -1);
	hear(b, "query-status");
	snprintf(text, sizeof(text), "{\"return\": {\"status\": \"%s\", \"running\": true}}\r\n",
		 status);
	say(b, text);
	assert_int_equal(next(b, &notice), QMP_NOTICE_CONNECTED);
	assert_int_equal(b->qmp.pid, getpid());
}

static void say_event(struct bench *b, const char *name, const char *data)
{
	char text[240];

	snprintf(text, sizeof(text), "{" STAMP ", \"event\": \"%s\"%s%s}\r\n", name,
		 data ? ", \"data\": " : "", data ? data : "");
	say(b, text);
}

static void say_migration(struct bench *b, const char *status)
{
	char data[80];

	snprintf(data, sizeof(data), "{\"status\": \"%s\"}", status);
	say_event(b, "MIGRATION", data);
}

/* -- what happens to machines ----------------------------------------------------------------- */

static void test_events(void **state)
{
	struct bench *b = *state;
	struct qmp_notice notice;

	connect_as(b, "", "running");
	assert_int_equal(b->qmp.run, QMP_RUN_RUNNING);
	assert_true(gnomon_mono_before(gnomon_mono_add(b->now, 3600 * SECOND),
				       qmp_expire(&b->qmp, b->now)));
	say_event(b, "NIC_RX_FILTER_CHANGED", "{\"path\": \"/machine\"}");
	assert_int_equal(next_type(b), -1);
	say_event(b, "STOP", NULL);
	assert_int_equal(next(b, &notice), QMP_NOTICE_STOP);
	assert_int_equal(notice.run, QMP_RUN_STOPPED);
	say_event(b, "RESUME", NULL);
	assert_int_equal(next(b, &notice), QMP_NOTICE_RESUME);
	assert_int_equal(notice.run, QMP_RUN_RUNNING);
	say_event(b, "RESET", "{\"guest\": true, \"reason\": \"guest-reset\"}");
	assert_int_equal(next_type(b), QMP_NOTICE_RESET);
	say_event(b, "WAKEUP", NULL);
	assert_int_equal(next_type(b), QMP_NOTICE_RESET);
	/* Several at once, and one in pieces. */
	say(b, "{\"event\": \"STOP\"}\r\n{\"event\": \"RESUME\"}\r\n{\"event\": \"RE");
	assert_int_equal(next_type(b), QMP_NOTICE_STOP);
	assert_int_equal(next_type(b), QMP_NOTICE_RESUME);
	assert_int_equal(next_type(b), -1);
	say(b, "SET\"}\r\n");
	assert_int_equal(next_type(b), QMP_NOTICE_RESET);
}

/* Told once, at the first sign, however many states there are. */
static void test_leaving(void **state)
{
	struct bench *b = *state;

	connect_as(b, "\"status\": \"none\"", "running");
	say_migration(b, "setup");
	assert_int_equal(next_type(b), QMP_NOTICE_LEAVING);
	say_migration(b, "active");
	say_migration(b, "cancelling");
	assert_int_equal(next_type(b), -1);
	say_migration(b, "cancelled");
	assert_int_equal(next_type(b), QMP_NOTICE_CALLED_OFF);
	say_migration(b, "cancelled");
	assert_int_equal(next_type(b), -1);
	say_migration(b, "active");
	assert_int_equal(next_type(b), QMP_NOTICE_LEAVING);
	say_event(b, "STOP", NULL);
	assert_int_equal(next_type(b), QMP_NOTICE_STOP);
	say_migration(b, "device");
	say_migration(b, "completed");
	assert_int_equal(next_type(b), QMP_NOTICE_LEFT);
}

/* Where a machine comes to, the same states mean something else. */
static void test_arriving(void **state)
{
	struct bench *b = *state;

	connect_as(b, "", "inmigrate");
	assert_int_equal(b->qmp.run, QMP_RUN_INCOMING);
	say_migration(b, "setup");
	say_migration(b, "active");
	assert_int_equal(next_type(b), -1);
	say_event(b, "RESUME", NULL);
	assert_int_equal(next_type(b), QMP_NOTICE_RESUME);
	say_migration(b, "completed");
	assert_int_equal(next_type(b), -1);
	/* From here it may leave. */
	say_migration(b, "setup");
	assert_int_equal(next_type(b), QMP_NOTICE_LEAVING);
}

static void test_found_leaving(void **state)
{
	struct bench *b = *state;

	connect_as(b, "\"status\": \"active\", \"total-time\": 5", "running");
	assert_int_equal(next_type(b), QMP_NOTICE_LEAVING);
	assert_int_equal(next_type(b), -1);
	say_migration(b, "active");
	assert_int_equal(next_type(b), -1);
	say_migration(b, "failed");
	assert_int_equal(next_type(b), QMP_NOTICE_CALLED_OFF);
}

/* -- addresses -------------------------------------------------------------------------------- */

static void test_address(void **state)
{
	struct bench *b = *state;
	struct qmp_notice notice;

	assert_int_equal(qmp_find_address(&b->qmp, 0xfeffb000, b->now), -ENOTCONN);
	connect_as(b, "", "prelaunch");
	assert_int_equal(b->qmp.run, QMP_RUN_STOPPED);
	assert_int_equal(qmp_find_address(&b->qmp, 0xfeffb000, b->now), 0);
	assert_int_equal(qmp_find_address(&b->qmp, 0xfeffb000, b->now), -EBUSY);
	hear(b, "\"gpa2hva 0xfeffb000\"");
	say_event(b, "RTC_CHANGE", "{\"offset\": 1}");
	say(b, "{\"return\": \"Host virtual address for 0xfeffb000 (vmclock_page) is "
	       "0x7f61a8a00000\\r\\n\"}\r\n");
	assert_int_equal(next(b, &notice), QMP_NOTICE_ADDRESS);
	assert_true(notice.address == UINT64_C(0x7f61a8a00000));
	assert_int_equal(qmp_find_address(&b->qmp, 0x1000, b->now), 0);
	say(b, "{\"return\": \"No memory is mapped at address 0x1000\\r\\n\"}\r\n");
	assert_int_equal(next(b, &notice), QMP_NOTICE_ADDRESS);
	assert_true(notice.address == 0);
	assert_string_equal(notice.text, "gpa2hva: No memory is mapped at address 0x1000");
	assert_int_equal(qmp_find_address(&b->qmp, 0x1000, b->now), 0);
	say(b, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n");
	assert_int_equal(next(b, &notice), QMP_NOTICE_ADDRESS);
	assert_true(notice.address == 0);
	assert_int_equal(next_type(b), -1);
}

/* -- monitors that are none ------------------------------------------------------------------- */

/* Tried again, ever more slowly, told of once. */
static void test_retry(void **state)
{
	struct bench *b = *state;
	struct qmp_notice notice;
	int64_t pause = 0;

	uds_close(&b->server);
	for (int i = 0; i < 10; i++) {
		const gnomon_mono before = b->now;

		(void)qmp_expire(&b->qmp, b->now);
		assert_int_equal(next(b, &notice), i == 0 ? QMP_NOTICE_LOST : -1);
		b->now = qmp_expire(&b->qmp, b->now);
		assert_true(b->now.ns - before.ns >= pause);
		pause = b->now.ns - before.ns;
	}
	assert_string_equal(notice.text, "nobody listens there");
	assert_int_equal(pause, 5 * SECOND);
	assert_int_equal(uds_listen(&b->server, b->path, 0600, UDS_GROUP_OWN, NULL), 0);
	connect_as(b, "", "running");
	uds_stream_close(&b->peer);
	qmp_ready(&b->qmp, b->now);
	assert_int_equal(next(b, &notice), QMP_NOTICE_LOST);
	assert_string_equal(notice.text, "it hung up");
	/* The first pause is short again. */
	assert_true(qmp_expire(&b->qmp, b->now).ns - b->now.ns < SECOND);
}

static void test_silent(void **state)
{
	struct bench *b = *state;
	struct qmp_notice notice;

	meet(b);
	b->now = qmp_expire(&b->qmp, b->now);
	assert_int_equal(next_type(b), -1);
	(void)qmp_expire(&b->qmp, b->now);
	assert_int_equal(next(b, &notice), QMP_NOTICE_LOST);
	assert_non_null(strstr(notice.text, "another client"));
	uds_stream_close(&b->peer);
	b->now = gnomon_mono_add(b->now, SECOND);
	connect_as(b, "", "running");
	assert_int_equal(qmp_find_address(&b->qmp, 0x1000, b->now), 0);
	b->now = qmp_expire(&b->qmp, b->now);
	(void)qmp_expire(&b->qmp, b->now);
	assert_int_equal(next_type(b), QMP_NOTICE_LOST);
}

static void test_nonsense(void **state)
{
	static const char *const greetings[] = {
		"HTTP/1.1 400 Bad Request\r\n",
		"{\"event\": \"STOP\"}\r\n",
		"{\"QGA\": {}}\r\n",
		"[]\r\n",
		"\xff\xfe\r\n",
	};
	static char huge[100000];
	struct bench *b = *state;
	struct qmp_notice notice;

	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		meet(b);
		say(b, greetings[i]);
		assert_int_equal(next(b, &notice), i == 0 ? QMP_NOTICE_LOST : -1);
		assert_int_equal(b->qmp.stream.fd, -1);
		uds_stream_close(&b->peer);
		b->now = gnomon_mono_add(b->now, 6 * SECOND);
	}
	connect_as(b, "", "running");
	/* An answer to nothing is nothing; a line without end is the end. */
	say(b, "{\"return\": \"0x1234\"}\r\n");
	assert_int_equal(next_type(b), -1);
	memset(huge, ' ', sizeof(huge) - 1);
	say(b, huge);
	for (int i = 0; i < 1000 && b->qmp.stream.fd >= 0; i++) {
		qmp_ready(&b->qmp, b->now);
		if (next(b, &notice) >= 0) {
			break;
		}
	}
	assert_int_equal(notice.type, QMP_NOTICE_LOST);
	assert_non_null(strstr(notice.text, "more in one line"));
}

/* Says events without pause: each look takes a bounded part of them. */
static void test_flood(void **state)
{
	struct bench *b = *state;
	static char text[60000];
	size_t len = 0;
	int seen = 0;
	int looks = 0;

	connect_as(b, "", "running");
	while (len + 30 < sizeof(text)) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"{\"event\": \"STOP\"}\r\n");
	}
	say(b, text);
	for (; looks < 10000 && seen < (int)(len / 19); looks++) {
		int in_this_look = 0;

		while (next_type(b) >= 0) {
			in_this_look++;
		}
		assert_true(in_this_look <= 4096);
		seen += in_this_look;
		qmp_ready(&b->qmp, b->now);
	}
	assert_int_equal(seen, len / 19);
	assert_true(looks > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/qmp/events", test_events, set_up, tear_down, NULL },
		{ "/drivers/qmp/leaving", test_leaving, set_up, tear_down, NULL },
		{ "/drivers/qmp/arriving", test_arriving, set_up, tear_down, NULL },
		{ "/drivers/qmp/found_leaving", test_found_leaving, set_up, tear_down, NULL },
		{ "/drivers/qmp/address", test_address, set_up, tear_down, NULL },
		{ "/drivers/qmp/retry", test_retry, set_up, tear_down, NULL },
		{ "/drivers/qmp/silent", test_silent, set_up, tear_down, NULL },
		{ "/drivers/qmp/nonsense", test_nonsense, set_up, tear_down, NULL },
		{ "/drivers/qmp/flood", test_flood, set_up, tear_down, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
