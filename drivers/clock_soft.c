/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The soft clock: a line over CLOCK_MONOTONIC_RAW,
 *
 *     local = anchor + elapsed * (1 + rate)
 *
 * held in fixed point: anchor in units of 2^-62 ns and rate in 2^-62, elapsed in whole ns. Every
 * product is exact, so moving the anchor at a frequency change adds no error, however often.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock_private.h"

#define FRACTION_BITS 62
#define MAX_FREQUENCY_PPB 900000000.0

/* How often both clocks are read together, at most, and what is good enough to stop. */
#define BRACKET_TRIES 3
#define BRACKET_GOOD_NS 2000

typedef __int128 fixed; /* ns * 2^62 */

struct clock_soft {
	struct driver_clock driver;
	char name[32];
	clock_gettime_fn *gettime;
	void *context;
	clockid_t raw; /* the clock underneath */
	double oscillator_ppb;
	double frequency_ppb;
	int64_t anchor_raw_ns;
	fixed anchor;
	int64_t rate; /* of frequency_ppb + oscillator_ppb */
};

/* By way of void: the line wants more alignment than the head, and calloc gave it. */
static struct clock_soft *soft_of(struct gnomon_clock *clock)
{
	return (struct clock_soft *)(void *)clock;
}

static int read_ns(const struct clock_soft *soft, clockid_t id, int64_t *ns)
{
	struct timespec ts;
	int err;

	if (soft->gettime) {
		err = soft->gettime(soft->context, id, &ts);
	} else {
		err = clock_gettime(id, &ts) ? -errno : 0;
	}
	if (!err) {
		*ns = (int64_t)ts.tv_sec * GNOMON_NSEC_PER_SEC + ts.tv_nsec;
	}
	return err;
}

static fixed line_at(const struct clock_soft *soft, int64_t raw_ns)
{
	const fixed elapsed = (fixed)raw_ns - soft->anchor_raw_ns;

	return soft->anchor + elapsed * ((fixed)1 << FRACTION_BITS) + elapsed * soft->rate;
}

static gnomon_time time_of(fixed at)
{
	const gnomon_span ns = {
		(int64_t)(at >> FRACTION_BITS),
		(uint16_t)(at >> (FRACTION_BITS - 16)),
	};

	return gnomon_time_add((gnomon_time){ 0, 0, 0 }, ns);
}

static fixed fixed_of(gnomon_span span)
{
	return (fixed)span.ns * ((fixed)1 << FRACTION_BITS) +
	       (fixed)span.frac * ((fixed)1 << (FRACTION_BITS - 16));
}

static int64_t rate_of(double ppb)
{
	return (int64_t)(ppb * 1e-9 * (double)((int64_t)1 << FRACTION_BITS));
}

static int soft_read(struct gnomon_clock *clock, gnomon_time *now)
{
	const struct clock_soft *soft = soft_of(clock);
	int64_t raw;
	int err = read_ns(soft, soft->raw, &raw);

	if (!err) {
		*now = time_of(line_at(soft, raw));
	}
	return err;
}

static int soft_set_frequency(struct gnomon_clock *clock, double ppb)
{
	struct clock_soft *soft = soft_of(clock);
	int64_t raw;
	int err;

	if (!(fabs(ppb) <= clock->max_frequency_ppb)) {
		return -ERANGE;
	}
	err = read_ns(soft, soft->raw, &raw);
	if (err) {
		return err;
	}
	soft->anchor = line_at(soft, raw);
	soft->anchor_raw_ns = raw;
	soft->frequency_ppb = ppb;
	soft->rate = rate_of(ppb + soft->oscillator_ppb);
	soft->driver.adjusted = true;
	return 0;
}

static int soft_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = soft_of(clock)->frequency_ppb;
	return 0;
}

static int soft_step(struct gnomon_clock *clock, gnomon_span by)
{
	struct clock_soft *soft = soft_of(clock);
	const fixed limit = (fixed)INT64_MAX << (FRACTION_BITS - 1);
	const fixed to = soft->anchor + fixed_of(by);

	/* Half of the range: the line has to go on for years from there. */
	if (to > limit || to < -limit) {
		return -ERANGE;
	}
	soft->anchor = to;
	return 0;
}

