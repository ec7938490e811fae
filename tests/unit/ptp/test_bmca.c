/* SPDX-License-Identifier: BSD-2-Clause */
/* The best timeTransmitter clock algorithm: figures 33, 34 and 35, and what makes it an order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ptp/bmca.h"
#include "ptp/random.h"

/* The least significant octet of an identity is all that differs between these clocks. */
static struct gnomon_clock_identity clock_id(uint8_t n)
{
	struct gnomon_clock_identity id = { { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0, 0, n } };

	return id;
}

static struct gnomon_port_identity port_id(uint8_t clock, uint16_t port)
{
	struct gnomon_port_identity id = { clock_id(clock), port };

	return id;
}

/* Grandmaster 5 at two steps, heard from 20-1 on port 50-1. */
static struct bmca_dataset typical(void)
{
	struct bmca_dataset ds = {
		.priority1 = 128,
		.identity = clock_id(5),
		.quality = { 248, 0xfe, 0xffff },
		.priority2 = 128,
		.steps_removed = 2,
		.sender = port_id(20, 1),
		.receiver = port_id(50, 1),
	};

	return ds;
}

static enum bmca_order mirror(enum bmca_order order)
{
	switch (order) {
	case BMCA_A_BETTER:
		return BMCA_B_BETTER;
	case BMCA_A_BETTER_BY_TOPOLOGY:
		return BMCA_B_BETTER_BY_TOPOLOGY;
	case BMCA_B_BETTER:
		return BMCA_A_BETTER;
	case BMCA_B_BETTER_BY_TOPOLOGY:
		return BMCA_A_BETTER_BY_TOPOLOGY;
	case BMCA_ERROR_1:
	case BMCA_ERROR_2:
		break;
	}
	return order;
}

/* Both ways round. */
static void expect(const struct bmca_dataset *a, const struct bmca_dataset *b,
		   enum bmca_order order)
{
	assert_int_equal(bmca_compare(a, b), order);
	assert_int_equal(bmca_compare(b, a), mirror(order));
}

/* -- figure 34 ------------------------------------------------------------------------------- */

/* Set the field of that rank in the figure; what ranks below speaks for the other side. */
static void set_field(struct bmca_dataset *ds, int rank, uint8_t value)
{
	switch (rank) {
	case 0:
		ds->priority1 = value;
		break;
	case 1:
		ds->quality.clock_class = value;
		break;
	case 2:
		ds->quality.clock_accuracy = value;
		break;
	case 3:
		ds->quality.offset_scaled_log_variance = (uint16_t)(value << 8);
		break;
	case 4:
		ds->priority2 = value;
		break;
	default:
		ds->identity = clock_id(value);
		break;
	}
}

/* Each attribute outranks all that follow it, at any distance. */
static void figure_34(void **state)
{
	for (int rank = 0; rank <= 5; rank++) {
		for (int low = 0; low < 255; low += 51) {
			for (int high = low + 1; high <= 255; high += 17) {
				struct bmca_dataset a = typical();
				struct bmca_dataset b = typical();

				a.identity = clock_id(9);
				b.identity = clock_id(8);
				a.steps_removed = 200;
				for (int below = rank + 1; below <= 5; below++) {
					set_field(&a, below, 200);
					set_field(&b, below, 100);
				}
				set_field(&a, rank, (uint8_t)low);
				set_field(&b, rank, (uint8_t)high);
				expect(&a, &b, BMCA_A_BETTER);
			}
		}
	}
}

/* 7.5.2.4: identities are compared as unsigned octets, the first most significant. */
static void figure_34_identity(void **state)
{
	struct bmca_dataset a = typical();
	struct bmca_dataset b = typical();

	memset(&a.identity, 0xff, sizeof(a.identity));
	memset(&b.identity, 0xff, sizeof(b.identity));
	a.identity.id[0] = 0x7f;
	b.identity.id[0] = 0x80;
	b.identity.id[7] = 0;
	expect(&a, &b, BMCA_A_BETTER);
}

/* One grandmaster, whatever else its Announces claim: figure 35 alone decides. */
static void figure_34_same_grandmaster(void **state)
{
	struct bmca_dataset a = typical();
	struct bmca_dataset b = typical();

	a.priority1 = 255;
	a.quality.clock_class = 255;
	a.steps_removed = 1;
	b.steps_removed = 5;
	expect(&a, &b, BMCA_A_BETTER);
}

