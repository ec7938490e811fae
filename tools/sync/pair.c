/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/phc_pins.h"
#include "tools/discipline/discipline.h"

#include "report.h"

/* How often a PPS device is asked for a new pulse: its time stamp is the kernel's, so it need not
 * be soon. */
#define PULSE_POLL_NS 100000000

/* A pulse that the source puts farther from a full second than this is not the source's. */
#define PULSE_LIMIT_NS 10000000

/* How long a source may take to be set after UTC's offset has changed. */
#define SETTLE_S 20.0

/* The kernel counts itself out of synchronization after 16 s; telling it costs a system call. */
#define TELL_KERNEL_NS (4 * (int64_t)GNOMON_NSEC_PER_SEC)

/* A measurement. */
struct reading {
	gnomon_time source; /* or the sink's, if there is none: good for its seconds only */
	gnomon_time local;  /* the sink's */
	gnomon_span offset; /* sink minus source */
	int64_t window_ns;  /* -1: a pulse */
	int64_t error_ns;
	const char *method;
};

/* -- life ------------------------------------------------------------------------------------- */

static bool by_pulses(const struct pair *p)
{
	return p->config.pps_fd >= 0 || p->config.extts_fd >= 0;
}

static void reset_stats(struct pair *p)
{
	gnomon_stats_reset(&p->offset);
	gnomon_stats_reset(&p->frequency);
	gnomon_stats_reset(&p->delay);
}

/* first: in this program's life, so that first_step_threshold counts. */
static int build_discipline(struct pair *p, bool first)
{
	struct gnomon_discipline_config d;
	int err = discipline_configure(&d, p->config.conf, p->config.sink);

	if (!first) {
		d.servo_config.first_step_threshold = 0;
	}
	err = err ? err : discipline_create(&p->discipline, &p->memory, &d);
	if (!err) {
		p->frequency_ppb = d.servo_config.frequency_ppb;
		gnomon_discipline_sync_interval(p->discipline,
						by_pulses(p) ? 1.0 : p->config.interval_s);
	}
	return err;
}

/* What the source decides. */
static void join(struct pair *p)
{
	const struct pair_config *c = &p->config;
	const bool mixed = c->source && c->source->utc != c->sink->utc;

	if (c->source) {
		cross_init(&p->cross, c->source, c->sink, c->samples);
	}
	/* A program that keeps the clock hears of leap seconds even if the kernel must not. */
	if (mixed != p->timescale.utc || !c->source) {
		timescale_init(&p->timescale, mixed && !c->fixed_offset,
			       c->out || c->conf->kernel_leap);
	}
}

void pair_set_source(struct pair *p, struct gnomon_clock *source, const char *name,
		     gnomon_mono now)
{
	p->config.source = source;
	p->config.source_name = name;
	join(p);
	p->next = now;
}

void pair_pause(struct pair *p)
{
	p->next = GNOMON_MONO_NEVER;
}

int pair_init(struct pair *p, const struct pair_config *config, gnomon_mono now)
{
	int err = 0;

	*p = (struct pair){ .config = *config, .next = now, .source_bound_ns = -1.0 };
	join(p);
	reset_stats(p);
	if (!config->out) {
		err = build_discipline(p, true);
	}
	return err;
}

void pair_finish(struct pair *p)
{
	free(p->memory);
	memset(p, 0, sizeof(*p));
}

void pair_reset(struct pair *p)
{
	if (p->discipline) {
		gnomon_discipline_reset(p->discipline);
	}
	p->state = GNOMON_SERVO_UNLOCKED;
	reset_stats(p);
}

void pair_resume(struct pair *p)
{
	void *before = p->memory;

	if (p->discipline && build_discipline(p, false) == 0) {
		free(before);
		p->state = GNOMON_SERVO_UNLOCKED;
		reset_stats(p);
	} else {
		pair_reset(p);
	}
}

