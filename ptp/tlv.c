/* SPDX-License-Identifier: BSD-2-Clause */
/* TLVs (clause 14): the walk, the builder, and the TLVs the engine itself reads and writes. */
#include <errno.h>

#include "wire.h"

#define TLV_HEAD 4u
#define TLV_LENGTH_MAX 0xfffeu
#define IDENTITY_LEN 8u
#define ORGANIZATION_FIXED 6u

/* ALTERNATE_TIME_OFFSET_INDICATOR up to and including the length octet of displayName. */
#define ALTERNATE_FIXED 16u
#define SECONDS_MAX 0xffffffffffffu

/* -- walking ---------------------------------------------------------------------------------- */

void gnomon_tlv_iter_init(struct gnomon_tlv_iter *it, const uint8_t *tlvs, size_t len)
{
	it->next = tlvs;
	it->left = len;
	it->bad = false;
}

bool gnomon_tlv_next(struct gnomon_tlv_iter *it, struct gnomon_tlv *tlv)
{
	uint16_t length;

	if (it->bad || it->left < TLV_HEAD) {
		return false;
	}
	length = wire_load_u16(it->next + 2);
	if (length % 2 != 0 || length > it->left - TLV_HEAD) {
		it->bad = true;
		return false;
	}
	tlv->type = wire_load_u16(it->next);
	tlv->length = length;
	tlv->value = it->next + TLV_HEAD;
	it->next += TLV_HEAD + length;
	it->left -= TLV_HEAD + length;
	return true;
}

bool gnomon_tlv_find(const uint8_t *tlvs, size_t len, uint16_t type, struct gnomon_tlv *tlv)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv each;

	gnomon_tlv_iter_init(&it, tlvs, len);
	while (gnomon_tlv_next(&it, &each)) {
		if (each.type == type) {
			*tlv = each;
			return true;
		}
	}
	return false;
}

bool gnomon_tlv_propagates(uint16_t type)
{
	return type == GNOMON_TLV_PATH_TRACE ||
	       type == GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR ||
	       (type >= 0x4000 && type <= 0x7fff);
}

/* -- building --------------------------------------------------------------------------------- */

void gnomon_tlv_builder_init(struct gnomon_tlv_builder *b, uint8_t *buf, size_t cap)
{
	b->buf = buf;
	b->cap = cap;
	b->len = 0;
	b->bad = false;
}

uint8_t *gnomon_tlv_append(struct gnomon_tlv_builder *b, uint16_t type, uint16_t length)
{
	size_t whole = (size_t)TLV_HEAD + length;
	uint8_t *p;

	if (b->bad || length % 2 != 0 || whole > b->cap - b->len) {
		b->bad = true;
		return NULL;
	}
	p = b->buf + b->len;
	b->len += whole;
	wire_store_u16(p, type);
	wire_store_u16(p + 2, length);
	memset(p + TLV_HEAD, 0, length);
	return p + TLV_HEAD;
}

/* Append a TLV and return a writer over its value; one without room if it did not fit. */
static struct wire_writer append_value(struct gnomon_tlv_builder *b, uint16_t type, size_t length)
{
	uint8_t *value = NULL;

	if (length <= TLV_LENGTH_MAX) {
		value = gnomon_tlv_append(b, type, (uint16_t)length);
	} else {
		b->bad = true;
	}
	return wire_writer_init(value, value ? length : 0);
}

void gnomon_tlv_append_copy(struct gnomon_tlv_builder *b, const struct gnomon_tlv *tlv)
{
	struct wire_writer w = append_value(b, tlv->type, tlv->length);

	wire_put_bytes(&w, tlv->value, tlv->length);
}

int gnomon_tlv_builder_finish(const struct gnomon_tlv_builder *b)
{
	return b->bad ? -ENOBUFS : (int)b->len;
}

void gnomon_pad_append(struct gnomon_tlv_builder *b, uint16_t length)
{
	gnomon_tlv_append(b, GNOMON_TLV_PAD, length);
}

/* -- PATH_TRACE (16.2) ------------------------------------------------------------------------ */

size_t gnomon_path_trace_count(const struct gnomon_tlv *tlv)
{
	return tlv->length / IDENTITY_LEN;
}

