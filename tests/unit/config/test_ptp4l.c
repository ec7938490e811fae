/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every key of ptp4l has its default and its range here too. The table is ptp4l 4.4's, key by key;
 * where ours differs on purpose, the difference stands below with its reason, and it must exist.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/config/config.h"

enum kind { NUMBER, TEXT, LABELS };

struct ptp4l_key {
	enum conf_scope scope;
	enum kind kind;
	const char *name;
	const char *text; /* the default */
	double min;
	double max;
	const char *labels;
};

#define GLOB CONF_GLOBAL
#define PORT CONF_PORT
#define NUM(s, n, d, lo, hi) { s, NUMBER, n, d, lo, hi, NULL }
#define STR(s, n, d) { s, TEXT, n, d, 0, 0, NULL }
#define ENU(s, n, d, l) { s, LABELS, n, d, 0, 0, l }

static const struct ptp4l_key ptp4l[] = {
	NUM(PORT, "active_key_id", "0", 0, UINT32_MAX),
	NUM(PORT, "allow_unauth", "0", 0, 2),
	NUM(PORT, "allowedLostResponses", "3", 1, 255),
	NUM(PORT, "announceReceiptTimeout", "3", 2, UINT8_MAX),
	ENU(PORT, "asCapable", "auto", "true auto"),
	NUM(GLOB, "assume_two_step", "0", 0, 1),
	NUM(PORT, "boundary_clock_jbod", "0", 0, 1),
	ENU(PORT, "BMCA", "ptp", "ptp noop"),
	NUM(GLOB, "check_fup_sync", "0", 0, 1),
	NUM(GLOB, "clientOnly", "0", 0, 1),
	NUM(GLOB, "clockAccuracy", "0xfe", 0, UINT8_MAX),
	NUM(GLOB, "clockClass", "248", 0, UINT8_MAX),
	STR(GLOB, "clockIdentity", "000000.0000.000000"),
	NUM(GLOB, "clock_class_threshold", "248", 6, 248),
	ENU(GLOB, "clock_servo", "pi", "pi linreg ntpshm nullf refclock_sock"),
	ENU(GLOB, "clock_type", "OC", "OC BC P2P_TC E2E_TC"),
	STR(PORT, "cmlds.client_address", "/var/run/cmlds_client"),
	NUM(PORT, "cmlds.domainNumber", "0", 0, 255),
	NUM(PORT, "cmlds.majorSdoId", "2", 0, 0x0F),
	NUM(PORT, "cmlds.port", "0", 0, UINT16_MAX),
	STR(PORT, "cmlds.server_address", "/var/run/cmlds_server"),
	ENU(GLOB, "dataset_comparison", "ieee1588", "ieee1588 G.8275.x"),
	NUM(PORT, "delayAsymmetry", "0", INT_MIN, INT_MAX),
	ENU(PORT, "delay_filter", "moving_median", "moving_average moving_median"),
	NUM(PORT, "delay_filter_length", "10", 1, INT_MAX),
	NUM(PORT, "delay_request_variability", "1.0", 0.0, 1.0),
	ENU(PORT, "delay_mechanism", "E2E", "Auto COMMON_P2P E2E P2P NONE"),
	NUM(PORT, "delay_response_timeout", "0", 0, UINT8_MAX),
	NUM(GLOB, "dscp_event", "0", 0, 63),
	NUM(GLOB, "dscp_general", "0", 0, 63),
	NUM(GLOB, "domainNumber", "0", 0, 255),
	NUM(PORT, "egressLatency", "0", INT_MIN, INT_MAX),
	NUM(PORT, "fault_badpeernet_interval", "16", INT32_MIN, INT32_MAX),
	NUM(PORT, "fault_reset_interval", "4", INT8_MIN, INT8_MAX),
	NUM(GLOB, "first_step_threshold", "0.00002", 0.0, DBL_MAX),
	NUM(PORT, "follow_up_info", "0", 0, 1),
	NUM(GLOB, "free_running", "0", 0, 1),
	NUM(PORT, "freq_est_interval", "1", INT_MIN, INT_MAX),
	NUM(GLOB, "G.8275.defaultDS.localPriority", "128", 1, UINT8_MAX),
	NUM(PORT, "G.8275.portDS.localPriority", "128", 1, UINT8_MAX),
	NUM(GLOB, "gmCapable", "1", 0, 1),
	ENU(GLOB, "hwts_filter", "normal", "normal check full"),
	NUM(PORT, "hybrid_e2e", "0", 0, 1),
	NUM(PORT, "ignore_source_id", "0", 0, 1),
	NUM(PORT, "ignore_transport_specific", "0", 0, 1),
	NUM(PORT, "ingressLatency", "0", INT_MIN, INT_MAX),
	NUM(PORT, "inhibit_announce", "0", 0, 1),
	NUM(PORT, "inhibit_delay_req", "0", 0, 1),
	NUM(PORT, "inhibit_multicast_service", "0", 0, 1),
	NUM(GLOB, "initial_delay", "0", 0, INT_MAX),
	NUM(PORT, "interface_rate_tlv", "0", 0, 1),
	NUM(GLOB, "kernel_leap", "1", 0, 1),
	STR(GLOB, "leapfile", ""),
	NUM(PORT, "logAnnounceInterval", "1", INT8_MIN, INT8_MAX),
	NUM(PORT, "logMinDelayReqInterval", "0", INT8_MIN, INT8_MAX),
	NUM(PORT, "logMinPdelayReqInterval", "0", INT8_MIN, INT8_MAX),
	NUM(PORT, "logSyncInterval", "0", INT8_MIN, INT8_MAX),
	NUM(GLOB, "logging_level", "6", 0, 7),
	NUM(PORT, "masterOnly", "0", 0, 1),
	NUM(GLOB, "maxStepsRemoved", "255", 2, UINT8_MAX),
	STR(GLOB, "message_tag", ""),
	STR(GLOB, "manufacturerIdentity", "00:00:00"),
	NUM(GLOB, "max_frequency", "900000000", 0, INT_MAX),
	NUM(PORT, "min_neighbor_prop_delay", "-20000000", INT_MIN, -1),
	NUM(PORT, "msg_interval_request", "0", 0, 1),
	NUM(PORT, "neighborPropDelayThresh", "20000000", 0, INT_MAX),
	NUM(PORT, "net_sync_monitor", "0", 0, 1),
	ENU(PORT, "network_transport", "UDPv4", "L2 UDPv4 UDPv6"),
	NUM(GLOB, "ntpshm_segment", "0", INT_MIN, INT_MAX),
	NUM(GLOB, "offsetScaledLogVariance", "0xffff", 0, UINT16_MAX),
	NUM(PORT, "operLogPdelayReqInterval", "0", INT8_MIN, INT8_MAX),
	NUM(PORT, "operLogSyncInterval", "0", INT8_MIN, INT8_MAX),
	STR(PORT, "p2p_dst_ipv4", "224.0.0.107"),
	STR(PORT, "p2p_dst_ipv6", "FF02:0:0:0:0:0:0:6B"),
	STR(PORT, "p2p_dst_mac", "01:80:C2:00:00:0E"),
	NUM(PORT, "path_trace_enabled", "0", 0, 1),
	NUM(PORT, "phc_index", "-1", -1, INT_MAX),
	NUM(GLOB, "pi_integral_const", "0.0", 0.0, DBL_MAX),
	NUM(GLOB, "pi_integral_exponent", "0.4", -DBL_MAX, DBL_MAX),
	NUM(GLOB, "pi_integral_norm_max", "0.3", DBL_MIN, 2.0),
	NUM(GLOB, "pi_integral_scale", "0.0", 0.0, DBL_MAX),
	NUM(GLOB, "pi_proportional_const", "0.0", 0.0, DBL_MAX),
	NUM(GLOB, "pi_proportional_exponent", "-0.3", -DBL_MAX, DBL_MAX),
	NUM(GLOB, "pi_proportional_norm_max", "0.7", DBL_MIN, 1.0),
	NUM(GLOB, "pi_proportional_scale", "0.0", 0.0, DBL_MAX),
	ENU(PORT, "power_profile.version", "none", "none 2011 2017"),
	NUM(PORT, "power_profile.2011.grandmasterTimeInaccuracy", "-1", -1, INT_MAX),
	NUM(PORT, "power_profile.2011.networkTimeInaccuracy", "-1", -1, INT_MAX),
	NUM(PORT, "power_profile.2017.totalTimeInaccuracy", "-1", -1, INT_MAX),
	NUM(PORT, "power_profile.grandmasterID", "0", 0, 0xFFFF),
	NUM(GLOB, "priority1", "128", 0, UINT8_MAX),
	NUM(GLOB, "priority2", "128", 0, UINT8_MAX),
	STR(GLOB, "productDescription", ";;"),
	STR(PORT, "profileIdentity", "00:00:00:00:00:00"),
	STR(PORT, "ptp_dst_ipv4", "224.0.1.129"),
	STR(PORT, "ptp_dst_ipv6", "FF0E:0:0:0:0:0:0:181"),
	STR(PORT, "ptp_dst_mac", "01:1B:19:00:00:00"),
	NUM(GLOB, "ptp_minor_version", "1", 0, 1),
	STR(GLOB, "refclock_sock_address", "/var/run/refclock.ptp.sock"),
	STR(GLOB, "revisionData", ";;"),
	STR(GLOB, "sa_file", ""),
	NUM(GLOB, "sanity_freq_limit", "200000000", 0, INT_MAX),
	NUM(PORT, "serverOnly", "0", 0, 1),
	NUM(GLOB, "servo_num_offset_values", "10", 0, INT_MAX),
	NUM(GLOB, "servo_offset_threshold", "0", 0, INT_MAX),
	STR(GLOB, "slave_event_monitor", ""),
	NUM(GLOB, "slaveOnly", "0", 0, 1),
	NUM(GLOB, "socket_priority", "0", 0, 15),
	NUM(PORT, "spp", "-1", -1, UINT8_MAX),
	NUM(GLOB, "step_threshold", "0.0", 0.0, DBL_MAX),
	NUM(GLOB, "step_window", "0", 0, INT_MAX),
	NUM(GLOB, "summary_interval", "0", INT_MIN, INT_MAX),
	NUM(PORT, "syncReceiptTimeout", "0", 0, UINT8_MAX),
	NUM(GLOB, "tc_spanning_tree", "0", 0, 1),
	NUM(GLOB, "timeSource", "0xa0", 0x10, 0xfe),
	ENU(GLOB, "time_stamping", "hardware", "hardware software legacy onestep p2p1step"),
	NUM(PORT, "transportSpecific", "0", 0, 0x0F),
	NUM(PORT, "ts2phc.channel", "0", 0, INT_MAX),
	NUM(GLOB, "ts2phc.external_pps", "0", 0, 1),
	NUM(PORT, "ts2phc.extts_correction", "0", INT_MIN, INT_MAX),
	ENU(PORT, "ts2phc.extts_polarity", "rising", "rising falling both"),
	NUM(PORT, "ts2phc.holdover", "0", 0, INT_MAX),
	NUM(PORT, "ts2phc.master", "0", 0, 1),
	NUM(PORT, "ts2phc.nmea_baudrate", "9600", 300, INT_MAX),
	NUM(PORT, "ts2phc.nmea_delay", "0", INT_MIN, INT_MAX),
	STR(GLOB, "ts2phc.nmea_remote_host", ""),
	STR(GLOB, "ts2phc.nmea_remote_port", ""),
	STR(GLOB, "ts2phc.nmea_serialport", "/dev/ttyS0"),
	NUM(PORT, "ts2phc.perout_phase", "-1", 0, 999999999),
	NUM(PORT, "ts2phc.pin_index", "0", 0, INT_MAX),
	STR(PORT, "ts2phc.pin_name", ""),
	NUM(GLOB, "ts2phc.pulserate", "1", 1, 128),
	NUM(GLOB, "ts2phc.pulsewidth", "-1", 1000000, 999000000),
	STR(GLOB, "ts2phc.tod_source", "generic"),
	ENU(PORT, "tsproc_mode", "filter", "filter raw filter_weight raw_weight"),
	NUM(GLOB, "twoStepFlag", "1", 0, 1),
	NUM(GLOB, "tx_timestamp_timeout", "10", 1, INT_MAX),
	NUM(PORT, "udp_ttl", "1", 1, 255),
	NUM(PORT, "udp6_scope", "0x0E", 0x00, 0x0F),
	STR(GLOB, "uds_address", "/var/run/ptp/ptp4l"),
	NUM(PORT, "uds_file_mode", "0660", 0, 0777),
	STR(GLOB, "uds_ro_address", "/var/run/ptp/ptp4lro"),
	NUM(PORT, "uds_ro_file_mode", "0666", 0, 0777),
	NUM(PORT, "unicast_listen", "0", 0, 1),
	NUM(PORT, "unicast_master_table", "0", 0, INT_MAX),
	NUM(PORT, "unicast_req_duration", "3600", 10, INT_MAX),
	NUM(GLOB, "use_syslog", "1", 0, 1),
	STR(GLOB, "user", ""),
	STR(GLOB, "userDescription", ""),
	NUM(GLOB, "utc_offset", "37", 0, INT_MAX),
	NUM(GLOB, "verbose", "0", 0, 1),
	NUM(GLOB, "write_phase_mode", "0", 0, 1),
};

