/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoding: its limits and refusals, round trips of random messages, and instants on the wire. */
#include "tests/unit/ptp/vectors.h"
#include "tests/unit/seed.h"

/* -- encoding --------------------------------------------------------------------------------- */

static void encode_needs_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = vectors[i];
		uint8_t out[80];

		for (size_t cap = 0; cap < v->len; cap++) {
			memset(out, 0xa5, sizeof(out));
			assert_int_equal(gnomon_msg_encode(&v->msg, out, cap), -ENOBUFS);
			for (size_t at = 0; at < sizeof(out); at++) {
				assert_int_equal(out[at], 0xa5);
			}
		}
		/* With more room than needed nothing behind the message is touched. */
		assert_int_equal(gnomon_msg_encode(&v->msg, out, sizeof(out)), v->len);
		for (size_t at = v->len; at < sizeof(out); at++) {
			assert_int_equal(out[at], 0xa5);
		}
	}
}

static void encode_keeps_the_limit(void **state)
{
	static uint8_t tlvs[GNOMON_MSG_MAX], out[2 * GNOMON_MSG_MAX];
	struct gnomon_msg msg = sync_vector.msg;

	(void)state;
	msg.tlvs = tlvs;
	msg.tlvs_len = GNOMON_MSG_MAX - 44;
	assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), GNOMON_MSG_MAX);
	msg.tlvs_len++;
	assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), -ENOBUFS);
	msg.tlvs_len = SIZE_MAX;
	assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), -ENOBUFS);
}

static void encode_refuses_what_has_no_wire_form(void **state)
{
	uint8_t out[80];

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct gnomon_msg msg = vectors[i]->msg;
		bool announce = msg.header.type == GNOMON_MSG_ANNOUNCE;
		bool stamped = msg.header.type < GNOMON_MSG_SIGNALING;
		struct gnomon_timestamp *ts = announce ? &msg.body.announce.origin : &msg.timestamp;

		if (stamped) {
			ts->seconds = 0xffffffffffff;
			assert_true(gnomon_msg_encode(&msg, out, sizeof(out)) > 0);
			ts->seconds++;
			assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), -EINVAL);
			ts->seconds = 0;
			ts->nanoseconds = NSEC_LIMIT;
			assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), -EINVAL);
		}
		msg.header.type = (enum gnomon_msg_type)(4 + i % 4);
		assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), -EINVAL);
		msg.header.type = (enum gnomon_msg_type)(16 + i);
		assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), -EINVAL);
	}
}

static void encode_over_its_own_octets(void **state)
{
	uint8_t octets[100];
	struct gnomon_msg msg;

	(void)state;
	/* In place, as a relay does: only what was changed differs. */
	memcpy(octets, announce_vector.octets, 76);
	assert_int_equal(gnomon_msg_decode(&msg, octets, 76), GNOMON_DECODE_OK);
	msg.header.domain = 45;
	assert_int_equal(gnomon_msg_encode(&msg, octets, sizeof(octets)), 76);
	assert_int_equal(octets[4], 45);
	octets[4] = 44;
	assert_memory_equal(octets, announce_vector.octets, 76);

	/* TLVs elsewhere in the same buffer, before and behind their place. */
	for (size_t at = 0; at <= 88; at += 11) {
		msg = announce_vector.msg;
		memmove(octets + at, path_trace_octets, sizeof(path_trace_octets));
		msg.tlvs = octets + at;
		assert_int_equal(gnomon_msg_encode(&msg, octets, sizeof(octets)), 76);
		assert_memory_equal(octets, announce_vector.octets, 76);
	}
}

/* The defect behind CVE-2021-3571: messageLength in the wrong byte order. */
static void encode_length_in_network_order(void **state)
{
	static const uint8_t tlvs[400];
	struct gnomon_msg msg = follow_up_vector.msg;
	uint8_t out[500];

	(void)state;
	msg.header.length = 0xffff;
	msg.tlvs = tlvs;
	msg.tlvs_len = sizeof(tlvs);
	assert_int_equal(gnomon_msg_encode(&msg, out, sizeof(out)), 444);
	assert_int_equal(out[2], 444 >> 8);
	assert_int_equal(out[3], 444 & 0xff);
}

