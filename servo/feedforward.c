/* SPDX-License-Identifier: BSD-2-Clause */
#include "servo/feedforward.h"

#include <math.h>
#include <string.h>

/* A rate nobody knows: no clock is off by more. */
#define UNKNOWN_PPB 500000.0

/* How much of the phase is taken out until the next reading: half, so that a reading that comes
 * late, as in a machine that is not always run, does no harm. */
#define GAIN 0.5

/* Offsets beyond are no slope's matter, and doubles of ns keep their precision below. */
#define HUGE_NS 1e15

static double clamp(double value, double limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

void feedforward_init(struct feedforward *ff, const struct feedforward_config *config,
		      double frequency_ppb)
{
	memset(ff, 0, sizeof(*ff));
	ff->config = *config;
	ff->frequency_ppb = frequency_ppb;
	ff->needed_ppb = frequency_ppb;
	ff->needed_error_ppb = UNKNOWN_PPB;
	ff->fresh = true;
}

void feedforward_reset(struct feedforward *ff, bool may_step)
{
	ff->fresh = true;
	ff->settled = ff->settled && !may_step;
	ff->needed_error_ppb = UNKNOWN_PPB;
	ff->late_ns = 0;
}

void feedforward_frequency(struct feedforward *ff, double frequency_ppb)
{
	ff->frequency_ppb = frequency_ppb;
}

/* The interval when the raw clock reads raw. */
static void move(const struct feedforward *ff, gnomon_time raw, double *low, double *high)
{
	const double passed_ns = gnomon_span_to_double(gnomon_time_diff(raw, ff->raw));
	const double moved = passed_ns * (ff->frequency_ppb - ff->needed_ppb) * 1e-9;
	const double doubt = fabs(passed_ns) *
				     (ff->needed_error_ppb + ff->config.granularity_ppb) * 1e-9 +
			     ff->late_ns;

	*low = ff->low_ns + moved - doubt;
	*high = ff->high_ns + moved + doubt;
}

double feedforward_coast(struct feedforward *ff, gnomon_time raw)
{
	const double before = ff->frequency_ppb;
	double low;
	double high;

	move(ff, raw, &low, &high);
	ff->low_ns = low;
	ff->high_ns = high;
	ff->raw = raw;
	ff->frequency_ppb = ff->needed_ppb;
	ff->late_ns = fabs(ff->frequency_ppb - before) * ff->config.tick_s;
	return ff->frequency_ppb;
}

/* The middle is exact even if it is years: the interval is relative to it. */
static void begin(struct feedforward *ff, const struct feedforward_sample *s)
{
	const double offset = clamp(gnomon_span_to_double(s->offset), HUGE_NS);

	ff->low_ns = offset - s->half_ns;
	ff->high_ns = offset + s->half_ns;
	ff->fresh = false;
}

/* Cut the interval by a reading. One that has nothing in common with it tells that the source was
 * moved, as much as its own bound allows, and is believed. */
static void cut(struct feedforward *ff, const struct feedforward_sample *s)
{
	const double offset = gnomon_span_to_double(s->offset);
	double low;
	double high;

	move(ff, s->raw, &low, &high);
	low = low > offset - s->half_ns ? low : offset - s->half_ns;
	high = high < offset + s->half_ns ? high : offset + s->half_ns;
	if (low > high) {
		ff->misfits++;
		begin(ff, s);
		return;
	}
	ff->low_ns = low;
	ff->high_ns = high;
}

static bool is_step_due(const struct feedforward *ff, double middle)
{
	const double limit = ff->settled ? ff->config.step_ns : ff->config.first_step_ns;

	return (limit > 0 && fabs(middle) > limit) ||
	       (ff->config.step_ns > 0 && fabs(middle) > ff->config.step_ns);
}

/* The whole of the last reading, so that nothing is left but its error. */
static void step(struct feedforward *ff, const struct feedforward_sample *s,
		 struct feedforward_command *command)
{
	command->step = true;
	command->by = gnomon_span_neg(s->offset);
	ff->low_ns = -s->half_ns;
	ff->high_ns = s->half_ns;
}

static void set_frequency(struct feedforward *ff, struct feedforward_command *command)
{
	const double middle = (ff->low_ns + ff->high_ns) / 2;
	const double slew = clamp(-GAIN * middle / ff->config.interval_s, ff->config.max_slew_ppb);
	const double before = ff->frequency_ppb;

	ff->frequency_ppb = clamp(ff->needed_ppb + slew, ff->config.max_frequency_ppb);
	ff->late_ns = fabs(ff->frequency_ppb - before) * ff->config.tick_s;
	command->frequency_ppb = ff->frequency_ppb;
}

void feedforward_take(struct feedforward *ff, const struct feedforward_sample *s,
		      struct feedforward_command *command)
{
	memset(command, 0, sizeof(*command));
	if (ff->fresh) {
		begin(ff, s);
	} else {
		cut(ff, s);
	}
	ff->raw = s->raw;
	if (s->rate_error_ppb < UNKNOWN_PPB) {
		ff->needed_ppb = clamp(s->rate_ppb - ff->config.natural_ppb,
				       ff->config.max_frequency_ppb);
		ff->needed_error_ppb = s->rate_error_ppb;
	}
	if (is_step_due(ff, (ff->low_ns + ff->high_ns) / 2)) {
		step(ff, s, command);
	}
	ff->settled = true;
	set_frequency(ff, command);
}

bool feedforward_phase(const struct feedforward *ff, gnomon_time raw, double *offset_ns,
		       double *half_ns)
{
	double low;
	double high;

	if (ff->fresh) {
		return false;
	}
	move(ff, raw, &low, &high);
	*offset_ns = (low + high) / 2;
	*half_ns = (high - low) / 2;
	return true;
}

double feedforward_growth(const struct feedforward *ff)
{
	return fabs(ff->frequency_ppb - ff->needed_ppb) + ff->needed_error_ppb +
	       ff->config.granularity_ppb;
}
