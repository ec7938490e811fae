/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files here share about lines. */
#ifndef BRIDGE_LINE_H
#define BRIDGE_LINE_H

#include <gnomon/bridge.h>

/* t + ns, to 2^-64 s. */
struct gnomon_fine fine_add_double(struct gnomon_fine t, double ns);

/* a - b in ns: exact to a double's digits. */
double fine_diff_double(struct gnomon_fine a, struct gnomon_fine b);

/* How far a rate that wanders as configured may lead away within so many seconds, in ns per s of
 * them: the slope of the line that is above all of it. */
double line_wander_ppb(const struct gnomon_line_config *config, double seconds);

#endif
