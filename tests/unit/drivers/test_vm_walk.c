/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/vm_walk.h on folders like /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "drivers/vm_walk.h"
#include "tree.h"

#include "processes.h"

#define UUID "c7a5fdbd-edaf-9455-926a-d65c16db1809"

static struct vm_find find;
static struct driver_error error;
static char libvirt[80];

static int setup(void **state)
{
	memset(&error, 0, sizeof(error));
	(void)tree_setup(state);
	tree_folders("libvirt/");
	(void)snprintf(libvirt, sizeof(libvirt), "%s/libvirt", tree_root);
	find = (struct vm_find){ .proc = tree_root, .libvirt = libvirt };
	return 0;
}

/* What the header says of a step. */
#define CALLS_MOST 32

/* To its end, with no step that takes too long. */
static void walk_on(struct vm_walk *walk)
{
	uint64_t before = vm_walk_calls(walk);
	bool done = false;

	while (!done) {
		done = vm_walk_step(walk);
		assert_true(vm_walk_calls(walk) - before <= CALLS_MOST);
		before = vm_walk_calls(walk);
	}
	assert_true(vm_walk_step(walk));
}

static int find_one(enum vm_key key, const char *value, struct vm_process *found)
{
	const struct vm_wanted wanted = { key, value, true };
	struct vm_walk *walk;
	size_t index = 1;
	int r;

	assert_int_equal(vm_walk_begin(&walk, &find, &wanted, 1, NULL, 0, &error), 0);
	assert_false(vm_walk_settled(walk, &index));
	walk_on(walk);
	assert_true(vm_walk_settled(walk, &index));
	assert_int_equal(index, 0);
	assert_false(vm_walk_settled(walk, &index));
	r = vm_walk_take(walk, 0, found, &error);
	vm_walk_end(walk);
	return r;
}

static int uuid_of(const char *arguments)
{
	struct vm_process found = { 0 };
	int err;

	process(4711, arguments, 1, false);
	err = find_one(VM_KEY_UUID, UUID, &found);
	assert_true(err || found.pid == 4711);
	return err;
}

static void by_uuid(void **state)
{
	(void)state;
	assert_int_equal(uuid_of("qemu|-uuid|" UUID "|-m|1G"), 0);
	assert_int_equal(uuid_of("qemu|-uuid|C7A5FDBD-EDAF-9455-926A-D65C16DB1809"), 0);
	assert_int_equal(uuid_of("/usr/bin/qemu|-smbios|type=1,uuid=" UUID ",x=1"), 0);
	assert_int_equal(uuid_of("ch|--platform|num_pci_segments=1,uuid=" UUID), 0);
	assert_int_equal(uuid_of("fc|--uuid|" UUID), 0);
	assert_int_equal(uuid_of("qemu|-uuid|" UUID "0"), -ESRCH);
	assert_int_equal(uuid_of("qemu|-device|" UUID), -ESRCH);
	assert_int_equal(uuid_of("qemu|-device|xuuid=" UUID), -ESRCH);
	assert_int_equal(uuid_of("qemu|-uuid"), -ESRCH);
	assert_non_null(strstr(error.text, UUID));
	/* Whoever looks for it has it on its command line too. */
	assert_int_equal(uuid_of("/usr/bin/gnomon|vm|attach|x|--uuid|" UUID), -ESRCH);
	assert_int_equal(uuid_of(""), -ESRCH);
}

static void no_uuid(void **state)
{
	static const char *const texts[] = {
		"", "x", "c7a5fdbd-edaf-9455-926a-d65c16db180",
		"c7a5fdbd-edaf-9455-926a-d65c16db18099",
		"c7a5fdbdxedaf-9455-926a-d65c16db1809", "c7a5fdbd-edaf-9455-926a-d65c16db180g",
	};
	struct vm_process found;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(find_one(VM_KEY_UUID, texts[i], &found), -EINVAL);
		assert_non_null(strstr(error.text, "no UUID"));
	}
}

/* Of several, one with a machine of KVM is meant; of several of these, none. */
static void several(void **state)
{
	struct vm_process found;

	(void)state;
	process(1, "grep|-uuid|" UUID, 1, false);
	process(2, "grep|-uuid|" UUID, 1, false);
	assert_int_equal(find_one(VM_KEY_UUID, UUID, &found), -ENOTUNIQ);
	process(3, "qemu|-uuid|" UUID, 1, true);
	assert_int_equal(find_one(VM_KEY_UUID, UUID, &found), 0);
	assert_int_equal(found.pid, 3);
	process(4, "qemu|-uuid|" UUID, 1, true);
	assert_int_equal(find_one(VM_KEY_UUID, UUID, &found), -ENOTUNIQ);
	assert_non_null(strstr(error.text, "by its pid"));
}

