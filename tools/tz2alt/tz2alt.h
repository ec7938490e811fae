/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon tz2alt, and tz2alt: tells a PTP daemon of this machine a time zone's offset and its next
 * discontinuity, which it announces to its clients.
 */
#ifndef TZ2ALT_TZ2ALT_H
#define TZ2ALT_TZ2ALT_H

#include "tools/cli/command.h"

command_fn tz2alt_main;

#endif
