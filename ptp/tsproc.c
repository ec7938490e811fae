/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four timestamps into mean delay and offset (11.2, 11.3, 11.4).
 *
 * Differences are taken between readings of one clock wherever possible (t2 - t3, t4 - t1): these
 * stay short, and exact, even while the two clocks are decades apart.
 */
#include <errno.h>

#include "instance.h"

void tsproc_init(struct tsproc *ts, enum gnomon_tsproc_mode mode,
		 const struct gnomon_filter_ops *filter, void *filter_state, unsigned int length)
{
	ts->mode = mode;
	ts->filter = filter;
	ts->filter_state = filter_state;
	ts->rate_ratio = 1.0;
	if (filter) {
		filter->init(filter_state, length);
	}
}

void tsproc_reset(struct tsproc *ts, bool all)
{
	ts->sync_valid = false;
	ts->exchange_valid = false;
	if (all) {
		ts->delay_valid = false;
		ts->filter_stale = false;
		ts->raw_delay = GNOMON_SPAN_ZERO;
		ts->delay = GNOMON_SPAN_ZERO;
		if (ts->filter) {
			ts->filter->reset(ts->filter_state);
		}
	}
}

void tsproc_set_delay(struct tsproc *ts, gnomon_span delay)
{
	ts->raw_delay = delay;
	ts->delay = delay;
	ts->delay_valid = true;
}

void tsproc_sync(struct tsproc *ts, gnomon_time t1, gnomon_time t2)
{
	ts->t1 = t1;
	ts->t2 = t2;
	ts->sync_valid = true;
}

void tsproc_raw_delay(struct tsproc *ts, gnomon_span raw)
{
	if (ts->filter && ts->filter_stale) {
		ts->filter->reset(ts->filter_state);
	}
	ts->filter_stale = false;
	ts->raw_delay = raw;
	ts->delay = ts->filter ? ts->filter->sample(ts->filter_state, raw) : raw;
	ts->delay_valid = true;
}

/* 11.3.2: [(t2 - t3) + (t4 - t1)] / 2, the local part in the reference's seconds. */
static gnomon_span four_timestamps(const struct tsproc *ts)
{
	gnomon_span local = gnomon_time_diff(ts->t2, ts->t3);

	if (ts->rate_ratio != 1.0) {
		double excess = (ts->rate_ratio - 1.0) * gnomon_span_to_double(local);

		local = gnomon_span_add(local, gnomon_span_from_double(excess));
	}
	return gnomon_span_half(gnomon_span_add(local, gnomon_time_diff(ts->t4, ts->t1)));
}

int tsproc_delay(struct tsproc *ts, gnomon_time t3, gnomon_time t4)
{
	if (!ts->sync_valid) {
		return -EAGAIN;
	}
	ts->t3 = t3;
	ts->t4 = t4;
	ts->exchange_valid = true;
	tsproc_raw_delay(ts, four_timestamps(ts));
	return 0;
}

/* As it is with the last Sync, so that one that was held up is seen by it. */
static gnomon_span newest_raw_delay(const struct tsproc *ts)
{
	return ts->exchange_valid ? four_timestamps(ts) : ts->raw_delay;
}

/* A sample is trusted less the more its raw delay exceeds the filtered one. */
static double sample_weight(const struct tsproc *ts)
{
	double raw = gnomon_span_to_double(newest_raw_delay(ts));
	double weight;

	if (ts->mode != GNOMON_TSPROC_FILTER_WEIGHT && ts->mode != GNOMON_TSPROC_RAW_WEIGHT) {
		return 1.0;
	}
	if (raw <= 0.0) {
		return 1.0;
	}
	weight = gnomon_span_to_double(ts->delay) / raw;
	if (weight < 0.01) {
		return 0.01; /* never nothing: a servo without input does not move */
	}
	return weight > 1.0 ? 1.0 : weight;
}

int tsproc_offset(const struct tsproc *ts, gnomon_span *offset, gnomon_span *delay,
		  double *weight)
{
	bool raw = ts->mode == GNOMON_TSPROC_RAW || ts->mode == GNOMON_TSPROC_RAW_WEIGHT;

	if (!ts->sync_valid || !ts->delay_valid) {
		return -EAGAIN;
	}
	*delay = raw ? newest_raw_delay(ts) : ts->delay;
	*offset = gnomon_span_sub(gnomon_time_diff(ts->t2, ts->t1), *delay);
	*weight = sample_weight(ts);
	return 0;
}
