/* SPDX-License-Identifier: BSD-2-Clause */
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/clock_find.h"
#include "drivers/pps.h"
#include "drivers/timer.h"

/* Readings for one comparison. */
#define SAMPLES 5

/* A PPS device is asked for a new pulse so often: the stamp is the kernel's, so it need not be
 * soon, but the clocks are taken to run evenly for so long. */
#define PULSE_POLL_NS 100000000

/* Clocks further apart in rate than this were stepped in between. */
#define RATE_LIMIT 1e-3

/* The kept clock must know which second it is. */
#define SECOND_BOUND_NS 0.4e9

/* chronyd is given so long to answer, and looked after so often. */
#define ANSWER_POLL_NS 10000000
#define ANSWER_POLLS 50

/* What is gone is looked for so often. */
#define RETRY_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)

struct reader_ops {
	/* Open what is read. Returns 0 or -errno with *error. */
	int (*open)(struct reader *r, struct driver_error *error);
	/* Measure. Returns when to do it again, or -errno: what failed. */
	int (*measure)(struct reader *r, gnomon_mono now);
	int64_t (*interval)(const struct reader *r);
};

/* -- all of them ------------------------------------------------------------------------------ */

static int fail_source(const struct reader *r, int code, const char *text,
		       struct driver_error *error)
{
	return driver_fail(error, code, "source %s: %s", r->conf->name, text);
}

static void close_clock(struct reader *r)
{
	if (r->clock) {
		r->clock->ops->destroy(r->clock);
		r->clock = NULL;
	}
}

static int64_t interval_of_conf(const struct reader *r)
{
	return (int64_t)(r->conf->interval_s * 1e9);
}

/* Kept clock minus source, of one instant; the true one is within half a window. */
static void give(struct reader *r, gnomon_span offset, gnomon_time local, int64_t half_window_ns,
		 double bound_ns, gnomon_mono now)
{
	const struct keeper_origin origin = {
		.source = r->source,
		.port = { .interface = "", .source = r->conf->name },
		.reference_bound_ns = bound_ns,
	};
	const struct gnomon_sample sample = {
		.offset = offset,
		/* Half of it is how far the reading can be off. */
		.mean_delay = gnomon_span_from_ns(2 * half_window_ns),
		.local = local,
		.weight = 1.0,
		.sync_interval = (double)r->ops->interval(r) * 1e-9,
	};

	r->measured = true;
	keeper_sample(r->keeper, &origin, &sample, now);
}

/* -- a PTP hardware clock --------------------------------------------------------------------- */

static int open_phc(struct reader *r, struct driver_error *error)
{
	const struct clock_find_options options = { .adjust = false };
	struct driver_error why = { "" };
	int err = clock_find(&r->clock, r->conf->device, &options, &why);

	if (err) {
		r->clock = NULL;
		return fail_source(r, err, why.text, error);
	}
	if (clock_same(r->clock, r->keeper->clock)) {
		close_clock(r);
		return driver_fail(error, -EINVAL,
				   "source %s: %s is the clock that is kept, and no source for "
				   "itself; name another",
				   r->conf->name, r->conf->device);
	}
	cross_init(&r->cross, r->clock, r->keeper->clock, SAMPLES);
	return 0;
}

/* How far the source is ahead of TAI. */
static int source_offset(const struct reader *r)
{
	if (r->conf->offset_s != CONF_OFFSET_AUTO) {
		return r->conf->offset_s;
	}
	return r->clock->utc ? -keeper_utc_offset(r->keeper) : 0;
}

static int measure_phc(struct reader *r, gnomon_mono now)
{
	struct cross_stamp both;
	gnomon_time tai;
	gnomon_time local;
	int err = cross_read(&r->cross, &both);

	if (err) {
		return err;
	}
	tai = both.a;
	tai.sec = gnomon_sat_add(tai.sec, -(int64_t)source_offset(r));
	local = keeper_reading(r->keeper, both.b);
	give(r, gnomon_time_diff(local, tai), local, both.half_window_ns, -1.0, now);
	return 0;
}

