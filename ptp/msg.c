/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common header and the ten message bodies (clause 13). Lengths are settled before the first
 * field is touched, so the cursors below never run out; they are what keeps that true when a
 * layout changes.
 */
#include <errno.h>

#include "wire.h"

#define NSEC_LIMIT 1000000000u
#define SECONDS_MAX 0xffffffffffffu

static const struct {
	const char *name;
	uint8_t body_end;
} types[16] = {
	[GNOMON_MSG_SYNC] = { "Sync", 44 },
	[GNOMON_MSG_DELAY_REQ] = { "Delay_Req", 44 },
	[GNOMON_MSG_PDELAY_REQ] = { "Pdelay_Req", 54 },
	[GNOMON_MSG_PDELAY_RESP] = { "Pdelay_Resp", 54 },
	[GNOMON_MSG_FOLLOW_UP] = { "Follow_Up", 44 },
	[GNOMON_MSG_DELAY_RESP] = { "Delay_Resp", 54 },
	[GNOMON_MSG_PDELAY_RESP_FOLLOW_UP] = { "Pdelay_Resp_Follow_Up", 54 },
	[GNOMON_MSG_ANNOUNCE] = { "Announce", 64 },
	[GNOMON_MSG_SIGNALING] = { "Signaling", 44 },
	[GNOMON_MSG_MANAGEMENT] = { "Management", 48 },
};

const char *gnomon_msg_type_name(enum gnomon_msg_type type)
{
	unsigned int i = (unsigned int)type;

	return i < 16 && types[i].name ? types[i].name : "reserved";
}

size_t gnomon_msg_body_end(enum gnomon_msg_type type)
{
	unsigned int i = (unsigned int)type;

	return i < 16 ? types[i].body_end : 0;
}

/* The one timestamp of a message; NULL for the types that have none. */
static const struct gnomon_timestamp *message_timestamp(const struct gnomon_msg *msg)
{
	switch (msg->header.type) {
	case GNOMON_MSG_SYNC:
	case GNOMON_MSG_DELAY_REQ:
	case GNOMON_MSG_PDELAY_REQ:
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_FOLLOW_UP:
	case GNOMON_MSG_DELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
		return &msg->timestamp;
	case GNOMON_MSG_ANNOUNCE:
		return &msg->body.announce.origin;
	case GNOMON_MSG_SIGNALING:
	case GNOMON_MSG_MANAGEMENT:
		break;
	}
	return NULL;
}

/* -- decode ----------------------------------------------------------------------------------- */

static void get_header(struct gnomon_header *h, const uint8_t *buf)
{
	struct wire_reader r = wire_reader_init(buf, GNOMON_HEADER_LEN);
	uint8_t sdo_type = wire_get_u8(&r);
	uint8_t versions = wire_get_u8(&r);

	h->type = (enum gnomon_msg_type)(sdo_type & 0xf);
	h->version = versions & 0xf;
	h->minor_version = versions >> 4;
	h->length = wire_get_u16(&r);
	h->domain = wire_get_u8(&r);
	h->sdo_id = (uint16_t)((sdo_type & 0xf0) << 4 | wire_get_u8(&r));
	h->flags = wire_get_u16(&r);
	h->correction = (int64_t)wire_get_u64(&r);
	h->type_specific = wire_get_u32(&r);
	wire_get_port_identity(&r, &h->source);
	h->sequence_id = wire_get_u16(&r);
	h->control = wire_get_u8(&r);
	h->log_interval = (int8_t)wire_get_u8(&r);
}

static void get_announce(struct wire_reader *r, struct gnomon_announce *a)
{
	wire_get_timestamp(r, &a->origin);
	a->current_utc_offset = (int16_t)wire_get_u16(r);
	wire_take(r, 1);
	a->grandmaster_priority1 = wire_get_u8(r);
	wire_get_clock_quality(r, &a->grandmaster_quality);
	a->grandmaster_priority2 = wire_get_u8(r);
	wire_get_clock_identity(r, &a->grandmaster_identity);
	a->steps_removed = wire_get_u16(r);
	a->time_source = wire_get_u8(r);
}

static void get_management(struct wire_reader *r, struct gnomon_management *m)
{
	wire_get_port_identity(r, &m->target);
	m->starting_boundary_hops = wire_get_u8(r);
	m->boundary_hops = wire_get_u8(r);
	m->action = wire_get_u8(r) & 0xf;
}

