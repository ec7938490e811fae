/* SPDX-License-Identifier: BSD-2-Clause */
/** What the agent is doing, for the service manager, a status file, and people. */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include <stdio.h>

#include "agent.h"

#define REPORT_LINE_MAX 256

/** One line: "locked to vmclock0: within 840 ns". */
void report_line(const struct agent *agent, char line[REPORT_LINE_MAX]);

/** A JSON object, without the end of the line. */
void report_json(FILE *out, const struct agent *agent);

/** The file as a whole, replaced by renaming. Returns 0 or -errno. */
int report_file(const struct agent *agent, const char *path);

/** A number of JSON, null if it is none. */
void report_number(FILE *out, const char *key, double value, int decimals);

/** "1.2 us": as many digits as matter. Returns text. */
const char *report_ns(double ns, char text[24]);

#endif
