/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a port gets nowhere, by its counters; and how often that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tools/gnomond/explain.h"

#define SEC INT64_C(1000000000)

/* A port with the standard's intervals, which is looked at every 2 s as the daemon does. */
struct bench {
	struct explain explain;
	struct gnomon_port_ds ds;
	struct gnomon_port_counters counters;
	struct explain_port port;
	gnomon_mono now;
	char text[EXPLAIN_MAX];
};

static void begin(struct bench *b, enum gnomon_port_state state)
{
	memset(b, 0, sizeof(*b));
	b->now.ns = 77 * SEC;
	b->ds.port_state = state;
	b->ds.delay_mechanism = GNOMON_DELAY_E2E;
	b->ds.log_announce_interval = 1;
	b->port.ds = &b->ds;
	b->port.counters = &b->counters;
}

/* Seconds until something is said; -1: nothing in a day. What counts goes on counting. */
static int said_after(struct bench *b, const struct gnomon_port_counters *each)
{
	const int64_t start = b->now.ns;
	uint64_t *to = (uint64_t *)&b->counters;
	const uint64_t *from = (const uint64_t *)each;

	for (int i = 0; i < 43200; i++) {
		if (explain_wants(&b->explain, b->ds.port_state, b->now) &&
		    explain(&b->explain, &b->port, b->now, b->text)) {
			return (int)((b->now.ns - start) / SEC);
		}
		b->now.ns += 2 * SEC;
		for (size_t k = 0; from && k < sizeof(*each) / sizeof(*from); k++) {
			to[k] += from[k];
		}
	}
	return -1;
}

static void expect(enum gnomon_port_state state, enum gnomon_delay_mechanism mechanism,
		   const struct gnomon_port_counters *each, const char *text)
{
	struct bench b;

	begin(&b, state);
	b.ds.delay_mechanism = mechanism;
	assert_int_equal(said_after(&b, each), 30);
	if (!strstr(b.text, text)) {
		fail_msg("\"%s\" is not in \"%s\"", text, b.text);
	}
	assert_null(strchr(b.text, '\n'));
}

static void listening(void **state)
{
	static const struct gnomon_port_counters silence = { { 0 } };
	static const struct gnomon_port_counters domain = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_ANNOUNCE] = 1 },
		.drop = { [GNOMON_DROP_DOMAIN] = 3, [GNOMON_DROP_STALE] = 1 },
	};
	static const struct gnomon_port_counters sdo = {
		.rx = { [GNOMON_MSG_ANNOUNCE] = 1 },
		.drop = { [GNOMON_DROP_SDO_ID] = 1 },
	};
	static const struct gnomon_port_counters class = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_ANNOUNCE] = 1 },
		.drop = { [GNOMON_DROP_PORT_STATE] = 2, [GNOMON_DROP_CLOCK_CLASS] = 1 },
	};
	static const struct gnomon_port_counters version = {
		.drop = { [GNOMON_DROP_VERSION] = 2 },
	};
	static const struct gnomon_port_counters delays = { .rx = { [GNOMON_MSG_DELAY_REQ] = 1 } };

	(void)state;
	expect(GNOMON_PORT_LISTENING, GNOMON_DELAY_E2E, &silence, "nothing at all was received");
	expect(GNOMON_PORT_LISTENING, GNOMON_DELAY_E2E, &domain,
	       "no timeTransmitter was found: 45 messages are of another domain: set domainNumber");
	expect(GNOMON_PORT_LISTENING, GNOMON_DELAY_E2E, &sdo, "transportSpecific");
	expect(GNOMON_PORT_LISTENING, GNOMON_DELAY_E2E, &class, "clock_class_threshold");
	expect(GNOMON_PORT_LISTENING, GNOMON_DELAY_E2E, &version, "not of PTP version 2");
	expect(GNOMON_PORT_LISTENING, GNOMON_DELAY_E2E, &delays,
	       "of 15 messages 0 were an Announce");
}

