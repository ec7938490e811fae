/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The PTP engine: an Ordinary or Boundary Clock (IEEE 1588-2019) as a pure state machine.
 *
 * Bytes, timestamps and the time go in; actions come out. The caller owns sockets, clocks and the
 * loop:
 *
 *     gnomon_engine_rx(e, &rx, now);             a message arrived
 *     gnomon_engine_tx_done(e, id, &ts, now);    a transmit timestamp arrived, or was lost
 *     gnomon_engine_expire(e, now);              the deadline passed
 *     while (gnomon_engine_next(e, &action))     drain after every one of these
 *             ...;
 *     arm a timer to gnomon_engine_deadline(e);
 *
 * The same inputs and seed give the same actions, byte for byte. The engine allocates nothing
 * after init, asks nobody for the time, and keeps flat memory whatever the network sends: what it
 * cannot use it drops and counts.
 *
 * Timestamps are readings of the PTP Instance's local clock (one clock for all ports).
 */
#ifndef GNOMON_ENGINE_H
#define GNOMON_ENGINE_H

#include <gnomon/msg.h>
#include <gnomon/servo.h>
#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gnomon_engine;

/* -- configuration --------------------------------------------------------------------------- */

/** portState (table 20), with its wire values. */
enum gnomon_port_state {
	GNOMON_PORT_INITIALIZING = 1,
	GNOMON_PORT_FAULTY = 2,
	GNOMON_PORT_DISABLED = 3,
	GNOMON_PORT_LISTENING = 4,
	GNOMON_PORT_PRE_TIME_TRANSMITTER = 5,
	GNOMON_PORT_TIME_TRANSMITTER = 6,
	GNOMON_PORT_PASSIVE = 7,
	GNOMON_PORT_UNCALIBRATED = 8,
	GNOMON_PORT_TIME_RECEIVER = 9,
};

/** delayMechanism (table 21), with its wire values. */
enum gnomon_delay_mechanism {
	GNOMON_DELAY_E2E = 1,
	GNOMON_DELAY_P2P = 2,
	GNOMON_DELAY_NONE = 0xfe,
};

/** instanceType (8.2.1.5.5), with its wire values. */
enum gnomon_instance_type {
	GNOMON_INSTANCE_OC = 0,
	GNOMON_INSTANCE_BC = 1,
};

/** How offset and mean delay are made of the four timestamps. */
enum gnomon_tsproc_mode {
	GNOMON_TSPROC_FILTER,        /* filtered delay */
	GNOMON_TSPROC_RAW,           /* the latest raw delay */
	GNOMON_TSPROC_FILTER_WEIGHT, /* filtered delay, samples weighted by filtered/raw delay */
	GNOMON_TSPROC_RAW_WEIGHT,    /* raw delay, samples weighted likewise */
};

/** timePropertiesDS (8.2.4). flags are the low-octet GNOMON_FLAG_* of an Announce. */
struct gnomon_time_properties_ds {
	int16_t current_utc_offset;
	uint16_t flags;
	uint8_t time_source;
};

/* The shortest interval kept, 1024 messages a second, and the longest that nanoseconds can count:
 * 272 years. */
#define GNOMON_LOG_INTERVAL_FLOOR (-10)
#define GNOMON_LOG_INTERVAL_CEILING 33

