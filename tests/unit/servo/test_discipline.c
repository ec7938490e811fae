/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline: what it commands, what it ignores, when it starts over, and the parts of the
 * error bound one by one. The bound against the truth is in test_estimate.c.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/servo.h>

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

struct rig {
	struct gnomon_discipline_config config;
	void *memory;
	struct gnomon_discipline *d;
	struct gnomon_discipline_sample sample; /* the next one; offset and local are filled in */
	struct gnomon_discipline_command command;
};

static int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (!r) {
		return -1;
	}
	r->config.size = sizeof(r->config);
	r->config.servo = gnomon_servo_find("pi");
	gnomon_servo_config_default(&r->config.servo_config);
	r->sample.weight = 1.0;
	*state = r;
	return 0;
}

static int rig_teardown(void **state)
{
	struct rig *r = *state;

	free(r->memory);
	free(r);
	return 0;
}

static void rig_start(struct rig *r)
{
	size_t size = gnomon_discipline_size(&r->config);

	assert_true(size > 0);
	free(r->memory);
	r->memory = malloc(size);
	assert_non_null(r->memory);
	memset(r->memory, 0xa5, size);
	assert_int_equal(gnomon_discipline_init(&r->d, r->memory, size, &r->config), 0);
}

static const gnomon_time epoch = { 1700000000, 0, 0 };

static void feed_span(struct rig *r, int64_t mono_ns, int64_t local_ns, gnomon_span offset)
{
	r->sample.offset = offset;
	r->sample.local = gnomon_time_add(epoch, gnomon_span_from_ns(local_ns));
	gnomon_discipline_sample(r->d, &r->sample, (gnomon_mono){ mono_ns }, &r->command);
}

/* A sample of a clock that agrees with the monotonic one. */
static enum gnomon_servo_state feed(struct rig *r, int64_t at_ns, int64_t offset_ns)
{
	feed_span(r, at_ns, at_ns, gnomon_span_from_ns(offset_ns));
	return r->command.state;
}

static struct gnomon_estimate estimate_at(const struct rig *r, int64_t mono_ns)
{
	struct gnomon_estimate e;

	gnomon_discipline_estimate(r->d, (gnomon_mono){ mono_ns }, &e);
	return e;
}

static void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

/* -- configuration ---------------------------------------------------------------------------- */

static void assert_refused(struct rig *r)
{
	unsigned char memory[16];
	struct gnomon_discipline *d = (void *)memory;

	assert_int_equal(gnomon_discipline_size(&r->config), 0);
	assert_int_equal(gnomon_discipline_init(&d, memory, sizeof(memory), &r->config), -EINVAL);
	assert_ptr_equal(d, memory);
}

#define REFUSE(member, value)               \
	do {                                \
		__typeof__(member) was = member; \
		member = value;             \
		assert_refused(r);          \
		member = was;               \
	} while (0)

static void config_refused(void **state)
{
	struct rig *r = *state;

	REFUSE(r->config.size, 0);
	REFUSE(r->config.servo, NULL);
	REFUSE(r->config.sanity_freq_limit_ppb, -1.0);
	REFUSE(r->config.path_asymmetry_ns, (double)NAN);
	REFUSE(r->config.drift_ppb_per_s, -1.0);
	REFUSE(r->config.delay_memory_s, (double)INFINITY);
	REFUSE(r->config.servo_config.size, 8);
	REFUSE(r->config.servo_config.max_frequency_ppb, 0.0);
	REFUSE(r->config.servo_config.max_frequency_ppb, (double)NAN);
	REFUSE(r->config.servo_config.frequency_ppb, 1e9);
	REFUSE(r->config.servo_config.plausible_frequency_ppb, -1.0);
	REFUSE(r->config.servo_config.first_step_threshold, -1.0);
	REFUSE(r->config.servo_config.step_threshold, (double)NAN);
	REFUSE(r->config.servo_config.pi_proportional_const, -0.1);
	REFUSE(r->config.servo_config.pi_integral_norm_max, -0.1);
	REFUSE(r->config.servo_config.pi_integral_exponent, (double)INFINITY);
	REFUSE(r->config.servo_config.offset_threshold_ns, -1);
	rig_start(r);
}

