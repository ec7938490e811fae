/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One octet vector per message type with what it says, a buffer that ends where readable memory
 * ends (one octet read too far is a crash and not luck), and field by field comparison.
 */
#ifndef TESTS_UNIT_PTP_VECTORS_H
#define TESTS_UNIT_PTP_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <gnomon/msg.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NSEC_LIMIT 1000000000u

static const enum gnomon_msg_type all_types[] = {
	GNOMON_MSG_SYNC,         GNOMON_MSG_DELAY_REQ,  GNOMON_MSG_PDELAY_REQ,
	GNOMON_MSG_PDELAY_RESP,  GNOMON_MSG_FOLLOW_UP,  GNOMON_MSG_DELAY_RESP,
	GNOMON_MSG_PDELAY_RESP_FOLLOW_UP,               GNOMON_MSG_ANNOUNCE,
	GNOMON_MSG_SIGNALING,    GNOMON_MSG_MANAGEMENT,
};

/* -- vectors ---------------------------------------------------------------------------------- */

/* The header of all vectors: sdoId 0x35a, version 2.1, domain 44, correction 1.5 ns. */
#define HEADER_OCTETS(type, length, flags0, flags1, control, log)                                  \
	0x30 | (type), 0x12, 0x00, length, 44, 0x5a, flags0, flags1,                               \
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x80, 0x00,                                            \
	0xc0, 0xff, 0xee, 0x01,                                                                    \
	0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6, 0x01, 0x12,                                \
	0xbe, 0xef, control, log

#define HEADER_FIELDS(type_, length_, flags_, control_, log_)                                      \
	{                                                                                          \
		.type = (type_), .sdo_id = 0x35a, .version = 2, .minor_version = 1,                \
		.length = (length_), .domain = 44, .flags = (flags_), .correction = 0x18000,       \
		.type_specific = 0xc0ffee01, .source = { SOURCE, 274 }, .sequence_id = 0xbeef,     \
		.control = (control_), .log_interval = (log_),                                     \
	}
#define SOURCE { { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6 } }

/* In 2163: seconds beyond 32 bits, so that the upper two octets count. */
#define STAMP_OCTETS 0x00, 0x01, 0x6b, 0x22, 0xd7, 0x00, 0x3b, 0x9a, 0xc9, 0xff
#define STAMP { 0x16b22d700, 999999999 }

#define TARGET_OCTETS 0x00, 0x1b, 0x19, 0xff, 0xff, 0x00, 0x00, 0x07, 0xff, 0xff
#define TARGET { { { 0x00, 0x1b, 0x19, 0xff, 0xff, 0x00, 0x00, 0x07 } }, 0xffff }

