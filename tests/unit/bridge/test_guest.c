/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge/guest.h and bridge/interval.h: what a reader makes of a page, whatever is on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge/guest.h"
#include "bridge/interval.h"
#include "tests/unit/seed.h"

#define TSC GNOMON_VMCLOCK_COUNTER_X86_TSC
#define BOUNDED (GNOMON_VMCLOCK_TIME_MAXERROR_VALID | GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID)
/* 2026-11-23T16:00:00 UTC in TAI. */
#define START UINT64_C(1795449637)
/* The first instant of 2027 in UTC. */
#define NEW_YEAR INT64_C(1798761600)
#define GHZ UINT64_C(1000000000)
#define C1 UINT64_C(5000000000000)

static const struct guest_view now_view = { TSC, false, 7 };
static const struct guest_view stored_view = { TSC, true, 7 };

/* A good page of a counter of 1 GHz: +- 250 ns, and 100 ppb. */
static struct gnomon_vmclock good_page(void)
{
	struct gnomon_vmclock page;
	struct gnomon_period period;
	const struct gnomon_fine start = { START, UINT64_C(1) << 63 };

	gnomon_vmclock_init(&page);
	assert_int_equal(gnomon_period_from_uhz(GHZ * 1000000, &period), 0);
	gnomon_vmclock_set_line(&page, C1, start, &period);
	page.counter_id = TSC;
	page.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	page.disruption_marker = 7;
	page.flags = BOUNDED | GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	page.tai_offset_sec = 37;
	page.time_maxerror_nanosec = 250;
	page.counter_period_maxerror_rate_frac_sec = gnomon_period_error(&period, 100);
	return page;
}

static void status_good(void **state)
{
	struct gnomon_vmclock page = good_page();

	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_SYNCHRONIZED);
	page.clock_status = GNOMON_VMCLOCK_FREERUNNING;
	assert_int_equal(guest_status(&page, &now_view, C1 + 5), GNOMON_CLOCK_FREERUNNING);
	page.disruption_marker = 8;
	assert_int_equal(guest_status(&page, &now_view, C1 + 5), GNOMON_CLOCK_DISRUPTED);
	assert_int_equal(guest_error(GNOMON_CLOCK_DISRUPTED), 0);
}

static void status_of_the_host(void **state)
{
	static const struct {
		uint8_t said;
		enum gnomon_clock_status status;
	} rows[] = {
		{ GNOMON_VMCLOCK_UNKNOWN, GNOMON_CLOCK_INITIALIZING },
		{ GNOMON_VMCLOCK_INITIALIZING, GNOMON_CLOCK_INITIALIZING },
		{ GNOMON_VMCLOCK_UNRELIABLE, GNOMON_CLOCK_UNRELIABLE },
		{ 5, GNOMON_CLOCK_UNRELIABLE },
		{ 255, GNOMON_CLOCK_UNRELIABLE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gnomon_vmclock page = good_page();

		page.clock_status = rows[i].said;
		assert_int_equal(guest_status(&page, &now_view, C1), rows[i].status);
		assert_int_equal(guest_error(rows[i].status), -ENODATA);
	}
}

static void status_of_other_counters(void **state)
{
	struct gnomon_vmclock page = good_page();

	page.counter_id = GNOMON_VMCLOCK_COUNTER_INVALID;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_COUNTER);
	page.counter_id = GNOMON_VMCLOCK_COUNTER_ARM_VCNT;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_COUNTER);
	assert_int_equal(guest_error(GNOMON_CLOCK_COUNTER), -EOPNOTSUPP);
}

/* The reference is of the past for a reading of now; stored values may be before it. */
static void status_before(void **state)
{
	const struct gnomon_vmclock page = good_page();

	assert_int_equal(guest_status(&page, &now_view, C1 - 1), GNOMON_CLOCK_BEFORE);
	assert_int_equal(guest_status(&page, &stored_view, C1 - 1), GNOMON_CLOCK_SYNCHRONIZED);
	assert_int_equal(guest_status(&page, &stored_view, C1 - 3600 * GHZ - 9),
			 GNOMON_CLOCK_STALE);
	assert_int_equal(guest_status(&page, &stored_view, C1 - 3600 * GHZ + 9),
			 GNOMON_CLOCK_SYNCHRONIZED);
	assert_int_equal(guest_error(GNOMON_CLOCK_BEFORE), -ERANGE);
}

