/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public functions: memory, inputs, deadline, what is known. Each input reaches one port or
 * all of them; the work is in the other files of this folder.
 */
#include <errno.h>
#include <string.h>

#include "instance.h"

#define ALIGN 16

/* Actions one input can cause at most per port: state, data sets, events and messages. */
#define QUEUE_BASE 16
#define QUEUE_PER_PORT 6

/* -- configuration --------------------------------------------------------------------------- */

void gnomon_port_config_default(struct gnomon_port_config *c)
{
	memset(c, 0, sizeof(*c));
	c->size = sizeof(*c);
	c->delay_mechanism = GNOMON_DELAY_E2E;
	c->log_announce_interval = 1;
	c->announce_receipt_timeout = 3;
	c->allowed_lost_responses = 3;
	c->delay_request_variability = 1.0;
	c->freq_est_interval = 1;
	c->tsproc_mode = GNOMON_TSPROC_FILTER;
	c->delay_filter_length = 10;
	c->neighbor_prop_delay_min = gnomon_span_from_ns(-20000000);
	c->neighbor_prop_delay_max = gnomon_span_from_ns(20000000);
	c->desired_state = GNOMON_PORT_TIME_TRANSMITTER;
}

void gnomon_engine_config_default(struct gnomon_engine_config *c)
{
	memset(c, 0, sizeof(*c));
	c->size = sizeof(*c);
	c->minor_version = GNOMON_MINOR_VERSION_PTP;
	c->priority1 = 128;
	c->priority2 = 128;
	c->clock_quality.clock_class = 248;
	c->clock_quality.clock_accuracy = 0xfe;
	c->clock_quality.offset_scaled_log_variance = 0xffff;
	c->max_steps_removed = 255;
	c->clock_class_threshold = 248;
	c->time_properties.current_utc_offset = 37;
	c->time_properties.flags = GNOMON_FLAG_PTP_TIMESCALE;
	c->time_properties.time_source = 0xa0; /* INTERNAL_OSCILLATOR */
}

static bool desired_state_valid(enum gnomon_port_state state)
{
	return state == GNOMON_PORT_TIME_TRANSMITTER || state == GNOMON_PORT_PASSIVE ||
	       state == GNOMON_PORT_TIME_RECEIVER;
}

static bool port_config_valid(const struct gnomon_port_config *c)
{
	return c->size == sizeof(*c) &&
	       (c->delay_mechanism == GNOMON_DELAY_E2E || c->delay_mechanism == GNOMON_DELAY_P2P ||
		c->delay_mechanism == GNOMON_DELAY_NONE) &&
	       (!c->delay_auto || c->delay_mechanism != GNOMON_DELAY_NONE) &&
	       c->announce_receipt_timeout >= 2 &&
	       c->delay_request_variability >= 0.0 && c->delay_request_variability <= 1.0 &&
	       (!c->delay_filter || c->delay_filter_length >= 1) &&
	       desired_state_valid(c->desired_state);
}

static bool config_valid(const struct gnomon_engine_config *c)
{
	if (c->size != sizeof(*c) || !c->ports || c->port_count > 65534 ||
	    (c->instance_type == GNOMON_INSTANCE_OC && c->port_count > 1) ||
	    (c->instance_type != GNOMON_INSTANCE_OC && c->instance_type != GNOMON_INSTANCE_BC) ||
	    c->sdo_id > 0xfff || c->minor_version > 0xf || c->max_steps_removed < 2 ||
	    (c->foreign_capacity && c->foreign_capacity < 5) ||
	    !memchr(c->description.product, '\0', GNOMON_TEXT_SIZE) ||
	    !memchr(c->description.revision, '\0', GNOMON_TEXT_SIZE) ||
	    !memchr(c->description.user, '\0', GNOMON_TEXT_SIZE)) {
		return false;
	}
	for (unsigned int i = 0; i < c->port_count; i++) {
		if (!port_config_valid(&c->ports[i])) {
			return false;
		}
	}
	return true;
}

/* -- memory ---------------------------------------------------------------------------------- */

/* Lays pieces out one after another; without memory it only measures. */
struct arena {
	unsigned char *base;
	size_t used;
};

static void *arena_take(struct arena *a, size_t len)
{
	void *piece = a->base ? a->base + a->used : NULL;

	a->used += (len + ALIGN - 1) / ALIGN * ALIGN;
	return piece;
}