/** What one PTP Port is configured with. */
struct gnomon_port_config {
	uint32_t size; /* sizeof(struct gnomon_port_config) */
	enum gnomon_delay_mechanism delay_mechanism;
	bool delay_auto;            /* delay_mechanism holds until a Pdelay_Req comes: then P2P */
	bool time_transmitter_only; /* masterOnly, 9.2.2.2 */
	bool one_step_sync;         /* the NIC writes originTimestamp */
	bool one_step_pdelay;       /* the NIC writes the turnaround into Pdelay_Resp */
	bool path_trace_enabled;    /* 16.2 */
	bool ignore_sdo_id;         /* accept every majorSdoId and minorSdoId */
	bool ignore_source_id;      /* take Sync and Follow_Up from any source (automotive) */
	bool inhibit_announce;      /* send none, expect none */
	bool inhibit_delay_req;     /* never ask for the delay */
	/* Any: messages carry them as they are. They are kept from GNOMON_LOG_INTERVAL_FLOOR, which
	 * serves below it, to GNOMON_LOG_INTERVAL_CEILING; above is never. */
	int8_t log_announce_interval;
	int8_t log_sync_interval;
	int8_t log_min_delay_req_interval;
	int8_t log_min_pdelay_req_interval;
	uint8_t announce_receipt_timeout; /* announceIntervals, >= 2 */
	uint8_t sync_receipt_timeout;     /* syncIntervals without Sync to a new election; 0: off */
	uint8_t delay_response_timeout;   /* unanswered Delay_Reqs before a sync fault; 0: off */
	uint8_t allowed_lost_responses;   /* unanswered Pdelay_Reqs to an invalid link delay */
	double delay_request_variability; /* 0..1: spread of the Delay_Req interval, 9.5.11.2 */
	int8_t freq_est_interval;         /* P2P: log2 s to measure the neighbour's rate over */
	enum gnomon_tsproc_mode tsproc_mode;
	const struct gnomon_filter_ops *delay_filter; /* NULL: raw delays */
	unsigned int delay_filter_length;
	gnomon_span delay_asymmetry; /* 7.4.2; positive: towards this port takes longer */
	gnomon_span ingress_latency; /* subtracted from receive timestamps, 7.3.4.2 */
	gnomon_span egress_latency;  /* added to transmit timestamps */
	gnomon_span neighbor_prop_delay_min; /* P2P: a link delay outside [min, max] is not used */
	gnomon_span neighbor_prop_delay_max;
	enum gnomon_port_state desired_state; /* with external_port_configuration, 17.6.5.3 */
};

/** Longest PTPText, and with its NUL. */
#define GNOMON_TEXT_MAX 255
#define GNOMON_TEXT_SIZE 256

/** descriptionDS (8.2.5): what management says this clock is. UTF-8, NUL-terminated. */
struct gnomon_description {
	uint8_t manufacturer_identity[3];
	char product[GNOMON_TEXT_SIZE];  /* "manufacturer;model;instance" */
	char revision[GNOMON_TEXT_SIZE]; /* "hardware;firmware;software" */
	char user[GNOMON_TEXT_SIZE];     /* "name;location" */
};

/** Fill *config with the default profile's values (Annex I.3) and ptp4l's where it is silent. */
GNOMON_EXPORT void gnomon_port_config_default(struct gnomon_port_config *config);

/** What the PTP Instance is configured with. Ports are copied at init. */
struct gnomon_engine_config {
	uint32_t size; /* sizeof(struct gnomon_engine_config) */
	struct gnomon_clock_identity clock_identity;
	enum gnomon_instance_type instance_type; /* OC: one port at most */
	uint16_t sdo_id;
	uint8_t domain;
	uint8_t minor_version; /* minorVersionPTP on transmit, 0 or 1 */
	uint8_t priority1;
	uint8_t priority2;
	struct gnomon_clock_quality clock_quality;
	bool time_receiver_only;            /* slaveOnly; with several ports: of the best one */
	bool external_port_configuration;   /* 17.6 */
	uint8_t max_steps_removed;          /* 2..255 */
	uint8_t clock_class_threshold;      /* ignore Announces above this clockClass */
	struct gnomon_time_properties_ds time_properties; /* of this clock, as grandmaster */
	struct gnomon_description description;
	bool clock_fixed;                   /* management may not set the local clock */
	gnomon_span initial_delay;          /* assumed until one is measured; 0: wait for one */
	bool assume_two_step; /* Syncs and Pdelay_Resps are two-step whatever their flag says */
	bool check_follow_up; /* refuse a Follow_Up that software stamps put before its Sync */
	unsigned int foreign_capacity;      /* foreign masters remembered per port, >= 5; 0: 8 */
	uint64_t seed;                      /* of the generator that spreads timers */
	unsigned int port_count;            /* 0..65534; 0: a clock that speaks to nobody */
	const struct gnomon_port_config *ports; /* not NULL, whatever their number */
};

