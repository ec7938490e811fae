/* SPDX-License-Identifier: BSD-2-Clause */
/* The messages of an exchange, and what comes of them. Pure. */
#include <errno.h>
#include <string.h>

#include "drivers/address.h"
#include "nsm.h"

/* -- reading ---------------------------------------------------------------------------------- */

/* Once it has run past the end it stays bad, and gives zeros. */
struct cursor {
	const uint8_t *next;
	size_t left;
	bool bad;
};

static uint64_t get(struct cursor *c, unsigned int octets)
{
	uint64_t value = 0;

	if (c->bad || c->left < octets) {
		c->bad = true;
		return 0;
	}
	for (unsigned int i = 0; i < octets; i++) {
		value = value << 8 | c->next[i];
	}
	c->next += octets;
	c->left -= octets;
	return value;
}

static void get_octets(struct cursor *c, uint8_t *to, size_t octets)
{
	for (size_t i = 0; i < octets; i++) {
		to[i] = (uint8_t)get(c, 1);
	}
}

/* portState, then the parent's protocol address. */
static void parse_head(struct cursor *c, struct nsm_status *s)
{
	s->port_state = (uint8_t)get(c, 1);
	(void)get(c, 1);
	s->parent_address.network_protocol = (uint16_t)get(c, 2);
	s->parent_address.length = (uint8_t)get(c, 2);
	if (s->parent_address.length > sizeof(s->parent_address.octets)) {
		c->bad = true;
		return;
	}
	get_octets(c, s->parent_address.octets, s->parent_address.length);
}

/* parentDS, currentDS, timePropertiesDS, in the order of their members (8.2). */
static void parse_data_sets(struct cursor *c, struct nsm_status *s)
{
	get_octets(c, s->parent.clock.id, sizeof(s->parent.clock.id));
	s->parent.port = (uint16_t)get(c, 2);
	s->parent_stats = (uint8_t)get(c, 1);
	(void)get(c, 1);
	s->observed_variance = (uint16_t)get(c, 2);
	s->observed_phase_change_rate = (uint32_t)get(c, 4);
	s->grandmaster_priority1 = (uint8_t)get(c, 1);
	s->grandmaster_quality.clock_class = (uint8_t)get(c, 1);
	s->grandmaster_quality.clock_accuracy = (uint8_t)get(c, 1);
	s->grandmaster_quality.offset_scaled_log_variance = (uint16_t)get(c, 2);
	s->grandmaster_priority2 = (uint8_t)get(c, 1);
	get_octets(c, s->grandmaster.id, sizeof(s->grandmaster.id));
	s->steps_removed = (uint16_t)get(c, 2);
	s->offset_from_master = (int64_t)get(c, 8);
	s->mean_path_delay = (int64_t)get(c, 8);
	s->utc_offset = (int16_t)get(c, 2);
	s->flags = (uint8_t)get(c, 1);
	s->time_source = (uint8_t)get(c, 1);
	s->last_sync.seconds = get(c, 6);
	s->last_sync.nanoseconds = (uint32_t)get(c, 4);
}

int nsm_status_parse(struct nsm_status *status, const struct gnomon_tlv *tlv)
{
	struct cursor c = { tlv->value, tlv->length, false };
	struct nsm_status s = { 0 };

	parse_head(&c, &s);
	parse_data_sets(&c, &s);
	if (c.bad) {
		return -EBADMSG;
	}
	*status = s;
	return 0;
}

/* -- an exchange ------------------------------------------------------------------------------ */

int nsm_request_build(const struct nsm_exchange *exchange, const struct gnomon_header *header,
		      int64_t asymmetry_ns, uint8_t *buf, size_t cap)
{
	static const uint8_t empty[4] = { NSM_TLV_REQUEST >> 8, NSM_TLV_REQUEST & 0xff, 0, 0 };
	struct gnomon_msg msg = { .header = *header, .tlvs = empty, .tlvs_len = sizeof(empty) };

	msg.header.type = GNOMON_MSG_DELAY_REQ;
	msg.header.version = GNOMON_VERSION_PTP;
	msg.header.flags = GNOMON_FLAG_UNICAST;
	msg.header.correction = gnomon_span_to_interval(gnomon_span_from_ns(-asymmetry_ns));
	msg.header.source = exchange->self;
	msg.header.sequence_id = exchange->sequence;
	msg.header.log_interval = GNOMON_LOG_INTERVAL_NONE;
	return gnomon_msg_encode(&msg, buf, cap);
}

