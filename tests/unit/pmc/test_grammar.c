/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of pmc: words, abbreviations, values, and what is refused in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pmc/grammar.h"

static const uint8_t identity[8] = { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6 };

static struct grammar_command good(const char *line)
{
	struct grammar_command c;
	struct grammar_error error = { "" };
	const int fault = grammar_parse(line, &c, &error);

	if (fault) {
		fail_msg("\"%s\": %d, %s", line, fault, error.text);
	}
	return c;
}

static void advised(const char *line, enum grammar_fault fault, const char *text,
		    const char *remedy)
{
	struct grammar_command c;
	struct grammar_error error = { "" };

	assert_int_equal(grammar_parse(line, &c, &error), fault);
	assert_string_equal(error.text, text);
	if (remedy) {
		assert_string_equal(error.remedy, remedy);
	}
}

static void bad(const char *line, enum grammar_fault fault, const char *text)
{
	advised(line, fault, text, NULL);
}

static void expect_request(const char *line, enum gnomon_management_action action, uint16_t id)
{
	const struct grammar_command c = good(line);

	assert_int_equal(c.kind, GRAMMAR_REQUEST);
	assert_int_equal(c.action, action);
	assert_int_equal(c.row->id, id);
}

static void test_words(void **state)
{
	(void)state;
	expect_request("GET PRIORITY1", GNOMON_MANAGEMENT_GET, GNOMON_MID_PRIORITY1);
	expect_request("  get\tpriority1  ", GNOMON_MANAGEMENT_GET, GNOMON_MID_PRIORITY1);
	expect_request("g default", GNOMON_MANAGEMENT_GET, GNOMON_MID_DEFAULT_DATA_SET);
	expect_request("s PRIORITY1 1", GNOMON_MANAGEMENT_SET, GNOMON_MID_PRIORITY1);
	expect_request("c ENABLE_PORT", GNOMON_MANAGEMENT_COMMAND, GNOMON_MID_ENABLE_PORT);
	expect_request("COMMAND disable", GNOMON_MANAGEMENT_COMMAND, GNOMON_MID_DISABLE_PORT);
	expect_request("comm FAULT_LOG_RESET", GNOMON_MANAGEMENT_COMMAND,
		       GNOMON_MID_FAULT_LOG_RESET);
	/* A whole name is not ambiguous, however many it begins. */
	expect_request("GET TIME", GNOMON_MANAGEMENT_GET, GNOMON_MID_TIME);
	expect_request("GET FAULT_LOG", GNOMON_MANAGEMENT_GET, GNOMON_MID_FAULT_LOG);
	assert_int_equal(good("").kind, GRAMMAR_HELP);
	assert_int_equal(good("he").kind, GRAMMAR_HELP);
	assert_null(good("HELP").row);
	assert_int_equal(good("help PRIORITY2").row->id, GNOMON_MID_PRIORITY2);
}

static void test_every_id(void **state)
{
	unsigned int count;
	const struct gnomon_management_row *rows = gnomon_management_rows(&count);
	char line[128];

	(void)state;
	for (unsigned int i = 0; i < count; i++) {
		if (rows[i].access & GNOMON_MANAGEMENT_MAY_GET) {
			snprintf(line, sizeof(line), "get %s", rows[i].name);
			expect_request(line, GNOMON_MANAGEMENT_GET, rows[i].id);
		}
	}
}

