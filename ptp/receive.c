/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acceptance of received messages. Cheap refusals come first: the header alone decides whether a
 * message is for this clock, this mechanism and this state; bodies and TLVs are decoded for the
 * rest. Every refusal has its counter.
 */
#include "instance.h"

typedef int message_handler(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
			    gnomon_mono now);

#define STATE(x) (1u << GNOMON_PORT_##x)
#define STATES_RECEIVER (STATE(UNCALIBRATED) | STATE(TIME_RECEIVER))
#define STATES_UP                                                                                  \
	(STATES_RECEIVER | STATE(LISTENING) | STATE(PRE_TIME_TRANSMITTER) |                        \
	 STATE(TIME_TRANSMITTER) | STATE(PASSIVE))

/* mechanism 0: any. */
struct message_rule {
	message_handler *handler;
	enum gnomon_delay_mechanism mechanism;
	unsigned int states;
};

static const struct message_rule rules[16] = {
	[GNOMON_MSG_SYNC] = { sync_receive, 0, STATES_RECEIVER },
	[GNOMON_MSG_FOLLOW_UP] = { follow_up_receive, 0, STATES_RECEIVER },
	[GNOMON_MSG_DELAY_REQ] = { delay_req_receive, GNOMON_DELAY_E2E, STATE(TIME_TRANSMITTER) },
	[GNOMON_MSG_DELAY_RESP] = { delay_resp_receive, GNOMON_DELAY_E2E, STATES_RECEIVER },
	[GNOMON_MSG_PDELAY_REQ] = { pdelay_req_receive, GNOMON_DELAY_P2P, STATES_UP },
	[GNOMON_MSG_PDELAY_RESP] = { pdelay_resp_receive, GNOMON_DELAY_P2P, STATES_UP },
	[GNOMON_MSG_PDELAY_RESP_FOLLOW_UP] = { pdelay_resp_follow_up_receive, GNOMON_DELAY_P2P,
					       STATES_UP },
	[GNOMON_MSG_ANNOUNCE] = { announce_receive, 0, STATES_UP },
	/* A disabled port can be asked why, and enabled again (9.2.5). */
	[GNOMON_MSG_MANAGEMENT] = { management_receive, 0, STATES_UP | STATE(DISABLED) },
};

static const enum gnomon_drop decode_drops[GNOMON_DECODE_COUNT] = {
	[GNOMON_DECODE_SHORT] = GNOMON_DROP_SHORT,
	[GNOMON_DECODE_VERSION] = GNOMON_DROP_VERSION,
	[GNOMON_DECODE_TYPE] = GNOMON_DROP_TYPE,
	[GNOMON_DECODE_LENGTH] = GNOMON_DROP_LENGTH,
	[GNOMON_DECODE_TIMESTAMP] = GNOMON_DROP_TIMESTAMP,
	[GNOMON_DECODE_TLV] = GNOMON_DROP_TLV,
};

/* A message with this port's own identity, while this port could not have sent it. */
static void watch_for_duplicate(struct port *p, const struct gnomon_header *h)
{
	if (p->state != GNOMON_PORT_TIME_TRANSMITTER && h->type == GNOMON_MSG_ANNOUNCE &&
	    identity_equal(&h->source, &p->identity)) {
		action_event(p->engine, p->identity.port, GNOMON_EVENT_DUPLICATE_IDENTITY,
			     &h->source, 0);
	}
}

static bool is_own(const struct port *p, const struct gnomon_header *h)
{
	if (h->type == GNOMON_MSG_ANNOUNCE) {
		return gnomon_clock_identity_cmp(&h->source.clock, &p->identity.clock) == 0;
	}
	return identity_equal(&h->source, &p->identity);
}

static bool channel_fits(enum gnomon_channel channel, enum gnomon_msg_type type)
{
	switch (channel) {
	case GNOMON_CHANNEL_ANY:
		break;
	case GNOMON_CHANNEL_EVENT:
		return gnomon_msg_is_event(type);
	case GNOMON_CHANNEL_GENERAL:
		return !gnomon_msg_is_event(type);
	case GNOMON_CHANNEL_LOCAL:
	case GNOMON_CHANNEL_LOCAL_READ_ONLY:
		return type == GNOMON_MSG_MANAGEMENT;
	}
	return true;
}

