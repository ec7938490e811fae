/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-pairing [seconds] [clock...]: pairs of clocks and the CPU counter on this machine: half
 * windows, cost per pair, and what the raw clock's line leaves open. Clocks by name (/dev/ptp0);
 * without any: CLOCK_REALTIME with and without KVM, and a soft clock. Then what it costs to ask KVM
 * for the counter of a machine, and whether many are there still.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/clock_find.h"
#include "drivers/counter.h"
#include "drivers/kvm_clock.h"
#include "drivers/kvm_debugfs.h"
#include "drivers/pairing.h"
#include "drivers/vm_find.h"

#define PER_SECOND 4
#define BATCH 1000
#define PROCESSES 300

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* As the daemon takes them, at rest in between; then in a row. */
static void measure(const char *name, const char *kvm, long seconds)
{
	const struct clock_find_options options = { .adjust = false };
	const struct pairing_config config = { .kvm = kvm };
	const struct timespec pause = { 0, 1000000000 / PER_SECOND };
	struct driver_error error = { "" };
	struct pairing_line line;
	struct gnomon_clock *clock;
	struct gnomon_pair pair;
	struct pairing *pairing;
	double least = INFINITY;
	double most = 0;
	double sum = 0;
	double cold = 0;
	double start;

	if (clock_find(&clock, name, &options, &error) ||
	    pairing_create(&pairing, clock, &config, &error)) {
		printf("%-16s %s\n", name, error.text);
		return;
	}
	for (long i = 0; i < seconds * PER_SECOND; i++) {
		start = now_ns();
		if (pairing_read(pairing, &pair)) {
			continue;
		}
		cold += now_ns() - start;
		sum += pair.half_window_ns;
		least = fmin(least, pair.half_window_ns);
		most = fmax(most, pair.half_window_ns);
		nanosleep(&pause, NULL);
	}
	start = now_ns();
	for (int i = 0; i < BATCH; i++) {
		(void)pairing_read(pairing, &pair);
	}
	start = (now_ns() - start) / BATCH;
	pairing_line(pairing, &line);
	printf("%-16s %-9s %7.1f %7.1f %7.1f %8.2f %8.2f", name,
	       pairing_method_name(pairing_method(pairing)), least,
	       sum / (double)(seconds * PER_SECOND), most,
	       cold / (double)(seconds * PER_SECOND) * 1e-3, start * 1e-3);
	if (line.known) {
		printf("   +-%.1f ns, %s %u/2^%u", line.half_ns,
		       line.exact ? "exactly" : "not yet", line.multiplier, line.shift);
	}
	printf("\n");
	pairing_destroy(pairing);
	clock->ops->destroy(clock);
}

static void measure_kvm(void)
{
	struct driver_error error = { "" };
	struct gnomon_counter_map map;
	struct kvm_debugfs debugfs;
	struct kvm_machine machine;
	struct kvm_clock clock;
	double start;

	if (kvm_clock_open(&clock, NULL, &error) || kvm_debugfs_open(&debugfs, NULL, &error)) {
		printf("%s\n", error.text);
		return;
	}
	if (kvm_debugfs_find(&debugfs, getpid(), &machine, &error)) {
		printf("%s\n", error.text);
		return;
	}
	start = now_ns();
	for (int i = 0; i < BATCH; i++) {
		(void)kvm_debugfs_read(&debugfs, &machine, &map, NULL, NULL);
	}
	printf("counter of a machine with one vCPU, from debugfs: %.1f us\n",
	       (now_ns() - start) / BATCH * 1e-3);
	kvm_debugfs_close(&debugfs);
	kvm_clock_close(&clock);
}

static void measure_processes(void)
{
	const struct vm_find find = { .no_pidfd = false };
	struct vm_process processes[PROCESSES];
	bool gone[PROCESSES] = { false };
	double start;

	for (int i = 0; i < PROCESSES; i++) {
		if (vm_find_pid(&find, getpid(), &processes[i], NULL)) {
			return;
		}
	}
	start = now_ns();
	for (int i = 0; i < BATCH; i++) {
		(void)vm_processes_gone(&find, processes, PROCESSES, gone);
	}
	printf("whether any of %d processes has ended: %.1f us\n", PROCESSES,
	       (now_ns() - start) / BATCH * 1e-3);
}

int main(int argc, char **argv)
{
	const long given = argc > 1 ? atol(argv[1]) : 30;
	const long seconds = given > 0 ? given : 1;
	struct counter_rate rate;

	if (counter_rate(&rate)) {
		printf("this machine has no counter that guests could read\n");
		return 1;
	}
	printf("%s %.6f MHz (%s), %s\n", counter_name(), rate.hz * 1e-6,
	       counter_origin_name(rate.origin),
	       counter_check(NULL, NULL) ? "not the kernel's clocksource" :
					   "the kernel's clocksource");
	printf("%-16s %-9s %23s %17s   %s\n", "clock", "method", "half window/ns",
	       "cost/us", "the raw clock's line");
	printf("%-16s %-9s %7s %7s %7s %8s %8s\n", "", "", "least", "mean", "most", "at rest",
	       "in a row");
	for (int i = 2; i < argc; i++) {
		measure(argv[i], NULL, seconds);
	}
	if (argc <= 2) {
		measure("CLOCK_REALTIME", NULL, seconds);
		measure("CLOCK_REALTIME", "", seconds);
		measure("soft", NULL, seconds);
	}
	measure_kvm();
	measure_processes();
	return 0;
}
