/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kills who writes a page while he does.
 *
 *     page_killer PID PATH STEPS
 *
 * The processor stops the process when it makes seq_count odd; so many instructions later it is
 * killed. Says "within" or, if that is not to be had in time, "late": it was killed all the same.
 * Exit 77: this machine has no such watchpoints.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gnomon/vmclock.h>

#if defined(__x86_64__)
#define SEQ_AT 12
#define SECONDS 2

/* Register 0, of four octets, when they are written. */
#define WATCH_WRITE_4 (1UL | 1UL << 16 | 3UL << 18)

static pid_t victim;

/* Whoever waits for the victim hears of it. */
static void give_up(int number)
{
	(void)number;
	(void)kill(victim, SIGKILL);
}

/* Where the file begins in its memory; 0: nowhere. */
static uintptr_t find(pid_t pid, const char *path)
{
	char name[64];
	char line[512];
	uintptr_t at = 0;
	FILE *maps;

	(void)snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	maps = fopen(name, "re");
	while (maps && at == 0 && fgets(line, sizeof(line), maps)) {
		if (strstr(line, path)) {
			at = strtoul(line, NULL, 16);
		}
	}
	if (maps) {
		(void)fclose(maps);
	}
	return at;
}

static int debug_register(pid_t pid, int number, unsigned long value)
{
	const size_t at = offsetof(struct user, u_debugreg) + (size_t)number * sizeof(value);

	return ptrace(PTRACE_POKEUSER, pid, (void *)at, (void *)value) == 0 ? 0 : -errno;
}

/* The process stands; go on until it traps. False: it is dead, or does something else. */
static bool traps(pid_t pid, enum __ptrace_request how)
{
	int status;

	return ptrace(how, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static bool is_odd(pid_t pid, uintptr_t seq)
{
	return ptrace(PTRACE_PEEKDATA, pid, (void *)seq, NULL) & 1;
}

static bool stop_within(pid_t pid, uintptr_t seq, long steps)
{
	bool odd = false;

	/* It is written twice for a page. */
	for (int i = 0; i < 3 && !odd; i++) {
		if (!traps(pid, PTRACE_CONT)) {
			return false;
		}
		odd = is_odd(pid, seq);
	}
	while (odd && steps-- > 0) {
		if (!traps(pid, PTRACE_SINGLESTEP)) {
			return false;
		}
	}
	return odd && is_odd(pid, seq);
}

int main(int argc, char **argv)
{
	uintptr_t page = 0;
	bool within = false;
	int status;

	if (argc != 4) {
		return 2;
	}
	victim = (pid_t)atoi(argv[1]);
	(void)signal(SIGALRM, give_up);
	(void)alarm(SECONDS);
	for (int i = 0; i < 1000 && page == 0; i++) {
		page = find(victim, argv[2]);
		(void)usleep(page ? 0 : 1000);
	}
	if (page && ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0 &&
	    ptrace(PTRACE_INTERRUPT, victim, NULL, NULL) == 0 &&
	    waitpid(victim, &status, 0) == victim && WIFSTOPPED(status)) {
		if (debug_register(victim, 0, page + SEQ_AT) != 0 ||
		    debug_register(victim, 7, WATCH_WRITE_4) != 0) {
			(void)kill(victim, SIGKILL);
			return 77;
		}
		within = stop_within(victim, page + SEQ_AT, strtol(argv[3], NULL, 10));
	}
	(void)kill(victim, SIGKILL);
	printf("%s\n", within ? "within" : "late");
	return 0;
}
#else
int main(void)
{
	return 77;
}
#endif
