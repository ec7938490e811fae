/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pairing.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/clock.h"
#include "drivers/counter.h"
#include "drivers/cross.h"
#include "drivers/kvm_clock.h"
#include "drivers/raw_line.h"

#define DEFAULT_SAMPLES 5
#define DEFAULT_FDS 4

/* What the counter's frequency may be off while it is only nominal, and what a clock that is
 * steered may differ from it: as parts, for distances of us. */
#define NOMINAL_PPB 1e6
#define STEERED_PPB 2e6

/* A reading is truncated to ns. */
#define RESOLUTION_NS 1.0

/* Hardware that takes both at once does it with a counter of its own, of 19 MHz at least where it
 * is that of Intel's chipsets, and PCIe's time measurement has the link's delays in it. */
#define PRECISE_NS 60.0

/* A method that keeps failing is tried again after so many calls at the latest. */
#define MAX_SKIP 63u

/* The steps there are. The first two know by themselves which methods failed (drivers/cross.h). */
enum step {
	STEP_DEVICE, /* precise, extended */
	STEP_REALTIME,
	STEP_KVM,
	STEP_LINE,
	STEP_BRACKET,
};

struct pairing {
	struct gnomon_clock *clock;
	unsigned int samples;
	uint64_t (*counter)(void *context);
	void *context;
	double ns_per_tick;
	bool steps[STEP_BRACKET + 1];
	struct cross_trial trials[STEP_BRACKET + 1];
	struct cross_device device;   /* PHC against the raw clock */
	struct cross_device realtime; /* PHC against CLOCK_REALTIME */
	struct kvm_clock kvm;
	struct driver_error no_kvm; /* it was refused; "" */
	struct raw_line line;
	bool line_valid; /* the kernel keeps time by the counter */
	int clocksource;
	enum pairing_method method;
};

const char *pairing_method_name(enum pairing_method method)
{
	switch (method) {
	case PAIRING_PRECISE:
		return "precise";
	case PAIRING_EXTENDED:
		return "extended";
	case PAIRING_REALTIME:
		return "realtime";
	case PAIRING_KVM:
		return "kvm";
	case PAIRING_LINE:
		return "line";
	case PAIRING_BRACKET:
		return "bracket";
	}
	return "unknown";
}

/* -- brackets ---------------------------------------------------------------------------------- */

static uint64_t read_counter(void *context)
{
	return counter_read();
}

/* What the clock read between two readings of the counter. */
struct reading {
	uint64_t before;
	uint64_t after;
	gnomon_time time;
};

static int read_id(const struct pairing *p, clockid_t id, struct reading *r)
{
	struct timespec ts;

	r->before = p->counter(p->context);
	if (clock_gettime(id, &ts)) {
		return -errno;
	}
	r->after = p->counter(p->context);
	r->time = clock_time_from_timespec(ts);
	return 0;
}

static int read_clock(const struct pairing *p, struct reading *r)
{
	int err;

	r->before = p->counter(p->context);
	err = p->clock->ops->read(p->clock, &r->time);
	r->after = p->counter(p->context);
	return err;
}

/* The tightest of some readings: of the clock with that id, or if it is -1, of the clock paired.
 * A counter that goes back did so because it is not the same on all CPUs. */
static int tightest(const struct pairing *p, clockid_t id, struct reading *best)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < p->samples; i++) {
		struct reading r;
		int err = id == -1 ? read_clock(p, &r) : read_id(p, id, &r);

		if (err) {
			return err;
		}
		if (r.after >= r.before && r.after - r.before < least) {
			least = r.after - r.before;
			*best = r;
		}
	}
	return least == UINT64_MAX ? -EAGAIN : 0;
}

static void pair_of_reading(const struct pairing *p, const struct reading *r,
			    struct gnomon_pair *pair)
{
	const uint64_t window = r->after - r->before;

