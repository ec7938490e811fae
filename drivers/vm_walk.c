/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vm_walk.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Command lines of virtual machine monitors are long; what is beyond is not looked at. */
#define CMDLINE_MAX 65536

/* What is read of a process's maps at once, and the longest line. */
#define MAPS_CHUNK 4096
#define MAPS_LINE 4096

/* Entries of a folder listed at once: 40 processes, or 20 descriptors, each of which is read. */
#define PIDS_CHUNK 1024
#define FDS_CHUNK 512

#define UUID_LEN 36

/* One that is looked for, and who could be it: a machine of KVM weighs more than none. */
struct seeker {
	enum vm_key key;
	bool everywhere;
	bool settled;
	bool hit;       /* the process that is looked at now is one */
	bool kvm;       /* those counted below have a machine of KVM */
	char *value;
	struct stat file; /* of a page */
	unsigned int count;
	int pid[2]; /* of the first two */
	uint64_t start_time; /* of the first */
	int err; /* why it cannot be looked for at all */
};

/* What is done next. */
enum stage {
	STAGE_PREPARE, /* what was asked for, one by one */
	STAGE_PROCESS, /* the next process */
	STAGE_MAPS,    /* of this process: */
	STAGE_JUDGE,
	STAGE_DESCRIPTORS,
	STAGE_DONE,
};

struct vm_walk {
	struct vm_find find;
	struct seeker *seekers;
	size_t count;
	struct seeker **pages; /* by inode */
	size_t page_count;
	struct seeker **texts; /* by key and value */
	size_t text_count;
	size_t *settled; /* indices, in the order they were */
	size_t settled_count;
	size_t settled_told;
	int *machines; /* sorted, each once */
	size_t machine_count;

	enum stage stage;
	size_t at; /* of seekers, then of machines */
	bool others; /* machines are done, it is the turn of the rest */
	bool hidden; /* there are processes that we may not look into */
	int no_proc; /* why processes cannot be listed; 0 */
	int proc;    /* descriptors; -1: not open */
	int folder;  /* of the process */
	int maps;
	int fds;
	int pid;
	bool any_hit;
	bool skip_line; /* the rest of one that was too long */
	size_t held;    /* octets of a line that has not ended */
	size_t listed;  /* octets of entries, and how far we are */
	size_t entry;
	uint64_t calls;
	char lines[MAPS_LINE + MAPS_CHUNK + 1];
	char entries[PIDS_CHUNK] __attribute__((aligned(8)));
	char cmdline[CMDLINE_MAX];
};

static const char *proc_of(const struct vm_walk *w)
{
	return w->find.proc ? w->find.proc : "/proc";
}

static void close_one(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
	*fd = -1;
}

/* What is left of it; 0: nothing, or -errno. */
static ssize_t read_some(struct vm_walk *w, int fd, char *text, size_t size)
{
	const ssize_t got = read(fd, text, size);

	w->calls++;
	return got < 0 ? -errno : got;
}

static int open_in(struct vm_walk *w, int folder, const char *name, int flags)
{
	const int fd = openat(folder, name, flags | O_CLOEXEC);

	w->calls++;
	return fd < 0 ? -errno : fd;
}

/* Returns its length or -errno. It ends in a NUL. */
static ssize_t read_cmdline(struct vm_walk *w, int folder)
{
	int fd = open_in(w, folder, "cmdline", O_RDONLY);
	size_t length = 0;
	ssize_t got = fd;

	while (fd >= 0 && (got = read_some(w, fd, w->cmdline + length,
					   CMDLINE_MAX - 1 - length)) > 0) {
		length += (size_t)got;
	}
	close_one(&fd);
	w->cmdline[length] = '\0';
	return got < 0 ? got : (ssize_t)length;
}

/* -- tables of what is looked for -------------------------------------------------------------- */

static int compare_text(enum vm_key key, const char *a, size_t len, const struct seeker *b)
{
	int apart = key != b->key                ? (key < b->key ? -1 : 1)
		    : key == VM_KEY_UUID ? strncasecmp(a, b->value, len)
					 : strncmp(a, b->value, len);

	return apart ? apart : b->key == key && b->value[len] ? -1 : 0;
}

