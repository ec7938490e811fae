/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What SETs and COMMANDs do. The values of a SET come decoded and in the order of its row, each
 * within what the row allows; a setter checks what is left, and changes nothing if it refuses.
 */
#include <string.h>

#include "instance.h"

/* Most values of a row that can be set: GRANDMASTER_SETTINGS_NP. */
#define VALUES_MAX 11

/* What a setter gets: the request, the port (NULL: the PTP Instance) and the values. */
struct change {
	const struct management_request *r;
	struct gnomon_engine *e;
	struct port *p;
	gnomon_mono now;
	struct management_answer *answer;
	struct gnomon_management_value v[VALUES_MAX];
};

#define OK GNOMON_MANAGEMENT_OK
#define WRONG GNOMON_MANAGEMENT_WRONG_VALUE

/* -- what several do -------------------------------------------------------------------------- */

/* Members of defaultDS changed that Announces carry and the BMCA compares. */
static void default_ds_changed(struct change *c)
{
	action_datasets(c->e, 0, GNOMON_DATASET_DEFAULT);
	if (!engine_receiver(c->e, NULL)) {
		decision_take_grandmaster(c->e);
	}
	decision_request(c->e, c->now);
}

static void restart_all(struct change *c)
{
	for (unsigned int i = 0; i < c->e->config.port_count; i++) {
		port_restart(&c->e->ports[i], c->now);
	}
	default_ds_changed(c);
}

/* What this clock announces as grandmaster; flags: those in mask are taken over. */
static void set_grandmaster(struct change *c, const struct gnomon_clock_quality *quality,
			    const struct gnomon_time_properties_ds *properties)
{
	gnomon_engine_set_grandmaster(c->e, quality, properties, c->now);
}

/* count flags from the lowest of mask on, one value each. */
static uint16_t flags_of(const struct gnomon_management_value *v, unsigned int mask)
{
	unsigned int flags = 0;

	for (unsigned int bit = 1; bit <= GNOMON_FLAG_FREQUENCY_TRACEABLE; bit <<= 1) {
		if (mask & bit) {
			flags |= v->number ? bit : 0;
			v++;
		}
	}
	return (uint16_t)flags;
}

static void set_flags(struct change *c, struct gnomon_time_properties_ds *properties,
		      const struct gnomon_management_value *v, unsigned int mask)
{
	properties->flags = (uint16_t)((properties->flags & ~mask) | flags_of(v, mask));
	set_grandmaster(c, &c->e->default_ds.clock_quality, properties);
}

/* -- the PTP Instance ------------------------------------------------------------------------- */

static enum gnomon_management_error set_nothing(struct change *c)
{
	(void)c;
	return OK;
}

static enum gnomon_management_error set_user_description(struct change *c)
{
	char *user = c->e->config.description.user;

	if (memchr(c->v[0].octets, '\0', c->v[0].len)) {
		return WRONG;
	}
	memset(user, 0, GNOMON_TEXT_SIZE);
	memcpy(user, c->v[0].octets, c->v[0].len);
	return OK;
}

static enum gnomon_management_error set_priority1(struct change *c)
{
	c->e->default_ds.priority1 = (uint8_t)c->v[0].number;
	default_ds_changed(c);
	return OK;
}

static enum gnomon_management_error set_priority2(struct change *c)
{
	c->e->default_ds.priority2 = (uint8_t)c->v[0].number;
	default_ds_changed(c);
	return OK;
}

/* Whoever is known is of the other domain. */
static enum gnomon_management_error set_domain(struct change *c)
{
	uint8_t domain = (uint8_t)c->v[0].number;

	if (c->e->default_ds.domain_number != domain) {
		c->e->default_ds.domain_number = domain;
		c->e->config.domain = domain;
		restart_all(c);
	}
	return OK;
}

/* 8.2.1.4.4; with fixed roles every port says for itself what it is. */
static enum gnomon_management_error set_slave_only(struct change *c)
{
	bool only = c->v[0].number != 0;

	if (c->e->config.external_port_configuration) {
		return GNOMON_MANAGEMENT_NOT_SETABLE;
	}
	if (c->e->default_ds.slave_only != only) {
		c->e->default_ds.slave_only = only;
		c->e->config.time_receiver_only = only;
		c->e->default_ds.clock_quality.clock_class =
			only ? 255 : c->e->config.clock_quality.clock_class;
		restart_all(c);
	}
	return OK;
}

