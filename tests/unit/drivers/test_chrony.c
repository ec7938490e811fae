/* SPDX-License-Identifier: BSD-2-Clause */
/* chronyd's answers: read as it means them, refused as what they are, asked for without waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/chrony.h"

#define SEQUENCE 0xdeadbeefu

/* An answer as chronyd 4.3 gives it, synchronised to 192.0.2.1. */
static const uint8_t answer[CHRONY_MESSAGE] = {
	6, 2, 0, 0, 0, 33, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, /* header: tracking, success */
	0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 0, 0,	 /* sequence */
	192, 0, 2, 1,					 /* reference */
	192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, /* address, IPv4 */
	0, 3, 0, 0,					 /* stratum, no leap second */
	0, 0, 0, 0, 0x65, 0, 0, 0, 0, 0, 0, 0,		 /* time of the last update */
	0xee, 0x80, 0, 0, /* correction 2^-11: exponent -9, coefficient 2^23 */
	0, 0, 0, 0, 0, 0, 0, 0,
	0x07, 0x40, 0, 0, /* frequency -3 ppm: exponent 3, coefficient -3/4 * 2^24 */
	0, 0, 0, 0, 0, 0, 0, 0,
	0xfa, 0x80, 0, 0, /* root delay 2^-5 */
	0xf4, 0x80, 0, 0, /* root dispersion 2^-8 */
	0x0e, 0x80, 0, 0,
};

/* Four octets of their floating point, written another way: c * 2^(e - 25). */
static void put_float(uint8_t *at, int exponent, int32_t coefficient)
{
	uint32_t bits = ((uint32_t)exponent & 127) << 25 | ((uint32_t)coefficient & 0x1ffffff);

	for (int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(bits >> (24 - 8 * i));
	}
}

static int decode(const uint8_t *data, struct chrony_report *report)
{
	return chrony_decode(data, CHRONY_MESSAGE, SEQUENCE, report);
}

static void tracking(void **state)
{
	uint8_t data[CHRONY_MESSAGE];
	struct chrony_report r;

	memcpy(data, answer, sizeof(data));
	put_float(data + 68, -9, 1 << 23);
	put_float(data + 80, 3, -3 * (1 << 22));
	put_float(data + 92, -3, 1 << 23);
	put_float(data + 96, -6, 1 << 23);
	assert_int_equal(decode(data, &r), 0);
	assert_true(r.synchronised);
	assert_false(r.local);
	/* What chronyd would add to the clock is what the clock is behind. */
	assert_true(r.offset_s == -ldexp(1, -11));
	assert_true(r.frequency_ppm == -3.0);
	assert_true(r.bound_s == ldexp(1, -5) / 2 + ldexp(1, -8));
	assert_int_equal(r.leap, 0);
	assert_int_equal(r.stratum, 3);
	assert_false(r.refclock);
	data[49] = 0; /* no address: a reference clock */
	assert_int_equal(decode(data, &r), 0);
	assert_true(r.synchronised && r.refclock);
	assert_int_equal(r.reference_id, 0xc0000201);
	/* The octets of the answer above, by hand. */
	assert_int_equal(decode(answer, &r), 0);
	assert_true(r.offset_s == -ldexp(1, -11));
	assert_true(r.bound_s == ldexp(1, -5) / 2 + ldexp(1, -8));
}

static void request(void **state)
{
	uint8_t message[CHRONY_MESSAGE];
	uint8_t want[CHRONY_MESSAGE] = { 6, 1, 0, 0, 0, 33, 0, 0, 0xde, 0xad, 0xbe, 0xef };

	memset(message, 0xff, sizeof(message));
	chrony_encode(message, SEQUENCE);
	assert_memory_equal(message, want, sizeof(want));
}

