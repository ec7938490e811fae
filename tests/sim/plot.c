/* SPDX-License-Identifier: BSD-2-Clause */
#include "plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 1080.0
#define MARGIN_LEFT 92.0
#define MARGIN_RIGHT 28.0
#define HEAD_HEIGHT 76.0
#define PANEL_HEIGHT 250.0
#define PANEL_GAP 74.0
#define ROW_HEIGHT 22.0
#define COLUMN_WIDTH 128.0
#define MARK_ROWS 3u
#define PLOT_WIDTH (WIDTH - MARGIN_LEFT - MARGIN_RIGHT)
#define COLUMNS_MAX ((size_t)PLOT_WIDTH + 2)

static const char *const colours[PLOT_SERIES_SHOWN] = {
	"#2f6db3", "#e07b1a", "#3a9a4c", "#c8373a", "#7d5bb0",
	"#8a5a44", "#d566a8", "#6f7478", "#a8a51f", "#1fa2b5",
};

static const char style[] =
	"text{font-family:'Inter','Helvetica Neue','DejaVu Sans',Arial,sans-serif;fill:#30353b}"
	".t{font-size:20px;font-weight:600}.s{font-size:13px;fill:#697077}"
	".p{font-size:13px;font-weight:600}.a{font-size:11.5px;fill:#5a6168}"
	".l{font-size:12.5px}"
	".h{font-size:11.5px;fill:#697077;paint-order:stroke;stroke:#fff;stroke-width:3px}"
	".g{stroke:#e6e8eb;stroke-width:1}.z{stroke:#a9afb5;stroke-width:1}"
	".f{fill:none;stroke:#c3c8cd;stroke-width:1}"
	".m{stroke:#9aa0a6;stroke-width:1;stroke-dasharray:2 3}"
	".i{stroke:#c8373a;stroke-width:1;stroke-dasharray:6 4;opacity:.65}"
	".c{fill:none;stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}"
	".b{stroke:none;fill:#6f7478;opacity:.28}";

struct unit {
	const char *name;
	double size;
};

/* A panel on the page: the mapping from values to pixels. */
struct frame {
	const struct plot *plot;
	const struct plot_panel *panel;
	double top;
	double low; /* of the value axis: ns, or log10 of ns */
	double high;
};

/* What falls into one column of pixels. */
struct bucket {
	double least;
	double most;
	double first;
	double last;
	size_t count;
};

static void put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		default:
			if ((unsigned char)*text >= 0x20) {
				fputc(*text, out);
			}
		}
	}
}

static void put_label(FILE *out, const char *class, const char *anchor, double x, double y,
		      const char *text)
{
	fprintf(out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, anchor,
		x, y);
	put_text(out, text);
	fputs("</text>\n", out);
}

static void put_line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
	fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		class, x1, y1, x2, y2);
}

static struct unit unit_of(double ns)
{
	static const struct unit units[] = {
		{ "s", 1e9 }, { "ms", 1e6 }, { "\u00b5s", 1e3 }, { "ns", 1.0 }, { "ps", 1e-3 },
	};

	for (size_t i = 0; i + 1 < sizeof(units) / sizeof(units[0]); i++) {
		if (fabs(ns) >= units[i].size * 0.9995) {
			return units[i];
		}
	}
	return units[sizeof(units) / sizeof(units[0]) - 1];
}

char *plot_format_ns(char *buf, size_t cap, double ns)
{
	struct unit unit = unit_of(ns);
	double value = ns / unit.size;
	double size = fabs(value);
	int digits = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;

	if (isnan(ns)) {
		snprintf(buf, cap, "\u2013");
	} else if (ns == 0.0) {
		snprintf(buf, cap, "0");
	} else {
		snprintf(buf, cap, "%.*f %s", digits, value, unit.name);
	}
	return buf;
}

/* The step of 1, 2 or 5 times a power of ten that gives about count intervals. */
static double nice_step(double range, double count)
{
	double raw = range / count;
	double power = pow(10.0, floor(log10(raw)));
	double ratio = raw / power;

	return power * (ratio <= 1.0 ? 1.0 : ratio <= 2.0 ? 2.0 : ratio <= 5.0 ? 5.0 : 10.0);
}

static double x_of(const struct frame *f, double t)
{
	return MARGIN_LEFT + PLOT_WIDTH * (t - f->panel->from) / (f->panel->to - f->panel->from);
}

static double y_of(const struct frame *f, double ns)
{
	double v = ns;

	if (f->panel->scale == PLOT_LOG_MAGNITUDE) {
		v = log10(fmax(fabs(ns), 1e-6));
	}
	v = fmin(fmax(v, f->low), f->high);
	return f->top + PANEL_HEIGHT * (f->high - v) / (f->high - f->low);
}

