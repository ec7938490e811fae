/* SPDX-License-Identifier: BSD-2-Clause */
/* The folder of guests: whose it is, what was attached to earlier runs, and ACPI tables. */
#include "guests_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- the folder ------------------------------------------------------------------------------- */

/* Who may write it could tell us what to write where. */
static int check_folder(const struct guests *g, struct driver_error *error)
{
	const char *path = g->conf->guest_dir;
	struct stat st;

	if (stat(path, &st) != 0) {
		return driver_fail(error, -errno, "guest_dir %s: %s; make the folder", path,
				   driver_strerror(-errno));
	}
	if (!S_ISDIR(st.st_mode)) {
		return driver_fail(error, -ENOTDIR, "guest_dir %s: is no folder; name another",
				   path);
	}
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != g->uid) {
		return driver_fail(error, -EPERM,
				   "guest_dir %s: belongs to user %lu, who could write what we do "
				   "to guests; give it to who runs gnomond (chown)",
				   path, (unsigned long)st.st_uid);
	}
	if (st.st_mode & 0022) {
		return driver_fail(error, -EPERM,
				   "guest_dir %s: others may write it; make it 0755 (chmod)", path);
	}
	if (st.st_uid == 0 && geteuid() == 0 && g->uid != (uid_t)-1 &&
	    chown(path, g->uid, g->gid) != 0) {
		return driver_fail(error, -errno, "guest_dir %s: cannot be given to key 'user': %s",
				   path, driver_strerror(-errno));
	}
	return 0;
}

int guests_folder(const struct guests *g, struct driver_error *error)
{
	const char *path = g->conf->guest_dir;

	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		return driver_fail(error, -errno, "guest_dir %s: cannot be made: %s", path,
				   driver_strerror(-errno));
	}
	return check_folder(g, error);
}

int guests_folder_lock(const char *folder, struct driver_error *error)
{
	char path[CONF_PAGE_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/guests.lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return driver_fail(error, -errno, "%s: cannot be opened: %s", path,
				   driver_strerror(-errno));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		(void)close(fd);
		return driver_fail(error, -EBUSY,
				   "guest_dir %s: another gnomond has it; give each its own",
				   folder);
	}
	return fd;
}

/* -- guests.conf ------------------------------------------------------------------------------ */

static void path_of(const struct guests *g, const char *suffix, char path[CONF_PAGE_MAX])
{
	(void)snprintf(path, CONF_PAGE_MAX, "%s/guests.conf%s", g->conf->guest_dir, suffix);
}

/* The next guest that comes or goes writes the file anew, of those that are there: the one that was
 * not understood keeps a name of its own. */
static void keep_aside(struct guests *g)
{
	char path[CONF_PAGE_MAX];
	char aside[CONF_PAGE_MAX];
	struct driver_error text;

	path_of(g, "", path);
	path_of(g, ".bad", aside);
	(void)unlink(aside);
	if (link(path, aside) == 0) {
		driver_fail(&text, -ENOENT,
			    "not all guests of before are there; %s has it all the same: put it "
			    "right, and attach them again", aside);
		guests_report_trouble(g, NULL, text.text);
	}
}

/* Each on its own: one that cannot be attached any more does not keep the others away. False: there
 * is such a one. */
static bool attach_all(struct guests *g, const struct conf *remembered,
		       int (*attach)(struct guests *g, const struct conf_guest *conf,
				     struct driver_error *error))
{
	bool all = true;

	for (size_t i = 0; i < remembered->guest_count; i++) {
		struct conf_guest *guest = &remembered->guests[i];
		struct conf_place at = { .file = remembered->file, .line = guest->line };
		struct conf_error wrong = { "" };
		struct driver_error why = { "" };

		if (guests_find(g, guest->name) != SIZE_MAX) {
			continue; /* the configuration has it now */
		}
		if (conf_guest_check(guest, g->conf->guests, g->conf->guest_count, at, &wrong)) {
			guests_report_trouble(g, NULL, wrong.text);
			all = false;
		} else if (attach(g, guest, &why) != 0) {
			guests_report_trouble(g, NULL, why.text);
			all = false;
		}
	}
	return all;
}

int guests_file_load(struct guests *g, struct driver_error *error,
		     int (*attach)(struct guests *g, const struct conf_guest *conf,
				   struct driver_error *error))
{
	char path[CONF_PAGE_MAX];
	struct conf_error wrong = { "" };
	struct conf_text text;
	struct conf conf;
	bool all = false;
	int r;

