/* SPDX-License-Identifier: BSD-2-Clause */
#include "ensemble_config.h"

#include <math.h>

/* A source is silent after so many of its intervals, and not before so long. */
#define SILENT_INTERVALS 8.0
#define SILENT_PTP_S 30.0 /* a port knows earlier, as a rule; longer if its intervals are */
#define SILENT_READ_S 5.0
#define SILENT_PULSE_S 5.0

/* A reading has no filter behind it that remembers older ones. */
#define NO_MEMORY_S 1e-3

void ensemble_config_fill_select(struct gnomon_select_config *s, const struct conf *c)
{
	gnomon_select_config_default(s);
	s->fail_limit = (unsigned int)c->source_fail_limit;
	s->recover_s = c->source_recover_s;
	s->revert_s = c->source_revert_s;
	s->settle_s = c->source_settle_s;
	s->dispute_s = c->source_dispute_s;
	s->handover_ppb = c->source_handover_rate_ppb;
	s->handover_max_ns = c->source_handover_max_ns;
	if (c->oscillator_drift_bound > 0) {
		s->drift_ppb_per_s = c->oscillator_drift_bound;
	}
}

void ensemble_config_fill_holdover(struct gnomon_holdover_config *h, const struct conf *c)
{
	gnomon_holdover_config_default(h);
	h->most_drift_ppb_per_s = c->holdover_drift_max;
	if (h->most_drift_ppb_per_s > 0 && h->least_drift_ppb_per_s > h->most_drift_ppb_per_s) {
		h->least_drift_ppb_per_s = h->most_drift_ppb_per_s;
	}
}

/* A delay lives in the filter for so many measurements of the mechanism in use. One that is found
 * out may turn out to be either. */
static double delay_memory(const struct conf_port *c)
{
	int interval = c->log_min_delay_req_interval;

	if (c->delay_mechanism == CONF_DELAY_P2P ||
	    (c->delay_mechanism == CONF_DELAY_AUTO && c->log_min_pdelay_req_interval > interval)) {
		interval = c->log_min_pdelay_req_interval;
	}
	return ldexp(c->delay_filter_length, interval);
}

static double longer(double a, double b)
{
	return a > b ? a : b;
}

/* Samples may come from any port. */
void ensemble_config_fill_ports(struct gnomon_ensemble_source *s, const struct conf *c)
{
	*s = (struct gnomon_ensemble_source){
		.source.priority = (unsigned int)c->ports_priority,
		.source.timeout_s = SILENT_PTP_S,
		.path_asymmetry_ns = c->path_asymmetry_bound,
	};
	for (size_t i = 0; i < c->port_count; i++) {
		s->delay_memory_s =
			longer(s->delay_memory_s, delay_memory(&c->ports[i].conf));
	}
}

static void fill_reader(struct gnomon_ensemble_source *s, const struct conf_source *c)
{
	double timeout = longer(SILENT_READ_S, SILENT_INTERVALS * c->interval_s);

	*s = (struct gnomon_ensemble_source){
		.source.timeout_s = c->type == CONF_SOURCE_PPS ? SILENT_PULSE_S : timeout,
		.path_asymmetry_ns = -1.0,
		.delay_memory_s = NO_MEMORY_S,
	};
}

void ensemble_config_fill_source(struct gnomon_ensemble_source *s, const struct conf_source *c)
{
	if (c->instance) {
		ensemble_config_fill_ports(s, c->instance);
	} else {
		fill_reader(s, c);
	}
	s->source.priority = (unsigned int)c->priority;
	s->source.max_bound_ns = c->max_bound_ns;
	if (c->timeout_s > 0) {
		s->source.timeout_s = c->timeout_s;
	}
}
