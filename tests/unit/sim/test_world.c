/* SPDX-License-Identifier: BSD-2-Clause */
/* Worlds: what is refused, what repeats, and how messages spread over a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/sim/expect.h"
#include "tests/sim/world.h"

static struct world *create(const struct sim_scenario *s, uint64_t seed, char *why, size_t cap)
{
	struct world_options options = { .seed = seed };

	return world_create(s, &options, why, cap);
}

static void assert_refused(const struct sim_scenario *s, const char *reason)
{
	char why[160] = "";

	assert_null(create(s, 1, why, sizeof(why)));
	if (!strstr(why, reason)) {
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
	}
}

#define TWO NODES({ "a", .ports = 2 }, { "b" })

static void bad_scenarios(void **state)
{
	struct sim_scenario s = { "x", "", .duration_s = 10, .nodes = TWO,
				  .links = LINKS({ "l", "a nobody" }) };

	assert_refused(&s, "no node nobody");
	s.links = LINKS({ "l", "a.3 b" });
	assert_refused(&s, "no free port 3");
	s.links = LINKS({ "l", "a b" }, { "m", "a b" });
	assert_refused(&s, "no free port 1");
	s.links = LINKS({ "l", "a b" });
	s.timeline = TIMELINE({ SIM_LINK_DOWN, 1, "m" });
	assert_refused(&s, "unknown");
	s.timeline = TIMELINE({ SIM_LINK_DOWN, 2, "l" }, { SIM_LINK_UP, 1, "l" });
	assert_refused(&s, "out of order");
	s.timeline = TIMELINE({ SIM_CUT, 1, "l", .node = "c" });
	assert_refused(&s, "unknown");
	s.timeline = NULL;
	s.nodes = NODES({ "a", .ports = 2, .set = "nonsense=1" }, { "b" });
	assert_refused(&s, "unknown option");
	s.nodes = NODES({ "a", .ports = 2, .same_identity = "c" }, { "b" });
	assert_refused(&s, "no node c");
	s.nodes = TWO;
	s.duration_s = 0.5;
	assert_refused(&s, "duration");
}

static void bad_expectations(void **state)
{
	static const struct sim_expect bad[] = {
		{ SIM_EXPECT_STATE, "c" },
		{ SIM_EXPECT_GM, "a" },
		{ SIM_EXPECT_GM, "a", .of = "c" },
		{ SIM_EXPECT_COUNTER, "a" },
		{ SIM_EXPECT_COUNTER, "a", .counter = "drop.nonsense" },
		{ SIM_EXPECT_EVENTS, "a", .value = GNOMON_EVENT_COUNT },
		{ SIM_EXPECT_MAX_TE, "a", .low = 2, .high = 1 },
		{ SIM_EXPECT_STATE, "a", .port = SIM_PORTS_MAX + 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct sim_expect list[] = { bad[i], { SIM_EXPECT_END } };
		struct sim_scenario s = { "x", "", .duration_s = 10, .nodes = TWO,
					  .links = LINKS({ "l", "a b" }), .expect = list };
		char why[160] = "";
		struct world *w = create(&s, 1, why, sizeof(why));
		struct judge judge;

		assert_non_null(w);
		assert_int_not_equal(judge_create(&judge, w), 0);
		assert_true(strlen(w->error) > 0);
		world_destroy(w);
	}
}

/* What is expected and does not happen fails; what lies beyond the end was not reached. */
static void judgement(void **state)
{
	struct sim_scenario s = {
		"x", "", .duration_s = 60, .nodes = TWO, .links = LINKS({ "l", "a b" }),
		.expect = EXPECT({ SIM_EXPECT_STATE, "a", .at_s = 30,
				   .low = GNOMON_PORT_TIME_TRANSMITTER },
				 { SIM_EXPECT_STATE, "a", .at_s = 30, .low = GNOMON_PORT_FAULTY },
				 { SIM_EXPECT_STATE, "a", .at_s = 90,
				   .low = GNOMON_PORT_TIME_TRANSMITTER },
				 { SIM_EXPECT_BOUND, "a", .at_s = 30, .low = 0.5, .high = 1 }),
	};
	char text[240] = "";
	struct world *w = create(&s, 1, text, sizeof(text));
	struct judge judge;

	assert_non_null(w);
	assert_int_equal(judge_create(&judge, w), 0);
	assert_int_equal(world_run(w), 0);
	judge_tick(&judge, w, 31);
	assert_int_equal(judge_finish(&judge, w), 3);
	assert_true(judge.verdicts[0].good);
	assert_non_null(strstr(verdict_format(text, sizeof(text), &judge.verdicts[1]),
			       "MASTER, expected FAULTY"));
	assert_non_null(strstr(verdict_format(text, sizeof(text), &judge.verdicts[2]),
			       "not reached"));
	judge_destroy(&judge);
	world_destroy(w);
}

static uint64_t hash_of(uint64_t seed)
{
	char why[160] = "";
	struct world *w = create(sim_scenario_find("chain-5"), seed, why, sizeof(why));
	uint64_t hash;

	assert_non_null(w);
	assert_int_equal(world_run(w), 0);
	hash = w->hash;
	world_destroy(w);
	return hash;
}

static void repeats(void **state)
{
	uint64_t first = hash_of(5);

	assert_true(hash_of(5) == first);
	assert_true(hash_of(6) != first);
}

#define CROWD 200

static struct world *crowd(const struct sim_link_spec *link)
{
	static const struct sim_node_spec nodes[] = {
		{ "gm" }, { "oc", .count = CROWD }, { NULL },
	};
	static struct sim_link_spec links[2]; /* a scenario outlives its world */
	static const struct sim_scenario s = { "x", "", .duration_s = 10, .nodes = nodes,
					       .links = links };
	char why[160] = "";
	struct world *w;

