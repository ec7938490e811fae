/* SPDX-License-Identifier: BSD-2-Clause */
/* What --check found, for people and for programs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <gnomon/version.h>

#include "check.h"
#include "report.h"
#include "tools/log/say.h"

static const char *scale_of(const struct gnomon_vmclock *p)
{
	switch ((enum gnomon_vmclock_time_type)p->time_type) {
	case GNOMON_VMCLOCK_UTC:
		return "UTC";
	case GNOMON_VMCLOCK_TAI:
		return "TAI";
	case GNOMON_VMCLOCK_MONOTONIC:
		return "monotonic";
	case GNOMON_VMCLOCK_SMEARED:
	case GNOMON_VMCLOCK_MAYBE_SMEARED:
		return "smeared";
	}
	return "unknown";
}

static const char *counter_of(const struct gnomon_vmclock *p)
{
	return p->counter_id == GNOMON_VMCLOCK_COUNTER_X86_TSC  ? "TSC" :
	       p->counter_id == GNOMON_VMCLOCK_COUNTER_ARM_VCNT ? "CNTVCT" :
								  "none";
}

static double frequency_of(const struct gnomon_vmclock *p)
{
	const struct gnomon_period period = gnomon_vmclock_period(p);
	const double s = gnomon_period_seconds(&period);

	return s > 0 ? 1 / s : NAN;
}

static const char *worst(const struct check *c)
{
	enum check_level level = CHECK_NOTE;

	for (size_t i = 0; i < c->finding_count; i++) {
		level = c->findings[i].level > level ? c->findings[i].level : level;
	}
	return level == CHECK_NOTE ? "good" : check_level_name(level);
}

/* -- text ------------------------------------------------------------------------------------- */

static void print_machine(FILE *out, const struct check *c)
{
	const struct machine *m = &c->agent->machine;

	fprintf(out, "machine\n");
	fprintf(out, "  hypervisor      %s%s%s%s\n", machine_hypervisor_name(m->hypervisor),
		m->vendor[0] ? " (" : "", m->vendor, m->vendor[0] ? ")" : "");
	fprintf(out, "  kernel          %s: ptp_vmclock %s\n", m->release[0] ? m->release : "?",
		m->kernel >= 7000 ? "keeps TAI" :
		m->kernel >= 6013 ? "keeps UTC" :
				    "is not in it");
	fprintf(out, "  clock source    %s (of %s)\n", m->clocksource[0] ? m->clocksource : "?",
		m->clocksources[0] ? m->clocksources : "?");
	if (c->has_steward) {
		fprintf(out, "  kept by         %s (pid %d)\n", c->steward.name, c->steward.pid);
	} else {
		fprintf(out, "  kept by         nobody known\n");
	}
}

static void print_realtime(FILE *out, const struct check *c)
{
	const struct agent *a = c->agent;
	char text[3][24];

	fprintf(out, "\nCLOCK_REALTIME\n");
	if (a->chosen < a->count && a->readings[a->chosen].state != SOURCE_UNUSABLE) {
		const struct source_reading *r = &a->readings[a->chosen];

		fprintf(out, "  off by          %s +- %s from %s, which is within %s\n",
			report_ns(gnomon_span_to_double(r->offset), text[0]),
			report_ns(r->half_ns, text[1]), agent_source_name(a),
			report_ns(r->bound_ns, text[2]));
	} else {
		fprintf(out, "  off by          unknown: there is nothing to compare it with\n");
	}
	if (c->has_kernel) {
		fprintf(out, "  kernel says     %ssynchronised; maximal error %s, likely %s\n",
			c->kernel.synchronized ? "" : "not ",
			report_ns((double)c->kernel.max_error_ns, text[0]),
			report_ns((double)c->kernel.likely_error_ns, text[1]));
		fprintf(out, "  frequency       %+.3f ppm; TAI - UTC %d s%s\n",
			c->kernel.frequency_ppb / 1000, c->kernel.tai_offset,
			c->kernel.leap == 61 ? "; a second will be inserted today" :
			c->kernel.leap == 59 ? "; a second will be left out today" :
					       "");
	}
}

