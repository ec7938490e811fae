/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/clock_find.h"

/* Simulators stand in for stat functions of the plain kind. */
#undef _FILE_OFFSET_BITS

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "drivers/timestamping.h"

#define NAME_SIZE 256

/* What the clock_name file of a PHC says, without its newline; empty: nothing. */
static void read_clock_name(const char *folder, const char *phc, char name[NAME_SIZE])
{
	char path[NAME_SIZE + 64];
	FILE *file;

	name[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/%s/clock_name", folder, phc);
	file = fopen(path, "re");
	if (!file) {
		return;
	}
	if (!fgets(name, NAME_SIZE, file)) {
		name[0] = '\0';
	}
	name[strcspn(name, "\n")] = '\0';
	(void)fclose(file);
}

int clock_find_named(const char *folder, const char *name)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int found = -ENODEV;

	while (dir && (entry = readdir(dir))) {
		char called[NAME_SIZE];
		int index;

		if (sscanf(entry->d_name, "ptp%d", &index) != 1 || index < 0) {
			continue;
		}
		read_clock_name(folder, entry->d_name, called);
		if (strcmp(called, name) == 0) {
			found = found == -ENODEV ? index : -ENOTUNIQ;
		}
	}
	if (dir) {
		(void)closedir(dir);
	}
	return found;
}

static int fd_of_clock(clockid_t id)
{
	return ~(id >> 3);
}

static bool is_kind(const struct gnomon_clock *clock, const char *kind)
{
	return strcmp(clock->ops->kind, kind) == 0;
}

/* Found out now, and not at the first correction. */
int clock_check_adjustable(const struct gnomon_clock *clock, struct driver_error *error)
{
	int flags;

	if (!is_kind(clock, "phc")) {
		return 0;
	}
	if (!(clock->max_frequency_ppb > 0)) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: the clock cannot be adjusted: use it as a source only",
				   clock->name);
	}
	flags = fcntl(fd_of_clock(clock_id(clock)), F_GETFL);
	if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) {
		return driver_fail(error, -EACCES,
				   "%s: no permission to adjust it: run as root or as a user who "
				   "may write to the device",
				   clock->name);
	}
	return 0;
}

static int open_soft(struct gnomon_clock **clock, const char *name,
		     const struct clock_find_options *options, struct driver_error *error)
{
	struct clock_soft_config config = options->soft;
	int err;

	config.name = name;
	err = clock_soft_create(clock, &config);
	if (err == -EINVAL) {
		return driver_fail(error, err,
				   "%s: that offset, frequency or name is out of range for a soft "
				   "clock",
				   name);
	}
	return err ? driver_fail(error, err, "%s: cannot make a soft clock: %s", name,
				 driver_strerror(err)) :
		     0;
}

/* An interface, or the name a driver gave its clock. */
static int open_word(struct gnomon_clock **clock, const char *name, struct driver_error *error)
{
	struct timestamping_info info = { .phc_index = -1 };
	int index = -1;

	if (strlen(name) < IFNAMSIZ && timestamping_query(name, &info, NULL) == 0) {
		if (info.phc_index < 0) {
			return driver_fail(error, -EOPNOTSUPP,
					   "%s: the interface has no PTP hardware clock; \"ls "
					   "/sys/class/ptp\" lists what there is",
					   name);
		}
		return clock_phc_open_index(clock, info.phc_index, error);
	}
	index = clock_find_named("/sys/class/ptp", name);
	if (index == -ENOTUNIQ) {
		return driver_fail(error, index,
				   "%s: several clocks have that name (\"grep . "
				   "/sys/class/ptp/*/clock_name\" lists them): give the device",
				   name);
	}
	if (index < 0) {
		return driver_fail(error, -ENODEV,
				   "%s: no such clock: give CLOCK_REALTIME, a device (/dev/ptp0), "
				   "an interface or a clock_name of /sys/class/ptp",
				   name[0] ? name : "''");
	}
	return clock_phc_open_index(clock, index, error);
}

int clock_find(struct gnomon_clock **clock, const char *name,
	       const struct clock_find_options *options, struct driver_error *error)
{
	struct gnomon_clock *found;
	int err;

	if (strcasecmp(name, "CLOCK_REALTIME") == 0) {
		return clock_system_open(clock, options->adjust, error);
	}
	if (strncasecmp(name, "CLOCK_", 6) == 0) {
		return driver_fail(error, -ENODEV, "%s: not a clock of the system that can be "
				   "used here; there is CLOCK_REALTIME", name);
	}
	if (strcmp(name, "soft") == 0 || strncmp(name, "soft:", 5) == 0) {
		return open_soft(clock, name, options, error);
	}
	err = strchr(name, '/') ? clock_phc_open(&found, name, error) :
				  open_word(&found, name, error);
	if (err) {
		return err;
	}
	err = options->adjust ? clock_check_adjustable(found, error) : 0;
	if (err) {
		found->ops->destroy(found);
		return err;
	}
	*clock = found;
	return 0;
}

bool clock_same(const struct gnomon_clock *a, const struct gnomon_clock *b)
{
	struct stat first;
	struct stat second;

	if (a == b) {
		return true;
	}
	if (strcmp(a->ops->kind, b->ops->kind) != 0) {
		return false;
	}
	if (is_kind(a, "system")) {
		return true;
	}
	if (!is_kind(a, "phc")) {
		return strcmp(a->name, b->name) == 0; /* soft clocks are told apart by name */
	}
	if (fstat(fd_of_clock(clock_id(a)), &first) || fstat(fd_of_clock(clock_id(b)), &second)) {
		return strcmp(a->name, b->name) == 0;
	}
	return first.st_rdev == second.st_rdev;
}

int clock_phc_index(const struct gnomon_clock *clock)
{
	char real[PATH_MAX]; /* ours: a simulator's realpath() makes none */
	const char *path = is_kind(clock, "phc") ? realpath(clock->name, real) : NULL;
	char end;
	int index;

	if (sscanf(path ? path : clock->name, "/dev/ptp%d%c", &index, &end) != 1) {
		index = -1;
	}
	return index;
}
