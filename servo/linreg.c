/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A servo that fits straight lines to the last 4, 8 ... 64 offsets and steers by the one that has
 * been foretelling the next offset best: few points where the oscillator wanders, many where the
 * measurement is noisy. Nobody has to choose gains.
 *
 * Points are kept as this clock would have measured them had it always been what it is now: what
 * adjustments and steps did to it since is added to them. The slope of the line is then the
 * frequency error of the oscillator when left alone, whatever was commanded meanwhile, and the
 * servo cannot wind up. "Raw" time is what that oscillator counts:
 *
 *     local progress = raw progress * (1 + adjustment)
 *
 * An offset far from every expectation is an outlier, or the reference stepped, or the oscillator
 * did. It is kept aside; an offset as foretold shows that it was an outlier, and as many surprises
 * in a row as make a line are a new beginning.
 */
#include <math.h>

#include "servo/gate.h"
#include "servo/rows.h"

#define LEAST_POINTS 4
#define MOST_POINTS 64
#define LINES 5 /* of 4, 8, 16, 32 and 64 points */

/* A line's error is its mean absolute error over so many predictions, by exponential forgetting;
 * with fewer than the latter its record does not count. */
#define RECORD_LENGTH 40
#define RECORD_LEAST 10

/* A longer line is preferred unless it is worse by more than this. */
#define AS_GOOD 1.05

/* Farther from the prediction than so many mean errors, and so many ns, is no noise. */
#define SURPRISE 8.0
#define SURPRISE_NS 20.0

/* As in the PI servo: how often an implausible frequency is not believed. */
#define IMPLAUSIBLE_MAX 3

/* A beginning: the points of a first line span so much raw time, or are as many as there can be. */
#define BEGINNING_NS 999000000.0

/* Of fewer points nobody can tell which one is the outlier. */
#define ROBUST_POINTS 8

/* Lines of more points than this take their offset away more slowly, and none does it in less than
 * so many seconds: noise must not become frequency. */
#define PROMPT_POINTS 16
#define PROMPT_S 0.25

struct point {
	double at_ns;     /* raw time from now, <= 0 */
	double offset_ns; /* from the anchor */
	double weight;
};

struct line {
	bool valid;
	double slope;     /* ns per raw ns */
	double offset_ns; /* now, from the anchor */
	double error_ns;  /* of its predictions, mean of the absolute */
	unsigned int predictions;
};

struct linreg {
	struct servo_gate gate;
	double max_ppb;
	double plausible_ppb; /* 0: everything is */
	unsigned int implausible;
	double interval_s;
	struct point points[MOST_POINTS]; /* a ring */
	unsigned int newest;
	unsigned int count;
	unsigned int surprises; /* the newest so many points are kept aside */
	struct line lines[LINES];
	int chosen;             /* -1: no line yet */
	gnomon_span anchor;
	gnomon_time last_local; /* where raw time "now" is */
	double coasted_s;       /* of the time since the last sample, already in the points */
	double learned_ppb;     /* the adjustment that keeps the offset as it is */
	double commanded_ppb;   /* the one in force */
	bool known;             /* what is learned is from elsewhere; there is no line yet */
};

static double clamp(double value, double limit)
{
	if (value > limit) {
		return limit;
	}
	return value < -limit ? -limit : value;
}

static unsigned int points_of(int line)
{
	return (unsigned int)LEAST_POINTS << line;
}

/* -- points ----------------------------------------------------------------------------------- */

/* The back-th from the newest. */
static struct point *point_at(struct linreg *s, unsigned int back)
{
	return &s->points[(s->newest + MOST_POINTS - back) % MOST_POINTS];
}

static void push(struct linreg *s, double offset_ns, double weight)
{
	s->newest = (s->newest + 1) % MOST_POINTS;
	s->points[s->newest] = (struct point){ 0.0, offset_ns, weight };
	if (s->count < MOST_POINTS) {
		s->count++;
	}
}

static void forget_lines(struct linreg *s)
{
	for (int i = 0; i < LINES; i++) {
		s->lines[i] = (struct line){ .valid = false };
	}
	s->chosen = -1;
}

/* Raw time passes under the adjustment in force. */
static void advance(struct linreg *s, double raw_ns)
{
	double gained_ns = raw_ns * s->commanded_ppb * 1e-9;

	for (unsigned int i = 0; i < s->count; i++) {
		struct point *p = point_at(s, i);

		p->at_ns -= raw_ns;
		p->offset_ns += gained_ns;
	}
	for (int i = 0; i < LINES; i++) {
		s->lines[i].offset_ns += gained_ns + s->lines[i].slope * raw_ns;
	}
}

