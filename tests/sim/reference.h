/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference table: what another implementation reached under the same noise. */
#ifndef SIM_REFERENCE_H
#define SIM_REFERENCE_H

#include <stdio.h>
#include <stdint.h>

/*
 * Measure every row over seeds seeds (0: 16) from the first one on and print median and range.
 * Returns how many rows miss their reference by more than 15 %, or settle too late.
 */
unsigned int reference_run(FILE *out, uint64_t first_seed, unsigned int seeds);

#endif