static void by_name(void **state)
{
	struct vm_process found = { 0 };

	(void)state;
	process(4711, "qemu|-name|guest=web,debug-threads=on|-S", 1, true);
	process(4712, "qemu|-name|web2", 1, true);
	process(4713, "qemu|-id|web", 1, true);
	assert_int_equal(find_one(VM_KEY_NAME, "web", &found), 0);
	assert_int_equal(found.pid, 4711);
	assert_int_equal(find_one(VM_KEY_NAME, "web2", &found), 0);
	assert_int_equal(found.pid, 4712);
	assert_int_equal(find_one(VM_KEY_NAME, "we", &found), -ESRCH);
	assert_non_null(strstr(error.text, "machine we"));
	assert_int_equal(find_one(VM_KEY_NAME, "Web", &found), -ESRCH);
	assert_int_equal(find_one(VM_KEY_NAME, "debug-threads=on", &found), -ESRCH);
	/* Two of one name: libvirt's file says which is libvirt's. */
	process(4714, "qemu|-name|guest=web", 1, true);
	assert_int_equal(find_one(VM_KEY_NAME, "web", &found), -ENOTUNIQ);
	tree_write("libvirt/web.pid", "4714\n");
	assert_int_equal(find_one(VM_KEY_NAME, "web", &found), 0);
	assert_int_equal(found.pid, 4714);
	/* An old file: the process has another name, or is not there. */
	tree_write("libvirt/web2.pid", "4714\n");
	assert_int_equal(find_one(VM_KEY_NAME, "web2", &found), 0);
	assert_int_equal(found.pid, 4712);
	tree_write("libvirt/web2.pid", "99\n");
	assert_int_equal(find_one(VM_KEY_NAME, "web2", &found), 0);
	tree_write("libvirt/web2.pid", "x");
	assert_int_equal(find_one(VM_KEY_NAME, "web2", &found), 0);
}

static void no_name(void **state)
{
	static const char *const names[] = { "", "../x", "a,b", "a\nb" };
	struct vm_process found;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(find_one(VM_KEY_NAME, names[i], &found), -EINVAL);
		assert_null(strchr(error.text, '\n'));
	}
}

static void maps(int pid, unsigned int major_number, unsigned int minor_number,
		 unsigned long inode, const char *path)
{
	char text[512];
	char file[64];

	(void)snprintf(text, sizeof(text),
		       "55d0-55d1 r--p 00000000 08:01 12                 /usr/bin/qemu\n"
		       "7f00-7f01 rw-p 00000000 00:00 0 \n"
		       "7f02-7f03 rw-s 00000000 %02x:%02x %lu                       %s\n",
		       major_number, minor_number, inode, path);
	(void)snprintf(file, sizeof(file), "%d/maps", pid);
	tree_write(file, text);
}

static void by_page(void **state)
{
	struct vm_process found = { 0 };
	char page[256];
	struct stat st;

	(void)state;
	tree_write("page", "");
	(void)snprintf(page, sizeof(page), "%s", tree_path("page"));
	assert_int_equal(stat(page, &st), 0);
	process(1, "init", 1, false);
	maps(1, 0, 1, 1, "/x");
	process(5, "qemu", 1, true);
	maps(5, major(st.st_dev), minor(st.st_dev), st.st_ino + 1, page);
	process(7, "/usr/sbin/gnomon-guest", 1, false);
	maps(7, major(st.st_dev), minor(st.st_dev), st.st_ino, page);
	assert_int_equal(find_one(VM_KEY_PAGE, page, &found), -ESRCH);
	assert_non_null(strstr(error.text, page));
	process(6, "qemu", 1, true);
	maps(6, major(st.st_dev), minor(st.st_dev), st.st_ino, "/other/name");
	assert_int_equal(find_one(VM_KEY_PAGE, page, &found), 0);
	assert_int_equal(found.pid, 6);
	/* The device differs on some file systems: then the path has to be the same. */
	maps(6, 99, 99, st.st_ino, "/other/name");
	assert_int_equal(find_one(VM_KEY_PAGE, page, &found), -ESRCH);
	maps(6, 99, 99, st.st_ino, page);
	assert_int_equal(find_one(VM_KEY_PAGE, page, &found), 0);
	/* A reader on the host that is not ours. */
	process(8, "reader", 1, false);
	maps(8, major(st.st_dev), minor(st.st_dev), st.st_ino, page);
	assert_int_equal(find_one(VM_KEY_PAGE, page, &found), 0);
	assert_int_equal(found.pid, 6);
	assert_int_equal(find_one(VM_KEY_PAGE, "/nonexistent", &found), -ENOENT);
}


