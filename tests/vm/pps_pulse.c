/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pulse per second on the machine's parallel port, at the full seconds of a PTP hardware clock.
 * The port has nothing connected to it: what raises its interrupt is the end of a strobe, and that
 * is what the kernel's pps_parport takes for a pulse.
 *
 *     pps_pulse CLOCK      CLOCK: a device, such as /dev/ptp1
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <time.h>
#include <unistd.h>

#define PORT 0x378
#define STATUS (PORT + 1) /* reading it ends the interrupt */
#define CONTROL (PORT + 2)
#define STROBE 0x01
#define READY 0x1c /* no reset, selected, interrupts on */

#define NSEC_PER_SEC 1000000000L
#define EARLY_NS 300000 /* from then on the clock is looked at without a pause */

static void read_clock(clockid_t id, struct timespec *ts)
{
	if (clock_gettime(id, ts)) {
		(void)fprintf(stderr, "pps_pulse: clock_gettime: %s\n", strerror(errno));
		_exit(2);
	}
}

static void wait_for_second(clockid_t id)
{
	struct timespec pause = { 0, 0 };
	struct timespec now;
	int64_t second;

	read_clock(id, &now);
	second = now.tv_sec + 1;
	pause.tv_nsec = NSEC_PER_SEC - now.tv_nsec - EARLY_NS;
	if (pause.tv_nsec > 0) {
		(void)nanosleep(&pause, NULL);
	}
	do {
		read_clock(id, &now);
	} while (now.tv_sec < second);
}

static void pulse(void)
{
	outb(READY | STROBE, CONTROL);
	outb(READY, CONTROL);
	(void)usleep(1000);
	(void)inb(STATUS);
}

int main(int argc, char **argv)
{
	const int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: pps_pulse CLOCK\n");
		return 1;
	}
	if (fd < 0 || ioperm(PORT, 3, 1)) {
		(void)fprintf(stderr, "pps_pulse: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	for (;;) {
		wait_for_second((clockid_t)((~(unsigned int)fd << 3) | 3u));
		pulse();
	}
}
