/* SPDX-License-Identifier: BSD-2-Clause */
/* What a clock runs on while samples must not be used, and a servo that knows its frequency. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/servo.h>

#include "servo/needs.h"

#define S INT64_C(1000000000)

struct rig {
	struct gnomon_discipline_config config;
	struct gnomon_discipline *d;
	struct gnomon_discipline_command command;
	_Alignas(16) unsigned char memory[8192];
};

static int rig_setup(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	r.config.size = sizeof(r.config);
	r.config.servo = gnomon_servo_find("pi");
	gnomon_servo_config_default(&r.config.servo_config);
	*state = &r;
	return 0;
}

static void rig_start(struct rig *r)
{
	assert_int_equal(gnomon_discipline_init(&r->d, r->memory, sizeof(r->memory), &r->config),
			 0);
}

static void feed(struct rig *r, int64_t at_ns, double offset_ns)
{
	const gnomon_time epoch = { 1700000000, 0, 0 };
	const struct gnomon_discipline_sample sample = {
		.offset = gnomon_span_from_double(offset_ns),
		.local = gnomon_time_add(epoch, gnomon_span_from_ns(at_ns)),
		.weight = 1.0,
	};

	gnomon_discipline_sample(r->d, &sample, (gnomon_mono){ at_ns }, &r->command);
}

static void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

/* A clock that runs 20 ppm slow, in step with its reference; an outlier spoils some of the samples
 * before samples are suspended. Returns what it coasts on, less the 20000 ppb that it needs. */
static double coast_after_outliers(struct rig *r, int64_t outlier_ns, unsigned int spoilt)
{
	double x = 0.0;
	double f = 0.0;
	int64_t t = 0;

	rig_start(r);
	for (unsigned int i = 0; i < 400; i++) {
		const bool outlier = i >= 400 - 1 - spoilt && i < 400 - 1;

		feed(r, t, x + (outlier ? (double)outlier_ns : 0.0));
		x += r->command.step ? gnomon_span_to_double(r->command.step_by) : 0.0;
		f = r->command.set_frequency ? r->command.frequency_ppb : f;
		x += (f - 20000.0) * 1.0;
		t += S;
	}
	assert_int_equal(r->command.state, GNOMON_SERVO_LOCKED);
	gnomon_discipline_coast(r->d, (gnomon_mono){ t - S / 2 }, &r->command);
	assert_true(r->command.set_frequency);
	assert_false(r->command.step);
	assert_true(gnomon_discipline_deadline(r->d).ns == GNOMON_MONO_NEVER.ns);
	return r->command.frequency_ppb - 20000.0;
}

static void after_an_outlier(void **state)
{
	struct rig *r = *state;

	/* Both the correction of 80 us and what the integral made of it are of no account. */
	r->config.servo_config.software_timestamps = true;
	assert_near(coast_after_outliers(r, 0, 0), 0.0, 20.0);
	assert_near(coast_after_outliers(r, 80000, 1), 0.0, 20.0);
	assert_near(coast_after_outliers(r, 80000, 2), 0.0, 20.0);
	assert_near(coast_after_outliers(r, -80000, 3), 0.0, 20.0);
	r->config.servo_config.software_timestamps = false;
	assert_near(coast_after_outliers(r, 0, 0), 0.0, 1.0);
	assert_near(coast_after_outliers(r, 5000, 1), 0.0, 1.0);
	assert_near(coast_after_outliers(r, 5000, 2), 0.0, 1.0);
	assert_near(coast_after_outliers(r, -5000, 3), 0.0, 1.0);
}

/* Whatever the servo makes of an outlier: if it dies then, the clock goes no faster than said. */
static void slew_is_told(void **state)
{
	struct rig *r = *state;
	double x = 0.0;
	double f = 0.0;
	double most = 0.0;

	rig_start(r);
	assert_true(isinf(gnomon_discipline_slew(r->d, (gnomon_mono){ 0 })));
	for (int64_t i = 0; i < 400; i++) {
		const gnomon_mono now = { i * S };

		feed(r, now.ns, x + (i % 100 == 99 ? 80000 : 0));
		x += r->command.step ? gnomon_span_to_double(r->command.step_by) : 0.0;
		f = r->command.set_frequency ? r->command.frequency_ppb : f;
		x += (f - 20000.0) * 1.0;
		if (i < 10) {
			continue;
		}
		most = fmax(most, fabs(f - 20000.0));
		assert_true(gnomon_discipline_slew(r->d, now) >= fabs(f - 20000.0) * 0.999);
		if (i % 100 == 98) {
			assert_true(gnomon_discipline_slew(r->d, now) < 5000.0);
		}
	}
	assert_true(most > 20000.0);
}

static void needs_a_loop(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	gnomon_discipline_coast(r->d, (gnomon_mono){ 0 }, &r->command);
	assert_false(r->command.set_frequency || r->command.step);
	feed(r, 0, 0.0);
	gnomon_discipline_coast(r->d, (gnomon_mono){ S / 2 }, &r->command);
	assert_false(r->command.set_frequency || r->command.step);
	feed(r, 1 * S, 0.0);
	feed(r, 2 * S, 0.0);
	feed(r, 3 * S, 1000.0);
	assert_near(r->command.frequency_ppb, -1000.0, 1e-6);
	gnomon_discipline_coast(r->d, (gnomon_mono){ 3 * S }, &r->command);
	assert_true(r->command.set_frequency);
	assert_near(r->command.frequency_ppb, 0.0, 1e-6);
	/* Once, until there is a sample again. */
	gnomon_discipline_coast(r->d, (gnomon_mono){ 4 * S }, &r->command);
	assert_false(r->command.set_frequency);
	feed(r, 20 * S, 0.0);
	assert_true(r->command.set_frequency);
	assert_true(gnomon_discipline_deadline(r->d).ns > 21 * S);
}