static void memory_too_small(void **state)
{
	struct rig *r = *state;
	size_t size = gnomon_discipline_size(&r->config);
	struct gnomon_discipline *d = NULL;

	r->memory = malloc(size);
	assert_int_equal(gnomon_discipline_init(&d, r->memory, size - 1, &r->config), -ENOBUFS);
	assert_null(d);
	assert_int_equal(gnomon_discipline_init(&d, r->memory, size, &r->config), 0);
	assert_ptr_equal(d, r->memory);
}

static void frequency_never_stops_the_clock(void **state)
{
	struct rig *r = *state;

	r->config.servo_config.max_frequency_ppb = 4e9;
	r->config.servo_config.plausible_frequency_ppb = 0.0;
	r->config.servo_config.first_step_threshold = 0.0;
	rig_start(r);
	feed(r, 0, 0);
	feed(r, S, S / 2);
	feed(r, 2 * S, 5 * S);
	assert_true(r->command.set_frequency);
	assert_near(r->command.frequency_ppb, -999999999.0, 1e-3);
}

/* -- commands --------------------------------------------------------------------------------- */

static void start_and_lock(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(feed(r, 0, 1000000), GNOMON_SERVO_UNLOCKED);
	assert_false(r->command.step || r->command.set_frequency || r->command.ignored);
	assert_int_equal(feed(r, S, 1001000), GNOMON_SERVO_JUMP);
	assert_true(r->command.step);
	assert_int_equal(r->command.step_by.ns, -1001000);
	assert_int_equal(r->command.step_by.frac, 0);
	assert_true(r->command.set_frequency);
	assert_near(r->command.frequency_ppb, -1000.0, 1e-9);
	assert_true(r->command.rate_ratio == 1.0);
	feed_span(r, 2 * S, 2 * S - 1001000, gnomon_span_from_ns(10));
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	assert_false(r->command.step);
	assert_near(r->command.frequency_ppb, -1010.0, 1e-9);
}

static void step_is_exact(void **state)
{
	/* Thirty years and 2^-16 ns: a double has no room for that. */
	gnomon_span far = { 946080000 * S + 123456789, 1 };
	struct rig *r = *state;
	struct gnomon_estimate e;

	rig_start(r);
	feed_span(r, 0, 0, far);
	feed_span(r, S, S, far);
	assert_int_equal(r->command.state, GNOMON_SERVO_JUMP);
	assert_int_equal(r->command.step_by.ns, -far.ns - 1);
	assert_int_equal(r->command.step_by.frac, 0xffff);
	/* The estimate has followed without rounding either. */
	e = estimate_at(r, S);
	assert_near(e.offset_ns, 0.0, 1e-6);
	feed_span(r, 0, 0, gnomon_span_neg(far));
}

static void step_window(void **state)
{
	struct rig *r = *state;

	r->config.step_window = 2;
	rig_start(r);
	feed(r, 0, S);
	assert_int_equal(feed(r, S, S), GNOMON_SERVO_JUMP);
	assert_false(r->command.ignored);
	for (int i = 0; i < 2; i++) {
		/* Nonsense, as if it were from before the step. */
		feed_span(r, (2 + i) * S, (1 + i) * S, gnomon_span_from_ns(S));
		assert_true(r->command.ignored);
		assert_int_equal(r->command.state, GNOMON_SERVO_JUMP);
		assert_false(r->command.step || r->command.set_frequency);
		assert_near(estimate_at(r, (2 + i) * S).offset_ns, 0.0, 1e-6);
	}
	feed_span(r, 4 * S, 3 * S, GNOMON_SPAN_ZERO);
	assert_false(r->command.ignored);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
}

static void interval_reaches_the_servo(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	gnomon_discipline_sync_interval(r->d, 4.0);
	gnomon_discipline_sync_interval(r->d, 0.0); /* no interval: no change */
	feed(r, 0, 0);
	feed(r, 4 * S, 0);
	feed(r, 8 * S, 1000);
	assert_near(r->command.frequency_ppb, -175.0 - 75.0, 1e-9);
}

