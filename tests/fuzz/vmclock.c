/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a guest may write, and counters it may claim, as host and guest read them. Whatever
 * they hold: a page is refused or reads the same again, its time is the kernel's, no bound is less
 * than what the page tells at its reference, and a map made of exchanges is a possible one.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "vmclock.h"

union memory {
	uint64_t words[GNOMON_GUEST_FILE_SIZE / 8];
	uint8_t octets[GNOMON_GUEST_FILE_SIZE];
};

static uint64_t take(const uint8_t *p, unsigned int octets)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < octets; i++) {
		v |= (uint64_t)p[i] << (8 * i);
	}
	return v;
}

static void same(const struct gnomon_vmclock *a, const struct gnomon_vmclock *b)
{
	uint8_t x[GNOMON_VMCLOCK_SIZE], y[GNOMON_VMCLOCK_SIZE];

	gnomon_vmclock_encode(a, x);
	gnomon_vmclock_encode(b, y);
	FUZZ_CHECK(memcmp(x, y, sizeof(x)) == 0);
}

/* -- the page --------------------------------------------------------------------------------- */

static void check_reading(const struct gnomon_vmclock *c, uint64_t counter)
{
	struct gnomon_vmclock_reading r, at_reference;
	struct gnomon_fine kernel = gnomon_vmclock_kernel_time(c, counter);

	gnomon_vmclock_at(c, counter, &r);
	gnomon_vmclock_at(c, c->counter_value, &at_reference);
	FUZZ_CHECK(r.bound_ns == gnomon_vmclock_bound(c, counter));
	FUZZ_CHECK(r.bound_ns >= at_reference.bound_ns);
	FUZZ_CHECK(r.esterror_ns >= at_reference.esterror_ns);
	if (counter - c->counter_value <= INT64_MAX) {
		FUZZ_CHECK(gnomon_fine_cmp(r.time, kernel) == 0);
		FUZZ_CHECK(gnomon_fine_cmp(r.time, at_reference.time) >= 0);
	} else {
		FUZZ_CHECK(gnomon_fine_cmp(r.time, at_reference.time) <= 0);
	}
}

/* UTC by the page, and by the rule that the page tells. */
static void check_utc(const struct gnomon_vmclock *c, uint64_t counter)
{
	struct gnomon_fine tai, utc, by_rule;
	struct gnomon_vmclock_reading r;
	uint8_t leap = 0, leap_by_rule;
	struct gnomon_utc rule;

	gnomon_vmclock_at(c, counter, &r);
	gnomon_vmclock_utc(c, &rule);
	FUZZ_CHECK(rule.change >= -1 && rule.change <= 1);
	FUZZ_CHECK(rule.midnight % 86400 == 0);
	if (gnomon_vmclock_tai_at(c, &r, &tai) || gnomon_vmclock_utc_at(c, &r, &utc, &leap)) {
		return;
	}
	FUZZ_CHECK(leap <= GNOMON_VMCLOCK_LEAP_POST_NEG);
	if (rule.known) {
		FUZZ_CHECK(gnomon_utc_from_tai(&rule, tai, &by_rule, NULL, &leap_by_rule) == 0);
		FUZZ_CHECK(gnomon_fine_cmp(utc, by_rule) == 0 && leap == leap_by_rule);
	}
}

static void check_period(const struct gnomon_vmclock *c, uint64_t number)
{
	const struct gnomon_period p = gnomon_vmclock_period(c);
	const struct gnomon_counter_map map = { number, c->disruption_marker,
						(uint8_t)c->tai_offset_sec, 0, 0 };
	struct gnomon_period other;

	if (gnomon_period_scale(&p, (double)(int64_t)number / 1e12, &other) == 0) {
		FUZZ_CHECK(other.frac >> 63 && other.shift <= GNOMON_PERIOD_SHIFT_MAX);
	}
	if (gnomon_counter_map_period(&map, &p, &other) == 0) {
		FUZZ_CHECK(gnomon_counter_map_valid(&map));
		FUZZ_CHECK(other.frac >> 63 && other.shift <= GNOMON_PERIOD_SHIFT_MAX);
	}
	FUZZ_CHECK(gnomon_period_ticks(&p, 0) == 0);
	(void)gnomon_period_ticks(&p, (int64_t)number);
	(void)gnomon_period_diff_ppb(&p, &other);
}

