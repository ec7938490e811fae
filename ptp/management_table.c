/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every managementId of IEEE 1588-2019 (table 59; fields: tables 61 to 108) and the ones linuxptp
 * defines, a row each. Labels are what linuxptp's pmc prints, because people's scripts read them;
 * fields it does not print carry the standard's names. Rows are in the order of their ids.
 */
#include <gnomon/management.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* -- names of enumerations -------------------------------------------------------------------- */

static const char *const port_state_names[] = {
	"NONE",   "INITIALIZING", "FAULTY",  "DISABLED",     "LISTENING", "PRE_MASTER",
	"MASTER", "PASSIVE",      "UNCALIBRATED", "SLAVE",
};
static const char *const timestamping_names[] = {
	"SOFTWARE", "HARDWARE", "LEGACY_HW", "ONESTEP", "P2P1STEP",
};
static const char *const unicast_state_names[] = {
	"WAIT", "HAVE_ANN", "NEED_SYDY", "HAVE_SYDY",
};

static const struct gnomon_field_names port_states = { "NONE", LEN(port_state_names),
						       port_state_names };
static const struct gnomon_field_names timestampings = { "???", LEN(timestamping_names),
							 timestamping_names };
static const struct gnomon_field_names unicast_states = { "???", LEN(unicast_state_names),
							  unicast_state_names };

/* -- kinds of fields -------------------------------------------------------------------------- */

#define PLAIN(kind, name)                                                                          \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind                                       \
	}
#define FORMAT(kind, name, how)                                                                    \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .format = GNOMON_FORMAT_##how        \
	}
#define HEX(kind, name, digits)                                                                    \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .format = GNOMON_FORMAT_HEX,         \
		.width = (digits)                                                                  \
	}
#define NAMES(kind, name, table)                                                                   \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .format = GNOMON_FORMAT_NAMES,       \
		.names = &(table)                                                                  \
	}
#define BIT(name, n)                                                                               \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_BITS, .bit = (n), .width = 1                 \
	}
#define ON_OFF(name, n)                                                                            \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_BITS, .format = GNOMON_FORMAT_ON_OFF,        \
		.bit = (n), .width = 1                                                             \
	}
#define NIBBLE(name, n, flag)                                                                      \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_BITS, .flags = (flag), .bit = (n),           \
		.width = 4                                                                         \
	}
#define EXTRA(kind, name)                                                                          \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .flags = GNOMON_FIELD_EXTRA          \
	}
#define EXTRA_HEX(kind, name, digits)                                                              \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .format = GNOMON_FORMAT_HEX,         \
		.flags = GNOMON_FIELD_EXTRA, .width = (digits)                                     \
	}
#define COUNTER(kind, name)                                                                        \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .flags = GNOMON_FIELD_COUNT          \
	}
#define RANGED(kind, name, low, high)                                                              \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .ranged = true, .min = (low),        \
		.max = (high)                                                                      \
	}
#define SIZED(kind, name, octets)                                                                  \
	{                                                                                          \
		.label = (name), .type = GNOMON_FIELD_##kind, .size = (octets)                     \
	}
#define RESERVED(octets)                                                                           \
	{                                                                                          \
		.type = GNOMON_FIELD_RESERVED, .size = (octets)                                    \
	}

/* What several ids share. */
#define FLAGS_OCTET RESERVED(1) /* ends the BITS before it */
#define CLOCK_QUALITY(prefix, class_label, accuracy_label, variance_label)                         \
	PLAIN(U8, prefix class_label), HEX(U8, prefix accuracy_label, 2),                          \
		HEX(U16, prefix variance_label, 4)
#define TIME_FLAGS                                                                                 \
	BIT("leap61", 0), BIT("leap59", 1), BIT("currentUtcOffsetValid", 2),                       \
		BIT("ptpTimescale", 3), BIT("timeTraceable", 4), BIT("frequencyTraceable", 5),     \
		FLAGS_OCTET

