/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What opening pairs and running them share.
 */
#ifndef GNOMOND_SYNCS_PRIVATE_H
#define GNOMOND_SYNCS_PRIVATE_H

#include "drivers/error.h"

#include "syncs.h"

/** The descriptor of a clock's device; -1: it is no PHC. */
int syncs_phc_fd(const struct syncs *syncs, size_t clock);

/** Become the steward of the sink, if it is steered. 0 or -EBUSY with *error. */
int syncs_claim(const struct syncs *syncs, struct syncs_pair *pair, struct driver_error *error);

/** Build the pair, which reads nothing yet. 0 or -errno with *error. */
int syncs_build(const struct syncs *syncs, struct syncs_pair *pair, struct driver_error *error);

#endif
