/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Guests as people read them. They are objects of the daemon's answer.
 */
#ifndef VM_SHOW_H
#define VM_SHOW_H

#include <stdbool.h>

#include <jansson.h>

/** A table of an array of guests. */
void show_list(const json_t *guests);

/** All that is known of one. */
void show_guest(const json_t *guest);

/** Whether its page says that it is in step. */
bool show_is_synchronized(const json_t *guest);

#endif
