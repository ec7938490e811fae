/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration table: every row agrees with itself, and values survive being printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnomon/select.h>

#include "tools/config/config.h"

#define PTP4L_KEYS 152

static const struct conf_place nowhere = { NULL, 0 };

static void *target_of(struct conf *conf, const struct conf_key *key)
{
	return conf_target(conf, key);
}

static void names_are_unique(void **state)
{
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		assert_ptr_equal(conf_key_find(key->name, strlen(key->name)), key);
		if (key->alias) {
			assert_ptr_equal(conf_key_find(key->alias, strlen(key->alias)), key);
		}
	}
	assert_null(conf_key_find("priority", 8));
	assert_null(conf_key_find("", 0));
	assert_non_null(conf_key_find("priority1 128", 9));
}

/* ptp4l 4.4 has 152 keys; two of them are the older spellings of two others. */
static void all_ptp4l_keys(void **state)
{
	static const char *const ours[] = {
		"clock",
		"soft_clock_offset",
		"soft_clock_frequency",
		"phc_device",
		"external_port_configuration",
		"desired_state",
		"path_asymmetry_bound",
		"oscillator_drift_bound",
		"event_port",
		"general_port",
		"share_ports",
		"restore_frequency",
		"log_format",
		"control_socket",
		"control_socket_mode",
		"control_socket_group",
	};
	size_t own = sizeof(ours) / sizeof(ours[0]);

	for (size_t i = 0; i < own; i++) {
		assert_non_null(conf_key_find(ours[i], strlen(ours[i])));
	}
	for (size_t i = 0; i < conf_table_len; i++) {
		own += conf_table[i].group == CONF_GROUP_SOURCE ||
		       conf_table[i].group == CONF_GROUP_SYNC ||
		       conf_table[i].group == CONF_GROUP_GUEST;
	}
	assert_int_equal(conf_table_len - own + 2, PTP4L_KEYS);
}

/* Every row has words for people, and they are one sentence or more. */
static void rows_are_documented(void **state)
{
	enum conf_group group = CONF_GROUP_CLOCK;

	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		assert_non_null(key->doc);
		assert_int_equal(key->doc[strlen(key->doc) - 1], '.');
		assert_true(key->group >= group); /* groups stand together */
		group = key->group;
		assert_true((key->type == CONF_ENUM) == (key->labels != NULL));
		if (key->type == CONF_INT || key->type == CONF_DOUBLE) {
			assert_true(key->min < key->max);
		}
	}
}

static void defaults_are_in_range(void **state)
{
	struct conf conf;
	struct conf_error error;

	assert_int_equal(conf_init(&conf, false), 0);
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		assert_int_equal(conf_value_set(key, target_of(&conf, key), &conf, key->text,
						nowhere, &error),
				 0);
		if (key->native) {
			assert_int_equal(conf_value_set(key, target_of(&conf, key), &conf,
							key->native, nowhere, &error),
					 0);
		}
	}
	assert_string_equal(conf.noted, "");
	conf_finish(&conf);
}

/* Past the ends of a range is refused and the member is left alone. */
static void ranges_are_enforced(void **state)
{
	struct conf conf;
	struct conf_error error;
	char text[64];
	char before[CONF_VALUE_MAX];
	char after[CONF_VALUE_MAX];

	assert_int_equal(conf_init(&conf, false), 0);
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		if (key->type != CONF_INT || key->status != CONF_SUPPORTED) {
			continue;
		}
		conf_value_get(key, target_of(&conf, key), before);
		snprintf(text, sizeof(text), conf_is_mode(key) ? "0%llo" : "%lld",
			 (long long)key->max + 1);
		assert_int_not_equal(conf_value_set(key, target_of(&conf, key), &conf, text,
						    nowhere, &error),
				     0);
		snprintf(text, sizeof(text), "%.0f", key->min - 1);
		assert_int_not_equal(conf_value_set(key, target_of(&conf, key), &conf, text,
						    nowhere, &error),
				     0);
		assert_string_equal(conf_value_get(key, target_of(&conf, key), after), before);
		snprintf(text, sizeof(text), "%.0f", key->max);
		assert_int_equal(conf_value_set(key, target_of(&conf, key), &conf, text, nowhere,
						&error),
				 0);
	}
	conf_finish(&conf);
}

static void label(const char *name, int value, const char *want)
{
	char text[32];
	const struct conf_key *key = conf_key_find(name, strlen(name));

	assert_string_equal(conf_label(key, value, text), want);
}