#define PTP4L_KEYS (sizeof(ptp4l) / sizeof(ptp4l[0]))

/* -- where ours differ, and why --------------------------------------------------------------- */

enum what { SCOPE, DEFAULT, MINIMUM, MAXIMUM, CHOICES, NATIVE, WITHOUT_EFFECT };

static const struct difference {
	const char *name;
	enum what what;
	const char *why;
} differences[] = {
	{ "utc_offset", MAXIMUM,
	  "currentUtcOffset is an Integer16: ptp4l takes more and announces something else" },
	{ "time_stamping", SCOPE, "ports of one clock may be stamped in different ways" },
	{ "time_stamping", CHOICES, "auto, which as ptp4l is never the default" },
	{ "time_stamping", NATIVE, "an interface is used as it can be, and which way is logged" },
	{ "use_syslog", NATIVE, "a service's output is the journal already" },
	{ "verbose", NATIVE, "and so is what a person started by hand reads" },
	{ "ts2phc.perout_phase", MINIMUM, "its default can be written in a file, unlike ptp4l's" },
	{ "ts2phc.pulsewidth", MINIMUM, "likewise" },
	{ "fault_badpeernet_interval", WITHOUT_EFFECT,
	  "several answers to a Pdelay_Req never fault a port: the neighbour known is believed" },
};

