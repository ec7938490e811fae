/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/counter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnomon/time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

/* Crystals of computers are good to 50 ppm when new and warm, and age. */
#define CRYSTAL_PPB 100e3
/* The kernel accepts a calibration within 1 % of another one, and is mostly far better; what it
 * finds without a reference in the CPU is good to 500 ppm at worst. */
#define CALIBRATION_PPB 500e3

#define MEASURE_NS 5000000

#if defined(__x86_64__) || defined(__i386__)
#define NAME "TSC"
#define CLOCKSOURCE "tsc"
#elif defined(__aarch64__)
#define NAME "CNTVCT"
#define CLOCKSOURCE "arch_sys_counter"
#else
#define NAME NULL
#define CLOCKSOURCE ""
#endif

const char *counter_name(void)
{
	return NAME;
}

const char *counter_origin_name(enum counter_origin origin)
{
	switch (origin) {
	case COUNTER_CPUID:
		return "cpuid";
	case COUNTER_HYPERVISOR:
		return "hypervisor";
	case COUNTER_FIRMWARE:
		return "firmware";
	case COUNTER_MEASURED:
		return "measured";
	}
	return "unknown";
}

#if defined(__x86_64__) || defined(__i386__)
/* Leaf 0x15: TSC = crystal * numerator / denominator; older CPUs do not tell the crystal. */
static bool rate_from_leaf(struct counter_rate *rate)
{
	unsigned int denominator;
	unsigned int numerator;
	unsigned int crystal;
	unsigned int unused;

	if (!__get_cpuid(0x15, &denominator, &numerator, &crystal, &unused) || !denominator ||
	    !numerator || !crystal) {
		return false;
	}
	*rate = (struct counter_rate){ (double)crystal * numerator / denominator, CRYSTAL_PPB,
				       COUNTER_CPUID };
	return true;
}

/* Hypervisors tell the counter's frequency in kHz if their leaves reach so far. */
static bool rate_from_hypervisor(struct counter_rate *rate)
{
	unsigned int highest;
	unsigned int khz;
	unsigned int b;
	unsigned int c;
	unsigned int d;

	if (!__get_cpuid(1, &khz, &b, &c, &d) || !(c & 1u << 31)) {
		return false;
	}
	__cpuid(0x40000000, highest, b, c, d);
	if (highest < 0x40000010 || highest > 0x400000ff) {
		return false;
	}
	__cpuid(0x40000010, khz, b, c, d);
	if (khz < 1000) {
		return false;
	}
	*rate = (struct counter_rate){ 1e3 * khz, CRYSTAL_PPB + 1e9 / khz, COUNTER_HYPERVISOR };
	return true;
}

static bool rate_told(struct counter_rate *rate)
{
	return rate_from_leaf(rate) || rate_from_hypervisor(rate);
}
#elif defined(__aarch64__)
static bool rate_told(struct counter_rate *rate)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	if (hz < 1000000) {
		return false;
	}
	*rate = (struct counter_rate){ (double)hz, CRYSTAL_PPB, COUNTER_FIRMWARE };
	return true;
}
#else
static bool rate_told(struct counter_rate *rate)
{
	return false;
}
#endif

struct bracket {
	uint64_t counter;
	double half; /* ticks */
	double ns;
};

/* The raw clock between two readings of the counter, the tightest of some. */
static int take_bracket(struct bracket *best)
{
	best->half = 1e18;
	for (int i = 0; i < 8; i++) {
		const uint64_t before = counter_read();
		struct timespec ts;
		uint64_t after;

		if (clock_gettime(CLOCK_MONOTONIC_RAW, &ts)) {
			return -errno;
		}
		after = counter_read();
		if ((double)(after - before) / 2 < best->half) {
			best->half = (double)(after - before) / 2;
			best->counter = before + (after - before) / 2;
			best->ns = (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
		}
	}
	return 0;
}

static int measure(struct counter_rate *rate)
{
	const struct timespec pause = { 0, MEASURE_NS };
	struct bracket first;
	struct bracket last;
	double ticks;
	double ns;
	int err = take_bracket(&first);

	(void)nanosleep(&pause, NULL);
	err = err ? err : take_bracket(&last);
	if (err) {
		return err;
	}
	ticks = (double)(last.counter - first.counter);
	ns = last.ns - first.ns;
	if (!(ticks > 0) || !(ns > 0)) {
		return -EOPNOTSUPP;
	}
	/* One ns of resolution at either end. */
	*rate = (struct counter_rate){
		.hz = ticks / ns * 1e9,
		.tolerance_ppb = CALIBRATION_PPB + (first.half + last.half) / ticks * 1e9 +
				 2 / ns * 1e9,
		.origin = COUNTER_MEASURED,
	};
	return 0;
}

int counter_rate(struct counter_rate *rate)
{
	if (!counter_name()) {
		return -EOPNOTSUPP;
	}
	return rate_told(rate) ? 0 : measure(rate);
}

/* The first line of a small file; "" if it is empty. Returns 0 or -errno. */
static int read_line(int fd, char *line, size_t size)
{
	const ssize_t got = pread(fd, line, size - 1, 0);

	if (got < 0) {
		return -errno;
	}
	line[got] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

int counter_check_fd(int fd)
{
	char line[64];
	int err = read_line(fd, line, sizeof(line));

	if (err) {
		return err;
	}
	return strcmp(line, CLOCKSOURCE) == 0 ? 0 : -EXDEV;
}

static int read_file(const char *folder, const char *file, char *line, size_t size,
		     struct driver_error *error)
{
	char path[256];
	int err;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : read_line(fd, line, size);
	if (fd >= 0) {
		(void)close(fd);
	}
	return err ? driver_fail(error, err, "%s: %s: cannot tell whether the counter is stable",
				 path, driver_strerror(err)) :
		     0;
}

/* Whether word is one of the words of line. */
static bool has_word(const char *line, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = line; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		if (strcspn(at, " ") == length && strncmp(at, word, length) == 0) {
			return true;
		}
	}
	return false;
}

int counter_check(const char *folder, struct driver_error *error)
{
	char available[256];
	char current[64];
	int err;

	if (!counter_name()) {
		return driver_fail(error, -EOPNOTSUPP,
				   "this architecture has no counter that guests could read");
	}
	folder = folder ? folder : COUNTER_SYSFS;
	err = read_file(folder, "current_clocksource", current, sizeof(current), error);
	if (err || strcmp(current, CLOCKSOURCE) == 0) {
		return err;
	}
	err = read_file(folder, "available_clocksource", available, sizeof(available), error);
	if (err) {
		return err;
	}
	if (has_word(available, CLOCKSOURCE)) {
		return driver_fail(error, -EXDEV,
				   "the kernel's clocksource is %s, not " CLOCKSOURCE
				   ": echo " CLOCKSOURCE " > %s/current_clocksource",
				   current, folder);
	}
	return driver_fail(error, -EXDEV,
			   "the kernel's clocksource is %s and " CLOCKSOURCE " is not on offer: it "
			   "was found unstable, or is switched off (see dmesg and /proc/cmdline)",
			   current);
}
