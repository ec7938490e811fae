/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Learning an oscillator: averages of the adjustment it needed, in bins whose width doubles when
 * memory is full; how much neighbouring averages differ, at lags that double, says how much it
 * will change over such a time. The reasoning is in docs/SERVO.md.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <gnomon/holdover.h>

/* Fewer differences than this at a lag do not speak for it. */
#define DIFFERENCES_MIN 8

/* From the spread of n differences to their worst case: that of a Gaussian at one in 10^5 looks,
 * widened for few samples as Student's distribution is. */
#define WORST_CASE 4.5
#define SMALL_SAMPLE 12.0

/* A trend is believed if it is so many times its standard error: one in a hundred is chance. */
#define TREND_ERRORS 3.5

/* Differences of averages are smaller than the change of the frequency itself over the same lag:
 * by 2/3 in the variance for a random walk. */
#define AVERAGING 1.23

static bool in_range(double value, double most)
{
	return value >= 0.0 && value <= most; /* false for NaN */
}

void gnomon_holdover_config_default(struct gnomon_holdover_config *config)
{
	*config = (struct gnomon_holdover_config){
		.size = sizeof(*config),
		.bin_s = 8.0,
		.memory_s = 86400.0,
		.least_drift_ppb_per_s = 0.003,
	};
}

int gnomon_holdover_init(struct gnomon_holdover *h, const struct gnomon_holdover_config *config,
			 gnomon_mono now)
{
	struct gnomon_holdover_config c;

	gnomon_holdover_config_default(&c);
	if (config) {
		c = *config;
	}
	if (c.size != sizeof(c) || !in_range(c.bin_s, 1e6) || c.bin_s <= 0.0 ||
	    !in_range(c.memory_s, 1e9) || c.memory_s < c.bin_s * GNOMON_HOLDOVER_BINS ||
	    !in_range(c.least_drift_ppb_per_s, 1e6) || !in_range(c.most_drift_ppb_per_s, 1e6)) {
		return -EINVAL;
	}
	memset(h, 0, sizeof(*h));
	h->config = c;
	h->width_s = c.bin_s;
	h->at = now;
	return 0;
}

/* -- bins ------------------------------------------------------------------------------------- */

static double mean_of_two(double a, double b)
{
	if (isnan(a)) {
		return b;
	}
	return isnan(b) ? a : (a + b) / 2.0;
}

/* Twice as wide, half as many; or, if memory would reach too far back, forget the oldest. */
static void make_room(struct gnomon_holdover *h)
{
	double *bin = h->needed_ppb;

	if (h->width_s * 2.0 * GNOMON_HOLDOVER_BINS > h->config.memory_s) {
		h->count--;
		memmove(bin, bin + 1, h->count * sizeof(bin[0]));
		return;
	}
	h->count /= 2;
	for (unsigned int i = 0; i < h->count; i++) {
		bin[i] = mean_of_two(bin[2 * i], bin[2 * i + 1]);
	}
	h->width_s *= 2.0;
}

static void put_bin(struct gnomon_holdover *h, double needed_ppb)
{
	if (h->count == GNOMON_HOLDOVER_BINS) {
		make_room(h);
	}
	h->needed_ppb[h->count++] = needed_ppb;
}

static void start_bin(struct gnomon_holdover *h, double offset_ns, gnomon_mono now)
{
	h->filling = true;
	h->bin_from = now;
	h->offset_ns = offset_ns;
	h->applied = 0.0;
}

static double seconds_between(gnomon_mono from, gnomon_mono to)
{
	return ((double)to.ns - (double)from.ns) * 1e-9;
}

void gnomon_holdover_gap(struct gnomon_holdover *h)
{
	h->filling = false;
}

/* Bins that nobody filled, from the last estimate to this one. Nothing is missing before the
 * first bin. */
static void skip_time(struct gnomon_holdover *h, gnomon_mono now)
{
	double missing = seconds_between(h->at, now) / h->width_s;

	if (h->count > 0 && missing >= GNOMON_HOLDOVER_BINS) {
		h->count = 0; /* all of it is too old to be compared with */
	}
	for (; h->count > 0 && missing >= 1.0; missing -= 1.0) {
		put_bin(h, (double)NAN);
	}
}

