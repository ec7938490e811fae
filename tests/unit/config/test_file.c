/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files: what is taken, and the one line that says why another is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/config/texts.h"
#include "tests/unit/seed.h"

static int load(struct conf *conf, const char *content, struct conf_error *error)
{
	return load_as(conf, true, content, error);
}

#define S "time_stamping software\n"

/* A text and the message it is refused with. */
static const struct {
	const char *text;
	const char *message;
} refused[] = {
	{ "[global]\nfoo 1\n", "t.conf:2: key 'foo': unknown; see gnomon.conf(5) for the keys "
			       "there are" },
	{ "[eth0]\n\n# x\n bar 1", "t.conf:4: key 'bar': unknown; see gnomon.conf(5) for the keys "
				   "there are" },
	{ "[global]\nlogSyncIntervall 1\n", "t.conf:2: key 'logSyncIntervall': unknown; did you "
					   "mean logSyncInterval?" },
	{ "priority1 1\n", "t.conf:1: 'priority1 1' stands before any section; put [global] above "
			   "it" },
	{ "[global]\npriority1\n", "t.conf:2: key 'priority1': no value; write one behind it" },
	{ "[global]\npriority1   \n", "t.conf:2: key 'priority1': no value; write one behind it" },
	{ "[global]\npriority1 1 2\n", "t.conf:2: key 'priority1': '1 2' is not a whole number; "
				       "write one" },
	{ "[global]\npriority1 3 # x\n", "t.conf:2: key 'priority1': '3 # x' is not a whole "
					 "number; write one" },
	{ "[global]\npriority1 300\n", "t.conf:2: key 'priority1': 300 is out of range; write 0 to "
				       "255" },
	{ "[global]\nfault_reset_interval soon\n", "t.conf:2: key 'fault_reset_interval': 'soon' "
						   "is not a whole number; write one or ASAP" },
	{ "[global]\nstep_threshold -1\n", "t.conf:2: key 'step_threshold': -1 is out of range; "
					   "write 0 or more" },
	{ "[global]\npi_integral_norm_max 0\n", "t.conf:2: key 'pi_integral_norm_max': 0 is out of "
						"range; write more than 0, up to 2" },
	{ "[global]\nstep_threshold 1ms\n", "t.conf:2: key 'step_threshold': '1ms' is not a "
					    "number; write one" },
	{ "[global]\nnetwork_transport udp\n", "t.conf:2: key 'network_transport': 'udp' is not "
					       "one of its values; write L2, UDPv4 or "
					       "UDPv6" },
	{ "[global]\nclock_type P2P_TC\n", "t.conf:2: key 'clock_type': P2P_TC is not supported "
					   "yet; write OC or BC" },
	{ "[global]\ndelay_mechanism COMMON_P2P\n",
	  "t.conf:2: key 'delay_mechanism': COMMON_P2P is not supported yet; write Auto, E2E, P2P "
	  "or NONE" },
	{ "[global]\nunicast_listen 1\n", "t.conf:2: key 'unicast_listen' is not supported yet; "
					  "remove it, or write 0" },
	{ "[global]\nsa_file /etc/sa\n", "t.conf:2: key 'sa_file' is not supported yet; remove it, "
					 "or write \"\"" },
	{ "[global]\nptp_dst_mac 01:02\n", "t.conf:2: key 'ptp_dst_mac': '01:02' is malformed; "
					   "write six octets, like "
					   "01:1B:19:00:00:00" },
	{ "[global]\nclockIdentity 1\n", "t.conf:2: key 'clockIdentity': '1' is malformed; write a "
					 "clock identity, like "
					 "0c42a1.fffe.6d7ca6" },
	{ "[global\npriority1 3\n", "t.conf:1: '[global' is no section; write [global] or "
				    "[interface]" },
	{ "[global] x\n", "t.conf:1: '[global] x' is no section; write [global] or [interface]" },
	{ "[]\n", "t.conf:1: '[]' is no section; write [global] or [interface]" },
	{ "[averyverylonginterface]\n", "t.conf:1: section [averyverylonginterface]: that cannot "
					"be the name of an interface; "
					"correct it" },
	{ "[/dev/ptp0]\n", "t.conf:1: section [/dev/ptp0]: that cannot be the name of an "
			   "interface; correct it" },
	{ "[unicast_master_table]\ntable_id 1\n", "t.conf:1: section [unicast_master_table] is not "
						  "supported yet; remove it" },
	{ "[eth0]\npriority1 3\n", "t.conf:2: key 'priority1': not a key of a port; move it to "
				   "[global]" },
	{ "[eth0]\n[eth1]\n[eth0]\n", "t.conf:3: section [eth0]: the interface has a section in "
				      "line 1 already; join them" },
	{ "[global]\n", "no interface to run on; name one with -i, or in a [section] of the file "
	  "([source NAME] or [sync NAME] would do as well)" },
	{ "", "no interface to run on; name one with -i, or in a [section] of the file "
	  "([source NAME] or [sync NAME] would do as well)" },
	{ "[global]\nevent_port 320\n[eth0]\n", "key 'general_port': 320 is the event port too; "
						"give them different ports" },
	{ "[global]\ntime_stamping hardware\nclock soft\n[eth0]\n",
	  "t.conf:4: key 'clock': soft needs software time stamps on eth0; set time_stamping "
	  "software (-S)" },
	{ "[global]\nclock system\n[eth0]\n[eth1]\ntime_stamping onestep\n",
	  "t.conf:4: key 'clock': system needs software time stamps on eth1; set time_stamping "
	  "software (-S)" },
	{ "[global]\nclock phc\n" S "[eth0]\n", "key 'clock': phc needs hardware time stamps; set "
						"time_stamping hardware (-H), or phc_device" },
	{ "[global]\n" S "twoStepFlag 0\n[eth0]\n", "t.conf:4: key 'twoStepFlag': 0 needs hardware "
						    "time stamps on eth0; set it to 1" },
	{ "[global]\nclock soft\ntwoStepFlag 0\n[eth0]\n",
	  "t.conf:4: key 'twoStepFlag': 0 needs hardware time stamps on eth0; set it to 1" },
	{ "[global]\ntime_stamping p2p1step\n[eth0]\ndelay_mechanism P2P\n[eth1]\n",
	  "t.conf:5: key 'time_stamping': p2p1step needs delay_mechanism P2P on eth1; set it" },
	{ "[eth0]\n[eth1]\ntransportSpecific 1\n", "t.conf:2: key 'transportSpecific': eth1 has 1, "
						   "eth0 has 0; give all ports the same" },
	{ "[eth0]\nBMCA noop\n", "t.conf:1: key 'BMCA': eth0 has no role; set serverOnly or "
				 "clientOnly to 1" },
	{ "[eth0]\nBMCA noop\nserverOnly 1\n[eth1]\n", "t.conf:4: key 'BMCA': eth1 and eth0 "
						       "differ; give all ports the same" },
	{ "[global]\nlogSyncInterval 128\n", "t.conf:2: key 'logSyncInterval': 128 is out of "
					     "range; write -128 to 127" },
	{ "[global]\nslaveOnly 1\n[eth0]\nmasterOnly 1\n",
	  "t.conf:3: key 'serverOnly': eth0 can take no role beside clientOnly 1; remove one" },
};

