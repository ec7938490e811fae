/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What GETs answer: for each id served here, a function that puts the values of its row, in the
 * row's order. Ids of options this engine does not have are in the table of ids, so that clients
 * can name them, and not here: they are NOT_SUPPORTED.
 */
#include <string.h>

#include "instance.h"

/* The PTP Instance, the port asked about (NULL: none), and the request's particulars. */
struct view {
	struct gnomon_engine *e;
	struct port *p;
	const struct management_answer *a;
	struct gnomon_management_writer *w;
};

#define OK GNOMON_MANAGEMENT_OK

/* -- shorthands ------------------------------------------------------------------------------- */

static void number(const struct view *v, int64_t n)
{
	gnomon_management_put_number(v->w, n);
}

static void span(const struct view *v, gnomon_span s)
{
	gnomon_management_put_number(v->w, gnomon_span_to_interval(s));
}

static void text(const struct view *v, const char *s)
{
	gnomon_management_put_octets(v->w, s, strlen(s));
}

static void quality(const struct view *v, const struct gnomon_clock_quality *q)
{
	number(v, q->clock_class);
	number(v, q->clock_accuracy);
	number(v, q->offset_scaled_log_variance);
}

/* leap61 ... frequencyTraceable: the bits of an Announce, from that of mask's lowest bit. */
static void time_flags(const struct view *v, unsigned int flags, unsigned int mask)
{
	for (unsigned int bit = 1; bit <= GNOMON_FLAG_FREQUENCY_TRACEABLE; bit <<= 1) {
		if (mask & bit) {
			number(v, (flags & bit) != 0);
		}
	}
}

#define FLAGS_ALL 0x3fu

/* A rate as linuxptp and 802.1AS put it: (ratio - 1) * 2^41, within 32 bits. */
static int64_t scaled_rate(double ratio)
{
	double scaled = (ratio - 1.0) * 2199023255552.0;

	if (scaled > INT32_MAX) {
		return INT32_MAX;
	}
	return scaled > INT32_MIN ? (int64_t)scaled : INT32_MIN;
}

/* Nanoseconds since the epoch; a time beyond what 64 bits hold saturates. */
static int64_t time_ns(gnomon_time t)
{
	gnomon_time epoch = { 0, 0, 0 };

	return gnomon_time_diff(t, epoch).ns;
}

/* -- the PTP Instance ------------------------------------------------------------------------- */

static enum gnomon_management_error get_nothing(const struct view *v)
{
	(void)v;
	return OK;
}

static enum gnomon_management_error get_user_description(const struct view *v)
{
	text(v, v->e->config.description.user);
	return OK;
}

static enum gnomon_management_error get_initialize(const struct view *v)
{
	number(v, 0);
	return OK;
}

static void put_fault(const struct view *v, const struct fault *f)
{
	struct gnomon_timestamp t;
	char port[6];
	unsigned int n = sizeof(port);

	gnomon_timestamp_from_time(&t, f->time);
	gnomon_management_put_timestamp(v->w, t);
	number(v, f->what == FAULT_PORT ? 3 : 4); /* error, warning */
	text(v, management_fault_name(f->what));
	for (unsigned int rest = f->port; n > 0 && (rest || n == sizeof(port)); rest /= 10) {
		port[--n] = (char)('0' + rest % 10);
	}
	gnomon_management_put_octets(v->w, port + n, sizeof(port) - n);
	text(v, "port");
}

static enum gnomon_management_error get_fault_log(const struct view *v)
{
	const struct management *mg = &v->e->management;
	unsigned int n = mg->fault_count - mg->fault_base;

	n = n < FAULTS ? n : FAULTS;
	while (n > 0) {
		put_fault(v, &mg->faults[(mg->fault_count - n--) % FAULTS]);
	}
	return OK;
}

static enum gnomon_management_error get_default_data_set(const struct view *v)
{
	const struct gnomon_default_ds *ds = &v->e->default_ds;

	number(v, ds->two_step_flag);
	number(v, ds->slave_only);
	number(v, ds->number_ports);
	number(v, ds->priority1);
	quality(v, &ds->clock_quality);
	number(v, ds->priority2);
	gnomon_management_put_clock_identity(v->w, &ds->clock_identity);
	number(v, ds->domain_number);
	return OK;
}