static void status_stale(void **state)
{
	const struct gnomon_vmclock page = good_page();

	assert_int_equal(guest_status(&page, &now_view, C1 + 3600 * GHZ - 9),
			 GNOMON_CLOCK_SYNCHRONIZED);
	assert_int_equal(guest_status(&page, &now_view, C1 + 3600 * GHZ + 9), GNOMON_CLOCK_STALE);
	assert_int_equal(guest_status(&page, &now_view, C1 + INT64_MAX), GNOMON_CLOCK_STALE);
	assert_int_equal(guest_error(GNOMON_CLOCK_STALE), -ERANGE);
}

static void status_without_bound(void **state)
{
	struct gnomon_vmclock page = good_page();

	page.flags &= ~GNOMON_VMCLOCK_TIME_MAXERROR_VALID;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_UNBOUNDED);
	assert_int_equal(guest_line_status(&page, &now_view, C1), GNOMON_CLOCK_SYNCHRONIZED);
	page = good_page();
	page.flags &= ~GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_UNBOUNDED);
	page = good_page();
	page.time_maxerror_nanosec = UINT64_MAX;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_UNBOUNDED);
}

static void status_of_nonsense(void **state)
{
	struct gnomon_vmclock page = good_page();

	page.counter_period_frac_sec = 0;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_DAMAGED);
	page = good_page();
	page.counter_period_shift = 64;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_DAMAGED);
	page = good_page();
	page.time_sec = UINT64_MAX;
	assert_int_equal(guest_status(&page, &now_view, C1), GNOMON_CLOCK_DAMAGED);
	assert_int_equal(guest_error(GNOMON_CLOCK_DAMAGED), -EPROTO);
	assert_int_equal(guest_failure(-EBADMSG), GNOMON_CLOCK_DAMAGED);
	assert_int_equal(guest_failure(-EAGAIN), GNOMON_CLOCK_BUSY);
	assert_int_equal(guest_error(GNOMON_CLOCK_BUSY), -EAGAIN);
}

static void status_of_scales(void **state)
{
	struct gnomon_vmclock page = good_page();

	for (unsigned int type = 0; type < 256; type++) {
		const bool known = type == GNOMON_VMCLOCK_TAI || type == GNOMON_VMCLOCK_UTC;

		page.time_type = (uint8_t)type;
		assert_int_equal(guest_status(&page, &now_view, C1),
				 known ? GNOMON_CLOCK_SYNCHRONIZED : GNOMON_CLOCK_TIMESCALE);
	}
}

static void names(void **state)
{
	assert_string_equal(gnomon_clock_status_name(GNOMON_CLOCK_SYNCHRONIZED), "synchronized");
	assert_string_equal(gnomon_clock_status_name(GNOMON_CLOCK_DAMAGED), "damaged");
	assert_string_equal(gnomon_clock_status_name((enum gnomon_clock_status)99), "invalid");
	assert_string_equal(gnomon_clock_status_name((enum gnomon_clock_status)-1), "invalid");
}

static void reading_of_tai(void **state)
{
	const struct gnomon_vmclock page = good_page();
	struct gnomon_clock_reading r;
	gnomon_time earliest, latest;

	guest_reading(&page, C1 + GHZ, &r);
	assert_true(r.has_tai && r.has_utc);
	assert_int_equal(r.tai.sec, START + 1);
	assert_int_equal(r.tai.nsec, 500000000 - 1); /* the period is rounded, 2^-64 s too short */
	assert_int_equal(r.utc.sec, START - 37 + 1);
	assert_false(r.utc.leap);
	assert_int_equal(r.tai_offset, 37);
	assert_int_equal(r.leap, GNOMON_VMCLOCK_LEAP_NONE);
	assert_int_equal(r.bound_ns, 350 + 1);
	assert_true(r.esterror_ns == GNOMON_BOUND_NONE);
	assert_int_equal(r.counter, C1 + GHZ);
	assert_int_equal(r.marker, 7);
	gnomon_clock_interval(&r, &earliest, &latest);
	assert_int_equal(gnomon_time_diff(r.tai, earliest).ns, 351);
	assert_int_equal(gnomon_time_diff(latest, r.tai).ns, 351);
	assert_int_equal(gnomon_time_diff(latest, r.tai).frac, 1);
	/* Before the reference the bound grows as well. */
	guest_reading(&page, C1 - GHZ, &r);
	assert_int_equal(r.tai.sec, START - 1);
	assert_int_equal(r.bound_ns, 350 + 1);
}

