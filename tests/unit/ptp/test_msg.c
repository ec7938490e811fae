/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on the wire: octet vectors of all ten types in both directions, every reason for
 * refusal, and what must be survived.
 */
#include "tests/unit/ptp/vectors.h"

/* Octets of the type's vector, changed at one place, and what decoding says to them. */
static enum gnomon_decode_error decode_changed(const struct vector *v, size_t at, uint8_t value)
{
	uint8_t octets[sizeof(v->octets)];
	struct gnomon_msg msg;

	memcpy(octets, v->octets, sizeof(octets));
	octets[at] = value;
	return decode(&msg, octets, v->len);
}

/* -- vectors both ways ------------------------------------------------------------------------ */

static void vector_both_ways(void **state)
{
	const struct vector *v = *state;
	struct gnomon_header header;
	uint8_t out[sizeof(v->octets)];
	struct gnomon_msg msg;

	assert_int_equal(decode(&msg, v->octets, v->len), GNOMON_DECODE_OK);
	assert_msg(&msg, &v->msg);
	assert_int_equal(gnomon_header_decode(&header, fenced(v->octets, v->len), v->len),
			 GNOMON_DECODE_OK);
	assert_header(&header, &v->msg.header);

	assert_int_equal(gnomon_msg_encode(&v->msg, out, v->len), v->len);
	assert_memory_equal(out, v->octets, v->len);
}

static void names_and_lengths(void **state)
{
	static const struct {
		const char *name;
		size_t end;
	} expected[] = {
		{ "Sync", 44 },         { "Delay_Req", 44 },  { "Pdelay_Req", 54 },
		{ "Pdelay_Resp", 54 },  { "Follow_Up", 44 },  { "Delay_Resp", 54 },
		{ "Pdelay_Resp_Follow_Up", 54 },              { "Announce", 64 },
		{ "Signaling", 44 },    { "Management", 48 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(all_types); i++) {
		assert_string_equal(gnomon_msg_type_name(all_types[i]), expected[i].name);
		assert_int_equal(gnomon_msg_body_end(all_types[i]), expected[i].end);
		assert_int_equal(gnomon_msg_is_event(all_types[i]), i < 4);
	}
	for (int i = -1; i < 300; i++) {
		if ((i >= 4 && i <= 7) || i < 0 || i > 0xd) {
			enum gnomon_msg_type type = (enum gnomon_msg_type)i;

			assert_string_equal(gnomon_msg_type_name(type), "reserved");
			assert_int_equal(gnomon_msg_body_end(type), 0);
		}
	}
}

/* -- refusals --------------------------------------------------------------------------------- */

static void refuse_short(void **state)
{
	struct gnomon_header header;
	struct gnomon_msg msg;

	(void)state;
	assert_int_equal(gnomon_msg_decode(&msg, fence, 0), GNOMON_DECODE_SHORT);
	for (size_t len = 0; len < GNOMON_HEADER_LEN; len++) {
		assert_int_equal(decode(&msg, sync_vector.octets, len), GNOMON_DECODE_SHORT);
		assert_int_equal(gnomon_header_decode(&header, fence - len, len),
				 GNOMON_DECODE_SHORT);
	}
}

static void refuse_version(void **state)
{
	(void)state;
	for (unsigned int version = 0; version < 16; version++) {
		assert_int_equal(decode_changed(&sync_vector, 1, (uint8_t)(0x10 | version)),
				 version == 2 ? GNOMON_DECODE_OK : GNOMON_DECODE_VERSION);
	}
}

static void refuse_type(void **state)
{
	static const uint8_t reserved[] = { 0x4, 0x5, 0x6, 0x7, 0xe, 0xf };

	(void)state;
	for (size_t i = 0; i < COUNT(reserved); i++) {
		assert_int_equal(decode_changed(&announce_vector, 0, 0x10 | reserved[i]),
				 GNOMON_DECODE_TYPE);
	}
}

static void refuse_length_below_minimum(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = vectors[i];
		size_t end = gnomon_msg_body_end(v->msg.header.type);

		for (size_t length = 0; length < end; length++) {
			assert_int_equal(decode_changed(v, 3, (uint8_t)length),
					 GNOMON_DECODE_LENGTH);
		}
		assert_int_equal(decode_changed(v, 3, (uint8_t)end), GNOMON_DECODE_OK);
	}
}

