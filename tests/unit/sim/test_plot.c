/* SPDX-License-Identifier: BSD-2-Clause */
/* Plots: values land where they belong, nothing breaks the markup, gaps and crowds are fine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/plot.h"

#define POINTS 5000

static double y[POINTS];

/* The whole SVG as a string to be freed. */
static char *draw(const struct plot *plot)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(plot_write_svg(out, plot), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what)) {
		n++;
	}
	return n;
}

static void assert_formatted(double ns, const char *expected)
{
	char text[40];

	assert_string_equal(plot_format_ns(text, sizeof(text), ns), expected);
}

static void numbers(void **state)
{
	assert_formatted(0.0, "0");
	assert_formatted(97.93, "97.9 ns");
	assert_formatted(999.9, "1.00 \u00b5s");
	assert_formatted(-1500.0, "-1.50 \u00b5s");
	assert_formatted(0.0123, "12.3 ps");
	assert_formatted(123456789.0, "123 ms");
	assert_formatted(36e9, "36.0 s");
	assert_formatted((double)NAN, "\u2013");
}

static const struct plot_panel linear = { "error", PLOT_LINEAR, 0.0, POINTS, 0.0 };

/* A maximum in the middle touches neither end of the axes; one column is one pixel. */
static void curve(void **state)
{
	struct plot_series series = { .name = "a<b&c", .y = y, .count = POINTS };
	struct plot plot = { .title = "t", .subtitle = "s", .dx = 1.0, .series = &series,
			     .series_count = 1, .panels = &linear, .panel_count = 1 };
	char *text;

	for (int i = 0; i < POINTS; i++) {
		y[i] = i == POINTS / 2 ? 100.0 : 0.0;
	}
	text = draw(&plot);
	assert_non_null(strstr(text, "a&lt;b&amp;c"));
	assert_null(strstr(text, "a<b"));
	assert_int_equal(occurrences(text, "<path class=\"c\""), 1);
	/* 6 % of room above 100 in a panel 250 high that begins at 102. */
	assert_non_null(strstr(text, " 115.4L"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	free(text);
}

static void gaps(void **state)
{
	struct plot_series series = { .name = "none", .y = y, .count = POINTS };
	struct plot_panel panels[] = {
		linear, { "log", PLOT_LOG_MAGNITUDE, 0.0, POINTS, 50.0 },
	};
	struct plot plot = { .title = "t", .subtitle = "s", .dx = 1.0, .series = &series,
			     .series_count = 1, .panels = panels, .panel_count = 2 };
	char *text;

	for (int i = 0; i < POINTS; i++) {
		y[i] = (double)NAN;
	}
	text = draw(&plot);
	assert_null(strstr(text, "nan"));
	free(text);
	y[17] = -3e8;
	text = draw(&plot);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	free(text);
}

/* Twelve series: nine curves and one band of the other three, in each panel. */
static void crowd(void **state)
{
	struct plot_series series[12];
	struct plot_panel panels[] = {
		linear, { "log", PLOT_LOG_MAGNITUDE, 0.0, POINTS, 0.0 },
	};
	const struct plot_mark marks[] = { { 100.0, "here" }, { 9000.0, "outside" } };
	struct plot plot = { .title = "t", .subtitle = "s", .dx = 1.0, .series = series,
			     .series_count = 12, .panels = panels, .panel_count = 2,
			     .marks = marks, .mark_count = 2 };
	char *text;

	for (int i = 0; i < POINTS; i++) {
		y[i] = sin(i * 0.01);
	}
	for (int i = 0; i < 12; i++) {
		series[i] = (struct plot_series){ .name = "n", .y = y, .count = POINTS };
	}
	text = draw(&plot);
	assert_int_equal(occurrences(text, "<path class=\"c\""), 18);
	assert_int_equal(occurrences(text, "<path class=\"b\""), 2);
	assert_int_equal(occurrences(text, "3 others"), 1);
	assert_int_equal(occurrences(text, ">here<"), 2);
	assert_int_equal(occurrences(text, ">outside<"), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/plot/numbers", numbers, NULL, NULL, NULL },
		{ "/sim/plot/curve", curve, NULL, NULL, NULL },
		{ "/sim/plot/gaps", gaps, NULL, NULL, NULL },
		{ "/sim/plot/crowd", crowd, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
