/* SPDX-License-Identifier: BSD-2-Clause */
/* Clock pages by the names that the kernel gives to what may hold one. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/guest_find.h"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110

/* The number in "vmclockN"; -1: another name. */
static long device_number(const char *name)
{
	size_t digits;

	if (strncmp(name, "vmclock", 7) != 0) {
		return -1;
	}
	digits = strspn(name + 7, "0123456789");
	if (digits == 0 || digits > 9 || name[7 + digits]) {
		return -1;
	}
	return strtol(name + 7, NULL, 10);
}

static int is_device(const struct dirent *entry)
{
	return device_number(entry->d_name) >= 0;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	const long first = device_number((*a)->d_name), second = device_number((*b)->d_name);

	return (first > second) - (first < second);
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* By bytes and not as the user's language sorts: 0000:00:10.0 */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Whether an attribute of a PCI device holds this hexadecimal number. */
static bool attribute_is(const char *folder, const char *device, const char *name,
			 unsigned long wanted)
{
	char path[GUEST_PATH_MAX], text[16] = "";
	int fd;
	ssize_t got;

	if (snprintf(path, sizeof(path), "%s/%s/%s", folder, device, name) >= (int)sizeof(path)) {
		return false;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	return got > 0 && strtoul(text, NULL, 16) == wanted;
}

static bool is_ivshmem(const char *folder, const char *device)
{
	return attribute_is(folder, device, "vendor", IVSHMEM_VENDOR) &&
	       attribute_is(folder, device, "device", IVSHMEM_DEVICE);
}

static bool place_set(struct guest_place *place, enum gnomon_clock_kind kind, const char *folder,
		      const char *name, const char *file)
{
	const int len =
		snprintf(place->path, sizeof(place->path), "%s/%s%s", folder, name, file);

	place->kind = kind;
	return len > 0 && (size_t)len < sizeof(place->path);
}

typedef int (*entry_filter)(const struct dirent *);
typedef int (*entry_order)(const struct dirent **, const struct dirent **);

/* The entries of a folder, in order; 0 of one that is not there. */
static int list(const char *folder, struct dirent ***entries, entry_filter filter,
		entry_order order)
{
	const int n = scandir(folder, entries, filter, order);

	return n < 0 ? 0 : n;
}

size_t guest_find(const struct guest_roots *roots, struct guest_place *places, size_t max)
{
	const char *dev = roots && roots->dev ? roots->dev : "/dev";
	const char *pci = roots && roots->pci ? roots->pci : "/sys/bus/pci/devices";
	struct dirent **entries = NULL;
	size_t found = 0;
	int n = list(dev, &entries, is_device, by_number);

	for (int i = 0; i < n; i++) {
		found += found < max && place_set(&places[found], GNOMON_CLOCK_DEVICE, dev,
						  entries[i]->d_name, "");
		free(entries[i]);
	}
	free(entries);
	entries = NULL;
	n = list(pci, &entries, no_dots, by_name);
	for (int i = 0; i < n; i++) {
		found += found < max && is_ivshmem(pci, entries[i]->d_name) &&
			 place_set(&places[found], GNOMON_CLOCK_BAR, pci, entries[i]->d_name,
				   "/resource2");
		free(entries[i]);
	}
	free(entries);
	return found;
}
