/* SPDX-License-Identifier: BSD-2-Clause */
/* TLVs: the walk over hostile chains, the builder's limits, and the TLVs read and written here. */
#include "tests/unit/ptp/vectors.h"
#include "tests/unit/seed.h"

/* What a walk over the octets finds: how many TLVs, how many octets left, whether it went bad. */
static size_t walk(const uint8_t *octets, size_t len, size_t *left, bool *bad)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;
	size_t n = 0;

	gnomon_tlv_iter_init(&it, fenced(octets, len), len);
	while (gnomon_tlv_next(&it, &tlv)) {
		assert_true(tlv.value + tlv.length <= fence);
		n++;
	}
	*left = it.left;
	*bad = it.bad;
	/* Once at the end, always at the end. */
	assert_false(gnomon_tlv_next(&it, &tlv));
	assert_int_equal(it.bad, *bad);
	return n;
}

struct walk_row {
	uint8_t octets[16];
	size_t len, found, left;
	bool bad;
};

static const struct walk_row walk_rows[] = {
	{ { 0 }, 0, 0, 0, false },
	/* one to three octets are no TLV and no error */
	{ { 0xff }, 1, 0, 1, false },
	{ { 0xff, 0xff }, 2, 0, 2, false },
	{ { 0xff, 0xff, 0xff }, 3, 0, 3, false },
	/* zero length, alone and in a row */
	{ { 0x80, 0x08, 0, 0 }, 4, 1, 0, false },
	{ { 0x80, 0x08, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0 }, 12, 3, 0, false },
	/* ending exactly, and one, two, three octets before the end */
	{ { 0, 8, 0, 2, 1, 2 }, 6, 1, 0, false },
	{ { 0, 8, 0, 2, 1, 2, 9 }, 7, 1, 1, false },
	{ { 0, 8, 0, 2, 1, 2, 9, 9 }, 8, 1, 2, false },
	{ { 0, 8, 0, 2, 1, 2, 9, 9, 9 }, 9, 1, 3, false },
	/* running past the end: by one, by two, by everything, after a good one */
	{ { 0, 8, 0, 2, 1 }, 5, 0, 5, true },
	{ { 0, 8, 0, 4, 1, 2 }, 6, 0, 6, true },
	{ { 0, 8, 0xff, 0xfe, 1, 2 }, 6, 0, 6, true },
	{ { 0, 8, 0, 2, 1, 2, 0, 8, 0, 2 }, 10, 1, 4, true },
	/* odd, even where the octets exist */
	{ { 0, 8, 0, 1, 1, 2 }, 6, 0, 6, true },
	{ { 0, 8, 0, 3, 1, 2, 3, 4 }, 8, 0, 8, true },
	{ { 0, 8, 0xff, 0xff, 1, 2, 3, 4 }, 8, 0, 8, true },
};

static void walk_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(walk_rows); i++) {
		const struct walk_row *row = &walk_rows[i];
		size_t left;
		bool bad;

		assert_int_equal(walk(row->octets, row->len, &left, &bad), row->found);
		assert_int_equal(left, row->left);
		assert_int_equal(bad, row->bad);
	}
}

static void walk_yields_in_order(void **state)
{
	static const uint8_t octets[] = {
		0x12, 0x34, 0, 2, 7, 8, 0xff, 0xfe, 0, 0, 0, 3, 0, 4, 1, 2, 3, 4,
	};
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	(void)state;
	gnomon_tlv_iter_init(&it, octets, sizeof(octets));
	assert_true(gnomon_tlv_next(&it, &tlv));
	assert_int_equal(tlv.type, 0x1234);
	assert_int_equal(tlv.length, 2);
	assert_ptr_equal(tlv.value, octets + 4);
	assert_true(gnomon_tlv_next(&it, &tlv));
	assert_int_equal(tlv.type, 0xfffe);
	assert_int_equal(tlv.length, 0);
	assert_true(gnomon_tlv_next(&it, &tlv));
	assert_int_equal(tlv.type, GNOMON_TLV_ORGANIZATION_EXTENSION);
	assert_ptr_equal(tlv.value, octets + 14);
	assert_false(gnomon_tlv_next(&it, &tlv));
	assert_false(it.bad);
}

