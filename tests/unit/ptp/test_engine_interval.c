/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message intervals over the whole range of logMessageInterval: said on the wire and in the data
 * sets as configured, kept between 2^-10 s and 2^33 s, and beyond that as often as possible or
 * never. No sum or product of them may overflow; the sanitizers watch.
 */
#include "harness.h"

#include <string.h>

#define FLOOR_NS (SEC / 1024)

static void set_all(struct gnomon_port_config *p, int8_t log)
{
	p->log_announce_interval = log;
	p->log_sync_interval = log;
	p->log_min_delay_req_interval = log;
	p->log_min_pdelay_req_interval = log;
	p->freq_est_interval = log;
	p->sync_receipt_timeout = 255;
	p->announce_receipt_timeout = 255;
}

/* A timeTransmitter by configuration, all its intervals the same. */
static struct node *transmitter(int8_t log)
{
	struct node *n = node_add(lan_create(), 1);

	n->config.external_port_configuration = true;
	n->ports[0].desired_state = GNOMON_PORT_TIME_TRANSMITTER;
	set_all(&n->ports[0], log);
	node_start(n);
	return n;
}

static unsigned int sent_of(const struct node *n, enum gnomon_msg_type type)
{
	return (unsigned int)node_counters(n, 1).tx[type];
}

/* Whatever is configured, a port does not send more than 1024 times a second. */
static void floor_is_kept(void **state)
{
	for (int log = INT8_MIN; log <= -5; log++) {
		struct node *n = transmitter((int8_t)log);
		unsigned int expected = 102;

		lan_run(n->lan, 100 * MS);
		if (log > -10) {
			expected = (unsigned int)(100 * MS / (SEC >> -log));
		}
		assert_in_range(sent_of(n, GNOMON_MSG_SYNC), expected - 1, expected + 1);
		assert_in_range(sent_of(n, GNOMON_MSG_ANNOUNCE), expected - 1, expected + 1);
		lan_destroy(n->lan);
	}
}

/* Up to 2^33 s every interval is as long as it says, to the nanosecond; longer is never. */
static void ceiling_is_never(void **state)
{
	for (int log = 0; log <= INT8_MAX; log++) {
		struct node *n = transmitter((int8_t)log);
		gnomon_mono begin = n->lan->now;

		/* The first Announce and whatever starting takes. */
		lan_run(n->lan, 10 * MS);
		assert_int_equal(sent_of(n, GNOMON_MSG_SYNC), 0);
		if (log <= 33) {
			lan_run(n->lan, SEC * (INT64_C(1) << log) - 10 * MS - 1);
			assert_int_equal(sent_of(n, GNOMON_MSG_SYNC), 0);
			lan_run(n->lan, 1);
			assert_int_equal(sent_of(n, GNOMON_MSG_SYNC), 1);
			assert_int_equal(n->lan->now.ns - begin.ns, SEC * (INT64_C(1) << log));
		} else {
			assert_int_equal(gnomon_engine_deadline(n->engine).ns,
					 GNOMON_MONO_NEVER.ns);
			lan_run(n->lan, INT64_MAX / 2);
			assert_int_equal(sent_of(n, GNOMON_MSG_SYNC), 0);
		}
		lan_destroy(n->lan);
	}
}

/* What cannot be kept is still what is told. */
static void told_as_configured(void **state)
{
	for (int log = INT8_MIN; log <= INT8_MAX; log++) {
		struct node *n = transmitter((int8_t)log);
		struct gnomon_msg m = make_message(n, GNOMON_MSG_DELAY_REQ, stranger(1), 1);
		struct gnomon_port_ds ds = node_port_ds(n, 1);

		assert_int_equal(ds.log_announce_interval, log);
		assert_int_equal(ds.log_sync_interval, log);
		assert_int_equal(ds.log_min_delay_req_interval, log);
		assert_int_equal(ds.log_min_pdelay_req_interval, log);
		lan_run(n->lan, 20 * MS);
		m = node_message(n, GNOMON_MSG_ANNOUNCE, 0);
		assert_int_equal(m.header.log_interval, log);
		m = make_message(n, GNOMON_MSG_DELAY_REQ, stranger(1), 1);
		assert_int_equal(node_hear(n, 1, &m), 0);
		m = node_message(n, GNOMON_MSG_DELAY_RESP, 0);
		assert_int_equal(m.header.log_interval, log);
		if (log <= 33) {
			gnomon_mono until = { log < -10 ? 0 : log < 0 ? SEC >> -log
								     : SEC * (INT64_C(1) << log) };

			lan_run(n->lan, until.ns + MS);
			m = node_message(n, GNOMON_MSG_SYNC, 0);
			assert_int_equal(m.header.log_interval, log);
			m = node_message(n, GNOMON_MSG_FOLLOW_UP, 0);
			assert_int_equal(m.header.log_interval, log);
		}
		lan_destroy(n->lan);
	}
}

