/* SPDX-License-Identifier: BSD-2-Clause */
/* Foreign timeTransmitters: qualification, newest only, and what a flood can and cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ptp/foreign.h"
#include "ptp/random.h"

#define CAPACITY 16
#define SECOND INT64_C(1000000000)
#define INTERVAL (2 * SECOND)
#define WINDOW (FOREIGN_WINDOW * INTERVAL)

struct fixture {
	struct foreign_record records[CAPACITY + 1]; /* the last one is a canary */
	struct foreign_table table;
	gnomon_mono now;
	uint16_t sequence;
};

static const struct gnomon_port_identity here = { { { 0xee } }, 1 };
static const struct gnomon_address nowhere;

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	memset(&f.records[CAPACITY], 0xa5, sizeof(f.records[CAPACITY]));
	foreign_init(&f.table, f.records, CAPACITY);
	f.now.ns = 1000 * SECOND;
	f.sequence = 100;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	uint8_t canary[sizeof(f->records[0])];

	memset(canary, 0xa5, sizeof(canary));
	assert_memory_equal(&f->records[CAPACITY], canary, sizeof(canary));
	assert_true(f->table.count <= CAPACITY);
	return 0;
}

static struct gnomon_port_identity sender(uint32_t n)
{
	struct gnomon_port_identity id = { { { 0x0c, 0x42, 0xa1, 0xff, (uint8_t)(n >> 24),
					       (uint8_t)(n >> 16), (uint8_t)(n >> 8),
					       (uint8_t)n } },
					   1 };

	return id;
}

static struct gnomon_address mac(uint32_t n)
{
	struct gnomon_address a = { .network_protocol = GNOMON_NETWORK_IEEE_802_3, .length = 6 };

	memcpy(a.octets, &n, sizeof(n));
	return a;
}

/* An Announce of sender n as its own grandmaster with that priority1. */
static struct gnomon_msg message(uint32_t n, uint8_t priority1, uint16_t sequence_id)
{
	struct gnomon_msg m = { .header = { .type = GNOMON_MSG_ANNOUNCE,
					    .source = sender(n),
					    .flags = GNOMON_FLAG_PTP_TIMESCALE,
					    .log_interval = 1,
					    .sequence_id = sequence_id } };

	m.body.announce.grandmaster_priority1 = priority1;
	m.body.announce.grandmaster_priority2 = 128;
	m.body.announce.grandmaster_quality.clock_class = 248;
	m.body.announce.grandmaster_identity = sender(n).clock;
	return m;
}

static enum foreign_result hear(struct fixture *f, uint32_t n, uint8_t priority1,
				const struct gnomon_address *from,
				const struct gnomon_port_identity *parent)
{
	struct gnomon_msg m = message(n, priority1, f->sequence++);

	return foreign_add(&f->table, &m, from, parent, INTERVAL, f->now);
}

static const struct foreign_record *best(const struct fixture *f,
					 const struct gnomon_port_identity *parent)
{
	return foreign_best(&f->table, parent, &here, INTERVAL, f->now);
}

static void assert_best(const struct fixture *f, const struct gnomon_port_identity *parent,
			uint32_t n)
{
	struct gnomon_port_identity want = sender(n);
	const struct foreign_record *r = best(f, parent);

	assert_non_null(r);
	assert_int_equal(gnomon_port_identity_cmp(&r->sender, &want), 0);
}

static bool known(const struct fixture *f, uint32_t n)
{
	struct gnomon_port_identity want = sender(n);

	for (unsigned int i = 0; i < f->table.count; i++) {
		if (gnomon_port_identity_cmp(&f->records[i].sender, &want) == 0) {
			return true;
		}
	}
	return false;
}

/* -- qualification --------------------------------------------------------------------------- */

static void threshold(void **state)
{
	struct fixture *f = *state;

	assert_null(best(f, NULL));
	assert_int_equal(hear(f, 1, 128, &nowhere, NULL), FOREIGN_NEW);
	assert_null(best(f, NULL));
	f->now.ns += INTERVAL;
	assert_int_equal(hear(f, 1, 128, &nowhere, NULL), FOREIGN_KNOWN);
	assert_best(f, NULL, 1);
	assert_int_equal(f->table.count, 1);
}

