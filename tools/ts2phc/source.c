/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the time of day comes from. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/timex.h>
#include <syslog.h>
#include <unistd.h>

#include "drivers/clock.h"
#include "drivers/serial.h"
#include "drivers/timer.h"
#include "ts2phc.h"

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

/* A receiver talks every second: one that is silent so long is opened again. */
#define NMEA_SILENCE (2 * SEC)
#define NMEA_RETRY (2 * SEC)

/* A fix so old says nothing about now. */
#define NMEA_STALE (5 * SEC)

/* Warn at the first refused sentence, then at each so many. */
#define NMEA_REFUSED_STEP 60

/* Without a time for so long something is wrong; what, is said again so much later. */
#define NMEA_DOUBT (10 * SEC)
#define NMEA_DOUBT_AGAIN (600 * SEC)

/* -- TAI from UTC ----------------------------------------------------------------------------- */

/* A list of leap seconds can be replaced while we run. */
static int tai_offset(struct source *s, const char *who, int64_t utc, int *offset)
{
	struct driver_error error = { "" };
	enum leap_answer answer;

	if (leap_refresh(&s->leap, &error) < 0) {
		ts2phc_say(s->log, LOG_WARNING, "%s: %s", who, error.text);
	}
	answer = leap_find(&s->leap, utc, offset);
	if (answer != LEAP_GOOD) {
		ts2phc_say(s->log, LOG_ERR, "%s%s%s", who, *who ? ": " : "",
			   leap_answer_text(answer));
		return -ENODATA;
	}
	return 0;
}

/* -- generic ---------------------------------------------------------------------------------- */

static int generic_now(struct source *s, gnomon_time *tai)
{
	struct timespec ts;
	int offset;
	int err;

	if (clock_gettime(CLOCK_REALTIME, &ts)) {
		return -errno;
	}
	err = clock_system_tai_offset(&offset);
	if (err) {
		err = tai_offset(s, "", ts.tv_sec, &offset);
	}
	if (!err) {
		*tai = clock_time_from_timespec(ts);
		tai->sec += offset;
	}
	return err;
}

/* -- nmea ------------------------------------------------------------------------------------- */

static int nmea_try_open(struct source *s, gnomon_mono now, struct driver_error *error)
{
	const struct conf *c = s->conf;
	struct source_nmea *n = &s->nmea;

	if (c->ts2phc_nmea_remote_host[0] && c->ts2phc_nmea_remote_port[0]) {
		n->fd = serial_connect(c->ts2phc_nmea_remote_host, c->ts2phc_nmea_remote_port,
				       error);
	} else {
		n->fd = serial_open(c->ts2phc_nmea_serialport,
				    c->defaults.ts2phc_nmea_baudrate, error);
	}
	memset(&n->parser, 0, sizeof(n->parser));
	n->heard = now;
	n->doubt = gnomon_mono_add(now, NMEA_DOUBT);
	n->retry = gnomon_mono_add(now, NMEA_RETRY);
	return n->fd < 0 ? n->fd : 0;
}

static void nmea_close(struct source *s, gnomon_mono now, const char *why)
{
	ts2phc_say(s->log, LOG_ERR, "%s", why);
	(void)close(s->nmea.fd);
	s->nmea.fd = -1;
	s->nmea.retry = gnomon_mono_add(now, NMEA_RETRY);
}

static const char *nmea_port(const struct conf *c)
{
	return c->ts2phc_nmea_remote_host[0] ? c->ts2phc_nmea_remote_host
					     : c->ts2phc_nmea_serialport;
}

/* Line noise is normal at first, when a line is heard from its middle. */
static void nmea_refuse(struct source *s, const char *what)
{
	const bool native = s->log->format != CONF_LOG_PTP4L;
	const char *port = nmea_port(s->conf);
	struct source_nmea *n = &s->nmea;

	if (n->refused++ % NMEA_REFUSED_STEP == 0) {
		ts2phc_say(s->log, LOG_WARNING, "nmea: %s%s%s: %s", native ? port : "",
			   native ? ": " : "", what, nmea_sentence(&n->parser));
	}
}

/* It talks, and its time does not come. */
static void nmea_doubt(struct source *s, gnomon_mono now)
{
	struct source_nmea *n = &s->nmea;

	ts2phc_say(s->log, LOG_WARNING, "nmea: %s: %s", nmea_port(s->conf),
		   !n->sentence ? "no sentence came in 10 s: is that the port of a GNSS receiver, "
				  "and at that speed (ts2phc.nmea_baudrate)?"
		   : !n->rmc    ? "no RMC sentence came in 10 s: have the receiver send them"
				: "no valid RMC sentence came in 10 s: the receiver does not "
				  "vouch for its time, as one without satellites");
	n->doubt = gnomon_mono_add(now, NMEA_DOUBT_AGAIN);
	n->sentence = false;
	n->rmc = false;
}