static unsigned int foreign_capacity(const struct gnomon_engine_config *c)
{
	return c->foreign_capacity ? c->foreign_capacity : 8;
}

static void port_lay_out(struct arena *a, struct port *p, const struct gnomon_engine_config *c,
			 const struct gnomon_port_config *pc)
{
	unsigned int capacity = foreign_capacity(c);
	void *records = arena_take(a, capacity * sizeof(struct foreign_record));
	void *filter = pc->delay_filter
			       ? arena_take(a, pc->delay_filter->size(pc->delay_filter_length))
			       : NULL;

	if (p) {
		foreign_init(&p->foreign, records, capacity);
		tsproc_init(&p->tsproc, pc->tsproc_mode, pc->delay_filter, filter,
			    pc->delay_filter_length);
	}
}

/* One layout for measuring and for building, so that they cannot disagree. */
static struct gnomon_engine *lay_out(struct arena *a, const struct gnomon_engine_config *c)
{
	uint32_t timer_count = c->port_count * PORT_TIMER_COUNT + 1;
	unsigned int queue_cap = QUEUE_BASE + QUEUE_PER_PORT * c->port_count;
	struct gnomon_engine *e = arena_take(a, sizeof(*e));
	struct port *ports = arena_take(a, c->port_count * sizeof(*ports));
	struct queued *queue = arena_take(a, queue_cap * sizeof(*queue));
	void *timers = arena_take(a, timers_size(timer_count));

	if (e) {
		e->ports = ports;
		e->queue = queue;
		e->queue_cap = queue_cap;
		timers_init(&e->timers, timers, timer_count);
	}
	for (unsigned int i = 0; i < c->port_count; i++) {
		port_lay_out(a, e ? &ports[i] : NULL, c, &c->ports[i]);
	}
	return e;
}

size_t gnomon_engine_size(const struct gnomon_engine_config *config)
{
	struct arena a = { NULL, 0 };

	if (!config_valid(config)) {
		return 0;
	}
	lay_out(&a, config);
	return a.used;
}

static void default_ds_begin(struct gnomon_engine *e)
{
	const struct gnomon_engine_config *c = &e->config;
	struct gnomon_default_ds *ds = &e->default_ds;

	ds->two_step_flag = c->port_count == 0 || !e->ports[0].config.one_step_sync;
	ds->clock_identity = c->clock_identity;
	ds->number_ports = (uint16_t)c->port_count;
	ds->clock_quality = c->clock_quality;
	if (c->time_receiver_only) {
		ds->clock_quality.clock_class = 255; /* 8.2.1.3.1.2 */
	}
	ds->priority1 = c->priority1;
	ds->priority2 = c->priority2;
	ds->domain_number = c->domain;
	ds->slave_only = c->time_receiver_only;
	ds->sdo_id = c->sdo_id;
	ds->instance_enable = true;
	ds->external_port_configuration_enabled = c->external_port_configuration;
	ds->max_steps_removed = c->max_steps_removed;
	ds->instance_type = c->instance_type;
}

/* Copied member by member: data sets are compared as memory, so their padding stays zero. */
static void time_properties_copy(struct gnomon_time_properties_ds *to,
				 const struct gnomon_time_properties_ds *from)
{
	to->current_utc_offset = from->current_utc_offset;
	to->flags = from->flags;
	to->time_source = from->time_source;
}

int gnomon_engine_init(struct gnomon_engine **engine, void *mem, size_t len,
		       const struct gnomon_engine_config *config, gnomon_mono now)
{
	size_t size = gnomon_engine_size(config);
	struct arena a = { mem, 0 };
	struct gnomon_engine *e;

	if (!size) {
		return -EINVAL;
	}
	if (len < size) {
		return -ENOBUFS;
	}
	memset(mem, 0, size);
	e = lay_out(&a, config);
	e->config = *config;
	e->config.ports = NULL;
	random_seed(&e->random, config->seed);
	for (unsigned int i = 0; i < config->port_count; i++) {
		port_init(&e->ports[i], e, &config->ports[i], (uint16_t)(i + 1));
	}
	management_init(e, now);
	time_properties_copy(&e->local_time_properties, &config->time_properties);
	default_ds_begin(e);
	decision_take_grandmaster(e);
	decision_start(e, now);
	*engine = e;
	return 0;
}

/* -- inputs ---------------------------------------------------------------------------------- */