static int by_text(const struct seeker *a, const struct seeker *b)
{
	return compare_text(a->key, a->value, strlen(a->value), b);
}

static int by_inode(const void *a, const void *b)
{
	const ino_t one = (*(struct seeker *const *)a)->file.st_ino;
	const ino_t other = (*(struct seeker *const *)b)->file.st_ino;

	return one < other ? -1 : one > other;
}

static void hit(struct vm_walk *w, struct seeker *s)
{
	s->hit = !s->settled;
	w->any_hit |= s->hit;
}

static void hit_text(struct vm_walk *w, enum vm_key key, const char *value, size_t len)
{
	size_t low = 0;
	size_t high = w->text_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (compare_text(key, value, len, w->texts[middle]) > 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (; low < w->text_count && compare_text(key, value, len, w->texts[low]) == 0; low++) {
		hit(w, w->texts[low]);
	}
}

/* Some file systems have another device here than stat() tells, so the same path will do too. */
static void hit_page(struct vm_walk *w, uint64_t inode, dev_t device, const char *path)
{
	size_t low = 0;
	size_t high = w->page_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (w->pages[middle]->file.st_ino < inode) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (; low < w->page_count && w->pages[low]->file.st_ino == inode; low++) {
		struct seeker *s = w->pages[low];

		if (s->file.st_dev == device || strcmp(path, s->value) == 0) {
			hit(w, s);
		}
	}
}

/* -- what is read of a process ----------------------------------------------------------------- */

/* The last part of its program's name begins with ours. */
static bool is_ours(const char *cmdline)
{
	const char *slash = strrchr(cmdline, '/');

	return strncmp(slash ? slash + 1 : cmdline, "gnomon", strlen("gnomon")) == 0;
}

/* An option's values, with commas between: key=value, or the value alone at the start. */
static void look_at_option(struct vm_walk *w, const char *text, enum vm_key key, const char *name,
			   bool bare)
{
	const size_t name_len = strlen(name);

	for (const char *at = text;; at++) {
		const size_t len = strcspn(at, ",");

		if (len > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
			hit_text(w, key, at + name_len + 1, len - name_len - 1);
		} else if (bare && at == text) {
			hit_text(w, key, at, len);
		}
		at += len;
		if (!*at) {
			return;
		}
	}
}

/* The arguments, one after the other with NULs between. */
static void look_at_cmdline(struct vm_walk *w, size_t length)
{
	const char *before = "";

	for (const char *arg = w->cmdline; arg < w->cmdline + length; arg += strlen(arg) + 1) {
		const char *option = before[0] == '-' ? before + 1 + (before[1] == '-') : "";

		look_at_option(w, arg, VM_KEY_UUID, "uuid", strcmp(option, "uuid") == 0);
		if (strcmp(option, "name") == 0) {
			look_at_option(w, arg, VM_KEY_NAME, "guest", true);
		}
		before = arg;
	}
}

/* "from-to perms offset major:minor inode path". By hand: there are thousands of lines. */
static void look_at_mapping(struct vm_walk *w, char *line)
{
	unsigned long major_number;
	unsigned long minor_number;
	uint64_t inode;
	char *at = line;

	for (int field = 0; at && field < 3; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at) {
		return;
	}
	major_number = strtoul(at, &at, 16);
	if (*at != ':') {
		return;
	}
	minor_number = strtoul(at + 1, &at, 16);
	inode = strtoull(at, &at, 10);
	if (inode) {
		hit_page(w, inode, makedev((unsigned int)major_number, (unsigned int)minor_number),
			 at + strspn(at, " "));
	}
}

/* -- one process ------------------------------------------------------------------------------- */

static void leave_process(struct vm_walk *w)
{
	close_one(&w->maps);
	close_one(&w->fds);
	close_one(&w->folder);
	for (size_t i = 0; w->any_hit && i < w->count; i++) {
		w->seekers[i].hit = false;
	}
	w->any_hit = false;
	w->stage = STAGE_PROCESS;
}

/* One that has no command line is the kernel's. */
static void open_maps(struct vm_walk *w)
{
	w->maps = open_in(w, w->folder, "maps", O_RDONLY);
	w->held = 0;
	w->skip_line = false;
	if (w->maps >= 0) {
		w->stage = STAGE_MAPS;
		return;
	}
	if (w->maps == -EACCES || w->maps == -EPERM) {
		w->hidden |= read_cmdline(w, w->folder) > 0;
	}
	w->maps = -1;
	w->stage = STAGE_JUDGE;
}

static void enter_process(struct vm_walk *w, int pid)
{
	char name[128];
	ssize_t length = 0;

	if (pid == (int)getpid()) {
		return;
	}
	(void)snprintf(name, sizeof(name), "%s/%d", proc_of(w), pid);
	w->folder = open_in(w, AT_FDCWD, name, O_PATH | O_DIRECTORY);
	w->pid = pid;
	if (w->folder < 0) {
		w->folder = -1;
		return;
	}
	if (w->text_count) {
		length = read_cmdline(w, w->folder);
		look_at_cmdline(w, length > 0 ? (size_t)length : 0);
	}
	if (w->page_count) {
		open_maps(w);
	} else {
		w->stage = STAGE_JUDGE;
	}
}

/* Whole lines; what is left of the last one is kept for the next time. */
static void look_at_lines(struct vm_walk *w, size_t length)
{
	char *line = w->lines;
	char *const end = w->lines + length;
	char *stop;

	while ((stop = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		*stop = '\0';
		if (!w->skip_line) {
			look_at_mapping(w, line);
		}
		w->skip_line = false;
		line = stop + 1;
	}
	w->held = (size_t)(end - line);
	if (w->held > MAPS_LINE) { /* nobody's page has such a path */
		w->skip_line = true;
		w->held = 0;
	}
	memmove(w->lines, line, w->held);
}

static void step_maps(struct vm_walk *w)
{
	const ssize_t got = read_some(w, w->maps, w->lines + w->held, MAPS_CHUNK);

	if (got > 0) {
		look_at_lines(w, w->held + (size_t)got);
		return;
	}
	w->hidden |= got == -EACCES || got == -EPERM;
	if (w->held && !w->skip_line) {
		w->lines[w->held] = '\0';
		look_at_mapping(w, w->lines);
	}
	close_one(&w->maps);
	w->stage = STAGE_JUDGE;
}

static int by_number(const void *a, const void *b)
{
	const int one = *(const int *)a;
	const int other = *(const int *)b;

	return one < other ? -1 : one > other;
}

static bool is_machine(const struct vm_walk *w, int pid)
{
	return w->machine_count &&
	       bsearch(&pid, w->machines, w->machine_count, sizeof(pid), by_number);
}

static void consider(const struct vm_walk *w, struct seeker *s, bool kvm, uint64_t start_time)
{
	if (kvm && !s->kvm) {
		s->count = 0;
		s->kvm = true;
	}
	if (kvm != s->kvm) {
		return;
	}
	if (s->count == 0) {
		s->start_time = start_time;
	}
	if (s->count < 2) {
		s->pid[s->count] = w->pid;
	}
	s->count++;
}

/* One that has ended meanwhile was not there. */
static void consider_all(struct vm_walk *w, bool kvm)
{
	uint64_t start_time;
	const bool there = vm_process_started(w->folder, &start_time) == 0;

	w->calls += 2;
	for (size_t i = 0; there && i < w->count; i++) {
		if (w->seekers[i].hit) {
			consider(w, &w->seekers[i], kvm, start_time);
		}
	}
	leave_process(w);
}

/* Whether whoever was hit counts, and for how much. */
static void step_judge(struct vm_walk *w)
{
	if (!w->any_hit || read_cmdline(w, w->folder) <= 0 || is_ours(w->cmdline)) {
		leave_process(w);
		return;
	}
	if (is_machine(w, w->pid)) {
		consider_all(w, true);
		return;
	}
	w->fds = open_in(w, w->folder, "fd", O_RDONLY | O_DIRECTORY);
	if (w->fds < 0) { /* it may have one, and we may not know */
		w->fds = -1;
		consider_all(w, false);
		return;
	}
	w->stage = STAGE_DESCRIPTORS;
}

/* -- lists of the kernel ----------------------------------------------------------------------- */

/* An entry of getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Octets of entries, 0 at the end. */
static size_t list(struct vm_walk *w, int fd, char *entries, size_t size)
{
	const long got = syscall(SYS_getdents64, fd, entries, size);

	w->calls++;
	return got > 0 ? (size_t)got : 0;
}

static const struct entry *next_entry(const char *entries, size_t listed, size_t *at)
{
	const struct entry *e = (const void *)(entries + *at);

	if (*at >= listed) {
		return NULL;
	}
	*at += e->length;
	return e;
}

static bool is_kvm(struct vm_walk *w, const char *name)
{
	char target[64];
	const ssize_t length = readlinkat(w->fds, name, target, sizeof(target) - 1);

	w->calls++;
	target[length > 0 ? length : 0] = '\0';
	return strcmp(target, "anon_inode:kvm-vm") == 0;
}

static void step_descriptors(struct vm_walk *w)
{
	char entries[FDS_CHUNK] __attribute__((aligned(8)));
	const size_t listed = list(w, w->fds, entries, sizeof(entries));
	const struct entry *e;
	size_t at = 0;

	if (!listed) {
		consider_all(w, false);
		return;
	}
	while ((e = next_entry(entries, listed, &at)) != NULL) {
		if (is_kvm(w, e->name)) {
			consider_all(w, true);
			return;
		}
	}
}

/* -- what comes of it -------------------------------------------------------------------------- */

static void settle(struct vm_walk *w, struct seeker *s)
{
	if (!s->settled) {
		s->settled = true;
		w->settled[w->settled_count++] = (size_t)(s - w->seekers);
	}
}

/* Processes with machines are all known; those who have one need not look at the rest. */
static bool begin_others(struct vm_walk *w)
{
	bool missing = false;

	for (size_t i = 0; i < w->count; i++) {
		if (w->seekers[i].count) {
			settle(w, &w->seekers[i]);
		}
		missing |= !w->seekers[i].settled && w->seekers[i].everywhere;
	}
	w->others = true;
	w->listed = w->entry = 0;
	if (missing) {
		w->proc = open_in(w, AT_FDCWD, proc_of(w), O_RDONLY | O_DIRECTORY);
	}
	if (missing && w->proc < 0) {
		w->no_proc = w->proc;
		w->proc = -1;
	}
	return w->proc >= 0;
}

static void finish(struct vm_walk *w)
{
	for (size_t i = 0; i < w->count; i++) {
		settle(w, &w->seekers[i]);
	}
	close_one(&w->proc);
	w->stage = STAGE_DONE;
}

static void step_others(struct vm_walk *w)
{
	const struct entry *e = next_entry(w->entries, w->listed, &w->entry);
	char *end;
	long pid;

	if (!e) {
		w->listed = list(w, w->proc, w->entries, sizeof(w->entries));
		w->entry = 0;
		if (!w->listed) {
			finish(w);
		}
		return;
	}
	pid = strtol(e->name, &end, 10);
	if (pid > 0 && pid <= INT_MAX && !*end && !is_machine(w, (int)pid)) {
		enter_process(w, (int)pid);
	}
}

static void step_process(struct vm_walk *w)
{
	if (w->settled_count == w->count) {
		finish(w);
	} else if (w->others) {
		step_others(w);
	} else if (w->at < w->machine_count) {
		enter_process(w, w->machines[w->at++]);
	} else if (!begin_others(w)) {
		finish(w);
	}
}

/* -- before the walk --------------------------------------------------------------------------- */

static bool is_uuid(const char *text)
{
	size_t i;

	for (i = 0; i < UUID_LEN && text[i]; i++) {
		const bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return i == UUID_LEN && !text[i];
}

static bool is_name(const char *text)
{
	return text[0] && !strpbrk(text, "/,\n") && strlen(text) <= NAME_MAX - strlen(".pid");
}

/* libvirt's file may be older than a process that has the number now. */
static void ask_libvirt(struct vm_walk *w, struct seeker *s)
{
	const char *folder = w->find.libvirt ? w->find.libvirt : "/run/libvirt/qemu";
	char text[PATH_MAX];
	ssize_t got = 0;
	int fd;

	(void)snprintf(text, sizeof(text), "%s/%s.pid", folder, s->value);
	fd = open_in(w, AT_FDCWD, text, O_RDONLY);
	if (fd >= 0) {
		got = read_some(w, fd, text, 15);
		close_one(&fd);
	}
	text[got > 0 ? got : 0] = '\0';
	if (atoi(text) <= 0) {
		return;
	}
	enter_process(w, atoi(text));
	if (s->hit && vm_process_started(w->folder, &s->start_time) == 0) {
		s->pid[0] = w->pid;
		s->count = 1;
		settle(w, s);
	}
	leave_process(w);
}

static void insert_text(struct vm_walk *w, struct seeker *s)
{
	size_t at = w->text_count++;

	for (; at > 0 && by_text(w->texts[at - 1], s) > 0; at--) {
		w->texts[at] = w->texts[at - 1];
	}
	w->texts[at] = s;
}

static void prepare_text(struct vm_walk *w, struct seeker *s)
{
	if (s->key == VM_KEY_UUID ? !is_uuid(s->value) : !is_name(s->value)) {
		s->err = -EINVAL;
		settle(w, s);
		return;
	}
	insert_text(w, s);
	if (s->key == VM_KEY_NAME) {
		ask_libvirt(w, s);
	}
}

static void prepare_page(struct vm_walk *w, struct seeker *s)
{
	w->calls++;
	if (stat(s->value, &s->file)) {
		s->err = -errno;
		settle(w, s);
		return;
	}
	w->pages[w->page_count++] = s;
}

static void step_prepare(struct vm_walk *w)
{
	struct seeker *s = &w->seekers[w->at++];

	if (s->key == VM_KEY_PAGE) {
		prepare_page(w, s);
	} else {
		prepare_text(w, s);
	}
	w->stage = STAGE_PREPARE;
	if (w->at == w->count) {
		w->at = 0;
		qsort(w->pages, w->page_count, sizeof(*w->pages), by_inode);
		w->stage = STAGE_PROCESS;
	}
}

static void take_machines(struct vm_walk *w, const int *machines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		w->machines[i] = machines[i];
	}
	qsort(w->machines, count, sizeof(*w->machines), by_number);
	for (size_t i = 0; i < count; i++) {
		if (!w->machine_count || w->machines[w->machine_count - 1] != w->machines[i]) {
			w->machines[w->machine_count++] = w->machines[i];
		}
	}
}

int vm_walk_begin(struct vm_walk **walk, const struct vm_find *find,
		  const struct vm_wanted *wanted, size_t count, const int *machines,
		  size_t machine_count, struct driver_error *error)
{
	struct vm_walk *w = calloc(1, sizeof(*w));
	bool got = w != NULL;

	if (w) {
		w->find = find ? *find : (struct vm_find){ .proc = NULL };
		w->proc = w->folder = w->maps = w->fds = -1;
		w->seekers = calloc(count, sizeof(*w->seekers));
		w->pages = calloc(count, sizeof(struct seeker *));
		w->texts = calloc(count, sizeof(struct seeker *));
		w->settled = calloc(count, sizeof(*w->settled));
		w->machines = calloc(machine_count + 1, sizeof(*w->machines));
		got = w->seekers && w->pages && w->texts && w->settled && w->machines;
	}
	for (size_t i = 0; got && i < count; i++) {
		struct seeker *s = &w->seekers[w->count++];

		*s = (struct seeker){ .key = wanted[i].key, .everywhere = wanted[i].everywhere };
		s->value = strdup(wanted[i].value);
		got = s->value != NULL;
	}
	if (!got) {
		vm_walk_end(w);
		return driver_fail(error, -ENOMEM, "no memory to look for processes");
	}
	take_machines(w, machines, machine_count);
	*walk = w;
	return 0;
}

/* -- who asks ---------------------------------------------------------------------------------- */

bool vm_walk_step(struct vm_walk *w)
{
	switch (w->stage) {
	case STAGE_PREPARE:
		step_prepare(w);
		break;
	case STAGE_PROCESS:
		step_process(w);
		break;
	case STAGE_MAPS:
		step_maps(w);
		break;
	case STAGE_JUDGE:
		step_judge(w);
		break;
	case STAGE_DESCRIPTORS:
		step_descriptors(w);
		break;
	case STAGE_DONE:
		break;
	}
	return w->stage == STAGE_DONE;
}

bool vm_walk_settled(struct vm_walk *w, size_t *index)
{
	if (w->settled_told == w->settled_count) {
		return false;
	}
	*index = w->settled[w->settled_told++];
	return true;
}

/* Not begun with. */
static int explain(const struct seeker *s, struct driver_error *error)
{
	if (s->err != -EINVAL) {
		return driver_fail(error, s->err, "%s: %s", s->value, driver_strerror(s->err));
	}
	return s->key == VM_KEY_UUID
		       ? driver_fail(error, s->err,
				     "%s: no UUID: it looks like "
				     "01234567-89ab-cdef-0123-456789abcdef", s->value)
		       : driver_fail(error, s->err, "\"%s\": not a name of a machine", s->value);
}

static const char *what_of(const struct seeker *s)
{
	switch (s->key) {
	case VM_KEY_PAGE:
		return "page";
	case VM_KEY_UUID:
		return "UUID";
	case VM_KEY_NAME:
		break;
	}
	return "machine";
}

/* Its number may have become another's since. */
static bool take_same(const struct vm_walk *w, const struct seeker *s, struct vm_process *process)
{
	struct vm_process taken;

	if (vm_find_pid(&w->find, s->pid[0], &taken, NULL)) {
		return false;
	}
	if (taken.start_time != s->start_time) {
		vm_process_close(&taken);
		return false;
	}
	*process = taken;
	return true;
}

int vm_walk_take(const struct vm_walk *w, size_t index, struct vm_process *process,
		 struct driver_error *error)
{
	const struct seeker *s = &w->seekers[index];

	if (s->err) {
		return explain(s, error);
	}
	if (s->count > 1) {
		return driver_fail(error, -ENOTUNIQ,
				   "%s %s: several processes, such as %d and %d: name one by its "
				   "pid", what_of(s), s->value, s->pid[0], s->pid[1]);
	}
	if (s->count == 0 && w->no_proc) {
		return driver_fail(error, w->no_proc, "%s: %s", proc_of(w),
				   driver_strerror(w->no_proc));
	}
	if (s->count == 0 && w->hidden) {
		return driver_fail(error, -EACCES,
				   "%s %s: no process found, but some cannot be looked into "
				   "without CAP_SYS_PTRACE: name the pid", what_of(s), s->value);
	}
	if (s->count == 0 || !take_same(w, s, process)) {
		return driver_fail(error, -ESRCH, "%s %s: no such process runs", what_of(s),
				   s->value);
	}
	return 0;
}

uint64_t vm_walk_calls(const struct vm_walk *w)
{
	return w->calls;
}

void vm_walk_end(struct vm_walk *w)
{
	if (!w) {
		return;
	}
	leave_process(w);
	close_one(&w->proc);
	for (size_t i = 0; i < w->count; i++) {
		free(w->seekers[i].value);
	}
	free(w->seekers);
	free(w->pages);
	free(w->texts);
	free(w->settled);
	free(w->machines);
	free(w);
}
