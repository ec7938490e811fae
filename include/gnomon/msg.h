/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * PTP messages and TLVs: wire <-> host structs (IEEE 1588-2019 clauses 13 and 14).
 *
 * Decoding never keeps state, never allocates and never reads beyond the bytes given. TLVs are
 * left on the wire: a decoded message points at them, an iterator walks them, a builder appends
 * them. Field names are the standard's, in snake_case; docs/WIRE.md maps them to clauses.
 */
#ifndef GNOMON_MSG_H
#define GNOMON_MSG_H

#include <stddef.h>

#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GNOMON_HEADER_LEN 34
#define GNOMON_VERSION_PTP 2
#define GNOMON_MINOR_VERSION_PTP 1
#define GNOMON_EVENT_PORT 319
#define GNOMON_GENERAL_PORT 320
#define GNOMON_ETHERTYPE 0x88f7
/** Largest message this library builds or accepts: one Ethernet frame's payload. */
#define GNOMON_MSG_MAX 1500

/** clockIdentity (7.5.2.2): opaque, compared as unsigned octets. */
struct gnomon_clock_identity {
	uint8_t id[8];
};

/** portIdentity (5.3.5). Port 0 is the clock itself, 0xffff all ports. */
struct gnomon_port_identity {
	struct gnomon_clock_identity clock;
	uint16_t port;
};

/** clockQuality (5.3.7). */
struct gnomon_clock_quality {
	uint8_t clock_class;
	uint8_t clock_accuracy;
	uint16_t offset_scaled_log_variance;
};

/** Timestamp on the wire (5.3.3): 48-bit seconds, nanoseconds < 1e9. */
struct gnomon_timestamp {
	uint64_t seconds;
	uint32_t nanoseconds;
};

/** PortAddress (5.3.6), also the engine's idea of a unicast peer. port is the UDP port or 0. */
struct gnomon_address {
	uint16_t network_protocol;
	uint8_t length;
	uint8_t octets[16];
	uint16_t udp_port;
};

enum gnomon_network_protocol {
	GNOMON_NETWORK_UDP_IPV4 = 1,
	GNOMON_NETWORK_UDP_IPV6 = 2,
	GNOMON_NETWORK_IEEE_802_3 = 3,
};
/** networkProtocol of a client on the same machine; never on the wire. */
#define GNOMON_NETWORK_LOCAL 0xfff0

/** messageType (table 36). Event messages are those below 8. */
enum gnomon_msg_type {
	GNOMON_MSG_SYNC = 0x0,
	GNOMON_MSG_DELAY_REQ = 0x1,
	GNOMON_MSG_PDELAY_REQ = 0x2,
	GNOMON_MSG_PDELAY_RESP = 0x3,
	GNOMON_MSG_FOLLOW_UP = 0x8,
	GNOMON_MSG_DELAY_RESP = 0x9,
	GNOMON_MSG_PDELAY_RESP_FOLLOW_UP = 0xa,
	GNOMON_MSG_ANNOUNCE = 0xb,
	GNOMON_MSG_SIGNALING = 0xc,
	GNOMON_MSG_MANAGEMENT = 0xd,
};

/** flagField (table 37), first octet in the high byte. */
#define GNOMON_FLAG_ALTERNATE_MASTER 0x0100u
#define GNOMON_FLAG_TWO_STEP 0x0200u
#define GNOMON_FLAG_UNICAST 0x0400u
#define GNOMON_FLAG_PROFILE_SPECIFIC_1 0x2000u
#define GNOMON_FLAG_PROFILE_SPECIFIC_2 0x4000u
#define GNOMON_FLAG_LEAP61 0x0001u
#define GNOMON_FLAG_LEAP59 0x0002u
#define GNOMON_FLAG_UTC_OFFSET_VALID 0x0004u
#define GNOMON_FLAG_PTP_TIMESCALE 0x0008u
#define GNOMON_FLAG_TIME_TRACEABLE 0x0010u
#define GNOMON_FLAG_FREQUENCY_TRACEABLE 0x0020u
#define GNOMON_FLAG_SYNCHRONIZATION_UNCERTAIN 0x0040u

/** logMessageInterval of everything that has no interval of its own (table 42). */
#define GNOMON_LOG_INTERVAL_NONE 0x7f

/** Common header (13.3, table 35). sdo_id is majorSdoId << 8 | minorSdoId. */
struct gnomon_header {
	enum gnomon_msg_type type;
	uint16_t sdo_id;
	uint8_t version;
	uint8_t minor_version;
	uint16_t length; /* messageLength; set by the encoder */
	uint8_t domain;
	uint16_t flags;
	int64_t correction; /* TimeInterval, ns * 2^16 */
	uint32_t type_specific;
	struct gnomon_port_identity source;
	uint16_t sequence_id;
	uint8_t control;
	int8_t log_interval;
};