static void walk_nothing(void **state)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	(void)state;
	gnomon_tlv_iter_init(&it, NULL, 0);
	assert_false(gnomon_tlv_next(&it, &tlv));
	assert_false(it.bad);
	assert_false(gnomon_tlv_find(NULL, 0, GNOMON_TLV_PAD, &tlv));
}

static void walk_random(void **state)
{
	struct seed s = seed_start("tlv/walk_random");
	uint8_t octets[64];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t len = seed_below(&s, sizeof(octets) + 1), left;
		bool bad;

		seed_fill(&s, octets, len);
		for (size_t at = 2; at + 1 < len; at += 2 + seed_below(&s, 8)) {
			octets[at] = 0;
			octets[at + 1] &= 0x1e;
		}
		walk(octets, len, &left, &bad);
		assert_true(left <= len && (bad || left < 4));
	}
}

static void find(void **state)
{
	static const uint8_t octets[] = {
		0, 3, 0, 2, 1, 1, 0x80, 8, 0, 0, 0, 3, 0, 2, 2, 2, 0, 8, 0, 9,
	};
	struct gnomon_tlv tlv = { 1, 2, octets };

	(void)state;
	assert_true(gnomon_tlv_find(octets, sizeof(octets), GNOMON_TLV_PAD, &tlv));
	assert_ptr_equal(tlv.value, octets + 10);
	assert_true(gnomon_tlv_find(octets, sizeof(octets), 3, &tlv));
	assert_ptr_equal(tlv.value, octets + 4);
	/* PATH_TRACE is there, but not whole; what was found before stays. */
	assert_false(gnomon_tlv_find(octets, sizeof(octets), GNOMON_TLV_PATH_TRACE, &tlv));
	assert_ptr_equal(tlv.value, octets + 4);
}

static void propagates(void **state)
{
	(void)state;
	for (unsigned int type = 0; type <= 0xffff; type++) {
		bool expected = type == 8 || type == 9 || (type & 0xc000) == 0x4000;

		assert_int_equal(gnomon_tlv_propagates((uint16_t)type), expected);
	}
}

/* -- builder ---------------------------------------------------------------------------------- */

static void build_and_walk(void **state)
{
	static const uint8_t expected[] = {
		0x40, 0x01, 0, 4, 0, 0, 0, 0, 0x80, 0x08, 0, 0, 0, 8, 0, 2, 5, 6,
	};
	static const uint8_t value[] = { 5, 6 };
	struct gnomon_tlv copy = { GNOMON_TLV_PATH_TRACE, 2, value };
	struct gnomon_tlv_builder b;
	uint8_t buf[32];

	(void)state;
	memset(buf, 0xa5, sizeof(buf));
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	assert_int_equal(gnomon_tlv_builder_finish(&b), 0);
	assert_ptr_equal(gnomon_tlv_append(&b, GNOMON_TLV_ENHANCED_ACCURACY_METRICS, 4), buf + 4);
	gnomon_pad_append(&b, 0);
	gnomon_tlv_append_copy(&b, &copy);
	assert_int_equal(gnomon_tlv_builder_finish(&b), sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	assert_int_equal(buf[sizeof(expected)], 0xa5);
}

static void build_exact_fit(void **state)
{
	struct gnomon_tlv_builder b;

	(void)state;
	gnomon_tlv_builder_init(&b, fence - 8, 8);
	assert_non_null(gnomon_tlv_append(&b, 1, 4));
	assert_int_equal(gnomon_tlv_builder_finish(&b), 8);
	/* Full: not even an empty TLV fits, and from now on nothing does. */
	gnomon_pad_append(&b, 0);
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);
}

static void build_bad_is_sticky(void **state)
{
	static const uint8_t value[2];
	struct gnomon_tlv odd = { 3, 1, value };
	struct gnomon_tlv_builder b;
	uint8_t buf[32] = { 0 };

	(void)state;
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	assert_null(gnomon_tlv_append(&b, 1, 30));
	assert_null(gnomon_tlv_append(&b, 1, 0));
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);
	assert_int_equal(b.len, 0);

	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	assert_null(gnomon_tlv_append(&b, 1, 3));
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);

	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	gnomon_tlv_append_copy(&b, &odd);
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);

	gnomon_tlv_builder_init(&b, NULL, 0);
	gnomon_pad_append(&b, 0);
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);
}

