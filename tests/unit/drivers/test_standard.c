/* SPDX-License-Identifier: BSD-2-Clause */
/* Closed standard streams are nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/standard.h"

/* In a child, which closes the streams of the mask: the first number that is given next. */
static int next_number(unsigned int mask)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		for (int fd = 0; fd < 3; fd++) {
			if (mask >> fd & 1) {
				(void)close(fd);
			}
		}
		for (int fd = 3; fd < 64; fd++) {
			(void)close(fd);
		}
		standard_streams_keep();
		_exit(open("/", O_RDONLY | O_DIRECTORY));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void closed(void **state)
{
	(void)state;
	for (unsigned int mask = 0; mask < 8; mask++) {
		assert_int_equal(next_number(mask), 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/standard/closed", closed, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("drivers/standard", tests, NULL, NULL);
}