static struct port *port_find(const struct gnomon_engine *e, uint16_t port)
{
	return port >= 1 && port <= e->config.port_count ? &e->ports[port - 1] : NULL;
}

int gnomon_engine_rx(struct gnomon_engine *e, const struct gnomon_rx *rx, gnomon_mono now)
{
	struct port *p = port_find(e, rx->port);
	bool local = rx->channel == GNOMON_CHANNEL_LOCAL ||
		     rx->channel == GNOMON_CHANNEL_LOCAL_READ_ONLY;

	if (rx->size != sizeof(*rx) || local != (rx->port == 0) || (!local && !p)) {
		return -EINVAL;
	}
	e->management.now = now;
	if (rx->timestamp) {
		e->management.heard = *rx->timestamp;
	}
	if (local) {
		return local_receive(e, rx, now) ? -EBADMSG : 0;
	}
	return port_receive(p, rx, now) ? -EBADMSG : 0;
}

static void timestamp_lost(struct port *p, enum gnomon_msg_type type)
{
	count(&p->counters.tx_timestamp_lost);
	action_event(p->engine, p->identity.port, GNOMON_EVENT_TX_TIMESTAMP_LOST, NULL, type);
}

static void timestamp_arrived(struct port *p, const struct tx_slot *slot, gnomon_time t)
{
	switch (slot->type) {
	case GNOMON_MSG_SYNC:
		sync_sent(p, slot, t);
		break;
	case GNOMON_MSG_DELAY_REQ:
		delay_req_sent(p, slot, t);
		break;
	case GNOMON_MSG_PDELAY_REQ:
		pdelay_req_sent(p, slot, t);
		break;
	case GNOMON_MSG_PDELAY_RESP:
		pdelay_resp_sent(p, slot, t);
		break;
	case GNOMON_MSG_FOLLOW_UP:
	case GNOMON_MSG_DELAY_RESP:
	case GNOMON_MSG_PDELAY_RESP_FOLLOW_UP:
	case GNOMON_MSG_ANNOUNCE:
	case GNOMON_MSG_SIGNALING:
	case GNOMON_MSG_MANAGEMENT:
		break;
	}
}

int gnomon_engine_tx_done(struct gnomon_engine *e, uint32_t tx_id, const gnomon_time *timestamp,
			  gnomon_mono now)
{
	struct port *p = port_find(e, (uint16_t)(tx_id & 0xffff));
	struct tx_slot *found, slot;

	(void)now;
	if (!p) {
		return -ENOENT;
	}
	found = tx_slot_find(p, tx_id);
	if (!found) {
		count(&p->counters.tx_timestamp_late);
		return -ENOENT;
	}
	slot = *found;
	found->id = 0;
	if (timestamp) {
		timestamp_arrived(p, &slot, port_egress(p, *timestamp));
	} else {
		timestamp_lost(p, slot.type);
	}
	return 0;
}

/* The flag of the clock, as a whole, is that of its first port. */
int gnomon_engine_one_step(struct gnomon_engine *e, uint16_t port, bool sync, bool pdelay)
{
	struct port *p = port_find(e, port);

	if (!p || (pdelay && !sync)) {
		return -EINVAL;
	}
	p->config.one_step_sync = sync;
	p->config.one_step_pdelay = pdelay;
	if (p == &e->ports[0]) {
		e->default_ds.two_step_flag = !sync;
		action_datasets(e, 0, GNOMON_DATASET_DEFAULT);
	}
	return 0;
}

int gnomon_engine_link(struct gnomon_engine *e, uint16_t port, bool up, gnomon_mono now)
{
	struct port *p = port_find(e, port);

	if (!p) {
		return -EINVAL;
	}
	p->link = up;
	if (!up) {
		port_event(p, FSM_FAULT_DETECTED, now);
	} else if (p->state == GNOMON_PORT_FAULTY) {
		port_event(p, FSM_FAULT_CLEARED, now);
	} else {
		port_event(p, FSM_NONE, now); /* an INITIALIZING port has what it waited for */
	}
	decision_request(e, now);
	return 0;
}

int gnomon_engine_enable(struct gnomon_engine *e, uint16_t port, bool enable, gnomon_mono now)
{
	struct port *p = port_find(e, port);

	if (!p) {
		return -EINVAL;
	}
	p->enabled = enable;
	port_event(p, enable ? FSM_DESIGNATED_ENABLED : FSM_DESIGNATED_DISABLED, now);
	if (p->state == GNOMON_PORT_INITIALIZING && !p->link) {
		port_event(p, FSM_FAULT_DETECTED, now);
	}
	decision_request(e, now);
	return 0;
}

