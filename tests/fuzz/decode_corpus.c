/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seeds of the decoder's fuzz target: every message type, every TLV the library knows, and
 * each reason for refusal, made with the library's own encoder.
 */
#include <stdio.h>
#include <string.h>

#include <gnomon/msg.h>

#include "corpus.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEED_MAX 512

static const struct gnomon_port_identity here = { { { 2, 0, 0, 0xff, 0xfe, 0, 0, 1 } }, 1 };
static const struct gnomon_port_identity there = { { { 2, 0, 0, 0xff, 0xff, 0, 0, 2 } }, 274 };
static const struct gnomon_port_identity all = {
	{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } }, 0xffff,
};

static struct gnomon_msg message(enum gnomon_msg_type type)
{
	struct gnomon_msg msg = {
		.header = { .type = type, .version = GNOMON_VERSION_PTP,
			    .minor_version = GNOMON_MINOR_VERSION_PTP, .source = here,
			    .sequence_id = 41, .log_interval = GNOMON_LOG_INTERVAL_NONE },
	};

	if (type == GNOMON_MSG_ANNOUNCE) {
		msg.header.log_interval = 1;
		msg.header.flags = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID;
		msg.body.announce.current_utc_offset = 37;
		msg.body.announce.grandmaster_priority1 = 128;
		msg.body.announce.grandmaster_quality.clock_class = 6;
		msg.body.announce.grandmaster_quality.clock_accuracy = 0x21;
		msg.body.announce.grandmaster_quality.offset_scaled_log_variance = 0x4e5d;
		msg.body.announce.grandmaster_priority2 = 128;
		msg.body.announce.grandmaster_identity = there.clock;
		msg.body.announce.steps_removed = 1;
		msg.body.announce.time_source = 0x20;
	} else if (type == GNOMON_MSG_SIGNALING) {
		msg.body.signaling.target = there;
	} else if (type == GNOMON_MSG_MANAGEMENT) {
		msg.body.management.target = all;
		msg.body.management.starting_boundary_hops = 1;
		msg.body.management.boundary_hops = 1;
	} else {
		msg.timestamp.seconds = 1700000000;
		msg.timestamp.nanoseconds = 999999999;
		msg.header.correction = -0x18000;
	}
	return msg;
}

static size_t encode(const struct gnomon_msg *msg, uint8_t *out)
{
	int len = gnomon_msg_encode(msg, out, SEED_MAX);

	return len > 0 ? (size_t)len : 0;
}

/* A message with the TLVs that fill appends. */
static size_t with_tlvs(enum gnomon_msg_type type, uint8_t *out,
			void (*fill)(struct gnomon_tlv_builder *b))
{
	struct gnomon_msg msg = message(type);
	struct gnomon_tlv_builder b;
	uint8_t tlvs[SEED_MAX];

	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	fill(&b);
	msg.tlvs = tlvs;
	msg.tlvs_len = b.len;
	return b.bad ? 0 : encode(&msg, out);
}

/* A TLV of that many octets counting up, which no parser can mistake for padding. */
static void counting(struct gnomon_tlv_builder *b, uint16_t type, uint16_t length)
{
	uint8_t *value = gnomon_tlv_append(b, type, length);

	for (uint16_t i = 0; value && i < length; i++) {
		value[i] = (uint8_t)(i + 1);
	}
}

static void path_trace(struct gnomon_tlv_builder *b)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv_builder one;
	struct gnomon_tlv tlv;
	uint8_t first[16];

	gnomon_tlv_builder_init(&one, first, sizeof(first));
	gnomon_path_trace_append(&one, NULL, &there.clock);
	gnomon_tlv_iter_init(&it, first, one.len);
	if (gnomon_tlv_next(&it, &tlv)) {
		gnomon_path_trace_append(b, &tlv, &here.clock);
	}
}

static void alternate_offset(struct gnomon_tlv_builder *b)
{
	static const struct gnomon_alternate_time_offset ato = {
		1, -18000, 3600, 1800000000, 3, "EST",
	};

	gnomon_alternate_time_offset_append(b, &ato);
}

static void propagating(struct gnomon_tlv_builder *b)
{
	counting(b, GNOMON_TLV_ORGANIZATION_EXTENSION_PROPAGATE, 10);
	counting(b, GNOMON_TLV_ENHANCED_ACCURACY_METRICS, 84);
	counting(b, 0x7f00, 2);
	path_trace(b);
	alternate_offset(b);
}

/* The follow-up information of IEEE 802.1AS: an extension of 28 octets. */
static void organization(struct gnomon_tlv_builder *b)
{
	static const uint8_t data[22];
	static const struct gnomon_organization_extension ext = {
		GNOMON_TLV_ORGANIZATION_EXTENSION, { 0x00, 0x80, 0xc2 }, { 0, 0, 1 }, data,
		sizeof(data),
	};

	gnomon_organization_extension_append(b, &ext);
}

static void unicast_request(struct gnomon_tlv_builder *b)
{
	counting(b, GNOMON_TLV_REQUEST_UNICAST_TRANSMISSION, 6);
	counting(b, GNOMON_TLV_REQUEST_UNICAST_TRANSMISSION, 6);
	counting(b, GNOMON_TLV_REQUEST_UNICAST_TRANSMISSION, 6);
}