void pair_estimate(const struct pair *p, gnomon_mono now, struct gnomon_estimate *estimate)
{
	*estimate = (struct gnomon_estimate){ .bound_ns = (double)INFINITY };
	if (!p->discipline) {
		return;
	}
	gnomon_discipline_estimate(p->discipline, now, estimate);
	/* By how much the source has become worse since it was read. */
	if (p->source_bound_ns > p->sampled_bound_ns) {
		estimate->bound_ns += p->source_bound_ns - p->sampled_bound_ns;
	}
}

double pair_slew(const struct pair *p, gnomon_mono now)
{
	return p->discipline ? gnomon_discipline_slew(p->discipline, now) : (double)INFINITY;
}

void pair_source_bound(struct pair *p, double bound_ns)
{
	p->source_bound_ns = bound_ns >= 0 ? bound_ns : (double)INFINITY;
}

/* What is to be added to the error of a reading for who counts by numbers alone; 0: not known. */
static double known_source_bound(const struct pair *p)
{
	return p->source_bound_ns >= 0 && isfinite(p->source_bound_ns) ? p->source_bound_ns : 0;
}

/* -- timescales ------------------------------------------------------------------------------- */

/* The one of the two that keeps UTC, if the other does not. */
static struct gnomon_clock *utc_clock(const struct pair *p)
{
	return p->config.sink->utc ? p->config.sink : p->config.source;
}

/* Sink minus source as both read, to sink minus what the sink should read. */
static gnomon_span shift_offset(const struct pair *p, gnomon_span offset)
{
	int64_t s = p->config.sink->utc ? p->timescale.shift_s : -p->timescale.shift_s;

	if (p->config.fixed_offset) {
		s = -(int64_t)p->config.offset_s;
	}
	return gnomon_span_add(offset, gnomon_span_from_ns(s * GNOMON_NSEC_PER_SEC));
}

static void apply_leap(struct pair *p)
{
	struct gnomon_clock *sink = p->config.sink;
	int err;

	if (p->config.out || p->config.conf->free_running || !sink->ops->set_leap) {
		return;
	}
	err = sink->ops->set_leap(sink, p->timescale.leap);
	if (err) {
		sync_report_failure(p->config.log, sink->name, "set the clock status", err);
	} else {
		sync_report_leap(p->config.log, p->config.sink_name, p->timescale.leap);
	}
}

/* followed: as timescale_tai_due() has it. */
static void apply_tai_offset(struct pair *p, bool followed)
{
	struct gnomon_clock *sink = p->config.sink;
	int err;

	if (p->config.out || p->config.conf->free_running || !sink->ops->set_tai_offset ||
	    !p->traceable || !timescale_tai_due(&p->timescale, followed)) {
		return;
	}
	err = sink->ops->set_tai_offset(sink, p->timescale.tai_offset);
	if (err) {
		sync_report_failure(p->config.log, sink->name, "set TAI offset", err);
	}
}

/* UTC's offset changed, and no kernel made a leap second of it. A source that keeps UTC is stepped
 * by its keeper, who has heard of it too: soon, and meanwhile it is wrong by a second. */
static void take_jump(struct pair *p, int seconds)
{
	if (p->config.source && p->config.source->utc && (seconds == 1 || seconds == -1)) {
		p->unsettled = (unsigned int)ceil(SETTLE_S / p->config.interval_s);
	} else if (p->discipline) {
		gnomon_discipline_reset(p->discipline);
		p->state = GNOMON_SERVO_UNLOCKED;
	}
}

/* Not while the source is that second off. */
static bool is_unsettled(struct pair *p, gnomon_span offset)
{
	if (p->unsettled > 0 && timescale_has_followed(offset)) {
		p->unsettled = 0;
	}
	return p->unsettled > 0 && p->unsettled-- > 0;
}

void pair_time_properties(struct pair *p, const struct gnomon_time_properties_ds *properties,
			  bool traceable)
{
	struct timescale_change change;
	struct gnomon_clock *utc;
	gnomon_time now = { 0, 0, 0 };

	if (!p->timescale.utc) {
		return;
	}
	utc = utc_clock(p);
	(void)utc->ops->read(utc, &now);
	timescale_update(&p->timescale, properties, now.sec, &change);
	if (change.offset_changed) {
		sync_report_utc_offset(p->config.log, p->config.sink_name, p->timescale.shift_s);
	}
	if (change.leap_changed) {
		apply_leap(p);
	}
	if (change.jump_s) {
		take_jump(p, change.jump_s);
	}
	p->traceable = traceable;
	apply_tai_offset(p, false);
}

