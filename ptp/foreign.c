/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreignMasterDS (9.3.2.4): who announces on this port, and who of them is qualified (9.3.2.5).
 * Admission to a full table is explained in foreign.h.
 */
#include <string.h>

#include "foreign.h"

void foreign_init(struct foreign_table *t, struct foreign_record *records, unsigned int capacity)
{
	t->records = records;
	t->capacity = capacity;
	t->count = 0;
}

void foreign_clear(struct foreign_table *t)
{
	t->count = 0;
}

/* -- ageing and qualification ---------------------------------------------------------------- */

static bool within_window(gnomon_mono then, int64_t interval_ns, gnomon_mono now)
{
	int64_t window = interval_ns > INT64_MAX / FOREIGN_WINDOW ? INT64_MAX :
								    interval_ns * FOREIGN_WINDOW;

	return !gnomon_mono_before(gnomon_mono_add(then, window), now);
}

static bool silent(const struct foreign_record *r, int64_t interval_ns, gnomon_mono now)
{
	return !within_window(r->heard[0], interval_ns, now);
}

static bool qualified(const struct foreign_record *r, int64_t interval_ns, gnomon_mono now)
{
	return r->heard_count >= FOREIGN_THRESHOLD &&
	       within_window(r->heard[FOREIGN_THRESHOLD - 1], interval_ns, now);
}

static bool is_sender(const struct foreign_record *r, const struct gnomon_port_identity *sender)
{
	return sender && gnomon_port_identity_cmp(&r->sender, sender) == 0;
}

static struct foreign_record *find(const struct foreign_table *t,
				   const struct gnomon_port_identity *sender)
{
	for (unsigned int i = 0; i < t->count; i++) {
		if (is_sender(&t->records[i], sender)) {
			return &t->records[i];
		}
	}
	return NULL;
}

static void drop(struct foreign_table *t, struct foreign_record *r)
{
	const struct foreign_record *last = &t->records[--t->count];

	if (r != last) {
		*r = *last;
	}
}

void foreign_expire_others(struct foreign_table *t, const struct gnomon_port_identity *parent,
			   int64_t interval_ns, gnomon_mono now)
{
	for (unsigned int i = t->count; i-- > 0;) {
		struct foreign_record *r = &t->records[i];

		if (silent(r, interval_ns, now) && !is_sender(r, parent)) {
			drop(t, r);
		}
	}
}

void foreign_expire(struct foreign_table *t, int64_t interval_ns, gnomon_mono now)
{
	foreign_expire_others(t, NULL, interval_ns, now);
}

void foreign_remove(struct foreign_table *t, const struct gnomon_port_identity *sender)
{
	struct foreign_record *r = find(t, sender);

	if (r) {
		drop(t, r);
	}
}

/* -- taking an Announce ---------------------------------------------------------------------- */

/*
 * Newest only (9.3.2.5 a), in serial arithmetic. A step back of at most FOREIGN_REORDER_MAX is a
 * duplicate or a message overtaken on its way; a longer one is a sender that started over, and so
 * is any step after a silence.
 */
static bool stale(const struct foreign_record *r, uint16_t sequence_id, int64_t interval_ns,
		  gnomon_mono now)
{
	uint16_t back = (uint16_t)(r->sequence_id - sequence_id);

	return back <= FOREIGN_REORDER_MAX && !silent(r, interval_ns, now);
}

/* Whole TLVs, in their order, as many as fit. */
static uint16_t keep_tlvs(uint8_t *buf, const struct gnomon_msg *announce)
{
	struct gnomon_tlv_builder b;
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	gnomon_tlv_builder_init(&b, buf, FOREIGN_TLVS_MAX);
	gnomon_tlv_iter_init(&it, announce->tlvs, announce->tlvs_len);
	while (gnomon_tlv_next(&it, &tlv)) {
		if (gnomon_tlv_propagates(tlv.type) && tlv.length <= b.cap - b.len &&
		    4u <= b.cap - b.len - tlv.length) {
			gnomon_tlv_append_copy(&b, &tlv);
		}
	}
	return (uint16_t)b.len;
}

static int8_t clamp_log_interval(int8_t log_interval)
{
	if (log_interval > FOREIGN_LOG_INTERVAL_MAX) {
		return FOREIGN_LOG_INTERVAL_MAX;
	}
	return log_interval < FOREIGN_LOG_INTERVAL_MIN ? FOREIGN_LOG_INTERVAL_MIN : log_interval;
}

/* What every Announce renews; identity and arrivals are the callers' matter. */
static void refresh(struct foreign_record *r, const struct gnomon_msg *announce,
		    const struct gnomon_address *address, gnomon_mono now)
{
	memmove(&r->heard[1], &r->heard[0], sizeof(r->heard) - sizeof(r->heard[0]));
	r->heard[0] = now;
	if (r->heard_count < FOREIGN_THRESHOLD) {
		r->heard_count++;
	}
	r->announce = announce->body.announce;
	r->flags = announce->header.flags;
	r->sequence_id = announce->header.sequence_id;
	r->log_interval = clamp_log_interval(announce->header.log_interval);
	r->address = *address;
	r->tlvs_len = keep_tlvs(r->tlvs, announce);
}