/* A timeReceiver with such intervals of its own follows, asks at most so often, and measures. */
static void receiver_of_any(void **state, enum gnomon_delay_mechanism mechanism)
{
	for (int log = INT8_MIN; log <= INT8_MAX; log++) {
		struct node *n = node_add(lan_create(), 1);
		enum gnomon_msg_type request = mechanism == GNOMON_DELAY_P2P
						       ? GNOMON_MSG_PDELAY_REQ
						       : GNOMON_MSG_DELAY_REQ;
		struct gnomon_msg m;
		unsigned int before;

		n->config.external_port_configuration = true;
		n->config.initial_delay = gnomon_span_from_ns(1);
		n->ports[0].desired_state = GNOMON_PORT_TIME_RECEIVER;
		n->ports[0].delay_mechanism = mechanism;
		set_all(&n->ports[0], (int8_t)log);
		node_start(n);
		m = make_announce(n, stranger(1), 1);
		assert_int_equal(node_hear(n, 1, &m), 0);
		m = make_message(n, GNOMON_MSG_SYNC, stranger(1), 1);
		assert_int_equal(node_hear(n, 1, &m), 0);
		assert_int_equal(n->sample_count, 1);
		assert_true(n->sample.sync_interval >= 1.0 / 1024.0);
		assert_true(n->sample.sync_interval <= 1048576.0);
		before = sent_of(n, request);
		lan_run(n->lan, 100 * MS);
		/* The spread of Delay_Reqs doubles their rate at most, on average not at all. */
		assert_true(sent_of(n, request) - before <= 2 * 100 * MS / FLOOR_NS + 2);
		assert_true(log >= 40 ? sent_of(n, request) == before : true);
		lan_destroy(n->lan);
	}
}

static void receiver_e2e(void **state)
{
	receiver_of_any(state, GNOMON_DELAY_E2E);
}

static void receiver_p2p(void **state)
{
	receiver_of_any(state, GNOMON_DELAY_P2P);
}

/* The same where roles are elected: qualification and receipt timeouts are products. */
static void elected(void **state)
{
	static const int8_t logs[] = { -128, -11, -10, -7, 0, 20, 33, 34, 57, 126, 127 };

	for (size_t i = 0; i < sizeof(logs); i++) {
		struct lan *lan = lan_pair(GNOMON_DELAY_E2E);

		for (int k = 0; k < 2; k++) {
			set_all(&lan->nodes[k].ports[0], logs[i]);
			node_start(&lan->nodes[k]);
		}
		lan_run(lan, SEC);
		if (logs[i] < -7) {
			assert_state(&lan->nodes[0], 1, GNOMON_PORT_TIME_TRANSMITTER);
			assert_state(&lan->nodes[1], 1, GNOMON_PORT_TIME_RECEIVER);
		} else if (logs[i] >= 20) {
			assert_state(&lan->nodes[0], 1, GNOMON_PORT_LISTENING);
		}
		lan_destroy(lan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/interval/floor", floor_is_kept),
		LAN_TEST("/ptp/engine/interval/ceiling", ceiling_is_never),
		LAN_TEST("/ptp/engine/interval/told", told_as_configured),
		LAN_TEST("/ptp/engine/interval/receiver_e2e", receiver_e2e),
		LAN_TEST("/ptp/engine/interval/receiver_p2p", receiver_p2p),
		LAN_TEST("/ptp/engine/interval/elected", elected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
