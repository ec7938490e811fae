/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/clock.h on kernel clocks of our own: this program defines clock_adjtime(), open() and
 * the PHC's ioctl() in place of libc's, so no real clock is touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <linux/ptp_clock.h>

#include <cmocka.h>

#include "drivers/clock.h"

/* open() is declared by <fcntl.h>, perhaps as open64(); the drivers call open(). */
int open(const char *path, int flags, ...);

#define SEC GNOMON_NSEC_PER_SEC

/* The clock: as the kernel keeps CLOCK_REALTIME, or a PHC. */
static struct {
	bool phc;
	bool read_only;  /* no permission to adjust */
	bool open_fails; /* with EACCES, for writing */
	clockid_t id;    /* last used */
	struct timex now;
	int64_t stepped_ns;
	int64_t monotonic_ns; /* CLOCK_MONOTONIC, if not 0 */
	int calls;
	unsigned int last_modes;
} kernel;

int clock_gettime(clockid_t id, struct timespec *now)
{
	if (id == CLOCK_MONOTONIC && kernel.monotonic_ns) {
		*now = (struct timespec){ kernel.monotonic_ns / SEC, kernel.monotonic_ns % SEC };
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, id, now);
}

static int apply(const struct timex *tx)
{
	if (tx->modes & ADJ_FREQUENCY) {
		if (!kernel.phc && labs(tx->freq) > 32768000) {
			return -EINVAL;
		}
		kernel.now.freq = tx->freq;
	}
	if (tx->modes & ADJ_TICK) {
		if (tx->tick < 9000 || tx->tick > 11000) {
			return -EINVAL;
		}
		kernel.now.tick = tx->tick;
	}
	if (tx->modes & ADJ_SETOFFSET) {
		if (!(tx->modes & ADJ_NANO) || tx->time.tv_usec < 0 || tx->time.tv_usec >= SEC) {
			return -EINVAL;
		}
		kernel.stepped_ns += (int64_t)tx->time.tv_sec * SEC + tx->time.tv_usec;
	}
	if (tx->modes & ADJ_STATUS) {
		kernel.now.status = tx->status;
	}
	if (tx->modes & ADJ_TAI) {
		kernel.now.tai = (int)tx->constant;
	}
	if (tx->modes & ADJ_MAXERROR) {
		kernel.now.maxerror = tx->maxerror;
	}
	return 0;
}

int clock_adjtime(clockid_t id, struct timex *tx)
{
	int err = 0;

	kernel.id = id;
	kernel.calls++;
	kernel.last_modes = tx->modes;
	if (tx->modes && kernel.read_only) {
		err = -EPERM;
	}
	err = err ? err : apply(tx);
	if (err) {
		errno = -err;
		return -1;
	}
	*tx = kernel.now;
	return 0;
}

int open(const char *path, int flags, ...)
{
	if (kernel.open_fails && (flags & 3) != 0) {
		errno = EACCES;
		return -1;
	}
	if (strcmp(path, "/dev/ptp3") != 0) {
		errno = ENOENT;
		return -1;
	}
	return dup(0);
}

int ioctl(int fd, unsigned long request, ...)
{
	struct ptp_clock_caps *caps;
	va_list args;

	(void)fd;
	va_start(args, request);
	caps = va_arg(args, struct ptp_clock_caps *);
	va_end(args);
	if (request != PTP_CLOCK_GETCAPS) {
		errno = ENOTTY;
		return -1;
	}
	caps->max_adj = 62499999;
	return 0;
}

static int reset(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.now.tick = 10000;
	kernel.now.status = STA_UNSYNC;
	kernel.monotonic_ns = 1000 * (int64_t)SEC;
	return 0;
}

static struct gnomon_clock *open_system(void)
{
	struct gnomon_clock *clock = NULL;

	assert_int_equal(clock_system_open(&clock, true, NULL), 0);
	return clock;
}

static void assert_frequency(struct gnomon_clock *clock, double ppb)
{
	double got = NAN;

	assert_int_equal(clock->ops->get_frequency(clock, &got), 0);
	if (!(fabs(got - ppb) < 0.01)) {
		fail_msg("frequency is %f, not %f", got, ppb);
	}
}