/** Fill *config with the default profile's values; identity and ports stay empty. */
GNOMON_EXPORT void gnomon_engine_config_default(struct gnomon_engine_config *config);

/* -- life ------------------------------------------------------------------------------------ */

/** Octets of memory an engine of that configuration needs; 0 if the configuration is invalid. */
GNOMON_EXPORT size_t gnomon_engine_size(const struct gnomon_engine_config *config);

/**
 * Build an engine in mem (len octets, aligned for any type). Ports are numbered from 1 and start
 * INITIALIZING; report their links with gnomon_engine_link. *config and its ports need not live on.
 * Returns 0, -EINVAL (invalid configuration) or -ENOBUFS. The memory needs no finish.
 */
GNOMON_EXPORT int gnomon_engine_init(struct gnomon_engine **engine, void *mem, size_t len,
				     const struct gnomon_engine_config *config, gnomon_mono now);

/* -- inputs ---------------------------------------------------------------------------------- */

/**
 * Which socket a message came by: event (319) or general (320). ANY where there is only one.
 * Management from a socket of this machine comes by LOCAL, which may change things, or by
 * LOCAL_READ_ONLY, with port 0.
 */
enum gnomon_channel {
	GNOMON_CHANNEL_ANY,
	GNOMON_CHANNEL_EVENT,
	GNOMON_CHANNEL_GENERAL,
	GNOMON_CHANNEL_LOCAL,
	GNOMON_CHANNEL_LOCAL_READ_ONLY,
};

/** A received message. */
struct gnomon_rx {
	uint32_t size; /* sizeof(struct gnomon_rx) */
	uint16_t port; /* 1..port_count; 0 with the LOCAL channels */
	enum gnomon_channel channel;
	const uint8_t *data; /* borrowed for the call */
	size_t len;
	/* Receive timestamp of an event message; of a Management message what the local clock reads
	 * now, which GET TIME answers. NULL: none. */
	const gnomon_time *timestamp;
	/* Where a unicast answer goes; zero: unknown. A local client is GNOMON_NETWORK_LOCAL and
	 * octets the caller knows it by; they must not come to mean another while subscriptions of
	 * the first may be left. */
	struct gnomon_address source;
	/* For check_follow_up: when a Sync or Follow_Up arrived, both by one clock, which need not
	 * be the PTP Instance's; NULL: unknown, and not checked. */
	const gnomon_time *software;
};

/**
 * Take a received message. Returns 0 if it was used, -EBADMSG if it was dropped (a counter of the
 * port says why), -EINVAL for a port that does not exist.
 */
GNOMON_EXPORT int gnomon_engine_rx(struct gnomon_engine *engine, const struct gnomon_rx *rx,
				   gnomon_mono now);

/**
 * The transmit timestamp of the message sent under tx_id (NULL: it will never come). Late and
 * unknown ids are counted and ignored. Returns 0 or -ENOENT.
 */
GNOMON_EXPORT int gnomon_engine_tx_done(struct gnomon_engine *engine, uint32_t tx_id,
					const gnomon_time *timestamp, gnomon_mono now);

/** A port's link is up and its sockets are open, or not any more. 0 or -EINVAL. */
GNOMON_EXPORT int gnomon_engine_link(struct gnomon_engine *engine, uint16_t port, bool up,
				     gnomon_mono now);

/**
 * A port's interface writes transmit times into messages from now on, or does not any more, as
 * one_step_sync and one_step_pdelay of its configuration say to begin with. 0 or -EINVAL.
 */
GNOMON_EXPORT int gnomon_engine_one_step(struct gnomon_engine *engine, uint16_t port, bool sync,
					 bool pdelay);

/** DESIGNATED_ENABLED / DESIGNATED_DISABLED (9.2.6): portDS.portEnable. 0 or -EINVAL. */
GNOMON_EXPORT int gnomon_engine_enable(struct gnomon_engine *engine, uint16_t port, bool enable,
				       gnomon_mono now);