/* The labels stand in the order of the enumerations. */
static void labels_are_enumerators(void **state)
{
	label("clock_type", CONF_CLOCK_BC, "BC");
	label("clock_type", CONF_CLOCK_E2E_TC, "E2E_TC");
	label("clock", CONF_CLOCK_AUTO, "auto");
	label("clock", CONF_CLOCK_PHC, "phc");
	label("clock", CONF_CLOCK_SYSTEM, "system");
	label("clock", CONF_CLOCK_SOFT, "soft");
	label("time_stamping", CONF_STAMP_HARDWARE, "hardware");
	label("time_stamping", CONF_STAMP_SOFTWARE, "software");
	label("time_stamping", CONF_STAMP_LEGACY, "legacy");
	label("time_stamping", CONF_STAMP_ONESTEP, "onestep");
	label("time_stamping", CONF_STAMP_P2P1STEP, "p2p1step");
	label("hwts_filter", CONF_HWTS_NORMAL, "normal");
	label("hwts_filter", CONF_HWTS_CHECK, "check");
	label("hwts_filter", CONF_HWTS_FULL, "full");
	label("network_transport", CONF_NET_L2, "L2");
	label("network_transport", CONF_NET_UDPV4, "UDPv4");
	label("network_transport", CONF_NET_UDPV6, "UDPv6");
	label("delay_mechanism", CONF_DELAY_AUTO, "Auto");
	label("delay_mechanism", CONF_DELAY_E2E, "E2E");
	label("delay_mechanism", CONF_DELAY_P2P, "P2P");
	label("delay_mechanism", CONF_DELAY_NONE, "NONE");
	label("tsproc_mode", CONF_TSPROC_FILTER, "filter");
	label("tsproc_mode", CONF_TSPROC_RAW, "raw");
	label("tsproc_mode", CONF_TSPROC_FILTER_WEIGHT, "filter_weight");
	label("tsproc_mode", CONF_TSPROC_RAW_WEIGHT, "raw_weight");
	label("BMCA", CONF_BMCA_NOOP, "noop");
	label("desired_state", CONF_STATE_TIME_TRANSMITTER, "MASTER");
	label("desired_state", CONF_STATE_TIME_RECEIVER, "SLAVE");
	label("desired_state", CONF_STATE_PASSIVE, "PASSIVE");
	label("source_type", CONF_SOURCE_PTP, "ptp");
	label("source_type", CONF_SOURCE_PHC, "phc");
	label("source_type", CONF_SOURCE_PPS, "pps");
	label("source_type", CONF_SOURCE_NTP, "ntp");
	for (int type = CONF_SOURCE_PTP; type <= CONF_SOURCE_NTP; type++) {
		label("source_type", type, conf_source_type_name(type));
	}
	label("log_format", CONF_LOG_NATIVE, "native");
	label("log_format", CONF_LOG_PTP4L, "ptp4l");
	label("log_format", CONF_LOG_JSON, "json");
}

static int set(struct conf *conf, const char *name, const char *text)
{
	struct conf_error error;
	const struct conf_key *key = conf_key_find(name, strlen(name));

	return conf_value_set(key, target_of(conf, key), conf, text, nowhere, &error);
}

static void values_of_each_type(void **state)
{
	static const uint8_t mac[] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e };
	static const uint8_t short_mac[] = { 1, 2, 3, 4, 5, 0x6f };
	static const uint8_t identity[] = { 0x0c, 0x42, 0xa1, 0xff, 0xfe, 0x6d, 0x7c, 0xa6 };
	struct conf conf;

	assert_int_equal(conf_init(&conf, true), 0);
	assert_int_equal(conf.log_format, CONF_LOG_NATIVE);
	assert_int_equal(set(&conf, "priority1", "0x10"), 0);
	assert_int_equal(conf.priority1, 16);
	assert_int_equal(set(&conf, "priority2", "010"), 0);
	assert_int_equal(conf.priority2, 8);
	assert_int_equal(set(&conf, "logSyncInterval", "+1"), 0);
	assert_int_equal(conf.defaults.log_sync_interval, 1);
	assert_int_equal(set(&conf, "fault_reset_interval", "ASAP"), 0);
	assert_int_equal(conf.defaults.fault_reset_interval, -128);
	assert_int_equal(set(&conf, "step_threshold", "1e-3"), 0);
	assert_true(conf.step_threshold == 1e-3);
	assert_int_equal(set(&conf, "slaveOnly", "1"), 0);
	assert_int_equal(conf.client_only, 1);
	assert_int_equal(set(&conf, "ptp_dst_mac", "01:80:C2:00:00:0E"), 0);
	assert_memory_equal(conf.defaults.ptp_dst_mac, mac, 6);
	assert_int_equal(set(&conf, "ptp_dst_mac", "1:2:3:4:5:6f"), 0);
	assert_memory_equal(conf.defaults.ptp_dst_mac, short_mac, 6);
	assert_int_equal(set(&conf, "clockIdentity", "0c42a1.fffe.6d7ca6"), 0);
	assert_memory_equal(conf.clock_identity.id, identity, 8);
	assert_int_equal(set(&conf, "ptp_dst_ipv4", "224.0.1.130"), 0);
	assert_int_equal(conf.defaults.ptp_dst_ipv4[3], 130);
	assert_int_equal(set(&conf, "ptp_dst_ipv6", "ff0e::182"), 0);
	assert_int_equal(conf.defaults.ptp_dst_ipv6[15], 0x82);
	assert_int_equal(set(&conf, "message_tag", "rack 7"), 0);
	assert_string_equal(conf.message_tag, "rack 7");
	assert_int_equal(set(&conf, "message_tag", "\"\""), 0);
	assert_string_equal(conf.message_tag, "");
	conf_finish(&conf);
}

