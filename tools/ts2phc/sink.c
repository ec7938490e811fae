/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks that time-stamp the pulse. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "ts2phc.h"

/* A queue the kernel keeps is no longer than this. */
#define QUEUE_MAX 1024

static const unsigned int edges[] = {
	[CONF_EDGE_RISING] = PHC_EDGE_RISING,
	[CONF_EDGE_FALLING] = PHC_EDGE_FALLING,
	[CONF_EDGE_BOTH] = PHC_EDGE_BOTH,
};

/* -- opening ---------------------------------------------------------------------------------- */

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
	if (!err && caps.ext_ts == 0) {
		return driver_fail(error, -EOPNOTSUPP,
				   "%s: cannot time-stamp pulses: it has no channel for external "
				   "time stamps; give another clock",
				   sink->device.name);
	}
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
		.keep = KEEP_NONE,
		.channel = (unsigned int)interface->conf.ts2phc_channel,
		.target = true,
	};
	memcpy(sink->name, interface->name, sizeof(sink->name));
	err = phc_device_open(&sink->device, interface->name, error);
	if (!err) {
		err = check_channel(sink, error);
	}
	return err ? err : keep_init(&sink->keep, &sink->device, conf, steal, error);
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
	keep_finish(&sink->keep);
	phc_device_close(&sink->device);
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
