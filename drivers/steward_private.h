/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of steward.h. */
#ifndef DRIVERS_STEWARD_PRIVATE_H
#define DRIVERS_STEWARD_PRIVATE_H

#include <stdbool.h>
#include <sys/types.h>

#define STEWARD_CMDLINE_MAX 4096
#define STEWARD_ARGS_MAX 256

struct steward_cmdline {
	char text[STEWARD_CMDLINE_MAX];
	const char *args[STEWARD_ARGS_MAX];
	int count;
};

/** The clock a question is about. */
struct steward_subject {
	bool system;
	dev_t device; /* of a PHC */
};

/** The command line of a process; none if it cannot be read. */
void steward_read_cmdline(const char *folder, const char *pid, struct steward_cmdline *cmdline);

/** The name of the program if it steers that clock, else NULL. The command line has a word. */
const char *steward_program_steers(const char *folder, const char *pid,
				   const struct steward_cmdline *cmdline,
				   const struct steward_subject *subject);

/** The PHC of a device's path or an interface. False: there is none. */
bool steward_device_of(const char *name, dev_t *device);

#endif
