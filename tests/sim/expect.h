/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a run come to what its scenario expects? */
#ifndef SIM_EXPECT_H
#define SIM_EXPECT_H

#include "world.h"

struct verdict {
	const struct sim_expect *expect;
	bool judged;
	bool good;
	double measured; /* of the worst node */
	char node[NODE_NAME_MAX];
};

struct judge {
	struct verdict *verdicts;
	size_t count;
	double next_s; /* the earliest instant at which one more is to be judged */
};

/* 0, -ENOMEM, or -EINVAL: an expectation names what is not there (reason in w->error). */
int judge_create(struct judge *j, struct world *w);
void judge_destroy(struct judge *j);

/* Judge what speaks of an instant that has passed; call on every tick. */
void judge_tick(struct judge *j, const struct world *w, size_t tick);

/* Judge the rest. Returns how many expectations failed. */
size_t judge_finish(struct judge *j, const struct world *w);

/* "oc: rms time error 300.0 s..900.0 s: 99.2 ns, expected 0 .. 115 ns" into buf. Returns buf. */
char *verdict_format(char *buf, size_t cap, const struct verdict *v);

#endif