/* Two Announces qualify if the first is at most a window old now: to the nanosecond. */
static void window_edges(void **state)
{
	struct fixture *f = *state;

	hear(f, 1, 128, &nowhere, NULL);
	f->now.ns += WINDOW - 1;
	hear(f, 1, 128, &nowhere, NULL);
	assert_best(f, NULL, 1);
	f->now.ns += 1;
	assert_best(f, NULL, 1);
	f->now.ns += 1;
	assert_null(best(f, NULL));
	assert_true(known(f, 1));
}

/* Announces further apart than the window never qualify. */
static void too_slow(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++) {
		hear(f, 1, 128, &nowhere, NULL);
		assert_null(best(f, NULL));
		f->now.ns += WINDOW + 1;
	}
}

/* 9.3.2.5: the parent needs no threshold. */
static void parent_is_exempt(void **state)
{
	struct fixture *f = *state;
	struct gnomon_port_identity parent = sender(1);

	hear(f, 1, 128, &nowhere, &parent);
	assert_best(f, &parent, 1);
	f->now.ns += 3 * WINDOW;
	assert_best(f, &parent, 1);
	foreign_remove(&f->table, &parent);
	assert_null(best(f, &parent));
}

static void expire(void **state)
{
	struct fixture *f = *state;
	struct gnomon_port_identity parent = sender(3);

	hear(f, 1, 128, &nowhere, NULL);
	hear(f, 3, 128, &nowhere, NULL);
	f->now.ns += 1;
	hear(f, 2, 128, &nowhere, NULL);
	f->now.ns += WINDOW - 1;
	foreign_expire(&f->table, INTERVAL, f->now);
	assert_int_equal(f->table.count, 3);
	f->now.ns += 1;
	foreign_expire_others(&f->table, &parent, INTERVAL, f->now);
	assert_false(known(f, 1));
	assert_true(known(f, 2));
	assert_true(known(f, 3));
	foreign_expire(&f->table, INTERVAL, f->now);
	assert_false(known(f, 3));
	f->now.ns += 1;
	foreign_expire(&f->table, INTERVAL, f->now);
	assert_int_equal(f->table.count, 0);
}

static void intervals_saturate(void **state)
{
	struct fixture *f = *state;
	struct gnomon_msg m = message(1, 128, 1);

	foreign_add(&f->table, &m, &nowhere, NULL, INT64_MAX, f->now);
	m.header.sequence_id++;
	f->now.ns = INT64_MAX - 1;
	assert_int_equal(foreign_add(&f->table, &m, &nowhere, NULL, INT64_MAX, f->now),
			 FOREIGN_KNOWN);
	assert_non_null(foreign_best(&f->table, NULL, &here, INT64_MAX, f->now));
	foreign_expire(&f->table, INT64_MAX, f->now);
	assert_int_equal(f->table.count, 1);
}

static void remove_one(void **state)
{
	struct fixture *f = *state;
	struct gnomon_port_identity id;

	for (uint32_t n = 0; n < 5; n++) {
		hear(f, n, 128, &nowhere, NULL);
	}
	id = sender(1);
	foreign_remove(&f->table, &id);
	foreign_remove(&f->table, &id);
	id = sender(4);
	foreign_remove(&f->table, &id);
	assert_int_equal(f->table.count, 3);
	assert_true(known(f, 0) && known(f, 2) && known(f, 3));
	foreign_clear(&f->table);
	assert_int_equal(f->table.count, 0);
}

/* -- newest only ----------------------------------------------------------------------------- */

static enum foreign_result hear_sequence(struct fixture *f, uint16_t sequence_id)
{
	struct gnomon_msg m = message(1, 128, sequence_id);

	return foreign_add(&f->table, &m, &nowhere, NULL, INTERVAL, f->now);
}

