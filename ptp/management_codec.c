/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dataField of a MANAGEMENT TLV, read and built field by field as its row says, and the TLVs
 * around it (15.5.4, table 58; 15.5.5, table 108).
 */
#include <errno.h>
#include <string.h>

#include <gnomon/management.h>

#include "wire.h"

#define NSEC 1000000000u
#define SECONDS_MAX 0xffffffffffffu
#define SCALED_NS_LEN 12u
#define ERROR_STATUS_LEN 8u

/* Octets of a field whose texts and addresses are empty. */
static size_t field_empty_length(const struct gnomon_management_field *f)
{
	static const uint8_t length[] = {
		[GNOMON_FIELD_U8] = 1,
		[GNOMON_FIELD_I8] = 1,
		[GNOMON_FIELD_U16] = 2,
		[GNOMON_FIELD_I16] = 2,
		[GNOMON_FIELD_U32] = 4,
		[GNOMON_FIELD_I32] = 4,
		[GNOMON_FIELD_U48] = 6,
		[GNOMON_FIELD_I64] = 8,
		[GNOMON_FIELD_LE64] = 8,
		[GNOMON_FIELD_INTERVAL] = 8,
		[GNOMON_FIELD_TIMESTAMP] = 10,
		[GNOMON_FIELD_SCALED_NS] = SCALED_NS_LEN,
		[GNOMON_FIELD_CLOCK_IDENTITY] = 8,
		[GNOMON_FIELD_PORT_IDENTITY] = 10,
		[GNOMON_FIELD_PORT_ADDRESS] = 4,
		[GNOMON_FIELD_PHYSICAL_ADDRESS] = 2,
		[GNOMON_FIELD_TEXT] = 1,
		[GNOMON_FIELD_OCTETS] = 0,
	};

	if (f->type == GNOMON_FIELD_RESERVED || f->type == GNOMON_FIELD_OCTETS) {
		return f->size;
	}
	return length[f->type];
}

size_t gnomon_management_empty_length(const struct gnomon_management_row *row)
{
	unsigned int end = row->repeats ? row->repeat_from : row->field_count;
	size_t len = 0;

	for (unsigned int i = 0; i < end; i++) {
		len += field_empty_length(&row->fields[i]);
	}
	return len + len % 2;
}

/* -- values ----------------------------------------------------------------------------------- */

/* Characters of UTF-8 text: octets that do not continue one. */
static unsigned int characters(const uint8_t *text, size_t len)
{
	unsigned int n = 0;

	for (size_t i = 0; i < len; i++) {
		n += (text[i] & 0xc0) != 0x80;
	}
	return n;
}

bool gnomon_management_value_valid(const struct gnomon_management_value *v)
{
	const struct gnomon_management_field *f = v->field;

	if (f->ranged && (v->number < f->min || v->number > f->max)) {
		return false;
	}
	if (f->type == GNOMON_FIELD_TEXT && f->size && characters(v->octets, v->len) > f->size) {
		return false;
	}
	return f->type != GNOMON_FIELD_TIMESTAMP || v->timestamp.nanoseconds < NSEC;
}

/* -- reading ---------------------------------------------------------------------------------- */

void gnomon_management_reader_init(struct gnomon_management_reader *r,
				   const struct gnomon_management_row *row, const uint8_t *data,
				   size_t len)
{
	memset(r, 0, sizeof(*r));
	r->row = row;
	r->next = data;
	r->left = len;
	r->groups = UINT32_MAX;
}

static uint64_t get_le64(struct wire_reader *w)
{
	const uint8_t *p = wire_take(w, 8);
	uint64_t v = 0;

	for (int i = 7; p && i >= 0; i--) {
		v = v << 8 | p[i];
	}
	return v;
}

static void get_octets(struct wire_reader *w, struct gnomon_management_value *v, uint16_t len)
{
	v->octets = wire_take(w, len);
	v->len = w->bad ? 0 : len;
}

static int64_t get_bits(struct wire_reader *w, const struct gnomon_management_field *f)
{
	if (!w->left) {
		w->bad = true;
		return 0;
	}
	return w->p[0] >> f->bit & ((1 << f->width) - 1);
}