static void print_clock(FILE *out, const struct agent *a, size_t i)
{
	const struct source *s = &a->sources[i];
	const struct source_reading *r = &a->readings[i];
	char text[3][24];

	fprintf(out, "  %-15s %-10s ", s->what.name, guest_kind_row(s->what.kind)->name);
	if (r->state == SOURCE_UNUSABLE) {
		fprintf(out, "not used: %s\n", s->why);
		return;
	}
	fprintf(out, "%s%s; bound %s; off by %s +- %s\n", r->method,
		i == a->chosen ? ", the best" : "", report_ns(r->bound_ns, text[0]),
		report_ns(gnomon_span_to_double(r->offset), text[1]),
		report_ns(r->half_ns, text[2]));
	fprintf(out, "  %-26s %s%s%s\n", "", s->page ? s->what.page : s->what.device,
		s->page && s->what.device[0] ? ", also " : "",
		s->page ? s->what.device : "");
}

static void print_agreement(FILE *out, const struct agent *a)
{
	const unsigned int conflicts = agree_total(&a->agree);
	unsigned int speak = 0;

	for (size_t i = 0; i < a->count; i++) {
		speak += a->readings[i].state != SOURCE_UNUSABLE &&
			 isfinite(a->readings[i].bound_ns);
	}
	if (conflicts) {
		fprintf(out, "  agreement       %u pair%s of them disagree%s\n", conflicts,
			conflicts > 1 ? "s" : "", conflicts > 1 ? "" : "s");
	} else if (speak > 1) {
		fprintf(out, "  agreement       all %u that tell their bounds agree\n", speak);
	} else {
		fprintf(out, "  agreement       nothing to compare: %s tells its bound\n",
			speak ? "one" : "none");
	}
}

static void print_clocks(FILE *out, const struct check *c)
{
	const struct agent *a = c->agent;

	fprintf(out, "\nclocks of the host\n");
	for (size_t i = 0; i < a->count; i++) {
		print_clock(out, a, i);
	}
	for (size_t i = 0; i < c->closed_count; i++) {
		fprintf(out, "  %-15s %-10s not read: %s\n", c->closed[i].clock.name,
			guest_kind_row(c->closed[i].clock.kind)->name, c->closed[i].why);
	}
	if (a->count + c->closed_count == 0) {
		fprintf(out, "  none\n");
	} else {
		print_agreement(out, a);
	}
}

static void print_page(FILE *out, const struct source *s, const struct source_reading *r)
{
	struct gnomon_vmclock p;
	char text[24];

	if (!s->page || gnomon_clock_page(s->page, &p) != 0) {
		return;
	}
	fprintf(out, "\npage of %s\n", s->what.name);
	fprintf(out, "  status          %s, %s, counter %s", gnomon_vmclock_status_name(
			p.clock_status), scale_of(&p), counter_of(&p));
	if (p.counter_id != GNOMON_VMCLOCK_COUNTER_INVALID && p.counter_period_frac_sec) {
		fprintf(out, " of %.6f MHz", frequency_of(&p) / 1e6);
	}
	fprintf(out, "\n  written         %u times", p.seq_count / 2);
	if (r->age_s >= 0) {
		fprintf(out, ", about %.3f s ago", r->age_s);
	}
	fprintf(out, "\n  marker          %016" PRIx64 ", flags 0x%" PRIx64 "\n",
		p.disruption_marker, p.flags);
	fprintf(out, "  TAI - UTC       %d s (%s), leap indicator %u\n", p.tai_offset_sec,
		p.flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID ? "valid" : "not valid",
		p.leap_indicator);
	if (p.flags & GNOMON_VMCLOCK_TIME_MAXERROR_VALID) {
		fprintf(out, "  maximal error   %s at its reference, growing by %.1f ppb\n",
			report_ns((double)p.time_maxerror_nanosec, text), r->growth_ppb);
	}
}

void check_print(FILE *out, const struct check *check)
{
	const struct agent *a = check->agent;

	fprintf(out, "gnomon-guest %s: %s\n\n", GNOMON_VERSION_STRING, worst(check));
	print_machine(out, check);
	print_realtime(out, check);
	print_clocks(out, check);
	for (size_t i = 0; i < a->count; i++) {
		print_page(out, &a->sources[i], &a->readings[i]);
	}
	fprintf(out, "\nfindings\n");
	for (size_t i = 0; i < check->finding_count; i++) {
		const struct check_finding *f = &check->findings[i];

		fprintf(out, "  %-8s %s\n", check_level_name(f->level), f->what);
		if (f->remedy[0]) {
			fprintf(out, "           -> %s\n", f->remedy);
		}
	}
	if (check->finding_count == 0) {
		fprintf(out, "  none\n");
	}
}

