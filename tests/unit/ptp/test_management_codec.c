/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of managementIds and the cursors over a dataField: lengths as the standard and
 * linuxptp give them, octet vectors both ways, every row with random values there and back, and
 * octets that are not what the row says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/management.h>

#include "tests/unit/seed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BUF 1400

/* -- the table -------------------------------------------------------------------------------- */

/* id, octets of the fixed part (texts, addresses and tables empty), access letters, scope. */
static const struct expected_row {
	uint16_t id;
	uint16_t len;
	const char *access;
	char scope;
} expected_rows[] = {
	{ 0x0000, 0, "GSC", 'p' },  { 0x0001, 22, "G", 'p' },   { 0x0002, 2, "GS", 'c' },
	{ 0x0003, 0, "C", 'c' },    { 0x0004, 0, "C", 'c' },    { 0x0005, 2, "C", 'c' },
	{ 0x0006, 2, "G", 'c' },    { 0x0007, 0, "C", 'c' },    { 0x2000, 20, "G", 'c' },
	{ 0x2001, 18, "G", 'c' },   { 0x2002, 32, "G", 'c' },   { 0x2003, 4, "G", 'c' },
	{ 0x2004, 26, "G", 'p' },   { 0x2005, 2, "GS", 'c' },   { 0x2006, 2, "GS", 'c' },
	{ 0x2007, 2, "GS", 'c' },   { 0x2008, 2, "GS", 'c' },   { 0x2009, 2, "GS", 'p' },
	{ 0x200a, 2, "GS", 'p' },   { 0x200b, 2, "GS", 'p' },   { 0x200c, 2, "GS", 'p' },
	{ 0x200d, 0, "C", 'p' },    { 0x200e, 0, "C", 'p' },    { 0x200f, 10, "GS", 'c' },
	{ 0x2010, 2, "GS", 'c' },   { 0x2011, 4, "GS", 'c' },   { 0x2012, 2, "GS", 'c' },
	{ 0x2013, 2, "GS", 'c' },   { 0x2014, 2, "GS", 'p' },   { 0x2015, 0, "G", 'c' },
	{ 0x2016, 2, "GS", 'c' },   { 0x2017, 2, "GS", 'c' },   { 0x2018, 4, "GS", 'p' },
	{ 0x2019, 2, "G", 'p' },    { 0x201a, 2, "GS", 'c' },   { 0x201b, 2, "GS", 'p' },
	{ 0x201c, 2, "G", 'c' },    { 0x201d, 4, "GS", 'p' },   { 0x201e, 2, "GS", 'c' },
	{ 0x201f, 2, "GS", 'c' },   { 0x2020, 2, "G", 'c' },    { 0x2021, 16, "GS", 'c' },
	{ 0x3000, 2, "GS", 'c' },   { 0x3001, 2, "GS", 'p' },   { 0x3002, 2, "GS", 'c' },
	{ 0x3003, 2, "GS", 'p' },   { 0x4000, 12, "G", 'c' },   { 0x4001, 20, "G", 'p' },
	{ 0x4002, 2, "GS", 'c' },   { 0x6000, 2, "GS", 'p' },   { 0x6001, 2, "GS", 'p' },
	{ 0xc000, 50, "G", 'c' },   { 0xc001, 8, "GS", 'c' },   { 0xc002, 8, "GS", 'p' },
	{ 0xc003, 66, "GS", 'c' },  { 0xc004, 14, "G", 'p' },   { 0xc005, 266, "G", 'p' },
	{ 0xc006, 2, "GS", 'c' },   { 0xc007, 90, "G", 'p' },   { 0xc008, 2, "G", 'p' },
	{ 0xc009, 16, "G", 'p' },   { 0xc00a, 16, "GS", 'p' },  { 0xc00b, 16, "G", 'p' },
	{ 0xc00c, 24, "GS", 'p' },  { 0xc00d, 10, "GS", 'c' },
};

