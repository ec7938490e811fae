/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/kvm_trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT "events/kvm/kvm_write_tsc_offset"
#define PREFIX "gnomon-"

/* Of each CPU; an event is 32 octets there. */
#define BUFFER_KB "16"

/* What is read at a time at most: lines of about 100 octets. */
#define CHUNK 4096
#define CHUNKS 4

static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

/* -- the instance ------------------------------------------------------------------------------ */

static int write_file(const char *folder, const char *file, const char *text)
{
	char path[256];
	int err = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	if (write(fd, text, strlen(text)) < 0) {
		err = -errno;
	}
	(void)close(fd);
	return err;
}

/* Those of ours whose process has ended without removing them. */
static void remove_stale(const char *place)
{
	char path[256];
	const struct dirent *entry;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "%s/instances", place);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)) != NULL) {
		char *end;
		long pid;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0) {
			continue;
		}
		pid = strtol(entry->d_name + strlen(PREFIX), &end, 10);
		if (pid > 0 && !*end && kill((pid_t)pid, 0) && errno == ESRCH) {
			(void)unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
		}
	}
	if (folder) {
		(void)closedir(folder);
	}
}

static int start(struct kvm_trace *trace, const char *place)
{
	char path[256];
	int err;

	(void)snprintf(trace->instance, sizeof(trace->instance), "%s/instances/" PREFIX "%d", place,
		       (int)getpid());
	if (mkdir(trace->instance, 0700) && errno != EEXIST) {
		return -errno;
	}
	err = write_file(trace->instance, "buffer_size_kb", BUFFER_KB);
	/* Wake up at the first event; kernels before 5.0 do so anyway. */
	(void)write_file(trace->instance, "buffer_percent", "0");
	err = err ? err : write_file(trace->instance, EVENT "/enable", "1");
	if (!err) {
		(void)snprintf(path, sizeof(path), "%s/trace_pipe", trace->instance);
		trace->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		err = trace->fd < 0 ? -errno : 0;
	}
	if (err) {
		(void)rmdir(trace->instance);
	}
	return err;
}

static const char *find_place(const char *path)
{
	char file[256];

	for (size_t i = 0; !path && i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s/instances", places[i]);
		if (access(file, F_OK) == 0) {
			return places[i];
		}
	}
	return path ? path : places[0];
}

int kvm_trace_open(struct kvm_trace *trace, const char *path, struct driver_error *error)
{
	struct kvm_trace made = { .fd = -1, .proc = -1 };
	const char *place = find_place(path);
	int err;

	if (strlen(place) + sizeof("/instances/" PREFIX "2147483647") > sizeof(made.instance)) {
		return driver_fail(error, -ENAMETOOLONG, "%s: too long a path", place);
	}
	remove_stale(place);
	err = start(&made, place);
	if (!err) {
		made.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		*trace = made;
		return 0;
	}
	return driver_fail(error, err == -EPERM ? -EACCES : err,
			   "%s: no trace of " EVENT " (%s): changes of a guest's counter are "
			   "noticed by looking once per second", place, driver_strerror(err));
}

void kvm_trace_close(struct kvm_trace *trace)
{
	if (trace->fd >= 0) {
		(void)close(trace->fd);
		(void)write_file(trace->instance, EVENT "/enable", "0");
		(void)rmdir(trace->instance);
	}
	if (trace->proc >= 0) {
		(void)close(trace->proc);
	}
	trace->fd = -1;
	trace->proc = -1;
}

/* -- events ------------------------------------------------------------------------------------ */

/* The thread of a line: " comm-TID [CPU] ...", and comm may be anything. -1: not such a line. */
static int thread_of(const char *line)
{
	const char *event = strstr(line, ": kvm_write_tsc_offset:");
	const char *at = NULL;
	char *end;
	long tid;

	for (const char *cpu = strstr(line, " ["); cpu && event && cpu < event;
	     cpu = strstr(cpu + 1, " [")) {
		at = cpu;
	}
	while (at && at > line && at[-1] == ' ') {
		at--;
	}
	while (at && at > line && at[-1] >= '0' && at[-1] <= '9') {
		at--;
	}
	if (!at || at == line || at[-1] != '-') {
		return -1;
	}
	tid = strtol(at, &end, 10);
	return end != at && tid > 0 && tid <= 0x7fffffff ? (int)tid : -1;
}

/* The process of a thread; -1: it is gone. */
static int process_of(const struct kvm_trace *trace, int tid)
{
	char text[512];
	const char *line;
	ssize_t got;
	int fd;

	(void)snprintf(text, sizeof(text), "%d/status", tid);
	fd = openat(trace->proc, text, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	got = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[got > 0 ? got : 0] = '\0';
	line = strstr(text, "\nTgid:");
	return line ? atoi(line + strlen("\nTgid:")) : -1;
}

/* The processes of an answer's lines. */
struct found {
	int *pids;
	size_t max;
	size_t count;
	bool some_left_out;
	int last_tid; /* a machine's events come in rows */
};

static void take_line(const struct kvm_trace *trace, const char *line, struct found *found)
{
	const int tid = thread_of(line);
	int pid;

	if (tid >= 0 && tid == found->last_tid) {
		return;
	}
	found->last_tid = tid;
	pid = tid < 0 ? -1 : process_of(trace, tid);
	for (size_t i = 0; i < found->count; i++) {
		if (found->pids[i] == pid) {
			return;
		}
	}
	if (pid <= 0 || found->count == found->max) {
		found->some_left_out = true;
		return;
	}
	found->pids[found->count++] = pid;
}

/* Whole lines; one that goes on in the next chunk, or that says that events were lost, cannot be
 * read: then everybody is looked at. */
static void take_chunk(const struct kvm_trace *trace, char *text, struct found *found)
{
	char *line = text;
	char *end;

	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		take_line(trace, line, found);
		line = end + 1;
	}
	found->some_left_out |= *line != '\0';
}

int kvm_trace_read(struct kvm_trace *trace, int *pids, size_t max)
{
	struct found found = { .pids = pids, .max = max, .last_tid = -2 };
	bool all = false;

	for (int i = 0; i < CHUNKS && !all; i++) {
		char text[CHUNK + 1];
		const ssize_t got = read(trace->fd, text, CHUNK);

		if (got < 0 && errno != EAGAIN && errno != EINTR) {
			return -errno;
		}
		all = got <= 0;
		text[got > 0 ? got : 0] = '\0';
		take_chunk(trace, text, &found);
	}
	/* More than was read is a flood: it cannot all be followed. */
	return (int)(found.some_left_out || !all ? max + 1 : found.count);
}
