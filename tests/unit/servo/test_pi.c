/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PI servo against numbers worked out by hand from
 *
 *     frequency = integral - (kp + ki) * offset,  integral -= ki * offset
 *
 * with kp 0.7 and ki 0.3 (hardware time stamps, 1 s), and its states and thresholds at their edges.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/servo.h>

#define S 1000000000

struct rig {
	const struct gnomon_servo_ops *ops;
	struct gnomon_servo_config config;
	_Alignas(16) unsigned char state[1024];
	double frequency;
};

/* Local times are ns after some epoch. */
static enum gnomon_servo_state feed_span(struct rig *r, int64_t local_ns, gnomon_span offset,
					 double weight)
{
	struct gnomon_servo_sample sample = {
		.offset = offset,
		.local = gnomon_time_add((gnomon_time){ 1700000000, 0, 0 },
					 gnomon_span_from_ns(local_ns)),
		.weight = weight,
	};

	return r->ops->sample(r->state, &sample, &r->frequency);
}

static enum gnomon_servo_state feed(struct rig *r, int64_t local_ns, int64_t offset_ns)
{
	return feed_span(r, local_ns, gnomon_span_from_ns(offset_ns), 1.0);
}

static void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

static struct rig rig_default(void)
{
	struct rig r = { .ops = gnomon_servo_find("pi") };

	gnomon_servo_config_default(&r.config);
	return r;
}

static void rig_start(struct rig *r)
{
	assert_true(r->ops->size <= sizeof(r->state));
	memset(r->state, 0xa5, sizeof(r->state));
	r->ops->init(r->state, &r->config);
}

/* Closed loop with integral 0: two zero offsets, far enough apart for every ki. */
static void rig_lock(struct rig *r)
{
	rig_start(r);
	assert_int_equal(feed(r, 0, 0), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(r, (int64_t)1000 * S, 0), GNOMON_SERVO_LOCKED);
	assert_near(r->frequency, 0.0, 0.0);
}

static void default_config(void **state)
{
	struct gnomon_servo_config c;

	(void)state;
	gnomon_servo_config_default(&c);
	assert_int_equal(c.size, sizeof(c));
	assert_false(c.software_timestamps);
	assert_true(c.max_frequency_ppb == 900000000.0);
	assert_true(c.plausible_frequency_ppb == 1000000.0);
	assert_true(c.first_step_threshold == 0.00002 && c.step_threshold == 0.0);
	assert_true(c.pi_proportional_const == 0.0 && c.pi_integral_const == 0.0);
	assert_true(c.pi_proportional_scale == 0.0 && c.pi_integral_scale == 0.0);
	assert_true(c.pi_proportional_exponent == -0.3 && c.pi_integral_exponent == 0.4);
	assert_true(c.pi_proportional_norm_max == 0.7 && c.pi_integral_norm_max == 0.3);
	assert_int_equal(c.offset_threshold_ns, 0);
	assert_int_equal(c.num_offset_values, 10);
}

static void by_name(void **state)
{
	(void)state;
	assert_ptr_equal(gnomon_servo_find("pi"), gnomon_servo_at(0));
	assert_null(gnomon_servo_find("pid"));
	assert_null(gnomon_servo_find(""));
	assert_null(gnomon_servo_at(1000));
	for (unsigned int i = 0; gnomon_servo_at(i); i++) {
		assert_true(strlen(gnomon_servo_at(i)->summary) > 0);
		assert_ptr_equal(gnomon_servo_find(gnomon_servo_at(i)->name), gnomon_servo_at(i));
	}
	assert_string_equal(gnomon_servo_state_name(GNOMON_SERVO_UNLOCKED), "UNLOCKED");
	assert_string_equal(gnomon_servo_state_name(GNOMON_SERVO_JUMP), "JUMP");
	assert_string_equal(gnomon_servo_state_name(GNOMON_SERVO_LOCKED), "LOCKED");
	assert_string_equal(gnomon_servo_state_name(GNOMON_SERVO_LOCKED_STABLE), "LOCKED_STABLE");
}