static void fine_frequency(void **state)
{
	struct gnomon_clock *clock = open_system();

	(void)state;
	assert_int_equal(clock->ops->set_frequency(clock, 1000), 0);
	assert_int_equal(kernel.now.freq, 65536);
	assert_int_equal(kernel.now.tick, 10000);
	assert_int_equal(kernel.last_modes, ADJ_FREQUENCY);
	assert_frequency(clock, 1000);
	assert_int_equal(clock->ops->set_frequency(clock, -500000), 0);
	assert_int_equal(kernel.now.freq, -32768000);
	assert_int_equal(kernel.now.tick, 10000);
	clock->ops->destroy(clock);
	/* Nobody asked for the frequency to come back. */
	assert_int_equal(kernel.now.freq, -32768000);
}

static void coarse_frequency(void **state)
{
	static const double ppb[] = { 500001, -500001, 80000000, -99999999, 1234567.8, 100000000 };
	struct gnomon_clock *clock = open_system();

	(void)state;
	for (size_t i = 0; i < sizeof(ppb) / sizeof(ppb[0]); i++) {
		assert_int_equal(clock->ops->set_frequency(clock, ppb[i]), 0);
		assert_int_not_equal(kernel.now.tick, 10000);
		assert_frequency(clock, ppb[i]);
	}
	/* Back in the fine range the tick is nominal again, set once. */
	assert_int_equal(clock->ops->set_frequency(clock, 10), 0);
	assert_int_equal(kernel.now.tick, 10000);
	assert_int_equal(clock->ops->set_frequency(clock, 11), 0);
	assert_int_equal(kernel.last_modes, ADJ_FREQUENCY);
	assert_frequency(clock, 11);
	clock->ops->destroy(clock);
}

static void restores_when_asked(void **state)
{
	struct gnomon_clock *clock;

	(void)state;
	kernel.now.freq = -7 * 65536;
	kernel.now.tick = 10003;
	clock = open_system();
	assert_frequency(clock, 293000);
	assert_int_equal(clock->ops->set_frequency(clock, 5), 0);
	assert_int_equal(kernel.now.tick, 10000);
	assert_int_equal(clock_restore(clock), 0);
	assert_frequency(clock, 293000);
	clock->ops->destroy(clock);
}

static void steps(void **state)
{
	static const struct {
		gnomon_span by;
		int64_t ns;
	} rows[] = {
		{ { 1, 0 }, 1 },
		{ { -1, 0 }, -1 },
		{ { -1, 0x8000 }, 0 }, /* -0.5 ns: to the nearest, up */
		{ { 1, 0x7fff }, 1 },
		{ { -1500000000, 0 }, -1500000000 },
		{ { 37 * (int64_t)SEC + 999999999, 0xffff }, 38 * (int64_t)SEC },
	};
	struct gnomon_clock *clock = open_system();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kernel.stepped_ns = 0;
		assert_int_equal(clock->ops->step(clock, rows[i].by), 0);
		assert_int_equal(kernel.stepped_ns, rows[i].ns);
	}
	clock->ops->destroy(clock);
}

static void leap_seconds_are_undone(void **state)
{
	struct gnomon_clock *clock = open_system();

	(void)state;
	kernel.now.status = STA_UNSYNC | STA_PLL;
	assert_int_equal(clock->ops->set_leap(clock, 61), 0);
	assert_int_equal(kernel.now.status, STA_UNSYNC | STA_PLL | STA_INS);
	assert_int_equal(clock->ops->set_leap(clock, 59), 0);
	assert_int_equal(kernel.now.status, STA_UNSYNC | STA_PLL | STA_DEL);
	assert_int_equal(clock->ops->set_leap(clock, 60), -EINVAL);
	clock->ops->destroy(clock);
	assert_int_equal(kernel.now.status, STA_UNSYNC | STA_PLL);
	/* Somebody else's are not ours to clear. */
	clock = open_system();
	kernel.now.status = STA_INS;
	clock->ops->destroy(clock);
	assert_int_equal(kernel.now.status, STA_INS);
}

