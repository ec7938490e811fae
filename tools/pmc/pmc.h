/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon pmc, and pmc: a management client for people and scripts. It takes commands from its
 * arguments or the standard input, sends them, and prints what is answered.
 */
#ifndef PMC_PMC_H
#define PMC_PMC_H

#include <stdbool.h>

#include "tools/cli/command.h"
#include "tools/log/say.h"
#include "tools/manage/client.h"

/** How commands are done. */
struct pmc_session {
	struct manage_client *client;
	const struct say *say;
	bool drop_in;   /* linuxptp's manners: errors do not count, nothing is waited for long */
	bool alone;     /* one clock is asked, by its socket, and passes nothing on */
	bool json;
	int timeout_ms; /* for an answer */
};

/**
 * Do the commands, or lines of the standard input if there are none. Natively nothing is sent
 * unless all commands given are good, and the result is COMMAND_GOOD only if every request was
 * answered, by no error. By linuxptp's name it is always COMMAND_GOOD.
 */
int pmc_run(const struct pmc_session *session, char **commands);

command_fn pmc_main;

#endif
