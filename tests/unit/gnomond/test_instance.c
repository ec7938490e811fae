/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every key reaches the member it is for, with its value, and no other. The sources are included
 * for what they keep to themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <gnomon/ensemble.h>
#include <gnomon/servo.h>
#include <linux/net_tstamp.h>

#include "drivers/timestamping.h"
#include "tools/discipline/discipline.h"

/* The interfaces there are, and what ethtool reports of them. */
static struct {
	const char *name;
	struct timestamping_info info;
} machine[4];

static int query_machine(const char *interface, struct timestamping_info *info,
			 struct driver_error *error)
{
	for (size_t i = 0; i < sizeof(machine) / sizeof(machine[0]); i++) {
		if (machine[i].name && strcmp(machine[i].name, interface) == 0) {
			*info = machine[i].info;
			return 0;
		}
	}
	return driver_fail(error, -ENODEV, "%s: no such network interface", interface);
}

/* What the keeper asks the ensemble for is taken here, and nothing is built. */
static struct gnomon_discipline_config asked;
static struct gnomon_ensemble_source asked_source;

static size_t take_ensemble(const struct gnomon_ensemble_config *config)
{
	asked = *config->discipline;
	asked_source = config->sources[0];
	return 0;
}

#define gnomon_ensemble_size(config) take_ensemble(config)
#include "tools/gnomond/keeper.c"
#undef gnomon_ensemble_size
#include "tools/gnomond/instance.c"
#include "tools/gnomond/daemon.c"
#undef NSEC_PER_MSEC
#define timestamping_query(interface, info, error) query_machine(interface, info, error)
#include "tools/gnomond/port.c"
#undef timestamping_query

static int set_frequency(struct gnomon_clock *clock, double ppb)
{
	return 0;
}

static int get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = 0;
	return 0;
}

static const struct gnomon_clock_ops ops = {
	.kind = "sim", .set_frequency = set_frequency, .get_frequency = get_frequency,
};
static struct gnomon_clock sim_clock = { &ops, "sim", 5e5, false };

static const struct gnomon_clock_ops phc_ops = { .kind = "phc" };
static struct gnomon_clock phc_clock = { &phc_ops, "/dev/ptp1", 5e5, false };

/* -- interfaces ------------------------------------------------------------------------------- */

#define SOFTWARE                                                                                   \
	(SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE)
#define HARDWARE                                                                                   \
	(SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |                             \
	 SOF_TIMESTAMPING_RAW_HARDWARE)
#define LEGACY                                                                                     \
	(SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |                             \
	 SOF_TIMESTAMPING_SYS_HARDWARE)
#define TX_TWO (1u << HWTSTAMP_TX_OFF | 1u << HWTSTAMP_TX_ON)
#define TX_ONE (TX_TWO | 1u << HWTSTAMP_TX_ONESTEP_SYNC)
#define TX_ALL (TX_ONE | 1u << HWTSTAMP_TX_ONESTEP_P2P)

/* The i-th interface is name, and can do that. */
static void plug(size_t i, const char *name, uint32_t so_timestamping, uint32_t tx_types, int phc)
{
	machine[i].name = name;
	machine[i].info = (struct timestamping_info){
		.so_timestamping = so_timestamping, .tx_types = tx_types, .phc_index = phc,
	};
}

/* All that is made of a configuration. */
struct made {
	struct gnomon_engine_config engine;
	struct gnomon_port_config port;
	struct link_config link;
	struct gnomon_discipline_config discipline;
	struct gnomon_ensemble_source source;
};

static void set_keys(struct conf *conf, const char *keys[][2], size_t count)
{
	struct conf_place nowhere = { NULL, 0 };
	struct conf_error error = { "" };

	assert_int_equal(conf_init(conf, true), 0);
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = conf_key_find(keys[i][0], strlen(keys[i][0]));

		assert_int_equal(conf_value_set(key, conf_target(conf, key), conf, keys[i][1],
						nowhere, &error), 0);
	}
}

