/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/clock.h: the soft clock on a time source of our own, units, and the system clock read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/clock.h"
#include "tests/unit/seed.h"

#define SEC GNOMON_NSEC_PER_SEC

/* Two clocks under our control; each reading takes read_cost. */
struct source {
	int64_t raw_ns;
	int64_t system_ns;
	int64_t read_cost_ns;
	bool no_raw;
	bool broken;
	int readings;
};

static int source_gettime(void *context, clockid_t id, struct timespec *ts)
{
	struct source *source = context;
	int64_t ns = id == CLOCK_REALTIME ? source->system_ns : source->raw_ns;

	source->readings++;
	if (source->broken || (id == CLOCK_MONOTONIC_RAW && source->no_raw)) {
		return -EINVAL;
	}
	source->raw_ns += source->read_cost_ns;
	source->system_ns += source->read_cost_ns;
	*ts = (struct timespec){ ns / SEC, ns % SEC };
	return 0;
}

static void pass(struct source *source, int64_t ns)
{
	source->raw_ns += ns;
	source->system_ns += ns;
}

static struct gnomon_clock *create(struct source *source, struct clock_soft_config *config)
{
	struct gnomon_clock *clock = NULL;

	config->gettime = source_gettime;
	config->context = source;
	assert_int_equal(clock_soft_create(&clock, config), 0);
	assert_non_null(clock);
	return clock;
}

static gnomon_time reading(struct gnomon_clock *clock)
{
	gnomon_time now;

	assert_int_equal(clock->ops->read(clock, &now), 0);
	return now;
}

static void assert_reads(struct gnomon_clock *clock, int64_t sec, uint32_t nsec, uint16_t frac)
{
	const gnomon_time now = reading(clock);

	assert_int_equal(now.sec, sec);
	assert_int_equal(now.nsec, nsec);
	assert_int_equal(now.frac, frac);
}

static void starts_at_tai_plus_offset(void **state)
{
	struct source source = { .raw_ns = 5 * (int64_t)SEC + 7, .system_ns = 1000 * (int64_t)SEC };
	struct clock_soft_config config = { .tai_offset = 37,
					    .initial_offset = { -1500000000, 0x8000 } };
	struct gnomon_clock *clock = create(&source, &config);

	(void)state;
	assert_reads(clock, 1035, 500000000, 0x8000);
	pass(&source, 250);
	assert_reads(clock, 1035, 500000250, 0x8000);
	assert_string_equal(clock->name, "soft");
	assert_string_equal(clock->ops->kind, "soft");
	assert_false(clock->utc);
	assert_true(clock->max_frequency_ppb == 900000000.0);
	clock->ops->destroy(clock);
}

static void runs_at_the_frequency_set(void **state)
{
	struct source source = { .system_ns = 0 };
	struct clock_soft_config config = { .oscillator_ppb = 80000 };
	struct gnomon_clock *clock = create(&source, &config);
	double ppb = NAN;

	(void)state;
	pass(&source, 1000 * (int64_t)SEC);
	/* 80 ppm over 1000 s; the last bit of the rate is worth 2e-7 ns here. */
	assert_true(fabs(gnomon_span_to_double(gnomon_time_diff(
				reading(clock), (gnomon_time){ 1000, 80000000, 0 }))) < 0.001);
	assert_int_equal(clock->ops->get_frequency(clock, &ppb), 0);
	assert_true(ppb == 0.0);
	/* What a servo finds for this oscillator makes it true. */
	assert_int_equal(clock->ops->set_frequency(clock, -80000), 0);
	const gnomon_time before = reading(clock);

	pass(&source, 1000 * (int64_t)SEC);
	assert_int_equal(gnomon_time_diff(reading(clock), before).ns, 1000 * (int64_t)SEC);
	assert_int_equal(gnomon_time_diff(reading(clock), before).frac, 0);
	assert_int_equal(clock->ops->get_frequency(clock, &ppb), 0);
	assert_true(ppb == -80000.0);
	assert_int_equal(clock_restore(clock), 0);
	assert_int_equal(clock->ops->get_frequency(clock, &ppb), 0);
	assert_true(ppb == 0.0);
	clock->ops->destroy(clock);
}

