/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a chronyd as often as it is told to, and prints what it gets, one line an answer:
 *
 *     chrony_ask DEVICE TIMES
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/chrony.h"

static void ask(struct chrony *c)
{
	struct chrony_report r;
	struct pollfd p = { .fd = -1, .events = POLLIN };
	int err = chrony_ask(c);

	if (!err) {
		p.fd = c->fd;
		(void)poll(&p, 1, 1000);
		err = chrony_receive(c, &r);
	}
	if (err) {
		printf("error %s\n", strerrorname_np(-err));
		return;
	}
	printf("synchronised=%d local=%d offset=%.9f bound=%.9f leap=%d stratum=%u id=%08" PRIX32
	       " frequency=%.3f\n",
	       r.synchronised, r.local, r.offset_s, r.bound_s, r.leap, r.stratum, r.reference_id,
	       r.frequency_ppm);
}

int main(int argc, char **argv)
{
	struct driver_error error = { "" };
	struct chrony c;

	if (argc != 3) {
		fprintf(stderr, "usage: chrony_ask DEVICE TIMES\n");
		return 1;
	}
	if (chrony_open(&c, argv[1], &error)) {
		printf("refused %s\n", error.text);
		return 2;
	}
	for (int i = atoi(argv[2]); i > 0; i--) {
		ask(&c);
		(void)fflush(stdout);
		(void)usleep(i > 1 ? 200000 : 0);
	}
	chrony_close(&c);
	return 0;
}