static void standing(void **state)
{
	static const struct {
		uint8_t leap;
		uint32_t reference;
		bool synchronised;
		bool local;
		int want;
	} cases[] = {
		{ 0, 0x47505300, true, false, 0 },  { 1, 0x47505300, true, false, 61 },
		{ 2, 0x47505300, true, false, 59 }, { 3, 0, false, false, 0 },
		{ 0, 0x7f7f0101, false, true, 0 },  { 3, 0x7f7f0101, false, false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t data[CHRONY_MESSAGE];
		struct chrony_report r;
		uint32_t id = htonl(cases[i].reference);

		memcpy(data, answer, sizeof(data));
		data[55] = cases[i].leap;
		memcpy(data + 28, &id, 4);
		assert_int_equal(decode(data, &r), 0);
		assert_int_equal(r.synchronised, cases[i].synchronised);
		assert_int_equal(r.local, cases[i].local);
		assert_int_equal(r.leap, cases[i].want);
	}
}

/* One octet changed, or the length: what becomes of it. */
static void refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		size_t len;
		int want;
	} cases[] = {
		{ 0, 6, 104, 0 },
		{ 0, 6, 500, 0 },		   /* a later version may say more */
		{ 0, 6, 0, -EAGAIN },
		{ 0, 6, 27, -EAGAIN },
		{ 0, 6, 28, -EBADMSG },
		{ 0, 6, 103, -EBADMSG },
		{ 0, 5, 104, -EPROTONOSUPPORT },
		{ 9, 18, 28, -EPROTONOSUPPORT },
		{ 1, 1, 104, -EAGAIN },		   /* our own request */
		{ 5, 34, 104, -EAGAIN },	   /* of another command */
		{ 4, 1, 104, -EAGAIN },
		{ 16, 0xdf, 104, -EAGAIN },
		{ 19, 0xee, 104, -EAGAIN },
		{ 7, 1, 104, -EBADMSG },
		{ 6, 1, 104, -EBADMSG },
		{ 9, 2, 28, -EACCES },
		{ 9, 3, 28, -EBADMSG },
		{ 8, 1, 104, -EBADMSG },
		{ 55, 4, 104, -EBADMSG },
		{ 54, 1, 104, -EBADMSG },
		{ 53, 17, 104, -EBADMSG },
		{ 52, 1, 104, -EBADMSG },
		{ 97, 0xff, 104, -EBADMSG },	   /* a negative dispersion */
		{ 96, 0x7e, 104, -EBADMSG },	   /* 2^61 s of it */
		{ 92, 0x7e, 104, -EBADMSG },
		{ 68, 0x7e, 104, -EBADMSG },
		{ 69, 0xff, 104, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t data[500] = { 0 };
		struct chrony_report r = { .leap = 7 };

		memcpy(data, answer, sizeof(answer));
		data[cases[i].at] = cases[i].value;
		if (cases[i].at == 97) { /* the sign is in the octet before as well */
			data[96] |= 1;
		}
		assert_int_equal(chrony_decode(data, cases[i].len, SEQUENCE, &r), cases[i].want);
		assert_true((r.leap == 7) == (cases[i].want != 0));
	}
}

/* -- sockets ---------------------------------------------------------------------------------- */

static char folder[] = "/tmp/gnomon-chrony-XXXXXX";
static char path[64];

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/gnomon-chrony-XXXXXX");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/chronyd.sock", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)unlink(path);
	return rmdir(folder); /* nothing of ours is left */
}

/* A chronyd's socket. */
static int serve(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(name.sun_path, path, strlen(path) + 1);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 2000) == 1;
}

/* Take a request and answer it, with that difference of the sequence. */
static void reply(int fd, uint32_t difference)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t got[512];
	uint8_t data[CHRONY_MESSAGE];
	uint32_t sequence;

	assert_true(readable(fd));
	assert_int_equal(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&from, &len),
			 CHRONY_MESSAGE);
	memcpy(data, answer, sizeof(data));
	memcpy(&sequence, got + 8, 4);
	sequence = htonl(ntohl(sequence) + difference);
	memcpy(data + 16, &sequence, 4);
	assert_int_equal(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&from, len),
			 sizeof(data));
}

