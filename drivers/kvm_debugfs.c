/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/kvm_debugfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* KVM does not make more vCPUs than that. */
#define MAX_VCPUS 4096

/* How often all vCPUs are read; the values of each time have to be the same. */
#define ROUNDS 2

static int explain_open(const char *path, int code, struct driver_error *error)
{
	if (code == -ENOENT) {
		return driver_fail(error, code,
				   "%s: not there: mount -t debugfs none /sys/kernel/debug, and "
				   "modprobe kvm; ip netns exec hides it: use nsenter --net=/run/"
				   "netns/NAME there", path);
	}
	if (code == -EACCES || code == -EPERM) {
		return driver_fail(error, -EACCES,
				   "%s: not for this user: debugfs is root's, and a locked down "
				   "kernel has none; without it, guests that run gnomon-guest can "
				   "use guest_counter pingpong", path);
	}
	return driver_fail(error, code, "%s: %s", path, driver_strerror(code));
}

int kvm_debugfs_open(struct kvm_debugfs *debugfs, const char *path, struct driver_error *error)
{
	int fd;

	path = path ? path : KVM_DEBUGFS;
	if (strlen(path) >= sizeof(debugfs->path)) {
		return driver_fail(error, -ENAMETOOLONG, "%s: too long a path", path);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return explain_open(path, -errno, error);
	}
	debugfs->fd = fd;
	(void)snprintf(debugfs->path, sizeof(debugfs->path), "%s", path);
	return 0;
}

void kvm_debugfs_close(struct kvm_debugfs *debugfs)
{
	if (debugfs->fd >= 0) {
		(void)close(debugfs->fd);
	}
	debugfs->fd = -1;
}

/* -- machines ---------------------------------------------------------------------------------- */

/* "<pid>-<fd>". */
static bool machine_of_name(const char *name, struct kvm_machine *machine)
{
	char *end;
	unsigned long pid;
	unsigned long fd;

	if (name[0] < '1' || name[0] > '9') {
		return false;
	}
	pid = strtoul(name, &end, 10);
	if (*end != '-' || end[1] < '0' || end[1] > '9') {
		return false;
	}
	fd = strtoul(end + 1, &end, 10);
	if (*end || pid > INT_MAX || fd > INT_MAX) {
		return false;
	}
	*machine = (struct kvm_machine){ (int)pid, (int)fd };
	return true;
}

static DIR *open_folder(int at, const char *name)
{
	const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !folder) {
		(void)close(fd);
	}
	return folder;
}

int kvm_debugfs_list(const struct kvm_debugfs *debugfs, int pid, struct kvm_machine *machines,
		     size_t max)
{
	DIR *folder = open_folder(debugfs->fd, ".");
	const struct dirent *entry;
	size_t count = 0;

	if (!folder) {
		return -errno;
	}
	while (count < INT_MAX && (entry = readdir(folder)) != NULL) {
		struct kvm_machine machine;

		if (machine_of_name(entry->d_name, &machine) && (!pid || machine.pid == pid)) {
			if (count < max) {
				machines[count] = machine;
			}
			count++;
		}
	}
	(void)closedir(folder);
	return (int)count;
}