/* Samples of s inside the panel: [*begin, *end). */
static void visible(const struct frame *f, const struct plot_series *s, size_t *begin, size_t *end)
{
	double first = ceil((f->panel->from - f->plot->x0) / f->plot->dx);
	double last = floor((f->panel->to - f->plot->x0) / f->plot->dx);

	*begin = first > 0.0 ? (size_t)first : 0;
	*end = last < 0.0 ? 0 : (size_t)last + 1;
	if (*end > s->count) {
		*end = s->count;
	}
	if (*begin > *end) {
		*begin = *end;
	}
}

/* Pixels in a column: magnitudes of noise are told apart only by their envelope. */
static double column_width(const struct frame *f)
{
	return f->panel->scale == PLOT_LOG_MAGNITUDE ? 4.0 : 1.0;
}

static void clear_buckets(struct bucket *b)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		b[i] = (struct bucket){ INFINITY, -INFINITY, NAN, NAN, 0 };
	}
}

/* Sort what the panel shows of s into columns. b: COLUMNS_MAX of them. */
static void fill_buckets(const struct frame *f, const struct plot_series *s, struct bucket *b)
{
	size_t begin;
	size_t end;

	clear_buckets(b);
	visible(f, s, &begin, &end);
	for (size_t i = begin; i < end; i++) {
		double x = x_of(f, f->plot->x0 + (double)i * f->plot->dx) - MARGIN_LEFT;
		struct bucket *to = &b[(size_t)(x / column_width(f))];
		double y = s->y[i];

		if (isnan(y)) {
			continue;
		}
		if (f->panel->scale == PLOT_LOG_MAGNITUDE) {
			y = fabs(y);
		}
		to->least = fmin(to->least, y);
		to->most = fmax(to->most, y);
		to->first = to->count == 0 ? y : to->first;
		to->last = y;
		to->count++;
	}
}

static double column_x(const struct frame *f, size_t column)
{
	return fmin(MARGIN_LEFT + ((double)column + 0.5) * column_width(f), WIDTH - MARGIN_RIGHT);
}

static void put_point(FILE *out, const struct frame *f, double x, double ns, bool *pen_down)
{
	fprintf(out, "%c%.1f %.1f", *pen_down ? 'L' : 'M', x, y_of(f, ns));
	*pen_down = true;
}

/*
 * A curve. Where several samples share a column, a linear panel shows their extremes, a
 * logarithmic one the largest: the dips towards zero of a noisy |y| say nothing.
 */
static void put_curve(FILE *out, const struct frame *f, const struct plot_series *s,
		      const char *colour, struct bucket *b)
{
	bool pen_down = false;

	fill_buckets(f, s, b);
	fprintf(out, "<path class=\"c\" stroke=\"%s\" d=\"", colour);
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		double x = column_x(f, i);

		if (b[i].count == 0) {
			continue;
		}
		if (f->panel->scale == PLOT_LOG_MAGNITUDE) {
			put_point(out, f, x, b[i].most, &pen_down);
			continue;
		}
		put_point(out, f, x, b[i].first, &pen_down);
		if (b[i].count > 2) {
			put_point(out, f, x, b[i].least, &pen_down);
			put_point(out, f, x, b[i].most, &pen_down);
		}
		if (b[i].count > 1) {
			put_point(out, f, x, b[i].last, &pen_down);
		}
	}
	fputs("\"/>\n", out);
}

/* The range of all series from first on, as one filled band. Returns 0 or -ENOMEM. */
static int put_band(FILE *out, const struct frame *f, size_t first, struct bucket *b)
{
	struct bucket *all = calloc(COLUMNS_MAX, sizeof(*all));
	bool pen_down = false;

	if (!all) {
		return -ENOMEM;
	}
	clear_buckets(all);
	for (size_t n = first; n < f->plot->series_count; n++) {
		fill_buckets(f, &f->plot->series[n], b);
		for (size_t i = 0; i < COLUMNS_MAX; i++) {
			all[i].least = fmin(all[i].least, b[i].least);
			all[i].most = fmax(all[i].most, b[i].most);
			all[i].count += b[i].count;
		}
	}
	fputs("<path class=\"b\" d=\"", out);
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		if (all[i].count > 0) {
			put_point(out, f, column_x(f, i), all[i].most, &pen_down);
		}
	}
	for (size_t i = COLUMNS_MAX; i-- > 0;) {
		if (all[i].count > 0) {
			put_point(out, f, column_x(f, i), all[i].least, &pen_down);
		}
	}
	fputs("\"/>\n", out);
	free(all);
	return 0;
}

