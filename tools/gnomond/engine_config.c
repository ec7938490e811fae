/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine_config.h"

#include <stdio.h>
#include <string.h>

static enum gnomon_delay_mechanism delay_mechanism(int value)
{
	switch ((enum conf_delay)value) {
	case CONF_DELAY_P2P:
		return GNOMON_DELAY_P2P;
	case CONF_DELAY_NONE:
		return GNOMON_DELAY_NONE;
	case CONF_DELAY_E2E:
	case CONF_DELAY_AUTO:
	case CONF_DELAY_COMMON_P2P:
		break;
	}
	return GNOMON_DELAY_E2E;
}

static enum gnomon_tsproc_mode tsproc_mode(int value)
{
	switch ((enum conf_tsproc)value) {
	case CONF_TSPROC_FILTER:
		return GNOMON_TSPROC_FILTER;
	case CONF_TSPROC_RAW:
		return GNOMON_TSPROC_RAW;
	case CONF_TSPROC_FILTER_WEIGHT:
		return GNOMON_TSPROC_FILTER_WEIGHT;
	case CONF_TSPROC_RAW_WEIGHT:
		return GNOMON_TSPROC_RAW_WEIGHT;
	}
	return GNOMON_TSPROC_FILTER;
}

static enum gnomon_port_state desired_state(int value)
{
	switch ((enum conf_state)value) {
	case CONF_STATE_TIME_TRANSMITTER:
		return GNOMON_PORT_TIME_TRANSMITTER;
	case CONF_STATE_TIME_RECEIVER:
		return GNOMON_PORT_TIME_RECEIVER;
	case CONF_STATE_PASSIVE:
		return GNOMON_PORT_PASSIVE;
	}
	return GNOMON_PORT_PASSIVE;
}

static const struct gnomon_filter_ops *delay_filter(int value)
{
	static const char name[] = "delay_filter";
	char label[32];

	return gnomon_filter_find(conf_label(conf_key_find(name, strlen(name)), value, label));
}

/* Beyond these there is no difference. */
static int8_t log_interval(int log)
{
	return (int8_t)(log < INT8_MIN ? INT8_MIN : log > INT8_MAX ? INT8_MAX : log);
}

/* Ranges were checked by the parser, so the casts lose nothing. */
void engine_config_fill_port(struct gnomon_port_config *p, const struct conf_port *c)
{
	gnomon_port_config_default(p);
	p->delay_mechanism = delay_mechanism(c->delay_mechanism);
	p->delay_auto = c->delay_mechanism == CONF_DELAY_AUTO;
	p->time_transmitter_only = c->server_only;
	p->path_trace_enabled = c->path_trace_enabled;
	p->ignore_sdo_id = c->ignore_transport_specific;
	p->ignore_source_id = c->ignore_source_id;
	p->inhibit_announce = c->inhibit_announce;
	p->inhibit_delay_req = c->inhibit_delay_req;
	p->log_announce_interval = (int8_t)c->log_announce_interval;
	p->log_sync_interval = (int8_t)c->log_sync_interval;
	p->log_min_delay_req_interval = (int8_t)c->log_min_delay_req_interval;
	p->log_min_pdelay_req_interval = (int8_t)c->log_min_pdelay_req_interval;
	p->announce_receipt_timeout = (uint8_t)c->announce_receipt_timeout;
	p->sync_receipt_timeout = (uint8_t)c->sync_receipt_timeout;
	p->delay_response_timeout = (uint8_t)c->delay_response_timeout;
	p->allowed_lost_responses = (uint8_t)c->allowed_lost_responses;
	p->delay_request_variability = c->delay_request_variability;
	p->freq_est_interval = log_interval(c->freq_est_interval);
	p->tsproc_mode = tsproc_mode(c->tsproc_mode);
	p->delay_filter = delay_filter(c->delay_filter);
	p->delay_filter_length = (unsigned int)c->delay_filter_length;
	p->delay_asymmetry = gnomon_span_from_ns(c->delay_asymmetry);
	p->ingress_latency = gnomon_span_from_ns(c->ingress_latency);
	p->egress_latency = gnomon_span_from_ns(c->egress_latency);
	p->neighbor_prop_delay_min = gnomon_span_from_ns(c->min_neighbor_prop_delay);
	p->neighbor_prop_delay_max = gnomon_span_from_ns(c->neighbor_prop_delay_thresh);
	p->desired_state = desired_state(c->desired_state);
}

/* Lengths were checked by conf_validate(). */
static void describe(struct gnomon_description *d, const struct conf *c)
{
	snprintf(d->product, sizeof(d->product), "%s", c->product_description);
	snprintf(d->revision, sizeof(d->revision), "%s", c->revision_data);
	snprintf(d->user, sizeof(d->user), "%s", c->user_description);
	memcpy(d->manufacturer_identity, c->manufacturer_identity,
	       sizeof(d->manufacturer_identity));
}

void engine_config_fill(struct gnomon_engine_config *e, const struct conf *c,
			const struct gnomon_clock_identity *identity, bool utc)
{
	gnomon_engine_config_default(e);
	e->clock_identity = *identity;
	e->instance_type = c->clock_type == CONF_CLOCK_BC ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	e->sdo_id = (uint16_t)(conf_first_port(c)->transport_specific << 8);
	e->domain = (uint8_t)c->domain_number;
	e->minor_version = (uint8_t)c->ptp_minor_version;
	e->priority1 = (uint8_t)c->priority1;
	e->priority2 = (uint8_t)c->priority2;
	e->clock_quality.clock_class = (uint8_t)(c->client_only ? 255 : c->clock_class);
	e->clock_quality.clock_accuracy = (uint8_t)c->clock_accuracy;
	e->clock_quality.offset_scaled_log_variance = (uint16_t)c->offset_scaled_log_variance;
	/* With fixed roles every port says for itself what it is. */
	e->time_receiver_only = c->client_only && !c->external_port_configuration;
	e->external_port_configuration = c->external_port_configuration;
	e->max_steps_removed = (uint8_t)c->max_steps_removed;
	e->clock_class_threshold = (uint8_t)c->clock_class_threshold;
	e->time_properties.current_utc_offset = (int16_t)c->utc_offset;
	/* The system clock keeps UTC: as grandmaster it gives out a time of its own, as ptp4l. */
	e->time_properties.flags = utc ? 0 : GNOMON_FLAG_PTP_TIMESCALE;
	e->time_properties.time_source = (uint8_t)c->time_source;
	e->assume_two_step = c->assume_two_step;
	e->check_follow_up = c->check_fup_sync;
	describe(&e->description, c);
	e->clock_fixed = c->free_running;
	e->initial_delay = gnomon_span_from_ns(c->initial_delay);
	e->port_count = (unsigned int)c->port_count;
}