static void messages(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct conf conf;
		struct conf_error error = { "" };

		assert_int_not_equal(load(&conf, refused[i].text, &error), 0);
		assert_string_equal(error.text, refused[i].message);
		assert_null(strchr(error.text, '\n'));
		conf_finish(&conf);
	}
}

static void sections_and_defaults(void **state)
{
	static const char text[] = "\n  [eth0]\t\n"
				   "logSyncInterval -3\n"
				   "[global]\n"
				   "# a comment\n"
				   "\tlogSyncInterval\t \t-2  \r\n"
				   "logAnnounceInterval 0\n"
				   "priority1 1\n"
				   "priority1 2\n"
				   "[eth1]\n"
				   "masterOnly 1\n"
				   "[global]\n"
				   "domainNumber 24";
	struct conf conf;
	struct conf_error error;

	assert_int_equal(load(&conf, text, &error), 0);
	assert_int_equal(conf.port_count, 2);
	assert_string_equal(conf.ports[0].name, "eth0");
	assert_int_equal(conf.ports[0].conf.log_sync_interval, -3);
	assert_int_equal(conf.ports[0].conf.log_announce_interval, 0);
	assert_int_equal(conf.ports[0].conf.server_only, 0);
	assert_int_equal(conf.ports[1].conf.log_sync_interval, -2);
	assert_int_equal(conf.ports[1].conf.server_only, 1);
	assert_int_equal(conf.priority1, 2);
	assert_int_equal(conf.domain_number, 24);
	assert_int_equal(conf.clock_type, CONF_CLOCK_BC);
	conf_finish(&conf);
}