bool gnomon_path_trace_contains(const struct gnomon_tlv *tlv,
				const struct gnomon_clock_identity *id)
{
	size_t n = gnomon_path_trace_count(tlv);

	for (size_t i = 0; i < n; i++) {
		if (memcmp(tlv->value + i * IDENTITY_LEN, id->id, IDENTITY_LEN) == 0) {
			return true;
		}
	}
	return false;
}

void gnomon_path_trace_append(struct gnomon_tlv_builder *b, const struct gnomon_tlv *from,
			      const struct gnomon_clock_identity *own)
{
	size_t before = from ? gnomon_path_trace_count(from) * IDENTITY_LEN : 0;
	struct wire_writer w = append_value(b, GNOMON_TLV_PATH_TRACE, before + IDENTITY_LEN);

	if (from) {
		wire_put_bytes(&w, from->value, before);
	}
	wire_put_clock_identity(&w, own);
}

/* -- ALTERNATE_TIME_OFFSET_INDICATOR (16.3) --------------------------------------------------- */

/* The largest n <= max that does not cut a UTF-8 character of name[0..len) in two. */
static uint8_t utf8_cut(const uint8_t *name, uint8_t len, uint8_t max)
{
	uint8_t n = max;

	if (len <= max) {
		return len;
	}
	while (n > 0 && (name[n] & 0xc0) == 0x80) {
		n--;
	}
	return n;
}

int gnomon_alternate_time_offset_parse(struct gnomon_alternate_time_offset *ato,
				       const struct gnomon_tlv *tlv)
{
	struct wire_reader r = wire_reader_init(tlv->value, tlv->length);
	struct gnomon_alternate_time_offset out = { 0 };
	const uint8_t *name;
	uint8_t len;

	out.key = wire_get_u8(&r);
	out.current_offset = (int32_t)wire_get_u32(&r);
	out.jump_seconds = (int32_t)wire_get_u32(&r);
	out.time_of_next_jump = wire_get_u48(&r);
	len = wire_get_u8(&r);
	name = wire_take(&r, len);
	if (r.bad) {
		return -EBADMSG;
	}
	out.name_len = utf8_cut(name, len, GNOMON_DISPLAY_NAME_MAX);
	memcpy(out.name, name, out.name_len);
	*ato = out;
	return 0;
}

void gnomon_alternate_time_offset_append(struct gnomon_tlv_builder *b,
					 const struct gnomon_alternate_time_offset *ato)
{
	uint8_t len = utf8_cut((const uint8_t *)ato->name, ato->name_len, GNOMON_DISPLAY_NAME_MAX);
	uint64_t jump = ato->time_of_next_jump < SECONDS_MAX ? ato->time_of_next_jump : SECONDS_MAX;
	struct wire_writer w = append_value(b, GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR,
					    ALTERNATE_FIXED + len + len % 2u);

	wire_put_u8(&w, ato->key);
	wire_put_u32(&w, (uint32_t)ato->current_offset);
	wire_put_u32(&w, (uint32_t)ato->jump_seconds);
	wire_put_u48(&w, jump);
	wire_put_u8(&w, len);
	wire_put_bytes(&w, ato->name, len);
}

/* -- ORGANIZATION_EXTENSION (14.3) ------------------------------------------------------------ */

int gnomon_organization_extension_parse(struct gnomon_organization_extension *ext,
					const struct gnomon_tlv *tlv)
{
	if (tlv->length < ORGANIZATION_FIXED) {
		return -EBADMSG;
	}
	ext->type = tlv->type;
	memcpy(ext->organization_id, tlv->value, sizeof(ext->organization_id));
	memcpy(ext->organization_sub_type, tlv->value + 3, sizeof(ext->organization_sub_type));
	ext->data = tlv->value + ORGANIZATION_FIXED;
	ext->data_len = (uint16_t)(tlv->length - ORGANIZATION_FIXED);
	return 0;
}

void gnomon_organization_extension_append(struct gnomon_tlv_builder *b,
					  const struct gnomon_organization_extension *ext)
{
	size_t length = (size_t)ORGANIZATION_FIXED + ext->data_len + ext->data_len % 2u;
	struct wire_writer w = append_value(b, ext->type, length);

	wire_put_bytes(&w, ext->organization_id, sizeof(ext->organization_id));
	wire_put_bytes(&w, ext->organization_sub_type, sizeof(ext->organization_sub_type));
	wire_put_bytes(&w, ext->data, ext->data_len);
}
