/* SPDX-License-Identifier: BSD-2-Clause */
/* Local stream sockets: who may listen where, lines in whatever pieces, peers that do not read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/socket.h"
#include "drivers/uds_stream.h"

struct place {
	char folder[64];
	char path[80];
};

static int make_folder(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->folder, sizeof(p->folder), "/tmp/gnomon-stream-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%.60s/socket", p->folder);
	*state = p;
	return 0;
}

static int remove_folder(void **state)
{
	struct place *p = *state;

	(void)unlink(p->path);
	assert_int_equal(rmdir(p->folder), 0);
	free(p);
	return 0;
}

static void test_listen(void **state)
{
	struct place *p = *state;
	struct driver_error error = { "" };
	struct uds first = { .fd = -1 };
	struct uds second = { .fd = -1 };
	struct uds_peer peer;
	struct stat st;
	int ends[2];

	assert_int_equal(uds_listen(&first, p->path, 0640, UDS_GROUP_OWN, &error), 0);
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(uds_accept(&first), -EAGAIN);
	assert_int_equal(uds_listen(&second, p->path, 0600, UDS_GROUP_OWN, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "another program answers there"));
	assert_int_equal(second.fd, -1);
	ends[0] = uds_connect(p->path);
	assert_true(ends[0] >= 0);
	/* The other look at the socket was a connection, too. */
	(void)close(uds_accept(&first));
	ends[1] = uds_accept(&first);
	assert_true(ends[1] >= 0);
	assert_int_equal(uds_peer_of(ends[1], &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_true(uds_peer_has_group(ends[1], getegid()));
	assert_false(uds_peer_has_group(ends[1], 0x7ffffffe));
	(void)close(ends[0]);
	(void)close(ends[1]);
	uds_close(&first);
	assert_int_equal(lstat(p->path, &st), -1);
	assert_int_equal(uds_connect(p->path), -ENOENT);
}

/* A file whose owner was killed is replaced; one that is no socket is not. */
static void test_left_behind(void **state)
{
	struct place *p = *state;
	struct driver_error error = { "" };
	struct uds uds = { .fd = -1 };
	const pid_t child = fork();
	FILE *file;

	if (child == 0) {
		_exit(uds_listen(&uds, p->path, 0600, UDS_GROUP_OWN, NULL) != 0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(access(p->path, F_OK), 0);
	assert_int_equal(uds_connect(p->path), -ECONNREFUSED);
	assert_int_equal(uds_listen(&uds, p->path, 0600, UDS_GROUP_OWN, &error), 0);
	uds_close(&uds);
	file = fopen(p->path, "w");
	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(uds_listen(&uds, p->path, 0600, UDS_GROUP_OWN, &error), -EEXIST);
	assert_int_equal(access(p->path, F_OK), 0);
}

/* Of many that start at once one listens, and can be reached. */
static void test_race(void **state)
{
	struct place *p = *state;
	struct uds uds = { .fd = -1 };
	pid_t children[8];
	int go[2];
	int done[2];
	int won = 0;

	assert_int_equal(uds_listen(&uds, p->path, 0600, UDS_GROUP_OWN, NULL), 0);
	(void)close(uds.fd); /* the file stays */
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(done), 0);
	for (int i = 0; i < 8; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			char wait;

			(void)close(go[1]);
			(void)!read(go[0], &wait, 1);
			if (uds_listen(&uds, p->path, 0600, UDS_GROUP_OWN, NULL) != 0) {
				_exit(1);
			}
			/* The others try while it listens. */
			(void)close(done[1]);
			(void)!read(done[0], &wait, 1);
			_exit(uds_connect(p->path) >= 0 ? 0 : 2);
		}
	}
	(void)close(go[0]);
	(void)close(go[1]);
	(void)close(done[0]);
	(void)close(done[1]);
	for (int i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, 1);
		won += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(won, 1);
}

static void test_bad_place(void **state)
{
	struct place *p = *state;
	struct driver_error error = { "" };
	struct uds uds = { .fd = -1 };
	char path[120];

	snprintf(path, sizeof(path), "%s/none/socket", p->folder);
	assert_int_equal(uds_listen(&uds, path, 0600, UDS_GROUP_OWN, &error), -ENOENT);
	assert_non_null(strstr(error.text, path));
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(uds_listen(&uds, path, 0600, UDS_GROUP_OWN, &error), -ENAMETOOLONG);
	assert_int_equal(uds_connect(path), -ENAMETOOLONG);
}

static void open_pair(struct uds_stream *a, struct uds_stream *b, size_t in_max, size_t out_max)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(socket_set_flags(ends[0]), 0);
	assert_int_equal(socket_set_flags(ends[1]), 0);
	uds_stream_init(a, ends[0], in_max, out_max);
	uds_stream_init(b, ends[1], in_max, out_max);
}