/** externalPortConfigurationPortDS.desiredState (17.6.5.3). 0, -EINVAL, -EOPNOTSUPP (not on). */
GNOMON_EXPORT int gnomon_engine_desired_state(struct gnomon_engine *engine, uint16_t port,
					      enum gnomon_port_state state, gnomon_mono now);

/** What the discipline did with a sample, and to the clock. */
struct gnomon_clock_event {
	uint32_t size; /* sizeof(struct gnomon_clock_event) */
	enum gnomon_servo_state state;
	bool stepped;
	gnomon_span step_by; /* valid if stepped: was added to the clock */
	double rate_ratio;   /* reference frequency over local frequency; 1.0 when locked */
};

/**
 * The clock was disciplined. LOCKED makes UNCALIBRATED ports timeReceiver
 * (MASTER_CLOCK_SELECTED), JUMP and UNLOCKED the reverse (SYNCHRONIZATION_FAULT); a step
 * invalidates the timestamps in flight.
 */
GNOMON_EXPORT int gnomon_engine_clock_event(struct gnomon_engine *engine,
					    const struct gnomon_clock_event *event,
					    gnomon_mono now);

/** Change what this clock announces as grandmaster (defaultDS.clockQuality, timePropertiesDS). */
GNOMON_EXPORT int gnomon_engine_set_grandmaster(struct gnomon_engine *engine,
						const struct gnomon_clock_quality *quality,
						const struct gnomon_time_properties_ds *properties,
						gnomon_mono now);

/**
 * The clock follows something else than what its ports receive, or nothing: Announces describe this
 * clock, as set by the function above, and not the parent, which would vouch for a time that is not
 * its own. The data sets and the states of the ports stay what the network makes of them.
 */
GNOMON_EXPORT void gnomon_engine_set_apart(struct gnomon_engine *engine, bool apart);

/** timestamping of PORT_PROPERTIES_NP, with its wire values. */
enum gnomon_port_stamping {
	GNOMON_PORT_STAMPING_SOFTWARE = 0,
	GNOMON_PORT_STAMPING_HARDWARE = 1,
	GNOMON_PORT_STAMPING_LEGACY = 2,
	GNOMON_PORT_STAMPING_ONESTEP = 3,
	GNOMON_PORT_STAMPING_P2P1STEP = 4,
};

/** What management asks of a port and only its owner knows. */
struct gnomon_port_info {
	uint32_t size; /* sizeof(struct gnomon_port_info) */
	char interface[16];
	enum gnomon_port_stamping stamping;
	int32_t phc_index;            /* -1: none */
	bool virtual_clock;           /* the PHC is one of several on the hardware's */
	uint8_t physical_length;      /* octets of physical_address */
	uint8_t physical_address[16]; /* MAC */
	struct gnomon_address protocol_address;
	uint8_t profile_identity[6];  /* zero: the default profile of the delay mechanism */
};

/** Tell what a port is made of; whenever it changes. 0 or -EINVAL. */
GNOMON_EXPORT int gnomon_engine_set_port_info(struct gnomon_engine *engine, uint16_t port,
					      const struct gnomon_port_info *info);

/** A local client is gone: forget its subscription and whatever waits for it. */
GNOMON_EXPORT void gnomon_engine_forget_client(struct gnomon_engine *engine,
					       const struct gnomon_address *client);

/** Run what is due at now. Call it when the deadline passed; earlier is harmless. */
GNOMON_EXPORT int gnomon_engine_expire(struct gnomon_engine *engine, gnomon_mono now);

/** The next instant gnomon_engine_expire has work; GNOMON_MONO_NEVER if none. */
GNOMON_EXPORT gnomon_mono gnomon_engine_deadline(const struct gnomon_engine *engine);

/* -- actions --------------------------------------------------------------------------------- */

enum gnomon_action_type {
	GNOMON_ACTION_SEND,    /* send a message */
	GNOMON_ACTION_SAMPLE,  /* an offset was measured */
	GNOMON_ACTION_STATE,   /* a port changed state */
	GNOMON_ACTION_DATASET, /* data sets changed */
	GNOMON_ACTION_EVENT,   /* something worth a log line */
	GNOMON_ACTION_SET_CLOCK, /* management asks that the local clock read u.time now */
};

