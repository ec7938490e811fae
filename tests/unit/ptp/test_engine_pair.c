/* SPDX-License-Identifier: BSD-2-Clause */
/* Which Syncs are used, and with what: late and replayed ones, and what may complete a two-step. */
#include "harness.h"

#include <errno.h>
#include <string.h>

/* Follows stranger(1), the path delay being known; change the configuration before it starts. */
static struct node *receiver(void)
{
	struct node *n = node_add(lan_create(), 1);

	n->config.initial_delay = gnomon_span_from_ns(1);
	return n;
}

static void follow(struct node *n)
{
	node_start(n);
	follow_stranger(n, 1, stranger(1));
}

static int hear(struct node *n, enum gnomon_msg_type type, uint16_t sequence_id, uint16_t flags,
		const gnomon_time *software)
{
	struct gnomon_msg m = make_message(n, type, stranger(1), sequence_id);
	gnomon_time arrival = node_clock(n, n->lan->now);
	uint8_t data[FRAME_MAX];
	struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = data,
				.timestamp = &arrival, .software = software };

	m.header.flags = flags;
	m.timestamp = wire_time(arrival);
	rx.len = (size_t)gnomon_msg_encode(&m, data, sizeof(data));
	return node_hear_rx(n, &rx);
}

static int one_step(struct node *n, uint16_t sequence_id)
{
	return hear(n, GNOMON_MSG_SYNC, sequence_id, 0, NULL);
}

/* Time passes, and the parent stays. */
static void wait_a_second(struct node *n, uint16_t *announce)
{
	struct gnomon_msg m = make_announce(n, stranger(1), (*announce)++);

	lan_run(n->lan, SEC);
	assert_int_equal(node_hear(n, 1, &m), 0);
}

/* -- old Syncs ------------------------------------------------------------------------------- */

/* One old Sync is never used: not a little behind after a silence, not far behind at any time. */
static void replay_alone(void **state)
{
	static const uint16_t behind[] = { 0, 1, 63, 64, 65, 1000, 32767, 32768 };

	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		struct node *n = receiver();
		uint16_t old = (uint16_t)(40000 - behind[i]);
		uint16_t announce;

		follow(n);
		announce = 4;
		assert_int_equal(one_step(n, 40000), 0);
		assert_int_equal(one_step(n, old), -EBADMSG);
		for (int s = 0; s < 10; s++) {
			wait_a_second(n, &announce);
			assert_int_equal(one_step(n, old), -EBADMSG);
		}
		assert_int_equal(n->sample_count, 1);
		assert_int_equal(node_dropped(n, 1, GNOMON_DROP_STALE), 11);
		/* The true sequence was not disturbed. */
		assert_int_equal(one_step(n, 40001), 0);
		assert_int_equal(n->sample_count, 2);
		lan_destroy(n->lan);
	}
}

/* The second must come soon after the first in sequence, and nothing newer between them. */
static void replay_pairs(void **state)
{
	static const struct {
		int step;
		bool newer_between;
		bool used;
	} cases[] = {
		{ 1, false, true }, { 8, false, true },  { 9, false, false }, { 0, false, false },
		{ -1, false, false }, { 1, true, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node *n = receiver();
		uint16_t second = (uint16_t)(500 + cases[i].step);

		follow(n);
		assert_int_equal(one_step(n, 1000), 0);
		assert_int_equal(one_step(n, 500), -EBADMSG);
		if (cases[i].newer_between) {
			assert_int_equal(one_step(n, 1001), 0);
		}
		assert_int_equal(one_step(n, second), cases[i].used ? 0 : -EBADMSG);
		assert_int_equal(n->sample_count,
				 1u + cases[i].newer_between + cases[i].used);
		lan_destroy(n->lan);
	}
}

/* A restarted two-step parent: the first pair is lost, the second is a measurement. */
static void restart_two_step(void **state)
{
	struct node *n = receiver();

	follow(n);
	for (uint16_t id = 1000; id < 1002; id++) {
		assert_int_equal(hear(n, GNOMON_MSG_SYNC, id, GNOMON_FLAG_TWO_STEP, NULL), 0);
		assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, id, 0, NULL), 0);
	}
	assert_int_equal(hear(n, GNOMON_MSG_SYNC, 0, GNOMON_FLAG_TWO_STEP, NULL), -EBADMSG);
	assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 0, 0, NULL), -EBADMSG);
	assert_int_equal(n->sample_count, 2);
	assert_int_equal(hear(n, GNOMON_MSG_SYNC, 1, GNOMON_FLAG_TWO_STEP, NULL), 0);
	assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 1, 0, NULL), 0);
	assert_int_equal(n->sample_count, 3);
	lan_destroy(n->lan);
}

/* -- assume_two_step ------------------------------------------------------------------------- */