static unsigned int access_bits(const char *letters)
{
	return (strchr(letters, 'G') ? GNOMON_MANAGEMENT_MAY_GET : 0) |
	       (strchr(letters, 'S') ? GNOMON_MANAGEMENT_MAY_SET : 0) |
	       (strchr(letters, 'C') ? GNOMON_MANAGEMENT_MAY_COMMAND : 0);
}

static void table_rows(void **state)
{
	const struct gnomon_management_row *rows;
	unsigned int n;

	(void)state;
	rows = gnomon_management_rows(&n);
	assert_int_equal(n, COUNT(expected_rows));
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(rows[i].id, expected_rows[i].id);
		assert_int_equal(gnomon_management_empty_length(&rows[i]), expected_rows[i].len);
		assert_int_equal(rows[i].access, access_bits(expected_rows[i].access));
		assert_int_equal(rows[i].port_scope, expected_rows[i].scope == 'p');
	}
}

static void table_find(void **state)
{
	unsigned int n, found = 0;

	(void)state;
	gnomon_management_rows(&n);
	for (uint32_t id = 0; id <= 0xffff; id++) {
		const struct gnomon_management_row *row = gnomon_management_find((uint16_t)id);

		if (row) {
			assert_int_equal(row->id, id);
			found++;
		}
	}
	assert_int_equal(found, n);
}

static void table_names(void **state)
{
	(void)state;
	assert_string_equal(gnomon_management_find(0x2000)->name, "DEFAULT_DATA_SET");
	assert_string_equal(gnomon_management_find(0xc00d)->name,
			    "EXTERNAL_GRANDMASTER_PROPERTIES_NP");
	assert_string_equal(gnomon_management_action_name(4), "ACKNOWLEDGE");
	assert_string_equal(gnomon_management_action_name(5), "unknown");
	assert_string_equal(gnomon_management_error_name(2), "NO_SUCH_ID");
	assert_string_equal(gnomon_management_error_name(0xfffe), "GENERAL_ERROR");
	assert_string_equal(gnomon_management_error_name(0), "UNKNOWN");
	assert_string_equal(gnomon_management_error_name(7), "UNKNOWN");
}

/* -- vectors ---------------------------------------------------------------------------------- */

static const struct gnomon_port_identity a_port = {
	{ { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6 } }, 1
};

static int write_default(uint8_t *buf, size_t cap)
{
	struct gnomon_management_writer w;

	gnomon_management_writer_init(&w, gnomon_management_find(0x2000), buf, cap);
	gnomon_management_put_number(&w, 1);
	gnomon_management_put_number(&w, 1);
	gnomon_management_put_number(&w, 0x102);
	gnomon_management_put_number(&w, 128);
	gnomon_management_put_number(&w, 248);
	gnomon_management_put_number(&w, 0xfe);
	gnomon_management_put_number(&w, 0xffff);
	gnomon_management_put_number(&w, 127);
	gnomon_management_put_clock_identity(&w, &a_port.clock);
	gnomon_management_put_number(&w, 24);
	return gnomon_management_writer_finish(&w);
}

static const uint8_t default_octets[] = { 0x03, 0x00, 0x01, 0x02, 0x80, 0xf8, 0xfe,
					  0xff, 0xff, 0x7f, 0x0c, 0x42, 0xa1, 0xff,
					  0xfe, 0x6d, 0x7c, 0xa6, 0x18, 0x00 };