static void unix_socket(void **state)
{
	struct driver_error error = { "" };
	struct chrony_report r;
	struct chrony c;
	struct stat st;
	int server;

	assert_int_equal(chrony_open(&c, path, &error), 0);
	assert_int_equal(chrony_ask(&c), -ENOENT); /* not there yet */
	assert_int_equal(chrony_receive(&c, &r), -EAGAIN);
	server = serve();
	assert_int_equal(chrony_ask(&c), 0);
	assert_int_equal(chrony_receive(&c, &r), -EAGAIN);
	reply(server, 0);
	assert_true(readable(c.fd));
	assert_int_equal(chrony_receive(&c, &r), 0);
	assert_int_equal(r.stratum, 3);
	assert_int_equal(chrony_receive(&c, &r), -EAGAIN);
	/* An answer to the request before, and one to none. */
	assert_int_equal(chrony_ask(&c), 0);
	reply(server, 1);
	assert_true(readable(c.fd));
	assert_int_equal(chrony_receive(&c, &r), -EAGAIN);
	/* chronyd may be another user. */
	assert_int_equal(stat(c.uds.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0777);
	/* Its folder was cleared by a restart, our socket with it. */
	close(server);
	assert_int_equal(unlink(path), 0);
	server = serve();
	assert_int_equal(unlink(c.uds.path), 0);
	assert_int_equal(chrony_ask(&c), 0);
	reply(server, 0);
	assert_true(readable(c.fd));
	assert_int_equal(chrony_receive(&c, &r), 0);
	close(server);
	assert_int_equal(chrony_ask(&c), -ECONNREFUSED);
	chrony_close(&c);
	chrony_close(&c);
}

/* An answer is taken once, however often it comes, and many strangers do not hold the caller. */
static void repeated_answers(void **state)
{
	struct driver_error error;
	struct chrony_report r;
	struct chrony c;
	int server = serve();
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	uint8_t data[CHRONY_MESSAGE];
	int sent = 0;

	assert_int_equal(chrony_open(&c, path, &error), 0);
	assert_int_equal(chrony_ask(&c), 0);
	memcpy(to.sun_path, c.uds.path, strlen(c.uds.path) + 1);
	memcpy(data, answer, sizeof(data));
	while (sent < 100 && sendto(server, data, sizeof(data), MSG_DONTWAIT,
				    (struct sockaddr *)&to, sizeof(to)) > 0) {
		sent++;
	}
	assert_true(sent > 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(chrony_receive(&c, &r), -EAGAIN);
	}
	reply(server, 0);
	assert_true(readable(c.fd));
	assert_int_equal(chrony_receive(&c, &r), 0);
	for (int i = 16; i < 20; i++) {
		data[i] = (uint8_t)(c.sequence >> (24 - 8 * (i - 16)));
	}
	assert_true(sendto(server, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)) > 0);
	assert_int_equal(chrony_receive(&c, &r), -EAGAIN);
	chrony_close(&c);
	close(server);
}

static void udp(void **state)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(name);
	int server = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(server, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&name, &len), 0);
	for (size_t i = 0; i < 2; i++) {
		struct driver_error error = { "" };
		struct chrony_report r;
		struct chrony c;
		char device[64];

		snprintf(device, sizeof(device), i ? "[127.0.0.1]:%d" : "127.0.0.1:%d",
			 ntohs(name.sin_port));
		assert_int_equal(chrony_open(&c, device, &error), 0);
		assert_int_equal(chrony_ask(&c), 0);
		reply(server, 0);
		assert_true(readable(c.fd));
		assert_int_equal(chrony_receive(&c, &r), 0);
		assert_true(r.synchronised);
		if (i) { /* nobody is there any more: told at the next look */
			close(server);
			(void)chrony_ask(&c);
			assert_true(readable(c.fd));
			assert_int_equal(chrony_receive(&c, &r), -ECONNREFUSED);
		}
		chrony_close(&c);
	}
}

static void devices(void **state)
{
	static const char *const wrong[] = { "", ":323", "[::1", "[::1]x", "127.0.0.1:", "[]:3",
					     "127.0.0.1:99999999999999999" };
	struct driver_error error = { "" };
	struct chrony c = { .fd = -1 };
	char lengthy[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(chrony_open(&c, wrong[i], &error), -EINVAL);
		assert_non_null(strstr(error.text, "no host of a chronyd"));
	}
	assert_int_equal(chrony_open(&c, "127.0.0.1:http", &error), -ENXIO);
	assert_int_equal(chrony_open(&c, "/nonexistent/folder/chronyd.sock", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/folder/gnomon."));
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[0] = '/';
	lengthy[sizeof(lengthy) - 1] = '\0';
	assert_int_equal(chrony_open(&c, lengthy, &error), -ENAMETOOLONG);
	assert_int_equal(c.fd, -1);
	/* Wherever this runs, there is a way to ask. */
	assert_int_equal(chrony_open(&c, "auto", &error), 0);
	chrony_close(&c);
}

#define ROW(name) { "/drivers/chrony/" #name, name, NULL, NULL, NULL }
#define FILES(name) { "/drivers/chrony/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(tracking),	    ROW(request),	     ROW(standing), ROW(refused),
		FILES(unix_socket), FILES(repeated_answers), ROW(udp),	    ROW(devices),
	};

	return cmocka_run_group_tests_name("/drivers/chrony", tests, NULL, NULL);
}