/* The defect behind CVE-2021-3570: a messageLength beyond what was received. */
static void refuse_length_beyond_octets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = vectors[i];
		struct gnomon_msg msg;

		assert_int_equal(decode_changed(v, 3, (uint8_t)(v->len + 1)), GNOMON_DECODE_LENGTH);
		assert_int_equal(decode_changed(v, 2, 0xff), GNOMON_DECODE_LENGTH);
		for (size_t len = GNOMON_HEADER_LEN; len < v->len; len++) {
			assert_int_equal(decode(&msg, v->octets, len), GNOMON_DECODE_LENGTH);
		}
	}
}

static void refuse_length_beyond_limit(void **state)
{
	uint8_t octets[GNOMON_MSG_MAX + 4] = { 0 };
	struct gnomon_msg msg;

	(void)state;
	memcpy(octets, sync_vector.octets, 44);
	/* PAD filling the message up to exactly the limit, then two octets more. */
	octets[2] = GNOMON_MSG_MAX >> 8;
	octets[3] = GNOMON_MSG_MAX & 0xff;
	octets[44] = 0x80;
	octets[45] = 0x08;
	octets[46] = (GNOMON_MSG_MAX - 48) >> 8;
	octets[47] = (GNOMON_MSG_MAX - 48) & 0xff;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_OK);
	assert_int_equal(msg.tlvs_len, GNOMON_MSG_MAX - 44);
	octets[3] += 2;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_LENGTH);
}

static void refuse_timestamp(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = vectors[i];
		bool stamped = v->msg.header.type < GNOMON_MSG_SIGNALING;

		/* 999 999 999 is 3b9ac9ff: one more is the first that is none. */
		assert_int_equal(decode_changed(v, 40, 0xff),
				 stamped ? GNOMON_DECODE_TIMESTAMP : GNOMON_DECODE_OK);
		if (stamped) {
			assert_int_equal(decode_changed(v, 42, 0xca), GNOMON_DECODE_TIMESTAMP);
			assert_int_equal(decode_changed(v, 42, 0xc8), GNOMON_DECODE_OK);
		}
	}
}

static void refuse_tlv(void **state)
{
	(void)state;
	/* lengthField of the only TLV: odd, too long by two, far too long; shorter is a rest. */
	assert_int_equal(decode_changed(&announce_vector, 67, 7), GNOMON_DECODE_TLV);
	assert_int_equal(decode_changed(&announce_vector, 67, 9), GNOMON_DECODE_TLV);
	assert_int_equal(decode_changed(&announce_vector, 67, 10), GNOMON_DECODE_TLV);
	assert_int_equal(decode_changed(&announce_vector, 66, 0xff), GNOMON_DECODE_TLV);
	assert_int_equal(decode_changed(&signaling_vector, 47, 0x0a), GNOMON_DECODE_TLV);
	assert_int_equal(decode_changed(&management_vector, 51, 0x01), GNOMON_DECODE_TLV);
	assert_int_equal(decode_changed(&management_vector, 51, 0x04), GNOMON_DECODE_TLV);
	/* messageLength cuts the TLV although its octets are there. */
	assert_int_equal(decode_changed(&announce_vector, 3, 74), GNOMON_DECODE_TLV);
}

/* Each fault hides the later ones: the order is that of enum gnomon_decode_error. */
static void refuse_in_order(void **state)
{
	uint8_t octets[76];
	struct gnomon_msg msg;

	(void)state;
	memcpy(octets, announce_vector.octets, sizeof(octets));
	octets[67] = 9;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_TLV);
	octets[40] = 0xff;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_TIMESTAMP);
	octets[3] = 77;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_LENGTH);
	octets[0] = 0x3f;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_TYPE);
	octets[1] = 0x11;
	assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_VERSION);
	assert_int_equal(decode(&msg, octets, 33), GNOMON_DECODE_SHORT);
}

static void refused_header_is_untouched(void **state)
{
	struct gnomon_header header, before;

	(void)state;
	memset(&header, 0xa5, sizeof(header));
	memcpy(&before, &header, sizeof(before));
	assert_int_equal(gnomon_header_decode(&header, fenced(sync_vector.octets, 43), 43),
			 GNOMON_DECODE_LENGTH);
	assert_memory_equal(&header, &before, sizeof(before));
}