	pair->counter = r->before + window / 2;
	pair->time = r->time;
	pair->half_window_ns = (double)(window + 1) / 2 * p->ns_per_tick *
			       (1 + NOMINAL_PPB * 1e-9) + RESOLUTION_NS;
}

static int64_t ns_of(gnomon_time t)
{
	return gnomon_time_diff(t, (gnomon_time){ 0, 0, 0 }).ns;
}

/* -- the raw clock's line ---------------------------------------------------------------------- */

int pairing_check(const struct pairing *pairing)
{
	return pairing->clocksource < 0 ? -EXDEV : counter_check_fd(pairing->clocksource);
}

/* A bracket of the raw clock, for the line. Where the kernel keeps time by something else there is
 * no line, only this bracket. */
static int refresh(struct pairing *p)
{
	const bool valid = pairing_check(p) == 0;
	struct raw_bracket bracket;
	struct reading r;
	int err = tightest(p, CLOCK_MONOTONIC_RAW, &r);

	if (err) {
		return err;
	}
	if (!valid || !p->line_valid) {
		raw_line_forget(&p->line);
	}
	if (!valid && p->line_valid) {
		p->line.refits++;
	}
	p->line_valid = valid;
	bracket = (struct raw_bracket){ r.before, r.after, ns_of(r.time) };
	(void)raw_line_add(&p->line, &bracket);
	return 0;
}

/* The pair of a clock that read time when the raw clock read raw. */
static int pair_at_raw(struct pairing *p, gnomon_time raw, double half_ns,
		       struct gnomon_pair *pair)
{
	double line_ns;
	int err = raw_line_counter(&p->line, ns_of(raw), 0.5, &pair->counter, &line_ns);

	pair->half_window_ns = half_ns + line_ns;
	return err;
}

/* -- methods ----------------------------------------------------------------------------------- */

static int pair_device(struct pairing *p, struct gnomon_pair *pair)
{
	struct cross_stamp stamp;
	int err = cross_device_try(&p->device, CROSS_EXTENDED, &stamp);

	err = err ? err : refresh(p);
	if (err) {
		return err;
	}
	p->method = stamp.method == CROSS_PRECISE ? PAIRING_PRECISE : PAIRING_EXTENDED;
	pair->time = stamp.a;
	return pair_at_raw(p, stamp.b,
			   RESOLUTION_NS + (stamp.method == CROSS_PRECISE ?
					    PRECISE_NS : (double)stamp.half_window_ns), pair);
}

/* CLOCK_REALTIME by the best way. */
static int pair_system(struct pairing *p, struct gnomon_pair *pair)
{
	struct reading r;
	int err = -EOPNOTSUPP;

	if (p->kvm.machine >= 0) {
		err = kvm_clock_read(&p->kvm, &pair->counter, &pair->time);
	}
	if (!err) {
		pair->half_window_ns = 2 * RESOLUTION_NS;
		return 0;
	}
	err = tightest(p, CLOCK_REALTIME, &r);
	if (!err) {
		pair_of_reading(p, &r, pair);
	}
	return err;
}

/* Between two pairs of CLOCK_REALTIME, which is steered but not stepped in between. */
static int interpolate(const struct pairing *p, const struct gnomon_pair *a,
		       const struct gnomon_pair *b, gnomon_time at, struct gnomon_pair *pair)
{
	const double ticks = (double)(int64_t)(b->counter - a->counter);
	const double all = gnomon_span_to_double(gnomon_time_diff(b->time, a->time));
	const double part = gnomon_span_to_double(gnomon_time_diff(at, a->time));
	const double half = a->half_window_ns > b->half_window_ns ? a->half_window_ns :
								    b->half_window_ns;

	if (!(fabs(all - ticks * p->ns_per_tick) <=
	      all * (STEERED_PPB + NOMINAL_PPB) * 1e-9 + 2 * half) || !(all > 0) ||
	    part < 0 || part > all) {
		return -EAGAIN;
	}
	pair->counter = a->counter + (uint64_t)(ticks * part / all + 0.5);
	pair->half_window_ns += half + all * STEERED_PPB * 1e-9 / 4;
	return 0;
}

