/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two network namespaces joined by a veth pair, made by the test itself and without names: they
 * are gone when the process is, however it ends. Sockets stay in the namespace they were opened
 * in, so one process can be both ends.
 */
#ifndef TESTS_NET_DRIVERS_NAMESPACE_H
#define TESTS_NET_DRIVERS_NAMESPACE_H

#include <stdbool.h>

enum side {
	SIDE_A, /* interface "gna", 192.0.2.1, fe80::a, 02:00:00:00:00:0a */
	SIDE_B, /* interface "gnb", 192.0.2.2, fe80::b, 02:00:00:00:00:0b */
	SIDES
};

extern const char *const side_interface[SIDES];

/**
 * Make both, as root or in a user namespace of our own; the process is in SIDE_A's then. Where
 * that is not possible, says so as a skipped TAP program and returns false.
 */
bool namespace_start(void);

/** Let this process open sockets on that side from now on. */
void namespace_enter(enum side side);

/** Run a shell command on that side; fails the test if it fails. */
void namespace_run(enum side side, const char *command);

/** The same, for what may be impossible on this kernel: the command's exit status. */
int namespace_try(enum side side, const char *command);

/** Give up every capability, in a child process of the test. */
void namespace_drop_privileges(void);

#endif