static void make(struct made *made, const char *keys[][2], size_t count)
{
	static struct daemon d;
	struct driver_error error = { "" };
	struct instance *in;
	struct conf conf;

	memset(made, 0, sizeof(*made));
	plug(0, "v0", SOFTWARE | HARDWARE | LEGACY, TX_ALL, 0);
	set_keys(&conf, keys, count);
	assert_non_null(conf_interface_add(&conf, "v0"));
	assert_int_equal(join(&d, &conf, NULL), 0);
	in = &d.instances[0];
	assert_int_equal(ports_init(&in->ports, &error), 0);
	assert_int_equal(port_choose(&in->ports, &in->ports.list[0], &error), 0);
	d.keeper.clock = &sim_clock;
	engine_config_fill(&made->engine, &conf, &conf.clock_identity, false);
	configure_port(&in->ports.list[0], &made->port);
	link_configure(&in->ports, &in->ports.list[0], &made->link);
	made->link.interface = NULL;
	memset(&asked, 0, sizeof(asked));
	assert_int_equal(build_keeper(&d, &error), -EINVAL);
	made->discipline = asked;
	made->source = asked_source;
	d.keeper.clock = NULL;
	daemon_destroy(&d);
	conf_finish(&conf);
}

/* -- one key, one member ---------------------------------------------------------------------- */

enum form {
	FORM_U8, /* bool too */
	FORM_I8,
	FORM_U16,
	FORM_INT, /* enumerations too */
	FORM_DOUBLE,
	FORM_NS, /* of a gnomon_span */
	FORM_OCTETS, /* starting with that one */
};

struct row {
	const char *key;
	const char *value;
	enum form form;
	size_t offset;
	double want;
};

