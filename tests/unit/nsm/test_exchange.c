/* SPDX-License-Identifier: BSD-2-Clause */
/* A NetSync Monitor exchange: what belongs to it, what does not, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tools/nsm/nsm.h"

static const struct gnomon_address server = { GNOMON_NETWORK_UDP_IPV4, 4, { 10, 0, 0, 1 }, 319 };
static const struct gnomon_address stranger = { GNOMON_NETWORK_UDP_IPV4, 4, { 10, 0, 0, 9 }, 319 };
static const struct gnomon_port_identity self = { { { 1, 1, 1, 1, 1, 1, 1, 1 } }, 1 };
static const struct gnomon_port_identity other = { { { 2, 2, 2, 2, 2, 2, 2, 2 } }, 1 };

/* A PTPMON_RESP with an IPv4 address, as ptp4l sends it. */
static const uint8_t response[] = {
	9,    0,    0,	  1,	0,    4,    10,	  0,	0,    7,    /* SLAVE, 10.0.0.7 */
	0xaa, 0xbb, 0xcc, 0xff, 0xfe, 1,    2,	  3,	0,    5,    /* parentPortIdentity */
	0,    0,    0x12, 0x34, 0x7f, 0xff, 0xff, 0xff,		    /* stats, variance, rate */
	127,  6,    0x21, 0x43, 0x21, 126,			    /* priority1, quality, p. 2 */
	0xcc, 0xbb, 0xaa, 0xff, 0xfe, 3,    2,	  1,		    /* grandmasterIdentity */
	0,    3,						    /* stepsRemoved */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x00,		    /* -0.5 ns */
	0,    0,    0,	  0,	0,    0x64, 0x80, 0x00,		    /* 100.5 ns */
	0,    37,   0x3c, 0x20,					    /* timePropertiesDS */
	0,    0,    0x5f, 0,	0,    1,    0,	  0,	0,    42,   /* lastSyncTimestamp */
};

static struct gnomon_tlv tlv_of(const uint8_t *value, size_t len)
{
	return (struct gnomon_tlv){ NSM_TLV_RESPONSE, (uint16_t)len, value };
}

static void parses(void **state)
{
	const struct gnomon_tlv tlv = tlv_of(response, sizeof(response));
	struct nsm_status s;
	char text[16384] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	const struct nsm_result result = { { -7, 0x8000 }, { 1, 0 } };

	(void)state;
	assert_int_equal(nsm_status_parse(&s, &tlv), 0);
	assert_int_equal(s.port_state, 9);
	assert_int_equal(s.parent.port, 5);
	assert_int_equal(s.observed_variance, 0x1234);
	assert_int_equal(s.grandmaster_quality.clock_class, 6);
	assert_int_equal(s.offset_from_master, -32768);
	assert_int_equal(s.last_sync.seconds, 0x5f000001);
	nsm_print(out, &s, &result);
	nsm_print_json(out, "10.0.0.1", &s, &result);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "\toffset                                -7\n"));
	assert_non_null(strstr(text, "\tportState                             SLAVE\n"));
	assert_non_null(strstr(text, "\tparentPortAddress                     1 10.0.0.7\n"));
	assert_non_null(strstr(text, "\toffsetFromMaster                      -0.5\n"));
	assert_non_null(strstr(text, "\tmeanPathDelay                         100.5\n"));
	assert_non_null(strstr(text, "\ttimeTraceable                         1\n"));
	assert_non_null(strstr(text, "\tleap61                                0\n"));
	assert_non_null(strstr(text, "\"offset_ns\":-6.500,\"delay_ns\":1.000"));
}

/* Cut anywhere, or with an address that cannot be: refused, and nothing is written. */
static void hostile(void **state)
{
	uint8_t octets[sizeof(response)];
	struct nsm_status s = { .port_state = 77 };

	(void)state;
	for (size_t len = 0; len < sizeof(response); len++) {
		const struct gnomon_tlv tlv = tlv_of(response, len);

		assert_int_equal(nsm_status_parse(&s, &tlv), -EBADMSG);
		assert_int_equal(s.port_state, 77);
	}
	memcpy(octets, response, sizeof(octets));
	for (unsigned int length = 5; length < 0x100; length++) {
		const struct gnomon_tlv tlv = tlv_of(octets, sizeof(octets));

		octets[5] = (uint8_t)length;
		assert_int_equal(nsm_status_parse(&s, &tlv), -EBADMSG);
	}
}

static void request(void **state)
{
	const struct nsm_exchange e = { .self = self, .sequence = 0xabcd };
	const struct gnomon_header header = { .sdo_id = 0x100, .minor_version = 1, .domain = 24 };
	uint8_t buf[GNOMON_MSG_MAX];
	struct gnomon_msg msg;
	struct gnomon_tlv tlv;
	int len = nsm_request_build(&e, &header, 50, buf, sizeof(buf));

	(void)state;
	assert_int_equal(len, 48);
	assert_int_equal(gnomon_msg_decode(&msg, buf, (size_t)len), GNOMON_DECODE_OK);
	assert_int_equal(msg.header.type, GNOMON_MSG_DELAY_REQ);
	assert_int_equal(msg.header.flags, GNOMON_FLAG_UNICAST);
	assert_int_equal(msg.header.sequence_id, 0xabcd);
	assert_int_equal(msg.header.correction, -50 * 65536);
	assert_int_equal(msg.header.domain, 24);
	assert_true(gnomon_tlv_find(msg.tlvs, msg.tlvs_len, NSM_TLV_REQUEST, &tlv));
	assert_int_equal(tlv.length, 0);
}