/* logInterval fields take anything, as the configuration does: see struct gnomon_port_config. */
#define LOG_INTERVAL(name) PLAIN(I8, name)

/* -- fields by id ----------------------------------------------------------------------------- */

#define FIELDS static const struct gnomon_management_field

FIELDS clock_description[] = {
	HEX(U16, "clockType", 1),
	PLAIN(TEXT, "physicalLayerProtocol"),
	PLAIN(PHYSICAL_ADDRESS, "physicalAddress"),
	PLAIN(PORT_ADDRESS, "protocolAddress"),
	SIZED(OCTETS, "manufacturerId", 3),
	RESERVED(1),
	PLAIN(TEXT, "productDescription"),
	PLAIN(TEXT, "revisionData"),
	PLAIN(TEXT, "userDescription"),
	SIZED(OCTETS, "profileId", 6),
};
FIELDS user_description[] = { SIZED(TEXT, "userDescription", 128) };
FIELDS initialize[] = { HEX(U16, "initializationKey", 4) };
FIELDS fault_log[] = {
	COUNTER(U16, "numberOfFaultRecords"),
	{ .label = "faultRecordLength", .type = GNOMON_FIELD_U16,
	  .flags = GNOMON_FIELD_RECORD_LENGTH },
	PLAIN(TIMESTAMP, "faultTime"),
	HEX(U8, "severityCode", 2),
	PLAIN(TEXT, "faultName"),
	PLAIN(TEXT, "faultValue"),
	PLAIN(TEXT, "faultDescription"),
};
FIELDS default_data_set[] = {
	BIT("twoStepFlag", 0),
	BIT("slaveOnly", 1),
	RESERVED(2),
	PLAIN(U16, "numberPorts"),
	PLAIN(U8, "priority1"),
	CLOCK_QUALITY("", "clockClass", "clockAccuracy", "offsetScaledLogVariance"),
	PLAIN(U8, "priority2"),
	PLAIN(CLOCK_IDENTITY, "clockIdentity"),
	PLAIN(U8, "domainNumber"),
	RESERVED(1),
};
FIELDS current_data_set[] = {
	PLAIN(U16, "stepsRemoved"),
	FORMAT(INTERVAL, "offsetFromMaster", NS_TENTHS),
	FORMAT(INTERVAL, "meanPathDelay", NS_TENTHS),
};
FIELDS parent_data_set[] = {
	PLAIN(PORT_IDENTITY, "parentPortIdentity"),
	BIT("parentStats", 0),
	RESERVED(2),
	HEX(U16, "observedParentOffsetScaledLogVariance", 4),
	HEX(I32, "observedParentClockPhaseChangeRate", 8),
	PLAIN(U8, "grandmasterPriority1"),
	CLOCK_QUALITY("gm.", "ClockClass", "ClockAccuracy", "OffsetScaledLogVariance"),
	PLAIN(U8, "grandmasterPriority2"),
	PLAIN(CLOCK_IDENTITY, "grandmasterIdentity"),
};
FIELDS time_properties_data_set[] = {
	PLAIN(I16, "currentUtcOffset"),
	TIME_FLAGS,
	HEX(U8, "timeSource", 2),
};
FIELDS port_data_set[] = {
	PLAIN(PORT_IDENTITY, "portIdentity"),
	NAMES(U8, "portState", port_states),
	PLAIN(I8, "logMinDelayReqInterval"),
	FORMAT(INTERVAL, "peerMeanPathDelay", NS),
	PLAIN(I8, "logAnnounceInterval"),
	PLAIN(U8, "announceReceiptTimeout"),
	PLAIN(I8, "logSyncInterval"),
	PLAIN(U8, "delayMechanism"),
	PLAIN(I8, "logMinPdelayReqInterval"),
	NIBBLE("versionNumber", 0, 0),
	NIBBLE("minorVersionNumber", 4, GNOMON_FIELD_EXTRA),
	FLAGS_OCTET,
};
FIELDS priority1[] = { PLAIN(U8, "priority1"), RESERVED(1) };
FIELDS priority2[] = { PLAIN(U8, "priority2"), RESERVED(1) };
FIELDS domain_number[] = { PLAIN(U8, "domainNumber"), RESERVED(1) };
/* Bit 0; linuxptp before 4.0 sends bit 1. */
FIELDS slave_only[] = { FORMAT(U8, "slaveOnly", ONE_ZERO), RESERVED(1) };
FIELDS log_announce_interval[] = { LOG_INTERVAL("logAnnounceInterval"), RESERVED(1) };
FIELDS announce_receipt_timeout[] = { RANGED(U8, "announceReceiptTimeout", 2, 255),
						  RESERVED(1) };
