/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/vm_find.h on folders like /proc, and on processes of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "drivers/vm_find.h"
#include "tree.h"

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

/* A process: its arguments separated by '|'. */
static void process(int pid, const char *arguments, unsigned int start_time, bool kvm)
{
	char text[512];
	char file[64];
	size_t length = strlen(arguments);

	memcpy(text, arguments, length + 1);
	for (char *c = text; *c; c++) {
		*c = *c == '|' ? '\0' : *c;
	}
	(void)snprintf(file, sizeof(file), "%d/cmdline", pid);
	tree_write_octets(file, text, length + 1);
	/* The name has everything in it that a reader could trip over. */
	(void)snprintf(text, sizeof(text),
		       "%d (a) S 9 (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %u 20\n",
		       pid, start_time);
	(void)snprintf(file, sizeof(file), "%d/stat", pid);
	tree_write(file, text);
	(void)snprintf(file, sizeof(file), "%d/fd/3", pid);
	tree_folders(file);
	(void)unlink(tree_path(file));
	assert_int_equal(symlink(kvm ? "anon_inode:kvm-vm" : "/dev/null", tree_path(file)), 0);
}

static void by_pid(void **state)
{
	struct vm_process found;

	(void)state;
	process(4711, "qemu", 31415, true);
	assert_int_equal(vm_find_pid(&find, 4711, &found, &error), 0);
	assert_int_equal(found.pid, 4711);
	assert_int_equal(found.start_time, 31415);
	assert_int_equal(found.fd, -1);
	assert_true(vm_process_alive(&find, &found));
	/* Another one has the number now. */
	process(4711, "bash", 31416, false);
	assert_false(vm_process_alive(&find, &found));
	tree_remove("4711");
	assert_false(vm_process_alive(&find, &found));
	assert_int_equal(vm_find_pid(&find, 4711, &found, &error), -ESRCH);
	assert_non_null(strstr(error.text, "4711"));
	assert_int_equal(vm_find_pid(&find, 0, &found, &error), -EINVAL);
	assert_int_equal(vm_find_pid(&find, -1, &found, &error), -EINVAL);
	tree_write("12/stat", "12 (qemu) Z 1\n");
	assert_int_equal(vm_find_pid(&find, 12, &found, &error), -ESRCH);
	tree_write("12/stat", "12 (qemu) S 1\n");
	assert_int_equal(vm_find_pid(&find, 12, &found, &error), -EBADMSG);
	tree_write("12/stat", "");
	assert_int_equal(vm_find_pid(&find, 12, &found, &error), -EBADMSG);
}

static int uuid_of(const char *arguments)
{
	struct vm_process found = { 0 };
	int err;

	process(4711, arguments, 1, false);
	err = vm_find_uuid(&find, UUID, &found, &error);
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
		assert_int_equal(vm_find_uuid(&find, texts[i], &found, &error), -EINVAL);
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
	assert_int_equal(vm_find_uuid(&find, UUID, &found, &error), -ENOTUNIQ);
	process(3, "qemu|-uuid|" UUID, 1, true);
	assert_int_equal(vm_find_uuid(&find, UUID, &found, &error), 0);
	assert_int_equal(found.pid, 3);
	process(4, "qemu|-uuid|" UUID, 1, true);
	assert_int_equal(vm_find_uuid(&find, UUID, &found, &error), -ENOTUNIQ);
	assert_non_null(strstr(error.text, "by its pid"));
}

static void by_name(void **state)
{
	struct vm_process found = { 0 };

	(void)state;
	process(4711, "qemu|-name|guest=web,debug-threads=on|-S", 1, true);
	process(4712, "qemu|-name|web2", 1, true);
	process(4713, "qemu|-id|web", 1, true);
	assert_int_equal(vm_find_name(&find, "web", &found, &error), 0);
	assert_int_equal(found.pid, 4711);
	assert_int_equal(vm_find_name(&find, "web2", &found, &error), 0);
	assert_int_equal(found.pid, 4712);
	assert_int_equal(vm_find_name(&find, "we", &found, &error), -ESRCH);
	assert_non_null(strstr(error.text, "machine we"));
	assert_int_equal(vm_find_name(&find, "debug-threads=on", &found, &error), -ESRCH);
	/* Two of one name: libvirt's file says which is libvirt's. */
	process(4714, "qemu|-name|guest=web", 1, true);
	assert_int_equal(vm_find_name(&find, "web", &found, &error), -ENOTUNIQ);
	tree_write("libvirt/web.pid", "4714\n");
	assert_int_equal(vm_find_name(&find, "web", &found, &error), 0);
	assert_int_equal(found.pid, 4714);
	/* An old file: the process has another name, or is not there. */
	tree_write("libvirt/web2.pid", "4714\n");
	assert_int_equal(vm_find_name(&find, "web2", &found, &error), 0);
	assert_int_equal(found.pid, 4712);
	tree_write("libvirt/web2.pid", "99\n");
	assert_int_equal(vm_find_name(&find, "web2", &found, &error), 0);
	tree_write("libvirt/web2.pid", "x");
	assert_int_equal(vm_find_name(&find, "web2", &found, &error), 0);
}

