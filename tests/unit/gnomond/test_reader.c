/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources that are read: clocks, pulses and a chronyd of ours behind the drivers' functions. The
 * source is included for what it keeps to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/chrony.h"
#include "drivers/clock_find.h"
#include "drivers/pps.h"
#include "tools/gnomond/reader.h"

#define SECOND GNOMON_NSEC_PER_SEC
#define UTC INT64_C(1700000000)
#define TAI (UTC + 37)

/* -- what is read ----------------------------------------------------------------------------- */

/* Two clocks, and what the drivers say of them. */
static struct world {
	gnomon_time other; /* that is read */
	gnomon_time kept;
	int cross_error;
	int find_error;
	bool same;
	unsigned int opened;
	unsigned int closed;
	struct pps_pulse pulse;
	int pulse_error;
	struct chrony_report report;
	int chrony_error;
	unsigned int asked;
	unsigned int chronyds; /* opened */
} world;

static void world_destroy(struct gnomon_clock *clock)
{
	world.closed++;
}

static int world_read(struct gnomon_clock *clock, gnomon_time *now)
{
	*now = clock->utc ? world.other : world.kept;
	return 0;
}

static const struct gnomon_clock_ops world_ops = {
	.kind = "sim", .read = world_read, .destroy = world_destroy,
};
static struct gnomon_clock tai_clock = { &world_ops, "/dev/ptp1", 1e6, false };
static struct gnomon_clock utc_clock = { &world_ops, "CLOCK_REALTIME", 1e6, true };

static int find_clock(struct gnomon_clock **clock, const char *name,
		      const struct clock_find_options *options, struct driver_error *error)
{
	assert_false(options->adjust);
	if (world.find_error) {
		return driver_fail(error, world.find_error, "%s: %s", name,
				   driver_strerror(world.find_error));
	}
	world.opened++;
	*clock = strcmp(name, "utc") == 0 ? &utc_clock : &tai_clock;
	return 0;
}

static int open_system(struct gnomon_clock **clock, bool adjust, struct driver_error *error)
{
	assert_false(adjust);
	world.opened++;
	*clock = &utc_clock;
	return 0;
}

static int read_cross(struct cross *cross, struct cross_stamp *stamp)
{
	*stamp = (struct cross_stamp){ .a = world.other, .b = world.kept, .half_window_ns = 40 };
	return world.cross_error;
}

static int read_pulse(int fd, struct pps_pulse *pulse)
{
	*pulse = world.pulse;
	return world.pulse_error;
}

static int ask(struct chrony *c)
{
	world.asked++;
	return 0;
}

static int answer(struct chrony *c, struct chrony_report *report)
{
	*report = world.report;
	return world.chrony_error;
}

static int open_chrony(struct chrony *c, const char *device, struct driver_error *error)
{
	world.chronyds++;
	c->fd = 1000;
	return 0;
}

/* -- who is told ------------------------------------------------------------------------------ */

static struct told {
	unsigned int samples;
	unsigned int alarms;
	struct gnomon_sample sample;
	double reference_bound_ns;
	char why[96];
	double bound_ns; /* of the kept clock */
} told;

static void take_sample(struct keeper *k, const struct keeper_origin *origin,
			const struct gnomon_sample *sample, gnomon_mono now)
{
	assert_int_equal(origin->source, 0);
	assert_string_equal(origin->port.source, "gps");
	told.samples++;
	told.sample = *sample;
	told.reference_bound_ns = origin->reference_bound_ns;
}

static void take_alarm(struct keeper *k, unsigned int source, const char *why, gnomon_mono now)
{
	told.alarms++;
	snprintf(told.why, sizeof(told.why), "%s", why);
}

#define clock_find(clock, name, options, error) find_clock(clock, name, options, error)
#define clock_system_open(clock, adjust, error) open_system(clock, adjust, error)
#define clock_same(a, b) (world.same)
#define cross_init(cross, a, b, samples) ((void)0)
#define cross_read(cross, stamp) read_cross(cross, stamp)
#define pps_open(path, error) (1001)
#define pps_read(fd, pulse) read_pulse(fd, pulse)
#define chrony_open(c, device, error) open_chrony(c, device, error)
#define chrony_close(c) ((void)0)
#define chrony_ask(c) ask(c)
#define chrony_receive(c, report) answer(c, report)
#define keeper_sample(k, origin, sample, now) take_sample(k, origin, sample, now)
#define keeper_alarm(k, source, why, now) take_alarm(k, source, why, now)
#define keeper_bound(k, now) (told.bound_ns)
#define keeper_utc_offset(k) (37)
#include "tools/gnomond/reader.c"