static void nmea_take(struct source *s, char c, gnomon_mono now)
{
	struct source_nmea *n = &s->nmea;
	struct nmea_fix fix;

	switch (nmea_push(&n->parser, c, &fix)) {
	case NMEA_NOTHING:
		break;
	case NMEA_OTHER:
		n->sentence = true;
		break;
	case NMEA_RMC:
		n->refused = 0;
		n->sentence = true;
		n->rmc = true;
		if (fix.valid) {
			n->doubt = gnomon_mono_add(now, NMEA_DOUBT);
		}
		n->fix = fix;
		n->fix_at = now;
		ts2phc_say(s->log, LOG_DEBUG, "nmea sentence: %s", nmea_sentence(&n->parser));
		break;
	case NMEA_CHECKSUM:
		nmea_refuse(s, "checksum mismatch");
		break;
	case NMEA_NONSENSE:
		nmea_refuse(s, "not a sentence");
		break;
	}
}

static void nmea_read(struct source *s, gnomon_mono now)
{
	char buf[512];
	ssize_t n = read(s->nmea.fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		nmea_close(s, now, "failed to read from nmea source");
		return;
	}
	s->nmea.heard = now;
	for (ssize_t i = 0; i < n; i++) {
		nmea_take(s, buf[i], now);
	}
	if (!gnomon_mono_before(now, s->nmea.doubt)) {
		nmea_doubt(s, now);
	}
}

static void nmea_tend(struct source *s, bool readable, gnomon_mono now)
{
	struct source_nmea *n = &s->nmea;
	struct driver_error error = { "" };

	if (n->fd >= 0 && readable) {
		nmea_read(s, now);
	} else if (n->fd >= 0 && !gnomon_mono_before(now, gnomon_mono_add(n->heard,
									 NMEA_SILENCE))) {
		nmea_close(s, now, "nmea source timed out");
	}
	if (n->fd < 0 && !gnomon_mono_before(now, n->retry) && nmea_try_open(s, now, &error)) {
		ts2phc_say(s->log, LOG_ERR, "failed to open nmea source: %s", error.text);
	}
}

static int nmea_now(struct source *s, gnomon_mono now, gnomon_time *tai)
{
	const struct source_nmea *n = &s->nmea;
	const int64_t age = n->fix_at.ns == GNOMON_MONO_NEVER.ns ? 0 : now.ns - n->fix_at.ns;
	gnomon_time t = { n->fix.utc, n->fix.nsec, 0 };
	int offset;
	int err;

	if (!n->fix.valid) {
		ts2phc_say(s->log, LOG_DEBUG, "nmea: no valid rmc fix");
		return -ENODATA;
	}
	if (age > NMEA_STALE) {
		ts2phc_say(s->log, LOG_ERR, "nmea: rmc time stamp stale");
		return -ESTALE;
	}
	err = tai_offset(s, "nmea", n->fix.utc, &offset);
	if (!err) {
		t.sec += offset;
		*tai = gnomon_time_add(
			t, gnomon_span_from_ns(age + s->conf->defaults.ts2phc_nmea_delay));
	}
	return err;
}

/* -- a PHC ------------------------------------------------------------------------------------ */

int ts2phc_find_pin(const struct phc_device *device, const struct conf_port *port, int *pin,
		    struct phc_caps *caps, struct driver_error *error)
{
	int err = phc_caps_read(device->fd, caps);

	*pin = port->ts2phc_pin_index;
	if (!err && port->ts2phc_pin_name[0]) {
		*pin = phc_pin_find(device->fd, port->ts2phc_pin_name);
		if (*pin == -ENOENT) {
			return driver_fail(error, -ENOENT,
					   "%s: has no pin named %s; \"gnomon phc %s pins\" lists "
					   "them",
					   device->name, port->ts2phc_pin_name, device->name);
		}
		err = *pin < 0 ? *pin : 0;
	}
	if (err) {
		return driver_fail(error, err, "%s: cannot read its pins: %s", device->name,
				   driver_strerror(err));
	}
	if (caps->pins > 0 && *pin >= caps->pins) {
		return driver_fail(error, -ENOENT, "%s: has no pin %d; there are %d from 0 on",
				   device->name, *pin, caps->pins);
	}
	*pin = caps->pins > 0 ? *pin : -1;
	return 0;
}

static int phc_open(struct source *s, const char *name, struct driver_error *error)
{
	const struct conf_interface *section = conf_interface_find(s->conf, name);
	struct phc_caps caps;
	int pin;
	int err = phc_device_open(&s->device, name, error);

	s->port = section ? &section->conf : &s->conf->defaults;
	if (err) {
		return err;
	}
	if (s->device.fd < 0) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: has no pins to put a pulse on; give a PTP hardware clock, "
				   "generic or nmea",
				   name);
	}
	err = ts2phc_find_pin(&s->device, s->port, &pin, &caps, error);
	if (!err && s->port->ts2phc_channel >= caps.per_out) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: has no channel %d for periodic output; there are %d",
				   s->device.name, s->port->ts2phc_channel, caps.per_out);
	}
	return err;
}

