/* SPDX-License-Identifier: BSD-2-Clause */
/* The vmclock structure in octets: offsets of the kernel's header, and what is no page. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* One octet differs per field, so that each is found where it belongs. */
static const struct gnomon_vmclock whole = {
	.magic = GNOMON_VMCLOCK_MAGIC,
	.size = 4096,
	.version = 1,
	.counter_id = GNOMON_VMCLOCK_COUNTER_X86_TSC,
	.time_type = GNOMON_VMCLOCK_TAI,
	.seq_count = 0x0c0d0e0e,
	.disruption_marker = 0x1011121314151617,
	.flags = 0x18191a1b1c1d1e1f,
	.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED,
	.leap_second_smearing_hint = GNOMON_VMCLOCK_UTC_SLS,
	.tai_offset_sec = -2,
	.leap_indicator = GNOMON_VMCLOCK_LEAP_POST_NEG,
	.counter_period_shift = 31,
	.counter_value = 0x28292a2b2c2d2e2f,
	.counter_period_frac_sec = 0x3031323334353637,
	.counter_period_esterror_rate_frac_sec = 0x38393a3b3c3d3e3f,
	.counter_period_maxerror_rate_frac_sec = 0x4041424344454647,
	.time_sec = 0x48494a4b4c4d4e4f,
	.time_frac_sec = 0x5051525354555657,
	.time_esterror_nanosec = 0x58595a5b5c5d5e5f,
	.time_maxerror_nanosec = 0x6061626364656667,
	.vm_generation_counter = 0x68696a6b6c6d6e6f,
};

static const uint8_t wanted[GNOMON_VMCLOCK_SIZE] = {
	'V', 'C', 'L', 'K', 0, 0x10, 0, 0,
	1, 0, 1, 1, 0x0e, 0x0e, 0x0d, 0x0c,
	0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x10,
	0x1f, 0x1e, 0x1d, 0x1c, 0x1b, 0x1a, 0x19, 0x18,
	0, 0, 2, 2, 0xfe, 0xff, 5, 31,
	0x2f, 0x2e, 0x2d, 0x2c, 0x2b, 0x2a, 0x29, 0x28,
	0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 0x30,
	0x3f, 0x3e, 0x3d, 0x3c, 0x3b, 0x3a, 0x39, 0x38,
	0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41, 0x40,
	0x4f, 0x4e, 0x4d, 0x4c, 0x4b, 0x4a, 0x49, 0x48,
	0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51, 0x50,
	0x5f, 0x5e, 0x5d, 0x5c, 0x5b, 0x5a, 0x59, 0x58,
	0x67, 0x66, 0x65, 0x64, 0x63, 0x62, 0x61, 0x60,
	0x6f, 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x69, 0x68,
};

static void assert_same(const struct gnomon_vmclock *a, const struct gnomon_vmclock *b)
{
	uint8_t x[GNOMON_VMCLOCK_SIZE], y[GNOMON_VMCLOCK_SIZE];

	gnomon_vmclock_encode(a, x);
	gnomon_vmclock_encode(b, y);
	assert_memory_equal(x, y, sizeof(x));
}

static void offsets(void **state)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	struct gnomon_vmclock found;

	(void)state;
	gnomon_vmclock_encode(&whole, octets);
	assert_memory_equal(octets, wanted, sizeof(wanted));
	assert_int_equal(gnomon_vmclock_decode(wanted, 4096, &found), 0);
	assert_same(&found, &whole);
	assert_int_equal(found.tai_offset_sec, -2);
}

/* The bits of the kernel's header where UAPI.13 says otherwise. */
static void flags(void **state)
{
	(void)state;
	assert_int_equal(GNOMON_VMCLOCK_TAI_OFFSET_VALID, 0x001);
	assert_int_equal(GNOMON_VMCLOCK_DISRUPTION_SOON, 0x002);
	assert_int_equal(GNOMON_VMCLOCK_DISRUPTION_IMMINENT, 0x004);
	assert_int_equal(GNOMON_VMCLOCK_ERRORS_VALID, 0x078);
	assert_int_equal(GNOMON_VMCLOCK_TIME_MONOTONIC, 0x080);
	assert_int_equal(GNOMON_VMCLOCK_GENERATION_PRESENT, 0x100);
	assert_int_equal(GNOMON_VMCLOCK_NOTIFICATION_PRESENT, 0x200);
}