#define ROW(key, value, form, member, want)                                                        \
	{ key, value, FORM_##form, offsetof(struct made, member), want }

static const struct row rows[] = {
	ROW("priority1", "7", U8, engine.priority1, 7),
	ROW("priority2", "8", U8, engine.priority2, 8),
	ROW("domainNumber", "24", U8, engine.domain, 24),
	ROW("transportSpecific", "1", U16, engine.sdo_id, 0x100),
	ROW("ptp_minor_version", "0", U8, engine.minor_version, 0),
	ROW("clockClass", "6", U8, engine.clock_quality.clock_class, 6),
	ROW("clockAccuracy", "0x21", U8, engine.clock_quality.clock_accuracy, 0x21),
	ROW("offsetScaledLogVariance", "0x4e5d", U16,
	    engine.clock_quality.offset_scaled_log_variance, 0x4e5d),
	ROW("clock_type", "BC", INT, engine.instance_type, GNOMON_INSTANCE_BC),
	ROW("external_port_configuration", "1", U8, engine.external_port_configuration, 1),
	ROW("maxStepsRemoved", "9", U8, engine.max_steps_removed, 9),
	ROW("clock_class_threshold", "7", U8, engine.clock_class_threshold, 7),
	ROW("utc_offset", "38", U16, engine.time_properties.current_utc_offset, 38),
	ROW("timeSource", "0x20", U8, engine.time_properties.time_source, 0x20),
	ROW("initial_delay", "1234", NS, engine.initial_delay, 1234),
	ROW("assume_two_step", "1", U8, engine.assume_two_step, 1),
	ROW("check_fup_sync", "1", U8, engine.check_follow_up, 1),

	ROW("delay_mechanism", "NONE", INT, port.delay_mechanism, GNOMON_DELAY_NONE),
	ROW("delay_mechanism", "P2P", INT, port.delay_mechanism, GNOMON_DELAY_P2P),
	ROW("serverOnly", "1", U8, port.time_transmitter_only, 1),
	ROW("path_trace_enabled", "1", U8, port.path_trace_enabled, 1),
	ROW("ignore_transport_specific", "1", U8, port.ignore_sdo_id, 1),
	ROW("ignore_source_id", "1", U8, port.ignore_source_id, 1),
	ROW("inhibit_announce", "1", U8, port.inhibit_announce, 1),
	ROW("inhibit_delay_req", "1", U8, port.inhibit_delay_req, 1),
	ROW("logAnnounceInterval", "-3", I8, port.log_announce_interval, -3),
	ROW("logSyncInterval", "-4", I8, port.log_sync_interval, -4),
	ROW("logSyncInterval", "-128", I8, port.log_sync_interval, -128),
	ROW("logSyncInterval", "127", I8, port.log_sync_interval, 127),
	ROW("logMinDelayReqInterval", "-5", I8, port.log_min_delay_req_interval, -5),
	ROW("delay_filter_length", "7", INT, port.delay_filter_length, 7),
	ROW("logMinPdelayReqInterval", "-6", I8, port.log_min_pdelay_req_interval, -6),
	ROW("announceReceiptTimeout", "5", U8, port.announce_receipt_timeout, 5),
	ROW("syncReceiptTimeout", "6", U8, port.sync_receipt_timeout, 6),
	ROW("delay_response_timeout", "7", U8, port.delay_response_timeout, 7),
	ROW("allowedLostResponses", "8", U8, port.allowed_lost_responses, 8),
	ROW("delay_request_variability", "0.25", DOUBLE, port.delay_request_variability, 0.25),
	ROW("freq_est_interval", "4", I8, port.freq_est_interval, 4),
	ROW("freq_est_interval", "2147483647", I8, port.freq_est_interval, 127),
	ROW("freq_est_interval", "-2147483648", I8, port.freq_est_interval, -128),
	ROW("tsproc_mode", "raw", INT, port.tsproc_mode, GNOMON_TSPROC_RAW),
	ROW("tsproc_mode", "filter_weight", INT, port.tsproc_mode, GNOMON_TSPROC_FILTER_WEIGHT),
	ROW("tsproc_mode", "raw_weight", INT, port.tsproc_mode, GNOMON_TSPROC_RAW_WEIGHT),
	ROW("delayAsymmetry", "11", NS, port.delay_asymmetry, 11),
	ROW("ingressLatency", "12", NS, port.ingress_latency, 12),
	ROW("egressLatency", "13", NS, port.egress_latency, 13),
	ROW("min_neighbor_prop_delay", "-14", NS, port.neighbor_prop_delay_min, -14),
	ROW("neighborPropDelayThresh", "15", NS, port.neighbor_prop_delay_max, 15),
	ROW("desired_state", "SLAVE", INT, port.desired_state, GNOMON_PORT_TIME_RECEIVER),
	ROW("desired_state", "PASSIVE", INT, port.desired_state, GNOMON_PORT_PASSIVE),

	ROW("ptp_dst_ipv4", "225.0.1.129", OCTETS, link.primary.octets, 225),
	ROW("p2p_dst_ipv4", "225.0.0.107", OCTETS, link.peer.octets, 225),
	ROW("udp6_scope", "5", U8, link.udp6_scope, 5),
	ROW("udp_ttl", "3", U8, link.udp_ttl, 3),
	ROW("dscp_event", "46", U8, link.dscp_event, 46),
	ROW("dscp_general", "34", U8, link.dscp_general, 34),
	ROW("event_port", "3190", U16, link.event_port, 3190),
	ROW("general_port", "3200", U16, link.general_port, 3200),
	ROW("share_ports", "1", U8, link.share_ports, 1),
	ROW("hwts_filter", "check", INT, link.hwts_filter, TIMESTAMPING_FILTER_CHECK),
	ROW("hwts_filter", "full", INT, link.hwts_filter, TIMESTAMPING_FILTER_FULL),
	ROW("check_fup_sync", "1", U8, link.software_stamps, 1),

	ROW("free_running", "1", U8, discipline.free_running, 1),
	ROW("step_window", "3", INT, discipline.step_window, 3),
	ROW("sanity_freq_limit", "5000", DOUBLE, discipline.sanity_freq_limit_ppb, 5000),
	ROW("path_asymmetry_bound", "70", DOUBLE, source.path_asymmetry_ns, 70),
	ROW("oscillator_drift_bound", "8", DOUBLE, discipline.drift_ppb_per_s, 8),
	ROW("max_frequency", "1000", DOUBLE, discipline.servo_config.max_frequency_ppb, 1000),
	ROW("first_step_threshold", "0.5", DOUBLE, discipline.servo_config.first_step_threshold,
	    0.5),
	ROW("step_threshold", "0.25", DOUBLE, discipline.servo_config.step_threshold, 0.25),
	ROW("pi_proportional_const", "0.5", DOUBLE, discipline.servo_config.pi_proportional_const,
	    0.5),
	ROW("pi_integral_const", "0.125", DOUBLE, discipline.servo_config.pi_integral_const, 0.125),
	ROW("pi_proportional_scale", "0.5", DOUBLE, discipline.servo_config.pi_proportional_scale,
	    0.5),
	ROW("pi_proportional_exponent", "-0.5", DOUBLE,
	    discipline.servo_config.pi_proportional_exponent, -0.5),
	ROW("pi_proportional_norm_max", "0.5", DOUBLE,
	    discipline.servo_config.pi_proportional_norm_max, 0.5),
	ROW("pi_integral_scale", "0.5", DOUBLE, discipline.servo_config.pi_integral_scale, 0.5),
	ROW("pi_integral_exponent", "0.5", DOUBLE, discipline.servo_config.pi_integral_exponent,
	    0.5),
	ROW("pi_integral_norm_max", "0.5", DOUBLE, discipline.servo_config.pi_integral_norm_max,
	    0.5),
	ROW("servo_num_offset_values", "4", INT, discipline.servo_config.num_offset_values, 4),
};

/* Octets of a form's value, and the value; an int64_t for what is not a double. */
static size_t form_value(enum form form, double want, void *value)
{
	const int64_t i = (int64_t)want;
	const int32_t i32 = (int32_t)i;
	const uint16_t u16 = (uint16_t)i;
	const uint8_t u8 = (uint8_t)i;

	switch (form) {
	case FORM_DOUBLE:
		memcpy(value, &want, sizeof(want));
		return sizeof(want);
	case FORM_NS:
		memcpy(value, &i, sizeof(i));
		return sizeof(i);
	case FORM_INT:
		memcpy(value, &i32, sizeof(i32));
		return sizeof(i32);
	case FORM_U16:
		memcpy(value, &u16, sizeof(u16));
		return sizeof(u16);
	case FORM_U8:
	case FORM_I8:
	case FORM_OCTETS:
		memcpy(value, &u8, sizeof(u8));
		return sizeof(u8);
	}
	return 0;
}

/* The members of all other keys are as they were. Not the whole struct: there is padding in it. */
static void check_others(const struct row *row, const void *before, const void *after)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *other = &rows[i];
		unsigned char unused[8];
		size_t size = form_value(other->form, 0, unused);

		if (strcmp(other->key, row->key) != 0 && other->offset != row->offset &&
		    memcmp((const char *)before + other->offset,
			   (const char *)after + other->offset, size) != 0) {
			fail_msg("%s changes what is for %s", row->key, other->key);
		}
	}
}