/** Where a message goes. */
enum gnomon_destination {
	GNOMON_TO_PRIMARY, /* 224.0.1.129, FF0X::181, 01-1B-19-00-00-00 */
	GNOMON_TO_PEER,    /* 224.0.0.107, FF02::6B, 01-80-C2-00-00-0E */
	GNOMON_TO_ADDRESS, /* the address given */
};

struct gnomon_send {
	enum gnomon_msg_type type;
	enum gnomon_channel channel;
	enum gnomon_destination destination;
	struct gnomon_address address; /* GNOMON_TO_ADDRESS only */
	uint32_t tx_id; /* not 0: report the transmit timestamp with gnomon_engine_tx_done */
	bool one_step;  /* the hardware is to write the timestamp into the message */
	/* One-step Pdelay_Resp: when its request arrived, for whoever computes the turnaround time
	 * that goes into it: a simulator. Hardware that does it keeps the requests' stamps. */
	gnomon_time one_step_ingress;
	const uint8_t *data; /* valid until the next call of any engine function */
	size_t len;
};

/** An offset measurement of the timeReceiver port (11.2). */
struct gnomon_sample {
	gnomon_span offset;     /* offsetFromMaster: local minus timeTransmitter */
	gnomon_span mean_delay; /* the delay used: meanPathDelay or meanLinkDelay */
	gnomon_time local;      /* receive timestamp of the Sync, corrected for latency */
	double weight;
	double sync_interval; /* s, as the timeTransmitter announces it */
};

struct gnomon_state_change {
	enum gnomon_port_state from;
	enum gnomon_port_state to;
	int cause; /* enum gnomon_fsm_event, see gnomon_fsm_event_name() */
};

/** Data sets that changed, for GNOMON_ACTION_DATASET. */
#define GNOMON_DATASET_DEFAULT 0x01u
#define GNOMON_DATASET_CURRENT 0x02u
#define GNOMON_DATASET_PARENT 0x04u
#define GNOMON_DATASET_TIME_PROPERTIES 0x08u
#define GNOMON_DATASET_PORT 0x10u

/** What GNOMON_ACTION_EVENT reports. identity and value as said for each. */
enum gnomon_engine_event {
	GNOMON_EVENT_BEST_SELECTED,      /* identity: the grandmaster now followed */
	GNOMON_EVENT_LOCAL_SELECTED,     /* identity: this clock is the best */
	GNOMON_EVENT_GRANDMASTER_ROLE,   /* this clock took the grandmaster role */
	GNOMON_EVENT_FOREIGN_NEW,        /* identity: a foreign master appeared on the port */
	GNOMON_EVENT_SYNC_TIMEOUT,       /* no Sync for syncReceiptTimeout intervals */
	GNOMON_EVENT_DELAY_TIMEOUT,      /* value: unanswered Delay_Reqs */
	GNOMON_EVENT_DELAY_UNANSWERED,   /* value: requests without answer: 8, 16, 32 ... */
	GNOMON_EVENT_DELAY_INTERVAL,     /* value: minimum Delay_Req interval taken over, log2 s */
	GNOMON_EVENT_SYNC_INTERVAL,      /* value: Sync interval of the parent, log2 s */
	GNOMON_EVENT_TX_TIMESTAMP_LOST,  /* value: enum gnomon_msg_type */
	GNOMON_EVENT_RX_TIMESTAMP_MISSING, /* value: enum gnomon_msg_type */
	GNOMON_EVENT_MULTIPLE_RESPONDERS,  /* more than one answer to a Pdelay_Req */
	GNOMON_EVENT_PEER_DELAY_VALID,     /* value: 1 valid, 0 not any more */
	GNOMON_EVENT_PEER_DETECTED,        /* identity: a neighbour speaks P2P, and now we do */
	GNOMON_EVENT_DUPLICATE_IDENTITY,   /* identity: someone else uses this clock's identity */
	GNOMON_EVENT_LOOP,                 /* PATH_TRACE contains this clock */
	GNOMON_EVENT_COUNT
};

