/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon timemaster, and timemaster: NTP servers and PTP domains as sources of one chronyd or
 * ntpd. Its file says what the sources are; a plan of files to write and processes to run is made
 * of it, and then carried out:
 *
 *     timemaster.conf -> struct tm_config -> struct tm_plan -> print, or run
 */
#ifndef TIMEMASTER_TIMEMASTER_H
#define TIMEMASTER_TIMEMASTER_H

#include <signal.h>
#include <stdbool.h>

#include "drivers/error.h"
#include "drivers/timestamping.h"
#include "tools/cli/command.h"
#include "tools/log/say.h"

#include "text.h"

/* -- what is configured ----------------------------------------------------------------------- */

enum tm_ntp { TM_CHRONYD, TM_NTPD };

/** An NTP server or a PTP domain, in the order of the file. */
struct tm_source {
	bool ptp;
	char *address; /* of the server */
	int minpoll;
	int maxpoll;
	int iburst;
	char *ntp_options;
	int domain; /* from here on: of the PTP domain */
	int ntp_poll;
	int phc2sys_poll;
	double delay;
	struct words interfaces;
	struct words ptp4l_settings;
};

/** A program: where it is, its options, and the head of its configuration file. */
struct tm_program {
	char *path;
	struct words options;
	struct words settings;
};

struct tm_config {
	struct tm_source *sources;
	size_t source_count;
	enum tm_ntp ntp;
	char *rundir;
	char *user; /* "": nobody else */
	int first_shm_segment;
	int restart_processes;
	int use_vclocks; /* -1: where the kernel has them */
	struct tm_program chronyd;
	struct tm_program ntpd;
	struct tm_program phc2sys;
	struct tm_program ptp4l;
};

/** Read the file. Returns 0 or -EINVAL with *error; tm_config_finish is due even then. */
int tm_config_read(struct tm_config *config, const char *path, struct driver_error *error);
/** The same of a text, which is changed; path names it in errors. */
int tm_config_parse(struct tm_config *config, char *text, const char *path,
		    struct driver_error *error);
void tm_config_finish(struct tm_config *config);

/* -- what is to be done ----------------------------------------------------------------------- */

struct tm_file {
	char *path;
	char *content;
};

/** A process. Those of a group end and begin together; group 0 is the NTP program. */
struct tm_command {
	int group;
	struct words words;
	pid_t pid; /* 0: not running */
};

/** Virtual clocks wanted of a PHC. */
struct tm_vclocks {
	int phc;
	int wanted;
	int before; /* how many it had; -1: it was not touched */
};

struct tm_plan {
	char *rundir;
	char *user;
	bool restart;
	bool old; /* for linuxptp 3, which knows neither SOCK nor virtual clocks */
	struct tm_file *files;
	size_t file_count;
	struct tm_command *commands;
	size_t command_count;
	struct tm_vclocks *vclocks;
	size_t vclock_count;
};

/** Asks what an interface can do, like timestamping_query. */
typedef int tm_query_fn(const char *interface, struct timestamping_info *info,
			struct driver_error *error);

/**
 * old: ptp4l and phc2sys are those of linuxptp 3. Returns 0 or -errno with *error; tm_plan_finish
 * is due even then.
 */
int tm_plan_make(struct tm_plan *plan, const struct tm_config *config, bool old,
		 tm_query_fn *query, struct driver_error *error);

/** Whether a ptp4l is one of linuxptp 3: it does not know a key that came with 4. */
bool tm_is_old(const char *ptp4l);
void tm_plan_finish(struct tm_plan *plan);
void tm_plan_print(const struct tm_plan *plan, FILE *out);

/**
 * Carry the plan out until a signal or until it fails, and clean up. Returns the exit status, 0 or
 * 1; what happens is said.
 */
int tm_plan_run(struct tm_plan *plan, const struct say *s);

command_fn timemaster_main;

#endif
