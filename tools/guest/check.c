/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report.h"
#include "tools/cli/command.h"

/* A clock this far off is not kept by anybody, or badly. */
#define FAR_OFF_NS 1e6

#define STALE_S 10

const char *check_level_name(enum check_level level)
{
	switch (level) {
	case CHECK_NOTE:
		return "note";
	case CHECK_WARNING:
		return "warning";
	case CHECK_ERROR:
		return "error";
	}
	return "invalid";
}

static void __attribute__((format(printf, 4, 5)))
find(struct check *c, enum check_level level, const char *remedy, const char *format, ...)
{
	struct check_finding *f;
	va_list args;

	if (c->finding_count == CHECK_FINDINGS_MAX) {
		return;
	}
	f = &c->findings[c->finding_count++];
	f->level = level;
	f->remedy = remedy;
	va_start(args, format);
	(void)vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
}

/* -- the kernel's own reading of a page ------------------------------------------------------- */

static const char *trap_until_6_19(const struct gnomon_vmclock *p, bool valid)
{
	if (p->time_type == GNOMON_VMCLOCK_TAI && valid && p->tai_offset_sec > 0) {
		return "its PHC is 74 s ahead: Linux 6.13 to 6.19 add where they should subtract";
	}
	if (p->time_type == GNOMON_VMCLOCK_TAI && !valid) {
		return "it has no PHC: Linux 6.13 to 6.19 want UTC, and the page does not tell it";
	}
	return NULL;
}

static const char *trap_since_7_0(const struct gnomon_vmclock *p, bool valid)
{
	if (p->time_type == GNOMON_VMCLOCK_UTC && valid && p->tai_offset_sec > 0) {
		return "its PHC is 74 s behind TAI: Linux 7.0 and later subtract what they should "
		       "add";
	}
	if (p->time_type == GNOMON_VMCLOCK_UTC && !valid) {
		return "it has no PHC: Linux 7.0 and later want TAI, which the page does not tell";
	}
	return NULL;
}

const char *check_scale_trap(const struct gnomon_vmclock *page, int kernel)
{
	const bool valid = page->flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID;

	if (page->counter_id == GNOMON_VMCLOCK_COUNTER_INVALID || kernel < 6013) {
		return NULL;
	}
	return kernel >= 7000 ? trap_since_7_0(page, valid) : trap_until_6_19(page, valid);
}

/* -- judging ---------------------------------------------------------------------------------- */

static void judge_clock(struct check *c, size_t i)
{
	const struct agent *a = c->agent;
	const struct source *s = &a->sources[i];
	const struct source_reading *r = &a->readings[i];

	if (r->state == SOURCE_UNUSABLE) {
		find(c, CHECK_WARNING, "", "%s: %s", s->what.name, s->why);
		return;
	}
	if (r->state == SOURCE_FREERUNNING) {
		find(c, CHECK_WARNING, "look at gnomond on the host",
		     "%s: the host lost its own source of time; its bound grows", s->what.name);
	}
	if (r->age_s > STALE_S) {
		find(c, CHECK_WARNING, "see whether gnomond runs on the host",
		     "%s: the host has not written its page for %.0f s", s->what.name, r->age_s);
	}
	if (!isfinite(r->bound_ns)) {
		find(c, CHECK_NOTE, "if you know it, say so with --bound CLOCK=NS",
		     "%s: nobody tells how wrong it may be", s->what.name);
	}
	if (s->what.kind == GUEST_KIND_KVM && strcmp(r->method, "precise") != 0) {
		find(c, CHECK_NOTE,
		     "a vmclock page has no such trouble; else boot with clocksource=kvm-clock",
		     "%s: read between two looks at the system clock that are %.1f us apart, since "
		     "the clock source is %s: precise readings need kvm-clock", s->what.name,
		     2 * r->half_ns / 1000, a->machine.clocksource);
	}
}