static void vector_default_data_set(void **state)
{
	struct gnomon_management_reader r;
	struct gnomon_management_value v;
	uint8_t buf[BUF];

	(void)state;
	assert_int_equal(write_default(buf, sizeof(buf)), sizeof(default_octets));
	assert_memory_equal(buf, default_octets, sizeof(default_octets));
	for (size_t cap = 0; cap < sizeof(default_octets); cap++) {
		assert_int_equal(write_default(buf, cap), -ENOBUFS);
	}
	gnomon_management_reader_init(&r, gnomon_management_find(0x2000), default_octets,
				      sizeof(default_octets));
	assert_true(gnomon_management_next(&r, &v));
	assert_string_equal(v.field->label, "twoStepFlag");
	assert_int_equal(v.number, 1);
	assert_true(gnomon_management_next(&r, &v));
	assert_string_equal(v.field->label, "slaveOnly");
	assert_true(gnomon_management_next(&r, &v));
	assert_string_equal(v.field->label, "numberPorts");
	assert_int_equal(v.number, 0x102);
	while (gnomon_management_next(&r, &v)) {
	}
	assert_string_equal(v.field->label, "domainNumber");
	assert_int_equal(v.number, 24);
	assert_int_equal(gnomon_management_reader_finish(&r), 0);
}

static void vector_port_data_set(void **state)
{
	static const uint8_t octets[] = {
		0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6, 0x00, 0x01, 0x09, 0xfd, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x00, 0x01, 0x03, 0x00, 0x01, 0xff, 0x12,
	};
	struct gnomon_management_writer w;
	uint8_t buf[BUF];

	(void)state;
	gnomon_management_writer_init(&w, gnomon_management_find(0x2004), buf, sizeof(buf));
	gnomon_management_put_port_identity(&w, &a_port);
	gnomon_management_put_number(&w, 9);
	gnomon_management_put_number(&w, -3);
	gnomon_management_put_number(&w, -0x8000);
	gnomon_management_put_number(&w, 1);
	gnomon_management_put_number(&w, 3);
	gnomon_management_put_number(&w, 0);
	gnomon_management_put_number(&w, 1);
	gnomon_management_put_number(&w, -1);
	gnomon_management_put_number(&w, 2);
	gnomon_management_put_number(&w, 1);
	assert_int_equal(gnomon_management_writer_finish(&w), sizeof(octets));
	assert_memory_equal(buf, octets, sizeof(octets));
}

static void vector_clock_description(void **state)
{
	static const uint8_t octets[] = {
		0x80, 0x00, 8,    'I',  'E',  'E',  'E',  ' ',  '8',  '0',  '2',  0x00, 0x06,
		0x00, 0x1b, 0x21, 0x01, 0x02, 0x03, 0x00, 0x01, 0x00, 0x04, 10,   0,    0,
		1,    0xaa, 0xbb, 0xcc, 0x00, 2,    ';',  ';',  1,    'r',  0,    0,    0x1b,
		0x19, 0x00, 0x01, 0x00, 0x00,
	};
	static const uint8_t mac[] = { 0x00, 0x1b, 0x21, 0x01, 0x02, 0x03 };
	static const uint8_t profile[] = { 0x00, 0x1b, 0x19, 0x00, 0x01, 0x00 };
	static const uint8_t oui[] = { 0xaa, 0xbb, 0xcc };
	struct gnomon_address ip = { .network_protocol = 1, .length = 4,
				     .octets = { 10, 0, 0, 1 } };
	struct gnomon_management_writer w;
	uint8_t buf[BUF];

	(void)state;
	gnomon_management_writer_init(&w, gnomon_management_find(0x0001), buf, sizeof(buf));
	gnomon_management_put_number(&w, 0x8000);
	gnomon_management_put_octets(&w, "IEEE 802", 8);
	gnomon_management_put_octets(&w, mac, sizeof(mac));
	gnomon_management_put_address(&w, &ip);
	gnomon_management_put_octets(&w, oui, sizeof(oui));
	gnomon_management_put_octets(&w, ";;", 2);
	gnomon_management_put_octets(&w, "r", 1);
	gnomon_management_put_octets(&w, "", 0);
	gnomon_management_put_octets(&w, profile, sizeof(profile));
	assert_int_equal(gnomon_management_writer_finish(&w), sizeof(octets));
	assert_memory_equal(buf, octets, sizeof(octets));
}

