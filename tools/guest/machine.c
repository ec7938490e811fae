/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PTP_FOLDER "/sys/class/ptp"
#define CLOCKSOURCE_FOLDER "/sys/devices/system/clocksource/clocksource0"
#define PCI_FOLDER "/sys/bus/pci/devices"
#define PATH_SIZE 512

bool machine_read(const struct machine *m, const char *path, char *line, size_t size)
{
	char full[PATH_SIZE];
	FILE *f;
	bool ok;

	(void)snprintf(full, sizeof(full), "%s%s", m->root, path);
	f = fopen(full, "re");
	if (!f) {
		return false;
	}
	ok = fgets(line, (int)size, f) != NULL;
	(void)fclose(f);
	if (!ok) {
		return false;
	}
	line[strcspn(line, "\n")] = '\0';
	for (size_t len = strlen(line); len > 0 && line[len - 1] == ' '; len--) {
		line[len - 1] = '\0';
	}
	return true;
}

static bool exists(const struct machine *m, const char *path)
{
	char full[PATH_SIZE];

	(void)snprintf(full, sizeof(full), "%s%s", m->root, path);
	return access(full, F_OK) == 0;
}

static DIR *open_folder(const struct machine *m, const char *path)
{
	char full[PATH_SIZE];

	(void)snprintf(full, sizeof(full), "%s%s", m->root, path);
	return opendir(full);
}

/* -- clocks ----------------------------------------------------------------------------------- */

static struct machine_clock *add_clock(struct machine *m)
{
	struct machine_clock *c;

	if (m->clock_count == MACHINE_CLOCKS_MAX) {
		return NULL;
	}
	c = &m->clocks[m->clock_count++];
	memset(c, 0, sizeof(*c));
	c->phc = -1;
	return c;
}

static void add_phc(struct machine *m, int index, const char *name)
{
	struct machine_clock *c = add_clock(m);

	if (!c) {
		return;
	}
	c->kind = guest_kind_of(name);
	c->phc = index;
	c->scale = guest_kind_scale(c->kind, name, m->kernel);
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	(void)snprintf(c->device, sizeof(c->device), "%s/dev/ptp%d", m->root, index);
	if (c->kind == GUEST_KIND_ENA) {
		(void)snprintf(c->error_file, sizeof(c->error_file),
			       "%s" PTP_FOLDER "/ptp%d/device/phc_error_bound", m->root, index);
		if (access(c->error_file, F_OK) != 0) {
			c->error_file[0] = '\0';
		}
	}
}

static void look_for_phcs(struct machine *m)
{
	DIR *dir = open_folder(m, PTP_FOLDER);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_SIZE];
		char name[MACHINE_NAME_MAX];
		char end;
		int index;

		if (sscanf(entry->d_name, "ptp%d%c", &index, &end) != 1 || index < 0) {
			continue;
		}
		(void)snprintf(path, sizeof(path), PTP_FOLDER "/ptp%d/clock_name", index);
		add_phc(m, index, machine_read(m, path, name, sizeof(name)) ? name : "");
	}
	if (dir) {
		(void)closedir(dir);
	}
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The page of /dev/vmclockN belongs to the PHC of that name; the memory of a PCI device stands for
 * itself, although a driver may have bound to what is in it: then the driver's comes first. */
static void add_page(struct machine *m, const struct guest_place *place)
{
	const char *name = last_part(place->path);
	struct machine_clock *c = NULL;
	char folder[GUEST_PATH_MAX];

	for (size_t i = 0; place->kind == GNOMON_CLOCK_DEVICE && i < m->clock_count; i++) {
		if (strcmp(m->clocks[i].name, name) == 0) {
			c = &m->clocks[i];
		}
	}
	c = c ? c : add_clock(m);
	if (!c) {
		return;
	}
	c->kind = GUEST_KIND_VMCLOCK;
	c->page_kind = place->kind;
	memcpy(c->page, place->path, sizeof(c->page));
	if (c->name[0]) {
		return;
	}
	(void)snprintf(folder, sizeof(folder), "%.*s",
		       (int)(name > place->path ? name - place->path - 1 : 0), place->path);
	/* resource2 of the device 0000:00:10.0 */
	(void)snprintf(c->name, sizeof(c->name), "%.63s",
		       place->kind == GNOMON_CLOCK_BAR ? last_part(folder) : name);
}

