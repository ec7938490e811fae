/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Management messages (clause 15): which are for this clock, which are passed on (15.3.3), and what
 * is answered. SETs and COMMANDs are taken from the local read-write socket only: a network that
 * lets anybody change a clock is no basis for time. Requests cost a fixed amount of work, and of
 * those a network sends only so many are served in a second.
 */
#include <string.h>

#include "instance.h"
#include "wire.h"

/* Of each port: requests answered and messages passed on, together, in a second. */
#define RATE_MAX 200
#define RATE_NS INT64_C(1000000000)

#define OFFSET_FLAGS 6
#define OFFSET_BOUNDARY_HOPS 45

static const struct gnomon_clock_identity all_clocks = {
	{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }
};
#define ALL_PORTS 0xffff

void management_init(struct gnomon_engine *e, gnomon_mono now)
{
	struct management *mg = &e->management;

	mg->now = now;
	mg->uncertain = UNCERTAIN_DONTCARE;
	mg->rate_ratio = 1.0;
	for (unsigned int i = 0; i < ALTERNATES; i++) {
		mg->alternates[i].offset.key = (uint8_t)i;
	}
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		e->ports[i].info.phc_index = -1;
	}
}

/* -- faults ----------------------------------------------------------------------------------- */

void management_note_fault(struct gnomon_engine *e, uint16_t port, unsigned int what)
{
	struct management *mg = &e->management;
	struct fault *f;

	if (!management_fault_name(what)) {
		return;
	}
	f = &mg->faults[mg->fault_count++ % FAULTS];
	f->time = mg->heard;
	f->port = port;
	f->what = (uint8_t)what;
}

/* -- sending ---------------------------------------------------------------------------------- */

struct queued *management_send(struct gnomon_engine *e, struct port *out, uint16_t port)
{
	struct queued *q =
		action_push(e, out ? out->identity.port : 0, GNOMON_ACTION_SEND);
	struct gnomon_header *h;

	if (!q) {
		return NULL;
	}
	h = &q->u.send.msg.header;
	h->type = GNOMON_MSG_MANAGEMENT;
	h->sdo_id = e->config.sdo_id;
	h->version = GNOMON_VERSION_PTP;
	h->minor_version = e->config.minor_version;
	h->domain = e->config.domain;
	h->control = control_field(GNOMON_MSG_MANAGEMENT);
	h->log_interval = GNOMON_LOG_INTERVAL_NONE;
	h->source.clock = e->config.clock_identity;
	h->source.port = port;
	q->u.send.destination = GNOMON_TO_PRIMARY;
	return q;
}

static bool came_unicast(const struct management_request *r)
{
	return r->m->header.flags & GNOMON_FLAG_UNICAST && r->rx->source.length > 0;
}

/*
 * An answer to the requester (MG-7): by unicast if it asked so, or is local. about: the port, 0:
 * the PTP Instance, which answers by the identity of the port asked.
 */
static struct queued *answer_push(const struct management_request *r, uint16_t about)
{
	const struct gnomon_management *asked = &r->m->body.management;
	uint16_t own = r->from ? r->from->identity.port : 0;
	struct queued *q = management_send(r->e, r->from, about ? about : own);
	struct gnomon_management *body;

	if (!q) {
		return NULL;
	}
	q->u.send.msg.header.sequence_id = r->m->header.sequence_id;
	body = &q->u.send.msg.body.management;
	body->target = r->m->header.source;
	body->starting_boundary_hops =
		asked->starting_boundary_hops > asked->boundary_hops
			? (uint8_t)(asked->starting_boundary_hops - asked->boundary_hops)
			: 0;
	body->boundary_hops = body->starting_boundary_hops;
	body->action = asked->action == GNOMON_MANAGEMENT_COMMAND ? GNOMON_MANAGEMENT_ACKNOWLEDGE
								  : GNOMON_MANAGEMENT_RESPONSE;
	if (!r->from) {
		q->u.send.destination = GNOMON_TO_ADDRESS;
		q->u.send.address = r->rx->source;
	} else if (came_unicast(r)) {
		action_address(q, GNOMON_TO_ADDRESS, &r->rx->source);
	}
	return q;
}

