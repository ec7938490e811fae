/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An input of the target vmclock: a value of the counter, then what a guest's shared memory may
 * hold, then exchanges of the ping-pong. What an input is too short for is zero.
 */
#ifndef TESTS_FUZZ_VMCLOCK_H
#define TESTS_FUZZ_VMCLOCK_H

#include <stdint.h>

#include <gnomon/vmclock.h>

enum input_offset {
	INPUT_COUNTER = 0,
	INPUT_PAGE = 8,
	INPUT_QUALITY = INPUT_PAGE + GNOMON_VMCLOCK_SIZE,
	INPUT_MAILBOX = INPUT_QUALITY + GNOMON_QUALITY_SIZE,
	INPUT_PINGS = INPUT_MAILBOX + GNOMON_MAILBOX_SIZE,
};

/* Host ticks since the exchange before, host ticks it took, what the guest says: 4, 4, 8 octets. */
#define INPUT_PING_SIZE 16

#endif