static void get_value(struct wire_reader *w, struct gnomon_management_value *v)
{
	const struct gnomon_management_field *f = v->field;

	switch ((enum gnomon_field_type)f->type) {
	case GNOMON_FIELD_U8:
		v->number = wire_get_u8(w);
		break;
	case GNOMON_FIELD_I8:
		v->number = (int8_t)wire_get_u8(w);
		break;
	case GNOMON_FIELD_U16:
		v->number = wire_get_u16(w);
		break;
	case GNOMON_FIELD_I16:
		v->number = (int16_t)wire_get_u16(w);
		break;
	case GNOMON_FIELD_U32:
		v->number = wire_get_u32(w);
		break;
	case GNOMON_FIELD_I32:
		v->number = (int32_t)wire_get_u32(w);
		break;
	case GNOMON_FIELD_U48:
		v->number = (int64_t)wire_get_u48(w);
		break;
	case GNOMON_FIELD_I64:
	case GNOMON_FIELD_INTERVAL:
		v->number = (int64_t)wire_get_u64(w);
		break;
	case GNOMON_FIELD_LE64:
		v->number = (int64_t)get_le64(w);
		break;
	case GNOMON_FIELD_BITS:
		v->number = get_bits(w, f);
		break;
	case GNOMON_FIELD_TIMESTAMP:
		wire_get_timestamp(w, &v->timestamp);
		break;
	case GNOMON_FIELD_SCALED_NS:
		get_octets(w, v, SCALED_NS_LEN);
		break;
	case GNOMON_FIELD_CLOCK_IDENTITY:
		wire_get_clock_identity(w, &v->identity.clock);
		break;
	case GNOMON_FIELD_PORT_IDENTITY:
		wire_get_port_identity(w, &v->identity);
		break;
	case GNOMON_FIELD_PORT_ADDRESS:
		v->number = wire_get_u16(w);
		get_octets(w, v, wire_get_u16(w));
		break;
	case GNOMON_FIELD_PHYSICAL_ADDRESS:
		get_octets(w, v, wire_get_u16(w));
		break;
	case GNOMON_FIELD_TEXT:
		get_octets(w, v, wire_get_u8(w));
		break;
	case GNOMON_FIELD_RESERVED:
	case GNOMON_FIELD_OCTETS:
		get_octets(w, v, f->size);
		break;
	}
}

/* At the start of a repetition: whether there is another one. */
static bool group_follows(const struct gnomon_management_reader *r)
{
	return r->groups == UINT32_MAX ? r->left > 0 : r->group < r->groups;
}

static bool reader_at_end(const struct gnomon_management_reader *r)
{
	const struct gnomon_management_row *row = r->row;

	if (row->repeats && r->field == row->repeat_from) {
		return !group_follows(r);
	}
	return r->field == row->field_count;
}

/* A repetition is over: pass over what its RECORD_LENGTH covers beyond the fields known. */
static void reader_end_group(struct gnomon_management_reader *r)
{
	if (r->record_left > r->left + 1) {
		r->bad = true;
		return;
	}
	if (r->record_left) {
		r->next += r->left - (r->record_left - 1);
		r->left = r->record_left - 1;
		r->record_left = 0;
	}
	r->field = r->row->repeat_from;
	r->group++;
}

static void note_count(struct gnomon_management_reader *r, const struct gnomon_management_value *v)
{
	if (v->field->flags & GNOMON_FIELD_COUNT) {
		r->groups = v->number > 0 ? (uint32_t)v->number : 0;
	}
	if (v->field->flags & GNOMON_FIELD_RECORD_LENGTH) {
		if ((uint64_t)v->number > r->left) {
			r->bad = true;
		} else {
			r->record_left = r->left - (size_t)v->number + 1;
		}
	}
}

bool gnomon_management_next(struct gnomon_management_reader *r, struct gnomon_management_value *v)
{
	while (!r->bad && !reader_at_end(r)) {
		struct wire_reader w = wire_reader_init(r->next, r->left);
		struct gnomon_management_value out = { .field = &r->row->fields[r->field],
						       .group = r->group };

		get_value(&w, &out);
		r->next = w.p;
		r->left = w.left;
		r->bad = w.bad;
		if (r->bad) {
			break;
		}
		note_count(r, &out);
		r->field++;
		if (r->row->repeats && r->field == r->row->field_count) {
			reader_end_group(r);
		}
		if (r->bad) {
			break;
		}
		if (out.field->type != GNOMON_FIELD_RESERVED) {
			*v = out;
			return true;
		}
	}
	return false;
}

int gnomon_management_reader_finish(const struct gnomon_management_reader *r)
{
	return !r->bad && reader_at_end(r) && r->left <= 1 ? 0 : -EBADMSG;
}