/* -- what must be survived -------------------------------------------------------------------- */

static void survive_any_unjudged_octet(void **state)
{
	static const size_t unjudged[] = {
		4, 5, 6, 7, 8, 9, 14, 15, 16, 19, 20, 27, 28, 29, 30, 31, 32, 33,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		for (size_t at = 0; at < COUNT(unjudged); at++) {
			for (unsigned int value = 0; value < 256; value++) {
				assert_int_equal(decode_changed(vectors[i], unjudged[at],
								(uint8_t)value),
						 GNOMON_DECODE_OK);
			}
		}
		for (unsigned int high = 0; high < 16; high++) {
			uint8_t sdo = (uint8_t)(high << 4 | vectors[i]->msg.header.type);

			assert_int_equal(decode_changed(vectors[i], 0, sdo), GNOMON_DECODE_OK);
			assert_int_equal(decode_changed(vectors[i], 1, (uint8_t)(high << 4 | 2)),
					 GNOMON_DECODE_OK);
		}
	}
}

static void survive_reserved_body_octets(void **state)
{
	uint8_t octets[80], out[80];
	struct gnomon_msg msg;

	(void)state;
	memcpy(octets, pdelay_req_vector.octets, 54);
	memset(octets + 44, 0xff, 10);
	assert_int_equal(decode(&msg, octets, 54), GNOMON_DECODE_OK);
	assert_msg(&msg, &pdelay_req_vector.msg);
	assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), 54);
	assert_memory_equal(out, pdelay_req_vector.octets, 54);

	memcpy(octets, announce_vector.octets, 76);
	octets[46] = 0xff;
	assert_int_equal(decode(&msg, octets, 76), GNOMON_DECODE_OK);
	assert_msg(&msg, &announce_vector.msg);

	memcpy(octets, management_vector.octets, 54);
	octets[46] |= 0xf0;
	octets[47] = 0xff;
	assert_int_equal(decode(&msg, octets, 54), GNOMON_DECODE_OK);
	assert_msg(&msg, &management_vector.msg);
}

/* Ethernet padding, Annex E's two octets and redundancy trailers are not part of the message. */
static void survive_octets_after_the_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = vectors[i];

		for (size_t more = 1; more <= 80; more++) {
			uint8_t octets[160];
			struct gnomon_msg msg;

			memset(octets, 0xff, sizeof(octets));
			memcpy(octets, v->octets, v->len);
			assert_int_equal(decode(&msg, octets, v->len + more), GNOMON_DECODE_OK);
			assert_msg(&msg, &v->msg);
		}
	}
}

static void survive_identities(void **state)
{
	static const uint8_t identities[][8] = {
		{ 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 0x00, 0x50, 0xc2, 0xff, 0xff, 0x01, 0x02, 0x03 },
		{ 0x01, 0x00, 0x5e, 0xff, 0xfe, 0x01, 0x02, 0x03 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(identities); i++) {
		uint8_t octets[76];
		struct gnomon_msg msg;

		memcpy(octets, announce_vector.octets, sizeof(octets));
		memcpy(octets + 20, identities[i], 8);
		memcpy(octets + 53, identities[i], 8);
		assert_int_equal(decode(&msg, octets, sizeof(octets)), GNOMON_DECODE_OK);
		assert_memory_equal(msg.header.source.clock.id, identities[i], 8);
		assert_memory_equal(msg.body.announce.grandmaster_identity.id, identities[i], 8);
	}
}

static void survive_announce_values(void **state)
{
	(void)state;
	for (size_t at = 44; at < 64; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			assert_int_equal(decode_changed(&announce_vector, at, (uint8_t)value),
					 GNOMON_DECODE_OK);
		}
	}
}

static void survive_extreme_corrections(void **state)
{
	static const int64_t corrections[] = { INT64_MIN, -INT64_MAX, -1, 0, 1, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(corrections); i++) {
		struct gnomon_msg msg = sync_vector.msg, back;
		uint8_t out[44];

		msg.header.correction = corrections[i];
		assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), 44);
		assert_int_equal(decode(&back, out, 44), GNOMON_DECODE_OK);
		assert_int_equal(back.header.correction, corrections[i]);
	}
}