static const struct reader_ops phc_ops = { open_phc, measure_phc, interval_of_conf };

/* -- pulses ----------------------------------------------------------------------------------- */

static int64_t interval_of_pulses(const struct reader *r)
{
	(void)r;
	return PULSE_POLL_NS;
}

static int open_pulses(struct reader *r, struct driver_error *error)
{
	struct driver_error why = { "" };
	int err = clock_system_open(&r->clock, false, &why);

	if (!err) {
		r->pps = pps_open(r->conf->device, &why);
		err = r->pps < 0 ? r->pps : 0;
	}
	if (err) {
		close_clock(r);
		return fail_source(r, err, why.text, error);
	}
	r->same = clock_same(r->clock, r->keeper->clock);
	if (!r->same) {
		cross_init(&r->cross, r->clock, r->keeper->clock, SAMPLES);
	}
	r->has_pulse = false;
	return 0;
}

/* A stamp by the other clock between two looks at both: as far on the way from the one to the other
 * for the kept clock as for that one. -EAGAIN: it is not between them, or a clock was stepped. */
static int between(const struct reader_pair *before, const struct reader_pair *after,
		   gnomon_time stamp, gnomon_time *kept)
{
	double other = gnomon_span_to_double(gnomon_time_diff(after->other, before->other));
	double own = gnomon_span_to_double(gnomon_time_diff(after->kept, before->kept));
	double until = gnomon_span_to_double(gnomon_time_diff(stamp, before->other));

	if (!before->known || until < 0 || until > other ||
	    own < other * (1.0 - RATE_LIMIT) || own > other * (1.0 + RATE_LIMIT)) {
		return -EAGAIN;
	}
	*kept = gnomon_time_add(before->kept, gnomon_span_from_double(until * own / other));
	return 0;
}

/* How far an instant is from the nearest full second. */
static gnomon_span from_second(gnomon_time at)
{
	const bool late = at.nsec >= GNOMON_NSEC_PER_SEC / 2;

	return gnomon_time_diff(at, (gnomon_time){ at.sec + late, 0, 0 });
}

/* A pulse says when a second begins, and not which: the kept clock must know that. */
static void take_pulse(struct reader *r, gnomon_time kept, int64_t half_window_ns, gnomon_mono now)
{
	gnomon_time local = keeper_reading(r->keeper, kept);

	if (keeper_bound(r->keeper, now) < SECOND_BOUND_NS) {
		give(r, from_second(local), local, half_window_ns, -1.0, now);
	} else if (r->measured) {
		r->measured = false;
		keeper_alarm(r->keeper, r->source, "nobody says which second it is", now);
	}
}

static int measure_pulse(struct reader *r, gnomon_mono now)
{
	struct reader_pair after = { .known = true };
	struct cross_stamp both = { .half_window_ns = 0 };
	struct pps_pulse pulse;
	gnomon_time kept;
	int err = r->same ? 0 : cross_read(&r->cross, &both);
	bool fresh;

	if (err) {
		return err;
	}
	after.other = both.a;
	after.kept = both.b;
	err = pps_read(r->pps, &pulse);
	fresh = !err && r->has_pulse && pulse.number != r->pulse;
	if (!err) {
		/* The pulse found at the start may be an old one. */
		r->has_pulse = true;
		r->pulse = pulse.number;
		kept = pulse.at;
	}
	if (fresh && (r->same || between(&r->before, &after, pulse.at, &kept) == 0)) {
		take_pulse(r, kept, both.half_window_ns, now);
	}
	r->before = after;
	return err == -EAGAIN ? 0 : err;
}

static const struct reader_ops pps_ops = { open_pulses, measure_pulse, interval_of_pulses };

/* -- the system clock, by chronyd ------------------------------------------------------------- */

static int64_t interval_of_answers(const struct reader *r)
{
	return r->waits ? ANSWER_POLL_NS : interval_of_conf(r);
}