static void weights(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	feed(r, 0, 0);
	feed(r, S, 0);
	r->sample.weight = 0.5;
	feed(r, 2 * S, 100);
	assert_near(r->command.frequency_ppb, -50.0, 1e-9);
	r->sample.weight = 5.0; /* taken as 1 */
	feed(r, 3 * S, 0);
	feed(r, 4 * S, 100);
	assert_near(r->command.frequency_ppb, -15.0 - 100.0, 1e-9);
	r->sample.weight = (double)NAN; /* taken as next to nothing */
	feed(r, 5 * S, 100);
	assert_near(r->command.frequency_ppb, -45.0, 0.2);
	assert_true(isfinite(estimate_at(r, 5 * S).bound_ns));
}

static void rate_ratio_while_unlocked(void **state)
{
	struct rig *r = *state;

	/* Software time stamps: 16 s without a command, but the rate is soon known. */
	r->config.servo_config.software_timestamps = true;
	rig_start(r);
	for (int i = 0; i < 10; i++) {
		feed(r, i * S, i * 50000);
		assert_int_equal(r->command.state, GNOMON_SERVO_UNLOCKED);
	}
	/* 50 us gained per local second */
	assert_near(r->command.rate_ratio, 1.0 - 50e-6, 1e-9);
}

static void free_running(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;

	r->config.free_running = true;
	r->config.servo_config.frequency_ppb = 2000.0;
	rig_start(r);
	for (int i = 0; i < 60; i++) {
		/* 10 us gained per local second, from a second off */
		feed(r, i * S, S + i * 10000);
		assert_int_equal(r->command.state, GNOMON_SERVO_UNLOCKED);
		assert_false(r->command.step || r->command.set_frequency || r->command.ignored);
	}
	/* (1 + f') / (1 + f) = 1 - 1e-5 */
	assert_near(r->command.frequency_ppb, 2000.0 - 10000.0 * 1.000002, 0.01);
	assert_near(r->command.rate_ratio, 1.0 - 1e-5, 1e-12);
	e = estimate_at(r, 59 * S);
	assert_true(e.valid);
	assert_near(e.frequency_ppb, 2000.0, 0.0);
	assert_near(e.offset_ns, S + 590000.0, 1.0);
	/* 10 us/s for the 10 ms between a measurement and what follows from it. */
	assert_true(e.bound_ns > e.offset_ns + 100.0);
	/* It goes on as it has. */
	e = estimate_at(r, 69 * S);
	assert_near(e.offset_ns, S + 690000.0, 10.0);
	assert_true(e.bound_ns > e.offset_ns);
	assert_true(e.bound_ns < e.offset_ns + 2000.0);
}

static void reset(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	feed(r, 0, 0);
	feed(r, S, 5000);
	assert_near(r->command.frequency_ppb, -5000.0, 1e-9);
	assert_true(estimate_at(r, S).valid);
	gnomon_discipline_reset(r->d);
	assert_false(estimate_at(r, S).valid);
	assert_true(isinf(estimate_at(r, S).bound_ns));
	assert_int_equal(estimate_at(r, S).state, GNOMON_SERVO_UNLOCKED);
	assert_near(estimate_at(r, S).frequency_ppb, -5000.0, 1e-9);
	/* Another reference: first step is spent, frequency is kept. */
	assert_int_equal(feed(r, 2 * S, S), GNOMON_SERVO_UNLOCKED);
	assert_near(r->command.frequency_ppb, -5000.0, 1e-9);
	assert_int_equal(feed(r, 3 * S, S), GNOMON_SERVO_LOCKED);
	assert_near(r->command.frequency_ppb, -5000.0, 1e-9);
}

/* -- sanity ----------------------------------------------------------------------------------- */

static void sane_start(struct rig *r)
{
	r->config.sanity_freq_limit_ppb = 200000000.0;
	rig_start(r);
	feed(r, 0, 0);
	feed(r, S, 0);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
}