/* MG-6: a COMMAND to everybody that most cannot obey must not make them all complain at once. */
static bool complaint_wanted(const struct management_request *r)
{
	const struct gnomon_management *asked = &r->m->body.management;

	return asked->action != GNOMON_MANAGEMENT_COMMAND || !r->from || came_unicast(r) ||
	       gnomon_clock_identity_cmp(&asked->target.clock, &all_clocks) != 0;
}

static void answer(const struct management_request *r, struct management_answer *what,
		   enum gnomon_management_error error)
{
	struct queued *q;

	if (error != GNOMON_MANAGEMENT_OK && !complaint_wanted(r)) {
		return;
	}
	q = answer_push(r, what->port);
	if (q) {
		what->error = (uint16_t)error;
		q->u.send.answer = *what;
	}
}

/* The TLV of an answer: what was asked for, or why not. */
void management_fill(struct gnomon_engine *e, struct queued *q)
{
	struct management_answer *what = &q->u.send.answer;
	const struct gnomon_management_row *row = gnomon_management_find(what->id);
	uint8_t data[TX_BUFFER - 64];
	struct gnomon_management_writer w;
	struct gnomon_tlv_builder b;
	enum gnomon_management_error error = (enum gnomon_management_error)what->error;
	uint8_t *to = NULL;
	int len = 0;

	if (error == GNOMON_MANAGEMENT_OK && row) {
		gnomon_management_writer_init(&w, row, data, sizeof(data));
		error = management_get(e, what, &w);
		len = gnomon_management_writer_finish(&w);
	}
	if (error == GNOMON_MANAGEMENT_OK && len < 0) {
		error = GNOMON_MANAGEMENT_RESPONSE_TOO_BIG;
	}
	gnomon_tlv_builder_init(&b, e->tlv_buffer, sizeof(e->tlv_buffer));
	if (error == GNOMON_MANAGEMENT_OK) {
		to = gnomon_management_tlv_append(&b, what->id, (uint16_t)len);
	} else {
		gnomon_management_error_append(&b, what->id, error);
	}
	if (to && len > 0) {
		memcpy(to, data, (size_t)len);
	}
	q->u.send.msg.tlvs = e->tlv_buffer;
	q->u.send.msg.tlvs_len = (size_t)gnomon_tlv_builder_finish(&b);
}

/* -- passing on (15.3.3) ---------------------------------------------------------------------- */

static bool is_request(uint8_t action)
{
	return action == GNOMON_MANAGEMENT_GET || action == GNOMON_MANAGEMENT_SET ||
	       action == GNOMON_MANAGEMENT_COMMAND;
}

static bool port_passes_on(const struct port *p)
{
	return p->state == GNOMON_PORT_TIME_TRANSMITTER || p->state == GNOMON_PORT_TIME_RECEIVER ||
	       p->state == GNOMON_PORT_UNCALIBRATED ||
	       p->state == GNOMON_PORT_PRE_TIME_TRANSMITTER;
}

static struct queued *forward_push(struct gnomon_engine *e, struct port *out)
{
	struct queued *q = management_send(e, out, 0);

	if (q) {
		q->u.send.answer.forward = true;
		e->management.forward_pending++;
	}
	return q;
}

static void asker_remember(struct management *mg, const struct gnomon_port_identity *identity,
			   const struct gnomon_address *address)
{
	struct asker *a = NULL;

	for (unsigned int i = 0; i < ASKERS; i++) {
		if (mg->askers[i].used && identity_equal(&mg->askers[i].identity, identity)) {
			a = &mg->askers[i];
		}
	}
	a = a ? a : &mg->askers[mg->asker_next++ % ASKERS];
	a->used = true;
	a->identity = *identity;
	a->address = *address;
}

/* An answer from the network goes to the local client that asked. */
static void forward_to_asker(struct gnomon_engine *e, const struct gnomon_port_identity *target)
{
	struct management *mg = &e->management;

	for (unsigned int i = 0; i < ASKERS; i++) {
		struct asker *a = &mg->askers[i];
		struct queued *q;

		if (!a->used || !identity_equal(&a->identity, target)) {
			continue;
		}
		q = forward_push(e, NULL);
		if (q) {
			q->u.send.destination = GNOMON_TO_ADDRESS;
			q->u.send.address = a->address;
		}
	}
}

