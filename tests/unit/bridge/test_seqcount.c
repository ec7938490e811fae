/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One writer and any readers of shared blocks: a reader gets all of one publication or nothing,
 * also while the writer writes, also where it died in the middle.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROUNDS 40000

union shared {
	uint64_t words[GNOMON_GUEST_FILE_SIZE / 8];
	uint8_t octets[GNOMON_GUEST_FILE_SIZE];
};

/* A page all of whose fields come from n, so that a mixture of two shows. */
static struct gnomon_vmclock made(uint64_t n)
{
	struct gnomon_vmclock c;

	gnomon_vmclock_init(&c);
	c.disruption_marker = n;
	c.flags = n;
	c.clock_status = (uint8_t)n;
	c.tai_offset_sec = (int16_t)(uint16_t)(n & 0x7fff);
	c.counter_period_shift = (uint8_t)n;
	c.counter_value = n;
	c.counter_period_frac_sec = n;
	c.counter_period_esterror_rate_frac_sec = n;
	c.counter_period_maxerror_rate_frac_sec = n;
	c.time_sec = n;
	c.time_frac_sec = n;
	c.time_esterror_nanosec = n;
	c.time_maxerror_nanosec = n;
	c.vm_generation_counter = n;
	return c;
}

static bool is_made(const struct gnomon_vmclock *c)
{
	const struct gnomon_vmclock wanted = made(c->disruption_marker);
	uint8_t a[GNOMON_VMCLOCK_SIZE], b[GNOMON_VMCLOCK_SIZE];
	struct gnomon_vmclock found = *c;

	found.seq_count = 0;
	gnomon_vmclock_encode(&found, a);
	gnomon_vmclock_encode(&wanted, b);
	return memcmp(a, b, sizeof(a)) == 0;
}

static void counts(void **state)
{
	union shared m = { { 0 } };
	struct gnomon_vmclock c = made(5), found;
	uint32_t seq = 0;

	(void)state;
	c.seq_count = 12345; /* not looked at */
	gnomon_vmclock_write(&m, &c, &seq);
	assert_int_equal(seq, 2);
	assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), 0);
	assert_int_equal(found.seq_count, 2);
	assert_true(is_made(&found));
	gnomon_vmclock_write(&m, &c, &seq);
	assert_int_equal(seq, 4);
	/* The count wraps, and stays even. */
	seq = UINT32_MAX - 1;
	gnomon_vmclock_write(&m, &c, &seq);
	assert_int_equal(seq, 0);
	assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), 0);
	/* A count that was left odd is taken up where it is. */
	seq = 7;
	gnomon_vmclock_write(&m, &c, &seq);
	assert_int_equal(seq, 8);
}

static void being_written(void **state)
{
	union shared m = { { 0 } };
	struct gnomon_vmclock found = made(9);
	const struct gnomon_vmclock c = made(5);
	uint32_t seq = 0;

	(void)state;
	gnomon_vmclock_write(&m, &c, &seq);
	m.octets[12]++;
	assert_int_equal(gnomon_vmclock_read_begin(&m), 3);
	assert_false(gnomon_vmclock_read_ok(&m, 3));
	assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 5, &found), -EAGAIN);
	assert_int_equal(found.disruption_marker, 9);
	assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 0, &found), -EAGAIN);
	assert_int_equal(gnomon_vmclock_seq_after(&m), 4);
}

static void refused(void **state)
{
	union shared m = { { 0 } };
	const struct gnomon_vmclock c = made(5);
	struct gnomon_vmclock found;
	uint32_t seq = 0;

	(void)state;
	assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), -EBADMSG);
	assert_int_equal(gnomon_vmclock_read(&m, GNOMON_VMCLOCK_SIZE - 1, 1, &found), -EMSGSIZE);
	gnomon_vmclock_write(&m, &c, &seq);
	assert_int_equal(gnomon_vmclock_read(&m, 4095, 1, &found), -EMSGSIZE);
	m.octets[8] = 3;
	assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), -EPROTO);
}

/* Whatever a guest scribbled, the next publication is whole again, and none of it is believed. */
static void heals(void **state)
{
	struct seed seed = seed_start("/bridge/seqcount/heals");
	union shared m;
	const struct gnomon_vmclock c = made(0x1234567812345678);
	struct gnomon_vmclock found;
	uint32_t seq = 40;

	(void)state;
	for (int i = 0; i < 100; i++) {
		seed_fill(&seed, m.octets, sizeof(m));
		gnomon_vmclock_write(&m, &c, &seq);
		assert_int_equal(seq, 42 + 2 * i);
		assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), 0);
		assert_int_equal(found.seq_count, seq);
		assert_true(is_made(&found));
	}
}

/* What is there after a writer died, for all counts it may have left. */
static void taken_over(void **state)
{
	static const uint32_t left[] = { 0, 1, 2, 3, 0x7ffffffe, 0x7fffffff, UINT32_MAX - 1,
					 UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(left); i++) {
		union shared m = { { 0 } };
		const struct gnomon_vmclock c = made(5);
		struct gnomon_vmclock found;
		uint32_t seq;

		m.octets[12] = (uint8_t)left[i];
		m.octets[13] = (uint8_t)(left[i] >> 8);
		m.octets[14] = (uint8_t)(left[i] >> 16);
		m.octets[15] = (uint8_t)(left[i] >> 24);
		seq = gnomon_vmclock_seq_after(&m);
		assert_int_equal(seq & 1, 0);
		assert_true((int32_t)(seq - left[i]) > 0);
		gnomon_vmclock_write(&m, &c, &seq);
		assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), 0);
		assert_true((int32_t)(found.seq_count - left[i]) > 0);
	}
}