static void insane_clock(void **state)
{
	static const int64_t jumps[] = { 10 * S, -10 * S, S / 2, -S / 2 };
	struct rig *r = *state;

	for (int i = 0; i < 4; i++) {
		int64_t by = jumps[i];

		sane_start(r);
		/* Somebody sets the clock. The first reading raises doubt ... */
		feed_span(r, 2 * S, 2 * S + by, gnomon_span_from_ns(by));
		assert_true(r->command.ignored);
		assert_false(r->command.insane || r->command.step || r->command.set_frequency);
		/* ... the next confirms it, and is a first sample. */
		feed_span(r, 2 * S + 100 * MS, 2 * S + 100 * MS + by, gnomon_span_from_ns(by));
		assert_true(r->command.insane);
		assert_false(r->command.ignored);
		assert_int_equal(r->command.state, GNOMON_SERVO_UNLOCKED);
		/* The new line is as good as the old one. */
		feed_span(r, 4 * S, 4 * S + by, gnomon_span_from_ns(by));
		assert_false(r->command.insane || r->command.ignored);
		assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	}
}

static void insane_frequency(void **state)
{
	struct rig *r = *state;

	sane_start(r);
	/* 19.9 % fast is fine, and followed; 20.1 % is not. */
	feed_span(r, 2 * S, S + 1199 * MS, GNOMON_SPAN_ZERO);
	assert_false(r->command.ignored);
	r->config.sanity_freq_limit_ppb = 0.0;
	sane_start(r);
	feed_span(r, 2 * S, S + 1201 * MS, GNOMON_SPAN_ZERO);
	feed_span(r, 3 * S, S + 2402 * MS, GNOMON_SPAN_ZERO);
	assert_true(r->command.ignored);
	feed_span(r, 4 * S, S + 3603 * MS, GNOMON_SPAN_ZERO);
	assert_true(r->command.insane);
	/* 20.1 % slow: no late reading of the past explains that. */
	sane_start(r);
	feed_span(r, 2 * S, S + 799 * MS, GNOMON_SPAN_ZERO);
	assert_true(r->command.ignored);
	feed_span(r, 3 * S, S + 1598 * MS, GNOMON_SPAN_ZERO);
	assert_true(r->command.insane);
	/* A limit of zero: unchecked. */
	r->config.sanity_freq_limit_ppb = 0.0;
	rig_start(r);
	feed_span(r, 0, 0, GNOMON_SPAN_ZERO);
	feed_span(r, S, 100 * S, GNOMON_SPAN_ZERO);
	feed_span(r, 2 * S, 101 * S, GNOMON_SPAN_ZERO);
	assert_false(r->command.insane || r->command.ignored);
}

static void own_commands_are_sane(void **state)
{
	struct rig *r = *state;
	int64_t local = 0;

	/* A step of an hour, then a slew at 90 %. */
	r->config.servo_config.first_step_threshold = 0.001;
	sane_start(r);
	gnomon_discipline_reset(r->d);
	rig_start(r);
	feed(r, 0, 3600 * S);
	feed(r, S, 3600 * S);
	assert_int_equal(r->command.state, GNOMON_SERVO_JUMP);
	local = S - 3600 * S;
	for (int i = 2; i < 10; i++) {
		double f = r->command.frequency_ppb;

		local += S + (int64_t)f;
		feed_span(r, i * S, local, gnomon_span_from_ns(-100 * S));
		assert_false(r->command.insane || r->command.ignored);
	}
	assert_near(r->command.frequency_ppb, 900000000.0, 0.0);
}

static void reset_forgives(void **state)
{
	struct rig *r = *state;

	/* The clock was set on purpose, and the discipline told to start over. */
	sane_start(r);
	gnomon_discipline_reset(r->d);
	feed_span(r, 2 * S, 3600 * S, GNOMON_SPAN_ZERO);
	assert_false(r->command.insane || r->command.ignored);
	feed_span(r, 3 * S, 3601 * S, GNOMON_SPAN_ZERO);
	assert_false(r->command.insane || r->command.ignored);
}

static void stall_is_not_insane(void **state)
{
	struct rig *r = *state;

	sane_start(r);
	/* The process sleeps for 3 s; what queued up is read in one go, 125 ms of clock apiece. */
	for (int i = 1; i <= 24; i++) {
		feed_span(r, 4 * S + i * 10000, S + i * 125 * MS, GNOMON_SPAN_ZERO);
		assert_false(r->command.insane);
	}
	feed_span(r, 4 * S + 125 * MS, 4 * S + 125 * MS, GNOMON_SPAN_ZERO);
	assert_false(r->command.insane || r->command.ignored);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
}