static void uncalibrated(void **state)
{
	static const struct gnomon_port_counters no_sync = { .rx = { [GNOMON_MSG_ANNOUNCE] = 1 } };
	static const struct gnomon_port_counters no_follow_up = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_ANNOUNCE] = 1 },
		.sync_mismatch = 2,
	};
	static const struct gnomon_port_counters no_rx_stamp = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2 },
		.drop = { [GNOMON_DROP_NO_TIMESTAMP] = 2 },
	};
	static const struct gnomon_port_counters no_tx_stamp = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2,
			[GNOMON_MSG_DELAY_RESP] = 2 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 2 },
		.tx_timestamp_lost = 2,
	};
	static const struct gnomon_port_counters no_response = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 2 },
	};
	static const struct gnomon_port_counters others = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2,
			[GNOMON_MSG_DELAY_RESP] = 5 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 2 },
		.drop = { [GNOMON_DROP_NOT_MINE] = 5 },
	};
	static const struct gnomon_port_counters mechanism = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_PDELAY_REQ] = 2 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 2 },
		.drop = { [GNOMON_DROP_MECHANISM] = 2 },
	};
	static const struct gnomon_port_counters parent = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2 },
		.drop = { [GNOMON_DROP_NOT_PARENT] = 4 },
	};
	static const struct gnomon_port_counters nothing = { .rx = { [GNOMON_MSG_SYNC] = 2 } };
	const enum gnomon_port_state u = GNOMON_PORT_UNCALIBRATED;

	(void)state;
	expect(u, GNOMON_DELAY_E2E, &no_sync, "no Sync comes: does a firewall");
	expect(u, GNOMON_DELAY_E2E, &no_follow_up, "30 Syncs and 0 Follow_Ups 30 have no partner");
	expect(u, GNOMON_DELAY_E2E, &no_rx_stamp, "30 messages have no receive time stamp");
	expect(u, GNOMON_DELAY_E2E, &no_tx_stamp, "30 of 30 requests got no transmit time stamp");
	expect(u, GNOMON_DELAY_E2E, &no_response, "30 Delay_Req, but no answer; the timeTrans");
	expect(u, GNOMON_DELAY_E2E, &others, "30 Delay_Req, but no answer but to others");
	expect(u, GNOMON_DELAY_E2E, &mechanism, "of the other delay mechanism: set delay_");
	expect(u, GNOMON_DELAY_E2E, &parent, "60 messages are of another clock than the one");
	expect(u, GNOMON_DELAY_E2E, &nothing, "of 30 Syncs and 0 delay requests");
	expect(u, GNOMON_DELAY_NONE, &no_response, "of 30 Syncs and 30 delay requests");
}

static void peer_to_peer(void **state)
{
	static const struct gnomon_port_counters silent = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2 },
		.tx = { [GNOMON_MSG_PDELAY_REQ] = 2 },
	};
	static const struct gnomon_port_counters limits = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2,
			[GNOMON_MSG_PDELAY_RESP] = 2 },
		.tx = { [GNOMON_MSG_PDELAY_REQ] = 2 },
		.drop = { [GNOMON_DROP_LINK_DELAY] = 2 },
	};

	(void)state;
	expect(GNOMON_PORT_UNCALIBRATED, GNOMON_DELAY_P2P, &silent,
	       "30 Pdelay_Req, but no answer; the neighbour");
	expect(GNOMON_PORT_UNCALIBRATED, GNOMON_DELAY_P2P, &limits,
	       "out of its limits 30 times: see neighborPropDelayThresh");
}

/* Offsets come: then it is the clock. */
static void clock_itself(void **state)
{
	static const struct gnomon_port_counters good = {
		.rx = { [GNOMON_MSG_SYNC] = 2, [GNOMON_MSG_FOLLOW_UP] = 2,
			[GNOMON_MSG_DELAY_RESP] = 2 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 2 },
	};
	static const struct gnomon_port_counters slow = { .rx = { [GNOMON_MSG_SYNC] = 1 } };
	struct bench b;

	(void)state;
	begin(&b, GNOMON_PORT_UNCALIBRATED);
	assert_false(explain(&b.explain, &b.port, b.now, b.text));
	b.port.offset = gnomon_span_from_ns(-1234567);
	assert_int_equal(said_after(&b, &good), 30);
	assert_non_null(strstr(b.text, "the clock is not locked yet: it was -1234567 ns off"));
	/* Nothing is wrong yet, and there is nothing to be configured. */
	begin(&b, GNOMON_PORT_UNCALIBRATED);
	b.port.estimating = true;
	assert_false(explain(&b.explain, &b.port, b.now, b.text));
	b.port.offset = gnomon_span_from_ns(-1234567);
	assert_int_equal(said_after(&b, &good), 30);
	assert_non_null(strstr(b.text, "frequency is being estimated before it is corrected"));
	assert_non_null(strstr(b.text, "it was -1234567 ns off"));
	assert_null(strstr(b.text, "step_threshold"));
	/* One that is slower than announced gets the time a servo takes. */
	begin(&b, GNOMON_PORT_UNCALIBRATED);
	assert_false(explain(&b.explain, &b.port, b.now, b.text));
	b.port.offset = gnomon_span_from_ns(70);
	assert_int_equal(said_after(&b, &slow), 60);
	b.port.free_running = true;
	b.port.offset = gnomon_span_from_ns(5);
	assert_true(said_after(&b, &good) > 0);
	assert_non_null(strstr(b.text, "by free_running or a clock_servo that steers nothing"));
	b.port.offset = gnomon_span_from_ns(6);
	assert_int_equal(said_after(&b, &good), -1);
}

