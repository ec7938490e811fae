/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/page_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of files that are taken as they are. */
#define MAPPED_MOST 8192

/* -- SIGBUS ----------------------------------------------------------------------------------- */

/* The file being touched, for the handler: its thread is the one that touches it. */
static _Thread_local struct page_file *volatile touched;
static _Thread_local volatile sig_atomic_t lost;

/* Memory of ours in the place of the file's: the access is done again, and harms nobody. Only calls
 * of the kernel are made here. A SIGBUS from elsewhere kills, as it would have. */
static void take_sigbus(int signum, siginfo_t *info, void *context)
{
	const struct page_file *file = touched;
	const uint8_t *at = info->si_addr;

	(void)context;
	if (file && at >= file->map && at < file->map + file->mapped &&
	    mmap(file->map, file->mapped, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
		lost = 1;
		return;
	}
	(void)signal(signum, SIG_DFL); /* and comes again when we return */
}

/* With every file: somebody else may have taken it since. */
static void catch_sigbus(void)
{
	const struct sigaction action = { .sa_sigaction = take_sigbus, .sa_flags = SA_SIGINFO };

	(void)sigaction(SIGBUS, &action, NULL);
}

/* -- opening ---------------------------------------------------------------------------------- */

void page_file_init(struct page_file *file)
{
	*file = (struct page_file){ .fd = -1 };
}

/* Whether what we would write over is what somebody else wrote. */
static bool is_foreign(int fd, const struct page_file_config *c)
{
	uint8_t octets[MAPPED_MOST] = { 0 };
	size_t len = c->mapped < sizeof(octets) ? c->mapped : sizeof(octets);
	ssize_t n;

	if (!c->begins) {
		return false;
	}
	n = pread(fd, octets, len, 0);
	if (memcmp(octets, c->begins, c->begins_len) == 0) {
		return false;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (octets[i]) {
			return true;
		}
	}
	return n < 0;
}

/* In a folder that everybody may write anybody may have put it there before us, or a second name
 * of a file that is not his. */
static int check_file(int fd, const struct page_file_config *c, struct driver_error *error)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return driver_fail(error, -errno, "%s: %s", c->path, driver_strerror(-errno));
	}
	if (!S_ISREG(st.st_mode)) {
		return driver_fail(error, -EINVAL, "%s: is no file; name another", c->path);
	}
	if (st.st_nlink > 1) {
		return driver_fail(error, -EMLINK, "%s: has %lu names; remove the others", c->path,
				   (unsigned long)st.st_nlink);
	}
	if (st.st_uid != geteuid() && st.st_uid != 0 && st.st_uid != c->uid) {
		return driver_fail(error, -EPERM,
				   "%s: belongs to user %lu, who may not be trusted with it; "
				   "remove the file, or say that it is his",
				   c->path, (unsigned long)st.st_uid);
	}
	if (is_foreign(fd, c)) {
		return driver_fail(error, -EEXIST,
				   "%s: has something else in it; name another file, or remove it",
				   c->path);
	}
	return 0;
}

/* Memory for all of it, now. A file that is longer was made so by who shares it. */
static int allocate(const struct page_file *file)
{
	int err;

	do {
		err = posix_fallocate(file->fd, 0, (off_t)file->size);
	} while (err == EINTR);
	return -err;
}

static int set_rights(int fd, const struct page_file_config *c, struct driver_error *error)
{
	struct stat st;
	int r = 0;

	if (fstat(fd, &st) != 0) {
		r = -errno;
	} else if (((c->uid != (uid_t)-1 && c->uid != st.st_uid) ||
		    (c->gid != (gid_t)-1 && c->gid != st.st_gid)) &&
		   fchown(fd, c->uid, c->gid) != 0) {
		r = -errno;
	} else if ((st.st_mode & 07777) != c->mode && fchmod(fd, c->mode) != 0) {
		r = -errno;
	}
	return r == 0 ? 0
		      : driver_fail(error, r,
				    "%s: cannot be given its owner and mode: %s; run as root with "
				    "CAP_CHOWN and CAP_FOWNER, or name no other owner",
				    c->path, driver_strerror(r));
}

static int map(struct page_file *file, int flags)
{
	void *at = mmap(file->map, file->mapped, PROT_READ | PROT_WRITE, MAP_SHARED | flags,
			file->fd, 0);

	if (at == MAP_FAILED) {
		return -errno;
	}
	file->map = at;
	return 0;
}

/* O_EXCL tells whose it is to take away again. */
static int open_path(const char *path, bool *made)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = -1;

	*made = false;
	for (int i = 0; fd < 0 && i < 2; i++) {
		fd = open(path, flags);
		if (fd >= 0 || errno != ENOENT) {
			break;
		}
		fd = open(path, flags | O_CREAT | O_EXCL, 0600);
		*made = fd >= 0;
		if (fd < 0 && errno != EEXIST) {
			break;
		}
	}
	return fd < 0 ? -errno : fd;
}

static int fill(struct page_file *file, const struct page_file_config *c,
		struct driver_error *error)
{
	int r = allocate(file);

	if (r != 0) {
		return driver_fail(error, r, "%s: no room for %zu octets: %s%s", c->path, c->size,
				   driver_strerror(r),
				   r == -ENOSPC ? "; make the file system larger, or remove "
						  "something from it"
						: "");
	}
	r = set_rights(file->fd, c, error);
	if (r != 0) {
		return r;
	}
	r = map(file, 0);
	return r ? driver_fail(error, r, "%s: cannot be mapped: %s", c->path, driver_strerror(r))
		 : 0;
}

