/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/cross.h on clocks of our own: this program defines clock_gettime(), open() and ioctl()
 * in place of libc's. Every reading costs simulated time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptp_clock.h>

#include <cmocka.h>

#include "drivers/clock.h"
#include "drivers/cross.h"

/* open() is declared by <fcntl.h>, perhaps as open64(); the drivers call open(). */
int open(const char *path, int flags, ...);

#define SEC GNOMON_NSEC_PER_SEC
#define MAX_FD 64

/* The machine. */
static struct {
	int64_t now;              /* true time, ns */
	int64_t realtime;         /* CLOCK_REALTIME is ahead of it by that much */
	int64_t phc[MAX_FD];      /* and so are the PHCs, by descriptor */
	int fd[2];                /* of /dev/ptp0 and /dev/ptp1 */
	int64_t cost;             /* of a reading */
	int fast;                 /* so many readings on, */
	int slow;                 /* how many readings cost ten times as much */
	int step_in;              /* so many readings on, CLOCK_REALTIME steps back */
	int errors[16];           /* what a request answers, by its number */
	int asked[16];            /* how often it came */
	bool old;                 /* before Linux 6.12 */
} machine;

static int64_t read_clock(int64_t ahead)
{
	const int64_t read = machine.now + ahead;

	machine.now += machine.fast-- <= 0 && machine.slow-- > 0 ? 10 * machine.cost : machine.cost;
	if (machine.step_in > 0 && --machine.step_in == 0) {
		machine.realtime -= SEC;
	}
	return read;
}

static int64_t read_system(unsigned int id)
{
	return read_clock(id == CLOCK_REALTIME ? machine.realtime : 0);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	const int fd = ~(id >> 3);
	int64_t ns;

	ns = id >= 0 ? read_system((unsigned int)id) : read_clock(machine.phc[fd]);
	ts->tv_sec = (time_t)(ns / SEC);
	ts->tv_nsec = ns % SEC;
	return 0;
}

int open(const char *path, int flags, ...)
{
	const int index = path[strlen(path) - 1] - '0';

	(void)flags;
	machine.fd[index] = dup(0);
	return machine.fd[index];
}

static struct ptp_clock_time stamp_of(int64_t ns)
{
	return (struct ptp_clock_time){ .sec = ns / SEC, .nsec = (unsigned int)(ns % SEC) };
}

static int answer_extended(int fd, struct ptp_sys_offset_extended *e)
{
	if (e->n_samples > PTP_MAX_SAMPLES || (machine.old && e->rsv[0])) {
		return EINVAL;
	}
	for (unsigned int i = 0; i < e->n_samples; i++) {
		e->ts[i][0] = stamp_of(read_system(e->rsv[0]));
		e->ts[i][1] = stamp_of(read_clock(machine.phc[fd]));
		e->ts[i][2] = stamp_of(read_system(e->rsv[0]));
	}
	return 0;
}

static void answer_basic(int fd, struct ptp_sys_offset *b)
{
	for (unsigned int i = 0; i < b->n_samples; i++) {
		b->ts[2 * i] = stamp_of(read_system(CLOCK_REALTIME));
		b->ts[2 * i + 1] = stamp_of(read_clock(machine.phc[fd]));
	}
	b->ts[2 * b->n_samples] = stamp_of(read_system(CLOCK_REALTIME));
}

static int answer(int fd, unsigned long request, void *arg)
{
	const int error = machine.errors[request & 15];

	machine.asked[request & 15]++;
	if (error) {
		return error;
	}
	if (request == PTP_CLOCK_GETCAPS) {
		((struct ptp_clock_caps *)arg)->max_adj = 1000000;
	} else if (request == PTP_SYS_OFFSET_PRECISE) {
		struct ptp_sys_offset_precise *p = arg;

		p->device = stamp_of(machine.now + machine.phc[fd]);
		p->sys_realtime = stamp_of(machine.now + machine.realtime);
		p->sys_monoraw = stamp_of(machine.now);
	} else if (request == PTP_SYS_OFFSET_EXTENDED) {
		return answer_extended(fd, arg);
	} else if (request == PTP_SYS_OFFSET) {
		answer_basic(fd, arg);
	} else {
		return ENOTTY;
	}
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	errno = answer(fd, request, arg);
	return errno ? -1 : 0;
}

#define PRECISE 8
#define EXTENDED 9
#define BASIC 5