static void vector_little_endian_counters(void **state)
{
	struct gnomon_management_writer w;
	uint8_t buf[BUF];

	(void)state;
	gnomon_management_writer_init(&w, gnomon_management_find(0xc005), buf, sizeof(buf));
	gnomon_management_put_port_identity(&w, &a_port);
	for (int i = 0; i < 20; i++) {
		gnomon_management_put_number(&w, 0x0102 + i);
	}
	assert_int_equal(gnomon_management_writer_finish(&w), 266);
	assert_memory_equal(buf + 10, "\2\1\0\0\0\0\0\0\3\1\0\0\0\0\0\0", 16);
	/* Follow_Up is messageType 8. */
	assert_memory_equal(buf + 10 + 8 * 8, "\6\1\0\0\0\0\0\0", 8);
	/* tx_Management is messageType 13 of the second sixteen. */
	assert_memory_equal(buf + 10 + 8 * (16 + 13), "\25\1\0\0\0\0\0\0", 8);
}

static void write_fault(struct gnomon_management_writer *w, unsigned int seconds, const char *name)
{
	struct gnomon_timestamp t = { .seconds = seconds, .nanoseconds = 5 };

	gnomon_management_put_timestamp(w, t);
	gnomon_management_put_number(w, 3);
	gnomon_management_put_octets(w, name, strlen(name));
	gnomon_management_put_octets(w, "", 0);
	gnomon_management_put_octets(w, "x", 1);
}

static const uint8_t fault_octets[] = {
	0, 2, 0, 18, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 3, 3, 'a', 'b', 'c', 0, 1, 'x',
	0, 16, 0, 0, 0, 0, 0, 2, 0, 0, 0, 5, 3, 1, 'd', 0, 1, 'x',
};

static void vector_fault_log(void **state)
{
	struct gnomon_management_writer w;
	struct gnomon_management_reader r;
	struct gnomon_management_value v;
	uint8_t buf[BUF];

	(void)state;
	gnomon_management_writer_init(&w, gnomon_management_find(0x0006), buf, sizeof(buf));
	assert_string_equal(gnomon_management_expected(&w)->label, "faultTime");
	write_fault(&w, 1, "abc");
	assert_string_equal(gnomon_management_expected(&w)->label, "faultTime");
	write_fault(&w, 2, "d");
	assert_int_equal(gnomon_management_writer_finish(&w), sizeof(fault_octets));
	assert_memory_equal(buf, fault_octets, sizeof(fault_octets));

	gnomon_management_reader_init(&r, gnomon_management_find(0x0006), fault_octets,
				      sizeof(fault_octets));
	while (gnomon_management_next(&r, &v)) {
	}
	assert_int_equal(gnomon_management_reader_finish(&r), 0);
	assert_int_equal(v.group, 1);
	assert_string_equal(v.field->label, "faultDescription");
}

/* A record that says it is longer than the fields known is passed over to its end. */
static void fault_record_lengths(void **state)
{
	uint8_t octets[sizeof(fault_octets) + 2];
	struct gnomon_management_reader r;
	struct gnomon_management_value v;

	(void)state;
	memcpy(octets, fault_octets, 22);
	memcpy(octets + 24, fault_octets + 22, 18);
	octets[22] = octets[23] = 0xee;
	octets[3] = 20;
	gnomon_management_reader_init(&r, gnomon_management_find(6), octets, sizeof(octets));
	while (gnomon_management_next(&r, &v)) {
	}
	assert_int_equal(gnomon_management_reader_finish(&r), 0);
	assert_int_equal(v.group, 1);
	for (int wrong = 0; wrong < 256; wrong++) {
		if (wrong == 20) {
			continue;
		}
		octets[3] = (uint8_t)wrong;
		gnomon_management_reader_init(&r, gnomon_management_find(6), octets,
					      sizeof(octets));
		while (gnomon_management_next(&r, &v)) {
		}
		assert_int_equal(gnomon_management_reader_finish(&r), -EBADMSG);
	}
}