/* A GET with its dataField, a TIME TLV shorter than its data, and no TLV at all: structure only. */
static void survive_management_tlvs(void **state)
{
	static const uint8_t lengths[] = { 0, 2, 4, 12, 20 };
	uint8_t octets[80] = { 0 };
	struct gnomon_msg msg;

	(void)state;
	memcpy(octets, management_vector.octets, 54);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		octets[51] = lengths[i];
		octets[3] = (uint8_t)(52 + lengths[i]);
		assert_int_equal(decode(&msg, octets, octets[3]), GNOMON_DECODE_OK);
		assert_int_equal(msg.tlvs_len, 4u + lengths[i]);
	}
	octets[3] = 48;
	assert_int_equal(decode(&msg, octets, 48), GNOMON_DECODE_OK);
	assert_int_equal(msg.tlvs_len, 0);
}

static void survive_a_rest_after_the_tlvs(void **state)
{
	(void)state;
	for (size_t rest = 1; rest <= 3; rest++) {
		uint8_t octets[80], out[80];
		struct gnomon_msg msg;

		memset(octets, 0xff, sizeof(octets));
		memcpy(octets, announce_vector.octets, 76);
		octets[3] = (uint8_t)(76 + rest);
		assert_int_equal(decode(&msg, octets, 76 + rest), GNOMON_DECODE_OK);
		assert_int_equal(msg.tlvs_len, 12);
		assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), 76);
		assert_memory_equal(out, announce_vector.octets, 76);

		octets[3] = (uint8_t)(64 + rest);
		assert_int_equal(decode(&msg, octets, 64 + rest), GNOMON_DECODE_OK);
		assert_int_equal(msg.tlvs_len, 0);
	}
}

#define VECTOR(name, v) { "/ptp/msg/vector/" name, vector_both_ways, NULL, NULL, v }

int main(void)
{
	const struct CMUnitTest tests[] = {
		VECTOR("sync", &sync_vector),
		VECTOR("delay_req", &delay_req_vector),
		VECTOR("pdelay_req", &pdelay_req_vector),
		VECTOR("pdelay_resp", &pdelay_resp_vector),
		VECTOR("follow_up", &follow_up_vector),
		VECTOR("delay_resp", &delay_resp_vector),
		VECTOR("pdelay_resp_follow_up", &pdelay_resp_follow_up_vector),
		VECTOR("announce", &announce_vector),
		VECTOR("signaling", &signaling_vector),
		VECTOR("management", &management_vector),
		{ "/ptp/msg/names_and_lengths", names_and_lengths },
		{ "/ptp/msg/refuse/short", refuse_short },
		{ "/ptp/msg/refuse/version", refuse_version },
		{ "/ptp/msg/refuse/type", refuse_type },
		{ "/ptp/msg/refuse/length_below_minimum", refuse_length_below_minimum },
		{ "/ptp/msg/refuse/length_beyond_octets", refuse_length_beyond_octets },
		{ "/ptp/msg/refuse/length_beyond_limit", refuse_length_beyond_limit },
		{ "/ptp/msg/refuse/timestamp", refuse_timestamp },
		{ "/ptp/msg/refuse/tlv", refuse_tlv },
		{ "/ptp/msg/refuse/in_order", refuse_in_order },
		{ "/ptp/msg/refuse/header_is_untouched", refused_header_is_untouched },
		{ "/ptp/msg/survive/any_unjudged_octet", survive_any_unjudged_octet },
		{ "/ptp/msg/survive/reserved_body_octets", survive_reserved_body_octets },
		{ "/ptp/msg/survive/octets_after_the_message", survive_octets_after_the_message },
		{ "/ptp/msg/survive/identities", survive_identities },
		{ "/ptp/msg/survive/announce_values", survive_announce_values },
		{ "/ptp/msg/survive/extreme_corrections", survive_extreme_corrections },
		{ "/ptp/msg/survive/management_tlvs", survive_management_tlvs },
		{ "/ptp/msg/survive/a_rest_after_the_tlvs", survive_a_rest_after_the_tlvs },
	};

	return cmocka_run_group_tests_name("/ptp/msg", tests, fence_setup, NULL);
}
