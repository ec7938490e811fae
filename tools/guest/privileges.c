/* SPDX-License-Identifier: BSD-2-Clause */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The C library has them, its headers do not. */
int capget(cap_user_header_t header, cap_user_data_t data);
int capset(cap_user_header_t header, cap_user_data_t data);

/* By the file and nothing else: what getpwnam() asks cannot be linked statically. */
static bool find_user(const char *user, uid_t *uid, gid_t *gid)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	bool found = false;

	while (f && !found && (entry = fgetpwent(f))) {
		found = strcmp(entry->pw_name, user) == 0;
		*uid = entry->pw_uid;
		*gid = entry->pw_gid;
	}
	if (f) {
		(void)fclose(f);
	}
	return found;
}

/* Groups first: without root they could not be changed any more. */
static int become(const char *user, struct driver_error *error)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (!find_user(user, &uid, &gid)) {
		return driver_fail(error, -ENOENT,
				   "key 'user': there is no user '%s' in /etc/passwd; create it, "
				   "or remove the key", user);
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
		return driver_fail(error, -errno,
				   "key 'user': cannot become '%s': %s; run as root with "
				   "CAP_SETUID and CAP_SETGID, or let the service manager do it",
				   user, driver_strerror(-errno));
	}
	return 0;
}

int privileges_drop(const char *user, bool set_clock, struct driver_error *error)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int err = user[0] ? become(user, error) : 0;

	if (err) {
		return err;
	}
	if (capget(&header, data) != 0) {
		return driver_fail(error, -errno, "cannot read our capabilities: %s",
				   driver_strerror(-errno));
	}
	memset(&data[1], 0, sizeof(data[1]));
	data[0].permitted &= set_clock ? 1u << CAP_SYS_TIME : 0;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || capset(&header, data) != 0) {
		return driver_fail(error, -errno, "cannot give up privileges: %s",
				   driver_strerror(-errno));
	}
	return 0;
}
