/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine that exists in memory, but for its files: true time, a counter, the raw clock
 * that the kernel makes of it, a system clock with a frequency, and a host that writes a page file.
 * Every reading takes some nanoseconds.
 */
#ifndef TESTS_GUEST_WORLD_H
#define TESTS_GUEST_WORLD_H

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "../seed.h"
#include "tools/guest/agent.h"

#define WORLD_EPOCH 1800000000 /* true UTC when a test begins, s */
#define WORLD_TAI 37

struct world {
	struct seed seed;
	double t_ns;      /* true time since the epoch */
	double hz;        /* of the counter */
	double counter0;  /* its value at t = 0, for jumps */
	double mult_ppb;  /* what the kernel's idea of its rate is wrong */
	double raw_ns;
	double kept_ns;   /* the kept clock, since the epoch */
	double frequency_ppb;
	int tai_told;
	int leap_told;
	unsigned int steps;

	struct gnomon_clock kept;
	struct gnomon_clock phc;   /* of another kind: the host's time, read in turn */
	double phc_error_ns;
	bool phc_broken;

	char folder[64];
	char page_path[96];
	uint8_t *page;
	uint32_t seq;
	struct gnomon_vmclock vm;  /* as last published */
	double page_error_ns;      /* what the host is wrong */
	double page_rate_ppb;
};

static struct world *world_of_kept(struct gnomon_clock *clock)
{
	return (struct world *)(void *)((char *)clock - offsetof(struct world, kept));
}

static struct world *world_of_phc(struct gnomon_clock *clock)
{
	return (struct world *)(void *)((char *)clock - offsetof(struct world, phc));
}

static double world_random(struct world *w)
{
	return (double)(seed_next(&w->seed) >> 11) * 0x1p-53;
}

/* Time passes: all clocks go on. */
static void world_pass(struct world *w, double ns)
{
	const double raw = ns * (1 + w->mult_ppb * 1e-9);

	w->t_ns += ns;
	w->raw_ns += raw;
	w->kept_ns += raw * (1 + w->frequency_ppb * 1e-9);
}

static uint64_t world_counter(void *context)
{
	struct world *w = context;

	world_pass(w, 5 + 10 * world_random(w));
	return (uint64_t)(w->counter0 + w->t_ns * w->hz * 1e-9);
}

static int world_raw(void *context, gnomon_time *now)
{
	struct world *w = context;

	world_pass(w, 5 + 10 * world_random(w));
	*now = gnomon_time_from_ns((int64_t)floor(w->raw_ns));
	return 0;
}

static gnomon_time world_time(double ns, int64_t shift_s)
{
	gnomon_time t = gnomon_time_from_ns((int64_t)floor(ns));

	t.sec += WORLD_EPOCH + shift_s;
	return t;
}

static int kept_read(struct gnomon_clock *clock, gnomon_time *now)
{
	struct world *w = world_of_kept(clock);

	world_pass(w, 5 + 10 * world_random(w));
	*now = world_time(w->kept_ns, 0);
	world_pass(w, 5 + 10 * world_random(w));
	return 0;
}

static int kept_set_frequency(struct gnomon_clock *clock, double ppb)
{
	world_of_kept(clock)->frequency_ppb = ppb;
	return 0;
}

static int kept_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = world_of_kept(clock)->frequency_ppb;
	return 0;
}

static int kept_step(struct gnomon_clock *clock, gnomon_span by)
{
	world_of_kept(clock)->kept_ns += gnomon_span_to_double(by);
	world_of_kept(clock)->steps++;
	return 0;
}

static int kept_set_tai(struct gnomon_clock *clock, int seconds)
{
	world_of_kept(clock)->tai_told = seconds;
	return 0;
}

static int kept_set_leap(struct gnomon_clock *clock, int leap)
{
	world_of_kept(clock)->leap_told = leap;
	return 0;
}

static void keep_it(struct gnomon_clock *clock)
{
	(void)clock;
}

static int phc_read(struct gnomon_clock *clock, gnomon_time *now)
{
	struct world *w = world_of_phc(clock);

	if (w->phc_broken) {
		return -EIO;
	}
	world_pass(w, 300 + 400 * world_random(w));
	*now = world_time(w->t_ns + w->phc_error_ns, 0);
	world_pass(w, 300 + 400 * world_random(w));
	return 0;
}