static enum gnomon_management_error get_current_data_set(const struct view *v)
{
	number(v, v->e->current_ds.steps_removed);
	span(v, v->e->current_ds.offset_from_master);
	span(v, v->e->current_ds.mean_delay);
	return OK;
}

static enum gnomon_management_error get_parent_data_set(const struct view *v)
{
	const struct gnomon_parent_ds *ds = &v->e->parent_ds;

	gnomon_management_put_port_identity(v->w, &ds->parent_port_identity);
	number(v, ds->parent_stats);
	number(v, ds->observed_parent_offset_scaled_log_variance);
	number(v, ds->observed_parent_clock_phase_change_rate);
	number(v, ds->grandmaster_priority1);
	quality(v, &ds->grandmaster_clock_quality);
	number(v, ds->grandmaster_priority2);
	gnomon_management_put_clock_identity(v->w, &ds->grandmaster_identity);
	return OK;
}

static enum gnomon_management_error get_time_properties(const struct view *v)
{
	const struct gnomon_time_properties_ds *ds = &v->e->time_properties_ds;

	number(v, ds->current_utc_offset);
	time_flags(v, ds->flags, FLAGS_ALL);
	number(v, ds->time_source);
	return OK;
}

static enum gnomon_management_error get_priority1(const struct view *v)
{
	number(v, v->e->default_ds.priority1);
	return OK;
}

static enum gnomon_management_error get_priority2(const struct view *v)
{
	number(v, v->e->default_ds.priority2);
	return OK;
}

static enum gnomon_management_error get_domain(const struct view *v)
{
	number(v, v->e->default_ds.domain_number);
	return OK;
}

static enum gnomon_management_error get_slave_only(const struct view *v)
{
	number(v, v->e->default_ds.slave_only);
	return OK;
}

static enum gnomon_management_error get_time(const struct view *v)
{
	if (!v->a->time_known) {
		return GNOMON_MANAGEMENT_GENERAL_ERROR;
	}
	gnomon_management_put_timestamp(v->w, v->a->time);
	return OK;
}

static enum gnomon_management_error get_clock_accuracy(const struct view *v)
{
	number(v, v->e->default_ds.clock_quality.clock_accuracy);
	return OK;
}

static enum gnomon_management_error get_utc_properties(const struct view *v)
{
	const struct gnomon_time_properties_ds *ds = &v->e->time_properties_ds;

	number(v, ds->current_utc_offset);
	time_flags(v, ds->flags, GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59 |
					 GNOMON_FLAG_UTC_OFFSET_VALID);
	return OK;
}

static enum gnomon_management_error get_traceability(const struct view *v)
{
	time_flags(v, v->e->time_properties_ds.flags,
		   GNOMON_FLAG_TIME_TRACEABLE | GNOMON_FLAG_FREQUENCY_TRACEABLE);
	return OK;
}

static enum gnomon_management_error get_timescale(const struct view *v)
{
	time_flags(v, v->e->time_properties_ds.flags, GNOMON_FLAG_PTP_TIMESCALE);
	number(v, v->e->time_properties_ds.time_source);
	return OK;
}

/* 16.2: the clocks between the grandmaster and this one. */
static enum gnomon_management_error get_path_trace_list(const struct view *v)
{
	struct gnomon_tlv tlv;

	if (!gnomon_tlv_find(v->e->tlvs, v->e->tlvs_len, GNOMON_TLV_PATH_TRACE, &tlv)) {
		return OK;
	}
	for (size_t i = 0; i < gnomon_path_trace_count(&tlv); i++) {
		struct gnomon_clock_identity id;

		memcpy(id.id, tlv.value + i * sizeof(id.id), sizeof(id.id));
		gnomon_management_put_clock_identity(v->w, &id);
	}
	return OK;
}

static enum gnomon_management_error get_path_trace_enable(const struct view *v)
{
	bool enabled = false;

	for (unsigned int i = 0; i < v->e->config.port_count; i++) {
		enabled = enabled || v->e->ports[i].config.path_trace_enabled;
	}
	number(v, enabled);
	return OK;
}

/* -- alternate timescales (16.3) -------------------------------------------------------------- */

static const struct alternate *alternate_of(const struct view *v)
{
	return v->a->key < ALTERNATES ? &v->e->management.alternates[v->a->key] : NULL;
}

static enum gnomon_management_error get_alternate_enable(const struct view *v)
{
	const struct alternate *alt = alternate_of(v);

