/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/sd_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/socket.h"

int sd_notify_send(const char *socket, const char *state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t len;
	int err = 1;
	int fd;

	if (!socket || !*socket) {
		return 0;
	}
	len = strlen(socket);
	if ((socket[0] != '/' && socket[0] != '@') || len < 2 || len >= sizeof(name.sun_path)) {
		return -EINVAL;
	}
	memcpy(name.sun_path, socket, len);
	if (socket[0] == '@') {
		name.sun_path[0] = '\0';
	}
	fd = socket_open(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0) {
		return fd;
	}
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&name,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		err = -errno;
	}
	(void)close(fd);
	return err;
}

int sd_notify_env(const char *state)
{
	return sd_notify_send(getenv("NOTIFY_SOCKET"), state);
}