#define DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

/* Seen by some test; what is not is out of date. */
static bool seen[DIFFERENCES];

static void differs(const char *name, enum what what)
{
	for (size_t i = 0; i < DIFFERENCES; i++) {
		if (differences[i].what == what && strcmp(differences[i].name, name) == 0) {
			seen[i] = true;
			return;
		}
	}
	fail_msg("%s: differs from ptp4l (%d), and no reason is given", name, (int)what);
}

/* -- comparison ------------------------------------------------------------------------------- */

static const struct conf_key *ours(const struct ptp4l_key *theirs)
{
	const struct conf_key *key = conf_key_find(theirs->name, strlen(theirs->name));

	if (!key) {
		fail_msg("%s: ptp4l has it", theirs->name);
	}
	return key;
}

/* Hexadecimal and octal as the parser reads them. */
static double number(const char *text)
{
	char *end;
	double value = (double)strtoll(text, &end, 0);

	return *end ? strtod(text, NULL) : value;
}

static bool has_label(const char *labels, const char *label, size_t len)
{
	for (const char *p = labels; p; p = strchr(p, ' ')) {
		p += *p == ' ';
		p += *p == '-'; /* of a later capability */
		if (strncmp(p, label, len) == 0 && (p[len] == ' ' || p[len] == '\0')) {
			return true;
		}
	}
	return false;
}

