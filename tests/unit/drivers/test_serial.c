/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/serial.h on a pseudo terminal, a pipe with a name, and the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/serial.h"

static const char sentence[] = "$GPRMC,x*00\r\n";

/* All of the sentence arrives, as it is. */
static void assert_reads(int fd)
{
	char got[64] = "";
	size_t len = 0;

	while (len < strlen(sentence)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&p, 1, 5000), 1);
		n = read(fd, got + len, sizeof(got) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(got, sentence);
	/* There is no more, and nobody waits for it. */
	assert_true(read(fd, got, 1) < 0 && errno == EAGAIN);
}

static void terminal(void **state)
{
	struct driver_error error = { "" };
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct termios t;
	const char *path;
	int fd;

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	path = ptsname(master);
	assert_non_null(path);
	fd = serial_open(path, 115200, &error);
	if (fd < 0) {
		fail_msg("%s", error.text);
	}
	assert_int_equal(tcgetattr(fd, &t), 0);
	assert_int_equal(cfgetispeed(&t), B115200);
	assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG), 0);
	assert_int_equal(t.c_iflag & (ICRNL | IXON | INLCR), 0);
	assert_int_equal(t.c_cflag & CSIZE, CS8);
	assert_int_equal(write(master, sentence, strlen(sentence)), strlen(sentence));
	assert_reads(fd);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(master), 0);
}

static void named_pipe(void **state)
{
	char folder[] = "/tmp/gnomon-serial-XXXXXX";
	char path[64];
	int fd, writer;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/p", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = serial_open(path, 9600, NULL);
	assert_true(fd >= 0);
	writer = open(path, O_WRONLY);
	assert_true(writer >= 0);
	assert_int_equal(write(writer, sentence, strlen(sentence)), strlen(sentence));
	assert_reads(fd);
	(void)close(fd);
	(void)close(writer);
	(void)unlink(path);
	(void)rmdir(folder);
}

static void refuses(void **state)
{
	struct driver_error error = { "" };

	(void)state;
	assert_int_equal(serial_open("/dev/null", 9601, &error), -EINVAL);
	assert_non_null(strstr(error.text, "9601"));
	assert_int_equal(serial_open("/nonexistent/tty", 9600, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/tty"));
	assert_true(serial_baud_known(4800));
	assert_false(serial_baud_known(0));
	assert_true(serial_connect("127.0.0.1", "no-such-service", &error) < 0);
	assert_non_null(strstr(error.text, "no-such-service"));
}

static void tcp(void **state)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char port[8];
	int fd, peer;

	(void)state;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	(void)snprintf(port, sizeof(port), "%u", ntohs(name.sin_port));
	fd = serial_connect("127.0.0.1", port, NULL);
	assert_true(fd >= 0);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(write(peer, sentence, strlen(sentence)), strlen(sentence));
	assert_reads(fd);
	(void)close(fd);
	(void)close(peer);
	(void)close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/serial/terminal", terminal, NULL, NULL, NULL },
		{ "/drivers/serial/named_pipe", named_pipe, NULL, NULL, NULL },
		{ "/drivers/serial/refuses", refuses, NULL, NULL, NULL },
		{ "/drivers/serial/tcp", tcp, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