static void table(void **state)
{
	static const struct {
		int64_t offset_ns;
		double weight;
		double frequency;
	} rows[] = {
		/* integral -1000 from the first two samples */
		{ 100, 1.0, -1100.0 }, /* integral -1030, less 70 */
		{ -50, 1.0, -980.0 },  /* -1015 + 35 */
		{ 100, 0.5, -1065.0 }, /* -1030 - 35 */
		{ 0, 1.0, -1030.0 },
		{ -1000, 0.25, -780.0 }, /* -955 + 175 */
		{ 7, 1.0, -962.0 },      /* -957.1 - 4.9 */
	};
	struct rig r = rig_default();

	(void)state;
	rig_start(&r);
	assert_int_equal(feed(&r, 0, 1000), GNOMON_SERVO_UNLOCKED);
	assert_near(r.frequency, 0.0, 0.0);
	/* 1000 ns gained in 1 s: 1000 ppb too fast. */
	assert_int_equal(feed(&r, S, 2000), GNOMON_SERVO_LOCKED);
	assert_near(r.frequency, -1000.0, 1e-9);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gnomon_span offset = gnomon_span_from_ns(rows[i].offset_ns);

		assert_int_equal(feed_span(&r, (int64_t)(i + 2) * S, offset, rows[i].weight),
				 GNOMON_SERVO_LOCKED);
		assert_near(r.frequency, rows[i].frequency, 1e-9);
	}
	assert_true(r.ops->rate_ratio(r.state) == 1.0);
}

static void initial_frequency(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.plausible_frequency_ppb = 0.0;
	r.config.frequency_ppb = 5000.0;
	rig_start(&r);
	feed(&r, 0, 0);
	assert_near(r.frequency, 5000.0, 0.0);
	/* 5000 - (1e9 + 5000) * 1e-6 */
	feed(&r, S, 1000);
	assert_near(r.frequency, 3999.995, 1e-9);
	/* A tenth of a second in 10: 1 %; the clock's own seconds are 1 % short. */
	r.config.frequency_ppb = 0.0;
	rig_start(&r);
	feed(&r, 0, 0);
	feed(&r, (int64_t)10 * S, S / 10);
	assert_near(r.frequency, -1e7, 1e-6);
}

static void sub_nanoseconds(void **state)
{
	struct rig r = rig_default();

	(void)state;
	rig_lock(&r);
	feed_span(&r, (int64_t)1001 * S, (gnomon_span){ 0, 0x8000 }, 1.0);
	assert_near(r.frequency, -0.5, 1e-15);
	feed_span(&r, (int64_t)1002 * S, (gnomon_span){ -1, 0x4000 }, 1.0);
	assert_near(r.frequency, -0.15 + 0.75, 1e-15);
}

static void constants_rule(void **state)
{
	/* log2 interval; kp, ki with hardware and with software time stamps:
	 * 0.7 T^-0.3 <= 0.7 / T, 0.3 T^0.4 <= 0.3 / T, 0.1 T^-0.3, 0.001 T^0.4 */
	static const struct {
		int log;
		double gain[4];
	} rows[] = {
		{ -7, { 3.0009656951, 0.0430761883124, 0.428709385015, 0.000143587294375 } },
		{ -6, { 2.43754157723, 0.0568393712441, 0.348220225318, 0.000189464570814 } },
		{ -5, { 1.97989898732, 0.075, 0.282842712475, 0.00025 } },
		{ -4, { 1.608177697, 0.098963093308, 0.229739670999, 0.000329876977693 } },
		{ -3, { 1.30624618815, 0.130582584494, 0.186606598307, 0.000435275281648 } },
		{ -2, { 1.06100159656, 0.17230475325, 0.151571656651, 0.000574349177499 } },
		{ -1, { 0.861801089341, 0.227357484977, 0.123114441334, 0.000757858283255 } },
		{ 0, { 0.7, 0.3, 0.1, 0.001 } },
		{ 1, { 0.35, 0.15, 0.0812252396356, 0.00131950791077 } },
		{ 2, { 0.175, 0.075, 0.0659753955386, 0.00174110112659 } },
		{ 3, { 0.0875, 0.0375, 0.0535886731268, 0.00229739670999 } },
		{ 4, { 0.04375, 0.01875, 0.0435275281648, 0.00303143313302 } },
		{ 5, { 0.021875, 0.009375, 0.021875, 0.004 } },
		{ 6, { 0.0109375, 0.0046875, 0.0109375, 0.0046875 } },
		{ 7, { 0.00546875, 0.00234375, 0.00546875, 0.00234375 } },
	};

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const double *gain = &rows[i / 2].gain[i % 2 * 2];
		struct rig r = rig_default();

		r.config.software_timestamps = i % 2;
		rig_lock(&r);
		r.ops->sync_interval(r.state, ldexp(1.0, rows[i / 2].log));
		/* 1e6 ns show kp + ki, the zero after it what ki left behind. */
		feed(&r, (int64_t)1001 * S, 1000000);
		assert_near(r.frequency, -1e6 * (gain[0] + gain[1]), 1e-4);
		feed(&r, (int64_t)1002 * S, 0);
		assert_near(r.frequency, -1e6 * gain[1], 1e-5);
	}
}

