/* SPDX-License-Identifier: BSD-2-Clause */
/* A discipline from configuration and clock; that every key arrives is gnomond/instance's test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "tools/discipline/discipline.h"

#define LIMIT_PPB 5e5

static int mute_frequency(struct gnomon_clock *clock, double *ppb)
{
	(void)clock;
	(void)ppb;
	return -EIO;
}

static int told_frequency(struct gnomon_clock *clock, double *ppb)
{
	(void)clock;
	*ppb = -1234.5;
	return 0;
}

static const struct gnomon_clock_ops told_ops = { .get_frequency = told_frequency };
static const struct gnomon_clock_ops mute_ops = { .get_frequency = mute_frequency };

struct fixture {
	struct conf conf;
	struct gnomon_clock clock;
	struct gnomon_discipline_config config;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f) {
		return -1;
	}
	assert_int_equal(conf_init(&f->conf, true), 0);
	f->clock = (struct gnomon_clock){ .ops = &told_ops, .max_frequency_ppb = LIMIT_PPB };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	conf_finish(&f->conf);
	free(f);
	return 0;
}

/* The clock's limit holds, unless a lower one is configured; 0: none is. */
static void limits(void **state)
{
	static const int configured[] = { 0, 1000, 500000, 900000000 };
	static const double expected[] = { LIMIT_PPB, 1000, LIMIT_PPB, LIMIT_PPB };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		f->conf.max_frequency = configured[i];
		assert_int_equal(discipline_configure(&f->config, &f->conf, &f->clock), 0);
		assert_true(f->config.servo_config.max_frequency_ppb == expected[i]);
	}
}

/* From where the clock is, as far as it says. */
static void frequency(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(discipline_configure(&f->config, &f->conf, &f->clock), 0);
	assert_true(f->config.servo_config.frequency_ppb == -1234.5);
	f->clock.ops = &mute_ops;
	assert_int_equal(discipline_configure(&f->config, &f->conf, &f->clock), 0);
	assert_true(f->config.servo_config.frequency_ppb == 0.0);
}

/* What is built runs; what cannot be built leaves nothing behind. */
static void create(void **state)
{
	struct fixture *f = *state;
	struct gnomon_discipline *discipline = NULL;
	void *memory = NULL;

	assert_int_equal(discipline_configure(&f->config, &f->conf, &f->clock), 0);
	f->config.servo_config.max_frequency_ppb = 0;
	assert_int_equal(discipline_create(&discipline, &memory, &f->config), -EINVAL);
	assert_null(discipline);
	assert_null(memory);
	f->config.servo_config.max_frequency_ppb = LIMIT_PPB;
	assert_int_equal(discipline_create(&discipline, &memory, &f->config), 0);
	assert_non_null(memory);
	assert_int_equal(gnomon_discipline_deadline(discipline).ns, GNOMON_MONO_NEVER.ns);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(name, function) { "/discipline/" name, function, setup, teardown, NULL }
		ROW("limits", limits),
		ROW("frequency", frequency),
		ROW("create", create),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