static void free_running_is_left_alone(void **state)
{
	struct rig *r = *state;

	r->config.free_running = true;
	rig_start(r);
	for (int64_t t = 0; t < 10; t++) {
		feed(r, t * S, 1000.0 * (double)t);
	}
	gnomon_discipline_coast(r->d, (gnomon_mono){ 10 * S }, &r->command);
	assert_false(r->command.set_frequency || r->command.step);
}

static void model_counts_as_far_as_experience_allows(void **state)
{
	struct needs n;

	needs_reset(&n);
	for (unsigned int i = 0; i < 100; i++) {
		needs_add(&n, 500.0 + (double)(i % 3)); /* 500, 501, 502: spread 1 */
	}
	assert_near(needs_robust(&n, (double)NAN), 501.0, 0.0);
	assert_near(needs_robust(&n, 498.0), 498.0, 0.0);
	assert_near(needs_robust(&n, 504.5), 504.5, 0.0);
	assert_near(needs_robust(&n, -1e6), 495.0, 0.0);
	assert_near(needs_robust(&n, 1e6), 507.0, 0.0);
	/* Four wrong ones out of nine. */
	for (unsigned int i = 0; i < 4; i++) {
		needs_add(&n, 1e6);
	}
	assert_true(needs_robust(&n, (double)NAN) <= 502.0);
	needs_reset(&n);
	needs_add(&n, 7.0);
	assert_near(needs_robust(&n, 1000.0), 7.0, 0.0);
	needs_add(&n, 8.0);
	assert_near(needs_robust(&n, (double)NAN), 7.5, 0.0);
}

/* -- a servo that is told its frequency ------------------------------------------------------- */

struct pi_rig {
	const struct gnomon_servo_ops *pi;
	struct gnomon_servo_config config;
	double frequency_ppb;
	_Alignas(16) unsigned char state[1024];
};

static enum gnomon_servo_state pi_take(struct pi_rig *p, int64_t offset_ns)
{
	const struct gnomon_servo_sample sample = {
		.offset = gnomon_span_from_ns(offset_ns),
		.local = { 1700000000, 0, 0 },
		.weight = 1.0,
	};

	return p->pi->sample(p->state, &sample, &p->frequency_ppb);
}

static void pi_init(struct pi_rig *p, double first_step, double step)
{
	p->pi = gnomon_servo_find("pi");
	gnomon_servo_config_default(&p->config);
	p->config.first_step_threshold = first_step;
	p->config.step_threshold = step;
	assert_true(p->pi->size <= sizeof(p->state));
	p->pi->init(p->state, &p->config);
}

static void known_frequency_locks_at_once(void **state)
{
	struct pi_rig p;

	pi_init(&p, 20e-6, 0.0);
	p.pi->start(p.state, 1234.0);
	assert_near(p.pi->needed(p.state), 1234.0, 0.0);
	assert_int_equal(pi_take(&p, 100), GNOMON_SERVO_LOCKED);
	assert_near(p.frequency_ppb, 1134.0, 1e-9);
	assert_near(p.pi->needed(p.state), 1234.0, 0.0);
	assert_int_equal(pi_take(&p, 0), GNOMON_SERVO_LOCKED);
	assert_near(p.frequency_ppb, 1234.0, 1e-9);
	/* A start in the middle: not the integral of before. */
	p.pi->start(p.state, -50.0);
	assert_int_equal(pi_take(&p, 0), GNOMON_SERVO_LOCKED);
	assert_near(p.frequency_ppb, -50.0, 1e-9);
}

static void known_frequency_steps_if_told_to(void **state)
{
	struct pi_rig p;

	pi_init(&p, 20e-6, 0.0);
	p.pi->start(p.state, 1234.0);
	assert_int_equal(pi_take(&p, 20001), GNOMON_SERVO_JUMP);
	assert_near(p.frequency_ppb, 1234.0, 0.0);
	assert_int_equal(pi_take(&p, 0), GNOMON_SERVO_LOCKED);
	/* The first update comes once in a servo's life. */
	p.pi->start(p.state, 1234.0);
	assert_int_equal(pi_take(&p, 20001), GNOMON_SERVO_LOCKED);
	pi_init(&p, 0.0, 1e-3);
	p.pi->start(p.state, 1234.0);
	assert_int_equal(pi_take(&p, -1000001), GNOMON_SERVO_JUMP);
	p.pi->start(p.state, 1234.0);
	assert_int_equal(pi_take(&p, -1000001), GNOMON_SERVO_JUMP);
	p.pi->reset(p.state);
	assert_int_equal(pi_take(&p, 0), GNOMON_SERVO_UNLOCKED);
}

#define COAST(function) { "/servo/coast/" #function, function, rig_setup, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		COAST(after_an_outlier),
		COAST(slew_is_told),
		COAST(needs_a_loop),
		COAST(free_running_is_left_alone),
		COAST(model_counts_as_far_as_experience_allows),
		COAST(known_frequency_locks_at_once),
		COAST(known_frequency_steps_if_told_to),
	};

	return cmocka_run_group_tests_name("coast", tests, NULL, NULL);
}