/* Twice as long from line to line, up to an hour; what counted before does not count again. */
static void rarely(void **state)
{
	static const struct gnomon_port_counters lost = {
		.rx = { [GNOMON_MSG_SYNC] = 2 },
		.tx = { [GNOMON_MSG_DELAY_REQ] = 1 },
		.tx_timestamp_lost = 1,
	};
	struct bench b;
	int wait = 60;

	(void)state;
	begin(&b, GNOMON_PORT_UNCALIBRATED);
	assert_int_equal(said_after(&b, &lost), 30);
	for (int i = 0; i < 12; i++, wait *= 2) {
		assert_int_equal(said_after(&b, NULL), wait < 3600 ? wait : 3600);
		assert_null(strstr(b.text, "transmit time stamp"));
	}
	/* Slow messages take longer. */
	begin(&b, GNOMON_PORT_UNCALIBRATED);
	b.ds.log_min_delay_req_interval = 4;
	assert_int_equal(said_after(&b, &lost), 480);
	begin(&b, GNOMON_PORT_LISTENING);
	b.ds.log_announce_interval = 127;
	assert_int_equal(said_after(&b, NULL), -1);
	begin(&b, GNOMON_PORT_UNCALIBRATED);
	b.ds.log_sync_interval = b.ds.log_min_delay_req_interval = -128;
	assert_int_equal(said_after(&b, NULL), 30);
}

/* Ports that get somewhere, or need not, are left alone; a new state starts anew. */
static void states(void **state)
{
	static const enum gnomon_port_state quiet[] = {
		GNOMON_PORT_INITIALIZING,     GNOMON_PORT_FAULTY,  GNOMON_PORT_DISABLED,
		GNOMON_PORT_PRE_TIME_TRANSMITTER, GNOMON_PORT_TIME_TRANSMITTER,
		GNOMON_PORT_PASSIVE,          GNOMON_PORT_TIME_RECEIVER,
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		begin(&b, quiet[i]);
		assert_int_equal(said_after(&b, NULL), -1);
	}
	begin(&b, GNOMON_PORT_LISTENING);
	assert_int_equal(said_after(&b, NULL), 30);
	b.ds.port_state = GNOMON_PORT_UNCALIBRATED;
	assert_int_equal(said_after(&b, NULL), 30);
	/* A second port of a clock that receives on the first. */
	begin(&b, GNOMON_PORT_LISTENING);
	b.port.standby = true;
	assert_int_equal(said_after(&b, NULL), -1);
	b.port.standby = false;
	assert_true(said_after(&b, NULL) <= 30);
	b.ds.port_state = GNOMON_PORT_TIME_RECEIVER;
	assert_int_equal(said_after(&b, NULL), -1);
	assert_false(explain_wants(&b.explain, GNOMON_PORT_TIME_RECEIVER, b.now));
	assert_true(explain_wants(&b.explain, GNOMON_PORT_LISTENING, b.now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/explain/listening", listening, NULL, NULL, NULL },
		{ "/gnomond/explain/uncalibrated", uncalibrated, NULL, NULL, NULL },
		{ "/gnomond/explain/peer_to_peer", peer_to_peer, NULL, NULL, NULL },
		{ "/gnomond/explain/clock_itself", clock_itself, NULL, NULL, NULL },
		{ "/gnomond/explain/rarely", rarely, NULL, NULL, NULL },
		{ "/gnomond/explain/states", states, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("gnomond/explain", tests, NULL, NULL);
}