/* -- building --------------------------------------------------------------------------------- */

void gnomon_management_writer_init(struct gnomon_management_writer *w,
				   const struct gnomon_management_row *row, uint8_t *buf,
				   size_t cap)
{
	memset(w, 0, sizeof(*w));
	memset(buf, 0, cap);
	w->row = row;
	w->buf = buf;
	w->cap = cap;
}

/* What the writer fills in by itself. */
static bool is_automatic(const struct gnomon_management_field *f)
{
	return f->type == GNOMON_FIELD_RESERVED ||
	       (f->flags & (GNOMON_FIELD_COUNT | GNOMON_FIELD_RECORD_LENGTH));
}

/* Where the next n octets go (zeroed); NULL and bad if there is no room. */
static uint8_t *writer_give(struct gnomon_management_writer *w, size_t n)
{
	uint8_t *p = w->buf + w->len;

	if (w->bad || n > w->cap - w->len) {
		w->full = w->full || !w->bad;
		w->bad = true;
		return NULL;
	}
	w->len += n;
	return p;
}

static void put_automatic(struct gnomon_management_writer *w,
			  const struct gnomon_management_field *f)
{
	if (f->flags & GNOMON_FIELD_COUNT) {
		w->count = w->len + 1;
	}
	if (f->flags & GNOMON_FIELD_RECORD_LENGTH) {
		w->record = w->len + 1;
	}
	writer_give(w, field_empty_length(f));
}

static void writer_end_group(struct gnomon_management_writer *w)
{
	if (w->record && !w->bad) {
		wire_store_u16(w->buf + w->record - 1, (uint16_t)(w->len - w->record - 1));
	}
	w->record = 0;
}

/* Go to the field the next value belongs to; NULL and bad if there is none. */
static const struct gnomon_management_field *writer_begin(struct gnomon_management_writer *w)
{
	const struct gnomon_management_row *row = w->row;

	if (row->repeats && w->field == row->field_count) {
		writer_end_group(w);
		w->field = row->repeat_from;
		w->group++;
	}
	while (w->field < row->field_count && is_automatic(&row->fields[w->field])) {
		put_automatic(w, &row->fields[w->field++]);
	}
	if (w->field == row->field_count) {
		w->bad = true;
	}
	return w->bad ? NULL : &row->fields[w->field++];
}

const struct gnomon_management_field *
gnomon_management_expected(const struct gnomon_management_writer *w)
{
	const struct gnomon_management_row *row = w->row;
	unsigned int i = w->field;

	if (row->repeats && i == row->field_count) {
		i = row->repeat_from;
	}
	while (i < row->field_count && is_automatic(&row->fields[i])) {
		i++;
	}
	return w->bad || i == row->field_count ? NULL : &row->fields[i];
}

/* An integer of so many octets, most significant first; bad if it does not fit. */
static void put_integer(struct gnomon_management_writer *w, int64_t number, unsigned int octets,
			bool has_sign)
{
	int64_t low = 0, high = INT64_MAX;
	uint8_t *p;

	if (octets < 8) {
		high = (INT64_C(1) << (8 * octets - has_sign)) - 1;
		low = has_sign ? -high - 1 : 0;
		w->bad = w->bad || number < low || number > high;
	}
	p = writer_give(w, octets);
	for (unsigned int i = 0; p && i < octets; i++) {
		p[i] = (uint8_t)((uint64_t)number >> 8 * (octets - 1 - i));
	}
}

static void put_le64(struct gnomon_management_writer *w, uint64_t number)
{
	uint8_t *p = writer_give(w, 8);

	for (unsigned int i = 0; p && i < 8; i++) {
		p[i] = (uint8_t)(number >> 8 * i);
	}
}

static void put_bits(struct gnomon_management_writer *w, const struct gnomon_management_field *f,
		     int64_t number)
{
	if (number < 0 || number >= 1 << f->width) {
		w->bad = true;
	}
	if (writer_give(w, 1)) {
		w->len--;
		w->buf[w->len] |= (uint8_t)(number << f->bit);
	}
}

static void put_octets(struct gnomon_management_writer *w, const uint8_t *octets, size_t len)
{
	uint8_t *p = writer_give(w, len);

	if (p && len) {
		memcpy(p, octets, len);
	}
}

/* A length of so many octets, then the octets. */
static void put_counted(struct gnomon_management_writer *w, const uint8_t *octets, size_t len,
			unsigned int length_octets)
{
	put_integer(w, (int64_t)len, length_octets, false);
	put_octets(w, octets, len);
}

