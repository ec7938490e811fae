/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/pairing.h on a machine of our own: this program defines clock_gettime(), open() and
 * ioctl() in place of libc's, and has a counter. Every reading takes ticks of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/fcntl.h>
#include <linux/kvm.h>
#include <linux/ptp_clock.h>

#include <cmocka.h>

#include "../seed.h"
#include "drivers/clock.h"
#include "drivers/kvm_clock.h"
#include "drivers/pairing.h"
#include "tree.h"

/* <fcntl.h> may declare open() as open64(); the drivers call the one or the other. */
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

#define SEC GNOMON_NSEC_PER_SEC
#define HZ 2599998000.0
#define MULTIPLIER 6452780
#define SHIFT 24

#if defined(__aarch64__)
#define OURS "arch_sys_counter"
#else
#define OURS "tsc"
#endif

/* A clock: so much ahead of the raw clock, and faster. */
struct model {
	double ahead;
	double ppb;
};

static struct {
	uint64_t counter;
	uint64_t raw_base;  /* the raw clock was 0 there */
	struct model realtime;
	struct model phc;
	uint64_t cost;      /* of a reading, in ticks */
	uint64_t jitter;
	int step_in;        /* so many readings on, CLOCK_REALTIME steps */
	int backwards;      /* how many readings of the counter go back */
	int ptp_errors[16]; /* what a request answers, by its number */
	int ptp_asked[16];
	int kvm_error;      /* of KVM_GET_CLOCK */
	unsigned int kvm_flags;
	bool kvm_set;
	bool old;           /* before Linux 6.12 */
	int kvm_opened;
	int kvm_refused; /* errno of opening it */
	int gettime_error;
	int phc_fd;
} machine;

static struct seed seed;

/* -- the machine ------------------------------------------------------------------------------- */

static void spend(void)
{
	machine.counter += machine.cost + seed_below(&seed, machine.jitter + 1);
	if (machine.step_in > 0 && --machine.step_in == 0) {
		machine.realtime.ahead += 1e6;
	}
}

static uint64_t read_test_counter(void *context)
{
	const uint64_t now = machine.counter;

	assert_ptr_equal(context, &machine);
	machine.counter += 8;
	if (machine.backwards > 0) {
		machine.backwards--;
		return UINT64_MAX / 2 - now;
	}
	return now;
}

/* The raw clock in ns, not truncated, from an origin near which doubles are exact. */
static long double raw_fine(uint64_t counter)
{
	return (long double)(counter - machine.raw_base) * MULTIPLIER / (1 << SHIFT);
}

static long double model_at(const struct model *m, uint64_t counter)
{
	const long double raw = raw_fine(counter);

	return raw + m->ahead + raw * m->ppb * 1e-9L;
}

/* Somewhere within what a reading takes, the clock is looked at. */
static int64_t read_clock(const struct model *m)
{
	const struct model raw = { 0, 0 };
	long double at;

	machine.counter += seed_below(&seed, machine.cost);
	at = model_at(m ? m : &raw, machine.counter);
	spend();
	return (int64_t)floorl(at);
}

static const struct model *model_of(unsigned int id)
{
	return id == CLOCK_REALTIME ? &machine.realtime : NULL;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	const int64_t ns = read_clock(id < 0 ? &machine.phc : model_of((unsigned int)id));

	if (machine.gettime_error) {
		errno = machine.gettime_error;
		return -1;
	}
	ts->tv_sec = (time_t)(ns / SEC);
	ts->tv_nsec = ns % SEC;
	return 0;
}

int open(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/ptp0") == 0) {
		machine.phc_fd = dup(0);
		return machine.phc_fd;
	}
	if (strcmp(path, "/dev/kvm") == 0) {
		machine.kvm_opened++;
		errno = machine.kvm_refused;
		return machine.kvm_refused ? -1 : dup(0);
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...)
{
	return open(path, flags);
}

static struct ptp_clock_time stamp_of(int64_t ns)
{
	return (struct ptp_clock_time){ .sec = ns / SEC, .nsec = (unsigned int)(ns % SEC) };
}

static void answer_precise(struct ptp_sys_offset_precise *p)
{
	const struct model raw = { 0, 0 };
	/* The hardware's counter has ticks of 50 ns. */
	const int64_t device = (int64_t)model_at(&machine.phc, machine.counter) +
			       (int64_t)seed_below(&seed, 101) - 50;

	p->device = stamp_of(device);
	p->sys_realtime = stamp_of((int64_t)model_at(&machine.realtime, machine.counter));
	p->sys_monoraw = stamp_of((int64_t)model_at(&raw, machine.counter));
	spend();
}

