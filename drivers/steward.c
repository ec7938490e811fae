/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/steward.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "drivers/clock.h"
#include "drivers/steward_private.h"
#include "drivers/timestamping.h"

/* The system clock has no file of its own to lock. Not under a folder that anybody may write to:
 * then anybody could keep us from starting. */
#define REALTIME_LOCK "/run/gnomon-clock-realtime.lock"

/* -- processes -------------------------------------------------------------------------------- */

bool steward_device_of(const char *name, dev_t *device)
{
	struct timestamping_info info = { .phc_index = -1 };
	char path[32];
	struct stat st;

	if (!strchr(name, '/')) {
		if (strlen(name) >= IFNAMSIZ || timestamping_query(name, &info, NULL) ||
		    info.phc_index < 0) {
			return false;
		}
		(void)snprintf(path, sizeof(path), "/dev/ptp%d", info.phc_index);
		name = path;
	}
	if (stat(name, &st) != 0 || !S_ISCHR(st.st_mode)) {
		return false;
	}
	*device = st.st_rdev;
	return true;
}

static bool process_steers(const char *folder, const char *pid, const struct steward_subject *s,
			   struct steward_process *process)
{
	struct steward_cmdline c;
	const char *name;

	steward_read_cmdline(folder, pid, &c);
	name = c.count ? steward_program_steers(folder, pid, &c, s) : NULL;
	if (!name) {
		return false;
	}
	process->pid = (int)strtol(pid, NULL, 10);
	(void)snprintf(process->name, sizeof(process->name), "%s", name);
	return true;
}

static int fd_of_clock(clockid_t id)
{
	return ~(id >> 3);
}

/* False: a clock nobody else can know. */
static bool subject_of(const struct gnomon_clock *clock, struct steward_subject *s)
{
	struct stat st;

	*s = (struct steward_subject){ .system = strcmp(clock->ops->kind, "system") == 0 };
	if (s->system) {
		return true;
	}
	if (strcmp(clock->ops->kind, "phc") != 0 || fstat(fd_of_clock(clock_id(clock)), &st)) {
		return false;
	}
	s->device = st.st_rdev;
	return true;
}

int steward_find(const char *folder, const struct gnomon_clock *clock,
		 struct steward_process *process)
{
	struct steward_process found;
	struct steward_subject subject;
	const struct dirent *entry;
	int err = -ESRCH;
	DIR *dir;

	if (!subject_of(clock, &subject)) {
		return err;
	}
	dir = opendir(folder);
	while (dir && err && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    strtol(entry->d_name, NULL, 10) == (long)getpid()) {
			continue;
		}
		if (process_steers(folder, entry->d_name, &subject, &found)) {
			*process = found;
			err = 0;
		}
	}
	if (dir) {
		(void)closedir(dir);
	}
	return err;
}

/* -- the lock --------------------------------------------------------------------------------- */

/* The process that holds a lock on that file, by /proc/locks; 0: not known. */
static int lock_holder(const struct stat *st)
{
	FILE *file = fopen("/proc/locks", "re");
	unsigned int high;
	unsigned int low;
	unsigned long inode;
	char line[160];
	int holder = 0;
	int pid;

	while (file && !holder && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%lu", &pid, &high, &low,
			   &inode) == 4 &&
		    major(st->st_dev) == high && minor(st->st_dev) == low &&
		    inode == st->st_ino) {
			holder = pid;
		}
	}
	if (file) {
		(void)fclose(file);
	}
	return holder;
}

static int fail_busy(const char *clock, const struct steward_process *process,
		     struct driver_error *error)
{
	const bool ptp4l = strcmp(process->name, "ptp4l") == 0;

	return driver_fail(error, -EBUSY,
			   "%s: %s (pid %d) steers it already: stop that, or leave the clock to "
			   "it%s",
			   clock, process->name, process->pid,
			   ptp4l ? " (as grandmaster only, it needs serverOnly 1)" : "");
}

/* Who it is that holds the lock, in words. -EBUSY, or 0 if it is this process. */
static int refuse(int fd, const char *clock, struct driver_error *error)
{
	struct steward_process process = { .name = "another program" };
	struct steward_cmdline c = { .count = 0 };
	char pid[16];
	struct stat st;

	if (fstat(fd, &st) == 0) {
		process.pid = lock_holder(&st);
	}
	if (process.pid == (int)getpid()) {
		return 0;
	}
	if (process.pid > 0) {
		(void)snprintf(pid, sizeof(pid), "%d", process.pid);
		steward_read_cmdline("/proc", pid, &c);
	}
	if (c.count > 0) {
		const char *slash = strrchr(c.args[0], '/');

		(void)snprintf(process.name, sizeof(process.name), "%s",
			       slash ? slash + 1 : c.args[0]);
	}
	return fail_busy(clock, &process, error);
}

int steward_claim(struct steward *steward, const struct gnomon_clock *clock,
		  struct driver_error *error)
{
	const bool system = strcmp(clock->ops->kind, "system") == 0;
	int fd = -1;
	int err = 0;

	*steward = (struct steward){ .fd = -1 };
	if (system) {
		fd = open(REALTIME_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	} else if (strcmp(clock->ops->kind, "phc") == 0) {
		fd = open(clock->name, O_RDONLY | O_CLOEXEC);
	} else {
		return 0;
	}
	if (fd < 0) {
		steward->unlocked = -errno;
		return 0;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		steward->fd = fd;
		return 0;
	}
	if (errno == EWOULDBLOCK) {
		err = refuse(fd, clock->name, error);
	}
	(void)close(fd);
	return err;
}

int steward_take(struct steward *steward, const struct gnomon_clock *clock, bool force,
		 struct driver_error *error)
{
	struct steward_process process;
	int err = steward_claim(steward, clock, force ? NULL : error);

	if (force) {
		return 0;
	}
	if (!err && steward_find("/proc", clock, &process) == 0) {
		steward_release(steward);
		return fail_busy(clock->name, &process, error);
	}
	return err;
}

bool steward_unlocked(const struct steward *steward, const struct gnomon_clock *clock,
		      struct driver_error *why)
{
	const bool system = strcmp(clock->ops->kind, "system") == 0;

	if (steward->unlocked) {
		(void)driver_fail(why, steward->unlocked,
				  "%s: cannot be locked (%s: %s): another gnomon that steers it "
				  "will not be noticed",
				  clock->name, system ? REALTIME_LOCK : clock->name,
				  driver_strerror(steward->unlocked));
	}
	return steward->unlocked != 0;
}

void steward_release(struct steward *steward)
{
	if (steward->fd >= 0) {
		(void)close(steward->fd);
	}
	steward->fd = -1;
}
