/* SPDX-License-Identifier: BSD-2-Clause */
/* The servo that adjusts nothing: what it says of every offset, with every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/servo.h>

struct rig {
	const struct gnomon_servo_ops *ops;
	struct gnomon_servo_config config;
	_Alignas(16) unsigned char state[256];
	int64_t second;
};

static struct rig rig_default(void)
{
	struct rig r = { .ops = gnomon_servo_find("nullf") };

	assert_non_null(r.ops);
	assert_true(r.ops->size <= sizeof(r.state));
	gnomon_servo_config_default(&r.config);
	return r;
}

static void rig_start(struct rig *r)
{
	memset(r->state, 0xa5, sizeof(r->state));
	r->ops->init(r->state, &r->config);
	r->ops->sync_interval(r->state, 0.125);
}

/* Whatever it says, the adjustment is zero. */
static enum gnomon_servo_state feed(struct rig *r, int64_t offset_ns)
{
	const struct gnomon_servo_sample sample = {
		.offset = gnomon_span_from_ns(offset_ns),
		.local = { 1700000000 + r->second++, 0, 0 },
		.weight = 1.0,
	};
	double frequency = 77.0;
	enum gnomon_servo_state state = r->ops->sample(r->state, &sample, &frequency);

	assert_true(frequency == 0.0);
	assert_true(r->ops->rate_ratio(r->state) == 1.0);
	return state;
}

static void no_limit(void **state)
{
	struct rig r = rig_default();

	(void)state;
	rig_start(&r);
	assert_int_equal(feed(&r, 20001), GNOMON_SERVO_JUMP);
	assert_int_equal(feed(&r, 20001), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, -3000000000), GNOMON_SERVO_LOCKED);
	r.ops->reset(r.state);
	assert_int_equal(feed(&r, 5000000), GNOMON_SERVO_LOCKED);
}

static void step_threshold(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.step_threshold = 0.000001;
	rig_start(&r);
	assert_int_equal(feed(&r, 900), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, 1000), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, 1001), GNOMON_SERVO_JUMP);
	assert_int_equal(feed(&r, -1001), GNOMON_SERVO_JUMP);
	assert_int_equal(feed(&r, 0), GNOMON_SERVO_LOCKED);
}

static void offset_threshold(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.offset_threshold_ns = 100;
	r.config.num_offset_values = 3;
	rig_start(&r);
	assert_int_equal(feed(&r, 50), GNOMON_SERVO_LOCKED);
	/* Not within a limit, not to be stepped: out of its hands. */
	assert_int_equal(feed(&r, 100), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, 99), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, -99), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, 0), GNOMON_SERVO_LOCKED_STABLE);
	assert_int_equal(feed(&r, 100000), GNOMON_SERVO_UNLOCKED);
}

/* Another frequency than zero found at the start is taken away, wherever the offset is. */
static void frequency_at_start(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.offset_threshold_ns = 100;
	r.config.frequency_ppb = -1234.0;
	rig_start(&r);
	assert_int_equal(feed(&r, 10000), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, 10000), GNOMON_SERVO_UNLOCKED);
}

/* In the discipline: a clock whose frequency is right is stepped and stays. */
static void disciplines(void **state)
{
	struct gnomon_discipline_config config = {
		.size = sizeof(config),
		.servo = gnomon_servo_find("nullf"),
	};
	_Alignas(16) static unsigned char memory[4096];
	struct gnomon_discipline_command command;
	struct gnomon_discipline *d;
	int64_t error_ns = 123456789;

	(void)state;
	gnomon_servo_config_default(&config.servo_config);
	config.servo_config.step_threshold = 0.000001;
	assert_int_equal(gnomon_discipline_init(&d, memory, sizeof(memory), &config), 0);
	for (int64_t i = 0; i < 20; i++) {
		const struct gnomon_discipline_sample sample = {
			.offset = gnomon_span_from_ns(error_ns),
			.mean_delay = gnomon_span_from_ns(100),
			.local = gnomon_time_add((gnomon_time){ 1700000000 + i, 0, 0 },
						 gnomon_span_from_ns(error_ns)),
			.weight = 1.0,
			.reference_bound_ns = -1,
		};

		gnomon_discipline_sample(d, &sample, (gnomon_mono){ i * 1000000000 }, &command);
		assert_int_equal(command.step, i == 0);
		assert_true(command.set_frequency && command.frequency_ppb == 0.0);
		error_ns += command.step ? command.step_by.ns : 0;
	}
	assert_int_equal(error_ns, 0);
	assert_int_equal(command.state, GNOMON_SERVO_LOCKED);
	/* There is no correction to end. */
	assert_int_equal(gnomon_discipline_deadline(d).ns, GNOMON_MONO_NEVER.ns);
}

#define TEST(name) { "/servo/nullf/" #name, name, NULL, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_limit),
		TEST(step_threshold),
		TEST(offset_threshold),
		TEST(frequency_at_start),
		TEST(disciplines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