static void duplicates_do_not_qualify(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hear_sequence(f, 7), FOREIGN_NEW);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(hear_sequence(f, 7), FOREIGN_STALE);
	}
	assert_null(best(f, NULL));
}

static void sequence_wraps(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hear_sequence(f, 65534), FOREIGN_NEW);
	assert_int_equal(hear_sequence(f, 65535), FOREIGN_KNOWN);
	assert_int_equal(hear_sequence(f, 0), FOREIGN_KNOWN);
	assert_int_equal(hear_sequence(f, 65535), FOREIGN_STALE);
	assert_int_equal(hear_sequence(f, 1), FOREIGN_KNOWN);
	assert_int_equal(hear_sequence(f, 65534), FOREIGN_STALE);
	/* Half the circle ahead and as far back are both no reordering. */
	assert_int_equal(hear_sequence(f, 1 + 32767), FOREIGN_KNOWN);
	assert_int_equal(hear_sequence(f, 0), FOREIGN_KNOWN);
}

/* Every distance from the last sequenceId: stale means 0 to FOREIGN_REORDER_MAX back. */
static void reorder_limit(void **state)
{
	struct fixture *f = *state;

	for (uint32_t back = 0; back <= UINT16_MAX; back++) {
		foreign_clear(&f->table);
		hear_sequence(f, 5);
		assert_int_equal(hear_sequence(f, (uint16_t)(5 - back)),
				 back <= FOREIGN_REORDER_MAX ? FOREIGN_STALE : FOREIGN_KNOWN);
	}
}

/* A sender that restarted right after its start is heard again once its record fell silent. */
static void restart_after_silence(void **state)
{
	struct fixture *f = *state;

	hear_sequence(f, 3);
	f->now.ns += WINDOW;
	assert_int_equal(hear_sequence(f, 0), FOREIGN_STALE);
	f->now.ns += 1;
	assert_int_equal(hear_sequence(f, 0), FOREIGN_KNOWN);
	assert_null(best(f, NULL));
	assert_int_equal(hear_sequence(f, 1), FOREIGN_KNOWN);
	assert_best(f, NULL, 1);
}

/* -- what is remembered ---------------------------------------------------------------------- */

static void newest_contents(void **state)
{
	struct fixture *f = *state;
	struct gnomon_address from = mac(5);
	struct gnomon_msg m = message(1, 128, 1);
	const struct foreign_record *r = &f->records[0];
	struct bmca_dataset ds;

	foreign_add(&f->table, &m, &nowhere, NULL, INTERVAL, f->now);
	m = message(1, 99, 2);
	m.header.flags = GNOMON_FLAG_LEAP61;
	m.header.log_interval = -3;
	m.body.announce.steps_removed = 3;
	m.body.announce.grandmaster_quality.clock_accuracy = 0x21;
	f->now.ns += 5;
	foreign_add(&f->table, &m, &from, NULL, INTERVAL, f->now);
	assert_int_equal(r->announce.grandmaster_priority1, 99);
	assert_int_equal(r->flags, GNOMON_FLAG_LEAP61);
	assert_int_equal(r->log_interval, -3);
	assert_int_equal(r->sequence_id, 2);
	assert_memory_equal(&r->address, &from, sizeof(from));
	assert_true(r->heard[0].ns == f->now.ns && r->heard[1].ns == f->now.ns - 5);

	foreign_dataset(&ds, r, &here);
	assert_int_equal(ds.priority1, 99);
	assert_int_equal(ds.priority2, 128);
	assert_int_equal(ds.quality.clock_class, 248);
	assert_int_equal(ds.quality.clock_accuracy, 0x21);
	assert_int_equal(ds.steps_removed, 3);
	assert_int_equal(gnomon_clock_identity_cmp(&ds.identity, &m.header.source.clock), 0);
	assert_int_equal(gnomon_port_identity_cmp(&ds.sender, &m.header.source), 0);
	assert_int_equal(gnomon_port_identity_cmp(&ds.receiver, &here), 0);
}

