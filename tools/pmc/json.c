/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages as JSON, one object a line. */
#include <inttypes.h>
#include <string.h>

#include "print.h"

/* Octets of a well-formed UTF-8 sequence at p, 0 if there is none. Overlong forms, surrogates and
 * what lies beyond U+10FFFF are none. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if (len < 2) {
		return len;
	}
	if (p[0] >= 0xf8 || len > left) {
		return 0;
	}
	code = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (p[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

/* A text from the wire: whatever its octets are, the JSON is well-formed. */
static void put_string(FILE *out, const uint8_t *text, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len;) {
		const size_t n = utf8_length(text + i, len - i);

		if (n == 0) {
			fputs("\\ufffd", out);
		} else if (text[i] == '"' || text[i] == '\\') {
			fprintf(out, "\\%c", text[i]);
		} else if (text[i] < 0x20 || text[i] == 0x7f) {
			fprintf(out, "\\u%04x", text[i]);
		} else {
			fwrite(text + i, 1, n, out);
		}
		i += n ? n : 1;
	}
	fputc('"', out);
}

static void put_text(FILE *out, const char *text)
{
	put_string(out, (const uint8_t *)text, strlen(text));
}

/* ns * 2^16 with every digit: 2^-16 has sixteen of them. */
static void put_interval(FILE *out, int64_t interval)
{
	const uint64_t size = interval < 0 ? -(uint64_t)interval : (uint64_t)interval;
	uint64_t digits = (size & 0xffff) * UINT64_C(152587890625);
	int width = 16;

	fprintf(out, "%s%" PRIu64, interval < 0 ? "-" : "", size >> 16);
	if (digits) {
		for (; digits % 10 == 0; digits /= 10) {
			width--;
		}
		fprintf(out, ".%0*" PRIu64, width, digits);
	}
}

static void put_address(FILE *out, const struct gnomon_management_value *v)
{
	char buf[PRINT_VALUE_MAX];
	const char *address = strchr(print_value(v, buf), ' ');

	fprintf(out, "{\"networkProtocol\":%" PRId64 ",\"address\":", v->number);
	put_text(out, address ? address + 1 : "");
	fputc('}', out);
}

static void put_number(FILE *out, const struct gnomon_management_value *v)
{
	if (v->field->type == GNOMON_FIELD_LE64) {
		fprintf(out, "%" PRIu64, (uint64_t)v->number);
	} else {
		fprintf(out, "%" PRId64, v->number);
	}
}

/* A value that has no format of its own. */
static void put_natural(FILE *out, const struct gnomon_management_value *v)
{
	char buf[PRINT_VALUE_MAX];

	switch ((enum gnomon_field_type)v->field->type) {
	case GNOMON_FIELD_U8:
	case GNOMON_FIELD_I8:
	case GNOMON_FIELD_U16:
	case GNOMON_FIELD_I16:
	case GNOMON_FIELD_U32:
	case GNOMON_FIELD_I32:
	case GNOMON_FIELD_U48:
	case GNOMON_FIELD_I64:
	case GNOMON_FIELD_LE64:
		put_number(out, v);
		break;
	case GNOMON_FIELD_BITS:
		if (v->field->width == 1) {
			fputs(v->number ? "true" : "false", out);
		} else {
			put_number(out, v);
		}
		break;
	case GNOMON_FIELD_INTERVAL:
		put_interval(out, v->number);
		break;
	case GNOMON_FIELD_PORT_ADDRESS:
		put_address(out, v);
		break;
	case GNOMON_FIELD_TEXT:
		put_string(out, v->octets, v->len);
		break;
	case GNOMON_FIELD_RESERVED:
	case GNOMON_FIELD_TIMESTAMP:
	case GNOMON_FIELD_SCALED_NS:
	case GNOMON_FIELD_CLOCK_IDENTITY:
	case GNOMON_FIELD_PORT_IDENTITY:
	case GNOMON_FIELD_PHYSICAL_ADDRESS:
	case GNOMON_FIELD_OCTETS:
		put_text(out, print_value(v, buf));
		break;
	}
}

