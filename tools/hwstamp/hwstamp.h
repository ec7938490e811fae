/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon hwstamp, and hwstamp_ctl: what an interface's hardware time stamping is set to, and
 * setting it.
 */
#ifndef HWSTAMP_HWSTAMP_H
#define HWSTAMP_HWSTAMP_H

#include "tools/cli/command.h"

command_fn hwstamp_main;

#endif