static void build_pad(void **state)
{
	static const uint8_t expected[] = { 0x80, 0x08, 0, 6, 0, 0, 0, 0, 0, 0 };
	struct gnomon_tlv_builder b;
	uint8_t buf[10];

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	gnomon_pad_append(&b, 6);
	assert_int_equal(gnomon_tlv_builder_finish(&b), sizeof(buf));
	assert_memory_equal(buf, expected, sizeof(buf));
}

/* -- PATH_TRACE ------------------------------------------------------------------------------- */

static const struct gnomon_clock_identity one = { { 1, 1, 1, 0xff, 0xfe, 1, 1, 1 } };
static const struct gnomon_clock_identity two = { { 2, 2, 2, 0xff, 0xfe, 2, 2, 2 } };
static const struct gnomon_clock_identity three = { { 3, 3, 3, 0xff, 0xfe, 3, 3, 3 } };

static void path_trace_grows(void **state)
{
	struct gnomon_tlv_builder b;
	uint8_t first[12], second[20];
	struct gnomon_tlv tlv;

	(void)state;
	gnomon_tlv_builder_init(&b, first, sizeof(first));
	gnomon_path_trace_append(&b, NULL, &one);
	assert_int_equal(gnomon_tlv_builder_finish(&b), 12);
	assert_true(gnomon_tlv_find(first, 12, GNOMON_TLV_PATH_TRACE, &tlv));
	assert_int_equal(gnomon_path_trace_count(&tlv), 1);

	gnomon_tlv_builder_init(&b, second, sizeof(second));
	gnomon_path_trace_append(&b, &tlv, &two);
	assert_int_equal(gnomon_tlv_builder_finish(&b), 20);
	assert_true(gnomon_tlv_find(second, 20, GNOMON_TLV_PATH_TRACE, &tlv));
	assert_int_equal(gnomon_path_trace_count(&tlv), 2);
	assert_memory_equal(tlv.value, &one, 8);
	assert_memory_equal(tlv.value + 8, &two, 8);
	assert_true(gnomon_path_trace_contains(&tlv, &one));
	assert_true(gnomon_path_trace_contains(&tlv, &two));
	assert_false(gnomon_path_trace_contains(&tlv, &three));

	/* No room for one more: the builder says so. */
	gnomon_tlv_builder_init(&b, first, sizeof(first));
	gnomon_path_trace_append(&b, &tlv, &three);
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);
}

/* Any length, at the end of memory: fragments are neither counted nor compared nor carried. */
static void path_trace_fragments(void **state)
{
	uint8_t octets[26], out[64];

	(void)state;
	memcpy(octets, &one, 8);
	memcpy(octets + 8, &two, 8);
	memcpy(octets + 16, &three, 8);
	for (uint16_t length = 0; length <= 24; length += 2) {
		struct gnomon_tlv tlv = { GNOMON_TLV_PATH_TRACE, length, fenced(octets, length) };
		struct gnomon_tlv_builder b;

		assert_int_equal(gnomon_path_trace_count(&tlv), length / 8);
		assert_int_equal(gnomon_path_trace_contains(&tlv, &one), length >= 8);
		assert_int_equal(gnomon_path_trace_contains(&tlv, &two), length >= 16);
		assert_int_equal(gnomon_path_trace_contains(&tlv, &three), length >= 24);
		gnomon_tlv_builder_init(&b, out, sizeof(out));
		gnomon_path_trace_append(&b, &tlv, &three);
		assert_int_equal(gnomon_tlv_builder_finish(&b), 4 + length / 8 * 8 + 8);
	}
}