static void one_step_by_flag(void **state)
{
	struct conf conf;
	struct conf_error error;

	assert_int_equal(load(&conf, "[global]\ntwoStepFlag 0\ntime_stamping hardware\n[eth0]\n",
			      &error),
			 0);
	assert_int_equal(conf.ports[0].conf.time_stamping, CONF_STAMP_ONESTEP);
	conf_finish(&conf);
	/* auto finds out whether it can. */
	assert_int_equal(load(&conf, "[global]\ntwoStepFlag 0\n[eth0]\n", &error), 0);
	assert_int_equal(conf.ports[0].conf.time_stamping, CONF_STAMP_AUTO);
	conf_finish(&conf);
	assert_int_equal(load(&conf, "[global]\ntime_stamping onestep\n[eth0]\n", &error), 0);
	assert_int_equal(conf.two_step_flag, 0);
	conf_finish(&conf);
	assert_int_equal(load(&conf, "[eth0]\ntime_stamping onestep\n[eth1]\n", &error), 0);
	assert_int_equal(conf.two_step_flag, 1);
	conf_finish(&conf);
}

/* [global] is what ports have that say nothing else. */
static void stamping_by_port(void **state)
{
	struct conf conf;
	struct conf_error error;

	assert_int_equal(load(&conf, "[global]\n" S "[eth0]\n[eth1]\ntime_stamping hardware\n",
			      &error),
			 0);
	assert_int_equal(conf.ports[0].conf.time_stamping, CONF_STAMP_SOFTWARE);
	assert_int_equal(conf.ports[1].conf.time_stamping, CONF_STAMP_HARDWARE);
	conf_finish(&conf);
	assert_int_equal(load(&conf, "[global]\nclock phc\nphc_device /dev/ptp7\n" S "[eth0]\n",
			      &error),
			 0);
	conf_finish(&conf);
}

static void static_roles(void **state)
{
	struct conf conf;
	struct conf_error error;

	assert_int_equal(load(&conf,
			      "[global]\nBMCA noop\nclientOnly 1\n[eth0]\n[eth1]\nserverOnly 1\n",
			      &error),
			 0);
	assert_int_equal(conf.external_port_configuration, 1);
	assert_int_equal(conf.ports[0].conf.desired_state, CONF_STATE_TIME_RECEIVER);
	assert_int_equal(conf.ports[1].conf.desired_state, CONF_STATE_TIME_TRANSMITTER);
	conf_finish(&conf);
}

static void long_lines(void **state)
{
	char text[CONF_LINE_MAX + 64];
	struct conf conf;
	struct conf_error error;

	memset(text, 'x', sizeof(text));
	memcpy(text, "[global]\n", 9);
	text[sizeof(text) - 1] = '\0';
	assert_int_not_equal(load(&conf, text, &error), 0);
	assert_string_equal(error.text,
			    "t.conf:2: the line is longer than 1023 octets; shorten it");
	conf_finish(&conf);
}

