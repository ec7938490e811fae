/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vm_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Command lines of virtual machine monitors are long; what is beyond is not looked at. */
#define CMDLINE_MAX 65536

#define UUID_LEN 36

/* What a process must have to be the one. */
struct wanted {
	const char *uuid;
	const char *name;
	const char *page;
	struct stat file; /* of page */
};

static const char *proc_of(const struct vm_find *find)
{
	return find && find->proc ? find->proc : "/proc";
}

static const char *libvirt_of(const struct vm_find *find)
{
	return find && find->libvirt ? find->libvirt : "/run/libvirt/qemu";
}

/* In a folder that is not /proc are no processes to have a descriptor of. */
static bool wants_pidfd(const struct vm_find *find)
{
	return !find || (!find->no_pidfd && !find->proc);
}

/* -- one process ------------------------------------------------------------------------------- */

/* Read a file of a process; returns its length or -errno. It ends in a NUL. */
static ssize_t read_file(const struct vm_find *find, int pid, const char *file, char *text,
			 size_t size)
{
	char path[128];
	size_t length = 0;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%d/%s", proc_of(find), pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	while ((got = read(fd, text + length, size - 1 - length)) > 0) {
		length += (size_t)got;
	}
	got = got < 0 ? -errno : (ssize_t)length;
	(void)close(fd);
	text[length] = '\0';
	return got;
}

/* Field 22 of stat, counted from after the name, which may hold anything. */
static int read_start_time(const struct vm_find *find, int pid, uint64_t *start_time)
{
	char text[1024];
	const ssize_t got = read_file(find, pid, "stat", text, sizeof(text));
	const char *at = got < 0 ? NULL : strrchr(text, ')');
	char state;

	if (got < 0) {
		return got == -ENOENT ? -ESRCH : (int)got;
	}
	if (!at || sscanf(at, ") %c", &state) != 1) {
		return -EBADMSG;
	}
	/* A zombie has let go of its machine. */
	if (state == 'Z' || state == 'X') {
		return -ESRCH;
	}
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at + 1, ' ');
	}
	if (!at) {
		return -EBADMSG;
	}
	*start_time = strtoull(at, NULL, 10);
	return 0;
}

static int open_pidfd(int pid)
{
#ifdef SYS_pidfd_open
	const long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -1 : (int)fd;
#else
	return -1;
#endif
}

/* The descriptor is of whoever has the number now: so the start time is read after it. */
static int take_process(const struct vm_find *find, int pid, struct vm_process *process)
{
	struct vm_process taken = { .pid = pid, .fd = -1 };
	int err;

	if (wants_pidfd(find)) {
		taken.fd = open_pidfd(pid);
	}
	err = read_start_time(find, pid, &taken.start_time);
	if (err) {
		vm_process_close(&taken);
		return err;
	}
	*process = taken;
	return 0;
}

void vm_process_close(struct vm_process *process)
{
	if (process->fd >= 0) {
		(void)close(process->fd);
	}
	process->fd = -1;
}

bool vm_process_alive(const struct vm_find *find, const struct vm_process *process)
{
	struct pollfd ended = { .fd = process->fd, .events = POLLIN };
	uint64_t start_time;

	if (process->fd >= 0) {
		return poll(&ended, 1, 0) <= 0;
	}
	return read_start_time(find, process->pid, &start_time) == 0 &&
	       start_time == process->start_time;
}

/* So many are asked about at once. */
#define BATCH 64

static size_t gone_of_batch(const struct vm_find *find, const struct vm_process *processes,
			    size_t count, bool *gone)
{
	struct pollfd ended[BATCH];
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		ended[i] = (struct pollfd){ .fd = processes[i].fd, .events = POLLIN };
	}
	(void)poll(ended, count, 0);
	for (size_t i = 0; i < count; i++) {
		if (processes[i].fd < 0 ? !vm_process_alive(find, &processes[i]) :
					  ended[i].revents != 0) {
			gone[i] = true;
			left++;
		}
	}
	return left;
}

size_t vm_processes_gone(const struct vm_find *find, const struct vm_process *processes,
			 size_t count, bool *gone)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i += BATCH) {
		left += gone_of_batch(find, processes + i, count - i < BATCH ? count - i : BATCH,
				      gone + i);
	}
	return left;
}

/* -- what a process is ------------------------------------------------------------------------- */

/* The last part of its program's name begins with ours. */
static bool is_ours(const char *cmdline)
{
	const char *slash = strrchr(cmdline, '/');

	return strncmp(slash ? slash + 1 : cmdline, "gnomon", strlen("gnomon")) == 0;
}

