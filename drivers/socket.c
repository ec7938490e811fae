/* SPDX-License-Identifier: BSD-2-Clause */
/* Simulators stand in for fcntl(), which large file support would turn into fcntl64(). */
#undef _FILE_OFFSET_BITS

#include "drivers/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int socket_set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		return -errno;
	}
	return 0;
}

int socket_open(int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);
	int err;

	if (fd < 0) {
		return -errno;
	}
	err = socket_set_flags(fd);
	if (err) {
		(void)close(fd);
		return err;
	}
	return fd;
}

int socket_control(void)
{
	int fd = socket_open(AF_INET, SOCK_DGRAM, 0);

	return fd >= 0 ? fd : socket_open(AF_INET6, SOCK_DGRAM, 0);
}

int socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

int socket_error(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len)) {
		return -errno;
	}
	return -value;
}
