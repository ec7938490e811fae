/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"

#define CTE_WINDOW_S 1000.0
/* Groups larger than this are summed up in two rows. */
#define GROUP_ROWS 8u

static const double taus[REPORT_TAUS] = { 1.0, 10.0, 100.0, 1000.0 };

void report_node(struct node_report *r, const struct world *w, const struct sim_node *n)
{
	size_t begin = world_tick_at(w, w->scenario->settle_s);
	const double *x = n->te + begin;
	size_t count = w->ticks - begin;
	double tick_s = (double)w->tick_ps / (double)SIM_PS_PER_S;
	size_t window = (size_t)(CTE_WINDOW_S / tick_s);
	size_t inside;

	te_stats(x, count, &r->te);
	r->constant = te_constant(x, count, window < count ? window : count);
	for (unsigned int i = 0; i < REPORT_TAUS; i++) {
		size_t m = (size_t)(taus[i] / tick_s + 0.5);

		r->tdev[i] = te_tdev(x, count, m);
		r->mtie[i] = te_mtie(x, count, m);
	}
	r->inside_s = NAN;
	if (w->scenario->limit_ns > 0.0) {
		inside = te_settled(n->te, w->ticks, w->scenario->limit_ns);
		r->inside_s = inside < w->ticks ? world_tick_time(w, inside) : NAN;
	}
}

/* -- the table ------------------------------------------------------------------------------- */

/* Columns are counted in characters, not octets: "µ" is two of these. */
static void put_cell(FILE *out, double ns)
{
	char text[40];
	int wide = 0;

	plot_format_ns(text, sizeof(text), ns);
	for (const char *c = text; *c != '\0'; c++) {
		wide += ((unsigned char)*c & 0xc0) != 0x80;
	}
	fprintf(out, "%*s%s", wide < 10 ? 10 - wide : 1, "", text);
}

static void put_row(FILE *out, const char *name, const struct node_report *r)
{
	fprintf(out, "%-14s", name);
	put_cell(out, r->constant);
	put_cell(out, r->te.rms);
	put_cell(out, r->te.max_abs);
	for (unsigned int i = 0; i < REPORT_TAUS - 1; i++) {
		put_cell(out, r->tdev[i]);
	}
	for (unsigned int i = 1; i < REPORT_TAUS; i++) {
		put_cell(out, r->mtie[i]);
	}
	if (isnan(r->inside_s)) {
		fputs("         \u2013\n", out);
	} else {
		fprintf(out, "%8.1f s\n", r->inside_s);
	}
}

static int by_rms(const void *a, const void *b)
{
	double x = ((const struct node_report *)a)->te.rms;
	double y = ((const struct node_report *)b)->te.rms;

	return (x > y) - (x < y);
}

/* The median and the worst of a group of count nodes, the first of which is index. */
static void put_group(FILE *out, const struct world *w, uint32_t index, uint32_t count)
{
	struct node_report *all = calloc(count, sizeof(*all));
	char name[NODE_NAME_MAX + 12];

	if (!all) {
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		report_node(&all[i], w, &w->nodes[index + i]);
	}
	qsort(all, count, sizeof(*all), by_rms);
	snprintf(name, sizeof(name), "%s median", w->nodes[index].spec->name);
	put_row(out, name, &all[count / 2]);
	snprintf(name, sizeof(name), "%s worst", w->nodes[index].spec->name);
	put_row(out, name, &all[count - 1]);
	free(all);
}

void report_table(FILE *out, const struct world *w)
{
	char limit[40];

	fprintf(out, "time error from %g s to %g s\n%-14s%10s%10s%10s%10s%10s%10s%10s%10s%10s",
		w->scenario->settle_s, (double)w->end_ps / (double)SIM_PS_PER_S, "node", "cTE",
		"RMS", "max|TE|", "TDEV 1s", "10s", "100s", "MTIE 10s", "100s", "1000s");
	if (w->scenario->limit_ns > 0.0) {
		fprintf(out, "  <%s", plot_format_ns(limit, sizeof(limit), w->scenario->limit_ns));
	}
	fputc('\n', out);
	for (uint32_t i = 0; i < w->node_count;) {
		const struct sim_node *n = &w->nodes[i];
		struct node_report r;

		if (n->spec->count > GROUP_ROWS) {
			put_group(out, w, i, n->spec->count);
			i += n->spec->count;
			continue;
		}
		report_node(&r, w, n);
		put_row(out, n->name, &r);
		i++;
	}
}

