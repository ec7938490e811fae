/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of KVM with a guest of a few instructions: it reads the page that the host publishes,
 * as the seqcount demands, and its own counter, and stops. x86 only.
 *
 * Its vCPUs can be given offsets of the counter. Some KVMs (those without VMX and SVM) take an
 * offset and ignore it; there, the guest adds it to what it reads, as the processor would, and a
 * folder like KVM's in debugfs tells it.
 */
#ifndef TESTS_KVM_MACHINE_H
#define TESTS_KVM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define MACHINE_VCPUS 4
#define MACHINE_PAGE 112

struct machine {
	int vm;
	unsigned int vcpus;
	struct {
		int fd;
		struct kvm_run *run;
	} vcpu[MACHINE_VCPUS];
	uint8_t *ram;
	void *page;
	bool adds; /* KVM ignores offsets */
	bool told;
	char folder[128]; /* like KVM's in debugfs, if it adds; else that one */
};

/** What the guest saw, and the host's counter around. */
struct machine_look {
	uint64_t before;
	uint64_t after;
	uint64_t counter;
	uint8_t page[MACHINE_PAGE];
};

/**
 * A machine with the file as its page. folder: an empty one to make files in if they are needed.
 * Returns 0 or -errno with a word of what failed in *what.
 */
int machine_create(struct machine *machine, unsigned int vcpus, const char *file,
		   const char *folder, const char **what);

/** Set the offset of one vCPU. Returns 0 or -errno. */
int machine_set_offset(struct machine *machine, unsigned int vcpu, int64_t offset);

/** Let one vCPU look. Returns 0 or -errno; -EIO: it did not come to its end. */
int machine_look(struct machine *machine, unsigned int vcpu, struct machine_look *look);

/** It vanishes, and so do its files. */
void machine_destroy(struct machine *machine);

#endif