FIELDS log_sync_interval[] = { LOG_INTERVAL("logSyncInterval"), RESERVED(1) };
FIELDS version_number[] = {
	NIBBLE("versionNumber", 0, 0),
	NIBBLE("minorVersionNumber", 4, GNOMON_FIELD_EXTRA),
	RESERVED(2),
};
FIELDS time_now[] = { PLAIN(TIMESTAMP, "currentTime") };
FIELDS clock_accuracy[] = { HEX(U8, "clockAccuracy", 2), RESERVED(1) };
FIELDS utc_properties[] = {
	PLAIN(I16, "currentUtcOffset"), BIT("leap61", 0), BIT("leap59", 1),
	BIT("currentUtcOffsetValid", 2), RESERVED(2),
};
FIELDS traceability_properties[] = {
	BIT("timeTraceable", 4), BIT("frequencyTraceable", 5), RESERVED(2),
};
FIELDS timescale_properties[] = {
	BIT("ptpTimescale", 3), FLAGS_OCTET, EXTRA_HEX(U8, "timeSource", 2),
};
FIELDS unicast_negotiation_enable[] = { BIT("enableUnicastNegotiation", 0),
						    RESERVED(2) };
FIELDS path_trace_list[] = { PLAIN(CLOCK_IDENTITY, "pathSequence") };
FIELDS path_trace_enable[] = { BIT("enablePathTrace", 0), RESERVED(2) };
FIELDS grandmaster_cluster_table[] = {
	PLAIN(I8, "logQueryInterval"),
	COUNTER(U8, "actualTableSize"),
	PLAIN(PORT_ADDRESS, "grandmasterClusterMembers"),
};
FIELDS unicast_master_table[] = {
	PLAIN(I8, "logQueryInterval"),
	COUNTER(U16, "actualTableSize"),
	PLAIN(PORT_ADDRESS, "unicastMasterTable"),
};
FIELDS max_table_size[] = { PLAIN(U16, "maxTableSize") };
FIELDS acceptable_master_table[] = {
	COUNTER(I16, "actualTableSize"),
	PLAIN(PORT_IDENTITY, "acceptablePortIdentity"),
	PLAIN(U8, "alternatePriority1"),
};
FIELDS acceptable_master_table_enabled[] = { BIT("enableAcceptableMasterTable", 0),
							 RESERVED(2) };
FIELDS alternate_master[] = {
	BIT("transmitAlternateMulticastSync", 0), FLAGS_OCTET,
	PLAIN(I8, "logAlternateMulticastSyncInterval"), PLAIN(U8, "numberOfAlternateMasters"),
	RESERVED(1),
};
FIELDS alternate_time_offset_enable[] = {
	PLAIN(U8, "keyField"), BIT("enable", 0), FLAGS_OCTET,
};
FIELDS alternate_time_offset_name[] = {
	PLAIN(U8, "keyField"), SIZED(TEXT, "displayName", GNOMON_DISPLAY_NAME_MAX),
};
FIELDS alternate_time_offset_max_key[] = { PLAIN(U8, "maxKey"), RESERVED(1) };
FIELDS alternate_time_offset_properties[] = {
	PLAIN(U8, "keyField"), PLAIN(I32, "currentOffset"), PLAIN(I32, "jumpSeconds"),
	PLAIN(U48, "timeOfNextJump"), RESERVED(1),
};
FIELDS external_port_configuration_enabled[] = { BIT("externalPortConfiguration", 0),
							     RESERVED(2) };
