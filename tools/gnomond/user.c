/* SPDX-License-Identifier: BSD-2-Clause */
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "drivers/page_file.h"

#define KEEP                                                                                       \
	(1u << CAP_NET_BIND_SERVICE | 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW | 1u << CAP_SYS_TIME)

/* The C library has them, its headers do not. */
int capget(cap_user_header_t header, cap_user_data_t data);
int capset(cap_user_header_t header, cap_user_data_t data);

int user_find(const char *name, struct user *user, struct driver_error *error)
{
	const struct passwd *entry = getpwnam(name);

	if (!entry) {
		return driver_fail(error, -ENOENT,
				   "key 'user': there is no user '%s'; create it, or remove the "
				   "key",
				   name);
	}
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	return 0;
}

int user_find_group(const char *name, gid_t *gid, struct driver_error *error)
{
	const struct group *entry = getgrnam(name);

	if (!entry) {
		return driver_fail(error, -ENOENT,
				   "key 'control_socket_group': there is no group '%s'; create "
				   "it, or remove the key",
				   name);
	}
	*gid = entry->gr_gid;
	return 0;
}

static int find_owner(const struct conf *conf, const struct conf_guest *guest,
		      struct driver_error *error)
{
	struct driver_error why = { "" };
	uid_t uid;
	gid_t gid;
	const int r = page_file_owner(guest->owner, &uid, &gid, &why);

	return r == 0 ? 0
		      : driver_fail(error, r, "%s:%u: guest %s: key 'guest_owner': %s",
				    conf->file ? conf->file : "command line", guest->line,
				    guest->name, why.text);
}

int user_find_all(const struct conf *conf, struct driver_error *error)
{
	struct user user;
	gid_t gid;
	int r = conf->user[0] ? user_find(conf->user, &user, error) : 0;

	if (r == 0 && conf->control_socket_group[0]) {
		r = user_find_group(conf->control_socket_group, &gid, error);
	}
	for (size_t i = 0; r == 0 && i < conf->guest_count; i++) {
		r = find_owner(conf, &conf->guests[i], error);
	}
	return r;
}

/* They survived the change of user in the permitted set; only those needed come back. */
static int keep_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (capget(&header, data) != 0) {
		return -errno;
	}
	memset(&data[1], 0, sizeof(data[1]));
	data[0].permitted &= KEEP;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	return capset(&header, data) != 0 ? -errno : 0;
}

/* Groups first: without root they could not be changed any more. */
int user_become(const char *name, const struct user *user, struct driver_error *error)
{
	int r = 0;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0) {
		r = -errno;
	}
	if (r == 0) {
		r = keep_capabilities();
	}
	if (r != 0) {
		return driver_fail(error, r, "key 'user': cannot become '%s': %s; run as root with "
				   "CAP_SETUID and CAP_SETGID, or let the service manager do it",
				   name, driver_strerror(r));
	}
	return 0;
}