static void empty_tables(void **state)
{
	static const uint16_t ids[] = { 0x0006, 0x2015, 0x2017, 0x2018, 0x201a, 0xc008 };
	struct gnomon_management_writer w;
	uint8_t buf[BUF];

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		const struct gnomon_management_row *row = gnomon_management_find(ids[i]);

		gnomon_management_writer_init(&w, row, buf, sizeof(buf));
		for (unsigned int f = 0; f < row->repeat_from; f++) {
			if (!(row->fields[f].flags & GNOMON_FIELD_COUNT)) {
				gnomon_management_put_number(&w, 0);
			}
		}
		assert_int_equal(gnomon_management_writer_finish(&w),
				 gnomon_management_empty_length(row));
	}
}

/* -- wrong use -------------------------------------------------------------------------------- */

static void writer_refuses(void **state)
{
	struct gnomon_management_writer w;
	uint8_t buf[BUF];

	(void)state;
	/* a value missing */
	gnomon_management_writer_init(&w, gnomon_management_find(0x2001), buf, sizeof(buf));
	gnomon_management_put_number(&w, 1);
	gnomon_management_put_number(&w, 1);
	assert_int_equal(gnomon_management_writer_finish(&w), -EINVAL);
	/* one too many */
	gnomon_management_writer_init(&w, gnomon_management_find(0x2005), buf, sizeof(buf));
	gnomon_management_put_number(&w, 1);
	assert_null(gnomon_management_expected(&w));
	gnomon_management_put_number(&w, 1);
	assert_int_equal(gnomon_management_writer_finish(&w), -EINVAL);
	/* of the wrong kind */
	gnomon_management_writer_init(&w, gnomon_management_find(0x2005), buf, sizeof(buf));
	gnomon_management_put_clock_identity(&w, &a_port.clock);
	assert_int_equal(gnomon_management_writer_finish(&w), -EINVAL);
	/* too great */
	for (int i = 0; i < 4; i++) {
		static const int64_t wrong[] = { 256, -1, INT64_MAX, INT64_MIN };

		gnomon_management_writer_init(&w, gnomon_management_find(0x2005), buf,
					      sizeof(buf));
		gnomon_management_put_number(&w, wrong[i]);
		assert_int_equal(gnomon_management_writer_finish(&w), -EINVAL);
	}
	/* a group left in the middle */
	gnomon_management_writer_init(&w, gnomon_management_find(0x201a), buf, sizeof(buf));
	gnomon_management_put_port_identity(&w, &a_port);
	assert_int_equal(gnomon_management_writer_finish(&w), -EINVAL);
}

static void reader_refuses(void **state)
{
	struct gnomon_management_reader r;
	struct gnomon_management_value v;

	(void)state;
	for (size_t len = 0; len <= sizeof(default_octets); len++) {
		uint8_t *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact, default_octets, len);
		gnomon_management_reader_init(&r, gnomon_management_find(0x2000), exact, len);
		while (gnomon_management_next(&r, &v)) {
		}
		assert_int_equal(gnomon_management_reader_finish(&r),
				 len == sizeof(default_octets) ? 0 : -EBADMSG);
		free(exact);
	}
	/* octets left over */
	gnomon_management_reader_init(&r, gnomon_management_find(0x2005), default_octets, 4);
	while (gnomon_management_next(&r, &v)) {
	}
	assert_int_equal(gnomon_management_reader_finish(&r), -EBADMSG);
	/* not read to the end */
	gnomon_management_reader_init(&r, gnomon_management_find(0x2005), default_octets, 2);
	assert_int_equal(gnomon_management_reader_finish(&r), -EBADMSG);
	/* a table that claims more entries than there are */
	gnomon_management_reader_init(&r, gnomon_management_find(0xc008),
				      (const uint8_t *)"\377\377", 2);
	assert_false(gnomon_management_next(&r, &v) && gnomon_management_next(&r, &v));
	assert_int_equal(gnomon_management_reader_finish(&r), -EBADMSG);
}