/* The clock gained change while the adjustment was in force: it needed that much less. */
static void finish_bin(struct gnomon_holdover *h, double offset_ns, gnomon_mono now)
{
	double seconds = seconds_between(h->bin_from, now);

	if (seconds < h->width_s) {
		return;
	}
	put_bin(h, (h->applied - (offset_ns - h->offset_ns)) / seconds);
	start_bin(h, offset_ns, now);
}

void gnomon_holdover_learn(struct gnomon_holdover *h, const struct gnomon_estimate *estimate,
			   gnomon_mono now)
{
	bool locked = estimate->valid && (estimate->state == GNOMON_SERVO_LOCKED ||
					  estimate->state == GNOMON_SERVO_LOCKED_STABLE);

	if (!locked || gnomon_mono_before(now, h->at)) {
		h->filling = false;
		return;
	}
	if (h->filling) {
		h->applied += h->frequency_ppb * seconds_between(h->at, now);
		finish_bin(h, estimate->offset_ns, now);
	} else {
		skip_time(h, now);
		start_bin(h, estimate->offset_ns, now);
	}
	h->frequency_ppb = estimate->frequency_ppb;
	h->at = now;
}

/* -- what the bins say ------------------------------------------------------------------------ */

/* Differences between neighbouring averages of m bins each, counted back from the newest. */
struct spread {
	unsigned int n;
	double mean;
	double deviation; /* about the mean; with mean forced to 0, about 0 */
};

/* The mean of m bins that end before the end-th; NAN if most of them are missing. */
static double mean_of_bins(const struct gnomon_holdover *h, unsigned int end, unsigned int m)
{
	double sum = 0.0;
	unsigned int n = 0;

	for (unsigned int i = end - m; i < end; i++) {
		if (!isnan(h->needed_ppb[i])) {
			sum += h->needed_ppb[i];
			n++;
		}
	}
	return 2 * n > m ? sum / n : (double)NAN;
}

static struct spread differences(const struct gnomon_holdover *h, unsigned int m)
{
	double newer = mean_of_bins(h, h->count, m);
	struct gnomon_stats s;

	gnomon_stats_reset(&s);
	for (unsigned int end = h->count - m; end >= m; end -= m) {
		double older = mean_of_bins(h, end, m);

		if (!isnan(newer) && !isnan(older)) {
			gnomon_stats_add(&s, newer - older);
		}
		newer = older;
	}
	return (struct spread){ s.count, s.mean, gnomon_stats_stddev(&s) };
}

static double worst_case(const struct spread *s)
{
	return WORST_CASE * (1.0 + SMALL_SAMPLE / s->n) * s->deviation;
}

/* The longest lag that enough differences speak for, in bins; 0: none. */
static unsigned int longest_lag(const struct gnomon_holdover *h, unsigned int first)
{
	unsigned int longest = 0;

	for (unsigned int m = first; m <= h->count / DIFFERENCES_MIN; m *= 2) {
		if (differences(h, m).n < DIFFERENCES_MIN) {
			break;
		}
		longest = m;
	}
	return longest;
}

/* The number of bins whose average is the best prediction of the next such average: short ones are
 * noisy measurements, long ones are out of date. */
static unsigned int best_average(const struct gnomon_holdover *h, unsigned int longest)
{
	unsigned int best = 1;
	double least = worst_case(&(struct spread){ 1, 0.0, 1e300 });

	for (unsigned int m = 1; m <= longest; m *= 2) {
		struct spread s = differences(h, m);
		double worst = worst_case(&s);

		if (worst < least) {
			least = worst;
			best = m;
		}
	}
	return best;
}

/* A random walk has increments that do not depend on each other, so their mean tells honestly
 * whether there is more than chance in them. */
static void find_trend(const struct gnomon_holdover *h, unsigned int m,
		       struct gnomon_holdover_model *model)
{
	struct spread s = differences(h, m);
	double lag_s = m * h->width_s;
	double error = TREND_ERRORS * s.deviation / sqrt((double)s.n);

	if (fabs(s.mean) > error) {
		model->drift_ppb_per_s = s.mean / lag_s;
		model->drift_error_ppb_per_s = error / lag_s;
	} else {
		/* What may be there and was not seen: no more than this. */
		model->drift_error_ppb_per_s = (fabs(s.mean) + error) / lag_s;
	}
}