static void look_for_pages(struct machine *m)
{
	struct guest_place places[MACHINE_CLOCKS_MAX];
	char dev[PATH_SIZE];
	char pci[PATH_SIZE];
	const struct guest_roots roots = { .dev = dev, .pci = pci };
	size_t count;

	(void)snprintf(dev, sizeof(dev), "%s/dev", m->root);
	(void)snprintf(pci, sizeof(pci), "%s" PCI_FOLDER, m->root);
	count = guest_find(&roots, places, MACHINE_CLOCKS_MAX);
	m->ivshmem = false;
	for (size_t i = 0; i < count; i++) {
		m->ivshmem |= places[i].kind == GNOMON_CLOCK_BAR;
		add_page(m, &places[i]);
	}
}

/* By kind, so that what is best comes first. */
static int compare(const void *a, const void *b)
{
	const struct machine_clock *x = a;
	const struct machine_clock *y = b;

	if (x->kind != y->kind) {
		return x->kind < y->kind ? -1 : 1;
	}
	if (x->page_kind != y->page_kind) {
		return x->page_kind < y->page_kind ? -1 : 1;
	}
	return strcmp(x->name, y->name);
}

void machine_look_clocks(struct machine *m)
{
	m->clock_count = 0;
	look_for_phcs(m);
	look_for_pages(m);
	qsort(m->clocks, m->clock_count, sizeof(m->clocks[0]), compare);
}

/* -- the rest --------------------------------------------------------------------------------- */

/* What x86 processors say of themselves. */
static bool has_processor_flag(const struct machine *m, const char *flag)
{
	char path[PATH_SIZE];
	char line[8192];
	bool found = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/proc/cpuinfo", m->root);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = strncmp(line, "flags", 5) == 0 && strstr(line, flag);
	}
	if (f) {
		(void)fclose(f);
	}
	return found;
}

static enum machine_hypervisor hypervisor_of(const struct machine *m)
{
	static const struct {
		const char *vendor;
		enum machine_hypervisor hypervisor;
	} vendors[] = {
		{ "QEMU", MACHINE_KVM },
		{ "Amazon EC2", MACHINE_KVM },
		{ "Google", MACHINE_KVM },
		{ "OpenStack Foundation", MACHINE_KVM },
		{ "Red Hat", MACHINE_KVM },
		{ "Alibaba Cloud", MACHINE_KVM },
		{ "Microsoft Corporation", MACHINE_HYPERV },
		{ "VMware, Inc.", MACHINE_VMWARE },
		{ "Xen", MACHINE_XEN },
	};
	char line[MACHINE_NAME_MAX];

	if (machine_read(m, "/sys/hypervisor/type", line, sizeof(line)) &&
	    strcmp(line, "xen") == 0) {
		return MACHINE_XEN;
	}
	if (strstr(m->clocksources, "kvm-clock")) {
		return MACHINE_KVM;
	}
	if (strstr(m->clocksources, "hyperv_clocksource")) {
		return MACHINE_HYPERV;
	}
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		if (strcmp(m->vendor, vendors[i].vendor) == 0) {
			return vendors[i].hypervisor;
		}
	}
	return has_processor_flag(m, " hypervisor") ? MACHINE_OTHER : MACHINE_NONE;
}

