/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Privileges, for errors that say which one is missing.
 */
#ifndef DRIVERS_PRIVILEGE_H
#define DRIVERS_PRIVILEGE_H

#include <stdbool.h>

#include "drivers/error.h"

/** Capabilities the drivers can need, with the kernel's numbers (CAP_*). */
enum privilege {
	PRIVILEGE_NET_BIND_SERVICE = 10, /* UDP ports below 1024 */
	PRIVILEGE_NET_ADMIN = 12,        /* hardware time stamping, SO_PRIORITY above 6 */
	PRIVILEGE_NET_RAW = 13,          /* IEEE 802.3 */
	PRIVILEGE_SYS_TIME = 25,         /* setting CLOCK_REALTIME */
};

/** "CAP_NET_RAW". */
const char *privilege_name(enum privilege privilege);

/** Whether this process has it in effect; true where that cannot be found out. */
bool privilege_has(enum privilege privilege);

/**
 * Return code, with "<where>: <what> needs CAP_X ..." in *error if code is -EPERM or -EACCES, else
 * "<where>: cannot <what>: <strerror>".
 */
int privilege_fail(struct driver_error *error, int code, enum privilege privilege,
		   const char *where, const char *what);

#endif