FIELDS master_only[] = { BIT("masterOnly", 0), RESERVED(2) };
FIELDS holdover_upgrade_enable[] = { BIT("holdoverUpgradeEnable", 0), RESERVED(2) };
FIELDS ext_port_config_port_data_set[] = {
	BIT("acceptableMasterPort", 0), FLAGS_OCTET, NAMES(U8, "desiredState", port_states),
};
FIELDS transparent_clock_default_data_set[] = {
	PLAIN(CLOCK_IDENTITY, "clockIdentity"), PLAIN(U16, "numberPorts"),
	PLAIN(U8, "delayMechanism"), PLAIN(U8, "primaryDomain"),
};
FIELDS transparent_clock_port_data_set[] = {
	PLAIN(PORT_IDENTITY, "portIdentity"), BIT("faultyFlag", 0), FLAGS_OCTET,
	PLAIN(I8, "logMinPdelayReqInterval"), FORMAT(INTERVAL, "peerMeanPathDelay", NS),
};
FIELDS primary_domain[] = { PLAIN(U8, "primaryDomain"), RESERVED(1) };
FIELDS delay_mechanism[] = { PLAIN(U8, "delayMechanism"), RESERVED(1) };
FIELDS log_min_pdelay_req_interval[] = { LOG_INTERVAL("logMinPdelayReqInterval"),
						     RESERVED(1) };