/*
 * A writer that stops after any of its stores, the first ones of the second publication being in
 * memory: the reader sees the first publication, the second, or an odd count; never a mixture.
 */
static void dies_anywhere(void **state)
{
	union shared before = { { 0 } }, after;
	const struct gnomon_vmclock first = made(0x1111111111111111);
	const struct gnomon_vmclock second = made(0x2222222222222222);
	uint32_t seq = 0;

	(void)state;
	gnomon_vmclock_write(&before, &first, &seq);
	after = before;
	gnomon_vmclock_write(&after, &second, &seq);
	for (unsigned int words = 0; words <= GNOMON_VMCLOCK_SIZE / 8; words++) {
		union shared m = before;
		struct gnomon_vmclock found;

		m.octets[12] |= 1;
		memcpy(m.octets + 16, after.octets + 16, words > 2 ? (words - 2) * 8 : 0);
		assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 3, &found), -EAGAIN);
		/* The one who takes over makes it whole. */
		seq = gnomon_vmclock_seq_after(&m);
		gnomon_vmclock_write(&m, &first, &seq);
		assert_int_equal(gnomon_vmclock_read(&m, sizeof(m), 1, &found), 0);
		assert_true(is_made(&found));
	}
}

/* -- at once ---------------------------------------------------------------------------------- */

static union shared common;
static bool over;

static void *writes(void *unused)
{
	uint32_t seq = 0, quality_seq = 0;

	(void)unused;
	for (uint64_t n = 1; n <= ROUNDS; n++) {
		const struct gnomon_vmclock c = made(n * UINT64_C(0x0101010101010101));
		const struct gnomon_quality q = {
			.disruption_marker = n,
			.flags = n,
			.realtime_ns = (int64_t)n,
			.offset_ns = (int64_t)n,
			.esterror_ns = n,
			.maxerror_ns = n,
			.growth_ppb = (uint32_t)n,
			.valid_s = (uint32_t)n,
		};

		gnomon_vmclock_write(&common, &c, &seq);
		gnomon_quality_write(common.octets + GNOMON_QUALITY_OFFSET, &q, &quality_seq);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	return NULL;
}

struct seen {
	uint64_t good;
	uint64_t torn;
	uint64_t back; /* an older publication after a newer one */
};

static void look_at_page(struct seen *s, uint64_t *last)
{
	struct gnomon_vmclock c;

	if (gnomon_vmclock_read(&common, sizeof(common), 100, &c) == 0) {
		s->good++;
		s->torn += !is_made(&c);
		s->back += (uint32_t)(c.seq_count - *last) > UINT32_MAX / 2;
		*last = c.seq_count;
	}
}

static void look_at_quality(struct seen *s, uint64_t *last)
{
	struct gnomon_quality q;

	if (gnomon_quality_read(common.octets + GNOMON_QUALITY_OFFSET,
				sizeof(common) - GNOMON_QUALITY_OFFSET, 100, &q) == 0) {
		const uint64_t n = q.disruption_marker;

		s->good++;
		s->torn += q.flags != n || q.realtime_ns != (int64_t)n ||
			   q.offset_ns != (int64_t)n || q.esterror_ns != n || q.maxerror_ns != n ||
			   q.growth_ppb != (uint32_t)n || q.valid_s != (uint32_t)n;
		s->back += n < *last;
		*last = n;
	}
}

static void *reads(void *arg)
{
	struct seen *s = arg;
	uint64_t last_page = 0, last_quality = 0;

	/* Once more after the last publication: both are there then. */
	for (bool last = false; !last;) {
		last = __atomic_load_n(&over, __ATOMIC_ACQUIRE);
		look_at_page(s, &last_page);
		look_at_quality(s, &last_quality);
	}
	return NULL;
}

static void threads(void **state)
{
	struct seen seen[3] = { { 0 } };
	pthread_t writer, reader[3];

	(void)state;
	for (size_t i = 0; i < COUNT(reader); i++) {
		assert_int_equal(pthread_create(&reader[i], NULL, reads, &seen[i]), 0);
	}
	assert_int_equal(pthread_create(&writer, NULL, writes, NULL), 0);
	assert_int_equal(pthread_join(writer, NULL), 0);
	for (size_t i = 0; i < COUNT(reader); i++) {
		assert_int_equal(pthread_join(reader[i], NULL), 0);
		print_message("# reader %zu: %llu good\n", i, (unsigned long long)seen[i].good);
		assert_true(seen[i].good >= 2);
		assert_int_equal(seen[i].torn, 0);
		assert_int_equal(seen[i].back, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/seqcount/counts", counts, NULL, NULL, NULL },
		{ "/bridge/seqcount/being_written", being_written, NULL, NULL, NULL },
		{ "/bridge/seqcount/refused", refused, NULL, NULL, NULL },
		{ "/bridge/seqcount/heals", heals, NULL, NULL, NULL },
		{ "/bridge/seqcount/taken_over", taken_over, NULL, NULL, NULL },
		{ "/bridge/seqcount/dies_anywhere", dies_anywhere, NULL, NULL, NULL },
		{ "/bridge/seqcount/threads", threads, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