/* -- JSON ------------------------------------------------------------------------------------- */

static void json_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, ",\"%s\":", key);
	say_json(out, text);
}

static void json_machine(FILE *out, const struct check *c)
{
	const struct machine *m = &c->agent->machine;

	fputs(",\"machine\":{\"hypervisor\":", out);
	say_json(out, machine_hypervisor_name(m->hypervisor));
	json_text(out, "vendor", m->vendor);
	json_text(out, "kernel", m->release);
	json_text(out, "clocksource", m->clocksource);
	json_text(out, "clocksources", m->clocksources);
	fprintf(out, ",\"vmclock_acpi\":%s", m->vmclock_acpi ? "true" : "false");
	if (c->has_steward) {
		json_text(out, "steward", c->steward.name);
		fprintf(out, ",\"steward_pid\":%d", c->steward.pid);
	} else {
		fputs(",\"steward\":null", out);
	}
	fputs("}", out);
}

static void json_kernel(FILE *out, const struct check *c)
{
	if (!c->has_kernel) {
		fputs(",\"realtime\":null", out);
		return;
	}
	fprintf(out, ",\"realtime\":{\"synchronized\":%s",
		c->kernel.synchronized ? "true" : "false");
	fprintf(out, ",\"max_error_ns\":%" PRId64 ",\"likely_error_ns\":%" PRId64
		     ",\"frequency_ppb\":%.3f,\"tai_offset\":%d,\"leap\":%d}",
		c->kernel.max_error_ns, c->kernel.likely_error_ns, c->kernel.frequency_ppb,
		c->kernel.tai_offset, c->kernel.leap);
}

static void json_page(FILE *out, const struct source *s, bool first)
{
	struct gnomon_vmclock p;

	if (gnomon_clock_page(s->page, &p) != 0) {
		return;
	}
	fprintf(out, "%s{\"clock\":", first ? "" : ",");
	say_json(out, s->what.name);
	json_text(out, "path", s->what.page);
	json_text(out, "status", gnomon_vmclock_status_name(p.clock_status));
	json_text(out, "scale", scale_of(&p));
	json_text(out, "counter", counter_of(&p));
	report_number(out, "counter_hz", frequency_of(&p), 3);
	fprintf(out, ",\"seq\":%u,\"marker\":\"%016" PRIx64 "\",\"flags\":%" PRIu64
		     ",\"tai_offset\":%d,\"leap_indicator\":%u,\"counter_value\":%" PRIu64
		     ",\"time_sec\":%" PRIu64 ",\"max_error_ns\":%" PRIu64
		     ",\"likely_error_ns\":%" PRIu64 "}",
		p.seq_count, p.disruption_marker, p.flags, p.tai_offset_sec, p.leap_indicator,
		p.counter_value, p.time_sec, p.time_maxerror_nanosec, p.time_esterror_nanosec);
}

static void json_pages(FILE *out, const struct agent *a)
{
	bool first = true;

	fputs(",\"pages\":[", out);
	for (size_t i = 0; i < a->count; i++) {
		if (a->sources[i].page) {
			json_page(out, &a->sources[i], first);
			first = false;
		}
	}
	fputs("]", out);
}

void check_print_json(FILE *out, const struct check *check)
{
	fprintf(out, "{\"version\":\"%s\",\"result\":\"%s\"", GNOMON_VERSION_STRING, worst(check));
	json_machine(out, check);
	json_kernel(out, check);
	json_pages(out, check->agent);
	fputs(",\"not_read\":[", out);
	for (size_t i = 0; i < check->closed_count; i++) {
		fprintf(out, "%s{\"name\":", i ? "," : "");
		say_json(out, check->closed[i].clock.name);
		json_text(out, "reason", check->closed[i].why);
		fputs("}", out);
	}
	fputs("],\"findings\":[", out);
	for (size_t i = 0; i < check->finding_count; i++) {
		fprintf(out, "%s{\"level\":\"%s\"", i ? "," : "",
			check_level_name(check->findings[i].level));
		json_text(out, "what", check->findings[i].what);
		json_text(out, "remedy", check->findings[i].remedy);
		fputs("}", out);
	}
	fputs("],\"agent\":", out);
	report_json(out, check->agent);
	fputs("}\n", out);
}