static void one_key_one_member(void **state)
{
	static struct made before;
	static struct made after;

	make(&before, NULL, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const char *key[][2] = { { row->key, row->value } };
		const char *was = (const char *)&before + row->offset;
		const char *is = (const char *)&after + row->offset;
		unsigned char want[8];
		size_t size = form_value(row->form, row->want, want);

		make(&after, key, 1);
		if (memcmp(was, is, size) == 0 || memcmp(is, want, size) != 0) {
			fail_msg("%s %s does not arrive", row->key, row->value);
		}
		check_others(row, &before, &after);
	}
}

/* -- keys that mean more than one thing ------------------------------------------------------- */

static void one_step(void **state)
{
	static const struct {
		const char *mode;
		bool sync;
		bool pdelay;
	} cases[] = {
		{ "hardware", false, false }, { "software", false, false },
		{ "legacy", false, false },   { "onestep", true, false },
		{ "p2p1step", true, true },
	};
	static struct made made;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *key[][2] = { { "time_stamping", cases[i].mode } };

		make(&made, key, 1);
		assert_int_equal(made.port.one_step_sync, cases[i].sync);
		assert_int_equal(made.port.one_step_pdelay, cases[i].pdelay);
		assert_int_equal(made.discipline.servo_config.software_timestamps, i == 1);
		assert_string_equal(timestamping_mode_name(made.link.timestamping), cases[i].mode);
	}
}