/* A frequency change moves nothing by itself. */
static void frequency_changes_are_continuous(void **state)
{
	struct seed seed = seed_start("/drivers/clock_soft/frequency_changes_are_continuous");
	struct source source = { .raw_ns = 1, .system_ns = 1700000000 * (int64_t)SEC };
	struct clock_soft_config config = { .tai_offset = 37 };
	struct gnomon_clock *clock = create(&source, &config);

	(void)state;
	for (int i = 0; i < 10000; i++) {
		gnomon_time before;
		gnomon_time after;

		pass(&source, (int64_t)seed_below(&seed, SEC));
		before = reading(clock);
		assert_int_equal(clock->ops->set_frequency(
					 clock, (double)seed_below(&seed, 1000000) - 500000.0), 0);
		after = reading(clock);
		assert_int_equal(gnomon_time_cmp(before, after), 0);
	}
	clock->ops->destroy(clock);
}

/*
 * The same frequency set again a hundred thousand times must give the same line as set once: with
 * a rounding of 2^-16 ns each, the two would be 0.8 ns apart in the mean.
 */
static void moving_the_anchor_adds_no_error(void **state)
{
	struct source a = { .system_ns = 0 };
	struct source b = { .system_ns = 0 };
	struct clock_soft_config config = { .oscillator_ppb = 0 };
	struct gnomon_clock *once = create(&a, &config);
	struct gnomon_clock *often = create(&b, &config);

	(void)state;
	assert_int_equal(once->ops->set_frequency(once, 12345.678), 0);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(often->ops->set_frequency(often, 12345.678), 0);
		pass(&a, 7812501);
		pass(&b, 7812501);
	}
	assert_int_equal(gnomon_time_cmp(reading(once), reading(often)), 0);
	once->ops->destroy(once);
	often->ops->destroy(often);
}

static void steps_exactly(void **state)
{
	struct source source = { .system_ns = 100 * (int64_t)SEC };
	struct clock_soft_config config = { .max_frequency_ppb = 1000 };
	struct gnomon_clock *clock = create(&source, &config);

	(void)state;
	assert_int_equal(clock->ops->step(clock, (gnomon_span){ -1, 0x8000 }), 0);
	assert_reads(clock, 99, 999999999, 0x8000);
	assert_int_equal(clock->ops->step(clock, (gnomon_span){ 50 * (int64_t)SEC, 0x8000 }), 0);
	assert_reads(clock, 150, 0, 0);
	/* Out of what a clock can hold: refused, nothing changed. */
	assert_int_equal(clock->ops->step(clock, GNOMON_SPAN_MAX), -ERANGE);
	assert_int_equal(clock->ops->step(clock, GNOMON_SPAN_MIN), -ERANGE);
	assert_reads(clock, 150, 0, 0);
	/* Before the epoch is a time as well. */
	assert_int_equal(clock->ops->step(clock, gnomon_span_from_ns(-151 * (int64_t)SEC)), 0);
	assert_reads(clock, -1, 0, 0);
	clock->ops->destroy(clock);
}

static void refuses_frequencies_out_of_range(void **state)
{
	struct source source = { .system_ns = 0 };
	struct clock_soft_config config = { .max_frequency_ppb = 1000 };
	struct gnomon_clock *clock = create(&source, &config);
	double ppb = NAN;

	(void)state;
	assert_int_equal(clock->ops->set_frequency(clock, 1000), 0);
	assert_int_equal(clock->ops->set_frequency(clock, 1000.001), -ERANGE);
	assert_int_equal(clock->ops->set_frequency(clock, -1e300), -ERANGE);
	assert_int_equal(clock->ops->set_frequency(clock, NAN), -ERANGE);
	assert_int_equal(clock->ops->get_frequency(clock, &ppb), 0);
	assert_true(ppb == 1000.0);
	clock->ops->destroy(clock);
}

static void converts_system_stamps(void **state)
{
	struct source source = { .raw_ns = 77, .system_ns = 1000 * (int64_t)SEC,
				 .read_cost_ns = 20 };
	struct clock_soft_config config = { .tai_offset = 37, .oscillator_ppb = 500000000,
					    .max_frequency_ppb = 1000000 };
	struct gnomon_clock *clock = create(&source, &config);
	gnomon_time local;
	gnomon_span error;

	(void)state;
	pass(&source, 2 * (int64_t)SEC);
	/* Taken 100 us ago, on a clock that runs half as fast again. */
	const gnomon_time stamp = gnomon_time_from_ns(source.system_ns - 100000);
	const gnomon_time now = reading(clock);

	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM, stamp, &local), 0);
	error = gnomon_time_diff(gnomon_time_add(local, gnomon_span_from_ns(150000)), now);
	/* Half of a bracket of two readings, at this frequency. */
	assert_in_range(gnomon_span_abs(error).ns, 0, 30);
	clock->ops->destroy(clock);
}

