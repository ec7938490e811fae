/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plots of values over time as one self-contained SVG: stacked panels over a shared time axis, a
 * legend that is also a table of numbers, and named marks. Depends on nothing but libc and libm.
 */
#ifndef SIM_PLOT_H
#define SIM_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Columns of the legend's table, beside the name. */
#define PLOT_COLUMNS_MAX 5
/* Series drawn in a colour of their own, with a row in the legend; the others become a band. */
#define PLOT_SERIES_SHOWN 10

struct plot_series {
	const char *name;
	const double *y; /* NAN: a gap */
	size_t count;
	const char *cells[PLOT_COLUMNS_MAX]; /* of the legend's table; NULL: empty */
};

enum plot_scale {
	PLOT_LINEAR,
	PLOT_LOG_MAGNITUDE, /* |y|, logarithmic */
};

/* One set of axes. All series are drawn in every panel. */
struct plot_panel {
	const char *title;
	enum plot_scale scale;
	double from; /* of the time axis, s */
	double to;
	double limit; /* a dashed line at +-limit; 0: none */
};

/* A named instant. */
struct plot_mark {
	double at;
	const char *name;
};

struct plot {
	const char *title;
	const char *subtitle;
	const char *columns[PLOT_COLUMNS_MAX]; /* heads of the legend's table */
	double x0; /* of every series' first value, s */
	double dx; /* between values, s */
	const struct plot_series *series;
	size_t series_count;
	const struct plot_panel *panels;
	size_t panel_count;
	const struct plot_mark *marks;
	size_t mark_count;
};

/* Values are nanoseconds; axes pick their unit (ps to s). Returns 0 or -EIO, -ENOMEM. */
int plot_write_svg(FILE *out, const struct plot *plot);

/* Nanoseconds in the largest unit that keeps three digits: "12.3 ns", "-1.50 µs". Returns buf. */
char *plot_format_ns(char *buf, size_t cap, double ns);

#endif
