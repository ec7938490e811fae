/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of management to an engine by a local socket or its network, and what it sends back.
 */
#ifndef TESTS_PTP_ASK_H
#define TESTS_PTP_ASK_H

#include <errno.h>
#include <string.h>

#include <gnomon/management.h>

#include "tests/unit/ptp/harness.h"

#define CLIENT 7
#define ALL_PORTS 0xffff

static const struct gnomon_clock_identity all_clocks = {
	{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }
};

/* A request, and what came back. */
struct ask {
	struct node *n;
	uint16_t port; /* 0: by the local socket */
	bool read_only;
	bool unicast;
	enum gnomon_management_action action;
	uint16_t id;
	const void *data;
	size_t len;
	struct gnomon_clock_identity target;
	uint16_t target_port;
	uint8_t hops;
	uint8_t client; /* the local client's name */

	unsigned int answers; /* messages of management sent in reply */
	struct gnomon_msg msg; /* the last of them */
	struct gnomon_send send;
	uint16_t out; /* the port it left by */
	struct gnomon_management_tlv tlv;
	uint8_t octets[FRAME_MAX];
	int status;
};

static inline struct gnomon_port_identity client_identity(uint8_t client)
{
	struct gnomon_port_identity id = { .clock = { { 0, 0, 0, 0, 0, 0, 0, client } }, 99 };

	return id;
}

static inline struct ask asking(struct node *n, enum gnomon_management_action action, uint16_t id)
{
	struct ask a = { .n = n, .action = action, .id = id, .target = all_clocks,
			 .target_port = ALL_PORTS, .client = CLIENT };

	return a;
}

static inline void look_at(struct ask *a, unsigned int before)
{
	a->answers = 0;
	for (unsigned int i = before; i < a->n->sent_count; i++) {
		struct sent *s = &a->n->sent[i % SENT_KEPT];
		struct gnomon_tlv tlv;

		if (s->send.type != GNOMON_MSG_MANAGEMENT) {
			continue;
		}
		a->answers++;
		a->send = s->send;
		a->out = s->port;
		memcpy(a->octets, s->data, s->send.len);
		assert_int_equal(gnomon_msg_decode(&a->msg, a->octets, s->send.len),
				 GNOMON_DECODE_OK);
		memset(&a->tlv, 0, sizeof(a->tlv));
		if (gnomon_tlv_find(a->msg.tlvs, a->msg.tlvs_len, GNOMON_TLV_MANAGEMENT, &tlv) ||
		    gnomon_tlv_find(a->msg.tlvs, a->msg.tlvs_len,
				    GNOMON_TLV_MANAGEMENT_ERROR_STATUS, &tlv)) {
			assert_int_equal(gnomon_management_tlv_parse(&a->tlv, &tlv), 0);
		}
	}
}

static inline size_t build(const struct ask *a, uint8_t *out, size_t cap)
{
	struct gnomon_msg m = { 0 };
	struct gnomon_tlv_builder b;
	uint8_t tlvs[600], *data;
	int len;

	m.header.type = GNOMON_MSG_MANAGEMENT;
	m.header.version = 2;
	m.header.domain = a->n->config.domain;
	m.header.sdo_id = a->n->config.sdo_id;
	m.header.source = client_identity(a->client);
	m.header.sequence_id = 0x1234;
	m.header.flags = a->unicast ? GNOMON_FLAG_UNICAST : 0;
	m.body.management.target.clock = a->target;
	m.body.management.target.port = a->target_port;
	m.body.management.starting_boundary_hops = a->hops;
	m.body.management.boundary_hops = a->hops;
	m.body.management.action = (uint8_t)a->action;
	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	data = gnomon_management_tlv_append(&b, a->id, (uint16_t)a->len);
	assert_non_null(data);
	if (a->len) {
		memcpy(data, a->data, a->len);
	}
	m.tlvs = tlvs;
	m.tlvs_len = (size_t)gnomon_tlv_builder_finish(&b);
	len = gnomon_msg_encode(&m, out, cap);
	assert_true(len > 0);
	return (size_t)len;
}

