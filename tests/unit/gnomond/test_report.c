/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines, octet by octet: programs parse them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/gnomond/report.h"

#define OUTPUT_MAX 16384

static char output[OUTPUT_MAX];
static int64_t clock_ns;

static gnomon_mono fake_now(void)
{
	return (gnomon_mono){ clock_ns };
}

static void collect(struct log *log, int level, const char *line, size_t len)
{
	size_t used = strlen(output);

	assert_true(used + len < sizeof(output));
	assert_true(level >= 0 && level <= 7);
	memcpy(output + used, line, len);
	output[used + len] = '\0';
}

/* A log of that format that writes to output, as process 42 at 1246.846 s. */
static void begin(struct log *log, struct conf *conf, int format)
{
	assert_int_equal(conf_init(conf, true), 0);
	conf->log_format = format;
	conf->logging_level = 7;
	log_init(log, format == CONF_LOG_PTP4L ? "ptp4l" : "gnomond", conf);
	log->pid = 42;
	log->now = fake_now;
	log->write = collect;
	clock_ns = INT64_C(1246846999999);
	output[0] = '\0';
}

static void finish(struct log *log, struct conf *conf)
{
	log_finish(log);
	conf_finish(conf);
}

/* -- every event ------------------------------------------------------------------------------ */

static const struct report_port eth0 = { 1, "eth0" };
static const struct report_port no_port = { 0, "" };

static void engine_event(struct log *log, struct report_port port, enum gnomon_engine_event what,
			 int64_t value)
{
	struct gnomon_engine_event_data event = {
		.what = what,
		.identity = { { { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6 } }, 1 },
		.value = value,
	};

	report_event(log, port, &event, 2);
}

static void engine_events(struct log *log)
{
	engine_event(log, no_port, GNOMON_EVENT_BEST_SELECTED, 0);
	engine_event(log, no_port, GNOMON_EVENT_LOCAL_SELECTED, 0);
	engine_event(log, no_port, GNOMON_EVENT_GRANDMASTER_ROLE, 0);
	engine_event(log, eth0, GNOMON_EVENT_FOREIGN_NEW, 0);
	engine_event(log, eth0, GNOMON_EVENT_SYNC_TIMEOUT, 0);
	engine_event(log, eth0, GNOMON_EVENT_DELAY_TIMEOUT, 4);
	engine_event(log, eth0, GNOMON_EVENT_DELAY_UNANSWERED, 8);
	engine_event(log, eth0, GNOMON_EVENT_DELAY_INTERVAL, -3);
	engine_event(log, eth0, GNOMON_EVENT_SYNC_INTERVAL, -3);
	engine_event(log, eth0, GNOMON_EVENT_TX_TIMESTAMP_LOST, GNOMON_MSG_DELAY_REQ);
	engine_event(log, eth0, GNOMON_EVENT_RX_TIMESTAMP_MISSING, GNOMON_MSG_SYNC);
	engine_event(log, eth0, GNOMON_EVENT_PEER_DETECTED, 0);
	engine_event(log, eth0, GNOMON_EVENT_MULTIPLE_RESPONDERS, 0);
	engine_event(log, eth0, GNOMON_EVENT_PEER_DELAY_VALID, 1);
	engine_event(log, eth0, GNOMON_EVENT_PEER_DELAY_VALID, 0);
	engine_event(log, eth0, GNOMON_EVENT_DUPLICATE_IDENTITY, 0);
	engine_event(log, eth0, GNOMON_EVENT_LOOP, 0);
}

static void source_events(struct log *log)
{
	static const struct report_port other = { 1, "eth1", "lab" };
	struct gnomon_state_change change = { GNOMON_PORT_LISTENING, GNOMON_PORT_UNCALIBRATED, 0 };
	struct report_source source = {
		.name = "gps",
		.state = GNOMON_SOURCE_OUTVOTED,
		.why = "101000 ns from 2 others",
		.measured = true,
		.offset_ns = -100950.4,
		.bound_ns = 320.0,
	};
	struct report_holdover holdover = {
		.mode = GNOMON_ENSEMBLE_HOLDOVER,
		.frequency_ppb = -1234.5,
		.frequency_error_ppb = 0.75,
		.bound_ns = 512.2,
	};

	report_state(log, other, &change);
	report_state_file(log, "/var/lib/gnomon/state", 12.4, -1234.5, true);
	report_source(log, &source);
	source = (struct report_source){ .name = "lab", .state = GNOMON_SOURCE_SELECTED };
	report_source(log, &source);
	report_source_error(log, "gps", "cannot read /dev/ptp1: No such device");
	report_switch(log, "gps", "lab");
	report_switch(log, "", "lab");
	report_switch(log, "lab", "");
	report_holdover(log, &holdover);
	holdover.mode = GNOMON_ENSEMBLE_FOLLOWING;
	holdover.lasted_s = 61.2;
	report_holdover(log, &holdover);
}

