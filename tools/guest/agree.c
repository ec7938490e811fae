/* SPDX-License-Identifier: BSD-2-Clause */
#include "agree.h"

#include <math.h>
#include <string.h>

void agree_init(struct agree *agree)
{
	memset(agree, 0, sizeof(*agree));
}

/* The kept clock is o_a ahead of a and o_b ahead of b, so a is o_b - o_a ahead of b. */
bool agree_contradict(const struct agree_opinion *a, const struct agree_opinion *b,
		      struct agree_change *change)
{
	change->difference_ns = gnomon_span_to_double(gnomon_span_sub(b->offset, a->offset));
	change->allowed_ns = a->error_ns + b->error_ns;
	change->conflict = a->speaks && b->speaks &&
			   fabs(change->difference_ns) > change->allowed_ns;
	return change->conflict;
}

/* Returns whether the pair's state has changed. */
static bool take_pair(struct agree *agree, size_t i, size_t j, const struct agree_opinion *a,
		      const struct agree_opinion *b, struct agree_change *change)
{
	uint8_t *against = &agree->against[i][j];
	bool *conflict = &agree->conflict[i][j];

	if (!a->speaks || !b->speaks) {
		/* Silence clears nothing: who was caught lying and fell silent is no better. */
		*against = *conflict ? *against : 0;
		return false;
	}
	if (agree_contradict(a, b, change)) {
		*against = *against < AGREE_PATIENCE ? *against + 1 : AGREE_PATIENCE;
	} else {
		*against = *against > 0 ? *against - 1 : 0;
	}
	change->a = i;
	change->b = j;
	if (*against == AGREE_PATIENCE && !*conflict) {
		*conflict = true;
	} else if (*against == 0 && *conflict) {
		*conflict = false;
	} else {
		return false;
	}
	change->conflict = *conflict;
	return true;
}

size_t agree_take(struct agree *agree, const struct agree_opinion *opinions, size_t count,
		  struct agree_change *changes, size_t max)
{
	size_t stored = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count && stored < max; j++) {
			stored += take_pair(agree, i, j, &opinions[i], &opinions[j],
					    &changes[stored]);
		}
	}
	return stored;
}

void agree_forget(struct agree *agree, size_t index)
{
	for (size_t i = 0; i < AGREE_MAX; i++) {
		agree->against[i][index] = agree->against[index][i] = 0;
		agree->conflict[i][index] = agree->conflict[index][i] = false;
	}
}

unsigned int agree_conflicts(const struct agree *agree, size_t index)
{
	unsigned int n = 0;

	for (size_t i = 0; i < AGREE_MAX; i++) {
		n += agree->conflict[i][index] + agree->conflict[index][i];
	}
	return n;
}

unsigned int agree_total(const struct agree *agree)
{
	unsigned int n = 0;

	for (size_t i = 0; i < AGREE_MAX; i++) {
		n += agree_conflicts(agree, i);
	}
	return n / 2;
}