static void get_body(struct gnomon_msg *msg, const uint8_t *body, size_t len)
{
	struct wire_reader r = wire_reader_init(body, len);

	switch (msg->header.type) {
	case GNOMON_MSG_SYNC:
	case GNOMON_MSG_DELAY_REQ:
	case GNOMON_MSG_PDELAY_REQ:
	case GNOMON_MSG_FOLLOW_UP:
		wire_get_timestamp(&r, &msg->timestamp);
		break;
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_DELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
		wire_get_timestamp(&r, &msg->timestamp);
		wire_get_port_identity(&r, &msg->requesting);
		break;
	case GNOMON_MSG_ANNOUNCE:
		get_announce(&r, &msg->body.announce);
		break;
	case GNOMON_MSG_SIGNALING:
		wire_get_port_identity(&r, &msg->body.signaling.target);
		break;
	case GNOMON_MSG_MANAGEMENT:
		get_management(&r, &msg->body.management);
		break;
	}
}

/* The structure of the TLV chain. A rest of one to three octets cannot be a TLV: left out. */
static bool take_tlvs(struct gnomon_msg *msg, const uint8_t *tlvs, size_t len)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	gnomon_tlv_iter_init(&it, tlvs, len);
	while (gnomon_tlv_next(&it, &tlv)) {
	}
	msg->tlvs = tlvs;
	msg->tlvs_len = len - it.left;
	return !it.bad;
}

enum gnomon_decode_error gnomon_header_decode(struct gnomon_header *header, const uint8_t *buf,
					      size_t len)
{
	size_t body_end, length;

	if (len < GNOMON_HEADER_LEN) {
		return GNOMON_DECODE_SHORT;
	}
	if ((buf[1] & 0xf) != GNOMON_VERSION_PTP) {
		return GNOMON_DECODE_VERSION;
	}
	body_end = types[buf[0] & 0xf].body_end;
	if (body_end == 0) {
		return GNOMON_DECODE_TYPE;
	}
	length = wire_load_u16(buf + 2);
	if (length < body_end || length > len || length > GNOMON_MSG_MAX) {
		return GNOMON_DECODE_LENGTH;
	}
	get_header(header, buf);
	return GNOMON_DECODE_OK;
}

enum gnomon_decode_error gnomon_msg_decode(struct gnomon_msg *msg, const uint8_t *buf, size_t len)
{
	const struct gnomon_timestamp *ts;
	enum gnomon_decode_error error;
	size_t body_end;

	memset(msg, 0, sizeof(*msg));
	error = gnomon_header_decode(&msg->header, buf, len);
	if (error != GNOMON_DECODE_OK) {
		return error;
	}
	body_end = types[msg->header.type].body_end;
	get_body(msg, buf + GNOMON_HEADER_LEN, body_end - GNOMON_HEADER_LEN);
	ts = message_timestamp(msg);
	if (ts && ts->nanoseconds >= NSEC_LIMIT) {
		return GNOMON_DECODE_TIMESTAMP;
	}
	if (!take_tlvs(msg, buf + body_end, msg->header.length - body_end)) {
		return GNOMON_DECODE_TLV;
	}
	return GNOMON_DECODE_OK;
}

/* -- encode ----------------------------------------------------------------------------------- */

static void put_header(const struct gnomon_header *h, size_t length, uint8_t *buf)
{
	struct wire_writer w = wire_writer_init(buf, GNOMON_HEADER_LEN);

	wire_put_u8(&w, (uint8_t)((h->sdo_id >> 4 & 0xf0) | (unsigned int)h->type));
	wire_put_u8(&w, (uint8_t)(h->minor_version << 4 | (h->version & 0xf)));
	wire_put_u16(&w, (uint16_t)length);
	wire_put_u8(&w, h->domain);
	wire_put_u8(&w, (uint8_t)h->sdo_id);
	wire_put_u16(&w, h->flags);
	wire_put_u64(&w, (uint64_t)h->correction);
	wire_put_u32(&w, h->type_specific);
	wire_put_port_identity(&w, &h->source);
	wire_put_u16(&w, h->sequence_id);
	wire_put_u8(&w, h->control);
	wire_put_u8(&w, (uint8_t)h->log_interval);
}

