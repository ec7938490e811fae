/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What all sockets of the drivers share. Types are plain and flags set afterwards, because
 * simulators that stand in for the C library know no others.
 */
#ifndef DRIVERS_SOCKET_H
#define DRIVERS_SOCKET_H

/** socket(), then O_NONBLOCK and FD_CLOEXEC. Returns the descriptor or -errno. */
int socket_open(int domain, int type, int protocol);

/**
 * A socket for interface requests (SIOCGIF* and the like), which any kind will do for; which kinds
 * there are depends on the machine. Returns the descriptor or -errno.
 */
int socket_control(void);

/** O_NONBLOCK and FD_CLOEXEC on a descriptor. Returns 0 or -errno. */
int socket_set_flags(int fd);

/** setsockopt() of an int. Returns 0 or -errno. */
int socket_set(int fd, int level, int option, int value);

/** Take and clear the pending error (SO_ERROR). Returns -errno, 0 if there was none. */
int socket_error(int fd);

#endif
