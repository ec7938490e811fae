/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/proc_page.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gnomon/vmclock.h>

/* Of the structure: what says that it is one, and the count that readers wait on. */
#define MAGIC_AT 0
#define SEQ_AT 0x0c
#define BEHIND_SEQ 0x10

void proc_page_init(struct proc_page *page)
{
	*page = (struct proc_page){ .fd = -1 };
}

void proc_page_close(struct proc_page *page)
{
	if (page->fd >= 0) {
		(void)close(page->fd);
	}
	proc_page_init(page);
}

static int read_word(const struct proc_page *page, size_t at, uint32_t *word)
{
	uint32_t raw;
	const ssize_t got = pread(page->fd, &raw, sizeof(raw), (off_t)(page->address + at));

	if (got != (ssize_t)sizeof(raw)) {
		return got < 0 ? -errno : -ESRCH;
	}
	*word = le32toh(raw);
	return 0;
}

static int explain(pid_t pid, int code, struct driver_error *error)
{
	if (code == -EACCES || code == -EPERM) {
		return driver_fail(error, code,
				   "process %d: its memory may not be written; run gnomond as root "
				   "with CAP_SYS_PTRACE, and let no AppArmor or Yama forbid it",
				   (int)pid);
	}
	return driver_fail(error, code == -ENOENT ? -ESRCH : code,
			   "process %d: its memory cannot be opened: %s", (int)pid,
			   code == -ENOENT ? "there is no such process" : driver_strerror(code));
}

int proc_page_open(struct proc_page *page, pid_t pid, uint64_t address,
		   struct driver_error *error)
{
	struct proc_page opened = { .address = address };
	uint32_t magic = 0;
	char path[40];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	opened.fd = open(path, O_RDWR | O_CLOEXEC);
	if (opened.fd < 0) {
		return explain(pid, -errno, error);
	}
	r = address > INT64_MAX ? -EIO : read_word(&opened, MAGIC_AT, &magic);
	r = r ? r : read_word(&opened, SEQ_AT, &opened.seq);
	if (r || magic != GNOMON_VMCLOCK_MAGIC) {
		proc_page_close(&opened);
		return driver_fail(error, -EBADMSG,
				   "process %d: there is no clock page at 0x%llx; is it QEMU with "
				   "-device vmclock?",
				   (int)pid, (unsigned long long)address);
	}
	opened.seq = (opened.seq | 1) + 1;
	proc_page_close(page);
	*page = opened;
	return 0;
}

static int put(const struct proc_page *page, size_t at, const void *octets, size_t len)
{
	const ssize_t done = pwrite(page->fd, octets, len, (off_t)(page->address + at));

	return done == (ssize_t)len ? 0 : done < 0 && errno != EIO ? -errno : -ESRCH;
}

int proc_page_write(struct proc_page *page, const uint8_t *octets, size_t len)
{
	const uint32_t odd = htole32(page->seq | 1);
	const uint32_t even = htole32((page->seq | 1) + 1);
	int r = put(page, SEQ_AT, &odd, sizeof(odd));

	r = r ? r : put(page, 0, octets, SEQ_AT);
	r = r ? r : put(page, BEHIND_SEQ, octets + BEHIND_SEQ, len - BEHIND_SEQ);
	r = r ? r : put(page, SEQ_AT, &even, sizeof(even));
	if (r) {
		proc_page_close(page);
		return r;
	}
	page->seq = le32toh(even);
	return 0;
}

bool proc_page_is_ours(const struct proc_page *page)
{
	uint32_t seq = 0;

	return page->fd >= 0 && read_word(page, SEQ_AT, &seq) == 0 && seq == page->seq;
}