/* -- for many at once -------------------------------------------------------------------------- */

#define PAGES 100
#define PROCESSES 2000

static char paths[PAGES][256];
static struct stat pages[PAGES];

static void make_pages(void)
{
	char name[24];

	for (int i = 0; i < PAGES; i++) {
		(void)snprintf(name, sizeof(name), "page%d", i);
		tree_write(name, "");
		(void)snprintf(paths[i], sizeof(paths[i]), "%s", tree_path(name));
		assert_int_equal(stat(paths[i], &pages[i]), 0);
	}
}

static void maps_page(int pid, int page, bool kvm)
{
	process(pid, "qemu", 1, kvm);
	maps(pid, major(pages[page].st_dev), minor(pages[page].st_dev), pages[page].st_ino, "/x");
}

static struct vm_walk *begin(bool everywhere, const int *machines, size_t machine_count)
{
	struct vm_wanted wanted[PAGES];
	struct vm_walk *walk;

	for (int i = 0; i < PAGES; i++) {
		wanted[i] = (struct vm_wanted){ VM_KEY_PAGE, paths[i], everywhere };
	}
	assert_int_equal(vm_walk_begin(&walk, &find, wanted, PAGES, machines, machine_count,
				       &error), 0);
	return walk;
}

static void expect(const struct vm_walk *walk, size_t index, int err, int pid)
{
	struct vm_process found = { 0 };

	assert_int_equal(vm_walk_take(walk, index, &found, &error), err);
	assert_int_equal(found.pid, pid);
}

/* One walk for all: each process is looked at once, in small steps. */
static void crowd(void **state)
{
	struct vm_walk *walk;
	uint64_t calls;
	bool settled[PAGES] = { false };
	size_t index;

	(void)state;
	make_pages();
	for (int i = 1; i <= PROCESSES; i++) {
		if (i % 50 == 0 && i / 50 < PAGES) {
			maps_page(i, i / 50, i % 100 == 0);
		} else {
			process(i, "sh", 1, false);
			maps(i, 8, 1, 12, "/bin/sh");
		}
	}
	walk = begin(true, NULL, 0);
	walk_on(walk);
	while (vm_walk_settled(walk, &index)) {
		assert_true(index < PAGES && !settled[index]);
		settled[index] = true;
	}
	for (int i = 0; i < PAGES; i++) {
		const bool there = i > 0 && i <= PROCESSES / 50;

		assert_true(settled[i]);
		expect(walk, (size_t)i, there ? 0 : -ESRCH, there ? i * 50 : 0);
	}
	calls = vm_walk_calls(walk);
	/* Its folder, its maps twice until the end; some lists; and 40 of the pages. */
	printf("# %" PRIu64 " calls for %d processes\n", calls, PROCESSES);
	assert_true(calls < 5 * PROCESSES);
	vm_walk_end(walk);
}

/* What machines have mapped is known before the rest is looked at, if it ever is. */
static void machines_first(void **state)
{
	static const int machines[] = { 70, 60, 70, 9999 };
	struct vm_walk *walk;
	size_t index = 0;
	uint64_t calls;

	(void)state;
	make_pages();
	for (int i = 1; i <= 50; i++) {
		process(i, "sh", 1, false);
		maps(i, 8, 1, 12, "/bin/sh");
	}
	maps_page(5, 7, false); /* a reader of a machine's page, and of one without */
	maps_page(6, 8, false);
	maps_page(60, 7, false); /* the list is believed, not the descriptors */
	maps_page(70, 9, false);
	walk = begin(true, machines, 4);
	while (!vm_walk_settled(walk, &index)) {
		assert_false(vm_walk_step(walk));
	}
	calls = vm_walk_calls(walk);
	assert_true(calls < PAGES + 40);
	expect(walk, 7, 0, 60);
	walk_on(walk);
	expect(walk, 9, 0, 70);
	expect(walk, 8, 0, 6);
	expect(walk, 10, -ESRCH, 0);
	vm_walk_end(walk);

	walk = begin(false, machines, 4);
	walk_on(walk);
	assert_true(vm_walk_calls(walk) < PAGES + 40);
	expect(walk, 7, 0, 60);
	expect(walk, 8, -ESRCH, 0);
	vm_walk_end(walk);
}