static void test_bad_words(void **state)
{
	char line[200] = "GET ";

	(void)state;
	advised("GET", GRAMMAR_BAD_COMMAND, "\"GET\" needs something to act on",
		"\"help\" lists what there is");
	advised("FOO BAR", GRAMMAR_BAD_COMMAND, "there is no action \"FOO\"",
		"use GET, SET, CMD or TARGET");
	advised("GET FOO", GRAMMAR_BAD_COMMAND, "there is no management id \"FOO\"",
		"\"help\" lists them");
	advised("GETS PRIORITY1", GRAMMAR_BAD_COMMAND, "there is no action \"GETS\"",
		"use GET, SET, CMD or TARGET");
	advised("GET PRIOTITY1", GRAMMAR_BAD_COMMAND,
		"there is no management id \"PRIOTITY1\"", "did you mean PRIORITY1?");
	advised("priority1", GRAMMAR_BAD_COMMAND, "there is no action \"priority1\"",
		"write GET PRIORITY1 to ask for it");
	advised("FOO", GRAMMAR_BAD_COMMAND, "there is no action \"FOO\"",
		"use GET, SET, CMD or TARGET");
	advised("-x", GRAMMAR_BAD_COMMAND, "there is no action \"-x\"",
		"options stand before the first command");
	advised("TARGET", GRAMMAR_BAD_COMMAND, "\"TARGET\" needs something to act on",
		"\"help\" lists what there is");
	advised("GET PORT_D", GRAMMAR_AMBIGUOUS, "id PORT_D is too ambiguous",
		"write more of one of PORT_DATA_SET, PORT_DATA_SET_NP");
	advised("get prio", GRAMMAR_AMBIGUOUS, "id prio is too ambiguous",
		"write more of one of PRIORITY1, PRIORITY2");
	bad("get a", GRAMMAR_AMBIGUOUS, "id a is too ambiguous");
	bad("CMD PRIORITY1 1", GRAMMAR_NOT_ALLOWED, "PRIORITY1 only allows GET or SET");
	bad("GET ENABLE_PORT", GRAMMAR_NOT_ALLOWED, "ENABLE_PORT only allows COMMAND");
	bad("SET PORT_STATS_NP", GRAMMAR_NOT_ALLOWED, "PORT_STATS_NP only allows GET");
	memset(line + 4, 'X', sizeof(line) - 5);
	line[sizeof(line) - 1] = '\0';
	bad(line, GRAMMAR_BAD_COMMAND, "there is nothing called \"XXXXXXXXXXXXXXXXXXXX...\"");
	bad(line + 4, GRAMMAR_BAD_COMMAND, "\"XXXXXXXXXXXXXXXXXXXX\" needs something to act on");
}

/* Words behind a command are told apart from it; all of it has been understood. */
static void test_surplus(void **state)
{
	static const char quotes[] =
		"write several commands each in quotes, or on a line of its own";
	struct grammar_command c;
	struct grammar_error error;

	(void)state;
	advised("GET PRIORITY1 and whatever", GRAMMAR_SURPLUS,
		"PRIORITY1: \"and\" behind it is too much", "leave it out");
	advised("GET PRIORITY1 -z", GRAMMAR_SURPLUS, "PRIORITY1: \"-z\" behind it is too much",
		"options stand before the first command");
	advised("GET PRIORITY1 GET PRIORITY2", GRAMMAR_SURPLUS,
		"PRIORITY1: \"GET\" behind it is too much", quotes);
	advised("TARGET * target *", GRAMMAR_SURPLUS, "*: \"target\" behind it is too much",
		quotes);
	bad("HELP PRIORITY1 PRIORITY2", GRAMMAR_SURPLUS,
	    "PRIORITY1: \"PRIORITY2\" behind it is too much");
	bad("CMD ENABLE_PORT now", GRAMMAR_SURPLUS, "ENABLE_PORT: \"now\" behind it is too much");
	assert_int_equal(grammar_parse("SET PRIORITY1 1 2", &c, &error), GRAMMAR_SURPLUS);
	assert_string_equal(error.text, "PRIORITY1: \"2\" behind it is too much");
	assert_int_equal(c.len, 2);
	assert_int_equal(c.data[0], 1);
	assert_int_equal(grammar_parse("GET PRIORITY2 x", &c, &error), GRAMMAR_SURPLUS);
	assert_int_equal(c.row->id, GNOMON_MID_PRIORITY2);
	/* What is wrong itself says so first. */
	bad("SET PRIORITY1 300 2", GRAMMAR_BAD_VALUES,
	    "PRIORITY1: 300 is out of the range of priority1");
	bad("GET PRIORITY1 \n\r\t ", 0, "");
}

