/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sync and Follow_Up (9.5.4, 9.5.5; 11.2): a timeReceiver pairs them, whichever comes first, and
 * measures its offset; a timeTransmitter sends them, one-step where the hardware can.
 */
#include <math.h>
#include <string.h>

#include "instance.h"

/* A sequenceId this little behind the newest is late, not the start of another sequence... */
#define SEQUENCE_WINDOW 64
/* ... unless there was nothing newer for so many syncIntervals. */
#define SEQUENCE_SILENCE 4
/* The second Sync of a sequence begun anew follows the first within so many. */
#define SEQUENCE_STEP 8

static bool from_parent(const struct port *p, const struct gnomon_port_identity *source)
{
	return p->config.ignore_source_id ||
	       identity_equal(source, &p->engine->parent_ds.parent_port_identity);
}

static int8_t log_sync_interval(const struct port *p)
{
	return p->parent_sync_interval_known ? p->log_parent_sync_interval
					     : p->config.log_sync_interval;
}

static bool sequence_silent(const struct port *p, gnomon_mono now)
{
	int64_t silence = interval_times(log_sync_interval(p), SEQUENCE_SILENCE);

	return gnomon_mono_before(gnomon_mono_add(p->sync_done_at, silence), now);
}

/*
 * A parent that restarted within its announceReceiptTimeout would else stay unheard until its new
 * sequence has caught up with the old one. One old Sync is a replay or a straggler; two that
 * ascend, with nothing newer between them, are a sequence. False: the Sync is not used.
 */
static bool sequence_restarts(struct port *p, uint16_t sequence_id, gnomon_mono now)
{
	uint16_t behind = (uint16_t)(p->sync_done - sequence_id);
	uint16_t step = (uint16_t)(sequence_id - p->sync_restart);
	bool ascends = p->sync_restart_known && step >= 1 && step <= SEQUENCE_STEP;

	if (!ascends && behind < SEQUENCE_WINDOW && !sequence_silent(p, now)) {
		return false;
	}
	p->sync_restart_known = !ascends;
	p->sync_restart = sequence_id;
	if (ascends) {
		p->sync_done_known = false;
		memset(p->sync, 0, sizeof(p->sync));
	}
	return ascends;
}

/* Checks common to Sync and Follow_Up; GNOMON_DROP_COUNT: accepted. */
static enum gnomon_drop refuse(struct port *p, const struct gnomon_header *h, gnomon_mono now)
{
	if (!from_parent(p, &h->source)) {
		return GNOMON_DROP_NOT_PARENT;
	}
	if (h->flags & GNOMON_FLAG_ALTERNATE_MASTER) {
		return GNOMON_DROP_ALTERNATE_MASTER;
	}
	if (p->sync_done_known && !sequence_after(h->sequence_id, p->sync_done) &&
	    !(h->type == GNOMON_MSG_SYNC && sequence_restarts(p, h->sequence_id, now))) {
		return GNOMON_DROP_STALE;
	}
	return GNOMON_DROP_COUNT;
}

static struct sync_pair *pair_of(struct port *p, uint16_t sequence_id)
{
	struct sync_pair *pair = &p->sync[sequence_id % SYNC_RING];

	if (pair->used && pair->sequence_id == sequence_id) {
		return pair;
	}
	if (pair->used && !pair->done) {
		count(&p->counters.sync_mismatch);
	}
	memset(pair, 0, sizeof(*pair));
	pair->used = true;
	pair->sequence_id = sequence_id;
	return pair;
}

/* The pair that a Sync or Follow_Up belongs to and is the first of its kind in; NULL: dropped. */
static struct sync_pair *admit(struct port *p, const struct gnomon_header *h, gnomon_mono now)
{
	enum gnomon_drop drop = refuse(p, h, now);
	struct sync_pair *pair;

	if (drop != GNOMON_DROP_COUNT) {
		port_drop(p, drop);
		return NULL;
	}
	pair = pair_of(p, h->sequence_id);
	if (h->type == GNOMON_MSG_SYNC ? pair->have_sync : pair->have_follow_up) {
		port_drop(p, GNOMON_DROP_STALE);
		return NULL;
	}
	return pair;
}

/* check_fup_sync: a Follow_Up that arrived before its Sync is none of it, whatever its sequenceId
 * says. The messages may be read in another order than they came in. */
static bool in_order(const struct port *p, const gnomon_time *sync, const gnomon_time *follow_up)
{
	return !p->engine->config.check_follow_up || !sync || !follow_up ||
	       gnomon_time_cmp(*sync, *follow_up) <= 0;
}

static const gnomon_time *arrival(const struct sync_pair *pair)
{
	return pair->software_known ? &pair->software : NULL;
}

static void set_arrival(struct sync_pair *pair, const gnomon_time *software)
{
	pair->software_known = software != NULL;
	if (software) {
		pair->software = *software;
	}
}