int gnomon_engine_desired_state(struct gnomon_engine *e, uint16_t port,
				enum gnomon_port_state state, gnomon_mono now)
{
	struct port *p = port_find(e, port);

	if (!e->config.external_port_configuration) {
		return -EOPNOTSUPP;
	}
	if (!p || !desired_state_valid(state)) {
		return -EINVAL;
	}
	if (p->config.desired_state != state) {
		p->config.desired_state = state;
		port_apply_desired_state(p, now);
		if (!engine_receiver(e, NULL)) {
			decision_take_grandmaster(e);
		}
	}
	return 0;
}

int gnomon_engine_clock_event(struct gnomon_engine *e, const struct gnomon_clock_event *event,
			      gnomon_mono now)
{
	bool locked = event->state == GNOMON_SERVO_LOCKED ||
		      event->state == GNOMON_SERVO_LOCKED_STABLE;

	if (event->size != sizeof(*event)) {
		return -EINVAL;
	}
	e->management.rate_ratio = event->rate_ratio;
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		struct port *p = &e->ports[i];

		if (event->stepped) {
			port_clock_stepped(p);
		}
		/* Delays measured by a clock of unknown frequency are off by it (100 ppm over a
		 * second of t3 - t2: 50 us). The last one serves until there is a better. */
		if (locked && !e->locked) {
			p->tsproc.filter_stale = true;
		}
		if (port_is_receiver(p)) {
			p->tsproc.rate_ratio = event->rate_ratio;
			port_event(p, locked ? FSM_CLOCK_SELECTED : FSM_SYNC_FAULT, now);
		}
	}
	e->locked = locked;
	return 0;
}

int gnomon_engine_set_grandmaster(struct gnomon_engine *e,
				  const struct gnomon_clock_quality *quality,
				  const struct gnomon_time_properties_ds *properties,
				  gnomon_mono now)
{
	e->default_ds.clock_quality = *quality;
	if (e->config.time_receiver_only) {
		e->default_ds.clock_quality.clock_class = 255;
	}
	time_properties_copy(&e->local_time_properties, properties);
	action_datasets(e, 0, GNOMON_DATASET_DEFAULT);
	if (!engine_receiver(e, NULL)) {
		decision_take_grandmaster(e);
	}
	decision_request(e, now);
	return 0;
}

void gnomon_engine_set_apart(struct gnomon_engine *e, bool apart)
{
	e->apart = apart;
}

int gnomon_engine_expire(struct gnomon_engine *e, gnomon_mono now)
{
	gnomon_mono due = timers_deadline(&e->timers);
	uint32_t timer;

	e->management.now = now;
	while (timers_pop(&e->timers, now, &timer)) {
		uint32_t port = timer / PORT_TIMER_COUNT;

		if (port == e->config.port_count) {
			decision_run(e, now);
		} else {
			timeout_handle(&e->ports[port],
				       (enum port_timer)(timer % PORT_TIMER_COUNT), due, now);
		}
		due = timers_deadline(&e->timers);
	}
	return 0;
}

int gnomon_engine_set_port_info(struct gnomon_engine *e, uint16_t port,
				const struct gnomon_port_info *info)
{
	struct port *p = port_find(e, port);

	if (!p || info->size != sizeof(*info) ||
	    info->physical_length > sizeof(info->physical_address) ||
	    info->protocol_address.length > sizeof(info->protocol_address.octets) ||
	    !memchr(info->interface, '\0', sizeof(info->interface))) {
		return -EINVAL;
	}
	p->info = *info;
	return 0;
}

void gnomon_engine_forget_client(struct gnomon_engine *e, const struct gnomon_address *client)
{
	subscriber_forget(e, client);
}

gnomon_mono gnomon_engine_deadline(const struct gnomon_engine *e)
{
	return timers_deadline(&e->timers);
}

int gnomon_engine_next(struct gnomon_engine *e, struct gnomon_action *action)
{
	return deliver_next(e, action);
}

/* -- what is known --------------------------------------------------------------------------- */

void gnomon_engine_default_ds(const struct gnomon_engine *e, struct gnomon_default_ds *ds)
{
	*ds = e->default_ds;
}

