/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/socket.h"

static const struct {
	int baud;
	speed_t speed;
} speeds[] = {
	{ 300, B300 },	     { 600, B600 },	  { 1200, B1200 },     { 1800, B1800 },
	{ 2400, B2400 },     { 4800, B4800 },	  { 9600, B9600 },     { 19200, B19200 },
	{ 38400, B38400 },   { 57600, B57600 },	  { 115200, B115200 }, { 230400, B230400 },
	{ 460800, B460800 }, { 921600, B921600 },
};

/* The index of a speed; -1: there is none. */
static int find_speed(int baud)
{
	for (int i = 0; i < (int)(sizeof(speeds) / sizeof(speeds[0])); i++) {
		if (speeds[i].baud == baud) {
			return i;
		}
	}
	return -1;
}

int serial_baud_known(int baud)
{
	return find_speed(baud) >= 0;
}

/* Octets as they come: sentences are found by their own marks. */
static int set_up(int fd, speed_t speed)
{
	struct termios t = {
		.c_iflag = IGNPAR,
		.c_cflag = CS8 | CLOCAL | CREAD,
	};

	t.c_cc[VMIN] = 1;
	if (cfsetispeed(&t, speed) || cfsetospeed(&t, speed) || tcflush(fd, TCIFLUSH) ||
	    tcsetattr(fd, TCSANOW, &t)) {
		return -errno;
	}
	return 0;
}

int serial_open(const char *path, int baud, struct driver_error *error)
{
	const int speed = find_speed(baud);
	int fd, err = 0;

	if (speed < 0) {
		return driver_fail(error, -EINVAL, "%s: serial ports have no speed of %d baud",
				   path, baud);
	}
	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		return driver_fail(error, err, "%s: cannot open: %s", path, driver_strerror(err));
	}
	if (isatty(fd)) {
		err = set_up(fd, speeds[speed].speed);
	}
	if (err) {
		(void)close(fd);
		return driver_fail(error, err, "%s: cannot set it to %d baud: %s", path, baud,
				   driver_strerror(err));
	}
	return fd;
}

/* The first address that does not refuse at once. */
static int connect_any(const struct addrinfo *list)
{
	int err = -EHOSTUNREACH;

	for (; list; list = list->ai_next) {
		int fd = socket_open(list->ai_family, list->ai_socktype, list->ai_protocol);

		if (fd < 0) {
			err = fd;
			continue;
		}
		if (connect(fd, list->ai_addr, list->ai_addrlen) == 0 || errno == EINPROGRESS) {
			return fd;
		}
		err = -errno;
		(void)close(fd);
	}
	return err;
}

int serial_connect(const char *host, const char *port, struct driver_error *error)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int r = getaddrinfo(host, port, &hints, &list);
	int fd;

	if (r != 0) {
		return driver_fail(error, -EHOSTUNREACH, "%s port %s: %s", host, port,
				   gai_strerror(r));
	}
	fd = connect_any(list);
	freeaddrinfo(list);
	if (fd < 0) {
		(void)driver_fail(error, fd, "%s port %s: %s", host, port, driver_strerror(fd));
	}
	return fd;
}
