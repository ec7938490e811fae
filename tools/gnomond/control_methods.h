/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What can be asked for by the control socket: a table of methods. docs/CONTROL.md has them all.
 */
#ifndef GNOMOND_CONTROL_METHODS_H
#define GNOMOND_CONTROL_METHODS_H

#include "control.h"

struct daemon;

/** A method: the result, or NULL with *error. */
typedef json_t *control_method_fn(struct daemon *d, struct control_client *client,
				  const json_t *params, struct control_error *error);

/** Answers requests to a control whose context is a struct daemon. */
control_answer_fn control_methods_answer;

/* -- in control_vm.c -------------------------------------------------------------------------- */

control_method_fn control_clock;
control_method_fn control_vm_attach;
control_method_fn control_vm_detach;
control_method_fn control_vm_list;
control_method_fn control_vm_status;

#endif