static void test_target(void **state)
{
	struct grammar_command c = good("TARGET 0c42a1.fffe.6d7ca6-17");

	(void)state;
	assert_int_equal(c.kind, GRAMMAR_TARGET);
	assert_memory_equal(c.target.clock.id, identity, 8);
	assert_int_equal(c.target.port, 17);
	c = good("t 0C42A1.FFFE.6D7CA6-*");
	assert_memory_equal(c.target.clock.id, identity, 8);
	assert_int_equal(c.target.port, 0xffff);
	c = good("tar *");
	assert_int_equal(c.target.port, 0xffff);
	assert_int_equal(c.target.clock.id[0], 0xff);
	assert_int_equal(c.target.clock.id[7], 0xff);
	advised("TARGET foo", GRAMMAR_BAD_COMMAND, "\"foo\" is no portIdentity",
		"write it as 0c42a1.fffe.6d7ca6-1, or * for all");
}

static void test_identities(void **state)
{
	static const char *const wrong[] = {
		"",
		"0c42a1.fffe.6d7ca6",
		"0c42a1.fffe.6d7ca6-",
		"0c42a1.fffe.6d7ca6-65536",
		"0c42a1.fffe.6d7ca6--1",
		"0c42a1.fffe.6d7ca6-1x",
		"0c42a1.fffe.6d7ca-1",
		"0c42a1fffe6d7ca6-1",
		"0c42a1.fffe.6d7cag-1",
		"0c42a1:fffe:6d7ca6-1",
		" 0c42a1.fffe.6d7ca6-1",
	};
	struct gnomon_port_identity p;
	struct gnomon_clock_identity c;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_not_equal(grammar_port_identity(wrong[i], &p), 0);
	}
	assert_int_equal(grammar_port_identity("0c42a1.fffe.6d7ca6-65535", &p), 0);
	assert_int_equal(grammar_clock_identity("0c42a1.fffe.6d7ca6", &c), 0);
	assert_memory_equal(c.id, identity, 8);
	assert_int_not_equal(grammar_clock_identity("0c42a1.fffe.6d7ca6-1", &c), 0);
}

/* -- values ----------------------------------------------------------------------------------- */

static void expect_data(const char *line, const void *data, size_t len)
{
	const struct grammar_command c = good(line);

	assert_int_equal(c.len, len);
	assert_memory_equal(c.data, data, len);
}

#define EXPECT_DATA(line, octets) expect_data(line, octets, sizeof(octets) - 1)

static void test_single_values(void **state)
{
	(void)state;
	EXPECT_DATA("SET PRIORITY1 128", "\x80\0");
	EXPECT_DATA("SET PRIORITY1 priority1 128", "\x80\0");
	EXPECT_DATA("SET PRIORITY1 0x10", "\x10\0");
	EXPECT_DATA("SET PRIORITY1 010", "\x0a\0");
	EXPECT_DATA("SET CLOCK_ACCURACY 21", "\x21\0");
	EXPECT_DATA("SET CLOCK_ACCURACY 0x21", "\x21\0");
	EXPECT_DATA("SET LOG_SYNC_INTERVAL -3", "\xfd\0");
	EXPECT_DATA("SET SLAVE_ONLY true", "\1\0");
	EXPECT_DATA("SET SLAVE_ONLY 0", "\0\0");
	EXPECT_DATA("SET SYNCHRONIZATION_UNCERTAIN_NP 255", "\xff\0");
	EXPECT_DATA("SET TIME 1700000000.5", "\0\0\x65\x53\xf1\0\x1d\xcd\x65\0");
	EXPECT_DATA("SET USER_DESCRIPTION \"a b\"", "\3a b");
	EXPECT_DATA("SET USER_DESCRIPTION \"\"", "\0\0");
	EXPECT_DATA("SET TIMESCALE_PROPERTIES 1", "\x08\0");
	EXPECT_DATA("CMD INITIALIZE 0", "\0\0");
	EXPECT_DATA("CMD ENABLE_PORT", "");
}