static void assume_sync(void **state)
{
	for (int assume = 0; assume < 2; assume++) {
		struct node *n = receiver();

		n->config.assume_two_step = assume;
		follow(n);
		assert_int_equal(one_step(n, 1), 0);
		assert_int_equal(n->sample_count, assume ? 0 : 1);
		assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 1, 0, NULL),
				 assume ? 0 : -EBADMSG);
		assert_int_equal(n->sample_count, 1);
		/* The flag says what is assumed: no difference. */
		assert_int_equal(hear(n, GNOMON_MSG_SYNC, 2, GNOMON_FLAG_TWO_STEP, NULL), 0);
		assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 2, 0, NULL), 0);
		assert_int_equal(n->sample_count, 2);
		/* Before its Sync. */
		assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 3, 0, NULL), 0);
		assert_int_equal(one_step(n, 3), 0);
		assert_int_equal(n->sample_count, 3);
		lan_destroy(n->lan);
	}
}

static void assume_pdelay(void **state)
{
	for (int assume = 0; assume < 2; assume++) {
		struct node *n = node_add(lan_create(), 1);
		struct gnomon_msg m;
		uint16_t id;

		n->config.assume_two_step = assume;
		n->ports[0].delay_mechanism = GNOMON_DELAY_P2P;
		n->ports[0].neighbor_prop_delay_max = gnomon_span_from_ns(10 * SEC);
		node_start(n);
		lan_run(n->lan, 2 * SEC);
		id = node_message(n, GNOMON_MSG_PDELAY_REQ, 0).header.sequence_id;
		m = make_message(n, GNOMON_MSG_PDELAY_RESP, stranger(1), id);
		m.requesting = node_port_identity(n, 1);
		m.timestamp = wire_time(node_clock(n, n->lan->now));
		assert_int_equal(node_hear(n, 1, &m), 0);
		assert_int_equal(node_port_ds(n, 1).mean_link_delay_valid, !assume);
		m.header.type = GNOMON_MSG_PDELAY_RESP_FOLLOW_UP;
		assert_int_equal(node_hear(n, 1, &m), assume ? 0 : -EBADMSG);
		assert_true(node_port_ds(n, 1).mean_link_delay_valid);
		lan_destroy(n->lan);
	}
}

/* -- check_fup_sync -------------------------------------------------------------------------- */

/* All combinations of what is read first, what arrived first, and what is known of it. */
static void check_order(void **state)
{
	static const gnomon_time early = { 7, 999999999, 0xffff };
	static const gnomon_time late = { 8, 0, 0 };
	static const struct {
		const gnomon_time *sync;
		const gnomon_time *follow_up;
		bool wrong;
	} cases[] = {
		{ &early, &late, false }, { &late, &late, false }, { &late, &early, true },
		{ NULL, &early, false },  { &late, NULL, false },  { NULL, NULL, false },
	};

	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct node *n = receiver();
		const gnomon_time *sync = cases[i / 4].sync;
		const gnomon_time *follow_up = cases[i / 4].follow_up;
		bool check = i & 1;
		bool follow_up_read_first = i & 2;
		bool wrong = check && cases[i / 4].wrong;

		n->config.check_follow_up = check;
		follow(n);
		if (follow_up_read_first) {
			assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 1, 0, follow_up), 0);
			assert_int_equal(hear(n, GNOMON_MSG_SYNC, 1, GNOMON_FLAG_TWO_STEP, sync),
					 0);
		} else {
			assert_int_equal(hear(n, GNOMON_MSG_SYNC, 1, GNOMON_FLAG_TWO_STEP, sync),
					 0);
			assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 1, 0, follow_up),
					 wrong ? -EBADMSG : 0);
		}
		assert_int_equal(n->sample_count, wrong ? 0 : 1);
		assert_int_equal(node_dropped(n, 1, GNOMON_DROP_ORDER), wrong);
		/* The Sync still waits for the Follow_Up that is its own. */
		assert_int_equal(hear(n, GNOMON_MSG_FOLLOW_UP, 1, 0, &late),
				 wrong ? 0 : -EBADMSG);
		assert_int_equal(n->sample_count, 1);
		lan_destroy(n->lan);
	}
}

/* A one-step Sync has no Follow_Up to be before. */
static void check_one_step(void **state)
{
	static const gnomon_time software = { 7, 0, 0 };
	struct node *n = receiver();

	n->config.check_follow_up = true;
	follow(n);
	assert_int_equal(hear(n, GNOMON_MSG_SYNC, 1, 0, &software), 0);
	assert_int_equal(n->sample_count, 1);
	lan_destroy(n->lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAN_TEST("/ptp/engine/pair/replay_alone", replay_alone),
		LAN_TEST("/ptp/engine/pair/replay_pairs", replay_pairs),
		LAN_TEST("/ptp/engine/pair/restart_two_step", restart_two_step),
		LAN_TEST("/ptp/engine/pair/assume_two_step/sync", assume_sync),
		LAN_TEST("/ptp/engine/pair/assume_two_step/pdelay", assume_pdelay),
		LAN_TEST("/ptp/engine/pair/check_follow_up/order", check_order),
		LAN_TEST("/ptp/engine/pair/check_follow_up/one_step", check_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