int gnomon_holdover_model(const struct gnomon_holdover *h, struct gnomon_holdover_model *model)
{
	unsigned int longest = longest_lag(h, 1);
	unsigned int m = longest ? best_average(h, longest) : 0;
	struct gnomon_holdover_model out = {
		.lag_s = m * h->width_s,
		.span_s = h->count * h->width_s,
		.least_drift_ppb_per_s = h->config.least_drift_ppb_per_s,
		.most_drift_ppb_per_s = h->config.most_drift_ppb_per_s,
	};
	double rising = 0.0;
	double newest = m ? mean_of_bins(h, h->count, m) : (double)NAN;

	if (isnan(newest)) {
		return -ENODATA;
	}
	find_trend(h, longest, &out);
	for (unsigned int lag = m; lag <= longest && out.lags < GNOMON_HOLDOVER_LAGS; lag *= 2) {
		struct spread s = differences(h, lag);
		double worst = AVERAGING * worst_case(&s);

		rising = worst > rising ? worst : rising;
		out.wander_ppb[out.lags++] = rising;
	}
	/* The average is as old as its middle. */
	out.frequency_ppb = newest + out.drift_ppb_per_s * out.lag_s / 2.0;
	out.frequency_error_ppb = out.wander_ppb[0];
	*model = out;
	return 0;
}

/* -- what may be claimed ---------------------------------------------------------------------- */

bool gnomon_holdover_model_ok(const struct gnomon_holdover_model *m)
{
	double before = 0.0;

	if (!(fabs(m->frequency_ppb) < 1e9) || !in_range(m->frequency_error_ppb, 1e9) ||
	    !(fabs(m->drift_ppb_per_s) < 1e6) || !in_range(m->drift_error_ppb_per_s, 1e6) ||
	    !in_range(m->lag_s, 1e9) || m->lag_s <= 0.0 || m->lags < 1 ||
	    m->lags > GNOMON_HOLDOVER_LAGS || !in_range(m->span_s, 1e12) ||
	    !in_range(m->least_drift_ppb_per_s, 1e6) ||
	    !in_range(m->most_drift_ppb_per_s, 1e6)) {
		return false;
	}
	for (unsigned int i = 0; i < m->lags; i++) {
		if (!in_range(m->wander_ppb[i], 1e9) || m->wander_ppb[i] < before) {
			return false;
		}
		before = m->wander_ppb[i];
	}
	return true;
}

double gnomon_holdover_frequency(const struct gnomon_holdover_model *m, double elapsed_s)
{
	return m->frequency_ppb + m->drift_ppb_per_s * elapsed_s;
}

/*
 * How far the frequency may have wandered after so long: as over the next longer lag that is known;
 * beyond the longest one as a random walk goes on. What grows faster, a drift that has just begun,
 * is in the drift terms.
 */
static double wander_after(const struct gnomon_holdover_model *m, double elapsed_s)
{
	double lag_s = m->lag_s;
	unsigned int i = 0;

	while (i + 1 < m->lags && lag_s < elapsed_s) {
		lag_s *= 2.0;
		i++;
	}
	return m->wander_ppb[i] * (elapsed_s > lag_s ? sqrt(elapsed_s / lag_s) : 1.0);
}

double gnomon_holdover_frequency_error(const struct gnomon_holdover_model *m, double elapsed_s)
{
	double learnt = m->frequency_error_ppb + wander_after(m, elapsed_s) +
			(m->drift_error_ppb_per_s + m->least_drift_ppb_per_s) * elapsed_s;
	double promised = m->frequency_error_ppb + m->most_drift_ppb_per_s * elapsed_s;

	return m->most_drift_ppb_per_s > 0.0 && promised < learnt ? promised : learnt;
}

/* Piece by piece, each twice as long as the last and taken at its end, where the error is largest:
 * the sum is never less than the integral, and a third more than that of a straight line. */
double gnomon_holdover_growth(const struct gnomon_holdover_model *m, double elapsed_s)
{
	double sum = 0.0;
	double from = 0.0;
	double to = m->lag_s;

	while (from < elapsed_s && isfinite(elapsed_s)) {
		double end = to < elapsed_s ? to : elapsed_s;

		sum += gnomon_holdover_frequency_error(m, end) * (end - from); /* ppb * s = ns */
		from = end;
		to *= 2.0;
	}
	return sum;
}

void gnomon_holdover_model_age(struct gnomon_holdover_model *m, double age_s)
{
	double error = gnomon_holdover_frequency_error(m, age_s);

	m->frequency_ppb = gnomon_holdover_frequency(m, age_s);
	m->frequency_error_ppb = error;
}
