/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon(1): finds the command by its name, or by the linuxptp name the program was called by. */
#include <stdio.h>
#include <string.h>

#include <gnomon/version.h>

#include "drivers/standard.h"
#include "tools/cli/command.h"
#include "tools/config/suggest.h"
#include "tools/hwstamp/hwstamp.h"
#include "tools/nsm/nsm.h"
#include "tools/phc/phc.h"
#include "tools/pmc/pmc.h"
#include "tools/sync/sync.h"
#include "tools/timemaster/timemaster.h"
#include "tools/ts2phc/ts2phc.h"
#include "tools/tz2alt/tz2alt.h"
#include "tools/vm/vm.h"

static const struct command commands[] = {
	{ "hwstamp", "hwstamp_ctl", "hardware time stamping of an interface", hwstamp_main },
	{ "nsm", "nsm", "how far other servers' clocks are, and whom they follow", nsm_main },
	{ "phc", "phc_ctl", "read, set and compare a PTP hardware clock", phc_main },
	{ "pmc", "pmc", "ask PTP clocks for their data sets, or set them", pmc_main },
	{ "sync", "phc2sys", "keep clocks of this machine in step", sync_main },
	{ "timemaster", "timemaster", "PTP domains as sources of chronyd or ntpd",
	  timemaster_main },
	{ "ts2phc", "ts2phc", "keep PTP hardware clocks by a pulse", ts2phc_main },
	{ "tz2alt", "tz2alt", "tell a PTP daemon a time zone and its changes", tz2alt_main },
	{ "vm", NULL, "virtual machines that are told the time", vm_main },
	{ NULL, NULL, NULL, NULL },
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const struct command *find_drop_in(const char *name)
{
	for (const struct command *c = commands; c->name; c++) {
		if (c->drop_in && strcmp(c->drop_in, name) == 0) {
			return c;
		}
	}
	return NULL;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, name) == 0) {
			return c;
		}
	}
	return NULL;
}

/* What could not be written was not said, and whoever reads it has to know. */
static enum command_status check_output(const char *program, enum command_status status)
{
	const bool failed = ferror(stdout) != 0;

	if (fflush(stdout) == 0 && !failed) {
		return status;
	}
	fprintf(stderr, "%s: cannot write all of the output: make room, or write it elsewhere\n",
		program);
	return status == COMMAND_GOOD ? COMMAND_RUNTIME : status;
}

static enum command_status print_help(void)
{
	printf("usage: gnomon COMMAND [OPTION]...\n"
	       "       gnomon help COMMAND, or gnomon COMMAND --help\n"
	       "       gnomon --version\n\n"
	       "commands:\n");
	for (const struct command *c = commands; c->name; c++) {
		printf("  %-10s %s\n", c->name, c->summary);
	}
	return check_output("gnomon", COMMAND_GOOD);
}

/* The command's argv[0] says how it was called, for its messages. */
static enum command_status run_command(const struct command *c, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "gnomon %s", c->name);
	argv[0] = name;
	return check_output(name, (enum command_status)c->run(argc, argv, false));
}

static bool is_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static enum command_status no_command(const char *name)
{
	const struct command *drop_in = find_drop_in(name);
	struct suggest near;

	if (drop_in) {
		fprintf(stderr, "gnomon: linuxptp's %s is \"gnomon %s\" here\n", name,
			drop_in->name);
		return COMMAND_USAGE;
	}
	suggest_init(&near, name, strlen(name));
	for (const struct command *c = commands; c->name; c++) {
		suggest_name(&near, c->name);
	}
	fprintf(stderr, "gnomon: there is no command \"%s\"; %s%s%s\n", name,
		suggest_best(&near) ? "did you mean " : "gnomon --help lists them",
		suggest_best(&near) ? suggest_best(&near) : "", suggest_best(&near) ? "?" : "");
	return COMMAND_USAGE;
}

/* linuxptp's names are known here, too. */
static enum command_status help_of(const char *name)
{
	const struct command *c = find_command(name);
	char help[] = "--help";
	char *argv[] = { NULL, help, NULL };

	c = c ? c : find_drop_in(name);
	if (is_help(name)) {
		return print_help();
	}
	return c ? run_command(c, 2, argv) : no_command(name);
}

int main(int argc, char **argv)
{
	const struct command *c = find_drop_in(base_name(argv[0]));

	standard_streams_keep();
	if (c) {
		return c->run(argc, argv, true);
	}
	if (argc < 2 || is_help(argv[1])) {
		return (int)(argc > 2 ? help_of(argv[2]) : print_help());
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0) {
		printf("gnomon %s\n", GNOMON_VERSION_STRING);
		return (int)check_output("gnomon", COMMAND_GOOD);
	}
	c = find_command(argv[1]);
	if (!c) {
		return (int)no_command(argv[1]);
	}
	return (int)run_command(c, argc - 1, argv + 1);
}
