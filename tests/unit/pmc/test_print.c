/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of all ids against those linuxptp's pmc prints of the same octets; JSON of the same. */
#include <ctype.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pmc/print.h"

static const struct gnomon_port_identity source = {
	{ { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6 } }, 1
};

/* Take the message in buf apart, as it would have been received. */
static void receive(struct manage_message *m, const uint8_t *buf, size_t len)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	assert_in_range(len, 1, sizeof(m->octets));
	memcpy(m->octets, buf, len);
	assert_int_equal(gnomon_msg_decode(&m->msg, m->octets, len), GNOMON_DECODE_OK);
	gnomon_tlv_iter_init(&it, m->msg.tlvs, m->msg.tlvs_len);
	m->has_tlv = gnomon_tlv_next(&it, &tlv) &&
		     gnomon_management_tlv_parse(&m->tlv, &tlv) == 0;
}

/* A message of that type with those TLVs. */
static void make(struct manage_message *m, enum gnomon_msg_type type, unsigned int action,
		 uint16_t sequence, const uint8_t *tlvs, size_t len)
{
	struct gnomon_msg msg = {
		.header = { .type = type, .version = 2, .source = source,
			    .sequence_id = sequence },
		.tlvs = tlvs,
		.tlvs_len = len,
	};
	uint8_t buf[GNOMON_MSG_MAX];
	int n;

	if (type == GNOMON_MSG_MANAGEMENT) {
		msg.body.management.action = (uint8_t)action;
	}
	n = gnomon_msg_encode(&msg, buf, sizeof(buf));
	assert_true(n > 0);
	receive(m, buf, (size_t)n);
}

static void make_response(struct manage_message *m, uint16_t id, uint16_t sequence,
			  const uint8_t *data, size_t len)
{
	uint8_t tlvs[GNOMON_MSG_MAX];
	struct gnomon_tlv_builder b;
	uint8_t *to;

	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	to = gnomon_management_tlv_append(&b, id, (uint16_t)len);
	assert_non_null(to);
	if (len) {
		memcpy(to, data, len);
	}
	make(m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_RESPONSE, sequence, tlvs, b.len);
}

typedef void print_fn(FILE *out, const struct manage_message *message);

/* What is printed; to be freed. */
static char *printed(print_fn *print, const struct manage_message *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print(out, m);
	assert_int_equal(fclose(out), 0);
	assert_non_null(text);
	return text;
}

static void expect(print_fn *print, const struct manage_message *m, const char *text)
{
	char *got = printed(print, m);

	assert_string_equal(got, text);
	free(got);
}

/* -- the golden file -------------------------------------------------------------------------- */

struct block {
	char name[64];
	uint8_t data[512];
	size_t len;
	char text[4096];
};

static size_t parse_hex(const char *hex, uint8_t *out, size_t cap)
{
	size_t len = 0;

	for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2) {
		char digits[3] = { hex[0], hex[1], '\0' };

		assert_true(len < cap);
		out[len++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return len;
}

/* The next block of the file; line holds the first line of it, and then of the one behind. */
static bool next_block(FILE *file, char line[2048], struct block *b)
{
	char hex[1100];
	size_t at = 0;

	if (strncmp(line, "== ", 3) != 0) {
		return false;
	}
	assert_int_equal(sscanf(line, "== %63s %1099s", b->name, hex), 2);
	b->len = parse_hex(hex, b->data, sizeof(b->data));
	b->text[0] = '\0';
	while (fgets(line, 2048, file) && strncmp(line, "== ", 3) != 0) {
		const size_t len = strlen(line);

		assert_true(len >= 2 && line[len - 2] == '|');
		assert_true(at + len < sizeof(b->text));
		memcpy(b->text + at, line, len - 2);
		at += len - 2;
		b->text[at++] = '\n';
		b->text[at] = '\0';
		line[0] = '\0';
	}
	return true;
}

static uint16_t id_of(const char *name)
{
	unsigned int count;
	const struct gnomon_management_row *rows = gnomon_management_rows(&count);

	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			return rows[i].id;
		}
	}
	fail_msg("no id %s", name);
	return 0;
}

static FILE *open_golden(char line[2048])
{
	const char *root = getenv("GNOMON_SOURCE_ROOT");
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/pmc.txt", root ? root : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, 2048, file));
	return file;
}

static void test_golden(void **state)
{
	char line[2048] = "";
	FILE *file = open_golden(line);
	struct block b;
	uint16_t n = 0;

	(void)state;
	while (next_block(file, line, &b)) {
		struct manage_message m;

		make_response(&m, id_of(b.name), n++, b.data, b.len);
		expect(print_text, &m, b.text);
	}
	assert_int_equal(fclose(file), 0);
	assert_in_range(n, 80, 1000);
}