/*
 * The value axis: everything visible of a linear panel; of a logarithmic one whole decades, from
 * a little below what is typical of its second half.
 */
static void fit(struct frame *f)
{
	double least = INFINITY;
	double most = -INFINITY;
	double sum_log = 0.0;
	size_t count = 0;

	for (size_t n = 0; n < f->plot->series_count; n++) {
		size_t begin;
		size_t end;

		visible(f, &f->plot->series[n], &begin, &end);
		for (size_t i = begin; i < end; i++) {
			double y = f->plot->series[n].y[i];

			if (isnan(y)) {
				continue;
			}
			least = fmin(least, y);
			most = fmax(most, y);
			if (2 * i >= begin + end) {
				sum_log += log10(fmax(fabs(y), 1e-3));
				count++;
			}
		}
	}
	if (count == 0) {
		least = -1.0;
		most = 1.0;
	}
	if (f->panel->scale == PLOT_LOG_MAGNITUDE) {
		double typical = count > 0 ? sum_log / (double)count : 0.0;

		f->high = ceil(log10(fmax(fmax(fabs(least), fabs(most)), 1e-2)));
		f->low = fmin(floor(typical - 1.0), f->high - 2.0);
	} else {
		double room = fmax((most - least) * 0.06, 1e-3);

		f->low = fmin(least, 0.0) - room;
		f->high = fmax(most, 0.0) + room;
	}
}

static void put_value_tick(FILE *out, const struct frame *f, double ns, const char *label)
{
	double y = y_of(f, ns);

	put_line(out, ns == 0.0 ? "z" : "g", MARGIN_LEFT, y, WIDTH - MARGIN_RIGHT, y);
	put_label(out, "a", "end", MARGIN_LEFT - 8.0, y + 4.0, label);
}

static void put_value_axis(FILE *out, const struct frame *f)
{
	char label[32];

	if (f->panel->scale == PLOT_LOG_MAGNITUDE) {
		int every = f->high - f->low > 8.0 ? 2 : 1;

		for (int decade = (int)f->low; decade <= (int)f->high; decade += every) {
			struct unit unit = unit_of(pow(10.0, decade));

			snprintf(label, sizeof(label), "%g %s", pow(10.0, decade) / unit.size,
				 unit.name);
			put_value_tick(out, f, pow(10.0, decade), label);
		}
		return;
	}
	double step = nice_step(f->high - f->low, 6.0);
	struct unit unit = unit_of(fmax(fabs(f->low), fabs(f->high)));

	for (double i = ceil(f->low / step); i * step <= f->high; i += 1.0) {
		snprintf(label, sizeof(label), "%g %s", i == 0.0 ? 0.0 : i * step / unit.size,
			 unit.name);
		put_value_tick(out, f, i * step, label);
	}
}

static void put_time_axis(FILE *out, const struct frame *f)
{
	double range = f->panel->to - f->panel->from;
	double unit = range > 36000.0 ? 3600.0 : range > 1200.0 ? 60.0 : 1.0;
	const char *name = range > 36000.0 ? "h" : range > 1200.0 ? "min" : "s";
	double step = nice_step(range / unit, 10.0);
	double bottom = f->top + PANEL_HEIGHT;
	char label[32];

	for (double i = ceil(f->panel->from / unit / step - 1e-9);
	     i * step * unit <= f->panel->to * (1.0 + 1e-12); i += 1.0) {
		double x = x_of(f, i * step * unit);

		put_line(out, "g", x, f->top, x, bottom);
		snprintf(label, sizeof(label), "%g %s", i == 0.0 ? 0.0 : i * step, name);
		put_label(out, "a", "middle", x, bottom + 17.0, label);
	}
}

/* Marks share a few rows above the axes so that neighbours do not overprint. */
static void put_marks(FILE *out, const struct frame *f)
{
	unsigned int row = 0;

	for (size_t i = 0; i < f->plot->mark_count; i++) {
		const struct plot_mark *mark = &f->plot->marks[i];
		double x = x_of(f, mark->at);

		if (mark->at < f->panel->from || mark->at > f->panel->to) {
			continue;
		}
		put_line(out, "m", x, f->top, x, f->top + PANEL_HEIGHT);
		put_label(out, "h", x > WIDTH * 0.75 ? "end" : "start",
			  x > WIDTH * 0.75 ? x - 4.0 : x + 4.0, f->top + 14.0 + 14.0 * row,
			  mark->name);
		row = (row + 1) % MARK_ROWS;
	}
}

