/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The end of the control socket that asks:
 *
 *     if (control_session_open(&session, NULL, "gnomon vm", &error) == 0) {
 *             json_t *result = control_session_call(&session, "vm.list", NULL, &error);
 *             ...
 *             control_session_close(&session);
 *     }
 *
 * A session waits for its answers, for CONTROL_PATIENCE_MS at most.
 */
#ifndef CONTROL_SESSION_H
#define CONTROL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/uds_stream.h"
#include "tools/control/value.h"

#define CONTROL_PATIENCE_MS 5000

/** Codes of errors that are not the daemon's. */
#define CONTROL_NO_DAEMON "daemon"  /* nobody listens there, or may not be asked */
#define CONTROL_NO_ANSWER "answer"  /* it does not answer, or something else than an answer */

struct control_session {
	struct uds_stream stream;
	char path[UDS_PATH_MAX + 1];
	bool may_change; /* the daemon lets us */
	int64_t id;      /* of the last request */
};

/**
 * Connect to the daemon at path (NULL: the default place) and say who asks. Returns 0, or -errno
 * with *error.
 */
int control_session_open(struct control_session *s, const char *path, const char *program,
			 struct control_error *error);

/** One request; params is taken over, NULL: none. The result, or NULL with *error. */
json_t *control_session_call(struct control_session *s, const char *method, json_t *params,
			     struct control_error *error);

void control_session_close(struct control_session *s);

#endif
