/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Processes that run virtual machines, watched without mistaking a later process of the same number
 * for one. Who looks for a process whose pid is not known has vm_walk.h.
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

/** Returns 0; -ESRCH (no such process) or -errno, in words in *error. vm_process_close() it. */
int vm_find_pid(const struct vm_find *find, int pid, struct vm_process *process,
		struct driver_error *error);

/** When the process whose folder is open began. 0, -ESRCH (it has ended) or -errno. */
int vm_process_started(int folder, uint64_t *start_time);

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