static void log_interval_is_clamped(void **state)
{
	struct fixture *f = *state;
	struct gnomon_msg m = message(1, 128, 0);

	for (int log = INT8_MIN; log <= INT8_MAX; log++) {
		int want = log < FOREIGN_LOG_INTERVAL_MIN   ? FOREIGN_LOG_INTERVAL_MIN
			   : log > FOREIGN_LOG_INTERVAL_MAX ? FOREIGN_LOG_INTERVAL_MAX
							    : log;

		m.header.sequence_id++;
		m.header.log_interval = (int8_t)log;
		foreign_add(&f->table, &m, &nowhere, NULL, INTERVAL, f->now);
		assert_int_equal(f->records[0].log_interval, want);
	}
}

/* Only propagating TLVs are kept; one that does not fit is left out, not cut. */
static void tlvs(void **state)
{
	struct fixture *f = *state;
	struct gnomon_msg m = message(1, 128, 0);
	const struct foreign_record *r = &f->records[0];
	struct gnomon_tlv_builder b;
	uint8_t buf[1024];

	gnomon_tlv_builder_init(&b, buf, sizeof(buf));
	memset(gnomon_tlv_append(&b, GNOMON_TLV_PATH_TRACE, 16), 0x11, 16);
	gnomon_tlv_append(&b, GNOMON_TLV_PAD, 4);
	gnomon_tlv_append(&b, 0x4002, FOREIGN_TLVS_MAX - 20 - 4 + 2);
	gnomon_tlv_append(&b, 0x7fff, 0);
	gnomon_tlv_append(&b, 0x4003, FOREIGN_TLVS_MAX - 20 - 4 - 4);
	gnomon_tlv_append(&b, 0x4004, 0);
	m.tlvs = buf;
	m.tlvs_len = (size_t)gnomon_tlv_builder_finish(&b);
	foreign_add(&f->table, &m, &nowhere, NULL, INTERVAL, f->now);
	assert_int_equal(r->tlvs_len, FOREIGN_TLVS_MAX);
	assert_memory_equal(r->tlvs, buf, 20);
	assert_memory_equal(r->tlvs + 20, "\x7f\xff\x00\x00\x40\x03", 6);

	m.header.sequence_id++;
	m.tlvs_len = 0;
	foreign_add(&f->table, &m, &nowhere, NULL, INTERVAL, f->now);
	assert_int_equal(r->tlvs_len, 0);
}

/* -- the best -------------------------------------------------------------------------------- */

/* The order of arrival does not matter. */
static void best_of_all(void **state)
{
	struct fixture *f = *state;

	for (uint32_t start = 0; start < CAPACITY; start++) {
		foreign_clear(&f->table);
		for (uint32_t round = 0; round < 2; round++) {
			for (uint32_t i = 0; i < CAPACITY; i++) {
				uint32_t n = (start + 5 * i) % CAPACITY;

				hear(f, n, (uint8_t)(100 + (n ^ 9)), &nowhere, NULL);
			}
		}
		assert_best(f, NULL, 9);
	}
	/* A better one that is not qualified does not count. */
	foreign_clear(&f->table);
	hear(f, 1, 100, &nowhere, NULL);
	hear(f, 1, 100, &nowhere, NULL);
	hear(f, 2, 50, &nowhere, NULL);
	assert_best(f, NULL, 1);
	hear(f, 2, 50, &nowhere, NULL);
	assert_best(f, NULL, 2);
}

/* -- admission to a full table --------------------------------------------------------------- */

static void fill(struct fixture *f, uint32_t first, uint32_t count, uint8_t priority1,
		 int announces)
{
	for (uint32_t n = first; n < first + count; n++) {
		struct gnomon_address from = mac(n);

		for (int i = 0; i < announces; i++) {
			hear(f, n, priority1, &from, NULL);
		}
	}
}

static void silent_ones_leave(void **state)
{
	struct fixture *f = *state;
	struct gnomon_port_identity parent = sender(3);

	fill(f, 0, CAPACITY, 10, 2);
	f->now.ns += WINDOW + 1;
	assert_int_equal(hear(f, 100, 255, &nowhere, &parent), FOREIGN_NEW);
	assert_int_equal(f->table.count, 2);
	assert_true(known(f, 3) && known(f, 100));
}

