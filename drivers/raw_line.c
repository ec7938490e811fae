/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/raw_line.h"

#include <errno.h>
#include <math.h>

/* Brackets are kept that far apart, in ns; in between, the tightest one. */
#define KEEP_NS 1000000000

/* A multiplier is believed when the slope is known to that fraction of one unit of it. */
#define EXACT_UNITS (1.0 / 64)

/* The kernel's multiplier may be adjusted by so much without overflow, and it looks that far. */
#define MAX_ADJUST 1.11
#define KERNEL_RANGE_S 600

/* A double holds a slope to this; intervals are never narrower. */
#define ROUNDING 4e-16

/* floor() and round() would load libm for the daemon: this is enough below 2^63. */
static double whole_below(double x)
{
	const double cut = (double)(int64_t)x;

	return cut > x ? cut - 1 : cut;
}

static double nearest(double x)
{
	return whole_below(x + 0.5);
}

unsigned int raw_line_shift(double hz)
{
	const double range = whole_below(KERNEL_RANGE_S * hz / 4294967296.0);
	int bits = 32;
	int shift = 32;

	for (double left = range; left >= 1; left = whole_below(left / 2)) {
		bits--;
	}
	while (shift > 1 && (nearest(ldexp(1e9 / hz, shift)) >= ldexp(1, bits) ||
			     ldexp(1e9 / hz, shift) * MAX_ADJUST >= 4294967296.0)) {
		shift--;
	}
	return (unsigned int)shift;
}

void raw_line_forget(struct raw_line *line)
{
	line->low = line->start_low;
	line->high = line->start_high;
	line->exact = false;
	line->odd = false;
	line->count = 0;
	line->next = 0;
}

void raw_line_init(struct raw_line *line, double hz, double tolerance_ppb)
{
	*line = (struct raw_line){
		.start_low = 1e9 / hz * (1 - tolerance_ppb * 1e-9),
		.start_high = 1e9 / hz * (1 + tolerance_ppb * 1e-9),
		.shift = raw_line_shift(hz),
	};
	raw_line_forget(line);
}

/* Ticks from a to b, of either sign. */
static double ticks(uint64_t a, uint64_t b)
{
	return (double)(int64_t)(b - a);
}

/* What the raw clock reads at counter, by one bracket, as ns after origin. */
static void bounds_at(const struct raw_line *line, const struct raw_bracket *b, int64_t origin,
		      uint64_t counter, double *low, double *high)
{
	const double raw = (double)(b->raw - origin);
	const double least = ticks(b->after, counter);
	const double most = ticks(b->before, counter);

	*low = raw + least * (least >= 0 ? line->low : line->high);
	*high = raw + 1 + most * (most >= 0 ? line->high : line->low);
}

/* The same by all that is kept, with the newest bracket's reading as origin. False: they do not go
 * together. */
static bool bounds(const struct raw_line *line, uint64_t counter, double *low, double *high)
{
	bounds_at(line, &line->newest, line->newest.raw, counter, low, high);
	for (unsigned int i = 0; i < line->count; i++) {
		double l;
		double h;

		bounds_at(line, &line->kept[i], line->newest.raw, counter, &l, &h);
		*low = l > *low ? l : *low;
		*high = h < *high ? h : *high;
	}
	return *low <= *high;
}

/* Look for the one multiplier. */
static void snap(struct raw_line *line)
{
	const double low = ldexp(line->low, (int)line->shift);
	const double high = ldexp(line->high, (int)line->shift);
	const double whole = nearest((low + high) / 2);

	if (line->exact || line->odd || high - low > EXACT_UNITS) {
		return;
	}
	if (whole < low || whole > high) {
		line->odd = true;
		return;
	}
	line->exact = true;
	line->multiplier = (uint32_t)whole;
	line->low = ldexp(whole, -(int)line->shift);
	line->high = line->low;
}

/* The slope from the first bracket to this one. False: it cannot be. */
static bool narrow(struct raw_line *line, const struct raw_bracket *b)
{
	const double ns = (double)(b->raw - line->first.raw);
	const double most = ticks(line->first.before, b->after);
	const double least = ticks(line->first.after, b->before);
	double low;
	double high;

	if (least <= 0) {
		return most > 0;
	}
	low = (ns - 1) / most * (1 - ROUNDING);
	high = (ns + 1) / least * (1 + ROUNDING);
	if (high < line->low || low > line->high) {
		return false;
	}
	if (!line->exact) {
		line->low = low > line->low ? low : line->low;
		line->high = high < line->high ? high : line->high;
		snap(line);
	}
	return true;
}

static bool tighter(const struct raw_bracket *a, const struct raw_bracket *b)
{
	return a->after - a->before < b->after - b->before;
}

static void keep(struct raw_line *line, const struct raw_bracket *b)
{
	const unsigned int last = (line->next + RAW_LINE_KEPT - 1) % RAW_LINE_KEPT;

	if (line->count > 0 && b->raw - line->kept[last].raw < KEEP_NS) {
		if (tighter(b, &line->kept[last])) {
			line->kept[last] = *b;
		}
		return;
	}
	line->kept[line->next] = *b;
	line->next = (line->next + 1) % RAW_LINE_KEPT;
	line->count += line->count < RAW_LINE_KEPT;
}

static bool fits(struct raw_line *line, const struct raw_bracket *b)
{
	double low;
	double high;

	if (!narrow(line, b)) {
		return false;
	}
	line->newest = *b;
	return bounds(line, b->after, &low, &high);
}

bool raw_line_add(struct raw_line *line, const struct raw_bracket *b)
{
	bool good = true;

	if (line->count > 0 && !fits(line, b)) {
		raw_line_forget(line);
		line->refits++;
		good = false;
	}
	if (line->count == 0 || (b->raw - line->first.raw < KEEP_NS && tighter(b, &line->first))) {
		line->first = *b;
	}
	line->newest = *b;
	keep(line, b);
	return good;
}

int raw_line_counter(const struct raw_line *line, int64_t raw, double fraction, uint64_t *counter,
		     double *half_ns)
{
	const double ns = (double)(raw - line->newest.raw) + fraction;
	double distance;
	double low;
	double high;
	double left;

	if (line->count == 0) {
		return -ENODATA;
	}
	/* From the newest bracket to about there, and then exactly from near by. */
	distance = whole_below(ns * 2 / (line->low + line->high));
	*counter = line->newest.before + (uint64_t)(int64_t)distance;
	if (!bounds(line, *counter, &low, &high)) {
		bounds_at(line, &line->newest, line->newest.raw, *counter, &low, &high);
	}
	left = ns - (low + high) / 2;
	distance = nearest(left * 2 / (line->low + line->high));
	*counter += (uint64_t)(int64_t)distance;
	*half_ns = (high - low) / 2 + fabs(distance) * (line->high - line->low) / 2 +
		   (line->high + line->low) / 4;
	return 0;
}