/* -- figure 35 ------------------------------------------------------------------------------- */

static void figure_35_far_apart(void **state)
{
	struct bmca_dataset a = typical();
	struct bmca_dataset b = typical();

	for (int steps = 2; steps <= 255; steps++) {
		a.steps_removed = (uint16_t)(7);
		b.steps_removed = (uint16_t)(7 + steps);
		expect(&a, &b, BMCA_A_BETTER);
	}
	a.steps_removed = 0;
	b.steps_removed = UINT16_MAX;
	expect(&a, &b, BMCA_A_BETTER);
}

/* One step apart: receiver and sender of the longer path decide the kind of the verdict. */
static void figure_35_one_step(void **state)
{
	struct bmca_dataset a = typical();
	struct bmca_dataset b = typical();

	b.steps_removed = a.steps_removed + 1;
	b.receiver = port_id(10, 1);
	b.sender = port_id(11, 1);
	expect(&a, &b, BMCA_A_BETTER);
	b.receiver = port_id(12, 1);
	expect(&a, &b, BMCA_A_BETTER_BY_TOPOLOGY);
	b.receiver = port_id(11, 2); /* another port of one clock on one LAN */
	expect(&a, &b, BMCA_A_BETTER_BY_TOPOLOGY);
	b.sender = port_id(11, 3);
	expect(&a, &b, BMCA_A_BETTER);
	b.receiver = b.sender;
	expect(&a, &b, BMCA_ERROR_1);
	/* The shorter path's identities do not matter. */
	a.receiver = a.sender;
	b.receiver = port_id(10, 1);
	expect(&a, &b, BMCA_A_BETTER);
}

static void figure_35_one_step_at_the_end(void **state)
{
	struct bmca_dataset a = typical();
	struct bmca_dataset b = typical();

	a.steps_removed = UINT16_MAX - 1;
	b.steps_removed = UINT16_MAX;
	expect(&a, &b, BMCA_A_BETTER_BY_TOPOLOGY);
	a.steps_removed = UINT16_MAX; /* wraps to 0 in 16 bits */
	b.steps_removed = 0;
	expect(&a, &b, BMCA_B_BETTER);
}

static void figure_35_equal_steps(void **state)
{
	struct bmca_dataset a = typical();
	struct bmca_dataset b = typical();

	b.sender = port_id(21, 1);
	a.receiver.port = 9;
	expect(&a, &b, BMCA_A_BETTER_BY_TOPOLOGY);
	b.sender = port_id(20, 2);
	expect(&a, &b, BMCA_A_BETTER_BY_TOPOLOGY);
	b.sender = a.sender;
	expect(&a, &b, BMCA_B_BETTER_BY_TOPOLOGY);
	a.receiver.port = 1;
	expect(&a, &b, BMCA_ERROR_2);
}

/* -- an order -------------------------------------------------------------------------------- */

/* Datasets from a domain so small that every field ties often. All of them, by number. */
static struct bmca_dataset nth(uint64_t n, uint64_t values)
{
	struct bmca_dataset ds = typical();

	for (int rank = 0; rank <= 5; rank++, n /= values) {
		set_field(&ds, rank, (uint8_t)(1 + n % values));
	}
	ds.steps_removed = (uint16_t)(n % 4);
	n /= 4;
	ds.sender = port_id((uint8_t)(40 + n % 2), (uint16_t)(1 + n / 2 % 2));
	n /= 4;
	ds.receiver = port_id(41, (uint16_t)(1 + n % 2));
	return ds;
}

#define NTH_COUNT(values) \
	((uint64_t)(values) * (values) * (values) * (values) * (values) * (values) * 32)

static bool is_error(enum bmca_order order)
{
	return order == BMCA_ERROR_1 || order == BMCA_ERROR_2;
}

/* compare(a, b) is the mirror of compare(b, a); only what is one is an error. */
static void antisymmetry(void **state)
{
	uint64_t count = NTH_COUNT(2);

	for (uint64_t i = 0; i < count; i++) {
		struct bmca_dataset a = nth(i, 2);

		assert_int_equal(bmca_compare(&a, &a), BMCA_ERROR_2);
		for (uint64_t j = i + 1; j < count; j += 1 + j % 3) {
			struct bmca_dataset b = nth(j, 2);
			enum bmca_order order = bmca_compare(&a, &b);

			assert_int_equal(bmca_compare(&b, &a), mirror(order));
			if (order == BMCA_ERROR_2) {
				assert_memory_equal(&a.sender, &b.sender, sizeof(a.sender));
				assert_int_equal(a.steps_removed, b.steps_removed);
			}
		}
	}
}