static void no_name(void **state)
{
	static const char *const names[] = { "", "../x", "a,b", "a\nb" };
	struct vm_process found;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(vm_find_name(&find, names[i], &found, &error), -EINVAL);
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
	assert_int_equal(vm_find_page(&find, page, &found, &error), -ESRCH);
	assert_non_null(strstr(error.text, page));
	process(6, "qemu", 1, true);
	maps(6, major(st.st_dev), minor(st.st_dev), st.st_ino, "/other/name");
	assert_int_equal(vm_find_page(&find, page, &found, &error), 0);
	assert_int_equal(found.pid, 6);
	/* The device differs on some file systems: then the path has to be the same. */
	maps(6, 99, 99, st.st_ino, "/other/name");
	assert_int_equal(vm_find_page(&find, page, &found, &error), -ESRCH);
	maps(6, 99, 99, st.st_ino, page);
	assert_int_equal(vm_find_page(&find, page, &found, &error), 0);
	/* A reader on the host that is not ours. */
	process(8, "reader", 1, false);
	maps(8, major(st.st_dev), minor(st.st_dev), st.st_ino, page);
	assert_int_equal(vm_find_page(&find, page, &found, &error), 0);
	assert_int_equal(found.pid, 6);
	assert_int_equal(vm_find_page(&find, "/nonexistent", &found, &error), -ENOENT);
}

static pid_t start_child(void)
{
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	return pid;
}

/* Real processes, with and without a descriptor for each; a zombie has ended. */
static void vanish(void **state)
{
	const struct vm_find without = { .no_pidfd = true };
	const struct vm_find *real = *(const bool *)*state ? &without : NULL;
	struct vm_process processes[3];
	bool gone[3] = { false, false, false };
	pid_t pids[3];
	siginfo_t info;

	for (int i = 0; i < 3; i++) {
		pids[i] = start_child();
		assert_int_equal(vm_find_pid(real, pids[i], &processes[i], &error), 0);
		assert_true(vm_process_alive(real, &processes[i]));
	}
	assert_int_equal(vm_processes_gone(real, processes, 3, gone), 0);
	assert_int_equal(kill(pids[1], SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pids[1], &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(vm_processes_gone(real, processes, 3, gone), 1);
	assert_true(!gone[0] && gone[1] && !gone[2]);
	assert_int_equal(waitpid(pids[1], NULL, 0), pids[1]);
	assert_false(vm_process_alive(real, &processes[1]));
	assert_true(vm_process_alive(real, &processes[2]));
	for (int i = 0; i < 3; i++) {
		vm_process_close(&processes[i]);
		if (i != 1) {
			assert_int_equal(kill(pids[i], SIGKILL), 0);
			assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
		}
	}
}

/* More than are asked about at once. */
static void many(void **state)
{
	struct vm_process processes[200];
	bool gone[200] = { false };

	(void)state;
	process(4711, "qemu", 31415, true);
	for (int i = 0; i < 200; i++) {
		processes[i] = (struct vm_process){ 4711, -1, i % 7 ? 31415 : 1 };
	}
	assert_int_equal(vm_processes_gone(&find, processes, 200, gone), 29);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(gone[i], i % 7 == 0);
	}
}

#define ROW(name) { "/drivers/vm_find/" #name, name, setup, tree_teardown, NULL }

int main(void)
{
	static bool yes = true;
	static bool no;
	const struct CMUnitTest tests[] = {
		ROW(by_pid), ROW(by_uuid), ROW(no_uuid), ROW(several), ROW(by_name), ROW(no_name),
		ROW(by_page), ROW(many),
		{ "/drivers/vm_find/vanish", vanish, NULL, NULL, &no },
		{ "/drivers/vm_find/vanish_without_pidfd", vanish, NULL, NULL, &yes },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