static void client_only(void **state)
{
	const char *client[][2] = { { "clientOnly", "1" }, { "clockClass", "6" } };
	const char *fixed[][2] = { { "clientOnly", "1" }, { "external_port_configuration", "1" } };
	static struct made made;

	make(&made, client, 2);
	assert_true(made.engine.time_receiver_only);
	assert_int_equal(made.engine.clock_quality.clock_class, 255);
	make(&made, fixed, 2);
	assert_false(made.engine.time_receiver_only);
}

static void transports(void **state)
{
	const char *l2[][2] = { { "network_transport", "L2" },
				{ "ptp_dst_mac", "01:80:c2:00:00:0e" },
				{ "p2p_dst_mac", "01:1b:19:00:00:01" },
				{ "socket_priority", "4" } };
	const char *ipv6[][2] = { { "network_transport", "UDPv6" },
				  { "ptp_dst_ipv6", "ff05::1" },
				  { "p2p_dst_ipv6", "ff02::2" },
				  { "socket_priority", "4" } };
	static struct made made;

	make(&made, l2, 4);
	assert_int_equal(made.link.transport, GNOMON_NETWORK_IEEE_802_3);
	assert_int_equal(made.link.primary.octets[5], 0x0e);
	assert_int_equal(made.link.peer.octets[5], 0x01);
	assert_int_equal(made.link.socket_priority, 4);
	make(&made, ipv6, 4);
	assert_int_equal(made.link.transport, GNOMON_NETWORK_UDP_IPV6);
	assert_int_equal(made.link.primary.octets[1], 0x05);
	assert_int_equal(made.link.peer.octets[15], 0x02);
	assert_int_equal(made.link.socket_priority, 0); /* of L2 sockets only, as in ptp4l */
}

static void filters(void **state)
{
	const char *average[][2] = { { "delay_filter", "moving_average" } };
	const char *stable[][2] = { { "servo_offset_threshold", "90" } };
	const char *memory[][2] = { { "delay_filter_length", "6" },
				    { "logMinDelayReqInterval", "-1" } };
	static struct made made;

	make(&made, NULL, 0);
	assert_ptr_equal(made.port.delay_filter, gnomon_filter_find("moving_median"));
	assert_ptr_equal(made.discipline.servo, gnomon_servo_find("pi"));
	assert_true(made.discipline.servo_config.max_frequency_ppb == sim_clock.max_frequency_ppb);
	make(&made, average, 1);
	assert_ptr_equal(made.port.delay_filter, gnomon_filter_find("moving_average"));
	make(&made, stable, 1);
	assert_int_equal(made.discipline.servo_config.offset_threshold_ns, 90);
	make(&made, memory, 2);
	assert_true(made.source.delay_memory_s == 3.0);
}

/* -- time stamps ------------------------------------------------------------------------------ */

/* A boundary clock whose ports and clock are chosen; nothing is opened. */
struct chosen {
	struct conf conf;
	struct daemon d;
	struct instance *in;
	struct log log;
	int result;
	struct driver_error error;
};

static void choose_all(struct chosen *c, const char *text)
{
	struct conf_text file = { (char *)text, strlen(text), "t.conf" };
	struct conf_error error = { "" };

	memset(c, 0, sizeof(*c));
	assert_int_equal(conf_init(&c->conf, true), 0);
	assert_int_equal(conf_parse_global(&c->conf, &file, &error), 0);
	assert_int_equal(conf_parse_ports(&c->conf, &file, &error), 0);
	if (conf_validate(&c->conf, &error) != 0) {
		fail_msg("%s", error.text);
	}
	c->conf.verbose = c->conf.use_syslog = 0;
	log_init(&c->log, "test", &c->conf);
	assert_int_equal(join(&c->d, &c->conf, &c->log), 0);
	c->in = &c->d.instances[0];
	assert_int_equal(ports_init(&c->in->ports, &c->error), 0);
	for (size_t i = 0; c->result == 0 && i < c->in->ports.count; i++) {
		c->result = port_choose(&c->in->ports, &c->in->ports.list[i], &c->error);
	}
}