/* False: the clock was set back under us, and nothing learned of its offset holds. */
static bool advance_to(struct linreg *s, gnomon_time local)
{
	double progress = gnomon_span_to_double(gnomon_time_diff(local, s->last_local));

	s->last_local = local;
	s->coasted_s = 0.0;
	if (s->count > 0 && progress <= 0.0) {
		return false;
	}
	if (s->count > 0) {
		advance(s, progress / (1.0 + s->commanded_ppb * 1e-9));
	}
	return true;
}

/* -- lines ------------------------------------------------------------------------------------ */

/* What the lines foretold is held against what came. */
static void judge_lines(struct linreg *s, double offset_ns)
{
	for (int i = 0; i < LINES; i++) {
		struct line *line = &s->lines[i];
		double error = fabs(offset_ns - line->offset_ns);

		if (!line->valid) {
			continue;
		}
		if (line->predictions < RECORD_LENGTH) {
			line->predictions++;
		}
		line->error_ns += (error - line->error_ns) / line->predictions;
	}
}

/* Weighted sums, of points around the newest one so that no digits are lost. */
struct sums {
	double w;
	double x;
	double y;
	double xx;
	double xy;
};

static void sums_add(struct sums *sums, const struct point *p, double y0)
{
	double wx = p->weight * p->at_ns;
	double y = p->offset_ns - y0;

	sums->w += p->weight;
	sums->x += wx;
	sums->y += p->weight * y;
	sums->xx += wx * p->at_ns;
	sums->xy += wx * y;
}

static void draw_line(struct line *line, const struct sums *sums, double y0)
{
	double spread = sums->xx * sums->w - sums->x * sums->x;

	line->valid = spread > 0.0;
	if (line->valid) {
		line->slope = (sums->xy * sums->w - sums->x * sums->y) / spread;
		line->offset_ns = y0 + (sums->y - line->slope * sums->x) / sums->w;
	}
}

static void draw_lines(struct linreg *s)
{
	double y0 = point_at(s, 0)->offset_ns;
	struct sums sums = { 0 };
	unsigned int n = 0;

	for (int i = 0; i < LINES && points_of(i) <= s->count; i++) {
		for (; n < points_of(i); n++) {
			sums_add(&sums, point_at(s, n), y0);
		}
		draw_line(&s->lines[i], &sums, y0);
	}
}

/* Insertion sort is good enough for what happens once in a while. */
static double median(double *values, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		double value = values[i];
		unsigned int k = i;

		for (; k > 0 && values[k - 1] > value; k--) {
			values[k] = values[k - 1];
		}
		values[k] = value;
	}
	return values[count / 2];
}

/* Siegel's repeated median: a slope that half of the points cannot spoil. */
static double robust_slope(struct linreg *s)
{
	double slopes[MOST_POINTS];
	double medians[MOST_POINTS];

	for (unsigned int i = 0; i < s->count; i++) {
		const struct point *a = point_at(s, i);
		unsigned int n = 0;

		for (unsigned int k = 0; k < s->count; k++) {
			const struct point *b = point_at(s, k);

			if (b->at_ns != a->at_ns) {
				slopes[n++] = (b->offset_ns - a->offset_ns) / (b->at_ns - a->at_ns);
			}
		}
		medians[i] = n > 0 ? median(slopes, n) : 0.0;
	}
	return median(medians, s->count);
}

/* Where lines begin, nothing was foretold by which to know an outlier: it is what lies far from a
 * line through the others. */
static void drop_outliers(struct linreg *s)
{
	double slope = robust_slope(s);
	double values[MOST_POINTS];
	double middle;
	double limit;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < s->count; i++) {
		values[i] = point_at(s, i)->offset_ns - slope * point_at(s, i)->at_ns;
	}
	middle = median(values, s->count);
	for (unsigned int i = 0; i < s->count; i++) {
		values[i] = fabs(values[i] - middle);
	}
	limit = SURPRISE * median(values, s->count);
	limit = limit > SURPRISE_NS ? limit : SURPRISE_NS;
	for (unsigned int i = 0; i < s->count; i++) {
		const struct point *p = point_at(s, i);

		if (fabs(p->offset_ns - slope * p->at_ns - middle) <= limit) {
			*point_at(s, kept++) = *p;
		}
	}
	s->count = kept;
}

/* Do the newest so many points make a line one can begin with? */
static bool makes_beginning(struct linreg *s, unsigned int points)
{
	return points == MOST_POINTS ||
	       (points >= LEAST_POINTS && -point_at(s, points - 1)->at_ns >= BEGINNING_NS);
}