static int pair_realtime(struct pairing *p, struct gnomon_pair *pair)
{
	struct cross_stamp stamp;
	struct gnomon_pair before;
	struct gnomon_pair after;
	int err = pair_system(p, &before);

	err = err ? err : cross_device_try(&p->realtime, CROSS_BASIC, &stamp);
	err = err ? err : pair_system(p, &after);
	if (err) {
		return err;
	}
	p->method = PAIRING_REALTIME;
	pair->time = stamp.a;
	pair->half_window_ns = 2 * RESOLUTION_NS + (double)stamp.half_window_ns;
	return interpolate(p, &before, &after, stamp.b, pair);
}

static int pair_kvm(struct pairing *p, struct gnomon_pair *pair)
{
	int err = kvm_clock_read(&p->kvm, &pair->counter, &pair->time);

	pair->half_window_ns = 2 * RESOLUTION_NS;
	p->method = PAIRING_KVM;
	return err;
}

/* The clock is a line over the raw clock's readings, whole ns. */
static int pair_line(struct pairing *p, struct gnomon_pair *pair)
{
	gnomon_time raw;
	int err = refresh(p);

	if (err) {
		return err;
	}
	raw = gnomon_time_from_ns(p->line.newest.raw);
	err = clock_soft_at(p->clock, raw, &pair->time);
	p->method = PAIRING_LINE;
	return err ? err : pair_at_raw(p, raw, RESOLUTION_NS / 2, pair);
}

static int pair_bracket(struct pairing *p, struct gnomon_pair *pair)
{
	struct reading r;
	int err = tightest(p, -1, &r);

	if (!err) {
		pair_of_reading(p, &r, pair);
		p->method = PAIRING_BRACKET;
	}
	return err;
}

static int take(struct pairing *p, enum step step, struct gnomon_pair *pair)
{
	switch (step) {
	case STEP_DEVICE:
		return pair_device(p, pair);
	case STEP_REALTIME:
		return pair_realtime(p, pair);
	case STEP_KVM:
		return pair_kvm(p, pair);
	case STEP_LINE:
		return pair_line(p, pair);
	case STEP_BRACKET:
		return pair_bracket(p, pair);
	}
	return -EINVAL;
}

/* 0, 1, 3, 7 ... calls without the method. */
static void record_failure(struct cross_trial *trial)
{
	trial->skip = (1u << trial->failures) - 1;
	if (trial->skip < MAX_SKIP) {
		trial->failures++;
	}
}

int pairing_read(struct pairing *pairing, struct gnomon_pair *pair)
{
	for (enum step s = STEP_DEVICE; s < STEP_BRACKET; s++) {
		struct cross_trial *trial = &pairing->trials[s];
		struct gnomon_pair taken;

		if (!pairing->steps[s]) {
			continue;
		}
		if (trial->skip > 0) {
			trial->skip--;
			continue;
		}
		if (take(pairing, s, &taken) == 0) {
			trial->failures = 0;
			*pair = taken;
			return 0;
		}
		if (s > STEP_REALTIME) {
			record_failure(trial);
		}
	}
	return take(pairing, STEP_BRACKET, pair);
}

enum pairing_method pairing_method(const struct pairing *pairing)
{
	return pairing->method;
}

void pairing_line(const struct pairing *pairing, struct pairing_line *line)
{
	uint64_t counter;

	*line = (struct pairing_line){
		.known = pairing->line_valid && pairing->line.count > 0,
		.exact = pairing->line_valid && pairing->line.exact,
		.multiplier = pairing->line.multiplier,
		.shift = pairing->line.shift,
		.refits = pairing->line.refits,
	};
	if (line->known) {
		(void)raw_line_counter(&pairing->line, pairing->line.newest.raw, 0.5, &counter,
				       &line->half_ns);
	}
}

