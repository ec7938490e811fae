/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/net/drivers/namespace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

const char *const side_interface[SIDES] = { "gna", "gnb" };

static int side_fd[SIDES] = { -1, -1 };

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int err = 0;

	if (fd < 0) {
		return -errno;
	}
	if (write(fd, text, strlen(text)) < 0) {
		err = -errno;
	}
	(void)close(fd);
	return err;
}

/* Root of a user namespace is root enough, where the machine lets everybody have one. */
static int become_root(void)
{
	char map[64];
	const unsigned int uid = getuid();
	int err;

	if (geteuid() == 0) {
		return 0;
	}
	if (unshare(CLONE_NEWUSER)) {
		return -errno;
	}
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	err = write_file("/proc/self/uid_map", map);
	return err;
}

static int new_namespace(enum side side)
{
	if (unshare(CLONE_NEWNET)) {
		return -errno;
	}
	/* Inherited by the shells below, hence no O_CLOEXEC. */
	side_fd[side] = open("/proc/self/ns/net", O_RDONLY);
	return side_fd[side] < 0 ? -errno : 0;
}

void namespace_enter(enum side side)
{
	assert_int_equal(setns(side_fd[side], CLONE_NEWNET), 0);
}

int namespace_try(enum side side, const char *command)
{
	int status;

	namespace_enter(side);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void namespace_run(enum side side, const char *command)
{
	if (namespace_try(side, command) != 0) {
		fail_msg("\"%s\" failed", command);
	}
}

static int create(void)
{
	char command[256];
	int err = become_root();

	err = err ? err : new_namespace(SIDE_B);
	err = err ? err : new_namespace(SIDE_A);
	if (err) {
		return err;
	}
	(void)snprintf(command, sizeof(command),
		       "ip link add gna address 02:00:00:00:00:0a type veth "
		       "peer name gnb address 02:00:00:00:00:0b netns /proc/%d/fd/%d",
		       (int)getpid(), side_fd[SIDE_B]);
	if (namespace_try(SIDE_A, command) != 0) {
		return -EOPNOTSUPP;
	}
	/* nodad: an IPv6 address is usable at once. */
	namespace_run(SIDE_A, "ip link set gna addrgenmode none up && ip link set lo up && "
			      "ip address add 192.0.2.1/24 dev gna");
	namespace_run(SIDE_B, "ip link set gnb addrgenmode none up && ip link set lo up && "
			      "ip address add 192.0.2.2/24 dev gnb");
	(void)namespace_try(SIDE_B, "ip address add fe80::b/64 dev gnb nodad");
	(void)namespace_try(SIDE_A, "ip address add fe80::a/64 dev gna nodad");
	return 0;
}

bool namespace_start(void)
{
	const int err = create();

	if (err) {
		print_message("1..0 # SKIP needs network namespaces and ip(8): %s\n",
			      strerror(-err));
	}
	return !err;
}

void namespace_drop_privileges(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	if (syscall(SYS_capset, &header, none)) {
		_exit(99);
	}
}