/*
 * If a beats b and b beats c then a beats c, as long as no comparison is an error: else ports
 * could take turns for ever. Errors mean a message heard twice, which the receiver has dropped.
 *
 * Within one grandmasterIdentity the other five attributes are those of one clock.
 */
static void check_transitive(const struct bmca_dataset *a, const struct bmca_dataset *b,
			     const struct bmca_dataset *c)
{
	enum bmca_order ab = bmca_compare(a, b);
	enum bmca_order bc = bmca_compare(b, c);
	enum bmca_order ac = bmca_compare(a, c);

	if (is_error(ab) || is_error(bc) || is_error(ac)) {
		return;
	}
	if (bmca_a_wins(ab) && bmca_a_wins(bc)) {
		assert_true(bmca_a_wins(ac));
	}
	if (!bmca_a_wins(ab) && !bmca_a_wins(bc)) {
		assert_false(bmca_a_wins(ac));
	}
}

/* What a clock announces is one thing: derive the attributes from the identity. */
static struct bmca_dataset consistent(uint64_t n, const uint8_t attributes[4][5])
{
	struct bmca_dataset ds = typical();
	uint64_t clock = n % 4;

	for (int rank = 0; rank < 5; rank++) {
		set_field(&ds, rank, attributes[clock][rank]);
	}
	ds.identity = clock_id((uint8_t)(1 + clock));
	n /= 4;
	ds.steps_removed = (uint16_t)(n % 4);
	n /= 4;
	ds.sender = port_id((uint8_t)(40 + n % 3), (uint16_t)(1 + n / 3 % 2));
	n /= 6;
	ds.receiver = port_id(41, (uint16_t)(3 + n % 2));
	return ds;
}

#define CONSISTENT_COUNT (4 * 4 * 6 * 2)

static void transitivity_exhaustive(void **state)
{
	static const uint8_t attributes[4][5] = {
		{ 1, 6, 0x21, 0x4e, 128 },
		{ 1, 6, 0x21, 0x4e, 127 },
		{ 128, 6, 0x20, 0x4e, 128 },
		{ 1, 7, 0x20, 0x4e, 128 },
	};
	static struct bmca_dataset all[CONSISTENT_COUNT];

	for (int i = 0; i < CONSISTENT_COUNT; i++) {
		all[i] = consistent((uint64_t)i, attributes);
	}
	for (int i = 0; i < CONSISTENT_COUNT; i++) {
		for (int j = 0; j < CONSISTENT_COUNT; j++) {
			for (int k = 0; k < CONSISTENT_COUNT; k++) {
				check_transitive(&all[i], &all[j], &all[k]);
			}
		}
	}
}

static void transitivity_random(void **state)
{
	const uint64_t seed = 20191107;
	uint8_t attributes[4][5];
	struct random r;

	print_message("# seed %llu\n", (unsigned long long)seed);
	random_seed(&r, seed);
	for (int i = 0; i < 300000; i++) {
		struct bmca_dataset ds[3];

		for (int clock = 0; clock < 4; clock++) {
			for (int rank = 0; rank < 5; rank++) {
				attributes[clock][rank] = (uint8_t)(random_next(&r) % 3);
			}
		}
		for (int n = 0; n < 3; n++) {
			ds[n] = consistent(random_next(&r), attributes);
			ds[n].steps_removed = (uint16_t)(random_next(&r) % 6);
			ds[n].sender = port_id((uint8_t)(random_next(&r) % 5),
					       (uint16_t)(random_next(&r) % 3));
		}
		check_transitive(&ds[0], &ds[1], &ds[2]);
	}
}

/* -- figure 33 ------------------------------------------------------------------------------- */

/* A dataset that ranks as told against own: 0 worse, 1 better. */
static struct bmca_dataset foreign(const struct bmca_dataset *own, int rank)
{
	struct bmca_dataset ds = typical();