/* A second of the clock that is surely to come, and a width that is half of the period if it is
 * not said. */
static int phc_start(struct source *s, const struct edge_pulse *pulse, struct driver_error *error)
{
	const int width = s->conf->ts2phc_pulsewidth;
	struct phc_perout out = {
		.channel = (unsigned int)s->port->ts2phc_channel,
		.period_ns = s->conf->ts2phc_pulserate == 1 ? SEC : pulse->period_ns,
		.width_ns = width < 0 ? pulse->period_ns / 2 : width,
		.has_phase = s->port->ts2phc_perout_phase >= 0,
		.phase_ns = s->port->ts2phc_perout_phase,
	};
	struct phc_caps caps;
	struct timespec now;
	int pin;
	int err = ts2phc_find_pin(&s->device, s->port, &pin, &caps, error);

	if (err) {
		return err;
	}
	if (pin >= 0) {
		err = phc_pin_set(s->device.fd, (unsigned int)pin, PTP_PF_PEROUT, out.channel);
		if (err) {
			ts2phc_say(s->log, LOG_WARNING, "%s: cannot set pin %d to its output: %s",
				   s->device.name, pin, driver_strerror(err));
		}
	}
	err = phc_device_get(&s->device, &now);
	if (!err) {
		out.start_sec = now.tv_sec + 2;
		err = phc_perout_start(s->device.fd, &out);
	}
	if (err) {
		return driver_fail(error, err, "%s: cannot start its pulse on channel %u: %s",
				   s->device.name, out.channel, driver_strerror(err));
	}
	s->pulsing = true;
	return 0;
}

/* -- all three -------------------------------------------------------------------------------- */

int source_open(struct source *source, const char *name, const struct conf *conf, struct log *log,
		struct driver_error *error)
{
	int err;

	*source = (struct source){
		.kind = strcasecmp(name, "generic") == 0 ? SOURCE_GENERIC
			: strcasecmp(name, "nmea") == 0	 ? SOURCE_NMEA
							 : SOURCE_PHC,
		.conf = conf,
		.log = log,
		.nmea = { .fd = -1, .fix_at = GNOMON_MONO_NEVER, .retry = timer_now() },
		.device = { .fd = -1 },
		.keep = KEEP_NONE,
	};
	if (source->kind == SOURCE_PHC) {
		return phc_open(source, name, error);
	}
	err = leap_open(&source->leap, conf->leapfile, error);
	if (err || source->kind == SOURCE_GENERIC) {
		return err;
	}
	if (!serial_baud_known(conf->defaults.ts2phc_nmea_baudrate)) {
		return driver_fail(error, -EINVAL,
				   "key 'ts2phc.nmea_baudrate': serial ports have no speed of %d",
				   conf->defaults.ts2phc_nmea_baudrate);
	}
	return 0;
}

/* A receiver may be plugged in later: that it is not there yet is no reason to stop. */
int source_start(struct source *source, const struct edge_pulse *pulse, struct driver_error *error)
{
	if (source->kind == SOURCE_PHC) {
		return phc_start(source, pulse, error);
	}
	source_tend(source, false, timer_now());
	return 0;
}

int source_keep(struct source *source, bool steal, struct driver_error *error)
{
	return source->kind == SOURCE_PHC ? keep_init(&source->keep, &source->device, source->conf,
						      steal, error)
					  : 0;
}

void source_close(struct source *source)
{
	if (source->pulsing) {
		(void)phc_perout_stop(source->device.fd,
				      (unsigned int)source->port->ts2phc_channel);
	}
	keep_finish(&source->keep);
	phc_device_close(&source->device);
	if (source->nmea.fd >= 0) {
		(void)close(source->nmea.fd);
		source->nmea.fd = -1;
	}
}

int source_now(struct source *source, gnomon_mono now, gnomon_time *tai)
{
	struct timespec ts;
	int err;

	switch (source->kind) {
	case SOURCE_GENERIC:
		return generic_now(source, tai);
	case SOURCE_NMEA:
		return nmea_now(source, now, tai);
	case SOURCE_PHC:
		break;
	}
	err = phc_device_get(&source->device, &ts);
	if (!err) {
		*tai = clock_time_from_timespec(ts);
	}
	return err;
}

int source_fd(const struct source *source)
{
	return source->kind == SOURCE_NMEA ? source->nmea.fd : -1;
}

gnomon_mono source_deadline(const struct source *source)
{
	if (source->kind != SOURCE_NMEA) {
		return GNOMON_MONO_NEVER;
	}
	return source->nmea.fd < 0 ? source->nmea.retry
				   : gnomon_mono_add(source->nmea.heard, NMEA_SILENCE);
}

void source_tend(struct source *source, bool readable, gnomon_mono now)
{
	if (source->kind == SOURCE_NMEA) {
		nmea_tend(source, readable, now);
	}
}