	if (!alt) {
		return GNOMON_MANAGEMENT_WRONG_VALUE;
	}
	number(v, v->a->key);
	number(v, alt->enabled);
	return OK;
}

static enum gnomon_management_error get_alternate_name(const struct view *v)
{
	const struct alternate *alt = alternate_of(v);

	if (!alt) {
		return GNOMON_MANAGEMENT_WRONG_VALUE;
	}
	number(v, v->a->key);
	gnomon_management_put_octets(v->w, alt->offset.name, alt->offset.name_len);
	return OK;
}

static enum gnomon_management_error get_alternate_max_key(const struct view *v)
{
	number(v, ALTERNATES - 1);
	return OK;
}

static enum gnomon_management_error get_alternate_properties(const struct view *v)
{
	const struct alternate *alt = alternate_of(v);

	if (!alt) {
		return GNOMON_MANAGEMENT_WRONG_VALUE;
	}
	number(v, v->a->key);
	number(v, alt->offset.current_offset);
	number(v, alt->offset.jump_seconds);
	number(v, (int64_t)alt->offset.time_of_next_jump);
	return OK;
}

static enum gnomon_management_error get_external_configuration(const struct view *v)
{
	number(v, v->e->default_ds.external_port_configuration_enabled);
	return OK;
}

/* -- ports ------------------------------------------------------------------------------------ */

static void put_profile(const struct view *v)
{
	static const uint8_t none[6], e2e[6] = { 0x00, 0x1b, 0x19, 0x00, 0x01, 0x00 },
				      p2p[6] = { 0x00, 0x1b, 0x19, 0x00, 0x02, 0x00 };
	const uint8_t *own = v->p->info.profile_identity;

	if (memcmp(own, none, sizeof(none)) == 0) {
		own = v->p->config.delay_mechanism == GNOMON_DELAY_P2P ? p2p : e2e;
	}
	gnomon_management_put_octets(v->w, own, sizeof(none));
}

static enum gnomon_management_error get_clock_description(const struct view *v)
{
	const struct gnomon_description *d = &v->e->config.description;
	const struct gnomon_port_info *info = &v->p->info;

	number(v, v->e->config.instance_type == GNOMON_INSTANCE_BC ? 0x4000 : 0x8000);
	text(v, info->physical_length ? "IEEE 802.3" : "");
	gnomon_management_put_octets(v->w, info->physical_address, info->physical_length);
	gnomon_management_put_address(v->w, &info->protocol_address);
	gnomon_management_put_octets(v->w, d->manufacturer_identity,
				     sizeof(d->manufacturer_identity));
	text(v, d->product);
	text(v, d->revision);
	text(v, d->user);
	put_profile(v);
	return OK;
}

static enum gnomon_management_error get_port_data_set(const struct view *v)
{
	struct gnomon_port_ds ds;

	if (gnomon_engine_port_ds(v->e, v->p->identity.port, &ds)) {
		return GNOMON_MANAGEMENT_GENERAL_ERROR;
	}
	gnomon_management_put_port_identity(v->w, &ds.port_identity);
	number(v, ds.port_state);
	number(v, ds.log_min_delay_req_interval);
	span(v, ds.mean_link_delay);
	number(v, ds.log_announce_interval);
	number(v, ds.announce_receipt_timeout);
	number(v, ds.log_sync_interval);
	number(v, ds.delay_mechanism);
	number(v, ds.log_min_pdelay_req_interval);
	number(v, ds.version_number);
	number(v, ds.minor_version_number);
	return OK;
}

static enum gnomon_management_error get_log_announce_interval(const struct view *v)
{
	number(v, v->p->config.log_announce_interval);
	return OK;
}

static enum gnomon_management_error get_announce_receipt_timeout(const struct view *v)
{
	number(v, v->p->config.announce_receipt_timeout);
	return OK;
}

static enum gnomon_management_error get_log_sync_interval(const struct view *v)
{
	number(v, v->p->config.log_sync_interval);
	return OK;
}

static enum gnomon_management_error get_version_number(const struct view *v)
{
	number(v, GNOMON_VERSION_PTP);
	number(v, v->e->config.minor_version);
	return OK;
}

static enum gnomon_management_error get_master_only(const struct view *v)
{
	number(v, v->p->config.time_transmitter_only);
	return OK;
}