int page_file_open(struct page_file *file, const struct page_file_config *c, bool *made,
		   struct driver_error *error)
{
	struct page_file f = { .size = c->size, .mapped = c->mapped };
	bool is_new;
	int r;

	f.fd = open_path(c->path, &is_new);
	if (f.fd == -ELOOP) {
		return driver_fail(error, f.fd,
				   "%s: is a symbolic link; name the file that it is about, or "
				   "remove the link",
				   c->path);
	}
	if (f.fd < 0) {
		return driver_fail(error, f.fd, "%s: cannot be opened: %s; check folder and rights",
				   c->path, driver_strerror(f.fd));
	}
	r = is_new ? 0 : check_file(f.fd, c, error);
	r = r ? r : fill(&f, c, error);
	if (r != 0) {
		if (is_new) {
			(void)unlink(c->path);
		}
		(void)close(f.fd);
		return r;
	}
	catch_sigbus();
	*file = f;
	*made = is_new;
	return 0;
}

void page_file_close(struct page_file *file)
{
	if (file->fd >= 0) {
		(void)munmap(file->map, file->mapped);
		(void)close(file->fd);
	}
	page_file_init(file);
}

int page_file_take(struct page_file *file, const char *path, size_t size, const struct stat *is)
{
	struct page_file f = { .size = size, .mapped = size < MAPPED_MOST ? size : MAPPED_MOST };
	struct stat st;
	int r = 0;

	f.fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (f.fd < 0) {
		return -errno;
	}
	if (fstat(f.fd, &st) != 0) {
		r = -errno;
	} else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || size == 0 ||
		   (is && (st.st_dev != is->st_dev || st.st_ino != is->st_ino))) {
		r = -EINVAL;
	}
	r = r ? r : allocate(&f);
	r = r ? r : map(&f, 0);
	if (r != 0) {
		(void)close(f.fd);
		return r;
	}
	catch_sigbus();
	*file = f;
	return 0;
}

/* Between the look and the removal somebody could put another in its place; whoever may do that may
 * remove files there himself. */
void page_file_remove(struct page_file *file, const char *path)
{
	struct stat ours;
	struct stat named;

	if (file->fd >= 0 && fstat(file->fd, &ours) == 0 && lstat(path, &named) == 0 &&
	    ours.st_dev == named.st_dev && ours.st_ino == named.st_ino) {
		(void)unlink(path);
	}
	page_file_close(file);
}

/* What was cut within a page is not missed by who has it mapped, only by who comes later. */
int page_file_check(struct page_file *file)
{
	struct stat st;
	int r;

	if (fstat(file->fd, &st) != 0) {
		return -errno;
	}
	if (st.st_nlink == 0) {
		return -ENOENT;
	}
	if ((size_t)st.st_size >= file->size) {
		return 0;
	}
	r = allocate(file);
	return r ? r : -ESTALE;
}

/* -- touching --------------------------------------------------------------------------------- */

void page_file_enter(struct page_file *file)
{
	lost = 0;
	touched = file;
}

int page_file_leave(struct page_file *file)
{
	int r;

	touched = NULL;
	if (!lost && !file->gone) {
		return 0;
	}
	r = allocate(file);
	r = r ? r : map(file, MAP_FIXED);
	file->gone = r != 0;
	return r ? r : -ESTALE;
}

/* -- owners ----------------------------------------------------------------------------------- */

/* A decimal number, which no name of a user is. */
static bool is_number(const char *text, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0 &&
	       *number < (uid_t)-1; /* that is nobody */
}

/* By the file and nothing else: to ask a directory service may take as long as that likes, and the
 * clock waits. Of a number that is not there the group stays unknown. */
static bool find_user(const char *name, uid_t *uid, gid_t *gid)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	unsigned long number = 0;
	const bool known = is_number(name, &number);
	bool found = false;

	*uid = (uid_t)number;
	while (f && !found && (entry = fgetpwent(f))) {
		found = known ? entry->pw_uid == *uid : strcmp(entry->pw_name, name) == 0;
		if (found) {
			*uid = entry->pw_uid;
			*gid = entry->pw_gid;
		}
	}
	if (f) {
		(void)fclose(f);
	}
	return found || known;
}

static bool find_group(const char *name, gid_t *gid)
{
	FILE *f;
	const struct group *entry;
	unsigned long number;
	bool found = false;

	if (is_number(name, &number)) {
		*gid = (gid_t)number;
		return true;
	}
	f = fopen("/etc/group", "re");
	while (f && !found && (entry = fgetgrent(f))) {
		found = strcmp(entry->gr_name, name) == 0;
		*gid = found ? entry->gr_gid : *gid;
	}
	if (f) {
		(void)fclose(f);
	}
	return found;
}

int page_file_owner(const char *owner, uid_t *uid, gid_t *gid, struct driver_error *error)
{
	const char *colon = strchrnul(owner, ':');
	uid_t user = (uid_t)-1;
	gid_t group = (gid_t)-1;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(colon - owner), owner);
	if (owner[0] && !find_user(name, &user, &group)) {
		return driver_fail(error, -ENOENT,
				   "there is no user '%s' in /etc/passwd; for one that is known "
				   "elsewhere write the number (id -u)", name);
	}
	if (*colon && !find_group(colon + 1, &group)) {
		return driver_fail(error, -ENOENT,
				   "there is no group '%s' in /etc/group; for one that is known "
				   "elsewhere write the number (getent group)", colon + 1);
	}
	*uid = user;
	*gid = group;
	return 0;
}
