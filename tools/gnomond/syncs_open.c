/* SPDX-License-Identifier: BSD-2-Clause */
/* From sections to pairs: everything is opened and checked, and nothing changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/phc_pins.h"
#include "drivers/pps.h"
#include "tools/discipline/handover.h"
#include "tools/sync/report.h"

#include "syncs_private.h"

#define SOURCE_LABEL (CONF_NAME_MAX + 8)

/* *error, put behind the place in the file. Returns err. */
static int fail_at(const struct syncs *s, unsigned int line, const char *label, int err,
		   struct driver_error *error)
{
	const struct driver_error what = *error;

	if (!s->conf->file || !line) {
		return driver_fail(error, err, "%s: %s", label, what.text);
	}
	return driver_fail(error, err, "%s:%u: %s: %s", s->conf->file, line, label, what.text);
}

/* -- names ------------------------------------------------------------------------------------ */

static const char *behind(const char *name, const char *prefix)
{
	const size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 ? name + len : NULL;
}

static int open_sink(struct syncs *s, struct syncs_pair *p, struct driver_error *error)
{
	const char *name = p->conf->sink;
	const bool out = clocks_is_out(name);
	int err;

	p->steered = !out && !p->conf->servo->free_running;
	if (!out && handover_is_wanted(p->conf->servo)) {
		return driver_fail(error, -EINVAL,
				   "its clock_servo steers nothing: give it pi, or a sync_sink "
				   "shm: or chrony:");
	}
	err = clocks_open(&s->clocks, out ? "CLOCK_REALTIME" : name, p->steered, &p->sink, error);
	if (!err && !out && p->sink == s->kept) {
		err = driver_fail(error, -EINVAL,
				  "%s: is the clock that gnomond keeps itself (%s): name another "
				  "sync_sink",
				  name, s->clocks.items[s->kept].clock->name);
	}
	return err;
}

/* Pulses say when a second begins; the kept clock, which second. */
static int open_pps(struct syncs *s, struct syncs_pair *p, const char *path,
		    struct driver_error *error)
{
	p->source = s->kept;
	if (!s->clocks.items[p->sink].clock->utc) {
		return driver_fail(error, -EINVAL,
				   "%s: its pulses are stamped by the system clock: sync_sink must "
				   "be CLOCK_REALTIME, or a program that keeps it",
				   p->conf->source);
	}
	p->pps_fd = pps_open(path, error);
	return p->pps_fd < 0 ? p->pps_fd : 0;
}

static int open_extts(struct syncs *s, struct syncs_pair *p, const char *number,
		      struct driver_error *error)
{
	char end;

	p->source = s->kept;
	if (sscanf(number, "%d%c", &p->extts_channel, &end) != 1 || p->extts_channel < 0) {
		p->extts_channel = -1;
		return driver_fail(error, -EINVAL, "%s: write extts:CHANNEL, a number",
				   p->conf->source);
	}
	if (syncs_phc_fd(s, p->sink) < 0) {
		p->extts_channel = -1;
		return driver_fail(error, -EINVAL,
				   "%s: only PTP hardware clocks take external time stamps: "
				   "sync_sink must be one",
				   p->conf->source);
	}
	return 0;
}

static int open_source(struct syncs *s, struct syncs_pair *p, struct driver_error *error)
{
	const char *pps = behind(p->conf->source, "pps:");
	const char *extts = behind(p->conf->source, "extts:");

	return pps   ? open_pps(s, p, pps, error) :
	       extts ? open_extts(s, p, extts, error) :
		       clocks_open(&s->clocks, p->conf->source, false, &p->source, error);
}

/* -- what goes together ----------------------------------------------------------------------- */