static int answer_extended(struct ptp_sys_offset_extended *e)
{
	if (machine.old && e->rsv[0]) {
		return EINVAL;
	}
	for (unsigned int i = 0; i < e->n_samples; i++) {
		e->ts[i][0] = stamp_of(read_clock(model_of(e->rsv[0])));
		e->ts[i][1] = stamp_of(read_clock(&machine.phc));
		e->ts[i][2] = stamp_of(read_clock(model_of(e->rsv[0])));
	}
	return 0;
}

static void answer_basic(struct ptp_sys_offset *b)
{
	for (unsigned int i = 0; i < b->n_samples; i++) {
		b->ts[2 * i] = stamp_of(read_clock(&machine.realtime));
		b->ts[2 * i + 1] = stamp_of(read_clock(&machine.phc));
	}
	b->ts[2 * b->n_samples] = stamp_of(read_clock(&machine.realtime));
}

static int answer_ptp(unsigned long request, void *arg)
{
	const int error = machine.ptp_errors[request & 15];

	machine.ptp_asked[request & 15]++;
	if (error) {
		return error;
	}
	switch (request) {
	case PTP_CLOCK_GETCAPS:
		((struct ptp_clock_caps *)arg)->max_adj = 1000000;
		return 0;
	case PTP_SYS_OFFSET_PRECISE:
		answer_precise(arg);
		return 0;
	case PTP_SYS_OFFSET_EXTENDED:
		return answer_extended(arg);
	case PTP_SYS_OFFSET:
		answer_basic(arg);
		return 0;
	default:
		return ENOTTY;
	}
}

/* linux/kvm.h may be older than the members: realtime and host_tsc are at 16 and 24. */
static int answer_clock(unsigned char *data)
{
	const uint64_t realtime = (uint64_t)model_at(&machine.realtime, machine.counter);
	const uint32_t flags = machine.kvm_set ? machine.kvm_flags : 2;

	memcpy(data + 8, &flags, sizeof(flags));
	memcpy(data + 16, &realtime, sizeof(realtime));
	memcpy(data + 24, &machine.counter, sizeof(machine.counter));
	spend();
	return machine.kvm_error;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == KVM_CREATE_VM || request == KVM_CREATE_VCPU) {
		return dup(0);
	}
	if (request == KVM_SET_CLOCK) {
		machine.kvm_set = true;
		return 0;
	}
	errno = request == KVM_GET_CLOCK ? answer_clock(arg) : answer_ptp(request, arg);
	return errno ? -1 : 0;
}

/* -- what is tested ---------------------------------------------------------------------------- */

#define PRECISE 8
#define EXTENDED 9
#define BASIC 5

static struct pairing *pairing;
static struct gnomon_clock *paired;

static struct pairing_config config(void)
{
	return (struct pairing_config){
		.clocksource = tree_root,
		.counter = read_test_counter,
		.context = &machine,
		.hz = HZ * 1.0004, /* it is nominal only */
	};
}

static int setup(void **state)
{
	(void)tree_setup(state);
	memset(&machine, 0, sizeof(machine));
	machine.counter = 91391383218087ull;
	machine.raw_base = 12345;
	machine.realtime = (struct model){ 1.7e18, -37000 };
	machine.phc = (struct model){ 1.7e18 + 37e9, 12345 };
	machine.cost = 260;
	machine.jitter = 60;
	machine.kvm_flags = 0xe;
	tree_write("current_clocksource", OURS "\n");
	pairing = NULL;
	paired = NULL;
	return 0;
}

static int teardown(void **state)
{
	pairing_destroy(pairing);
	if (paired) {
		paired->ops->destroy(paired);
	}
	return tree_teardown(state);
}

static void pair_with(struct gnomon_clock *clock, const struct pairing_config *c)
{
	paired = clock;
	assert_int_equal(pairing_create(&pairing, clock, c, NULL), 0);
	assert_int_equal(pairing_method(pairing), PAIRING_BRACKET);
}

static void pair_phc(void)
{
	const struct pairing_config c = config();
	struct gnomon_clock *clock;

	assert_int_equal(clock_phc_open(&clock, "/dev/ptp0", NULL), 0);
	memset(machine.ptp_asked, 0, sizeof(machine.ptp_asked));
	pair_with(clock, &c);
}