static const struct gnomon_clock_ops world_kept_ops = {
	.kind = "sim",
	.read = kept_read,
	.set_frequency = kept_set_frequency,
	.get_frequency = kept_get_frequency,
	.step = kept_step,
	.set_leap = kept_set_leap,
	.set_tai_offset = kept_set_tai,
	.destroy = keep_it,
};

static const struct gnomon_clock_ops world_phc_ops = {
	.kind = "sim",
	.read = phc_read,
	.destroy = keep_it,
};

/* The device of the world that was made last. */
static struct world *world_current;

static int world_open_phc(struct gnomon_clock **clock, const char *path,
			  struct driver_error *error)
{
	(void)path;
	(void)error;
	*clock = &world_current->phc;
	return 0;
}

/* -- files ------------------------------------------------------------------------------------ */

static void world_file(const struct world *w, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s%s", w->folder, name);
	for (char *slash = strchr(path + strlen(w->folder) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void world_remove(const struct world *w)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", w->folder);
	assert_int_equal(system(command), 0);
}

/* The host's line through now, a little back. */
static void world_publish(struct world *w)
{
	const double period = 1 / w->hz * (1 + w->page_rate_ppb * 1e-9);
	const double back_ns = 20e6;
	struct gnomon_period p;
	gnomon_time at = world_time(w->t_ns + w->page_error_ns - back_ns, 0);

	at.sec += w->vm.time_type == GNOMON_VMCLOCK_TAI ? WORLD_TAI : 0;
	assert_int_equal(gnomon_period_from_seconds(period, &p), 0);
	gnomon_vmclock_set_line(&w->vm,
				(uint64_t)(w->counter0 + (w->t_ns - back_ns) * w->hz * 1e-9),
				gnomon_fine_from_time(at), &p);
	w->vm.counter_period_maxerror_rate_frac_sec = gnomon_period_error(&p, 20);
	w->vm.counter_period_esterror_rate_frac_sec = gnomon_period_error(&p, 2);
	gnomon_vmclock_write(w->page, &w->vm, &w->seq);
}

static void world_init(struct world *w)
{
	int fd;

	memset(w, 0, sizeof(*w));
	w->seed = seed_start("guest");
	w->t_ns = 1e9;
	w->hz = 2445.123e6;
	w->counter0 = 1e12;
	w->mult_ppb = -40000;
	w->kept.ops = &world_kept_ops;
	w->kept.name = "sim";
	w->kept.max_frequency_ppb = 500000;
	w->kept.utc = true;
	w->phc.ops = &world_phc_ops;
	w->phc.name = "phc";
	w->kept_ns = w->t_ns;
	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/gnomon-guest-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void)snprintf(w->page_path, sizeof(w->page_path), "%s/page", w->folder);
	fd = open(w->page_path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, GNOMON_GUEST_FILE_SIZE), 0);
	w->page = mmap(NULL, GNOMON_GUEST_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(w->page != MAP_FAILED);
	close(fd);
	gnomon_vmclock_init(&w->vm);
	w->vm.counter_id = GNOMON_VMCLOCK_COUNTER_X86_TSC;
	w->vm.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	w->vm.flags = GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	w->vm.tai_offset_sec = WORLD_TAI;
	w->vm.disruption_marker = 0x1111;
	w->vm.time_maxerror_nanosec = 500;
	w->vm.time_esterror_nanosec = 100;
	world_publish(w);
	world_current = w;
	world_file(w, "/proc/sys/kernel/osrelease", "7.3.4-test\n");
	world_file(w, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
		   "tsc\n");
	world_file(w, "/sys/devices/system/clocksource/clocksource0/available_clocksource",
		   "tsc kvm-clock acpi_pm \n");
}

static void world_finish(struct world *w)
{
	munmap(w->page, GNOMON_GUEST_FILE_SIZE);
	world_remove(w);
}

/* How wrong the kept clock is, ns. */
static inline double world_error(const struct world *w)
{
	return w->kept_ns - w->t_ns;
}

#endif
