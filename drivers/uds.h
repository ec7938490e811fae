/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Datagram sockets of the machine itself (AF_UNIX), for management. Both ends are bound, because
 * an answer goes where the request came from.
 */
#ifndef DRIVERS_UDS_H
#define DRIVERS_UDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "drivers/error.h"

/** Longest path of a socket, without its NUL. */
#define UDS_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/** Where a datagram comes from or goes to; as the kernel gives it, so abstract names work too. */
struct uds_address {
	struct sockaddr_un name;
	socklen_t len;
};

/** The address of a path. -EINVAL: empty; -ENAMETOOLONG. */
int uds_address_set(struct uds_address *address, const char *path, struct driver_error *error);

/** Same address, octet for octet. */
bool uds_address_equal(const struct uds_address *a, const struct uds_address *b);

/** A bound socket. */
struct uds {
	int fd;
	char path[UDS_PATH_MAX + 1]; /* made by us; empty: the socket has no file */
	dev_t device;                /* of the file, so that nobody else's is removed */
	ino_t inode;
};

/**
 * Open a socket bound to path. A socket file whose owner is gone is replaced; a living one is
 * -EADDRINUSE, a file that is no socket -EEXIST. path NULL: the kernel picks an abstract name of
 * this network namespace, which needs no folder and leaves nothing behind. On failure nothing is
 * changed and *error says why.
 */
int uds_open(struct uds *uds, const char *path, struct driver_error *error);

/**
 * Bind uds->fd, a socket of that type, to a path that is free or was left behind, and remember
 * which file that made. For uds_open, and for sockets of other types.
 */
int uds_bind(struct uds *uds, int type, const char *path, struct driver_error *error);

/** Close, and remove the file if it is still ours. A zeroed or closed one is left alone. */
void uds_close(struct uds *uds);

/** Send one datagram; returns 0 or -errno (-ECONNREFUSED, -ENOENT: nobody is there; -EAGAIN). */
int uds_send(const struct uds *uds, const void *data, size_t len, const struct uds_address *to);

/** Receive one datagram, cut to size. Returns its length, or -errno (-EAGAIN: none). from may be
 * NULL. */
int uds_receive(const struct uds *uds, void *data, size_t size, struct uds_address *from);

#endif