/* A page in UTC that tells no offset knows UTC, and no TAI. */
static void reading_of_utc(void **state)
{
	struct gnomon_vmclock page = good_page();
	struct gnomon_clock_reading r;
	gnomon_utc_time earliest, latest;
	gnomon_time t = { 1, 2, 3 };

	page.time_type = GNOMON_VMCLOCK_UTC;
	page.flags = BOUNDED;
	page.time_sec -= 37;
	guest_reading(&page, C1, &r);
	assert_false(r.has_tai);
	assert_true(r.has_utc);
	assert_int_equal(r.utc.sec, START - 37);
	assert_int_equal(guest_interval_tai(&page, C1, &t, &t), -ENODATA);
	assert_int_equal(t.sec, 1);
	assert_int_equal(guest_interval_utc(&page, C1, &earliest, &latest), 0);
	assert_int_equal(earliest.nsec, 500000000 - 250);
	assert_int_equal(latest.nsec, 500000000 + 251);
	/* With an offset, of either sign, both are known. */
	page.flags |= GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	for (int sign = -1; sign <= 1; sign += 2) {
		page.tai_offset_sec = (int16_t)(sign * 37);
		guest_reading(&page, C1, &r);
		assert_true(r.has_tai && r.has_utc);
		assert_int_equal(r.tai.sec, START);
		assert_int_equal(r.tai_offset, 37);
	}
}

/* TAI without an offset: no UTC. */
static void reading_without_offset(void **state)
{
	struct gnomon_vmclock page = good_page();
	struct gnomon_clock_reading r;
	gnomon_utc_time t = { 1, 2, false };

	page.flags = BOUNDED;
	guest_reading(&page, C1, &r);
	assert_true(r.has_tai);
	assert_false(r.has_utc);
	assert_int_equal(guest_interval_utc(&page, C1, &t, &t), -ENODATA);
	assert_int_equal(t.sec, 1);
}

/* A page that ends 2026 in 3 s, and with a second more. */
static struct gnomon_vmclock leap_page(uint8_t type)
{
	struct gnomon_vmclock page = good_page();

	page.time_sec = (uint64_t)(NEW_YEAR - 3 + (type == GNOMON_VMCLOCK_TAI ? 37 : 0));
	page.time_frac_sec = 0;
	page.time_type = type;
	page.leap_indicator = GNOMON_VMCLOCK_LEAP_PRE_POS;
	return page;
}

static void leap_second(void **state)
{
	static const struct {
		uint64_t after;
		gnomon_utc_time utc;
	} rows[] = {
		{ 2500, { NEW_YEAR - 1, 499999999, false } },
		{ 3500, { NEW_YEAR - 1, 499999999, true } },
		{ 4500, { NEW_YEAR, 499999999, false } },
	};

	for (uint8_t type = GNOMON_VMCLOCK_UTC; type <= GNOMON_VMCLOCK_TAI; type++) {
		const struct gnomon_vmclock page = leap_page(type);

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct gnomon_clock_reading r;

			guest_reading(&page, C1 + rows[i].after * 1000000, &r);
			assert_int_equal(r.utc.sec, rows[i].utc.sec);
			assert_int_equal(r.utc.nsec, rows[i].utc.nsec);
			assert_int_equal(r.utc.leap, rows[i].utc.leap);
			assert_int_equal(r.tai.sec, NEW_YEAR - 3 + 37 + rows[i].after / 1000);
		}
	}
}

/* An interval is in order through a leap second, though POSIX seconds are not. */
static void leap_interval(void **state)
{
	const struct gnomon_vmclock page = leap_page(GNOMON_VMCLOCK_TAI);
	gnomon_utc_time before = { 0, 0, false };

	for (uint64_t ms = 2000; ms < 6000; ms++) {
		gnomon_utc_time earliest, latest;

		assert_int_equal(guest_interval_utc(&page, C1 + ms * 1000000, &earliest, &latest),
				 0);
		assert_true(gnomon_utc_time_cmp(earliest, latest) < 0);
		assert_true(gnomon_utc_time_cmp(before, earliest) < 0);
		before = earliest;
	}
	assert_int_equal(before.sec, NEW_YEAR + 1);
}