static struct gnomon_clock *phc[2];
static struct gnomon_clock *system_clock;

static int setup(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.now = 1000 * (int64_t)SEC;
	machine.realtime = 500 * (int64_t)SEC + 123;
	machine.cost = 100;
	assert_int_equal(clock_phc_open(&phc[0], "/dev/ptp0", NULL), 0);
	assert_int_equal(clock_phc_open(&phc[1], "/dev/ptp1", NULL), 0);
	assert_int_equal(clock_system_open(&system_clock, false, NULL), 0);
	machine.phc[machine.fd[0]] = 537 * (int64_t)SEC + 4567;
	machine.phc[machine.fd[1]] = 7;
	memset(machine.asked, 0, sizeof(machine.asked));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	phc[0]->ops->destroy(phc[0]);
	phc[1]->ops->destroy(phc[1]);
	system_clock->ops->destroy(system_clock);
	return 0;
}

/* a - b is as it should be, within the half window that is said. */
static void assert_stamp(const struct cross_stamp *s, int64_t ahead, enum cross_method method,
			 int64_t half_window)
{
	const int64_t error = gnomon_time_diff(s->a, s->b).ns - ahead;

	assert_string_equal(cross_method_name(s->method), cross_method_name(method));
	assert_int_equal(s->half_window_ns, half_window);
	assert_in_range(error + half_window, 0, 2 * half_window);
}

static int64_t phc_ahead(int index)
{
	return machine.phc[machine.fd[index]];
}

static void best_method_first(void **state)
{
	const int64_t ahead = phc_ahead(0) - machine.realtime;
	struct cross_device d;
	struct cross_stamp s;

	(void)state;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_REALTIME, 5);
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_PRECISE, 0);
	machine.errors[PRECISE] = EOPNOTSUPP;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_EXTENDED, 100);
	machine.errors[EXTENDED] = EOPNOTSUPP;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_BASIC, 100);
	machine.errors[BASIC] = EOPNOTSUPP;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_PLAIN, 100);
}

static void smallest_window(void **state)
{
	const int64_t ahead = phc_ahead(0) - machine.realtime;
	struct cross_device d;
	struct cross_stamp s;

	(void)state;
	machine.errors[PRECISE] = ENODEV;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_REALTIME, 3);
	machine.slow = 6; /* the first two brackets */
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_EXTENDED, 100);
	machine.fast = 3;
	machine.slow = 6; /* all but the first */
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_EXTENDED, 100);
	machine.slow = 9; /* all of them */
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_EXTENDED, 1000);
	machine.errors[EXTENDED] = EOPNOTSUPP;
	machine.slow = 4;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, ahead, CROSS_BASIC, 100);
}

/* More readings than one request takes. */
static void many_samples(void **state)
{
	struct cross_device d;
	struct cross_stamp s;

	(void)state;
	machine.errors[PRECISE] = ENODEV;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_REALTIME, 60);
	machine.slow = 3 * 59;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, phc_ahead(0) - machine.realtime, CROSS_EXTENDED, 100);
	assert_int_equal(machine.asked[EXTENDED], 3);
}

static void failed_method_returns(void **state)
{
	struct cross_device d;
	struct cross_stamp s;

	(void)state;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_REALTIME, 1);
	machine.errors[PRECISE] = ETIMEDOUT;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_int_equal(s.method, CROSS_EXTENDED);
	machine.errors[PRECISE] = 0; /* it failed once */
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_int_equal(s.method, CROSS_PRECISE);

	/* One that always fails is asked ever more rarely, */
	machine.errors[PRECISE] = EOPNOTSUPP;
	machine.asked[PRECISE] = 0;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(cross_device_read(&d, &s), 0);
		assert_int_equal(s.method, CROSS_EXTENDED);
	}
	assert_in_range(machine.asked[PRECISE], 15, 30);
	/* but never no more. */
	machine.errors[PRECISE] = 0;
	for (int i = 0; i < 64 && s.method != CROSS_PRECISE; i++) {
		assert_int_equal(cross_device_read(&d, &s), 0);
	}
	assert_int_equal(s.method, CROSS_PRECISE);
	machine.errors[PRECISE] = EOPNOTSUPP;
	assert_int_equal(cross_device_read(&d, &s), 0);
	machine.errors[PRECISE] = 0;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_int_equal(s.method, CROSS_PRECISE);
}

