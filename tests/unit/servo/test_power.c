/* SPDX-License-Identifier: BSD-2-Clause */
/* Powers against libm's. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "servo/power.h"
#include "tests/unit/seed.h"

static void assert_close(double base, double exponent)
{
	double want = pow(base, exponent);
	double got = servo_power(base, exponent);
	double tolerance = want * 1e-15 * (1.0 + fabs(log2(want)));

	if (!(fabs(got - want) <= tolerance)) {
		print_error("# %.17g ^ %.17g = %.17g, not %.17g\n", base, exponent, want, got);
		fail();
	}
}

/* Sync intervals are powers of two, the exponents those of the PI servo's gains. */
static void intervals(void **state)
{
	(void)state;
	for (int n = -10; n <= 22; n++) {
		assert_close(ldexp(1.0, n), -0.3);
		assert_close(ldexp(1.0, n), 0.4);
		/* whole powers of two are exact */
		assert_true(servo_power(ldexp(1.0, n), 1.0) == ldexp(1.0, n));
		assert_true(servo_power(ldexp(1.0, n), -2.0) == ldexp(1.0, -2 * n));
		assert_true(servo_power(ldexp(1.0, n), 0.0) == 1.0);
	}
}

static void anything(void **state)
{
	struct seed seed = seed_start("/servo/power/anything");

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		double mantissa = 1.0 + (double)seed_below(&seed, 1u << 30) * 0x1p-30;
		double base = ldexp(mantissa, (int)seed_below(&seed, 81) - 40);
		double exponent = ((double)seed_below(&seed, 1u << 24) - (1u << 23)) * 0x1p-20;

		assert_close(base, exponent);
	}
}

static void extremes(void **state)
{
	(void)state;
	assert_true(servo_power(1.0, DBL_MAX) == 1.0);
	assert_true(servo_power(1.0, -DBL_MAX) == 1.0);
	assert_true(isinf(servo_power(2.0, 1024.0)));
	assert_true(isinf(servo_power(4.0, DBL_MAX)));
	assert_true(isinf(servo_power(0.25, -DBL_MAX)));
	assert_true(servo_power(4.0, -DBL_MAX) == 0.0);
	assert_true(servo_power(0.25, DBL_MAX) == 0.0);
	assert_true(servo_power(2.0, 1023.0) == 0x1p1023);
	assert_true(servo_power(2.0, -1074.0) == 0x1p-1074);
	assert_close(DBL_MAX, 0.5);
	assert_close(DBL_MIN, 0.5);
	assert_close(0x1p-1074, -0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/power/intervals", intervals, NULL, NULL, NULL },
		{ "/servo/power/anything", anything, NULL, NULL, NULL },
		{ "/servo/power/extremes", extremes, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