static const uint8_t path_trace_octets[] = { 0x00, 0x08, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t grant_octets[] = { 0x00, 0x05, 0x00, 0x08, 0xb0, 0x01, 0, 0, 1, 0x2c, 0, 1 };
static const uint8_t get_octets[] = { 0x00, 0x01, 0x00, 0x02, 0x20, 0x01 };

struct vector {
	uint8_t octets[80];
	size_t len;
	struct gnomon_msg msg;
};

static struct vector sync_vector = {
	{ HEADER_OCTETS(0x0, 44, 0x02, 0x00, 0, 0xfd), STAMP_OCTETS },
	44,
	{ HEADER_FIELDS(GNOMON_MSG_SYNC, 44, GNOMON_FLAG_TWO_STEP, 0, -3), .timestamp = STAMP },
};

static struct vector delay_req_vector = {
	{ HEADER_OCTETS(0x1, 44, 0x04, 0x00, 1, 0x7f), STAMP_OCTETS },
	44,
	{ HEADER_FIELDS(GNOMON_MSG_DELAY_REQ, 44, GNOMON_FLAG_UNICAST, 1, 0x7f),
	  .timestamp = STAMP },
};

static struct vector pdelay_req_vector = {
	{ HEADER_OCTETS(0x2, 54, 0x00, 0x00, 5, 0x7f), STAMP_OCTETS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
	54,
	{ HEADER_FIELDS(GNOMON_MSG_PDELAY_REQ, 54, 0, 5, 0x7f), .timestamp = STAMP },
};

static struct vector pdelay_resp_vector = {
	{ HEADER_OCTETS(0x3, 54, 0x02, 0x00, 5, 0x7f), STAMP_OCTETS, TARGET_OCTETS },
	54,
	{ HEADER_FIELDS(GNOMON_MSG_PDELAY_RESP, 54, GNOMON_FLAG_TWO_STEP, 5, 0x7f),
	  .timestamp = STAMP, .requesting = TARGET },
};

static struct vector follow_up_vector = {
	{ HEADER_OCTETS(0x8, 44, 0x60, 0x00, 2, 0x00), STAMP_OCTETS },
	44,
	{ HEADER_FIELDS(GNOMON_MSG_FOLLOW_UP, 44,
			GNOMON_FLAG_PROFILE_SPECIFIC_1 | GNOMON_FLAG_PROFILE_SPECIFIC_2, 2, 0),
	  .timestamp = STAMP },
};

static struct vector delay_resp_vector = {
	{ HEADER_OCTETS(0x9, 54, 0x01, 0x00, 3, 0x80), STAMP_OCTETS, TARGET_OCTETS },
	54,
	{ HEADER_FIELDS(GNOMON_MSG_DELAY_RESP, 54, GNOMON_FLAG_ALTERNATE_MASTER, 3, -128),
	  .timestamp = STAMP, .requesting = TARGET },
};

static struct vector pdelay_resp_follow_up_vector = {
	{ HEADER_OCTETS(0xa, 54, 0x00, 0x00, 5, 0x7f), STAMP_OCTETS, TARGET_OCTETS },
	54,
	{ HEADER_FIELDS(GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 54, 0, 5, 0x7f),
	  .timestamp = STAMP, .requesting = TARGET },
};

static struct vector announce_vector = {
	{ HEADER_OCTETS(0xb, 76, 0x00, 0x7f, 5, 0x01), STAMP_OCTETS,
	  0xff, 0xdb, 0x00, 0x80, 0xf8, 0xfe, 0x4e, 0x5d, 0x81,
	  0x00, 0x1b, 0x19, 0xff, 0xff, 0x00, 0x00, 0x07, 0x01, 0x02, 0xa0,
	  0x00, 0x08, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8 },
	76,
	{ HEADER_FIELDS(GNOMON_MSG_ANNOUNCE, 76,
			GNOMON_FLAG_LEAP61 | GNOMON_FLAG_LEAP59 | GNOMON_FLAG_UTC_OFFSET_VALID |
			GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_TIME_TRACEABLE |
			GNOMON_FLAG_FREQUENCY_TRACEABLE | GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN,
			5, 1),
	  .body.announce = {
		.origin = STAMP, .current_utc_offset = -37, .grandmaster_priority1 = 128,
		.grandmaster_quality = { 248, 0xfe, 0x4e5d }, .grandmaster_priority2 = 129,
		.grandmaster_identity = { { 0x00, 0x1b, 0x19, 0xff, 0xff, 0x00, 0x00, 0x07 } },
		.steps_removed = 0x102, .time_source = 0xa0,
	  },
	  .tlvs = path_trace_octets, .tlvs_len = sizeof(path_trace_octets) },
};

static struct vector signaling_vector = {
	{ HEADER_OCTETS(0xc, 56, 0x04, 0x00, 5, 0x7f), TARGET_OCTETS,
	  0x00, 0x05, 0x00, 0x08, 0xb0, 0x01, 0, 0, 1, 0x2c, 0, 1 },
	56,
	{ HEADER_FIELDS(GNOMON_MSG_SIGNALING, 56, GNOMON_FLAG_UNICAST, 5, 0x7f),
	  .body.signaling = { TARGET },
	  .tlvs = grant_octets, .tlvs_len = sizeof(grant_octets) },
};

static struct vector management_vector = {
	{ HEADER_OCTETS(0xd, 54, 0x00, 0x00, 4, 0x7f), TARGET_OCTETS, 0x07, 0x05, 0x02, 0x00,
	  0x00, 0x01, 0x00, 0x02, 0x20, 0x01 },
	54,
	{ HEADER_FIELDS(GNOMON_MSG_MANAGEMENT, 54, 0, 4, 0x7f),
	  .body.management = { TARGET, 7, 5, 2 },
	  .tlvs = get_octets, .tlvs_len = sizeof(get_octets) },
};

static struct vector *const vectors[] = {
	&sync_vector,        &delay_req_vector,             &pdelay_req_vector, &pdelay_resp_vector,
	&follow_up_vector,   &delay_resp_vector,            &pdelay_resp_follow_up_vector,
	&announce_vector,    &signaling_vector,             &management_vector,
};

/* -- helpers ---------------------------------------------------------------------------------- */

static uint8_t *fence; /* the first octet that cannot be read */

static inline int fence_setup(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	(void)state;
	if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE) != 0) {
		return -1;
	}
	fence = map + page;
	return 0;
}

