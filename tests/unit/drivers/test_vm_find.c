/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/vm_find.h on folders like /proc, and on processes of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "drivers/vm_find.h"
#include "tree.h"

#include "processes.h"

static struct vm_find find;
static struct driver_error error;
static int setup(void **state)
{
	memset(&error, 0, sizeof(error));
	(void)tree_setup(state);
	find = (struct vm_find){ .proc = tree_root };
	return 0;
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
		ROW(by_pid), ROW(many),
		{ "/drivers/vm_find/vanish", vanish, NULL, NULL, &no },
		{ "/drivers/vm_find/vanish_without_pidfd", vanish, NULL, NULL, &yes },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
