/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of gnomon phc: exact nanoseconds, ranges, and what is no number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "tools/phc/phc.h"

#define S PHC_SECONDS_MAX

static void exact(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "0", 0 },
		{ "0.0", 0 },
		{ "1", 1000000000 },
		{ "1.", 1000000000 },
		{ ".5", 500000000 },
		{ "1795426848.917461891", INT64_C(1795426848917461891) },
		{ "-1795426848.917461891", -INT64_C(1795426848917461891) },
		{ "+0.000000001", 1 },
		{ "-0.000000001", -1 },
		{ "0.0000000019", 1 }, /* truncated, as phc_ctl does */
		{ "37", INT64_C(37000000000) },
		{ "1e3", INT64_C(1000000000000) },
		{ "2.5e-9", 2 },
		{ "-1.5e0", -1500000000 },
		{ "0x10", INT64_C(16000000000) },
		{ "9223372036", INT64_C(9223372036000000000) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct phc_argument a = { 0 };

		assert_int_equal(phc_number_parse(rows[i].text, -S, S, &a), PHC_NUMBER_GOOD);
		assert_true(a.given);
		if (a.ns != rows[i].ns) {
			fail_msg("%s: %lld", rows[i].text, (long long)a.ns);
		}
	}
}

static void malformed(void **state)
{
	static const char *const texts[] = { "", "x", "1x", "1 2", "--1", "1,5", "e5", "." };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct phc_argument a = { .value = 7 };

		assert_int_equal(phc_number_parse(texts[i], -S, S, &a), PHC_NUMBER_MALFORMED);
		assert_false(a.given);
		assert_true(a.value == 7);
	}
}

static void out_of_range(void **state)
{
	static const char *const texts[] = { "-1", "-0.000001", "9223372037", "1e300", "1e999",
					     "inf", "nan", "-nan" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct phc_argument a = { 0 };

		if (phc_number_parse(texts[i], 0, S, &a) != PHC_NUMBER_OUT_OF_RANGE) {
			fail_msg("taken: %s", texts[i]);
		}
		assert_false(a.given);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/phc/number/exact", exact, NULL, NULL, NULL },
		{ "/phc/number/malformed", malformed, NULL, NULL, NULL },
		{ "/phc/number/out_of_range", out_of_range, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
