/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A line of the control socket, taken apart; and answers and events, put together. Octets in,
 * values out: no socket, no daemon.
 */
#ifndef GNOMOND_CONTROL_REQUEST_H
#define GNOMOND_CONTROL_REQUEST_H

#include <stdbool.h>

#include "tools/control/protocol.h"
#include "tools/control/value.h"

/** Octets of a method's name, with the NUL, and of an id that is a text. */
#define CONTROL_METHOD_MAX 48
#define CONTROL_ID_MAX 64

struct control_request {
	json_t *id;     /* a number, a short text, or null; owned */
	json_t *params; /* an object; owned */
	char method[CONTROL_METHOD_MAX];
};

/**
 * Take a line apart. Returns 0, or -EINVAL with *error and no method; id is what the answer needs
 * in either case. control_request_finish() is due.
 */
int control_request_parse(struct control_request *request, const char *line, size_t len,
			  struct control_error *error);
void control_request_finish(struct control_request *request);

/** {"id":...,"result":...}; result is taken over. */
json_t *control_answer_result(json_t *id, json_t *result);

/** {"id":...,"error":{"code":...,"message":...,"remedy":...}} */
json_t *control_answer_error(json_t *id, const struct control_error *error);

/* -- parameters ------------------------------------------------------------------------------- */

/** Whether all of them are among names, a list that ends with NULL. Else *error says which. */
bool control_params_known(const json_t *params, const char *const *names,
			  struct control_error *error);

/** A text of 1 to max - 1 octets into buf; "" if there is none and none is required. */
bool control_param_text(const json_t *params, const char *name, bool required, char *buf,
			size_t max, struct control_error *error);

/** A whole number from min to max; *value is left alone if there is none. */
bool control_param_int(const json_t *params, const char *name, int64_t min, int64_t max,
		       int64_t *value, struct control_error *error);

#endif