/* Every word of one list is in the other. */
static bool within(const char *labels, const char *others)
{
	while (*labels) {
		size_t len;

		labels += *labels == '-';
		len = strcspn(labels, " ");
		if (!has_label(others, labels, len)) {
			return false;
		}
		labels += len;
		labels += *labels == ' ';
	}
	return true;
}

static void scopes(void **state)
{
	for (size_t i = 0; i < PTP4L_KEYS; i++) {
		if (ours(&ptp4l[i])->scope != ptp4l[i].scope) {
			differs(ptp4l[i].name, SCOPE);
		}
	}
}

static void defaults(void **state)
{
	for (size_t i = 0; i < PTP4L_KEYS; i++) {
		const struct conf_key *key = ours(&ptp4l[i]);
		bool same = ptp4l[i].kind == NUMBER ? number(key->text) == number(ptp4l[i].text)
						    : strcmp(key->text, ptp4l[i].text) == 0;

		if (!same) {
			differs(ptp4l[i].name, DEFAULT);
		}
		if (key->native) {
			differs(ptp4l[i].name, NATIVE);
		}
	}
}

static void ranges(void **state)
{
	for (size_t i = 0; i < PTP4L_KEYS; i++) {
		const struct conf_key *key = ours(&ptp4l[i]);
		bool numeric = key->type == CONF_INT || key->type == CONF_DOUBLE;

		assert_int_equal(numeric, ptp4l[i].kind == NUMBER);
		if (numeric && key->min != ptp4l[i].min) {
			differs(ptp4l[i].name, MINIMUM);
		}
		if (numeric && key->max != ptp4l[i].max) {
			differs(ptp4l[i].name, MAXIMUM);
		}
	}
}

