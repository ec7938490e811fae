/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreignMasterDS (9.3.2.4, 9.3.2.5): the senders of Announce heard on one port, with
 * qualification. Fixed capacity in caller memory; a newcomer to a full table evicts the record
 * that is least worth keeping, so that a flood of made-up identities can neither lock a true
 * timeTransmitter out nor displace the current parent.
 */
#ifndef PTP_FOREIGN_H
#define PTP_FOREIGN_H

#include <gnomon/engine.h>

#include "bmca.h"

#define FOREIGN_THRESHOLD 2 /* FOREIGN_MASTER_THRESHOLD */
#define FOREIGN_WINDOW 4    /* FOREIGN_MASTER_TIME_WINDOW, announceIntervals */
#define FOREIGN_TLVS_MAX 256 /* octets of propagating TLVs kept per record */

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
};

/* records: capacity of them, caller memory. */
void foreign_init(struct foreign_table *t, struct foreign_record *records, unsigned int capacity);
void foreign_clear(struct foreign_table *t);

/*
 * Take an Announce that passed acceptance. parent: never evicted (NULL: none). interval_ns: the
 * port's announceInterval, for qualification windows and for what counts as old.
 */
enum foreign_result foreign_add(struct foreign_table *t, const struct gnomon_msg *announce,
				const struct gnomon_address *address,
				const struct gnomon_port_identity *parent, int64_t interval_ns,
				gnomon_mono now);

/* Forget records not heard within the window. */
void foreign_expire(struct foreign_table *t, int64_t interval_ns, gnomon_mono now);

/* Forget one sender. */
void foreign_remove(struct foreign_table *t, const struct gnomon_port_identity *sender);

/*
 * Erbest: the best qualified record, NULL if there is none. parent (NULL: none) counts as
 * qualified without the threshold rule, as long as it is in the table. receiver: this port.
 */
const struct foreign_record *foreign_best(const struct foreign_table *t,
					  const struct gnomon_port_identity *parent,
					  const struct gnomon_port_identity *receiver,
					  int64_t interval_ns, gnomon_mono now);

/* The record as the comparison algorithm wants it. */
void foreign_dataset(struct bmca_dataset *ds, const struct foreign_record *record,
		     const struct gnomon_port_identity *receiver);

#endif