/* The first message of the server tells its identity; the others have to have the same. */
static bool from_server(struct nsm_exchange *e, const struct gnomon_msg *msg,
			const struct gnomon_address *source)
{
	if (!e->active || !address_equal(source, &e->server) ||
	    !(msg->header.flags & GNOMON_FLAG_UNICAST) || msg->header.sequence_id != e->sequence) {
		return false;
	}
	if (!e->has_sync && !e->has_follow_up && !e->has_response) {
		e->server_port = msg->header.source;
	}
	return gnomon_port_identity_cmp(&msg->header.source, &e->server_port) == 0;
}

static bool take_sync(struct nsm_exchange *e, const struct gnomon_msg *msg, const gnomon_time *rx)
{
	if (e->has_sync || !rx) {
		return false;
	}
	e->has_sync = true;
	e->one_step = !(msg->header.flags & GNOMON_FLAG_TWO_STEP);
	e->sync_rx = *rx;
	e->sync_correction = gnomon_sat_add(e->sync_correction, msg->header.correction);
	if (e->one_step) {
		e->sync_tx = gnomon_timestamp_to_time(msg->timestamp);
	}
	return true;
}

static bool take_follow_up(struct nsm_exchange *e, const struct gnomon_msg *msg)
{
	if (e->has_follow_up) {
		return false;
	}
	e->has_follow_up = true;
	e->sync_tx = gnomon_timestamp_to_time(msg->timestamp);
	e->sync_correction = gnomon_sat_add(e->sync_correction, msg->header.correction);
	return true;
}

static bool take_response(struct nsm_exchange *e, const struct gnomon_msg *msg)
{
	struct gnomon_tlv tlv;

	if (e->has_response || gnomon_port_identity_cmp(&msg->requesting, &e->self) != 0 ||
	    !gnomon_tlv_find(msg->tlvs, msg->tlvs_len, NSM_TLV_RESPONSE, &tlv) ||
	    nsm_status_parse(&e->status, &tlv) != 0) {
		return false;
	}
	e->has_response = true;
	e->response = gnomon_timestamp_to_time(msg->timestamp);
	e->response_correction = msg->header.correction;
	return true;
}

bool nsm_exchange_take(struct nsm_exchange *e, const struct gnomon_msg *msg,
		       const struct gnomon_address *source, const gnomon_time *rx)
{
	if (!from_server(e, msg, source)) {
		return false;
	}
	switch (msg->header.type) {
	case GNOMON_MSG_SYNC:
		return take_sync(e, msg, rx);
	case GNOMON_MSG_FOLLOW_UP:
		return take_follow_up(e, msg);
	case GNOMON_MSG_DELAY_RESP:
		return take_response(e, msg);
	case GNOMON_MSG_DELAY_REQ:
	case GNOMON_MSG_PDELAY_REQ:
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
	case GNOMON_MSG_ANNOUNCE:
	case GNOMON_MSG_SIGNALING:
	case GNOMON_MSG_MANAGEMENT:
		break;
	}
	return false;
}

/* 11.3: t1 and t4 corrected; half of the difference of both ways is the offset. */
bool nsm_exchange_done(const struct nsm_exchange *e, struct nsm_result *result)
{
	gnomon_span there, back;

	if (!e->active || !e->has_request || !e->has_sync || !e->has_response ||
	    (!e->one_step && !e->has_follow_up)) {
		return false;
	}
	there = gnomon_time_diff(
		e->sync_rx,
		gnomon_time_add(e->sync_tx, gnomon_span_from_interval(e->sync_correction)));
	back = gnomon_time_diff(
		gnomon_time_sub_span(e->response,
				     gnomon_span_from_interval(e->response_correction)),
		e->request);
	result->offset = gnomon_span_half(gnomon_span_sub(there, back));
	result->delay = gnomon_span_half(gnomon_span_add(there, back));
	return true;
}
