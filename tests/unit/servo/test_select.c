/* SPDX-License-Identifier: BSD-2-Clause */
/* Selection: which of several sources is followed, when one lies, dies, flaps and comes back. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/select.h>

#define SOURCES 3

/* Three sources that report once a second, in turn, to a clock that is right within 500 ns. */
struct rig {
	struct gnomon_select select;
	double t;
	double lie_ns[SOURCES];
	bool dead[SOURCES];
	bool alarm[SOURCES];
	double bound_ns[SOURCES];
	unsigned int switches;
};

static gnomon_mono mono_at(double t)
{
	return (gnomon_mono){ (int64_t)(t * 1e9) };
}

static void count_switches(struct rig *r)
{
	struct gnomon_select_change change;

	while (gnomon_select_changes(&r->select, &change)) {
		r->switches += change.switched;
		assert_int_equal(change.selected, gnomon_select_selected(&r->select));
	}
}

static void rig_init(struct rig *r, unsigned int sources, double max_bound_ns)
{
	struct gnomon_source source = { .max_bound_ns = max_bound_ns, .timeout_s = 5.0 };

	memset(r, 0, sizeof(*r));
	assert_int_equal(gnomon_select_init(&r->select, NULL), 0);
	for (unsigned int i = 0; i < sources; i++) {
		source.priority = i;
		assert_int_equal(gnomon_select_add(&r->select, &source), (int)i);
		r->bound_ns[i] = 1000.0;
	}
}

static void run(struct rig *r, double seconds)
{
	for (double end = r->t + seconds; r->t < end; r->t += 1.0) {
		for (unsigned int i = 0; i < r->select.count; i++) {
			gnomon_mono now = mono_at(r->t + 0.1 * i);
			struct gnomon_source_report report = {
				.usable = !r->alarm[i],
				.offset_ns = -r->lie_ns[i],
				.bound_ns = r->bound_ns[i],
			};

			if (gnomon_select_selected(&r->select) >= 0) {
				gnomon_select_own_bound(&r->select, 500.0, now);
			}
			if (!r->dead[i]) {
				gnomon_select_report(&r->select, i, &report, now);
			}
			gnomon_select_expire(&r->select, now);
			count_switches(r);
		}
	}
}

#define STATE(r, i) gnomon_select_state(&(r)->select, i)

static void priority_decides(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 10.0);
	assert_int_equal(gnomon_select_selected(&r.select), 0);
	assert_int_equal(STATE(&r, 1), GNOMON_SOURCE_GOOD);
	assert_int_equal(r.switches, 1);
	assert_true(gnomon_select_uses(&r.select, 0));
	assert_false(gnomon_select_uses(&r.select, 1));
}

/* By 100 us and by 1 s, from the start or later: it is found out, and never comes back by lying. */
static void liar_is_outvoted(void **state)
{
	const double lies[] = { 100e3, -100e3, 1e9, -1e9 };
	struct rig r;

	for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
		rig_init(&r, 3, 0.0);
		run(&r, 60.0);
		r.lie_ns[0] = lies[k];
		run(&r, 1.0);
		assert_false(gnomon_select_uses(&r.select, 0));
		run(&r, 600.0);
		assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_OUTVOTED);
		assert_int_equal(gnomon_select_selected(&r.select), 1);
		assert_int_equal(r.switches, 2);

		rig_init(&r, 3, 0.0);
		r.lie_ns[0] = lies[k];
		run(&r, 60.0);
		assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_OUTVOTED);
		assert_int_equal(gnomon_select_selected(&r.select), 1);
	}
}

/* One bad report costs one sample, not the source. */
static void one_bad_report_is_not_used(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 60.0);
	r.lie_ns[0] = 1e6;
	run(&r, 1.0);
	assert_int_equal(gnomon_select_selected(&r.select), 0);
	assert_false(gnomon_select_uses(&r.select, 0));
	r.lie_ns[0] = 0.0;
	run(&r, 1.0);
	assert_true(gnomon_select_uses(&r.select, 0));
	assert_int_equal(r.switches, 1);
}