/* -- a reader --------------------------------------------------------------------------------- */

struct fixture {
	struct conf conf;
	struct conf_source source;
	struct keeper_source listed;
	struct keeper keeper;
	struct log log;
	struct reader reader;
	struct driver_error error;
	gnomon_mono now;
};

static int open_as(struct fixture *f, enum conf_source_type type)
{
	memset(f, 0, sizeof(*f));
	world = (struct world){ .other = { TAI, 0, 0 }, .kept = { TAI, 0, 0 } };
	told = (struct told){ .bound_ns = 1e3 };
	assert_int_equal(conf_init(&f->conf, true), 0);
	f->conf.verbose = f->conf.use_syslog = 0;
	log_init(&f->log, "test", &f->conf);
	f->source = f->conf.source_defaults;
	strcpy(f->source.name, "gps");
	f->source.type = type;
	f->source.device = "/dev/ptp1";
	f->source.interval_s = 1.0;
	f->source.offset_s = CONF_OFFSET_AUTO;
	f->listed = (struct keeper_source){ .name = "gps", .conf = &f->source };
	f->keeper = (struct keeper){ .conf = &f->conf, .log = &f->log, .clock = &tai_clock,
				     .sources = &f->listed, .source_count = 1 };
	return reader_open(&f->reader, &f->keeper, 0, &f->log, &f->error);
}

static void done(struct fixture *f)
{
	f->reader.pps = -1;
	f->reader.chrony.fd = -1;
	reader_close(&f->reader);
	assert_int_equal(world.opened, world.closed);
	log_finish(&f->log);
	conf_finish(&f->conf);
}

/* At its deadline, not a moment earlier. */
static void measure(struct fixture *f)
{
	gnomon_mono at = reader_deadline(&f->reader);
	unsigned int before = told.samples;

	reader_expire(&f->reader, gnomon_mono_add(at, -1));
	assert_int_equal(told.samples, before);
	f->now = at;
	reader_expire(&f->reader, at);
	assert_true(gnomon_mono_before(at, reader_deadline(&f->reader)));
}

/* -- clocks ----------------------------------------------------------------------------------- */

/* Kept minus source, both in TAI; what the reading may be off is half of the delay. */
static void phc(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_PHC), 0);
	world.kept.nsec = 250;
	measure(&f);
	assert_int_equal(told.samples, 1);
	assert_int_equal(told.sample.offset.ns, 250);
	assert_int_equal(told.sample.mean_delay.ns, 80);
	assert_int_equal(told.sample.local.nsec, 250);
	assert_true(told.reference_bound_ns < 0);
	assert_int_equal(reader_deadline(&f.reader).ns - f.now.ns, SECOND);
	f.source.offset_s = 4;
	measure(&f);
	assert_int_equal(gnomon_span_to_double(told.sample.offset), 4 * (double)SECOND + 250);
	done(&f);
}

/* Where nobody says how far a clock is from TAI, one that keeps UTC is as far as UTC is. */
static void phc_of_utc(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_PHC), 0);
	f.reader.clock = &utc_clock;
	world.other.sec = UTC;
	measure(&f);
	assert_int_equal(gnomon_span_to_double(told.sample.offset), 0);
	done(&f);
}

static void kept_is_no_source(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_PHC), 0);
	done(&f);
	world = (struct world){ .same = true };
	f.error.text[0] = '\0';
	assert_int_equal(conf_init(&f.conf, true), 0);
	assert_int_equal(reader_open(&f.reader, &f.keeper, 0, &f.log, &f.error), -EINVAL);
	assert_non_null(strstr(f.error.text, "source gps: /dev/ptp1 is the clock that is kept"));
	assert_int_equal(world.opened, world.closed);
	world = (struct world){ .find_error = -ENOENT };
	assert_int_equal(reader_open(&f.reader, &f.keeper, 0, &f.log, &f.error), -ENOENT);
	assert_int_equal(strncmp(f.error.text, "source gps: /dev/ptp1: ", 23), 0);
	conf_finish(&f.conf);
}

/* A device that goes is an alarm, and looked for until it is back. */
static void vanishes(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_PHC), 0);
	measure(&f);
	world.cross_error = -EBUSY;
	measure(&f);
	assert_int_equal(told.alarms, 0);
	world.cross_error = -ENODEV;
	measure(&f);
	assert_int_equal(told.alarms, 1);
	assert_string_equal(told.why, "cannot read /dev/ptp1: No such device");
	assert_int_equal(world.closed, 1);
	world.find_error = -ENOENT;
	measure(&f);
	measure(&f);
	assert_int_equal(told.alarms, 1);
	assert_int_equal(reader_deadline(&f.reader).ns - f.now.ns, RETRY_NS);
	world.find_error = 0;
	world.cross_error = 0;
	measure(&f);
	assert_int_equal(told.samples, 2);
	assert_int_equal(world.opened, 2);
	done(&f);
}

