/* SPDX-License-Identifier: BSD-2-Clause */
/* The sanity check by itself: readings in, verdicts out. Times are ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "servo/sanity.h"

#define LIMIT_PPB 200000000.0

struct reading {
	int64_t mono_ms;
	int64_t local_ms;
	double f_ppb;
	enum sanity_verdict verdict;
};

static void expect(struct sanity *s, const struct reading *r)
{
	gnomon_time local = gnomon_time_from_ns(r->local_ms * 1000000);
	gnomon_mono now = { r->mono_ms * 1000000 };
	enum sanity_verdict is = sanity_check(s, local, now, r->f_ppb);

	if (is != r->verdict) {
		fail_msg("at %lld ms: verdict %d, not %d", (long long)r->mono_ms, (int)is,
			 (int)r->verdict);
	}
}

static void run(const struct reading *readings, unsigned int count)
{
	struct sanity s;

	sanity_init(&s, LIMIT_PPB);
	for (unsigned int i = 0; i < count; i++) {
		expect(&s, &readings[i]);
	}
}

#define RUN(table) run(table, sizeof(table) / sizeof((table)[0]))

static void limits(void **state)
{
	static const struct reading fast[] = {
		{ 0, 5000, 0, SANITY_FINE },     { 1000, 6000, 0, SANITY_FINE },
		{ 2000, 7200, 0, SANITY_FINE },  { 3000, 8401, 0, SANITY_DOUBT },
		{ 4000, 9602, 0, SANITY_INSANE }, { 5000, 10602, 0, SANITY_FINE },
	};
	static const struct reading slow[] = {
		{ 0, 5000, 0, SANITY_FINE },
		{ 1000, 5800, 0, SANITY_FINE },
		{ 2000, 6599, 0, SANITY_DOUBT },
		{ 3000, 7398, 0, SANITY_INSANE },
		{ 4000, 8398, 0, SANITY_FINE },
	};

	(void)state;
	RUN(fast);
	RUN(slow);
}

static void unchecked(void **state)
{
	struct sanity s;

	(void)state;
	sanity_init(&s, 0.0);
	expect(&s, &(struct reading){ 0, 0, 0, SANITY_FINE });
	expect(&s, &(struct reading){ 1000, 99000, 0, SANITY_FINE });
	expect(&s, &(struct reading){ 2000, 0, 0, SANITY_FINE });
}

static void doubt_lasts_an_interval(void **state)
{
	static const struct reading jump[] = {
		{ 0, 0, 0, SANITY_FINE },        { 1000, 1000, 0, SANITY_FINE },
		{ 1010, 9000, 0, SANITY_FINE }, /* too soon to judge */
		{ 1100, 9090, 0, SANITY_DOUBT }, { 1150, 9140, 0, SANITY_DOUBT },
		{ 1199, 9189, 0, SANITY_DOUBT }, { 1200, 9190, 0, SANITY_INSANE },
		{ 1300, 9290, 0, SANITY_FINE },
	};
	static const struct reading blip[] = {
		{ 0, 0, 0, SANITY_FINE },        { 1000, 1000, 0, SANITY_FINE },
		{ 2000, 1500, 0, SANITY_DOUBT }, { 2050, 2050, 0, SANITY_FINE },
		{ 3000, 2500, 0, SANITY_DOUBT }, /* the doubt was lifted in between */
		{ 4000, 4000, 0, SANITY_FINE },
	};

	(void)state;
	RUN(jump);
	RUN(blip);
}

static void late_reading(void **state)
{
	/* Seen 150 ms late, still within the limit: what follows looks fast against it only. */
	static const struct reading late[] = {
		{ 0, 0, 0, SANITY_FINE },
		{ 1150, 1000, 0, SANITY_FINE },
		{ 1400, 1400, 0, SANITY_FINE },
		{ 2400, 2400, 0, SANITY_FINE },
	};
	/* The same while the clock is slewed at +90 %. */
	static const struct reading slewed[] = {
		{ 0, 0, 0, SANITY_FINE },
		{ 1100, 1900, 900000000.0, SANITY_FINE },
		{ 1600, 3040, 900000000.0, SANITY_FINE },
		{ 2600, 4940, 900000000.0, SANITY_FINE },
	};

	(void)state;
	RUN(late);
	RUN(slewed);
}

static void own_steps(void **state)
{
	static const struct reading before[] = {
		{ 0, 0, 0, SANITY_FINE },
		{ 1150, 1000, 0, SANITY_FINE },
	};
	static const struct reading after = { 1400, 1400 - 3600000, 0, SANITY_FINE };
	struct sanity s;

	(void)state;
	sanity_init(&s, LIMIT_PPB);
	expect(&s, &before[0]);
	expect(&s, &before[1]);
	sanity_step(&s, gnomon_span_from_ns(INT64_C(-3600) * GNOMON_NSEC_PER_SEC));
	expect(&s, &after);
	/* Forgotten: anything goes for the first reading. */
	sanity_reset(&s);
	expect(&s, &(struct reading){ 1500, 0, 0, SANITY_FINE });
	expect(&s, &(struct reading){ 2500, 1000, 0, SANITY_FINE });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/servo/sanity/limits", limits, NULL, NULL, NULL },
		{ "/servo/sanity/unchecked", unchecked, NULL, NULL, NULL },
		{ "/servo/sanity/doubt_lasts_an_interval", doubt_lasts_an_interval, NULL, NULL,
		  NULL },
		{ "/servo/sanity/late_reading", late_reading, NULL, NULL, NULL },
		{ "/servo/sanity/own_steps", own_steps, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("sanity", tests, NULL, NULL);
}