static void judge_page(struct check *c, const struct source *s)
{
	struct gnomon_vmclock page;
	const char *trap;

	if (!s->page || gnomon_clock_page(s->page, &page) != 0) {
		return;
	}
	trap = s->what.page_kind == GNOMON_CLOCK_DEVICE ?
		       check_scale_trap(&page, c->agent->machine.kernel) :
		       NULL;
	if (trap) {
		find(c, CHECK_WARNING,
		     "on the host, set guest_profile (utc for kernels 6.13 to 6.19, tai from 7.0 "
		     "on); gnomon-guest itself reads the page rightly",
		     "%s: %s", s->what.name, trap);
	}
	if (page.flags & (GNOMON_VMCLOCK_DISRUPTION_SOON | GNOMON_VMCLOCK_DISRUPTION_IMMINENT)) {
		find(c, CHECK_NOTE, "", "%s: the host announces that this machine will be moved",
		     s->what.name);
	}
	if (page.leap_indicator == GNOMON_VMCLOCK_LEAP_PRE_POS ||
	    page.leap_indicator == GNOMON_VMCLOCK_LEAP_PRE_NEG) {
		find(c, CHECK_NOTE, "", "%s: a leap second is due at the end of this month",
		     s->what.name);
	}
}

/* The firmware has one, and the kernel could. */
static void judge_vmclock_driver(struct check *c)
{
	const struct machine *m = &c->agent->machine;

	if (machine_lacks(m, GUEST_KIND_VMCLOCK)) {
		find(c, CHECK_WARNING, "modprobe ptp_vmclock",
		     "the firmware describes a vmclock, and no driver has bound to it");
	}
}

static void judge_missing(struct check *c)
{
	const struct machine *m = &c->agent->machine;

	for (int k = 0; k < GUEST_KIND_COUNT; k++) {
		const struct guest_kind_row *row = guest_kind_row((enum guest_kind)k);

		if (k == GUEST_KIND_VMCLOCK && m->vmclock_acpi && m->kernel >= 6013) {
			judge_vmclock_driver(c);
		} else if (machine_lacks(m, (enum guest_kind)k) && row->remedy) {
			find(c, CHECK_NOTE, row->remedy, "there is no %s clock, and this machine "
			     "could have one", row->name);
		}
	}
	if (m->vmclock_acpi && m->kernel > 0 && m->kernel < 6013) {
		find(c, CHECK_NOTE, "", "the firmware describes a vmclock, of which Linux %s knows "
		     "nothing: its page is read from the PCI device, if it is one", m->release);
	}
	for (size_t i = 0; i < c->closed_count; i++) {
		const bool denied = strstr(c->closed[i].why, "permission") != NULL;

		find(c, denied || c->closed[i].named ? CHECK_WARNING : CHECK_NOTE,
		     denied ? "run as root" : c->closed[i].named ? "correct --page" : "",
		     "%s: not read: %s", c->closed[i].clock.name, c->closed[i].why);
	}
}

static void judge_agreement(struct check *c)
{
	const struct agent *a = c->agent;

	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = i + 1; j < a->count; j++) {
			const double apart = gnomon_span_to_double(gnomon_span_sub(
				a->readings[j].offset, a->readings[i].offset));
			char text[24];

			if (!a->agree.conflict[i][j]) {
				continue;
			}
			c->disagree = true;
			find(c, CHECK_ERROR,
			     "one of them is wrong, or says too little of its error",
			     "%s and %s are %s apart, which is more than both bounds together",
			     a->sources[i].what.name, a->sources[j].what.name,
			     report_ns(apart, text));
		}
	}
}

static const struct source_reading *best_reading(const struct agent *a)
{
	return a->chosen < a->count && a->readings[a->chosen].state != SOURCE_UNUSABLE ?
		       &a->readings[a->chosen] :
		       NULL;
}

static void judge_realtime(struct check *c)
{
	const struct source_reading *r = best_reading(c->agent);
	char text[2][24];
	double offset;

	if (!r) {
		find(c, CHECK_ERROR, c->agent->config.use_count ? "see that --use names one" : "",
		     "there is no clock of the host to be followed");
		return;
	}
	offset = gnomon_span_to_double(r->offset);
	if (c->has_kernel && c->kernel.synchronized && isfinite(r->bound_ns) &&
	    fabs(offset) > c->kernel.max_error_ns + r->bound_ns + r->half_ns) {
		find(c, CHECK_ERROR, "whoever keeps CLOCK_REALTIME is mistaken about it",
		     "the kernel promises programs that CLOCK_REALTIME is within %s, and it is off "
		     "by %s", report_ns((double)c->kernel.max_error_ns, text[0]),
		     report_ns(offset, text[1]));
	} else if (fabs(offset) > FAR_OFF_NS) {
		find(c, CHECK_WARNING, "", "CLOCK_REALTIME is off by %s",
		     report_ns(offset, text[0]));
	}
	if (c->has_kernel && c->kernel.tai_offset == 0) {
		find(c, CHECK_NOTE, "gnomon-guest sets it where the host tells it",
		     "the kernel does not know TAI - UTC: CLOCK_TAI shows UTC");
	}
}