/* As Linux 7.3 does: the flag alone says nothing any more after a step. */
static void leap_seconds_outlive_a_step(void **state)
{
	struct gnomon_clock *clock = open_system();

	(void)state;
	assert_int_equal(clock->ops->set_leap(clock, 61), 0);
	assert_int_equal(clock->ops->step(clock, (gnomon_span){ SEC, 0 }), 0);
	assert_int_equal(kernel.now.status & (STA_INS | STA_DEL), 0);
	kernel.monotonic_ns += 2 * (int64_t)SEC;
	assert_int_equal(clock->ops->set_frequency(clock, 1.0), 0);
	assert_int_equal(kernel.now.status & (STA_INS | STA_DEL), 0);
	kernel.monotonic_ns += SEC;
	assert_int_equal(clock->ops->set_frequency(clock, 1.0), 0);
	assert_int_equal(kernel.now.status & (STA_INS | STA_DEL), STA_INS);
	/* Once. */
	kernel.now.status &= ~STA_INS;
	kernel.monotonic_ns += 9 * (int64_t)SEC;
	assert_int_equal(clock->ops->set_frequency(clock, 1.0), 0);
	assert_int_equal(kernel.now.status & (STA_INS | STA_DEL), 0);
	clock->ops->destroy(clock);
}

/* Called off while the kernel is to be told again, or never told. */
static void a_step_sets_no_leap_second(void **state)
{
	struct gnomon_clock *clock = open_system();

	(void)state;
	assert_int_equal(clock->ops->set_leap(clock, 59), 0);
	assert_int_equal(clock->ops->step(clock, (gnomon_span){ -SEC, 0 }), 0);
	assert_int_equal(clock->ops->set_leap(clock, 0), 0);
	kernel.monotonic_ns += 9 * (int64_t)SEC;
	assert_int_equal(clock->ops->set_frequency(clock, 1.0), 0);
	assert_int_equal(kernel.now.status & (STA_INS | STA_DEL), 0);
	/* Somebody else's flag is left alone. */
	kernel.now.status |= STA_INS;
	assert_int_equal(clock->ops->step(clock, (gnomon_span){ SEC, 0 }), 0);
	assert_int_equal(kernel.now.status & (STA_INS | STA_DEL), STA_INS);
	clock->ops->destroy(clock);
}

static void tai_offset(void **state)
{
	struct gnomon_clock *clock = open_system();
	int seconds = -1;

	(void)state;
	assert_int_equal(clock_system_tai_offset(&seconds), -ENODATA);
	assert_int_equal(seconds, -1);
	assert_int_equal(clock->ops->set_tai_offset(clock, 37), 0);
	assert_int_equal(clock_system_tai_offset(&seconds), 0);
	assert_int_equal(seconds, 37);
	clock->ops->destroy(clock);
}

static void synchronized(void **state)
{
	struct gnomon_clock *clock = open_system();
	struct gnomon_clock *soft = NULL;
	const struct clock_soft_config config = { .tai_offset = 37 };

	(void)state;
	kernel.now.status = STA_UNSYNC | STA_INS;
	assert_int_equal(clock_system_set_synchronized(clock, true, 1500), 0);
	assert_int_equal(kernel.now.status, STA_INS);
	assert_int_equal(kernel.now.maxerror, 2);
	assert_int_equal(clock_system_set_synchronized(clock, false, 0), 0);
	assert_int_equal(kernel.now.status, STA_INS | STA_UNSYNC);
	clock->ops->destroy(clock);
	assert_int_equal(clock_soft_create(&soft, &config), 0);
	assert_int_equal(clock_system_set_synchronized(soft, true, 0), -EINVAL);
	soft->ops->destroy(soft);
}

static void no_permission(void **state)
{
	struct gnomon_clock *clock = NULL;
	struct driver_error error = { "" };

	(void)state;
	kernel.read_only = true;
	assert_int_equal(clock_system_open(&clock, true, &error), -EPERM);
	assert_string_equal(error.text, "CLOCK_REALTIME: no permission to set the system clock: "
					"run as root or with CAP_SYS_TIME");
	assert_null(clock);
	/* To read it is enough not to be refused. */
	assert_int_equal(clock_system_open(&clock, false, &error), 0);
	assert_int_equal(clock->ops->set_frequency(clock, 1), -EPERM);
	assert_int_equal(clock->ops->step(clock, gnomon_span_from_ns(1)), -EPERM);
	clock->ops->destroy(clock);
}

