/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Files that are shared with virtual machines, mapped into memory. Who shares one may do to it what
 * he likes: write anything anywhere, cut it short, unlink it. None of that may hurt this process:
 * an access to a file that was cut short ends in the handler of SIGBUS, which puts memory of our
 * own there, so that page_file_leave() can say so and make the file whole again.
 */
#ifndef DRIVERS_PAGE_FILE_H
#define DRIVERS_PAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "drivers/error.h"

struct page_file_config {
	const char *path; /* from the root on */
	size_t size;      /* octets of the file */
	size_t mapped;    /* of its beginning, multiple of a page: what we look at */
	uid_t uid;        /* (uid_t)-1: as it comes */
	gid_t gid;
	mode_t mode;
	const char *begins; /* a file that is there begins so, or is of zeros; NULL: as it likes */
	size_t begins_len;
};

struct page_file {
	int fd; /* -1: none */
	uint8_t *map;
	size_t mapped;
	size_t size;
	bool gone; /* the mapping is memory of ours */
};

/** No file yet. */
void page_file_init(struct page_file *file);

/**
 * Make the file, or take the one that is there: a regular file with one name, of us, of root or of
 * the owner it is to have, that has nothing else in it: a path may be a mistake, and what somebody
 * keeps in a file is not written over. It is given its memory here and now, so that a full file
 * system is -ENOSPC and no SIGBUS later, then its owner and mode. One that is too short is made
 * longer, filled with zeros; one that is longer is left so. *made: it was not there. Returns 0 or
 * -errno with *error, and nothing made.
 */
int page_file_open(struct page_file *file, const struct page_file_config *config, bool *made,
		   struct driver_error *error);

/**
 * Take a file that is there as it is: nothing but its length is put right. size: of the file, of
 * which the first two pages of 4096 octets are mapped if it has them. is: what it has to be, by
 * device and number (NULL: whatever it is); another file, put in its place meanwhile, is not
 * touched. 0 or -errno.
 */
int page_file_take(struct page_file *file, const char *path, size_t size, const struct stat *is);

/** Unmap and close; the file stays. */
void page_file_close(struct page_file *file);

/** Close, and take the name away if it is still that file's. */
void page_file_remove(struct page_file *file, const char *path);

/**
 * The mapping is touched only between these two, and by one thread, and only one file's at a time.
 * leave: 0; -ESTALE: the file had been cut short, and what was read or written meanwhile is lost;
 * it is whole again, with zeros. -errno: it cannot be made whole, and the mapping is memory of ours
 * that nobody sees; the next leave tries again.
 */
void page_file_enter(struct page_file *file);
int page_file_leave(struct page_file *file);

/**
 * Look at the file itself. 0; -ESTALE: it was shorter, and is as long as before now; -ENOENT: its
 * name is gone, so that nobody finds it any more; -errno.
 */
int page_file_check(struct page_file *file);

/**
 * Numbers of "user" or "user:group", each a number or a name of /etc/passwd and /etc/group: no
 * directory service is asked, so this never waits. "": (uid_t)-1 and (gid_t)-1; no group: the
 * user's, or (gid_t)-1 if he is not in the file. 0 or -ENOENT with *error.
 */
int page_file_owner(const char *owner, uid_t *uid, gid_t *gid, struct driver_error *error);

#endif
