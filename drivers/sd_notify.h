/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The service manager's notification protocol: one datagram to $NOTIFY_SOCKET.
 */
#ifndef DRIVERS_SD_NOTIFY_H
#define DRIVERS_SD_NOTIFY_H

/**
 * Send a state such as "READY=1\nSTATUS=locked" to the socket (a path, or "@name" for an abstract
 * one). socket NULL or empty: nobody listens, returns 0. Returns 1 when sent, -EINVAL for a
 * socket name that is neither, -errno.
 */
int sd_notify_send(const char *socket, const char *state);

/** sd_notify_send to getenv("NOTIFY_SOCKET"). */
int sd_notify_env(const char *state);

#endif