/* The clock is its owner's to set, and a timeReceiver's is set by its timeTransmitter. */
static enum gnomon_management_error set_time(struct change *c)
{
	struct queued *q;

	if (c->e->config.clock_fixed || engine_receiver(c->e, NULL)) {
		return GNOMON_MANAGEMENT_NOT_SETABLE;
	}
	q = action_push(c->e, 0, GNOMON_ACTION_SET_CLOCK);
	if (!q) {
		return GNOMON_MANAGEMENT_GENERAL_ERROR;
	}
	q->u.time = gnomon_timestamp_to_time(c->v[0].timestamp);
	c->answer->time = c->v[0].timestamp;
	c->answer->time_known = true;
	return OK;
}

static enum gnomon_management_error set_clock_accuracy(struct change *c)
{
	struct gnomon_clock_quality quality = c->e->default_ds.clock_quality;

	quality.clock_accuracy = (uint8_t)c->v[0].number;
	set_grandmaster(c, &quality, &c->e->local_time_properties);
	return OK;
}

static enum gnomon_management_error set_utc_properties(struct change *c)
{
	struct gnomon_time_properties_ds properties = c->e->local_time_properties;

	properties.current_utc_offset = (int16_t)c->v[0].number;
	set_flags(c, &properties, &c->v[1],
		  GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59 | GNOMON_FLAG_UTC_OFFSET_VALID);
	return OK;
}

static enum gnomon_management_error set_traceability(struct change *c)
{
	struct gnomon_time_properties_ds properties = c->e->local_time_properties;

	set_flags(c, &properties, &c->v[0],
		  GNOMON_FLAG_TIME_TRACEABLE | GNOMON_FLAG_FREQUENCY_TRACEABLE);
	return OK;
}

static enum gnomon_management_error set_timescale(struct change *c)
{
	struct gnomon_time_properties_ds properties = c->e->local_time_properties;

	properties.time_source = (uint8_t)c->v[1].number;
	set_flags(c, &properties, &c->v[0], GNOMON_FLAG_PTP_TIMESCALE);
	return OK;
}

static enum gnomon_management_error set_path_trace_enable(struct change *c)
{
	for (unsigned int i = 0; i < c->e->config.port_count; i++) {
		c->e->ports[i].config.path_trace_enabled = c->v[0].number != 0;
	}
	return OK;
}

/* Key 0xff enables or disables all of them (16.3.4.4.1). */
static enum gnomon_management_error set_alternate_enable(struct change *c)
{
	struct alternate *alternates = c->e->management.alternates;
	int64_t key = c->v[0].number;

	if (key >= ALTERNATES && key != 0xff) {
		return WRONG;
	}
	for (int64_t i = 0; i < ALTERNATES; i++) {
		if (key == i || key == 0xff) {
			alternates[i].enabled = c->v[1].number != 0;
		}
	}
	c->answer->key = key == 0xff ? 0 : (uint8_t)key;
	return OK;
}

static enum gnomon_management_error set_alternate_name(struct change *c)
{
	struct gnomon_alternate_time_offset *offset;

	if (c->v[0].number >= ALTERNATES || c->v[1].len > GNOMON_DISPLAY_NAME_MAX) {
		return WRONG;
	}
	offset = &c->e->management.alternates[c->v[0].number].offset;
	memset(offset->name, 0, sizeof(offset->name));
	memcpy(offset->name, c->v[1].octets, c->v[1].len);
	offset->name_len = (uint8_t)c->v[1].len;
	return OK;
}

static enum gnomon_management_error set_alternate_properties(struct change *c)
{
	struct gnomon_alternate_time_offset *offset;

	if (c->v[0].number >= ALTERNATES) {
		return WRONG;
	}
	offset = &c->e->management.alternates[c->v[0].number].offset;
	offset->current_offset = (int32_t)c->v[1].number;
	offset->jump_seconds = (int32_t)c->v[2].number;
	offset->time_of_next_jump = (uint64_t)c->v[3].number;
	return OK;
}

static enum gnomon_management_error set_grandmaster_settings(struct change *c)
{
	struct gnomon_clock_quality quality = {
		.clock_class = (uint8_t)c->v[0].number,
		.clock_accuracy = (uint8_t)c->v[1].number,
		.offset_scaled_log_variance = (uint16_t)c->v[2].number,
	};
	struct gnomon_time_properties_ds properties = {
		.current_utc_offset = (int16_t)c->v[3].number,
		.flags = flags_of(&c->v[4], 0x3f),
		.time_source = (uint8_t)c->v[10].number,
	};