static inline void give(struct ask *a, const uint8_t *data, size_t len)
{
	unsigned int before = a->n->sent_count;
	gnomon_time time = node_clock(a->n, a->n->lan->now);
	struct gnomon_rx rx = { .size = sizeof(rx), .port = a->port, .data = data, .len = len,
				.timestamp = &time };

	rx.channel = a->port        ? GNOMON_CHANNEL_GENERAL
		     : a->read_only ? GNOMON_CHANNEL_LOCAL_READ_ONLY
				    : GNOMON_CHANNEL_LOCAL;
	rx.source.network_protocol = a->port ? GNOMON_NETWORK_UDP_IPV4 : GNOMON_NETWORK_LOCAL;
	rx.source.length = 4;
	rx.source.octets[3] = a->client;
	a->status = node_hear_rx(a->n, &rx);
	look_at(a, before);
}

static inline void send_it(struct ask *a)
{
	uint8_t data[FRAME_MAX];

	give(a, data, build(a, data, sizeof(data)));
}

static inline void expect_error(struct ask *a, enum gnomon_management_error error)
{
	send_it(a);
	if (a->answers != 1 || a->tlv.error != error) {
		fail_msg("%s of %04x: %u answers, %s instead of %s",
			 gnomon_management_action_name(a->action), a->id, a->answers,
			 gnomon_management_error_name(a->tlv.error),
			 gnomon_management_error_name(error));
	}
	assert_int_equal(a->tlv.id, a->id);
}

/* The value of a field in the last answer. */
static inline struct gnomon_management_value value(const struct ask *a, const char *label)
{
	struct gnomon_management_value v = { 0 };
	struct gnomon_management_reader r;

	assert_true(a->answers > 0);
	assert_int_equal(a->tlv.error, 0);
	assert_int_equal(a->tlv.id, a->id);
	gnomon_management_reader_init(&r, gnomon_management_find(a->id), a->tlv.data, a->tlv.len);
	while (gnomon_management_next(&r, &v)) {
		if (strcmp(v.field->label, label) == 0) {
			return v;
		}
	}
	fail_msg("no field %s", label);
	return v;
}

static inline int64_t get(struct node *n, uint16_t id, const char *label)
{
	struct ask a = asking(n, GNOMON_MANAGEMENT_GET, id);

	a.target = n->config.clock_identity;
	a.target_port = 1;
	send_it(&a);
	return value(&a, label).number;
}

static inline struct ask set(struct node *n, uint16_t id, const void *data, size_t len)
{
	struct ask a = asking(n, GNOMON_MANAGEMENT_SET, id);

	a.data = data;
	a.len = len;
	send_it(&a);
	assert_int_equal(a.tlv.error, 0);
	return a;
}

#define SET(n, id, octets) set(n, id, octets, sizeof(octets) - 1)

/* Without effect, and answered with that error. */
static inline void refuse(struct node *n, uint16_t id, const void *data, size_t len,
			  enum gnomon_management_error error)
{
	struct ask a = asking(n, GNOMON_MANAGEMENT_SET, id);

	a.data = data;
	a.len = len;
	expect_error(&a, error);
}

#define REFUSE(n, id, octets, error) refuse(n, id, octets, sizeof(octets) - 1, error)

/* An Ordinary Clock that is grandmaster, and nobody else. */
static inline struct node *alone(void)
{
	struct node *n = node_by_hand(GNOMON_DELAY_E2E);

	node_start(n);
	lan_run(n->lan, 10 * SEC);
	assert_int_equal(node_state(n, 1), GNOMON_PORT_TIME_TRANSMITTER);
	return n;
}

/* A Boundary Clock of three ports, all of them timeTransmitters. */
static inline struct node *boundary(void)
{
	struct lan *lan = lan_create();
	struct node *n = node_add(lan, 3);

	for (int i = 0; i < 3; i++) {
		n->segment[i] = i;
	}
	node_start(n);
	lan_run(lan, 10 * SEC);
	for (uint16_t port = 1; port <= 3; port++) {
		assert_int_equal(node_state(n, port), GNOMON_PORT_TIME_TRANSMITTER);
	}
	return n;
}

#endif
