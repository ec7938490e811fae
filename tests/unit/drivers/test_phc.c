/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/phc_device.h and phc_pins.h on a PHC of our own: this program defines open(), ioctl(),
 * clock_adjtime(), clock_gettime() and clock_settime() in place of libc's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptp_clock.h>

#include "drivers/phc_device.h"
#include "drivers/phc_pins.h"

/* open() is declared by <fcntl.h>, perhaps as open64(); the drivers call open(). */
int open(const char *path, int flags, ...);

#define PINS 2
#define SEC GNOMON_NSEC_PER_SEC

static struct {
	bool old;          /* a kernel before 5.4: no second forms, no pins of the new kind */
	bool no_width;     /* the driver cannot set a duty cycle */
	int queue[2];      /* a pipe: what is read from the device */
	clockid_t id;      /* last used */
	struct timex adjusted;
	struct timespec set;
	struct ptp_pin_desc pins[PINS];
	struct ptp_extts_request extts;
	struct ptp_perout_request perout;
	int perouts;
	unsigned int masked;
} phc;

static int refuse(int error)
{
	errno = error;
	return -1;
}

static int get_caps(struct ptp_clock_caps *caps)
{
	int max_phase = 12345;

	memset(caps, 0, sizeof(*caps));
	caps->max_adj = 62499999;
	caps->n_alarm = 1;
	caps->n_ext_ts = 2;
	caps->n_per_out = 3;
	caps->n_pins = PINS;
	caps->pps = 1;
	caps->adjust_phase = 1;
	memcpy(&caps->adjust_phase + 1, &max_phase, sizeof(max_phase));
	return 0;
}

static int pin_ioctl(unsigned long request, struct ptp_pin_desc *desc)
{
	if (desc->index >= PINS) {
		return refuse(EINVAL);
	}
	if (request == PTP_PIN_GETFUNC) {
		*desc = phc.pins[desc->index];
	} else {
		phc.pins[desc->index].func = desc->func;
		phc.pins[desc->index].chan = desc->chan;
	}
	return 0;
}

static int perout_ioctl(const struct ptp_perout_request *request)
{
	phc.perouts++;
	if (phc.no_width && (request->flags & PTP_PEROUT_DUTY_CYCLE)) {
		return refuse(EOPNOTSUPP);
	}
	phc.perout = *request;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *data;

	(void)fd;
	va_start(args, request);
	data = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case PTP_CLOCK_GETCAPS:
		return get_caps(data);
	case PTP_PIN_GETFUNC:
	case PTP_PIN_SETFUNC:
		return pin_ioctl(request, data);
	case PTP_EXTTS_REQUEST2:
	case PTP_EXTTS_REQUEST:
		if (phc.old && request == PTP_EXTTS_REQUEST2) {
			return refuse(ENOTTY);
		}
		phc.extts = *(const struct ptp_extts_request *)data;
		return 0;
	case PTP_PEROUT_REQUEST2:
		return perout_ioctl(data);
	case _IOW(PTP_CLK_MAGIC, 20, unsigned int):
		phc.masked = *(const unsigned int *)data;
		return phc.old ? refuse(ENOTTY) : 0;
	case _IO(PTP_CLK_MAGIC, 19):
		return phc.old ? refuse(ENOTTY) : 0;
	default:
		return refuse(ENOTTY);
	}
}

int open(const char *path, int flags, ...)
{
	(void)flags;
	if (strcmp(path, "/dev/ptp3") != 0) {
		return refuse(ENOENT);
	}
	return dup(phc.queue[0]);
}

int clock_adjtime(clockid_t id, struct timex *tx)
{
	phc.id = id;
	phc.adjusted = *tx;
	return 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	phc.id = id;
	if (id > CLOCK_TAI) {
		return refuse(EINVAL);
	}
	*ts = (struct timespec){ 1234, 5678 };
	return 0;
}