/* Whether it has a machine of KVM open; false too if we may not know. */
static bool has_kvm(const struct vm_find *find, int pid)
{
	char path[128];
	const struct dirent *entry;
	bool has = false;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "%s/%d/fd", proc_of(find), pid);
	folder = opendir(path);
	while (folder && !has && (entry = readdir(folder)) != NULL) {
		char target[64];
		const ssize_t length = readlinkat(dirfd(folder), entry->d_name, target,
						  sizeof(target) - 1);

		target[length > 0 ? length : 0] = '\0';
		has = strcmp(target, "anon_inode:kvm-vm") == 0;
	}
	if (folder) {
		(void)closedir(folder);
	}
	return has;
}

/* An option of the form key=value, among others with commas between, or the value alone at the
 * start where bare says so. */
static bool option_is(const char *text, const char *key, const char *value, bool bare)
{
	const size_t key_length = strlen(key);

	for (const char *at = text; at; at = strchr(at, ',')) {
		const char *from;

		at += *at == ',';
		from = strncmp(at, key, key_length) == 0 && at[key_length] == '=' ?
			       at + key_length + 1 :
			       bare && at == text ? at : NULL;
		if (from && strncasecmp(from, value, strlen(value)) == 0 &&
		    (from[strlen(value)] == '\0' || from[strlen(value)] == ',')) {
			return true;
		}
	}
	return false;
}

/* The arguments, one after the other with NULs between. */
static bool cmdline_is(const char *cmdline, size_t length, const struct wanted *wanted)
{
	const char *before = "";

	for (const char *arg = cmdline; arg < cmdline + length; arg += strlen(arg) + 1) {
		const char *option = before[0] == '-' ? before + 1 + (before[1] == '-') : "";

		if (wanted->uuid && option_is(arg, "uuid", wanted->uuid,
					      strcmp(option, "uuid") == 0)) {
			return true;
		}
		if (wanted->name && strcmp(option, "name") == 0 &&
		    option_is(arg, "guest", wanted->name, true)) {
			return true;
		}
		before = arg;
	}
	return false;
}

/* A line of maps: "from-to perms offset major:minor inode path". Some file systems have another
 * device here than stat() tells, so the same path will do too. */
static bool is_mapping(const char *line, const struct wanted *wanted)
{
	unsigned int major_number;
	unsigned int minor_number;
	unsigned long long inode;
	int path = 0;

	if (sscanf(line, "%*s %*s %*s %x:%x %llu %n", &major_number, &minor_number, &inode,
		   &path) < 3 || inode != wanted->file.st_ino) {
		return false;
	}
	return makedev(major_number, minor_number) == wanted->file.st_dev ||
	       (path > 0 && strcmp(line + path, wanted->page) == 0);
}

/* 1, 0 or -errno. */
static int maps_page(const struct vm_find *find, int pid, const struct wanted *wanted)
{
	char line[512];
	int has = 0;
	FILE *maps;

	(void)snprintf(line, sizeof(line), "%s/%d/maps", proc_of(find), pid);
	maps = fopen(line, "re");
	if (!maps) {
		return -errno;
	}
	while (!has && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = '\0';
		has = is_mapping(line, wanted);
	}
	(void)fclose(maps);
	return has;
}

/* -- all processes ----------------------------------------------------------------------------- */

/* Those that could be the one: a machine of KVM weighs more than none. */
struct candidates {
	int pid[2];
	size_t count; /* of the weight below */
	bool kvm;
	bool hidden; /* there are processes that we may not look into */
};

static void consider(struct candidates *c, int pid, bool kvm)
{
	if (kvm && !c->kvm) {
		c->kvm = true;
		c->count = 0;
	}
	if (kvm == c->kvm) {
		if (c->count < 2) {
			c->pid[c->count] = pid;
		}
		c->count++;
	}
}

static void look_at(const struct vm_find *find, int pid, const struct wanted *wanted,
		    char *cmdline, struct candidates *candidates)
{
	const ssize_t length = read_file(find, pid, "cmdline", cmdline, CMDLINE_MAX);
	int is;

	if (length <= 0 || is_ours(cmdline) || pid == (int)getpid()) {
		return;
	}
	is = wanted->page ? maps_page(find, pid, wanted) :
			    cmdline_is(cmdline, (size_t)length, wanted);
	if (is == -EACCES || is == -EPERM) {
		candidates->hidden = true;
	}
	if (is > 0) {
		consider(candidates, pid, has_kvm(find, pid));
	}
}

static int search(const struct vm_find *find, const struct wanted *wanted,
		  struct candidates *candidates)
{
	char *cmdline = malloc(CMDLINE_MAX);
	DIR *folder = cmdline ? opendir(proc_of(find)) : NULL;
	const struct dirent *entry;
	const int err = folder ? 0 : -errno;