/* What kp + ki and ki come out as at the interval, under the configuration. */
static void gains(struct rig *r, double interval, double kp, double ki)
{
	rig_lock(r);
	r->ops->sync_interval(r->state, interval);
	feed(r, (int64_t)1001 * S, 1000000);
	assert_near(r->frequency, -1e6 * (kp + ki), 1e-6);
	feed(r, (int64_t)1002 * S, 0);
	assert_near(r->frequency, -1e6 * ki, 1e-6);
}

static void constants_configured(void **state)
{
	struct rig r = rig_default();

	(void)state;
	/* Constants rule out the scale, whatever the interval, one by one. */
	r.config.pi_proportional_const = 0.5;
	r.config.pi_proportional_scale = 0.1;
	gains(&r, 1.0, 0.5, 0.3);
	gains(&r, 0.25, 0.5, 0.3 * pow(0.25, 0.4));
	r.config.pi_integral_const = 0.05;
	gains(&r, 0.25, 0.5, 0.05);
	/* ... but not out of stability: 1 / interval, 2 / interval */
	gains(&r, 8.0, 0.125, 0.05);
	r.config.pi_integral_const = 3.0;
	gains(&r, 1.0, 0.5, 2.0);
	/* Scales, exponents and caps of one's own. */
	r = rig_default();
	r.config.pi_proportional_scale = 0.2;
	r.config.pi_proportional_exponent = 0.0;
	r.config.pi_integral_scale = 0.04;
	r.config.pi_integral_exponent = 1.0;
	gains(&r, 0.5, 0.2, 0.02);
	r.config.pi_proportional_norm_max = 0.4;
	r.config.pi_integral_norm_max = 0.02;
	gains(&r, 4.0, 0.1, 0.005);
	/* A zero cap is the default one. */
	r.config.pi_proportional_norm_max = 0.0;
	r.config.pi_integral_norm_max = 0.0;
	gains(&r, 16.0, 0.04375, 0.01875);
}

static void estimation_interval(void **state)
{
	struct rig r = rig_default();

	(void)state;
	/* 0.016 / 0.3 = 53.33 ms, and a thousandth less will do. */
	rig_start(&r);
	feed(&r, 0, 500);
	assert_int_equal(feed(&r, 10000000, 100000), GNOMON_SERVO_UNLOCKED);
	assert_near(r.frequency, 0.0, 0.0);
	assert_int_equal(feed(&r, 53270000, 200000), GNOMON_SERVO_UNLOCKED);
	/* The first sample is still the one compared with. */
	assert_int_equal(feed(&r, 53300000, 500 + 533), GNOMON_SERVO_LOCKED);
	assert_near(r.frequency, -10000.0, 1e-6);
	/* 0.016 / 0.001 = 16 s */
	r.config.software_timestamps = true;
	rig_start(&r);
	feed(&r, 0, 0);
	assert_int_equal(feed(&r, (int64_t)15980 * 1000000, 0), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, (int64_t)15990 * 1000000, 0), GNOMON_SERVO_LOCKED);
	/* never more than 1000 s */
	r.config.pi_integral_const = 1e-6;
	rig_start(&r);
	feed(&r, 0, 0);
	assert_int_equal(feed(&r, (int64_t)998 * S, 0), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, (int64_t)1000 * S, 0), GNOMON_SERVO_LOCKED);
}

static void local_time_stands_still(void **state)
{
	struct rig r = rig_default();

	(void)state;
	rig_start(&r);
	feed(&r, (int64_t)5 * S, 0);
	assert_int_equal(feed(&r, (int64_t)5 * S, 1000), GNOMON_SERVO_UNLOCKED);
	/* It started over: this is a first sample again ... */
	assert_int_equal(feed(&r, (int64_t)6 * S, 1000), GNOMON_SERVO_UNLOCKED);
	/* ... and so is the one after a step back. */
	assert_int_equal(feed(&r, (int64_t)4 * S, 0), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, (int64_t)7 * S, 0), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, (int64_t)8 * S, 300), GNOMON_SERVO_LOCKED);
	assert_near(r.frequency, -300.0, 1e-9);
}

