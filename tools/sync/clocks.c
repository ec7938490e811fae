/* SPDX-License-Identifier: BSD-2-Clause */
/* The clocks the options name, opened and checked before anything is changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/clock_find.h"
#include "drivers/phc_pins.h"
#include "drivers/pps.h"
#include "report.h"
#include "session.h"
#include "tools/clocks/clocks.h"
#include "tools/discipline/handover.h"

static int fd_of(const struct gnomon_clock *phc)
{
	return ~(clock_id(phc) >> 3);
}

static bool is_kind(const struct gnomon_clock *clock, const char *kind)
{
	return strcmp(clock->ops->kind, kind) == 0;
}

static struct clock_soft_config soft_config(const struct conf *conf, bool sink)
{
	return (struct clock_soft_config){
		.tai_offset = conf->utc_offset,
		.initial_offset = gnomon_span_from_double(sink ? conf->soft_clock_offset * 1e9 : 0),
		.oscillator_ppb = sink ? conf->soft_clock_frequency : 0,
	};
}

static int open_source(struct sync *s, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	const struct clock_find_options find = { .soft = soft_config(s->conf, false) };
	int err = 0;

	if (o->source) {
		err = clock_find(&s->source, o->source, &find, error);
	}
	if (!err && o->pps) {
		s->pps_fd = pps_open(o->pps, error);
		err = s->pps_fd < 0 ? s->pps_fd : 0;
	}
	return err;
}

static bool names_out(const struct sync_options *o, const char *name)
{
	return !o->drop_in && clocks_is_out(name);
}

/* Who keeps the system clock, by a name of its own or by -E. */
static int open_out(struct sync *s, struct sync_sink *sink, const char *name,
		    struct driver_error *error)
{
	const struct sync_options *o = s->options;

	if (names_out(o, name)) {
		return clocks_open_out(&sink->out, name, false, error);
	}
	if (!handover_is_wanted(s->conf)) {
		return 0;
	}
	if (o->sink_count > 1) {
		return driver_fail(error, -EINVAL,
				   "%s: with that clock_servo there can be one sink only; give one "
				   "-c, or name them chrony:PATH and shm:SEGMENT without -E",
				   name);
	}
	return handover_open(&sink->out, s->conf, error);
}

int sync_open_sink(struct sync *s, struct sync_sink *sink, const char *name,
		   struct driver_error *error)
{
	struct clock_find_options find = { .soft = soft_config(s->conf, true) };
	int err;

	sink->steward.fd = -1;
	sink->daemon = -1;
	err = open_out(s, sink, name, error);
	if (err) {
		return err;
	}
	(void)snprintf(sink->name, sizeof(sink->name), "%s", name);
	find.adjust = !sink->out && !s->conf->free_running;
	return clock_find(&sink->clock, names_out(s->options, name) ? "CLOCK_REALTIME" : name,
			  &find, error);
}

/* Two sinks. Programs that keep the system clock may be several, if they are told apart. */
static int check_two(const struct sync *s, const struct sync_sink *sink,
		     const struct sync_sink *other, struct driver_error *error)
{
	const bool outs = names_out(s->options, sink->name) && names_out(s->options, other->name);

	if (outs && clocks_same_out(sink->name, other->name)) {
		return driver_fail(error, -EINVAL, "%s: is given twice; give it once", sink->name);
	}
	if ((sink->out && other->out) || !clock_same(sink->clock, other->clock)) {
		return 0;
	}
	if (sink->out || other->out) {
		return driver_fail(error, -EINVAL,
				   "%s: hands %s to a program that steers it, as %s would; give "
				   "one of them",
				   sink->out ? sink->name : other->name, sink->clock->name,
				   sink->out ? other->name : sink->name);
	}
	return driver_fail(error, -EINVAL, "%s: is the same clock as sink %s; give it once",
			   sink->name, other->name);
}

/* A clock that is kept by itself, or by two pairs, would never come to rest. */
static int check_sink(const struct sync *s, size_t index, struct driver_error *error)
{
	const struct sync_sink *sink = &s->sinks[index];

	if (s->source && clock_same(s->source, sink->clock)) {
		return driver_fail(error, -EINVAL,
				   "%s: source and sink are the same clock (%s); give two",
				   sink->name, s->source->name);
	}
	for (size_t i = 0; i < index; i++) {
		int err = check_two(s, sink, &s->sinks[i], error);

		if (err) {
			return err;
		}
	}
	if (s->options->extts_channel >= 0 && !is_kind(sink->clock, "phc")) {
		return driver_fail(error, -EINVAL,
				   "%s: only PTP hardware clocks take external time stamps; give "
				   "one with -c",
				   sink->name);
	}
	return 0;
}

