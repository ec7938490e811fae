/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The daemon's configuration: plain structs, filled from one table.
 *
 * The syntax and the vocabulary are ptp4l's. conf_table has one row per key, and the rows drive
 * the parser, --print-config, --print-config-schema and the manual page. Code reads members, never
 * names: `conf->priority1`, `port->conf.log_sync_interval`.
 *
 * Port keys given in [global] are the default of every port section, wherever they stand in the
 * file; keys given on the command line override [global], not the port sections.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnomon/msg.h>

/* -- the values of enumerated keys, in the order of their labels ------------------------------ */

enum conf_clock_type { CONF_CLOCK_OC, CONF_CLOCK_BC, CONF_CLOCK_P2P_TC, CONF_CLOCK_E2E_TC };

enum conf_clock {
	CONF_CLOCK_AUTO,   /* the PHC for hardware time stamps, else the soft clock */
	CONF_CLOCK_PTP4L,  /* the PHC for hardware time stamps, else the system clock */
	CONF_CLOCK_PHC,    /* the PTP hardware clock of the interfaces */
	CONF_CLOCK_SYSTEM, /* CLOCK_REALTIME */
	CONF_CLOCK_SOFT,   /* a clock in memory; nothing of the system is changed */
};

enum conf_time_stamping {
	CONF_STAMP_AUTO, /* the best the interface reports that the clock can use */
	CONF_STAMP_HARDWARE,
	CONF_STAMP_SOFTWARE,
	CONF_STAMP_LEGACY,
	CONF_STAMP_ONESTEP,
	CONF_STAMP_P2P1STEP,
};

enum conf_hwts_filter { CONF_HWTS_NORMAL, CONF_HWTS_CHECK, CONF_HWTS_FULL };

enum conf_transport { CONF_NET_L2, CONF_NET_UDPV4, CONF_NET_UDPV6 };

enum conf_delay { CONF_DELAY_AUTO, CONF_DELAY_COMMON_P2P, CONF_DELAY_E2E, CONF_DELAY_P2P,
		  CONF_DELAY_NONE };

enum conf_tsproc { CONF_TSPROC_FILTER, CONF_TSPROC_RAW, CONF_TSPROC_FILTER_WEIGHT,
		   CONF_TSPROC_RAW_WEIGHT };

enum conf_servo {
	CONF_SERVO_PI,
	CONF_SERVO_LINREG,
	CONF_SERVO_NTPSHM, /* this and the last hand offsets over, and steer nothing */
	CONF_SERVO_NULLF,
	CONF_SERVO_REFCLOCK_SOCK,
};

enum conf_bmca { CONF_BMCA_PTP, CONF_BMCA_NOOP };

enum conf_state {
	CONF_STATE_TIME_TRANSMITTER,
	CONF_STATE_TIME_RECEIVER,
	CONF_STATE_PASSIVE,
};

enum conf_edge { CONF_EDGE_RISING, CONF_EDGE_FALLING, CONF_EDGE_BOTH };

enum conf_log_format { CONF_LOG_NATIVE, CONF_LOG_PTP4L, CONF_LOG_JSON };

/** How a guest comes by its page: the ways of BRIDGE.md. */
enum conf_way {
	CONF_WAY_BAR_ACPI, /* B: an ivshmem BAR and an ACPI table; the guest's own driver binds */
	CONF_WAY_FIXED,    /* C: memory at a fixed address and an ACPI table */
	CONF_WAY_BAR,      /* A: an ivshmem BAR, read by gnomon-guest and libgnomon */
	CONF_WAY_PATCH,    /* D: QEMU's own device, filled from outside */
};

/** The time scale of a page. */
enum conf_profile { CONF_PROFILE_TAI, CONF_PROFILE_UTC };

/** By what a guest's counter is known. */
enum conf_counter {
	CONF_COUNTER_AUTO, /* KVM, else the guest's own answers */
	CONF_COUNTER_KVM,
	CONF_COUNTER_PINGPONG,
	CONF_COUNTER_HOST, /* it is the host's: readers are programs of the host */
};

