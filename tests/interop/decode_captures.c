/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_captures FILE...: what the decoder finds in the PTP messages of captures, one line each,
 * as tab-separated key=value, the first of them the number of the frame in its file. A refused
 * message is one with refused=REASON. decode_captures.py compares the lines with tshark's.
 */
#include <inttypes.h>

#include <gnomon/msg.h>

#include "tests/interop/pcap.h"

static const char *const refusals[GNOMON_DECODE_COUNT] = {
	[GNOMON_DECODE_OK] = "OK",
	[GNOMON_DECODE_SHORT] = "SHORT",
	[GNOMON_DECODE_VERSION] = "VERSION",
	[GNOMON_DECODE_TYPE] = "TYPE",
	[GNOMON_DECODE_LENGTH] = "LENGTH",
	[GNOMON_DECODE_TIMESTAMP] = "TIMESTAMP",
	[GNOMON_DECODE_TLV] = "TLV",
};

static void put_number(const char *key, int64_t value)
{
	printf("\t%s=%" PRId64, key, value);
}

static void put_identity(const char *key, const uint8_t *id)
{
	printf("\t%s=", key);
	for (int i = 0; i < 8; i++) {
		printf("%02x", id[i]);
	}
}

static void put_port(const char *clock_key, const char *port_key,
		     const struct gnomon_port_identity *id)
{
	put_identity(clock_key, id->clock.id);
	put_number(port_key, id->port);
}

static void put_timestamp(const struct gnomon_timestamp *ts)
{
	put_number("seconds", (int64_t)ts->seconds);
	put_number("nanoseconds", ts->nanoseconds);
}

static void put_header(const struct gnomon_header *h)
{
	put_number("type", h->type);
	put_number("major_sdo_id", h->sdo_id >> 8);
	put_number("minor_sdo_id", h->sdo_id & 0xff);
	put_number("version", h->version);
	put_number("minor_version", h->minor_version);
	put_number("length", h->length);
	put_number("domain", h->domain);
	put_number("flags", h->flags);
	put_number("correction", h->correction);
	put_number("type_specific", h->type_specific);
	put_port("source_clock", "source_port", &h->source);
	put_number("sequence_id", h->sequence_id);
	put_number("control", h->control);
	put_number("log_interval", h->log_interval);
}

static void put_announce(const struct gnomon_announce *a)
{
	put_timestamp(&a->origin);
	put_number("utc_offset", a->current_utc_offset);
	put_number("priority1", a->grandmaster_priority1);
	put_number("clock_class", a->grandmaster_quality.clock_class);
	put_number("clock_accuracy", a->grandmaster_quality.clock_accuracy);
	put_number("variance", a->grandmaster_quality.offset_scaled_log_variance);
	put_number("priority2", a->grandmaster_priority2);
	put_identity("grandmaster", a->grandmaster_identity.id);
	put_number("steps_removed", a->steps_removed);
	put_number("time_source", a->time_source);
}

static void put_body(const struct gnomon_msg *msg)
{
	switch (msg->header.type) {
	case GNOMON_MSG_SYNC:
	case GNOMON_MSG_DELAY_REQ:
	case GNOMON_MSG_PDELAY_REQ:
	case GNOMON_MSG_FOLLOW_UP:
		put_timestamp(&msg->timestamp);
		break;
	case GNOMON_MSG_PDELAY_RESP:
	case GNOMON_MSG_DELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
		put_timestamp(&msg->timestamp);
		put_port("requesting_clock", "requesting_port", &msg->requesting);
		break;
	case GNOMON_MSG_ANNOUNCE:
		put_announce(&msg->body.announce);
		break;
	case GNOMON_MSG_SIGNALING:
		put_port("target_clock", "target_port", &msg->body.signaling.target);
		break;
	case GNOMON_MSG_MANAGEMENT:
		put_port("target_clock", "target_port", &msg->body.management.target);
		put_number("starting_hops", msg->body.management.starting_boundary_hops);
		put_number("hops", msg->body.management.boundary_hops);
		put_number("action", msg->body.management.action);
		break;
	}
}

/* tlv_types=1,2 and so on: lists, because one key may hold several values. */
static void put_tlv_list(const char *key, const struct gnomon_msg *msg, bool types)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;
	const char *separator = "";

	printf("\t%s=", key);
	gnomon_tlv_iter_init(&it, msg->tlvs, msg->tlvs_len);
	while (gnomon_tlv_next(&it, &tlv)) {
		printf("%s%u", separator, types ? tlv.type : tlv.length);
		separator = ",";
	}
}

static void put_path_trace(const struct gnomon_msg *msg)
{
	struct gnomon_tlv tlv;
	const char *separator = "";

	if (!gnomon_tlv_find(msg->tlvs, msg->tlvs_len, GNOMON_TLV_PATH_TRACE, &tlv)) {
		return;
	}
	printf("\tpath=");
	for (size_t i = 0; i < gnomon_path_trace_count(&tlv); i++) {
		printf("%s", separator);
		separator = ",";
		for (size_t k = 0; k < 8; k++) {
			printf("%02x", tlv.value[8 * i + k]);
		}
	}
}

static void put_alternate_time_offset(const struct gnomon_msg *msg)
{
	struct gnomon_alternate_time_offset ato;
	struct gnomon_tlv tlv;

	if (!gnomon_tlv_find(msg->tlvs, msg->tlvs_len,
			     GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR, &tlv) ||
	    gnomon_alternate_time_offset_parse(&ato, &tlv) != 0) {
		return;
	}
	put_number("alternate_key", ato.key);
	put_number("alternate_offset", ato.current_offset);
	put_number("alternate_jump", ato.jump_seconds);
	printf("\talternate_next=%012" PRIx64, ato.time_of_next_jump);
	printf("\talternate_name=%s", ato.name);
}

static void put_message(size_t frame, struct octets m)
{
	enum gnomon_decode_error error;
	struct gnomon_msg msg;

	error = gnomon_msg_decode(&msg, m.p, m.len);
	printf("frame=%zu", frame);
	if (error != GNOMON_DECODE_OK) {
		printf("\trefused=%s\toctets=%zu\n", refusals[error], m.len);
		return;
	}
	put_header(&msg.header);
	put_body(&msg);
	put_tlv_list("tlv_types", &msg, true);
	put_tlv_list("tlv_lengths", &msg, false);
	put_path_trace(&msg);
	put_alternate_time_offset(&msg);
	printf("\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: decode_captures FILE...\n");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		struct octets frame, message;
		struct capture c;
		const char *wrong = capture_open(&c, argv[i]);
		size_t n = 0;

		if (wrong) {
			fprintf(stderr, "decode_captures: %s: %s\n", argv[i], wrong);
			return 1;
		}
		while (capture_next(&c, &frame)) {
			n++;
			if (frame_ptp(frame, &message)) {
				put_message(n, message);
			}
		}
		capture_close(&c);
	}
	return 0;
}