static void utc_order(void **state)
{
	const gnomon_utc_time a = { 5, 999999999, false }, b = { 5, 0, true }, c = { 6, 0, false };

	assert_true(gnomon_utc_time_cmp(a, b) < 0 && gnomon_utc_time_cmp(b, a) > 0);
	assert_true(gnomon_utc_time_cmp(b, c) < 0 && gnomon_utc_time_cmp(c, a) > 0);
	assert_int_equal(gnomon_utc_time_cmp(b, b), 0);
}

/* -- the fast way -------------------------------------------------------------------------- */

static bool fast(const struct gnomon_vmclock *page, uint64_t counter, gnomon_time *earliest,
		 gnomon_time *latest)
{
	struct interval_line line;
	struct interval_raw raw;
	int64_t offset;

	if (!interval_line_of(page, &line, &offset) || !interval_at(&line, counter, &raw)) {
		return false;
	}
	interval_times(raw, earliest, latest);
	return true;
}

/* The exact way's interval is within the fast one's, which is at most 3 ns wider on a side. */
static void assert_agrees(const struct gnomon_vmclock *page, uint64_t counter,
			  gnomon_time earliest, gnomon_time latest)
{
	struct gnomon_vmclock_reading r;
	gnomon_time at, first, last;

	assert_int_equal(guest_status(page, &now_view, counter), GNOMON_CLOCK_SYNCHRONIZED);
	gnomon_vmclock_at(page, counter, &r);
	at = gnomon_fine_to_time(r.time);
	assert_int_equal(guest_interval_tai(page, counter, &first, &last), 0);
	assert_true(earliest.nsec < GNOMON_NSEC_PER_SEC && latest.nsec < GNOMON_NSEC_PER_SEC);
	assert_in_range(gnomon_time_diff(earliest, first).ns + 2, 0, 4);
	assert_in_range(gnomon_time_diff(latest, last).ns + 3, 0, 5);
	assert_true(gnomon_time_cmp(earliest, at) < 0 && gnomon_time_cmp(at, latest) < 0);
	/* The exact way rounds the bound up to whole ns: not less than before that. */
	assert_true(gnomon_time_diff(latest, earliest).ns + 2 >= 2 * (int64_t)r.bound_ns - 2);
}

/* Random pages a living host may write, and random instants on them. */
static void fast_agrees(void **state)
{
	struct seed seed = seed_start("/bridge/guest/fast/agrees");
	unsigned int taken = 0;

	for (unsigned int i = 0; i < 200000; i++) {
		struct gnomon_vmclock page = good_page();
		gnomon_time earliest, latest;
		struct gnomon_period period;
		const double mhz = 8.0 + (double)(seed_next(&seed) % 6000000) / 1000.0;
		uint64_t counter;

		assert_int_equal(gnomon_period_from_seconds(1e-6 / mhz, &period), 0);
		page.counter_period_frac_sec = period.frac;
		page.counter_period_shift = period.shift;
		page.counter_value = seed_next(&seed);
		page.time_sec = seed_next(&seed) >> (2 + seed_next(&seed) % 60);
		page.time_frac_sec = seed_next(&seed);
		page.time_maxerror_nanosec = seed_next(&seed) >> (34 + seed_next(&seed) % 30);
		page.counter_period_maxerror_rate_frac_sec =
			gnomon_period_error(&period, (double)(seed_next(&seed) % 100000));
		counter = page.counter_value +
			  gnomon_period_ticks(&period, (int64_t)(seed_next(&seed) % 1999999000));
		if (fast(&page, counter, &earliest, &latest)) {
			taken++;
			assert_agrees(&page, counter, earliest, latest);
		}
	}
	/* It must be the usual way; where the bound is a second and more it is left to others. */
	assert_in_range(taken, 190000, 200000);
}