static void put_timestamp(struct gnomon_management_writer *w, struct gnomon_timestamp t)
{
	w->bad = w->bad || t.seconds > SECONDS_MAX || t.nanoseconds >= NSEC;
	put_integer(w, (int64_t)(t.seconds & SECONDS_MAX), 6, false);
	put_integer(w, t.nanoseconds, 4, false);
}

static void put_field(struct gnomon_management_writer *w, const struct gnomon_management_field *f,
		      const struct gnomon_management_value *v)
{
	switch ((enum gnomon_field_type)f->type) {
	case GNOMON_FIELD_U8:
	case GNOMON_FIELD_U16:
	case GNOMON_FIELD_U32:
	case GNOMON_FIELD_U48:
		put_integer(w, v->number, (unsigned int)field_empty_length(f), false);
		break;
	case GNOMON_FIELD_I8:
	case GNOMON_FIELD_I16:
	case GNOMON_FIELD_I32:
	case GNOMON_FIELD_I64:
	case GNOMON_FIELD_INTERVAL:
		put_integer(w, v->number, (unsigned int)field_empty_length(f), true);
		break;
	case GNOMON_FIELD_LE64:
		put_le64(w, (uint64_t)v->number);
		break;
	case GNOMON_FIELD_BITS:
		put_bits(w, f, v->number);
		break;
	case GNOMON_FIELD_TIMESTAMP:
		put_timestamp(w, v->timestamp);
		break;
	case GNOMON_FIELD_CLOCK_IDENTITY:
		put_octets(w, v->identity.clock.id, sizeof(v->identity.clock.id));
		break;
	case GNOMON_FIELD_PORT_IDENTITY:
		put_octets(w, v->identity.clock.id, sizeof(v->identity.clock.id));
		put_integer(w, v->identity.port, 2, false);
		break;
	case GNOMON_FIELD_PORT_ADDRESS:
		put_integer(w, v->number, 2, false);
		put_counted(w, v->octets, v->len, 2);
		break;
	case GNOMON_FIELD_PHYSICAL_ADDRESS:
		put_counted(w, v->octets, v->len, 2);
		break;
	case GNOMON_FIELD_TEXT:
		put_counted(w, v->octets, v->len, 1);
		break;
	case GNOMON_FIELD_SCALED_NS:
		w->bad = w->bad || v->len != SCALED_NS_LEN;
		put_octets(w, v->octets, v->len);
		break;
	case GNOMON_FIELD_RESERVED:
	case GNOMON_FIELD_OCTETS:
		w->bad = w->bad || v->len != f->size;
		put_octets(w, v->octets, v->len);
		break;
	}
}

void gnomon_management_put(struct gnomon_management_writer *w,
			   const struct gnomon_management_value *v)
{
	const struct gnomon_management_field *f = writer_begin(w);

	if (f) {
		put_field(w, f, v);
	}
}

/* Put a value if the expected field is of one of these types (a set of 1 << type). */
static void put_typed(struct gnomon_management_writer *w, unsigned int types,
		      const struct gnomon_management_value *v)
{
	const struct gnomon_management_field *f = writer_begin(w);

	if (!f) {
		return;
	}
	if (!(types & 1u << f->type)) {
		w->bad = true;
		return;
	}
	put_field(w, f, v);
}

#define TYPE(name) (1u << GNOMON_FIELD_##name)

void gnomon_management_put_number(struct gnomon_management_writer *w, int64_t number)
{
	struct gnomon_management_value v = { .number = number };

	put_typed(w,
		  TYPE(U8) | TYPE(I8) | TYPE(U16) | TYPE(I16) | TYPE(U32) | TYPE(I32) | TYPE(U48) |
			  TYPE(I64) | TYPE(LE64) | TYPE(BITS) | TYPE(INTERVAL),
		  &v);
}

void gnomon_management_put_clock_identity(struct gnomon_management_writer *w,
					  const struct gnomon_clock_identity *identity)
{
	struct gnomon_management_value v = { .identity.clock = *identity };

	put_typed(w, TYPE(CLOCK_IDENTITY), &v);
}

void gnomon_management_put_port_identity(struct gnomon_management_writer *w,
					 const struct gnomon_port_identity *identity)
{
	struct gnomon_management_value v = { .identity = *identity };

	put_typed(w, TYPE(PORT_IDENTITY), &v);
}