/* linuxptp's own. */
FIELDS time_status_np[] = {
	PLAIN(I64, "master_offset"),
	PLAIN(I64, "ingress_time"),
	FORMAT(I32, "cumulativeScaledRateOffset", RATE_41),
	PLAIN(I32, "scaledLastGmPhaseChange"),
	PLAIN(U16, "gmTimeBaseIndicator"),
	PLAIN(SCALED_NS, "lastGmPhaseChange"),
	FORMAT(I32, "gmPresent", BOOLEAN),
	PLAIN(CLOCK_IDENTITY, "gmIdentity"),
};
FIELDS grandmaster_settings_np[] = {
	CLOCK_QUALITY("", "clockClass", "clockAccuracy", "offsetScaledLogVariance"),
	PLAIN(I16, "currentUtcOffset"),
	TIME_FLAGS,
	HEX(U8, "timeSource", 2),
};
FIELDS port_data_set_np[] = {
	PLAIN(U32, "neighborPropDelayThresh"),
	FORMAT(I32, "asCapable", ONE_ZERO),
};
FIELDS subscribe_events_np[] = {
	PLAIN(U16, "duration"),
	ON_OFF("NOTIFY_PORT_STATE", 0),
	ON_OFF("NOTIFY_TIME_SYNC", 1),
	ON_OFF("NOTIFY_PARENT_DATA_SET", 2),
	ON_OFF("NOTIFY_CMLDS", 3),
	RESERVED(64),
};
FIELDS port_properties_np[] = {
	PLAIN(PORT_IDENTITY, "portIdentity"),
	NAMES(U8, "portState", port_states),
	NAMES(U8, "timestamping", timestampings),
	PLAIN(TEXT, "interface"),
};
FIELDS port_stats_np[] = {
	PLAIN(PORT_IDENTITY, "portIdentity"),
	PLAIN(LE64, "rx_Sync"),
	PLAIN(LE64, "rx_Delay_Req"),
	PLAIN(LE64, "rx_Pdelay_Req"),
	PLAIN(LE64, "rx_Pdelay_Resp"),
	RESERVED(32),
	PLAIN(LE64, "rx_Follow_Up"),
	PLAIN(LE64, "rx_Delay_Resp"),
	PLAIN(LE64, "rx_Pdelay_Resp_Follow_Up"),
	PLAIN(LE64, "rx_Announce"),
	PLAIN(LE64, "rx_Signaling"),
	PLAIN(LE64, "rx_Management"),
	RESERVED(16),
	PLAIN(LE64, "tx_Sync"),
	PLAIN(LE64, "tx_Delay_Req"),
	PLAIN(LE64, "tx_Pdelay_Req"),
	PLAIN(LE64, "tx_Pdelay_Resp"),
	RESERVED(32),
	PLAIN(LE64, "tx_Follow_Up"),
	PLAIN(LE64, "tx_Delay_Resp"),
	PLAIN(LE64, "tx_Pdelay_Resp_Follow_Up"),
	PLAIN(LE64, "tx_Announce"),
	PLAIN(LE64, "tx_Signaling"),
	PLAIN(LE64, "tx_Management"),
	RESERVED(16),
};
FIELDS synchronization_uncertain_np[] = { PLAIN(U8, "uncertain"), RESERVED(1) };
FIELDS port_service_stats_np[] = {
	PLAIN(PORT_IDENTITY, "portIdentity"),
	PLAIN(LE64, "announce_timeout"),
	PLAIN(LE64, "sync_timeout"),
	PLAIN(LE64, "delay_timeout"),
	PLAIN(LE64, "unicast_service_timeout"),
	PLAIN(LE64, "unicast_request_timeout"),
	PLAIN(LE64, "master_announce_timeout"),
	PLAIN(LE64, "master_sync_timeout"),
	PLAIN(LE64, "qualification_timeout"),
	PLAIN(LE64, "sync_mismatch"),
	PLAIN(LE64, "followup_mismatch"),
};
FIELDS unicast_master_table_np[] = {
	COUNTER(U16, "actual_table_size"),
	PLAIN(PORT_IDENTITY, "portIdentity"),
	CLOCK_QUALITY("", "clockClass", "clockAccuracy", "offsetScaledLogVariance"),
	FORMAT(U8, "selected", ONE_ZERO),
	NAMES(U8, "portState", unicast_states),
	PLAIN(U8, "priority1"),
	PLAIN(U8, "priority2"),
	PLAIN(PORT_ADDRESS, "address"),
};
FIELDS port_hwclock_np[] = {
	PLAIN(PORT_IDENTITY, "portIdentity"), PLAIN(I32, "phcIndex"), PLAIN(U8, "flags"),
	RESERVED(1),
};
FIELDS power_profile_settings_np[] = {
	PLAIN(U16, "version"),
	HEX(U16, "grandmasterID", 4),
	PLAIN(U32, "grandmasterTimeInaccuracy"),
	PLAIN(U32, "networkTimeInaccuracy"),
	PLAIN(U32, "totalTimeInaccuracy"),
};
FIELDS cmlds_info_np[] = {
	FORMAT(INTERVAL, "meanLinkDelay", NS),
	PLAIN(I32, "scaledNeighborRateRatio"),
	PLAIN(U32, "as_capable"),
};
/* TimeIntervals in linuxptp's own octet order, which is the machine's. */
FIELDS port_corrections_np[] = {
	FORMAT(LE64, "egressLatency", NS),
	FORMAT(LE64, "ingressLatency", NS),
	FORMAT(LE64, "delayAsymmetry", NS),
};
FIELDS external_grandmaster_properties_np[] = {
	PLAIN(CLOCK_IDENTITY, "gmIdentity"), PLAIN(U16, "stepsRemoved"),
};

/* -- rows ------------------------------------------------------------------------------------- */

#define G GNOMON_MANAGEMENT_MAY_GET
#define S GNOMON_MANAGEMENT_MAY_SET
#define C GNOMON_MANAGEMENT_MAY_COMMAND
#define CLOCK false
#define PORT true

#define ROW(mid, who, scope, list, ...)                                                            \
	{                                                                                          \
		.id = GNOMON_MID_##mid, .access = (who), .port_scope = (scope), .name = #mid,      \
		.fields = (list), .field_count = LEN(list), __VA_ARGS__                            \
	}
/* Without a dataField. */
#define BARE(mid, who, scope)                                                                      \
	{                                                                                          \
		.id = GNOMON_MID_##mid, .access = (who), .port_scope = (scope), .name = #mid       \
	}