/* A copy with one hop less to go; only one can be on its way, as actions are drained. */
static bool forward_begin(struct gnomon_engine *e, const struct gnomon_msg *m,
			  const struct gnomon_rx *rx)
{
	struct management *mg = &e->management;

	if (mg->forward_pending > 0) {
		count(&e->local_counters.action_overflow);
		return false;
	}
	mg->forward_len = m->header.length;
	memcpy(mg->forward, rx->data, mg->forward_len);
	mg->forward[OFFSET_BOUNDARY_HOPS]--;
	mg->forward[OFFSET_FLAGS] &= (uint8_t)~(GNOMON_FLAG_UNICAST >> 8);
	return true;
}

/*
 * Pass a message on by the other ports, unless it is for nobody but this clock. What network
 * clients ask stays in the network; what comes for a local client is brought to it.
 */
static void forward(struct gnomon_engine *e, const struct port *from, const struct gnomon_msg *m,
		    const struct gnomon_rx *rx)
{
	const struct gnomon_management *body = &m->body.management;

	if (body->boundary_hops == 0 || (from && !port_passes_on(from)) ||
	    gnomon_clock_identity_cmp(&body->target.clock, &e->config.clock_identity) == 0 ||
	    !forward_begin(e, m, rx)) {
		return;
	}
	for (unsigned int i = 0; i < e->config.port_count; i++) {
		if (&e->ports[i] != from && port_passes_on(&e->ports[i])) {
			forward_push(e, &e->ports[i]);
		}
	}
	if (!from) {
		asker_remember(&e->management, &m->header.source, &rx->source);
	} else if (!is_request(body->action)) {
		forward_to_asker(e, &body->target);
	}
}

/* -- carrying out ----------------------------------------------------------------------------- */

/* Of interfaces and hardware only who may change things is told. */
static bool is_private(uint16_t id)
{
	return id == GNOMON_MID_PORT_PROPERTIES_NP || id == GNOMON_MID_PORT_HWCLOCK_NP ||
	       id == GNOMON_MID_SUBSCRIBE_EVENTS_NP;
}

/* MG-4: the octets of a SET are exactly what the id's row says, and each value is allowed. */
static enum gnomon_management_error check_data(const struct management_request *r)
{
	struct gnomon_management_reader reader;
	struct gnomon_management_value v;
	bool valid = true;

	if (r->tlv.len == 0 && gnomon_management_empty_length(r->row) > 0) {
		return GNOMON_MANAGEMENT_WRONG_LENGTH;
	}
	gnomon_management_reader_init(&reader, r->row, r->tlv.data, r->tlv.len);
	while (gnomon_management_next(&reader, &v)) {
		valid = valid && gnomon_management_value_valid(&v);
	}
	if (gnomon_management_reader_finish(&reader)) {
		return GNOMON_MANAGEMENT_WRONG_LENGTH;
	}
	return valid ? GNOMON_MANAGEMENT_OK : GNOMON_MANAGEMENT_WRONG_VALUE;
}

/* Whether the request makes sense, and its sender may. */
static enum gnomon_management_error check_request(const struct management_request *r)
{
	uint8_t action = r->m->body.management.action;

	if (!r->row) {
		return GNOMON_MANAGEMENT_NO_SUCH_ID;
	}
	/* MG-9 */
	if ((action != GNOMON_MANAGEMENT_GET || is_private(r->row->id)) && !r->writable) {
		return GNOMON_MANAGEMENT_NOT_SUPPORTED;
	}
	if (action == GNOMON_MANAGEMENT_GET) { /* MG-3: whatever its dataField */
		return management_may_get(r->row->id) ? GNOMON_MANAGEMENT_OK
						      : GNOMON_MANAGEMENT_NOT_SUPPORTED;
	}
	if (action == GNOMON_MANAGEMENT_SET && !(r->row->access & GNOMON_MANAGEMENT_MAY_SET)) {
		return GNOMON_MANAGEMENT_NOT_SETABLE;
	}
	if (action == GNOMON_MANAGEMENT_COMMAND &&
	    !(r->row->access & GNOMON_MANAGEMENT_MAY_COMMAND)) {
		return GNOMON_MANAGEMENT_NOT_SUPPORTED;
	}
	return check_data(r);
}