/* True if there are points enough for a first line. */
static bool begin(struct linreg *s)
{
	if (!makes_beginning(s, s->count)) {
		return false;
	}
	if (s->count >= ROBUST_POINTS) {
		drop_outliers(s);
	}
	return true;
}

/* The longest line that foretells as well as any shorter one; nothing foretold yet: the longest. */
static void choose_line(struct linreg *s)
{
	double least = HUGE_VAL;
	int longest = -1;

	s->chosen = -1;
	for (int i = 0; i < LINES && s->lines[i].valid; i++) {
		const struct line *line = &s->lines[i];

		longest = i;
		if (line->predictions < RECORD_LEAST) {
			continue;
		}
		if (s->chosen < 0 || line->error_ns <= least * AS_GOOD) {
			s->chosen = i;
		}
		least = line->error_ns < least ? line->error_ns : least;
	}
	s->chosen = s->chosen < 0 ? longest : s->chosen;
}

/* -- samples ---------------------------------------------------------------------------------- */

/* Without a record of its noise a line is only known to have a plausible slope. */
static bool is_surprise(struct linreg *s, double offset_ns)
{
	const struct line *line;
	double error;
	double elapsed_s;

	if (s->chosen < 0) {
		return false;
	}
	line = &s->lines[s->chosen];
	error = fabs(offset_ns - line->offset_ns);
	if (line->predictions >= RECORD_LEAST) {
		return error > SURPRISE_NS && error > SURPRISE * line->error_ns;
	}
	elapsed_s = -point_at(s, 0)->at_ns * 1e-9;
	return s->plausible_ppb > 0.0 &&
	       error > s->plausible_ppb * (elapsed_s > 1.0 ? elapsed_s : 1.0);
}

/* True if there are lines to be drawn. */
static bool take_point(struct linreg *s, double offset_ns, double weight)
{
	if (is_surprise(s, offset_ns)) {
		push(s, offset_ns, weight);
		s->surprises++;
		if (!makes_beginning(s, s->surprises)) {
			return false;
		}
		s->count = s->surprises;
		forget_lines(s);
	} else {
		/* Whatever was kept aside was wrong. */
		s->newest = (s->newest + MOST_POINTS - s->surprises) % MOST_POINTS;
		s->count -= s->surprises;
		judge_lines(s, offset_ns);
		push(s, offset_ns, weight);
	}
	s->surprises = 0;
	return true;
}

/* True if the first line rather shows a step of the reference than this clock's frequency. */
static bool reference_stepped(struct linreg *s)
{
	double needed_ppb = -s->lines[s->chosen].slope * 1e9;

	if (s->plausible_ppb <= 0.0 || s->implausible == IMPLAUSIBLE_MAX ||
	    fabs(needed_ppb - s->commanded_ppb) <= s->plausible_ppb) {
		s->implausible = 0;
		return false;
	}
	s->implausible++;
	s->count = 1;
	forget_lines(s);
	return true;
}

/* The line's slope, and its offset taken away in a few intervals. */
static void steer(struct linreg *s, double offset_ns)
{
	const struct line *line = &s->lines[s->chosen];
	unsigned int points = points_of(s->chosen);
	double within_s = s->interval_s * (points > PROMPT_POINTS ? points / PROMPT_POINTS : 1);

	if (within_s < PROMPT_S) {
		within_s = PROMPT_S;
	}
	s->learned_ppb = clamp(-line->slope * 1e9, s->max_ppb);
	s->commanded_ppb = clamp(-line->slope * 1e9 - offset_ns / within_s, s->max_ppb);
}

static void step_by_offset(struct linreg *s, const struct gnomon_servo_sample *sample)
{
	s->anchor = gnomon_span_sub(s->anchor, sample->offset);
	s->last_local = gnomon_time_sub_span(s->last_local, sample->offset);
}

/* The slope is known though there is no line: the offset alone is to be taken away. */
static enum gnomon_servo_state update_known(struct linreg *s,
					    const struct gnomon_servo_sample *sample)
{
	double offset_ns = gnomon_span_to_double(sample->offset);
	double within_s = s->interval_s < PROMPT_S ? PROMPT_S : s->interval_s;

	if (servo_gate_must_step(&s->gate, sample->offset)) {
		step_by_offset(s, sample);
		s->commanded_ppb = s->learned_ppb;
		return GNOMON_SERVO_JUMP;
	}
	s->commanded_ppb = clamp(s->learned_ppb - offset_ns / within_s, s->max_ppb);
	return GNOMON_SERVO_LOCKED;
}

static enum gnomon_servo_state update(struct linreg *s, const struct gnomon_servo_sample *sample)
{
	const struct line *line = &s->lines[s->chosen];
	gnomon_span offset = gnomon_span_add(s->anchor, gnomon_span_from_double(line->offset_ns));