static bool set_value_ok(uint16_t id, const void *data, size_t len)
{
	struct gnomon_management_reader r;
	struct gnomon_management_value v;
	bool ok = true;

	gnomon_management_reader_init(&r, gnomon_management_find(id), data, len);
	while (gnomon_management_next(&r, &v)) {
		ok = ok && gnomon_management_value_valid(&v);
	}
	assert_int_equal(gnomon_management_reader_finish(&r), 0);
	return ok;
}

static void values_of_sets(void **state)
{
	(void)state;
	assert_true(set_value_ok(0x200a, "\2\0", 2));
	assert_false(set_value_ok(0x200a, "\1\0", 2));
	assert_true(set_value_ok(0x2009, "\366\0", 2));
	assert_true(set_value_ok(0x2009, "\200\0", 2));
	assert_true(set_value_ok(0x2009, "\177\0", 2));
	assert_true(set_value_ok(0x201f, "\0\12abcdefghij", 12));
	assert_false(set_value_ok(0x201f, "\0\13abcdefghijk", 14));
	/* characters, not octets */
	assert_true(set_value_ok(0x201f, "\0\14\303\244bcdefghi\303\244", 14));
	assert_true(set_value_ok(0x200f, "\0\0\0\0\0\0\x3b\x9a\xc9\xff", 10));
	assert_false(set_value_ok(0x200f, "\0\0\0\0\0\0\x3b\x9a\xca\0", 10));
}

/* -- every row there and back ----------------------------------------------------------------- */

static int64_t draw_integer(struct seed *seed, unsigned int bits, bool has_sign)
{
	uint64_t v = seed_next(seed) >> (64 - bits);

	return has_sign ? (int64_t)(v << (64 - bits)) >> (64 - bits) : (int64_t)v;
}

static void draw_value(struct seed *seed, struct gnomon_management_value *v, uint8_t *octets)
{
	static const struct {
		uint8_t bits;
		bool has_sign;
	} integers[] = {
		[GNOMON_FIELD_U8] = { 8, false },   [GNOMON_FIELD_I8] = { 8, true },
		[GNOMON_FIELD_U16] = { 16, false }, [GNOMON_FIELD_I16] = { 16, true },
		[GNOMON_FIELD_U32] = { 32, false }, [GNOMON_FIELD_I32] = { 32, true },
		[GNOMON_FIELD_U48] = { 48, false }, [GNOMON_FIELD_I64] = { 64, true },
		[GNOMON_FIELD_LE64] = { 64, true }, [GNOMON_FIELD_INTERVAL] = { 64, true },
		[GNOMON_FIELD_PORT_ADDRESS] = { 16, false }, [GNOMON_FIELD_OCTETS] = { 0, false },
	};
	const struct gnomon_management_field *f = v->field;

	for (int i = 0; i < 64; i++) {
		octets[i] = (uint8_t)seed_next(seed);
	}
	v->octets = octets;
	v->len = f->type == GNOMON_FIELD_SCALED_NS ? 12
		 : f->type == GNOMON_FIELD_OCTETS  ? f->size
						   : (uint16_t)(seed_next(seed) % 20);
	if (f->type == GNOMON_FIELD_BITS) {
		v->number = draw_integer(seed, f->width, false);
	} else if (integers[f->type].bits) {
		v->number = draw_integer(seed, integers[f->type].bits, integers[f->type].has_sign);
	}
	v->timestamp.seconds = seed_next(seed) >> 16;
	v->timestamp.nanoseconds = (uint32_t)(seed_next(seed) % 1000000000);
	memcpy(&v->identity.clock, octets, 8);
	v->identity.port = (uint16_t)seed_next(seed);
}

