/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/log/say.h"

const char *report_ns(double ns, char text[24])
{
	static const struct {
		double below;
		double divisor;
		const char *unit;
	} units[] = {
		{ 1e4, 1, "ns" }, { 1e7, 1e3, "us" }, { 1e10, 1e6, "ms" }, { INFINITY, 1e9, "s" },
	};
	const double size = fabs(ns);
	size_t i = 0;

	if (!isfinite(ns)) {
		(void)snprintf(text, 24, "unknown");
		return text;
	}
	while (size >= units[i].below) {
		i++;
	}
	(void)snprintf(text, 24, "%.*f %s", i == 0 || size >= 100 * units[i].divisor ? 0 : 1,
		       ns / units[i].divisor, units[i].unit);
	return text;
}

void report_line(const struct agent *agent, char line[REPORT_LINE_MAX])
{
	const unsigned int conflicts = agree_total(&agent->agree);
	char within[24];
	char trouble[48] = "";

	if (conflicts) {
		(void)snprintf(trouble, sizeof(trouble), "; %u pair%s of clocks disagree%s",
			       conflicts, conflicts > 1 ? "s" : "", conflicts > 1 ? "" : "s");
	}
	if (agent->state == AGENT_WAITING) {
		(void)snprintf(line, REPORT_LINE_MAX, "waiting: %zu clock%s of the host, none of "
			       "them tells the time%s", agent->count,
			       agent->count == 1 ? "" : "s", trouble);
		return;
	}
	(void)snprintf(line, REPORT_LINE_MAX, "%s: %s, within %s%s%s",
		       agent_state_name(agent->state), agent_source_name(agent),
		       report_ns(agent->bound_ns, within),
		       agent->stale ? "; the host does not write its page any more" : "", trouble);
}

/* -- JSON ------------------------------------------------------------------------------------- */

void report_number(FILE *out, const char *key, double value, int decimals)
{
	if (isfinite(value)) {
		fprintf(out, ",\"%s\":%.*f", key, decimals, value);
	} else {
		fprintf(out, ",\"%s\":null", key);
	}
}

static const char *reading_state(enum source_state state)
{
	switch (state) {
	case SOURCE_UNUSABLE:
		return "unusable";
	case SOURCE_GOOD:
		return "good";
	case SOURCE_FREERUNNING:
		return "freerunning";
	}
	return "invalid";
}

static void json_source(FILE *out, const struct agent *a, size_t i)
{
	const struct source *s = &a->sources[i];
	const struct source_reading *r = &a->readings[i];

	fprintf(out, "%s{\"name\":", i ? "," : "");
	say_json(out, s->what.name);
	fprintf(out, ",\"kind\":\"%s\",\"state\":\"%s\",\"followed\":%s,\"method\":\"%s\"",
		guest_kind_row(s->what.kind)->name, reading_state(r->state),
		i == a->chosen ? "true" : "false", r->method);
	if (r->state == SOURCE_UNUSABLE) {
		fputs(",\"reason\":", out);
		say_json(out, s->why);
	} else {
		report_number(out, "offset_ns", gnomon_span_to_double(r->offset), 1);
		report_number(out, "window_ns", r->half_ns, 1);
		report_number(out, "bound_ns", r->bound_ns, 0);
		report_number(out, "rate_ppb", r->rate_ppb, 3);
		report_number(out, "rate_error_ppb", r->rate_error_ppb, 3);
		report_number(out, "age_s", r->age_s < 0 ? NAN : r->age_s, 3);
	}
	fprintf(out, ",\"disagrees_with\":%u}", agree_conflicts(&a->agree, i));
}

void report_json(FILE *out, const struct agent *agent)
{
	fprintf(out, "{\"state\":\"%s\",\"source\":", agent_state_name(agent->state));
	if (agent->chosen < agent->count) {
		say_json(out, agent_source_name(agent));
	} else {
		fputs("null", out);
	}
	report_number(out, "offset_ns", agent->offset_ns, 1);
	report_number(out, "bound_ns", agent->bound_ns, 0);
	report_number(out, "growth_ppb", agent->growth_ppb, 1);
	report_number(out, "frequency_ppb", agent->ff.frequency_ppb, 3);
	report_number(out, "needed_ppb", agent->ff.needed_ppb, 3);
	fprintf(out, ",\"stale\":%s,\"steps\":%llu,\"disruptions\":%llu,\"turns\":%llu,"
		     "\"disagreements\":%u,\"clocks\":[",
		agent->stale ? "true" : "false", (unsigned long long)agent->steps,
		(unsigned long long)agent->disruptions, (unsigned long long)agent->turns,
		agree_total(&agent->agree));
	for (size_t i = 0; i < agent->count; i++) {
		json_source(out, agent, i);
	}
	fputs("]}", out);
}

int report_file(const struct agent *agent, const char *path)
{
	char beside[512];
	FILE *f;
	int err = 0;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside)) {
		return -ENAMETOOLONG;
	}
	(void)unlink(beside);
	f = fopen(beside, "wxe");
	if (!f) {
		return -errno;
	}
	(void)fchmod(fileno(f), 0644);
	report_json(f, agent);
	fputs("\n", f);
	if (fclose(f) != 0 || rename(beside, path) != 0) {
		err = -errno;
		(void)unlink(beside);
	}
	return err;
}