/* -- round trips ------------------------------------------------------------------------------ */

static struct gnomon_timestamp random_timestamp(struct seed *s)
{
	struct gnomon_timestamp ts = { seed_next(s) >> (16 + seed_below(s, 48)),
				       (uint32_t)seed_below(s, NSEC_LIMIT) };

	return ts;
}

static void random_port_identity(struct seed *s, struct gnomon_port_identity *id)
{
	seed_fill(s, id->clock.id, sizeof(id->clock.id));
	id->port = (uint16_t)seed_next(s);
}

static void random_header(struct seed *s, struct gnomon_header *h)
{
	h->type = all_types[seed_below(s, COUNT(all_types))];
	h->sdo_id = (uint16_t)seed_below(s, 0x1000);
	h->version = 2;
	h->minor_version = (uint8_t)seed_below(s, 16);
	h->domain = (uint8_t)seed_next(s);
	h->flags = (uint16_t)seed_next(s);
	h->correction = (int64_t)seed_next(s);
	h->type_specific = (uint32_t)seed_next(s);
	random_port_identity(s, &h->source);
	h->sequence_id = (uint16_t)seed_next(s);
	h->control = (uint8_t)seed_next(s);
	h->log_interval = (int8_t)seed_next(s);
}

static void random_announce(struct seed *s, struct gnomon_announce *a)
{
	a->origin = random_timestamp(s);
	a->current_utc_offset = (int16_t)seed_next(s);
	a->grandmaster_priority1 = (uint8_t)seed_next(s);
	a->grandmaster_quality.clock_class = (uint8_t)seed_next(s);
	a->grandmaster_quality.clock_accuracy = (uint8_t)seed_next(s);
	a->grandmaster_quality.offset_scaled_log_variance = (uint16_t)seed_next(s);
	a->grandmaster_priority2 = (uint8_t)seed_next(s);
	seed_fill(s, a->grandmaster_identity.id, 8);
	a->steps_removed = (uint16_t)seed_next(s);
	a->time_source = (uint8_t)seed_next(s);
}

static void random_body(struct seed *s, struct gnomon_msg *msg)
{
	enum gnomon_msg_type type = msg->header.type;

	if (type == GNOMON_MSG_ANNOUNCE) {
		random_announce(s, &msg->body.announce);
	} else if (type == GNOMON_MSG_SIGNALING) {
		random_port_identity(s, &msg->body.signaling.target);
	} else if (type == GNOMON_MSG_MANAGEMENT) {
		random_port_identity(s, &msg->body.management.target);
		msg->body.management.starting_boundary_hops = (uint8_t)seed_next(s);
		msg->body.management.boundary_hops = (uint8_t)seed_next(s);
		msg->body.management.action = (uint8_t)seed_below(s, 16);
	} else {
		msg->timestamp = random_timestamp(s);
		if (gnomon_msg_body_end(type) == 54 && type != GNOMON_MSG_PDELAY_REQ) {
			random_port_identity(s, &msg->requesting);
		}
	}
}

static void random_tlvs(struct seed *s, struct gnomon_msg *msg, uint8_t *buf, size_t cap)
{
	size_t n = seed_below(s, 5);
	struct gnomon_tlv_builder b;

	gnomon_tlv_builder_init(&b, buf, cap);
	for (size_t i = 0; i < n; i++) {
		uint16_t length = (uint16_t)(2 * seed_below(s, 40));

		seed_fill(s, gnomon_tlv_append(&b, (uint16_t)seed_next(s), length), length);
	}
	msg->tlvs = buf;
	msg->tlvs_len = (size_t)gnomon_tlv_builder_finish(&b);
}

static void round_trip(void **state)
{
	struct seed s = seed_start("msg/round_trip");
	uint8_t tlvs[400], out[512], again[512];

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct gnomon_msg msg = { 0 }, back;
		int len;

		random_header(&s, &msg.header);
		random_body(&s, &msg);
		random_tlvs(&s, &msg, tlvs, sizeof(tlvs));
		len = gnomon_msg_encode(&msg, out, sizeof(out));
		assert_true(len >= 44);
		assert_int_equal(decode(&back, out, (size_t)len), GNOMON_DECODE_OK);
		msg.header.length = (uint16_t)len;
		assert_msg(&back, &msg);
		assert_int_equal(gnomon_msg_encode(&back, again, sizeof(again)), len);
		assert_memory_equal(again, out, (size_t)len);
	}
}