static void assert_same_value(const struct gnomon_management_value *a,
			      const struct gnomon_management_value *b)
{
	unsigned int type = a->field->type;

	assert_ptr_equal(a->field, b->field);
	if (type == GNOMON_FIELD_TEXT || type == GNOMON_FIELD_OCTETS ||
	    type == GNOMON_FIELD_SCALED_NS || type == GNOMON_FIELD_PORT_ADDRESS ||
	    type == GNOMON_FIELD_PHYSICAL_ADDRESS) {
		assert_int_equal(a->len, b->len);
		assert_memory_equal(a->octets, b->octets, a->len);
	}
	if (type == GNOMON_FIELD_TIMESTAMP) {
		assert_int_equal(a->timestamp.seconds, b->timestamp.seconds);
		assert_int_equal(a->timestamp.nanoseconds, b->timestamp.nanoseconds);
	} else if (type == GNOMON_FIELD_CLOCK_IDENTITY || type == GNOMON_FIELD_PORT_IDENTITY) {
		assert_memory_equal(&a->identity.clock, &b->identity.clock, 8);
		assert_true(type == GNOMON_FIELD_CLOCK_IDENTITY ||
			    a->identity.port == b->identity.port);
	} else {
		assert_true(a->number == b->number ||
			    (type == GNOMON_FIELD_TEXT || type == GNOMON_FIELD_OCTETS ||
			     type == GNOMON_FIELD_SCALED_NS ||
			     type == GNOMON_FIELD_PHYSICAL_ADDRESS));
	}
}

#define VALUES 64

static void row_there_and_back(const struct gnomon_management_row *row, struct seed *seed)
{
	static struct gnomon_management_value put[VALUES];
	static uint8_t octets[VALUES][64];
	unsigned int groups = row->repeats ? (unsigned int)(seed_next(seed) % 5) : 0;
	unsigned int n = 0, got = 0;
	struct gnomon_management_writer w;
	struct gnomon_management_reader r;
	struct gnomon_management_value v;
	uint8_t buf[BUF];
	int len;

	gnomon_management_writer_init(&w, row, buf, sizeof(buf));
	for (;;) {
		const struct gnomon_management_field *f = gnomon_management_expected(&w);
		bool group_starts = row->repeats && w.field == row->field_count;

		if (!f || (row->repeats && !groups && f >= row->fields + row->repeat_from) ||
		    (group_starts && w.group + 1 == groups)) {
			break;
		}
		memset(&put[n], 0, sizeof(put[n]));
		put[n].field = f;
		draw_value(seed, &put[n], octets[n]);
		gnomon_management_put(&w, &put[n++]);
		assert_true(n < VALUES);
	}
	len = gnomon_management_writer_finish(&w);
	assert_true(len >= 0 && len % 2 == 0);
	gnomon_management_reader_init(&r, row, buf, (size_t)len);
	while (gnomon_management_next(&r, &v)) {
		if (v.field->flags & GNOMON_FIELD_COUNT) {
			assert_int_equal(v.number, groups);
		} else if (!(v.field->flags & GNOMON_FIELD_RECORD_LENGTH)) {
			assert_true(got < n);
			assert_same_value(&put[got++], &v);
		}
	}
	assert_int_equal(gnomon_management_reader_finish(&r), 0);
	assert_int_equal(got, n);
}

static void rows_there_and_back(void **state)
{
	struct seed seed = seed_start("rows_there_and_back");
	const struct gnomon_management_row *rows;
	unsigned int n;

	(void)state;
	rows = gnomon_management_rows(&n);
	for (unsigned int i = 0; i < n; i++) {
		for (int k = 0; k < 200; k++) {
			row_there_and_back(&rows[i], &seed);
		}
	}
}

/* -- TLVs ------------------------------------------------------------------------------------- */

