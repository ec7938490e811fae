/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon phc, and phc_ctl: read, set and compare one PTP hardware clock.
 */
#ifndef PHC_PHC_H
#define PHC_PHC_H

#include <stdint.h>

#include "drivers/phc_device.h"
#include "tools/cli/cli.h"

/** Longest instant and step: what 64 bits of nanoseconds hold. */
#define PHC_SECONDS_MAX 9223372036.0

/** What a command was given. */
struct phc_argument {
	bool given;
	double value; /* as written: seconds, or ppb */
	int64_t ns;   /* seconds, exact where they were written as a decimal fraction */
};

/** Of one run. */
struct phc_run {
	struct cli cli;
	bool json;
	struct phc_device device;
};

enum phc_takes { PHC_NOTHING, PHC_OPTIONAL, PHC_REQUIRED };

/** A command: a row of phc_commands. */
struct phc_command {
	const char *name;
	enum phc_takes takes;
	double min;
	double max;
	const char *unit;    /* of the argument */
	const char *missing; /* what phc_ctl says when it is not there */
	/** Do it and say what came of it; 0 or -errno, which has been said. */
	int (*run)(struct phc_run *run, const struct phc_argument *argument);
};

/** Ends with a row without a name. */
extern const struct phc_command phc_commands[];

/** How a text is no number in that range. */
enum phc_number { PHC_NUMBER_GOOD, PHC_NUMBER_MALFORMED, PHC_NUMBER_OUT_OF_RANGE };

/**
 * Read a number of seconds. A decimal fraction gives its exact nanoseconds, which a double cannot
 * hold for an instant of today; digits beyond them are dropped.
 */
enum phc_number phc_number_parse(const char *text, double min, double max,
				 struct phc_argument *argument);

command_fn phc_main;

#endif