static void put_limit(FILE *out, const struct frame *f, double limit)
{
	double v = f->panel->scale == PLOT_LOG_MAGNITUDE ? log10(fabs(limit)) : limit;

	if (v > f->low && v < f->high) {
		put_line(out, "i", MARGIN_LEFT, y_of(f, limit), WIDTH - MARGIN_RIGHT,
			 y_of(f, limit));
	}
}

static int put_panel(FILE *out, const struct plot *plot, size_t index, struct bucket *b)
{
	const struct plot_panel *panel = &plot->panels[index];
	struct frame f = { plot, panel, HEAD_HEIGHT + 26.0 + (double)index *
			   (PANEL_HEIGHT + PANEL_GAP), 0.0, 0.0 };
	size_t shown = plot->series_count <= PLOT_SERIES_SHOWN ? plot->series_count :
		       PLOT_SERIES_SHOWN - 1;
	int err = 0;

	fit(&f);
	put_label(out, "p", "start", MARGIN_LEFT, f.top - 10.0, panel->title);
	put_time_axis(out, &f);
	put_value_axis(out, &f);
	if (panel->limit > 0.0) {
		put_limit(out, &f, panel->limit);
		put_limit(out, &f, -panel->limit);
	}
	if (shown < plot->series_count) {
		err = put_band(out, &f, shown, b);
	}
	for (size_t n = shown; n-- > 0;) {
		put_curve(out, &f, &plot->series[n], colours[n], b);
	}
	put_marks(out, &f);
	fprintf(out, "<rect class=\"f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		MARGIN_LEFT, f.top, PLOT_WIDTH, PANEL_HEIGHT);
	return err;
}

static void put_legend(FILE *out, const struct plot *plot, double top)
{
	size_t shown = plot->series_count <= PLOT_SERIES_SHOWN ? plot->series_count :
		       PLOT_SERIES_SHOWN - 1;
	double right = MARGIN_LEFT + 180.0;
	char others[48];

	for (size_t c = 0; c < PLOT_COLUMNS_MAX && plot->columns[c]; c++) {
		put_label(out, "h", "end", right + COLUMN_WIDTH * (double)(c + 1), top,
			  plot->columns[c]);
	}
	for (size_t n = 0; n < shown; n++) {
		double y = top + ROW_HEIGHT * (double)(n + 1);

		fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"18\" height=\"4\" rx=\"2\" "
			"fill=\"%s\"/>\n", MARGIN_LEFT, y - 6.5, colours[n]);
		put_label(out, "l", "start", MARGIN_LEFT + 28.0, y, plot->series[n].name);
		for (size_t c = 0; c < PLOT_COLUMNS_MAX && plot->columns[c]; c++) {
			const char *cell = plot->series[n].cells[c];

			put_label(out, "l", "end", right + COLUMN_WIDTH * (double)(c + 1), y,
				  cell ? cell : "");
		}
	}
	if (shown < plot->series_count) {
		double y = top + ROW_HEIGHT * (double)(shown + 1);

		fprintf(out, "<rect class=\"b\" x=\"%.1f\" y=\"%.1f\" width=\"18\" height=\"10\"/>"
			"\n", MARGIN_LEFT, y - 9.5);
		snprintf(others, sizeof(others), "%zu others", plot->series_count - shown);
		put_label(out, "l", "start", MARGIN_LEFT + 28.0, y, others);
	}
}

int plot_write_svg(FILE *out, const struct plot *plot)
{
	size_t rows = plot->series_count < PLOT_SERIES_SHOWN ? plot->series_count :
		      PLOT_SERIES_SHOWN;
	double legend = HEAD_HEIGHT + 26.0 + (double)plot->panel_count * (PANEL_HEIGHT + PANEL_GAP);
	double height = legend + ROW_HEIGHT * (double)rows + 24.0;
	struct bucket *b = calloc(COLUMNS_MAX, sizeof(*b));
	int err = 0;

	if (!b) {
		return -ENOMEM;
	}
	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\">\n<style>%s</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, height, WIDTH, height, style);
	put_label(out, "t", "start", MARGIN_LEFT, 38.0, plot->title);
	put_label(out, "s", "start", MARGIN_LEFT, 60.0, plot->subtitle);
	for (size_t i = 0; i < plot->panel_count && err == 0; i++) {
		err = put_panel(out, plot, i, b);
	}
	put_legend(out, plot, legend);
	fputs("</svg>\n", out);
	free(b);
	return err != 0 ? err : ferror(out) ? -EIO : 0;
}