static void tlvs_both_ways(void **state)
{
	static const uint8_t expected[] = { 0, 1, 0, 4, 0x20, 0x05, 0x80, 0x00,
					    0, 2, 0, 8, 0, 6, 0xc0, 0x0b, 0, 0, 0, 0 };
	struct gnomon_management_tlv m = { 0 };
	struct gnomon_tlv_builder b;
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;
	uint8_t buf[64], *data;

	(void)state;
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	data = gnomon_management_tlv_append(&b, GNOMON_MID_PRIORITY1, 2);
	assert_non_null(data);
	data[0] = 0x80;
	gnomon_management_error_append(&b, GNOMON_MID_CMLDS_INFO_NP,
				       GNOMON_MANAGEMENT_NOT_SUPPORTED);
	assert_int_equal(gnomon_tlv_builder_finish(&b), sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	gnomon_tlv_iter_init(&it, buf, sizeof(expected));
	assert_true(gnomon_tlv_next(&it, &tlv));
	assert_int_equal(gnomon_management_tlv_parse(&m, &tlv), 0);
	assert_int_equal(m.type, 1);
	assert_int_equal(m.id, 0x2005);
	assert_int_equal(m.len, 2);
	assert_int_equal(m.data[0], 0x80);
	assert_true(gnomon_tlv_next(&it, &tlv));
	assert_int_equal(gnomon_management_tlv_parse(&m, &tlv), 0);
	assert_int_equal(m.error, 6);
	assert_int_equal(m.id, 0xc00b);
	assert_int_equal(m.len, 0);
}

static int parse(uint16_t type, const char *value, uint16_t len, struct gnomon_management_tlv *m)
{
	struct gnomon_tlv tlv = { type, len, (const uint8_t *)value };

	return gnomon_management_tlv_parse(m, &tlv);
}

static void tlvs_refused(void **state)
{
	struct gnomon_management_tlv m = { 0 };
	struct gnomon_tlv_builder b;
	uint8_t buf[8];

	(void)state;
	assert_int_equal(parse(1, "", 0, &m), -EBADMSG);
	assert_int_equal(parse(3, "\0\0", 2, &m), -EBADMSG);
	assert_int_equal(parse(2, "\0\1\40\0\0\0", 6, &m), -EBADMSG);
	assert_int_equal(parse(2, "\0\1\40\0\0\0\0\0\4abc", 12, &m), -EBADMSG);
	assert_int_equal(parse(2, "\0\1\40\0\0\0\0\0\3abc", 12, &m), 0);
	assert_int_equal(m.len, 3);
	assert_memory_equal(m.data, "abc", 3);
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	assert_null(gnomon_management_tlv_append(&b, 0, 4));
	assert_int_equal(gnomon_tlv_builder_finish(&b), -ENOBUFS);
}

int main(void)
{
#define TEST(path, f) { "/ptp/management_codec/" path, f, NULL, NULL, NULL }
	const struct CMUnitTest tests[] = {
		TEST("table/rows", table_rows),
		TEST("table/find", table_find),
		TEST("table/names", table_names),
		TEST("vector/default_data_set", vector_default_data_set),
		TEST("vector/port_data_set", vector_port_data_set),
		TEST("vector/clock_description", vector_clock_description),
		TEST("vector/little_endian_counters", vector_little_endian_counters),
		TEST("vector/fault_log", vector_fault_log),
		TEST("fault_record_lengths", fault_record_lengths),
		TEST("empty_tables", empty_tables),
		TEST("writer_refuses", writer_refuses),
		TEST("reader_refuses", reader_refuses),
		TEST("values_of_sets", values_of_sets),
		TEST("rows_there_and_back", rows_there_and_back),
		TEST("tlvs/both_ways", tlvs_both_ways),
		TEST("tlvs/refused", tlvs_refused),
	};

	return cmocka_run_group_tests_name("ptp/management_codec", tests, NULL, NULL);
}
