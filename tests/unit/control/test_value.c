/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that cannot fail, and errors taken apart into what is wrong and what to do. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/control/protocol.h"
#include "tools/control/value.h"

static void expect(json_t *value, const char *text)
{
	char *got = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
	json_decref(value);
}

static void test_numbers(void **state)
{
	(void)state;
	expect(control_number(0, 3), "0");
	expect(control_number(38, 1), "38");
	expect(control_number(38.04, 1), "38");
	expect(control_number(38.06, 1), "38.1");
	expect(control_number(-38.06, 1), "-38.1");
	expect(control_number(1e15 + 0.5, 0), "1000000000000001");
	expect(control_number(1.5e300, 1), "1.5e300");
	expect(control_number((double)INFINITY, 1), "null");
	expect(control_number((double)NAN, 1), "null");
	expect(control_bits(0), "\"0x0000000000000000\"");
	expect(control_bits(UINT64_MAX), "\"0xffffffffffffffff\"");
}

static void test_texts(void **state)
{
	json_t *object = json_object();

	(void)state;
	expect(control_text("plain"), "\"plain\"");
	expect(control_text("z\xc3\xa4h"), "\"z\xc3\xa4h\"");
	expect(control_text("bad\xff\xc3"), "\"bad??\"");
	control_put(object, "none", NULL);
	control_put(object, "one", json_integer(1));
	expect(object, "{\"none\": null, \"one\": 1}");
}

static void test_errors(void **state)
{
	char longest[1000];
	struct control_error error;

	(void)state;
	assert_null(control_fail(&error, CONTROL_ABSENT, "a: %s; b; do this", "x"));
	assert_string_equal(error.code, "absent");
	assert_string_equal(error.message, "a: x; b");
	assert_string_equal(error.remedy, "do this");
	assert_null(control_fail(&error, CONTROL_FAILED, "nothing\nhelps\x7f"));
	assert_string_equal(error.message, "nothing?helps?");
	assert_string_equal(error.remedy, "");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(control_fail(&error, CONTROL_FAILED, "%s", longest));
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/control/value/numbers", test_numbers, NULL, NULL, NULL },
		{ "/control/value/texts", test_texts, NULL, NULL, NULL },
		{ "/control/value/errors", test_errors, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