enum conf_source_type { CONF_SOURCE_PTP, CONF_SOURCE_PHC, CONF_SOURCE_PPS, CONF_SOURCE_NTP };

/** The value of source_offset and sync_offset that is not a number: found out. */
#define CONF_OFFSET_AUTO INT_MIN
/** The value of source_time_source that is not a timeSource: by the type of the source. */
#define CONF_TIME_SOURCE_AUTO 0

/* -- what is configured ----------------------------------------------------------------------- */

/** Keys a port section may hold. Enumerations are stored as int, whatever their labels. */
struct conf_port {
	int server_only;
	int bmca;
	int desired_state;
	int inhibit_announce;
	int inhibit_delay_req;
	int ignore_source_id;
	int transport_specific;
	int ignore_transport_specific;
	int phc_index;
	int path_trace_enabled;
	int log_announce_interval;
	int log_sync_interval;
	int log_min_delay_req_interval;
	int log_min_pdelay_req_interval;
	int announce_receipt_timeout;
	int sync_receipt_timeout;
	int delay_response_timeout;
	double delay_request_variability;
	int allowed_lost_responses;
	int fault_reset_interval;
	int fault_badpeernet_interval;
	int delay_mechanism;
	int tsproc_mode;
	int delay_filter;
	int delay_filter_length;
	int delay_asymmetry;
	int egress_latency;
	int ingress_latency;
	int neighbor_prop_delay_thresh;
	int min_neighbor_prop_delay;
	int freq_est_interval;
	int time_stamping;
	int network_transport;
	int udp_ttl;
	int udp6_scope;
	uint8_t ptp_dst_mac[6];
	uint8_t p2p_dst_mac[6];
	uint8_t ptp_dst_ipv4[4];
	uint8_t p2p_dst_ipv4[4];
	uint8_t ptp_dst_ipv6[16];
	uint8_t p2p_dst_ipv6[16];
	int uds_file_mode;
	int uds_ro_file_mode;
	uint8_t profile_identity[6];

	/* Of ts2phc: a port is a clock with a pulse. */
	int ts2phc_master;
	int ts2phc_channel;
	int ts2phc_pin_index;
	const char *ts2phc_pin_name;
	int ts2phc_extts_polarity;
	int ts2phc_extts_correction;
	int ts2phc_perout_phase;
	int ts2phc_holdover;
	int ts2phc_nmea_baudrate;
	int ts2phc_nmea_delay;
};

/** One PTP port: an -i option or a section of the file. */
struct conf_interface {
	char name[IFNAMSIZ];
	unsigned int line; /* of its section; 0: from the command line alone */
	struct conf_port conf;
};

/** Octets of the NAME of a [source NAME], [sync NAME] or [guest NAME], with the NUL. */
#define CONF_NAME_MAX 32
/** The ports are a source as well, and a choice is made among 16. */
#define CONF_SOURCES_MAX 15
#define CONF_SYNCS_MAX 64
#define CONF_GUESTS_MAX 1024
/** The sync_source that is the clock the daemon keeps. */
#define CONF_KEPT "kept"

/** A time source beside the ports: a section [source NAME]. */
struct conf_source {
	char name[CONF_NAME_MAX];
	unsigned int line;
	int type;
	int priority;
	const char *device;
	const char *interfaces; /* ptp: separated by white space or commas */
	int domain;
	double max_bound_ns; /* 0: any is good */
	double timeout_s;    /* 0: by type */
	double interval_s;
	double bound_ns;
	int offset_s; /* this source minus TAI, or CONF_OFFSET_AUTO */
	int clock_class;
	int time_source;
	struct conf_port port; /* ptp: of all its interfaces */
	/* Of conf_validate, ptp only: a whole configuration of its PTP Instance, that is *conf with
	 * these ports, this domain, clientOnly and no management sockets. Else NULL. */
	struct conf *instance;
};

