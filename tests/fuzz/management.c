/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dataField cursors: whatever octets are read by a row's fields, putting the values read gives
 * octets that read the same again. The first octet picks the row, the rest is the dataField.
 */
#include <stdlib.h>
#include <string.h>

#include <gnomon/management.h>

#include "fuzz.h"

#define VALUES 512
#define OCTETS 1500

struct reading {
	struct gnomon_management_value values[VALUES];
	unsigned int count;
	bool good;
};

static bool is_automatic(const struct gnomon_management_field *f)
{
	return f->flags & (GNOMON_FIELD_COUNT | GNOMON_FIELD_RECORD_LENGTH);
}

/* Every value but the automatic ones; each lies within the octets. */
static void read_all(struct reading *all, const struct gnomon_management_row *row,
		     const uint8_t *data, size_t len)
{
	struct gnomon_management_reader r;
	struct gnomon_management_value v;

	all->count = 0;
	gnomon_management_reader_init(&r, row, data, len);
	while (gnomon_management_next(&r, &v)) {
		FUZZ_CHECK(v.field >= row->fields && v.field < row->fields + row->field_count);
		FUZZ_CHECK(!v.len || (v.octets >= data && v.octets + v.len <= data + len));
		(void)gnomon_management_value_valid(&v);
		if (!is_automatic(v.field) && all->count < VALUES) {
			all->values[all->count++] = v;
		}
	}
	all->good = gnomon_management_reader_finish(&r) == 0 && all->count < VALUES;
}

static void check_same(const struct gnomon_management_value *a,
		       const struct gnomon_management_value *b)
{
	FUZZ_CHECK(a->field == b->field && a->group == b->group && a->number == b->number);
	FUZZ_CHECK(a->len == b->len && (!a->len || memcmp(a->octets, b->octets, a->len) == 0));
	FUZZ_CHECK(memcmp(&a->identity, &b->identity, sizeof(a->identity)) == 0);
	FUZZ_CHECK(a->timestamp.seconds == b->timestamp.seconds &&
		   a->timestamp.nanoseconds == b->timestamp.nanoseconds);
}

static bool has_wire_form(const struct reading *all)
{
	for (unsigned int i = 0; i < all->count; i++) {
		if (all->values[i].timestamp.nanoseconds >= 1000000000) {
			return false;
		}
	}
	return true;
}

/* What was read, built again: as long as the octets or shorter, and the same to a reader. */
static void there_and_back(const struct gnomon_management_row *row, const struct reading *all,
			   size_t len)
{
	static struct reading again;
	struct gnomon_management_writer w;
	uint8_t buf[OCTETS];
	int built;

	gnomon_management_writer_init(&w, row, buf, sizeof(buf));
	for (unsigned int i = 0; i < all->count; i++) {
		FUZZ_CHECK(w.bad || gnomon_management_expected(&w) == all->values[i].field);
		gnomon_management_put(&w, &all->values[i]);
	}
	built = gnomon_management_writer_finish(&w);
	FUZZ_CHECK((built >= 0) == has_wire_form(all));
	if (built < 0) {
		return;
	}
	FUZZ_CHECK((size_t)built <= len + len % 2 && built % 2 == 0);
	read_all(&again, row, buf, (size_t)built);
	FUZZ_CHECK(again.good && again.count == all->count);
	for (unsigned int i = 0; i < all->count; i++) {
		check_same(&all->values[i], &again.values[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading all;
	const struct gnomon_management_row *rows;
	unsigned int count;
	uint8_t *copy;

	if (size < 1 || size > OCTETS) {
		return 0;
	}
	rows = gnomon_management_rows(&count);
	rows += data[0] % count;
	copy = malloc(size - 1 ? size - 1 : 1);
	FUZZ_CHECK(copy);
	memcpy(copy, data + 1, size - 1);
	read_all(&all, rows, copy, size - 1);
	if (all.good) {
		there_and_back(rows, &all, size - 1);
	}
	free(copy);
	return 0;
}
