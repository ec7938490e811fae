/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Which process runs which virtual machine: one walk over all processes for all who ask, in steps
 * of bounded work, so that a program with one loop can take them between other things.
 *
 * Processes that are known to have a machine of KVM come first. What is found among them is
 * settled then; the rest of the processes are only looked at for what is not.
 */
#ifndef DRIVERS_VM_WALK_H
#define DRIVERS_VM_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/error.h"
#include "drivers/vm_find.h"

/** By what a process is known. */
enum vm_key {
	VM_KEY_PAGE, /* the file it has mapped, as memory of its machine */
	VM_KEY_UUID, /* -uuid, or a uuid= among the options, on its command line */
	VM_KEY_NAME, /* libvirt's file of its pid, or -name on its command line */
};

struct vm_wanted {
	enum vm_key key;
	const char *value;
	bool everywhere; /* also among processes that are not known to have a machine */
};

/** Opaque. */
struct vm_walk;

/**
 * Begin one for count (> 0) wanted, whose values are copied. machines: pids of those that have a
 * machine, in any order, copied. find as for vm_find_pid(). Nothing is looked at yet. 0 or -errno
 * with *error.
 */
int vm_walk_begin(struct vm_walk **walk, const struct vm_find *find,
		  const struct vm_wanted *wanted, size_t count, const int *machines,
		  size_t machine_count, struct driver_error *error);

/**
 * A step: 32 system calls at most and, but for a command line, 4 KiB of one file; some 10 us, at
 * most 100. True: there is nothing more to do.
 */
bool vm_walk_step(struct vm_walk *walk);

/** The next whose answer is known, each once: its index. False: none now. */
bool vm_walk_settled(struct vm_walk *walk, size_t *index);

/**
 * The answer: 0 and *process, which is the caller's to close; -ESRCH (no such process), -ENOTUNIQ
 * (several: which is said), -EACCES (none, but some may not be looked into), -EINVAL (not a name,
 * not a UUID) or -errno, each in words in *error. Programs of this project that read a page do not
 * count, nor do processes without a machine of KVM if one with has it too.
 */
int vm_walk_take(const struct vm_walk *walk, size_t index, struct vm_process *process,
		 struct driver_error *error);

/** System calls so far that opened, read or followed something. */
uint64_t vm_walk_calls(const struct vm_walk *walk);

/** NULL is ok. */
void vm_walk_end(struct vm_walk *walk);

#endif
