/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pps.h>
#include <linux/ptp_clock.h>
#include <sys/ioctl.h>
#include <unistd.h>

int pps_open(const char *path, struct driver_error *error)
{
	struct pps_fdata data = { .timeout = { .flags = 0 } };
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0) {
		err = -errno;
		return driver_fail(error, err, "%s: cannot open: %s (\"ls /dev/pps*\" lists what "
				   "there is)", path, driver_strerror(err));
	}
	if (ioctl(fd, PPS_FETCH, &data) && errno != ETIMEDOUT) {
		err = -errno;
		(void)close(fd);
		return driver_fail(error, err, "%s: is no PPS device: %s", path,
				   driver_strerror(err));
	}
	return fd;
}

/* A timeout of zero asks for what is known. poll() is of no use: older kernels always say yes. */
int pps_read(int fd, struct pps_pulse *pulse)
{
	struct pps_fdata data = { .timeout = { .flags = 0 } };

	if (ioctl(fd, PPS_FETCH, &data)) {
		return errno == ETIMEDOUT ? -EAGAIN : -errno;
	}
	if (data.info.assert_sequence == 0) {
		return -EAGAIN;
	}
	pulse->number = data.info.assert_sequence;
	pulse->at = (gnomon_time){ data.info.assert_tu.sec,
				   (uint32_t)data.info.assert_tu.nsec, 0 };
	return 0;
}

int pps_enable(int phc_fd, bool on)
{
	return ioctl(phc_fd, PTP_ENABLE_PPS, on ? 1 : 0) ? -errno : 0;
}