static void short_intervals_are_not_judged(void **state)
{
	struct rig *r = *state;

	sane_start(r);
	/* 1/128 s apart, and read up to 5 ms late. */
	for (int i = 1; i < 1000; i++) {
		int64_t at = S + i * S / 128;

		feed_span(r, at + (i % 7 == 0) * 5 * MS, at, GNOMON_SPAN_ZERO);
		assert_false(r->command.insane || r->command.ignored);
	}
}

/* -- the estimate, part by part --------------------------------------------------------------- */

/* A noiseless lock: what remains of the bound is what the world is granted. */
static void quiet_lock(struct rig *r)
{
	rig_start(r);
	for (int i = 0; i < 100; i++) {
		feed(r, i * S, 0);
	}
}

static void estimate_before_and_after(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;

	rig_start(r);
	e = estimate_at(r, 5);
	assert_false(e.valid);
	assert_true(isinf(e.bound_ns));
	assert_int_equal(e.at.ns, 5);
	feed(r, 0, -1234);
	e = estimate_at(r, 0);
	assert_true(e.valid);
	assert_near(e.offset_ns, -1234.0, 1e-9);
	assert_true(e.bound_ns >= 1234.0 && isfinite(e.bound_ns));
	/* Asking about the past gives the last sample's instant. */
	assert_near(estimate_at(r, -S).bound_ns, e.bound_ns, 0.0);
}

static void bound_grows(void **state)
{
	struct rig *r = *state;
	double last = 0.0;
	double first;

	quiet_lock(r);
	first = estimate_at(r, 99 * S).bound_ns;
	assert_true(first > 2.0 && first < 30.0);
	for (int i = 0; i < 1000; i++) {
		struct gnomon_estimate e = estimate_at(r, (99 + i) * S);

		assert_true(e.bound_ns > last);
		last = e.bound_ns;
	}
	/* 10 ppb/s for 999 s: 4.99 ms, and little else. */
	assert_true(last > 0.5 * 10.0 * 999.0 * 999.0);
	assert_true(last < 0.5 * 10.0 * 999.0 * 999.0 + 999.0 * 20.0 + first);
	r->config.drift_ppb_per_s = 100.0;
	quiet_lock(r);
	assert_true(estimate_at(r, 199 * S).bound_ns > 0.5 * 100.0 * 100.0 * 100.0);
}

static void bound_adds_what_is_known(void **state)
{
	struct rig *r = *state;
	double plain;

	quiet_lock(r);
	plain = estimate_at(r, 99 * S).bound_ns;
	r->sample.reference_bound_ns = 250.0;
	quiet_lock(r);
	assert_near(estimate_at(r, 99 * S).bound_ns, plain + 250.0, 1e-6);
	r->sample.reference_bound_ns = -1.0; /* unknown: relative to the reference */
	quiet_lock(r);
	assert_near(estimate_at(r, 99 * S).bound_ns, plain, 1e-6);
	r->config.path_asymmetry_ns = 40.0;
	quiet_lock(r);
	assert_near(estimate_at(r, 99 * S).bound_ns, plain + 40.0, 1e-6);
	r->config.path_asymmetry_ns = -1.0;
	r->sample.mean_delay = gnomon_span_from_ns(3000);
	quiet_lock(r);
	assert_near(estimate_at(r, 99 * S).bound_ns, plain + 1500.0, 1e-6);
	/* Known to be symmetric: the delay itself does not matter. */
	r->config.path_asymmetry_ns = 0.0;
	quiet_lock(r);
	assert_near(estimate_at(r, 99 * S).bound_ns, plain, 1e-6);
}

static void held_frequency_is_accounted_for(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;

	/* The last command before silence slews 700 + 300 ppb: the clock goes on doing that. */
	quiet_lock(r);
	feed(r, 100 * S, 1000);
	assert_near(r->command.frequency_ppb, -1000.0, 1e-6);
	e = estimate_at(r, 130 * S);
	assert_true(e.frequency_error_ppb > 900.0);
	assert_true(e.bound_ns > 29000.0);
}