/* Steps of acceptance that the header decides; GNOMON_DROP_COUNT: accepted. */
static enum gnomon_drop refuse_header(struct port *p, const struct gnomon_header *h,
				      enum gnomon_channel channel)
{
	const struct gnomon_engine_config *c = &p->engine->config;
	const struct message_rule *rule = &rules[h->type & 0xf];

	if (h->sdo_id != c->sdo_id && !p->config.ignore_sdo_id) {
		return GNOMON_DROP_SDO_ID;
	}
	if (h->domain != c->domain) {
		return GNOMON_DROP_DOMAIN;
	}
	if (is_own(p, h)) {
		watch_for_duplicate(p, h);
		return GNOMON_DROP_OWN;
	}
	if (!channel_fits(channel, h->type)) {
		return GNOMON_DROP_CHANNEL;
	}
	if (!rule->handler) {
		return GNOMON_DROP_UNSUPPORTED;
	}
	if (rule->mechanism && rule->mechanism != p->config.delay_mechanism &&
	    !(p->config.delay_auto && h->type == GNOMON_MSG_PDELAY_REQ)) {
		return GNOMON_DROP_MECHANISM;
	}
	if (!(rule->states & (1u << p->state))) {
		return GNOMON_DROP_PORT_STATE;
	}
	return GNOMON_DROP_COUNT;
}

/* Why an event message's timestamp or correctionField makes it useless; COUNT: it does not. */
static enum gnomon_drop refuse_timing(struct port *p, const struct gnomon_header *h,
				      const struct gnomon_rx *rx)
{
	if (gnomon_msg_is_event(h->type) && !rx->timestamp) {
		action_event(p->engine, p->identity.port, GNOMON_EVENT_RX_TIMESTAMP_MISSING, NULL,
			     h->type);
		return GNOMON_DROP_NO_TIMESTAMP;
	}
	/* 5.3.2: the greatest TimeInterval says that the value did not fit. */
	if (h->type != GNOMON_MSG_ANNOUNCE && h->correction == INT64_MAX) {
		return GNOMON_DROP_CORRECTION;
	}
	return GNOMON_DROP_COUNT;
}

int port_receive(struct port *p, const struct gnomon_rx *rx, gnomon_mono now)
{
	struct gnomon_header h;
	struct gnomon_msg m;
	enum gnomon_decode_error error;
	enum gnomon_drop drop;

	error = gnomon_header_decode(&h, rx->data, rx->len);
	if (error != GNOMON_DECODE_OK) {
		return port_drop(p, decode_drops[error]);
	}
	count(&p->counters.rx[h.type & 0xf]);
	drop = refuse_header(p, &h, rx->channel);
	if (drop == GNOMON_DROP_COUNT) {
		error = gnomon_msg_decode(&m, rx->data, rx->len);
		if (error != GNOMON_DECODE_OK) {
			return port_drop(p, decode_drops[error]);
		}
		drop = refuse_timing(p, &h, rx);
	}
	if (drop != GNOMON_DROP_COUNT) {
		return port_drop(p, drop);
	}
	return rules[h.type & 0xf].handler(p, &m, rx, now);
}

/* Steps of acceptance of a message from this machine. */
static enum gnomon_drop refuse_local(const struct gnomon_engine *e, const struct gnomon_header *h)
{
	if (h->sdo_id != e->config.sdo_id) {
		return GNOMON_DROP_SDO_ID;
	}
	if (h->domain != e->config.domain) {
		return GNOMON_DROP_DOMAIN;
	}
	return channel_fits(GNOMON_CHANNEL_LOCAL, h->type) ? GNOMON_DROP_COUNT
							   : GNOMON_DROP_UNSUPPORTED;
}

int local_receive(struct gnomon_engine *e, const struct gnomon_rx *rx, gnomon_mono now)
{
	struct gnomon_msg m;
	enum gnomon_decode_error error = gnomon_msg_decode(&m, rx->data, rx->len);
	enum gnomon_drop drop;

	if (error != GNOMON_DECODE_OK) {
		count(&e->local_counters.drop[decode_drops[error]]);
		return -1;
	}
	count(&e->local_counters.rx[m.header.type & 0xf]);
	drop = refuse_local(e, &m.header);
	if (drop != GNOMON_DROP_COUNT) {
		count(&e->local_counters.drop[drop]);
		return -1;
	}
	return management_receive_local(e, &m, rx, now);
}