static void raw_clock(void **state)
{
	struct cross_device d;
	struct cross_stamp s;

	(void)state;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_MONOTONIC_RAW, 2);
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, phc_ahead(0), CROSS_PRECISE, 0);
	machine.errors[PRECISE] = EOPNOTSUPP;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, phc_ahead(0), CROSS_EXTENDED, 100);
	machine.old = true; /* a kernel that knows one clock only */
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, phc_ahead(0), CROSS_PLAIN, 100);
	/* PRECISE has two clocks, and this is neither. */
	machine.errors[PRECISE] = 0;
	machine.old = false;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_MONOTONIC, 2);
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, phc_ahead(0), CROSS_EXTENDED, 100);
}

/* CLOCK_REALTIME steps back while it is read. */
static void spoilt_window(void **state)
{
	struct cross_device d;
	struct cross_stamp s = { .half_window_ns = 4711 };

	(void)state;
	machine.errors[PRECISE] = EOPNOTSUPP;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_REALTIME, 2);
	machine.step_in = 2;
	assert_int_equal(cross_device_read(&d, &s), 0);
	assert_stamp(&s, phc_ahead(0) - machine.realtime, CROSS_EXTENDED, 100);
	machine.errors[EXTENDED] = EOPNOTSUPP;
	machine.errors[BASIC] = EOPNOTSUPP;
	cross_device_init(&d, clock_id(phc[0]), CLOCK_REALTIME, 1);
	machine.step_in = 2;
	s.half_window_ns = 4711;
	assert_int_equal(cross_device_read(&d, &s), -EAGAIN);
	assert_int_equal(s.half_window_ns, 4711);
}

static void between_two_clocks(struct gnomon_clock *a, struct gnomon_clock *b, int64_t ahead,
			       enum cross_method method, int64_t half)
{
	struct cross cross;
	struct cross_stamp s;

	cross_init(&cross, a, b, 3);
	assert_int_equal(cross_read(&cross, &s), 0);
	assert_stamp(&s, ahead, method, half);
	cross_init(&cross, b, a, 3);
	assert_int_equal(cross_read(&cross, &s), 0);
	assert_stamp(&s, -ahead, method, half);
}

static void phc_and_system(void **state)
{
	const int64_t ahead = phc_ahead(0) - machine.realtime;

	(void)state;
	between_two_clocks(phc[0], system_clock, ahead, CROSS_PRECISE, 0);
	machine.errors[PRECISE] = EOPNOTSUPP;
	between_two_clocks(phc[0], system_clock, ahead, CROSS_EXTENDED, 100);
}

static void two_phcs(void **state)
{
	const int64_t ahead = phc_ahead(0) - phc_ahead(1);

	(void)state;
	between_two_clocks(phc[0], phc[1], ahead, CROSS_PRECISE, 0);
	machine.errors[PRECISE] = EOPNOTSUPP;
	between_two_clocks(phc[0], phc[1], ahead, CROSS_EXTENDED, 200);
	machine.old = true;
	between_two_clocks(phc[0], phc[1], ahead, CROSS_PLAIN, 100);
}

static void soft_clock(void **state)
{
	const struct clock_soft_config config = { .tai_offset = 37 };
	const int64_t ahead = phc_ahead(0) - machine.realtime - 37 * (int64_t)SEC;
	struct gnomon_clock *soft;
	struct cross_stamp s;
	struct cross cross;

	(void)state;
	assert_int_equal(clock_soft_create(&soft, &config), 0);
	/* The soft clock itself started half a bracket off. */
	cross_init(&cross, phc[0], soft, 3);
	assert_int_equal(cross_read(&cross, &s), 0);
	assert_int_equal(s.method, CROSS_PRECISE);
	assert_int_equal(s.half_window_ns, 0);
	assert_in_range(gnomon_time_diff(s.a, s.b).ns - ahead + 100, 0, 200);
	machine.errors[PRECISE] = EOPNOTSUPP;
	cross_init(&cross, soft, phc[0], 3);
	assert_int_equal(cross_read(&cross, &s), 0);
	assert_int_equal(s.method, CROSS_EXTENDED);
	assert_in_range(gnomon_time_diff(s.b, s.a).ns - ahead + 200, 0, 400);
	cross_init(&cross, soft, system_clock, 3);
	assert_int_equal(cross_read(&cross, &s), 0);
	assert_int_equal(s.method, CROSS_PLAIN);
	assert_in_range(gnomon_time_diff(s.a, s.b).ns - 37 * (int64_t)SEC + 200, 0, 400);
	soft->ops->destroy(soft);
}