/* No octets missing may be read: every shorter form of every block prints something or nothing. */
static void test_truncated(void **state)
{
	char line[2048] = "";
	FILE *file = open_golden(line);
	struct block b;

	(void)state;
	while (next_block(file, line, &b)) {
		for (size_t len = 0; len + 2 <= b.len; len += 2) {
			struct manage_message m;

			make_response(&m, id_of(b.name), 0, b.data, len);
			free(printed(print_text, &m));
			free(printed(print_json, &m));
		}
	}
	assert_int_equal(fclose(file), 0);
}

/* -- the rest of messages --------------------------------------------------------------------- */

static void test_no_data(void **state)
{
	struct manage_message m;

	(void)state;
	make_response(&m, GNOMON_MID_ENABLE_PORT, 7, NULL, 0);
	expect(print_text, &m, "\t0c42a1.fffe.6d7ca6-1 seq 7 RESPONSE MANAGEMENT empty-tlv \n");
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":7,\"action\":\"RESPONSE\","
	       "\"id\":\"ENABLE_PORT\"}\n");
	make_response(&m, 0xdead, 1, (const uint8_t *)"\x01\x02", 2);
	expect(print_text, &m, "\t0c42a1.fffe.6d7ca6-1 seq 1 RESPONSE MANAGEMENT \n");
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":1,\"action\":\"RESPONSE\","
	       "\"id\":\"0xdead\",\"octets\":\"0102\"}\n");
}

static void test_error_status(void **state)
{
	static const uint8_t told[] = { 0, 2, 0, 12, 0, 6, 0x20, 0x07, 0, 0, 0, 0,
					3, '"', '\x1b', 'x' };
	struct manage_message m;
	uint8_t tlvs[64];
	struct gnomon_tlv_builder b;

	(void)state;
	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	gnomon_management_error_append(&b, GNOMON_MID_DOMAIN, GNOMON_MANAGEMENT_NOT_SUPPORTED);
	make(&m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_RESPONSE, 3, tlvs, b.len);
	expect(print_text, &m, "\t0c42a1.fffe.6d7ca6-1 seq 3 RESPONSE MANAGEMENT_ERROR_STATUS \n");
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":3,\"action\":\"RESPONSE\","
	       "\"id\":\"DOMAIN\",\"error\":\"NOT_SUPPORTED\",\"code\":6}\n");
	make(&m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_RESPONSE, 3, told, sizeof(told));
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":3,\"action\":\"RESPONSE\","
	       "\"id\":\"DOMAIN\",\"error\":\"NOT_SUPPORTED\",\"code\":6,"
	       "\"display\":\"\\\"\\u001bx\"}\n");
}

static void test_other_tlvs(void **state)
{
	static const uint8_t pad[] = { 0x80, 0x08, 0, 0 };
	static const uint8_t two[] = { 0, 1, 0, 4, 0x20, 5, 1, 0, 0x80, 0x08, 0, 0 };
	static const uint8_t signed_one[] = { 0, 1, 0, 4, 0x20, 5, 1, 0, 0x80, 0x09, 0, 0 };
	struct manage_message m;

	(void)state;
	make(&m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_RESPONSE, 0, NULL, 0);
	expect(print_text, &m, "\t0c42a1.fffe.6d7ca6-1 seq 0 RESPONSE \n");
	make(&m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_GET, 0, pad, sizeof(pad));
	expect(print_text, &m, "\t0c42a1.fffe.6d7ca6-1 seq 0 GET unknown-tlv \n");
	make(&m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_SET, 0, two, sizeof(two));
	expect(print_text, &m, "\t0c42a1.fffe.6d7ca6-1 seq 0 SET \n");
	make(&m, GNOMON_MSG_MANAGEMENT, GNOMON_MANAGEMENT_RESPONSE, 0, signed_one,
	     sizeof(signed_one));
	expect(print_text, &m,
	       "\t0c42a1.fffe.6d7ca6-1 seq 0 RESPONSE MANAGEMENT PRIORITY1 \n"
	       "\t\tpriority1 1\n");
	make(&m, GNOMON_MSG_MANAGEMENT, 9, 0, pad, sizeof(pad));
	expect(print_text, &m, "");
}