int clock_settime(clockid_t id, const struct timespec *ts)
{
	phc.id = id;
	phc.set = *ts;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&phc, 0, sizeof(phc));
	for (unsigned int i = 0; i < PINS; i++) {
		phc.pins[i].index = i;
		memcpy(phc.pins[i].name, i ? "SDP1" : "SDP0", 5);
	}
	return pipe(phc.queue);
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(phc.queue[0]);
	(void)close(phc.queue[1]);
	return 0;
}

static struct phc_device open_device(void)
{
	struct phc_device device;

	assert_int_equal(phc_device_open(&device, "/dev/ptp3", NULL), 0);
	return device;
}

static void opens(void **state)
{
	struct phc_device device = open_device();

	(void)state;
	assert_string_equal(device.name, "/dev/ptp3");
	assert_true(device.fd >= 0);
	assert_int_equal(device.id, (clockid_t)((~(unsigned int)device.fd << 3) | 3u));
	phc_device_close(&device);
	assert_int_equal(device.fd, -1);
	phc_device_close(&device);
	assert_int_equal(phc_device_open(&device, "CLOCK_realtime", NULL), 0);
	assert_int_equal(device.id, CLOCK_REALTIME);
	assert_int_equal(device.fd, -1);
	assert_string_equal(device.name, "CLOCK_REALTIME");
	phc_device_close(&device);
}

static void opens_nothing(void **state)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {
		{ "/dev/ptp4", -ENOENT },    { "CLOCK_AUX8", -ENODEV }, { "CLOCK_AUX", -ENODEV },
		{ "CLOCK_AUX1x", -ENODEV },  { "CLOCK_AUX0", -ENODEV }, { "gn-none", -ENODEV },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct driver_error error = { "" };
		struct phc_device device = { .index = 77 };

		assert_int_equal(phc_device_open(&device, rows[i].name, &error), rows[i].error);
		assert_non_null(strstr(error.text, rows[i].name));
		assert_int_equal(device.index, 77);
	}
}

static void adjusts(void **state)
{
	struct phc_device device = open_device();
	const struct timespec to = { 37, 5 };
	struct timespec now;
	double ppb;

	(void)state;
	assert_int_equal(phc_device_get(&device, &now), 0);
	assert_int_equal(now.tv_sec, 1234);
	assert_int_equal(phc_device_set(&device, &to), 0);
	assert_int_equal(phc.id, device.id);
	assert_int_equal(phc.set.tv_nsec, 5);
	assert_int_equal(phc_device_step(&device, -1500000000), 0);
	assert_int_equal(phc.adjusted.modes, ADJ_SETOFFSET | ADJ_NANO);
	assert_int_equal(phc.adjusted.time.tv_sec, -2);
	assert_int_equal(phc.adjusted.time.tv_usec, 500000000);
	assert_int_equal(phc_device_step(&device, INT64_MIN), 0);
	assert_true(phc.adjusted.time.tv_usec >= 0 && phc.adjusted.time.tv_usec < SEC);
	assert_int_equal(phc_device_set_frequency(&device, -1000), 0);
	assert_int_equal(phc.adjusted.freq, -65536);
	assert_int_equal(phc_device_set_frequency(&device, 1e9), -ERANGE);
	assert_int_equal(phc_device_frequency(&device, &ppb), 0);
	assert_int_equal(phc_device_set_phase(&device, -42), 0);
	assert_int_equal(phc.adjusted.modes, ADJ_OFFSET | ADJ_NANO);
	assert_int_equal(phc.adjusted.offset, -42);
	phc_device_close(&device);
}

static void capabilities(void **state)
{
	struct phc_caps caps;

	(void)state;
	assert_int_equal(phc_caps_read(phc.queue[0], &caps), 0);
	assert_int_equal(caps.max_frequency_ppb, 62499999);
	assert_int_equal(caps.ext_ts, 2);
	assert_int_equal(caps.per_out, 3);
	assert_int_equal(caps.pins, PINS);
	assert_true(caps.pps && caps.adjust_phase && !caps.cross_timestamping);
	assert_int_equal(caps.max_phase_ns, 12345);
}