static enum gnomon_management_error get_desired_state(const struct view *v)
{
	number(v, 0);
	number(v, v->p->config.desired_state);
	return OK;
}

static enum gnomon_management_error get_delay_mechanism(const struct view *v)
{
	number(v, v->p->config.delay_mechanism);
	return OK;
}

static enum gnomon_management_error get_log_min_pdelay_req_interval(const struct view *v)
{
	number(v, v->p->config.log_min_pdelay_req_interval);
	return OK;
}

/* -- linuxptp's own --------------------------------------------------------------------------- */

/* Whether 802.1AS would use the link: the neighbour answers, and the delay to it is known. Without
 * that mechanism there is nothing to find out, and linuxptp says yes. */
static bool as_capable(const struct port *p)
{
	return p->config.delay_mechanism != GNOMON_DELAY_P2P ||
	       (p->neighbor.known && p->tsproc.delay_valid);
}

static enum gnomon_management_error get_time_status(const struct view *v)
{
	static const uint8_t no_phase_change[12];
	const struct gnomon_clock_identity *gm = &v->e->parent_ds.grandmaster_identity;

	number(v, v->e->current_ds.offset_from_master.ns);
	number(v, time_ns(v->e->management.ingress));
	number(v, scaled_rate(v->e->management.rate_ratio));
	number(v, 0);
	number(v, 0);
	gnomon_management_put_octets(v->w, no_phase_change, sizeof(no_phase_change));
	number(v, gnomon_clock_identity_cmp(gm, &v->e->config.clock_identity) != 0);
	gnomon_management_put_clock_identity(v->w, gm);
	return OK;
}

static enum gnomon_management_error get_grandmaster_settings(const struct view *v)
{
	const struct gnomon_time_properties_ds *ds = &v->e->local_time_properties;

	quality(v, &v->e->default_ds.clock_quality);
	number(v, ds->current_utc_offset);
	time_flags(v, ds->flags, FLAGS_ALL);
	number(v, ds->time_source);
	return OK;
}

static enum gnomon_management_error get_port_data_set_np(const struct view *v)
{
	int64_t limit = v->p->config.neighbor_prop_delay_max.ns;

	number(v, limit < 0 ? 0 : limit > UINT32_MAX ? UINT32_MAX : limit);
	number(v, as_capable(v->p));
	return OK;
}

static enum gnomon_management_error get_subscription(const struct view *v)
{
	const struct subscriber *s = subscriber_find(v->e, &v->a->requester);
	unsigned int events = s ? s->events : 0;

	number(v, s ? subscriber_left(v->e, s) : 0);
	number(v, (events & NOTIFY_PORT_STATE) != 0);
	number(v, (events & NOTIFY_TIME_SYNC) != 0);
	number(v, (events & NOTIFY_PARENT_DATA_SET) != 0);
	number(v, 0); /* NOTIFY_CMLDS */
	return OK;
}

static enum gnomon_management_error get_port_properties(const struct view *v)
{
	gnomon_management_put_port_identity(v->w, &v->p->identity);
	number(v, v->p->state);
	number(v, v->p->info.stamping);
	text(v, v->p->info.interface);
	return OK;
}

static void put_by_type(const struct view *v, const uint64_t counters[16])
{
	for (unsigned int type = 0; type < 16; type++) {
		if (gnomon_msg_body_end((enum gnomon_msg_type)type) != 0) {
			number(v, (int64_t)counters[type]);
		}
	}
}

static enum gnomon_management_error get_port_stats(const struct view *v)
{
	gnomon_management_put_port_identity(v->w, &v->p->identity);
	put_by_type(v, v->p->counters.rx);
	put_by_type(v, v->p->counters.tx);
	return OK;
}

static enum gnomon_management_error get_uncertain(const struct view *v)
{
	number(v, v->e->management.uncertain);
	return OK;
}

/* linuxptp counts what its timers do; of unicast there is nothing to count here. A Sync without
 * its Follow_Up and the reverse are one counter. */
static enum gnomon_management_error get_port_service_stats(const struct view *v)
{
	const struct gnomon_port_counters *c = &v->p->counters;