/** A clock kept by another: a section [sync NAME]. */
struct conf_sync {
	char name[CONF_NAME_MAX];
	unsigned int line;
	const char *source; /* CONF_KEPT: the clock the daemon keeps */
	const char *sink;
	double interval_s;
	int samples;
	int offset_s; /* the sink minus the source, or CONF_OFFSET_AUTO */
	/* [global] with the servo keys of this section, to be read as if it were the conf; it has
	 * no ports, sources or syncs. */
	struct conf *servo;
};

/** Octets of the path of a guest's page, with the NUL. */
#define CONF_PAGE_MAX 256
/** Of its owner, "user" or "user:group". */
#define CONF_OWNER_MAX 68
/** Octets of a page of memory; a file of one page has no room for the mailbox. */
#define CONF_PAGE_OCTETS 4096

/** A virtual machine that is told the kept clock's time: a section [guest NAME]. */
struct conf_guest {
	char name[CONF_NAME_MAX];
	unsigned int line;
	const char *page; /* "": by its name */
	int size;         /* octets, a power of two */
	const char *owner; /* "": who runs the daemon */
	int mode;
	int way;
	int slot; /* on PCI bus 0: ivshmem */
	const char *address; /* as it was written */
	int profile;
	int counter;
	int pid; /* of its VMM; 0: found otherwise */
	const char *uuid;
	const char *libvirt;
	const char *qmp;
	/* Of conf_guest_check: */
	char path[CONF_PAGE_MAX]; /* of the page */
	uint64_t gpa;             /* guest physical address; 0: none */
};

struct conf {
	int clock_type;
	int clock;
	double soft_clock_offset;
	double soft_clock_frequency;
	const char *phc_device;
	int client_only;
	int priority1;
	int priority2;
	int domain_number;
	int clock_class;
	int clock_accuracy;
	int offset_scaled_log_variance;
	struct gnomon_clock_identity clock_identity; /* zero: from the first interface's address */
	int time_source;
	int two_step_flag;
	int max_steps_removed;
	int clock_class_threshold;
	int utc_offset;
	int ptp_minor_version;
	int external_port_configuration;

	int initial_delay;
	double path_asymmetry_bound;
	double oscillator_drift_bound;

	int clock_servo;
	int free_running;
	double pi_proportional_const;
	double pi_integral_const;
	double pi_proportional_scale;
	double pi_proportional_exponent;
	double pi_proportional_norm_max;
	double pi_integral_scale;
	double pi_integral_exponent;
	double pi_integral_norm_max;
	double first_step_threshold;
	double step_threshold;
	int step_window;
	int max_frequency;
	int sanity_freq_limit;
	int servo_offset_threshold;
	int servo_num_offset_values;
	int kernel_leap;
	int restore_frequency;
	int ntpshm_segment;
	const char *refclock_sock_address;

	const char *state_file; /* "": none */
	int ports_priority;
	int source_fail_limit;
	double source_recover_s;
	double source_revert_s;
	double source_settle_s;
	double source_dispute_s;
	double source_handover_rate_ppb;
	double source_handover_max_ns;
	double holdover_drift_max; /* ppb/s; 0: unknown */
	double holdover_bound_ns;
	double degraded_bound_ns;

	int tx_timestamp_timeout;
	int hwts_filter;
	int check_fup_sync;
	int assume_two_step;

	int event_port;
	int general_port;
	int share_ports;
	int dscp_event;
	int dscp_general;
	int socket_priority;

	int summary_interval;
	int logging_level;
	int use_syslog;
	int verbose;
	const char *message_tag;
	int log_format;
	const char *user;

	const char *guest_dir;
	double guest_interval_s;
	double guest_max_bound_ns;
	double realtime_slew_ppb; /* by others than us */
	const char *clockbound_file;
	const char *control_socket;
	int control_socket_mode;
	const char *control_socket_group;

	const char *uds_address;
	const char *uds_ro_address;
	const char *user_description;
	const char *product_description;
	const char *revision_data;
	uint8_t manufacturer_identity[3];