static void outlier_and_jump(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;

	quiet_lock(r);
	/* One sample a millisecond off may be the truth or not: the bound covers both. */
	feed(r, 100 * S, MS);
	e = estimate_at(r, 100 * S);
	assert_true(e.bound_ns > (double)MS);
	assert_near(e.offset_ns, 0.0, 50.0);
	/* The servo believed it, and moved the clock by -1 ms/s; the samples show just that. */
	feed_span(r, 101 * S, 101 * S - MS, gnomon_span_from_ns(-MS));
	e = estimate_at(r, 101 * S);
	assert_near(e.offset_ns, (double)-MS, 2000.0);
	/* A jump of the reference stays. */
	quiet_lock(r);
	feed(r, 100 * S, MS);
	feed_span(r, 101 * S, 101 * S - MS, GNOMON_SPAN_ZERO);
	e = estimate_at(r, 101 * S);
	assert_near(e.offset_ns, 0.0, 2000.0);
	assert_true(e.bound_ns < (double)MS);
}

static void bound_needs_evidence(void **state)
{
	struct rig *r = *state;

	/* Three samples in a line do not prove that a path of 1 us has no jitter; forty do. */
	r->sample.mean_delay = gnomon_span_from_ns(1000);
	rig_start(r);
	for (int i = 0; i < 3; i++) {
		feed(r, i * S, 0);
	}
	assert_true(estimate_at(r, 2 * S).bound_ns > 10000.0);
	for (int i = 3; i < 40; i++) {
		feed(r, i * S, 0);
	}
	assert_true(estimate_at(r, 39 * S).bound_ns < 30.0);
	/* One deviation counts for itself, not as one of 32. */
	feed(r, 40 * S, 40);
	assert_true(estimate_at(r, 40 * S).offset_stddev_ns > 8.0);
}

static void step_in_doubt(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;

	/* The sample that makes the servo step is the first of its kind: true or not? */
	r->config.servo_config.software_timestamps = true;
	rig_start(r);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(feed(r, i * S, 0), GNOMON_SERVO_UNLOCKED);
	}
	feed(r, 16 * S, MS);
	assert_int_equal(r->command.state, GNOMON_SERVO_JUMP);
	e = estimate_at(r, 16 * S);
	assert_near(e.offset_ns, (double)-MS, 200.0);
	assert_true(e.bound_ns > (double)MS && e.bound_ns < 1.1 * (double)MS);
	/* It was true: the clock is where the step has put it, and drifts as commanded. */
	feed_span(r, 17 * S, 17 * S - MS, gnomon_span_from_ns(-62500));
	e = estimate_at(r, 17 * S);
	assert_near(e.offset_ns, -62500.0, 10.0);
	assert_near(e.frequency_error_ppb, 0.0, 62500.0);
}

static void gap_is_not_noise(void **state)
{
	struct rig *r = *state;

	/* 1000 s without samples, and the clock has drifted by 50 us: news, but not jitter. */
	r->config.free_running = true;
	quiet_lock(r);
	feed(r, 1100 * S, 50000);
	feed(r, 1101 * S, 50050);
	feed(r, 1102 * S, 50100);
	assert_true(estimate_at(r, 1102 * S).offset_stddev_ns < 100.0);
	/* After two lost samples it would be. */
	quiet_lock(r);
	feed(r, 102 * S, 40);
	assert_true(estimate_at(r, 102 * S).offset_stddev_ns > 5.0);
}

static void reference_out_for_a_moment(void **state)
{
	struct rig *r = *state;

	/* 10 ppm fast; one sample claims that the reference is 1000 s further. */
	r->config.free_running = true;
	rig_start(r);
	for (int i = 0; i < 50; i++) {
		feed(r, i * S, i * 10000);
	}
	feed(r, 50 * S, -1000 * S);
	assert_near(estimate_at(r, 50 * S).offset_ns, 500000.0, 20.0);
	assert_true(estimate_at(r, 50 * S).bound_ns > 1e12);
	feed(r, 51 * S, 510000);
	assert_near(estimate_at(r, 51 * S).offset_ns, 510000.0, 20.0);
	assert_true(estimate_at(r, 51 * S).bound_ns < 520000.0 + 5000.0);
}