static void pair_system(const char *kvm)
{
	struct pairing_config c = config();
	struct gnomon_clock *clock;

	c.kvm = kvm;
	assert_int_equal(clock_system_open(&clock, false, NULL), 0);
	pair_with(clock, &c);
}

static long double ns_of(gnomon_time t)
{
	return (long double)t.sec * SEC + t.nsec + t.frac / 65536.0L;
}

/* A pair by that method, true within the half window it states, which is at most so large. */
static void check(const struct model *truth, enum pairing_method method, double at_most)
{
	struct gnomon_pair pair;
	double error;

	assert_int_equal(pairing_read(pairing, &pair), 0);
	assert_string_equal(pairing_method_name(pairing_method(pairing)),
			    pairing_method_name(method));
	error = (double)(ns_of(pair.time) - model_at(truth, pair.counter));
	if (!(fabs(error) <= pair.half_window_ns && pair.half_window_ns <= at_most)) {
		print_message("# error %f, half window %f, at most %f\n", error,
			      pair.half_window_ns, at_most);
	}
	assert_true(fabs(error) <= pair.half_window_ns);
	assert_true(pair.half_window_ns <= at_most);
	machine.counter += seed_below(&seed, (uint64_t)HZ);
}

static void check_often(const struct model *truth, enum pairing_method method, double at_most)
{
	for (int i = 0; i < 100; i++) {
		check(truth, method, at_most);
	}
}

/* A reading takes up to 580 ticks, 223 ns; the smallest of five brackets is hardly over 2 * 150. */
#define BRACKET 130
#define KERNEL_BRACKET 230

static void phc_falls_back(void **state)
{
	(void)state;
	pair_phc();
	check_often(&machine.phc, PAIRING_PRECISE, 60 + BRACKET);
	assert_int_equal(machine.ptp_asked[EXTENDED], 0);
	machine.ptp_errors[PRECISE] = EBUSY;
	check_often(&machine.phc, PAIRING_EXTENDED, KERNEL_BRACKET + BRACKET);
	/* Given up, but not for good. */
	assert_in_range(machine.ptp_asked[PRECISE], 102, 120);
	machine.ptp_errors[EXTENDED] = EOPNOTSUPP;
	check_often(&machine.phc, PAIRING_REALTIME, KERNEL_BRACKET + 10);
	assert_int_not_equal(machine.ptp_asked[BASIC], 0);
	machine.ptp_errors[BASIC] = EOPNOTSUPP;
	check_often(&machine.phc, PAIRING_BRACKET, BRACKET);
	memset(machine.ptp_errors, 0, sizeof(machine.ptp_errors));
	for (int i = 0; i < 64; i++) {
		struct gnomon_pair pair;

		assert_int_equal(pairing_read(pairing, &pair), 0);
	}
	check_often(&machine.phc, PAIRING_PRECISE, 60 + BRACKET);
}

/* Before Linux 6.12 the device knows CLOCK_REALTIME only: exact with KVM, bracketed without. */
static void old_kernel(void **state)
{
	(void)state;
	machine.old = true;
	machine.ptp_errors[PRECISE] = EOPNOTSUPP;
	pair_phc();
	assert_int_equal(machine.kvm_opened, 1);
	check_often(&machine.phc, PAIRING_REALTIME, KERNEL_BRACKET + 10);
	assert_int_equal(machine.ptp_asked[BASIC], 0);
	machine.kvm_error = EIO;
	check_often(&machine.phc, PAIRING_REALTIME, KERNEL_BRACKET + BRACKET + 10);
}

/* A step of CLOCK_REALTIME during the reading never becomes an error of the pair. */
static void stepped_meanwhile(void **state)
{
	int others = 0;

	(void)state;
	machine.old = true;
	machine.ptp_errors[PRECISE] = EOPNOTSUPP;
	pair_phc();
	for (int i = 0; i < 2000; i++) {
		struct gnomon_pair pair;
		double error;

		machine.step_in = (int)seed_below(&seed, 40) + 1;
		if (pairing_read(pairing, &pair)) {
			others++;
			continue;
		}
		error = (double)(ns_of(pair.time) - model_at(&machine.phc, pair.counter));
		assert_true(fabs(error) <= pair.half_window_ns);
		assert_true(pair.half_window_ns < 1000);
		others += pairing_method(pairing) != PAIRING_REALTIME;
	}
	assert_in_range(others, 1, 2000);
}