/* The state after a second sample with that offset. */
static enum gnomon_servo_state second(struct rig *r, gnomon_span offset)
{
	rig_start(r);
	feed_span(r, 0, offset, 1.0);
	return feed_span(r, S, offset, 1.0);
}

static void step_thresholds(void **state)
{
	static const gnomon_span at = { 20000, 0 };
	static const gnomon_span above = { 20000, 1 };
	struct rig r = rig_default();

	(void)state;
	assert_int_equal(second(&r, at), GNOMON_SERVO_LOCKED);
	assert_int_equal(second(&r, above), GNOMON_SERVO_JUMP);
	assert_int_equal(second(&r, gnomon_span_neg(at)), GNOMON_SERVO_LOCKED);
	assert_int_equal(second(&r, gnomon_span_neg(above)), GNOMON_SERVO_JUMP);
	assert_int_equal(second(&r, GNOMON_SPAN_MIN), GNOMON_SERVO_JUMP);
	r.config.first_step_threshold = 0.0;
	assert_int_equal(second(&r, above), GNOMON_SERVO_LOCKED);
	assert_int_equal(second(&r, GNOMON_SPAN_MAX), GNOMON_SERVO_LOCKED);
	r.config.step_threshold = 0.00002;
	assert_int_equal(second(&r, at), GNOMON_SERVO_LOCKED);
	assert_int_equal(second(&r, above), GNOMON_SERVO_JUMP);
}

static void first_step_only_once(void **state)
{
	struct rig r = rig_default();

	(void)state;
	assert_int_equal(second(&r, gnomon_span_from_ns(S)), GNOMON_SERVO_JUMP);
	assert_int_equal(feed(&r, (int64_t)2 * S, 0), GNOMON_SERVO_LOCKED);
	/* Without step_threshold a later offset is slewed off, however large, ... */
	assert_int_equal(feed(&r, (int64_t)3 * S, S), GNOMON_SERVO_LOCKED);
	/* ... even after starting over. */
	r.ops->reset(r.state);
	assert_int_equal(feed(&r, (int64_t)4 * S, S), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, (int64_t)5 * S, S), GNOMON_SERVO_LOCKED);
	/* The chance passes with the first update, stepped or not. */
	assert_int_equal(second(&r, GNOMON_SPAN_ZERO), GNOMON_SERVO_LOCKED);
	r.ops->reset(r.state);
	feed(&r, (int64_t)4 * S, S);
	assert_int_equal(feed(&r, (int64_t)5 * S, S), GNOMON_SERVO_LOCKED);
	/* The step itself is that update. */
	assert_int_equal(second(&r, gnomon_span_from_ns(S)), GNOMON_SERVO_JUMP);
	r.ops->reset(r.state);
	feed(&r, (int64_t)4 * S, S);
	assert_int_equal(feed(&r, (int64_t)5 * S, S), GNOMON_SERVO_LOCKED);
	/* Starting over before the first update keeps it. */
	rig_start(&r);
	feed(&r, 0, S);
	r.ops->reset(r.state);
	feed(&r, S, S);
	assert_int_equal(feed(&r, (int64_t)2 * S, S), GNOMON_SERVO_JUMP);
}

static void step_threshold_while_locked(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.step_threshold = 0.001;
	rig_lock(&r);
	assert_int_equal(feed(&r, (int64_t)1001 * S, 1000000), GNOMON_SERVO_LOCKED);
	assert_near(r.frequency, -1000000.0, 1e-6);
	assert_int_equal(feed_span(&r, (int64_t)1002 * S, (gnomon_span){ 1000000, 1 }, 1.0),
			 GNOMON_SERVO_UNLOCKED);
	/* The adjustment in force stays as it is. */
	assert_near(r.frequency, -1000000.0, 1e-6);
	assert_int_equal(feed(&r, (int64_t)1003 * S, 5000000), GNOMON_SERVO_UNLOCKED);
	assert_near(r.frequency, -1000000.0, 1e-6);
	/* At -1000 ppm the clock kept its distance: that is its frequency. */
	assert_int_equal(feed(&r, (int64_t)1004 * S, 5000000), GNOMON_SERVO_JUMP);
	assert_near(r.frequency, -1000000.0, 1e-6);
	assert_int_equal(feed(&r, (int64_t)1005 * S, 0), GNOMON_SERVO_LOCKED);
	assert_near(r.frequency, -1000000.0, 1e-6);
}