	ds.identity = clock_id(77);
	ds.priority1 = (uint8_t)(rank ? own->priority1 - 1 : own->priority1 + 1);
	return ds;
}

static struct bmca_dataset own_dataset(uint8_t clock_class)
{
	struct bmca_dataset ds = typical();

	ds.identity = clock_id(50);
	ds.quality.clock_class = clock_class;
	ds.steps_removed = 0;
	ds.sender = port_id(50, 0);
	ds.receiver = port_id(50, 0);
	return ds;
}

/* Every input of the figure, its outcome written as the figure's questions in their order. */
static enum bmca_decision by_the_figure(bool listening, bool only, int own_class, int port_rank,
					int clock_rank, bool here, bool topology)
{
	bool empty = port_rank < 0 || only;

	if (empty && listening) {
		return BMCA_STAY;
	}
	if (own_class >= 1 && own_class <= 127) {
		return empty || port_rank == 0 ? BMCA_M1 : BMCA_P1;
	}
	if (clock_rank <= 0) {
		return BMCA_M2;
	}
	if (here && !empty) {
		return BMCA_S1;
	}
	return topology && !empty ? BMCA_P2 : BMCA_M3;
}

static const enum gnomon_port_state deciding[] = {
	GNOMON_PORT_LISTENING,        GNOMON_PORT_PRE_TIME_TRANSMITTER,
	GNOMON_PORT_TIME_TRANSMITTER, GNOMON_PORT_PASSIVE,
	GNOMON_PORT_UNCALIBRATED,     GNOMON_PORT_TIME_RECEIVER,
};

/* port_rank, clock_rank: -1 empty, 0 worse than D0, 1 better. topology: how Ebest beats Erbest. */
static void check_decision(uint8_t own_class, int port_rank, int clock_rank, bool here,
			   bool topology)
{
	struct bmca_dataset own = own_dataset(own_class);
	struct bmca_dataset port_best = foreign(&own, port_rank);
	struct bmca_dataset clock_best = foreign(&own, clock_rank);

	if (topology) {
		clock_best.sender = port_id(19, 1);
	} else {
		clock_best.steps_removed = 0;
	}
	if (here) {
		clock_best = port_best;
	}
	for (size_t i = 0; i < 2 * sizeof(deciding) / sizeof(deciding[0]); i++) {
		struct bmca_port_view view = {
			.state = deciding[i / 2],
			.time_transmitter_only = i & 1,
			.port_best = port_rank < 0 ? NULL : &port_best,
			.clock_best = clock_rank < 0 ? NULL : &clock_best,
			.best_is_here = here,
			.own = &own,
		};

		assert_int_equal(bmca_decide(&view),
				 by_the_figure(view.state == GNOMON_PORT_LISTENING,
					       view.time_transmitter_only, own_class, port_rank,
					       clock_rank, here, topology));
	}
}

static void figure_33(void **state)
{
	for (int own_class = 0; own_class <= 255; own_class++) {
		for (int port_rank = -1; port_rank <= 1; port_rank++) {
			for (int clock_rank = port_rank; clock_rank <= 1; clock_rank++) {
				check_decision((uint8_t)own_class, port_rank, clock_rank, false,
					       false);
				check_decision((uint8_t)own_class, port_rank, clock_rank, false,
					       port_rank == clock_rank);
			}
			if (port_rank >= 0) {
				check_decision((uint8_t)own_class, port_rank, port_rank, true,
					       false);
			}
		}
	}
}

/* P2 needs the same grandmaster by a path that differs by topology only. */
static void figure_33_passive_by_topology(void **state)
{
	struct bmca_dataset own = own_dataset(248);
	struct bmca_dataset best = foreign(&own, 1);
	struct bmca_dataset behind = best;
	struct bmca_port_view view = {
		.state = GNOMON_PORT_TIME_TRANSMITTER,
		.port_best = &behind,
		.clock_best = &best,
		.own = &own,
	};

	/* A neighbour as far from the grandmaster as this clock's parent, on another LAN. */
	behind.sender = port_id(21, 1);
	behind.receiver = port_id(50, 2);
	assert_int_equal(bmca_decide(&view), BMCA_P2);
	/* A neighbour as far as this clock itself: the higher identity yields. */
	behind.steps_removed++;
	behind.sender = port_id(49, 1);
	assert_int_equal(bmca_decide(&view), BMCA_P2);
	behind.sender = port_id(51, 1);
	assert_int_equal(bmca_decide(&view), BMCA_M3);
	/* A neighbour behind this clock. */
	behind.steps_removed++;
	assert_int_equal(bmca_decide(&view), BMCA_M3);
	/* This clock's own message came back by another port: not a reason to be passive. */
	behind.steps_removed = best.steps_removed + 1;
	behind.sender = behind.receiver;
	assert_int_equal(bmca_decide(&view), BMCA_M3);
}