/* What is not plain is left to the exact way. */
static void fast_declines(void **state)
{
	const struct gnomon_vmclock good = good_page();
	gnomon_time earliest = { 1, 2, 3 }, latest = { 1, 2, 3 };
	struct gnomon_vmclock page;
#define DECLINES(member, value)                                                                    \
	do {                                                                                       \
		page = good;                                                                       \
		page.member = (value);                                                             \
		assert_false(fast(&page, C1 + 5, &earliest, &latest));                             \
	} while (0)

	DECLINES(time_type, GNOMON_VMCLOCK_UTC);
	DECLINES(flags, GNOMON_VMCLOCK_TIME_MAXERROR_VALID);
	DECLINES(counter_period_frac_sec, good.counter_period_frac_sec >> 1);
	DECLINES(counter_period_frac_sec, 0);
	DECLINES(counter_period_shift, 21);
	DECLINES(counter_period_shift, 64);
	DECLINES(counter_period_shift, 255);
	DECLINES(time_sec, UINT64_C(1) << 62);
	DECLINES(time_maxerror_nanosec, 1000000000);
	DECLINES(time_maxerror_nanosec, UINT64_MAX);
	DECLINES(counter_value, C1 + 6);
	DECLINES(counter_value, C1 - 3 * GHZ);
	DECLINES(counter_period_shift, 35);
	DECLINES(time_maxerror_nanosec, 500000000);
	DECLINES(counter_value, C1 - (UINT64_C(1) << 62));
#undef DECLINES
	page = good;
	page.counter_period_maxerror_rate_frac_sec = UINT64_MAX; /* 2 s a second */
	assert_false(fast(&page, C1 + GHZ, &earliest, &latest));
	assert_int_equal(earliest.sec, 1);
	assert_int_equal(latest.frac, 3);
}

