/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Stream sockets of the machine itself (AF_UNIX) that carry lines: the end that listens, the end
 * that connects, and a connection with bounded buffers that never waits for the other side.
 */
#ifndef DRIVERS_UDS_STREAM_H
#define DRIVERS_UDS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "drivers/error.h"
#include "drivers/uds.h"

/** The group of a socket's file: the process's own. */
#define UDS_GROUP_OWN ((gid_t)-1)

/**
 * Listen at path. The file has mode and group before anybody can connect. One whose owner is gone
 * is replaced; a living one is -EADDRINUSE, a file that is no socket -EEXIST. On failure nothing
 * is changed and *error says why. uds_close() ends it.
 */
int uds_listen(struct uds *uds, const char *path, mode_t mode, gid_t group,
	       struct driver_error *error);

/** The next who connected: a descriptor that does not block, or -errno (-EAGAIN: nobody). */
int uds_accept(const struct uds *uds);

/** Connect without waiting. Returns the descriptor or -errno (-EAGAIN: the other end is busy). */
int uds_connect(const char *path);

/** Who is at the other end, as the kernel knows. */
struct uds_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/** Returns 0 or -errno. */
int uds_peer_of(int fd, struct uds_peer *peer);

/** Whether the other end had that group, first or supplementary, when it connected. */
bool uds_peer_has_group(int fd, gid_t group);

/** Octets on their way, at most max of them. Memory is taken as needed and given back. */
struct uds_buffer {
	char *data;
	size_t start; /* of what is still to go */
	size_t end;
	size_t cap;
	size_t max;
};

struct uds_stream {
	int fd; /* -1: closed */
	struct uds_buffer in;
	struct uds_buffer out;
};

/** Take a connected descriptor. Lines received have at most in_max octets. */
void uds_stream_init(struct uds_stream *s, int fd, size_t in_max, size_t out_max);

/** Close and forget. One that is closed already is left alone. */
void uds_stream_close(struct uds_stream *s);

/**
 * Receive once, as much as there is room for. Returns the number of octets, 0 at the end of the
 * stream, -EAGAIN (nothing there), -ENOBUFS (no room: a line is too long) or -errno.
 */
ssize_t uds_stream_fill(struct uds_stream *s);

/**
 * The next line, its newline made NUL, and its length; NULL if none is complete. It is valid until
 * the next call.
 */
char *uds_stream_line(struct uds_stream *s, size_t *len);

/** Whether a whole line waits to be taken. */
bool uds_stream_has_line(const struct uds_stream *s);

/**
 * Throw away what came, some of what is on its way included: closing with octets unread would take
 * from the other end what was sent to it.
 */
void uds_stream_discard(struct uds_stream *s);

/** Queue octets to be sent. -ENOBUFS: there would be more than out_max; -ENOMEM. */
int uds_stream_put(struct uds_stream *s, const char *data, size_t len);

/** Octets queued. */
size_t uds_stream_queued(const struct uds_stream *s);

/** Send what can be sent. Returns 0 (nothing is left), -EAGAIN (some is) or -errno. */
int uds_stream_flush(struct uds_stream *s);

#endif