/* The time sources of the kept clock lead into it. That of chronyd is the system clock. */
static int link_sources(struct syncs *s, char (*labels)[SOURCE_LABEL], struct driver_error *error)
{
	for (size_t i = 0; i < s->conf->source_count; i++) {
		const struct conf_source *source = &s->conf->sources[i];
		const bool phc = source->type == CONF_SOURCE_PHC;
		struct clocks_link link = { .to = s->kept, .how = CLOCKS_CHOOSE,
					    .name = labels[i], .yields = !phc };
		int err;

		if (!phc && source->type != CONF_SOURCE_NTP) {
			continue;
		}
		(void)snprintf(labels[i], SOURCE_LABEL, "source %s", source->name);
		err = clocks_open(&s->clocks, phc ? source->device : "CLOCK_REALTIME", false,
				  &link.from, error);
		err = err ? err : clocks_link(&s->clocks, &link, error);
		if (err) {
			return fail_at(s, source->line, labels[i], err, error);
		}
	}
	return 0;
}

/* Without steering nothing can go round; but a clock tells nothing of itself. Who is handed the
 * time by us is not while it is what we follow. */
static int link_pair(struct syncs *s, struct syncs_pair *p, struct driver_error *error)
{
	const bool out = clocks_is_out(p->conf->sink);
	const struct clocks_link link = {
		.from = p->source,
		.to = p->sink,
		.how = out ? CLOCKS_HAND_OVER : CLOCKS_STEER,
		.name = p->label,
		.yields = out,
	};

	for (const struct syncs_pair *other = s->list; out && other < p; other++) {
		if (clocks_is_out(other->conf->sink) &&
		    clocks_same_out(p->conf->sink, other->conf->sink)) {
			return driver_fail(error, -EINVAL, "%s: %s writes to it already; remove "
					   "one of them",
					   p->conf->sink, other->label);
		}
	}
	if (!out && !p->steered && p->source != p->sink) {
		return 0;
	}
	return clocks_link(&s->clocks, &link, error);
}

static void find_upstream(struct syncs *s, struct syncs_pair *p)
{
	for (size_t i = 0; i < s->count; i++) {
		if (&s->list[i] != p && s->list[i].steered && s->list[i].sink == p->source) {
			p->upstream = &s->list[i];
		}
	}
}

/* -- life ------------------------------------------------------------------------------------- */

int syncs_claim(const struct syncs *s, struct syncs_pair *p, struct driver_error *error)
{
	const struct gnomon_clock *sink = s->clocks.items[p->sink].clock;
	struct driver_error why = { "" };
	int err;

	if (!p->steered) {
		return 0;
	}
	err = steward_take(&p->steward, sink, s->force, error);
	if (!err && steward_unlocked(&p->steward, sink, &why)) {
		sync_report_note(s->log, 4, "%s", why.text);
	}
	return err;
}

int syncs_build(const struct syncs *s, struct syncs_pair *p, struct driver_error *error)
{
	const struct clocks_item *items = s->clocks.items;
	const struct pair_config config = {
		.conf = p->conf->servo,
		.log = s->log,
		.source = items[p->source].clock,
		.sink = items[p->sink].clock,
		.out = p->out,
		.source_name = p->conf->source,
		.sink_name = p->conf->sink,
		.pps_fd = p->pps_fd,
		.extts_fd = p->extts_channel >= 0 ? syncs_phc_fd(s, p->sink) : -1,
		.extts_channel = (unsigned int)p->extts_channel,
		.interval_s = p->conf->interval_s,
		.samples = (unsigned int)p->conf->samples,
		.fixed_offset = p->conf->offset_s != CONF_OFFSET_AUTO,
		.offset_s = p->conf->offset_s,
	};
	int err = pair_init(&p->pair, &config, GNOMON_MONO_NEVER);

	p->built = err == 0;
	return err ? driver_fail(error, err, "%s: cannot be kept: %s", p->conf->sink,
				 err == -ENOENT ? "there is no such clock_servo" :
						  driver_strerror(err)) :
		     0;
}

/* Each of these for all pairs, before the next: what costs least first, what others notice last. */
static int (*const steps[])(struct syncs *s, struct syncs_pair *p, struct driver_error *error) = {
	open_sink,
	open_source,
	link_pair,
};