static void judge_steward(struct check *c)
{
	if (!c->has_steward) {
		find(c, CHECK_NOTE, "start gnomon-guest.service, or see BRIDGE.md for chrony",
		     "no program that is known here keeps CLOCK_REALTIME");
		return;
	}
	if (strcmp(c->steward.name, "gnomon-guest") == 0) {
		return;
	}
	find(c, strcmp(c->steward.name, "systemd-timesyncd") == 0 ? CHECK_WARNING : CHECK_NOTE,
	     "either stop it and run gnomon-guest, or (chronyd, ntpd) have it fed: gnomon-guest "
	     "--feed",
	     "%s (pid %d) keeps CLOCK_REALTIME", c->steward.name, c->steward.pid);
}

static void judge_counter(struct check *c)
{
	const struct machine *m = &c->agent->machine;
	const bool good = strcmp(m->clocksource, "tsc") == 0 ||
			  strcmp(m->clocksource, "kvm-clock") == 0 ||
			  strcmp(m->clocksource, "arch_sys_counter") == 0 ||
			  strncmp(m->clocksource, "hyperv", 6) == 0;

	if (!good && m->clocksource[0]) {
		find(c, CHECK_WARNING,
		     "see what the kernel says of its clock source at boot (dmesg | grep -i tsc)",
		     "the clock source is %s: reading the clock is slow, and it is not the counter "
		     "that pages are about", m->clocksource);
	}
}

void check_judge(struct check *check)
{
	check->finding_count = 0;
	check->disagree = false;
	judge_agreement(check);
	judge_realtime(check);
	for (size_t i = 0; i < check->agent->count; i++) {
		judge_clock(check, i);
		judge_page(check, &check->agent->sources[i]);
	}
	judge_missing(check);
	judge_counter(check);
	judge_steward(check);
}

/* -- gathering -------------------------------------------------------------------------------- */

static bool agent_has(const struct agent *a, const struct machine_clock *clock)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct machine_clock *c = &a->sources[i].what;

		if (strcmp(c->page, clock->page) == 0 && strcmp(c->device, clock->device) == 0) {
			return true;
		}
	}
	return false;
}

static void gather_one(struct check *c, const struct machine_clock *clock, bool named)
{
	struct check_closed *closed = &c->closed[c->closed_count];
	struct driver_error error = { "" };
	struct source source;

	if (agent_has(c->agent, clock)) {
		return;
	}
	if (source_open(&source, clock, &c->agent->config.clocks, c->agent->config.open_phc,
			&error) != 0) {
		(void)snprintf(closed->why, sizeof(closed->why), "%.159s", source.why);
		closed->clock = *clock;
		closed->named = named;
		c->closed_count++;
	} else {
		source_close(&source);
	}
}

/* Clocks that the agent does not have: it could not open them, or was not meant to. */
static void gather_closed(struct check *c)
{
	const struct agent_config *config = &c->agent->config;
	const struct machine *m = &c->agent->machine;

	for (size_t i = 0; i < config->page_count; i++) {
		const struct machine_clock file = agent_page_clock(config->pages[i]);

		gather_one(c, &file, true);
	}
	for (size_t i = 0; i < m->clock_count; i++) {
		gather_one(c, &m->clocks[i], false);
	}
}

void check_gather(struct check *check, struct agent *agent, const char *proc)
{
	memset(check, 0, sizeof(*check));
	check->agent = agent;
	gather_closed(check);
	check->has_kernel = clock_system_kernel(&check->kernel) == 0;
	check->has_steward = steward_find(proc, agent->config.clocks.kept, &check->steward) == 0;
}

int check_status(const struct check *check)
{
	int status = COMMAND_GOOD;

	for (size_t i = 0; i < check->finding_count; i++) {
		if (check->findings[i].level == CHECK_ERROR) {
			status = COMMAND_RUNTIME;
		}
	}
	return check->disagree ? CHECK_DISAGREE : status;
}
