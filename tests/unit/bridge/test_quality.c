/* SPDX-License-Identifier: BSD-2-Clause */
/* The quality of the host's CLOCK_REALTIME: layout, and what a reader makes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW INT64_C(1795451350000000000)
#define SECOND INT64_C(1000000000)

union block {
	uint64_t words[GNOMON_QUALITY_SIZE / 8];
	uint8_t octets[GNOMON_QUALITY_SIZE];
};

static struct gnomon_quality good(void)
{
	const struct gnomon_quality q = {
		.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED,
		.leap_indicator = GNOMON_VMCLOCK_LEAP_PRE_POS,
		.tai_offset_sec = 37,
		.flags = GNOMON_QUALITY_OFFSET_VALID | GNOMON_QUALITY_TAI_OFFSET_VALID,
		.disruption_marker = 0x1817161514131211,
		.realtime_ns = NOW,
		.offset_ns = -37 * SECOND + 250,
		.esterror_ns = 0x3030,
		.maxerror_ns = 500,
		.growth_ppb = 100,
		.valid_s = 3600,
	};

	return q;
}

static void layout(void **state)
{
	static const struct {
		unsigned int at;
		uint8_t octet;
	} wanted[] = {
		{ 0, 'G' }, { 1, 'N' }, { 2, 'Q' }, { 3, '1' }, { 4, 96 }, { 8, 2 }, { 9, 1 },
		{ 10, 37 }, { 12, 4 }, { 16, 5 }, { 24, 0x11 }, { 31, 0x18 }, { 39, 0x18 },
		{ 40, 0xfa }, { 47, 0xff }, { 48, 0x30 }, { 56, 0xf4 }, { 57, 1 }, { 64, 100 },
		{ 68, 0x10 }, { 69, 0x0e }, { 72, 0 }, { 95, 0 },
	};
	const struct gnomon_quality q = good();
	struct gnomon_quality found;
	union block m = { { 0 } };
	uint32_t seq = 2;

	(void)state;
	gnomon_quality_write(&m, &q, &seq);
	assert_int_equal(seq, 4);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		if (m.octets[wanted[i].at] != wanted[i].octet) {
			print_message("# octet %u\n", wanted[i].at);
		}
		assert_int_equal(m.octets[wanted[i].at], wanted[i].octet);
	}
	assert_int_equal(gnomon_quality_read(&m, sizeof(m), 1, &found), 0);
	assert_int_equal(found.seq_count, 4);
	assert_int_equal(found.tai_offset_sec, 37);
	assert_true(found.offset_ns == q.offset_ns && found.realtime_ns == NOW);
	assert_int_equal(found.valid_s, 3600);
	m.octets[12] = 9;
	assert_int_equal(gnomon_quality_seq_after(&m), 10);
}

static void refused(void **state)
{
	const struct gnomon_quality q = good();
	struct gnomon_quality found = { .valid_s = 7 };
	union block m = { { 0 } };
	uint32_t seq = 0;

	(void)state;
	assert_int_equal(gnomon_quality_read(&m, sizeof(m), 1, &found), -EBADMSG);
	gnomon_quality_write(&m, &q, &seq);
	assert_int_equal(gnomon_quality_read(&m, sizeof(m) - 1, 1, &found), -EMSGSIZE);
	m.octets[4] = 97;
	assert_int_equal(gnomon_quality_read(&m, sizeof(m), 1, &found), -EMSGSIZE);
	assert_int_equal(gnomon_quality_read(&m, 97, 1, &found), 0);
	found.valid_s = 7;
	m.octets[4] = 95;
	assert_int_equal(gnomon_quality_read(&m, sizeof(m), 1, &found), -EMSGSIZE);
	m.octets[4] = 96;
	m.octets[12] |= 1;
	assert_int_equal(gnomon_quality_read(&m, sizeof(m), 9, &found), -EAGAIN);
	assert_int_equal(found.valid_s, 7);
}

static void tai(void **state)
{
	static const struct {
		int64_t age_ns;
		uint64_t bound_ns;
	} cases[] = {
		{ 0, 501 }, { 1, 501 }, { SECOND, 601 }, { 15 * SECOND / 10, 651 },
		{ -SECOND, 601 }, { 3599 * SECOND + 999999999, 360500 },
	};
	const struct gnomon_quality q = good();
	int64_t found;
	uint64_t bound;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(gnomon_quality_tai(&q, NOW + cases[i].age_ns, &found, &bound), 0);
		assert_true(found == NOW + cases[i].age_ns + 37 * SECOND - 250);
		assert_int_equal(bound, cases[i].bound_ns);
	}
}

static void no_claim(void **state)
{
	struct gnomon_quality q = good();
	int64_t found = 5;
	uint64_t bound = 6;

	(void)state;
	assert_int_equal(gnomon_quality_tai(&q, NOW + 3600 * SECOND, &found, &bound), -ENODATA);
	assert_int_equal(gnomon_quality_tai(&q, NOW - SECOND - 1, &found, &bound), -ENODATA);
	assert_int_equal(gnomon_quality_tai(&q, INT64_MIN, &found, &bound), -ENODATA);
	for (unsigned int status = 0; status < 256; status++) {
		const bool counts = status == GNOMON_VMCLOCK_SYNCHRONIZED ||
				    status == GNOMON_VMCLOCK_FREERUNNING;

		q.clock_status = (uint8_t)status;
		assert_int_equal(gnomon_quality_tai(&q, NOW, &found, &bound),
				 counts ? 0 : -ENODATA);
	}
	q = good();
	q.flags = ~GNOMON_QUALITY_OFFSET_VALID;
	found = 5;
	assert_int_equal(gnomon_quality_tai(&q, NOW, &found, &bound), -ENODATA);
	assert_int_equal(found, 5);
	q = good();
	q.offset_ns = INT64_MIN;
	assert_int_equal(gnomon_quality_tai(&q, NOW, &found, &bound), -ENODATA);
}

static void saturates(void **state)
{
	struct gnomon_quality q = good();
	int64_t found;
	uint64_t bound;

	(void)state;
	q.growth_ppb = UINT32_MAX;
	q.valid_s = UINT32_MAX;
	q.realtime_ns = 0;
	q.offset_ns = 0;
	q.maxerror_ns = UINT64_MAX - 5;
	assert_int_equal(gnomon_quality_tai(&q, (int64_t)(UINT32_MAX - 1) * SECOND, &found, &bound),
			 0);
	assert_true(bound == GNOMON_BOUND_NONE);
	q.maxerror_ns = 0;
	assert_int_equal(gnomon_quality_tai(&q, (int64_t)(UINT32_MAX - 1) * SECOND, &found, &bound),
			 0);
	assert_true(bound == (uint64_t)UINT32_MAX * (UINT32_MAX - 1) + 1);
}

static void any_block(void **state)
{
	struct seed seed = seed_start("/bridge/quality/any_block");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct gnomon_quality q;
		int64_t found;
		uint64_t bound;
		union block m;

		seed_fill(&seed, m.octets, sizeof(m));
		memcpy(m.octets, "GNQ1\x60\0\0\0", 8);
		m.octets[8] = GNOMON_VMCLOCK_SYNCHRONIZED;
		m.octets[12] &= 0xfe;
		assert_int_equal(gnomon_quality_read(&m, sizeof(m), 1, &q), 0);
		gnomon_quality_tai(&q, (int64_t)seed_next(&seed), &found, &bound);
		gnomon_quality_tai(&q, q.realtime_ns, &found, &bound);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/quality/layout", layout, NULL, NULL, NULL },
		{ "/bridge/quality/refused", refused, NULL, NULL, NULL },
		{ "/bridge/quality/tai", tai, NULL, NULL, NULL },
		{ "/bridge/quality/no_claim", no_claim, NULL, NULL, NULL },
		{ "/bridge/quality/saturates", saturates, NULL, NULL, NULL },
		{ "/bridge/quality/any_block", any_block, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
