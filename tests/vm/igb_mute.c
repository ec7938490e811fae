/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Let an igb take no timestamps of what it transmits for a while. Its driver, which has asked for
 * one, waits for it and asks for no other meanwhile. Then the device says that it has stamped, so
 * that the driver does not wait its full 15 s: what it gets is late, and not the message's.
 *
 *     igb_mute FILE MILLISECONDS      FILE: the device's resource0 below /sys
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TSYNCTXCTL 0xb614
#define VALID 0x01
#define ENABLED 0x10
#define REGISTERS 0x20000

int main(int argc, char **argv)
{
	volatile uint32_t *registers;
	int fd;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: igb_mute FILE MILLISECONDS\n");
		return 1;
	}
	fd = open(argv[1], O_RDWR | O_SYNC);
	registers = mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (registers == MAP_FAILED) {
		(void)fprintf(stderr, "igb_mute: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	registers[TSYNCTXCTL / 4] &= ~(uint32_t)ENABLED;
	(void)usleep((useconds_t)strtoul(argv[2], NULL, 10) * 1000);
	registers[TSYNCTXCTL / 4] |= ENABLED | VALID;
	return 0;
}