struct gnomon_announce {
	struct gnomon_timestamp origin;
	int16_t current_utc_offset;
	uint8_t grandmaster_priority1;
	struct gnomon_clock_quality grandmaster_quality;
	uint8_t grandmaster_priority2;
	struct gnomon_clock_identity grandmaster_identity;
	uint16_t steps_removed;
	uint8_t time_source;
};

struct gnomon_signaling {
	struct gnomon_port_identity target;
};

/** managementTLV itself is the first TLV. */
struct gnomon_management {
	struct gnomon_port_identity target;
	uint8_t starting_boundary_hops;
	uint8_t boundary_hops;
	uint8_t action;
};

/**
 * A decoded message. For every type but Announce, Signaling and Management the body is one
 * timestamp (originTimestamp, preciseOriginTimestamp, receiveTimestamp, requestReceiptTimestamp,
 * responseOriginTimestamp) and, for responses, the requestingPortIdentity.
 *
 * tlvs points into the decoded buffer (or at the caller's TLVs, for encoding) and is borrowed.
 * Members a type does not have are zero after decoding and ignored by the encoder.
 */
struct gnomon_msg {
	struct gnomon_header header;
	struct gnomon_timestamp timestamp;
	struct gnomon_port_identity requesting;
	union {
		struct gnomon_announce announce;
		struct gnomon_signaling signaling;
		struct gnomon_management management;
	} body;
	const uint8_t *tlvs;
	size_t tlvs_len;
};

/** Why a message could not be decoded: the steps of acceptance that need no state. */
enum gnomon_decode_error {
	GNOMON_DECODE_OK = 0,
	GNOMON_DECODE_SHORT,          /* fewer octets than a header */
	GNOMON_DECODE_VERSION,        /* versionPTP is not 2 */
	GNOMON_DECODE_TYPE,           /* reserved messageType */
	GNOMON_DECODE_LENGTH,         /* messageLength below the minimum, beyond len or MSG_MAX */
	GNOMON_DECODE_TIMESTAMP,      /* nanoseconds >= 1e9 */
	GNOMON_DECODE_TLV,            /* odd TLV length, or one running past messageLength */
	GNOMON_DECODE_COUNT
};

/** True for the messages that are timestamped (7.3.4.1): Sync, Delay_Req, Pdelay_Req/Resp. */
static inline bool gnomon_msg_is_event(enum gnomon_msg_type type)
{
	return (unsigned int)type < 0x8;
}

/** The standard's name of a message type, "Sync" ... "Management"; "reserved" for others. */
GNOMON_EXPORT const char *gnomon_msg_type_name(enum gnomon_msg_type type);

/** Octets from the header's start to the first TLV (tables 43 to 57); 0 for a reserved type. */
GNOMON_EXPORT size_t gnomon_msg_body_end(enum gnomon_msg_type type);

/**
 * Decode the message in buf[0..len). Octets after messageLength (Ethernet padding, the two
 * octets of Annex E, redundancy trailers) are ignored. minorVersionPTP, controlField,
 * messageTypeSpecific and reserved flags are carried, never judged; the reserved octets of bodies
 * are ignored here and sent as zero.
 *
 * The TLV chain is walked once for structure; an Announce shorter by TLVs, unknown TLV types and
 * zero-length TLVs are fine. One to three octets after the last TLV cannot be a TLV: tlvs_len
 * leaves them out.
 *
 * Returns GNOMON_DECODE_OK and fills *msg, or the first reason for refusal with *msg undefined.
 */
GNOMON_EXPORT enum gnomon_decode_error
gnomon_msg_decode(struct gnomon_msg *msg, const uint8_t *buf, size_t len);

/**
 * Decode the header alone: what a receiver needs to refuse a message cheaply. Checks the same
 * first four steps as gnomon_msg_decode (SHORT, VERSION, TYPE, LENGTH).
 */
GNOMON_EXPORT enum gnomon_decode_error
gnomon_header_decode(struct gnomon_header *header, const uint8_t *buf, size_t len);

/**
 * Encode *msg with its TLVs into buf. messageLength is computed; header.length is ignored. tlvs
 * may lie in buf itself, at their final place (gnomon_msg_body_end) or at any other.
 * Returns the octets written, or -ENOBUFS (cap or GNOMON_MSG_MAX too small), -EINVAL (reserved
 * type, a timestamp that has no wire form: nanoseconds >= 1e9 or seconds >= 2^48).
 */
