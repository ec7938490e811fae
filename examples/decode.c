/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decode PTP messages given as hexadecimal text, print what they say, encode them again.
 *
 *     decode 0012002c0000020000000000000000000000000080 ...
 *
 * Exits 1 if a message is malformed or does not encode to the octets it came from.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnomon/msg.h>

/* Octets of hexadecimal text into buf; -1 if it is not that or does not fit. */
static int hex_decode(const char *text, uint8_t *buf, size_t cap)
{
	size_t len = strlen(text) / 2;

	if (strlen(text) % 2 != 0 || len > cap) {
		return -1;
	}
	for (size_t i = 0; i < len; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], 0 };
		char *end;

		buf[i] = (uint8_t)strtoul(pair, &end, 16);
		if (end != pair + 2) {
			return -1;
		}
	}
	return (int)len;
}

static void hex_print(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		printf("%02x", data[i]);
	}
}

static void header_print(const struct gnomon_header *h)
{
	char source[GNOMON_PORT_IDENTITY_STRLEN];

	printf("%s from %s\n", gnomon_msg_type_name(h->type),
	       gnomon_port_identity_format(source, &h->source));
	printf("  version %u.%u length %u domain %u sdoId 0x%03x flags 0x%04x\n", h->version,
	       h->minor_version, h->length, h->domain, h->sdo_id, h->flags);
	printf("  sequenceId %u correction %" PRId64 "/65536 ns logMessageInterval %d\n",
	       h->sequence_id, h->correction, h->log_interval);
}

static void body_print(const struct gnomon_msg *msg)
{
	const struct gnomon_announce *a = &msg->body.announce;
	char name[GNOMON_PORT_IDENTITY_STRLEN];

	if (msg->header.type == GNOMON_MSG_ANNOUNCE) {
		printf("  grandmaster %s priority %u %u quality %u/0x%02x/0x%04x\n",
		       gnomon_clock_identity_format(name, &a->grandmaster_identity),
		       a->grandmaster_priority1, a->grandmaster_priority2,
		       a->grandmaster_quality.clock_class, a->grandmaster_quality.clock_accuracy,
		       a->grandmaster_quality.offset_scaled_log_variance);
		printf("  stepsRemoved %u utcOffset %d timeSource 0x%02x\n", a->steps_removed,
		       a->current_utc_offset, a->time_source);
		return;
	}
	if (msg->header.type == GNOMON_MSG_SIGNALING) {
		printf("  target %s\n",
		       gnomon_port_identity_format(name, &msg->body.signaling.target));
		return;
	}
	if (msg->header.type == GNOMON_MSG_MANAGEMENT) {
		const struct gnomon_management *m = &msg->body.management;

		printf("  target %s action %u hops %u/%u\n",
		       gnomon_port_identity_format(name, &m->target), m->action,
		       m->boundary_hops, m->starting_boundary_hops);
		return;
	}
	printf("  timestamp %" PRIu64 ".%09" PRIu32 " requesting %s\n", msg->timestamp.seconds,
	       msg->timestamp.nanoseconds, gnomon_port_identity_format(name, &msg->requesting));
}

static void tlvs_print(const struct gnomon_msg *msg)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	gnomon_tlv_iter_init(&it, msg->tlvs, msg->tlvs_len);
	while (gnomon_tlv_next(&it, &tlv)) {
		printf("  TLV 0x%04x, %u octets%s", tlv.type, tlv.length, tlv.length ? ": " : "");
		hex_print(tlv.value, tlv.length);
		printf("\n");
	}
}

/* Decode, print and encode one message; false if that fails or changes it. */
static bool show(const char *text)
{
	uint8_t wire[GNOMON_MSG_MAX], again[GNOMON_MSG_MAX];
	struct gnomon_msg msg;
	int len = hex_decode(text, wire, sizeof(wire));
	enum gnomon_decode_error error;

	if (len < 0) {
		fprintf(stderr, "not hexadecimal: %s\n", text);
		return false;
	}
	error = gnomon_msg_decode(&msg, wire, (size_t)len);
	if (error != GNOMON_DECODE_OK) {
		printf("malformed: reason %d\n", (int)error);
		return false;
	}
	header_print(&msg.header);
	body_print(&msg);
	tlvs_print(&msg);
	if (gnomon_msg_encode(&msg, again, sizeof(again)) != len ||
	    memcmp(wire, again, (size_t)len) != 0) {
		printf("  encodes differently\n");
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	for (int i = 1; i < argc; i++) {
		good = show(argv[i]) && good;
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
