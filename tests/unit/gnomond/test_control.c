/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: requests in and answers out, and clients that do as badly as they can. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/socket.h"
#include "drivers/timer.h"
#include "tools/gnomond/control.h"

struct bench {
	char folder[64];
	char path[80];
	struct conf conf;
	struct control control;
	unsigned int answered;
	int64_t ahead; /* of the monotonic clock */
};

/* Answers with what it was asked; "big" with much of it, "no" not, "hear" for ever. */
static json_t *echo(void *context, struct control_client *client,
		    const struct control_request *request, struct control_error *error)
{
	static char big[20000];
	struct bench *b = context;

	b->answered++;
	if (strcmp(request->method, "no") == 0) {
		return control_fail(error, CONTROL_FAILED, "it is not; so be it");
	}
	if (strcmp(request->method, "big") == 0) {
		memset(big, 'b', sizeof(big) - 1);
		return json_string(big);
	}
	if (strcmp(request->method, "hear") == 0) {
		client->topics = CONTROL_TOPIC_GUEST;
	}
	return json_incref(request->params);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct driver_error error = { "" };

	assert_non_null(b);
	snprintf(b->folder, sizeof(b->folder), "/tmp/gnomon-control-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%.60s/control", b->folder);
	assert_int_equal(conf_init(&b->conf, true), 0);
	b->conf.control_socket = b->path;
	control_init(&b->control, echo, b);
	assert_int_equal(control_open(&b->control, &b->conf, &error), 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	control_close(&b->control);
	assert_int_equal(rmdir(b->folder), 0);
	conf_finish(&b->conf);
	free(b);
	return 0;
}

static gnomon_mono now_of(const struct bench *b)
{
	return gnomon_mono_add(timer_now(), b->ahead);
}

/* Rounds of the daemon's loop that find something to do, at most that many. */
static unsigned int turn(struct bench *b, unsigned int rounds)
{
	struct pollfd fds[CONTROL_FDS];

	for (unsigned int i = 0; i < rounds; i++) {
		const gnomon_mono next = control_expire(&b->control, now_of(b));

		control_poll_fds(&b->control, now_of(b), fds);
		if (poll(fds, CONTROL_FDS, 0) == 0 && gnomon_mono_before(now_of(b), next)) {
			return i;
		}
		control_ready(&b->control, fds, now_of(b));
	}
	return rounds;
}

static int join(struct bench *b)
{
	const int fd = uds_connect(b->path);

	assert_true(fd >= 0);
	(void)turn(b, 10);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* All that has been said to a client. */
static const char *told(int fd)
{
	static char text[65536];
	ssize_t got = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[got > 0 ? got : 0] = '\0';
	return got == 0 ? "end" : text;
}

static unsigned int connected(const struct bench *b)
{
	unsigned int count = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		count += b->control.clients[i].stream.fd >= 0;
	}
	return count;
}

/* -- what is asked ---------------------------------------------------------------------------- */

static void test_answer(void **state)
{
	struct bench *b = *state;
	const int fd = join(b);

	say(fd, "{\"id\":7,\"method\":\"x\",\"params\":{\"a\":1}}\n\n{\"method\":\"no\"}\n");
	assert_int_equal(turn(b, 100) < 100, 1);
	assert_string_equal(told(fd), "{\"id\":7,\"result\":{\"a\":1}}\n"
				      "{\"id\":null,\"error\":{\"code\":\"failed\","
				      "\"message\":\"it is not\",\"remedy\":\"so be it\"}}\n");
	say(fd, "{\"id\":\"x\",\"met");
	(void)turn(b, 100);
	assert_string_equal(told(fd), "");
	say(fd, "hod\":\"y\"}\n");
	(void)turn(b, 100);
	assert_string_equal(told(fd), "{\"id\":\"x\",\"result\":{}}\n");
	(void)close(fd);
	(void)turn(b, 100);
	assert_int_equal(connected(b), 0);
}

/* What was asked before the end is answered, and then it is over. */
static void test_half_closed(void **state)
{
	struct bench *b = *state;
	const int fd = join(b);

	say(fd, "{\"id\":1,\"method\":\"x\"}\n{\"id\":2,\"method\":\"x\"}\n{\"id\":3");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(turn(b, 100) < 100, 1);
	assert_string_equal(told(fd), "{\"id\":1,\"result\":{}}\n{\"id\":2,\"result\":{}}\n");
	assert_string_equal(told(fd), "end");
	assert_int_equal(connected(b), 0);
	(void)close(fd);
}

static void test_too_long(void **state)
{
	static char line[CONTROL_LINE_MAX + 2];
	struct bench *b = *state;
	int fd = join(b);

	memset(line, ' ', sizeof(line) - 1);
	memcpy(line, "{\"id\":5,\"method\":\"x\"}", 21);
	line[CONTROL_LINE_MAX] = '\n';
	say(fd, line);
	(void)turn(b, 100);
	assert_string_equal(told(fd), "{\"id\":5,\"result\":{}}\n");
	line[CONTROL_LINE_MAX] = ' ';
	say(fd, line);
	say(fd, "{\"method\":\"x\"}\n");
	(void)turn(b, 100);
	assert_non_null(strstr(told(fd), "a line of more than 8192 octets"));
	assert_string_equal(told(fd), "end");
	assert_int_equal(b->answered, 1);
	(void)close(fd);
}

/* -- who asks --------------------------------------------------------------------------------- */

static void test_full(void **state)
{
	struct bench *b = *state;
	int fds[CONTROL_CLIENTS + 1];

	for (size_t i = 0; i < CONTROL_CLIENTS + 1; i++) {
		fds[i] = join(b);
	}
	assert_int_equal(connected(b), CONTROL_CLIENTS);
	assert_non_null(strstr(told(fds[CONTROL_CLIENTS]), "\"code\":\"busy\""));
	assert_string_equal(told(fds[CONTROL_CLIENTS]), "end");
	(void)close(fds[CONTROL_CLIENTS]);
	/* After a while the one that said nothing for longest goes: the second, as the first hears
	 * of events. */
	say(fds[0], "{\"method\":\"hear\"}\n");
	(void)turn(b, 100);
	b->ahead += CONTROL_IDLE_NS;
	for (size_t i = 2; i < CONTROL_CLIENTS; i++) {
		say(fds[i], "\n");
	}
	(void)turn(b, 100);
	fds[CONTROL_CLIENTS] = join(b);
	assert_string_equal(told(fds[CONTROL_CLIENTS]), "");
	assert_string_equal(told(fds[1]), "end");
	for (size_t i = 0; i < CONTROL_CLIENTS + 1; i++) {
		(void)close(fds[i]);
	}
}

/* Asks for more than it reads: it is not read from, others are answered, and then it goes. */
static void test_stuck(void **state)
{
	static const char request[] = "{\"method\":\"big\"}\n";
	struct bench *b = *state;
	const int stuck = join(b);
	const int other = join(b);
	unsigned int answered;

	assert_int_equal(socket_set_flags(stuck), 0);
	for (int i = 0; i < 3000; i++) {
		(void)!write(stuck, request, sizeof(request) - 1);
		(void)turn(b, 3);
	}
	answered = b->answered;
	assert_in_range(answered, 2, 100); /* what the socket's own buffer holds, and a bit */
	(void)turn(b, 100);
	assert_int_equal(b->answered, answered);
	say(other, "{\"id\":1,\"method\":\"x\"}\n");
	(void)turn(b, 100);
	assert_string_equal(told(other), "{\"id\":1,\"result\":{}}\n");
	assert_int_equal(connected(b), 2);
	b->ahead += CONTROL_STUCK_NS;
	(void)turn(b, 100);
	assert_int_equal(connected(b), 1);
	assert_int_equal(b->control.dropped, 1);
	(void)close(stuck);
	(void)close(other);
}

/* Who asks without pause has his turn and no more. */
static void test_greedy(void **state)
{
	static char lines[8000];
	struct bench *b = *state;
	const int greedy = join(b);
	const int modest = join(b);
	unsigned int rounds = 0;
	size_t len = 0;

	while (len + 40 < sizeof(lines)) {
		len += (size_t)snprintf(lines + len, sizeof(lines) - len, "{\"method\":\"x\"}\n");
	}
	say(greedy, lines);
	say(modest, "{\"id\":1,\"method\":\"x\"}\n");
	/* One round to read, one to answer whoever has something. */
	(void)turn(b, 2);
	(void)control_expire(&b->control, now_of(b));
	assert_string_equal(told(modest), "{\"id\":1,\"result\":{}}\n");
	while (turn(b, 1) && rounds < 100000) {
		rounds++;
		(void)told(greedy);
	}
	assert_int_equal(b->answered, len / 15 + 1);
	(void)close(greedy);
	(void)close(modest);
}

/* -- events ----------------------------------------------------------------------------------- */

static void tell(struct bench *b, size_t len)
{
	static char text[65536];
	json_t *event = json_object();

	memset(text, 'e', len);
	text[len] = '\0';
	control_put(event, "event", json_string(text));
	control_tell(&b->control, CONTROL_TOPIC_GUEST, event, now_of(b));
}

static void test_events(void **state)
{
	struct bench *b = *state;
	const int hears = join(b);
	const int other = join(b);
	unsigned int sent = 0;

	assert_false(control_is_heard(&b->control, CONTROL_TOPIC_GUEST));
	say(hears, "{\"id\":1,\"method\":\"hear\"}\n");
	(void)turn(b, 100);
	assert_true(control_is_heard(&b->control, CONTROL_TOPIC_GUEST));
	tell(b, 3);
	assert_string_equal(told(hears), "{\"id\":1,\"result\":{}}\n{\"event\":\"eee\"}\n");
	assert_string_equal(told(other), "");
	/* Who does not read them is dropped when his buffer is full. */
	while (control_is_heard(&b->control, CONTROL_TOPIC_GUEST) && sent < 1000) {
		tell(b, 60000);
		sent++;
	}
	assert_in_range(sent, CONTROL_OUT_MAX / 60000, 100);
	assert_int_equal(connected(b), 1);
	(void)close(hears);
	(void)close(other);
}

/* -- the socket ------------------------------------------------------------------------------- */

static void test_places(void **state)
{
	struct bench *b = *state;
	struct driver_error error = { "" };
	struct control second;
	struct conf conf = b->conf;

	control_init(&second, echo, b);
	assert_int_equal(control_open(&second, &conf, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, b->path));
	conf.control_socket_group = "no-such-group";
	assert_int_equal(control_open(&second, &conf, &error), -ENOENT);
	assert_non_null(strstr(error.text, "control_socket_group"));
	conf.control_socket = "";
	assert_int_equal(control_open(&second, &conf, &error), 0);
	assert_int_equal(control_expire(&second, timer_now()).ns, GNOMON_MONO_NEVER.ns);
	control_close(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/control/answer", test_answer, set_up, tear_down, NULL },
		{ "/gnomond/control/half_closed", test_half_closed, set_up, tear_down, NULL },
		{ "/gnomond/control/too_long", test_too_long, set_up, tear_down, NULL },
		{ "/gnomond/control/full", test_full, set_up, tear_down, NULL },
		{ "/gnomond/control/stuck", test_stuck, set_up, tear_down, NULL },
		{ "/gnomond/control/greedy", test_greedy, set_up, tear_down, NULL },
		{ "/gnomond/control/events", test_events, set_up, tear_down, NULL },
		{ "/gnomond/control/places", test_places, set_up, tear_down, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
