/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/phc_device.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/timex.h>
#include <unistd.h>

#include "drivers/clock_find.h"
#include "drivers/clock_private.h"

/* Since Linux 6.17; the C library's headers do not have them yet. */
#define AUX_FIRST 16
#define AUX_COUNT 8

static const struct phc_device closed = { NULL, -1, -1, -1, "" };

/* The number written in text, and nothing else; -1: it is none. */
static int whole_number(const char *text)
{
	char *end;
	long n;

	if (text[0] < '0' || text[0] > '9') {
		return -1;
	}
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end || n > INT_MAX ? -1 : (int)n;
}

static int open_aux(struct phc_device *device, const char *name, struct driver_error *error)
{
	const int number = whole_number(name + strlen("CLOCK_AUX"));
	struct timespec ts;

	if (number < 0 || number >= AUX_COUNT) {
		return driver_fail(error, -ENODEV, "%s: no such clock: there are CLOCK_AUX0 to "
				   "CLOCK_AUX%d", name, AUX_COUNT - 1);
	}
	if (clock_gettime(AUX_FIRST + number, &ts)) {
		return driver_fail(error, -ENODEV,
				   "%s: is not switched on, or this kernel has no auxiliary "
				   "clocks (/sys/kernel/time/aux_clocks)",
				   name);
	}
	device->id = AUX_FIRST + number;
	(void)snprintf(device->name, sizeof(device->name), "CLOCK_AUX%d", number);
	return 0;
}

/* A dynamic clock's id is its descriptor, complemented, above three bits. */
static int fd_of_clock(clockid_t id)
{
	return (int)~((unsigned int)id >> 3 | 7u << 29);
}

/* Soft clocks are of one process: there is nothing a tool could do to one. */
static int open_kernel(struct phc_device *device, const char *name, struct driver_error *error)
{
	const struct clock_find_options options = { .adjust = false };
	int err;

	if (strcmp(name, "soft") == 0 || strncmp(name, "soft:", 5) == 0) {
		return driver_fail(error, -ENODEV, "%s: no such clock: a soft clock lives in the "
				   "program that uses it", name);
	}
	/* As linuxptp takes it. */
	err = clock_find(&device->clock,
			 strcasecmp(name, "CLOCK_REALTIME") == 0 ? "CLOCK_REALTIME" : name,
			 &options, error);
	if (!err) {
		device->id = clock_id(device->clock);
		device->fd = device->id < 0 ? fd_of_clock(device->id) : -1;
		device->index = clock_phc_index(device->clock);
		(void)snprintf(device->name, sizeof(device->name), "%s", device->clock->name);
	}
	return err;
}

int phc_device_open(struct phc_device *device, const char *name, struct driver_error *error)
{
	struct phc_device opened = closed;
	int err;

	err = strncasecmp(name, "CLOCK_AUX", 9) == 0 ? open_aux(&opened, name, error)
						     : open_kernel(&opened, name, error);
	if (!err) {
		*device = opened;
	}
	return err;
}

void phc_device_close(struct phc_device *device)
{
	if (device->clock) {
		device->clock->ops->destroy(device->clock);
	}
	*device = closed;
}

int phc_device_get(const struct phc_device *device, struct timespec *now)
{
	struct timespec ts;

	if (clock_gettime(device->id, &ts)) {
		return -errno;
	}
	*now = ts;
	return 0;
}

int phc_device_set(const struct phc_device *device, const struct timespec *to)
{
	return clock_settime(device->id, to) ? -errno : 0;
}

int phc_device_step(const struct phc_device *device, int64_t by_ns)
{
	struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };

	tx.time.tv_sec = by_ns / GNOMON_NSEC_PER_SEC;
	tx.time.tv_usec = by_ns % GNOMON_NSEC_PER_SEC;
	/* With ADJ_NANO tv_usec counts ns, and is never negative. */
	if (tx.time.tv_usec < 0) {
		tx.time.tv_usec += GNOMON_NSEC_PER_SEC;
		tx.time.tv_sec--;
	}
	return clock_adjust(device->id, &tx);
}

int phc_device_frequency(const struct phc_device *device, double *ppb)
{
	struct timex tx = { .modes = 0 };
	int err;

	if (device->clock) {
		return device->clock->ops->get_frequency(device->clock, ppb);
	}
	err = clock_adjust(device->id, &tx);
	if (!err) {
		*ppb = clock_ppb(tx.freq);
	}
	return err;
}

int phc_device_set_frequency(const struct phc_device *device, double ppb)
{
	struct timex tx = { .modes = ADJ_FREQUENCY };

	if (device->clock) {
		return device->clock->ops->set_frequency(device->clock, ppb);
	}
	tx.freq = clock_scaled_ppm(ppb);
	return clock_adjust(device->id, &tx);
}

int phc_device_set_phase(const struct phc_device *device, int64_t offset_ns)
{
	struct timex tx = { .modes = ADJ_OFFSET | ADJ_NANO };

	if (offset_ns > LONG_MAX || offset_ns < LONG_MIN) {
		return -ERANGE;
	}
	tx.offset = (long)offset_ns;
	return clock_adjust(device->id, &tx);
}