static int claim_all(struct syncs *s, struct driver_error *error)
{
	int err = 0;

	for (size_t i = 0; i < s->count && !err; i++) {
		struct syncs_pair *p = &s->list[i];

		find_upstream(s, p);
		err = syncs_claim(s, p, error);
		if (!err && clocks_is_out(p->conf->sink)) {
			err = clocks_open_out(&p->out, p->conf->sink, true, error);
		}
		err = err ? err : syncs_build(s, p, error);
		if (err) {
			return fail_at(s, p->conf->line, p->label, err, error);
		}
	}
	return 0;
}

static int open_pairs(struct syncs *s, struct driver_error *error)
{
	int err = 0;

	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		for (size_t i = 0; i < s->count; i++) {
			struct syncs_pair *p = &s->list[i];

			err = steps[k](s, p, error);
			if (err) {
				return fail_at(s, p->conf->line, p->label, err, error);
			}
		}
	}
	return claim_all(s, error);
}

static int make_room(struct syncs *s)
{
	int err = clocks_init(&s->clocks, s->conf->sync_count + s->conf->source_count + 1);

	s->list = calloc(s->conf->sync_count + 1, sizeof(s->list[0]));
	if (err || !s->list) {
		return -ENOMEM;
	}
	s->count = s->conf->sync_count;
	for (size_t i = 0; i < s->count; i++) {
		struct syncs_pair *p = &s->list[i];

		p->conf = &s->conf->syncs[i];
		(void)snprintf(p->label, sizeof(p->label), "sync %s", p->conf->name);
		p->steward.fd = -1;
		p->pps_fd = -1;
		p->extts_channel = -1;
	}
	s->clocks.soft = (struct clock_soft_config){
		.tai_offset = s->conf->utc_offset,
		.initial_offset = gnomon_span_from_double(s->conf->soft_clock_offset * 1e9),
		.oscillator_ppb = s->conf->soft_clock_frequency,
	};
	return 0;
}

int syncs_open(struct syncs *s, const struct conf *conf, struct log *log,
	       struct gnomon_clock *kept, bool force, struct driver_error *error)
{
	char labels[CONF_SOURCES_MAX][SOURCE_LABEL];
	struct clocks_link own = { .how = CLOCKS_CHOOSE, .name = "gnomond" };
	int err;

	*s = (struct syncs){ .conf = conf, .log = log, .force = force,
			     .look = GNOMON_MONO_NEVER };
	if (conf->sync_count == 0 && conf->source_count == 0) {
		return 0;
	}
	err = make_room(s);
	if (err) {
		return driver_fail(error, err, "no memory");
	}
	s->kept = clocks_lend(&s->clocks, kept, CONF_KEPT);
	own.from = clocks_lend(&s->clocks, NULL, "the network");
	own.to = s->kept;
	if (!conf->free_running) {
		err = clocks_link(&s->clocks, &own, error);
		err = err ? err : link_sources(s, labels, error);
	}
	err = err ? err : open_pairs(s, error);
	s->clocks.link_count = 0; /* they were to be checked, and their names are gone next */
	if (!err && conf->sync_count == 0) {
		syncs_close(s); /* there was nothing but sources to check */
	}
	return err;
}

/* A pulse that is taken for nobody fills a queue. */
static void close_pulses(struct syncs *s, struct syncs_pair *p)
{
	if (p->pps_fd >= 0) {
		(void)close(p->pps_fd);
	}
	if (p->extts_channel >= 0 && p->ran) {
		(void)phc_extts_set(syncs_phc_fd(s, p->sink), (unsigned int)p->extts_channel, 0);
	}
}

void syncs_close(struct syncs *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct syncs_pair *p = &s->list[i];

		if (p->steered && p->ran && p->conf->servo->restore_frequency) {
			(void)clock_restore(s->clocks.items[p->sink].clock);
		}
		if (p->built) {
			pair_finish(&p->pair);
		}
		if (p->out) {
			p->out->ops->destroy(p->out);
		}
		close_pulses(s, p);
		steward_release(&p->steward);
	}
	free(s->list);
	clocks_finish(&s->clocks);
	*s = (struct syncs){ .look = GNOMON_MONO_NEVER };
}
