/* SPDX-License-Identifier: BSD-2-Clause */
#include "witness.h"

#include <errno.h>
#include <math.h>
#include <time.h>

/* How often the clocks are read together, at most, and what is good enough to stop. */
#define TRIES 3
#define GOOD_NS 2000

/* What readings are off by however fast they were. */
#define RESOLUTION_NS 50.0

/* The oscillator of the clock, and that of the machine: unknown, and from one look to another. */
#define RATE_UNKNOWN 1e-3
#define RATE_WANDER 1e-6

/* The error of a rate that is learnt no better for so long grows by this per second. */
#define RATE_AGING 1e-7

/* From here on a look is the beginning of the next interval. */
#define INTERVAL_NS 500000000

/* A machine is not suspended for less. */
#define SLEEP_LEAST_NS 1000000

void witness_init(struct witness *w, struct gnomon_clock *clock, bool ours, double frequency_ppb)
{
	w->clock = clock;
	w->ours = ours;
	w->armed = false;
	w->frequency_ppb = frequency_ppb;
	w->rate = 0.0;
	w->rate_error = RATE_UNKNOWN;
}

static clockid_t base_of(const struct witness *w)
{
	return w->clock->utc ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_RAW;
}

static int read_kernel(const struct witness *w, clockid_t id, int64_t *ns)
{
	struct timespec ts;
	int err = 0;

	if (w->gettime) {
		err = w->gettime(w->context, id, &ts);
	} else if (clock_gettime(id, &ts) != 0) {
		err = -errno;
	}
	if (err == 0) {
		*ns = (int64_t)ts.tv_sec * GNOMON_NSEC_PER_SEC + ts.tv_nsec;
	}
	return err;
}

static int read_once(const struct witness *w, struct witness_reading *r)
{
	int64_t before;
	int64_t after;
	int err = read_kernel(w, base_of(w), &before);

	err = err ? err : w->clock->ops->read(w->clock, &r->clock);
	err = err ? err : read_kernel(w, base_of(w), &after);
	if (err == 0) {
		r->width_ns = after - before;
		r->base_ns = before + r->width_ns / 2;
	}
	return err;
}

/* The fastest of a few readings. */
static int read_clocks(const struct witness *w, struct witness_reading *best)
{
	struct witness_reading r = { .width_ns = 0 };
	int64_t before;
	int64_t boot;
	int64_t after;
	int err = 0;

	best->width_ns = INT64_MAX;
	for (int i = 0; err == 0 && i < TRIES && best->width_ns > GOOD_NS; i++) {
		err = read_once(w, &r);
		if (err == 0 && r.width_ns < best->width_ns) {
			*best = r;
		}
	}
	err = err ? err : read_kernel(w, CLOCK_MONOTONIC, &before);
	err = err ? err : read_kernel(w, CLOCK_BOOTTIME, &boot);
	err = err ? err : read_kernel(w, CLOCK_MONOTONIC, &after);
	if (err == 0) {
		best->slept_least_ns = boot - after;
		best->slept_most_ns = boot - before;
	}
	return err;
}

/* What the adjustments add until an instant of the base. */
static double applied_until(const struct witness *w, int64_t base_ns)
{
	return w->applied_ns + (double)(base_ns - w->since_ns) * w->frequency_ppb * 1e-9;
}

void witness_frequency(struct witness *w, double ppb)
{
	int64_t now_ns;

	if (!w->armed || read_kernel(w, base_of(w), &now_ns) != 0) {
		w->armed = false;
	} else {
		w->applied_ns = applied_until(w, now_ns);
		w->since_ns = now_ns;
	}
	w->frequency_ppb = ppb;
}

void witness_forget(struct witness *w)
{
	w->armed = false;
}

static void begin(struct witness *w, const struct witness_reading *r)
{
	w->armed = true;
	w->last = *r;
	w->since_ns = r->base_ns;
	w->applied_ns = 0.0;
}

/* What the clock gained on the base since the last look, less what it was told to. */
static double gained(const struct witness *w, const struct witness_reading *r)
{
	gnomon_span went = gnomon_time_diff(r->clock, w->last.clock);
	gnomon_span more = { went.ns - (r->base_ns - w->last.base_ns), went.frac };
	double gain_ns = gnomon_span_to_double(more);

	return w->ours && !w->clock->utc ? gain_ns - applied_until(w, r->base_ns) : gain_ns;
}

static void learn(struct witness *w, double rate, double error, double elapsed_s)
{
	double aged = w->rate_error + RATE_AGING * elapsed_s;

	if (error <= aged) {
		w->rate = rate;
		w->rate_error = error;
	} else {
		w->rate_error = aged < RATE_UNKNOWN ? aged : RATE_UNKNOWN;
	}
}

/* Who sets a clock may have set its frequency, as a driver does that starts its device anew: then
 * the old rate would make another step of every look from now on. */
static void doubt_rate(struct witness *w)
{
	w->rate = 0.0;
	w->rate_error = RATE_UNKNOWN;
}

/* Both readings, and what may be wrong with the rate that is expected. */
static double allowed(const struct witness *w, double elapsed_ns, double reading_ns)
{
	if (w->clock->utc) {
		return reading_ns;
	}
	if (!w->ours) {
		double most = w->clock->max_frequency_ppb * 1e-9;

		return reading_ns + elapsed_ns * (RATE_UNKNOWN + most);
	}
	return reading_ns + elapsed_ns * (w->rate_error + RATE_WANDER);
}

static enum witness_verdict judge(struct witness *w, const struct witness_reading *r,
				  struct witness_report *report)
{
	double elapsed_ns = (double)(r->base_ns - w->last.base_ns);
	double reading_ns = (double)(r->width_ns + w->last.width_ns) / 2.0 + RESOLUTION_NS;
	double error_ns = allowed(w, elapsed_ns, reading_ns);
	double gain_ns = gained(w, r);
	double by_ns = gain_ns - (w->clock->utc ? 0.0 : w->rate * elapsed_ns);

	if (fabs(by_ns) > error_ns) {
		*report = (struct witness_report){ .by_ns = by_ns, .error_ns = error_ns };
		doubt_rate(w);
		begin(w, r);
		return WITNESS_STEPPED;
	}
	if (elapsed_ns >= INTERVAL_NS) {
		if (w->ours) {
			learn(w, gain_ns / elapsed_ns, reading_ns / elapsed_ns, elapsed_ns * 1e-9);
		}
		begin(w, r);
	}
	return WITNESS_NOTHING;
}

enum witness_verdict witness_look(struct witness *w, struct witness_report *report)
{
	struct witness_reading r;
	int64_t slept_ns;

	if (read_clocks(w, &r) != 0) {
		w->armed = false;
		return WITNESS_NOTHING;
	}
	if (!w->armed) {
		begin(w, &r);
		return WITNESS_NOTHING;
	}
	slept_ns = r.slept_least_ns - w->last.slept_most_ns;
	if (slept_ns > SLEEP_LEAST_NS) {
		*report = (struct witness_report){ .slept_s = (double)slept_ns * 1e-9 };
		begin(w, &r);
		return WITNESS_SLEPT;
	}
	return judge(w, &r, report);
}