/* Thousands of mappings and of descriptors, and a line without end, take many steps. */
static void huge(void **state)
{
	const char *file = "77/maps";
	struct vm_walk *walk;
	char name[64];
	FILE *out;

	(void)state;
	make_pages();
	process(77, "qemu", 1, false);
	for (int i = 4; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "77/fd/%d", i);
		assert_int_equal(symlink(i == 1900 ? "anon_inode:kvm-vm" : "/dev/null",
					 tree_path(name)), 0);
	}
	maps_page(78, 3, false);
	out = fopen(tree_path(file), "w");
	assert_non_null(out);
	for (int i = 0; i < 20000; i++) {
		(void)fprintf(out, "7f%06x-7f%06x r--p 00000000 08:01 12           /lib/x\n", i,
			      i + 1);
	}
	(void)fprintf(out, "7f02-7f03 r--s 00000000 08:01 13                 /");
	for (int i = 0; i < 20000; i++) {
		(void)fputc('y', out);
	}
	(void)fprintf(out, "\n7f02-7f03 rw-s 00000000 %02x:%02x %lu                 /x",
		      major(pages[3].st_dev), minor(pages[3].st_dev),
		      (unsigned long)pages[3].st_ino);
	assert_int_equal(fclose(out), 0);
	walk = begin(true, NULL, 0);
	walk_on(walk);
	expect(walk, 3, 0, 77); /* 78 has no machine */
	vm_walk_end(walk);
}

/* Processes come, go, and take others' numbers while the walk is on. */
static void fleeting(void **state)
{
	struct vm_walk *walk;
	size_t index;

	(void)state;
	make_pages();
	for (int i = 1; i <= 40; i++) {
		maps_page(i, i, true);
	}
	walk = begin(true, NULL, 0);
	for (int i = 0; i < PAGES + 40; i++) {
		assert_false(vm_walk_step(walk));
	}
	for (int i = 1; i <= 39; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%d", i);
		tree_remove(name);
		if (i % 2) {
			process(i, "sh", 2, false);
			maps(i, 8, 1, 12, "/bin/sh");
		}
	}
	walk_on(walk);
	while (vm_walk_settled(walk, &index)) {
		expect(walk, index, index == 40 ? 0 : -ESRCH, index == 40 ? 40 : 0);
	}
	vm_walk_end(walk);
	/* Given up in the middle of a process. */
	walk = begin(true, NULL, 0);
	for (int i = 0; i < PAGES + 5; i++) {
		(void)vm_walk_step(walk);
	}
	vm_walk_end(walk);
	vm_walk_end(NULL);
}

static void no_list(void **state)
{
	struct vm_process found;

	(void)state;
	tree_write("page", "");
	find.proc = "/nonexistent";
	assert_int_equal(find_one(VM_KEY_PAGE, tree_path("page"), &found), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent"));
}

/* Another user's, as the user that looks may not see it. */
static void hidden(void **state)
{
	struct vm_process found;
	int maps_of_first;

	(void)state;
	if (geteuid() == 0 && setresuid(-1, 65534, -1) != 0) {
		return;
	}
	find.proc = NULL;
	maps_of_first = open("/proc/1/maps", O_RDONLY);
	if (maps_of_first >= 0) {
		(void)close(maps_of_first);
	} else {
		assert_int_equal(find_one(VM_KEY_PAGE, "/", &found), -EACCES);
		assert_non_null(strstr(error.text, "CAP_SYS_PTRACE"));
	}
	if (getuid() == 0) {
		assert_int_equal(seteuid(0), 0);
	}
}

#define ROW(name) { "/drivers/vm_walk/" #name, name, setup, tree_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(by_uuid), ROW(no_uuid), ROW(several), ROW(by_name), ROW(no_name), ROW(by_page),
		ROW(crowd), ROW(machines_first), ROW(huge), ROW(fleeting), ROW(no_list),
		ROW(hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
