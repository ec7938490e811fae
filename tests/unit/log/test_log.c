/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/log/log.h: a reader of the standard output that stops reading stops nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/log/log.h"

#define LINES 3000

static struct log logger;
static int output; /* the real one */

/* Instead of waiting for ever. */
static void begin(struct conf *conf, int fd, int format)
{
	assert_int_equal(conf_init(conf, true), 0);
	conf->verbose = 1;
	conf->use_syslog = 0;
	conf->log_format = format;
	log_init(&logger, "test", conf);
	(void)fflush(stdout);
	output = dup(STDOUT_FILENO);
	assert_true(output >= 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	(void)close(fd);
	(void)alarm(60);
}

static void end(struct conf *conf)
{
	(void)alarm(0);
	(void)dup2(output, STDOUT_FILENO);
	(void)close(output);
	conf_finish(conf);
}

static void put(int number)
{
	if (log_begin(&logger, LOG_NOTE)) {
		log_text(&logger, "line %d of some length, as lines are, all told", number);
		log_int(&logger, "number", number);
		log_str(&logger, "text", "of some length, as lines are, all told");
		log_end(&logger);
	}
}

/* All there is, in whole lines; how many. */
static int drain(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int lines = 0;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0) {
		len += (size_t)got;
	}
	text[len] = '\0';
	for (const char *p = text; (p = strchr(p, '\n')); p++) {
		lines++;
	}
	return lines;
}

/* As many lines are told lost as are missing, once there is room, and the rest is whole. */
static void stuck(const int ends[2], int format, const char *wanted)
{
	static char text[1 << 20];
	struct conf conf;
	unsigned int lost;
	unsigned int told = 0;
	const char *at;
	int lines;

	begin(&conf, ends[1], format);
	for (int i = 0; i < LINES; i++) {
		put(i);
	}
	lost = logger.lost;
	lines = drain(ends[0], text, sizeof(text));
	put(LINES);
	put(LINES + 1);
	end(&conf);
	assert_in_range(lost, 1, LINES - 1);
	assert_int_equal((unsigned int)lines, LINES - lost);
	assert_int_equal(drain(ends[0], text, sizeof(text)), 3);
	at = strstr(text, wanted);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strcspn(at, "0123456789"), "%u", &told), 1);
	assert_int_equal(told, lost);
	assert_int_equal(logger.lost, 0);
	(void)close(ends[0]);
}

static void stuck_pipe(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	stuck(ends, CONF_LOG_NATIVE, "lines-lost lines=");
	assert_int_equal(pipe(ends), 0);
	stuck(ends, CONF_LOG_JSON, "\"event\":\"lines-lost\",\"lines\":");
}

/* As the system's journal has it. */
static void stuck_socket(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	stuck(ends, CONF_LOG_NATIVE, "lines-lost lines=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/log/stuck_pipe", stuck_pipe, NULL, NULL, NULL },
		{ "/log/stuck_socket", stuck_socket, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