	while (folder && (entry = readdir(folder)) != NULL) {
		char *end;
		const long pid = strtol(entry->d_name, &end, 10);

		if (pid > 0 && pid <= INT_MAX && !*end) {
			look_at(find, (int)pid, wanted, cmdline, candidates);
		}
	}
	if (folder) {
		(void)closedir(folder);
	}
	free(cmdline);
	return err;
}

/* Take hold of the one, and look again: its number may have become another's in between. */
static int take_same(const struct vm_find *find, const struct candidates *found,
		     const struct wanted *wanted, struct vm_process *process)
{
	struct candidates again = { 0 };
	struct vm_process taken;
	char *cmdline = malloc(CMDLINE_MAX);
	int err = cmdline ? take_process(find, found->pid[0], &taken) : -ENOMEM;

	if (!err) {
		look_at(find, found->pid[0], wanted, cmdline, &again);
		err = again.count == 1 ? 0 : -ESRCH;
		if (err) {
			vm_process_close(&taken);
		} else {
			*process = taken;
		}
	}
	free(cmdline);
	return err;
}

/* What was looked for is what, in words. */
static int find_one(const struct vm_find *find, const struct wanted *wanted, const char *what,
		    const char *value, struct vm_process *process, struct driver_error *error)
{
	struct candidates c = { 0 };
	int err = search(find, wanted, &c);

	if (err) {
		return driver_fail(error, err, "%s: %s", proc_of(find), driver_strerror(err));
	}
	if (c.count > 1) {
		return driver_fail(error, -ENOTUNIQ,
				   "%s %s: several processes, such as %d and %d: name one by its "
				   "pid", what, value, c.pid[0], c.pid[1]);
	}
	if (c.count == 0 && c.hidden) {
		return driver_fail(error, -EACCES,
				   "%s %s: no process found, but some cannot be looked into "
				   "without CAP_SYS_PTRACE: name the pid", what, value);
	}
	err = c.count == 1 ? take_same(find, &c, wanted, process) : -ESRCH;
	return err ? driver_fail(error, err, "%s %s: no such process runs", what, value) : 0;
}

/* -- by what ----------------------------------------------------------------------------------- */

int vm_find_pid(const struct vm_find *find, int pid, struct vm_process *process,
		struct driver_error *error)
{
	int err = pid > 0 ? take_process(find, pid, process) : -EINVAL;

	return err ? driver_fail(error, err, "process %d: %s", pid,
				 err == -ESRCH ? "there is none" : driver_strerror(err)) :
		     0;
}

static bool is_uuid(const char *text)
{
	size_t i;

	for (i = 0; i < UUID_LEN && text[i]; i++) {
		const bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return i == UUID_LEN && !text[i];
}

int vm_find_uuid(const struct vm_find *find, const char *uuid, struct vm_process *process,
		 struct driver_error *error)
{
	const struct wanted wanted = { .uuid = uuid };

	if (!is_uuid(uuid)) {
		return driver_fail(error, -EINVAL,
				   "%s: no UUID: it looks like "
				   "01234567-89ab-cdef-0123-456789abcdef", uuid);
	}
	return find_one(find, &wanted, "UUID", uuid, process, error);
}

/* libvirt's file may be older than a process that has the number now. */
static int pid_of_libvirt(const struct vm_find *find, const char *name)
{
	const struct wanted wanted = { .name = name };
	char *cmdline = malloc(CMDLINE_MAX);
	char path[PATH_MAX];
	ssize_t length = -1;
	int pid = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s.pid", libvirt_of(find), name);
	file = cmdline ? fopen(path, "re") : NULL;
	if (file && fscanf(file, "%d", &pid) == 1 && pid > 0) {
		length = read_file(find, pid, "cmdline", cmdline, CMDLINE_MAX);
	}
	if (length <= 0 || !cmdline_is(cmdline, (size_t)length, &wanted)) {
		pid = -1;
	}
	if (file) {
		(void)fclose(file);
	}
	free(cmdline);
	return pid;
}

int vm_find_name(const struct vm_find *find, const char *name, struct vm_process *process,
		 struct driver_error *error)
{
	const struct wanted wanted = { .name = name };
	int pid;

	if (!name[0] || strpbrk(name, "/,\n") || strlen(name) > NAME_MAX - strlen(".pid")) {
		return driver_fail(error, -EINVAL, "\"%s\": not a name of a machine", name);
	}
	pid = pid_of_libvirt(find, name);
	if (pid > 0 && take_process(find, pid, process) == 0) {
		return 0;
	}
	return find_one(find, &wanted, "machine", name, process, error);
}

int vm_find_page(const struct vm_find *find, const char *page, struct vm_process *process,
		 struct driver_error *error)
{
	struct wanted wanted = { .page = page };

	if (stat(page, &wanted.file)) {
		return driver_fail(error, -errno, "%s: %s", page, driver_strerror(-errno));
	}
	return find_one(find, &wanted, "page", page, process, error);
}