static void system_clock(void **state)
{
	(void)state;
	pair_system(NULL);
	assert_int_equal(machine.kvm_opened, 1);
	check_often(&machine.realtime, PAIRING_KVM, 2);
	/* The host's clocksource is another one for a while. */
	machine.kvm_flags = 2;
	check_often(&machine.realtime, PAIRING_BRACKET, BRACKET);
	machine.kvm_flags = 0xe;
	for (int i = 0; i < 64; i++) {
		struct gnomon_pair pair;

		assert_int_equal(pairing_read(pairing, &pair), 0);
	}
	check_often(&machine.realtime, PAIRING_KVM, 2);
}

static void without_kvm(void **state)
{
	(void)state;
	pair_system("");
	assert_int_equal(machine.kvm_opened, 0);
	check_often(&machine.realtime, PAIRING_BRACKET, BRACKET);
	pairing_destroy(pairing);
	paired->ops->destroy(paired);
	/* There, but of no use. */
	machine.kvm_flags = 2;
	pair_system(NULL);
	assert_int_equal(machine.kvm_opened, 1);
	check_often(&machine.realtime, PAIRING_BRACKET, BRACKET);
	pairing_destroy(pairing);
	paired->ops->destroy(paired);
	pair_system("/nonexistent");
	check_often(&machine.realtime, PAIRING_BRACKET, BRACKET);
}

/* Why there are no pairs by KVM, in words. */
static void kvm_says_why(void **state)
{
	struct driver_error error = { "" };
	struct kvm_clock clock = { -7, -7 };

	(void)state;
	assert_int_equal(kvm_clock_open(&clock, "/nonexistent/kvm", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/kvm: No such file"));
	machine.kvm_flags = 2;
	assert_int_equal(kvm_clock_open(&clock, NULL, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "/dev/kvm: no pairs"));
	machine.kvm_error = EINVAL;
	assert_int_equal(kvm_clock_open(&clock, NULL, &error), -EOPNOTSUPP);
	machine.kvm_error = EIO;
	assert_int_equal(kvm_clock_open(&clock, NULL, &error), -EIO);
	assert_int_equal(clock.machine, -7);
}

static int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder)) {
		count++;
	}
	assert_int_equal(closedir(folder), 0);
	return count;
}

static void descriptors(void **state)
{
	const int before = open_descriptors();
	struct pairing_config c = config();
	struct gnomon_clock *clock;

	(void)state;
	assert_int_equal(clock_system_open(&clock, false, NULL), 0);
	c.max_fds = 3;
	pair_with(clock, &c);
	assert_int_equal(machine.kvm_opened, 0);
	assert_int_equal(open_descriptors(), before + 1);
	check(&machine.realtime, PAIRING_BRACKET, BRACKET);
	pairing_destroy(pairing);
	assert_int_equal(open_descriptors(), before);
	c.max_fds = 4;
	pair_with(clock, &c);
	assert_int_equal(open_descriptors(), before + 3);
	check(&machine.realtime, PAIRING_KVM, 2);
	pairing_destroy(pairing);
	pairing = NULL;
	assert_int_equal(open_descriptors(), before);
}

/* The soft clock is a line over the raw clock's whole ns. */
static void check_soft(double at_most)
{
	struct gnomon_pair pair;
	gnomon_time soft;
	double error;

	assert_int_equal(pairing_read(pairing, &pair), 0);
	assert_int_equal(pairing_method(pairing), PAIRING_LINE);
	assert_int_equal(clock_soft_at(paired,
				       gnomon_time_from_ns((int64_t)raw_fine(pair.counter)),
				       &soft), 0);
	error = gnomon_span_to_double(gnomon_time_diff(pair.time, soft));
	if (!(fabs(error) <= pair.half_window_ns + 1)) {
		print_message("# error %f, half window %f\n", error, pair.half_window_ns);
	}
	/* The reading compared with is truncated, too. */
	assert_true(fabs(error) <= pair.half_window_ns + 1);
	assert_true(pair.half_window_ns <= at_most);
	machine.counter += (uint64_t)HZ / 4;
}

