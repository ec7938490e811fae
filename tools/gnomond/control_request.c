/* SPDX-License-Identifier: BSD-2-Clause */
#include "control_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/config/suggest.h"

/* -- a line ----------------------------------------------------------------------------------- */

/* The parser calls itself for each level, so they are counted before. */
static int depth_of(const char *line, size_t len)
{
	bool in_text = false;
	int deepest = 0;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (in_text && line[i] == '\\') {
			i++;
		} else if (in_text) {
			in_text = line[i] != '"';
		} else if (line[i] == '"') {
			in_text = true;
		} else if (line[i] == '{' || line[i] == '[') {
			depth++;
			deepest = depth > deepest ? depth : deepest;
		} else if (line[i] == '}' || line[i] == ']') {
			depth--;
		}
	}
	return deepest;
}

static json_t *load(const char *line, size_t len, struct control_error *error)
{
	json_error_t why;
	json_t *root;

	if (depth_of(line, len) > CONTROL_DEPTH_MAX) {
		return control_fail(error, CONTROL_SYNTAX,
				    "more than %d levels of objects and arrays; a request has two",
				    CONTROL_DEPTH_MAX);
	}
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	if (!root) {
		return control_fail(error, CONTROL_SYNTAX,
				    "no JSON at octet %d: %s; write one object per line",
				    why.position, why.text);
	}
	if (!json_is_object(root)) {
		json_decref(root);
		return control_fail(error, CONTROL_REQUEST,
				    "a request is an object; write "
				    "{\"id\":1,\"method\":\"hello\"}");
	}
	return root;
}

/* -- a request -------------------------------------------------------------------------------- */

static bool take_id(struct control_request *request, json_t *id, struct control_error *error)
{
	if (id && !json_is_integer(id) && !json_is_null(id) &&
	    !(json_is_string(id) && json_string_length(id) <= CONTROL_ID_MAX)) {
		(void)control_fail(error, CONTROL_REQUEST,
				   "member id: neither a whole number nor a text of up to %d "
				   "octets; correct it",
				   CONTROL_ID_MAX);
		return false;
	}
	request->id = id ? json_incref(id) : json_null();
	return true;
}

static bool take_method(struct control_request *request, const json_t *method,
			struct control_error *error)
{
	const char *name = json_string_value(method);

	if (!name || json_string_length(method) >= sizeof(request->method) ||
	    strlen(name) != json_string_length(method) || name[0] == '\0') {
		(void)control_fail(error, CONTROL_REQUEST,
				   "member method: no name of a method; hello lists them");
		return false;
	}
	memcpy(request->method, name, strlen(name) + 1);
	return true;
}

static bool take_params(struct control_request *request, json_t *params,
			struct control_error *error)
{
	if (params && !json_is_object(params)) {
		(void)control_fail(error, CONTROL_REQUEST,
				   "member params: no object; write {\"NAME\":VALUE,...}");
		return false;
	}
	request->params = params ? json_incref(params) : json_object();
	return true;
}

/* What is not known may have been meant to matter. */
static bool is_known(const json_t *root, struct control_error *error)
{
	static const char *const members[] = { "id", "method", "params", NULL };

	if (control_params_known(root, members, error)) {
		return true;
	}
	error->code = CONTROL_REQUEST;
	return false;
}

int control_request_parse(struct control_request *request, const char *line, size_t len,
			  struct control_error *error)
{
	json_t *root = load(line, len, error);
	bool good;

	*request = (struct control_request){ .id = json_null() };
	if (!root) {
		return -EINVAL;
	}
	good = take_id(request, json_object_get(root, "id"), error) && is_known(root, error) &&
	       take_params(request, json_object_get(root, "params"), error) &&
	       take_method(request, json_object_get(root, "method"), error);
	json_decref(root);
	return good ? 0 : -EINVAL;
}

void control_request_finish(struct control_request *request)
{
	json_decref(request->id);
	json_decref(request->params);
	*request = (struct control_request){ .id = NULL };
}

/* -- an answer -------------------------------------------------------------------------------- */

json_t *control_answer_result(json_t *id, json_t *result)
{
	json_t *answer = json_object();

	control_put(answer, "id", json_incref(id));
	control_put(answer, "result", result);
	return answer;
}

json_t *control_answer_error(json_t *id, const struct control_error *error)
{
	json_t *answer = json_object();
	json_t *body = json_object();

	control_put(body, "code", json_string(error->code));
	control_put(body, "message", control_text(error->message));
	control_put(body, "remedy", control_text(error->remedy));
	control_put(answer, "id", json_incref(id));
	control_put(answer, "error", body);
	return answer;
}

/* -- parameters ------------------------------------------------------------------------------- */

static bool is_among(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(name, *names) == 0) {
			return true;
		}
	}
	return false;
}

static void refuse_name(const char *name, const char *const *names, struct control_error *error)
{
	struct suggest near;

	suggest_init(&near, name, strlen(name));
	for (const char *const *n = names; *n; n++) {
		suggest_name(&near, *n);
	}
	(void)control_fail(error, CONTROL_PARAMS, "%.40s: there is no such member; %s%s%s", name,
			   suggest_best(&near) ? "did you mean " : "remove it",
			   suggest_best(&near) ? suggest_best(&near) : "",
			   suggest_best(&near) ? "?" : "");
}

bool control_params_known(const json_t *params, const char *const *names,
			  struct control_error *error)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)params, name, value) {
		if (!is_among(name, names)) {
			refuse_name(name, names, error);
			return false;
		}
	}
	return true;
}

bool control_param_text(const json_t *params, const char *name, bool required, char *buf,
			size_t max, struct control_error *error)
{
	const json_t *value = json_object_get(params, name);
	const size_t len = json_string_length(value);

	if (!value && !required) {
		buf[0] = '\0';
		return true;
	}
	if (!value) {
		(void)control_fail(error, CONTROL_PARAMS, "%s: is missing; add it", name);
		return false;
	}
	if (!json_is_string(value) || len == 0 || len >= max ||
	    strlen(json_string_value(value)) != len) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "%s: not a text of 1 to %zu octets; correct it", name, max - 1);
		return false;
	}
	memcpy(buf, json_string_value(value), len + 1);
	return true;
}

bool control_param_int(const json_t *params, const char *name, int64_t min, int64_t max,
		       int64_t *value, struct control_error *error)
{
	const json_t *given = json_object_get(params, name);

	if (!given) {
		return true;
	}
	if (!json_is_integer(given) || json_integer_value(given) < min ||
	    json_integer_value(given) > max) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "%s: no whole number from %" PRId64 " to %" PRId64
				   "; correct it",
				   name, min, max);
		return false;
	}
	*value = json_integer_value(given);
	return true;
}