/* A full lengthField: one identity more cannot be expressed, however large the buffer. */
static void path_trace_longest(void **state)
{
	static uint8_t value[0xfff8], out[0x10010];
	struct gnomon_tlv tlv = { GNOMON_TLV_PATH_TRACE, 0xfff8, value };
	struct gnomon_tlv_builder b;

	(void)state;
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_path_trace_append(&b, &tlv, &one);
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);
	tlv.length = 0xfff0;
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_path_trace_append(&b, &tlv, &one);
	assert_int_equal(gnomon_tlv_builder_finish(&b), 0xfffc);
}

/* -- ALTERNATE_TIME_OFFSET_INDICATOR ---------------------------------------------------------- */

static const uint8_t alternate_octets[] = {
	0x00, 0x09, 0x00, 0x14, 0x07, 0xff, 0xff, 0xb9, 0xb0, 0x00, 0x00, 0x0e, 0x10,
	0x00, 0x01, 0x6b, 0x22, 0xd7, 0x00, 0x03, 'P', 'S', 'T', 0x00,
};

static void alternate_both_ways(void **state)
{
	struct gnomon_alternate_time_offset ato;
	struct gnomon_tlv_builder b;
	struct gnomon_tlv tlv;
	uint8_t out[sizeof(alternate_octets)];

	(void)state;
	assert_true(gnomon_tlv_find(alternate_octets, sizeof(alternate_octets), 9, &tlv));
	assert_int_equal(gnomon_alternate_time_offset_parse(&ato, &tlv), 0);
	assert_int_equal(ato.key, 7);
	assert_int_equal(ato.current_offset, -18000);
	assert_int_equal(ato.jump_seconds, 3600);
	assert_int_equal(ato.time_of_next_jump, 0x16b22d700);
	assert_int_equal(ato.name_len, 3);
	assert_string_equal(ato.name, "PST");

	memset(out, 0xff, sizeof(out));
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_alternate_time_offset_append(&b, &ato);
	assert_int_equal(gnomon_tlv_builder_finish(&b), sizeof(alternate_octets));
	assert_memory_equal(out, alternate_octets, sizeof(alternate_octets));
}

static void alternate_contradictions(void **state)
{
	struct gnomon_alternate_time_offset ato, before;
	uint8_t value[32] = { 0 };

	(void)state;
	memset(&ato, 0xa5, sizeof(ato));
	before = ato;
	for (uint16_t length = 0; length <= 32; length += 2) {
		for (unsigned int name = 0; name < 256; name++) {
			struct gnomon_tlv tlv = { 9, length, NULL };
			bool good = length >= 16 && 16 + name <= length;
			int expected = good && name <= GNOMON_DISPLAY_NAME_MAX ? (int)name
						      : good ? GNOMON_DISPLAY_NAME_MAX : 0xa5;

			value[15] = (uint8_t)name;
			memset(value + 16, 'x', 16);
			tlv.value = fenced(value, length);
			ato = before;
			assert_int_equal(gnomon_alternate_time_offset_parse(&ato, &tlv),
					 good ? 0 : -EBADMSG);
			assert_int_equal(ato.name_len, expected);
			assert_true(!good || ato.name[expected] == '\0');
		}
	}
}

/* A name is cut between characters: here one of three octets straddles the limit of ten. */
static void alternate_long_name(void **state)
{
	static const char name[] = "abcdefgh\xe2\x82\xac" "jk";
	struct gnomon_alternate_time_offset ato = { 0 };
	struct gnomon_tlv tlv = { 9, 30, NULL };
	struct gnomon_tlv_builder b;
	uint8_t value[30] = { 0 }, out[64];

	(void)state;
	value[15] = 13;
	memcpy(value + 16, name, 13);
	tlv.value = value;
	assert_int_equal(gnomon_alternate_time_offset_parse(&ato, &tlv), 0);
	assert_int_equal(ato.name_len, 8);
	assert_string_equal(ato.name, "abcdefgh");

	/* The builder keeps the limits too: name length and 48 bits. */
	memcpy(ato.name, name, GNOMON_DISPLAY_NAME_MAX);
	ato.name_len = 200;
	ato.time_of_next_jump = UINT64_MAX;
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_alternate_time_offset_append(&b, &ato);
	assert_in_range(gnomon_tlv_builder_finish(&b), 20 + 8, 20 + 10);
	assert_true(gnomon_tlv_find(out, b.len, 9, &tlv));
	assert_int_equal(gnomon_alternate_time_offset_parse(&ato, &tlv), 0);
	assert_int_equal(ato.time_of_next_jump, 0xffffffffffff);
}