/* -- pulses ----------------------------------------------------------------------------------- */

/* A stamp is carried over on the way both clocks went while it came. */
static void carries(void **state)
{
	const struct reader_pair before = { true, { UTC, 900000000, 0 }, { TAI, 900000500, 0 } };
	struct reader_pair after = { true, { UTC + 1, 0, 0 }, { TAI + 1, 8500, 0 } };
	const struct reader_pair none = { .known = false };
	gnomon_time kept = { 0, 0, 0 };

	(void)state;
	/* 80 ppm faster: half of the way is half of the gain. */
	assert_int_equal(between(&before, &after, (gnomon_time){ UTC, 950000000, 0 }, &kept), 0);
	assert_int_equal(kept.sec, TAI);
	assert_int_equal(kept.nsec, 950000500 + 4000);
	assert_int_equal(between(&none, &after, (gnomon_time){ UTC, 950000000, 0 }, &kept),
			 -EAGAIN);
	assert_int_equal(between(&before, &after, (gnomon_time){ UTC, 899999999, 0 }, &kept),
			 -EAGAIN);
	assert_int_equal(between(&before, &after, (gnomon_time){ UTC + 1, 1, 0 }, &kept), -EAGAIN);
	after.kept.sec++;
	assert_int_equal(between(&before, &after, (gnomon_time){ UTC, 950000000, 0 }, &kept),
			 -EAGAIN);
}

/* The clocks go on for a tenth of a second, as one. */
static void pass_tenth(struct fixture *f)
{
	const gnomon_span tenth = gnomon_span_from_ns(SECOND / 10);

	world.other = gnomon_time_add(world.other, tenth);
	world.kept = gnomon_time_add(world.kept, tenth);
	measure(f);
}

static void pulses(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_PPS), 0);
	world.other = (gnomon_time){ UTC, 850000000, 0 };
	world.kept = (gnomon_time){ TAI, 850000300, 0 };
	world.pulse = (struct pps_pulse){ 7, { UTC, 0, 0 } };
	measure(&f); /* an old one */
	pass_tenth(&f);
	assert_int_equal(told.samples, 0);
	world.pulse = (struct pps_pulse){ 8, { UTC + 1, 0, 0 } };
	pass_tenth(&f);
	assert_int_equal(told.samples, 1);
	assert_int_equal(told.sample.offset.ns, 300);
	pass_tenth(&f);
	assert_int_equal(told.samples, 1);
	/* The clock is behind: the pulse comes at the end of a second of its own. */
	world.kept = gnomon_time_add(world.other, gnomon_span_from_ns(36999999000));
	for (int i = 0; i < 8; i++) {
		pass_tenth(&f);
	}
	world.pulse = (struct pps_pulse){ 9, { UTC + 2, 0, 0 } };
	pass_tenth(&f);
	assert_int_equal(told.samples, 2);
	assert_int_equal(told.sample.offset.ns, -1000);
	done(&f);
}

/* Pulses do not say which second they begin; a clock that does not know it cannot use them. */
static void pulses_alone(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_PPS), 0);
	told.bound_ns = 0.5e9;
	world.other = (gnomon_time){ UTC, 950000000, 0 };
	world.kept = (gnomon_time){ TAI, 950000000, 0 };
	world.pulse = (struct pps_pulse){ 1, { UTC, 0, 0 } };
	measure(&f);
	for (uint32_t i = 1; i < 4; i++) {
		for (int t = 0; t < 10; t++) {
			world.pulse = (struct pps_pulse){ 1 + i, { UTC + i, 0, 0 } };
			pass_tenth(&f);
		}
		assert_int_equal(told.samples, i == 2 ? 1 : i == 3 ? 1 : 0);
		assert_int_equal(told.alarms, i == 3 ? 1 : 0);
		told.bound_ns = i == 1 ? 1e3 : 0.5e9;
	}
	assert_string_equal(told.why, "nobody says which second it is");
	done(&f);
}

/* -- chronyd ---------------------------------------------------------------------------------- */

