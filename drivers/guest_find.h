/* SPDX-License-Identifier: BSD-2-Clause */
/* Where on this machine a clock page may be: devices of the kernel's driver, and PCI memory. */
#ifndef GNOMON_DRIVERS_GUEST_FIND_H
#define GNOMON_DRIVERS_GUEST_FIND_H

#include <stddef.h>

#include <gnomon/guest.h>

#define GUEST_PATH_MAX 256

/** Other trees for tests; members NULL: the system's own. */
struct guest_roots {
	const char *dev; /* "/dev" */
	const char *pci; /* "/sys/bus/pci/devices" */
};

struct guest_place {
	enum gnomon_clock_kind kind;
	char path[GUEST_PATH_MAX];
};

/**
 * List up to max places in the order in which they are tried: /dev/vmclockN by number, then the
 * memory of ivshmem devices by address. Nothing is opened; whether there is a page shows only when
 * it is. Returns how many. roots NULL: the system's own.
 */
size_t guest_find(const struct guest_roots *roots, struct guest_place *places, size_t max);

#endif