static void test_labelled_values(void **state)
{
	uint8_t events[66] = { 0, 180, 0x05 };

	(void)state;
	EXPECT_DATA("SET GRANDMASTER_SETTINGS_NP clockClass 248 clockAccuracy 0xfe "
		    "offsetScaledLogVariance 0xffff currentUtcOffset 37 leap61 0 leap59 1 "
		    "currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 0 "
		    "frequencyTraceable 1 timeSource a0",
		    "\xf8\xfe\xff\xff\0\x25\x2e\xa0");
	EXPECT_DATA("SET PORT_DATA_SET_NP neighborPropDelayThresh 800 asCapable 1",
		    "\0\0\x03\x20\0\0\0\1");
	EXPECT_DATA("SET EXTERNAL_GRANDMASTER_PROPERTIES_NP gmIdentity 0c42a1.fffe.6d7ca6 "
		    "stepsRemoved 3",
		    "\x0c\x42\xa1\xff\xfe\x6d\x7c\xa6\0\3");
	EXPECT_DATA("SET ALTERNATE_TIME_OFFSET_NAME keyField 1 displayName PST", "\1\3PST\0");
	EXPECT_DATA("SET ALTERNATE_TIME_OFFSET_PROPERTIES keyField 1 currentOffset -1 "
		    "jumpSeconds 3600 timeOfNextJump 4294967297",
		    "\1\xff\xff\xff\xff\0\0\x0e\x10\0\1\0\0\0\1\0");
	EXPECT_DATA("SET PORT_CORRECTIONS_NP egressLatency 1 ingressLatency -1 "
		    "delayAsymmetry 0.5",
		    "\0\0\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\0\x80\0\0\0\0\0\0");
	EXPECT_DATA("SET TIMESCALE_PROPERTIES ptpTimescale 1 timeSource 20", "\x08\x20");
	expect_data("SET SUBSCRIBE_EVENTS_NP duration 180 NOTIFY_PORT_STATE on "
		    "NOTIFY_TIME_SYNC off NOTIFY_PARENT_DATA_SET on",
		    events, sizeof(events));
	/* What is left out is off. */
	expect_data("SET SUBSCRIBE_EVENTS_NP duration 180 notify_port_state ON "
		    "NOTIFY_PARENT_DATA_SET on",
		    events, sizeof(events));
	events[2] = 0;
	expect_data("SET SUBSCRIBE_EVENTS_NP duration 180", events, sizeof(events));
}

static void test_table_values(void **state)
{
	(void)state;
	EXPECT_DATA("SET UNICAST_MASTER_TABLE logQueryInterval 2 unicastMasterTable 192.0.2.1 "
		    "unicastMasterTable 01:1b:19:00:00:00",
		    "\2\0\2\0\1\0\4\xc0\0\2\1\0\3\0\6\x01\x1b\x19\0\0\0\0");
	EXPECT_DATA("SET UNICAST_MASTER_TABLE logQueryInterval 2", "\2\0\0\0");
	EXPECT_DATA("SET ACCEPTABLE_MASTER_TABLE acceptablePortIdentity 0c42a1.fffe.6d7ca6-2 "
		    "alternatePriority1 7",
		    "\0\1\x0c\x42\xa1\xff\xfe\x6d\x7c\xa6\0\2\7\0");
}