/* All continuation octets: no character boundary to cut at, so nothing is left of it. */
static void alternate_hostile_name(void **state)
{
	struct gnomon_alternate_time_offset ato;
	struct gnomon_tlv tlv = { 9, 30, NULL };
	uint8_t value[30];

	(void)state;
	memset(value, 0x80, sizeof(value));
	value[15] = 14;
	tlv.value = value;
	assert_int_equal(gnomon_alternate_time_offset_parse(&ato, &tlv), 0);
	assert_int_equal(ato.name_len, 0);
	assert_string_equal(ato.name, "");
}

/* -- ORGANIZATION_EXTENSION ------------------------------------------------------------------- */

static void organization_both_ways(void **state)
{
	static const uint16_t forms[] = { 0x0003, 0x4000, 0x8000 };
	static const uint8_t data[] = { 9, 8, 7, 6 };

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct gnomon_organization_extension ext = { forms[i], { 0, 0x80, 0xc2 },
							     { 0, 0, 1 }, data, 4 };
		const uint8_t expected[] = { (uint8_t)(forms[i] >> 8), (uint8_t)forms[i], 0, 10,
					     0, 0x80, 0xc2, 0, 0, 1, 9, 8, 7, 6 };
		struct gnomon_organization_extension back;
		struct gnomon_tlv_builder b;
		struct gnomon_tlv tlv;
		uint8_t out[14];

		gnomon_tlv_builder_init(&b, out, sizeof(out));
		gnomon_organization_extension_append(&b, &ext);
		assert_int_equal(gnomon_tlv_builder_finish(&b), 14);
		assert_memory_equal(out, expected, 14);
		assert_true(gnomon_tlv_find(out, 14, forms[i], &tlv));
		assert_int_equal(gnomon_organization_extension_parse(&back, &tlv), 0);
		assert_int_equal(back.type, forms[i]);
		assert_memory_equal(back.organization_id, ext.organization_id, 3);
		assert_memory_equal(back.organization_sub_type, ext.organization_sub_type, 3);
		assert_int_equal(back.data_len, 4);
		assert_memory_equal(back.data, data, 4);
	}
}

static void organization_limits(void **state)
{
	static uint8_t out[0x10010], data[0xffff];
	struct gnomon_organization_extension ext = { 3, { 1, 2, 3 }, { 4, 5, 6 }, NULL, 0 };
	struct gnomon_tlv_builder b;
	struct gnomon_tlv tlv;

	(void)state;
	/* No data at all, then odd data padded by one zero. */
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_organization_extension_append(&b, &ext);
	assert_int_equal(gnomon_tlv_builder_finish(&b), 10);
	ext.data = data;
	ext.data_len = 3;
	memset(data, 0xee, sizeof(data));
	gnomon_organization_extension_append(&b, &ext);
	assert_int_equal(gnomon_tlv_builder_finish(&b), 10 + 14);
	assert_int_equal(out[13], 10);
	assert_int_equal(out[22], 0xee);
	assert_int_equal(out[23], 0);
	/* The longest lengthField is fffe. */
	ext.data_len = 0xfff8;
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_organization_extension_append(&b, &ext);
	assert_int_equal(gnomon_tlv_builder_finish(&b), 0x10002);
	ext.data_len = 0xfff9;
	gnomon_tlv_builder_init(&b, out, sizeof(out));
	gnomon_organization_extension_append(&b, &ext);
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);

	for (uint16_t length = 0; length < 6; length += 2) {
		tlv = (struct gnomon_tlv){ 3, length, fenced(data, length) };
		assert_int_equal(gnomon_organization_extension_parse(&ext, &tlv), -EBADMSG);
	}
	tlv = (struct gnomon_tlv){ 3, 6, fenced(data, 6) };
	assert_int_equal(gnomon_organization_extension_parse(&ext, &tlv), 0);
	assert_int_equal(ext.data_len, 0);
}

/* -- identities ------------------------------------------------------------------------------- */