/* Two clocks that see each other decide for complementary roles, whatever their attributes. */
static void figure_33_two_clocks_agree(void **state)
{
	for (uint64_t i = 0; i < 64 * 64; i++) {
		struct bmca_dataset a = nth(i % 64, 2);
		struct bmca_dataset b = nth(i / 64, 2);
		struct bmca_dataset a_heard;
		struct bmca_dataset b_heard;
		struct bmca_port_view view_a = { .state = GNOMON_PORT_LISTENING,
						 .best_is_here = true };
		struct bmca_port_view view_b = view_a;
		bool a_leads;

		a.identity = clock_id(1);
		b.identity = clock_id(2);
		a.sender = a.receiver = port_id(1, 0);
		b.sender = b.receiver = port_id(2, 0);
		a.steps_removed = b.steps_removed = 0;
		a.quality.clock_class = (uint8_t)(a.quality.clock_class + 126);
		b.quality.clock_class = (uint8_t)(b.quality.clock_class + 126);
		a_heard = a;
		b_heard = b;
		a_heard.sender.port = b_heard.sender.port = 1;
		a_heard.receiver = port_id(2, 1);
		b_heard.receiver = port_id(1, 1);
		view_a.own = &a;
		view_a.port_best = view_a.clock_best = &b_heard;
		view_b.own = &b;
		view_b.port_best = view_b.clock_best = &a_heard;
		a_leads = bmca_decide(&view_a) == BMCA_M1 || bmca_decide(&view_a) == BMCA_M2;
		if (a_leads) {
			assert_true(bmca_decide(&view_b) == BMCA_S1 ||
				    bmca_decide(&view_b) == BMCA_P1);
		} else {
			assert_true(bmca_decide(&view_b) == BMCA_M1 ||
				    bmca_decide(&view_b) == BMCA_M2);
		}
	}
}

static void decision_names(void **state)
{
	assert_string_equal(bmca_decision_name(BMCA_STAY), "STAY");
	assert_string_equal(bmca_decision_name(BMCA_M1), "M1");
	assert_string_equal(bmca_decision_name(BMCA_M2), "M2");
	assert_string_equal(bmca_decision_name(BMCA_M3), "M3");
	assert_string_equal(bmca_decision_name(BMCA_S1), "S1");
	assert_string_equal(bmca_decision_name(BMCA_P1), "P1");
	assert_string_equal(bmca_decision_name(BMCA_P2), "P2");
	assert_string_equal(bmca_decision_name((enum bmca_decision)99), "UNKNOWN");
}

#define TEST(name, function) { name, function, NULL, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("/ptp/bmca/figure_34", figure_34),
		TEST("/ptp/bmca/figure_34/identity", figure_34_identity),
		TEST("/ptp/bmca/figure_34/same_grandmaster", figure_34_same_grandmaster),
		TEST("/ptp/bmca/figure_35/far_apart", figure_35_far_apart),
		TEST("/ptp/bmca/figure_35/one_step", figure_35_one_step),
		TEST("/ptp/bmca/figure_35/one_step_at_the_end", figure_35_one_step_at_the_end),
		TEST("/ptp/bmca/figure_35/equal_steps", figure_35_equal_steps),
		TEST("/ptp/bmca/antisymmetry", antisymmetry),
		TEST("/ptp/bmca/transitivity/exhaustive", transitivity_exhaustive),
		TEST("/ptp/bmca/transitivity/random", transitivity_random),
		TEST("/ptp/bmca/figure_33", figure_33),
		TEST("/ptp/bmca/figure_33/passive_by_topology", figure_33_passive_by_topology),
		TEST("/ptp/bmca/figure_33/two_clocks_agree", figure_33_two_clocks_agree),
		TEST("/ptp/bmca/decision_names", decision_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
