/* SPDX-License-Identifier: BSD-2-Clause */
#include "guests_truth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE 8192
#define MAGIC UINT64_C(0x31555254414d4e47) /* "GNMATRU1" */

/* Where things are in the file. A change of what is in them is another MAGIC, by their sizes. */
#define HEAD_AT 0
#define SLOT_AT(i) (1024 + 1024 * (size_t)(i))

struct head {
	uint64_t checksum; /* of all that follows */
	uint64_t magic;
	struct truth_head head;
};

struct slot {
	uint64_t checksum; /* of all that follows; 0: being written */
	struct truth_slot slot;
};

_Static_assert(sizeof(struct head) <= SLOT_AT(0), "the head's place");
_Static_assert(sizeof(struct slot) <= SLOT_AT(1) - SLOT_AT(0), "a slot's place");
_Static_assert(sizeof(struct head) % 8 == 0 && sizeof(struct slot) % 8 == 0, "whole words");

/* Against half of a write, not against forgery: the file is ours alone. Never 0. */
static uint64_t checksum(const void *from, size_t len)
{
	const uint8_t *at = from;
	uint64_t sum = MAGIC ^ sizeof(struct slot) << 32 ^ sizeof(struct head);

	for (size_t i = 0; i < len; i += 8) {
		uint64_t word;

		memcpy(&word, at + i, 8);
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	return sum ? sum : 1;
}

#define BODY(x) ((const uint8_t *)(x) + 8), sizeof(*(x)) - 8

void truth_path(const char *folder, const char *name, char *path)
{
	(void)snprintf(path, CONF_PAGE_MAX, "%s/%s.truth", folder, name);
}

int truth_open(struct truth_file *truth, const char *folder, const char *name, uid_t uid,
	       struct driver_error *error)
{
	char path[CONF_PAGE_MAX];
	const struct page_file_config config = {
		.path = path,
		.size = FILE_SIZE,
		.mapped = FILE_SIZE,
		.uid = uid,
		.gid = (gid_t)-1,
		.mode = 0600,
	};
	struct truth_slot slot;
	bool made;
	int r;

	truth_path(folder, name, path);
	r = page_file_open(&truth->file, &config, &made, error);
	truth->generation = 0;
	if (r == 0 && truth_load(truth, &slot)) {
		truth->generation = slot.generation;
	}
	return r;
}

int truth_take(struct truth_file *truth, const char *path)
{
	truth->generation = 0;
	return page_file_take(&truth->file, path, FILE_SIZE, NULL);
}

bool truth_head(const struct truth_file *truth, struct truth_head *head)
{
	struct head copy;

	memcpy(&copy, truth->file.map + HEAD_AT, sizeof(copy));
	if (copy.magic != MAGIC || copy.checksum != checksum(BODY(&copy))) {
		return false;
	}
	*head = copy.head;
	head->name[sizeof(head->name) - 1] = '\0';
	head->path[sizeof(head->path) - 1] = '\0';
	return true;
}

static bool load_slot(const struct truth_file *truth, int i, struct slot *copy)
{
	memcpy(copy, truth->file.map + SLOT_AT(i), sizeof(*copy));
	return copy->checksum && copy->checksum == checksum(BODY(copy));
}

bool truth_load(const struct truth_file *truth, struct truth_slot *slot)
{
	struct slot copies[2];
	bool good[2];
	int newest;

	for (int i = 0; i < 2; i++) {
		good[i] = load_slot(truth, i, &copies[i]);
	}
	if (!good[0] && !good[1]) {
		return false;
	}
	newest = !good[0] || (good[1] &&
			      copies[1].slot.generation > copies[0].slot.generation);
	*slot = copies[newest].slot;
	return true;
}

void truth_begin(struct truth_file *truth, const struct truth_head *head)
{
	struct head made = { .magic = MAGIC, .head = *head };

	made.checksum = checksum(BODY(&made));
	memset(truth->file.map, 0, FILE_SIZE);
	memcpy(truth->file.map + HEAD_AT, &made, sizeof(made));
	truth->generation = 0;
}

/* A killed process leaves memory as of the instruction it was killed at: all that matters is that
 * the compiler keeps the order. */
void truth_save(struct truth_file *truth, struct truth_slot *slot)
{
	struct slot made = { .slot = *slot };
	uint8_t *at;

	made.slot.generation = ++truth->generation;
	slot->generation = made.slot.generation;
	made.checksum = checksum(BODY(&made));
	at = truth->file.map + SLOT_AT(made.slot.generation % 2);
	__atomic_store_n((uint64_t *)(void *)at, 0, __ATOMIC_SEQ_CST);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memcpy(at + 8, BODY(&made));
	__atomic_store_n((uint64_t *)(void *)at, made.checksum, __ATOMIC_SEQ_CST);
}

void truth_close(struct truth_file *truth)
{
	page_file_close(&truth->file);
}

void truth_remove(struct truth_file *truth, const char *folder, const char *name)
{
	char path[CONF_PAGE_MAX];

	truth_path(folder, name, path);
	page_file_remove(&truth->file, path);
}

void truth_boot_id(char id[GUESTS_BOOT_ID_LEN])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, GUESTS_BOOT_ID_LEN - 1);

	if (fd >= 0) {
		(void)close(fd);
	}
	n = n < 0 ? 0 : n;
	memset(id + n, 0, GUESTS_BOOT_ID_LEN - (size_t)n);
	id[strcspn(id, "\n")] = '\0';
}