/* Opening for adjustment asks by setting what is set already. */
static void opening_changes_nothing(void **state)
{
	const struct timex before = { .freq = 12345, .tick = 10007, .status = STA_INS, .tai = 37 };
	struct gnomon_clock *clock;

	(void)state;
	kernel.now = before;
	clock = open_system();
	assert_memory_equal(&kernel.now, &before, sizeof(before));
	clock->ops->destroy(clock);
	assert_memory_equal(&kernel.now, &before, sizeof(before));
}

static void phc(void **state)
{
	struct gnomon_clock *clock = NULL;
	const gnomon_time stamp = { 7, 8, 9 };
	gnomon_time local;

	(void)state;
	kernel.phc = true;
	kernel.now.freq = 65536;
	assert_int_equal(clock_phc_open_index(&clock, 3, NULL), 0);
	assert_string_equal(clock->name, "/dev/ptp3");
	assert_string_equal(clock->ops->kind, "phc");
	assert_false(clock->utc);
	assert_true(clock->max_frequency_ppb == 62499999);
	/* The kernel's form of a descriptor as a clock. */
	assert_int_equal(clock_id(clock) & 7, 3);
	assert_int_equal(clock->ops->set_frequency(clock, -62499999), 0);
	assert_int_equal(kernel.id, clock_id(clock));
	assert_int_equal(kernel.now.freq, clock_scaled_ppm(-62499999));
	assert_frequency(clock, -62499999);
	assert_int_equal(clock->ops->set_frequency(clock, 62500000), -ERANGE);
	assert_int_equal(clock->ops->step(clock, gnomon_span_from_ns(-5)), 0);
	assert_int_equal(kernel.stepped_ns, -5);
	assert_null(clock->ops->set_leap);
	assert_null(clock->ops->set_tai_offset);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_HARDWARE, stamp, &local), 0);
	assert_int_equal(gnomon_time_cmp(stamp, local), 0);
	assert_int_equal(clock->ops->from_stamp(clock, GNOMON_STAMP_NONE, stamp, &local),
			 -EOPNOTSUPP);
	assert_int_equal(clock_restore(clock), 0);
	assert_int_equal(kernel.now.freq, 65536);
	clock->ops->destroy(clock);
}

static void phc_read_only(void **state)
{
	struct gnomon_clock *clock = NULL;

	(void)state;
	kernel.phc = true;
	kernel.open_fails = true;
	kernel.read_only = true;
	assert_int_equal(clock_phc_open(&clock, "/dev/ptp3", NULL), 0);
	assert_int_equal(clock->ops->set_frequency(clock, 1), -EPERM);
	clock->ops->destroy(clock);
}

#define ROW(name, function) { name, function, reset, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("/drivers/clock_system/fine_frequency", fine_frequency),
		ROW("/drivers/clock_system/coarse_frequency", coarse_frequency),
		ROW("/drivers/clock_system/restores_when_asked", restores_when_asked),
		ROW("/drivers/clock_system/steps", steps),
		ROW("/drivers/clock_system/leap_seconds_are_undone", leap_seconds_are_undone),
		ROW("/drivers/clock_system/leap_seconds_outlive_a_step",
		    leap_seconds_outlive_a_step),
		ROW("/drivers/clock_system/a_step_sets_no_leap_second", a_step_sets_no_leap_second),
		ROW("/drivers/clock_system/tai_offset", tai_offset),
		ROW("/drivers/clock_system/synchronized", synchronized),
		ROW("/drivers/clock_system/no_permission", no_permission),
		ROW("/drivers/clock_system/opening_changes_nothing", opening_changes_nothing),
		ROW("/drivers/clock_phc/adjusts", phc),
		ROW("/drivers/clock_phc/read_only", phc_read_only),
	};

	return cmocka_run_group_tests_name("/drivers/clock_kernel", tests, NULL, NULL);
}
