/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/cross.h"

#include <errno.h>
#include <linux/ptp_clock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "drivers/clock_private.h"

#define DEFAULT_SAMPLES 5

/* A method that keeps failing is tried again after so many calls at the latest. */
#define MAX_SKIP 63u

/* Two clocks that are read by way of a third may drift that much while it takes: 100 ppm. */
#define DRIFT_DIVISOR 10000

/* How two clocks are brought together. */
enum way {
	WAY_READ,     /* by reading them in turn */
	WAY_DEVICE,   /* PHC, clock of the kernel */
	WAY_REVERSED, /* clock of the kernel, PHC */
	WAY_DEVICES,  /* two PHCs, by way of CLOCK_MONOTONIC_RAW */
	WAY_SOFT,     /* PHC, soft clock: a line over the raw clock */
	WAY_SOFT_REVERSED,
};

const char *cross_method_name(enum cross_method method)
{
	switch (method) {
	case CROSS_PRECISE:
		return "precise";
	case CROSS_EXTENDED:
		return "extended";
	case CROSS_BASIC:
		return "basic";
	case CROSS_PLAIN:
		return "plain";
	}
	return "unknown";
}

/* A dynamic POSIX clock's id is its descriptor, complemented, above three bits that say so. */
static bool is_dynamic(clockid_t id)
{
	return ((unsigned int)id & 7) == 3;
}

static int fd_of_clock(clockid_t id)
{
	return ~(id >> 3);
}

static gnomon_time time_of(const struct ptp_clock_time *t)
{
	return (gnomon_time){ t->sec, t->nsec, 0 };
}

/* Take what was read between before and after if its window is the smallest so far. One that ends
 * before it began was spoilt by a step of the clock. */
static void take(struct cross_stamp *best, gnomon_time a, gnomon_time before, gnomon_time after)
{
	const gnomon_span window = gnomon_time_diff(after, before);
	const int64_t half = gnomon_sat_add(window.ns, 1) / 2;

	if (window.ns >= 0 && half < best->half_window_ns) {
		best->a = a;
		best->b = gnomon_time_add(before, gnomon_span_half(window));
		best->half_window_ns = half;
		best->window_ns = window.ns;
	}
}

static int read_precise(const struct cross_device *d, struct cross_stamp *best)
{
	struct ptp_sys_offset_precise precise = { 0 };
	const bool raw = d->system == CLOCK_MONOTONIC_RAW;

	if (!raw && d->system != CLOCK_REALTIME) {
		return -EOPNOTSUPP;
	}
	if (ioctl(fd_of_clock(d->phc), PTP_SYS_OFFSET_PRECISE, &precise)) {
		return -errno;
	}
	best->a = time_of(&precise.device);
	best->b = time_of(raw ? &precise.sys_monoraw : &precise.sys_realtime);
	best->half_window_ns = 0;
	best->window_ns = 0;
	return 0;
}

/* The first reserved word became the clockid with Linux 6.12; older kernels want it 0, which is
 * CLOCK_REALTIME, and answer -EINVAL otherwise. */
static int read_extended(const struct cross_device *d, unsigned int samples,
			 struct cross_stamp *best)
{
	struct ptp_sys_offset_extended extended = { .n_samples = samples };

	extended.rsv[0] = (unsigned int)d->system;
	if (ioctl(fd_of_clock(d->phc), PTP_SYS_OFFSET_EXTENDED, &extended)) {
		return -errno;
	}
	for (unsigned int i = 0; i < samples; i++) {
		take(best, time_of(&extended.ts[i][1]), time_of(&extended.ts[i][0]),
		     time_of(&extended.ts[i][2]));
	}
	return 0;
}

static int read_basic(const struct cross_device *d, unsigned int samples,
		      struct cross_stamp *best)
{
	struct ptp_sys_offset basic = { .n_samples = samples };

	if (d->system != CLOCK_REALTIME) {
		return -EOPNOTSUPP;
	}
	if (ioctl(fd_of_clock(d->phc), PTP_SYS_OFFSET, &basic)) {
		return -errno;
	}
	for (unsigned int i = 0; i < 2 * samples; i += 2) {
		take(best, time_of(&basic.ts[i + 1]), time_of(&basic.ts[i]),
		     time_of(&basic.ts[i + 2]));
	}
	return 0;
}