GNOMON_EXPORT int gnomon_msg_encode(const struct gnomon_msg *msg, uint8_t *buf, size_t cap);

/**
 * The wire form of an instant. Whole nanoseconds go to *ts, the rest is returned as a TimeInterval
 * (0..65535) for correctionField (CF-7). An instant before the epoch or beyond 48-bit seconds
 * saturates.
 */
GNOMON_EXPORT int64_t gnomon_timestamp_from_time(struct gnomon_timestamp *ts, gnomon_time t);

/** The instant of a wire timestamp. */
GNOMON_EXPORT gnomon_time gnomon_timestamp_to_time(struct gnomon_timestamp ts);

/* -- identities ------------------------------------------------------------------------------ */

/** memcmp order (7.5.2.4): <0, 0, >0. */
GNOMON_EXPORT int gnomon_clock_identity_cmp(const struct gnomon_clock_identity *a,
					    const struct gnomon_clock_identity *b);

/** clockIdentity first, then portNumber (7.5.2.4). */
GNOMON_EXPORT int gnomon_port_identity_cmp(const struct gnomon_port_identity *a,
					   const struct gnomon_port_identity *b);

/** Characters of "0c42a1.fffe.6d7ca6" with its NUL, and of the same with "-65535". */
#define GNOMON_CLOCK_IDENTITY_STRLEN 19
#define GNOMON_PORT_IDENTITY_STRLEN 25

/** "0c42a1.fffe.6d7ca6" into buf, NUL-terminated. Returns buf. */
GNOMON_EXPORT char *gnomon_clock_identity_format(char buf[GNOMON_CLOCK_IDENTITY_STRLEN],
						 const struct gnomon_clock_identity *id);

/** "0c42a1.fffe.6d7ca6-1" into buf, NUL-terminated. Returns buf. */
GNOMON_EXPORT char *gnomon_port_identity_format(char buf[GNOMON_PORT_IDENTITY_STRLEN],
						const struct gnomon_port_identity *id);

/* -- TLVs (clause 14) ------------------------------------------------------------------------ */

enum gnomon_tlv_type {
	GNOMON_TLV_MANAGEMENT = 0x0001,
	GNOMON_TLV_MANAGEMENT_ERROR_STATUS = 0x0002,
	GNOMON_TLV_ORGANIZATION_EXTENSION = 0x0003,
	GNOMON_TLV_REQUEST_UNICAST_TRANSMISSION = 0x0004,
	GNOMON_TLV_GRANT_UNICAST_TRANSMISSION = 0x0005,
	GNOMON_TLV_CANCEL_UNICAST_TRANSMISSION = 0x0006,
	GNOMON_TLV_ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION = 0x0007,
	GNOMON_TLV_PATH_TRACE = 0x0008,
	GNOMON_TLV_ALTERNATE_TIME_OFFSET_INDICATOR = 0x0009,
	GNOMON_TLV_ORGANIZATION_EXTENSION_PROPAGATE = 0x4000,
	GNOMON_TLV_ENHANCED_ACCURACY_METRICS = 0x4001,
	GNOMON_TLV_ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE = 0x8000,
	GNOMON_TLV_L1_SYNC = 0x8001,
	GNOMON_TLV_PORT_COMMUNICATION_AVAILABILITY = 0x8002,
	GNOMON_TLV_PROTOCOL_ADDRESS = 0x8003,
	GNOMON_TLV_SLAVE_RX_SYNC_TIMING_DATA = 0x8004,
	GNOMON_TLV_SLAVE_RX_SYNC_COMPUTED_DATA = 0x8005,
	GNOMON_TLV_SLAVE_TX_EVENT_TIMESTAMPS = 0x8006,
	GNOMON_TLV_CUMULATIVE_RATE_RATIO = 0x8007,
	GNOMON_TLV_PAD = 0x8008,
	GNOMON_TLV_AUTHENTICATION = 0x8009,
};

/** One TLV as it lies on the wire; value is borrowed from the message. */
struct gnomon_tlv {
	uint16_t type;
	uint16_t length; /* octets of value: lengthField */
	const uint8_t *value;
};

/** A walk over a TLV chain. Zero-initialise next/left by gnomon_tlv_iter_init. */
struct gnomon_tlv_iter {
	const uint8_t *next;
	size_t left;
	bool bad; /* a TLV ran past the end of the chain, or its length was odd */
};

GNOMON_EXPORT void gnomon_tlv_iter_init(struct gnomon_tlv_iter *it, const uint8_t *tlvs,
					size_t len);

