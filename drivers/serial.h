/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A stream of octets from a device outside: a serial port, or a TCP server that passes one on.
 */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

#include "drivers/error.h"

/** True if serial ports have that speed. */
int serial_baud_known(int baud);

/**
 * Open a serial port for reading, 8N1, without modem control, non-blocking. What is not a terminal
 * (a pipe, a recorded file) is read as it is. Returns the descriptor; -EINVAL (no such speed),
 * -ENOENT, -EACCES or -errno, in words in *error.
 */
int serial_open(const char *path, int baud, struct driver_error *error);

/**
 * Connect to a TCP server, non-blocking: the connection may still be under way. Returns the
 * descriptor; -EHOSTUNREACH (no address for that name) or -errno, in words in *error.
 */
int serial_connect(const char *host, const char *port, struct driver_error *error);

#endif