/* Damaged messages: whatever is accepted encodes, and decodes to itself again. */
static void damaged_round_trip(void **state)
{
	struct seed s = seed_start("msg/damaged_round_trip");
	int accepted = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		const struct vector *v = vectors[seed_below(&s, COUNT(vectors))];
		uint8_t octets[80], out[80];
		struct gnomon_msg msg, back;
		size_t flips = 1 + seed_below(&s, 6), len = seed_below(&s, v->len + 5);
		int encoded;

		memcpy(octets, v->octets, sizeof(octets));
		for (size_t f = 0; f < flips; f++) {
			octets[seed_below(&s, sizeof(octets))] = (uint8_t)seed_next(&s);
		}
		len = i % 2 == 0 ? v->len : len;
		if (decode(&msg, octets, len) != GNOMON_DECODE_OK) {
			continue;
		}
		accepted++;
		encoded = gnomon_msg_encode(&msg, out, sizeof(out));
		assert_in_range(encoded, 44, len);
		assert_int_equal(gnomon_msg_decode(&back, out, (size_t)encoded), GNOMON_DECODE_OK);
		msg.header.length = (uint16_t)encoded;
		assert_msg(&back, &msg);
	}
	assert_in_range(accepted, 1000, 199000);
}

/* -- timestamps ------------------------------------------------------------------------------- */

static void timestamp_from_time(void **state)
{
	static const struct {
		gnomon_time t;
		struct gnomon_timestamp ts;
		int64_t rest;
	} rows[] = {
		{ { 0, 0, 0 }, { 0, 0 }, 0 },
		{ { 7, 8, 9 }, { 7, 8 }, 9 },
		{ { 1, 999999999, 0xffff }, { 1, 999999999 }, 65535 },
		{ { 0xffffffffffff, 999999999, 1 }, { 0xffffffffffff, 999999999 }, 1 },
		{ { 0x1000000000000, 0, 0 }, { 0xffffffffffff, 999999999 }, 65535 },
		{ { INT64_MAX, 0, 0 }, { 0xffffffffffff, 999999999 }, 65535 },
		{ { -1, 999999999, 0xffff }, { 0, 0 }, 0 },
		{ { INT64_MIN, 0, 0 }, { 0, 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct gnomon_timestamp ts;

		assert_int_equal(gnomon_timestamp_from_time(&ts, rows[i].t), rows[i].rest);
		assert_timestamp(ts, rows[i].ts);
	}
}

static void timestamp_to_time(void **state)
{
	struct gnomon_timestamp last = { 0xffffffffffff, 999999999 }, beyond = { UINT64_MAX, 0 };
	struct gnomon_timestamp loose = { 1, UINT32_MAX };
	gnomon_time t = gnomon_timestamp_to_time(last);

	(void)state;
	assert_int_equal(t.sec, 0xffffffffffff);
	assert_int_equal(t.nsec, 999999999);
	assert_int_equal(t.frac, 0);
	/* Not from the wire, where neither can occur: still a normalised instant. */
	assert_int_equal(gnomon_timestamp_to_time(beyond).sec, INT64_MAX);
	assert_int_equal(gnomon_timestamp_to_time(loose).sec, 5);
	assert_int_equal(gnomon_timestamp_to_time(loose).nsec, 294967295);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ptp/encode/needs_room", encode_needs_room },
		{ "/ptp/encode/keeps_the_limit", encode_keeps_the_limit },
		{ "/ptp/encode/no_wire_form", encode_refuses_what_has_no_wire_form },
		{ "/ptp/encode/over_its_own_octets", encode_over_its_own_octets },
		{ "/ptp/encode/length_in_network_order", encode_length_in_network_order },
		{ "/ptp/encode/round_trip", round_trip },
		{ "/ptp/encode/damaged_round_trip", damaged_round_trip },
		{ "/ptp/encode/timestamp/from_time", timestamp_from_time },
		{ "/ptp/encode/timestamp/to_time", timestamp_to_time },
	};

	return cmocka_run_group_tests_name("/ptp/encode", tests, fence_setup, NULL);
}