/* Among the unqualified, rank counts, not age. */
static void worst_unqualified_leaves(void **state)
{
	struct fixture *f = *state;

	fill(f, 0, 8, 50, 2);
	fill(f, 8, 7, 60, 1);
	fill(f, 15, 1, 70, 1);
	assert_int_equal(hear(f, 100, 80, &nowhere, NULL), FOREIGN_REFUSED);
	assert_int_equal(hear(f, 101, 65, &nowhere, NULL), FOREIGN_EVICTED);
	assert_false(known(f, 15));
	/* Even one better than a qualified record takes an unqualified one's place. */
	assert_int_equal(hear(f, 102, 1, &nowhere, NULL), FOREIGN_EVICTED);
	for (uint32_t n = 0; n < 8; n++) {
		assert_true(known(f, n));
	}
	assert_false(known(f, 101));
	assert_true(known(f, 102));
}

/* A full table of qualified records gives half of them, the worst, to better newcomers. */
static void worst_qualified_leaves(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < CAPACITY; n++) {
		fill(f, n, 1, (uint8_t)(50 + n), 2);
	}
	assert_int_equal(hear(f, 100, 200, &nowhere, NULL), FOREIGN_REFUSED);
	for (uint32_t n = 0; n < CAPACITY / 2; n++) {
		struct gnomon_address from = mac(1000 + n);

		assert_int_equal(hear(f, 1000 + n, (uint8_t)(40 - n), &from, NULL),
				 FOREIGN_EVICTED);
		assert_true(known(f, 1000 + n));
		assert_false(known(f, CAPACITY - 1 - n));
	}
	for (uint32_t n = 0; n < 1000; n++) {
		struct gnomon_address from = mac(2000 + n);

		hear(f, 2000 + n, (uint8_t)(n % 40), &from, NULL);
	}
	for (uint32_t n = 0; n < CAPACITY; n++) {
		assert_int_equal(known(f, n), n < CAPACITY / 2);
	}
}

static void parent_stays(void **state)
{
	struct fixture *f = *state;
	struct gnomon_port_identity parent = sender(7);

	fill(f, 0, CAPACITY, 200, 1);
	for (uint32_t n = 1000; n < 3000; n++) {
		struct gnomon_address from = mac(n);

		hear(f, n, (uint8_t)(n % 100), &from, &parent);
		hear(f, n, (uint8_t)(n % 100), &from, &parent);
		assert_true(known(f, 7));
	}
}

/* The smallest table there is, and one with no room but for the parent. */
static void tiny_tables(void **state)
{
	struct fixture *f = *state;
	struct gnomon_port_identity parent = sender(1);

	foreign_init(&f->table, f->records, 1);
	assert_int_equal(hear(f, 1, 128, &nowhere, &parent), FOREIGN_NEW);
	assert_int_equal(hear(f, 2, 1, &nowhere, &parent), FOREIGN_REFUSED);
	assert_int_equal(hear(f, 2, 1, &nowhere, NULL), FOREIGN_EVICTED);
	assert_int_equal(f->table.count, 1);
	foreign_init(&f->table, f->records, 5);
	for (uint32_t n = 10; n < 100; n++) {
		hear(f, n, 128, &nowhere, NULL);
	}
	assert_int_equal(f->table.count, 5);
	hear(f, 5, 1, &nowhere, NULL);
	hear(f, 5, 1, &nowhere, NULL);
	assert_best(f, NULL, 5);
}