/* The interval the parent says it sends at: for its timeout, and for the servo's constants. */
static void learn_interval(struct port *p, int8_t log_interval)
{
	if (log_interval == GNOMON_LOG_INTERVAL_NONE ||
	    interval_clamp(log_interval) != log_interval) {
		return;
	}
	if (!p->parent_sync_interval_known || p->log_parent_sync_interval != log_interval) {
		p->parent_sync_interval_known = true;
		p->log_parent_sync_interval = log_interval;
		action_event(p->engine, p->identity.port, GNOMON_EVENT_SYNC_INTERVAL, NULL,
			     log_interval);
	}
}

static void emit_sample(struct port *p)
{
	struct gnomon_engine *e = p->engine;
	gnomon_span offset, delay;
	struct queued *q;
	double weight;

	if (tsproc_offset(&p->tsproc, &offset, &delay, &weight)) {
		return;
	}
	e->current_ds.offset_from_master = offset;
	e->current_ds.mean_delay = delay;
	q = action_push(e, p->identity.port, GNOMON_ACTION_SAMPLE);
	if (!q) {
		return;
	}
	q->u.sample.offset = offset;
	q->u.sample.mean_delay = delay;
	q->u.sample.local = p->tsproc.t2;
	q->u.sample.weight = weight;
	q->u.sample.sync_interval = ldexp(1.0, interval_clamp(log_sync_interval(p)));
}

/* Both halves are here: one offset measurement. */
static void complete(struct port *p, struct sync_pair *pair, gnomon_mono now)
{
	gnomon_span correction;

	if (pair->done || !pair->have_sync || !pair->have_follow_up) {
		return;
	}
	pair->done = true;
	p->sync_done_known = true;
	p->sync_restart_known = false;
	p->sync_done = pair->sequence_id;
	p->sync_done_at = now;
	port_timer_start(p, TIMER_SYNC_RX, now);
	/* 11.6.5, 7.4.2: the asymmetry of the way in is part of the correction. */
	correction = gnomon_span_add(pair->sync_correction, p->config.delay_asymmetry);
	tsproc_sync(&p->tsproc, gnomon_time_add(pair->t1, correction), pair->t2);
	emit_sample(p);
}

int sync_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		 gnomon_mono now)
{
	struct sync_pair *pair = admit(p, &m->header, now);

	if (!pair) {
		return -1;
	}
	if (pair->have_follow_up && !in_order(p, rx->software, arrival(pair))) {
		port_drop(p, GNOMON_DROP_ORDER);
		pair->have_follow_up = false;
	}
	set_arrival(pair, rx->software);
	pair->have_sync = true;
	pair->t2 = port_ingress(p, *rx->timestamp);
	pair->sync_correction = gnomon_span_from_interval(m->header.correction);
	if (!p->engine->config.assume_two_step && !(m->header.flags & GNOMON_FLAG_TWO_STEP)) {
		pair->have_follow_up = true;
		pair->t1 = gnomon_timestamp_to_time(m->timestamp);
	}
	learn_interval(p, m->header.log_interval);
	complete(p, pair, now);
	return 0;
}

int follow_up_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		      gnomon_mono now)
{
	struct sync_pair *pair = admit(p, &m->header, now);

	if (!pair) {
		return -1;
	}
	if (!pair->have_sync) {
		set_arrival(pair, rx->software);
	} else if (!in_order(p, arrival(pair), rx->software)) {
		return port_drop(p, GNOMON_DROP_ORDER);
	}
	pair->have_follow_up = true;
	pair->t1 = gnomon_time_add(gnomon_timestamp_to_time(m->timestamp),
				   gnomon_span_from_interval(m->header.correction));
	complete(p, pair, now);
	return 0;
}

/* -- transmit -------------------------------------------------------------------------------- */

void sync_send(struct port *p)
{
	struct queued *q = action_send(p, GNOMON_MSG_SYNC, p->sync_sequence++);
	struct gnomon_header *h;

	if (!q) {
		return;
	}
	h = &q->u.send.msg.header;
	h->log_interval = p->config.log_sync_interval;
	if (p->config.one_step_sync) {
		/* The hardware stamps at its own plane; the way to the wire is a correction. */
		q->u.send.one_step = true;
		h->correction = gnomon_span_to_interval(p->config.egress_latency);
		return;
	}
	h->flags |= GNOMON_FLAG_TWO_STEP;
	tx_slot_take(p, q);
}

void sync_sent(struct port *p, const struct tx_slot *slot, gnomon_time t1)
{
	struct queued *q;
	struct gnomon_msg *m;

	if (p->state != GNOMON_PORT_TIME_TRANSMITTER) {
		return;
	}
	q = action_send(p, GNOMON_MSG_FOLLOW_UP, slot->sequence_id);
	if (!q) {
		return;
	}
	m = &q->u.send.msg;
	m->header.log_interval = p->config.log_sync_interval;
	/* CF-7: what a Timestamp cannot hold goes into the correctionField. */
	m->header.correction = gnomon_timestamp_from_time(&m->timestamp, t1);
	if (slot->destination == GNOMON_TO_ADDRESS) {
		action_address(q, GNOMON_TO_ADDRESS, &slot->address);
	}
}