static void malformed_values(void **state)
{
	static const char *const bad[][2] = {
		{ "priority1", "" },
		{ "priority1", "1 2" },
		{ "priority1", "1.5" },
		{ "priority1", "99999999999999999999" },
		{ "step_threshold", "nan" },
		{ "step_threshold", "inf" },
		{ "step_threshold", "-1" },
		{ "step_threshold", "1s" },
		{ "delay_request_variability", "1.01" },
		{ "network_transport", "UDPv5" },
		{ "network_transport", "" },
		{ "network_transport", "L2 UDPv4" },
		{ "ptp_dst_mac", "01:02" },
		{ "ptp_dst_mac", "01:02:03:04:05:06:07" },
		{ "ptp_dst_mac", "01:02:03:04:05:0g" },
		{ "ptp_dst_mac", ":::::" },
		{ "clockIdentity", "112233fffe445566" },
		{ "clockIdentity", "0c42a1.fffe.6d7ca" },
		{ "clockIdentity", "0c42a1.fffe.6d7ca60" },
		{ "ptp_dst_ipv4", "224.0.1" },
		{ "ptp_dst_ipv6", "ff0e:::1" },
		{ "manufacturerIdentity", "0:0" },
		{ "message_tag", "two\nlines" },
		{ "delay_mechanism", "COMMON_P2P" },
		{ "clock_type", "P2P_TC" },
		{ "follow_up_info", "1" },
		{ "slave_event_monitor", "/run/x" },
	};
	struct conf conf;

	assert_int_equal(conf_init(&conf, true), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(set(&conf, bad[i][0], bad[i][1]), 0);
	}
	conf_finish(&conf);
}

/* A key of a later capability may be written with its default, in any spelling. */
static void later_keys_take_their_default(void **state)
{
	struct conf conf;

	assert_int_equal(conf_init(&conf, false), 0);
	assert_int_equal(set(&conf, "follow_up_info", "0x0"), 0);
	assert_int_equal(set(&conf, "G.8275.portDS.localPriority", "0x80"), 0);
	assert_int_equal(set(&conf, "power_profile.version", "none"), 0);
	assert_int_equal(set(&conf, "slave_event_monitor", "\"\""), 0);
	assert_int_equal(set(&conf, "refclock_sock_address", "/var/run/refclock.ptp.sock"), 0);
	assert_int_equal(set(&conf, "ts2phc.pulsewidth", "500000000"), 0);
	assert_int_equal(set(&conf, "slave_event_monitor", "/run/elsewhere"), -EINVAL);
	assert_string_equal(conf.noted, "");
	assert_int_equal(set(&conf, "fault_badpeernet_interval", "8"), 0);
	assert_string_equal(conf.noted, "fault_badpeernet_interval");
	conf_finish(&conf);
}

/* The selection has these defaults itself; who asks for nothing gets them. */
static void selection_defaults(void **state)
{
	struct gnomon_select_config want;
	struct conf conf;

	gnomon_select_config_default(&want);
	assert_int_equal(conf_init(&conf, true), 0);
	assert_int_equal(conf.source_fail_limit, (int)want.fail_limit);
	assert_true(conf.source_recover_s == want.recover_s);
	assert_true(conf.source_revert_s == want.revert_s);
	assert_true(conf.source_settle_s == want.settle_s);
	assert_true(conf.source_dispute_s == want.dispute_s);
	assert_true(conf.source_handover_rate_ppb == want.handover_ppb);
	assert_true(conf.source_handover_max_ns == want.handover_max_ns);
	assert_int_equal(CONF_SOURCES_MAX + 1, GNOMON_SELECT_SOURCES);
	assert_int_equal(conf.source_defaults.priority, 128);
	assert_int_equal(conf.source_defaults.offset_s, CONF_OFFSET_AUTO);
	assert_int_equal(conf.source_defaults.time_source, CONF_TIME_SOURCE_AUTO);
	assert_string_equal(conf.sync_defaults.source, CONF_KEPT);
	assert_int_equal(conf.sync_defaults.offset_s, CONF_OFFSET_AUTO);
	conf_finish(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/config/table/names_are_unique", names_are_unique, NULL, NULL, NULL },
		{ "/config/table/all_ptp4l_keys", all_ptp4l_keys, NULL, NULL, NULL },
		{ "/config/table/rows_are_documented", rows_are_documented, NULL, NULL, NULL },
		{ "/config/table/defaults_are_in_range", defaults_are_in_range, NULL, NULL,
		  NULL },
		{ "/config/table/ranges_are_enforced", ranges_are_enforced, NULL, NULL, NULL },
		{ "/config/table/labels_are_enumerators", labels_are_enumerators, NULL, NULL,
		  NULL },
		{ "/config/table/selection_defaults", selection_defaults, NULL, NULL, NULL },
		{ "/config/table/values_of_each_type", values_of_each_type, NULL, NULL, NULL },
		{ "/config/table/malformed_values", malformed_values, NULL, NULL, NULL },
		{ "/config/table/later_keys_take_their_default", later_keys_take_their_default,
		  NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/config/table", tests, NULL, NULL);
}
