/* SPDX-License-Identifier: BSD-2-Clause */
#include "stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

void stop_catch(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };
	struct sigaction action = { .sa_handler = catch };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)sigaction(numbers[i], &action, NULL);
	}
}

int stop_signal(void)
{
	return caught;
}
