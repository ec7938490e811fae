/* SPDX-License-Identifier: BSD-2-Clause */
/* Which instant a pulse marks: tools/ts2phc/edge.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/ts2phc/edge.h"

#define SEC INT64_C(1000000000)

static gnomon_time at(int64_t sec, int64_t nsec)
{
	return (gnomon_time){ sec, (uint32_t)nsec, 0 };
}

static void assert_time(gnomon_time t, int64_t sec, int64_t nsec)
{
	if (t.sec != sec || t.nsec != nsec || t.frac != 0) {
		fail_msg("%lld.%09u", (long long)t.sec, t.nsec);
	}
}

/* The nearest second, however early or late by less than half of one. */
static void nearest(void **state)
{
	const struct edge_pulse p = { .period_ns = SEC, .width_ns = SEC / 2 };

	(void)state;
	assert_time(edge_instant(&p, at(99, 500000001)), 100, 0);
	assert_time(edge_instant(&p, at(100, 0)), 100, 0);
	assert_time(edge_instant(&p, at(100, 499999999)), 100, 0);
	assert_time(edge_instant(&p, at(100, 500000000)), 101, 0);
}

/* A message names the pulse before it; at the next pulse it is between the two. */
static void message(void **state)
{
	const struct edge_pulse p = { .period_ns = SEC, .width_ns = SEC / 10, .message = true };

	(void)state;
	assert_time(edge_instant(&p, at(99, 1)), 100, 0);
	assert_time(edge_instant(&p, at(99, 999999999)), 100, 0);
	assert_true(edge_is_other(&p, at(99, 50000000)));
	assert_false(edge_is_other(&p, at(99, 500000000)));
	assert_false(edge_is_other(&p, at(99, 0)));
}

static void faster_and_shifted(void **state)
{
	const struct edge_pulse ten = { .period_ns = SEC / 10, .width_ns = SEC / 20 };
	const struct edge_pulse three = { .period_ns = SEC / 3, .width_ns = SEC / 6 };
	const struct edge_pulse shifted = { .period_ns = SEC,
					    .phase_ns = 250000000,
					    .width_ns = SEC / 2 };

	(void)state;
	assert_time(edge_instant(&ten, at(7, 949999999)), 7, 900000000);
	assert_time(edge_instant(&ten, at(7, 950000000)), 8, 0);
	assert_time(edge_instant(&three, at(7, 340000000)), 7, 333333333);
	assert_time(edge_instant(&three, at(7, 660000000)), 7, 666666666);
	assert_time(edge_instant(&shifted, at(7, 200000000)), 7, 250000000);
	assert_time(edge_instant(&shifted, at(7, 749999999)), 7, 250000000);
	assert_time(edge_instant(&shifted, at(7, 750000000)), 8, 250000000);
	assert_time(edge_instant(&shifted, at(-1, 900000000)), 0, 250000000);
}

/* Half of the width around the counting edge belongs to it. */
static void other_edge(void **state)
{
	const struct edge_pulse p = { .period_ns = SEC, .width_ns = SEC / 5 };

	(void)state;
	assert_false(edge_is_other(&p, at(7, 0)));
	assert_false(edge_is_other(&p, at(7, 100000000)));
	assert_true(edge_is_other(&p, at(7, 100000001)));
	assert_true(edge_is_other(&p, at(7, 200000000)));
	assert_true(edge_is_other(&p, at(7, 899999999)));
	assert_false(edge_is_other(&p, at(7, 900000000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ts2phc/edge/nearest", nearest, NULL, NULL, NULL },
		{ "/ts2phc/edge/message", message, NULL, NULL, NULL },
		{ "/ts2phc/edge/faster_and_shifted", faster_and_shifted, NULL, NULL, NULL },
		{ "/ts2phc/edge/other_edge", other_edge, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