	links[0] = *link;
	w = create(&s, 1, why, sizeof(why));

	assert_non_null(w);
	return w;
}

/* Send a message of no content from the node; the packet is then in flight. */
static struct packet *send_from(struct world *w, uint32_t node, enum gnomon_destination to,
				const struct gnomon_address *address)
{
	struct gnomon_send send = { .type = GNOMON_MSG_SYNC, .channel = GNOMON_CHANNEL_EVENT,
				    .destination = to };
	struct packet *p = packet_take(w, &w->nodes[node], 1);

	assert_non_null(p);
	if (address) {
		send.address = *address;
	}
	p->len = 0;
	packet_send(w, p, &send);
	return p;
}

/* Everybody but the sender, once, in the order of arrival. */
static void multicast(void **state)
{
	const struct sim_link_spec link = { "l", "gm oc", 100.0, SIM_JITTER_EXPONENTIAL, 1000.0,
					    .reorder = 0.1, .reorder_ns = 1e9 };
	struct world *w = crowd(&link);

	for (uint32_t from = 0; from < 3; from++) {
		struct packet *p = send_from(w, from, GNOMON_TO_PRIMARY, NULL);
		bool seen[CROWD + 1] = { false };

		assert_int_equal(p->count, CROWD);
		for (uint32_t i = 0; i < p->count; i++) {
			assert_false(seen[p->arrivals[i].member]);
			seen[p->arrivals[i].member] = true;
			assert_true(p->arrivals[i].at_ps >= 100 * SIM_PS_PER_NS);
			assert_true(i == 0 || p->arrivals[i - 1].at_ps <= p->arrivals[i].at_ps);
		}
		assert_false(seen[from]);
		/* One in ten is a second late. */
		assert_true(p->arrivals[CROWD * 3 / 4].at_ps < SIM_PS_PER_S / 1000);
		assert_true(p->arrivals[CROWD - 2].at_ps > SIM_PS_PER_S);
	}
	world_destroy(w);
}

static void unicast(void **state)
{
	const struct sim_link_spec link = { "l", "gm oc", 100.0, .asymmetry_ns = 50.0 };
	struct gnomon_address address = network_address(7, 1);
	struct world *w = crowd(&link);
	struct packet *p = send_from(w, 0, GNOMON_TO_ADDRESS, &address);

	assert_int_equal(p->count, 1);
	assert_int_equal(w->networks[0].members[p->arrivals[0].member].node, 7);
	assert_int_equal(p->arrivals[0].at_ps, 150 * SIM_PS_PER_NS);
	p = send_from(w, 7, GNOMON_TO_PRIMARY, NULL);
	assert_int_equal(p->arrivals[0].at_ps, 100 * SIM_PS_PER_NS);
	/* Nobody there: the message is gone. */
	address = network_address(CROWD + 1, 1);
	p = send_from(w, 0, GNOMON_TO_ADDRESS, &address);
	assert_int_equal(p->count, 0);
	assert_ptr_equal(w->packets, p);
	world_destroy(w);
}

/* Mean delay, losses and copies of many messages. */
static void statistics(void **state)
{
	static const struct {
		struct sim_link_spec link;
		double mean_ns;
		double share; /* of arrivals per receiver */
	} cases[] = {
		{ { "l", "gm oc", 1000.0 }, 1000.0, 1.0 },
		{ { "l", "gm oc", 0.0, SIM_JITTER_UNIFORM, 100.0 }, 100.0, 1.0 },
		{ { "l", "gm oc", 0.0, SIM_JITTER_EXPONENTIAL, 100.0 }, 100.0, 1.0 },
		{ { "l", "gm oc", 0.0, SIM_JITTER_GAUSSIAN, 100.0 }, 79.8, 1.0 },
		{ { "l", "gm oc", 0.0, SIM_JITTER_GAMMA, 100.0, 3.0 }, 100.0, 1.0 },
		{ { "l", "gm oc", 0.0, SIM_JITTER_BIMODAL, 100.0, 0.1 }, 300.0, 1.0 },
		{ { "l", "gm oc", 1000.0, .loss = 0.3 }, 1000.0, 0.7 },
		{ { "l", "gm oc", 1000.0, .duplicate = 0.2 }, 1000.0, 1.2 },
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct world *w = crowd(&cases[c].link);
		double sum = 0.0;
		double count = 0.0;

		for (int i = 0; i < 200; i++) {
			struct packet *p = send_from(w, 0, GNOMON_TO_PRIMARY, NULL);

			for (uint32_t k = 0; k < p->count; k++) {
				sum += (double)p->arrivals[k].at_ps / SIM_PS_PER_NS;
				count += 1.0;
			}
		}
		if (!(fabs(sum / count / cases[c].mean_ns - 1.0) < 0.03) ||
		    !(fabs(count / 200.0 / CROWD / cases[c].share - 1.0) < 0.02)) {
			fail_msg("case %zu: mean %g ns, share %g", c, sum / count,
				 count / 200.0 / CROWD);
		}
		world_destroy(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/world/bad_scenarios", bad_scenarios, NULL, NULL, NULL },
		{ "/sim/world/bad_expectations", bad_expectations, NULL, NULL, NULL },
		{ "/sim/world/judgement", judgement, NULL, NULL, NULL },
		{ "/sim/world/repeats", repeats, NULL, NULL, NULL },
		{ "/sim/world/multicast", multicast, NULL, NULL, NULL },
		{ "/sim/world/unicast", unicast, NULL, NULL, NULL },
		{ "/sim/world/statistics", statistics, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