static void fresh(void **state)
{
	uint8_t octets[4096] = { 0 };
	struct gnomon_vmclock c, found;

	(void)state;
	gnomon_vmclock_init(&c);
	assert_int_equal(c.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(c.counter_id, GNOMON_VMCLOCK_COUNTER_INVALID);
	assert_int_equal(c.time_type, GNOMON_VMCLOCK_TAI);
	gnomon_vmclock_encode(&c, octets);
	assert_int_equal(gnomon_vmclock_decode(octets, sizeof(octets), &found), 0);
	assert_same(&c, &found);
}

static void refused(void **state)
{
	struct gnomon_vmclock found = whole;
	uint8_t octets[GNOMON_VMCLOCK_SIZE];

	(void)state;
	memcpy(octets, wanted, sizeof(octets));
	octets[0] ^= 1;
	assert_int_equal(gnomon_vmclock_decode(octets, 4096, &found), -EBADMSG);
	memcpy(octets, wanted, sizeof(octets));
	octets[8] = 2;
	assert_int_equal(gnomon_vmclock_decode(octets, 4096, &found), -EPROTO);
	memcpy(octets, wanted, sizeof(octets));
	/* What was mapped is smaller than what the page says of itself. */
	assert_int_equal(gnomon_vmclock_decode(octets, 4095, &found), -EMSGSIZE);
	octets[4] = 0x57;
	octets[5] = 0;
	assert_int_equal(gnomon_vmclock_decode(octets, 4096, &found), -EMSGSIZE);
	octets[4] = 0x58;
	assert_int_equal(gnomon_vmclock_decode(octets, 4096, &found), 0);
	assert_int_equal(gnomon_vmclock_decode(octets, 0x58, &found), 0);
	assert_int_equal(gnomon_vmclock_decode(octets, 0x57, &found), -EMSGSIZE);
	/* Nothing at all, and less than a magic. */
	assert_int_equal(gnomon_vmclock_decode(octets, 0, &found), -EBADMSG);
	assert_int_equal(gnomon_vmclock_decode(octets, 3, &found), -EBADMSG);
	assert_int_equal(gnomon_vmclock_decode(octets, 4, &found), -EPROTO);
}

static void untouched(void **state)
{
	struct gnomon_vmclock found = whole;
	uint8_t octets[GNOMON_VMCLOCK_SIZE] = { 0 };

	(void)state;
	assert_int_equal(gnomon_vmclock_decode(octets, sizeof(octets), &found), -EBADMSG);
	assert_same(&found, &whole);
}

/* A field is there if the page's size says so; otherwise its flag means nothing. */
static void sizes(void **state)
{
	static const struct {
		uint32_t size;
		bool esterror, maxerror, generation;
	} cases[] = {
		{ 0x58, false, false, false }, { 0x5f, false, false, false },
		{ 0x60, true, false, false },  { 0x67, true, false, false },
		{ 0x68, true, true, false },   { 0x6f, true, true, false },
		{ 0x70, true, true, true },    { 0x1000, true, true, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct gnomon_vmclock c = whole, found;
		uint8_t octets[GNOMON_VMCLOCK_SIZE];

		c.size = cases[i].size;
		c.flags = UINT64_MAX;
		gnomon_vmclock_encode(&c, octets);
		assert_int_equal(gnomon_vmclock_decode(octets, 4096, &found), 0);
		assert_int_equal(found.time_frac_sec, whole.time_frac_sec);
		assert_int_equal(!(found.flags & GNOMON_VMCLOCK_TIME_ESTERROR_VALID),
				 !cases[i].esterror);
		assert_int_equal(!(found.flags & GNOMON_VMCLOCK_TIME_MAXERROR_VALID),
				 !cases[i].maxerror);
		assert_int_equal(!(found.flags & GNOMON_VMCLOCK_GENERATION_PRESENT),
				 !cases[i].generation);
		assert_int_equal(found.time_esterror_nanosec,
				 cases[i].esterror ? whole.time_esterror_nanosec : 0);
		assert_int_equal(found.time_maxerror_nanosec,
				 cases[i].maxerror ? whole.time_maxerror_nanosec : 0);
		assert_int_equal(found.vm_generation_counter,
				 cases[i].generation ? whole.vm_generation_counter : 0);
		/* The periods' errors stand before the time. */
		assert_true(found.flags & GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID);
	}
}

static void round_trip(void **state)
{
	struct seed seed = seed_start("/bridge/page/round_trip");
	uint8_t octets[GNOMON_VMCLOCK_SIZE], again[GNOMON_VMCLOCK_SIZE];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct gnomon_vmclock found;

		seed_fill(&seed, octets, sizeof(octets));
		memcpy(octets, wanted, 10);
		memset(octets + 0x20, 0, 2);
		assert_int_equal(gnomon_vmclock_decode(octets, 4096, &found), 0);
		gnomon_vmclock_encode(&found, again);
		assert_memory_equal(octets, again, sizeof(octets));
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(gnomon_vmclock_status_name(GNOMON_VMCLOCK_UNKNOWN), "unknown");
	assert_string_equal(gnomon_vmclock_status_name(GNOMON_VMCLOCK_FREERUNNING), "freerunning");
	assert_string_equal(gnomon_vmclock_status_name(GNOMON_VMCLOCK_UNRELIABLE), "unreliable");
	assert_string_equal(gnomon_vmclock_status_name(5), "invalid");
	assert_string_equal(gnomon_vmclock_status_name(255), "invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/page/offsets", offsets, NULL, NULL, NULL },
		{ "/bridge/page/flags", flags, NULL, NULL, NULL },
		{ "/bridge/page/fresh", fresh, NULL, NULL, NULL },
		{ "/bridge/page/refused", refused, NULL, NULL, NULL },
		{ "/bridge/page/untouched", untouched, NULL, NULL, NULL },
		{ "/bridge/page/sizes", sizes, NULL, NULL, NULL },
		{ "/bridge/page/round_trip", round_trip, NULL, NULL, NULL },
		{ "/bridge/page/names", names, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