	gnomon_management_put_port_identity(v->w, &v->p->identity);
	number(v, (int64_t)c->announce_timeout);
	number(v, (int64_t)c->sync_timeout);
	number(v, (int64_t)(c->delay_timeout + c->pdelay_lost_response));
	number(v, 0);
	number(v, 0);
	number(v, (int64_t)c->tx[GNOMON_MSG_ANNOUNCE]); /* its timer ran out: one was sent */
	number(v, (int64_t)c->tx[GNOMON_MSG_SYNC]);
	number(v, (int64_t)c->qualification_timeout);
	number(v, (int64_t)c->sync_mismatch);
	number(v, 0);
	return OK;
}

static enum gnomon_management_error get_port_hwclock(const struct view *v)
{
	gnomon_management_put_port_identity(v->w, &v->p->identity);
	number(v, v->p->info.phc_index);
	number(v, v->p->info.virtual_clock);
	return OK;
}

/* No power profile is in force: version 0, inaccuracies unknown. */
static enum gnomon_management_error get_power_profile(const struct view *v)
{
	number(v, 0);
	number(v, 0);
	number(v, UINT32_MAX);
	number(v, UINT32_MAX);
	number(v, UINT32_MAX);
	return OK;
}

static enum gnomon_management_error get_cmlds_info(const struct view *v)
{
	gnomon_span none = GNOMON_SPAN_ZERO;

	span(v, v->p->config.delay_mechanism == GNOMON_DELAY_P2P ? v->p->tsproc.delay : none);
	number(v, scaled_rate(v->p->neighbor.rate_ratio));
	number(v, as_capable(v->p));
	return OK;
}

static enum gnomon_management_error get_port_corrections(const struct view *v)
{
	span(v, v->p->config.egress_latency);
	span(v, v->p->config.ingress_latency);
	span(v, v->p->config.delay_asymmetry);
	return OK;
}

static enum gnomon_management_error get_external_grandmaster(const struct view *v)
{
	gnomon_management_put_clock_identity(v->w, &v->e->management.external_gm);
	number(v, v->e->management.external_steps);
	return OK;
}

/* -- by id ------------------------------------------------------------------------------------ */

