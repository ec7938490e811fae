/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stamps of one clock on a port of another, on clocks of our own: this program defines
 * clock_gettime(), open() and ioctl() in place of libc's. Reading costs no time here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptp_clock.h>

#include "drivers/clock.h"

#include "tools/gnomond/stamping.h"

/* open() is declared by <fcntl.h>, perhaps as open64(); the drivers call open(). */
int open(const char *path, int flags, ...);

#define SEC GNOMON_NSEC_PER_SEC
#define MAX_FD 64
#define NOW (1000 * (int64_t)SEC)
#define REALTIME (500 * (int64_t)SEC)

/* How far clocks are ahead of the true time; a PHC by the number of its device. */
static const int64_t phc_ahead[] = { 537 * (int64_t)SEC, 7 * (int64_t)SEC + 11 };

static struct {
	int index[MAX_FD]; /* of the PHC behind a descriptor */
	int open_error;
	bool broken;       /* PHCs cannot be read */
} machine;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ns = NOW;

	if (id < 0 && machine.broken) {
		errno = ENODEV;
		return -1;
	}
	if (id < 0) {
		ns += phc_ahead[machine.index[~(id >> 3)]];
	} else if (id == CLOCK_REALTIME) {
		ns += REALTIME;
	}
	*ts = (struct timespec){ (time_t)(ns / SEC), ns % SEC };
	return 0;
}

int open(const char *path, int flags, ...)
{
	int fd;

	(void)flags;
	if (strncmp(path, "/dev/ptp", 8) != 0 || machine.open_error) {
		errno = machine.open_error ? machine.open_error : ENOENT;
		return -1;
	}
	fd = dup(0);
	machine.index[fd] = path[8] - '0';
	return fd;
}

/* No cross timestamps: they are made by reading. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	(void)fd;
	if (request != PTP_CLOCK_GETCAPS) {
		errno = EOPNOTSUPP;
		return -1;
	}
	va_start(args, request);
	va_arg(args, struct ptp_clock_caps *)->max_adj = 1000000;
	va_end(args);
	return 0;
}

static struct keeper keeper;

static int set_up(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	memset(&keeper, 0, sizeof(keeper));
	return clock_phc_open_index(&keeper.clock, 0, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	keeper.clock->ops->destroy(keeper.clock);
	return 0;
}

/* A packet of 50 us ago, as its stamps tell: the kernel's and that PHC's. */
static struct timestamping_stamps packet(int phc)
{
	return (struct timestamping_stamps){
		.has_software = true,
		.has_hardware = true,
		.software = gnomon_time_from_ns(NOW + REALTIME - 50000),
		.hardware = gnomon_time_from_ns(NOW + phc_ahead[phc] - 50000),
	};
}

/* Whatever stamped it, the packet came when the clock kept read this. */
static void assert_local(struct stamping *s, const struct timestamping_stamps *stamps)
{
	gnomon_time local = { 0, 0, 0 };

	assert_true(stamping_local(s, &keeper, stamps, &local));
	assert_int_equal(gnomon_time_diff(local, gnomon_time_from_ns(NOW + phc_ahead[0])).ns,
			 -50000);
}

static void own_clock(void **state)
{
	struct stamping s = { .mode = TIMESTAMPING_ONESTEP, .phc_index = 0 };
	struct timestamping_stamps stamps = packet(0);
	gnomon_time local;

	(void)state;
	assert_int_equal(stamping_connect(&s, "eth0", keeper.clock, NULL), 0);
	assert_null(s.other);
	assert_local(&s, &stamps);
	stamps.has_hardware = false;
	assert_false(stamping_local(&s, &keeper, &stamps, &local));
	stamping_finish(&s);
}

static void other_clock(void **state)
{
	struct stamping s = { .mode = TIMESTAMPING_HARDWARE, .phc_index = 1 };
	struct timestamping_stamps stamps = packet(1);
	gnomon_time local;

	(void)state;
	assert_int_equal(stamping_connect(&s, "eth1", keeper.clock, NULL), 0);
	assert_string_equal(s.other->name, "/dev/ptp1");
	assert_local(&s, &stamps);
	/* One of the wrong clock shows by its age. */
	stamps = packet(0);
	assert_false(stamping_local(&s, &keeper, &stamps, &local));
	stamping_finish(&s);
	assert_null(s.other);
	stamping_finish(&s);
}

static void system_clock(void **state)
{
	struct stamping s = { .mode = TIMESTAMPING_SOFTWARE, .phc_index = 1 };
	struct timestamping_stamps stamps = packet(0);
	gnomon_time local;

	(void)state;
	assert_int_equal(stamping_connect(&s, "v0", keeper.clock, NULL), 0);
	assert_null(s.other);
	assert_local(&s, &stamps);
	stamps.has_software = false;
	assert_false(stamping_local(&s, &keeper, &stamps, &local));
	/* The kernel has brought the hardware's to its own clock. */
	s.mode = TIMESTAMPING_LEGACY;
	stamps.hardware = stamps.software;
	assert_true(stamping_local(&s, &keeper, &stamps, &local));
	assert_int_equal(gnomon_time_diff(local, gnomon_time_from_ns(NOW + phc_ahead[0])).ns,
			 -50000);
}

static void cannot_connect(void **state)
{
	struct stamping s = { .mode = TIMESTAMPING_HARDWARE, .phc_index = 1 };
	struct driver_error error = { "" };

	(void)state;
	machine.open_error = ENOENT;
	assert_int_equal(stamping_connect(&s, "eth1", keeper.clock, &error), -ENOENT);
	assert_string_equal(error.text, "eth1: its clock is not /dev/ptp0, and cannot be read: "
					"/dev/ptp1: no such clock (\"ls /dev/ptp*\" lists them)");
	machine.open_error = 0;
	machine.broken = true;
	assert_int_equal(stamping_connect(&s, "eth1", keeper.clock, &error), -ENODEV);
	assert_string_equal(error.text, "eth1: its clock cannot be compared with /dev/ptp0: "
					"No such device");
	assert_null(s.other);
}

#define ROW(name, function) { name, function, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("/gnomond/stamping/own_clock", own_clock),
		ROW("/gnomond/stamping/other_clock", other_clock),
		ROW("/gnomond/stamping/system_clock", system_clock),
		ROW("/gnomond/stamping/cannot_connect", cannot_connect),
	};

	return cmocka_run_group_tests_name("/gnomond/stamping", tests, NULL, NULL);
}