static void test_signaling(void **state)
{
	/* Two records of 34 octets behind the identity of the port. */
	uint8_t tlvs[4 + 10 + 2 * 34] = { 0x80, 0x04, 0, 10 + 2 * 34 };
	struct manage_message m;

	(void)state;
	memcpy(tlvs + 4, source.clock.id, 8);
	tlvs[4 + 9] = 2;
	for (int i = 0; i < 2; i++) {
		uint8_t *r = tlvs + 14 + i * 34;

		r[1] = (uint8_t)(40 + i);
		r[7] = 5;         /* origin: 5 s */
		r[11] = 9;        /* and 9 ns */
		r[17] = 0xff;     /* totalCorrectionField: 0xff0000 / 2^16 ns */
		r[23] = 3;        /* scaledCumulativeRateOffset */
		r[29] = 6;
		r[33] = 7;
	}
	make(&m, GNOMON_MSG_SIGNALING, 0, 12, tlvs, sizeof(tlvs));
	expect(print_text, &m,
	       "\t0c42a1.fffe.6d7ca6-1 seq 12 SIGNALING SLAVE_RX_SYNC_TIMING_DATA N 2 \n"
	       "\t\tsourcePortIdentity         0c42a1.fffe.6d7ca6-2\n"
	       "\t\tsequenceId                 40\n"
	       "\t\tsyncOriginTimestamp        5.000000009\n"
	       "\t\ttotalCorrectionField       255\n"
	       "\t\tscaledCumulativeRateOffset 3\n"
	       "\t\tsyncEventIngressTimestamp  6.000000007\n"
	       "\t\tsequenceId                 41\n"
	       "\t\tsyncOriginTimestamp        5.000000009\n"
	       "\t\ttotalCorrectionField       255\n"
	       "\t\tscaledCumulativeRateOffset 3\n"
	       "\t\tsyncEventIngressTimestamp  6.000000007\n");
}

/* Texts come from whoever configured the daemon, and go to a terminal. */
static void test_hostile_text(void **state)
{
	static const uint8_t text[] = { 7, '\x1b', '[', '2', 'J', '\n', 0xff, '"' };
	struct manage_message m;

	(void)state;
	make_response(&m, GNOMON_MID_USER_DESCRIPTION, 0, text, sizeof(text));
	expect(print_text, &m,
	       "\t0c42a1.fffe.6d7ca6-1 seq 0 RESPONSE MANAGEMENT USER_DESCRIPTION \n"
	       "\t\tuserDescription  ?[2J?\xff\"\n");
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":0,\"action\":\"RESPONSE\","
	       "\"id\":\"USER_DESCRIPTION\",\"data\":{\"userDescription\":"
	       "\"\\u001b[2J\\u000a\\ufffd\\\"\"}}\n");
}

static void test_json_values(void **state)
{
	/* -1.5 ns, 2^-16 ns */
	static const uint8_t current[] = { 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x80, 0,
					   0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t members[] = { 0, 2, 0, 1, 0, 4, 192, 0, 2, 1, 0, 2, 0, 2, 9, 9 };
	static const uint8_t none[] = { 0, 0 };
	struct manage_message m;

	(void)state;
	make_response(&m, GNOMON_MID_CURRENT_DATA_SET, 0, current, sizeof(current));
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":0,\"action\":\"RESPONSE\","
	       "\"id\":\"CURRENT_DATA_SET\",\"data\":{\"stepsRemoved\":1,"
	       "\"offsetFromMaster\":-1.5,\"meanPathDelay\":0.0000152587890625}}\n");
	make_response(&m, GNOMON_MID_GRANDMASTER_CLUSTER_TABLE, 0, members, sizeof(members));
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":0,\"action\":\"RESPONSE\","
	       "\"id\":\"GRANDMASTER_CLUSTER_TABLE\",\"data\":{\"logQueryInterval\":0,"
	       "\"actualTableSize\":2,\"entries\":["
	       "{\"grandmasterClusterMembers\":{\"networkProtocol\":1,"
	       "\"address\":\"192.0.2.1\"}},"
	       "{\"grandmasterClusterMembers\":{\"networkProtocol\":2,"
	       "\"address\":\"09:09\"}}]}}\n");
	make_response(&m, GNOMON_MID_GRANDMASTER_CLUSTER_TABLE, 0, none, sizeof(none));
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":0,\"action\":\"RESPONSE\","
	       "\"id\":\"GRANDMASTER_CLUSTER_TABLE\",\"data\":{\"logQueryInterval\":0,"
	       "\"actualTableSize\":0,\"entries\":[]}}\n");
	make_response(&m, GNOMON_MID_CURRENT_DATA_SET, 0, current, 4);
	expect(print_json, &m,
	       "{\"source\":\"0c42a1.fffe.6d7ca6-1\",\"sequence\":0,\"action\":\"RESPONSE\","
	       "\"id\":\"CURRENT_DATA_SET\",\"data\":{\"stepsRemoved\":1},"
	       "\"malformed\":true,\"octets\":\"0001ffff\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/pmc/print/golden", test_golden, NULL, NULL, NULL },
		{ "/pmc/print/truncated", test_truncated, NULL, NULL, NULL },
		{ "/pmc/print/no_data", test_no_data, NULL, NULL, NULL },
		{ "/pmc/print/error_status", test_error_status, NULL, NULL, NULL },
		{ "/pmc/print/other_tlvs", test_other_tlvs, NULL, NULL, NULL },
		{ "/pmc/print/signaling", test_signaling, NULL, NULL, NULL },
		{ "/pmc/print/hostile_text", test_hostile_text, NULL, NULL, NULL },
		{ "/pmc/print/json_values", test_json_values, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("pmc/print", tests, NULL, NULL);
}