static int open_leaps(struct reader *r, struct driver_error *error)
{
	if (r->conf->offset_s != CONF_OFFSET_AUTO || r->leaps) {
		return 0;
	}
	r->leaps = malloc(sizeof(*r->leaps));
	if (!r->leaps) {
		return driver_fail(error, -ENOMEM, "%s", driver_strerror(-ENOMEM));
	}
	leap_init(r->leaps);
	return leap_open(r->leaps, r->keeper->conf->leapfile, error);
}

/* A host may have a name, and looking that up takes as long as it takes. */
static bool has_host(const struct reader *r)
{
	return r->conf->device[0] != '/' && strcmp(r->conf->device, "auto") != 0;
}

static int open_chronyd(struct reader *r, struct driver_error *error)
{
	int err = r->chrony.fd < 0 ? chrony_open(&r->chrony, r->conf->device, error) : 0;

	if (err) {
		r->chrony.fd = -1;
	}
	return err;
}

static int open_ntp(struct reader *r, struct driver_error *error)
{
	struct driver_error why = { "" };
	int err = clock_system_open(&r->clock, false, &why);

	err = err ? err : open_leaps(r, &why);
	err = err ? err : open_chronyd(r, &why);
	if (err) {
		close_clock(r);
		return fail_source(r, err, why.text, error);
	}
	r->same = clock_same(r->clock, r->keeper->clock);
	if (!r->same) {
		cross_init(&r->cross, r->clock, r->keeper->clock, SAMPLES);
	}
	r->waits = 0;
	return 0;
}

/* UTC to TAI. -EAGAIN: this second comes twice. */
static int to_tai(const struct reader *r, gnomon_time *time)
{
	int offset = r->leaps ? 0 : -r->conf->offset_s;

	if (r->leaps) {
		switch (leap_find(r->leaps, time->sec, &offset)) {
		case LEAP_GOOD:
		case LEAP_EXPIRED:
			break;
		case LEAP_UNKNOWN:
			return -ERANGE;
		case LEAP_AMBIGUOUS:
			return -EAGAIN;
		}
	}
	time->sec = gnomon_sat_add(time->sec, offset);
	return 0;
}

/* The system clock minus what chronyd finds wrong with it is UTC. */
static int take_report(struct reader *r, const struct chrony_report *report, gnomon_mono now)
{
	struct cross_stamp both = { .half_window_ns = 0 };
	gnomon_time tai;
	gnomon_time local;
	int err;

	if (r->same) {
		err = r->clock->ops->read(r->clock, &both.a);
		both.b = both.a;
	} else {
		err = cross_read(&r->cross, &both);
	}
	tai = gnomon_time_sub_span(both.a, gnomon_span_from_double(report->offset_s * 1e9));
	err = err ? err : to_tai(r, &tai);
	if (err == 0) {
		local = keeper_reading(r->keeper, both.b);
		give(r, gnomon_time_diff(local, tai), local, both.half_window_ns,
		     report->bound_s * 1e9, now);
	}
	return err;
}

/* Nothing came yet that could be used, or does any more. */
static int alarm_once(struct reader *r, const char *why, gnomon_mono now)
{
	if (r->measured) {
		keeper_alarm(r->keeper, r->source, why, now);
	}
	r->measured = false;
	return 0;
}

