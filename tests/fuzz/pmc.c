/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What pmc prints of any message, and what it understands of any line. Texts have nothing a
 * terminal would obey; JSON is JSON; what is understood of a SET is, read by the table and
 * printed, understood the same again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/pmc/grammar.h"
#include "tools/pmc/print.h"

#include "fuzz.h"

/* -- JSON ------------------------------------------------------------------------------------- */

static const char *skip_value(const char *p);

static const char *skip_string(const char *p)
{
	FUZZ_CHECK(*p++ == '"');
	for (; *p != '"'; p++) {
		FUZZ_CHECK((unsigned char)*p >= 0x20);
		if (*p == '\\') {
			p++;
			FUZZ_CHECK(*p == '"' || *p == '\\' || *p == 'u');
			FUZZ_CHECK(*p != 'u' || strspn(p + 1, "0123456789abcdef") >= 4);
		}
	}
	return p + 1;
}

/* The rest of an object or array, up to its end. */
static const char *skip_members(const char *p, bool object)
{
	const char end = object ? '}' : ']';

	for (p++; *p != end;) {
		if (object) {
			p = skip_string(p);
			FUZZ_CHECK(*p++ == ':');
		}
		p = skip_value(p);
		FUZZ_CHECK(*p == ',' || *p == end);
		p += *p == ',';
		FUZZ_CHECK(p[-1] != ',' || *p != end);
	}
	return p + 1;
}

static const char *skip_value(const char *p)
{
	size_t len;

	if (*p == '{' || *p == '[') {
		return skip_members(p, *p == '{');
	}
	if (*p == '"') {
		return skip_string(p);
	}
	if (strncmp(p, "true", 4) == 0 || strncmp(p, "false", 5) == 0) {
		return p + (*p == 't' ? 4 : 5);
	}
	len = strspn(p, "-+.e0123456789");
	FUZZ_CHECK(len > 0);
	return p + len;
}

/* -- messages --------------------------------------------------------------------------------- */

typedef void print_fn(FILE *out, const struct manage_message *message);

static char *printed(print_fn *print, const struct manage_message *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out != NULL);
	print(out, m);
	FUZZ_CHECK(fclose(out) == 0 && text != NULL);
	FUZZ_CHECK(strlen(text) == len);
	FUZZ_CHECK(len == 0 || text[len - 1] == '\n');
	return text;
}

static void check_message(const uint8_t *data, size_t size)
{
	struct manage_message m;
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;
	char *text;

	if (size > sizeof(m.octets)) {
		return;
	}
	memcpy(m.octets, data, size);
	if (gnomon_msg_decode(&m.msg, m.octets, size) ||
	    (m.msg.header.type != GNOMON_MSG_MANAGEMENT &&
	     m.msg.header.type != GNOMON_MSG_SIGNALING)) {
		return;
	}
	gnomon_tlv_iter_init(&it, m.msg.tlvs, m.msg.tlvs_len);
	m.has_tlv = m.msg.header.type == GNOMON_MSG_MANAGEMENT && gnomon_tlv_next(&it, &tlv) &&
		    gnomon_management_tlv_parse(&m.tlv, &tlv) == 0;
	text = printed(print_text, &m);
	for (const char *p = text; *p; p++) {
		FUZZ_CHECK((unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t');
		FUZZ_CHECK(*p != 0x7f);
	}
	free(text);
	text = printed(print_json, &m);
	FUZZ_CHECK(text[0] == '\0' || strcmp(skip_value(text), "\n") == 0);
	free(text);
}

/* -- lines ------------------------------------------------------------------------------------ */

/* The command's values as a line; false if a text among them could not be quoted. */
static bool write_line(const struct grammar_command *c, char *line, size_t cap)
{
	struct gnomon_management_reader reader;
	struct gnomon_management_value v;
	char value[PRINT_VALUE_MAX];
	size_t at = (size_t)snprintf(line, cap, "SET %s", c->row->name);

	gnomon_management_reader_init(&reader, c->row, c->data, c->len);
	while (gnomon_management_next(&reader, &v) && at < cap) {
		const char *text = print_value(&v, value);
		const bool quoted = v.field->type == GNOMON_FIELD_TEXT;

		if (!v.field->label || v.field->flags & GNOMON_FIELD_COUNT) {
			continue;
		}
		if (quoted && (strpbrk(text, "\"?") || memchr(v.octets, '\0', v.len))) {
			return false;
		}
		if (v.field->type == GNOMON_FIELD_PORT_ADDRESS) {
			text = strchr(text, ' ') + 1;
		}
		if (v.field->format == GNOMON_FORMAT_NS && v.number % 65536) {
			snprintf(value, sizeof(value), "%.5f", (double)v.number / 65536);
		}
		at += (size_t)snprintf(line + at, cap - at, " %s %s%s%s", v.field->label,
				       quoted ? "\"" : "", text, quoted ? "\"" : "");
	}
	FUZZ_CHECK(gnomon_management_reader_finish(&reader) == 0);
	return at < cap;
}

static void check_line(const uint8_t *data, size_t size)
{
	char line[16384];
	struct grammar_command first;
	struct grammar_command again;
	struct grammar_error error;

	if (size >= 1024) {
		return;
	}
	memcpy(line, data, size);
	line[size] = '\0';
	error.text[0] = '\0';
	if (grammar_parse(line, &first, &error)) {
		FUZZ_CHECK(error.text[0] != '\0' && !strchr(error.text, '\n'));
		return;
	}
	if (first.kind != GRAMMAR_REQUEST || first.action != GNOMON_MANAGEMENT_SET) {
		return;
	}
	FUZZ_CHECK(first.len <= sizeof(first.data) && first.len % 2 == 0);
	if (!write_line(&first, line, sizeof(line))) {
		return;
	}
	FUZZ_CHECK(grammar_parse(line, &again, &error) == 0);
	FUZZ_CHECK(again.len == first.len);
	FUZZ_CHECK(memcmp(again.data, first.data, first.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] < 0x20) {
		check_message(data, size);
	} else {
		check_line(data, size);
	}
	return 0;
}
