/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>

#include "servo/estimator.h"

/* How fast a free crystal may change its rate when nobody knows better: a steep temperature
 * coefficient (0.5 ppm/K) in a machine that warms up by a degree per minute. */
#define DRIFT_DEFAULT_PPB_PER_S 10.0

/* How long a delay measurement stays in the caller's delay filter when nobody says. */
#define DELAY_MEMORY_DEFAULT_S 10.0

/* Four timestamps in whole ns: each of the two differences is off by less than 1 ns. */
#define QUANTISATION_NS 2.0

/* Between the moment a sample was measured and the one its command takes effect the clock runs
 * on at its old rate. It is not measured; this is what a busy host may need. */
#define COMMAND_LATENCY_S 0.01

/* One offset is off by so many standard deviations of the noise at worst: jitter is no Gaussian. */
#define NOISE_WORST 6.0

/* Noise that nothing is known of yet is no less. */
#define NOISE_LEAST_NS 1.0

/* A clock that is slewed as fast as can be runs ten times too slow. */
#define RATIO_MOST 100.0

/* After so many events in a row it is the noise that is larger than thought. */
#define EVENTS_MAX 3

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double or_default(double value, double fallback)
{
	return value > 0.0 ? value : fallback;
}

void estimator_init(struct estimator *e, const struct gnomon_discipline_config *config)
{
	*e = (struct estimator){
		.path_asymmetry_ns = config->path_asymmetry_ns,
		.drift_ppb_per_s = or_default(config->drift_ppb_per_s, DRIFT_DEFAULT_PPB_PER_S),
		.delay_memory_s = or_default(config->delay_memory_s, DELAY_MEMORY_DEFAULT_S),
		.interval_s = 1.0,
		.frequency_ppb = config->servo_config.frequency_ppb,
		.known_error_ppb = ESTIMATOR_UNKNOWN_PPB,
	};
}

void estimator_reset(struct estimator *e)
{
	e->track.samples = 0;
	e->rivalry = false;
	e->events = 0;
	e->rival.samples = 0;
	e->motion[0].longest_s = 0.0;
	e->motion[1].longest_s = 0.0;
	e->told_ppb = 0.0;
}

static struct track_view view_now(const struct estimator *e)
{
	return track_at(&e->track, 0.0, e->frequency_ppb, 0.0);
}

static double seconds_since(gnomon_mono now, gnomon_mono then)
{
	double ns = (double)now.ns - (double)then.ns;

	return ns > 0.0 ? ns * 1e-9 : 0.0;
}

/* The adjustment between the last sample and now, on average. */
static double adjustment(const struct estimator *e, gnomon_mono now)
{
	double whole = seconds_since(now, e->at);
	double before = seconds_since(e->since, e->at);

	if (!(before > 0.0)) {
		return e->frequency_ppb;
	}
	if (before >= whole) {
		return e->applied / before;
	}
	return (e->applied + e->frequency_ppb * (whole - before)) / whole;
}

/* -- what the clock's own motion does to the delay -------------------------------------------- */

/* (1 + f) / (1 + told) - 1: what was commanded of the motion that was not told. */
static double beyond_told(const struct estimator *e, double f_ppb)
{
	return (f_ppb - e->told_ppb) / (1.0 + e->told_ppb * 1e-9);
}

static void widen(struct motion *m, double ppb)
{
	m->least_ppb = ppb < m->least_ppb ? ppb : m->least_ppb;
	m->most_ppb = larger(m->most_ppb, ppb);
}

/* dt seconds between two samples are over. */
static void motion_add(struct estimator *e, double dt)
{
	struct motion *m = &e->motion[0];
	double ppb = beyond_told(e, e->frequency_ppb);

	if (m->longest_s > 0.0 && m->age_s + dt > e->delay_memory_s) {
		e->motion[1] = *m;
		m->longest_s = 0.0;
	}
	if (!(m->longest_s > 0.0)) {
		*m = (struct motion){ .least_ppb = ppb, .most_ppb = ppb };
	}
	m->age_s += dt;
	m->longest_s = larger(m->longest_s, dt);
	widen(m, ppb);
	widen(m, beyond_told(e, e->least_ppb));
	widen(m, beyond_told(e, e->most_ppb));
}

