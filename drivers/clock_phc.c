/* SPDX-License-Identifier: BSD-2-Clause */
/* A PTP hardware clock: the character device /dev/ptpN. */

/* Simulators stand in for open(), which large file support would turn into open64(). */
#undef _FILE_OFFSET_BITS

#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drivers/clock_private.h"
#include "drivers/cross.h"

/* Readings of a cross timestamp made for a stamp: that is done for every packet. */
#define STAMP_SAMPLES 3

struct clock_phc {
	struct driver_clock driver;
	int fd;
	struct cross_device system; /* against CLOCK_REALTIME, for stamps of the kernel */
	char path[64];
};

/* A dynamic POSIX clock's id is its descriptor, complemented, above the three bits that say so. */
static clockid_t clock_of_fd(int fd)
{
	return (clockid_t)((~(unsigned int)fd << 3) | 3u);
}

static int phc_set_frequency(struct gnomon_clock *clock, double ppb)
{
	struct timex tx = { .modes = ADJ_FREQUENCY };

	if (!(fabs(ppb) <= clock->max_frequency_ppb)) {
		return -ERANGE;
	}
	tx.freq = clock_scaled_ppm(ppb);
	((struct driver_clock *)clock)->adjusted = true;
	return clock_adjust(clock_id(clock), &tx);
}

static int phc_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	struct timex tx = { .modes = 0 };
	int err = clock_adjust(clock_id(clock), &tx);

	if (!err) {
		*ppb = clock_ppb(tx.freq);
	}
	return err;
}

/* The kernel's stamps come by way of a fresh cross timestamp, which costs a few readings of the
 * device: right for a port that stamps in software on a clock that others feed by hardware. */
static int phc_from_stamp(struct gnomon_clock *clock, enum gnomon_stamp_source source,
			  gnomon_time stamp, gnomon_time *local)
{
	struct clock_phc *phc = (struct clock_phc *)clock;
	struct cross_stamp both;
	gnomon_span age;
	int err;

	switch (source) {
	case GNOMON_STAMP_HARDWARE:
		*local = stamp;
		return 0;
	case GNOMON_STAMP_SYSTEM:
		err = cross_device_read(&phc->system, &both);
		err = err ? err : clock_stamp_age(stamp, both.b, &age);
		if (!err) {
			*local = gnomon_time_sub_span(both.a, age);
		}
		return err;
	case GNOMON_STAMP_NONE:
		break;
	}
	return -EOPNOTSUPP;
}

static void phc_destroy(struct gnomon_clock *clock)
{
	if (clock) {
		(void)close(((struct clock_phc *)clock)->fd);
		free(clock);
	}
}

static const struct gnomon_clock_ops phc_ops = {
	.kind = "phc",
	.read = clock_kernel_read,
	.set_frequency = phc_set_frequency,
	.get_frequency = phc_get_frequency,
	.step = clock_kernel_step,
	.from_stamp = phc_from_stamp,
	.destroy = phc_destroy,
};

/* Plain open(), which simulators know. Without write access the clock can still be read. */
static int open_device(const char *path, struct driver_error *error)
{
	int fd = open(path, O_RDWR);
	int err;

	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		fd = open(path, O_RDONLY);
	}
	if (fd >= 0) {
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		return fd;
	}
	err = -errno;
	if (err == -ENOENT) {
		return driver_fail(error, err, "%s: no such clock (\"ls /dev/ptp*\" lists them)",
				   path);
	}
	if (err == -EACCES || err == -EPERM) {
		return driver_fail(error, err,
				   "%s: no permission to open it: run as root or as a member of "
				   "the group that owns it",
				   path);
	}
	return driver_fail(error, err, "%s: cannot open: %s", path, driver_strerror(err));
}

int clock_phc_open(struct gnomon_clock **clock, const char *path, struct driver_error *error)
{
	struct ptp_clock_caps caps = { 0 };
	struct clock_phc *phc;
	int fd;

	if (strlen(path) >= sizeof(phc->path)) {
		return driver_fail(error, -ENOENT, "%s: no such clock", path);
	}
	fd = open_device(path, error);
	if (fd < 0) {
		return fd;
	}
	if (ioctl(fd, PTP_CLOCK_GETCAPS, &caps)) {
		(void)close(fd);
		return driver_fail(error, -ENODEV,
				   "%s: is no PTP clock device (\"ls /dev/ptp*\" lists those there "
				   "are)",
				   path);
	}
	phc = calloc(1, sizeof(*phc));
	if (!phc) {
		(void)close(fd);
		return driver_fail(error, -ENOMEM, "%s: out of memory", path);
	}
	phc->fd = fd;
	memcpy(phc->path, path, strlen(path));
	phc->driver.base.ops = &phc_ops;
	phc->driver.base.name = phc->path;
	phc->driver.base.max_frequency_ppb = caps.max_adj;
	phc->driver.id = clock_of_fd(fd);
	cross_device_init(&phc->system, phc->driver.id, CLOCK_REALTIME, STAMP_SAMPLES);
	/* A clock that cannot say its frequency is at 0 as far as anybody knows. */
	(void)phc_get_frequency(&phc->driver.base, &phc->driver.initial_ppb);
	*clock = &phc->driver.base;
	return 0;
}

int clock_phc_open_index(struct gnomon_clock **clock, int index, struct driver_error *error)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/dev/ptp%d", index);
	return clock_phc_open(clock, path, error);
}
