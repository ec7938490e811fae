/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A clock page in the memory of another process: that of QEMU's own vmclock device, written from
 * outside. Each write is a system call, and stores of one call come before those of the next.
 */
#ifndef DRIVERS_PROC_PAGE_H
#define DRIVERS_PROC_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers/error.h"

struct proc_page {
	int fd; /* of its memory; -1: none */
	uint64_t address;
	uint32_t seq; /* ours; what is in there is looked at once */
};

/** None yet. */
void proc_page_init(struct proc_page *page);

/**
 * Take the page at that address of a process, if there is a clock page: -EBADMSG else; -EACCES: the
 * process may not be written to; -ESRCH; each with *error.
 */
int proc_page_open(struct proc_page *page, pid_t pid, uint64_t address,
		   struct driver_error *error);

/**
 * Write len octets of a clock structure (GNOMON_VMCLOCK_SIZE of gnomon_vmclock_encode), between an
 * odd and an even seq_count of ours. Returns 0, or -errno (-ESRCH: the process is gone), after
 * which the page is closed.
 */
int proc_page_write(struct proc_page *page, const uint8_t *octets, size_t len);

/** Whether the count in there is the one we wrote last: if not, somebody else has written. */
bool proc_page_is_ours(const struct proc_page *page);

void proc_page_close(struct proc_page *page);

#endif
