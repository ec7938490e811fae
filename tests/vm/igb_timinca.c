/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's igb lets its clock jump whenever its frequency is set: by twice what the change of
 * frequency makes of the time since the machine was started, and by 2^41 ns more if the frequency
 * gets lower. (It moves the counter's origin the wrong way, and divides a negative number as an
 * unsigned one.) A device does not jump. Preloaded into a program of the guest, this takes the jump
 * back in the same breath: after each clock_adjtime() that wrote TIMINCA, by TIMADJ, which is added
 * to the counter.
 *
 * It makes sure that the jump was as described, and ends the program if not.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timex.h>
#include <unistd.h>
#include <x86intrin.h>

#define SYSTIML 0xb600
#define SYSTIMH 0xb604
#define TIMINCA 0xb608
#define TIMADJL 0xb60c
#define TIMADJH 0xb610
#define REGISTERS 0x20000
#define INCVALUE 0xffffff
#define UNITS_PER_NS (1 << 19)
#define TOLERANCE_NS 100000
#define CLOCKS 8

int clock_adjtime(clockid_t id, struct timex *tx);

static void die(const char *what)
{
	(void)fprintf(stderr, "igb_timinca: %s\n", what);
	_exit(3);
}

/* The number of the clock, N of /dev/ptpN: its id is made of a file descriptor (FD_TO_CLOCKID). */
static unsigned int clock_number(clockid_t id)
{
	const unsigned int fd = ~((unsigned int)id >> 3) & (UINT_MAX >> 3);
	char link[64], path[64];
	unsigned int number;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%u", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0) {
		die("cannot tell which clock it is");
	}
	path[len] = 0;
	if (sscanf(path, "/dev/ptp%u", &number) != 1 || number >= CLOCKS) {
		die("not a PTP hardware clock");
	}
	return number;
}

static volatile uint32_t *map_registers(clockid_t id)
{
	static void *mapped[CLOCKS];
	const unsigned int number = clock_number(id);
	char path[64];
	int fd;

	if (mapped[number]) {
		return mapped[number];
	}
	(void)snprintf(path, sizeof(path), "/sys/class/ptp/ptp%u/device/resource0", number);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0) {
		die("cannot open the device's registers");
	}
	mapped[number] = mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (mapped[number] == MAP_FAILED) {
		die("cannot map the device's registers");
	}
	return mapped[number];
}

/* Reading the low half latches the high one. */
static uint64_t systim(volatile uint32_t *registers)
{
	const uint64_t low = registers[SYSTIML / 4];

	return (uint64_t)registers[SYSTIMH / 4] << 32 | low;
}

/* What the counter makes of so many ns: incvalue is per 16 ns, incperiod is 1. */
static uint64_t counted(uint64_t ns, uint32_t timinca)
{
	return (uint64_t)((unsigned __int128)ns * (timinca & INCVALUE) / 16);
}

static void take_back(volatile uint32_t *registers, uint64_t now, uint32_t was, uint32_t is)
{
	const uint64_t done = (now * (is & INCVALUE) - now * (was & INCVALUE)) / 16;
	const uint64_t meant = counted(now, was) - counted(now, is);
	const uint64_t by = meant - done;

	registers[TIMADJL / 4] = (uint32_t)by;
	registers[TIMADJH / 4] = (uint32_t)(by >> 32);
}

__attribute__((visibility("default"))) int clock_adjtime(clockid_t id, struct timex *tx)
{
	int (*real)(clockid_t, struct timex *) =
		(int (*)(clockid_t, struct timex *))dlsym(RTLD_NEXT, "clock_adjtime");
	volatile uint32_t *registers;
	uint64_t before, then, now;
	int64_t jump;
	uint32_t was, is;
	int result;

	if (!(tx->modes & ADJ_FREQUENCY) || id >= 0) {
		return real(id, tx);
	}
	registers = map_registers(id);
	was = registers[TIMINCA / 4];
	then = __rdtsc();
	before = systim(registers);
	result = real(id, tx);
	is = registers[TIMINCA / 4];
	now = __rdtsc(); /* with -icount this is QEMU's own time in ns */
	if (is != was) {
		take_back(registers, now, was, is);
	}
	jump = (int64_t)(systim(registers) - before - counted(now - then, is)) / UNITS_PER_NS;
	if (jump > TOLERANCE_NS || jump < -TOLERANCE_NS) {
		(void)fprintf(stderr, "igb_timinca: a jump of %lld ns is left\n", (long long)jump);
		die("QEMU's clock does not jump as it did");
	}
	return result;
}
