/* SPDX-License-Identifier: BSD-2-Clause */
/* The first thing of a start: pages that an earlier run left, perhaps in the middle of a write. */
#include "guests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guests_private.h"

#define SUFFIX ".truth"

/* Of guest_size. */
#define SIZE_MOST (1u << 30)

/* The page as its truth has it. */
static void write_page(struct page_file *file, const struct truth_slot *slot)
{
	const bool second = file->mapped >= GNOMON_GUEST_FILE_SIZE;
	uint8_t *quality = file->map + GNOMON_QUALITY_OFFSET;
	uint32_t seq = gnomon_vmclock_seq_after(file->map);

	gnomon_vmclock_write(file->map, &slot->shown, &seq);
	if (second) {
		seq = gnomon_quality_seq_after(quality);
		gnomon_quality_write(quality, &slot->quality, &seq);
		gnomon_mailbox_init(file->map + GNOMON_MAILBOX_OFFSET);
	}
}

/* Of another boot, whose counter was another, nothing is known. */
static void doubt(struct truth_slot *slot)
{
	slot->shown.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	slot->quality.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	slot->quality.flags = 0;
	(void)!getrandom(&slot->shown.disruption_marker, sizeof(slot->shown.disruption_marker), 0);
}

/* What a user may name we write only where that user could write, or the configuration says so:
 * root does what a truth file of root says. */
static bool may_write(const struct conf *conf, const struct truth_head *head,
		      const struct stat *page, const struct stat *truth)
{
	if (page->st_dev != head->device || page->st_ino != head->inode || page->st_nlink != 1) {
		return false;
	}
	if (truth->st_uid == 0 || geteuid() != 0 || page->st_uid == truth->st_uid) {
		return true;
	}
	for (size_t i = 0; i < conf->guest_count; i++) {
		if (strcmp(conf->guests[i].path, head->path) == 0) {
			return true;
		}
	}
	return false;
}

static bool repair_page(const struct conf *conf, const struct truth_file *truth,
			const char *boot_id)
{
	struct truth_head head;
	struct truth_slot slot;
	struct page_file page;
	struct stat ours;
	struct stat theirs;
	bool good = truth_head(truth, &head) && truth_load(truth, &slot);

	if (!good || fstat(truth->file.fd, &ours) != 0 || stat(head.path, &theirs) != 0 ||
	    !may_write(conf, &head, &theirs, &ours) || head.size > SIZE_MOST ||
	    page_file_take(&page, head.path, (size_t)head.size, &theirs) != 0) {
		return false;
	}
	if (!boot_id[0] || strcmp(slot.boot_id, boot_id) != 0) {
		doubt(&slot);
	}
	page_file_enter(&page);
	write_page(&page, &slot);
	if (page_file_leave(&page) == -ESTALE) {
		page_file_enter(&page);
		write_page(&page, &slot);
		(void)page_file_leave(&page);
	}
	page_file_close(&page);
	return true;
}

/* The truth is only read: what is right about it is for whoever attaches the guest again. */
static bool repair(const struct conf *conf, const char *name, const char *boot_id)
{
	char path[CONF_PAGE_MAX];
	struct truth_file truth;
	bool repaired;

	(void)snprintf(path, sizeof(path), "%s/%s", conf->guest_dir, name);
	if (truth_take(&truth, path) != 0) {
		return false;
	}
	repaired = repair_page(conf, &truth, boot_id);
	truth_close(&truth);
	return repaired;
}

static bool is_truth(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

unsigned int guests_repair(const struct conf *conf)
{
	char boot_id[GUESTS_BOOT_ID_LEN];
	unsigned int repaired = 0;
	struct dirent *entry;
	DIR *folder = conf->guest_dir ? opendir(conf->guest_dir) : NULL;
	int lock;

	if (!folder) {
		return 0;
	}
	lock = guests_folder_lock(conf->guest_dir, NULL);
	truth_boot_id(boot_id);
	while (lock >= 0 && (entry = readdir(folder)) != NULL) {
		repaired += is_truth(entry->d_name) && repair(conf, entry->d_name, boot_id);
	}
	if (lock >= 0) {
		(void)close(lock);
	}
	(void)closedir(folder);
	return repaired;
}
