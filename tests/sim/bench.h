/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_BENCH_H
#define SIM_BENCH_H

#include <stdio.h>

/* Measure the simulator itself: speed for 2 and 1000 nodes, messages, memory. 0 or -errno. */
int bench_run(FILE *out);

#endif