static int take_answer(struct reader *r, gnomon_mono now)
{
	struct chrony_report report;
	int err = chrony_receive(&r->chrony, &report);

	if (err == -EAGAIN && r->waits++ < ANSWER_POLLS) {
		return 0;
	}
	r->waits = 0;
	if (err) {
		return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	if (!report.synchronised) {
		return alarm_once(r, "chronyd is not synchronised", now);
	}
	if (report.refclock && r->told) {
		return alarm_once(r, "chronyd follows a reference clock, which may be this one",
				  now);
	}
	return take_report(r, &report, now);
}

/* Ask, and look for the answer a little later. */
static int measure_ntp(struct reader *r, gnomon_mono now)
{
	int err;

	if (r->waits) {
		return take_answer(r, now);
	}
	err = chrony_ask(&r->chrony);
	r->waits = err == 0;
	return err;
}

static const struct reader_ops ntp_ops = { open_ntp, measure_ntp, interval_of_answers };

/* -- life ------------------------------------------------------------------------------------- */

static const struct reader_ops *ops_of(const struct conf_source *conf)
{
	switch ((enum conf_source_type)conf->type) {
	case CONF_SOURCE_PHC:
		return &phc_ops;
	case CONF_SOURCE_PPS:
		return &pps_ops;
	case CONF_SOURCE_NTP:
		return &ntp_ops;
	case CONF_SOURCE_PTP:
		break;
	}
	return NULL;
}

int reader_open(struct reader *r, struct keeper *keeper, unsigned int source, struct log *log,
		struct driver_error *error)
{
	const struct conf_source *conf = keeper->sources[source].conf;

	*r = (struct reader){ .ops = ops_of(conf), .conf = conf, .log = log, .keeper = keeper,
			      .source = source, .pps = -1, .chrony = { .fd = -1 },
			      .next = timer_now() };
	return r->ops->open(r, error);
}

/* A device, to be opened again. A socket to a host is as good as a new one, and the loop cannot
 * wait for the host to be looked up again. */
static void let_go(struct reader *r)
{
	close_clock(r);
	if (r->pps >= 0) {
		(void)close(r->pps);
		r->pps = -1;
	}
	if (r->chrony.fd >= 0 && !has_host(r)) {
		chrony_close(&r->chrony);
		r->chrony.fd = -1;
	}
	r->before.known = false;
}

void reader_close(struct reader *r)
{
	if (r->ops) {
		let_go(r);
		if (r->chrony.fd >= 0) {
			chrony_close(&r->chrony);
		}
		free(r->leaps);
		r->ops = NULL;
	}
}

gnomon_mono reader_deadline(const struct reader *r)
{
	return r->next;
}

/* It may be back; its device may have another number now. Whether it is, its answer says. */
static int try_again(struct reader *r)
{
	struct driver_error why = { "" };

	return r->ops->open(r, &why);
}

/* Who was asked has not answered yet. */
static void take_success(struct reader *r)
{
	if (r->waits) {
		return;
	}
	if (r->failures) {
		report_source_again(r->log, r->conf->name);
	}
	r->failures = 0;
}

/* The first failure of a row, and then ever more rarely. A device that is gone is let go, so that
 * it can come back. */
static void take_failure(struct reader *r, int err, gnomon_mono now)
{
	char text[96];

	r->failures++;
	snprintf(text, sizeof(text), "cannot read %s: %s", r->conf->device, driver_strerror(err));
	if ((r->failures & (r->failures - 1)) == 0) {
		report_source_error(r->log, r->conf->name, text);
	}
	if (r->measured) {
		r->measured = false;
		keeper_alarm(r->keeper, r->source, text, now);
	}
	if (err == -ENODEV || err == -ENXIO || err == -EBADF || err == -EIO ||
	    r->chrony.fd >= 0) {
		let_go(r);
		r->next = gnomon_mono_add(now, RETRY_NS);
	}
}

static void plan(struct reader *r, gnomon_mono now)
{
	int64_t interval = r->ops->interval(r);

	r->next = gnomon_mono_add(r->next, interval);
	if (gnomon_mono_before(r->next, now)) {
		r->next = gnomon_mono_add(now, interval);
	}
}

void reader_expire(struct reader *r, gnomon_mono now)
{
	int err;

	if (gnomon_mono_before(now, r->next)) {
		return;
	}
	if (!r->clock && try_again(r) != 0) {
		r->next = gnomon_mono_add(now, RETRY_NS);
		return;
	}
	err = r->ops->measure(r, now);
	plan(r, now);
	/* A window spoilt by a step, or a clock that is busy, is no failure. */
	if (err && err != -EAGAIN && err != -EBUSY) {
		take_failure(r, err, now);
	} else if (!err) {
		take_success(r);
	}
}