/* Dead, then back: it has to be good for the recovery time, and is taken after the revert time. */
static void returns_after_a_while(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 20.0);
	r.dead[0] = true;
	run(&r, 20.0);
	assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_SILENT);
	assert_int_equal(gnomon_select_selected(&r.select), 1);
	r.dead[0] = false;
	run(&r, 20.0);
	assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_WAITING);
	run(&r, 20.0);
	assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_GOOD);
	assert_int_equal(gnomon_select_selected(&r.select), 1);
	run(&r, 290.0);
	assert_int_equal(gnomon_select_selected(&r.select), 0);
	assert_int_equal(r.switches, 3);
}

/* Ten minutes of coming and going every 20 s make one change, not thirty. */
static void flapping_is_ridden_out(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 20.0);
	for (unsigned int i = 0; i < 30; i++) {
		r.dead[0] = !r.dead[0];
		run(&r, 20.0);
	}
	assert_int_equal(gnomon_select_selected(&r.select), 1);
	assert_int_equal(r.switches, 2);
}

static void alarm_and_wide_are_left(void **state)
{
	struct rig r;

	rig_init(&r, 3, 5000.0);
	run(&r, 10.0);
	r.alarm[0] = true;
	run(&r, 5.0);
	assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_ALARM);
	assert_int_equal(gnomon_select_selected(&r.select), 1);
	r.bound_ns[1] = 6000.0;
	run(&r, 5.0);
	assert_int_equal(STATE(&r, 1), GNOMON_SOURCE_WIDE);
	assert_int_equal(gnomon_select_selected(&r.select), 2);
}

static void all_lost_is_holdover(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 10.0);
	r.dead[0] = r.dead[1] = r.dead[2] = true;
	run(&r, 10.0);
	assert_int_equal(gnomon_select_selected(&r.select), -1);
	assert_true(gnomon_select_deadline(&r.select).ns == GNOMON_MONO_NEVER.ns);
}

/* The recovery time protects what is followed. If nothing is, a few good reports do; but what
 * contradicts the clock has to wait for the end of the dispute. */
static void lost_takes_what_comes_back(void **state)
{
	struct rig r;

	for (unsigned int sources = 1; sources <= 3; sources += 2) {
		rig_init(&r, sources, 0.0);
		run(&r, 10.0);
		r.dead[0] = r.dead[1] = r.dead[2] = true;
		run(&r, 10.0);
		assert_int_equal(gnomon_select_selected(&r.select), -1);
		r.dead[0] = false;
		run(&r, 2.0);
		assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_WAITING);
		run(&r, 2.0);
		assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_SELECTED);
		r.dead[0] = true;
		run(&r, 10.0);
		r.dead[0] = false;
		r.lie_ns[0] = 1e6;
		run(&r, 20.0);
		assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_DISPUTED);
		assert_int_equal(gnomon_select_selected(&r.select), -1);
	}
}

/* Two sources cannot outvote each other; this clock knows which of them has moved. */
static void clock_is_the_witness(void **state)
{
	struct rig r;

	rig_init(&r, 2, 0.0);
	run(&r, 60.0);
	r.lie_ns[0] = 100e3;
	run(&r, 10.0);
	assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_OUTVOTED);
	assert_int_equal(gnomon_select_selected(&r.select), 1);
}

/* A single source that contradicts the clock is not believed at first, but at last. */
static void dispute_ends(void **state)
{
	struct rig r;

	rig_init(&r, 1, 0.0);
	run(&r, 30.0);
	r.lie_ns[0] = 1e9;
	run(&r, 10.0);
	assert_int_equal(STATE(&r, 0), GNOMON_SOURCE_DISPUTED);
	assert_int_equal(gnomon_select_selected(&r.select), -1);
	for (int i = 0; i < 120 && gnomon_select_selected(&r.select) < 0; i++) {
		run(&r, 1.0);
	}
	assert_int_equal(gnomon_select_selected(&r.select), 0);
	assert_true(r.t >= 30.0 + 60.0);
}