/* phc2sys runs beside anything; it is told of it. */
int sync_claim(struct sync *s, struct sync_sink *sink, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	struct driver_error why = { "" };
	int err;

	if (sink->out || s->conf->free_running) {
		return 0;
	}
	err = steward_take(&sink->steward, sink->clock, o->force, error);
	if (!err && steward_unlocked(&sink->steward, sink->clock, &why)) {
		sync_report_note(&s->log, 4, "%s", why.text);
	}
	if (err && o->drop_in) {
		sync_report_note(&s->log, 4, "%s", error->text);
		err = 0;
	}
	return err;
}

int sync_open(struct sync *s, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	int err = open_source(s, error);

	s->sinks = calloc(o->sink_count + 1, sizeof(s->sinks[0]));
	if (!s->sinks) {
		return driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	for (size_t i = 0; !err && i < o->sink_count; i++) {
		s->sink_count++;
		err = sync_open_sink(s, &s->sinks[i], o->sinks[i], error);
		err = err ? err : check_sink(s, i, error);
	}
	for (size_t i = 0; !err && i < s->sink_count; i++) {
		err = sync_claim(s, &s->sinks[i], error);
	}
	return err;
}

/* linuxptp calls sources so. */
static const char *source_label(const struct sync *s)
{
	if (!s->options->drop_in) {
		return s->options->pps	   ? s->options->pps :
		       s->options->source ? s->options->source :
					     "extts";
	}
	return s->pps_fd >= 0		  ? "pps" :
	       is_kind(s->source, "phc") ? "phc" :
					   "sys";
}

static int start_pulses(struct sync *s, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	int err = 0;

	if (s->pps_fd >= 0 && s->source && is_kind(s->source, "phc")) {
		/* It may be on already, or the source of pulses another one. */
		(void)pps_enable(fd_of(s->source), true);
	}
	if (o->extts_channel >= 0) {
		err = phc_extts_set(fd_of(s->sinks[0].clock), (unsigned int)o->extts_channel,
				    PHC_EDGE_RISING);
	}
	return err ? driver_fail(error, err,
				 "%s: cannot take external time stamps on channel %d: %s; \"gnomon "
				 "phc\" shows what the clock can do",
				 s->sinks[0].name, o->extts_channel, driver_strerror(err)) :
		     0;
}

void sync_pair_config(struct sync *s, struct pair_config *config)
{
	const struct sync_options *o = s->options;

	*config = (struct pair_config){
		.conf = s->conf,
		.log = &s->log,
		.pps_fd = s->pps_fd,
		.extts_fd = o->extts_channel >= 0 ? fd_of(s->sinks[0].clock) : -1,
		.extts_channel = (unsigned int)o->extts_channel,
		.interval_s = o->interval_s,
		.samples = (unsigned int)o->samples,
		.fixed_offset = o->fixed_offset,
		.offset_s = o->offset_s,
		.summary = o->summary,
	};
}

int sync_pair_all(struct sync *s, gnomon_mono now, struct driver_error *error)
{
	struct pair_config config;
	int err = start_pulses(s, error);

	sync_pair_config(s, &config);
	config.source = s->source;
	config.source_name = source_label(s);
	for (size_t i = 0; !err && i < s->sink_count; i++) {
		struct sync_sink *sink = &s->sinks[i];

		config.sink = sink->clock;
		config.out = sink->out;
		config.sink_name = sink->name;
		err = pair_init(&sink->pair, &config, now);
		sink->paired = err == 0;
		sink->active = err == 0;
		if (err) {
			return driver_fail(error, err, "%s: cannot be kept: %s", sink->name,
					   err == -ENOENT ? "there is no such servo yet" :
							    driver_strerror(err));
		}
	}
	return err;
}

void sync_close_sink(struct sync *s, struct sync_sink *sink)
{
	const bool steered = sink->paired && !sink->out && !s->conf->free_running;

	if (steered && s->conf->restore_frequency) {
		(void)clock_restore(sink->clock);
	}
	if (sink->paired) {
		pair_finish(&sink->pair);
	}
	if (sink->out) {
		sink->out->ops->destroy(sink->out);
	}
	if (sink->clock) {
		if (s->options->extts_channel >= 0 && is_kind(sink->clock, "phc")) {
			(void)phc_extts_set(fd_of(sink->clock),
					    (unsigned int)s->options->extts_channel, 0);
		}
		sink->clock->ops->destroy(sink->clock);
	}
	steward_release(&sink->steward);
	memset(sink, 0, sizeof(*sink));
}

void sync_close(struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		sync_close_sink(s, &s->sinks[i]);
	}
	free(s->sinks);
	for (size_t i = 0; i < s->follow_count; i++) {
		sync_follow_close(&s->follows[i]);
	}
	free(s->follows);
	if (s->source) {
		s->source->ops->destroy(s->source);
	}
	if (s->pps_fd >= 0) {
		(void)close(s->pps_fd);
	}
}