static void identity_order(void **state)
{
	struct gnomon_clock_identity low = { { 0x7f, 0xff } }, high = { { 0x80, 0 } };
	struct gnomon_port_identity a = { { { 0 } }, 2 }, b = { { { 0 } }, 0xffff };

	(void)state;
	assert_true(gnomon_clock_identity_cmp(&low, &high) < 0);
	assert_true(gnomon_clock_identity_cmp(&high, &low) > 0);
	assert_int_equal(gnomon_clock_identity_cmp(&low, &low), 0);
	assert_true(gnomon_port_identity_cmp(&a, &b) < 0);
	assert_true(gnomon_port_identity_cmp(&b, &a) > 0);
	assert_int_equal(gnomon_port_identity_cmp(&a, &a), 0);
	/* The clockIdentity decides before the portNumber. */
	a.clock = high;
	b.clock = low;
	assert_true(gnomon_port_identity_cmp(&a, &b) > 0);
}

static void identity_format(void **state)
{
	static const struct {
		uint16_t port;
		const char *text;
	} rows[] = {
		{ 0, "0c42a1.fffe.6d7ca6-0" },       { 1, "0c42a1.fffe.6d7ca6-1" },
		{ 9, "0c42a1.fffe.6d7ca6-9" },       { 10, "0c42a1.fffe.6d7ca6-10" },
		{ 100, "0c42a1.fffe.6d7ca6-100" },   { 274, "0c42a1.fffe.6d7ca6-274" },
		{ 9999, "0c42a1.fffe.6d7ca6-9999" }, { 10000, "0c42a1.fffe.6d7ca6-10000" },
		{ 65535, "0c42a1.fffe.6d7ca6-65535" },
	};
	struct gnomon_port_identity id = { SOURCE, 0 };
	char clock[GNOMON_CLOCK_IDENTITY_STRLEN], port[GNOMON_PORT_IDENTITY_STRLEN];

	(void)state;
	assert_ptr_equal(gnomon_clock_identity_format(clock, &id.clock), clock);
	assert_string_equal(clock, "0c42a1.fffe.6d7ca6");
	assert_int_equal(strlen(clock) + 1, GNOMON_CLOCK_IDENTITY_STRLEN);
	for (size_t i = 0; i < COUNT(rows); i++) {
		id.port = rows[i].port;
		assert_string_equal(gnomon_port_identity_format(port, &id), rows[i].text);
	}
	assert_int_equal(strlen(port) + 1, GNOMON_PORT_IDENTITY_STRLEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ptp/tlv/walk/edges", walk_edges },
		{ "/ptp/tlv/walk/yields_in_order", walk_yields_in_order },
		{ "/ptp/tlv/walk/nothing", walk_nothing },
		{ "/ptp/tlv/walk/random", walk_random },
		{ "/ptp/tlv/find", find },
		{ "/ptp/tlv/propagates", propagates },
		{ "/ptp/tlv/build/and_walk", build_and_walk },
		{ "/ptp/tlv/build/exact_fit", build_exact_fit },
		{ "/ptp/tlv/build/bad_is_sticky", build_bad_is_sticky },
		{ "/ptp/tlv/build/pad", build_pad },
		{ "/ptp/tlv/path_trace/grows", path_trace_grows },
		{ "/ptp/tlv/path_trace/fragments", path_trace_fragments },
		{ "/ptp/tlv/path_trace/longest", path_trace_longest },
		{ "/ptp/tlv/alternate_time_offset/both_ways", alternate_both_ways },
		{ "/ptp/tlv/alternate_time_offset/contradictions", alternate_contradictions },
		{ "/ptp/tlv/alternate_time_offset/long_name", alternate_long_name },
		{ "/ptp/tlv/alternate_time_offset/hostile_name", alternate_hostile_name },
		{ "/ptp/tlv/organization_extension/both_ways", organization_both_ways },
		{ "/ptp/tlv/organization_extension/limits", organization_limits },
		{ "/ptp/identity/order", identity_order },
		{ "/ptp/identity/format", identity_format },
	};

	return cmocka_run_group_tests_name("/ptp/tlv", tests, fence_setup, NULL);
}