static int read_id(clockid_t id, gnomon_time *now)
{
	struct timespec ts;

	if (clock_gettime(id, &ts)) {
		return -errno;
	}
	*now = clock_time_from_timespec(ts);
	return 0;
}

static int read_plain(const struct cross_device *d, struct cross_stamp *best)
{
	gnomon_time before;
	gnomon_time between;
	gnomon_time after;
	int err = read_id(d->system, &before);

	err = err ? err : read_id(d->phc, &between);
	err = err ? err : read_id(d->system, &after);
	if (!err) {
		take(best, between, before, after);
	}
	return err;
}

/* One request, of as many readings as the kernel takes at once. */
static int read_some(const struct cross_device *d, enum cross_method method, unsigned int *left,
		     struct cross_stamp *best)
{
	const unsigned int samples = *left < PTP_MAX_SAMPLES ? *left : PTP_MAX_SAMPLES;

	switch (method) {
	case CROSS_PRECISE:
		*left = 0;
		return read_precise(d, best);
	case CROSS_EXTENDED:
		*left -= samples;
		return read_extended(d, samples, best);
	case CROSS_BASIC:
		*left -= samples;
		return read_basic(d, samples, best);
	case CROSS_PLAIN:
		*left -= 1;
		return read_plain(d, best);
	}
	return -EINVAL;
}

static int read_by(const struct cross_device *d, enum cross_method method,
		   struct cross_stamp *stamp)
{
	struct cross_stamp best = { .half_window_ns = INT64_MAX, .method = method };
	unsigned int left = d->samples;

	while (left > 0) {
		int err = read_some(d, method, &left, &best);

		if (err) {
			return err;
		}
	}
	if (best.half_window_ns == INT64_MAX) {
		return -EAGAIN;
	}
	*stamp = best;
	return 0;
}

void cross_device_init(struct cross_device *device, clockid_t phc, clockid_t system,
		       unsigned int samples)
{
	*device = (struct cross_device){
		.phc = phc,
		.system = system,
		.samples = samples ? samples : DEFAULT_SAMPLES,
	};
}

/* 0, 1, 3, 7 ... calls without the method. */
static void record_failure(struct cross_trial *trial)
{
	trial->skip = (1u << trial->failures) - 1;
	if (trial->skip < MAX_SKIP) {
		trial->failures++;
	}
}

/* PRECISE is one reading by hardware; the others are only as good as their best window. */
int cross_device_try(struct cross_device *device, enum cross_method last,
		     struct cross_stamp *stamp)
{
	int err = -EAGAIN;

	for (enum cross_method m = CROSS_PRECISE; m <= last && m < CROSS_PLAIN; m++) {
		struct cross_trial *trial = &device->trials[m];

		if (trial->skip > 0) {
			trial->skip--;
			continue;
		}
		err = read_by(device, m, stamp);
		if (err == 0) {
			trial->failures = 0;
			return 0;
		}
		record_failure(trial);
	}
	return last == CROSS_PLAIN ? read_by(device, CROSS_PLAIN, stamp) : err;
}

int cross_device_read(struct cross_device *device, struct cross_stamp *stamp)
{
	return cross_device_try(device, CROSS_PLAIN, stamp);
}

static bool is_kind(const struct gnomon_clock *clock, const char *kind)
{
	return strcmp(clock->ops->kind, kind) == 0;
}

static bool is_phc(const struct gnomon_clock *clock)
{
	return is_kind(clock, "phc") && is_dynamic(clock_id(clock));
}

static enum way choose_way(const struct gnomon_clock *a, const struct gnomon_clock *b)
{
	if (is_phc(a)) {
		return is_phc(b)		? WAY_DEVICES :
		       is_kind(b, "system") ? WAY_DEVICE :
		       is_kind(b, "soft")   ? WAY_SOFT :
						WAY_READ;
	}
	if (is_phc(b)) {
		return is_kind(a, "system") ? WAY_REVERSED :
		       is_kind(a, "soft")   ? WAY_SOFT_REVERSED :
						WAY_READ;
	}
	return WAY_READ;
}