static void unreadable(void **state)
{
	char path[] = "/tmp/gnomon-test-XXXXXX";
	struct conf_text text;
	struct conf_error error;
	int fd;

	assert_int_not_equal(conf_text_read(&text, "/nonexistent/x.conf", &error), 0);
	assert_string_equal(error.text, "cannot read '/nonexistent/x.conf': No such file or "
					"directory; check the path given with -f");
	assert_int_not_equal(conf_text_read(&text, "/", &error), 0);
	assert_string_equal(error.text,
			    "cannot read '/': Is a directory; give -f a configuration file");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a\0b", 3), 3);
	assert_int_not_equal(conf_text_read(&text, path, &error), 0);
	assert_non_null(strstr(error.text, "not a text file"));
	assert_int_equal(ftruncate(fd, CONF_FILE_MAX + 1), 0);
	assert_int_not_equal(conf_text_read(&text, path, &error), 0);
	assert_non_null(strstr(error.text, "longer than 1 MiB"));
	close(fd);
	unlink(path);
}

/* -- printing --------------------------------------------------------------------------------- */

/* Everything that can be set away from its default comes back from what is printed. */
static void print_round_trip(void **state)
{
	static const char text[] =
		"[global]\npriority1 1\nstep_threshold 0.1\npi_integral_const 0.123456789012345\n"
		"clockIdentity 0c42a1.fffe.6d7ca6\nfault_badpeernet_interval 8\n"
		"message_tag x  y\nsoft_clock_offset -1e-9\n" S
		"clock soft\nptp_dst_ipv6 FF0E::182\nuser \"\"\n"
		"[eth0]\nlogSyncInterval -7\nfault_reset_interval ASAP\nptp_dst_mac 1:2:3:4:5:6\n"
		"[eth1]\ndelay_mechanism NONE\nnetwork_transport L2\n";
	struct conf first;
	struct conf second;
	struct conf_error error = { "" };
	struct buffer a = { NULL, 0 };
	struct buffer b = { NULL, 0 };

	assert_int_equal(load(&first, text, &error), 0);
	assert_int_equal(conf_print(&first, append, &a), 0);
	assert_int_equal(load(&second, a.data, &error), 0);
	assert_string_equal(error.text, "");
	assert_int_equal(conf_print(&second, append, &b), 0);
	assert_string_equal(a.data, b.data);
	assert_true(second.soft_clock_offset == -1e-9);
	assert_string_equal(second.message_tag, "x  y");
	assert_int_equal(second.defaults.fault_badpeernet_interval, 8);
	assert_true(second.pi_integral_const == 0.123456789012345);
	assert_int_equal(second.ports[0].conf.fault_reset_interval, -128);
	assert_int_equal(second.ports[1].conf.delay_mechanism, CONF_DELAY_NONE);
	free(a.data);
	free(b.data);
	conf_finish(&first);
	conf_finish(&second);
}

/* The defaults as a file: a change to any of them is a change to what people run. */
static void print_golden(void **state)
{
	const char *root = getenv("GNOMON_SOURCE_ROOT");
	char path[512];
	struct conf conf;
	struct conf_error error;
	struct conf_text golden;
	struct buffer b = { NULL, 0 };

	if (!root) {
		skip();
	}
	snprintf(path, sizeof(path), "%s/tests/golden/gnomond-defaults.conf", root);
	assert_int_equal(conf_text_read(&golden, path, &error), 0);
	assert_int_equal(load(&conf, "[eth0]\nserverOnly 1\n", &error), 0);
	assert_int_equal(conf_print(&conf, append, &b), 0);
	assert_string_equal(b.data, golden.data);
	conf_text_finish(&golden);
	free(b.data);
	conf_finish(&conf);
}

/* -- garbage ---------------------------------------------------------------------------------- */

/* Whatever the text, it is taken or refused with one line. */
static void garbage(void **state)
{
	static const char seed_text[] =
		"[global]\npriority1 1\nstep_threshold 0.1\nclockIdentity 0c42a1.fffe.6d7ca6\n"
		"uds_address \"\"\nptp_dst_ipv6 FF0E::182\nptp_dst_mac 1:2:3:4:5:6\n[eth0]\n"
		"logSyncInterval -7\nfault_reset_interval ASAP\n[eth1]\ndelay_mechanism P2P\n";
	static const char alphabet[] = "[]#\n\t =:.-+0123456789abcdefxP\"%\x7f\xff";
	char text[sizeof(seed_text)];
	struct seed seed = seed_start("garbage");

	for (int round = 0; round < 20000; round++) {
		struct conf conf;
		struct conf_error error = { "" };
		int r;

		memcpy(text, seed_text, sizeof(text));
		seed_spoil(&seed, text, sizeof(text) - 1, alphabet, 8);
		r = load(&conf, text, &error);
		assert_true((r == 0) == (error.text[0] == '\0'));
		assert_null(strchr(error.text, '\n'));
		conf_finish(&conf);
	}
}