static void pair_soft(void)
{
	const struct clock_soft_config soft = { .oscillator_ppb = 12345 };
	const struct pairing_config c = config();
	struct gnomon_clock *clock;

	assert_int_equal(clock_soft_create(&clock, &soft), 0);
	pair_with(clock, &c);
}

static void soft_clock(void **state)
{
	struct pairing_line line;

	(void)state;
	pair_soft();
	pairing_line(pairing, &line);
	assert_false(line.known);
	for (int i = 0; i < 1000; i++) {
		check_soft(BRACKET);
		if (i % 100 == 0) {
			assert_int_equal(paired->ops->set_frequency(paired, i * 100.0 - 5e4), 0);
			assert_int_equal(paired->ops->step(paired, gnomon_span_from_ns(i * 1000)),
					 0);
		}
	}
	pairing_line(pairing, &line);
	assert_true(line.known && line.exact);
	assert_int_equal(line.multiplier, MULTIPLIER);
	assert_int_equal(line.shift, SHIFT);
	assert_int_equal(line.refits, 0);
	/* The smallest window of many: a reading takes 260 ticks at least, 100 ns, and the counter
	 * eight. */
	assert_true(line.half_ns < 62);
}

/* The kernel takes another clocksource, and the first one again. */
static void clocksource_changes(void **state)
{
	struct pairing_line line;

	(void)state;
	pair_soft();
	assert_int_equal(pairing_check(pairing), 0);
	for (int i = 0; i < 400; i++) {
		check_soft(BRACKET);
	}
	tree_write("current_clocksource", "hpet\n");
	assert_int_equal(pairing_check(pairing), -EXDEV);
	machine.raw_base -= 777777777;
	for (int i = 0; i < 100; i++) {
		check_soft(BRACKET);
		/* Nothing holds between two pairs any more. */
		machine.raw_base += seed_below(&seed, 100000);
	}
	pairing_line(pairing, &line);
	assert_false(line.known || line.exact);
	assert_int_equal(line.refits, 1);
	tree_write("current_clocksource", OURS "\n");
	for (int i = 0; i < 400; i++) {
		check_soft(BRACKET);
	}
	pairing_line(pairing, &line);
	assert_true(line.known && line.exact);
	assert_int_equal(line.refits, 1);
	/* A suspend. */
	machine.raw_base += 1000000;
	check_soft(BRACKET);
	pairing_line(pairing, &line);
	assert_int_equal(line.refits, 2);
}

/* A counter that differs between CPUs spoils readings; what cannot be read is said. */
static void failures(void **state)
{
	const struct gnomon_pair before = { .counter = 1, .half_window_ns = 2 };
	struct gnomon_pair pair = before;

	(void)state;
	pair_system("");
	machine.backwards = 2;
	check(&machine.realtime, PAIRING_BRACKET, BRACKET);
	machine.backwards = 1000000;
	assert_int_equal(pairing_read(pairing, &pair), -EAGAIN);
	machine.backwards = 0;
	machine.gettime_error = ENODEV;
	assert_int_equal(pairing_read(pairing, &pair), -ENODEV);
	assert_memory_equal(&pair, &before, sizeof(pair));
	machine.gettime_error = 0;
	tree_remove("current_clocksource");
	assert_int_equal(pairing_check(pairing), 0);
	pairing_destroy(pairing);
	paired->ops->destroy(paired);
	pair_system("");
	assert_int_equal(pairing_check(pairing), -EXDEV);
	check(&machine.realtime, PAIRING_BRACKET, BRACKET);
}

/* That it may not be used is told; that it is not there is no news. */
static void kvm_refused(void **state)
{
	(void)state;
	machine.kvm_refused = ENOENT;
	pair_system(NULL);
	assert_string_equal(pairing_refused(pairing), "");
	pairing_destroy(pairing);
	paired->ops->destroy(paired);
	machine.kvm_refused = EPERM;
	pair_system(NULL);
	assert_non_null(strstr(pairing_refused(pairing), "/dev/kvm: "));
	check_often(&machine.realtime, PAIRING_BRACKET, BRACKET);
}

#define ROW(name) { "/drivers/pairing/" #name, name, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(phc_falls_back), ROW(old_kernel),  ROW(stepped_meanwhile),
		ROW(system_clock),   ROW(without_kvm), ROW(descriptors),
		ROW(soft_clock),     ROW(failures),    ROW(clocksource_changes),
		ROW(kvm_says_why),   ROW(kvm_refused),
	};

	seed = seed_start("drivers/pairing");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
