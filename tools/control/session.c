/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/control/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "drivers/timer.h"
#include "tools/control/protocol.h"

/* Longest answer; the daemon's are shorter. */
#define ANSWER_MAX (1024u * 1024)

#define NSEC_PER_MSEC 1000000

/* -- waiting ---------------------------------------------------------------------------------- */

static int no_answer(const struct control_session *s, struct control_error *error, int code,
		     const char *what)
{
	(void)control_fail(error, CONTROL_NO_ANSWER, "%s: %s; see whether gnomond runs there",
			   s->path, what);
	return code;
}

/* Until something can be received, or sent. */
static int wait_for(const struct control_session *s, short events, gnomon_mono end,
		    struct control_error *error)
{
	struct pollfd fd = { .fd = s->stream.fd, .events = events };
	const gnomon_mono now = timer_now();
	const int64_t left = (end.ns - now.ns) / NSEC_PER_MSEC;

	if (left <= 0 || poll(&fd, 1, (int)left) == 0) {
		return no_answer(s, error, -ETIMEDOUT, "does not answer in time");
	}
	return 0;
}

static int send_all(struct control_session *s, gnomon_mono end, struct control_error *error)
{
	int r = uds_stream_flush(&s->stream);

	while (r == -EAGAIN) {
		r = wait_for(s, POLLOUT, end, error);
		if (r) {
			return r;
		}
		r = uds_stream_flush(&s->stream);
	}
	/* Whoever closed may have said why. */
	return r == -EPIPE || r == -ECONNRESET ? 0
	       : r ? no_answer(s, error, r, driver_strerror(r))
		   : 0;
}

/* The next line; NULL with *error. */
static const char *next_line(struct control_session *s, gnomon_mono end, size_t *len,
			     struct control_error *error)
{
	for (;;) {
		const char *line = uds_stream_line(&s->stream, len);
		ssize_t got;

		if (line) {
			return line;
		}
		got = uds_stream_fill(&s->stream);
		if (got == -EAGAIN) {
			if (wait_for(s, POLLIN, end, error)) {
				return NULL;
			}
		} else if (got <= 0) {
			(void)no_answer(s, error, -EPIPE,
					got == -ENOBUFS ? "the answer is too long"
							: "the connection was closed");
			return NULL;
		}
	}
}

/* -- answers ---------------------------------------------------------------------------------- */

static void copy_error(const json_t *from, struct control_error *error)
{
	static const char *const codes[] = {
		CONTROL_SYNTAX, CONTROL_REQUEST, CONTROL_VERSION_BAD, CONTROL_METHOD,
		CONTROL_PARAMS, CONTROL_DENIED, CONTROL_ABSENT, CONTROL_EXISTS, CONTROL_BUSY,
	};
	const char *code = json_string_value(json_object_get(from, "code"));
	const char *message = json_string_value(json_object_get(from, "message"));
	const char *remedy = json_string_value(json_object_get(from, "remedy"));

	*error = (struct control_error){ .code = CONTROL_FAILED };
	for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(code, codes[i]) == 0) {
			error->code = codes[i];
		}
	}
	(void)snprintf(error->message, sizeof(error->message), "%s",
		       message ? message : "the daemon refused, and did not say why");
	(void)snprintf(error->remedy, sizeof(error->remedy), "%s", remedy ? remedy : "");
}

/* Whether the line is the answer to our request; or says why there will be none, without an id. */
static bool is_answer(const struct control_session *s, const json_t *answer)
{
	const json_t *id = json_object_get(answer, "id");

	return (json_is_integer(id) && json_integer_value(id) == s->id) ||
	       (json_is_null(id) && json_object_get(answer, "error"));
}

static json_t *await_answer(struct control_session *s, gnomon_mono end,
			    struct control_error *error)
{
	json_t *answer = NULL;
	json_t *result;
	const char *line;
	size_t len;

	while (!answer) {
		line = next_line(s, end, &len, error);
		if (!line) {
			return NULL;
		}
		answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(answer)) {
			json_decref(answer);
			(void)no_answer(s, error, -EPROTO, "answers something that is no JSON");
			return NULL;
		}
		if (!is_answer(s, answer)) {
			json_decref(answer); /* an event */
			answer = NULL;
		}
	}
	result = json_object_get(answer, "result");
	if (result) {
		json_incref(result);
	} else {
		copy_error(json_object_get(answer, "error"), error);
	}
	json_decref(answer);
	return result;
}

/* -- a session -------------------------------------------------------------------------------- */

static int put_octets(const char *octets, size_t len, void *context)
{
	return uds_stream_put(context, octets, len);
}

json_t *control_session_call(struct control_session *s, const char *method, json_t *params,
			     struct control_error *error)
{
	const gnomon_mono end =
		gnomon_mono_add(timer_now(), (int64_t)CONTROL_PATIENCE_MS * NSEC_PER_MSEC);
	json_t *request = json_object();
	int r;

	control_put(request, "id", json_integer(++s->id));
	control_put(request, "method", json_string(method));
	control_put(request, "params", params ? params : json_object());
	r = json_dump_callback(request, put_octets, &s->stream, JSON_COMPACT);
	json_decref(request);
	if (r || uds_stream_put(&s->stream, "\n", 1)) {
		return control_fail(error, CONTROL_REQUEST,
				    "%s: the request is too long; shorten it", method);
	}
	return send_all(s, end, error) ? NULL : await_answer(s, end, error);
}

static int cannot_connect(const char *path, int code, struct control_error *error)
{
	const char *what = "no gnomond listens there";
	const char *remedy = "start it, or name its control_socket with --socket";

	if (code == -EACCES || code == -EPERM) {
		what = "not allowed";
		remedy = "become root, or join the group of gnomond's control_socket_group";
	} else if (code == -EAGAIN) {
		what = "too many wait there already";
		remedy = "try again";
	} else if (code == -ENAMETOOLONG) {
		what = "too long for the path of a socket";
		remedy = "use a shorter one";
	} else if (code != -ENOENT && code != -ECONNREFUSED && code != -ENOTDIR) {
		what = driver_strerror(code);
	}
	(void)control_fail(error, CONTROL_NO_DAEMON, "%.200s: %s; %s", path, what, remedy);
	return code;
}

int control_session_open(struct control_session *s, const char *path, const char *program,
			 struct control_error *error)
{
	const char *place = path ? path : CONTROL_PATH;
	const int fd = uds_connect(place);
	json_t *params = json_object();
	json_t *result;

	if (fd < 0) {
		json_decref(params);
		return cannot_connect(place, fd, error);
	}
	*s = (struct control_session){ .id = 0 };
	(void)snprintf(s->path, sizeof(s->path), "%s", place);
	uds_stream_init(&s->stream, fd, ANSWER_MAX, CONTROL_LINE_MAX);
	control_put(params, "version", json_integer(CONTROL_VERSION));
	control_put(params, "client", control_text(program));
	result = control_session_call(s, "hello", params, error);
	if (!result) {
		control_session_close(s);
		return -EPROTO;
	}
	s->may_change = json_is_true(json_object_get(result, "may_change"));
	json_decref(result);
	return 0;
}

void control_session_close(struct control_session *s)
{
	uds_stream_close(&s->stream);
}
