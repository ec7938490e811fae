/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * with_page PROGRAM [ARGUMENT...]: run a program that reads a clock page, "@" among its arguments
 * being the path of one that is kept up to date meanwhile. Its exit status, and its output.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/drivers/guest_page.h"

/* The host: a fresh line ten times a second, as long as the parent lives. */
static void keep(struct guest_page *page)
{
	const struct timespec interval = { 0, 100000000 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		nanosleep(&interval, NULL);
		page_line(page);
		page_write(page);
	}
}

static int run(char **argv)
{
	int status = 0;
	const pid_t child = fork();

	if (child == 0) {
		execv(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		return 127;
	}
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct guest_page page;
	pid_t keeper;
	int status;

	if (argc < 2 || gnomon_clock_counter() == 0) {
		fprintf(stderr, "with_page: %s\n",
			argc < 2 ? "what?" : "no counter that a page can be about");
		return argc < 2 ? 1 : 77;
	}
	page_create(&page);
	keeper = fork();
	if (keeper == 0) {
		keep(&page);
	}
	for (int i = 2; i < argc; i++) {
		argv[i] = strcmp(argv[i], "@") == 0 ? page.path : argv[i];
	}
	status = keeper < 0 ? 127 : run(argv + 1);
	if (keeper > 0) {
		kill(keeper, SIGKILL);
		waitpid(keeper, NULL, 0);
	}
	page_destroy(&page);
	return status;
}