/*
 * A Delay_Req leaves up to an interval after the Sync it is paired with. What the clock gained
 * meanwhile on its reference, beyond what the delay measurement was told, ends up half in the
 * measured delay, and the delay filter keeps it for its length.
 */
static double motion_error(const struct motion *m, double e_ppb)
{
	double least = m->least_ppb + e_ppb + m->least_ppb * e_ppb * 1e-9;
	double most = m->most_ppb + e_ppb + m->most_ppb * e_ppb * 1e-9;

	return larger(fabs(least), fabs(most)) * m->longest_s / 2.0;
}

/* Before the second sample the rate is unknown, and so is what it does to the delay. */
static double delay_error(const struct estimator *e)
{
	const struct track *t = &e->track;

	if (t->samples < 2) {
		double rate = fabs(view_now(e).rate_ppb);

		return (rate + t->limit_ppb) * e->interval_s / 2.0;
	}
	return larger(motion_error(&e->motion[0], t->state.e_ppb),
		      motion_error(&e->motion[1], t->state.e_ppb));
}

/* -- samples ---------------------------------------------------------------------------------- */

/*
 * An implausible sample is either an outlier or the truth after an event: follow both, and let the
 * next sample decide. Until then the bound covers both.
 */
static void doubt(struct estimator *e, const struct track_input *in, double f)
{
	double elapsed_s = track_elapsed(&e->track, in, f);

	if (e->rivalry && track_elapsed(&e->rival, in, f) > 0.0) {
		track_update(&e->rival, in, f, e->drift_ppb_per_s);
		e->track = e->rival;
		e->believes = false;
		e->rival.samples = 0;
		e->rivalry = false;
		e->events++;
	} else {
		track_coast(&e->track, in, f, e->drift_ppb_per_s);
		track_restart(&e->rival, in, &e->track, elapsed_s);
		e->rivalry = true;
	}
}

/*
 * Not every event is implausible when it happens, least of all at the start, when the noise may
 * be anything. So there is always a newcomer who does not know the past. As soon as it has
 * experience, either it finds the noise as track does, or it shows that what track took for noise
 * was something that is over; then the newcomer takes its place. It does so as well where track
 * began with a belief: from then on there is knowledge.
 */
static void consult_newcomer(struct estimator *e, const struct track_input *in, double f)
{
	struct track *newcomer = &e->rival;

	if (newcomer->samples > 0 && track_elapsed(newcomer, in, f) > 0.0) {
		track_update(newcomer, in, f, e->drift_ppb_per_s);
		if (!track_experienced(newcomer)) {
			return;
		}
		if (e->believes || track_refutes(newcomer, &e->track)) {
			e->track = *newcomer;
			e->believes = false;
		}
	}
	track_start(newcomer, in, -e->frequency_ppb, ESTIMATOR_UNKNOWN_PPB);
}

static void track_or_doubt(struct estimator *e, const struct track_input *in, double f)
{
	bool believe = e->events >= EVENTS_MAX && !track_experienced(&e->track);

	if (!believe && !track_plausible(&e->track, in, f, e->drift_ppb_per_s)) {
		doubt(e, in, f);
		return;
	}
	if (e->rivalry) {
		e->rivalry = false;
		e->rival.samples = 0;
	}
	track_update(&e->track, in, f, e->drift_ppb_per_s);
	consult_newcomer(e, in, f);
	if (track_experienced(&e->track)) {
		e->events = 0;
	}
}

