/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of the control socket: any line is either taken apart, or refused in one line with what
 * to do; and what is answered to it is JSON in one line that can be read back.
 */
#include <stdbool.h>
#include <string.h>

#include "tools/gnomond/control_request.h"

#include "fuzz.h"

/* A text of ours is one line of printable octets, or of UTF-8. */
static void check_text(const json_t *text, bool required)
{
	const char *p = json_string_value(text);

	FUZZ_CHECK(p != NULL);
	FUZZ_CHECK(!required || *p);
	for (; *p; p++) {
		FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
}

static void check_answer(json_t *answer, const json_t *id)
{
	char *line = json_dumps(answer, JSON_COMPACT);
	json_t *again;

	FUZZ_CHECK(line != NULL && !strchr(line, '\n'));
	again = json_loads(line, 0, NULL);
	FUZZ_CHECK(json_equal(again, answer));
	FUZZ_CHECK(json_equal(json_object_get(again, "id"), id));
	json_decref(again);
	free(line);
}

static void check_params(const json_t *params)
{
	static const char *const names[] = { "name", "pid", NULL };
	struct control_error error = { "", "", "" };
	int64_t pid = -1;
	char name[32];

	if (control_params_known(params, names, &error) &&
	    control_param_text(params, "name", true, name, sizeof(name), &error) &&
	    control_param_int(params, "pid", 0, 100, &pid, &error)) {
		FUZZ_CHECK(strlen(name) > 0 && pid >= -1 && pid <= 100);
	} else {
		FUZZ_CHECK(error.message[0] && strcmp(error.code, CONTROL_PARAMS) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_error error = { "", "", "" };
	struct control_request request;
	char *line = malloc(size + 1);
	json_t *answer;
	int r;

	FUZZ_CHECK(line != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	r = control_request_parse(&request, line, size, &error);
	FUZZ_CHECK(request.id != NULL);
	if (r == 0) {
		FUZZ_CHECK(request.method[0] && json_is_object(request.params));
		check_params(request.params);
		answer = control_answer_result(request.id, json_incref(request.params));
	} else {
		FUZZ_CHECK(error.message[0]);
		answer = control_answer_error(request.id, &error);
		check_text(json_object_get(json_object_get(answer, "error"), "message"), true);
		check_text(json_object_get(json_object_get(answer, "error"), "remedy"), false);
	}
	check_answer(answer, request.id);
	json_decref(answer);
	control_request_finish(&request);
	free(line);
	return 0;
}
