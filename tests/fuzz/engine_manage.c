/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine_manage.h"

#include <string.h>

#include <gnomon/management.h>

#include "engine.h"
#include "fuzz.h"

static struct gnomon_msg header(const struct manage_request *r)
{
	static const uint8_t actions[] = { GNOMON_MANAGEMENT_GET, GNOMON_MANAGEMENT_SET,
					   GNOMON_MANAGEMENT_COMMAND, GNOMON_MANAGEMENT_RESPONSE };
	static const uint16_t ports[] = { 0xffff, 0, 1, 2, 3, 4 };
	struct gnomon_msg m = {
		.header = { .type = GNOMON_MSG_MANAGEMENT, .version = GNOMON_VERSION_PTP,
			    .sdo_id = r->config->sdo_id, .domain = r->config->domain,
			    .flags = r->client & 0x80 ? GNOMON_FLAG_UNICAST : 0 },
	};
	struct gnomon_management *body = &m.body.management;

	m.header.source.clock.id[0] = 0x40;
	m.header.source.port = r->client % 8;
	memset(&body->target.clock, r->target % 3 == ENGINE_TARGET_OTHER ? 0x33 : 0xff,
	       sizeof(body->target.clock));
	if (r->target % 3 == ENGINE_TARGET_OWN) {
		body->target.clock = r->config->clock_identity;
	}
	body->target.port = ports[r->target / 3 % 6];
	body->starting_boundary_hops = body->boundary_hops = r->target / 18 % 3;
	body->action = actions[r->action % 4];
	return m;
}

static void address(const struct manage_request *r, struct gnomon_rx *rx)
{
	unsigned int where = r->where % 6;

	memset(rx, 0, sizeof(*rx));
	rx->size = sizeof(*rx);
	rx->channel = where == ENGINE_LOCAL             ? GNOMON_CHANNEL_LOCAL
		      : where == ENGINE_LOCAL_READ_ONLY ? GNOMON_CHANNEL_LOCAL_READ_ONLY
							: GNOMON_CHANNEL_GENERAL;
	if (where >= 2) {
		rx->port = (uint16_t)((where - 2) % r->config->port_count + 1);
	}
	rx->source.network_protocol = where < 2 ? GNOMON_NETWORK_LOCAL : GNOMON_NETWORK_UDP_IPV4;
	rx->source.length = 4;
	rx->source.octets[0] = r->client % 8;
}

size_t manage_build(const struct manage_request *r, uint8_t *data, size_t cap,
		    struct gnomon_rx *rx)
{
	struct gnomon_msg m = header(r);
	const struct gnomon_management_row *row;
	struct gnomon_tlv_builder b;
	uint8_t tlvs[400], *field;
	unsigned int rows, count;
	int len;

	row = gnomon_management_rows(&rows);
	row += r->row % rows;
	count = r->count == ENGINE_ZEROS ? (unsigned int)gnomon_management_empty_length(row)
					 : r->count % MANAGE_OCTETS;
	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	field = gnomon_management_tlv_append(&b, row->id, (uint16_t)(count + count % 2));
	FUZZ_CHECK(field);
	if (r->count != ENGINE_ZEROS) {
		memcpy(field, r->octets, count);
	}
	m.tlvs = tlvs;
	m.tlvs_len = (size_t)gnomon_tlv_builder_finish(&b);
	len = gnomon_msg_encode(&m, data, cap);
	FUZZ_CHECK(len > 0);
	address(r, rx);
	return (size_t)len;
}

void manage_check(const struct gnomon_clock_identity *own, uint16_t port,
		  const struct gnomon_send *send, const struct gnomon_msg *m)
{
	struct gnomon_management_reader r;
	struct gnomon_management_value v;
	struct gnomon_management_tlv t;
	struct gnomon_tlv tlv;

	FUZZ_CHECK(send->channel == GNOMON_CHANNEL_GENERAL && !send->tx_id);
	FUZZ_CHECK(port > 0 || (send->destination == GNOMON_TO_ADDRESS &&
				send->address.network_protocol == GNOMON_NETWORK_LOCAL));
	if (gnomon_clock_identity_cmp(&m->header.source.clock, own) != 0) {
		return;
	}
	FUZZ_CHECK(m->body.management.action == GNOMON_MANAGEMENT_RESPONSE ||
		   m->body.management.action == GNOMON_MANAGEMENT_ACKNOWLEDGE);
	if (!gnomon_tlv_find(m->tlvs, m->tlvs_len, GNOMON_TLV_MANAGEMENT, &tlv)) {
		FUZZ_CHECK(gnomon_tlv_find(m->tlvs, m->tlvs_len,
					   GNOMON_TLV_MANAGEMENT_ERROR_STATUS, &tlv));
		return;
	}
	FUZZ_CHECK(gnomon_management_tlv_parse(&t, &tlv) == 0);
	gnomon_management_reader_init(&r, gnomon_management_find(t.id), t.data, t.len);
	while (gnomon_management_next(&r, &v)) {
	}
	FUZZ_CHECK(t.len == 0 || gnomon_management_reader_finish(&r) == 0);
}