/* One address gets a quarter of the table to wait in, and no more. */
static void address_share(void **state)
{
	struct fixture *f = *state;
	struct gnomon_address one = mac(1);
	struct gnomon_address another = mac(2);

	for (uint32_t n = 0; n < 1000; n++) {
		hear(f, 1000 + n, (uint8_t)(n % 50), &one, NULL);
		assert_true(f->table.count <= CAPACITY / 4);
	}
	assert_int_equal(hear(f, 1, 200, &another, NULL), FOREIGN_NEW);
	for (uint32_t n = 0; n < 1000; n++) {
		hear(f, 5000 + n, (uint8_t)(n % 50), &one, NULL);
	}
	assert_int_equal(hear(f, 1, 200, &another, NULL), FOREIGN_KNOWN);
	assert_best(f, NULL, 1);
	/* Those who qualified free their places. */
	for (uint32_t n = 0; n < f->table.count; n++) {
		f->records[n].heard_count = FOREIGN_THRESHOLD;
		f->records[n].heard[1] = f->now;
	}
	assert_int_equal(hear(f, 9000, 250, &one, NULL), FOREIGN_NEW);
}

/* Two addresses are one only if protocol, length and octets agree. */
static void addresses_differ(void **state)
{
	struct fixture *f = *state;
	struct gnomon_address a = mac(1);

	fill(f, 0, 0, 0, 0);
	for (uint32_t n = 0; n < CAPACITY / 4; n++) {
		hear(f, n, 128, &a, NULL);
	}
	assert_int_equal(hear(f, 50, 200, &a, NULL), FOREIGN_REFUSED);
	a.udp_port = 319;
	assert_int_equal(hear(f, 51, 200, &a, NULL), FOREIGN_REFUSED);
	a.octets[15] = 1; /* beyond its length */
	assert_int_equal(hear(f, 52, 200, &a, NULL), FOREIGN_REFUSED);
	a.network_protocol = GNOMON_NETWORK_UDP_IPV4;
	assert_int_equal(hear(f, 53, 200, &a, NULL), FOREIGN_NEW);
	a = mac(1);
	a.length = 5;
	assert_int_equal(hear(f, 54, 200, &a, NULL), FOREIGN_NEW);
	assert_int_equal(hear(f, 55, 200, &nowhere, NULL), FOREIGN_NEW);
}

/*
 * The true timeTransmitter announces on time, a flood of identities made up anew comes in between;
 * returns whether the true one was the best at every moment since its second Announce.
 */
static bool survives_flood(struct fixture *f, uint32_t per_interval, uint8_t true_priority,
			   uint8_t fake_priority, uint32_t addresses)
{
	struct gnomon_address from = mac(7);
	uint32_t fake = 1000000;

	for (int round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < per_interval; i++) {
			struct gnomon_address forged = mac(100 + fake % addresses);

			hear(f, fake++, fake_priority, &forged, NULL);
			f->now.ns += INTERVAL / (per_interval + 1);
		}
		hear(f, 7, true_priority, &from, NULL);
		if (round >= 1) {
			const struct foreign_record *r = best(f, NULL);
			struct gnomon_port_identity want = sender(7);

			if (!r || gnomon_port_identity_cmp(&r->sender, &want) != 0) {
				return false;
			}
		}
	}
	return true;
}

/* Claims of less than the truth, from any number of addresses. */
static void flood_of_worse(void **state)
{
	struct fixture *f = *state;

	for (uint32_t per_interval = 1; per_interval <= 10000; per_interval *= 10) {
		foreign_clear(&f->table);
		assert_true(survives_flood(f, per_interval, 128, 129, UINT32_MAX));
		foreign_clear(&f->table);
		assert_true(survives_flood(f, per_interval, 128, 129, 1));
	}
}

/* Claims of more, each identity once, from few addresses. */
static void flood_of_better(void **state)
{
	struct fixture *f = *state;

	for (uint32_t per_interval = 1; per_interval <= 10000; per_interval *= 10) {
		foreign_clear(&f->table);
		assert_true(survives_flood(f, per_interval, 128, 1, 1));
		foreign_clear(&f->table);
		assert_true(survives_flood(f, per_interval, 128, 1, 3));
	}
}

/* Claims of more from everywhere: those who were qualified before stay qualified. */
static void flood_keeps_the_qualified(void **state)
{
	struct fixture *f = *state;
	struct gnomon_address from = mac(7);

	hear(f, 7, 128, &from, NULL);
	hear(f, 7, 128, &from, NULL);
	assert_true(survives_flood(f, 10000, 128, 1, UINT32_MAX));
}