/* -- life -------------------------------------------------------------------------------------- */

/* That this host has none is no news; that it has, and we may not use it, is. */
static void open_kvm(struct pairing *p, const char *device)
{
	struct driver_error why = { "" };
	const int r = kvm_clock_open(&p->kvm, device, &why);

	if (r == -EACCES || r == -EPERM) {
		(void)driver_fail(&p->no_kvm, r,
				  "%s: pairs of the system clock and the counter are less exact "
				  "without", why.text);
	}
}

static void open_files(struct pairing *p, const struct pairing_config *config)
{
	const unsigned int fds = config->max_fds ? config->max_fds : DEFAULT_FDS;
	const char *folder = config->clocksource ? config->clocksource : COUNTER_SYSFS;
	const bool no_kvm = config->kvm && !config->kvm[0];
	char path[256];

	if (fds >= 1 &&
	    snprintf(path, sizeof(path), "%s/current_clocksource", folder) < (int)sizeof(path)) {
		p->clocksource = open(path, O_RDONLY | O_CLOEXEC);
	}
	/* The machine and its vCPU; the device is closed again. */
	if (fds >= 4 && !no_kvm && (p->steps[STEP_KVM] || p->steps[STEP_REALTIME])) {
		open_kvm(p, config->kvm);
	}
	p->steps[STEP_KVM] = p->steps[STEP_KVM] && p->kvm.machine >= 0;
}

static void choose_steps(struct pairing *p)
{
	const char *kind = p->clock->ops->kind;
	const bool phc = strcmp(kind, "phc") == 0 && ((unsigned int)clock_id(p->clock) & 7) == 3;

	p->steps[STEP_DEVICE] = phc;
	p->steps[STEP_REALTIME] = phc;
	p->steps[STEP_KVM] = strcmp(kind, "system") == 0 && clock_id(p->clock) == CLOCK_REALTIME;
	p->steps[STEP_LINE] = strcmp(kind, "soft") == 0;
	if (phc) {
		cross_device_init(&p->device, clock_id(p->clock), CLOCK_MONOTONIC_RAW,
				  p->samples);
		cross_device_init(&p->realtime, clock_id(p->clock), CLOCK_REALTIME, p->samples);
	}
}

int pairing_create(struct pairing **pairing, struct gnomon_clock *clock,
		   const struct pairing_config *config, struct driver_error *error)
{
	const struct pairing_config zero = { 0 };
	struct counter_rate rate = { 0 };
	struct pairing *p;

	config = config ? config : &zero;
	rate.hz = config->hz;
	if (!(rate.hz > 0) && counter_rate(&rate)) {
		return driver_fail(error, -EOPNOTSUPP,
				   "this architecture has no counter that guests could read");
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		return driver_fail(error, -ENOMEM, "no memory");
	}
	p->clock = clock;
	p->samples = config->samples ? config->samples : DEFAULT_SAMPLES;
	p->counter = config->counter ? config->counter : read_counter;
	p->context = config->context;
	p->ns_per_tick = 1e9 / rate.hz;
	p->kvm = (struct kvm_clock){ -1, -1 };
	p->clocksource = -1;
	p->method = PAIRING_BRACKET;
	raw_line_init(&p->line, rate.hz, NOMINAL_PPB);
	choose_steps(p);
	open_files(p, config);
	*pairing = p;
	return 0;
}

const char *pairing_refused(const struct pairing *pairing)
{
	return pairing->no_kvm.text;
}

void pairing_destroy(struct pairing *pairing)
{
	if (!pairing) {
		return;
	}
	kvm_clock_close(&pairing->kvm);
	if (pairing->clocksource >= 0) {
		(void)close(pairing->clocksource);
	}
	free(pairing);
}