/* -- admission ------------------------------------------------------------------------------- */

static bool same_address(const struct gnomon_address *a, const struct gnomon_address *b)
{
	return a->network_protocol == b->network_protocol && a->length == b->length &&
	       a->length <= sizeof(a->octets) && memcmp(a->octets, b->octets, a->length) == 0;
}

/* By the comparison algorithm; who receives is the same port for all, so any value serves. */
static bool better(const struct foreign_record *a, const struct foreign_record *b)
{
	static const struct gnomon_port_identity here;
	struct bmca_dataset da;
	struct bmca_dataset db;

	foreign_dataset(&da, a, &here);
	foreign_dataset(&db, b, &here);
	return bmca_a_wins(bmca_compare(&da, &db));
}

static void note_worst(struct foreign_record **worst, struct foreign_record *r)
{
	if (!*worst || better(*worst, r)) {
		*worst = r;
	}
}

/* What a table holds, as seen by a newcomer. The parent is not counted: it cannot be evicted. */
struct census {
	unsigned int unqualified;
	unsigned int neighbours; /* unqualified, and from the newcomer's address */
	struct foreign_record *worst_qualified;
	struct foreign_record *worst_unqualified;
	struct foreign_record *worst_neighbour;
};

static void take_census(struct census *c, const struct foreign_table *t,
			const struct gnomon_address *address,
			const struct gnomon_port_identity *parent, int64_t interval_ns,
			gnomon_mono now)
{
	memset(c, 0, sizeof(*c));
	for (unsigned int i = 0; i < t->count; i++) {
		struct foreign_record *r = &t->records[i];

		if (is_sender(r, parent)) {
			continue;
		}
		if (qualified(r, interval_ns, now)) {
			note_worst(&c->worst_qualified, r);
			continue;
		}
		c->unqualified++;
		note_worst(&c->worst_unqualified, r);
		if (address->length > 0 && same_address(&r->address, address)) {
			c->neighbours++;
			note_worst(&c->worst_neighbour, r);
		}
	}
}

/* One share for each address, half of the table for all who have yet to qualify. */
static enum foreign_result admit(struct foreign_table *t, const struct foreign_record *newcomer,
				 const struct census *c)
{
	unsigned int share = t->capacity / 4 ? t->capacity / 4 : 1;
	struct foreign_record *victim;

	if (c->neighbours >= share) {
		victim = c->worst_neighbour;
	} else if (t->count < t->capacity) {
		t->records[t->count++] = *newcomer;
		return FOREIGN_NEW;
	} else if (c->unqualified >= t->capacity / 2 || !c->worst_qualified) {
		victim = c->worst_unqualified;
	} else {
		victim = c->worst_qualified;
	}
	if (!victim || !better(newcomer, victim)) {
		return FOREIGN_REFUSED;
	}
	*victim = *newcomer;
	return FOREIGN_EVICTED;
}

enum foreign_result foreign_add(struct foreign_table *t, const struct gnomon_msg *announce,
				const struct gnomon_address *address,
				const struct gnomon_port_identity *parent, int64_t interval_ns,
				gnomon_mono now)
{
	struct foreign_record *r = find(t, &announce->header.source);
	struct foreign_record newcomer;
	struct census census;

	if (r) {
		if (stale(r, announce->header.sequence_id, interval_ns, now)) {
			return FOREIGN_STALE;
		}
		refresh(r, announce, address, now);
		return FOREIGN_KNOWN;
	}
	foreign_expire_others(t, parent, interval_ns, now);
	memset(&newcomer, 0, sizeof(newcomer));
	newcomer.sender = announce->header.source;
	refresh(&newcomer, announce, address, now);
	take_census(&census, t, address, parent, interval_ns, now);
	return admit(t, &newcomer, &census);
}

/* -- the best -------------------------------------------------------------------------------- */

void foreign_dataset(struct bmca_dataset *ds, const struct foreign_record *record,
		     const struct gnomon_port_identity *receiver)
{
	ds->priority1 = record->announce.grandmaster_priority1;
	ds->identity = record->announce.grandmaster_identity;
	ds->quality = record->announce.grandmaster_quality;
	ds->priority2 = record->announce.grandmaster_priority2;
	ds->steps_removed = record->announce.steps_removed;
	ds->sender = record->sender;
	ds->receiver = *receiver;
}

const struct foreign_record *foreign_best(const struct foreign_table *t,
					  const struct gnomon_port_identity *parent,
					  const struct gnomon_port_identity *receiver,
					  int64_t interval_ns, gnomon_mono now)
{
	const struct foreign_record *best = NULL;
	struct bmca_dataset best_ds;
	struct bmca_dataset ds;

	for (unsigned int i = 0; i < t->count; i++) {
		const struct foreign_record *r = &t->records[i];

		if (!qualified(r, interval_ns, now) && !is_sender(r, parent)) {
			continue;
		}
		foreign_dataset(&ds, r, receiver);
		if (!best || bmca_a_wins(bmca_compare(&ds, &best_ds))) {
			best = r;
			best_ds = ds;
		}
	}
	return best;
}