/* Around a leap second the two clocks may be apart by one. A sink that has not been set yet does
 * not know what time it is; the source does. */
static bool is_suspended(const struct pair *p, const struct reading *r)
{
	gnomon_time ptp = r->source;

	if (p->config.source && p->config.source->utc) {
		ptp = timescale_local(&p->timescale, r->source);
	} else if (p->state != GNOMON_SERVO_UNLOCKED || p->config.out) {
		ptp = timescale_local(&p->timescale, r->local);
	}
	return timescale_suspended(&p->timescale, ptp);
}

/* -- updates ---------------------------------------------------------------------------------- */

static void report(struct pair *p, const struct reading *r, gnomon_mono now)
{
	/* As free running phc2sys has it. */
	const bool silent = p->config.conf->free_running &&
			    p->config.log->format == CONF_LOG_PTP4L;
	struct gnomon_estimate estimate;
	struct sync_update update = {
		.sink = p->config.sink_name,
		.source = p->config.source_name,
		.servo = silent ? GNOMON_SERVO_UNLOCKED : p->state,
		.offset = r->offset,
		.frequency_ppb = silent ? 0 : p->frequency_ppb,
		.delay_ns = r->window_ns,
		.error_ns = (double)r->error_ns,
		.method = r->method,
	};

	if (p->config.log->level < 6) {
		return;
	}
	pair_estimate(p, now, &estimate);
	update.bound_ns = estimate.bound_ns;
	if (p->config.summary == 0) {
		sync_report_update(p->config.log, &update);
		return;
	}
	gnomon_stats_add(&p->offset, gnomon_span_to_double(r->offset));
	gnomon_stats_add(&p->frequency, update.frequency_ppb);
	if (r->window_ns >= 0) {
		gnomon_stats_add(&p->delay, (double)r->window_ns);
	}
	if (p->offset.count >= p->config.summary) {
		sync_report_summary(p->config.log, &p->offset, &p->frequency, &p->delay, &update);
		reset_stats(p);
	}
}

static void tell_kernel(struct pair *p, const struct reading *r, gnomon_mono now)
{
	const bool locked = p->state == GNOMON_SERVO_LOCKED ||
			    p->state == GNOMON_SERVO_LOCKED_STABLE;
	const gnomon_mono next = gnomon_mono_add(p->kernel_told, TELL_KERNEL_NS);

	if (!locked || !p->config.sink->utc ||
	    (p->kernel_told.ns && gnomon_mono_before(now, next))) {
		return;
	}
	p->kernel_told = now;
	(void)clock_system_set_synchronized(
		p->config.sink, true,
		gnomon_sat_add(gnomon_span_abs(r->offset).ns,
			       gnomon_sat_add(r->error_ns, (int64_t)known_source_bound(p))));
}

/* After a step: to what second, and by a second if one was missing. */
static void retell_timescale(struct pair *p)
{
	struct gnomon_clock *sink = p->config.sink;
	gnomon_time utc;

	if (sink->utc && sink->ops->read(sink, &utc) == 0) {
		timescale_stepped(&p->timescale, utc.sec);
		apply_tai_offset(p, true);
	}
}

/* Step first, then the frequency. */
static void obey(struct pair *p, const struct gnomon_discipline_command *c)
{
	struct gnomon_clock *sink = p->config.sink;
	int err = 0;

	if (c->step) {
		err = sink->ops->step(sink, c->step_by);
		if (err) {
			sync_report_failure(p->config.log, sink->name, "step clock", err);
		} else {
			retell_timescale(p);
			sync_report_step(p->config.log, p->config.sink_name, c->step_by);
		}
	}
	if (!err && c->set_frequency) {
		err = sink->ops->set_frequency(sink, c->frequency_ppb);
		if (err) {
			sync_report_failure(p->config.log, sink->name, "adjust the clock", err);
		}
	}
	if (err) {
		gnomon_discipline_reset(p->discipline);
		p->state = GNOMON_SERVO_UNLOCKED;
	}
}