/* One request, on one port or the PTP Instance (NULL), with its answer. */
static void carry_out(const struct management_request *r, struct port *p)
{
	struct management_answer a = { .id = r->tlv.id, .port = p ? p->identity.port : 0,
				       .requester = r->m->header.source };
	enum gnomon_management_error error = GNOMON_MANAGEMENT_OK;

	/* ALTERNATE_TIME_OFFSET_*: a GET says which timescale; none: the first. */
	a.key = r->tlv.len > 0 ? r->tlv.data[0] : 0;
	if (r->rx->timestamp) {
		gnomon_timestamp_from_time(&a.time, *r->rx->timestamp);
		a.time_known = true;
	}
	switch ((enum gnomon_management_action)r->m->body.management.action) {
	case GNOMON_MANAGEMENT_SET:
		error = management_set(r, p, &a);
		break;
	case GNOMON_MANAGEMENT_COMMAND:
		error = management_command(r, p);
		break;
	case GNOMON_MANAGEMENT_GET:
	case GNOMON_MANAGEMENT_RESPONSE:
	case GNOMON_MANAGEMENT_ACKNOWLEDGE:
		break;
	}
	answer(r, &a, error);
}

/* MG-1: all ports, or the one that is meant. */
static void carry_out_on_ports(const struct management_request *r)
{
	struct management_answer none = { .id = r->tlv.id };
	uint16_t target = r->m->body.management.target.port;
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->e->config.port_count; i++) {
		if (target == ALL_PORTS || target == r->e->ports[i].identity.port) {
			carry_out(r, &r->e->ports[i]);
			n++;
		}
	}
	if (n == 0) {
		answer(r, &none, GNOMON_MANAGEMENT_WRONG_VALUE);
	}
}

static int serve(struct management_request *r)
{
	const struct gnomon_clock_identity *target = &r->m->body.management.target.clock;
	struct management_answer refusal = { 0 };
	enum gnomon_management_error error;
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv, second;

	if (gnomon_clock_identity_cmp(target, &all_clocks) != 0 &&
	    gnomon_clock_identity_cmp(target, &r->e->config.clock_identity) != 0) {
		return 0;
	}
	/* MG-5: what nobody here asked for is no question. */
	if (!is_request(r->m->body.management.action)) {
		return 0;
	}
	gnomon_tlv_iter_init(&it, r->m->tlvs, r->m->tlvs_len);
	if (!gnomon_tlv_next(&it, &tlv) || tlv.type != GNOMON_TLV_MANAGEMENT ||
	    gnomon_management_tlv_parse(&r->tlv, &tlv) || gnomon_tlv_next(&it, &second)) {
		return -1;
	}
	r->row = gnomon_management_find(r->tlv.id);
	error = check_request(r);
	if (error != GNOMON_MANAGEMENT_OK) {
		refusal.id = r->tlv.id;
		answer(r, &refusal, error);
	} else if (r->row->port_scope) {
		carry_out_on_ports(r);
	} else {
		carry_out(r, NULL);
	}
	return 0;
}

/* -- receiving -------------------------------------------------------------------------------- */

/* Whether the port has had enough of it for this second. */
static bool rate_exceeded(struct port *p, gnomon_mono now)
{
	if (!gnomon_mono_before(now, gnomon_mono_add(p->management_since, RATE_NS))) {
		p->management_since = now;
		p->management_count = 0;
	}
	return p->management_count++ >= RATE_MAX;
}

int management_receive(struct port *p, const struct gnomon_msg *m, const struct gnomon_rx *rx,
		       gnomon_mono now)
{
	struct management_request r = { .e = p->engine, .from = p, .m = m, .rx = rx, .now = now };

	/* This clock's other ports speak on the same network, or it is a loop. */
	if (gnomon_clock_identity_cmp(&m->header.source.clock, &p->identity.clock) == 0) {
		return port_drop(p, GNOMON_DROP_OWN);
	}
	if (rate_exceeded(p, now)) {
		return port_drop(p, GNOMON_DROP_MANAGEMENT_RATE);
	}
	forward(p->engine, p, m, rx);
	return serve(&r) ? port_drop(p, GNOMON_DROP_UNSUPPORTED) : 0;
}

int management_receive_local(struct gnomon_engine *e, const struct gnomon_msg *m,
			     const struct gnomon_rx *rx, gnomon_mono now)
{
	struct management_request r = { .e = e, .m = m, .rx = rx, .now = now,
					.writable = rx->channel == GNOMON_CHANNEL_LOCAL };

	if (r.writable) {
		forward(e, NULL, m, rx);
	}
	if (serve(&r)) {
		count(&e->local_counters.drop[GNOMON_DROP_UNSUPPORTED]);
		return -1;
	}
	return 0;
}