/* What the sources differ by is not a phase step: it goes at the rate that was set. */
static void hand_over_is_slewed(void **state)
{
	struct rig r;
	double first;

	rig_init(&r, 3, 0.0);
	r.lie_ns[1] = 800.0;
	run(&r, 60.0);
	assert_true(gnomon_select_correction(&r.select, mono_at(r.t)) == 0.0);
	r.dead[0] = true;
	run(&r, 6.0);
	assert_int_equal(gnomon_select_selected(&r.select), 1);
	first = gnomon_select_correction(&r.select, mono_at(r.t));
	assert_true(first < -500.0 && first >= -800.0);
	assert_true(fabs(gnomon_select_correction(&r.select, mono_at(r.t + 1.0)) - first - 100.0) <
		    1e-6);
	assert_true(gnomon_select_correction(&r.select, mono_at(r.t + 10.0)) == 0.0);
}

/* What would take too long is not: the clock goes to where the new source says. */
static void far_hand_over_is_not(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	r.select.config.handover_max_ns = 400.0;
	r.lie_ns[1] = 800.0;
	run(&r, 60.0);
	r.dead[0] = true;
	run(&r, 6.0);
	assert_int_equal(gnomon_select_selected(&r.select), 1);
	assert_true(gnomon_select_correction(&r.select, mono_at(r.t)) == 0.0);
}

/* The first to speak need not be right. */
static void start_waits_for_all(void **state)
{
	struct gnomon_source_report liar = { true, 1e9, 1000.0 };
	struct rig r;

	rig_init(&r, 3, 0.0);
	gnomon_select_report(&r.select, 2, &liar, mono_at(0.0));
	gnomon_select_expire(&r.select, mono_at(1.0));
	assert_int_equal(gnomon_select_selected(&r.select), -1);
	assert_true(gnomon_select_deadline(&r.select).ns == mono_at(5.0).ns + 1);
	gnomon_select_report(&r.select, 2, &liar, mono_at(4.0));
	gnomon_select_expire(&r.select, mono_at(5.0));
	assert_int_equal(gnomon_select_selected(&r.select), 2);
}

/* Whoever waits for the deadline and calls expire then does not wait for the same again. */
static void deadlines_pass(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 20.0);
	r.dead[0] = true;
	run(&r, 20.0);
	r.dead[0] = false;
	run(&r, 40.0);
	for (unsigned int i = 0; i < 20; i++) {
		gnomon_mono deadline = gnomon_select_deadline(&r.select);

		if (deadline.ns == GNOMON_MONO_NEVER.ns) {
			return;
		}
		gnomon_select_expire(&r.select, deadline);
		assert_true(gnomon_select_deadline(&r.select).ns > deadline.ns);
	}
	fail();
}

static void nonsense_is_refused(void **state)
{
	struct gnomon_source source = { .timeout_s = 1.0 };
	struct gnomon_source_report report = { true, (double)NAN, 1.0 };
	struct gnomon_select_config config;
	struct gnomon_select s;

	gnomon_select_config_default(&config);
	config.fail_limit = 0;
	assert_int_equal(gnomon_select_init(&s, &config), -EINVAL);
	gnomon_select_config_default(&config);
	config.revert_s = -1.0;
	assert_int_equal(gnomon_select_init(&s, &config), -EINVAL);
	assert_int_equal(gnomon_select_init(&s, NULL), 0);
	source.timeout_s = 0.0;
	assert_int_equal(gnomon_select_add(&s, &source), -EINVAL);
	source.timeout_s = 1.0;
	for (int i = 0; i < GNOMON_SELECT_SOURCES; i++) {
		assert_int_equal(gnomon_select_add(&s, &source), i);
	}
	assert_int_equal(gnomon_select_add(&s, &source), -ENOSPC);
	gnomon_select_report(&s, 0, &report, mono_at(1.0));
	assert_int_equal(gnomon_select_state(&s, 0), GNOMON_SOURCE_ALARM);
	gnomon_select_report(&s, 99, &report, mono_at(1.0));
	assert_string_equal(gnomon_source_state_name(GNOMON_SOURCE_OUTVOTED), "outvoted");
	assert_string_equal(gnomon_source_state_name((enum gnomon_source_state)77), "invalid");
}

#define TEST(name) { "/servo/select/" #name, name, NULL, NULL, NULL }

