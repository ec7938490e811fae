/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vm_find.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *proc_of(const struct vm_find *find)
{
	return find && find->proc ? find->proc : "/proc";
}

/* In a folder that is not /proc are no processes to have a descriptor of. */
static bool wants_pidfd(const struct vm_find *find)
{
	return !find || (!find->no_pidfd && !find->proc);
}

/* Field 22 of stat, counted from after the name, which may hold anything. */
static int parse_stat(const char *text, uint64_t *start_time)
{
	const char *at = strrchr(text, ')');
	char state;

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

/* Relative to an open folder, or to nothing. */
static int read_start_time(int folder, const char *path, uint64_t *start_time)
{
	char text[1024];
	const int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const int err = got < 0 ? -errno : 0;

	if (fd >= 0) {
		(void)close(fd);
	}
	if (err) {
		return err == -ENOENT ? -ESRCH : err;
	}
	text[got] = '\0';
	return parse_stat(text, start_time);
}

static int start_time_of(const struct vm_find *find, int pid, uint64_t *start_time)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%d/stat", proc_of(find), pid);
	return read_start_time(AT_FDCWD, path, start_time);
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

int vm_process_started(int folder, uint64_t *start_time)
{
	return read_start_time(folder, "stat", start_time);
}

/* The descriptor is of whoever has the number now: so the start time is read after it. */
static int take_process(const struct vm_find *find, int pid, struct vm_process *process)
{
	struct vm_process taken = { .pid = pid, .fd = -1 };
	int err;

	if (wants_pidfd(find)) {
		taken.fd = open_pidfd(pid);
	}
	err = start_time_of(find, pid, &taken.start_time);
	if (err) {
		vm_process_close(&taken);
		return err;
	}
	*process = taken;
	return 0;
}

int vm_find_pid(const struct vm_find *find, int pid, struct vm_process *process,
		struct driver_error *error)
{
	int err = pid > 0 ? take_process(find, pid, process) : -EINVAL;

	return err ? driver_fail(error, err, "process %d: %s", pid,
				 err == -ESRCH ? "there is none" : driver_strerror(err)) :
		     0;
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
	return start_time_of(find, process->pid, &start_time) == 0 &&
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