static void choices(void **state)
{
	for (size_t i = 0; i < PTP4L_KEYS; i++) {
		const struct conf_key *key = ours(&ptp4l[i]);

		assert_int_equal(key->type == CONF_ENUM, ptp4l[i].kind == LABELS);
		if (key->type != CONF_ENUM) {
			continue;
		}
		if (!within(ptp4l[i].labels, key->labels) ||
		    !within(key->labels, ptp4l[i].labels)) {
			differs(ptp4l[i].name, CHOICES);
		}
	}
}

static void effects(void **state)
{
	for (size_t i = 0; i < PTP4L_KEYS; i++) {
		if (ours(&ptp4l[i])->status == CONF_NOTED) {
			differs(ptp4l[i].name, WITHOUT_EFFECT);
		}
	}
}

/* The last test: what is no difference any more is not one here. */
static void all_seen(void **state)
{
	for (size_t i = 0; i < DIFFERENCES; i++) {
		if (!seen[i]) {
			fail_msg("%s: no difference any more: %s", differences[i].name,
				 differences[i].why);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/config/ptp4l/scopes", scopes, NULL, NULL, NULL },
		{ "/config/ptp4l/defaults", defaults, NULL, NULL, NULL },
		{ "/config/ptp4l/ranges", ranges, NULL, NULL, NULL },
		{ "/config/ptp4l/choices", choices, NULL, NULL, NULL },
		{ "/config/ptp4l/effects", effects, NULL, NULL, NULL },
		{ "/config/ptp4l/all_seen", all_seen, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/config/ptp4l", tests, NULL, NULL);
}
