/* SPDX-License-Identifier: BSD-2-Clause */
/* CLOCK_REALTIME, which keeps UTC. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/clock_private.h"
#include "drivers/privilege.h"
#include "drivers/timer.h"

/* ADJ_FREQUENCY takes +-500 ppm; beyond, the length of a tick is changed in steps. */
#define MAX_FINE_PPB 500000.0

/* ADJ_TICK: microseconds per tick; the kernel takes +-10 % of nominal. */
#define USEC_PER_SEC 1000000L
#define MAX_TICK_PPB 100000000.0

/* Two ends of seconds are in it, at any frequency. */
#define LEAP_FORGOTTEN_NS (2 * (int64_t)GNOMON_NSEC_PER_SEC + GNOMON_NSEC_PER_SEC / 2)

struct clock_system {
	struct driver_clock driver;
	long nominal_tick;
	long tick;            /* as last set */
	int leap;             /* 61, 59: the kernel has been told; 0 */
	gnomon_mono leap_due; /* when to tell it again, NEVER: it knows */
};

static int write_leap(int leap)
{
	struct timex tx = { .modes = 0 };
	int err = clock_adjust(CLOCK_REALTIME, &tx);

	if (err) {
		return err;
	}
	tx.modes = ADJ_STATUS;
	tx.status &= ~(STA_INS | STA_DEL);
	tx.status |= leap == 61 ? STA_INS : leap == 59 ? STA_DEL : 0;
	return clock_adjust(CLOCK_REALTIME, &tx);
}

/*
 * Linux looks for the end of the day once, when it takes notice of the flag; a step makes it forget
 * the day and not the flag. So the flag is taken back, which it notices within a second, and set
 * again after that.
 */
static int system_step(struct gnomon_clock *clock, gnomon_span by)
{
	struct clock_system *system = (struct clock_system *)clock;
	int err = clock_kernel_step(clock, by);

	if (!err && system->leap && write_leap(0) == 0) {
		system->leap_due = gnomon_mono_add(timer_now(), LEAP_FORGOTTEN_NS);
	}
	return err;
}

static void remind_of_leap(struct clock_system *system)
{
	if (system->leap_due.ns != GNOMON_MONO_NEVER.ns &&
	    !gnomon_mono_before(timer_now(), system->leap_due) && write_leap(system->leap) == 0) {
		system->leap_due = GNOMON_MONO_NEVER;
	}
}

static int system_set_frequency(struct gnomon_clock *clock, double ppb)
{
	struct clock_system *system = (struct clock_system *)clock;
	const double tick_ppb = 1e9 / (double)system->nominal_tick;
	struct timex tx = { .modes = ADJ_FREQUENCY };
	long tick = system->nominal_tick;
	int err;

	if (!(fabs(ppb) <= clock->max_frequency_ppb)) {
		return -ERANGE;
	}
	if (fabs(ppb) > MAX_FINE_PPB) {
		tick += clock_nearest(ppb / tick_ppb);
		ppb -= (double)(tick - system->nominal_tick) * tick_ppb;
	}
	tx.freq = clock_scaled_ppm(ppb);
	system->driver.adjusted = true;
	if (tick != system->tick) {
		tx.modes |= ADJ_TICK;
		tx.tick = tick;
	}
	err = clock_adjust(CLOCK_REALTIME, &tx);
	if (!err) {
		system->tick = tick;
		remind_of_leap(system);
	}
	return err;
}

static int system_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	const struct clock_system *system = (const struct clock_system *)clock;
	const double tick_ppb = 1e9 / (double)system->nominal_tick;
	struct timex tx = { .modes = 0 };
	int err = clock_adjust(CLOCK_REALTIME, &tx);

	if (!err) {
		*ppb = clock_ppb(tx.freq) + (double)(tx.tick - system->nominal_tick) * tick_ppb;
	}
	return err;
}

static int system_set_leap(struct gnomon_clock *clock, int leap)
{
	struct clock_system *system = (struct clock_system *)clock;
	int err = leap != 0 && leap != 59 && leap != 61 ? -EINVAL : write_leap(leap);

	if (!err) {
		system->leap = leap;
		system->leap_due = GNOMON_MONO_NEVER;
	}
	return err;
}

static int system_set_tai_offset(struct gnomon_clock *clock, int seconds)
{
	struct timex tx = { .modes = ADJ_TAI, .constant = seconds };

	(void)clock;
	return clock_adjust(CLOCK_REALTIME, &tx);
}

static int system_from_stamp(struct gnomon_clock *clock, enum gnomon_stamp_source source,
			     gnomon_time stamp, gnomon_time *local)
{
	(void)clock;
	if (source != GNOMON_STAMP_SYSTEM) {
		return -EOPNOTSUPP;
	}
	*local = stamp;
	return 0;
}