static void pins(void **state)
{
	struct phc_pin pin;

	(void)state;
	assert_int_equal(phc_pin_find(phc.queue[0], "SDP1"), 1);
	assert_int_equal(phc_pin_find(phc.queue[0], "SDP"), -ENOENT);
	assert_int_equal(phc_pin_set(phc.queue[0], 1, PTP_PF_EXTTS, 3), 0);
	assert_int_equal(phc_pin_read(phc.queue[0], 1, &pin), 0);
	assert_int_equal(pin.function, PTP_PF_EXTTS);
	assert_int_equal(pin.channel, 3);
	assert_string_equal(pin.name, "SDP1");
	assert_int_equal(phc_pin_read(phc.queue[0], 2, &pin), -EINVAL);
}

static void time_stamps(void **state)
{
	struct ptp_extts_event raw = { .index = 1, .t = { .sec = 5, .nsec = 6 } };
	struct phc_event event;

	(void)state;
	for (int old = 0; old < 2; old++) {
		phc.old = old;
		assert_int_equal(phc_extts_set(0, 1, PHC_EDGE_FALLING), 0);
		assert_int_equal(phc.extts.index, 1);
		assert_int_equal(phc.extts.flags, PTP_ENABLE_FEATURE | PTP_FALLING_EDGE);
		assert_int_equal(phc_extts_set(0, 1, 0), 0);
		assert_int_equal(phc.extts.flags, 0);
	}
	assert_int_equal(phc_extts_only(0, 1), -ENOTTY);
	phc.old = false;
	assert_int_equal(phc_extts_only(0, 1), 0);
	assert_int_equal(phc.masked, 1);
	assert_int_equal(write(phc.queue[1], &raw, sizeof(raw)), sizeof(raw));
	assert_int_equal(phc_extts_read(phc.queue[0], &event), 0);
	assert_int_equal(event.channel, 1);
	assert_int_equal(event.at.sec, 5);
	assert_int_equal(event.at.nsec, 6);
	/* Half an event, and one that cannot be. */
	assert_int_equal(write(phc.queue[1], &raw, 8), 8);
	assert_int_equal(phc_extts_read(phc.queue[0], &event), -EIO);
	raw.t.nsec = SEC;
	assert_int_equal(write(phc.queue[1], &raw, sizeof(raw)), sizeof(raw));
	assert_int_equal(phc_extts_read(phc.queue[0], &event), -EIO);
}

static void periodic_output(void **state)
{
	struct phc_perout out = { .channel = 2,
				  .period_ns = SEC,
				  .width_ns = 100000000,
				  .has_phase = true,
				  .phase_ns = 250 };

	(void)state;
	assert_int_equal(phc_perout_start(0, &out), 0);
	assert_int_equal(phc.perout.flags, PTP_PEROUT_DUTY_CYCLE | PTP_PEROUT_PHASE);
	assert_int_equal(phc.perout.period.sec, 1);
	assert_int_equal(phc.perout.on.nsec, 100000000);
	assert_int_equal(phc.perout.phase.nsec, 250);
	/* A driver without duty cycle; a start instead of a phase. */
	phc.no_width = true;
	out.has_phase = false;
	out.start_sec = 77;
	phc.perouts = 0;
	assert_int_equal(phc_perout_start(0, &out), 0);
	assert_int_equal(phc.perouts, 2);
	assert_int_equal(phc.perout.flags, 0);
	assert_int_equal(phc.perout.on.nsec, 0);
	assert_int_equal(phc.perout.start.sec, 77);
	assert_int_equal(phc_perout_stop(0, 2), 0);
	assert_int_equal(phc.perout.period.sec + phc.perout.period.nsec, 0);
}

#define TEST(name, f) { "/drivers/phc/" name, f, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("opens", opens),
		TEST("opens_nothing", opens_nothing),
		TEST("adjusts", adjusts),
		TEST("capabilities", capabilities),
		TEST("pins", pins),
		TEST("time_stamps", time_stamps),
		TEST("periodic_output", periodic_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