/* -- an exchange ------------------------------------------------------------------------------ */

/* The server is 1000 ns behind us, the path takes 300 ns each way. */
#define AHEAD 1000
#define PATH 300

static struct nsm_exchange begin(void)
{
	return (struct nsm_exchange){
		.active = true,
		.server = server,
		.self = self,
		.sequence = 7,
		.has_request = true,
		.request = { 100, 5000, 0 },
	};
}

static struct gnomon_msg message(enum gnomon_msg_type type, uint16_t flags)
{
	return (struct gnomon_msg){
		.header = { .type = type,
			    .flags = GNOMON_FLAG_UNICAST | flags,
			    .sequence_id = 7,
			    .source = other },
		.requesting = self,
	};
}

static bool take(struct nsm_exchange *e, const struct gnomon_msg *msg)
{
	const gnomon_time rx = { 100, 9000 + AHEAD + PATH, 0 };

	return nsm_exchange_take(e, msg, &server, &rx);
}

/* value with its TLV header before it. */
static struct gnomon_msg delay_resp(uint8_t tlvs[4 + sizeof(response)])
{
	struct gnomon_msg msg = message(GNOMON_MSG_DELAY_RESP, 0);

	tlvs[0] = NSM_TLV_RESPONSE >> 8;
	tlvs[1] = NSM_TLV_RESPONSE & 0xff;
	tlvs[2] = 0;
	tlvs[3] = sizeof(response);
	memcpy(tlvs + 4, response, sizeof(response));
	msg.tlvs = tlvs;
	msg.tlvs_len = 4 + sizeof(response);
	/* t4, with 40 ns of residence time on the way that the path does not count. */
	msg.timestamp = (struct gnomon_timestamp){ 100, 5000 - AHEAD + PATH + 40 };
	msg.header.correction = 40 * 65536;
	return msg;
}

static void two_step(void **state)
{
	struct nsm_exchange e = begin();
	struct gnomon_msg sync = message(GNOMON_MSG_SYNC, GNOMON_FLAG_TWO_STEP);
	struct gnomon_msg follow_up = message(GNOMON_MSG_FOLLOW_UP, 0);
	uint8_t tlvs[4 + sizeof(response)];
	struct gnomon_msg resp = delay_resp(tlvs);
	struct nsm_result r;

	(void)state;
	sync.header.correction = 10 * 65536;
	follow_up.header.correction = 15 * 65536;
	follow_up.timestamp = (struct gnomon_timestamp){ 100, 9000 - 25 };
	assert_true(take(&e, &resp));
	assert_true(take(&e, &follow_up));
	assert_false(nsm_exchange_done(&e, &r));
	assert_true(take(&e, &sync));
	assert_true(nsm_exchange_done(&e, &r));
	assert_int_equal(r.offset.ns, AHEAD);
	assert_int_equal(r.delay.ns, PATH);
	assert_false(take(&e, &sync)); /* once is enough */
	e.has_request = false;
	assert_false(nsm_exchange_done(&e, &r));
}

static void one_step(void **state)
{
	struct nsm_exchange e = begin();
	struct gnomon_msg sync = message(GNOMON_MSG_SYNC, 0);
	uint8_t tlvs[4 + sizeof(response)];
	struct gnomon_msg resp = delay_resp(tlvs);
	struct nsm_result r;

	(void)state;
	sync.timestamp = (struct gnomon_timestamp){ 100, 9000 };
	assert_true(take(&e, &sync));
	assert_false(nsm_exchange_done(&e, &r));
	assert_true(take(&e, &resp));
	assert_true(nsm_exchange_done(&e, &r));
	assert_int_equal(r.offset.ns, AHEAD);
}

static void not_ours(void **state)
{
	struct nsm_exchange e = begin();
	uint8_t tlvs[4 + sizeof(response)];
	const struct gnomon_msg good = delay_resp(tlvs);
	struct gnomon_msg sync = message(GNOMON_MSG_SYNC, GNOMON_FLAG_TWO_STEP);
	struct gnomon_msg bad;

	(void)state;
	assert_false(nsm_exchange_take(&e, &good, &stranger, NULL));
	bad = good;
	bad.header.sequence_id = 8;
	assert_false(take(&e, &bad));
	bad = good;
	bad.header.flags = 0;
	assert_false(take(&e, &bad));
	bad = good;
	bad.requesting = other;
	assert_false(take(&e, &bad));
	bad = good;
	bad.tlvs_len = 0;
	assert_false(take(&e, &bad));
	assert_false(nsm_exchange_take(&e, &sync, &server, NULL)); /* no stamp */
	bad = message(GNOMON_MSG_ANNOUNCE, 0);
	assert_false(take(&e, &bad));
	assert_true(take(&e, &good));
	sync.header.source = self; /* another port than the first message's */
	assert_false(take(&e, &sync));
	e.active = false;
	sync.header.source = other;
	assert_false(take(&e, &sync));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/nsm/exchange/parses", parses, NULL, NULL, NULL },
		{ "/nsm/exchange/hostile", hostile, NULL, NULL, NULL },
		{ "/nsm/exchange/request", request, NULL, NULL, NULL },
		{ "/nsm/exchange/two_step", two_step, NULL, NULL, NULL },
		{ "/nsm/exchange/one_step", one_step, NULL, NULL, NULL },
		{ "/nsm/exchange/not_ours", not_ours, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
