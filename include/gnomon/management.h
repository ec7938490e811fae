/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * PTP management (IEEE 1588-2019 clause 15): one table of every managementId, and cursors that read
 * and build the dataField of a MANAGEMENT TLV by it.
 *
 * A row says what an id is called, who may ask for what, and its fields in wire order; a field says
 * its wire type, the label management clients print, and how the value is printed. The engine
 * answers, clients print text and JSON, and parsers read SETs from the same rows. To print a TLV:
 *
 *     gnomon_management_reader_init(&r, row, data, len);
 *     while (gnomon_management_next(&r, &value))
 *             print(value.field->label, ...);
 *     if (gnomon_management_reader_finish(&r)) ...the octets are not what the row says...
 *
 * Nothing here allocates, keeps state or reads beyond the octets given.
 */
#ifndef GNOMON_MANAGEMENT_H
#define GNOMON_MANAGEMENT_H

#include <gnomon/msg.h>

#ifdef __cplusplus
extern "C" {
#endif

/** managementId (table 59), and those linuxptp defines in the range left to implementations. */
enum gnomon_management_id {
	GNOMON_MID_NULL_MANAGEMENT = 0x0000,
	GNOMON_MID_CLOCK_DESCRIPTION = 0x0001,
	GNOMON_MID_USER_DESCRIPTION = 0x0002,
	GNOMON_MID_SAVE_IN_NON_VOLATILE_STORAGE = 0x0003,
	GNOMON_MID_RESET_NON_VOLATILE_STORAGE = 0x0004,
	GNOMON_MID_INITIALIZE = 0x0005,
	GNOMON_MID_FAULT_LOG = 0x0006,
	GNOMON_MID_FAULT_LOG_RESET = 0x0007,
	GNOMON_MID_DEFAULT_DATA_SET = 0x2000,
	GNOMON_MID_CURRENT_DATA_SET = 0x2001,
	GNOMON_MID_PARENT_DATA_SET = 0x2002,
	GNOMON_MID_TIME_PROPERTIES_DATA_SET = 0x2003,
	GNOMON_MID_PORT_DATA_SET = 0x2004,
	GNOMON_MID_PRIORITY1 = 0x2005,
	GNOMON_MID_PRIORITY2 = 0x2006,
	GNOMON_MID_DOMAIN = 0x2007,
	GNOMON_MID_SLAVE_ONLY = 0x2008,
	GNOMON_MID_LOG_ANNOUNCE_INTERVAL = 0x2009,
	GNOMON_MID_ANNOUNCE_RECEIPT_TIMEOUT = 0x200a,
	GNOMON_MID_LOG_SYNC_INTERVAL = 0x200b,
	GNOMON_MID_VERSION_NUMBER = 0x200c,
	GNOMON_MID_ENABLE_PORT = 0x200d,
	GNOMON_MID_DISABLE_PORT = 0x200e,
	GNOMON_MID_TIME = 0x200f,
	GNOMON_MID_CLOCK_ACCURACY = 0x2010,
	GNOMON_MID_UTC_PROPERTIES = 0x2011,
	GNOMON_MID_TRACEABILITY_PROPERTIES = 0x2012,
	GNOMON_MID_TIMESCALE_PROPERTIES = 0x2013,
	GNOMON_MID_UNICAST_NEGOTIATION_ENABLE = 0x2014,
	GNOMON_MID_PATH_TRACE_LIST = 0x2015,
	GNOMON_MID_PATH_TRACE_ENABLE = 0x2016,
	GNOMON_MID_GRANDMASTER_CLUSTER_TABLE = 0x2017,
	GNOMON_MID_UNICAST_MASTER_TABLE = 0x2018,
	GNOMON_MID_UNICAST_MASTER_MAX_TABLE_SIZE = 0x2019,
	GNOMON_MID_ACCEPTABLE_MASTER_TABLE = 0x201a,
	GNOMON_MID_ACCEPTABLE_MASTER_TABLE_ENABLED = 0x201b,
	GNOMON_MID_ACCEPTABLE_MASTER_MAX_TABLE_SIZE = 0x201c,
	GNOMON_MID_ALTERNATE_MASTER = 0x201d,
	GNOMON_MID_ALTERNATE_TIME_OFFSET_ENABLE = 0x201e,
	GNOMON_MID_ALTERNATE_TIME_OFFSET_NAME = 0x201f,
	GNOMON_MID_ALTERNATE_TIME_OFFSET_MAX_KEY = 0x2020,
	GNOMON_MID_ALTERNATE_TIME_OFFSET_PROPERTIES = 0x2021,
	GNOMON_MID_EXTERNAL_PORT_CONFIGURATION_ENABLED = 0x3000,
	GNOMON_MID_MASTER_ONLY = 0x3001,
	GNOMON_MID_HOLDOVER_UPGRADE_ENABLE = 0x3002,
	GNOMON_MID_EXT_PORT_CONFIG_PORT_DATA_SET = 0x3003,
	GNOMON_MID_TRANSPARENT_CLOCK_DEFAULT_DATA_SET = 0x4000,
	GNOMON_MID_TRANSPARENT_CLOCK_PORT_DATA_SET = 0x4001,
	GNOMON_MID_PRIMARY_DOMAIN = 0x4002,
	GNOMON_MID_DELAY_MECHANISM = 0x6000,
	GNOMON_MID_LOG_MIN_PDELAY_REQ_INTERVAL = 0x6001,
	GNOMON_MID_TIME_STATUS_NP = 0xc000,
	GNOMON_MID_GRANDMASTER_SETTINGS_NP = 0xc001,
	GNOMON_MID_PORT_DATA_SET_NP = 0xc002,
	GNOMON_MID_SUBSCRIBE_EVENTS_NP = 0xc003,
	GNOMON_MID_PORT_PROPERTIES_NP = 0xc004,
	GNOMON_MID_PORT_STATS_NP = 0xc005,
	GNOMON_MID_SYNCHRONIZATION_UNCERTAIN_NP = 0xc006,
	GNOMON_MID_PORT_SERVICE_STATS_NP = 0xc007,
	GNOMON_MID_UNICAST_MASTER_TABLE_NP = 0xc008,
	GNOMON_MID_PORT_HWCLOCK_NP = 0xc009,
	GNOMON_MID_POWER_PROFILE_SETTINGS_NP = 0xc00a,
	GNOMON_MID_CMLDS_INFO_NP = 0xc00b,
	GNOMON_MID_PORT_CORRECTIONS_NP = 0xc00c,
	GNOMON_MID_EXTERNAL_GRANDMASTER_PROPERTIES_NP = 0xc00d,
};

/** actionField (table 57). */
enum gnomon_management_action {
	GNOMON_MANAGEMENT_GET = 0,
	GNOMON_MANAGEMENT_SET = 1,
	GNOMON_MANAGEMENT_RESPONSE = 2,
	GNOMON_MANAGEMENT_COMMAND = 3,
	GNOMON_MANAGEMENT_ACKNOWLEDGE = 4,
};

/** managementErrorId (table 109). */
enum gnomon_management_error {
	GNOMON_MANAGEMENT_OK = 0, /* not on the wire */
	GNOMON_MANAGEMENT_RESPONSE_TOO_BIG = 1,
	GNOMON_MANAGEMENT_NO_SUCH_ID = 2,
	GNOMON_MANAGEMENT_WRONG_LENGTH = 3,
	GNOMON_MANAGEMENT_WRONG_VALUE = 4,
	GNOMON_MANAGEMENT_NOT_SETABLE = 5,
	GNOMON_MANAGEMENT_NOT_SUPPORTED = 6,
	GNOMON_MANAGEMENT_GENERAL_ERROR = 0xfffe,
};

/* -- the table ------------------------------------------------------------------------------- */

/** How a field lies on the wire. Integers are big-endian but for LE64. */
enum gnomon_field_type {
	GNOMON_FIELD_U8,
	GNOMON_FIELD_I8,
	GNOMON_FIELD_U16,
	GNOMON_FIELD_I16,
	GNOMON_FIELD_U32,
	GNOMON_FIELD_I32,
	GNOMON_FIELD_U48,
	GNOMON_FIELD_I64,
	GNOMON_FIELD_LE64,     /* unsigned, least significant octet first: linuxptp's counters */
	GNOMON_FIELD_BITS,     /* width bits from bit on, of the next octet; takes none itself */
	GNOMON_FIELD_RESERVED, /* size octets, sent as zero but for the BITS before it; no value */
	GNOMON_FIELD_INTERVAL, /* TimeInterval: i64, ns * 2^16 */
	GNOMON_FIELD_TIMESTAMP,
	GNOMON_FIELD_SCALED_NS, /* i96, ns * 2^16: 12 octets, as octets */
	GNOMON_FIELD_CLOCK_IDENTITY,
	GNOMON_FIELD_PORT_IDENTITY,
	GNOMON_FIELD_PORT_ADDRESS,     /* networkProtocol, u16 length, octets */
	GNOMON_FIELD_PHYSICAL_ADDRESS, /* u16 length, octets */
	GNOMON_FIELD_TEXT,             /* PTPText: u8 length, UTF-8 */
	GNOMON_FIELD_OCTETS,           /* size octets */
};

/** How a value is printed. */
enum gnomon_field_format {
	GNOMON_FORMAT_NATURAL,   /* by its type: decimal, identity, text, hex octets a:b:c */
	GNOMON_FORMAT_HEX,       /* 0x, digits wide at least, zero padded (digits 1: as short) */
	GNOMON_FORMAT_NAMES,     /* names[value], by the field's names */
	GNOMON_FORMAT_NS,        /* ns * 2^16: whole nanoseconds, towards minus infinity */
	GNOMON_FORMAT_NS_TENTHS, /* INTERVAL: nanoseconds, one decimal */
	GNOMON_FORMAT_RATE_41,   /* value / 2^41 with sign and nine decimals */
	GNOMON_FORMAT_BOOLEAN,   /* true or false: any value but 0 is true */
	GNOMON_FORMAT_ONE_ZERO,  /* 1 or 0 likewise */
	GNOMON_FORMAT_ON_OFF,    /* on or off */
};

/** Names of an enumeration's values 0..count-1; NULL entries and others print as other. */
struct gnomon_field_names {
	const char *other;
	unsigned int count;
	const char *const *names;
};

/** Not shown in the text that linuxptp's pmc prints, which has no such line; shown in JSON. */
#define GNOMON_FIELD_EXTRA 0x01u
/** The number of repetitions of the group that ends the row. */
#define GNOMON_FIELD_COUNT 0x02u
/** The length in octets of what is left of this repetition. */
#define GNOMON_FIELD_RECORD_LENGTH 0x04u

struct gnomon_management_field {
	const char *label; /* the standard's name in pmc's spelling; NULL: RESERVED */
	uint8_t type;      /* enum gnomon_field_type */
	uint8_t format;    /* enum gnomon_field_format */
	uint8_t flags;     /* GNOMON_FIELD_EXTRA ... */
	uint8_t bit;       /* BITS: the lowest */
	uint8_t width;     /* BITS: how many; HEX: digits */
	uint8_t size;      /* RESERVED, OCTETS: octets; TEXT: most characters of a SET, 0: any */
	bool ranged;       /* a SET is refused outside [min, max] */
	int64_t min;
	int64_t max;
	const struct gnomon_field_names *names; /* NAMES */
};

/** Who may do what with an id. */
#define GNOMON_MANAGEMENT_MAY_GET 0x01u
#define GNOMON_MANAGEMENT_MAY_SET 0x02u
#define GNOMON_MANAGEMENT_MAY_COMMAND 0x04u

/** One managementId. */
struct gnomon_management_row {
	uint16_t id;
	uint8_t access;  /* GNOMON_MANAGEMENT_MAY_*: what the standard (or linuxptp) defines */
	bool port_scope; /* applies to ports; otherwise to the PTP Instance */
	uint8_t columns; /* text: values start here; 0: one after the longest label */
	bool repeats;    /* fields[repeat_from ..] are a group, COUNT times or to the end */
	uint8_t repeat_from;
	uint8_t field_count;
	const char *name; /* "DEFAULT_DATA_SET" */
	const struct gnomon_management_field *fields;
};

/** Every row, in the order of ids; *count of them. */
GNOMON_EXPORT const struct gnomon_management_row *gnomon_management_rows(unsigned int *count);

/** The row of an id; NULL if it is not known. */
GNOMON_EXPORT const struct gnomon_management_row *gnomon_management_find(uint16_t id);

/** "GET" ... "ACKNOWLEDGE"; "unknown" for others. */
GNOMON_EXPORT const char *gnomon_management_action_name(unsigned int action);

/** "RESPONSE_TOO_BIG" ... "GENERAL_ERROR"; "UNKNOWN" for others. */
GNOMON_EXPORT const char *gnomon_management_error_name(unsigned int error);

/* -- values ---------------------------------------------------------------------------------- */

/** One field's value. Which members hold it follows from field->type. */
struct gnomon_management_value {
	const struct gnomon_management_field *field;
	unsigned int group; /* repetition, from 0; 0 outside of a group */
	int64_t number;     /* integers, BITS, INTERVAL; LE64: its bits; PORT_ADDRESS: protocol */
	struct gnomon_timestamp timestamp;    /* TIMESTAMP */
	struct gnomon_port_identity identity; /* PORT_IDENTITY; CLOCK_IDENTITY: .clock */
	const uint8_t *octets;                /* TEXT, addresses, OCTETS, SCALED_NS; borrowed */
	uint16_t len;                         /* of octets */
};

/** False if the value of a SET lies outside what its field allows. */
GNOMON_EXPORT bool gnomon_management_value_valid(const struct gnomon_management_value *value);

/** Reads the fields of a dataField. Members are its own. */
struct gnomon_management_reader {
	const struct gnomon_management_row *row;
	const uint8_t *next;
	size_t left;
	unsigned int field;
	unsigned int group;
	uint32_t groups;    /* repetitions announced by COUNT; UINT32_MAX: to the end */
	size_t record_left; /* octets left at this repetition's end, plus one; 0: not told */
	bool bad;
};

GNOMON_EXPORT void gnomon_management_reader_init(struct gnomon_management_reader *reader,
						 const struct gnomon_management_row *row,
						 const uint8_t *data, size_t len);

/** The next field into *value; false after the last, or when the octets ran out. */
GNOMON_EXPORT bool gnomon_management_next(struct gnomon_management_reader *reader,
					  struct gnomon_management_value *value);

/** 0 if the octets were exactly the row's (with one pad octet at most), otherwise -EBADMSG. */
GNOMON_EXPORT int gnomon_management_reader_finish(const struct gnomon_management_reader *reader);

/**
 * Builds a dataField, one value after another in the row's order; RESERVED fields are passed over.
 * bad is sticky: after a value of the wrong kind, or one that does not fit, nothing is written.
 */
struct gnomon_management_writer {
	const struct gnomon_management_row *row;
	uint8_t *buf;
	size_t cap;
	size_t len;
	size_t record; /* where the RECORD_LENGTH of this repetition lies, plus one; 0: none */
	size_t count;  /* where the COUNT lies, plus one; 0: none */
	unsigned int field;
	unsigned int group;
	bool bad;
	bool full; /* bad because it did not fit */
};

GNOMON_EXPORT void gnomon_management_writer_init(struct gnomon_management_writer *writer,
						 const struct gnomon_management_row *row,
						 uint8_t *buf, size_t cap);

/**
 * The field the next put fills in; NULL when there is none. COUNT and RECORD_LENGTH fields are
 * never expected: the writer fills them in itself. In a group the first field may be left out,
 * which ends the group.
 */
GNOMON_EXPORT const struct gnomon_management_field *
gnomon_management_expected(const struct gnomon_management_writer *writer);

/** Put a value of whatever type the expected field has (value->field is not looked at). */
GNOMON_EXPORT void gnomon_management_put(struct gnomon_management_writer *writer,
					 const struct gnomon_management_value *value);

/** Put an integer, BITS or INTERVAL. Bits that do not fit make the writer bad. */
GNOMON_EXPORT void gnomon_management_put_number(struct gnomon_management_writer *writer,
						int64_t number);
GNOMON_EXPORT void
gnomon_management_put_clock_identity(struct gnomon_management_writer *writer,
				     const struct gnomon_clock_identity *identity);
GNOMON_EXPORT void
gnomon_management_put_port_identity(struct gnomon_management_writer *writer,
				    const struct gnomon_port_identity *identity);
GNOMON_EXPORT void gnomon_management_put_timestamp(struct gnomon_management_writer *writer,
						   struct gnomon_timestamp timestamp);
/** Put TEXT, OCTETS, SCALED_NS or a PHYSICAL_ADDRESS. */
GNOMON_EXPORT void gnomon_management_put_octets(struct gnomon_management_writer *writer,
						const void *octets, size_t len);
GNOMON_EXPORT void gnomon_management_put_address(struct gnomon_management_writer *writer,
						 const struct gnomon_address *address);

/**
 * Octets built, padded to an even number; -EINVAL if fields are missing or were of the wrong kind,
 * -ENOBUFS if they did not fit.
 */
GNOMON_EXPORT int gnomon_management_writer_finish(struct gnomon_management_writer *writer);

/** Octets of the id's dataField with empty texts, addresses and tables, padded to even. */
GNOMON_EXPORT size_t gnomon_management_empty_length(const struct gnomon_management_row *row);

/* -- TLVs ------------------------------------------------------------------------------------ */

/** A MANAGEMENT or MANAGEMENT_ERROR_STATUS TLV taken apart. Pointers are borrowed from it. */
struct gnomon_management_tlv {
	uint16_t type; /* GNOMON_TLV_MANAGEMENT or GNOMON_TLV_MANAGEMENT_ERROR_STATUS */
	uint16_t id;
	uint16_t error;          /* error status: enum gnomon_management_error; otherwise 0 */
	const uint8_t *data;     /* dataField; error status: displayData, its text */
	size_t len;
};

/** Take one apart; -EBADMSG if it is neither, or too short. */
GNOMON_EXPORT int gnomon_management_tlv_parse(struct gnomon_management_tlv *out,
					      const struct gnomon_tlv *tlv);

/**
 * Append a MANAGEMENT TLV with room for len octets (even) of dataField; returns where they go,
 * zeroed, NULL if they did not fit (the builder is bad then).
 */
GNOMON_EXPORT uint8_t *gnomon_management_tlv_append(struct gnomon_tlv_builder *builder,
						    uint16_t id, uint16_t len);

/** Append a MANAGEMENT_ERROR_STATUS TLV without displayData. */
GNOMON_EXPORT void gnomon_management_error_append(struct gnomon_tlv_builder *builder, uint16_t id,
						  enum gnomon_management_error error);

#ifdef __cplusplus
}
#endif

#endif