static void forget(struct chosen *c)
{
	c->d.keeper.clock = NULL;
	daemon_destroy(&c->d);
	log_finish(&c->log);
	conf_finish(&c->conf);
	memset(machine, 0, sizeof(machine));
}

/* "hardware software soft": the ports' modes, and the kind of clock. */
static const char *summary(const struct chosen *c)
{
	static char text[128];
	static const char *const clocks[] = { "auto", "ptp4l", "phc", "system", "soft" };
	const struct port *port = hardware_port(&c->d);
	enum conf_clock clock = clock_to_keep(&c->d);
	size_t len = 0;

	for (size_t i = 0; i < c->in->ports.count; i++) {
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s ",
			timestamping_mode_name(c->in->ports.list[i].stamping.mode));
	}
	snprintf(text + len, sizeof(text) - len, "%s", clocks[clock]);
	if (clock == CONF_CLOCK_PHC && port && !c->conf.phc_device[0]) {
		snprintf(text + len, sizeof(text) - len, "ptp%d", port->stamping.keep_index);
	}
	return text;
}

/* Which interfaces there are: by what they can do. */
static void plug_all(void)
{
	plug(0, "two", SOFTWARE | HARDWARE, TX_TWO, 1);
	plug(1, "one", SOFTWARE | HARDWARE, TX_ALL, 2);
	plug(2, "soft", SOFTWARE, 0, -1);
	plug(3, "old", SOFTWARE | LEGACY, TX_TWO, -1);
}

static void stamps_by_port(void **state)
{
	static const struct {
		const char *text;
		const char *chosen;
	} cases[] = {
		{ "[two]\n", "hardware ptp1" },
		{ "[soft]\n", "software soft" },
		{ "[old]\n", "legacy soft" },
		{ "[soft]\n[two]\n[old]\n", "software hardware legacy ptp1" },
		{ "[two]\n[one]\n", "hardware hardware ptp1" },
		{ "[one]\n[two]\n", "hardware hardware ptp2" },
		{ "[two]\ntime_stamping software\n[one]\n", "software hardware ptp2" },
		{ "[global]\ntime_stamping software\n[two]\n[one]\ntime_stamping hardware\n",
		  "software hardware ptp2" },
		{ "[global]\nclock soft\n[two]\n[old]\n", "software legacy soft" },
		{ "[global]\nclock system\n[two]\n", "software system" },
		{ "[global]\nclock ptp4l\n[soft]\n", "software system" },
		{ "[global]\nclock ptp4l\n[soft]\n[one]\n", "software hardware ptp2" },
		{ "[global]\nclock phc\n[soft]\n[one]\n", "software hardware ptp2" },
		{ "[global]\nphc_device /dev/ptp7\n[soft]\n", "software phc" },
		{ "[global]\nphc_device /dev/ptp7\ntime_stamping software\n[two]\n",
		  "software soft" },
		{ "[global]\ntwoStepFlag 0\n[two]\n[one]\n[soft]\n",
		  "hardware onestep software ptp1" },
		{ "[global]\ntwoStepFlag 0\ndelay_mechanism P2P\n[two]\n[one]\n",
		  "hardware p2p1step ptp1" },
		{ "[two]\nphc_index 5\n", "hardware ptp5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chosen c;

		plug_all();
		choose_all(&c, cases[i].text);
		if (c.result != 0 || strcmp(summary(&c), cases[i].chosen) != 0) {
			fail_msg("%s gives %s, not %s (%s)", cases[i].text, summary(&c),
				 cases[i].chosen, c.error.text);
		}
		forget(&c);
	}
}

/* What is asked for by name is not replaced by something less. */
static void stamps_refused(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "[soft]\ntime_stamping hardware\n", "soft: no hardware time stamping" },
		{ "[two]\n[old]\ntime_stamping hardware\n", "old: time_stamping hardware is not" },
		{ "[two]\ntime_stamping legacy\n", "two: time_stamping legacy is not" },
		{ "[one]\n[two]\ntime_stamping onestep\n", "two: cannot do time_stamping onestep" },
		{ "[global]\ntwoStepFlag 0\n[two]\ntime_stamping hardware\n", "two: cannot do" },
		{ "[gone]\n", "gone: no such network interface" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chosen c;

		plug_all();
		choose_all(&c, cases[i].text);
		assert_int_not_equal(c.result, 0);
		if (strstr(c.error.text, cases[i].words) != c.error.text) {
			fail_msg("\"%s\" does not begin with \"%s\"", c.error.text, cases[i].words);
		}
		forget(&c);
	}
}

