/* SPDX-License-Identifier: BSD-2-Clause */
/* Distributions have the moments they promise; streams are apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/random.h"

#define DRAWS 400000

struct moments {
	double mean;
	double variance;
	double third; /* central, normalised: skewness */
};

static struct moments measure(double (*draw)(struct random *r), uint64_t stream)
{
	struct moments m = { 0.0, 0.0, 0.0 };
	static double x[DRAWS];
	struct random r;

	random_init(&r, stream);
	for (int i = 0; i < DRAWS; i++) {
		x[i] = draw(&r);
		m.mean += x[i] / DRAWS;
	}
	for (int i = 0; i < DRAWS; i++) {
		double d = x[i] - m.mean;

		m.variance += d * d / DRAWS;
		m.third += d * d * d / DRAWS;
	}
	m.third /= pow(m.variance, 1.5);
	return m;
}

static double gamma_2(struct random *r)
{
	return random_gamma(r, 2.0);
}

static double gamma_half(struct random *r)
{
	return random_gamma(r, 0.5);
}

static void assert_moments(struct moments m, double mean, double variance, double skewness)
{
	if (fabs(m.mean - mean) > 0.01 || fabs(m.variance - variance) > 0.02 * variance ||
	    fabs(m.third - skewness) > 0.1) {
		fail_msg("mean %g variance %g skewness %g, expected %g %g %g", m.mean, m.variance,
			 m.third, mean, variance, skewness);
	}
}

static void moments(void **state)
{
	assert_moments(measure(random_uniform, 1), 0.5, 1.0 / 12.0, 0.0);
	assert_moments(measure(random_normal, 2), 0.0, 1.0, 0.0);
	assert_moments(measure(random_exponential, 3), 1.0, 1.0, 2.0);
	assert_moments(measure(gamma_2, 4), 2.0, 2.0, sqrt(2.0));
	assert_moments(measure(gamma_half, 5), 0.5, 0.5, 2.0 * sqrt(2.0));
}

static void chances(void **state)
{
	struct random r;
	int hits = 0;

	random_init(&r, 6);
	for (int i = 0; i < DRAWS; i++) {
		hits += random_chance(&r, 0.3);
		assert_false(random_chance(&r, 0.0));
		assert_true(random_chance(&r, 1.0));
	}
	assert_in_range(hits, (int)(0.297 * DRAWS), (int)(0.303 * DRAWS));
}

/* Neighbouring seeds, purposes and indices give unrelated first numbers. */
static void streams(void **state)
{
	uint64_t seen[27];
	size_t count = 0;

	for (uint64_t seed = 0; seed < 3; seed++) {
		for (uint64_t index = 0; index < 3; index++) {
			for (int purpose = 1; purpose <= 3; purpose++) {
				struct random r;

				random_init(&r, random_stream(seed, (enum random_purpose)purpose,
							      index));
				seen[count++] = random_next(&r);
			}
		}
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			int differ = __builtin_popcountll(seen[i] ^ seen[k]);

			assert_in_range(differ, 10, 54);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/random/moments", moments, NULL, NULL, NULL },
		{ "/sim/random/chances", chances, NULL, NULL, NULL },
		{ "/sim/random/streams", streams, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