void gnomon_management_put_timestamp(struct gnomon_management_writer *w,
				     struct gnomon_timestamp timestamp)
{
	struct gnomon_management_value v = { .timestamp = timestamp };

	put_typed(w, TYPE(TIMESTAMP), &v);
}

void gnomon_management_put_octets(struct gnomon_management_writer *w, const void *octets,
				  size_t len)
{
	struct gnomon_management_value v = { .octets = octets, .len = (uint16_t)len };

	w->bad = w->bad || len > UINT16_MAX;
	put_typed(w, TYPE(TEXT) | TYPE(OCTETS) | TYPE(SCALED_NS) | TYPE(PHYSICAL_ADDRESS), &v);
}

void gnomon_management_put_address(struct gnomon_management_writer *w,
				   const struct gnomon_address *address)
{
	struct gnomon_management_value v = { .number = address->network_protocol,
					     .octets = address->octets,
					     .len = address->length };

	w->bad = w->bad || address->length > sizeof(address->octets);
	put_typed(w, TYPE(PORT_ADDRESS), &v);
}

/* The number of repetitions, where the row has a field for it. */
static void put_count(struct gnomon_management_writer *w)
{
	unsigned int groups = w->group + (w->field == w->row->field_count);

	if (!w->count || w->bad) {
		return;
	}
	for (unsigned int i = 0; i < w->row->repeat_from; i++) {
		const struct gnomon_management_field *f = &w->row->fields[i];

		if (f->flags & GNOMON_FIELD_COUNT) {
			struct gnomon_management_writer at = *w;

			at.len = w->count - 1;
			put_integer(&at, groups, (unsigned int)field_empty_length(f),
				    f->type == GNOMON_FIELD_I16);
			w->bad = at.bad;
		}
	}
}

int gnomon_management_writer_finish(struct gnomon_management_writer *w)
{
	const struct gnomon_management_row *row = w->row;
	unsigned int stop = row->repeats && w->group == 0 && w->field <= row->repeat_from
				    ? row->repeat_from
				    : row->field_count;

	while (w->field < stop && is_automatic(&row->fields[w->field])) {
		put_automatic(w, &row->fields[w->field++]);
	}
	if (w->field != stop) {
		w->bad = true;
	}
	if (stop == row->field_count) {
		writer_end_group(w);
	}
	if (row->repeats) {
		put_count(w);
	}
	if (w->len % 2) {
		writer_give(w, 1);
	}
	if (w->bad) {
		return w->full ? -ENOBUFS : -EINVAL;
	}
	return (int)w->len;
}

/* -- TLVs ------------------------------------------------------------------------------------- */

int gnomon_management_tlv_parse(struct gnomon_management_tlv *out, const struct gnomon_tlv *tlv)
{
	struct wire_reader r = wire_reader_init(tlv->value, tlv->length);
	struct gnomon_management_tlv t = { .type = tlv->type };

	if (tlv->type == GNOMON_TLV_MANAGEMENT) {
		t.id = wire_get_u16(&r);
		t.data = r.p;
		t.len = r.left;
	} else if (tlv->type == GNOMON_TLV_MANAGEMENT_ERROR_STATUS) {
		t.error = wire_get_u16(&r);
		t.id = wire_get_u16(&r);
		wire_take(&r, 4);
		if (r.left) {
			t.len = wire_get_u8(&r);
			t.data = wire_take(&r, t.len);
		}
	} else {
		return -EBADMSG;
	}
	if (r.bad) {
		return -EBADMSG;
	}
	*out = t;
	return 0;
}

uint8_t *gnomon_management_tlv_append(struct gnomon_tlv_builder *b, uint16_t id, uint16_t len)
{
	uint8_t *value = NULL;

	if (len > UINT16_MAX - 3) {
		b->bad = true;
	} else {
		value = gnomon_tlv_append(b, GNOMON_TLV_MANAGEMENT, (uint16_t)(len + 2));
	}
	if (!value) {
		return NULL;
	}
	wire_store_u16(value, id);
	return value + 2;
}

void gnomon_management_error_append(struct gnomon_tlv_builder *b, uint16_t id,
				    enum gnomon_management_error error)
{
	uint8_t *value =
		gnomon_tlv_append(b, GNOMON_TLV_MANAGEMENT_ERROR_STATUS, ERROR_STATUS_LEN);

	if (value) {
		wire_store_u16(value, (uint16_t)error);
		wire_store_u16(value + 2, id);
	}
}