/* A network that starts at once: everybody announces, all worse than one, which wins. */
static void thousand_start_at_once(void **state)
{
	struct fixture *f = *state;

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 1000; i++) {
			uint32_t n = (i * 7 + 500) % 1000;
			struct gnomon_address from = mac(n);
			struct gnomon_msg m = message(n, n == 123 ? 127 : 128, (uint16_t)round);

			foreign_add(&f->table, &m, &from, NULL, INTERVAL, f->now);
			f->now.ns += INTERVAL / 1000;
		}
	}
	assert_best(f, NULL, 123);
}

/* Whatever comes, the structure holds: no sender twice, qualified ones in half of the table. */
static void random_traffic(void **state)
{
	struct fixture *f = *state;
	const uint64_t seed = 42;
	struct random r;

	print_message("# seed %llu\n", (unsigned long long)seed);
	random_seed(&r, seed);
	for (int i = 0; i < 100000; i++) {
		uint32_t n = (uint32_t)(random_next(&r) % 40);
		struct gnomon_address from = mac((uint32_t)(random_next(&r) % 8));
		struct gnomon_port_identity parent = sender((uint32_t)(random_next(&r) % 40));
		bool had_parent = false;
		unsigned int copies = 0;

		had_parent = known(f, parent.clock.id[7]);
		f->now.ns += (int64_t)(random_next(&r) % (uint64_t)(INTERVAL / 4));
		f->sequence = (uint16_t)(f->sequence + random_next(&r) % 3 - 1);
		hear(f, n, (uint8_t)random_next(&r), &from, &parent);
		assert_int_equal(had_parent && !known(f, parent.clock.id[7]), false);
		assert_true(f->table.count <= CAPACITY);
		for (unsigned int k = 0; k < f->table.count; k++) {
			copies += f->records[k].sender.clock.id[7] == n;
		}
		assert_in_range(copies, 0, 1);
	}
}

#define TEST(name, function) { name, function, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("/ptp/foreign/threshold", threshold),
		TEST("/ptp/foreign/window_edges", window_edges),
		TEST("/ptp/foreign/too_slow", too_slow),
		TEST("/ptp/foreign/parent_is_exempt", parent_is_exempt),
		TEST("/ptp/foreign/expire", expire),
		TEST("/ptp/foreign/intervals_saturate", intervals_saturate),
		TEST("/ptp/foreign/remove", remove_one),
		TEST("/ptp/foreign/newest/duplicates", duplicates_do_not_qualify),
		TEST("/ptp/foreign/newest/wrap", sequence_wraps),
		TEST("/ptp/foreign/newest/reorder_limit", reorder_limit),
		TEST("/ptp/foreign/newest/restart_after_silence", restart_after_silence),
		TEST("/ptp/foreign/record/newest_contents", newest_contents),
		TEST("/ptp/foreign/record/log_interval", log_interval_is_clamped),
		TEST("/ptp/foreign/record/tlvs", tlvs),
		TEST("/ptp/foreign/best", best_of_all),
		TEST("/ptp/foreign/full/silent_ones_leave", silent_ones_leave),
		TEST("/ptp/foreign/full/worst_unqualified_leaves", worst_unqualified_leaves),
		TEST("/ptp/foreign/full/worst_qualified_leaves", worst_qualified_leaves),
		TEST("/ptp/foreign/full/parent_stays", parent_stays),
		TEST("/ptp/foreign/full/tiny_tables", tiny_tables),
		TEST("/ptp/foreign/full/address_share", address_share),
		TEST("/ptp/foreign/full/addresses_differ", addresses_differ),
		TEST("/ptp/foreign/flood/of_worse", flood_of_worse),
		TEST("/ptp/foreign/flood/of_better", flood_of_better),
		TEST("/ptp/foreign/flood/keeps_the_qualified", flood_keeps_the_qualified),
		TEST("/ptp/foreign/flood/thousand_start_at_once", thousand_start_at_once),
		TEST("/ptp/foreign/random_traffic", random_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
