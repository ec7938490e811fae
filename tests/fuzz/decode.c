/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder on any octets. What it accepts must encode; the encoding must decode to the same
 * message and encode to the same octets again; and it must be the input itself but for reserved
 * octets and a rest after the TLVs. TLVs are walked, rebuilt, parsed and built in every form.
 */
#include <string.h>

#include <gnomon/msg.h>

#include "fuzz.h"

static bool same_timestamp(const struct gnomon_timestamp *a, const struct gnomon_timestamp *b)
{
	return a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

static bool same_port_identity(const struct gnomon_port_identity *a,
			       const struct gnomon_port_identity *b)
{
	return gnomon_port_identity_cmp(a, b) == 0;
}

static bool same_header(const struct gnomon_header *a, const struct gnomon_header *b)
{
	return a->type == b->type && a->sdo_id == b->sdo_id && a->version == b->version &&
	       a->minor_version == b->minor_version && a->domain == b->domain &&
	       a->flags == b->flags && a->correction == b->correction &&
	       a->type_specific == b->type_specific && same_port_identity(&a->source, &b->source) &&
	       a->sequence_id == b->sequence_id && a->control == b->control &&
	       a->log_interval == b->log_interval;
}

static bool same_announce(const struct gnomon_announce *a, const struct gnomon_announce *b)
{
	const struct gnomon_clock_quality *p = &a->grandmaster_quality;
	const struct gnomon_clock_quality *q = &b->grandmaster_quality;

	return same_timestamp(&a->origin, &b->origin) &&
	       a->current_utc_offset == b->current_utc_offset &&
	       a->grandmaster_priority1 == b->grandmaster_priority1 &&
	       p->clock_class == q->clock_class && p->clock_accuracy == q->clock_accuracy &&
	       p->offset_scaled_log_variance == q->offset_scaled_log_variance &&
	       a->grandmaster_priority2 == b->grandmaster_priority2 &&
	       gnomon_clock_identity_cmp(&a->grandmaster_identity, &b->grandmaster_identity) == 0 &&
	       a->steps_removed == b->steps_removed && a->time_source == b->time_source;
}

static bool same_management(const struct gnomon_management *a, const struct gnomon_management *b)
{
	return same_port_identity(&a->target, &b->target) &&
	       a->starting_boundary_hops == b->starting_boundary_hops &&
	       a->boundary_hops == b->boundary_hops && a->action == b->action;
}

static bool same_body(const struct gnomon_msg *a, const struct gnomon_msg *b)
{
	switch (a->header.type) {
	case GNOMON_MSG_ANNOUNCE:
		return same_announce(&a->body.announce, &b->body.announce);
	case GNOMON_MSG_SIGNALING:
		return same_port_identity(&a->body.signaling.target, &b->body.signaling.target);
	case GNOMON_MSG_MANAGEMENT:
		return same_management(&a->body.management, &b->body.management);
	case GNOMON_MSG_SYNC:
	case GNOMON_MSG_DELAY_REQ:
	case GNOMON_MSG_PDELAY_REQ:
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_FOLLOW_UP:
	case GNOMON_MSG_DELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
		break;
	}
	return same_timestamp(&a->timestamp, &b->timestamp) &&
	       same_port_identity(&a->requesting, &b->requesting);
}

static bool same_message(const struct gnomon_msg *a, const struct gnomon_msg *b)
{
	return same_header(&a->header, &b->header) && same_body(a, b) &&
	       a->tlvs_len == b->tlvs_len && memcmp(a->tlvs, b->tlvs, a->tlvs_len) == 0;
}

/* -- TLVs ------------------------------------------------------------------------------------- */

static void check_alternate_time_offset(const struct gnomon_tlv *tlv)
{
	struct gnomon_alternate_time_offset ato, again;
	struct gnomon_tlv_builder b;
	struct gnomon_tlv built;
	uint8_t buf[64];

	if (gnomon_alternate_time_offset_parse(&ato, tlv) != 0) {
		return;
	}
	FUZZ_CHECK(ato.name_len <= GNOMON_DISPLAY_NAME_MAX && ato.name[ato.name_len] == '\0');
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	gnomon_alternate_time_offset_append(&b, &ato);
	FUZZ_CHECK(gnomon_tlv_builder_finish(&b) > 0);
	FUZZ_CHECK(gnomon_tlv_find(buf, b.len, GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR, &built));
	FUZZ_CHECK(gnomon_alternate_time_offset_parse(&again, &built) == 0);
	FUZZ_CHECK(ato.key == again.key && ato.current_offset == again.current_offset &&
		   ato.jump_seconds == again.jump_seconds &&
		   ato.time_of_next_jump == again.time_of_next_jump &&
		   ato.name_len == again.name_len &&
		   memcmp(ato.name, again.name, ato.name_len) == 0);
}

static void check_organization_extension(const struct gnomon_tlv *tlv)
{
	static uint8_t buf[4 + 0xffff];
	struct gnomon_organization_extension ext;
	struct gnomon_tlv_builder b;

	if (gnomon_organization_extension_parse(&ext, tlv) != 0) {
		return;
	}
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	gnomon_organization_extension_append(&b, &ext);
	FUZZ_CHECK(gnomon_tlv_builder_finish(&b) == 4 + tlv->length);
	FUZZ_CHECK(memcmp(buf, tlv->value - 4, b.len) == 0);
}

static void check_path_trace(const struct gnomon_tlv *tlv)
{
	static uint8_t buf[4 + 0xffff];
	const size_t n = gnomon_path_trace_count(tlv);
	const struct gnomon_clock_identity own = { { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct gnomon_tlv_builder b;
	struct gnomon_tlv built;

	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	gnomon_path_trace_append(&b, tlv, &own);
	if (gnomon_tlv_builder_finish(&b) < 0) {
		FUZZ_CHECK(8 * (n + 1) > 0xfffe);
		return;
	}
	FUZZ_CHECK(gnomon_tlv_find(buf, b.len, GNOMON_TLV_PATH_TRACE, &built));
	FUZZ_CHECK(gnomon_path_trace_count(&built) == n + 1);
	FUZZ_CHECK(gnomon_path_trace_contains(&built, &own));
	FUZZ_CHECK(memcmp(built.value, tlv->value, 8 * n) == 0);
}

/* Walk any octets; rebuilding what was found gives the octets it was found in. */
static void check_tlvs(const uint8_t *octets, size_t len)
{
	static uint8_t buf[1 << 20];
	struct gnomon_tlv_iter it;
	struct gnomon_tlv_builder b;
	struct gnomon_tlv tlv;

	gnomon_tlv_iter_init(&it, octets, len);
	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	while (gnomon_tlv_next(&it, &tlv)) {
		FUZZ_CHECK(tlv.value >= octets && tlv.value + tlv.length <= octets + len);
		check_alternate_time_offset(&tlv);
		check_organization_extension(&tlv);
		check_path_trace(&tlv);
		gnomon_tlv_append_copy(&b, &tlv);
	}
	FUZZ_CHECK(it.bad || it.left < 4);
	FUZZ_CHECK(gnomon_tlv_builder_finish(&b) == (int)(len - it.left));
	FUZZ_CHECK(memcmp(buf, octets, b.len) == 0);
}

/* -- messages --------------------------------------------------------------------------------- */

/* The header alone is accepted exactly when none of its own faults was found. */
static void check_header(const uint8_t *data, size_t size, enum gnomon_decode_error error)
{
	bool own_fault = error == GNOMON_DECODE_SHORT || error == GNOMON_DECODE_VERSION ||
			 error == GNOMON_DECODE_TYPE || error == GNOMON_DECODE_LENGTH;
	struct gnomon_header header;
	enum gnomon_decode_error alone = gnomon_header_decode(&header, data, size);

	FUZZ_CHECK(alone == (own_fault ? error : GNOMON_DECODE_OK));
}

/* Octets of a body that are reserved: the encoder sends zeros. */
static void clear_reserved(uint8_t *octets, enum gnomon_msg_type type)
{
	if (type == GNOMON_MSG_PDELAY_REQ) {
		memset(octets + 44, 0, 10);
	} else if (type == GNOMON_MSG_ANNOUNCE) {
		octets[46] = 0;
	} else if (type == GNOMON_MSG_MANAGEMENT) {
		octets[46] &= 0xf;
		octets[47] = 0;
	}
}

static void check_encoding(const struct gnomon_msg *msg, const uint8_t *data)
{
	uint8_t first[GNOMON_MSG_MAX], second[GNOMON_MSG_MAX], expected[GNOMON_MSG_MAX];
	int len = gnomon_msg_encode(msg, first, sizeof(first));
	struct gnomon_msg again;

	FUZZ_CHECK(len > 0 && len <= msg->header.length && msg->header.length - len < 4);
	FUZZ_CHECK(gnomon_msg_encode(msg, second, (size_t)len - 1) < 0);
	memcpy(expected, data, (size_t)len);
	expected[2] = (uint8_t)(len >> 8);
	expected[3] = (uint8_t)len;
	clear_reserved(expected, msg->header.type);
	FUZZ_CHECK(memcmp(first, expected, (size_t)len) == 0);

	FUZZ_CHECK(gnomon_msg_decode(&again, first, (size_t)len) == GNOMON_DECODE_OK);
	FUZZ_CHECK(again.header.length == len && same_message(msg, &again));
	FUZZ_CHECK(gnomon_msg_encode(&again, second, (size_t)len) == len);
	FUZZ_CHECK(memcmp(first, second, (size_t)len) == 0);
}

static void check_values(const struct gnomon_msg *msg)
{
	gnomon_time t = gnomon_timestamp_to_time(msg->timestamp);
	gnomon_span correction = gnomon_span_from_interval(msg->header.correction);
	char text[GNOMON_PORT_IDENTITY_STRLEN];
	struct gnomon_timestamp ts;

	FUZZ_CHECK(gnomon_timestamp_from_time(&ts, t) == 0);
	FUZZ_CHECK(same_timestamp(&ts, &msg->timestamp));
	FUZZ_CHECK(gnomon_span_to_interval(correction) == msg->header.correction ||
		   msg->header.correction == INT64_MIN);
	gnomon_port_identity_format(text, &msg->header.source);
	FUZZ_CHECK(strlen(text) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum gnomon_decode_error error;
	struct gnomon_msg msg;

	error = gnomon_msg_decode(&msg, data, size);
	check_header(data, size, error);
	if (error == GNOMON_DECODE_OK) {
		FUZZ_CHECK(msg.tlvs >= data && msg.tlvs + msg.tlvs_len <= data + size);
		check_encoding(&msg, data);
		check_values(&msg);
		check_tlvs(msg.tlvs, msg.tlvs_len);
	}
	check_tlvs(data, size);
	return 0;
}