static void put_announce(struct wire_writer *w, const struct gnomon_announce *a)
{
	wire_put_timestamp(w, &a->origin);
	wire_put_u16(w, (uint16_t)a->current_utc_offset);
	wire_put_zeros(w, 1);
	wire_put_u8(w, a->grandmaster_priority1);
	wire_put_clock_quality(w, &a->grandmaster_quality);
	wire_put_u8(w, a->grandmaster_priority2);
	wire_put_clock_identity(w, &a->grandmaster_identity);
	wire_put_u16(w, a->steps_removed);
	wire_put_u8(w, a->time_source);
}

static void put_management(struct wire_writer *w, const struct gnomon_management *m)
{
	wire_put_port_identity(w, &m->target);
	wire_put_u8(w, m->starting_boundary_hops);
	wire_put_u8(w, m->boundary_hops);
	wire_put_u8(w, m->action & 0xf);
	wire_put_zeros(w, 1);
}

static void put_body(const struct gnomon_msg *msg, uint8_t *body, size_t len)
{
	struct wire_writer w = wire_writer_init(body, len);

	switch (msg->header.type) {
	case GNOMON_MSG_SYNC:
	case GNOMON_MSG_DELAY_REQ:
	case GNOMON_MSG_FOLLOW_UP:
		wire_put_timestamp(&w, &msg->timestamp);
		break;
	case GNOMON_MSG_PDELAY_REQ:
		wire_put_timestamp(&w, &msg->timestamp);
		wire_put_zeros(&w, 10);
		break;
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_DELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
		wire_put_timestamp(&w, &msg->timestamp);
		wire_put_port_identity(&w, &msg->requesting);
		break;
	case GNOMON_MSG_ANNOUNCE:
		put_announce(&w, &msg->body.announce);
		break;
	case GNOMON_MSG_SIGNALING:
		wire_put_port_identity(&w, &msg->body.signaling.target);
		break;
	case GNOMON_MSG_MANAGEMENT:
		put_management(&w, &msg->body.management);
		break;
	}
}

int gnomon_msg_encode(const struct gnomon_msg *msg, uint8_t *buf, size_t cap)
{
	size_t body_end = gnomon_msg_body_end(msg->header.type);
	const struct gnomon_timestamp *ts = message_timestamp(msg);
	size_t room = cap < GNOMON_MSG_MAX ? cap : GNOMON_MSG_MAX;

	if (body_end == 0) {
		return -EINVAL;
	}
	if (ts && (ts->nanoseconds >= NSEC_LIMIT || ts->seconds > SECONDS_MAX)) {
		return -EINVAL;
	}
	if (room < body_end || room - body_end < msg->tlvs_len) {
		return -ENOBUFS;
	}
	/* First the TLVs: they may lie in buf already, at their place or at another. */
	if (msg->tlvs_len > 0) {
		memmove(buf + body_end, msg->tlvs, msg->tlvs_len);
	}
	put_body(msg, buf + GNOMON_HEADER_LEN, body_end - GNOMON_HEADER_LEN);
	put_header(&msg->header, body_end + msg->tlvs_len, buf);
	return (int)(body_end + msg->tlvs_len);
}

/* -- timestamps ------------------------------------------------------------------------------- */

int64_t gnomon_timestamp_from_time(struct gnomon_timestamp *ts, gnomon_time t)
{
	if (t.sec < 0) {
		ts->seconds = 0;
		ts->nanoseconds = 0;
		return 0;
	}
	if ((uint64_t)t.sec > SECONDS_MAX) {
		ts->seconds = SECONDS_MAX;
		ts->nanoseconds = NSEC_LIMIT - 1;
		return 0xffff;
	}
	ts->seconds = (uint64_t)t.sec;
	ts->nanoseconds = t.nsec;
	return t.frac;
}

gnomon_time gnomon_timestamp_to_time(struct gnomon_timestamp ts)
{
	gnomon_time t = { INT64_MAX, 0, 0 };

	if (ts.seconds <= INT64_MAX) {
		t.sec = (int64_t)ts.seconds;
	}
	return gnomon_time_add(t, gnomon_span_from_ns(ts.nanoseconds));
}
