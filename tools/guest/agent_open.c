/* SPDX-License-Identifier: BSD-2-Clause */
/* Which clocks there are for the agent, and opening them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "drivers/clock.h"

/* The kernel's clock wavers about the frequency it was set to, since its multiplier is a whole
 * number: 146 ppb for a counter of 2.4 GHz. What is set takes effect with the next tick at HZ=100
 * at the latest. */
#define KERNEL_GRANULARITY_PPB 150
#define KERNEL_TICK_S 0.010

/* What nobody waits for to be slewed away: the machine was paused, or somebody set its clock. */
#define STEP_S 0.1

/* Nobody's timer notices, and 20 us are gone in a tenth of a second. */
#define MAX_SLEW_PPB 200000

/* How much one page may move on between two looks. */
#define SAME_S 5

static bool is_named(const struct agent_config *c, const struct machine_clock *clock)
{
	for (size_t i = 0; i < c->use_count; i++) {
		if (machine_clock_is(clock, c->use[i])) {
			return true;
		}
	}
	return false;
}

static bool is_open(const struct agent *a, const struct machine_clock *clock)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct machine_clock *c = &a->sources[i].what;

		if (strcmp(c->page, clock->page) == 0 && strcmp(c->device, clock->device) == 0) {
			return true;
		}
	}
	return false;
}

/* The memory of a PCI device that the kernel's driver has bound to shows the same page twice. */
static bool is_same_page(const struct agent *a, const struct source *s)
{
	struct gnomon_vmclock page;
	struct gnomon_vmclock other;

	if (!s->page || gnomon_clock_page(s->page, &page) != 0) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		/* They may be of two writings. */
		if (a->sources[i].page && gnomon_clock_page(a->sources[i].page, &other) == 0 &&
		    page.disruption_marker == other.disruption_marker &&
		    page.counter_id == other.counter_id &&
		    llabs((long long)(page.time_sec - other.time_sec)) <= SAME_S) {
			return true;
		}
	}
	return false;
}

static void apply_words(const struct agent_config *c, struct source *s)
{
	for (size_t i = 0; i < c->word_count; i++) {
		const struct agent_word *w = &c->words[i];

		if (!machine_clock_is(&s->what, w->clock)) {
			continue;
		}
		if (isfinite(w->bound_ns)) {
			s->vouched_ns = w->bound_ns;
		}
		if (w->scale != GUEST_SCALE_UNKNOWN) {
			s->scale = w->scale;
		}
	}
}

static void log_found(struct agent *a, const struct source *s)
{
	struct log *log = a->config.log;

	if (log_begin(log, LOG_CLOCK)) {
		log_text(log, "found %s (%s)", s->what.name, guest_kind_row(s->what.kind)->name);
		log_str(log, "clock", s->what.name);
		log_str(log, "kind", guest_kind_row(s->what.kind)->name);
		log_str(log, "read", s->page ? s->what.page : s->what.device);
		log_end(log);
	}
}

/* What a host says of its CLOCK_REALTIME is of use to who reads that. */
static void lend_quality(struct agent *a)
{
	struct gnomon_guest_clock *teller = a->quality;
	struct gnomon_quality q;

	for (size_t i = 0; i < a->count; i++) {
		if (a->sources[i].page && gnomon_clock_quality(a->sources[i].page, &q) == 0) {
			teller = a->sources[i].page;
		}
	}
	for (size_t i = 0; i < a->count; i++) {
		if (a->sources[i].what.kind == GUEST_KIND_KVM) {
			a->sources[i].quality = teller;
		}
	}
}

static bool try_open(struct agent *a, const struct machine_clock *clock)
{
	struct source *s = &a->sources[a->count];
	struct gnomon_quality q;

	if (a->count == AGREE_MAX || is_open(a, clock) ||
	    source_open(s, clock, &a->config.clocks, a->config.open_phc, NULL) != 0) {
		return false;
	}
	if (is_same_page(a, s)) {
		if (!a->quality && gnomon_clock_quality(s->page, &q) == 0) {
			a->quality = s->page;
			s->page = NULL;
		}
		source_close(s);
		return false;
	}
	s->steady = strcmp(a->machine.clocksource, "tsc") == 0 ||
		    strcmp(a->machine.clocksource, "arch_sys_counter") == 0;
	apply_words(&a->config, s);
	agree_forget(&a->agree, a->count);
	a->marked[a->count] = false;
	a->said[a->count] = 0;
	a->count++;
	log_found(a, s);
	return true;
}

