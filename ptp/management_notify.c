/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscriptions (SUBSCRIBE_EVENTS_NP, linuxptp's): who is told what until when. Messages to them
 * are not queued: what is due is a few bits, and each message is made when the actions proper have
 * been taken, so a hundred changes at once need no more memory than one, and tell the latest state.
 */
#include <string.h>

#include "instance.h"

static bool is_over(const struct gnomon_engine *e, const struct subscriber *s)
{
	return !gnomon_mono_before(e->management.now, s->expiry);
}

/* Its place, even of one that is over; NULL: none. */
static struct subscriber *place_of(struct gnomon_engine *e,
				   const struct gnomon_port_identity *identity)
{
	for (unsigned int i = 0; i < SUBSCRIBERS; i++) {
		struct subscriber *s = &e->management.subscribers[i];

		if (s->events && identity_equal(&s->identity, identity)) {
			return s;
		}
	}
	return NULL;
}

static struct subscriber *free_place(struct gnomon_engine *e)
{
	for (unsigned int i = 0; i < SUBSCRIBERS; i++) {
		struct subscriber *s = &e->management.subscribers[i];

		if (!s->events || is_over(e, s)) {
			memset(s, 0, sizeof(*s));
			return s;
		}
	}
	return NULL;
}

enum gnomon_management_error subscriber_set(struct gnomon_engine *e,
					    const struct gnomon_port_identity *identity,
					    const struct gnomon_address *address,
					    unsigned int events, uint16_t duration)
{
	struct subscriber *s = place_of(e, identity);

	events &= NOTIFY_ALL;
	if (!events || !duration) {
		if (s) {
			s->events = 0;
		}
		return GNOMON_MANAGEMENT_OK;
	}
	s = s ? s : free_place(e);
	if (!s) {
		return GNOMON_MANAGEMENT_GENERAL_ERROR;
	}
	s->events = events;
	s->identity = *identity;
	s->address = *address;
	s->expiry = duration == SUBSCRIBED_FOR_GOOD
			    ? GNOMON_MONO_NEVER
			    : gnomon_mono_add(e->management.now,
					      (int64_t)duration * GNOMON_NSEC_PER_SEC);
	return GNOMON_MANAGEMENT_OK;
}

const struct subscriber *subscriber_find(struct gnomon_engine *e,
					 const struct gnomon_port_identity *identity)
{
	const struct subscriber *s = place_of(e, identity);

	return s && !is_over(e, s) ? s : NULL;
}

uint16_t subscriber_left(const struct gnomon_engine *e, const struct subscriber *s)
{
	if (s->expiry.ns == GNOMON_MONO_NEVER.ns) {
		return SUBSCRIBED_FOR_GOOD;
	}
	return (uint16_t)((s->expiry.ns - e->management.now.ns) / GNOMON_NSEC_PER_SEC);
}

static bool same_client(const struct gnomon_address *a, const struct gnomon_address *b)
{
	return a->network_protocol == b->network_protocol && a->length == b->length &&
	       memcmp(a->octets, b->octets, a->length) == 0;
}

void subscriber_forget(struct gnomon_engine *e, const struct gnomon_address *address)
{
	for (unsigned int i = 0; i < SUBSCRIBERS; i++) {
		struct subscriber *s = &e->management.subscribers[i];

		if (same_client(&s->address, address)) {
			s->events = 0;
		}
	}
	for (unsigned int i = 0; i < ASKERS; i++) {
		struct asker *a = &e->management.askers[i];

		if (same_client(&a->address, address)) {
			a->used = false;
		}
	}
}

/* -- telling ---------------------------------------------------------------------------------- */

/* The next event that is due becomes the one that is told; false: none. */
static bool begin_event(struct gnomon_engine *e)
{
	struct management *mg = &e->management;

	mg->notify_next = 0;
	for (unsigned int i = 0; i < e->config.port_count && mg->notify & NOTIFY_PORT_STATE; i++) {
		if (e->ports[i].notify) {
			e->ports[i].notify = false;
			mg->notify_port = i + 1;
			mg->notify_event = NOTIFY_PORT_STATE;
			return true;
		}
	}
	mg->notify &= ~NOTIFY_PORT_STATE;
	mg->notify_port = 0;
	mg->notify_event = mg->notify & NOTIFY_PARENT_DATA_SET ? NOTIFY_PARENT_DATA_SET
							       : mg->notify & NOTIFY_TIME_SYNC;
	mg->notify &= ~mg->notify_event;
	return mg->notify_event != 0;
}

/* Whoever is still to be told of the event; NULL: nobody. */
static struct subscriber *next_subscriber(struct gnomon_engine *e)
{
	struct management *mg = &e->management;

	while (mg->notify_next < SUBSCRIBERS) {
		struct subscriber *s = &mg->subscribers[mg->notify_next++];

		if (s->events & mg->notify_event && !is_over(e, s)) {
			return s;
		}
	}
	return NULL;
}

static uint16_t id_of(unsigned int event)
{
	return event == NOTIFY_PORT_STATE        ? GNOMON_MID_PORT_DATA_SET
	       : event == NOTIFY_PARENT_DATA_SET ? GNOMON_MID_PARENT_DATA_SET
						 : GNOMON_MID_TIME_STATUS_NP;
}

bool management_notify_next(struct gnomon_engine *e, struct queued *out)
{
	struct management *mg = &e->management;
	struct subscriber *s = NULL;
	struct queued *q;

	while (mg->notify_event || begin_event(e)) {
		s = next_subscriber(e);
		if (s) {
			break;
		}
		mg->notify_event = 0;
	}
	q = s ? management_send(e, NULL, (uint16_t)mg->notify_port) : NULL;
	if (!q) {
		return false;
	}
	e->queue_len--; /* made in the queue's free place, and taken at once */
	q->u.send.msg.header.sequence_id = s->sequence_id++;
	q->u.send.msg.body.management.target = s->identity;
	q->u.send.msg.body.management.starting_boundary_hops = 1;
	q->u.send.msg.body.management.boundary_hops = 1;
	q->u.send.msg.body.management.action = GNOMON_MANAGEMENT_RESPONSE;
	q->u.send.destination = GNOMON_TO_ADDRESS;
	q->u.send.address = s->address;
	q->u.send.answer.id = id_of(mg->notify_event);
	q->u.send.answer.port = (uint16_t)mg->notify_port;
	*out = *q;
	return true;
}
