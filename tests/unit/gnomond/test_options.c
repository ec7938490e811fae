/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: ptp4l's options and keys, and what they override. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/gnomond/options.h"

#define MAX_ARGS 24

/* Parse a command line written as one text, as ptp4l; words are split at blanks. */
static int parse(struct conf *conf, const char *line, enum options_mode *mode,
		 struct conf_error *error)
{
	static char copy[512];
	char *argv[MAX_ARGS];
	int argc = 0;

	snprintf(copy, sizeof(copy), "ptp4l %s", line);
	for (char *word = strtok(copy, " "); word && argc < MAX_ARGS - 1;
	     word = strtok(NULL, " ")) {
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	error->text[0] = '\0';
	return options_parse(conf, argc, argv, false, mode, error);
}

static void short_options(void **state)
{
	struct conf conf;
	struct conf_error error;
	enum options_mode mode = OPTIONS_HELP;

	assert_int_equal(parse(&conf, "-S -m -q -2 -P -l 7 -t tag -ieth0 -i eth1 -p /dev/ptp3",
			       &mode, &error),
			 0);
	assert_int_equal(mode, OPTIONS_RUN);
	assert_int_equal(conf.ports[0].conf.time_stamping, CONF_STAMP_SOFTWARE);
	assert_int_equal(conf.verbose, 1);
	assert_int_equal(conf.use_syslog, 0);
	assert_int_equal(conf.logging_level, 7);
	assert_string_equal(conf.message_tag, "tag");
	assert_string_equal(conf.phc_device, "/dev/ptp3");
	assert_int_equal(conf.port_count, 2);
	assert_string_equal(conf.ports[0].name, "eth0");
	assert_int_equal(conf.ports[1].conf.network_transport, CONF_NET_L2);
	assert_int_equal(conf.ports[1].conf.delay_mechanism, CONF_DELAY_P2P);
	conf_finish(&conf);
	assert_int_equal(parse(&conf, "-6ELsmi eth0", &mode, &error), 0);
	assert_int_equal(conf.ports[0].conf.network_transport, CONF_NET_UDPV6);
	assert_int_equal(conf.ports[0].conf.delay_mechanism, CONF_DELAY_E2E);
	assert_int_equal(conf.ports[0].conf.time_stamping, CONF_STAMP_LEGACY);
	assert_int_equal(conf.client_only, 1);
	conf_finish(&conf);
}

static void long_options(void **state)
{
	struct conf conf;
	struct conf_error error;
	enum options_mode mode;

	assert_int_equal(parse(&conf,
			       "--priority1=7 --priority2 8 -i eth0 --logSyncInterval=-3 "
			       "--slaveOnly 1",
			       &mode, &error),
			 0);
	assert_int_equal(conf.priority1, 7);
	assert_int_equal(conf.priority2, 8);
	assert_int_equal(conf.client_only, 1);
	assert_int_equal(conf.ports[0].conf.log_sync_interval, -3);
	conf_finish(&conf);
}

/* The command line beats [global], the port section beats both. */
static void precedence(void **state)
{
	char path[] = "/tmp/gnomon-test-XXXXXX";
	static const char text[] = "[global]\npriority1 1\nlogSyncInterval 1\nfree_running 0\n"
				   "[eth1]\nlogSyncInterval 3\n";
	char line[128];
	struct conf conf;
	struct conf_error error;
	enum options_mode mode;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	snprintf(line, sizeof(line),
		 "--logSyncInterval=2 --free_running=1 -f %s --priority1=5 -i eth0 -i eth1", path);
	assert_int_equal(parse(&conf, line, &mode, &error), 0);
	assert_int_equal(conf.priority1, 5);
	assert_int_equal(conf.free_running, 1);
	assert_int_equal(conf.port_count, 2);
	assert_int_equal(conf.ports[0].conf.log_sync_interval, 2);
	assert_int_equal(conf.ports[1].conf.log_sync_interval, 3);
	conf_finish(&conf);
	unlink(path);
}

static void modes(void **state)
{
	static const struct {
		const char *line;
		enum options_mode mode;
	} rows[] = {
		{ "-h", OPTIONS_HELP },
		{ "--help", OPTIONS_HELP },
		{ "-v", OPTIONS_VERSION },
		{ "--version", OPTIONS_VERSION },
		{ "--print-config-schema", OPTIONS_PRINT_SCHEMA },
		{ "--check-config -i eth0", OPTIONS_CHECK_CONFIG },
		{ "-i eth0 --print-config", OPTIONS_PRINT_CONFIG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf;
		struct conf_error error;
		enum options_mode mode = OPTIONS_RUN;

		assert_int_equal(parse(&conf, rows[i].line, &mode, &error), 0);
		assert_int_equal(mode, rows[i].mode);
		conf_finish(&conf);
	}
}

static void messages(void **state)
{
	static const char *const rows[][2] = {
		{ "", "no interface to run on; name one with -i, or in a [section] of the file" },
		{ "-Z", "option -Z: unknown; --help lists them" },
		{ "-i", "option -i: no value; write one behind it" },
		{ "--foo=1 -i eth0", "option --foo: unknown; --help lists them" },
		{ "--ts2phc.master=1 -i eth0", "option --ts2phc.master: of another program that "
					       "reads the same file; leave it there" },
		{ "--bogus", "option --bogus: unknown; --help lists them" },
		{ "--priorty1", "option --priorty1: unknown; did you mean --priority1?" },
		{ "--logsyncinterval 1", "option --logsyncinterval: unknown; did you mean "
					 "--logSyncInterval?" },
		{ "--check-conf", "option --check-conf: unknown; did you mean --check-config?" },
		{ "--hlep", "option --hlep: unknown; did you mean --help?" },
		{ "--help=all", "option --help takes no value; remove =all" },
		{ "--source_type=ptp -i eth0", "option --source_type: only of a section [source "
					       "NAME]; write it there, in the file of -f" },
		{ "-i eth0 --priority1", "option --priority1: no value; write --priority1=VALUE" },
		{ "--priority1=300 -i eth0", "option --priority1: 300 is out of range; write 0 to "
					     "255" },
		{ "--slaveOnly 2 -i eth0", "option --slaveOnly: 2 is out of range; write 0 to 1" },
		{ "-l 9 -i eth0", "option -l: 9 is out of range; write 0 to 7" },
		{ "--gmCapable=0 -i eth0", "option --gmCapable is not supported yet; remove it, or "
					   "write 1" },
		{ "-i eth0:1",
		  "option -i: 'eth0:1' cannot be the name of an interface; correct it" },
		{ "-f a -f b", "option -f: given twice; join the files" },
		{ "-i eth0 -i eth0", "option -i: interface 'eth0' is given twice; remove one" },
		{ "-i /dev/ptp0", "option -i: '/dev/ptp0' cannot be the name of an interface; "
				  "correct it" },
		{ "-i eth0 extra", "argument 'extra': not an option; name interfaces with -i" },
		{ "--delay_mechanism=COMMON_P2P -i eth0",
		  "option --delay_mechanism: COMMON_P2P is not supported yet; write Auto, E2E, P2P "
		  "or NONE" },
		{ "-f /nonexistent", "cannot read '/nonexistent': No such file or directory; check "
				     "the path given with -f" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf;
		struct conf_error error;
		enum options_mode mode = OPTIONS_RUN;

		assert_int_not_equal(parse(&conf, rows[i][0], &mode, &error), 0);
		assert_string_equal(error.text, rows[i][1]);
		conf_finish(&conf);
	}
}

/* What was asked for first is done, and ps(1) shows the command line as it was written. */
static void first_mode_and_argv(void **state)
{
	char *argv[] = { (char[]){ "ptp4l" }, (char[]){ "--help" }, (char[]){ "--version" },
			 (char[]){ "--priority1=7" }, NULL };
	struct conf conf;
	struct conf_error error;
	enum options_mode mode = OPTIONS_RUN;

	assert_int_equal(options_parse(&conf, 4, argv, false, &mode, &error), 0);
	assert_int_equal(mode, OPTIONS_HELP);
	assert_string_equal(argv[3], "--priority1=7");
	conf_finish(&conf);
}

/* Every option that stands for a setting names a key and a value that exist. */
static void rows_are_settings(void **state)
{
	for (size_t i = 0; i < option_table_len; i++) {
		const struct option_row *row = &option_table[i];

		if (row->key) {
			assert_non_null(conf_key_find(row->key, strlen(row->key)));
			assert_true((row->value == NULL) == (row->argument != NULL));
		}
		assert_non_null(row->doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/options/short_options", short_options, NULL, NULL, NULL },
		{ "/gnomond/options/long_options", long_options, NULL, NULL, NULL },
		{ "/gnomond/options/precedence", precedence, NULL, NULL, NULL },
		{ "/gnomond/options/modes", modes, NULL, NULL, NULL },
		{ "/gnomond/options/messages", messages, NULL, NULL, NULL },
		{ "/gnomond/options/first_mode_and_argv", first_mode_and_argv, NULL, NULL, NULL },
		{ "/gnomond/options/rows_are_settings", rows_are_settings, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/options", tests, NULL, NULL);
}
