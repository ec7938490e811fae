/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mean of the last length values, rounded down to 2^-16 ns. The running sum is exact for any
 * values: it is kept in three limbs, because a sum of 80-bit spans fits no integer type. Nothing
 * accumulates, so the millionth result is as good as the first.
 */
#include <stdint.h>

#include "servo/rows.h"

/* Up to this many values no limb overflows, nor does the long division below. */
#define LENGTH_MAX (1u << 30)

/* A span is high * 2^40 + middle * 2^8 + low * 2^-16 ns. */
struct limbs {
	int64_t high;    /* 24 bits of one span */
	uint64_t middle; /* 32 */
	uint64_t low;    /* 24 */
};

struct moving_average {
	unsigned int length;
	unsigned int count;
	unsigned int next; /* place of the oldest value once full */
	struct limbs sum;
	gnomon_span values[];
};

/* floor(a / b) for b > 0: C rounds towards zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct limbs split(gnomon_span s)
{
	struct limbs l;

	l.high = floor_div(s.ns, (int64_t)1 << 40);
	l.middle = ((uint64_t)s.ns >> 8) & 0xffffffffu;
	l.low = ((uint64_t)s.ns & 0xff) << 16 | s.frac;
	return l;
}

/* Long division, limb by limb. */
static gnomon_span divide(struct limbs sum, unsigned int count)
{
	int64_t q0 = floor_div(sum.high, count);
	uint64_t rest = (uint64_t)(sum.high - q0 * count);
	uint64_t q1;
	uint64_t q2;
	gnomon_span r;

	rest = (rest << 32) + sum.middle;
	q1 = rest / count;
	rest = ((rest % count) << 24) + sum.low;
	q2 = rest / count;
	r.ns = q0 * ((int64_t)1 << 40) + (int64_t)(q1 * 256 + (q2 >> 16));
	r.frac = (uint16_t)(q2 & 0xffff);
	return r;
}

static size_t average_size(unsigned int length)
{
	size_t room = SIZE_MAX - sizeof(struct moving_average);

	if (length == 0) {
		length = 1;
	}
	if (length > LENGTH_MAX || length > room / sizeof(gnomon_span)) {
		return 0;
	}
	return sizeof(struct moving_average) + (size_t)length * sizeof(gnomon_span);
}

static void average_reset(void *state)
{
	struct moving_average *m = state;

	m->count = 0;
	m->next = 0;
	m->sum = (struct limbs){ 0, 0, 0 };
}

static void average_init(void *state, unsigned int length)
{
	struct moving_average *m = state;

	m->length = length ? length : 1;
	average_reset(m);
}

static gnomon_span average_sample(void *state, gnomon_span value)
{
	struct moving_average *m = state;
	struct limbs in = split(value);
	struct limbs out = { 0, 0, 0 };

	if (m->count == m->length) {
		out = split(m->values[m->next]);
	} else {
		m->count++;
	}
	m->sum.high += in.high - out.high;
	m->sum.middle += in.middle - out.middle;
	m->sum.low += in.low - out.low;
	m->values[m->next] = value;
	m->next = (m->next + 1) % m->length;
	return divide(m->sum, m->count);
}

const struct gnomon_filter_ops moving_average_filter = {
	.name = "moving_average",
	.summary = "mean of the last values; smoother, but follows outliers",
	.size = average_size,
	.init = average_init,
	.sample = average_sample,
	.reset = average_reset,
};