static void test_lines(void **state)
{
	struct uds_stream a;
	struct uds_stream b;
	size_t len = 99;

	(void)state;
	open_pair(&a, &b, 100, 1000);
	assert_null(uds_stream_line(&b, &len));
	assert_int_equal(uds_stream_fill(&b), -EAGAIN);
	assert_int_equal(uds_stream_put(&a, "on", 2), 0);
	assert_int_equal(uds_stream_flush(&a), 0);
	assert_int_equal(uds_stream_fill(&b), 2);
	assert_false(uds_stream_has_line(&b));
	assert_null(uds_stream_line(&b, &len));
	assert_int_equal(uds_stream_put(&a, "e\n\ntwo\nthr", 10), 0);
	assert_int_equal(uds_stream_queued(&a), 10);
	assert_int_equal(uds_stream_flush(&a), 0);
	assert_int_equal(uds_stream_queued(&a), 0);
	assert_int_equal(uds_stream_fill(&b), 10);
	assert_true(uds_stream_has_line(&b));
	assert_string_equal(uds_stream_line(&b, &len), "one");
	assert_int_equal(len, 3);
	assert_string_equal(uds_stream_line(&b, &len), "");
	assert_string_equal(uds_stream_line(&b, &len), "two");
	assert_null(uds_stream_line(&b, &len));
	uds_stream_close(&a);
	assert_int_equal(uds_stream_fill(&b), 0);
	uds_stream_close(&b);
	uds_stream_close(&b);
}

/* The longest line fits with its newline; one octet more does not, however it comes. */
static void test_longest(void **state)
{
	char text[5001];
	struct uds_stream a;
	struct uds_stream b;
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[5000] = '\n';
	for (size_t max = 4999; max <= 5000; max++) {
		ssize_t got = 1;

		open_pair(&a, &b, max, 8192);
		assert_int_equal(uds_stream_put(&a, text, 5001), 0);
		assert_int_equal(uds_stream_flush(&a), 0);
		while (got > 0) {
			got = uds_stream_fill(&b);
		}
		assert_int_equal(got, -ENOBUFS);
		assert_int_equal(uds_stream_has_line(&b), max == 5000);
		if (max == 5000) {
			assert_non_null(uds_stream_line(&b, &len));
			assert_int_equal(len, 5000);
			assert_int_equal(uds_stream_fill(&b), -EAGAIN);
		}
		uds_stream_close(&a);
		uds_stream_close(&b);
	}
}

/* Who does not read fills his own buffer, and nothing is lost of what was taken. */
static void test_stuck(void **state)
{
	static char text[4096];
	struct uds_stream a;
	struct uds_stream b;
	size_t put = 0;
	size_t got = 0;
	ssize_t r;

	(void)state;
	memset(text, 'y', sizeof(text));
	open_pair(&a, &b, 100000, 65536);
	while (uds_stream_put(&a, text, sizeof(text)) == 0) {
		put += sizeof(text);
		(void)uds_stream_flush(&a);
		assert_true(uds_stream_queued(&a) <= 65536);
		assert_true(put < 100000000);
	}
	assert_int_equal(uds_stream_flush(&a), -EAGAIN);
	while (got < put) {
		static char sink[65536];

		r = read(b.fd, sink, sizeof(sink));
		assert_true(r > 0 || uds_stream_queued(&a) > 0);
		got += r > 0 ? (size_t)r : 0;
		(void)uds_stream_flush(&a);
	}
	assert_int_equal(got, put);
	assert_int_equal(uds_stream_put(&a, text, sizeof(text)), 0);
	uds_stream_close(&b);
	assert_int_equal(uds_stream_flush(&a), -EPIPE);
	uds_stream_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/uds_stream/listen", test_listen, make_folder, remove_folder, NULL },
		{ "/drivers/uds_stream/left_behind", test_left_behind, make_folder, remove_folder,
		  NULL },
		{ "/drivers/uds_stream/race", test_race, make_folder, remove_folder, NULL },
		{ "/drivers/uds_stream/bad_place", test_bad_place, make_folder, remove_folder,
		  NULL },
		{ "/drivers/uds_stream/lines", test_lines, NULL, NULL, NULL },
		{ "/drivers/uds_stream/longest", test_longest, NULL, NULL, NULL },
		{ "/drivers/uds_stream/stuck", test_stuck, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