static void steer(struct pair *p, const struct reading *r, gnomon_mono now)
{
	/* Without leap seconds: to the discipline the clock did not jump. */
	const gnomon_time local = p->config.sink->utc ? timescale_local(&p->timescale, r->local) :
							r->local;
	struct gnomon_discipline_command command;
	const struct gnomon_discipline_sample sample = {
		.offset = r->offset,
		/* Half of it is how far the reading can be off. */
		.mean_delay = gnomon_span_from_ns(r->window_ns > 0 ? r->window_ns : 0),
		.local = local,
		.weight = 1.0,
		/* Unknown is told by the estimate. */
		.reference_bound_ns = isfinite(p->source_bound_ns) ? p->source_bound_ns : -1.0,
	};

	p->sampled_bound_ns = sample.reference_bound_ns >= 0 ? sample.reference_bound_ns : 0;
	gnomon_discipline_sample(p->discipline, &sample, now, &command);
	if (command.insane) {
		sync_report_sanity(p->config.log, p->config.sink_name,
				   gnomon_time_diff(local, p->last_local).ns >
					   now.ns - p->last_mono.ns);
	}
	p->state = command.state;
	obey(p, &command);
	p->last_local = local;
	p->last_mono = now;
	if (!command.ignored) {
		p->frequency_ppb = command.frequency_ppb;
		apply_tai_offset(p, timescale_has_followed(r->offset));
		tell_kernel(p, r, now);
		report(p, r, now);
	}
}

static void hand_over(struct pair *p, const struct reading *r, gnomon_mono now)
{
	const struct sink_sample sample = {
		.local = r->local,
		.offset = r->offset,
		.error_ns = (double)r->error_ns + known_source_bound(p),
		.leap = p->timescale.leap,
	};
	const int err = p->config.out->ops->send(p->config.out, &sample);

	if (err) {
		p->unsent++;
	} else if (p->unsent) {
		sync_report_note(p->config.log, 5, "%s: is there again", p->config.out->name);
		p->unsent = 0;
	}
	/* The first of a row, and then ever more rarely. */
	if (err && (p->unsent & (p->unsent - 1)) == 0) {
		sync_report_failure(p->config.log, p->config.out->name, "hand over an offset", err);
	}
	report(p, r, now);
}

static void take(struct pair *p, struct reading *r, gnomon_mono now)
{
	p->failures = 0;
	r->offset = shift_offset(p, r->offset);
	if (is_suspended(p, r) || is_unsettled(p, r->offset)) {
		sync_report_suspended(p->config.log, p->config.sink_name);
		return;
	}
	if (p->config.out) {
		hand_over(p, r, now);
	} else {
		steer(p, r, now);
	}
}

/* -- readings --------------------------------------------------------------------------------- */

static int read_clocks(struct pair *p, struct reading *r)
{
	struct cross_stamp stamp;
	int err = cross_read(&p->cross, &stamp);

	if (!err) {
		*r = (struct reading){
			.source = stamp.a,
			.local = stamp.b,
			.offset = gnomon_time_diff(stamp.b, stamp.a),
			.window_ns = stamp.window_ns,
			.error_ns = stamp.half_window_ns,
			.method = cross_method_name(stamp.method),
		};
	}
	return err;
}

/* How far an instant is from the nearest full second. */
static gnomon_span from_second(gnomon_time at)
{
	const bool late = at.nsec >= GNOMON_NSEC_PER_SEC / 2;

	return gnomon_time_diff(at, (gnomon_time){ at.sec + late, 0, 0 });
}

