/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The median of the last length values; with an even number of them, the mean of the middle two.
 * Two copies are kept: in order of arrival, to know which value leaves, and sorted, to read the
 * median off. A sample costs two binary searches and two moves of at most length values.
 */
#include <stdint.h>
#include <string.h>

#include "servo/rows.h"

struct moving_median {
	unsigned int length;
	unsigned int count;
	unsigned int next; /* place in arrivals of the oldest value once full */
	gnomon_span values[]; /* length arrivals, then length sorted */
};

static size_t median_size(unsigned int length)
{
	size_t room = SIZE_MAX - sizeof(struct moving_median);

	if (length == 0) {
		length = 1;
	}
	if (length > room / (2 * sizeof(gnomon_span))) {
		return 0;
	}
	return sizeof(struct moving_median) + 2 * (size_t)length * sizeof(gnomon_span);
}

static void median_reset(void *state)
{
	struct moving_median *m = state;

	m->count = 0;
	m->next = 0;
}

static void median_init(void *state, unsigned int length)
{
	struct moving_median *m = state;

	m->length = length ? length : 1;
	median_reset(m);
}

/* How many of the sorted values are less than value. */
static unsigned int rank_of(const gnomon_span *sorted, unsigned int count, gnomon_span value)
{
	unsigned int low = 0;

	while (low < count) {
		unsigned int middle = low + (count - low) / 2;

		if (gnomon_span_cmp(sorted[middle], value) < 0) {
			low = middle + 1;
		} else {
			count = middle;
		}
	}
	return low;
}

static void sorted_remove(struct moving_median *m, gnomon_span value)
{
	gnomon_span *sorted = m->values + m->length;
	unsigned int i = rank_of(sorted, m->count, value);

	m->count--;
	memmove(&sorted[i], &sorted[i + 1], (m->count - i) * sizeof(*sorted));
}

static void sorted_insert(struct moving_median *m, gnomon_span value)
{
	gnomon_span *sorted = m->values + m->length;
	unsigned int i = rank_of(sorted, m->count, value);

	memmove(&sorted[i + 1], &sorted[i], (m->count - i) * sizeof(*sorted));
	sorted[i] = value;
	m->count++;
}

/* (a + b) / 2 without the sum leaving the type. */
static gnomon_span middle_of(gnomon_span a, gnomon_span b)
{
	if ((a.ns < 0) == (b.ns < 0)) {
		return gnomon_span_add(a, gnomon_span_half(gnomon_span_sub(b, a)));
	}
	return gnomon_span_half(gnomon_span_add(a, b));
}

static gnomon_span median_sample(void *state, gnomon_span value)
{
	struct moving_median *m = state;
	const gnomon_span *sorted = m->values + m->length;

	if (m->count == m->length) {
		sorted_remove(m, m->values[m->next]);
	}
	sorted_insert(m, value);
	m->values[m->next] = value;
	m->next = (m->next + 1) % m->length;
	if (m->count % 2) {
		return sorted[m->count / 2];
	}
	return middle_of(sorted[m->count / 2 - 1], sorted[m->count / 2]);
}

const struct gnomon_filter_ops moving_median_filter = {
	.name = "moving_median",
	.summary = "median of the last values; ignores rare outliers",
	.size = median_size,
	.init = median_init,
	.sample = median_sample,
	.reset = median_reset,
};