	set_grandmaster(c, &quality, &properties);
	return OK;
}

static enum gnomon_management_error set_subscription(struct change *c)
{
	unsigned int events = (c->v[1].number ? NOTIFY_PORT_STATE : 0) |
			      (c->v[2].number ? NOTIFY_TIME_SYNC : 0) |
			      (c->v[3].number ? NOTIFY_PARENT_DATA_SET : 0);

	return subscriber_set(c->e, &c->r->m->header.source, &c->r->rx->source, events,
			      (uint16_t)c->v[0].number);
}

static enum gnomon_management_error set_uncertain(struct change *c)
{
	int64_t value = c->v[0].number;

	if (value != UNCERTAIN_FALSE && value != UNCERTAIN_TRUE && value != UNCERTAIN_DONTCARE) {
		return WRONG;
	}
	c->e->management.uncertain = (uint8_t)value;
	return OK;
}

/* The time comes from elsewhere: Announces name that grandmaster, so many steps away. */
static enum gnomon_management_error set_external_grandmaster(struct change *c)
{
	c->e->management.external_gm = c->v[0].identity.clock;
	c->e->management.external_steps = (uint16_t)c->v[1].number;
	default_ds_changed(c);
	return OK;
}

/* -- ports ------------------------------------------------------------------------------------ */

static enum gnomon_management_error set_log_announce_interval(struct change *c)
{
	c->p->config.log_announce_interval = (int8_t)c->v[0].number;
	port_timer_renew(c->p, TIMER_ANNOUNCE_TX, c->now);
	port_timer_renew(c->p, TIMER_ANNOUNCE_RX, c->now);
	decision_request(c->e, c->now);
	return OK;
}

static enum gnomon_management_error set_announce_receipt_timeout(struct change *c)
{
	c->p->config.announce_receipt_timeout = (uint8_t)c->v[0].number;
	port_timer_renew(c->p, TIMER_ANNOUNCE_RX, c->now);
	return OK;
}

static enum gnomon_management_error set_log_sync_interval(struct change *c)
{
	c->p->config.log_sync_interval = (int8_t)c->v[0].number;
	port_timer_renew(c->p, TIMER_SYNC_TX, c->now);
	port_timer_renew(c->p, TIMER_SYNC_RX, c->now);
	return OK;
}

static enum gnomon_management_error set_log_min_pdelay_req_interval(struct change *c)
{
	c->p->config.log_min_pdelay_req_interval = (int8_t)c->v[0].number;
	port_timer_renew(c->p, TIMER_PDELAY_REQ, c->now);
	return OK;
}

/* There is one version, and that is in force. */
static enum gnomon_management_error set_version_number(struct change *c)
{
	return c->v[0].number == GNOMON_VERSION_PTP ? OK : WRONG;
}

static enum gnomon_management_error set_master_only(struct change *c)
{
	bool only = c->v[0].number != 0;

	if (only && c->e->config.time_receiver_only) {
		return WRONG;
	}
	if (c->p->config.time_transmitter_only != only) {
		c->p->config.time_transmitter_only = only;
		port_restart(c->p, c->now);
		decision_request(c->e, c->now);
	}
	return OK;
}

static enum gnomon_management_error set_desired_state(struct change *c)
{
	enum gnomon_port_state state = (enum gnomon_port_state)c->v[1].number;

	if (!c->e->config.external_port_configuration) {
		return GNOMON_MANAGEMENT_NOT_SETABLE;
	}
	return gnomon_engine_desired_state(c->e, c->p->identity.port, state, c->now) ? WRONG : OK;
}

/* asCapable is found out, not told. */
static enum gnomon_management_error set_port_data_set_np(struct change *c)
{
	c->p->config.neighbor_prop_delay_max = gnomon_span_from_ns(c->v[0].number);
	return OK;
}

static enum gnomon_management_error set_port_corrections(struct change *c)
{
	c->p->config.egress_latency = gnomon_span_from_interval(c->v[0].number);
	c->p->config.ingress_latency = gnomon_span_from_interval(c->v[1].number);
	c->p->config.delay_asymmetry = gnomon_span_from_interval(c->v[2].number);
	return OK;
}

/* -- by id ------------------------------------------------------------------------------------ */

struct setter {
	uint16_t id;
	enum gnomon_management_error (*set)(struct change *c);
};