void report_verdicts(FILE *out, const struct judge *j, bool all)
{
	char text[240];

	for (size_t i = 0; i < j->count; i++) {
		if (all || !j->verdicts[i].good) {
			fprintf(out, "%s %s\n", j->verdicts[i].good ? "ok  " : "FAIL",
				verdict_format(text, sizeof(text), &j->verdicts[i]));
		}
	}
}

/* -- JSON ------------------------------------------------------------------------------------ */

/* A number, or null: JSON has no NaN. */
static void put_number(FILE *out, const char *key, double value)
{
	fprintf(out, ",\"%s\":", key);
	if (isfinite(value)) {
		fprintf(out, "%.9g", value);
	} else {
		fputs("null", out);
	}
}

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\') {
			fputc('\\', out);
		}
		if ((unsigned char)*text >= 0x20) {
			fputc(*text, out);
		}
	}
	fputc('"', out);
}

static void put_json_node(FILE *out, const struct world *w, const struct sim_node *n)
{
	static const char *const tdev_keys[] = { "tdev_1s", "tdev_10s", "tdev_100s", "tdev_1000s" };
	static const char *const mtie_keys[] = { "mtie_1s", "mtie_10s", "mtie_100s", "mtie_1000s" };
	struct node_report r;

	report_node(&r, w, n);
	fputs("{\"node\":", out);
	put_string(out, n->name);
	put_number(out, "cte_ns", r.constant);
	put_number(out, "rms_ns", r.te.rms);
	put_number(out, "max_abs_ns", r.te.max_abs);
	for (unsigned int i = 0; i < REPORT_TAUS; i++) {
		put_number(out, tdev_keys[i], r.tdev[i]);
		put_number(out, mtie_keys[i], r.mtie[i]);
	}
	put_number(out, "inside_s", r.inside_s);
	put_number(out, "frequency_ppb", n->view.frequency_ppb);
	fprintf(out, ",\"samples\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64
		",\"steps\":%u,\"servo\":", n->samples, n->sent, n->received, n->clock.steps);
	put_string(out, gnomon_servo_state_name(n->view.servo));
	fputs(",\"ports\":[", out);
	for (unsigned int i = 0; i < n->port_count; i++) {
		fputs(i > 0 ? "," : "", out);
		put_string(out, gnomon_port_state_name(n->ports[i].state));
	}
	fputs("]}", out);
}

void report_json(FILE *out, const struct world *w, const struct judge *j, double wall_s)
{
	char text[240];

	fputs("{\"scenario\":", out);
	put_string(out, w->scenario->name);
	fprintf(out, ",\"seed\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\",\"deliveries\":%" PRIu64,
		w->seed, w->hash, w->deliveries);
	put_number(out, "duration_s", (double)w->end_ps / (double)SIM_PS_PER_S);
	put_number(out, "settle_s", w->scenario->settle_s);
	put_number(out, "wall_s", wall_s);
	fputs(",\"nodes\":[", out);
	for (uint32_t i = 0; i < w->node_count; i++) {
		fputs(i > 0 ? ",\n" : "\n", out);
		put_json_node(out, w, &w->nodes[i]);
	}
	fputs("],\"expectations\":[", out);
	for (size_t i = 0; i < j->count; i++) {
		fprintf(out, "%s{\"good\":%s,\"text\":", i > 0 ? ",\n" : "\n",
			j->verdicts[i].good ? "true" : "false");
		put_string(out, verdict_format(text, sizeof(text), &j->verdicts[i]));
		fputs("}", out);
	}
	fputs("]}", out);
}

/* -- CSV ------------------------------------------------------------------------------------- */

void trace_csv_begin(FILE *out)
{
	fputs("time_s,node,time_error_ns,offset_ns,mean_delay_ns,frequency_ppb,servo,ports,"
	      "bound_ns\n", out);
}

/* Unknown values are empty fields. */
static void put_field(FILE *out, double value, int digits)
{
	if (!isnan(value)) {
		fprintf(out, "%.*f", digits, value);
	}
	fputc(',', out);
}