static int open_machine(const struct kvm_debugfs *debugfs, const struct kvm_machine *machine)
{
	char name[32];
	int fd;

	(void)snprintf(name, sizeof(name), "%d-%d", machine->pid, machine->fd);
	fd = openat(debugfs->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool has_vcpu(const struct kvm_debugfs *debugfs, const struct kvm_machine *machine)
{
	char name[48];

	(void)snprintf(name, sizeof(name), "%d-%d/vcpu0", machine->pid, machine->fd);
	return faccessat(debugfs->fd, name, F_OK, 0) == 0;
}

int kvm_debugfs_find(const struct kvm_debugfs *debugfs, int pid, struct kvm_machine *machine,
		     struct driver_error *error)
{
	struct kvm_machine all[64];
	const size_t max = sizeof(all) / sizeof(all[0]);
	const int listed = kvm_debugfs_list(debugfs, pid, all, max);
	const size_t count = listed < 0 ? 0 : (size_t)listed < max ? (size_t)listed : max;
	size_t found = 0;
	size_t last = 0;

	if (listed < 0) {
		return explain_open(debugfs->path, listed, error);
	}
	for (size_t i = 0; i < count; i++) {
		if (has_vcpu(debugfs, &all[i])) {
			last = i;
			found++;
		}
	}
	if (found == 0) {
		return driver_fail(error, -ENOENT,
				   "%s: no machine with a vCPU of process %d: it has ended, or has "
				   "not begun, or runs without KVM", debugfs->path, pid);
	}
	if (found > 1 || (size_t)listed > max) {
		return driver_fail(error, -ENOTUNIQ, "%s: process %d has %d machines",
				   debugfs->path, pid, listed);
	}
	*machine = all[last];
	return 0;
}

/* -- values ------------------------------------------------------------------------------------ */

/* One number of a file: signed or not, it is the same 64 bits. Returns 0 or -errno. */
static int read_number(int folder, const char *file, uint64_t *value)
{
	const int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t got;
	char *end;

	if (fd < 0) {
		return -errno;
	}
	got = read(fd, text, sizeof(text) - 1);
	if (got <= 0) {
		got = got < 0 ? -errno : -ENODATA;
		(void)close(fd);
		return (int)got;
	}
	(void)close(fd);
	text[got] = '\0';
	errno = 0;
	*value = text[0] == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
	return errno || end == text || (*end && *end != '\n') ? -EBADMSG : 0;
}

static int read_scaling(int folder, const char *vcpu, struct gnomon_counter_map *map)
{
	char file[64];
	uint64_t bits = 0;
	int err;

	(void)snprintf(file, sizeof(file), "%s/tsc-scaling-ratio", vcpu);
	err = read_number(folder, file, &map->ratio);
	if (err == -ENOENT) {
		/* The CPU cannot scale. */
		map->ratio = 1;
		map->frac_bits = 0;
		return 0;
	}
	(void)snprintf(file, sizeof(file), "%s/tsc-scaling-ratio-frac-bits", vcpu);
	err = err ? err : read_number(folder, file, &bits);
	if (!err && (bits > 63 || map->ratio == 0)) {
		err = -EBADMSG;
	}
	map->frac_bits = (uint8_t)bits;
	return err;
}

/* -ENOENT: there is no such vCPU. -ENODATA: there is, but it does not tell. */
static int read_vcpu(int folder, unsigned int index, bool scales, struct gnomon_counter_map *map)
{
	char vcpu[24];
	char file[64];
	int err;

	*map = (struct gnomon_counter_map){ .ratio = 1 };
	(void)snprintf(vcpu, sizeof(vcpu), "vcpu%u", index);
	(void)snprintf(file, sizeof(file), "%s/tsc-offset", vcpu);
	err = read_number(folder, file, &map->offset);
	if (err == -ENOENT && faccessat(folder, vcpu, F_OK, 0) == 0) {
		return -ENODATA;
	}
	return err || !scales ? err : read_scaling(folder, vcpu, map);
}

static bool same(const struct gnomon_counter_map *a, const struct gnomon_counter_map *b)
{
	return a->offset == b->offset && a->ratio == b->ratio && a->frac_bits == b->frac_bits;
}

/* The vCPUs of a machine, one bit each. They are numbered as its maker likes, mostly from 0 without
 * gaps; APIC ids of odd topologies leave some, so the folder is read and not counted through. */
struct vcpus {
	unsigned int count;
	uint64_t bits[MAX_VCPUS / 64];
};

static int list_vcpus(int folder, struct vcpus *vcpus)
{
	DIR *entries = open_folder(folder, ".");
	const struct dirent *entry;

	if (!entries) {
		return -errno;
	}
	memset(vcpus, 0, sizeof(*vcpus));
	while ((entry = readdir(entries)) != NULL) {
		const char *digits = entry->d_name + strlen("vcpu");
		unsigned long index;
		char *end;

		if (strncmp(entry->d_name, "vcpu", strlen("vcpu")) != 0 || !*digits) {
			continue;
		}
		index = strtoul(digits, &end, 10);
		if (!*end && index < MAX_VCPUS) {
			vcpus->bits[index / 64] |= UINT64_C(1) << index % 64;
			vcpus->count++;
		}
	}
	(void)closedir(entries);
	return vcpus->count ? 0 : -ENOENT;
}

struct round {
	bool any;
	bool unequal;
	struct gnomon_counter_map map;
	struct gnomon_counter_map other; /* the first that differs */
};

/* Whether the host scales is the same for all vCPUs: asked of the first. */
static int read_round(int folder, const struct vcpus *vcpus, struct round *round)
{
	*round = (struct round){ .any = false };
	for (unsigned int i = 0; i < MAX_VCPUS; i++) {
		const bool scales = !round->any || round->map.frac_bits > 0;
		struct gnomon_counter_map map;
		int err;

		if (!vcpus->bits[i / 64]) {
			i |= 63;
			continue;
		}
		if (!(vcpus->bits[i / 64] >> i % 64 & 1)) {
			continue;
		}
		err = read_vcpu(folder, i, scales, &map);
		if (err) {
			return err;
		}
		if (!round->any) {
			round->map = map;
			round->any = true;
		} else if (!round->unequal && !same(&map, &round->map)) {
			round->other = map;
			round->unequal = true;
		}
	}
	return 0;
}

static int explain(const struct kvm_debugfs *debugfs, const struct kvm_machine *m, int code,
		   struct driver_error *error)
{
	switch (code) {
	case -ENOENT:
	case -EIO:
		return driver_fail(error, -ENOENT, "%s/%d-%d: the machine is gone, or has no vCPU",
				   debugfs->path, m->pid, m->fd);
	case -ENODATA:
		return driver_fail(error, code,
				   "%s/%d-%d: the kernel does not tell this guest's counter: use "
				   "guest_counter pingpong", debugfs->path, m->pid, m->fd);
	case -EACCES:
	case -EPERM:
		return explain_open(debugfs->path, code, error);
	default:
		return driver_fail(error, code, "%s/%d-%d: %s", debugfs->path, m->pid, m->fd,
				   driver_strerror(code));
	}
}

static int explain_unequal(const struct kvm_debugfs *debugfs, const struct kvm_machine *m,
			   const struct round *r, struct driver_error *error)
{
	const bool scaled = r->map.ratio != r->other.ratio ||
			    r->map.frac_bits != r->other.frac_bits;

	return driver_fail(error, -EXDEV,
			   "%s/%d-%d: vCPUs have different counters (%s %lld and %lld): no page "
			   "can be true for all; a guest that sets its TSC per CPU does that",
			   debugfs->path, m->pid, m->fd, scaled ? "ratios" : "offsets",
			   (long long)(scaled ? r->map.ratio : r->map.offset),
			   (long long)(scaled ? r->other.ratio : r->other.offset));
}

int kvm_debugfs_read(const struct kvm_debugfs *debugfs, const struct kvm_machine *machine,
		     struct gnomon_counter_map *map, unsigned int *vcpus,
		     struct driver_error *error)
{
	struct round rounds[ROUNDS];
	struct vcpus list;
	const int folder = open_machine(debugfs, machine);
	int err = folder < 0 ? folder : list_vcpus(folder, &list);

	for (int i = 0; !err && i < ROUNDS; i++) {
		err = read_round(folder, &list, &rounds[i]);
	}
	if (folder >= 0) {
		(void)close(folder);
	}
	if (err) {
		return explain(debugfs, machine, err, error);
	}
	if (rounds[ROUNDS - 1].unequal) {
		return explain_unequal(debugfs, machine, &rounds[ROUNDS - 1], error);
	}
	if (rounds[0].unequal || !same(&rounds[0].map, &rounds[1].map)) {
		return driver_fail(error, -EBUSY,
				   "%s/%d-%d: the counter's offset changes while it is read: it is "
				   "being set, or a guest within the guest runs",
				   debugfs->path, machine->pid, machine->fd);
	}
	*map = rounds[0].map;
	if (vcpus) {
		*vcpus = list.count;
	}
	return 0;
}