/* Who turns out to report rarely is not gone in between; patience is not lost again. */
static void patience(void **state)
{
	const struct gnomon_source source = { .timeout_s = 5.0 };
	const struct gnomon_source_report good = { true, 0.0, 100.0 };
	struct gnomon_select s;
	gnomon_mono now = { INT64_C(1000000000) };

	assert_int_equal(gnomon_select_init(&s, NULL), 0);
	assert_int_equal(gnomon_select_add(&s, &source), 0);
	gnomon_select_patience(&s, 0, 64.0);
	gnomon_select_patience(&s, 0, 3.0);
	gnomon_select_patience(&s, 0, 2e9);
	gnomon_select_patience(&s, 7, 64.0);
	gnomon_select_report(&s, 0, &good, now);
	gnomon_select_expire(&s, gnomon_mono_add(now, INT64_C(63000000000)));
	assert_int_not_equal(gnomon_select_state(&s, 0), GNOMON_SOURCE_SILENT);
	gnomon_select_expire(&s, gnomon_mono_add(now, INT64_C(65000000000)));
	assert_int_equal(gnomon_select_state(&s, 0), GNOMON_SOURCE_SILENT);
}

/* A source that is vague enough to agree with both sides does not help a liar: the clock does not
 * follow it, whichever is asked first. */
static void vague_witness_does_not_decide(void **state)
{
	struct rig r;

	for (unsigned int liar = 0; liar < 2; liar++) {
		rig_init(&r, 3, 0.0);
		r.bound_ns[2] = 1e6;
		run(&r, 60.0);
		assert_int_equal(gnomon_select_selected(&r.select), 0);
		r.lie_ns[liar] = 100e3;
		run(&r, 10.0);
		assert_int_equal(STATE(&r, liar), GNOMON_SOURCE_OUTVOTED);
		assert_int_equal(STATE(&r, 2), GNOMON_SOURCE_GOOD);
		assert_int_equal(gnomon_select_selected(&r.select), liar == 0 ? 1 : 0);
	}
}

static void carried_along(void **state)
{
	struct rig r;

	rig_init(&r, 3, 0.0);
	run(&r, 60.0);
	/* The clock runs away from all of them by as much as it is told: nobody lies. */
	gnomon_select_moved(&r.select, 50e3, 100.0);
	for (unsigned int i = 0; i < 3; i++) {
		r.lie_ns[i] = -50e3;
	}
	run(&r, 1.0);
	assert_true(gnomon_select_uses(&r.select, 0));
	assert_int_equal(STATE(&r, 1), GNOMON_SOURCE_GOOD);
	/* Alive, though it does not report. */
	for (int i = 0; i < 10; i++) {
		r.dead[0] = true;
		gnomon_select_alive(&r.select, 0, mono_at(r.t));
		run(&r, 2.0);
	}
	assert_int_equal(gnomon_select_selected(&r.select), 0);
	r.dead[0] = false;
	/* Nothing that was reported counts, all that is thought of them does. */
	gnomon_select_forget(&r.select);
	assert_int_equal(gnomon_select_selected(&r.select), 0);
	for (unsigned int i = 0; i < 3; i++) {
		r.lie_ns[i] = 7e9;
	}
	gnomon_select_own_bound(&r.select, 0.0, mono_at(r.t));
	run(&r, 1.0);
	assert_int_equal(gnomon_select_selected(&r.select), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(priority_decides),
		TEST(liar_is_outvoted),
		TEST(one_bad_report_is_not_used),
		TEST(patience),
		TEST(returns_after_a_while),
		TEST(flapping_is_ridden_out),
		TEST(alarm_and_wide_are_left),
		TEST(all_lost_is_holdover),
		TEST(lost_takes_what_comes_back),
		TEST(clock_is_the_witness),
		TEST(vague_witness_does_not_decide),
		TEST(carried_along),
		TEST(dispute_ends),
		TEST(hand_over_is_slewed),
		TEST(far_hand_over_is_not),
		TEST(start_waits_for_all),
		TEST(deadlines_pass),
		TEST(nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("/servo/select", tests, NULL, NULL);
}