struct machine_clock agent_page_clock(const char *path)
{
	struct machine_clock file = {
		.kind = GUEST_KIND_VMCLOCK,
		.phc = -1,
		.page_kind = GNOMON_CLOCK_FILE,
	};

	(void)snprintf(file.name, sizeof(file.name), "%.63s", path);
	(void)snprintf(file.page, sizeof(file.page), "%.255s", path);
	return file;
}

/* It may come later; if it was mistyped it never will. */
static void tell_unread(struct agent *a)
{
	struct log *log = a->config.log;

	for (size_t i = 0; i < a->config.page_count; i++) {
		const struct machine_clock file = agent_page_clock(a->config.pages[i]);
		struct driver_error why = { "" };
		struct source s;

		if (is_open(a, &file)) {
			continue;
		}
		if (source_open(&s, &file, &a->config.clocks, a->config.open_phc, &why) == 0) {
			source_close(&s); /* another name of what is open */
		} else if (log_begin(log, LOG_SOURCE_ERROR)) {
			log_text(log, "%s is looked for every ten seconds", why.text);
			log_str(log, "clock", file.name);
			log_str(log, "reason", s.why);
			log_end(log);
		}
	}
}

/* A driver may be loaded later; a name that was mistyped stays without a clock. */
static void tell_unused(struct agent *a)
{
	struct log *log = a->config.log;

	for (size_t i = 0; i < a->config.use_count; i++) {
		const char *name = a->config.use[i];

		if (!machine_find(&a->machine, name) && log_begin(log, LOG_SOURCE_ERROR)) {
			log_text(log, "--use %.80s: there is no such clock; it is looked for every "
				      "ten seconds (gnomon-guest --check lists those there are)",
				 name);
			log_str(log, "clock", name);
			log_str(log, "reason", "there is no such clock");
			log_end(log);
		}
	}
}

size_t agent_look(struct agent *agent)
{
	const struct agent_config *c = &agent->config;
	size_t opened = 0;

	machine_look_clocks(&agent->machine);
	for (size_t i = 0; i < c->page_count; i++) {
		const struct machine_clock file = agent_page_clock(c->pages[i]);

		opened += try_open(agent, &file);
	}
	for (size_t i = 0; i < agent->machine.clock_count; i++) {
		const struct machine_clock *clock = &agent->machine.clocks[i];

		if (c->use_count ? is_named(c, clock) : guest_kind_row(clock->kind)->trusted) {
			opened += try_open(agent, clock);
		}
	}
	lend_quality(agent);
	return opened;
}

int agent_open(struct agent *agent, const struct agent_config *config,
	       struct driver_error *error)
{
	const struct conf *conf = config->conf;
	struct gnomon_clock *kept = config->clocks.kept;
	const bool soft = strcmp(kept->ops->kind, "soft") == 0;
	const double most = conf->max_frequency > 0 ? conf->max_frequency : 900000000;
	const struct feedforward_config ff = {
		.interval_s = config->interval_s,
		.first_step_ns = conf->first_step_threshold * 1e9,
		.step_ns = (conf->step_threshold > 0 ? conf->step_threshold : STEP_S) * 1e9,
		.max_frequency_ppb = most < kept->max_frequency_ppb ? most :
								      kept->max_frequency_ppb,
		.max_slew_ppb = MAX_SLEW_PPB,
		.granularity_ppb = soft ? 1 : KERNEL_GRANULARITY_PPB,
		.tick_s = soft ? 0 : KERNEL_TICK_S,
		.natural_ppb = soft ? conf->soft_clock_frequency : 0,
	};
	double ppb = 0;
	int err;

	memset(agent, 0, sizeof(*agent));
	agent->config = *config;
	agent->chosen = SIZE_MAX;
	agent->bound_ns = INFINITY;
	agent->offset_ns = NAN;
	err = leap_open(&agent->leaps, conf->leapfile, error);
	if (err) {
		return err;
	}
	err = kept->ops->get_frequency(kept, &ppb);
	if (err) {
		return driver_fail(error, err, "%s: cannot read its frequency: %s", kept->name,
				   driver_strerror(err));
	}
	feedforward_init(&agent->ff, &ff, ppb);
	agree_init(&agent->agree);
	machine_look(&agent->machine, config->root);
	(void)agent_look(agent);
	tell_unread(agent);
	tell_unused(agent);
	return 0;
}