#define GROUP(from) .repeats = true, .repeat_from = (from)

static const struct gnomon_management_row rows[] = {
	BARE(NULL_MANAGEMENT, G | S | C, PORT),
	ROW(CLOCK_DESCRIPTION, G, PORT, clock_description),
	ROW(USER_DESCRIPTION, G | S, CLOCK, user_description, .columns = 17),
	BARE(SAVE_IN_NON_VOLATILE_STORAGE, C, CLOCK),
	BARE(RESET_NON_VOLATILE_STORAGE, C, CLOCK),
	ROW(INITIALIZE, C, CLOCK, initialize),
	ROW(FAULT_LOG, G, CLOCK, fault_log, GROUP(1)),
	BARE(FAULT_LOG_RESET, C, CLOCK),
	ROW(DEFAULT_DATA_SET, G, CLOCK, default_data_set),
	ROW(CURRENT_DATA_SET, G, CLOCK, current_data_set),
	ROW(PARENT_DATA_SET, G, CLOCK, parent_data_set),
	ROW(TIME_PROPERTIES_DATA_SET, G, CLOCK, time_properties_data_set),
	ROW(PORT_DATA_SET, G, PORT, port_data_set),
	ROW(PRIORITY1, G | S, CLOCK, priority1),
	ROW(PRIORITY2, G | S, CLOCK, priority2),
	ROW(DOMAIN, G | S, CLOCK, domain_number),
	ROW(SLAVE_ONLY, G | S, CLOCK, slave_only),
	ROW(LOG_ANNOUNCE_INTERVAL, G | S, PORT, log_announce_interval),
	ROW(ANNOUNCE_RECEIPT_TIMEOUT, G | S, PORT, announce_receipt_timeout),
	ROW(LOG_SYNC_INTERVAL, G | S, PORT, log_sync_interval),
	ROW(VERSION_NUMBER, G | S, PORT, version_number),
	BARE(ENABLE_PORT, C, PORT),
	BARE(DISABLE_PORT, C, PORT),
	ROW(TIME, G | S, CLOCK, time_now),
	ROW(CLOCK_ACCURACY, G | S, CLOCK, clock_accuracy),
	ROW(UTC_PROPERTIES, G | S, CLOCK, utc_properties),
	ROW(TRACEABILITY_PROPERTIES, G | S, CLOCK, traceability_properties),
	ROW(TIMESCALE_PROPERTIES, G | S, CLOCK, timescale_properties),
	ROW(UNICAST_NEGOTIATION_ENABLE, G | S, PORT, unicast_negotiation_enable),
	ROW(PATH_TRACE_LIST, G, CLOCK, path_trace_list, GROUP(0)),
	ROW(PATH_TRACE_ENABLE, G | S, CLOCK, path_trace_enable),
	ROW(GRANDMASTER_CLUSTER_TABLE, G | S, CLOCK, grandmaster_cluster_table, GROUP(2)),
	ROW(UNICAST_MASTER_TABLE, G | S, PORT, unicast_master_table, GROUP(2)),
	ROW(UNICAST_MASTER_MAX_TABLE_SIZE, G, PORT, max_table_size),
	ROW(ACCEPTABLE_MASTER_TABLE, G | S, CLOCK, acceptable_master_table, GROUP(1)),
	ROW(ACCEPTABLE_MASTER_TABLE_ENABLED, G | S, PORT, acceptable_master_table_enabled),
	ROW(ACCEPTABLE_MASTER_MAX_TABLE_SIZE, G, CLOCK, max_table_size),
	ROW(ALTERNATE_MASTER, G | S, PORT, alternate_master),
	ROW(ALTERNATE_TIME_OFFSET_ENABLE, G | S, CLOCK, alternate_time_offset_enable,
	    .columns = 15),
	ROW(ALTERNATE_TIME_OFFSET_NAME, G | S, CLOCK, alternate_time_offset_name, .columns = 15),
	ROW(ALTERNATE_TIME_OFFSET_MAX_KEY, G, CLOCK, alternate_time_offset_max_key),
	ROW(ALTERNATE_TIME_OFFSET_PROPERTIES, G | S, CLOCK, alternate_time_offset_properties),
	ROW(EXTERNAL_PORT_CONFIGURATION_ENABLED, G | S, CLOCK,
	    external_port_configuration_enabled),
	ROW(MASTER_ONLY, G | S, PORT, master_only),
	ROW(HOLDOVER_UPGRADE_ENABLE, G | S, CLOCK, holdover_upgrade_enable),
	ROW(EXT_PORT_CONFIG_PORT_DATA_SET, G | S, PORT, ext_port_config_port_data_set),
	ROW(TRANSPARENT_CLOCK_DEFAULT_DATA_SET, G, CLOCK, transparent_clock_default_data_set),
	ROW(TRANSPARENT_CLOCK_PORT_DATA_SET, G, PORT, transparent_clock_port_data_set),
	ROW(PRIMARY_DOMAIN, G | S, CLOCK, primary_domain),
	ROW(DELAY_MECHANISM, G | S, PORT, delay_mechanism),
	ROW(LOG_MIN_PDELAY_REQ_INTERVAL, G | S, PORT, log_min_pdelay_req_interval),
	ROW(TIME_STATUS_NP, G, CLOCK, time_status_np),
	ROW(GRANDMASTER_SETTINGS_NP, G | S, CLOCK, grandmaster_settings_np),
	ROW(PORT_DATA_SET_NP, G | S, PORT, port_data_set_np),
	ROW(SUBSCRIBE_EVENTS_NP, G | S, CLOCK, subscribe_events_np),
	ROW(PORT_PROPERTIES_NP, G, PORT, port_properties_np, .columns = 24),
	ROW(PORT_STATS_NP, G, PORT, port_stats_np, .columns = 26),
	ROW(SYNCHRONIZATION_UNCERTAIN_NP, G | S, CLOCK, synchronization_uncertain_np),
	ROW(PORT_SERVICE_STATS_NP, G, PORT, port_service_stats_np, .columns = 26),
	ROW(UNICAST_MASTER_TABLE_NP, G, PORT, unicast_master_table_np, GROUP(1)),
	ROW(PORT_HWCLOCK_NP, G, PORT, port_hwclock_np, .columns = 24),
	ROW(POWER_PROFILE_SETTINGS_NP, G | S, PORT, power_profile_settings_np),
	ROW(CMLDS_INFO_NP, G, PORT, cmlds_info_np),
	ROW(PORT_CORRECTIONS_NP, G | S, PORT, port_corrections_np),
	ROW(EXTERNAL_GRANDMASTER_PROPERTIES_NP, G | S, CLOCK, external_grandmaster_properties_np),
};

const struct gnomon_management_row *gnomon_management_rows(unsigned int *count)
{
	*count = LEN(rows);
	return rows;
}

const struct gnomon_management_row *gnomon_management_find(uint16_t id)
{
	unsigned int low = 0, high = LEN(rows);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (rows[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < LEN(rows) && rows[low].id == id ? &rows[low] : NULL;
}

const char *gnomon_management_action_name(unsigned int action)
{
	static const char *const names[] = { "GET", "SET", "RESPONSE", "COMMAND", "ACKNOWLEDGE" };

	return action < LEN(names) ? names[action] : "unknown";
}

const char *gnomon_management_error_name(unsigned int error)
{
	static const char *const names[] = {
		NULL,          "RESPONSE_TOO_BIG", "NO_SUCH_ID",   "WRONG_LENGTH",
		"WRONG_VALUE", "NOT_SETABLE",      "NOT_SUPPORTED",
	};

	if (error == GNOMON_MANAGEMENT_GENERAL_ERROR) {
		return "GENERAL_ERROR";
	}
	return error > 0 && error < LEN(names) ? names[error] : "UNKNOWN";
}