static const struct setter setters[] = {
	{ GNOMON_MID_NULL_MANAGEMENT, set_nothing },
	{ GNOMON_MID_USER_DESCRIPTION, set_user_description },
	{ GNOMON_MID_PRIORITY1, set_priority1 },
	{ GNOMON_MID_PRIORITY2, set_priority2 },
	{ GNOMON_MID_DOMAIN, set_domain },
	{ GNOMON_MID_SLAVE_ONLY, set_slave_only },
	{ GNOMON_MID_LOG_ANNOUNCE_INTERVAL, set_log_announce_interval },
	{ GNOMON_MID_ANNOUNCE_RECEIPT_TIMEOUT, set_announce_receipt_timeout },
	{ GNOMON_MID_LOG_SYNC_INTERVAL, set_log_sync_interval },
	{ GNOMON_MID_VERSION_NUMBER, set_version_number },
	{ GNOMON_MID_TIME, set_time },
	{ GNOMON_MID_CLOCK_ACCURACY, set_clock_accuracy },
	{ GNOMON_MID_UTC_PROPERTIES, set_utc_properties },
	{ GNOMON_MID_TRACEABILITY_PROPERTIES, set_traceability },
	{ GNOMON_MID_TIMESCALE_PROPERTIES, set_timescale },
	{ GNOMON_MID_PATH_TRACE_ENABLE, set_path_trace_enable },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_ENABLE, set_alternate_enable },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_NAME, set_alternate_name },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_PROPERTIES, set_alternate_properties },
	{ GNOMON_MID_MASTER_ONLY, set_master_only },
	{ GNOMON_MID_EXT_PORT_CONFIG_PORT_DATA_SET, set_desired_state },
	{ GNOMON_MID_LOG_MIN_PDELAY_REQ_INTERVAL, set_log_min_pdelay_req_interval },
	{ GNOMON_MID_GRANDMASTER_SETTINGS_NP, set_grandmaster_settings },
	{ GNOMON_MID_PORT_DATA_SET_NP, set_port_data_set_np },
	{ GNOMON_MID_SUBSCRIBE_EVENTS_NP, set_subscription },
	{ GNOMON_MID_SYNCHRONIZATION_UNCERTAIN_NP, set_uncertain },
	{ GNOMON_MID_PORT_CORRECTIONS_NP, set_port_corrections },
	{ GNOMON_MID_EXTERNAL_GRANDMASTER_PROPERTIES_NP, set_external_grandmaster },
};

#define SETTERS (sizeof(setters) / sizeof(setters[0]))

static const struct setter *setter_of(uint16_t id)
{
	for (unsigned int i = 0; i < SETTERS; i++) {
		if (setters[i].id == id) {
			return &setters[i];
		}
	}
	return NULL;
}

enum gnomon_management_error management_set(const struct management_request *r, struct port *p,
					    struct management_answer *answer)
{
	struct change c = { .r = r, .e = r->e, .p = p, .now = r->now, .answer = answer };
	struct gnomon_management_reader reader;
	const struct setter *setter = setter_of(r->row->id);
	unsigned int n = 0;

	if (!setter) {
		return management_may_get(r->row->id) ? GNOMON_MANAGEMENT_NOT_SETABLE
						      : GNOMON_MANAGEMENT_NOT_SUPPORTED;
	}
	gnomon_management_reader_init(&reader, r->row, r->tlv.data, r->tlv.len);
	while (n < VALUES_MAX && gnomon_management_next(&reader, &c.v[n])) {
		n++;
	}
	return setter->set(&c);
}

enum gnomon_management_error management_command(const struct management_request *r,
						struct port *p)
{
	struct change c = { .r = r, .e = r->e, .p = p, .now = r->now };

	if (r->row->id == GNOMON_MID_NULL_MANAGEMENT) {
		return OK;
	}
	if (r->row->id == GNOMON_MID_ENABLE_PORT || r->row->id == GNOMON_MID_DISABLE_PORT) {
		bool enable = r->row->id == GNOMON_MID_ENABLE_PORT;

		return gnomon_engine_enable(r->e, p->identity.port, enable, r->now) ? WRONG : OK;
	}
	if (r->row->id == GNOMON_MID_FAULT_LOG_RESET) {
		r->e->management.fault_base = r->e->management.fault_count;
		return OK;
	}
	if (r->row->id == GNOMON_MID_INITIALIZE) {
		/* INITIALIZE_EVENT; keys of implementations are others' */
		if (r->tlv.data[0] || r->tlv.data[1]) {
			return WRONG;
		}
		restart_all(&c);
		return OK;
	}
	return GNOMON_MANAGEMENT_NOT_SUPPORTED;
}