static void refuses_other_stamps(void **state)
{
	struct source source = { .system_ns = 1000 * (int64_t)SEC };
	struct clock_soft_config config = { .tai_offset = 37 };
	struct gnomon_clock *clock = create(&source, &config);
	const gnomon_time now = { 1000, 0, 0 };
	gnomon_time local = { 1, 2, 3 };

	(void)state;
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_HARDWARE, now, &local),
			 -EOPNOTSUPP);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_NONE, now, &local),
			 -EOPNOTSUPP);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM,
						(gnomon_time){ 989, 0, 0 }, &local), -ESTALE);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM,
						(gnomon_time){ 1000, 2000000, 0 }, &local),
			 -ESTALE);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM,
						(gnomon_time){ INT64_MIN, 0, 0 }, &local), -ESTALE);
	source.broken = true;
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM, now, &local), -EINVAL);
	assert_int_equal(clock->ops->read(clock, &local), -EINVAL);
	assert_int_equal(local.sec, 1); /* untouched by all of them */
	assert_int_equal(local.frac, 3);
	clock->ops->destroy(clock);
}

static void does_without_the_raw_clock(void **state)
{
	struct source source = { .raw_ns = 9, .system_ns = 50 * (int64_t)SEC, .no_raw = true };
	struct clock_soft_config config = { .name = "test" };
	struct gnomon_clock *clock = create(&source, &config);
	const struct gnomon_clock_ops *ops;

	(void)state;
	pass(&source, SEC);
	assert_reads(clock, 51, 0, 0);
	assert_string_equal(clock->name, "test");
	assert_int_equal(clock_id(clock), -1);
	ops = clock->ops;
	ops->destroy(clock);
	ops->destroy(NULL);
}

/* One reading of the clock is one reading of the clock underneath; a stamp costs three. */
static void costs(void **state)
{
	struct source source = { .system_ns = 0, .read_cost_ns = 20 };
	struct clock_soft_config config = { .tai_offset = 0 };
	struct gnomon_clock *clock = create(&source, &config);
	gnomon_time local;

	(void)state;
	source.readings = 0;
	(void)reading(clock);
	assert_int_equal(source.readings, 1);
	source.readings = 0;
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM,
						gnomon_time_from_ns(source.system_ns), &local), 0);
	assert_int_equal(source.readings, 3);
	clock->ops->destroy(clock);
}

static void bad_config(void **state)
{
	struct source source = { .broken = true };
	struct clock_soft_config config = { .gettime = source_gettime, .context = &source };
	struct gnomon_clock *clock = NULL;

	(void)state;
	assert_int_equal(clock_soft_create(&clock, &config), -EINVAL); /* clocks unreadable */
	source.broken = false;
	config.oscillator_ppb = 200000000;
	assert_int_equal(clock_soft_create(&clock, &config), -EINVAL); /* could run backwards */
	config.oscillator_ppb = NAN;
	assert_int_equal(clock_soft_create(&clock, &config), -EINVAL);
	config.oscillator_ppb = 0;
	config.initial_offset = GNOMON_SPAN_MAX;
	assert_int_equal(clock_soft_create(&clock, &config), -EINVAL);
	config.initial_offset = GNOMON_SPAN_ZERO;
	config.name = "a name that is much too long for any clock at all";
	assert_int_equal(clock_soft_create(&clock, &config), -EINVAL);
	assert_null(clock);
}

/* On the machine's own clocks: reads TAI to what a bracket leaves. */
static void on_this_machine(void **state)
{
	struct clock_soft_config config = { .tai_offset = 37 };
	struct gnomon_clock *clock = NULL;
	struct timespec ts;
	gnomon_time local;
	gnomon_span error;

	(void)state;
	assert_int_equal(clock_soft_create(&clock, &config), 0);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM,
						clock_time_from_timespec(ts), &local), 0);
	ts.tv_sec += 37;
	error = gnomon_time_diff(local, clock_time_from_timespec(ts));
	assert_in_range(gnomon_span_abs(error).ns, 0, 10000000);
	clock->ops->destroy(clock);
}