	path_of(g, "", path);
	if (access(path, F_OK) != 0) {
		return 0;
	}
	if (conf_init(&conf, true) != 0) {
		return driver_fail(error, -ENOMEM, "no memory for guests");
	}
	r = conf_text_read(&text, path, &wrong);
	if (r == 0) {
		r = conf_parse_global(&conf, &text, &wrong);
		r = r ? r : conf_parse_ports(&conf, &text, &wrong);
		if (r == 0) {
			all = attach_all(g, &conf, attach);
		}
		conf_text_finish(&text);
	}
	if (r != 0) {
		guests_report_trouble(g, NULL, wrong.text);
	}
	if (!all) {
		keep_aside(g);
	}
	conf_finish(&conf);
	return 0;
}

static int write_text(void *context, const char *text, size_t len)
{
	return fwrite(text, 1, len, context) == len ? 0 : -EIO;
}

static int write_guests(const struct guests *g, const struct guest *but,
			const struct conf_guest *and, FILE *file)
{
	int r = fputs("# Attached while gnomond ran; it writes this file.\n", file) < 0 ? -EIO : 0;

	for (size_t i = 0; r == 0 && i < g->count; i++) {
		if (g->list[i]->dynamic && g->list[i] != but) {
			r = conf_print_guest(&g->list[i]->conf, write_text, file);
		}
	}
	return r == 0 && and ? conf_print_guest(and, write_text, file) : r;
}

static int explain_store(const char *path, int r, struct driver_error *error)
{
	return driver_fail(error, r, "%s: cannot be written, and nothing was changed: %s; put that "
			   "right, and ask again", path, driver_strerror(r));
}

int guests_file_prepare(const struct guests *g, const struct guest *but,
			const struct conf_guest *and, struct driver_error *error)
{
	char beside[CONF_PAGE_MAX];
	FILE *file = NULL;
	int fd;
	int r;

	path_of(g, ".new", beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		file = fdopen(fd, "w");
	}
	if (!file) {
		r = -errno;
	} else {
		r = write_guests(g, but, and, file);
		r = fclose(file) != 0 && r == 0 ? -errno : r;
	}
	if (r != 0) {
		(void)unlink(beside);
		return explain_store(beside, r, error);
	}
	return 0;
}

/* Beside it, then in its place: whoever reads it finds the old one or the new one. */
int guests_file_commit(const struct guests *g, struct driver_error *error)
{
	char path[CONF_PAGE_MAX];
	char beside[CONF_PAGE_MAX];
	int r;

	path_of(g, "", path);
	path_of(g, ".new", beside);
	if (rename(beside, path) != 0) {
		r = -errno;
		(void)unlink(beside);
		return explain_store(path, r, error);
	}
	return 0;
}

void guests_file_cancel(const struct guests *g)
{
	char beside[CONF_PAGE_MAX];

	path_of(g, ".new", beside);
	(void)unlink(beside);
}

/* -- ACPI tables ------------------------------------------------------------------------------ */

/* QEMU reads it, as whoever it runs. */
static int write_table(const char *path, const uint8_t *octets, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	ssize_t n;

	if (fd < 0) {
		return -errno;
	}
	n = write(fd, octets, len);
	if (fchmod(fd, 0644) != 0 || close(fd) != 0) {
		return -errno;
	}
	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -ENOSPC;
}

int guests_file_table(const struct guests *g, struct guest *v, struct driver_error *error)
{
	uint8_t octets[GNOMON_AML_MAX];
	const struct gnomon_aml_bar bar = { .device = (uint8_t)v->conf.slot };
	char path[CONF_PAGE_MAX];
	size_t len = sizeof(octets);
	int r = 0;

	switch ((enum conf_way)v->conf.way) {
	case CONF_WAY_BAR_ACPI:
		r = gnomon_aml_bar(&bar, octets, &len);
		break;
	case CONF_WAY_FIXED:
		r = gnomon_aml_fixed(v->conf.gpa, octets, &len);
		break;
	case CONF_WAY_BAR:
	case CONF_WAY_PATCH:
		return 0;
	}
	(void)snprintf(path, sizeof(path), "%s/%s.aml", g->conf->guest_dir, v->conf.name);
	r = r ? r : write_table(path, octets, len);
	if (r != 0) {
		return driver_fail(error, r, "%s: cannot be written: %s", path, driver_strerror(r));
	}
	memcpy(v->table, path, sizeof(path));
	return 0;
}

void guests_file_forget(struct guest *v)
{
	if (v->table[0]) {
		(void)unlink(v->table);
	}
}