static void fast_utc(void **state)
{
	static const struct {
		uint8_t leap;
		int16_t offset;
		uint64_t flags;
		bool known;
	} rows[] = {
		{ GNOMON_VMCLOCK_LEAP_NONE, 37, GNOMON_VMCLOCK_TAI_OFFSET_VALID, true },
		{ GNOMON_VMCLOCK_LEAP_POST_POS, 38, GNOMON_VMCLOCK_TAI_OFFSET_VALID, true },
		{ GNOMON_VMCLOCK_LEAP_POST_NEG, 36, GNOMON_VMCLOCK_TAI_OFFSET_VALID, true },
		{ GNOMON_VMCLOCK_LEAP_NONE, 37, 0, false },
		{ GNOMON_VMCLOCK_LEAP_NONE, -37, GNOMON_VMCLOCK_TAI_OFFSET_VALID, false },
		{ GNOMON_VMCLOCK_LEAP_PRE_POS, 37, GNOMON_VMCLOCK_TAI_OFFSET_VALID, false },
		{ GNOMON_VMCLOCK_LEAP_PRE_NEG, 37, GNOMON_VMCLOCK_TAI_OFFSET_VALID, false },
		{ GNOMON_VMCLOCK_LEAP_POS, 38, GNOMON_VMCLOCK_TAI_OFFSET_VALID, false },
		{ 9, 37, GNOMON_VMCLOCK_TAI_OFFSET_VALID, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gnomon_vmclock page = good_page();
		struct interval_line line;
		int64_t offset;

		page.flags = BOUNDED | rows[i].flags;
		page.leap_indicator = rows[i].leap;
		page.tai_offset_sec = rows[i].offset;
		assert_true(interval_line_of(&page, &line, &offset));
		assert_int_equal(offset != INT64_MIN, rows[i].known);
		if (rows[i].known) {
			assert_int_equal(offset, rows[i].offset);
		}
	}
}

/* -- pages of somebody who means no good -------------------------------------------------- */

/* Each field anything at all, most often something extreme or nearly right. */
static uint64_t hostile_value(struct seed *seed, uint64_t good)
{
	switch (seed_below(seed, 6)) {
	case 0:
		return seed_next(seed);
	case 1:
		return seed_next(seed) >> seed_below(seed, 64);
	case 2:
		return 0 - (seed_next(seed) >> seed_below(seed, 64));
	case 3:
		return UINT64_C(1) << seed_below(seed, 64);
	}
	return good;
}

static struct gnomon_vmclock hostile_page(struct seed *seed)
{
	struct gnomon_vmclock page = good_page();

	page.time_type = (uint8_t)seed_below(seed, 3);
	page.flags = hostile_value(seed, page.flags);
	page.leap_indicator = (uint8_t)seed_below(seed, 8);
	page.tai_offset_sec = (int16_t)hostile_value(seed, 37);
	page.counter_period_shift = (uint8_t)hostile_value(seed, page.counter_period_shift);
	page.counter_value = hostile_value(seed, C1);
	page.counter_period_frac_sec = hostile_value(seed, page.counter_period_frac_sec);
	page.counter_period_maxerror_rate_frac_sec = hostile_value(seed, 1000);
	page.counter_period_esterror_rate_frac_sec = hostile_value(seed, 1000);
	page.time_sec = hostile_value(seed, START);
	page.time_frac_sec = hostile_value(seed, 0);
	page.time_maxerror_nanosec = hostile_value(seed, 250);
	return page;
}

/* Whatever they say, an instant is one, and an interval is in order. */
static void hostile_pages(void **state)
{
	struct seed seed = seed_start("/bridge/guest/hostile");
	unsigned int usable = 0, quick = 0;

	for (unsigned int i = 0; i < 300000; i++) {
		const struct gnomon_vmclock page = hostile_page(&seed);
		const uint64_t counter = page.counter_value + hostile_value(&seed, GHZ);
		struct gnomon_clock_reading r;
		gnomon_time first, last;
		gnomon_utc_time from, to;

		if (fast(&page, counter, &first, &last)) {
			quick++;
			assert_true(first.nsec < GNOMON_NSEC_PER_SEC);
			assert_true(last.nsec < GNOMON_NSEC_PER_SEC);
			assert_true(gnomon_time_cmp(first, last) < 0);
		}
		if (!gnomon_clock_usable(guest_status(&page, &stored_view, counter))) {
			continue;
		}
		usable++;
		guest_reading(&page, counter, &r);
		assert_true(!r.has_tai || r.tai.nsec < GNOMON_NSEC_PER_SEC);
		assert_true(!r.has_utc || r.utc.nsec < GNOMON_NSEC_PER_SEC);
		assert_true(r.bound_ns != GNOMON_BOUND_NONE);
		assert_true(!r.has_tai || guest_interval_tai(&page, counter, &first, &last) == 0);
		assert_true(!r.has_tai || gnomon_time_cmp(first, last) < 0);
		assert_true(!r.has_utc || guest_interval_utc(&page, counter, &from, &to) == 0);
		assert_true(!r.has_utc || gnomon_utc_time_cmp(from, to) < 0);
	}
	/* Enough of them get so far that it means something. */
	assert_true(usable > 1000 && quick > 100);
	printf("# %u usable, %u of them or others the fast way\n", usable, quick);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/guest/status/good", status_good, NULL, NULL, NULL },
		{ "/bridge/guest/status/of_the_host", status_of_the_host, NULL, NULL, NULL },
		{ "/bridge/guest/status/counter", status_of_other_counters, NULL, NULL, NULL },
		{ "/bridge/guest/status/before", status_before, NULL, NULL, NULL },
		{ "/bridge/guest/status/stale", status_stale, NULL, NULL, NULL },
		{ "/bridge/guest/status/unbounded", status_without_bound, NULL, NULL, NULL },
		{ "/bridge/guest/status/nonsense", status_of_nonsense, NULL, NULL, NULL },
		{ "/bridge/guest/status/scales", status_of_scales, NULL, NULL, NULL },
		{ "/bridge/guest/status/names", names, NULL, NULL, NULL },
		{ "/bridge/guest/reading/tai", reading_of_tai, NULL, NULL, NULL },
		{ "/bridge/guest/reading/utc", reading_of_utc, NULL, NULL, NULL },
		{ "/bridge/guest/reading/no_offset", reading_without_offset, NULL, NULL, NULL },
		{ "/bridge/guest/leap/second", leap_second, NULL, NULL, NULL },
		{ "/bridge/guest/leap/interval", leap_interval, NULL, NULL, NULL },
		{ "/bridge/guest/leap/order", utc_order, NULL, NULL, NULL },
		{ "/bridge/guest/fast/agrees", fast_agrees, NULL, NULL, NULL },
		{ "/bridge/guest/fast/declines", fast_declines, NULL, NULL, NULL },
		{ "/bridge/guest/fast/utc", fast_utc, NULL, NULL, NULL },
		{ "/bridge/guest/hostile", hostile_pages, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
