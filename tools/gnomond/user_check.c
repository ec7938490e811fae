/* SPDX-License-Identifier: BSD-2-Clause */
/* What a user will need later, asked for as that user while nothing is touched yet. */
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/timestamping.h"

#include "report.h"
#include "state_file.h"

/* Lines of the child. The first octet of each says what it is. */
#define TOLD_MAX 4096
#define REFUSE 'E'
#define WARN 'W'

static void __attribute__((format(printf, 3, 4)))
say(int fd, char kind, const char *format, ...)
{
	char line[300] = { kind };
	va_list args;
	size_t len;

	va_start(args, format);
	(void)vsnprintf(line + 1, sizeof(line) - 2, format, args);
	va_end(args);
	len = strlen(line);
	line[len++] = '\n';
	/* Not more than a pipe takes at once. */
	(void)!write(fd, line, len);
}

/* What is not there is somebody else's to tell. */
static void check_path(int fd, const struct conf *conf, const char *where, const char *path,
		       int mode, const char *what)
{
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) != 0 && errno != ENOENT) {
		say(fd, WARN, "key 'user': %s may not %s %.80s (%s): when it goes away and comes "
		    "back, %s will not", conf->user, what, path, strerror(errno), where);
	}
}

/* A clock by its path, or that of an interface; other names are no files. */
static void check_clock(int fd, const struct conf *conf, const char *where, const char *name,
			int mode)
{
	struct timestamping_info info = { .phc_index = -1 };
	char path[32];

	if (strncmp(name, "pps:", 4) == 0) {
		name += 4;
	}
	if (name[0] != '/') {
		if (strlen(name) >= IFNAMSIZ || timestamping_query(name, &info, NULL) ||
		    info.phc_index < 0) {
			return;
		}
		(void)snprintf(path, sizeof(path), "/dev/ptp%d", info.phc_index);
		name = path;
	}
	check_path(fd, conf, where, name, mode, mode & W_OK ? "open and set" : "open");
}

/* A socket is answered to by one of ours beside it. */
static void check_folder(int fd, const struct conf *conf, const char *where, const char *socket)
{
	const char *slash = strrchr(socket, '/');
	char folder[128];

	if (socket[0] == '/' && (size_t)(slash - socket) < sizeof(folder)) {
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - socket), socket);
		check_path(fd, conf, where, folder[0] ? folder : "/", W_OK | X_OK, "write to");
	}
}

/* What its user's rights leave of a guest. The pages are opened before. */
static void check_guest(int fd, const struct conf *conf, const struct conf_guest *guest)
{
	const bool named = guest->pid || guest->uuid[0] || guest->libvirt[0];
	const bool kvm = guest->counter == CONF_COUNTER_KVM || guest->counter == CONF_COUNTER_AUTO;

	check_folder(fd, conf, guest->name, guest->path);
	if (kvm && !named) {
		say(fd, WARN, "key 'user': %s may not see what others' processes have mapped: say "
		    "which machine guest %s is (guest_pid, guest_uuid, guest_libvirt)",
		    conf->user, guest->name);
	}
	if (guest->way == CONF_WAY_PATCH) {
		say(fd, WARN, "key 'user': %s may not write to others' processes: guest %s "
		    "(guest_way patch) has no time unless its VMM runs as %s",
		    conf->user, guest->name, conf->user);
	}
	if (guest->qmp[0]) {
		check_path(fd, conf, guest->name, guest->qmp, W_OK, "write to");
	}
}

static void check_all(int fd, const struct conf *conf)
{
	struct driver_error why = { "" };

	if (conf->state_file[0] && state_file_check(conf->state_file, &why) != 0) {
		say(fd, REFUSE, "key 'user': as %s: %s", conf->user, why.text);
	}
	for (size_t i = 0; i < conf->source_count; i++) {
		const struct conf_source *source = &conf->sources[i];

		if (source->type == CONF_SOURCE_NTP) {
			check_folder(fd, conf, source->name, source->device);
		} else if (source->type != CONF_SOURCE_PTP) {
			check_clock(fd, conf, source->name, source->device, R_OK);
		}
	}
	for (size_t i = 0; i < conf->sync_count; i++) {
		const struct conf_sync *sync = &conf->syncs[i];
		const char *chrony = strncmp(sync->sink, "chrony:", 7) == 0 ? sync->sink + 7 : NULL;

		check_clock(fd, conf, sync->name, sync->source, R_OK);
		if (chrony) {
			check_path(fd, conf, sync->name, chrony, W_OK, "write to");
		} else {
			check_clock(fd, conf, sync->name, sync->sink, R_OK | W_OK);
		}
	}
	for (size_t i = 0; i < conf->guest_count; i++) {
		check_guest(fd, conf, &conf->guests[i]);
	}
}

/* Its capabilities go with root's number, and rights to files with them. */
static void check_as(int fd, const struct conf *conf, const struct user *user)
{
	if (setgroups(0, NULL) == 0 && setresgid(user->gid, user->gid, user->gid) == 0 &&
	    setresuid(user->uid, user->uid, user->uid) == 0) {
		check_all(fd, conf);
	}
}

static int take_lines(char *told, struct log *log, struct driver_error *error)
{
	int r = 0;

	for (char *line = strtok(told, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] == REFUSE && r == 0) {
			r = driver_fail(error, -EACCES, "%s", line + 1);
		} else if (line[0] == WARN) {
			report_trouble(log, line + 1);
		}
	}
	return r;
}

int user_check(const struct conf *conf, const struct user *user, struct log *log,
	       struct driver_error *error)
{
	char told[TOLD_MAX + 1] = "";
	size_t len = 0;
	ssize_t got;
	pid_t child;
	int ends[2];

	if (geteuid() != 0 || pipe2(ends, O_CLOEXEC) != 0) {
		return 0; /* becoming the user will fail, and say so */
	}
	child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		check_as(ends[1], conf, user);
		_exit(0);
	}
	(void)close(ends[1]);
	while (len < TOLD_MAX && (got = read(ends[0], told + len, TOLD_MAX - len)) != 0) {
		if (got < 0 && errno != EINTR) {
			break;
		}
		len += got > 0 ? (size_t)got : 0;
	}
	(void)close(ends[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
	return take_lines(told, log, error);
}