void gnomon_engine_current_ds(const struct gnomon_engine *e, struct gnomon_current_ds *ds)
{
	*ds = e->current_ds;
	ds->synchronization_uncertain =
		e->parent_ds.synchronization_uncertain || e->uncalibrated_ports > 0;
}

void gnomon_engine_parent_ds(const struct gnomon_engine *e, struct gnomon_parent_ds *ds)
{
	*ds = e->parent_ds;
}

void gnomon_engine_time_properties_ds(const struct gnomon_engine *e,
				      struct gnomon_time_properties_ds *ds)
{
	*ds = e->time_properties_ds;
}

int gnomon_engine_port_ds(const struct gnomon_engine *e, uint16_t port, struct gnomon_port_ds *ds)
{
	const struct port *p = port_find(e, port);

	if (!p) {
		return -EINVAL;
	}
	memset(ds, 0, sizeof(*ds));
	ds->port_identity = p->identity;
	ds->port_state = p->state;
	ds->log_min_delay_req_interval = p->log_delay_req_interval;
	if (p->config.delay_mechanism == GNOMON_DELAY_P2P) {
		ds->mean_link_delay = p->tsproc.delay;
		ds->mean_link_delay_valid = p->tsproc.delay_valid;
	}
	ds->log_announce_interval = p->config.log_announce_interval;
	ds->announce_receipt_timeout = p->config.announce_receipt_timeout;
	ds->log_sync_interval = p->config.log_sync_interval;
	ds->delay_mechanism = p->config.delay_mechanism;
	ds->log_min_pdelay_req_interval = p->config.log_min_pdelay_req_interval;
	ds->version_number = GNOMON_VERSION_PTP;
	ds->minor_version_number = e->config.minor_version;
	ds->delay_asymmetry = p->config.delay_asymmetry;
	ds->port_enable = p->enabled;
	ds->master_only = p->config.time_transmitter_only;
	ds->neighbor_rate_ratio = p->neighbor.rate_ratio;
	ds->desired_state = p->config.desired_state;
	return 0;
}

int gnomon_engine_counters(const struct gnomon_engine *e, uint16_t port,
			   struct gnomon_port_counters *counters)
{
	const struct port *p = port_find(e, port);

	if (!p && port != 0) {
		return -EINVAL;
	}
	*counters = p ? p->counters : e->local_counters;
	return 0;
}

const char *gnomon_drop_name(enum gnomon_drop drop)
{
	static const char *const names[GNOMON_DROP_COUNT] = {
		[GNOMON_DROP_SHORT] = "short",
		[GNOMON_DROP_VERSION] = "version",
		[GNOMON_DROP_TYPE] = "type",
		[GNOMON_DROP_LENGTH] = "length",
		[GNOMON_DROP_SDO_ID] = "sdo_id",
		[GNOMON_DROP_DOMAIN] = "domain",
		[GNOMON_DROP_OWN] = "own",
		[GNOMON_DROP_CHANNEL] = "channel",
		[GNOMON_DROP_UNSUPPORTED] = "unsupported",
		[GNOMON_DROP_MECHANISM] = "mechanism",
		[GNOMON_DROP_PORT_STATE] = "port_state",
		[GNOMON_DROP_TIMESTAMP] = "timestamp",
		[GNOMON_DROP_TLV] = "tlv",
		[GNOMON_DROP_ALTERNATE_MASTER] = "alternate_master",
		[GNOMON_DROP_NOT_PARENT] = "not_parent",
		[GNOMON_DROP_STEPS_REMOVED] = "steps_removed",
		[GNOMON_DROP_CLOCK_CLASS] = "clock_class",
		[GNOMON_DROP_PATH_TRACE] = "path_trace",
		[GNOMON_DROP_TIME_TRANSMITTER_ONLY] = "time_transmitter_only",
		[GNOMON_DROP_STALE] = "stale",
		[GNOMON_DROP_FOREIGN_FULL] = "foreign_full",
		[GNOMON_DROP_UNMATCHED] = "unmatched",
		[GNOMON_DROP_NOT_MINE] = "not_mine",
		[GNOMON_DROP_NO_TIMESTAMP] = "no_timestamp",
		[GNOMON_DROP_CORRECTION] = "correction",
		[GNOMON_DROP_ORDER] = "order",
		[GNOMON_DROP_LINK_DELAY] = "link_delay",
		[GNOMON_DROP_MANAGEMENT_RATE] = "management_rate",
	};

	return (unsigned int)drop < GNOMON_DROP_COUNT ? names[drop] : "unknown";
}