static void frequency_limit(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.max_frequency_ppb = 1000.0;
	r.config.first_step_threshold = 0.0;
	r.config.frequency_ppb = 5000.0;
	rig_start(&r);
	feed(&r, 0, 0);
	assert_near(r.frequency, 1000.0, 0.0);
	/* The estimate is limited ... */
	feed(&r, S, 50000);
	assert_near(r.frequency, -1000.0, 0.0);
	/* ... the output too, and the integral does not wind up meanwhile. */
	for (int i = 0; i < 100; i++) {
		feed(&r, (int64_t)(2 + i) * S, 50000);
		assert_near(r.frequency, -1000.0, 0.0);
	}
	feed(&r, (int64_t)200 * S, 0);
	assert_near(r.frequency, -1000.0, 0.0);
	feed(&r, (int64_t)201 * S, -100);
	assert_near(r.frequency, -900.0, 1e-9);
	/* Exactly at the limit is not beyond it. */
	r.config.frequency_ppb = 0.0;
	rig_lock(&r);
	feed(&r, (int64_t)1001 * S, 1000);
	assert_near(r.frequency, -1000.0, 1e-9);
	feed(&r, (int64_t)1002 * S, 0);
	assert_near(r.frequency, -300.0, 1e-9);
	feed(&r, (int64_t)1003 * S, 1001); /* -300 - 1001: too much, not integrated */
	assert_near(r.frequency, -1000.0, 0.0);
	feed(&r, (int64_t)1004 * S, 0);
	assert_near(r.frequency, -300.0, 1e-9);
}

/* A reference that steps by 1.5 s between the first two samples is no frequency of -90 %. */
static void reference_steps_during_estimation(void **state)
{
	struct rig r = rig_default();

	(void)state;
	rig_start(&r);
	feed(&r, 0, 0);
	assert_int_equal(feed(&r, S, 1500000000), GNOMON_SERVO_UNLOCKED);
	assert_near(r.frequency, 0.0, 0.0);
	assert_int_equal(feed(&r, (int64_t)2 * S, 1500080000), GNOMON_SERVO_JUMP);
	assert_near(r.frequency, -80000.0, 1e-6);
	/* At the limit it is a frequency. */
	rig_start(&r);
	feed(&r, 0, 0);
	assert_int_equal(feed(&r, S, 1000000), GNOMON_SERVO_JUMP);
	assert_near(r.frequency, -1000000.0, 1e-6);
	/* An oscillator that is off by more is believed the fourth time. */
	rig_start(&r);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(feed(&r, i * (int64_t)S, i * INT64_C(2000000)),
				 GNOMON_SERVO_UNLOCKED);
	}
	assert_int_equal(feed(&r, (int64_t)4 * S, 8000000), GNOMON_SERVO_JUMP);
	assert_near(r.frequency, -2000000.0, 1e-6);
}

static void reset_keeps_frequency(void **state)
{
	struct rig r = rig_default();

	(void)state;
	rig_start(&r);
	feed(&r, 0, 0);
	feed(&r, S, 4000);
	feed(&r, (int64_t)2 * S, 0);
	assert_near(r.frequency, -4000.0, 1e-9);
	r.ops->reset(r.state);
	assert_int_equal(feed(&r, (int64_t)100 * S, 77), GNOMON_SERVO_UNLOCKED);
	assert_near(r.frequency, -4000.0, 1e-9);
	/* Measured at -4000 ppb and seen to gain nothing: still right. */
	assert_int_equal(feed(&r, (int64_t)101 * S, 77), GNOMON_SERVO_LOCKED);
	assert_near(r.frequency, -4000.0, 1e-9);
}