static void units(void **state)
{
	(void)state;
	assert_int_equal(clock_scaled_ppm(0), 0);
	assert_int_equal(clock_scaled_ppm(1000), 65536);
	assert_int_equal(clock_scaled_ppm(-500000), -32768000);
	assert_int_equal(clock_scaled_ppm(0.008), 1);
	assert_int_equal(clock_scaled_ppm(0.007), 0);
	assert_int_equal(clock_scaled_ppm(-0.008), -1);
	assert_int_equal(clock_scaled_ppm(1e300), LONG_MAX);
	assert_int_equal(clock_scaled_ppm(-1e300), LONG_MIN);
	assert_true(clock_ppb(65536) == 1000.0);
	for (long i = -40000000; i < 40000000; i += 12345) {
		assert_int_equal(clock_scaled_ppm(clock_ppb(i)), i);
	}
}

static void system_clock_reads_utc(void **state)
{
	struct gnomon_clock *clock = NULL;
	const struct gnomon_clock_ops *ops;
	gnomon_time stamp = { 5, 6, 0 };
	gnomon_time local;
	double ppb = NAN;

	(void)state;
	assert_int_equal(clock_system_open(&clock, false, NULL), 0);
	assert_true(clock->utc);
	assert_string_equal(clock->name, "CLOCK_REALTIME");
	assert_int_equal(clock_id(clock), CLOCK_REALTIME);
	assert_in_range(reading(clock).sec, 1700000000, INT64_MAX);
	assert_int_equal(clock->ops->get_frequency(clock, &ppb), 0);
	assert_true(fabs(ppb) <= clock->max_frequency_ppb);
	assert_int_equal(clock->ops->set_frequency(clock, 1.1e8), -ERANGE);
	assert_int_equal(clock->ops->set_leap(clock, 60), -EINVAL);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_SYSTEM, stamp, &local), 0);
	assert_int_equal(gnomon_time_cmp(stamp, local), 0);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_HARDWARE, stamp, &local),
			 -EOPNOTSUPP);
	ops = clock->ops;
	ops->destroy(clock);
	ops->destroy(NULL);
}

static void phc_errors(void **state)
{
	struct gnomon_clock *clock = NULL;
	struct driver_error error = { "" };

	(void)state;
	assert_int_equal(clock_phc_open(&clock, "/dev/ptp-none", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/dev/ptp-none: no such clock"));
	assert_int_equal(clock_phc_open(&clock, "/dev/null", &error), -ENODEV);
	assert_non_null(strstr(error.text, "/dev/null: is no PTP clock"));
	assert_int_equal(clock_phc_open_index(&clock, 99999, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/dev/ptp99999"));
	assert_null(clock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/clock/units", units },
		{ "/drivers/clock_soft/starts_at_tai_plus_offset", starts_at_tai_plus_offset },
		{ "/drivers/clock_soft/runs_at_the_frequency_set", runs_at_the_frequency_set },
		{ "/drivers/clock_soft/frequency_changes_are_continuous",
		  frequency_changes_are_continuous },
		{ "/drivers/clock_soft/moving_the_anchor_adds_no_error",
		  moving_the_anchor_adds_no_error },
		{ "/drivers/clock_soft/steps_exactly", steps_exactly },
		{ "/drivers/clock_soft/refuses_frequencies_out_of_range",
		  refuses_frequencies_out_of_range },
		{ "/drivers/clock_soft/converts_system_stamps", converts_system_stamps },
		{ "/drivers/clock_soft/refuses_other_stamps", refuses_other_stamps },
		{ "/drivers/clock_soft/does_without_the_raw_clock", does_without_the_raw_clock },
		{ "/drivers/clock_soft/costs", costs },
		{ "/drivers/clock_soft/bad_config", bad_config },
		{ "/drivers/clock_soft/on_this_machine", on_this_machine },
		{ "/drivers/clock_system/reads_utc", system_clock_reads_utc },
		{ "/drivers/clock_phc/errors", phc_errors },
	};

	return cmocka_run_group_tests_name("/drivers/clock", tests, NULL, NULL);
}
