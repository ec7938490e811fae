/* SPDX-License-Identifier: BSD-2-Clause */
#include "oscillator.h"

#define SECONDS_PER_DAY 86400.0

struct phase phase_add(struct phase a, double ns)
{
	double whole = floor(ns);

	a.ns += (int64_t)whole;
	a.fraction += ns - whole;
	if (a.fraction >= 1.0) {
		a.fraction -= 1.0;
		a.ns++;
	}
	return a;
}

/* What temperature and age contribute at at_ps: the deterministic part, in ppb. */
static double systematic(const struct oscillator_spec *spec, int64_t at_ps)
{
	double t = (double)at_ps / (double)SIM_PS_PER_S;
	double ppb = spec->frequency_ppb + spec->aging_ppb * t / SECONDS_PER_DAY;

	if (spec->sine_period_s > 0.0) {
		ppb += spec->sine_ppb * sin(2.0 * M_PI * t / spec->sine_period_s);
	}
	if (spec->step_ppb != 0.0 && t >= spec->step_at_s) {
		double settled = 1.0;

		if (spec->step_settle_s > 0.0) {
			settled -= exp(-(t - spec->step_at_s) / spec->step_settle_s);
		}
		ppb += spec->step_ppb * settled;
	}
	return ppb;
}

/* Draw the noise of the grid step that begins at at_ps. */
static void draw(struct oscillator *o, int64_t at_ps)
{
	double ppb = systematic(&o->spec, at_ps);
	double grid_s = (double)o->grid_ps / (double)SIM_PS_PER_S;

	if (o->spec.random_walk_ppb > 0.0) {
		o->walk += o->spec.random_walk_ppb * sqrt(grid_s) * random_normal(&o->random);
		ppb += o->walk;
	}
	if (o->spec.flicker_ppb > 0.0) {
		for (unsigned int i = 0; i < FLICKER_COUNT; i++) {
			o->flicker[i] = o->flicker[i] * o->flicker_keep[i] +
					o->flicker_kick[i] * random_normal(&o->random);
			ppb += o->flicker[i];
		}
	}
	if (o->spec.white_ppb > 0.0) {
		ppb += o->spec.white_ppb / sqrt(grid_s) * random_normal(&o->random);
	}
	o->natural = ppb * 1e-9;
	o->rate = o->natural + o->adjustment + o->natural * o->adjustment;
}

/* Flicker starts in its stationary state: a process that has always been running. */
static void init_flicker(struct oscillator *o)
{
	double tau = 1.0; /* in grid steps */

	for (unsigned int i = 0; i < FLICKER_COUNT; i++) {
		o->flicker_keep[i] = exp(-1.0 / tau);
		o->flicker_kick[i] = o->spec.flicker_ppb *
				     sqrt(1.0 - o->flicker_keep[i] * o->flicker_keep[i]);
		o->flicker[i] = o->spec.flicker_ppb > 0.0 ?
				o->spec.flicker_ppb * random_normal(&o->random) : 0.0;
		tau *= FLICKER_RATIO;
	}
}

void oscillator_init(struct oscillator *o, const struct oscillator_spec *spec, struct phase error,
		     uint64_t stream)
{
	*o = (struct oscillator){ .spec = *spec, .error = error };
	random_init(&o->random, stream);
	o->grid_ps = SIM_PS_PER_S;
	if (spec->grid_s > 0.0) {
		o->grid_ps = (int64_t)llround(spec->grid_s * (double)SIM_PS_PER_S);
	}
	o->next_ps = o->grid_ps;
	init_flicker(o);
	draw(o, 0);
}

/* Follow the current piece to at_ps and begin another one there. */
static void integrate(struct oscillator *o, int64_t at_ps)
{
	double elapsed_ns = (double)(at_ps - o->at_ps) * (1.0 / SIM_PS_PER_NS);

	o->error = phase_add(o->error, elapsed_ns * o->rate);
	o->at_ps = at_ps;
}

void oscillator_advance(struct oscillator *o, int64_t at_ps)
{
	while (at_ps >= o->next_ps) {
		integrate(o, o->next_ps);
		draw(o, o->next_ps);
		o->next_ps += o->grid_ps;
	}
}

struct phase oscillator_error(struct oscillator *o, int64_t at_ps)
{
	oscillator_advance(o, at_ps);
	return phase_add(o->error, (double)(at_ps - o->at_ps) * (1.0 / SIM_PS_PER_NS) * o->rate);
}

void oscillator_adjust(struct oscillator *o, int64_t at_ps, double relative)
{
	oscillator_advance(o, at_ps);
	integrate(o, at_ps);
	o->adjustment = relative;
	o->rate = o->natural + relative + o->natural * relative;
}

void oscillator_step(struct oscillator *o, int64_t at_ps, struct phase by)
{
	oscillator_advance(o, at_ps);
	integrate(o, at_ps);
	o->error.ns += by.ns;
	o->error = phase_add(o->error, by.fraction);
}