/* The first sample tells nothing of the rate. */
static void start_track(struct estimator *e, const struct track_input *in, double f)
{
	bool known = e->known_error_ppb < ESTIMATOR_UNKNOWN_PPB;

	track_start(&e->track, in, known ? e->known_ppb : -f, e->known_error_ppb);
	e->known_error_ppb = ESTIMATOR_UNKNOWN_PPB; /* it is in the track from now on */
	e->believes = known;
}

/* False: the sample is out of order and was not used. */
static bool follow(struct estimator *e, const struct track_input *in, gnomon_mono now)
{
	bool first_pair = e->track.samples == 1;
	double f = adjustment(e, now);
	double elapsed;

	if (e->track.samples == 0) {
		start_track(e, in, f);
		return true;
	}
	elapsed = track_elapsed(&e->track, in, f);
	if (!(elapsed > 0.0)) {
		return false;
	}
	track_or_doubt(e, in, f);
	motion_add(e, elapsed);
	if (first_pair) {
		/* The delay that the noise was guessed from may have been too small by this. */
		track_expect(&e->track, in->noise_ns + delay_error(e));
	}
	return true;
}

static double asymmetry(const struct estimator *e, double delay_ns)
{
	return e->path_asymmetry_ns < 0.0 ? delay_ns / 2.0 : e->path_asymmetry_ns;
}

void estimator_sample(struct estimator *e, const struct gnomon_discipline_sample *sample,
		      double weight, gnomon_mono now)
{
	double delay_ns = fabs(gnomon_span_to_double(sample->mean_delay));
	struct track_input in = {
		.offset = sample->offset,
		.local = sample->local,
		.noise_ns = delay_ns,
		.weight = weight,
	};

	if (!follow(e, &in, now)) {
		return;
	}
	e->at = now;
	e->since = now;
	e->applied = 0.0;
	e->least_ppb = e->frequency_ppb;
	e->most_ppb = e->frequency_ppb;
	e->asymmetry_ns = asymmetry(e, delay_ns);
	e->reference_bound_ns = or_default(sample->reference_bound_ns, 0.0);
	e->old_rate_ppb = view_now(e).rate_ppb;
}

static void change_frequency(struct estimator *e, double frequency_ppb, gnomon_mono now)
{
	double whole = seconds_since(now, e->at);

	e->applied = adjustment(e, now) * whole;
	e->since = now;
	e->frequency_ppb = frequency_ppb;
	if (whole > 0.0) {
		e->least_ppb = frequency_ppb < e->least_ppb ? frequency_ppb : e->least_ppb;
		e->most_ppb = larger(e->most_ppb, frequency_ppb);
	} else {
		e->least_ppb = frequency_ppb;
		e->most_ppb = frequency_ppb;
	}
}

void estimator_step(struct estimator *e, gnomon_span by)
{
	track_step(&e->track, by);
	track_step(&e->rival, by);
}

void estimator_command(struct estimator *e, const struct gnomon_discipline_command *command,
		       gnomon_mono now)
{
	if (command->step) {
		estimator_step(e, command->step_by);
	}
	if (command->set_frequency) {
		change_frequency(e, command->frequency_ppb, now);
	}
}

void estimator_know(struct estimator *e, double e_ppb, double error_ppb)
{
	e->known_ppb = e_ppb;
	e->known_error_ppb = error_ppb;
}

double estimator_sane_ratio(double ratio)
{
	return ratio > 1.0 / RATIO_MOST && ratio < RATIO_MOST ? ratio : 1.0;
}

double estimator_rate_ratio(const struct estimator *e)
{
	struct track_view v = view_now(e);

	/* A rate that is more uncertain than large would do more harm than good. */
	if (!(fabs(v.rate_ppb) > v.rate_error_ppb)) {
		return 1.0;
	}
	return estimator_sane_ratio(1.0 / (1.0 + v.rate_ppb * 1e-9));
}