/* Read both clocks as one: *raw is when CLOCK_REALTIME read *system, to half of the bracket. */
static int cross_read(const struct clock_soft *soft, int64_t *raw, int64_t *system)
{
	int64_t width = INT64_MAX;

	for (int i = 0; i < BRACKET_TRIES && width > BRACKET_GOOD_NS; i++) {
		int64_t before;
		int64_t between;
		int64_t after;
		int err = read_ns(soft, soft->raw, &before);

		err = err ? err : read_ns(soft, CLOCK_REALTIME, &between);
		err = err ? err : read_ns(soft, soft->raw, &after);
		if (err) {
			return err;
		}
		if (after - before < width) {
			width = after - before;
			*raw = before + width / 2;
			*system = between;
		}
	}
	return 0;
}

static int soft_from_stamp(struct gnomon_clock *clock, enum gnomon_stamp_source source,
			   gnomon_time stamp, gnomon_time *local)
{
	const struct clock_soft *soft = soft_of(clock);
	int64_t raw = 0;
	int64_t system = 0;
	gnomon_span age;
	int err;

	if (source != GNOMON_STAMP_SYSTEM) {
		return -EOPNOTSUPP;
	}
	err = cross_read(soft, &raw, &system);
	if (err) {
		return err;
	}
	err = clock_stamp_age(stamp, gnomon_time_from_ns(system), &age);
	if (err) {
		return err;
	}
	/* CLOCK_REALTIME may be slewed against the raw clock by up to 500 ppm (or what is set with
	 * ADJ_TICK), which over an age of 100 us is less than a reading resolves. */
	*local = time_of(line_at(soft, raw - age.ns));
	return 0;
}

static void soft_destroy(struct gnomon_clock *clock)
{
	free(clock);
}

static const struct gnomon_clock_ops soft_ops = {
	.kind = "soft",
	.read = soft_read,
	.set_frequency = soft_set_frequency,
	.get_frequency = soft_get_frequency,
	.step = soft_step,
	.from_stamp = soft_from_stamp,
	.destroy = soft_destroy,
};

/* Put the line through CLOCK_REALTIME + tai_offset + initial_offset, now. */
static int start_line(struct clock_soft *soft, const struct clock_soft_config *config)
{
	int64_t raw = 0;
	int64_t system = 0;
	int err;

	/* Simulators may have no raw clock. */
	soft->raw = CLOCK_MONOTONIC_RAW;
	err = read_ns(soft, soft->raw, &raw);
	if (err) {
		soft->raw = CLOCK_MONOTONIC;
	}
	err = cross_read(soft, &raw, &system);
	if (err) {
		return err;
	}
	soft->anchor_raw_ns = raw;
	soft->rate = rate_of(soft->oscillator_ppb);
	soft->anchor = fixed_of(gnomon_span_from_ns(system)) +
		       fixed_of(gnomon_span_from_ns((int64_t)config->tai_offset *
						    GNOMON_NSEC_PER_SEC));
	return soft_step(&soft->driver.base, config->initial_offset);
}

int clock_soft_create(struct gnomon_clock **clock, const struct clock_soft_config *config)
{
	const double max = config->max_frequency_ppb > 0 ? config->max_frequency_ppb :
							   MAX_FREQUENCY_PPB;
	const char *name = config->name ? config->name : soft_ops.kind;
	struct clock_soft *soft;
	int err;

	if (!(max + fabs(config->oscillator_ppb) <= 1e9) ||
	    strlen(name) >= sizeof(soft->name)) {
		return -EINVAL;
	}
	soft = calloc(1, sizeof(*soft));
	if (!soft) {
		return -ENOMEM;
	}
	memcpy(soft->name, name, strlen(name));
	soft->driver.base.ops = &soft_ops;
	soft->driver.base.name = soft->name;
	soft->driver.base.max_frequency_ppb = max;
	soft->driver.id = (clockid_t)-1;
	soft->gettime = config->gettime;
	soft->context = config->context;
	soft->oscillator_ppb = config->oscillator_ppb;
	err = start_line(soft, config);
	if (err) {
		free(soft);
		return err == -ERANGE ? -EINVAL : err;
	}
	*clock = &soft->driver.base;
	return 0;
}

int clock_soft_at(const struct gnomon_clock *clock, gnomon_time raw, gnomon_time *local)
{
	const struct clock_soft *soft = (const struct clock_soft *)(const void *)clock;

	if (clock->ops != &soft_ops) {
		return -EINVAL;
	}
	if (soft->gettime || soft->raw != CLOCK_MONOTONIC_RAW) {
		return -EOPNOTSUPP;
	}
	*local = time_of(line_at(soft, gnomon_time_diff(raw, (gnomon_time){ 0, 0, 0 }).ns));
	return 0;
}
