/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/sink_clockbound.h against a reader that knows only ClockBound's published protocol:
 * octets at offsets, the checks its clients make, and what they make of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/sink_clockbound.h"

static char folder[] = "/tmp/gnomon-clockbound-XXXXXX";
static char path[sizeof(folder) + 16];

/* -- a client --------------------------------------------------------------------------------- */

struct client {
	const uint8_t *map;
	size_t size;
};

static uint16_t u16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint32_t u32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static int64_t i64(const uint8_t *at)
{
	int64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Opens as a client does: the header is read, believed or not, and so much is mapped as it says.
 * Returns 0; -EAGAIN: nothing is in it yet; -EPROTO. */
static int client_open(struct client *c)
{
	uint8_t header[16];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at;

	assert_true(fd >= 0);
	if (read(fd, header, sizeof(header)) != sizeof(header) || u32(header) != 0x414D5A4E ||
	    u32(header + 4) != 0x43420200 || u16(header + 12) == 0 || u16(header + 14) == 0) {
		close(fd);
		return -EAGAIN;
	}
	if (u16(header + 12) != 2 || u32(header + 8) < 80) {
		close(fd);
		return -EPROTO;
	}
	c->size = u32(header + 8);
	at = mmap(NULL, c->size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_true(at != MAP_FAILED);
	c->map = at;
	return 0;
}

static void client_close(struct client *c)
{
	munmap((void *)(uintptr_t)c->map, c->size);
}

/* A consistent copy. */
static void client_read(const struct client *c, uint8_t body[80])
{
	const void *at = c->map + 14;
	const volatile uint16_t *generation = at;
	uint16_t before;

	do {
		before = *generation;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		memcpy(body, c->map, 80);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (before & 1 || before != *generation);
}

/* -- the tests -------------------------------------------------------------------------------- */

static const struct sink_clockbound_state good = {
	.status = SINK_CLOCKBOUND_SYNCHRONIZED,
	.bound_ns = 1234,
	.drift_ppb = 150,
	.life_s = 1000,
	.marker = 0x1122334455667788,
	.has_marker = true,
};

static struct sink_clockbound *open_sink(void)
{
	struct driver_error error = { "" };
	struct sink_clockbound *sink = NULL;

	assert_int_equal(sink_clockbound_open(&sink, path, &error), 0);
	assert_string_equal(error.text, "");
	return sink;
}

static void fields(void **state)
{
	struct sink_clockbound *sink = open_sink();
	const struct timespec begun = { 77, 88 };
	struct client c;
	uint8_t body[80];
	struct stat st;

	(void)state;
	assert_int_equal(client_open(&c), -EAGAIN);
	sink_clockbound_write(sink, begun, &good);
	assert_int_equal(client_open(&c), 0);
	assert_int_equal(c.size, 80);
	client_read(&c, body);
	assert_int_equal(u16(body + 14), 2);
	assert_int_equal(i64(body + 16), 77);
	assert_int_equal(i64(body + 24), 88);
	assert_int_equal(i64(body + 32), 1077);
	assert_int_equal(i64(body + 40), 88);
	assert_int_equal(i64(body + 48), 1234);
	assert_true((uint64_t)i64(body + 56) == good.marker);
	assert_int_equal(u32(body + 64), 150);
	assert_int_equal(u32(body + 68), 1);
	assert_int_equal(body[72], 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	client_close(&c);
	sink_clockbound_close(sink);
	unlink(path);
}

static void word_status(struct sink_clockbound *sink, struct sink_clockbound_state say,
			unsigned int status)
{
	struct client c;
	uint8_t body[80];

	sink_clockbound_write(sink, sink_clockbound_begin(), &say);
	assert_int_equal(client_open(&c), 0);
	client_read(&c, body);
	assert_int_equal(u32(body + 68), status);
	assert_true(i64(body + 48) >= 0 && i64(body + 48) <= INT64_MAX / 4);
	assert_true(u32(body + 64) < 1000000000);
	client_close(&c);
}

/* What nobody knows is never called synchronised; nothing a client would choke on is written. */
static void limits(void **state)
{
	struct sink_clockbound *sink = open_sink();
	struct sink_clockbound_state say = good;

	(void)state;
	say.bound_ns = INT64_MAX;
	say.drift_ppb = UINT32_MAX;
	word_status(sink, say, 0);
	say.status = SINK_CLOCKBOUND_FREE_RUNNING;
	word_status(sink, say, 0);
	say.status = SINK_CLOCKBOUND_DISRUPTED;
	word_status(sink, say, 3);
	say.bound_ns = -5;
	say.status = SINK_CLOCKBOUND_FREE_RUNNING;
	word_status(sink, say, 2);
	sink_clockbound_close(sink);
	unlink(path);
}

/* A client of the former writer goes on with the next one, even if that died in the middle. */
static void restart(void **state)
{
	struct sink_clockbound *sink = open_sink();
	struct sink_clockbound *second = NULL;
	struct driver_error error = { "" };
	struct sink_clockbound_state say = good;
	struct client c;
	uint8_t body[80];
	int fd;

	(void)state;
	sink_clockbound_write(sink, sink_clockbound_begin(), &good);
	assert_int_equal(client_open(&c), 0);
	assert_int_equal(sink_clockbound_open(&second, path, &error), -EBUSY);
	assert_non_null(strstr(error.text, "another program writes it"));
	assert_null(second);
	sink_clockbound_close(sink);

	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, &(uint16_t){ 7 }, 2, 14), 2);
	close(fd);
	sink = open_sink();
	assert_int_equal(u16(c.map + 14), 7);
	say.bound_ns = 99;
	sink_clockbound_write(sink, sink_clockbound_begin(), &say);
	client_read(&c, body);
	assert_int_equal(u16(body + 14), 8);
	assert_int_equal(i64(body + 48), 99);
	client_close(&c);
	sink_clockbound_close(sink);
	unlink(path);
}

/* The generation is never 0 again. */
static void rolls_over(void **state)
{
	struct sink_clockbound *sink = open_sink();
	struct client c;
	bool rolled = false;
	uint16_t last = 0;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		sink_clockbound_write(sink, (struct timespec){ i, 0 }, &good);
		if (i == 0) {
			assert_int_equal(client_open(&c), 0);
		}
		assert_int_equal(u16(c.map + 14) & 1, 0);
		assert_int_not_equal(u16(c.map + 14), 0);
		rolled |= u16(c.map + 14) < last;
		last = u16(c.map + 14);
	}
	assert_true(rolled);
	client_close(&c);
	sink_clockbound_close(sink);
	unlink(path);
}

/* What is no segment of version 2 becomes one; what is no file is refused. */
static void strange_files(void **state)
{
	struct driver_error error = { "" };
	struct sink_clockbound *sink = NULL;
	struct client c;
	FILE *f = fopen(path, "w");

	(void)state;
	fputs("somebody needs this", f);
	fclose(f);
	assert_int_equal(sink_clockbound_open(&sink, path, &error), -EEXIST);
	assert_non_null(strstr(error.text, "has something else in it; name another file"));
	assert_null(sink);
	f = fopen(path, "r+");
	assert_int_equal(fgetc(f), 's'); /* as it was */
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	assert_int_equal(ftell(f), 19);
	/* A head of ClockBound's, and nonsense after it. */
	rewind(f);
	assert_int_equal(fwrite((const uint8_t[]){ 0x4e, 0x5a, 0x4d, 0x41 }, 4, 1, f), 1);
	for (int i = 0; i < 200; i++) {
		fputc('x', f);
	}
	fclose(f);
	sink = open_sink();
	assert_int_equal(client_open(&c), -EAGAIN);
	sink_clockbound_write(sink, sink_clockbound_begin(), &good);
	assert_int_equal(client_open(&c), 0);
	assert_int_equal(u16(c.map + 14), 2);
	client_close(&c);
	sink_clockbound_close(sink);
	unlink(path);

	sink = NULL;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(sink_clockbound_open(&sink, path, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not a plain file"));
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_true(sink_clockbound_open(&sink, path, &error) < 0);
	assert_null(sink);
	unlink(path);
}

/* Refused for that reason, with its mode as it was. */
static void refused(int code, const char *why)
{
	struct driver_error error = { "" };
	struct sink_clockbound *sink = NULL;
	struct stat st;

	assert_int_equal(sink_clockbound_open(&sink, path, &error), code);
	assert_non_null(strstr(error.text, why));
	assert_null(sink);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Somebody may have put it there before us: his own, or another name of what is not his. */
static void strange_owners(void **state)
{
	char other[sizeof(path) + 8];
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	(void)snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(link(path, other), 0);
	refused(-EMLINK, "has 2 names; remove the others");
	unlink(other);
	if (geteuid() == 0) { /* others cannot give files away */
		assert_int_equal(chown(path, 65534, 65534), 0);
		refused(-EPERM, "belongs to user 65534");
	}
	unlink(path);
}

/* A reader hammers while it is written: both halves of what it sees are of one writing. */
static void torn(void **state)
{
	struct sink_clockbound *sink = open_sink();
	struct sink_clockbound_state say = good;
	struct client c;
	int status;
	pid_t pid;

	(void)state;
	sink_clockbound_write(sink, (struct timespec){ 1234, 0 }, &good);
	assert_int_equal(client_open(&c), 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 200000; i++) {
			say.bound_ns = i;
			sink_clockbound_write(sink, (struct timespec){ i, 0 }, &say);
		}
		_exit(0);
	}
	for (int i = 0; i < 100000; i++) {
		uint8_t body[80];

		client_read(&c, body);
		assert_int_equal(i64(body + 16), i64(body + 48));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	client_close(&c);
	sink_clockbound_close(sink);
	unlink(path);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder)) {
		return -1;
	}
	/* One folder is made, as /run/clockbound is. */
	(void)snprintf(path, sizeof(path), "%s/new/shm0", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	*strrchr(path, '/') = '\0';
	return rmdir(path) | rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/sink_clockbound/fields", fields, NULL, NULL, NULL },
		{ "/drivers/sink_clockbound/limits", limits, NULL, NULL, NULL },
		{ "/drivers/sink_clockbound/restart", restart, NULL, NULL, NULL },
		{ "/drivers/sink_clockbound/rolls_over", rolls_over, NULL, NULL, NULL },
		{ "/drivers/sink_clockbound/strange_files", strange_files, NULL, NULL, NULL },
		{ "/drivers/sink_clockbound/strange_owners", strange_owners, NULL, NULL, NULL },
		{ "/drivers/sink_clockbound/torn", torn, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("sink_clockbound", tests, make_folder, remove_folder);
}
