/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon vm: the virtual machines that a gnomond tells the time, and how a machine gets the page by
 * which it is told.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "tools/cli/command.h"

command_fn vm_main;

#endif