static void system_destroy(struct gnomon_clock *clock)
{
	if (clock && ((struct clock_system *)clock)->leap) {
		(void)write_leap(0);
	}
	free(clock);
}

static const struct gnomon_clock_ops system_ops = {
	.kind = "system",
	.read = clock_kernel_read,
	.set_frequency = system_set_frequency,
	.get_frequency = system_get_frequency,
	.step = system_step,
	.set_leap = system_set_leap,
	.set_tai_offset = system_set_tai_offset,
	.from_stamp = system_from_stamp,
	.destroy = system_destroy,
};

/* The sure way to find out that changes nothing: ask for a tick that nobody gets. Who may not set
 * the clock is told that first. */
static int check_permission(void)
{
	struct timex tx = { .modes = ADJ_TICK, .tick = 0 };
	int err = clock_adjust(CLOCK_REALTIME, &tx);

	return err == -EINVAL ? 0 : err;
}

int clock_system_open(struct gnomon_clock **clock, bool adjust, struct driver_error *error)
{
	const long hz = sysconf(_SC_CLK_TCK);
	struct clock_system *system;
	struct timex tx = { .modes = 0 };
	int err = clock_adjust(CLOCK_REALTIME, &tx);

	if (err) {
		return driver_fail(error, err, "CLOCK_REALTIME: cannot read its frequency: %s",
				   driver_strerror(err));
	}
	err = adjust ? check_permission() : 0;
	if (err) {
		return privilege_fail(error, err, PRIVILEGE_SYS_TIME, "CLOCK_REALTIME",
				      "set the system clock");
	}
	system = calloc(1, sizeof(*system));
	if (!system) {
		return driver_fail(error, -ENOMEM, "CLOCK_REALTIME: out of memory");
	}
	system->driver.base.ops = &system_ops;
	system->driver.base.name = "CLOCK_REALTIME";
	system->driver.base.max_frequency_ppb = MAX_TICK_PPB;
	system->driver.base.utc = true;
	system->driver.id = CLOCK_REALTIME;
	system->nominal_tick = USEC_PER_SEC / (hz > 0 ? hz : 100);
	system->tick = tx.tick;
	system->leap_due = GNOMON_MONO_NEVER;
	(void)system_get_frequency(&system->driver.base, &system->driver.initial_ppb);
	*clock = &system->driver.base;
	return 0;
}

int clock_system_set_errors(struct gnomon_clock *clock, bool synchronized, int64_t max_error_ns,
			    int64_t likely_error_ns)
{
	struct timex tx = { .modes = 0 };
	int err;

	if (clock->ops != &system_ops) {
		return -EINVAL;
	}
	err = clock_adjust(CLOCK_REALTIME, &tx);
	if (err) {
		return err;
	}
	tx.modes = ADJ_STATUS;
	tx.status |= STA_UNSYNC;
	if (synchronized) {
		/* The kernel raises maxerror by itself as time passes, and calls the clock
		 * unsynchronised again when it reaches 16 s. */
		tx.modes |= ADJ_MAXERROR | ADJ_ESTERROR;
		tx.status &= ~STA_UNSYNC;
		tx.maxerror = (long)(max_error_ns / 1000 + 1);
		tx.esterror = (long)(likely_error_ns / 1000 + 1);
	}
	return clock_adjust(CLOCK_REALTIME, &tx);
}

int clock_system_set_synchronized(struct gnomon_clock *clock, bool synchronized,
				  int64_t max_error_ns)
{
	return clock_system_set_errors(clock, synchronized, max_error_ns, max_error_ns);
}

int clock_system_kernel(struct clock_system_kernel *kernel)
{
	struct timex tx = { .modes = 0 };
	int err = clock_adjust(CLOCK_REALTIME, &tx);

	if (!err) {
		*kernel = (struct clock_system_kernel){
			.synchronized = !(tx.status & STA_UNSYNC),
			.max_error_ns = tx.maxerror * 1000,
			.likely_error_ns = tx.esterror * 1000,
			.tai_offset = tx.tai,
			.leap = tx.status & STA_INS ? 61 : tx.status & STA_DEL ? 59 : 0,
			.frequency_ppb = clock_ppb(tx.freq),
		};
	}
	return err;
}

int clock_system_tai_offset(int *seconds)
{
	struct timex tx = { .modes = 0 };
	int err = clock_adjust(CLOCK_REALTIME, &tx);

	if (err) {
		return err;
	}
	if (tx.tai == 0) {
		return -ENODATA;
	}
	*seconds = tx.tai;
	return 0;
}