	const char *leapfile;
	int ts2phc_external_pps;
	const char *ts2phc_nmea_remote_host;
	const char *ts2phc_nmea_remote_port;
	const char *ts2phc_nmea_serialport;
	int ts2phc_pulserate;
	int ts2phc_pulsewidth;
	const char *ts2phc_tod_source;

	bool force; /* --force: keep clocks that another program steers */
	bool native; /* not in the guise of linuxptp's program */
	bool tool; /* of a program beside the daemon, which shares its file */
	struct conf_port defaults; /* what [global] says of the port keys */
	struct conf_interface *ports;
	size_t port_count;
	struct conf_source source_defaults;
	struct conf_source *sources;
	size_t source_count;
	struct conf_sync sync_defaults;
	struct conf_sync *syncs;
	size_t sync_count;
	struct conf_guest guest_defaults;
	struct conf_guest *guests;
	size_t guest_count;
	const char *file;       /* the file read, NULL if none; borrowed */
	char beyond[160];       /* names of intervals that cannot be kept; of conf_validate */
	char noted[160];        /* names of CONF_NOTED keys that differ from their default */
	struct conf_string *strings; /* what the const char * members point into */
};

/* -- the table -------------------------------------------------------------------------------- */

enum conf_type {
	CONF_INT,
	CONF_DOUBLE,
	CONF_ENUM,
	CONF_STRING,
	CONF_MAC,      /* 6 octets, aa:bb:cc:dd:ee:ff */
	CONF_OUI,      /* 3 octets, aa:bb:cc */
	CONF_IPV4,
	CONF_IPV6,
	CONF_IDENTITY, /* 8 octets, aabbcc.ddee.ff0011 */
};

enum conf_status {
	CONF_SUPPORTED,
	CONF_NOTED, /* accepted and kept; has no effect yet, which is logged once */
	CONF_LATER, /* of a later capability: only the default is accepted */
	CONF_OTHER, /* of a program beside the daemon; the daemon only checks the value */
};

/** Where a key may stand. Port keys may in [global] and in sources of type ptp too, and keys of
 * CONF_GROUP_SERVO in syncs. */
enum conf_scope { CONF_GLOBAL, CONF_PORT, CONF_SOURCE, CONF_SYNC, CONF_GUEST };

/** Headings of the manual page, in its order. */
enum conf_group {
	CONF_GROUP_CLOCK,
	CONF_GROUP_PORT,
	CONF_GROUP_INTERVAL,
	CONF_GROUP_DELAY,
	CONF_GROUP_SERVO,
	CONF_GROUP_SOURCE,
	CONF_GROUP_SYNC,
	CONF_GROUP_GUEST,
	CONF_GROUP_STAMP,
	CONF_GROUP_NETWORK,
	CONF_GROUP_LOG,
	CONF_GROUP_UNICAST,
	CONF_GROUP_8021AS,
	CONF_GROUP_POWER,
	CONF_GROUP_SECURITY,
	CONF_GROUP_MANAGEMENT,
	CONF_GROUP_OTHER,
	CONF_GROUP_COUNT
};

struct conf_key {
	const char *name;
	const char *alias; /* an older or newer spelling of the same key, or NULL */
	enum conf_group group;
	enum conf_scope scope;
	enum conf_type type;
	enum conf_status status;
	bool required;          /* its section must have it, and the default is never used */
	unsigned int types;     /* CONF_SOURCE: 1 << the types it is for; 0: all */
	size_t offset;          /* into the struct of its scope; LATER: 0 if it has none */
	const char *text;       /* the default, as a file has it; "" for an empty string */
	const char *native;     /* the default as gnomond, where that differs; or NULL */
	const char *inert;      /* CONF_LATER: another value that asks for nothing; or NULL */
	double min;             /* INT, DOUBLE; inclusive */
	double max;
	const char *labels;     /* ENUM: space separated; a leading '-': of a later capability */
	const char *special;    /* INT: a word standing for the value min, or NULL */
	const char *unit;       /* or NULL */
	const char *doc;        /* what it is, and when one would change it */
};