void trace_csv_tick(FILE *out, const struct world *w, size_t tick)
{
	for (uint32_t i = 0; i < w->node_count; i++) {
		const struct sim_node *n = &w->nodes[i];

		fprintf(out, "%.6f,%s,", world_tick_time(w, tick), n->name);
		put_field(out, n->te[tick], 3);
		put_field(out, n->view.offset_ns, 3);
		put_field(out, n->view.delay_ns, 3);
		put_field(out, n->view.frequency_ppb, 6);
		fprintf(out, "%s,", gnomon_servo_state_name(n->view.servo));
		for (unsigned int p = 0; p < n->port_count; p++) {
			fprintf(out, "%s%s", p > 0 ? "/" : "",
				gnomon_port_state_name(n->ports[p].state));
		}
		fputc(',', out);
		if (n->bound && !isnan(n->bound[tick])) {
			fprintf(out, "%.3f", (double)n->bound[tick]);
		}
		fputc('\n', out);
	}
}

/* -- the plot -------------------------------------------------------------------------------- */

struct cells {
	char text[PLOT_COLUMNS_MAX][40];
};

static void fill_series(struct plot_series *s, struct cells *cells, const struct world *w,
			const struct sim_node *n)
{
	struct node_report r;

	report_node(&r, w, n);
	plot_format_ns(cells->text[0], sizeof(cells->text[0]), r.constant);
	plot_format_ns(cells->text[1], sizeof(cells->text[1]), r.te.rms);
	plot_format_ns(cells->text[2], sizeof(cells->text[2]), r.te.max_abs);
	plot_format_ns(cells->text[3], sizeof(cells->text[3]), r.tdev[1]);
	plot_format_ns(cells->text[4], sizeof(cells->text[4]), r.mtie[2]);
	*s = (struct plot_series){ .name = n->name, .y = n->te, .count = w->ticks };
	for (unsigned int i = 0; i < PLOT_COLUMNS_MAX; i++) {
		s->cells[i] = cells->text[i];
	}
}

/* What is already wrong with the reference would hide the others: only disciplined nodes. */
static size_t fill_all(struct plot_series *series, struct cells *cells, const struct world *w)
{
	size_t count = 0;

	for (uint32_t i = 0; i < w->node_count; i++) {
		const struct sim_node *n = &w->nodes[i];

		if (!n->spec->reference) {
			fill_series(&series[count], &cells[count], w, n);
			count++;
		}
	}
	return count;
}

static size_t fill_marks(struct plot_mark *marks, size_t max, const struct world *w)
{
	size_t count = 0;

	for (const struct sim_step *s = w->scenario->timeline; s && s->verb != SIM_END; s++) {
		if (s->label && count < max) {
			marks[count++] = (struct plot_mark){ s->at_s, s->label };
		}
	}
	return count;
}

#define MARKS_MAX 24

int report_svg(FILE *out, const struct world *w)
{
	struct plot_series *series = calloc(w->node_count + 1, sizeof(*series));
	struct cells *cells = calloc(w->node_count + 1, sizeof(*cells));
	struct plot_mark marks[MARKS_MAX];
	double end_s = (double)w->end_ps / (double)SIM_PS_PER_S;
	struct plot_panel panels[] = {
		{ "|time error| from the start, logarithmic", PLOT_LOG_MAGNITUDE, 0.0, end_s,
		  w->scenario->limit_ns },
		{ "time error once settled", PLOT_LINEAR, w->scenario->settle_s, end_s,
		  w->scenario->limit_ns },
	};
	char subtitle[200];
	int err = -ENOMEM;

	snprintf(subtitle, sizeof(subtitle), "%s \u00b7 seed %" PRIu64, w->scenario->summary,
		 w->seed);
	if (series && cells) {
		struct plot plot = {
			.title = w->scenario->name,
			.subtitle = subtitle,
			.columns = { "cTE", "RMS", "max |TE|", "TDEV 10 s", "MTIE 100 s" },
			.x0 = world_tick_time(w, 0),
			.dx = (double)w->tick_ps / (double)SIM_PS_PER_S,
			.series = series,
			.series_count = fill_all(series, cells, w),
			.panels = panels,
			.panel_count = w->scenario->settle_s < end_s ? 2 : 1,
			.marks = marks,
			.mark_count = fill_marks(marks, MARKS_MAX, w),
		};

		err = plot_write_svg(out, &plot);
	}
	free(series);
	free(cells);
	return err;
}
