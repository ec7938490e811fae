/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks that time-stamp the pulse, and are kept by it. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "drivers/clock.h"
#include "ts2phc.h"

/* A queue the kernel keeps is no longer than this. */
#define QUEUE_MAX 1024

static const unsigned int edges[] = {
	[CONF_EDGE_RISING] = PHC_EDGE_RISING,
	[CONF_EDGE_FALLING] = PHC_EDGE_FALLING,
	[CONF_EDGE_BOTH] = PHC_EDGE_BOTH,
};

/* -- opening ---------------------------------------------------------------------------------- */

static void configure_servo(const struct sink *sink, const struct conf *c,
			    struct gnomon_servo_config *s)
{
	const double limit = sink->device.clock->max_frequency_ppb;

	gnomon_servo_config_default(s);
	s->frequency_ppb = sink->frequency_ppb;
	s->max_frequency_ppb = c->max_frequency > 0 && c->max_frequency < limit ? c->max_frequency
										: limit;
	s->first_step_threshold = c->first_step_threshold;
	s->step_threshold = c->step_threshold;
	s->pi_proportional_const = c->pi_proportional_const;
	s->pi_integral_const = c->pi_integral_const;
	s->pi_proportional_scale = c->pi_proportional_scale;
	s->pi_proportional_exponent = c->pi_proportional_exponent;
	s->pi_proportional_norm_max = c->pi_proportional_norm_max;
	s->pi_integral_scale = c->pi_integral_scale;
	s->pi_integral_exponent = c->pi_integral_exponent;
	s->pi_integral_norm_max = c->pi_integral_norm_max;
	s->offset_threshold_ns = c->servo_offset_threshold;
	s->num_offset_values = (unsigned int)c->servo_num_offset_values;
}

static int make_discipline(struct sink *sink, const struct conf *c)
{
	static const char key[] = "clock_servo";
	struct gnomon_discipline_config d = {
		.size = sizeof(d),
		.free_running = c->free_running,
		.step_window = (unsigned int)c->step_window,
		.sanity_freq_limit_ppb = c->sanity_freq_limit,
		.path_asymmetry_ns = c->path_asymmetry_bound,
		.drift_ppb_per_s = c->oscillator_drift_bound,
	};
	char label[32];
	size_t size;
	int err;

	d.servo = gnomon_servo_find(
		conf_label(conf_key_find(key, strlen(key)), c->clock_servo, label));
	configure_servo(sink, c, &d.servo_config);
	size = gnomon_discipline_size(&d);
	if (size == 0) {
		return -EINVAL;
	}
	sink->memory = malloc(size);
	if (!sink->memory) {
		return -ENOMEM;
	}
	err = gnomon_discipline_init(&sink->discipline, sink->memory, size, &d);
	if (!err) {
		gnomon_discipline_sync_interval(sink->discipline, 1.0 / c->ts2phc_pulserate);
	}
	return err;
}

static int check_channel(const struct sink *sink, struct driver_error *error)
{
	struct phc_caps caps;
	int pin;
	int err;

	if (sink->device.fd < 0) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: cannot time-stamp pulses; give a PTP hardware clock",
				   sink->name);
	}
	err = ts2phc_find_pin(&sink->device, sink->port, &pin, &caps, error);
	if (!err && (int)sink->channel >= caps.ext_ts) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: has no channel %u for external time stamps; there are %d",
				   sink->device.name, sink->channel, caps.ext_ts);
	}
	return err;
}

int sink_open(struct sink *sink, const struct conf_interface *interface, const struct conf *conf,
	      bool steal, struct driver_error *error)
{
	int err;

	*sink = (struct sink){
		.port = &interface->conf,
		.device = { .fd = -1 },
		.steward = { .fd = -1 },
		.channel = (unsigned int)interface->conf.ts2phc_channel,
		.target = true,
	};
	memcpy(sink->name, interface->name, sizeof(sink->name));
	err = phc_device_open(&sink->device, interface->name, error);
	if (!err) {
		err = check_channel(sink, error);
	}
	if (!err && !conf->free_running) {
		err = steward_take(&sink->steward, sink->device.clock, steal, error);
	}
	if (err) {
		return err;
	}
	/* A clock that cannot say its frequency is at 0 as far as anybody knows. */
	(void)phc_device_frequency(&sink->device, &sink->frequency_ppb);
	err = make_discipline(sink, conf);
	return err ? driver_fail(error, err, "%s: cannot keep this clock: %s", sink->name,
				 err == -EINVAL ? "it cannot be adjusted" : driver_strerror(err))
		   : 0;
}

/* -- pulses ----------------------------------------------------------------------------------- */

/* 1: yes, 0: no, -EIO: the device is gone. */
static int has_input(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (poll(&pollfd, 1, 0) <= 0) {
		return 0;
	}
	if (pollfd.revents & POLLIN) {
		return 1;
	}
	return pollfd.revents & (POLLERR | POLLHUP | POLLNVAL) ? -EIO : 0;
}

/* Stamps of an earlier run would be taken for new ones. */
static void empty_queue(const struct sink *sink)
{
	struct phc_event event;

	for (int i = 0; i < QUEUE_MAX && has_input(sink->device.fd) > 0; i++) {
		if (phc_extts_read(sink->device.fd, &event)) {
			return;
		}
	}
}