static void check_page(const union memory *m, uint64_t counter)
{
	struct gnomon_vmclock c, again;
	union memory other = *m;
	uint32_t seq = gnomon_vmclock_seq_after(m);
	int err = gnomon_vmclock_decode(m, sizeof(*m), &c);

	FUZZ_CHECK(gnomon_vmclock_read(m, sizeof(*m), 2, &again) ==
		   (m->octets[12] & 1 ? -EAGAIN : err));
	if (err) {
		return;
	}
	if (!(m->octets[12] & 1)) {
		same(&c, &again);
	}
	/* Published again it is what it was, after whatever was there. */
	gnomon_vmclock_write(&other, &c, &seq);
	FUZZ_CHECK(gnomon_vmclock_read(&other, sizeof(other), 1, &again) == 0);
	FUZZ_CHECK(again.seq_count == seq);
	again.seq_count = c.seq_count;
	same(&c, &again);
	check_reading(&c, counter);
	check_utc(&c, counter);
	check_period(&c, counter);
}

/* -- the page after it ------------------------------------------------------------------------ */

static void check_quality(const uint8_t *block, int64_t realtime_ns)
{
	struct gnomon_quality q;
	uint64_t bound_ns;
	int64_t tai_ns;

	if (gnomon_quality_read(block, GNOMON_MAILBOX_OFFSET - GNOMON_QUALITY_OFFSET, 1, &q) == 0 &&
	    gnomon_quality_tai(&q, realtime_ns, &tai_ns, &bound_ns) == 0) {
		FUZZ_CHECK(bound_ns > q.maxerror_ns || bound_ns == GNOMON_BOUND_NONE);
	}
}

static void check_mailbox(uint8_t *block, uint32_t number)
{
	const uint32_t asked = gnomon_mailbox_asked(block);
	uint64_t counter;

	FUZZ_CHECK(!asked || gnomon_mailbox_state(block, asked) == GNOMON_MAILBOX_IDLE);
	FUZZ_CHECK(gnomon_mailbox_state(block, number) <= GNOMON_MAILBOX_FAILED);
	(void)gnomon_mailbox_answered(block, number, &counter);
	FUZZ_CHECK(gnomon_mailbox_ask(block) != 0);
	gnomon_mailbox_tell(block, number, GNOMON_MAILBOX_PLAYING);
	FUZZ_CHECK(gnomon_mailbox_state(block, number) == GNOMON_MAILBOX_PLAYING);
	FUZZ_CHECK(gnomon_mailbox_asked(block) != number || !number);
	gnomon_mailbox_answer(block, number, 7);
	FUZZ_CHECK(gnomon_mailbox_answered(block, number, &counter) && counter == 7);
}

static void check_pings(const uint8_t *data, size_t size, uint64_t now)
{
	static const uint64_t hz[] = { 1000000, 2445000000, UINT64_C(1000000000000) };
	const uint64_t host_hz = hz[now % 3], guest_hz = hz[now / 3 % 3];
	struct gnomon_counter_map map;
	struct gnomon_pingpong p;

	if (gnomon_pingpong_init(&p, host_hz, guest_hz, (double)(now % 1000001))) {
		/* The slowest and the fastest of these are too far apart. */
		FUZZ_CHECK(host_hz / guest_hz > 65536 || guest_hz / host_hz > 65536);
		return;
	}
	for (; size >= INPUT_PING_SIZE; data += INPUT_PING_SIZE, size -= INPUT_PING_SIZE) {
		const uint64_t took = take(data + 4, 4);

		now += take(data, 4);
		(void)gnomon_pingpong_add(&p, now, take(data + 8, 8), now + took);
		now += took;
		FUZZ_CHECK(p.count <= GNOMON_PINGPONG_KEPT && p.count <= p.taken);
	}
	if (gnomon_pingpong_map(&p, now, &map) == 0) {
		FUZZ_CHECK(gnomon_counter_map_valid(&map) && map.error_ppb <= 1000001);
		FUZZ_CHECK(map.error_ticks < UINT64_C(1) << 53);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t input[INPUT_PINGS] = { 0 };
	union memory m = { { 0 } };
	uint64_t counter;

	memcpy(input, data, size < sizeof(input) ? size : sizeof(input));
	memcpy(m.octets, input + INPUT_PAGE, GNOMON_VMCLOCK_SIZE);
	memcpy(m.octets + GNOMON_QUALITY_OFFSET, input + INPUT_QUALITY, GNOMON_QUALITY_SIZE);
	memcpy(m.octets + GNOMON_MAILBOX_OFFSET, input + INPUT_MAILBOX, GNOMON_MAILBOX_SIZE);
	counter = take(input + INPUT_COUNTER, 8);
	check_page(&m, counter);
	check_quality(m.octets + GNOMON_QUALITY_OFFSET, (int64_t)counter);
	check_mailbox(m.octets + GNOMON_MAILBOX_OFFSET, (uint32_t)counter);
	if (size > INPUT_PINGS) {
		check_pings(data + INPUT_PINGS, size - INPUT_PINGS, counter);
	}
	return 0;
}
