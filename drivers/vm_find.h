/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Processes that run virtual machines: found by what people call a machine, and watched without
 * mistaking a later process of the same number for it.
 */
#ifndef DRIVERS_VM_FIND_H
#define DRIVERS_VM_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/error.h"

/** A process. */
struct vm_process {
	int pid;
	int fd;             /* pidfd: readable when it has ended; -1: no such thing here */
	uint64_t start_time; /* in ticks since boot, by which it differs from a later one */
};

/** Where to look; NULL members: /proc, and /run/libvirt/qemu. NULL for all of it: the same. */
struct vm_find {
	const char *proc;
	const char *libvirt;
	bool no_pidfd; /* do not hold a descriptor per process */
};

/**
 * Each returns 0; -ESRCH (no such process), -ENOTUNIQ (several: which is said), -EACCES or -EINVAL
 * (not a name, not a UUID), each in words in *error. vm_process_close() what was found.
 */
int vm_find_pid(const struct vm_find *find, int pid, struct vm_process *process,
		struct driver_error *error);

/** By -uuid, or a uuid= among the options, on its command line. */
int vm_find_uuid(const struct vm_find *find, const char *uuid, struct vm_process *process,
		 struct driver_error *error);

/** By libvirt's file of its pid, or -name on its command line. */
int vm_find_name(const struct vm_find *find, const char *name, struct vm_process *process,
		 struct driver_error *error);

/**
 * By the file it has mapped, as memory of its machine. Programs of this project that read it do not
 * count, nor do processes without a machine of KVM if one with has it mapped too.
 */
int vm_find_page(const struct vm_find *find, const char *page, struct vm_process *process,
		 struct driver_error *error);

/** Whether it is still there. One system call if it has a pidfd. */
bool vm_process_alive(const struct vm_find *find, const struct vm_process *process);

/**
 * The same for many in one system call: sets gone[i] for those that have ended and leaves the
 * others alone. Returns how many have.
 */
size_t vm_processes_gone(const struct vm_find *find, const struct vm_process *processes,
			 size_t count, bool *gone);

/** Lets go of the pidfd. */
void vm_process_close(struct vm_process *process);

#endif