void estimator_tell_ratio(struct estimator *e, double rate_ratio)
{
	e->told_ppb = (1.0 / rate_ratio - 1.0) * 1e9;
}

double estimator_needed_ppb(const struct estimator *e)
{
	return (1.0 / (1.0 + e->track.state.e_ppb * 1e-9) - 1.0) * 1e9;
}

bool estimator_natural(const struct estimator *e, gnomon_mono now, double *e_ppb,
		       double *error_ppb)
{
	struct track_view v;

	if (e->track.samples < 2) {
		*e_ppb = e->known_ppb;
		*error_ppb = e->known_error_ppb;
		return e->known_error_ppb < ESTIMATOR_UNKNOWN_PPB;
	}
	v = track_at(&e->track, seconds_since(now, e->at), 0.0, e->drift_ppb_per_s);
	*e_ppb = v.rate_ppb;
	*error_ppb = v.rate_error_ppb;
	return true;
}

bool estimator_experienced(const struct estimator *e)
{
	return track_experienced(&e->track) && !e->believes;
}

/* The delay error that is yet to come from the interval that this sample ends is in it. */
void estimator_doubt(const struct estimator *e, const struct gnomon_discipline_sample *sample,
		     struct estimator_doubt *doubt)
{
	double delay_ns = fabs(gnomon_span_to_double(sample->mean_delay));
	double reference_ns = or_default(sample->reference_bound_ns, 0.0);
	double moved_ns = e->known_error_ppb * e->interval_s / 2.0;

	doubt->noise_ns = larger(delay_ns, NOISE_LEAST_NS);
	if (e->track.samples > 0) {
		struct motion m = { .longest_s = e->interval_s };

		m.least_ppb = beyond_told(e, e->least_ppb);
		m.most_ppb = beyond_told(e, e->most_ppb);
		moved_ns = larger(motion_error(&m, e->track.state.e_ppb), delay_error(e));
		doubt->noise_ns = track_robust_noise(&e->track);
	}
	doubt->bound_ns = NOISE_WORST * doubt->noise_ns + moved_ns + asymmetry(e, delay_ns) +
			  reference_ns + QUANTISATION_NS;
}

static double bound_of(const struct estimator *e, const struct track_view *v)
{
	double rate = larger(fabs(v->rate_ppb), fabs(e->old_rate_ppb));

	return fabs(v->offset_ns) + v->offset_error_ns + rate * COMMAND_LATENCY_S +
	       delay_error(e) + e->asymmetry_ns + e->reference_bound_ns + QUANTISATION_NS;
}

void estimator_ahead(const struct estimator *e, gnomon_mono now, double seconds, double f_ppb,
		     struct gnomon_estimate *out)
{
	double dt = seconds_since(now, e->at);
	double f = adjustment(e, now);
	struct track_view v;

	*out = (struct gnomon_estimate){
		.valid = e->track.samples > 0,
		.at = now,
		.frequency_ppb = e->frequency_ppb,
		.frequency_error_ppb = (double)INFINITY,
		.bound_ns = (double)INFINITY,
	};
	if (!out->valid) {
		return;
	}
	if (seconds > 0.0) {
		f = (f * dt + f_ppb * seconds) / (dt + seconds);
		dt += seconds;
	}
	v = track_at(&e->track, dt, f, e->drift_ppb_per_s);
	out->offset_ns = v.offset_ns;
	out->offset_stddev_ns = track_noise(&e->track);
	out->frequency_error_ppb = fabs(v.rate_ppb) + v.rate_error_ppb;
	out->bound_ns = bound_of(e, &v);
	if (e->rivalry) {
		v = track_at(&e->rival, dt, f, e->drift_ppb_per_s);
		out->bound_ns = larger(out->bound_ns, bound_of(e, &v));
	}
}

void estimator_read(const struct estimator *e, gnomon_mono now, struct gnomon_estimate *out)
{
	estimator_ahead(e, now, 0.0, 0.0, out);
}