static void stable(void **state)
{
	struct rig r = rig_default();

	(void)state;
	r.config.offset_threshold_ns = 50;
	r.config.num_offset_values = 3;
	rig_lock(&r); /* this locked sample, 0, is the first of three */
	assert_int_equal(feed(&r, (int64_t)1001 * S, 49), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, (int64_t)1002 * S, -49), GNOMON_SERVO_LOCKED_STABLE);
	assert_int_equal(feed(&r, (int64_t)1003 * S, 10), GNOMON_SERVO_LOCKED_STABLE);
	/* The threshold itself is not below it; then three again. */
	assert_int_equal(feed(&r, (int64_t)1004 * S, 50), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, (int64_t)1005 * S, 0), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, (int64_t)1006 * S, 0), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, (int64_t)1007 * S, 0), GNOMON_SERVO_LOCKED_STABLE);
	/* Starting over starts the count over. */
	r.ops->reset(r.state);
	assert_int_equal(feed(&r, (int64_t)1008 * S, 0), GNOMON_SERVO_UNLOCKED);
	assert_int_equal(feed(&r, (int64_t)1009 * S, 0), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, (int64_t)1010 * S, 0), GNOMON_SERVO_LOCKED);
	assert_int_equal(feed(&r, (int64_t)1011 * S, 0), GNOMON_SERVO_LOCKED_STABLE);
	/* Off by default. */
	r.config.offset_threshold_ns = 0;
	r.config.num_offset_values = 0;
	rig_lock(&r);
	assert_int_equal(feed(&r, (int64_t)1001 * S, 0), GNOMON_SERVO_LOCKED);
}

static void huge_offsets(void **state)
{
	/* 30 years and a bit off: the difference of two offsets is what counts, to the last bit. */
	gnomon_span far = { (int64_t)946080000 * S + 123456789, 0x8000 };
	struct rig r = rig_default();

	(void)state;
	for (int sign = 0; sign < 2; sign++) {
		gnomon_span offset = sign ? gnomon_span_neg(far) : far;

		rig_start(&r);
		feed_span(&r, 0, offset, 1.0);
		offset = gnomon_span_add(offset, (gnomon_span){ 100, 0x4000 });
		assert_int_equal(feed_span(&r, S, offset, 1.0), GNOMON_SERVO_JUMP);
		assert_near(r.frequency, -100.25, 1e-9);
	}
	/* At the ends of the type nothing but the limit happens. */
	r.config.first_step_threshold = 0.0;
	r.config.plausible_frequency_ppb = 0.0;
	rig_start(&r);
	feed_span(&r, 0, GNOMON_SPAN_MIN, 1.0);
	feed_span(&r, S, GNOMON_SPAN_MAX, 1.0);
	assert_near(r.frequency, -900000000.0, 0.0);
	feed_span(&r, (int64_t)2 * S, GNOMON_SPAN_MIN, 1.0);
	assert_near(r.frequency, 900000000.0, 0.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/pi/default_config", default_config, NULL, NULL, NULL },
		{ "/servo/pi/by_name", by_name, NULL, NULL, NULL },
		{ "/servo/pi/table", table, NULL, NULL, NULL },
		{ "/servo/pi/initial_frequency", initial_frequency, NULL, NULL, NULL },
		{ "/servo/pi/sub_nanoseconds", sub_nanoseconds, NULL, NULL, NULL },
		{ "/servo/pi/constants_rule", constants_rule, NULL, NULL, NULL },
		{ "/servo/pi/constants_configured", constants_configured, NULL, NULL, NULL },
		{ "/servo/pi/estimation_interval", estimation_interval, NULL, NULL, NULL },
		{ "/servo/pi/local_time_stands_still", local_time_stands_still, NULL, NULL, NULL },
		{ "/servo/pi/step_thresholds", step_thresholds, NULL, NULL, NULL },
		{ "/servo/pi/first_step_only_once", first_step_only_once, NULL, NULL, NULL },
		{ "/servo/pi/step_threshold_while_locked", step_threshold_while_locked, NULL, NULL,
		  NULL },
		{ "/servo/pi/frequency_limit", frequency_limit, NULL, NULL, NULL },
		{ "/servo/pi/reference_steps_during_estimation", reference_steps_during_estimation,
		  NULL, NULL, NULL },
		{ "/servo/pi/reset_keeps_frequency", reset_keeps_frequency, NULL, NULL, NULL },
		{ "/servo/pi/stable", stable, NULL, NULL, NULL },
		{ "/servo/pi/huge_offsets", huge_offsets, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("pi", tests, NULL, NULL);
}
