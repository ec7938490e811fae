/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run gives its reader: a table, JSON, a CSV trace, a plot. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "expect.h"
#include "metrics.h"

#define REPORT_TAUS 4

/* The measures of one node from settle_s on, ns. */
struct node_report {
	struct te_stats te;
	double constant;          /* over the first 1000 s, or all if it is shorter */
	double tdev[REPORT_TAUS]; /* at 1, 10, 100, 1000 s; NAN where the run is too short */
	double mtie[REPORT_TAUS];
	double inside_s; /* from when on |time error| stays within the limit; NAN: never */
};

void report_node(struct node_report *r, const struct world *w, const struct sim_node *n);

/* The table for people. */
void report_table(FILE *out, const struct world *w);
/* The expectations that failed, or all of them. */
void report_verdicts(FILE *out, const struct judge *j, bool all);
/* One JSON object, without a newline at its end. */
void report_json(FILE *out, const struct world *w, const struct judge *j, double wall_s);

/* The trace: a header now, then one row per node and tick. */
void trace_csv_begin(FILE *out);
void trace_csv_tick(FILE *out, const struct world *w, size_t tick);

/* Time error of every node: logarithmic from the start, linear once settled. 0 or -errno. */
int report_svg(FILE *out, const struct world *w);

#endif