static void put_value(FILE *out, const struct gnomon_management_value *v)
{
	char buf[PRINT_VALUE_MAX];

	switch ((enum gnomon_field_format)v->field->format) {
	case GNOMON_FORMAT_NATURAL:
		put_natural(out, v);
		break;
	case GNOMON_FORMAT_HEX:
		put_number(out, v);
		break;
	case GNOMON_FORMAT_NAMES:
		put_text(out, print_value(v, buf));
		break;
	case GNOMON_FORMAT_NS:
	case GNOMON_FORMAT_NS_TENTHS:
		put_interval(out, v->number);
		break;
	case GNOMON_FORMAT_RATE_41:
		fprintf(out, "%.17g", (double)v->number / 0x1p41);
		break;
	case GNOMON_FORMAT_BOOLEAN:
	case GNOMON_FORMAT_ONE_ZERO:
	case GNOMON_FORMAT_ON_OFF:
		fputs(v->number ? "true" : "false", out);
		break;
	}
}

/* Members of "data", repeated ones in "entries". Returns false if octets were missing. */
static bool put_fields(FILE *out, const struct gnomon_management_row *row,
		       const struct gnomon_management_tlv *tlv)
{
	const unsigned int repeated = row->repeats ? row->repeat_from : row->field_count;
	struct gnomon_management_reader reader;
	struct gnomon_management_value v;
	bool first = true;
	bool in_entries = false;

	gnomon_management_reader_init(&reader, row, tlv->data, tlv->len);
	while (gnomon_management_next(&reader, &v)) {
		const unsigned int index = (unsigned int)(v.field - row->fields);

		if (!in_entries && index >= repeated) {
			fprintf(out, "%s\"entries\":[{", first ? "" : ",");
			in_entries = true;
			first = true;
		} else if (index == repeated) {
			fputs("},{", out);
			first = true;
		}
		if (v.field->label) {
			fprintf(out, "%s\"%s\":", first ? "" : ",", v.field->label);
			put_value(out, &v);
			first = false;
		}
	}
	if (in_entries) {
		fputs("}]", out);
	} else if (row->repeats) {
		fprintf(out, "%s\"entries\":[]", first ? "" : ",");
	}
	return !reader.bad;
}

static void put_octets(FILE *out, const char *name, const uint8_t *data, size_t len)
{
	fprintf(out, ",\"%s\":\"", name);
	for (size_t i = 0; i < len; i++) {
		fprintf(out, "%02x", data[i]);
	}
	fputc('"', out);
}

static void put_id(FILE *out, uint16_t id, const struct gnomon_management_row *row)
{
	if (row) {
		fprintf(out, ",\"id\":\"%s\"", row->name);
	} else {
		fprintf(out, ",\"id\":\"0x%04x\"", id);
	}
}

static void put_tlv(FILE *out, const struct gnomon_management_tlv *tlv)
{
	const struct gnomon_management_row *row = gnomon_management_find(tlv->id);

	put_id(out, tlv->id, row);
	if (tlv->type == GNOMON_TLV_MANAGEMENT_ERROR_STATUS) {
		fprintf(out, ",\"error\":\"%s\",\"code\":%u",
			gnomon_management_error_name(tlv->error), tlv->error);
		if (tlv->len) {
			fputs(",\"display\":", out);
			put_string(out, tlv->data, tlv->len);
		}
		return;
	}
	if (row && tlv->len) {
		fputs(",\"data\":{", out);
		if (!put_fields(out, row, tlv)) {
			fputs("},\"malformed\":true", out);
			put_octets(out, "octets", tlv->data, tlv->len);
			return;
		}
		fputc('}', out);
	} else if (tlv->len) {
		put_octets(out, "octets", tlv->data, tlv->len);
	}
}

void print_json(FILE *out, const struct manage_message *m)
{
	char source[GNOMON_PORT_IDENTITY_STRLEN];

	if (m->msg.header.type != GNOMON_MSG_MANAGEMENT) {
		return;
	}
	fprintf(out, "{\"source\":\"%s\",\"sequence\":%u,\"action\":\"%s\"",
		gnomon_port_identity_format(source, &m->msg.header.source),
		m->msg.header.sequence_id,
		gnomon_management_action_name(m->msg.body.management.action));
	if (m->has_tlv) {
		put_tlv(out, &m->tlv);
	}
	fputs("}\n", out);
	fflush(out);
}