static void unicast_grant(struct gnomon_tlv_builder *b)
{
	counting(b, GNOMON_TLV_GRANT_UNICAST_TRANSMISSION, 8);
	counting(b, GNOMON_TLV_CANCEL_UNICAST_TRANSMISSION, 2);
	counting(b, GNOMON_TLV_ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION, 2);
}

static void not_propagating(struct gnomon_tlv_builder *b)
{
	counting(b, GNOMON_TLV_L1_SYNC, 2);
	counting(b, GNOMON_TLV_PORT_COMMUNICATION_AVAILABILITY, 2);
	counting(b, GNOMON_TLV_CUMULATIVE_RATE_RATIO, 4);
	counting(b, GNOMON_TLV_SLAVE_RX_SYNC_TIMING_DATA, 44);
	gnomon_pad_append(b, 0);
	gnomon_pad_append(b, 6);
	counting(b, GNOMON_TLV_AUTHENTICATION, 22);
}

static void management(struct gnomon_tlv_builder *b)
{
	counting(b, GNOMON_TLV_MANAGEMENT, 22);
}

static void management_error(struct gnomon_tlv_builder *b)
{
	counting(b, GNOMON_TLV_MANAGEMENT_ERROR_STATUS, 8);
}

static void nothing(struct gnomon_tlv_builder *b)
{
	(void)b;
}

struct seed {
	const char *name;
	enum gnomon_msg_type type;
	void (*fill)(struct gnomon_tlv_builder *b);
	/* then: one octet changed, where at is not 0, and octets appended */
	uint8_t at, value, more;
};

static const struct seed seeds[] = {
	{ "sync", GNOMON_MSG_SYNC, nothing, 0, 0, 0 },
	{ "delay_req", GNOMON_MSG_DELAY_REQ, nothing, 0, 0, 0 },
	{ "pdelay_req", GNOMON_MSG_PDELAY_REQ, nothing, 0, 0, 0 },
	{ "pdelay_resp", GNOMON_MSG_PDELAY_RESP, nothing, 0, 0, 0 },
	{ "follow_up", GNOMON_MSG_FOLLOW_UP, nothing, 0, 0, 0 },
	{ "delay_resp", GNOMON_MSG_DELAY_RESP, nothing, 0, 0, 0 },
	{ "pdelay_resp_follow_up", GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, nothing, 0, 0, 0 },
	{ "announce", GNOMON_MSG_ANNOUNCE, nothing, 0, 0, 0 },
	{ "signaling", GNOMON_MSG_SIGNALING, nothing, 0, 0, 0 },
	{ "management", GNOMON_MSG_MANAGEMENT, nothing, 0, 0, 0 },
	{ "announce_path_trace", GNOMON_MSG_ANNOUNCE, path_trace, 0, 0, 0 },
	{ "announce_alternate_offset", GNOMON_MSG_ANNOUNCE, alternate_offset, 0, 0, 0 },
	{ "announce_propagating", GNOMON_MSG_ANNOUNCE, propagating, 0, 0, 0 },
	{ "follow_up_organization", GNOMON_MSG_FOLLOW_UP, organization, 0, 0, 0 },
	{ "signaling_request", GNOMON_MSG_SIGNALING, unicast_request, 0, 0, 0 },
	{ "signaling_grant", GNOMON_MSG_SIGNALING, unicast_grant, 0, 0, 0 },
	{ "signaling_not_propagating", GNOMON_MSG_SIGNALING, not_propagating, 0, 0, 0 },
	{ "management_response", GNOMON_MSG_MANAGEMENT, management, 46, 2, 0 },
	{ "management_error", GNOMON_MSG_MANAGEMENT, management_error, 46, 2, 0 },
	/* Ethernet padding that is not zero, the two octets of Annex E, a rest of three */
	{ "padded", GNOMON_MSG_SYNC, nothing, 0, 0, 16 },
	{ "annex_e", GNOMON_MSG_DELAY_RESP, nothing, 0, 0, 2 },
	{ "rest", GNOMON_MSG_ANNOUNCE, path_trace, 3, 84 + 3, 3 },
	/* each refusal */
	{ "refuse_version", GNOMON_MSG_SYNC, nothing, 1, 1, 0 },
	{ "refuse_type", GNOMON_MSG_MANAGEMENT, management, 0xff, 0x0f, 0 },
	{ "refuse_length", GNOMON_MSG_FOLLOW_UP, nothing, 3, 45, 0 },
	{ "refuse_timestamp", GNOMON_MSG_PDELAY_RESP, nothing, 42, 0xca, 0 },
	{ "refuse_tlv_odd", GNOMON_MSG_ANNOUNCE, path_trace, 67, 15, 0 },
	{ "refuse_tlv_beyond", GNOMON_MSG_ANNOUNCE, path_trace, 66, 0xff, 0 },
};

static bool make(size_t i, struct corpus_seed *seed)
{
	const struct seed *s = &seeds[i];

	if (i == COUNT(seeds)) {
		return false;
	}
	snprintf(seed->name, sizeof(seed->name), "%s", s->name);
	seed->len = with_tlvs(s->type, seed->octets, s->fill);
	if (s->at == 0xff) {
		seed->octets[0] = s->value;
	} else if (s->at > 0) {
		seed->octets[s->at] = s->value;
	}
	memset(seed->octets + seed->len, 0xee, s->more);
	seed->len += s->more;
	return true;
}

int main(int argc, char **argv)
{
	return corpus_main(argc, argv, make);
}
