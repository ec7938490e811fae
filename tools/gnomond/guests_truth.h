/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Truth files: what stands on a guest's page, kept where the guest cannot reach it, and written
 * before the page is. So whoever comes after a process that was killed, at whatever instruction,
 * can make the page whole and go on without breaking a promise.
 *
 * A file has a head, written once, and two slots written in turn, each with a checksum: a slot that
 * was being written when the process was killed does not check out, and the other one counts.
 */
#ifndef GNOMOND_GUESTS_TRUTH_H
#define GNOMOND_GUESTS_TRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <gnomon/bridge.h>
#include <gnomon/vmclock.h>

#include "drivers/error.h"
#include "drivers/page_file.h"
#include "tools/config/config.h"

#define GUESTS_BOOT_ID_LEN 40

/** Whose page it is. */
struct truth_head {
	char name[CONF_NAME_MAX];
	char path[CONF_PAGE_MAX]; /* of the page */
	uint64_t device;          /* ... and which file it was */
	uint64_t inode;
	uint64_t size;
};

/** What stands on it. */
struct truth_slot {
	uint64_t generation; /* the greater of two is the newer */
	char boot_id[GUESTS_BOOT_ID_LEN]; /* of the boot whose counter it is written against */
	struct gnomon_publisher publisher;
	struct gnomon_vmclock shown; /* its page in the guest's time scale */
	struct gnomon_quality quality;
	uint32_t map_source;   /* enum guest_map_source */
	int32_t pid;           /* of the machine, 0: not known, and when that began: */
	uint64_t start_time;
};

struct truth_file {
	struct page_file file; /* fd -1: none */
	uint64_t generation;   /* of the last slot written */
};

/** folder/NAME.truth into path[CONF_PAGE_MAX]. */
void truth_path(const char *folder, const char *name, char *path);

/**
 * Open or make it; uid: whose it is, (uid_t)-1: as it comes. What is in it stays until truth_begin.
 * 0 or -errno with *error.
 */
int truth_open(struct truth_file *truth, const char *folder, const char *name, uid_t uid,
	       struct driver_error *error);

/** One that is there, by its path, to be read. 0 or -errno. */
int truth_take(struct truth_file *truth, const char *path);

/** Of an open file: the head; false: it has none that checks out. */
bool truth_head(const struct truth_file *truth, struct truth_head *head);

/** The newest slot that checks out; false: none does. */
bool truth_load(const struct truth_file *truth, struct truth_slot *slot);

/** It is this page's from now on, and of no slot yet. */
void truth_begin(struct truth_file *truth, const struct truth_head *head);

/** Write the slot that is not the newest. generation is filled in. */
void truth_save(struct truth_file *truth, struct truth_slot *slot);

void truth_close(struct truth_file *truth);
/** And take it away. */
void truth_remove(struct truth_file *truth, const char *folder, const char *name);

/** This boot's; "" if the kernel does not tell, which is like no other. */
void truth_boot_id(char id[GUESTS_BOOT_ID_LEN]);

#endif