static void time_goes_on_across_a_step(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;

	/* 100 ppm fast, but only 10 ppm may be taken off: 90 us per second remain. */
	r->config.servo_config.max_frequency_ppb = 10000.0;
	rig_start(r);
	feed(r, 0, -3600 * S);
	feed(r, S, -3600 * S + 100000);
	assert_int_equal(r->command.state, GNOMON_SERVO_JUMP);
	feed_span(r, 2 * S, 3602 * S, gnomon_span_from_ns(90000));
	e = estimate_at(r, 2 * S);
	assert_near(e.offset_ns, 90000.0, 20.0);
	e = estimate_at(r, 3 * S);
	assert_near(e.offset_ns, 180000.0, 40.0);
}

static void out_of_order(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate before;
	struct gnomon_estimate after;

	r->config.free_running = true;
	quiet_lock(r);
	before = estimate_at(r, 120 * S);
	/* The same sample again, and an older one: nothing new. */
	feed_span(r, 110 * S, 99 * S, GNOMON_SPAN_ZERO);
	feed_span(r, 115 * S, 98 * S, gnomon_span_from_ns(5000));
	after = estimate_at(r, 120 * S);
	assert_memory_equal(&before.bound_ns, &after.bound_ns, sizeof(double));
	assert_memory_equal(&before.offset_ns, &after.offset_ns, sizeof(double));
}

static void garbage_stays_finite(void **state)
{
	static const gnomon_span ends[] = {
		{ INT64_MAX, 0xffff }, { INT64_MIN, 0 }, { 0, 0 }, { INT64_MIN, 0 },
		{ INT64_MAX, 0xffff }, { 1, 1 },         { -1, 0 },
	};
	struct rig *r = *state;

	r->config.sanity_freq_limit_ppb = 200000000.0;
	r->config.path_asymmetry_ns = -1.0;
	rig_start(r);
	for (int i = 0; i < 2000; i++) {
		r->sample.offset = ends[i % 7];
		r->sample.mean_delay = ends[i % 5];
		r->sample.local = (gnomon_time){ i % 3 == 0 ? INT64_MIN : i % 2 ? INT64_MAX : i,
						 999999999, 0xffff };
		gnomon_discipline_sample(r->d, &r->sample,
					 (gnomon_mono){ i % 11 == 0 ? INT64_MAX : INT64_MIN },
					 &r->command);
		assert_true(fabs(r->command.frequency_ppb) <= 1e9 ||
			    r->command.state == GNOMON_SERVO_UNLOCKED);
		assert_false(isnan(r->command.frequency_ppb));
		assert_false(isnan(estimate_at(r, i).bound_ns));
		assert_true(estimate_at(r, i).bound_ns >= 0.0);
	}
}

/* -- samples that do not come ----------------------------------------------------------------- */

static gnomon_mono deadline_of(const struct rig *r)
{
	return gnomon_discipline_deadline(r->d);
}

static void expire(struct rig *r, int64_t mono_ns)
{
	gnomon_discipline_expire(r->d, (gnomon_mono){ mono_ns }, &r->command);
}

static void correction_ends(void **state)
{
	struct rig *r = *state;
	gnomon_mono deadline;

	quiet_lock(r);
	feed(r, 100 * S, 1000);
	assert_near(r->command.frequency_ppb, -1000.0, 1e-6);
	deadline = deadline_of(r);
	assert_true(deadline.ns > 101 * S + S / 3 && deadline.ns <= 102 * S);
	/* Too early there is nothing to do. */
	expire(r, deadline.ns - 1);
	assert_false(r->command.set_frequency || r->command.step);
	assert_near(r->command.frequency_ppb, -1000.0, 1e-6);
	assert_true(deadline_of(r).ns == deadline.ns);
	/* What was needed until now is, whatever the last offset said. */
	expire(r, deadline.ns);
	assert_true(r->command.set_frequency);
	assert_false(r->command.step || r->command.insane || r->command.ignored);
	assert_near(r->command.frequency_ppb, 0.0, 1e-6);
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	/* Once. */
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	expire(r, deadline.ns + S);
	assert_false(r->command.set_frequency);
	/* The next sample is one like any other, and the integral has learned: ki = 0.3. */
	feed(r, 103 * S, 0);
	assert_near(r->command.frequency_ppb, -300.0, 1e-6);
	assert_true(deadline_of(r).ns > 104 * S);
}