/* A copy of the octets that ends at the fence. */
static inline uint8_t *fenced(const void *octets, size_t len)
{
	return memcpy(fence - len, octets, len);
}

static inline enum gnomon_decode_error decode(struct gnomon_msg *msg, const void *octets,
					      size_t len)
{
	return gnomon_msg_decode(msg, fenced(octets, len), len);
}

static inline void assert_port_identity(const struct gnomon_port_identity *a,
					const struct gnomon_port_identity *b)
{
	assert_int_equal(gnomon_port_identity_cmp(a, b), 0);
}

static inline void assert_timestamp(struct gnomon_timestamp a, struct gnomon_timestamp b)
{
	assert_int_equal(a.seconds, b.seconds);
	assert_int_equal(a.nanoseconds, b.nanoseconds);
}

static inline void assert_header(const struct gnomon_header *a, const struct gnomon_header *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->sdo_id, b->sdo_id);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->minor_version, b->minor_version);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->domain, b->domain);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->correction, b->correction);
	assert_int_equal(a->type_specific, b->type_specific);
	assert_port_identity(&a->source, &b->source);
	assert_int_equal(a->sequence_id, b->sequence_id);
	assert_int_equal(a->control, b->control);
	assert_int_equal(a->log_interval, b->log_interval);
}

static inline void assert_announce(const struct gnomon_announce *a, const struct gnomon_announce *b)
{
	assert_timestamp(a->origin, b->origin);
	assert_int_equal(a->current_utc_offset, b->current_utc_offset);
	assert_int_equal(a->grandmaster_priority1, b->grandmaster_priority1);
	assert_int_equal(a->grandmaster_quality.clock_class, b->grandmaster_quality.clock_class);
	assert_int_equal(a->grandmaster_quality.clock_accuracy,
			 b->grandmaster_quality.clock_accuracy);
	assert_int_equal(a->grandmaster_quality.offset_scaled_log_variance,
			 b->grandmaster_quality.offset_scaled_log_variance);
	assert_int_equal(a->grandmaster_priority2, b->grandmaster_priority2);
	assert_memory_equal(&a->grandmaster_identity, &b->grandmaster_identity, 8);
	assert_int_equal(a->steps_removed, b->steps_removed);
	assert_int_equal(a->time_source, b->time_source);
}

static inline void assert_management(const struct gnomon_management *a,
				     const struct gnomon_management *b)
{
	assert_port_identity(&a->target, &b->target);
	assert_int_equal(a->starting_boundary_hops, b->starting_boundary_hops);
	assert_int_equal(a->boundary_hops, b->boundary_hops);
	assert_int_equal(a->action, b->action);
}

static inline void assert_msg(const struct gnomon_msg *a, const struct gnomon_msg *b)
{
	assert_header(&a->header, &b->header);
	assert_timestamp(a->timestamp, b->timestamp);
	assert_port_identity(&a->requesting, &b->requesting);
	if (a->header.type == GNOMON_MSG_ANNOUNCE) {
		assert_announce(&a->body.announce, &b->body.announce);
	} else if (a->header.type == GNOMON_MSG_SIGNALING) {
		assert_port_identity(&a->body.signaling.target, &b->body.signaling.target);
	} else if (a->header.type == GNOMON_MSG_MANAGEMENT) {
		assert_management(&a->body.management, &b->body.management);
	}
	assert_int_equal(a->tlvs_len, b->tlvs_len);
	if (a->tlvs_len > 0) {
		assert_memory_equal(a->tlvs, b->tlvs, a->tlvs_len);
	}
}

#endif
