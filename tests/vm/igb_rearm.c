/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's igb stamps received PTP messages as an 82576 does, but for two things that a device does
 * by itself: it takes one messageType only, the one in TSYNCRXCFG, where Linux relies on the
 * device to take all event messages; and it takes no new stamp until RXSATRH was read, which
 * Linux does not read. This program, running beside the driver in the guest, makes up for both.
 *
 *     igb_rearm FILE MESSAGE-TYPE      FILE: the device's resource0 below /sys
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TSYNCRXCFG 0x5f50 /* bits 8 to 15: messageType of PTP version 2 */
#define RXSATRH 0xb630
#define REGISTERS 0x20000
#define PERIOD_NS 10000000

static volatile uint32_t *map_registers(const char *path)
{
	const int fd = open(path, O_RDWR | O_SYNC);
	void *registers;

	if (fd < 0) {
		return NULL;
	}
	registers = mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	return registers == MAP_FAILED ? NULL : registers;
}

int main(int argc, char **argv)
{
	const struct timespec period = { 0, PERIOD_NS };
	volatile uint32_t *registers;
	uint32_t type;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: igb_rearm FILE MESSAGE-TYPE\n");
		return 1;
	}
	registers = map_registers(argv[1]);
	if (!registers) {
		(void)fprintf(stderr, "igb_rearm: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	type = (uint32_t)strtoul(argv[2], NULL, 0) << 8;
	for (;;) {
		/* The driver writes it whenever time stamping is switched on or off. */
		if ((registers[TSYNCRXCFG / 4] & 0xff00) != type) {
			registers[TSYNCRXCFG / 4] = type;
		}
		(void)registers[RXSATRH / 4];
		(void)nanosleep(&period, NULL);
	}
}