/* A pulse by the sink's time; the source says which second it was. -EAGAIN: not the source's. */
static int place_pulse(struct pair *p, gnomon_time at, struct reading *r)
{
	struct reading now;
	gnomon_time by_source;
	gnomon_span rest;
	int err;

	*r = (struct reading){ .source = at, .local = at, .window_ns = -1 };
	r->offset = from_second(at);
	if (!p->config.source) {
		return 0;
	}
	err = read_clocks(p, &now);
	if (err) {
		return err;
	}
	by_source = gnomon_time_sub_span(at, now.offset);
	rest = from_second(by_source);
	if (gnomon_span_abs(rest).ns > PULSE_LIMIT_NS) {
		sync_report_note(p->config.log, 4, "PPS is not in sync with PHC (0.%09u)%s",
				 by_source.nsec,
				 p->config.log->format == CONF_LOG_PTP4L ?
					 "" :
					 "; -s has to be the clock that makes the pulses");
		return -EAGAIN;
	}
	r->source = gnomon_time_sub_span(by_source, rest);
	r->offset = gnomon_time_diff(at, r->source);
	return 0;
}

static int take_pulse(struct pair *p, gnomon_time at, gnomon_mono now)
{
	struct reading r;
	int err = place_pulse(p, at, &r);

	if (!err) {
		take(p, &r, now);
	}
	return err == -EAGAIN ? 0 : err;
}

/* The pulse found at the start may be an old one. */
static int expire_pps(struct pair *p, gnomon_mono now)
{
	struct pps_pulse pulse;
	int err = pps_read(p->config.pps_fd, &pulse);
	bool fresh;

	p->next = gnomon_mono_add(now, PULSE_POLL_NS);
	if (err) {
		return err == -EAGAIN ? 0 : err;
	}
	fresh = p->has_pulse && pulse.number != p->pulse;
	p->has_pulse = true;
	p->pulse = pulse.number;
	return fresh ? take_pulse(p, pulse.at, now) : 0;
}

static int expire_clocks(struct pair *p, gnomon_mono now)
{
	const int64_t interval = (int64_t)(p->config.interval_s * 1e9);
	struct reading r;
	int err = read_clocks(p, &r);

	p->next = gnomon_mono_add(p->next, interval);
	if (gnomon_mono_before(p->next, now)) {
		p->next = gnomon_mono_add(now, interval);
	}
	if (!err) {
		take(p, &r, now);
	}
	return err;
}

/* Nothing came for so long that the last correction must end. */
static void end_correction(struct pair *p, gnomon_mono now)
{
	struct gnomon_discipline_command command;

	if (p->discipline &&
	    !gnomon_mono_before(now, gnomon_discipline_deadline(p->discipline))) {
		gnomon_discipline_expire(p->discipline, now, &command);
		obey(p, &command);
		p->frequency_ppb = command.frequency_ppb;
	}
}

/* The first failure of a row, and then ever more rarely. */
static int report_unread(struct pair *p, int err)
{
	const struct gnomon_clock *source = p->config.source;

	p->failures++;
	if ((p->failures & (p->failures - 1)) == 0) {
		sync_report_failure(p->config.log, source ? source->name : p->config.sink->name,
				    "read clock", err);
	}
	return err;
}

gnomon_mono pair_deadline(const struct pair *p)
{
	return p->discipline ?
		       gnomon_mono_min(p->next, gnomon_discipline_deadline(p->discipline)) :
		       p->next;
}

int pair_expire(struct pair *p, gnomon_mono now)
{
	int err = 0;

	if (!gnomon_mono_before(now, p->next)) {
		if (p->config.extts_fd >= 0) {
			p->next = GNOMON_MONO_NEVER;
		} else if (p->config.pps_fd >= 0) {
			err = expire_pps(p, now);
		} else {
			err = expire_clocks(p, now);
		}
	}
	end_correction(p, now);
	/* A window spoilt by a step, or a clock that is busy, is no failure. */
	return !err || err == -EAGAIN || err == -EBUSY ? 0 : report_unread(p, err);
}

int pair_fd(const struct pair *p)
{
	return p->config.extts_fd;
}

int pair_ready(struct pair *p, gnomon_mono now)
{
	struct phc_event event;
	int err = phc_extts_read(p->config.extts_fd, &event);

	if (!err && event.channel == p->config.extts_channel) {
		err = take_pulse(p, event.at, now);
	}
	return err ? report_unread(p, err) : 0;
}
