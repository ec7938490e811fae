/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/phc_pins.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Since Linux 6.7. */
#ifndef PTP_MASK_CLEAR_ALL
#define PTP_MASK_CLEAR_ALL _IO(PTP_CLK_MAGIC, 19)
#endif
#ifndef PTP_MASK_EN_SINGLE
#define PTP_MASK_EN_SINGLE _IOW(PTP_CLK_MAGIC, 20, unsigned int)
#endif

/* An ioctl's answer as 0 or -errno. */
static int result(int answer)
{
	return answer < 0 ? -errno : 0;
}

int phc_caps_read(int fd, struct phc_caps *caps)
{
	struct ptp_clock_caps raw = { 0 };
	int words[sizeof(raw) / sizeof(int)];

	if (ioctl(fd, PTP_CLOCK_GETCAPS, &raw)) {
		return -errno;
	}
	/* max_phase_adj follows adjust_phase since Linux 6.5, in what was reserved and zero. */
	memcpy(words, &raw, sizeof(words));
	*caps = (struct phc_caps){
		.max_frequency_ppb = raw.max_adj,
		.alarms = raw.n_alarm,
		.ext_ts = raw.n_ext_ts,
		.per_out = raw.n_per_out,
		.pins = raw.n_pins,
		.pps = raw.pps != 0,
		.cross_timestamping = raw.cross_timestamping != 0,
		.adjust_phase = raw.adjust_phase != 0,
		.max_phase_ns = words[offsetof(struct ptp_clock_caps, adjust_phase) / sizeof(int) +
				      1],
	};
	return 0;
}

int phc_pin_read(int fd, unsigned int index, struct phc_pin *pin)
{
	struct ptp_pin_desc desc = { .index = index };

	if (ioctl(fd, PTP_PIN_GETFUNC, &desc)) {
		return -errno;
	}
	*pin = (struct phc_pin){ .index = index, .function = desc.func, .channel = desc.chan };
	memcpy(pin->name, desc.name, strnlen(desc.name, sizeof(pin->name) - 1));
	return 0;
}

int phc_pin_find(int fd, const char *name)
{
	struct phc_caps caps = { .pins = 0 };
	int err = phc_caps_read(fd, &caps);

	for (int i = 0; !err && i < caps.pins; i++) {
		struct phc_pin pin;

		err = phc_pin_read(fd, (unsigned int)i, &pin);
		if (!err && strcmp(pin.name, name) == 0) {
			return i;
		}
	}
	return err ? err : -ENOENT;
}

int phc_pin_set(int fd, unsigned int index, unsigned int function, unsigned int channel)
{
	struct ptp_pin_desc desc = { .index = index, .func = function, .chan = channel };

	return result(ioctl(fd, PTP_PIN_SETFUNC, &desc));
}

/* The second form checks its flags; kernels before 5.4 have only the first. */
int phc_extts_set(int fd, unsigned int channel, unsigned int edge)
{
	struct ptp_extts_request request = {
		.index = channel,
		.flags = edge ? edge | PTP_ENABLE_FEATURE : 0,
	};
	int err = result(ioctl(fd, PTP_EXTTS_REQUEST2, &request));

	return err == -ENOTTY ? result(ioctl(fd, PTP_EXTTS_REQUEST, &request)) : err;
}

int phc_extts_only(int fd, unsigned int channel)
{
	int err = result(ioctl(fd, PTP_MASK_CLEAR_ALL));

	return err ? err : result(ioctl(fd, PTP_MASK_EN_SINGLE, &channel));
}

int phc_extts_read(int fd, struct phc_event *event)
{
	struct ptp_extts_event raw;
	const ssize_t n = read(fd, &raw, sizeof(raw));

	if (n < 0) {
		return -errno;
	}
	if (n != (ssize_t)sizeof(raw) || raw.t.nsec >= GNOMON_NSEC_PER_SEC) {
		return -EIO;
	}
	event->channel = raw.index;
	event->at = (gnomon_time){ raw.t.sec, raw.t.nsec, 0 };
	return 0;
}

static struct ptp_clock_time clock_time(int64_t ns)
{
	return (struct ptp_clock_time){ ns / GNOMON_NSEC_PER_SEC,
					(uint32_t)(ns % GNOMON_NSEC_PER_SEC), 0 };
}

int phc_perout_start(int fd, const struct phc_perout *out)
{
	struct ptp_perout_request request = { .index = out->channel };
	int err;

	request.period = clock_time(out->period_ns);
	if (out->width_ns > 0) {
		request.flags |= PTP_PEROUT_DUTY_CYCLE;
		request.on = clock_time(out->width_ns);
	}
	if (out->has_phase) {
		request.flags |= PTP_PEROUT_PHASE;
		request.phase = clock_time(out->phase_ns);
	} else {
		request.start.sec = out->start_sec;
	}
	err = result(ioctl(fd, PTP_PEROUT_REQUEST2, &request));
	if (err && out->width_ns > 0) {
		request.flags &= ~(unsigned int)PTP_PEROUT_DUTY_CYCLE;
		memset(&request.on, 0, sizeof(request.on));
		err = result(ioctl(fd, PTP_PEROUT_REQUEST2, &request));
	}
	return err;
}

/* A period of zero switches it off. */
int phc_perout_stop(int fd, unsigned int channel)
{
	struct ptp_perout_request request = { .index = channel };
	int err = result(ioctl(fd, PTP_PEROUT_REQUEST2, &request));

	return err == -ENOTTY ? result(ioctl(fd, PTP_PEROUT_REQUEST, &request)) : err;
}