static void test_bad_values(void **state)
{
	(void)state;
	bad("SET PRIORITY1", GRAMMAR_BAD_VALUES, "PRIORITY1 SET needs 1 value");
	bad("SET GRANDMASTER_SETTINGS_NP clockClass 248", GRAMMAR_BAD_VALUES,
	    "GRANDMASTER_SETTINGS_NP SET needs 11 values");
	bad("SET GRANDMASTER_SETTINGS_NP 248", GRAMMAR_BAD_VALUES,
	    "GRANDMASTER_SETTINGS_NP SET needs 11 values");
	bad("SET SUBSCRIBE_EVENTS_NP", GRAMMAR_BAD_VALUES,
	    "SUBSCRIBE_EVENTS_NP SET needs at least one value");
	bad("SET PRIORITY1 x", GRAMMAR_BAD_VALUES, "PRIORITY1: \"x\" is no value for priority1");
	bad("SET PRIORITY1 1x", GRAMMAR_BAD_VALUES,
	    "PRIORITY1: \"1x\" is no value for priority1");
	bad("SET PRIORITY1 256", GRAMMAR_BAD_VALUES,
	    "PRIORITY1: 256 is out of the range of priority1");
	bad("SET PRIORITY1 -1", GRAMMAR_BAD_VALUES,
	    "PRIORITY1: -1 is out of the range of priority1");
	bad("SET PRIORITY1 99999999999999999999", GRAMMAR_BAD_VALUES,
	    "PRIORITY1: \"99999999999999999999\" is no value for priority1");
	bad("SET PRIORITY1 18446744073709551615", GRAMMAR_BAD_VALUES,
	    "PRIORITY1: 18446744073709551615 is out of the range of priority1");
	bad("SET SYNCHRONIZATION_UNCERTAIN_NP 2", GRAMMAR_BAD_VALUES,
	    "SYNCHRONIZATION_UNCERTAIN_NP: uncertain has to be 0 (false), 1 (true) or 255 "
	    "(don't care)");
	bad("SET POWER_PROFILE_SETTINGS_NP version 2017 grandmasterID 1", GRAMMAR_BAD_VALUES,
	    "POWER_PROFILE_SETTINGS_NP: version has to be 0 (none), 1 (2011) or 2 (2017)");
	bad("SET SUBSCRIBE_EVENTS_NP duration 1 NOTIFY_PORT_STATE maybe", GRAMMAR_BAD_VALUES,
	    "SUBSCRIBE_EVENTS_NP: \"maybe\" is no value for NOTIFY_PORT_STATE");
	bad("SET ALTERNATE_TIME_OFFSET_NAME keyField 1 displayName 12345678901",
	    GRAMMAR_BAD_VALUES,
	    "ALTERNATE_TIME_OFFSET_NAME: \"12345678901\" is no value for displayName");
	bad("SET TIME 1.0000000001", GRAMMAR_BAD_VALUES,
	    "TIME: \"1.0000000001\" is no value for currentTime");
	advised("SET TIME", GRAMMAR_BAD_VALUES, "TIME SET needs 1 value",
		"\"help TIME\" shows what it takes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/pmc/grammar/words", test_words, NULL, NULL, NULL },
		{ "/pmc/grammar/every_id", test_every_id, NULL, NULL, NULL },
		{ "/pmc/grammar/bad_words", test_bad_words, NULL, NULL, NULL },
		{ "/pmc/grammar/surplus", test_surplus, NULL, NULL, NULL },
		{ "/pmc/grammar/target", test_target, NULL, NULL, NULL },
		{ "/pmc/grammar/identities", test_identities, NULL, NULL, NULL },
		{ "/pmc/grammar/single_values", test_single_values, NULL, NULL, NULL },
		{ "/pmc/grammar/labelled_values", test_labelled_values, NULL, NULL, NULL },
		{ "/pmc/grammar/table_values", test_table_values, NULL, NULL, NULL },
		{ "/pmc/grammar/bad_values", test_bad_values, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("pmc/grammar", tests, NULL, NULL);
}