static void clock_events(struct log *log)
{
	struct report_stats stats = { 0 };
	struct report_sync sync = {
		.port = eth0,
		.state = GNOMON_PORT_TIME_RECEIVER,
		.servo = GNOMON_SERVO_LOCKED,
		.offset_ns = -53.5,
		.frequency_ppb = 16642.25,
		.mean_delay_ns = 1089.0625,
		.bound_ns = 611.4,
		.gm = "0c42a1.fffe.6d7ca6",
		.steps_removed = 1,
	};

	report_sync(log, &sync);
	sync.bound_ns = INFINITY;
	report_sync(log, &sync);
	for (int i = 0; i < 4; i++) {
		gnomon_stats_add(&stats.offset, i % 2 ? -74.0 : 20.0);
		gnomon_stats_add(&stats.frequency, 16642.0 + 40.0 * i);
		gnomon_stats_add(&stats.delay, 1089.0 + 20.0 * i);
	}
	report_summary(log, &stats, &sync);
	report_step(log, gnomon_span_from_ns(-1500000000));
	report_stepped(log, -1234.4, 77.0);
	report_slept(log, 3600.25);
	report_sanity(log, true);
	report_sanity(log, false);
	report_utc_offset(log, 37, true);
	report_leap(log, 61);
	report_leap(log, 59);
	report_leap(log, 0);
	report_timescale(log, false, NULL);
	report_timescale(log, true, NULL);
	report_timescale(log, true, "lab");
	report_announce(log, &(struct report_claim){ 6, 0x21, 0x20 },
			&(struct report_claim){ 7, 0x23, 0xa0 }, "held over", "gps", 812.4);
	report_announce(log, &(struct report_claim){ 248, 0xfe, 0xa0 },
			&(struct report_claim){ 6, 0x21, 0x20 }, "following", "gps", 90.0);
}

static const struct gnomon_clock_identity identity = { { 0x1a, 0x16, 0x0a, 0xff, 0xfe, 0x19, 0xfb,
							 0x2a } };

static void machine_events(struct log *log, const struct conf *conf)
{
	struct gnomon_state_change change = { GNOMON_PORT_LISTENING, GNOMON_PORT_UNCALIBRATED, 0 };
	const struct gnomon_port_counters counters = {
		.rx = { [GNOMON_MSG_SYNC] = 10, [GNOMON_MSG_ANNOUNCE] = 5 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 7 },
		.drop = { [GNOMON_DROP_DOMAIN] = 3, [GNOMON_DROP_LINK_DELAY] = 1 },
		.sync_mismatch = 2,
	};

	while (strcmp(gnomon_fsm_event_name(change.cause), "RS_SLAVE") != 0) {
		change.cause++;
	}
	report_port(log, eth0, "hardware", "", &conf->defaults);
	report_port(log, eth0, "software", "eth0: no hardware time stamping of sent packets",
		    &conf->defaults);
	report_state(log, eth0, &change);
	change = (struct gnomon_state_change){ GNOMON_PORT_TIME_RECEIVER, GNOMON_PORT_FAULTY, 0 };
	while (strcmp(gnomon_fsm_event_name(change.cause), "FAULT_DETECTED") != 0) {
		change.cause++;
	}
	report_state(log, eth0, &change);
	report_started(log);
	report_waiting(log, eth0, "no Sync comes");
	report_link(log, eth0, false);
	report_link(log, eth0, true);
	report_port_error(log, LOG_SEND_FAILED, eth0, "Network is down");
	report_port_error(log, LOG_LINK_ERROR, eth0, "the interface is gone");
	report_clock_error(log, "step clock", -1);
	report_note(log, "without effect: uds_address");
	report_counters(log, eth0, &counters);
	report_stop(log, "Terminated");
}