/* -- files of others -------------------------------------------------------------------------- */

/* linuxptp's own files load as they are, or are refused for the first key not supported yet. */
static void linuxptp_files(void **state)
{
	static const struct {
		const char *file;
		const char *refused; /* part of the message; NULL: loads */
	} files[] = {
		{ "/etc/linuxptp/ptp4l.conf", NULL },
		{ "/usr/share/doc/linuxptp/configs/default.cfg", NULL },
		{ "/usr/share/doc/linuxptp/configs/ts2phc-TC.cfg", NULL },
		{ "/usr/share/doc/linuxptp/configs/ts2phc-generic.cfg", NULL },
		{ "/usr/share/doc/linuxptp/configs/E2E-TC.cfg", "'tc_spanning_tree'" },
		{ "/usr/share/doc/linuxptp/configs/P2P-TC.cfg", "'tc_spanning_tree'" },
		{ "/usr/share/doc/linuxptp/configs/G.8265.1.cfg", "'hybrid_e2e'" },
		{ "/usr/share/doc/linuxptp/configs/G.8275.1.cfg", "'dataset_comparison'" },
		{ "/usr/share/doc/linuxptp/configs/G.8275.2.cfg", "'dataset_comparison'" },
		{ "/usr/share/doc/linuxptp/configs/UNICAST-MASTER.cfg", "'hybrid_e2e'" },
		{ "/usr/share/doc/linuxptp/configs/UNICAST-SLAVE.cfg", "'unicast_req_duration'" },
		{ "/usr/share/doc/linuxptp/configs/automotive-master.cfg", "'follow_up_info'" },
		{ "/usr/share/doc/linuxptp/configs/automotive-slave.cfg", "'follow_up_info'" },
		{ "/usr/share/doc/linuxptp/configs/gPTP.cfg", "'follow_up_info'" },
	};

	if (access("/usr/share/doc/linuxptp/configs", R_OK) != 0) {
		print_message("linuxptp is not installed\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct conf conf;
		struct conf_text text = { NULL, 0, NULL };
		struct conf_error error = { "" };
		int r;

		assert_int_equal(conf_text_read(&text, files[i].file, &error), 0);
		assert_int_equal(conf_init(&conf, false), 0);
		r = conf_parse_global(&conf, &text, &error);
		assert_true((r != 0) == (files[i].refused != NULL));
		if (files[i].refused) {
			assert_non_null(strstr(error.text, files[i].refused));
			assert_non_null(strstr(error.text, "not supported yet"));
		} else {
			assert_int_equal(conf_parse_ports(&conf, &text, &error), 0);
		}
		conf_text_finish(&text);
		conf_finish(&conf);
	}
}

/* ptp4l does not look at the case of words and of [global], and its files rely on it. */
static void any_case(void **state)
{
	static const char text[] = "[Global]\nnetwork_transport udpv4\ndelay_mechanism p2p\n" S
				   "[eth0]\nnetwork_transport l2\n";
	struct conf_error error = { "" };
	struct conf conf;

	assert_int_equal(load(&conf, text, &error), 0);
	assert_int_equal(conf.port_count, 1);
	assert_int_equal(conf.ports[0].conf.network_transport, CONF_NET_L2);
	assert_int_equal(conf.ports[0].conf.delay_mechanism, CONF_DELAY_P2P);
	conf_finish(&conf);
	assert_int_equal(load(&conf, "[global]\nclock_type p2p_tc\n", &error), -EINVAL);
	assert_non_null(strstr(error.text, "P2P_TC is not supported yet"));
	conf_finish(&conf);
}

/* Intervals that are taken as ptp4l takes them but cannot be kept are named, each once. */
static void intervals_beyond(void **state)
{
	static const struct {
		const char *text;
		const char *beyond;
	} cases[] = {
		{ "[global]\nlogSyncInterval -10\nlogAnnounceInterval 33\n" S "[eth0]\n", "" },
		{ "[global]\nlogSyncInterval -11\n" S "[eth0]\n[eth1]\n", "logSyncInterval" },
		/* No port has what [global] says. */
		{ "[global]\nlogSyncInterval -11\n" S "[eth0]\nlogSyncInterval 0\n", "" },
		{ "[global]\n" S "[eth0]\nlogAnnounceInterval 34\n"
		  "[eth1]\nfreq_est_interval -2147483648\n",
		  "logAnnounceInterval freq_est_interval" },
		{ "[global]\n" S "[eth0]\nfault_reset_interval asap\n", "" },
		{ "[global]\n" S "[eth0]\nlogAnnounceInterval 127\nlogSyncInterval 127\n"
		  "logMinDelayReqInterval 127\nlogMinPdelayReqInterval 127\n"
		  "freq_est_interval 127\n",
		  "logAnnounceInterval logSyncInterval logMinDelayReqInterval "
		  "logMinPdelayReqInterval freq_est_interval" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_error error = { "" };
		struct conf conf;

		assert_int_equal(load(&conf, cases[i].text, &error), 0);
		assert_string_equal(conf.beyond, cases[i].beyond);
		conf_finish(&conf);
	}
}

/* What hands offsets of the system clock over keeps no clock, and needs stamps by that one. */
static void hands_over(void **state)
{
	static const struct {
		const char *text;
		const char *wrong; /* NULL: nothing */
	} cases[] = {
		{ "[global]\nclock_servo ntpshm\n" S "[eth0]\n", NULL },
		{ "[global]\nclock_servo refclock_sock\nclock system\n" S "[eth0]\n", NULL },
		{ "[global]\nclock_servo ntpshm\nclock soft\n" S "[eth0]\n",
		  "ntpshm is for the system clock, not for clock soft; set clock system" },
		{ "[global]\nclock_servo ntpshm\nclock phc\n" S "[eth0]\n", "not for clock phc" },
		{ "[global]\nclock_servo ntpshm\n[eth0]\ntime_stamping hardware\n",
		  "ntpshm needs software time stamps on eth0; set time_stamping software (-S)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_error error = { "" };
		struct conf conf;
		int r = load(&conf, cases[i].text, &error);

		if (cases[i].wrong) {
			assert_int_equal(r, -EINVAL);
			assert_non_null(strstr(error.text, cases[i].wrong));
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(conf.clock, CONF_CLOCK_SYSTEM);
			assert_int_equal(conf.free_running, 1);
		}
		conf_finish(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/config/file/any_case", any_case, NULL, NULL, NULL },
		{ "/config/file/messages", messages, NULL, NULL, NULL },
		{ "/config/file/sections_and_defaults", sections_and_defaults, NULL, NULL,
		  NULL },
		{ "/config/file/one_step_by_flag", one_step_by_flag, NULL, NULL, NULL },
		{ "/config/file/stamping_by_port", stamping_by_port, NULL, NULL, NULL },
		{ "/config/file/static_roles", static_roles, NULL, NULL, NULL },
		{ "/config/file/hands_over", hands_over, NULL, NULL, NULL },
		{ "/config/file/intervals_beyond", intervals_beyond, NULL, NULL, NULL },
		{ "/config/file/long_lines", long_lines, NULL, NULL, NULL },
		{ "/config/file/unreadable", unreadable, NULL, NULL, NULL },
		{ "/config/file/print_round_trip", print_round_trip, NULL, NULL, NULL },
		{ "/config/file/print_golden", print_golden, NULL, NULL, NULL },
		{ "/config/file/garbage", garbage, NULL, NULL, NULL },
		{ "/config/file/linuxptp_files", linuxptp_files, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/config/file", tests, NULL, NULL);
}