struct gnomon_engine_event_data {
	enum gnomon_engine_event what;
	struct gnomon_port_identity identity;
	int64_t value;
};

struct gnomon_action {
	enum gnomon_action_type type;
	uint16_t port; /* 0: the clock */
	union {
		struct gnomon_send send;
		struct gnomon_sample sample;
		struct gnomon_state_change state;
		unsigned int datasets; /* GNOMON_DATASET_* */
		struct gnomon_engine_event_data event;
		gnomon_time time;
	} u;
};

/**
 * The next action into *action. Returns 1, or 0 when there is none. Drain after every input: the
 * queue is bounded, and what does not fit is dropped and counted (drop.action_overflow).
 */
GNOMON_EXPORT int gnomon_engine_next(struct gnomon_engine *engine, struct gnomon_action *action);

/* -- what is known --------------------------------------------------------------------------- */

/** defaultDS (8.2.1). */
struct gnomon_default_ds {
	bool two_step_flag;
	struct gnomon_clock_identity clock_identity;
	uint16_t number_ports;
	struct gnomon_clock_quality clock_quality;
	uint8_t priority1;
	uint8_t priority2;
	uint8_t domain_number;
	bool slave_only;
	uint16_t sdo_id;
	bool instance_enable;
	bool external_port_configuration_enabled;
	uint8_t max_steps_removed;
	enum gnomon_instance_type instance_type;
};

/** currentDS (8.2.2). */
struct gnomon_current_ds {
	uint16_t steps_removed;
	gnomon_span offset_from_master;
	gnomon_span mean_delay;
	bool synchronization_uncertain;
};

/** parentDS (8.2.3). */
struct gnomon_parent_ds {
	struct gnomon_port_identity parent_port_identity;
	bool parent_stats;
	uint16_t observed_parent_offset_scaled_log_variance;
	int32_t observed_parent_clock_phase_change_rate;
	struct gnomon_clock_identity grandmaster_identity;
	struct gnomon_clock_quality grandmaster_clock_quality;
	uint8_t grandmaster_priority1;
	uint8_t grandmaster_priority2;
	struct gnomon_address protocol_address;
	bool synchronization_uncertain;
};

/** portDS (8.2.15) with its optional companions. */
struct gnomon_port_ds {
	struct gnomon_port_identity port_identity;
	enum gnomon_port_state port_state;
	int8_t log_min_delay_req_interval;
	gnomon_span mean_link_delay;
	bool mean_link_delay_valid;
	int8_t log_announce_interval;
	uint8_t announce_receipt_timeout;
	int8_t log_sync_interval;
	enum gnomon_delay_mechanism delay_mechanism;
	int8_t log_min_pdelay_req_interval;
	uint8_t version_number;
	uint8_t minor_version_number;
	gnomon_span delay_asymmetry;
	bool port_enable;
	bool master_only;
	double neighbor_rate_ratio; /* 1.0 until measured */
	enum gnomon_port_state desired_state;
};