static bool has_pci_device(const struct machine *m, const char *vendor, const char *device)
{
	DIR *dir = open_folder(m, PCI_FOLDER);
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char path[PATH_SIZE];
		char line[16];

		(void)snprintf(path, sizeof(path), PCI_FOLDER "/%.64s/vendor", entry->d_name);
		found = machine_read(m, path, line, sizeof(line)) && strcmp(line, vendor) == 0;
		(void)snprintf(path, sizeof(path), PCI_FOLDER "/%.64s/device", entry->d_name);
		found = found && machine_read(m, path, line, sizeof(line)) &&
			strncmp(line, device, strlen(device)) == 0;
	}
	if (dir) {
		(void)closedir(dir);
	}
	return found;
}

void machine_look(struct machine *m, const char *root)
{
	memset(m, 0, sizeof(*m));
	m->root = root ? root : "";
	(void)machine_read(m, "/proc/sys/kernel/osrelease", m->release, sizeof(m->release));
	m->kernel = guest_kernel_version(m->release);
	(void)machine_read(m, "/sys/class/dmi/id/sys_vendor", m->vendor, sizeof(m->vendor));
	(void)machine_read(m, CLOCKSOURCE_FOLDER "/current_clocksource", m->clocksource,
			   sizeof(m->clocksource));
	(void)machine_read(m, CLOCKSOURCE_FOLDER "/available_clocksource", m->clocksources,
			   sizeof(m->clocksources));
	m->hypervisor = hypervisor_of(m);
	m->vmclock_acpi = exists(m, "/sys/bus/acpi/devices/AMZNC10C:00") ||
			  exists(m, "/sys/bus/acpi/devices/VMCLOCK:00");
	m->amazon_card = has_pci_device(m, "0x1d0f", "0xec2");
	machine_look_clocks(m);
}

bool machine_clock_is(const struct machine_clock *clock, const char *name)
{
	char device[32];

	(void)snprintf(device, sizeof(device), "/dev/ptp%d", clock->phc);
	return strcmp(name, guest_kind_row(clock->kind)->name) == 0 ||
	       strcmp(name, clock->name) == 0 ||
	       (clock->page[0] && strcmp(name, clock->page) == 0) ||
	       (clock->phc >= 0 &&
		(strcmp(name, device) == 0 || strcmp(name, clock->device) == 0));
}

const struct machine_clock *machine_find(const struct machine *m, const char *name)
{
	for (size_t i = 0; i < m->clock_count; i++) {
		if (machine_clock_is(&m->clocks[i], name)) {
			return &m->clocks[i];
		}
	}
	return NULL;
}

const char *machine_hypervisor_name(enum machine_hypervisor hypervisor)
{
	switch (hypervisor) {
	case MACHINE_NONE:
		return "none to be seen";
	case MACHINE_KVM:
		return "KVM";
	case MACHINE_HYPERV:
		return "Hyper-V";
	case MACHINE_VMWARE:
		return "VMware";
	case MACHINE_XEN:
		return "Xen";
	case MACHINE_OTHER:
		break;
	}
	return "another";
}

static bool has_kind(const struct machine *m, enum guest_kind kind)
{
	for (size_t i = 0; i < m->clock_count; i++) {
		if (m->clocks[i].kind == kind) {
			return true;
		}
	}
	return false;
}

bool machine_lacks(const struct machine *m, enum guest_kind kind)
{
	if (has_kind(m, kind)) {
		return false;
	}
	switch (kind) {
	case GUEST_KIND_VMCLOCK:
		return m->vmclock_acpi || m->hypervisor == MACHINE_KVM;
	case GUEST_KIND_KVM:
		return m->hypervisor == MACHINE_KVM;
	case GUEST_KIND_HYPERV:
		return m->hypervisor == MACHINE_HYPERV;
	case GUEST_KIND_VMWARE:
		return m->hypervisor == MACHINE_VMWARE;
	case GUEST_KIND_ENA:
		return m->amazon_card;
	case GUEST_KIND_VIRTIO:
	case GUEST_KIND_PHC:
	case GUEST_KIND_COUNT:
		break;
	}
	return false;
}