/* The system clock is 2 ms ahead of NTP, and the kept one 1 ms: so much less is it to be moved. */
static void ntp(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_NTP), 0);
	world.other = (gnomon_time){ UTC, 2000000, 0 };
	world.kept = (gnomon_time){ TAI, 1000000, 0 };
	world.report = (struct chrony_report){ .synchronised = true, .offset_s = 0.002,
					       .bound_s = 0.0005 };
	measure(&f);
	assert_int_equal(world.asked, 1);
	assert_int_equal(told.samples, 0);
	world.chrony_error = -EAGAIN;
	measure(&f);
	world.chrony_error = 0;
	measure(&f);
	assert_int_equal(world.asked, 1);
	assert_int_equal(told.samples, 1);
	assert_true(gnomon_span_to_double(told.sample.offset) > 999999.0 &&
		    gnomon_span_to_double(told.sample.offset) < 1000001.0);
	assert_true(told.reference_bound_ns == 500000.0);
	assert_int_equal(reader_deadline(&f.reader).ns - f.now.ns, SECOND);
	done(&f);
}

static void ntp_unsynchronised(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_NTP), 0);
	measure(&f);
	measure(&f);
	assert_int_equal(told.samples + told.alarms, 0);
	world.report = (struct chrony_report){ .synchronised = true };
	world.other.sec = UTC;
	measure(&f);
	measure(&f);
	assert_int_equal(told.samples, 1);
	world.report.synchronised = false;
	measure(&f);
	measure(&f);
	assert_int_equal(told.alarms, 1);
	assert_string_equal(told.why, "chronyd is not synchronised");
	done(&f);
}

/* What chronyd has from this clock is no news of it; what it has from another one may be. */
static void ntp_echo(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(open_as(&f, CONF_SOURCE_NTP), 0);
	world.report = (struct chrony_report){ .synchronised = true, .refclock = true };
	world.other.sec = UTC;
	measure(&f);
	measure(&f);
	assert_int_equal(told.samples, 1);
	f.reader.told = true;
	measure(&f);
	measure(&f);
	assert_int_equal(told.samples, 1);
	assert_int_equal(told.alarms, 1);
	assert_string_equal(told.why, "chronyd follows a reference clock, which may be this one");
	world.report.refclock = false;
	measure(&f);
	measure(&f);
	assert_int_equal(told.samples, 2);
	done(&f);
}

/* One that does not answer is not waited for. Its socket may be another when it is back; to a host
 * the first goes on, so that nothing waits for its name to be looked up. */
static void silent(const char *device, unsigned int opened)
{
	char why[96];
	struct fixture f;

	assert_int_equal(open_as(&f, CONF_SOURCE_NTP), 0);
	f.source.device = device;
	world.report = (struct chrony_report){ .synchronised = true };
	world.other.sec = UTC;
	measure(&f);
	measure(&f);
	assert_int_equal(told.samples, 1);
	world.chrony_error = -EAGAIN;
	for (int i = 0; told.alarms == 0 && i < 2 * ANSWER_POLLS; i++) {
		measure(&f);
	}
	assert_int_equal(told.alarms, 1);
	(void)snprintf(why, sizeof(why), "cannot read %s: Connection timed out", device);
	assert_string_equal(told.why, why);
	world.chrony_error = 0;
	measure(&f);
	/* It was only asked: whether it is back, nobody knows yet. */
	assert_int_equal(f.reader.failures, 1);
	measure(&f);
	assert_int_equal(f.reader.failures, 0);
	assert_int_equal(told.samples, 2);
	assert_int_equal(world.chronyds, opened);
	done(&f);
}

static void ntp_silent(void **state)
{
	(void)state;
	silent("/run/chrony/chronyd.sock", 2);
	silent("auto", 2);
	silent("time.example", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/reader/phc", phc, NULL, NULL, NULL },
		{ "/gnomond/reader/phc_of_utc", phc_of_utc, NULL, NULL, NULL },
		{ "/gnomond/reader/kept_is_no_source", kept_is_no_source, NULL, NULL, NULL },
		{ "/gnomond/reader/vanishes", vanishes, NULL, NULL, NULL },
		{ "/gnomond/reader/carries", carries, NULL, NULL, NULL },
		{ "/gnomond/reader/pulses", pulses, NULL, NULL, NULL },
		{ "/gnomond/reader/pulses_alone", pulses_alone, NULL, NULL, NULL },
		{ "/gnomond/reader/ntp", ntp, NULL, NULL, NULL },
		{ "/gnomond/reader/ntp_unsynchronised", ntp_unsynchronised, NULL, NULL, NULL },
		{ "/gnomond/reader/ntp_echo", ntp_echo, NULL, NULL, NULL },
		{ "/gnomond/reader/ntp_silent", ntp_silent, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/reader", tests, NULL, NULL);
}
