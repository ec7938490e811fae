/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreignMasterDS (9.3.2.4, 9.3.2.5): the senders of Announce heard on one port, with
 * qualification. Fixed capacity in caller memory; the size of the network and the number of
 * identities an attacker makes up do not matter to memory or, per message, to time.
 *
 * A newcomer first makes silent records leave. When the table is full, or when its address already
 * has a quarter of the table waiting for qualification, it must be better (by the comparison
 * algorithm) than the worst it could replace:
 *
 *   - of the unqualified records of its own address, if they fill their quarter;
 *   - else of all unqualified records, if they fill half of the table;
 *   - else of the qualified records.
 *
 * Rank, not age, decides: on a large network that starts at once, records come faster than any of
 * them can qualify, and only the best staying in place lets the election end. So:
 *
 *   - the parent is never evicted;
 *   - at least half of the table stays with qualified senders, the best of them, whatever arrives;
 *   - identities that claim less than a true timeTransmitter cannot keep it out, however many;
 *   - identities that claim more but are heard once only, made up at one address, cannot keep it
 *     out either, while the table has room or holds anything worse.
 *
 * What remains open to a forger who claims more than everyone is to win the election or, from many
 * addresses, to keep newcomers waiting; only authentication prevents that.
 */
#ifndef PTP_FOREIGN_H
#define PTP_FOREIGN_H

#include <gnomon/engine.h>

#include "bmca.h"

#define FOREIGN_THRESHOLD 2 /* FOREIGN_MASTER_THRESHOLD */
#define FOREIGN_WINDOW 4    /* FOREIGN_MASTER_TIME_WINDOW, announceIntervals */
#define FOREIGN_TLVS_MAX 256 /* octets of propagating TLVs kept per record */
#define FOREIGN_REORDER_MAX 8 /* sequenceIds an Announce may be late without being a restart */
#define FOREIGN_LOG_INTERVAL_MIN (-10) /* log_interval is clamped to these */
#define FOREIGN_LOG_INTERVAL_MAX 20

/* The propagating TLVs of an Announce are kept with it: a Boundary Clock passes them on. */
struct foreign_record {
	struct gnomon_port_identity sender;
	struct gnomon_announce announce; /* the newest */
	uint16_t flags;                  /* of its header */
	uint16_t sequence_id;
	int8_t log_interval;             /* clamped */
	gnomon_mono heard[FOREIGN_THRESHOLD]; /* arrivals, newest first */
	uint8_t heard_count;
	struct gnomon_address address;   /* where it came from */
	uint16_t tlvs_len;
	uint8_t tlvs[FOREIGN_TLVS_MAX];
};

struct foreign_table {
	struct foreign_record *records;
	unsigned int capacity;
	unsigned int count;
};

enum foreign_result {
	FOREIGN_KNOWN,   /* the newest Announce of a known sender */
	FOREIGN_NEW,     /* a new record */
	FOREIGN_EVICTED, /* a new record in the place of another */
	FOREIGN_STALE,   /* not newer than the last one: ignored */
	FOREIGN_REFUSED, /* unknown, and nothing in the full table is worse: ignored */
};

/* records: capacity of them, caller memory. */
void foreign_init(struct foreign_table *t, struct foreign_record *records, unsigned int capacity);
void foreign_clear(struct foreign_table *t);

/*
 * Take an Announce that passed acceptance. address: where it came from, length 0 if unknown.
 * parent: never evicted (NULL: none). interval_ns: the port's announceInterval, for qualification
 * windows and for what counts as old.
 *
 * Newest only: a sequenceId that repeats or goes back by at most FOREIGN_REORDER_MAX is stale. A
 * sender that started its sequence over is heard again at once if it went back further, else as
 * soon as its record has been silent for a window.
 */
enum foreign_result foreign_add(struct foreign_table *t, const struct gnomon_msg *announce,
				const struct gnomon_address *address,
				const struct gnomon_port_identity *parent, int64_t interval_ns,
				gnomon_mono now);

/* Forget records not heard within the window. */
void foreign_expire(struct foreign_table *t, int64_t interval_ns, gnomon_mono now);

/* The same but for the parent, which is the announceReceiptTimeout's to forget: that may be longer
 * than the window. */
void foreign_expire_others(struct foreign_table *t, const struct gnomon_port_identity *parent,
			   int64_t interval_ns, gnomon_mono now);

/* Forget one sender. */
void foreign_remove(struct foreign_table *t, const struct gnomon_port_identity *sender);

/*
 * Erbest: the best qualified record, NULL if there is none. parent (NULL: none) counts as
 * qualified without the threshold rule, as long as it is in the table. receiver: this port.
 * Valid until the table changes.
 */
const struct foreign_record *foreign_best(const struct foreign_table *t,
					  const struct gnomon_port_identity *parent,
					  const struct gnomon_port_identity *receiver,
					  int64_t interval_ns, gnomon_mono now);

/* The record as the comparison algorithm wants it. */
void foreign_dataset(struct bmca_dataset *ds, const struct foreign_record *record,
		     const struct gnomon_port_identity *receiver);

#endif
