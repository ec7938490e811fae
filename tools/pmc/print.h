/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a management or signaling message says, as linuxptp's pmc prints it, or as JSON. Both come
 * from the table of gnomon/management.h.
 */
#ifndef PMC_PRINT_H
#define PMC_PRINT_H

#include <stdio.h>

#include "tools/manage/client.h"

/** Room for one value as text. */
#define PRINT_VALUE_MAX 1024

/**
 * The value as pmc prints it, into buf. Octets a terminal could take for a command become '?'.
 * Returns buf.
 */
char *print_value(const struct gnomon_management_value *value, char buf[PRINT_VALUE_MAX]);

/** "<tab>0c42a1.fffe.6d7ca6-1 seq 0 RESPONSE MANAGEMENT PRIORITY1 ...". */
void print_text(FILE *out, const struct manage_message *message);

/**
 * One line with one object:
 *
 *     {"source":"...","sequence":0,"action":"RESPONSE","id":"PRIORITY1","data":{"priority1":128}}
 *     {"source":"...","sequence":0,"action":"RESPONSE","id":"TIME","error":"NOT_SUPPORTED"}
 *
 * Names of fields are those of the text. Repeated fields stand in an array "entries". What only
 * has two values is true or false; intervals are nanoseconds with all their digits.
 */
void print_json(FILE *out, const struct manage_message *message);

#endif