static const struct {
	uint16_t id;
	bool command_only; /* not to be asked for; the answer to a COMMAND */
	enum gnomon_management_error (*get)(const struct view *v);
} getters[] = {
	{ GNOMON_MID_NULL_MANAGEMENT, false, get_nothing },
	{ GNOMON_MID_CLOCK_DESCRIPTION, false, get_clock_description },
	{ GNOMON_MID_USER_DESCRIPTION, false, get_user_description },
	{ GNOMON_MID_INITIALIZE, true, get_initialize },
	{ GNOMON_MID_FAULT_LOG, false, get_fault_log },
	{ GNOMON_MID_FAULT_LOG_RESET, true, get_nothing },
	{ GNOMON_MID_DEFAULT_DATA_SET, false, get_default_data_set },
	{ GNOMON_MID_CURRENT_DATA_SET, false, get_current_data_set },
	{ GNOMON_MID_PARENT_DATA_SET, false, get_parent_data_set },
	{ GNOMON_MID_TIME_PROPERTIES_DATA_SET, false, get_time_properties },
	{ GNOMON_MID_PORT_DATA_SET, false, get_port_data_set },
	{ GNOMON_MID_PRIORITY1, false, get_priority1 },
	{ GNOMON_MID_PRIORITY2, false, get_priority2 },
	{ GNOMON_MID_DOMAIN, false, get_domain },
	{ GNOMON_MID_SLAVE_ONLY, false, get_slave_only },
	{ GNOMON_MID_LOG_ANNOUNCE_INTERVAL, false, get_log_announce_interval },
	{ GNOMON_MID_ANNOUNCE_RECEIPT_TIMEOUT, false, get_announce_receipt_timeout },
	{ GNOMON_MID_LOG_SYNC_INTERVAL, false, get_log_sync_interval },
	{ GNOMON_MID_VERSION_NUMBER, false, get_version_number },
	{ GNOMON_MID_ENABLE_PORT, true, get_nothing },
	{ GNOMON_MID_DISABLE_PORT, true, get_nothing },
	{ GNOMON_MID_TIME, false, get_time },
	{ GNOMON_MID_CLOCK_ACCURACY, false, get_clock_accuracy },
	{ GNOMON_MID_UTC_PROPERTIES, false, get_utc_properties },
	{ GNOMON_MID_TRACEABILITY_PROPERTIES, false, get_traceability },
	{ GNOMON_MID_TIMESCALE_PROPERTIES, false, get_timescale },
	{ GNOMON_MID_PATH_TRACE_LIST, false, get_path_trace_list },
	{ GNOMON_MID_PATH_TRACE_ENABLE, false, get_path_trace_enable },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_ENABLE, false, get_alternate_enable },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_NAME, false, get_alternate_name },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_MAX_KEY, false, get_alternate_max_key },
	{ GNOMON_MID_ALTERNATE_TIME_OFFSET_PROPERTIES, false, get_alternate_properties },
	{ GNOMON_MID_EXTERNAL_PORT_CONFIGURATION_ENABLED, false, get_external_configuration },
	{ GNOMON_MID_MASTER_ONLY, false, get_master_only },
	{ GNOMON_MID_EXT_PORT_CONFIG_PORT_DATA_SET, false, get_desired_state },
	{ GNOMON_MID_DELAY_MECHANISM, false, get_delay_mechanism },
	{ GNOMON_MID_LOG_MIN_PDELAY_REQ_INTERVAL, false, get_log_min_pdelay_req_interval },
	{ GNOMON_MID_TIME_STATUS_NP, false, get_time_status },
	{ GNOMON_MID_GRANDMASTER_SETTINGS_NP, false, get_grandmaster_settings },
	{ GNOMON_MID_PORT_DATA_SET_NP, false, get_port_data_set_np },
	{ GNOMON_MID_SUBSCRIBE_EVENTS_NP, false, get_subscription },
	{ GNOMON_MID_PORT_PROPERTIES_NP, false, get_port_properties },
	{ GNOMON_MID_PORT_STATS_NP, false, get_port_stats },
	{ GNOMON_MID_SYNCHRONIZATION_UNCERTAIN_NP, false, get_uncertain },
	{ GNOMON_MID_PORT_SERVICE_STATS_NP, false, get_port_service_stats },
	{ GNOMON_MID_UNICAST_MASTER_TABLE_NP, false, get_nothing },
	{ GNOMON_MID_PORT_HWCLOCK_NP, false, get_port_hwclock },
	{ GNOMON_MID_POWER_PROFILE_SETTINGS_NP, false, get_power_profile },
	{ GNOMON_MID_CMLDS_INFO_NP, false, get_cmlds_info },
	{ GNOMON_MID_PORT_CORRECTIONS_NP, false, get_port_corrections },
	{ GNOMON_MID_EXTERNAL_GRANDMASTER_PROPERTIES_NP, false, get_external_grandmaster },
};

#define GETTERS (sizeof(getters) / sizeof(getters[0]))

static unsigned int getter_of(uint16_t id)
{
	unsigned int i = 0;

	while (i < GETTERS && getters[i].id != id) {
		i++;
	}
	return i;
}

bool management_may_get(uint16_t id)
{
	unsigned int i = getter_of(id);

	return i < GETTERS && !getters[i].command_only;
}

enum gnomon_management_error management_get(struct gnomon_engine *e,
					    const struct management_answer *a,
					    struct gnomon_management_writer *w)
{
	struct view v = { e, a->port ? &e->ports[a->port - 1] : NULL, a, w };
	unsigned int i = getter_of(a->id);

	return i < GETTERS ? getters[i].get(&v) : GNOMON_MANAGEMENT_NOT_SUPPORTED;
}

const char *management_fault_name(unsigned int what)
{
	static const char *const names[] = {
		[GNOMON_EVENT_SYNC_TIMEOUT] = "SYNC_TIMEOUT",
		[GNOMON_EVENT_DELAY_TIMEOUT] = "DELAY_TIMEOUT",
		[GNOMON_EVENT_TX_TIMESTAMP_LOST] = "TX_TIMESTAMP_LOST",
		[GNOMON_EVENT_RX_TIMESTAMP_MISSING] = "RX_TIMESTAMP_MISSING",
		[GNOMON_EVENT_MULTIPLE_RESPONDERS] = "MULTIPLE_RESPONDERS",
		[GNOMON_EVENT_DUPLICATE_IDENTITY] = "DUPLICATE_IDENTITY",
		[GNOMON_EVENT_LOOP] = "LOOP",
		[FAULT_PORT] = "PORT_FAULTY",
	};

	return what < sizeof(names) / sizeof(names[0]) ? names[what] : NULL;
}