/* A virtual clock is kept, and its PHC stamps. */
static void virtual_clock(void **state)
{
	struct chosen c;

	(void)state;
	plug_all();
	choose_all(&c, "[two]\nphc_index 5\n");
	assert_int_equal(c.in->ports.list[0].stamping.keep_index, 5);
	assert_int_equal(c.in->ports.list[0].stamping.phc_index, 1);
	forget(&c);
	/* Of an interface that does not tell its clock there is but one. */
	plug_all();
	plug(0, "two", SOFTWARE | HARDWARE, TX_TWO, -1);
	choose_all(&c, "[two]\nphc_index 5\n");
	assert_int_equal(c.in->ports.list[0].stamping.mode, TIMESTAMPING_HARDWARE);
	assert_int_equal(c.in->ports.list[0].stamping.phc_index, 5);
	forget(&c);
}

static void says_why(void **state)
{
	struct chosen c;

	(void)state;
	plug_all();
	plug(3, "blind", SOFTWARE | HARDWARE, TX_TWO, -1);
	choose_all(&c, "[global]\ntwoStepFlag 0\n[one]\n[two]\n[soft]\n[blind]\n");
	assert_string_equal(c.in->ports.list[0].stamping.why.text, "");
	assert_string_equal(c.in->ports.list[1].stamping.why.text,
			    "two: cannot send in one step, goes on in two");
	assert_string_equal(c.in->ports.list[2].stamping.why.text,
			    "soft: no hardware time stamping of sent packets; use time_stamping "
			    "software");
	assert_non_null(strstr(c.in->ports.list[3].stamping.why.text, "has no PTP hardware clock"));
	assert_int_equal(c.in->ports.list[3].stamping.mode, TIMESTAMPING_SOFTWARE);
	forget(&c);
	/* No reason is given for what was asked for. */
	plug_all();
	choose_all(&c, "[soft]\ntime_stamping software\n");
	assert_string_equal(c.in->ports.list[0].stamping.why.text, "");
	forget(&c);
}

/* Another card under the same name, while the clock and the engine stay what they are. */
static void chooses_again(void **state)
{
	struct chosen c;
	struct port *port = NULL;

	(void)state;
	plug_all();
	choose_all(&c, "[soft]\n");
	c.d.keeper.clock = &sim_clock;
	assert_int_equal(build_engine(c.in), 0);
	c.in->ports.engine = c.in->engine;
	port = &c.in->ports.list[0];
	plug(2, "soft", SOFTWARE | HARDWARE, TX_ALL, 3);
	assert_int_equal(choose_again(&c.in->ports, port, "soft", &c.error), 0);
	assert_int_equal(port->stamping.mode, TIMESTAMPING_SOFTWARE); /* the clock is no PHC */
	plug(2, "soft", SOFTWARE | LEGACY, TX_TWO, -1);
	assert_int_equal(choose_again(&c.in->ports, port, "soft", &c.error), 0);
	assert_int_equal(port->stamping.mode, TIMESTAMPING_LEGACY);
	/* One that does not do stays out, and what was chosen before is kept. */
	plug(2, "soft", 0, 0, -1);
	assert_int_equal(choose_again(&c.in->ports, port, "soft", &c.error), -EOPNOTSUPP);
	assert_int_equal(port->stamping.mode, TIMESTAMPING_LEGACY);
	forget(&c);
}

