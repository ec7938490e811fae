/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The virtual machine as its kernel shows it: which clocks there are, and what else matters to
 * them. All of it is read from files under a root, which is "" or that of a container that has the
 * machine's /sys, /dev and /proc elsewhere; nothing is opened that does something when opened.
 */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/guest_find.h"
#include "kinds.h"

#define MACHINE_CLOCKS_MAX 32
#define MACHINE_NAME_MAX 64

/** A clock: a PHC, a page, or both. */
struct machine_clock {
	enum guest_kind kind;
	char name[MACHINE_NAME_MAX];    /* "vmclock0", "KVM virtual PTP" */
	int phc;                        /* N of /dev/ptpN; -1: none */
	enum guest_scale scale;         /* of the PHC */
	char device[GUEST_PATH_MAX];    /* /dev/ptpN; "": none */
	char page[GUEST_PATH_MAX];      /* the vmclock page; "": none */
	enum gnomon_clock_kind page_kind;
	char error_file[GUEST_PATH_MAX]; /* ena's phc_error_bound; "": none */
};

enum machine_hypervisor {
	MACHINE_NONE, /* bare metal, as far as can be seen */
	MACHINE_KVM,
	MACHINE_HYPERV,
	MACHINE_VMWARE,
	MACHINE_XEN,
	MACHINE_OTHER,
};

struct machine {
	const char *root;
	char release[MACHINE_NAME_MAX]; /* of the kernel */
	int kernel;                     /* guest_kernel_version */
	enum machine_hypervisor hypervisor;
	char vendor[MACHINE_NAME_MAX];  /* of the machine, by DMI; "" */
	char clocksource[MACHINE_NAME_MAX];
	char clocksources[128];         /* available */
	bool vmclock_acpi;              /* the firmware describes a vmclock */
	bool ivshmem;                   /* there is a PCI device that may have a page */
	bool amazon_card;               /* an ena card without a clock */
	struct machine_clock clocks[MACHINE_CLOCKS_MAX];
	size_t clock_count;
};

/** Look. root NULL: "". */
void machine_look(struct machine *m, const char *root);

/** Look at the clocks only, again. */
void machine_look_clocks(struct machine *m);

/** A clock by kind, name, device or page; NULL: none. */
const struct machine_clock *machine_find(const struct machine *m, const char *name);

/** Whether a name that was given means that clock. */
bool machine_clock_is(const struct machine_clock *clock, const char *name);

/** "KVM", "Hyper-V" ... */
const char *machine_hypervisor_name(enum machine_hypervisor hypervisor);

/** Whether a clock of that kind is to be expected here and there is none. */
bool machine_lacks(const struct machine *m, enum guest_kind kind);

/** The first line of a file under the root; false: there is none. */
bool machine_read(const struct machine *m, const char *path, char *line, size_t size);

#endif