extern const struct conf_key conf_table[];
extern const size_t conf_table_len;

/** The row of that name or alias, NULL if there is none. len: octets of name. */
const struct conf_key *conf_key_find(const char *name, size_t len);

/** "Clock data sets", ... */
const char *conf_group_title(enum conf_group group);

/** "global", "port", "source", "sync", "guest". */
const char *conf_scope_name(enum conf_scope scope);

/** "ptp", "phc", ... */
const char *conf_source_type_name(int type);

/* -- errors ----------------------------------------------------------------------------------- */

#define CONF_ERROR_MAX 400

/** One line that says what is wrong, where, and what to do. No newline. */
struct conf_error {
	char text[CONF_ERROR_MAX];
};

/** Where a value came from: "file:12: " or "" for the command line. */
struct conf_place {
	const char *file;
	unsigned int line;
	const char *option; /* of the command line, as it was typed: "--priority1"; or NULL */
};

/** Fill *error as printf does, after the place. Returns -EINVAL. error may be NULL. */
int conf_fail(struct conf_error *error, struct conf_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* -- values ----------------------------------------------------------------------------------- */

#define CONF_VALUE_MAX 1024

/** What holds key outside of sections: *conf, or its defaults for sections. */
void *conf_target(struct conf *conf, const struct conf_key *key);

/**
 * Check text as a value of key, and store it. target is the struct of the key's scope (struct conf
 * for global keys, struct conf_port for port keys, ...); NULL: check only. owner keeps copies of
 * strings.
 */
int conf_value_set(const struct conf_key *key, void *target, struct conf *owner, const char *text,
		   struct conf_place place, struct conf_error *error);

/** The value of key as a file would write it, into buf. LATER and OTHER keys give their default. */
char *conf_value_get(const struct conf_key *key, const void *target, char buf[CONF_VALUE_MAX]);

#define CONF_RANGE_MAX 64

/** Whether it is a file's mode, of unit "octal" (always read so) or "mode" (as ptp4l reads it). */
bool conf_is_mode(const struct conf_key *key);

/** What an INT or DOUBLE key takes, in words: "0 to 255". */
char *conf_range(const struct conf_key *key, char buf[CONF_RANGE_MAX]);

/** The index-th label of an enumerated key (without its mark), into buf; NULL past the end. */
char *conf_label(const struct conf_key *key, int index, char buf[32]);

/** True if the index-th label belongs to a later capability. */
bool conf_label_later(const struct conf_key *key, int index);

/* -- life ------------------------------------------------------------------------------------- */

/** All defaults, no ports. native: as gnomond, else as ptp4l. Returns 0 or -ENOMEM. */
int conf_init(struct conf *conf, bool native);

/**
 * The same for a program beside the daemon: keys the daemon does not support yet are checked for
 * form only, as they are none of its business, and sections may be named by a clock's device.
 */
int conf_init_tool(struct conf *conf, bool native);
void conf_finish(struct conf *conf);

/** A section: appended with the defaults as they are now. NULL: no memory. The name must fit. */
struct conf_source *conf_source_add(struct conf *conf, const char *name);
struct conf_sync *conf_sync_add(struct conf *conf, const char *name);
struct conf_guest *conf_guest_add(struct conf *conf, const char *name);
struct conf_source *conf_source_find(const struct conf *conf, const char *name);
struct conf_sync *conf_sync_find(const struct conf *conf, const char *name);
struct conf_guest *conf_guest_find(const struct conf *conf, const char *name);

/** Whether name may be that of a section. */
bool conf_name_is_good(const char *name);

/**
 * What the keys of a guest contradict, among themselves and in others[count] (which may have it);
 * fills its path and gpa. Returns 0 or -EINVAL.
 */
int conf_guest_check(struct conf_guest *guest, const struct conf_guest *others, size_t count,
		     struct conf_place at, struct conf_error *error);

/** What will hardly do what was meant, and how it would; NULL: nothing. */
const char *conf_guest_doubt(const struct conf_guest *guest);

/** The part of conf_validate_sections that is about guests. */
int conf_validate_guests(struct conf *conf, struct conf_error *error);

/** Append a port of that name with *defaults, or find it. NULL: no memory. */
struct conf_interface *conf_interface_add(struct conf *conf, const char *name);
struct conf_interface *conf_interface_find(const struct conf *conf, const char *name);
/** The keys of the first port; what they would be, if there is none. */
const struct conf_port *conf_first_port(const struct conf *conf);

/** Longest line and file the parser takes. */
#define CONF_LINE_MAX 1023
#define CONF_FILE_MAX (1024 * 1024)
/** Ports of one instance; a limit on mistakes, not on the engine. */
#define CONF_PORTS_MAX 1024

/** A configuration file in memory. */
struct conf_text {
	char *data; /* NUL terminated */
	size_t len;
	const char *name;
};

/** Read the file. -EINVAL and one line in *error if it cannot be read. */
int conf_text_read(struct conf_text *text, const char *path, struct conf_error *error);
void conf_text_finish(struct conf_text *text);

/** Take the [global] sections of the text, and check everything else. */
int conf_parse_global(struct conf *conf, const struct conf_text *text, struct conf_error *error);
/** Take all other sections: call it when the defaults are complete. */
int conf_parse_ports(struct conf *conf, const struct conf_text *text, struct conf_error *error);

/** Whether key may be given on a command line: what needs the name of a section may not. */
bool conf_key_is_option(const struct conf_key *key);

/** Fill conf->beyond. */
void conf_note_intervals(struct conf *conf);

/** What no single key can tell: contradictions between keys. Call it last. */
int conf_validate(struct conf *conf, struct conf_error *error);

/** Clocks of a lower clockClass never follow others (7.6.2.5). */
#define CONF_BEST_RECEIVER_CLASS 128

/** The part of it that is about sources, syncs and guests. The ports have been checked. */
int conf_validate_sections(struct conf *conf, struct conf_error *error);

/* -- command lines of programs beside the daemon ---------------------------------------------- */

struct option;

/** What a command line says: a file, keys, sections. Zeroed: nothing. */
struct conf_request {
	const char *file; /* NULL: none */
	struct conf_given *given;
	size_t given_count;
	const char **sections;
	size_t section_count;
	char letter; /* the short option that stands for the next key; 0: none, it has its name */
};

/**
 * Every key as a long option, for getopt_long(): such an option returns CONF_OPTION_KEY and its
 * index. own: further rows, put first, up to one without a name; NULL: none. NULL: no memory; else
 * release it with free().
 */
struct option *conf_long_options(const struct option *own);
#define CONF_OPTION_KEY 0x10000

/** Remember what an option said; text is borrowed. Returns 0, -EINVAL or -ENOMEM with *error. */
int conf_request_key(struct conf_request *request, const char *name, const char *text,
		     struct conf_error *error);
/** Remember that a section is wanted, of the file or not. */
int conf_request_section(struct conf_request *request, const char *name,
			 struct conf_error *error);

/** Read all of it into conf, after conf_init_tool(): what the request says goes before [global]. */
int conf_request_load(const struct conf_request *request, struct conf *conf,
		      struct conf_error *error);
void conf_request_finish(struct conf_request *request);

/* -- output ----------------------------------------------------------------------------------- */

/** Where printed text goes; returns < 0 to stop. */
typedef int (*conf_write)(void *context, const char *text, size_t len);

/** All effective values in the syntax of a file; reading them back gives the same. */
int conf_print(const struct conf *conf, conf_write write, void *context);

/** One section [guest NAME] of it. */
int conf_print_guest(const struct conf_guest *guest, conf_write write, void *context);

/** The table as JSON. */
int conf_print_schema(conf_write write, void *context);

/** The table as scdoc, one section per group. */
int conf_print_scdoc(conf_write write, void *context);

#endif