/* The engine learns whether the port that stamps now writes the time into messages. */
static void steps_again(void **state)
{
	struct driver_error error = { "" };
	struct gnomon_default_ds ds;
	struct chosen c;

	(void)state;
	plug_all();
	choose_all(&c, "[global]\ntwoStepFlag 0\n[two]\n");
	c.d.keeper.clock = &phc_clock;
	assert_int_equal(build_engine(c.in), 0);
	c.in->ports.engine = c.in->engine;
	for (int i = 0; i < 2; i++) {
		gnomon_engine_default_ds(c.in->engine, &ds);
		assert_true(ds.two_step_flag);
		plug(0, "two", SOFTWARE | HARDWARE, TX_ALL, 1);
		assert_int_equal(choose_again(&c.in->ports, c.in->ports.list, "two", &error), 0);
		assert_int_equal(c.in->ports.list[0].stamping.mode, TIMESTAMPING_ONESTEP);
		gnomon_engine_default_ds(c.in->engine, &ds);
		assert_false(ds.two_step_flag);
		plug(0, "two", SOFTWARE | HARDWARE, TX_TWO, 1);
		assert_int_equal(choose_again(&c.in->ports, c.in->ports.list, "two", &error), 0);
		assert_int_equal(c.in->ports.list[0].stamping.mode, TIMESTAMPING_HARDWARE);
	}
	forget(&c);
}

/* The servo is tuned for the stamps of ports that may receive. */
static void servo_stamps(void **state)
{
	static const struct {
		const char *text;
		bool software;
	} cases[] = {
		{ "[two]\n", false },
		{ "[soft]\n", true },
		{ "[two]\n[soft]\n", true },
		{ "[two]\n[soft]\nserverOnly 1\n", false },
		{ "[two]\nserverOnly 1\n[soft]\n", true },
		{ "[global]\nexternal_port_configuration 1\n[two]\ndesired_state SLAVE\n[soft]\n",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chosen c;

		plug_all();
		choose_all(&c, cases[i].text);
		assert_int_equal(instance_receives_software_stamps(c.in), cases[i].software);
		forget(&c);
	}
}

static void no_phc(void **state)
{
	struct gnomon_clock *clock = NULL;
	struct chosen c;

	(void)state;
	plug_all();
	choose_all(&c, "[global]\nclock phc\n[soft]\n");
	assert_int_equal(open_phc(&c.d, &clock, &c.error), -ENODEV);
	assert_string_equal(c.error.text, "clock phc: there is none: soft: no hardware time "
					  "stamping of sent packets; use time_stamping software");
	assert_null(clock);
	forget(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/instance/one_key_one_member", one_key_one_member, NULL, NULL, NULL },
		{ "/gnomond/instance/one_step", one_step, NULL, NULL, NULL },
		{ "/gnomond/instance/client_only", client_only, NULL, NULL, NULL },
		{ "/gnomond/instance/transports", transports, NULL, NULL, NULL },
		{ "/gnomond/instance/filters", filters, NULL, NULL, NULL },
		{ "/gnomond/instance/stamps_by_port", stamps_by_port, NULL, NULL, NULL },
		{ "/gnomond/instance/stamps_refused", stamps_refused, NULL, NULL, NULL },
		{ "/gnomond/instance/virtual_clock", virtual_clock, NULL, NULL, NULL },
		{ "/gnomond/instance/says_why", says_why, NULL, NULL, NULL },
		{ "/gnomond/instance/chooses_again", chooses_again, NULL, NULL, NULL },
		{ "/gnomond/instance/steps_again", steps_again, NULL, NULL, NULL },
		{ "/gnomond/instance/servo_stamps", servo_stamps, NULL, NULL, NULL },
		{ "/gnomond/instance/no_phc", no_phc, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/instance", tests, NULL, NULL);
}