int sink_arm(struct sink *sink, struct driver_error *error)
{
	const int fd = sink->device.fd;
	struct phc_caps caps;
	int pin;
	int err = ts2phc_find_pin(&sink->device, sink->port, &pin, &caps, error);

	if (err) {
		return err;
	}
	if (pin >= 0) {
		err = phc_pin_set(fd, (unsigned int)pin, PTP_PF_EXTTS, sink->channel);
		if (err) {
			return driver_fail(error, err, "%s: cannot set pin %d to time stamps: %s",
					   sink->device.name, pin, driver_strerror(err));
		}
	}
	(void)phc_extts_set(fd, sink->channel, 0);
	(void)phc_extts_only(fd, sink->channel);
	empty_queue(sink);
	err = phc_extts_set(fd, sink->channel, edges[sink->port->ts2phc_extts_polarity]);
	if (err) {
		return driver_fail(error, err,
				   "%s: cannot time-stamp %s edges on channel %u: %s%s",
				   sink->device.name,
				   sink->port->ts2phc_extts_polarity == CONF_EDGE_RISING ? "rising"
				   : sink->port->ts2phc_extts_polarity == CONF_EDGE_FALLING
					   ? "falling"
					   : "both",
				   sink->channel, driver_strerror(err),
				   err == -EOPNOTSUPP ? "; try another ts2phc.extts_polarity" : "");
	}
	sink->armed = true;
	return 0;
}

void sink_close(struct sink *sink)
{
	if (sink->armed) {
		(void)phc_extts_set(sink->device.fd, sink->channel, 0);
	}
	steward_release(&sink->steward);
	phc_device_close(&sink->device);
	free(sink->memory);
	sink->memory = NULL;
}

/* Other channels of the clock are other programs' business. */
int sink_read(struct sink *sink)
{
	int input;

	while ((input = has_input(sink->device.fd)) > 0) {
		struct phc_event event;
		int err = phc_extts_read(sink->device.fd, &event);

		if (err) {
			return err;
		}
		if (event.channel == sink->channel) {
			sink->has_event = true;
			sink->at = gnomon_time_add(
				event.at, gnomon_span_from_ns(sink->port->ts2phc_extts_correction));
		}
	}
	return input;
}

/* -- keeping ---------------------------------------------------------------------------------- */

static void log_sample(struct sink *sink, struct log *log, gnomon_span offset, bool held,
		       bool free_running)
{
	const char servo[3] = { 's', (char)('0' + (int)sink->state), '\0' };

	if (!log_begin(log, LOG_SYNC)) {
		return;
	}
	if (free_running) {
		log_text(log, "%s offset %10" PRId64, sink->device.name, offset.ns);
	} else {
		/* linuxptp counts frequency as what the clock would do by itself. */
		log_text(log, "%s offset %10" PRId64 " s%d freq %+7.0f%s", sink->device.name,
			 offset.ns, (int)sink->state, -sink->frequency_ppb,
			 held ? " holdover" : "");
	}
	log_str(log, "clock", sink->device.name);
	log_str(log, "servo", servo);
	log_num(log, "offset_ns", gnomon_span_to_double(offset), 3);
	log_num(log, "frequency_ppb", sink->frequency_ppb, 3);
	log_bool(log, "holdover", held);
	log_end(log);
}

/* Step first, then the frequency. A clock that refuses is learned anew. */
static void obey(struct sink *sink, const struct gnomon_discipline_command *c, struct log *log)
{
	const struct gnomon_clock_ops *ops = sink->device.clock->ops;
	int err = 0;

	if (c->set_frequency) {
		err = ops->set_frequency(sink->device.clock, c->frequency_ppb);
	}
	if (!err && c->step) {
		err = ops->step(sink->device.clock, c->step_by);
	}
	if (err) {
		ts2phc_say(log, LOG_ERR, "%s: cannot adjust the clock: %s", sink->device.name,
			   driver_strerror(err));
		gnomon_discipline_reset(sink->discipline);
		sink->state = GNOMON_SERVO_UNLOCKED;
	}
}

void sink_sample(struct sink *sink, gnomon_time reference, bool held, const struct conf *conf,
		 struct log *log, gnomon_mono now)
{
	struct gnomon_discipline_command command;
	const struct gnomon_discipline_sample sample = {
		.offset = gnomon_time_diff(sink->at, reference),
		.local = sink->at,
		.weight = 1.0,
		.reference_bound_ns = -1,
	};

	if (held && sink->state != GNOMON_SERVO_LOCKED_STABLE) {
		return;
	}
	gnomon_discipline_sample(sink->discipline, &sample, now, &command);
	if (command.insane) {
		ts2phc_say(log, LOG_WARNING, "%s: runs unlike the system's clock; starting over",
			   sink->device.name);
	}
	if (held && command.state != GNOMON_SERVO_LOCKED_STABLE) {
		ts2phc_say(log, LOG_INFO, "%s lost holdover lock (offset %10" PRId64 ")",
			   sink->device.name, sample.offset.ns);
		sink->state = command.state;
		return;
	}
	sink->state = command.state;
	if (!command.ignored) {
		sink->frequency_ppb = command.frequency_ppb;
		log_sample(sink, log, sample.offset, held, conf->free_running);
	}
	obey(sink, &command, log);
}

void sink_expire(struct sink *sink, struct log *log, gnomon_mono now)
{
	struct gnomon_discipline_command command;

	if (gnomon_mono_before(now, gnomon_discipline_deadline(sink->discipline))) {
		return;
	}
	gnomon_discipline_expire(sink->discipline, now, &command);
	obey(sink, &command, log);
}