static void deadline_spares_the_punctual(void **state)
{
	static const double intervals[] = { 1.0 / 128, 1.0 / 16, 1.0, 16.0 };
	struct rig *r = *state;

	/* 30 % late is within the standard, and a busy host takes its time. */
	for (unsigned int i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
		int64_t interval_ns = (int64_t)(intervals[i] * 1e9);
		int64_t wait;

		quiet_lock(r);
		gnomon_discipline_sync_interval(r->d, intervals[i]);
		feed(r, 100 * S, 0);
		wait = deadline_of(r).ns - 100 * S;
		assert_true(wait >= interval_ns * 13 / 10 + 10 * MS);
		assert_true(wait <= interval_ns * 2 + 20 * MS);
	}
}

static void nothing_to_end(void **state)
{
	struct gnomon_servo_ops stubborn = *gnomon_servo_find("pi");
	struct rig *r = *state;

	/* Before the loop is closed; after a start over; running free; a servo that cannot. */
	rig_start(r);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	expire(r, INT64_MAX);
	assert_false(r->command.set_frequency);
	feed(r, 0, S);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	feed(r, S, S);
	assert_int_equal(r->command.state, GNOMON_SERVO_JUMP);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	quiet_lock(r);
	assert_true(deadline_of(r).ns != GNOMON_MONO_NEVER.ns);
	gnomon_discipline_reset(r->d);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	quiet_lock(r);
	gnomon_discipline_sync_interval(r->d, 1e30);
	feed(r, 100 * S, 0);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	r->config.free_running = true;
	quiet_lock(r);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
	r->config.free_running = false;
	stubborn.needed = NULL;
	r->config.servo = &stubborn;
	quiet_lock(r);
	assert_true(deadline_of(r).ns == GNOMON_MONO_NEVER.ns);
}

static void coasting_is_known(void **state)
{
	struct rig *r = *state;
	struct gnomon_estimate e;
	double there;

	/* -1000 ppb until the deadline, nothing from there on. */
	r->config.sanity_freq_limit_ppb = 200000000.0;
	quiet_lock(r);
	feed(r, 100 * S, 1000);
	there = (double)(deadline_of(r).ns - 100 * S) * 1e-9;
	expire(r, deadline_of(r).ns);
	e = estimate_at(r, 100 * S);
	e.offset_ns -= estimate_at(r, 110 * S).offset_ns;
	assert_near(e.offset_ns, there * 1000.0, 150.0);
	assert_near(estimate_at(r, 110 * S).frequency_ppb, 0.0, 1e-6);
	/* A sample that says just that is no surprise. */
	e = estimate_at(r, 110 * S);
	feed_span(r, 110 * S, 110 * S - (int64_t)e.offset_ns,
		  gnomon_span_from_double(e.offset_ns));
	assert_near(estimate_at(r, 110 * S).offset_ns, e.offset_ns, 1.0);
	assert_false(r->command.ignored || r->command.insane);
}

#define TEST(function) { "/servo/discipline/" #function, function, rig_setup, rig_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_refused),
		TEST(memory_too_small),
		TEST(frequency_never_stops_the_clock),
		TEST(start_and_lock),
		TEST(step_is_exact),
		TEST(step_window),
		TEST(interval_reaches_the_servo),
		TEST(weights),
		TEST(rate_ratio_while_unlocked),
		TEST(free_running),
		TEST(reset),
		TEST(insane_clock),
		TEST(insane_frequency),
		TEST(own_commands_are_sane),
		TEST(reset_forgives),
		TEST(stall_is_not_insane),
		TEST(short_intervals_are_not_judged),
		TEST(estimate_before_and_after),
		TEST(bound_grows),
		TEST(bound_adds_what_is_known),
		TEST(held_frequency_is_accounted_for),
		TEST(outlier_and_jump),
		TEST(bound_needs_evidence),
		TEST(step_in_doubt),
		TEST(gap_is_not_noise),
		TEST(reference_out_for_a_moment),
		TEST(time_goes_on_across_a_step),
		TEST(out_of_order),
		TEST(garbage_stays_finite),
		TEST(correction_ends),
		TEST(deadline_spares_the_punctual),
		TEST(nothing_to_end),
		TEST(coasting_is_known),
	};

	return cmocka_run_group_tests_name("discipline", tests, NULL, NULL);
}