/* All events in one format against a file of tests/golden. */
static void golden(int format, const char *file)
{
	const char *root = getenv("GNOMON_SOURCE_ROOT");
	struct conf_text text;
	struct conf_error error;
	struct conf conf;
	struct log log;
	char path[512];

	if (!root) {
		print_message("GNOMON_SOURCE_ROOT is not set\n");
		skip();
	}
	begin(&log, &conf, format);
	machine_events(&log, &conf);
	engine_events(&log);
	clock_events(&log);
	source_events(&log);
	snprintf(path, sizeof(path), "%s/tests/golden/%s", root, file);
	assert_int_equal(conf_text_read(&text, path, &error), 0);
	assert_string_equal(output, text.data);
	conf_text_finish(&text);
	finish(&log, &conf);
}

static void golden_native(void **state)
{
	golden(CONF_LOG_NATIVE, "gnomond-log-native.txt");
}

static void golden_ptp4l(void **state)
{
	golden(CONF_LOG_PTP4L, "gnomond-log-ptp4l.txt");
}

static void golden_json(void **state)
{
	golden(CONF_LOG_JSON, "gnomond-log-json.txt");
}

/* The first line has the version, which a golden file must not. */
static void first_line(void **state)
{
	struct conf conf;
	struct log log;

	begin(&log, &conf, CONF_LOG_NATIVE);
	report_start(&log, &conf, "/dev/ptp3", 3, "hardware", &identity);
	assert_string_equal(output,
			    "gnomond[42]: 1246.846 info start version=" GNOMON_VERSION_STRING
			    " identity=1a160a.fffe.19fb2a clock_type=OC clock=/dev/ptp3 "
			    "time_stamping=hardware domain=0 ports=0\n");
	finish(&log, &conf);
	begin(&log, &conf, CONF_LOG_PTP4L);
	report_start(&log, &conf, "/dev/ptp3", 3, "hardware", &identity);
	report_start(&log, &conf, "CLOCK_REALTIME", -1, "software", &identity);
	assert_string_equal(output, "ptp4l[1246.846]: selected /dev/ptp3 as PTP clock\n");
	finish(&log, &conf);
}

/* Every kind of event has a name, and only the two of the best clock share theirs. */
static void names(void **state)
{
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		assert_non_null(log_event_name((enum log_event)i));
		for (int j = 0; j < i; j++) {
			bool best = i == LOG_LOCAL && j == LOG_BEST;
			int differ = strcmp(log_event_name((enum log_event)i),
					    log_event_name((enum log_event)j));

			assert_int_equal(differ == 0, best);
		}
	}
}

/* -- the layer -------------------------------------------------------------------------------- */

static void levels(void **state)
{
	struct conf conf;
	struct log log;

	begin(&log, &conf, CONF_LOG_NATIVE);
	log.level = 5;
	assert_false(log_begin(&log, LOG_SYNC));
	assert_true(log_begin(&log, LOG_BEST));
	log.verbose = false;
	assert_false(log_begin(&log, LOG_BEST)); /* nobody reads it */
	finish(&log, &conf);
}

