/* SPDX-License-Identifier: BSD-2-Clause */
/** The command line of gnomon-guest. */
#ifndef GUEST_OPTIONS_H
#define GUEST_OPTIONS_H

#include <stdbool.h>

#include "agent.h"
#include "tools/cli/cli.h"

struct guest_options {
	struct cli cli;
	bool check;
	bool json;
	bool force;
	bool watch;
	double interval_s;        /* 0: by mode */
	const char *feed;         /* "chrony:PATH", "shm:N"; NULL: none */
	const char *status_file;  /* NULL: none */
	const char *root;
	const char *pages[AGENT_NAMES_MAX];
	size_t page_count;
	const char *use[AGENT_NAMES_MAX];
	size_t use_count;
	struct agent_word words[AGENT_NAMES_MAX];
	size_t word_count;
	char names[AGENT_NAMES_MAX][MACHINE_NAME_MAX]; /* of words */
};

/** Prepare; run is called by cli_run with the options as own. */
void guest_options_init(struct guest_options *options, const char *argv0);

#endif
