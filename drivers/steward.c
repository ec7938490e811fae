/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/steward.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "drivers/clock.h"
#include "drivers/timestamping.h"

/* The system clock has no file of its own to lock. Not under a folder that anybody may write to:
 * then anybody could keep us from starting. */
#define REALTIME_LOCK "/run/gnomon-clock-realtime.lock"

#define CMDLINE_MAX 4096
#define ARGS_MAX 256

struct cmdline {
	char text[CMDLINE_MAX];
	const char *args[ARGS_MAX];
	int count;
};

/* The clock a question is about. */
struct subject {
	bool system;
	dev_t device; /* of a PHC */
};

/* -- command lines ---------------------------------------------------------------------------- */

static void read_cmdline(const char *folder, const char *pid, struct cmdline *c)
{
	char path[300];
	ssize_t len;
	int fd;

	c->count = 0;
	(void)snprintf(path, sizeof(path), "%s/%s/cmdline", folder, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	len = read(fd, c->text, sizeof(c->text) - 1);
	(void)close(fd);
	if (len <= 0) {
		return;
	}
	c->text[len] = '\0';
	for (const char *p = c->text; p < c->text + len && c->count < ARGS_MAX;
	     p += strlen(p) + 1) {
		c->args[c->count++] = p;
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * The value of option -letter after the one at *at (0: the first); NULL: no more. with_value: the
 * letters that take one, as getopt has it. An option without value gives "".
 */
static const char *next_option(const struct cmdline *c, char letter, const char *with_value,
			       int *at)
{
	for (int i = *at + 1; i < c->count; i++) {
		const char *arg = c->args[i];

		if (arg[0] != '-' || arg[1] == '-') {
			continue;
		}
		for (const char *p = arg + 1; *p; p++) {
			const bool valued = strchr(with_value, *p) != NULL;
			const char *value = p[1] ? p + 1 : i + 1 < c->count ? c->args[i + 1] : "";

			if (*p == letter) {
				*at = i;
				return valued ? value : "";
			}
			if (valued) {
				i += p[1] == '\0';
				break;
			}
		}
	}
	return NULL;
}

static bool has_option(const struct cmdline *c, char letter, const char *with_value)
{
	int at = 0;

	return next_option(c, letter, with_value, &at) != NULL;
}

/* --name=value or --name value. */
static bool has_setting(const struct cmdline *c, const char *name, const char *value)
{
	const size_t len = strlen(name);

	for (int i = 1; i < c->count; i++) {
		const char *arg = c->args[i];

		if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, len) != 0) {
			continue;
		}
		arg += 2 + len;
		if ((*arg == '=' && strcmp(arg + 1, value) == 0) ||
		    (*arg == '\0' && i + 1 < c->count && strcmp(c->args[i + 1], value) == 0)) {
			return true;
		}
	}
	return false;
}

/* -- what programs steer ---------------------------------------------------------------------- */

/* Whether a name on a phc2sys command line is the PHC in question. */
static bool names_device(const char *name, dev_t device)
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
	return stat(name, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device;
}

static bool names_subject(const char *name, const struct subject *s)
{
	return s->system ? strcasecmp(name, "CLOCK_REALTIME") == 0 : names_device(name, s->device);
}

static bool steers_always(const struct cmdline *c, const struct subject *s)
{
	return s->system;
}

/* -x: chronyd measures and leaves the clock alone. */
static bool chronyd_steers(const struct cmdline *c, const struct subject *s)
{
	return s->system && !has_option(c, 'x', "fFlLuPW");
}

/* What a configuration file adds is not looked at. */
static bool ptp4l_steers(const struct cmdline *c, const struct subject *s)
{
	return s->system &&
	       (has_option(c, 'S', "fiplt") || has_setting(c, "time_stamping", "software")) &&
	       !has_setting(c, "free_running", "1");
}

/* The sinks are those of -c, or CLOCK_REALTIME; with -a, it is one if there is -r. The servos that
 * write to another program do not count. */
static bool phc2sys_steers(const struct cmdline *c, const struct subject *s)
{
	static const char valued[] = "cdfsEPISFRNOLMiunzltC";
	const char *sink;
	const char *servo;
	int at = 0;

	servo = next_option(c, 'E', valued, &at);
	if ((servo && (strcasecmp(servo, "ntpshm") == 0 ||
		       strcasecmp(servo, "refclock_sock") == 0)) ||
	    has_setting(c, "free_running", "1")) {
		return false;
	}
	if (has_option(c, 'a', valued)) {
		return s->system && has_option(c, 'r', valued);
	}
	at = 0;
	sink = next_option(c, 'c', valued, &at);
	if (!sink) {
		return s->system;
	}
	for (; sink; sink = next_option(c, 'c', valued, &at)) {
		if (names_subject(sink, s)) {
			return true;
		}
	}
	return false;
}

static const struct {
	const char *name;
	bool (*steers)(const struct cmdline *c, const struct subject *s);
} programs[] = {
	{ "chronyd", chronyd_steers },
	{ "ntpd", steers_always },
	{ "openntpd", steers_always },
	{ "systemd-timesyncd", steers_always },
	{ "ptp4l", ptp4l_steers },
	{ "phc2sys", phc2sys_steers },
};

/* -- processes -------------------------------------------------------------------------------- */

static bool process_steers(const char *folder, const char *pid, const struct subject *s,
			   struct steward_process *process)
{
	struct cmdline c;

	read_cmdline(folder, pid, &c);
	if (c.count == 0) {
		return false;
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(base_name(c.args[0]), programs[i].name) == 0 &&
		    programs[i].steers(&c, s)) {
			process->pid = (int)strtol(pid, NULL, 10);
			(void)snprintf(process->name, sizeof(process->name), "%s",
				       programs[i].name);
			return true;
		}
	}
	return false;
}

static int fd_of_clock(clockid_t id)
{
	return ~(id >> 3);
}

/* False: a clock nobody else can know. */
static bool subject_of(const struct gnomon_clock *clock, struct subject *s)
{
	struct stat st;

	*s = (struct subject){ .system = strcmp(clock->ops->kind, "system") == 0 };
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
	struct subject subject;
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
	return driver_fail(error, -EBUSY,
			   "%s: %s (pid %d) steers it already: stop that, or leave the clock to it",
			   clock, process->name, process->pid);
}

/* Who it is that holds the lock, in words. -EBUSY, or 0 if it is this process. */
static int refuse(int fd, const char *clock, struct driver_error *error)
{
	struct steward_process process = { .name = "another program" };
	struct cmdline c = { .count = 0 };
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
		read_cmdline("/proc", pid, &c);
	}
	if (c.count > 0) {
		(void)snprintf(process.name, sizeof(process.name), "%s", base_name(c.args[0]));
	}
	return fail_busy(clock, &process, error);
}

int steward_claim(struct steward *steward, const struct gnomon_clock *clock,
		  struct driver_error *error)
{
	const bool system = strcmp(clock->ops->kind, "system") == 0;
	int fd = -1;
	int err = 0;

	steward->fd = -1;
	if (system) {
		fd = open(REALTIME_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	} else if (strcmp(clock->ops->kind, "phc") == 0) {
		fd = open(clock->name, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
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

void steward_release(struct steward *steward)
{
	if (steward->fd >= 0) {
		(void)close(steward->fd);
	}
	steward->fd = -1;
}
