/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Becoming another user once everything that needs root is open.
 */
#ifndef GNOMOND_USER_H
#define GNOMOND_USER_H

#include <sys/types.h>

#include "drivers/error.h"
#include "tools/config/config.h"
#include "tools/log/log.h"

struct user {
	uid_t uid;
	gid_t gid;
};

/** Look the user up: 0, or -ENOENT with one line in *error. */
int user_find(const char *name, struct user *user, struct driver_error *error);

/** Look the group up: 0, or -ENOENT with one line in *error. */
int user_find_group(const char *name, gid_t *gid, struct driver_error *error);

/** Look everybody up whom the configuration names: 0, or -ENOENT with one line in *error. */
int user_find_all(const struct conf *conf, struct driver_error *error);

/**
 * Ask, as that user, for what the daemon will need of the file system later: before anything is
 * touched. Returns 0, with a line in the log for whatever could not be opened again once it went
 * away; or -EACCES with one line in *error: state_file could never be written.
 */
int user_check(const struct conf *conf, const struct user *user, struct log *log,
	       struct driver_error *error);

/**
 * Become the user, without its supplementary groups, keeping of the capabilities this process has
 * those to set clocks and to open sockets and time stamping again. 0 or -errno with one line in
 * *error.
 */
int user_become(const char *name, const struct user *user, struct driver_error *error);

#endif
