/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * How guests of KVM see the counter, as the kernel tells in debugfs (x86): every vCPU's offset, and
 * its scaling where the CPU can scale.
 *
 *     guest counter = (host counter * ratio >> frac_bits) + offset    modulo 2^64
 *
 * The files show the offset of a nested guest while one runs, and vCPUs may differ for a moment
 * when they are set one after the other. So all are read, more than once, and have to agree.
 */
#ifndef DRIVERS_KVM_DEBUGFS_H
#define DRIVERS_KVM_DEBUGFS_H

#include <stddef.h>

#include <gnomon/vmclock.h>

#include "drivers/error.h"

#define KVM_DEBUGFS "/sys/kernel/debug/kvm"

/** The folder with all machines, held open: it can be read after privileges were dropped. */
struct kvm_debugfs {
	int fd;
	char path[128];
};

/**
 * Open it; path NULL: KVM_DEBUGFS. Returns 0; -ENOENT (debugfs is not mounted, or KVM not there),
 * -EACCES or -errno; each with what to do in *error.
 */
int kvm_debugfs_open(struct kvm_debugfs *debugfs, const char *path, struct driver_error *error);
void kvm_debugfs_close(struct kvm_debugfs *debugfs);

/** A machine: its process and the number its descriptor has there. */
struct kvm_machine {
	int pid;
	int fd;
};

/**
 * The machines of a process (pid 0: of all), at most max of them. Returns how many there are, which
 * may be more than max, or -errno.
 */
int kvm_debugfs_list(const struct kvm_debugfs *debugfs, int pid, struct kvm_machine *machines,
		     size_t max);

/**
 * The machine of a process that has one. One without vCPUs does not count (programs try out what
 * KVM can). Returns 0, -ENOENT (none), -ENOTUNIQ (several) or -errno, in words in *error.
 */
int kvm_debugfs_find(const struct kvm_debugfs *debugfs, int pid, struct kvm_machine *machine,
		     struct driver_error *error);

/**
 * Read all vCPUs, twice, for the one map they agree upon; vcpus (NULL ok): how many there are.
 * Returns 0; -ENOENT (the machine is gone, or has no vCPU yet), -EXDEV (two vCPUs differ), -EBUSY
 * (values change while they are read: a nested guest runs, or somebody writes them), -ENODATA (this
 * kernel does not tell: no x86, or a guest whose TSC it cannot see), -EACCES or -errno; each in
 * words in *error.
 */
int kvm_debugfs_read(const struct kvm_debugfs *debugfs, const struct kvm_machine *machine,
		     struct gnomon_counter_map *map, unsigned int *vcpus,
		     struct driver_error *error);

#endif
