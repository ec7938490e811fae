/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * CLOCK_REALTIME and the CPU counter of one instant, by way of KVM: the kernel computes both from
 * one reading of the counter when it is asked for the clock of a virtual machine (KVM_GET_CLOCK,
 * since Linux 5.16, x86). The machine asked is one of our own that never runs.
 */
#ifndef DRIVERS_KVM_CLOCK_H
#define DRIVERS_KVM_CLOCK_H

#include <gnomon/time.h>

#include "drivers/error.h"

/** Open files of KVM. */
struct kvm_clock {
	int machine;
	int vcpu; /* without one the kernel gives neither */
};

/**
 * Make the machine. device NULL: /dev/kvm, which is asked for here only. Returns 0; -ENOENT or
 * -EACCES (the device), -EOPNOTSUPP (this KVM, or one whose host's clocksource is not the TSC, has
 * no such pairs) or -errno; each in words in *error.
 */
int kvm_clock_open(struct kvm_clock *clock, const char *device, struct driver_error *error);

/** Read both. Returns 0, -EOPNOTSUPP (not now: the clocksource is not the TSC) or -errno. */
int kvm_clock_read(const struct kvm_clock *clock, uint64_t *counter, gnomon_time *realtime);

void kvm_clock_close(struct kvm_clock *clock);

#endif