void cross_init(struct cross *cross, struct gnomon_clock *a, struct gnomon_clock *b,
		unsigned int samples)
{
	const enum way way = choose_way(a, b);
	struct gnomon_clock *const clocks[2] = { a, b };

	*cross = (struct cross){
		.a = a,
		.b = b,
		.samples = samples ? samples : DEFAULT_SAMPLES,
		.way = way,
	};
	for (int i = 0; i < 2; i++) {
		struct gnomon_clock *const other = clocks[1 - i];

		if (is_phc(clocks[i])) {
			cross_device_init(&cross->devices[i], clock_id(clocks[i]),
					  is_kind(other, "system") ? clock_id(other) :
								     CLOCK_MONOTONIC_RAW,
					  samples);
		}
	}
}

/* a between two readings of b. */
static int read_in_turn(const struct cross *cross, struct cross_stamp *stamp)
{
	struct cross_stamp best = { .half_window_ns = INT64_MAX, .method = CROSS_PLAIN };

	for (unsigned int i = 0; i < cross->samples; i++) {
		gnomon_time before;
		gnomon_time between;
		gnomon_time after;
		int err = cross->b->ops->read(cross->b, &before);

		err = err ? err : cross->a->ops->read(cross->a, &between);
		err = err ? err : cross->b->ops->read(cross->b, &after);
		if (err) {
			return err;
		}
		take(&best, between, before, after);
	}
	if (best.half_window_ns == INT64_MAX) {
		return -EAGAIN;
	}
	*stamp = best;
	return 0;
}

static void swap(struct cross_stamp *stamp)
{
	const gnomon_time a = stamp->a;

	stamp->a = stamp->b;
	stamp->b = a;
}

/* Both against the raw clock, one after the other: better than in turn if both have a bracket near
 * the hardware. b is brought to the instant of a. */
static int read_devices(struct cross *cross, struct cross_stamp *stamp)
{
	struct cross_stamp first;
	struct cross_stamp second;
	gnomon_span between;
	int err = cross_device_read(&cross->devices[0], &first);

	err = err ? err : cross_device_read(&cross->devices[1], &second);
	if (err || first.method > CROSS_EXTENDED || second.method > CROSS_EXTENDED) {
		return read_in_turn(cross, stamp);
	}
	between = gnomon_time_diff(second.b, first.b);
	stamp->a = first.a;
	stamp->b = gnomon_time_sub_span(second.a, between);
	stamp->half_window_ns = first.half_window_ns + second.half_window_ns +
				llabs(between.ns) / DRIFT_DIVISOR;
	stamp->window_ns = 2 * stamp->half_window_ns;
	stamp->method = first.method > second.method ? first.method : second.method;
	return 0;
}

/* The soft clock's line at the raw clock's reading. */
static int read_soft(struct cross *cross, struct cross_device *device,
		     const struct gnomon_clock *soft, struct cross_stamp *stamp)
{
	struct cross_stamp raw;
	int err = cross_device_read(device, &raw);

	err = err ? err : clock_soft_at(soft, raw.b, &raw.b);
	if (err) {
		return read_in_turn(cross, stamp);
	}
	*stamp = raw;
	if (soft == cross->a) {
		swap(stamp);
	}
	return 0;
}

int cross_read(struct cross *cross, struct cross_stamp *stamp)
{
	int err;

	switch ((enum way)cross->way) {
	case WAY_READ:
		return read_in_turn(cross, stamp);
	case WAY_DEVICE:
		return cross_device_read(&cross->devices[0], stamp);
	case WAY_REVERSED:
		err = cross_device_read(&cross->devices[1], stamp);
		if (!err) {
			swap(stamp);
		}
		return err;
	case WAY_DEVICES:
		return read_devices(cross, stamp);
	case WAY_SOFT:
		return read_soft(cross, &cross->devices[0], cross->b, stamp);
	case WAY_SOFT_REVERSED:
		return read_soft(cross, &cross->devices[1], cross->a, stamp);
	}
	return -EINVAL;
}

int cross_carry(struct cross *cross, gnomon_time stamp, gnomon_time *local)
{
	struct cross_stamp both;
	gnomon_span age;
	int err = cross_read(cross, &both);

	err = err ? err : clock_stamp_age(stamp, both.a, &age);
	if (!err) {
		*local = gnomon_time_sub_span(both.b, age);
	}
	return err;
}
