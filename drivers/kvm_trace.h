/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Notice at once when a guest's counter gets another offset: the kernel's tracepoint
 * kvm:kvm_write_tsc_offset, in a trace instance of our own that leaves everybody else's tracing
 * alone.
 *
 * A guest can set its counter as often as it likes, and each time is an event. What is read is
 * bounded, and the kernel's buffer is small and forgets the oldest; so events are hints at which
 * process to look, never the values themselves.
 */
#ifndef DRIVERS_KVM_TRACE_H
#define DRIVERS_KVM_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/error.h"

struct kvm_trace {
	int fd;     /* poll it for POLLIN; -1: there is no tracing */
	int proc;   /* to find whose thread it was */
	char instance[128];
};

/**
 * Start tracing. path NULL: where tracefs is mounted (/sys/kernel/tracing, or below debugfs).
 * Instances that a killed daemon left are removed. Returns 0, -ENOENT (no tracefs, or no such
 * tracepoint), -EACCES or -errno, in words in *error; then poll kvm_debugfs_read instead, once per
 * second.
 */
int kvm_trace_open(struct kvm_trace *trace, const char *path, struct driver_error *error);

/**
 * Read what has happened, without waiting: the processes whose machines had an offset written, at
 * most max, each once. Returns how many; more than max: some are left out, look at all machines;
 * 0: nothing; or -errno.
 */
int kvm_trace_read(struct kvm_trace *trace, int *pids, size_t max);

/** Stop and remove the instance, if privileges suffice. */
void kvm_trace_close(struct kvm_trace *trace);

#endif
