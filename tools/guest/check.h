/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon-guest --check: everything that somebody who supports this machine wants to know of its
 * clocks, and what is wrong with them, in words and with a remedy. Nothing is changed.
 */
#ifndef GUEST_CHECK_H
#define GUEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "agent.h"
#include "drivers/clock.h"
#include "drivers/steward.h"

#define CHECK_FINDINGS_MAX 40

/** Exit status of --check, beside those of all commands. */
#define CHECK_DISAGREE 3

enum check_level {
	CHECK_NOTE,
	CHECK_WARNING,
	CHECK_ERROR,
};

struct check_finding {
	enum check_level level;
	char what[320];
	const char *remedy; /* "": none */
};

/** A clock that could not be read at all. */
struct check_closed {
	struct machine_clock clock;
	char why[160];
	bool named; /* by an option */
};

struct check {
	struct agent *agent;                /* has looked and read; watches only */
	struct check_closed closed[MACHINE_CLOCKS_MAX + AGENT_NAMES_MAX];
	size_t closed_count;
	bool has_kernel;
	struct clock_system_kernel kernel;
	bool has_steward;
	struct steward_process steward;
	struct check_finding findings[CHECK_FINDINGS_MAX];
	size_t finding_count;
	bool disagree;
};

/** Look at what an agent found; proc is the folder of processes. */
void check_gather(struct check *check, struct agent *agent, const char *proc);

/** What to make of it; agent and facts are there. Pure. */
void check_judge(struct check *check);

/** The worst of it as exit status: enum command_status, or CHECK_DISAGREE. */
int check_status(const struct check *check);

void check_print(FILE *out, const struct check *check);
void check_print_json(FILE *out, const struct check *check);

/**
 * What /dev/ptpN of that kernel makes of a page: the kernel's driver kept UTC until 6.19 and TAI
 * since 7.0, and takes the sign of the offset otherwise than the specification. Returns NULL if it
 * is right, else what is wrong with it.
 */
const char *check_scale_trap(const struct gnomon_vmclock *page, int kernel);

/** "note", "warning", "error". */
const char *check_level_name(enum check_level level);

#endif