/* A stamp that clock took 100 us ago comes out as what other read then, to half a bracket. */
static void assert_carried(int result, gnomon_time local, int64_t now, int64_t ahead)
{
	const gnomon_time want = gnomon_time_from_ns(now + ahead - 100000);

	assert_int_equal(result, 0);
	assert_in_range(gnomon_time_diff(local, want).ns + 200, 0, 400);
}

static void carries_stamps(void **state)
{
	struct cross cross;
	gnomon_time local = { 1, 2, 3 };
	gnomon_time stamp;

	(void)state;
	cross_init(&cross, phc[1], phc[0], 3);
	for (int precise = 1; precise >= 0; precise--) {
		const int64_t now = machine.now;

		machine.errors[PRECISE] = precise ? 0 : EOPNOTSUPP;
		stamp = gnomon_time_from_ns(now + phc_ahead(1) - 100000);
		assert_carried(cross_carry(&cross, stamp, &local), local, now, phc_ahead(0));
	}
	/* Neither the future's, nor one that has waited too long. */
	local = stamp;
	stamp = gnomon_time_from_ns(machine.now + phc_ahead(1) + 2000000);
	assert_int_equal(cross_carry(&cross, stamp, &local), -ESTALE);
	stamp = gnomon_time_from_ns(machine.now + phc_ahead(1) - 11 * (int64_t)SEC);
	assert_int_equal(cross_carry(&cross, stamp, &local), -ESTALE);
	assert_int_equal(gnomon_time_diff(local, stamp).ns > 0, 1);
}

/* The kernel's stamps in a PHC's time, whatever the device offers. */
static void system_stamps(void **state)
{
	const struct gnomon_clock_ops *ops = phc[0]->ops;
	gnomon_time local = { 1, 2, 3 };
	gnomon_time stamp;
	int64_t now;

	(void)state;
	for (int methods = 0; methods < 4; methods++) {
		now = machine.now;
		machine.errors[PRECISE] = methods > 0 ? EOPNOTSUPP : 0;
		machine.errors[EXTENDED] = methods > 1 ? EOPNOTSUPP : 0;
		machine.errors[BASIC] = methods > 2 ? EOPNOTSUPP : 0;
		stamp = gnomon_time_from_ns(now + machine.realtime - 100000);
		assert_carried(ops->from_stamp(phc[0], GNOMON_STAMP_SYSTEM, stamp, &local), local,
			       now, phc_ahead(0));
	}
	/* A step of the system clock is none of the PHC's: stamp and reading moved together. */
	machine.realtime -= 100 * (int64_t)SEC;
	now = machine.now;
	stamp = gnomon_time_from_ns(now + machine.realtime - 100000);
	assert_carried(ops->from_stamp(phc[0], GNOMON_STAMP_SYSTEM, stamp, &local), local, now,
		       phc_ahead(0));
	local = stamp;
	stamp = gnomon_time_from_ns(machine.now + machine.realtime + SEC);
	assert_int_equal(ops->from_stamp(phc[0], GNOMON_STAMP_SYSTEM, stamp, &local), -ESTALE);
	stamp = gnomon_time_from_ns(machine.now + machine.realtime - 11 * (int64_t)SEC);
	assert_int_equal(ops->from_stamp(phc[0], GNOMON_STAMP_SYSTEM, stamp, &local), -ESTALE);
	assert_int_equal(ops->from_stamp(phc[0], GNOMON_STAMP_NONE, stamp, &local), -EOPNOTSUPP);
	assert_int_equal(gnomon_time_diff(local, stamp).ns > 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(name, function) { name, function, setup, teardown, NULL }
		ROW("/drivers/cross/best_method_first", best_method_first),
		ROW("/drivers/cross/smallest_window", smallest_window),
		ROW("/drivers/cross/many_samples", many_samples),
		ROW("/drivers/cross/failed_method_returns", failed_method_returns),
		ROW("/drivers/cross/raw_clock", raw_clock),
		ROW("/drivers/cross/spoilt_window", spoilt_window),
		ROW("/drivers/cross/phc_and_system", phc_and_system),
		ROW("/drivers/cross/two_phcs", two_phcs),
		ROW("/drivers/cross/soft_clock", soft_clock),
		ROW("/drivers/cross/carries_stamps", carries_stamps),
		ROW("/drivers/cross/system_stamps", system_stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
