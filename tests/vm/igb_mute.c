/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Let an igb take no timestamps of what it transmits for a while. Its driver, which has asked for
 * one, waits for it and asks for no other meanwhile. Then the device says that it has stamped, so
 * that the driver does not wait its full 15 s: what it gets is late, and not the message's.
 *
 *     igb_mute FILE MILLISECONDS      FILE: the device's resource0 below /sys
 *     igb_mute FILE PEER              one message: from after its last timestamp until the device
 *                                     PEER, which receives them, has stamped another
 *     igb_mute FILE                   the same, for one that sends nothing but messages with
 *                                     timestamps: until it has sent another
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TSYNCTXCTL 0xb614
#define TXSTMPL 0xb618
#define RXSTMPL 0xb624
#define TDH 0xe010 /* of the first queue */
#define VALID 0x01
#define ENABLED 0x10
#define REGISTERS 0x20000
#define LATE_US 12000 /* nobody waits so long for a timestamp */

static volatile uint32_t *map_registers(const char *path)
{
	const int fd = open(path, O_RDWR | O_SYNC);
	volatile uint32_t *registers =
		mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (registers == MAP_FAILED) {
		(void)fprintf(stderr, "igb_mute: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	return registers;
}

/* Their high halves are left alone: reading those would say that the stamp was taken. */
static void wait_for_change(volatile uint32_t *registers, unsigned int at)
{
	const uint32_t before = registers[at / 4];

	while (registers[at / 4] == before) {
		(void)usleep(500);
	}
}

static bool is_path(const char *argument)
{
	return argument && argument[0] == '/';
}

int main(int argc, char **argv)
{
	volatile uint32_t *registers;
	bool once;

	if (argc < 2 || argc > 3) {
		(void)fprintf(stderr, "usage: igb_mute FILE [MILLISECONDS|PEER]\n");
		return 1;
	}
	registers = map_registers(argv[1]);
	once = argc == 2 || is_path(argv[2]);
	if (once) {
		wait_for_change(registers, TXSTMPL);
		(void)usleep(2000); /* the driver takes it */
	}
	registers[TSYNCTXCTL / 4] &= ~(uint32_t)ENABLED;
	if (argc == 2) {
		wait_for_change(registers, TDH);
	} else if (once) {
		wait_for_change(map_registers(argv[2]), RXSTMPL);
	}
	(void)usleep(once ? LATE_US : (useconds_t)strtoul(argv[2], NULL, 10) * 1000);
	registers[TSYNCTXCTL / 4] |= ENABLED | VALID;
	return 0;
}