/** Why a received message was not used. One counter each, in the order of acceptance. */
enum gnomon_drop {
	GNOMON_DROP_SHORT,            /* fewer octets than a header */
	GNOMON_DROP_VERSION,          /* versionPTP is not 2 */
	GNOMON_DROP_TYPE,             /* reserved messageType */
	GNOMON_DROP_LENGTH,           /* messageLength below the type's minimum or beyond the end */
	GNOMON_DROP_SDO_ID,           /* another sdoId */
	GNOMON_DROP_DOMAIN,           /* another domainNumber */
	GNOMON_DROP_OWN,              /* this clock's own message came back */
	GNOMON_DROP_CHANNEL,          /* event message on the general channel or the reverse */
	GNOMON_DROP_UNSUPPORTED,      /* Signaling or Management that nothing here handles */
	GNOMON_DROP_MECHANISM,        /* of the other delay mechanism */
	GNOMON_DROP_PORT_STATE,       /* not for a port in this state */
	GNOMON_DROP_TIMESTAMP,        /* a timestamp field with nanoseconds >= 1e9 */
	GNOMON_DROP_TLV,              /* malformed TLV chain */
	GNOMON_DROP_ALTERNATE_MASTER, /* alternateMasterFlag set */
	GNOMON_DROP_NOT_PARENT,       /* from somebody else than the parent */
	GNOMON_DROP_STEPS_REMOVED,    /* stepsRemoved >= maxStepsRemoved */
	GNOMON_DROP_CLOCK_CLASS,      /* clockClass above the threshold */
	GNOMON_DROP_PATH_TRACE,       /* this clock is in the PATH_TRACE */
	GNOMON_DROP_TIME_TRANSMITTER_ONLY, /* Announce on such a port */
	GNOMON_DROP_STALE,            /* not newer than what that sender sent before */
	GNOMON_DROP_FOREIGN_FULL,     /* Announce of a newcomer to a table full of better ones */
	GNOMON_DROP_UNMATCHED,        /* no outstanding request or Sync for it */
	GNOMON_DROP_NOT_MINE,         /* answers somebody else's request */
	GNOMON_DROP_NO_TIMESTAMP,     /* event message without a receive timestamp */
	GNOMON_DROP_CORRECTION,       /* correctionField saturated */
	GNOMON_DROP_ORDER,            /* Follow_Up that arrived before its Sync: check_follow_up */
	GNOMON_DROP_LINK_DELAY,       /* measured link delay outside its configured limits */
	GNOMON_DROP_MANAGEMENT_RATE,  /* more management than is answered in a second */
	GNOMON_DROP_COUNT
};

/** The counter's stable name: "short", "version", ... */
GNOMON_EXPORT const char *gnomon_drop_name(enum gnomon_drop drop);

/** Counters of a port; they never reset. */
struct gnomon_port_counters {
	uint64_t rx[16]; /* by messageType, accepted by steps 1 to 4 */
	uint64_t tx[16]; /* by messageType */
	uint64_t drop[GNOMON_DROP_COUNT];
	uint64_t tx_timestamp_lost;
	uint64_t tx_timestamp_late;   /* for a message already given up */
	uint64_t announce_timeout;
	uint64_t sync_timeout;
	uint64_t delay_timeout;
	uint64_t pdelay_lost_response;
	uint64_t pdelay_multiple_responders;
	uint64_t foreign_evicted;
	uint64_t sync_mismatch;       /* a Sync whose Follow_Up never came, or the reverse */
	uint64_t action_overflow;
	uint64_t qualification_timeout;
};

/* Copies of the data sets. port: 1..port_count, otherwise -EINVAL and *ds untouched. The counters
 * of port 0 are those of the LOCAL channels. */
GNOMON_EXPORT void gnomon_engine_default_ds(const struct gnomon_engine *engine,
					    struct gnomon_default_ds *ds);
GNOMON_EXPORT void gnomon_engine_current_ds(const struct gnomon_engine *engine,
					    struct gnomon_current_ds *ds);
GNOMON_EXPORT void gnomon_engine_parent_ds(const struct gnomon_engine *engine,
					   struct gnomon_parent_ds *ds);
GNOMON_EXPORT void gnomon_engine_time_properties_ds(const struct gnomon_engine *engine,
						    struct gnomon_time_properties_ds *ds);
GNOMON_EXPORT int gnomon_engine_port_ds(const struct gnomon_engine *engine, uint16_t port,
					struct gnomon_port_ds *ds);
GNOMON_EXPORT int gnomon_engine_counters(const struct gnomon_engine *engine, uint16_t port,
					 struct gnomon_port_counters *counters);

/** "INITIALIZING" ... "SLAVE": ptp4l's spelling, which log parsers know. */
GNOMON_EXPORT const char *gnomon_port_state_name(enum gnomon_port_state state);

/** "INIT_COMPLETE", "RS_SLAVE", "ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES" ...: ptp4l's spelling. */
GNOMON_EXPORT const char *gnomon_fsm_event_name(int cause);

#ifdef __cplusplus
}
#endif

#endif
