/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon sync, and phc2sys: clocks of one machine kept in step.
 */
#ifndef SYNC_SYNC_H
#define SYNC_SYNC_H

#include "tools/cli/command.h"

command_fn sync_main;

#endif