/* Octets that are no UTF-8 would make a line that no JSON parser takes. */
static void any_octets(void **state)
{
	static const char *const rows[][2] = {
		{ "\xc3\xa9 \xe2\x82\xac", "\xc3\xa9 \xe2\x82\xac" },
		{ "\xf0\x9f\x95\x9b", "\xf0\x9f\x95\x9b" },
		{ "a\xff\x80z", "a\\ufffd\\ufffdz" },
		{ "\xc3", "\\ufffd" },
		{ "\xe2\x82", "\\ufffd\\ufffd" },
		{ "\xc0\xaf", "\\ufffd\\ufffd" },             /* too long */
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" }, /* half of a pair */
		{ "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" },
		{ "\x01\"\\", "\\u0001\\\"\\\\" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char wanted[80];
		struct conf conf;
		struct log log;

		begin(&log, &conf, CONF_LOG_JSON);
		assert_true(log_begin(&log, LOG_NOTE));
		log_str(&log, "x", rows[i][0]);
		log_end(&log);
		snprintf(wanted, sizeof(wanted), ",\"x\":\"%s\"}\n", rows[i][1]);
		assert_non_null(strstr(output, wanted));
		finish(&log, &conf);
	}
}

static void tags(void **state)
{
	struct conf conf;
	struct log log;

	begin(&log, &conf, CONF_LOG_PTP4L);
	log.tag = "[rack.7:{level}]";
	report_link(&log, eth0, true);
	assert_string_equal(output, "ptp4l[1246.846]: [rack.7:5] port 1: link up\n");
	finish(&log, &conf);
	begin(&log, &conf, CONF_LOG_NATIVE);
	log.tag = "rack 7";
	report_link(&log, eth0, true);
	assert_string_equal(output, "gnomond[42]: 1246.846 notice link tag=\"rack 7\" port=1 "
				    "interface=eth0 link=up\n");
	finish(&log, &conf);
}

static void quoting(void **state)
{
	struct conf conf;
	struct log log;

	begin(&log, &conf, CONF_LOG_NATIVE);
	report_note(&log, "a \"b\" \\ c\n");
	report_note(&log, "");
	assert_string_equal(output,
			    "gnomond[42]: 1246.846 info note text=\"a \\\"b\\\" \\\\ c\\u000a\"\n"
			    "gnomond[42]: 1246.846 info note text=\"\"\n");
	finish(&log, &conf);
}

/* A line never grows beyond its limit; a JSON line stays whole. */
static void long_lines(void **state)
{
	char text[2 * LOG_LINE_MAX];
	struct conf conf;
	struct log log;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	begin(&log, &conf, CONF_LOG_JSON);
	report_port_error(&log, LOG_LINK_ERROR, eth0, text);
	assert_string_equal(output, "{\"time\":1246.846,\"program\":\"gnomond\",\"pid\":42,"
				    "\"level\":\"error\",\"event\":\"link-error\",\"port\":1,"
				    "\"interface\":\"eth0\"}\n");
	finish(&log, &conf);
	begin(&log, &conf, CONF_LOG_PTP4L);
	report_note(&log, text);
	assert_true(strlen(output) < LOG_LINE_MAX);
	assert_int_equal(output[strlen(output) - 1], '\n');
	finish(&log, &conf);
}

static unsigned int lines(void)
{
	unsigned int n = 0;

	for (const char *p = output; *p; p++) {
		n += *p == '\n';
	}
	return n;
}

/* What others do comes as a burst, then once a second, and says how much was left out. */
static void remote_is_limited(void **state)
{
	struct conf conf;
	struct log log;

	begin(&log, &conf, CONF_LOG_NATIVE);
	for (int i = 0; i < 100; i++) {
		engine_event(&log, eth0, GNOMON_EVENT_FOREIGN_NEW, 0);
	}
	assert_int_equal(lines(), LOG_BURST);
	output[0] = '\0';
	clock_ns += GNOMON_NSEC_PER_SEC;
	engine_event(&log, eth0, GNOMON_EVENT_FOREIGN_NEW, 0);
	engine_event(&log, eth0, GNOMON_EVENT_FOREIGN_NEW, 0);
	assert_int_equal(lines(), 1);
	assert_non_null(strstr(output, " suppressed=92 "));
	/* Other events have a limit of their own, ours have none. */
	engine_event(&log, eth0, GNOMON_EVENT_LOOP, 0);
	for (int i = 0; i < 100; i++) {
		report_link(&log, eth0, true);
	}
	assert_int_equal(lines(), 102);
	output[0] = '\0';
	clock_ns += 1000 * (int64_t)GNOMON_NSEC_PER_SEC;
	for (int i = 0; i < 100; i++) {
		engine_event(&log, eth0, GNOMON_EVENT_FOREIGN_NEW, 0);
	}
	assert_int_equal(lines(), LOG_BURST);
	finish(&log, &conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/report/golden_native", golden_native, NULL, NULL, NULL },
		{ "/gnomond/report/golden_ptp4l", golden_ptp4l, NULL, NULL, NULL },
		{ "/gnomond/report/golden_json", golden_json, NULL, NULL, NULL },
		{ "/gnomond/report/any_octets", any_octets, NULL, NULL, NULL },
		{ "/gnomond/report/first_line", first_line, NULL, NULL, NULL },
		{ "/gnomond/report/names", names, NULL, NULL, NULL },
		{ "/gnomond/report/levels", levels, NULL, NULL, NULL },
		{ "/gnomond/report/tags", tags, NULL, NULL, NULL },
		{ "/gnomond/report/quoting", quoting, NULL, NULL, NULL },
		{ "/gnomond/report/long_lines", long_lines, NULL, NULL, NULL },
		{ "/gnomond/report/remote_is_limited", remote_is_limited, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/report", tests, NULL, NULL);
}
