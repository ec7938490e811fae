/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic on instants of 2^-64 s that other files here share. */
#ifndef BRIDGE_FINE_H
#define BRIDGE_FINE_H

#include <gnomon/vmclock.h>

#include "bridge/wide.h"

/* t + span and t - span, where span is in 2^-64 s; saturating. */
struct gnomon_fine fine_add(struct gnomon_fine t, wide span);
struct gnomon_fine fine_sub(struct gnomon_fine t, wide span);
/* t + seconds, saturating. */
struct gnomon_fine fine_add_sec(struct gnomon_fine t, int64_t sec);
/* Of a span in 2^-64 s: ns, rounded up, saturating. */
uint64_t fine_span_ns_up(wide span);

#endif