	if (!servo_gate_must_step(&s->gate, offset)) {
		steer(s, gnomon_span_to_double(offset));
		return GNOMON_SERVO_LOCKED;
	}
	/* The clock is stepped by what was measured; what the line knows better is slewed. */
	step_by_offset(s, sample);
	steer(s, gnomon_span_to_double(gnomon_span_sub(offset, sample->offset)));
	return GNOMON_SERVO_JUMP;
}

static enum gnomon_servo_state run(struct linreg *s, const struct gnomon_servo_sample *sample)
{
	bool fresh = s->chosen < 0;
	double offset_ns;

	if (!advance_to(s, sample->local)) {
		s->count = 0;
		forget_lines(s);
	}
	if (s->count == 0) {
		s->anchor = sample->offset;
		s->surprises = 0;
	}
	offset_ns = gnomon_span_to_double(gnomon_span_sub(sample->offset, s->anchor));
	if (!take_point(s, offset_ns, sample->weight)) {
		s->commanded_ppb = s->learned_ppb;
		return GNOMON_SERVO_LOCKED;
	}
	if (s->chosen < 0 && !begin(s)) {
		return s->known ? update_known(s, sample) : GNOMON_SERVO_UNLOCKED;
	}
	s->known = false;
	draw_lines(s);
	choose_line(s);
	if (s->chosen < 0 || (fresh && reference_stepped(s))) {
		return GNOMON_SERVO_UNLOCKED;
	}
	return update(s, sample);
}

static enum gnomon_servo_state linreg_sample(void *state, const struct gnomon_servo_sample *sample,
					     double *frequency_ppb)
{
	struct linreg *s = state;
	enum gnomon_servo_state next = run(s, sample);

	*frequency_ppb = s->commanded_ppb;
	return servo_gate_settle(&s->gate, next, sample->offset);
}

/* -- life ------------------------------------------------------------------------------------- */

static void linreg_init(void *state, const struct gnomon_servo_config *config)
{
	struct linreg *s = state;

	*s = (struct linreg){ .max_ppb = config->max_frequency_ppb,
			      .plausible_ppb = config->plausible_frequency_ppb,
			      .interval_s = 1.0,
			      .chosen = -1 };
	s->learned_ppb = clamp(config->frequency_ppb, s->max_ppb);
	s->commanded_ppb = s->learned_ppb;
	servo_gate_init(&s->gate, config);
}

/* The points know their time: the interval only says how quickly to correct. */
static void linreg_sync_interval(void *state, double seconds)
{
	struct linreg *s = state;

	s->interval_s = seconds;
}

static void linreg_reset(void *state)
{
	struct linreg *s = state;

	s->count = 0;
	s->surprises = 0;
	s->implausible = 0;
	s->known = false;
	forget_lines(s);
}

/* While an offset is being taken away the clock is wrong on purpose. */
static double linreg_rate_ratio(const void *state)
{
	const struct linreg *s = state;

	if (s->chosen < 0) {
		return 1.0;
	}
	return (1.0 - s->lines[s->chosen].slope) / (1.0 + s->commanded_ppb * 1e-9);
}

static double linreg_needed(const void *state)
{
	const struct linreg *s = state;

	return s->learned_ppb;
}

static void linreg_hold(void *state, double frequency_ppb, double elapsed_s)
{
	struct linreg *s = state;
	double raw_ns = (elapsed_s - s->coasted_s) * 1e9;

	if (s->count > 0 && raw_ns > 0.0) {
		double local_ns = raw_ns * (1.0 + s->commanded_ppb * 1e-9);

		advance(s, raw_ns);
		s->last_local = gnomon_time_add(s->last_local, gnomon_span_from_double(local_ns));
		s->coasted_s = elapsed_s;
	}
	s->commanded_ppb = frequency_ppb;
}

static void linreg_start(void *state, double frequency_ppb)
{
	struct linreg *s = state;

	linreg_reset(s);
	s->known = true;
	s->learned_ppb = clamp(frequency_ppb, s->max_ppb);
	s->commanded_ppb = s->learned_ppb;
}

const struct gnomon_servo_ops linreg_servo = {
	.name = "linreg",
	.summary = "linear regression over as many offsets as foretell the next one best",
	.size = sizeof(struct linreg),
	.init = linreg_init,
	.sample = linreg_sample,
	.sync_interval = linreg_sync_interval,
	.reset = linreg_reset,
	.rate_ratio = linreg_rate_ratio,
	.needed = linreg_needed,
	.hold = linreg_hold,
	.start = linreg_start,
};