/** The next TLV into *tlv; false at the end (fewer than 4 octets) or when the chain is bad. */
GNOMON_EXPORT bool gnomon_tlv_next(struct gnomon_tlv_iter *it, struct gnomon_tlv *tlv);

/** The first TLV of that type into *tlv; false if there is none. */
GNOMON_EXPORT bool gnomon_tlv_find(const uint8_t *tlvs, size_t len, uint16_t type,
				   struct gnomon_tlv *tlv);

/**
 * Appends TLVs to a buffer. bad is sticky: once something did not fit (or had an odd length that
 * padding cannot mend), every later call is a no-op and gnomon_tlv_builder_finish reports it.
 */
struct gnomon_tlv_builder {
	uint8_t *buf;
	size_t cap;
	size_t len;
	bool bad;
};

GNOMON_EXPORT void gnomon_tlv_builder_init(struct gnomon_tlv_builder *b, uint8_t *buf, size_t cap);

/** Reserve a TLV of length octets (even) and return where its value goes, zeroed; NULL if bad. */
GNOMON_EXPORT uint8_t *gnomon_tlv_append(struct gnomon_tlv_builder *b, uint16_t type,
					 uint16_t length);

/** Append a copy of a TLV taken from another message. */
GNOMON_EXPORT void gnomon_tlv_append_copy(struct gnomon_tlv_builder *b,
					  const struct gnomon_tlv *tlv);

/** Octets built, or -ENOBUFS if anything did not fit. */
GNOMON_EXPORT int gnomon_tlv_builder_finish(const struct gnomon_tlv_builder *b);

/**
 * True if a Boundary Clock carries this TLV of an Announce from its timeReceiver port to its
 * timeTransmitter ports (14.2, table 52): PATH_TRACE, ALTERNATE_TIME_OFFSET_INDICATOR and the
 * range 4000..7FFF, known or not.
 */
GNOMON_EXPORT bool gnomon_tlv_propagates(uint16_t type);

/** Entries of a PATH_TRACE TLV (16.2); a trailing fragment of an identity is not counted. */
GNOMON_EXPORT size_t gnomon_path_trace_count(const struct gnomon_tlv *tlv);

/** True if id is in the PATH_TRACE TLV. */
GNOMON_EXPORT bool gnomon_path_trace_contains(const struct gnomon_tlv *tlv,
					      const struct gnomon_clock_identity *id);

/** Append a PATH_TRACE made of the entries of *from (NULL: none) followed by own. */
GNOMON_EXPORT void gnomon_path_trace_append(struct gnomon_tlv_builder *b,
					    const struct gnomon_tlv *from,
					    const struct gnomon_clock_identity *own);

/** Longest displayName of an alternate timescale (16.3.3). */
#define GNOMON_DISPLAY_NAME_MAX 10

/** ALTERNATE_TIME_OFFSET_INDICATOR (16.3). */
struct gnomon_alternate_time_offset {
	uint8_t key;
	int32_t current_offset;
	int32_t jump_seconds;
	uint64_t time_of_next_jump; /* 48 bits */
	uint8_t name_len;
	char name[GNOMON_DISPLAY_NAME_MAX + 1]; /* UTF-8, NUL-terminated here only */
};

/** Parse one; -EBADMSG if the lengths contradict each other. A longer displayName is cut. */
GNOMON_EXPORT int gnomon_alternate_time_offset_parse(struct gnomon_alternate_time_offset *ato,
						     const struct gnomon_tlv *tlv);
GNOMON_EXPORT void gnomon_alternate_time_offset_append(struct gnomon_tlv_builder *b,
						       const struct gnomon_alternate_time_offset *);

/** ORGANIZATION_EXTENSION and its _PROPAGATE and _DO_NOT_PROPAGATE forms (14.3). */
struct gnomon_organization_extension {
	uint16_t type;
	uint8_t organization_id[3];
	uint8_t organization_sub_type[3];
	const uint8_t *data; /* borrowed */
	uint16_t data_len;
};

/** Parse one; -EBADMSG if shorter than its six fixed octets. */
GNOMON_EXPORT int gnomon_organization_extension_parse(struct gnomon_organization_extension *ext,
						      const struct gnomon_tlv *tlv);
/** Append one, padded to an even length with one zero octet. */
GNOMON_EXPORT void
gnomon_organization_extension_append(struct gnomon_tlv_builder *b,
				     const struct gnomon_organization_extension *ext);

/** Append a PAD TLV (14.4.2) of length octets (even, may be 0). */
GNOMON_EXPORT void gnomon_pad_append(struct gnomon_tlv_builder *b, uint16_t length);

#ifdef __cplusplus
}
#endif

#endif
